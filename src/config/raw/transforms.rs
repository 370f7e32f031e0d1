//! What the file may say under `transforms`: one type per step.

mod enrich;
mod map;
mod redact;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::transform::filter::{DropPreset, KeepPreset};

use super::Characters;
pub(in crate::config) use enrich::{Crn, Enrich, GeoIp, Lookup, Networks, Place, TableFormat};
pub(in crate::config) use map::*;
pub(in crate::config) use redact::*;

/// One step of the chain: a mapping with one key, the step's kind.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(in crate::config) enum Transform {
    /// Filters the events for which its condition holds. They are counted under the rule's name, and their offsets are
    /// committed.
    Drop(Box<DropRule>),
    /// Filters the events for which its condition does not hold. With several, an event travels when one of them holds.
    Keep(Box<KeepRule>),
    /// Keeps only denied access to resources whose name begins with a prefix: what Confluent's published audit log
    /// monitor looks for, in every spelling of "denied".
    Monitor(Box<MonitorRule>),
    /// Puts events into the words of a data model, after everything else. At most once.
    Map(Box<MapStep>),
    /// Makes unreadable what must not leave, wherever it stands in the event. What cannot be redacted for certain does not
    /// leave: it becomes a dead letter.
    Redact(Box<Redact>),
    /// Adds what is known beside the event: fixed texts, rows of tables, what networks are called, parts of its resource
    /// name. Nothing that is there is changed.
    Enrich(Box<Enrich>),
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct DropRule {
    /// The rule's name, in metrics and on the status page; unique within the pipeline. By default that of the preset.
    pub(in crate::config) name: Option<String>,
    /// A condition in CEL over the canonical fields, the record's `topic`, and the event as it was read (`event`).
    pub(in crate::config) when: Option<Characters>,
    /// A ready condition, in place of `when`.
    pub(in crate::config) preset: Option<DropPreset>,
    /// The topics whose records the rule is meant for. By default all.
    #[schemars(length(min = 1))]
    pub(in crate::config) topics: Option<Vec<String>>,
    /// Keep one of so many of the events for which the condition holds, chosen by the event's identifier, so that a
    /// repeated event is decided in the same way. Only successful events are dropped then.
    #[schemars(range(min = 2))]
    pub(in crate::config) keep_one_in: Option<u32>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct KeepRule {
    /// The rule's name, in metrics and on the status page; unique within the pipeline. By default that of the preset.
    pub(in crate::config) name: Option<String>,
    /// A condition in CEL over the canonical fields, the record's `topic`, and the event as it was read (`event`).
    pub(in crate::config) when: Option<Characters>,
    /// A ready condition, in place of `when`.
    pub(in crate::config) preset: Option<KeepPreset>,
    /// The topics whose records the rule is meant for; those of others it does not touch. By default all.
    #[schemars(length(min = 1))]
    pub(in crate::config) topics: Option<Vec<String>>,
}

#[derive(Deserialize, JsonSchema, Default)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct MonitorRule {
    /// The rule's name, in metrics and on the status page; unique within the pipeline.
    #[schemars(extend("default" = "monitor"))]
    pub(in crate::config) name: Option<String>,
    /// What the names of sensitive resources begin with.
    #[schemars(extend("default" = "sensitive-"))]
    pub(in crate::config) prefix: Option<String>,
    /// The prefix may stand anywhere in the name, in upper or lower case.
    #[schemars(extend("default" = false))]
    pub(in crate::config) contains: Option<bool>,
    /// The operations of permissions that were checked and denied.
    #[schemars(extend("default" = ["Read", "Describe"]))]
    pub(in crate::config) operations: Option<Vec<String>>,
    /// The methods of requests that were denied.
    #[schemars(extend("default" = ["kafka.Fetch"]))]
    pub(in crate::config) methods: Option<Vec<String>>,
    /// The topics whose records the rule is meant for; those of others it does not touch. By default all.
    #[schemars(length(min = 1))]
    pub(in crate::config) topics: Option<Vec<String>>,
}
