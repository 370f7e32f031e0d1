//! Conditions: whether something is true of an event. CEL in syntax and semantics, a subset of it, over the canonical
//! fields, the record's `topic`, and the event as it was read (`event`).
//!
//! ```text
//! text --parse--> tree --check--> program --holds--> true, false, or a fault
//! ```
//!
//! What differs from CEL, on purpose:
//!
//! | | CEL | here | why |
//! | --- | --- | --- | --- |
//! | a field or member that is missing, or null | an error | `==`, `in`, `<`, functions do not hold, so `!=` holds | with two dialects in one topic "not there" is normal |
//! | a member of what is no object | an error | missing | the principal is a text in one dialect and an object in the other |
//! | `x == null` | null only | `!has(x)` | the vendor leaves out nulls without notice |
//! | `method` | – | compared without case | documentation and data differ in it |
//! | `has(field)`, `inCidr(…)` | – | there | without them such conditions cannot be written |
//! | a wrong type that is known beforehand | an error when it happens | an error when the condition is checked | a rule that never holds is found by `check` |
//!
//! A value of the raw event that has another type than an operator needs is a fault, as in CEL: [`Fault`]. `&&`, `||`,
//! `exists` and `all` absorb a fault when their other parts decide, in whatever order they stand.
//!
//! Not here: arithmetic, maps, bytes, time stamps and durations, `map`, `filter`, `exists_one`.
//!
//! # Why our own
//!
//! The `cel` crate (0.15) parses and interprets; it knows no types before it runs, and its evaluator builds values per event.
//! Type checking, messages with positions and an evaluator that allocates nothing are needed either way; what would be left
//! for the crate is some three hundred lines of parser, for 39 crates, half a minute of building and 4 MB in the binary.

mod check;
mod evaluate;
mod lex;
mod parse;
mod problem;
mod program;
mod syntax;

#[cfg(test)]
mod tests;

pub use evaluate::{Fault, Subject};
pub use problem::{Problem, Span};

use crate::defaults::CONDITION_MAX_BYTES;

use check::Checked;
use evaluate::Scope;
use program::Test;

/// A condition that makes sense.
#[derive(Clone, Debug)]
pub struct Condition {
    text: Box<str>,
    test: Test,
}

impl Condition {
    /// Parses and checks a condition. Beside it: remarks about what was probably not meant.
    ///
    /// # Errors
    /// Everything that is wrong with it, at least one thing; after a mistake in syntax only that.
    pub fn compile(text: &str) -> Result<(Self, Vec<Problem>), Vec<Problem>> {
        if text.len() > CONDITION_MAX_BYTES {
            let cause = format!("the condition is longer than {CONDITION_MAX_BYTES} bytes");
            let span = Span { start: 0, end: text.len() };
            return Err(vec![Problem::new(span, cause, "split it into several rules")]);
        }
        let tree = parse::parse(text).map_err(|problem| vec![problem])?;
        let Checked { test, problems, remarks } = check::check(text, &tree);
        let condition = test.map(|test| Self { text: text.into(), test });
        condition.map(|condition| (condition, remarks)).ok_or(problems)
    }

    /// Whether it holds.
    ///
    /// # Errors
    /// A member of the raw event has another type than the condition needs.
    pub fn holds(&self, subject: &Subject<'_>) -> Result<bool, Fault> {
        self.test.holds(Scope::new(subject))
    }

    /// As it was written.
    pub fn text(&self) -> &str {
        &self.text
    }
}

/// A text as it is written in a condition.
pub fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            '\n' => quoted.push_str("\\n"),
            c if c.is_control() => quoted.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}
