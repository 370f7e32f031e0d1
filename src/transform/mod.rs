//! The chain between reading and encoding. Records leave it as [`Cleared`], which is what sinks take.
//!
//! The order of the steps is fixed, whatever the order of the list in the configuration:
//!
//! 1. Filters look at the event as it was read. The first rule that drops it is the one that it counts for.
//! 2. Enrichment looks things up with what was read, and only ever adds.
//! 3. Redaction rewrites the event.
//! 4. Mapping sees what redaction has left, and nothing else.
//!
//! So nothing that comes after redaction can bring back what it has removed, and no condition fails because of it. What
//! cannot be cleared for certain does not leave: it becomes a dead letter.

pub mod condition;
pub mod config;
pub mod drift;
pub mod enrich;
pub mod filter;
pub mod map;
pub mod redact;
mod redaction;

use std::time::Instant;

use ::metrics::Counter;

use crate::delivery::attempt::Failure;
use crate::event::{Cleared, Document, Record, Tape};

use config::ChainConfig;
use drift::Sensor;
use enrich::{Counting, Enricher, Uncounted};
use filter::{FilterCounts, Filters, RuleId};
use map::Mapping;
use redaction::Redaction;

/// What becomes of a record.
#[derive(Debug)]
pub enum Verdict<'a> {
    /// It may leave.
    Cleared(Cleared<'a>),
    /// A named rule has dropped it. It counts for the rule when [`Chain::count_filtered`] is told so.
    Filtered(RuleId),
    /// Nobody can tell whether it may leave: it becomes a letter.
    Unclear(Record<'a>, Failure),
}

impl<'a> Verdict<'a> {
    /// The event that may leave; `None` for all others.
    pub fn cleared(self) -> Option<Cleared<'a>> {
        match self {
            Self::Cleared(event) => Some(event),
            Self::Filtered(_) | Self::Unclear(..) => None,
        }
    }
}

/// Makes the counter of what is redacted under a name from the configuration.
pub type RedactedCounter<'c> = &'c dyn Fn(&str) -> Counter;

/// Clears records for the sink. With no rules configured every record passes unchanged, and nobody looks into it.
#[derive(Debug, Default)]
pub struct Chain {
    /// Sees what was read, before anything else does.
    sensor: Option<Sensor>,
    filters: Filters,
    enricher: Option<Enricher>,
    redaction: Option<Redaction>,
    mapping: Option<Mapping>,
    /// Memory for reading one event after the other.
    tape: Tape,
    /// The same for what redaction has left of it.
    left_tape: Tape,
}

impl Chain {
    pub fn new(config: &ChainConfig) -> Self {
        Self::counting(config, &|_| Counter::noop(), &Uncounted)
    }

    /// As [`Chain::new`], and counts what it redacts and adds.
    pub fn counting(config: &ChainConfig, redacted: RedactedCounter<'_>, added: &dyn Counting) -> Self {
        Self {
            sensor: None,
            filters: Filters::new(&config.filters),
            enricher: Enricher::new(&config.enrichment, added),
            redaction: config.redact.is_enabled().then(|| Redaction::new(&config.redact, redacted)),
            mapping: config.map.clone().map(Mapping::new),
            tape: Tape::default(),
            left_tape: Tape::default(),
        }
    }

    /// The same, with a sensor that looks at what is read.
    #[must_use]
    pub fn watched_by(mut self, sensor: Sensor) -> Self {
        self.sensor = Some(sensor);
        self
    }

    /// The memory behind the verdict is used again for the next record.
    pub fn clear<'a>(&'a mut self, record: Record<'a>) -> Verdict<'a> {
        let Self { sensor, filters, enricher, redaction, mapping, tape, left_tape } = self;
        if let (Some(sensor), Some(payload)) = (sensor, record.value) {
            sensor.watch(payload, Instant::now);
        }
        let are_filtered = filters.are_for(record.topic);
        let reads = are_filtered || redaction.is_some() || enricher.as_ref().is_some_and(Enricher::reads);
        let document = record.value.filter(|_| reads).and_then(|value| tape.read(value));
        if are_filtered {
            match &document {
                None => filters.note_unreadable(),
                Some(document) => {
                    if let Some(rule) = filters.judge(&record, document) {
                        return Verdict::Filtered(rule);
                    }
                }
            }
        }
        if let Some(enricher) = enricher {
            enricher.look_up(document.as_ref());
        }
        let cleared = match redaction {
            None => Cleared::from_chain(record),
            Some(redaction) => match redaction.clear(record, document.as_ref()) {
                Ok(left) => Cleared::from_redaction(left),
                Err(failure) => return Verdict::Unclear(record, failure),
            },
        };
        if let (Some(enricher), Some(left)) = (enricher.as_mut().filter(|it| it.reads_parts()), cleared.record().value)
        {
            with_document(left, document.as_ref(), left_tape, |left| enricher.add_parts(left));
        }
        let mapped = match mapping {
            None => cleared,
            Some(mapping) => mapping.apply(cleared, document.as_ref()),
        };
        Verdict::Cleared(match enricher {
            None => mapped,
            Some(enricher) => enriched(mapped, document.as_ref(), enricher, left_tape),
        })
    }

    /// An event was filtered, and the ledger has taken note. A record that was read before counts only once.
    pub fn count_filtered(&mut self, rule: RuleId) {
        self.filters.note_filtered(rule);
    }

    /// What the filters have come to since the chain was made.
    pub fn filter_counts(&self) -> FilterCounts<'_> {
        self.filters.counts()
    }
}

/// Puts what was found where it belongs; last, so that no form of the event loses it.
fn enriched<'a>(
    event: Cleared<'a>,
    read: Option<&Document<'_>>,
    enricher: &'a mut Enricher,
    tape: &mut Tape,
) -> Cleared<'a> {
    let Some(value) = event.record().value else { return event };
    let (value, members) = if enricher.writes_into_event() {
        with_document(value, read, tape, |document| enricher.place(value, document))
    } else {
        enricher.place(value, None)
    };
    event.with_value(value).with_enrichment(members)
}

/// Calls `then` with the value as a document: the one that was read if it is the same, or else it is read again.
fn with_document<T>(
    value: &[u8],
    read: Option<&Document<'_>>,
    tape: &mut Tape,
    then: impl FnOnce(Option<&Document<'_>>) -> T,
) -> T {
    match read {
        Some(read) if std::ptr::eq(read.bytes(), value) => then(Some(read)),
        Some(_) | None => then(tape.read(value).as_ref()),
    }
}

#[cfg(test)]
mod tests;
