//! A part of a batch on its way, with the duty to settle its records.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;

use super::attempt::{Coding, Failure, Parcel};
use super::batch::Batch;
use super::body::{Body, gzip};
use super::duty::Duty;
use super::ledger::{Outcome, RunId};
use super::letter::{Letter, Quarantined};

/// Consecutive events of one batch. Not `Clone`: consumed by settling, splitting or giving back.
#[derive(Debug)]
#[must_use = "a consignment must be settled, split or released"]
pub struct Consignment {
    batch: Arc<Batch>,
    /// Never empty.
    events: Range<usize>,
    duty: Duty,
}

impl Consignment {
    pub(super) fn whole(batch: Batch, duty: Duty) -> Self {
        let events = 0..batch.index.len();
        Self { batch: Arc::new(batch), events, duty }
    }

    /// Number of events, at least 1: an empty part is not made.
    pub fn count(&self) -> usize {
        self.events.len()
    }

    /// Timestamp of the batch's oldest record, milliseconds since 1970.
    pub fn oldest_ms(&self) -> Option<i64> {
        self.batch.oldest_ms
    }

    pub fn runs(&self) -> impl Iterator<Item = RunId> + '_ {
        self.duty.runs()
    }

    /// What to send. With gzip, a whole batch is compressed once and from then on held compressed only, which is what it
    /// then weighs in the budget.
    pub fn parcel(&mut self, coding: Coding) -> Parcel {
        let body = match coding {
            Coding::Identity => self.plain(),
            Coding::Gzip => self.compressed(),
            Coding::Zstd { level } => self.framed(level),
        };
        let (plain_len, events) = (self.range().len(), self.events.len());
        Parcel { group: self.batch.group.clone(), body, coding, events, plain_len, notes: self.notes() }
    }

    /// What was noted of the events: as many bytes for each.
    fn notes(&self) -> Bytes {
        let width = self.batch.notes.len() / self.batch.index.len();
        self.batch.notes.slice(self.events.start * width..self.events.end * width)
    }

    /// A whole batch was compressed while it was filled; a part of it is compressed now.
    fn framed(&self, level: i32) -> Bytes {
        match &self.batch.body {
            Body::Frames { bytes, .. } if self.is_whole() => bytes.clone(),
            // Memory is the only thing that this needs.
            Body::Frames { .. } | Body::Plain(_) | Body::Gzip(_) => {
                zstd::encode_all(&self.plain()[..], level).map(Bytes::from).unwrap_or_default()
            }
        }
    }

    /// All events have come to the same end.
    pub fn settle(self, outcome: Outcome) {
        self.duty.settle(outcome);
    }

    /// Cuts before event `at` (`0..=len`); a side without events is `None`.
    pub fn split_at(mut self, at: usize) -> (Option<Self>, Option<Self>) {
        if at == 0 {
            return (None, Some(self));
        }
        if at >= self.events.len() {
            return (Some(self), None);
        }
        let cut = self.events.start + at;
        let rest = cut..self.events.end;
        let duty = self.duty.split_off(self.counts(rest.clone()));
        self.events.end = cut;
        let back = Self { batch: Arc::clone(&self.batch), events: rest, duty };
        (Some(self), Some(back))
    }

    /// Turns a consignment of one event into a letter. Of several events, the first is named in it; the caller splits first.
    pub fn into_letter(self, failure: Failure) -> Quarantined {
        let letter = self.letter(failure);
        let held = self.batch.held.another(letter.weight() as u64);
        Quarantined { letter, duty: self.duty, held }
    }

    fn letter(&self, failure: Failure) -> Letter {
        debug_assert_eq!(self.events.len(), 1, "one letter holds one record");
        let at = self.events.start;
        let event = self.bytes_of(at..at + 1);
        self.batch.letter(at, &event, failure)
    }

    fn is_whole(&self) -> bool {
        self.events.len() == self.batch.index.len()
    }

    fn plain(&self) -> Bytes {
        self.bytes_of(self.events.clone())
    }

    fn bytes_of(&self, events: Range<usize>) -> Bytes {
        self.batch.body.to_plain().slice(self.place_of(events))
    }

    fn range(&self) -> Range<usize> {
        match &self.batch.body {
            Body::Frames { plain_len, .. } if self.is_whole() => 0..*plain_len,
            Body::Frames { .. } | Body::Plain(_) | Body::Gzip(_) => self.place_of(self.events.clone()),
        }
    }

    /// Where the events lie in the plain body.
    fn place_of(&self, events: Range<usize>) -> Range<usize> {
        let index = self.batch.index.events();
        let start = events.start.checked_sub(1).map_or(0, |before| index[before].end as usize);
        start..index[events.end - 1].end as usize
    }

    fn compressed(&mut self) -> Bytes {
        if !self.is_whole() {
            return gzip(&self.plain(), self.batch.held.pool()).0;
        }
        if let Body::Gzip(bytes) = &self.batch.body {
            return bytes.clone();
        }
        let (bytes, capacity) = gzip(&self.plain(), self.batch.held.pool());
        if let Some(batch) = Arc::get_mut(&mut self.batch) {
            batch.compress(bytes.clone(), capacity);
        }
        bytes
    }

    fn counts(&self, events: Range<usize>) -> Vec<(RunId, u32)> {
        let mut counts = vec![0u32; self.batch.runs.len()];
        for event in &self.batch.index.events()[events] {
            counts[event.run as usize] += 1;
        }
        let runs = self.batch.runs.iter().map(|run| run.id);
        runs.zip(counts).filter(|(_, count)| *count > 0).collect()
    }
}

#[cfg(test)]
mod tests;
