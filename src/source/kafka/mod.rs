//! Kafka as a source.

mod callbacks;
pub(crate) mod client;
pub mod config;
pub mod inspect;
pub(crate) mod letter_reader;
mod observer;
mod positions;
pub(crate) mod producer;
pub mod reader;
mod stats;
