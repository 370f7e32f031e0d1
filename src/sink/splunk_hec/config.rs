//! What a Splunk HEC sink is told to do, after every check has been passed.
//!
//! The values here are valid by construction: `config` is the only producer. Nothing here opens a connection.

use std::time::Duration;

use regex::Regex;

use super::extract::Extraction;
use crate::delivery::attempt::Coding;
use crate::position::TopicName;
use crate::secret::SecretSource;
use crate::sink::DeliveryLevel;
use crate::tls::config::{TlsConfig, Transport};

#[derive(Clone, Debug)]
pub struct HecConfig {
    /// At least one `http(s)://host:port`: the port always written, no path, no credentials, none twice.
    pub endpoints: Vec<String>,
    pub delivery: DeliveryLevel,
    /// Read again when it comes from a file that changes.
    pub token: SecretSource,
    pub events: EventConfig,
    pub compression: Coding,
    pub transport: Transport,
    /// After this long without a true acknowledgement the events are sent again.
    pub ack_timeout: Duration,
    pub ack_poll_interval: Duration,
    pub tls: TlsConfig,
}

/// What a record becomes, whatever endpoint it goes to.
#[derive(Clone, Debug)]
pub struct EventConfig {
    pub mode: Mode,
    /// What is `None` is left to the defaults of the token.
    pub metadata: Metadata,
    /// The first rule whose topics match overrides `metadata`, member by member.
    pub per_topic: Vec<TopicRule>,
    pub record_headers: RecordHeaders,
    /// Indexed fields that every event gets. No name twice, here, in `tracking` and in `record_headers` together.
    pub fields: Vec<(String, FieldValue)>,
    /// None twice.
    pub tracking: Vec<Tracked>,
    pub time: TimeSource,
    /// `None` leaves it to Splunk.
    pub auto_extract_timestamp: Option<bool>,
}

impl Default for EventConfig {
    fn default() -> Self {
        Self {
            mode: Mode::Event,
            metadata: Metadata::default(),
            per_topic: Vec::new(),
            record_headers: RecordHeaders::default(),
            fields: Vec::new(),
            tracking: vec![Tracked::Topic, Tracked::Partition, Tracked::Offset],
            time: TimeSource::Event,
            auto_extract_timestamp: None,
        }
    }
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Mode {
    /// The record's value is the event; its envelope is made here.
    Event,
    /// The record's value goes to the raw endpoint, followed by the line breaker.
    Raw { line_breaker: String },
    /// The record's value is an envelope already.
    Preformatted,
}

/// An event's metadata, as far as it is given.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Metadata {
    pub host: Option<String>,
    pub source: Option<String>,
    pub sourcetype: Option<String>,
    pub index: Option<String>,
}

#[derive(Clone, Debug)]
pub struct TopicRule {
    pub topics: TopicMatch,
    pub metadata: Metadata,
}

#[derive(Clone, Debug)]
pub enum TopicMatch {
    Name(TopicName),
    /// Matches from the beginning of the name.
    Pattern(Regex),
}

impl TopicMatch {
    pub(super) fn covers(&self, topic: &str) -> bool {
        match self {
            Self::Name(name) => name.as_str() == topic,
            Self::Pattern(pattern) => pattern.is_match(topic),
        }
    }
}

/// Names of the record headers that say something about the event.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct RecordHeaders {
    pub host: Option<String>,
    pub source: Option<String>,
    pub sourcetype: Option<String>,
    pub index: Option<String>,
    /// Each becomes an indexed field of its own name.
    pub fields: Vec<String>,
}

impl RecordHeaders {
    /// Whether records have to be read with their headers.
    pub fn are_wanted(&self) -> bool {
        let Self { host, source, sourcetype, index, fields } = self;
        !fields.is_empty() || [host, source, sourcetype, index].iter().any(|name| name.is_some())
    }
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub enum FieldValue {
    Text(String),
    List(Vec<String>),
}

/// What is noted about the record in an indexed field of its event.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Tracked {
    Topic,
    Partition,
    Offset,
    Timestamp,
    Key,
    /// The name of this machine.
    Host(String),
    /// The channel of the requests; only at level `accepted`, where all requests of the sink have the same.
    Channel,
}

impl Tracked {
    /// The field's name, which is the Kafka connector's.
    pub const fn field(&self) -> &'static str {
        match self {
            Self::Topic => "kafka_topic",
            Self::Partition => "kafka_partition",
            Self::Offset => "kafka_offset",
            Self::Timestamp => "kafka_timestamp",
            Self::Key => "kafka_record_key",
            Self::Host(_) => "kafka_connect_host",
            Self::Channel => "hec-channel",
        }
    }
}

/// Where an event's time comes from.
#[derive(Clone, Debug)]
pub enum TimeSource {
    /// The CloudEvent's attribute, else the record's timestamp.
    Event,
    Record,
    None,
    /// A pattern finds it in the payload, else the record's timestamp.
    Extract(Box<Extraction>),
}
