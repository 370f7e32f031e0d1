//! From a real broker to a webhook, through the real program.

use std::fs;

use serde_json::{Value, json};

use crate::support::collector::Collector;
use crate::support::ferry::{Setup, wait_for_commit};
use crate::support::kafka::Kafka;
use crate::support::receiver::{Manners, WebhookReceiver};
use crate::support::samples;

const TOKEN: &str = "webhook-token-1";
const NEW: &str = "webhook-token-2";

fn manners() -> Manners {
    Manners { token: TOKEN.to_owned(), busy: 0, refuses: None }
}

/// A pipeline to this receiver, with one event per request, in order.
fn setup(kafka: &Kafka, topic: &str, receiver: &WebhookReceiver) -> Setup {
    let mut setup = Setup::new(kafka, topic, "").named("hook").with_token(TOKEN);
    setup.pipeline()["sink"] = json!({"webhook": {
        "url": format!("{}/audit", receiver.url()),
        "format": "json",
        "bearer_token": "${HEC_TOKEN}",
        "allow_plain_http": true,
        "allow_networks": ["127.0.0.1/32"],
    }});
    setup.pipeline()["max_in_flight"] = json!(1);
    setup
}

#[test]
fn every_sample_event_arrives_once_as_it_is_and_is_committed() {
    let (kafka, receiver) = (Kafka::shared(), WebhookReceiver::start(manners()));
    let topic = kafka.topic("webhook", 1);
    let events = samples::events();
    kafka.produce(&topic, events.len() as u64, |n| events[n as usize], |_| 0);
    // The first answers are 503: tried again, and nothing is lost or overtaken.
    receiver.change(|manners| manners.busy = 3);
    let setup = setup(kafka, &topic, &receiver);
    let ferry = setup.start();
    receiver.wait_for(events.len());
    wait_for_commit(kafka, setup.group(), &topic, &[Some(events.len() as i64)]);
    let log = ferry.stop();

    let taken = receiver.taken();
    assert_eq!(taken.len(), events.len(), "once each");
    for (offset, (request, event)) in taken.iter().zip(&events).enumerate() {
        assert_eq!(request.body, event.as_bytes(), "in order, byte for byte");
        assert_eq!(request.head.path, "/audit");
        let key = format!("{topic}-0-{offset}").replace('.', "%2E");
        assert_eq!(request.head.header("idempotency-key"), Some(key.as_str()));
    }
    assert!(receiver.requests().len() >= events.len() + 3, "503 was answered");
    assert!(log.iter().any(|line| line["reason"] == "busy"), "{log:?}");
}

#[test]
fn a_refused_event_is_a_letter_and_refused_credentials_hold_until_they_are_replaced() {
    let (kafka, receiver) = (Kafka::shared(), WebhookReceiver::start(manners()));
    let (topic, home) = (kafka.topic("webhook-faults", 1), tempfile::tempdir().unwrap());
    let (letters, token) = (home.path().join("letters"), home.path().join("token"));
    fs::write(&token, TOKEN).unwrap();
    receiver.change(|manners| manners.refuses = Some("BAD".to_owned()));
    let mut setup = setup(kafka, &topic, &receiver).with_letters_in(&letters);
    let sink = &mut setup.pipeline()["sink"]["webhook"];
    sink["bearer_token"] = Value::Null;
    sink.as_object_mut().unwrap().remove("bearer_token");
    sink["bearer_token_file"] = json!(token);

    let values = [r#"{"n":0}"#, r#"{"n":1,"x":"BAD"}"#, r#"{"n":2}"#];
    kafka.produce(&topic, 3, |n| values[n as usize], |_| 0);
    let mut ferry = setup.start();
    receiver.wait_for(2);
    wait_for_commit(kafka, setup.group(), &topic, &[Some(3)]);
    let bodies: Vec<Vec<u8>> = receiver.taken().into_iter().map(|request| request.body).collect();
    assert_eq!(bodies, [values[0].as_bytes(), values[2].as_bytes()]);
    let listed = setup.run(&["deadletter", "list", "--format", "json"]);
    assert!(listed.stdout.contains("event_refused") && listed.stdout.contains("HTTP 400"), "{}", listed.stdout);

    // The receiver takes another token from now on.
    receiver.change(|manners| NEW.clone_into(&mut manners.token));
    kafka.produce(&topic, 1, |_| r#"{"n":3}"#, |_| 0);
    ferry.wait_for_line("ERROR", "unauthorized", &["401"]);
    ferry.wait_for_status("hook", Some("holding"), "unauthorized");
    assert_eq!(kafka.committed(setup.group(), &topic), [Some(3)], "nothing is passed over");
    fs::write(&token, NEW).unwrap();
    receiver.wait_for(3);
    wait_for_commit(kafka, setup.group(), &topic, &[Some(4)]);

    // What was refused is taken now, and leaves the store.
    receiver.change(|manners| manners.refuses = None);
    let retried = setup.run(&["deadletter", "retry", "--all"]);
    assert_eq!(retried.code(), Some(0), "{}{}", retried.stdout, retried.stderr);
    assert_eq!(receiver.taken().last().unwrap().body, values[1].as_bytes());
    ferry.stop();
}

#[test]
fn a_batch_is_one_request() {
    let (kafka, receiver) = (Kafka::shared(), WebhookReceiver::start(manners()));
    let topic = kafka.topic("webhook-batch", 1);
    kafka.produce(&topic, 500, |n| format!("{{\"n\":{n}}}"), |_| 0);
    let mut setup = setup(kafka, &topic, &receiver);
    setup.pipeline()["sink"]["webhook"]["format"] = json!("json_array");
    let ferry = setup.start();
    wait_for_commit(kafka, setup.group(), &topic, &[Some(500)]);
    ferry.stop();
    let numbers = receiver.taken().into_iter().flat_map(|request| {
        let events: Vec<Value> = serde_json::from_slice(&request.body).unwrap();
        events.into_iter().map(|event| event["n"].as_u64().unwrap())
    });
    assert!(numbers.eq(0..500), "each once, in order");
    assert!(receiver.requests().len() < 100, "{} requests", receiver.requests().len());
}

#[test]
fn check_online_connects_and_sends_nothing() {
    let (kafka, receiver, home) = (Kafka::shared(), WebhookReceiver::start(manners()), tempfile::tempdir().unwrap());
    let topic = kafka.topic("webhook-check", 1);
    let mut setup = setup(kafka, &topic, &receiver);
    setup.assert_check_says(0, &["ok", &receiver.url(), "takes connections", "nothing was sent"]);
    assert!(receiver.requests().is_empty());

    let (collector, certificate) = Collector::start_self_signed(home.path());
    let sink = &mut setup.pipeline()["sink"]["webhook"];
    sink["url"] = json!(collector.url());
    setup.assert_check_says(1, &["failed", "localhost", "tls.trust_store"]);
    let sink = &mut setup.pipeline()["sink"]["webhook"];
    sink["tls"] = json!({"trust_store": certificate});
    setup.assert_check_says(0, &["ok", "localhost", "its certificate is trusted"]);
    assert_eq!(collector.hec().count().requests, 0);
    // What the name stands for may not be connected to any more.
    let sink = &mut setup.pipeline()["sink"]["webhook"];
    sink.as_object_mut().unwrap().remove("allow_networks");
    setup.assert_check_says(1, &["failed", "localhost stands for", "a loopback address", "allow_networks"]);
}
