//! Kafka as a source.

pub(crate) mod client;
pub mod config;
