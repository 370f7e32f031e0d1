//! What is new is noticed, once; what is known is not; and a fast stream is looked at in part.

use std::sync::{Arc, Mutex};

use super::*;

const SAMPLES: &str = include_str!("../../demo/sample-events.jsonl");

type Reports = Arc<Mutex<Vec<(Change, String, String)>>>;

fn sensor() -> (Sensor, Reports) {
    let reports = Reports::default();
    let kept = Arc::clone(&reports);
    let report = move |finding: &Finding<'_>| {
        kept.lock().unwrap().push((finding.change, finding.at.to_owned(), finding.found.to_owned()));
    };
    (Sensor::new(|_| Counter::noop(), report), reports)
}

/// What is reported about one event.
fn new_in(event: &str) -> Vec<(Change, String, String)> {
    let (mut sensor, reports) = sensor();
    sensor.watch(event.as_bytes(), Instant::now);
    reports.lock().unwrap().clone()
}

fn finding(change: Change, at: &str, found: &str) -> (Change, String, String) {
    (change, at.to_owned(), found.to_owned())
}

#[test]
fn of_the_samples_only_the_event_that_nobody_knows_is_new() {
    for (number, event) in (1..).zip(SAMPLES.lines()) {
        let expected = match number {
            84 => vec![
                finding(Change::Type, "type", "io.confluent.rtce.server/request"),
                finding(Change::Method, "data.methodName", "rtce.Query"),
                finding(Change::Member, "data", "newMember"),
            ],
            _ => vec![],
        };
        assert_eq!(new_in(event), expected, "line {number}");
    }
}

#[test]
fn each_change_has_its_name() {
    assert_eq!(
        new_in(r#"{"data":{"method_name":"NewThing"}}"#),
        [finding(Change::Method, "data.methodName", "NewThing")]
    );
    assert_eq!(new_in(r#"{"data":{"method_name":"SIGNIN"}}"#), []);
    assert_eq!(
        new_in(r#"{"data":{"result":{"status":"THROTTLED"}}}"#),
        [finding(Change::Word, "data.result.status", "THROTTLED")]
    );
    assert_eq!(new_in(r#"{"data":{"result":[1]}}"#), [finding(Change::Kind, "data.result", "list")]);
    assert_eq!(new_in(r#"{"extension":{"a":1}}"#), [finding(Change::Member, "", "extension")]);
    assert_eq!(
        new_in(r#"{"data":{"cloudResources":[{"resource":{"resource_id":5}},{"new":0}]}}"#),
        [
            finding(Change::Kind, "data.cloudResources[].resource.resourceId", "number"),
            finding(Change::Member, "data.cloudResources[]", "new"),
        ]
    );
    assert_eq!(new_in(r#"{"data":{"request":{"data":{"anything":[{"goes":null}]}}}}"#), []);
    assert_eq!(new_in("[1]"), []);
    assert_eq!(new_in("no JSON"), []);
}

#[test]
fn a_report_does_not_show_what_is_no_name() {
    let hidden = "(not a name)";
    assert_eq!(new_in(r#"{"data":{"alice@example.com":1}}"#), [finding(Change::Member, "data", hidden)]);
    assert_eq!(
        new_in(r#"{"data":{"methodName":"drop table; --"}}"#),
        [finding(Change::Method, "data.methodName", hidden)]
    );
    assert_eq!(new_in(r#"{"data":{"":1}}"#), [finding(Change::Member, "data", hidden)]);
    let long = format!(r#"{{"{}":1}}"#, "n".repeat(DRIFT_NAME_CHARS + 1));
    assert_eq!(new_in(&long), [finding(Change::Member, "", hidden)]);
}

#[test]
fn a_change_that_is_met_again_is_not_reported_again() {
    let (mut sensor, reports) = sensor();
    for _ in 0..3 {
        sensor.watch(br#"{"extension":1}"#, Instant::now);
    }
    assert_eq!(*reports.lock().unwrap(), [finding(Change::Member, "", "extension")]);
}

#[test]
fn a_change_is_reported_once_and_the_memory_of_them_is_bounded() {
    let (mut sensor, reports) = sensor();
    for round in 0..2 {
        for number in 0..DRIFT_KINDS + 10 {
            let clock = Instant::now() + 2 * DRIFT_CREDIT * (round + 1);
            sensor.watch(format!(r#"{{"member{number}":1}}"#).as_bytes(), || clock);
        }
    }
    assert_eq!(reports.lock().unwrap().len(), DRIFT_KINDS);
    assert_eq!(sensor.findings.reported.len(), DRIFT_KINDS);
}

#[test]
fn a_slow_stream_is_looked_at_whole_and_a_fast_one_in_part() {
    let start = Instant::now();
    let looks = |events: u32, apart: Duration| {
        let mut budget = Budget { credit: DRIFT_CREDIT, until_clock: 0, last: None };
        (0..events).filter(|number| budget.allows(|| start + apart * *number)).count()
    };
    assert_eq!(looks(10_000, 2 * DRIFT_LOOK), 10_000);
    let burst = usize::try_from(DRIFT_CREDIT.as_nanos() / DRIFT_LOOK.as_nanos()).unwrap();
    let fast = looks(1_000_000, DRIFT_LOOK / 1_000);
    assert!((burst + 900..=burst + 1_000).contains(&fast), "{fast} looks in the time of 1,000, and {burst} at once");
}
