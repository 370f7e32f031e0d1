//! What has to hold between parts: pipelines and their sources, groups, clusters.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use regex::Regex;

use crate::config::findings::Findings;
use crate::config::node::Path;
use crate::config::{DeadLetterConfig, PipelineConfig, SinkConfig, SourceConfig, UnclearLetters, raw};
use crate::defaults;
use crate::sink::splunk_hec::config::{RecordHeaders, Tracked};
use crate::sink::webhook::config::Format;
use crate::source::kafka::config::{ClientConfig, GroupProtocol, KafkaConfig, Topics};
use crate::transform::config::{ChainConfig, RedactConfig};
use crate::transform::map::config::Place;
use crate::units::show_duration;

use super::Sources;

pub(super) fn unused_sources(sources: &Sources, pipelines: &BTreeMap<String, raw::Pipeline>, findings: &mut Findings) {
    let pipelines_path = Path::default().key("pipelines");
    if findings.has_error(&pipelines_path) {
        return;
    }
    let used: BTreeSet<&str> = pipelines.values().filter_map(|pipeline| pipeline.source.as_deref()).collect();
    for name in sources.keys().filter(|name| !used.contains(name.as_str())) {
        let cause = format!("no pipeline reads the source `{name}`");
        let remedy =
            format!("add a pipeline with `source: {name}`, or remove it if `offsets copy` does not need it either");
        findings.warning(&Path::default().key("sources").key(name), cause, remedy);
    }
}

/// Draining has to end before the group gives the member up, or what is still in flight is delivered twice.
pub(super) fn drain_within_session(
    source: &SourceConfig,
    drain_deadline: Duration,
    pipeline: &Path,
    findings: &mut Findings,
) {
    let SourceConfig::Kafka(kafka) = source;
    if drain_deadline < kafka.session_timeout {
        return;
    }
    let (drain, session) = (show_duration(drain_deadline), show_duration(kafka.session_timeout));
    let cause = format!("`drain_deadline` ({drain}) is not shorter than the source's session timeout ({session})");
    let remedy = match kafka.group_protocol {
        GroupProtocol::Classic => format!("lower it below {session}, or raise `session_timeout` of the source"),
        GroupProtocol::Consumer => format!("lower it below {session}, which brokers use by default"),
    };
    findings.error(&pipeline.key("drain_deadline"), cause, remedy);
}

/// Two pipelines in one group would take partitions from each other, and each commit progress the other has not made.
pub(super) fn shared_groups(pipelines: &[PipelineConfig], findings: &mut Findings) {
    for (index, pipeline) in pipelines.iter().enumerate() {
        let SourceConfig::Kafka(kafka) = &pipeline.source;
        let other = pipelines[..index].iter().find(|other| {
            let SourceConfig::Kafka(other_kafka) = &other.source;
            other.group_id == pipeline.group_id && same_cluster(&kafka.client, &other_kafka.client)
        });
        let Some(other) = other else { continue };
        // The one whose group follows from its name is not the one at fault.
        let follows = pipeline.group_id == format!("{}{}", defaults::GROUP_ID_PREFIX, pipeline.name);
        let (at_fault, other) = if follows { (other, pipeline) } else { (pipeline, other) };
        let cause = format!("the consumer group `{}` is also that of pipeline `{}`", pipeline.group_id, other.name);
        let remedy = "each would deliver only a part of the events: give one of them another `group_id`";
        findings.error(&Path::default().key("pipelines").key(&at_fault.name).key("group_id"), cause, remedy);
    }
}

/// What the sink would take from a record beside its value has to be named, or it would leave unredacted.
pub(super) fn redaction_and_sink(chain: &ChainConfig, sink: &SinkConfig, pipeline: &Path, findings: &mut Findings) {
    let RedactConfig { keep_key, keep_headers, .. } = &chain.redact;
    if !chain.redact.is_enabled() {
        return;
    }
    let hec = match sink {
        SinkConfig::SplunkHec(hec) => hec,
        // It takes the record's value and position, and nothing else.
        SinkConfig::Webhook(_) | SinkConfig::Archive(_) => return,
    };
    let path = pipeline.key("sink").key("splunk_hec");
    if hec.events.tracking.contains(&Tracked::Key) && !keep_key {
        let cause = "`tracking` wants the record's key, and a pipeline that redacts leaves it behind";
        let remedy =
            "remove `key` from the list or, if keys hold nothing secret, say `keep_key: true` in a `redact` step";
        findings.error(&path.key("tracking"), cause, remedy);
    }
    let RecordHeaders { host, source, sourcetype, index, fields } = &hec.events.record_headers;
    let single = [("host", host), ("source", source), ("sourcetype", sourcetype), ("index", index)];
    let single = single.into_iter().filter_map(|(key, name)| Some((key, name.as_ref()?)));
    for (key, name) in single.chain(fields.iter().map(|name| ("fields", name))) {
        if !keep_headers.contains(name) {
            let cause = format!("a pipeline that redacts leaves the header `{name}` behind");
            let remedy =
                format!("remove it or, if it holds nothing secret, say `keep_headers: [{name}]` in a `redact` step");
            findings.error(&path.key("record_headers").key(key), cause, remedy);
        }
    }
}

/// Messages and templates show the fields of audit events, which a mapped event has under other names.
pub(super) fn map_and_sink(chain: &ChainConfig, sink: &SinkConfig, pipeline: &Path, findings: &mut Findings) {
    let format = match sink {
        SinkConfig::SplunkHec(_) | SinkConfig::Archive(_) => return,
        SinkConfig::Webhook(webhook) => &webhook.format,
    };
    let reads_fields = match format {
        Format::Template(template) => template.reads_fields(),
        Format::Slack | Format::Teams | Format::PagerDuty(_) => true,
        Format::Json
        | Format::JsonArray
        | Format::Ndjson
        | Format::CloudEventsStructured
        | Format::CloudEventsBatched
        | Format::CloudEventsBinary => false,
    };
    let stays = chain.map.as_ref().is_none_or(|map| match &map.place {
        Place::Member(_) => true,
        Place::Event { .. } => false,
    });
    if reads_fields && !stays {
        let cause =
            format!("`format: {}` shows fields of the event, and a mapped event has other ones", format.as_str());
        let remedy = "remove the `map` step, say `into: NAME` in it, or use another `format`";
        findings.error(&pipeline.key("sink").key("webhook").key("format"), cause, remedy);
    }
}

pub(super) fn redaction_and_letters(
    chain: &ChainConfig,
    unclear: &UnclearLetters,
    pipeline: &Path,
    findings: &mut Findings,
) {
    if !chain.redact.is_enabled() && !matches!(unclear, UnclearLetters::Keep) {
        let cause = "`unclear` has no effect: the pipeline redacts nothing, so every event is clear";
        findings.warning(&pipeline.key("dead_letter").key("unclear"), cause, "remove it, or add a `redact` step");
    }
}

pub(super) fn dead_letter_topics(pipelines: &[PipelineConfig], sources: &Sources, findings: &mut Findings) {
    for pipeline in pipelines {
        let DeadLetterConfig::Topic { name, kafka: store } = &pipeline.dead_letter else { continue };
        let path = Path::default().key("pipelines").key(&pipeline.name).key("dead_letter").key("topic");
        for (source_name, source) in sources {
            let Some(SourceConfig::Kafka(source)) = source else { continue };
            if !same_cluster(store, &source.client) {
                continue;
            }
            if is_audit_cluster(source) {
                let cause = format!(
                    "the dead-letter topic is on the audit cluster (source `{source_name}`), which is read-only"
                );
                let remedy = "use a topic on a cluster of your own, or `directory`; \
                              if the source is a mirror on your own cluster, say `mirror: true` there";
                findings.error(&path.key("kafka").key("bootstrap_servers"), cause, remedy);
            } else if reads(source, name.as_str()) {
                let cause = format!("the source `{source_name}` reads the dead-letter topic `{name}`: a loop");
                findings.error(&path.key("name"), cause, "use a topic that no source reads");
            }
        }
    }
}

fn is_audit_cluster(source: &KafkaConfig) -> bool {
    !source.mirror && reads(source, defaults::AUDIT_TOPIC)
}

fn reads(source: &KafkaConfig, topic: &str) -> bool {
    match &source.topics {
        Topics::Names(names) => names.iter().any(|name| name.as_str() == topic),
        Topics::Pattern(pattern) => Regex::new(pattern).is_ok_and(|pattern| pattern.is_match(topic)),
    }
}

/// Whether two clients start from a common broker. Host names are compared as they are written, without resolving them.
fn same_cluster(one: &ClientConfig, other: &ClientConfig) -> bool {
    let brokers = |client: &ClientConfig| -> BTreeSet<String> {
        client.bootstrap_servers.split(',').map(str::to_ascii_lowercase).collect()
    };
    !brokers(one).is_disjoint(&brokers(other))
}
