//! What the configuration asks of the chain.

pub use super::redact::config::{PatternConfig, RedactConfig, StepConfig};

/// By kind, each in the order of the configuration; none by default.
#[derive(Clone, Debug, Default)]
pub struct ChainConfig {
    pub filters: Vec<FilterConfig>,
    pub redact: RedactConfig,
}

/// A rule that drops events.
#[derive(Clone, Debug)]
pub struct FilterConfig {
    /// For metrics and reports; unique within the pipeline.
    pub name: String,
    pub when: String,
}
