//! What `check --online` learns about a source: its topics, what they hold, how far the group is.
//!
//! Nothing is changed: no group is joined, nothing is committed, no topic is created.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use rdkafka::error::KafkaError;
use rdkafka::message::Message;
use regex::Regex;

use super::callbacks::PartitionKey;
use super::client::failure_of;
use super::config::{ClientConfig, KafkaConfig, Topics};
use super::members::Membership;
use super::observer::{Observer, TopicInfo};
use super::positions::{Held, start_of};
use crate::defaults;
use crate::delivery::attempt::Failure;
use crate::position::{PartitionId, ResumeAt, TopicName};
use crate::reason::Reason;
use crate::source::GapKind;

/// One topic of a source.
#[derive(Debug)]
pub struct TopicReport {
    pub name: TopicName,
    /// In the order of their numbers; or why the topic cannot be read.
    pub partitions: Result<Vec<PartitionReport>, Failure>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PartitionReport {
    pub partition: PartitionId,
    /// The first position that the broker still holds.
    pub low: ResumeAt,
    /// The position after the last record.
    pub end: ResumeAt,
    /// The group's committed position; `None` when it has none.
    pub committed: Option<ResumeAt>,
    /// Where a run would start reading.
    pub start: ResumeAt,
    /// The committed position is not among what the broker holds.
    pub gap: Option<GapKind>,
    /// Timestamp of the first unread record in milliseconds since 1970; `None` when there is none or it did not come in time.
    pub first_unread_ms: Option<i64>,
}

impl PartitionReport {
    /// Offsets between where a run would start and the end: an upper bound of records.
    pub fn lag(&self) -> u64 {
        self.start.distance_to(self.end)
    }

    /// Age of the first unread record; clocks differ, so it is never negative.
    pub fn age(&self, now_ms: i64) -> Option<Duration> {
        let age = now_ms.saturating_sub(self.first_unread_ms?);
        Some(Duration::from_millis(u64::try_from(age).unwrap_or(0)))
    }

    /// How long until the first unread record expires.
    pub fn time_left(&self, retention: Duration, now_ms: i64) -> Option<Duration> {
        self.age(now_ms).map(|age| retention.saturating_sub(age))
    }
}

/// Looks at the source. Blocks, for half a minute at most.
///
/// # Errors
/// The cluster cannot be reached or refuses the credentials, or no topic matches the pattern. What concerns one topic is in
/// its report.
pub fn inspect(config: &KafkaConfig, group_id: &str) -> Result<Vec<TopicReport>, Failure> {
    let observer = Observer::new(&config.client, group_id)?;
    let topics = topics_of(&observer, &config.topics)?;
    let mut reports = Vec::with_capacity(topics.len());
    for TopicInfo { name, partitions } in topics {
        let partitions = partitions.and_then(|partitions| look_at(&observer, config, &name, partitions));
        reports.push(TopicReport { name, partitions });
    }
    first_unread(&observer, &mut reports)?;
    Ok(reports)
}

/// Who is in the group. `reports` are of the same source and group. Blocks, for [`defaults::INSPECT_DEADLINE`] at most.
///
/// # Errors
/// The cluster cannot be reached, or does not allow this user to describe the group.
pub fn members(config: &KafkaConfig, group_id: &str, reports: &[TopicReport]) -> Result<Membership, Failure> {
    let mut partitions = reports.iter().filter_map(|report| report.partitions.as_ref().ok()).flatten();
    match partitions.any(|partition| partition.committed.is_some()) {
        true => Observer::new(&config.client, group_id)?.membership(group_id),
        false => Ok(Membership::Untold),
    }
}

/// The topics of a source, as the brokers describe them.
pub(super) fn topics_of(observer: &Observer, topics: &Topics) -> Result<Vec<TopicInfo>, Failure> {
    match topics {
        Topics::Names(names) => named(observer, names),
        Topics::Pattern(pattern) => matching(observer, pattern),
    }
}

/// How many partitions a topic has. Blocks, for [`defaults::INSPECT_DEADLINE`] at most.
///
/// # Errors
/// The cluster cannot be reached or refuses the credentials, or there is no such topic.
pub(crate) fn partition_count(config: &ClientConfig, topic: &TopicName) -> Result<usize, Failure> {
    // The client wants a group's name for any consumer; nothing is ever asked about this one.
    let observer = Observer::new(config, "auditferry-check")?;
    let info = named(&observer, std::slice::from_ref(topic))?.pop();
    info.map_or(Ok(0), |info| info.partitions.map(|partitions| partitions.len()))
}

fn named(observer: &Observer, names: &[TopicName]) -> Result<Vec<TopicInfo>, Failure> {
    let mut found = Vec::with_capacity(names.len());
    for name in names {
        let info = observer.topics(Some(name))?.into_iter().find(|info| info.name == *name);
        let missing = || Failure::new(Reason::KafkaTopic, format!("the brokers do not know the topic {name}"));
        found.push(info.unwrap_or_else(|| TopicInfo { name: name.clone(), partitions: Err(missing()) }));
    }
    Ok(found)
}

fn matching(observer: &Observer, pattern: &str) -> Result<Vec<TopicInfo>, Failure> {
    let regex = Regex::new(pattern)
        .map_err(|error| Failure::new(Reason::KafkaTopic, format!("`{pattern}` is not a pattern: {error}")))?;
    let mut topics = observer.topics(None)?;
    topics.retain(|topic| regex.is_match(topic.name.as_str()));
    topics.sort_by(|a, b| a.name.cmp(&b.name));
    if topics.is_empty() {
        let detail = format!("no topic that this user may see matches `{pattern}`: check the pattern and the ACLs");
        return Err(Failure::new(Reason::KafkaTopic, detail));
    }
    Ok(topics)
}

fn look_at(
    observer: &Observer,
    config: &KafkaConfig,
    topic: &TopicName,
    partitions: Vec<PartitionId>,
) -> Result<Vec<PartitionReport>, Failure> {
    let keys: Vec<PartitionKey> = partitions.into_iter().map(|partition| (topic.clone(), partition)).collect();
    let held = observer.held(&keys)?;
    let mut reports: Vec<PartitionReport> = held
        .into_iter()
        .map(|((_, partition), Held { low, end, committed, .. })| {
            let start = start_of(committed, low, end, config.start_at);
            PartitionReport {
                partition,
                low: ResumeAt::from_broker(low),
                end: ResumeAt::from_broker(end),
                committed: committed.map(ResumeAt::from_broker),
                start: ResumeAt::from_broker(start.at),
                gap: start.gap,
                first_unread_ms: None,
            }
        })
        .collect();
    reports.sort_by_key(|report| report.partition);
    Ok(reports)
}

/// Reads one record of each partition, which also proves that this user may read: describing a topic takes less.
fn first_unread(observer: &Observer, reports: &mut [TopicReport]) -> Result<(), Failure> {
    let (mut unread, mut at_end) = (HashMap::new(), 0usize);
    for (index, report) in reports.iter().enumerate() {
        for partition in report.partitions.iter().flatten() {
            match partition.lag() {
                0 => at_end += 1,
                _ => drop(unread.insert((report.name.clone(), partition.partition), index)),
            }
        }
    }
    let readable = reports.iter().filter_map(|report| Some((&report.name, report.partitions.as_ref().ok()?)));
    observer.read_from(readable.flat_map(|(name, all)| all.iter().map(move |p| (name, p.partition, p.start))))?;
    let deadline = Instant::now() + defaults::FIRST_UNREAD_WAIT;
    while (!unread.is_empty() || at_end > 0) && Instant::now() < deadline {
        match observer.next(Duration::from_millis(100)) {
            Some(Ok(message)) => {
                let key = (TopicName::new(message.topic()), PartitionId::new(message.partition()));
                if let Some(index) = unread.remove(&key) {
                    note_first(&mut reports[index], key.1, message.timestamp().to_millis());
                }
            }
            // The end names no topic, so a partition that was read to its end may be counted for another one. Then that
            // one's permission is not waited for; its topic has others.
            Some(Err(KafkaError::PartitionEOF(_))) => at_end = at_end.saturating_sub(1),
            Some(Err(error)) => may_read(&error, reports)?,
            None => {}
        }
    }
    Ok(())
}

fn note_first(report: &mut TopicReport, partition: PartitionId, timestamp_ms: Option<i64>) {
    let partitions = report.partitions.iter_mut().flatten();
    for report in partitions.filter(|report| report.partition == partition) {
        report.first_unread_ms = timestamp_ms;
    }
}

/// Of the errors of reading only a missing permission matters here; a lost connection shows elsewhere, or passes.
fn may_read(error: &KafkaError, reports: &[TopicReport]) -> Result<(), Failure> {
    let Failure { reason, detail } = failure_of(error);
    if reason != Reason::KafkaAuthorization {
        return Ok(());
    }
    let names: Vec<&str> = reports.iter().map(|report| report.name.as_str()).collect();
    Err(Failure::new(reason, format!("{detail} ({})", names.join(", "))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lag_and_time_left_are_reckoned_from_where_a_run_would_start() {
        let report = PartitionReport {
            partition: PartitionId::new(0),
            low: ResumeAt::from_broker(10),
            end: ResumeAt::from_broker(100),
            committed: Some(ResumeAt::from_broker(40)),
            start: ResumeAt::from_broker(40),
            gap: None,
            first_unread_ms: Some(1_000_000),
        };
        let hour = Duration::from_secs(3600);
        assert_eq!(report.lag(), 60);
        assert_eq!(report.age(1_600_000), Some(Duration::from_secs(600)));
        assert_eq!(report.time_left(hour, 1_600_000), Some(Duration::from_secs(3000)));
        assert_eq!(report.time_left(hour, 9_000_000), Some(Duration::ZERO));
        assert_eq!(report.age(0), Some(Duration::ZERO), "a clock that is behind makes no negative age");
    }
}
