//! What the process knows about itself: one board, written by pipelines, read by the admin server.
//!
//! Each pipeline's entry is one value under one lock, so that a reader always copies a picture whose numbers belong
//! together: read = delivered + filtered + dead-lettered + released + in flight, at every scrape. Writers hold the lock for
//! a few assignments; nothing is computed under it.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use crate::delivery::attempt::Failure;
use crate::sink::DeliveryLevel;
use crate::source::Gap;

/// What a pipeline is doing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum State {
    /// No partition was assigned yet.
    Starting,
    Running,
    /// The sink answers with errors that pass; it is tried again.
    BackingOff,
    /// A human must act; everything is kept.
    Holding,
    Draining,
    Stopped,
    /// The source cannot go on; it is started again after a pause.
    Failed,
}

impl State {
    pub const ALL: [Self; 7] =
        [Self::Starting, Self::Running, Self::BackingOff, Self::Holding, Self::Draining, Self::Stopped, Self::Failed];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Running => "running",
            Self::BackingOff => "backing_off",
            Self::Holding => "holding",
            Self::Draining => "draining",
            Self::Stopped => "stopped",
            Self::Failed => "failed",
        }
    }
}

/// Counts of records since the start of the process, and what is held now.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Progress {
    pub read: u64,
    pub delivered: u64,
    pub filtered: u64,
    pub dead_lettered: u64,
    /// Given back unsettled at a rebalance or stop; read again by whoever has the partition next.
    pub released: u64,
    pub in_flight: u64,
    pub in_flight_bytes: u64,
    /// Settlements that came after their assignment had ended; they change nothing.
    pub stale_settlements: u64,
    /// Records whose duty to settle was lost. Anything but 0 is a defect.
    pub abandoned: u64,
    /// No JSON objects, so that no filter could look at them; they were kept.
    pub unreadable: u64,
}

/// What a filter has come to since the start of the process.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct FilterStatus {
    pub rule: String,
    pub filtered: u64,
    /// Kept as its sample.
    pub sampled: u64,
    /// Kept because a member that it looked at is there several times.
    pub ambiguous: u64,
    /// Kept because a member of the event has another type than its condition needs.
    pub condition_errors: u64,
    /// Says nothing of the event.
    pub last_condition_error: Option<String>,
}

/// One assigned partition. Offsets are positions: the next one to read, to settle, to be committed.
#[derive(Clone, PartialEq, Debug)]
pub struct PartitionStatus {
    pub topic: String,
    pub partition: i32,
    /// `None` when the group has never committed here.
    pub committed: Option<i64>,
    /// Everything before it is settled.
    pub watermark: i64,
    pub next: i64,
    /// End of the partition as last heard.
    pub end: Option<i64>,
    /// Records between the watermark and the end, as offsets.
    pub lag: Option<u64>,
    /// Age of the first record that is read and not settled; `None` when there is none.
    pub oldest_unsettled: Option<Duration>,
    /// Time until the first unsettled record expires; the whole retention when all is settled.
    pub retention_left: Duration,
}

#[derive(Clone, PartialEq, Debug)]
pub struct LastFailure {
    pub failure: Failure,
    pub at: SystemTime,
}

#[derive(Clone, Debug)]
pub struct PipelineStatus {
    pub name: String,
    pub level: DeliveryLevel,
    /// Connections whose servers are not verified (`insecure_skip_verify`).
    pub unverified: Vec<&'static str>,
    pub state: State,
    /// When the state was entered.
    pub since: SystemTime,
    /// The last failure of any kind; stays after recovery.
    pub last_failure: Option<LastFailure>,
    /// Why delivery holds, while it does.
    pub holding: Option<Failure>,
    pub progress: Progress,
    /// In the order of the configuration; together they have filtered as many records as the progress says.
    pub filters: Vec<FilterStatus>,
    pub partitions: Vec<PartitionStatus>,
    /// The last gaps, oldest first; at most [`GAPS_KEPT`].
    pub gaps: VecDeque<(SystemTime, Gap)>,
    /// The last turn of the poll thread.
    pub polled_at: Instant,
    /// A partition assignment was received at least once.
    pub was_assigned: bool,
    /// The sink answered at least once with something other than a refusal that only a human can mend.
    pub was_accepted: bool,
}

pub const GAPS_KEPT: usize = 20;

/// One pipeline's entry.
#[derive(Debug)]
pub struct PipelineBoard {
    status: Mutex<PipelineStatus>,
}

impl PipelineBoard {
    /// Changes several things at once, as one picture.
    pub fn update(&self, change: impl FnOnce(&mut PipelineStatus)) {
        change(&mut self.lock());
    }

    pub fn set_state(&self, state: State) {
        self.update(|status| status.enter(state));
    }

    pub fn failed(&self, failure: &Failure) {
        self.update(|status| {
            status.note_failure(failure);
            status.enter(State::Failed);
        });
    }

    pub fn snapshot(&self) -> PipelineStatus {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, PipelineStatus> {
        // The value is replaced field by field and stays meaningful whatever a panicking writer left out.
        self.status.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl PipelineStatus {
    pub fn enter(&mut self, state: State) {
        if self.state != state {
            self.state = state;
            self.since = SystemTime::now();
        }
    }

    pub fn note_failure(&mut self, failure: &Failure) {
        self.last_failure = Some(LastFailure { failure: failure.clone(), at: SystemTime::now() });
    }

    pub fn note_gap(&mut self, gap: &Gap) {
        if self.gaps.len() == GAPS_KEPT {
            self.gaps.pop_front();
        }
        self.gaps.push_back((SystemTime::now(), gap.clone()));
    }
}

/// All pipelines of the process. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct StatusBoard {
    pipelines: Arc<Mutex<Vec<Arc<PipelineBoard>>>>,
    started: Arc<AtomicBool>,
}

impl StatusBoard {
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a pipeline.
    pub fn pipeline(&self, name: &str, level: DeliveryLevel) -> Arc<PipelineBoard> {
        let status = PipelineStatus {
            name: name.to_owned(),
            level,
            unverified: Vec::new(),
            state: State::Starting,
            since: SystemTime::now(),
            last_failure: None,
            holding: None,
            progress: Progress::default(),
            filters: Vec::new(),
            partitions: Vec::new(),
            gaps: VecDeque::new(),
            polled_at: Instant::now(),
            was_assigned: false,
            was_accepted: false,
        };
        let board = Arc::new(PipelineBoard { status: Mutex::new(status) });
        self.lock().push(Arc::clone(&board));
        board
    }

    /// Everything is configured and running.
    pub fn started(&self) {
        self.started.store(true, Ordering::Relaxed);
    }

    pub fn is_started(&self) -> bool {
        self.started.load(Ordering::Relaxed)
    }

    /// One consistent picture per pipeline.
    pub fn snapshot(&self) -> Vec<PipelineStatus> {
        self.lock().iter().map(|board| board.snapshot()).collect()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Arc<PipelineBoard>>> {
        self.pipelines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
