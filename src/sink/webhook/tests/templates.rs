//! Templates: what is one, and that nothing leaves its place.

use proptest::prelude::*;
use serde_json::json;

use super::*;

fn rendered(body: &str, escape: Escape, event: &str) -> String {
    let template = Template::parse(body, escape).unwrap_or_else(|mistake| panic!("{body}: {mistake:?}"));
    let sink = Webhook::new(&config("https://receiver.example/", Format::Template(template))).unwrap();
    String::from_utf8(encoded(&sink, event)).unwrap()
}

const BODY: &str = r#"{"text": "{{principal}} called {{ method }}", "who": {{principal}}, "ips": {{client_ip}}, "denied": {{denied}},
  "at": [{{partition}}, {{offset}}, {{topic}}, "{{topic}}/{{partition}}/{{offset}}"], "event": {{event}}, "raw": "{{event}}"}"#;

#[test]
fn fields_are_values_or_parts_of_text() {
    let event = json!({
        "type": "io.confluent.kafka.server/authorization",
        "data": {"methodName": "kafka.Fetch", "authenticationInfo": {"principal": "User:sa-\"1\""},
            "authorizationInfo": {"granted": false}},
    })
    .to_string();
    let body: Value = serde_json::from_str(&rendered(BODY, Escape::Json, &event)).unwrap();
    let expected = json!({
        "text": "sa-\"1\" called kafka.Fetch", "who": "sa-\"1\"", "ips": [], "denied": true,
        "at": [0, 5, "audit", "audit/0/5"], "event": serde_json::from_str::<Value>(&event).unwrap(), "raw": event,
    });
    assert_eq!(body, expected);
    let body: Value = serde_json::from_str(&rendered(BODY, Escape::Json, "no JSON")).unwrap();
    assert_eq!(
        (&body["text"], &body["who"], &body["denied"], &body["event"]),
        (&" called ".into(), &Value::Null, &Value::Null, &"no JSON".into())
    );
}

#[test]
fn a_template_that_could_be_broken_is_none() {
    let json_mistakes = [
        "{{principal}",
        "{{ }}",
        "{{nobody}}",
        "{{Principal}}",
        r#"{"a": x{{principal}}}"#,
        r#"{"a": 1{{offset}}}"#,
        r#"{"a": "\{{principal}}"}"#,
        r#"{"a": "\u00{{principal}}"}"#,
        r#"{{{principal}}: 1}"#,
        r#"{"a": "{{principal}}}"#,
        "{\"a\": \"two\nlines\"}",
        r#"{"a": {{principal}} {{method}}}"#,
        "",
        r#"{"a": 1} {{event}}"#,
    ];
    for body in json_mistakes {
        assert!(Template::parse(body, Escape::Json).is_err(), "{body}");
    }
    for body in ["a=b c", "a=ü", "a=b\n", "{{nobody}}"] {
        assert!(Template::parse(body, Escape::Form).is_err(), "{body}");
    }
    let mistake = Template::parse(r#"{"a": "{{ principl }}"}"#, Escape::Json).unwrap_err();
    assert_eq!((mistake.unknown.as_deref(), mistake.at), (Some("principl"), 10..18));
    for body in [r#""{{principal}}""#, "{{event}}", r#"{"{{method}}": "\\{{principal}}\""}"#, "[]"] {
        assert!(Template::parse(body, Escape::Json).is_ok(), "{body}");
    }
}

#[test]
fn no_name_of_the_record_hides_a_field_of_the_view() {
    for name in ["topic", "partition", "offset", "event"] {
        assert_eq!(crate::event::Field::parse(name), None, "{name}");
        assert!(Template::names().contains(&name));
    }
}

/// An event whose principal, method and id are this text.
fn event_of(text: &str) -> String {
    json!({"id": text, "data": {"methodName": text, "authenticationInfo": {"principal": {"externalAccount": {"subject": text}}}}})
        .to_string()
}

fn assert_json_holds(text: &str) {
    let event = event_of(text);
    let body = r#"{"a": "<{{id}}>", "b": {{id}}, "c": [{{method}}], "d": "{{event}}", "e": {{event}}, "end": true}"#;
    let value: Value = serde_json::from_str(&rendered(body, Escape::Json, &event)).unwrap();
    let expected = json!({
        "a": format!("<{text}>"), "b": text, "c": [text], "d": event,
        "e": serde_json::from_str::<Value>(&event).unwrap(), "end": true,
    });
    assert_eq!(value, expected);
}

fn assert_form_holds(text: &str) {
    let body = rendered("a={{id}}&b=x{{id}}y&c=1", Escape::Form, &event_of(text));
    let pairs: Vec<(&str, &str)> = body.split('&').map(|pair| pair.split_once('=').unwrap()).collect();
    let names: Vec<&str> = pairs.iter().map(|(name, _)| *name).collect();
    assert_eq!(names, ["a", "b", "c"], "{body}");
    let unescaped = reqwest::Url::parse(&format!("http://h/?{body}")).unwrap();
    let values: Vec<String> = unescaped.query_pairs().map(|(_, value)| value.into_owned()).collect();
    assert_eq!(values, [text.to_owned(), format!("x{text}y"), "1".to_owned()]);
}

fn assert_text_holds(text: &str) {
    let body = rendered("user=\"{{id}}\" method=\"{{method}}\"\nend", Escape::Text, &event_of(text));
    assert_eq!(body.lines().count(), 2, "{body:?}");
    assert!(!body.chars().any(|c| c.is_control() && c != '\n'), "{body:?}");
    assert!(!body.contains(['\u{2028}', '\u{2029}', '\u{85}', '\u{202e}']), "{body:?}");
    // Read as a program that knows quotes reads it.
    let mut quotes = 0;
    let mut escaped = false;
    for c in body.chars() {
        match (escaped, c) {
            (true, _) => escaped = false,
            (false, '\\') => escaped = true,
            (false, '"') => quotes += 1,
            (false, _) => {}
        }
    }
    assert_eq!(quotes, 4, "{body:?}");
}

#[test]
fn nasty_texts_stay_in_their_places() {
    for text in NASTY {
        assert_json_holds(text);
        assert_form_holds(text);
        assert_text_holds(text);
    }
}

proptest! {
    #[test]
    fn any_text_stays_in_its_place(text in "(?s).{0,60}") {
        prop_assume!(!text.is_empty());
        assert_json_holds(&text);
        assert_form_holds(&text);
        assert_text_holds(&text);
    }

    #[test]
    fn any_payload_stays_in_its_place(payload in prop_oneof!["(?s).{1,40}", r#"[\[\]{}",:0-9a\\ ]{1,40}"#]) {
        prop_assume!(!payload.trim().is_empty());
        let body = rendered(r#"{"d": "{{event}}", "e": {{event}}, "end": true}"#, Escape::Json, &payload);
        let value: Value = serde_json::from_str(&body).unwrap();
        prop_assert_eq!(&value["d"], &Value::from(payload.as_str()));
        prop_assert_eq!(value.as_object().unwrap().len(), 3);
        prop_assert_eq!(&value["end"], &Value::Bool(true));
    }
}
