//! The harness itself: what the other tests take for granted.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::support::child::{self, Guarded};
use crate::support::kafka::{
    Access, FORWARDER, Kafka, Login, NewRecord, READERS, STRANGER, TransactionEnd, fresh_name,
};
use crate::support::process::{self, Metrics};
use crate::support::samples::{self, Census, Numbered};
use crate::support::waiting::wait_until;

const LIMIT: Duration = Duration::from_secs(30);

#[test]
fn every_listener_serves_who_may_and_refuses_who_may_not() {
    let kafka = Kafka::shared();
    let topic = kafka.topic("listeners", 1);
    kafka.produce(&topic, 3, |n| n.to_string(), |_| 0);

    let mut welcome = vec![Access::Plaintext, Access::MutualTls];
    for mechanism in ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] {
        welcome.push(Access::SaslSsl { mechanism, login: FORWARDER });
        welcome.push(Access::SaslPlaintext { mechanism, login: FORWARDER });
    }
    for access in welcome {
        let messages = kafka.read_as(access, &topic).unwrap_or_else(|error| panic!("{access:?}: {error}"));
        assert_eq!(messages.len(), 3, "{access:?}");
    }

    let wrong = Login { user: FORWARDER.user, password: "wrong" };
    for mechanism in ["PLAIN", "SCRAM-SHA-256"] {
        let error = kafka.read_as(Access::SaslSsl { mechanism, login: wrong }, &topic).unwrap_err();
        assert!(error.to_string().contains("Authentication"), "{mechanism}: {error}");
    }
    let error = kafka.read_as(Access::SaslSsl { mechanism: "PLAIN", login: STRANGER }, &topic).unwrap_err();
    assert!(error.to_string().contains("authorization"), "{error}");
}

#[test]
fn a_stranger_may_read_what_it_was_granted() {
    let kafka = Kafka::shared();
    let topic = kafka.topic("granted", 1);
    kafka.produce(&topic, 1, |_| "x", |_| 0);
    let access = Access::SaslSsl { mechanism: "PLAIN", login: STRANGER };
    kafka.allow(STRANGER.user, "Read", "--topic", &topic);
    assert!(kafka.read_as(access, &topic).unwrap_err().to_string().contains("Group authorization"));
    kafka.allow(STRANGER.user, "Read", "--group", READERS);
    assert_eq!(kafka.read_as(access, &topic).unwrap().len(), 1);
}

#[test]
fn a_client_without_certificate_is_refused_where_one_is_wanted() {
    let kafka = Kafka::shared();
    let mut config = kafka.client_config(Access::MutualTls);
    config.remove("ssl.certificate.location");
    config.remove("ssl.key.location");
    let consumer: rdkafka::consumer::BaseConsumer = config.create().unwrap();
    let answer = rdkafka::consumer::Consumer::fetch_metadata(&consumer, None, Duration::from_secs(2));
    assert!(answer.is_err());
}

#[test]
fn records_come_back_as_they_were_produced() {
    let kafka = Kafka::shared();
    let topic = kafka.topic("round-trip", 2);
    let record = NewRecord {
        partition: Some(1),
        key: Some(b"key"),
        value: Some(b"\xff not text"),
        headers: &[("a", Some(b"1")), ("none", None)],
        timestamp_ms: Some(1_700_000_000_000),
    };
    assert_eq!(kafka.produce_one(&topic, record), (1, 0));
    assert_eq!(
        kafka.produce_one(&topic, NewRecord { partition: Some(1), key: Some(b"key"), ..NewRecord::default() }),
        (1, 1)
    );

    let messages = kafka.read(&topic);
    assert_eq!(messages.len(), 2);
    assert_eq!(messages[0].key.as_deref(), record.key);
    assert_eq!(messages[0].value.as_deref(), record.value);
    assert_eq!(messages[0].timestamp_ms, record.timestamp_ms);
    assert_eq!(messages[0].headers, [("a".to_owned(), Some(b"1".to_vec())), ("none".to_owned(), None)]);
    assert_eq!(messages[1].value, None, "a tombstone");
}

#[test]
fn a_hundred_thousand_numbered_events_arrive_once_each() {
    let kafka = Kafka::shared();
    let topic = kafka.topic("bulk", 6);
    let (events, count, began) = (Numbered::new(), 100_000, Instant::now());
    kafka.produce(&topic, count, |n| events.event(n), |n| (n % 6) as i32);
    println!("produced {count} events in {:?}", began.elapsed());

    let messages = kafka.read(&topic);
    let numbers = messages.iter().filter_map(|message| samples::number_of(message.value.as_deref()?));
    let census = Census::of(count, numbers);
    assert_eq!((census.missing(), census.repeated(), census.unknown), (vec![], 0, 0));
    assert_eq!(kafka.end_offsets(&topic).iter().sum::<i64>(), count as i64);
    serde_json::from_slice::<serde_json::Value>(&events.event(85)).expect("a numbered event is JSON");
}

#[test]
fn the_load_runs_until_it_is_stopped() {
    let kafka = Kafka::shared();
    let topic = kafka.topic("load", 2);
    let events = Numbered::new();
    let load = kafka.load(&topic, 5_000, move |n| events.event(n));
    wait_until(LIMIT, "some load arrives", || kafka.end_offsets(&topic).iter().sum::<i64>() > 500);
    let sent = load.stop();
    assert_eq!(kafka.end_offsets(&topic).iter().sum::<i64>(), sent as i64);
}

#[test]
fn deleted_records_move_the_low_watermark() {
    let kafka = Kafka::shared();
    let topic = kafka.topic("expired", 1);
    kafka.produce(&topic, 10, |n| n.to_string(), |_| 0);
    assert_eq!(kafka.watermarks(&topic, 0), (0, 10));
    kafka.delete_records(&topic, 0, 7);
    assert_eq!(kafka.watermarks(&topic, 0), (7, 10));
    assert_eq!(kafka.read(&topic).len(), 3);
}

#[test]
fn transactions_leave_holes() {
    let kafka = Kafka::shared();
    let topic = kafka.topic("holes", 1);
    kafka.produce_transaction(&topic, 0, TransactionEnd::Commit, ["a", "b"]);
    kafka.produce_transaction(&topic, 0, TransactionEnd::Abort, ["c"]);
    kafka.produce_transaction(&topic, 0, TransactionEnd::Commit, ["d"]);
    let offsets: Vec<i64> = kafka.read(&topic).iter().map(|message| message.offset).collect();
    assert_eq!(offsets, [0, 1, 5], "markers at 2, 4 and 6, an aborted record at 3");
    assert_eq!(kafka.end_offsets(&topic), [7]);
}

#[test]
fn committed_offsets_can_be_set_and_read() {
    let kafka = Kafka::shared();
    let (topic, group) = (kafka.topic("offsets", 3), fresh_name("group"));
    assert_eq!(kafka.committed(&group, &topic), [None, None, None]);
    kafka.commit_for(&group, &topic, [(0, 5), (2, 0)]);
    assert_eq!(kafka.committed(&group, &topic), [Some(5), None, Some(0)]);
}

/// A broker outage as the program sees it: frozen, then gone, then back with the same address and data.
#[test]
fn a_private_broker_can_freeze_and_die_and_come_back_and_leaves_nothing() {
    let began = Instant::now();
    let kafka = Kafka::start();
    println!("started in {:?}", began.elapsed());
    let topic = kafka.topic("kept", 1);
    kafka.produce(&topic, 5, |n| n.to_string(), |_| 0);
    kafka.commit_for("group", &topic, [(0, 3)]);

    kafka.pause();
    assert!(!kafka.serves());
    kafka.resume();
    wait_until(LIMIT, "the broker serves again", || kafka.serves());

    let before = kafka.process();
    kafka.stop();
    assert!(!child::is_running(before));
    kafka.start_again();
    assert_eq!(kafka.read(&topic).len(), 5);
    wait_until(LIMIT, "the group's offsets are loaded", || kafka.committed("group", &topic) == [Some(3)]);

    let (process, home) = (kafka.process(), kafka.certificates().ca.parent().unwrap().to_owned());
    assert!(child::is_running(process) && home.exists());
    drop(kafka);
    assert!(!child::is_running(process), "the broker outlived its owner");
    assert!(!home.exists(), "{} was left behind", home.display());
}

/// The watchdog is the only thing left when a test process is killed; its closed input stands for that here.
#[test]
fn the_watchdog_kills_the_child_of_a_test_process_that_is_gone() {
    let scratch = tempfile::tempdir().unwrap();
    let mut command = Command::new("sleep");
    command.arg("600").stdin(Stdio::null());
    let mut child = Guarded::spawn(&mut command, Some(scratch.path()));
    child.close_lifeline();
    child.wait(LIMIT);
    wait_until(LIMIT, "the scratch directory is removed", || !scratch.path().exists());
}

#[test]
fn metrics_are_read_with_and_without_labels() {
    let text =
        "# TYPE a_total counter\na_total{pipeline=\"x\",outcome=\"delivered\"} 3\na_total{pipeline=\"y\"} 4\nb 1.5e3\n";
    let metrics = Metrics::parse(text);
    assert_eq!(metrics.sum("a_total", &[]), 7.0);
    assert_eq!(metrics.value("a_total", &[("pipeline", "x")]), Some(3.0));
    assert_eq!(metrics.value("a_total", &[]), None, "two series");
    assert_eq!(metrics.value("b", &[]), Some(1500.0));
    assert_eq!(metrics.sum("absent", &[]), 0.0);
}

#[test]
fn the_program_runs_to_its_end() {
    let finished = process::run_to_end(["--help"], LIMIT);
    assert_eq!(finished.code(), Some(0), "{}", finished.stderr);
}
