//! From our description of a Kafka connection to librdkafka's, and from librdkafka's errors to ours.
//!
//! - A configured client is never logged and never kept: librdkafka's own `Debug` shows key material.
//! - Whom to trust is always said in full, because the OpenSSL that is linked in has no usable default of its own.
//! - A failure says what a person can do about it; the client's own words follow.
//!
//! Consumer and producer settings are added by those who build a consumer or a producer.

use std::fs::File;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, ConsumerContext};
use rdkafka::error::KafkaError;
use rdkafka::types::RDKafkaErrorCode as Code;

use super::config::{ClientConfig, ClientTls, GroupProtocol, KafkaConfig};
use crate::defaults;
use crate::delivery::attempt::Failure;
use crate::reason::Reason;
use crate::tls::authorities;

/// How to connect, as librdkafka wants it. Properties that the user passes through come last.
///
/// # Errors
/// A certificate or key file cannot be read.
pub(crate) fn client_config(config: &ClientConfig) -> Result<rdkafka::ClientConfig, Failure> {
    let mut native = rdkafka::ClientConfig::new();
    native
        .set("bootstrap.servers", &config.bootstrap_servers)
        .set("security.protocol", config.security.as_str())
        .set("client.id", "auditferry")
        .set("socket.keepalive.enable", "true")
        .set("check.crcs", "true");
    if let Some(sasl) = &config.sasl {
        native
            .set("sasl.mechanism", sasl.mechanism.as_str())
            .set("sasl.username", &sasl.username)
            .set("sasl.password", sasl.password.expose());
    }
    if config.security.has_tls() {
        set_tls(&mut native, &config.tls)?;
    }
    for (name, value) in &config.properties {
        native.set(name, value);
    }
    Ok(native)
}

/// Whether a client can be made of this: certificates and keys are read and must fit together. Connects nowhere.
///
/// # Errors
/// A file cannot be read, or the client refuses what it holds.
pub(crate) fn try_out(config: &ClientConfig) -> Result<(), Failure> {
    let mut native = client_config(config)?;
    // Any consumer needs the name of a group; nothing is ever asked about this one.
    let created = native.set("group.id", "auditferry-check").create_with_context(Witness::default());
    created.map(drop::<BaseConsumer<Witness>>).map_err(|error| failure_of(&error))
}

/// What our guarantee needs of a consumer, and what bounds its memory.
pub(super) fn set_consumer_properties(native: &mut rdkafka::ClientConfig, config: &KafkaConfig, group_id: &str) {
    native
        .set("group.id", group_id)
        .set("enable.auto.commit", "false")
        .set("enable.auto.offset.store", "false")
        .set("auto.offset.reset", "error")
        .set("enable.partition.eof", "true")
        .set("isolation.level", "read_committed")
        .set("statistics.interval.ms", "1000")
        // The client's own queue is memory too: the defaults are 64 MiB and 100,000 messages.
        .set("queued.max.messages.kbytes", "16384")
        .set("queued.min.messages", "20000")
        .set("fetch.message.max.bytes", "1048576")
        .set("fetch.max.bytes", "16777216")
        // A full queue lasts some 30 ms at full speed; the default of 1 s, or even 100 ms, would let it run dry.
        .set("fetch.queue.backoff.ms", "10")
        .set("topic.metadata.refresh.interval.ms", "60000")
        .set("allow.auto.create.topics", "false");
    match config.group_protocol {
        GroupProtocol::Classic => native
            .set("group.protocol", "classic")
            .set("partition.assignment.strategy", "cooperative-sticky")
            .set("session.timeout.ms", config.session_timeout.as_millis().to_string()),
        GroupProtocol::Consumer => native.set("group.protocol", "consumer"),
    };
    if let Some(instance) = &config.group_instance_id {
        native.set("group.instance.id", instance);
    }
}

fn set_tls(native: &mut rdkafka::ClientConfig, tls: &ClientTls) -> Result<(), Failure> {
    match &tls.trust_store {
        // In memory: the client reads neither PKCS#12 nor JKS, and nothing is written to disk.
        Some(store) => {
            let found = authorities(store).map_err(|error| Failure::new(Reason::Tls, error.to_string()))?;
            native.set("ssl.ca.pem", found.to_pem());
        }
        // Without this the compiled-in path of the linked OpenSSL is used, which exists on no machine.
        None => drop(native.set("ssl.ca.location", "probe")),
    }
    if tls.skip_verify {
        native.set("enable.ssl.certificate.verification", "false");
    }
    if let Some(path) = &tls.certificate_file {
        set_path(native, "ssl.certificate.location", path)?;
    }
    if let Some(path) = &tls.key_file {
        set_path(native, "ssl.key.location", path)?;
    }
    if let Some(password) = &tls.key_password {
        native.set("ssl.key.password", password.expose());
    }
    Ok(())
}

/// Opens the file first: librdkafka's own message for an unreadable one names neither the file nor the cause.
fn set_path(native: &mut rdkafka::ClientConfig, property: &str, path: &Path) -> Result<(), Failure> {
    let text = path.to_str().ok_or_else(|| Failure::new(Reason::Tls, format!("the path {path:?} is not UTF-8")))?;
    File::open(path).map_err(|error| Failure::new(Reason::Tls, format!("cannot read {text}: {error}")))?;
    native.set(property, text);
    Ok(())
}

/// What an error of the client means and what to do about it.
pub(crate) fn failure_of(error: &KafkaError) -> Failure {
    match error.rdkafka_error_code() {
        Some(code) => failure_of_code(code, &code.to_string()),
        None => Failure::new(Reason::Kafka, bounded(&words_of(error))),
    }
}

/// Like [`failure_of`], with what the client said instead of the code's general text.
pub(crate) fn failure_of_code(code: Code, said: &str) -> Failure {
    // Some refused certificates are told as broken connections.
    let code = if said.contains(":SSL routines:") { Code::SSL } else { code };
    let known = KNOWN.iter().find(|(known, _, _)| *known == code);
    let (reason, remedy) = known.map_or((Reason::Kafka, ""), |(_, reason, remedy)| (*reason, *remedy));
    let detail = if remedy.is_empty() { said.to_owned() } else { format!("{remedy} ({said})") };
    Failure::new(reason, bounded(&detail))
}

const ADDRESS: &str = "cannot reach the brokers: check bootstrap_servers, the security setting and the network";
const NAME: &str = "cannot resolve a broker's host name: check bootstrap_servers and DNS";
const SLOW: &str = "the brokers did not answer in time: check bootstrap_servers, the security setting and the network";
const LOGIN: &str =
    "the brokers refuse the credentials: check the API key and secret and that they belong to this cluster";
const TRUST: &str =
    "the TLS handshake with a broker failed: check trust_store, the host name and the client certificate";
const TOPIC: &str =
    "no such topic, or this user may not see it: check the name, and the ACL that allows READ and DESCRIBE";
const TOPIC_ACL: &str =
    "an ACL is missing: allow this user READ and DESCRIBE on the topic (WRITE for a dead-letter topic)";
const GROUP_ACL: &str = "an ACL is missing: allow this user READ on the consumer group";
const CLUSTER_ACL: &str = "an ACL is missing: the cluster does not allow this user this operation";
const SIZE: &str = "the record is larger than the topic takes: raise max.message.bytes of the topic";

#[rustfmt::skip]
const KNOWN: &[(Code, Reason, &str)] = &[
    (Code::BrokerTransportFailure, Reason::KafkaConnect, ADDRESS),
    (Code::AllBrokersDown, Reason::KafkaConnect, ADDRESS),
    (Code::NetworkException, Reason::KafkaConnect, ADDRESS),
    (Code::BrokerNotAvailable, Reason::KafkaConnect, ADDRESS),
    (Code::Resolve, Reason::KafkaConnect, NAME),
    (Code::OperationTimedOut, Reason::KafkaConnect, SLOW),
    (Code::RequestTimedOut, Reason::KafkaConnect, SLOW),
    (Code::MessageTimedOut, Reason::KafkaConnect, SLOW),
    (Code::TimedOutQueue, Reason::KafkaConnect, SLOW),
    (Code::SSL, Reason::Tls, TRUST),
    (Code::Authentication, Reason::KafkaAuthentication, LOGIN),
    (Code::SaslAuthenticationFailed, Reason::KafkaAuthentication, LOGIN),
    (Code::UnsupportedSASLMechanism, Reason::KafkaAuthentication, "the brokers do not offer this SASL mechanism"),
    (Code::IllegalSASLState, Reason::KafkaAuthentication, LOGIN),
    (Code::TopicAuthorizationFailed, Reason::KafkaAuthorization, TOPIC_ACL),
    (Code::GroupAuthorizationFailed, Reason::KafkaAuthorization, GROUP_ACL),
    (Code::ClusterAuthorizationFailed, Reason::KafkaAuthorization, CLUSTER_ACL),
    (Code::UnknownTopicOrPartition, Reason::KafkaTopic, TOPIC),
    (Code::UnknownTopic, Reason::KafkaTopic, TOPIC),
    (Code::UnknownPartition, Reason::KafkaTopic, TOPIC),
    (Code::InvalidTopic, Reason::KafkaTopic, "the brokers refuse the name of the topic"),
    (Code::MessageSizeTooLarge, Reason::Kafka, SIZE),
    (Code::MessageBatchTooLarge, Reason::Kafka, SIZE),
];

/// The error's own text, without the value of a property, which may be a secret.
fn words_of(error: &KafkaError) -> String {
    if let KafkaError::ClientConfig(_, _, name, _) = error {
        return format!("the Kafka client does not take this value for the property `{name}`");
    }
    error.to_string()
}

pub(super) fn bounded(text: &str) -> String {
    text.chars().take(defaults::DETAIL_MAX_CHARS).collect()
}

/// Keeps the most telling error of a client. A call that fails says little more than "time-out"; why is told through this.
#[derive(Default)]
pub(crate) struct Witness {
    told: Mutex<Option<Failure>>,
}

impl Witness {
    /// The most telling error since the last call.
    pub(crate) fn take(&self) -> Option<Failure> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    pub(crate) fn has_spoken(&self) -> bool {
        self.told.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    /// Whether waiting longer cannot help: an answer came and it was no.
    pub(crate) fn is_final(&self) -> bool {
        let told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        told.as_ref().is_some_and(|failure| weight(failure.reason) == FINAL)
    }
}

const FINAL: u8 = 2;

/// Of two errors the heavier one is kept: what a broker answered tells more than that another one was not reached.
fn weight(reason: Reason) -> u8 {
    const ANSWERS: [Reason; 3] = [Reason::KafkaAuthentication, Reason::KafkaAuthorization, Reason::Tls];
    if ANSWERS.contains(&reason) { FINAL } else { u8::from(reason == Reason::KafkaConnect) }
}

impl ClientContext for Witness {
    fn log(&self, _level: RDKafkaLogLevel, facility: &str, message: &str) {
        tracing::debug!(target: "librdkafka", facility, message, "kafka client");
    }

    fn error(&self, error: KafkaError, said: &str) {
        let failure = error.rdkafka_error_code().map_or_else(|| failure_of(&error), |code| failure_of_code(code, said));
        // "All brokers down" follows the errors that say why; it names no broker.
        let is_summary = error.rdkafka_error_code() == Some(Code::AllBrokersDown);
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if told.as_ref().is_none_or(|known| !is_summary && weight(failure.reason) > weight(known.reason)) {
            *told = Some(failure);
        }
    }
}

impl ConsumerContext for Witness {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::Secret;
    use crate::source::kafka::config::{Sasl, SaslMechanism, Security};
    use crate::tls::config::TrustStore;

    fn cloud() -> ClientConfig {
        ClientConfig {
            bootstrap_servers: "pkc.example:9092".into(),
            security: Security::SaslSsl,
            sasl: Some(Sasl {
                mechanism: SaslMechanism::Plain,
                username: "key".into(),
                password: Secret::new("canary".into()),
            }),
            tls: ClientTls::default(),
            properties: vec![("client.id".into(), "mine".into())],
        }
    }

    #[test]
    fn a_cloud_connection_logs_in_over_tls_and_says_whom_to_trust() {
        let native = client_config(&cloud()).unwrap();
        assert_eq!(native.get("security.protocol"), Some("sasl_ssl"));
        assert_eq!(native.get("sasl.mechanism"), Some("PLAIN"));
        assert_eq!(native.get("sasl.password"), Some("canary"));
        assert_eq!(native.get("ssl.ca.location"), Some("probe"));
        assert_eq!(native.get("client.id"), Some("mine"), "properties of the user come last");
    }

    #[test]
    fn a_plain_connection_says_nothing_about_tls() {
        let native = client_config(&ClientConfig { security: Security::Plaintext, sasl: None, ..cloud() }).unwrap();
        assert_eq!(native.get("ssl.ca.location"), None);
    }

    #[test]
    fn a_missing_trust_store_is_named() {
        let mut config = cloud();
        config.tls.trust_store = Some(TrustStore { path: "/nonexistent/ca.pem".into(), password: None });
        let failure = client_config(&config).map(drop).unwrap_err();
        assert_eq!(failure.reason, Reason::Tls);
        assert!(failure.detail.contains("/nonexistent/ca.pem"), "{failure}");
    }

    #[test]
    fn errors_are_sorted_by_what_a_person_must_do() {
        let reason = |code| failure_of(&KafkaError::Global(code)).reason;
        assert_eq!(reason(Code::Resolve), Reason::KafkaConnect);
        assert_eq!(reason(Code::Authentication), Reason::KafkaAuthentication);
        assert_eq!(reason(Code::GroupAuthorizationFailed), Reason::KafkaAuthorization);
        assert_eq!(reason(Code::UnknownTopicOrPartition), Reason::KafkaTopic);
        assert_eq!(reason(Code::SSL), Reason::Tls);
        assert_eq!(reason(Code::IllegalGeneration), Reason::Kafka);
    }

    #[test]
    fn a_refused_certificate_is_a_matter_of_tls_even_where_the_client_calls_it_a_broken_connection() {
        let said =
            "ssl://b:9092/bootstrap: error:0A000086:SSL routines::certificate verify failed (in state SSL_HANDSHAKE)";
        assert_eq!(failure_of_code(Code::BrokerTransportFailure, said).reason, Reason::Tls);
    }

    #[test]
    fn a_trust_store_reaches_the_client_in_memory_and_verification_ends_only_when_told() {
        let key = rcgen::generate_simple_self_signed(vec!["authority".into()]).unwrap();
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), key.cert.der()).unwrap();
        let mut config = cloud();
        config.tls.trust_store = Some(TrustStore { path: file.path().to_owned(), password: None });
        let native = client_config(&config).unwrap();
        assert_eq!(native.get("ssl.ca.pem").unwrap().lines().next(), Some("-----BEGIN CERTIFICATE-----"));
        assert_eq!((native.get("ssl.ca.location"), native.get("enable.ssl.certificate.verification")), (None, None));
        config.tls.skip_verify = true;
        let native = client_config(&config).unwrap();
        assert_eq!(native.get("enable.ssl.certificate.verification"), Some("false"));
    }

    #[test]
    fn a_refused_property_value_is_not_repeated() {
        let error = rdkafka::ClientConfig::new().set("sasl.mechanism", "canary\0").create_native_config().map(drop);
        let other = rdkafka::ClientConfig::new().set("debug", "canary").create_native_config().map(drop);
        for error in [error, other].into_iter().filter_map(Result::err) {
            assert!(!failure_of(&error).detail.contains("canary"), "{error}");
        }
    }

    #[test]
    fn the_answer_of_a_broker_outweighs_a_broken_connection() {
        let witness = Witness::default();
        witness.error(KafkaError::Global(Code::BrokerTransportFailure), "Connect to ipv6#[::1]:9 failed");
        witness.error(KafkaError::Global(Code::Authentication), "SASL authentication failed");
        witness.error(KafkaError::Global(Code::AllBrokersDown), "1/1 brokers are down");
        assert!(witness.is_final());
        let failure = witness.take().unwrap();
        assert_eq!(failure.reason, Reason::KafkaAuthentication);
        assert!(failure.detail.contains("SASL authentication failed"));
    }
}
