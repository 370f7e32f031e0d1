//! From the syntax tree to a program, if it makes sense: every name is known, every operator and function gets what it
//! can work with.
//!
//! All mistakes are reported, not only the first; what depends on one is not complained about again. Beside them there are
//! remarks about what is allowed and cannot have been meant, such as a word that a field never holds.

mod compare;
mod functions;
mod names;

use super::problem::{Problem, Span};
use super::program::{Base, Case, List, Number, Operand, RawPath, Step, Test};
use super::syntax::{Expr, Kind};

/// What the checker has made of a condition.
pub(super) struct Checked {
    /// `None` when there are problems.
    pub(super) test: Option<Test>,
    pub(super) problems: Vec<Problem>,
    pub(super) remarks: Vec<Problem>,
}

pub(super) fn check(text: &str, expr: &Expr) -> Checked {
    let mut checker =
        Checker { text, problems: Vec::new(), remarks: Vec::new(), variables: Vec::new(), after_operator: false };
    let test = checker.test(expr);
    let Checker { problems, remarks, .. } = checker;
    Checked { test: test.filter(|_| problems.is_empty()), problems, remarks }
}

/// A checked expression, by its type.
#[derive(Clone, Debug)]
enum Typed {
    Test(Test),
    Text(Operand, Case),
    Number(Operand),
    Null,
    List(List, Element),
    /// A value of the event as it was read: its type shows when there is one.
    Raw(Operand),
}

/// What the elements of a list are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Element {
    Text(Case),
    Number,
    Bool,
    Raw,
}

struct Variable {
    name: String,
    element: Element,
}

struct Checker<'t> {
    text: &'t str,
    problems: Vec<Problem>,
    remarks: Vec<Problem>,
    /// The innermost last.
    variables: Vec<Variable>,
    /// The expression stands where a text without quotation marks would stand.
    after_operator: bool,
}

/// `None` when something is wrong, which has been said.
impl Checker<'_> {
    fn problem<T>(&mut self, span: Span, cause: impl Into<String>, remedy: impl Into<String>) -> Option<T> {
        self.problems.push(Problem::new(span, cause, remedy));
        None
    }

    fn remark(&mut self, span: Span, cause: impl Into<String>, remedy: impl Into<String>) {
        self.remarks.push(Problem::new(span, cause, remedy));
    }

    /// The part of the condition, for use in a sentence.
    fn quote(&self, span: Span) -> String {
        const LONGEST: usize = 60;
        let text = span.of(self.text);
        match text.char_indices().nth(LONGEST) {
            Some((at, _)) => format!("`{}…`", &text[..at]),
            None => format!("`{text}`"),
        }
    }

    /// An expression that has to be true or false.
    fn test(&mut self, expr: &Expr) -> Option<Test> {
        let shown = self.quote(expr.span);
        let bare = shown.trim_matches('`');
        match self.value(expr)? {
            Typed::Test(test) => Some(test),
            Typed::Raw(operand) => Some(Test::Truth(operand, expr.span)),
            Typed::Text(..) => {
                let remedy = format!("compare it, as in `{bare} == \"…\"`, or ask whether it is there: `has({bare})`");
                self.problem(expr.span, format!("{shown} is a text, where a condition has to stand"), remedy)
            }
            Typed::Number(_) => {
                let cause = format!("{shown} is a number, where a condition has to stand");
                self.problem(expr.span, cause, format!("compare it, as in `{bare} > 0`"))
            }
            Typed::List(..) => {
                let remedy = format!("look into it: `\"…\" in {bare}`, or `{bare}.exists(x, x.startsWith(\"…\"))`");
                self.problem(expr.span, format!("{shown} is a list, where a condition has to stand"), remedy)
            }
            Typed::Null => self.problem(
                expr.span,
                "`null` stands where a condition has to stand",
                "write `has(field)`, or `field == null`",
            ),
        }
    }

    fn value(&mut self, expr: &Expr) -> Option<Typed> {
        Some(match &expr.kind {
            Kind::Null => Typed::Null,
            Kind::Bool(holds) => Typed::Test(Test::Always(*holds)),
            Kind::Int(number) => Typed::Number(Operand::Number(Number::Int(*number))),
            Kind::Float(number) => Typed::Number(Operand::Number(Number::Float(*number))),
            Kind::Text(text) => Typed::Text(Operand::Text(text.as_str().into()), Case::Counts),
            Kind::List(items) => return self.list(items, expr.span),
            Kind::Name(name) => return self.name(name, expr.span),
            Kind::Member(..) | Kind::Index(..) => return self.path(expr),
            Kind::Call(call) => return self.call(call, expr.span),
            Kind::Not(inner) => Typed::Test(Test::Not(Box::new(self.test(inner)?))),
            Kind::And(parts) => Typed::Test(Test::All(self.tests(parts)?)),
            Kind::Or(parts) => Typed::Test(Test::Any(self.tests(parts)?)),
            Kind::Choose(parts) => return self.choose(parts),
            Kind::Compare(comparison, sides) => return self.compare(*comparison, sides, expr.span).map(Typed::Test),
        })
    }

    fn tests(&mut self, parts: &[Expr]) -> Option<Box<[Test]>> {
        // All are looked at, so that all mistakes are found.
        let tests: Vec<Option<Test>> = parts.iter().map(|part| self.test(part)).collect();
        tests.into_iter().collect()
    }

    fn choose(&mut self, parts: &[Expr; 3]) -> Option<Typed> {
        let [condition, then, otherwise] = parts;
        let (condition, left, right) = (self.test(condition), self.value(then), self.value(otherwise));
        let (condition, left, right) = (condition?, left?, right?);
        let choose = |left, right| Operand::Choose(Box::new(condition.clone()), Box::new([left, right]));
        Some(match (left, right) {
            (Typed::Test(left), Typed::Test(right)) => {
                Typed::Test(Test::Choose(Box::new([condition.clone(), left, right])))
            }
            // Where one side has no case, neither has: which one it is shows only later.
            (Typed::Text(left, a), Typed::Text(right, b)) => Typed::Text(choose(left, right), either(a, b)),
            (Typed::Number(left), Typed::Number(right)) => Typed::Number(choose(left, right)),
            (left @ (Typed::Test(_) | Typed::Text(..) | Typed::Number(_)), Typed::Raw(right)) => {
                Typed::Raw(choose(left.operand()?, right))
            }
            (Typed::Raw(left), right @ (Typed::Test(_) | Typed::Text(..) | Typed::Number(_) | Typed::Raw(_))) => {
                Typed::Raw(choose(left, right.operand()?))
            }
            (left, right) => {
                let cause = format!("one side of `:` is {}, the other is {}", left.what(), right.what());
                return self.problem(then.span.to(otherwise.span), cause, "let both be of one kind");
            }
        })
    }

    fn list(&mut self, items: &[Expr], span: Span) -> Option<Typed> {
        let typed: Vec<Option<Typed>> = items.iter().map(|item| self.value(item)).collect();
        let typed: Vec<Typed> = typed.into_iter().collect::<Option<_>>()?;
        let mut kind = None;
        let mut operands = Vec::new();
        for (item, value) in items.iter().zip(typed) {
            let element = match &value {
                Typed::Text(_, case) => Element::Text(*case),
                Typed::Number(_) => Element::Number,
                Typed::Test(_) => Element::Bool,
                Typed::Raw(_) => Element::Raw,
                Typed::Null | Typed::List(..) => {
                    let cause = format!("{} cannot be an element of a list here", value.what());
                    return self.problem(item.span, cause, "list texts or numbers");
                }
            };
            kind = match (kind, element) {
                (None, element) => Some(element),
                (Some(Element::Text(a)), Element::Text(b)) => Some(Element::Text(either(a, b))),
                (Some(Element::Raw), _) | (Some(_), Element::Raw) => Some(Element::Raw),
                (Some(known), element) if known == element => Some(known),
                (Some(_), _) => {
                    let cause = format!("this element is {}, unlike those before it", value.what());
                    return self.problem(item.span, cause, "let all elements be of one kind");
                }
            };
            operands.extend(value.operand());
        }
        match kind {
            Some(kind) => Some(Typed::List(List::Items(operands.into()), kind)),
            None => self.problem(span, "an empty list holds nothing", "put at least one element into it"),
        }
    }

    /// `event.a.b`, `event["a"]`, and the same of an element of a list.
    fn path(&mut self, expr: &Expr) -> Option<Typed> {
        let mut steps = Vec::new();
        let mut base = expr;
        loop {
            if let Kind::Member(inner, name) = &base.kind {
                steps.push(Step::Key(name.as_str().into()));
                base = inner;
            } else if let Kind::Index(inner, index) = &base.kind {
                steps.push(self.step(index)?);
                base = inner;
            } else {
                break;
            }
        }
        steps.reverse();
        let Kind::Name(name) = &base.kind else {
            let cause = format!("{} has no members", self.quote(base.span));
            return self.problem(base.span, cause, "only `event`, and elements of its lists, have members");
        };
        let base = match self.variable(name) {
            Some((depth, Element::Raw)) => Base::Variable(depth),
            None if name == "event" => {
                self.remark_on_first_step(&steps, expr.span);
                Base::Event
            }
            Some(_) | None => return self.no_members(name, base.span, expr.span),
        };
        Some(Typed::Raw(Operand::Raw(RawPath { base, steps: steps.into() })))
    }

    fn step(&mut self, index: &Expr) -> Option<Step> {
        if let Kind::Text(key) = &index.kind {
            return Some(Step::Key(key.as_str().into()));
        }
        if let Kind::Int(number) = index.kind
            && let Ok(number) = usize::try_from(number)
        {
            return Some(Step::Item(number));
        }
        let remedy = "write for example `event[\"a name\"]` or `event.list[0]`, counted from 0";
        self.problem(index.span, "between `[` and `]` stands the name of a member or the number of an item", remedy)
    }
}

impl Typed {
    const fn what(&self) -> &'static str {
        match self {
            Self::Test(_) => "true or false",
            Self::Text(..) => "a text",
            Self::Number(_) => "a number",
            Self::Null => "`null`",
            Self::List(..) => "a list",
            Self::Raw(_) => "a raw value",
        }
    }

    /// `None` for null and for lists.
    fn operand(self) -> Option<Operand> {
        match self {
            Self::Test(test) => Some(Operand::Truth(Box::new(test))),
            Self::Text(operand, _) | Self::Number(operand) | Self::Raw(operand) => Some(operand),
            Self::Null | Self::List(..) => None,
        }
    }
}

const fn either(a: Case, b: Case) -> Case {
    match (a, b) {
        (Case::Counts, Case::Counts) => Case::Counts,
        (Case::Ignored, _) | (_, Case::Ignored) => Case::Ignored,
    }
}
