//! The far side of a forwarder: the stand-in collector on a fixed port, the configuration that sends to it, and the count
//! of what has arrived.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use auditferry::demo::hec::{Answer, Fault, Hec, HecOptions, HecStandIn, Route, Spell, TOKEN, Token};
use rdkafka::consumer::Consumer;
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use tokio::runtime::Runtime;

use super::kafka::{Access, Kafka};
use super::ports::free_port;
use super::process::{Metrics, Running};
use super::waiting::wait_until;

/// A collector that can go away and come back at the same address, knowing what it had received.
#[derive(Debug)]
pub struct FarSide {
    hec: Hec,
    address: String,
    /// `None` while nothing listens. Declared before the runtime that serves it.
    server: Mutex<Option<HecStandIn>>,
    runtime: Runtime,
}

impl FarSide {
    /// One that says it has the events when it has accepted them.
    pub fn start() -> Self {
        Self::with(HecOptions::default())
    }

    /// One with indexer acknowledgement.
    pub fn with_acknowledgement() -> Self {
        Self::with(HecOptions { tokens: vec![Token::new(TOKEN).with_acknowledgement()], ..HecOptions::default() })
    }

    pub fn with(options: HecOptions) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("start a runtime with one thread");
        let address = format!("127.0.0.1:{}", free_port());
        let far = Self { hec: Hec::new(options), address, server: Mutex::new(None), runtime };
        far.come_back();
        far
    }

    /// Closes the port and all connections.
    pub fn go_away(&self) {
        drop(self.server.lock().unwrap().take().expect("the far side is there"));
    }

    /// Listens again.
    pub fn come_back(&self) {
        let mut server = self.server.lock().unwrap();
        let starting = HecStandIn::start_on(&self.address, self.hec.clone());
        *server = Some(self.runtime.block_on(starting).expect("listen on the port of the far side"));
    }

    /// Answers every request for events with this status and HEC code, for as long as `spell` says.
    pub fn refuse(&self, status: u16, code: u16, spell: Spell) {
        let answer = Answer::json(status, format!(r#"{{"text":"refused by the test","code":{code}}}"#));
        // A spell of time is reckoned by the clock of the runtime.
        let _context = self.runtime.enter();
        self.hec.stand(Route::Event, Fault::Answer(answer), spell);
    }

    /// Ends what [`FarSide::refuse`] began.
    pub fn accept(&self) {
        self.hec.clear(Route::Event);
    }

    pub fn hec(&self) -> &Hec {
        &self.hec
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Offsets that lie in the topic and never arrived, by partition. Only for topics without holes.
    pub fn missing(&self, kafka: &Kafka, topic: &str) -> Vec<(i32, Vec<i64>)> {
        let ends = (0..).zip(kafka.end_offsets(topic));
        let missing = ends.map(|(partition, end)| (partition, self.hec.missing(topic, partition, 0..end)));
        missing.filter(|(_, offsets)| !offsets.is_empty()).collect()
    }

    /// How many offsets from `from[partition]` on have arrived.
    pub fn arrived_from(&self, kafka: &Kafka, topic: &str, from: &[Option<i64>]) -> u64 {
        let ends = kafka.end_offsets(topic);
        let arrived = (0..).zip(from.iter().zip(ends)).map(|(partition, (from, end))| {
            let from = from.unwrap_or(0);
            (end - from) as u64 - self.hec.missing(topic, partition, from..end).len() as u64
        });
        arrived.sum()
    }

    /// Waits until `events` different positions have arrived.
    #[track_caller]
    pub fn wait_for_events(&self, limit: Duration, events: u64) {
        wait_until(limit, &format!("{events} events arrive"), || self.hec.count().distinct >= events);
    }
}

/// One pipeline from a topic of a test broker to a far side, as configuration.
#[derive(Clone, Copy, Debug)]
pub struct Ferry<'a> {
    pub kafka: &'a Kafka,
    pub topic: &'a str,
    pub group: &'a str,
    pub far: &'a FarSide,
    /// Further keys in YAML's flow form, e.g. `session_timeout: 6s, group_instance_id: a`.
    pub source: &'a str,
    pub pipeline: &'a str,
    pub sink: &'a str,
}

impl<'a> Ferry<'a> {
    pub fn new(kafka: &'a Kafka, topic: &'a str, group: &'a str, far: &'a FarSide) -> Self {
        Self { kafka, topic, group, far, source: "", pipeline: "", sink: "" }
    }

    pub fn config(&self) -> String {
        let Self { topic, group, source, pipeline, sink, .. } = *self;
        let (broker, url) = (self.kafka.bootstrap(Access::Plaintext), self.far.url());
        let delivery = if sink.contains("delivery:") { "" } else { "delivery: accepted" };
        let [source, pipeline, sink, delivery] = [source, pipeline, sink, delivery].map(|keys| match keys {
            "" => String::new(),
            keys => format!(", {keys}"),
        });
        format!(
            "\
sources:
  audit: {{kafka: {{bootstrap_servers: \"{broker}\", topics: [{topic}]{source}}}}}
pipelines:
  splunk:
    {{source: audit, group_id: {group}{pipeline},
    sink: {{splunk_hec: {{endpoints: [\"{url}\"], token: \"${{HEC_TOKEN}}\"{delivery}{sink}}}}}}}
"
        )
    }

    /// Starts the program.
    pub fn start(&self) -> Running {
        let admin = SocketAddr::from(([127, 0, 0, 1], free_port()));
        let config = format!("{}admin: {{listen: \"{admin}\"}}\n", self.config());
        Running::start_with(&config, admin, &[("HEC_TOKEN", TOKEN)])
    }

    /// What the group has not yet committed, over all partitions: 0 when everything up to the end is.
    pub fn lag(&self) -> i64 {
        let committed = self.kafka.committed(self.group, self.topic);
        let ends = self.kafka.end_offsets(self.topic);
        committed.iter().zip(ends).map(|(committed, end)| end - committed.unwrap_or(0)).sum()
    }

    /// Waits until everything in the topic has arrived and is committed, and asserts that nothing is missing.
    #[track_caller]
    pub fn wait_until_all_is_across(&self, limit: Duration) {
        wait_until(limit, &format!("{} is delivered and committed to its end", self.topic), || self.lag() == 0);
        let missing = self.far.missing(self.kafka, self.topic);
        assert!(missing.is_empty(), "committed and never delivered: {missing:?}");
    }
}

/// Looks at a group's committed offsets all the time, in the background, and compares them with what has arrived.
#[derive(Debug)]
pub struct CommitWatch {
    stopped: Arc<AtomicBool>,
    thread: JoinHandle<Seen>,
}

/// What a [`CommitWatch`] has seen.
#[derive(Debug)]
pub struct Seen {
    topic: String,
    hec: Hec,
    samples: u64,
    /// The newest committed offset of each partition.
    last: Vec<i64>,
    /// Offsets that went back.
    went_back: Vec<String>,
    /// Records that were committed and had not arrived.
    holes: Vec<String>,
}

impl CommitWatch {
    /// Watches the group of `ferry`. Its topic must be one without holes.
    pub fn start(ferry: &Ferry<'_>) -> Self {
        let Ferry { kafka, topic, group, far, .. } = *ferry;
        let partitions = kafka.partitions(topic);
        let consumer = kafka.consumer(group, &[]);
        let mut list = TopicPartitionList::new();
        for partition in 0..partitions {
            list.add_partition(topic, partition);
        }
        let stopped = Arc::new(AtomicBool::new(false));
        let stop = Arc::clone(&stopped);
        let mut seen = Seen {
            topic: topic.to_owned(),
            hec: far.hec().clone(),
            samples: 0,
            last: vec![0; partitions as usize],
            went_back: Vec::new(),
            holes: Vec::new(),
        };
        let thread = thread::spawn(move || {
            while !stop.load(Ordering::Relaxed) {
                // A broker that is away answers nothing; that is no sample.
                if let Ok(now) = consumer.committed_offsets(list.clone(), Duration::from_secs(5)) {
                    seen.add(&now);
                }
                thread::park_timeout(Duration::from_millis(50));
            }
            seen
        });
        Self { stopped, thread }
    }

    /// Stops, and asserts that no committed offset ever went back or passed a record that had not arrived.
    #[track_caller]
    pub fn assert_kept_the_rules(self) {
        self.stopped.store(true, Ordering::Relaxed);
        let seen = self.thread.join().expect("watching cannot fail");
        assert!(seen.samples > 0, "the committed offsets were never seen");
        assert!(seen.went_back.is_empty(), "committed offsets went back: {:?}", seen.went_back);
        assert!(seen.holes.is_empty(), "committed and not delivered: {:?}", seen.holes);
    }
}

impl Seen {
    fn add(&mut self, now: &TopicPartitionList) {
        self.samples += 1;
        for element in now.elements() {
            let Offset::Offset(offset) = element.offset() else { continue };
            let partition = element.partition();
            let known = std::mem::replace(&mut self.last[partition as usize], offset);
            if offset < known {
                self.went_back.push(format!("partition {partition}: from {known} to {offset}"));
                continue;
            }
            let missing = self.hec.missing(&self.topic, partition, known..offset);
            if let Some(first) = missing.first() {
                self.holes.push(format!("partition {partition}: {} from {first} on", missing.len()));
            }
        }
    }
}

/// Records read = delivered + filtered + dead-lettered + given back + in flight, in this scrape. Whether there was
/// anything to compare.
#[track_caller]
pub fn assert_nothing_is_unaccounted_for(metrics: &Metrics) -> bool {
    let count = |name: &str| metrics.sum(&format!("auditferry_records_{name}"), &[]);
    let read = count("read_total");
    let ends = ["delivered_total", "filtered_total", "dead_lettered_total", "released_total", "in_flight"];
    let parts = ends.map(count);
    assert_eq!(read, parts.iter().sum::<f64>(), "read against {ends:?} = {parts:?}");
    read > 0.0
}

/// How many of the tests that load the machine for long may do so at a time. Mostly they wait: for a moment to kill, for a
/// group to rebalance, for an outage to end.
const HEAVY_AT_ONCE: usize = 2;

static HEAVY: (Mutex<usize>, Condvar) = (Mutex::new(0), Condvar::new());

/// A place among the tests that load the machine for long, so that they do not starve each other; until it is dropped.
#[derive(Debug)]
pub struct HeavyTurn(());

/// Waits for a [`HeavyTurn`].
pub fn heavy_turn() -> HeavyTurn {
    let (running, freed) = &HEAVY;
    // Nobody panics while holding the lock; the count is right whatever becomes of a test.
    let running = running.lock().unwrap_or_else(PoisonError::into_inner);
    let mut running =
        freed.wait_while(running, |running| *running >= HEAVY_AT_ONCE).unwrap_or_else(PoisonError::into_inner);
    *running += 1;
    HeavyTurn(())
}

impl Drop for HeavyTurn {
    fn drop(&mut self) {
        let (running, freed) = &HEAVY;
        *running.lock().unwrap_or_else(PoisonError::into_inner) -= 1;
        freed.notify_one();
    }
}

/// Does the same `times` times at once, each time with chance of its own and with everything else of its own too, and
/// waits for all. What is mostly waiting takes no longer so.
#[track_caller]
pub fn side_by_side(times: u32, work: impl Fn(fastrand::Rng) + Sync) {
    let mut rng = seeded();
    thread::scope(|scope| {
        for _ in 0..times {
            let (own, work) = (rng.fork(), &work);
            scope.spawn(move || work(own));
        }
    });
}

/// Chance that can be repeated: the seed is printed, and taken from the variable `SEED` when it is set.
#[expect(clippy::disallowed_methods, reason = "the seed of a test run is no configuration of the program")]
pub fn seeded() -> fastrand::Rng {
    let given = std::env::var("SEED").ok().and_then(|text| text.parse().ok());
    let seed = given.unwrap_or_else(|| fastrand::u64(..));
    println!("SEED={seed}");
    fastrand::Rng::with_seed(seed)
}
