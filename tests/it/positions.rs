//! Positions that no record leads to: holes left by transactions, records that expired unread.

use std::time::{Duration, Instant};

use auditferry::demo::hec::{HecOptions, Spell};

use crate::support::far_side::{FarSide, Ferry};
use crate::support::kafka::{Kafka, TransactionEnd, fresh_name};
use crate::support::process::Running;
use crate::support::samples::{Census, Numbered, number_of};
use crate::support::waiting::{wait_for, wait_until};

const LIMIT: Duration = Duration::from_secs(60);
const GAP: &str = "records were gone before they could be read";

/// Goal: lag really reaches 0 although the last offsets are markers and aborted records. Method: transactions of both ends,
/// before and while the program reads; one partition holds nothing but an aborted transaction.
#[test]
fn the_commit_passes_transaction_markers_at_the_end_of_a_partition() {
    let kafka = Kafka::shared();
    let (topic, group, far) = (kafka.topic("holes", 3), fresh_name("group"), FarSide::start());
    let ferry = Ferry::new(kafka, &topic, &group, &far);
    let payload = |n: u32| format!(r#"{{"n":{n}}}"#);
    kafka.produce_transaction(&topic, 0, TransactionEnd::Commit, (0..50).map(payload));
    kafka.produce_transaction(&topic, 0, TransactionEnd::Abort, (0..20).map(payload));
    kafka.produce_transaction(&topic, 1, TransactionEnd::Abort, (0..20).map(payload));

    let began = Instant::now();
    let running = ferry.start();
    wait_until(LIMIT, "the markers are passed", || kafka.committed(&group, &topic)[..2] == [Some(72), Some(21)]);
    assert_eq!(far.hec().count().events, 50);
    println!("past the markers after {:?}", began.elapsed());

    kafka.produce_transaction(&topic, 0, TransactionEnd::Commit, (0..5).map(payload));
    kafka.produce_transaction(&topic, 1, TransactionEnd::Commit, (0..5).map(payload));
    kafka.produce_transaction(&topic, 2, TransactionEnd::Abort, (0..5).map(payload));
    wait_until(LIMIT, "the group has no lag again", || ferry.lag() == 0);
    let arrived = far.hec().count();
    assert_eq!((arrived.events, arrived.distinct), (60, 60));
    running.assert_no_complaint_but(&[]);
}

/// The log line that reports the first gap: `(expected, resumed, records)`.
fn gap_of(running: &Running) -> (i64, i64, i64) {
    let line = wait_for(LIMIT, "the gap is reported", || {
        running.log().into_iter().find(|line| line.to_string().contains(GAP))
    });
    assert_eq!(line["level"], "ERROR", "{line}");
    // The fields lie beside the message or below it, as the log's format wants.
    let field = |name: &str| line.get(name).or_else(|| line["fields"].get(name)).cloned().unwrap_or_default();
    let number = |name: &str| field(name).as_str().map_or(field(name).as_i64(), |text| text.parse().ok());
    let number = |name: &str| number(name).unwrap_or_else(|| panic!("no {name} in {line}"));
    let is_time = |name: &str| field(name).as_str().is_some_and(|text| text.contains('T'));
    assert!(is_time("from_time"), "no from_time in {line}");
    // A topic that was just created may hold nothing yet that could date the end of the gap.
    assert!(is_time("to_time") || field("kind") == "beyond_end", "no to_time in {line}");
    (number("expected_offset"), number("resumed_offset"), number("records"))
}

/// Goal: what expired while nobody read is reported, and the rest arrives. Method: records are deleted past the committed
/// offset while the program is stopped.
#[test]
fn records_that_expire_while_it_is_stopped_are_reported_as_a_gap() {
    let kafka = Kafka::shared();
    let (topic, group, far) = (kafka.topic("expired", 1), fresh_name("group"), FarSide::start());
    let (ferry, events) = (Ferry::new(kafka, &topic, &group, &far), Numbered::new());
    kafka.produce(&topic, 1_000, |n| events.event(n), |_| 0);
    let mut first = ferry.start();
    ferry.wait_until_all_is_across(LIMIT);
    first.terminate();
    assert_eq!(first.wait(LIMIT), 0);

    kafka.produce(&topic, 1_000, |n| events.event(n), |_| 0);
    kafka.delete_records(&topic, 0, 1_500);
    let second = ferry.start();
    assert_eq!(gap_of(&second), (1_000, 1_500, 500));
    second.wait_for_metric(LIMIT, "auditferry_gap_records_total", &[], |records| records == 500.0);
    wait_until(LIMIT, "the group has no lag", || ferry.lag() == 0);
    assert_eq!(far.hec().missing(&topic, 0, 0..2_000), (1_000..1_500).collect::<Vec<i64>>());
    assert_eq!(far.hec().count().duplicates, 0);
}

/// Goal: the same when they expire under a program that cannot read on. Method: the sink is busy and little may be held, so
/// reading pauses; then records beyond its position are deleted, then the sink accepts again.
#[test]
fn records_that_expire_while_it_is_held_back_are_reported_as_a_gap() {
    let kafka = Kafka::shared();
    let (topic, group, far) = (kafka.topic("expired", 1), fresh_name("group"), FarSide::start());
    let ferry = Ferry {
        pipeline: "in_flight_bytes: 1 MiB, batch: {max_bytes: 256 KiB}",
        ..Ferry::new(kafka, &topic, &group, &far)
    };
    let events = Numbered::new();
    far.refuse(503, 9, Spell::UntilCleared);
    kafka.produce(&topic, 20_000, |n| events.event(n), |_| 0);
    let running = ferry.start();
    wait_until(LIMIT, "it has tried for longer than it reads on", || far.hec().requests().len() >= 5);
    kafka.delete_records(&topic, 0, 15_000);
    far.accept();

    let (expected, resumed, records) = gap_of(&running);
    println!("gap from {expected} to {resumed}");
    assert_eq!((resumed, records), (15_000, 15_000 - expected));
    running.wait_for_metric(LIMIT, "auditferry_gap_records_total", &[], |counted| counted == records as f64);
    wait_until(LIMIT, "the group has no lag", || ferry.lag() == 0);
    assert_eq!(far.hec().missing(&topic, 0, 0..20_000), (expected..resumed).collect::<Vec<i64>>());
    assert_eq!(far.hec().count().duplicates, 0);
}

/// Goal: a topic that is deleted and created again under the program is read from its beginning, and that the old position
/// is gone is reported. Method: as said, with fewer records in the new topic than were read from the old one; the events are
/// numbered, because both topics have the same positions.
#[test]
fn a_topic_that_is_recreated_under_the_program_is_read_from_its_beginning() {
    let (kafka, far) = (Kafka::shared(), FarSide::with(HecOptions { keep_texts: 10_000, ..HecOptions::default() }));
    let (topic, group, events) = (kafka.topic("recreated", 1), fresh_name("group"), Numbered::new());
    let ferry = Ferry::new(kafka, &topic, &group, &far);
    kafka.produce(&topic, 1_000, |n| events.event(n), |_| 0);
    let running = ferry.start();
    ferry.wait_until_all_is_across(LIMIT);

    kafka.delete_topic(&topic);
    kafka.create_topic(&topic, 1, &[]);
    kafka.produce(&topic, 400, |n| events.event(1_000 + n), |_| 0);
    assert_eq!(gap_of(&running), (1_000, 0, 0));
    wait_until(LIMIT, "the new topic is delivered", || far.hec().count().events >= 1_400);
    wait_until(LIMIT, "the position counts from the beginning again", || {
        kafka.committed(&group, &topic) == [Some(400)]
    });

    // What comes later is read as ever.
    kafka.produce(&topic, 100, |n| events.event(1_400 + n), |_| 0);
    wait_until(LIMIT, "the group has no lag", || ferry.lag() == 0);
    let census = Census::of(1_500, far.hec().texts().iter().filter_map(|text| number_of(text.as_bytes())));
    assert_eq!((census.missing(), census.repeated(), census.unknown), (Vec::new(), 0, 0));
}
