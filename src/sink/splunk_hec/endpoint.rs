//! One HEC endpoint: a single attempt at posting a parcel, and what counts as proof.

mod asking;
mod requests;

use std::sync::Arc;

use reqwest::RequestBuilder;
use reqwest::header::COOKIE;
use uuid::Uuid;

use super::BuildError;
use super::acks::{Acks, Fate, Lease, Ticket};
use super::answer::HecAnswer;
use super::classify::{Sent, Verdict, classify};
use super::config::HecConfig;
use super::index::Indexes;
use super::line::Line;
use super::tokens::{Login, Token, Tokens};
use crate::defaults::{HEC_ANSWER_MAX_BYTES, HEC_PENDING_ACKS_MAX, HEC_SLOW_DOWN};
use crate::delivery::attempt::{Attempt, Coding, Failure, Parcel};
use crate::reason::Reason;
use crate::sink::DeliveryLevel;
use crate::sink::http::{Seen, Unanswered};
use crate::tls::HttpClient;
use requests::Requests;

#[derive(Debug)]
pub(super) struct Endpoint {
    name: String,
    requests: Requests,
    indexes: Indexes,
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
        let requests = Requests::new(address, config, client)?;
        let proof = match config.delivery {
            // What archives prove, no collector does.
            DeliveryLevel::Accepted | DeliveryLevel::Archived => Proof::Accepted { channel },
            DeliveryLevel::Indexed => {
                Proof::Indexed { acks: Arc::new(Acks::new(config.ack_timeout, config.ack_poll_interval)) }
            }
        };
        let (indexes, login) = (Indexes::new(&config.events), Login::new(tokens));
        Ok(Self { name: requests.name(), requests, indexes, login, proof })
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

    pub(super) fn requests(&self) -> &Requests {
        &self.requests
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
        let seen = match self.send(self.requests.parcel(token, channel, &parcel)).await {
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
        let seen = match self.send_on(lease.line(), self.requests.parcel(token, lease.line().id(), &parcel)).await {
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
        let sent = Sent { events, bytes, level: self.level(), token: token.secret(), raw: self.requests.are_raw() };
        match (classify(&sent, seen, answer), answer) {
            (Verdict::Hold(failure), Some(answer)) if failure.reason == Reason::WrongIndex => {
                self.indexes.refused(parcel, answer, failure)
            }
            (verdict, _) => verdict,
        }
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
