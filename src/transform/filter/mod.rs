//! Filters: which events do not travel.
//!
//! - A `drop` rule filters the events for which its condition holds; once there are `keep` rules, what none of them holds for
//!   is filtered, too. An event counts for the first `drop` rule that filters it, else for the last `keep` rule, because that
//!   one has decided.
//! - Who cannot be sure keeps the event. An event that is no JSON object, a condition that meets a value of a wrong type, a
//!   member that is there several times (readers disagree which one counts): kept, and counted.
//! - A sample is drawn by a hash of what the event is, so that a repeated event is decided in the same way; and only among
//!   successful events: nothing that was refused is ever left to chance.
//! - A rule that is not meant for a topic says nothing about its records.

mod monitor;
mod presets;

#[cfg(test)]
mod tests;

use std::num::NonZeroU32;

use crate::event::{Document, Field, Record, View};

use super::condition::{Fault, Subject};
use super::config::{Action, FilterConfig};

pub use monitor::Monitor;
pub use presets::{DropPreset, KeepPreset};

/// A rule of a chain: its place in the configuration.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RuleId(usize);

impl RuleId {
    pub const fn index(self) -> usize {
        self.0
    }
}

/// What a rule has come to since the chain was made.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct RuleCounts {
    /// Events that it has filtered.
    pub filtered: u64,
    /// Events that it would have filtered and that were kept as a sample.
    pub sampled: u64,
    /// Events that it would have filtered, had a member that it looked at not been there several times.
    pub ambiguous: u64,
    /// Events for which nobody can tell whether its condition holds.
    pub faults: u64,
    pub last_fault: Option<Fault>,
}

/// The rules of one chain.
#[derive(Clone, Debug, Default)]
pub(super) struct Filters {
    rules: Vec<FilterConfig>,
    /// One for each rule.
    counts: Vec<RuleCounts>,
    unreadable: u64,
}

impl Filters {
    pub(super) fn new(config: &[FilterConfig]) -> Self {
        Self { rules: config.to_vec(), counts: vec![RuleCounts::default(); config.len()], unreadable: 0 }
    }

    /// Whether a rule has to look at the records of this topic.
    pub(super) fn are_for(&self, topic: &str) -> bool {
        self.rules.iter().any(|rule| is_for(rule, topic))
    }

    /// The rule that filters the event; `None` when it is kept.
    pub(super) fn judge(&mut self, record: &Record<'_>, document: &Document<'_>) -> Option<RuleId> {
        let subject = Subject { view: View::new(document), topic: record.topic };
        let (mut missed, mut kept) = (None, false);
        for (at, (rule, counts)) in self.rules.iter().zip(&mut self.counts).enumerate() {
            if !is_for(rule, record.topic) || (kept && rule.action == Action::Keep) {
                continue;
            }
            let holds = rule.when.holds(&subject);
            if let Err(fault) = holds {
                counts.faults += 1;
                counts.last_fault = Some(fault);
            }
            match (rule.action, holds) {
                (Action::Drop { .. }, Ok(false) | Err(_)) => {}
                (Action::Drop { .. }, Ok(true)) if document.met_repeated() => counts.ambiguous += 1,
                (Action::Drop { keep_one_in: Some(_) }, Ok(true)) if !is_success(&subject) => {}
                (Action::Drop { keep_one_in: Some(n) }, Ok(true)) if is_sample(n, &subject, record) => {
                    counts.sampled += 1
                }
                (Action::Drop { .. }, Ok(true)) => return Some(RuleId(at)),
                (Action::Keep, Ok(true) | Err(_)) => kept = true,
                (Action::Keep, Ok(false)) => missed = Some(at),
            }
        }
        let at = missed.filter(|_| !kept)?;
        if document.met_repeated() {
            self.counts[at].ambiguous += 1;
            return None;
        }
        Some(RuleId(at))
    }

    pub(super) fn note_unreadable(&mut self) {
        self.unreadable += 1;
    }

    /// The event that the rule has filtered counts.
    pub(super) fn note_filtered(&mut self, rule: RuleId) {
        if let Some(counts) = self.counts.get_mut(rule.0) {
            counts.filtered += 1;
        }
    }

    pub(super) fn counts(&self) -> FilterCounts<'_> {
        FilterCounts { rules: &self.counts, unreadable: self.unreadable }
    }
}

/// What all rules of a chain have come to.
#[derive(Clone, Copy, Debug)]
pub struct FilterCounts<'a> {
    /// In the order of the configuration.
    pub rules: &'a [RuleCounts],
    /// Events that are no JSON object, so that no rule could look at them; they were kept.
    pub unreadable: u64,
}

fn is_for(rule: &FilterConfig, topic: &str) -> bool {
    rule.topics.is_empty() || rule.topics.iter().any(|name| name.as_str() == topic)
}

fn is_success(subject: &Subject<'_>) -> bool {
    !subject.view.is(Field::Denied) && subject.view.text(Field::Outcome).is_some_and(|outcome| outcome == "success")
}

/// One of `n` events, by what they are.
fn is_sample(n: NonZeroU32, subject: &Subject<'_>, record: &Record<'_>) -> bool {
    let hash = match subject.view.text(Field::Id) {
        Some(id) => hash([id.as_bytes()]),
        None => {
            let place = [record.partition.get().to_be_bytes().as_slice(), &record.offset.get().to_be_bytes()].concat();
            hash([record.topic.as_bytes(), &place])
        }
    };
    hash % u64::from(n.get()) == 0
}

/// FNV-1a with the last step of MurmurHash3, so that the low bits depend on all others. Written out because it has to be the
/// same in every process and every version, which the hashers of the standard library do not promise.
fn hash<const N: usize>(parts: [&[u8]; N]) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for byte in parts.into_iter().flatten() {
        hash = (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    }
    hash = (hash ^ (hash >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    hash = (hash ^ (hash >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    hash ^ (hash >> 33)
}
