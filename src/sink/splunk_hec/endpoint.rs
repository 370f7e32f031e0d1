//! One HEC endpoint: its addresses, its channels, and a single attempt at posting a parcel.

use std::sync::Arc;

use reqwest::header::{AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE, COOKIE, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Method, RequestBuilder, Url};
use serde::Deserialize;
use uuid::Uuid;

use super::BuildError;
use super::acks::{Acks, Ask, Fate, Lease, Reply, Ticket};
use super::answer::{Seen, presentable};
use super::classify::{Sent, Verdict, classify};
use super::config::HecConfig;
use super::line::Line;
use super::tokens::{Login, Token, Tokens};
use crate::defaults::HEC_PENDING_ACKS_MAX;
use crate::delivery::attempt::{Attempt, Coding, Failure, Parcel};
use crate::reason::Reason;
use crate::secret::Secret;
use crate::sink::DeliveryLevel;
use crate::tls::{self, HttpClient};

/// As the Kafka connector sends it; other collectors behind HEC look at the profile.
const EVENT_TYPE: &str = "application/json; profile=urn:splunk:event:1.0; charset=utf-8";

const CHANNEL: HeaderName = HeaderName::from_static("x-splunk-request-channel");
const APP_NAME: HeaderName = HeaderName::from_static("__splunk_app_name");
const APP_VERSION: HeaderName = HeaderName::from_static("__splunk_app_version");

#[derive(Debug)]
pub(super) struct Endpoint {
    name: String,
    event: Url,
    ack: Url,
    health: Url,
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

/// A request that brought no answer.
pub(super) struct Unanswered {
    /// The server may have processed the request.
    pub(super) maybe_processed: bool,
    pub(super) kind: UnansweredKind,
}

pub(super) enum UnansweredKind {
    Retry(Failure),
    Hold(Failure),
}

impl Endpoint {
    pub(super) fn new(
        address: &str,
        config: &HecConfig,
        client: Arc<HttpClient>,
        tokens: Arc<Tokens>,
    ) -> Result<Self, BuildError> {
        let url = |path: &str| {
            let full = format!("{}/services/collector/{path}", address.trim_end_matches('/'));
            Url::parse(&full).ok().filter(Url::has_host).ok_or_else(|| BuildError::Endpoint(address.to_owned()))
        };
        let headers = HeaderMap::from_iter([
            (CONTENT_TYPE, HeaderValue::from_static(EVENT_TYPE)),
            (APP_NAME, HeaderValue::from_static(env!("CARGO_PKG_NAME"))),
            (APP_VERSION, HeaderValue::from_static(env!("CARGO_PKG_VERSION"))),
        ]);
        let proof = match config.delivery {
            DeliveryLevel::Accepted => Proof::Accepted { channel: Uuid::new_v4() },
            DeliveryLevel::Indexed => {
                Proof::Indexed { acks: Arc::new(Acks::new(config.ack_timeout, config.ack_poll_interval)) }
            }
        };
        let event = url("event")?;
        let name = event.origin().ascii_serialization();
        let login = Login::new(tokens);
        Ok(Self { name, event, ack: url("ack")?, health: url("health")?, client, headers, login, proof })
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
                Attempt::Delivered | Attempt::Pending(_) => {
                    self.login.taken(&token, &refused);
                    return attempt;
                }
                Attempt::Hold(_) | Attempt::Retry { .. } | Attempt::Poison { .. } | Attempt::Split(_) => {
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
        let sent = self.sent(token, &parcel);
        // Without a cookie: every request may go to another indexer.
        match self.send(self.event_request(token, channel, parcel)).await {
            Err(unanswered) => unanswered.into(),
            Ok(seen) => match classify(&sent, &seen, seen.hec().as_ref()) {
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
            },
        }
    }

    async fn attempt_indexed(self: Arc<Self>, token: &Token, acks: Arc<Acks>, lease: Lease, parcel: Parcel) -> Attempt {
        let sent = self.sent(token, &parcel);
        let seen = match self.send_on(lease.line(), self.event_request(token, lease.line().id(), parcel)).await {
            Ok(seen) => seen,
            Err(unanswered) => {
                if !unanswered.maybe_processed {
                    lease.unused();
                }
                return unanswered.into();
            }
        };
        let answer = seen.hec();
        let verdict = classify(&sent, &seen, answer.as_ref());
        let ticket = match answer {
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
            (Verdict::AwaitAck(_) | Verdict::Delivered, Some(Ok(ticket))) => self.pending(acks, ticket),
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

    fn sent<'a>(&self, token: &'a Token, parcel: &Parcel) -> Sent<'a> {
        Sent { events: parcel.events, bytes: size_before_coding(parcel), level: self.level(), token: token.secret() }
    }

    fn event_request(&self, token: &Token, channel: Uuid, parcel: Parcel) -> RequestBuilder {
        let request = self.request(token, Method::POST, self.event.clone(), channel);
        let request = match parcel.coding {
            Coding::Identity => request,
            Coding::Gzip => request.header(CONTENT_ENCODING, "gzip"),
        };
        request.body(parcel.body)
    }

    /// A request for `GET /services/collector/health`.
    pub(super) fn health_request(&self, token: &Token) -> RequestBuilder {
        self.request(token, Method::GET, self.health.clone(), Uuid::new_v4())
    }

    /// A request to the event endpoint that carries nothing.
    pub(super) fn empty_request(&self, token: &Token) -> RequestBuilder {
        self.request(token, Method::POST, self.event.clone(), Uuid::new_v4())
    }

    /// A query for acknowledgements.
    pub(super) fn ack_request(&self, token: &Token, channel: Uuid, ids: &[u64]) -> RequestBuilder {
        let list = ids.iter().map(u64::to_string).collect::<Vec<_>>().join(",");
        self.request(token, Method::POST, self.ack.clone(), channel).body(format!("{{\"acks\":[{list}]}}"))
    }

    fn request(&self, token: &Token, method: Method, url: Url, channel: Uuid) -> RequestBuilder {
        let request = self.client.get().request(method, url).headers(self.headers.clone());
        request.header(AUTHORIZATION, token.header()).header(CHANNEL, channel.to_string())
    }

    pub(super) async fn send(&self, request: RequestBuilder) -> Result<Seen, Unanswered> {
        match request.send().await {
            Ok(response) => Ok(Seen::read(response).await),
            Err(error) => Err(self.unanswered(error.without_url())),
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
                Ok(Seen::read(response).await)
            }
            Err(error) => Err(self.unanswered(error.without_url())),
        }
    }

    fn unanswered(&self, error: reqwest::Error) -> Unanswered {
        // What fails on the way was said by no server, so it holds no token that was sent; the current one stands for all.
        let token = self.login.token();
        let failure = |reason, words: &str| Failure::new(reason, presentable(words, token.secret()));
        if let Some(words) = tls::explain(&error) {
            // An alert may come after the request has left.
            return Unanswered { maybe_processed: true, kind: UnansweredKind::Hold(failure(Reason::Tls, &words)) };
        }
        let words = tls::chain(&error);
        let reason = match () {
            () if error.is_connect() => Reason::Connect,
            () if error.is_timeout() => Reason::Timeout,
            () => Reason::Network,
        };
        let kind = UnansweredKind::Retry(failure(reason, &words));
        Unanswered { maybe_processed: !error.is_connect(), kind }
    }
}

impl From<Unanswered> for Attempt {
    fn from(unanswered: Unanswered) -> Self {
        match unanswered.kind {
            UnansweredKind::Retry(failure) => Attempt::Retry { after: None, failure },
            UnansweredKind::Hold(failure) => Attempt::Hold(failure),
        }
    }
}

/// The body's size before compression. A gzip body says it in its last four bytes (RFC 1952, section 2.3.1).
fn size_before_coding(parcel: &Parcel) -> u64 {
    match (parcel.coding, parcel.body.last_chunk::<4>()) {
        (Coding::Gzip, Some(size)) => u64::from(u32::from_le_bytes(*size)),
        (Coding::Gzip, None) | (Coding::Identity, _) => parcel.body.len() as u64,
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
