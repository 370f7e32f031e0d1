//! A demonstration without any account or other program, and the stand-ins that it and the tests use.
//!
//! The real pipeline carries an audit stream from the Kafka client's in-process mock cluster to a stand-in for Splunk that
//! misbehaves on cue. What comes of it is counted at the far side: what the stand-in indexed and what lies in the
//! dead-letter directory, against what was produced. The pipeline's own books are only compared with that.
//!
//! - Nothing here writes to a terminal: what happens goes to an [`Audience`], the outcome is a [`Verdict`].
//! - None of this is on the path of an event in `run`.

mod audit_stream;
mod far_side;
pub mod hec;
mod play;
pub mod receiver;
mod scene;
mod stage;
mod verdict;

pub use scene::{Act, Counts, Scene, thousands};
pub use stage::{Audience, perform};
pub use verdict::{Duplicates, Latency, Letter, Uncommitted, Verdict};
