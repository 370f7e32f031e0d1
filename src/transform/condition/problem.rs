//! What is wrong with a condition, and where in its text.

use std::ops::Range;

/// A part of a condition's text, in bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Span {
    pub start: usize,
    pub end: usize,
}

impl Span {
    pub(super) fn new(start: usize, end: usize) -> Self {
        Self { start, end }
    }

    /// From the beginning of this one to the end of the other.
    pub(super) fn to(self, last: Self) -> Self {
        Self::new(self.start, last.end)
    }

    pub(super) fn of(self, text: &str) -> &str {
        text.get(self.start..self.end).unwrap_or_default()
    }

    pub fn range(self) -> Range<usize> {
        self.start..self.end
    }
}

/// One mistake, or one thing that was probably not meant.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Problem {
    pub span: Span,
    pub cause: String,
    pub remedy: String,
}

impl Problem {
    pub(super) fn new(span: Span, cause: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { span, cause: cause.into(), remedy: remedy.into() }
    }
}
