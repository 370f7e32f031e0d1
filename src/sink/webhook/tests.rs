//! The sink over the wire.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use super::config::{Format, Identity, IdentityKey, Login, PagerDutyConfig, SignatureConfig, WebhookConfig};
use super::template::{Escape, Template};
use super::*;
use crate::demo::hec::Answer;
use crate::demo::receiver::{Receiver, ReceiverStandIn, Reply, Request};
use crate::reason::Reason;
use crate::secret::{Secret, SecretSource};
use crate::sink::conformance_tests::{self as suite, failure, parcel, record, short};
use crate::tls::config::{TlsConfig, Transport};

mod addresses;
mod cloud_events;
mod formats;
mod messages;
mod statuses;
mod templates;

const SAMPLES: &str = include_str!("../../demo/sample-events.jsonl");

fn secret(text: &str) -> SecretSource {
    SecretSource::fixed(Secret::new(text.into()))
}

fn config(url: &str, format: Format) -> WebhookConfig {
    let transport =
        Transport { connect: Duration::from_secs(2), request: Duration::from_secs(10), keep_alive: true, proxy: None };
    WebhookConfig {
        url: secret(url),
        format,
        login: Login::None,
        headers: Vec::new(),
        secret_headers: Vec::new(),
        signature: None,
        identity: Identity { header: Some("Idempotency-Key".to_owned()), key: IdentityKey::Position },
        gzip: false,
        transport,
        reach: Reach::Anywhere,
        tls: TlsConfig::default(),
    }
}

fn pager_duty() -> Format {
    Format::PagerDuty(PagerDutyConfig { routing_key: secret("e93facc04764012d7bfb002500d5d1a6"), severity: None })
}

async fn receiver() -> ReceiverStandIn {
    ReceiverStandIn::start(Receiver::answering(202)).await.unwrap()
}

/// What a receiver is sent for these values.
async fn sent(config: WebhookConfig, server: &ReceiverStandIn, values: &[&str]) -> Request {
    let sink = Webhook::new(&config).unwrap();
    assert_eq!(short(sink.attempt(0, parcel(&sink, 5, values)).await).await, "delivered");
    server.receiver().requests().pop().unwrap()
}

async fn sent_as(format: Format, values: &[&str]) -> Request {
    let server = receiver().await;
    sent(config(&format!("{}/hook", server.url()), format), &server, values).await
}

fn json(request: &Request) -> Value {
    serde_json::from_slice(&request.body).unwrap_or_else(|error| panic!("{error}: {:?}", request.body))
}

/// A webhook for the suite.
struct Subject {
    format: Format,
}

impl suite::Subject for Subject {
    fn sink(&self, target: &suite::Target) -> Arc<dyn Sink> {
        let suite::Target { url, transport, token, tls } = target.clone();
        let login = Login::Bearer(token);
        let config = WebhookConfig { login, transport, tls, ..config(&format!("{url}/hook"), self.format.clone()) };
        Arc::new(Webhook::new(&config).unwrap())
    }

    fn good(&self, _request: &Request) -> Answer {
        Answer::json(200, r#"{"status":"taken"}"#)
    }

    fn carries(&self, request: &Request) -> Vec<i64> {
        let offset = |event: &Value| event["n"].as_i64().unwrap_or_default();
        match serde_json::from_slice(&request.body) {
            Ok(Value::Array(events)) => events.iter().map(offset).collect(),
            Ok(event @ Value::Object(_)) => vec![offset(&event)],
            _ => Vec::new(),
        }
    }

    /// See the table in [`super::classify`].
    fn becomes(&self, status: u16) -> [suite::Becomes; 2] {
        use suite::Becomes::{Again, Cut, Delivered, Held, Letter};
        match status {
            200..=299 => [Delivered, Delivered],
            100..=199 | 408 | 409 | 423 | 425 | 429 | 500..=599 => [Again, Again],
            400 | 413 | 422 => [Letter, Cut],
            _ => [Held, Held],
        }
    }

    fn is_receipt(&self, _body: &[u8]) -> bool {
        true
    }

    fn is_batch(&self) -> bool {
        self.format.is_batch()
    }

    fn token_of(&self, request: &Request) -> Option<String> {
        Some(request.head.header("authorization")?.strip_prefix("Bearer ")?.to_owned())
    }
}

suite::conformance!(one_event, Subject { format: Format::Json });
suite::conformance!(batches, Subject { format: Format::JsonArray });

#[tokio::test]
async fn a_sink_that_cannot_work_is_not_built() {
    let bad = |config: WebhookConfig| Webhook::new(&config).unwrap_err().to_string();
    for url in
        ["receiver", "ftp://a/b", "https://user@a/b", "https://:p@a/", "https://a/#x", "https://a/\r\nX: y", "https://"]
    {
        let message = bad(config(url, Format::Json));
        assert!(message.contains("the URL is none"), "{url}: {message}");
    }
    let header = WebhookConfig { login: Login::Bearer(secret("secret\n")), ..config("https://a/", Format::Json) };
    let message = bad(header);
    assert!(message.contains("bearer_token") && !message.contains("secret\n"), "{message}");
    let key = SignatureConfig { key: secret("short"), previous_key: None };
    assert!(bad(WebhookConfig { signature: Some(key), ..config("https://a/", Format::Json) }).contains("too short"));
}

#[tokio::test]
async fn the_secret_part_of_a_url_is_shown_nowhere() {
    let server = ReceiverStandIn::start(Receiver::new(|request| {
        let target = format!("{}?{}", request.head.path, request.head.query);
        Reply::Answer(Answer::json(403, format!("nobody at {target}")).with_header("Location", &target))
    }));
    let server = server.await.unwrap();
    let url = format!("{}/services/T0/B0/s3cr3t?sig=s1gn", server.url());
    let sink = Webhook::new(&config(&url, Format::Json)).unwrap();
    let failure = failure(sink.attempt(0, parcel(&sink, 0, &["{}"])).await);
    assert!(failure.detail.contains("nobody at ***"), "{failure}");
    let shown = format!("{failure} {:?} {:?}", sink.endpoints(), config(&url, Format::Json));
    assert!(!shown.contains("s3cr3t") && !shown.contains("s1gn"), "{shown}");
    assert_eq!(sink.endpoints(), [server.url()]);
}

#[tokio::test]
async fn a_url_that_is_replaced_is_used_unless_it_is_on_another_host() {
    let server = receiver().await;
    let file = tempfile::NamedTempFile::new().unwrap();
    let url = |path: &str| format!("{}/{path}", server.url());
    std::fs::write(file.path(), url("old")).unwrap();
    let source = SecretSource::in_file(file.path().to_owned(), Secret::new(url("old")));
    let sink = Webhook::new(&WebhookConfig { url: source, ..config("", Format::Json) }).unwrap();
    std::fs::write(file.path(), url("new")).unwrap();
    assert_eq!(sink.refresh(), [Refreshed::InUse { what: "webhook credentials" }]);
    assert_eq!(suite::send(&sink, 0).await, "delivered");
    assert_eq!(server.receiver().requests()[0].head.path, "/new");
    std::fs::write(file.path(), "https://elsewhere.example/new").unwrap();
    assert_eq!(sink.refresh(), [], "it may still be being written");
    let news = sink.refresh();
    assert!(matches!(&news[..], [Refreshed::Unusable { problem, .. }] if problem.contains("another host")), "{news:?}");
}

fn samples() -> impl Iterator<Item = &'static str> {
    SAMPLES.lines().filter(|line| !line.is_empty())
}

/// Texts that would end their place if anything could.
const NASTY: &[&str] = &[
    "\"}],\"evil\":[{\"a\":\"",
    "a\r\nX-Evil: 1\r\n\r\nGET / HTTP/1.1",
    "<!channel> <@U123> <https://evil.example|click>",
    "[click](https://evil.example) **bold** `code`",
    "{{DATE(2026-01-01T00:00:00Z,SHORT)}} {{{{x}}}}",
    "&amp; &lt; & < >",
    "x&evil=1;y=2+3%26",
    "\\\" \\ \\u0022 \\n",
    "\u{202e}moc.live\u{2066} \u{200b}\u{feff}",
    "line\nline\u{2028}line\u{85}line\0\u{7f}",
    "{{principal}} ${VAR} $(id) `id`",
];

/// A sample whose texts are all replaced by `text`, except those that say what kind of event it is.
fn poisoned(sample: &str, text: &str) -> String {
    fn replace(value: &mut Value, key: &str, text: &str) {
        match value {
            Value::String(old) if !matches!(key, "specversion" | "type" | "datacontenttype") => *old = text.to_owned(),
            Value::Array(items) => items.iter_mut().for_each(|item| replace(item, key, text)),
            Value::Object(members) => members.iter_mut().for_each(|(key, value)| replace(value, key, text)),
            Value::String(_) | Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }
    let mut event: Value = serde_json::from_str(sample).unwrap();
    replace(&mut event, "", text);
    event.to_string()
}

/// What the sink makes of a value for the body of a request of its own.
fn encoded(sink: &Webhook, value: &str) -> Vec<u8> {
    let mut out = Vec::new();
    sink.encode(&Cleared::from_chain(record(5, Some(value.as_bytes()))), &mut out).unwrap();
    let frame = frame::Frame::read(&out).unwrap();
    assert_eq!(frame.identity, "audit-0-5");
    assert_eq!(frame.headers.len(), 1, "one header, the content type: {frame:?}");
    out.split_off(frame.body)
}
