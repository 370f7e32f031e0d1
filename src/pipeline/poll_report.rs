//! What happens on the poll thread, as log lines, metrics and status.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use ::metrics::counter;

use crate::delivery::attempt::Failure;
use crate::delivery::conductor::{PartitionProgress, Progress};
use crate::delivery::intake::{IntakeEvent, Observer, Place};
use crate::metrics::names;
use crate::reason::Reason;
use crate::source::{Assigned, Gap};
use crate::status::{self, FilterStatus, PartitionStatus, PipelineBoard, State};
use crate::transform::config::ChainConfig;

struct Report {
    pipeline: String,
    board: Arc<PipelineBoard>,
    /// The kinds of trouble there were, and when each last came.
    trouble: Mutex<BTreeMap<Reason, Instant>>,
}

/// Trouble with the same reason is logged again only after this long without it.
const TROUBLE_OVER: Duration = Duration::from_secs(60);

pub(super) fn observer(pipeline: &str, board: Arc<PipelineBoard>) -> Observer {
    let report = Report { pipeline: pipeline.to_owned(), board, trouble: Mutex::default() };
    Arc::new(move |event| report.event(&event))
}

impl Report {
    fn event(&self, event: &IntakeEvent<'_>) {
        match event {
            IntakeEvent::Assigned(assigned) => self.assigned(assigned),
            IntakeEvent::Revoked { places, lost, unsettled } => self.revoked(places, *lost, *unsettled),
            IntakeEvent::Gap(gap) => self.gap(gap),
            IntakeEvent::Trouble(failure) => self.trouble(failure),
            IntakeEvent::CommitFailed(failure) => {
                counter!(names::COMMIT_FAILURES, "pipeline" => self.pipeline.clone()).increment(1);
                tracing::warn!(
                    pipeline = %self.pipeline, reason = %failure.reason, detail = %failure.detail,
                    "commit failed; the next one covers it"
                );
            }
            IntakeEvent::Draining { open } => {
                tracing::info!(pipeline = %self.pipeline, in_flight = open, "draining");
                self.board.set_state(State::Draining);
            }
        }
    }

    fn assigned(&self, assigned: &[Assigned]) {
        self.count_rebalance("assigned");
        tracing::info!(pipeline = %self.pipeline, partitions = assigned.len(), "partitions assigned");
        for new in assigned {
            tracing::debug!(
                pipeline = %self.pipeline, topic = %new.topic, partition = %new.partition, resume_at = %new.resume_at,
                "reading starts"
            );
        }
        self.board.update(|status| {
            status.was_assigned = true;
            if matches!(status.state, State::Starting | State::Failed) {
                status.enter(State::Running);
            }
        });
    }

    fn revoked(&self, places: &[Place], lost: bool, unsettled: u64) {
        self.count_rebalance(if lost { "lost" } else { "revoked" });
        let partitions = places.len();
        if unsettled > 0 {
            tracing::warn!(
                pipeline = %self.pipeline, partitions, lost, unsettled,
                "partitions given up before all was settled; the unsettled records are delivered again"
            );
        } else {
            tracing::info!(pipeline = %self.pipeline, partitions, lost, "partitions given up");
        }
    }

    fn gap(&self, gap: &Gap) {
        let pipeline = self.pipeline.clone();
        counter!(names::GAPS, "pipeline" => pipeline.clone()).increment(1);
        counter!(names::GAP_RECORDS, "pipeline" => pipeline).increment(gap.records());
        tracing::error!(
            pipeline = %self.pipeline, topic = %gap.topic, partition = %gap.partition, kind = gap.kind.as_str(),
            expected_offset = %gap.expected, resumed_offset = %gap.resumed, records = gap.records(),
            from_time = time_of(gap.from_ms), to_time = time_of(gap.to_ms),
            "records were gone before they could be read"
        );
        self.board.update(|status| status.note_gap(gap));
    }

    fn trouble(&self, failure: &Failure) {
        let (pipeline, reason) = (self.pipeline.clone(), failure.reason);
        counter!(names::KAFKA_ERRORS, "pipeline" => pipeline, "reason" => reason.as_str()).increment(1);
        let last = self.trouble.lock().unwrap_or_else(PoisonError::into_inner).insert(reason, Instant::now());
        let known = last.is_some_and(|at| at.elapsed() < TROUBLE_OVER);
        if !known {
            log_trouble(&self.pipeline, failure);
        }
        self.board.update(|status| status.note_failure(failure));
    }

    fn count_rebalance(&self, kind: &'static str) {
        counter!(names::REBALANCES, "pipeline" => self.pipeline.clone(), "kind" => kind).increment(1);
    }
}

fn log_trouble(pipeline: &str, failure: &Failure) {
    let Failure { reason, detail } = failure;
    // These do not pass by themselves.
    let needs_a_human =
        matches!(reason, Reason::Tls | Reason::KafkaAuthentication | Reason::KafkaAuthorization | Reason::KafkaTopic);
    if needs_a_human {
        tracing::error!(pipeline, %reason, detail, "kafka cannot be read until a human acts; trying on");
    } else {
        tracing::warn!(pipeline, %reason, detail, "trouble with kafka; trying on");
    }
}

fn time_of(ms: Option<i64>) -> String {
    let time = ms.and_then(|ms| jiff::Timestamp::from_millisecond(ms).ok());
    time.map_or_else(|| "unknown".to_owned(), |time| time.to_string())
}

/// Puts the poll thread's picture on the board, each turn.
pub(super) fn publisher(board: Arc<PipelineBoard>, retention: Duration) -> Box<dyn FnMut(&Progress<'_>) + Send> {
    let before = board.snapshot();
    Box::new(move |progress| {
        let counted = add(before.progress, progress);
        let partitions =
            progress.partitions.map(|partitions| partitions.iter().map(|p| status_of(p, retention)).collect());
        board.update(|status| {
            status.polled_at = Instant::now();
            status.progress = counted;
            count_filters(&mut status.filters, &before.filters, progress);
            if let Some(partitions) = partitions {
                status.partitions = partitions;
            }
        });
    })
}

/// Counters go on over a restart of the pipeline.
fn add(before: status::Progress, progress: &Progress<'_>) -> status::Progress {
    let totals = progress.totals;
    status::Progress {
        read: before.read + totals.read,
        delivered: before.delivered + totals.delivered,
        filtered: before.filtered + totals.filtered,
        dead_lettered: before.dead_lettered + totals.dead_lettered,
        // What was in flight when an earlier life of the pipeline ended was given back.
        released: before.released + before.in_flight + totals.released,
        in_flight: totals.in_flight(),
        in_flight_bytes: progress.in_flight_bytes,
        stale_settlements: before.stale_settlements + totals.stale_settlements,
        abandoned: before.abandoned + totals.abandoned,
        unreadable: before.unreadable + progress.filters.unreadable,
    }
}

/// The rules as they stand on the board before anything has happened.
pub(super) fn filters_of(chain: &ChainConfig) -> Vec<FilterStatus> {
    chain.filters.iter().map(|rule| FilterStatus { rule: rule.name.clone(), ..FilterStatus::default() }).collect()
}

fn count_filters(filters: &mut [FilterStatus], before: &[FilterStatus], progress: &Progress<'_>) {
    for ((filter, before), counts) in filters.iter_mut().zip(before).zip(progress.filters.rules) {
        filter.filtered = before.filtered + counts.filtered;
        filter.sampled = before.sampled + counts.sampled;
        filter.ambiguous = before.ambiguous + counts.ambiguous;
        let errors = before.condition_errors + counts.faults;
        if errors != filter.condition_errors {
            filter.condition_errors = errors;
            filter.last_condition_error = counts.last_fault.map(|fault| fault.to_string());
        }
    }
}

fn status_of(progress: &PartitionProgress, retention: Duration) -> PartitionStatus {
    let Place { topic, partition, end } = &progress.place;
    let oldest_unsettled = progress.oldest_open_ms.map(age_of);
    PartitionStatus {
        topic: topic.to_string(),
        partition: partition.get(),
        committed: progress.committed.map(|at| at.get()),
        watermark: progress.watermark.get(),
        next: progress.next.get(),
        // What was heard last may be older than what was read since.
        end: end.map(|end| end.get().max(progress.next.get())),
        lag: end.map(|end| progress.watermark.distance_to(end.max(progress.next))),
        oldest_unsettled,
        retention_left: retention.saturating_sub(oldest_unsettled.unwrap_or_default()),
    }
}

fn age_of(ms: i64) -> Duration {
    let then = UNIX_EPOCH + Duration::from_millis(u64::try_from(ms).unwrap_or(0));
    SystemTime::now().duration_since(then).unwrap_or_default()
}
