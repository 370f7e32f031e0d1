//! The steps of the chain: one file per kind.

mod filter;

use crate::config::findings::Findings;
use crate::config::node::Path;
use crate::config::raw::Transform;
use crate::transform::config::ChainConfig;

/// `None` when there were errors.
pub(super) fn resolve(raw: Vec<Transform>, path: &Path, findings: &mut Findings) -> Option<ChainConfig> {
    let mut chain = ChainConfig::default();
    for (index, step) in raw.into_iter().enumerate() {
        let path = path.item(index);
        match step {
            Transform::Drop(raw) => chain.filters.extend(filter::resolve(*raw, &path.key("drop"), findings)),
        }
    }
    (!findings.has_error(path)).then_some(chain)
}
