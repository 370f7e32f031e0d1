//! The conductor: the loop of the poll thread. It alone touches the source, the ledger and the open batch.
//!
//! One turn: take settlements, commit if due, close the batch if due, read. At the byte bound it waits for room, then
//! pauses the partitions and goes on polling, so the group membership survives a sink outage of any length.
//!
//! Giving up partitions and stopping are the same sequence: stop intake, take back what was not sent, wait for what is in
//! flight up to the drain deadline, commit the watermark, retire the epoch, release. Partitions that are lost already are
//! retired at once and nothing is committed.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;

use super::attempt::Failure;
use super::batch::BatchBuilder;
use super::budget::Budget;
use super::intake::{Intake, IntakeEvent, Observer, Place, Revocation};
use super::lane::Shipment;
use super::ledger::{CommitPoint, Settlement, Totals};
use super::open::Closing;
use super::settlement::Mail;
use crate::defaults;
use crate::position::{ResumeAt, Slot};
use crate::sink::Sink;
use crate::source::Source;
use crate::transform::Chain;
use crate::transform::filter::FilterCounts;

/// Progress of one partition.
#[derive(Clone, Debug)]
pub struct PartitionProgress {
    pub place: Place,
    pub committed: Option<ResumeAt>,
    pub watermark: ResumeAt,
    pub next: ResumeAt,
    /// Timestamp (ms since 1970) of the first record that is not settled.
    pub oldest_open_ms: Option<i64>,
}

/// What the poll thread tells the outside each turn: one consistent picture.
pub struct Progress<'a> {
    pub totals: Totals,
    pub in_flight_bytes: u64,
    /// What the chain's filters have come to: together as many filtered records as the totals say.
    pub filters: FilterCounts<'a>,
    /// Only from time to time, because making it costs something per partition.
    pub partitions: Option<&'a [PartitionProgress]>,
}

pub struct ConductorParts<S> {
    pub source: S,
    pub sink: Arc<dyn Sink>,
    pub chain: Chain,
    pub builder: BatchBuilder,
    pub closing: Closing,
    pub budget: Arc<Budget>,
    pub mail: Mail,
    pub shipments: mpsc::Sender<Shipment>,
    /// Whether the lane would send at once.
    pub lane_ready: Arc<AtomicBool>,
    pub stop: Arc<AtomicBool>,
    pub observer: Observer,
    pub publish: Box<dyn FnMut(&Progress<'_>) + Send>,
    pub max_age: Duration,
    pub drain_deadline: Duration,
}

pub struct Conductor<S> {
    source: S,
    intake: Intake,
    budget: Arc<Budget>,
    mail: Mail,
    shipments: mpsc::Sender<Shipment>,
    lane_ready: Arc<AtomicBool>,
    stop: Arc<AtomicBool>,
    observer: Observer,
    publish: Box<dyn FnMut(&Progress<'_>) + Send>,
    max_age: Duration,
    drain_deadline: Duration,
    last_shipped: Instant,
    /// Before this no other commit is sent.
    next_commit: Instant,
    /// Since when there has been nothing to commit but where reading began.
    begun_since: Option<Instant>,
    next_report: Instant,
    /// Since when there has been no room to read.
    blocked_since: Option<Instant>,
    paused: bool,
    /// Reused between turns.
    arrived: Vec<Settlement>,
    /// Reused between reports.
    partitions: Vec<PartitionProgress>,
}

/// How often the picture of the partitions is renewed.
const REPORT_INTERVAL: Duration = Duration::from_millis(250);

/// A batch that is due while the lane is busy is looked at again this often.
const BUSY_WAIT: Duration = Duration::from_millis(5);

impl<S: Source> Conductor<S> {
    pub fn new(parts: ConductorParts<S>) -> Self {
        let now = Instant::now();
        let intake = Intake::new((parts.builder, parts.closing), parts.chain, parts.sink, Arc::clone(&parts.observer));
        Self {
            source: parts.source,
            intake,
            budget: parts.budget,
            mail: parts.mail,
            shipments: parts.shipments,
            lane_ready: parts.lane_ready,
            stop: parts.stop,
            observer: parts.observer,
            publish: parts.publish,
            max_age: parts.max_age,
            drain_deadline: parts.drain_deadline,
            last_shipped: now,
            next_commit: now,
            begun_since: None,
            next_report: now,
            blocked_since: None,
            paused: false,
            arrived: Vec::new(),
            partitions: Vec::new(),
        }
    }

    /// Runs until told to stop, then drains and commits. Blocks; meant for a thread of its own. Gives the source back, so
    /// that the caller can say that all is committed before closing the connection, which may take its time.
    ///
    /// The error says why the source could not go on. What was in flight is drained and committed all the same.
    pub fn run(mut self) -> (Result<(), Failure>, S) {
        let mut result = Ok(());
        while result.is_ok() && !self.stop.load(Ordering::Relaxed) {
            result = self.turn();
        }
        let all: Vec<Slot> = self.intake.ledger.slots().collect();
        (self.observer)(IntakeEvent::Draining { open: self.intake.ledger.totals().in_flight() });
        self.give_up(&Revocation { slots: all, lost: false });
        self.report(true);
        (result, self.source)
    }

    fn turn(&mut self) -> Result<(), Failure> {
        self.take_settlements();
        let now = Instant::now();
        self.commit_if_due(now);
        self.close_batches_if_due(now);
        self.flush_outbox();
        let polled = if self.has_room() { self.read(now) } else { self.wait_for_room(now) };
        if let Some(revocation) = self.intake.revocation.take() {
            self.give_up(&revocation);
            self.source.release(&revocation.slots);
        }
        self.report(false);
        polled
    }

    fn read(&mut self, now: Instant) -> Result<(), Failure> {
        self.blocked_since = None;
        if self.paused {
            self.source.resume();
            self.paused = false;
        }
        self.poll(self.patience(now))
    }

    fn poll(&mut self, wait: Duration) -> Result<(), Failure> {
        let Self { source, intake, .. } = self;
        source.poll(wait, &mut |event| intake.handle(event))
    }

    /// How long reading may block: until the open batch is due, or a settlement should be looked at.
    fn patience(&self, now: Instant) -> Duration {
        if self.intake.open.is_empty() || self.intake.open.are_closed_apart() {
            return defaults::POLL_WAIT;
        }
        let due = (self.last_shipped + self.max_age).saturating_duration_since(now);
        due.clamp(BUSY_WAIT.min(self.max_age), defaults::POLL_WAIT)
    }

    fn close_batches_if_due(&mut self, now: Instant) {
        self.intake.open.set_time(now);
        if self.intake.open.are_closed_apart() {
            return self.intake.close_overdue();
        }
        let due = now >= self.last_shipped + self.max_age;
        // While the lane is busy the batch may as well grow: it could not leave anyway.
        if due && self.lane_ready.load(Ordering::Relaxed) {
            self.intake.close_batches();
        }
    }

    fn flush_outbox(&mut self) {
        while let Some(shipment) = self.intake.outbox.pop_front() {
            match self.shipments.try_send(shipment) {
                Ok(()) => self.last_shipped = Instant::now(),
                Err(TrySendError::Full(shipment)) => return self.intake.outbox.push_front(shipment),
                // The lane is gone, which stops the process; what it would have carried is given back.
                Err(TrySendError::Closed(shipment)) => shipment.give_back(),
            }
        }
    }

    fn has_room(&self) -> bool {
        let runs = self.intake.ledger.tracked_runs();
        let (room, few_runs) = match self.paused {
            // Resuming costs a fetch, so it waits until reading can go on for a while.
            true => (self.budget.has_ample_room(), runs <= defaults::TRACKED_RUNS_MAX / 2),
            false => (!self.budget.is_exhausted(), runs < defaults::TRACKED_RUNS_MAX),
        };
        room && few_runs && self.intake.outbox.is_empty()
    }

    fn wait_for_room(&mut self, now: Instant) -> Result<(), Failure> {
        if self.paused {
            // Serves rebalances and keeps the membership; paused partitions hand over nothing.
            return self.poll(defaults::POLL_WAIT);
        }
        let since = *self.blocked_since.get_or_insert(now);
        if now.duration_since(since) >= defaults::PAUSE_AFTER {
            self.source.pause();
            self.paused = true;
            return Ok(());
        }
        self.mail.settlements.wait(now + defaults::POLL_WAIT);
        Ok(())
    }

    fn take_settlements(&mut self) {
        self.mail.settlements.take(&mut self.arrived);
        for settlement in self.arrived.drain(..) {
            self.intake.ledger.settle(settlement);
        }
    }

    /// The first progress is committed at once, so that even a process that dies again and again comes forward; from then
    /// on at most one commit is sent per interval. Where reading began is no progress: it waits for an interval, lest it
    /// take the place of what follows within milliseconds.
    fn commit_if_due(&mut self, now: Instant) {
        if now < self.next_commit {
            return;
        }
        let points: Vec<CommitPoint> = self.intake.ledger.commit_points().collect();
        if points.is_empty() {
            return;
        }
        if points.iter().all(|point| point.is_beginning) {
            let since = *self.begun_since.get_or_insert(now);
            if now < since + defaults::COMMIT_INTERVAL {
                return;
            }
        }
        if self.source.commit(&points) {
            self.begun_since = None;
            self.next_commit = now + defaults::COMMIT_INTERVAL;
        }
    }

    fn give_up(&mut self, revocation: &Revocation) {
        let slots = &revocation.slots;
        self.intake.close_batches_of(slots);
        self.flush_outbox();
        let epochs = slots.iter().filter_map(|slot| Some((*slot, self.intake.ledger.epoch(*slot)?)));
        self.mail.recall.recall(epochs);
        if !revocation.lost {
            self.drain(slots);
            self.commit_now(slots);
        }
        let unsettled = slots.iter().map(|slot| self.intake.ledger.open_records(*slot)).sum();
        let places = self.intake.retire(slots);
        (self.observer)(IntakeEvent::Revoked { places: &places, lost: revocation.lost, unsettled });
    }

    /// Waits until nothing of these partitions is in flight, at most until the drain deadline.
    fn drain(&mut self, slots: &[Slot]) {
        let deadline = Instant::now() + self.drain_deadline;
        loop {
            self.take_settlements();
            self.flush_outbox();
            let open: u64 = slots.iter().map(|slot| self.intake.ledger.open_records(*slot)).sum();
            let now = Instant::now();
            if open == 0 || now >= deadline {
                return;
            }
            self.report(false);
            self.mail.settlements.wait(deadline.min(now + defaults::POLL_WAIT));
        }
    }

    fn commit_now(&mut self, slots: &[Slot]) {
        let points: Vec<CommitPoint> =
            self.intake.ledger.commit_points().filter(|point| slots.contains(&point.slot)).collect();
        if points.is_empty() {
            return;
        }
        match self.source.commit_now(&points) {
            Ok(()) => points.iter().for_each(|p| self.intake.ledger.committed(p.slot, p.epoch, p.resume_at)),
            Err(failure) => (self.observer)(IntakeEvent::CommitFailed(&failure)),
        }
    }

    fn report(&mut self, whole: bool) {
        let now = Instant::now();
        let due = whole || now >= self.next_report;
        if due {
            self.next_report = now + REPORT_INTERVAL;
            self.partitions.clear();
            let slots = self.intake.ledger.slots();
            self.partitions.extend(slots.filter_map(|slot| progress_of(&self.intake, slot)));
        }
        let totals = self.intake.ledger.totals();
        let partitions = due.then_some(self.partitions.as_slice());
        let filters = self.intake.chain.filter_counts();
        (self.publish)(&Progress { totals, in_flight_bytes: self.budget.used(), filters, partitions });
    }
}

fn progress_of(intake: &Intake, slot: Slot) -> Option<PartitionProgress> {
    Some(PartitionProgress {
        place: intake.place(slot)?.clone(),
        committed: intake.ledger.committed_position(slot),
        watermark: intake.ledger.watermark(slot)?,
        next: intake.ledger.next(slot)?,
        oldest_open_ms: intake.ledger.oldest_open_ms(slot),
    })
}

#[cfg(test)]
mod tests;
