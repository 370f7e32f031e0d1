//! One encoded event of a format that sends one per request: what the request needs beside its body, and the body.
//!
//! A parcel holds bytes and nothing else, so what an event adds to the head of its request stands in front of its body:
//! a line with its identity, a line for each header, an empty line. Everything in these lines is visible ASCII, so an event
//! can end neither a line nor the head. [`push_visible`] sees to it.

use crate::event::Record;

const HEX: &[u8; 16] = b"0123456789ABCDEF";

/// The parts of an encoded event.
#[derive(PartialEq, Eq, Debug)]
pub(super) struct Frame<'a> {
    pub(super) identity: &'a str,
    pub(super) headers: Vec<(&'a str, &'a str)>,
    /// Where the body begins.
    pub(super) body: usize,
}

impl<'a> Frame<'a> {
    /// `None` when it is not what was written here.
    pub(super) fn read(encoded: &'a [u8]) -> Option<Self> {
        let end = encoded.windows(2).position(|two| two == b"\n\n")?;
        let head = std::str::from_utf8(&encoded[..end]).ok()?;
        let mut lines = head.split('\n');
        let identity = lines.next()?;
        let headers = lines.map(|line| line.split_once(':')).collect::<Option<_>>()?;
        Some(Self { identity, headers, body: end + 2 })
    }
}

/// The first line: `identity`, so that nothing in it has a meaning in any header, and that the signed string has one reading
/// (it has no dot).
pub(super) fn push_identity(out: &mut Vec<u8>, identity: &str) {
    for byte in identity.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_~".contains(&byte) {
            out.push(byte);
        } else {
            push_percent(out, byte);
        }
    }
    out.push(b'\n');
}

/// Topic, partition and offset.
pub(super) fn position_of(record: &Record<'_>) -> String {
    format!("{}-{}-{}", record.topic, record.partition, record.offset)
}

/// A header whose value is known to be visible ASCII, or spaces.
pub(super) fn push_header(out: &mut Vec<u8>, name: &str, value: &str) {
    debug_assert!(value.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic()));
    for part in [name, ":", value, "\n"] {
        out.extend_from_slice(part.as_bytes());
    }
}

/// A header with any text as value, encoded as the HTTP binding of CloudEvents says (section 3.1.3.2): space, quotation mark,
/// percent sign, and everything beyond visible ASCII.
pub(super) fn push_encoded_header(out: &mut Vec<u8>, name: &str, value: &str) {
    out.extend_from_slice(name.as_bytes());
    out.push(b':');
    push_visible(out, value);
    out.push(b'\n');
}

pub(super) fn end_head(out: &mut Vec<u8>) {
    out.push(b'\n');
}

fn push_visible(out: &mut Vec<u8>, text: &str) {
    for byte in text.bytes() {
        if byte.is_ascii_graphic() && !b"\"%".contains(&byte) {
            out.push(byte);
        } else {
            push_percent(out, byte);
        }
    }
}

/// A byte as `%XY`.
pub(super) fn push_percent(out: &mut Vec<u8>, byte: u8) {
    out.extend_from_slice(&[b'%', HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_is_read_as_it_was_written_whatever_it_holds() {
        let nasty = "a\r\nb\n\nc: d\0\u{7f}\u{2028}\"%ü";
        let mut out = Vec::new();
        push_identity(&mut out, nasty);
        push_encoded_header(&mut out, "ce-id", nasty);
        push_header(&mut out, "content-type", "text/plain; charset=utf-8");
        end_head(&mut out);
        out.extend_from_slice(b"body\n\nof two");
        let frame = Frame::read(&out).unwrap();
        assert!(frame.identity.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_~%".contains(&b)), "{frame:?}");
        let encoded = "a%0D%0Ab%0A%0Ac:%20d%00%7F%E2%80%A8%22%25%C3%BC";
        assert_eq!(frame.headers, [("ce-id", encoded), ("content-type", "text/plain; charset=utf-8")]);
        assert_eq!(&out[frame.body..], b"body\n\nof two");
    }

    /// The example of the specification.
    #[test]
    fn values_are_encoded_as_the_specification_shows() {
        let mut out = Vec::new();
        push_visible(&mut out, "Euro \u{20ac} \u{1f600}");
        assert_eq!(out, b"Euro%20%E2%82%AC%20%F0%9F%98%80");
    }
}
