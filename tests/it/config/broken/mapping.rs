//! `map`: models that do not exist, and places that cannot be.

use super::Cases;

pub(super) fn steps(cases: &mut Cases) {
    cases.steps("map: no model", &["- map: {raw: keep}"]);
    cases.steps("map: a model that is misspelt", &["- map: {to: ocfs}"]);
    cases.steps("map: a key that is misspelt", &["- map: {to: cim, in_to: cim}"]);
    cases.steps("map: a raw event that is neither kept nor dropped", &["- map: {to: ecs, raw: true}"]);
    cases.steps("map: a member of an event that is not sent", &["- map: {to: cim, raw: drop, into: cim}"]);
    cases.steps("map: a member that every event has", &["- map: {to: cim, into: data}"]);
    cases.steps("map: a member without a name", &["- map: {to: ocsf, into: ''}"]);
    cases.steps("map: two models for one event", &["- map: {to: cim}", "- map: {to: ocsf}"]);
    cases.steps(
        "map: a member that enrichment wants",
        &["- enrich: {place: event, fields: {a: b}}", "- map: {to: cim, into: enrichment}"],
    );
    let step = "    transforms:\n      - map: {to: cim}\n";
    cases.pipeline("map: events inside envelopes", &format!("        mode: preformatted\n{step}"));
}
