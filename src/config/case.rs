//! Tests of the chain that stand in the configuration.

use std::path::PathBuf;

use crate::position::TopicName;

/// Events, and what has to become of each of them.
#[derive(Clone, Debug)]
pub struct TestCase {
    pub name: String,
    /// The name of a pipeline that exists.
    pub pipeline: String,
    pub topic: TopicName,
    pub events: TestEvents,
    pub expect: Expectation,
}

#[derive(Clone, Debug)]
pub enum TestEvents {
    Inline(Vec<String>),
    /// One event a line.
    File(PathBuf),
}

#[derive(Clone, Debug)]
pub enum Expectation {
    Delivered(Content),
    /// By the rule of this name, when one is given.
    Filtered {
        rule: Option<String>,
    },
    DeadLettered,
}

/// What a delivered event has to look like. Paths are names with dots between them.
#[derive(Clone, Debug, Default)]
pub struct Content {
    pub present: Vec<String>,
    pub absent: Vec<String>,
    /// Path, and the value as it is written in the configuration.
    pub equal: Vec<(String, String)>,
    pub nowhere: Vec<String>,
    /// Name and value of what stands beside the event.
    pub fields: Vec<(String, String)>,
}
