//! Tests of enrichment through its configuration: what a user writes, and what becomes of an event.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use ::metrics::{Counter, CounterFn};
use proptest::prelude::*;
use serde_json::{Value, json};

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
mod tables;

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
    let (geo, database) = file("geo.mmdb", tables::city());
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
