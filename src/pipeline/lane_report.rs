//! What happens in a lane, as log lines, metrics and status: the only place where it is reported.
//!
//! A failure is logged when it first appears, when its reason changes and when it is over, not for every attempt.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use ::metrics::{Counter, Histogram, counter, histogram};

use crate::delivery::attempt::Failure;
use crate::delivery::lane::{LaneEvent, Observer};
use crate::metrics::names;
use crate::reason::Reason;
use crate::status::{PipelineBoard, State};

struct Report {
    pipeline: String,
    board: Arc<PipelineBoard>,
    endpoints: Vec<EndpointMetrics>,
    acknowledgement: Histogram,
    end_to_end: Histogram,
    clock_skew: Counter,
    /// What is wrong at present, if anything.
    trouble: Mutex<Option<Trouble>>,
}

struct EndpointMetrics {
    name: String,
    took: Histogram,
}

struct Trouble {
    reason: Reason,
    since: Instant,
    attempts: u64,
}

pub(super) fn observer(pipeline: &str, board: Arc<PipelineBoard>, endpoints: &[String]) -> Observer {
    let name = pipeline.to_owned();
    let endpoint = |endpoint: &String| EndpointMetrics {
        name: endpoint.clone(),
        took: histogram!(names::SINK_REQUEST_DURATION, "pipeline" => name.clone(), "endpoint" => endpoint.clone()),
    };
    let report = Report {
        endpoints: endpoints.iter().map(endpoint).collect(),
        acknowledgement: histogram!(names::SINK_ACK_LATENCY, "pipeline" => name.clone()),
        end_to_end: histogram!(names::END_TO_END_LATENCY, "pipeline" => name.clone()),
        clock_skew: counter!(names::CLOCK_SKEW, "pipeline" => name.clone()),
        pipeline: name,
        board,
        trouble: Mutex::new(None),
    };
    Arc::new(move |event| report.event(&event))
}

impl Report {
    fn event(&self, event: &LaneEvent<'_>) {
        match event {
            LaneEvent::Attempted { endpoint, outcome, took } => self.attempted(*endpoint, outcome, *took),
            LaneEvent::Delivered { oldest_ms, took, .. } => self.delivered(*oldest_ms, *took),
            LaneEvent::Failed { endpoint, failure } => self.failed(*endpoint, failure),
            LaneEvent::Holding(failure) => self.holding(failure),
            LaneEvent::Resumed { held_for } => self.resumed(*held_for),
            LaneEvent::DeadLettered(letter) => {
                let reason = letter.failure.reason;
                self.count(names::DEAD_LETTERS, reason);
                tracing::warn!(
                    pipeline = %self.pipeline, topic = %letter.topic, partition = %letter.partition, offset = %letter.offset,
                    reason = %reason, detail = %letter.failure.detail, "event became a dead letter"
                );
            }
        }
    }

    fn attempted(&self, endpoint: usize, outcome: &'static str, took: Duration) {
        let Some(endpoint) = self.endpoints.get(endpoint) else { return };
        endpoint.took.record(took);
        let (pipeline, name) = (self.pipeline.clone(), endpoint.name.clone());
        counter!(names::SINK_REQUESTS, "pipeline" => pipeline, "endpoint" => name, "outcome" => outcome).increment(1);
    }

    fn delivered(&self, oldest_ms: Option<i64>, took: Duration) {
        self.acknowledgement.record(took);
        if let Some(oldest) = oldest_ms {
            // Clocks differ: an event from the future is counted, and was not waiting.
            let age = now_ms().saturating_sub(oldest);
            if age < 0 {
                self.clock_skew.increment(1);
            }
            self.end_to_end.record(Duration::from_millis(u64::try_from(age).unwrap_or(0)));
        }
        let over = self.trouble.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(Trouble { reason, since, attempts }) = over {
            let seconds = since.elapsed().as_secs_f64();
            tracing::info!(pipeline = %self.pipeline, %reason, failed_attempts = attempts, seconds, "delivery works again");
        }
        self.board.update(|status| {
            status.was_accepted = true;
            if status.state == State::BackingOff {
                status.enter(State::Running);
            }
        });
    }

    fn failed(&self, endpoint: usize, failure: &Failure) {
        self.count(names::SINK_FAILURES, failure.reason);
        let endpoint = self.endpoints.get(endpoint).map_or("", |endpoint| endpoint.name.as_str());
        let mut trouble = self.trouble.lock().unwrap_or_else(PoisonError::into_inner);
        let changed = trouble.as_ref().is_none_or(|trouble| trouble.reason != failure.reason);
        let (since, attempts) = trouble.as_ref().map_or((Instant::now(), 0), |t| (t.since, t.attempts));
        *trouble = Some(Trouble { reason: failure.reason, since, attempts: attempts + 1 });
        drop(trouble);
        if changed {
            tracing::warn!(
                pipeline = %self.pipeline, endpoint, reason = %failure.reason, detail = %failure.detail,
                remedy = failure.reason.remedy(), "delivery fails and is tried again"
            );
        }
        self.board.update(|status| {
            // The sink answered, or may answer soon: nothing that only a human could mend.
            status.was_accepted = true;
            status.note_failure(failure);
            if status.state == State::Running {
                status.enter(State::BackingOff);
            }
        });
    }

    fn holding(&self, failure: &Failure) {
        self.count(names::SINK_FAILURES, failure.reason);
        tracing::error!(
            pipeline = %self.pipeline, reason = %failure.reason, detail = %failure.detail, remedy = failure.reason.remedy(),
            "delivery holds: everything is kept, nothing is committed, a probe is sent from time to time"
        );
        self.board.update(|status| {
            status.note_failure(failure);
            status.holding = Some(failure.clone());
            status.enter(State::Holding);
        });
    }

    fn resumed(&self, held_for: Duration) {
        tracing::info!(pipeline = %self.pipeline, held_for_seconds = held_for.as_secs_f64(), "delivery resumes");
        self.board.update(|status| {
            status.holding = None;
            status.was_accepted = true;
            if status.state == State::Holding {
                status.enter(State::Running);
            }
        });
    }

    fn count(&self, metric: &'static str, reason: Reason) {
        counter!(metric, "pipeline" => self.pipeline.clone(), "reason" => reason.as_str()).increment(1);
    }
}

fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
