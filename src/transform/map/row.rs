//! The words in which a mapping is written: a table with one row per field of the target.
//!
//! A row says where a value comes from, how it is converted, and when the row counts. Two rules hold for all tables:
//!
//! - A row whose value is missing, or cannot be converted, writes nothing.
//! - Of several rows in sequence with the same target the first that has a value counts.

use super::event::Event;
use super::fact::Fact;

/// What events are mapped to.
pub(super) trait Target: Copy + 'static {
    /// What the target calls the kind of an event.
    type Class: Copy + PartialEq + std::fmt::Debug + 'static;
    /// What is derived from the class.
    type Part: Copy + std::fmt::Debug + 'static;

    const ROWS: &'static [Row<Self>];

    /// A constant of the table by which a mapped event is recognised.
    const MARK: (&'static str, &'static str);

    fn class(event: &Event<'_>) -> Self::Class;

    fn part(event: &Event<'_>, class: Self::Class, part: Self::Part) -> Option<Derived>;

    /// The part in words, for the documentation.
    fn says(part: Self::Part) -> &'static str;
}

/// One row.
#[derive(Clone, Copy, Debug)]
pub(super) struct Row<T: Target> {
    /// The path in the target; `[]` marks a list.
    pub(super) to: &'static str,
    pub(super) from: From<T>,
    pub(super) how: How,
    /// All of them must hold.
    pub(super) when: &'static [When<T>],
}

/// Where a value comes from.
#[derive(Clone, Copy, Debug)]
pub(super) enum From<T: Target> {
    Fact(Fact),
    Class(T::Part),
    Word(&'static str),
    Code(i64),
    /// The event itself, as text, if it is to be kept.
    Raw,
}

/// A value that follows from the class.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Derived {
    Word(&'static str),
    Code(i64),
    List(List),
    Fact(Fact),
}

/// A few words.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(super) struct List {
    words: [Option<&'static str>; 4],
}

/// How a fact becomes a value.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum How {
    AsItIs,
    /// All client addresses that are IP addresses, as a list.
    EachAddress,
    /// A whole number.
    Integer,
    /// A time in milliseconds since 1970, as a number.
    Millis,
    /// A time as it is written, if it can be read as one.
    Instant,
    /// Words with a capital each, and spaces between them: `Kafka Cluster` of `kafka_cluster`.
    Title,
    /// The text with this before it.
    After(&'static str),
    /// Each text has its word; others have no value.
    Words(&'static [(&'static str, &'static str)]),
    /// Each text has its number; others have no value.
    Codes(&'static [(&'static str, i64)]),
    /// Each text has its number; all others have the last one.
    CodesOr(&'static [(&'static str, i64)], i64),
}

/// A condition of a row.
#[derive(Clone, Copy, Debug)]
pub(super) enum When<T: Target> {
    In(&'static [T::Class]),
    NotIn(&'static [T::Class]),
    /// The outcome is a failure.
    Failed,
    /// The event tells of a permission that was checked.
    Checked,
    With(Fact),
    Without(Fact),
    Is(Fact, &'static str),
    /// Nothing else stands yet in the object that the target belongs to.
    Alone,
}

pub(super) const fn fact<T: Target>(to: &'static str, fact: Fact) -> Row<T> {
    Row { to, from: From::Fact(fact), how: How::AsItIs, when: &[] }
}

pub(super) const fn class<T: Target>(to: &'static str, part: T::Part) -> Row<T> {
    Row { to, from: From::Class(part), how: How::AsItIs, when: &[] }
}

pub(super) const fn word<T: Target>(to: &'static str, word: &'static str) -> Row<T> {
    Row { to, from: From::Word(word), how: How::AsItIs, when: &[] }
}

pub(super) const fn raw<T: Target>(to: &'static str) -> Row<T> {
    Row { to, from: From::Raw, how: How::AsItIs, when: &[] }
}

pub(super) const fn code<T: Target>(to: &'static str, code: i64) -> Row<T> {
    Row { to, from: From::Code(code), how: How::AsItIs, when: &[] }
}

impl<T: Target> Row<T> {
    pub(super) const fn how(self, how: How) -> Self {
        Self { how, ..self }
    }

    pub(super) const fn when(self, when: &'static [When<T>]) -> Self {
        Self { when, ..self }
    }
}

impl List {
    /// `None` when there is no word. There is room for four.
    pub(super) fn of(words: impl Iterator<Item = &'static str>) -> Option<Derived> {
        let mut list = Self::default();
        for (place, word) in list.words.iter_mut().zip(words) {
            *place = Some(word);
        }
        list.words[0].is_some().then_some(Derived::List(list))
    }

    pub(super) fn words(&self) -> impl Iterator<Item = &'static str> {
        self.words.iter().flatten().copied()
    }
}
