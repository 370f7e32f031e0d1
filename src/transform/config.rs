//! What the configuration asks of the chain.

use std::num::NonZeroU32;

use crate::position::TopicName;

use super::condition::Condition;
pub use super::enrich::config::Enrichment;
use super::map::config::MapConfig;
pub use super::redact::config::{PatternConfig, RedactConfig, StepConfig};

/// By kind, each in the order of the configuration; none by default.
#[derive(Clone, Debug, Default)]
pub struct ChainConfig {
    pub filters: Vec<FilterConfig>,
    pub enrichment: Enrichment,
    pub redact: RedactConfig,
    pub map: Option<MapConfig>,
}

/// A rule that filters events.
#[derive(Clone, Debug)]
pub struct FilterConfig {
    /// For metrics and reports; unique within the pipeline.
    pub name: String,
    pub action: Action,
    /// The topics that it is meant for; empty for all.
    pub topics: Vec<TopicName>,
    pub when: Condition,
}

/// What a filter does with an event for which its condition holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Action {
    /// Filters it; with `keep_one_in` only when it was successful, and keeps one of so many.
    Drop { keep_one_in: Option<NonZeroU32> },
    /// Keeps it; what no such rule keeps is filtered.
    Keep,
}
