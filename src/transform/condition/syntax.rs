//! The syntax tree of a condition: what is written, before anybody asks whether it makes sense.

use super::problem::Span;

#[derive(Clone, PartialEq, Debug)]
pub(super) struct Expr {
    pub(super) kind: Kind,
    pub(super) span: Span,
}

#[derive(Clone, PartialEq, Debug)]
pub(super) enum Kind {
    Null,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(String),
    List(Vec<Expr>),
    Name(String),
    /// `a.b`
    Member(Box<Expr>, String),
    /// `a["b"]`, `a[0]`
    Index(Box<Expr>, Box<Expr>),
    Call(Call),
    Not(Box<Expr>),
    /// At least two.
    And(Vec<Expr>),
    /// At least two.
    Or(Vec<Expr>),
    /// `a ? b : c`
    Choose(Box<[Expr; 3]>),
    Compare(Comparison, Box<[Expr; 2]>),
}

/// `name(arguments)`, or `target.name(arguments)`.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Call {
    pub(super) target: Option<Box<Expr>>,
    pub(super) name: String,
    pub(super) name_span: Span,
    pub(super) arguments: Vec<Expr>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    In,
}

impl Comparison {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Equal => "==",
            Self::NotEqual => "!=",
            Self::Less => "<",
            Self::LessOrEqual => "<=",
            Self::Greater => ">",
            Self::GreaterOrEqual => ">=",
            Self::In => "in",
        }
    }
}
