//! Splits a condition into tokens, as the specification of CEL has them: literals with their escapes, names, operators,
//! comments. What other languages write instead of them is recognised and named in the error.

use super::problem::{Problem, Span};

#[derive(Clone, PartialEq, Debug)]
pub(super) enum Token {
    Int(i64),
    Float(f64),
    Text(String),
    Name(String),
    /// An operator or a bracket.
    Symbol(&'static str),
    End,
}

#[derive(Clone, PartialEq, Debug)]
pub(super) struct Lexeme {
    pub(super) token: Token,
    pub(super) span: Span,
}

/// Longest first.
const SYMBOLS: [&str; 24] = [
    "==", "!=", "<=", ">=", "&&", "||", "(", ")", "[", "]", "{", "}", ",", ".", "?", ":", "!", "<", ">", "-", "+", "*",
    "/", "%",
];

/// What people write who come from elsewhere: the sign, what is wrong with it, and what to write.
const FOREIGN: [(&str, &str, &str); 9] = [
    ("=~", "`=~` is not known here", "write `field.matches(\"…\")` for a regular expression"),
    ("=", "a single `=` compares nothing", "write `==`"),
    ("&", "a single `&` joins nothing", "write `&&`"),
    ("|", "a single `|` joins nothing", "write `||`"),
    ("“", "typographic quotation marks enclose no text", "write `\"` or `'`"),
    ("”", "typographic quotation marks enclose no text", "write `\"` or `'`"),
    ("`", "backticks enclose no text", "write `\"` or `'` around a text, and nothing around a name"),
    ("$", "a dollar sign means nothing here", "write the field's name alone; references are `${VAR}` with braces"),
    (";", "a condition is one expression", "join its parts with `&&` or `||`"),
];

pub(super) fn lex(text: &str) -> Result<Vec<Lexeme>, Problem> {
    let mut lexer = Lexer { text, at: 0 };
    let mut lexemes = Vec::new();
    loop {
        lexer.skip_blanks();
        let start = lexer.at;
        let token = lexer.token()?;
        let ended = token == Token::End;
        lexemes.push(Lexeme { token, span: Span::new(start, lexer.at) });
        if ended {
            return Ok(lexemes);
        }
    }
}

struct Lexer<'t> {
    text: &'t str,
    at: usize,
}

impl<'t> Lexer<'t> {
    fn rest(&self) -> &'t str {
        &self.text[self.at..]
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn take(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.at += c.len_utf8();
        Some(c)
    }

    fn take_while(&mut self, belongs: impl Fn(char) -> bool) -> &'t str {
        let rest = self.rest();
        let length = rest.find(|c| !belongs(c)).unwrap_or(rest.len());
        self.at += length;
        &rest[..length]
    }

    fn since(&self, start: usize) -> Span {
        Span::new(start, self.at)
    }

    fn skip_blanks(&mut self) {
        loop {
            self.take_while(|c| c.is_ascii_whitespace() || c == '\u{a0}');
            if !self.rest().starts_with("//") {
                return;
            }
            self.take_while(|c| c != '\n');
        }
    }

    fn token(&mut self) -> Result<Token, Problem> {
        let start = self.at;
        match self.peek() {
            None => Ok(Token::End),
            Some('"' | '\'') => self.string(false),
            Some(c) if c.is_ascii_digit() => self.number(),
            Some(c) if c.is_alphabetic() || c == '_' => {
                let name = self.take_while(|c| c.is_alphanumeric() || c == '_');
                let quoted = self.rest().starts_with(['"', '\'']);
                match name {
                    "r" | "R" if quoted => self.string(true),
                    "b" | "B" | "br" | "rb" if quoted => {
                        Err(Problem::new(self.since(start), "conditions know no bytes, only text", "remove the `b`"))
                    }
                    _ => Ok(Token::Name(name.to_owned())),
                }
            }
            Some(_) => self.symbol(),
        }
    }

    fn symbol(&mut self) -> Result<Token, Problem> {
        let rest = self.rest();
        let known = SYMBOLS.iter().find(|symbol| rest.starts_with(**symbol));
        let foreign = FOREIGN.iter().find(|(sign, ..)| rest.starts_with(*sign));
        if let (Some(symbol), true) =
            (known, foreign.is_none_or(|(sign, ..)| sign.len() < known.map_or(0, |k| k.len())))
        {
            self.at += symbol.len();
            return Ok(Token::Symbol(symbol));
        }
        let start = self.at;
        if let Some((sign, cause, remedy)) = foreign {
            self.at += sign.len();
            return Err(Problem::new(self.since(start), *cause, *remedy));
        }
        let c = self.take().unwrap_or_default();
        Err(Problem::new(self.since(start), format!("`{c}` means nothing in a condition"), "remove it"))
    }

    fn number(&mut self) -> Result<Token, Problem> {
        let start = self.at;
        let word = self.take_while(|c| c.is_ascii_alphanumeric() || c == '_');
        let mut text = word.to_owned();
        let hexadecimal = word.strip_prefix("0x").or_else(|| word.strip_prefix("0X"));
        if hexadecimal.is_none() {
            let fraction =
                self.rest().strip_prefix('.').is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
            if fraction {
                text.push('.');
                self.at += 1;
                text.push_str(self.take_while(|c| c.is_ascii_alphanumeric()));
            }
            if text.ends_with(['e', 'E']) && self.rest().starts_with(['+', '-']) {
                text.extend(self.take());
                text.push_str(self.take_while(|c| c.is_ascii_digit()));
            }
        }
        let whole = match hexadecimal {
            Some(digits) => i64::from_str_radix(digits.trim_end_matches(['u', 'U']), 16).ok(),
            None => text.trim_end_matches(['u', 'U']).parse().ok(),
        };
        let is_float = hexadecimal.is_none() && text.contains(['.', 'e', 'E']);
        let float = text.parse::<f64>().ok().filter(|number| is_float && number.is_finite());
        match (whole, float) {
            (Some(number), _) => Ok(Token::Int(number)),
            (None, Some(number)) => Ok(Token::Float(number)),
            (None, None) => {
                let remedy = "write digits, for example `10` or `0.5`; a text needs quotation marks";
                Err(Problem::new(
                    self.since(start),
                    format!("`{}` is not a number", self.since(start).of(self.text)),
                    remedy,
                ))
            }
        }
    }

    /// After the `r` of a raw one.
    fn string(&mut self, raw: bool) -> Result<Token, Problem> {
        let start = self.at;
        let quote = if self.rest().starts_with('"') { "\"" } else { "'" };
        let triple = quote.repeat(3);
        let closing = if self.rest().starts_with(&triple) { triple } else { quote.to_owned() };
        self.at += closing.len();
        let mut text = String::new();
        loop {
            if self.rest().starts_with(&closing) {
                self.at += closing.len();
                return Ok(Token::Text(text));
            }
            match self.peek() {
                None => {
                    let remedy = format!("end it with `{closing}`");
                    return Err(Problem::new(
                        Span::new(start, start + closing.len()),
                        "this text does not end",
                        remedy,
                    ));
                }
                Some('\\') if !raw => text.push(self.escape()?),
                Some(_) => text.extend(self.take()),
            }
        }
    }

    fn escape(&mut self) -> Result<char, Problem> {
        let start = self.at;
        self.at += 1;
        let c = self.take().unwrap_or_default();
        let simple = match c {
            '\\' | '"' | '\'' | '`' | '?' => Some(c),
            'a' => Some('\u{7}'),
            'b' => Some('\u{8}'),
            'f' => Some('\u{c}'),
            'n' => Some('\n'),
            'r' => Some('\r'),
            't' => Some('\t'),
            'v' => Some('\u{b}'),
            'x' | 'X' => self.code(2, 16),
            'u' => self.code(4, 16),
            'U' => self.code(8, 16),
            '0'..='3' => {
                self.at -= 1;
                self.code(3, 8)
            }
            _ => None,
        };
        simple.ok_or_else(|| {
            let cause = format!("`{}` is no escape", self.since(start).of(self.text));
            let remedy = "write `\\\\` for a backslash, or put an `r` before the text, as in `r\"\\d+\"`";
            Problem::new(self.since(start), cause, remedy)
        })
    }

    fn code(&mut self, digits: usize, radix: u32) -> Option<char> {
        let code = u32::from_str_radix(self.rest().get(..digits)?, radix).ok()?;
        self.at += digits;
        char::from_u32(code)
    }
}
