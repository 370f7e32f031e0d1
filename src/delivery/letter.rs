//! Dead letters: records that a sink will never take, kept with the reason.

use super::attempt::Failure;
use super::budget::Held;
use super::duty::Duty;
use crate::position::{Offset, PartitionId, TopicName};

/// What a letter holds of its record.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Content {
    /// What was to be sent, from a pipeline that redacts nothing.
    #[default]
    AsRead,
    /// What redaction has left: it may leave as it is.
    Cleared,
    /// Everything as it was read: it could not be redacted, so it may not leave.
    Unclear,
    /// Nothing but its position: it could not be redacted, and the configuration keeps no such record.
    Withheld,
    /// Key, headers and value of a record that could not be redacted, encrypted, as the letter's value.
    Encrypted,
}

/// A record, and why it could not be delivered.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Letter {
    pub topic: TopicName,
    pub partition: PartitionId,
    pub offset: Offset,
    /// Milliseconds since 1970.
    pub timestamp_ms: Option<i64>,
    pub key: Option<Vec<u8>>,
    pub headers: Vec<(String, Option<Vec<u8>>)>,
    /// `None` for a tombstone.
    pub value: Option<Vec<u8>>,
    /// What key, headers and value are.
    pub content: Content,
    pub failure: Failure,
}

impl Letter {
    /// Roughly what it weighs in memory, in bytes.
    pub fn weight(&self) -> usize {
        let headers: usize =
            self.headers.iter().map(|(name, value)| name.len() + value.as_ref().map_or(0, Vec::len) + 64).sum();
        self.key.as_ref().map_or(0, Vec::len) + headers + self.value.as_ref().map_or(0, Vec::len) + size_of::<Self>()
    }
}

/// A letter that is not stored yet, with the duty to settle its record once it is.
#[derive(Debug)]
#[must_use = "a letter must be stored and settled"]
pub struct Quarantined {
    pub letter: Letter,
    pub duty: Duty,
    /// What the letter weighs in the pipeline's memory budget.
    pub held: Held,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reason::Reason;

    #[test]
    fn everything_that_a_letter_holds_weighs() {
        let empty = Letter {
            topic: TopicName::new("audit"),
            partition: PartitionId::new(0),
            offset: Offset::new(0),
            timestamp_ms: None,
            key: None,
            headers: Vec::new(),
            value: None,
            content: Content::AsRead,
            failure: Failure::new(Reason::EmptyValue, "no value"),
        };
        let base = size_of::<Letter>();
        assert_eq!(empty.weight(), base);
        assert_eq!(Letter { key: Some(vec![0; 7]), ..empty.clone() }.weight(), base + 7);
        assert_eq!(Letter { value: Some(vec![0; 900]), ..empty.clone() }.weight(), base + 900);
        let headers = vec![("name".to_owned(), Some(vec![0; 10])), ("n".to_owned(), None)];
        let full = Letter { headers, key: Some(vec![0; 7]), value: Some(vec![0; 900]), ..empty };
        assert_eq!(full.weight(), base + 7 + 900 + (4 + 10 + 64) + (1 + 64));
    }
}
