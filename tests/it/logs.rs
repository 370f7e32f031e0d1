//! What a run writes: nothing to worry about when nothing is wrong, and never a secret.
//!
//! Every other test that uses [`Setup`] searches all output for its secrets as well.

use auditferry::demo::hec::{Answer, Fault, Route, Spell};

use crate::support::collector::Collector;
use crate::support::ferry::{Setup, wait_for_commit};
use crate::support::kafka::{Access, FORWARDER, Kafka, Login};
use crate::support::samples;

const TOKEN_CANARY: &str = "c4a4a4c4-7043-4e4e-8e8e-5ec4e75ec4e7";

#[test]
fn a_happy_run_warns_of_nothing_and_every_line_is_json() {
    let kafka = Kafka::shared();
    let topic = kafka.topic("happy", 2);
    let collector = Collector::start();
    let home = tempfile::tempdir().unwrap();
    let access = Access::SaslSsl { mechanism: "PLAIN", login: FORWARDER };
    let setup = Setup::new(kafka, &topic, collector.url()).by(kafka, access).with_letters_in(home.path());
    let ferry = setup.start();
    let events = samples::events();
    kafka.produce(&topic, 500, |n| events[n as usize % events.len()], |n| (n % 2) as i32);
    wait_for_commit(kafka, setup.group(), &topic, &[Some(250), Some(250)]);
    ferry.assert_no_complaint_but(&[]);
    let lines = ferry.stderr().lines().count();
    assert_eq!(ferry.log().len(), lines, "a line is no JSON:\n{}", ferry.stderr());
    assert!(lines < 20, "so many lines for a quiet run:\n{}", ferry.stderr());
    assert_eq!(ferry.stdout(), "");

    let log = ferry.stop();
    for line in &log {
        assert!(matches!(line["level"].as_str(), Some("INFO")), "{line}");
        assert!(line["ts"].is_string() && line["msg"].is_string(), "{line}");
        let message = line["msg"].as_str().unwrap_or_default();
        assert!(!message.ends_with('.') && !message.starts_with(char::is_uppercase), "{line}");
    }
    for message in ["pipeline configured", "partitions assigned", "told to stop"] {
        assert!(log.iter().any(|line| line["msg"].as_str().is_some_and(|m| m.starts_with(message))), "{message}");
    }
}

/// A server that shows what it was sent, as error pages do, must not make us show it.
#[test]
fn a_server_that_repeats_the_token_does_not_make_it_public() {
    let kafka = Kafka::shared();
    let topic = kafka.topic("echo", 1);
    kafka.produce(&topic, 3, |n| format!(r#"{{"n":{n}}}"#), |_| 0);
    let collector = Collector::start();
    let setup = Setup::new(kafka, &topic, collector.url()).with_token(TOKEN_CANARY);
    let page = format!("<pre>Authorization: Splunk {TOKEN_CANARY}</pre>{TOKEN_CANARY}");
    for status in [200, 403, 500, 302] {
        let answer = Answer { body: page.clone().into_bytes(), ..Answer::html(status) };
        let answer = answer.with_header("Location", &format!("https://splunk.example/?token={TOKEN_CANARY}"));
        for route in [Route::Event, Route::Health] {
            collector.hec().stand(route, Fault::Answer(answer.clone()), Spell::UntilCleared);
        }
        let checked = setup.run(&["check", "--online"]);
        assert!(checked.stdout.contains("***"), "{}", checked.stdout);
        let mut ferry = setup.start();
        let line = ferry.wait_for_complaint(&["***"]);
        assert!(line["detail"].as_str().is_some_and(|detail| detail.contains("Splunk ***") || status == 302), "{line}");
        ferry.stop();
    }
}

/// The configured secret of a login that is refused, in the broker's own words.
#[test]
fn a_refused_login_does_not_show_the_secret() {
    let kafka = Kafka::shared();
    let topic = kafka.topic("refused-login", 1);
    let collector = Collector::start();
    for mechanism in ["PLAIN", "SCRAM-SHA-512"] {
        let login = Login { user: FORWARDER.user, password: "c4nary-5ecret-0f-4-l0gin" };
        let setup = Setup::new(kafka, &topic, collector.url()).by(kafka, Access::SaslPlaintext { mechanism, login });
        let mut ferry = setup.start();
        ferry.wait_for_line("ERROR", "kafka_authentication", &[]);
        ferry.stop();
    }
}
