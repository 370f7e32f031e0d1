//! The whole core around a real sink: records in memory, a conductor, a lane, and the stand-in at the far side.

use std::collections::VecDeque;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::{mpsc, watch};

use super::*;
use crate::defaults;
use crate::delivery::batch::{BatchBuilder, BatchLimits};
use crate::delivery::budget::Budget;
use crate::delivery::conductor::{Conductor, ConductorParts};
use crate::delivery::lane::{Lane, LaneEvent, LaneParts, LetterStore};
use crate::delivery::ledger::{CommitPoint, Totals};
use crate::delivery::letter::Letter;
use crate::delivery::settlement::Mail;
use crate::event::headers;
use crate::position::{ResumeAt, Slot, TopicName};
use crate::source::{Assigned, Event, Flow, Source};
use crate::transform::Chain;

/// One record to be read; its offset is its place in the list.
#[derive(Clone, Default)]
pub(super) struct Read {
    pub(super) key: Option<Vec<u8>>,
    pub(super) value: Option<Vec<u8>>,
    pub(super) headers: Vec<u8>,
}

pub(super) fn read(value: &str) -> Read {
    Read { value: Some(value.as_bytes().to_vec()), ..Read::default() }
}

impl Read {
    pub(super) fn tombstone() -> Self {
        Self::default()
    }

    pub(super) fn with_header(mut self, name: &str, value: Option<&[u8]>) -> Self {
        headers::push(&mut self.headers, name, value);
        self
    }
}

struct Records {
    rest: VecDeque<(i64, Read)>,
    assigned: bool,
    committed: Arc<Mutex<i64>>,
}

impl Source for Records {
    fn poll(&mut self, wait: Duration, handler: &mut dyn FnMut(Event<'_>) -> Flow) -> Result<(), Failure> {
        let (slot, topic, partition) = (Slot::new(0), TopicName::new("audit"), PartitionId::new(0));
        if !std::mem::replace(&mut self.assigned, true) {
            let resume_at = ResumeAt::from_broker(0);
            handler(Event::Assigned(vec![Assigned { slot, topic, partition, resume_at, committed: None, end: None }]));
        }
        let Some((offset, read)) = self.rest.pop_front() else {
            std::thread::park_timeout(wait);
            return Ok(());
        };
        let record = Record {
            topic: "audit",
            partition,
            offset: Offset::new(offset),
            timestamp_ms: Some(1_623_091_780_331),
            key: read.key.as_deref(),
            value: read.value.as_deref(),
            headers: &read.headers,
        };
        handler(Event::Record { slot, record });
        Ok(())
    }

    fn commit(&mut self, _points: &[CommitPoint]) -> bool {
        true
    }

    fn commit_now(&mut self, points: &[CommitPoint]) -> Result<(), Failure> {
        points.iter().for_each(|point| *self.committed.lock().unwrap() = point.resume_at.get());
        Ok(())
    }

    fn release(&mut self, _slots: &[Slot]) {}

    fn pause(&mut self) {}

    fn resume(&mut self) {}
}

/// What became of the records.
pub(super) struct Carried {
    pub(super) totals: Totals,
    pub(super) letters: Vec<Letter>,
    /// The position that was committed at the end.
    pub(super) committed: i64,
    /// The lane's reports, without numbers.
    pub(super) log: Vec<String>,
}

impl Carried {
    /// Offset and reason of each letter.
    pub(super) fn reasons(&self) -> Vec<(i64, &'static str)> {
        let mut reasons: Vec<_> =
            self.letters.iter().map(|letter| (letter.offset.get(), letter.failure.reason.as_str())).collect();
        reasons.sort_unstable();
        reasons
    }
}

/// Carries the records to the sink, all of them in one batch if they may share one, until all are settled.
pub(super) async fn carry(sink: SplunkHec, coding: Coding, records: Vec<Read>) -> Carried {
    carry_while(sink, coding, records, async {}).await
}

/// As [`carry`], while something else happens.
pub(super) async fn carry_while(
    sink: SplunkHec,
    coding: Coding,
    records: Vec<Read>,
    meanwhile: impl Future<Output = ()>,
) -> Carried {
    let count = records.len() as u64;
    let sink: Arc<dyn Sink> = Arc::new(sink);
    let (mail, stop) = (Mail::default(), Arc::new(AtomicBool::new(false)));
    let lane_ready = Arc::new(AtomicBool::new(false));
    let (shipments, incoming) = mpsc::channel(defaults::BATCH_QUEUE);
    let (letters, log) = (Arc::new(Mutex::new(Vec::new())), Arc::new(Mutex::new(Vec::new())));
    let lane = Lane::new(LaneParts {
        sink: Arc::clone(&sink),
        shipments: incoming,
        recall: Arc::clone(&mail.recall),
        letters: Some(store_into(&letters)),
        observer: log_into(&log),
        max_in_flight: 4,
        coding,
        ready: Arc::clone(&lane_ready),
    });
    #[expect(clippy::disallowed_methods, reason = "a test stands in for the pipeline")]
    let lane = tokio::spawn(lane.run());
    let (publish, mut seen) = watch::channel(Totals::default());
    let budget = Budget::new(64 << 20, Arc::clone(&mail.settlements));
    let limits = BatchLimits { max_events: 10_000, max_bytes: 16 << 20 };
    let builder = BatchBuilder::new(limits, Arc::clone(&budget), Arc::clone(&mail.settlements));
    let committed = Arc::new(Mutex::new(-1));
    let rest = (0..).zip(records).collect();
    let conductor = Conductor::new(ConductorParts {
        source: Records { rest, assigned: false, committed: Arc::clone(&committed) },
        sink,
        chain: Chain::default(),
        builder,
        budget,
        mail,
        shipments,
        lane_ready,
        stop: Arc::clone(&stop),
        observer: Arc::new(|_| {}),
        publish: Box::new(move |progress| {
            publish.send_replace(progress.totals);
        }),
        max_age: Duration::from_millis(100),
        drain_deadline: Duration::from_secs(30),
    });
    let thread = std::thread::spawn(move || conductor.run().0);
    let settled = async {
        let settled = seen.wait_for(|totals| totals.read == count && totals.in_flight() == 0);
        let settled = tokio::time::timeout(Duration::from_secs(60), settled).await;
        *settled.expect("everything is settled within a minute").unwrap()
    };
    let (totals, ()) = tokio::join!(settled, meanwhile);
    stop.store(true, Ordering::Relaxed);
    tokio::task::spawn_blocking(|| thread.join()).await.unwrap().unwrap().unwrap();
    lane.await.unwrap();
    let (letters, log) = (std::mem::take(&mut *letters.lock().unwrap()), std::mem::take(&mut *log.lock().unwrap()));
    let committed = *committed.lock().unwrap();
    Carried { totals, letters, committed, log }
}

fn store_into(letters: &Arc<Mutex<Vec<Letter>>>) -> LetterStore {
    let letters = Arc::clone(letters);
    Arc::new(move |new: Arc<Vec<Letter>>| {
        letters.lock().unwrap().extend(new.iter().cloned());
        Box::pin(async { Ok(()) })
    })
}

fn log_into(log: &Arc<Mutex<Vec<String>>>) -> crate::delivery::lane::Observer {
    let log = Arc::clone(log);
    Arc::new(move |event: LaneEvent<'_>| {
        let line = match event {
            LaneEvent::Attempted { outcome, .. } => outcome.to_owned(),
            LaneEvent::Failed { failure, .. } => format!("failed {failure}"),
            LaneEvent::LeftAlone { failure, .. } => format!("left alone {failure}"),
            LaneEvent::Refused { failure, .. } => format!("refused {failure}"),
            LaneEvent::Holding { failure, .. } => format!("holding {failure}"),
            LaneEvent::Delivered { .. } | LaneEvent::Resumed { .. } | LaneEvent::DeadLettered(_) => return,
        };
        log.lock().unwrap().push(line);
    })
}
