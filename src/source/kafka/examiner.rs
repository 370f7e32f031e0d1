//! Why TLS with the brokers fails, in words.
//!
//! The Kafka client says "certificate verify failed" whatever is wrong with a certificate. So the handshake is made once more
//! by our own TLS, with the same trust store, which tells an expired certificate from one for another host. What it finds is
//! put before the client's words; it decides nothing.

use std::time::{Duration, Instant};

use super::config::{ClientConfig, ClientTls};
use crate::delivery::attempt::Failure;
use crate::reason::Reason;
use crate::tls::config::Verification;
use crate::tls::examine;

/// A broker that does not answer must not keep the poll thread waiting.
const LIMIT: Duration = Duration::from_secs(2);

/// The client tries again several times a second; what was found is believed for this long.
const FRESH: Duration = Duration::from_secs(30);

/// Brokers that are asked at most.
const BROKERS: usize = 3;

pub(super) struct Examiner {
    brokers: Vec<String>,
    verification: Verification,
    /// What was found, and when.
    last: Option<(Instant, Option<String>)>,
}

impl Examiner {
    pub(super) fn new(config: &ClientConfig) -> Self {
        let brokers = config.bootstrap_servers.split(',').take(BROKERS).map(str::to_owned).collect();
        let ClientTls { trust_store, skip_verify, .. } = &config.tls;
        let verification = if *skip_verify {
            Verification::Disabled
        } else {
            Verification::Full { trust_store: trust_store.clone(), server_name: None }
        };
        Self { brokers, verification, last: None }
    }

    /// The failure in better words, if it is one of TLS and there are any. Blocks for some seconds at most.
    pub(super) fn refine(&mut self, failure: Failure) -> Failure {
        if failure.reason != Reason::Tls {
            return failure;
        }
        let found = match self.last.take().filter(|(at, _)| at.elapsed() < FRESH) {
            Some(last) => last,
            None => {
                let mut words = self.brokers.iter().filter_map(|broker| examine(broker, &self.verification, LIMIT));
                (Instant::now(), words.next())
            }
        };
        let detail = match &found.1 {
            // What the client says ends with what people think they should do first; it is cut before our words are.
            Some(words) => format!("{} ({})", words.replace(", or set tls.server_name", ""), failure.detail),
            None => failure.detail,
        };
        self.last = Some(found);
        Failure { detail: super::client::bounded(&detail), ..failure }
    }
}
