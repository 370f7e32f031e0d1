//! What the configuration asks of the chain.

/// By kind, each in the order of the configuration; none by default.
#[derive(Clone, Debug, Default)]
pub struct ChainConfig {
    pub filters: Vec<FilterConfig>,
}

/// A rule that drops events.
#[derive(Clone, Debug)]
pub struct FilterConfig {
    /// For metrics and reports; unique within the pipeline.
    pub name: String,
    pub when: String,
}
