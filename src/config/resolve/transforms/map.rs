//! `map`: into which data model, and where the fields stand.

use crate::config::SinkConfig;
use crate::config::findings::Findings;
use crate::config::node::Path;
use crate::config::raw::{MapStep, RawEvent};
use crate::defaults;
use crate::sink::splunk_hec::config::Mode;
use crate::transform::config::Enrichment;
use crate::transform::enrich;
use crate::transform::map::config::{MapConfig, Model, Place};

/// What every audit event has: mapped fields under such a name would never be written.
const TAKEN: [&str; 8] = ["data", "datacontenttype", "id", "source", "specversion", "subject", "time", "type"];

/// `None` when something is missing or wrong, which has been said.
pub(super) fn map(raw: MapStep, path: &Path, findings: &mut Findings) -> Option<MapConfig> {
    let to = raw.to?;
    let is_kept = raw.raw.unwrap_or(RawEvent::Keep) == RawEvent::Keep;
    let into = path.key("into");
    let place = match (raw.into, is_kept, to) {
        (Some(name), true, _) => Place::Member(member(name, &into, findings)?),
        (Some(_), false, _) => {
            let cause = "with `raw: drop` there is no event that the mapped fields could be a member of";
            findings.error(&into, cause, "remove `into`, or write `raw: keep`");
            return None;
        }
        (None, true, Model::Cim) => Place::Member(defaults::CIM_MEMBER.to_owned()),
        (None, raw, Model::Cim | Model::Ocsf | Model::Ecs) => Place::Event { raw },
    };
    Some(MapConfig { to, place })
}

/// What is mapped has to arrive: an event that a sink does not look into, or a name that two steps want, would lose it.
pub(super) fn arrives(
    config: &MapConfig,
    enrichment: &Enrichment,
    sink: Option<&SinkConfig>,
    path: &Path,
    findings: &mut Findings,
) {
    let is_envelope = match sink {
        Some(SinkConfig::SplunkHec(hec)) => hec.events.mode == Mode::Preformatted,
        Some(SinkConfig::Webhook(_) | SinkConfig::Archive(_)) | None => false,
    };
    if is_envelope {
        let cause = "with `mode: preformatted` the event is inside an envelope, where mapping does not look";
        findings.error_at_key(path, cause, "use `mode: event` in the sink, or remove `map`");
    }
    let Place::Member(name) = &config.place else { return };
    let is_added = || enrichment.adds.iter().any(|(place, _)| *place == enrich::config::Place::Event);
    if name == enrich::MEMBER && is_added() {
        let cause =
            format!("`enrich` with `place: event` writes a member `{name}`, too, and would find the name taken");
        findings.error(&path.key("into"), cause, "use another name");
    }
}

/// A pipeline sends each event once, so in one model.
pub(super) fn only_once(steps: &[Path], findings: &mut Findings) {
    for path in steps.iter().skip(1) {
        let cause = "events are mapped already, by an earlier step";
        findings.error_at_key(path, cause, "use one pipeline for each data model, or remove one of the two");
    }
}

fn member(name: String, path: &Path, findings: &mut Findings) -> Option<String> {
    let (cause, remedy) = match name.as_str() {
        "" => ("a member needs a name", "write for example `into: normalized`"),
        taken if TAKEN.contains(&taken) => {
            ("audit events have a member of this name, which is never overwritten", "use another name")
        }
        _ => return Some(name),
    };
    findings.error(path, cause, remedy);
    None
}
