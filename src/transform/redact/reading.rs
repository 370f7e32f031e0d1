//! A string as it is understood, and where in the event each part of it stands.
//!
//! What is searched for is found however it is spelled. A string is decoded as JSON; then escapes that are left in it are
//! undone, in rounds: percent-encoding, as in CRNs and addresses, and JSON's own, as in a document within a string. At last
//! letters become small ones. Each byte of the result knows its origin, so that what is found leads back to bytes of the
//! event, and never to a part of an escape.
//!
//! A round more than [`ROUNDS`] is not undone: no reader of an audit event decodes that often.

use std::borrow::Cow;

use crate::defaults::REDACT_DECODING_ROUNDS as ROUNDS;

/// Memory for one string after the other.
#[derive(Clone, Debug, Default)]
pub(super) struct Reading {
    bytes: Vec<u8>,
    /// Where the byte's origin begins, in step with `bytes`; empty when both count alike.
    origins: Vec<u32>,
    /// Bytes of the string as it is written.
    len: usize,
    spare: (Vec<u8>, Vec<u32>),
}

impl Reading {
    /// Reads what stands between a string's quotation marks.
    pub(super) fn read(&mut self, raw: &[u8]) {
        self.bytes.clear();
        self.origins.clear();
        self.len = raw.len();
        self.bytes.extend_from_slice(raw);
        if is_plain(raw) {
            self.bytes.make_ascii_lowercase();
            return;
        }
        self.number_origins();
        if raw.contains(&b'\\') {
            self.decode(Escapes::Json);
        }
        for _ in 0..ROUNDS {
            let left = self.bytes.contains(&b'%') || self.bytes.contains(&b'\\');
            if !left || !self.decode(Escapes::Any) {
                break;
            }
        }
        self.fold();
    }

    /// Capitals made small, and nothing else: what ASCII text means that holds no escape.
    pub(super) fn fold_ascii(&mut self, text: &[u8]) -> &[u8] {
        self.bytes.clear();
        self.origins.clear();
        self.len = text.len();
        self.bytes.extend_from_slice(text);
        self.bytes.make_ascii_lowercase();
        &self.bytes
    }

    /// Reads it as a person wrote it: JSON's escapes are undone, and nothing else is changed. The result is text.
    pub(super) fn read_as_written(&mut self, raw: &[u8]) -> Cow<'_, str> {
        self.bytes.clear();
        self.origins.clear();
        self.len = raw.len();
        self.bytes.extend_from_slice(raw);
        if raw.contains(&b'\\') {
            self.number_origins();
            self.decode(Escapes::Json);
        }
        String::from_utf8_lossy(&self.bytes)
    }

    /// The result of the last reading.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Where these bytes of the result come from: whole characters and whole escapes.
    pub(super) fn origin(&self, start: usize, end: usize) -> (usize, usize) {
        if self.origins.is_empty() {
            return (start, end);
        }
        let origin = |at: usize| self.origins.get(at).map_or(self.len, |origin| *origin as usize);
        let last = origin(end.saturating_sub(1));
        let mut next = end;
        while next < self.bytes.len() && origin(next) == last {
            next += 1;
        }
        (origin(start), origin(next))
    }

    fn number_origins(&mut self) {
        self.origins.extend((0u32..).take(self.bytes.len()));
    }

    /// Undoes one layer of escapes; whether there was one.
    fn decode(&mut self, escapes: Escapes) -> bool {
        let (bytes, origins) = &mut self.spare;
        bytes.clear();
        origins.clear();
        let mut at = 0;
        let mut changed = false;
        while let Some(byte) = self.bytes.get(at) {
            let origin = self.origins.get(at).copied().unwrap_or_default();
            let before = bytes.len();
            let taken = match byte {
                b'\\' => push_json_escape(&self.bytes[at..], bytes),
                b'%' if escapes == Escapes::Any => push_percent_escape(&self.bytes[at..], bytes),
                _ => 0,
            };
            if taken == 0 {
                bytes.push(*byte);
            }
            changed |= taken > 0;
            at += taken.max(1);
            origins.extend(std::iter::repeat_n(origin, bytes.len() - before));
        }
        std::mem::swap(&mut self.bytes, bytes);
        std::mem::swap(&mut self.origins, origins);
        changed
    }

    /// Makes capitals small. What percent-encoding has hidden need not be text: such bytes stay as they are.
    fn fold(&mut self) {
        if self.bytes.is_ascii() {
            return self.bytes.make_ascii_lowercase();
        }
        let (bytes, origins) = &mut self.spare;
        bytes.clear();
        origins.clear();
        let mut at = 0;
        for chunk in self.bytes.utf8_chunks() {
            for c in chunk.valid().chars() {
                let origin = self.origins.get(at).copied().unwrap_or_default();
                let before = bytes.len();
                for small in c.to_lowercase() {
                    bytes.extend_from_slice(small.encode_utf8(&mut [0; 4]).as_bytes());
                }
                origins.extend(std::iter::repeat_n(origin, bytes.len() - before));
                at += c.len_utf8();
            }
            for byte in chunk.invalid() {
                bytes.push(*byte);
                origins.push(self.origins.get(at).copied().unwrap_or_default());
                at += 1;
            }
        }
        std::mem::swap(&mut self.bytes, bytes);
        std::mem::swap(&mut self.origins, origins);
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Escapes {
    Json,
    Any,
}

/// Whether a string is its own meaning, capitals aside.
pub(super) fn is_plain(raw: &[u8]) -> bool {
    raw.is_ascii() && memchr::memchr2(b'\\', b'%', raw).is_none()
}

/// The text that a part of a string stands for: as [`Reading::read`] understands it, in its own capitals.
pub(super) fn meaning(raw: &[u8]) -> Cow<'_, str> {
    if is_plain(raw) {
        return String::from_utf8_lossy(raw);
    }
    let mut reading = Reading::default();
    reading.bytes.extend_from_slice(raw);
    reading.decode(Escapes::Json);
    for _ in 0..ROUNDS {
        if !reading.decode(Escapes::Any) {
            break;
        }
    }
    Cow::Owned(String::from_utf8_lossy(&reading.bytes).into_owned())
}

/// Appends what the escape at the beginning of `text` stands for; returns its length, 0 when it is none.
fn push_json_escape(text: &[u8], out: &mut Vec<u8>) -> usize {
    let simple = match text.get(1) {
        Some(b'n') => b'\n',
        Some(b't') => b'\t',
        Some(b'r') => b'\r',
        Some(b'b') => 8,
        Some(b'f') => 12,
        Some(c @ (b'"' | b'\\' | b'/')) => *c,
        Some(b'u') => return push_code_point(text, out),
        Some(_) | None => return 0,
    };
    out.push(simple);
    2
}

fn push_code_point(text: &[u8], out: &mut Vec<u8>) -> usize {
    const LEN: usize = "\\u0000".len();
    let unit = |text: &[u8]| match text {
        [b'\\', b'u', a, b, c, d, ..] => {
            [a, b, c, d].into_iter().try_fold(0u32, |unit, digit| Some(unit << 4 | u32::from(hex(*digit)?)))
        }
        _ => None,
    };
    let Some(first) = unit(text) else { return 0 };
    let second = || text.get(LEN..).and_then(unit).filter(|second| (0xDC00..0xE000).contains(second));
    let (code, len) = match (0xD800..0xDC00).contains(&first).then(second).flatten() {
        Some(second) => (0x1_0000 + ((first - 0xD800) << 10) + (second - 0xDC00), 2 * LEN),
        None => (first, LEN),
    };
    let Some(c) = char::from_u32(code) else { return 0 };
    out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
    len
}

fn push_percent_escape(text: &[u8], out: &mut Vec<u8>) -> usize {
    match text {
        [b'%', high, low, ..] => match (hex(*high), hex(*low)) {
            (Some(high), Some(low)) => {
                out.push(high << 4 | low);
                3
            }
            (Some(_), None) | (None, Some(_) | None) => 0,
        },
        _ => 0,
    }
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(raw: &str) -> (String, Reading) {
        let mut reading = Reading::default();
        reading.read(raw.as_bytes());
        (String::from_utf8_lossy(reading.bytes()).into_owned(), reading)
    }

    #[test]
    fn a_string_is_read_however_it_is_spelled() {
        for (raw, expected) in [
            ("Alice@X.com", "alice@x.com"),
            (r"\u0041lice\u0040x.com", "alice@x.com"),
            ("alice%40x.com", "alice@x.com"),
            ("alice%2540x.com", "alice@x.com"),
            (r"alice\u002540x.com", "alice@x.com"),
            (r#"{\"a\":\"\\u0061lice\\u0040x.com\"}"#, r#"{"a":"alice@x.com"}"#),
            ("ÄÖ \u{212a}", "äö k"),
            ("100% %4", "100% %4"),
            (r"\ud83d\ude00A", "😀a"),
        ] {
            assert_eq!(read(raw).0, expected, "{raw}");
        }
    }

    #[test]
    fn what_is_found_leads_back_to_whole_escapes() {
        let raw = r"x\u0041%42%43y";
        let (text, reading) = read(raw);
        assert_eq!(text, "xabcy");
        let (start, end) = reading.origin(1, 4);
        assert_eq!(&raw[start..end], r"\u0041%42%43");
        let (start, end) = reading.origin(0, 5);
        assert_eq!(&raw[start..end], raw);
        let raw = r"\ud83d\ude00z";
        let (_, reading) = read(raw);
        assert_eq!(reading.origin(1, 2), (0, 12), "half a character is the whole of it");
    }

    proptest! {
        #[test]
        fn any_spelling_of_a_text_reads_alike(text in "[ -~äß€😀]{1,20}", how in proptest::collection::vec(0..4u8, 20)) {
            let mut raw = String::new();
            for (c, how) in text.chars().zip(&how) {
                match how {
                    1 => c.encode_utf16(&mut [0; 2]).iter().for_each(|unit| raw.push_str(&format!("\\u{unit:04X}"))),
                    2 => c.encode_utf8(&mut [0; 4]).bytes().for_each(|byte| raw.push_str(&format!("%{byte:02x}"))),
                    _ if matches!(c, '"' | '\\') => { raw.push('\\'); raw.push(c); }
                    _ => raw.push(c),
                }
            }
            let plain = serde_json::to_string(&text).unwrap();
            prop_assert_eq!(read(&raw).0, read(&plain[1..plain.len() - 1]).0);
        }
    }
}
