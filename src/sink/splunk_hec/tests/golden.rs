//! Requests byte for byte: what one batch looks like on the wire in each mode.
//!
//! The records of this file stand in the requests of `tests/golden/hec/`. What differs from run to run (the collector's port, the
//! channel, the version) is replaced by a word in angle brackets. `UPDATE_GOLDEN=1 cargo test --lib golden` rewrites the files.
//! Read the diff.

use std::fs;
use std::path::Path;
use std::sync::Mutex;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::rig::{Read, carry, read};
use super::*;
use crate::position::TopicName;
use crate::sink::splunk_hec::config::{FieldValue, Mode, RecordHeaders, TimeSource, TopicMatch, TopicRule, Tracked};
use crate::sink::splunk_hec::extract::Extraction;

/// Listens, answers every request with success, and keeps the requests.
async fn listen() -> (String, Arc<Mutex<Vec<String>>>, JoinSet<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let (mut serving, kept) = (JoinSet::new(), Arc::clone(&seen));
    serving.spawn(async move {
        let mut connections = JoinSet::new();
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            connections.spawn(serve(stream, Arc::clone(&kept)));
        }
    });
    (format!("http://{address}"), seen, serving)
}

async fn serve(mut stream: TcpStream, kept: Arc<Mutex<Vec<String>>>) {
    let mut bytes = Vec::new();
    while stream.read_buf(&mut bytes).await.unwrap() > 0 {
        let text = String::from_utf8(bytes.clone()).unwrap();
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
        if body.len() < length.parse().unwrap() {
            continue;
        }
        kept.lock().unwrap().push(text);
        bytes.clear();
        let answer = r#"{"text":"Success","code":0}"#;
        let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{answer}", answer.len());
        stream.write_all(answer.as_bytes()).await.unwrap();
    }
}

fn without_what_differs(request: &str, url: &str) -> String {
    let host = url.trim_start_matches("http://");
    let channel = request.lines().find_map(|line| line.strip_prefix("x-splunk-request-channel: ")).unwrap();
    let version = format!("__splunk_app_version: {}", env!("CARGO_PKG_VERSION"));
    let request = request.replace(host, "<collector>").replace(channel, "<channel>");
    request.replace(&version, "__splunk_app_version: <version>").replace("\r\n", "\n")
}

async fn compare(name: &str, events: EventConfig, records: Vec<Read>) {
    let (url, seen, _serving) = listen().await;
    let sink = SplunkHec::new(&HecConfig { events, ..config(&[&url]) }).unwrap();
    let carried = carry(sink, Coding::Identity, records).await;
    assert_eq!(carried.letters.len(), 0, "{name}");
    let mut requests: Vec<_> = seen.lock().unwrap().iter().map(|text| without_what_differs(text, &url)).collect();
    requests.sort_unstable();
    let requests = requests.join("\n########################################\n");
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/golden/hec/{name}.http"));
    #[allow(clippy::disallowed_methods, reason = "a switch of the test itself")]
    let update = std::env::var("UPDATE_GOLDEN").is_ok();
    if update {
        fs::write(&file, &requests).unwrap();
    }
    let expected = fs::read_to_string(&file).unwrap_or_default();
    assert_eq!(requests, expected, "{name} has changed: UPDATE_GOLDEN=1 rewrites the record");
}

const EVENT: &str = r#"{"specversion":"1.0","type":"io.confluent.kafka.server/authorization","time":"2021-06-07T18:49:40.331Z","data":{"methodName":"kafka.CreateTopics","authorizationInfo":{"granted":true}}}"#;

fn three() -> Vec<Read> {
    vec![read(EVENT), read("no JSON, but \"text\"\n"), read("[1, 2.50]")]
}

fn with_headers() -> Vec<Read> {
    let traced = read(EVENT).with_header("index", Some(b"other")).with_header("trace", Some("ä\"b".as_bytes()));
    let keyed = Read { key: Some(b"key-1".to_vec()), ..read("{}") };
    vec![traced, keyed.with_header("index", None).with_header("trace", Some(b"\xff"))]
}

fn metadata() -> Metadata {
    Metadata {
        host: Some("audit-cluster".into()),
        source: Some("http:Confluent Audit Logs".into()),
        sourcetype: Some("confluent:audit".into()),
        index: Some("main".into()),
    }
}

fn record_headers() -> RecordHeaders {
    RecordHeaders { index: Some("index".into()), fields: vec!["trace".into()], ..RecordHeaders::default() }
}

fn fields() -> Vec<(String, FieldValue)> {
    let team = FieldValue::List(vec!["security".into(), "audit".into()]);
    vec![("env".into(), FieldValue::Text("prod".into())), ("team".into(), team)]
}

fn everything_tracked() -> Vec<Tracked> {
    vec![
        Tracked::Topic,
        Tracked::Partition,
        Tracked::Offset,
        Tracked::Timestamp,
        Tracked::Key,
        Tracked::Host("machine-1".into()),
        Tracked::Channel,
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn golden_events_by_default() {
    compare("event", EventConfig::default(), three()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn golden_events_with_everything() {
    let rule = Metadata { index: Some("audit".into()), sourcetype: Some("audit:json".into()), ..Metadata::default() };
    let events = EventConfig {
        mode: Mode::Event,
        metadata: metadata(),
        per_topic: vec![TopicRule { topics: TopicMatch::Name(TopicName::new("audit")), metadata: rule }],
        record_headers: record_headers(),
        fields: fields(),
        tracking: everything_tracked(),
        time: TimeSource::Record,
        auto_extract_timestamp: Some(false),
    };
    compare("event_with_everything", events, with_headers()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn golden_events_without_anything() {
    let events = EventConfig {
        tracking: Vec::new(),
        time: TimeSource::None,
        auto_extract_timestamp: Some(true),
        ..EventConfig::default()
    };
    compare("event_without_anything", events, three()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn golden_events_with_an_extracted_time() {
    let extraction = Extraction::new("at (?<time>[^,]+),", "yyyy-MM-dd HH:mm:ss", Some("Europe/Berlin")).unwrap();
    let events = EventConfig { time: TimeSource::Extract(Box::new(extraction)), ..EventConfig::default() };
    compare("event_with_an_extracted_time", events, vec![read("at 2021-06-07 20:49:40, it was so"), read("{}")]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn golden_raw_by_default() {
    let mode = Mode::Raw { line_breaker: "\n".into() };
    compare("raw", EventConfig { mode, ..EventConfig::default() }, three()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn golden_raw_with_everything() {
    let events = EventConfig {
        mode: Mode::Raw { line_breaker: "\n----\n".into() },
        metadata: metadata(),
        record_headers: record_headers(),
        auto_extract_timestamp: Some(true),
        ..EventConfig::default()
    };
    compare("raw_with_everything", events, with_headers()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn golden_preformatted() {
    let events = EventConfig { mode: Mode::Preformatted, tracking: Vec::new(), ..EventConfig::default() };
    let records = vec![
        read(r#"{"time":1623091780.5,"event":{"a": 1}}"#),
        read(r#"{"event":"metric","fields":{"metric_name:cpu.usr":11.12,"region":"eu"}}"#),
    ];
    compare("preformatted", events, records).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn golden_preformatted_with_everything() {
    let events = EventConfig {
        mode: Mode::Preformatted,
        record_headers: record_headers(),
        fields: fields(),
        tracking: everything_tracked(),
        ..EventConfig::default()
    };
    let moved = read(r#"{"index":"own","host":"h","event":{"a": 1},"fields":{"env":"dev","n":1}}"#);
    let records = vec![
        read(r#"{"time":"1623091780.5","source":"s","event":"text"}"#),
        moved.with_header("index", Some(b"other")).with_header("trace", Some(b"t-1")),
    ];
    compare("preformatted_with_everything", events, records).await;
}
