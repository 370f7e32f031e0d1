//! The steps of the chain: one file per kind.

mod enrich;
mod filter;
mod map;
mod redact;

use crate::config::SinkConfig;
use crate::config::findings::Findings;
use crate::config::node::Path;
use crate::config::raw::Transform;
use crate::transform::config::{ChainConfig, Enrichment, RedactConfig};

/// `None` when there were errors. `sink` says what of an event the sink takes; `None` when it is wrong itself.
pub(super) fn resolve(
    raw: Vec<Option<Transform>>,
    sink: Option<&SinkConfig>,
    path: &Path,
    findings: &mut Findings,
) -> Option<ChainConfig> {
    let (mut filters, mut redaction) = (Vec::new(), RedactConfig::default());
    let (mut enrichment, mut names) = (Enrichment::default(), enrich::Names::new(sink));
    let (mut mapped, mut map) = (Vec::new(), None);
    for (index, step) in raw.into_iter().enumerate() {
        // What was refused has been reported.
        let Some(step) = step else { continue };
        let path = path.item(index);
        let filter = match step {
            Transform::Enrich(raw) => {
                enrichment.adds.extend(enrich::resolve(*raw, &path.key("enrich"), &mut names, findings));
                None
            }
            Transform::Drop(raw) => {
                let path = path.key("drop");
                filter::drop_rule(*raw, &path, findings).map(|rule| (path, rule))
            }
            Transform::Keep(raw) => {
                let path = path.key("keep");
                filter::keep_rule(*raw, &path, findings).map(|rule| (path, rule))
            }
            Transform::Monitor(raw) => {
                let path = path.key("monitor");
                filter::monitor(*raw, &path, findings).map(|rule| (path, rule))
            }
            Transform::Redact(raw) => {
                redact::resolve(*raw, &path.key("redact"), &mut redaction, findings);
                None
            }
            Transform::Map(raw) => {
                let path = path.key("map");
                map = map::map(*raw, &path, findings);
                mapped.push(path);
                None
            }
        };
        filters.extend(filter);
    }
    filter::no_name_twice(&filters, findings);
    map::only_once(&mapped, findings);
    if let (Some(config), Some(path)) = (&map, mapped.last()) {
        map::arrives(config, &enrichment, sink, path, findings);
    }
    let filters = filters.into_iter().map(|(_, filter)| filter).collect();
    (!findings.has_error(path)).then_some(ChainConfig { filters, redact: redaction, enrichment, map })
}
