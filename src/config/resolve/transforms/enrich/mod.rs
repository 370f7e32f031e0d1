//! `enrich`: what is added to events, and where. Tables are opened here, so that whatever is wrong with one is said before
//! anything runs.

mod names;
mod tables;

use std::collections::BTreeMap;

use crate::config::SinkConfig;
use crate::config::findings::Findings;
use crate::config::node::Path;
use crate::config::raw::{self, Crn, Enrich, ListOrNames, TextOrList};
use crate::event::Field;
use crate::sink::splunk_hec::config::Mode;
use crate::transform::enrich::config::{Adds, Constant, Part, Parts, Place};

pub(super) use names::Names;

/// What the step adds. Empty when something is wrong, which has been said.
pub(super) fn resolve(raw: Enrich, path: &Path, names: &mut Names<'_>, findings: &mut Findings) -> Vec<(Place, Adds)> {
    let place = match raw.place {
        None | Some(raw::Place::Fields) => Place::Fields,
        Some(raw::Place::Event) => Place::Event,
    };
    check_place(place, names.sink(), path, findings);
    let mut adds = Vec::new();
    if let Some(fields) = raw.fields {
        adds.push(constant(fields, place, &path.key("fields"), names, findings));
    }
    let tables = [
        raw.lookup.map(|raw| tables::lookup(raw, place, &path.key("lookup"), names, findings)),
        raw.networks.map(|raw| tables::networks(raw, place, &path.key("networks"), names, findings)),
        raw.geoip.map(|raw| tables::geoip(raw, place, &path.key("geoip"), names, findings)),
    ];
    adds.extend(tables.into_iter().flatten().map(|table| table.map(Adds::LookUp)));
    if let Some(raw) = raw.crn {
        adds.push(Some(parts(raw, place, &path.key("crn"), names, findings)));
    }
    if adds.is_empty() && !findings.has_error(path) {
        let remedy = "give at least one of `fields`, `lookup`, `networks`, `crn` and `geoip`";
        findings.error(path, "this step adds nothing", remedy);
    }
    adds.into_iter().flatten().map(|adds| (place, adds)).collect()
}

/// The sink has to take what is put there.
fn check_place(place: Place, sink: Option<&SinkConfig>, path: &Path, findings: &mut Findings) {
    let hec = match (sink, place) {
        // What an archive thinks of transforms is said elsewhere.
        (None | Some(SinkConfig::Archive(_)), _) | (Some(SinkConfig::Webhook(_)), Place::Event) => return,
        (Some(SinkConfig::Webhook(_)), Place::Fields) => {
            let cause = "a webhook has no fields beside the event";
            findings.error_at_key(path, cause, "say `place: event` here");
            return;
        }
        (Some(SinkConfig::SplunkHec(hec)), _) => hec,
    };
    match (&hec.events.mode, place) {
        (Mode::Event, Place::Fields | Place::Event) | (Mode::Raw { .. }, Place::Event) => {}
        (Mode::Raw { .. }, Place::Fields) => {
            let cause = "with `mode: raw` the sink has no fields beside the event";
            findings.error_at_key(path, cause, "say `place: event` here, or `mode: event` in the sink");
        }
        (Mode::Preformatted, Place::Fields | Place::Event) => {
            let cause = "with `mode: preformatted` the event is inside an envelope, where enrichment does not look";
            let remedy = "use `mode: event`; a fixed text can go into `fields` of the sink";
            findings.error_at_key(path, cause, remedy);
        }
    }
}

fn constant(
    raw: BTreeMap<String, TextOrList>,
    place: Place,
    path: &Path,
    names: &mut Names<'_>,
    findings: &mut Findings,
) -> Option<Adds> {
    let mut constant = Constant::default();
    for (name, value) in raw {
        let path = path.key(&name);
        names.claim(&name, place, &path, findings);
        match value {
            TextOrList::Text(text) => constant.text(&name, &text),
            TextOrList::List(texts) if texts.is_empty() && !findings.has_error(&path) => {
                let cause = format!("the field `{name}` has no value");
                findings.error_at_key(&path, cause, "give it at least one, or remove it");
            }
            TextOrList::List(texts) => constant.list(&name, &texts),
        }
    }
    Some(Adds::Constant(constant.into_members()))
}

/// Elements of resource names that have been seen; others may come, so an unknown one is only warned about.
const ELEMENTS: [&str; 27] = [
    "api-key",
    "cloud-cluster",
    "cluster-link",
    "compute-pool",
    "connect",
    "connector",
    "flink-region",
    "group",
    "identity",
    "identity-pool",
    "identity-provider",
    "kafka",
    "kafka-cluster",
    "ksql",
    "network",
    "schema-registry",
    "service",
    "service-account",
    "sso-connection",
    "statement",
    "subject",
    "topic",
    "transactional-id",
    "user",
    "workspace",
    "organization",
    "environment",
];

fn parts(raw: Crn, place: Place, path: &Path, names: &mut Names<'_>, findings: &mut Findings) -> Adds {
    let mut take = Vec::new();
    let at = path.key("take");
    let prefix = raw.prefix.unwrap_or_default();
    for (part, output) in pairs(raw.take, &prefix) {
        names.claim(&output, place, &at, findings);
        let canonical = Field::parse(&part)
            .filter(|field| matches!(field, Field::Organization | Field::Environment | Field::Cluster));
        if canonical.is_none() && !ELEMENTS.contains(&part.as_str()) {
            let cause = format!("no resource name with an element `{part}` is known");
            let remedy = format!("known are `cluster`, {}", crate::config::check::enumerate(&ELEMENTS));
            findings.warning(&at, cause, remedy);
        }
        take.push((canonical.map_or(Part::Element(part), Part::Field), output));
    }
    Adds::Parts(Parts { take })
}

/// What is taken, and its name in the output.
fn pairs(take: Option<ListOrNames>, prefix: &str) -> Vec<(String, String)> {
    let named = |output: &str| format!("{prefix}{output}");
    match take {
        None => Vec::new(),
        Some(ListOrNames::List(list)) => list.into_iter().map(|name| (name.clone(), named(&name))).collect(),
        Some(ListOrNames::Names(names)) => names.into_iter().map(|(from, to)| (from, named(&to))).collect(),
    }
}
