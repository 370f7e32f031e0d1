//! The requests of one endpoint: their addresses, and the headers that are the same for all.

use std::sync::Arc;
use std::time::Duration;

use reqwest::header::{AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Method, RequestBuilder, Url};
use uuid::Uuid;

use crate::defaults::HEC_HEALTH_TIMEOUT;
use crate::delivery::attempt::{Coding, Parcel};
use crate::sink::DeliveryLevel;
use crate::sink::splunk_hec::BuildError;
use crate::sink::splunk_hec::config::{HecConfig, Mode};
use crate::sink::splunk_hec::tokens::Token;
use crate::tls::HttpClient;

/// As the Kafka connector sends it; other collectors behind HEC look at the profile.
const EVENT_TYPE: &str = "application/json; profile=urn:splunk:event:1.0; charset=utf-8";
const RAW_TYPE: &str = "text/plain; profile=urn:splunk:event:1.0; charset=utf-8";

const CHANNEL: HeaderName = HeaderName::from_static("x-splunk-request-channel");
const APP_NAME: HeaderName = HeaderName::from_static("__splunk_app_name");
const APP_VERSION: HeaderName = HeaderName::from_static("__splunk_app_version");

#[derive(Debug)]
pub(in crate::sink::splunk_hec) struct Requests {
    event: Url,
    /// Where parcels go, with the part of the query that is the same for all.
    parcels: Url,
    raw: bool,
    ack: Url,
    health: Url,
    /// How long the question about its health may take.
    health_patience: Duration,
    client: Arc<HttpClient>,
    /// The same for every request.
    headers: HeaderMap,
}

impl Requests {
    pub(super) fn new(address: &str, config: &HecConfig, client: Arc<HttpClient>) -> Result<Self, BuildError> {
        let url = |path: &str| {
            let full = format!("{}/services/collector/{path}", address.trim_end_matches('/'));
            Url::parse(&full).ok().filter(Url::has_host).ok_or_else(|| BuildError::Endpoint(address.to_owned()))
        };
        let headers = HeaderMap::from_iter([
            (APP_NAME, HeaderValue::from_static(env!("CARGO_PKG_NAME"))),
            (APP_VERSION, HeaderValue::from_static(env!("CARGO_PKG_VERSION"))),
        ]);
        let event = url("event")?;
        let raw = matches!(config.events.mode, Mode::Raw { .. });
        let mut parcels = if raw { url("raw")? } else { event.clone() };
        if let Some(extract) = config.events.auto_extract_timestamp {
            parcels.set_query(Some(&format!("auto_extract_timestamp={extract}")));
        }
        let (ack, mut health) = (url("ack")?, url("health")?);
        if config.delivery == DeliveryLevel::Indexed {
            // Without it the state of the acknowledgement service does not count.
            health.set_query(Some("ack=1"));
        }
        let health_patience = HEC_HEALTH_TIMEOUT.min(config.transport.request);
        Ok(Self { event, parcels, raw, ack, health, health_patience, client, headers })
    }

    /// Scheme, host and port.
    pub(super) fn name(&self) -> String {
        self.event.origin().ascii_serialization()
    }

    /// Whether parcels go to the raw endpoint.
    pub(super) fn are_raw(&self) -> bool {
        self.raw
    }

    pub(super) fn parcel(&self, token: &Token, channel: Uuid, parcel: &Parcel) -> RequestBuilder {
        let kind = if self.raw { RAW_TYPE } else { EVENT_TYPE };
        let request = self.request(token, Method::POST, self.parcel_url(&parcel.group), channel);
        let request = match parcel.coding {
            // No sink of this kind is given Zstandard, which Splunk does not read.
            Coding::Identity | Coding::Zstd { .. } => request,
            Coding::Gzip => request.header(CONTENT_ENCODING, "gzip"),
        };
        request.header(CONTENT_TYPE, kind).body(parcel.body.clone())
    }

    /// The name of a parcel's group is the part of the query that is about its events.
    fn parcel_url(&self, group: &[u8]) -> Url {
        let mut url = self.parcels.clone();
        let parts = [std::str::from_utf8(group).unwrap_or_default(), self.parcels.query().unwrap_or_default()];
        let query = parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("&");
        url.set_query((!query.is_empty()).then_some(&query));
        url
    }

    /// A request for `GET /services/collector/health`.
    pub(in crate::sink::splunk_hec) fn health(&self, token: &Token) -> RequestBuilder {
        self.request(token, Method::GET, self.health.clone(), Uuid::new_v4())
    }

    /// The same, not waited for as long as for a parcel.
    pub(in crate::sink::splunk_hec) fn short_health(&self, token: &Token) -> RequestBuilder {
        self.health(token).timeout(self.health_patience)
    }

    /// A request to the event endpoint that carries nothing.
    pub(in crate::sink::splunk_hec) fn empty(&self, token: &Token) -> RequestBuilder {
        self.request(token, Method::POST, self.event.clone(), Uuid::new_v4()).header(CONTENT_TYPE, EVENT_TYPE)
    }

    /// A query for acknowledgements.
    pub(in crate::sink::splunk_hec) fn acks(&self, token: &Token, channel: Uuid, ids: &[u64]) -> RequestBuilder {
        let list = ids.iter().map(u64::to_string).collect::<Vec<_>>().join(",");
        let request = self.request(token, Method::POST, self.ack.clone(), channel).header(CONTENT_TYPE, EVENT_TYPE);
        request.body(format!("{{\"acks\":[{list}]}}"))
    }

    fn request(&self, token: &Token, method: Method, url: Url, channel: Uuid) -> RequestBuilder {
        let request = self.client.get().request(method, url).header(AUTHORIZATION, token.header());
        request.headers(self.headers.clone()).header(CHANNEL, channel.to_string())
    }
}
