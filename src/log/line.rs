//! One log line, as JSON or as text.
//!
//! Whatever a field holds, a line stays one line: control characters are escaped in both forms, and so are the characters
//! that turn the direction of text, because a server's words are among the fields.

use std::fmt::{self, Write};

use tracing::Level;
use tracing::field::{Field, Visit};

#[derive(Clone, PartialEq, Debug)]
pub(super) enum Value {
    Text(String),
    /// A number or a truth value, as JSON writes it.
    Plain(String),
}

#[derive(Clone, PartialEq, Debug)]
pub(super) struct Line {
    pub(super) level: Level,
    pub(super) target: String,
    pub(super) message: String,
    pub(super) fields: Vec<(&'static str, Value)>,
}

impl Line {
    pub(super) fn of(event: &tracing::Event<'_>) -> Self {
        let metadata = event.metadata();
        let mut line = Self {
            level: *metadata.level(),
            target: metadata.target().to_owned(),
            message: String::new(),
            fields: Vec::new(),
        };
        event.record(&mut line);
        line
    }

    /// The field's text; empty when there is none.
    pub(super) fn text_of(&self, name: &str) -> &str {
        match self.fields.iter().find(|(field, _)| *field == name) {
            Some((_, Value::Text(text) | Value::Plain(text))) => text,
            None => "",
        }
    }

    /// The line as one JSON object, newline included.
    pub(super) fn to_json(&self, time: &str) -> String {
        let mut out = String::with_capacity(256);
        out.push('{');
        let known = [("ts", time), ("level", self.level.as_str()), ("target", &self.target), ("msg", &self.message)];
        for (name, text) in known {
            push_member(&mut out, name);
            push_json_string(&mut out, text);
        }
        for (name, value) in &self.fields {
            let taken = known.iter().any(|(known, _)| known == name);
            push_member(&mut out, if taken { "field" } else { name });
            match value {
                Value::Text(text) => push_json_string(&mut out, text),
                Value::Plain(plain) => out.push_str(plain),
            }
        }
        out.push_str("}\n");
        out
    }

    /// The line for people, newline included.
    pub(super) fn to_text(&self, time: &str, colour: bool) -> String {
        let mut out = String::with_capacity(256);
        let (on, off) = if colour { (colour_of(self.level), "\x1b[0m") } else { ("", "") };
        let (dim, end) = if colour { ("\x1b[2m", "\x1b[0m") } else { ("", "") };
        // Writing into a `String` cannot fail.
        write!(out, "{dim}{time}{end} {on}{:>5}{off} ", self.level.as_str()).unwrap_or_default();
        push_escaped(&mut out, &self.message);
        for (name, value) in &self.fields {
            write!(out, " {dim}{name}={end}").unwrap_or_default();
            match value {
                Value::Text(text) if is_word(text) => out.push_str(text),
                Value::Text(text) => push_json_string(&mut out, text),
                Value::Plain(plain) => out.push_str(plain),
            }
        }
        out.push('\n');
        out
    }

    fn push(&mut self, field: &Field, value: Value) {
        match (field.name(), value) {
            ("message", Value::Text(text) | Value::Plain(text)) => self.message = text,
            (name, value) => self.fields.push((name, value)),
        }
    }
}

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.push(field, Value::Text(format!("{value:?}")));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.push(field, Value::Text(value.to_owned()));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.push(field, Value::Plain(value.to_string()));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.push(field, Value::Plain(value.to_string()));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.push(field, Value::Plain(value.to_string()));
    }

    fn record_i128(&mut self, field: &Field, value: i128) {
        self.push(field, Value::Plain(value.to_string()));
    }

    fn record_u128(&mut self, field: &Field, value: u128) {
        self.push(field, Value::Plain(value.to_string()));
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        let text = value.to_string();
        // JSON has no infinity and no NaN.
        self.push(field, if value.is_finite() { Value::Plain(text) } else { Value::Text(text) });
    }
}

fn push_member(out: &mut String, name: &str) {
    if !out.ends_with('{') {
        out.push(',');
    }
    push_json_string(out, name);
    out.push(':');
}

/// A JSON string literal, quotation marks included.
fn push_json_string(out: &mut String, text: &str) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            c => push_visible(out, c),
        }
    }
    out.push('"');
}

fn push_escaped(out: &mut String, text: &str) {
    text.chars().for_each(|c| push_visible(out, c));
}

fn push_visible(out: &mut String, c: char) {
    let turns_text = matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    if c.is_control() || turns_text {
        write!(out, "\\u{:04x}", u32::from(c)).unwrap_or_default();
    } else {
        out.push(c);
    }
}

/// Whether a text can stand without quotation marks.
fn is_word(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.:/+@%".contains(c);
    !text.is_empty() && text.chars().all(plain)
}

const fn colour_of(level: Level) -> &'static str {
    match level {
        Level::ERROR => "\x1b[1;31m",
        Level::WARN => "\x1b[33m",
        Level::INFO => "\x1b[32m",
        _ => "\x1b[2m",
    }
}
