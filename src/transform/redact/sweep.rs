//! The second walk: whatever was found in its place is searched for in all texts, names and numbers of the event, and so is
//! what looks like one of them.
//!
//! What is written as it is meant is searched in one go through the whole event: what is found there lies within one text, or
//! it is no find. Only what holds an escape, a percent sign or a letter beyond ASCII is decoded and searched for itself.

use super::class::Class;
use super::edits::{Edits, Label};
use super::find;
use super::known::KnownValues;
use super::plan::Plan;
use super::reading;
use super::{Place, Scratch, part, whole_value};
use crate::defaults::REDACT_SWEEP_MIN;
use crate::event::{Document, Kind, Value};

/// A text, a name or a number of the event.
#[derive(Clone, Copy, Debug)]
struct Span {
    /// Where its bytes begin; behind the quotation mark of a text or a name.
    start: usize,
    end: usize,
    kind: SpanKind,
    /// Number of the value; of a name the value that it names.
    node: usize,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum SpanKind {
    Name,
    Text,
    Number,
}

/// Searches all texts, names and numbers for what must not be there.
pub(super) fn sweep(plan: &Plan, document: &Document<'_>, scratch: &mut Scratch) {
    let Scratch { known, edits, reading, hits, .. } = scratch;
    let bytes = document.bytes();
    let is_plain = reading::is_plain(bytes);
    hits.clear();
    let looks = [Class::Email, Class::Principal].map(|class| plan.label_of(class));
    // Addresses are found whatever their case.
    let has_case = looks[1].is_some() || !known.is_empty();
    search_all(looks, known, if has_case { reading.fold_ascii(bytes) } else { bytes }, false, hits);
    for (label, start, end) in hits.iter().copied() {
        let span = document.at_position(start).and_then(|value| span_at(value, start));
        if let Some(span) = span.filter(|span| end <= span.end && (is_plain || is_plain_span(bytes, *span))) {
            hit(plan, edits, document, span, (label, start, end));
        }
    }
    if is_plain {
        return;
    }
    for value in document.values() {
        for span in [name_of(value), text_of(value)].into_iter().flatten() {
            if edits.are_too_many() {
                return;
            }
            if is_plain_span(bytes, span) {
                continue;
            }
            reading.read(bytes.get(span.start..span.end).unwrap_or_default());
            hits.clear();
            search_all(looks, known, reading.bytes(), true, hits);
            for (label, start, end) in hits.iter().copied() {
                let (start, end) = reading.origin(start, end);
                hit(plan, edits, document, span, (label, span.start + start, span.start + end));
            }
        }
    }
}

fn is_plain_span(bytes: &[u8], span: Span) -> bool {
    bytes.get(span.start..span.end).is_some_and(reading::is_plain)
}

/// `looks` are the labels of what is recognised by its looks: addresses and principals.
fn search_all(
    [email, principal]: [Option<Label>; 2],
    known: &KnownValues,
    text: &[u8],
    quoted: bool,
    hits: &mut Vec<(Label, usize, usize)>,
) {
    if let Some(label) = email {
        find::emails(text, quoted, &mut |start, end| hits.push((label, start, end)));
    }
    if let Some(label) = principal {
        find::principals(text, &mut |start, end| hits.push((label, start, end)));
    }
    known.find(text, &mut |label, start, end| hits.push((label, start, end)));
}

/// The text, name or number that the position lies in; `value` is the innermost value there.
fn span_at(value: Value<'_>, position: usize) -> Option<Span> {
    let holds = |span: &Span| (span.start..span.end).contains(&position);
    [name_of(value), text_of(value)].into_iter().flatten().find(holds)
}

fn name_of(value: Value<'_>) -> Option<Span> {
    let span = value.key_span()?;
    Some(Span { start: span.start, end: span.end, kind: SpanKind::Name, node: value.index() })
}

fn text_of(value: Value<'_>) -> Option<Span> {
    let kind = match value.kind() {
        Kind::String => SpanKind::Text,
        Kind::Number => SpanKind::Number,
        Kind::Object | Kind::Array | Kind::Bool(_) | Kind::Null => return None,
    };
    let span = value.span();
    Some(Span { start: span.start, end: span.end, kind, node: value.index() })
}

/// Redacts a part of a text, of a name, or a number.
fn hit(
    plan: &Plan,
    edits: &mut Edits,
    document: &Document<'_>,
    span: Span,
    (label, start, end): (Label, usize, usize),
) {
    let Span { node, .. } = span;
    let is_whole = (start, end) == (span.start, span.end);
    let whole = |edits: &mut Edits| {
        let parent = document.container_of(node).map_or(0, |container| container.index());
        whole_value(plan, edits, document, Place { start: span.start, end: span.end, node, parent }, label);
    };
    match span.kind {
        SpanKind::Text if is_whole => whole(edits),
        // A short number is no name of anything.
        SpanKind::Number if is_whole && end - start >= REDACT_SWEEP_MIN => whole(edits),
        SpanKind::Number => {}
        SpanKind::Text | SpanKind::Name => part(edits, (start, end), label),
    }
}
