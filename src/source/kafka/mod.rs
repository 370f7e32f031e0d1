//! Kafka as a source.

pub mod config;
