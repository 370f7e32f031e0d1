//! What came back for a request, read with a limit and without trust.

use std::time::{Duration, SystemTime};

use reqwest::header::{HeaderMap, LOCATION, RETRY_AFTER};

use crate::defaults::{DETAIL_MAX_CHARS, RETRY_AFTER_MAX};
use crate::secret::Secret;

/// An answer as it came over the wire.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(in crate::sink) struct Seen {
    pub(in crate::sink) status: u16,
    /// The pause the server asks for, capped.
    pub(in crate::sink) retry_after: Option<Duration>,
    /// Where a redirect points.
    pub(in crate::sink) location: Option<String>,
    /// The beginning of the body, as much as is kept.
    pub(in crate::sink) body: Vec<u8>,
    /// The body came to its end, within the limit.
    pub(in crate::sink) whole: bool,
}

impl Seen {
    /// Reads an answer, of whose body it keeps at most `keep` bytes. A body that breaks off, or does not end within `limit`
    /// bytes, leaves `whole` unset.
    pub(in crate::sink) async fn read(mut response: reqwest::Response, keep: usize, limit: usize) -> Self {
        let headers = response.headers();
        let mut seen = Self {
            status: response.status().as_u16(),
            retry_after: retry_after(headers, SystemTime::now()),
            location: headers.get(LOCATION).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned()),
            body: Vec::new(),
            whole: false,
        };
        let mut left = limit;
        loop {
            match response.chunk().await {
                Ok(None) => {
                    seen.whole = true;
                    return seen;
                }
                Ok(Some(chunk)) => {
                    let room = keep - seen.body.len();
                    seen.body.extend_from_slice(&chunk[..room.min(chunk.len())]);
                    match left.checked_sub(chunk.len()) {
                        Some(rest) => left = rest,
                        None => return seen,
                    }
                }
                Err(_) => return seen,
            }
        }
    }
}

/// `text` on one line of bounded length, without control characters and without the secrets.
pub(in crate::sink) fn presentable(text: &str, secrets: &[&Secret]) -> String {
    let mut text = text.to_owned();
    for secret in secrets.iter().filter(|secret| !secret.expose().is_empty()) {
        text = text.replace(secret.expose(), "***");
    }
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

/// `Retry-After` in seconds or as an HTTP date (RFC 9110, section 10.2.3).
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
    fn no_part_of_a_secret_is_left_where_the_text_is_cut() {
        let (one, other) = (Secret::new("s3cret".into()), Secret::new("other-one".into()));
        for at in 280..310 {
            let text = presentable(&format!("{}s3cret other-one", "x".repeat(at)), &[&one, &other]);
            assert!(!text.contains("s3c") && !text.contains("oth"), "{text}");
        }
    }
}
