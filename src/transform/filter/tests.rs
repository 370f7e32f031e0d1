//! What the rules decide, event by event.

use super::*;
use crate::event::{Cleared, Tape};
use crate::position::{Offset, PartitionId, TopicName};
use crate::transform::condition::Condition;
use crate::transform::config::ChainConfig;
use crate::transform::{Chain, Verdict};

fn rule(name: &str, action: Action, when: &str) -> FilterConfig {
    let (when, _) = Condition::compile(when).expect("a condition");
    FilterConfig { name: name.to_owned(), action, topics: Vec::new(), when }
}

fn drop(name: &str, when: &str) -> FilterConfig {
    rule(name, Action::Drop { keep_one_in: None }, when)
}

fn keep(name: &str, when: &str) -> FilterConfig {
    rule(name, Action::Keep, when)
}

#[allow(clippy::needless_update, reason = "filters are one kind of step among others")]
fn chain(filters: &[FilterConfig]) -> Chain {
    Chain::new(&ChainConfig { filters: filters.to_vec(), ..ChainConfig::default() })
}

fn record<'a>(topic: &'a str, offset: i64, value: Option<&'a str>) -> Record<'a> {
    let (partition, value) = (PartitionId::new(0), value.map(str::as_bytes));
    Record { topic, partition, offset: Offset::new(offset), timestamp_ms: None, key: None, value, headers: &[] }
}

/// The name of the rule that filters it.
fn filtered_by(chain: &mut Chain, rules: &[FilterConfig], record: Record<'_>) -> Option<String> {
    match chain.clear(record) {
        Verdict::Filtered(rule) => Some(rules[rule.0].name.clone()),
        Verdict::Cleared(_) => None,
        Verdict::Unclear(..) => panic!("filters make no letters"),
    }
}

#[track_caller]
fn assert_decisions(rules: &[FilterConfig], decisions: &[(&str, Option<&str>)]) {
    let mut chain = chain(rules);
    for (value, expected) in decisions {
        assert_eq!(filtered_by(&mut chain, rules, record("t", 0, Some(value))).as_deref(), *expected, "{value}");
    }
}

#[test]
fn the_first_drop_rule_that_holds_filters() {
    let rules = [drop("one", r#"id == "1""#), drop("low", r#"id in ["1", "2"]"#)];
    assert_decisions(
        &rules,
        &[(r#"{"id":"1"}"#, Some("one")), (r#"{"id":"2"}"#, Some("low")), (r#"{"id":"3"}"#, None), (r#"{}"#, None)],
    );
}

#[test]
fn what_no_keep_rule_holds_for_is_filtered_by_the_last_of_them() {
    let rules = [keep("one", r#"id == "1""#), drop("bad", r#"type == "x""#), keep("two", r#"id == "2""#)];
    assert_decisions(
        &rules,
        &[
            (r#"{"id":"1"}"#, None),
            (r#"{"id":"2"}"#, None),
            (r#"{"id":"3"}"#, Some("two")),
            (r#"{}"#, Some("two")),
            (r#"{"id":"1","type":"x"}"#, Some("bad")),
            (r#"{"id":"3","type":"x"}"#, Some("bad")),
        ],
    );
}

#[test]
fn a_rule_says_nothing_about_topics_that_it_is_not_meant_for() {
    let mut only = keep("audit", r#"id == "1""#);
    only.topics = vec![TopicName::new("audit")];
    let rules = [only];
    let mut chain = chain(&rules);
    for (topic, id, expected) in [("audit", "1", None), ("audit", "2", Some("audit")), ("other", "2", None)] {
        let value = format!(r#"{{"id":"{id}"}}"#);
        assert_eq!(filtered_by(&mut chain, &rules, record(topic, 0, Some(&value))).as_deref(), expected);
    }
    assert_eq!(filtered_by(&mut chain, &rules, record("other", 0, Some("no json"))), None);
    assert_eq!(chain.filter_counts().unreadable, 0, "nobody had to read it");
}

#[test]
fn what_cannot_be_read_is_kept_and_counted() {
    let rules = [drop("all", "true"), keep("none", "false")];
    let mut chain = chain(&rules);
    for value in [None, Some(""), Some("text"), Some("[1]"), Some("{"), Some(r#"{"a":1}x"#), Some("1")] {
        assert_eq!(filtered_by(&mut chain, &rules, record("t", 0, value)), None, "{value:?}");
    }
    assert_eq!(chain.filter_counts().unreadable, 7);
    assert_eq!(filtered_by(&mut chain, &rules, record("t", 0, Some("{}"))).as_deref(), Some("all"));
}

#[test]
fn a_condition_that_fails_keeps_the_event_and_is_counted() {
    for rules in [[drop("x", "event.n < 2")], [keep("x", "event.n < 2")]] {
        let mut chain = chain(&rules);
        assert_eq!(filtered_by(&mut chain, &rules, record("t", 0, Some(r#"{"n":"text"}"#))), None);
        let counts = chain.filter_counts().rules[0];
        let fault = counts.last_fault.expect("a fault");
        assert_eq!((counts.faults, fault.span.range()), (1, 0..11));
        assert!(!fault.to_string().contains("text\""), "{fault}");
    }
}

#[test]
fn other_rules_still_decide_when_one_fails() {
    let rules = [drop("fails", "event.n < 2"), drop("holds", r#"id == "1""#)];
    assert_decisions(&rules, &[(r#"{"n":"text","id":"1"}"#, Some("holds")), (r#"{"n":"text"}"#, None)]);
    let rules = [keep("fails", "event.n < 2"), keep("other", r#"id == "1""#)];
    assert_decisions(&rules, &[(r#"{"n":"text","id":"2"}"#, None), (r#"{"n":3,"id":"2"}"#, Some("other"))]);
}

/// A receiver that takes the first of two members would see another event than the one that was judged.
#[test]
fn nothing_is_filtered_because_of_a_member_that_is_there_twice() {
    let twice = [r#"{"id":"2","id":"1"}"#, r#"{"id":"2","\u0069d":"1"}"#];
    for rules in [[drop("x", r#"id == "1""#)], [keep("x", r#"id == "2""#)]] {
        let mut chain = chain(&rules);
        for value in twice {
            assert_eq!(filtered_by(&mut chain, &rules, record("t", 0, Some(value))), None, "{value}");
        }
        assert_eq!(chain.filter_counts().rules[0].ambiguous, 2);
        let elsewhere = r#"{"id":"1","x":{"a":1,"a":2}}"#;
        assert_eq!(
            filtered_by(&mut chain, &rules, record("t", 0, Some(elsewhere))).as_deref(),
            Some("x"),
            "not asked for"
        );
    }
}

#[test]
fn the_counts_are_those_that_the_ledger_has_confirmed() {
    let rules = [drop("one", r#"id == "1""#)];
    let mut chain = chain(&rules);
    let Verdict::Filtered(rule) = chain.clear(record("t", 0, Some(r#"{"id":"1"}"#))) else { panic!("it holds") };
    assert_eq!(chain.filter_counts().rules[0].filtered, 0);
    chain.count_filtered(rule);
    assert_eq!(chain.filter_counts().rules[0].filtered, 1);
}

#[test]
fn without_rules_nobody_looks() {
    let mut chain = chain(&[]);
    let cleared: Option<Cleared<'_>> = chain.clear(record("t", 0, Some("{"))).cleared();
    assert!(cleared.is_some());
    assert_eq!(chain.filter_counts().unreadable, 0);
}

/// Method: ids as the vendor has them; the share of one in ten must be near a tenth, and the same in another process.
#[test]
fn a_sample_is_drawn_by_the_identifier_and_a_repeat_decides_the_same() {
    let n = NonZeroU32::new(10).expect("not zero");
    let mut tape = Tape::default();
    let mut kept = Vec::new();
    for number in 0..20_000_u32 {
        let value = format!(r#"{{"id":"f07bdde7-c633-41c9-abab-{number:012x}"}}"#);
        let document = tape.read(value.as_bytes()).expect("an object");
        let subject = Subject { view: View::new(&document), topic: "t" };
        let sample = is_sample(n, &subject, &record("t", i64::from(number), None));
        assert_eq!(sample, is_sample(n, &subject, &record("u", 7, None)), "only the identifier counts");
        kept.extend(sample.then_some(number));
    }
    assert!((1_850..2_150).contains(&kept.len()), "{}", kept.len());
    assert_eq!(kept[..3], FIRST_OF_THE_SAMPLE, "the same in every version");
}

const FIRST_OF_THE_SAMPLE: [u32; 3] = [5, 9, 16];

#[test]
fn without_an_identifier_the_place_decides() {
    let n = NonZeroU32::new(4).expect("not zero");
    let mut tape = Tape::default();
    let document = tape.read(b"{}").expect("an object");
    let subject = Subject { view: View::new(&document), topic: "t" };
    let kept = (0..1000).filter(|offset| is_sample(n, &subject, &record("t", *offset, None))).count();
    assert!((200..300).contains(&kept), "{kept}");
}

/// Goal: no chance decides about what was refused. Method: one in 1000, over 200 events that ended in each way.
#[test]
fn only_successful_events_are_sampled_away() {
    let n = NonZeroU32::new(1000).expect("not zero");
    let rules = [rule("sampled", Action::Drop { keep_one_in: Some(n) }, r#"method == "CreateAPIKey""#)];
    for (status, is_filtered) in
        [(r#""SUCCESS""#, true), (r#""FAILURE""#, false), (r#""UNSET""#, false), ("null", false)]
    {
        let mut chain = chain(&rules);
        let filtered = (0..200).filter(|id| {
            let data = format!(r#"{{"methodName":"CreateAPIKey","result":{{"status":{status}}}}}"#);
            let value = format!(r#"{{"id":"{id}","type":"io.confluent.cloud/request","data":{data}}}"#);
            filtered_by(&mut chain, &rules, record("t", 0, Some(&value))).is_some()
        });
        let (filtered, sampled) = (filtered.count() as u64, chain.filter_counts().rules[0].sampled);
        assert_eq!(filtered + sampled, if is_filtered { 200 } else { 0 }, "{status}");
        assert_eq!(filtered > 190, is_filtered, "{status}");
    }
}

#[test]
fn judging_an_event_allocates_nothing_in_the_steady_state() {
    let three = r#"method == "mds.Authorize" && outcome == "success" && resource.startsWith("crn:")"#;
    let presets = [(DropPreset::Routine.as_str(), DropPreset::Routine.when())];
    let more = [("three", three), ("ips", r#"client_ip.exists(ip, inCidr(ip, "10.0.0.0/8"))"#)];
    let raw = [(
        "raw",
        r#"event.data.cloudResources.exists(r, r.resource.type == "X" && r.resource.resourceId in ["a", "b"])"#,
    )];
    let rules: Vec<FilterConfig> =
        presets.iter().chain(&more).chain(&raw).map(|(name, when)| drop(name, when)).collect();
    let mut chain = chain(&rules);
    let events: Vec<&str> = include_str!("../../demo/sample-events.jsonl").lines().collect();
    let mut filtered = 0;
    let mut all = || {
        events
            .iter()
            .for_each(|event| filtered += u32::from(chain.clear(record("t", 0, Some(event))).cleared().is_none()))
    };
    all();
    let allocations = allocation_counter::measure(all);
    assert_eq!(allocations.count_total, 0, "for {} events", events.len());
    assert!(filtered > 30, "{filtered} were filtered in two turns");
}
