//! The keys of an archive sink.

use std::collections::BTreeMap;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::Deserialize;

use super::{HecTls, Proxy, SecretText, Size, Span};
use crate::{defaults, units};

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct Archive {
    /// Where the archive lies: `s3://bucket/prefix`, `gs://bucket/prefix`, `az://container/prefix`, or an absolute path of a directory.
    #[schemars(required)]
    pub(in crate::config) url: Option<String>,
    /// Who signs the archive.
    #[schemars(required)]
    pub(in crate::config) sign: Option<Sign>,
    /// Stands for the cluster in the names of objects; by default the id that the brokers give it. Give the same name to go on with the
    /// log of a topic on another cluster that has the same offsets (a mirror), and a new one when the topic was made anew.
    pub(in crate::config) cluster_name: Option<String>,
    /// When a segment is closed: at whichever limit is reached first.
    pub(in crate::config) rotate: Option<Rotate>,
    /// How hard segments are compressed with Zstandard.
    #[schemars(range(min = 1, max = 19), extend("default" = defaults::COMPRESSION_LEVEL))]
    pub(in crate::config) compression_level: Option<u32>,
    /// The bucket's region. By default what the environment says (`AWS_REGION`).
    pub(in crate::config) region: Option<String>,
    /// `https://host:port` of a store that speaks the protocol and is not the provider's own.
    pub(in crate::config) endpoint: Option<String>,
    /// With an `endpoint` of S3: whether the bucket stands in the path, and not in the host name.
    #[schemars(extend("default" = true))]
    pub(in crate::config) path_style: Option<bool>,
    /// An access key of S3. Without one, credentials are found as AWS clients find them: in the environment, by web identity (IRSA), from
    /// EKS Pod Identity, the container or the instance.
    pub(in crate::config) access_key_id: Option<String>,
    /// The secret of the access key: only as `${VAR}` or `${file:/path}`.
    pub(in crate::config) secret_access_key: Option<SecretText>,
    /// A file that holds the secret of the access key.
    pub(in crate::config) secret_access_key_file: Option<PathBuf>,
    /// The token of a temporary access key: only as `${VAR}` or `${file:/path}`.
    pub(in crate::config) session_token: Option<SecretText>,
    /// A file that holds the token of a temporary access key.
    pub(in crate::config) session_token_file: Option<PathBuf>,
    /// How S3 encrypts the objects. By default as the bucket says.
    pub(in crate::config) encryption: Option<ObjectEncryption>,
    /// The storage class of new objects, for example `STANDARD_IA`. By default the bucket's.
    pub(in crate::config) storage_class: Option<String>,
    /// Tags of new objects.
    pub(in crate::config) tags: Option<BTreeMap<String, String>>,
    /// The file with a key of a Google service account. Without it, credentials are found as Google's clients find them, workload identity
    /// among them.
    pub(in crate::config) service_account_file: Option<PathBuf>,
    /// The storage account of Azure. By default what the environment says.
    pub(in crate::config) account: Option<String>,
    /// The access key of the storage account: only as `${VAR}` or `${file:/path}`. Without it, credentials are found as Azure's clients
    /// find them, workload identity and managed identity among them.
    pub(in crate::config) account_key: Option<SecretText>,
    /// A file that holds the access key of the storage account.
    pub(in crate::config) account_key_file: Option<PathBuf>,
    /// Time limit for connecting, the TLS handshake included.
    #[schemars(extend("default" = units::show_duration(defaults::CONNECT_TIMEOUT)))]
    pub(in crate::config) connect_timeout: Option<Span>,
    /// Time limit from sending a request to the end of its answer.
    #[schemars(extend("default" = units::show_duration(defaults::REQUEST_TIMEOUT)))]
    pub(in crate::config) request_timeout: Option<Span>,
    /// An HTTP proxy between here and the store. Proxies named in the environment are not used.
    pub(in crate::config) proxy: Option<Proxy>,
    /// Whom to trust on `https` endpoints, and how to prove who we are.
    pub(in crate::config) tls: Option<HecTls>,
}

#[derive(Deserialize, JsonSchema, Default)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct Sign {
    /// The Ed25519 key, as `auditferry archive keygen` or `openssl genpkey -algorithm ed25519` writes it: only as `${VAR}` or
    /// `${file:/path}`. Exactly one of `key` and `key_file` is needed.
    pub(in crate::config) key: Option<SecretText>,
    /// A file that holds the key.
    pub(in crate::config) key_file: Option<PathBuf>,
    /// The key's name, as auditors see it in the archive: no white space and no `+`.
    #[schemars(extend("default" = defaults::SIGNER))]
    pub(in crate::config) name: Option<String>,
    /// The key before, when there is a new one: only as `${VAR}` or `${file:/path}`. It announces the new one in the archive, once, and can be
    /// removed after that.
    pub(in crate::config) previous_key: Option<SecretText>,
    /// A file that holds the key before.
    pub(in crate::config) previous_key_file: Option<PathBuf>,
}

#[derive(Deserialize, JsonSchema, Default)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct Rotate {
    /// Bytes of a segment before compression.
    #[schemars(extend("default" = defaults::SEGMENT_RAW_BYTES.to_string()))]
    pub(in crate::config) raw_bytes: Option<Size>,
    /// Bytes of a segment as stored.
    #[schemars(extend("default" = defaults::SEGMENT_STORED_BYTES.to_string()))]
    pub(in crate::config) stored_bytes: Option<Size>,
    /// How old the first record of a segment may get.
    #[schemars(extend("default" = units::show_duration(defaults::SEGMENT_AGE)))]
    pub(in crate::config) age: Option<Span>,
    /// Whether a new hour begins a new segment.
    #[schemars(extend("default" = true))]
    pub(in crate::config) hour_boundary: Option<bool>,
}

/// How S3 encrypts objects.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(in crate::config) enum ObjectEncryption {
    /// With keys of S3 (SSE-S3).
    Aes256,
    /// With this key of KMS (SSE-KMS): its id or ARN.
    Kms(String),
}
