//! From a real broker through the real program to the far side.

use std::time::{Duration, Instant};

use auditferry::demo::hec::HecOptions;
use serde_json::Value;

use crate::support::far_side::{FarSide, Ferry};
use crate::support::kafka::{Kafka, fresh_name};
use crate::support::samples;

const LIMIT: Duration = Duration::from_secs(60);

/// Goal: the plainest journey works. Method: every sample event lies in a topic; run, look at the far side and at what is
/// committed, stop.
#[test]
fn every_sample_event_arrives_once_in_its_envelope_and_is_committed() {
    let kafka = Kafka::shared();
    let (topic, group) = (kafka.topic("samples", 3), fresh_name("group"));
    let events = samples::events();
    let count = events.len() as u64;
    kafka.produce(&topic, count, |n| events[n as usize], |n| (n % 3) as i32);
    let far = FarSide::with(HecOptions { keep_texts: events.len(), ..HecOptions::default() });
    let ferry = Ferry::new(kafka, &topic, &group, &far);

    let began = Instant::now();
    let mut running = ferry.start();
    far.wait_for_events(LIMIT, 1);
    println!("first event delivered {:?} after the start", began.elapsed());
    far.wait_for_events(LIMIT, count);
    ferry.wait_until_all_is_across(LIMIT);
    running.terminate();
    assert_eq!(running.wait(LIMIT), 0);

    running.assert_no_complaint_but(&[]);
    let arrived = far.hec().count();
    assert_eq!((arrived.events, arrived.distinct, arrived.unpositioned), (count, count, 0));
    let texts = far.hec().texts();
    for text in &texts {
        let envelope: Value = serde_json::from_str(text).expect("an envelope is JSON");
        assert!(envelope["event"].is_object() && envelope["time"].is_number(), "{text}");
        assert_eq!(envelope["fields"]["kafka_topic"], topic.as_str());
    }
    for event in events {
        assert!(texts.iter().any(|text| text.contains(event)), "the bytes were changed: {event}");
    }
}
