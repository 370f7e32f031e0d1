//! What names mean, and what was probably meant by one that means nothing.

use crate::event::{Field, Shape};

use super::super::problem::Span;
use super::super::program::{Base, Case, List, Operand, RawPath, Step};
use super::{Checker, Element, Typed};

/// Names that the event, or another tool, has for what is canonical here.
const OTHERWISE: [(&str, &str); 36] = [
    ("methodName", "method"),
    ("method_name", "method"),
    ("action", "method"),
    ("serviceName", "service"),
    ("service_name", "service"),
    ("resourceName", "resource"),
    ("resource_name", "resource"),
    ("resourceType", "resource_type"),
    ("resourceId", "resource_id"),
    ("user", "principal"),
    ("username", "principal"),
    ("actor", "principal"),
    ("ip", "client_ip"),
    ("clientIp", "client_ip"),
    ("client_address", "client_ip"),
    ("clientAddress", "client_ip"),
    ("src_ip", "client_ip"),
    ("source_ip", "client_ip"),
    ("status", "outcome"),
    ("result", "outcome"),
    ("success", "outcome == \"success\""),
    ("failure", "denied"),
    ("failed", "denied"),
    ("granted", "!denied"),
    ("allowed", "!denied"),
    ("timestamp", "time"),
    ("api_key", "credential_id"),
    ("org", "organization"),
    ("env", "environment"),
    ("accessType", "access_type"),
    ("requestId", "request_id"),
    ("role_name", "role"),
    ("cluster_id", "cluster"),
    ("environment_id", "environment"),
    ("data", "event.data"),
    ("request", "event.data.request"),
];

/// Members of `data`, which people take for members of the event.
const OF_DATA: [&str; 12] = [
    "methodName",
    "method_name",
    "serviceName",
    "resourceName",
    "authenticationInfo",
    "authorizationInfo",
    "request",
    "result",
    "requestMetadata",
    "clientAddress",
    "cloudResources",
    "principalResourceId",
];

/// Every function, and how it is written.
pub(super) const FUNCTIONS: [(&str, &str); 11] = [
    ("startsWith", "text.startsWith(\"…\")"),
    ("endsWith", "text.endsWith(\"…\")"),
    ("contains", "text.contains(\"…\")"),
    ("matches", "text.matches(\"…\")"),
    ("lowerAscii", "text.lowerAscii()"),
    ("upperAscii", "text.upperAscii()"),
    ("size", "size(value)"),
    ("has", "has(field)"),
    ("exists", "list.exists(x, …)"),
    ("all", "list.all(x, …)"),
    ("inCidr", "inCidr(address, \"10.0.0.0/8\")"),
];

/// All that a field ever holds, where that is known.
const WORDS: [(Field, &[&str]); 4] = [
    (Field::Outcome, &["success", "failure", "unknown"]),
    (Field::Verb, &["create", "update", "delete", "read", "write", "logon", "access-check", "other"]),
    (Field::PrincipalType, &["user", "service_account", "identity_pool", "group", "external_account", "certificate"]),
    (Field::AccessType, &["READ_ONLY", "MODIFICATION", "UNKNOWN"]),
];

pub(super) fn known_words(field: Field) -> Option<&'static [&'static str]> {
    WORDS.iter().find(|(known, _)| *known == field).map(|(_, words)| *words)
}

/// All names would fill the screen.
const KNOWN_BEST: &str = "the fields are listed in docs/event-fields.md, `method`, `outcome`, `denied`, `principal`, `resource` and \
    `cluster` among them; the event as it was read is `event`";

impl Checker<'_> {
    /// How many lists further out, and what it is.
    pub(super) fn variable(&self, name: &str) -> Option<(usize, Element)> {
        let depth = self.variables.iter().rev().position(|variable| variable.name == name)?;
        Some((depth, self.variables[self.variables.len() - 1 - depth].element))
    }

    pub(super) fn name(&mut self, name: &str, span: Span) -> Option<Typed> {
        if let Some((depth, element)) = self.variable(name) {
            let operand = Operand::Variable(depth);
            return Some(match element {
                Element::Text(case) => Typed::Text(operand, case),
                Element::Number => Typed::Number(operand),
                Element::Bool | Element::Raw => Typed::Raw(operand),
            });
        }
        match (name, Field::parse(name)) {
            ("topic", _) => Some(Typed::Text(Operand::Topic, Case::Counts)),
            ("event", _) => {
                let path = RawPath { base: Base::Event, steps: Box::default() };
                Some(Typed::Raw(Operand::Raw(path)))
            }
            (_, Some(field)) => Some(match field.shape() {
                Shape::Text => Typed::Text(Operand::Field(field), Case::Counts),
                Shape::Method => Typed::Text(Operand::Field(field), Case::Ignored),
                Shape::List => Typed::List(List::Field(field), Element::Text(Case::Counts)),
                Shape::Bool => Typed::Test(super::Test::Flag(field)),
            }),
            (_, None) => self.unknown(name, span, span),
        }
    }

    /// `whole` is what begins with the name.
    fn unknown<T>(&mut self, name: &str, span: Span, whole: Span) -> Option<T> {
        if self.after_operator {
            let text = whole.of(self.text);
            let cause = format!("there is no field `{name}`");
            let near =
                self.meant(name).map(|near| format!(", or did you mean the field `{near}`?")).unwrap_or_default();
            return self.problem(whole, cause, format!("a text needs quotation marks: `\"{text}\"`{near}"));
        }
        let remedy = match self.meant(name) {
            Some(near) => format!("did you mean `{near}`?"),
            None if OF_DATA.contains(&name) => format!("write `event.data.{name}`"),
            None if FUNCTIONS.iter().any(|(function, _)| *function == name) => {
                format!("`{name}` is a function, and needs brackets")
            }
            None => KNOWN_BEST.to_owned(),
        };
        self.problem(span, format!("there is no field `{name}`"), remedy)
    }

    fn meant(&self, name: &str) -> Option<String> {
        if let Some((_, meant)) = OTHERWISE.iter().find(|(other, _)| *other == name) {
            return Some((*meant).to_owned());
        }
        let variables = self.variables.iter().map(|variable| variable.name.as_str());
        let names: Vec<&str> =
            variables.chain(Field::ALL.iter().map(|field| field.as_str())).chain(["topic", "event"]).collect();
        nearest(name, &names).map(str::to_owned)
    }

    /// A name that has no members has got one.
    pub(super) fn no_members<T>(&mut self, name: &str, span: Span, whole: Span) -> Option<T> {
        let known = self.variable(name).is_some() || name == "topic" || Field::parse(name).is_some();
        if !known {
            // `kafka.CreateTopics` without quotation marks, or `data.methodName`.
            let text = whole.of(self.text);
            if !self.after_operator && (name == "data" || OF_DATA.contains(&name)) {
                let path = if name == "data" { text.to_owned() } else { format!("data.{text}") };
                let cause = format!("there is no field `{name}`");
                return self.problem(
                    whole,
                    cause,
                    format!("the event as it was read is `event`: write `event.{path}`"),
                );
            }
            return self.unknown(name, span, whole);
        }
        let what = match Field::parse(name).map(Field::shape) {
            Some(Shape::List) => "a list",
            Some(Shape::Bool) => "true or false",
            Some(Shape::Text | Shape::Method) | None => "a text",
        };
        let remedy = "members are those of the event as it was read: `event.data.…`; functions need brackets";
        self.problem(whole, format!("`{name}` is {what}, and has no members"), remedy)
    }

    pub(super) fn remark_on_first_step(&mut self, steps: &[Step], span: Span) {
        let Some(Step::Key(key)) = steps.first() else { return };
        if OF_DATA.contains(&&**key) {
            let cause = format!("events have no member `{key}` at the top: it is a member of `data`");
            self.remark(span, cause, format!("write `event.data.{key}`"));
        }
    }
}

/// The known name that a slip would most likely have come from.
pub(super) fn nearest<'n>(word: &str, known: &[&'n str]) -> Option<&'n str> {
    let plain = |name: &str| name.to_ascii_lowercase().replace(['-', '_'], "");
    let word = plain(word);
    let distance = |name: &str| strsim::damerau_levenshtein(&word, &plain(name));
    let near = known.iter().copied().min_by_key(|name| distance(name))?;
    (distance(near) <= near.len().max(word.len()) / 3).then_some(near)
}
