//! The `tls` sections: whom to trust, and how to prove who we are.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::Deserialize;

use super::SecretText;
use crate::tls::config::TlsVersion;

#[derive(Deserialize, JsonSchema, Default)]
pub(in crate::config) struct KafkaTls {
    /// The authorities to trust, in place of those of the system: a PEM, DER, PKCS#12 or JKS file. What it is is seen
    /// from its content.
    pub(in crate::config) trust_store: Option<PathBuf>,
    /// The password of a PKCS#12 or JKS trust store: only as `${VAR}` or `${file:/path}`.
    pub(in crate::config) trust_store_password: Option<SecretText>,
    /// A file that holds the password of the trust store.
    pub(in crate::config) trust_store_password_file: Option<PathBuf>,
    /// PEM file with the client certificate and its chain (mutual TLS).
    pub(in crate::config) certificate_file: Option<PathBuf>,
    /// PEM file with the private key of the client certificate.
    pub(in crate::config) key_file: Option<PathBuf>,
    /// The password of an encrypted private key: only as `${VAR}` or `${file:/path}`.
    pub(in crate::config) key_password: Option<SecretText>,
    /// A file that holds the password of the private key.
    pub(in crate::config) key_password_file: Option<PathBuf>,
    /// True accepts every certificate, whoever made it: anybody on the way can then read the credentials and the events.
    /// It is shown in the log, in the metrics and on the status page.
    #[schemars(extend("default" = false))]
    pub(in crate::config) insecure_skip_verify: Option<bool>,
}

#[derive(Deserialize, JsonSchema, Default)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct HecTls {
    /// The authorities to trust, in place of those of the system: a PEM, DER, PKCS#12 or JKS file. What it is is seen
    /// from its content. Read again when it changes.
    pub(in crate::config) trust_store: Option<PathBuf>,
    /// The password of a PKCS#12 or JKS trust store: only as `${VAR}` or `${file:/path}`.
    pub(in crate::config) trust_store_password: Option<SecretText>,
    /// A file that holds the password of the trust store.
    pub(in crate::config) trust_store_password_file: Option<PathBuf>,
    /// PEM file with the client certificate and its chain (mutual TLS). Read again when it changes.
    pub(in crate::config) certificate_file: Option<PathBuf>,
    /// PEM file with the private key of the client certificate.
    pub(in crate::config) key_file: Option<PathBuf>,
    /// The password of an encrypted private key: only as `${VAR}` or `${file:/path}`.
    pub(in crate::config) key_password: Option<SecretText>,
    /// A file that holds the password of the private key.
    pub(in crate::config) key_password_file: Option<PathBuf>,
    /// The lowest version of TLS that is spoken: `1.2` or `1.3`.
    #[schemars(extend("default" = "1.2"))]
    pub(in crate::config) min_version: Option<TlsVersion>,
    /// The name that the certificate has to be for, when that is not the host of the endpoint.
    pub(in crate::config) server_name: Option<String>,
    /// True accepts every certificate, whoever made it: anybody on the way can then read the token and the events. It is
    /// shown in the log, in the metrics and on the status page.
    #[schemars(extend("default" = false))]
    pub(in crate::config) insecure_skip_verify: Option<bool>,
}
