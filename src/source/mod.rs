//! Where records come from.
//!
//! # Contract
//!
//! - A source hands over the records of each assigned partition in the order of their offsets. It never commits by itself;
//!   it is told what to commit.
//! - Everything happens on the thread that calls [`Source::poll`]. Rebalances become events: after [`Event::Revoking`]
//!   the source waits for [`Source::release`] before it lets go of the partitions.
//! - A source that has lost records (expired before they were read) says so with [`Event::Gap`] before it hands over the
//!   next record.

pub mod kafka;

use std::time::Duration;

use crate::delivery::attempt::Failure;
use crate::delivery::ledger::CommitPoint;
use crate::event::Record;
use crate::position::{NewPartitions, PartitionId, ResumeAt, Slot, TopicName};

/// A partition that was assigned to this process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assigned {
    pub slot: Slot,
    pub topic: TopicName,
    pub partition: PartitionId,
    /// Where reading starts.
    pub resume_at: ResumeAt,
    /// What the broker holds for the group.
    pub committed: Option<ResumeAt>,
    /// The position after the last record, at the time of the assignment.
    pub end: Option<ResumeAt>,
}

/// Records that were gone before they could be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gap {
    pub slot: Slot,
    pub topic: TopicName,
    pub partition: PartitionId,
    pub kind: GapKind,
    /// Where reading should have gone on.
    pub expected: ResumeAt,
    /// Where it does go on.
    pub resumed: ResumeAt,
    /// Timestamp (ms since 1970) of the last record known from before the gap: read by this process or, by an earlier one,
    /// settled.
    pub from_ms: Option<i64>,
    /// Timestamp of the first record after the gap; `None` when the partition holds no record.
    pub to_ms: Option<i64>,
}

impl Gap {
    /// Offsets that are missing: an upper bound of records, because transaction markers have offsets too. 0 when the
    /// position lay beyond the end of the partition: then nobody can tell.
    pub fn records(&self) -> u64 {
        self.expected.distance_to(self.resumed)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GapKind {
    /// Retention removed the records before they were read.
    Expired,
    /// The position lies beyond the end: the topic was recreated or truncated, or a mirror is behind.
    BeyondEnd,
}

impl GapKind {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Expired => "expired",
            Self::BeyondEnd => "beyond_end",
        }
    }
}

pub enum Event<'a> {
    Record {
        slot: Slot,
        record: Record<'a>,
    },
    Assigned(Vec<Assigned>),
    /// These partitions are to be given up. With `lost` they belong to somebody else already: nothing may be committed.
    Revoking {
        slots: Vec<Slot>,
        lost: bool,
    },
    /// There is nothing to read before `next`.
    Position {
        slot: Slot,
        next: ResumeAt,
    },
    /// The position after the last record of the partition.
    End {
        slot: Slot,
        end: ResumeAt,
    },
    Gap(Gap),
    Committed(CommitPoint),
    CommitFailed(Failure),
    /// Something is wrong, and the source goes on trying.
    Trouble(Failure),
}

/// Asks a receiver that knows by itself how far it is where these partitions go on, in their order; `None` where it does not know. Blocks.
pub type Positions = Box<dyn Fn(NewPartitions) -> Result<Vec<Option<ResumeAt>>, Failure> + Send>;

/// Whether a source may go on handing over records in this call.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Flow {
    Continue,
    Stop,
}

pub trait Source: Send {
    /// Hands over what there is, waiting at most `wait` for the first of it, until the handler says [`Flow::Stop`] or a
    /// fair number of records was given.
    ///
    /// # Errors
    /// The source cannot go on at all; the pipeline ends.
    fn poll(&mut self, wait: Duration, handler: &mut dyn FnMut(Event<'_>) -> Flow) -> Result<(), Failure>;

    /// Asks for the points to be committed; the result comes as [`Event::Committed`] or [`Event::CommitFailed`]. `false`
    /// when an earlier commit is still under way: then these are not taken, and the caller comes again.
    #[must_use]
    fn commit(&mut self, points: &[CommitPoint]) -> bool;

    /// Commits and waits for the answer.
    ///
    /// # Errors
    /// The broker refused or did not answer: the records are delivered again by whoever reads them next.
    fn commit_now(&mut self, points: &[CommitPoint]) -> Result<(), Failure>;

    /// Lets go of partitions that are being revoked.
    fn release(&mut self, slots: &[Slot]);

    /// Stops handing over records until [`Source::resume`]; polling goes on, so that the group membership survives.
    fn pause(&mut self);

    fn resume(&mut self);
}
