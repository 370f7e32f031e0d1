//! The sample corpus, redacted in full: nothing that identifies anybody is left in any byte.

use std::collections::BTreeSet;

use super::super::vocabulary::is_vocabulary;
use super::*;
use crate::defaults::REDACT_SWEEP_MIN;
use crate::event::{Field, Fields, Places};

const CORPUS: &str = include_str!("../../../demo/sample-events.jsonl");

/// What a person would call an address or an identifier, found by other means than those of redaction.
fn identifying(event: &str) -> BTreeSet<String> {
    let patterns = [
        r"[A-Za-z0-9._+-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+",
        r"\b\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}\b",
        r"\b2001:db8:[0-9a-f:]+",
        r"\b(?:u|sa|pool)-[a-z0-9]{4,}\b",
        r#"(?:User:|"user[iI]d": ?")([A-Za-z0-9-]{4,})"#,
    ];
    let found = patterns.iter().flat_map(|pattern| {
        let pattern = Regex::new(pattern).expect("a pattern");
        let found =
            pattern.captures_iter(event).map(|found| found.get(found.len() - 1).expect("there").as_str().to_owned());
        found.collect::<Vec<_>>()
    });
    found.collect()
}

fn everything(treatment: &dyn Fn() -> Treatment) -> Vec<StepConfig> {
    vec![
        classes(&[Class::Email, Class::ClientIp, Class::Principal, Class::CredentialId], treatment()),
        StepConfig {
            keep_members: crate::defaults::REDACT_KEEP_MEMBERS.iter().map(|name| (*name).to_owned()).collect(),
            ..classes(&[Class::Payload], replace("[{length}]"))
        },
    ]
}

#[test]
fn no_address_and_no_identifier_is_left_in_any_sample() {
    let mut seen = 0;
    for treatment in
        [&hmac as &dyn Fn() -> Treatment, &|| Treatment::Drop, &|| Treatment::Mask { keep_last: 0 }, &|| replace("R")]
    {
        let mut redactor = redactor(everything(treatment));
        for event in CORPUS.lines() {
            let left = try_redact(&mut redactor, event).expect("redacted");
            for secret in identifying(event) {
                seen += 1;
                assert!(
                    !left.to_lowercase().contains(&secret.to_lowercase()),
                    "{secret} is left in\n{left}\nof\n{event}"
                );
            }
            assert!(serde_json::from_str::<serde_json::Value>(&left).is_ok_and(|left| left.is_object()), "{left}");
        }
    }
    assert!(seen > 4 * 200, "the corpus holds many: {seen}");
}

#[test]
fn what_tells_what_happened_stays() {
    let mut redactor = redactor(everything(&hmac));
    for event in CORPUS.lines() {
        let left: serde_json::Value =
            serde_json::from_str(&try_redact(&mut redactor, event).expect("redacted")).expect("JSON");
        let event: serde_json::Value = serde_json::from_str(event).expect("JSON");
        for path in [
            "/id",
            "/type",
            "/time",
            "/data/methodName",
            "/data/result/status",
            "/data/authorizationInfo/granted",
            "/data/authorizationInfo/operation",
            "/data/request/accessType",
            "/data/authenticationInfo/metadata/mechanism",
        ] {
            assert_eq!(left.pointer(path), event.pointer(path), "{path}");
        }
    }
}

/// The view looks for places in a way of its own.
#[test]
fn every_place_that_the_view_knows_is_redacted() {
    let mut seen = 0;
    for class in Class::FIELDS {
        let field = Field::parse(class.as_str()).expect("a canonical field");
        let places = Places::of(Fields::NONE.with(field));
        let mut redactor = redactor(vec![classes(&[class], replace("R"))]);
        for event in CORPUS.lines() {
            let mut tape = Tape::default();
            let document = tape.read(event.as_bytes()).expect("an object");
            let mut values = BTreeSet::new();
            places.each(&document, &mut |place| {
                let text = place.value.text().map_or_else(String::new, std::borrow::Cow::into_owned);
                values.insert(place.part.map_or(text.clone(), |part| text[part].to_owned()));
            });
            let left = try_redact(&mut redactor, event).expect("redacted");
            // Short words and those of the vocabulary are redacted in their places only, and may stand elsewhere.
            let is_searched_for = |value: &&String| {
                let word = value.to_lowercase();
                value.len() >= REDACT_SWEEP_MIN && word != "none:unknown_user" && !is_vocabulary(word.as_bytes())
            };
            for value in values.iter().filter(is_searched_for) {
                seen += 1;
                assert!(!left.contains(value.as_str()), "{field:?}: {value} is left in\n{left}");
            }
        }
    }
    assert!(seen > 400, "the corpus holds many: {seen}");
}

#[test]
fn equal_principals_have_equal_pseudonyms_in_all_samples() {
    let mut redactor = redactor(everything(&hmac));
    let token = Key::new(&Secret::new("a key of some length".into()), Some("k1")).pseudonym("sa-1abc2d");
    let mut seen = 0;
    for event in CORPUS.lines().filter(|event| event.contains("sa-1abc2d")) {
        assert!(try_redact(&mut redactor, event).expect("redacted").contains(&token), "{event}");
        seen += 1;
    }
    assert!(seen > 10);
}
