//! Metrics: their names, their help, and the Prometheus text that holds them.
//!
//! Two kinds, because they need different guarantees. What merely happened ([`names`]) is counted where it happens,
//! with the `metrics` crate. What must agree with itself (how many records were read, delivered, are in flight) is taken from
//! one picture per pipeline on the status board when somebody asks: see `board.rs`.
//!
//! Every name begins with `auditferry_`. Label values come from the configuration or from a closed list, or are the topics
//! and partitions assigned to this process at the moment.

mod board;
mod process;
mod text;

#[cfg(test)]
mod tests;

use std::sync::OnceLock;

use ::metrics::{Unit, describe_counter, describe_gauge, describe_histogram};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};

use crate::defaults::METRICS_UPKEEP_INTERVAL;
use crate::status::StatusBoard;

/// Names of what is counted where it happens.
pub mod names {
    /// Labels: pipeline, endpoint, outcome.
    pub const SINK_REQUESTS: &str = "auditferry_sink_requests_total";
    /// Labels: pipeline, endpoint.
    pub const SINK_REQUEST_DURATION: &str = "auditferry_sink_request_duration_seconds";
    /// Labels: pipeline, reason.
    pub const SINK_FAILURES: &str = "auditferry_sink_failures_total";
    /// Labels: pipeline.
    pub const SINK_ACK_LATENCY: &str = "auditferry_sink_ack_latency_seconds";
    /// Labels: pipeline.
    pub const END_TO_END_LATENCY: &str = "auditferry_end_to_end_latency_seconds";
    /// Labels: pipeline, reason.
    pub const DEAD_LETTERS: &str = "auditferry_dead_letters_total";
    /// Labels: pipeline, field (a name, a path or `patterns`, from the configuration).
    pub const REDACTED: &str = "auditferry_redacted_total";
    /// Labels: pipeline.
    pub const HEADERS_LEFT_OUT: &str = "auditferry_record_headers_left_out_total";
    /// Labels: pipeline, kind (assigned, revoked, lost).
    pub const REBALANCES: &str = "auditferry_rebalances_total";
    /// Labels: pipeline.
    pub const GAPS: &str = "auditferry_gaps_total";
    /// Labels: pipeline.
    pub const GAP_RECORDS: &str = "auditferry_gap_records_total";
    /// Labels: pipeline.
    pub const COMMIT_FAILURES: &str = "auditferry_commit_failures_total";
    /// Labels: pipeline, reason.
    pub const KAFKA_ERRORS: &str = "auditferry_kafka_errors_total";
    /// Labels: pipeline.
    pub const CLOCK_SKEW: &str = "auditferry_clock_skew_total";
    /// Labels: pipeline, table, result (hit, miss, no_key, unreadable).
    pub const ENRICHMENT: &str = "auditferry_enrichment_total";
    /// Labels: pipeline.
    pub const ENRICHMENT_LEFT_OUT: &str = "auditferry_enrichment_left_out_total";
    /// Labels: pipeline, table.
    pub const ENRICHMENT_TABLE_ROWS: &str = "auditferry_enrichment_table_rows";
    /// Labels: pipeline, table.
    pub const ENRICHMENT_TABLE_BYTES: &str = "auditferry_enrichment_table_bytes";
    /// Labels: pipeline, change (type, method, word, member, kind).
    pub const EVENT_DRIFT: &str = "auditferry_event_drift_total";
    /// Labels: pipeline, what, outcome (in_use, unusable).
    pub const RELOADS: &str = "auditferry_reloads_total";
    /// No labels.
    pub const LOG_MESSAGES_SUPPRESSED: &str = "auditferry_log_messages_suppressed_total";
}

/// Content type of [`render`]'s text.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Of a request to a sink, in seconds: from a receiver on the same machine to the longest time limit.
const REQUEST_BUCKETS: &[f64] =
    &[0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0];

/// Of an event's way, in seconds: from a local broker to an hour of outage.
const LATENCY_BUCKETS: &[f64] =
    &[0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0, 3600.0];

static HANDLE: OnceLock<Option<PrometheusHandle>> = OnceLock::new();

/// Installs the recorder, once per process. When somebody who embeds this crate has a recorder already, that one gets
/// what is counted, and [`render`] shows the board only.
pub fn install() {
    HANDLE.get_or_init(|| {
        let handle = builder()?.install_recorder().ok()?;
        describe();
        Some(handle)
    });
}

fn builder() -> Option<PrometheusBuilder> {
    let buckets = |builder: PrometheusBuilder, name: &str, buckets| {
        builder.set_buckets_for_metric(Matcher::Full(name.to_owned()), buckets).ok()
    };
    let builder = buckets(PrometheusBuilder::new(), names::SINK_REQUEST_DURATION, REQUEST_BUCKETS)?;
    let builder = buckets(builder, names::SINK_ACK_LATENCY, LATENCY_BUCKETS)?;
    buckets(builder, names::END_TO_END_LATENCY, LATENCY_BUCKETS)
}

fn describe() {
    for (name, help) in [
        (names::SINK_REQUESTS, "Requests to the sink, by what they came to."),
        (names::SINK_FAILURES, "Attempts at delivery that failed, by reason."),
        (names::DEAD_LETTERS, "Events put into the dead-letter store, by reason."),
        (
            names::HEADERS_LEFT_OUT,
            "Headers and keys of records that should have become metadata or a field and are not text.",
        ),
        (names::REDACTED, "Parts of events that were redacted, by what the configuration calls them."),
        (names::REBALANCES, "Partitions were assigned to or taken from this process."),
        (names::GAPS, "Records were gone before they could be read: each is a loss upstream."),
        (names::GAP_RECORDS, "Offsets in gaps: an upper bound of the records that were gone."),
        (names::COMMIT_FAILURES, "Commits of positions that failed; the next one covers them."),
        (names::KAFKA_ERRORS, "Errors that the Kafka client reported, by reason."),
        (names::CLOCK_SKEW, "Events whose broker timestamp lay in the future."),
        (names::ENRICHMENT, "Looks into tables of enrichment, by what they came to."),
        (names::ENRICHMENT_LEFT_OUT, "Events that got no member `enrichment`: they have one, or are no JSON object."),
        (names::EVENT_DRIFT, "What is new in the events, by what changed; of the events that were looked at."),
        (names::RELOADS, "Tokens, certificates and tables that were replaced in their files, by what became of them."),
        (names::LOG_MESSAGES_SUPPRESSED, "Log lines that were counted instead of shown because they repeat."),
    ] {
        describe_counter!(name, help);
    }
    for (name, help) in [
        (names::ENRICHMENT_TABLE_ROWS, "Rows of a table of enrichment, in the version in use."),
        (names::ENRICHMENT_TABLE_BYTES, "Memory that a table of enrichment takes, in the version in use."),
    ] {
        describe_gauge!(name, help);
    }
    for (name, help) in [
        (names::SINK_REQUEST_DURATION, "From sending a request to the end of its answer."),
        (names::SINK_ACK_LATENCY, "From sending a batch to the proof of its delivery."),
        (names::END_TO_END_LATENCY, "From the broker's timestamp of a batch's oldest record to the proof of delivery."),
    ] {
        describe_histogram!(name, Unit::Seconds, help);
    }
}

/// Keeps the exporter's buffers small; never ends.
pub async fn run_upkeep() {
    let mut ticks = tokio::time::interval(METRICS_UPKEEP_INTERVAL);
    loop {
        ticks.tick().await;
        if let Some(Some(handle)) = HANDLE.get() {
            handle.run_upkeep();
        }
    }
}

/// All metrics as Prometheus text.
pub fn render(board: &StatusBoard) -> String {
    let mut text = HANDLE.get().and_then(Option::as_ref).map(PrometheusHandle::render).unwrap_or_default();
    board::render(&board.snapshot(), &mut text);
    process::render(&mut text);
    text
}
