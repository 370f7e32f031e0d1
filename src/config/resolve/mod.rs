//! The meaning: from what the file says to values that need no further check.
//!
//! Structure has been checked before; what was wrong there is missing here and is not complained about again. Every
//! function adds what it finds to the findings and goes on, so that one run reports everything.

mod archive;
mod cases;
mod dead_letter;
mod endpoints;
mod events;
mod files;
mod hec;
mod kafka;
mod properties;
mod relations;
mod transforms;
mod transport;
mod webhook;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path as FilePath;
use std::time::Duration;

use crate::defaults;
use crate::position::TopicName;

use super::findings::Findings;
use super::node::Path;
use super::{AdminConfig, BatchConfig, Config, PipelineConfig, SinkConfig, SourceConfig, raw};

/// `None` when there were errors. `folder` is the configuration's, where paths of test files begin.
pub(super) fn resolve(raw: raw::File, folder: &FilePath, findings: &mut Findings) -> Option<Config> {
    let root = Path::default();
    let sources = resolve_sources(raw.sources.unwrap_or_default(), &root.key("sources"), findings);
    let mut pipelines = Vec::new();
    let path = root.key("pipelines");
    let raw_pipelines = raw.pipelines.unwrap_or_default();
    relations::unused_sources(&sources, &raw_pipelines, findings);
    for (name, pipeline) in raw_pipelines {
        check_name(&name, &path.key(&name), findings);
        pipelines.extend(resolve_pipeline(name.clone(), pipeline, &sources, &path.key(&name), findings));
    }
    relations::shared_groups(&pipelines, findings);
    relations::dead_letter_topics(&pipelines, &sources, findings);
    let tests = cases::resolve(raw.tests.unwrap_or_default(), &pipelines, folder, findings);
    let admin = resolve_admin(raw.admin.unwrap_or_default(), &root.key("admin"), findings)?;
    let sources = sources.into_iter().filter_map(|(name, source)| Some((name, source?))).collect();
    (!findings.has_error(&root)).then_some(Config { sources, pipelines, admin, tests })
}

/// By name; `None` for a source that is known to be wrong, so that a pipeline's reference to it is not.
type Sources = BTreeMap<String, Option<SourceConfig>>;

fn resolve_sources(raw: BTreeMap<String, raw::Source>, path: &Path, findings: &mut Findings) -> Sources {
    let resolved = raw.into_iter().map(|(name, raw::Source::Kafka(source))| {
        let path = path.key(&name);
        check_name(&name, &path, findings);
        let kafka = kafka::resolve_source(*source, &path.key("kafka"), findings);
        (name, kafka.map(SourceConfig::Kafka))
    });
    resolved.collect()
}

fn check_name(name: &str, path: &Path, findings: &mut Findings) {
    let allowed = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    if name.is_empty() || name.len() > defaults::NAME_MAX_LEN || !name.chars().all(allowed) {
        let cause =
            format!("`{name}` cannot be a name: it becomes a metric label and part of the consumer group's name");
        let remedy = format!("use up to {} letters, digits, `-` and `_`", defaults::NAME_MAX_LEN);
        findings.error_at_key(path, cause, remedy);
    }
}

fn resolve_pipeline(
    name: String,
    raw: raw::Pipeline,
    sources: &Sources,
    path: &Path,
    findings: &mut Findings,
) -> Option<PipelineConfig> {
    let source = find_source(raw.source.as_deref(), sources, path, findings);
    let sink = raw.sink.and_then(|sink| resolve_sink(sink, &path.key("sink"), findings));
    let transforms = raw.transforms.unwrap_or_default();
    let chain = transforms::resolve(transforms, sink.as_ref(), &path.key("transforms"), findings);
    let dead_letter = dead_letter::resolve(raw.dead_letter, &path.key("dead_letter"), findings);
    if let (Some(chain), Some(sink)) = (&chain, &sink) {
        relations::redaction_and_sink(chain, sink, path, findings);
        relations::map_and_sink(chain, sink, path, findings);
    }
    if let (Some(chain), Some((_, unclear))) = (&chain, &dead_letter) {
        relations::redaction_and_letters(chain, unclear, path, findings);
    }
    let is_archive = matches!(sink, Some(SinkConfig::Archive(_)));
    if is_archive {
        refuse_batching(raw.batch.is_some(), raw.max_in_flight.is_some(), path, findings);
        chain.iter().for_each(|chain| archive::nothing_changed(chain, path, findings));
    }
    let batch = resolve_batch(raw.batch.unwrap_or_default(), sink.as_ref(), &path.key("batch"), findings);
    let in_flight_default = if is_archive { defaults::ARCHIVE_IN_FLIGHT_BYTES } else { defaults::IN_FLIGHT_BYTES };
    let in_flight_bytes = raw.in_flight_bytes.map_or(in_flight_default, |size| size.0);
    // Segments are held compressed.
    if in_flight_bytes < batch.max_bytes && !is_archive {
        let cause = format!("a batch of {} does not fit into `in_flight_bytes`, {in_flight_bytes}", batch.max_bytes);
        let limits = [path.key("in_flight_bytes"), path.key("batch").key("max_bytes")];
        let at = if raw.in_flight_bytes.is_some() { &limits[0] } else { &limits[1] };
        if !limits.iter().any(|limit| findings.has_error(limit)) {
            findings.error(at, cause, "lower `batch.max_bytes`, or raise `in_flight_bytes` to several batches");
        }
    }
    let drain_path = path.key("drain_deadline");
    let drain_deadline = positive(raw.drain_deadline, defaults::DRAIN_DEADLINE, &drain_path, findings);
    let source = source?;
    let (dead_letter, unclear_letters) = dead_letter?;
    relations::drain_within_session(&source, drain_deadline, path, findings);
    Some(PipelineConfig {
        source,
        group_id: raw.group_id.unwrap_or_else(|| format!("{}{name}", defaults::GROUP_ID_PREFIX)),
        chain: chain?,
        sink: sink?,
        dead_letter,
        unclear_letters,
        batch,
        in_flight_bytes,
        // Links follow each other: one segment at a time.
        max_in_flight: if is_archive { 1 } else { raw.max_in_flight.map_or(defaults::MAX_IN_FLIGHT, length) },
        drain_deadline,
        name,
    })
}

fn find_source(name: Option<&str>, sources: &Sources, path: &Path, findings: &mut Findings) -> Option<SourceConfig> {
    let name = name?;
    if let Some(source) = sources.get(name) {
        return source.clone();
    }
    // A source whose shape was wrong is missing here; that has been said already.
    let all = Path::default().key("sources");
    let source = if sources.is_empty() { all } else { all.key(name) };
    if !findings.has_error(&source) {
        let names: Vec<String> = sources.keys().map(|name| format!("`{name}`")).collect();
        let remedy = match names.as_slice() {
            [] => "add it under `sources`".to_owned(),
            names => format!("the sources are {}", names.join(", ")),
        };
        findings.error(&path.key("source"), "there is no source of this name", remedy);
    }
    None
}

fn resolve_sink(raw: raw::Sink, path: &Path, findings: &mut Findings) -> Option<SinkConfig> {
    match raw {
        raw::Sink::SplunkHec(hec) => {
            hec::resolve(*hec, &path.key("splunk_hec"), findings).map(|hec| SinkConfig::SplunkHec(Box::new(hec)))
        }
        raw::Sink::Archive(archive) => archive::resolve(*archive, &path.key("archive"), findings)
            .map(|archive| SinkConfig::Archive(Box::new(archive))),
        raw::Sink::Webhook(webhook) => webhook::resolve(*webhook, &path.key("webhook"), findings)
            .map(|webhook| SinkConfig::Webhook(Box::new(webhook))),
    }
}

/// An archive has segments, and writes one after the other.
fn refuse_batching(batch: bool, max_in_flight: bool, path: &Path, findings: &mut Findings) {
    let rotate = "remove it; `rotate` of the archive says when a segment is closed";
    let keys = [
        ("batch", batch, rotate),
        ("max_in_flight", max_in_flight, "remove it: an archive writes one segment at a time"),
    ];
    for (key, _, remedy) in keys.into_iter().filter(|(_, given, _)| *given) {
        findings.error_at_key(&path.key(key), format!("`{key}` means nothing to an archive"), remedy);
    }
}

fn resolve_batch(raw: raw::Batch, sink: Option<&SinkConfig>, path: &Path, findings: &mut Findings) -> BatchConfig {
    let max_bytes = raw.max_bytes.map_or(defaults::BATCH_MAX_BYTES, |size| size.0);
    if max_bytes.get() == 0 {
        findings.error(&path.key("max_bytes"), "a batch of 0 bytes holds nothing", "write for example `2 MiB`");
    }
    if let Some(SinkConfig::Archive(archive)) = sink {
        let (max_events, rotate) = (length(defaults::BATCH_MAX_EVENTS_LIMIT), &archive.rotate);
        return BatchConfig { max_events, max_bytes: rotate.raw_bytes, max_age: rotate.age };
    }
    let max_events = match sink {
        Some(SinkConfig::Webhook(webhook)) => webhook::batch_limit(webhook, raw.max_events, path, findings),
        Some(SinkConfig::SplunkHec(_) | SinkConfig::Archive(_)) | None => {
            raw.max_events.map_or(defaults::BATCH_MAX_EVENTS, length)
        }
    };
    BatchConfig {
        max_events,
        max_bytes,
        // 0 is allowed: every event leaves at once.
        max_age: raw.max_age.map_or(defaults::BATCH_MAX_AGE, |span| span.0),
    }
}

fn resolve_admin(raw: raw::Admin, path: &Path, findings: &mut Findings) -> Option<AdminConfig> {
    if raw.enabled == Some(false) {
        if raw.listen.is_some() {
            findings.warning(
                &path.key("listen"),
                "`listen` has no effect with `enabled: false`",
                "remove one of the two",
            );
        }
        return Some(AdminConfig::Disabled);
    }
    let listen = raw.listen.as_deref().unwrap_or(defaults::ADMIN_LISTEN);
    match listen.parse::<SocketAddr>() {
        Ok(listen) => Some(AdminConfig::Enabled { listen }),
        Err(_) => {
            let remedy = "write for example `127.0.0.1:9470` (this machine only) or `0.0.0.0:9470` (also from outside)";
            findings.error(&path.key("listen"), "this is not an IP address with a port", remedy);
            None
        }
    }
}

/// A topic's name, by the rule of the brokers (`org.apache.kafka.common.internals.Topic`).
fn topic_name(name: &str, path: &Path, findings: &mut Findings) -> Option<TopicName> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    let bad = name.len() > defaults::TOPIC_NAME_MAX_LEN || !name.chars().all(allowed) || matches!(name, "." | "..");
    if bad {
        let remedy =
            "topic names have at most 249 letters, digits, `.`, `_` and `-`; a pattern goes into `topic_pattern`";
        findings.error(path, "this cannot be the name of a Kafka topic", remedy);
        return None;
    }
    Some(TopicName::new(name))
}

/// A duration that may not be zero.
fn positive(raw: Option<raw::Span>, default: Duration, path: &Path, findings: &mut Findings) -> Duration {
    let duration = raw.map_or(default, |span| span.0);
    if duration.is_zero() {
        let cause = format!("`{}` has to be longer than zero", path.last_key().unwrap_or_default());
        findings.error(path, cause, "write for example `5s`, or remove the key for the default");
        return default;
    }
    duration
}

fn length(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}
