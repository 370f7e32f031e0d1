//! The keys of a Splunk HEC sink that say what a record becomes.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use super::{Characters, TextOrList};

#[derive(Deserialize, JsonSchema, Default)]
pub(in crate::config) struct HecEvents {
    /// What a record's value is, and so which endpoint takes it.
    #[schemars(extend("default" = "event"))]
    pub(in crate::config) mode: Option<Mode>,
    /// With `mode: raw`: what follows every record. Splunk breaks the text into events by the `props.conf` of the sourcetype,
    /// by default at line breaks.
    #[schemars(extend("default" = "\n"))]
    pub(in crate::config) line_breaker: Option<Characters>,
    /// The index to write to. By default the token's.
    pub(in crate::config) index: Option<String>,
    /// The event's `source`. By default the token's.
    pub(in crate::config) source: Option<String>,
    /// The event's `sourcetype`. By default the token's.
    pub(in crate::config) sourcetype: Option<String>,
    /// The event's `host`. By default the token's.
    pub(in crate::config) host: Option<String>,
    /// Other values of these four for some topics. The first rule whose topic matches counts.
    #[schemars(length(min = 1))]
    pub(in crate::config) per_topic: Option<Vec<PerTopic>>,
    /// Values from headers of the Kafka record, by the header's name. They win over everything else. Of several headers of
    /// one name the last counts; one without a value, or that is not UTF-8 text, is left out. Those not text are counted in a
    /// metric.
    pub(in crate::config) record_headers: Option<RecordHeaders>,
    /// Indexed fields that every event gets: a name and a text or a list of texts.
    pub(in crate::config) fields: Option<BTreeMap<String, TextOrList>>,
    /// What is noted about the record in indexed fields of its event. An empty list turns it off: then nothing tells a
    /// repeated event from a new one.
    #[schemars(extend("default" = ["topic", "partition", "offset"]))]
    pub(in crate::config) tracking: Option<Vec<Tracking>>,
    /// Where the event's time comes from.
    #[schemars(extend("default" = "event"))]
    pub(in crate::config) time: Option<Time>,
    /// Whether Splunk looks for a timestamp in the event's text (query parameter `auto_extract_timestamp`). It does so only
    /// where the envelope has no time: with `time: none`, and with `mode: raw` anyway. By default the parameter is not sent.
    pub(in crate::config) auto_extract_timestamp: Option<bool>,
}

#[derive(Deserialize, JsonSchema, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub(in crate::config) enum Mode {
    /// The value is the event: JSON goes unchanged into an envelope made here, other text as a string.
    Event,
    /// The value goes to the raw endpoint byte by byte, without fields, tracking and time.
    Raw,
    /// The value is a HEC envelope already.
    Preformatted,
}

#[derive(Deserialize, JsonSchema, Default)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct PerTopic {
    /// The topic's name. Exactly one of `topic` and `topic_pattern` is needed.
    pub(in crate::config) topic: Option<String>,
    /// A regular expression that matches the topic's name from its beginning.
    pub(in crate::config) topic_pattern: Option<String>,
    /// The index for these topics.
    pub(in crate::config) index: Option<String>,
    /// The `source` for these topics.
    pub(in crate::config) source: Option<String>,
    /// The `sourcetype` for these topics.
    pub(in crate::config) sourcetype: Option<String>,
    /// The `host` for these topics.
    pub(in crate::config) host: Option<String>,
}

#[derive(Deserialize, JsonSchema, Default)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct RecordHeaders {
    /// Name of the header that holds the index.
    pub(in crate::config) index: Option<String>,
    /// Name of the header that holds the `source`.
    pub(in crate::config) source: Option<String>,
    /// Name of the header that holds the `sourcetype`.
    pub(in crate::config) sourcetype: Option<String>,
    /// Name of the header that holds the `host`.
    pub(in crate::config) host: Option<String>,
    /// Names of headers that become indexed fields of the same name.
    #[schemars(length(min = 1))]
    pub(in crate::config) fields: Option<Vec<String>>,
}

#[derive(Deserialize, JsonSchema, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub(in crate::config) enum Tracking {
    /// As `kafka_topic`.
    Topic,
    /// As `kafka_partition`.
    Partition,
    /// As `kafka_offset`.
    Offset,
    /// As `kafka_timestamp`, in milliseconds since 1970.
    Timestamp,
    /// As `kafka_record_key`, if the key is text.
    Key,
    /// The name of this machine, as `kafka_connect_host`.
    Host,
    /// The channel of the request, as `hec-channel`; only with `delivery: accepted`.
    Channel,
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(in crate::config) enum Time {
    /// The `time` attribute of the CloudEvent, or else the record's timestamp.
    Event,
    /// The record's timestamp.
    Record,
    /// No time: Splunk takes that of arrival, or looks for one (`auto_extract_timestamp`).
    None,
    /// The time that a pattern finds in the first 16 KiB of the record's value, or else the record's timestamp.
    Extract(Box<Extract>),
}

#[derive(Deserialize, JsonSchema, Default)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct Extract {
    /// A regular expression with a group named `time`: `(?<time>...)`. Its running time is proportional to the text, so it
    /// needs no time limit; look-around and back-references do not exist.
    #[schemars(required)]
    pub(in crate::config) pattern: Option<String>,
    /// `epoch` (seconds, milliseconds, microseconds or nanoseconds since 1970, told apart by the number of digits), or a
    /// date pattern in the letters of Java's SimpleDateFormat.
    #[schemars(required)]
    pub(in crate::config) format: Option<String>,
    /// The time zone of dates that carry none: `Europe/Berlin`, `+01:00`. By default UTC.
    pub(in crate::config) zone: Option<String>,
}
