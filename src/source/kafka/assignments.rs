//! The partitions that this consumer has, by slot and by name.
//!
//! A slot is a small number that stands for an assigned partition, so that nothing on the hot path looks up a name. It is
//! free again when its partition has been let go.

use std::collections::HashMap;

use rdkafka::error::KafkaError;
use rdkafka::{Offset, TopicPartitionList};

use super::callbacks::PartitionKey;
use super::positions::{list_of, note_of};
use crate::delivery::ledger::CommitPoint;
use crate::position::{PartitionId, ResumeAt, Slot, TopicName};
use crate::source::Gap;

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

#[derive(Default)]
pub(super) struct Assignments {
    by_slot: Vec<Option<Assignment>>,
    slots: HashMap<PartitionKey, Slot>,
    /// The slot of the last record: records of one partition come in long rows.
    last: Option<Slot>,
}

impl Assignments {
    /// Takes over a partition that is read from `at` on.
    pub(super) fn add(&mut self, key: &PartitionKey, at: i64, settled_through_ms: Option<i64>) -> Slot {
        let free = self.by_slot.iter().position(Option::is_none).unwrap_or(self.by_slot.len());
        if free == self.by_slot.len() {
            self.by_slot.push(None);
        }
        self.by_slot[free] = Some(Assignment {
            topic: key.0.clone(),
            partition: key.1,
            next: at,
            settled_through_ms,
            read_through_ms: None,
            gap: None,
            fetched_to: None,
            reads_on: false,
        });
        let slot = Slot::new(u32::try_from(free).unwrap_or(u32::MAX));
        self.slots.insert(key.clone(), slot);
        slot
    }

    pub(super) fn remove(&mut self, slot: Slot) {
        if let Some(assignment) = self.by_slot.get_mut(slot.index()).and_then(Option::take) {
            let key = (assignment.topic, assignment.partition);
            if self.slots.get(&key) == Some(&slot) {
                self.slots.remove(&key);
            }
        }
        self.last = None;
    }

    pub(super) fn holds(&self, slot: Slot) -> bool {
        self.get(slot).is_some()
    }

    pub(super) fn get(&self, slot: Slot) -> Option<&Assignment> {
        self.by_slot.get(slot.index())?.as_ref()
    }

    pub(super) fn get_mut(&mut self, slot: Slot) -> Option<&mut Assignment> {
        self.by_slot.get_mut(slot.index())?.as_mut()
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Assignment> {
        self.by_slot.iter_mut().flatten()
    }

    pub(super) fn keys(&self) -> Vec<PartitionKey> {
        self.slots.keys().cloned().collect()
    }

    pub(super) fn slot(&self, key: &PartitionKey) -> Option<Slot> {
        self.slots.get(key).copied()
    }

    /// The slot of a record, quickly when it is that of the record before.
    pub(super) fn slot_of_record(&mut self, topic: &str, partition: i32) -> Option<Slot> {
        let same = |a: &Assignment| a.partition.get() == partition && a.topic.as_str() == topic;
        if let Some(slot) = self.last.filter(|slot| self.get(*slot).is_some_and(same)) {
            return Some(slot);
        }
        let slot = self.slot(&(TopicName::new(topic), PartitionId::new(partition)))?;
        self.last = Some(slot);
        Some(slot)
    }

    /// What the client had fetched ahead is thrown away.
    pub(super) fn start_over(&mut self) {
        self.iter_mut().for_each(|assignment| assignment.reads_on = false);
    }

    /// The end of some topic's partition was reached. The client does not say of which topic; the number may do.
    pub(super) fn at_end(&mut self, partition: i32) {
        let mut candidates = self.iter_mut().filter(|a| a.partition.get() == partition);
        if let (Some(assignment), None) = (candidates.next(), candidates.next()) {
            assignment.reads_on = true;
        }
    }

    /// All of them, in the client's words.
    pub(super) fn list(&self) -> TopicPartitionList {
        let mut list = TopicPartitionList::new();
        for assignment in self.by_slot.iter().flatten() {
            list.add_partition(assignment.topic.as_str(), assignment.partition.get());
        }
        list
    }

    /// Those of `keys` that are assigned, each at the position that is to be read next.
    pub(super) fn list_at_next(&self, keys: &[PartitionKey]) -> Result<TopicPartitionList, KafkaError> {
        let assignments = keys.iter().filter_map(|key| self.get(self.slot(key)?));
        list_of(assignments.map(|a| (&a.topic, a.partition, ResumeAt::from_broker(a.next))))
    }

    /// What to commit, with the note that dates a later gap.
    pub(super) fn commit_list(&self, points: &[CommitPoint]) -> Result<TopicPartitionList, KafkaError> {
        let mut list = TopicPartitionList::new();
        for point in points {
            let Some(assignment) = self.get(point.slot) else { continue };
            let mut element = list.add_partition(assignment.topic.as_str(), assignment.partition.get());
            element.set_offset(Offset::Offset(point.resume_at.get()))?;
            element.set_metadata(note_of(point.settled_through_ms.or(assignment.settled_through_ms)));
        }
        Ok(list)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(topic: &str, partition: i32) -> PartitionKey {
        (TopicName::new(topic), PartitionId::new(partition))
    }

    #[test]
    fn a_slot_is_free_again_once_its_partition_is_let_go() {
        let mut assignments = Assignments::default();
        let (a, b) = (assignments.add(&key("t", 0), 0, None), assignments.add(&key("t", 1), 0, None));
        assert_ne!(a, b);
        assert_eq!(assignments.slot_of_record("t", 0), Some(a));
        assignments.remove(a);
        assert_eq!((assignments.slot_of_record("t", 0), assignments.holds(a)), (None, false));
        assert_eq!(assignments.add(&key("u", 0), 7, None), a);
        assert_eq!(assignments.slot_of_record("u", 0), Some(a));
        assert_eq!(assignments.slot_of_record("t", 1), Some(b));
        assert_eq!(assignments.slot_of_record("t", 0), None, "the slot stands for another partition now");
    }

    #[test]
    fn an_end_counts_only_when_its_number_says_which_partition_it_is() {
        let mut assignments = Assignments::default();
        let (a, b) = (assignments.add(&key("t", 0), 0, None), assignments.add(&key("t", 1), 0, None));
        assignments.add(&key("u", 1), 0, None);
        assignments.at_end(0);
        assignments.at_end(1);
        let reads_on = |slot| assignments.get(slot).is_some_and(|assignment| assignment.reads_on);
        assert_eq!((reads_on(a), reads_on(b)), (true, false));
    }
}
