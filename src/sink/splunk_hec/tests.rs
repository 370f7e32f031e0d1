//! The sink against the stand-in, over the wire.

use super::*;
use crate::delivery::attempt::Coding;
use crate::secret::Secret;
use crate::tls::config::TlsConfig;
use std::time::Duration;

pub(super) fn config(endpoints: &[&str]) -> HecConfig {
    HecConfig {
        endpoints: endpoints.iter().map(|e| (*e).to_owned()).collect(),
        delivery: DeliveryLevel::Accepted,
        token: Secret::new(crate::demo::hec::TOKEN.into()),
        index: None,
        source: None,
        sourcetype: None,
        host: None,
        compression: Coding::Identity,
        connect_timeout: Duration::from_secs(2),
        request_timeout: Duration::from_secs(5),
        ack_timeout: Duration::from_secs(10),
        ack_poll_interval: Duration::from_millis(5),
        tls: TlsConfig::default(),
    }
}
