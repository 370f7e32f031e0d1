//! The conductor between a source in memory and a lane in memory, on a thread of its own as in production.
//!
//! These run in real time, because the conductor blocks; they wait for conditions, never for a while.

mod one_turn;

use std::collections::VecDeque;
use std::sync::Mutex;
use std::thread::JoinHandle;

use super::*;
use crate::delivery::attempt::{Attempt, Coding};
use crate::delivery::batch::BatchLimits;
use crate::delivery::lane::{Lane, LaneParts};
use crate::delivery::ledger::Outcome;
use crate::delivery::testing::{MemorySink, lock, retry};
use crate::event::Record;
use crate::position::{Offset, PartitionId, TopicName};
use crate::reason::Reason;
use crate::source::{Assigned, Event, Flow};

/// What the scripted source does next.
enum Step {
    Records(std::ops::Range<i64>),
    Hole(i64),
    Revoke { lost: bool },
    Fail,
}

/// The outside view of the scripted source.
#[derive(Default)]
struct Broker {
    script: VecDeque<Step>,
    committed: Vec<i64>,
    refuse_commits: u32,
    /// A commit is under way and no other is taken.
    busy: bool,
    released: u32,
    paused: u32,
    resumed: u32,
    handed_over: u64,
}

struct ScriptedSource {
    broker: Arc<Mutex<Broker>>,
    rest: std::ops::Range<i64>,
    answers: VecDeque<Result<CommitPoint, Failure>>,
    paused: bool,
    assigned: bool,
}

const SLOT: Slot = Slot::new(0);

impl ScriptedSource {
    fn commit_points(&mut self, points: &[CommitPoint]) -> Result<(), Failure> {
        let mut broker = lock(&self.broker);
        if broker.refuse_commits > 0 {
            broker.refuse_commits -= 1;
            return Err(Failure::new(Reason::Kafka, "rebalance in progress"));
        }
        broker.committed.extend(points.iter().map(|point| point.resume_at.get()));
        Ok(())
    }
}

impl Source for ScriptedSource {
    fn poll(&mut self, wait: Duration, handler: &mut dyn FnMut(Event<'_>) -> Flow) -> Result<(), Failure> {
        for answer in self.answers.drain(..) {
            match answer {
                Ok(point) => handler(Event::Committed(point)),
                Err(failure) => handler(Event::CommitFailed(failure)),
            };
        }
        if !self.assigned {
            self.assigned = true;
            let (topic, partition) = (TopicName::new("audit"), PartitionId::new(0));
            let resume_at = ResumeAt::from_broker(0);
            handler(Event::Assigned(vec![Assigned {
                slot: SLOT,
                topic,
                partition,
                resume_at,
                committed: None,
                end: None,
            }]));
        }
        if self.paused {
            std::thread::park_timeout(wait);
            return Ok(());
        }
        if self.rest.is_empty() {
            let step = lock(&self.broker).script.pop_front();
            match step {
                Some(Step::Records(range)) => self.rest = range,
                Some(Step::Hole(next)) => {
                    handler(Event::Position { slot: SLOT, next: ResumeAt::from_broker(next) });
                }
                Some(Step::Revoke { lost }) => {
                    handler(Event::Revoking { slots: vec![SLOT], lost });
                }
                Some(Step::Fail) => return Err(Failure::new(Reason::Kafka, "fenced")),
                None => std::thread::park_timeout(wait),
            }
        }
        for offset in self.rest.by_ref() {
            let record = Record {
                topic: "audit",
                partition: PartitionId::new(0),
                offset: Offset::new(offset),
                timestamp_ms: Some(offset),
                key: None,
                value: Some(&[b'x'; 1000]),
                headers: &[],
            };
            lock(&self.broker).handed_over += 1;
            if handler(Event::Record { slot: SLOT, record }) == Flow::Stop {
                break;
            }
        }
        Ok(())
    }

    fn commit(&mut self, points: &[CommitPoint]) -> bool {
        if lock(&self.broker).busy {
            return false;
        }
        match self.commit_points(points) {
            Ok(()) => self.answers.extend(points.iter().map(|point| Ok(*point))),
            Err(failure) => self.answers.push_back(Err(failure)),
        }
        true
    }

    fn commit_now(&mut self, points: &[CommitPoint]) -> Result<(), Failure> {
        self.commit_points(points)
    }

    fn release(&mut self, _slots: &[Slot]) {
        lock(&self.broker).released += 1;
    }

    fn pause(&mut self) {
        self.paused = true;
        lock(&self.broker).paused += 1;
    }

    fn resume(&mut self) {
        self.paused = false;
        lock(&self.broker).resumed += 1;
    }
}

struct Rig {
    broker: Arc<Mutex<Broker>>,
    stop: Arc<AtomicBool>,
    totals: Arc<Mutex<(Totals, u64)>>,
    thread: JoinHandle<Result<(), Failure>>,
    runtime: tokio::runtime::Runtime,
}

/// A conductor that does not run yet, and what lies around it.
struct Bench {
    conductor: Conductor<ScriptedSource>,
    broker: Arc<Mutex<Broker>>,
    stop: Arc<AtomicBool>,
    totals: Arc<Mutex<(Totals, u64)>>,
    /// The pictures of the partitions that were published.
    pictures: Arc<Mutex<Vec<Vec<PartitionProgress>>>>,
    log: Arc<Mutex<Vec<String>>>,
    published: Arc<Mutex<usize>>,
    runtime: tokio::runtime::Runtime,
}

fn rig(sink: &Arc<MemorySink>, in_flight_bytes: u64, drain_deadline: Duration) -> Rig {
    let Bench { conductor, broker, stop, totals, runtime, .. } = bench(sink, in_flight_bytes, drain_deadline);
    let thread = std::thread::spawn(move || conductor.run().0);
    Rig { broker, stop, totals, thread, runtime }
}

fn bench(sink: &Arc<MemorySink>, in_flight_bytes: u64, drain_deadline: Duration) -> Bench {
    let broker = Arc::new(Mutex::new(Broker::default()));
    let mail = Mail::default();
    let budget = Budget::new(in_flight_bytes, Arc::clone(&mail.settlements));
    let limits = BatchLimits { max_events: 100, max_bytes: 1 << 20 };
    let builder = BatchBuilder::new(limits, Arc::clone(&budget), Arc::clone(&mail.settlements));
    let (shipments, incoming) = mpsc::channel(defaults::BATCH_QUEUE);
    let (stop, lane_ready) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
    let totals = Arc::new(Mutex::new((Totals::default(), 0)));
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("runtime");
    let lane = Lane::new(LaneParts {
        sink: Arc::clone(sink) as Arc<dyn Sink>,
        shipments: incoming,
        recall: Arc::clone(&mail.recall),
        letters: None,
        observer: Arc::new(|_| {}),
        max_in_flight: 4,
        coding: Coding::Identity,
        ready: Arc::clone(&lane_ready),
    });
    drop(runtime.spawn(lane.run()));
    let seen = Arc::clone(&totals);
    let (pictures, log) = (Arc::new(Mutex::new(Vec::new())), Arc::new(Mutex::new(Vec::new())));
    let (taken, said) = (Arc::clone(&pictures), Arc::clone(&log));
    let published = Arc::new(Mutex::new(0));
    let count = Arc::clone(&published);
    let conductor = Conductor::new(ConductorParts {
        source: ScriptedSource {
            broker: Arc::clone(&broker),
            rest: 0..0,
            answers: VecDeque::new(),
            paused: false,
            assigned: false,
        },
        sink: Arc::clone(sink) as Arc<dyn Sink>,
        chain: Chain::default(),
        builder,
        closing: Closing::Together,
        budget,
        mail,
        shipments,
        lane_ready,
        stop: Arc::clone(&stop),
        observer: Arc::new(move |event| {
            let line = match event {
                IntakeEvent::Assigned(_) => "assigned".to_owned(),
                IntakeEvent::Revoked { places, lost, unsettled } => {
                    format!("revoked {}, lost {lost}, unsettled {unsettled}", places.len())
                }
                IntakeEvent::Gap(_) => "gap".to_owned(),
                IntakeEvent::Trouble(_) => "trouble".to_owned(),
                IntakeEvent::CommitFailed(_) => "commit failed".to_owned(),
                IntakeEvent::Draining { open } => format!("draining {open}"),
            };
            lock(&said).push(line);
        }),
        publish: Box::new(move |progress| {
            let totals = progress.totals;
            let sum = totals.delivered + totals.filtered + totals.dead_lettered + totals.released + totals.in_flight();
            assert_eq!(totals.read, sum, "I5 at every report");
            *lock(&count) += 1;
            *lock(&seen) = (totals, progress.in_flight_bytes);
            lock(&taken).extend(progress.partitions.map(<[PartitionProgress]>::to_vec));
        }),
        max_age: Duration::from_millis(20),
        drain_deadline,
    });
    Bench { conductor, broker, stop, totals, pictures, log, published, runtime }
}

impl Bench {
    /// Reads records into a batch of their own.
    fn read(&mut self, offsets: std::ops::Range<i64>) {
        lock(&self.broker).script.push_back(Step::Records(offsets));
        self.poll();
        self.conductor.intake.close_batches();
    }

    fn poll(&mut self) {
        self.conductor.poll(Duration::ZERO).expect("the script holds no failure");
    }

    /// Delivers everything that was read.
    fn deliver(&mut self) {
        for shipment in self.conductor.intake.outbox.drain(..) {
            shipment.consignment.expect("there are no letters").settle(Outcome::Delivered);
        }
        self.conductor.take_settlements();
    }

    /// What has been committed after the conductor was asked at this time.
    fn committed_at(&mut self, now: Instant) -> Vec<i64> {
        self.conductor.commit_if_due(now);
        lock(&self.broker).committed.clone()
    }
}

impl Rig {
    fn script(&self, step: Step) {
        lock(&self.broker).script.push_back(step);
    }

    fn until(&self, what: &str, condition: impl Fn(&Broker, Totals) -> bool) {
        let deadline = Instant::now() + Duration::from_secs(20);
        loop {
            let totals = lock(&self.totals).0;
            if condition(&lock(&self.broker), totals) {
                return;
            }
            assert!(Instant::now() < deadline, "{what} did not come about: {totals:?}");
            std::thread::park_timeout(Duration::from_millis(2));
        }
    }

    fn stop(self) -> (Result<(), Failure>, Vec<i64>) {
        self.stop.store(true, Ordering::Relaxed);
        let result = self.thread.join().expect("the conductor does not panic");
        self.runtime.shutdown_background();
        let committed = lock(&self.broker).committed.clone();
        (result, committed)
    }
}

const LONG: Duration = Duration::from_secs(20);

#[test]
fn what_is_delivered_is_committed_and_a_stop_commits_the_rest() {
    let sink = MemorySink::new(1, |_, _| Attempt::Delivered);
    let rig = rig(&sink, 1 << 24, LONG);
    rig.script(Step::Records(0..1000));
    rig.until("delivery", |_, totals| totals.delivered == 1000);
    rig.script(Step::Hole(1002));
    rig.until("the commit past the hole", |broker, _| broker.committed.last() == Some(&1002));
    rig.script(Step::Records(1002..1010));
    rig.until("reading", |broker, _| broker.handed_over == 1008);
    let (result, committed) = rig.stop();
    assert_eq!(result, Ok(()));
    assert!(committed.is_sorted(), "{committed:?}");
    // Unsent records may have been given back; what was sent is committed.
    let sent = sink.attempts().iter().flat_map(|(_, offsets)| offsets.clone()).max().map(|last| last.max(1001) + 1);
    assert_eq!(committed.last().copied(), sent);
}

#[test]
fn at_the_byte_bound_reading_stops_pauses_and_goes_on_when_there_is_room() {
    let sink = MemorySink::new(1, |_, _| retry());
    let rig = rig(&sink, 400_000, LONG);
    rig.script(Step::Records(0..5_000));
    rig.until("the pause", |broker, _| broker.paused == 1);
    let (totals, bytes) = *lock(&rig.totals);
    assert!(bytes < 700_000, "{bytes} bytes held");
    assert!(totals.read < 700, "{} records read", totals.read);
    sink.behave(|_, _| Attempt::Delivered);
    rig.until("delivery", |_, totals| totals.delivered == 5_000);
    rig.until("a resume for each pause", |broker, _| broker.resumed == broker.paused);
    assert_eq!(rig.stop().1.last(), Some(&5_000));
}

#[test]
fn revoked_partitions_are_drained_and_committed_before_they_are_released() {
    let sink = MemorySink::new(1, |_, _| {
        Attempt::Pending(Box::pin(async {
            tokio::time::sleep(Duration::from_millis(100)).await;
            Attempt::Delivered
        }))
    });
    let rig = rig(&sink, 1 << 24, LONG);
    rig.script(Step::Records(0..300));
    rig.until("sending", |_, _| sink.attempts().iter().map(|(_, offsets)| offsets.len()).sum::<usize>() == 300);
    rig.script(Step::Revoke { lost: false });
    rig.until("release", |broker, _| broker.released == 1);
    assert_eq!(lock(&rig.broker).committed.last(), Some(&300), "committed before the release");
    rig.stop().0.expect("stops well");
}

#[test]
fn lost_partitions_are_released_at_once_and_nothing_is_committed() {
    let sink = MemorySink::new(1, |_, _| {
        Attempt::Pending(Box::pin(async {
            tokio::time::sleep(Duration::from_millis(300)).await;
            Attempt::Delivered
        }))
    });
    let rig = rig(&sink, 1 << 24, LONG);
    rig.script(Step::Records(0..100));
    rig.until("sending", |_, _| !sink.attempts().is_empty());
    rig.script(Step::Revoke { lost: true });
    rig.until("release", |broker, _| broker.released == 1);
    rig.until("the late settlement", |_, totals| totals.stale_settlements > 0);
    let committed = rig.stop().1;
    assert!(committed.iter().all(|at| *at == 0), "beyond where reading began: {committed:?}");
}

#[test]
fn a_drain_ends_at_its_deadline_and_commits_only_what_is_proven() {
    let sink = MemorySink::new(1, |_, offsets| match offsets.contains(&0) {
        true => Attempt::Delivered,
        false => Attempt::Pending(Box::pin(std::future::pending())),
    });
    let rig = rig(&sink, 1 << 24, Duration::from_millis(200));
    rig.script(Step::Records(0..1));
    rig.until("the first delivery", |_, totals| totals.delivered == 1);
    rig.script(Step::Records(1..50));
    rig.until("sending", |_, _| sink.attempts().len() >= 2);
    let (result, committed) = rig.stop();
    assert_eq!((result, committed.last()), (Ok(()), Some(&1)));
}

#[test]
fn a_failed_commit_is_covered_by_the_next_one() {
    let sink = MemorySink::new(1, |_, _| Attempt::Delivered);
    let rig = rig(&sink, 1 << 24, LONG);
    lock(&rig.broker).refuse_commits = 2;
    rig.script(Step::Records(0..10));
    rig.until("the commit", |broker, _| broker.committed.last() == Some(&10));
    assert_eq!(lock(&rig.broker).refuse_commits, 0);
    rig.stop().0.expect("stops well");
}

#[test]
fn a_source_that_fails_for_good_ends_the_run_after_a_drain() {
    let sink = MemorySink::new(1, |_, _| Attempt::Delivered);
    let rig = rig(&sink, 1 << 24, LONG);
    rig.script(Step::Records(0..10));
    rig.until("delivery", |_, totals| totals.delivered == 10);
    rig.script(Step::Fail);
    rig.until("the failure", |broker, _| broker.script.is_empty());
    let (result, committed) = rig.stop();
    assert_eq!(result.map_err(|failure| failure.detail), Err("fenced".into()));
    assert_eq!(committed.last(), Some(&10));
}
