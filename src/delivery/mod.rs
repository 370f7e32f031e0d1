//! The guarantee.
//!
//! For every record that a pipeline reads, before its offset is committed one of these is true: the sink gave proof of
//! delivery for it; a named rule filtered it; it lies in a durable dead-letter store with the reason.
//!
//! Everything here is independent of Kafka, of Splunk and of HTTP.

pub mod attempt;
pub mod backoff;
pub mod batch;
mod body;
pub mod budget;
pub mod conductor;
pub mod consignment;
pub mod duty;
mod framer;
mod index;
pub mod intake;
pub mod lane;
pub mod ledger;
pub mod letter;
pub mod open;
mod pool;
pub mod settlement;

#[cfg(test)]
mod testing;
