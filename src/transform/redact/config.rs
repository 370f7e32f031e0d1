//! What redaction is told to do, after every check has been passed.
//!
//! The values here are valid by construction: `config` is the only producer.

use regex::Regex;

use super::class::Class;
use super::path::Path;
use super::treatment::Treatment;

/// Redaction as a whole.
#[derive(Clone, Debug, Default)]
pub struct RedactConfig {
    /// In the order of the configuration: where two want the same part of an event, the first has it. Nothing is redacted when
    /// there are none.
    pub steps: Vec<StepConfig>,
    /// Whether the record's key goes on to the sink.
    pub keep_key: bool,
    /// Names of the record's headers that go on to the sink.
    pub keep_headers: Vec<String>,
}

/// What is made unreadable in one way.
#[derive(Clone, Debug)]
pub struct StepConfig {
    /// No class is in two steps.
    pub classes: Vec<Class>,
    /// With [`Class::Payload`]: members whose values stay.
    pub keep_members: Vec<String>,
    pub paths: Vec<Path>,
    pub patterns: Vec<PatternConfig>,
    pub treatment: Treatment,
}

/// Parts of texts that match.
#[derive(Clone, Debug)]
pub struct PatternConfig {
    pub classes: Vec<Class>,
    pub paths: Vec<Path>,
    pub pattern: Regex,
}

impl RedactConfig {
    pub fn is_enabled(&self) -> bool {
        !self.steps.is_empty()
    }
}
