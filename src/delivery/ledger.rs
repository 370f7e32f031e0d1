//! The ledger: which records are settled, and therefore which position may be committed.
//!
//! Pure bookkeeping: no I/O, no clock, no lock. One thread owns it.
//!
//! # Invariants
//!
//! - I1: a committed position never passes the watermark.
//! - I2: the watermark never passes a record that is neither delivered, filtered nor dead-lettered.
//! - I3: the watermark never falls within an epoch.
//! - I4: a settlement from a retired epoch changes nothing; it is counted.
//! - I5: read = delivered + filtered + dead-lettered + released + in flight.
//!
//! # How a run is tracked
//!
//! A [run](RunId) is what one batch holds of one partition: consecutive records, tracked as one entry with a count of
//! records still open. Tracking follows the *sequence* of reading, never arithmetic on offsets, so holes in a partition
//! (transaction markers, compaction) need no care: a run reaches from its first record to the record that was read next,
//! whatever its offset, and the hole belongs to the run before it.
//!
//! | front run | watermark |
//! | --- | --- |
//! | none | the position after the last record that was read |
//! | open, or still growing | the first record of that run |
//! | sealed and all settled | the run is removed; look again |

use std::collections::VecDeque;

use crate::position::{Epoch, Offset, ResumeAt, Slot};

/// Names one run: the records of one partition in one batch.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RunId {
    pub slot: Slot,
    pub epoch: Epoch,
    seq: u64,
}

/// What became of records. Only `Delivered` and `DeadLettered` let the watermark pass.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// The sink gave proof of delivery.
    Delivered,
    /// The dead-letter store gave proof that it holds the records.
    DeadLettered,
    /// Not sent and not going to be: the partition goes to another member, which reads the records again.
    Released,
    /// The duty to settle was lost. A defect of this program; the watermark stops here for good.
    Abandoned,
}

/// A report on `records` records of one run.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[must_use]
pub struct Settlement {
    pub run: RunId,
    pub records: u32,
    pub outcome: Outcome,
}

/// Counters since the start; they only grow.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Totals {
    pub read: u64,
    pub delivered: u64,
    pub filtered: u64,
    pub dead_lettered: u64,
    /// Given back unsettled at a rebalance or a stop; whoever gets the partition next reads them again.
    pub released: u64,
    /// Settlements that came after their epoch was retired.
    pub stale_settlements: u64,
    /// Records whose duty to settle was lost. Anything but 0 is a defect.
    pub abandoned: u64,
}

impl Totals {
    /// Records read and neither settled nor given back.
    pub fn in_flight(&self) -> u64 {
        self.read - self.delivered - self.filtered - self.dead_lettered - self.released
    }
}

/// What may be committed for one partition.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CommitPoint {
    pub slot: Slot,
    pub epoch: Epoch,
    pub resume_at: ResumeAt,
    /// Timestamp (ms since 1970) of the last settled record before `resume_at`, if one was seen.
    pub settled_through_ms: Option<i64>,
    /// Nothing is settled yet: this only notes where reading began.
    pub is_beginning: bool,
}

#[derive(Debug)]
struct Run {
    first: Offset,
    /// Records of this run that are neither settled nor given back.
    open: u32,
    /// Some of the records were given back: they are not open, but the watermark must not pass them.
    blocked: bool,
    first_ms: Option<i64>,
    last_ms: Option<i64>,
}

#[derive(Debug)]
struct Partition {
    epoch: Epoch,
    /// Where reading started.
    start: ResumeAt,
    watermark: ResumeAt,
    committed: Option<ResumeAt>,
    /// The next position to read: after the last record, or after a hole at the end of the partition.
    next: ResumeAt,
    runs: VecDeque<Run>,
    /// Sequence number of `runs.front()`.
    front_seq: u64,
    /// Whether the last run may still grow.
    growing: bool,
    /// Records that are read and neither settled nor given back.
    open: u64,
    settled_through_ms: Option<i64>,
}

#[derive(Debug, Default)]
pub struct Ledger {
    partitions: Vec<Option<Partition>>,
    totals: Totals,
    epochs: u64,
    runs: usize,
}

impl Ledger {
    pub fn new() -> Self {
        Self::default()
    }

    /// A partition was assigned: reading starts at `resume_at`, the broker holds `committed`.
    pub fn assign(&mut self, slot: Slot, resume_at: ResumeAt, committed: Option<ResumeAt>) -> Epoch {
        self.retire(slot);
        self.epochs += 1;
        let epoch = Epoch::new(self.epochs);
        if self.partitions.len() <= slot.index() {
            self.partitions.resize_with(slot.index() + 1, || None);
        }
        self.partitions[slot.index()] = Some(Partition {
            epoch,
            start: resume_at,
            watermark: resume_at,
            committed,
            next: resume_at,
            runs: VecDeque::new(),
            front_seq: 0,
            growing: false,
            open: 0,
            settled_through_ms: None,
        });
        epoch
    }

    /// The partition is no longer ours: forget it. What was open counts as given back.
    pub fn retire(&mut self, slot: Slot) {
        let Some(partition) = self.partitions.get_mut(slot.index()).and_then(Option::take) else { return };
        self.totals.released += partition.open;
        self.runs -= partition.runs.len();
    }

    /// A record was read and waits for settlement. `None` when the slot is not assigned, or when the record lies before
    /// one that was read already: then it must be ignored, because it is tracked.
    pub fn track(&mut self, slot: Slot, offset: Offset, timestamp_ms: Option<i64>) -> Option<RunId> {
        let partition = self.partitions.get_mut(slot.index())?.as_mut()?;
        if offset.resume_here() < partition.next {
            return None;
        }
        if !partition.growing {
            if partition.runs.is_empty() {
                // Nothing before this record is open, so a hole before it is passed at once.
                partition.watermark = offset.resume_here();
            }
            partition.runs.push_back(Run {
                first: offset,
                open: 0,
                blocked: false,
                first_ms: timestamp_ms,
                last_ms: None,
            });
            partition.growing = true;
            self.runs += 1;
        }
        let seq = partition.front_seq + partition.runs.len() as u64 - 1;
        let run = partition.runs.back_mut()?;
        run.open += 1;
        run.last_ms = timestamp_ms.or(run.last_ms);
        partition.next = offset.resume_after();
        partition.open += 1;
        self.totals.read += 1;
        Some(RunId { slot, epoch: partition.epoch, seq })
    }

    /// A record was read and dropped by a named rule. It never moves the watermark past an earlier open run.
    /// `false` when it is to be ignored, as for [`Ledger::track`].
    pub fn filter(&mut self, slot: Slot, offset: Offset, timestamp_ms: Option<i64>) -> bool {
        let Some(Some(partition)) = self.partitions.get_mut(slot.index()) else { return false };
        if offset.resume_here() < partition.next {
            return false;
        }
        partition.next = offset.resume_after();
        match partition.runs.back_mut() {
            Some(run) => run.last_ms = timestamp_ms.or(run.last_ms),
            None => {
                partition.watermark = partition.next;
                partition.settled_through_ms = timestamp_ms.or(partition.settled_through_ms);
            }
        }
        self.totals.read += 1;
        self.totals.filtered += 1;
        true
    }

    /// There is nothing to read before `next`: closes a hole at the end of the partition.
    pub fn advance_to(&mut self, slot: Slot, next: ResumeAt) {
        let Some(Some(partition)) = self.partitions.get_mut(slot.index()) else { return };
        if next > partition.next {
            partition.next = next;
            // Otherwise the hole belongs to the last run, and is passed with it.
            if partition.runs.is_empty() {
                partition.watermark = next;
            }
        }
    }

    /// The run grows no further: its batch was closed.
    pub fn seal(&mut self, run: RunId) {
        let Some(Some(partition)) = self.partitions.get_mut(run.slot.index()) else { return };
        let last = partition.front_seq + partition.runs.len() as u64;
        if partition.epoch == run.epoch && run.seq + 1 == last {
            partition.growing = false;
            self.runs -= partition.pass_settled_runs();
        }
    }

    /// Takes a settlement into account.
    pub fn settle(&mut self, settlement: Settlement) {
        let Settlement { run: id, records, outcome } = settlement;
        let Some(Some(partition)) = self.partitions.get_mut(id.slot.index()) else {
            self.totals.stale_settlements += 1;
            return;
        };
        if partition.epoch != id.epoch {
            self.totals.stale_settlements += 1;
            return;
        }
        let run = id.seq.checked_sub(partition.front_seq).and_then(|i| usize::try_from(i).ok());
        let Some(run) = run.and_then(|i| partition.runs.get_mut(i)).filter(|run| run.open >= records) else {
            self.totals.abandoned += u64::from(records);
            debug_assert!(false, "settled more records than are open: {settlement:?}");
            return;
        };
        let count = u64::from(records);
        match outcome {
            Outcome::Delivered => self.totals.delivered += count,
            Outcome::DeadLettered => self.totals.dead_lettered += count,
            Outcome::Released => {
                self.totals.released += count;
                run.blocked = true;
            }
            Outcome::Abandoned => {
                self.totals.abandoned += count;
                run.blocked = true;
                return;
            }
        }
        run.open -= records;
        partition.open -= count;
        self.runs -= partition.pass_settled_runs();
    }

    /// Positions that the broker does not have yet.
    pub fn commit_points(&self) -> impl Iterator<Item = CommitPoint> + '_ {
        let slots = (0u32..).map(Slot::new);
        slots.zip(&self.partitions).filter_map(|(slot, partition)| partition.as_ref()?.commit_point(slot))
    }

    /// The broker confirmed a commit.
    pub fn committed(&mut self, slot: Slot, epoch: Epoch, resume_at: ResumeAt) {
        let Some(Some(partition)) = self.partitions.get_mut(slot.index()) else { return };
        if partition.epoch != epoch {
            return;
        }
        debug_assert!(resume_at <= partition.watermark, "committed {resume_at} beyond {}", partition.watermark);
        // Answers to commits can overtake each other; the broker keeps the last one it executed, which is the largest.
        partition.committed = Some(partition.committed.map_or(resume_at, |known| known.max(resume_at)));
    }

    /// Records of this partition that are read and neither settled nor given back.
    pub fn open_records(&self, slot: Slot) -> u64 {
        self.partition(slot).map_or(0, |partition| partition.open)
    }

    pub fn epoch(&self, slot: Slot) -> Option<Epoch> {
        self.partition(slot).map(|partition| partition.epoch)
    }

    /// The position after the last record that was read.
    pub fn next(&self, slot: Slot) -> Option<ResumeAt> {
        self.partition(slot).map(|partition| partition.next)
    }

    pub fn watermark(&self, slot: Slot) -> Option<ResumeAt> {
        self.partition(slot).map(|partition| partition.watermark)
    }

    pub fn committed_position(&self, slot: Slot) -> Option<ResumeAt> {
        self.partition(slot).and_then(|partition| partition.committed)
    }

    /// Timestamp (ms since 1970) of the first record that is not settled.
    pub fn oldest_open_ms(&self, slot: Slot) -> Option<i64> {
        self.partition(slot)?.runs.front()?.first_ms
    }

    /// Slots with an assigned partition.
    pub fn slots(&self) -> impl Iterator<Item = Slot> + '_ {
        let slots = (0u32..).map(Slot::new);
        slots.zip(&self.partitions).filter_map(|(slot, partition)| partition.as_ref().map(|_| slot))
    }

    pub fn totals(&self) -> Totals {
        self.totals
    }

    /// Runs that are tracked: the ledger's size in memory is proportional to it.
    pub fn tracked_runs(&self) -> usize {
        self.runs
    }

    fn partition(&self, slot: Slot) -> Option<&Partition> {
        self.partitions.get(slot.index())?.as_ref()
    }
}

impl Partition {
    /// Removes settled runs from the front and moves the watermark; returns how many were removed.
    fn pass_settled_runs(&mut self) -> usize {
        let before = self.runs.len();
        while let Some(run) = self.runs.front() {
            let may_grow = self.growing && self.runs.len() == 1;
            if run.open > 0 || run.blocked || may_grow {
                break;
            }
            self.settled_through_ms = run.last_ms.or(self.settled_through_ms);
            self.runs.pop_front();
            self.front_seq += 1;
        }
        let watermark = self.runs.front().map_or(self.next, |run| run.first.resume_here());
        debug_assert!(watermark >= self.watermark, "the watermark fell from {} to {watermark}", self.watermark);
        self.watermark = watermark;
        before - self.runs.len()
    }

    fn commit_point(&self, slot: Slot) -> Option<CommitPoint> {
        // A group without a committed position gets one as soon as there is something to remember: where reading began, or
        // that there was nothing to read (holes only).
        let begun = !self.runs.is_empty() || self.watermark > self.start;
        let news = self.committed.map_or(begun, |known| known < self.watermark);
        news.then_some(CommitPoint {
            slot,
            epoch: self.epoch,
            resume_at: self.watermark,
            settled_through_ms: self.settled_through_ms,
            is_beginning: self.watermark == self.start,
        })
    }
}

#[cfg(test)]
mod tests;
