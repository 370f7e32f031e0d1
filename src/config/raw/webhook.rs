//! The keys of a webhook sink.

use std::collections::BTreeMap;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::Deserialize;

use super::{AddressText, Characters, Compression, HecTls, Proxy, SecretText, Span};
use crate::defaults;
use crate::sink::webhook::config::{IdentityKey, Severity};
use crate::sink::webhook::template::Escape;
use crate::units;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct Webhook {
    /// Where requests go: `https://host/path`. With many services, Slack and Teams among them, whoever knows it may post; then
    /// only as `${VAR}` or `${file:/path}`. Exactly one of `url` and `url_file` is needed, except with `format: pagerduty`, where
    /// PagerDuty's own address is the default. A file is read again when it changes.
    pub(in crate::config) url: Option<AddressText>,
    /// A file that holds the URL.
    pub(in crate::config) url_file: Option<PathBuf>,
    /// What a request holds: one event (`json`), a batch as an array (`json_array`) or one event a line (`ndjson`), CloudEvents, a
    /// message for people (`slack`, `teams`, `pagerduty`), or a body of your own (`template`).
    #[schemars(required)]
    pub(in crate::config) format: Option<Format>,
    /// With `format: template`: the body.
    pub(in crate::config) template: Option<TemplateBody>,
    /// With `format: pagerduty`: to which service, and how bad.
    pub(in crate::config) pagerduty: Option<PagerDuty>,
    /// A token that is sent as `Authorization: Bearer`: only as `${VAR}` or `${file:/path}`. A file is read again when it changes,
    /// and at once when the receiver refuses the token.
    pub(in crate::config) bearer_token: Option<SecretText>,
    /// A file that holds the bearer token.
    pub(in crate::config) bearer_token_file: Option<PathBuf>,
    /// A user name and a password that are sent as `Authorization: Basic`.
    pub(in crate::config) basic: Option<Basic>,
    /// Headers that every request gets, and that are no secrets.
    pub(in crate::config) headers: Option<BTreeMap<String, String>>,
    /// Headers that every request gets and that are secrets, an API key for example: each value only as `${VAR}` or
    /// `${file:/path}`.
    pub(in crate::config) secret_headers: Option<BTreeMap<String, SecretText>>,
    /// Signs every request (HMAC-SHA256, Standard Webhooks), so that the receiver can tell that it comes from here and is new.
    pub(in crate::config) signature: Option<Signature>,
    /// By what the receiver knows an event that comes twice.
    pub(in crate::config) idempotency: Option<Idempotency>,
    /// Compression of the requests: `none` or `gzip`, if the receiver takes it.
    #[schemars(extend("default" = "none"))]
    pub(in crate::config) compression: Option<Compression>,
    /// Time limit for connecting, the TLS handshake included.
    #[schemars(extend("default" = units::show_duration(defaults::CONNECT_TIMEOUT)))]
    pub(in crate::config) connect_timeout: Option<Span>,
    /// Time limit from sending a request to the end of its answer.
    #[schemars(extend("default" = units::show_duration(defaults::REQUEST_TIMEOUT)))]
    pub(in crate::config) request_timeout: Option<Span>,
    /// Whether connections are kept open for further requests. Without it each request pays for a handshake.
    #[schemars(extend("default" = true))]
    pub(in crate::config) keep_alive: Option<bool>,
    /// An HTTP proxy between here and the receiver. Proxies named in the environment are not used. The proxy looks the
    /// receiver's name up, so what that stands for is then the proxy's to judge.
    pub(in crate::config) proxy: Option<Proxy>,
    /// Whom to trust, and how to prove who we are.
    pub(in crate::config) tls: Option<HecTls>,
    /// True allows a URL with `http://`: events and credentials then travel unencrypted.
    #[schemars(extend("default" = false))]
    pub(in crate::config) allow_plain_http: Option<bool>,
    /// True connects to any address. By default private, loopback, link-local and other addresses that do not belong to the public
    /// internet are refused when a connection is made, whatever name stands for them.
    #[schemars(extend("default" = false))]
    pub(in crate::config) allow_private_addresses: Option<bool>,
    /// Networks of yours that may be connected to all the same, as `10.1.0.0/16` or `fd00::/8`.
    #[schemars(length(min = 1))]
    pub(in crate::config) allow_networks: Option<Vec<String>>,
}

#[derive(Deserialize, JsonSchema, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub(in crate::config) enum Format {
    Json,
    JsonArray,
    Ndjson,
    #[serde(rename = "cloudevents_structured")]
    CloudEventsStructured,
    #[serde(rename = "cloudevents_batched")]
    CloudEventsBatched,
    #[serde(rename = "cloudevents_binary")]
    CloudEventsBinary,
    Slack,
    Teams,
    #[serde(rename = "pagerduty")]
    PagerDuty,
    Template,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct TemplateBody {
    /// The body, with fields as `{{name}}`: the fields of docs/event-fields.md, and `topic`, `partition`, `offset` and `event` (the
    /// whole payload). Whatever a field holds, it cannot leave its place.
    #[schemars(required)]
    pub(in crate::config) body: Option<Characters>,
    /// What the body is, and so how fields are escaped: `json`, `form` or `text`.
    #[schemars(extend("default" = "json"))]
    pub(in crate::config) escape: Option<Escape>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct PagerDuty {
    /// The integration key of a service (Events API v2): only as `${VAR}` or `${file:/path}`.
    pub(in crate::config) routing_key: Option<SecretText>,
    /// A file that holds the integration key.
    pub(in crate::config) routing_key_file: Option<PathBuf>,
    /// One severity for all: `critical`, `error`, `warning` or `info`. By default what failed or was refused is an `error`, what
    /// changed something a `warning`, and everything else `info`.
    pub(in crate::config) severity: Option<Severity>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct Basic {
    /// The user name of the login.
    #[schemars(required)]
    pub(in crate::config) username: Option<String>,
    /// The password of the login: only as `${VAR}` or `${file:/path}`.
    pub(in crate::config) password: Option<SecretText>,
    /// A file that holds the password of the login.
    pub(in crate::config) password_file: Option<PathBuf>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct Signature {
    /// The key that signs, of at least 24 bytes: `whsec_` and base64, or any text. Only as `${VAR}` or `${file:/path}`. A file is
    /// read again when it changes.
    pub(in crate::config) key: Option<SecretText>,
    /// A file that holds the key that signs.
    pub(in crate::config) key_file: Option<PathBuf>,
    /// While keys are changed: the one before, with which requests are signed as well.
    pub(in crate::config) previous_key: Option<SecretText>,
    /// A file that holds the key before.
    pub(in crate::config) previous_key_file: Option<PathBuf>,
}

#[derive(Deserialize, JsonSchema, Default)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct Idempotency {
    /// False sends no such header. By default `slack`, `teams` and `pagerduty` get none, because they know none.
    #[schemars(extend("default" = true))]
    pub(in crate::config) enabled: Option<bool>,
    /// The name of the header.
    #[schemars(extend("default" = defaults::WEBHOOK_IDENTITY_HEADER))]
    pub(in crate::config) header: Option<String>,
    /// What identifies an event: `position` (topic, partition and offset) or `event_id` (its own `id`). A batch is identified by a
    /// digest of what it holds.
    #[schemars(extend("default" = "position"))]
    pub(in crate::config) key: Option<IdentityKey>,
}
