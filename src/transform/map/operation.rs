//! What an operation whose permission is checked does to its object.

use crate::event::Verb;

/// What an operation begins with, and what it does.
const OPERATIONS: &[(&str, Verb)] = &[
    ("Create", Verb::Create),
    ("Invite", Verb::Create),
    ("Alter", Verb::Update),
    ("Contribute", Verb::Update),
    ("Delete", Verb::Delete),
    ("Write", Verb::Write),
    ("IdempotentWrite", Verb::Write),
    ("Describe", Verb::Read),
    ("Read", Verb::Read),
    ("View", Verb::Read),
    ("Access", Verb::Read),
];

/// `None` for an operation that is not known.
pub(super) fn verb_of(operation: &str) -> Option<Verb> {
    OPERATIONS.iter().find(|(beginning, _)| operation.starts_with(beginning)).map(|(_, verb)| *verb)
}
