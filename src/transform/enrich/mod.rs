//! `enrich`: adds what is known beside the event, and never changes what is there.
//!
//! - Keys are looked up in the event as it was read, before redaction: an address has to be known to be found. What comes
//!   out is fixed text, what stands in a table, or a part of the event; parts of the event are taken from what redaction
//!   has left.
//! - What is added goes beside the event, into the fields of a sink that has them, or into a member [`MEMBER`] of the
//!   event, in front of its closing brace: the bytes before it and after it stay as they were. An event that has such a
//!   member, however it is spelt, keeps it and gets none; so does what is no JSON object. Both are counted.
//! - Names within one place do not repeat; the configuration has seen to that.
//! - A table may change at any time, between two events. Of one event all is looked up in one version of each table.
//!
//! Nothing is allocated per event in the steady state: buffers are kept, and rows were written as JSON when they were read.

pub mod config;
pub mod geo;
mod literal;
pub mod networks;
pub mod rows;
pub mod sheet;
pub mod table;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

use std::borrow::Cow;

use ::metrics::Counter;

use crate::event::crn::Crn;
use crate::event::{Document, Field, View};

use config::{Adds, Enrichment, Part, Place};
use geo::Look;
use literal::{push_member, push_string};
use table::{Content, Reader, Table, push_members};

/// The member of the event that holds what is added.
pub const MEMBER: &str = "enrichment";

/// Adds to one event after the other.
#[derive(Debug)]
pub struct Enricher {
    steps: Vec<Step>,
    fields: Members,
    event: Members,
    /// The event with its new member.
    spliced: Vec<u8>,
    /// A key with its letters in lower case.
    folded: String,
    left_out: Counter,
}

/// What goes to one place.
#[derive(Debug, Default)]
struct Members {
    /// The same for every event.
    constant: String,
    all: String,
}

#[derive(Debug)]
enum Step {
    LookUp { table: Table, reader: Reader, place: Place, counts: Counts },
    Parts { config: config::Parts, place: Place },
}

/// How looking things up in one table went.
#[derive(Debug)]
struct Counts {
    hit: Counter,
    miss: Counter,
    no_key: Counter,
    unreadable: Counter,
}

/// Makes the counters of what enrichment does.
pub trait Counting {
    /// Of looks into a table; `result` is `hit`, `miss`, `no_key` or `unreadable`.
    fn look(&self, table: &str, result: &'static str) -> Counter;
    /// Of events that got no member [`MEMBER`].
    fn left_out(&self) -> Counter;
}

/// Counts nothing.
#[derive(Debug)]
pub struct Uncounted;

impl Counting for Uncounted {
    fn look(&self, _: &str, _: &'static str) -> Counter {
        Counter::noop()
    }

    fn left_out(&self) -> Counter {
        Counter::noop()
    }
}

impl Enricher {
    /// `None` when there is nothing to add.
    pub fn new(config: &Enrichment, counting: &dyn Counting) -> Option<Self> {
        if config.adds.is_empty() {
            return None;
        }
        let mut enricher = Self {
            steps: Vec::new(),
            fields: Members::default(),
            event: Members::default(),
            spliced: Vec::new(),
            folded: String::new(),
            left_out: counting.left_out(),
        };
        for (place, adds) in &config.adds {
            let place = *place;
            match adds {
                Adds::Constant(members) => push_members(&mut enricher.members(place).constant, members),
                Adds::LookUp(table) => {
                    let count = |result| counting.look(&table.name, result);
                    let counts = Counts {
                        hit: count("hit"),
                        miss: count("miss"),
                        no_key: count("no_key"),
                        unreadable: count("unreadable"),
                    };
                    enricher.steps.push(Step::LookUp { reader: table.reader(), table: table.clone(), place, counts });
                }
                Adds::Parts(parts) => enricher.steps.push(Step::Parts { config: parts.clone(), place }),
            }
        }
        Some(enricher)
    }

    fn members(&mut self, place: Place) -> &mut Members {
        match place {
            Place::Fields => &mut self.fields,
            Place::Event => &mut self.event,
        }
    }

    /// Whether it wants to see events at all.
    pub fn reads(&self) -> bool {
        !self.steps.is_empty() || self.writes_into_event()
    }

    /// Whether it takes parts of the event.
    pub fn reads_parts(&self) -> bool {
        self.steps.iter().any(|step| matches!(step, Step::Parts { .. }))
    }

    /// Whether [`Enricher::place`] wants to see the event.
    pub fn writes_into_event(&self) -> bool {
        let place = |step: &Step| match step {
            Step::LookUp { place, .. } | Step::Parts { place, .. } => *place,
        };
        !self.event.constant.is_empty() || self.steps.iter().any(|step| place(step) == Place::Event)
    }

    /// Begins with an event: looks up its keys. `read` is the event as it was read; `None` for what is no JSON object.
    pub fn look_up(&mut self, read: Option<&Document<'_>>) {
        let Self { steps, fields, event, folded, .. } = self;
        for members in [&mut *fields, &mut *event] {
            members.all.clear();
            members.all.push_str(&members.constant);
        }
        for step in steps {
            let Step::LookUp { table, reader, place, counts } = step else { continue };
            let out = match place {
                Place::Fields => &mut fields.all,
                Place::Event => &mut event.all,
            };
            let look = read.and_then(|read| look(&View::new(read), table, reader.content(), folded, out));
            match look {
                None => counts.no_key.increment(1),
                Some(Look::Found) => counts.hit.increment(1),
                Some(Look::Unreadable) => counts.unreadable.increment(1),
                Some(Look::NotFound) => {
                    counts.miss.increment(1);
                    push_members(out, &table.otherwise);
                }
            }
        }
    }

    /// Goes on with an event: adds parts of what redaction has left of it; `None` for what is no JSON object.
    pub fn add_parts(&mut self, left: Option<&Document<'_>>) {
        let Some(left) = left else { return };
        for step in &self.steps {
            let Step::Parts { config, place } = step else { continue };
            let out = match place {
                Place::Fields => &mut self.fields.all,
                Place::Event => &mut self.event.all,
            };
            push_parts(config, &View::new(left), out);
        }
    }

    /// Ends with an event: writes its member. `payload` is the event as it leaves, `event` the same if it is a JSON object.
    /// Returns the event, and members for the sink's fields.
    pub fn place<'a>(&'a mut self, payload: &'a [u8], event: Option<&Document<'_>>) -> (&'a [u8], &'a str) {
        if self.event.all.is_empty() {
            return (payload, &self.fields.all);
        }
        let place = event.and_then(place_of_member);
        let Some((end, is_first)) = place else {
            self.left_out.increment(1);
            return (payload, &self.fields.all);
        };
        let (before, after) = payload.split_at_checked(end).unwrap_or((payload, &[]));
        self.spliced.clear();
        self.spliced.extend_from_slice(before);
        self.spliced.extend_from_slice(if is_first { b"\"" } else { b",\"" });
        self.spliced.extend_from_slice(MEMBER.as_bytes());
        self.spliced.extend_from_slice(b"\":{");
        self.spliced.extend_from_slice(self.event.all.as_bytes());
        self.spliced.push(b'}');
        self.spliced.extend_from_slice(after);
        (&self.spliced, &self.fields.all)
    }
}

/// Looks up the first value of the key that the table knows; `None` when the event has no such value.
fn look(view: &View<'_>, table: &Table, content: &Content, folded: &mut String, out: &mut String) -> Option<Look> {
    let mut found = None;
    view.each(table.key, &mut |key| {
        if found == Some(Look::Found) {
            return;
        }
        found = Some(if table.fold {
            folded.clear();
            folded.push_str(&key);
            folded.make_ascii_lowercase();
            content.add(folded, out)
        } else {
            content.add(&key, out)
        });
    });
    found
}

/// Where the new member begins, and whether it is the only one; `None` when its name is taken.
fn place_of_member(event: &Document<'_>) -> Option<(usize, bool)> {
    let root = event.root();
    if root.get(MEMBER).is_some() {
        return None;
    }
    Some((root.span().end.checked_sub(1)?, root.children().next().is_none()))
}

/// Appends the parts that the event has to other members.
fn push_parts(parts: &config::Parts, view: &View<'_>, out: &mut String) {
    let crn = view.text(Field::ResourceCrn);
    for (part, name) in &parts.take {
        match part {
            Part::Field(field) => push_part(view.text(*field), name, out),
            Part::Element(key) => push_part(crn.as_deref().and_then(|crn| element(crn, key)), name, out),
        }
    }
}

fn push_part(text: Option<Cow<'_, str>>, name: &str, out: &mut String) {
    if let Some(text) = text.filter(|text| !text.is_empty()) {
        push_member(out, 0, name, |out| push_string(out, &text));
    }
}

/// The last element of a resource name with this key.
fn element<'a>(crn: &'a str, key: &str) -> Option<Cow<'a, str>> {
    Crn::parse(crn)?.elements().filter(|element| element.key() == key).last()?.value()
}
