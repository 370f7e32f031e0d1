//! Why something was not delivered: one closed list, spelled once.
//!
//! A [`Reason`] is the metric label, the log field, the reason in a dead letter and the word on the status page.
//! Nothing that comes from data ever becomes a label.

use std::fmt;

macro_rules! reasons {
    ($($(#[$doc:meta])* $variant:ident => $text:literal,)*) => {
        /// Why an attempt failed, a record became a dead letter, or a pipeline holds.
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, PartialOrd, Ord)]
        pub enum Reason { $($(#[$doc])* $variant,)* }

        impl Reason {
            /// Every reason, in the order of declaration.
            pub const ALL: &'static [Reason] = &[$(Reason::$variant,)*];

            pub const fn as_str(self) -> &'static str {
                match self { $(Reason::$variant => $text,)* }
            }

            pub fn parse(text: &str) -> Option<Self> {
                match text { $($text => Some(Reason::$variant),)* _ => None }
            }
        }
    };
}

reasons! {
    // The record itself.
    /// The record has no value (a tombstone) or an empty one.
    EmptyValue => "empty_value",
    /// The record's value is only white space, which HEC refuses (code 13).
    BlankValue => "blank_value",
    /// The record's value is not UTF-8 and therefore not representable in JSON without changing it.
    NotUtf8 => "not_utf8",
    /// A single event is larger than the sink takes.
    TooLarge => "too_large",
    /// The sink cannot parse the event (HEC codes 5 and 6).
    InvalidFormat => "invalid_format",
    /// The sink refuses the event's content (HEC codes 12, 13 and 15).
    EventRefused => "event_refused",

    // The way to the sink.
    /// The host name did not resolve, or no connection came about.
    Connect => "connect",
    /// The connection broke during a request.
    Network => "network",
    /// No answer within the time limit.
    Timeout => "timeout",
    /// The TLS handshake failed: unknown authority, wrong host, expired.
    Tls => "tls",

    // What the sink said.
    /// 429, 503, or a HEC code that means "later" (8, 9, 18 to 20, 23, 26, 27).
    Busy => "busy",
    /// Another 5xx.
    ServerError => "server_error",
    /// 401, 403, HEC codes 1 to 4, 16, 21, 22: the credentials are not accepted.
    Unauthorized => "unauthorized",
    /// HEC code 7: the token may not write to this index, or there is no such index.
    WrongIndex => "wrong_index",
    /// HEC codes 10, 11, 28: the data channel is missing or invalid.
    Channel => "channel",
    /// HEC code 14 or a success without an `ackId`: acknowledgement was asked for and the token does not have it.
    AckDisabled => "ack_disabled",
    /// The acknowledgement did not become true in time.
    AckTimeout => "ack_timeout",
    /// The acknowledgement endpoint did not answer as it should; nothing counts as delivered.
    AckUnknown => "ack_unknown",
    /// The server answered with something that is not the protocol (HTML, a redirect, a truncated or huge body).
    UnexpectedAnswer => "unexpected_answer",
    /// The request is larger than the server takes (413).
    RequestTooLarge => "request_too_large",
    /// The batch was refused, and the server did not say which event is at fault.
    Refused => "refused",

    // Dead letters.
    /// An event cannot be delivered and no dead-letter store is configured.
    NoDeadLetterStore => "no_dead_letter_store",
    /// The dead-letter store does not take the letter (disk full, no permission, broker down).
    DeadLetterStore => "dead_letter_store",

    // The source.
    /// The brokers cannot be reached.
    KafkaConnect => "kafka_connect",
    /// The brokers refuse the credentials.
    KafkaAuthentication => "kafka_authentication",
    /// The credentials lack a permission (topic read, group read).
    KafkaAuthorization => "kafka_authorization",
    /// The topic does not exist, or may not be seen.
    KafkaTopic => "kafka_topic",
    /// Another error of the Kafka client.
    Kafka => "kafka",
}

impl Reason {
    /// What a person can do about it, when it does not pass by itself; `None` when waiting helps, or when only the failure's
    /// detail says more.
    pub const fn remedy(self) -> Option<&'static str> {
        Some(match self {
            Self::Unauthorized => "check the token: that it exists, is enabled and is the one in the configuration",
            Self::WrongIndex => "allow the index for this token, or correct `index` in the configuration",
            Self::Channel => "the load balancer must keep a client on one indexer (sticky sessions)",
            Self::AckDisabled => "enable indexer acknowledgement for the token, or set `delivery: accepted`",
            Self::Tls => "check the certificate of the endpoint and `tls.trust_store`",
            Self::UnexpectedAnswer => "check the endpoint's address: what answers there is not a HEC",
            Self::NoDeadLetterStore => "configure `dead_letter` for this pipeline and restart",
            Self::DeadLetterStore => "make room or give access to the dead-letter store",
            Self::Connect => "check the endpoint's address, and that a firewall or proxy lets this machine through",
            Self::KafkaConnect => {
                "check `bootstrap_servers`, and that a firewall lets this machine through to port 9092"
            }
            Self::KafkaAuthentication => {
                "check the API key and its secret: that the key exists and is one of this cluster"
            }
            Self::KafkaAuthorization => "allow the key's account to read the topic and to read the consumer group",
            Self::KafkaTopic => "check `topics`: there is no such topic, or the key's account may not see it",
            Self::EmptyValue
            | Self::BlankValue
            | Self::NotUtf8
            | Self::TooLarge
            | Self::InvalidFormat
            | Self::EventRefused
            | Self::Network
            | Self::Timeout
            | Self::Busy
            | Self::ServerError
            | Self::AckTimeout
            | Self::AckUnknown
            | Self::RequestTooLarge
            | Self::Refused
            | Self::Kafka => return None,
        })
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl serde::Serialize for Reason {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> serde::Deserialize<'de> for Reason {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| serde::de::Error::custom(format!("unknown reason `{text}`")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_parses_back_from_its_text() {
        for reason in Reason::ALL {
            assert_eq!(Reason::parse(reason.as_str()), Some(*reason));
        }
    }
}
