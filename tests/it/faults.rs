//! What goes wrong around the program, met with the whole of it: the log names the cause and the remedy, `/statusz` shows it,
//! nothing is committed that was not delivered, and when the cause is mended delivery goes on by itself.
//!
//! Crashes, stops, rebalances and outages under load have tests of their own.

use crate::support::ferry::{Ferry, Setup, wait_for_commit};
use crate::support::kafka::Kafka;
use crate::support::samples;

mod collector;
mod isolation;
mod kafka;
mod letters;

/// A topic of one partition with `count` events in it.
fn topic_with_events(kafka: &Kafka, name: &str, count: u64) -> String {
    let topic = kafka.topic(name, 1);
    let events = samples::events();
    kafka.produce(&topic, count, |n| events[n as usize % events.len()], |_| 0);
    topic
}

/// The group has no position, or the first one, where it began.
#[track_caller]
fn assert_nothing_committed(kafka: &Kafka, setup: &Setup, topic: &str) {
    let committed = kafka.committed(setup.group(), topic);
    assert!(matches!(committed[..], [None | Some(0)]), "a position was committed: {committed:?}");
}

/// The cause is mended: everything arrives and is committed, and the run ends in good order.
#[track_caller]
fn assert_heals(kafka: &Kafka, setup: &Setup, topic: &str, ferry: Ferry) {
    wait_for_commit(kafka, setup.group(), topic, &[Some(kafka.end_offsets(topic)[0])]);
    ferry.stop();
}
