//! Dead letters: records that a sink will never take, kept with the reason.

use super::attempt::Failure;
use super::budget::Held;
use super::duty::Duty;
use crate::position::{Offset, PartitionId, TopicName};

/// A record as it was read, and why it could not be delivered.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Letter {
    pub topic: TopicName,
    pub partition: PartitionId,
    pub offset: Offset,
    /// Milliseconds since 1970.
    pub timestamp_ms: Option<i64>,
    pub key: Option<Vec<u8>>,
    pub headers: Vec<(String, Option<Vec<u8>>)>,
    /// `None` for a tombstone.
    pub value: Option<Vec<u8>>,
    pub failure: Failure,
}

impl Letter {
    /// Roughly what it weighs in memory, in bytes.
    pub fn weight(&self) -> usize {
        let headers: usize =
            self.headers.iter().map(|(name, value)| name.len() + value.as_ref().map_or(0, Vec::len) + 64).sum();
        self.key.as_ref().map_or(0, Vec::len) + headers + self.value.as_ref().map_or(0, Vec::len) + size_of::<Self>()
    }
}

/// A letter that is not stored yet, with the duty to settle its record once it is.
#[derive(Debug)]
#[must_use = "a letter must be stored and settled"]
pub struct Quarantined {
    pub letter: Letter,
    pub duty: Duty,
    /// What the letter weighs in the pipeline's memory budget.
    pub held: Held,
}
