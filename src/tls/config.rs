//! Whom a TLS client trusts, and how it proves who it is.
//!
//! The values here name files; whether those can be used was checked when the configuration was loaded, and may have
//! changed since.

use std::path::{Path, PathBuf};
use std::time::Duration;

use rustls::pki_types::ServerName;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::secret::{Secret, SecretSource};

/// The way of an HTTP client to its servers, apart from TLS.
#[derive(Clone, Debug)]
pub struct Transport {
    /// Time limit for connecting, the TLS handshake included.
    pub connect: Duration,
    /// From the start of a request, connecting included, to the last byte of its answer.
    pub request: Duration,
    /// Whether connections are kept open for further requests.
    pub keep_alive: bool,
    pub proxy: Option<Proxy>,
}

/// An HTTP proxy that all requests go through: with `CONNECT` to `https` servers, so that it sees no request of them.
#[derive(Clone, Debug)]
pub struct Proxy {
    /// `http(s)://host:port`, without credentials.
    pub url: String,
    /// For basic authentication at the proxy.
    pub login: Option<(String, Secret)>,
}

/// TLS of an HTTPS client.
#[derive(Clone, Default, Debug)]
pub struct TlsConfig {
    pub verification: Verification,
    /// `None`: the client shows no certificate.
    pub identity: Option<Identity>,
    pub min_version: TlsVersion,
}

/// How the server's certificate is looked at.
#[derive(Clone, Debug)]
pub enum Verification {
    Full {
        /// `None` trusts the authorities of the system.
        trust_store: Option<TrustStore>,
        /// The name that the certificate has to be for; `None`: the host that was connected to.
        server_name: Option<ServerName<'static>>,
    },
    /// Any certificate of anybody is taken: `insecure_skip_verify`.
    Disabled,
}

impl Default for Verification {
    fn default() -> Self {
        Self::Full { trust_store: None, server_name: None }
    }
}

/// A file with the certificates of authorities, which take the place of those of the system.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TrustStore {
    pub path: PathBuf,
    pub password: Option<SecretSource>,
}

/// A client certificate with its chain, and its private key: PEM files.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Identity {
    pub certificate: PathBuf,
    pub key: PathBuf,
    pub key_password: Option<SecretSource>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize, JsonSchema)]
pub enum TlsVersion {
    #[default]
    #[serde(rename = "1.2")]
    Tls12,
    #[serde(rename = "1.3")]
    Tls13,
}

impl TlsConfig {
    pub fn is_verified(&self) -> bool {
        match self.verification {
            Verification::Full { .. } => true,
            Verification::Disabled => false,
        }
    }

    /// Every file that this is read from.
    pub fn files(&self) -> Vec<PathBuf> {
        let store = match &self.verification {
            Verification::Full { trust_store, .. } => trust_store.as_ref(),
            Verification::Disabled => None,
        };
        let stores = store.into_iter().flat_map(TrustStore::files);
        let identities = self.identity.iter().flat_map(Identity::files);
        stores.chain(identities).map(Path::to_owned).collect()
    }
}

impl TrustStore {
    pub fn files(&self) -> impl Iterator<Item = &Path> {
        std::iter::once(self.path.as_path()).chain(self.password.as_ref().and_then(SecretSource::file))
    }
}

impl Identity {
    pub fn files(&self) -> impl Iterator<Item = &Path> {
        [self.certificate.as_path(), self.key.as_path()]
            .into_iter()
            .chain(self.key_password.as_ref().and_then(SecretSource::file))
    }
}
