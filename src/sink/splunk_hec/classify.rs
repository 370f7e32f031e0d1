//! What an answer of the event endpoint means for the parcel that was sent. Pure.
//!
//! The HTTP status decides first, because it is there even when something other than HEC answers; the HEC code decides
//! within 200 and 400 ("Possible error codes" in Splunk's HEC documentation; 18 and above as Splunk 10 sends them).
//!
//! | status | code | verdict |
//! | --- | --- | --- |
//! | 200, 201 | 0, 24, 25 | taken; at level `indexed` without an `ackId`: hold |
//! | 200, 201 | other, or unreadable | retry: unknown is not delivered |
//! | 408, 425, 429, 5xx | any | retry, after what `Retry-After` says |
//! | 401, 403, 407 | any | hold: credentials |
//! | 413 | any | split |
//! | 400 | 8, 9, 18 to 20, 23, 26, 27 | retry |
//! | 400 | 1 to 4, 16, 21, 22 | hold: credentials |
//! | 400 | 7 | hold: index; when a record brought it, see [`index`](super::index) |
//! | 400 | 10, 11, 28; 14 | hold: channel; acknowledgement |
//! | 400 | 5, 6, 12, 13, 15, or unknown | poison when an event of the parcel is named, else split |
//! | 400 | 6 naming object 0 of a large body | split: Splunk Cloud's way to say that the body is too large |
//! | 400 | 0, 17, 24, 25, or unreadable | retry: not HEC that speaks |
//! | others (3xx, 404, 405, 415 ...) | any | hold: the address or what stands there is wrong |

use std::time::Duration;

use super::answer::HecAnswer;
use crate::defaults::HEC_OVERSIZE_SUSPECT;
use crate::delivery::attempt::Failure;
use crate::reason::Reason;
use crate::secret::Secret;
use crate::sink::DeliveryLevel;
use crate::sink::http::Seen;

/// What was sent, as far as it matters for the meaning of the answer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sent<'a> {
    pub(super) events: usize,
    /// Size of the body before compression.
    pub(super) bytes: u64,
    pub(super) level: DeliveryLevel,
    /// Kept out of what is shown.
    pub(super) token: &'a Secret,
    /// To the raw endpoint, which counts what it makes of a body, not our events: the number it names is none of ours.
    pub(super) raw: bool,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Verdict {
    Delivered,
    /// Taken; to be proven by this acknowledgement.
    AwaitAck(u64),
    Retry {
        after: Option<Duration>,
        failure: Failure,
    },
    /// Events before `bad` are indexed, at level `accepted` beyond doubt, else once `ack_id` is acknowledged.
    Poison {
        bad: usize,
        ack_id: Option<u64>,
        failure: Failure,
    },
    Split(Failure),
    Hold(Failure),
}

pub(super) fn classify(sent: &Sent<'_>, seen: &Seen, answer: Option<&HecAnswer>) -> Verdict {
    let failure = |reason| Failure::new(reason, seen.describe(sent.token));
    let retry = |reason| Verdict::Retry { after: seen.retry_after, failure: failure(reason) };
    match seen.status {
        200 | 201 => success(sent, answer, &failure),
        400 => match answer {
            Some(answer) => bad_request(sent, answer, &failure),
            None => retry(Reason::UnexpectedAnswer),
        },
        401 | 403 | 407 => Verdict::Hold(failure(Reason::Unauthorized)),
        408 => retry(Reason::Timeout),
        413 if sent.events == 1 => Verdict::Split(failure(Reason::TooLarge)),
        413 => Verdict::Split(failure(Reason::RequestTooLarge)),
        425 | 429 | 503 => retry(Reason::Busy),
        500..=599 if answer.is_some_and(|answer| means_later(answer.code)) => retry(Reason::Busy),
        500..=599 => retry(Reason::ServerError),
        // Another kind of success is not what HEC sends.
        100..=299 => retry(Reason::UnexpectedAnswer),
        _ => Verdict::Hold(failure(Reason::UnexpectedAnswer)),
    }
}

fn success(sent: &Sent<'_>, answer: Option<&HecAnswer>, failure: &impl Fn(Reason) -> Failure) -> Verdict {
    // 24 and 25 announce that a queue fills up; the events are taken.
    let Some(answer) = answer.filter(|answer| matches!(answer.code, 0 | 24 | 25)) else {
        return Verdict::Retry { after: None, failure: failure(Reason::UnexpectedAnswer) };
    };
    match (sent.level, answer.ack_id) {
        (DeliveryLevel::Accepted | DeliveryLevel::Archived, _) => Verdict::Delivered,
        (DeliveryLevel::Indexed, Some(id)) => Verdict::AwaitAck(id),
        (DeliveryLevel::Indexed, None) => {
            let Failure { reason, detail } = failure(Reason::AckDisabled);
            let remedy = "no ackId: enable indexer acknowledgement (useACK) on the token";
            Verdict::Hold(Failure { reason, detail: format!("{remedy}; {detail}") })
        }
    }
}

fn bad_request(sent: &Sent<'_>, answer: &HecAnswer, failure: &impl Fn(Reason) -> Failure) -> Verdict {
    match answer.code {
        1..=4 | 16 | 21 | 22 => Verdict::Hold(failure(Reason::Unauthorized)),
        7 => Verdict::Hold(failure(Reason::WrongIndex)),
        10 | 11 | 28 => Verdict::Hold(failure(Reason::Channel)),
        14 => Verdict::Hold(failure(Reason::AckDisabled)),
        code if means_later(code) => Verdict::Retry { after: None, failure: failure(Reason::Busy) },
        0 | 17 | 24 | 25 => Verdict::Retry { after: None, failure: failure(Reason::UnexpectedAnswer) },
        code => refused(sent, code, answer, failure),
    }
}

/// The server refuses an event; which one, if it says so.
fn refused(sent: &Sent<'_>, code: u32, answer: &HecAnswer, failure: &impl Fn(Reason) -> Failure) -> Verdict {
    let of_the_event = match code {
        5 | 6 => Reason::InvalidFormat,
        12 | 13 | 15 => Reason::EventRefused,
        _ => Reason::Refused,
    };
    let numbered = answer.invalid_event.filter(|_| !sent.raw).and_then(|n| usize::try_from(n).ok());
    let named = numbered.filter(|n| *n < sent.events);
    let suspect = sent.bytes >= HEC_OVERSIZE_SUSPECT.get();
    match named {
        Some(0) if code == 6 && suspect && sent.events == 1 => Verdict::Split(failure(Reason::TooLarge)),
        Some(0) if code == 6 && suspect => Verdict::Split(failure(Reason::RequestTooLarge)),
        Some(bad) => Verdict::Poison { bad, ack_id: answer.ack_id, failure: failure(of_the_event) },
        None if sent.events == 1 => Verdict::Split(failure(of_the_event)),
        None => Verdict::Split(failure(Reason::Refused)),
    }
}

/// Codes that ask to come back later: busy, unhealthy, shutting down, at capacity.
const fn means_later(code: u32) -> bool {
    matches!(code, 8 | 9 | 18..=20 | 23 | 26 | 27)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::hec::{CODES, hec_answer};
    use DeliveryLevel::{Accepted, Indexed};

    /// A verdict without its words.
    fn short(verdict: &Verdict) -> String {
        match verdict {
            Verdict::Delivered => "delivered".into(),
            Verdict::AwaitAck(id) => format!("await {id}"),
            Verdict::Retry { after: None, failure } => format!("retry {}", failure.reason),
            Verdict::Retry { after: Some(after), failure } => format!("retry {} in {after:?}", failure.reason),
            Verdict::Poison { bad, ack_id: None, failure } => format!("poison {bad} {}", failure.reason),
            Verdict::Poison { bad, ack_id: Some(id), failure } => format!("poison {bad} {} await {id}", failure.reason),
            Verdict::Split(failure) => format!("split {}", failure.reason),
            Verdict::Hold(failure) => format!("hold {}", failure.reason),
        }
    }

    fn verdict_of(sent: (usize, u64, DeliveryLevel), status: u16, body: &str) -> String {
        let token = Secret::new("token".into());
        let (events, bytes, level) = sent;
        let seen = Seen { status, body: body.into(), whole: true, ..Seen::default() };
        let answer = seen.hec();
        short(&classify(&Sent { events, bytes, level, token: &token, raw: false }, &seen, answer.as_ref()))
    }

    const SMALL: u64 = 1000;

    #[test]
    fn every_hec_code_has_its_verdict_for_one_event_and_for_many_at_both_levels() {
        // code, one event accepted, many accepted, one indexed, many indexed
        let all_levels = |verdict: &'static str| [verdict; 4];
        let by_size = |one: &'static str, many: &'static str| [one, many, one, many];
        let by_level = |accepted: &'static str, indexed: &'static str| [accepted, accepted, indexed, indexed];
        let expected: [[&str; 4]; 29] = [
            by_level("delivered", "hold ack_disabled"),
            all_levels("hold unauthorized"),
            all_levels("hold unauthorized"),
            all_levels("hold unauthorized"),
            all_levels("hold unauthorized"),
            by_size("split invalid_format", "split refused"),
            by_size("split invalid_format", "split refused"),
            all_levels("hold wrong_index"),
            all_levels("retry busy"),
            all_levels("retry busy"),
            all_levels("hold channel"),
            all_levels("hold channel"),
            by_size("split event_refused", "split refused"),
            by_size("split event_refused", "split refused"),
            all_levels("hold ack_disabled"),
            by_size("split event_refused", "split refused"),
            all_levels("hold unauthorized"),
            all_levels("retry unexpected_answer"),
            all_levels("retry busy"),
            all_levels("retry busy"),
            all_levels("retry busy"),
            all_levels("hold unauthorized"),
            all_levels("hold unauthorized"),
            all_levels("retry busy"),
            by_level("delivered", "hold ack_disabled"),
            by_level("delivered", "hold ack_disabled"),
            all_levels("retry busy"),
            all_levels("retry busy"),
            all_levels("hold channel"),
        ];
        for ((code, status, _), expected) in CODES.into_iter().zip(expected) {
            let body = String::from_utf8(hec_answer(code).body).unwrap();
            let seen = [(1, Accepted), (9, Accepted), (1, Indexed), (9, Indexed)]
                .map(|(events, level)| verdict_of((events, SMALL, level), status, &body));
            assert_eq!(seen, expected, "code {code}");
        }
    }

    #[test]
    fn a_named_event_is_poison_when_it_is_one_of_the_parcel() {
        for (code, reason) in [
            (5, "invalid_format"),
            (6, "invalid_format"),
            (12, "event_refused"),
            (13, "event_refused"),
            (15, "event_refused"),
        ] {
            let body = |n: i64| format!(r#"{{"text":"x","code":{code},"invalid-event-number":{n}}}"#);
            assert_eq!(verdict_of((9, SMALL, Accepted), 400, &body(0)), format!("poison 0 {reason}"));
            assert_eq!(verdict_of((9, SMALL, Accepted), 400, &body(8)), format!("poison 8 {reason}"));
            assert_eq!(verdict_of((9, SMALL, Accepted), 400, &body(9)), "split refused");
            assert_eq!(verdict_of((1, SMALL, Indexed), 400, &body(0)), format!("poison 0 {reason}"));
            assert_eq!(verdict_of((1, SMALL, Indexed), 400, &body(1)), format!("split {reason}"));
            assert_eq!(verdict_of((9, SMALL, Indexed), 400, &body(-1)), "retry unexpected_answer");
        }
        let partial = r#"{"text":"x","code":6,"invalid-event-number":2,"ackId":4}"#;
        assert_eq!(verdict_of((9, SMALL, Indexed), 400, partial), "poison 2 invalid_format await 4");
    }

    #[test]
    fn object_0_of_a_large_body_is_not_condemned_for_the_size_of_the_body() {
        let body = r#"{"text":"Invalid data format","code":6,"invalid-event-number":0}"#;
        let large = 1 << 20;
        assert_eq!(verdict_of((9, large, Accepted), 400, body), "split request_too_large");
        assert_eq!(verdict_of((1, large, Accepted), 400, body), "split too_large");
        assert_eq!(verdict_of((9, large - 1, Accepted), 400, body), "poison 0 invalid_format");
        let second = r#"{"text":"Invalid data format","code":6,"invalid-event-number":1}"#;
        assert_eq!(verdict_of((9, large, Accepted), 400, second), "poison 1 invalid_format");
    }

    #[test]
    fn the_index_holds_whatever_event_is_named() {
        let body = r#"{"text":"Incorrect index","code":7,"invalid-event-number":1}"#;
        assert_eq!(verdict_of((1, SMALL, Accepted), 400, body), "hold wrong_index");
    }

    #[test]
    fn the_status_decides_when_the_body_is_no_answer() {
        for body in ["", "<html>no</html>", r#"{"text":"Succ"#, r#"{"text":"not found","code":404}"#] {
            for (status, expected) in [
                (200, "retry unexpected_answer"),
                (201, "retry unexpected_answer"),
                (204, "retry unexpected_answer"),
                (301, "hold unexpected_answer"),
                (307, "hold unexpected_answer"),
                (401, "hold unauthorized"),
                (403, "hold unauthorized"),
                (404, "hold unexpected_answer"),
                (405, "hold unexpected_answer"),
                (407, "hold unauthorized"),
                (408, "retry timeout"),
                (410, "hold unexpected_answer"),
                (413, "split request_too_large"),
                (415, "hold unexpected_answer"),
                (425, "retry busy"),
                (429, "retry busy"),
                (500, "retry server_error"),
                (502, "retry server_error"),
                (503, "retry busy"),
                (504, "retry server_error"),
                (599, "retry server_error"),
            ] {
                assert_eq!(verdict_of((9, SMALL, Accepted), status, body), expected, "{status} {body}");
                assert_eq!(verdict_of((9, SMALL, Indexed), status, body), expected, "{status} {body}");
            }
        }
        assert_eq!(verdict_of((1, SMALL, Accepted), 413, ""), "split too_large");
        assert_eq!(verdict_of((9, SMALL, Accepted), 400, "<html>"), "retry unexpected_answer");
        assert_eq!(verdict_of((9, SMALL, Accepted), 400, r#"{"text":"new","code":29}"#), "split refused");
    }

    #[test]
    fn a_success_with_another_code_or_identifier_is_not_taken_at_its_word() {
        for body in [r#"{"code":9}"#, r#"{"code":17}"#, r#"{"code":0,"ackId":"0"}"#, r#"{"code":0,"ackId":-1}"#] {
            assert_eq!(verdict_of((1, SMALL, Accepted), 200, body), "retry unexpected_answer", "{body}");
        }
        assert_eq!(verdict_of((1, SMALL, Indexed), 200, r#"{"code":24,"ackId":3}"#), "await 3");
        assert_eq!(verdict_of((1, SMALL, Accepted), 200, r#"{"code":0,"ackId":3}"#), "delivered");
    }

    #[test]
    fn the_pause_that_the_server_asks_for_is_passed_on() {
        let token = Secret::new("token".into());
        let sent = Sent { events: 1, bytes: 1, level: Accepted, token: &token, raw: false };
        let pause = Some(Duration::from_secs(7));
        for status in [429, 503] {
            let seen = Seen { status, retry_after: pause, whole: true, ..Seen::default() };
            assert_eq!(short(&classify(&sent, &seen, None)), "retry busy in 7s");
        }
    }
}
