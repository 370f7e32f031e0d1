//! When the client has lost its position: what is gone is found, and reading goes on from what is there.

use rdkafka::consumer::{Consumer, RebalanceProtocol};
use rdkafka::error::KafkaError;
use rdkafka::types::RDKafkaErrorCode;

use super::assign::FoundGap;
use super::{KafkaSource, report};
use crate::delivery::attempt::Failure;
use crate::position::{ResumeAt, Slot};
use crate::source::kafka::callbacks::PartitionKey;
use crate::source::kafka::client::failure_of;
use crate::source::kafka::positions::{Start, fetch_bounds, start_of};
use crate::source::{Assigned, Event, Flow, GapKind, Source};

impl KafkaSource {
    /// The client has lost its position in some partition and does not say in which: compare all of them.
    pub(super) fn repair_positions(&mut self, handler: &mut dyn FnMut(Event<'_>) -> Flow) -> Result<(), Failure> {
        let keys = self.assignments.keys();
        let bounds = match fetch_bounds(&self.consumer, &keys) {
            Ok(bounds) => bounds,
            Err(error) => {
                // The client reports the lost position again.
                report(&error, "ask what the brokers still hold", handler);
                return Ok(());
            }
        };
        let mut moved = Vec::new();
        for (key, (low, end)) in bounds {
            let Some(slot) = self.assignments.slot(&key) else { continue };
            let Some(assignment) = self.assignments.get_mut(slot) else { continue };
            let expected = ResumeAt::from_broker(assignment.next);
            let Start { at, gap } = start_of(Some(assignment.next), low, end, self.start_at);
            if let Some(kind) = gap {
                assignment.next = at;
                if kind == GapKind::BeyondEnd {
                    handler(Event::Assigned(vec![begun_anew(slot, &key, at, end)]));
                }
                moved.push(key);
                self.found_gap(FoundGap { slot, kind, expected, nothing_left: low == end }, handler);
            }
        }
        self.read_again(&moved).map_err(|error| failure_of(&error))
    }

    /// Makes the client read these partitions from our position. Seeking is refused for a partition that stopped with
    /// an error, so it is assigned anew.
    fn read_again(&mut self, keys: &[PartitionKey]) -> Result<(), KafkaError> {
        if keys.is_empty() {
            return Ok(());
        }
        self.assignments.start_over();
        match self.consumer.rebalance_protocol() {
            RebalanceProtocol::Cooperative => {
                let list = self.assignments.list_at_next(keys)?;
                self.consumer.incremental_unassign(&list)?;
                self.consumer.incremental_assign(&list)?;
            }
            RebalanceProtocol::Eager | RebalanceProtocol::None => {
                let all = self.assignments.keys();
                self.consumer.assign(&self.assignments.list_at_next(&all)?)?;
            }
        }
        if self.paused {
            self.pause();
        }
        Ok(())
    }
}

/// A partition whose offsets count from the beginning again (its topic was recreated) is another one: in a new epoch its
/// records are not mistaken for those that were read before.
fn begun_anew(slot: Slot, (topic, partition): &PartitionKey, at: i64, end: i64) -> Assigned {
    let (resume_at, end) = (ResumeAt::from_broker(at), Some(ResumeAt::from_broker(end)));
    Assigned { slot, topic: topic.clone(), partition: *partition, resume_at, committed: None, end }
}

pub(super) fn is_lost_position(error: &KafkaError) -> bool {
    matches!(error.rdkafka_error_code(), Some(RDKafkaErrorCode::AutoOffsetReset | RDKafkaErrorCode::OffsetOutOfRange))
}
