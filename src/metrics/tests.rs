//! The exposition, read back by a strict parser of the text format.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::*;
use crate::sink::DeliveryLevel;
use crate::status::{FilterStatus, PartitionStatus, Progress, State};

/// The text format, read strictly: families are not split, every series has a type and a help text.
struct Exposition {
    /// By name and labels as written.
    series: BTreeMap<String, f64>,
    types: BTreeMap<String, String>,
}

fn parse(text: &str) -> Exposition {
    let (mut series, mut types, mut helps) = (BTreeMap::new(), BTreeMap::new(), BTreeSet::new());
    let (mut finished, mut current) = (BTreeSet::new(), String::new());
    assert!(text.is_empty() || text.ends_with('\n'));
    for line in text.lines().filter(|line| !line.is_empty()) {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            let (name, help) = rest.split_once(' ').expect("a help text");
            assert!(helps.insert(name.to_owned()) && !help.is_empty(), "{line}");
            continue;
        }
        if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').expect("a type");
            assert!(types.insert(name.to_owned(), kind.to_owned()).is_none(), "two families: {line}");
            continue;
        }
        let (key, value) = line.rsplit_once(' ').expect("a value");
        let name = key.split('{').next().unwrap();
        let base = ["_bucket", "_sum", "_count"].iter().find_map(|end| name.strip_suffix(end)).unwrap_or(name);
        let family = if types.contains_key(name) { name } else { base };
        assert!(types.contains_key(family), "no type: {line}");
        assert!(helps.contains(family), "no help: {line}");
        assert!(family.starts_with("auditferry_"), "{line}");
        assert_labels(key.strip_prefix(name).unwrap(), line);
        if current != family {
            assert!(finished.insert(family.to_owned()), "family is split: {line}");
            family.clone_into(&mut current);
        }
        assert!(series.insert(key.to_owned(), value.parse().expect("a number")).is_none(), "twice: {line}");
    }
    Exposition { series, types }
}

/// `{a="b",c="d"}` with escaped values, or nothing.
fn assert_labels(text: &str, line: &str) {
    if text.is_empty() {
        return;
    }
    let mut rest = text.strip_prefix('{').and_then(|text| text.strip_suffix('}')).expect(line);
    while !rest.is_empty() {
        let (name, value) = rest.split_once("=\"").expect(line);
        assert!(!name.is_empty() && name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'), "{line}");
        let mut end = 0;
        while value.as_bytes()[end] != b'"' {
            end += if value.as_bytes()[end] == b'\\' { 2 } else { 1 };
        }
        rest = value[end + 1..].strip_prefix(',').unwrap_or(&value[end + 1..]);
    }
}

fn board() -> StatusBoard {
    let board = StatusBoard::new();
    board.pipeline("splunk", DeliveryLevel::Indexed).update(|status| {
        status.state = State::Holding;
        status.progress = Progress {
            read: 100,
            delivered: 60,
            filtered: 10,
            dead_lettered: 5,
            released: 5,
            in_flight: 20,
            in_flight_bytes: 4096,
            ..Progress::default()
        };
        status.filters = vec![
            FilterStatus { rule: "routine".into(), filtered: 7, sampled: 2, ..FilterStatus::default() },
            FilterStatus {
                rule: "kept".into(),
                filtered: 3,
                ambiguous: 4,
                condition_errors: 5,
                ..FilterStatus::default()
            },
        ];
        status.partitions = vec![
            PartitionStatus {
                topic: "audit".into(),
                partition: 0,
                committed: Some(75),
                watermark: 80,
                next: 100,
                end: Some(120),
                lag: Some(40),
                oldest_unsettled: Some(Duration::from_millis(1500)),
                retention_left: Duration::from_secs(3600),
            },
            PartitionStatus {
                topic: "audit".into(),
                partition: 1,
                committed: None,
                watermark: 0,
                next: 0,
                end: None,
                lag: None,
                oldest_unsettled: None,
                retention_left: Duration::from_secs(7200),
            },
        ];
    });
    board.pipeline("odd \"name\"\\\n", DeliveryLevel::Accepted);
    board
}

#[test]
fn the_board_becomes_series_in_valid_text() {
    let mut text = String::new();
    board::render(&board().snapshot(), &mut text);
    process::render(&mut text);
    let Exposition { series, types } = parse(&text);
    let splunk = |name: &str| series[&format!("auditferry_{name}{{pipeline=\"splunk\"}}")];
    assert_eq!(
        (splunk("records_read_total"), splunk("records_in_flight"), splunk("in_flight_bytes")),
        (100.0, 20.0, 4096.0)
    );
    assert_eq!(splunk("oldest_unsettled_age_seconds"), 1.5);
    let first =
        |name: &str| series[&format!("auditferry_{name}{{pipeline=\"splunk\",topic=\"audit\",partition=\"0\"}}")];
    assert_eq!((first("consumer_lag_records"), first("consumer_committed_offset")), (40.0, 75.0));
    assert_eq!((first("consumer_watermark_offset"), first("consumer_log_end_offset")), (80.0, 120.0));
    assert_eq!(first("retention_headroom_seconds"), 3600.0);
    let rule = |name: &str, rule: &str| series[&format!("auditferry_{name}{{pipeline=\"splunk\",rule=\"{rule}\"}}")];
    assert_eq!((rule("filtered_total", "routine"), rule("filtered_total", "kept")), (7.0, 3.0));
    assert_eq!((rule("sampled_total", "routine"), rule("ambiguous_events_total", "kept")), (2.0, 4.0));
    assert_eq!((rule("condition_errors_total", "kept"), splunk("unreadable_events_total")), (5.0, 0.0));
    let unknown = "auditferry_consumer_committed_offset{pipeline=\"splunk\",topic=\"audit\",partition=\"1\"}";
    assert!(!series.contains_key(unknown));
    assert_eq!(series["auditferry_pipeline_state{pipeline=\"splunk\",state=\"holding\"}"], 1.0);
    assert_eq!(series["auditferry_pipeline_state{pipeline=\"splunk\",state=\"running\"}"], 0.0);
    assert_eq!(series["auditferry_delivery_level_info{pipeline=\"splunk\",level=\"indexed\"}"], 1.0);
    assert_eq!(series["auditferry_records_read_total{pipeline=\"odd \\\"name\\\"\\\\\\n\"}"], 0.0);
    assert!(series["auditferry_process_resident_memory_bytes"] > 1e6);
    for (name, kind) in &types {
        assert_eq!(name.ends_with("_total"), kind == "counter", "{name}: only counters end in _total");
    }
}

#[test]
fn a_board_without_pipelines_or_partitions_is_valid_text_too() {
    let mut text = String::new();
    board::render(&[], &mut text);
    assert_eq!(text, "");
    board::render(&[StatusBoard::new().pipeline("a", DeliveryLevel::Accepted).snapshot()], &mut text);
    assert!(!parse(&text).series.keys().any(|key| key.contains("topic")));
}

/// Goal: the identity holds at every scrape. Method: scrape while another thread moves records from state to state.
#[test]
fn the_numbers_of_one_pipeline_agree_at_every_scrape() {
    let board = StatusBoard::new();
    let pipeline = board.pipeline("p", DeliveryLevel::Accepted);
    let done = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(std::sync::atomic::Ordering::Relaxed) {
                pipeline.update(|status| {
                    let p = &mut status.progress;
                    p.read += 7;
                    p.in_flight = 7;
                });
                pipeline.update(|status| {
                    let p = &mut status.progress;
                    p.in_flight = 0;
                    p.delivered += 3;
                    p.filtered += 2;
                    p.dead_lettered += 1;
                    p.released += 1;
                });
            }
        });
        for _ in 0..500 {
            let mut text = String::new();
            board::render(&board.snapshot(), &mut text);
            let series = parse(&text).series;
            let value = |name: &str| series[&format!("auditferry_records_{name}{{pipeline=\"p\"}}")];
            let settled = ["delivered_total", "filtered_total", "dead_lettered_total", "released_total"].map(value);
            assert_eq!(value("read_total"), settled.iter().sum::<f64>() + value("in_flight"));
        }
        done.store(true, std::sync::atomic::Ordering::Relaxed);
    });
}

#[test]
fn what_is_counted_elsewhere_has_help_buckets_and_types_beside_the_board() {
    install();
    let labels = [("pipeline", "p")];
    for name in [
        names::SINK_REQUESTS,
        names::SINK_FAILURES,
        names::DEAD_LETTERS,
        names::HEADERS_LEFT_OUT,
        names::REBALANCES,
        names::GAPS,
        names::GAP_RECORDS,
        names::COMMIT_FAILURES,
        names::KAFKA_ERRORS,
        names::CLOCK_SKEW,
        names::LOG_MESSAGES_SUPPRESSED,
    ] {
        ::metrics::counter!(name, &labels).increment(1);
    }
    for name in [names::SINK_REQUEST_DURATION, names::SINK_ACK_LATENCY, names::END_TO_END_LATENCY] {
        ::metrics::histogram!(name, &labels).record(Duration::from_millis(30));
    }
    let text = render(&board());
    let Exposition { series, types } = parse(&text);
    assert!(series["auditferry_gaps_total{pipeline=\"p\"}"] >= 1.0);
    assert_eq!(types[names::SINK_REQUEST_DURATION], "histogram", "buckets, not quantiles, so that processes add up");
    assert!(series["auditferry_sink_request_duration_seconds_bucket{pipeline=\"p\",le=\"0.05\"}"] >= 1.0);
    assert_eq!(series["auditferry_sink_request_duration_seconds_bucket{pipeline=\"p\",le=\"0.025\"}"], 0.0);
    assert!(series.contains_key("auditferry_end_to_end_latency_seconds_bucket{pipeline=\"p\",le=\"3600\"}"));
    assert!(series.contains_key("auditferry_records_read_total{pipeline=\"splunk\"}"));
}
