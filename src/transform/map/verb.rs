//! What a method, or an operation whose permission is checked, does to its object.

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Verb {
    Create,
    Update,
    Delete,
    Read,
    Write,
    Logon,
    /// A permission was checked; the operation says for what.
    AccessCheck,
    Other,
}

/// What an operation begins with, and what it does.
pub(super) const OPERATIONS: &[(&str, Verb)] = &[
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

impl Verb {
    /// By the word of the canonical field `verb`.
    pub(super) fn named(word: &str) -> Self {
        match word {
            "create" => Self::Create,
            "update" => Self::Update,
            "delete" => Self::Delete,
            "read" => Self::Read,
            "write" => Self::Write,
            "logon" => Self::Logon,
            "access-check" => Self::AccessCheck,
            _ => Self::Other,
        }
    }

    /// `None` for an operation that is not known.
    pub(super) fn of_operation(operation: &str) -> Option<Self> {
        OPERATIONS.iter().find(|(beginning, _)| operation.starts_with(beginning)).map(|(_, verb)| *verb)
    }
}
