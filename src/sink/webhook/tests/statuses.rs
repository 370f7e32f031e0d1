//! What the suite does not ask: the reasons, and what single services mean.

use super::super::classify::{Verdict, classify};
use super::*;
use crate::sink::http::Seen;

fn word(format: &Format, events: usize, status: u16, body: &str) -> String {
    let seen = Seen { status, body: body.into(), whole: true, ..Seen::default() };
    match classify(format, events, &seen, &[]) {
        Verdict::Delivered => "delivered".to_owned(),
        Verdict::Retry { failure, .. } => format!("retry {}", failure.reason),
        Verdict::Split(failure) => format!("split {}", failure.reason),
        Verdict::Hold(failure) => format!("hold {}", failure.reason),
    }
}

#[test]
fn each_status_has_its_reason() {
    for (statuses, one, several) in [
        (&[200, 201, 202, 204, 299][..], "delivered", "delivered"),
        (&[101, 199], "retry unexpected_answer", "retry unexpected_answer"),
        (&[301, 302, 307, 308, 399], "hold unexpected_answer", "hold unexpected_answer"),
        (&[400, 422], "split event_refused", "split refused"),
        (&[401, 403, 407], "hold unauthorized", "hold unauthorized"),
        (&[402, 404, 405, 406, 410, 411, 415, 451, 499, 600], "hold unexpected_answer", "hold unexpected_answer"),
        (&[408], "retry timeout", "retry timeout"),
        (&[409, 423, 425, 429, 503], "retry busy", "retry busy"),
        (&[413], "split too_large", "split request_too_large"),
        (&[500, 501, 502, 504, 599], "retry server_error", "retry server_error"),
    ] {
        for status in statuses {
            assert_eq!(word(&Format::Json, 1, *status, ""), one, "{status}");
            assert_eq!(word(&Format::JsonArray, 9, *status, ""), several, "{status}");
        }
    }
}

#[test]
fn a_success_that_breaks_off_is_no_receipt() {
    let seen = Seen { status: 200, whole: false, ..Seen::default() };
    assert!(matches!(classify(&Format::Json, 1, &seen, &[]), Verdict::Retry { .. }));
}

/// What Slack, Teams and PagerDuty answer by their documentation.
#[test]
fn the_answers_of_the_services_mean_what_they_say() {
    assert_eq!(word(&Format::Slack, 1, 200, "ok"), "delivered");
    assert_eq!(word(&Format::Slack, 1, 400, "invalid_payload"), "split event_refused");
    assert_eq!(word(&Format::Slack, 1, 403, "action_prohibited"), "hold unauthorized");
    assert_eq!(word(&Format::Slack, 1, 404, "no_service"), "hold unexpected_answer");
    assert_eq!(word(&Format::Slack, 1, 410, "channel_is_archived"), "hold unexpected_answer");
    assert_eq!(word(&Format::Slack, 1, 500, "rollup_error"), "retry server_error");
    assert_eq!(word(&Format::Teams, 1, 202, ""), "delivered");
    let invalid =
        |what: &str| format!(r#"{{"status":"invalid event","message":"Event object is invalid","errors":["{what}"]}}"#);
    assert_eq!(word(&pager_duty(), 1, 202, r#"{"status":"success"}"#), "delivered");
    assert_eq!(word(&pager_duty(), 1, 400, &invalid("'payload.severity' is invalid")), "split event_refused");
    let about_the_key = invalid("Length of 'routing_key' is incorrect (should be 32 characters)");
    assert_eq!(word(&pager_duty(), 1, 400, &about_the_key), "hold unauthorized", "no event is at fault");
    assert_eq!(word(&Format::Json, 1, 400, &about_the_key), "split event_refused");
}
