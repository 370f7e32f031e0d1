//! What the file may say about redaction.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::config::raw::{Characters, SecretText};

#[derive(Deserialize, JsonSchema, Default)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct Redact {
    /// Canonical fields: redacted in all their places and spellings, and wherever else in the event their values stand.
    #[schemars(length(min = 1))]
    pub(in crate::config) fields: Option<Vec<RedactField>>,
    /// What is usually meant together.
    #[schemars(length(min = 1))]
    pub(in crate::config) presets: Option<Vec<RedactPreset>>,
    /// Paths to members, such as `data.request.data.sql`: `*` stands for any one name, `**` for any number of them; arrays do
    /// not count. What lies there is redacted as a whole.
    #[schemars(length(min = 1))]
    pub(in crate::config) paths: Option<Vec<String>>,
    /// Parts of texts that match a pattern.
    #[schemars(length(min = 1))]
    pub(in crate::config) patterns: Option<Vec<RedactPattern>>,
    /// What becomes of it.
    #[schemars(required)]
    pub(in crate::config) with: Option<RedactWith>,
    /// With `with: replace`: the text in its place; `{length}` in it is the number of characters that were there.
    #[schemars(extend("default" = crate::defaults::REDACT_REPLACEMENT))]
    pub(in crate::config) replacement: Option<Characters>,
    /// With `with: mask`: so many characters at the end stay readable, of values that are more than twice as long.
    #[schemars(range(min = 1, max = crate::defaults::REDACT_KEEP_LAST_MAX))]
    pub(in crate::config) keep_last: Option<u32>,
    /// With `with: hmac-sha256`: the key of the pseudonyms, only as `${VAR}` or `${file:/path}`. Whoever has it can find out
    /// whether a pseudonym stands for a value that he knows.
    pub(in crate::config) key: Option<SecretText>,
    /// A file that holds the key of the pseudonyms.
    pub(in crate::config) key_file: Option<PathBuf>,
    /// What the key is called in its pseudonyms. By default a name that follows from the key, so that another key has another
    /// name.
    pub(in crate::config) key_id: Option<String>,
    /// The key that was in use before: `auditferry pseudonym` then prints the pseudonyms of both. Events get those of `key` only.
    pub(in crate::config) previous_key: Option<SecretText>,
    /// A file that holds the key that was in use before.
    pub(in crate::config) previous_key_file: Option<PathBuf>,
    /// What the key that was in use before is called in its pseudonyms.
    pub(in crate::config) previous_key_id: Option<String>,
    /// With the preset `payloads`: names of members whose values stay.
    #[schemars(extend("default" = crate::defaults::REDACT_KEEP_MEMBERS))]
    pub(in crate::config) keep_members: Option<Vec<String>>,
    /// Whether the record's key goes on to the sink, unredacted. A pipeline that redacts leaves it behind.
    #[schemars(extend("default" = false))]
    pub(in crate::config) keep_key: Option<bool>,
    /// Names of the record's headers that go on to the sink, unredacted. A pipeline that redacts leaves all others behind.
    pub(in crate::config) keep_headers: Option<Vec<String>>,
}

#[derive(Deserialize, JsonSchema, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub(in crate::config) enum RedactField {
    /// Members named so, and whatever looks like an e-mail address, anywhere.
    Email,
    /// Where calls came from.
    ClientIp,
    /// Users, service accounts, identity pools and groups: wherever they are named, CRNs included.
    Principal,
    /// API keys and subjects of certificates.
    CredentialId,
    /// Identifiers of requests and connections.
    RequestId,
    /// Identifiers of organisations.
    Organization,
    /// Identifiers of environments.
    Environment,
    /// Identifiers of clusters.
    Cluster,
}

#[derive(Deserialize, JsonSchema, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub(in crate::config) enum RedactPreset {
    /// The field `email`, and full names.
    Emails,
    /// The field `client_ip`.
    Ips,
    /// The field `principal`.
    Identities,
    /// The field `credential_id`.
    Credentials,
    /// Everything in `request.data` and `result.data` but the members in `keep_members`.
    Payloads,
    /// Names of topics, groups, subjects, connectors and clients.
    Names,
}

#[derive(Deserialize, JsonSchema, Clone, Copy, PartialEq, Eq)]
pub(in crate::config) enum RedactWith {
    /// The member disappears, or the element of an array; a part of a text is cut out.
    #[serde(rename = "drop")]
    Drop,
    /// The shape stays: letters become `x`, digits become `0`.
    #[serde(rename = "mask")]
    Mask,
    /// An IP address becomes its network, /24 or for IPv6 /48.
    #[serde(rename = "truncate")]
    Truncate,
    /// A fixed text.
    #[serde(rename = "replace")]
    Replace,
    /// A pseudonym: equal values have equal ones, and only who has the key can tell whose they are.
    #[serde(rename = "hmac-sha256")]
    HmacSha256,
}

#[derive(Deserialize, JsonSchema, Default)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct RedactPattern {
    /// Canonical fields and paths in whose texts the pattern is searched for.
    #[serde(rename = "in")]
    #[schemars(required, length(min = 1))]
    pub(in crate::config) within: Option<Vec<String>>,
    /// A regular expression; what it matches is redacted.
    #[serde(rename = "match")]
    #[schemars(required)]
    pub(in crate::config) pattern: Option<String>,
}
