//! A channel as it is kept up towards one indexer: its UUID and the cookies that load balancers give it.
//!
//! Acknowledgements are known only to the indexer that took the request. A balancer keeps a client at one indexer by a
//! cookie; one jar per channel keeps the channels apart, so that they spread over the indexers. Only name and value are
//! kept: every request of a channel goes to the same host and below the same path, and the channel does not live long.

use std::sync::{Arc, Mutex, PoisonError};

use reqwest::header::{HeaderMap, HeaderValue, SET_COOKIE};
use uuid::Uuid;

/// Balancers set one or two.
const MAX_COOKIES: usize = 8;

/// What browsers keep at most (RFC 6265, section 6.1).
const MAX_COOKIE_BYTES: usize = 4096;

#[derive(Clone, Debug)]
pub(super) struct Line {
    id: Uuid,
    /// `name=value` each; a clone of the line shares them.
    cookies: Arc<Mutex<Vec<String>>>,
}

impl Line {
    pub(super) fn new() -> Self {
        Self { id: Uuid::new_v4(), cookies: Arc::default() }
    }

    pub(super) fn id(&self) -> Uuid {
        self.id
    }

    /// The value of the `Cookie` header, if there is one to send.
    pub(super) fn cookie(&self) -> Option<HeaderValue> {
        let cookies = self.cookies.lock().unwrap_or_else(PoisonError::into_inner);
        if cookies.is_empty() { None } else { HeaderValue::try_from(cookies.join("; ")).ok() }
    }

    /// Keeps what an answer sets, the latest value of each name.
    pub(super) fn keep(&self, headers: &HeaderMap) {
        let mut cookies = self.cookies.lock().unwrap_or_else(PoisonError::into_inner);
        for header in headers.get_all(SET_COOKIE) {
            let Ok(text) = header.to_str() else { continue };
            let pair = text.split(';').next().unwrap_or_default().trim();
            let Some((name, _)) = pair.split_once('=') else { continue };
            cookies.retain(|kept| kept.split('=').next() != Some(name));
            if pair.len() <= MAX_COOKIE_BYTES && cookies.len() < MAX_COOKIES {
                cookies.push(pair.to_owned());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_value_of_each_cookie_is_sent_back_and_their_number_is_bounded() {
        let line = Line::new();
        assert_eq!(line.cookie(), None);
        let set = |cookies: &[&str]| {
            let headers = cookies.iter().map(|cookie| (SET_COOKIE, HeaderValue::from_str(cookie).unwrap()));
            let mut map = HeaderMap::new();
            headers.for_each(|(name, value)| {
                map.append(name, value);
            });
            line.keep(&map);
        };
        set(&["A=1; Path=/; Secure", "B=2", "nonsense"]);
        set(&["A=3==; Expires=x", &format!("C={}", "x".repeat(MAX_COOKIE_BYTES))]);
        assert_eq!(line.cookie().unwrap(), "B=2; A=3==");
        let many: Vec<String> = (0..100).map(|n| format!("c{n}=1")).collect();
        set(&many.iter().map(String::as_str).collect::<Vec<_>>());
        assert_eq!(line.cookie().unwrap().to_str().unwrap().split("; ").count(), MAX_COOKIES);
    }
}
