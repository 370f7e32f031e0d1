//! The way to Splunk: credentials, indexes, certificates, and servers that are not what they should be.

use auditferry::demo::hec::{Answer, Fault, HecOptions, Route, Spell, TOKEN, Token};
use serde_json::json;

use super::{assert_heals, assert_nothing_committed, topic_with_events};
use crate::support::collector::Collector;
use crate::support::ferry::{PIPELINE, Setup, wait_for_commit};
use crate::support::kafka::Kafka;
use crate::support::ports::free_port;

const WRONG_TOKEN: &str = "badc0de0-c4a7-4000-8000-000000000000";

#[test]
fn a_wrong_token_holds_and_delivery_resumes_when_it_is_accepted() {
    let kafka = Kafka::shared();
    let topic = topic_with_events(kafka, "wrong-token", 10);
    let collector = Collector::start();
    let setup = Setup::new(kafka, &topic, collector.url()).with_token(WRONG_TOKEN);

    setup.assert_check_says(1, &["failed", collector.url(), "Invalid token", "check the token", "unauthorized"]);
    let mut ferry = setup.start();
    ferry.wait_for_line("ERROR", "unauthorized", &["Invalid token", "check the token", collector.url()]);
    ferry.wait_for_status(PIPELINE, Some("holding"), "unauthorized");
    assert_nothing_committed(kafka, &setup, &topic);

    collector.hec().set_tokens(vec![Token::new(WRONG_TOKEN)]);
    collector.wait_for_events(10);
    ferry.wait_for_message("delivery resumes");
    assert_eq!(collector.hec().count().duplicates, 0);
    assert_heals(kafka, &setup, &topic, ferry);
}

#[test]
fn a_disabled_token_holds_after_deliveries_and_nothing_more_is_committed() {
    let kafka = Kafka::shared();
    let topic = topic_with_events(kafka, "disabled-token", 5);
    let collector = Collector::start();
    let setup = Setup::new(kafka, &topic, collector.url());
    let mut ferry = setup.start();
    wait_for_commit(kafka, setup.group(), &topic, &[Some(5)]);

    collector.hec().set_tokens(vec![Token { disabled: true, ..Token::new(TOKEN) }]);
    kafka.produce(&topic, 5, |n| format!(r#"{{"n":{n}}}"#), |_| 0);
    ferry.wait_for_line("ERROR", "unauthorized", &["Token disabled"]);
    assert_eq!(kafka.committed(setup.group(), &topic), [Some(5)]);

    collector.hec().set_tokens(vec![Token::new(TOKEN)]);
    collector.wait_for_events(10);
    assert_heals(kafka, &setup, &topic, ferry);
}

#[test]
fn a_wrong_index_holds_and_delivery_resumes_when_it_is_allowed() {
    let kafka = Kafka::shared();
    let topic = topic_with_events(kafka, "wrong-index", 3);
    let token = Token { indexes: Some(vec!["main".to_owned()]), ..Token::new(TOKEN) };
    let collector = Collector::start_with(HecOptions { tokens: vec![token], ..HecOptions::default() });
    let mut setup = Setup::new(kafka, &topic, collector.url());
    setup.sink()["index"] = json!("audit");

    let mut ferry = setup.start();
    ferry.wait_for_line("ERROR", "wrong_index", &["Incorrect index", "allow the index for this token"]);
    ferry.wait_for_status(PIPELINE, Some("holding"), "wrong_index");
    assert_nothing_committed(kafka, &setup, &topic);

    collector.hec().set_tokens(vec![Token::new(TOKEN)]);
    collector.wait_for_events(3);
    assert_heals(kafka, &setup, &topic, ferry);
}

#[test]
fn missing_acknowledgement_holds_at_level_indexed() {
    let kafka = Kafka::shared();
    let topic = topic_with_events(kafka, "no-acks", 3);
    let collector = Collector::start();
    let mut setup = Setup::new(kafka, &topic, collector.url());
    setup.sink()["delivery"] = json!("indexed");

    setup.assert_check_says(1, &["failed", "enable indexer acknowledgement", "ack_disabled"]);
    let mut ferry = setup.start();
    ferry.wait_for_line("ERROR", "ack_disabled", &["enable indexer acknowledgement"]);
    ferry.wait_for_status(PIPELINE, Some("holding"), "ack_disabled");
    assert_nothing_committed(kafka, &setup, &topic);

    collector.hec().set_tokens(vec![Token::new(TOKEN).with_acknowledgement()]);
    assert_heals(kafka, &setup, &topic, ferry);
}

#[test]
fn a_self_signed_collector_is_sent_nothing_until_it_is_trusted() {
    let kafka = Kafka::shared();
    let topic = topic_with_events(kafka, "self-signed", 3);
    let home = tempfile::tempdir().unwrap();
    let (collector, certificate) = Collector::start_self_signed(home.path());
    let mut setup = Setup::new(kafka, &topic, collector.url());

    setup.assert_check_says(1, &["failed", "self-signed", "trust_store", "tls"]);
    let mut ferry = setup.start();
    ferry.wait_for_line("ERROR", "tls", &["self-signed", "tls.trust_store", collector.url()]);
    ferry.wait_for_status(PIPELINE, Some("holding"), "tls");
    assert_nothing_committed(kafka, &setup, &topic);
    assert_eq!(collector.hec().count().requests, 0);
    ferry.stop();

    setup.sink()["tls"] = json!({"trust_store": certificate});
    setup.assert_check_says(0, &["ok", "takes the token"]);
    assert_heals(kafka, &setup, &topic, setup.start());
    assert_eq!(collector.hec().count().distinct, 3);
}

#[test]
fn a_closed_port_is_named() {
    let kafka = Kafka::shared();
    let topic = topic_with_events(kafka, "closed-port", 3);
    let url = format!("http://127.0.0.1:{}", free_port());
    let setup = Setup::new(kafka, &topic, &url);

    setup.assert_check_says(3, &["no answer", &url, "connect"]);
    let mut ferry = setup.start();
    ferry.wait_for_line("WARN", "connect", &[&url, "check the endpoint's address"]);
    ferry.wait_for_status(PIPELINE, Some("backing_off"), "connect");
    assert_nothing_committed(kafka, &setup, &topic);
    ferry.stop();
}

/// What stands at the collector's address answers so, for a while.
struct Impostor {
    topic: &'static str,
    answer: Answer,
    level: &'static str,
    words: &'static [&'static str],
}

impl Impostor {
    /// The run says what is wrong, commits nothing, and goes on by itself afterwards.
    #[track_caller]
    fn seen_through(self) {
        let kafka = Kafka::shared();
        let topic = topic_with_events(kafka, self.topic, 20);
        let collector = Collector::start();
        let setup = Setup::new(kafka, &topic, collector.url());
        for route in [Route::Event, Route::Health] {
            collector.hec().stand(route, Fault::Answer(self.answer.clone()), Spell::UntilCleared);
        }

        setup.assert_check_says(1, &["failed", collector.url(), "check the endpoint's address", "unexpected_answer"]);
        let mut ferry = setup.start();
        let words = [self.words, &["check the endpoint's address"]].concat();
        ferry.wait_for_line(self.level, "unexpected_answer", &words);
        let state = if self.level == "ERROR" { "holding" } else { "backing_off" };
        ferry.wait_for_status(PIPELINE, Some(state), "unexpected_answer");
        collector.wait_for_requests(3);
        assert_nothing_committed(kafka, &setup, &topic);
        assert!(ferry.resident_bytes() < 200 << 20, "{} bytes resident", ferry.resident_bytes());

        collector.hec().clear(Route::Event);
        collector.wait_for_events(20);
        assert_heals(kafka, &setup, &topic, ferry);
    }
}

#[test]
fn html_with_status_200_is_no_receipt() {
    let words = &["HTTP 200", "not an answer of HEC", "Not here"];
    Impostor { topic: "html", answer: Answer::html(200), level: "WARN", words }.seen_through();
}

#[test]
fn an_endless_body_is_not_read_to_its_end_and_no_receipt() {
    let body = format!(r#"{{"text":"Success","code":0,"pad":"{}"}}"#, "x".repeat(32 << 20));
    let words = &["HTTP 200", "too long"];
    Impostor { topic: "huge", answer: Answer::json(200, body), level: "WARN", words }.seen_through();
}

#[test]
fn truncated_json_is_no_receipt() {
    let answer = Answer::json(200, r#"{"text":"Success","code":0"#);
    Impostor { topic: "cut-json", answer, level: "WARN", words: &["HTTP 200", "not an answer of HEC"] }.seen_through();
}

#[test]
fn a_redirect_is_never_followed() {
    let answer = Answer::status(307).with_header("Location", "http://127.0.0.1:1/elsewhere");
    Impostor { topic: "redirect", answer, level: "ERROR", words: &["HTTP 307", "a redirect to", "/elsewhere"] }
        .seen_through();
}

#[test]
fn a_page_not_found_is_a_matter_for_a_human() {
    let words = &["HTTP 404", "Not here"];
    Impostor { topic: "not-found", answer: Answer::html(404), level: "ERROR", words }.seen_through();
}

/// The events are indexed and the answer breaks off: delivered again, because nobody knows.
#[test]
fn an_answer_that_breaks_off_is_no_receipt() {
    let kafka = Kafka::shared();
    let topic = topic_with_events(kafka, "cut-answer", 20);
    let collector = Collector::start();
    let setup = Setup::new(kafka, &topic, collector.url());
    collector.hec().stand(Route::Event, Fault::ProcessThenCut, Spell::UntilCleared);
    let mut ferry = setup.start();
    ferry.wait_for_line("WARN", "unexpected_answer", &["cut short"]);
    collector.wait_for_requests(3);
    assert_nothing_committed(kafka, &setup, &topic);
    collector.hec().clear(Route::Event);
    assert_heals(kafka, &setup, &topic, ferry);
    let count = collector.hec().count();
    assert!(count.distinct == 20 && count.duplicates > 0, "{count:?}");
}
