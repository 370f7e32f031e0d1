//! From a record to its part of a request.
//!
//! | format | encoded event | request body |
//! | --- | --- | --- |
//! | `json_array`, `cloudevents_batched` | JSON and a comma | `[`, the events without the last comma, `]` |
//! | `ndjson` | JSON and a line break, none within | the events |
//! | all others | a [`frame`](super::frame): head lines, then the body | the frame's body |
//!
//! A payload that is JSON is embedded as it is, after a check in full that it cannot end its place. Other text becomes a JSON
//! string. What is not UTF-8, and what a message should be made of and is no JSON object, is a dead letter.

use std::borrow::Cow;
use std::sync::{Mutex, PoisonError};

use super::cloud_event::{STRUCTURED_TYPE, Wrap, is_cloud_event, push_binary};
use super::config::{Format, IdentityKey};
use super::frame::{end_head, position_of, push_header, push_identity};
use super::json::push_string;
use super::message::{Message, pagerduty, slack, teams};
use super::template::{Reading, Template};
use crate::delivery::attempt::Failure;
use crate::event::{Cleared, Document, Field, Json, Record, Tape, View, scan};
use crate::reason::Reason;
use crate::sink::PayloadAt;

const JSON_TYPE: &str = "application/json";
const TEXT_TYPE: &str = "text/plain; charset=utf-8";

#[derive(Debug)]
pub(super) struct Encoder {
    format: Format,
    key: IdentityKey,
    /// Memory for reading one event after the other; only the poll thread encodes.
    tape: Mutex<Tape>,
}

/// A payload that may be sent.
#[derive(Clone, Copy)]
enum Payload<'a> {
    Json(&'a str),
    Text(&'a str),
}

impl<'a> Payload<'a> {
    fn of(record: &Record<'a>) -> Result<Self, Failure> {
        let bytes = match record.value {
            None => return Err(Failure::new(Reason::EmptyValue, "the record is a tombstone: it has no value")),
            Some([]) => return Err(Failure::new(Reason::EmptyValue, "the record's value is empty")),
            Some(bytes) => bytes,
        };
        // Places within an event are 32 bits wide.
        if u32::try_from(bytes.len().saturating_mul(2)).is_err() {
            return Err(Failure::new(Reason::TooLarge, "the event is larger than 2 GiB"));
        }
        match scan(bytes) {
            Json::Object { .. } | Json::Array => std::str::from_utf8(bytes).map(Self::Json).map_err(|_| not_utf8()),
            Json::Text(text) => Ok(Self::Text(text)),
            Json::Blank => Err(Failure::new(Reason::BlankValue, "the record's value is only white space")),
            Json::NotUtf8 => Err(not_utf8()),
        }
    }

    const fn as_str(self) -> &'a str {
        match self {
            Self::Json(text) | Self::Text(text) => text,
        }
    }

    const fn content_type(self) -> &'static str {
        match self {
            Self::Json(_) => JSON_TYPE,
            Self::Text(_) => TEXT_TYPE,
        }
    }

    /// Appends it as a JSON value. `begin` is where the encoded event begins.
    fn push_value(self, begin: usize, out: &mut Vec<u8>) -> PayloadAt {
        let start = out.len();
        match self {
            Self::Json(text) => {
                out.extend_from_slice(text.as_bytes());
                PayloadAt::Verbatim { start: place(start - begin), len: place(text.len()) }
            }
            Self::Text(text) => {
                push_string(out, text);
                PayloadAt::JsonString { start: place(start - begin), len: place(out.len() - start) }
            }
        }
    }
}

impl Encoder {
    pub(super) fn new(format: Format, key: IdentityKey) -> Self {
        Self { format, key, tape: Mutex::default() }
    }

    /// Appends the event to `out`; on error `out` is as it was.
    pub(super) fn encode(&self, event: &Cleared<'_>, out: &mut Vec<u8>) -> Result<PayloadAt, Failure> {
        let payload = Payload::of(event.record())?;
        let begin = out.len();
        // A panic leaves a half-read document, which the next reading replaces.
        let mut tape = self.tape.lock().unwrap_or_else(PoisonError::into_inner);
        let document = tape.read(payload.as_str().as_bytes());
        let written = self.write(event, payload, document.as_ref(), out);
        if written.is_err() {
            out.truncate(begin);
        }
        written
    }

    fn write(
        &self,
        event: &Cleared<'_>,
        payload: Payload<'_>,
        document: Option<&Document<'_>>,
        out: &mut Vec<u8>,
    ) -> Result<PayloadAt, Failure> {
        let (record, begin) = (event.record(), out.len());
        if !self.format.is_batch() {
            push_identity(out, &self.identity(record, document));
        }
        match &self.format {
            Format::Json => {
                push_header(out, "content-type", JSON_TYPE);
                end_head(out);
                Ok(payload.push_value(begin, out))
            }
            Format::JsonArray => {
                let at = payload.push_value(begin, out);
                out.push(b',');
                Ok(at)
            }
            Format::Ndjson => Ok(push_line(payload, begin, out)),
            Format::CloudEventsStructured => {
                push_header(out, "content-type", STRUCTURED_TYPE);
                end_head(out);
                Ok(push_structured(event, payload, document, begin, out))
            }
            Format::CloudEventsBatched => {
                let at = push_structured(event, payload, document, begin, out);
                out.push(b',');
                Ok(at)
            }
            Format::CloudEventsBinary => Ok(push_binary_event(event, payload, document, begin, out)),
            Format::Slack | Format::Teams | Format::PagerDuty(_) => {
                let document = document.ok_or_else(no_object)?;
                push_header(out, "content-type", JSON_TYPE);
                end_head(out);
                self.push_message(record, &View::new(document), out);
                Ok(PayloadAt::Elsewhere)
            }
            Format::Template(template) => {
                push_rendered(template, record, payload, document, out);
                Ok(PayloadAt::Elsewhere)
            }
        }
    }

    fn push_message(&self, record: &Record<'_>, view: &View<'_>, out: &mut Vec<u8>) {
        let position = position_of(record);
        let message = Message::of(view, &position);
        match &self.format {
            Format::Slack => out.extend_from_slice(slack::body(&message).to_string().as_bytes()),
            Format::Teams => out.extend_from_slice(teams::body(&message).to_string().as_bytes()),
            Format::PagerDuty(config) => {
                let id = view.text(Field::Id).filter(|id| !id.is_empty());
                let identity = id.unwrap_or(Cow::Borrowed(&position));
                out.extend_from_slice(&pagerduty::rest_of_body(&message, view, &identity, config.severity));
            }
            Format::Json
            | Format::JsonArray
            | Format::Ndjson
            | Format::CloudEventsStructured
            | Format::CloudEventsBatched
            | Format::CloudEventsBinary
            | Format::Template(_) => {}
        }
    }

    fn identity(&self, record: &Record<'_>, document: Option<&Document<'_>>) -> String {
        let id = match self.key {
            IdentityKey::Position => None,
            IdentityKey::EventId => document.and_then(|document| document.root().get("id")?.text()),
        };
        let id = id.filter(|id| !id.is_empty() && id.len() <= IDENTITY_MAX);
        id.map_or_else(|| position_of(record), Cow::into_owned)
    }
}

/// A longer `id` is none that a receiver would remember; the position stands for it.
const IDENTITY_MAX: usize = 255;

/// One line. Line breaks within JSON can only stand between its parts, where they mean nothing.
fn push_line(payload: Payload<'_>, begin: usize, out: &mut Vec<u8>) -> PayloadAt {
    let mut at = payload.push_value(begin, out);
    for byte in &mut out[begin..] {
        if matches!(byte, b'\n' | b'\r') {
            *byte = b' ';
            at = PayloadAt::Elsewhere;
        }
    }
    out.push(b'\n');
    at
}

fn push_structured(
    event: &Cleared<'_>,
    payload: Payload<'_>,
    document: Option<&Document<'_>>,
    begin: usize,
    out: &mut Vec<u8>,
) -> PayloadAt {
    if document.is_some_and(is_cloud_event) {
        return payload.push_value(begin, out);
    }
    Wrap::of(event.record(), event.time()).push_opening(payload.content_type(), out);
    let at = payload.push_value(begin, out);
    out.push(b'}');
    at
}

fn push_binary_event(
    event: &Cleared<'_>,
    payload: Payload<'_>,
    document: Option<&Document<'_>>,
    begin: usize,
    out: &mut Vec<u8>,
) -> PayloadAt {
    let Some(document) = document.filter(|document| is_cloud_event(document)) else {
        Wrap::of(event.record(), event.time()).push_headers(payload.content_type(), out);
        end_head(out);
        let start = out.len() - begin;
        out.extend_from_slice(payload.as_str().as_bytes());
        return PayloadAt::Verbatim { start: place(start), len: place(payload.as_str().len()) };
    };
    match push_binary(document, out) {
        Some(data) => {
            end_head(out);
            out.extend_from_slice(&data);
            PayloadAt::Elsewhere
        }
        None => {
            push_header(out, "content-type", STRUCTURED_TYPE);
            end_head(out);
            payload.push_value(begin, out)
        }
    }
}

fn push_rendered(
    template: &Template,
    record: &Record<'_>,
    payload: Payload<'_>,
    document: Option<&Document<'_>>,
    out: &mut Vec<u8>,
) {
    push_header(out, "content-type", template.escape().content_type());
    end_head(out);
    let reading = Reading { record, payload: payload.as_str(), view: document.map(View::new) };
    template.render(&reading, out);
}

fn no_object() -> Failure {
    Failure::new(Reason::InvalidFormat, "the record's value is no JSON object, so no message can be made of it")
}

fn not_utf8() -> Failure {
    Failure::new(Reason::NotUtf8, "the record's value is not UTF-8")
}

/// A place within an event, whose length is limited.
fn place(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
