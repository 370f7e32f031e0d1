//! The grammar of RFC 8259, walked once over the bytes.
//!
//! Strings are crossed from mark to mark; everything between them is read byte by byte. The pairs `":"` and `","`,
//! which separate most strings of an audit event, are recognised as a whole. Nothing recurses and nothing is allocated:
//! the kinds of the open containers are bits.
//!
//! Whoever wants to know where things are passes a [`Visit`]; the structure check alone passes [`Blind`], which costs nothing.
//!
//! What this does not do: decode, keep values, or check UTF-8 (the caller does when [`Shape::ascii`] is false).

use super::marks::{EMPTY, Marks};

/// Containers within containers; a deeper payload is not for embedding, since the receiver's parser may recurse.
pub(super) const MAX_DEPTH: usize = 512;

/// A valid document whose top level is an object or an array.
pub(super) struct Shape<'a> {
    pub(super) object: bool,
    /// Raw bytes of the first top-level member `time` when it is a string without escapes, if that is wanted.
    pub(super) time: Option<&'a [u8]>,
    pub(super) ascii: bool,
}

/// Is told where things are, in the order of the text. What it heard is void when the walk fails.
pub(super) trait Visit {
    /// Whether [`Shape::time`] is wanted: to look for it costs something at each string.
    const WANTS_TIME: bool;

    /// A member's name lies in `start..end`, between its quotation marks. Its value comes next.
    fn key(&mut self, start: usize, end: usize, escaped: bool);
    /// A string lies in `start..end`, between its quotation marks.
    fn text(&mut self, start: usize, end: usize, escaped: bool);
    /// A number, `true`, `false` or `null`.
    fn scalar(&mut self, start: usize, end: usize);
    /// An object or an array begins with the byte at `start`.
    fn open(&mut self, start: usize, object: bool);
    /// The innermost open container ends before `end`.
    fn close(&mut self, end: usize);
}

/// Looks at nothing.
pub(super) struct Blind;

impl Visit for Blind {
    const WANTS_TIME: bool = true;

    #[inline(always)]
    fn key(&mut self, _: usize, _: usize, _: bool) {}
    #[inline(always)]
    fn text(&mut self, _: usize, _: usize, _: bool) {}
    #[inline(always)]
    fn scalar(&mut self, _: usize, _: usize) {}
    #[inline(always)]
    fn open(&mut self, _: usize, _: bool) {}
    #[inline(always)]
    fn close(&mut self, _: usize) {}
}

/// Walks the whole document; `None` when it is not valid, too deep, or a scalar.
pub(super) fn walk<'a>(bytes: &'a [u8], visit: &mut impl Visit) -> Option<Shape<'a>> {
    // Arrays that are indexed stay outside the struct: so all the rest of it can live in registers.
    let mut window = EMPTY;
    let mut outer = [0; MAX_DEPTH / 64];
    let mut walker = Walker {
        bytes,
        visit,
        marks: Marks::new(bytes, &mut window),
        nesting: Nesting { kinds: 0, depth: 0, outer: &mut outer },
        time: Time::NotSeen,
        last_escape: 0,
    };
    let start = spaces(bytes, 0);
    let object = match byte(bytes, start) {
        b'{' => true,
        b'[' => false,
        _ => return None,
    };
    let end = walker.document(start)?;
    if spaces(bytes, end) != bytes.len() {
        return None;
    }
    let time = if let Time::Text(text) = walker.time { Some(text) } else { None };
    Some(Shape { object, time, ascii: walker.marks.ascii() })
}

/// What comes next, and where.
enum Next {
    /// The quotation mark that opens a key; its mark is already taken.
    Key(usize),
    /// A value, white space allowed before it.
    Value(usize),
    /// What follows a value.
    After(usize),
}

/// The top-level member `time`.
enum Time<'a> {
    NotSeen,
    /// The key was seen, and its value starts here; when that is no string, this remains.
    Follows(usize),
    Text(&'a [u8]),
    /// Seen, with escapes in its string.
    Other,
}

struct Walker<'a, 'w, V> {
    bytes: &'a [u8],
    visit: &'w mut V,
    marks: Marks<'a, 'w>,
    nesting: Nesting<'w>,
    time: Time<'a>,
    /// Position of the last escape in a string; 0, which no string can reach, before the first.
    last_escape: usize,
}

impl<V: Visit> Walker<'_, '_, V> {
    /// From the outermost container's first byte to the position after its last.
    ///
    /// The loops, not a state variable, say where in the grammar the walk is: that is worth a quarter of the time.
    #[inline(always)]
    fn document(&mut self, start: usize) -> Option<usize> {
        let (mut at, mut at_key) = (start, false);
        loop {
            let ended = loop {
                if at_key {
                    match self.members(at)? {
                        Next::After(end) => break end,
                        Next::Value(value) | Next::Key(value) => at = value,
                    }
                }
                match self.value(at)? {
                    Next::Key(key) => (at, at_key) = (key, true),
                    Next::Value(value) => (at, at_key) = (value, false),
                    Next::After(end) => break end,
                }
            };
            at = self.closings(ended)?;
            if self.nesting.depth == 0 {
                return Some(at);
            }
            if byte(self.bytes, at) != b',' {
                return None;
            }
            at += 1;
            at_key = self.nesting.in_object();
            if at_key {
                at = self.key(at)?;
            }
        }
    }

    /// From the first key of a run of members to the first value that is not a string, or the end of the run.
    #[inline(always)]
    fn members(&mut self, mut open: usize) -> Option<Next> {
        loop {
            let key_end = self.string()?;
            self.visit.key(open + 1, key_end, self.last_escape > open);
            let at = key_end + 1;
            if pair(self.bytes, at) != *b":\"" {
                let colon = if byte(self.bytes, at) == b':' { at } else { spaces(self.bytes, at) };
                if self.is_first_time(open, key_end) {
                    self.time = Time::Follows(spaces(self.bytes, colon + 1));
                }
                return (byte(self.bytes, colon) == b':').then_some(Next::Value(colon + 1));
            }
            self.marks.skip()?;
            let value_end = self.string()?;
            self.visit.text(at + 2, value_end, self.last_escape > at + 1);
            if self.is_first_time(open, key_end) {
                self.note_time(at + 2, value_end);
            }
            let at = value_end + 1;
            if pair(self.bytes, at) != *b",\"" {
                return Some(Next::After(at));
            }
            self.marks.skip()?;
            open = at + 1;
        }
    }

    #[inline(always)]
    fn value(&mut self, at: usize) -> Option<Next> {
        match byte(self.bytes, at) {
            b'{' => {
                self.nesting.open(true)?;
                self.visit.open(at, true);
                let at = self.past_spaces(at + 1);
                if byte(self.bytes, at) == b'}' { Some(Next::After(at)) } else { self.key(at).map(Next::Key) }
            }
            b'[' => {
                self.nesting.open(false)?;
                self.visit.open(at, false);
                let at = self.past_spaces(at + 1);
                Some(if byte(self.bytes, at) == b']' { Next::After(at) } else { Next::Value(at) })
            }
            b'"' => {
                self.marks.skip_to(at)?;
                let end = self.string()?;
                self.visit.text(at + 1, end, self.last_escape > at);
                if V::WANTS_TIME && matches!(self.time, Time::Follows(value) if value == at) {
                    self.note_time(at + 1, end);
                }
                Some(Next::After(end + 1))
            }
            b' ' | b'\n' | b'\r' | b'\t' => Some(Next::Value(spaces(self.bytes, at))),
            _ => {
                let end = scalar(self.bytes, at)?;
                self.visit.scalar(at, end);
                Some(Next::After(end))
            }
        }
    }

    /// Passes the ends of containers and white space.
    #[inline(always)]
    fn closings(&mut self, mut at: usize) -> Option<usize> {
        loop {
            match byte(self.bytes, at) {
                end @ (b'}' | b']') => {
                    if (end == b'}') != self.nesting.in_object() {
                        return None;
                    }
                    at += 1;
                    self.visit.close(at);
                    self.nesting.close();
                    if self.nesting.depth == 0 {
                        return Some(at);
                    }
                }
                b' ' | b'\n' | b'\r' | b'\t' => at = spaces(self.bytes, at),
                _ => return Some(at),
            }
        }
    }

    /// Takes the quotation mark that must open a key here.
    #[inline(always)]
    fn key(&mut self, at: usize) -> Option<usize> {
        let at = self.past_spaces(at);
        if byte(self.bytes, at) != b'"' {
            return None;
        }
        self.marks.skip_to(at)?;
        Some(at)
    }

    /// Position of the quotation mark that ends the string whose opening one was taken last.
    #[inline(always)]
    fn string(&mut self) -> Option<usize> {
        loop {
            let at = self.marks.take()?;
            if byte(self.bytes, at) == b'"' {
                return Some(at);
            }
            self.last_escape = at;
            if escape(self.bytes, at)? {
                self.marks.skip()?;
            }
        }
    }

    /// Whether the string from `open` to `end`, quotation marks included, is the first top-level key `time`.
    #[inline(always)]
    fn is_first_time(&self, open: usize, end: usize) -> bool {
        let top = V::WANTS_TIME && self.nesting.depth == 1 && self.bytes.get(open..=end) == Some(TIME);
        top && matches!(self.time, Time::NotSeen)
    }

    /// Remembers the string in `start..end` as the member `time`, if it has no escapes.
    #[inline(always)]
    fn note_time(&mut self, start: usize, end: usize) {
        let plain = self.last_escape < start;
        self.time = if plain { Time::Text(self.bytes.get(start..end).unwrap_or_default()) } else { Time::Other };
    }

    /// Most payloads have no white space: then this is one comparison.
    #[inline(always)]
    fn past_spaces(&self, at: usize) -> usize {
        if byte(self.bytes, at) <= b' ' { spaces(self.bytes, at) } else { at }
    }
}

const TIME: &[u8] = b"\"time\"";

/// The kinds of the open containers, the innermost in bit 0 of `kinds`; 1 is an object.
struct Nesting<'w> {
    kinds: u64,
    depth: usize,
    /// What `kinds` was at a depth of 0, 64, 128 and so on; as long as this is, as deep may a document be.
    outer: &'w mut [u64; MAX_DEPTH / 64],
}

impl Nesting<'_> {
    #[inline(always)]
    fn open(&mut self, object: bool) -> Option<()> {
        if self.depth.is_multiple_of(64) {
            *self.outer.get_mut(self.depth / 64)? = self.kinds;
        }
        self.kinds = self.kinds << 1 | u64::from(object);
        self.depth += 1;
        Some(())
    }

    #[inline(always)]
    fn close(&mut self) {
        self.kinds >>= 1;
        self.depth -= 1;
        if self.depth.is_multiple_of(64) {
            self.kinds = self.outer[self.depth / 64];
        }
    }

    #[inline(always)]
    fn in_object(&self) -> bool {
        self.kinds & 1 == 1
    }
}

/// The byte at `at`; 0, which is valid nowhere in JSON, beyond the end.
#[inline(always)]
fn byte(bytes: &[u8], at: usize) -> u8 {
    bytes.get(at).copied().unwrap_or(0)
}

#[inline(always)]
fn pair(bytes: &[u8], at: usize) -> [u8; 2] {
    bytes.get(at..).and_then(<[u8]>::first_chunk).copied().unwrap_or([0; 2])
}

/// The first position from `at` on that is not JSON white space.
#[inline(never)]
fn spaces(bytes: &[u8], mut at: usize) -> usize {
    while matches!(byte(bytes, at), b' ' | b'\n' | b'\r' | b'\t') {
        at += 1;
    }
    at
}

/// Checks the escape at `at` and says whether the next mark belongs to it: the second half of `\\`, of `\"` or of a
/// surrogate pair. `None` when it is no valid escape, or when there is a raw control character.
#[cold]
#[inline(never)]
fn escape(bytes: &[u8], at: usize) -> Option<bool> {
    if byte(bytes, at) != b'\\' {
        return None;
    }
    match byte(bytes, at + 1) {
        b'"' | b'\\' => Some(true),
        b'/' | b'b' | b'f' | b'n' | b'r' | b't' => Some(false),
        b'u' => match code_unit(bytes, at)? {
            0xD800..=0xDBFF => matches!(code_unit(bytes, at + 6), Some(0xDC00..=0xDFFF)).then_some(true),
            0xDC00..=0xDFFF => None,
            _ => Some(false),
        },
        _ => None,
    }
}

/// The UTF-16 code unit that the escape `\uXXXX` at `at` stands for.
fn code_unit(bytes: &[u8], at: usize) -> Option<u16> {
    let [b'\\', b'u', digits @ ..] = bytes.get(at..at + 6)? else { return None };
    // `from_str_radix` would also take a sign.
    if !digits.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    u16::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}

/// The end of the number or literal at `at`.
#[inline(always)]
fn scalar(bytes: &[u8], at: usize) -> Option<usize> {
    let literal: &[u8] = match byte(bytes, at) {
        b't' => b"true",
        b'f' => b"false",
        b'n' => b"null",
        _ => return number(bytes, at),
    };
    bytes.get(at..)?.starts_with(literal).then_some(at + literal.len())
}

#[inline(never)]
fn number(bytes: &[u8], mut at: usize) -> Option<usize> {
    if byte(bytes, at) == b'-' {
        at += 1;
    }
    at = if byte(bytes, at) == b'0' { at + 1 } else { digits(bytes, at)? };
    if byte(bytes, at) == b'.' {
        at = digits(bytes, at + 1)?;
    }
    if matches!(byte(bytes, at), b'e' | b'E') {
        at += 1;
        if matches!(byte(bytes, at), b'+' | b'-') {
            at += 1;
        }
        at = digits(bytes, at)?;
    }
    Some(at)
}

/// The end of one or more digits.
fn digits(bytes: &[u8], start: usize) -> Option<usize> {
    let mut at = start;
    while byte(bytes, at).is_ascii_digit() {
        at += 1;
    }
    (at > start).then_some(at)
}
