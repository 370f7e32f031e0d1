//! Where a record lies and where reading resumes.
//!
//! An [`Offset`] names a record that exists; a [`ResumeAt`] is the next offset to read, which is what Kafka stores
//! for a consumer group. They are different types so that nobody commits the offset of a record by mistake; the one
//! `+ 1` between them is [`Offset::resume_after`].
//!
//! ```compile_fail
//! use auditferry::position::{Offset, ResumeAt};
//! fn commit(_: ResumeAt) {}
//! commit(Offset::new(41)); // an offset is not a position to resume at
//! ```

use std::fmt;
use std::sync::Arc;

/// A Kafka topic's name: 1 to 249 characters of `[a-zA-Z0-9._-]`, as brokers enforce it. Cheap to clone.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TopicName(Arc<str>);

impl TopicName {
    pub fn new(name: &str) -> Self {
        Self(Arc::from(name))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A partition's number within its topic.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PartitionId(i32);

impl PartitionId {
    pub const fn new(id: i32) -> Self {
        Self(id)
    }

    pub const fn get(self) -> i32 {
        self.0
    }
}

/// The offset of a record that exists.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Offset(i64);

impl Offset {
    pub const fn new(offset: i64) -> Self {
        Self(offset)
    }

    pub const fn get(self) -> i64 {
        self.0
    }

    /// The position to resume at once this record needs no further work.
    pub const fn resume_after(self) -> ResumeAt {
        ResumeAt(self.0 + 1)
    }

    /// The position at which this record is the next to be read.
    pub const fn resume_here(self) -> ResumeAt {
        ResumeAt(self.0)
    }
}

/// The next offset to read. Made by the ledger, or taken from what the broker reports; nothing else may be committed.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ResumeAt(i64);

impl ResumeAt {
    /// A position that the broker reported: a committed offset, a log start, a log end.
    pub const fn from_broker(next: i64) -> Self {
        Self(next)
    }

    pub const fn get(self) -> i64 {
        self.0
    }

    /// How many offsets lie in `self..later`; 0 when `later` is not later.
    pub fn distance_to(self, later: ResumeAt) -> u64 {
        u64::try_from(later.0.saturating_sub(self.0)).unwrap_or(0)
    }
}

/// One assignment of one partition to this process. A later assignment of the same partition has a larger epoch.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Epoch(u64);

impl Epoch {
    pub const fn new(epoch: u64) -> Self {
        Self(epoch)
    }

    pub const fn get(self) -> u64 {
        self.0
    }
}

/// Index of an assigned partition in the tables of one pipeline. Slots are reused after a revocation; the
/// [`Epoch`] beside a slot tells the assignments apart.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct Slot(u32);

impl Slot {
    pub const fn new(index: u32) -> Self {
        Self(index)
    }

    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// Partitions that are newly assigned.
#[derive(Clone, Debug)]
pub struct NewPartitions {
    /// What the brokers call their cluster, if they said.
    pub cluster_id: Option<String>,
    pub keys: Vec<(TopicName, PartitionId)>,
}

macro_rules! show {
    ($($name:ident),*) => {$(
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({})", stringify!($name), self.0)
            }
        }
    )*};
}
show!(TopicName, PartitionId, Offset, ResumeAt, Epoch);
