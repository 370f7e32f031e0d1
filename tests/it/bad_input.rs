//! Whatever lies in the topic: it is delivered as it is, or it becomes a dead letter that gives it back. One run meets all of
//! it; it neither ends nor stands still, and commits everything.

use std::collections::BTreeMap;

use auditferry::demo::hec::HecOptions;
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::support::collector::Collector;
use crate::support::ferry::{Setup, wait_for_commit};
use crate::support::kafka::{Kafka, NewRecord};

mod table;

use table::{Input, Outcome, RECORD_TIME_MS, inputs};

/// What the collector has indexed: by offset, the envelope.
type Arrived = BTreeMap<i64, String>;

#[test]
fn every_malformed_input_is_delivered_or_dead_lettered_as_the_table_says() {
    let kafka = Kafka::shared();
    let inputs = inputs();
    let topic = kafka.topic("bad-input", 1);
    let records = inputs.iter().map(|input| NewRecord {
        partition: Some(0),
        key: input.key.as_deref(),
        value: input.value.as_deref(),
        headers: HEADERS,
        timestamp_ms: Some(RECORD_TIME_MS),
    });
    assert_eq!(kafka.produce_all(&topic, records), (0, inputs.len() as i64 - 1));
    let collector = Collector::start_with(HecOptions { keep_texts: 1000, ..HecOptions::default() });
    let letters = tempfile::tempdir().unwrap();
    let setup = Setup::new(kafka, &topic, collector.url()).with_letters_in(letters.path());

    let ferry = setup.start();
    wait_for_commit(kafka, setup.group(), &topic, &[Some(inputs.len() as i64)]);
    ferry.assert_no_complaint_but(&["event became a dead letter", "delivery fails and is tried again"]);
    ferry.stop();

    let delivered = inputs.iter().filter(|input| !matches!(input.outcome, Outcome::Letter(_))).count();
    let count = collector.hec().count();
    assert_eq!((count.distinct, count.duplicates, count.unpositioned), (delivered as u64, 0, 0), "nothing is forged");
    let arrived: Arrived = collector.hec().texts().into_iter().map(|text| (offset_of(&text), text)).collect();
    for (offset, input) in (0..).zip(&inputs) {
        match input.outcome {
            Outcome::Verbatim | Outcome::VerbatimAt(_) | Outcome::Text => {
                let envelope = arrived.get(&offset).unwrap_or_else(|| panic!("{}: it never arrived", input.name));
                assert_envelope(input, envelope);
            }
            Outcome::Letter(reason) => {
                assert!(!arrived.contains_key(&offset), "{}: it arrived", input.name);
                assert_letter(&setup, &format!("{topic}-0-{offset}"), input, reason);
            }
        }
    }
}

/// Null, empty, binary, and the same name twice.
const HEADERS: &[(&str, Option<&[u8]>)] = &[
    ("content-type", Some(b"application/cloudevents+json")),
    ("null", None),
    ("empty", Some(b"")),
    ("binary", Some(b"\x00\xff\r\n")),
    ("binary", Some(b"again")),
    ("n\u{f6}t ascii\r\n", Some(b"x")),
];

fn offset_of(envelope: &str) -> i64 {
    let envelope: Value = parse(envelope);
    envelope["fields"]["kafka_offset"].as_str().and_then(|offset| offset.parse().ok()).expect("it has a position")
}

/// The envelope's members without the event, which no parser of values would take whole.
fn parse(envelope: &str) -> Value {
    let mut members: BTreeMap<String, Box<RawValue>> = serde_json::from_str(envelope).expect("an envelope is JSON");
    members.remove("event");
    let members = members.into_iter().map(|(name, raw)| (name, serde_json::from_str(raw.get()).expect("it is JSON")));
    Value::Object(members.collect())
}

fn assert_envelope(input: &Input, envelope: &str) {
    let members: BTreeMap<String, Box<RawValue>> = serde_json::from_str(envelope).expect("an envelope is JSON");
    let (event, value) = (members["event"].get(), input.value.as_deref().unwrap_or_default());
    match input.outcome {
        Outcome::Text => {
            let text: String = serde_json::from_str(event).unwrap_or_else(|_| panic!("{}: no JSON string", input.name));
            assert!(text.as_bytes() == value, "{}: {}", input.name, shorten(event));
        }
        Outcome::Verbatim | Outcome::VerbatimAt(_) | Outcome::Letter(_) => {
            assert!(event.as_bytes() == trim(value), "{}: {}", input.name, shorten(event));
        }
    }
    let time = match input.outcome {
        Outcome::VerbatimAt(time) => time,
        Outcome::Verbatim | Outcome::Text | Outcome::Letter(_) => "1700000000.123000",
    };
    assert_eq!(members["time"].get(), time, "{}", input.name);
}

/// What a reader of JSON leaves out around a value.
fn trim(value: &[u8]) -> &[u8] {
    value.trim_ascii()
}

fn assert_letter(setup: &Setup, id: &str, input: &Input, reason: &str) {
    let shown = setup.run(&["deadletter", "show", id, "--format", "json"]);
    assert_eq!(shown.code(), Some(0), "{}: {}", input.name, shown.stderr);
    let letter: Value = serde_json::from_str(&shown.stdout).expect("a letter is JSON");
    assert_eq!(letter["reason"], reason, "{}: {}", input.name, letter["detail"]);
    assert!(letter["detail"].as_str().is_some_and(|detail| !detail.is_empty()), "{}", input.name);

    let raw = setup.run(&["deadletter", "show", id, "--raw"]);
    assert!(raw.stdout_bytes == input.value.as_deref().unwrap_or_default(), "{}: other bytes come back", input.name);
    assert_eq!(bytes_in(&letter, "key"), input.key, "{}: key", input.name);
    assert!(bytes_in(&letter, "value") == input.value, "{}: value", input.name);
    let headers: Vec<(String, Option<Vec<u8>>)> = letter["headers"]
        .as_array()
        .expect("headers are a list")
        .iter()
        .map(|header| (header["name"].as_str().expect("a name").to_owned(), bytes_in(header, "value")))
        .collect();
    let expected: Vec<(String, Option<Vec<u8>>)> =
        HEADERS.iter().map(|(name, value)| ((*name).to_owned(), value.map(<[u8]>::to_vec))).collect();
    assert_eq!(headers, expected, "{}: headers", input.name);
}

/// Bytes in the JSON form of a letter: as text, or as base64 under another name.
fn bytes_in(object: &Value, name: &str) -> Option<Vec<u8>> {
    let encoded = object.get(format!("{name}_base64")).and_then(Value::as_str);
    match (object.get(name).and_then(Value::as_str), encoded) {
        (Some(text), _) => Some(text.as_bytes().to_vec()),
        (None, Some(encoded)) => Some(BASE64.decode(encoded).expect("it is base64")),
        (None, None) => None,
    }
}

fn shorten(text: &str) -> String {
    text.chars().take(200).collect()
}
