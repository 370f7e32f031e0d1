//! Handing over one record: from the client's buffer to the handler, without a copy.
//!
//! This is the hot path of the source. Records of one partition come in long rows, so the place of the last one is tried
//! first.

use rdkafka::message::{BorrowedMessage, Message};

use super::assignments::Assignments;
use super::headers::readable;
use crate::event::{Record, headers};
use crate::position::{Offset, PartitionId};
use crate::source::{Event, Flow, Gap};

/// The parts of the source that handing over a record needs, apart from the consumer that the record borrows.
pub(super) struct HandOver<'s> {
    pub(super) assignments: &'s mut Assignments,
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
        let Some(slot) = self.assignments.slot_of_record(topic, message.partition()) else { return Flow::Continue };
        let Some(assignment) = self.assignments.get_mut(slot) else { return Flow::Continue };
        let timestamp_ms = message.timestamp().to_millis();
        if let Some(gap) = assignment.gap.take() {
            handler(Event::Gap(Gap { to_ms: timestamp_ms, ..gap }));
        }
        assignment.next = message.offset() + 1;
        assignment.reads_on = true;
        assignment.read_through_ms = timestamp_ms.or(assignment.read_through_ms);
        let record = Record {
            topic,
            partition: PartitionId::new(message.partition()),
            offset: Offset::new(message.offset()),
            timestamp_ms,
            key: message.key(),
            value: message.payload(),
        };
        self.headers.clear();
        if self.with_headers {
            for (name, value) in readable(message.headers()) {
                headers::push(self.headers, name, value);
            }
        }
        handler(Event::Record { slot, record, headers: self.headers })
    }
}
