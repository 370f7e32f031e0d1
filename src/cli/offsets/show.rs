//! `offsets show`. Joins no group and changes nothing.

use std::time::Duration;

use clap::Args as ClapArgs;
use comfy_table::{CellAlignment, Table, presets};
use jiff::Timestamp;
use serde_json::json;

use super::words;
use crate::cli::terminal::{Format, clean, print_json, print_line, tell};
use crate::cli::{Exit, pipeline};
use crate::config::{Config, PipelineConfig, SourceConfig};
use crate::position::{ResumeAt, TopicName};
use crate::source::GapKind;
use crate::source::kafka::config::KafkaConfig;
use crate::source::kafka::inspect::{PartitionReport, inspect, members};
use crate::source::kafka::members::Membership;
use crate::units::show_roughly;

#[derive(Debug, ClapArgs)]
pub(in crate::cli) struct ShowArgs {
    /// Only this pipeline. By default all.
    #[arg(long, value_name = "NAME")]
    pipeline: Option<String>,

    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

pub(super) fn show(config: &Config, args: &ShowArgs) -> anyhow::Result<Exit> {
    let chosen: Vec<&PipelineConfig> = match &args.pipeline {
        Some(name) => vec![pipeline(config, Some(name))?],
        None => config.pipelines.iter().collect(),
    };
    let mut exit = Exit::Done;
    for pipeline in chosen {
        exit = exit.worse(one(pipeline, args.format)?);
    }
    Ok(exit)
}

fn one(pipeline: &PipelineConfig, format: Format) -> anyhow::Result<Exit> {
    let SourceConfig::Kafka(kafka) = &pipeline.source;
    let looked = inspect(kafka, &pipeline.group_id)
        .and_then(|topics| members(kafka, &pipeline.group_id, &topics).map(|members| (topics, members)));
    let (topics, members) = match looked {
        Ok(looked) => looked,
        Err(failure) => {
            tell(format!("error: pipeline {}: {}", pipeline.name, words(&failure)));
            return Ok(Exit::of(failure.reason));
        }
    };
    let (mut exit, mut rows) = (Exit::Done, Vec::new());
    let now_ms = Timestamp::now().as_millisecond();
    for topic in &topics {
        match &topic.partitions {
            Ok(partitions) => {
                rows.extend(partitions.iter().map(|report| Row::new(&topic.name, report, &members, kafka, now_ms)));
            }
            Err(failure) => {
                tell(format!("error: pipeline {}: topic {}: {}", pipeline.name, topic.name, words(failure)));
                exit = exit.worse(Exit::of(failure.reason));
            }
        }
    }
    match format {
        Format::Json => rows.iter().try_for_each(|row| print_json(&row.as_json(pipeline)))?,
        Format::Text => print_line(for_people(pipeline, kafka, &rows, &members))?,
    }
    Ok(exit)
}

/// One partition.
struct Row<'r> {
    topic: &'r TopicName,
    report: &'r PartitionReport,
    age: Option<Duration>,
    left: Option<Duration>,
    holder: Option<&'r str>,
}

impl<'r> Row<'r> {
    fn new(
        topic: &'r TopicName,
        report: &'r PartitionReport,
        members: &'r Membership,
        kafka: &KafkaConfig,
        now_ms: i64,
    ) -> Self {
        let (age, left) = (report.age(now_ms), report.time_left(kafka.retention, now_ms));
        Self { topic, report, age, left, holder: members.holder(topic, report.partition) }
    }

    fn as_json(&self, pipeline: &PipelineConfig) -> serde_json::Value {
        let PartitionReport { partition, low, end, committed, gap, .. } = self.report;
        json!({
            "pipeline": pipeline.name,
            "group": pipeline.group_id,
            "topic": self.topic.as_str(),
            "partition": partition.get(),
            "low": low.get(),
            "committed": committed.map(ResumeAt::get),
            "end": end.get(),
            "lag": self.report.lag(),
            "gap": gap.map(GapKind::as_str),
            "oldest_unforwarded_age_seconds": self.age.map(|age| age.as_secs()),
            "retention_left_seconds": self.left.map(|left| left.as_secs()),
            "member": self.holder,
        })
    }

    fn cells(&self) -> [String; 8] {
        let PartitionReport { partition, end, committed, gap, .. } = self.report;
        let position = match (committed, gap) {
            (None, _) => "none".to_owned(),
            (Some(committed), None) => committed.to_string(),
            (Some(committed), Some(GapKind::Expired)) => format!("{committed} EXPIRED"),
            (Some(committed), Some(GapKind::BeyondEnd)) => format!("{committed} BEYOND THE END"),
        };
        // A record may be unread and yet have shown no time in the few seconds that were waited for it.
        let unknown = if self.report.lag() == 0 { "-" } else { "?" };
        let time = |time: Option<Duration>| time.map_or_else(|| unknown.to_owned(), show_roughly);
        [
            clean(self.topic.as_str()).into_owned(),
            partition.to_string(),
            position,
            end.to_string(),
            self.report.lag().to_string(),
            time(self.age),
            time(self.left),
            self.holder.map_or_else(|| "-".to_owned(), |holder| clean(holder).into_owned()),
        ]
    }
}

fn for_people(pipeline: &PipelineConfig, kafka: &KafkaConfig, rows: &[Row<'_>], members: &Membership) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header(["TOPIC", "PARTITION", "COMMITTED", "END", "LAG", "OLDEST UNREAD", "EXPIRES IN", "HELD BY"]);
    for row in rows {
        table.add_row(row.cells());
    }
    for column in 1..=6 {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    let lag: u64 = rows.iter().map(|row| row.report.lag()).sum();
    let soonest = rows.iter().filter_map(|row| row.left).min();
    let expiry = soonest.map_or_else(String::new, |left| format!(", the first expires in {}", show_roughly(left)));
    let who = match members {
        Membership::Untold => "the brokers do not say who is in the group".to_owned(),
        Membership::Empty => "nobody is in the group".to_owned(),
        Membership::Live { members, .. } => format!("members: {}", members.len()),
    };
    format!(
        "pipeline {}: group {} at {}\n{}\nunread {lag}{expiry}; {who}",
        pipeline.name,
        clean(&pipeline.group_id),
        clean(&kafka.client.bootstrap_servers),
        table.trim_fmt(),
    )
}
