//! Where every value of a document lies: one pass over the bytes, one entry per value, in the order of the text.
//!
//! The entries are the document. Nothing is decoded and nothing is copied; memory is kept from event to event, so in the
//! steady state nothing is allocated. Repeated members are all there, and so is what stands at any depth: whoever must not
//! overlook anything goes through the entries, from first to last.

use super::super::document::Document;
use super::walk::{Shape, Visit, walk};

/// Memory for one document after the other.
#[derive(Clone, Debug, Default)]
pub struct Tape {
    nodes: Vec<Node>,
    /// Indexes of the containers that are open.
    open: Vec<u32>,
    /// The name of the member whose value comes next; empty span at 0 for an element of an array.
    key: Key,
}

/// Where a member's name lies, between its quotation marks.
#[derive(Clone, Copy, Debug, Default)]
struct Key {
    start: u32,
    end: u32,
    escaped: bool,
}

/// One value.
#[derive(Clone, Copy, Debug)]
pub(in crate::event) struct Node {
    /// Its name's bytes, between the quotation marks; both 0 when it is no member of an object.
    pub(in crate::event) key_start: u32,
    pub(in crate::event) key_end: u32,
    /// Its bytes, for a string without the quotation marks.
    pub(in crate::event) start: u32,
    pub(in crate::event) end: u32,
    /// Index of the first entry that is not within this value.
    pub(in crate::event) next: u32,
    pub(in crate::event) kind: Kind,
    pub(in crate::event) key_escaped: bool,
    /// Only a string can be.
    pub(in crate::event) escaped: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::event) enum Kind {
    Object,
    Array,
    String,
    /// A number, `true`, `false` or `null`; its first byte tells which.
    Scalar,
}

impl Tape {
    /// Reads a payload that is a JSON object; `None` for everything else: also what is not UTF-8, is nested more than 512
    /// levels deep, or has an escape of half a surrogate pair, exactly as [`super::scan`] decides.
    pub fn read<'a>(&'a mut self, payload: &'a [u8]) -> Option<Document<'a>> {
        self.nodes.clear();
        self.open.clear();
        self.key = Key::default();
        // Positions are 32 bits wide.
        u32::try_from(payload.len()).ok()?;
        let Shape { object, ascii, .. } = walk(payload, self)?;
        let text = if ascii { None } else { Some(std::str::from_utf8(payload).ok()?) };
        object.then(|| Document::new(payload, text, &self.nodes))
    }

    #[inline(always)]
    fn push(&mut self, start: usize, end: usize, kind: Kind, escaped: bool) {
        let Key { start: key_start, end: key_end, escaped: key_escaped } = std::mem::take(&mut self.key);
        let next = index(self.nodes.len() + 1);
        let (start, end) = (index(start), index(end));
        self.nodes.push(Node { key_start, key_end, start, end, next, kind, key_escaped, escaped });
    }
}

impl Visit for Tape {
    const WANTS_TIME: bool = false;

    #[inline(always)]
    fn key(&mut self, start: usize, end: usize, escaped: bool) {
        self.key = Key { start: index(start), end: index(end), escaped };
    }

    #[inline(always)]
    fn text(&mut self, start: usize, end: usize, escaped: bool) {
        self.push(start, end, Kind::String, escaped);
    }

    #[inline(always)]
    fn scalar(&mut self, start: usize, end: usize) {
        self.push(start, end, Kind::Scalar, false);
    }

    #[inline(always)]
    fn open(&mut self, start: usize, object: bool) {
        self.open.push(index(self.nodes.len()));
        self.push(start, start, if object { Kind::Object } else { Kind::Array }, false);
    }

    #[inline(always)]
    fn close(&mut self, end: usize) {
        let next = index(self.nodes.len());
        if let Some(node) = self.open.pop().and_then(|open| self.nodes.get_mut(open as usize)) {
            (node.end, node.next) = (index(end), next);
        }
    }
}

/// [`Tape::read`] takes no payload of 4 GiB or more, and a document has fewer values than bytes.
#[inline(always)]
fn index(position: usize) -> u32 {
    u32::try_from(position).unwrap_or(u32::MAX)
}
