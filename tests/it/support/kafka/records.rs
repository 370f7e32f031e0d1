//! Records: producing them, reading them back.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rdkafka::ClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::message::{BorrowedMessage, Header, Headers, Message as _, OwnedHeaders, ToBytes};
use rdkafka::producer::{BaseProducer, BaseRecord, DeliveryResult, Producer, ProducerContext};
use rdkafka::topic_partition_list::Offset;
use rdkafka::types::RDKafkaErrorCode;

use super::clients::{LIMIT, fresh_name, list_of};
use super::{Access, Kafka};

/// The group that [`Kafka::read_as`] names. It never joins it, but the broker asks for the permission all the same.
pub const READERS: &str = "readers";

/// One record to produce. Everything left out is absent: no value is a tombstone, no partition lets the key decide.
#[derive(Clone, Copy, Default, Debug)]
pub struct NewRecord<'a> {
    pub partition: Option<i32>,
    pub key: Option<&'a [u8]>,
    pub value: Option<&'a [u8]>,
    pub headers: &'a [(&'a str, Option<&'a [u8]>)],
    pub timestamp_ms: Option<i64>,
}

/// One record as it lies in a topic.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Message {
    pub partition: i32,
    pub offset: i64,
    pub timestamp_ms: Option<i64>,
    pub key: Option<Vec<u8>>,
    pub value: Option<Vec<u8>>,
    pub headers: Vec<(String, Option<Vec<u8>>)>,
}

impl Kafka {
    /// Produces the records `0..count`, each once, in order, and waits until the broker has them. `payload` and
    /// `partition` map a record's number to its value and place. More than 100,000 a second at about 1 kB.
    pub fn produce<P: AsRef<[u8]>>(
        &self,
        topic: &str,
        count: u64,
        mut payload: impl FnMut(u64) -> P,
        partition: impl Fn(u64) -> i32,
    ) {
        let producer = self.producer(&[]);
        for number in 0..count {
            let value = payload(number);
            send(&producer, BaseRecord::<(), [u8]>::to(topic).payload(value.as_ref()).partition(partition(number)));
        }
        producer.flush(LIMIT).expect("flush the producer");
        producer.context().assert_delivered(count);
    }

    /// Produces one record and gives its partition and offset back.
    pub fn produce_one(&self, topic: &str, record: NewRecord<'_>) -> (i32, i64) {
        self.produce_all(topic, [record])
    }

    /// Produces records in their order and gives the partition and offset of the last one back.
    pub fn produce_all<'a>(&self, topic: &str, records: impl IntoIterator<Item = NewRecord<'a>>) -> (i32, i64) {
        let producer = self.producer(&[]);
        let mut count = 0;
        for record in records {
            send(&producer, base_record(topic, record));
            count += 1;
        }
        producer.flush(LIMIT).expect("flush the producer");
        producer.context().assert_delivered(count)
    }

    /// Produces `count` records to one partition in one transaction, and commits or aborts it. Either way the
    /// marker takes an offset that no consumer ever sees; of an aborted one the records are such holes, too.
    pub fn produce_transaction<P: AsRef<[u8]>>(
        &self,
        topic: &str,
        partition: i32,
        end: TransactionEnd,
        payloads: impl IntoIterator<Item = P>,
    ) {
        let producer = self.producer(&[("transactional.id", &fresh_name("transaction"))]);
        producer.init_transactions(LIMIT).expect("initialise transactions");
        producer.begin_transaction().expect("begin a transaction");
        for payload in payloads {
            send(&producer, BaseRecord::<(), [u8]>::to(topic).payload(payload.as_ref()).partition(partition));
        }
        producer.flush(LIMIT).expect("flush the producer");
        match end {
            TransactionEnd::Commit => producer.commit_transaction(LIMIT).expect("commit the transaction"),
            TransactionEnd::Abort => producer.abort_transaction(LIMIT).expect("abort the transaction"),
        }
    }

    /// Produces numbered records in the background, `per_second` of them, until [`Loader::stop`]: the load under which a
    /// program is killed. Record `n` goes to partition `n % partitions`.
    pub fn load<F>(&self, topic: &str, per_second: u32, payload: F) -> Loader
    where
        F: Fn(u64) -> Vec<u8> + Send + 'static,
    {
        let stopped = Arc::new(AtomicBool::new(false));
        let (producer, partitions) = (self.producer(&[]), self.partitions(topic) as u64);
        let (topic, stop) = (topic.to_owned(), Arc::clone(&stopped));
        let work = move || {
            let (began, mut sent) = (Instant::now(), 0);
            while !stop.load(Ordering::Relaxed) {
                let due = (began.elapsed().as_secs_f64() * f64::from(per_second)) as u64;
                for number in sent..due {
                    let (value, partition) = (payload(number), (number % partitions) as i32);
                    send(&producer, BaseRecord::<(), [u8]>::to(&topic).payload(&value).partition(partition));
                }
                sent = sent.max(due);
                producer.poll(Duration::from_millis(2));
            }
            producer.flush(LIMIT).expect("flush the producer");
            producer.context().assert_delivered(sent);
            sent
        };
        Loader { stopped, thread: Some(thread::spawn(work)) }
    }

    /// Every record that lies in a topic now, per partition in the order of offsets; of transactions only what was committed.
    pub fn read(&self, topic: &str) -> Vec<Message> {
        self.read_as(Access::Plaintext, topic).unwrap_or_else(|error| panic!("read {topic}: {error}"))
    }

    /// Like [`Kafka::read`], over the given listener.
    ///
    /// # Errors
    /// The first error that the client reports and does not get over by itself.
    pub fn read_as(&self, access: Access, topic: &str) -> Result<Vec<Message>, KafkaError> {
        let partitions = self.partitions(topic);
        let mut config = self.client_config(access);
        config
            .set("group.id", READERS)
            .set("enable.auto.commit", "false")
            .set("enable.partition.eof", "true")
            .set("fetch.wait.max.ms", "10");
        let consumer: BaseConsumer = config.create()?;
        let all = (0..partitions).map(|partition| (partition, Offset::Beginning));
        consumer.assign(&list_of(topic, all))?;
        let (mut messages, mut at_end, deadline) = (Vec::new(), BTreeSet::new(), Instant::now() + LIMIT);
        while at_end.len() < partitions as usize {
            assert!(Instant::now() < deadline, "reading {topic} takes longer than {LIMIT:?}");
            match consumer.poll(Duration::from_millis(100)) {
                // A consumer waits in silence for a topic that it may not see; asking about it gives the error.
                None => topic_error(&consumer, topic)?,
                Some(Err(KafkaError::MessageConsumption(RDKafkaErrorCode::BrokerTransportFailure))) => {}
                Some(Err(KafkaError::PartitionEOF(partition))) => {
                    at_end.insert(partition);
                }
                Some(Err(error)) => return Err(error),
                Some(Ok(message)) => messages.push(Message::copy_of(&message)),
            }
        }
        messages.sort_by_key(|message| (message.partition, message.offset));
        Ok(messages)
    }

    /// An idempotent producer: what it retries is still there once.
    fn producer(&self, settings: &[(&str, &str)]) -> BaseProducer<Deliveries> {
        let mut config = self.client_config(Access::Plaintext);
        config
            .set("enable.idempotence", "true")
            .set("linger.ms", "5")
            .set("batch.num.messages", "10000")
            .set("queue.buffering.max.messages", "200000")
            .set("message.max.bytes", "16777216");
        for (key, value) in settings {
            config.set(*key, *value);
        }
        config.create_with_context(Deliveries::default()).expect("create a producer")
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TransactionEnd {
    Commit,
    Abort,
}

/// Produces in the background; see [`Kafka::load`].
#[derive(Debug)]
pub struct Loader {
    stopped: Arc<AtomicBool>,
    thread: Option<JoinHandle<u64>>,
}

impl Loader {
    /// Stops, waits until the broker has everything, and says how many records that were.
    pub fn stop(mut self) -> u64 {
        self.stopped.store(true, Ordering::Relaxed);
        let thread = self.thread.take().expect("only stop takes the thread");
        thread.join().expect("the load was produced")
    }
}

impl Drop for Loader {
    fn drop(&mut self) {
        self.stopped.store(true, Ordering::Relaxed);
    }
}

impl Message {
    fn copy_of(message: &BorrowedMessage<'_>) -> Self {
        let headers = message.headers().map_or_else(Vec::new, |headers| {
            headers.iter().map(|header| (header.key.to_owned(), header.value.map(<[u8]>::to_vec))).collect()
        });
        Self {
            partition: message.partition(),
            offset: message.offset(),
            timestamp_ms: message.timestamp().to_millis(),
            key: message.key().map(<[u8]>::to_vec),
            value: message.payload().map(<[u8]>::to_vec),
            headers,
        }
    }
}

/// Counts what the broker took.
#[derive(Default)]
struct Deliveries(Mutex<Tally>);

#[derive(Default)]
struct Tally {
    delivered: u64,
    last: (i32, i64),
    failure: Option<String>,
}

impl Deliveries {
    /// The place of the last record, if `expected` were delivered.
    fn assert_delivered(&self, expected: u64) -> (i32, i64) {
        let tally = self.0.lock().unwrap();
        if let Some(failure) = &tally.failure {
            panic!("produce: {failure}");
        }
        assert_eq!(tally.delivered, expected, "records that the broker took");
        tally.last
    }
}

impl ClientContext for Deliveries {}

impl ProducerContext for Deliveries {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        let mut tally = self.0.lock().unwrap();
        match result {
            Ok(message) => {
                tally.delivered += 1;
                tally.last = (message.partition(), message.offset());
            }
            Err((error, _)) => tally.failure = Some(error.to_string()),
        }
    }
}

fn topic_error(consumer: &BaseConsumer, topic: &str) -> Result<(), KafkaError> {
    let Ok(metadata) = consumer.fetch_metadata(Some(topic), Duration::from_millis(500)) else { return Ok(()) };
    let error = metadata.topics().iter().find_map(|found| found.error());
    error.map_or(Ok(()), |error| Err(KafkaError::MetadataFetch(error.into())))
}

fn base_record<'a>(topic: &'a str, record: NewRecord<'a>) -> BaseRecord<'a, [u8], [u8]> {
    let mut wanted = BaseRecord::<[u8], [u8]>::to(topic);
    wanted.partition = record.partition;
    wanted.key = record.key;
    wanted.payload = record.value;
    wanted.timestamp = record.timestamp_ms;
    if !record.headers.is_empty() {
        let header =
            |all: OwnedHeaders, (key, value): &(&str, Option<&[u8]>)| all.insert(Header { key, value: *value });
        wanted.headers = Some(record.headers.iter().fold(OwnedHeaders::new(), header));
    }
    wanted
}

/// Hands a record to the producer, waiting while its queue is full.
fn send<K>(producer: &BaseProducer<Deliveries>, mut record: BaseRecord<'_, K, [u8]>)
where
    K: ToBytes + ?Sized,
{
    let deadline = Instant::now() + LIMIT;
    while let Err((error, back)) = producer.send(record) {
        let full = error == KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull);
        assert!(full && Instant::now() < deadline, "produce: {error}");
        producer.poll(Duration::from_millis(10));
        record = back;
    }
}
