//! One event as a HEC envelope on one line.
//!
//! ```text
//! {"time":1623091780.331000,"host":"h","source":"s","sourcetype":"t","index":"i","event":{...},
//!  "fields":{"env":"prod","kafka_topic":"audit","kafka_partition":"0","kafka_offset":"123"}}\n
//! ```
//!
//! - A payload that is a JSON object or array is copied as it is; any other text becomes a JSON string.
//! - `time` is in seconds with six decimals and never with an exponent, which Splunk 10 refuses. An instant before 1970 or
//!   after 9999 is left out, and Splunk takes the time of arrival.
//! - What is not configured is not written, so that the token's defaults apply.

use super::literal::{push_seconds, push_string};
use super::{Cleared, Encoder, Failure, PayloadAt, TimeSource, blank, not_utf8, place};
use crate::event::{EventTime, Json, scan};

const TIME: &[u8] = b"{\"time\":";
const FIELDS: &[u8] = b",\"fields\":{";
const END: &[u8] = b"}\n";

/// Room for everything but payload, metadata, topic and constant fields: the names of members and three numbers.
const FRAME: usize = 160;

/// 9999-12-31T23:59:59.999999Z, the last instant with a four-digit year.
const LAST_MICROS: u64 = 253_402_300_799_999_999;

impl Encoder {
    pub(super) fn envelope(
        &self,
        event: &Cleared<'_>,
        payload: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<PayloadAt, Failure> {
        match scan(payload) {
            Json::Object { time } => Ok(self.push_envelope(event, Payload::Json { payload, time }, out)),
            Json::Array => Ok(self.push_envelope(event, Payload::Json { payload, time: None }, out)),
            Json::Text(text) => Ok(self.push_envelope(event, Payload::Text(text), out)),
            Json::Blank => Err(blank()),
            Json::NotUtf8 => Err(not_utf8()),
        }
    }

    fn push_envelope(&self, event: &Cleared<'_>, payload: Payload<'_>, out: &mut Vec<u8>) -> PayloadAt {
        let (record, enrichment) = (event.record(), event.enrichment());
        let begin = out.len();
        out.reserve(FRAME + self.fields.size() + enrichment.len() + record.topic.len() + payload.len());
        match self.time_of(event, payload) {
            Some(micros) => {
                out.extend_from_slice(TIME);
                push_seconds(out, micros);
                out.push(b',');
            }
            None => out.push(b'{'),
        }
        self.topics.with(record.topic, |plan| match self.from_headers.read(record) {
            None => out.extend_from_slice(&plan.members),
            Some(overrides) => plan.push_members(&overrides, out),
        });
        let start = out.len() - begin;
        match payload {
            Payload::Json { payload, .. } => out.extend_from_slice(payload),
            Payload::Text(text) => push_string(out, text),
        }
        let end = out.len();
        out.extend_from_slice(FIELDS);
        if self.fields.push_members(record, enrichment, out) {
            out.push(b'}');
        } else {
            out.truncate(end);
        }
        out.extend_from_slice(END);
        let (start, len) = (place(start), place(end - begin - start));
        match payload {
            Payload::Json { .. } => PayloadAt::Verbatim { start, len },
            Payload::Text(_) => PayloadAt::JsonString { start, len },
        }
    }

    /// Microseconds since 1970, if there is an instant that Splunk takes.
    fn time_of(&self, event: &Cleared<'_>, payload: Payload<'_>) -> Option<u64> {
        let record = event.record();
        let own = match &self.time {
            TimeSource::None => return None,
            TimeSource::Record => None,
            TimeSource::Event => {
                event.time().or_else(|| payload.time().and_then(EventTime::parse)).map(EventTime::micros)
            }
            TimeSource::Extract(extraction) => extraction.find(payload.bytes()),
        };
        let presentable = |micros: i64| u64::try_from(micros).ok().filter(|micros| *micros <= LAST_MICROS);
        let of_record = || record.timestamp_ms.map(|ms| EventTime::from_millis(ms).micros()).and_then(presentable);
        own.and_then(presentable).or_else(of_record)
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
    fn len(self) -> usize {
        self.bytes().len() + 2
    }

    fn bytes(self) -> &'a [u8] {
        match self {
            Self::Json { payload, .. } => payload,
            Self::Text(text) => text.as_bytes(),
        }
    }

    fn time(self) -> Option<&'a str> {
        match self {
            Self::Json { time, .. } => time,
            Self::Text(_) => None,
        }
    }
}
