//! What is sent for each format: headers, bodies, identity, signature, compression.

use std::io::Read as _;

use super::*;

const EVENT: &str = r#"{"id":"e-1","n":5}"#;

#[tokio::test]
async fn one_event_is_sent_as_it_is() {
    let request = sent_as(Format::Json, &[EVENT]).await;
    assert_eq!((request.head.method.as_str(), request.head.path.as_str()), ("POST", "/hook"));
    assert_eq!(request.body, EVENT.as_bytes());
    let header = |name| request.head.header(name);
    assert_eq!(header("content-type"), Some("application/json"));
    assert_eq!(header("idempotency-key"), Some("audit-0-5"));
    assert_eq!(header("user-agent"), Some(concat!("auditferry/", env!("CARGO_PKG_VERSION"))));
    assert_eq!((header("content-encoding"), header("authorization"), header("webhook-id")), (None, None, None));
}

#[tokio::test]
async fn text_is_sent_as_a_json_string() {
    assert_eq!(sent_as(Format::Json, &["two\nlines \"x\""]).await.body, br#""two\nlines \"x\"""#);
}

#[tokio::test]
async fn a_batch_is_an_array_or_lines() {
    let values = [EVENT, "text, and [more]", "{\n  \"pretty\": [1,\r\n2]\n}"];
    let expected: Vec<Value> = vec![
        serde_json::from_str(EVENT).unwrap(),
        Value::from("text, and [more]"),
        serde_json::json!({"pretty": [1, 2]}),
    ];
    let request = sent_as(Format::JsonArray, &values).await;
    assert_eq!(json(&request), Value::from(expected.clone()));
    let key = request.head.header("idempotency-key").unwrap().to_owned();
    assert!(key.len() == 64 && key.bytes().all(|b| b.is_ascii_hexdigit()), "{key}");
    assert_eq!(
        sent_as(Format::JsonArray, &values).await.head.header("idempotency-key"),
        Some(key.as_str()),
        "the same"
    );

    let request = sent_as(Format::Ndjson, &values).await;
    assert_eq!(request.head.header("content-type"), Some("application/x-ndjson"));
    let text = String::from_utf8(request.body).unwrap();
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(text.ends_with('\n'));
    assert_eq!(lines, expected);
}

#[tokio::test]
async fn a_format_of_one_event_refuses_more_of_them() {
    let server = receiver().await;
    let sink = Webhook::new(&config(&server.url(), Format::Json)).unwrap();
    assert_eq!(short(sink.attempt(0, parcel(&sink, 0, &["{}", "{}"])).await).await, "split request_too_large");
    assert!(server.receiver().requests().is_empty());
}

#[tokio::test]
async fn an_event_is_known_by_its_position_or_its_id_and_neither_can_end_its_header() {
    let server = receiver().await;
    let by_id = Identity { header: Some("X-Event".to_owned()), key: IdentityKey::EventId };
    let config = || WebhookConfig { identity: by_id.clone(), ..config(&server.url(), Format::Json) };
    for (value, expected) in [
        (EVENT, "e-1"),
        (r#"{"id":"a\r\nX-Evil: 1 .%"}"#, "a%0D%0AX-Evil%3A%201%20%2E%25"),
        (r#"{"id":""}"#, "audit-0-5"),
        (r#"{"id":7}"#, "audit-0-5"),
        ("text", "audit-0-5"),
    ] {
        let request = sent(config(), &server, &[value]).await;
        assert_eq!(request.head.header("x-event"), Some(expected), "{value}");
        assert_eq!(request.head.header("x-evil"), None);
    }
    let none = WebhookConfig { identity: Identity { header: None, key: IdentityKey::Position }, ..config() };
    assert_eq!(sent(none, &server, &[EVENT]).await.head.header("idempotency-key"), None);
}

#[tokio::test]
async fn logins_and_headers_are_sent() {
    let server = receiver().await;
    let basic = WebhookConfig {
        login: Login::Basic { username: "ferry".to_owned(), password: secret("pass word") },
        headers: vec![("X-Tenant".to_owned(), "acme".to_owned())],
        secret_headers: vec![("X-Api-Key".to_owned(), secret("k3y"))],
        ..config(&server.url(), Format::Json)
    };
    let request = sent(basic, &server, &[EVENT]).await;
    assert_eq!(request.head.header("authorization"), Some("Basic ZmVycnk6cGFzcyB3b3Jk"));
    assert_eq!(request.head.header("x-tenant"), Some("acme"));
    assert_eq!(request.head.header("x-api-key"), Some("k3y"));
    let bearer = WebhookConfig { login: Login::Bearer(secret("t0ken")), ..config(&server.url(), Format::Json) };
    assert_eq!(sent(bearer, &server, &[EVENT]).await.head.header("authorization"), Some("Bearer t0ken"));
}

/// Checked as a receiver does: by the headers and the body alone.
fn verify(request: &Request, key: &str) -> bool {
    let header = |name| request.head.header(name).unwrap();
    let signed = [header("webhook-id").as_bytes(), b".", header("webhook-timestamp").as_bytes(), b".", &request.body];
    let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, key.as_bytes());
    let expected = aws_lc_rs::hmac::sign(&key, &signed.concat());
    use base64::Engine as _;
    let expected = format!("v1,{}", base64::engine::general_purpose::STANDARD.encode(expected));
    header("webhook-signature").split(' ').any(|signature| signature == expected)
}

#[tokio::test]
async fn requests_are_signed_with_both_keys_over_what_travels() {
    const NEW: &str = "the new key, of 24 bytes and more";
    const OLD: &str = "the old key, of 24 bytes and more";
    let server = receiver().await;
    for (gzip, format) in
        [(false, Format::Json), (true, Format::Json), (false, Format::JsonArray), (false, Format::Slack)]
    {
        let signature = Some(SignatureConfig { key: secret(NEW), previous_key: Some(secret(OLD)) });
        let config = WebhookConfig { signature, gzip, ..config(&server.url(), format) };
        let mut request = sent(config, &server, &[EVENT]).await;
        assert!(verify(&request, NEW) && verify(&request, OLD));
        assert!(!verify(&request, "another key, of 24 bytes and more"));
        let now = sign::now();
        let age = now - request.head.header("webhook-timestamp").unwrap().parse::<u64>().unwrap();
        assert!(age < 60, "{age}");
        assert!(!request.head.header("webhook-id").unwrap().contains('.'));
        request.body.push(b' ');
        assert!(!verify(&request, NEW), "one byte more is another body");
    }
}

#[tokio::test]
async fn a_key_that_is_replaced_signs_from_then_on() {
    let server = receiver().await;
    let file = tempfile::NamedTempFile::new().unwrap();
    let (old, new) = ("an old key of 24 bytes and more", "a new key of 24 bytes and more");
    std::fs::write(file.path(), old).unwrap();
    let key = SecretSource::in_file(file.path().to_owned(), Secret::new(old.into()));
    let signature = Some(SignatureConfig { key, previous_key: None });
    let sink = Webhook::new(&WebhookConfig { signature, ..config(&server.url(), Format::Json) }).unwrap();
    std::fs::write(file.path(), new).unwrap();
    assert_eq!(sink.refresh(), [Refreshed::InUse { what: "webhook credentials" }]);
    assert_eq!(suite::send(&sink, 0).await, "delivered");
    assert!(verify(&server.receiver().requests()[0], new));
}

#[tokio::test]
async fn a_body_is_compressed_when_that_is_asked_for() {
    let server = receiver().await;
    for format in [Format::Json, Format::JsonArray, Format::Ndjson] {
        let plain = sent(config(&server.url(), format.clone()), &server, &[EVENT]).await.body;
        let request = sent(WebhookConfig { gzip: true, ..config(&server.url(), format) }, &server, &[EVENT]).await;
        assert_eq!(request.head.header("content-encoding"), Some("gzip"));
        let mut body = Vec::new();
        flate2::read::GzDecoder::new(request.body.as_slice()).read_to_end(&mut body).unwrap();
        assert_eq!(body, plain);
    }
}

#[tokio::test]
async fn what_is_no_text_or_nothing_is_a_letter() {
    let sink = Webhook::new(&config("https://receiver.example/", Format::Json)).unwrap();
    for (value, reason) in [
        (None, Reason::EmptyValue),
        (Some(&b""[..]), Reason::EmptyValue),
        (Some(b" \n"), Reason::BlankValue),
        (Some(b"\xff"), Reason::NotUtf8),
    ] {
        let failure = sink.encode(&Cleared::from_chain(record(0, value)), &mut Vec::new()).unwrap_err();
        assert_eq!(failure.reason, reason);
    }
    let sink = Webhook::new(&config("https://receiver.example/", Format::Slack)).unwrap();
    for value in ["text", "[]"] {
        let event = Cleared::from_chain(record(0, Some(value.as_bytes())));
        assert_eq!(sink.encode(&event, &mut Vec::new()).unwrap_err().reason, Reason::InvalidFormat);
    }
}
