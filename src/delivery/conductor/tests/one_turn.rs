//! What the conductor does in one turn, asked at times of the test's choosing.

use super::*;

#[test]
fn the_first_progress_is_committed_at_once_and_the_next_an_interval_later() {
    let mut bench = bench(&MemorySink::new(1, |_, _| Attempt::Delivered), 1 << 24, LONG);
    let (mut now, instant) = (Instant::now(), Duration::from_millis(1));
    bench.read(0..10);
    bench.deliver();
    assert_eq!(bench.committed_at(now), [10]);
    bench.poll();
    bench.read(10..20);
    bench.deliver();
    assert_eq!(bench.committed_at(now + defaults::COMMIT_INTERVAL - instant), [10]);
    now += defaults::COMMIT_INTERVAL;
    assert_eq!(bench.committed_at(now), [10, 20]);

    bench.poll();
    now += defaults::COMMIT_INTERVAL;
    assert_eq!(bench.committed_at(now), [10, 20], "there is nothing new");
    bench.read(20..30);
    bench.deliver();
    assert_eq!(bench.committed_at(now + instant), [10, 20, 30], "nor has anything been committed for long");
}

#[test]
fn a_commit_that_was_not_taken_is_asked_for_again_at_once() {
    let mut bench = bench(&MemorySink::new(1, |_, _| Attempt::Delivered), 1 << 24, LONG);
    let (now, instant) = (Instant::now(), Duration::from_millis(1));
    bench.read(0..10);
    bench.deliver();
    lock(&bench.broker).busy = true;
    assert_eq!(bench.committed_at(now), [] as [i64; 0]);
    lock(&bench.broker).busy = false;
    assert_eq!(bench.committed_at(now + instant), [10]);
}

#[test]
fn where_reading_began_is_committed_after_an_interval_and_does_not_hold_up_progress() {
    for progress in [false, true] {
        let mut bench = bench(&MemorySink::new(1, |_, _| Attempt::Delivered), 1 << 24, LONG);
        let (now, instant) = (Instant::now(), Duration::from_millis(1));
        bench.read(0..10);
        assert_eq!(bench.committed_at(now), [] as [i64; 0]);
        assert_eq!(bench.committed_at(now + defaults::COMMIT_INTERVAL - instant), [] as [i64; 0]);
        if progress {
            bench.deliver();
            assert_eq!(bench.committed_at(now + defaults::COMMIT_INTERVAL - instant), [10]);
        } else {
            assert_eq!(bench.committed_at(now + defaults::COMMIT_INTERVAL), [0]);
            bench.deliver();
        }
    }
}

#[test]
fn reading_waits_as_long_as_nothing_is_due() {
    let mut bench = bench(&MemorySink::new(1, |_, _| Attempt::Delivered), 1 << 24, LONG);
    let (now, max_age) = (Instant::now(), bench.conductor.max_age);
    bench.conductor.last_shipped = now;
    assert_eq!(bench.conductor.patience(now), defaults::POLL_WAIT, "nothing is read yet");
    lock(&bench.broker).script.push_back(Step::Records(0..1));
    bench.poll();
    assert_eq!(bench.conductor.patience(now), max_age, "until the batch is due");
    assert_eq!(bench.conductor.patience(now + max_age), BUSY_WAIT, "it is due and cannot leave");
    bench.conductor.max_age = defaults::POLL_WAIT * 2;
    assert_eq!(bench.conductor.patience(now), defaults::POLL_WAIT, "settlements must be seen");
    bench.conductor.max_age = BUSY_WAIT / 2;
    assert_eq!(bench.conductor.patience(now + BUSY_WAIT), BUSY_WAIT / 2);

    bench.conductor.max_age = max_age;
    bench.conductor.lane_ready.store(true, Ordering::Relaxed);
    bench.conductor.close_batches_if_due(now + max_age - Duration::from_millis(1));
    assert!(bench.conductor.intake.outbox.is_empty(), "too early");
    bench.conductor.lane_ready.store(false, Ordering::Relaxed);
    bench.conductor.close_batches_if_due(now + max_age);
    assert!(bench.conductor.intake.outbox.is_empty(), "the lane is busy");
    bench.conductor.lane_ready.store(true, Ordering::Relaxed);
    bench.conductor.close_batches_if_due(now + max_age);
    assert_eq!(bench.conductor.intake.outbox.len(), 1);
    bench.deliver();
}

#[test]
fn reading_pauses_when_there_was_no_room_for_a_while_and_resumes_when_there_is_ample_room() {
    let mut bench = bench(&MemorySink::new(1, |_, _| Attempt::Delivered), 1_000, LONG);
    let now = Instant::now();
    let conductor = &mut bench.conductor;
    assert!(conductor.has_room());
    let held = conductor.budget.hold(1_000);
    assert!(!conductor.has_room());
    conductor.wait_for_room(now).expect("well");
    assert!(now.elapsed() >= defaults::POLL_WAIT, "it does wait");
    conductor.wait_for_room(now + defaults::PAUSE_AFTER - Duration::from_millis(1)).expect("well");
    assert_eq!(lock(&bench.broker).paused, 0);
    conductor.wait_for_room(now + defaults::PAUSE_AFTER).expect("well");
    assert_eq!((lock(&bench.broker).paused, conductor.paused), (1, true));
    conductor.wait_for_room(now + defaults::PAUSE_AFTER * 2).expect("well");
    assert_eq!(lock(&bench.broker).paused, 1, "once");

    let less = conductor.budget.hold(501);
    drop(held);
    assert!(!conductor.has_room(), "resuming waits for ample room");
    drop(less);
    assert!(conductor.has_room());
    conductor.read(now).expect("well");
    assert_eq!((lock(&bench.broker).resumed, conductor.paused, conductor.blocked_since), (1, false, None));
    conductor.read(now).expect("well");
    assert_eq!(lock(&bench.broker).resumed, 1, "once");
}

#[test]
fn a_ledger_full_of_runs_and_a_waiting_batch_stop_reading_too() {
    let mut bench = bench(&MemorySink::new(1, |_, _| Attempt::Delivered), 1 << 24, LONG);
    let half = i64::try_from(defaults::TRACKED_RUNS_MAX / 2).expect("few");
    bench.read(0..1);
    assert!(!bench.conductor.has_room(), "a batch waits for the lane");
    bench.deliver();
    assert!(bench.conductor.has_room());
    let ledger = &mut bench.conductor.intake.ledger;
    let mut runs = Vec::new();
    for offset in 1..=half * 2 {
        let run = ledger.track(SLOT, Offset::new(offset), None).expect("assigned");
        ledger.seal(run);
        runs.push(run);
    }
    assert!(!bench.conductor.has_room());
    let delivered = |run| Settlement { run, records: 1, outcome: Outcome::Delivered };
    bench.conductor.intake.ledger.settle(delivered(runs[0]));
    assert!(bench.conductor.has_room());
    bench.conductor.paused = true;
    assert!(!bench.conductor.has_room(), "resuming waits until half is free");
    for run in &runs[1..runs.len() / 2] {
        assert!(!bench.conductor.has_room());
        bench.conductor.intake.ledger.settle(delivered(*run));
    }
    assert!(bench.conductor.has_room());
}

#[test]
fn the_picture_of_the_partitions_is_whole_and_renewed_from_time_to_time() {
    let mut bench = bench(&MemorySink::new(1, |_, _| Attempt::Delivered), 1 << 24, LONG);
    bench.read(5..10);
    bench.deliver();
    bench.read(10..12);
    bench.conductor.report(true);
    let picture = lock(&bench.pictures).last().cloned().expect("a picture");
    let [PartitionProgress { place, committed, watermark, next, oldest_open_ms }] = &picture[..] else {
        panic!("one partition: {picture:?}")
    };
    assert_eq!((place.topic.as_str(), place.partition.get(), *committed), ("audit", 0, None));
    assert_eq!((watermark.get(), next.get(), *oldest_open_ms), (10, 12, Some(10)));
    assert_eq!(*lock(&bench.totals), (bench.conductor.intake.ledger.totals(), bench.conductor.budget.used()));
    assert!(lock(&bench.totals).1 > 0);

    lock(&bench.pictures).clear();
    bench.conductor.next_report = Instant::now() + LONG;
    bench.conductor.report(false);
    assert_eq!(lock(&bench.pictures).len(), 0, "not yet");
    bench.conductor.next_report = Instant::now();
    bench.conductor.report(false);
    bench.conductor.report(false);
    assert_eq!(lock(&bench.pictures).len(), 1);
    bench.deliver();
}

#[test]
fn giving_up_says_what_was_left_and_whether_the_commit_failed() {
    let mut bench = bench(&MemorySink::new(1, |_, _| Attempt::Delivered), 1 << 24, Duration::ZERO);
    bench.read(0..3);
    bench.deliver();
    let run = bench.conductor.intake.ledger.track(SLOT, Offset::new(3), None).expect("assigned");
    bench.conductor.intake.ledger.seal(run);
    lock(&bench.broker).refuse_commits = 1;
    bench.conductor.give_up(&Revocation { slots: vec![SLOT], lost: false });
    assert_eq!(lock(&bench.log)[1..], ["commit failed", "revoked 1, lost false, unsettled 1"]);
    assert_eq!(bench.conductor.intake.ledger.slots().count(), 0);
}

#[test]
fn a_drain_waits_for_settlements_without_spinning_and_ends_with_the_last() {
    let mut bench = bench(&MemorySink::new(1, |_, _| retry()), 1 << 24, defaults::POLL_WAIT * 4);
    bench.read(0..3);
    let began = Instant::now();
    bench.conductor.drain(&[SLOT]);
    assert!(began.elapsed() >= defaults::POLL_WAIT * 4, "the deadline");
    assert!(*lock(&bench.published) <= 8, "it looked {} times", lock(&bench.published));

    bench.conductor.drain_deadline = LONG;
    bench.conductor.drain(&[Slot::new(7)]);
    bench.conductor.mail.recall.recall([(SLOT, bench.conductor.intake.ledger.epoch(SLOT).expect("assigned"))]);
    bench.conductor.drain(&[SLOT]);
    assert_eq!(bench.conductor.intake.ledger.totals().released, 3);
    assert!(began.elapsed() < LONG, "each ended when nothing was in flight");
}

#[test]
fn a_final_commit_is_noted_and_concerns_only_what_is_given_up() {
    let mut bench = bench(&MemorySink::new(1, |_, _| Attempt::Delivered), 1 << 24, LONG);
    bench.read(0..3);
    bench.deliver();
    bench.conductor.commit_now(&[Slot::new(7)]);
    assert_eq!(lock(&bench.broker).committed, [] as [i64; 0]);
    bench.conductor.commit_now(&[SLOT]);
    assert_eq!(lock(&bench.broker).committed, [3]);
    assert_eq!(bench.conductor.intake.ledger.committed_position(SLOT).map(ResumeAt::get), Some(3));
    assert_eq!(lock(&bench.log)[..], ["assigned"]);
}

#[test]
fn what_a_lane_that_is_gone_would_have_carried_is_given_back() {
    let mut bench = bench(&MemorySink::new(1, |_, _| Attempt::Delivered), 1 << 24, LONG);
    bench.read(0..3);
    bench.runtime.shutdown_background();
    let deadline = Instant::now() + LONG;
    while !bench.conductor.shipments.is_closed() {
        assert!(Instant::now() < deadline, "the lane does not end");
        std::thread::park_timeout(Duration::from_millis(2));
    }
    bench.conductor.flush_outbox();
    bench.conductor.take_settlements();
    assert_eq!(bench.conductor.intake.ledger.totals().released, 3);
    assert_eq!(bench.conductor.intake.ledger.open_records(SLOT), 0);
}
