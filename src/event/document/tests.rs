//! A document beside `serde_json`, and what positions and repeated members come to.

use super::*;
use crate::event::Tape;
use proptest::prelude::*;

/// The value as `serde_json` would hold it, read through handles only.
fn rebuilt(value: Value<'_>) -> serde_json::Value {
    match value.kind() {
        Kind::Object => {
            let members = value.children().map(|child| (child.key().expect("a member").into_owned(), rebuilt(child)));
            serde_json::Value::Object(members.collect())
        }
        Kind::Array => value.children().map(rebuilt).collect(),
        Kind::String => value.text().expect("a string").into_owned().into(),
        Kind::Number | Kind::Bool(_) | Kind::Null => serde_json::from_slice(value.raw()).expect("a scalar"),
    }
}

fn assert_reads_as_serde_json(text: &str) {
    let mut tape = Tape::default();
    let document = tape.read(text.as_bytes());
    let expected = serde_json::from_str::<serde_json::Value>(text).ok().filter(serde_json::Value::is_object);
    assert_eq!(document.map(|document| rebuilt(document.root())), expected, "{text}");
}

#[test]
fn a_document_reads_as_serde_json_reads_it() {
    let corpus = include_str!("../../demo/sample-events.jsonl").lines();
    let odd = [
        "{}",
        " { } ",
        r#"{"":{"":[]}}"#,
        r#"{"a":[1,[],{},[{"b":null}],"x"],"c":-1.5e3}"#,
        r#"{"a":1,"a":2}"#,
        r#"{"\u0061":"\ud83d\ude00","b\n":"\"\\"}"#,
        "[1]",
        "1",
        "",
        r#"{"a":}"#,
        r#"{"a":1}x"#,
        "{\"ü\":\"ö\"}",
    ];
    corpus.chain(odd).for_each(assert_reads_as_serde_json);
}

proptest! {
    #[test]
    fn any_document_reads_as_serde_json_reads_it(document in any_json(), pretty in any::<bool>()) {
        let text = if pretty { serde_json::to_string_pretty(&document) } else { serde_json::to_string(&document) };
        assert_reads_as_serde_json(&text.expect("a document"));
    }

    #[test]
    fn the_tape_takes_what_the_scanner_takes(text in r#"[{}\[\]",:a1\\u0D8 \n]{0,24}"#) {
        let mut tape = Tape::default();
        let object = matches!(crate::event::scan(text.as_bytes()), crate::event::Json::Object { .. });
        prop_assert_eq!(tape.read(text.as_bytes()).is_some(), object);
    }
}

fn any_json() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(serde_json::Value::from),
        any::<i64>().prop_map(serde_json::Value::from),
        any::<String>().prop_map(serde_json::Value::from),
    ];
    leaf.prop_recursive(6, 64, 6, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..6).prop_map(serde_json::Value::from),
            proptest::collection::hash_map(any::<String>(), inner, 0..6)
                .prop_map(|members| serde_json::Value::Object(members.into_iter().collect())),
        ]
    })
}

#[test]
fn of_repeated_members_the_last_counts_and_it_is_remembered_that_there_were_several() {
    let mut tape = Tape::default();
    let document = tape.read(br#"{"a":1,"b":{"c":"x","\u0063":"y"}}"#).expect("valid");
    assert_eq!(document.root().get("a").expect("there").raw(), b"1");
    assert!(!document.met_repeated());
    assert!(document.root().get("b").expect("there").get("c").expect("there").is_text("y"));
    assert!(document.met_repeated());
}

#[test]
fn positions_lead_back_to_the_bytes() {
    let mut tape = Tape::default();
    let document = tape.read(br#"{"data": {"k\"": ["v", {"x": 1}]}}"#).expect("valid");
    let seen: Vec<_> = document
        .values()
        .map(|value| {
            let key = value.key_span().map_or("", |span| std::str::from_utf8(&document.bytes()[span]).expect("text"));
            (key, std::str::from_utf8(value.raw()).expect("text"), value.index(), value.next_index())
        })
        .collect();
    assert_eq!(
        seen[1..],
        [
            ("data", r#"{"k\"": ["v", {"x": 1}]}"#, 1, 6),
            (r#"k\""#, r#"["v", {"x": 1}]"#, 2, 6),
            ("", "v", 3, 4),
            ("", r#"{"x": 1}"#, 4, 6),
            ("x", "1", 5, 6),
        ]
    );
}
