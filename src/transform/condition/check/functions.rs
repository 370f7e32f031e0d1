//! Functions: whether there is one of this name, and whether it gets what it takes.

use ipnet::IpNet;
use regex::RegexBuilder;

use crate::defaults::CONDITION_REGEX_BYTES;
use crate::event::Field;

use super::super::problem::Span;
use super::super::program::{Case, List, Operand, Test, TextTest};
use super::super::syntax::{Call, Expr, Kind};
use super::names::{FUNCTIONS, nearest};
use super::{Checker, Element, Typed, Variable};

/// Of CEL, and not here.
const NOT_SUPPORTED: [&str; 14] = [
    "exists_one",
    "map",
    "filter",
    "int",
    "uint",
    "double",
    "string",
    "bytes",
    "bool",
    "type",
    "dyn",
    "timestamp",
    "duration",
    "getFullYear",
];

/// What people write who come from elsewhere.
const OTHERWISE: [(&str, &str); 16] = [
    ("startswith", "startsWith"),
    ("starts_with", "startsWith"),
    ("hasPrefix", "startsWith"),
    ("endswith", "endsWith"),
    ("ends_with", "endsWith"),
    ("hasSuffix", "endsWith"),
    ("includes", "contains"),
    ("like", "contains"),
    ("match", "matches"),
    ("regex", "matches"),
    ("lower", "lowerAscii"),
    ("upper", "upperAscii"),
    ("len", "size"),
    ("length", "size"),
    ("any", "exists"),
    ("cidr", "inCidr"),
];

impl Checker<'_> {
    pub(super) fn call(&mut self, call: &Call, span: Span) -> Option<Typed> {
        let outer = std::mem::replace(&mut self.after_operator, false);
        let typed = self.known_call(call, span);
        self.after_operator = outer;
        typed
    }

    fn known_call(&mut self, call: &Call, span: Span) -> Option<Typed> {
        match (call.name.as_str(), &call.target) {
            ("startsWith", Some(text)) => self.text_test(TextTest::StartsWith, text, call, span),
            ("endsWith", Some(text)) => self.text_test(TextTest::EndsWith, text, call, span),
            ("contains", Some(text)) => self.text_test(TextTest::Contains, text, call, span),
            ("matches", Some(text)) => {
                let [pattern] = self.arguments(call)?;
                self.matches(text, pattern, span)
            }
            ("matches", None) => {
                let [text, pattern] = self.arguments(call)?;
                self.matches(text, pattern, span)
            }
            ("lowerAscii" | "upperAscii", Some(text)) => {
                let [] = self.arguments(call)?;
                let (operand, _) = self.text(text, call)?;
                let upper = call.name == "upperAscii";
                let operand = Operand::Cased { upper, operand: Box::new(operand), span: text.span };
                Some(Typed::Text(operand, Case::Counts))
            }
            ("size", Some(value)) => {
                let [] = self.arguments(call)?;
                self.size(value)
            }
            ("size", None) => {
                let [value] = self.arguments(call)?;
                self.size(value)
            }
            ("has", None) => {
                let [value] = self.arguments(call)?;
                self.has(value)
            }
            ("exists" | "all", Some(list)) => self.each(list, call),
            ("inCidr", None) => self.in_networks(call),
            _ => self.unknown_function(call),
        }
    }

    fn unknown_function<T>(&mut self, call: &Call) -> Option<T> {
        let name = call.name.as_str();
        if let Some((_, form)) = FUNCTIONS.iter().find(|(known, _)| *known == name) {
            return self.problem(
                call.name_span,
                format!("`{name}` is not written like this"),
                format!("write `{form}`"),
            );
        }
        if NOT_SUPPORTED.contains(&name) || name.starts_with("get") {
            let cause = format!("CEL's function `{name}` is not supported here");
            return self.problem(call.name_span, cause, format!("the functions are {}", all_functions()));
        }
        let names: Vec<&str> = FUNCTIONS.iter().map(|(name, _)| *name).collect();
        let meant = OTHERWISE.iter().find(|(other, _)| *other == name).map(|(_, meant)| *meant);
        let meant = meant.or_else(|| nearest(name, &names));
        let form = meant.and_then(|meant| FUNCTIONS.iter().find(|(known, _)| *known == meant)).map(|(_, form)| *form);
        let remedy = match form {
            Some(form) => format!("did you mean `{form}`?"),
            None => format!("the functions are {}", all_functions()),
        };
        self.problem(call.name_span, format!("there is no function `{name}`"), remedy)
    }

    fn arguments<'e, const N: usize>(&mut self, call: &'e Call) -> Option<&'e [Expr; N]> {
        if let Ok(arguments) = <&[Expr; N]>::try_from(call.arguments.as_slice()) {
            return Some(arguments);
        }
        let count = |count: usize| match count {
            0 => "nothing".to_owned(),
            1 => "one value".to_owned(),
            count => format!("{count} values"),
        };
        let cause = format!("`{}` takes {}, and gets {}", call.name, count(N), count(call.arguments.len()));
        let form = FUNCTIONS.iter().find(|(name, _)| *name == call.name).map(|(_, form)| *form).unwrap_or_default();
        self.problem(call.name_span, cause, format!("write `{form}`"))
    }

    /// An operand that is a text, or may be one.
    fn text(&mut self, expr: &Expr, call: &Call) -> Option<(Operand, Case)> {
        let value = self.value(expr)?;
        let (name, shown, bare) = (&call.name, self.quote(expr.span), expr.span.of(self.text).to_owned());
        match value {
            Typed::Text(operand, case) => Some((operand, case)),
            Typed::Raw(operand) => Some((operand, Case::Counts)),
            Typed::List(..) => {
                let rest = call.name_span.to(Span::new(0, self.end_of(call))).of(self.text).to_owned();
                let remedy = match &call.target {
                    Some(_) => format!("ask its elements: `{bare}.exists(x, x.{rest})`"),
                    None => format!("ask its elements: `{bare}.exists(x, {name}(x, …))`"),
                };
                self.problem(expr.span, format!("`{name}` takes a text, and {shown} is a list"), remedy)
            }
            Typed::Number(_) | Typed::Null | Typed::Test(_) => {
                let cause = format!("`{name}` takes a text, and {shown} is {}", value.what());
                self.problem(expr.span, cause, "give it a field that is a text, or a text in quotation marks")
            }
        }
    }

    /// The end of the call's text, with its closing bracket.
    fn end_of(&self, call: &Call) -> usize {
        let last = call.arguments.last().map_or(call.name_span.end, |last| last.span.end);
        self.text[last..].find(')').map_or(last, |at| last + at + 1)
    }

    fn text_test(&mut self, test: TextTest, text: &Expr, call: &Call, span: Span) -> Option<Typed> {
        let [part] = self.arguments(call)?;
        let (value, part) = (self.text(text, call), self.text(part, call));
        let ((value, case), (part, _)) = (value?, part?);
        Some(Typed::Test(Test::Text(test, Box::new([value, part]), case, span)))
    }

    fn matches(&mut self, text: &Expr, pattern: &Expr, span: Span) -> Option<Typed> {
        let call = Call {
            target: Some(Box::new(text.clone())),
            name: "matches".into(),
            name_span: span,
            arguments: vec![pattern.clone()],
        };
        let (operand, case) = self.text(text, &call)?;
        let Kind::Text(source) = &pattern.kind else {
            let remedy = "write it in quotation marks, as in `method.matches(\"^Delete\")`";
            return self.problem(
                pattern.span,
                "the pattern of `matches` has to be a text that is written here",
                remedy,
            );
        };
        let built =
            RegexBuilder::new(source).size_limit(CONDITION_REGEX_BYTES).case_insensitive(case == Case::Ignored).build();
        match built {
            Ok(pattern) => Some(Typed::Test(Test::Matches(operand, pattern, span))),
            Err(regex::Error::CompiledTooBig(_)) => {
                let remedy = "lower its repetitions, or split it";
                self.problem(pattern.span, "this regular expression is too large", remedy)
            }
            Err(error) => {
                let text = error.to_string();
                let why = text.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned();
                let remedy = "check brackets and backslashes: in CEL write `\\\\.` or `r\"\\.\"` for a dot";
                self.problem(pattern.span, format!("this is not a regular expression: {why}"), remedy)
            }
        }
    }

    fn size(&mut self, expr: &Expr) -> Option<Typed> {
        let value = self.value(expr)?;
        match value {
            Typed::Text(operand, _) | Typed::Raw(operand) => {
                Some(Typed::Number(Operand::Size(Box::new(operand), expr.span)))
            }
            Typed::List(list, _) => Some(Typed::Number(Operand::Count(Box::new(list)))),
            Typed::Test(_) | Typed::Number(_) | Typed::Null => {
                let cause = format!("{} is {}, and has no size", self.quote(expr.span), value.what());
                self.problem(expr.span, cause, "give `size` a text or a list")
            }
        }
    }

    fn has(&mut self, expr: &Expr) -> Option<Typed> {
        if !matches!(expr.kind, Kind::Name(_) | Kind::Member(..) | Kind::Index(..)) {
            let remedy = "write `has(email)`, or `has(event.data.request)`";
            return self.problem(expr.span, "`has` asks for a field, or for a member of `event`", remedy);
        }
        Some(Typed::Test(match self.value(expr)? {
            Typed::Test(Test::Flag(Field::Denied)) => Test::Always(true),
            Typed::Test(test) => test,
            Typed::List(list, _) => Test::Each { list, every: false, test: Box::new(Test::Always(true)) },
            Typed::Text(operand, _) | Typed::Number(operand) | Typed::Raw(operand) => Test::Has(operand),
            Typed::Null => Test::Always(false),
        }))
    }

    /// `list.exists(x, test)` and `list.all(x, test)`.
    fn each(&mut self, list: &Expr, call: &Call) -> Option<Typed> {
        let [variable, test] = self.arguments(call)?;
        let Kind::Name(name) = &variable.kind else {
            let cause = format!("the first argument of `{}` is a name for the element, and this is none", call.name);
            return self.problem(variable.span, cause, "write for example `client_ip.exists(ip, ip == \"10.1.2.3\")`");
        };
        let shown = self.quote(list.span);
        let (source, element) = match self.value(list)? {
            Typed::List(source, element) => (source, element),
            Typed::Raw(operand) => (List::Raw(operand, list.span), Element::Raw),
            other @ (Typed::Test(_) | Typed::Text(..) | Typed::Number(_) | Typed::Null) => {
                let cause = format!("`{}` goes through a list, and {shown} is {}", call.name, other.what());
                return self.problem(list.span, cause, "test the value itself, without a variable");
            }
        };
        self.variables.push(Variable { name: name.clone(), element });
        let test = self.test(test);
        self.variables.pop();
        let every = call.name == "all";
        Some(Typed::Test(Test::Each { list: source, every, test: Box::new(test?) }))
    }

    fn in_networks(&mut self, call: &Call) -> Option<Typed> {
        let [address, networks] = self.arguments(call)?;
        let operand = self.text(address, call);
        let written = if let Kind::List(items) = &networks.kind { items } else { std::slice::from_ref(networks) };
        let parsed: Vec<Option<IpNet>> = written.iter().map(|network| self.network(network)).collect();
        let parsed: Vec<IpNet> = parsed.into_iter().collect::<Option<_>>()?;
        let (operand, _) = operand?;
        Some(Typed::Test(Test::InNetworks(operand, parsed.into(), address.span)))
    }

    fn network(&mut self, expr: &Expr) -> Option<IpNet> {
        let parsed = if let Kind::Text(text) = &expr.kind { text.parse::<IpNet>().ok() } else { None };
        if parsed.is_none() {
            let cause = format!("{} is not a network", self.quote(expr.span));
            self.problem::<()>(
                expr.span,
                cause,
                "write an address with a prefix length: `\"10.0.0.0/8\"`, `\"2001:db8::/32\"`",
            );
        }
        parsed
    }
}

fn all_functions() -> String {
    FUNCTIONS.iter().map(|(name, _)| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}
