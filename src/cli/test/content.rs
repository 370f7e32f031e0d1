//! What a delivered event should look like, against what it does.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use crate::config::case::Content;
use crate::event::Cleared;

/// What is wrong with the event: nothing, or some sentences.
pub(super) fn problems(content: &Content, event: &Cleared<'_>) -> Vec<String> {
    let bytes = event.record().value.unwrap_or_default();
    let mut problems = Vec::new();
    let Ok(root) = serde_json::from_slice::<Value>(bytes) else {
        let wants_paths = !(content.present.is_empty() && content.equal.is_empty());
        return if wants_paths { vec!["what is delivered is no JSON".to_owned()] } else { problems };
    };
    for path in &content.present {
        if found(&root, path).is_empty() {
            problems.push(format!("{path} is expected, and is not there{}", nearest(&root, path)));
        }
    }
    for path in &content.absent {
        for value in found(&root, path) {
            problems.push(format!("{path} is expected to be absent\n  and is {value}"));
        }
    }
    for (path, expected) in &content.equal {
        match found(&root, path).as_slice() {
            [] => problems.push(format!("{path} is not there{}\n- expected {expected}", nearest(&root, path))),
            values if values.iter().any(|value| is_written_as(value, expected)) => {}
            values => {
                let seen: Vec<String> = values.iter().map(|value| show(value)).collect();
                problems.push(format!("{path}\n- expected {expected}\n+ found    {}", seen.join(", ")));
            }
        }
    }
    for text in &content.nowhere {
        places_of(&root, text, "", &mut |path| problems.push(format!("`{text}` stands at {path}")));
    }
    problems.extend(field_problems(content, event));
    problems
}

fn field_problems(content: &Content, event: &Cleared<'_>) -> Vec<String> {
    let members = format!("{{{}}}", event.enrichment());
    let fields: Map<String, Value> = serde_json::from_str(&members).unwrap_or_default();
    let mut problems = Vec::new();
    for (name, expected) in &content.fields {
        match fields.get(name) {
            None => {
                let names: Vec<&str> = fields.keys().map(String::as_str).collect();
                let has = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
                problems.push(format!("the field {name} is expected beside the event; there are: {has}"));
            }
            Some(value) if is_written_as(value, expected) => {}
            Some(value) => {
                problems.push(format!("the field {name}\n- expected {expected}\n+ found    {}", show(value)));
            }
        }
    }
    for text in &content.nowhere {
        let fields = Value::Object(fields.clone());
        places_of(&fields, text, "", &mut |path| problems.push(format!("`{text}` stands in the field {path}")));
    }
    problems
}

/// The values at a path. In an array a number chooses an element, and a name looks into all of them.
fn found<'v>(value: &'v Value, path: &str) -> Vec<&'v Value> {
    path.split('.').fold(vec![value], |values, step| values.into_iter().flat_map(|value| into(value, step)).collect())
}

fn into<'v>(value: &'v Value, step: &str) -> Vec<&'v Value> {
    match value {
        Value::Object(members) => members.get(step).into_iter().collect(),
        Value::Array(elements) => match step.parse::<usize>() {
            Ok(index) => elements.get(index).into_iter().collect(),
            Err(_) => elements.iter().flat_map(|element| into(element, step)).collect(),
        },
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Vec::new(),
    }
}

/// For a path that leads nowhere: how far it goes, and what is there.
fn nearest(root: &Value, path: &str) -> String {
    let steps: Vec<&str> = path.split('.').collect();
    let known = (0..steps.len())
        .rev()
        .map(|length| steps[..length].join("."))
        .find(|part| part.is_empty() || !found(root, part).is_empty());
    let at = known.filter(|part| !part.is_empty()).map_or_else(|| vec![root], |part| found(root, &part));
    let mut names = BTreeSet::new();
    at.iter().for_each(|value| names_of(value, &mut names));
    let names: Vec<&str> = names.into_iter().collect();
    if names.is_empty() { String::new() } else { format!("; at that place there are: {}", names.join(", ")) }
}

/// The names of an object's members, or of all objects in an array.
fn names_of<'v>(value: &'v Value, names: &mut BTreeSet<&'v str>) {
    match value {
        Value::Object(members) => names.extend(members.keys().map(String::as_str)),
        Value::Array(elements) => elements.iter().for_each(|element| names_of(element, names)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Text is compared with what it says, anything else with its JSON text.
fn is_written_as(value: &Value, written: &str) -> bool {
    match value {
        Value::String(text) => text == written,
        Value::Array(elements) => elements.iter().any(|element| is_written_as(element, written)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => {
            serde_json::to_string(value).is_ok_and(|text| text == written)
        }
    }
}

fn show(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// Calls `each` with the path of every text or name that contains `text`.
fn places_of(value: &Value, text: &str, path: &str, each: &mut dyn FnMut(&str)) {
    let below = |step: &str| if path.is_empty() { step.to_owned() } else { format!("{path}.{step}") };
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                let path = below(name);
                if name.contains(text) {
                    each(&path);
                }
                places_of(member, text, &path, each);
            }
        }
        Value::Array(elements) => {
            for (index, element) in elements.iter().enumerate() {
                places_of(element, text, &below(&index.to_string()), each);
            }
        }
        Value::String(held) if held.contains(text) => each(path),
        Value::Number(number) if number.to_string().contains(text) => each(path),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_path_leads_through_objects_and_into_the_elements_of_arrays() {
        let event = json!({"a": {"b": [{"c": 1}, {"c": "x"}, {}]}, "d": null});
        assert_eq!(found(&event, "a.b.c"), [&json!(1), &json!("x")]);
        assert_eq!(found(&event, "a.b.1.c"), [&json!("x")]);
        assert_eq!(found(&event, "d"), [&Value::Null]);
        assert!(found(&event, "a.x.c").is_empty() && found(&event, "d.e").is_empty());
        assert_eq!(nearest(&event, "a.b.z"), "; at that place there are: c");
    }

    #[test]
    fn values_are_compared_with_what_is_written() {
        for (value, written, equal) in [
            (json!("x"), "x", true),
            (json!("true"), "true", true),
            (json!(true), "true", true),
            (json!(1.5), "1.5", true),
            (json!(null), "null", true),
            (json!(["a", "b"]), "b", true),
            (json!("x "), "x", false),
            (json!({}), "", false),
        ] {
            assert_eq!(is_written_as(&value, written), equal, "{value} and {written}");
        }
    }

    #[test]
    fn a_text_is_found_wherever_it_stands() {
        let event = json!({"a@x": 1, "l": ["is a@x here", {"n": 42}]});
        let mut places = Vec::new();
        places_of(&event, "a@x", "", &mut |path| places.push(path.to_owned()));
        places_of(&event, "42", "", &mut |path| places.push(path.to_owned()));
        assert_eq!(places, ["a@x", "l.0", "l.1.n"]);
    }
}
