//! The audit stream: sample events with fresh identifiers and times, numbered, produced to the mock cluster.
//!
//! Where each event came to lie is taken from the broker's answer, so that the verdict rests on positions that exist. The
//! mock cluster keeps 5 MiB per partition and silently drops the oldest beyond; [`LIMIT`] stays well below.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Context, anyhow};
use jiff::Timestamp;
use rdkafka::ClientConfig;
use rdkafka::message::{DeliveryResult, Message};
use rdkafka::producer::{BaseRecord, Producer, ProducerContext, ThreadedProducer};
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use super::far_side::now_ms;

pub(super) const TOPIC: &str = "confluent-audit-log-events";
pub(super) const PARTITIONS: i32 = 6;

/// Events in one stream at most: 3,000 of 1.2 kB in each partition.
const LIMIT: u64 = 18_000;

/// How often the live stream adds the events that are due.
const BEAT: Duration = Duration::from_millis(20);

const SAMPLES: &str = include_str!("sample-events.jsonl");

/// Where the broker has put the events: by partition, offset and time of production (milliseconds since 1970).
pub(super) type Positions = BTreeMap<i32, BTreeMap<i64, i64>>;

pub(super) struct AuditStream {
    producer: ThreadedProducer<Recorder>,
    samples: Vec<Value>,
    /// Begins every identifier, so that two runs have no event in common.
    run: String,
    next: AtomicU64,
}

impl AuditStream {
    pub(super) fn new(bootstrap: &str) -> anyhow::Result<Self> {
        let producer = ClientConfig::new()
            .set("bootstrap.servers", bootstrap)
            .set("acks", "all")
            .set("linger.ms", "5")
            .create_with_context(Recorder::default())
            .context("create the producer")?;
        let samples = SAMPLES.lines().map(serde_json::from_str).collect::<Result<_, _>>().context("sample events")?;
        let run = uuid::Uuid::new_v4().to_string();
        let run = run.rsplit_once('-').map_or(run.clone(), |(front, _)| front.to_owned());
        Ok(Self { producer, samples, run, next: AtomicU64::new(0) })
    }

    /// The `id` of the event with this number, in the form of a UUID.
    pub(super) fn id(&self, number: u64) -> String {
        format!("{}-{number:012}", self.run)
    }

    /// The number of the next event.
    pub(super) fn next_number(&self) -> u64 {
        self.next.load(Ordering::Relaxed)
    }

    /// Produces the next `count` events, as far as [`LIMIT`] allows.
    pub(super) fn produce(&self, count: u64) -> anyhow::Result<()> {
        let first = self.next_number();
        for number in first..(first + count).min(LIMIT) {
            let event = self.event(number);
            let partition = i32::try_from(number % u64::from(PARTITIONS.unsigned_abs())).unwrap_or_default();
            let at_ms = now_ms();
            // The broker's answer does not repeat the time of the event, so it travels beside it.
            let record = BaseRecord::<(), str, Box<i64>>::with_opaque_to(TOPIC, Box::new(at_ms));
            let record = record.payload(&event).partition(partition).timestamp(at_ms);
            self.producer.send(record).map_err(|(error, _)| error).context("produce an event")?;
            self.next.store(number + 1, Ordering::Relaxed);
        }
        Ok(())
    }

    /// Produces `per_second` events each second until told to stop.
    pub(super) async fn flow(&self, per_second: u64, stop: CancellationToken) -> anyhow::Result<()> {
        let (began, first) = (tokio::time::Instant::now(), self.next_number());
        let mut beats = tokio::time::interval(BEAT);
        while !stop.is_cancelled() {
            beats.tick().await;
            let due = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX) * per_second / 1000;
            self.produce((first + due).saturating_sub(self.next_number()))?;
        }
        Ok(())
    }

    /// Waits until the broker has answered for every event, and says where they lie. Blocks.
    ///
    /// # Errors
    /// The mock cluster has not taken all of them.
    pub(super) fn settle(&self) -> anyhow::Result<Positions> {
        self.producer.flush(Duration::from_secs(20)).context("wait for the mock cluster to take the events")?;
        let produced = self.producer.context().produced();
        match &produced.refused {
            Some(error) => Err(anyhow!("the mock cluster did not take an event: {error}")),
            None => Ok(produced.positions.clone()),
        }
    }

    /// How many events the broker has taken so far.
    pub(super) fn taken(&self) -> u64 {
        self.producer.context().produced().taken
    }

    fn event(&self, number: u64) -> String {
        let index = usize::try_from(number).unwrap_or(0) % self.samples.len();
        let mut event = self.samples[index].clone();
        event["id"] = self.id(number).into();
        event["time"] = format!("{:.3}", Timestamp::now()).into();
        event.to_string()
    }
}

/// Notes what the broker answers.
#[derive(Clone, Default)]
struct Recorder(Arc<Mutex<Produced>>);

#[derive(Default)]
struct Produced {
    positions: Positions,
    taken: u64,
    refused: Option<String>,
}

impl Recorder {
    fn produced(&self) -> MutexGuard<'_, Produced> {
        // Whoever panicked had at most not counted one event, and the verdict would show it.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl rdkafka::ClientContext for Recorder {}

impl ProducerContext for Recorder {
    type DeliveryOpaque = Box<i64>;

    fn delivery(&self, result: &DeliveryResult<'_>, at_ms: Box<i64>) {
        let mut produced = self.produced();
        match result {
            Ok(message) => {
                produced.positions.entry(message.partition()).or_default().insert(message.offset(), *at_ms);
                produced.taken += 1;
            }
            Err((error, _)) => produced.refused = Some(error.to_string()),
        }
    }
}
