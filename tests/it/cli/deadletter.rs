//! `deadletter` on both kinds of stores: letters leave by proof of delivery only.

use auditferry::config::{self, Environment};
use auditferry::dead_letter::{Selection, Store};
use auditferry::delivery::attempt::Failure;
use auditferry::delivery::letter::{Content, Letter};
use auditferry::demo::hec::{Fault, Hec, Poison, PoisonAnswer, Route, Spell, TOKEN, hec_answer};
use auditferry::position::{Offset, PartitionId, TopicName};
use auditferry::reason::Reason;
use serde_json::Value;

use super::{Collector, Setup};
use crate::support::kafka::{Access, Kafka};

fn letter(offset: i64, value: Option<&[u8]>) -> Letter {
    Letter {
        topic: TopicName::new("audit"),
        partition: PartitionId::new(3),
        offset: Offset::new(offset),
        timestamp_ms: Some(1_700_000_000_000 + offset),
        key: Some(b"key\xff".to_vec()),
        headers: vec![("content-type".into(), Some(b"application/json".to_vec())), ("none".into(), None)],
        value: value.map(<[u8]>::to_vec),
        content: Content::AsRead,
        failure: Failure::new(Reason::EventRefused, "no \u{1b}[31mway\u{202e}"),
    }
}

fn json_letter(offset: i64) -> Letter {
    letter(offset, Some(format!(r#"{{"number":{offset}}}"#).as_bytes()))
}

fn store(setup: &Setup) -> Store {
    let environment: Environment = [("HEC_TOKEN", TOKEN)].into_iter().collect();
    let (config, _) = config::load_with(&setup.path(), &environment).unwrap();
    Store::open("splunk", &config.pipelines[0].dead_letter).unwrap().unwrap()
}

fn ids(store: &Store) -> Vec<String> {
    let mut letters = store.letters(Selection::All).unwrap();
    std::iter::from_fn(|| letters.next_letter().unwrap()).map(|found| found.id).collect()
}

fn outcomes(stdout: &str) -> Vec<(String, String)> {
    let lines = stdout.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    lines.map(|line| (text(&line["id"]), text(&line["outcome"]))).collect()
}

fn refuse(hec: &Hec, needle: &str) {
    hec.set_poison(vec![Poison { needle: needle.into(), answer: PoisonAnswer::Named(12) }]);
}

#[test]
fn letters_are_listed_and_shown_without_touching_them() {
    let setup = Setup::nowhere();
    let none_yet = setup.run(&["deadletter", "list"]);
    assert_eq!(none_yet.code(), Some(3), "a directory that is not there is no empty one: {none_yet:?}");

    let store = store(&setup);
    let binary: &[u8] = b"\x00\xff binary\n";
    store.put(&[json_letter(2), letter(10, Some(binary)), letter(11, None)]).unwrap();

    let list = setup.run(&["deadletter", "list"]);
    assert_eq!(list.code(), Some(0), "{list:?}");
    for expected in ["ID", "audit-3-2", "2023-11-14T22:13:20.002Z", "event_refused", r"no \u{1b}[31mway\u{202e}"] {
        assert!(list.stdout.contains(expected), "{expected}: {}", list.stdout);
    }
    assert!(list.stderr.contains("3 letters in directory"), "{}", list.stderr);
    let json = setup.run(&["deadletter", "list", "--format", "json"]);
    let found: Vec<Value> = json.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(found.iter().map(|found| found["offset"].as_i64().unwrap()).collect::<Vec<_>>(), [2, 10, 11]);

    let show = setup.run(&["deadletter", "show", "audit-3-2"]);
    assert!(
        show.stdout.contains("partition 3, offset 2") && show.stdout.contains(r#"{"number":2}"#),
        "{}",
        show.stdout
    );
    assert!(!show.stdout.contains(['\u{1b}', '\u{202e}']), "{}", show.stdout);
    let raw = setup.command().args(["deadletter", "show", "--raw", "audit-3-10"]).output().unwrap();
    assert_eq!(raw.stdout, binary);
    assert_eq!(setup.run(&["deadletter", "show", "audit-3-99"]).code(), Some(1));
    assert_eq!(ids(&store).len(), 3);
}

#[test]
fn a_letter_leaves_a_directory_when_it_is_delivered_and_stays_when_it_is_refused_again() {
    let (collector, nowhere) = (Collector::start(), Setup::nowhere());
    let setup = Setup { hec: collector.stand_in.url(), ..nowhere };
    let store = store(&setup);
    store.put(&[json_letter(1), json_letter(2), json_letter(3), letter(4, None)]).unwrap();
    let hec = collector.stand_in.hec();
    refuse(hec, r#""number":2"#);

    let dry = setup.run(&["deadletter", "retry", "--all", "--dry-run"]);
    assert_eq!((dry.code(), hec.count().requests, ids(&store).len()), (Some(0), 0, 4), "{dry:?}");

    // A spell that passes is waited out.
    hec.stand(Route::Event, Fault::Answer(hec_answer(9)), Spell::Requests(2));
    let one = setup.run(&["deadletter", "retry", "audit-3-3", "audit-3-77", "--format", "json"]);
    assert_eq!(one.code(), Some(1), "one of the two is not there: {one:?}");
    assert_eq!(outcomes(&one.stdout), [("audit-3-3".into(), "delivered".into())]);
    assert_eq!(ids(&store), ["audit-3-1", "audit-3-2", "audit-3-4"]);

    let all = setup.run(&["deadletter", "retry", "--all", "--format", "json"]);
    assert_eq!(all.code(), Some(1), "{all:?}");
    let expected = [("audit-3-1", "delivered"), ("audit-3-2", "refused"), ("audit-3-4", "refused")];
    assert_eq!(outcomes(&all.stdout), expected.map(|(id, outcome)| (id.to_owned(), outcome.to_owned())));
    assert_eq!(ids(&store), ["audit-3-2", "audit-3-4"]);
    assert_eq!((hec.times("audit", 3, 1), hec.times("audit", 3, 2), hec.times("audit", 3, 3)), (1, 0, 1));

    hec.set_poison(Vec::new());
    assert_eq!(setup.run(&["deadletter", "retry", "audit-3-2"]).code(), Some(0));
    assert_eq!(ids(&store), ["audit-3-4"]);
}

#[test]
fn a_sink_that_takes_nobody_ends_the_retry_and_keeps_all_letters() {
    let (collector, nowhere) = (Collector::start(), Setup::nowhere());
    let setup = Setup { hec: collector.stand_in.url(), ..nowhere };
    let store = store(&setup);
    store.put(&[json_letter(1), json_letter(2)]).unwrap();
    collector.stand_in.hec().set_tokens(Vec::new());
    let finished = setup.run(&["deadletter", "retry", "--all"]);
    assert_eq!(finished.code(), Some(1));
    assert!(finished.stderr.contains("stopped: unauthorized"), "{}", finished.stderr);
    assert_eq!((ids(&store).len(), collector.stand_in.hec().count().requests), (2, 1));
}

#[test]
fn letters_of_a_topic_are_sent_again_in_order_and_a_refused_one_moves_to_the_end() {
    let (kafka, collector, nowhere) = (Kafka::shared(), Collector::start(), Setup::nowhere());
    let topic = kafka.topic("letters", 1);
    let dead_letter =
        format!("topic: {{name: {topic}, kafka: {{bootstrap_servers: \"{}\"}}}}", kafka.bootstrap(Access::Plaintext));
    let setup = Setup { hec: collector.stand_in.url(), dead_letter, ..nowhere };
    let (store, hec) = (store(&setup), collector.stand_in.hec());
    let large = format!(r#"{{"number":3,"pad":"{}"}}"#, "x".repeat(900_000));
    let letters = [json_letter(1), json_letter(2), letter(3, Some(large.as_bytes())), letter(4, None)];
    store.put(&letters).unwrap();

    let stored = kafka.read(&topic);
    assert_eq!((stored.len(), &stored[0].key, &stored[0].value), (4, &letters[0].key, &letters[0].value));
    let header =
        |name: &str| stored[0].headers.iter().find(|(known, _)| known == name).and_then(|(_, value)| value.clone());
    assert_eq!(header("auditferry.reason"), Some(b"event_refused".to_vec()));
    assert_eq!(header("auditferry.offset"), Some(b"1".to_vec()));
    assert_eq!(stored[0].headers[..2], letters[0].headers, "the record's own headers come first");
    let mut found = store.letters(Selection::All).unwrap();
    let read: Vec<Letter> =
        std::iter::from_fn(|| found.next_letter().unwrap()).map(|f| f.letter.unwrap().letter).collect();
    assert_eq!(read, letters);
    assert_eq!(ids(&store), ["0-0", "0-1", "0-2", "0-3"], "reading moves nothing");

    let raw = setup.command().args(["deadletter", "show", "--raw", "0-2"]).output().unwrap();
    assert_eq!(raw.stdout, large.as_bytes());
    let by_id = setup.run(&["deadletter", "retry", "0-1"]);
    assert_eq!(by_id.code(), Some(2), "{by_id:?}");

    refuse(hec, r#""number":2"#);
    let retried = setup.run(&["deadletter", "retry", "--all", "--format", "json"]);
    assert_eq!(retried.code(), Some(1), "{retried:?}");
    let expected = [("0-0", "delivered"), ("0-1", "refused"), ("0-2", "delivered"), ("0-3", "refused")];
    assert_eq!(outcomes(&retried.stdout), expected.map(|(id, outcome)| (id.to_owned(), outcome.to_owned())));
    assert_eq!(kafka.committed("auditferry-retry-splunk", &topic), [Some(4)]);
    assert_eq!(ids(&store), ["0-4", "0-5"], "what was refused lies at the end");

    hec.set_poison(Vec::new());
    hec.set_tokens(Vec::new());
    assert_eq!(setup.run(&["deadletter", "retry", "--all"]).code(), Some(1));
    assert_eq!(ids(&store), ["0-4", "0-5"], "a hold moves nothing");
}

#[test]
fn a_topic_that_does_not_take_letters_is_an_error_in_bounded_time() {
    let kafka = Kafka::shared();
    let unknown = crate::support::kafka::fresh_name("not-made");
    for (servers, expected) in [
        (kafka.bootstrap(Access::Plaintext), "kafka_topic"),
        (format!("127.0.0.1:{}", crate::support::ports::free_port()), "kafka_connect"),
    ] {
        let dead_letter = format!("topic: {{name: {unknown}, kafka: {{bootstrap_servers: \"{servers}\"}}}}");
        let setup = Setup { dead_letter, ..Setup::nowhere() };
        let failure = store(&setup).put(&[json_letter(1)]).unwrap_err();
        assert_eq!(failure.reason, Reason::DeadLetterStore);
        assert!(failure.detail.contains(expected) && failure.detail.contains(&unknown), "{failure}");
        assert_eq!(setup.run(&["deadletter", "list"]).code(), Some(3));
    }
}
