//! A record whose value is a HEC envelope already.
//!
//! Splunk stops reading a request at an envelope with a member that it does not know, and answers with success. So an
//! envelope is checked in full before it is sent; one that is not right becomes a dead letter. It is right when
//!
//! - it is one JSON object, whose members are among `time`, `host`, `source`, `sourcetype`, `index`, `event` and `fields`,
//!   none of them twice;
//! - `time` is a number, or a string with one, without an exponent, and the next four are strings;
//! - `event` is there and is neither null nor false nor blank (for a metric it is `"metric"`);
//! - `fields` is an object of strings, numbers and lists of strings.
//!
//! Configured fields and tracking are added and win over fields of the same name; headers of the record override the
//! metadata. Configured metadata and time are not applied: the envelope speaks for itself. Its bytes travel unchanged
//! wherever nothing has to be taken out; those of `event` always.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::literal::{push_member, push_string};
use super::metadata::{MEMBERS, Overrides};
use super::{Encoder, Failure, PayloadAt, Reason, Record, blank, not_utf8, place};
use crate::event::{Json, scan};

impl Encoder {
    pub(super) fn preformatted(
        &self,
        record: &Record<'_>,
        payload: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<PayloadAt, Failure> {
        match scan(payload) {
            Json::Object { .. } => {}
            Json::Array | Json::Text(_) => return Err(invalid("the record's value is not one JSON object")),
            Json::Blank => return Err(blank()),
            Json::NotUtf8 => return Err(not_utf8()),
        }
        let envelope: Envelope<'_> = serde_json::from_slice(payload).map_err(|error| invalid(error.to_string()))?;
        envelope.check()?;
        let overrides = self.from_headers.read(record).unwrap_or_default();
        let replaced = envelope.metadata.iter().zip(&overrides).any(|(own, over)| own.is_some() && over.is_some());
        let merged = envelope.fields.is_some() && !self.fields.is_empty();
        if replaced || merged || payload.first() != Some(&b'{') {
            self.push_rewritten(record, &envelope, &overrides, out);
            Ok(PayloadAt::Elsewhere)
        } else {
            Ok(self.push_completed(record, payload, &overrides, out))
        }
    }

    /// Nothing of it has to go: what is added stands in front.
    fn push_completed(
        &self,
        record: &Record<'_>,
        payload: &[u8],
        overrides: &Overrides<'_>,
        out: &mut Vec<u8>,
    ) -> PayloadAt {
        let begin = out.len();
        out.push(b'{');
        push_overrides(overrides, out);
        let fields = out.len();
        out.extend_from_slice(b"\"fields\":{");
        if self.fields.push_members(record, "", out) {
            out.extend_from_slice(b"},");
        } else {
            out.truncate(fields);
        }
        let start = out.len() - begin;
        out.extend_from_slice(&payload[1..]);
        out.push(b'\n');
        PayloadAt::BehindBrace { start: place(start), len: place(payload.len() - 1) }
    }

    fn push_rewritten(
        &self,
        record: &Record<'_>,
        envelope: &Envelope<'_>,
        overrides: &Overrides<'_>,
        out: &mut Vec<u8>,
    ) {
        out.push(b'{');
        if let Some(time) = envelope.time {
            out.extend_from_slice(b"\"time\":");
            out.extend_from_slice(time.get().as_bytes());
            out.push(b',');
        }
        push_overrides(overrides, out);
        for ((name, own), over) in MEMBERS.iter().zip(&envelope.metadata).zip(overrides) {
            if let (Some(own), None) = (own, over) {
                push_member(out, name, own);
            }
        }
        out.extend_from_slice(b"\"event\":");
        out.extend_from_slice(envelope.event.map_or("null", RawValue::get).as_bytes());
        out.extend_from_slice(b",\"fields\":{");
        let mut some = self.fields.push_members(record, "", out);
        let own = envelope.fields.as_ref().map_or(&[][..], |fields| &fields.members);
        for (name, value) in own.iter().filter(|(name, _)| !self.fields.writes(name, record)) {
            if std::mem::replace(&mut some, true) {
                out.push(b',');
            }
            push_string(out, name);
            out.push(b':');
            out.extend_from_slice(value.get().as_bytes());
        }
        out.extend_from_slice(b"}}\n");
    }
}

fn push_overrides(overrides: &Overrides<'_>, out: &mut Vec<u8>) {
    for (name, value) in MEMBERS.iter().zip(overrides) {
        if let Some(value) = value {
            push_member(out, name, value);
        }
    }
}

fn invalid(words: impl Into<String>) -> Failure {
    Failure::new(Reason::InvalidEnvelope, words)
}

/// The members of an envelope, and the first thing that is wrong with it.
#[derive(Default)]
struct Envelope<'a> {
    time: Option<&'a RawValue>,
    /// In the order of [`MEMBERS`].
    metadata: [Option<Cow<'a, str>>; 4],
    event: Option<&'a RawValue>,
    fields: Option<OwnFields<'a>>,
    wrong: Option<String>,
}

impl Envelope<'_> {
    fn check(&self) -> Result<(), Failure> {
        if let Some(wrong) = &self.wrong {
            return Err(invalid(wrong));
        }
        if self.time.is_some_and(|time| !is_time(time.get())) {
            return Err(invalid("`time` is not a number of seconds without an exponent"));
        }
        match self.event.map(RawValue::get) {
            None => Err(invalid("there is no `event`: Splunk would skip the envelope")),
            Some("null" | "false") => Err(invalid("`event` is null or false, which Splunk refuses")),
            Some(text) if is_blank(text) => Err(invalid("`event` is blank, which Splunk refuses")),
            Some(_) => Ok(()),
        }
    }

    /// Notes that a member came twice.
    fn once(&mut self, seen: bool, name: &str) {
        if seen {
            self.is_wrong(|| format!("`{name}` is there twice"));
        }
    }

    /// The first finding counts.
    fn is_wrong(&mut self, words: impl FnOnce() -> String) {
        self.wrong.get_or_insert_with(words);
    }
}

/// A plain decimal number, or a string with one.
fn is_time(json: &str) -> bool {
    let number = json.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(json);
    let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits(whole) && digits(fraction)
}

fn is_blank(json: &str) -> bool {
    json.starts_with('"') && serde_json::from_str::<Text<'_>>(json).is_ok_and(|Text(text)| text.trim().is_empty())
}

/// A borrowed string where possible; serde borrows a `Cow` only inside derived types.
#[derive(Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

impl<'de> Deserialize<'de> for Envelope<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(EnvelopeVisitor)
    }
}

struct EnvelopeVisitor;

impl<'de> Visitor<'de> for EnvelopeVisitor {
    type Value = Envelope<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an envelope")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut envelope = Envelope::default();
        while let Some(Text(key)) = map.next_key()? {
            match key.as_ref() {
                "time" => {
                    envelope.once(envelope.time.is_some(), "time");
                    envelope.time = Some(map.next_value()?);
                }
                "event" => {
                    envelope.once(envelope.event.is_some(), "event");
                    envelope.event = Some(map.next_value()?);
                }
                "fields" => {
                    envelope.once(envelope.fields.is_some(), "fields");
                    let raw: &RawValue = map.next_value()?;
                    match serde_json::from_str(raw.get()) {
                        Ok(fields) => envelope.fields = Some(fields),
                        Err(_) => envelope.is_wrong(|| FIELDS_ARE_NOT_FLAT.to_owned()),
                    }
                }
                other => match MEMBERS.iter().position(|name| *name == other) {
                    Some(place) => {
                        envelope.once(envelope.metadata[place].is_some(), MEMBERS[place]);
                        let raw: &RawValue = map.next_value()?;
                        match serde_json::from_str::<Text<'de>>(raw.get()) {
                            Ok(Text(text)) => envelope.metadata[place] = Some(text),
                            Err(_) => envelope.is_wrong(|| format!("`{other}` is not a string")),
                        }
                    }
                    None => {
                        map.next_value::<IgnoredAny>()?;
                        envelope.is_wrong(|| unknown(other));
                    }
                },
            }
        }
        Ok(envelope)
    }
}

const FIELDS_ARE_NOT_FLAT: &str = "`fields` is not an object of strings, numbers and lists of strings";

/// As much of a name as helps to find it, without control characters.
fn unknown(name: &str) -> String {
    let shown: String = name.chars().take(40).flat_map(char::escape_debug).collect();
    format!("Splunk does not know the member `{shown}` and would drop this and all later events without a word")
}

/// The members of `fields`, whose values are flat.
struct OwnFields<'a> {
    members: Vec<(Cow<'a, str>, &'a RawValue)>,
}

impl<'de> Deserialize<'de> for OwnFields<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(FieldsVisitor)
    }
}

struct FieldsVisitor;

impl<'de> Visitor<'de> for FieldsVisitor {
    type Value = OwnFields<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("flat fields")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut members = Vec::new();
        while let Some((Text(name), value)) = map.next_entry::<Text<'de>, &RawValue>()? {
            serde_json::from_str::<Flat>(value.get()).map_err(serde::de::Error::custom)?;
            members.push((name, value));
        }
        Ok(OwnFields { members })
    }
}

/// Any string, number or list of strings.
struct Flat;

impl<'de> Deserialize<'de> for Flat {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(FlatVisitor)
    }
}

struct FlatVisitor;

impl<'de> Visitor<'de> for FlatVisitor {
    type Value = Flat;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string, a number or a list of strings")
    }

    fn visit_str<E>(self, _: &str) -> Result<Flat, E> {
        Ok(Flat)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Flat, E> {
        Ok(Flat)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Flat, E> {
        Ok(Flat)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Flat, E> {
        Ok(Flat)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Flat, A::Error> {
        while let Some(Text(_)) = seq.next_element()? {}
        Ok(Flat)
    }
}
