//! What came back for a request, read with a limit and without trust.
//!
//! The status is the server's; the body may come from anything on the way. A body counts as an answer of HEC only when
//! it is complete, within the limit, and a JSON object whose members have the documented types.

use std::time::{Duration, SystemTime};

use reqwest::header::{HeaderMap, LOCATION, RETRY_AFTER};
use serde::Deserialize;

use crate::defaults::{DETAIL_MAX_CHARS, HEC_ANSWER_MAX_BYTES, RETRY_AFTER_MAX};
use crate::secret::Secret;

/// An answer as it came over the wire.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Seen {
    pub(super) status: u16,
    /// The pause the server asks for, capped.
    pub(super) retry_after: Option<Duration>,
    /// Where a redirect points.
    pub(super) location: Option<String>,
    /// The first [`HEC_ANSWER_MAX_BYTES`] of the body.
    pub(super) body: Vec<u8>,
    /// `body` is all of it.
    pub(super) whole: bool,
}

/// HEC's own answer: `{"text":"Success","code":0}` and its optional members.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
pub(super) struct HecAnswer {
    #[serde(default)]
    pub(super) text: String,
    pub(super) code: u32,
    #[serde(rename = "invalid-event-number")]
    pub(super) invalid_event: Option<u64>,
    #[serde(rename = "ackId")]
    pub(super) ack_id: Option<u64>,
}

impl Seen {
    /// Reads an answer. A body that breaks off or does not end within the limit leaves `whole` unset.
    pub(super) async fn read(mut response: reqwest::Response) -> Self {
        let headers = response.headers();
        let mut seen = Self {
            status: response.status().as_u16(),
            retry_after: retry_after(headers, SystemTime::now()),
            location: headers.get(LOCATION).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned()),
            body: Vec::new(),
            whole: false,
        };
        loop {
            match response.chunk().await {
                Ok(None) => {
                    seen.whole = true;
                    return seen;
                }
                Ok(Some(chunk)) => {
                    let room = HEC_ANSWER_MAX_BYTES - seen.body.len();
                    seen.body.extend_from_slice(&chunk[..room.min(chunk.len())]);
                    if chunk.len() > room {
                        return seen;
                    }
                }
                Err(_) => return seen,
            }
        }
    }

    /// HEC's answer, if this is one.
    pub(super) fn hec(&self) -> Option<HecAnswer> {
        self.whole.then(|| serde_json::from_slice(&self.body).ok()).flatten()
    }

    /// What was seen, in words for a human: bounded, on one line, without the token.
    pub(super) fn describe(&self, token: &Secret) -> String {
        let mut text = format!("HTTP {}", self.status);
        if let Some(answer) = self.hec() {
            text.push_str(&format!(", code {}: {}", answer.code, answer.text));
            if let Some(number) = answer.invalid_event {
                text.push_str(&format!(", invalid-event-number {number}"));
            }
        } else if let (300..=399, Some(location)) = (self.status, &self.location) {
            text.push_str(&format!(", a redirect to {location}"));
        } else if self.body.is_empty() {
            text.push_str(", no body");
        } else {
            let kind = if self.whole { "not an answer of HEC" } else { "an answer that is cut short or too long" };
            text.push_str(&format!(", {kind}: {}", String::from_utf8_lossy(&self.body)));
        }
        presentable(&text, token)
    }
}

/// `text` on one line of bounded length, without control characters and without the token.
pub(super) fn presentable(text: &str, token: &Secret) -> String {
    let text = if token.expose().is_empty() { text.to_owned() } else { text.replace(token.expose(), "***") };
    let mut shown = String::with_capacity(text.len().min(DETAIL_MAX_CHARS));
    let mut used = 0;
    for c in text.chars() {
        let width = if c.is_control() { c.escape_default().count() } else { 1 };
        if used + width > DETAIL_MAX_CHARS {
            break;
        }
        used += width;
        if c.is_control() { shown.extend(c.escape_default()) } else { shown.push(c) }
    }
    shown
}

/// `Retry-After` in seconds or as an HTTP date (RFC 9110, section 10.2.3); Splunk does not send it, load balancers do.
fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    let pause = match text.parse() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => httpdate::parse_http_date(text).ok()?.duration_since(now).unwrap_or(Duration::ZERO),
    };
    Some(pause.min(RETRY_AFTER_MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use reqwest::header::HeaderValue;

    #[test]
    fn retry_after_is_read_in_both_forms_and_capped() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
        let read = |text: &str| {
            let headers = HeaderMap::from_iter([(RETRY_AFTER, HeaderValue::from_str(text).unwrap())]);
            retry_after(&headers, now)
        };
        assert_eq!(read("7"), Some(Duration::from_secs(7)));
        assert_eq!(read(&httpdate::fmt_http_date(now + Duration::from_secs(9))), Some(Duration::from_secs(9)));
        assert_eq!(read(&httpdate::fmt_http_date(now - Duration::from_secs(9))), Some(Duration::ZERO));
        assert_eq!(read("999999999"), Some(RETRY_AFTER_MAX));
        assert_eq!(read("soon"), None);
        assert_eq!(read("-1"), None);
        assert_eq!(retry_after(&HeaderMap::new(), now), None);
    }

    #[test]
    fn a_description_is_bounded_on_one_line_and_without_the_token() {
        let token = Secret::new("s3cret".into());
        let body = format!("<html>\r\n\u{1b}[31m s3cret {}", "x".repeat(1000)).into_bytes();
        let seen = Seen { status: 200, body, whole: true, ..Seen::default() };
        let text = seen.describe(&token);
        assert!(text.starts_with(r"HTTP 200, not an answer of HEC: <html>\r\n\u{1b}[31m *** xxx"), "{text}");
        assert_eq!(text.chars().count(), DETAIL_MAX_CHARS);
        for at in 280..310 {
            let text = presentable(&format!("{}s3cret", "x".repeat(at)), &token);
            assert!(!text.contains("s3c"), "{text}");
        }
    }

    #[test]
    fn only_a_whole_object_with_the_documented_types_is_an_answer() {
        let hec = |body: &str, whole| Seen { body: body.into(), whole, ..Seen::default() }.hec();
        assert!(hec(r#"{"text":"Success","code":0,"ackId":7,"new":[]}"#, true).is_some_and(|a| a.ack_id == Some(7)));
        for body in [
            "",
            "{}",
            "null",
            "[]",
            r#"{"text":"Success"}"#,
            r#"{"code":"0"}"#,
            r#"{"code":-1}"#,
            r#"{"code":0,"ackId":-1}"#,
            r#"{"code":0,"code":0}"#,
            r#"{"code":0"#,
            r#"{"code":0}{}"#,
        ] {
            assert_eq!(hec(body, true), None, "{body}");
        }
        assert_eq!(hec(r#"{"code":0}"#, false), None);
    }
}
