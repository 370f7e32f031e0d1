//! Bodies of the user's own: text with fields of a closed set in it, each escaped for its place.
//!
//! | escape | where a field stands | what is written |
//! | --- | --- | --- |
//! | `json` | within a string | the text, escaped; missing: nothing |
//! | `json` | as a value | a string, a list of strings, `true`, `false`, a number; missing: `null`; `event`: the payload itself |
//! | `form` | anywhere | the text, percent-encoded |
//! | `text` | anywhere | the text on one line, `"` and `\` escaped, so that it ends neither a line nor quotes around it |
//!
//! A template of `json` is JSON whatever its fields hold: that is proved once, when it is read ([`parse`]), because what a field
//! can put into its place is one JSON value, or text within a string.

mod parse;
mod render;

use crate::event::Field;

pub(super) use render::Reading;

/// For what the fields of a template are escaped; also what the body is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Escape {
    /// JSON; the template has to be JSON, too.
    Json,
    /// An HTML form (`application/x-www-form-urlencoded`).
    Form,
    /// Plain text.
    Text,
}

impl Escape {
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::Form => "application/x-www-form-urlencoded",
            Self::Text => "text/plain; charset=utf-8",
        }
    }
}

/// A template that was read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Template {
    escape: Escape,
    parts: Vec<Part>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
enum Part {
    Literal(String),
    Field { name: Name, place: Place },
}

/// What can stand in a template.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Name {
    /// A field of the canonical view.
    View(Field),
    Topic,
    Partition,
    Offset,
    /// The whole payload.
    Event,
}

/// Where a field stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Place {
    /// In the place of a JSON value.
    Value,
    /// Within a string or other text.
    Text,
}

impl Name {
    const OF_RECORD: [(&'static str, Self); 4] =
        [("topic", Self::Topic), ("partition", Self::Partition), ("offset", Self::Offset), ("event", Self::Event)];

    fn parse(name: &str) -> Option<Self> {
        let of_record = Self::OF_RECORD.into_iter().find(|(known, _)| *known == name);
        of_record.map(|(_, found)| found).or_else(|| Field::parse(name).map(Self::View))
    }

    /// Every name that there is.
    fn all() -> Vec<&'static str> {
        let of_record = Self::OF_RECORD.into_iter().map(|(name, _)| name);
        Field::ALL.iter().map(|field| field.as_str()).chain(of_record).collect()
    }
}

/// What is wrong with a template.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Mistake {
    /// Which bytes of it.
    pub at: std::ops::Range<usize>,
    pub cause: String,
    /// The unknown name, where that is the mistake.
    pub unknown: Option<String>,
}

impl Template {
    /// Reads a template.
    ///
    /// # Errors
    /// What is wrong with it, and where.
    pub fn parse(text: &str, escape: Escape) -> Result<Self, Mistake> {
        parse::parse(text, escape)
    }

    /// Every name that can stand in a template.
    pub fn names() -> Vec<&'static str> {
        Name::all()
    }

    pub const fn escape(&self) -> Escape {
        self.escape
    }

    /// Whether it shows a field that only an audit event as it was read has.
    pub fn reads_fields(&self) -> bool {
        self.parts.iter().any(|part| matches!(part, Part::Field { name: Name::View(_), .. }))
    }

    /// Appends the body for an event.
    pub(super) fn render(&self, reading: &Reading<'_>, out: &mut Vec<u8>) {
        for part in &self.parts {
            match part {
                Part::Literal(text) => out.extend_from_slice(text.as_bytes()),
                Part::Field { name, place } => reading.push(*name, *place, self.escape, out),
            }
        }
    }
}
