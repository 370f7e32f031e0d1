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
    /// What is to be redacted cannot be removed from it for certain: it does not leave.
    Unredactable => "unredactable",
    /// The record's value has to be an envelope for HEC, and is none, or one that HEC would refuse or drop.
    InvalidEnvelope => "invalid_envelope",
    /// The sink cannot parse the event (HEC codes 5 and 6), or no message can be made of it.
    InvalidFormat => "invalid_format",
    /// The sink refuses the event's content (HEC codes 12, 13 and 15; a webhook's 400 and 422).
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
    /// The address that the receiver's name stands for is one that this sink may not connect to.
    AddressBlocked => "address_blocked",

    // What the sink said.
    /// 429, 503, or a HEC code that means "later" (8, 9, 18 to 20, 23, 26, 27).
    Busy => "busy",
    /// Another 5xx.
    ServerError => "server_error",
    /// 401, 403, 407, HEC codes 1 to 4, 16, 21, 22: the credentials are not accepted.
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

    // The archive.
    /// The store does not accept the credentials, or they lack a permission.
    StoreAccess => "store_access",
    /// There is no bucket or container of this name.
    NoBucket => "no_bucket",
    /// The file system is full or fails.
    Disk => "disk",
    /// Somebody else has taken over this partition's chain: nothing more may be written by us.
    Fenced => "fenced",
    /// What lies in the store is not what this pipeline may go on with: another archive, another topic, another key.
    ArchiveMismatch => "archive_mismatch",
    /// The store ignores the condition that an object must not exist: two writers could overwrite each other.
    NoFencing => "no_fencing",

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
    /// What a person can do about it, for the log, the status page and `check --online`. `None` where the failure's own
    /// words say it, as those of Kafka do, or where there is nothing to be done.
    pub const fn remedy(self) -> Option<&'static str> {
        match self {
            Self::Unauthorized => {
                Some("check the token or login: that it exists, is enabled and is the one in the configuration")
            }
            Self::WrongIndex => Some("allow the index for this token, or correct `index` in the configuration"),
            Self::Channel => Some("the load balancer must keep a client on one indexer (sticky sessions)"),
            Self::AckDisabled => Some("enable indexer acknowledgement for the token, or set `delivery: accepted`"),
            Self::UnexpectedAnswer => {
                Some("check the endpoint's address: what answers there is not what this sink sends to")
            }
            Self::Connect => {
                Some("check the endpoint's address and port, DNS, the firewall, and that the receiver is enabled there")
            }
            Self::Timeout | Self::Network => {
                Some("check the network and any proxy or load balancer on the way to the receiver")
            }
            Self::Busy | Self::ServerError => {
                Some("look at the health of the receiver; of Splunk, at its indexers and their queues")
            }
            Self::AckTimeout => {
                Some("look at the replication of Splunk's indexers; raise `ack_timeout` if it is that slow")
            }
            Self::AckUnknown => {
                Some("check that the load balancer passes /services/collector/ack on to the same indexer")
            }
            Self::Fenced => Some(
                "see that no other pipeline with another consumer group writes to the same archive; after a pause of this process \
                 it is as it should be",
            ),
            Self::AddressBlocked => {
                Some("check the URL and DNS; a receiver on your own network is allowed with `allow_networks`")
            }
            Self::NoDeadLetterStore => Some("configure `dead_letter` for this pipeline and restart"),
            Self::DeadLetterStore => Some("make room or give access to the dead-letter store"),
            Self::Unredactable => {
                Some("look at the letter with `deadletter show --reveal`; `deadletter retry` redacts and sends it")
            }
            Self::EmptyValue
            | Self::BlankValue
            | Self::NotUtf8
            | Self::TooLarge
            | Self::InvalidEnvelope
            | Self::InvalidFormat
            | Self::EventRefused
            | Self::RequestTooLarge
            | Self::Refused
            | Self::StoreAccess
            | Self::NoBucket
            | Self::Disk
            | Self::ArchiveMismatch
            | Self::NoFencing
            | Self::Tls
            | Self::KafkaConnect
            | Self::KafkaAuthentication
            | Self::KafkaAuthorization
            | Self::KafkaTopic
            | Self::Kafka => None,
        }
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
