//! What a record becomes, from a real broker to the far side: the modes of the sink, and what records say about themselves.

use std::collections::BTreeSet;

use auditferry::demo::hec::HecOptions;
use serde_json::{Value, json};

use crate::support::collector::Collector;
use crate::support::ferry::{Setup, wait_for_commit};
use crate::support::kafka::{Kafka, NewRecord};

fn collector() -> Collector {
    Collector::start_with(HecOptions { keep_texts: 1000, ..HecOptions::default() })
}

fn produce(kafka: &Kafka, topic: &str, value: &str, headers: &[(&str, Option<&[u8]>)]) {
    let record = NewRecord { partition: Some(0), value: Some(value.as_bytes()), headers, ..NewRecord::default() };
    kafka.produce_one(topic, record);
}

/// Without a dead-letter store nobody else asks for the headers.
#[test]
fn headers_reach_the_envelope_and_those_that_are_not_text_are_counted() {
    let kafka = Kafka::shared();
    let topic = kafka.topic("headers", 1);
    produce(kafka, &topic, "{}", &[("to", Some(b"first")), ("to", Some(b"main")), ("trace", Some(b"t-1"))]);
    produce(kafka, &topic, "{}", &[("to", None), ("trace", Some(b"\xff"))]);
    let collector = collector();
    let mut setup = Setup::new(kafka, &topic, collector.url());
    setup.sink()["record_headers"] = json!({"index": "to", "fields": ["trace"]});
    setup.sink()["fields"] = json!({"env": "test"});

    let ferry = setup.start();
    wait_for_commit(kafka, setup.group(), &topic, &[Some(2)]);
    let (_, metrics) = ferry.get("/metrics").expect("it serves metrics");
    ferry.assert_no_complaint_but(&[]);
    ferry.stop();

    let left_out = "auditferry_record_headers_left_out_total{pipeline=\"splunk\"} 1";
    assert!(metrics.contains(left_out), "{metrics}");
    let texts: Vec<Value> = collector.hec().texts().iter().map(|text| serde_json::from_str(text).unwrap()).collect();
    assert_eq!((&texts[0]["index"], &texts[0]["fields"]["trace"]), (&json!("main"), &json!("t-1")));
    assert_eq!((texts[1].get("index"), texts[1]["fields"].get("trace")), (None, None));
    assert!(texts.iter().all(|text| text["fields"]["env"] == "test"), "{texts:?}");
}

#[test]
fn raw_events_travel_in_one_request_for_each_set_of_metadata() {
    let kafka = Kafka::shared();
    let (plain, other) = (kafka.topic("raw-plain", 1), kafka.topic("raw-other", 1));
    for n in 0..50 {
        produce(kafka, &plain, &format!("{{\"plain\":{n}}}"), &[]);
        let headers: &[(&str, Option<&[u8]>)] = if n % 2 == 0 { &[("from", Some(b"a host"))] } else { &[] };
        produce(kafka, &other, &format!("other {n}"), headers);
    }
    let collector = collector();
    let mut setup = Setup::new(kafka, &plain, collector.url());
    setup.source()["topics"] = json!([plain, other]);
    setup.sink()["mode"] = json!("raw");
    setup.sink()["per_topic"] = json!([{"topic_pattern": "raw-other", "sourcetype": "other"}]);
    setup.sink()["record_headers"] = json!({"host": "from"});

    let ferry = setup.start();
    wait_for_commit(kafka, setup.group(), &plain, &[Some(50)]);
    wait_for_commit(kafka, setup.group(), &other, &[Some(50)]);
    ferry.assert_no_complaint_but(&[]);
    ferry.stop();

    let texts: BTreeSet<String> = collector.hec().texts().into_iter().collect();
    assert_eq!((collector.hec().count().events, texts.len()), (100, 100));
    let requests = collector.hec().requests();
    let posts = requests.iter().filter(|request| request.path == "/services/collector/raw");
    let queries: BTreeSet<&str> = posts.map(|request| request.query.as_str()).collect();
    assert_eq!(queries, BTreeSet::from(["", "sourcetype=other", "host=a%20host&sourcetype=other"]));
}

#[test]
fn envelopes_are_checked_and_those_that_are_not_right_lie_in_the_store_as_they_were() {
    let kafka = Kafka::shared();
    let topic = kafka.topic("envelopes", 1);
    let values = [
        r#"{"event":"metric","fields":{"metric_name:cpu":1.5}}"#,
        r#"{"event":"x","sourcetype":"s","extra":"silent stop"}"#,
        r#"{"event":{"n":2},"time":1623091780}"#,
    ];
    values.iter().for_each(|value| produce(kafka, &topic, value, &[]));
    let collector = collector();
    let letters = tempfile::tempdir().unwrap();
    let mut setup = Setup::new(kafka, &topic, collector.url()).with_letters_in(letters.path());
    setup.sink()["mode"] = json!("preformatted");

    let ferry = setup.start();
    wait_for_commit(kafka, setup.group(), &topic, &[Some(3)]);
    ferry.assert_no_complaint_but(&["event became a dead letter"]);
    ferry.stop();

    let count = collector.hec().count();
    assert_eq!((count.events, count.metrics, count.distinct, count.unpositioned), (2, 1, 2, 0));
    let id = format!("{topic}-0-1");
    let shown = setup.run(&["deadletter", "show", &id, "--format", "json"]);
    let letter: Value = serde_json::from_str(&shown.stdout).expect("a letter is JSON");
    assert_eq!((&letter["reason"], &letter["value"]), (&json!("invalid_envelope"), &json!(values[1])));
}
