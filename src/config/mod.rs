//! The configuration: what the file and the environment say, checked once, as values that need no further check.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use crate::position::TopicName;
use crate::sink::splunk_hec::config::HecConfig;
use crate::source::kafka::config::{ClientConfig, KafkaConfig};
use crate::units::ByteSize;

#[derive(Clone, Debug)]
pub struct Config {
    /// At least one; names are unique.
    pub pipelines: Vec<PipelineConfig>,
    pub admin: AdminConfig,
}

/// The server of probes, metrics and the status page.
#[derive(Clone, Debug)]
pub enum AdminConfig {
    Disabled,
    Enabled { listen: SocketAddr },
}

#[derive(Clone, Debug)]
pub struct PipelineConfig {
    pub name: String,
    pub source: SourceConfig,
    /// The Kafka consumer group whose committed offsets are this pipeline's progress.
    pub group_id: String,
    pub sink: SinkConfig,
    pub dead_letter: DeadLetterConfig,
    pub batch: BatchConfig,
    /// What the pipeline holds in memory at most; at least `batch.max_bytes`.
    pub in_flight_bytes: ByteSize,
    /// Requests under way at most; with 1 the order of each partition is kept at the sink.
    pub max_in_flight: usize,
    /// Shorter than the source's session timeout.
    pub drain_deadline: Duration,
}

/// A batch is due at whichever limit is reached first.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct BatchConfig {
    pub max_events: usize,
    pub max_bytes: ByteSize,
    pub max_age: Duration,
}

#[derive(Clone, Debug)]
pub enum SourceConfig {
    Kafka(KafkaConfig),
}

#[derive(Clone, Debug)]
pub enum SinkConfig {
    SplunkHec(HecConfig),
}

/// Where events go that the sink will never take. Without a store such an event holds its pipeline.
#[derive(Clone, Debug)]
pub enum DeadLetterConfig {
    Disabled,
    Directory { path: PathBuf },
    Topic { name: TopicName, kafka: ClientConfig },
}
