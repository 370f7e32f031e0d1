//! Values that are envelopes already.

use super::*;

fn config() -> EventConfig {
    let record_headers =
        RecordHeaders { index: Some("to".into()), fields: vec!["trace".into()], ..RecordHeaders::default() };
    EventConfig {
        mode: Mode::Preformatted,
        metadata: all_four(),
        fields: vec![("env".into(), FieldValue::Text("prod".into()))],
        tracking: vec![Tracked::Offset, Tracked::Key],
        record_headers,
        ..EventConfig::default()
    }
}

fn bare() -> EventConfig {
    EventConfig { mode: Mode::Preformatted, ..without_tracking() }
}

const OURS: &str = r#""env":"prod","kafka_offset":"1234567890123""#;

#[test]
fn an_envelope_travels_unchanged_with_what_is_added_in_front() {
    let envelope = r#"{"time": 1.5, "index":"own", "event" : { "a":1e5, "a":2 } }"#;
    let (event, found) = encoded(&config(), record(Some(envelope.as_bytes()))).unwrap();
    assert_eq!(event, format!("{{\"fields\":{{{OURS}}},{}\n", &envelope[1..]));
    assert_eq!(found.unwrap(), envelope);

    let (event, found) = encoded(&bare(), record(Some(envelope.as_bytes()))).unwrap();
    assert_eq!(event, format!("{envelope}\n"), "nothing to add");
    assert_eq!(found.unwrap(), envelope);
}

#[test]
fn fields_are_merged_and_ours_win_if_they_are_there() {
    let own = r#"{"event":"x","fields":{"a":["b","c"],"env":"dev","n":1.50,"trace":"own","kafka_record_key":"own"}}"#;
    let (event, found) = encoded(&config(), record(Some(own.as_bytes()))).unwrap();
    let kept = r#""a":["b","c"],"n":1.50,"trace":"own","kafka_record_key":"own""#;
    assert_eq!(event, format!("{{\"event\":\"x\",\"fields\":{{{OURS},{kept}}}}}\n"));
    assert_eq!(found, None, "the original is kept beside");

    let flat = flat(&[("trace", Some(b"t"))]);
    let with_both = Record { headers: &flat, key: Some(b"k"), ..record(Some(own.as_bytes())) };
    let kept = r#""kafka_record_key":"k","trace":"t","a":["b","c"],"n":1.50"#;
    assert_eq!(super::event(&config(), with_both), format!("{{\"event\":\"x\",\"fields\":{{{OURS},{kept}}}}}\n"));
    assert_eq!(super::event(&bare(), record(Some(own.as_bytes()))), format!("{own}\n"));
}

#[test]
fn a_header_overrides_the_envelope_and_configured_metadata_does_not_apply() {
    let flat = flat(&[("to", Some(b"elsewhere"))]);
    let envelope = br#"{"event":{ "b" : 1 },"index":"own","source":"s","time":"7.25","host":"h\n"}"#;
    let moved = Record { headers: &flat, ..record(Some(envelope)) };
    let expected = r#"{"time":"7.25","index":"elsewhere","host":"h\n","source":"s","event":{ "b" : 1 },"fields":"#;
    assert_eq!(event(&config(), moved), format!("{expected}{{{OURS}}}}}\n"));
    let without = Record { headers: &flat, ..record(Some(br#"{"event":1}"#)) };
    let expected = format!("{{\"index\":\"elsewhere\",\"fields\":{{{OURS}}},\"event\":1}}\n");
    assert_eq!(encoded(&config(), without).unwrap(), (expected, Some(r#"{"event":1}"#.to_owned())));
}

#[test]
fn white_space_in_front_is_given_back_to_a_dead_letter() {
    let (event, found) = encoded(&config(), record(Some(b"\n {\"event\":1}"))).unwrap();
    assert_eq!(event, format!("{{\"event\":1,\"fields\":{{{OURS}}}}}\n"));
    assert_eq!(found, None);
}

#[test]
fn metrics_pass() {
    for metric in [
        r#"{"time":1,"event":"metric","fields":{"metric_name:cpu.usr":11.12,"region":"a"}}"#,
        r#"{"event":"metric","fields":{"metric_name":"cpu","_value":4}}"#,
    ] {
        assert_eq!(event(&bare(), record(Some(metric.as_bytes()))), format!("{metric}\n"));
    }
}

#[test]
fn what_splunk_takes_passes() {
    for envelope in [
        r#"{"event":{}}"#,
        r#"{"event":[]}"#,
        r#"{"event":0}"#,
        r#"{"event":true}"#,
        r#"{"event":"null"}"#,
        r#"{"\u0065vent":1,"index":""}"#,
        r#"{"event":1,"time":"1623091780.5","host":"h","source":"s","sourcetype":"t","index":"i","fields":{}}"#,
    ] {
        assert_eq!(event(&bare(), record(Some(envelope.as_bytes()))), format!("{envelope}\n"));
    }
}

#[test]
fn an_envelope_that_splunk_would_refuse_or_drop_without_a_word_is_a_dead_letter() {
    for (value, words) in [
        (r#"{"event":1,"extra":2}"#, "does not know the member `extra`"),
        (r#"{"event":1,"Time":2}"#, "does not know the member `Time`"),
        ("{\"event\":1,\"a\\nb\":2}", "does not know the member `a\\nb`"),
        (r#"{"event":1,"event":2}"#, "`event` is there twice"),
        (r#"{"event":1,"\u0065vent":2}"#, "`event` is there twice"),
        (r#"{"event":1,"index":"a","index":"a"}"#, "`index` is there twice"),
        (r#"{"event":1,"fields":{},"fields":{}}"#, "`fields` is there twice"),
        (r#"{"event":1,"time":1,"time":1}"#, "`time` is there twice"),
        (r#"{"event":1,"time":1e9}"#, "`time` is not a number"),
        (r#"{"event":1,"time":-1}"#, "`time` is not a number"),
        (r#"{"event":1,"time":"soon"}"#, "`time` is not a number"),
        (r#"{"event":1,"time":null}"#, "`time` is not a number"),
        (r#"{"event":1,"source":7}"#, "`source` is not a string"),
        (r#"{"event":1,"host":null}"#, "`host` is not a string"),
        ("{}", "there is no `event`"),
        (r#"{"fields":{"metric_name:a":1}}"#, "there is no `event`"),
        (r#"{"event":null}"#, "`event` is null or false"),
        (r#"{"event":false}"#, "`event` is null or false"),
        (r#"{"event":""}"#, "`event` is blank"),
        (r#"{"event":" \n\u0020"}"#, "`event` is blank"),
        (r#"{"event":1,"fields":{"a":{}}}"#, "`fields` is not an object of"),
        (r#"{"event":1,"fields":{"a":null}}"#, "`fields` is not an object of"),
        (r#"{"event":1,"fields":{"a":true}}"#, "`fields` is not an object of"),
        (r#"{"event":1,"fields":{"a":["b",1]}}"#, "`fields` is not an object of"),
        (r#"{"event":1,"fields":[]}"#, "`fields` is not an object of"),
        (r#"{"event":1}{"event":2}"#, "not one JSON object"),
        (r#"{"event":1}}"#, "not one JSON object"),
        (r#"[{"event":1}]"#, "not one JSON object"),
        ("event", "not one JSON object"),
        ("7", "not one JSON object"),
    ] {
        let failure = encoded(&bare(), record(Some(value.as_bytes()))).unwrap_err();
        assert_eq!(failure.reason, Reason::InvalidEnvelope, "{value}");
        assert!(failure.detail.contains(words), "{value}: {failure}");
    }
    for (value, reason) in [(&b" "[..], Reason::BlankValue), (b"{\"event\":\"\xff\"}", Reason::NotUtf8)] {
        assert_eq!(encoded(&bare(), record(Some(value))).unwrap_err().reason, reason);
    }
    let long = format!(r#"{{"event":1,"{}":2}}"#, "k".repeat(1000));
    assert!(encoded(&bare(), record(Some(long.as_bytes()))).unwrap_err().detail.len() < 200);
    let large = format!(r#"{{"event":"{}"}}"#, "x".repeat(5 * 1024 * 1024));
    assert_eq!(encoded(&bare(), record(Some(large.as_bytes()))).unwrap_err().reason, Reason::TooLarge);
}
