//! Redaction in a run: what is to be redacted leaves by no channel, neither to the sink nor to a letter, a log line, the status
//! page, the metrics or a command's output.

mod scale;

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::path::Path;

use auditferry::demo::hec::{HecOptions, Poison, PoisonAnswer};
use serde_json::{Value, json};

use crate::support::collector::Collector;
use crate::support::ferry::{Ferry, Setup, wait_for_commit};
use crate::support::kafka::{Kafka, NewRecord};
use crate::support::samples;

const EMAIL: &str = "canary.one@leak.example";
const USER: &str = "u-canarytwo";
const ADDRESS: &str = "198.51.100.213";
const SQL: &str = "SELECT canarythree";
const KEY: &str = "canaryfour-of-the-key";
const HEADER: &str = "canaryfive-of-the-header";
const TEXT: &str = "canarysix of a text";
const CANARIES: [&str; 7] = ["canary.one", USER, ADDRESS, "canarythree", KEY, HEADER, "canarysix"];

/// Searches for the canaries as they are, escaped in any way that our own output uses, and in base64.
#[track_caller]
fn assert_no_canary(what: &str, text: &str) {
    use base64::Engine;
    let bare = text.to_lowercase().replace("%40", "@").replace("\\u0040", "@");
    for canary in CANARIES {
        assert!(!bare.contains(canary), "{canary} in {what}:\n{text}");
        let encoded = base64::engine::general_purpose::STANDARD.encode(canary);
        let whole = &encoded[..encoded.len() / 4 * 4 - 4];
        assert!(!text.contains(whole), "{canary} in base64 in {what}:\n{text}");
    }
}

fn event(poison: &str) -> String {
    format!(
        r#"{{"type":"io.confluent.cloud/request","data":{{"methodName":"CreateStatement","note":"{poison}",
        "authenticationInfo":{{"principal":{{"\u0065mail":"Canary.One@leak.example","confluentUser":{{"resourceId":"{USER}"}}}},
        "identity":"crn://confluent.cloud/identity=canary.one%40leak.example"}},
        "clientAddress":[{{"ip":"{ADDRESS}"}}],"clientAddress":[{{"ip":"{ADDRESS}"}}],
        "request":{{"data":{{"sql":"{SQL}"}}}},
        "result":{{"message":"User:{USER} ({EMAIL}) from /{ADDRESS}: no"}}}}}}"#
    )
}

fn redacting(setup: Setup, home: &Path) -> Setup {
    let key = home.join("key");
    fs::write(&key, "a key of some length\n").unwrap();
    let mut setup = setup;
    setup.pipeline()["transforms"] = json!([
        {"redact": {"fields": ["email", "client_ip", "principal"], "with": "hmac-sha256", "key_file": key, "key_id": "k1"}},
        {"redact": {"paths": ["data.request.data.sql"], "with": "drop"}},
    ]);
    setup
}

fn produce(kafka: &Kafka, topic: &str, values: &[&[u8]]) {
    let headers: &[(&str, Option<&[u8]>)] = &[("origin", Some(HEADER.as_bytes()))];
    let record = |value| NewRecord {
        partition: Some(0),
        key: Some(KEY.as_bytes()),
        value: Some(value),
        headers,
        timestamp_ms: Some(1_700_000_000_000),
    };
    kafka.produce_all(topic, values.iter().map(|value| record(*value)));
}

/// Everything that a run shows of itself.
#[track_caller]
fn assert_nothing_shown(ferry: &Ferry) {
    for path in ["/statusz", "/metrics", "/readyz"] {
        let (_, body) = ferry.get(path).expect("it answers");
        assert_no_canary(path, &body);
    }
    assert_no_canary("the log", &ferry.stderr());
}

/// The letters as they lie in the store.
fn files(letters: &Path) -> Vec<String> {
    let mut files: Vec<String> = fs::read_dir(letters.join("splunk"))
        .unwrap()
        .map(|entry| fs::read_to_string(entry.unwrap().path()).unwrap())
        .collect();
    files.sort();
    files
}

fn ids(setup: &Setup) -> Vec<String> {
    let listed = setup.run(&["deadletter", "list", "--format", "json"]);
    assert_no_canary("deadletter list", &listed.stdout);
    let id = |line| serde_json::from_str::<Value>(line).unwrap()["id"].as_str().unwrap().to_owned();
    listed.stdout.lines().map(id).collect()
}

#[test]
fn what_is_redacted_leaves_by_no_channel() {
    let kafka = Kafka::shared();
    let (topic, home) = (kafka.topic("redacted", 1), tempfile::tempdir().unwrap());
    let letters = home.path().join("letters");
    let collector = Collector::start_with(HecOptions { keep_texts: 1000, ..HecOptions::default() });
    let poison = Poison { needle: "poisonous".to_owned(), answer: PoisonAnswer::Named(15) };
    collector.hec().set_poison(vec![poison]);
    let mut setup = redacting(Setup::new(kafka, &topic, collector.url()).with_letters_in(&letters), home.path());
    setup.pipeline()["dead_letter"]["unclear"] = json!("withhold");

    let (plain, poisonous, text) = (event("fine"), event("poisonous"), format!("{TEXT} {EMAIL} {USER} {ADDRESS}"));
    let mut values: Vec<&[u8]> = vec![plain.as_bytes(), poisonous.as_bytes(), text.as_bytes(), b""];
    values.extend(samples::events().iter().map(|event| event.as_bytes()));
    produce(kafka, &topic, &values);
    let ferry = setup.start();
    wait_for_commit(kafka, setup.group(), &topic, &[Some(values.len() as i64)]);
    ferry.assert_no_complaint_but(&["event became a dead letter"]);
    assert_nothing_shown(&ferry);
    let metrics = ferry.metrics().expect("it answers");
    assert!(metrics.sum("auditferry_redacted_total", &[("pipeline", "splunk"), ("field", "email")]) >= 6.0);
    assert!(metrics.sum("auditferry_redacted_total", &[("field", "data.request.data.sql")]) >= 2.0);
    ferry.stop();

    let texts = collector.hec().texts();
    assert_eq!(texts.len(), values.len() - 3);
    texts.iter().for_each(|text| assert_no_canary("what Splunk got", text));
    let sent = texts.iter().find(|text| text.contains("\"note\":\"fine\"")).expect("the event arrived");
    assert_eq!(sent.matches("hmac:k1:").count(), 8, "{sent}");
    assert!(sent.contains(r#""request":{"data":{}}"#), "{sent}");

    let stored = files(&letters);
    assert_eq!(stored.len(), 3);
    stored.iter().for_each(|letter| assert_no_canary("a letter", letter));
    assert!(stored.iter().any(|letter| letter.contains(r#""cleared":true"#) && letter.contains("poisonous")));
    assert!(stored.iter().any(|letter| letter.contains(r#""unclear":"withheld""#) && letter.contains("unredactable")));
    for id in ids(&setup) {
        for options in [&[][..], &["--raw"], &["--format", "json"], &["--reveal"]] {
            let shown = setup.run(&[&["deadletter", "show", &id], options].concat());
            assert_no_canary("deadletter show", &format!("{}{}", shown.stdout, shown.stderr));
        }
    }
}

#[test]
fn a_letter_that_was_redacted_is_sent_again_as_it_is_and_one_that_was_not_is_redacted_first() {
    let kafka = Kafka::shared();
    let (topic, home) = (kafka.topic("redacted-again", 1), tempfile::tempdir().unwrap());
    let letters = home.path().join("letters");
    let collector = Collector::start_with(HecOptions { keep_texts: 100, ..HecOptions::default() });
    let poison = || vec![Poison { needle: "poisonous".to_owned(), answer: PoisonAnswer::Named(15) }];
    collector.hec().set_poison(poison());
    let before = Setup::new(kafka, &topic, collector.url()).with_letters_in(&letters);
    let poisonous = event("poisonous");

    // One letter from before anything was redacted, one from after.
    produce(kafka, &topic, &[poisonous.as_bytes()]);
    let ferry = before.start();
    wait_for_commit(kafka, before.group(), &topic, &[Some(1)]);
    ferry.stop();
    let setup = redacting(before, home.path());
    produce(kafka, &topic, &[poisonous.as_bytes()]);
    let ferry = setup.start();
    wait_for_commit(kafka, setup.group(), &topic, &[Some(2)]);
    ferry.stop();

    let ids = ids(&setup);
    let [old, new] = ids.as_slice() else { panic!("two letters, and not {ids:?}") };
    let hidden = setup.run(&["deadletter", "show", old]);
    assert_no_canary("deadletter show", &hidden.stdout);
    assert!(hidden.stdout.contains("--reveal"), "{}", hidden.stdout);
    let raw = setup.run(&["deadletter", "show", old, "--raw"]);
    assert_eq!((raw.code(), raw.stdout.as_str()), (Some(1), ""));
    assert!(setup.run(&["deadletter", "show", old, "--raw", "--reveal"]).stdout.contains(USER));
    let cleared = setup.run(&["deadletter", "show", new, "--raw"]).stdout;
    assert!(cleared.contains("hmac:k1:"), "{cleared}");

    collector.hec().set_poison(Vec::new());
    let retried = setup.run(&["deadletter", "retry", "--all"]);
    assert!(retried.stderr.contains("2 delivered, 0 refused again"), "{}", retried.stderr);
    let texts = collector.hec().texts();
    assert_eq!(texts.len(), 2);
    texts.iter().for_each(|text| assert_no_canary("what Splunk got", text));
    let [old, new] = [0, 1].map(|offset| texts[offset].replace(&format!(r#""kafka_offset":"{offset}""#), ""));
    assert_eq!(old, new, "redacted once, whenever that was");
    assert!(texts[1].contains(cleared.trim_end()), "{}", texts[1]);
}

#[test]
fn what_could_not_be_redacted_is_encrypted_for_whoever_has_the_key() {
    let kafka = Kafka::shared();
    let (topic, home) = (kafka.topic("encrypted-letters", 1), tempfile::tempdir().unwrap());
    let (letters, private) = (home.path().join("letters"), home.path().join("private"));
    let collector = Collector::start();
    let mut setup = redacting(Setup::new(kafka, &topic, collector.url()).with_letters_in(&letters), home.path());
    let private = private.to_str().unwrap();
    let made = setup.run(&["deadletter", "keygen", "--out", private]);
    assert_eq!(made.code(), Some(0), "{}", made.stderr);
    assert_eq!(setup.run(&["deadletter", "keygen", "--out", private]).code(), Some(1), "no key is overwritten");
    setup.pipeline()["dead_letter"]["unclear"] = json!({"encrypt": {"public_key": made.stdout.trim()}});

    let text = format!("{TEXT} {EMAIL} {USER} {ADDRESS}");
    produce(kafka, &topic, &[text.as_bytes()]);
    let ferry = setup.start();
    wait_for_commit(kafka, setup.group(), &topic, &[Some(1)]);
    assert_nothing_shown(&ferry);
    ferry.stop();
    files(&letters).iter().for_each(|letter| assert_no_canary("a letter", letter));
    let ids = ids(&setup);
    for options in [&[][..], &["--reveal"]] {
        let shown = setup.run(&[&["deadletter", "show", &ids[0]], options].concat());
        assert_no_canary("deadletter show", &shown.stdout);
        assert!(shown.stdout.contains("encrypted"), "{}", shown.stdout);
    }
    let shown = setup.run(&["deadletter", "show", &ids[0], "--reveal", "--key-file", private]);
    for word in [text.as_str(), KEY, HEADER] {
        assert!(shown.stdout.contains(word), "{}{}", shown.stdout, shown.stderr);
    }
    let retried = setup.run(&["deadletter", "retry", "--all", "--key-file", private]);
    assert!(
        retried.stderr.contains("0 delivered, 1 refused again"),
        "it cannot be redacted today either: {}",
        retried.stderr
    );
    assert_no_canary("deadletter retry", &format!("{}{}", retried.stdout, retried.stderr));
    assert_eq!(collector.hec().count().distinct, 0);
}

#[test]
fn without_a_store_an_event_that_cannot_be_redacted_holds_the_pipeline() {
    let kafka = Kafka::shared();
    let (topic, home) = (kafka.topic("unclear-held", 1), tempfile::tempdir().unwrap());
    let collector = Collector::start();
    let setup = redacting(Setup::new(kafka, &topic, collector.url()), home.path());
    produce(kafka, &topic, &[TEXT.as_bytes()]);
    let mut ferry = setup.start();
    ferry.wait_for_line("ERROR", "no_dead_letter_store", &["unredactable"]);
    ferry.wait_for_status("splunk", Some("holding"), "no_dead_letter_store");
    assert_nothing_shown(&ferry);
    ferry.stop();
    assert!(kafka.committed(setup.group(), &topic)[0].is_none_or(|at| at == 0));
    assert_eq!(collector.hec().count().distinct, 0);
}

/// A collector that quotes in its refusal what it was sent.
fn echoing_collector() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let mut reader = BufReader::new(stream.try_clone().unwrap());
            let (mut line, mut length) = (String::new(), 0);
            while reader.read_line(&mut line).is_ok_and(|read| read > 2) {
                if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                    length = value.trim().parse().unwrap();
                }
                line.clear();
            }
            let mut body = vec![0; length];
            if reader.read_exact(&mut body).is_err() {
                continue;
            }
            let said = String::from_utf8_lossy(&body);
            let from = said.find("authenticationInfo").unwrap_or(0);
            let quoted: String = said[from..].chars().take(250).collect();
            let answer =
                json!({"text": format!("Invalid: {quoted}"), "code": 6, "invalid-event-number": 0}).to_string();
            let head = format!(
                "HTTP/1.1 400 Bad Request\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
                answer.len()
            );
            (&stream).write_all(format!("{head}{answer}").as_bytes()).unwrap_or_default();
        }
    });
    url
}

#[test]
fn a_server_that_quotes_the_event_can_quote_only_what_was_left_of_it() {
    let kafka = Kafka::shared();
    let (topic, home) = (kafka.topic("quoted", 1), tempfile::tempdir().unwrap());
    let letters = home.path().join("letters");
    let setup = Setup::new(kafka, &topic, &echoing_collector()).with_letters_in(&letters);
    let setup = redacting(setup, home.path());
    produce(kafka, &topic, &[event("x").as_bytes()]);
    let mut ferry = setup.start();
    let line = ferry.wait_for_complaint(&["event became a dead letter"]);
    assert!(line["detail"].as_str().is_some_and(|detail| detail.contains("hmac:k1:")), "the answer quotes it: {line}");
    wait_for_commit(kafka, setup.group(), &topic, &[Some(1)]);
    assert_nothing_shown(&ferry);
    ferry.stop();
    files(&letters).iter().for_each(|letter| assert_no_canary("a letter", letter));
    let shown = setup.run(&["deadletter", "show", &ids(&setup)[0]]);
    assert_no_canary("deadletter show", &shown.stdout);
    assert!(shown.stdout.contains("hmac:k1:"), "{}", shown.stdout);
}

#[test]
fn pseudonyms_are_looked_up_with_both_keys() {
    let home = tempfile::tempdir().unwrap();
    let kafka = Kafka::shared();
    let mut setup = redacting(Setup::new(kafka, "none", "http://127.0.0.1:1"), home.path());
    let old = home.path().join("old");
    fs::write(&old, "the key that was in use before").unwrap();
    let step = &mut setup.pipeline()["transforms"][0]["redact"];
    (step["previous_key_file"], step["previous_key_id"]) = (json!(old), json!("k0"));
    let found = setup.run(&["pseudonym", "Alice@Example.com", "--format", "json"]);
    let found: Value = serde_json::from_str(&found.stdout).unwrap();
    assert_eq!(found["pseudonym"], "hmac:k1:oqlhttv5aubn53phojis");
    assert!(found["previous"].as_str().is_some_and(|token| token.starts_with("hmac:k0:")), "{found}");
    let anonymous = setup.run(&["pseudonym", "--no-values", EMAIL]);
    assert_no_canary("pseudonym", &anonymous.stdout);
    assert!(anonymous.stdout.contains("hmac:k1:"), "{}", anonymous.stdout);
    setup.pipeline()["transforms"] = json!([]);
    assert_eq!(setup.run(&["pseudonym", "x"]).code(), Some(2));
}
