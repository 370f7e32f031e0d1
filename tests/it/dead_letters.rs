//! `deadletter list`, `show` and `retry`, on letters that a run has written.

use auditferry::demo::hec::{HecOptions, Poison, PoisonAnswer};
use serde_json::Value;

use crate::support::collector::Collector;
use crate::support::ferry::{Setup, wait_for_commit};
use crate::support::kafka::{Kafka, NewRecord, fresh_name};

/// The letters that `deadletter list` prints, as JSON.
#[track_caller]
fn list(setup: &Setup) -> Vec<Value> {
    let listed = setup.run(&["deadletter", "list", "--format", "json"]);
    assert_eq!(listed.code(), Some(0), "{}", listed.stderr);
    let mut letters: Vec<Value> =
        listed.stdout.lines().map(|line| serde_json::from_str(line).expect("a line is JSON")).collect();
    // In a topic they lie in the order in which they were given up.
    letters.sort_by_key(|letter| letter["offset"].as_i64());
    letters
}

/// A run that meets two events which Splunk refuses and one that is not text, and puts them into its store.
fn run_with_poison(kafka: &Kafka, topic: &str, collector: &Collector, setup: &Setup) {
    let poison = Poison { needle: "poisonous".to_owned(), answer: PoisonAnswer::Named(15) };
    collector.hec().set_poison(vec![poison]);
    let value = |n: u32| match n {
        3 | 7 => format!(r#"{{"poisonous": {n}}}"#).into_bytes(),
        5 => b"\xff\xfe".to_vec(),
        _ => format!(r#"{{"n": {n}}}"#).into_bytes(),
    };
    let values: Vec<Vec<u8>> = (0..10).map(value).collect();
    let headers: &[(&str, Option<&[u8]>)] = &[("origin", Some(b"lkc-1"))];
    let records = values.iter().map(|value| NewRecord {
        partition: Some(0),
        key: Some(b"key"),
        value: Some(value),
        headers,
        timestamp_ms: Some(1_700_000_000_000),
    });
    kafka.produce_all(topic, records);
    let ferry = setup.start();
    wait_for_commit(kafka, setup.group(), topic, &[Some(10)]);
    ferry.assert_no_complaint_but(&["event became a dead letter"]);
    ferry.stop();
    assert_eq!(collector.hec().count().distinct, 7);
}

/// What both kinds of store have in common, up to the letters that can be delivered after all.
fn assert_listed_shown_and_refused_again(collector: &Collector, setup: &Setup) {
    let listed = list(setup);
    let summary: Vec<_> = listed.iter().map(|letter| (letter["offset"].as_i64(), letter["reason"].as_str())).collect();
    let expected = [(Some(3), Some("event_refused")), (Some(5), Some("not_utf8")), (Some(7), Some("event_refused"))];
    assert_eq!(summary, expected);
    assert!(listed[0]["detail"].as_str().is_some_and(|text| text.contains("Error in handling indexed fields")));

    let table = setup.run(&["deadletter", "list"]);
    assert!(table.stdout.contains("not_utf8") && table.stderr.contains("3 letters in"), "{}", table.stdout);

    let id = listed[0]["id"].as_str().expect("a letter has a name");
    let raw = setup.run(&["deadletter", "show", id, "--raw"]);
    assert_eq!((raw.code(), raw.stdout.as_str()), (Some(0), r#"{"poisonous": 3}"#), "{}", raw.stderr);
    let shown = setup.run(&["deadletter", "show", id]);
    for words in ["offset 3", "event_refused", "origin: lkc-1", r#"{"poisonous": 3}"#, "key"] {
        assert!(shown.stdout.contains(words), "no `{words}` in:\n{}", shown.stdout);
    }
    let unknown = setup.run(&["deadletter", "show", "0-999"]);
    assert_eq!(unknown.code(), Some(1), "{}", unknown.stdout);
    assert!(unknown.stderr.contains("there is no letter 0-999"), "{}", unknown.stderr);

    let requests = collector.hec().count().requests;
    let dry = setup.run(&["deadletter", "retry", "--all", "--dry-run"]);
    assert_eq!((dry.code(), dry.stdout.lines().count()), (Some(0), 3), "{}", dry.stderr);
    assert_eq!(collector.hec().count().requests, requests);
    let retried = setup.run(&["deadletter", "retry", "--all"]);
    assert_eq!(retried.code(), Some(1));
    assert!(retried.stderr.contains("0 delivered, 3 refused again"), "{}", retried.stderr);
    assert_eq!(list(setup).len(), 3, "a refused letter stays");
}

/// Splunk takes the events now: they arrive once, and leave the store.
fn assert_delivered_after_all(topic: &str, collector: &Collector, setup: &Setup) {
    collector.hec().set_poison(Vec::new());
    let retried = setup.run(&["deadletter", "retry", "--all", "--format", "json"]);
    assert_eq!(retried.code(), Some(1), "one letter is no text and stays");
    assert!(retried.stderr.contains("2 delivered, 1 refused again"), "{}", retried.stderr);
    let outcomes: Vec<Value> = retried.stdout.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(outcomes.iter().filter(|outcome| outcome["outcome"] == "delivered").count(), 2);

    let left = list(setup);
    assert_eq!(left.len(), 1);
    assert_eq!((&left[0]["reason"], &left[0]["offset"]), (&Value::from("not_utf8"), &Value::from(5)));
    for offset in [3, 7] {
        assert_eq!(collector.hec().times(topic, 0, offset), 1, "offset {offset}");
    }
    assert!(collector.hec().texts().iter().any(|text| text.contains(r#"{"poisonous": 7}"#)));
}

#[test]
fn letters_in_a_directory_are_listed_shown_and_sent_again() {
    let kafka = Kafka::shared();
    let (topic, home) = (kafka.topic("letters-in-directory", 1), tempfile::tempdir().unwrap());
    let collector = Collector::start_with(HecOptions { keep_texts: 100, ..HecOptions::default() });
    let setup = Setup::new(kafka, &topic, collector.url()).with_letters_in(home.path());
    run_with_poison(kafka, &topic, &collector, &setup);
    assert_listed_shown_and_refused_again(&collector, &setup);

    // A single letter, by its name.
    collector.hec().set_poison(Vec::new());
    let id = list(&setup)[0]["id"].as_str().expect("a letter has a name").to_owned();
    let retried = setup.run(&["deadletter", "retry", &id]);
    assert_eq!(retried.code(), Some(0), "{}{}", retried.stdout, retried.stderr);
    assert_eq!((list(&setup).len(), collector.hec().times(&topic, 0, 3)), (2, 1));

    let retried = setup.run(&["deadletter", "retry", "--all"]);
    assert!(retried.stderr.contains("1 delivered, 1 refused again"), "{}", retried.stderr);
    assert_eq!((list(&setup).len(), collector.hec().times(&topic, 0, 7)), (1, 1));
    assert_eq!(collector.hec().count().duplicates, 0);
}

#[test]
fn letters_in_a_topic_are_listed_shown_and_sent_again() {
    let kafka = Kafka::shared();
    let (topic, letters) = (kafka.topic("letters-of", 1), kafka.topic("letters-in-topic", 1));
    let collector = Collector::start_with(HecOptions { keep_texts: 100, ..HecOptions::default() });
    // The position of what was sent again is kept in a group that is named after the pipeline.
    let setup =
        Setup::new(kafka, &topic, collector.url()).with_letter_topic(kafka, &letters).named(&fresh_name("letters"));
    run_with_poison(kafka, &topic, &collector, &setup);
    let record = kafka.read(&letters).remove(0);
    assert_eq!((record.key.as_deref(), record.value.as_deref()), (Some(&b"key"[..]), Some(&b"\xff\xfe"[..])));

    assert_listed_shown_and_refused_again(&collector, &setup);
    let one = setup.run(&["deadletter", "retry", "0-0"]);
    assert_eq!(one.code(), Some(2), "a position leaves no letter out");
    assert!(one.stderr.contains("use --all"), "{}", one.stderr);
    assert_delivered_after_all(&topic, &collector, &setup);
}

/// A retry against a collector that is away leaves the letters where they are and says why.
#[test]
fn a_retry_that_nobody_answers_leaves_the_letters() {
    let kafka = Kafka::shared();
    let (topic, home) = (kafka.topic("retry-nobody", 1), tempfile::tempdir().unwrap());
    let collector = Collector::start();
    let setup = Setup::new(kafka, &topic, collector.url()).with_letters_in(home.path());
    run_with_poison(kafka, &topic, &collector, &setup);
    collector.hec().set_tokens(Vec::new());
    let retried = setup.run(&["deadletter", "retry", "--all"]);
    assert_eq!(retried.code(), Some(1));
    assert!(retried.stderr.contains("Invalid token"), "{}", retried.stderr);
    assert!(retried.stderr.contains("the letters that are left are untouched"), "{}", retried.stderr);
    assert_eq!(list(&setup).len(), 3);
}
