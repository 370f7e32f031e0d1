//! The scanner against `serde_json`, on samples, odd payloads and generated ones.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde::de::IgnoredAny;
use serde_json::Value;
use serde_json::value::RawValue;

use super::walk::MAX_DEPTH;
use super::*;

/// What the scanner should say, by way of `serde_json`, which knows nothing of the depth limit and of `time`.
fn expected_embeddable(payload: &[u8]) -> bool {
    // `IgnoredAny` checks the grammar of numbers without their range, and depth without a limit.
    let grammar = serde_json::from_slice::<IgnoredAny>(payload).is_ok();
    let container = matches!(payload.trim_ascii_start().first(), Some(b'{' | b'['));
    let utf8 = std::str::from_utf8(payload).is_ok();
    grammar && container && utf8 && depth(payload) <= MAX_DEPTH && !has_lone_surrogate(payload)
}

/// Depth of a document that is known to be valid.
fn depth(payload: &[u8]) -> usize {
    let (mut depth, mut deepest, mut in_string, mut escaped) = (0usize, 0, false, false);
    for byte in payload {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            b'{' | b'[' if !in_string => depth += 1,
            b'}' | b']' if !in_string => depth = depth.saturating_sub(1),
            _ => {}
        }
        deepest = deepest.max(depth);
    }
    deepest
}

/// Whether a valid document has an escape of half a surrogate pair: `serde_json` says so for every string it decodes.
fn has_lone_surrogate(payload: &[u8]) -> bool {
    let text = String::from_utf8_lossy(payload);
    let mut rest = &text[..];
    while let Some(open) = rest.find('"') {
        let mut end = open + 1;
        while rest.as_bytes().get(end).is_some_and(|b| *b != b'"') {
            end += if rest.as_bytes()[end] == b'\\' { 2 } else { 1 };
        }
        let Some(literal) = rest.get(open..=end) else { return false };
        if serde_json::from_str::<String>(literal).is_err() {
            return true;
        }
        rest = &rest[end + 1..];
    }
    false
}

fn assert_agrees(payload: &[u8]) {
    let verdict = scan(payload);
    let embeddable = matches!(verdict, Json::Object { .. } | Json::Array);
    assert_eq!(embeddable, expected_embeddable(payload), "{:?}", String::from_utf8_lossy(payload));
    match verdict {
        Json::Object { time } => {
            assert_embeds(payload);
            assert_eq!(time.map(str::to_owned), expected_time(payload), "{:?}", String::from_utf8_lossy(payload));
        }
        Json::Array => assert_embeds(payload),
        Json::Text(text) => assert_eq!(text.as_bytes(), payload),
        Json::Blank => assert!(std::str::from_utf8(payload).unwrap().trim().is_empty()),
        Json::NotUtf8 => assert!(std::str::from_utf8(payload).is_err()),
    }
}

/// The payload as the value of `event` is the very same bytes again, and what follows it is still there.
fn assert_embeds(payload: &[u8]) {
    let mut document = b"{\"event\":".to_vec();
    document.extend_from_slice(payload);
    document.extend_from_slice(b",\"x\":1}");
    // The depth limit of `serde_json`'s skipping does not bind here: a raw value is skipped, not built.
    let parsed: BTreeMap<String, &RawValue> = serde_json::from_slice(&document).expect("the envelope parses");
    assert_eq!(parsed.len(), 2);
    assert_eq!(parsed["event"].get().as_bytes(), payload.trim_ascii());
    assert_eq!(parsed["x"].get(), "1");
}

/// The first top-level member whose key is spelled `time`, if it is a string without escapes.
fn expected_time(payload: &[u8]) -> Option<String> {
    struct First(Option<String>);
    impl<'de> serde::de::Visitor<'de> for First {
        type Value = Option<String>;
        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("an object")
        }
        fn visit_map<A: serde::de::MapAccess<'de>>(mut self, mut map: A) -> Result<Self::Value, A::Error> {
            let mut seen = false;
            while let Some((key, value)) = map.next_entry::<&RawValue, &RawValue>()? {
                if key.get() == "\"time\"" && !seen {
                    seen = true;
                    let text = value.get().strip_prefix('"').and_then(|v| v.strip_suffix('"'));
                    self.0 = text.filter(|text| !text.contains('\\')).map(str::to_owned);
                }
            }
            Ok(self.0)
        }
    }
    let mut deserializer = serde_json::Deserializer::from_slice(payload);
    serde::Deserializer::deserialize_map(&mut deserializer, First(None)).expect("a valid object")
}

fn nested(open: &str, inner: &str, close: &str, depth: usize) -> Vec<u8> {
    [open.repeat(depth), inner.to_owned(), close.repeat(depth)].concat().into_bytes()
}

/// Events in the shape of the audit log, with all the turns that the walker has fast paths for.
const SEEDS: &[&str] = &[
    r#"{"type":"io.confluent.kafka.server/authentication","data":{"methodName":"kafka.Authentication","a":[],"o":{}},"time":"2021-01-01T12:34:56.789Z"}"#,
    r#"{"time":"2021-01-01T12:34:56Z","data":{"request":{"data":{"sql":"SELECT \"x\" \\ \u00e9 \ud83d\ude00\n"}},"n":[1,-0.5e+7,true,false,null,"s",{"k":"v"},[[]]]}}"#,
    "{ \"time\" : \"2021-01-01T12:34:56Z\" ,\r\n\t\"a\" : [ 1 , 2 ] , \"b\" : { \"c\" : \"d\" } }\n",
    r#"{"Zeit":"Äpfel 日本語 😀","time":"später","ü":["ö"]}"#,
    r#"[{"a":"b"},"c",[{"time":"no"}]]"#,
    r#"{"time":7,"time":"second"}"#,
    r#"{"time":"a\tb","time":"second"}"#,
    r#"{"a":{"time":"inner"},"time":"outer"}"#,
];

#[test]
#[expect(clippy::too_many_lines, reason = "one table")]
fn malformed_and_odd_payloads_get_the_verdict_that_serde_json_agrees_with() {
    let odd: &[&[u8]] = &[
        b"",
        b" ",
        b"\n\t ",
        b"x",
        b"{",
        b"}",
        b"[",
        b"]",
        b"{}",
        b"[]",
        b" {} ",
        b"{}x",
        b"{}{}",
        b"{} []",
        b"[]]",
        b"{]",
        b"[}",
        b"{\"a\"}",
        b"{\"a\":}",
        b"{\"a\":1,}",
        b"{,}",
        b"[1,]",
        b"[,1]",
        b"[1 2]",
        b"{\"a\":1 \"b\":2}",
        b"{\"a\" 1}",
        b"{a:1}",
        b"{'a':1}",
        b"{1:2}",
        b"{\"a\":1}}",
        b"{\"a\":[}",
        b"\"text\"",
        b"1",
        b"true",
        b"null",
        b"NaN",
        b"[NaN]",
        b"[Infinity]",
        b"[1e400]",
        b"[-0]",
        b"[18446744073709551616]",
        b"[01]",
        b"[1.]",
        b"[.5]",
        b"[1e]",
        b"[1e+]",
        b"[-]",
        b"[+1]",
        b"[0x1]",
        b"[1E-5]",
        b"[tru]",
        b"[truex]",
        b"[nul",
        b"[true",
        b"[\"a",
        b"[\"a\\",
        b"[\"a\\\"",
        b"[\"\\x\"]",
        b"[\"\\u12\"]",
        b"[\"\\u+123\"]",
        b"[\"\\uD800\"]",
        b"[\"\\uDC00\"]",
        b"[\"\\uD83D\\uDE00\"]",
        b"[\"\\uD83D\\uD83D\"]",
        b"[\"\\uD83Dx\"]",
        b"[\"\\\\uD800\\uDC00\"]",
        b"[\"\\\\\"]",
        b"[\"\\\\\\\"]",
        b"[\"\\/\\b\\f\\n\\r\\t\"]",
        b"[\"a\x00b\"]",
        b"[\"a\x1fb\"]",
        b"[\"a\nb\"]",
        b"[\"a\x7fb\"]",
        b"{\"a\r\n\":1}",
        b"[1\r\n,\r\n2]",
        b"[\x0c]",
        b"[\xa0]",
        b"\xef\xbb\xbf{}",
        b"\xff",
        b"[\"\xff\"]",
        b"[\"\xc3\xa9\"]",
        b"[\"\xc3\"]",
        b"[\"\xed\xa0\x80\"]",
        b"{\"a\":1,\"a\":2}",
        b"\x00",
        b"\x00{}",
        b"{}\x00",
        b"\xc2\xa0",
        b"\xe2\x80\x83 ",
        b"\x00\x00\x00\x00\x07{\"a\":1}",
        b"Obj\x01",
        b"{\"time\"",
        b"{\"time\":",
        b"{\"time\":\"",
        b"{\"time\":\"x",
        b"{\"time\" \"x\"}",
        b"{\"time\":{\"time\":\"x\"}}",
        b"{\"time\":\"\"}",
        b"{\"\\u0074ime\":\"x\"}",
        b"{\"time\":[\"x\"]}",
        b"{\"time\": 1, \"b\": \"c\"}",
        b"{\"time\":1,\"time\" : \"x\"}",
        b"{\"time\" :\"x\"}",
        b"{\"time\":\"x\\n\"}",
        b"{\"a\":\"\\n\",\"time\":\"x\"}",
        b"{\"time\":\"x\\n\",\"time\":\"y\"}",
        b"[\"time\",\"x\"]",
    ];
    for payload in odd {
        assert_agrees(payload);
    }
    assert_eq!(scan(b""), Json::Blank);
    assert_eq!(scan("\u{2003}".as_bytes()), Json::Blank);
    assert_eq!(scan(b"\xef\xbb\xbf{}"), Json::Text("\u{feff}{}"));
    assert_eq!(scan(b"[1e400]"), Json::Array);
    assert_eq!(scan(b"1"), Json::Text("1"));
    assert_eq!(scan(b"[\"\\uD800\"]"), Json::Text("[\"\\uD800\"]"));
    assert_eq!(scan(b"{\"time\" : \"x\"}"), Json::Object { time: Some("x") });
}

#[test]
fn every_sample_event_is_an_object_and_all_but_two_say_when_they_happened() {
    let corpus: Vec<&str> = include_str!("../../demo/sample-events.jsonl").lines().collect();
    let times: Vec<Option<&str>> = corpus
        .iter()
        .map(|event| {
            assert_agrees(event.as_bytes());
            let Json::Object { time } = scan(event.as_bytes()) else { panic!("{event}") };
            time
        })
        .collect();
    // One has no time, one the largest date of a Java library.
    assert_eq!((corpus.len(), times.iter().flatten().count()), (84, 83));
    let instants = times.iter().flatten().filter_map(|time| crate::event::EventTime::parse(time));
    assert_eq!(instants.count(), 82);
}

#[test]
fn nesting_is_allowed_up_to_the_limit_and_never_overflows_the_stack() {
    for depth in [1, 2, 62, 63, 64, 65, 127, 128, 129, 511, 512] {
        assert_eq!(scan(&nested("[", "", "]", depth)), Json::Array, "{depth}");
        let objects = nested("{\"a\":", "1", "}", depth);
        assert_eq!(scan(&objects), Json::Object { time: None }, "{depth}");
        // The kinds of the containers must come back in the right order at every level.
        assert_agrees(&nested("[{\"a\":", "[]", "}]", depth / 2));
        let mut wrong = nested("[{\"a\":", "[]", "}]", depth / 2);
        wrong.pop();
        wrong.push(b'}');
        assert_agrees(&wrong);
    }
    for depth in [513, 514, 576, 100_000] {
        assert!(matches!(scan(&nested("[", "", "]", depth)), Json::Text(_)), "{depth}");
        assert!(matches!(scan(&nested("{\"a\":", "1", "}", depth)), Json::Text(_)), "{depth}");
        assert!(matches!(scan("[".repeat(depth).as_bytes()), Json::Text(_)), "{depth}");
    }
}

#[test]
fn large_payloads_are_scanned_to_the_end() {
    let long =
        format!(r#"{{"a":"{}","time":"t","b":"{}\n{}"}}"#, "x".repeat(5 << 20), "y".repeat(70_000), "é".repeat(1000));
    assert_eq!(scan(long.as_bytes()), Json::Object { time: Some("t") });
    assert!(matches!(scan(&long.as_bytes()[..long.len() - 1]), Json::Text(_)));
    let keys: Vec<String> = (0..100_000).map(|n| format!("\"key{n}\":{n}")).collect();
    let many = format!("{{{}}}", keys.join(","));
    assert_eq!(scan(many.as_bytes()), Json::Object { time: None });
    assert_agrees(many.as_bytes());
}

/// Goal: strings, separators and ends fall on every place of a block and of a window. Method: shift a payload along.
#[test]
fn a_payload_is_judged_alike_wherever_its_bytes_fall_in_a_block() {
    for seed in SEEDS {
        for shift in (0..140).chain(2040..2060) {
            assert_agrees(format!("{}{seed}", " ".repeat(shift)).as_bytes());
            let inner = format!("[\"{}\",{seed}]", "x".repeat(shift));
            assert_agrees(inner.as_bytes());
        }
    }
}

#[test]
fn every_truncation_of_a_valid_payload_is_refused() {
    for seed in SEEDS {
        assert_agrees(seed.as_bytes());
        let seed = seed.trim_end();
        for end in 0..seed.len() {
            assert!(!matches!(scan(&seed.as_bytes()[..end]), Json::Object { .. } | Json::Array), "{end} of {seed}");
        }
    }
}

fn any_json() -> impl Strategy<Value = Value> {
    let text = prop_oneof!["[a-z]{0,20}", Just("time".to_owned()), any::<String>(), "[\"\\\\\u{0}-\u{1f}é😀]{0,8}"];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        text.clone().prop_map(Value::from),
    ];
    leaf.prop_recursive(6, 64, 8, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..8).prop_map(Value::from),
            prop::collection::vec((text.clone(), inner), 0..8)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

#[derive(Clone, Debug)]
enum Change {
    Flip(prop::sample::Index, u8),
    Insert(prop::sample::Index, u8),
    Remove(prop::sample::Index),
    Truncate(prop::sample::Index),
    Repeat(prop::sample::Index, prop::sample::Index),
}

fn any_change() -> impl Strategy<Value = Change> {
    let byte = prop_oneof![any::<u8>(), prop::sample::select(b"\"\\{}[]:, \n\ttu0-e.\x00\x1f\x80".to_vec())];
    let place = any::<prop::sample::Index>;
    prop_oneof![
        (place(), byte.clone()).prop_map(|(at, byte)| Change::Flip(at, byte)),
        (place(), byte).prop_map(|(at, byte)| Change::Insert(at, byte)),
        place().prop_map(Change::Remove),
        place().prop_map(Change::Truncate),
        (place(), place()).prop_map(|(from, to)| Change::Repeat(from, to)),
    ]
}

fn apply(payload: &mut Vec<u8>, change: &Change) {
    if payload.is_empty() {
        return;
    }
    match change {
        Change::Flip(at, byte) => *at.get_mut(payload) = *byte,
        Change::Insert(at, byte) => payload.insert(at.index(payload.len()), *byte),
        Change::Remove(at) => drop(payload.remove(at.index(payload.len()))),
        Change::Truncate(at) => payload.truncate(at.index(payload.len())),
        Change::Repeat(from, to) => {
            let (a, b) = (from.index(payload.len()), to.index(payload.len()));
            let part = payload[a.min(b)..a.max(b)].to_vec();
            let at = a.max(b);
            payload.splice(at..at, part);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

    #[test]
    fn generated_documents_are_judged_as_serde_json_does(value in any_json(), pretty in any::<bool>()) {
        let text = if pretty { serde_json::to_string_pretty(&value) } else { serde_json::to_string(&value) }.unwrap();
        assert_agrees(text.as_bytes());
    }

    #[test]
    fn changed_documents_are_judged_as_serde_json_does(
        seed in prop_oneof![prop::sample::select(SEEDS).prop_map(str::to_owned), any_json().prop_map(|v| v.to_string())],
        changes in prop::collection::vec(any_change(), 1..4),
    ) {
        let mut payload = seed.into_bytes();
        for change in &changes {
            apply(&mut payload, change);
        }
        assert_agrees(&payload);
    }

    #[test]
    fn arbitrary_bytes_are_judged_as_serde_json_does(payload in prop::collection::vec(
        prop_oneof![any::<u8>(), prop::sample::select(b"\"\\{}[]:, 1tu".to_vec())], 0..80,
    )) {
        assert_agrees(&payload);
    }
}
