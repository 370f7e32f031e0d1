//! Metrics: names, and the exporter.

use std::sync::OnceLock;
use std::time::Duration;

use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};

use crate::status::StatusBoard;

/// Names of what is counted where it happens.
pub mod names {
    pub const SINK_REQUESTS: &str = "auditferry_sink_requests_total";
    pub const SINK_REQUEST_DURATION: &str = "auditferry_sink_request_duration_seconds";
    pub const SINK_FAILURES: &str = "auditferry_sink_failures_total";
    pub const SINK_ACK_LATENCY: &str = "auditferry_sink_ack_latency_seconds";
    pub const END_TO_END_LATENCY: &str = "auditferry_end_to_end_latency_seconds";
    pub const DEAD_LETTERS: &str = "auditferry_dead_letters_total";
    pub const REBALANCES: &str = "auditferry_rebalances_total";
    pub const GAPS: &str = "auditferry_gaps_total";
    pub const GAP_RECORDS: &str = "auditferry_gap_records_total";
    pub const COMMIT_FAILURES: &str = "auditferry_commit_failures_total";
    pub const KAFKA_ERRORS: &str = "auditferry_kafka_errors_total";
    pub const CLOCK_SKEW: &str = "auditferry_clock_skew_total";
}

static HANDLE: OnceLock<Option<PrometheusHandle>> = OnceLock::new();

/// Installs the recorder, once per process.
pub fn install() {
    HANDLE.get_or_init(|| PrometheusBuilder::new().install_recorder().ok());
}

/// Keeps the exporter's buffers small; never ends.
pub async fn run_upkeep() {
    let mut ticks = tokio::time::interval(Duration::from_secs(5));
    loop {
        ticks.tick().await;
        if let Some(Some(handle)) = HANDLE.get() {
            handle.run_upkeep();
        }
    }
}

/// All metrics as Prometheus text.
pub fn render(_board: &StatusBoard) -> String {
    HANDLE.get().and_then(Option::as_ref).map(PrometheusHandle::render).unwrap_or_default()
}
