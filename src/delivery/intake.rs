//! The way in: each record is cleared, tracked, encoded into the open batch of its group.
//!
//! This is the hot path of the poll thread. A record costs one entry in the batch's event array and one copy of its payload;
//! the ledger is told per record but grows per run only. What a rule has dropped costs the ledger's note and nothing more.

use std::collections::VecDeque;
use std::sync::Arc;

use super::batch::{BatchBuilder, Entry, Sealed};
use super::lane::Shipment;
use super::ledger::Ledger;
use super::open::{Closing, Due, OpenBatches};
use crate::event::Record;
use crate::position::{PartitionId, ResumeAt, Slot, TopicName};
use crate::sink::{Missing, Sink};
use crate::source::{Assigned, Event, Flow};
use crate::transform::{Chain, Verdict};

/// What else happens on the poll thread, for logs, metrics and the status page.
#[derive(Debug)]
pub enum IntakeEvent<'a> {
    Assigned(&'a [Assigned]),
    /// Partitions were given up. `unsettled` of their records were still open and will be read again by their next owner.
    Revoked {
        places: &'a [Place],
        lost: bool,
        unsettled: u64,
    },
    Gap(&'a crate::source::Gap),
    /// The Kafka client reports trouble and goes on trying.
    Trouble(&'a super::attempt::Failure),
    /// A commit failed; the next one covers it.
    CommitFailed(&'a super::attempt::Failure),
    Draining {
        open: u64,
    },
}

/// Called from the poll thread; must not block.
pub type Observer = Arc<dyn Fn(IntakeEvent<'_>) + Send + Sync>;

/// An assigned partition.
#[derive(Clone, Debug)]
pub struct Place {
    pub topic: TopicName,
    pub partition: PartitionId,
    /// The position after the partition's last record, as last heard.
    pub end: Option<ResumeAt>,
}

/// Partitions to be given up.
#[derive(Debug)]
pub(super) struct Revocation {
    pub(super) slots: Vec<Slot>,
    pub(super) lost: bool,
}

pub(super) struct Intake {
    pub(super) ledger: Ledger,
    pub(super) open: OpenBatches,
    pub(super) chain: Chain,
    sink: Arc<dyn Sink>,
    places: Vec<Option<Place>>,
    /// Closed batches on their way to the lane.
    pub(super) outbox: VecDeque<Shipment>,
    pub(super) revocation: Option<Revocation>,
    observer: Observer,
    /// Name of the record's group; reused.
    group: Vec<u8>,
}

impl Intake {
    pub(super) fn new(
        (builder, closing): (BatchBuilder, Closing),
        chain: Chain,
        sink: Arc<dyn Sink>,
        observer: Observer,
    ) -> Self {
        Self {
            ledger: Ledger::new(),
            open: OpenBatches::new(builder, closing),
            chain,
            sink,
            places: Vec::new(),
            outbox: VecDeque::new(),
            revocation: None,
            observer,
            group: Vec::new(),
        }
    }

    pub(super) fn handle(&mut self, event: Event<'_>) -> Flow {
        match event {
            Event::Record { slot, record } => return self.record(slot, record),
            Event::Assigned(assigned) => self.assigned(assigned),
            Event::Revoking { slots, lost } => {
                self.revocation = Some(Revocation { slots, lost });
                return Flow::Stop;
            }
            Event::Position { slot, next } => self.ledger.advance_to(slot, next),
            Event::End { slot, end } => {
                if let Some(place) = self.place_mut(slot) {
                    place.end = Some(end);
                }
            }
            Event::Gap(gap) => {
                let missing =
                    Missing { topic: &gap.topic, partition: gap.partition, from: gap.expected, to: gap.resumed };
                self.sink.missed(&missing);
                (self.observer)(IntakeEvent::Gap(&gap));
            }
            Event::Committed(point) => self.ledger.committed(point.slot, point.epoch, point.resume_at),
            Event::CommitFailed(failure) => (self.observer)(IntakeEvent::CommitFailed(&failure)),
            Event::Trouble(failure) => (self.observer)(IntakeEvent::Trouble(&failure)),
        }
        Flow::Continue
    }

    /// Closes the open batches and puts them into the outbox.
    pub(super) fn close_batches(&mut self) {
        close(Due::All, &mut self.open, &mut self.ledger, &mut self.outbox);
    }

    /// As [`Intake::close_batches`], for those that are closed apart and due.
    pub(super) fn close_overdue(&mut self) {
        while let Some(place) = self.open.overdue() {
            close(Due::One(place), &mut self.open, &mut self.ledger, &mut self.outbox);
        }
    }

    /// As [`Intake::close_batches`], for those that hold records of these partitions, where batches are closed apart.
    pub(super) fn close_batches_of(&mut self, slots: &[Slot]) {
        if !self.open.are_closed_apart() {
            return self.close_batches();
        }
        while let Some(place) = self.open.concerning(slots) {
            close(Due::One(place), &mut self.open, &mut self.ledger, &mut self.outbox);
        }
    }

    pub(super) fn place(&self, slot: Slot) -> Option<&Place> {
        self.places.get(slot.index())?.as_ref()
    }

    /// Forgets partitions that were given up; returns what they were.
    pub(super) fn retire(&mut self, slots: &[Slot]) -> Vec<Place> {
        for slot in slots {
            self.ledger.retire(*slot);
        }
        slots.iter().filter_map(|slot| self.places.get_mut(slot.index())?.take()).collect()
    }

    fn record(&mut self, slot: Slot, record: Record<'_>) -> Flow {
        let Self { ledger, open, outbox, sink, group, places, .. } = self;
        let mut flow = Flow::Continue;
        let verdict = self.chain.clear(record);
        group.clear();
        match &verdict {
            Verdict::Cleared(event) => sink.group(event, group),
            Verdict::Unclear(..) => {}
            Verdict::Filtered(rule) => {
                let rule = *rule;
                if ledger.filter(slot, record.offset, record.timestamp_ms) {
                    self.chain.count_filtered(rule);
                }
                return flow;
            }
        }
        let due = open.due_before(group, record.value.map_or(0, <[u8]>::len), record.timestamp_ms);
        if due != Due::Nothing {
            close(due, open, ledger, outbox);
            flow = Flow::Stop;
        }
        let Some(Some(Place { topic, .. })) = places.get(slot.index()) else { return flow };
        let Some(run) = ledger.track(slot, record.offset, record.timestamp_ms) else { return flow };
        match verdict {
            Verdict::Cleared(event) => open.push(group, &Entry { run, topic, event }, &**sink),
            Verdict::Unclear(record, failure) => open.set_aside(run, topic, &record, failure),
            Verdict::Filtered(_) => {}
        }
        flow
    }

    fn assigned(&mut self, assigned: Vec<Assigned>) {
        for new in &assigned {
            self.ledger.assign(new.slot, new.resume_at, new.committed);
            if self.places.len() <= new.slot.index() {
                self.places.resize(new.slot.index() + 1, None);
            }
            let (topic, partition, end) = (new.topic.clone(), new.partition, new.end);
            self.places[new.slot.index()] = Some(Place { topic, partition, end });
        }
        (self.observer)(IntakeEvent::Assigned(&assigned));
    }

    fn place_mut(&mut self, slot: Slot) -> Option<&mut Place> {
        self.places.get_mut(slot.index())?.as_mut()
    }
}

fn close(due: Due, open: &mut OpenBatches, ledger: &mut Ledger, outbox: &mut VecDeque<Shipment>) {
    let mut ship = |sealed: Sealed| {
        for run in sealed.runs {
            ledger.seal(run);
        }
        outbox.push_back(Shipment { consignment: sealed.consignment, letters: sealed.letters });
    };
    match due {
        Due::Nothing => {}
        Due::One(place) => open.seal_at(place).into_iter().for_each(ship),
        Due::All => {
            while let Some(sealed) = open.seal() {
                ship(sealed);
            }
        }
    }
}

#[cfg(test)]
mod tests;
