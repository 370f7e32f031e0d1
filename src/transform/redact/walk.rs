//! The first walk: what stands in the places of the configuration.

use super::class::{self, Class, Classes, Container, Spelling};
use super::edits::Label;
use super::find;
use super::parts::Parts;
use super::path::Reached;
use super::plan::{PatternSet, Plan};
use super::{Scratch, part, whole_value};
use crate::event::{Document, Kind, Value};

/// A text, a name or a number of the event, in the order of the event.
#[derive(Clone, Copy, Debug)]
pub(super) struct Span {
    /// Where its bytes begin; behind the quotation mark of a text or a name.
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) kind: SpanKind,
    /// Index of the value; of a name the value that it names.
    pub(super) node: usize,
    /// Index of the value's container.
    pub(super) parent: usize,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum SpanKind {
    Name,
    Text,
    Number,
}

/// Memory for the containers that are open.
#[derive(Debug, Default)]
pub(super) struct Walk {
    frames: Vec<Frame>,
    /// What each container's values are reached by: one word per path and frame.
    reached: Vec<Reached>,
}

/// A container whose values come next.
#[derive(Clone, Copy, Debug, Default)]
struct Frame {
    index: usize,
    /// Index of the first value that is not within it.
    end: usize,
    container: Container,
    /// What its values are values of.
    inside: Classes,
    /// Patterns that are searched for in it.
    patterns: PatternSet,
    /// For an array that a path leads to: its elements are redacted as a whole.
    whole: Option<Label>,
}

/// What is asked of one value.
#[derive(Clone, Copy, Debug)]
struct Asked {
    classes: Classes,
    /// It says what the value beside it is: only what looks like a value is one.
    is_plain_word: bool,
    patterns: PatternSet,
    whole: Option<Label>,
    container: Container,
}

/// Notes the edits of all places, the values that stand there, and where all texts, names and numbers lie.
pub(super) fn places(plan: &Plan, document: &Document<'_>, scratch: &mut Scratch) {
    let mut walk = std::mem::take(&mut scratch.walk);
    walk.frames.clear();
    walk.reached.clear();
    for value in document.values() {
        while walk.frames.last().is_some_and(|frame| frame.end <= value.index()) {
            walk.frames.pop();
        }
        walk.reached.truncate(walk.frames.len() * plan.path_count());
        let asked = walk.enter(plan, document, &value);
        let parent = walk.frames.last().map_or(0, |frame| frame.index);
        note_spans(&value, parent, scratch);
        act(Task { plan, document }, &value, parent, asked, scratch);
        if matches!(value.kind(), Kind::Object | Kind::Array) {
            let goes_on =
                value.kind() == Kind::Array && !asked.whole.is_some_and(|label| plan.treatment(label).is_drop());
            walk.frames.push(Frame {
                index: value.index(),
                end: value.next_index(),
                container: asked.container,
                inside: asked.classes,
                patterns: asked.patterns,
                whole: asked.whole.filter(|_| goes_on),
            });
        }
        if scratch.known.are_too_many() || scratch.edits.are_too_many() {
            break;
        }
    }
    scratch.walk = walk;
}

impl Walk {
    /// What is asked of this value: what its container passes on, and what its own name adds.
    fn enter(&mut self, plan: &Plan, document: &Document<'_>, value: &Value<'_>) -> Asked {
        let Some(frame) = self.frames.last().copied() else {
            plan.start(&mut self.reached);
            return Asked {
                classes: Classes::NONE,
                is_plain_word: false,
                patterns: 0,
                whole: None,
                container: Container::Other,
            };
        };
        let paths = plan.path_count();
        let parent = (self.frames.len() - 1) * paths;
        let Some(name) = value.key() else {
            // An element stands for its array.
            self.reached.extend_from_within(parent..parent + paths);
            let Frame { container, inside, patterns, whole, .. } = frame;
            return Asked { classes: inside, is_plain_word: false, patterns, whole, container };
        };
        plan.step(&mut self.reached, parent, &name);
        let (whole, patterns) = plan.asked(self.reached.get(parent + paths..).unwrap_or_default());
        let spelling = Spelling::of(&name);
        let spelled = spelling.bytes();
        let mut classes = frame.inside.or(class::of_member(spelled, frame.container));
        if plan.reads_types() {
            classes = classes.or(typed(document, frame.index, spelled));
        }
        if plan.keep_members.iter().any(|kept| *kept == name) {
            classes = classes.without(Class::Payload);
        }
        let classes = classes.and(plan.wanted);
        Asked {
            classes,
            is_plain_word: class::is_plain_word(spelled),
            patterns: frame.patterns | patterns | plan.patterns_at(classes),
            whole,
            container: Container::named(spelled),
        }
    }
}

/// What a member names, as the type of the resource beside it says. Of repeated types each counts.
fn typed(document: &Document<'_>, container: usize, name: &[u8]) -> Classes {
    let Some(wanted) = class::type_member(name) else { return Classes::NONE };
    let Some(container) = document.value(container) else { return Classes::NONE };
    let mut classes = Classes::NONE;
    for member in container.children() {
        let is_type = member.key().is_some_and(|name| Spelling::of(&name).bytes() == wanted);
        if let (true, Some(word)) = (is_type, member.text()) {
            classes = classes.or(class::of_type(&word));
        }
    }
    classes
}

fn note_spans(value: &Value<'_>, parent: usize, scratch: &mut Scratch) {
    let node = value.index();
    if let Some(span) = value.key_span() {
        scratch.spans.push(Span { start: span.start, end: span.end, kind: SpanKind::Name, node, parent });
    }
    let kind = match value.kind() {
        Kind::String => SpanKind::Text,
        Kind::Number => SpanKind::Number,
        Kind::Object | Kind::Array | Kind::Bool(_) | Kind::Null => return,
    };
    let span = value.span();
    scratch.spans.push(Span { start: span.start, end: span.end, kind, node, parent });
}

/// What is asked of which event.
#[derive(Clone, Copy)]
struct Task<'t> {
    plan: &'t Plan,
    document: &'t Document<'t>,
}

fn act(task: Task<'_>, value: &Value<'_>, parent: usize, asked: Asked, scratch: &mut Scratch) {
    let Task { plan, document } = task;
    let span = value.span();
    let place = Span { start: span.start, end: span.end, kind: SpanKind::Text, node: value.index(), parent };
    if let Some(label) = asked.whole {
        // An array's elements are redacted one by one, unless all of it disappears.
        if value.kind() != Kind::Array || plan.treatment(label).is_drop() {
            whole_value(plan, &mut scratch.edits, document, place, label);
        }
    }
    match value.kind() {
        Kind::String => {
            for class in asked.classes.and(plan.active).iter() {
                at_place(task, place, class, asked.is_plain_word, scratch);
            }
            if asked.patterns != 0 {
                search_patterns(plan, document, place, asked.patterns, scratch);
            }
            if plan.reads_crns() {
                in_crn(plan, document, place, scratch);
            }
        }
        Kind::Number => number(task, value, place, asked, scratch),
        Kind::Bool(_) if asked.classes.has(Class::Payload) => {
            if let Some(label) = plan.label_of(Class::Payload) {
                whole_value(plan, &mut scratch.edits, document, place, label);
            }
        }
        Kind::Object | Kind::Array | Kind::Bool(_) | Kind::Null => {}
    }
}

fn number(task: Task<'_>, value: &Value<'_>, place: Span, asked: Asked, scratch: &mut Scratch) {
    let Task { plan, document } = task;
    for class in asked.classes.iter().filter(|_| !asked.is_plain_word) {
        let Some(label) = plan.label_of(class) else { continue };
        if class != Class::Payload {
            scratch.known.add(value.raw(), label);
        }
        whole_value(plan, &mut scratch.edits, document, place, label);
    }
    if asked.patterns != 0 {
        let text = String::from_utf8_lossy(value.raw());
        for (label, _) in plan.patterns(asked.patterns).filter(|(_, pattern)| pattern.is_match(&text)) {
            whole_value(plan, &mut scratch.edits, document, place, label);
        }
    }
}

/// Redacts what a text at a place of the class holds, and remembers it.
fn at_place(task: Task<'_>, place: Span, class: Class, is_plain_word: bool, scratch: &mut Scratch) {
    let Task { plan, document } = task;
    let Some(label) = plan.label_of(class) else { return };
    let raw = document.bytes().get(place.start..place.end).unwrap_or_default();
    // Where a word says what its neighbour is, only an address could hide in it.
    if raw.is_empty() || (is_plain_word && class != Class::ClientIp) {
        return;
    }
    let Scratch { reading, known, edits, .. } = scratch;
    reading.read(raw);
    let text = reading.bytes();
    let mut parts = Parts::default();
    let is_whole = parts.of(class, text, &mut |ip| known.add_ip(ip, label));
    for (start, end) in parts.known.iter().copied() {
        known.add(text.get(start..end).unwrap_or_default(), label);
    }
    let is_whole = is_whole && !is_plain_word;
    let redacted = is_whole || !parts.redacted.is_empty();
    if is_whole || (redacted && plan.treatment(label).is_drop()) {
        return whole_value(plan, edits, document, place, label);
    }
    for (start, end) in parts.redacted {
        let (start, end) = reading.origin(start, end);
        part(plan, edits, document, (place.start + start, place.start + end), label);
    }
}

/// Redacts the parts of a CRN that are of an active class, and remembers them.
fn in_crn(plan: &Plan, document: &Document<'_>, place: Span, scratch: &mut Scratch) {
    let raw = document.bytes().get(place.start..place.end).unwrap_or_default();
    // An equals sign may be hidden by an escape.
    if memchr::memchr3(b'=', b'%', b'\\', raw).is_none() {
        return;
    }
    let Scratch { reading, known, edits, hits, .. } = scratch;
    reading.read(raw);
    let text = reading.bytes();
    hits.clear();
    find::crn_parts(text, &mut |key, start, end| {
        let label = Class::of_crn_key(key).and_then(|class| plan.label_of(class));
        if let Some(label) = label.filter(|_| text.get(start..end) != Some(b"*")) {
            known.add(text.get(start..end).unwrap_or_default(), label);
            hits.push((label, start, end));
        }
    });
    for (label, start, end) in hits.iter().copied() {
        let (start, end) = reading.origin(start, end);
        part(plan, edits, document, (place.start + start, place.start + end), label);
    }
}

fn search_patterns(plan: &Plan, document: &Document<'_>, place: Span, set: PatternSet, scratch: &mut Scratch) {
    let raw = document.bytes().get(place.start..place.end).unwrap_or_default();
    let Scratch { reading, edits, hits, .. } = scratch;
    hits.clear();
    let text = reading.read_as_written(raw);
    for (label, pattern) in plan.patterns(set) {
        let found = pattern.find_iter(&text).filter(|found| !found.is_empty());
        hits.extend(found.map(|found| (label, found.start(), found.end())));
    }
    for (label, start, end) in hits.iter().copied() {
        let (start, end) = reading.origin(start, end);
        let at = (place.start + start, place.start + end);
        if at == (place.start, place.end) {
            whole_value(plan, edits, document, place, label);
        } else {
            part(plan, edits, document, at, label);
        }
    }
}
