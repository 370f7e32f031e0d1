//! Fills a target's table with the facts of one event.

use super::event::Event;
use super::fact::Fact;
use super::row::{Derived, From, How, List, Row, Target, When};
use super::write::{Members, push_instant, push_number, push_string, push_title};
use crate::event::EventTime;

/// A value on its way into the document.
#[derive(Clone, Copy, Debug)]
enum Value<'e> {
    Text(&'e str),
    Title(&'e str),
    After(&'static str, &'e str),
    Code(i64),
    /// Milliseconds since 1970, to be written as RFC 3339.
    Instant(i64),
    List(List),
    Addresses,
}

/// Writes what the table says of the event.
pub(super) fn fill<T: Target>(event: &Event<'_>, out: &mut Vec<u8>) {
    let class = T::class(event);
    let mut members = Members::begin(out);
    for row in T::ROWS {
        if members.has_just(row.to) || !row.when.iter().all(|when| holds(*when, row, (event, class), &members)) {
            continue;
        }
        if let Some(value) = value_of(row, event, class) {
            members.push(row.to, |out| push(out, event, value));
        }
    }
    members.end();
}

fn holds<T: Target>(
    when: When<T>,
    row: &Row<T>,
    (event, class): (&Event<'_>, T::Class),
    members: &Members<'_>,
) -> bool {
    match when {
        When::In(classes) => classes.contains(&class),
        When::NotIn(classes) => !classes.contains(&class),
        When::Failed => event.failed(),
        When::Checked => event.is_check(),
        When::With(fact) => event.facts.get(fact).is_some(),
        When::Without(fact) => event.facts.get(fact).is_none(),
        When::Is(fact, text) => event.facts.get(fact).is_some_and(|found| found.eq_ignore_ascii_case(text)),
        When::Alone => !members.has_beside(row.to),
    }
}

fn value_of<'e, T: Target>(row: &Row<T>, event: &'e Event<'_>, class: T::Class) -> Option<Value<'e>> {
    match row.from {
        From::Word(word) => Some(Value::Text(word)),
        From::Raw => event.raw.map(Value::Text),
        From::Code(code) => Some(Value::Code(code)),
        From::Class(part) => match T::part(event, class, part)? {
            Derived::Word(word) => Some(Value::Text(word)),
            Derived::Code(code) => Some(Value::Code(code)),
            Derived::List(list) => Some(Value::List(list)),
            Derived::Fact(fact) => event.facts.get(fact).map(Value::Text),
        },
        From::Fact(Fact::Recorded) => recorded(event.facts.recorded_ms?, row.how),
        From::Fact(fact) => converted(event.facts.get(fact)?, row.how),
    }
}

fn recorded<'e>(ms: i64, how: How) -> Option<Value<'e>> {
    match how {
        How::Millis => Some(Value::Code(ms)),
        How::Instant => Some(Value::Instant(ms)),
        How::AsItIs
        | How::EachAddress
        | How::Integer
        | How::Title
        | How::After(_)
        | How::Words(_)
        | How::Codes(_)
        | How::CodesOr(..) => None,
    }
}

fn converted<'e>(text: &'e str, how: How) -> Option<Value<'e>> {
    let word = |words: &[(&str, &'static str)]| words.iter().find(|(known, _)| *known == text).map(|(_, word)| *word);
    let code = |codes: &[(&str, i64)]| codes.iter().find(|(known, _)| *known == text).map(|(_, code)| *code);
    match how {
        How::AsItIs => Some(Value::Text(text)),
        How::EachAddress => Some(Value::Addresses),
        How::Integer => text.parse().ok().map(Value::Code),
        How::Millis => EventTime::parse(text).map(|time| Value::Code(time.micros() / 1000)),
        How::Instant => EventTime::parse(text).map(|_| Value::Text(text)),
        How::Title => Some(Value::Title(text)),
        How::After(before) => Some(Value::After(before, text)),
        How::Words(words) => word(words).map(Value::Text),
        How::Codes(codes) => code(codes).map(Value::Code),
        How::CodesOr(codes, other) => Some(Value::Code(code(codes).unwrap_or(other))),
    }
}

/// Behind a name that marks a list these are its elements.
fn push(out: &mut Vec<u8>, event: &Event<'_>, value: Value<'_>) {
    match value {
        Value::Text(text) => push_string(out, "", text),
        Value::After(before, text) => push_string(out, before, text),
        Value::Title(text) => push_title(out, text),
        Value::Code(code) => push_number(out, code),
        Value::Instant(ms) => push_instant(out, ms),
        Value::List(list) => list.words().enumerate().for_each(|(at, word)| push_element(out, at, word)),
        Value::Addresses => {
            let mut at = 0;
            event.facts.each_address(&mut |text| {
                push_element(out, at, text);
                at += 1;
            });
        }
    }
}

fn push_element(out: &mut Vec<u8>, at: usize, text: &str) {
    if at > 0 {
        out.push(b',');
    }
    push_string(out, "", text);
}
