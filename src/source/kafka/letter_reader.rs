//! Reads a dead-letter topic from where a group stands to where the topic ended when reading began.
//!
//! The reader never joins the group (see [`Observer`]); the group only keeps the positions. What is written while reading
//! goes on is left for the next reader, so a letter that is put back does not come round again.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use rdkafka::consumer::{CommitMode, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::message::{BorrowedMessage, Message};
use rdkafka::types::RDKafkaErrorCode;

use super::callbacks::PartitionKey;
use super::client::failure_of;
use super::config::{ClientConfig, StartAt};
use super::headers::readable;
use super::observer::Observer;
use super::positions::{Held, list_of, start_of};
use crate::defaults;
use crate::delivery::attempt::Failure;
use crate::position::{Offset, PartitionId, ResumeAt, TopicName};
use crate::reason::Reason;

/// A record that was read, owned.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct StoredRecord {
    pub(crate) partition: PartitionId,
    pub(crate) offset: Offset,
    pub(crate) timestamp_ms: Option<i64>,
    pub(crate) key: Option<Vec<u8>>,
    pub(crate) headers: Vec<(String, Option<Vec<u8>>)>,
    pub(crate) value: Option<Vec<u8>>,
}

pub(crate) struct LetterReader {
    observer: Observer,
    topic: TopicName,
    /// Where reading ends, for the partitions that are not read to their end yet.
    ends: BTreeMap<PartitionId, ResumeAt>,
}

impl LetterReader {
    /// # Errors
    /// The cluster cannot be reached, refuses the credentials, or the topic cannot be read.
    pub(crate) fn open(config: &ClientConfig, topic: &TopicName, group: &str) -> Result<Self, Failure> {
        let observer = Observer::new(config, group)?;
        let missing = || Failure::new(Reason::KafkaTopic, format!("the brokers do not know the topic {topic}"));
        let info = observer.topics(Some(topic))?.into_iter().find(|info| info.name == *topic).ok_or_else(missing)?;
        let keys: Vec<PartitionKey> = info.partitions?.into_iter().map(|id| (topic.clone(), id)).collect();
        let mut starts = Vec::new();
        let mut ends = BTreeMap::new();
        for ((_, partition), Held { low, end, committed, .. }) in observer.held(&keys)? {
            let start = start_of(committed, low, end, StartAt::Earliest);
            if start.at < end {
                starts.push((partition, ResumeAt::from_broker(start.at)));
                ends.insert(partition, ResumeAt::from_broker(end));
            }
        }
        observer.read_from(starts.into_iter().map(|(partition, at)| (topic, partition, at)))?;
        Ok(Self { observer, topic: topic.clone(), ends })
    }

    /// The next record; `None` when all has been read. Blocks.
    ///
    /// # Errors
    /// The brokers refuse, or hand over nothing for some time.
    pub(crate) fn next(&mut self) -> Result<Option<StoredRecord>, Failure> {
        let deadline = Instant::now() + defaults::LETTER_READ_TIMEOUT;
        while !self.ends.is_empty() {
            let record = match self.observer.next(Duration::from_millis(100)) {
                Some(Ok(message)) => owned(&message),
                Some(Err(KafkaError::PartitionEOF(partition))) => {
                    self.ends.remove(&PartitionId::new(partition));
                    continue;
                }
                Some(Err(error)) if !is_passing(&error) => return Err(failure_of(&error)),
                Some(Err(_)) | None => {
                    if Instant::now() >= deadline {
                        return Err(self
                            .observer
                            .explain(&KafkaError::MessageConsumption(RDKafkaErrorCode::OperationTimedOut)));
                    }
                    continue;
                }
            };
            if self.admits(&record) {
                return Ok(Some(record));
            }
        }
        Ok(None)
    }

    /// Whether the record lies before the end; notes when it is the last one.
    fn admits(&mut self, record: &StoredRecord) -> bool {
        let Some(end) = self.ends.get(&record.partition).copied() else { return false };
        if record.offset.resume_after() >= end {
            self.ends.remove(&record.partition);
        }
        record.offset.resume_here() < end
    }

    /// Moves the group past this record.
    ///
    /// # Errors
    /// The brokers refuse: the record, and those after it, will be read again.
    pub(crate) fn commit_after(&self, partition: PartitionId, offset: Offset) -> Result<(), Failure> {
        let point = [(&self.topic, partition, offset.resume_after())];
        let committed = list_of(point).and_then(|list| self.observer.consumer.commit(&list, CommitMode::Sync));
        committed.map_err(|error| failure_of(&error))
    }
}

fn is_passing(error: &KafkaError) -> bool {
    failure_of(error).reason == Reason::KafkaConnect
}

fn owned(message: &BorrowedMessage<'_>) -> StoredRecord {
    let headers = readable(message.headers());
    StoredRecord {
        partition: PartitionId::new(message.partition()),
        offset: Offset::new(message.offset()),
        timestamp_ms: message.timestamp().to_millis(),
        key: message.key().map(<[u8]>::to_vec),
        headers: headers.map(|(name, value)| (name.to_owned(), value.map(<[u8]>::to_vec))).collect(),
        value: message.payload().map(<[u8]>::to_vec),
    }
}
