//! Tests that stand in the configuration: whether they can be run.

use std::collections::BTreeMap;
use std::path::Path as FilePath;

use crate::config::case::{Content, Expectation, TestCase, TestEvents};
use crate::config::findings::Findings;
use crate::config::node::Path;
use crate::config::raw::{self, ExpectedOutcome, PropertyValue};
use crate::config::{PipelineConfig, SourceConfig};
use crate::defaults;
use crate::position::TopicName;
use crate::source::kafka::config::Topics;

/// Those that can be run; `folder` is where relative paths begin.
pub(super) fn resolve(
    raw: Vec<raw::TestCase>,
    pipelines: &[PipelineConfig],
    folder: &FilePath,
    findings: &mut Findings,
) -> Vec<TestCase> {
    let path = Path::default().key("tests");
    let cases = raw.into_iter().enumerate();
    cases.filter_map(|(index, raw)| case(raw, pipelines, (&path.item(index), folder), findings)).collect()
}

fn case(
    raw: raw::TestCase,
    pipelines: &[PipelineConfig],
    (path, folder): (&Path, &FilePath),
    findings: &mut Findings,
) -> Option<TestCase> {
    let pipeline = find_pipeline(raw.pipeline.as_deref(), pipelines, path, findings);
    let events = match (raw.events, raw.file) {
        (Some(events), None) => Some(TestEvents::Inline(events)),
        (None, Some(file)) => Some(TestEvents::File(folder.join(file))),
        (Some(_), Some(_)) => {
            findings.error(&path.key("file"), "`events` and `file` are both given", "remove one of the two");
            None
        }
        (None, None) if findings.has_error(path) => None,
        (None, None) => {
            findings.error(path, "the test has no events", "add `events`, a list of JSON texts, or `file`");
            None
        }
    };
    let expect = expectation(raw.expect?, pipeline, &path.key("expect"), findings);
    let pipeline = pipeline?;
    let topic = raw.topic.map_or_else(|| first_topic(pipeline), |name| TopicName::new(&name));
    Some(TestCase { name: raw.name?, pipeline: pipeline.name.clone(), topic, events: events?, expect: expect? })
}

fn find_pipeline<'p>(
    name: Option<&str>,
    pipelines: &'p [PipelineConfig],
    path: &Path,
    findings: &mut Findings,
) -> Option<&'p PipelineConfig> {
    let names = || pipelines.iter().map(|pipeline| format!("`{}`", pipeline.name)).collect::<Vec<_>>().join(", ");
    match (name, pipelines) {
        (None, [only]) => Some(only),
        // A pipeline that is wrong is missing here; that has been said.
        (_, _) if findings.has_error(&Path::default().key("pipelines")) => None,
        (None, _) => {
            let remedy = format!("add `pipeline`: one of {}", names());
            findings.error(path, "which pipeline does this test concern?", remedy);
            None
        }
        (Some(name), pipelines) => {
            let found = pipelines.iter().find(|pipeline| pipeline.name == name);
            if found.is_none() {
                let remedy = format!("the pipelines are {}", names());
                findings.error(&path.key("pipeline"), "there is no pipeline of this name", remedy);
            }
            found
        }
    }
}

fn first_topic(pipeline: &PipelineConfig) -> TopicName {
    let SourceConfig::Kafka(kafka) = &pipeline.source;
    match &kafka.topics {
        Topics::Names(names) => names.first().cloned(),
        Topics::Pattern(_) => None,
    }
    .unwrap_or_else(|| TopicName::new(defaults::AUDIT_TOPIC))
}

fn expectation(
    raw: raw::Expectation,
    pipeline: Option<&PipelineConfig>,
    path: &Path,
    findings: &mut Findings,
) -> Option<Expectation> {
    let outcome = raw.outcome?;
    let is_delivered = matches!(outcome, ExpectedOutcome::Delivered);
    let about_content = [
        ("present", raw.present.is_some()),
        ("absent", raw.absent.is_some()),
        ("equal", raw.equal.is_some()),
        ("nowhere", raw.nowhere.is_some()),
        ("fields", raw.fields.is_some()),
    ];
    for (key, _) in about_content.iter().filter(|(_, given)| *given && !is_delivered) {
        let cause = format!("`{key}` says what a delivered event looks like, and none is expected");
        findings.error_at_key(&path.key(key), cause, "remove it, or expect `outcome: delivered`");
    }
    if let Some(rule) = &raw.rule {
        check_rule(rule, outcome, pipeline, &path.key("rule"), findings);
    }
    Some(match outcome {
        ExpectedOutcome::Filtered => Expectation::Filtered { rule: raw.rule },
        ExpectedOutcome::DeadLettered => Expectation::DeadLettered,
        ExpectedOutcome::Delivered => Expectation::Delivered(Content {
            present: raw.present.unwrap_or_default(),
            absent: raw.absent.unwrap_or_default(),
            equal: pairs(raw.equal),
            nowhere: raw.nowhere.unwrap_or_default(),
            fields: pairs(raw.fields),
        }),
    })
}

fn check_rule(
    rule: &str,
    outcome: ExpectedOutcome,
    pipeline: Option<&PipelineConfig>,
    path: &Path,
    findings: &mut Findings,
) {
    if !matches!(outcome, ExpectedOutcome::Filtered) {
        let remedy = "remove it, or expect `outcome: filtered`";
        findings.error_at_key(path, "`rule` names the rule that drops an event, and none is expected to", remedy);
        return;
    }
    let Some(pipeline) = pipeline else { return };
    let names: Vec<String> = pipeline.chain.filters.iter().map(|rule| format!("`{}`", rule.name)).collect();
    if !pipeline.chain.filters.iter().any(|known| known.name == rule) {
        let remedy = match names.as_slice() {
            [] => format!("the pipeline `{}` has no rules that drop events", pipeline.name),
            names => format!("the rules of pipeline `{}` are {}", pipeline.name, names.join(", ")),
        };
        findings.error(path, "there is no rule of this name", remedy);
    }
}

fn pairs(raw: Option<BTreeMap<String, PropertyValue>>) -> Vec<(String, String)> {
    raw.unwrap_or_default().into_iter().map(|(path, value)| (path, value.0)).collect()
}
