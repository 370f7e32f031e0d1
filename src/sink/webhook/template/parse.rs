//! Reading a template: names in double braces, and where they stand.

use std::ops::Range;

use super::{Escape, Mistake, Name, Part, Place, Template};

pub(super) fn parse(text: &str, escape: Escape) -> Result<Template, Mistake> {
    let (mut parts, mut at, mut json) = (Vec::new(), 0, JsonState::default());
    let mut spans = Vec::new();
    while let Some(open) = text[at..].find("{{").map(|found| at + found) {
        let literal = &text[at..open];
        json.read(literal);
        push_literal(&mut parts, literal);
        let Some(close) = text[open..].find("}}").map(|found| open + found) else {
            return Err(mistake(open..open + 2, "the braces are not closed: a field is written `{{name}}`"));
        };
        let inner = &text[open + 2..close];
        let name = inner.trim();
        let begin = open + 2 + (inner.len() - inner.trim_start().len());
        let span = begin..begin + name.len();
        let Some(found) = Name::parse(name) else {
            let cause = format!("there is no field `{}`", name.chars().take(40).collect::<String>());
            let at = if name.is_empty() { open..close + 2 } else { span };
            return Err(Mistake { unknown: Some(name.to_owned()), ..mistake(at, &cause) });
        };
        let is_value = escape == Escape::Json && !json.in_string;
        parts.push(Part::Field { name: found, place: if is_value { Place::Value } else { Place::Text } });
        spans.push(open..close + 2);
        at = close + 2;
    }
    push_literal(&mut parts, &text[at..]);
    let template = Template { escape, parts };
    match escape {
        Escape::Json => prove_json(&template, text)?,
        Escape::Form => check_form(text, &spans)?,
        Escape::Text => {}
    }
    Ok(template)
}

fn push_literal(parts: &mut Vec<Part>, text: &str) {
    if !text.is_empty() {
        parts.push(Part::Literal(text.to_owned()));
    }
}

fn mistake(at: Range<usize>, cause: &str) -> Mistake {
    Mistake { at, cause: cause.to_owned(), unknown: None }
}

/// Whether a place in JSON text is within a string.
#[derive(Default)]
struct JsonState {
    in_string: bool,
    after_backslash: bool,
}

impl JsonState {
    fn read(&mut self, text: &str) {
        for c in text.chars() {
            match (self.in_string, self.after_backslash, c) {
                (true, true, _) => self.after_backslash = false,
                (true, false, '\\') => self.after_backslash = true,
                (_, _, '"') => self.in_string = !self.in_string,
                _ => {}
            }
        }
    }
}

/// A value in the place of a value, and text within a string: when the template is JSON with every kind of value that a field can
/// have, it is with all of them. A field behind a backslash, or within `\u00`, does not pass: no escape goes on with an `x`.
fn prove_json(template: &Template, text: &str) -> Result<(), Mistake> {
    for value in ["null", "true", "\"x\"", "[\"x\"]", "{\"x\":1}", "-1", "7"] {
        let filled: String = template
            .parts
            .iter()
            .map(|part| match part {
                Part::Literal(text) => text.as_str(),
                Part::Field { place: Place::Value, .. } => value,
                Part::Field { place: Place::Text, .. } => "x",
            })
            .collect();
        if let Err(error) = serde_json::from_str::<serde::de::IgnoredAny>(&filled) {
            let cause = format!("with its fields filled in it is not JSON: {error}");
            return Err(mistake(0..text.len().min(1), &cause));
        }
    }
    Ok(())
}

/// What stands between the fields of a form has to be encoded already.
fn check_form(text: &str, spans: &[Range<usize>]) -> Result<(), Mistake> {
    let within = |at: usize| spans.iter().any(|span| span.contains(&at));
    match text.char_indices().find(|(at, c)| !c.is_ascii_graphic() && !within(*at)) {
        None => Ok(()),
        Some((at, c)) => {
            let cause =
                "a form holds no spaces, line breaks or other characters beyond visible ASCII: write them as `%XX`";
            Err(mistake(at..at + c.len_utf8(), cause))
        }
    }
}
