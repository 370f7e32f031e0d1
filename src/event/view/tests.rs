//! The view against a second, simple one, on the samples and on odd versions of them.

#[allow(clippy::wildcard_enum_match_arm, reason = "the kinds of JSON values are as many as they will ever be")]
mod mutation;
#[allow(
    clippy::wildcard_enum_match_arm,
    clippy::too_many_lines,
    clippy::ptr_arg,
    clippy::type_complexity,
    reason = "it is written to be compared with the documentation, one line a field"
)]
mod reference;

use std::borrow::Cow;

use fastrand::Rng;
use proptest::prelude::*;

use super::*;
use crate::event::Tape;
use crate::event::crn::Crn;
use mutation::Oddity;

const SAMPLES: &str = include_str!("../../demo/sample-events.jsonl");

fn listed(view: &View<'_>, field: Field) -> Vec<String> {
    let mut listed = Vec::new();
    view.each(field, &mut |text| listed.push(text.into_owned()));
    listed
}

/// Everything that is claimed of any event.
fn check(event: &str) {
    let mut tape = Tape::default();
    let document = tape.read(event.as_bytes()).expect("an object");
    let view = View::new(&document);
    let parsed: serde_json::Value = serde_json::from_str(event).expect("an object");
    for field in Field::ALL {
        let values = listed(&view, *field);
        assert_eq!(values, reference::values(&parsed, *field), "{} of {event}", field.as_str());
        assert_eq!(view.text(*field).as_deref(), values.first().map(String::as_str), "{} of {event}", field.as_str());
        assert!(values.iter().all(|value| !value.is_empty()), "{} of {event}", field.as_str());
    }
    assert_eq!(view.is(Field::Denied), view.text(Field::Outcome).as_deref() == Some("failure"));
    check_places(&view, event);
}

/// What the view gives can be found, and what is asked of one field alone is what is asked of it among all.
fn check_places(view: &View<'_>, event: &str) {
    let all = places(view.document(), Field::ALL.iter().copied().collect());
    for field in Field::ALL {
        let found: Vec<&(Field, usize, String)> = all.iter().filter(|(of, ..)| of == field).collect();
        let alone = places(view.document(), Fields::NONE.with(*field));
        assert!(found.iter().copied().eq(&alone), "{} of {event}", field.as_str());
        assert!(!field.is_derived() || found.is_empty(), "{} has no place", field.as_str());
        for value in listed(view, *field).into_iter().filter(|_| !field.is_derived()) {
            let is_found = found.iter().any(|(_, _, text)| stands_for(text, &value, *field));
            assert!(is_found, "{} `{value}` in none of {found:?} of {event}", field.as_str());
        }
    }
}

/// Of each place the field, the value and the text of the part, in order.
fn places(document: &Document<'_>, fields: Fields) -> Vec<(Field, usize, String)> {
    let mut places = Vec::new();
    Places::of(fields).each(document, &mut |place| {
        let whole = place.value.text().unwrap_or_else(|| String::from_utf8_lossy(place.value.raw()));
        let text = match place.part {
            Some(part) => &whole[part],
            None => &whole[..],
        };
        assert!(!text.is_empty());
        places.push((place.field, place.value.index(), text.to_owned()));
    });
    assert!(places.is_sorted_by_key(|(_, value, _)| *value), "in the order of the text");
    places
}

fn stands_for(place: &str, value: &str, field: Field) -> bool {
    let encoded = format!("x={place}");
    let decoded = Crn::of_path(&encoded).last().and_then(|element| element.value().map(Cow::into_owned));
    let spelled = || resource_type::spelled(Cow::Borrowed(place)) == value;
    // Of a certificate's name the whole is redacted when only its common name was shown.
    let is_in_name = || matches!(field, Field::Email | Field::CredentialId) && place.contains(value);
    place == value || decoded.as_deref() == Some(value) || (field == Field::ResourceType && spelled()) || is_in_name()
}

#[test]
fn the_samples_are_read_as_the_reference_reads_them() {
    SAMPLES.lines().for_each(check);
}

#[test]
fn nothing_is_allocated_for_an_event_as_it_usually_is() {
    let mut tape = Tape::default();
    for event in SAMPLES.lines() {
        let document = tape.read(event.as_bytes()).expect("an object");
        let view = View::new(&document);
        for field in Field::ALL {
            let text = view.text(*field);
            assert!(!matches!(text, Some(Cow::Owned(_))), "{}: {text:?}", field.as_str());
        }
    }
}

/// The parts that are found for one field.
fn parts(field: Field, event: &str) -> Vec<String> {
    let mut tape = Tape::default();
    let document = tape.read(event.as_bytes()).expect("an object");
    places(&document, Fields::NONE.with(field)).into_iter().map(|(_, _, part)| part).collect()
}

#[test]
fn values_are_found_in_every_spelling_at_any_depth_and_when_repeated() {
    let event = r#"{"data":{"CLIENT-IP":"1.1.1.1","a":[{"client\u0049p":"/2.2.2.2"}],"clientIp":3,"clientIp":{"v":["x/4::4",null]}}}"#;
    assert_eq!(parts(Field::ClientIp, event), ["1.1.1.1", "2.2.2.2", "3", "4::4"]);
    let event = r#"{"data":{"requestMetadata":{"client_address":[{"IP":"1.1.1.1","port":80},"5.5.5.5"]}}}"#;
    assert_eq!(parts(Field::ClientIp, event), ["1.1.1.1", "5.5.5.5"]);
    let event = r#"{"id":"a","ID":"b","data":{"id":"c"},"i\u0064":{"x":"d"}}"#;
    assert_eq!(parts(Field::Id, event), ["a", "b", "d"], "only in the envelope");
}

#[test]
fn addresses_are_found_within_any_text() {
    for (event, expected) in [
        (r#"{"x":"crn://a/sso-connection=c/identity=user@confluent.io"}"#, &["user@confluent.io"][..]),
        (r#"{"x":"crn://a/identity=user%2Bx%40confluent.io/u=a@b.c"}"#, &["user%2Bx%40confluent.io", "a@b.c"]),
        (r#"{"x":"CN=a@b.c, OU=x; <d.e@f-g.h>. k@"}"#, &["a@b.c", "d.e@f-g.h"]),
        (r#"{"x":"User:ü@ö.de"}"#, &["ü@ö.de"]),
        (r#"{"x":"\u0061\u0040b.c"}"#, &["a@b.c"]),
        (r#"{"email":{"value":"not an address"},"E_Mail":7}"#, &["not an address", "7"]),
        (r#"{"x":"@","y":"a@","z":"@b","w":"@timestamp @ x"}"#, &[]),
        (r#"{"x":"a@b@c.d"}"#, &["a@b"]),
    ] {
        assert_eq!(parts(Field::Email, event), expected, "{event}");
    }
}

#[test]
fn principals_are_found_by_name_by_prefix_and_in_resource_names() {
    for (event, expected) in [
        (r#"{"principal":"User:u-1","p":"User:x","q":"sa-1abc2d","r":"u-turn ahead"}"#, &["u-1", "x", "sa-1abc2d"][..]),
        (r#"{"data":{"principal":{"newKind":{"id":"z"},"email":"a@b.c","type":"T"}}}"#, &["z"]),
        (
            r#"{"x":"crn://a/organization=o/user=u-1/service-account=sa-2/topic=t/identity=a@b.c"}"#,
            &["u-1", "sa-2", "a@b.c"],
        ),
        (r#"{"idTokenCredentials":{"subject":"2927000","issuer":"i"},"subject":"s"}"#, &["2927000"]),
        (r#"{"principal":123456,"principal":"\u0055ser:9"}"#, &["123456", "9"]),
    ] {
        assert_eq!(parts(Field::Principal, event), expected, "{event}");
    }
}

#[test]
fn parts_of_the_hierarchy_are_found_by_type_by_prefix_and_in_scopes() {
    let event = r#"{"a":["organization=o-1","environment=env-1/kafka=lkc-1"],"b":{"resource_id":"o-2","TYPE":"organization"},"c":"lsrc-1"}"#;
    assert_eq!(parts(Field::Organization, event), ["o-1", "o-2"]);
    assert_eq!(parts(Field::Environment, event), ["env-1"]);
    assert_eq!(parts(Field::Cluster, event), ["lkc-1", "lsrc-1"]);
}

#[test]
fn an_event_with_two_that_could_be_meant_is_known_to_have_them() {
    let mut tape = Tape::default();
    for (event, is_ambiguous) in [
        (r#"{"data":{"methodName":"a","method_name":"b"}}"#, true),
        (r#"{"data":{"methodName":"a","methodName":"a"}}"#, true),
        (r#"{"data":{},"data":{"methodName":"a"}}"#, true),
        (r#"{"data":{"methodName":"a"}}"#, false),
    ] {
        let document = tape.read(event.as_bytes()).expect("an object");
        assert_eq!(View::new(&document).text(Field::Method).as_deref(), Some("a"), "{event}");
        assert_eq!(document.met_repeated(), is_ambiguous, "{event}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn odd_versions_of_the_samples_are_read_as_the_reference_reads_them(seed in any::<u64>()) {
        let samples: Vec<&str> = SAMPLES.lines().collect();
        let mut rng = Rng::with_seed(seed);
        let event = serde_json::from_str(samples[rng.usize(..samples.len())]).expect("a sample");
        let mut coin = || rng.bool();
        let oddity = Oddity {
            renamed: coin(),
            escaped: coin(),
            shuffled: coin(),
            repeated: coin(),
            mistyped: coin(),
            grafted: coin(),
        };
        check(&mutation::odd(&event, oddity, &mut rng));
    }
}
