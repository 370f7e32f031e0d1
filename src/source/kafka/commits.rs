//! Asynchronous commits: which one is under way, and what became of it.
//!
//! The client has no answer for an asynchronous commit (librdkafka gives one only through a callback that the Rust binding
//! does not set), but its statistics show what was committed.
//!
//! - One commit at a time, so that a retried one cannot overtake its successor and the committed position cannot go back.
//! - A commit that is not confirmed in time is forgotten: the next one covers it. That is told once, until one is confirmed.
//! - Only time in which the group's coordinator was there counts. While it is away the client keeps a commit and sends it
//!   again afterwards; a successor that was sent meanwhile could arrive before it.
//!
//! Pure: no client, no clock.

use std::time::{Duration, Instant};

use crate::delivery::ledger::CommitPoint;
use crate::position::{ResumeAt, Slot};

/// After this time without confirmation another commit is sent. The client sends one again within a second of the
/// coordinator's return, and its statistics come every second.
const PATIENCE: Duration = Duration::from_secs(5);

#[derive(Debug, Default)]
pub(super) struct Commits {
    under_way: Option<UnderWay>,
    /// No commit was confirmed in time since the last one that was.
    is_late: bool,
}

#[derive(Debug)]
struct UnderWay {
    since: Instant,
    /// What is not confirmed yet.
    points: Vec<CommitPoint>,
}

/// What the statistics told about the commit under way.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Told {
    pub(super) confirmed: Vec<CommitPoint>,
    /// It should have been confirmed by now; said of the first such commit only.
    pub(super) is_late: bool,
}

impl Commits {
    pub(super) fn is_under_way(&self) -> bool {
        self.under_way.is_some()
    }

    pub(super) fn sent(&mut self, points: &[CommitPoint], now: Instant) {
        self.under_way = Some(UnderWay { since: now, points: points.to_vec() });
    }

    /// The next commit need not wait for this one: it failed, or a rebalance came, in which it was perhaps refused, which
    /// nobody says.
    pub(super) fn forget(&mut self) {
        self.under_way = None;
    }

    /// Takes what the client shows as committed by itself (negative when unknown), for each slot that is assigned, and for
    /// how long the coordinator has been there.
    pub(super) fn hear(
        &mut self,
        committed: &[(Slot, i64)],
        is_assigned: impl Fn(Slot) -> bool,
        coordinator_up: Option<Duration>,
        now: Instant,
    ) -> Told {
        let Some(UnderWay { since, mut points }) = self.under_way.take() else { return Told::default() };
        let is_confirmed = |point: &mut CommitPoint| {
            let shown = committed.iter().find(|(slot, _)| *slot == point.slot);
            shown.is_some_and(|(_, offset)| point.resume_at == ResumeAt::from_broker(*offset))
        };
        let confirmed = points.extract_if(.., is_confirmed).collect();
        // What was given up meanwhile was committed then, or is nobody's business here any more.
        points.retain(|point| is_assigned(point.slot));
        let mut told = Told { confirmed, is_late: false };
        let waited = now.duration_since(since).min(coordinator_up.unwrap_or_default());
        if points.is_empty() {
            self.is_late = false;
        } else if waited < PATIENCE {
            self.under_way = Some(UnderWay { since, points });
        } else {
            told.is_late = !self.is_late;
            self.is_late = true;
        }
        told
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::position::Epoch;

    const A: Slot = Slot::new(0);
    const B: Slot = Slot::new(1);
    const ALL: fn(Slot) -> bool = |_| true;
    /// The coordinator has always been there.
    const UP: Option<Duration> = Some(Duration::MAX);

    fn point(slot: Slot, at: i64) -> CommitPoint {
        let resume_at = ResumeAt::from_broker(at);
        CommitPoint { slot, epoch: Epoch::new(1), resume_at, settled_through_ms: None, is_beginning: false }
    }

    fn told(confirmed: impl IntoIterator<Item = CommitPoint>, is_late: bool) -> Told {
        Told { confirmed: confirmed.into_iter().collect(), is_late }
    }

    #[test]
    fn each_point_is_confirmed_when_exactly_its_offset_is_shown() {
        let (mut commits, now) = (Commits::default(), Instant::now());
        commits.sent(&[point(A, 5), point(B, 7)], now);
        assert_eq!(commits.hear(&[(A, -1001), (B, 6)], ALL, UP, now), told([], false));
        assert_eq!(commits.hear(&[(A, 5), (B, 6)], ALL, UP, now), told([point(A, 5)], false));
        assert!(commits.is_under_way(), "the other partition is still to come");
        assert_eq!(commits.hear(&[(A, 5), (B, 7)], ALL, UP, now), told([point(B, 7)], false), "each is told once");
        assert!(!commits.is_under_way());
        assert_eq!(commits.hear(&[(A, 5)], ALL, UP, now + PATIENCE), told([], false));
    }

    #[test]
    fn a_commit_that_is_late_is_given_up_and_told_once_until_one_is_confirmed() {
        let (mut commits, mut now) = (Commits::default(), Instant::now());
        for first in [true, false, false] {
            commits.sent(&[point(A, 5)], now);
            now += PATIENCE - Duration::from_millis(1);
            assert_eq!(commits.hear(&[], ALL, UP, now), told([], false));
            assert!(commits.is_under_way(), "not yet");
            now += Duration::from_millis(1);
            assert_eq!(commits.hear(&[], ALL, UP, now), told([], first));
            assert!(!commits.is_under_way(), "the next one may go");
        }
        commits.sent(&[point(A, 5)], now);
        commits.hear(&[(A, 5)], ALL, UP, now);
        commits.sent(&[point(A, 6)], now);
        assert_eq!(commits.hear(&[], ALL, UP, now + PATIENCE), told([], true), "it is news again");
    }

    #[test]
    fn a_commit_that_the_client_may_still_send_is_not_given_up() {
        let (mut commits, now) = (Commits::default(), Instant::now());
        commits.sent(&[point(A, 5)], now);
        let back = now + PATIENCE * 3;
        assert_eq!(commits.hear(&[], ALL, None, back), told([], false), "nobody is there to take it");
        let nearly = PATIENCE - Duration::from_millis(1);
        assert_eq!(commits.hear(&[], ALL, Some(nearly), back + nearly), told([], false), "it is sent again now");
        assert!(commits.is_under_way(), "a successor could overtake it");
        assert_eq!(commits.hear(&[], ALL, Some(PATIENCE), back + PATIENCE), told([], true));
        assert!(!commits.is_under_way());
    }

    #[test]
    fn partitions_that_were_given_up_are_not_waited_for() {
        let (mut commits, now) = (Commits::default(), Instant::now());
        commits.sent(&[point(A, 5), point(B, 7)], now);
        assert_eq!(commits.hear(&[(A, 5)], |slot| slot == A, UP, now), told([point(A, 5)], false));
        assert!(!commits.is_under_way());
    }

    #[test]
    fn a_forgotten_commit_is_not_confirmed() {
        let (mut commits, now) = (Commits::default(), Instant::now());
        commits.sent(&[point(A, 5)], now);
        commits.forget();
        assert!(!commits.is_under_way());
        assert_eq!(commits.hear(&[(A, 5)], ALL, UP, now + PATIENCE), told([], false));
    }
}
