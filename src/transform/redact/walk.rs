//! The first walk: what stands in the places of the configuration.

use super::class::{self, Class, Classes, Container, Spelling};
use super::edits::Label;
use super::find;
use super::names::{Meaning, Names};
use super::path::Reached;
use super::plan::{PatternSet, Plan};
use super::{Place, Scratch, part, whole_value};
use crate::event::{Document, Kind, Value};

/// Memory for the containers that are open.
#[derive(Debug, Default)]
pub(super) struct Walk {
    frames: Vec<Frame>,
    /// What each container's values are reached by: one word per path and frame.
    reached: Vec<Reached>,
    names: Names,
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
#[derive(Clone, Copy, Debug, Default)]
struct Asked {
    classes: Classes,
    /// It says what the value beside it is: only what looks like a value is one.
    is_plain_word: bool,
    patterns: PatternSet,
    whole: Option<Label>,
    container: Container,
}

/// Notes the edits of all places, and the values that stand there.
pub(super) fn places(plan: &Plan, document: &Document<'_>, scratch: &mut Scratch) {
    let mut walk = std::mem::take(&mut scratch.walk);
    walk.frames.clear();
    walk.reached.clear();
    let task = Task { plan, document };
    for value in document.values() {
        while walk.frames.last().is_some_and(|frame| frame.end <= value.index()) {
            walk.frames.pop();
        }
        if plan.path_count() > 0 {
            walk.reached.truncate(walk.frames.len() * plan.path_count());
        }
        let asked = walk.enter(task, &value);
        if asked.is_anything() || plan.reads_crns() {
            let parent = walk.frames.last().map_or(0, |frame| frame.index);
            act(task, &value, parent, asked, scratch);
            if scratch.known.are_too_many() || scratch.edits.are_too_many() {
                break;
            }
        }
        if value.is_container() {
            walk.frames.push(asked.inside(task, &value));
        }
    }
    scratch.walk = walk;
}

impl Walk {
    /// What is asked of this value: what its container passes on, and what its own name adds.
    #[inline]
    fn enter(&mut self, task: Task<'_>, value: &Value<'_>) -> Asked {
        let Task { plan, document } = task;
        let Some(frame) = self.frames.last().copied() else {
            plan.start(&mut self.reached);
            return Asked::default();
        };
        let paths = plan.path_count();
        let parent = (self.frames.len() - 1) * paths;
        let Some((start, end, is_escaped)) = value.key_bounds() else {
            // An element stands for its array.
            if paths > 0 {
                self.reached.extend_from_within(parent..parent + paths);
            }
            let Frame { container, inside, patterns, whole, .. } = frame;
            return Asked { classes: inside, is_plain_word: false, patterns, whole, container };
        };
        let meaning = if is_escaped {
            Meaning::of(&value.key().unwrap_or_default(), plan)
        } else {
            self.names.meaning(document.bytes(), (start, end), plan)
        };
        let (mut whole, mut patterns) = (None, frame.patterns);
        if paths > 0 {
            plan.step(&mut self.reached, parent, &value.key().unwrap_or_default());
            let asked = plan.asked(self.reached.get(parent + paths..).unwrap_or_default());
            (whole, patterns) = (asked.0, patterns | asked.1);
        }
        let mut classes = frame.inside.or(meaning.classes(frame.container));
        if meaning.is_told {
            classes = classes.or(typed(value, document.value(frame.index)).and(plan.wanted));
        }
        if meaning.is_kept {
            classes = classes.without(Class::Payload);
        }
        patterns |= plan.patterns_at(classes);
        Asked { classes, is_plain_word: meaning.is_plain_word, patterns, whole, container: meaning.container }
    }
}

impl Asked {
    fn is_anything(&self) -> bool {
        !self.classes.is_empty() || self.patterns != 0 || self.whole.is_some()
    }

    /// What is asked of the values in a container of which this is asked.
    fn inside(self, Task { plan, .. }: Task<'_>, value: &Value<'_>) -> Frame {
        let goes_on = value.kind() == Kind::Array && !self.whole.is_some_and(|label| plan.treatment(label).is_drop());
        Frame {
            index: value.index(),
            end: value.next_index(),
            container: self.container,
            inside: self.classes,
            patterns: self.patterns,
            whole: self.whole.filter(|_| goes_on),
        }
    }
}

/// What a member names, as the type of the resource beside it says. Of repeated types each counts.
fn typed(value: &Value<'_>, container: Option<Value<'_>>) -> Classes {
    let name = value.key().unwrap_or_default();
    let (Some(type_member), Some(container)) = (class::type_member(Spelling::of(&name).bytes()), container) else {
        return Classes::NONE;
    };
    let mut classes = Classes::NONE;
    for member in container.children() {
        let is_type = member.key().is_some_and(|name| Spelling::of(&name).bytes() == type_member);
        if let (true, Some(word)) = (is_type, member.text()) {
            classes = classes.or(class::of_type(&word));
        }
    }
    classes
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
    let place = Place { start: span.start, end: span.end, node: value.index(), parent };
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

fn number(task: Task<'_>, value: &Value<'_>, place: Place, asked: Asked, scratch: &mut Scratch) {
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
fn at_place(task: Task<'_>, place: Place, class: Class, is_plain_word: bool, scratch: &mut Scratch) {
    let Task { plan, document } = task;
    let Some(label) = plan.label_of(class) else { return };
    let raw = document.bytes().get(place.start..place.end).unwrap_or_default();
    // Where a word says what its neighbour is, only an address could hide in it.
    if raw.is_empty() || (is_plain_word && class != Class::ClientIp) {
        return;
    }
    let Scratch { reading, known, edits, parts, .. } = scratch;
    reading.read(raw);
    let text = reading.bytes();
    parts.clear();
    let is_whole = parts.of(class, text, &mut |ip| known.add_ip(ip, label));
    for (start, end) in parts.known.iter().copied() {
        known.add(text.get(start..end).unwrap_or_default(), label);
    }
    let is_whole = is_whole && !is_plain_word;
    let redacted = is_whole || !parts.redacted.is_empty();
    if is_whole || (redacted && plan.treatment(label).is_drop()) {
        return whole_value(plan, edits, document, place, label);
    }
    for (start, end) in parts.redacted.iter().copied() {
        let (start, end) = reading.origin(start, end);
        part(edits, (place.start + start, place.start + end), label);
    }
}

/// Redacts the parts of a CRN that are of an active class, and remembers them.
fn in_crn(plan: &Plan, document: &Document<'_>, place: Place, scratch: &mut Scratch) {
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
        part(edits, (place.start + start, place.start + end), label);
    }
}

fn search_patterns(plan: &Plan, document: &Document<'_>, place: Place, set: PatternSet, scratch: &mut Scratch) {
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
            part(edits, at, label);
        }
    }
}
