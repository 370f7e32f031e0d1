//! Mapped events against what the models demand, against records that a person can read, and against what must never be.

mod classes;
mod documentation;
mod golden;
mod models;
mod places;
mod vocabulary;

use serde_json::Value;

use super::config::{MapConfig, Model, Place};
use super::{Mapped, Mapper};
use crate::event::Tape;

const MODELS: [Model; 3] = [Model::Cim, Model::Ocsf, Model::Ecs];

/// The time that Kafka gives to the records of these tests: 2026-11-02T10:10:10.5Z.
const RECORDED_MS: i64 = 1_793_614_210_500;

fn samples() -> impl Iterator<Item = &'static str> {
    include_str!("../../demo/sample-events.jsonl").lines().filter(|line| !line.is_empty())
}

/// The bytes of the mapped event; those of the event when it passes as it is.
fn mapped(to: Model, place: Place, event: &str) -> String {
    let (mut tape, mut out) = (Tape::default(), Vec::new());
    let document = tape.read(event.as_bytes()).unwrap_or_else(|| panic!("an object: {event}"));
    match Mapper::new(MapConfig { to, place }).map(&document, Some(RECORDED_MS), &mut out) {
        Mapped::Written { .. } => String::from_utf8(out).expect("UTF-8"),
        Mapped::AsItIs => {
            assert!(out.is_empty());
            event.to_owned()
        }
    }
}

/// The event as a document of its own, without the raw event.
fn document(to: Model, event: &str) -> Value {
    let text = mapped(to, Place::Event { raw: false }, event);
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
}
