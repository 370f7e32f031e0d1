//! Splunk HTTP Event Collector, event and raw endpoint.
//!
//! The way of an event: [`mod@encode`] writes it into a parcel's body; [`endpoint`] posts the parcel; [`answer`]
//! reads what comes back; [`classify`] says what it means; at delivery level `indexed`, [`acks`] waits for the proof, on a
//! [`mod@line`] to one indexer.
//! [`probe`] asks whether all this would work, and writes no event.
//!
//! - One request per attempt; nothing here retries, sleeps between attempts or follows a redirect.
//! - The endpoints are independent: nothing of one is shared with another, except the pool of connections.
//! - What a server says is bounded before it is kept, and cannot carry the token out.

mod acks;
mod answer;
mod classify;
pub mod config;
mod encode;
mod endpoint;
pub mod extract;
mod index;
mod line;
mod probe;
mod tokens;

use std::path::PathBuf;
use std::sync::Arc;

use ::metrics::Counter;
use uuid::Uuid;

use crate::delivery::attempt::{Attempt, BoxFuture, Failure, Parcel};
use crate::event::Cleared;
use crate::secret::SecretFileError;
use crate::sink::{Condition, DeliveryLevel, PayloadAt, Refreshed, Sink};
use crate::tls::{HttpClient, TlsError};

use config::HecConfig;
use encode::Encoder;
use endpoint::Endpoint;
pub use probe::{Health, Probe, TokenState};
use tokens::Tokens;

/// Why no sink could be built.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    #[error(transparent)]
    Tls(#[from] TlsError),
    #[error("endpoint `{0}` is not an address: write https://host:port")]
    Endpoint(String),
    #[error("the token holds a space or a character that no HTTP header can carry: check for a line break in its file")]
    Token,
    #[error("token in {}: {source}; write the token into it, and nothing else", file.display())]
    TokenFile { file: PathBuf, source: SecretFileError },
}

/// The sink for one token on one or more endpoints.
#[derive(Debug)]
pub struct SplunkHec {
    encoder: Encoder,
    endpoints: Vec<Arc<Endpoint>>,
    /// Names of `endpoints`, in the same order.
    names: Vec<String>,
    level: DeliveryLevel,
    client: Arc<HttpClient>,
    tokens: Arc<Tokens>,
}

impl SplunkHec {
    /// Prepares the sink; opens no connection.
    ///
    /// # Errors
    /// The trust store, an endpoint or the token cannot be used.
    pub fn new(config: &HecConfig) -> Result<Self, BuildError> {
        Self::counting(config, &Counter::noop())
    }

    /// As [`SplunkHec::new`]; `left_out` counts headers and keys of records that are not text and were therefore left out.
    ///
    /// # Errors
    /// As for [`SplunkHec::new`].
    pub fn counting(config: &HecConfig, left_out: &Counter) -> Result<Self, BuildError> {
        let channel = Uuid::new_v4();
        let client = Arc::new(HttpClient::new(&config.tls, &config.transport)?);
        let tokens = Arc::new(Tokens::new(&config.token)?);
        let endpoints: Vec<_> = config
            .endpoints
            .iter()
            .map(|address| {
                Endpoint::new(address, config, Arc::clone(&client), Arc::clone(&tokens), channel).map(Arc::new)
            })
            .collect::<Result<_, _>>()?;
        let names = endpoints.iter().map(|endpoint| endpoint.name().to_owned()).collect();
        let encoder = Encoder::new(&config.events, channel, left_out);
        Ok(Self { encoder, endpoints, names, level: config.delivery, client, tokens })
    }

    /// Asks one endpoint for its health and whether it takes the token; writes no event. `endpoint` is an index below
    /// [`Sink::endpoints`]`.len()`.
    pub async fn probe(&self, endpoint: usize) -> Probe {
        probe::probe(&self.endpoints[endpoint]).await
    }
}

impl Sink for SplunkHec {
    fn encode(&self, event: &Cleared<'_>, out: &mut Vec<u8>) -> Result<PayloadAt, Failure> {
        self.encoder.encode(event, out)
    }

    fn group(&self, event: &Cleared<'_>, name: &mut Vec<u8>) {
        self.encoder.group(event, name);
    }

    fn attempt(&self, endpoint: usize, parcel: Parcel) -> BoxFuture<Attempt> {
        let endpoint = Arc::clone(&self.endpoints[endpoint]);
        Box::pin(endpoint.attempt(parcel))
    }

    fn condition(&self, endpoint: usize) -> BoxFuture<Condition> {
        let endpoint = Arc::clone(&self.endpoints[endpoint]);
        Box::pin(async move { probe::condition(&endpoint).await })
    }

    fn endpoints(&self) -> &[String] {
        &self.names
    }

    fn level(&self) -> DeliveryLevel {
        self.level
    }

    fn refresh(&self) -> Vec<Refreshed> {
        let files = [("token", self.tokens.look()), ("tls", self.client.look())];
        let files = files.into_iter().filter_map(|(what, news)| Some(Refreshed::of(what, news?)));
        let logins = self.endpoints.iter().enumerate().filter_map(|(endpoint, known)| {
            let is_behind = known.login().news()?;
            Some(if is_behind {
                Refreshed::FormerTokenTaken { endpoint }
            } else {
                Refreshed::NewTokenTaken { endpoint }
            })
        });
        files.chain(logins).collect()
    }
}

#[cfg(test)]
mod tests;
