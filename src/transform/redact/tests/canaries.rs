//! Whatever an event looks like, nothing that is to be redacted is left of it.
//!
//! Method: events are made at random, in both dialects and in shapes that nobody would send: repeated and escaped names, values
//! of the wrong type, deep nesting. Each carries canaries in the places of what is redacted and mentions them elsewhere, in
//! every spelling. Whatever leaves, decoded until nothing changes any more, must hold none of them.
//!
//! `PROPTEST_CASES` says how many events, `CANARY_SEED` with which one the row begins; a failure names its own.

mod bare;
mod real;
mod writer;

use super::*;
use crate::event::{Cleared, Field, Record, headers};
use crate::position::{Offset, PartitionId};
use crate::transform::config::ChainConfig;
use crate::transform::enrich::config::{Adds, Enrichment, Part, Parts, Place};
use crate::transform::map::config::{MapConfig, Model, Place as MapPlace};
use crate::transform::{Chain, Verdict};
use bare::assert_none_left;
use real::real_event;
use writer::odd_event;

const CASES: u64 = 20_000;
/// Of events that go through enrichment and mapping, too.
const CASES_OF_CHAIN: u64 = 6_000;

fn number_from_environment(name: &str) -> Option<u64> {
    #[allow(clippy::disallowed_methods, reason = "a switch of the test itself")]
    std::env::var(name).ok()?.parse().ok()
}

/// All of redaction, in treatments that change from chain to chain.
fn redaction(kind: u64) -> RedactConfig {
    let treatment = |at: u64| match (kind / 4u64.pow(u32::try_from(at).expect("small"))) % 4 {
        0 => hmac(),
        1 => Treatment::Drop,
        2 => Treatment::Mask { keep_last: 0 },
        _ => replace("R"),
    };
    let steps = vec![
        classes(&[Class::Email], treatment(0)),
        classes(&[Class::ClientIp], if kind.is_multiple_of(5) { Treatment::Truncate } else { treatment(1) }),
        classes(&[Class::Principal, Class::CredentialId], treatment(2)),
        paths(&["**.password", "**.\"secret.value\""], treatment(3)),
        pattern(&["**.message"], "token=[a-z0-9]+", treatment(0)),
        classes(&[Class::Payload], treatment(1)),
    ];
    RedactConfig { keep_headers: vec!["kept".into()], ..config(steps) }
}

/// Parts of every resource name and all that a table could be asked for, to both places.
fn enrichment() -> Enrichment {
    let keys = ["organization", "environment", "user", "identity", "topic"];
    let elements = keys.map(|key| (Part::Element(key.to_owned()), format!("of_{key}")));
    let fields =
        [Field::Principal, Field::Email, Field::ClientIp, Field::Resource, Field::ErrorMessage, Field::Identity];
    let fields = fields.map(|field| (Part::Field(field), field.as_str().to_owned()));
    let parts = || Adds::Parts(Parts { take: elements.iter().chain(&fields).cloned().collect() });
    Enrichment { adds: vec![(Place::Fields, parts()), (Place::Event, parts())] }
}

fn chain(kind: u64) -> Chain {
    Chain::new(&ChainConfig { redact: redaction(kind), ..ChainConfig::default() })
}

fn chain_with_all(kind: u64) -> Chain {
    let to = [Model::Cim, Model::Ocsf, Model::Ecs][usize::try_from(kind % 3).expect("small")];
    let place = match kind % 4 {
        0 => MapPlace::Event { raw: false },
        1 => MapPlace::Event { raw: to != Model::Cim },
        _ => MapPlace::Member("mapped".to_owned()),
    };
    let map = Some(MapConfig { to, place });
    Chain::new(&ChainConfig { redact: redaction(kind), enrichment: enrichment(), map, ..ChainConfig::default() })
}

/// Sends events through chains and looks at everything that leaves.
fn assert_no_canary_leaves(
    name: &str,
    cases: u64,
    event: fn(u64) -> (String, Vec<String>),
    chain: fn(u64) -> Chain,
    look: fn(&Cleared<'_>),
) {
    let cases = number_from_environment("PROPTEST_CASES").unwrap_or(cases);
    let first = number_from_environment("CANARY_SEED").unwrap_or_else(|| fastrand::u64(..1 << 48));
    let mut chains: Vec<Chain> = (0..64).map(|kind| chain(kind * 37 % 256)).collect();
    let mut canaries_seen = 0u64;
    for seed in first..first + cases {
        let (text, canaries) = event(seed);
        assert!(serde_json::from_str::<serde_json::Value>(&text).is_ok(), "seed {seed}: the generator wrote {text}");
        canaries_seen += canaries.len() as u64;
        let mut flat = Vec::new();
        let secret = canaries.first().map_or("", String::as_str);
        headers::push(&mut flat, "kept", Some(b"harmless"));
        headers::push(&mut flat, "other", Some(secret.as_bytes()));
        let record = Record {
            topic: "audit",
            partition: PartitionId::new(0),
            offset: Offset::new(0),
            timestamp_ms: None,
            key: Some(secret.as_bytes()),
            value: Some(text.as_bytes()),
            headers: &flat,
        };
        let chain = &mut chains[usize::try_from(seed % 64).expect("small")];
        match chain.clear(record) {
            Verdict::Cleared(cleared) => {
                let record = cleared.record();
                let value = record.value.expect("not empty");
                assert_none_left(value, &canaries, seed, &text);
                assert_none_left(cleared.enrichment().as_bytes(), &canaries, seed, &text);
                assert!(
                    serde_json::from_slice::<serde_json::Value>(value).is_ok_and(|value| value.is_object()),
                    "seed {seed}"
                );
                assert_eq!(record.key, None);
                assert_eq!(headers::iter(record.headers).collect::<Vec<_>>(), [("kept", Some(&b"harmless"[..]))]);
                look(&cleared);
            }
            Verdict::Filtered(_) => unreachable!("there is no rule"),
            Verdict::Unclear(_, failure) => unreachable!("seed {seed}: {failure}: {text}"),
        }
    }
    #[allow(clippy::print_stderr, reason = "the record of a long run")]
    {
        eprintln!("{name}: {cases} events from seed {first}, {canaries_seen} canaries, 0 left");
    }
}

#[test]
fn no_canary_leaves() {
    assert_no_canary_leaves("redaction", CASES, odd_event, chain, |_| {});
}

#[test]
fn no_canary_leaves_through_enrichment_and_mapping() {
    assert_no_canary_leaves("whole chain", CASES_OF_CHAIN, real_event, chain_with_all, |cleared| {
        let event: serde_json::Value =
            serde_json::from_slice(cleared.record().value.unwrap_or_default()).expect("JSON");
        assert!(event.get("enrichment").is_some(), "{event}");
        assert!(!cleared.enrichment().is_empty());
    });
}

#[test]
fn no_canary_leaves_an_odd_event_through_enrichment_and_mapping() {
    assert_no_canary_leaves("whole chain, odd events", CASES_OF_CHAIN, odd_event, chain_with_all, |_| {});
}
