//! A condition that has been checked: tests and operands of known types, everything constant worked out.
//!
//! No names, no types and no literals are left to be looked up; regular expressions and networks are built. What can be
//! decided without a general value has a test of its own.

use std::borrow::Cow;

use ipnet::IpNet;
use regex::Regex;

use super::problem::Span;
use crate::event::{Field, Value};

/// Something that holds or does not.
#[derive(Clone, Debug)]
pub(super) enum Test {
    Always(bool),
    Flag(Field),
    /// An operand that has to be true or false; missing is false.
    Truth(Operand, Span),
    Not(Box<Test>),
    All(Box<[Test]>),
    Any(Box<[Test]>),
    /// The first decides between the second and the third.
    Choose(Box<[Test; 3]>),
    Has(Operand),
    /// The operand is this text.
    Is(Operand, Word),
    /// The operand is one of these texts.
    OneOf(Operand, Box<[Word]>),
    Equal(Box<[Operand; 2]>, Case, Span),
    Order(Order, Box<[Operand; 2]>, Span),
    Text(TextTest, Box<[Operand; 2]>, Case, Span),
    Matches(Operand, Regex, Span),
    InNetworks(Operand, Box<[IpNet]>, Span),
    /// The operand is an element of the list.
    Element(Operand, List, Case),
    /// `exists`, or `all` when `every`; the test sees the element as its innermost variable.
    Each {
        list: List,
        every: bool,
        test: Box<Test>,
    },
}

/// Whether upper and lower case differ.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Case {
    Counts,
    /// Only of ASCII letters.
    Ignored,
}

#[derive(Clone, Debug)]
pub(super) struct Word {
    pub(super) text: Box<str>,
    pub(super) case: Case,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum TextTest {
    StartsWith,
    EndsWith,
    Contains,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Order {
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// Something that has a value.
#[derive(Clone, Debug)]
pub(super) enum Operand {
    Text(Box<str>),
    Number(Number),
    Truth(Box<Test>),
    Field(Field),
    Topic,
    Raw(RawPath),
    /// Elements of lists around it, the innermost is 0.
    Variable(usize),
    Cased {
        upper: bool,
        operand: Box<Operand>,
        span: Span,
    },
    Size(Box<Operand>, Span),
    Count(Box<List>),
    Choose(Box<Test>, Box<[Operand; 2]>),
}

#[derive(Clone, Debug)]
pub(super) enum List {
    Field(Field),
    Items(Box<[Operand]>),
    /// Has to be an array when it is there; missing is empty.
    Raw(Operand, Span),
}

/// A way into the event as it was read.
#[derive(Clone, Debug)]
pub(super) struct RawPath {
    pub(super) base: Base,
    pub(super) steps: Box<[Step]>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Base {
    Event,
    Variable(usize),
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Step {
    Key(Box<str>),
    Item(usize),
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Number {
    Int(i64),
    Float(f64),
}

/// What an operand has turned out to be.
#[derive(Clone, Debug)]
pub(super) enum Datum<'e> {
    /// Not there, or null.
    Missing,
    Text(Cow<'e, str>),
    Number(Number),
    Bool(bool),
    /// An object or an array.
    Json(Value<'e>),
}

impl Datum<'_> {
    pub(super) const fn what(&self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Text(_) => "a text",
            Self::Number(_) => "a number",
            Self::Bool(_) => "true or false",
            Self::Json(_) => "an object or a list",
        }
    }
}
