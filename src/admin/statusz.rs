//! The document behind `/statusz`: what every pipeline is doing, and one sentence about it.
//!
//! Its shape is a contract: fields are added, never renamed or removed, without raising [`VERSION`]. Times are RFC 3339 in
//! UTC, durations are seconds. Texts from servers are in `detail` only.

use std::time::{Duration, SystemTime};

use serde::Serialize;

use crate::delivery::attempt::Failure;
use crate::reason::Reason;
use crate::source::Gap;
use crate::status::{FilterStatus, PartitionStatus, PipelineStatus, State};

pub(super) const VERSION: u32 = 1;

#[derive(Serialize)]
pub(super) struct Document {
    pub(super) version: u32,
    pub(super) program: &'static str,
    pub(super) program_version: &'static str,
    pub(super) time: String,
    /// One sentence per pipeline that is not well; else one for all.
    pub(super) verdict: String,
    /// Nothing needs a human.
    pub(super) well: bool,
    pub(super) pipelines: Vec<Pipeline>,
}

#[derive(Serialize)]
pub(super) struct Pipeline {
    pub(super) name: String,
    pub(super) verdict: String,
    #[serde(skip)]
    pub(super) well: bool,
    pub(super) state: &'static str,
    pub(super) since: String,
    /// What counts as delivered: `accepted` or `indexed`.
    pub(super) delivery: &'static str,
    /// Connections that take any certificate of anybody: `insecure_skip_verify`.
    pub(super) tls_verification_disabled: Vec<&'static str>,
    pub(super) holding: Option<Trouble>,
    pub(super) last_failure: Option<LastFailure>,
    pub(super) progress: Progress,
    /// In the order of the configuration.
    pub(super) filters: Vec<Filter>,
    /// Over all partitions; `None` before the first assignment, and while the end of one is unknown.
    pub(super) lag: Option<u64>,
    pub(super) oldest_unsettled_seconds: Option<f64>,
    /// The least of all partitions.
    pub(super) retention_left_seconds: Option<f64>,
    pub(super) partitions: Vec<Partition>,
    pub(super) gaps: Vec<GapReport>,
}

#[derive(Serialize)]
pub(super) struct Trouble {
    pub(super) reason: Reason,
    pub(super) detail: String,
    pub(super) remedy: Option<&'static str>,
}

#[derive(Serialize)]
pub(super) struct LastFailure {
    pub(super) at: String,
    #[serde(flatten)]
    pub(super) trouble: Trouble,
}

#[derive(Serialize)]
pub(super) struct Progress {
    pub(super) read: u64,
    pub(super) delivered: u64,
    pub(super) filtered: u64,
    pub(super) dead_lettered: u64,
    pub(super) released: u64,
    pub(super) in_flight: u64,
    pub(super) in_flight_bytes: u64,
    pub(super) stale_settlements: u64,
    pub(super) abandoned: u64,
    pub(super) unreadable: u64,
}

#[derive(Serialize)]
pub(super) struct Filter {
    pub(super) rule: String,
    pub(super) filtered: u64,
    pub(super) sampled: u64,
    pub(super) ambiguous: u64,
    pub(super) condition_errors: u64,
    pub(super) last_condition_error: Option<String>,
}

#[derive(Serialize)]
pub(super) struct Partition {
    pub(super) topic: String,
    pub(super) partition: i32,
    pub(super) committed: Option<i64>,
    pub(super) watermark: i64,
    pub(super) next: i64,
    pub(super) end: Option<i64>,
    pub(super) lag: Option<u64>,
    pub(super) oldest_unsettled_seconds: Option<f64>,
    pub(super) retention_left_seconds: f64,
}

#[derive(Serialize)]
pub(super) struct GapReport {
    pub(super) found_at: String,
    pub(super) topic: String,
    pub(super) partition: i32,
    pub(super) kind: &'static str,
    pub(super) expected_offset: i64,
    pub(super) resumed_offset: i64,
    pub(super) records: u64,
    pub(super) from_time: Option<String>,
    pub(super) to_time: Option<String>,
}

pub(super) fn document(pipelines: &[PipelineStatus]) -> Document {
    let pipelines: Vec<Pipeline> = pipelines.iter().map(pipeline).collect();
    let well = pipelines.iter().all(|pipeline| pipeline.well);
    Document {
        version: VERSION,
        program: "auditferry",
        program_version: env!("CARGO_PKG_VERSION"),
        time: time(SystemTime::now()),
        verdict: verdict_of_all(&pipelines),
        well,
        pipelines,
    }
}

fn verdict_of_all(pipelines: &[Pipeline]) -> String {
    let unwell: Vec<String> =
        pipelines.iter().filter(|p| !p.well).map(|p| format!("Pipeline {}: {}", p.name, p.verdict)).collect();
    match pipelines {
        [] => "No pipeline is set up yet.".to_owned(),
        _ if !unwell.is_empty() => unwell.join(" "),
        [only] => only.verdict.clone(),
        all => format!("All {} pipelines are well.", all.len()),
    }
}

fn pipeline(status: &PipelineStatus) -> Pipeline {
    let partitions: Vec<Partition> = status.partitions.iter().map(partition).collect();
    // Nothing is known to be settled before there were partitions.
    let lag = if status.was_assigned { partitions.iter().map(|partition| partition.lag).sum() } else { None };
    let oldest = status.partitions.iter().filter_map(|partition| partition.oldest_unsettled).max();
    let left = status.partitions.iter().map(|partition| partition.retention_left).min();
    let (well, verdict) = verdict(status, lag, left);
    let p = &status.progress;
    Pipeline {
        name: status.name.clone(),
        verdict,
        well,
        state: status.state.as_str(),
        since: time(status.since),
        delivery: status.level.as_str(),
        tls_verification_disabled: status.unverified.clone(),
        holding: status.holding.as_ref().map(trouble),
        last_failure: status
            .last_failure
            .as_ref()
            .map(|last| LastFailure { at: time(last.at), trouble: trouble(&last.failure) }),
        progress: Progress {
            read: p.read,
            delivered: p.delivered,
            filtered: p.filtered,
            dead_lettered: p.dead_lettered,
            released: p.released,
            in_flight: p.in_flight,
            in_flight_bytes: p.in_flight_bytes,
            stale_settlements: p.stale_settlements,
            abandoned: p.abandoned,
            unreadable: p.unreadable,
        },
        filters: status.filters.iter().map(filter).collect(),
        lag,
        oldest_unsettled_seconds: oldest.map(|age| age.as_secs_f64()),
        retention_left_seconds: left.map(|left| left.as_secs_f64()),
        partitions,
        gaps: status.gaps.iter().map(|(found_at, gap)| gap_report(*found_at, gap)).collect(),
    }
}

/// Whether a pipeline needs no human, and a sentence or a few about it.
fn verdict(status: &PipelineStatus, lag: Option<u64>, left: Option<Duration>) -> (bool, String) {
    let reason = |failure: &Failure| {
        let remedy = failure.reason.remedy().map(|remedy| format!(" To do: {remedy}.")).unwrap_or_default();
        format!("{failure}.{remedy}")
    };
    let last = || status.last_failure.as_ref().map(|last| reason(&last.failure)).unwrap_or_default();
    let (mut well, mut text) = match status.state {
        State::Starting if status.last_failure.is_some() => (false, format!("Kafka is not reached yet: {}", last())),
        State::Starting => (true, "Waiting for partitions.".to_owned()),
        State::Running => (true, behind(lag)),
        State::BackingOff => (true, format!("Delivery fails and is tried again: {}", last())),
        State::Holding => {
            let why = status.holding.as_ref().map_or_else(last, reason);
            (false, format!("Delivery holds until a human acts, and nothing is committed: {why}"))
        }
        State::Draining => (true, "Stopping: what is in flight is being delivered.".to_owned()),
        State::Stopped => (true, "Stopped in good order.".to_owned()),
        State::Failed => (false, format!("The source cannot go on and is started again: {}", last())),
    };
    let records: u64 = status.gaps.iter().map(|(_, gap)| gap.records()).sum();
    if !status.gaps.is_empty() {
        let gaps = status.gaps.len();
        text += &format!(" {records} offsets were gone before they could be read ({gaps} gaps, listed below).");
        well = false;
    }
    if status.progress.abandoned > 0 {
        text += &format!(" The outcome of {} records got lost: please report this defect.", status.progress.abandoned);
        well = false;
    }
    if !status.unverified.is_empty() {
        text += &format!(" Servers are not verified (insecure_skip_verify): {}.", status.unverified.join(", "));
    }
    if let Some(left) = left {
        text += &format!(" Records expire in {} at the earliest.", days_and_hours(left));
    }
    (well, text)
}

fn behind(lag: Option<u64>) -> String {
    match lag {
        Some(0) => "All records are settled.".to_owned(),
        Some(1) => "Delivering; 1 record behind.".to_owned(),
        Some(lag) => format!("Delivering; {lag} records behind."),
        None => "Delivering.".to_owned(),
    }
}

/// `6 d 23 h`, `5 h 12 min`, `3 min`.
fn days_and_hours(time: Duration) -> String {
    let minutes = time.as_secs() / 60;
    let (days, hours) = (minutes / 1440, minutes / 60 % 24);
    if days > 0 {
        format!("{days} d {hours} h")
    } else if hours > 0 {
        format!("{hours} h {} min", minutes % 60)
    } else {
        format!("{minutes} min")
    }
}

fn filter(status: &FilterStatus) -> Filter {
    Filter {
        rule: status.rule.clone(),
        filtered: status.filtered,
        sampled: status.sampled,
        ambiguous: status.ambiguous,
        condition_errors: status.condition_errors,
        last_condition_error: status.last_condition_error.clone(),
    }
}

fn partition(status: &PartitionStatus) -> Partition {
    Partition {
        topic: status.topic.clone(),
        partition: status.partition,
        committed: status.committed,
        watermark: status.watermark,
        next: status.next,
        end: status.end,
        lag: status.lag,
        oldest_unsettled_seconds: status.oldest_unsettled.map(|age| age.as_secs_f64()),
        retention_left_seconds: status.retention_left.as_secs_f64(),
    }
}

fn gap_report(found_at: SystemTime, gap: &Gap) -> GapReport {
    let at = |ms: Option<i64>| Some(jiff::Timestamp::from_millisecond(ms?).ok()?.to_string());
    GapReport {
        found_at: time(found_at),
        topic: gap.topic.to_string(),
        partition: gap.partition.get(),
        kind: gap.kind.as_str(),
        expected_offset: gap.expected.get(),
        resumed_offset: gap.resumed.get(),
        records: gap.records(),
        from_time: at(gap.from_ms),
        to_time: at(gap.to_ms),
    }
}

fn trouble(failure: &Failure) -> Trouble {
    Trouble { reason: failure.reason, detail: failure.detail.clone(), remedy: failure.reason.remedy() }
}

fn time(at: SystemTime) -> String {
    jiff::Timestamp::try_from(at).map(|at| format!("{at:.3}")).unwrap_or_default()
}
