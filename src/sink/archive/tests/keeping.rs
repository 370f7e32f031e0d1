//! The hourly digests, with the clock moved.

use futures_util::TryStreamExt;
use jiff::Timestamp;

use super::bench::{Bench, Fault, parcel, task};
use super::is_delivered;
use crate::archive::digest::{self, Digest};
use crate::archive::key::testing::key;
use crate::archive::layout;
use crate::archive::note::Note;
use crate::archive::store::Listed;
use crate::archive::verify::{Code, Depth, verify};
use crate::sink::Sink;
use crate::sink::archive::Archive;
use crate::sink::archive::keeper::{hour_of, write_due};

fn after(begun: Timestamp, hours: i64, minutes: i64) -> Timestamp {
    Timestamp::from_second(hour_of(begun).as_second() + hours * 3600 + minutes * 60).unwrap()
}

async fn begun(archive: &Archive) -> Timestamp {
    archive.shared.open().await.unwrap().begun
}

async fn digests(bench: &Bench) -> Vec<Digest> {
    let listed: Vec<Listed> = bench.store.list(layout::DIGESTS, None).try_collect().await.unwrap();
    let mut names: Vec<String> = listed.into_iter().map(|listed| listed.name).collect();
    names.sort();
    let mut digests = Vec::new();
    for name in names {
        let note = Note::parse(&bench.raw(&name).await).unwrap();
        digests.push(digest::parse(note.text()).unwrap());
    }
    digests
}

#[tokio::test]
async fn every_hour_that_is_over_gets_one_digest_also_when_nothing_came_in() {
    let bench = Bench::new();
    let (archive, other) = (bench.archive(), bench.archive());
    bench.take_over(&archive).await.unwrap();
    assert!(is_delivered(&archive.attempt(0, parcel(0..5)).await));
    let begun = begun(&archive).await;
    write_due(&archive.shared, after(begun, 1, 0)).await.unwrap();
    assert_eq!(digests(&bench).await.len(), 0, "links may still be on their way");
    write_due(&archive.shared, after(begun, 1, 2)).await.unwrap();
    write_due(&other.shared, after(begun, 1, 3)).await.unwrap();
    assert!(is_delivered(&archive.attempt(0, parcel(5..9)).await));
    write_due(&other.shared, after(begun, 2, 2)).await.unwrap();
    let all = digests(&bench).await;
    let seen: Vec<_> = all.iter().map(|digest| (digest.chains[0].next, digest.late)).collect();
    assert_eq!(seen, [(Some(5), false), (Some(9), false)]);
    assert_eq!(bench.verify(Depth::Chain).await.findings, []);
}

#[tokio::test]
async fn hours_that_nobody_was_there_for_are_made_up_for_and_marked() {
    let bench = Bench::new();
    let archive = bench.archive();
    let begun = begun(&archive).await;
    write_due(&archive.shared, after(begun, 1, 2)).await.unwrap();
    write_due(&archive.shared, after(begun, 5, 2)).await.unwrap();
    let late: Vec<bool> = digests(&bench).await.iter().map(|digest| digest.late).collect();
    assert_eq!(late, [false, true, true, true, false]);
    let report = bench.verify(Depth::Chain).await;
    let codes: Vec<Code> = report.findings.iter().map(|finding| finding.code).collect();
    assert_eq!((report.digests, codes), (5, vec![Code::DigestLate; 3]));
}

#[tokio::test]
async fn a_digest_whose_answer_was_lost_is_not_written_twice() {
    let bench = Bench::new();
    let archive = bench.archive();
    let begun = begun(&archive).await;
    bench.fail_write(0, Fault::AppliedAndTimedOut);
    write_due(&archive.shared, after(begun, 1, 2)).await.unwrap();
    bench.fail_write(0, Fault::Refused);
    assert!(write_due(&archive.shared, after(begun, 2, 2)).await.is_err(), "it is told, and tried again");
    write_due(&archive.shared, after(begun, 2, 2)).await.unwrap();
    assert_eq!(digests(&bench).await.len(), 2);
    assert_eq!(bench.verify(Depth::Chain).await.findings, []);
}

#[tokio::test]
async fn who_kept_a_digest_notices_that_the_end_of_a_chain_was_taken_away() {
    let bench = Bench::new();
    let archive = bench.archive();
    bench.take_over(&archive).await.unwrap();
    assert!(is_delivered(&archive.attempt(0, parcel(0..5)).await));
    let begun = begun(&archive).await;
    write_due(&archive.shared, after(begun, 1, 2)).await.unwrap();
    let name = layout::digest(hour_of(begun));
    let kept = bench.raw(&name).await.to_vec();
    let gone = [name, super::bench::log().link(0, 1)];
    for name in gone {
        object_store::ObjectStoreExt::delete(&*bench.inner, &object_store::path::Path::from(name)).await.unwrap();
    }
    let report = bench.verify(Depth::Bytes).await;
    assert!(report.findings.iter().all(|finding| finding.code == Code::OrphanSegment), "nothing else is left to tell");
    let mut task = task(vec![key("acme", 1).public().clone()], Depth::Bytes);
    task.anchors.push(kept);
    let report = verify(&bench.store, &task, &|_, _| {}).await.unwrap();
    assert!(report.findings.iter().any(|finding| finding.code == Code::HeadRollback), "{:?}", report.findings);
}
