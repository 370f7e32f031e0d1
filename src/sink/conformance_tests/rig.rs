//! The whole core around a real sink: records in memory, a conductor, a lane, and the stand-in at the far side.
//!
//! A [`Crossing`] can be told which records the far side has given proof for ([`Proof`]). It then checks at every turn of the
//! poll thread that no other record counts as delivered, and at every commit that none is passed.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::{mpsc, watch};

use crate::defaults;
use crate::delivery::attempt::{Coding, Failure};
use crate::delivery::batch::{BatchBuilder, BatchLimits};
use crate::delivery::budget::Budget;
use crate::delivery::conductor::{Conductor, ConductorParts};
use crate::delivery::lane::{Lane, LaneEvent, LaneParts, LetterStore};
use crate::delivery::ledger::{CommitPoint, Totals};
use crate::delivery::letter::Letter;
use crate::delivery::open::Closing;
use crate::delivery::settlement::Mail;
use crate::event::{Record, headers};
use crate::position::{Offset, PartitionId, ResumeAt, Slot, TopicName};
use crate::sink::Sink;
use crate::source::{Assigned, Event, Flow, Source};
use crate::transform::Chain;

/// What is waited for comes within this time, on a busy machine too.
const LIMIT: Duration = Duration::from_secs(60);

/// One record to be read; its offset is its place in the list.
#[derive(Clone, Default)]
pub(in crate::sink) struct Read {
    pub(in crate::sink) key: Option<Vec<u8>>,
    pub(in crate::sink) value: Option<Vec<u8>>,
    pub(in crate::sink) headers: Vec<u8>,
}

pub(in crate::sink) fn read(value: &str) -> Read {
    Read { value: Some(value.as_bytes().to_vec()), ..Read::default() }
}

/// `count` records.
pub(in crate::sink) fn reads(count: usize) -> Vec<Read> {
    (0..count).map(|n| read(&format!("{{\"n\":{n}}}"))).collect()
}

/// `count` records, of which those at `bad` hold the word `BAD`.
pub(in crate::sink) fn reads_with(count: usize, bad: &[usize]) -> Vec<Read> {
    let value = |n| if bad.contains(&n) { format!("{{\"n\":{n},\"x\":\"BAD\"}}") } else { format!("{{\"n\":{n}}}") };
    (0..count).map(|n| read(&value(n))).collect()
}

impl Read {
    pub(in crate::sink) fn tombstone() -> Self {
        Self::default()
    }

    pub(in crate::sink) fn with_header(mut self, name: &str, value: Option<&[u8]>) -> Self {
        headers::push(&mut self.headers, name, value);
        self
    }
}

/// Whether the far side has given proof for the record at this offset.
pub(in crate::sink) type Proof = Box<dyn Fn(i64) -> bool + Send + Sync>;

/// How the core is set up.
pub(in crate::sink) struct Settings {
    pub(in crate::sink) coding: Coding,
    pub(in crate::sink) max_in_flight: usize,
    /// Most events in one request.
    pub(in crate::sink) max_events: usize,
    /// `None`: nothing is checked.
    pub(in crate::sink) proof: Option<Proof>,
}

impl Default for Settings {
    fn default() -> Self {
        Self { coding: Coding::Identity, max_in_flight: 4, max_events: 10_000, proof: None }
    }
}

/// What both sides of a crossing share.
#[derive(Default)]
struct Shared {
    waiting: Mutex<VecDeque<(i64, Read)>>,
    /// Records handed out to be read.
    fed: AtomicI64,
    /// The last position that was committed; negative when there is none.
    committed: AtomicI64,
    letters: Mutex<Vec<Letter>>,
    log: Mutex<Vec<String>>,
    proof: Option<Proof>,
    breaches: Mutex<Vec<String>>,
}

impl Shared {
    fn commit(&self, points: &[CommitPoint]) {
        for point in points {
            let resume_at = point.resume_at.get();
            let known = self.committed.swap(resume_at, Ordering::SeqCst);
            if resume_at < known {
                self.breach(format!("committed {resume_at} after {known}"));
            }
            let Some(proof) = &self.proof else { continue };
            let letters = self.letters.lock().unwrap();
            let lettered = |offset| letters.iter().any(|letter| letter.offset.get() == offset);
            if let Some(offset) = (0..resume_at).find(|offset| !proof(*offset) && !lettered(*offset)) {
                self.breach(format!("committed {resume_at}, and {offset} is not proven"));
            }
        }
    }

    fn look_at(&self, totals: &Totals) {
        let Some(proof) = &self.proof else { return };
        let proven = (0..self.fed.load(Ordering::SeqCst)).filter(|offset| proof(*offset)).count();
        if totals.delivered > proven as u64 {
            self.breach(format!("{} delivered, {proven} proven", totals.delivered));
        }
    }

    fn breach(&self, what: String) {
        self.breaches.lock().unwrap().push(what);
    }
}

struct Records {
    shared: Arc<Shared>,
    assigned: bool,
}

impl Source for Records {
    fn poll(&mut self, wait: Duration, handler: &mut dyn FnMut(Event<'_>) -> Flow) -> Result<(), Failure> {
        let (slot, topic, partition) = (Slot::new(0), TopicName::new("audit"), PartitionId::new(0));
        if !std::mem::replace(&mut self.assigned, true) {
            let resume_at = ResumeAt::from_broker(0);
            handler(Event::Assigned(vec![Assigned { slot, topic, partition, resume_at, committed: None, end: None }]));
        }
        let mut waiting = self.shared.waiting.lock().unwrap();
        if waiting.is_empty() {
            drop(waiting);
            std::thread::park_timeout(wait);
            return Ok(());
        }
        // All at once, so that they share a batch if they may.
        while let Some((offset, read)) = waiting.pop_front() {
            let record = Record {
                topic: "audit",
                partition,
                offset: Offset::new(offset),
                timestamp_ms: Some(1_623_091_780_331),
                key: read.key.as_deref(),
                value: read.value.as_deref(),
                headers: &read.headers,
            };
            if matches!(handler(Event::Record { slot, record }), Flow::Stop) {
                break;
            }
        }
        Ok(())
    }

    fn commit(&mut self, points: &[CommitPoint]) -> bool {
        self.shared.commit(points);
        true
    }

    fn commit_now(&mut self, points: &[CommitPoint]) -> Result<(), Failure> {
        self.shared.commit(points);
        Ok(())
    }

    fn release(&mut self, _slots: &[Slot]) {}

    fn pause(&mut self) {}

    fn resume(&mut self) {}
}

/// What became of the records.
pub(in crate::sink) struct Carried {
    pub(in crate::sink) totals: Totals,
    pub(in crate::sink) letters: Vec<Letter>,
    /// The position that was committed at the end.
    pub(in crate::sink) committed: i64,
    /// The lane's reports, without numbers.
    pub(in crate::sink) log: Vec<String>,
}

impl Carried {
    /// Offset and reason of each letter.
    pub(in crate::sink) fn reasons(&self) -> Vec<(i64, &'static str)> {
        let mut reasons: Vec<_> =
            self.letters.iter().map(|letter| (letter.offset.get(), letter.failure.reason.as_str())).collect();
        reasons.sort_unstable();
        reasons
    }
}

/// The core at work.
pub(in crate::sink) struct Crossing {
    shared: Arc<Shared>,
    totals: watch::Receiver<Totals>,
    stop: Arc<AtomicBool>,
    conductor: std::thread::JoinHandle<Result<(), Failure>>,
    lane: tokio::task::JoinHandle<Result<(), Failure>>,
}

impl Crossing {
    pub(in crate::sink) fn start(sink: impl Sink, settings: Settings) -> Self {
        Self::start_shared(Arc::new(sink), settings)
    }

    pub(in crate::sink) fn start_shared(sink: Arc<dyn Sink>, settings: Settings) -> Self {
        let Settings { coding, max_in_flight, max_events, proof } = settings;
        let shared = Arc::new(Shared { committed: AtomicI64::new(-1), proof, ..Shared::default() });
        let (mail, stop) = (Mail::default(), Arc::new(AtomicBool::new(false)));
        let lane_ready = Arc::new(AtomicBool::new(false));
        let (shipments, incoming) = mpsc::channel(defaults::BATCH_QUEUE);
        let lane = Lane::new(LaneParts {
            sink: Arc::clone(&sink),
            shipments: incoming,
            recall: Arc::clone(&mail.recall),
            letters: Some(store_into(&shared)),
            observer: log_into(&shared),
            max_in_flight,
            coding,
            ready: Arc::clone(&lane_ready),
        });
        #[expect(clippy::disallowed_methods, reason = "a test stands in for the pipeline")]
        let lane = tokio::spawn(lane.run());
        let (publish, totals) = watch::channel(Totals::default());
        let budget = Budget::new(64 << 20, Arc::clone(&mail.settlements));
        let limits = BatchLimits { max_events, max_bytes: 16 << 20 };
        let builder = BatchBuilder::new(limits, Arc::clone(&budget), Arc::clone(&mail.settlements));
        let seen = Arc::clone(&shared);
        let conductor = Conductor::new(ConductorParts {
            source: Records { shared: Arc::clone(&shared), assigned: false },
            sink,
            chain: Chain::default(),
            builder,
            closing: Closing::Together,
            budget,
            mail,
            shipments,
            lane_ready,
            stop: Arc::clone(&stop),
            observer: Arc::new(|_| {}),
            publish: Box::new(move |progress| {
                seen.look_at(&progress.totals);
                publish.send_replace(progress.totals);
            }),
            max_age: Duration::from_millis(100),
            drain_deadline: Duration::from_secs(30),
        });
        let conductor = std::thread::spawn(move || conductor.run().0);
        Self { shared, totals, stop, conductor, lane }
    }

    /// Lets these be read next.
    pub(in crate::sink) fn feed(&self, records: Vec<Read>) {
        let first = self.shared.fed.fetch_add(i64::try_from(records.len()).unwrap(), Ordering::SeqCst);
        self.shared.waiting.lock().unwrap().extend((first..).zip(records));
        self.conductor.thread().unpark();
    }

    pub(in crate::sink) fn totals(&self) -> Totals {
        *self.totals.borrow()
    }

    /// Lines of the lane's log that begin so.
    pub(in crate::sink) fn logged(&self, start: &str) -> usize {
        self.shared.log.lock().unwrap().iter().filter(|line| line.starts_with(start)).count()
    }

    /// Waits until all that was fed is settled.
    pub(in crate::sink) async fn settled(&self) {
        let fed = u64::try_from(self.shared.fed.load(Ordering::SeqCst)).unwrap();
        self.until("everything is settled", || {
            let totals = self.totals();
            totals.read == fed && totals.in_flight() == 0
        })
        .await;
    }

    pub(in crate::sink) async fn until(&self, what: &str, condition: impl Fn() -> bool) {
        if !holds_in_time(condition).await {
            let log = self.shared.log.lock().unwrap();
            panic!("{what}: not so within {LIMIT:?}; {:?}; the end of the log: {:?}", self.totals(), last_of(&log));
        }
    }

    /// Stops, and checks that nothing was taken for delivered that was not.
    pub(in crate::sink) async fn end(self) -> Carried {
        self.stop.store(true, Ordering::Relaxed);
        let conductor = self.conductor;
        tokio::task::spawn_blocking(|| conductor.join()).await.unwrap().unwrap().unwrap();
        self.lane.await.unwrap().unwrap();
        let shared = self.shared;
        let breaches = shared.breaches.lock().unwrap();
        assert!(breaches.is_empty(), "{:?}", &breaches[..breaches.len().min(5)]);
        let letters = std::mem::take(&mut *shared.letters.lock().unwrap());
        let log = std::mem::take(&mut *shared.log.lock().unwrap());
        let totals = *self.totals.borrow();
        Carried { totals, letters, committed: shared.committed.load(Ordering::SeqCst), log }
    }
}

fn last_of(log: &[String]) -> &[String] {
    &log[log.len().saturating_sub(10)..]
}

/// Whether the condition comes true within a minute.
pub(in crate::sink) async fn holds_in_time(condition: impl Fn() -> bool) -> bool {
    let holds = async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    tokio::time::timeout(LIMIT, holds).await.is_ok()
}

/// Carries the records to the sink, all of them in one batch if they may share one, until all are settled.
pub(in crate::sink) async fn carry(sink: impl Sink, coding: Coding, records: Vec<Read>) -> Carried {
    carry_while(sink, coding, records, async {}).await
}

/// As [`carry`], while something else happens.
pub(in crate::sink) async fn carry_while(
    sink: impl Sink,
    coding: Coding,
    records: Vec<Read>,
    meanwhile: impl Future<Output = ()>,
) -> Carried {
    let crossing = Crossing::start(sink, Settings { coding, ..Settings::default() });
    crossing.feed(records);
    let ((), ()) = tokio::join!(crossing.settled(), meanwhile);
    crossing.end().await
}

fn store_into(shared: &Arc<Shared>) -> LetterStore {
    let shared = Arc::clone(shared);
    Arc::new(move |new: Arc<Vec<Letter>>| {
        shared.letters.lock().unwrap().extend(new.iter().cloned());
        Box::pin(async { Ok(()) })
    })
}

fn log_into(shared: &Arc<Shared>) -> crate::delivery::lane::Observer {
    let shared = Arc::clone(shared);
    Arc::new(move |event: LaneEvent<'_>| {
        let line = match event {
            LaneEvent::Attempted { outcome, .. } => outcome.to_owned(),
            LaneEvent::Failed { failure, .. } => format!("failed {failure}"),
            LaneEvent::LeftAlone { failure, .. } => format!("left alone {failure}"),
            LaneEvent::Refused { failure, .. } => format!("refused {failure}"),
            LaneEvent::Holding { failure, .. } => format!("holding {failure}"),
            LaneEvent::Delivered { .. } | LaneEvent::Resumed { .. } | LaneEvent::DeadLettered(_) => return,
        };
        shared.log.lock().unwrap().push(line);
    })
}
