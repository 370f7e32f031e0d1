//! Where the fields stand, what becomes of the raw event, and what the text of an event can never do.

use std::collections::HashSet;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::super::cim::Cim;
use super::super::ecs::Ecs;
use super::super::ocsf::Ocsf;
use super::super::row::{From, Target};
use super::{MODELS, MapConfig, Mapped, Mapper, Model, Place, RECORDED_MS, document, mapped, samples};
use crate::event::{Document, EventTime, Kind, Tape};

fn beside() -> Place {
    Place::Member("cim".to_owned())
}

fn assert_no_member_is_repeated(text: &str) {
    let mut tape = Tape::default();
    let document = tape.read(text.as_bytes()).unwrap_or_else(|| panic!("an object: {text}"));
    for value in document.values().filter(|value| value.kind() == Kind::Object) {
        let mut names = HashSet::new();
        let repeated = value.children().find(|child| !names.insert(child.key().expect("a member").into_owned()));
        assert!(repeated.is_none(), "{repeated:?} in {text}");
    }
}

#[test]
fn beside_the_raw_event_every_byte_of_it_stays() {
    for event in samples() {
        let text = mapped(Model::Cim, beside(), event);
        let (raw, fields) = text.rsplit_once(",\"cim\":").expect("the member");
        assert_eq!(format!("{raw}}}"), event);
        let fields: Value = serde_json::from_str(fields.strip_suffix('}').expect("the end")).expect("an object");
        assert_eq!(fields, document(Model::Cim, event));
        assert_no_member_is_repeated(&text);
    }
}

#[test]
fn a_member_that_the_event_has_is_not_overwritten() {
    for event in [r#"{"cim":1,"data":{"methodName":"SignIn"}}"#, r#"{"c\u0069m":{}}"#] {
        assert_eq!(mapped(Model::Cim, beside(), event), event);
    }
    assert_eq!(mapped(Model::Cim, beside(), r#"{"data":{"cim":1}}"#).matches("\"cim\":").count(), 2);
}

#[test]
fn white_space_around_and_nothing_within_are_no_trouble() {
    let text = mapped(Model::Cim, beside(), " {  } \n");
    let whole: Value = serde_json::from_str(&text).expect("valid");
    assert_eq!(whole, json!({"cim": {"vendor_product": "Confluent Cloud", "dest": "confluent.cloud"}}), "{text}");
}

#[test]
fn what_is_mapped_is_not_mapped_again() {
    for event in samples() {
        for (to, place) in MODELS.into_iter().flat_map(|to| [(to, beside()), (to, Place::Event { raw: true })]) {
            let once = mapped(to, place.clone(), event);
            assert_ne!(once, event);
            assert_eq!(mapped(to, place, &once), once);
        }
    }
}

#[test]
fn the_raw_event_is_kept_as_text_or_not_at_all() {
    for event in samples() {
        for (to, path) in [(Model::Ocsf, "/raw_data"), (Model::Ecs, "/event/original")] {
            let text = mapped(to, Place::Event { raw: true }, event);
            assert_no_member_is_repeated(&text);
            let mut whole: Value = serde_json::from_str(&text).expect("valid");
            let raw = whole.pointer_mut(path).expect("the raw event").take();
            assert_eq!(raw, event);
            assert!(document(to, event).pointer(path).is_none());
        }
    }
}

#[test]
fn the_time_of_the_event_is_known_although_it_stands_elsewhere() {
    let time_of = |event: &str| {
        let mut tape = Tape::default();
        let mapper = Mapper::new(MapConfig { to: Model::Ocsf, place: Place::Event { raw: false } });
        let document = tape.read(event.as_bytes()).expect("an object");
        match mapper.map(&document, Some(RECORDED_MS), &mut Vec::new()) {
            Mapped::Written { time } => time.map(EventTime::micros),
            Mapped::AsItIs => panic!("not mapped"),
        }
    };
    assert_eq!(time_of(r#"{"time":"2021-06-07T18:49:40.331Z"}"#), Some(1_623_091_780_331_000));
    assert_eq!(time_of(r#"{"time":"+999999999-12-31T23:59:59.999999999-18:00"}"#), None);
    assert_eq!(time_of("{}"), None);
}

#[test]
fn without_a_time_of_its_own_an_event_has_that_of_its_record() {
    let event = r#"{"time":"+999999999-12-31T23:59:59.999999999-18:00","data":{"methodName":"SignIn"}}"#;
    assert_eq!(document(Model::Ocsf, event)["time"], RECORDED_MS);
    assert_eq!(document(Model::Ocsf, event)["metadata"]["original_time"], "+999999999-12-31T23:59:59.999999999-18:00");
    assert_eq!(document(Model::Ecs, event)["@timestamp"], "2026-11-02T10:10:10.500Z");
}

#[test]
fn an_address_that_is_none_does_not_stand_where_an_address_is_demanded() {
    let event = r#"{"data":{"methodName":"SignIn","clientAddress":[{"ip":"hmac:k1:abc"},{"ip":"2001:db8::1"}]}}"#;
    let ecs = document(Model::Ecs, event);
    assert_eq!(ecs["source"], json!({"ip": "2001:db8::1", "address": "hmac:k1:abc"}));
    assert_eq!(ecs["related"], json!({"ip": ["2001:db8::1"]}));
    let event = event.replace("2001:db8::1", "hmac:k1:def");
    assert_eq!(document(Model::Ecs, &event)["source"], json!({"address": "hmac:k1:abc"}));
    assert_eq!(document(Model::Ocsf, &event)["src_endpoint"], json!({"name": "hmac:k1:abc"}));
    assert!(document(Model::Ocsf, &event).get("observables").is_none());
    assert_eq!(document(Model::Cim, &event)["src"], "hmac:k1:abc");
}

#[test]
fn an_email_address_that_is_none_is_only_a_name() {
    let event = r#"{"data":{"methodName":"SignIn","authenticationInfo":{"principal":{"email":"hmac:k1:abc"}}}}"#;
    assert_eq!(document(Model::Ocsf, event)["user"], json!({"name": "hmac:k1:abc"}));
}

#[test]
fn a_value_cannot_break_out_of_its_string() {
    let text = "\"},\\ \u{1}\u{8}\n\t\r\u{7f}ü\u{1f600}";
    let event = json!({"id": text, "data": {"methodName": text, "authorizationInfo": {"operation": text}}}).to_string();
    assert_eq!(document(Model::Cim, &event)["command"], text);
    assert_eq!(document(Model::Ecs, &event)["event"]["id"], text);
    let raw = mapped(Model::Ecs, Place::Event { raw: true }, &event);
    assert_eq!(serde_json::from_str::<Value>(&raw).expect("valid")["event"]["original"], event);
}

/// An object that was closed would be opened again, so its name would stand there twice.
fn assert_rows_of_one_object_follow_each_other<T: Target>() {
    let mut closed = HashSet::new();
    let mut open: Vec<&str> = Vec::new();
    for path in T::ROWS.iter().map(|row| row.to) {
        let prefixes: Vec<&str> =
            path.match_indices('.').map(|(at, _)| &path[..at]).chain(std::iter::once(path)).collect();
        for prefix in open.iter().filter(|prefix| !prefixes.contains(prefix)) {
            closed.insert(*prefix);
        }
        assert!(prefixes.iter().all(|prefix| !closed.contains(prefix)), "{path} is apart from the others");
        open = prefixes;
    }
}

#[test]
fn rows_of_one_object_follow_each_other() {
    assert_rows_of_one_object_follow_each_other::<Cim>();
    assert_rows_of_one_object_follow_each_other::<Ocsf>();
    assert_rows_of_one_object_follow_each_other::<Ecs>();
}

#[test]
fn the_mark_is_a_constant_of_the_table() {
    fn has_mark<T: Target>() -> bool {
        let (path, word) = T::MARK;
        T::ROWS
            .iter()
            .any(|row| row.to == path && row.when.is_empty() && matches!(row.from, From::Word(found) if found == word))
    }
    assert!(has_mark::<Cim>() && has_mark::<Ocsf>() && has_mark::<Ecs>());
}

/// Names that the mappings look at, and some that they do not.
fn any_name() -> impl Strategy<Value = String> {
    let known = [
        "data",
        "id",
        "type",
        "time",
        "methodName",
        "method_name",
        "authenticationInfo",
        "principal",
        "confluentUser",
        "resourceId",
        "authorizationInfo",
        "granted",
        "operation",
        "clientAddress",
        "ip",
        "requestMetadata",
        "request",
        "result",
        "status",
        "message",
        "cloudResources",
        "resource",
        "connection_id",
        "role_name",
        "cim",
        "errors",
    ];
    prop_oneof![8 => proptest::sample::select(known.to_vec()).prop_map(str::to_owned), 1 => any::<String>()]
}

fn any_json() -> impl Strategy<Value = Value> {
    let known =
        ["kafka.CreateTopics", "SignIn", "BindRoleForPrincipal", "FAILURE", "1.2.3.4", "io.confluent.cloud/request"];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        proptest::sample::select(known.to_vec()).prop_map(Value::from),
    ];
    leaf.prop_recursive(6, 96, 8, |inner| {
        prop_oneof![
            1 => proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            4 => proptest::collection::vec((any_name(), inner), 0..10)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn whatever_the_event_is_the_mapped_one_is_an_object_without_repeated_members(
        members in proptest::collection::vec((any_name(), any_json()), 0..8),
        recorded in any::<Option<i64>>(),
    ) {
        let event = Value::Object(members.into_iter().collect()).to_string();
        let mut tape = Tape::default();
        let document: Document<'_> = tape.read(event.as_bytes()).expect("an object");
        for to in MODELS {
            for place in [beside(), Place::Event { raw: true }, Place::Event { raw: false }] {
                let mut out = Vec::new();
                if let Mapped::Written { .. } = Mapper::new(MapConfig { to, place }).map(&document, recorded, &mut out) {
                    assert_no_member_is_repeated(std::str::from_utf8(&out).expect("UTF-8"));
                }
            }
        }
    }
}
