//! What a record becomes at a Splunk HEC sink.

use std::collections::BTreeMap;
use std::fs;

use regex::Regex;

use crate::config::findings::Findings;
use crate::config::node::Path;
use crate::config::raw::{self, HecEvents, PerTopic, TextOrList, Tracking};
use crate::sink::DeliveryLevel;
use crate::sink::splunk_hec::config::{
    EventConfig, FieldValue, Metadata, Mode, RecordHeaders, TimeSource, TopicMatch, TopicRule, Tracked,
};
use crate::sink::splunk_hec::extract::{Extraction, Unusable};

use super::topic_name;

/// What a raw event is followed by.
const LINE_BREAK: &str = "\n";

pub(super) fn resolve(
    raw: HecEvents,
    delivery: Option<DeliveryLevel>,
    path: &Path,
    findings: &mut Findings,
) -> Option<EventConfig> {
    warn_about_what_has_no_effect(&raw, path, findings);
    let mode = resolve_mode(raw.mode, raw.line_breaker.map(|breaker| breaker.0), path, findings);
    let metadata = Metadata { host: raw.host, source: raw.source, sourcetype: raw.sourcetype, index: raw.index };
    let per_topic = resolve_rules(raw.per_topic.unwrap_or_default(), &path.key("per_topic"), findings);
    let fields = resolve_fields(raw.fields.unwrap_or_default(), &path.key("fields"), findings);
    let tracking = resolve_tracking(raw.tracking, delivery, &mode, &path.key("tracking"), findings);
    let headers = raw.record_headers.unwrap_or_default();
    let record_headers = RecordHeaders {
        host: headers.host,
        source: headers.source,
        sourcetype: headers.sourcetype,
        index: headers.index,
        fields: headers.fields.unwrap_or_default(),
    };
    no_field_twice(&fields, &tracking, &record_headers.fields, path, findings);
    let time = resolve_time(raw.time, &path.key("time"), findings);
    let dated = mode == Mode::Event && !matches!(time, Some(TimeSource::None) | None);
    if dated && raw.auto_extract_timestamp == Some(true) {
        let cause = "`auto_extract_timestamp: true` has no effect: the envelope has a time, and it wins";
        let remedy = "set `time: none` to let Splunk look for the time, or remove the key";
        findings.warning(&path.key("auto_extract_timestamp"), cause, remedy);
    }
    let auto_extract_timestamp = raw.auto_extract_timestamp;
    let time = time?;
    Some(EventConfig { mode, metadata, per_topic, record_headers, fields, tracking, time, auto_extract_timestamp })
}

/// Keys that another key makes pointless. Only what the user wrote is complained about.
fn warn_about_what_has_no_effect(raw: &HecEvents, path: &Path, findings: &mut Findings) {
    let mode = raw.mode.unwrap_or(raw::Mode::Event);
    let header_fields = raw.record_headers.as_ref().is_some_and(|headers| headers.fields.is_some());
    let metadata = [
        ("index", raw.index.is_some()),
        ("source", raw.source.is_some()),
        ("sourcetype", raw.sourcetype.is_some()),
        ("host", raw.host.is_some()),
        ("per_topic", raw.per_topic.is_some()),
        ("time", raw.time.is_some()),
    ];
    let beside = [
        ("fields", raw.fields.is_some()),
        ("tracking", raw.tracking.as_ref().is_some_and(|list| !list.is_empty())),
        ("time", raw.time.is_some()),
    ];
    let (given, words, why): (&[(&str, bool)], _, _) = match mode {
        raw::Mode::Event => (&[], "event", ""),
        raw::Mode::Raw => (&beside, "raw", "the raw endpoint takes no fields and no time"),
        raw::Mode::Preformatted => (&metadata, "preformatted", "the record's own envelope says it"),
    };
    for (name, _) in given.iter().filter(|(_, given)| *given) {
        let cause = format!("`{name}` has no effect with `mode: {words}`: {why}");
        findings.warning(&path.key(name), cause, "remove it");
    }
    if mode == raw::Mode::Raw && header_fields {
        let cause = "`fields` has no effect with `mode: raw`: the raw endpoint takes no fields and no time";
        findings.warning(&path.key("record_headers").key("fields"), cause, "remove it");
    }
}

fn resolve_mode(mode: Option<raw::Mode>, breaker: Option<String>, path: &Path, findings: &mut Findings) -> Mode {
    let at = path.key("line_breaker");
    let mode = match mode {
        None | Some(raw::Mode::Event) => Mode::Event,
        Some(raw::Mode::Preformatted) => Mode::Preformatted,
        Some(raw::Mode::Raw) => {
            if breaker.as_ref().is_some_and(String::is_empty) {
                let cause =
                    "with an empty `line_breaker` nothing stands between two records: Splunk takes them for one";
                findings.warning(
                    &at,
                    cause,
                    "remove it for the default, a line break, unless each record ends with one",
                );
            }
            return Mode::Raw { line_breaker: breaker.unwrap_or_else(|| LINE_BREAK.to_owned()) };
        }
    };
    if breaker.is_some() {
        findings.warning(&at, "`line_breaker` has an effect only with `mode: raw`", "remove it");
    }
    mode
}

fn resolve_rules(raw: Vec<PerTopic>, path: &Path, findings: &mut Findings) -> Vec<TopicRule> {
    let mut rules: Vec<TopicRule> = Vec::new();
    // An item that was refused before is missing here, and the positions of the others have shifted.
    if findings.has_error(path) {
        return rules;
    }
    for (at, rule) in raw.into_iter().enumerate() {
        let path = path.item(at);
        let PerTopic { topic, topic_pattern, index, source, sourcetype, host } = rule;
        let metadata = Metadata { host, source, sourcetype, index };
        if metadata == Metadata::default() {
            let remedy = "give at least one of `index`, `source`, `sourcetype` and `host`";
            findings.error(&path, "this rule changes nothing", remedy);
        }
        let Some(topics) = resolve_topics(topic, topic_pattern, &path, findings) else { continue };
        let known = |rule: &TopicRule| match (&rule.topics, &topics) {
            (TopicMatch::Name(known), TopicMatch::Name(name)) => known == name,
            (TopicMatch::Pattern(known), TopicMatch::Name(name)) => known.is_match(name.as_str()),
            (TopicMatch::Pattern(known), TopicMatch::Pattern(pattern)) => known.as_str() == pattern.as_str(),
            (TopicMatch::Name(_), TopicMatch::Pattern(_)) => false,
        };
        if rules.iter().any(known) {
            let cause = "an earlier rule matches this topic, and the first one counts";
            findings.error(&path, cause, "put the narrower rule first, or remove one of the two");
        }
        rules.push(TopicRule { topics, metadata });
    }
    rules
}

fn resolve_topics(
    topic: Option<String>,
    pattern: Option<String>,
    path: &Path,
    findings: &mut Findings,
) -> Option<TopicMatch> {
    match (topic, pattern) {
        (Some(name), None) => topic_name(&name, &path.key("topic"), findings).map(TopicMatch::Name),
        (None, Some(pattern)) => match Regex::new(&format!("^(?:{pattern})")) {
            Ok(pattern) => Some(TopicMatch::Pattern(pattern)),
            Err(_) => {
                let remedy = "check brackets and backslashes; in single quotes YAML leaves backslashes alone";
                findings.error(&path.key("topic_pattern"), "this is not a regular expression", remedy);
                None
            }
        },
        (Some(_), Some(_)) => {
            findings.error(path, "both `topic` and `topic_pattern` are given", "remove one of the two");
            None
        }
        (None, None) => {
            let remedy = "add `topic: NAME`, or a `topic_pattern`";
            findings.error(path, "this rule says for no topic that it is meant for it", remedy);
            None
        }
    }
}

fn resolve_fields(
    raw: BTreeMap<String, TextOrList>,
    path: &Path,
    findings: &mut Findings,
) -> Vec<(String, FieldValue)> {
    let mut fields = Vec::new();
    for (name, value) in raw {
        match value {
            TextOrList::Text(text) => fields.push((name, FieldValue::Text(text))),
            TextOrList::List(texts) if texts.is_empty() && !findings.has_error(&path.key(&name)) => {
                let cause = format!("the field `{name}` has no value");
                findings.error_at_key(&path.key(&name), cause, "give it at least one, or remove it");
            }
            TextOrList::List(texts) => fields.push((name, FieldValue::List(texts))),
        }
    }
    fields
}

fn resolve_tracking(
    raw: Option<Vec<Tracking>>,
    delivery: Option<DeliveryLevel>,
    mode: &Mode,
    path: &Path,
    findings: &mut Findings,
) -> Vec<Tracked> {
    let Some(raw) = raw else { return EventConfig::default().tracking };
    if raw.is_empty() && !findings.has_error(path) && !matches!(mode, Mode::Raw { .. }) {
        let cause = "without tracking nothing tells a repeated event from a new one";
        findings.warning(path, cause, "keep at least `topic`, `partition` and `offset`");
    }
    let mut tracking = Vec::new();
    for (at, tracked) in raw.iter().enumerate() {
        if raw[..at].contains(tracked) {
            if !findings.has_error(path) {
                findings.error(&path.item(at), "this is listed twice", "remove one of the two");
            }
            continue;
        }
        tracking.extend(resolve_tracked(*tracked, delivery, &path.item(at), findings));
    }
    tracking
}

fn resolve_tracked(
    raw: Tracking,
    delivery: Option<DeliveryLevel>,
    path: &Path,
    findings: &mut Findings,
) -> Option<Tracked> {
    Some(match raw {
        Tracking::Topic => Tracked::Topic,
        Tracking::Partition => Tracked::Partition,
        Tracking::Offset => Tracked::Offset,
        Tracking::Timestamp => Tracked::Timestamp,
        Tracking::Key => Tracked::Key,
        Tracking::Host => Tracked::Host(machine_name()),
        Tracking::Channel if delivery == Some(DeliveryLevel::Indexed) => {
            let cause =
                "with `delivery: indexed` the channel is chosen when a request is sent, after its events were written";
            findings.warning(path, cause, "remove it: events get no field `hec-channel`");
            return None;
        }
        Tracking::Channel => Tracked::Channel,
    })
}

/// The name that the kernel has for this machine; in a container that of the pod.
fn machine_name() -> String {
    let name = fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let name = name.trim();
    if name.is_empty() { "unknown".to_owned() } else { name.to_owned() }
}

/// Two values under one name would both be written, and Splunk would choose.
fn no_field_twice(
    fields: &[(String, FieldValue)],
    tracking: &[Tracked],
    headers: &[String],
    path: &Path,
    findings: &mut Findings,
) {
    for (name, _) in fields {
        if tracking.iter().any(|tracked| tracked.field() == name) {
            let cause = format!("the field `{name}` is also written by `tracking`");
            findings.error_at_key(&path.key("fields").key(name), cause, "give it another name");
        }
    }
    let at = path.key("record_headers").key("fields");
    if findings.has_error(&at) {
        return;
    }
    for (place, name) in headers.iter().enumerate() {
        let enriched = fields.iter().any(|(known, _)| known == name);
        let tracked = tracking.iter().any(|tracked| tracked.field() == name);
        let cause = match () {
            () if headers[..place].contains(name) => "this header is listed twice",
            () if enriched => "a field of this name is also in `fields`",
            () if tracked => "a field of this name is also written by `tracking`",
            () => continue,
        };
        findings.error(&at.item(place), cause, "remove one of the two");
    }
}

/// `None` when it is wrong.
fn resolve_time(raw: Option<raw::Time>, path: &Path, findings: &mut Findings) -> Option<TimeSource> {
    let extract = match raw {
        None => return (!findings.has_error(path)).then_some(TimeSource::Event),
        Some(raw::Time::Event) => return Some(TimeSource::Event),
        Some(raw::Time::Record) => return Some(TimeSource::Record),
        Some(raw::Time::None) => return Some(TimeSource::None),
        Some(raw::Time::Extract(extract)) => *extract,
    };
    let path = path.key("extract");
    let (pattern, format) = (extract.pattern?, extract.format?);
    match Extraction::new(&pattern, &format, extract.zone.as_deref()) {
        Ok(extraction) => Some(TimeSource::Extract(Box::new(extraction))),
        Err(unusable) => {
            for finding in unusable {
                let (name, cause, remedy) = match finding {
                    Unusable::Pattern(cause, remedy) => ("pattern", cause, remedy),
                    Unusable::Format(cause, remedy) => ("format", cause, remedy),
                    Unusable::Zone(cause, remedy) => ("zone", cause, remedy),
                };
                findings.error(&path.key(name), cause, remedy);
            }
            None
        }
    }
}
