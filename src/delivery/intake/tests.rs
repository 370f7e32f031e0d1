//! What the events of a source do to the ledger, the open batch and the list of places.

use std::sync::Mutex;

use super::*;
use crate::delivery::attempt::{Attempt, Failure};
use crate::delivery::batch::BatchLimits;
use crate::delivery::budget::Budget;
use crate::delivery::ledger::{CommitPoint, Outcome};
use crate::delivery::letter::Content;
use crate::delivery::testing::{MemorySink, SLOT, lock, refused};
use crate::position::Offset;
use crate::source::{Gap, GapKind};
use crate::transform::condition::Condition;
use crate::transform::config::{Action, ChainConfig, FilterConfig, RedactConfig, StepConfig};
use crate::transform::redact::{Class, Treatment};

struct Bench {
    intake: Intake,
    log: Arc<Mutex<Vec<String>>>,
}

fn bench(max_events: usize) -> Bench {
    bench_with(max_events, Chain::default())
}

fn bench_with(max_events: usize, chain: Chain) -> Bench {
    let budget = Budget::new(1 << 20, Arc::default());
    let builder = BatchBuilder::new(BatchLimits { max_events, max_bytes: 1 << 20 }, budget, Arc::default());
    let log = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&log);
    let observer: Observer = Arc::new(move |event: IntakeEvent<'_>| {
        let line = match event {
            IntakeEvent::Assigned(all) => format!("assigned {}", all.len()),
            IntakeEvent::Revoked { .. } => "revoked".to_owned(),
            IntakeEvent::Gap(gap) => format!("gap of {}", gap.records()),
            IntakeEvent::Trouble(failure) => format!("trouble {failure}"),
            IntakeEvent::CommitFailed(failure) => format!("commit failed {failure}"),
            IntakeEvent::Draining { .. } => "draining".to_owned(),
        };
        lock(&seen).push(line);
    });
    let sink = MemorySink::new(1, |_, _| Attempt::Delivered);
    Bench { intake: Intake::new((builder, Closing::Together), chain, sink, observer), log }
}

fn place(slot: u32, partition: i32) -> Assigned {
    Assigned {
        slot: Slot::new(slot),
        topic: TopicName::new("audit"),
        partition: PartitionId::new(partition),
        resume_at: ResumeAt::from_broker(0),
        committed: None,
        end: Some(ResumeAt::from_broker(10)),
    }
}

impl Bench {
    fn read(&mut self, slot: Slot, offset: i64) -> Flow {
        self.read_value(slot, offset, b"x")
    }

    fn read_value(&mut self, slot: Slot, offset: i64, value: &[u8]) -> Flow {
        let record = Record {
            topic: "audit",
            partition: PartitionId::new(0),
            offset: Offset::new(offset),
            timestamp_ms: None,
            key: None,
            value: Some(value),
            headers: &[],
        };
        self.intake.handle(Event::Record { slot, record })
    }

    fn give_back_everything(mut self) {
        self.intake.close_batches();
        for shipment in self.intake.outbox.drain(..) {
            shipment.consignment.into_iter().for_each(|consignment| consignment.settle(Outcome::Released));
        }
    }
}

#[test]
fn a_full_batch_is_closed_and_ends_the_turn() {
    let mut bench = bench(2);
    bench.intake.handle(Event::Assigned(vec![place(0, 0)]));
    let flows: Vec<Flow> = (0..4).map(|offset| bench.read(SLOT, offset)).collect();
    assert_eq!(flows, [Flow::Continue, Flow::Continue, Flow::Stop, Flow::Continue]);
    assert_eq!(bench.intake.outbox.len(), 1);
    assert_eq!(bench.intake.ledger.open_records(SLOT), 4);
    bench.give_back_everything();
}

/// What a rule has filtered and what the ledger has are the same number, also for records that come twice or are not ours.
#[test]
#[allow(clippy::needless_update, reason = "filters are one kind of step among others")]
fn a_filtered_record_counts_once_for_its_rule_and_for_the_ledger() {
    let (when, _) = Condition::compile(r#"id == "noise""#).expect("a condition");
    let action = Action::Drop { keep_one_in: None };
    let filters = vec![FilterConfig { name: "noise".to_owned(), action, topics: Vec::new(), when }];
    let mut bench = bench_with(10, Chain::new(&ChainConfig { filters, ..ChainConfig::default() }));
    bench.intake.handle(Event::Assigned(vec![place(0, 0)]));
    let noise = br#"{"id":"noise"}"#;
    for (slot, offset) in [(SLOT, 0), (SLOT, 1), (SLOT, 1), (SLOT, 0), (Slot::new(1), 0), (SLOT, 2)] {
        assert_eq!(bench.read_value(slot, offset, noise), Flow::Continue);
    }
    bench.read_value(SLOT, 3, br#"{"id":"wanted"}"#);
    let totals = bench.intake.ledger.totals();
    assert_eq!((totals.read, totals.filtered), (4, 3));
    assert_eq!(bench.intake.chain.filter_counts().rules[0].filtered, 3);
    assert_eq!(bench.intake.ledger.watermark(SLOT).map(ResumeAt::get), Some(3), "what is filtered holds nothing up");
    bench.give_back_everything();
}

/// Whoever cannot tell what is in a record must neither send nor lose it.
#[test]
fn a_record_that_cannot_be_redacted_is_tracked_and_becomes_a_letter_beside_the_others() {
    let step = StepConfig {
        classes: vec![Class::Email],
        keep_members: Vec::new(),
        paths: Vec::new(),
        patterns: Vec::new(),
        treatment: Treatment::Replace("\"gone\"".to_owned()),
    };
    let redact = RedactConfig { steps: vec![step], keep_key: false, keep_headers: Vec::new() };
    let mut bench = bench_with(10, Chain::new(&ChainConfig { redact, ..ChainConfig::default() }));
    bench.intake.handle(Event::Assigned(vec![place(0, 0)]));
    for (offset, value) in [(0, &b"not JSON"[..]), (1, br#"{"id":"wanted"}"#)] {
        assert_eq!(bench.read_value(SLOT, offset, value), Flow::Continue);
    }
    assert_eq!((bench.intake.ledger.totals().read, bench.intake.ledger.open_records(SLOT)), (2, 2));
    bench.intake.close_batches();
    let Some(Shipment { consignment: Some(consignment), letters }) = bench.intake.outbox.pop_front() else {
        unreachable!("both are in one batch")
    };
    assert_eq!((consignment.count(), letters.len()), (1, 1));
    consignment.settle(Outcome::Delivered);
    for quarantined in letters {
        let letter = quarantined.letter;
        assert_eq!((letter.offset.get(), letter.content), (0, Content::Unclear));
        quarantined.duty.settle(Outcome::DeadLettered);
    }
}

#[test]
fn a_record_of_a_partition_that_is_not_ours_is_ignored() {
    let mut bench = bench(10);
    bench.intake.handle(Event::Assigned(vec![place(0, 0)]));
    assert_eq!(bench.read(Slot::new(1), 0), Flow::Continue);
    assert_eq!((bench.intake.ledger.totals().read, bench.intake.open.is_empty()), (0, true));
}

#[test]
fn places_are_known_from_assignment_to_retirement() {
    let mut bench = bench(10);
    // The higher slot first: the list grows to it, and the lower one does not cut it off.
    bench.intake.handle(Event::Assigned(vec![place(2, 7), place(0, 3)]));
    let partition = |intake: &Intake, slot| intake.place(Slot::new(slot)).map(|place| place.partition.get());
    assert_eq!([0, 1, 2, 3].map(|slot| partition(&bench.intake, slot)), [Some(3), None, Some(7), None]);
    bench.intake.handle(Event::End { slot: Slot::new(2), end: ResumeAt::from_broker(99) });
    let end = |intake: &Intake, slot| intake.place(Slot::new(slot)).and_then(|place| place.end).map(ResumeAt::get);
    assert_eq!((end(&bench.intake, 0), end(&bench.intake, 2)), (Some(10), Some(99)));
    let retired = bench.intake.retire(&[Slot::new(2), Slot::new(1)]);
    assert_eq!(retired.iter().map(|place| place.partition.get()).collect::<Vec<_>>(), [7]);
    assert_eq!([0, 2].map(|slot| partition(&bench.intake, slot)), [Some(3), None]);
    assert_eq!(bench.intake.ledger.slots().collect::<Vec<_>>(), [SLOT]);
}

#[test]
fn what_a_source_tells_reaches_the_ledger_or_the_observer() {
    let mut bench = bench(10);
    let flow = bench.intake.handle(Event::Assigned(vec![place(0, 0)]));
    assert_eq!(flow, Flow::Continue);
    bench.intake.handle(Event::Position { slot: SLOT, next: ResumeAt::from_broker(5) });
    assert_eq!(bench.intake.ledger.watermark(SLOT).map(ResumeAt::get), Some(5));
    let point: CommitPoint = bench.intake.ledger.commit_points().next().expect("a hole was passed");
    bench.intake.handle(Event::Committed(point));
    assert_eq!(bench.intake.ledger.committed_position(SLOT).map(ResumeAt::get), Some(5));
    bench.intake.handle(Event::Gap(Gap {
        slot: SLOT,
        topic: TopicName::new("audit"),
        partition: PartitionId::new(0),
        kind: GapKind::Expired,
        expected: ResumeAt::from_broker(5),
        resumed: ResumeAt::from_broker(8),
        from_ms: None,
        to_ms: None,
    }));
    let failure: Failure = refused();
    bench.intake.handle(Event::CommitFailed(failure.clone()));
    bench.intake.handle(Event::Trouble(failure.clone()));
    assert_eq!(bench.intake.handle(Event::Revoking { slots: vec![SLOT], lost: true }), Flow::Stop);
    let revocation = bench.intake.revocation.take().expect("to be answered");
    assert_eq!((revocation.slots, revocation.lost), (vec![SLOT], true));
    let expected = [
        "assigned 1".to_owned(),
        "gap of 3".to_owned(),
        format!("commit failed {failure}"),
        format!("trouble {failure}"),
    ];
    assert_eq!(*lock(&bench.log), expected);
}
