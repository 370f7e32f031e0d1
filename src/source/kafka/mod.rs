//! Kafka as a source: a consumer group member on a thread of its own.
//!
//! - Offsets are committed only as told, never by the client: `enable.auto.commit` and `enable.auto.offset.store` are off.
//! - The client's own position is never committed: closing the client swallows messages and moves it.
//! - A list of partitions that came from the client is copied in the same statement: one that stays alive keeps the
//!   client from ever closing (rust-rdkafka issue 453).
//! - A rebalance is answered after the callback, when what was in flight has been drained.

mod assignments;
mod binding;
mod callbacks;
pub(crate) mod client;
mod commits;
pub mod config;
pub mod copy;
mod examiner;
mod hand_over;
mod headers;
pub mod inspect;
pub(crate) mod letter_reader;
pub mod members;
mod observer;
mod positions;
pub(crate) mod producer;
mod reader;
mod stats;

pub use reader::KafkaSource;
