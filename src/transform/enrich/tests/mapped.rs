//! Enrichment and mapping together: what is added is not lost when the event takes another form.

use super::*;
use crate::transform::map::config::{MapConfig, Model, Place as MapPlace};

#[test]
fn what_is_added_stands_also_in_an_event_that_took_another_form() {
    let steps = json!([
        {"enrich": {"place": "event", "fields": {"team": "soc"}, "crn": {"take": ["topic"]}}},
        {"enrich": {"fields": {"desk": "1"}}},
    ]);
    let mut config = load(&steps).unwrap();
    config.pipelines[0].chain.map = Some(MapConfig { to: Model::Ocsf, place: MapPlace::Event { raw: true } });
    let chain = Chain::new(&config.pipelines[0].chain);
    let mut rig = Rig { chain, config, recorder: Recorder::default() };
    let sample =
        include_str!("../../../demo/sample-events.jsonl").lines().find(|event| event.contains("topic=departures"));
    let sample = sample.expect("there is such an event");
    let (value, fields) = rig.clear(sample);
    assert_eq!(fields, json!({"desk": "1"}));
    let value: Value = serde_json::from_str(&value).unwrap();
    assert!(value["class_uid"].is_u64(), "it was mapped: {value}");
    assert_eq!(value[MEMBER], json!({"team": "soc", "topic": "departures"}));
    assert_eq!(value["raw_data"], sample, "and what is kept is what was sent");
}
