//! Map: the audit event in the words of a SIEM's data model.
//!
//! - Each model is two tables: what class an event belongs to ([`class`]), and which field holds what ([`cim`], [`ocsf`], [`ecs`]).
//!   They can be read beside the models' documentation; `docs/mappings.md` is made of them.
//! - Everything comes from the event as redaction has left it. What redaction has removed is missing here, too.
//! - Nothing that Confluent sent is overwritten. An event that is mapped already, or holds a member of the name that the
//!   mapped fields would have, passes as it is; so a dead letter can be sent again.
//! - What is missing is left out. Only where a model demands something does a word stand for it; the tables show where.
//!
//! The fields are written straight into the output: no tree of the event is built.

mod cim;
mod class;
pub mod config;
pub mod doc;
mod ecs;
mod event;
mod fact;
mod fill;
mod ocsf;
mod operation;
mod row;
mod write;

#[cfg(test)]
mod tests;

use crate::event::{Cleared, Document, EventTime, Tape, Value};

use super::with_document;
use cim::Cim;
use config::{MapConfig, Model, Place};
use ecs::Ecs;
use event::Event;
use fact::Fact;
use fill::fill;
use ocsf::Ocsf;
use row::Target;
use write::push_string;

/// The last step of the chain.
#[derive(Debug)]
pub struct Mapping {
    mapper: Mapper,
    /// Memory for reading one event after the other.
    tape: Tape,
    /// The last mapped event.
    out: Vec<u8>,
}

impl Mapping {
    pub fn new(config: MapConfig) -> Self {
        Self { mapper: Mapper::new(config), tape: Tape::default(), out: Vec::new() }
    }

    /// Reads what redaction has left; `read` is the event as it was read, which may be the same. What is no JSON object passes as
    /// it is.
    pub(super) fn apply<'a>(&'a mut self, event: Cleared<'a>, read: Option<&Document<'_>>) -> Cleared<'a> {
        let Self { mapper, tape, out } = self;
        let record = event.record();
        let Some(value) = record.value else { return event };
        out.clear();
        let mapped = with_document(value, read, tape, |document| match document {
            None => Mapped::AsItIs,
            Some(document) => mapper.map(document, record.timestamp_ms, out),
        });
        match mapped {
            Mapped::Written { time } => event.in_another_form(out, time),
            Mapped::AsItIs => event,
        }
    }
}

/// Maps one event after the other.
#[derive(Clone, Debug)]
pub struct Mapper {
    config: MapConfig,
}

/// What became of an event.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mapped {
    /// It stands in the output.
    Written {
        /// When it happened, as the event says. Its own `time` may not be there any more.
        time: Option<EventTime>,
    },
    /// It passes unchanged: it is mapped already, or there is no room beside what it holds.
    AsItIs,
}

impl Mapper {
    pub fn new(config: MapConfig) -> Self {
        Self { config }
    }

    /// Appends the mapped event to `out`. `recorded_ms` is when the record was written to Kafka, in milliseconds since 1970.
    pub fn map(&self, document: &Document<'_>, recorded_ms: Option<i64>, out: &mut Vec<u8>) -> Mapped {
        let document = &document.for_many_texts();
        let root = document.root();
        match &self.config.place {
            Place::Member(name) if root.get(name).is_some() => Mapped::AsItIs,
            Place::Member(name) => {
                let whole = root.raw();
                out.extend_from_slice(&whole[..whole.len() - 1]);
                if root.children().next().is_some() {
                    out.push(b',');
                }
                push_string(out, "", name);
                out.push(b':');
                let time = self.fill(&Event::read(document, recorded_ms, None), out);
                out.push(b'}');
                Mapped::Written { time }
            }
            Place::Event { .. } if self.is_mapped(root) => Mapped::AsItIs,
            Place::Event { raw } => {
                let raw = raw.then(|| std::str::from_utf8(root.raw()).unwrap_or_default());
                let time = self.fill(&Event::read(document, recorded_ms, raw), out);
                Mapped::Written { time }
            }
        }
    }

    fn is_mapped(&self, root: Value<'_>) -> bool {
        match self.config.to {
            Model::Cim => is_marked::<Cim>(root),
            Model::Ocsf => is_marked::<Ocsf>(root),
            Model::Ecs => is_marked::<Ecs>(root),
        }
    }

    /// Returns when the event happened, as it says itself.
    fn fill(&self, event: &Event<'_>, out: &mut Vec<u8>) -> Option<EventTime> {
        match self.config.to {
            Model::Cim => fill::<Cim>(event, out),
            Model::Ocsf => fill::<Ocsf>(event, out),
            Model::Ecs => fill::<Ecs>(event, out),
        }
        event.facts.get(Fact::Time).and_then(EventTime::parse)
    }
}

/// Whether the document says of itself that it is one of ours in this model.
fn is_marked<T: Target>(root: Value<'_>) -> bool {
    let (path, word) = T::MARK;
    path.split('.').try_fold(root, |value, name| value.get(name)).is_some_and(|value| value.is_text(word))
}
