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
    pub(super) fn new(bytes: &'a [u8], nodes: &'a [Node]) -> Self {
        Self { bytes, nodes, repeated: Cell::new(false) }
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

    /// Whether [`Value::get`] or a view has come across a repeated member.
    pub fn met_repeated(&self) -> bool {
        self.repeated.get()
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
        (node.kind == NodeKind::String).then(|| decode(self.raw(), node.escaped))
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
        let (key, escaped) = self.raw_key()?;
        Some(decode(key, escaped))
    }

    /// Where its name lies, between the quotation marks.
    pub fn key_span(&self) -> Option<Range<usize>> {
        let node = self.node();
        (node.key_start != 0).then_some(node.key_start as usize..node.key_end as usize)
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
            // Most names differ in their length already, which costs no look at the bytes.
            let node = member.node();
            let length = (node.key_end - node.key_start) as usize;
            if length != names[0].len() && length != names[1].len() && !node.key_escaped {
                continue;
            }
            if let Some(which) = names.iter().position(|name| member.is_named(name)) {
                found[which] = Some(member);
                met += 1;
            }
        }
        if met > 1 {
            self.document.repeated.set(true);
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
mod tests {
    use super::super::json::Tape;
    use super::*;
    use proptest::prelude::*;

    /// The value as `serde_json` would hold it, read through handles only.
    fn rebuilt(value: Value<'_>) -> serde_json::Value {
        match value.kind() {
            Kind::Object => {
                let members =
                    value.children().map(|child| (child.key().expect("a member").into_owned(), rebuilt(child)));
                serde_json::Value::Object(members.collect())
            }
            Kind::Array => value.children().map(rebuilt).collect(),
            Kind::String => value.text().expect("a string").into_owned().into(),
            Kind::Number | Kind::Bool(_) | Kind::Null => serde_json::from_slice(value.raw()).expect("a scalar"),
        }
    }

    fn assert_reads_as_serde_json(text: &str) {
        let mut tape = Tape::default();
        let document = tape.read(text.as_bytes());
        let expected = serde_json::from_str::<serde_json::Value>(text).ok().filter(serde_json::Value::is_object);
        assert_eq!(document.map(|document| rebuilt(document.root())), expected, "{text}");
    }

    #[test]
    fn a_document_reads_as_serde_json_reads_it() {
        let corpus = include_str!("../demo/sample-events.jsonl").lines();
        let odd = [
            "{}",
            " { } ",
            r#"{"":{"":[]}}"#,
            r#"{"a":[1,[],{},[{"b":null}],"x"],"c":-1.5e3}"#,
            r#"{"a":1,"a":2}"#,
            r#"{"\u0061":"\ud83d\ude00","b\n":"\"\\"}"#,
            "[1]",
            "1",
            "",
            r#"{"a":}"#,
            r#"{"a":1}x"#,
            "{\"ü\":\"ö\"}",
        ];
        corpus.chain(odd).for_each(assert_reads_as_serde_json);
    }

    proptest! {
        #[test]
        fn any_document_reads_as_serde_json_reads_it(document in any_json(), pretty in any::<bool>()) {
            let text = if pretty { serde_json::to_string_pretty(&document) } else { serde_json::to_string(&document) };
            assert_reads_as_serde_json(&text.expect("a document"));
        }

        #[test]
        fn the_tape_takes_what_the_scanner_takes(text in r#"[{}\[\]",:a1\\u0D8 \n]{0,24}"#) {
            let mut tape = Tape::default();
            let object = matches!(crate::event::scan(text.as_bytes()), crate::event::Json::Object { .. });
            prop_assert_eq!(tape.read(text.as_bytes()).is_some(), object);
        }
    }

    fn any_json() -> impl Strategy<Value = serde_json::Value> {
        let leaf = prop_oneof![
            Just(serde_json::Value::Null),
            any::<bool>().prop_map(serde_json::Value::from),
            any::<i64>().prop_map(serde_json::Value::from),
            any::<String>().prop_map(serde_json::Value::from),
        ];
        leaf.prop_recursive(6, 64, 6, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..6).prop_map(serde_json::Value::from),
                proptest::collection::hash_map(any::<String>(), inner, 0..6)
                    .prop_map(|members| serde_json::Value::Object(members.into_iter().collect())),
            ]
        })
    }

    #[test]
    fn of_repeated_members_the_last_counts_and_it_is_remembered_that_there_were_several() {
        let mut tape = Tape::default();
        let document = tape.read(br#"{"a":1,"b":{"c":"x","\u0063":"y"}}"#).expect("valid");
        assert_eq!(document.root().get("a").expect("there").raw(), b"1");
        assert!(!document.met_repeated());
        assert!(document.root().get("b").expect("there").get("c").expect("there").is_text("y"));
        assert!(document.met_repeated());
    }

    #[test]
    fn positions_lead_back_to_the_bytes() {
        let mut tape = Tape::default();
        let document = tape.read(br#"{"data": {"k\"": ["v", {"x": 1}]}}"#).expect("valid");
        let seen: Vec<_> = document
            .values()
            .map(|value| {
                let key =
                    value.key_span().map_or("", |span| std::str::from_utf8(&document.bytes()[span]).expect("text"));
                (key, std::str::from_utf8(value.raw()).expect("text"), value.index(), value.next_index())
            })
            .collect();
        assert_eq!(
            seen[1..],
            [
                ("data", r#"{"k\"": ["v", {"x": 1}]}"#, 1, 6),
                (r#"k\""#, r#"["v", {"x": 1}]"#, 2, 6),
                ("", "v", 3, 4),
                ("", r#"{"x": 1}"#, 4, 6),
                ("x", "1", 5, 6),
            ]
        );
    }
}
