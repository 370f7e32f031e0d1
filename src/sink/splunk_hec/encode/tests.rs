//! The encoder alone: one record in, its bytes out.

use super::*;
use crate::event::{EventTime, headers};
use crate::position::{Offset, PartitionId};
use crate::sink::splunk_hec::config::{FieldValue, Metadata, RecordHeaders, Tracked};
use crate::sink::splunk_hec::extract::Extraction;

mod preformatted;

fn record(value: Option<&[u8]>) -> Record<'_> {
    Record {
        topic: "audit",
        partition: PartitionId::new(3),
        offset: Offset::new(1_234_567_890_123),
        timestamp_ms: Some(1_623_091_780_331),
        key: None,
        value,
        headers: &[],
    }
}

fn flat(list: &[(&str, Option<&[u8]>)]) -> Vec<u8> {
    let mut flat = Vec::new();
    list.iter().for_each(|(name, value)| headers::push(&mut flat, name, *value));
    flat
}

const CHANNEL: Uuid = Uuid::from_u128(7);

fn encoder(config: &EventConfig) -> Encoder {
    Encoder::new(config, CHANNEL, &Counter::noop())
}

/// The encoded event, and the payload as it is given back to a dead letter; `None` when it is not in the event.
fn encoded(config: &EventConfig, record: Record<'_>) -> Result<(String, Option<String>), Failure> {
    let mut out = b"before".to_vec();
    let result = encoder(config).encode(&Cleared::from_chain(record), &mut out);
    assert!(out.starts_with(b"before"));
    let Ok(place) = result else {
        assert_eq!(out, b"before", "a refused event leaves nothing behind");
        return Err(result.unwrap_err());
    };
    let event = String::from_utf8(out[6..].to_vec()).unwrap();
    let cut = |start: u32, len: u32| event[start as usize..][..len as usize].to_owned();
    let payload = match place {
        PayloadAt::Verbatim { start, len } | PayloadAt::JsonString { start, len } => Some(cut(start, len)),
        PayloadAt::BehindBrace { start, len } => Some(format!("{{{}", cut(start, len))),
        PayloadAt::Elsewhere => None,
    };
    Ok((event, payload))
}

fn event(config: &EventConfig, record: Record<'_>) -> String {
    encoded(config, record).unwrap().0
}

const FIELDS: &str = r#","fields":{"kafka_topic":"audit","kafka_partition":"3","kafka_offset":"1234567890123"}}"#;

fn without_tracking() -> EventConfig {
    EventConfig { tracking: Vec::new(), ..EventConfig::default() }
}

#[test]
fn an_object_is_copied_unchanged_and_dated_by_its_own_time() {
    let payload = r#"{ "time":"2021-06-07T18:49:41.000001Z", "n": 1e3 }"#;
    let (event, found) = encoded(&EventConfig::default(), record(Some(payload.as_bytes()))).unwrap();
    assert_eq!(event, format!("{{\"time\":1623091781.000001,\"event\":{payload}{FIELDS}\n"));
    assert_eq!(found.unwrap(), payload);
}

/// An event in the words of a model need not hold its time, or holds it under another name.
#[test]
fn an_event_in_another_form_is_dated_by_what_the_form_before_said() {
    let value = br#"{"time":1623091781000,"class_uid":3002}"#;
    for (time, expected) in [(Some("2021-06-07T18:49:41.000001Z"), "1623091781.000001"), (None, "1623091780.331000")] {
        let time = time.and_then(EventTime::parse);
        let cleared = Cleared::from_chain(record(None)).in_another_form(value, time);
        let mut out = Vec::new();
        encoder(&EventConfig::default()).encode(&cleared, &mut out).expect("it is encoded");
        let event = String::from_utf8(out).expect("text");
        assert!(event.starts_with(&format!("{{\"time\":{expected},\"event\":")), "{event}");
    }
}

#[test]
fn text_becomes_a_json_string_dated_by_the_record() {
    let (event, found) = encoded(&EventConfig::default(), record(Some("a \"b\"\n".as_bytes()))).unwrap();
    assert_eq!(event, format!("{{\"time\":1623091780.331000,\"event\":\"a \\\"b\\\"\\n\"{FIELDS}\n"));
    assert_eq!(found.unwrap(), r#""a \"b\"\n""#);
}

fn all_four() -> Metadata {
    Metadata {
        host: Some("h".into()),
        source: Some("s\"".into()),
        sourcetype: Some("t".into()),
        index: Some("i".into()),
    }
}

#[test]
fn metadata_is_written_only_when_configured_and_escaped() {
    let config = EventConfig { metadata: all_four(), ..EventConfig::default() };
    let without_time = Record { timestamp_ms: None, ..record(Some(b"[1]")) };
    let metadata = r#"{"host":"h","source":"s\"","sourcetype":"t","index":"i","event":[1]"#;
    assert_eq!(event(&config, without_time), format!("{metadata}{FIELDS}\n"));
}

#[test]
fn headers_of_the_record_win_over_configured_metadata_and_become_fields() {
    let record_headers = RecordHeaders {
        index: Some("to".into()),
        host: Some("from".into()),
        source: Some("absent".into()),
        fields: vec!["trace".into(), "none".into(), "bytes".into(), "to".into()],
        ..RecordHeaders::default()
    };
    let config = EventConfig { metadata: all_four(), record_headers, time: TimeSource::None, ..without_tracking() };
    let flat = flat(&[
        ("to", Some(b"first")),
        ("to", Some(b"other \"x\"")),
        ("from", Some(b"")),
        ("trace", Some(b"a\"b")),
        ("none", None),
        ("bytes", Some(b"\xff")),
    ]);
    let expected = r#"{"host":"h","source":"s\"","sourcetype":"t","index":"other \"x\"","event":[1],"fields":{"trace":"a\"b","to":"other \"x\""}}"#;
    assert_eq!(event(&config, Record { headers: &flat, ..record(Some(b"[1]")) }), format!("{expected}\n"));
    let expected = r#"{"host":"h","source":"s\"","sourcetype":"t","index":"i","event":[1]}"#;
    assert_eq!(event(&config, record(Some(b"[1]"))), format!("{expected}\n"), "no header, no field, no empty object");
}

#[test]
fn fields_are_enrichment_then_tracking_then_headers_and_only_strings() {
    let config = EventConfig {
        fields: vec![
            ("env".into(), FieldValue::Text("prod \"1\"".into())),
            ("team".into(), FieldValue::List(vec!["a".into(), "b".into()])),
        ],
        tracking: vec![
            Tracked::Key,
            Tracked::Offset,
            Tracked::Timestamp,
            Tracked::Host("m".into()),
            Tracked::Channel,
            Tracked::Topic,
        ],
        record_headers: RecordHeaders { fields: vec!["x".into()], ..RecordHeaders::default() },
        time: TimeSource::None,
        ..EventConfig::default()
    };
    let flat = flat(&[("x", Some(b"1"))]);
    let full = Record { key: Some(b"k"), headers: &flat, ..record(Some(b"{}")) };
    let constant = r#"{"event":{},"fields":{"env":"prod \"1\"","team":["a","b"],"kafka_connect_host":"m","hec-channel":"00000000-0000-0000-0000-000000000007","kafka_topic":"audit","kafka_offset":"1234567890123""#;
    let expected =
        format!("{constant},\"kafka_timestamp\":\"1623091780331\",\"kafka_record_key\":\"k\",\"x\":\"1\"}}}}\n");
    assert_eq!(event(&config, full), expected);
    let bare = Record { timestamp_ms: None, key: Some(b"\xff"), ..record(Some(b"{}")) };
    assert_eq!(event(&config, bare), format!("{constant}}}}}\n"), "what is not there or not text is left out");
}

#[test]
fn one_optional_field_alone_needs_no_comma() {
    let config = EventConfig { tracking: vec![Tracked::Key], time: TimeSource::None, ..EventConfig::default() };
    let expected = "{\"event\":{},\"fields\":{\"kafka_record_key\":\"k\"}}\n";
    assert_eq!(event(&config, Record { key: Some(b"k"), ..record(Some(b"{}")) }), expected);
    assert_eq!(event(&config, record(Some(b"{}"))), "{\"event\":{}}\n");
}

/// The time that an event with this payload gets.
fn time(source: TimeSource, payload: &str) -> Option<String> {
    let config = EventConfig { time: source, ..without_tracking() };
    let event = event(&config, record(Some(payload.as_bytes())));
    event.strip_prefix("{\"time\":").map(|rest| rest.split(',').next().unwrap_or_default().to_owned())
}

#[test]
fn the_time_comes_from_where_it_is_said_to_come_from() {
    let payload = r#"{"time":"2021-06-07T18:49:41Z","at":"7/6/21"}"#;
    let extract =
        || TimeSource::Extract(Box::new(Extraction::new("\"at\":\"(?<time>[^\"]*)", "d/M/yy", None).unwrap()));
    assert_eq!(time(TimeSource::Event, payload).as_deref(), Some("1623091781.000000"));
    assert_eq!(time(TimeSource::Record, payload).as_deref(), Some("1623091780.331000"));
    assert_eq!(time(TimeSource::None, payload), None);
    assert_eq!(time(extract(), payload).as_deref(), Some("1623024000.000000"));
    assert_eq!(time(extract(), r#"{"at":"soon"}"#).as_deref(), Some("1623091780.331000"), "else the record's");
    assert_eq!(time(extract(), "text \"at\":\"7/6/21").as_deref(), Some("1623024000.000000"), "also in text");
}

#[test]
fn an_instant_that_splunk_cannot_take_is_left_out() {
    for (timestamp, expected) in [
        (Some(0), Some("0.000000")),
        (Some(1), Some("0.001000")),
        (Some(-1), None),
        (Some(253_402_300_799_999), Some("253402300799.999000")),
        (Some(253_402_300_800_000), None),
        (Some(i64::MAX), None),
        (None, None),
    ] {
        let record = Record { timestamp_ms: timestamp, ..record(Some(b"x")) };
        let event = event(&EventConfig::default(), record);
        let time = event.strip_prefix("{\"time\":").map(|rest| rest.split(',').next().unwrap_or_default());
        assert_eq!(time, expected, "{timestamp:?}");
    }
}

#[test]
fn a_value_that_hec_cannot_carry_is_refused_with_its_reason() {
    let large = vec![b'x'; 5 * 1024 * 1024];
    let raw = Mode::Raw { line_breaker: "\n".into() };
    for (value, event, raw_event) in [
        (None, Some(Reason::EmptyValue), Some(Reason::EmptyValue)),
        (Some(&b""[..]), Some(Reason::EmptyValue), Some(Reason::EmptyValue)),
        (Some(b" \n"), Some(Reason::BlankValue), Some(Reason::BlankValue)),
        (Some(b"\xff\xfe"), Some(Reason::NotUtf8), None),
        (Some(&large), Some(Reason::TooLarge), None),
    ] {
        for (mode, expected) in [(Mode::Event, event), (raw.clone(), raw_event)] {
            let config = EventConfig { mode, ..EventConfig::default() };
            let result = encoder(&config).encode(&Cleared::from_chain(record(value)), &mut Vec::new());
            assert_eq!(result.err().map(|failure| failure.reason), expected);
        }
    }
}

#[test]
fn a_raw_event_is_its_bytes_and_a_line_breaker_and_its_metadata_names_the_group() {
    let record_headers =
        RecordHeaders { index: Some("to".into()), fields: vec!["to".into()], ..RecordHeaders::default() };
    let mode = Mode::Raw { line_breaker: "\r\n".into() };
    let metadata = Metadata { source: Some("http:a b&c".into()), host: Some(String::new()), ..Metadata::default() };
    let config = EventConfig { mode, metadata, record_headers, ..EventConfig::default() };
    let group = |record: Record<'_>| {
        let mut name = Vec::new();
        encoder(&config).group(&Cleared::from_chain(record), &mut name);
        String::from_utf8(name).unwrap()
    };
    let (event, found) = encoded(&config, record(Some(b"{\"a\":1}"))).unwrap();
    assert_eq!((event.as_str(), found.as_deref()), ("{\"a\":1}\r\n", Some("{\"a\":1}")));
    assert_eq!(group(record(Some(b"x"))), "source=http%3Aa%20b%26c");
    let with_header = flat(&[("to", Some("ü".as_bytes()))]);
    let other = Record { headers: &with_header, ..record(Some(b"x")) };
    assert_eq!(group(other), "source=http%3Aa%20b%26c&index=%C3%BC");

    let one = EventConfig { mode: Mode::Event, ..config.clone() };
    let mut name = Vec::new();
    encoder(&one).group(&Cleared::from_chain(other), &mut name);
    assert!(name.is_empty(), "an envelope says everything about its event: there is one group");
}
