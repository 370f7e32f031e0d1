//! Webhooks: events, or messages about them, posted to a URL.
//!
//! The way of an event: [`encode`] writes it into a parcel's body; [`endpoint`] makes a request of the parcel and posts it;
//! [`classify`] says what the answer means. [`message`] and [`template`] make bodies from the canonical view; [`cloud_event`]
//! knows the HTTP binding of CloudEvents; [`sign`] signs.
//!
//! - One request per attempt, nothing is retried, no redirect is followed. The status 2xx is the receipt.
//! - Nothing that an event holds can leave its place: not in a header, not in JSON, not in a message.
//! - The URL and all credentials are secrets. Nothing that is shown holds them.
//! - Only addresses that the configuration allows are connected to: see [`Reach`].

mod classify;
mod cloud_event;
pub mod config;
mod credentials;
mod encode;
mod endpoint;
mod frame;
mod json;
mod message;
mod probe;
mod sign;
pub mod template;

use std::path::PathBuf;
use std::sync::Arc;

use crate::delivery::attempt::{Attempt, BoxFuture, Failure, Parcel};
use crate::event::Cleared;
use crate::secret::SecretFileError;
use crate::sink::{DeliveryLevel, PayloadAt, Refreshed, Sink};
use crate::tls::{Blocked, HttpClient, Reach, TlsError};

use config::WebhookConfig;
use encode::Encoder;
use endpoint::Endpoint;
pub use probe::{Probe, probe};
pub use sign::check_key;

/// Why no sink could be built.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    #[error(transparent)]
    Tls(#[from] TlsError),
    #[error("the URL is none: write https://host/path, without a login and without a fragment")]
    Url,
    #[error(transparent)]
    Blocked(#[from] Blocked),
    #[error("the URL is on another host now, which needs a restart")]
    AnotherHost,
    #[error("`{0}` holds a character that no HTTP header can carry: check for a line break in its file")]
    Header(String),
    #[error("the key of the signature cannot be used: {0}")]
    Key(&'static str),
    #[error("{what} in {}: {source}; write it into the file, and nothing else", file.display())]
    File { what: String, file: PathBuf, source: SecretFileError },
}

/// The sink for one URL.
#[derive(Debug)]
pub struct Webhook {
    encoder: Encoder,
    endpoint: Arc<Endpoint>,
    /// Of the one endpoint.
    names: [String; 1],
}

impl Webhook {
    /// Prepares the sink; opens no connection.
    ///
    /// # Errors
    /// The trust store, the URL, a header or a key cannot be used.
    pub fn new(config: &WebhookConfig) -> Result<Self, BuildError> {
        let client = HttpClient::guarded(&config.tls, &config.transport, &config.reach)?;
        Self::with_client(config, client)
    }

    fn with_client(config: &WebhookConfig, client: HttpClient) -> Result<Self, BuildError> {
        let endpoint = Endpoint::new(config, client)?;
        let encoder = Encoder::new(config.format.clone(), config.identity.key);
        Ok(Self { encoder, names: [endpoint.name()], endpoint: Arc::new(endpoint) })
    }
}

/// Whether requests could go to a URL.
///
/// # Errors
/// Why not.
pub fn check_url(text: &crate::secret::Secret, reach: &Reach) -> Result<(), BuildError> {
    credentials::parse_url(text, reach).map(|_| ())
}

/// Scheme, host and port: all of the URL that may be shown.
pub fn origin_of(config: &WebhookConfig) -> String {
    let url = credentials::parse_url(config.url.value(), &Reach::Anywhere);
    url.map_or_else(|_| String::new(), |url| url.origin().ascii_serialization())
}

impl Sink for Webhook {
    fn encode(&self, event: &Cleared<'_>, out: &mut Vec<u8>) -> Result<PayloadAt, Failure> {
        self.encoder.encode(event, out)
    }

    fn attempt(&self, _endpoint: usize, parcel: Parcel) -> BoxFuture<Attempt> {
        Box::pin(Arc::clone(&self.endpoint).attempt(parcel))
    }

    fn endpoints(&self) -> &[String] {
        &self.names
    }

    fn level(&self) -> DeliveryLevel {
        DeliveryLevel::Accepted
    }

    fn refresh(&self) -> Vec<Refreshed> {
        let news = self.endpoint.look().into_iter();
        news.filter_map(|(what, news)| Some(Refreshed::of(what, news?))).collect()
    }
}

#[cfg(test)]
mod tests;
