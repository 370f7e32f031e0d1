//! Several who believe that a partition is theirs.

use super::bench::{Bench, Fault, name_of, parcel};
use super::is_delivered;
use crate::archive::verify::{Code, Depth};
use crate::delivery::attempt::Attempt;
use crate::reason::Reason;
use crate::sink::Sink;
use crate::sink::archive::Archive;

#[tokio::test]
async fn whoever_was_taken_over_from_writes_nothing_more() {
    let bench = Bench::new();
    let (former, present) = (bench.archive(), bench.archive());
    bench.take_over(&former).await.unwrap();
    assert!(is_delivered(&former.attempt(0, parcel(0..5)).await));
    assert_eq!(bench.take_over(&present).await, Ok(Some(5)));
    for _ in 0..2 {
        match former.attempt(0, parcel(5..20)).await {
            Attempt::Lost(failure) => assert_eq!(failure.reason, Reason::Fenced),
            other => panic!("{}", name_of(&other)),
        }
    }
    assert!(is_delivered(&present.attempt(0, parcel(5..8)).await));
    // Assigned to the first again: it takes over in its turn.
    assert_eq!(bench.take_over(&former).await, Ok(Some(8)));
    assert!(is_delivered(&former.attempt(0, parcel(8..9)).await));
    assert!(matches!(present.attempt(0, parcel(8..9)).await, Attempt::Lost(_)));
    let report = bench.verify(Depth::Records).await;
    assert_eq!(report.partitions[0].stored, 9);
    // What the fenced one had written already, nobody names.
    assert!(report.findings.iter().all(|finding| finding.code == Code::OrphanSegment), "{:?}", report.findings);
}

#[tokio::test]
async fn of_a_partition_that_was_not_taken_over_nothing_is_written() {
    let bench = Bench::new();
    assert!(matches!(bench.archive().attempt(0, parcel(0..5)).await, Attempt::Lost(_)));
}

/// Who believes that the partition is theirs, and how far they have read.
struct Owner {
    archive: Archive,
    /// `None`: has to take over first.
    next: Option<i64>,
}

/// One step of one owner: taking over, or archiving a few records.
async fn step(bench: &Bench, owner: &mut Owner, rng: &mut fastrand::Rng, archived: &mut i64) {
    let Some(next) = owner.next else {
        // The group's position is only a hint: nobody has to commit anything.
        owner.next = bench.take_over(&owner.archive).await.ok().map(|next| next.unwrap_or(0));
        return;
    };
    let end = next + rng.i64(1..6);
    match owner.archive.attempt(0, parcel(next..end)).await {
        Attempt::Delivered => {
            owner.next = Some(end);
            *archived = (*archived).max(end);
        }
        Attempt::Retry { .. } => {}
        Attempt::Lost(_) => owner.next = None,
        other => panic!("{}", name_of(&other)),
    }
}

/// Goal: whatever order several owners act in, whatever the store answers, and whenever one of them dies, the chain has no hole, no
/// repetition and no fork. Method: random schedules with a seed that is printed; verified to the last record after each.
#[tokio::test]
async fn no_schedule_forks_a_chain_or_leaves_a_hole_in_it() {
    let seed = std::env::var("SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or_else(|| fastrand::u64(..));
    let schedules: u64 = std::env::var("SCHEDULES").ok().and_then(|count| count.parse().ok()).unwrap_or(150);
    println!("SEED={seed} SCHEDULES={schedules}");
    let (mut fenced_chains, mut links) = (0, 0);
    for schedule in 0..schedules {
        let mut rng = fastrand::Rng::with_seed(seed.wrapping_add(schedule));
        let bench = Bench::new();
        let mut faults = rng.fork();
        bench.plan(move |_| match faults.u32(0..100) {
            0..4 => Some(Fault::Refused),
            4..7 => Some(Fault::Conflict),
            7..10 => Some(Fault::Applied),
            10..14 => Some(Fault::AppliedAndTimedOut),
            _ => None,
        });
        let mut owners: Vec<Owner> = (0..4).map(|_| Owner { archive: bench.archive(), next: None }).collect();
        let mut archived = 0;
        for _ in 0..60 {
            let at = rng.usize(0..owners.len());
            // Dies and comes again as another process, which knows nothing.
            if rng.u32(0..100) < 3 {
                owners[at] = Owner { archive: bench.archive(), next: None };
            }
            step(&bench, &mut owners[at], &mut rng, &mut archived).await;
        }
        bench.plan(|_| None);
        let report = bench.verify(Depth::Records).await;
        let grave: Vec<_> = report.findings.iter().filter(|finding| finding.code != Code::OrphanSegment).collect();
        assert!(grave.is_empty(), "schedule {schedule}: {grave:?}");
        let partition = report.partitions.first().cloned().unwrap_or_default();
        // An answer may have been lost, so there may be more than anybody knows of, and never less.
        let next = partition.next.unwrap_or(0);
        assert!(next >= archived, "schedule {schedule}: {archived} reported as delivered, {next} archived");
        assert_eq!(partition.stored, u64::try_from(next).unwrap(), "schedule {schedule}");
        (fenced_chains, links) = (fenced_chains + u64::from(partition.takeovers > 1), links + partition.links);
    }
    println!("{links} links, {fenced_chains} chains that were taken over more than once");
    assert!(fenced_chains > schedules / 2, "the schedules fence nobody");
}
