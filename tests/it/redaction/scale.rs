//! Many events, each with canaries of its own in all places, through redaction, enrichment and mapping, to every channel at once: the
//! sink, letters of both kinds and what the commands show of them, the log, `/statusz`, metrics.
//!
//! `CANARY_EVENTS` says how many events.

use std::env;
use std::fs;

use auditferry::demo::hec::{HecOptions, Poison, PoisonAnswer};
use serde_json::json;

use super::{files, ids};
use crate::support::collector::Collector;
use crate::support::ferry::{Ferry, Setup, wait_for_commit};
use crate::support::kafka::{Kafka, NewRecord};

const EVENTS: usize = 600;

/// Every canary holds it, and nothing else does.
const MARK: &str = "cnryq";

/// The mark in base64, as far as it does not depend on what stands before and behind it.
const IN_BASE64: [&str; 3] = ["Y25yeX", "Nucnlx", "jbnJ5c"];

#[track_caller]
fn assert_no_canary(what: &str, text: &str) {
    let bare = text.to_lowercase().replace("\\u0063", "c").replace("%63", "c");
    assert!(!bare.contains(MARK) && !bare.contains("198.51.100."), "a canary in {what}:\n{text}");
    for encoded in IN_BASE64 {
        assert!(!text.contains(encoded), "a canary in base64 in {what}:\n{text}");
    }
}

/// One in ten is refused by the collector, one in ten cannot be redacted.
fn event(n: usize) -> String {
    let who = format!("u-{MARK}{n}");
    let (mail, address) = (format!("{MARK}.{n}@leak.example"), format!("198.51.100.{}", n % 256));
    // The mark with an escape, percent-encoded, in capitals, or as it is.
    let odd = match n % 4 {
        0 => mail.replace('c', "\\u0063"),
        1 => mail.replace('c', "%63"),
        2 => mail.to_uppercase(),
        _ => mail.clone(),
    };
    let method = ["InviteUser", "BindRoleForPrincipal", "CreateAPIKey", "SignIn"][n % 4];
    let note = if n % 10 == 1 { "poisonous" } else { "fine" };
    let event = format!(
        r#"{{"id":"{n}","type":"io.confluent.cloud/request","time":"2026-01-01T00:00:00Z","subject":"crn://confluent.cloud/user={who}",
        "note":"{note}","data":{{"methodName":"{method}","resourceName":"crn://confluent.cloud/organization=o/user={who}",
        "authenticationInfo":{{"principal":{{"email":"{odd}","confluentUser":{{"resourceId":"{who}"}}}},
        "identity":"crn://confluent.cloud/identity={mail}","credentials":{{"idSecretCredentials":{{"credentialId":"{MARK}key{n}"}}}}}},
        "clientAddress":[{{"ip":"{address}"}}],"requestMetadata":{{"client_address":"/{address}"}},
        "cloudResources":[{{"resource":{{"type":"USER","resourceId":"{who}"}}}}],
        "request":{{"data":{{"email":"{mail}","principal":"User:{who}"}}}},
        "result":{{"status":"FAILURE","message":"{who} ({odd}) with {MARK}key{n} from ::ffff:{address}: no"}}}}}}"#
    );
    if n % 10 == 2 { event[..event.len() - 1].to_owned() } else { event }
}

fn setup(kafka: &Kafka, topic: &str, url: &str, home: &std::path::Path) -> Setup {
    let key = home.join("key");
    fs::write(&key, "a key of some length\n").unwrap();
    let mut setup = Setup::new(kafka, topic, url).with_letters_in(&home.join("letters"));
    setup.pipeline()["transforms"] = json!([
        {"enrich": {"place": "event", "crn": {"take": ["organization", "user"]}}},
        {"redact": {"fields": ["email", "client_ip", "principal", "credential_id"], "with": "hmac-sha256", "key_file": key}},
        {"map": {"to": "cim"}},
    ]);
    setup.pipeline()["dead_letter"]["unclear"] = json!("withhold");
    setup
}

#[track_caller]
fn assert_nothing_shown(ferry: &Ferry) {
    for path in ["/statusz", "/metrics", "/readyz"] {
        assert_no_canary(path, &ferry.get(path).expect("it answers").1);
    }
    assert_no_canary("the log", &ferry.stderr());
}

#[test]
fn of_many_events_nothing_leaves_by_any_channel() {
    #[expect(clippy::disallowed_methods, reason = "a larger count is asked for by the environment")]
    let count = env::var("CANARY_EVENTS").ok().and_then(|count| count.parse().ok()).unwrap_or(EVENTS);
    let kafka = Kafka::shared();
    let (topic, home) = (kafka.topic("redacted-at-scale", 1), tempfile::tempdir().unwrap());
    let collector = Collector::start_with(HecOptions { keep_texts: count, ..HecOptions::default() });
    let poison = Poison { needle: "poisonous".to_owned(), answer: PoisonAnswer::Named(15) };
    collector.hec().set_poison(vec![poison]);
    let setup = setup(kafka, &topic, collector.url(), home.path());
    let events: Vec<String> = (0..count).map(event).collect();
    let headers: &[(&str, Option<&[u8]>)] = &[("origin", Some(MARK.as_bytes()))];
    kafka.produce_all(
        &topic,
        events.iter().map(|event| NewRecord {
            partition: Some(0),
            key: Some(MARK.as_bytes()),
            value: Some(event.as_bytes()),
            headers,
            timestamp_ms: Some(1_700_000_000_000),
        }),
    );
    let ferry = setup.start();
    wait_for_commit(kafka, setup.group(), &topic, &[Some(i64::try_from(count).unwrap())]);
    assert_nothing_shown(&ferry);
    ferry.stop();

    let texts = collector.hec().texts();
    let lettered = (0..count).filter(|n| matches!(n % 10, 1 | 2)).count();
    assert_eq!(texts.len(), count - lettered);
    for text in &texts {
        assert_no_canary("what Splunk got", text);
        assert!(text.contains("\"cim\":{") && text.contains("\"enrichment\":{"), "{text}");
    }
    let stored = files(&home.path().join("letters"));
    assert_eq!(stored.len(), lettered);
    stored.iter().for_each(|letter| assert_no_canary("a letter", letter));
    let listed = setup.run(&["deadletter", "list"]);
    assert_no_canary("deadletter list", &format!("{}{}", listed.stdout, listed.stderr));
    let ids = ids(&setup);
    for id in ids.iter().step_by(ids.len() / 8 + 1) {
        let shown = setup.run(&["deadletter", "show", id]);
        assert_no_canary("deadletter show", &format!("{}{}", shown.stdout, shown.stderr));
    }
}
