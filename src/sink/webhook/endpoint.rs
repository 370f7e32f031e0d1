//! The receiver: a single attempt at posting a parcel to it.

use std::io::Write as _;
use std::sync::Arc;

use aws_lc_rs::digest;
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use reqwest::header::{CONTENT_ENCODING, HeaderMap, HeaderName, HeaderValue, USER_AGENT};
use reqwest::{RequestBuilder, Url};

use super::BuildError;
use super::classify::classify;
use super::config::{Format, WebhookConfig};
use super::credentials::{Credentials, header_name};
use super::frame::Frame;
use super::message::pagerduty;
use super::sign;
use crate::defaults::{WEBHOOK_ANSWER_KEPT_BYTES, WEBHOOK_ANSWER_MAX_BYTES};
use crate::delivery::attempt::{Attempt, Failure, Parcel};
use crate::reason::Reason;
use crate::reload::{News, Reloading};
use crate::sink::http::{Seen, Unanswered};
use crate::tls::HttpClient;

const AGENT: &str = concat!(env!("CARGO_PKG_NAME"), "/", env!("CARGO_PKG_VERSION"));

#[derive(Debug)]
pub(super) struct Endpoint {
    format: Format,
    client: HttpClient,
    credentials: Reloading<Credentials>,
    /// The same for every request, and no secrets.
    headers: HeaderMap,
    identity_header: Option<HeaderName>,
    gzip: bool,
}

/// A request without what may be replaced.
struct Letter<'a> {
    identity: String,
    headers: Vec<(&'a str, &'a str)>,
    body: Bytes,
}

impl Endpoint {
    pub(super) fn new(config: &WebhookConfig, client: HttpClient) -> Result<Self, BuildError> {
        let mut headers = HeaderMap::from_iter([(USER_AGENT, HeaderValue::from_static(AGENT))]);
        for (name, value) in &config.headers {
            let value = HeaderValue::try_from(value).map_err(|_| BuildError::Header(name.clone()))?;
            headers.insert(header_name(name)?, value);
        }
        Ok(Self {
            format: config.format.clone(),
            client,
            credentials: Credentials::reloading(config)?,
            headers,
            identity_header: config.identity.header.as_deref().map(header_name).transpose()?,
            gzip: config.gzip,
        })
    }

    /// Scheme, host and port: all of the URL that may be shown.
    pub(super) fn name(&self) -> String {
        self.credentials.get().url.origin().ascii_serialization()
    }

    /// Whether credentials, and certificates, have been replaced since the last call.
    pub(super) fn look(&self) -> [(&'static str, Option<News>); 2] {
        [("webhook credentials", self.credentials.look()), ("tls", self.client.look())]
    }

    /// Posts the parcel once; once more with other credentials when these are refused and others lie in the files by now: what
    /// was refused for its credentials was not taken.
    pub(super) async fn attempt(self: Arc<Self>, parcel: Parcel) -> Attempt {
        let credentials = self.credentials.get();
        let attempt = self.attempt_with(&credentials, &parcel).await;
        match &attempt {
            Attempt::Hold(failure) if failure.reason == Reason::Unauthorized => {}
            Attempt::Hold(_)
            | Attempt::Lost(_)
            | Attempt::Delivered
            | Attempt::Pending(_)
            | Attempt::Slower { .. }
            | Attempt::Retry { .. }
            | Attempt::Poison { .. }
            | Attempt::Split(_) => return attempt,
        }
        self.credentials.renew();
        let renewed = self.credentials.get();
        if Arc::ptr_eq(&credentials, &renewed) {
            return attempt;
        }
        self.attempt_with(&renewed, &parcel).await
    }

    async fn attempt_with(&self, credentials: &Credentials, parcel: &Parcel) -> Attempt {
        if parcel.events != 1 && !self.format.is_batch() {
            let words = format!("{} events in one request, and `{}` holds one", parcel.events, self.format.as_str());
            return Attempt::Split(Failure::new(Reason::RequestTooLarge, words));
        }
        let Some(letter) = self.letter(credentials, &parcel.body) else {
            return Attempt::Split(Failure::new(Reason::Refused, "what was encoded cannot be read again"));
        };
        let secrets = credentials.secrets();
        match self.request(credentials, letter).send().await {
            Err(error) => Unanswered::of(error, &secrets).into(),
            Ok(response) => {
                let seen = Seen::read(response, WEBHOOK_ANSWER_KEPT_BYTES, WEBHOOK_ANSWER_MAX_BYTES).await;
                classify(&self.format, parcel.events, &seen, &secrets).into()
            }
        }
    }

    fn letter<'a>(&self, credentials: &Credentials, encoded: &'a Bytes) -> Option<Letter<'a>> {
        let batch = |kind, body: Bytes| {
            let headers = vec![(CONTENT_TYPE_NAME, kind)];
            Some(Letter { identity: digest_of(&body), headers, body })
        };
        match &self.format {
            Format::JsonArray => batch("application/json", bracketed(encoded)),
            Format::CloudEventsBatched => {
                batch("application/cloudevents-batch+json; charset=utf-8", bracketed(encoded))
            }
            Format::Ndjson => batch("application/x-ndjson", encoded.clone()),
            Format::PagerDuty(_) => {
                let frame = Frame::read(encoded)?;
                let rest = encoded.get(frame.body..)?;
                let body = pagerduty::with_routing_key(rest, credentials.routing_key.as_ref()?).into();
                Some(Letter { identity: frame.identity.to_owned(), headers: frame.headers, body })
            }
            Format::Json
            | Format::CloudEventsStructured
            | Format::CloudEventsBinary
            | Format::Slack
            | Format::Teams
            | Format::Template(_) => {
                let frame = Frame::read(encoded)?;
                let body = encoded.slice(frame.body..);
                Some(Letter { identity: frame.identity.to_owned(), headers: frame.headers, body })
            }
        }
    }

    fn request(&self, credentials: &Credentials, letter: Letter<'_>) -> RequestBuilder {
        let Letter { identity, headers, body } = letter;
        let url: Url = credentials.url.clone();
        let mut request = self.client.get().post(url).headers(self.headers.clone());
        for (name, value) in headers {
            request = request.header(name, value);
        }
        let body = if self.gzip { gzip(&body) } else { body };
        if self.gzip {
            request = request.header(CONTENT_ENCODING, "gzip");
        }
        if let Some(name) = &self.identity_header {
            request = request.header(name, &identity);
        }
        if let Some(keys) = &credentials.keys {
            let timestamp = sign::now();
            let signature = keys.sign(&identity, timestamp, &body);
            request = request
                .header(sign::ID, &identity)
                .header(sign::TIMESTAMP, timestamp.to_string())
                .header(sign::SIGNATURE, signature);
        }
        request.headers(credentials.headers.clone()).body(body)
    }
}

const CONTENT_TYPE_NAME: &str = "content-type";

/// Encoded events end in a comma each.
fn bracketed(encoded: &[u8]) -> Bytes {
    let events = encoded.strip_suffix(b",").unwrap_or(encoded);
    [b"[", events, b"]"].concat().into()
}

/// What a batch is known by: the same events in the same request are the same.
fn digest_of(body: &[u8]) -> String {
    let digest = digest::digest(&digest::SHA256, body);
    digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

fn gzip(body: &[u8]) -> Bytes {
    let mut encoder = GzEncoder::new(Vec::with_capacity(body.len() / 4), Compression::fast());
    encoder.write_all(body).and_then(|()| encoder.finish()).expect("writing to memory cannot fail").into()
}
