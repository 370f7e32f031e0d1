//! CloudEvents over HTTP, read back as a receiver reads them.

use serde_json::{Map, json};

use super::*;

/// Reads the percent-encoding of the binding, strictly.
fn decoded(value: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = value.bytes();
    while let Some(byte) = rest.next() {
        assert!(byte.is_ascii_graphic() && byte != b'"', "{value}");
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let digits = String::from_utf8(vec![rest.next().unwrap(), rest.next().unwrap()]).unwrap();
        assert_eq!(digits, digits.to_uppercase());
        bytes.push(u8::from_str_radix(&digits, 16).unwrap());
    }
    String::from_utf8(bytes).unwrap()
}

/// The event in a request, as a receiver of the binding finds it.
fn received(request: &Request) -> Value {
    let content_type = request.head.header("content-type").unwrap();
    if content_type.starts_with("application/cloudevents") {
        return json(request);
    }
    let mut event = Map::new();
    for (name, value) in &request.head.headers {
        if let Some(name) = name.strip_prefix("ce-") {
            assert!(event.insert(name.to_owned(), decoded(value).into()).is_none(), "{name} twice");
        }
    }
    assert!(!event.contains_key("datacontenttype"), "the content type says it");
    event.insert("datacontenttype".to_owned(), content_type.into());
    if !request.body.is_empty() {
        event.insert("data".to_owned(), json(request));
    }
    Value::Object(event)
}

fn is_structured(request: &Request) -> bool {
    request.head.header("content-type").unwrap().starts_with("application/cloudevents+json")
}

#[tokio::test]
async fn every_sample_travels_untouched_in_structured_and_batched_mode() {
    for sample in samples() {
        let request = sent_as(Format::CloudEventsStructured, &[sample]).await;
        assert_eq!(request.body, sample.as_bytes());
        assert_eq!(request.head.header("content-type"), Some("application/cloudevents+json; charset=utf-8"));
        assert!(!request.head.headers.iter().any(|(name, _)| name.starts_with("ce-")));
    }
    let all: Vec<&str> = samples().collect();
    let request = sent_as(Format::CloudEventsBatched, &all).await;
    assert_eq!(request.head.header("content-type"), Some("application/cloudevents-batch+json; charset=utf-8"));
    assert_eq!(request.body, format!("[{}]", all.join(",")).into_bytes());
}

#[tokio::test]
async fn every_sample_is_read_back_whole_in_binary_mode() {
    let mut binary = 0;
    for sample in samples() {
        let request = sent_as(Format::CloudEventsBinary, &[sample]).await;
        let mut expected: Value = serde_json::from_str(sample).unwrap();
        if !is_structured(&request) {
            binary += 1;
            let members = expected.as_object_mut().unwrap();
            members.retain(|_, value| !value.is_null());
            members.entry("datacontenttype").or_insert("application/json".into());
        }
        assert_eq!(received(&request), expected, "{sample}");
    }
    assert!(binary > 75, "{binary}: most have attributes only");
}

#[tokio::test]
async fn what_headers_cannot_carry_travels_in_structured_mode() {
    let event = |more: &str| format!(r#"{{"specversion":"1.0","id":"1","source":"s","type":"t"{more}}}"#);
    let long = format!(r#","subject":"{}""#, "x".repeat(7_000));
    for more in [
        r#","@timestamp":"x""#,
        r#","kafka.offset":"1""#,
        r#","Upper":"x""#,
        r#","extension":{"a":1}"#,
        r#","extension":[1]"#,
        r#","extension":1.5"#,
        r#","extension":3000000000"#,
        r#","datacontenttype":"application/cloudevents+json","data":{}"#,
        r#","datacontenttype":"text/plain\r\nX-Evil: 1","data":"x""#,
        r#","datacontenttype":"text/plain","data":{"a":1}"#,
        r#","data":1,"data_base64":"AA==""#,
        r#","data_base64":"***""#,
        &long,
    ] {
        let request = sent_as(Format::CloudEventsBinary, &[&event(more)]).await;
        assert!(is_structured(&request), "{more}");
        assert_eq!(request.body, event(more).as_bytes());
        assert_eq!(request.head.header("x-evil"), None);
    }
    let nothing_odd = event(r#","ext1":"x","n":-7,"yes":true,"no":null,"data":"text""#);
    let request = sent_as(Format::CloudEventsBinary, &[&nothing_odd]).await;
    let header = |name| request.head.header(name);
    assert_eq!(
        (header("ce-ext1"), header("ce-n"), header("ce-yes"), header("ce-no")),
        (Some("x"), Some("-7"), Some("true"), None)
    );
    assert_eq!(request.body, b"\"text\"", "JSON data as JSON");
    let text = event(r#","datacontenttype":"text/plain","data":"two\nlines""#);
    let request = sent_as(Format::CloudEventsBinary, &[&text]).await;
    assert_eq!((request.head.header("content-type"), &request.body[..]), (Some("text/plain"), &b"two\nlines"[..]));
    let bytes = event(r#","datacontenttype":"application/octet-stream","data_base64":"/wA=""#);
    assert_eq!(sent_as(Format::CloudEventsBinary, &[&bytes]).await.body, b"\xff\0");
}

#[tokio::test]
async fn no_attribute_ends_its_header() {
    for text in NASTY {
        let event = json!({"specversion": "1.0", "id": text, "source": text, "type": text, "subject": text, "data": {"a": text}});
        let request = sent_as(Format::CloudEventsBinary, &[&event.to_string()]).await;
        let mut expected = event.clone();
        expected["datacontenttype"] = "application/json".into();
        assert_eq!(received(&request), expected, "{text:?}");
        assert!(!request.head.headers.iter().any(|(name, _)| name.contains("evil")));
    }
}

#[tokio::test]
async fn what_is_no_cloud_event_is_wrapped_in_one() {
    let twice = r#"{"specversion":"1.0","id":"1","source":"s","type":"t","id":"2"}"#;
    for (payload, data) in [
        (r#"{"class_uid":3005}"#, json!({"class_uid": 3005})),
        ("[1]", json!([1])),
        (
            r#"{"specversion":"0.3","id":"1","source":"s","type":"t"}"#,
            json!({"specversion": "0.3", "id": "1", "source": "s", "type": "t"}),
        ),
        (
            r#"{"specversion":"1.0","id":"","source":"s","type":"t"}"#,
            json!({"specversion": "1.0", "id": "", "source": "s", "type": "t"}),
        ),
        (twice, serde_json::from_str(twice).unwrap()),
        ("two\nlines", json!("two\nlines")),
    ] {
        let kind = if data.is_string() { "text/plain; charset=utf-8" } else { "application/json" };
        let expected = json!({
            "specversion": "1.0", "id": "audit-0-5", "source": "/topics/audit", "type": "auditferry.record",
            "time": "2021-06-07T18:49:40.331Z", "datacontenttype": kind, "data": data,
        });
        assert_eq!(received(&sent_as(Format::CloudEventsStructured, &[payload]).await), expected, "{payload}");
        let mut next = expected.clone();
        next["id"] = "audit-0-6".into();
        assert_eq!(json(&sent_as(Format::CloudEventsBatched, &[payload, payload]).await), json!([expected, next]));
        let request = sent_as(Format::CloudEventsBinary, &[payload]).await;
        assert_eq!(request.body, payload.as_bytes(), "as it is");
        assert_eq!(request.head.header("content-type"), Some(kind));
        assert_eq!(request.head.header("ce-id"), Some("audit-0-5"));
    }
}
