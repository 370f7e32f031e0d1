//! Messages for people, made from the canonical view: who did what to which resource, how it ended, from where and when.
//!
//! - What is missing is left out. What is long is cut, with an ellipsis: these are notices, the record is elsewhere.
//! - Nothing in an event is formatting. Every service's way to show plain text is used where it has one ([`slack`], [`teams`]),
//!   and control characters, line breaks and marks that change the direction of text are taken out first ([`visible`]).

pub(super) mod pagerduty;
pub(super) mod slack;
pub(super) mod teams;

use std::fmt::Write as _;

use crate::defaults::WEBHOOK_FACT_MAX_CHARS;
use crate::event::{Field, View};

/// What a message says.
#[derive(PartialEq, Eq, Debug)]
pub(super) struct Message {
    /// One sentence.
    pub(super) headline: String,
    /// Name and value, none empty.
    pub(super) facts: Vec<(&'static str, String)>,
}

impl Message {
    /// `position` names the record.
    pub(super) fn of(view: &View<'_>, position: &str) -> Self {
        let mut facts = Vec::new();
        let mut fact = |name, value: Option<String>| {
            facts.extend(value.filter(|value| !value.is_empty()).map(|value| (name, value)));
        };
        let text = |field| text_of(view, field);
        fact("Who", with(text(Field::Principal).or_else(|| text(Field::Email)), text(Field::Email)));
        fact("On behalf of", text(Field::OriginalPrincipal));
        fact("What", with(text(Field::Method), text(Field::Operation)));
        fact("Resource", resource(view));
        fact("Outcome", with(text(Field::Outcome), text(Field::OutcomeReason)));
        fact("Error", text(Field::ErrorMessage));
        fact("From", list_of(view, Field::ClientIp));
        fact("When", text(Field::Time));
        fact("Where", text(Field::Cluster).or_else(|| text(Field::Environment)).or_else(|| text(Field::Source)));
        fact("Event", with(Some(visible(position)), text(Field::Id)));
        Self { headline: headline(view), facts }
    }
}

/// `sa-1 was refused kafka.CreateTopics on topic orders`.
fn headline(view: &View<'_>) -> String {
    let who = text_of(view, Field::Principal).or_else(|| text_of(view, Field::Email));
    let method = text_of(view, Field::Method).unwrap_or_else(|| "something".to_owned());
    let outcome = text_of(view, Field::Outcome).unwrap_or_default();
    let did = match outcome.as_str() {
        "failure" => "was refused",
        _ => "called",
    };
    let mut sentence = format!("{} {did} {method}", who.as_deref().unwrap_or("Somebody"));
    if let Some(resource) = resource(view) {
        // Writing to a string cannot fail.
        write!(sentence, " on {resource}").unwrap_or_default();
    }
    sentence
}

fn resource(view: &View<'_>) -> Option<String> {
    let kind = text_of(view, Field::ResourceType).map(|kind| kind.replace('_', " "));
    match (kind, text_of(view, Field::Resource)) {
        (Some(kind), Some(name)) => Some(format!("{kind} {name}")),
        (kind, name) => name.or(kind),
    }
}

/// `text (more)`, unless they are the same.
fn with(text: Option<String>, more: Option<String>) -> Option<String> {
    match (text, more) {
        (Some(text), Some(more)) if text != more => Some(format!("{text} ({more})")),
        (text, more) => text.or(more),
    }
}

fn text_of(view: &View<'_>, field: Field) -> Option<String> {
    let text = visible(&view.text(field)?);
    (!text.is_empty()).then(|| cut(&text, WEBHOOK_FACT_MAX_CHARS))
}

fn list_of(view: &View<'_>, field: Field) -> Option<String> {
    let mut all: Vec<String> = Vec::new();
    view.each(field, &mut |text| all.push(visible(&text)));
    let text = all.join(", ");
    (!text.is_empty()).then(|| cut(&text, WEBHOOK_FACT_MAX_CHARS))
}

/// Text on one line, without what cannot be seen or makes other text look different.
pub(super) fn visible(text: &str) -> String {
    let shown = text.chars().filter(|c| !changes_direction(*c));
    let flat: String = shown.map(|c| if c.is_control() || is_line_end(c) { ' ' } else { c }).collect();
    flat.trim().to_owned()
}

/// Marks that turn text around (Unicode, "Bidirectional Algorithm"), and those of no width.
pub(super) const fn changes_direction(c: char) -> bool {
    matches!(c, '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

pub(super) const fn is_line_end(c: char) -> bool {
    matches!(c, '\u{85}' | '\u{2028}' | '\u{2029}')
}

/// At most so many characters; what was longer ends in an ellipsis.
pub(super) fn cut(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        None => text.to_owned(),
        Some(_) => text.chars().take(most.saturating_sub(1)).chain(['…']).collect(),
    }
}
