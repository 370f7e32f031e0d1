//! Edits of an event: what is replaced and what disappears, put together in one pass over the bytes.
//!
//! - What no edit covers is copied byte for byte.
//! - Of nested edits the outer one counts, of equal ones the one of the earlier step. Edits that overlap in part become one
//!   that covers both: nothing of either stays.
//! - A member that disappears takes its comma along; the result is JSON again.
//! - What takes the place of something is made when the edits are put together: what several searches found is made once.

use crate::event::{Document, Kind, Value};

/// Which configured target asked for an edit: its place in the order of the configuration.
pub(super) type Label = u16;

/// More of them in one event are not made: it is no audit event.
pub(super) use crate::defaults::REDACT_EDITS_MAX as EDITS_MAX;

/// What an edit leaves.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Left {
    /// Nothing.
    Nothing,
    /// Text between quotation marks that are there.
    Text,
    /// Text that needs quotation marks.
    Quoted,
}

#[derive(Clone, Copy, Debug)]
struct Edit {
    start: usize,
    end: usize,
    label: Label,
    left: Left,
}

/// A value that disappears.
#[derive(Clone, Copy, Debug)]
struct Removal {
    index: usize,
    parent: usize,
    label: Label,
}

/// Memory for the edits of one event after the other.
#[derive(Clone, Debug, Default)]
pub(super) struct Edits {
    edits: Vec<Edit>,
    removals: Vec<Removal>,
}

/// Is called with each edit that counts and the bytes that it covers, and appends what takes their place.
pub(super) type Write<'w> = &'w mut dyn FnMut(Label, Left, &[u8], &mut Vec<u8>);

impl Edits {
    pub(super) fn clear(&mut self) {
        self.edits.clear();
        self.removals.clear();
    }

    pub(super) fn is_empty(&self) -> bool {
        self.edits.is_empty() && self.removals.is_empty()
    }

    /// Whether there are so many that something is wrong with the event.
    pub(super) fn are_too_many(&self) -> bool {
        self.edits.len() + self.removals.len() > EDITS_MAX
    }

    /// Replaces these bytes.
    pub(super) fn replace(&mut self, (start, end): (usize, usize), label: Label, left: Left) {
        self.edits.push(Edit { start, end, label, left });
    }

    /// Lets a value disappear, with its name, from the container at index `parent`.
    pub(super) fn remove(&mut self, index: usize, parent: usize, label: Label) {
        self.removals.push(Removal { index, parent, label });
    }

    /// Writes the event with the edits made.
    pub(super) fn apply(&mut self, document: &Document<'_>, out: &mut Vec<u8>, write: Write<'_>) {
        self.resolve_removals(document);
        // Equal spans and outer ones first: what follows within them does not count.
        self.edits.sort_unstable_by_key(|edit| (edit.start, usize::MAX - edit.end, edit.label, edit.left));
        let bytes = document.bytes();
        let mut copied = 0;
        let mut edits = self.edits.iter().copied().peekable();
        while let Some(Edit { start, end: own_end, label, left }) = edits.next() {
            let mut end = own_end;
            while let Some(next) = edits.next_if(|next| next.start < end || (next.start, next.end) == (start, end)) {
                end = end.max(next.end);
            }
            out.extend_from_slice(bytes.get(copied..start).unwrap_or_default());
            write(label, left, bytes.get(start..own_end).unwrap_or_default(), out);
            copied = end;
        }
        out.extend_from_slice(bytes.get(copied..).unwrap_or_default());
    }

    /// Turns values that disappear into bytes that disappear: up to the next value or, for the last of its container, from the
    /// end of the last value that stays.
    fn resolve_removals(&mut self, document: &Document<'_>) {
        self.removals.sort_unstable_by_key(|removal| (removal.index, removal.label));
        self.removals.dedup_by_key(|removal| removal.index);
        for at in 0..self.removals.len() {
            let Removal { index, parent, label } = self.removals[at];
            let (Some(value), Some(parent)) = (document.value(index), document.value(parent)) else { continue };
            let next = document.value(value.next_index()).filter(|next| next.index() < parent.next_index());
            let (start, end) = match next {
                Some(next) => (start_of(&value), start_of(&next)),
                None => (self.end_before(&value, &parent), end_of(&value)),
            };
            self.edits.push(Edit { start, end, label, left: Left::Nothing });
        }
    }

    /// Where the last value before this one ends that stays; behind the opening bracket when there is none.
    fn end_before(&self, value: &Value<'_>, parent: &Value<'_>) -> usize {
        let stays = |sibling: &Value<'_>| {
            self.removals.binary_search_by_key(&sibling.index(), |removal| removal.index).is_err()
        };
        let before = parent.children().take_while(|sibling| sibling.index() < value.index()).filter(stays).last();
        before.map_or(parent.span().start + 1, |before| end_of(&before))
    }
}

/// Where a value begins, its name included.
fn start_of(value: &Value<'_>) -> usize {
    let start = value.key_span().unwrap_or_else(|| value.span()).start;
    let quoted = value.key_span().is_some() || value.kind() == Kind::String;
    start - usize::from(quoted)
}

fn end_of(value: &Value<'_>) -> usize {
    value.span().end + usize::from(value.kind() == Kind::String)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Tape;
    use proptest::prelude::*;

    /// The event with the values at these indexes gone.
    fn without(text: &str, gone: &[usize]) -> String {
        let mut tape = Tape::default();
        let document = tape.read(text.as_bytes()).expect("an object");
        let mut edits = Edits::default();
        for value in document.values() {
            for child in value.children().filter(|child| gone.contains(&child.index())) {
                edits.remove(child.index(), value.index(), 0);
            }
        }
        let mut out = Vec::new();
        edits.apply(&document, &mut out, &mut |_, _, _, _| {});
        String::from_utf8(out).expect("text")
    }

    #[test]
    fn what_disappears_takes_its_comma_along() {
        let text = r#"{"a": "x", "b": [1, "y", {}], "c": 3}"#;
        for (gone, expected) in [
            (&[1][..], r#"{"b": [1, "y", {}], "c": 3}"#),
            (&[2], r#"{"a": "x", "c": 3}"#),
            (&[6], r#"{"a": "x", "b": [1, "y", {}]}"#),
            (&[2, 6], r#"{"a": "x"}"#),
            (&[1, 2, 6], "{}"),
            (&[3], r#"{"a": "x", "b": ["y", {}], "c": 3}"#),
            (&[4, 5], r#"{"a": "x", "b": [1], "c": 3}"#),
            (&[3, 4, 5], r#"{"a": "x", "b": [], "c": 3}"#),
            (&[3, 5], r#"{"a": "x", "b": ["y"], "c": 3}"#),
        ] {
            assert_eq!(without(text, gone), expected, "{gone:?}");
        }
    }

    #[test]
    fn of_nested_edits_the_outer_counts_and_of_equal_ones_the_earlier_step() {
        let mut tape = Tape::default();
        let document = tape.read(br#"{"a":"0123456789"}"#).expect("an object");
        let run = |wanted: &[(usize, usize, Label)]| {
            let mut edits = Edits::default();
            for (start, end, label) in wanted {
                edits.replace((6 + start, 6 + end), *label, Left::Text);
            }
            let (mut out, mut counted) = (Vec::new(), Vec::new());
            edits.apply(&document, &mut out, &mut |label, _, _, out| {
                counted.push(label);
                out.extend_from_slice(format!("<{label}>").as_bytes());
            });
            (String::from_utf8(out).expect("text"), counted)
        };
        assert_eq!(run(&[(2, 4, 1), (0, 8, 2)]), (r#"{"a":"<2>89"}"#.to_owned(), vec![2]));
        assert_eq!(run(&[(2, 4, 2), (2, 4, 1)]), (r#"{"a":"01<1>456789"}"#.to_owned(), vec![1]));
        assert_eq!(run(&[(2, 5, 1), (4, 7, 2)]), (r#"{"a":"01<1>789"}"#.to_owned(), vec![1]));
        assert_eq!(run(&[(2, 4, 1), (4, 6, 2)]), (r#"{"a":"01<1><2>6789"}"#.to_owned(), vec![1, 2]));
    }

    proptest! {
        #[test]
        fn whatever_disappears_json_is_left(gone in proptest::collection::vec(1..30usize, 0..12)) {
            let text = r#" { "a" : [ 1 , [ ] , { "b" : "}" , "b" : null } ] ,"c":{"d":{"e":[true,{"f":"g"}]},"h":2} , "i" :"," } "#;
            let left = without(text, &gone);
            prop_assert!(serde_json::from_str::<serde_json::Value>(&left).is_ok(), "{}", left);
        }
    }
}
