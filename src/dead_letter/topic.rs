//! A Kafka topic of letters.
//!
//! A letter is the original record with headers added behind its own. The topic must not be compacted: letters share keys,
//! and a tombstone is a letter like any other.
//!
//! How far letters were sent again is the committed position of the consumer group `auditferry-retry-<pipeline>`. A position
//! cannot leave a letter behind, so one that is refused again is written anew at the end before the position passes it.

use jiff::Timestamp;

use super::letter_json::{StoredLetter, content_of, words_of};
use super::{Found, Selection};
use crate::delivery::attempt::Failure;
use crate::delivery::letter::Letter;
use crate::position::{Offset, PartitionId, TopicName};
use crate::reason::Reason;
use crate::source::kafka::config::ClientConfig;
use crate::source::kafka::inspect::partition_count;
use crate::source::kafka::letter_reader::{LetterReader, StoredRecord};
use crate::source::kafka::producer::{LetterProducer, NewRecord};

/// The first of our headers. What stands before its last occurrence is the record's own, whatever its name.
const VERSION: &str = "auditferry.version";
const PIPELINE: &str = "auditferry.pipeline";
const REASON: &str = "auditferry.reason";
const DETAIL: &str = "auditferry.detail";
const TOPIC: &str = "auditferry.topic";
const PARTITION: &str = "auditferry.partition";
const OFFSET: &str = "auditferry.offset";
const TIMESTAMP: &str = "auditferry.timestamp";
const QUARANTINED_AT: &str = "auditferry.quarantined_at";
/// Whether redaction has been done; missing where nothing is redacted.
const CLEARED: &str = "auditferry.cleared";
/// What became of the content of a record that could not be redacted.
const UNCLEAR: &str = "auditferry.unclear";
/// Says to a person that the record had no value; a program sees it by itself.
const TOMBSTONE: &str = "auditferry.tombstone";

const KNOWN_VERSION: &str = "1";

pub struct TopicStore {
    name: TopicName,
    kafka: ClientConfig,
    pipeline: String,
    producer: LetterProducer,
}

impl TopicStore {
    pub(super) fn new(name: &TopicName, kafka: &ClientConfig, pipeline: &str) -> Result<Self, Failure> {
        let producer = LetterProducer::new(kafka, name.clone())?;
        Ok(Self { name: name.clone(), kafka: kafka.clone(), pipeline: pipeline.to_owned(), producer })
    }

    pub(super) fn name(&self) -> &TopicName {
        &self.name
    }

    pub(super) fn put(&self, letters: &[Letter]) -> Result<(), Failure> {
        let now = Timestamp::now();
        let records: Vec<NewRecord<'_>> = letters.iter().map(|letter| record_of(&self.pipeline, now, letter)).collect();
        self.producer.send(&records).map_err(|failure| self.explain(&failure))
    }

    pub(super) fn examine(&self) -> Result<String, Failure> {
        let partitions = partition_count(&self.kafka, &self.name)?;
        Ok(format!("topic {} exists and has {partitions} partitions", self.name))
    }

    pub(super) fn read(&self, selection: Selection) -> Result<TopicCursor<'_>, Failure> {
        let group = format!("auditferry-retry-{}", self.pipeline);
        let reader = LetterReader::open(&self.kafka, &self.name, &group).map_err(|failure| self.explain(&failure))?;
        let wanted = match selection {
            Selection::All => None,
            Selection::Ids(ids) => Some(ids),
        };
        Ok(TopicCursor { store: self, reader, wanted, last: None })
    }

    fn explain(&self, failure: &Failure) -> Failure {
        Failure::new(Reason::DeadLetterStore, format!("dead-letter topic {}: {failure}", self.name))
    }
}

/// The letters of a topic that were not sent again yet, one by one.
pub struct TopicCursor<'s> {
    store: &'s TopicStore,
    reader: LetterReader,
    /// Identifiers still to be found; `None` for all letters.
    wanted: Option<Vec<String>>,
    /// The letter that was handed out last.
    last: Option<(PartitionId, Offset)>,
}

impl TopicCursor<'_> {
    pub(super) fn next(&mut self) -> Result<Option<Found>, Failure> {
        while self.wanted.as_ref().is_none_or(|wanted| !wanted.is_empty()) {
            let record = self.reader.next().map_err(|failure| self.store.explain(&failure))?;
            let Some(record) = record else { return Ok(self.missing()) };
            let (partition, offset) = (record.partition, record.offset);
            let id = format!("{partition}-{offset}");
            if !self.wants(&id) {
                continue;
            }
            let letter = letter_of(record);
            if letter.as_ref().is_ok_and(|letter| letter.pipeline != self.store.pipeline) {
                continue;
            }
            self.last = Some((partition, offset));
            let letter = letter.map_err(|problem| {
                let detail = format!("the record {id} of topic {}: {problem}", self.store.name);
                Failure::new(Reason::DeadLetterStore, detail)
            });
            return Ok(Some(Found { id, letter }));
        }
        Ok(None)
    }

    /// Passes over the letter that was handed out last, and all before it in its partition.
    pub(super) fn pass(&mut self) -> Result<(), Failure> {
        let Some((partition, offset)) = self.last.take() else { return Ok(()) };
        self.reader.commit_after(partition, offset).map_err(|failure| self.store.explain(&failure))
    }

    pub(super) fn put_back(&mut self, letter: &Letter) -> Result<(), Failure> {
        self.store.put(std::slice::from_ref(letter))?;
        self.pass()
    }

    fn wants(&mut self, id: &str) -> bool {
        let Some(wanted) = &mut self.wanted else { return true };
        let before = wanted.len();
        wanted.retain(|wanted| wanted != id);
        wanted.len() < before
    }

    fn missing(&mut self) -> Option<Found> {
        let id = self.wanted.as_mut()?.pop()?;
        let detail = format!("there is no letter {id} in the topic {}, or it was sent again already", self.store.name);
        Some(Found { id, letter: Err(Failure::new(Reason::DeadLetterStore, detail)) })
    }
}

fn record_of<'a>(pipeline: &str, now: Timestamp, letter: &'a Letter) -> NewRecord<'a> {
    let mut headers: Vec<(&str, Option<Vec<u8>>)> =
        letter.headers.iter().map(|(name, value)| (name.as_str(), value.clone())).collect();
    let mut add = |name, value: String| headers.push((name, Some(value.into_bytes())));
    add(VERSION, KNOWN_VERSION.to_owned());
    add(PIPELINE, pipeline.to_owned());
    add(REASON, letter.failure.reason.to_string());
    add(DETAIL, letter.failure.detail.clone());
    add(TOPIC, letter.topic.to_string());
    add(PARTITION, letter.partition.to_string());
    add(OFFSET, letter.offset.to_string());
    add(QUARANTINED_AT, now.to_string());
    if let Some(timestamp_ms) = letter.timestamp_ms {
        add(TIMESTAMP, timestamp_ms.to_string());
    }
    let (cleared, unclear) = words_of(letter.content);
    if let Some(cleared) = cleared {
        add(CLEARED, cleared.to_string());
    }
    if let Some(unclear) = unclear {
        add(UNCLEAR, unclear.to_owned());
    }
    if letter.value.is_none() {
        add(TOMBSTONE, "true".to_owned());
    }
    NewRecord { key: letter.key.as_deref(), headers, value: letter.value.as_deref() }
}

fn letter_of(record: StoredRecord) -> Result<StoredLetter, String> {
    let mut headers = record.headers;
    let first = headers.iter().rposition(|(name, _)| name == VERSION).ok_or("it is not a letter")?;
    let ours = Ours(headers.split_off(first));
    let version = ours.text(VERSION)?;
    if version != KNOWN_VERSION {
        return Err(format!("it has version {version}, this program knows version {KNOWN_VERSION}"));
    }
    let reason = ours.text(REASON)?;
    let reason = Reason::parse(reason).ok_or_else(|| format!("its reason `{reason}` is not known"))?;
    let cleared = if ours.has(CLEARED) { Some(ours.parse(CLEARED)?) } else { None };
    let unclear = if ours.has(UNCLEAR) { Some(ours.text(UNCLEAR)?) } else { None };
    let letter = Letter {
        topic: TopicName::new(ours.text(TOPIC)?),
        partition: PartitionId::new(ours.parse(PARTITION)?),
        offset: Offset::new(ours.parse(OFFSET)?),
        timestamp_ms: if ours.has(TIMESTAMP) { Some(ours.parse(TIMESTAMP)?) } else { None },
        key: record.key,
        headers,
        value: record.value,
        content: content_of(cleared, unclear)?,
        failure: Failure::new(reason, ours.text(DETAIL)?),
    };
    Ok(StoredLetter { pipeline: ours.text(PIPELINE)?.to_owned(), quarantined_at: ours.parse(QUARANTINED_AT)?, letter })
}

struct Ours(Vec<(String, Option<Vec<u8>>)>);

impl Ours {
    fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(known, _)| known == name)
    }

    fn text(&self, name: &str) -> Result<&str, String> {
        let value = self.0.iter().find(|(known, _)| known == name).and_then(|(_, value)| value.as_deref());
        value
            .and_then(|value| std::str::from_utf8(value).ok())
            .ok_or_else(|| format!("its header {name} cannot be read"))
    }

    fn parse<T: std::str::FromStr>(&self, name: &str) -> Result<T, String> {
        self.text(name)?.parse().map_err(|_| format!("its header {name} cannot be read"))
    }
}

#[cfg(test)]
mod tests {
    use super::super::letter_json::tests::letters;
    use super::*;
    use proptest::prelude::*;

    fn as_read(new: NewRecord<'_>) -> StoredRecord {
        StoredRecord {
            partition: PartitionId::new(0),
            offset: Offset::new(7),
            timestamp_ms: None,
            key: new.key.map(<[u8]>::to_vec),
            headers: new.headers.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
            value: new.value.map(<[u8]>::to_vec),
        }
    }

    proptest! {
        #[test]
        fn a_letter_comes_back_from_its_record(letter in letters(), second in 0..4_000_000_000i64) {
            let quarantined_at = Timestamp::from_second(second).unwrap();
            let record = as_read(record_of("splunk", quarantined_at, &letter));
            let stored = StoredLetter { pipeline: "splunk".into(), quarantined_at, letter };
            prop_assert_eq!(letter_of(record), Ok(stored));
        }

        #[test]
        fn a_letter_of_a_letter_keeps_the_headers_of_both(letter in letters()) {
            let first = as_read(record_of("splunk", Timestamp::UNIX_EPOCH, &letter));
            let again = Letter { headers: first.headers, ..letter };
            let second = as_read(record_of("archive", Timestamp::UNIX_EPOCH, &again));
            prop_assert_eq!(letter_of(second).map(|stored| stored.letter), Ok(again));
        }
    }

    #[test]
    fn a_record_that_is_no_letter_is_refused() {
        let record = as_read(NewRecord { key: None, headers: vec![("content-type", None)], value: Some(b"{}") });
        assert_eq!(letter_of(record), Err("it is not a letter".to_owned()));
    }
}
