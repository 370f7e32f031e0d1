//! A record as one line of a segment.
//!
//! ```text
//! {"o":41,"t":1763654400000,"k":"key","h":[["name","value"],["empty",null]],"e":{…}}
//! ```
//!
//! | member | what | when |
//! | --- | --- | --- |
//! | `o` | offset | always |
//! | `t` | timestamp, milliseconds since 1970 | unless the record has none |
//! | `k`, `kb` | key, as text or in base64 | unless it has none |
//! | `h` | headers in order: name, and value as text, `{"b":"base64"}` or null | unless it has none |
//! | `e` | value, its bytes unchanged | when it is a JSON object or array on one line |
//! | `v`, `vb` | value, as text or in base64 | otherwise; a tombstone has none of the three |
//!
//! So query engines see `e` as JSON, and nothing about the bytes is lost.

use std::borrow::Cow;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::Hash;
use super::tree::Leaf;
use crate::event::{Json, Record, headers, scan};

/// Where the value lies within the line that was appended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ValueAt {
    Verbatim { start: usize, len: usize },
    Elsewhere,
}

/// Appends the record's line, with its line break.
pub fn push(record: &Record<'_>, out: &mut Vec<u8>) -> ValueAt {
    let begin = out.len();
    out.extend_from_slice(b"{\"o\":");
    push_number(out, record.offset.get());
    if let Some(timestamp) = record.timestamp_ms {
        out.extend_from_slice(b",\"t\":");
        push_number(out, timestamp);
    }
    if let Some(key) = record.key {
        push_text_or_base64(out, b",\"k\":", b",\"kb\":", key);
    }
    push_headers(out, record.headers);
    let at = match record.value {
        None => ValueAt::Elsewhere,
        Some(value) if stands_on_one_line(value) => {
            out.extend_from_slice(b",\"e\":");
            let start = out.len() - begin;
            out.extend_from_slice(value);
            ValueAt::Verbatim { start, len: value.len() }
        }
        Some(value) => {
            push_text_or_base64(out, b",\"v\":", b",\"vb\":", value);
            ValueAt::Elsewhere
        }
    };
    out.extend_from_slice(b"}\n");
    at
}

/// The hash of the record in the segment's tree.
pub fn leaf(record: &Record<'_>) -> Hash {
    let Record { offset, timestamp_ms, key, value, headers, .. } = *record;
    Leaf { offset: offset.get(), timestamp_ms, key, value, headers: headers::iter(headers) }.hash()
}

/// A value of other bytes than these could be read as another line, or come back without its white space.
fn stands_on_one_line(value: &[u8]) -> bool {
    let framed = matches!((value.first(), value.last()), (Some(b'{'), Some(b'}')) | (Some(b'['), Some(b']')));
    framed && memchr::memchr2(b'\n', b'\r', value).is_none() && matches!(scan(value), Json::Object { .. } | Json::Array)
}

fn push_number(out: &mut Vec<u8>, number: i64) {
    out.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
}

fn push_text_or_base64(out: &mut Vec<u8>, text_key: &[u8], base64_key: &[u8], bytes: &[u8]) {
    match std::str::from_utf8(bytes) {
        Ok(text) => {
            out.extend_from_slice(text_key);
            push_string(out, text);
        }
        Err(_) => {
            out.extend_from_slice(base64_key);
            push_string(out, &STANDARD.encode(bytes));
        }
    }
}

fn push_string(out: &mut Vec<u8>, text: &str) {
    serde_json::to_writer(out, text).expect("writing a string to memory cannot fail");
}

fn push_headers(out: &mut Vec<u8>, packed: &[u8]) {
    if packed.is_empty() {
        return;
    }
    let mut before: &[u8] = b",\"h\":[[";
    for (name, value) in headers::iter(packed) {
        out.extend_from_slice(before);
        before = b",[";
        push_string(out, name);
        match value.map(|value| (value, std::str::from_utf8(value))) {
            None => out.extend_from_slice(b",null"),
            Some((_, Ok(text))) => {
                out.push(b',');
                push_string(out, text);
            }
            Some((bytes, Err(_))) => {
                push_base64_object(out, bytes);
            }
        }
        out.push(b']');
    }
    out.push(b']');
}

fn push_base64_object(out: &mut Vec<u8>, bytes: &[u8]) {
    out.extend_from_slice(b",{\"b\":");
    push_string(out, &STANDARD.encode(bytes));
    out.push(b'}');
}

/// A record that was read from its line.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Line<'a> {
    pub offset: i64,
    pub timestamp_ms: Option<i64>,
    pub key: Option<Cow<'a, [u8]>>,
    /// `None` is a tombstone.
    pub value: Option<Cow<'a, [u8]>>,
    pub headers: Vec<Header<'a>>,
}

/// A header's name and value.
pub type Header<'a> = (Cow<'a, str>, Option<Cow<'a, [u8]>>);

/// What is wrong with a line.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("not a line of a segment: {0}")]
pub struct MalformedLine(String);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Shape<'a> {
    o: i64,
    t: Option<i64>,
    #[serde(borrow)]
    k: Option<Cow<'a, str>>,
    kb: Option<Cow<'a, str>>,
    #[serde(borrow)]
    h: Option<Vec<(Cow<'a, str>, Option<HeaderShape<'a>>)>>,
    #[serde(borrow)]
    e: Option<&'a RawValue>,
    #[serde(borrow)]
    v: Option<Cow<'a, str>>,
    vb: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum HeaderShape<'a> {
    Text(#[serde(borrow)] Cow<'a, str>),
    Bytes { b: String },
}

impl<'a> Line<'a> {
    /// Reads a line without its line break.
    ///
    /// # Errors
    /// It is not what [`push`] writes: a member is missing, unknown, there twice or contradicted by another.
    pub fn parse(line: &'a [u8]) -> Result<Self, MalformedLine> {
        let shape: Shape<'a> = serde_json::from_slice(line).map_err(|error| MalformedLine(error.to_string()))?;
        let value = match (shape.e, shape.v, shape.vb) {
            (None, None, None) => None,
            (Some(raw), None, None) => Some(Cow::Borrowed(raw.get().as_bytes())),
            (None, Some(text), None) => Some(bytes_of(text)),
            (None, None, Some(encoded)) => Some(decoded(&encoded)?),
            (Some(_), _, _) | (None, Some(_), Some(_)) => {
                return Err(MalformedLine("it has several values".to_owned()));
            }
        };
        let key = match (shape.k, shape.kb) {
            (None, None) => None,
            (Some(text), None) => Some(bytes_of(text)),
            (None, Some(encoded)) => Some(decoded(&encoded)?),
            (Some(_), Some(_)) => return Err(MalformedLine("it has two keys".to_owned())),
        };
        let headers = shape.h.unwrap_or_default().into_iter().map(|(name, value)| Ok((name, header(value)?)));
        let headers = headers.collect::<Result<_, MalformedLine>>()?;
        Ok(Self { offset: shape.o, timestamp_ms: shape.t, key, value, headers })
    }

    pub fn leaf(&self) -> Hash {
        let headers = self.headers.iter().map(|(name, value)| (name.as_ref(), value.as_deref()));
        let (key, value) = (self.key.as_deref(), self.value.as_deref());
        Leaf { offset: self.offset, timestamp_ms: self.timestamp_ms, key, value, headers }.hash()
    }
}

fn header(shape: Option<HeaderShape<'_>>) -> Result<Option<Cow<'_, [u8]>>, MalformedLine> {
    match shape {
        None => Ok(None),
        Some(HeaderShape::Text(text)) => Ok(Some(bytes_of(text))),
        Some(HeaderShape::Bytes { b }) => decoded(&b).map(Some),
    }
}

fn bytes_of(text: Cow<'_, str>) -> Cow<'_, [u8]> {
    match text {
        Cow::Borrowed(text) => Cow::Borrowed(text.as_bytes()),
        Cow::Owned(text) => Cow::Owned(text.into_bytes()),
    }
}

fn decoded(encoded: &str) -> Result<Cow<'static, [u8]>, MalformedLine> {
    STANDARD.decode(encoded).map(Cow::Owned).map_err(|error| MalformedLine(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::position::{Offset, PartitionId};
    use proptest::collection::vec;
    use proptest::option;
    use proptest::prelude::*;

    type Headers = Vec<(String, Option<Vec<u8>>)>;

    fn packed(headers: &Headers) -> Vec<u8> {
        let mut flat = Vec::new();
        headers.iter().for_each(|(name, value)| headers::push(&mut flat, name, value.as_deref()));
        flat
    }

    fn record<'a>(key: Option<&'a [u8]>, value: Option<&'a [u8]>, headers: &'a [u8]) -> Record<'a> {
        let (partition, offset) = (PartitionId::new(3), Offset::new(41));
        Record { topic: "t", partition, offset, timestamp_ms: Some(1_763_654_400_000), key, value, headers }
    }

    fn line_of(record: &Record<'_>) -> String {
        let mut out = b"before".to_vec();
        let at = push(record, &mut out);
        if let (ValueAt::Verbatim { start, len }, Some(value)) = (at, record.value) {
            assert_eq!(&out[6 + start..6 + start + len], value);
        }
        String::from_utf8(out.split_off(6)).unwrap()
    }

    #[test]
    fn a_json_value_stands_in_its_line_unchanged() {
        let line = line_of(&record(Some(b"key"), Some(br#"{ "a" : 1.0e5,"a":2}"#), &[]));
        assert_eq!(line, "{\"o\":41,\"t\":1763654400000,\"k\":\"key\",\"e\":{ \"a\" : 1.0e5,\"a\":2}}\n");
    }

    #[test]
    fn what_cannot_stand_unchanged_is_written_as_text_or_base64() {
        let headers =
            packed(&vec![("n".into(), Some(b"v".to_vec())), ("n".into(), None), ("b".into(), Some(vec![255]))]);
        let cases: [(&[u8], &str); 8] = [
            (b"{\"a\":\n1}", r#""v":"{\"a\":\n1}""#),
            (b" {}", r#""v":" {}""#),
            (b"{} ", r#""v":"{} ""#),
            (b"text", r#""v":"text""#),
            (b"", r#""v":"""#),
            (b"1", r#""v":"1""#),
            (b"{}}", r#""v":"{}}""#),
            (b"\xff{}", r#""vb":"/3t9""#),
        ];
        for (value, expected) in cases {
            let line = line_of(&record(None, Some(value), &headers));
            let before = r#"{"o":41,"t":1763654400000,"h":[["n","v"],["n",null],["b",{"b":"/w=="}]],"#;
            assert_eq!(line, format!("{before}{expected}}}\n"));
        }
        assert_eq!(line_of(&Record { timestamp_ms: None, ..record(None, None, &[]) }), "{\"o\":41}\n");
    }

    #[test]
    fn a_line_that_nobody_wrote_is_refused() {
        let cases = [
            "",
            "{}",
            r#"{"o":1,"o":2}"#,
            r#"{"o":1,"x":2}"#,
            r#"{"o":1,"e":{},"v":"x"}"#,
            r#"{"o":1,"e":{},"vb":"eA=="}"#,
            r#"{"o":1,"v":"x","vb":"eA=="}"#,
            r#"{"o":1,"k":"x","kb":"eA=="}"#,
            r#"{"o":1,"vb":"!"}"#,
            r#"{"o":1,"e":{}} {"o":2}"#,
            r#"{"o":1,"h":[["n"]]}"#,
        ];
        for case in cases {
            assert!(Line::parse(case.as_bytes()).is_err(), "{case}");
        }
    }

    fn json() -> impl Strategy<Value = Vec<u8>> {
        let texts: Vec<Vec<u8>> =
            [r#"{"a":[1,{"b":"\u00e9\n"}]}"#, "[]", "{}", "[ 1 ]", "{\"a\":\t1}", "{\"a\":1}\n", "null"]
                .map(|text| text.as_bytes().to_vec())
                .into();
        prop_oneof![proptest::sample::select(texts), vec(any::<u8>(), 0..40), "\\PC{0,20}".prop_map(String::into_bytes)]
    }

    proptest! {
        #[test]
        fn every_record_comes_back_byte_by_byte_on_one_line(
            (offset, timestamp_ms) in (0..i64::MAX, option::of(any::<i64>())),
            (key, value) in (option::of(vec(any::<u8>(), 0..20)), option::of(json())),
            headers in vec(("\\PC{0,8}", option::of(vec(any::<u8>(), 0..10))), 0..4),
        ) {
            let flat = packed(&headers);
            let base = record(key.as_deref(), value.as_deref(), &flat);
            let record = Record { offset: Offset::new(offset), timestamp_ms, ..base };
            let line = line_of(&record);
            prop_assert_eq!(line.matches(['\n', '\r']).count(), 1);
            let read = Line::parse(line.trim_end_matches('\n').as_bytes()).unwrap();
            prop_assert_eq!((read.offset, read.timestamp_ms), (offset, timestamp_ms));
            prop_assert_eq!((read.key.as_deref(), read.value.as_deref()), (key.as_deref(), value.as_deref()));
            let read_headers: Headers =
                read.headers.iter().map(|(name, value)| (name.to_string(), value.as_deref().map(<[u8]>::to_vec))).collect();
            prop_assert_eq!(read_headers, headers);
            prop_assert_eq!(read.leaf(), leaf(&record));
        }
    }
}
