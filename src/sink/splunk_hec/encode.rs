//! One event as a HEC envelope on one line; the hot path of the sink.
//!
//! ```text
//! {"time":1623091780.331000,"host":"h","source":"s","sourcetype":"t","index":"i","event":{...},
//!  "fields":{"kafka_topic":"audit","kafka_partition":"0","kafka_offset":"123"}}\n
//! ```
//!
//! - A payload that is a JSON object or array is copied as it is; any other text becomes a JSON string.
//! - `time` is the CloudEvent's, else the record's timestamp, in seconds with six decimals and never with an exponent,
//!   which Splunk 10 refuses. An instant before 1970 or after 9999 is left out, and Splunk takes the time of arrival.
//! - What is not configured is not written, so that the token's defaults apply.
//! - `fields` says where the record lies, all as strings as the Kafka connector writes them: the far side can count.
//!
//! Nothing is allocated except by growth of the output.

use crate::delivery::attempt::Failure;
use crate::event::{Cleared, EventTime, Json, Record, scan};
use crate::reason::Reason;
use crate::sink::PayloadAt;

use super::config::HecConfig;

const TIME: &[u8] = b"{\"time\":";
const TOPIC: &[u8] = b",\"fields\":{\"kafka_topic\":";
const PARTITION: &[u8] = b",\"kafka_partition\":\"";
const OFFSET: &[u8] = b"\",\"kafka_offset\":\"";
const END: &[u8] = b"\"}}\n";

/// Room for everything but payload, metadata and topic: the constants above and three numbers.
const FRAME: usize = 160;

/// 9999-12-31T23:59:59.999999Z, the last instant with a four-digit year.
const LAST_MICROS: u64 = 253_402_300_799_999_999;

const MICROS: u64 = 1_000_000;

/// The parts of the envelope that are the same for every event.
#[derive(Debug)]
pub(super) struct Encoder {
    /// From the metadata to the colon after `"event"`, without what precedes the first member.
    members: Vec<u8>,
}

impl Encoder {
    pub(super) fn new(config: &HecConfig) -> Self {
        let mut members = String::new();
        let metadata = [
            ("host", &config.host),
            ("source", &config.source),
            ("sourcetype", &config.sourcetype),
            ("index", &config.index),
        ];
        for (name, value) in metadata {
            if let Some(value) = value {
                members.push_str(&format!("\"{name}\":{},", serde_json::Value::from(value.as_str())));
            }
        }
        members.push_str("\"event\":");
        Self { members: members.into_bytes() }
    }

    /// Appends the envelope of `event` to `out`; on error `out` is as it was.
    pub(super) fn encode(&self, event: &Cleared<'_>, out: &mut Vec<u8>) -> Result<PayloadAt, Failure> {
        let record = event.record();
        let payload = match record.value {
            None => return Err(Failure::new(Reason::EmptyValue, "the record is a tombstone: it has no value")),
            Some([]) => return Err(Failure::new(Reason::EmptyValue, "the record's value is empty")),
            Some(payload) => payload,
        };
        match scan(payload) {
            Json::Object { time } => self.write(record, Payload::Json { payload, time }, out),
            Json::Array => self.write(record, Payload::Json { payload, time: None }, out),
            Json::Text(text) => self.write(record, Payload::Text(text), out),
            Json::Blank => Err(Failure::new(Reason::BlankValue, "the record's value is only white space")),
            Json::NotUtf8 => Err(Failure::new(Reason::NotUtf8, "the record's value is not UTF-8")),
        }
    }

    fn write(&self, record: &Record<'_>, payload: Payload<'_>, out: &mut Vec<u8>) -> Result<PayloadAt, Failure> {
        let begin = out.len();
        out.reserve(FRAME + self.members.len() + record.topic.len() + payload.len());
        match time_of(record, payload.time()) {
            Some(micros) => {
                out.extend_from_slice(TIME);
                push_seconds(out, micros);
                out.push(b',');
            }
            None => out.push(b'{'),
        }
        out.extend_from_slice(&self.members);
        let start = out.len() - begin;
        match payload {
            Payload::Json { payload, .. } => out.extend_from_slice(payload),
            Payload::Text(text) => push_string(out, text),
        }
        let len = out.len() - begin - start;
        out.extend_from_slice(TOPIC);
        push_string(out, record.topic);
        out.extend_from_slice(PARTITION);
        push_number(out, record.partition.get());
        out.extend_from_slice(OFFSET);
        push_number(out, record.offset.get());
        out.extend_from_slice(END);
        let (Ok(start), Ok(len)) = (u32::try_from(start), u32::try_from(len)) else {
            out.truncate(begin);
            return Err(Failure::new(Reason::TooLarge, "the encoded event is larger than 4 GiB"));
        };
        Ok(match payload {
            Payload::Json { .. } => PayloadAt::Verbatim { start, len },
            Payload::Text(_) => PayloadAt::JsonString { start, len },
        })
    }
}

#[derive(Clone, Copy)]
enum Payload<'a> {
    /// Goes out as it is; `time` is its CloudEvents attribute, unread.
    Json {
        payload: &'a [u8],
        time: Option<&'a str>,
    },
    Text(&'a str),
}

impl<'a> Payload<'a> {
    fn len(&self) -> usize {
        match self {
            Self::Json { payload, .. } => payload.len(),
            Self::Text(text) => text.len() + 2,
        }
    }

    fn time(&self) -> Option<&'a str> {
        match self {
            Self::Json { time, .. } => *time,
            Self::Text(_) => None,
        }
    }
}

/// Microseconds since 1970, if there is an instant that Splunk takes.
fn time_of(record: &Record<'_>, attribute: Option<&str>) -> Option<u64> {
    let presentable = |time: EventTime| u64::try_from(time.micros()).ok().filter(|micros| *micros <= LAST_MICROS);
    attribute
        .and_then(EventTime::parse)
        .and_then(presentable)
        .or_else(|| record.timestamp_ms.map(EventTime::from_millis).and_then(presentable))
}

/// `1623091780.331000`: a plain number with six decimals.
fn push_seconds(out: &mut Vec<u8>, micros: u64) {
    push_number(out, micros / MICROS);
    // A leading one keeps the zeros; the point takes its place.
    let point = out.len();
    push_number(out, MICROS + micros % MICROS);
    out[point] = b'.';
}

fn push_number(out: &mut Vec<u8>, number: impl itoa::Integer) {
    out.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
}

/// A JSON string literal with its quotes.
fn push_string(out: &mut Vec<u8>, text: &str) {
    if text.bytes().all(|byte| byte >= 0x20 && byte != b'"' && byte != b'\\') {
        out.push(b'"');
        out.extend_from_slice(text.as_bytes());
        out.push(b'"');
    } else {
        serde_json::to_writer(out, text).expect("writing a string to memory cannot fail");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::position::{Offset, PartitionId};
    use crate::sink::splunk_hec::tests::config;

    fn record(value: Option<&[u8]>) -> Record<'_> {
        Record {
            topic: "audit",
            partition: PartitionId::new(3),
            offset: Offset::new(1234567890123),
            timestamp_ms: Some(1_623_091_780_331),
            key: None,
            value,
        }
    }

    fn encoded(encoder: &Encoder, record: Record<'_>) -> Result<(String, String), Failure> {
        let mut out = b"before".to_vec();
        let result = encoder.encode(&Cleared::from_chain(record), &mut out);
        assert!(out.starts_with(b"before"));
        match result {
            Ok(PayloadAt::Verbatim { start, len } | PayloadAt::JsonString { start, len }) => {
                let event = String::from_utf8(out[6..].to_vec()).unwrap();
                let payload = event[start as usize..][..len as usize].to_owned();
                Ok((event, payload))
            }
            Err(failure) => {
                assert_eq!(out, b"before", "a refused event leaves nothing behind");
                Err(failure)
            }
        }
    }

    const FIELDS: &str = r#","fields":{"kafka_topic":"audit","kafka_partition":"3","kafka_offset":"1234567890123"}}"#;

    #[test]
    fn an_object_is_copied_unchanged_and_dated_by_its_own_time() {
        let encoder = Encoder::new(&config(&[]));
        let payload = r#"{ "time":"2021-06-07T18:49:41.000001Z", "n": 1e3 }"#;
        let (event, found) = encoded(&encoder, record(Some(payload.as_bytes()))).unwrap();
        assert_eq!(event, format!("{{\"time\":1623091781.000001,\"event\":{payload}{FIELDS}\n"));
        assert_eq!(found, payload);
    }

    #[test]
    fn text_becomes_a_json_string_dated_by_the_record() {
        let encoder = Encoder::new(&config(&[]));
        let (event, found) = encoded(&encoder, record(Some("a \"b\"\n".as_bytes()))).unwrap();
        assert_eq!(event, format!("{{\"time\":1623091780.331000,\"event\":\"a \\\"b\\\"\\n\"{FIELDS}\n"));
        assert_eq!(found, r#""a \"b\"\n""#);
    }

    #[test]
    fn metadata_is_written_only_when_configured_and_escaped() {
        let mut config = config(&[]);
        config.host = Some("h".into());
        config.source = Some("s\"".into());
        config.sourcetype = Some("t".into());
        config.index = Some("i".into());
        let without_time = Record { timestamp_ms: None, ..record(Some(b"[1]")) };
        let (event, _) = encoded(&Encoder::new(&config), without_time).unwrap();
        let metadata = r#"{"host":"h","source":"s\"","sourcetype":"t","index":"i","event":[1]"#;
        assert_eq!(event, format!("{metadata}{FIELDS}\n"));
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
            let (event, _) = encoded(&Encoder::new(&config(&[])), record).unwrap();
            let time = event.strip_prefix("{\"time\":").map(|rest| rest.split(',').next().unwrap_or_default());
            assert_eq!(time, expected, "{timestamp:?}");
        }
    }

    #[test]
    fn a_value_that_hec_cannot_carry_is_refused_with_its_reason() {
        for (value, reason) in [
            (None, Reason::EmptyValue),
            (Some(&b""[..]), Reason::EmptyValue),
            (Some(b" \n"), Reason::BlankValue),
            (Some(b"\xff\xfe"), Reason::NotUtf8),
        ] {
            let failure = encoded(&Encoder::new(&config(&[])), record(value)).unwrap_err();
            assert_eq!(failure.reason, reason);
        }
    }

    #[test]
    fn numbers_are_written_in_full() {
        for number in [0, 7, 10, 99, 1_000_000, i64::MAX, i64::MIN, -1] {
            let mut out = Vec::new();
            push_number(&mut out, number);
            assert_eq!(String::from_utf8(out).unwrap(), number.to_string());
        }
    }
}
