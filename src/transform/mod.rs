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
pub mod filter;

use crate::delivery::attempt::Failure;
use crate::event::{Cleared, Record, Tape};

use config::ChainConfig;
use filter::{FilterCounts, Filters, RuleId};

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

/// Clears records for the sink. With no rules configured every record passes unchanged, and nobody looks into it.
#[derive(Debug, Default)]
pub struct Chain {
    filters: Filters,
    /// Memory for reading one event after the other.
    tape: Tape,
}

impl Chain {
    pub fn new(config: &ChainConfig) -> Self {
        Self { filters: Filters::new(&config.filters), tape: Tape::default() }
    }

    /// The memory behind the verdict is used again for the next record.
    pub fn clear<'a>(&'a mut self, record: Record<'a>) -> Verdict<'a> {
        if self.filters.are_for(record.topic) {
            match record.value.and_then(|value| self.tape.read(value)) {
                None => self.filters.note_unreadable(),
                Some(document) => {
                    if let Some(rule) = self.filters.judge(&record, &document) {
                        return Verdict::Filtered(rule);
                    }
                }
            }
        }
        Verdict::Cleared(Cleared::from_chain(record))
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
