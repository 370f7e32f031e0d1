//! A JSON document that was walked once and is read in place.
//!
//! - Values are handles into the payload. Strings are decoded only when they hold escapes, names are compared as what
//!   they mean, however they are spelled.
//! - Of a repeated member the last one counts, as for most parsers. That somebody met one is remembered
//!   ([`Document::met_repeated`]): readers may disagree about such an event, so nothing that hides it should rest on it.
//! - Numbers are given as they are written: precision is the reader's choice.

use std::borrow::Cow;
use std::cell::Cell;
use std::ops::Range;

use super::json::{Kind as NodeKind, Node};

/// A JSON object with everything in it.
#[derive(Debug)]
pub struct Document<'a> {
    bytes: &'a [u8],
    /// The same as text, if somebody has looked whether all of it is.
    text: Option<&'a str>,
    /// The root first; never empty.
    nodes: &'a [Node],
    repeated: Cell<bool>,
}

/// A value within a document.
#[derive(Clone, Copy, Debug)]
pub struct Value<'d> {
    document: &'d Document<'d>,
    at: u32,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    Object,
    Array,
    String,
    Number,
    Bool(bool),
    Null,
}

impl<'a> Document<'a> {
    pub(super) fn new(bytes: &'a [u8], text: Option<&'a str>, nodes: &'a [Node]) -> Self {
        Self { bytes, text, nodes, repeated: Cell::new(false) }
    }

    /// The same, after one look whether all of it is text, which spares each value that look. Worth it for whoever reads many.
    pub(crate) fn for_many_texts(&self) -> Self {
        let text = self.text.or_else(|| std::str::from_utf8(self.bytes).ok());
        Self { text, repeated: self.repeated.clone(), ..*self }
    }

    pub fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    pub fn root(&self) -> Value<'_> {
        Value { document: self, at: 0 }
    }

    /// The value of this number: see [`Value::index`].
    pub fn value(&self, index: usize) -> Option<Value<'_>> {
        let at = u32::try_from(index).ok().filter(|_| index < self.nodes.len())?;
        Some(Value { document: self, at })
    }

    /// Every value, containers before what they hold, in the order of the text.
    pub fn values(&self) -> impl Iterator<Item = Value<'_>> {
        (0u32..).take(self.nodes.len()).map(|at| Value { document: self, at })
    }

    /// The value at whose name or bytes this position is, the innermost one.
    pub(crate) fn at_position(&self, position: usize) -> Option<Value<'_>> {
        let begins_before = |node: &Node| {
            let first = if node.key_start == 0 { node.start } else { node.key_start };
            first as usize <= position
        };
        self.value(self.nodes.partition_point(begins_before).checked_sub(1)?)
    }

    /// The container that holds the value of this number.
    pub(crate) fn container_of(&self, index: usize) -> Option<Value<'_>> {
        let before = self.nodes.get(..index)?;
        let at = before
            .iter()
            .rposition(|node| matches!(node.kind, NodeKind::Object | NodeKind::Array) && node.next as usize > index)?;
        self.value(at)
    }

    pub(super) fn note_repeated(&self) {
        self.repeated.set(true);
    }

    /// Whether [`Value::get`] or a view has come across a repeated member.
    pub fn met_repeated(&self) -> bool {
        self.repeated.get()
    }

    /// What these bytes of a string or a name mean.
    fn decoded(&self, start: u32, end: u32, escaped: bool) -> Cow<'a, str> {
        let span = start as usize..end as usize;
        match self.text.and_then(|text| text.get(span.clone())) {
            Some(text) if !escaped => Cow::Borrowed(text),
            Some(_) | None => decode(self.bytes.get(span).unwrap_or_default(), escaped),
        }
    }

    /// The value of this number ([`Value::number`]), except the root, whose number stands for none.
    #[inline]
    pub(super) fn at(&self, number: u32) -> Option<Value<'_>> {
        (number != 0 && (number as usize) < self.nodes.len()).then_some(Value { document: self, at: number })
    }
}

impl<'d> Value<'d> {
    pub fn kind(&self) -> Kind {
        match self.node().kind {
            NodeKind::Object => Kind::Object,
            NodeKind::Array => Kind::Array,
            NodeKind::String => Kind::String,
            NodeKind::Scalar => match self.raw().first() {
                Some(b't') => Kind::Bool(true),
                Some(b'f') => Kind::Bool(false),
                Some(b'n') => Kind::Null,
                Some(_) | None => Kind::Number,
            },
        }
    }

    /// Its number within the document: the value's place in [`Document::values`].
    pub fn index(&self) -> usize {
        self.at as usize
    }

    /// The same, as it is kept.
    pub(super) fn number(&self) -> u32 {
        self.at
    }

    /// The number of the first value that is not within this one.
    pub fn next_index(&self) -> usize {
        self.node().next as usize
    }

    /// Where it lies in [`Document::bytes`]; of a string only what is between the quotation marks.
    pub fn span(&self) -> Range<usize> {
        let node = self.node();
        node.start as usize..node.end as usize
    }

    /// Its bytes as they are written; of a string what is between the quotation marks.
    pub fn raw(&self) -> &'d [u8] {
        self.document.bytes.get(self.span()).unwrap_or_default()
    }

    /// A string's text; `None` for anything else.
    pub fn text(&self) -> Option<Cow<'d, str>> {
        let node = self.node();
        (node.kind == NodeKind::String).then(|| self.document.decoded(node.start, node.end, node.escaped))
    }

    /// A string's bytes when it is written without escapes: what [`Value::text`] would give.
    #[inline]
    pub(super) fn plain_text(&self) -> Option<&'d [u8]> {
        let node = self.node();
        (node.kind == NodeKind::String && !node.escaped).then(|| self.raw())
    }

    /// Whether it is this string.
    pub fn is_text(&self, text: &str) -> bool {
        let node = self.node();
        let is_string = node.kind == NodeKind::String;
        is_string && if node.escaped { decode(self.raw(), true) == text } else { self.raw() == text.as_bytes() }
    }

    /// The name under which it stands in its object; `None` for the root and for elements of arrays.
    pub fn key(&self) -> Option<Cow<'d, str>> {
        let node = self.node();
        (node.key_start != 0).then(|| self.document.decoded(node.key_start, node.key_end, node.key_escaped))
    }

    /// Where its name lies, between the quotation marks.
    pub fn key_span(&self) -> Option<Range<usize>> {
        let node = self.node();
        (node.key_start != 0).then_some(node.key_start as usize..node.key_end as usize)
    }

    /// Where its name lies, between the quotation marks, and whether it is written with escapes.
    #[inline]
    pub(crate) fn key_bounds(&self) -> Option<(usize, usize, bool)> {
        let node = self.node();
        (node.key_start != 0).then_some((node.key_start as usize, node.key_end as usize, node.key_escaped))
    }

    /// Whether it is an object or an array.
    #[inline]
    pub(crate) fn is_container(&self) -> bool {
        matches!(self.node().kind, NodeKind::Object | NodeKind::Array)
    }

    /// The members of an object, the elements of an array, nothing of anything else; in the order of the text.
    pub fn children(&self) -> Children<'d> {
        let node = self.node();
        let is_container = matches!(node.kind, NodeKind::Object | NodeKind::Array);
        let first = if is_container { self.at + 1 } else { node.next };
        Children { document: self.document, at: first, end: node.next }
    }

    /// The last member of this name; `None` when there is none, or when this is no object.
    pub fn get(&self, name: &str) -> Option<Value<'d>> {
        let [found, _] = self.get_either([name, name]);
        found
    }

    /// The last members of two names that mean the same; it is remembered when there are several.
    #[inline]
    pub(super) fn get_either(&self, names: [&str; 2]) -> [Option<Value<'d>>; 2] {
        let (mut found, mut met) = ([None, None], 0);
        for member in self.children() {
            // Most names differ in their length or first letter already.
            let node = member.node();
            let length = (node.key_end - node.key_start) as usize;
            let first = self.document.bytes.get(node.key_start as usize);
            let may_be = |name: &&str| length == name.len() && first == name.as_bytes().first();
            if !names.iter().any(may_be) && !node.key_escaped {
                continue;
            }
            if let Some(which) = names.iter().position(|name| member.is_named(name)) {
                found[which] = Some(member);
                met += 1;
            }
        }
        if met > 1 {
            self.document.note_repeated();
        }
        found
    }

    /// Whether it stands in its object under this name.
    #[inline]
    pub fn is_named(&self, name: &str) -> bool {
        match self.raw_key() {
            None => false,
            Some((key, false)) => key == name.as_bytes(),
            Some((key, true)) => decode(key, true) == name,
        }
    }

    /// Its name when it is spelled without escapes.
    #[inline]
    pub(super) fn plain_key(&self) -> Option<&'d [u8]> {
        self.raw_key().filter(|(_, escaped)| !escaped).map(|(key, _)| key)
    }

    #[inline(always)]
    fn raw_key(&self) -> Option<(&'d [u8], bool)> {
        let node = self.node();
        // A name has a brace and a quotation mark before it.
        let key = self.document.bytes.get(node.key_start as usize..node.key_end as usize)?;
        (node.key_start != 0).then_some((key, node.key_escaped))
    }

    #[inline(always)]
    fn node(&self) -> &'d Node {
        &self.document.nodes[self.at as usize]
    }
}

/// What a container holds.
#[derive(Clone, Debug)]
pub struct Children<'d> {
    document: &'d Document<'d>,
    at: u32,
    end: u32,
}

impl<'d> Iterator for Children<'d> {
    type Item = Value<'d>;

    #[inline(always)]
    fn next(&mut self) -> Option<Value<'d>> {
        if self.at >= self.end {
            return None;
        }
        let child = Value { document: self.document, at: self.at };
        self.at = child.node().next;
        Some(child)
    }
}

/// The text of a string's inner bytes. They are from a document that was checked, so neither step can fail; should one,
/// the text has replacement characters and matches nothing.
fn decode(raw: &[u8], escaped: bool) -> Cow<'_, str> {
    if !escaped {
        return std::str::from_utf8(raw).map_or_else(|_| String::from_utf8_lossy(raw), Cow::Borrowed);
    }
    let literal = [b"\"", raw, b"\""].concat();
    serde_json::from_slice::<String>(&literal).map_or_else(|_| String::from_utf8_lossy(raw), Cow::Owned)
}

#[cfg(test)]
mod tests;
