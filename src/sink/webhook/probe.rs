//! Would delivery work? A webhook can only be asked with an event, and a message about nothing would alarm people. So what is
//! found out is whether the receiver's address may be and can be connected to, and whether its certificate is trusted.

use super::config::WebhookConfig;
use super::credentials::parse_url;
use crate::delivery::attempt::Failure;
use crate::reason::Reason;
use crate::tls::{Knock, KnockError, knock, knock_at_proxy};

/// What was found out, without sending anything.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Probe {
    /// Scheme, host and port.
    pub name: String,
    pub outcome: Result<String, Failure>,
}

/// Connects to the receiver, or to the proxy in front of it. Blocks, for a few times the limit for connecting.
pub fn probe(config: &WebhookConfig) -> Probe {
    let url = match parse_url(config.url.value(), &config.reach) {
        Ok(url) => url,
        Err(error) => {
            let failure = Failure::new(Reason::AddressBlocked, error.to_string());
            return Probe { name: "webhook".to_owned(), outcome: Err(failure) };
        }
    };
    let name = url.origin().ascii_serialization();
    let limit = config.transport.connect;
    let outcome = match &config.transport.proxy {
        Some(proxy) => knock_at_proxy(proxy, limit)
            .map(|_| format!("the proxy {} takes connections; what is behind it was not asked", proxy.url)),
        None => knock(&url, &config.tls, &config.reach, limit).map(|knock| match knock {
            Knock::Open(at) => format!("takes connections at {at}, unencrypted; nothing was sent"),
            Knock::Trusted(at) => {
                format!("takes connections at {at}, and its certificate is trusted; nothing was sent")
            }
        }),
    };
    Probe { name, outcome: outcome.map_err(|error| Failure::new(reason_of(&error), error.to_string())) }
}

const fn reason_of(error: &KnockError) -> Reason {
    match error {
        KnockError::Files(_) | KnockError::Tls(_) => Reason::Tls,
        KnockError::Blocked(_) => Reason::AddressBlocked,
        KnockError::Name { .. } | KnockError::Connect { .. } => Reason::Connect,
    }
}
