//! `drop`: which events do not travel.

use crate::config::findings::Findings;
use crate::config::node::Path;
use crate::config::raw::Filter;
use crate::transform::config::FilterConfig;

/// `None` when something is missing, which has been said.
pub(super) fn resolve(raw: Filter, _path: &Path, _findings: &mut Findings) -> Option<FilterConfig> {
    Some(FilterConfig { name: raw.name?, when: raw.when? })
}
