//! From the body of a request to the events that Splunk would index, and to its answer. Pure.
//!
//! Splunk reads a body object by object and indexes what it has read before it meets a bad one (observed on 10.4.3):
//!
//! | found in object `k` | code | `invalid-event-number` | indexed |
//! | --- | --- | --- | --- |
//! | not JSON, wrong type, larger than the limit for an event | 6 | k | objects before k |
//! | an index the token may not write to | 7 | k + 1 | objects before k |
//! | neither `event` nor `fields` | 12 | k | objects before k |
//! | `event` only white space | 13 | k | objects before k |
//! | `event` null or false | 6 | k | objects before k |
//! | a nested or null value in `fields`, a `time` with an exponent | 15 | k | objects before k |
//! | an unknown member, k > 0 | 0 | none | objects before k: the rest is dropped in silence |
//! | an unknown member, k = 0 | 5 | none | nothing |
//! | `fields` without `event` | 0 | none | the object is skipped |
//!
//! `"event":"metric"` with a measure in `fields` (`metric_name:NAME`, or `metric_name` and `_value`; "Get metrics in from other
//! sources") is a metric. A time is looked for in an event's text only with `auto_extract_timestamp=true`, and only when
//! neither the envelope nor the address (`time=`) has one.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

/// Events whose text contains `needle` are refused.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Poison {
    pub needle: String,
    pub answer: PoisonAnswer,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PoisonAnswer {
    /// With this code and the event's number; the events before it are indexed.
    Named(u16),
    /// With this code and without a number; nothing of the request is indexed.
    Unnamed(u16),
}

pub(super) struct Rules<'a> {
    /// The indexes the token may write to; `None` allows all.
    pub(super) indexes: Option<&'a [String]>,
    pub(super) max_event_bytes: usize,
    pub(super) poison: &'a [Poison],
    /// The address has `auto_extract_timestamp=true` and no `time`.
    pub(super) search_for_time: bool,
}

/// The answer to a body: a HEC code and, for most refusals, a number counted from 0.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Verdict {
    pub(super) code: u16,
    pub(super) invalid_event: Option<usize>,
}

/// One indexed event: its whole text, and the position its fields carry.
#[derive(Debug)]
pub(super) struct Envelope<'a> {
    pub(super) raw: &'a [u8],
    pub(super) metric: bool,
    /// Its text is searched for its time.
    pub(super) searched_for_time: bool,
    topic: Option<Cow<'a, str>>,
    partition: Option<i32>,
    offset: Option<i64>,
}

impl<'a> Envelope<'a> {
    /// An event of the raw endpoint.
    pub(super) fn of_text(raw: &'a [u8]) -> Self {
        Self { raw, metric: false, searched_for_time: false, topic: None, partition: None, offset: None }
    }

    pub(super) fn position(&self) -> Option<(&str, i32, i64)> {
        Some((self.topic.as_deref()?, self.partition?, self.offset?))
    }
}

/// Reads `body`, concatenated objects or one array of objects, and adds the events to index to `out`.
pub(super) fn collect<'a>(body: &'a [u8], rules: &Rules<'_>, out: &mut Vec<Envelope<'a>>) -> Verdict {
    let unnamed =
        |poison: &&Poison| matches!(poison.answer, PoisonAnswer::Unnamed(_)) && contains(body, &poison.needle);
    if let Some(Poison { answer: PoisonAnswer::Unnamed(code), .. }) = rules.poison.iter().find(unnamed) {
        return Verdict { code: *code, invalid_event: None };
    }
    match body.iter().find(|byte| !byte.is_ascii_whitespace()) {
        None => return Verdict { code: 5, invalid_event: None },
        Some(b'[') => return collect_array(body, rules, out),
        Some(_) => {}
    }
    let mut objects = serde_json::Deserializer::from_slice(body).into_iter::<Object<'a>>();
    let (mut number, mut start) = (0, 0);
    loop {
        let object = objects.next();
        let end = objects.byte_offset();
        let step = match object {
            None => return Verdict { code: 0, invalid_event: None },
            Some(Err(_)) => Err(Refusal::Code(6)),
            Some(Ok(object)) => judge(object, body[start..end].trim_ascii_start(), rules),
        };
        if let Some(verdict) = take(step, number, out) {
            return verdict;
        }
        number += 1;
        start = end;
    }
}

fn collect_array<'a>(body: &'a [u8], rules: &Rules<'_>, out: &mut Vec<Envelope<'a>>) -> Verdict {
    let Ok(items) = serde_json::from_slice::<Vec<&'a RawValue>>(body) else {
        return Verdict { code: 6, invalid_event: Some(0) };
    };
    for (number, item) in items.into_iter().enumerate() {
        let step = serde_json::from_str::<Object<'a>>(item.get())
            .map_err(|_| Refusal::Code(6))
            .and_then(|object| judge(object, item.get().as_bytes(), rules));
        if let Some(verdict) = take(step, number, out) {
            return verdict;
        }
    }
    Verdict { code: 0, invalid_event: None }
}

/// Why reading stops at an object.
enum Refusal {
    Code(u16),
    UnknownMember,
}

/// Adds what the object `number` yields; `Some` when reading stops there.
fn take<'a>(
    step: Result<Option<Envelope<'a>>, Refusal>,
    number: usize,
    out: &mut Vec<Envelope<'a>>,
) -> Option<Verdict> {
    match step {
        Ok(event) => {
            out.extend(event);
            None
        }
        // Observed: with code 7 the number is that of the object after the one at fault.
        Err(Refusal::Code(7)) => Some(Verdict { code: 7, invalid_event: Some(number + 1) }),
        Err(Refusal::Code(code)) => Some(Verdict { code, invalid_event: Some(number) }),
        Err(Refusal::UnknownMember) if number == 0 => Some(Verdict { code: 5, invalid_event: None }),
        Err(Refusal::UnknownMember) => Some(Verdict { code: 0, invalid_event: None }),
    }
}

/// What Splunk does with one object: an event to index, nothing (a metric without values), or the end of reading.
fn judge<'a>(object: Object<'a>, raw: &'a [u8], rules: &Rules<'_>) -> Result<Option<Envelope<'a>>, Refusal> {
    if raw.len() > rules.max_event_bytes {
        return Err(Refusal::Code(6));
    }
    if object.unknown {
        return Err(Refusal::UnknownMember);
    }
    if object.time.is_some_and(|time| time.get().contains(['e', 'E'])) {
        return Err(Refusal::Code(15));
    }
    let fields = match object.fields {
        None => Fields::default(),
        Some(fields) => serde_json::from_str(fields.get()).map_err(|_| Refusal::Code(15))?,
    };
    let Some(event) = object.event else {
        return if object.fields.is_some() { Ok(None) } else { Err(Refusal::Code(12)) };
    };
    match event.get() {
        "null" | "false" => return Err(Refusal::Code(6)),
        text if is_blank_string(text) => return Err(Refusal::Code(13)),
        _ => {}
    }
    if let (Some(allowed), Some(index)) = (rules.indexes, &object.index)
        && !allowed.iter().any(|name| name == index)
    {
        return Err(Refusal::Code(7));
    }
    for poison in rules.poison {
        if let PoisonAnswer::Named(code) = poison.answer
            && contains(raw, &poison.needle)
        {
            return Err(Refusal::Code(code));
        }
    }
    let metric = event.get() == "\"metric\"" && fields.measure;
    let searched_for_time = rules.search_for_time && object.time.is_none();
    let Fields { topic, partition, offset, measure: _ } = fields;
    Ok(Some(Envelope { raw, metric, searched_for_time, topic, partition, offset }))
}

fn is_blank_string(json: &str) -> bool {
    json.starts_with('"')
        && json.len() < 1024
        && serde_json::from_str::<String>(json).is_ok_and(|s| s.trim().is_empty())
}

fn contains(bytes: &[u8], needle: &str) -> bool {
    std::str::from_utf8(bytes).is_ok_and(|text| text.contains(needle))
}

/// The members of one object that matter here.
#[derive(Default)]
struct Object<'a> {
    time: Option<&'a RawValue>,
    event: Option<&'a RawValue>,
    fields: Option<&'a RawValue>,
    index: Option<Cow<'a, str>>,
    /// It has a member that Splunk does not know.
    unknown: bool,
}

/// A borrowed string where possible; serde borrows a `Cow` only inside derived types.
#[derive(Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

impl<'de> Deserialize<'de> for Object<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ObjectVisitor)
    }
}

struct ObjectVisitor;

impl<'de> Visitor<'de> for ObjectVisitor {
    type Value = Object<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut object = Object::default();
        while let Some(Text(key)) = map.next_key()? {
            match key.as_ref() {
                "time" => object.time = Some(map.next_value()?),
                "event" => object.event = Some(map.next_value()?),
                "fields" => object.fields = Some(map.next_value()?),
                "index" => object.index = Some(map.next_value::<Text<'de>>()?.0),
                "host" | "source" | "sourcetype" => drop(map.next_value::<Text<'de>>()?),
                _ => {
                    map.next_value::<IgnoredAny>()?;
                    object.unknown = true;
                }
            }
        }
        Ok(object)
    }
}

/// The position among the indexed fields. Reading it checks that every value is flat: a string, a number, a boolean or
/// a list of strings.
#[derive(Default)]
struct Fields<'a> {
    topic: Option<Cow<'a, str>>,
    partition: Option<i32>,
    offset: Option<i64>,
    /// A metric's name is among them.
    measure: bool,
}

impl<'de> Deserialize<'de> for Fields<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(FieldsVisitor)
    }
}

struct FieldsVisitor;

impl<'de> Visitor<'de> for FieldsVisitor {
    type Value = Fields<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of flat values")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut fields = Fields::default();
        while let Some(Text(key)) = map.next_key()? {
            let Flat(value) = map.next_value()?;
            match key.as_ref() {
                "kafka_topic" => fields.topic = value,
                "kafka_partition" => fields.partition = value.and_then(|text| text.parse().ok()),
                "kafka_offset" => fields.offset = value.and_then(|text| text.parse().ok()),
                name => fields.measure |= name == "metric_name" || name.starts_with("metric_name:"),
            }
        }
        Ok(fields)
    }
}

/// A flat value; its text when it is a string.
struct Flat<'a>(Option<Cow<'a, str>>);

impl<'de> Deserialize<'de> for Flat<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(FlatVisitor)
    }
}

struct FlatVisitor;

impl<'de> Visitor<'de> for FlatVisitor {
    type Value = Flat<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string, a number, a boolean or a list of strings")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Flat(Some(Cow::Borrowed(text))))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Flat(Some(Cow::Owned(text.to_owned()))))
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
        Ok(Flat(None))
    }

    fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> {
        Ok(Flat(None))
    }

    fn visit_u64<E>(self, _: u64) -> Result<Self::Value, E> {
        Ok(Flat(None))
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
        Ok(Flat(None))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        while let Some(Text(_)) = seq.next_element()? {}
        Ok(Flat(None))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules() -> Rules<'static> {
        Rules { indexes: None, max_event_bytes: 5_000_000, poison: &[], search_for_time: false }
    }

    /// `(code, invalid-event-number, events indexed)`
    fn outcome(body: &str, rules: &Rules<'_>) -> (u16, Option<usize>, usize) {
        let mut out = Vec::new();
        let verdict = collect(body.as_bytes(), rules, &mut out);
        (verdict.code, verdict.invalid_event, out.len())
    }

    #[test]
    fn the_first_bad_object_ends_the_reading_and_those_before_it_are_indexed() {
        let good = r#"{"event":{}}"#;
        for (bad, code, number) in [
            (r#"{"event":{}"#, 6, Some(2)),
            ("7", 6, Some(2)),
            (r#"{"event":null}"#, 6, Some(2)),
            (r#"{"event":false}"#, 6, Some(2)),
            (r#"{"event":"x","source":7}"#, 6, Some(2)),
            ("{}", 12, Some(2)),
            (r#"{"event":" "}"#, 13, Some(2)),
            (r#"{"event":"\n"}"#, 13, Some(2)),
            (r#"{"event":1,"fields":{"a":{}}}"#, 15, Some(2)),
            (r#"{"event":1,"fields":{"a":null}}"#, 15, Some(2)),
            (r#"{"event":1,"time":1e9}"#, 15, Some(2)),
            (r#"{"event":1,"extra":2}"#, 0, None),
        ] {
            let body = format!("{good}\n{good}{bad}{good}");
            assert_eq!(outcome(&body, &rules()), (code, number, 2), "{bad}");
        }
    }

    #[test]
    fn what_splunk_takes_is_taken() {
        for body in [
            r#"{"event":{}}"#,
            r#"{"event":[]}"#,
            r#"{"event":0}"#,
            r#"[{"event":"x"}]"#,
            r#"{"time":"1623091780.5","event":"x","host":"h","source":"s","sourcetype":"t","index":"i"}"#,
            r#"{"event":"x","fields":{"a":"b","c":1,"d":["e"]}}"#,
        ] {
            assert_eq!(outcome(body, &rules()), (0, None, 1), "{body}");
        }
        assert_eq!(outcome(r#"{"fields":{"a":"b"}}{"event":1}"#, &rules()), (0, None, 1));
    }

    #[test]
    fn metrics_and_events_without_a_time_are_told_apart() {
        let body = r#"{"event":"metric","fields":{"metric_name:a":1}}{"event":"metric","time":1}{"event":2}"#;
        let mut out = Vec::new();
        collect(body.as_bytes(), &Rules { search_for_time: true, ..rules() }, &mut out);
        let seen: Vec<_> = out.iter().map(|envelope| (envelope.metric, envelope.searched_for_time)).collect();
        assert_eq!(seen, [(true, true), (false, false), (false, true)]);
    }

    #[test]
    fn an_index_that_is_not_allowed_names_the_object_after_it() {
        let allowed = ["main".to_owned()];
        let rules = Rules { indexes: Some(&allowed), ..rules() };
        let body = r#"{"event":1,"index":"main"}{"event":2,"index":"other"}{"event":3}"#;
        assert_eq!(outcome(body, &rules), (7, Some(2), 1));
    }

    #[test]
    fn nothing_to_index_is_code_5() {
        assert_eq!(outcome(" \n", &rules()), (5, None, 0));
        assert_eq!(outcome(r#"{"event":1,"extra":2}"#, &rules()), (5, None, 0));
    }

    #[test]
    fn poison_is_named_or_refuses_the_whole_request() {
        let body = r#"{"event":"a"}{"event":"BAD"}{"event":"c"}"#;
        let named = [Poison { needle: "BAD".into(), answer: PoisonAnswer::Named(6) }];
        assert_eq!(outcome(body, &Rules { poison: &named, ..rules() }), (6, Some(1), 1));
        let unnamed = [Poison { needle: "BAD".into(), answer: PoisonAnswer::Unnamed(5) }];
        assert_eq!(outcome(body, &Rules { poison: &unnamed, ..rules() }), (5, None, 0));
    }

    #[test]
    fn the_position_is_read_from_the_fields() {
        let body = r#"{"event":1,"fields":{"kafka_topic":"t","kafka_partition":"3","kafka_offset":"9"}}"#;
        let mut out = Vec::new();
        collect(body.as_bytes(), &rules(), &mut out);
        assert_eq!(out[0].position(), Some(("t", 3, 9)));
        assert_eq!(out[0].raw, body.as_bytes());
    }
}
