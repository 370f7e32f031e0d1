//! What a webhook sink is told to do, after every check has been passed.
//!
//! The values here are valid by construction: `config` is the only producer. Nothing here opens a connection.

use schemars::JsonSchema;
use serde::Deserialize;

use super::template::Template;
use crate::secret::SecretSource;
use crate::tls::Reach;
use crate::tls::config::{TlsConfig, Transport};

#[derive(Clone, Debug)]
pub struct WebhookConfig {
    /// `http(s)://host[:port]/path[?query]`, without a login and a fragment. A secret, because with many services whoever knows
    /// it may post.
    pub url: SecretSource,
    pub format: Format,
    pub login: Login,
    /// Sent with every request; no name twice, here and in `secret_headers` together, and none that is set here otherwise.
    pub headers: Vec<(String, String)>,
    pub secret_headers: Vec<(String, SecretSource)>,
    /// `None`: requests are not signed.
    pub signature: Option<SignatureConfig>,
    pub identity: Identity,
    /// Whether bodies are compressed. That is done here and not in the lane: an array gets its brackets before.
    pub gzip: bool,
    pub transport: Transport,
    pub reach: Reach,
    pub tls: TlsConfig,
}

/// What a request holds.
#[derive(Clone, Debug)]
pub enum Format {
    /// One event as JSON.
    Json,
    /// A batch as a JSON array.
    JsonArray,
    /// A batch, one event a line.
    Ndjson,
    /// One event in the JSON format of CloudEvents.
    CloudEventsStructured,
    /// A batch in the JSON batch format of CloudEvents.
    CloudEventsBatched,
    /// One event, its attributes as headers and its data as the body.
    CloudEventsBinary,
    /// A message for a Slack channel about one event.
    Slack,
    /// An Adaptive Card about one event, for a workflow of Microsoft Teams.
    Teams,
    /// An alert event of PagerDuty about one event.
    PagerDuty(PagerDutyConfig),
    /// A body of the user's about one event.
    Template(Template),
}

impl Format {
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::JsonArray => "json_array",
            Self::Ndjson => "ndjson",
            Self::CloudEventsStructured => "cloudevents_structured",
            Self::CloudEventsBatched => "cloudevents_batched",
            Self::CloudEventsBinary => "cloudevents_binary",
            Self::Slack => "slack",
            Self::Teams => "teams",
            Self::PagerDuty(_) => "pagerduty",
            Self::Template(_) => "template",
        }
    }

    /// Whether a request may hold several events.
    pub const fn is_batch(&self) -> bool {
        match self {
            Self::JsonArray | Self::Ndjson | Self::CloudEventsBatched => true,
            Self::Json
            | Self::CloudEventsStructured
            | Self::CloudEventsBinary
            | Self::Slack
            | Self::Teams
            | Self::PagerDuty(_)
            | Self::Template(_) => false,
        }
    }

    /// Whether it is a message for people, of a service with its own rules.
    pub const fn is_message(&self) -> bool {
        match self {
            Self::Slack | Self::Teams | Self::PagerDuty(_) => true,
            Self::Json
            | Self::JsonArray
            | Self::Ndjson
            | Self::CloudEventsStructured
            | Self::CloudEventsBatched
            | Self::CloudEventsBinary
            | Self::Template(_) => false,
        }
    }
}

#[derive(Clone, Debug)]
pub struct PagerDutyConfig {
    /// The integration key.
    pub routing_key: SecretSource,
    /// `None`: by what the event says.
    pub severity: Option<Severity>,
}

/// PagerDuty's words for how bad something is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    Critical,
    Error,
    Warning,
    Info,
}

impl Severity {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Critical => "critical",
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Info => "info",
        }
    }
}

/// How the sink says who it is.
#[derive(Clone, Debug)]
pub enum Login {
    None,
    Bearer(SecretSource),
    Basic { username: String, password: SecretSource },
}

/// Keys of the signature; with two, requests carry the signature of each.
#[derive(Clone, Debug)]
pub struct SignatureConfig {
    pub key: SecretSource,
    pub previous_key: Option<SecretSource>,
}

/// By what a receiver knows an event that comes twice.
#[derive(Clone, Debug)]
pub struct Identity {
    /// The header that carries it; `None`: none does.
    pub header: Option<String>,
    pub key: IdentityKey,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum IdentityKey {
    /// Topic, partition and offset: one for each record.
    #[default]
    Position,
    /// The event's own `id`, and the position of an event that has none.
    EventId,
}
