//! Whether a checked condition holds for an event. Allocates nothing, except for a text with escapes and for
//! `lowerAscii` and `upperAscii` of a text that they change.
//!
//! Missing values are no errors: see the table in `mod.rs`. An error inside `&&`, `||`, `exists` and `all` counts only when
//! the other parts do not decide, in whatever order they stand.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::fmt;
use std::net::IpAddr;

use crate::event::{Kind, Value, View};

use super::problem::Span;
use super::program::{Base, Case, Datum, List, Number, Operand, Order, RawPath, Step, Test, TextTest, Word};

/// What a condition looks at.
#[derive(Clone, Debug)]
pub struct Subject<'e> {
    pub view: View<'e>,
    pub topic: &'e str,
}

/// Why nobody can tell whether a condition holds: a member of the event has another type than the condition needs. Shows
/// nothing of the event.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Fault {
    /// The part of the condition.
    pub span: Span,
    needed: &'static str,
    found: &'static str,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "at byte {} of the condition: needs {}, and is {}", self.span.start + 1, self.needed, self.found)
    }
}

/// The subject, and the elements of the lists that are being gone through.
#[derive(Clone, Copy)]
pub(super) struct Scope<'s> {
    subject: &'s Subject<'s>,
    innermost: Option<&'s Frame<'s>>,
}

struct Frame<'s> {
    element: Datum<'s>,
    outer: Option<&'s Frame<'s>>,
}

impl<'s> Scope<'s> {
    pub(super) fn new(subject: &'s Subject<'s>) -> Self {
        Self { subject, innermost: None }
    }

    fn variable(self, depth: usize) -> &'s Datum<'s> {
        let mut frame = self.innermost;
        for _ in 0..depth {
            frame = frame.and_then(|frame| frame.outer);
        }
        frame.map_or(&Datum::Missing, |frame| &frame.element)
    }
}

fn fault<T>(span: Span, needed: &'static str, found: &Datum<'_>) -> Result<T, Fault> {
    Err(Fault { span, needed, found: found.what() })
}

type Decision = Result<bool, Fault>;

impl Test {
    pub(super) fn holds<'s>(&'s self, scope: Scope<'s>) -> Decision {
        match self {
            Self::Always(holds) => Ok(*holds),
            Self::Flag(field) => Ok(scope.subject.view.is(*field)),
            Self::Truth(operand, span) => match operand.read(scope)? {
                Datum::Missing => Ok(false),
                Datum::Bool(holds) => Ok(holds),
                other @ (Datum::Text(_) | Datum::Number(_) | Datum::Json(_)) => fault(*span, "true or false", &other),
            },
            Self::Not(test) => test.holds(scope).map(|holds| !holds),
            Self::All(tests) => combine(tests.iter().map(|test| test.holds(scope)), false),
            Self::Any(tests) => combine(tests.iter().map(|test| test.holds(scope)), true),
            Self::Choose(parts) => {
                let [condition, then, otherwise] = &**parts;
                if condition.holds(scope)? { then.holds(scope) } else { otherwise.holds(scope) }
            }
            Self::Has(operand) => Ok(!matches!(operand.read(scope)?, Datum::Missing)),
            Self::Is(operand, word) => Ok(is(&operand.read(scope)?, word)),
            Self::OneOf(operand, words) => {
                let datum = operand.read(scope)?;
                Ok(words.iter().any(|word| is(&datum, word)))
            }
            Self::Equal(sides, case, span) => {
                let [left, right] = &**sides;
                equal(&left.read(scope)?, &right.read(scope)?, *case, *span)
            }
            Self::Order(order, sides, span) => {
                let [left, right] = &**sides;
                in_order(*order, &left.read(scope)?, &right.read(scope)?, *span)
            }
            Self::Text(test, sides, case, span) => {
                let [value, part] = &**sides;
                let (Some(value), Some(part)) = (value.text(scope, *span)?, part.text(scope, *span)?) else {
                    return Ok(false);
                };
                Ok(test.holds(&value, &part, *case))
            }
            Self::Matches(value, pattern, span) => {
                Ok(value.text(scope, *span)?.is_some_and(|text| pattern.is_match(&text)))
            }
            Self::InNetworks(value, networks, span) => {
                let address = value.text(scope, *span)?.and_then(|text| text.parse::<IpAddr>().ok());
                // An IPv4 address may be written as an IPv6 one.
                let address = address.map(|address| address.to_canonical());
                Ok(address.is_some_and(|address| networks.iter().any(|network| network.contains(&address))))
            }
            Self::Element(value, list, case) => {
                let value = value.read(scope)?;
                list.any(scope, true, |element, _| equal(&value, element, *case, Span::default()))
            }
            Self::Each { list, every, test } => list.any(scope, !every, |_, scope| test.holds(scope)),
        }
    }
}

/// `&&` when `decides` is false, `||` when it is true.
fn combine(decisions: impl Iterator<Item = Decision>, decides: bool) -> Decision {
    let mut failed = None;
    for decision in decisions {
        match decision {
            Ok(holds) if holds == decides => return Ok(decides),
            Ok(_) => {}
            Err(fault) => failed = failed.or(Some(fault)),
        }
    }
    failed.map_or(Ok(!decides), Err)
}

fn is(datum: &Datum<'_>, word: &Word) -> bool {
    match (datum, word.case) {
        (Datum::Text(text), Case::Counts) => **text == *word.text,
        (Datum::Text(text), Case::Ignored) => text.eq_ignore_ascii_case(&word.text),
        (Datum::Missing | Datum::Number(_) | Datum::Bool(_) | Datum::Json(_), _) => false,
    }
}

fn equal(left: &Datum<'_>, right: &Datum<'_>, case: Case, span: Span) -> Decision {
    match (left, right) {
        (Datum::Text(left), Datum::Text(right)) => Ok(match case {
            Case::Counts => left == right,
            Case::Ignored => left.eq_ignore_ascii_case(right),
        }),
        (Datum::Number(left), Datum::Number(right)) => Ok(left.compare(*right) == Some(Ordering::Equal)),
        (Datum::Bool(left), Datum::Bool(right)) => Ok(left == right),
        (Datum::Json(_), Datum::Json(_)) => fault(span, "a single value", left),
        // Values of different types differ, as in CEL; what is missing equals nothing.
        (Datum::Missing | Datum::Text(_) | Datum::Number(_) | Datum::Bool(_) | Datum::Json(_), _) => Ok(false),
    }
}

fn in_order(order: Order, left: &Datum<'_>, right: &Datum<'_>, span: Span) -> Decision {
    let ordering = match (left, right) {
        (Datum::Missing, _) | (_, Datum::Missing) => return Ok(false),
        (Datum::Text(left), Datum::Text(right)) => Some(left.cmp(right)),
        (Datum::Number(left), Datum::Number(right)) => left.compare(*right),
        (Datum::Text(_), other) => return fault(span, "a text", other),
        (Datum::Number(_), other) => return fault(span, "a number", other),
        (other @ (Datum::Bool(_) | Datum::Json(_)), _) => return fault(span, "a text or a number", other),
    };
    Ok(ordering.is_some_and(|ordering| match order {
        Order::Less => ordering.is_lt(),
        Order::LessOrEqual => ordering.is_le(),
        Order::Greater => ordering.is_gt(),
        Order::GreaterOrEqual => ordering.is_ge(),
    }))
}

impl TextTest {
    fn holds(self, text: &str, part: &str, case: Case) -> bool {
        match (self, case) {
            (Self::StartsWith, Case::Counts) => text.starts_with(part),
            (Self::EndsWith, Case::Counts) => text.ends_with(part),
            (Self::Contains, Case::Counts) => text.contains(part),
            (_, Case::Ignored) => self.holds_without_case(text.as_bytes(), part.as_bytes()),
        }
    }

    fn holds_without_case(self, text: &[u8], part: &[u8]) -> bool {
        let Some(rest) = text.len().checked_sub(part.len()) else { return false };
        let at = |start: usize| text[start..start + part.len()].eq_ignore_ascii_case(part);
        match self {
            Self::StartsWith => at(0),
            Self::EndsWith => at(rest),
            Self::Contains => (0..=rest).any(at),
        }
    }
}

impl Operand {
    pub(super) fn read<'s>(&'s self, scope: Scope<'s>) -> Result<Datum<'s>, Fault> {
        Ok(match self {
            Self::Text(text) => Datum::Text(Cow::Borrowed(text)),
            Self::Number(number) => Datum::Number(*number),
            Self::Truth(test) => Datum::Bool(test.holds(scope)?),
            Self::Field(field) => scope.subject.view.text(*field).map_or(Datum::Missing, Datum::Text),
            Self::Topic => Datum::Text(Cow::Borrowed(scope.subject.topic)),
            Self::Raw(path) => path.value(scope).map_or(Datum::Missing, datum),
            Self::Variable(depth) => borrowed(scope.variable(*depth)),
            Self::Cased { upper, operand, span } => {
                operand.text(scope, *span)?.map_or(Datum::Missing, |text| Datum::Text(cased(text, *upper)))
            }
            Self::Size(operand, span) => match operand.read(scope)? {
                Datum::Missing => Datum::Missing,
                Datum::Text(text) => Datum::Number(Number::count(text.chars().count())),
                Datum::Json(value) => Datum::Number(Number::count(value.children().count())),
                other @ (Datum::Number(_) | Datum::Bool(_)) => return fault(*span, "a text or a list", &other),
            },
            Self::Count(list) => Datum::Number(Number::count(list.count(scope)?)),
            Self::Choose(condition, sides) => {
                let [then, otherwise] = &**sides;
                if condition.holds(scope)? { then.read(scope)? } else { otherwise.read(scope)? }
            }
        })
    }

    /// `None` when it is missing.
    fn text<'s>(&'s self, scope: Scope<'s>, span: Span) -> Result<Option<Cow<'s, str>>, Fault> {
        match self.read(scope)? {
            Datum::Missing => Ok(None),
            Datum::Text(text) => Ok(Some(text)),
            other @ (Datum::Number(_) | Datum::Bool(_) | Datum::Json(_)) => fault(span, "a text", &other),
        }
    }
}

fn borrowed<'s>(datum: &'s Datum<'s>) -> Datum<'s> {
    match datum {
        Datum::Missing => Datum::Missing,
        Datum::Text(text) => Datum::Text(Cow::Borrowed(text)),
        Datum::Number(number) => Datum::Number(*number),
        Datum::Bool(holds) => Datum::Bool(*holds),
        Datum::Json(value) => Datum::Json(*value),
    }
}

fn cased(text: Cow<'_, str>, upper: bool) -> Cow<'_, str> {
    let changes = |byte: u8| if upper { byte.is_ascii_lowercase() } else { byte.is_ascii_uppercase() };
    if !text.bytes().any(changes) {
        return text;
    }
    Cow::Owned(if upper { text.to_ascii_uppercase() } else { text.to_ascii_lowercase() })
}

fn datum(value: Value<'_>) -> Datum<'_> {
    match value.kind() {
        Kind::Null => Datum::Missing,
        Kind::Bool(holds) => Datum::Bool(holds),
        Kind::String => value.text().map_or(Datum::Missing, Datum::Text),
        Kind::Number => Number::parse(value.raw()).map_or(Datum::Missing, Datum::Number),
        Kind::Object | Kind::Array => Datum::Json(value),
    }
}

impl RawPath {
    /// `None` when it is not there. Only objects have members and only arrays have items, so on anything else there is none.
    fn value<'s>(&'s self, scope: Scope<'s>) -> Option<Value<'s>> {
        let base = match self.base {
            Base::Event => scope.subject.view.document().root(),
            Base::Variable(depth) => match scope.variable(depth) {
                Datum::Json(value) => *value,
                Datum::Missing | Datum::Text(_) | Datum::Number(_) | Datum::Bool(_) => return None,
            },
        };
        self.steps.iter().try_fold(base, |value, step| match step {
            Step::Key(key) => value.get(key),
            Step::Item(index) if value.kind() == Kind::Array => value.children().nth(*index),
            Step::Item(_) => None,
        })
    }
}

impl List {
    /// Whether the test comes to `decides` for an element; with `decides` false: whether it does for none, so that the
    /// answer is that of `all`.
    fn any<'s>(
        &'s self,
        scope: Scope<'s>,
        decides: bool,
        mut test: impl FnMut(&Datum<'_>, Scope<'_>) -> Decision,
    ) -> Decision {
        let mut with = |element: Datum<'s>| {
            let frame = Frame { element, outer: scope.innermost };
            test(&frame.element, Scope { subject: scope.subject, innermost: Some(&frame) })
        };
        match self {
            Self::Field(field) => {
                let mut answer = Ok(!decides);
                scope.subject.view.each(*field, &mut |text| {
                    if answer != Ok(decides) {
                        answer = combine([answer, with(Datum::Text(text))].into_iter(), decides);
                    }
                });
                answer
            }
            Self::Items(items) => combine(items.iter().map(|item| with(item.read(scope)?)), decides),
            Self::Raw(operand, span) => match elements(operand.read(scope)?, *span)? {
                None => Ok(!decides),
                Some(array) => combine(array.children().map(|element| with(datum(element))), decides),
            },
        }
    }

    fn count(&self, scope: Scope<'_>) -> Result<usize, Fault> {
        match self {
            Self::Field(field) => {
                let mut count = 0;
                scope.subject.view.each(*field, &mut |_| count += 1);
                Ok(count)
            }
            Self::Items(items) => Ok(items.len()),
            Self::Raw(operand, span) => {
                Ok(elements(operand.read(scope)?, *span)?.map_or(0, |array| array.children().count()))
            }
        }
    }
}

fn elements(datum: Datum<'_>, span: Span) -> Result<Option<Value<'_>>, Fault> {
    match datum {
        Datum::Missing => Ok(None),
        Datum::Json(value) if value.kind() == Kind::Array => Ok(Some(value)),
        other @ (Datum::Text(_) | Datum::Number(_) | Datum::Bool(_) | Datum::Json(_)) => fault(span, "a list", &other),
    }
}

impl Number {
    fn parse(raw: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(raw).ok()?;
        text.parse().map(Self::Int).or_else(|_| text.parse().map(Self::Float)).ok()
    }

    fn count(count: usize) -> Self {
        Self::Int(i64::try_from(count).unwrap_or(i64::MAX))
    }

    /// `None` only for what is no number.
    fn compare(self, other: Self) -> Option<Ordering> {
        match (self, other) {
            (Self::Int(left), Self::Int(right)) => Some(left.cmp(&right)),
            (left, right) => left.as_float().partial_cmp(&right.as_float()),
        }
    }

    #[allow(
        clippy::cast_precision_loss,
        reason = "CEL compares whole numbers with others as floating-point numbers do"
    )]
    fn as_float(self) -> f64 {
        match self {
            Self::Int(number) => number as f64,
            Self::Float(number) => number,
        }
    }
}
