//! Pipelines of one process do not feel each other's troubles.

use auditferry::demo::hec::{TOKEN, Token};
use serde_json::json;

use super::topic_with_events;
use crate::support::collector::Collector;
use crate::support::ferry::{PIPELINE, Setup, wait_for_commit};
use crate::support::kafka::{Kafka, fresh_name};
use crate::support::ports::free_port;
use crate::support::samples;

const EVENTS: u64 = 20_000;

/// Two groups on one topic: one sink is down, one refuses the token, the third gets everything. Then the second is mended.
#[test]
fn a_pipeline_is_not_delayed_by_others_whose_sinks_fail() {
    let kafka = Kafka::shared();
    let topic = topic_with_events(kafka, "isolation", EVENTS);
    let (good, refusing) = (Collector::start(), Collector::start());
    refusing.hec().set_tokens(Vec::new());
    let mut setup = Setup::new(kafka, &topic, good.url());
    let groups = [fresh_name("group"), fresh_name("group")];
    let urls = [format!("http://127.0.0.1:{}", free_port()), refusing.url().to_owned()];
    for ((name, group), url) in ["down", "refused"].into_iter().zip(&groups).zip(&urls) {
        let mut pipeline = setup.pipeline().clone();
        pipeline["group_id"] = json!(group);
        pipeline["sink"]["splunk_hec"]["endpoints"] = json!([url]);
        // So small that both stand with all their memory used up.
        pipeline["in_flight_bytes"] = json!("4 MiB");
        pipeline["batch"] = json!({"max_bytes": "256 KiB"});
        setup.config["pipelines"][name] = pipeline;
    }

    let mut ferry = setup.start();
    ferry.wait_for_line("WARN", "connect", &["\"pipeline\":\"down\""]);
    ferry.wait_for_line("ERROR", "unauthorized", &["\"pipeline\":\"refused\""]);
    ferry.wait_for_status("down", Some("backing_off"), "connect");
    ferry.wait_for_status("refused", Some("holding"), "unauthorized");
    wait_for_commit(kafka, setup.group(), &topic, &[Some(EVENTS as i64)]);
    let events = samples::events();
    kafka.produce(&topic, EVENTS, |n| events[n as usize % events.len()], |_| 0);
    wait_for_commit(kafka, setup.group(), &topic, &[Some(2 * EVENTS as i64)]);
    ferry.wait_for_status(PIPELINE, Some("running"), "");
    assert_eq!((good.hec().count().distinct, good.hec().count().duplicates), (2 * EVENTS, 0));
    for group in &groups {
        assert!(matches!(kafka.committed(group, &topic)[..], [None | Some(0)]), "{group} has moved");
    }

    refusing.hec().set_tokens(vec![Token::new(TOKEN)]);
    wait_for_commit(kafka, &groups[1], &topic, &[Some(2 * EVENTS as i64)]);
    assert_eq!(refusing.hec().count().distinct, 2 * EVENTS);
    assert!(matches!(kafka.committed(&groups[0], &topic)[..], [None | Some(0)]));
    ferry.stop();
}

/// Two endpoints of one sink: one refuses the token for a while. Everything goes to the other meanwhile, without delay.
#[test]
fn an_endpoint_that_refuses_the_token_does_not_hold_up_the_other() {
    let kafka = Kafka::shared();
    let topic = topic_with_events(kafka, "endpoints", EVENTS);
    let (good, refusing) = (Collector::start(), Collector::start());
    refusing.hec().set_tokens(Vec::new());
    let mut setup = Setup::new(kafka, &topic, good.url());
    setup.sink()["endpoints"] = json!([refusing.url(), good.url()]);
    setup.pipeline()["batch"] = json!({"max_bytes": "256 KiB"});

    let mut ferry = setup.start();
    ferry.wait_for_line(
        "ERROR",
        "unauthorized",
        &[refusing.url(), "delivery goes on at the others", "check the token"],
    );
    wait_for_commit(kafka, setup.group(), &topic, &[Some(EVENTS as i64)]);
    ferry.wait_for_status(PIPELINE, Some("running"), "unauthorized");
    assert_eq!((good.hec().count().distinct, good.hec().count().duplicates), (EVENTS, 0));

    refusing.hec().set_tokens(vec![Token::new(TOKEN)]);
    let load = kafka.load(&topic, 200, |n| format!(r#"{{"n":{n}}}"#).into_bytes());
    refusing.wait_for_events(1);
    let sent = load.stop();
    wait_for_commit(kafka, setup.group(), &topic, &[Some((EVENTS + sent) as i64)]);
    ferry.wait_for_message("delivery works again");
    let complaints = ferry.log().iter().filter(|line| line["level"] != "INFO").count();
    assert_eq!(complaints, 1, "once is enough:\n{}", ferry.stderr());
    ferry.stop();
}
