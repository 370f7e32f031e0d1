//! The few numbers we read from librdkafka's statistics (its STATISTICS.md gives their meaning).

use std::borrow::Cow;
use std::collections::HashMap;
use std::time::Duration;

use serde::Deserialize;

use crate::position::{PartitionId, TopicName};

#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Statistics {
    pub(super) partitions: Vec<PartitionStats>,
    /// For how long the group's coordinator has been there; `None` while it is not.
    pub(super) coordinator_up: Option<Duration>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct PartitionStats {
    pub(super) topic: TopicName,
    pub(super) partition: PartitionId,
    /// Next offset to fetch: everything before it that can be read was handed to the consumer queue.
    pub(super) next_offset: i64,
    /// Last stable offset, the end for readers of committed transactions; negative when unknown.
    pub(super) ls_offset: i64,
    /// Messages in the queue.
    pub(super) fetchq_cnt: i64,
    /// What a commit of this client last set at the broker; negative when unknown.
    pub(super) committed_offset: i64,
}

#[derive(Deserialize)]
struct Stats<'a> {
    #[serde(borrow, default)]
    topics: HashMap<Cow<'a, str>, Topic<'a>>,
    #[serde(borrow)]
    cgrp: Option<Group<'a>>,
}

#[derive(Deserialize)]
struct Group<'a> {
    #[serde(borrow)]
    state: Cow<'a, str>,
    /// Milliseconds since the state changed.
    stateage: u64,
}

#[derive(Deserialize)]
struct Topic<'a> {
    #[serde(borrow, default)]
    partitions: HashMap<Cow<'a, str>, Partition>,
}

#[derive(Deserialize)]
struct Partition {
    partition: i32,
    next_offset: i64,
    ls_offset: i64,
    fetchq_cnt: i64,
    committed_offset: i64,
}

pub(super) fn parse_stats(json: &[u8]) -> serde_json::Result<Statistics> {
    let stats: Stats<'_> = serde_json::from_slice(json)?;
    let rows = stats.topics.iter().flat_map(|(name, topic)| {
        let topic_name = TopicName::new(name);
        topic.partitions.values().filter(|p| p.partition >= 0).map(move |p| PartitionStats {
            topic: topic_name.clone(),
            partition: PartitionId::new(p.partition),
            next_offset: p.next_offset,
            ls_offset: p.ls_offset,
            fetchq_cnt: p.fetchq_cnt,
            committed_offset: p.committed_offset,
        })
    });
    let up = stats.cgrp.as_ref().filter(|group| group.state == "up");
    let coordinator_up = up.map(|group| Duration::from_millis(group.stateage));
    Ok(Statistics { partitions: rows.collect(), coordinator_up })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn partitions_are_read_and_the_unassigned_pseudo_partition_is_not() {
        let json = br#"{"name":"x","topics":{"t":{"topic":"t","age":1,"partitions":{
            "0":{"partition":0,"next_offset":7,"ls_offset":9,"hi_offset":9,"fetchq_cnt":2,"eof_offset":-1001,
            "committed_offset":5},
            "-1":{"partition":-1,"next_offset":0,"ls_offset":-1001,"fetchq_cnt":0,
            "committed_offset":-1001}}}},"cgrp":{"state":"up","stateage":1500,"join_state":"steady"}}"#;
        let stats = parse_stats(json).expect("valid");
        let expected = PartitionStats {
            topic: TopicName::new("t"),
            partition: PartitionId::new(0),
            next_offset: 7,
            ls_offset: 9,
            fetchq_cnt: 2,
            committed_offset: 5,
        };
        assert_eq!(stats.partitions, [expected]);
        assert_eq!(stats.coordinator_up, Some(Duration::from_millis(1500)));
        assert!(parse_stats(b"{").is_err());
    }

    #[test]
    fn a_coordinator_that_is_looked_for_is_not_there() {
        let up = |json: &str| parse_stats(json.as_bytes()).expect("valid").coordinator_up;
        assert_eq!(up(r#"{"topics":{},"cgrp":{"state":"query-coord","stateage":9}}"#), None);
        assert_eq!(up(r#"{"topics":{}}"#), None);
    }
}
