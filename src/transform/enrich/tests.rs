//! Tests of enrichment through its configuration: what a user writes, and what becomes of an event.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use ::metrics::{Counter, CounterFn};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::testing::database;
use super::*;
use crate::config::{Config, Environment, SinkConfig, load_text};
use crate::event::Record;
use crate::position::{Offset, PartitionId};
use crate::reload::News;
use crate::transform::Chain;

mod broken;
mod mapped;
mod redacted;
mod reloading;

/// Counts by table and result.
#[derive(Debug, Default)]
pub(super) struct Recorder(Mutex<Vec<(String, Arc<Tally>)>>);

#[derive(Debug, Default)]
struct Tally(AtomicU64);

impl CounterFn for Tally {
    fn increment(&self, value: u64) {
        self.0.fetch_add(value, Ordering::Relaxed);
    }

    fn absolute(&self, value: u64) {
        self.0.store(value, Ordering::Relaxed);
    }
}

impl Recorder {
    fn counter(&self, name: String) -> Counter {
        let tally = Arc::new(Tally::default());
        self.0.lock().unwrap().push((name, Arc::clone(&tally)));
        Counter::from_arc(tally)
    }

    /// What is not zero: `table hit 3`.
    fn seen(&self) -> Vec<String> {
        let list = self.0.lock().unwrap();
        let counts = list.iter().map(|(name, tally)| (name, tally.0.load(Ordering::Relaxed)));
        counts.filter(|(_, count)| *count > 0).map(|(name, count)| format!("{name} {count}")).collect()
    }
}

impl Counting for Recorder {
    fn look(&self, table: &str, result: &'static str) -> Counter {
        self.counter(format!("{table} {result}"))
    }

    fn left_out(&self) -> Counter {
        self.counter("left out".to_owned())
    }
}

/// A configuration with these steps.
pub(super) fn load(steps: &Value) -> Result<Config, String> {
    load_with(steps, json!({}))
}

/// As [`load`], with more keys in the sink.
pub(super) fn load_with(steps: &Value, sink: Value) -> Result<Config, String> {
    let mut hec = json!({"endpoints": ["https://h:8088"], "delivery": "accepted", "token": "${T}"});
    hec.as_object_mut().unwrap().extend(sink.as_object().unwrap().clone());
    let file = json!({
        "sources": {"a": {"kafka": {"bootstrap_servers": "b:9092", "topics": ["t"]}}},
        "pipelines": {"p": {"source": "a", "transforms": steps, "sink": {"splunk_hec": hec}}},
    });
    let environment: Environment = [("T", "t")].into_iter().collect();
    let (config, warnings) =
        load_text(Path::new("f.yaml"), &file.to_string(), &environment).map_err(|errors| errors.to_string())?;
    assert!(warnings.is_empty(), "{}", warnings[0]);
    Ok(config)
}

pub(super) struct Rig {
    chain: Chain,
    pub(super) config: Config,
    recorder: Recorder,
}

impl Rig {
    pub(super) fn new(steps: Value) -> Self {
        let config = load(&steps).unwrap_or_else(|errors| panic!("{errors}"));
        let recorder = Recorder::default();
        let chain = Chain::counting(&config.pipelines[0].chain, &|_| Counter::noop(), &recorder);
        Self { chain, config, recorder }
    }

    /// The event as it leaves, and the fields beside it.
    pub(super) fn clear(&mut self, payload: &str) -> (String, Value) {
        let event = self.chain.clear(record(payload.as_bytes())).cleared().expect("nothing is dropped");
        let value = String::from_utf8(event.record().value.unwrap().to_vec()).unwrap();
        let fields = format!("{{{}}}", event.enrichment());
        (value, serde_json::from_str(&fields).unwrap_or_else(|error| panic!("{error}: {fields}")))
    }

    #[track_caller]
    pub(super) fn assert_fields(&mut self, payload: &str, expected: Value) {
        let (value, fields) = self.clear(payload);
        assert_eq!(fields, expected, "{payload}");
        assert_eq!(value, payload, "the event is not touched");
    }

    fn seen(&self) -> Vec<String> {
        self.recorder.seen()
    }
}

fn record(payload: &[u8]) -> Record<'_> {
    Record {
        topic: "t",
        partition: PartitionId::new(0),
        offset: Offset::new(0),
        timestamp_ms: None,
        key: None,
        value: Some(payload),
        headers: &[],
    }
}

/// A folder with this file, and the file's path.
pub(super) fn file(name: &str, content: impl AsRef<[u8]>) -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    fs::write(&path, content).unwrap();
    let path = path.display().to_string();
    (folder, path)
}

#[test]
fn without_steps_nothing_is_added_and_nothing_is_copied() {
    let mut rig = Rig::new(json!([]));
    let payload = br#"{"id":"1"}"#;
    let event = rig.chain.clear(record(payload)).cleared().unwrap();
    assert_eq!(event.record().value.unwrap().as_ptr(), payload.as_ptr());
    assert_eq!(event.enrichment(), "");
}

#[test]
fn fixed_texts_and_lists_stand_beside_every_event_whatever_it_is() {
    let mut rig = Rig::new(json!([
        {"enrich": {"fields": {"team": "soc \"1\"\\", "site": ["eu", "de"]}}},
        {"enrich": {"fields": {"third": "ü"}}},
    ]));
    for payload in [r#"{"id":"1"}"#, "[1]", "no JSON", ""] {
        rig.assert_fields(payload, json!({"team": "soc \"1\"\\", "site": ["eu", "de"], "third": "ü"}));
    }
}

#[test]
fn a_row_is_found_by_the_key_and_what_is_unknown_gets_the_default() {
    let csv = "id,owner,team,note\nsa-1,alice,pay,\nsa-2,\"Bob, jr.\",,\"said \"\"no\"\"\"\n";
    let (_folder, path) = file("owners.csv", csv);
    let mut rig = Rig::new(json!([{"enrich": {"lookup": {
        "file": path, "field": "id", "take": {"owner": "owner", "team": "owner_team", "note": "n"}, "prefix": "x_",
        "default": {"x_owner": "nobody"},
    }}}]));
    rig.assert_fields(r#"{"id":"sa-1"}"#, json!({"x_owner": "alice", "x_owner_team": "pay"}));
    rig.assert_fields(r#"{"id":"sa-2"}"#, json!({"x_owner": "Bob, jr.", "x_n": "said \"no\""}));
    rig.assert_fields(r#"{"id":"sa\u002d1"}"#, json!({"x_owner": "alice", "x_owner_team": "pay"}));
    rig.assert_fields(r#"{"id":"SA-1"}"#, json!({"x_owner": "nobody"}));
    rig.assert_fields(r#"{"id":1}"#, json!({}));
    rig.assert_fields("[]", json!({}));
    assert_eq!(rig.seen(), ["owners hit 3", "owners miss 1", "owners no_key 2"]);
}

#[test]
fn without_take_all_columns_but_the_keys_are_added() {
    let (_folder, path) = file("t.csv", "owner,id,team\nalice,sa-1,pay\n");
    let mut rig = Rig::new(json!([{"enrich": {"lookup": {"file": path, "field": "id", "column": "id"}}}]));
    rig.assert_fields(r#"{"id":"sa-1"}"#, json!({"owner": "alice", "team": "pay"}));
}

#[test]
fn case_counts_unless_told_otherwise_and_never_for_methods() {
    let (_folder, path) = file("m.json", r#"{"Kafka.CreateTopics": "create"}"#);
    let lookup = |field: &str, more: Value| {
        let mut lookup = json!({"file": path, "field": field, "take": {"value": "kind"}});
        lookup.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        Rig::new(json!([{"enrich": {"lookup": lookup}}]))
    };
    let by_id = r#"{"id":"kafka.createtopics"}"#;
    lookup("id", json!({})).assert_fields(by_id, json!({}));
    lookup("id", json!({"ignore_case": true})).assert_fields(by_id, json!({"kind": "create"}));
    let by_method = r#"{"data":{"methodName":"kafka.CREATETopics"}}"#;
    lookup("method", json!({})).assert_fields(by_method, json!({"kind": "create"}));
}

#[test]
fn tables_are_read_in_every_form() {
    let row = json!({"owner": "alice", "team": "pay"});
    for (name, content, column) in [
        ("t.csv", "id,owner,team\nk,alice,pay\n", None),
        ("t.csv", "\u{feff}id;owner;team\r\nk;alice;pay\r\n", None),
        ("t.tsv", "owner\tteam\tid\nalice\tpay\tk", Some("id")),
        ("t.csv", " id , owner,team\n\n  k,  alice ,\"pay\"\n", None),
        ("t.json", r#"{"k": {"owner": "alice", "team": "pay"}}"#, None),
        ("t.json", r#"[{"id": "k", "owner": "alice", "team": "pay", "other": null}]"#, Some("id")),
        ("t", r#" {"x": {"n": "k", "owner": "alice", "team": "pay"}}"#, Some("n")),
        ("t", "id,owner,team\nk,alice,pay\n", None),
        ("t.JSON", r#"{"\u006b": {"o\u0077ner": "al\u0069ce", "team": "pay"}}"#, None),
    ] {
        let (_folder, path) = file(name, content);
        let mut lookup = json!({"file": path, "field": "id", "take": ["owner", "team"]});
        if let Some(column) = column {
            lookup["column"] = json!(column);
        }
        let mut rig = Rig::new(json!([{"enrich": {"lookup": lookup}}]));
        rig.assert_fields(r#"{"id":"k"}"#, row.clone());
    }
}

#[test]
fn json_values_become_texts_or_lists_of_texts_and_null_is_missing() {
    let content = r#"{"k": {"n": 1.50, "b": true, "none": null, "list": ["a", "b"], "t": "x"}}"#;
    let (_folder, path) = file("t.json", content);
    let mut rig = Rig::new(json!([{"enrich": {"lookup": {"file": path, "field": "id"}}}]));
    rig.assert_fields(r#"{"id":"k"}"#, json!({"n": "1.50", "b": "true", "list": ["a", "b"], "t": "x"}));
}

#[test]
fn an_address_gets_what_its_network_is_called() {
    let (_folder, path) = file("sites.csv", "network,site,zone\n10.0.0.0/8,hq,inside\n10.9.0.0/16,lab,test\n");
    let mut rig = Rig::new(json!([
        {"enrich": {"networks": {"field": "id", "inline": {"10.0.0.0/8": "internal", "2001:db8::/32": "six"},
                                 "default": {"client_network": "external"}}}},
        {"enrich": {"networks": {"field": "id", "file": path, "prefix": "c_"}}},
    ]));
    let expected = json!({"client_network": "internal", "c_site": "lab", "c_zone": "test"});
    rig.assert_fields(r#"{"id":"10.9.1.1"}"#, expected);
    rig.assert_fields(r#"{"id":"2001:db8::17"}"#, json!({"client_network": "six"}));
    rig.assert_fields(r#"{"id":"192.0.2.1"}"#, json!({"client_network": "external"}));
    rig.assert_fields(r#"{"id":"no address"}"#, json!({"client_network": "external"}));
    rig.assert_fields("{}", json!({}));
    assert_eq!(
        rig.seen(),
        ["networks hit 2", "networks miss 2", "networks no_key 1", "sites hit 1", "sites miss 3", "sites no_key 1"]
    );
}

#[test]
fn a_file_of_single_values_gets_one_name() {
    let (_folder, path) = file("n.json", r#"{"10.0.0.0/8": "internal"}"#);
    let mut rig = Rig::new(json!([{"enrich": {"networks": {"field": "id", "file": path, "into": "net"}}}]));
    rig.assert_fields(r#"{"id":"10.0.0.1"}"#, json!({"net": "internal"}));
}

fn city() -> Vec<u8> {
    let place = json!({
        "continent": {"code": "EU", "names": {"de": "Europa", "en": "Europe"}},
        "country": {"geoname_id": 1, "iso_code": "NO", "names": {"de": "Norwegen", "en": "Norway"}},
        "subdivisions": [{"iso_code": "03", "names": {"en": "Oslo County"}}, {"names": {"en": "second"}}],
        "city": {"names": {"en": "Oslo \"Q\""}},
        "location": {"latitude": 59.5, "longitude": 10.25, "time_zone": "Europe/Oslo"},
    });
    let other = json!({"country": {"iso_code": "SE"}});
    let damaged = json!({"country": "SE"});
    database("GeoLite2-City", &[("203.0.113.0/24", place), ("2001:db8::/32", other), ("192.0.2.0/24", damaged)])
}

#[test]
fn a_geoip_database_gives_names_and_coordinates_only_when_asked() {
    let (_folder, path) = file("GeoLite2-City.mmdb", city());
    let mut rig = Rig::new(json!([
        {"enrich": {"geoip": {"field": "id", "file": path}}},
        {"enrich": {"geoip": {"name": "all", "field": "id", "file": path, "prefix": "", "take": [
            "continent", "region", "latitude", "longitude", "asn"]}}},
    ]));
    rig.assert_fields(
        r#"{"id":"203.0.113.20"}"#,
        json!({"client_country": "Norway", "client_country_code": "NO", "client_city": "Oslo \"Q\"",
               "continent": "Europe", "region": "Oslo County", "latitude": "59.5", "longitude": "10.25"}),
    );
    rig.assert_fields(r#"{"id":"2001:db8::1"}"#, json!({"client_country_code": "SE"}));
    rig.assert_fields(r#"{"id":"198.51.100.1"}"#, json!({}));
    rig.assert_fields(r#"{"id":"192.0.2.1"}"#, json!({}));
    rig.assert_fields(r#"{"id":"x"}"#, json!({}));
    let expected = ["GeoLite2-City hit 2", "GeoLite2-City miss 2", "GeoLite2-City unreadable 1"];
    assert_eq!(rig.seen()[..3], expected);
}

#[test]
fn an_asn_database_gives_the_autonomous_system() {
    let system = json!({"autonomous_system_number": 64_500, "autonomous_system_organization": "Example"});
    let (_folder, path) = file("asn.mmdb", database("GeoLite2-ASN", &[("10.0.0.0/8", system)]));
    let mut rig = Rig::new(json!([{"enrich": {"geoip": {"field": "id", "file": path}}}]));
    rig.assert_fields(r#"{"id":"10.2.3.4"}"#, json!({"client_asn": "64500", "client_as_organization": "Example"}));
}

#[test]
fn a_member_of_the_event_stands_before_its_last_brace() {
    let mut rig =
        Rig::new(json!([{"enrich": {"place": "event", "fields": {"a": "1"}}}, {"enrich": {"fields": {"f": "2"}}}]));
    for (before, after) in [
        (r#"{"id":"1""#, "}"),
        ("{\r\n \"id\" : \"1\"\t", "}  \n"),
        (r#"{"data":{"enrichment":{"x":1}}"#, "}"),
        (r#"{"Enrichment":1"#, "}"),
    ] {
        let (value, fields) = rig.clear(&format!("{before}{after}"));
        assert_eq!(value, format!("{before},\"enrichment\":{{\"a\":\"1\"}}{after}"));
        assert_eq!(fields, json!({"f": "2"}));
    }
    assert_eq!(rig.clear(" { } ").0, " { \"enrichment\":{\"a\":\"1\"}} ");
    assert_eq!(rig.seen(), [""; 0]);
}

#[test]
fn an_event_with_such_a_member_keeps_it_however_it_is_spelt() {
    let mut rig =
        Rig::new(json!([{"enrich": {"place": "event", "fields": {"a": "1"}}}, {"enrich": {"fields": {"f": "2"}}}]));
    for payload in [
        r#"{"enrichment":{"of":"Confluent"}}"#,
        r#"{"enrichment":null,"id":"1"}"#,
        r#"{"\u0065nrich\u006dent":1}"#,
        r#"{"enrichment":1,"enrichment":2}"#,
        "[1]",
        "text",
    ] {
        rig.assert_fields(payload, json!({"f": "2"}));
    }
    assert_eq!(rig.seen(), ["left out 6"]);
}

/// So a dead letter that is sent again does not gather members.
#[test]
fn an_event_that_was_enriched_before_stays_as_it_is() {
    let mut rig = Rig::new(json!([{"enrich": {"place": "event", "fields": {"a": "1"}}}]));
    let once = rig.clear(r#"{"id":"1"}"#).0;
    assert_eq!(rig.clear(&once).0, once);
}

#[test]
fn names_are_apart_by_place() {
    let mut rig = Rig::new(json!([
        {"enrich": {"fields": {"a": "beside"}}},
        {"enrich": {"place": "event", "fields": {"a": "within", "kafka_topic": "x"}}},
    ]));
    let (value, fields) = rig.clear("{}");
    assert_eq!(
        (value.as_str(), fields),
        (r#"{"enrichment":{"a":"within","kafka_topic":"x"}}"#, json!({"a": "beside"}))
    );
}

#[test]
fn of_a_resource_name_the_last_element_counts() {
    let crn = "crn://confluent.cloud/organization=o/environment=env-1/topic=a/topic=b=c";
    for (key, expected) in [("topic", Some("b=c")), ("environment", Some("env-1")), ("environ", None), ("group", None)]
    {
        assert_eq!(element(crn, key).as_deref(), expected);
    }
    assert_eq!(element("topic=x", "topic"), None);
}

/// Any document of the kind that reaches the chain, spelt in any way.
fn any_payload() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just(json!(null)),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        prop_oneof![Just("sa-1".to_owned()), Just("10.1.2.3".to_owned()), any::<String>()].prop_map(Value::from),
    ];
    let name =
        prop_oneof![Just("id".to_owned()), Just("enrichment".to_owned()), Just("data".to_owned()), any::<String>()];
    let value = leaf.prop_recursive(4, 32, 5, move |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::hash_map(name.clone(), inner, 0..5)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    });
    let spelt = (value, any::<bool>(), any::<bool>()).prop_map(|(value, pretty, escaped)| {
        let text = if pretty { serde_json::to_string_pretty(&value) } else { serde_json::to_string(&value) };
        let text = text.expect("a document");
        if escaped { text.replace("\"enrichment\"", "\"\\u0065nrichment\"") } else { text }
    });
    prop_oneof![4 => spelt, 1 => any::<String>(), 1 => Just("{}".to_owned())]
}

proptest! {
    #[test]
    fn whatever_the_event_it_is_only_ever_added_to(payload in any_payload(), more in "[ \n]{0,2}") {
        thread_local! {
            static RIG: std::cell::RefCell<(Vec<tempfile::TempDir>, Rig)> = std::cell::RefCell::new(rig_of_everything());
        }
        let payload = format!("{more}{payload}{more}");
        RIG.with_borrow_mut(|(_, rig)| check_only_added(rig, &payload))?;
    }
}

fn rig_of_everything() -> (Vec<tempfile::TempDir>, Rig) {
    let (owners, path) =
        file("owners.json", r#"{"sa-1": {"owner": "al\"ice", "list": ["x", "y"]}, "": {"owner": "empty"}}"#);
    let (geo, database) = file("geo.mmdb", city());
    let steps = |place: &str| {
        json!({"enrich": {
            "place": place,
            "fields": {"team": "soc"},
            "lookup": {"name": format!("owners-{place}"), "file": path, "field": "id"},
            "networks": {"name": format!("nets-{place}"), "field": "id", "inline": {"10.0.0.0/8": "internal"}},
            "geoip": {"name": format!("geo-{place}"), "field": "id", "file": database},
            "crn": {"take": ["environment", "topic"], "prefix": "crn_"},
        }})
    };
    (vec![owners, geo], Rig::new(json!([steps("fields"), steps("event")])))
}

fn check_only_added(rig: &mut Rig, payload: &str) -> Result<(), TestCaseError> {
    let (value, fields) = rig.clear(payload);
    let fields = fields.as_object().expect("an object");
    prop_assert_eq!(&fields["team"], "soc");
    for value in fields.values() {
        let is_text = |value: &Value| value.is_string();
        prop_assert!(is_text(value) || value.as_array().is_some_and(|list| list.iter().all(is_text)));
    }
    let before = serde_json::from_str::<Value>(payload).ok().filter(Value::is_object);
    let Some(mut before) = before.filter(|before| before.get(MEMBER).is_none()) else {
        prop_assert_eq!(value, payload);
        return Ok(());
    };
    let mut after: Value = serde_json::from_str(&value).expect("what was valid stays valid");
    let added = after.as_object_mut().unwrap().remove(MEMBER).expect("it is added");
    prop_assert_eq!(added.as_object(), Some(fields), "both places get the same");
    prop_assert_eq!(&after, &before.take());
    let brace = payload.rfind('}').expect("an object ends");
    prop_assert!(value.starts_with(&payload[..brace]) && value.ends_with(&payload[brace..]));
    Ok(())
}

#[test]
fn in_the_steady_state_nothing_is_allocated() {
    let owners = "id,owner\nUser:sa-1,a\nsa-abc123,b\nu-def456,c\n";
    let (_folder, path) = file("owners.csv", owners);
    let mut rig = Rig::new(json!([{"enrich": {
        "fields": {"team": "soc"},
        "lookup": {"file": path, "field": "principal", "default": {"owner": "unknown"}},
        "networks": {"inline": {"203.0.113.0/24": "cloud"}},
    }}]));
    let events: Vec<&str> = include_str!("../../demo/sample-events.jsonl").lines().collect();
    let mut round = || events.iter().filter(|event| !clear_and_drop(&mut rig, event).is_empty()).count();
    assert_eq!(round(), events.len(), "every event gets something");
    let allocations = allocation_counter::measure(|| {
        round();
    });
    assert_eq!(allocations.count_total, 0, "for {} events", events.len());
    assert!(rig.seen().iter().any(|count| count.starts_with("networks hit")), "{:?}", rig.seen());
}

fn clear_and_drop<'a>(rig: &'a mut Rig, event: &'a str) -> &'a str {
    rig.chain.clear(record(event.as_bytes())).cleared().expect("nothing is dropped").enrichment()
}
