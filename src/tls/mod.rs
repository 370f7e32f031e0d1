//! One way to build an HTTPS client, one way to read trust stores, and words for what can go wrong with certificates.
//!
//! - TLS 1.2 or later, and verified unless the configuration says otherwise in so many words. The authorities are those of
//!   the system, or only those of the configured trust store when there is one.
//! - A client makes one attempt: it follows no redirect and repeats nothing.
//! - It goes straight to the server: a proxy named in the environment of the process is not used, because it would see
//!   where audit events go without any configuration saying so.
//! - Files are read again when they change ([`HttpClient::look`]); connections that are open go on as they are.
//! - Where a client may connect to can be limited to the public internet ([`Reach`]), judged by the address that is connected to.
//!
//! Trust stores are read in one place ([`authorities`]), for HTTPS as for Kafka, whose client takes them as PEM text.

pub mod config;
mod examine;
mod explain;
mod identity;
mod jks;
mod knock;
mod pkcs12;
mod reach;
mod store;
mod verify;

#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use reqwest::header::{CONNECTION, HeaderMap, HeaderValue};
use rustls::crypto::CryptoProvider;

use crate::reload::{News, Reloading};
use config::{Proxy, TlsConfig, TlsVersion, Transport};
pub use examine::examine;
pub use explain::{chain, explain};
pub use identity::check_identity;
pub use knock::{Knock, KnockError, knock, knock_at_proxy};
use reach::Guard;
pub use reach::{Blocked, Reach, explain_blocked};
use store::Problem;
pub use store::{Authorities, Format, authorities};

/// Idle connections are closed before the usual 60 s of load balancers, so that no request meets a closed one.
const IDLE: Duration = Duration::from_secs(45);

/// Why no HTTPS client could be built.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    #[error(transparent)]
    File(#[from] FileError),
    #[error(
        "prepare TLS: {0}; if the system has no certificate authorities, install its ca-certificates package or set \
         tls.trust_store"
    )]
    Client(String),
}

/// A file with certificates or keys cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("read {what} {}: {problem}; {remedy}", path.display())]
pub struct FileError {
    what: &'static str,
    path: PathBuf,
    pub problem: String,
    pub remedy: Cow<'static, str>,
}

impl FileError {
    fn new(what: &'static str, path: &Path, Problem { words, remedy }: Problem) -> Self {
        Self { what, path: path.to_owned(), problem: words, remedy }
    }

    /// Whether the private key is at fault, and not the certificate.
    pub fn concerns_key(&self) -> bool {
        self.what == identity::KEY
    }
}

/// A client for the servers that its configuration trusts, made anew when the files of the configuration change.
#[derive(Debug)]
pub struct HttpClient(Reloading<reqwest::Client>);

impl HttpClient {
    /// Reads the files. Blocks; opens no connection.
    ///
    /// # Errors
    /// A file cannot be used, or the system has no authorities.
    pub fn new(config: &TlsConfig, transport: &Transport) -> Result<Self, TlsError> {
        Self::reaching(config, transport, None)
    }

    /// As [`HttpClient::new`], for a client that connects only to what it may reach. Addresses within URLs are for the caller
    /// to look at, with [`Reach::check`].
    ///
    /// # Errors
    /// As for [`HttpClient::new`].
    pub fn guarded(config: &TlsConfig, transport: &Transport, reach: &Reach) -> Result<Self, TlsError> {
        Self::reaching(config, transport, Some(Arc::new(Guard::of_system(reach.clone()))))
    }

    /// As [`HttpClient::guarded`], with a table in the place of the DNS.
    #[cfg(test)]
    pub(crate) fn guarded_by_table(
        config: &TlsConfig,
        transport: &Transport,
        reach: &Reach,
        table: impl Fn(&str) -> Vec<std::net::SocketAddr> + Send + Sync + 'static,
    ) -> Result<Self, TlsError> {
        let look_up: reach::LookUp = Arc::new(move |name| {
            let found = table(&name);
            Box::pin(async move { Ok(found) })
        });
        Self::reaching(config, transport, Some(Arc::new(Guard { reach: reach.clone(), look_up })))
    }

    fn reaching(config: &TlsConfig, transport: &Transport, guard: Option<Arc<Guard>>) -> Result<Self, TlsError> {
        let (config, transport) = (config.clone(), transport.clone());
        Reloading::new(config.files(), move || http_client(&config, &transport, guard.as_ref())).map(Self)
    }

    /// The client as it is now: for one request, not to be kept.
    pub fn get(&self) -> Arc<reqwest::Client> {
        self.0.get()
    }

    /// Looks whether the files have changed, and if so connects with what they hold from now on. Blocks.
    pub fn look(&self) -> Option<News> {
        self.0.look()
    }
}

fn http_client(
    config: &TlsConfig,
    transport: &Transport,
    guard: Option<&Arc<Guard>>,
) -> Result<reqwest::Client, TlsError> {
    #[expect(clippy::disallowed_methods, reason = "the one place that builds HTTP clients")]
    let builder = reqwest::Client::builder();
    let mut builder = builder
        .tls_backend_preconfigured(client_config(config)?)
        .http1_only()
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .no_proxy()
        .referer(false)
        .pool_idle_timeout(IDLE)
        .connect_timeout(transport.connect)
        .timeout(transport.request);
    if !transport.keep_alive {
        let close = HeaderMap::from_iter([(CONNECTION, HeaderValue::from_static("close"))]);
        builder = builder.pool_max_idle_per_host(0).default_headers(close);
    }
    match (&transport.proxy, guard) {
        // A proxy looks names up itself, and has an address on the own network.
        (Some(proxy), _) => builder = builder.proxy(proxy_of(proxy)?),
        (None, Some(guard)) => builder = builder.dns_resolver(Arc::clone(guard)),
        (None, None) => {}
    }
    builder.build().map_err(|error| TlsError::Client(chain(&error)))
}

fn proxy_of(Proxy { url, login }: &Proxy) -> Result<reqwest::Proxy, TlsError> {
    let proxy = reqwest::Proxy::all(url).map_err(|error| TlsError::Client(chain(&error)))?;
    Ok(match login {
        Some((username, password)) => proxy.basic_auth(username, password.expose()),
        None => proxy,
    })
}

fn client_config(config: &TlsConfig) -> Result<rustls::ClientConfig, TlsError> {
    let provider = provider();
    let versions: &[_] = match config.min_version {
        TlsVersion::Tls12 => &[&rustls::version::TLS12, &rustls::version::TLS13],
        TlsVersion::Tls13 => &[&rustls::version::TLS13],
    };
    let builder = rustls::ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(versions)
        .map_err(|error| TlsError::Client(error.to_string()))?
        .dangerous()
        .with_custom_certificate_verifier(verify::verifier(&config.verification, &provider)?);
    let mut client = match &config.identity {
        Some(identity) => builder.with_client_cert_resolver(identity::resolver(identity, &provider)?),
        None => builder.with_no_client_auth(),
    };
    client.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(client)
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::aws_lc_rs::default_provider())
}
