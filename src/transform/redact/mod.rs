//! Redaction: what is named in the configuration does not leave, however it is spelled and wherever it stands.
//!
//! - A first walk over all values of the event looks at the places of what is to be redacted: names in any spelling, at any
//!   depth, every one of repeated members. It notes edits, and the values that it found.
//! - A second one searches every text and every name for those values and for what looks like one of them, decoded first.
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
mod parts;
mod path;
mod plan;
mod reading;
mod treatment;
mod walk;

#[cfg(test)]
mod tests;

use ::metrics::Counter;

use crate::defaults::{REDACT_EDITS_MAX, REDACT_SWEEP_MIN, REDACT_VALUES_MAX};
use crate::event::{Document, Kind};

pub use class::Class;
use config::RedactConfig;
use edits::{Edits, Label};
use known::KnownValues;
pub use path::Path;
use plan::Plan;
use reading::{Reading, meaning};
pub use treatment::{Key, Keys, Treatment};
use walk::{Span, SpanKind, Walk};

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
    spans: Vec<Span>,
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
        scratch.spans.clear();
        walk::places(plan, document, scratch);
        scratch.refuse_excess()?;
        sweep(plan, document, scratch);
        scratch.refuse_excess()?;
        if scratch.edits.is_empty() {
            return Ok(None);
        }
        out.clear();
        scratch.edits.apply(document, out, &mut |label| plan.count(label));
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

/// Searches all texts, names and numbers for what must not be there.
fn sweep(plan: &Plan, document: &Document<'_>, scratch: &mut Scratch) {
    let Scratch { spans, known, edits, reading, hits, .. } = scratch;
    let bytes = document.bytes();
    if reading::is_plain(bytes) {
        // One search for the whole event. What is found lies within one text, or it is no find.
        reading.read(bytes);
        hits.clear();
        search(plan, known, reading.bytes(), false, hits);
        for (label, start, end) in hits.iter().copied() {
            let after = spans.partition_point(|span| span.start <= start);
            let span = after.checked_sub(1).and_then(|at| spans.get(at)).filter(|span| end <= span.end);
            if let Some(span) = span {
                hit(plan, edits, document, *span, (label, start, end));
            }
        }
        return;
    }
    for span in spans.iter() {
        if edits.are_too_many() {
            return;
        }
        reading.read(bytes.get(span.start..span.end).unwrap_or_default());
        hits.clear();
        search(plan, known, reading.bytes(), true, hits);
        for (label, start, end) in hits.iter().copied() {
            let (start, end) = reading.origin(start, end);
            hit(plan, edits, document, *span, (label, span.start + start, span.start + end));
        }
    }
}

fn search(plan: &Plan, known: &KnownValues, text: &[u8], quoted: bool, hits: &mut Vec<(Label, usize, usize)>) {
    if let Some(label) = plan.label_of(Class::Email) {
        find::emails(text, quoted, &mut |start, end| hits.push((label, start, end)));
    }
    if let Some(label) = plan.label_of(Class::Principal) {
        find::principals(text, &mut |start, end| hits.push((label, start, end)));
    }
    known.find(text, &mut |label, start, end| hits.push((label, start, end)));
}

/// Redacts a part of a text, of a name, or a number.
fn hit(
    plan: &Plan,
    edits: &mut Edits,
    document: &Document<'_>,
    span: Span,
    (label, start, end): (Label, usize, usize),
) {
    let whole = (start, end) == (span.start, span.end);
    match span.kind {
        SpanKind::Text if whole => whole_value(plan, edits, document, span, label),
        // A short number is no name of anything.
        SpanKind::Number if whole && end - start >= REDACT_SWEEP_MIN => whole_value(plan, edits, document, span, label),
        SpanKind::Number => {}
        SpanKind::Text | SpanKind::Name => part(plan, edits, document, (start, end), label),
    }
}

/// Redacts a part of a text or of a name.
fn part(plan: &Plan, edits: &mut Edits, document: &Document<'_>, at: (usize, usize), label: Label) {
    let raw = document.bytes().get(at.0..at.1).unwrap_or_default();
    edits.replace(at, label, |out| plan.treatment(label).push(&meaning(raw), out));
}

/// Redacts a value as a whole: it disappears, or a text takes its place.
fn whole_value(plan: &Plan, edits: &mut Edits, document: &Document<'_>, span: Span, label: Label) {
    let Some(value) = document.value(span.node) else { return };
    let treatment = plan.treatment(label);
    let at = (value.span().start, value.span().end);
    if treatment.is_drop() {
        return edits.remove(span.node, span.parent, label);
    }
    match value.kind() {
        // There is nothing in it.
        Kind::Null => {}
        Kind::String => edits.replace(at, label, |out| treatment.push(&meaning(value.raw()), out)),
        Kind::Object | Kind::Array | Kind::Number | Kind::Bool(_) => edits.replace(at, label, |out| {
            out.push(b'"');
            treatment.push(&String::from_utf8_lossy(value.raw()), out);
            out.push(b'"');
        }),
    }
}
