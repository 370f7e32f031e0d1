//! Redaction: what is named in the configuration does not leave, however it is spelled and wherever it stands.
//!
//! - A first walk over all values of the event looks at the places of what is to be redacted: names in any spelling, at any
//!   depth, every one of repeated members. It notes edits, and the values that it found.
//! - A second one searches every text and every name for those values and for what looks like one of them, decoded first. What
//!   needs no decoding is searched in one go, as it stands in the event.
//! - Then the edits are made, into memory that is used again. What no edit covers keeps its bytes; an event without edits
//!   keeps all of them.
//!
//! An event that cannot be gone through in full is not changed and does not leave: see [`Unredactable`].
//!
//! What is written in another code than JSON's escapes and percent-encoding (base64, a hash, a translation) is not found.

mod class;
pub mod config;
mod edits;
mod find;
mod known;
mod names;
mod parts;
mod path;
mod plan;
mod reading;
mod sweep;
mod treatment;
mod vocabulary;
mod walk;

#[cfg(test)]
mod tests;

use ::metrics::Counter;

use crate::defaults::{REDACT_EDITS_MAX, REDACT_VALUES_MAX};
use crate::event::{Document, Kind};

pub use class::Class;
use config::RedactConfig;
use edits::{Edits, Label, Left};
use known::KnownValues;
use parts::Parts;
pub use path::Path;
use plan::Plan;
use reading::{Reading, meaning};
pub use treatment::{Key, Keys, Treatment};
use walk::Walk;

/// Why nobody can say that nothing secret is left in an event.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Unredactable {
    #[error("it is not a JSON object, so nobody knows what is in it")]
    NotAnObject,
    #[error("more than {REDACT_EDITS_MAX} parts of it would have to be redacted")]
    TooManyEdits,
    #[error("more than {REDACT_VALUES_MAX} different values would have to be redacted wherever they stand")]
    TooManyValues,
}

/// Redacts one event after the other.
#[derive(Debug)]
pub(super) struct Redactor {
    plan: Plan,
    scratch: Scratch,
    /// The redacted event.
    out: Vec<u8>,
}

/// Memory that is used again.
#[derive(Debug, Default)]
struct Scratch {
    walk: Walk,
    parts: Parts,
    known: KnownValues,
    edits: Edits,
    reading: Reading,
    hits: Vec<(Label, usize, usize)>,
}

impl Redactor {
    /// `counter` makes the counter of what is redacted under a name from the configuration.
    pub(super) fn new(config: &RedactConfig, counter: &dyn Fn(&str) -> Counter) -> Self {
        Self { plan: Plan::new(config, counter), scratch: Scratch::default(), out: Vec::new() }
    }

    /// The event with everything redacted; `None` when there was nothing to redact.
    ///
    /// # Errors
    /// It cannot be redacted for certain.
    pub(super) fn redact(&mut self, document: &Document<'_>) -> Result<Option<&[u8]>, Unredactable> {
        let Self { plan, scratch, out } = self;
        scratch.known.clear();
        scratch.edits.clear();
        walk::places(plan, document, scratch);
        scratch.refuse_excess()?;
        sweep::sweep(plan, document, scratch);
        scratch.refuse_excess()?;
        if scratch.edits.is_empty() {
            return Ok(None);
        }
        out.clear();
        scratch.edits.apply(document, out, &mut |label, left, bytes, out| write(plan, label, left, bytes, out));
        debug_assert!(crate::event::Tape::default().read(out).is_some(), "{}", String::from_utf8_lossy(out));
        Ok(Some(out))
    }
}

impl Scratch {
    fn refuse_excess(&self) -> Result<(), Unredactable> {
        if self.known.are_too_many() {
            return Err(Unredactable::TooManyValues);
        }
        if self.edits.are_too_many() {
            return Err(Unredactable::TooManyEdits);
        }
        Ok(())
    }
}

/// Where a value stands.
#[derive(Clone, Copy, Debug)]
struct Place {
    /// Where its bytes begin; behind the quotation mark of a text.
    start: usize,
    end: usize,
    /// Number of the value.
    node: usize,
    /// Number of the value's container.
    parent: usize,
}

/// Writes what takes the place of these bytes.
fn write(plan: &Plan, label: Label, left: Left, bytes: &[u8], out: &mut Vec<u8>) {
    plan.count(label);
    match left {
        Left::Nothing => {}
        Left::Text => plan.treatment(label).push(&meaning(bytes), out),
        Left::Quoted => {
            out.push(b'"');
            plan.treatment(label).push(&String::from_utf8_lossy(bytes), out);
            out.push(b'"');
        }
    }
}

/// Redacts a part of a text or of a name.
fn part(edits: &mut Edits, at: (usize, usize), label: Label) {
    edits.replace(at, label, Left::Text);
}

/// Redacts a value as a whole: it disappears, or a text takes its place.
fn whole_value(plan: &Plan, edits: &mut Edits, document: &Document<'_>, place: Place, label: Label) {
    let Some(value) = document.value(place.node) else { return };
    if plan.treatment(label).is_drop() {
        return edits.remove(place.node, place.parent, label);
    }
    let at = (value.span().start, value.span().end);
    match value.kind() {
        // There is nothing in it.
        Kind::Null => {}
        Kind::String => edits.replace(at, label, Left::Text),
        Kind::Object | Kind::Array | Kind::Number | Kind::Bool(_) => edits.replace(at, label, Left::Quoted),
    }
}
