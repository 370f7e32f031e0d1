//! The archive sink against stores that answer late, twice, wrongly or not at all.

#![allow(
    clippy::wildcard_enum_match_arm,
    clippy::disallowed_methods,
    reason = "what was not expected is the report; the environment says how much is tried"
)]

mod bench;
mod fencing;
mod keeping;
mod opening;
mod proving;
mod tampering;

use super::writer;
use crate::archive::link::{Body, Gap, Why};
use crate::archive::verify::{Code, Depth};
use crate::delivery::attempt::Attempt;
use crate::position::{PartitionId, ResumeAt, TopicName};
use crate::reason::Reason;
use crate::sink::{Missing, Sink};
use bench::{Bench, Fault, parcel};

fn is_delivered(attempt: &Attempt) -> bool {
    matches!(attempt, Attempt::Delivered)
}

#[tokio::test]
async fn a_chain_grows_segment_by_segment_and_proves_itself() {
    let bench = Bench::new();
    let archive = bench.archive();
    assert_eq!(bench.take_over(&archive).await, Ok(None), "a new archive knows nothing");
    for offsets in [5..10, 10..11, 11..40] {
        assert!(is_delivered(&archive.attempt(0, parcel(offsets)).await));
    }
    let again = bench.archive();
    assert_eq!(bench.take_over(&again).await, Ok(Some(40)));
    let report = bench.verify(Depth::Records).await;
    assert_eq!(report.findings, []);
    let partition = &report.partitions[0];
    assert_eq!((partition.first, partition.next, partition.stored), (Some(5), Some(40), 35));
    assert_eq!((partition.links, partition.takeovers, partition.segments_read), (5, 2, 3));
}

#[tokio::test]
async fn a_retry_after_an_answer_that_was_lost_writes_nothing_twice() {
    for fault in [Fault::Applied, Fault::AppliedAndTimedOut] {
        for write in 0..2 {
            let bench = Bench::new();
            let archive = bench.archive();
            bench.take_over(&archive).await.unwrap();
            bench.fail_write(write, fault);
            let first = archive.attempt(0, parcel(0..5)).await;
            let delivered = is_delivered(&first) || is_delivered(&archive.attempt(0, parcel(0..5)).await);
            assert!(delivered, "{fault:?} at write {write}");
            assert!(is_delivered(&archive.attempt(0, parcel(5..6)).await));
            let report = bench.verify(Depth::Records).await;
            assert_eq!(report.findings, [], "{fault:?} at write {write}");
            assert_eq!((report.partitions[0].stored, report.partitions[0].links), (6, 3));
        }
    }
}

#[tokio::test]
async fn what_was_not_written_is_not_delivered() {
    for (fault, reason) in [(Fault::Refused, Reason::ServerError), (Fault::Conflict, Reason::ServerError)] {
        for write in 0..2 {
            let bench = Bench::new();
            let archive = bench.archive();
            bench.take_over(&archive).await.unwrap();
            bench.fail_write(write, fault);
            match archive.attempt(0, parcel(0..5)).await {
                Attempt::Retry { failure, .. } => assert_eq!(failure.reason, reason, "{fault:?} at write {write}"),
                other => panic!("{fault:?} at write {write}: {}", bench::name_of(&other)),
            }
            assert!(is_delivered(&archive.attempt(0, parcel(0..5)).await));
            assert_eq!(bench.verify(Depth::Records).await.findings, []);
        }
    }
}

#[tokio::test]
async fn records_that_were_lost_are_told_of_in_the_chain() {
    let bench = Bench::new();
    let archive = bench.archive();
    bench.take_over(&archive).await.unwrap();
    assert!(is_delivered(&archive.attempt(0, parcel(0..5)).await));
    let topic = TopicName::new("t");
    let (from, to) = (ResumeAt::from_broker(5), ResumeAt::from_broker(100));
    archive.missed(&Missing { topic: &topic, partition: PartitionId::new(0), from, to });
    assert!(is_delivered(&archive.attempt(0, parcel(101..110)).await));
    let link = bench.link(2).await;
    let Body::Data(data) = link.body else { panic!("data") };
    let gap = |from, to, why| Gap { from, to, why };
    assert_eq!(data.gaps, [gap(5, 100, Why::Retention), gap(100, 101, Why::NoRecord)]);
    let report = bench.verify(Depth::Records).await;
    assert_eq!(report.findings.iter().map(|finding| finding.code).collect::<Vec<_>>(), [Code::GapLoss]);
    assert_eq!((report.partitions[0].lost, report.partitions[0].no_record), (95, 1));
}

#[tokio::test]
async fn a_topic_that_was_made_anew_is_not_mixed_with_the_old_one() {
    let bench = Bench::new();
    let archive = bench.archive();
    bench.take_over(&archive).await.unwrap();
    assert!(is_delivered(&archive.attempt(0, parcel(0..50)).await));
    match archive.attempt(0, parcel(3..60)).await {
        Attempt::Hold(failure) => {
            assert_eq!(failure.reason, Reason::ArchiveMismatch);
            assert!(failure.detail.contains("cluster_name"), "{failure}");
        }
        other => panic!("{}", bench::name_of(&other)),
    }
    assert!(is_delivered(&archive.attempt(0, parcel(3..50)).await), "what is archived is not written again");
}

#[test]
fn a_note_is_read_back() {
    let mut notes = Vec::new();
    let record = bench::record(7, "{}");
    writer::Note::of(&record).push(&mut notes);
    assert_eq!(notes.len(), 48);
}
