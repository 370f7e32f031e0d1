//! Enrichment and redaction together: keys come from the event as it was read, parts from what is left of it.

use super::*;
use crate::transform::config::StepConfig;
use crate::transform::redact::{Class, Treatment};

const EVENT: &str = concat!(
    r#"{"data":{"resourceName":"crn://confluent.cloud/environment=env-1/topic=of-alice%40example.com","#,
    r#""authenticationInfo":{"principal":"User:sa-1abc"},"#,
    r#""clientAddress":[{"ip":"192.0.2.9"},{"ip":"10.1.2.3"},{"ip":"10.2.2.3"}]}}"#
);

fn steps(place: &str, owners: &str) -> Value {
    json!([{"enrich": {
        "place": place,
        "lookup": {"file": owners, "field": "principal"},
        "networks": {"inline": {"10.1.0.0/16": "office", "10.2.0.0/16": "lab"}},
        "crn": {"take": ["environment", "topic"]},
    }}])
}

/// What comes of the event when addresses and principals are redacted, or when nothing is.
fn clear(place: &str, redacts: bool) -> (String, Value) {
    let (_folder, owners) = file("owners.csv", "id,owner\nsa-1abc,alice\n");
    let mut config = load(&steps(place, &owners)).unwrap();
    if redacts {
        config.pipelines[0].chain.redact.steps = vec![StepConfig {
            classes: vec![Class::Email, Class::ClientIp, Class::Principal],
            keep_members: Vec::new(),
            paths: Vec::new(),
            patterns: Vec::new(),
            treatment: Treatment::Replace("R".to_owned()),
        }];
    }
    let chain = Chain::new(&config.pipelines[0].chain);
    Rig { chain, config, recorder: Recorder::default() }.clear(EVENT)
}

#[test]
fn canonical_fields_are_looked_up_and_of_several_values_the_first_that_is_known_counts() {
    let (value, fields) = clear("fields", false);
    assert_eq!(value, EVENT);
    let topic = "of-alice@example.com";
    assert_eq!(fields, json!({"owner": "alice", "client_network": "office", "environment": "env-1", "topic": topic}));
}

#[test]
fn what_is_redacted_is_found_in_tables_and_does_not_come_back_with_parts() {
    let expected = json!({"owner": "alice", "client_network": "office", "environment": "env-1", "topic": "R"});
    let (value, fields) = clear("fields", true);
    assert_eq!(fields, expected);
    for gone in ["10.1.2.3", "sa-1abc", "example.com"] {
        assert!(!value.contains(gone), "{value}");
    }
    let (within, fields) = clear("event", true);
    assert_eq!(fields, json!({}));
    let (before, after) = value.split_at(value.len() - 1);
    assert!(within.starts_with(before) && within.ends_with(after), "{within}");
    let within: Value = serde_json::from_str(&within).unwrap();
    assert_eq!(within[MEMBER], expected);
}

/// No chain clears what redaction cannot read, so nothing is added to it either.
#[test]
fn what_cannot_be_redacted_does_not_leave_enriched_either() {
    let mut config = load(&json!([{"enrich": {"fields": {"a": "1"}}}])).unwrap();
    let treatment = Treatment::Replace("R".to_owned());
    let (keep_members, paths, patterns) = (Vec::new(), Vec::new(), Vec::new());
    let step = StepConfig { classes: vec![Class::Email], keep_members, paths, patterns, treatment };
    config.pipelines[0].chain.redact.steps = vec![step];
    let mut chain = Chain::new(&config.pipelines[0].chain);
    assert!(chain.clear(record(b"no JSON")).cleared().is_none());
}
