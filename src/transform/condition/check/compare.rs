//! Operators that compare: `==`, `!=`, `<`, `<=`, `>`, `>=`, `in`.

use crate::event::Field;

use super::super::problem::Span;
use super::super::program::{Case, List, Operand, Order, Test, Word};
use super::super::syntax::{Comparison, Expr, Kind};
use super::names::{known_words, nearest};
use super::{Checker, Element, Typed, either};

impl Checker<'_> {
    pub(super) fn compare(&mut self, comparison: Comparison, sides: &[Expr; 2], span: Span) -> Option<Test> {
        let left = self.value(&sides[0]);
        let outer = std::mem::replace(&mut self.after_operator, true);
        let right = self.value(&sides[1]);
        self.after_operator = outer;
        let (left, right) = (left?, right?);
        match comparison {
            Comparison::Equal => self.equal(left, right, sides, span),
            Comparison::NotEqual => self.equal(left, right, sides, span).map(|test| Test::Not(Box::new(test))),
            Comparison::Less => self.order(Order::Less, (left, right), sides, span),
            Comparison::LessOrEqual => self.order(Order::LessOrEqual, (left, right), sides, span),
            Comparison::Greater => self.order(Order::Greater, (left, right), sides, span),
            Comparison::GreaterOrEqual => self.order(Order::GreaterOrEqual, (left, right), sides, span),
            Comparison::In => self.element(left, right, sides, span),
        }
    }

    fn equal(&mut self, left: Typed, right: Typed, sides: &[Expr; 2], span: Span) -> Option<Test> {
        match (left, right) {
            (Typed::Null, Typed::Null) => Some(Test::Always(true)),
            (Typed::Null, value) => self.is_null(value, sides[1].span),
            (value, Typed::Null) => self.is_null(value, sides[0].span),
            (Typed::Test(Test::Always(wanted)), Typed::Test(test))
            | (Typed::Test(test), Typed::Test(Test::Always(wanted))) => {
                Some(if wanted { test } else { Test::Not(Box::new(test)) })
            }
            (Typed::Text(left, a), Typed::Text(right, b)) => Some(self.same_text(left, right, either(a, b), sides)),
            (Typed::Text(left, case), Typed::Raw(right)) | (Typed::Raw(left), Typed::Text(right, case)) => {
                Some(self.same_text(left, right, case, sides))
            }
            (left, right) if left.kin(&right) => {
                let sides = Box::new([left.operand()?, right.operand()?]);
                Some(Test::Equal(sides, Case::Counts, span))
            }
            (left, right) => self.never_equal(&left, &right, sides, span),
        }
    }

    fn is_null(&mut self, value: Typed, span: Span) -> Option<Test> {
        match value {
            Typed::Text(operand, _) | Typed::Number(operand) | Typed::Raw(operand) => {
                Some(Test::Not(Box::new(Test::Has(operand))))
            }
            Typed::Test(_) | Typed::List(..) | Typed::Null => {
                let remedy = if matches!(value, Typed::List(..)) {
                    format!("an empty list is `size({}) == 0`", span.of(self.text))
                } else {
                    format!("compare {} with `true` or `false`", self.quote(span))
                };
                self.problem(span, format!("{} is never null", self.quote(span)), remedy)
            }
        }
    }

    fn same_text(&mut self, left: Operand, right: Operand, case: Case, sides: &[Expr; 2]) -> Test {
        match (left, right) {
            (operand, Operand::Text(text)) => {
                self.remark_on_word(&operand, &text, sides[1].span);
                Test::Is(operand, Word { text, case })
            }
            (Operand::Text(text), operand) => {
                self.remark_on_word(&operand, &text, sides[0].span);
                Test::Is(operand, Word { text, case })
            }
            (left, right) => Test::Equal(Box::new([left, right]), case, sides[0].span.to(sides[1].span)),
        }
    }

    /// A word that the field never holds.
    fn remark_on_word(&mut self, operand: &Operand, word: &str, span: Span) {
        let Operand::Field(field) = operand else { return };
        let name = field.as_str();
        if word.is_empty() {
            let remedy = format!("what is missing is asked for with `!has({name})`");
            self.remark(span, format!("`{name}` is never an empty text"), remedy);
            return;
        }
        let Some(words) = known_words(*field).filter(|words| !words.contains(&word)) else { return };
        let all: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
        let meant = match (*field, word.to_ascii_lowercase().as_str()) {
            (Field::Outcome, "denied" | "deny" | "fail" | "failed" | "error" | "false" | "unauthenticated") => {
                Some("failure")
            }
            (Field::Outcome, "allow" | "allowed" | "granted" | "ok" | "true") => Some("success"),
            (_, word) => nearest(word, words),
        };
        let remedy = match meant {
            Some(near) => format!("did you mean \"{near}\"? It is one of {}", all.join(", ")),
            None => format!("it is one of {}", all.join(", ")),
        };
        self.remark(span, format!("`{name}` is never \"{word}\""), remedy);
    }

    fn never_equal<T>(&mut self, left: &Typed, right: &Typed, sides: &[Expr; 2], span: Span) -> Option<T> {
        let (shown, other) = (self.quote(sides[0].span), self.quote(sides[1].span));
        let bare = sides[0].span.of(self.text);
        let flag = |side: &Expr| matches!(&side.kind, Kind::Text(text) if text == "true" || text == "false");
        let (cause, remedy) = match (left, right) {
            (Typed::List(..), Typed::Text(..)) => (
                format!("{shown} is a list, and {other} is one text"),
                format!("write `{} in {bare}`", sides[1].span.of(self.text)),
            ),
            (Typed::Text(..), Typed::List(..)) => (
                format!("{shown} is one text, and {other} is a list"),
                format!("write `{bare} in {}`", sides[1].span.of(self.text)),
            ),
            (Typed::List(..), _) | (_, Typed::List(..)) => (
                "lists are not compared as a whole".to_owned(),
                "look into the list with `in`, `exists` or `all`, or compare its `size`".to_owned(),
            ),
            (Typed::Test(_), Typed::Text(..)) if flag(&sides[1]) => {
                (format!("{shown} is true or false, and {other} is a text"), "remove the quotation marks".to_owned())
            }
            (Typed::Test(_), Typed::Text(..)) => {
                let remedy =
                    format!("write `{bare}` alone, or `!{bare}`; the word is in `outcome` or `outcome_reason`");
                (format!("{shown} is true or false, and {other} is a text"), remedy)
            }
            (Typed::Text(..), Typed::Number(_)) => {
                let remedy = format!("put the number in quotation marks: `\"{}\"`", sides[1].span.of(self.text));
                (format!("{shown} is a text, and {other} is a number"), remedy)
            }
            (Typed::Text(..), Typed::Test(_)) => (
                format!("{shown} is a text, and {other} is true or false"),
                "compare it with a text; whether something was refused is in `denied`".to_owned(),
            ),
            (left, right) => (
                format!("{shown} is {}, and {other} is {}: they are never equal", left.what(), right.what()),
                "compare values of one kind".to_owned(),
            ),
        };
        self.problem(span, cause, remedy)
    }

    fn order(&mut self, order: Order, (left, right): (Typed, Typed), sides: &[Expr; 2], span: Span) -> Option<Test> {
        let ordered = |side: &Typed| matches!(side, Typed::Text(..) | Typed::Number(_) | Typed::Raw(_));
        if !(ordered(&left) && ordered(&right) && left.kin(&right)) {
            let (shown, other) = (self.quote(sides[0].span), self.quote(sides[1].span));
            let cause = format!("{shown} is {}, and {other} is {}: neither comes first", left.what(), right.what());
            return self.problem(span, cause, "order two texts, or two numbers");
        }
        Some(Test::Order(order, Box::new([left.operand()?, right.operand()?]), span))
    }

    fn element(&mut self, left: Typed, right: Typed, sides: &[Expr; 2], span: Span) -> Option<Test> {
        let (shown, bare) = (self.quote(sides[1].span), sides[1].span.of(self.text));
        let (list, element) = match right {
            Typed::List(list, element) => (list, element),
            Typed::Raw(operand) => (List::Raw(operand, sides[1].span), Element::Raw),
            Typed::Text(..) => {
                let value = sides[0].span.of(self.text);
                let remedy = if matches!(sides[1].kind, Kind::Text(_)) {
                    format!("write `{value} in [{bare}]`, or `{value} == {bare}`")
                } else {
                    format!("write `{bare}.contains({value})`")
                };
                return self.problem(sides[1].span, format!("`in` looks into a list, and {shown} is a text"), remedy);
            }
            Typed::Test(_) | Typed::Number(_) | Typed::Null => {
                let cause = format!("`in` looks into a list, and {shown} is {}", right.what());
                return self.problem(sides[1].span, cause, "write `field in [\"a\", \"b\"]`");
            }
        };
        let case = match (&left, element) {
            (Typed::Text(_, a), Element::Text(b)) => either(*a, b),
            (Typed::Text(_, case), Element::Raw) => *case,
            (Typed::Raw(_), Element::Text(case)) => case,
            (Typed::Number(_), Element::Number | Element::Raw)
            | (Typed::Test(_), Element::Bool | Element::Raw)
            | (Typed::Raw(_), Element::Number | Element::Bool | Element::Raw) => Case::Counts,
            (Typed::List(..), _) => {
                let bare = sides[0].span.of(self.text);
                let cause = format!("{} is a list itself", self.quote(sides[0].span));
                let remedy = format!("write `{bare}.exists(x, x in {})`", sides[1].span.of(self.text));
                return self.problem(sides[0].span, cause, remedy);
            }
            (left, element) => {
                let cause =
                    format!("the list holds {}, and {} is {}", element.what(), self.quote(sides[0].span), left.what());
                return self.problem(span, cause, "look for a value of the kind that the list holds");
            }
        };
        let operand = left.operand()?;
        let List::Items(items) = &list else { return Some(Test::Element(operand, list, case)) };
        let words: Option<Vec<Word>> = items.iter().map(|item| word(item, case)).collect();
        let Some(words) = words else { return Some(Test::Element(operand, list, case)) };
        if let Kind::List(written) = &sides[1].kind {
            written.iter().zip(&words).for_each(|(item, word)| self.remark_on_word(&operand, &word.text, item.span));
        }
        Some(Test::OneOf(operand, words.into()))
    }
}

fn word(operand: &Operand, case: Case) -> Option<Word> {
    let Operand::Text(text) = operand else { return None };
    Some(Word { text: text.clone(), case })
}

impl Typed {
    /// Whether the two can be compared.
    fn kin(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::List(..) | Self::Null, _) | (_, Self::List(..) | Self::Null) => false,
            (Self::Raw(_), _) | (_, Self::Raw(_)) => true,
            (Self::Test(_), Self::Test(_)) | (Self::Text(..), Self::Text(..)) | (Self::Number(_), Self::Number(_)) => {
                true
            }
            (Self::Test(_) | Self::Text(..) | Self::Number(_), _) => false,
        }
    }
}

impl Element {
    const fn what(self) -> &'static str {
        match self {
            Self::Text(_) => "texts",
            Self::Number => "numbers",
            Self::Bool => "true and false",
            Self::Raw => "raw values",
        }
    }
}
