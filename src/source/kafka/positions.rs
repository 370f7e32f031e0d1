//! Where to start reading, and what is missing.
//!
//! Kafka's own answer to an expired position is to jump silently (`auto.offset.reset`). Here it is set to `error`, the
//! position is compared with what the broker still holds, and a difference becomes a [`GapKind`] before reading goes on.

use std::collections::HashMap;
use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::error::KafkaError;
use rdkafka::{Offset, TopicPartitionList};

use super::binding;
use super::callbacks::PartitionKey;
use super::config::StartAt;
use crate::position::{PartitionId, ResumeAt, TopicName};
use crate::source::GapKind;

/// How long the brokers may take to answer one question about positions.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);

/// What the broker holds of one partition, and for the group.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Held {
    pub(super) low: i64,
    pub(super) end: i64,
    pub(super) committed: Option<i64>,
    /// What an earlier process noted beside the committed position: see [`note_of`].
    pub(super) settled_through_ms: Option<i64>,
}

/// Where reading starts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Start {
    pub(super) at: i64,
    pub(super) gap: Option<GapKind>,
}

/// Decides where to read on.
///
/// | wanted position | start | gap |
/// | --- | --- | --- |
/// | none | as `start_at` says | no |
/// | before the first record | first record | expired |
/// | after the end | first record | beyond the end |
/// | in between | there | no |
///
/// Beyond the end means that the topic was recreated or truncated, or that a mirror is behind: starting at the first
/// record may repeat, and loses nothing.
pub(super) fn start_of(wanted: Option<i64>, low: i64, end: i64, start_at: StartAt) -> Start {
    let Some(wanted) = wanted else {
        let at = match start_at {
            StartAt::Earliest => low,
            StartAt::Latest => end,
        };
        return Start { at, gap: None };
    };
    if wanted < low {
        Start { at: low, gap: Some(GapKind::Expired) }
    } else if wanted > end {
        Start { at: low, gap: Some(GapKind::BeyondEnd) }
    } else {
        Start { at: wanted, gap: None }
    }
}

/// The note beside a committed position: the timestamp of the last settled record, so that a later gap can be dated.
pub(super) fn note_of(settled_through_ms: Option<i64>) -> String {
    settled_through_ms.map_or_else(String::new, |ms| format!("{NOTE_PREFIX}{ms}"))
}

const NOTE_PREFIX: &str = "auditferry/1 settled-through-ms=";

fn read_note(metadata: &str) -> Option<i64> {
    metadata.strip_prefix(NOTE_PREFIX)?.parse().ok()
}

/// First and end offsets of the partitions.
pub(super) fn fetch_bounds<C: ConsumerContext>(
    consumer: &BaseConsumer<C>,
    keys: &[PartitionKey],
) -> Result<HashMap<PartitionKey, (i64, i64)>, KafkaError> {
    // A time query for the special values -2 and -1 is how the protocol asks for the first and the end offset
    // (ListOffsets); one request per broker answers for all partitions.
    let lows = offsets_of(consumer.offsets_for_times(list_at(keys, Offset::Beginning)?, ANSWER_TIMEOUT)?)?;
    let mut ends = offsets_of(consumer.offsets_for_times(list_at(keys, Offset::End)?, ANSWER_TIMEOUT)?)?;
    let bounds = lows.into_iter().filter_map(|(key, low)| {
        let end = ends.remove(&key)?;
        Some((key, (low, end)))
    });
    Ok(bounds.collect())
}

/// All that decides where to start.
pub(super) fn fetch_held<C: ConsumerContext>(
    consumer: &BaseConsumer<C>,
    keys: &[PartitionKey],
) -> Result<HashMap<PartitionKey, Held>, KafkaError> {
    if keys.is_empty() {
        return Ok(HashMap::new());
    }
    let mut committed = committed_of(consumer.committed_offsets(list_at(keys, Offset::Invalid)?, ANSWER_TIMEOUT)?)?;
    let bounds = fetch_bounds(consumer, keys)?;
    let held = bounds.into_iter().map(|(key, (low, end))| {
        let (committed, settled_through_ms) = committed.remove(&key).unwrap_or_default();
        (key, Held { low, end, committed, settled_through_ms })
    });
    Ok(held.collect())
}

pub(super) fn list_of<'a>(
    positions: impl IntoIterator<Item = (&'a TopicName, PartitionId, ResumeAt)>,
) -> Result<TopicPartitionList, KafkaError> {
    let mut list = TopicPartitionList::new();
    for (topic, partition, at) in positions {
        list.add_partition_offset(topic.as_str(), partition.get(), Offset::Offset(at.get()))?;
    }
    Ok(list)
}

fn list_at(keys: &[PartitionKey], offset: Offset) -> Result<TopicPartitionList, KafkaError> {
    let mut list = TopicPartitionList::new();
    for (topic, partition) in keys {
        list.add_partition_offset(topic.as_str(), partition.get(), offset)?;
    }
    Ok(list)
}

fn offsets_of(list: TopicPartitionList) -> Result<HashMap<PartitionKey, i64>, KafkaError> {
    let mut offsets = HashMap::new();
    for element in list.elements() {
        element.error()?;
        let key = (TopicName::new(element.topic()), PartitionId::new(element.partition()));
        match element.offset() {
            Offset::Offset(offset) => drop(offsets.insert(key, offset)),
            // An empty partition is asked for its end: the broker says so in the words of the question.
            Offset::End | Offset::Beginning | Offset::Invalid | Offset::Stored | Offset::OffsetTail(_) => {}
        }
    }
    Ok(offsets)
}

type Committed = (Option<i64>, Option<i64>);

fn committed_of(list: TopicPartitionList) -> Result<HashMap<PartitionKey, Committed>, KafkaError> {
    let mut committed = HashMap::new();
    for element in list.elements() {
        element.error()?;
        if let Offset::Offset(offset) = element.offset() {
            let key = (TopicName::new(element.topic()), PartitionId::new(element.partition()));
            // Another tool may have written the note; the position counts whatever stands beside it.
            let note = binding::readable(|| read_note(element.metadata())).flatten();
            committed.insert(key, (Some(offset), note));
        }
    }
    Ok(committed)
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpStream;

    use rdkafka::mocking::MockCluster;

    use super::*;

    #[test]
    fn reading_starts_where_the_table_says() {
        use StartAt::{Earliest, Latest};
        let start = |wanted, start_at| {
            let Start { at, gap } = start_of(wanted, 100, 200, start_at);
            (at, gap)
        };
        assert_eq!(start(None, Earliest), (100, None));
        assert_eq!(start(None, Latest), (200, None));
        assert_eq!(start(Some(99), Latest), (100, Some(GapKind::Expired)));
        assert_eq!(start(Some(100), Earliest), (100, None));
        assert_eq!(start(Some(200), Earliest), (200, None));
        assert_eq!(start(Some(201), Earliest), (100, Some(GapKind::BeyondEnd)));
    }

    #[test]
    fn notes_are_read_back_and_others_are_ignored() {
        assert_eq!(read_note(&note_of(Some(1_700_000_000_123))), Some(1_700_000_000_123));
        assert_eq!(note_of(None), "");
        assert_eq!(read_note("something a connector wrote"), None);
    }

    /// Commits as a tool does that knows nothing of UTF-8: an OffsetCommit request, version 2, byte by byte.
    fn commit_raw(broker: &str, group: &str, topic: &str, offset: i64, note: &[u8]) {
        let text = |bytes: &[u8]| [&u16::try_from(bytes.len()).unwrap().to_be_bytes()[..], bytes].concat();
        let (key, version, correlation) = (8i16.to_be_bytes(), 2i16.to_be_bytes(), 1i32.to_be_bytes());
        let header = [&key[..], &version, &correlation, &text(b"raw")].concat();
        let (generation, retention) = ((-1i32).to_be_bytes(), (-1i64).to_be_bytes());
        let member = [&text(group.as_bytes())[..], &generation, &text(b""), &retention].concat();
        let (one, partition) = (1i32.to_be_bytes(), 0i32.to_be_bytes());
        let topic = [&one[..], &text(topic.as_bytes()), &one, &partition, &offset.to_be_bytes(), &text(note)].concat();
        let request = [header, member, topic].concat();
        let mut connection = TcpStream::connect(broker).unwrap();
        connection.write_all(&i32::try_from(request.len()).unwrap().to_be_bytes()).unwrap();
        connection.write_all(&request).unwrap();
        let mut len = [0; 4];
        connection.read_exact(&mut len).unwrap();
        let mut answer = vec![0; usize::try_from(i32::from_be_bytes(len)).unwrap()];
        connection.read_exact(&mut answer).unwrap();
        assert_eq!(answer.last_chunk(), Some(&[0u8; 2]), "the error code of the only partition: {answer:?}");
    }

    #[test]
    fn a_committed_position_counts_whatever_bytes_another_tool_wrote_beside_it() {
        let cluster = MockCluster::new(1).unwrap();
        let (broker, group, topic) = (cluster.bootstrap_servers(), "group", TopicName::new("topic"));
        cluster.create_topic(topic.as_str(), 1, 1).unwrap();
        let mut config = rdkafka::ClientConfig::new();
        config.set("bootstrap.servers", &broker).set("group.id", group);
        let consumer: BaseConsumer = config.create().unwrap();
        let key = (topic.clone(), PartitionId::new(0));
        for (note, known) in [(note_of(Some(5)).as_bytes(), Some(5)), (b"\xff\xfe", None), (b"", None)] {
            commit_raw(&broker, group, topic.as_str(), 7, note);
            let held = fetch_held(&consumer, std::slice::from_ref(&key)).unwrap();
            let Held { committed, settled_through_ms, .. } = held[&key];
            assert_eq!((committed, settled_through_ms), (Some(7), known), "{note:?}");
        }
    }
}
