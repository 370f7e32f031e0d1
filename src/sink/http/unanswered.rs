//! A request that brought no answer: what that was, and whether the server may have processed it.

use super::presentable;
use crate::delivery::attempt::{Attempt, Failure};
use crate::reason::Reason;
use crate::secret::Secret;
use crate::tls;

/// A request that brought no answer.
pub(in crate::sink) struct Unanswered {
    /// The server may have processed the request.
    pub(in crate::sink) maybe_processed: bool,
    pub(in crate::sink) kind: UnansweredKind,
}

pub(in crate::sink) enum UnansweredKind {
    Retry(Failure),
    Hold(Failure),
}

impl Unanswered {
    /// What `error` means. The address, which may hold a secret, and `secrets` stay out of the words.
    pub(in crate::sink) fn of(error: reqwest::Error, secrets: &[&Secret]) -> Self {
        let error = error.without_url();
        let failure = |reason, words: &str| Failure::new(reason, presentable(words, secrets));
        if let Some(words) = tls::explain_blocked(&error) {
            let kind = UnansweredKind::Hold(failure(Reason::AddressBlocked, &words));
            return Self { maybe_processed: false, kind };
        }
        if let Some(words) = tls::explain(&error) {
            // An alert may come after the request has left.
            return Self { maybe_processed: true, kind: UnansweredKind::Hold(failure(Reason::Tls, &words)) };
        }
        let words = tls::chain(&error);
        let reason = match () {
            () if error.is_connect() => Reason::Connect,
            () if error.is_timeout() => Reason::Timeout,
            () => Reason::Network,
        };
        Self { maybe_processed: !error.is_connect(), kind: UnansweredKind::Retry(failure(reason, &words)) }
    }
}

impl UnansweredKind {
    pub(in crate::sink) fn into_failure(self) -> Failure {
        match self {
            Self::Retry(failure) | Self::Hold(failure) => failure,
        }
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
