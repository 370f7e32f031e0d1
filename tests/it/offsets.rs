//! `offsets show` and `offsets copy` against real brokers: what is shown is so, and what is copied is the same record.

use auditferry::demo::hec::TOKEN;
use serde_json::{Value, json};

use crate::support::collector::Collector;
use crate::support::ferry::{PIPELINE, Setup, wait_for_commit};
use crate::support::kafka::{Access, Kafka, NewRecord, fresh_name};
use crate::support::process::Finished;

const HOUR_MS: i64 = 3_600_000;

/// Records that look the same wherever they are produced: value and timestamp follow from the number.
fn produce(kafka: &Kafka, topic: &str, partition: i32, numbers: std::ops::Range<i64>) {
    let began = jiff::Timestamp::now().as_millisecond() / HOUR_MS * HOUR_MS - 2 * HOUR_MS;
    let values: Vec<String> = numbers.clone().map(|n| format!(r#"{{"number":{n}}}"#)).collect();
    let records = numbers.zip(&values).map(|(n, value)| NewRecord {
        partition: Some(partition),
        value: Some(value.as_bytes()),
        timestamp_ms: Some(began + n),
        ..NewRecord::default()
    });
    kafka.produce_all(topic, records);
}

fn lines(finished: &Finished) -> Vec<Value> {
    finished.stdout.lines().map(|line| serde_json::from_str(line).expect("one JSON object per line")).collect()
}

#[track_caller]
fn assert_says(finished: &Finished, code: i32, expected: &[&str]) {
    assert_eq!(finished.code(), Some(code), "{finished:?}");
    let text = format!("{}{}", finished.stdout, finished.stderr);
    for expected in expected {
        assert!(text.contains(expected), "`{expected}` is missing in:\n{text}");
    }
}

#[test]
fn show_tells_what_is_unread_how_long_it_lasts_and_who_holds_each_partition() {
    let (kafka, collector) = (Kafka::shared(), Collector::start());
    let topic = kafka.topic("show", 2);
    produce(kafka, &topic, 0, 0..5);
    let setup = Setup::new(kafka, &topic, collector.url());
    let nobody = setup.run(&["offsets", "show"]);
    assert_says(&nobody, 0, &["HELD BY", "none", "unread 5", "the brokers do not say who is in the group"]);

    kafka.commit_for(setup.group(), &topic, [(0, 2)]);
    let stopped = lines(&setup.run(&["offsets", "show", "--format", "json"]));
    let first = &stopped[0];
    assert_eq!(stopped.len(), 2);
    assert_eq!([&first["committed"], &first["end"], &first["lag"]], [&json!(2), &json!(5), &json!(3)]);
    let age = first["oldest_unforwarded_age_seconds"].as_u64().expect("an age");
    assert!((7_200..=10_800).contains(&age), "{first}");
    let left = first["retention_left_seconds"].as_u64().expect("what is left");
    assert!((7 * 86_400 - 1..=7 * 86_400).contains(&(age + left)), "both are rounded down: {first}");
    assert_eq!([&first["member"], &stopped[1]["committed"]], [&Value::Null, &Value::Null]);
    assert_says(
        &setup.run(&["offsets", "show"]),
        0,
        &["unread 3", "nobody is in the group", "the first expires in 6."],
    );

    let running = setup.start();
    wait_for_commit(kafka, setup.group(), &topic, &[Some(5), None]);
    let live = setup.run(&["offsets", "show"]);
    assert_says(&live, 0, &["unread 0; members: 1", "auditferry-", " at 127.0.0.1"]);
    let live = lines(&setup.run(&["offsets", "show", "--format", "json", "--pipeline", PIPELINE]));
    assert!(live.iter().all(|line| line["member"].is_string() && line["lag"] == 0), "{live:?}");
    running.stop();
}

/// A cluster that mirrors the shared one's topic under a prefixed name, and a config that knows both.
struct Mirrored {
    mirror: Kafka,
    topic: String,
    mirror_topic: String,
    setup: Setup,
    collector: Collector,
}

impl Mirrored {
    fn new() -> Self {
        let (mirror, collector) = (Kafka::start(), Collector::start());
        let topic = Kafka::shared().topic("mirrored", 2);
        let mirror_topic = format!("eu.{topic}");
        mirror.create_topic(&mirror_topic, 2, &[]);
        let mut setup = Setup::new(&mirror, &mirror_topic, collector.url());
        setup.config["sources"]["old"] =
            json!({"kafka": {"bootstrap_servers": Kafka::shared().bootstrap(Access::Plaintext), "topics": [topic]}});
        Self { mirror, topic, mirror_topic, setup, collector }
    }

    fn copy(&self, from: &str, arguments: &[&str]) -> Finished {
        let (from, to) = (format!("old/{from}"), format!("audit/{}", self.setup.group()));
        let mut all = vec!["offsets", "copy", "--from", &from, "--to", &to];
        all.extend(arguments);
        self.setup.run(&all)
    }
}

/// Goal: a mirror is taken over from the connector's group at its next record, and nothing is copied that would be wrong.
/// Method: two brokers with the same records at the same offsets; the connector's group has positions on the first.
#[test]
fn positions_are_copied_to_a_mirror_and_reading_goes_on_at_the_next_record() {
    let (kafka, mirrored, connector) = (Kafka::shared(), Mirrored::new(), fresh_name("connect-splunk"));
    let Mirrored { mirror, topic, mirror_topic, setup, collector } = &mirrored;
    for partition in [0, 1] {
        produce(kafka, topic, partition, 0..10);
        produce(mirror, mirror_topic, partition, 0..7);
    }
    kafka.commit_for(&connector, topic, [(0, 6), (1, 9)]);
    let behind = mirrored.copy(&connector, &["--execute"]);
    assert_says(&behind, 1, &["refused:", "partition 1: the mirror is behind by 2 offsets", "nothing was changed"]);
    assert_eq!(mirror.committed(setup.group(), mirror_topic), [None, None]);

    produce(mirror, mirror_topic, 0, 7..10);
    produce(mirror, mirror_topic, 1, 7..10);
    let dry = mirrored.copy(&connector, &[]);
    assert_says(&dry, 0, &["both sides agree", mirror_topic, "add --execute to write 2 positions"]);
    assert_eq!(mirror.committed(setup.group(), mirror_topic), [None, None], "a dry run writes nothing");

    let copied = mirrored.copy(&connector, &["--execute", "--format", "json"]);
    assert_says(&copied, 0, &["copied 2 positions"]);
    assert!(lines(&copied).iter().all(|line| line["outcome"] == "copied" && line["refused"] == false));
    assert_eq!(mirror.committed(setup.group(), mirror_topic), [Some(6), Some(9)]);
    assert_eq!(kafka.committed(&connector, topic), [Some(6), Some(9)], "the source is left as it was");

    let running = setup.start();
    wait_for_commit(mirror, setup.group(), mirror_topic, &[Some(10), Some(10)]);
    let live = mirrored.copy(&connector, &["--execute"]);
    assert_says(&live, 1, &["refused:", "is live: stop auditferry-", "nothing was changed"]);
    running.stop();
    assert_eq!(collector.hec().missing(mirror_topic, 0, 6..10), Vec::<i64>::new());
    let arrived = collector.hec().count();
    assert_eq!((arrived.events, arrived.distinct), (5, 5), "four records of partition 0 and one of partition 1");
}

#[test]
fn a_target_that_holds_other_records_is_no_mirror() {
    let (kafka, mirrored, connector) = (Kafka::shared(), Mirrored::new(), fresh_name("connect-splunk"));
    let Mirrored { mirror, topic, mirror_topic, setup, .. } = &mirrored;
    produce(kafka, topic, 0, 0..10);
    produce(mirror, mirror_topic, 0, 100..110);
    kafka.commit_for(&connector, topic, [(0, 4)]);
    let different = mirrored.copy(&connector, &["--execute"]);
    assert_says(&different, 1, &["partition 0: the two sides hold different records", "nothing was changed"]);
    assert_eq!(mirror.committed(setup.group(), mirror_topic), [None, None]);
}

#[test]
fn what_cannot_be_copied_is_said_with_what_to_do() {
    let (kafka, collector) = (Kafka::shared(), Collector::start());
    let topic = kafka.topic("copy", 1);
    produce(kafka, &topic, 0, 0..3);
    let setup = Setup::new(kafka, &topic, collector.url());
    let group = format!("audit/{}", setup.group());
    let copy = |from: &str, to: &str| setup.run(&["offsets", "copy", "--execute", "--from", from, "--to", to]);

    assert_says(&copy("audit", &group), 2, &["write SOURCE/GROUP"]);
    assert_says(&copy("adit/x", &group), 2, &["no source `adit`", "has: audit"]);
    assert_says(&copy(&group, &group), 2, &["the same group"]);
    assert_says(&copy("audit/connect-none", &group), 1, &["connect-none has no position", "check the group's name"]);
    assert_eq!(kafka.committed(setup.group(), &topic), [None]);
}

/// Goal: a live group of the newer protocol, whose members the brokers do not show, is safe as well. Method: the broker is
/// the judge: it takes no position from outside while a member is in the group.
#[test]
fn positions_of_a_live_group_of_the_newer_protocol_cannot_be_overwritten() {
    let (kafka, collector) = (Kafka::shared(), Collector::start());
    let (topic, other) = (kafka.topic("newer", 1), fresh_name("other"));
    produce(kafka, &topic, 0, 0..3);
    let mut setup = Setup::new(kafka, &topic, collector.url());
    setup.source()["group_protocol"] = json!("consumer");
    let running = setup.start();
    wait_for_commit(kafka, setup.group(), &topic, &[Some(3)]);
    kafka.commit_for(&other, &topic, [(0, 1)]);
    let (from, to) = (format!("audit/{other}"), format!("audit/{}", setup.group()));
    let refused = setup.run(&["offsets", "copy", "--execute", "--from", &from, "--to", &to]);
    assert_says(&refused, 1, &["is a member of it running?"]);
    assert_eq!(kafka.committed(setup.group(), &topic), [Some(3)]);
    assert!(!refused.stderr.contains(TOKEN));
    running.stop();
}
