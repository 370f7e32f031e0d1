//! Handing over one record: from the client's buffer to the handler, without a copy.
//!
//! This is the hot path of the source. Records of one partition come in long rows, so the place of the last one is tried
//! first.

use std::collections::HashMap;

use rdkafka::message::{BorrowedMessage, Message};

use super::callbacks::PartitionKey;
use super::headers::readable;
use crate::event::{Record, headers};
use crate::position::{Offset, PartitionId, Slot, TopicName};
use crate::source::{Event, Flow, Gap};

/// A partition that is assigned to this consumer.
pub(super) struct Assignment {
    pub(super) topic: TopicName,
    pub(super) partition: PartitionId,
    /// The position after the last record that was handed over.
    pub(super) next: i64,
    /// Timestamp of the last record known to be settled; dates a gap.
    pub(super) settled_through_ms: Option<i64>,
    /// Timestamp of the last record that was handed over; dates a gap, too, and more closely.
    pub(super) read_through_ms: Option<i64>,
    /// Found, but not yet reported: waits for the first record after it, which dates its end.
    pub(super) gap: Option<Gap>,
    /// The client's fetch position in the last statistics.
    pub(super) fetched_to: Option<i64>,
    /// The client has read on since it was last told where to: a record came, or the end of the partition. Until then its
    /// statistics may show a position from before, up to which it had fetched records and thrown them away.
    pub(super) reads_on: bool,
}

/// The parts of the source that handing over a record needs, apart from the consumer that the record borrows.
pub(super) struct HandOver<'s> {
    pub(super) assignments: &'s mut Vec<Option<Assignment>>,
    pub(super) slots: &'s HashMap<PartitionKey, Slot>,
    pub(super) last_slot: &'s mut Option<Slot>,
    pub(super) headers: &'s mut Vec<u8>,
    pub(super) with_headers: bool,
}

impl HandOver<'_> {
    pub(super) fn hand_over(
        &mut self,
        message: &BorrowedMessage<'_>,
        handler: &mut dyn FnMut(Event<'_>) -> Flow,
    ) -> Flow {
        let topic = message.topic();
        let Some(slot) = self.slot_of(topic, message.partition()) else { return Flow::Continue };
        let Some(Some(assignment)) = self.assignments.get_mut(slot.index()) else { return Flow::Continue };
        let timestamp_ms = message.timestamp().to_millis();
        if let Some(gap) = assignment.gap.take() {
            handler(Event::Gap(Gap { to_ms: timestamp_ms, ..gap }));
        }
        assignment.next = message.offset() + 1;
        assignment.reads_on = true;
        assignment.read_through_ms = timestamp_ms.or(assignment.read_through_ms);
        self.headers.clear();
        if self.with_headers {
            for (name, value) in readable(message.headers()) {
                headers::push(self.headers, name, value);
            }
        }
        let record = Record {
            topic,
            partition: PartitionId::new(message.partition()),
            offset: Offset::new(message.offset()),
            timestamp_ms,
            key: message.key(),
            value: message.payload(),
            headers: self.headers,
        };
        handler(Event::Record { slot, record })
    }

    fn slot_of(&mut self, topic: &str, partition: i32) -> Option<Slot> {
        if let Some(slot) = *self.last_slot {
            let same = |a: &Assignment| a.partition.get() == partition && a.topic.as_str() == topic;
            if self.assignments.get(slot.index()).and_then(Option::as_ref).is_some_and(same) {
                return Some(slot);
            }
        }
        let slot = *self.slots.get(&(TopicName::new(topic), PartitionId::new(partition)))?;
        *self.last_slot = Some(slot);
        Some(slot)
    }
}
