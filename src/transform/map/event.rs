//! One event as the tables see it: its facts, what was done, how it ended, and which row of the table of classes it is.

use super::class::{Row, Sign};
use super::fact::{Fact, Facts};
use super::operation;
use crate::event::{Document, Verb, View};

/// How it ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Outcome {
    Success,
    Failure,
    Unknown,
}

pub(super) struct Event<'d> {
    pub(super) facts: Facts<'d>,
    /// The whole event, if it is to be kept as text.
    pub(super) raw: Option<&'d str>,
    pub(super) row: &'static Row,
    /// What the method does.
    verb: Verb,
    pub(super) outcome: Outcome,
}

impl<'d> Event<'d> {
    pub(super) fn read(document: &'d Document<'d>, recorded_ms: Option<i64>, raw: Option<&'d str>) -> Self {
        let facts = Facts::new(View::of_many_fields(document), recorded_ms);
        let outcome = match facts.get(Fact::Outcome) {
            Some("success") => Outcome::Success,
            Some("failure") => Outcome::Failure,
            Some(_) | None => Outcome::Unknown,
        };
        let verb = facts.get(Fact::Verb).and_then(Verb::parse).unwrap_or(Verb::Other);
        let row = Row::of(&Signs::new(&facts, verb));
        Self { facts, raw, row, verb, outcome }
    }

    pub(super) fn failed(&self) -> bool {
        self.outcome == Outcome::Failure
    }

    /// Whether it tells of a permission that was checked.
    pub(super) fn is_check(&self) -> bool {
        self.facts.get(Fact::Family) == Some("authorization") || self.verb == Verb::AccessCheck
    }

    /// What the method does; if it only checks a permission, what the operation does.
    pub(super) fn verb(&self) -> Verb {
        match self.verb {
            Verb::AccessCheck => self.operation().unwrap_or(Verb::AccessCheck),
            Verb::Create | Verb::Update | Verb::Delete | Verb::Read | Verb::Write | Verb::Logon | Verb::Other => {
                self.verb
            }
        }
    }

    /// What the operation does whose permission was checked.
    pub(super) fn operation(&self) -> Option<Verb> {
        self.facts.get(Fact::Operation).and_then(operation::verb_of)
    }
}

/// How much of a method is looked at. The longest one that is known has 60 bytes.
const ROOM: usize = 128;

/// What a row of the table of classes is recognised by.
pub(super) struct Signs<'f, 'd> {
    facts: &'f Facts<'d>,
    verb: Verb,
    /// The method in lower case, as far as there is room for it.
    method: [u8; ROOM],
    length: usize,
}

impl<'f, 'd> Signs<'f, 'd> {
    fn new(facts: &'f Facts<'d>, verb: Verb) -> Self {
        let name = facts.get(Fact::Method).unwrap_or_default().as_bytes();
        let (mut method, length) = ([0; ROOM], name.len().min(ROOM));
        method[..length].copy_from_slice(&name[..length]);
        method.make_ascii_lowercase();
        Self { facts, verb, method, length }
    }

    pub(super) fn show(&self, sign: Sign) -> bool {
        let method = &self.method[..self.length];
        match sign {
            Sign::Method(name) => method == name.as_bytes(),
            Sign::Service(name) => method.strip_prefix(name.as_bytes()).is_some_and(|rest| rest.first() == Some(&b'.')),
            Sign::Named(part) => holds(method, part.as_bytes()),
            Sign::Family(family) => self.facts.get(Fact::Family) == Some(family),
            Sign::Verb(verb) => self.verb == verb,
            Sign::Resource(name) => self.facts.get(Fact::ResourceType) == Some(name),
            Sign::NoMethod => method.is_empty(),
            Sign::Any => true,
        }
    }
}

/// Whether the text holds the part. The first byte decides nearly always.
fn holds(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len()).any(|window| window.first() == part.first() && window == part)
}
