//! Whom an HTTPS client trusts.

use std::path::PathBuf;

#[derive(Clone, Default, Debug)]
pub struct TlsConfig {
    /// PEM file of the authorities to trust in addition to those of the system.
    pub trust_store: Option<PathBuf>,
}
