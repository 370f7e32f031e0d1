//! `check --events`: what a pipeline's chain would do to the events of some files. Touches neither Kafka nor the sink.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use comfy_table::{CellAlignment, Table, presets};
use metrics::Counter;
use serde_json::json;

use super::lines::for_each_line;
use super::terminal::{Format, clean, print_json, print_line};
use super::transform::record;
use crate::config::{PipelineConfig, SourceConfig};
use crate::defaults;
use crate::source::kafka::config::Topics;
use crate::transform::enrich::Counting;
use crate::transform::{Chain, Verdict};

/// Sends the events of the files through the chain of every pipeline, and says what became of them.
///
/// # Errors
/// A file cannot be read.
pub(super) fn rehearse(pipelines: &[PipelineConfig], files: &[PathBuf], format: Format) -> anyhow::Result<()> {
    for pipeline in pipelines {
        let outcome = run(pipeline, files)?;
        match format {
            Format::Text => print_line(outcome.for_people(&pipeline.name))?,
            Format::Json => outcome.rows.iter().try_for_each(|row| print_json(&row.as_json(&pipeline.name)))?,
        }
    }
    Ok(())
}

/// Counters that can be read, by what they count.
#[derive(Default)]
struct Tallies(RefCell<BTreeMap<(&'static str, String), Arc<AtomicU64>>>);

impl Tallies {
    fn counter(&self, what: &'static str, name: String) -> Counter {
        Counter::from_arc(Arc::clone(self.0.borrow_mut().entry((what, name)).or_default()))
    }

    fn add(&self, what: &'static str, name: &str) {
        self.counter(what, name.to_owned()).increment(1);
    }
}

impl Counting for Tallies {
    fn look(&self, table: &str, result: &'static str) -> Counter {
        self.counter("looked up", format!("{table}: {}", result.replace('_', " ")))
    }

    fn left_out(&self) -> Counter {
        self.counter("not enriched", "the event has such a member, or is no JSON object".to_owned())
    }
}

struct Outcome {
    read: u64,
    read_bytes: u64,
    left: u64,
    left_bytes: u64,
    rows: Vec<Row>,
}

/// So many times has the chain done something.
struct Row {
    what: &'static str,
    name: String,
    count: u64,
}

fn run(pipeline: &PipelineConfig, files: &[PathBuf]) -> anyhow::Result<Outcome> {
    let SourceConfig::Kafka(kafka) = &pipeline.source;
    let topic = match &kafka.topics {
        Topics::Names(names) => names.first().map_or(defaults::AUDIT_TOPIC, |name| name.as_str()),
        Topics::Pattern(_) => defaults::AUDIT_TOPIC,
    };
    let tallies = Tallies::default();
    let mut chain = Chain::counting(&pipeline.chain, &|field| tallies.counter("redacted", field.to_owned()), &tallies);
    let mut outcome = Outcome { read: 0, read_bytes: 0, left: 0, left_bytes: 0, rows: Vec::new() };
    for_each_line(files, &mut |line, _| {
        let record = record(topic, outcome.read, line);
        outcome.read += 1;
        outcome.read_bytes += line.len() as u64;
        match chain.clear(record) {
            Verdict::Cleared(event) => {
                outcome.left += 1;
                let beside = event.enrichment().len();
                outcome.left_bytes += (event.record().value.map_or(0, <[u8]>::len) + beside) as u64;
            }
            Verdict::Filtered(rule) => chain.count_filtered(rule),
            Verdict::Unclear(_, failure) => tallies.add("dead letter", failure.reason.as_str()),
        }
        Ok(())
    })?;
    let filters = chain.filter_counts();
    for (rule, counts) in pipeline.chain.filters.iter().zip(filters.rules) {
        let mut row = |what, count| outcome.rows.push(Row { what, name: rule.name.clone(), count });
        row("filtered", counts.filtered);
        for (what, count) in [
            ("kept as a sample", counts.sampled),
            ("kept, ambiguous", counts.ambiguous),
            ("kept, error", counts.faults),
        ] {
            if count > 0 {
                row(what, count);
            }
        }
    }
    if filters.unreadable > 0 {
        outcome.rows.push(Row { what: "kept", name: "no JSON object".to_owned(), count: filters.unreadable });
    }
    for ((what, name), count) in tallies.0.into_inner() {
        outcome.rows.push(Row { what, name, count: count.load(Ordering::Relaxed) });
    }
    let delivered = Row { what: "delivered", name: String::new(), count: outcome.left };
    outcome.rows.push(delivered);
    Ok(outcome)
}

impl Row {
    fn as_json(&self, pipeline: &str) -> serde_json::Value {
        json!({"finding": "events", "pipeline": pipeline, "what": self.what, "name": self.name, "count": self.count})
    }
}

impl Outcome {
    fn for_people(&self, pipeline: &str) -> String {
        let mut table = Table::new();
        table.load_style(presets::NOTHING);
        table.set_header(["WHAT", "BY, OR WHERE", "TIMES", "SHARE"]);
        for row in &self.rows {
            let share = share(row.count, self.read);
            table.add_row([row.what.to_owned(), clean(&row.name).into_owned(), row.count.to_string(), share]);
        }
        for column in 2..=3 {
            if let Some(column) = table.column_mut(column) {
                column.set_cell_alignment(CellAlignment::Right);
            }
        }
        let Self { read, read_bytes, left_bytes, .. } = self;
        let bytes = if left_bytes <= read_bytes {
            format!("{left_bytes} would leave: {} saved", share(read_bytes - left_bytes, *read_bytes))
        } else {
            format!("{left_bytes} would leave: {} added", share(left_bytes - read_bytes, *read_bytes))
        };
        format!("\npipeline {pipeline}: {read} events\n{}\n{read_bytes} bytes read, {bytes}", table.trim_fmt())
    }
}

fn share(part: u64, whole: u64) -> String {
    if whole == 0 { "-".to_owned() } else { format!("{:.1} %", 100.0 * part as f64 / whole as f64) }
}
