//! A second evaluator: slow, from the tree and an owned JSON document, written from the documentation of the language alone.

#![allow(clippy::wildcard_enum_match_arm, reason = "what is not listed cannot be decided")]

use serde_json::Value as Json;

use super::super::syntax::{Call, Comparison, Expr, Kind};

/// A value, as the reference has it.
#[derive(Clone, PartialEq, Debug)]
pub(super) enum Val {
    Missing,
    Text(String),
    /// Text without case.
    Method(String),
    Int(i64),
    Float(f64),
    Bool(bool),
    List(Vec<Val>),
    Object(Json),
    Null,
}

/// What the reference cannot decide.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Undecided;

type Outcome<T> = Result<T, Undecided>;

pub(super) struct World<'w> {
    pub(super) canonical: &'w dyn Fn(&str) -> Option<Val>,
    pub(super) event: &'w Json,
}

type Names = Vec<(String, Val)>;

impl World<'_> {
    pub(super) fn decide(&self, expr: &Expr) -> Outcome<bool> {
        self.truth(expr, &Vec::new())
    }

    fn truth(&self, expr: &Expr, names: &Names) -> Outcome<bool> {
        match self.value(expr, names)? {
            Val::Bool(holds) => Ok(holds),
            Val::Missing => Ok(false),
            _ => Err(Undecided),
        }
    }

    fn value(&self, expr: &Expr, names: &Names) -> Outcome<Val> {
        Ok(match &expr.kind {
            Kind::Null => Val::Null,
            Kind::Bool(holds) => Val::Bool(*holds),
            Kind::Int(number) => Val::Int(*number),
            Kind::Float(number) => Val::Float(*number),
            Kind::Text(text) => Val::Text(text.clone()),
            Kind::List(items) => Val::List(items.iter().map(|item| self.value(item, names)).collect::<Outcome<_>>()?),
            Kind::Name(name) => self.name(name, names),
            Kind::Member(inner, name) => match self.value(inner, names)? {
                Val::Object(object) => object.get(name).map_or(Val::Missing, from_json),
                _ => Val::Missing,
            },
            Kind::Index(inner, index) => match (self.value(inner, names)?, &index.kind) {
                (Val::Object(object), Kind::Text(name)) => object.get(name).map_or(Val::Missing, from_json),
                (Val::List(items), Kind::Int(at)) => {
                    usize::try_from(*at).ok().and_then(|at| items.get(at)).cloned().unwrap_or(Val::Missing)
                }
                _ => Val::Missing,
            },
            Kind::Call(call) => self.call(call, names)?,
            Kind::Not(inner) => Val::Bool(!self.truth(inner, names)?),
            Kind::And(parts) => Val::Bool(all(parts.iter().map(|part| self.truth(part, names)).collect())?),
            Kind::Or(parts) => Val::Bool(any(parts.iter().map(|part| self.truth(part, names)).collect())?),
            Kind::Choose(parts) => self.value(&parts[if self.truth(&parts[0], names)? { 1 } else { 2 }], names)?,
            Kind::Compare(comparison, sides) => {
                let (left, right) = (self.value(&sides[0], names)?, self.value(&sides[1], names)?);
                Val::Bool(compare(*comparison, &left, &right)?)
            }
        })
    }

    fn name(&self, name: &str, names: &Names) -> Val {
        if let Some((_, value)) = names.iter().rev().find(|(known, _)| known == name) {
            return value.clone();
        }
        match name {
            "event" => from_json(self.event),
            _ => (self.canonical)(name).unwrap_or(Val::Missing),
        }
    }

    fn call(&self, call: &Call, names: &Names) -> Outcome<Val> {
        let operands: Vec<&Expr> = call.target.as_deref().into_iter().chain(&call.arguments).collect();
        if ["exists", "all"].contains(&call.name.as_str()) {
            let items = match self.value(operands[0], names)? {
                Val::List(items) => items,
                Val::Missing => Vec::new(),
                _ => return Err(Undecided),
            };
            let Kind::Name(variable) = &operands[1].kind else { return Err(Undecided) };
            let with = |item: Val| {
                let names = names.iter().cloned().chain([(variable.clone(), item)]).collect();
                self.truth(operands[2], &names)
            };
            let results = items.into_iter().map(with).collect();
            return Ok(Val::Bool(if call.name == "all" { all(results)? } else { any(results)? }));
        }
        let values: Vec<Val> = operands.iter().map(|operand| self.value(operand, names)).collect::<Outcome<_>>()?;
        let text = |at: usize| match &values[at] {
            Val::Text(text) | Val::Method(text) => Ok(Some(text.clone())),
            Val::Missing => Ok(None),
            _ => Err(Undecided),
        };
        let ignore_case = matches!(values[0], Val::Method(_));
        let fold = |text: String| if ignore_case { text.to_ascii_lowercase() } else { text };
        let pair = || -> Outcome<Option<(String, String)>> {
            let (first, second) = (text(0)?, text(1)?);
            Ok(first.zip(second).map(|(a, b)| (fold(a), fold(b))))
        };
        Ok(match call.name.as_str() {
            "startsWith" => Val::Bool(pair()?.is_some_and(|(text, part)| text.starts_with(&part))),
            "endsWith" => Val::Bool(pair()?.is_some_and(|(text, part)| text.ends_with(&part))),
            "contains" => Val::Bool(pair()?.is_some_and(|(text, part)| text.contains(&part))),
            "lowerAscii" => text(0)?.map_or(Val::Missing, |text| Val::Text(text.to_ascii_lowercase())),
            "upperAscii" => text(0)?.map_or(Val::Missing, |text| Val::Text(text.to_ascii_uppercase())),
            "has" => Val::Bool(match &values[0] {
                Val::Missing => false,
                Val::List(items) if is_canonical_list(operands[0]) => !items.is_empty(),
                _ => true,
            }),
            "size" => match &values[0] {
                Val::Text(text) | Val::Method(text) => Val::Int(text.chars().count() as i64),
                Val::List(items) => Val::Int(items.len() as i64),
                Val::Object(object) => Val::Int(object.as_object().map_or(0, |members| members.len() as i64)),
                Val::Missing => Val::Missing,
                _ => return Err(Undecided),
            },
            _ => return Err(Undecided),
        })
    }
}

fn is_canonical_list(expr: &Expr) -> bool {
    matches!(&expr.kind, Kind::Name(name) if name == "client_ip")
}

pub(super) fn from_json(json: &Json) -> Val {
    match json {
        Json::Null => Val::Missing,
        Json::Bool(holds) => Val::Bool(*holds),
        Json::String(text) => Val::Text(text.clone()),
        Json::Number(number) => {
            number.as_i64().map_or_else(|| Val::Float(number.as_f64().unwrap_or(f64::NAN)), Val::Int)
        }
        Json::Array(items) => Val::List(items.iter().map(from_json).collect()),
        Json::Object(_) => Val::Object(json.clone()),
    }
}

fn all(results: Vec<Outcome<bool>>) -> Outcome<bool> {
    if results.contains(&Ok(false)) {
        Ok(false)
    } else {
        results.into_iter().collect::<Outcome<Vec<_>>>().map(|_| true)
    }
}

fn any(results: Vec<Outcome<bool>>) -> Outcome<bool> {
    if results.contains(&Ok(true)) { Ok(true) } else { results.into_iter().collect::<Outcome<Vec<_>>>().map(|_| false) }
}

fn compare(comparison: Comparison, left: &Val, right: &Val) -> Outcome<bool> {
    let order = |wanted: &[std::cmp::Ordering]| match order(left, right)? {
        None => Ok(false),
        Some(ordering) => Ok(wanted.contains(&ordering)),
    };
    use std::cmp::Ordering::{Equal, Greater, Less};
    match comparison {
        Comparison::Equal => equal(left, right),
        Comparison::NotEqual => equal(left, right).map(|equal| !equal),
        Comparison::Less => order(&[Less]),
        Comparison::LessOrEqual => order(&[Less, Equal]),
        Comparison::Greater => order(&[Greater]),
        Comparison::GreaterOrEqual => order(&[Greater, Equal]),
        Comparison::In => match right {
            Val::Missing => Ok(false),
            Val::List(items) => any(items.iter().map(|item| equal(left, item)).collect()),
            _ => Err(Undecided),
        },
    }
}

fn equal(left: &Val, right: &Val) -> Outcome<bool> {
    Ok(match (left, right) {
        (Val::Null, Val::Missing) | (Val::Missing, Val::Null) | (Val::Null, Val::Null) => true,
        (Val::Text(a), Val::Text(b)) => a == b,
        (Val::Method(a) | Val::Text(a), Val::Method(b) | Val::Text(b)) => a.to_lowercase() == b.to_lowercase(),
        (Val::Bool(a), Val::Bool(b)) => a == b,
        (Val::Int(a), Val::Int(b)) => a == b,
        (Val::Int(a), Val::Float(b)) | (Val::Float(b), Val::Int(a)) => *a as f64 == *b,
        (Val::Float(a), Val::Float(b)) => a == b,
        (Val::List(_) | Val::Object(_), Val::List(_) | Val::Object(_)) => return Err(Undecided),
        _ => false,
    })
}

fn order(left: &Val, right: &Val) -> Outcome<Option<std::cmp::Ordering>> {
    match (left, right) {
        (Val::Missing, _) | (_, Val::Missing) => Ok(None),
        (Val::Text(a) | Val::Method(a), Val::Text(b) | Val::Method(b)) => Ok(Some(a.cmp(b))),
        (Val::Int(a), Val::Int(b)) => Ok(Some(a.cmp(b))),
        (Val::Int(a), Val::Float(b)) => Ok((*a as f64).partial_cmp(b)),
        (Val::Float(a), Val::Int(b)) => Ok(a.partial_cmp(&(*b as f64))),
        (Val::Float(a), Val::Float(b)) => Ok(a.partial_cmp(b)),
        _ => Err(Undecided),
    }
}
