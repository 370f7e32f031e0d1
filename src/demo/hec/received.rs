//! What has arrived, counted at the far side.
//!
//! The count goes by the position that every event carries in its indexed fields (`kafka_topic`, `kafka_partition`,
//! `kafka_offset`), so that loss and repetition are found whatever the sender believes.

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;

use super::collector::Envelope;

/// Totals since the start.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Count {
    /// Events indexed, repetitions included.
    pub events: u64,
    /// Different positions among them.
    pub distinct: u64,
    /// Events whose position had been indexed before.
    pub duplicates: u64,
    /// Events that carry no position.
    pub unpositioned: u64,
    /// Metrics among the events: `"event":"metric"` with a measure in `fields`.
    pub metrics: u64,
    /// Events in whose text Splunk looks for a time: `auto_extract_timestamp=true`, and none in the envelope.
    pub searched_for_time: u64,
    /// Requests to the event endpoints, refused ones included.
    pub requests: u64,
    /// Bytes of the bodies of these requests, as they came over the wire.
    pub bytes: u64,
}

#[derive(Debug, Default)]
pub(super) struct Received {
    pub(super) count: Count,
    partitions: HashMap<String, BTreeMap<i32, HashMap<i64, u32>>>,
    texts: Vec<String>,
}

impl Received {
    /// Adds one event; its text is kept while fewer than `keep` are.
    pub(super) fn add(&mut self, envelope: &Envelope<'_>, keep: usize) {
        self.count.events += 1;
        self.count.metrics += u64::from(envelope.metric);
        self.count.searched_for_time += u64::from(envelope.searched_for_time);
        if self.texts.len() < keep {
            self.texts.push(String::from_utf8_lossy(envelope.raw).into_owned());
        }
        let Some((topic, partition, offset)) = envelope.position() else {
            self.count.unpositioned += 1;
            return;
        };
        if !self.partitions.contains_key(topic) {
            self.partitions.insert(topic.to_owned(), BTreeMap::new());
        }
        let Some(topic) = self.partitions.get_mut(topic) else { return };
        let times = topic.entry(partition).or_default().entry(offset).or_default();
        *times += 1;
        if *times == 1 {
            self.count.distinct += 1;
        } else {
            self.count.duplicates += 1;
        }
    }

    pub(super) fn times(&self, topic: &str, partition: i32, offset: i64) -> u32 {
        self.offsets(topic, partition).and_then(|offsets| offsets.get(&offset)).copied().unwrap_or(0)
    }

    pub(super) fn missing(&self, topic: &str, partition: i32, expected: Range<i64>) -> Vec<i64> {
        match self.offsets(topic, partition) {
            None => expected.collect(),
            Some(offsets) => expected.filter(|offset| !offsets.contains_key(offset)).collect(),
        }
    }

    pub(super) fn positions(&self) -> BTreeMap<(String, i32), BTreeMap<i64, u32>> {
        let mut all = BTreeMap::new();
        for (topic, partitions) in &self.partitions {
            for (partition, offsets) in partitions {
                let offsets = offsets.iter().map(|(offset, times)| (*offset, *times)).collect();
                all.insert((topic.clone(), *partition), offsets);
            }
        }
        all
    }

    pub(super) fn texts(&self) -> Vec<String> {
        self.texts.clone()
    }

    fn offsets(&self, topic: &str, partition: i32) -> Option<&HashMap<i64, u32>> {
        self.partitions.get(topic)?.get(&partition)
    }
}
