//! What the file may say under `transforms`: one type per step.

use schemars::JsonSchema;
use serde::Deserialize;

/// One step of the chain: a mapping with one key, the step's kind.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(in crate::config) enum Transform {
    /// Drops the events for which the condition holds. They count as filtered, under the rule's name.
    Drop(Box<Filter>),
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct Filter {
    /// The rule's name, in the metrics and in reports.
    #[schemars(required)]
    pub(in crate::config) name: Option<String>,
    /// A condition in CEL over the canonical fields and the event as it was read.
    #[schemars(required)]
    pub(in crate::config) when: Option<String>,
}
