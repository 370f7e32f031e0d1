//! What a Kafka source and a Kafka connection are told to do, after every check has been passed.
//!
//! The values here are valid by construction: `config` is the only producer. Nothing here opens a connection.

use std::path::PathBuf;
use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::position::TopicName;
use crate::secret::Secret;
use crate::tls::config::TrustStore;

#[derive(Clone, Debug)]
pub struct KafkaConfig {
    pub client: ClientConfig,
    pub topics: Topics,
    pub group_protocol: GroupProtocol,
    /// `group.instance.id`: a name that survives restarts, so that a restart does not rebalance the group.
    pub group_instance_id: Option<String>,
    /// `session.timeout.ms`. Not to be passed on with [`GroupProtocol::Consumer`]: there the broker decides.
    pub session_timeout: Duration,
    pub start_at: StartAt,
    /// How long the topic keeps a record; the hours left before unread records expire are reckoned from it.
    pub retention: Duration,
    /// The topic is a copy made by Cluster Linking; its cluster is then not taken for the read-only audit cluster.
    pub mirror: bool,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Topics {
    /// At least one, none twice.
    Names(Vec<TopicName>),
    /// A valid regular expression that begins with `^`, which is how librdkafka tells a pattern from a name.
    Pattern(String),
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum GroupProtocol {
    /// The classic protocol with cooperative-sticky assignment.
    Classic,
    /// The protocol of KIP-848 (brokers 4.0 and later, Confluent Cloud).
    Consumer,
}

/// Where a group starts that has no committed offset.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum StartAt {
    Earliest,
    Latest,
}

/// How to reach and log in to one Kafka cluster.
#[derive(Clone, Debug)]
pub struct ClientConfig {
    /// Comma-separated `host:port` list, no spaces.
    pub bootstrap_servers: String,
    pub security: Security,
    /// Present exactly when `security` is one of the two `Sasl` variants.
    pub sasl: Option<Sasl>,
    pub tls: ClientTls,
    /// librdkafka properties passed through as written; those that would break the guarantee are not among them.
    pub properties: Vec<(String, String)>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Security {
    Plaintext,
    Ssl,
    SaslPlaintext,
    SaslSsl,
}

impl Security {
    /// The value of librdkafka's `security.protocol`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Plaintext => "plaintext",
            Self::Ssl => "ssl",
            Self::SaslPlaintext => "sasl_plaintext",
            Self::SaslSsl => "sasl_ssl",
        }
    }

    pub const fn has_sasl(self) -> bool {
        match self {
            Self::SaslPlaintext | Self::SaslSsl => true,
            Self::Plaintext | Self::Ssl => false,
        }
    }

    pub const fn has_tls(self) -> bool {
        match self {
            Self::Ssl | Self::SaslSsl => true,
            Self::Plaintext | Self::SaslPlaintext => false,
        }
    }
}

#[derive(Clone, Debug)]
pub struct Sasl {
    pub mechanism: SaslMechanism,
    pub username: String,
    pub password: Secret,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize, JsonSchema)]
pub enum SaslMechanism {
    #[serde(rename = "PLAIN")]
    Plain,
    #[serde(rename = "SCRAM-SHA-256")]
    ScramSha256,
    #[serde(rename = "SCRAM-SHA-512")]
    ScramSha512,
}

impl SaslMechanism {
    /// The value of librdkafka's `sasl.mechanism`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Plain => "PLAIN",
            Self::ScramSha256 => "SCRAM-SHA-256",
            Self::ScramSha512 => "SCRAM-SHA-512",
        }
    }
}

/// TLS towards the brokers. librdkafka reads certificate and key itself; it cannot read every trust store.
#[derive(Clone, Default, Debug)]
pub struct ClientTls {
    /// The authorities to trust; `None` trusts those of the system.
    pub trust_store: Option<TrustStore>,
    /// PEM file with the client certificate and its chain; present exactly when `key_file` is.
    pub certificate_file: Option<PathBuf>,
    pub key_file: Option<PathBuf>,
    pub key_password: Option<Secret>,
    /// Any certificate of anybody is taken: `insecure_skip_verify`.
    pub skip_verify: bool,
}
