//! A sink in memory and the pieces around it, for the tests of this folder.

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use proptest::prelude::ProptestConfig;

use super::attempt::{Attempt, BoxFuture, Coding, Failure, Parcel};
use super::batch::{BatchBuilder, BatchLimits, Entry, Sealed};
use super::budget::Budget;
use super::ledger::{Ledger, Settlement};
use super::settlement::Mail;
use crate::defaults;
use crate::event::{Cleared, Record};
use crate::position::{Offset, PartitionId, ResumeAt, Slot, TopicName};
use crate::reason::Reason;
use crate::sink::{Condition, DeliveryLevel, PayloadAt, Sink};
use crate::transform::Chain;

/// How a property is tested: with this many schedules, unless `PROPTEST_CASES` says how many, as mutation testing does.
pub(super) fn schedules(cases: u32) -> ProptestConfig {
    let config = ProptestConfig { max_shrink_iters: 20_000, ..ProptestConfig::default() };
    if std::env::var_os("PROPTEST_CASES").is_some() { config } else { ProptestConfig { cases, ..config } }
}

/// Decides what happens to a parcel with these offsets at this endpoint.
pub(super) type Behaviour = Box<dyn FnMut(usize, &[i64]) -> Attempt + Send>;

/// Decides what an endpoint says of itself.
type Conditions = Box<dyn FnMut(usize) -> Condition + Send>;

/// Encodes an event as its offset and a line break; refuses records without a value.
pub(super) struct MemorySink {
    endpoints: Vec<String>,
    behaviour: Mutex<Behaviour>,
    attempts: Mutex<Vec<(usize, Vec<i64>)>>,
    /// How long each attempt takes. One that comes to a time-out takes as long as a request may.
    delay: Mutex<Duration>,
    conditions: Mutex<Conditions>,
    /// Every endpoint that was asked how it is.
    asked: Mutex<Vec<usize>>,
}

impl MemorySink {
    pub(super) fn new(endpoints: usize, behaviour: impl FnMut(usize, &[i64]) -> Attempt + Send + 'static) -> Arc<Self> {
        let endpoints = (0..endpoints).map(|i| format!("endpoint-{i}")).collect();
        Arc::new(Self {
            endpoints,
            behaviour: Mutex::new(Box::new(behaviour)),
            attempts: Mutex::default(),
            delay: Mutex::default(),
            conditions: Mutex::new(Box::new(|_| Condition::Well)),
            asked: Mutex::default(),
        })
    }

    pub(super) fn behave(&self, behaviour: impl FnMut(usize, &[i64]) -> Attempt + Send + 'static) {
        *lock(&self.behaviour) = Box::new(behaviour);
    }

    /// From now on each attempt takes this long.
    pub(super) fn take_time(&self, delay: Duration) {
        *lock(&self.delay) = delay;
    }

    /// From now on endpoints say this of themselves. Silence takes as long as a question may.
    pub(super) fn say(&self, conditions: impl FnMut(usize) -> Condition + Send + 'static) {
        *lock(&self.conditions) = Box::new(conditions);
    }

    /// How often the endpoint was asked how it is.
    pub(super) fn times_asked(&self, endpoint: usize) -> usize {
        lock(&self.asked).iter().filter(|asked| **asked == endpoint).count()
    }

    /// Every attempt so far: endpoint and offsets.
    pub(super) fn attempts(&self) -> Vec<(usize, Vec<i64>)> {
        lock(&self.attempts).clone()
    }
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().expect("no test panics while holding it")
}

impl Sink for MemorySink {
    fn encode(&self, event: &Cleared<'_>, out: &mut Vec<u8>) -> Result<PayloadAt, Failure> {
        let record = event.record();
        let Some(value) = record.value else { return Err(Failure::new(Reason::EmptyValue, "no value")) };
        let prefix = format!("{} ", record.offset);
        out.extend_from_slice(prefix.as_bytes());
        out.extend_from_slice(value);
        out.push(b'\n');
        let narrow = |n: usize| u32::try_from(n).expect("small");
        Ok(PayloadAt::Verbatim { start: narrow(prefix.len()), len: narrow(value.len()) })
    }

    fn attempt(&self, endpoint: usize, parcel: Parcel) -> BoxFuture<Attempt> {
        assert_eq!(parcel.coding, Coding::Identity, "these tests do not compress");
        let text = std::str::from_utf8(&parcel.body).expect("text");
        let offsets: Vec<i64> =
            text.lines().map(|line| line.split(' ').next().expect("offset").parse().expect("number")).collect();
        assert_eq!(offsets.len(), parcel.events);
        lock(&self.attempts).push((endpoint, offsets.clone()));
        let attempt = (lock(&self.behaviour))(endpoint, &offsets);
        let timed_out = matches!(&attempt, Attempt::Retry { failure, .. } if failure.reason == Reason::Timeout);
        let delay = if timed_out { defaults::REQUEST_TIMEOUT } else { *lock(&self.delay) };
        Box::pin(async move {
            if !delay.is_zero() {
                tokio::time::sleep(delay).await;
            }
            attempt
        })
    }

    fn condition(&self, endpoint: usize) -> BoxFuture<Condition> {
        lock(&self.asked).push(endpoint);
        let condition = (lock(&self.conditions))(endpoint);
        Box::pin(async move {
            if matches!(condition, Condition::Silent(_)) {
                tokio::time::sleep(defaults::HEC_HEALTH_TIMEOUT).await;
            }
            condition
        })
    }

    fn endpoints(&self) -> &[String] {
        &self.endpoints
    }

    fn level(&self) -> DeliveryLevel {
        DeliveryLevel::Accepted
    }
}

pub(super) fn retry() -> Attempt {
    Attempt::Retry { after: None, failure: Failure::new(Reason::Busy, "busy") }
}

/// No answer: the attempt takes as long as a request may.
pub(super) fn time_out() -> Attempt {
    Attempt::Retry { after: None, failure: Failure::new(Reason::Timeout, "no answer") }
}

pub(super) fn silent() -> Condition {
    Condition::Silent(Failure::new(Reason::Timeout, "no answer"))
}

pub(super) fn unwell() -> Condition {
    Condition::Unwell(Failure::new(Reason::Busy, "queues are full"))
}

pub(super) fn unauthorized() -> Attempt {
    Attempt::Hold(Failure::new(Reason::Unauthorized, "bad token"))
}

pub(super) fn refused() -> Failure {
    Failure::new(Reason::InvalidFormat, "no")
}

/// The poll thread's side: reads records of one partition into batches and settles.
pub(super) struct Desk {
    pub(super) ledger: Ledger,
    pub(super) builder: BatchBuilder,
    pub(super) budget: Arc<Budget>,
    pub(super) mail: Mail,
    sink: Arc<MemorySink>,
    next: i64,
}

pub(super) const SLOT: Slot = Slot::new(0);

impl Desk {
    pub(super) fn new(sink: &Arc<MemorySink>) -> Self {
        let mail = Mail::default();
        let budget = Budget::new(1 << 20, Arc::clone(&mail.settlements));
        let limits = BatchLimits { max_events: 1_000_000, max_bytes: 1 << 20 };
        let builder = BatchBuilder::new(limits, Arc::clone(&budget), Arc::clone(&mail.settlements));
        let mut ledger = Ledger::new();
        ledger.assign(SLOT, ResumeAt::from_broker(0), None);
        Self { ledger, builder, budget, mail, sink: Arc::clone(sink), next: 0 }
    }

    /// Reads one record.
    pub(super) fn read(&mut self, value: Option<&[u8]>) {
        let topic = TopicName::new("audit");
        let offset = Offset::new(self.next);
        self.next += 1;
        let run = self.ledger.track(SLOT, offset, Some(1000 + offset.get())).expect("assigned");
        let key = (offset.get() % 2 == 0).then_some(&b"key"[..]);
        let record = Record {
            topic: "audit",
            partition: PartitionId::new(0),
            offset,
            timestamp_ms: Some(1000 + offset.get()),
            key,
            value,
            headers: &[],
        };
        let mut chain = Chain::default();
        let event = chain.clear(record).cleared().expect("no rules");
        self.builder.push(&Entry { run, topic: &topic, event }, &*self.sink);
    }

    /// Reads a batch of this many records and closes it.
    pub(super) fn batch(&mut self, records: usize) -> Sealed {
        for _ in 0..records {
            self.read(Some(b"payload"));
        }
        self.seal()
    }

    pub(super) fn seal(&mut self) -> Sealed {
        let sealed = self.builder.seal().expect("something was read");
        sealed.runs.iter().for_each(|run| self.ledger.seal(*run));
        sealed
    }

    /// Takes what was settled; returns the watermark.
    pub(super) fn settle(&mut self) -> i64 {
        let mut arrived: Vec<Settlement> = Vec::new();
        self.mail.settlements.take(&mut arrived);
        arrived.into_iter().for_each(|settlement| self.ledger.settle(settlement));
        self.ledger.watermark(SLOT).expect("assigned").get()
    }

    pub(super) fn read_so_far(&self) -> i64 {
        self.next
    }
}
