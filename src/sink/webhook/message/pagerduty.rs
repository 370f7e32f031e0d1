//! An alert event for PagerDuty's Events API v2.
//!
//! Formats: "Send an alert event" at developer.pagerduty.com and the schema in `PagerDuty/api-schema`,
//! `reference/events-v2/openapiv3.json`: `routing_key`, `event_action` and a `payload` with `summary` (at most 1,024 characters),
//! `severity` and `source`; `dedup_key` of at most 255 characters; 512 KB in all.
//!
//! | event | severity |
//! | --- | --- |
//! | refused or failed | `error` |
//! | done, and something was created, changed or deleted | `warning` |
//! | anything else | `info` |
//!
//! The event's own `id` is the `dedup_key`, so an event that is sent twice is one alert. What is made here lacks the routing key
//! ([`with_routing_key`]): it may be replaced while an event waits.

use aws_lc_rs::digest;
use serde_json::{Map, Value, json};

use super::{Message, cut, text_of, visible};
use crate::event::{EventTime, Field, View};
use crate::secret::Secret;
use crate::sink::webhook::config::Severity;
use crate::sink::webhook::json::push_string;

const SUMMARY_MAX: usize = 1_024;
const DEDUP_KEY_MAX: usize = 255;

/// The event without its opening brace and its routing key. `identity` names it.
pub(in crate::sink::webhook) fn rest_of_body(
    message: &Message,
    view: &View<'_>,
    identity: &str,
    severity: Option<Severity>,
) -> Vec<u8> {
    let mut payload = Map::new();
    payload.insert("summary".to_owned(), cut(&message.headline, SUMMARY_MAX).into());
    payload.insert("severity".to_owned(), severity.unwrap_or_else(|| severity_of(view)).as_str().into());
    let source = text_of(view, Field::Cluster).or_else(|| text_of(view, Field::Source));
    payload.insert("source".to_owned(), source.unwrap_or_else(|| "confluent".to_owned()).into());
    if let Some(time) = view.text(Field::Time).filter(|time| EventTime::parse(time).is_some()) {
        payload.insert("timestamp".to_owned(), time.into_owned().into());
    }
    for (name, field) in [("component", Field::Resource), ("group", Field::Environment), ("class", Field::Method)] {
        payload.extend(text_of(view, field).map(|text| (name.to_owned(), text.into())));
    }
    let details: Map<String, Value> =
        message.facts.iter().map(|(name, value)| ((*name).to_owned(), value.as_str().into())).collect();
    payload.insert("custom_details".to_owned(), details.into());
    let event = json!({
        "event_action": "trigger",
        "dedup_key": dedup_key(identity),
        "client": env!("CARGO_PKG_NAME"),
        "payload": payload,
    });
    let mut body = event.to_string().into_bytes();
    body.remove(0);
    body
}

/// The whole event.
pub(in crate::sink::webhook) fn with_routing_key(rest: &[u8], routing_key: &Secret) -> Vec<u8> {
    let mut body = b"{\"routing_key\":".to_vec();
    push_string(&mut body, routing_key.expose());
    body.push(b',');
    body.extend_from_slice(rest);
    body
}

/// What is too long to be a key, or cannot be seen, is named by its digest: cut off, two could be the same.
fn dedup_key(identity: &str) -> String {
    if identity.chars().count() <= DEDUP_KEY_MAX && visible(identity) == identity {
        return identity.to_owned();
    }
    let digest = digest::digest(&digest::SHA256, identity.as_bytes());
    digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

fn severity_of(view: &View<'_>) -> Severity {
    let outcome = view.text(Field::Outcome).unwrap_or_default();
    let verb = view.text(Field::Verb).unwrap_or_default();
    match (outcome.as_ref(), verb.as_ref()) {
        ("failure", _) => Severity::Error,
        ("success", "create" | "update" | "delete") => Severity::Warning,
        _ => Severity::Info,
    }
}
