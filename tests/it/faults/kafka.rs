//! The way to Kafka: addresses, credentials, topics, permissions.

use serde_json::json;

use super::{assert_heals, assert_nothing_committed, topic_with_events};
use crate::support::collector::Collector;
use crate::support::ferry::{PIPELINE, Setup};
use crate::support::kafka::{Access, FORWARDER, Kafka, Login, STRANGER, fresh_name};
use crate::support::ports::free_port;

const AS_STRANGER: Access = Access::SaslSsl { mechanism: "PLAIN", login: STRANGER };

/// A client that notices new topics and permissions within a second instead of a minute.
fn impatient(mut setup: Setup) -> Setup {
    setup.source()["properties"]["topic.metadata.refresh.interval.ms"] = json!("1000");
    setup
}

#[test]
fn a_wrong_broker_address_is_named() {
    let kafka = Kafka::shared();
    let topic = topic_with_events(kafka, "wrong-address", 3);
    let collector = Collector::start();
    let mut setup = Setup::new(kafka, &topic, collector.url());
    let address = format!("127.0.0.1:{}", free_port());
    setup.source()["bootstrap_servers"] = json!(address);

    setup.assert_check_says(3, &["no answer", &address, "check bootstrap_servers", "kafka_connect"]);
    let mut ferry = setup.start();
    ferry.wait_for_line("WARN", "kafka_connect", &["check bootstrap_servers", &address]);
    ferry.wait_for_status(PIPELINE, Some("starting"), "kafka_connect");
    assert_nothing_committed(kafka, &setup, &topic);
    ferry.stop();
}

#[test]
fn a_host_name_that_does_not_resolve_is_named() {
    let kafka = Kafka::shared();
    let topic = topic_with_events(kafka, "wrong-name", 1);
    let collector = Collector::start();
    let mut setup = Setup::new(kafka, &topic, collector.url());
    setup.source()["bootstrap_servers"] = json!("broker.invalid:9092");

    setup.assert_check_says(3, &["no answer", "broker.invalid:9092", "DNS", "kafka_connect"]);
    let mut ferry = setup.start();
    ferry.wait_for_line("WARN", "kafka_connect", &["DNS", "broker.invalid:9092"]);
    ferry.stop();
}

#[test]
fn a_plain_client_at_a_tls_listener_is_told_to_look_at_the_security_setting() {
    let kafka = Kafka::shared();
    let topic = topic_with_events(kafka, "wrong-security", 1);
    let collector = Collector::start();
    let mut setup = Setup::new(kafka, &topic, collector.url());
    setup.source()["bootstrap_servers"] = json!(kafka.bootstrap(AS_STRANGER));

    setup.assert_check_says(3, &["no answer", "security", "kafka_connect"]);
    let mut ferry = setup.start();
    ferry.wait_for_line("WARN", "kafka_connect", &["check bootstrap_servers, the security setting"]);
    ferry.stop();
}

#[test]
fn a_broker_whose_certificate_is_not_trusted_is_named() {
    let kafka = Kafka::shared();
    let topic = topic_with_events(kafka, "untrusted-broker", 1);
    let collector = Collector::start();
    let access = Access::SaslSsl { mechanism: "PLAIN", login: FORWARDER };
    let mut setup = Setup::new(kafka, &topic, collector.url()).by(kafka, access);
    setup.source()["tls"] = json!({});

    setup.assert_check_says(1, &["failed", "trust_store", "tls"]);
    let mut ferry = setup.start();
    ferry.wait_for_line("ERROR", "tls", &["trust_store"]);
    ferry.wait_for_status(PIPELINE, Some("starting"), "tls");
    assert_nothing_committed(kafka, &setup, &topic);
    ferry.stop();
}

#[test]
fn a_wrong_api_key_is_named_and_consumes_nothing() {
    let kafka = Kafka::shared();
    let topic = topic_with_events(kafka, "wrong-key", 3);
    let collector = Collector::start();
    for mechanism in ["PLAIN", "SCRAM-SHA-256"] {
        let login = Login { user: FORWARDER.user, password: "c4nary-of-a-wrong-secret" };
        let setup = Setup::new(kafka, &topic, collector.url()).by(kafka, Access::SaslSsl { mechanism, login });

        setup.assert_check_says(1, &["failed", "check the API key and secret", "kafka_authentication"]);
        let mut ferry = setup.start();
        ferry.wait_for_line("ERROR", "kafka_authentication", &["check the API key and secret"]);
        ferry.wait_for_status(PIPELINE, Some("starting"), "kafka_authentication");
        assert_nothing_committed(kafka, &setup, &topic);
        ferry.stop();
    }
    assert_eq!(collector.hec().count().events, 0);
}

#[test]
fn a_missing_topic_is_named_and_read_once_it_exists() {
    let kafka = Kafka::shared();
    let topic = fresh_name("created-later");
    let collector = Collector::start();
    let setup = impatient(Setup::new(kafka, &topic, collector.url()));

    setup.assert_check_says(1, &["failed", &topic, "no such topic", "kafka_topic"]);
    let mut ferry = setup.start();
    ferry.wait_for_line("ERROR", "kafka_topic", &["no such topic", &topic]);
    ferry.wait_for_status(PIPELINE, Some("starting"), "kafka_topic");

    kafka.create_topic(&topic, 1, &[]);
    kafka.produce(&topic, 3, |n| format!(r#"{{"n":{n}}}"#), |_| 0);
    collector.wait_for_events(3);
    assert_heals(kafka, &setup, &topic, ferry);
}

#[test]
fn a_missing_permission_on_the_topic_is_named_and_delivery_begins_when_it_is_granted() {
    let kafka = Kafka::shared();
    let topic = topic_with_events(kafka, "no-topic-acl", 3);
    let collector = Collector::start();
    let setup = impatient(Setup::new(kafka, &topic, collector.url()).by(kafka, AS_STRANGER));
    kafka.allow(STRANGER.user, "Read", "--group", setup.group());

    setup.assert_check_says(1, &["failed", &topic, "ACL", "READ"]);
    let mut ferry = setup.start();
    ferry.wait_for_line("ERROR", "kafka_authorization", &["READ and DESCRIBE on the topic", &topic]);
    ferry.wait_for_status(PIPELINE, Some("starting"), "kafka_authorization");
    assert_nothing_committed(kafka, &setup, &topic);

    kafka.allow(STRANGER.user, "Read", "--topic", &topic);
    collector.wait_for_events(3);
    assert_heals(kafka, &setup, &topic, ferry);
}

#[test]
fn a_missing_permission_on_the_group_is_named_and_delivery_begins_when_it_is_granted() {
    let kafka = Kafka::shared();
    let topic = topic_with_events(kafka, "no-group-acl", 3);
    let collector = Collector::start();
    let setup = impatient(Setup::new(kafka, &topic, collector.url()).by(kafka, AS_STRANGER));
    kafka.allow(STRANGER.user, "Read", "--topic", &topic);

    setup.assert_check_says(1, &["failed", "READ on the consumer group", "kafka_authorization"]);
    let mut ferry = setup.start();
    ferry.wait_for_line("ERROR", "kafka_authorization", &["READ on the consumer group", setup.group()]);
    ferry.wait_for_status(PIPELINE, Some("starting"), "kafka_authorization");
    assert_nothing_committed(kafka, &setup, &topic);

    kafka.allow(STRANGER.user, "Read", "--group", setup.group());
    collector.wait_for_events(3);
    assert_heals(kafka, &setup, &topic, ferry);
}
