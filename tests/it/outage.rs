//! Outages of the sink: it is gone, it is busy, it refuses the token.

use std::time::{Duration, Instant};

use auditferry::demo::hec::{Fault, Route, Spell};

use crate::support::far_side::{CommitWatch, FarSide, Ferry, assert_nothing_is_unaccounted_for, heavy_turn};
use crate::support::kafka::{Kafka, fresh_name};
use crate::support::process::Running;
use crate::support::samples::Numbered;
use crate::support::waiting::{wait_for, wait_until};

const LIMIT: Duration = Duration::from_secs(90);
const PARTITIONS: i32 = 6;
/// Events a second: 100 MB in a minute, more than the pipeline may hold.
const LOAD: u32 = 1_800;
const RESIDENT_MAX: u64 = 256 * 1024 * 1024;
/// `in_flight_bytes` by default, which one batch may pass with what is kept about its events.
const HELD_MAX: f64 = (64 + 4) as f64 * 1024.0 * 1024.0;

/// Looks at a running program until `until` has passed: it must live, stay small, and account for every record.
fn watch_it(running: &mut Running, until: Duration) -> u64 {
    let (began, mut largest, mut scrapes) = (Instant::now(), 0, 0);
    wait_until(until + LIMIT, "the time is over", || {
        assert_eq!(running.ended(), None, "it ended:\n{}", running.stderr());
        if let Some(metrics) = running.metrics() {
            scrapes += u32::from(assert_nothing_is_unaccounted_for(&metrics));
            let held = metrics.sum("auditferry_in_flight_bytes", &[]);
            assert!(held <= HELD_MAX, "{held} bytes are held");
        }
        largest = largest.max(running.resident_bytes());
        began.elapsed() >= until
    });
    assert!(scrapes > 0, "no scrape had anything to account for");
    largest
}

fn rebalances(running: &Running) -> f64 {
    running.metrics().map_or(0.0, |metrics| metrics.sum("auditferry_rebalances_total", &[]))
}

/// Goal: an outage of the sink costs bounded memory and not the membership, and loses nothing. Method: connections are
/// refused for half of a minute, then answered with 503, under a load larger than the pipeline may hold.
#[test]
fn a_minute_without_the_sink_costs_bounded_memory_and_loses_nothing() {
    let _turn = heavy_turn();
    let kafka = Kafka::shared();
    let (topic, group, far) = (kafka.topic("outage", PARTITIONS), fresh_name("group"), FarSide::start());
    let ferry = Ferry::new(kafka, &topic, &group, &far);
    let (events, watch) = (Numbered::new(), CommitWatch::start(&ferry));
    let load = kafka.load(&topic, LOAD, move |n| events.event(n));
    let mut running = ferry.start();
    far.wait_for_events(LIMIT, 2_000);
    assert_eq!(rebalances(&running), 1.0, "one assignment");

    far.go_away();
    let refused = watch_it(&mut running, Duration::from_secs(30));
    far.refuse(503, 9, Spell::UntilCleared);
    far.come_back();
    let busy = watch_it(&mut running, Duration::from_secs(30));
    let resident = refused.max(busy);
    println!("resident: {} MiB at most", resident / 1024 / 1024);
    assert!(resident <= RESIDENT_MAX, "{resident} bytes");
    assert_eq!(rebalances(&running), 1.0, "the membership was kept");

    let mended = Instant::now();
    far.accept();
    let sent = load.stop();
    ferry.wait_until_all_is_across(LIMIT);
    println!("{sent} events across {:?} after the outage", mended.elapsed());
    assert_eq!(far.hec().count().distinct, sent);
    assert_eq!(rebalances(&running), 1.0);
    watch.assert_kept_the_rules();
}

/// Goal: a wrong token consumes nothing, and delivery resumes without help. Method: ten seconds of 401 under load.
#[test]
fn ten_seconds_of_401_consume_nothing_and_delivery_resumes_by_itself() {
    let _turn = heavy_turn();
    let kafka = Kafka::shared();
    let (topic, group, far) = (kafka.topic("unauthorised", PARTITIONS), fresh_name("group"), FarSide::start());
    let ferry = Ferry::new(kafka, &topic, &group, &far);
    let (events, watch) = (Numbered::new(), CommitWatch::start(&ferry));
    let load = kafka.load(&topic, LOAD, move |n| events.event(n));
    let mut running = ferry.start();
    far.wait_for_events(LIMIT, 2_000);

    far.refuse(401, 3, Spell::UntilCleared);
    // What was accepted just before may still be committed, by a commit that is due within a second.
    watch_it(&mut running, Duration::from_secs(3));
    let (arrived, committed) = (far.hec().count(), kafka.committed(&group, &topic));
    assert_eq!(far.arrived_from(kafka, &topic, &committed), 0, "what had arrived is committed");
    watch_it(&mut running, Duration::from_secs(7));
    assert_eq!(kafka.committed(&group, &topic), committed, "committed during the spell");
    assert_eq!(far.hec().count().events, arrived.events);

    far.accept();
    let mended = Instant::now();
    far.wait_for_events(LIMIT, arrived.distinct + 1);
    println!("resumed after {:?}", mended.elapsed());
    let sent = load.stop();
    ferry.wait_until_all_is_across(LIMIT);
    let arrived = far.hec().count();
    assert_eq!((arrived.distinct, arrived.duplicates), (sent, 0));
    watch.assert_kept_the_rules();
}

/// Goal: one batch that does not get through holds the commit, however many after it do. Method: the third request hangs and
/// comes to nothing, all others are answered; meanwhile the position is compared with what has arrived.
#[test]
fn a_batch_that_fails_holds_the_commit_while_later_ones_succeed() {
    let _turn = heavy_turn();
    let kafka = Kafka::shared();
    let (topic, group, far) = (kafka.topic("hole", 1), fresh_name("group"), FarSide::start());
    let mut ferry = Ferry::new(kafka, &topic, &group, &far);
    ferry.pipeline = "batch: {max_events: 100}, max_in_flight: 4";
    let (events, count) = (Numbered::new(), 5_000);
    kafka.produce(&topic, count, |n| events.event(n), |_| 0);
    for fault in [Fault::Pass, Fault::Pass, Fault::Hang(Duration::from_secs(8))] {
        far.hec().push(Route::Event, fault);
    }
    let running = ferry.start();
    let all = 0..i64::try_from(count).expect("few");
    let last = all.end - 1;
    let hole = wait_for(LIMIT, "all but one batch has arrived", || {
        let missing = far.hec().missing(&topic, 0, all.clone());
        missing.last().is_some_and(|missing| *missing < last).then_some(missing)
    });
    let first = hole[0];
    assert!(first > 0 && hole.len() <= 100, "one batch, and not the first: {hole:?}");
    wait_until(LIMIT, "what came before it is committed", || kafka.committed(&group, &topic) == [Some(first)]);
    assert_eq!(far.hec().missing(&topic, 0, all.clone()), hole, "and it still hangs");

    ferry.wait_until_all_is_across(LIMIT);
    let arrived = far.hec().count();
    assert_eq!((arrived.events, arrived.distinct), (count, count));
    running.assert_no_complaint_but(&["delivery fails and is tried again"]);
}
