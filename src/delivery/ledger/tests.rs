//! The ledger against examples and against a naive model under random schedules.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::delivery::testing::schedules;

const P0: Slot = Slot::new(0);

fn ledger_at(start: i64) -> Ledger {
    let mut ledger = Ledger::new();
    ledger.assign(P0, ResumeAt::from_broker(start), None);
    ledger
}

/// Reads `offsets` as one batch and closes it.
fn read(ledger: &mut Ledger, offsets: impl IntoIterator<Item = i64>) -> RunId {
    let run = offsets
        .into_iter()
        .map(|o| ledger.track(P0, Offset::new(o), Some(o)).expect("assigned"))
        .last()
        .expect("offsets");
    ledger.seal(run);
    run
}

fn settle(ledger: &mut Ledger, run: RunId, records: u32, outcome: Outcome) {
    ledger.settle(Settlement { run, records, outcome });
}

fn watermark(ledger: &Ledger) -> i64 {
    ledger.watermark(P0).expect("assigned").get()
}

#[test]
fn batches_settled_in_order_move_the_watermark() {
    let mut ledger = ledger_at(10);
    let (a, b) = (read(&mut ledger, 10..13), read(&mut ledger, 13..15));
    settle(&mut ledger, a, 3, Outcome::Delivered);
    assert_eq!(watermark(&ledger), 13);
    settle(&mut ledger, b, 2, Outcome::Delivered);
    assert_eq!(watermark(&ledger), 15);
    assert_eq!(ledger.tracked_runs(), 0);
}

#[test]
fn a_failed_batch_stops_the_watermark_whatever_succeeds_later() {
    let mut ledger = ledger_at(0);
    let runs: Vec<RunId> = (0..10).map(|k| read(&mut ledger, k * 10..k * 10 + 10)).collect();
    for (k, run) in runs.iter().enumerate() {
        if k != 3 {
            settle(&mut ledger, *run, 10, Outcome::Delivered);
        }
    }
    assert_eq!(watermark(&ledger), 30);
    settle(&mut ledger, runs[3], 10, Outcome::DeadLettered);
    assert_eq!(watermark(&ledger), 100);
}

#[test]
fn a_run_settled_in_parts_is_passed_only_when_all_parts_are() {
    let mut ledger = ledger_at(0);
    let run = read(&mut ledger, 0..10);
    settle(&mut ledger, run, 4, Outcome::Delivered);
    settle(&mut ledger, run, 5, Outcome::Delivered);
    assert_eq!(watermark(&ledger), 0);
    settle(&mut ledger, run, 1, Outcome::DeadLettered);
    assert_eq!(watermark(&ledger), 10);
}

#[test]
fn a_growing_run_is_not_passed_even_when_all_it_holds_is_settled() {
    let mut ledger = ledger_at(0);
    let run = ledger.track(P0, Offset::new(0), None).expect("assigned");
    settle(&mut ledger, run, 1, Outcome::Delivered);
    assert_eq!(watermark(&ledger), 0);
    let same = ledger.track(P0, Offset::new(1), None).expect("assigned");
    assert_eq!(run, same);
    ledger.seal(run);
    assert_eq!(watermark(&ledger), 0);
    settle(&mut ledger, run, 1, Outcome::Delivered);
    assert_eq!(watermark(&ledger), 2);
}

#[test]
fn only_the_closing_of_its_own_batch_ends_the_growth_of_a_run() {
    let mut ledger = ledger_at(0);
    let old = ledger.track(P0, Offset::new(0), None).expect("assigned");
    ledger.assign(P0, ResumeAt::from_broker(0), None);
    let first = ledger.track(P0, Offset::new(0), None).expect("assigned");
    ledger.seal(old);
    assert_eq!(ledger.track(P0, Offset::new(1), None), Some(first), "another epoch's run was closed");
    ledger.seal(first);
    let second = ledger.track(P0, Offset::new(2), None).expect("assigned");
    ledger.seal(first);
    assert_eq!(ledger.track(P0, Offset::new(3), None), Some(second), "an earlier run was closed again");
    ledger.seal(second);
    assert_ne!(ledger.track(P0, Offset::new(4), None), Some(second));
    assert_eq!(ledger.tracked_runs(), 3);
}

#[test]
fn a_hole_belongs_to_the_run_before_it() {
    let mut ledger = ledger_at(0);
    let a = read(&mut ledger, [0, 1]);
    let b = read(&mut ledger, [7]);
    settle(&mut ledger, a, 2, Outcome::Delivered);
    assert_eq!(watermark(&ledger), 7);
    settle(&mut ledger, b, 1, Outcome::Delivered);
    ledger.advance_to(P0, ResumeAt::from_broker(9));
    assert_eq!(watermark(&ledger), 9, "a transaction marker at the end is passed");
}

#[test]
fn a_hole_at_the_end_waits_for_the_open_run_before_it() {
    let mut ledger = ledger_at(0);
    let a = read(&mut ledger, [0]);
    ledger.advance_to(P0, ResumeAt::from_broker(5));
    assert_eq!(watermark(&ledger), 0);
    settle(&mut ledger, a, 1, Outcome::Delivered);
    assert_eq!(watermark(&ledger), 5);
}

#[test]
fn filtered_records_advance_alone_but_never_past_an_open_run() {
    let mut ledger = ledger_at(0);
    for offset in 0..1000 {
        assert!(ledger.filter(P0, Offset::new(offset), None));
    }
    assert_eq!(watermark(&ledger), 1000);
    let run = read(&mut ledger, [1000]);
    for offset in 1001..1500 {
        assert!(ledger.filter(P0, Offset::new(offset), None));
    }
    assert_eq!(watermark(&ledger), 1000);
    settle(&mut ledger, run, 1, Outcome::Delivered);
    assert_eq!(watermark(&ledger), 1500);
    assert_eq!(ledger.totals().filtered, 1499);
}

#[test]
fn a_settlement_from_a_retired_epoch_changes_nothing() {
    let mut ledger = ledger_at(0);
    let old = read(&mut ledger, 0..5);
    ledger.assign(P0, ResumeAt::from_broker(0), None);
    let new = read(&mut ledger, 0..5);
    settle(&mut ledger, old, 5, Outcome::Delivered);
    assert_eq!(watermark(&ledger), 0);
    assert_eq!(ledger.totals().stale_settlements, 1);
    ledger.retire(P0);
    settle(&mut ledger, new, 5, Outcome::Delivered);
    assert_eq!(ledger.totals(), Totals { read: 10, released: 10, stale_settlements: 2, ..Totals::default() });
    assert_eq!(ledger.tracked_runs(), 0);
}

#[test]
fn records_given_back_are_not_open_but_block_the_watermark() {
    let mut ledger = ledger_at(0);
    let (a, b) = (read(&mut ledger, 0..5), read(&mut ledger, 5..9));
    settle(&mut ledger, a, 5, Outcome::Released);
    settle(&mut ledger, b, 4, Outcome::Delivered);
    assert_eq!((watermark(&ledger), ledger.open_records(P0)), (0, 0));
}

#[test]
fn an_abandoned_record_stops_the_watermark_and_stays_in_flight() {
    let mut ledger = ledger_at(0);
    let run = read(&mut ledger, 0..5);
    settle(&mut ledger, run, 5, Outcome::Abandoned);
    assert_eq!((watermark(&ledger), ledger.totals().in_flight(), ledger.totals().abandoned), (0, 5, 5));
}

#[test]
fn a_settlement_of_more_than_is_open_moves_nothing_and_is_reported_as_a_defect() {
    let mut ledger = ledger_at(0);
    let run = read(&mut ledger, 0..5);
    let settled = std::panic::AssertUnwindSafe(|| settle(&mut ledger, run, 6, Outcome::Delivered));
    assert!(std::panic::catch_unwind(settled).is_err(), "tests are told at once");
    assert_eq!((watermark(&ledger), ledger.open_records(P0)), (0, 5));
    assert_eq!((ledger.totals().abandoned, ledger.totals().delivered), (6, 0));
}

#[test]
fn a_record_read_twice_is_tracked_once() {
    let mut ledger = ledger_at(0);
    let run = read(&mut ledger, 0..5);
    assert_eq!(ledger.track(P0, Offset::new(4), None), None);
    assert!(!ledger.filter(P0, Offset::new(4), None));
    settle(&mut ledger, run, 5, Outcome::Delivered);
    assert_eq!((watermark(&ledger), ledger.totals().read), (5, 5));
}

#[test]
fn only_progress_is_committed_and_only_until_the_broker_has_it() {
    let mut ledger = ledger_at(0);
    assert_eq!(ledger.commit_points().count(), 0, "a group that never committed has nothing to remember yet");
    let run = read(&mut ledger, 0..5);
    settle(&mut ledger, run, 5, Outcome::Delivered);
    let point = ledger.commit_points().next().expect("progress");
    assert_eq!((point.resume_at.get(), point.settled_through_ms), (5, Some(4)));
    ledger.committed(P0, point.epoch, point.resume_at);
    assert_eq!(ledger.commit_points().count(), 0);
    let run = read(&mut ledger, 5..7);
    assert_eq!(ledger.commit_points().count(), 0, "what is open is no progress");
    settle(&mut ledger, run, 2, Outcome::Delivered);
    assert_eq!(ledger.commit_points().map(|point| point.resume_at.get()).collect::<Vec<_>>(), [7]);
}

/// One step of a random schedule. Indices are taken modulo what exists.
#[derive(Clone, Debug)]
enum Step {
    Read { gap: u8 },
    Filter,
    Seal,
    Settle { run: usize, part: u8, outcome: Outcome },
    Hole(u8),
    Commit,
    Revoke,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let outcome =
        prop_oneof![6 => Just(Outcome::Delivered), 2 => Just(Outcome::DeadLettered), 1 => Just(Outcome::Released)];
    let step = prop_oneof![
        12 => (0u8..3).prop_map(|gap| Step::Read { gap }),
        3 => Just(Step::Filter),
        5 => Just(Step::Seal),
        12 => (any::<prop::sample::Index>(), 1u8.., outcome).prop_map(|(run, part, outcome)| Step::Settle { run: run.index(1 << 20), part, outcome }),
        1 => (0u8..4).prop_map(Step::Hole),
        2 => Just(Step::Commit),
        1 => Just(Step::Revoke),
    ];
    prop::collection::vec(step, 1..120)
}

/// What a record is to the model: everything is kept per record, nothing is clever.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Fate {
    Open(RunId),
    Passed,
    GivenBack,
}

struct Model {
    ledger: Ledger,
    fates: BTreeMap<i64, Fate>,
    open_runs: Vec<(RunId, u32)>,
    growing: Option<RunId>,
    next: i64,
    start: i64,
    epoch_watermark: i64,
    broker: i64,
}

impl Model {
    fn new() -> Self {
        let ledger = ledger_at(0);
        let (fates, open_runs) = (BTreeMap::new(), Vec::new());
        Self { ledger, fates, open_runs, growing: None, next: 0, start: 0, epoch_watermark: 0, broker: 0 }
    }

    fn apply(&mut self, step: &Step) {
        match *step {
            Step::Read { gap } => self.read(i64::from(gap)),
            Step::Filter => {
                assert!(self.ledger.filter(P0, Offset::new(self.next), None));
                self.fates.insert(self.next, Fate::Passed);
                self.next += 1;
            }
            Step::Seal => self.growing.take().into_iter().for_each(|run| self.ledger.seal(run)),
            Step::Settle { run, part, outcome } => self.settle(run, part, outcome),
            Step::Hole(width) => {
                self.next += i64::from(width);
                self.ledger.advance_to(P0, ResumeAt::from_broker(self.next));
            }
            Step::Commit => {
                for point in self.ledger.commit_points().collect::<Vec<_>>() {
                    assert!(point.resume_at.get() >= self.broker, "a commit went back");
                    self.broker = point.resume_at.get();
                    self.ledger.committed(point.slot, point.epoch, point.resume_at);
                }
            }
            Step::Revoke => self.revoke(),
        }
    }

    fn read(&mut self, gap: i64) {
        let offset = self.next + gap;
        let run = self.ledger.track(P0, Offset::new(offset), None).expect("new record");
        match self.open_runs.last_mut() {
            Some((last, open)) if *last == run => *open += 1,
            Some(_) | None => self.open_runs.push((run, 1)),
        }
        self.growing = Some(run);
        self.fates.insert(offset, Fate::Open(run));
        self.next = offset + 1;
    }

    fn settle(&mut self, index: usize, part: u8, outcome: Outcome) {
        if self.open_runs.is_empty() {
            return;
        }
        let index = index % self.open_runs.len();
        let (run, open) = self.open_runs[index];
        let records = u32::from(part).min(open);
        if records == 0 {
            return;
        }
        let fate = if outcome == Outcome::Released { Fate::GivenBack } else { Fate::Passed };
        // The ledger counts down and does not know which records of a run were meant; the model picks the last ones.
        let of_run: Vec<i64> = self.fates.iter().filter(|(_, f)| **f == Fate::Open(run)).map(|(o, _)| *o).collect();
        for offset in of_run.iter().rev().take(records as usize) {
            self.fates.insert(*offset, fate);
        }
        self.open_runs[index].1 -= records;
        // An exhausted run that still grows may come back with its next record.
        if self.open_runs[index].1 == 0 && self.growing != Some(run) {
            self.open_runs.remove(index);
        }
        self.ledger.settle(Settlement { run, records, outcome });
    }

    fn revoke(&mut self) {
        let stale = std::mem::take(&mut self.open_runs);
        self.growing = None;
        self.ledger.assign(P0, ResumeAt::from_broker(self.broker), Some(ResumeAt::from_broker(self.broker)));
        let before = self.ledger.totals();
        for (run, records) in stale.into_iter().filter(|(_, records)| *records > 0) {
            self.ledger.settle(Settlement { run, records, outcome: Outcome::Delivered });
        }
        let after = self.ledger.totals();
        assert_eq!(Totals { stale_settlements: 0, ..before }, Totals { stale_settlements: 0, ..after }, "I4");
        self.fates.clear();
        (self.next, self.start, self.epoch_watermark) = (self.broker, self.broker, self.broker);
    }

    fn check(&mut self) {
        let watermark = watermark(&self.ledger);
        let first_unsettled = self.fates.iter().find(|(_, fate)| **fate != Fate::Passed).map_or(self.next, |(o, _)| *o);
        assert!(watermark <= first_unsettled, "I2: watermark {watermark} passed the open record {first_unsettled}");
        assert!(watermark >= self.epoch_watermark, "I3: watermark fell to {watermark}");
        assert!(self.broker <= watermark, "I1: committed {} beyond {watermark}", self.broker);
        self.epoch_watermark = watermark;
        let totals = self.ledger.totals();
        let open: u64 = self.open_runs.iter().map(|(_, open)| u64::from(*open)).sum();
        assert_eq!(totals.in_flight(), open, "I5: {totals:?}");
        assert_eq!(self.ledger.open_records(P0), open);
        assert!(self.ledger.tracked_runs() <= self.fates.len(), "I6: more runs than records");
    }

    /// Settles all that is open: nothing may stay behind.
    fn finish(&mut self) {
        self.growing.take().into_iter().for_each(|run| self.ledger.seal(run));
        for (run, records) in std::mem::take(&mut self.open_runs).into_iter().filter(|(_, records)| *records > 0) {
            self.ledger.settle(Settlement { run, records, outcome: Outcome::Delivered });
        }
        if self.fates.values().all(|fate| *fate != Fate::GivenBack) {
            assert_eq!(watermark(&self.ledger), self.next, "everything is settled, so everything is passed");
            assert_eq!(self.ledger.tracked_runs(), 0);
        }
    }
}

proptest! {
    // A failing schedule is printed shrunk, with the seed that reproduces it.
    #![proptest_config(schedules(20_000))]

    #[test]
    fn any_schedule_of_settle_revoke_and_split_keeps_the_invariants(schedule in steps()) {
        let mut model = Model::new();
        for step in &schedule {
            model.apply(step);
            model.check();
        }
        model.finish();
    }
}
