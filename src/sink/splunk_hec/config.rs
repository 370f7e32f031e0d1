//! What a Splunk HEC sink is told to do, after every check has been passed.
//!
//! The values here are valid by construction: `config` is the only producer. Nothing here opens a connection.

use std::time::Duration;

use crate::delivery::attempt::Coding;
use crate::secret::SecretSource;
use crate::sink::DeliveryLevel;
use crate::tls::config::TlsConfig;

#[derive(Clone, Debug)]
pub struct HecConfig {
    /// At least one `http(s)://host:port`: the port always written, no path, no credentials, none twice.
    pub endpoints: Vec<String>,
    pub delivery: DeliveryLevel,
    /// Read again when it comes from a file that changes.
    pub token: SecretSource,
    /// Event metadata; what is `None` is left to the defaults of the token.
    pub index: Option<String>,
    pub source: Option<String>,
    pub sourcetype: Option<String>,
    pub host: Option<String>,
    pub compression: Coding,
    pub connect_timeout: Duration,
    /// From sending the request to the last byte of the answer.
    pub request_timeout: Duration,
    /// After this long without a true acknowledgement the events are sent again.
    pub ack_timeout: Duration,
    pub ack_poll_interval: Duration,
    pub tls: TlsConfig,
}
