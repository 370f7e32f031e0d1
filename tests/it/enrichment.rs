//! Enrichment, from a real broker to the far side: what is added arrives beside the event or within it, and new versions of
//! tables are used without a restart.

use std::fs;
use std::time::Duration;

use auditferry::demo::hec::HecOptions;
use serde_json::{Value, json};

use crate::support::collector::Collector;
use crate::support::ferry::{PIPELINE, Setup, wait_for_commit};
use crate::support::kafka::{Kafka, NewRecord};
use crate::support::waiting::wait_until;

/// Files are looked at every second.
const IN_USE: Duration = Duration::from_secs(10);

fn collector() -> Collector {
    Collector::start_with(HecOptions { keep_texts: 20_000, ..HecOptions::default() })
}

fn produce(kafka: &Kafka, topic: &str, value: &str) {
    let record = NewRecord { partition: Some(0), value: Some(value.as_bytes()), ..NewRecord::default() };
    kafka.produce_one(topic, record);
}

fn texts(collector: &Collector) -> Vec<String> {
    collector.hec().texts()
}

#[test]
fn what_is_added_arrives_in_the_fields_and_the_event_is_what_it_was() {
    let kafka = Kafka::shared();
    let topic = kafka.topic("enriched", 1);
    let folder = tempfile::tempdir().unwrap();
    let owners = folder.path().join("owners.csv");
    fs::write(&owners, "principal,owner,team\nsa-1,alice,payments\n").unwrap();
    let of =
        |principal: &str| format!("{{\"data\": {{\"authenticationInfo\":{{\"principal\":\"User:{principal}\"}}}} }}");
    let events = [of("sa-1"), of("sa-2"), "no JSON".to_owned()];
    events.iter().for_each(|event| produce(kafka, &topic, event));
    let collector = collector();
    let mut setup = Setup::new(kafka, &topic, collector.url());
    setup.sink()["fields"] = json!({"env": "test"});
    setup.pipeline()["transforms"] = json!([
        {"enrich": {"fields": {"desk": ["soc", "audit"]}}},
        {"enrich": {"lookup": {"file": owners, "field": "principal", "prefix": "p_", "default": {"p_owner": "nobody"}}}},
    ]);

    let ferry = setup.start();
    wait_for_commit(kafka, setup.group(), &topic, &[Some(3)]);
    let metrics = ferry.metrics().expect("it serves metrics");
    ferry.assert_no_complaint_but(&[]);
    ferry.stop();

    let count = |result| metrics.sum("auditferry_enrichment_total", &[("table", "owners"), ("result", result)]);
    assert_eq!([count("hit"), count("miss"), count("no_key"), count("unreadable")], [1.0, 1.0, 1.0, 0.0]);
    let rows = metrics.sum("auditferry_enrichment_table_rows", &[("pipeline", PIPELINE), ("table", "owners")]);
    assert_eq!(rows, 1.0);
    let texts = texts(&collector);
    for (at, added) in
        [json!({"p_owner": "alice", "p_team": "payments"}), json!({"p_owner": "nobody"}), json!({})].iter().enumerate()
    {
        let mut expected = json!({
            "env": "test", "kafka_topic": topic, "kafka_partition": "0", "kafka_offset": at.to_string(),
            "desk": ["soc", "audit"],
        });
        expected.as_object_mut().unwrap().extend(added.as_object().unwrap().clone());
        let envelope: Value = serde_json::from_str(&texts[at]).unwrap();
        assert_eq!(envelope["fields"], expected);
    }
    for (text, event) in texts.iter().zip(events).take(2) {
        assert!(text.contains(&format!("\"event\":{event},\"fields\"")), "{text}");
    }
}

#[test]
fn a_member_of_the_event_arrives_and_one_that_is_there_stays() {
    let kafka = Kafka::shared();
    let topic = kafka.topic("enriched-within", 1);
    let events = [r#"{"id":"a" }"#, r#"{"id":"b","\u0065nrichment":{"of":"Confluent"}}"#];
    events.iter().for_each(|event| produce(kafka, &topic, event));
    let collector = collector();
    let mut setup = Setup::new(kafka, &topic, collector.url());
    setup.sink()["mode"] = json!("raw");
    setup.pipeline()["transforms"] = json!([{"enrich": {"place": "event", "fields": {"team": "soc"}}}]);

    let ferry = setup.start();
    wait_for_commit(kafka, setup.group(), &topic, &[Some(2)]);
    let metrics = ferry.metrics().expect("it serves metrics");
    ferry.assert_no_complaint_but(&[]);
    ferry.stop();

    assert_eq!(metrics.sum("auditferry_enrichment_left_out_total", &[("pipeline", PIPELINE)]), 1.0);
    let texts = texts(&collector);
    assert_eq!(
        texts.iter().map(|text| text.trim_end()).collect::<Vec<_>>(),
        [r#"{"id":"a" ,"enrichment":{"team":"soc"}}"#, events[1],]
    );
}

/// Goal: a table that changes while events flow loses nothing, and a version that cannot be used is told. Method: under load
/// the table is replaced, then broken, then mended; what arrives has the version of its time.
#[test]
fn a_table_that_changes_is_used_and_a_broken_one_is_told_while_events_flow() {
    let kafka = Kafka::shared();
    let topic = kafka.topic("enriched-anew", 2);
    let folder = tempfile::tempdir().unwrap();
    let table = folder.path().join("stages.json");
    let write = |text: &str| {
        fs::write(folder.path().join("next"), text).unwrap();
        fs::rename(folder.path().join("next"), &table).unwrap();
    };
    write(r#"{"sa-1": "first"}"#);
    let collector = collector();
    let mut setup = Setup::new(kafka, &topic, collector.url());
    setup.pipeline()["transforms"] =
        json!([{"enrich": {"lookup": {"file": table, "field": "id", "take": {"value": "stage"}}}}]);
    let mut ferry = setup.start();
    let load = kafka.load(&topic, 100, |n| format!("{{\"id\":\"sa-1\",\"n\":{n}}}").into_bytes());
    let arrives = |stage: &str| {
        let expected = format!("\"stage\":\"{stage}\"");
        wait_until(IN_USE, &expected, || texts(&collector).last().is_some_and(|text| text.contains(&expected)));
    };

    arrives("first");
    write(r#"{"sa-1": "second"}"#);
    arrives("second");
    write("{\"sa-1\": \"third\",\n}");
    ferry.wait_for_complaint(&["the new version of a table cannot be used", "stages", "line 2, column 1"]);
    arrives("second");
    write(r#"{"sa-1": "fourth"}"#);
    arrives("fourth");

    let produced = load.stop();
    let ends: Vec<_> = kafka.end_offsets(&topic).into_iter().map(Some).collect();
    wait_for_commit(kafka, setup.group(), &topic, &ends);
    let metrics = ferry.metrics().expect("it serves metrics");
    ferry.assert_no_complaint_but(&["the new version of a table cannot be used; the one before stays in use"]);
    ferry.stop();
    let reloads =
        |outcome| metrics.sum("auditferry_reloads_total", &[("what", "enrichment table"), ("outcome", outcome)]);
    assert_eq!([reloads("in_use"), reloads("unusable")], [2.0, 1.0]);
    let count = collector.hec().count();
    assert_eq!((count.distinct, count.unpositioned), (produced, 0));
}
