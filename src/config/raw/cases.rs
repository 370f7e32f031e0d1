//! What the file may say under `tests`.

use std::collections::BTreeMap;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::Deserialize;

use super::PropertyValue;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct TestCase {
    /// What the test shows, for its report.
    #[schemars(required)]
    pub(in crate::config) name: Option<String>,
    /// The pipeline whose `transforms` are tested. May be left out when there is only one.
    pub(in crate::config) pipeline: Option<String>,
    /// The topic that the events come from, for rules that look at it. By default the first topic of the pipeline's source.
    pub(in crate::config) topic: Option<String>,
    /// The events, each as JSON text. Exactly one of `events` and `file` is needed.
    #[schemars(length(min = 1))]
    pub(in crate::config) events: Option<Vec<String>>,
    /// A file with one event a line. A path that is not absolute begins at the configuration's folder.
    pub(in crate::config) file: Option<PathBuf>,
    /// What has to become of every one of the events.
    #[schemars(required)]
    pub(in crate::config) expect: Option<Expectation>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct Expectation {
    /// `delivered` (it reaches the sink), `filtered` (a rule drops it) or `dead_lettered` (it cannot be cleared).
    #[schemars(required)]
    pub(in crate::config) outcome: Option<ExpectedOutcome>,
    /// With `filtered`: the name of the rule that drops it.
    pub(in crate::config) rule: Option<String>,
    /// Paths that the delivered event has, with dots between names: `data.methodName`. In an array, any element counts; a
    /// number chooses one.
    pub(in crate::config) present: Option<Vec<String>>,
    /// Paths that the delivered event does not have.
    pub(in crate::config) absent: Option<Vec<String>>,
    /// What stands at a path of the delivered event: a text, a number, or one of JSON's literals.
    pub(in crate::config) equal: Option<BTreeMap<String, PropertyValue>>,
    /// Texts that must not stand anywhere in what is delivered, not even within other texts.
    pub(in crate::config) nowhere: Option<Vec<String>>,
    /// What enrichment puts beside the event: the fields that Splunk gets with it.
    pub(in crate::config) fields: Option<BTreeMap<String, PropertyValue>>,
}

#[derive(Deserialize, JsonSchema, Clone, Copy)]
#[serde(rename_all = "snake_case")]
pub(in crate::config) enum ExpectedOutcome {
    Delivered,
    Filtered,
    DeadLettered,
}
