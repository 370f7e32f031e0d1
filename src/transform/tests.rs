//! The steps of the chain together: what comes after redaction sees only what redaction has left.

mod fuzz;

use serde_json::Value;

use super::config::{ChainConfig, RedactConfig, StepConfig};
use super::map::config::{MapConfig, Model, Place};
use super::redact::{Class, Treatment};
use super::{Chain, Verdict};
use crate::event::Record;
use crate::position::{Offset, PartitionId};

/// One event with what must not leave, in both the places that are mapped and some that are not.
const EVENT: &str = r#"{"id":"1","time":"2026-01-01T00:00:00Z","type":"io.confluent.cloud/request","data":{"methodName":"InviteUser",
 "authenticationInfo":{"principal":{"email":"alice@canary.example","confluentUser":{"resourceId":"u-1abc2d"}}},
 "clientAddress":[{"ip":"203.0.113.99"}],"request":{"data":{"email":"bob@canary.example"}},"result":{"status":"SUCCESS"}}}"#;

const CANARIES: [&str; 2] = ["canary", "203.0.113.99"];

fn record(value: &str) -> Record<'_> {
    let (partition, offset) = (PartitionId::new(0), Offset::new(0));
    Record {
        topic: "audit",
        partition,
        offset,
        timestamp_ms: None,
        key: None,
        value: Some(value.as_bytes()),
        headers: &[],
    }
}

fn chain(to: Model, place: Place, treatment: Option<Treatment>) -> Chain {
    let steps = treatment.map(|treatment| StepConfig {
        classes: vec![Class::Email, Class::ClientIp],
        keep_members: Vec::new(),
        paths: Vec::new(),
        patterns: Vec::new(),
        treatment,
    });
    let redact = RedactConfig { steps: steps.into_iter().collect(), ..RedactConfig::default() };
    Chain::new(&ChainConfig { redact, map: Some(MapConfig { to, place }), ..ChainConfig::default() })
}

fn cleared(chain: &mut Chain, value: &str) -> String {
    match chain.clear(record(value)) {
        Verdict::Cleared(event) => String::from_utf8(event.record().value.expect("a value").to_vec()).expect("text"),
        Verdict::Filtered(_) | Verdict::Unclear(..) => panic!("it may leave"),
    }
}

#[test]
fn what_was_redacted_does_not_come_back_by_mapping() {
    for to in [Model::Cim, Model::Ocsf, Model::Ecs] {
        for place in [Place::Member("mapped".into()), Place::Event { raw: true }, Place::Event { raw: false }] {
            let bare = cleared(&mut chain(to, place.clone(), None), EVENT);
            assert!(CANARIES.iter().all(|canary| bare.contains(canary)), "without redaction they are there: {bare}");
            for treatment in [Treatment::Drop, Treatment::Mask { keep_last: 0 }, Treatment::Replace("gone".into())] {
                let left = cleared(&mut chain(to, place.clone(), Some(treatment)), EVENT);
                assert!(serde_json::from_str::<Value>(&left).expect("valid").is_object());
                assert!(!CANARIES.iter().any(|canary| left.contains(canary)), "{left}");
            }
        }
    }
}

#[test]
fn the_memory_of_one_event_leaves_nothing_in_the_next() {
    let mut chain = chain(Model::Cim, Place::Member("cim".into()), None);
    let first = cleared(&mut chain, EVENT);
    let second = cleared(&mut chain, r#"{"id":"2"}"#);
    assert!(!CANARIES.iter().any(|canary| second.contains(canary)), "{second}");
    assert_eq!(cleared(&mut chain, EVENT), first);
}

#[test]
fn what_is_no_object_passes_the_mapping_as_it_is() {
    let mut chain = chain(Model::Ocsf, Place::Event { raw: true }, None);
    for value in ["[1]", "text", "", "{\"a\":"] {
        assert_eq!(cleared(&mut chain, value), value);
    }
}
