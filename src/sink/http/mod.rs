//! What sinks over HTTP have in common: an answer as it came, a request that brought none, and words for both.
//!
//! Nothing here knows what an answer means: each protocol has a table of its own.

mod answer;
mod unanswered;

pub(in crate::sink) use answer::{Seen, presentable};
pub(in crate::sink) use unanswered::{Unanswered, UnansweredKind};
