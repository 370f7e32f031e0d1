//! Who is in a consumer group, and who holds which partition.
//!
//! The brokers keep each member's assignment in the bytes that the group's leader wrote (Kafka's
//! `ConsumerProtocolAssignment`, unchanged in the fields read here since version 0). Of groups of the newer protocol
//! (KIP-848) they tell nothing in this form; nobody is then shown, which is not the same as nobody being there.

use std::collections::HashMap;

use rdkafka::groups::{GroupInfo, GroupMemberInfo};

use super::callbacks::PartitionKey;
use crate::position::{PartitionId, TopicName};

/// What is known of a group's members.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub enum Membership {
    /// The brokers do not tell: the group has no position yet, or it uses the newer protocol.
    #[default]
    Untold,
    /// Nobody is in the group.
    Empty,
    Live {
        /// Identifier and host of each member.
        members: Vec<String>,
        /// Which of `members` holds a partition.
        holders: HashMap<PartitionKey, usize>,
    },
}

impl Membership {
    pub(super) fn of(group: &GroupInfo) -> Self {
        if group.members().is_empty() {
            // A group of the newer protocol is called dead by brokers that are asked in the older one's words.
            return if group.state() == "Dead" { Self::Untold } else { Self::Empty };
        }
        let mut holders = HashMap::new();
        for (index, member) in group.members().iter().enumerate() {
            let held = member.assignment().and_then(read_assignment).unwrap_or_default();
            holders.extend(held.into_iter().map(|key| (key, index)));
        }
        Self::Live { members: group.members().iter().map(name_of).collect(), holders }
    }

    /// The member that holds a partition.
    pub fn holder(&self, topic: &TopicName, partition: PartitionId) -> Option<&str> {
        match self {
            Self::Untold | Self::Empty => None,
            Self::Live { members, holders } => {
                let index = holders.get(&(topic.clone(), partition))?;
                members.get(*index).map(String::as_str)
            }
        }
    }
}

fn name_of(member: &GroupMemberInfo) -> String {
    // Brokers write a host as Java does, `name/address` with the name often missing.
    format!("{} at {}", member.id(), member.client_host().trim_start_matches('/'))
}

/// Version, then topics, each with its partitions; what follows belongs to the leader.
fn read_assignment(bytes: &[u8]) -> Option<Vec<PartitionKey>> {
    let mut rest = Reader(bytes);
    rest.int16()?;
    let mut held = Vec::new();
    for _ in 0..rest.int32()? {
        let length = usize::try_from(rest.int16()?).ok()?;
        let topic = TopicName::new(std::str::from_utf8(rest.take(length)?).ok()?);
        for _ in 0..rest.int32()? {
            held.push((topic.clone(), PartitionId::new(rest.int32()?)));
        }
    }
    Some(held)
}

/// Big-endian numbers, as the protocol writes them.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    fn int16(&mut self) -> Option<i16> {
        self.take(2)?.try_into().ok().map(i16::from_be_bytes)
    }

    fn int32(&mut self) -> Option<i32> {
        self.take(4)?.try_into().ok().map(i32::from_be_bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TWO_TOPICS: &[u8] =
        b"\0\x01\0\0\0\x02\0\x01a\0\0\0\x02\0\0\0\0\0\0\0\x05\0\x02bc\0\0\0\x01\0\0\0\x07\0\0\0\0";

    #[test]
    fn an_assignment_names_its_partitions() {
        let key = |topic, partition| (TopicName::new(topic), PartitionId::new(partition));
        assert_eq!(read_assignment(TWO_TOPICS), Some(vec![key("a", 0), key("a", 5), key("bc", 7)]));
        assert_eq!(read_assignment(b"\0\0\0\0\0\0"), Some(vec![]));
    }

    #[test]
    fn a_truncated_assignment_is_not_guessed_at() {
        // The four bytes at the end are the leader's own data, which may be missing.
        for length in 0..TWO_TOPICS.len() - 4 {
            assert_eq!(read_assignment(&TWO_TOPICS[..length]), None, "{length} bytes");
        }
        assert_eq!(read_assignment(b"\0\0\x7f\xff\xff\xff"), None, "a count that nothing follows");
    }
}
