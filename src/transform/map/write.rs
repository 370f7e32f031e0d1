//! A JSON object written member by member, straight into a buffer.
//!
//! - A member is named by its path: `actor.user.uid` is `uid` within `user` within `actor`. `[]` behind a name makes it a
//!   list with this one value or object in it.
//! - An object is opened by the first member within it and closed by the first one that is not. So members of one object
//!   follow each other; an object that was closed is not opened again. The tables are tested for that.
//! - Nothing is written for what nobody names: there are no empty objects.

use std::io::Write;

use jiff::Timestamp;

/// Levels below the root that a path may have.
const DEPTH: usize = 6;

/// What makes a name a list.
const LIST: &str = "[]";

pub(super) struct Members<'o> {
    out: &'o mut Vec<u8>,
    /// The objects that are open, outermost first.
    open: [&'static str; DEPTH],
    depth: usize,
    /// The path of the last member.
    last: &'static str,
}

impl<'o> Members<'o> {
    /// Begins the object at the end of `out`.
    pub(super) fn begin(out: &'o mut Vec<u8>) -> Self {
        out.push(b'{');
        Self { out, open: [""; DEPTH], depth: 0, last: "" }
    }

    /// Whether the last member that was written has this path.
    pub(super) fn has_just(&self, path: &str) -> bool {
        self.last == path
    }

    /// Whether something stands in the object that the path's last name belongs to.
    pub(super) fn has_beside(&self, path: &str) -> bool {
        let (objects, _) = path.rsplit_once('.').unwrap_or(("", path));
        let mut names = objects.split('.').filter(|name| !name.is_empty());
        let depth = names.clone().count();
        depth <= self.depth && names.by_ref().zip(&self.open).all(|(name, open)| name == *open)
    }

    /// Writes a member; `value` writes what stands behind its name.
    pub(super) fn push(&mut self, path: &'static str, value: impl FnOnce(&mut Vec<u8>)) {
        let name = match path.bytes().rposition(|byte| byte == b'.') {
            None => {
                self.close_to(0);
                path
            }
            Some(dot) => {
                self.open(&path[..dot]);
                &path[dot + 1..]
            }
        };
        self.name(name);
        value(self.out);
        if name.ends_with(LIST) {
            self.out.push(b']');
        }
        self.last = path;
    }

    /// Closes what does not lead there, and opens what does.
    fn open(&mut self, objects: &'static str) {
        let names = objects.split('.');
        let shared = names.clone().zip(&self.open[..self.depth]).take_while(|(name, open)| name == *open).count();
        self.close_to(shared);
        for name in names.skip(shared) {
            self.name(name);
            self.out.push(b'{');
            self.open[self.depth] = name;
            self.depth += 1;
        }
    }

    /// Closes the object.
    pub(super) fn end(mut self) {
        self.close_to(0);
        self.out.push(b'}');
    }

    fn close_to(&mut self, depth: usize) {
        while self.depth > depth {
            self.depth -= 1;
            self.out.push(b'}');
            if self.open[self.depth].ends_with(LIST) {
                self.out.push(b']');
            }
        }
    }

    /// A comma if one is due, the name and its colon; of a list the opening bracket, too.
    fn name(&mut self, name: &str) {
        if self.out.last() != Some(&b'{') {
            self.out.push(b',');
        }
        let list = name.strip_suffix(LIST);
        self.out.push(b'"');
        self.out.extend_from_slice(list.unwrap_or(name).as_bytes());
        self.out.extend_from_slice(if list.is_some() { b"\":[" } else { b"\":" });
    }
}

/// A JSON string of both texts.
pub(super) fn push_string(out: &mut Vec<u8>, before: &str, text: &str) {
    out.push(b'"');
    out.extend_from_slice(before.as_bytes());
    push_escaped(out, text.as_bytes());
    out.push(b'"');
}

/// A JSON string of words that are joined by `_`, with a capital each and spaces between them.
pub(super) fn push_title(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    for (at, word) in text.split('_').enumerate() {
        if at > 0 {
            out.push(b' ');
        }
        let first = out.len();
        push_escaped(out, word.as_bytes());
        out[first..].iter_mut().take(1).for_each(|letter| letter.make_ascii_uppercase());
    }
    out.push(b'"');
}

/// Text between the quotation marks of a JSON string. It is UTF-8, so only ASCII needs a look.
pub(super) fn push_escaped(out: &mut Vec<u8>, text: &[u8]) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    // Without a way out of the loop, so that many bytes are looked at in one step: nearly every text is plain.
    let has_special = text.iter().fold(false, |has, byte| has | (*byte < 0x20) | (*byte == b'"') | (*byte == b'\\'));
    if !has_special {
        out.extend_from_slice(text);
        return;
    }
    let mut plain = 0;
    for (at, byte) in text.iter().enumerate() {
        let short = match byte {
            b'"' | b'\\' => *byte,
            b'\n' => b'n',
            b'\r' => b'r',
            b'\t' => b't',
            0..0x20 => b'u',
            _ => continue,
        };
        out.extend_from_slice(&text[plain..at]);
        out.extend_from_slice(&[b'\\', short]);
        if short == b'u' {
            out.extend_from_slice(&[b'0', b'0', HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]]);
        }
        plain = at + 1;
    }
    out.extend_from_slice(&text[plain..]);
}

pub(super) fn push_number(out: &mut Vec<u8>, number: i64) {
    out.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
}

/// Milliseconds since 1970 in RFC 3339, as a JSON string; the earliest or latest time that can be written for one out of range.
pub(super) fn push_instant(out: &mut Vec<u8>, ms: i64) {
    let time = Timestamp::from_millisecond(ms).unwrap_or(if ms < 0 { Timestamp::MIN } else { Timestamp::MAX });
    write!(out, "\"{time:.3}\"").expect("writing to memory cannot fail");
}
