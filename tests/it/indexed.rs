//! `delivery: indexed`: nothing counts before the indexers have confirmed it.

use std::time::Duration;

use crate::support::far_side::{CommitWatch, FarSide, Ferry};
use crate::support::kafka::{Kafka, fresh_name};
use crate::support::samples::Numbered;
use crate::support::waiting::wait_until;

const LIMIT: Duration = Duration::from_secs(60);
const EVENTS: u64 = 5_000;
const SINK: &str = "delivery: indexed, ack_poll_interval: 200ms";

/// Queries for acknowledgements among the last requests.
fn ack_queries(far: &FarSide) -> usize {
    far.hec().requests().iter().filter(|head| head.path.ends_with("/ack")).count()
}

/// Waits until acknowledgements were asked for so often that a commit would have come meanwhile.
#[track_caller]
fn wait_for_queries(far: &FarSide) {
    let (before, began) = (ack_queries(far), std::time::Instant::now());
    wait_until(LIMIT, "acknowledgements are asked for in vain", || {
        ack_queries(far) > before + 3 && began.elapsed() > Duration::from_millis(2_500)
    });
}

/// Goal: accepted is not delivered. Method: everything arrives while acknowledgements are withheld, then they are released.
#[test]
fn nothing_is_committed_before_it_is_acknowledged() {
    let kafka = Kafka::shared();
    let (topic, group, far) = (kafka.topic("indexed", 3), fresh_name("group"), FarSide::with_acknowledgement());
    let (ferry, events) = (Ferry { sink: SINK, ..Ferry::new(kafka, &topic, &group, &far) }, Numbered::new());
    far.hec().withhold_acks(true);
    kafka.produce(&topic, EVENTS, |n| events.event(n), |n| (n % 3) as i32);
    let mut running = ferry.start();
    far.wait_for_events(LIMIT, EVENTS);
    wait_for_queries(&far);
    assert_eq!(kafka.committed(&group, &topic).into_iter().flatten().max().unwrap_or(0), 0, "beyond the start");

    far.hec().withhold_acks(false);
    ferry.wait_until_all_is_across(LIMIT);
    running.terminate();
    assert_eq!(running.wait(LIMIT), 0);
    assert_eq!(far.hec().count().duplicates, 0);
    running.assert_no_complaint_but(&[]);
}

/// Goal: a stop waits for acknowledgements that come in time. Method: SIGTERM while all of them are two seconds away.
#[test]
fn a_stop_waits_for_acknowledgements_that_come_in_time() {
    let kafka = Kafka::shared();
    let (topic, group, far) = (kafka.topic("indexed", 3), fresh_name("group"), FarSide::with_acknowledgement());
    let (ferry, events) = (Ferry { sink: SINK, ..Ferry::new(kafka, &topic, &group, &far) }, Numbered::new());
    far.hec().set_ack_latency(Duration::from_secs(2));
    kafka.produce(&topic, EVENTS, |n| events.event(n), |n| (n % 3) as i32);
    let mut running = ferry.start();
    far.wait_for_events(LIMIT, EVENTS);
    running.terminate();
    assert_eq!(running.wait(LIMIT), 0);
    assert_eq!(ferry.lag(), 0);
    assert_eq!(far.hec().count().duplicates, 0);
}

/// Goal: a stop does not wait for ever, and commits nothing unproven. Method: SIGTERM while acknowledgements are withheld;
/// the next process sends everything again.
#[test]
fn a_stop_gives_up_acknowledgements_that_do_not_come_and_commits_none_of_it() {
    let kafka = Kafka::shared();
    let (topic, group, far) = (kafka.topic("indexed", 3), fresh_name("group"), FarSide::with_acknowledgement());
    let ferry = Ferry { sink: SINK, pipeline: "drain_deadline: 2s", ..Ferry::new(kafka, &topic, &group, &far) };
    let (events, watch) = (Numbered::new(), CommitWatch::start(&ferry));
    far.hec().withhold_acks(true);
    kafka.produce(&topic, EVENTS, |n| events.event(n), |n| (n % 3) as i32);
    let mut running = ferry.start();
    far.wait_for_events(LIMIT, EVENTS);
    running.terminate();
    assert_eq!(running.wait(Duration::from_secs(10)), 0);
    assert_eq!(kafka.committed(&group, &topic).into_iter().flatten().max().unwrap_or(0), 0, "beyond the start");

    far.hec().withhold_acks(false);
    let _next = ferry.start();
    ferry.wait_until_all_is_across(LIMIT);
    let arrived = far.hec().count();
    assert_eq!((arrived.distinct, arrived.duplicates), (EVENTS, EVENTS));
    watch.assert_kept_the_rules();
}
