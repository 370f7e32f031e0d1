//! Messages for people: valid by the published formats of each service, for every sample, and whatever an event holds.

use super::*;

/// What is wrong with a message.
type Complaints = Vec<String>;

fn chars(value: &Value) -> usize {
    value.as_str().map_or(usize::MAX, |text| text.chars().count())
}

fn members(value: &Value, allowed: &[&str], complaints: &mut Complaints) {
    for name in value.as_object().into_iter().flat_map(|object| object.keys()) {
        if !allowed.contains(&name.as_str()) {
            complaints.push(format!("unknown member {name}"));
        }
    }
}

/// docs.slack.dev: "Sending messages using incoming webhooks", "Header block", "Section block", "Text object", "Formatting message
/// text".
fn slack(body: &Value, complaints: &mut Complaints) {
    members(body, &["text", "blocks", "unfurl_links", "unfurl_media"], complaints);
    let is_escaped = |value: &Value| {
        let text = value.as_str().unwrap_or("<");
        let entities = ["&amp;", "&lt;", "&gt;"];
        let bare = entities.iter().fold(text.to_owned(), |text, entity| text.replace(entity, ""));
        !bare.contains(['&', '<', '>'])
    };
    let plain = |value: &Value, most: usize, complaints: &mut Complaints| {
        members(value, &["type", "text", "emoji"], complaints);
        let is_plain = value["type"] == "plain_text" && value["emoji"] == false;
        if !is_plain || !(1..=most).contains(&chars(&value["text"])) || !is_escaped(&value["text"]) {
            complaints.push(format!("text object {value}"));
        }
    };
    let blocks = body["blocks"].as_array().expect("blocks");
    if blocks.is_empty() || blocks.len() > 50 || chars(&body["text"]) == 0 || !is_escaped(&body["text"]) {
        complaints.push("blocks or text".to_owned());
    }
    for block in blocks {
        match block["type"].as_str() {
            Some("header") => {
                members(block, &["type", "text"], complaints);
                plain(&block["text"], 150, complaints);
            }
            Some("section") => {
                members(block, &["type", "fields"], complaints);
                let fields = block["fields"].as_array().expect("fields");
                if !(1..=10).contains(&fields.len()) {
                    complaints.push(format!("{} fields", fields.len()));
                }
                fields.iter().for_each(|field| plain(field, 2_000, complaints));
            }
            other => complaints.push(format!("block {other:?}")),
        }
    }
}

/// learn.microsoft.com: "Create incoming webhooks with Workflows for Microsoft Teams"; adaptivecards.io: schema 1.4.
fn teams(body: &Value, complaints: &mut Complaints) {
    members(body, &["type", "attachments"], complaints);
    let attachments = body["attachments"].as_array().expect("attachments");
    let [attachment] = attachments.as_slice() else { panic!("one attachment") };
    members(attachment, &["contentType", "contentUrl", "content"], complaints);
    let card = &attachment["content"];
    members(card, &["$schema", "type", "version", "body"], complaints);
    let is_card = body["type"] == "message"
        && attachment["contentType"] == "application/vnd.microsoft.card.adaptive"
        && attachment["contentUrl"].is_null()
        && card["type"] == "AdaptiveCard"
        && card["version"] == "1.4";
    if !is_card {
        complaints.push("not the envelope of a card".to_owned());
    }
    for block in card["body"].as_array().expect("body") {
        members(block, &["type", "inlines"], complaints);
        let inlines = block["inlines"].as_array().expect("inlines");
        if block["type"] != "RichTextBlock" || inlines.is_empty() {
            complaints.push(format!("block {block}"));
        }
        for inline in inlines {
            members(inline, &["type", "text", "weight", "size"], complaints);
            let text = inline["text"].as_str().unwrap_or_default();
            if inline["type"] != "TextRun" || text.is_empty() || text.contains("{{") {
                complaints.push(format!("inline {inline}"));
            }
        }
    }
    if body.to_string().len() > 28_000 {
        complaints.push(format!("{} bytes", body.to_string().len()));
    }
}

/// PagerDuty/api-schema, reference/events-v2/openapiv3.json; developer.pagerduty.com: "Send an alert event".
fn pagerduty(body: &Value, complaints: &mut Complaints) {
    members(body, &["routing_key", "event_action", "dedup_key", "client", "payload"], complaints);
    let payload = &body["payload"];
    let known = ["summary", "severity", "source", "timestamp", "component", "group", "class", "custom_details"];
    members(payload, &known, complaints);
    let facts = ["Who", "On behalf of", "What", "Resource", "Outcome", "Error", "From", "When", "Where", "Event"];
    members(&payload["custom_details"], &facts, complaints);
    let severity = payload["severity"].as_str().unwrap_or_default();
    let time = payload.get("timestamp").map(|time| time.as_str().unwrap_or_default());
    for (what, holds) in [
        ("routing_key", body["routing_key"].as_str().is_some_and(|key| key.len() == 32)),
        ("event_action", body["event_action"] == "trigger"),
        ("dedup_key", (1..=255).contains(&chars(&body["dedup_key"]))),
        ("summary", (1..=1_024).contains(&chars(&payload["summary"]))),
        ("severity", ["critical", "error", "warning", "info"].contains(&severity)),
        ("source", payload["source"].as_str().is_some_and(|source| !source.is_empty())),
        ("timestamp", time.is_none_or(|time| time.parse::<jiff::Timestamp>().is_ok())),
        ("custom_details", payload["custom_details"].is_object()),
        ("size", body.to_string().len() <= 512 * 1024),
    ] {
        if !holds {
            complaints.push(what.to_owned());
        }
    }
}

type Validator = fn(&Value, &mut Complaints);

fn services() -> [(Format, Validator); 3] {
    [(Format::Slack, slack), (Format::Teams, teams), (pager_duty(), pagerduty)]
}

fn message(format: &Format, event: &str) -> Value {
    let sink = Webhook::new(&config("https://receiver.example/", format.clone())).unwrap();
    let mut body = encoded(&sink, event);
    if let Format::PagerDuty(pagerduty) = format {
        body = super::super::message::pagerduty::with_routing_key(&body, pagerduty.routing_key.value());
    }
    serde_json::from_slice(&body).unwrap()
}

#[test]
fn every_sample_makes_a_valid_message() {
    for (format, validate) in services() {
        for sample in samples() {
            let (body, mut complaints) = (message(&format, sample), Vec::new());
            validate(&body, &mut complaints);
            assert!(complaints.is_empty(), "{complaints:?}\n{sample}\n{body:#}");
        }
    }
}

#[test]
fn a_message_stays_valid_whatever_an_event_holds() {
    let long = "\u{1F980}".repeat(100_000);
    for (format, validate) in services() {
        for sample in samples().step_by(7) {
            for text in NASTY.iter().copied().chain([long.as_str()]) {
                let (body, mut complaints) = (message(&format, &poisoned(sample, text)), Vec::new());
                validate(&body, &mut complaints);
                assert!(complaints.is_empty(), "{complaints:?} of {text:?}\n{body:#}");
                let shown = body.to_string();
                let hidden = |c: char| matches!(c, '\u{202e}' | '\u{2066}' | '\u{2028}' | '\0');
                assert!(!shown.contains(hidden) && !shown.contains("\\u0000"), "{shown}");
            }
        }
    }
}

#[test]
fn a_message_says_who_did_what_to_which_resource_how_it_ended_from_where_and_when() {
    let event = serde_json::json!({
        "specversion": "1.0", "id": "e-7", "source": "crn://confluent.cloud/kafka=lkc-1", "time": "2026-01-02T03:04:05Z",
        "type": "io.confluent.kafka.server/authorization",
        "subject": "crn://confluent.cloud/organization=o/environment=env-1/kafka=lkc-1/topic=orders",
        "data": {
            "methodName": "kafka.DeleteTopics",
            "resourceName": "crn://confluent.cloud/organization=o/environment=env-1/kafka=lkc-1/topic=orders",
            "authenticationInfo": {"principal": "User:sa-1"},
            "authorizationInfo": {"granted": false, "operation": "Delete", "resourceType": "Topic", "resourceName": "orders"},
            "requestMetadata": {"client_address": [{"ip": "203.0.113.7"}]},
        },
    });
    let body = message(&Format::Slack, &event.to_string());
    assert_eq!(body["text"], "sa-1 was refused kafka.DeleteTopics on topic orders");
    let fields: Vec<&str> =
        body["blocks"][1]["fields"].as_array().unwrap().iter().map(|field| field["text"].as_str().unwrap()).collect();
    let expected = [
        "Who\nsa-1",
        "What\nkafka.DeleteTopics (Delete)",
        "Resource\ntopic orders",
        "Outcome\nfailure (false)",
        "From\n203.0.113.7",
        "When\n2026-01-02T03:04:05Z",
        "Where\nlkc-1",
        "Event\naudit-0-5 (e-7)",
    ];
    assert_eq!(fields, expected);
    let body = message(&pager_duty(), &event.to_string());
    let payload = &body["payload"];
    assert_eq!(
        (&body["dedup_key"], &payload["severity"], &payload["source"], &payload["class"]),
        (&"e-7".into(), &"error".into(), &"lkc-1".into(), &"kafka.DeleteTopics".into())
    );
    let card = message(&Format::Teams, &event.to_string());
    let headline = &card["attachments"][0]["content"]["body"][0]["inlines"][0]["text"];
    assert_eq!(headline, "sa-1 was refused kafka.DeleteTopics on topic orders");
}

#[test]
fn severities_follow_from_outcome_and_verb() {
    let event = |method: &str, status: &str| {
        let event = serde_json::json!({"type": "io.confluent.cloud/request", "data": {"methodName": method, "result": {"status": status}}});
        message(&pager_duty(), &event.to_string())["payload"]["severity"].clone()
    };
    assert_eq!(event("DeleteApiKey", "PERMISSION_DENIED"), "error");
    assert_eq!(event("DeleteApiKey", "SUCCESS"), "warning");
    assert_eq!(event("GetApiKey", "SUCCESS"), "info");
    let fixed = Format::PagerDuty(PagerDutyConfig {
        routing_key: secret("e93facc04764012d7bfb002500d5d1a6"),
        severity: Some(super::super::config::Severity::Critical),
    });
    assert_eq!(message(&fixed, "{}")["payload"]["severity"], "critical");
}

#[test]
fn two_ids_that_begin_alike_are_two_alerts_however_long_they_are() {
    let key = |last: &str| {
        let event = serde_json::json!({"id": format!("{}{last}", "x".repeat(300))});
        message(&pager_duty(), &event.to_string())["dedup_key"].clone()
    };
    assert_ne!(key("1"), key("2"));
    assert_eq!(message(&pager_duty(), "{}")["dedup_key"], "audit-0-5", "without an id the position");
}

#[tokio::test]
async fn the_routing_key_is_in_the_request_and_nowhere_else() {
    let request = sent_as(pager_duty(), &[r#"{"id":"e-1"}"#]).await;
    assert_eq!(json(&request)["routing_key"], "e93facc04764012d7bfb002500d5d1a6");
    let sink = Webhook::new(&config("https://receiver.example/", pager_duty())).unwrap();
    let body = encoded(&sink, r#"{"id":"e-1"}"#);
    assert!(!String::from_utf8(body).unwrap().contains("e93facc"));
    assert!(!format!("{sink:?}").contains("e93facc"));
}
