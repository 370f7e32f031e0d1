//! What the status board holds, as metrics. All numbers of one pipeline come from one picture, so that at every scrape
//!
//! ```text
//! read = delivered + filtered + dead_lettered + released + in_flight
//! ```
//!
//! A series whose value is not known (nothing committed yet, end of the partition not heard of) is left out.

use std::time::Duration;

use super::text::{Family, Kind};
use crate::status::{FilterStatus, PartitionStatus, PipelineStatus, Progress, State};

type PerPipeline = (&'static str, Kind, &'static str, fn(&Progress) -> u64);

const PROGRESS: [PerPipeline; 10] = [
    ("auditferry_records_read_total", Kind::Counter, "Records read from Kafka.", |p| p.read),
    ("auditferry_records_delivered_total", Kind::Counter, "Records with proof of delivery.", |p| p.delivered),
    ("auditferry_records_filtered_total", Kind::Counter, "Records that a named rule dropped.", |p| p.filtered),
    ("auditferry_records_dead_lettered_total", Kind::Counter, "Records in the dead-letter store.", |p| p.dead_lettered),
    (
        "auditferry_records_released_total",
        Kind::Counter,
        "Records given back unsettled at a rebalance or stop; they are read again.",
        |p| p.released,
    ),
    ("auditferry_records_in_flight", Kind::Gauge, "Records read and not settled.", |p| p.in_flight),
    ("auditferry_in_flight_bytes", Kind::Gauge, "Memory held by records in flight.", |p| p.in_flight_bytes),
    (
        "auditferry_stale_settlements_total",
        Kind::Counter,
        "Outcomes that came after their partition was given back; they change nothing.",
        |p| p.stale_settlements,
    ),
    ("auditferry_abandoned_total", Kind::Counter, "Records whose outcome got lost: a defect.", |p| p.abandoned),
    (
        "auditferry_unreadable_events_total",
        Kind::Counter,
        "Records that are no JSON object, so that no filter could look at them; they were kept.",
        |p| p.unreadable,
    ),
];

type PerFilter = (&'static str, &'static str, fn(&FilterStatus) -> u64);

/// Together the rules of a pipeline have filtered as many records as `auditferry_records_filtered_total` says.
const FILTER: [PerFilter; 4] = [
    ("auditferry_filtered_total", "Records that this rule dropped.", |f| f.filtered),
    ("auditferry_sampled_total", "Events that this rule would have dropped, kept as its sample.", |f| f.sampled),
    (
        "auditferry_ambiguous_events_total",
        "Events that this rule would have dropped, had they not held a member several times.",
        |f| f.ambiguous,
    ),
    (
        "auditferry_condition_errors_total",
        "Events that this rule could not judge: a member has another type than its condition needs.",
        |f| f.condition_errors,
    ),
];

type PerPartition = (&'static str, &'static str, fn(&PartitionStatus) -> Option<f64>);

const PARTITION: [PerPartition; 5] = [
    ("auditferry_consumer_lag_records", "Offsets between the watermark and the end.", |p| p.lag.map(exact_u64)),
    ("auditferry_consumer_committed_offset", "The committed position.", |p| p.committed.map(exact)),
    ("auditferry_consumer_watermark_offset", "Everything before this position is settled.", |p| {
        Some(exact(p.watermark))
    }),
    ("auditferry_consumer_log_end_offset", "The position after the last record.", |p| p.end.map(exact)),
    ("auditferry_retention_headroom_seconds", "Time until the first unsettled record expires at the broker.", |p| {
        Some(p.retention_left.as_secs_f64())
    }),
];

pub(super) fn render(pipelines: &[PipelineStatus], out: &mut String) {
    for (name, kind, help, value) in PROGRESS {
        let mut family = Family::new(out, kind, name, help);
        for pipeline in pipelines {
            family.add(&[("pipeline", &pipeline.name)], value(&pipeline.progress));
        }
    }
    for (name, help, value) in FILTER {
        let mut family = Family::new(out, Kind::Counter, name, help);
        for pipeline in pipelines {
            for filter in &pipeline.filters {
                family.add(&[("pipeline", &*pipeline.name), ("rule", &*filter.rule)], value(filter));
            }
        }
    }
    for (name, help, value) in PARTITION {
        let mut family = Family::new(out, Kind::Gauge, name, help);
        for pipeline in pipelines {
            for partition in &pipeline.partitions {
                let Some(value) = value(partition) else { continue };
                let number = partition.partition.to_string();
                let labels = [("pipeline", &*pipeline.name), ("topic", &*partition.topic), ("partition", &*number)];
                family.add(&labels, value);
            }
        }
    }
    render_pipelines(pipelines, out);
}

fn render_pipelines(pipelines: &[PipelineStatus], out: &mut String) {
    let name = "auditferry_oldest_unsettled_age_seconds";
    let mut family = Family::new(out, Kind::Gauge, name, "Age of the first record that is not settled; 0 without any.");
    for pipeline in pipelines {
        let oldest = pipeline.partitions.iter().filter_map(|partition| partition.oldest_unsettled).max();
        family.add(&[("pipeline", &pipeline.name)], oldest.unwrap_or(Duration::ZERO).as_secs_f64());
    }
    let mut family = Family::new(out, Kind::Gauge, "auditferry_pipeline_state", "1 for the state that holds.");
    for pipeline in pipelines {
        for state in State::ALL {
            let holds = u8::from(state == pipeline.state);
            family.add(&[("pipeline", &pipeline.name), ("state", state.as_str())], holds);
        }
    }
    let name = "auditferry_delivery_level_info";
    let mut family = Family::new(out, Kind::Gauge, name, "1, with the level of proof that counts as delivered.");
    for pipeline in pipelines {
        family.add(&[("pipeline", &pipeline.name), ("level", pipeline.level.as_str())], 1);
    }
    let name = "auditferry_tls_verification_disabled_info";
    let mut family = Family::new(out, Kind::Gauge, name, "1 for a connection that takes any certificate of anybody.");
    for pipeline in pipelines {
        for connection in &pipeline.unverified {
            family.add(&[("pipeline", &pipeline.name), ("connection", connection)], 1);
        }
    }
}

/// Metrics are floating-point numbers, exact up to 2^53; no partition reaches that offset.
#[allow(clippy::cast_precision_loss, reason = "a metric is a floating-point number")]
fn exact(offset: i64) -> f64 {
    offset as f64
}

#[allow(clippy::cast_precision_loss, reason = "a metric is a floating-point number")]
fn exact_u64(count: u64) -> f64 {
    count as f64
}
