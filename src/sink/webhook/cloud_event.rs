//! CloudEvents over HTTP (HTTP protocol binding 1.0.2, JSON event format 1.0.2).
//!
//! | payload | `cloudevents_structured`, `_batched` | `cloudevents_binary` |
//! | --- | --- | --- |
//! | a CloudEvent, as audit events are | its bytes, untouched | attributes as `ce-` headers, `data` as the body |
//! | a CloudEvent that headers cannot carry without loss | its bytes, untouched | in structured mode, which receivers tell by the content type |
//! | other JSON (a mapped event, say), other text | wrapped: `data` of a CloudEvent that is made here | the same, in headers |
//!
//! A CloudEvent is an object with the `specversion` 1.0, with an `id`, a `source` and a `type` that are texts and not empty,
//! and without a member that is there twice: of those, receivers could take either.

use std::borrow::Cow;

use jiff::Timestamp;

use super::frame::{push_encoded_header, push_header};
use crate::defaults::WEBHOOK_HEADERS_MAX_BYTES;
use crate::event::{Document, EventTime, Kind, Record, Value};

pub(super) const STRUCTURED_TYPE: &str = "application/cloudevents+json; charset=utf-8";

/// What a wrapped record is called.
const TYPE: &str = "auditferry.record";

/// Whether a document is a CloudEvent that can travel as it is.
pub(super) fn is_cloud_event(document: &Document<'_>) -> bool {
    let root = document.root();
    let named = |name: &str| root.get(name).and_then(|value| value.text()).is_some_and(|text| !text.is_empty());
    root.get("specversion").is_some_and(|version| version.is_text("1.0"))
        && ["id", "source", "type"].into_iter().all(named)
        && has_each_member_once(root)
}

fn has_each_member_once(object: Value<'_>) -> bool {
    let mut names: Vec<Cow<'_, str>> = object.children().filter_map(|member| member.key()).collect();
    names.sort_unstable();
    names.windows(2).all(|two| two[0] != two[1])
}

/// A record that is no CloudEvent, as one.
pub(super) struct Wrap {
    id: String,
    source: String,
    time: Option<String>,
}

impl Wrap {
    /// `time` is when the event happened, if the chain has found out.
    pub(super) fn of(record: &Record<'_>, time: Option<EventTime>) -> Self {
        let micros = time.map(EventTime::micros).or(record.timestamp_ms.map(|ms| ms.saturating_mul(1_000)));
        let time = micros.and_then(|micros| Timestamp::from_microsecond(micros).ok());
        Self {
            id: super::frame::position_of(record),
            source: format!("/topics/{}", record.topic),
            time: time.map(|time| time.to_string()),
        }
    }

    fn attributes(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let always = [("specversion", "1.0"), ("id", &self.id), ("source", &self.source), ("type", TYPE)];
        always.into_iter().chain(self.time.as_deref().map(|time| ("time", time)))
    }

    /// `{"specversion":"1.0", … ,"data":`; what follows is the payload and a closing brace.
    pub(super) fn push_opening(&self, content_type: &str, out: &mut Vec<u8>) {
        out.push(b'{');
        for (name, value) in self.attributes().chain([("datacontenttype", content_type)]) {
            super::json::push_string(out, name);
            out.push(b':');
            super::json::push_string(out, value);
            out.push(b',');
        }
        out.extend_from_slice(b"\"data\":");
    }

    pub(super) fn push_headers(&self, content_type: &str, out: &mut Vec<u8>) {
        for (name, value) in self.attributes() {
            push_encoded_header(out, &format!("ce-{name}"), value);
        }
        push_header(out, "content-type", content_type);
    }
}

/// Appends the headers of an event in binary mode, and gives its body; `None`, and nothing appended, when something of it would
/// be lost.
pub(super) fn push_binary<'d>(document: &'d Document<'d>, out: &mut Vec<u8>) -> Option<Cow<'d, [u8]>> {
    let begin = out.len();
    let body = push_parts(document, out);
    if body.is_none() || out.len() - begin > WEBHOOK_HEADERS_MAX_BYTES {
        out.truncate(begin);
        return None;
    }
    body
}

fn push_parts<'d>(document: &'d Document<'d>, out: &mut Vec<u8>) -> Option<Cow<'d, [u8]>> {
    let (mut data, mut base64) = (None, None);
    let mut content_type: Option<Cow<'d, str>> = None;
    for member in document.root().children() {
        let name = member.key()?;
        match (name.as_ref(), member.kind()) {
            // In the JSON format null means that an attribute is not set.
            ("data", _) => data = Some(member),
            (_, Kind::Null) => {}
            ("data_base64", _) => base64 = Some(member.text()?),
            ("datacontenttype", _) => content_type = Some(member.text().filter(|value| is_plain_type(value))?),
            (name, _) => push_encoded_header(out, &format!("ce-{}", attribute(name)?), &value_of(member)?),
        }
    }
    let is_json = content_type.as_deref().is_none_or(is_json_type);
    push_header(out, "content-type", content_type.as_deref().unwrap_or("application/json"));
    match (data, base64) {
        (Some(_), Some(_)) => None,
        (None, Some(text)) => {
            use base64::Engine as _;
            base64::engine::general_purpose::STANDARD.decode(text.as_bytes()).ok().map(Cow::Owned)
        }
        (None, None) => Some(Cow::Borrowed(&[])),
        (Some(data), None) if is_json => Some(Cow::Borrowed(literal(document, data))),
        // Of another type, a text is what it says; anything else has no form that the specification knows.
        (Some(data), None) => data.text().map(|text| Cow::Owned(text.into_owned().into_bytes())),
    }
}

/// A value as it is written; of a string with its quotation marks, which its span leaves out.
fn literal<'d>(document: &'d Document<'d>, value: Value<'d>) -> &'d [u8] {
    let span = value.span();
    let quoted = if value.kind() == Kind::String { span.start - 1..span.end + 1 } else { span };
    document.bytes().get(quoted).unwrap_or_default()
}

/// Names of attributes: lower-case letters and digits (CloudEvents, "Naming conventions").
fn attribute(name: &str) -> Option<&str> {
    let is_valid = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
    is_valid.then_some(name)
}

/// The canonical text of an attribute's value; `None` for what attributes cannot be.
fn value_of<'d>(value: Value<'d>) -> Option<Cow<'d, str>> {
    match value.kind() {
        Kind::String => value.text(),
        Kind::Bool(is_true) => Some(Cow::Borrowed(if is_true { "true" } else { "false" })),
        Kind::Number => {
            let text = std::str::from_utf8(value.raw()).ok()?;
            text.parse::<i32>().is_ok().then_some(Cow::Borrowed(text))
        }
        Kind::Object | Kind::Array | Kind::Null => None,
    }
}

/// A media type that may stand in a header as it is, and that does not make a receiver read the body as a CloudEvent.
fn is_plain_type(value: &str) -> bool {
    let is_visible = value.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic());
    let is_trimmed = !value.is_empty() && value.trim() == value;
    is_visible && is_trimmed && !value.to_ascii_lowercase().starts_with("application/cloudevents")
}

fn is_json_type(value: &str) -> bool {
    let kind = value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    kind.ends_with("/json") || kind.ends_with("+json")
}
