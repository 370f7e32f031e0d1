//! From a record to its bytes in a request; the hot path of the sink.
//!
//! - [`envelope`]: the value becomes the event of an envelope that is made here.
//! - [`preformatted`]: the value is an envelope, which is checked and completed.
//! - Raw: the value as it is, with a line breaker behind it. What an envelope would say stands in the request's address, so
//!   it puts events into groups.
//!
//! A value that Splunk would refuse, or drop without a word, is not sent. Nothing is allocated except by growth of the
//! output, and while a topic is new.

mod envelope;
mod fields;
mod literal;
mod metadata;
mod preformatted;

use ::metrics::Counter;
use uuid::Uuid;

use super::config::{EventConfig, Mode, TimeSource};
use crate::defaults::HEC_EVENT_MAX_BYTES;
use crate::delivery::attempt::Failure;
use crate::event::{Cleared, Record};
use crate::reason::Reason;
use crate::sink::PayloadAt;

use fields::Fields;
use metadata::{FromHeaders, Topics};

#[derive(Debug)]
pub(super) struct Encoder {
    mode: Mode,
    topics: Topics,
    from_headers: FromHeaders,
    fields: Fields,
    time: TimeSource,
}

impl Encoder {
    /// `channel` is what `tracking: channel` notes; `left_out` counts headers and keys that are not text.
    pub(super) fn new(config: &EventConfig, channel: Uuid, left_out: &Counter) -> Self {
        Self {
            mode: config.mode.clone(),
            topics: Topics::new(config),
            from_headers: FromHeaders::new(&config.record_headers, left_out.clone()),
            fields: Fields::new(config, channel, left_out.clone()),
            time: config.time.clone(),
        }
    }

    /// Appends the event to `out`; on error `out` is as it was.
    pub(super) fn encode(&self, event: &Cleared<'_>, out: &mut Vec<u8>) -> Result<PayloadAt, Failure> {
        let record = event.record();
        let payload = match record.value {
            None => return Err(Failure::new(Reason::EmptyValue, "the record is a tombstone: it has no value")),
            Some([]) => return Err(Failure::new(Reason::EmptyValue, "the record's value is empty")),
            Some(payload) => payload,
        };
        let begin = out.len();
        let encoded = match &self.mode {
            Mode::Event => self.envelope(event, payload, out),
            Mode::Preformatted => self.preformatted(record, payload, out),
            Mode::Raw { line_breaker } => return raw(payload, line_breaker, out),
        };
        let length = out.len() - begin;
        if encoded.is_ok() && length as u64 > HEC_EVENT_MAX_BYTES.get() {
            out.truncate(begin);
            let words = format!("the event takes {length} bytes; Splunk takes {HEC_EVENT_MAX_BYTES} (maxEventSize)");
            return Err(Failure::new(Reason::TooLarge, words));
        }
        encoded
    }

    /// Appends the name of the event's group: for raw events the part of the address that is about them.
    pub(super) fn group(&self, event: &Cleared<'_>, name: &mut Vec<u8>) {
        match self.mode {
            Mode::Event | Mode::Preformatted => {}
            Mode::Raw { .. } => {
                let record = event.record();
                self.topics.with(record.topic, |plan| match self.from_headers.read(record) {
                    None => name.extend_from_slice(&plan.query),
                    Some(overrides) => plan.push_query(&overrides, name),
                });
            }
        }
    }
}

/// Any bytes are a raw event, except none and nothing but white space: Splunk would find no event in them.
fn raw(payload: &[u8], line_breaker: &str, out: &mut Vec<u8>) -> Result<PayloadAt, Failure> {
    if payload.iter().all(u8::is_ascii_whitespace) {
        return Err(blank());
    }
    let Ok(len) = u32::try_from(payload.len()) else {
        return Err(Failure::new(Reason::TooLarge, "the event is larger than 4 GiB"));
    };
    out.extend_from_slice(payload);
    out.extend_from_slice(line_breaker.as_bytes());
    Ok(PayloadAt::Verbatim { start: 0, len })
}

fn blank() -> Failure {
    Failure::new(Reason::BlankValue, "the record's value is only white space")
}

fn not_utf8() -> Failure {
    Failure::new(Reason::NotUtf8, "the record's value is not UTF-8")
}

/// A place within an event, whose length is limited to far below 4 GiB.
fn place(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests;
