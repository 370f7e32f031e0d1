//! `drop`, `keep` and `monitor`: which events do not travel.

use std::num::NonZeroU32;

use crate::config::findings::Findings;
use crate::config::node::Path;
use crate::config::raw::{Characters, DropRule, KeepRule, MonitorRule};
use crate::config::resolve::topic_name;
use crate::defaults;
use crate::position::TopicName;
use crate::transform::condition::Condition;
use crate::transform::config::{Action, FilterConfig};
use crate::transform::filter::{DropPreset, KeepPreset, Monitor};

/// `None` when something is wrong, which has been said.
pub(super) fn drop_rule(raw: DropRule, path: &Path, findings: &mut Findings) -> Option<FilterConfig> {
    let preset = raw.preset.map(|preset| (preset.as_str(), preset.when()));
    let ready = DropPreset::ALL.map(DropPreset::as_str);
    let when = condition(raw.when, preset, &ready, path, findings);
    let name = name(raw.name, preset.map(|(name, _)| name), path, findings);
    let topics = topics(raw.topics, path, findings);
    let action = Action::Drop { keep_one_in: raw.keep_one_in.and_then(NonZeroU32::new) };
    Some(FilterConfig { name: name?, action, topics: topics?, when: when? })
}

/// `None` when something is wrong, which has been said.
pub(super) fn keep_rule(raw: KeepRule, path: &Path, findings: &mut Findings) -> Option<FilterConfig> {
    let preset = raw.preset.map(|preset| (preset.as_str(), preset.when()));
    let ready = KeepPreset::ALL.map(KeepPreset::as_str);
    let when = condition(raw.when, preset, &ready, path, findings);
    let name = name(raw.name, preset.map(|(name, _)| name), path, findings);
    let topics = topics(raw.topics, path, findings);
    Some(FilterConfig { name: name?, action: Action::Keep, topics: topics?, when: when? })
}

/// `None` when something is wrong, which has been said.
pub(super) fn monitor(raw: MonitorRule, path: &Path, findings: &mut Findings) -> Option<FilterConfig> {
    let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
    let monitor = Monitor {
        prefix: raw.prefix.unwrap_or_else(|| defaults::MONITOR_PREFIX.to_owned()),
        contains: raw.contains.unwrap_or(false),
        operations: raw.operations.unwrap_or_else(|| words(&defaults::MONITOR_OPERATIONS)),
        methods: raw.methods.unwrap_or_else(|| words(&defaults::MONITOR_METHODS)),
    };
    let written = Some(Characters(monitor.when()));
    let when = condition(written, None, &[], &path.key("prefix"), findings);
    let name = name(raw.name, Some(defaults::MONITOR_NAME), path, findings);
    let topics = topics(raw.topics, path, findings);
    Some(FilterConfig { name: name?, action: Action::Keep, topics: topics?, when: when? })
}

/// What `when` says, or the preset.
fn condition(
    when: Option<Characters>,
    preset: Option<(&str, &str)>,
    ready: &[&str],
    path: &Path,
    findings: &mut Findings,
) -> Option<Condition> {
    let at = path.key("when");
    let text = match (when, preset) {
        (Some(Characters(text)), None) => text,
        (None, Some((_, text))) => text.to_owned(),
        (Some(_), Some((name, _))) => {
            let remedy = format!("remove one of the two; the condition of `{name}` stands in docs/filtering.md");
            findings.error(&at, "both `when` and `preset` are given", remedy);
            return None;
        }
        (None, None) => {
            if !findings.has_error(&at) && !findings.has_error(&path.key("preset")) {
                let ready = ready.iter().map(|name| format!("`preset: {name}`")).collect::<Vec<_>>().join(" or ");
                let remedy = format!("add for example `when: 'outcome == \"success\"'`, or {ready}");
                findings.error_at_key(&at, "`when` is missing", remedy);
            }
            return None;
        }
    };
    match Condition::compile(&text) {
        Ok((condition, remarks)) => {
            for remark in remarks {
                findings.warning_within(&at, remark.span.range(), remark.cause, remark.remedy);
            }
            Some(condition)
        }
        Err(problems) => {
            for problem in problems {
                findings.error_within(&at, problem.span.range(), problem.cause, problem.remedy);
            }
            None
        }
    }
}

fn name(name: Option<String>, default: Option<&str>, path: &Path, findings: &mut Findings) -> Option<String> {
    let at = path.key("name");
    let Some(name) = name.or_else(|| default.map(str::to_owned)) else {
        if !findings.has_error(&at) && !findings.has_error(&path.key("preset")) {
            findings.error_at_key(&at, "`name` is missing", "add `name`. It counts the rule's events in the metrics");
        }
        return None;
    };
    let allowed = |c: char| c.is_ascii_alphanumeric() || "_-.".contains(c);
    if name.len() > defaults::NAME_MAX_LEN || !name.chars().all(allowed) {
        let remedy = format!("use up to {} letters, digits, `-`, `_` and `.`", defaults::NAME_MAX_LEN);
        findings.error(&at, "this cannot be a rule's name: it becomes a metric label", remedy);
        return None;
    }
    Some(name)
}

/// Empty for all.
fn topics(names: Option<Vec<String>>, path: &Path, findings: &mut Findings) -> Option<Vec<TopicName>> {
    let at = path.key("topics");
    let mut topics = Vec::new();
    for (index, name) in names.unwrap_or_default().into_iter().enumerate() {
        let at = at.item(index);
        let topic = topic_name(&name, &at, &mut Findings::default());
        if topic.is_none() {
            let remedy = "write its whole name; for a pattern use the condition: `topic.matches(\"^audit-\")`";
            findings.error(&at, "this cannot be the name of a Kafka topic", remedy);
        }
        topics.push(topic);
    }
    topics.into_iter().collect()
}

/// Two rules of one name could not be told apart.
pub(super) fn no_name_twice(filters: &[(Path, FilterConfig)], findings: &mut Findings) {
    for (at, (path, filter)) in filters.iter().enumerate() {
        if filters[..at].iter().any(|(_, earlier)| earlier.name == filter.name) {
            let cause = format!("a rule before is named `{}`, too, and both would count as one", filter.name);
            findings.error(&path.key("name"), cause, "give one of the two another `name`");
        }
    }
}
