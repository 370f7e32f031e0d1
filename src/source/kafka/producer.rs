//! A small producer for dead letters: slow and certain.
//!
//! A call returns `Ok` only when every replica in sync has every record of the batch. It blocks, and it ends: a record that
//! is not acknowledged within [`LETTER_TIMEOUT`] has failed. Records may then be in the topic all the same; whoever puts
//! them again makes duplicates, which is what "at least once" allows.
//!
//! [`LETTER_TIMEOUT`]: crate::defaults::LETTER_TIMEOUT

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::KafkaError;
use rdkafka::message::{DeliveryResult, Header, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer, ProducerContext};
use rdkafka::types::RDKafkaErrorCode;

use super::client::{Witness, client_config, failure_of};
use super::config::ClientConfig;
use crate::defaults;
use crate::delivery::attempt::Failure;
use crate::position::TopicName;
use crate::reason::Reason;

/// A record to be written. Without a value it is a tombstone.
pub(crate) struct NewRecord<'a> {
    pub(crate) key: Option<&'a [u8]>,
    pub(crate) headers: Vec<(&'a str, Option<Vec<u8>>)>,
    pub(crate) value: Option<&'a [u8]>,
}

pub(crate) struct LetterProducer {
    native: rdkafka::ClientConfig,
    topic: TopicName,
    /// Made at the first use; given up when the client says that it cannot go on. One batch is sent at a time.
    producer: Mutex<Option<BaseProducer<Reports>>>,
}

/// The client's queue is served this often while a batch is under way: it always waits for the whole time.
const SERVE: Duration = Duration::from_millis(5);

/// Longer than the client keeps trying, so that its own, more telling answer comes first.
const GIVE_UP: Duration = defaults::LETTER_TIMEOUT.saturating_add(Duration::from_secs(5));

impl LetterProducer {
    /// Connects at the first use only.
    ///
    /// # Errors
    /// A certificate or key file cannot be read.
    pub(crate) fn new(config: &ClientConfig, topic: TopicName) -> Result<Self, Failure> {
        let mut native = client_config(config)?;
        native
            .set("acks", "all")
            .set("enable.idempotence", "true")
            .set("message.timeout.ms", defaults::LETTER_TIMEOUT.as_millis().to_string())
            .set("linger.ms", "0")
            // An unknown topic is one that nobody made, not one that is being made: say so before the records time out.
            .set("topic.metadata.propagation.max.ms", defaults::CONNECT_PATIENCE.as_millis().to_string())
            .set("compression.type", "lz4")
            // The topic's own limit decides; the client's default of 1 MB would refuse what the source topic could hold.
            .set("message.max.bytes", "1000000000")
            .set("allow.auto.create.topics", "false");
        Ok(Self { native, topic, producer: Mutex::new(None) })
    }

    /// Writes the records and waits until all of them are acknowledged. Blocks for half a minute at most.
    ///
    /// # Errors
    /// Not all were acknowledged.
    pub(crate) fn send(&self, records: &[NewRecord<'_>]) -> Result<(), Failure> {
        let mut slot = self.producer.lock().unwrap_or_else(PoisonError::into_inner);
        let producer = match slot.take() {
            Some(producer) => producer,
            None => self.native.create_with_context(Reports::default()).map_err(|error| failure_of(&error))?,
        };
        let tally = Arc::new(Tally { open: AtomicUsize::new(records.len()), failed: Mutex::new(None) });
        let deadline = Instant::now() + GIVE_UP;
        let sent = records.iter().try_for_each(|record| self.enqueue(&producer, record, &tally, deadline));
        let result = sent.and_then(|()| wait(&producer, &tally, deadline));
        // What is still on its way after a failure would arrive after the caller has given up: a fresh client forgets it.
        if result.is_ok() {
            *slot = Some(producer);
        }
        result
    }

    fn enqueue(
        &self,
        producer: &BaseProducer<Reports>,
        record: &NewRecord<'_>,
        tally: &Arc<Tally>,
        deadline: Instant,
    ) -> Result<(), Failure> {
        loop {
            match producer.send(self.native_record(record, tally)) {
                Ok(()) => return Ok(()),
                Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), _)) if Instant::now() < deadline => {
                    producer.poll(SERVE);
                }
                Err((error, _)) => return Err(failure_of(&error)),
            }
        }
    }

    fn native_record<'a>(
        &'a self,
        record: &NewRecord<'a>,
        tally: &Arc<Tally>,
    ) -> BaseRecord<'a, [u8], [u8], Arc<Tally>> {
        let headers = record.headers.iter().fold(OwnedHeaders::new(), |headers, (name, value)| {
            headers.insert(Header { key: name, value: value.as_deref() })
        });
        let mut native = BaseRecord::with_opaque_to(self.topic.as_str(), Arc::clone(tally)).headers(headers);
        native.key = record.key;
        native.payload = record.value;
        native
    }
}

fn wait(producer: &BaseProducer<Reports>, tally: &Tally, deadline: Instant) -> Result<(), Failure> {
    while tally.open.load(Ordering::Acquire) > 0 {
        if Instant::now() >= deadline {
            return Err(Failure::new(Reason::KafkaConnect, "the brokers did not acknowledge the dead letters in time"));
        }
        producer.poll(SERVE);
    }
    match tally.failed.lock().unwrap_or_else(PoisonError::into_inner).take() {
        None => Ok(()),
        // A time-out says nothing of its cause; the connection's own errors do.
        Some(failure) if failure.reason == Reason::KafkaConnect => {
            Err(producer.client().context().witness.take().unwrap_or(failure))
        }
        Some(failure) => Err(failure),
    }
}

/// Counts the reports of one batch.
struct Tally {
    open: AtomicUsize,
    /// The first failure.
    failed: Mutex<Option<Failure>>,
}

#[derive(Default)]
struct Reports {
    witness: Witness,
}

impl ClientContext for Reports {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        self.witness.log(level, facility, message);
    }

    fn error(&self, error: KafkaError, said: &str) {
        self.witness.error(error, said);
    }
}

impl ProducerContext for Reports {
    type DeliveryOpaque = Arc<Tally>;

    fn delivery(&self, result: &DeliveryResult<'_>, tally: Arc<Tally>) {
        if let Err((error, _)) = result {
            tally.failed.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert_with(|| failure_of(error));
        }
        tally.open.fetch_sub(1, Ordering::Release);
    }
}
