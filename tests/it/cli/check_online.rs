//! `check --online` against a real broker and the HEC stand-in: what works is said to work, each mistake by its name.

use auditferry::demo::hec::Token;

use super::{Collector, Setup, with_login};
use crate::support::kafka::{Access, FORWARDER, Kafka, NewRecord, STRANGER, fresh_name};
use crate::support::process::Finished;

fn plain(kafka: &Kafka, topics: &str) -> String {
    format!("bootstrap_servers: {}\n      topics: {topics}", kafka.bootstrap(Access::Plaintext))
}

#[track_caller]
fn assert_says(finished: &Finished, code: i32, expected: &[&str]) {
    assert_eq!(finished.code(), Some(code), "{finished:?}");
    for expected in expected {
        assert!(finished.stdout.contains(expected), "`{expected}` is missing in:\n{}", finished.stdout);
    }
}

#[test]
fn what_works_is_shown_with_positions_and_changes_nothing() {
    let (kafka, collector) = (Kafka::shared(), Collector::start());
    let topic = kafka.topic("check", 2);
    let an_hour_ago = jiff::Timestamp::now().as_millisecond() - 3_600_000;
    for _ in 0..5 {
        let record = NewRecord {
            partition: Some(1),
            value: Some(b"{}"),
            timestamp_ms: Some(an_hour_ago),
            ..NewRecord::default()
        };
        kafka.produce_one(&topic, record);
    }
    let setup = Setup { kafka: plain(kafka, &format!("[{topic}]")), hec: collector.stand_in.url(), ..Setup::nowhere() };
    kafka.commit_for(&setup.group(), &topic, [(1, 2)]);

    let finished = setup.run(&["check", "--online"]);
    assert_says(
        &finished,
        0,
        &[
            "2 partitions",
            "has a position in 1; 3 unread",
            "partition 0: holds 0..0, position none",
            "partition 1: holds 0..5, position 2, starts at 2, 3 unread, the oldest is 36",
            "expires in 167.0 h",
            "healthy",
            "takes the token",
            "does not exist yet and will be made",
        ],
    );
    assert_eq!(kafka.committed(&setup.group(), &topic), [None, Some(2)]);
    assert_eq!(collector.stand_in.hec().count().events, 0);
    assert!(!setup.home.path().join("letters").exists());

    let json = setup.run(&["check", "--online", "--format", "json"]);
    assert!(json.stdout.lines().all(|line| serde_json::from_str::<serde_json::Value>(line).is_ok()), "{}", json.stdout);
}

#[test]
fn a_pattern_finds_its_topics() {
    let (kafka, collector) = (Kafka::shared(), Collector::start());
    let name = fresh_name("pattern");
    for suffix in ["-a", "-b"] {
        kafka.create_topic(&format!("{name}{suffix}"), 1, &[]);
    }
    let hec = collector.stand_in.url();
    let setup = Setup {
        kafka: plain(kafka, "[]").replace("topics: []", &format!("topic_pattern: ^{name}-.*$")),
        hec,
        ..Setup::nowhere()
    };
    let finished = setup.run(&["check", "--online"]);
    assert_says(&finished, 0, &[&format!("topic {name}-a: 1 partitions"), &format!("topic {name}-b")]);
}

#[test]
fn an_expired_position_is_named() {
    let (kafka, collector) = (Kafka::shared(), Collector::start());
    let topic = kafka.topic("expired", 1);
    kafka.produce(&topic, 10, |n| n.to_string(), |_| 0);
    let setup = Setup { kafka: plain(kafka, &format!("[{topic}]")), hec: collector.stand_in.url(), ..Setup::nowhere() };
    kafka.commit_for(&setup.group(), &topic, [(0, 2)]);
    kafka.delete_records(&topic, 0, 6);
    assert_says(&setup.run(&["check", "--online"]), 0, &["warning", "EXPIRED", "starts at 6"]);
}

#[test]
fn nobody_there_is_three() {
    let finished = Setup::nowhere().run(&["check", "--online"]);
    assert_says(&finished, 3, &["no answer", "check bootstrap_servers", "kafka_connect", "Connection refused"]);
}

#[test]
fn a_wrong_key_a_missing_topic_and_missing_permissions_are_told_apart() {
    let (kafka, collector) = (Kafka::shared(), Collector::start());
    let hec = collector.stand_in.url();
    let topic = kafka.topic("refused", 1);
    kafka.produce(&topic, 1, |_| "{}", |_| 0);
    let setup = |kafka| Setup { kafka, hec: hec.clone(), ..Setup::nowhere() };

    let finished = setup(with_login(kafka, &topic, FORWARDER.user, "${KAFKA_SECRET}")).run(&["check", "--online"]);
    assert_says(&finished, 0, &["1 unread"]);

    let finished = setup(with_login(kafka, &topic, "nobody", "${KAFKA_SECRET}")).run(&["check", "--online"]);
    assert_says(&finished, 1, &["failed", "check the API key and secret", "kafka_authentication"]);
    assert!(!finished.stdout.contains("forwarder-password"));

    let finished = setup(plain(kafka, "[no-such-topic]")).run(&["check", "--online"]);
    assert_says(&finished, 1, &["failed", "no such topic", "no-such-topic", "kafka_topic"]);

    let stranger = |topic: &str| {
        let mut this = Setup::nowhere();
        this.kafka = with_login(kafka, topic, STRANGER.user, "${KAFKA_SECRET}");
        this.hec = hec.clone();
        this
    };
    let check = |setup: &Setup| {
        let mut command = setup.command();
        command.env("KAFKA_SECRET", STRANGER.password).args(["check", "--online"]);
        crate::support::process::finish(command, super::LIMIT)
    };
    let setup = stranger(&topic);
    assert_says(&check(&setup), 1, &["failed", "ACL", "topic"]);
    kafka.allow(STRANGER.user, "Describe", "--topic", &topic);
    assert_says(&check(&setup), 1, &["failed", "READ on the consumer group"]);
    kafka.allow(STRANGER.user, "Read", "--group", &setup.group());
    assert_says(&check(&setup), 1, &["failed", "READ and DESCRIBE on the topic"]);
    kafka.allow(STRANGER.user, "Read", "--topic", &topic);
    assert_says(&check(&setup), 0, &["1 unread"]);
}

#[test]
fn a_token_that_is_not_taken_is_one() {
    let (kafka, collector) = (Kafka::shared(), Collector::start());
    let topic = kafka.topic("token", 1);
    collector.stand_in.hec().set_tokens(vec![Token::new("another")]);
    let setup = Setup { kafka: plain(kafka, &format!("[{topic}]")), hec: collector.stand_in.url(), ..Setup::nowhere() };
    assert_says(&setup.run(&["check", "--online"]), 1, &["healthy", "failed", "[unauthorized]"]);
}
