//! Splunk HTTP Event Collector sink.
pub mod config;
