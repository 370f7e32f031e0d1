//! Would delivery work? Asked without writing an event.
//!
//! The health endpoint tells whether HEC is up, but not whether the token is good (10.4.3 does not look at it there). An
//! empty body at the event endpoint does: HEC checks the token before it finds that there is no data, and says so with
//! code 5. An empty query at the acknowledgement endpoint is refused with code 14 when the token has none.
//!
//! While the program runs only the health is asked for, of an endpoint that delivery has doubts about ([`condition`]):
//!
//! | answer | condition |
//! | --- | --- |
//! | 429, 5xx (HEC codes 18 to 20 and 23 come with 503) | unwell |
//! | any other: 200, but also 401, 404 ... | well: collectors other than Splunk may not know the question, and the rest a parcel finds out |
//! | none in time, no connection | silent |
//! | TLS fails | well: a parcel finds out at once, and a human has to know |

use uuid::Uuid;

use super::endpoint::Endpoint;
use crate::delivery::attempt::Failure;
use crate::reason::Reason;
use crate::secret::Secret;
use crate::sink::http::{Seen, Unanswered, UnansweredKind};
use crate::sink::{Condition, DeliveryLevel};

/// What an endpoint said about itself and the token.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Probe {
    pub health: Health,
    pub token: TokenState,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Health {
    Healthy,
    /// HEC answers, but cannot take events at present.
    Unhealthy(Failure),
    /// No connection, or what answers is not HEC.
    Unreachable(Failure),
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub enum TokenState {
    Accepted,
    /// Accepted, but delivery level `indexed` needs indexer acknowledgement, which the token does not have.
    WithoutAcknowledgement(Failure),
    Refused(Failure),
    /// The endpoint gave no answer about it.
    Unknown(Failure),
}

pub(super) async fn probe(endpoint: &Endpoint) -> Probe {
    Probe { health: health(endpoint).await, token: token(endpoint).await }
}

/// Asks for the health, and believes little of what comes back; see the table above.
pub(super) async fn condition(endpoint: &Endpoint) -> Condition {
    let token = endpoint.login().token();
    let request = endpoint.requests().short_health(&token);
    let failure = |reason, detail| Failure::new(reason, format!("asked for its health: {detail}"));
    match endpoint.send(request).await {
        Ok(seen) => match seen.status {
            429 | 503 => Condition::Unwell(failure(Reason::Busy, seen.describe(token.secret()))),
            500..=599 => Condition::Unwell(failure(Reason::ServerError, seen.describe(token.secret()))),
            _ => Condition::Well,
        },
        Err(Unanswered { kind: UnansweredKind::Hold(_), .. }) => Condition::Well,
        Err(Unanswered { kind: UnansweredKind::Retry(Failure { reason, detail }), .. }) => {
            Condition::Silent(failure(reason, detail))
        }
    }
}

async fn health(endpoint: &Endpoint) -> Health {
    let token = endpoint.login().token();
    let seen = match endpoint.send(endpoint.requests().health(&token)).await {
        Ok(seen) => seen,
        Err(unanswered) => return Health::Unreachable(unanswered.kind.into_failure()),
    };
    let failure = |reason| Failure::new(reason, seen.describe(token.secret()));
    match (seen.status, seen.hec()) {
        (200, Some(_)) => Health::Healthy,
        (500..=599, _) => Health::Unhealthy(failure(Reason::Busy)),
        (_, Some(_)) => Health::Unhealthy(failure(Reason::UnexpectedAnswer)),
        (_, None) => Health::Unreachable(failure(Reason::UnexpectedAnswer)),
    }
}

async fn token(endpoint: &Endpoint) -> TokenState {
    let token = endpoint.login().token();
    let seen = match endpoint.send(endpoint.requests().empty(&token)).await {
        Ok(seen) => seen,
        Err(unanswered) => return TokenState::Unknown(unanswered.kind.into_failure()),
    };
    let failure = |reason| Failure::new(reason, seen.describe(token.secret()));
    match (seen.status, seen.hec().map(|answer| answer.code)) {
        (400, Some(5)) => match endpoint.level() {
            DeliveryLevel::Accepted | DeliveryLevel::Archived => TokenState::Accepted,
            DeliveryLevel::Indexed => acknowledgement(endpoint).await,
        },
        (401 | 403, _) | (400, Some(1..=4 | 16 | 21 | 22)) => TokenState::Refused(failure(Reason::Unauthorized)),
        (400, Some(10 | 11 | 28)) => TokenState::Refused(failure(Reason::Channel)),
        _ => TokenState::Unknown(failure(Reason::UnexpectedAnswer)),
    }
}

async fn acknowledgement(endpoint: &Endpoint) -> TokenState {
    let token = endpoint.login().token();
    match endpoint.send(endpoint.requests().acks(&token, Uuid::new_v4(), &[])).await {
        Err(unanswered) => TokenState::Unknown(unanswered.kind.into_failure()),
        Ok(seen) => judge_acknowledgement(token.secret(), &seen),
    }
}

fn judge_acknowledgement(token: &Secret, seen: &Seen) -> TokenState {
    let failure = |reason| Failure::new(reason, seen.describe(token));
    match (seen.status, seen.hec().map(|answer| answer.code)) {
        (400, Some(14)) => TokenState::WithoutAcknowledgement(failure(Reason::AckDisabled)),
        (401 | 403, _) => TokenState::Refused(failure(Reason::Unauthorized)),
        // An empty list may be called no data; the token has been looked at before that.
        (200, _) | (400, Some(5 | 6)) => TokenState::Accepted,
        _ => TokenState::Unknown(failure(Reason::UnexpectedAnswer)),
    }
}
