//! The chain between reading and encoding. Records leave it as [`Cleared`], which is what sinks take.

use crate::event::{Cleared, Record};

/// Clears records for the sink. With no rules configured every record passes unchanged.
#[derive(Debug, Default)]
pub struct Chain {}

impl Chain {
    pub fn clear<'a>(&self, record: Record<'a>) -> Cleared<'a> {
        Cleared::from_chain(record)
    }
}
