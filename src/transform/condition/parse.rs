//! From tokens to the syntax tree: recursive descent over CEL's grammar, with its precedences.
//!
//! ```text
//! expression = or [ "?" or ":" expression ]        relation = unary { ( "==" | "!=" | "<" | … | "in" ) unary }
//! or         = and { "||" and }                    unary    = { "!" } member | "-" number
//! and        = relation { "&&" relation }          member   = primary { "." name [ arguments ] | "[" expression "]" }
//! ```
//!
//! Parsing ends at the first mistake: what comes after it would be guesswork. Depth is bounded, so no condition can
//! exhaust the stack, neither here nor where it is checked and evaluated.

use crate::defaults::CONDITION_MAX_DEPTH;

use super::lex::{Lexeme, Token, lex};
use super::problem::{Problem, Span};
use super::syntax::{Call, Comparison, Expr, Kind};

pub(super) fn parse(text: &str) -> Result<Expr, Problem> {
    let mut parser = Parser { text, lexemes: lex(text)?, at: 0, depth: 0 };
    if parser.is_at_end() {
        let remedy = "write for example `outcome == \"failure\"`";
        return Err(Problem::new(Span::new(0, text.len()), "the condition is empty", remedy));
    }
    let expr = parser.expression()?;
    if parser.is_at_end() { Ok(expr) } else { Err(parser.left_over()) }
}

struct Parser<'t> {
    text: &'t str,
    /// The last one is [`Token::End`].
    lexemes: Vec<Lexeme>,
    at: usize,
    depth: usize,
}

type Parsed = Result<Expr, Problem>;

impl Parser<'_> {
    fn next(&self) -> &Lexeme {
        &self.lexemes[self.at.min(self.lexemes.len() - 1)]
    }

    fn is_at_end(&self) -> bool {
        self.next().token == Token::End
    }

    fn sees(&self, symbol: &str) -> bool {
        matches!(self.next().token, Token::Symbol(next) if next == symbol)
    }

    fn takes(&mut self, symbol: &str) -> bool {
        let seen = self.sees(symbol);
        self.at += usize::from(seen);
        seen
    }

    /// Everything that has been taken since `start`.
    fn since(&self, start: Span) -> Span {
        start.to(self.lexemes[self.at.saturating_sub(1)].span)
    }

    fn nested(&mut self, parse: impl FnOnce(&mut Self) -> Parsed) -> Parsed {
        self.depth += 1;
        if self.depth > CONDITION_MAX_DEPTH {
            let cause = format!("brackets and conditions are nested more than {CONDITION_MAX_DEPTH} deep here");
            return Err(Problem::new(self.next().span, cause, "split it into several rules"));
        }
        let parsed = parse(self);
        self.depth -= 1;
        parsed
    }

    fn expression(&mut self) -> Parsed {
        self.nested(|parser| {
            let start = parser.next().span;
            let condition = parser.or()?;
            if !parser.takes("?") {
                return Ok(condition);
            }
            let then = parser.or()?;
            if !parser.takes(":") {
                return Err(parser.expected("`:` and what holds otherwise"));
            }
            let otherwise = parser.expression()?;
            Ok(Expr { kind: Kind::Choose(Box::new([condition, then, otherwise])), span: parser.since(start) })
        })
    }

    fn or(&mut self) -> Parsed {
        self.chain("||", Self::and, Kind::Or)
    }

    fn and(&mut self) -> Parsed {
        self.chain("&&", Self::relation, Kind::And)
    }

    fn chain(&mut self, symbol: &str, part: fn(&mut Self) -> Parsed, join: fn(Vec<Expr>) -> Kind) -> Parsed {
        let start = self.next().span;
        let first = part(self)?;
        if !self.sees(symbol) {
            return Ok(first);
        }
        let mut parts = vec![first];
        while self.takes(symbol) {
            parts.push(part(self)?);
        }
        Ok(Expr { kind: join(parts), span: self.since(start) })
    }

    fn relation(&mut self) -> Parsed {
        let start = self.next().span;
        let left = self.unary()?;
        let Some(comparison) = self.comparison() else { return Ok(left) };
        let right = self.unary()?;
        let span = self.since(start);
        if self.comparison().is_some() {
            let at = self.lexemes[self.at - 1].span;
            let remedy = "compare two at a time and join them: `a == b && b == c`";
            return Err(Problem::new(at, "a third value cannot be compared in one go", remedy));
        }
        Ok(Expr { kind: Kind::Compare(comparison, Box::new([left, right])), span })
    }

    fn comparison(&mut self) -> Option<Comparison> {
        use Comparison::{Equal, Greater, GreaterOrEqual, In, Less, LessOrEqual, NotEqual};
        let all = [Equal, NotEqual, Less, LessOrEqual, Greater, GreaterOrEqual, In];
        let found = match &self.next().token {
            Token::Symbol(symbol) => all.into_iter().find(|comparison| comparison.as_str() == *symbol),
            Token::Name(name) if name == "in" => Some(In),
            Token::Name(_) | Token::Int(_) | Token::Float(_) | Token::Text(_) | Token::End => None,
        };
        self.at += usize::from(found.is_some());
        found
    }

    fn unary(&mut self) -> Parsed {
        let start = self.next().span;
        if self.takes("!") {
            let inner = self.nested(Self::unary)?;
            return Ok(Expr { kind: Kind::Not(Box::new(inner)), span: self.since(start) });
        }
        if self.takes("-") {
            let kind = match self.next().token {
                Token::Int(number) => Kind::Int(-number),
                Token::Float(number) => Kind::Float(-number),
                Token::Text(_) | Token::Name(_) | Token::Symbol(_) | Token::End => {
                    return Err(Problem::new(start, "`-` stands only before a number", "remove it"));
                }
            };
            self.at += 1;
            return Ok(Expr { kind, span: self.since(start) });
        }
        self.member()
    }

    fn member(&mut self) -> Parsed {
        let start = self.next().span;
        let mut expr = self.primary()?;
        loop {
            let kind = if self.takes(".") {
                let Token::Name(name) = self.next().token.clone() else {
                    return Err(self.expected("the name of a member or function after `.`"));
                };
                let name_span = self.next().span;
                self.at += 1;
                if self.takes("(") {
                    let arguments = self.items(")", name_span)?;
                    Kind::Call(Call { target: Some(Box::new(expr)), name, name_span, arguments })
                } else {
                    Kind::Member(Box::new(expr), name)
                }
            } else if self.sees("[") {
                let opened = self.next().span;
                self.at += 1;
                let index = self.expression()?;
                self.close("]", opened)?;
                Kind::Index(Box::new(expr), Box::new(index))
            } else {
                return Ok(expr);
            };
            expr = Expr { kind, span: self.since(start) };
        }
    }

    fn primary(&mut self) -> Parsed {
        let Lexeme { token, span } = self.next().clone();
        let kind = match token {
            Token::Int(number) => Kind::Int(number),
            Token::Float(number) => Kind::Float(number),
            Token::Text(text) => Kind::Text(text),
            Token::Name(name) => {
                self.at += 1;
                return self.name(name, span);
            }
            Token::Symbol("(") => {
                self.at += 1;
                let inner = self.expression()?;
                self.close(")", span)?;
                return Ok(Expr { kind: inner.kind, span: self.since(span) });
            }
            Token::Symbol("[") => {
                self.at += 1;
                let items = self.items("]", span)?;
                return Ok(Expr { kind: Kind::List(items), span: self.since(span) });
            }
            Token::Symbol(_) | Token::End => return Err(self.expected("a value")),
        };
        self.at += 1;
        Ok(Expr { kind, span })
    }

    fn name(&mut self, name: String, span: Span) -> Parsed {
        let kind = match name.as_str() {
            "true" => Kind::Bool(true),
            "false" => Kind::Bool(false),
            "null" => Kind::Null,
            "in" => {
                self.at -= 1;
                return Err(self.expected("a value"));
            }
            _ if self.takes("(") => {
                let arguments = self.items(")", span)?;
                Kind::Call(Call { target: None, name, name_span: span, arguments })
            }
            _ => Kind::Name(name),
        };
        Ok(Expr { kind, span: self.since(span) })
    }

    /// What is between brackets, separated by commas; the last one may have a comma, too.
    fn items(&mut self, closing: &str, opened: Span) -> Result<Vec<Expr>, Problem> {
        let mut items = Vec::new();
        while !self.takes(closing) {
            items.push(self.expression()?);
            if !self.takes(",") {
                self.close(closing, opened)?;
                break;
            }
        }
        Ok(items)
    }

    fn close(&mut self, closing: &str, opened: Span) -> Result<(), Problem> {
        if self.takes(closing) {
            return Ok(());
        }
        if closing == ")" && self.sees(",") {
            return Err(Problem::new(opened, "a list stands in square brackets", "write `[\"a\", \"b\"]`"));
        }
        if self.is_at_end() {
            return Err(Problem::new(
                opened,
                "the bracket that opens here is never closed",
                format!("add `{closing}`"),
            ));
        }
        Err(self.left_over())
    }

    /// A value, or something else, was expected, and something else comes.
    fn expected(&self, what: &str) -> Problem {
        let Lexeme { token, span } = self.next();
        let before = self.at.checked_sub(1).and_then(|at| self.lexemes.get(at));
        match (token, before) {
            (Token::End, Some(before)) => {
                let sign = before.span.of(self.text);
                Problem::new(
                    before.span,
                    format!("after `{sign}` the condition ends, where {what} should come"),
                    "complete it",
                )
            }
            _ => {
                let sign = span.of(self.text);
                let remedy = match sign {
                    "{" => "conditions know no maps; a list is `[\"a\", \"b\"]`",
                    "+" | "-" | "*" | "/" | "%" => "conditions know no arithmetic",
                    _ => "complete what stands before it, or remove it",
                };
                Problem::new(*span, format!("`{sign}` stands where {what} should come"), remedy)
            }
        }
    }

    /// The expression is complete, and yet something follows.
    fn left_over(&self) -> Problem {
        let Lexeme { token, span } = self.next();
        let sign = span.of(self.text);
        let lower = sign.to_ascii_lowercase();
        if let Some(before) = self.at.checked_sub(1).and_then(|at| self.lexemes.get(at))
            && before.token == Token::Name("not".to_owned())
        {
            return Problem::new(before.span, "`not` negates nothing", "write `!` before what should not hold");
        }
        let (cause, remedy) = match lower.as_str() {
            ")" | "]" | "}" => (format!("this `{sign}` closes nothing"), "remove it, or add the bracket that opens"),
            "and" => (format!("`{sign}` joins nothing"), "write `&&`"),
            "or" => (format!("`{sign}` joins nothing"), "write `||`"),
            "is" => (format!("`{sign}` compares nothing"), "write `==`, or `!=` for `is not`"),
            "not" => (format!("`{sign}` negates nothing"), "write `!(a in list)`, or `!` before what should not hold"),
            "like" => {
                (format!("`{sign}` compares nothing"), "write `field.contains(\"…\")` or `field.startsWith(\"…\")`")
            }
            "startswith" | "endswith" | "contains" | "matches" => (
                format!("`{sign}` is a function, and stands alone"),
                "write it with a dot and brackets: `field.contains(\"…\")`",
            ),
            "+" | "-" | "*" | "/" | "%" => {
                (format!("`{sign}` calculates nothing here"), "conditions know no arithmetic")
            }
            "," => ("a comma joins nothing here".to_owned(), "write `&&` or `||`"),
            _ => match token {
                Token::Symbol(_) => (format!("`{sign}` is not expected here"), "check what stands around it"),
                Token::Int(_) | Token::Float(_) | Token::Text(_) | Token::Name(_) | Token::End => (
                    format!("before `{sign}` an operator is missing"),
                    "put `&&` or `||` between two conditions, `==` between two values",
                ),
            },
        };
        Problem::new(*span, cause, remedy)
    }
}
