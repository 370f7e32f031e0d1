//! The verdict: what was produced against what lies at the far side. Pure.

use std::collections::{BTreeMap, BTreeSet};

use super::audit_stream::Positions;
use super::scene::Act;
use crate::status::Progress;

/// A lost event is named in the verdict, up to this many.
const LOST_SHOWN: usize = 10;

/// Everything the verdict rests on.
pub(super) struct Evidence {
    pub(super) produced: Positions,
    /// What the stand-in indexed: by partition, offset and how often.
    pub(super) indexed: BTreeMap<i32, BTreeMap<i64, u32>>,
    pub(super) letters: Vec<Letter>,
    /// By partition: the committed position, if any, and the end.
    pub(super) committed: BTreeMap<i32, (Option<i64>, i64)>,
    /// The pipeline's own books.
    pub(super) own: Progress,
    /// Events whose answer was lost on purpose.
    pub(super) resent: u64,
    /// What did not come about as announced.
    pub(super) missed: Vec<Act>,
}

/// How the demonstration ended. Counts are of events.
#[derive(Clone, PartialEq, Debug)]
pub struct Verdict {
    pub produced: u64,
    /// As the pipeline counts.
    pub read: u64,
    /// Different events that the receiver has.
    pub delivered: u64,
    pub filtered: u64,
    pub dead_lettered: u64,
    pub letters: Vec<Letter>,
    pub duplicates: Duplicates,
    /// Produced, and neither at the receiver nor a dead letter.
    pub lost: u64,
    /// Partition and offset of the first lost events.
    pub lost_at: Vec<(i32, i64)>,
    /// Partitions whose committed offset is not at the end.
    pub uncommitted: Vec<Uncommitted>,
    pub partitions: usize,
    /// The pipeline's own count of what was delivered and dead-lettered is the far side's.
    pub books_agree: bool,
    /// Faults that did not come about, or did not end.
    pub missed: Vec<Act>,
    pub backlog_per_second: u64,
    pub latency: Latency,
    pub seconds: f64,
}

/// Events that the receiver has more than once; how many times more.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Duplicates {
    pub total: u64,
    /// How many the lost answer explains.
    pub expected: u64,
}

/// From the broker's timestamp to the arrival at the receiver, in milliseconds.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Latency {
    /// While nothing was wrong; `None` when nothing was measured.
    pub p50_ms: Option<u64>,
    pub p99_ms: Option<u64>,
    /// Faults included.
    pub longest_ms: u64,
}

/// A dead letter.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Letter {
    pub partition: i32,
    pub offset: i64,
    pub reason: String,
    /// The receiver's words.
    pub detail: String,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Uncommitted {
    pub partition: i32,
    pub committed: Option<i64>,
    pub end: i64,
}

impl Verdict {
    /// Nothing lost, everything committed, and all of it as announced.
    pub fn passed(&self) -> bool {
        self.lost == 0
            && self.produced > 0
            && self.uncommitted.is_empty()
            && self.books_agree
            && self.duplicates.are_explained()
            && self.missed.is_empty()
    }

    pub(super) fn of(evidence: Evidence) -> Self {
        let Evidence { produced, indexed, letters, committed, own, resent, missed } = evidence;
        let times = |partition: i32, offset: i64| {
            indexed.get(&partition).and_then(|offsets| offsets.get(&offset)).copied().unwrap_or(0)
        };
        let lettered: BTreeSet<(i32, i64)> = letters.iter().map(|letter| (letter.partition, letter.offset)).collect();
        let (mut count, mut delivered, mut lost, mut lost_at) = (0, 0, 0, Vec::new());
        for (partition, offset) in produced.iter().flat_map(|(p, offsets)| offsets.keys().map(move |at| (*p, *at))) {
            count += 1;
            match times(partition, offset) {
                0 if lettered.contains(&(partition, offset)) => {}
                0 => {
                    lost += 1;
                    if lost_at.len() < LOST_SHOWN {
                        lost_at.push((partition, offset));
                    }
                }
                _ => delivered += 1,
            }
        }
        let repeats = indexed.values().flat_map(BTreeMap::values).map(|times| u64::from(times.saturating_sub(1)));
        let ends = produced.iter().map(|(partition, offsets)| {
            let end = offsets.last_key_value().map_or(0, |(last, _)| last + 1);
            let (committed, known) = committed.get(partition).copied().unwrap_or((None, end));
            Uncommitted { partition: *partition, committed, end: known.max(end) }
        });
        Self {
            produced: count,
            read: own.read,
            delivered,
            filtered: own.filtered,
            dead_lettered: lettered.len() as u64,
            duplicates: Duplicates { total: repeats.sum(), expected: resent },
            lost,
            lost_at,
            uncommitted: ends.filter(|at| at.committed != Some(at.end)).collect(),
            partitions: produced.len(),
            books_agree: (own.delivered, own.dead_lettered) == (delivered, lettered.len() as u64),
            letters,
            missed,
            backlog_per_second: 0,
            latency: Latency::default(),
            seconds: 0.0,
        }
    }
}

impl Duplicates {
    /// There are as many as the lost answer explains.
    pub fn are_explained(self) -> bool {
        self.total == self.expected
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two partitions of three events; one is a dead letter, one was sent twice.
    fn evidence() -> Evidence {
        let offsets = || BTreeMap::from([(0, 1_000), (1, 1_001), (2, 1_002)]);
        let letter = Letter { partition: 1, offset: 2, reason: "invalid_format".into(), detail: "code 6".into() };
        Evidence {
            produced: Positions::from([(0, offsets()), (1, offsets())]),
            indexed: BTreeMap::from([
                (0, BTreeMap::from([(0, 1), (1, 2), (2, 1)])),
                (1, BTreeMap::from([(0, 1), (1, 1)])),
            ]),
            letters: vec![letter],
            committed: BTreeMap::from([(0, (Some(3), 3)), (1, (Some(3), 3))]),
            own: Progress { read: 6, delivered: 5, dead_lettered: 1, ..Progress::default() },
            resent: 1,
            missed: Vec::new(),
        }
    }

    #[test]
    fn everything_accounted_for_passes() {
        let verdict = Verdict::of(evidence());
        assert!(verdict.passed(), "{verdict:?}");
        assert_eq!((verdict.produced, verdict.delivered, verdict.dead_lettered, verdict.lost), (6, 5, 1, 0));
        assert_eq!(verdict.duplicates, Duplicates { total: 1, expected: 1 });
    }

    #[test]
    fn a_missing_position_is_lost_whatever_the_pipeline_believes() {
        let mut evidence = evidence();
        evidence.indexed.entry(0).or_default().remove(&1);
        evidence.resent = 0;
        let verdict = Verdict::of(evidence);
        assert_eq!((verdict.lost, verdict.lost_at.as_slice()), (1, [(0, 1)].as_slice()));
        assert!(!verdict.passed());
    }

    #[test]
    fn a_partition_that_nobody_received_is_lost() {
        let mut evidence = evidence();
        evidence.indexed.remove(&0);
        assert_eq!(Verdict::of(evidence).lost, 3);
    }

    #[test]
    fn a_dead_letter_that_is_not_in_the_store_is_lost() {
        let verdict = Verdict::of(Evidence { letters: Vec::new(), ..evidence() });
        assert_eq!(verdict.lost_at, [(1, 2)]);
        assert!(!verdict.passed());
    }

    #[test]
    fn a_commit_short_of_the_end_fails() {
        for committed in [None, Some(2)] {
            let mut evidence = evidence();
            evidence.committed.insert(1, (committed, 3));
            let verdict = Verdict::of(evidence);
            assert_eq!(verdict.uncommitted, [Uncommitted { partition: 1, committed, end: 3 }]);
            assert!(!verdict.passed());
        }
    }

    #[test]
    fn duplicates_that_nothing_explains_and_books_that_differ_fail() {
        assert!(!Verdict::of(Evidence { resent: 0, ..evidence() }).passed());
        let own = Progress { delivered: 6, ..evidence().own };
        assert!(!Verdict::of(Evidence { own, ..evidence() }).passed());
    }
}
