//! Properties of the Kafka client that are passed through, and those that are not.
//!
//! Refused is what would break the guarantee, what has a key of its own (two places for one setting is one too many),
//! and what could carry a secret past the rules for secrets. All other names are left to the client, which refuses
//! those that it does not know. Names and defaults: librdkafka 2.12, CONFIGURATION.md.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::config::check::enumerate;
use crate::config::findings::Findings;
use crate::config::node::{Path, sounds_secret};
use crate::config::raw::PropertyValue;
use crate::defaults;
use crate::source::kafka::config::GroupProtocol;

/// Has a key of its own: (property, what to use instead).
const OWN_KEY: [(&str, &str); 27] = [
    ("bootstrap.servers", "use the key `bootstrap_servers`"),
    ("metadata.broker.list", "use the key `bootstrap_servers`"),
    ("group.id", "use `group_id` of the pipeline"),
    ("group.instance.id", "use the key `group_instance_id`"),
    ("group.protocol", "use the key `group_protocol`"),
    ("session.timeout.ms", "use the key `session_timeout`"),
    ("security.protocol", "use the key `security`"),
    ("auto.offset.reset", "use the key `start_at`"),
    ("sasl.mechanism", "use the key `sasl`, or `api_key`"),
    ("sasl.mechanisms", "use the key `sasl`, or `api_key`"),
    ("sasl.username", "use `username` of the key `sasl`, or `api_key`"),
    ("sasl.password", "use `password` of the key `sasl`, or `api_secret`"),
    ("ssl.ca.location", "use `trust_store` of the key `tls`"),
    ("ssl.ca.pem", "use `trust_store` of the key `tls`"),
    ("ssl_ca", "use `trust_store` of the key `tls`"),
    ("ssl.certificate.location", "use `certificate_file` of the key `tls`"),
    ("ssl.certificate.pem", "use `certificate_file` of the key `tls`"),
    ("ssl_certificate", "use `certificate_file` of the key `tls`"),
    ("ssl.key.location", "use `key_file` of the key `tls`"),
    ("ssl.key.pem", "use `key_file` of the key `tls`"),
    ("ssl_key", "use `key_file` of the key `tls`"),
    ("ssl.key.password", "use `key_password` or `key_password_file` of the key `tls`"),
    ("ssl.keystore.location", "use `certificate_file` and `key_file` of the key `tls`, as PEM"),
    ("ssl.keystore.password", "use `certificate_file` and `key_file` of the key `tls`, as PEM"),
    ("enable.ssl.certificate.verification", "use `insecure_skip_verify` of the key `tls`"),
    ("log_level", "use the log settings of auditferry"),
    ("log.queue", "the client's log goes into auditferry's"),
];

/// Would break a promise: (property, reason).
const BREAKS: [(&str, &str); 25] = [
    ("enable.auto.commit", "only what has been delivered is committed, and only by auditferry"),
    ("auto.commit.enable", "only what has been delivered is committed, and only by auditferry"),
    ("auto.commit.interval.ms", "nothing is committed automatically"),
    ("enable.auto.offset.store", "only what has been delivered is committed, and only by auditferry"),
    ("offset.store.method", "progress lies in the consumer group"),
    ("offset.store.path", "progress lies in the consumer group"),
    ("offset.store.sync.interval.ms", "progress lies in the consumer group"),
    ("enable.partition.eof", "auditferry needs it to see the end of a partition"),
    ("plugin.library.paths", "foreign code could change what is read and committed"),
    ("interceptors", "foreign code could change what is read and committed"),
    ("ssl.engine.location", "foreign code is not loaded"),
    ("ssl.providers", "foreign code is not loaded"),
    ("ssl.endpoint.identification.algorithm", "the credentials could be read by anybody on the way"),
    ("topic.blacklist", "topics would be left out silently"),
    ("group.protocol.type", "it has to be `consumer`"),
    ("transactional.id", "dead letters are not written in transactions"),
    ("acks", "a dead letter counts only when all replicas have it"),
    ("request.required.acks", "a dead letter counts only when all replicas have it"),
    ("enable.idempotence", "dead letters are always written idempotently"),
    ("enable.gapless.guarantee", "a dead letter that fails must not stop the others"),
    ("delivery.report.only.error", "a dead letter counts only when its report has come"),
    ("message.send.max.retries", "a dead letter is retried until the broker has it"),
    ("retries", "a dead letter is retried until the broker has it"),
    ("queuing.strategy", "dead letters keep their order"),
    ("allow.auto.create.topics", "a typing error would become an empty topic"),
];

/// Allowed with these values only: (property, values, reason).
const RESTRICTED: [(&str, &[&str], &str); 2] = [
    ("isolation.level", &["read_committed"], "events of aborted transactions never happened and must not be delivered"),
    (
        "partition.assignment.strategy",
        &["cooperative-sticky", "range", "roundrobin", "range,roundrobin", "roundrobin,range"],
        "cooperative and eager strategies cannot be mixed",
    ),
];

/// What the protocol of KIP-848 leaves to the broker; librdkafka refuses the combination when it starts.
const CLASSIC_ONLY: [&str; 2] = ["heartbeat.interval.ms", "partition.assignment.strategy"];

/// Checks the names and keeps the order of the names.
pub(super) fn resolve(
    raw: BTreeMap<String, PropertyValue>,
    path: &Path,
    findings: &mut Findings,
) -> Vec<(String, String)> {
    for (name, PropertyValue(value)) in &raw {
        if let Some((cause, remedy)) = refusal(name, value) {
            findings.error_at_key(&path.key(name), cause, remedy);
        }
    }
    raw.into_iter().map(|(name, PropertyValue(value))| (name, value)).collect()
}

fn refusal(name: &str, value: &str) -> Option<(String, String)> {
    if let Some((_, instead)) = OWN_KEY.iter().find(|(own, _)| *own == name) {
        return Some((format!("the property `{name}` cannot be passed through"), (*instead).to_owned()));
    }
    if let Some((_, reason)) = BREAKS.iter().find(|(forbidden, _)| *forbidden == name) {
        return Some((format!("the property `{name}` cannot be changed: {reason}"), "remove it".to_owned()));
    }
    if let Some((_, values, reason)) = RESTRICTED.iter().find(|(restricted, ..)| *restricted == name) {
        let allowed = values.contains(&value.replace(' ', "").as_str());
        let remedy = || format!("use {}, or remove it", enumerate(values));
        return (!allowed).then(|| (format!("the property `{name}` cannot have this value: {reason}"), remedy()));
    }
    if name.starts_with("sasl.") {
        let cause = format!("the property `{name}` cannot be passed through: this version logs in with `sasl` only");
        return Some((cause, "use the key `sasl` (PLAIN or SCRAM), `api_key`, or a client certificate".to_owned()));
    }
    if name.ends_with("_cb") {
        return Some((
            format!("the property `{name}` is a function of the client's programmers"),
            "remove it".to_owned(),
        ));
    }
    sounds_secret(name).then(|| {
        let cause = format!("the property `{name}` sounds like a secret, and properties are shown in messages");
        (cause, "use the keys `api_secret`, `sasl` and `tls`".to_owned())
    })
}

pub(super) fn check_group_protocol(
    properties: &[(String, String)],
    protocol: GroupProtocol,
    path: &Path,
    findings: &mut Findings,
) {
    for (name, _) in properties {
        match protocol {
            GroupProtocol::Consumer if CLASSIC_ONLY.contains(&name.as_str()) => {
                let cause = format!("the property `{name}` cannot be set with `group_protocol: consumer`");
                findings.error_at_key(&path.key(name), cause, "remove it: the broker decides");
            }
            GroupProtocol::Classic if name == "group.remote.assignor" => {
                let cause = "the property `group.remote.assignor` works only with `group_protocol: consumer`";
                findings.error_at_key(&path.key(name), cause, "remove it, or change `group_protocol`");
            }
            GroupProtocol::Classic | GroupProtocol::Consumer => {}
        }
    }
}

/// `max.poll.interval.ms`, which has to be at least the session timeout.
pub(super) fn max_poll_interval(properties: &[(String, String)]) -> Duration {
    let given = properties.iter().find(|(name, _)| name == "max.poll.interval.ms");
    let millis = given.and_then(|(_, value)| value.parse().ok());
    millis.map_or(defaults::MAX_POLL_INTERVAL, Duration::from_millis)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tuning_and_placement_are_passed_through() {
        for (name, value) in [
            ("client.rack", "euw1-az1"),
            ("client.id", "x"),
            ("statistics.interval.ms", "5000"),
            ("queued.max.messages.kbytes", "8192"),
            ("fetch.max.bytes", "1000000"),
            ("isolation.level", "read_committed"),
            ("partition.assignment.strategy", "range, roundrobin"),
            ("ssl.cipher.suites", "x"),
            ("debug", "cgrp"),
            ("compression.type", "zstd"),
            ("socket.keepalive.enable", "true"),
        ] {
            assert_eq!(refusal(name, value), None, "{name}");
        }
    }

    #[test]
    fn what_breaks_the_guarantee_or_hides_a_secret_is_refused() {
        for (name, value) in [
            ("group.id", "x"),
            ("enable.auto.commit", "false"),
            ("isolation.level", "read_uncommitted"),
            ("partition.assignment.strategy", "cooperative-sticky,range"),
            ("sasl.oauthbearer.client.secret", "x"),
            ("sasl.kerberos.keytab", "x"),
            ("https.ca.pem", "x"),
            ("rebalance_cb", "x"),
            ("some.future.password", "x"),
        ] {
            assert!(refusal(name, value).is_some(), "{name}");
        }
    }
}
