//! Filters in the whole program: what they drop does not travel, is committed all the same, and adds up.

use std::collections::BTreeMap;
use std::time::Duration;

use auditferry::demo::hec::HecOptions;
use serde_json::{Value, json};

use crate::support::collector::Collector;
use crate::support::ferry::{Ferry, Setup, wait_for_commit};
use crate::support::kafka::{Kafka, NewRecord};
use crate::support::samples;

const LIMIT: Duration = Duration::from_secs(40);

/// The series of the metrics page, by name and labels as written; none before it is served.
fn series(ferry: &Ferry) -> BTreeMap<String, u64> {
    let (_, page) = ferry.get("/metrics").unwrap_or_default();
    let lines = page.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.rsplit_once(' '));
    lines.filter_map(|(name, value)| Some((name.to_owned(), value.parse().ok()?))).collect()
}

fn sum(series: &BTreeMap<String, u64>, name: &str) -> u64 {
    series.iter().filter(|(key, _)| key.split('{').next() == Some(name)).map(|(_, value)| value).sum()
}

/// read = delivered + filtered + dead-lettered + released + in flight, and filtered = the sum over the rules.
fn assert_adds_up(series: &BTreeMap<String, u64>) {
    let records = |what: &str| sum(series, &format!("auditferry_records_{what}"));
    let settled =
        ["delivered_total", "filtered_total", "dead_lettered_total", "released_total", "in_flight"].map(records);
    assert_eq!(records("read_total"), settled.iter().sum::<u64>(), "{series:#?}");
    assert_eq!(records("filtered_total"), sum(series, "auditferry_filtered_total"), "{series:#?}");
}

fn rule(series: &BTreeMap<String, u64>, name: &str, rule: &str) -> u64 {
    series[&format!("auditferry_{name}{{pipeline=\"splunk\",rule=\"{rule}\"}}")]
}

/// Goal: what is filtered holds nothing up. Method: a few records to deliver, then thousands that a rule drops, in two
/// partitions; the commit has to reach both ends, and a restart has nothing left to read.
#[test]
fn a_long_stretch_of_filtered_records_advances_the_commit_without_any_delivery() {
    const COUNT: u64 = 6_000;
    let kafka = Kafka::shared();
    let topic = kafka.topic("filtered", 2);
    let id = |n: u64| if n < 10 { "wanted" } else { "noise" };
    kafka.produce(&topic, COUNT, |n| format!(r#"{{"id":"{}","n":{n}}}"#, id(n)), |n| (n % 2) as i32);
    let collector = Collector::start();
    let mut setup = Setup::new(kafka, &topic, collector.url());
    setup.pipeline()["transforms"] = json!([{"drop": {"name": "noise", "when": "id == \"noise\""}}]);

    let ferry = setup.start();
    let half = COUNT as i64 / 2;
    wait_for_commit(kafka, setup.group(), &topic, &[Some(half), Some(half)]);
    assert_eq!(collector.hec().count().events, 10);

    // And later, when nothing at all is to be delivered.
    kafka.produce(&topic, COUNT, |n| format!(r#"{{"id":"noise","n":{n}}}"#), |n| (n % 2) as i32);
    wait_for_commit(kafka, setup.group(), &topic, &[Some(2 * half), Some(2 * half)]);
    let seen = series(&ferry);
    assert_adds_up(&seen);
    assert_eq!(rule(&seen, "filtered_total", "noise"), 2 * COUNT - 10);
    let (_, status) = ferry.get("/statusz").expect("it serves its status");
    let status: Value = serde_json::from_str(&status).expect("JSON");
    let filter = &status["pipelines"][0]["filters"][0];
    assert_eq!((&filter["rule"], &filter["filtered"]), (&json!("noise"), &json!(2 * COUNT - 10)));
    ferry.assert_no_complaint_but(&[]);
    ferry.stop();

    let again = setup.start();
    wait_for_commit(kafka, setup.group(), &topic, &[Some(2 * half), Some(2 * half)]);
    kafka.produce(&topic, 1, |_| r#"{"id":"wanted"}"#, |_| 0);
    collector.wait_for_events(11);
    again.stop();
    assert_eq!(collector.hec().count().events, 11, "nothing was read again");
}

/// Goal: at every scrape every record is somewhere. Method: scrape all the time while samples are filtered, delivered and put
/// away as letters, until everything is settled.
#[test]
fn whatever_rules_do_every_record_is_counted_once_at_every_scrape() {
    const COUNT: u64 = 20_000;
    let kafka = Kafka::shared();
    let topic = kafka.topic("counted", 3);
    let events = samples::events();
    let event = |n: u64| if n % 100 == 99 { "" } else { events[n as usize % events.len()] };
    kafka.produce(&topic, COUNT, event, |n| (n % 3) as i32);
    let collector = Collector::start();
    let letters = tempfile::tempdir().unwrap();
    let mut setup = Setup::new(kafka, &topic, collector.url()).with_letters_in(letters.path());
    setup.pipeline()["transforms"] = json!([
        {"drop": {"preset": "routine"}},
        {"drop": {"name": "sampled", "when": "method == \"CreateAPIKey\"", "keep_one_in": 2}},
        {"drop": {"name": "fails", "when": "event.data.methodName < 3"}},
        {"keep": {"name": "kept", "when": "has(method)", "topics": [topic]}},
    ]);

    let ferry = setup.start();
    let mut scrapes = 0;
    crate::support::waiting::wait_until(LIMIT, "every record to be settled", || {
        let seen = series(&ferry);
        assert_adds_up(&seen);
        scrapes += 1;
        sum(&seen, "auditferry_records_read_total") == COUNT && sum(&seen, "auditferry_records_in_flight") == 0
    });
    let seen = series(&ferry);
    assert!(rule(&seen, "filtered_total", "routine") > COUNT / 10 && scrapes > 3, "{scrapes} scrapes: {seen:#?}");
    let failed = rule(&seen, "condition_errors_total", "fails");
    let delivered = sum(&seen, "auditferry_records_delivered_total");
    assert!(failed >= delivered && rule(&seen, "filtered_total", "fails") == 0, "{seen:#?}");
    assert_eq!(sum(&seen, "auditferry_unreadable_events_total"), COUNT / 100);
    let (_, status) = ferry.get("/statusz").expect("it serves its status");
    assert!(status.contains("of the condition: needs a text, and is a number"), "{status}");
    ferry.assert_no_complaint_but(&["event became a dead letter"]);
    ferry.stop();
    assert_eq!(collector.hec().count().events, delivered);
}

#[test]
fn the_monitor_lets_denied_access_to_sensitive_topics_through_and_nothing_else() {
    let kafka = Kafka::shared();
    let topic = kafka.topic("monitor", 1);
    let events = samples::events();
    for event in &events {
        let record = NewRecord { partition: Some(0), value: Some(event.as_bytes()), ..NewRecord::default() };
        kafka.produce_one(&topic, record);
    }
    let collector = Collector::start_with(HecOptions { keep_texts: events.len(), ..HecOptions::default() });
    let mut setup = Setup::new(kafka, &topic, collector.url());
    setup.pipeline()["transforms"] = json!([{"monitor": {}}]);

    let ferry = setup.start();
    wait_for_commit(kafka, setup.group(), &topic, &[Some(events.len() as i64)]);
    ferry.assert_no_complaint_but(&[]);
    ferry.stop();
    let texts = collector.hec().texts();
    assert_eq!(texts.len(), 1, "{texts:#?}");
    assert!(texts[0].contains("sensitive-payroll"), "{}", texts[0]);
}
