//! Taking over a group's positions: from one cluster to another that mirrors it, or from one group to another.
//!
//! A mirror made by Cluster Linking keeps offsets, so a position means the same record on both sides. That is checked and
//! not believed: both sides are asked for the record at the position, and they have to be the same.
//!
//! Nothing is written but the target group's positions, and nothing before [`apply`]. Neither group may be live: the
//! source's positions would move on while they are copied, and the target's members would not notice.

use std::collections::HashMap;

use rdkafka::consumer::{CommitMode, Consumer};
use rdkafka::{Offset, TopicPartitionList};

use super::callbacks::PartitionKey;
use super::client::failure_of;
use super::config::KafkaConfig;
use super::inspect::topics_of;
use super::members::Membership;
use super::observer::{Observer, TopicInfo};
use super::positions::{Held, note_of};
use crate::delivery::attempt::Failure;
use crate::position::{PartitionId, ResumeAt, TopicName};
use crate::reason::Reason;

/// A consumer group at a source.
#[derive(Clone, Copy, Debug)]
pub struct GroupAt<'c> {
    pub config: &'c KafkaConfig,
    pub group: &'c str,
}

/// What would be copied.
#[derive(Debug)]
pub struct Plan {
    /// One for each partition in which the source group has a position, in order.
    pub moves: Vec<Move>,
    pub from: Membership,
    pub to: Membership,
}

/// One partition's position on its way.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Move {
    pub from_topic: TopicName,
    pub partition: PartitionId,
    /// The topic on the target's cluster; `None` when it has none that corresponds.
    pub to_topic: Option<TopicName>,
    pub position: ResumeAt,
    /// The target group's position so far.
    pub before: Option<ResumeAt>,
    pub check: Check,
    /// What the source group's last process noted beside the position.
    settled_through_ms: Option<i64>,
}

/// Whether the position means the same on the target's side.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Check {
    /// Both sides hold the same record there, or both groups are on one cluster.
    Same,
    /// Neither holds a record there that could be compared.
    Unproven,
    /// The target has records from `low` on only: what lies between was not mirrored, or has expired.
    Expired { low: ResumeAt },
    /// The target ends at `end`, before the position: the mirror is behind.
    Behind { end: ResumeAt },
    /// The two sides hold different records: the target is no mirror of the source.
    Different,
    /// The target has no such topic or partition.
    Missing,
}

impl Check {
    /// Whether copying would be wrong.
    pub const fn refuses(self) -> bool {
        match self {
            Self::Same | Self::Unproven | Self::Expired { .. } => false,
            Self::Behind { .. } | Self::Different | Self::Missing => true,
        }
    }
}

impl Plan {
    /// Whether some of it would be wrong.
    pub fn is_refused(&self) -> bool {
        self.moves.iter().any(|planned| planned.check.refuses())
    }
}

/// Looks at both sides. Changes nothing. Blocks, for a minute at most.
///
/// # Errors
/// A cluster cannot be reached or refuses this user, or the source group has no position.
pub fn plan(from: GroupAt<'_>, to: GroupAt<'_>) -> Result<Plan, Failure> {
    let sides = [from, to].map(|side| Observer::new(&side.config.client, side.group));
    let [source, target] = sides;
    let (source, target) = (source?, target?);
    let positions = positions_of(&source, from)?;
    let topics = known_topics(&target, to)?;
    let pairs = pairs_of(&positions, &topics);
    let held = target.held(&pairs.values().cloned().collect::<Vec<_>>())?;
    let mut moves: Vec<Move> = positions
        .iter()
        .map(|(key, (position, here))| {
            let there = pairs.get(key).and_then(|key| held.get(key));
            let check = there.map_or(Check::Missing, |there| check_bounds(*position, there));
            Move {
                from_topic: key.0.clone(),
                partition: key.1,
                to_topic: pairs.get(key).map(|key| key.0.clone()),
                position: *position,
                before: there.and_then(|there| there.committed).map(ResumeAt::from_broker),
                check,
                settled_through_ms: here.settled_through_ms,
            }
        })
        .collect();
    moves.sort_by(|a, b| (&a.from_topic, a.partition).cmp(&(&b.from_topic, b.partition)));
    if from.config.client.bootstrap_servers != to.config.client.bootstrap_servers {
        compare_records((&source, &positions), (&target, &held), &mut moves)?;
    }
    let has_position = moves.iter().any(|planned| planned.before.is_some());
    let to = if has_position { target.membership(to.group)? } else { Membership::Untold };
    Ok(Plan { moves, from: source.membership(from.group)?, to })
}

/// Writes the positions of a plan, then reads them back.
///
/// # Errors
/// The brokers refused, for example because a member has joined the group, or they do not hold afterwards what was written.
pub fn apply(plan: &Plan, to: GroupAt<'_>) -> Result<(), Failure> {
    let target = Observer::new(&to.config.client, to.group)?;
    let mut list = TopicPartitionList::new();
    let mut written = HashMap::new();
    for planned in &plan.moves {
        let Some(topic) = &planned.to_topic else { continue };
        let mut element = list.add_partition(topic.as_str(), planned.partition.get());
        element.set_offset(Offset::Offset(planned.position.get())).map_err(|error| failure_of(&error))?;
        element.set_metadata(note_of(planned.settled_through_ms));
        written.insert((topic.clone(), planned.partition), planned.position);
    }
    target.consumer.commit(&list, CommitMode::Sync).map_err(|error| {
        let Failure { reason, detail } = target.explain(&error);
        Failure::new(reason, format!("group {}: {detail}; is a member of it running?", to.group))
    })?;
    drop(list);
    let keys: Vec<PartitionKey> = written.keys().cloned().collect();
    let held = target.held(&keys)?;
    for (key, position) in written {
        let found = held.get(&key).and_then(|held| held.committed).map(ResumeAt::from_broker);
        if found != Some(position) {
            let found = found.map_or_else(|| "none".to_owned(), |found| found.to_string());
            let detail = format!("{} partition {}: wrote {position}, the group now has {found}", key.0, key.1);
            return Err(Failure::new(Reason::Kafka, detail));
        }
    }
    Ok(())
}

type Positions = HashMap<PartitionKey, (ResumeAt, Held)>;

fn positions_of(source: &Observer, from: GroupAt<'_>) -> Result<Positions, Failure> {
    let mut keys = Vec::new();
    for TopicInfo { name, partitions } in topics_of(source, &from.config.topics)? {
        keys.extend(partitions?.into_iter().map(|partition| (name.clone(), partition)));
    }
    let held = source.held(&keys)?;
    let positions: Positions = held
        .into_iter()
        .filter_map(|(key, held)| held.committed.map(|at| (key, (ResumeAt::from_broker(at), held))))
        .collect();
    if positions.is_empty() {
        let detail = format!(
            "group {} has no position in the topics of this source: check the group's name (a connector's is \
             connect-<its name>) and that the source is the cluster that it read",
            from.group
        );
        return Err(Failure::new(Reason::KafkaTopic, detail));
    }
    Ok(positions)
}

/// The target's topics that exist; those that do not are found missing later, by the partitions that need them.
fn known_topics(target: &Observer, to: GroupAt<'_>) -> Result<Vec<(TopicName, Vec<PartitionId>)>, Failure> {
    let topics = topics_of(target, &to.config.topics)?;
    Ok(topics.into_iter().filter_map(|topic| Some((topic.name, topic.partitions.ok()?))).collect())
}

/// Which partition of the target each partition of the source is: the topic of the same name, or the only one whose name
/// ends with it, since a cluster link may put a prefix before the names of its mirrors.
fn pairs_of(positions: &Positions, topics: &[(TopicName, Vec<PartitionId>)]) -> HashMap<PartitionKey, PartitionKey> {
    let mut pairs = HashMap::new();
    for key @ (topic, partition) in positions.keys() {
        let same = topics.iter().find(|(name, _)| name == topic);
        let mut prefixed = topics.iter().filter(|(name, _)| name.as_str().ends_with(topic.as_str()));
        let only = prefixed.next().filter(|_| prefixed.next().is_none());
        if let Some((name, partitions)) = same.or(only)
            && partitions.contains(partition)
        {
            pairs.insert(key.clone(), (name.clone(), *partition));
        }
    }
    pairs
}

fn check_bounds(position: ResumeAt, there: &Held) -> Check {
    let (low, end) = (ResumeAt::from_broker(there.low), ResumeAt::from_broker(there.end));
    if position > end {
        Check::Behind { end }
    } else if position < low {
        Check::Expired { low }
    } else {
        Check::Same
    }
}

/// Asks both sides for a record that both should have: the one at the position, or the last one before it.
fn compare_records(
    (source, here): (&Observer, &Positions),
    (target, there): (&Observer, &HashMap<PartitionKey, Held>),
    moves: &mut [Move],
) -> Result<(), Failure> {
    let (mut asked, mut of_source, mut of_target) = (Vec::new(), Vec::new(), Vec::new());
    for (index, planned) in moves.iter().enumerate().filter(|(_, planned)| planned.check == Check::Same) {
        let Some(topic) = &planned.to_topic else { continue };
        let from = (planned.from_topic.clone(), planned.partition);
        let to = (topic.clone(), planned.partition);
        let (Some((_, here)), Some(there)) = (here.get(&from), there.get(&to)) else { continue };
        let at = planned.position.get().min(here.end - 1).min(there.end - 1);
        if at >= here.low.max(there.low) {
            of_source.push((from.clone(), ResumeAt::from_broker(at)));
            of_target.push((to.clone(), ResumeAt::from_broker(at)));
        }
        asked.push((index, from, to));
    }
    let (here, there) = (source.firsts(&of_source)?, target.firsts(&of_target)?);
    for (index, from, to) in &asked {
        moves[*index].check = match (here.get(from), there.get(to)) {
            (Some(here), Some(there)) if here == there => Check::Same,
            (Some(_), Some(_)) => Check::Different,
            (Some(_) | None, None) | (None, Some(_)) => Check::Unproven,
        };
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn held(low: i64, end: i64) -> Held {
        Held { low, end, committed: None, settled_through_ms: None }
    }

    fn positions(topics: &[&str]) -> Positions {
        let key = |topic: &&str| (TopicName::new(topic), PartitionId::new(0));
        topics.iter().map(|topic| (key(topic), (ResumeAt::from_broker(1), held(0, 9)))).collect()
    }

    fn paired(from: &str, topics: &[&str]) -> Option<String> {
        let topics: Vec<_> = topics.iter().map(|name| (TopicName::new(name), vec![PartitionId::new(0)])).collect();
        let pairs = pairs_of(&positions(&[from]), &topics);
        pairs.into_values().next().map(|(topic, _)| topic.to_string())
    }

    #[test]
    fn a_position_has_to_lie_within_what_the_target_holds() {
        let check = |position| check_bounds(ResumeAt::from_broker(position), &held(10, 20));
        assert_eq!(check(9), Check::Expired { low: ResumeAt::from_broker(10) });
        assert_eq!(check(10), Check::Same);
        assert_eq!(check(20), Check::Same);
        assert_eq!(check(21), Check::Behind { end: ResumeAt::from_broker(20) });
    }

    #[test]
    fn a_topic_corresponds_to_its_namesake_or_to_the_only_prefixed_one() {
        assert_eq!(paired("audit", &["audit", "eu.audit"]).as_deref(), Some("audit"));
        assert_eq!(paired("audit", &["other", "eu.audit"]).as_deref(), Some("eu.audit"));
        assert_eq!(paired("audit", &["us.audit", "eu.audit"]), None, "which of the two is not guessed");
        assert_eq!(paired("audit", &["audits"]), None);
    }

    #[test]
    fn what_would_be_wrong_is_refused_and_what_is_merely_unknown_is_not() {
        let at = ResumeAt::from_broker(1);
        for check in [Check::Same, Check::Unproven, Check::Expired { low: at }] {
            assert!(!check.refuses(), "{check:?}");
        }
        for check in [Check::Behind { end: at }, Check::Different, Check::Missing] {
            assert!(check.refuses(), "{check:?}");
        }
    }
}
