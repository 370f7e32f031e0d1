//! `check`: is the configuration right, and what does it mean. Offline it touches nothing but the file.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use clap::Args as ClapArgs;
use serde_json::json;

use super::terminal::{Format, clean, clean_lines, print, print_json, tell};
use super::{Exit, online, rehearsal};
use crate::config::{self, AdminConfig, Config, DeadLetterConfig, PipelineConfig, SinkConfig, SourceConfig};
use crate::delivery::attempt::Coding;
use crate::sink::DeliveryLevel;
use crate::sink::archive::config::{ArchiveConfig, Rotation};
use crate::sink::splunk_hec::config::{HecConfig, Mode};
use crate::sink::webhook::config::{Login, SignatureConfig, WebhookConfig};
use crate::sink::webhook::origin_of;
use crate::source::kafka::config::{GroupProtocol, StartAt, Topics};
use crate::transform::config::ChainConfig;
use crate::units::show_duration;

#[derive(Debug, ClapArgs)]
pub(super) struct CheckArgs {
    /// Also ask Kafka and the sink whether it would work. Joins no group, commits nothing, writes no event.
    #[arg(long)]
    online: bool,

    /// Also send the events of this file, one a line, through the transforms, and say which rules match, what is redacted and
    /// how much is saved. May be given several times; `-` is standard input.
    #[arg(long, value_name = "FILE")]
    events: Vec<PathBuf>,

    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

pub(super) fn check(path: &Path, args: &CheckArgs) -> anyhow::Result<Exit> {
    let config = match config::load(path) {
        Ok((config, warnings)) => {
            for warning in &warnings {
                report_problem("warning", &warning.0, &warning.to_string(), args.format)?;
            }
            config
        }
        Err(errors) => {
            match args.format {
                Format::Text => tell(clean_lines(&errors.to_string())),
                Format::Json => {
                    for error in errors.errors() {
                        report_problem("error", error, "", args.format)?;
                    }
                }
            }
            return Ok(Exit::Usage);
        }
    };
    match args.format {
        Format::Text => print(clean_lines(&summary(path, &config)))?,
        Format::Json => {
            for pipeline in &config.pipelines {
                print_json(&meaning(pipeline))?;
            }
        }
    }
    if !args.events.is_empty() {
        rehearsal::rehearse(&config.pipelines, &args.events, args.format)?;
    }
    if args.online { online::check(&config, args.format) } else { Ok(Exit::Done) }
}

fn report_problem(severity: &str, problem: &config::ConfigError, text: &str, format: Format) -> anyhow::Result<()> {
    if format == Format::Text {
        tell(clean_lines(text));
        return Ok(());
    }
    print_json(&json!({
        "finding": severity,
        "file": problem.file,
        "line": problem.line,
        "column": problem.column,
        "variable": problem.variable,
        "path": problem.path,
        "cause": problem.cause,
        "remedy": problem.remedy,
    }))
}

fn summary(path: &Path, config: &Config) -> String {
    let noun = if config.pipelines.len() == 1 { "pipeline" } else { "pipelines" };
    let mut text = format!("{} is valid: {} {noun}\n", path.display(), config.pipelines.len());
    for pipeline in &config.pipelines {
        // Writing to a string cannot fail.
        write!(text, "\npipeline {}\n", pipeline.name).unwrap_or_default();
        for (name, meaning) in lines(pipeline) {
            writeln!(text, "  {name:<13} {meaning}").unwrap_or_default();
        }
    }
    let admin = match config.admin {
        AdminConfig::Disabled => "disabled: no probes, no metrics, no status page".to_owned(),
        AdminConfig::Enabled { listen } => format!("probes, metrics and status page at http://{listen}"),
    };
    writeln!(text, "\nadmin           {admin}").unwrap_or_default();
    text
}

fn lines(pipeline: &PipelineConfig) -> [(&'static str, String); 7] {
    let SourceConfig::Kafka(kafka) = &pipeline.source;
    let (receiver, proof) = match &pipeline.sink {
        SinkConfig::SplunkHec(hec) => splunk_hec(hec),
        SinkConfig::Archive(archive) => {
            (archive_line(archive), "archived: delivered is what lies in the store, named by a signed link")
        }
        SinkConfig::Webhook(webhook) => {
            (webhook_line(webhook), "accepted: delivered is what the receiver answered with 2xx")
        }
    };
    let login = kafka.client.sasl.as_ref().map_or_else(String::new, |sasl| format!(", {}", sasl.mechanism.as_str()));
    let reads = format!(
        "{} from {} ({}{login})",
        topics(&kafka.topics),
        kafka.client.bootstrap_servers,
        kafka.client.security.as_str()
    );
    let start = match kafka.start_at {
        StartAt::Earliest => "the oldest event that the topic still has",
        StartAt::Latest => "the events that come after its first start",
    };
    let protocol = match kafka.group_protocol {
        GroupProtocol::Classic => "classic",
        GroupProtocol::Consumer => "consumer (KIP-848)",
    };
    let (batch, drain) = (&pipeline.batch, show_duration(pipeline.drain_deadline));
    [
        ("reads", reads),
        ("group", format!("{}, {protocol} protocol; a new group begins with {start}", pipeline.group_id)),
        ("transforms", transforms(&pipeline.chain)),
        ("delivers to", receiver),
        ("level", proof.to_owned()),
        ("dead letters", dead_letters(&pipeline.dead_letter)),
        (
            "limits",
            format!(
                "{} in memory, {} requests under way, batches of {} events, {} or {}; stops within {drain}",
                pipeline.in_flight_bytes,
                pipeline.max_in_flight,
                batch.max_events,
                batch.max_bytes,
                show_duration(batch.max_age)
            ),
        ),
    ]
}

/// Where to, and what counts as delivered.
fn splunk_hec(hec: &HecConfig) -> (String, &'static str) {
    let proof = match hec.delivery {
        DeliveryLevel::Accepted => "accepted: delivered is what Splunk answered to have taken",
        DeliveryLevel::Indexed => "indexed: delivered is what Splunk's indexers have acknowledged",
        DeliveryLevel::Archived => "archived",
    };
    let mode = match hec.events.mode {
        Mode::Event => "",
        Mode::Raw { .. } => "raw, ",
        Mode::Preformatted => "preformatted, ",
    };
    let compression = match hec.compression {
        Coding::Identity => "not compressed",
        Coding::Gzip => "gzip",
        Coding::Zstd { .. } => "zstd",
    };
    (format!("{} (Splunk HEC, {mode}{compression})", hec.endpoints.join(", ")), proof)
}

fn archive_line(archive: &ArchiveConfig) -> String {
    let Rotation { raw_bytes, stored_bytes, age, hour_boundary } = archive.rotate;
    let hour = if hour_boundary { ", or at a new hour" } else { "" };
    let rotation = format!("a segment per {raw_bytes}, {stored_bytes} compressed, {}{hour}", show_duration(age));
    format!("{} (sealed archive, signed by {}; {rotation})", archive.store.location, archive.sign.name)
}

/// Of the URL only what is no secret.
fn webhook_line(webhook: &WebhookConfig) -> String {
    let login = match webhook.login {
        Login::None => "",
        Login::Bearer(_) => ", bearer token",
        Login::Basic { .. } => ", basic login",
    };
    let signed = match &webhook.signature {
        None => "",
        Some(SignatureConfig { previous_key: None, .. }) => ", signed",
        Some(SignatureConfig { previous_key: Some(_), .. }) => ", signed with two keys",
    };
    let compression = if webhook.gzip { "gzip" } else { "not compressed" };
    format!("{} (webhook, {}{login}{signed}, {compression})", origin_of(webhook), webhook.format.as_str())
}

fn transforms(chain: &ChainConfig) -> String {
    let filters: Vec<&str> = chain.filters.iter().map(|rule| rule.name.as_str()).collect();
    let steps = [
        (!filters.is_empty(), format!("filters ({})", clean(&filters.join(", ")))),
        (!chain.enrichment.adds.is_empty(), "enriches".to_owned()),
        (chain.redact.is_enabled(), "redacts; what cannot be redacted becomes a dead letter".to_owned()),
        (chain.map.is_some(), "maps to a data model".to_owned()),
    ];
    let steps: Vec<String> = steps.into_iter().filter_map(|(is_done, step)| is_done.then_some(step)).collect();
    if steps.is_empty() { "none: every event travels as it is".to_owned() } else { steps.join(", ") }
}

fn topics(topics: &Topics) -> String {
    match topics {
        Topics::Names(names) => names.iter().map(|name| name.as_str()).collect::<Vec<_>>().join(", "),
        Topics::Pattern(pattern) => format!("topics that match {}", clean(pattern)),
    }
}

fn dead_letters(store: &DeadLetterConfig) -> String {
    match store {
        DeadLetterConfig::Disabled => "no store: an event that the sink refuses holds the pipeline".to_owned(),
        DeadLetterConfig::Directory { path } => format!("directory {}", path.display()),
        DeadLetterConfig::Topic { name, kafka } => format!("topic {name} at {}", kafka.bootstrap_servers),
    }
}

fn meaning(pipeline: &PipelineConfig) -> serde_json::Value {
    let SourceConfig::Kafka(kafka) = &pipeline.source;
    let (endpoints, delivery) = match &pipeline.sink {
        SinkConfig::SplunkHec(hec) => (hec.endpoints.clone(), hec.delivery),
        SinkConfig::Archive(archive) => (vec![archive.store.location.to_string()], DeliveryLevel::Archived),
        SinkConfig::Webhook(webhook) => (vec![origin_of(webhook)], DeliveryLevel::Accepted),
    };
    json!({
        "finding": "pipeline",
        "pipeline": pipeline.name,
        "bootstrap_servers": kafka.client.bootstrap_servers,
        "topics": topics(&kafka.topics),
        "group_id": pipeline.group_id,
        "endpoints": endpoints,
        "delivery": delivery.as_str(),
        "dead_letters": dead_letters(&pipeline.dead_letter),
    })
}
