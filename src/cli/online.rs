//! `check --online`: asks Kafka, Splunk and the dead-letter store whether it would work.
//!
//! Everything is asked, whatever failed before; each answer is one [`Finding`]. Nothing is changed anywhere.

use anyhow::Context;
use jiff::Timestamp;
use owo_colors::{OwoColorize, Stream};
use serde_json::json;

use super::Exit;
use super::terminal::{Format, clean, print_json, print_line, stdout_is_terminal};
use crate::config::{Config, PipelineConfig, SinkConfig, SourceConfig};
use crate::dead_letter::Store;
use crate::delivery::attempt::Failure;
use crate::reason::Reason;
use crate::sink::Sink;
use crate::sink::archive::config::ArchiveConfig;
use crate::sink::splunk_hec::config::HecConfig;
use crate::sink::splunk_hec::{Health, SplunkHec, TokenState};
use crate::sink::webhook::config::WebhookConfig;
use crate::source::GapKind;
use crate::source::kafka::config::KafkaConfig;
use crate::source::kafka::inspect::{PartitionReport, TopicReport, inspect};
use crate::units::show_duration;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Mark {
    Ok,
    /// It works, and somebody should know.
    Warning,
    /// The answer is that it will not work.
    Failed,
    /// There was no answer.
    Unreachable,
}

impl Mark {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Failed => "failed",
            Self::Unreachable => "no answer",
        }
    }

    const fn exit(self) -> Exit {
        match self {
            Self::Ok | Self::Warning => Exit::Done,
            Self::Failed => Exit::Failed,
            Self::Unreachable => Exit::CouldNotCheck,
        }
    }

    fn of(reason: Reason) -> Self {
        if Exit::of(reason) == Exit::CouldNotCheck { Self::Unreachable } else { Self::Failed }
    }
}

struct Finding {
    /// What was asked: a topic, an endpoint, a store.
    subject: String,
    mark: Mark,
    text: String,
}

impl Finding {
    fn new(subject: impl Into<String>, mark: Mark, text: impl Into<String>) -> Self {
        Self { subject: subject.into(), mark, text: text.into() }
    }

    fn failed(subject: impl Into<String>, Failure { reason, detail }: &Failure) -> Self {
        let remedy = reason.remedy().map_or_else(String::new, |remedy| format!("; {remedy}"));
        Self::new(subject, Mark::of(*reason), format!("{detail}{remedy} [{reason}]"))
    }
}

pub(super) fn check(config: &Config, format: Format) -> anyhow::Result<Exit> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().context("start the runtime")?;
    let mut exit = Exit::Done;
    for pipeline in &config.pipelines {
        let mut report = |findings: Vec<Finding>| -> anyhow::Result<()> {
            for finding in findings {
                exit = exit.worse(finding.mark.exit());
                show(&pipeline.name, &finding, format)?;
            }
            Ok(())
        };
        let SourceConfig::Kafka(kafka) = &pipeline.source;
        report(source(kafka, &pipeline.group_id))?;
        report(runtime.block_on(sink(&pipeline.sink)))?;
        report(vec![store(pipeline)])?;
    }
    Ok(exit)
}

fn show(pipeline: &str, finding: &Finding, format: Format) -> anyhow::Result<()> {
    let Finding { subject, mark, text } = finding;
    if format == Format::Json {
        return print_json(&json!({
            "finding": mark.as_str(), "pipeline": pipeline, "subject": subject, "text": text,
        }));
    }
    let padded = format!("{:<9}", mark.as_str());
    let stream = Stream::Stdout;
    let shown = match mark {
        _ if !stdout_is_terminal() => padded,
        Mark::Ok => padded.if_supports_color(stream, |text| text.green()).to_string(),
        Mark::Warning => padded.if_supports_color(stream, |text| text.yellow()).to_string(),
        Mark::Failed | Mark::Unreachable => padded.if_supports_color(stream, |text| text.red()).to_string(),
    };
    print_line(format!("{shown} {pipeline}: {}: {}", clean(subject), clean(text)))
}

fn source(config: &KafkaConfig, group: &str) -> Vec<Finding> {
    let topics = match inspect(config, group) {
        Ok(topics) => topics,
        Err(failure) => return vec![Finding::failed(format!("kafka {}", config.client.bootstrap_servers), &failure)],
    };
    let now_ms = Timestamp::now().as_millisecond();
    topics.iter().flat_map(|topic| about_topic(topic, config, group, now_ms)).collect()
}

fn about_topic(topic: &TopicReport, config: &KafkaConfig, group: &str, now_ms: i64) -> Vec<Finding> {
    let subject = format!("topic {}", topic.name);
    let partitions = match &topic.partitions {
        Ok(partitions) => partitions,
        Err(failure) => return vec![Finding::failed(subject, failure)],
    };
    let lag: u64 = partitions.iter().map(PartitionReport::lag).sum();
    let known = partitions.iter().filter(|partition| partition.committed.is_some()).count();
    let text = format!("{} partitions; group {group} has a position in {known}; {lag} unread", partitions.len());
    let mut findings = vec![Finding::new(subject.clone(), Mark::Ok, text)];
    for partition in partitions {
        findings.push(about_partition(&subject, partition, config, now_ms));
    }
    findings
}

fn about_partition(topic: &str, partition: &PartitionReport, config: &KafkaConfig, now_ms: i64) -> Finding {
    let PartitionReport { low, end, committed, start, gap, .. } = partition;
    let position = committed.map_or_else(|| "none".to_owned(), |committed| committed.to_string());
    let mut text = format!("holds {low}..{end}, position {position}, starts at {start}, {} unread", partition.lag());
    let mut mark = Mark::Ok;
    let left = partition.time_left(config.retention, now_ms);
    if let (Some(age), Some(left)) = (partition.age(now_ms), left) {
        let hours = left.as_secs_f64() / 3600.0;
        text.push_str(&format!(", the oldest is {} old and expires in {hours:.1} h", in_seconds(age)));
        if left < config.retention / 4 {
            mark = Mark::Warning;
        }
    }
    match gap {
        None => {}
        Some(GapKind::Expired) => {
            mark = Mark::Warning;
            text.push_str("; the position has EXPIRED: records are lost that were never read");
        }
        Some(GapKind::BeyondEnd) => {
            mark = Mark::Warning;
            text.push_str("; the position lies BEYOND THE END: was the topic made anew, or is the mirror behind?");
        }
    }
    Finding::new(format!("{topic} partition {}", partition.partition), mark, text)
}

fn in_seconds(duration: std::time::Duration) -> String {
    show_duration(std::time::Duration::from_secs(duration.as_secs()))
}

async fn sink(config: &SinkConfig) -> Vec<Finding> {
    match config {
        SinkConfig::SplunkHec(config) => splunk_hec(config).await,
        SinkConfig::Archive(config) => vec![archive(config).await],
        SinkConfig::Webhook(config) => vec![webhook(config)],
    }
}

/// Only reads: a new archive begins when the pipeline runs.
async fn archive(config: &ArchiveConfig) -> Finding {
    let url = config.store.location.to_string();
    match crate::sink::archive::examine(config).await {
        Ok(words) => Finding::new(url, Mark::Ok, words),
        Err(failure) => Finding::failed(url, &failure),
    }
}

/// Asked without an event: see [`crate::sink::webhook::probe`].
fn webhook(config: &WebhookConfig) -> Finding {
    let probe = crate::sink::webhook::probe(config);
    match probe.outcome {
        Ok(words) => Finding::new(probe.name, Mark::Ok, words),
        Err(failure) => Finding::failed(probe.name, &failure),
    }
}

async fn splunk_hec(config: &HecConfig) -> Vec<Finding> {
    let hec = match SplunkHec::new(config) {
        Ok(hec) => hec,
        Err(error) => return vec![Finding::new("splunk_hec", Mark::Failed, error.to_string())],
    };
    let mut findings = Vec::new();
    for (index, name) in hec.endpoints().iter().enumerate() {
        let probe = hec.probe(index).await;
        findings.push(match &probe.health {
            Health::Healthy => Finding::new(name, Mark::Ok, "healthy"),
            Health::Unhealthy(failure) | Health::Unreachable(failure) => Finding::failed(name, failure),
        });
        let level = hec.level().as_str();
        match &probe.token {
            TokenState::Accepted => {
                findings.push(Finding::new(name, Mark::Ok, format!("takes the token, at delivery level {level}")));
            }
            TokenState::WithoutAcknowledgement(failure) | TokenState::Refused(failure) => {
                findings.push(Finding::failed(name, failure));
            }
            // When nobody answered at all, that has been said already.
            TokenState::Unknown(_) if matches!(probe.health, Health::Unreachable(_)) => {}
            TokenState::Unknown(failure) => findings.push(Finding::failed(name, failure)),
        }
    }
    findings
}

fn store(pipeline: &PipelineConfig) -> Finding {
    let subject = "dead letters";
    match Store::existing(&pipeline.name, &pipeline.dead_letter)
        .and_then(|store| store.map(|s| s.examine()).transpose())
    {
        Ok(Some(text)) => Finding::new(subject, Mark::Ok, text),
        Ok(None) => Finding::new(subject, Mark::Warning, "no store: an event that the sink refuses holds the pipeline"),
        Err(failure) => Finding::failed(subject, &failure),
    }
}
