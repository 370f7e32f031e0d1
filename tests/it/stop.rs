//! Graceful stops.

use std::time::{Duration, Instant};

use fastrand::Rng;

use crate::support::far_side::{CommitWatch, FarSide, Ferry, heavy_turn, side_by_side};
use crate::support::kafka::{Kafka, fresh_name};
use crate::support::samples::Numbered;
use crate::support::waiting::wait_until;

const LIMIT: Duration = Duration::from_secs(60);
const STOPS: u32 = 30;
/// Pipelines that are stopped beside each other, each a process with a topic, a group and a far side of its own.
const PIPELINES: u32 = 3;
const PARTITIONS: i32 = 6;
/// Events a second for each pipeline, all the time.
const LOAD: u32 = 1_000;
const DRAIN_DEADLINE: Duration = Duration::from_secs(10);

/// Goal: a stop loses nothing, repeats nothing and does not take long. Method: SIGTERM at random moments under load, with a
/// far side slow enough that requests are under way; after each stop what has arrived is exactly what is committed.
#[test]
fn thirty_stops_under_load_lose_nothing_and_repeat_nothing() {
    const { assert!(STOPS.is_multiple_of(PIPELINES)) };
    let _turn = heavy_turn();
    side_by_side(PIPELINES, |rng| stop_again_and_again(STOPS / PIPELINES, rng));
}

fn stop_again_and_again(stops: u32, mut rng: Rng) {
    let kafka = Kafka::shared();
    let (topic, group, far) = (kafka.topic("stop", PARTITIONS), fresh_name("group"), FarSide::start());
    far.hec().set_latency(Duration::from_millis(50));
    let ferry = Ferry::new(kafka, &topic, &group, &far);
    let (events, watch) = (Numbered::new(), CommitWatch::start(&ferry));
    let load = kafka.load(&topic, LOAD, move |n| events.event(n));

    let (began, mut longest) = (Instant::now(), Duration::ZERO);
    for stop in 0..stops {
        let goal = far.hec().count().distinct + rng.u64(1..1_000);
        let mut running = ferry.start();
        far.wait_for_events(LIMIT, goal);
        let moment = Instant::now() + Duration::from_millis(rng.u64(0..150));
        wait_until(LIMIT, "the moment of the stop", || Instant::now() >= moment);
        running.terminate();
        let told = Instant::now();
        assert_eq!(running.wait(LIMIT), 0, "stop {stop}");
        longest = longest.max(told.elapsed());
        assert!(told.elapsed() <= DRAIN_DEADLINE, "stop {stop} took {:?}", told.elapsed());

        running.assert_no_complaint_but(&[]);
        let beyond = far.arrived_from(kafka, &topic, &kafka.committed(&group, &topic));
        assert_eq!(beyond, 0, "stop {stop}: arrived and not committed");
        assert_eq!(far.hec().count().duplicates, 0, "stop {stop}");
    }
    println!("{stops} stops in {:?}, the longest took {longest:?}", began.elapsed());

    let sent = load.stop();
    let _running = ferry.start();
    ferry.wait_until_all_is_across(LIMIT);
    let arrived = far.hec().count();
    assert_eq!((arrived.distinct, arrived.duplicates), (sent, 0));
    watch.assert_kept_the_rules();
}
