//! What happens in a lane, as log lines, metrics and status: the only place where it is reported.
//!
//! A failure is logged when it first appears, when its reason changes and when it is over, not for every attempt.

use std::collections::BTreeMap;
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
    /// What is wrong at present, by endpoint.
    troubles: Mutex<BTreeMap<usize, Trouble>>,
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

/// What was learned by noting a trouble.
struct Noted {
    /// It was not there, or for another reason.
    is_new: bool,
    /// No endpoint is without trouble.
    everywhere: bool,
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
        troubles: Mutex::default(),
    };
    Arc::new(move |event| report.event(&event))
}

impl Report {
    fn event(&self, event: &LaneEvent<'_>) {
        match event {
            LaneEvent::Attempted { endpoint, outcome, took } => self.attempted(*endpoint, outcome, *took),
            LaneEvent::Delivered { endpoint, oldest_ms, took, .. } => self.delivered(*endpoint, *oldest_ms, *took),
            LaneEvent::Failed { endpoint, failure } => self.failed(*endpoint, failure),
            LaneEvent::LeftAlone { endpoint, failure } => self.left_alone(*endpoint, failure),
            LaneEvent::Refused { endpoint, failure } => self.refused(*endpoint, failure),
            LaneEvent::Holding { endpoint, failure } => self.holding(*endpoint, failure),
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

    fn delivered(&self, endpoint: usize, oldest_ms: Option<i64>, took: Duration) {
        self.acknowledgement.record(took);
        if let Some(oldest) = oldest_ms {
            // Clocks differ: an event from the future is counted, and was not waiting.
            let age = now_ms().saturating_sub(oldest);
            if age < 0 {
                self.clock_skew.increment(1);
            }
            self.end_to_end.record(Duration::from_millis(u64::try_from(age).unwrap_or(0)));
        }
        let over = self.troubles.lock().unwrap_or_else(PoisonError::into_inner).remove(&endpoint);
        if let Some(Trouble { reason, since, attempts }) = over {
            let (endpoint, seconds) = (self.name_of(endpoint), since.elapsed().as_secs_f64());
            tracing::info!(
                pipeline = %self.pipeline, endpoint, %reason, failed_attempts = attempts, seconds, "delivery works again"
            );
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
        let noted = self.note_trouble(endpoint, failure);
        if noted.is_new {
            tracing::warn!(
                pipeline = %self.pipeline, endpoint = self.name_of(endpoint), reason = %failure.reason,
                detail = %failure.detail, remedy = failure.reason.remedy(), "delivery fails and is tried again"
            );
        }
        self.board.update(|status| {
            // The sink answered, or may answer soon: nothing that only a human could mend.
            status.was_accepted = true;
            status.note_failure(failure);
            if noted.everywhere && status.state == State::Running {
                status.enter(State::BackingOff);
            }
        });
    }

    /// No attempt has failed: none was made.
    fn left_alone(&self, endpoint: usize, failure: &Failure) {
        if self.note_trouble(endpoint, failure).is_new {
            tracing::warn!(
                pipeline = %self.pipeline, endpoint = self.name_of(endpoint), reason = %failure.reason,
                detail = %failure.detail, remedy = failure.reason.remedy(),
                "an endpoint is not well and is asked from time to time; delivery goes on at the others"
            );
        }
        self.board.update(|status| status.note_failure(failure));
    }

    fn refused(&self, endpoint: usize, failure: &Failure) {
        self.count(names::SINK_FAILURES, failure.reason);
        if self.note_trouble(endpoint, failure).is_new {
            tracing::error!(
                pipeline = %self.pipeline, endpoint = self.name_of(endpoint), reason = %failure.reason,
                detail = %failure.detail, remedy = failure.reason.remedy(),
                "an endpoint refuses and is tried from time to time; delivery goes on at the others"
            );
        }
        self.board.update(|status| status.note_failure(failure));
    }

    fn note_trouble(&self, endpoint: usize, failure: &Failure) -> Noted {
        let mut troubles = self.troubles.lock().unwrap_or_else(PoisonError::into_inner);
        let before = troubles.get(&endpoint);
        let is_new = before.is_none_or(|trouble| trouble.reason != failure.reason);
        let (since, attempts) = before.map_or((Instant::now(), 0), |trouble| (trouble.since, trouble.attempts));
        troubles.insert(endpoint, Trouble { reason: failure.reason, since, attempts: attempts + 1 });
        Noted { is_new, everywhere: troubles.len() == self.endpoints.len() }
    }

    fn name_of(&self, endpoint: usize) -> &str {
        self.endpoints.get(endpoint).map_or("", |endpoint| endpoint.name.as_str())
    }

    fn holding(&self, endpoint: Option<usize>, failure: &Failure) {
        self.count(names::SINK_FAILURES, failure.reason);
        tracing::error!(
            pipeline = %self.pipeline, endpoint = endpoint.map(|endpoint| self.name_of(endpoint)), reason = %failure.reason,
            detail = %failure.detail, remedy = failure.reason.remedy(),
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
