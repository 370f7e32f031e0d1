//! One HEC endpoint: its addresses, its channels, and a single attempt at posting a parcel.

use std::sync::Arc;
use std::time::Duration;

use reqwest::header::{AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE, COOKIE, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Method, RequestBuilder, Url};
use serde::Deserialize;
use uuid::Uuid;

use super::BuildError;
use super::acks::{Acks, Ask, Fate, Lease, Reply, Ticket};
use super::answer::HecAnswer;
use super::classify::{Sent, Verdict, classify};
use super::config::{HecConfig, Mode};
use super::index::Indexes;
use super::line::Line;
use super::tokens::{Login, Token, Tokens};
use crate::defaults::{HEC_ANSWER_MAX_BYTES, HEC_HEALTH_TIMEOUT, HEC_PENDING_ACKS_MAX, HEC_SLOW_DOWN};
use crate::delivery::attempt::{Attempt, Coding, Failure, Parcel};
use crate::reason::Reason;
use crate::secret::Secret;
use crate::sink::DeliveryLevel;
use crate::sink::http::{Seen, Unanswered, UnansweredKind};
use crate::tls::HttpClient;

/// As the Kafka connector sends it; other collectors behind HEC look at the profile.
const EVENT_TYPE: &str = "application/json; profile=urn:splunk:event:1.0; charset=utf-8";
const RAW_TYPE: &str = "text/plain; profile=urn:splunk:event:1.0; charset=utf-8";

const CHANNEL: HeaderName = HeaderName::from_static("x-splunk-request-channel");
const APP_NAME: HeaderName = HeaderName::from_static("__splunk_app_name");
const APP_VERSION: HeaderName = HeaderName::from_static("__splunk_app_version");

#[derive(Debug)]
pub(super) struct Endpoint {
    name: String,
    event: Url,
    /// Where parcels go, with the part of the query that is the same for all.
    parcels: Url,
    raw: bool,
    indexes: Indexes,
    ack: Url,
    health: Url,
    /// How long the question about its health may take.
    health_patience: Duration,
    client: Arc<HttpClient>,
    /// The same for every request.
    headers: HeaderMap,
    login: Login,
    proof: Proof,
}

/// What counts as delivered here.
#[derive(Debug)]
enum Proof {
    /// The answer. Some servers want a channel even so.
    Accepted { channel: Uuid },
    /// A true acknowledgement.
    Indexed { acks: Arc<Acks> },
}

impl Endpoint {
    /// `channel` is that of all requests at level `accepted`.
    pub(super) fn new(
        address: &str,
        config: &HecConfig,
        client: Arc<HttpClient>,
        tokens: Arc<Tokens>,
        channel: Uuid,
    ) -> Result<Self, BuildError> {
        let url = |path: &str| {
            let full = format!("{}/services/collector/{path}", address.trim_end_matches('/'));
            Url::parse(&full).ok().filter(Url::has_host).ok_or_else(|| BuildError::Endpoint(address.to_owned()))
        };
        let headers = HeaderMap::from_iter([
            (APP_NAME, HeaderValue::from_static(env!("CARGO_PKG_NAME"))),
            (APP_VERSION, HeaderValue::from_static(env!("CARGO_PKG_VERSION"))),
        ]);
        let proof = match config.delivery {
            // What archives prove, no collector does.
            DeliveryLevel::Accepted | DeliveryLevel::Archived => Proof::Accepted { channel },
            DeliveryLevel::Indexed => {
                Proof::Indexed { acks: Arc::new(Acks::new(config.ack_timeout, config.ack_poll_interval)) }
            }
        };
        let event = url("event")?;
        let name = event.origin().ascii_serialization();
        let login = Login::new(tokens);
        let raw = matches!(config.events.mode, Mode::Raw { .. });
        let mut parcels = if raw { url("raw")? } else { event.clone() };
        if let Some(extract) = config.events.auto_extract_timestamp {
            parcels.set_query(Some(&format!("auto_extract_timestamp={extract}")));
        }
        let indexes = Indexes::new(&config.events);
        let (ack, mut health) = (url("ack")?, url("health")?);
        if config.delivery == DeliveryLevel::Indexed {
            // Without it the state of the acknowledgement service does not count.
            health.set_query(Some("ack=1"));
        }
        let health_patience = HEC_HEALTH_TIMEOUT.min(config.transport.request);
        Ok(Self { name, event, parcels, raw, indexes, ack, health, health_patience, client, headers, login, proof })
    }

    /// Scheme, host and port.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn level(&self) -> DeliveryLevel {
        match self.proof {
            Proof::Accepted { .. } => DeliveryLevel::Accepted,
            Proof::Indexed { .. } => DeliveryLevel::Indexed,
        }
    }

    pub(super) fn login(&self) -> &Login {
        &self.login
    }

    /// Posts the parcel once; once more with another token where there is one and this one is refused: what was refused
    /// for its token was not taken.
    pub(super) async fn attempt(self: Arc<Self>, parcel: Parcel) -> Attempt {
        let (mut token, mut refused) = (self.login.token(), Vec::new());
        loop {
            let attempt = Arc::clone(&self).attempt_with(&token, parcel.clone()).await;
            match &attempt {
                Attempt::Hold(failure) if failure.reason == Reason::Unauthorized => {}
                Attempt::Delivered | Attempt::Pending(_) | Attempt::Slower { .. } => {
                    self.login.taken(&token, &refused);
                    return attempt;
                }
                Attempt::Hold(_)
                | Attempt::Retry { .. }
                | Attempt::Poison { .. }
                | Attempt::Split(_)
                | Attempt::Lost(_) => {
                    return attempt;
                }
            }
            refused.push(token);
            match self.login.after_refusal(&refused) {
                Some(other) => token = other,
                None => return attempt,
            }
        }
    }

    async fn attempt_with(self: Arc<Self>, token: &Token, parcel: Parcel) -> Attempt {
        match &self.proof {
            Proof::Accepted { channel } => self.attempt_accepted(token, *channel, parcel).await,
            Proof::Indexed { acks } => match acks.lease() {
                Some(lease) => Arc::clone(&self).attempt_indexed(token, Arc::clone(acks), lease, parcel).await,
                None => {
                    let words = format!("{HEC_PENDING_ACKS_MAX} requests are not yet acknowledged");
                    Attempt::Retry { after: None, failure: Failure::new(Reason::Busy, words) }
                }
            },
        }
    }

    async fn attempt_accepted(&self, token: &Token, channel: Uuid, parcel: Parcel) -> Attempt {
        // Without a cookie: every request may go to another indexer.
        let seen = match self.send(self.parcel_request(token, channel, &parcel)).await {
            Err(unanswered) => return unanswered.into(),
            Ok(seen) => seen,
        };
        let answer = seen.hec();
        let attempt = match self.verdict(token, &parcel, &seen, answer.as_ref()) {
            Verdict::Delivered => Attempt::Delivered,
            // Not a verdict at this level; without a proof to wait for, it is unknown.
            Verdict::AwaitAck(_) => {
                let failure = Failure::new(Reason::UnexpectedAnswer, seen.describe(token.secret()));
                Attempt::Retry { after: None, failure }
            }
            Verdict::Poison { bad, ack_id: _, failure } => Attempt::Poison { delivered: bad, bad, failure },
            Verdict::Retry { after, failure } => Attempt::Retry { after, failure },
            Verdict::Split(failure) => Attempt::Split(failure),
            Verdict::Hold(failure) => Attempt::Hold(failure),
        };
        with_warning(attempt, answer.as_ref())
    }

    async fn attempt_indexed(self: Arc<Self>, token: &Token, acks: Arc<Acks>, lease: Lease, parcel: Parcel) -> Attempt {
        let seen = match self.send_on(lease.line(), self.parcel_request(token, lease.line().id(), &parcel)).await {
            Ok(seen) => seen,
            Err(unanswered) => {
                if !unanswered.maybe_processed {
                    lease.unused();
                }
                return unanswered.into();
            }
        };
        let answer = seen.hec();
        let verdict = self.verdict(token, &parcel, &seen, answer.as_ref());
        let ticket = match &answer {
            // Perhaps a balancer gave up on an indexer that has taken the request: the lease ends unanswered.
            None => None,
            Some(answer) => match answer.ack_id {
                None => {
                    lease.unused();
                    None
                }
                Some(id) => Some(lease.answered(id)),
            },
        };
        match (verdict, ticket) {
            (Verdict::AwaitAck(_) | Verdict::Delivered, Some(Ok(ticket))) => {
                with_warning(self.pending(acks, ticket), answer.as_ref())
            }
            (Verdict::AwaitAck(_) | Verdict::Delivered, Some(Err(failure))) => Attempt::Retry { after: None, failure },
            (Verdict::AwaitAck(_) | Verdict::Delivered, None) => {
                let failure = Failure::new(Reason::UnexpectedAnswer, seen.describe(token.secret()));
                Attempt::Retry { after: None, failure }
            }
            (Verdict::Poison { bad, ack_id: _, failure }, Some(Ok(ticket))) if bad > 0 => {
                self.pending_before_poison(acks, ticket, bad, failure)
            }
            (Verdict::Poison { bad, ack_id: _, failure }, _) => Attempt::Poison { delivered: 0, bad, failure },
            (Verdict::Retry { after, failure }, _) => Attempt::Retry { after, failure },
            (Verdict::Split(failure), _) => Attempt::Split(failure),
            (Verdict::Hold(failure), _) => Attempt::Hold(failure),
        }
    }

    fn pending(self: Arc<Self>, acks: Arc<Acks>, ticket: Ticket) -> Attempt {
        Attempt::Pending(Box::pin(async move {
            match acks.wait(ticket, &*self).await {
                Fate::Indexed => Attempt::Delivered,
                Fate::Unproven(failure) => Attempt::Retry { after: None, failure },
                Fate::Hold(failure) => Attempt::Hold(failure),
            }
        }))
    }

    /// The events before the bad one have an acknowledgement of their own; without it they are sent again.
    fn pending_before_poison(
        self: Arc<Self>,
        acks: Arc<Acks>,
        ticket: Ticket,
        bad: usize,
        failure: Failure,
    ) -> Attempt {
        Attempt::Pending(Box::pin(async move {
            let delivered = match acks.wait(ticket, &*self).await {
                Fate::Indexed => bad,
                Fate::Unproven(_) | Fate::Hold(_) => 0,
            };
            Attempt::Poison { delivered, bad, failure }
        }))
    }

    fn verdict(&self, token: &Token, parcel: &Parcel, seen: &Seen, answer: Option<&HecAnswer>) -> Verdict {
        let (events, bytes) = (parcel.events, size_before_coding(parcel));
        let sent = Sent { events, bytes, level: self.level(), token: token.secret(), raw: self.raw };
        match (classify(&sent, seen, answer), answer) {
            (Verdict::Hold(failure), Some(answer)) if failure.reason == Reason::WrongIndex => {
                self.indexes.refused(parcel, answer, failure)
            }
            (verdict, _) => verdict,
        }
    }

    fn parcel_request(&self, token: &Token, channel: Uuid, parcel: &Parcel) -> RequestBuilder {
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
    pub(super) fn health_request(&self, token: &Token) -> RequestBuilder {
        self.request(token, Method::GET, self.health.clone(), Uuid::new_v4())
    }

    /// The same, not waited for as long as for a parcel.
    pub(super) fn short_health_request(&self, token: &Token) -> RequestBuilder {
        self.health_request(token).timeout(self.health_patience)
    }

    /// A request to the event endpoint that carries nothing.
    pub(super) fn empty_request(&self, token: &Token) -> RequestBuilder {
        self.request(token, Method::POST, self.event.clone(), Uuid::new_v4()).header(CONTENT_TYPE, EVENT_TYPE)
    }

    /// A query for acknowledgements.
    pub(super) fn ack_request(&self, token: &Token, channel: Uuid, ids: &[u64]) -> RequestBuilder {
        let list = ids.iter().map(u64::to_string).collect::<Vec<_>>().join(",");
        let request = self.request(token, Method::POST, self.ack.clone(), channel).header(CONTENT_TYPE, EVENT_TYPE);
        request.body(format!("{{\"acks\":[{list}]}}"))
    }

    fn request(&self, token: &Token, method: Method, url: Url, channel: Uuid) -> RequestBuilder {
        let request = self.client.get().request(method, url).header(AUTHORIZATION, token.header());
        request.headers(self.headers.clone()).header(CHANNEL, channel.to_string())
    }

    pub(super) async fn send(&self, request: RequestBuilder) -> Result<Seen, Unanswered> {
        match request.send().await {
            Ok(response) => Ok(read(response).await),
            Err(error) => Err(self.unanswered(error)),
        }
    }

    /// As [`Endpoint::send`], with the cookies of the line.
    async fn send_on(&self, line: &Line, mut request: RequestBuilder) -> Result<Seen, Unanswered> {
        if let Some(cookie) = line.cookie() {
            request = request.header(COOKIE, cookie);
        }
        match request.send().await {
            Ok(response) => {
                line.keep(response.headers());
                Ok(read(response).await)
            }
            Err(error) => Err(self.unanswered(error)),
        }
    }

    fn unanswered(&self, error: reqwest::Error) -> Unanswered {
        // What fails on the way was said by no server, so it holds no token that was sent; the current one stands for all.
        Unanswered::of(error, &[self.login.token().secret()])
    }
}

async fn read(response: reqwest::Response) -> Seen {
    Seen::read(response, HEC_ANSWER_MAX_BYTES, HEC_ANSWER_MAX_BYTES).await
}

/// The codes 24 and 25 say that a queue fills up.
fn with_warning(attempt: Attempt, answer: Option<&HecAnswer>) -> Attempt {
    let warned = answer.is_some_and(|answer| matches!(answer.code, 24 | 25));
    match attempt {
        Attempt::Delivered | Attempt::Pending(_) if warned => {
            Attempt::Slower { pause: HEC_SLOW_DOWN, then: Box::new(attempt) }
        }
        Attempt::Delivered
        | Attempt::Pending(_)
        | Attempt::Slower { .. }
        | Attempt::Retry { .. }
        | Attempt::Poison { .. }
        | Attempt::Split(_)
        | Attempt::Hold(_)
        | Attempt::Lost(_) => attempt,
    }
}

/// The body's size before compression. A gzip body says it in its last four bytes (RFC 1952, section 2.3.1).
fn size_before_coding(parcel: &Parcel) -> u64 {
    match (parcel.coding, parcel.body.last_chunk::<4>()) {
        (Coding::Gzip, Some(size)) => u64::from(u32::from_le_bytes(*size)),
        (Coding::Gzip, None) | (Coding::Identity | Coding::Zstd { .. }, _) => parcel.body.len() as u64,
    }
}

#[derive(Deserialize)]
struct AckAnswer {
    acks: std::collections::BTreeMap<String, bool>,
}

impl Ask for Endpoint {
    async fn ask(&self, line: &Line, ids: &[u64]) -> Reply {
        let (mut token, mut refused) = (self.login.token(), Vec::new());
        loop {
            let seen = match self.send_on(line, self.ack_request(&token, line.id(), ids)).await {
                Ok(seen) => seen,
                Err(Unanswered { kind: UnansweredKind::Retry(failure), .. }) => {
                    return Reply::Unclear(failure.to_string());
                }
                Err(Unanswered { kind: UnansweredKind::Hold(failure), .. }) => return Reply::Refused(failure),
            };
            let is_refused = matches!(seen.status, 401 | 403);
            let reply = reply(&seen, token.secret());
            refused.push(token);
            match is_refused.then(|| self.login.after_refusal(&refused)).flatten() {
                Some(other) => token = other,
                None => return reply,
            }
        }
    }
}

/// What an answer of the acknowledgement endpoint proves: nothing, unless it is `{"acks":{"<id>":true}}`.
fn reply(seen: &Seen, token: &Secret) -> Reply {
    let code = seen.hec().map(|answer| answer.code);
    match (seen.status, code) {
        (401 | 403, _) => Reply::Refused(Failure::new(Reason::Unauthorized, seen.describe(token))),
        (400, Some(14)) => Reply::Refused(Failure::new(Reason::AckDisabled, seen.describe(token))),
        (200 | 201, _) if seen.whole => match serde_json::from_slice::<AckAnswer>(&seen.body) {
            Ok(AckAnswer { acks }) => {
                let proven = acks.into_iter().filter(|(_, safe)| *safe);
                Reply::Known(proven.filter_map(|(id, _)| id.parse().ok()).collect())
            }
            Err(_) => Reply::Unclear(seen.describe(token)),
        },
        _ => Reply::Unclear(seen.describe(token)),
    }
}
