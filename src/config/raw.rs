//! Exactly what the file may say: every key, its type and its documentation. Nothing here is checked or defaulted.
//!
//! - The doc comments of the fields are the user documentation: they become the descriptions of the JSON Schema.
//! - Every field is an `Option`, also the required ones (marked for the schema): what is missing or malformed is
//!   reported by `check`, and `resolve` still sees the rest, so that one run reports everything.
//! - A secret `x` always has a sibling `x_file`.

mod archive;
mod cases;
mod hec_events;
mod tls;
mod transforms;
mod values;
mod webhook;

use std::collections::BTreeMap;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::defaults;
use crate::source::kafka::config::{GroupProtocol, SaslMechanism, Security, StartAt};
use crate::units;

pub(super) use archive::{Archive, ObjectEncryption, Rotate, Sign};
pub(super) use cases::*;
pub(super) use hec_events::*;
pub(super) use tls::{HecTls, KafkaTls};
pub(super) use transforms::*;
pub(super) use values::*;
pub(super) use webhook::{Format as WebhookFormat, Idempotency, PagerDuty, Signature, TemplateBody, Webhook};

/// Configuration of auditferry.
///
/// Values may hold `${VAR}`, `${VAR:-default}` (environment variables), `${file:/path}` (a file's content without its
/// last line break) and `$$` (one dollar sign). An environment variable AUDITFERRY_ followed by a key's path in upper
/// case, levels separated by two underscores, overrides the file; its value is taken as it is.
#[derive(Deserialize, JsonSchema, Default)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    /// Where records come from, by a name of your choice. Several pipelines may read the same source.
    #[schemars(required)]
    pub(super) sources: Option<BTreeMap<String, Source>>,
    /// What is carried where, by a name of your choice. Pipelines are isolated from each other: each has its own
    /// consumer group, memory budget and state.
    #[schemars(required)]
    pub(super) pipelines: Option<BTreeMap<String, Pipeline>>,
    /// The HTTP server of probes, metrics and the status page.
    pub(super) admin: Option<Admin>,
    /// Tests of the pipelines' `transforms`, for `auditferry test`: events, and what has to become of them.
    pub(super) tests: Option<Vec<TestCase>>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Source {
    /// A Kafka topic: the audit cluster itself, a mirror of its topic, or any other.
    Kafka(Box<Kafka>),
}

#[derive(Deserialize, JsonSchema)]
pub(super) struct Kafka {
    #[serde(flatten)]
    pub(super) client: KafkaClient,
    /// The topics to read. Exactly one of `topics` and `topic_pattern` is needed.
    #[schemars(length(min = 1))]
    pub(super) topics: Option<Vec<String>>,
    /// A regular expression; every topic whose name matches from its beginning is read, also one created later.
    pub(super) topic_pattern: Option<String>,
    /// How the members of a consumer group share the partitions: `classic` with cooperative-sticky assignment, or
    /// `consumer` (KIP-848), which only Confluent Cloud and Apache Kafka 4.0 or later understand.
    #[schemars(extend("default" = "classic"))]
    pub(super) group_protocol: Option<GroupProtocol>,
    /// Static membership (`group.instance.id`): a name that is unique in the group and survives restarts, for example
    /// the name of a StatefulSet's pod. A restart within the session timeout then moves no partition.
    pub(super) group_instance_id: Option<String>,
    /// After this long without a heartbeat the group gives up a member. Only with `group_protocol: classic`; with
    /// `consumer` the broker decides.
    #[schemars(extend("default" = units::show_duration(defaults::SESSION_TIMEOUT)))]
    pub(super) session_timeout: Option<Span>,
    /// Where a consumer group starts that has no committed offset. `earliest`: an audit trail has a beginning.
    #[schemars(extend("default" = "earliest"))]
    pub(super) start_at: Option<StartAt>,
    /// How long the topic keeps its records. The metric of the hours left before unread events expire is reckoned
    /// from it.
    #[schemars(extend("default" = units::show_duration(defaults::RETENTION)))]
    pub(super) retention: Option<Span>,
    /// True when the topic is a copy made by Cluster Linking, on a cluster of your own. Without it a source of
    /// `confluent-audit-log-events` counts as the audit cluster, which nobody can write to.
    #[schemars(extend("default" = false))]
    pub(super) mirror: Option<bool>,
}

/// How to reach a Kafka cluster and log in to it.
#[derive(Deserialize, JsonSchema, Default)]
pub(super) struct KafkaClient {
    /// Brokers to start from: `host:port`, several separated by commas.
    #[schemars(required)]
    pub(super) bootstrap_servers: Option<String>,
    /// `plaintext`, `ssl`, `sasl_plaintext` or `sasl_ssl`. By default `sasl_ssl` when credentials are given, else
    /// `plaintext`.
    pub(super) security: Option<Security>,
    /// A Confluent Cloud API key: short for `sasl` with mechanism PLAIN.
    pub(super) api_key: Option<String>,
    /// The secret of `api_key`: only as `${VAR}` or `${file:/path}`.
    pub(super) api_secret: Option<SecretText>,
    /// A file that holds the secret of `api_key`.
    pub(super) api_secret_file: Option<PathBuf>,
    /// Login by user name and password.
    pub(super) sasl: Option<SaslLogin>,
    /// Certificates for `ssl` and `sasl_ssl`.
    pub(super) tls: Option<KafkaTls>,
    /// Further properties of the Kafka client (librdkafka), passed on as they are. Those that would break the delivery
    /// guarantee, and those that have a key of their own here, are refused.
    pub(super) properties: Option<BTreeMap<String, PropertyValue>>,
}

#[derive(Deserialize, JsonSchema, Default)]
pub(super) struct SaslLogin {
    /// `PLAIN`, `SCRAM-SHA-256` or `SCRAM-SHA-512`.
    #[schemars(required)]
    pub(super) mechanism: Option<SaslMechanism>,
    /// The user name.
    #[schemars(required)]
    pub(super) username: Option<String>,
    /// The password: only as `${VAR}` or `${file:/path}`.
    pub(super) password: Option<SecretText>,
    /// A file that holds the password.
    pub(super) password_file: Option<PathBuf>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Pipeline {
    /// The name of the source to read.
    #[schemars(required)]
    pub(super) source: Option<String>,
    /// The Kafka consumer group whose committed offsets are this pipeline's progress. By default `auditferry-`
    /// followed by the pipeline's name. Give the group of a connector to go on where it stopped.
    pub(super) group_id: Option<String>,
    /// What happens to events on the way: which are dropped, and what is changed. Without it every event is forwarded as
    /// it is.
    pub(super) transforms: Option<Vec<Option<Transform>>>,
    /// Where events are delivered.
    #[schemars(required)]
    pub(super) sink: Option<Sink>,
    /// Where events are kept that the sink will never take. Without it such an event holds the pipeline until a human
    /// has acted; nothing is ever dropped.
    pub(super) dead_letter: Option<DeadLetter>,
    /// When a batch is sent: at whichever limit is reached first.
    pub(super) batch: Option<Batch>,
    /// What the pipeline holds in memory at most. Reading pauses at this bound. With `delivery: indexed` events are held until
    /// they are acknowledged: their rate is this, divided by the time that takes and by what an event weighs (with `gzip`
    /// some 220 bytes, without as much as itself).
    #[schemars(extend("default" = defaults::IN_FLIGHT_BYTES.to_string()))]
    pub(super) in_flight_bytes: Option<Size>,
    /// How many requests are under way at most. With 1 the order of each partition is kept at the sink.
    #[schemars(range(min = 1, max = defaults::MAX_IN_FLIGHT_LIMIT), extend("default" = defaults::MAX_IN_FLIGHT))]
    pub(super) max_in_flight: Option<u32>,
    /// How long to wait for what is in flight when partitions are taken away or the process is told to stop. Must be
    /// shorter than the source's `session_timeout` and than the grace period of the container platform.
    #[schemars(extend("default" = units::show_duration(defaults::DRAIN_DEADLINE)))]
    pub(super) drain_deadline: Option<Span>,
}

#[derive(Deserialize, JsonSchema, Default)]
#[serde(deny_unknown_fields)]
pub(super) struct Batch {
    /// Most events in one request.
    #[schemars(range(min = 1, max = defaults::BATCH_MAX_EVENTS_LIMIT), extend("default" = defaults::BATCH_MAX_EVENTS))]
    pub(super) max_events: Option<u32>,
    /// Most bytes in one request, before compression. A larger single event travels alone.
    #[schemars(extend("default" = defaults::BATCH_MAX_BYTES.to_string()))]
    pub(super) max_bytes: Option<Size>,
    /// How long after the previous request an event may wait for more to come.
    #[schemars(extend("default" = units::show_duration(defaults::BATCH_MAX_AGE)))]
    pub(super) max_age: Option<Span>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Sink {
    /// Splunk's HTTP Event Collector.
    SplunkHec(Box<Hec>),
    /// A sealed archive: every record once, unchanged, in a signed chain that shows whether one is missing.
    Archive(Box<Archive>),
    /// A URL that takes events, or messages about them: a receiver of your own, CloudEvents, Slack, Microsoft Teams, PagerDuty.
    Webhook(Box<Webhook>),
}

#[derive(Deserialize, JsonSchema)]
pub(super) struct Hec {
    /// `https://host:port` of each collector, without a path. Batches are spread over all of them; one that fails or does
    /// not answer does not hold up the others. With several, each is asked at `/services/collector/health` before it gets
    /// a batch, at the start and after a failure.
    #[schemars(required, length(min = 1))]
    pub(super) endpoints: Option<Vec<String>>,
    /// What counts as delivered, and has to be stated: `accepted` (Splunk answered that it took the events) or `indexed`
    /// (its indexers confirmed them; the token needs indexer acknowledgement, a feature of Splunk Enterprise).
    #[schemars(required)]
    pub(super) delivery: Option<Delivery>,
    /// The HEC token: only as `${VAR}` or `${file:/path}`. Exactly one of `token` and `token_file` is needed. A file is
    /// read again when it changes; the previous token is still used wherever Splunk does not know the new one yet.
    pub(super) token: Option<SecretText>,
    /// A file that holds the HEC token.
    pub(super) token_file: Option<PathBuf>,
    #[serde(flatten)]
    pub(super) events: HecEvents,
    /// Compression of the requests: `none` or `gzip`.
    #[schemars(extend("default" = "none"))]
    pub(super) compression: Option<Compression>,
    /// Time limit for connecting, the TLS handshake included.
    #[schemars(extend("default" = units::show_duration(defaults::CONNECT_TIMEOUT)))]
    pub(super) connect_timeout: Option<Span>,
    /// Time limit from sending a request to the end of its answer.
    #[schemars(extend("default" = units::show_duration(defaults::REQUEST_TIMEOUT)))]
    pub(super) request_timeout: Option<Span>,
    /// With `delivery: indexed`: events whose acknowledgement has not come after this long are sent again.
    #[schemars(extend("default" = units::show_duration(defaults::ACK_TIMEOUT)))]
    pub(super) ack_timeout: Option<Span>,
    /// With `delivery: indexed`: how often acknowledgements are asked for.
    #[schemars(extend("default" = units::show_duration(defaults::ACK_POLL_INTERVAL)))]
    pub(super) ack_poll_interval: Option<Span>,
    /// Whether connections are kept open for further requests. Without it each request pays for a handshake.
    #[schemars(extend("default" = true))]
    pub(super) keep_alive: Option<bool>,
    /// An HTTP proxy between here and all endpoints. Proxies named in the environment are not used.
    pub(super) proxy: Option<Proxy>,
    /// Whom to trust on `https` endpoints, and how to prove who we are.
    pub(super) tls: Option<HecTls>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Proxy {
    /// `http://host:port`, or `https://` for a proxy that is itself reached over TLS. Endpoints with `https` are reached through it
    /// with `CONNECT`: it sees where to, and nothing of the requests.
    #[schemars(required)]
    pub(super) url: Option<String>,
    /// For a proxy that asks for a login (basic authentication).
    pub(super) username: Option<String>,
    /// The password of the proxy's login: only as `${VAR}` or `${file:/path}`.
    pub(super) password: Option<SecretText>,
    /// A file that holds the password of the proxy's login.
    pub(super) password_file: Option<PathBuf>,
}

#[derive(Deserialize, JsonSchema, Default)]
#[serde(deny_unknown_fields)]
pub(super) struct DeadLetter {
    /// A directory on a disk that survives a restart. Exactly one of `directory` and `topic` is needed.
    pub(super) directory: Option<PathBuf>,
    /// A Kafka topic, on any cluster that can be written to (so not the audit cluster).
    pub(super) topic: Option<Box<DeadLetterTopic>>,
    /// What is kept of an event that could not be redacted for certain.
    #[schemars(extend("default" = "keep"))]
    pub(super) unclear: Option<Unclear>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Unclear {
    /// Everything, as it was read: who may read the store may read it.
    Keep,
    /// Its position and the reason. The record itself can be read again from Kafka until it expires there.
    Withhold,
    /// Everything, encrypted for whoever has the private key.
    Encrypt(Box<Encryption>),
}

#[derive(Deserialize, JsonSchema, Default)]
#[serde(deny_unknown_fields)]
pub(super) struct Encryption {
    /// The public key, as `auditferry deadletter keygen` prints it. The private key is needed to look at such letters and to
    /// send them again, and nowhere else.
    #[schemars(required)]
    pub(super) public_key: Option<String>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct DeadLetterTopic {
    /// The topic's name. It has to exist.
    #[schemars(required)]
    pub(super) name: Option<String>,
    /// The cluster of the dead-letter topic.
    #[schemars(required)]
    pub(super) kafka: Option<KafkaClient>,
}

#[derive(Deserialize, JsonSchema, Default)]
#[serde(deny_unknown_fields)]
pub(super) struct Admin {
    /// False turns the server off.
    #[schemars(extend("default" = true))]
    pub(super) enabled: Option<bool>,
    /// Address and port to listen on. There is no login: open it to the network only where the network is trusted.
    #[schemars(extend("default" = defaults::ADMIN_LISTEN))]
    pub(super) listen: Option<String>,
}

#[derive(Deserialize, JsonSchema, Clone, Copy)]
#[serde(rename_all = "snake_case")]
pub(super) enum Delivery {
    Accepted,
    Indexed,
}

#[derive(Deserialize, JsonSchema, Clone, Copy)]
#[serde(rename_all = "snake_case")]
pub(super) enum Compression {
    None,
    Gzip,
}
