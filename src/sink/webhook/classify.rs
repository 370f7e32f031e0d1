//! What an answer means for the events that were sent. Pure.
//!
//! | status | one event | several |
//! | --- | --- | --- |
//! | 2xx, read to its end | delivered: the status is the receipt | the same |
//! | 2xx that breaks off or does not end | retry: unknown is not delivered | the same |
//! | 1xx | retry: no answer to a request | the same |
//! | 3xx | hold: a redirect is never followed | the same |
//! | 400, 422 | dead letter | split |
//! | 400 of PagerDuty that speaks of the routing key | hold: credentials | |
//! | 413 | dead letter: too large | split |
//! | 401, 403, 407 | hold: credentials | the same |
//! | 408 | retry | the same |
//! | 409, 423, 425, 429, 503 | retry, after what `Retry-After` says: busy, also with this very event | the same |
//! | other 5xx | retry, after what `Retry-After` says | the same |
//! | all others (402, 404, 405, 406, 410, 415 …) | hold: the address, the format or what stands there is wrong | the same |
//!
//! 404 and 410 are what Slack and other services answer when a webhook was removed, and 415 when the format is another: that
//! concerns every event alike, so none of them is at fault.

use std::time::Duration;

use super::config::Format;
use crate::delivery::attempt::{Attempt, Failure};
use crate::reason::Reason;
use crate::secret::Secret;
use crate::sink::http::{Seen, presentable};

#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Verdict {
    Delivered,
    Retry { after: Option<Duration>, failure: Failure },
    Split(Failure),
    Hold(Failure),
}

impl From<Verdict> for Attempt {
    fn from(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Delivered => Self::Delivered,
            Verdict::Retry { after, failure } => Self::Retry { after, failure },
            Verdict::Split(failure) => Self::Split(failure),
            Verdict::Hold(failure) => Self::Hold(failure),
        }
    }
}

/// `secrets` are kept out of what is shown.
pub(super) fn classify(format: &Format, events: usize, seen: &Seen, secrets: &[&Secret]) -> Verdict {
    let failure = |reason| Failure::new(reason, describe(seen, secrets));
    let retry = |reason| Verdict::Retry { after: seen.retry_after, failure: failure(reason) };
    match seen.status {
        200..=299 if seen.whole => Verdict::Delivered,
        100..=299 => retry(Reason::UnexpectedAnswer),
        400 if is_about_the_routing_key(format, seen) => Verdict::Hold(failure(Reason::Unauthorized)),
        400 | 422 if events == 1 => Verdict::Split(failure(Reason::EventRefused)),
        400 | 422 => Verdict::Split(failure(Reason::Refused)),
        413 if events == 1 => Verdict::Split(failure(Reason::TooLarge)),
        413 => Verdict::Split(failure(Reason::RequestTooLarge)),
        401 | 403 | 407 => Verdict::Hold(failure(Reason::Unauthorized)),
        408 => retry(Reason::Timeout),
        409 | 423 | 425 | 429 | 503 => retry(Reason::Busy),
        500..=599 => retry(Reason::ServerError),
        _ => Verdict::Hold(failure(Reason::UnexpectedAnswer)),
    }
}

/// PagerDuty answers 400 to a routing key that it does not know, and no event would be at fault.
fn is_about_the_routing_key(format: &Format, seen: &Seen) -> bool {
    let says = |words: &[u8]| seen.body.windows(words.len()).any(|window| window.eq_ignore_ascii_case(words));
    matches!(format, Format::PagerDuty(_)) && (says(b"routing_key") || says(b"routing key"))
}

/// What was seen, in words for a human: bounded, on one line, without secrets.
fn describe(seen: &Seen, secrets: &[&Secret]) -> String {
    let mut text = format!("HTTP {}", seen.status);
    if let (300..=399, Some(location)) = (seen.status, &seen.location) {
        text.push_str(&format!(", a redirect to {location}, which is not followed"));
    } else if !seen.whole {
        text.push_str(", an answer that is cut short or too long");
    }
    if seen.body.is_empty() {
        text.push_str(", no body");
    } else {
        text.push_str(&format!(": {}", String::from_utf8_lossy(&seen.body)));
    }
    presentable(&text, secrets)
}
