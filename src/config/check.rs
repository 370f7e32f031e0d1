//! The structure: whether the tree is what the schema allows. Knows nothing of what the keys mean.
//!
//! The result is the tree as JSON without what was wrong, so that the meaning of the rest can still be checked.

use serde_json::{Map, Value, json};

use crate::units::{self, ByteSize};

use super::findings::{Findings, file_of_reference, is_reference, quote};
use super::node::{Entry, Kind, Node, Origin, Path, Scalar};
use super::schema::Shape;

/// Keys that people will try and that need more than "unknown".
const HINTS: [(&str, &str); 7] = [
    ("not_imported", "decide about each setting in the list, which `import` could not carry over, then remove it"),
    ("archive", "this version has no archive; the only sink is `splunk_hec`"),
    ("file", "this version reads only from `kafka`"),
    ("brokers", "the key is `bootstrap_servers`"),
    ("url", "the key is `endpoints`, a list"),
    ("uri", "the key is `endpoints`, a list"),
    ("hec_token", "the key is `token`"),
];

/// Checks `node` against `schema`. `None` when nothing of it can be used.
pub(super) fn check(node: &Node, schema: &Value, path: &Path, findings: &mut Findings) -> Option<Value> {
    match &node.kind {
        Kind::Broken(_) => return None,
        Kind::Empty if path.last_key().is_none() => {
            findings.error(path, "the file is empty", NOT_A_CONFIGURATION);
            return None;
        }
        Kind::Empty => {
            let remedy = "give it a value, or remove the key (or put a # before it)";
            findings.error_at_key(path, format!("`{}` has no value", name_of(path)), remedy);
            return None;
        }
        Kind::Scalar(_) | Kind::List(_) | Kind::Mapping(_) => {}
    }
    match Shape::of(schema) {
        Shape::Mapping { properties, required } => {
            mapping_entries(node, path, findings)?;
            Some(mapping(node, properties, &required, path, findings))
        }
        Shape::Named(child) => named(mapping_entries(node, path, findings)?, child, path, findings),
        Shape::OneOf(choices) => one_of(node, &choices, path, findings),
        Shape::List(items) => list(node, schema, items, path, findings),
        Shape::Word(words) => word(scalar(node, path, findings)?, &words, path, findings),
        Shape::WordOrOneOf(words, choices) => match &node.kind {
            Kind::Scalar(_) => word(scalar(node, path, findings)?, &words, path, findings),
            Kind::Empty | Kind::Broken(_) | Kind::List(_) | Kind::Mapping(_) => one_of(node, &choices, path, findings),
        },
        Shape::Text => text(scalar(node, path, findings)?, path, findings),
        Shape::Characters => characters(node, path, findings),
        Shape::TextOrList => match &node.kind {
            Kind::List(_) => list(node, schema, schema.get("items").unwrap_or(&Value::Null), path, findings),
            Kind::Empty | Kind::Broken(_) | Kind::Scalar(_) | Kind::Mapping(_) => {
                text(scalar(node, path, findings)?, path, findings)
            }
        },
        Shape::ListOrNames => match &node.kind {
            Kind::Mapping(entries) => {
                named(entries, schema.get("additionalProperties").unwrap_or(&Value::Null), path, findings)
            }
            Kind::Empty | Kind::Broken(_) | Kind::Scalar(_) | Kind::List(_) => {
                list(node, schema, schema.get("items").unwrap_or(&Value::Null), path, findings)
            }
        },
        Shape::Duration => {
            let scalar = scalar(node, path, findings)?;
            let parsed = units::parse_duration(&scalar.text).map(|_| ());
            quantity(
                scalar,
                parsed,
                ("time", "a number with a unit: ms, s, m, h or d, for example `5s`"),
                path,
                findings,
            )
        }
        Shape::ByteSize => {
            let scalar = scalar(node, path, findings)?;
            let parsed = ByteSize::parse(&scalar.text).map(|_| ());
            quantity(
                scalar,
                parsed,
                ("size", "a number with a unit: KiB, MiB, GiB, for example `2 MiB`"),
                path,
                findings,
            )
        }
        Shape::Secret => secret(node, path, findings),
        Shape::Address => address(node, path, findings),
        Shape::Integer => integer(scalar(node, path, findings)?, schema, path, findings),
        Shape::Boolean => boolean(scalar(node, path, findings)?, path, findings),
    }
}

fn name_of(path: &Path) -> &str {
    path.last_key().unwrap_or("the file")
}

const NOT_A_CONFIGURATION: &str =
    "begin with one of the annotated examples in config/; `auditferry schema` lists every key";

fn what_it_is(node: &Node) -> &'static str {
    match &node.kind {
        Kind::Empty | Kind::Broken(_) | Kind::Scalar(_) => "a single value",
        Kind::List(_) => "a list",
        Kind::Mapping(_) => "a mapping of keys",
    }
}

fn mapping_entries<'a>(node: &'a Node, path: &Path, findings: &mut Findings) -> Option<&'a [Entry]> {
    if let Kind::Mapping(entries) = &node.kind {
        return Some(entries);
    }
    if path.last_key().is_none() {
        findings.error(
            path,
            format!("the file has to hold a mapping of keys, and is {}", what_it_is(node)),
            NOT_A_CONFIGURATION,
        );
        return None;
    }
    let remedy = "put its keys below it, one a line, two spaces further in";
    let cause = format!("`{}` has to be a mapping of keys, and is {}", name_of(path), what_it_is(node));
    findings.error(path, cause, remedy);
    None
}

fn mapping(
    node: &Node,
    properties: &Map<String, Value>,
    required: &[&str],
    path: &Path,
    findings: &mut Findings,
) -> Value {
    let mut object = Map::new();
    for Entry { key, value, .. } in node.entries() {
        match properties.get(key) {
            None => unknown_key(key, properties, path, findings),
            Some(schema) => {
                let value = check(value, schema, &path.key(key), findings);
                object.extend(value.map(|value| (key.clone(), value)));
            }
        }
    }
    for key in required.iter().filter(|key| node.entry(key).is_none()) {
        if findings.has_error(&path.key(key)) {
            continue;
        }
        let about = properties.get(*key).map(first_sentence).unwrap_or_default();
        findings.error_at_key(&path.key(key), format!("`{key}` is missing"), format!("add `{key}`. {about}"));
    }
    Value::Object(object)
}

fn first_sentence(schema: &Value) -> String {
    let text = schema.get("description").and_then(Value::as_str).unwrap_or_default();
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let end = text.find(". ").map_or(text.len(), |at| at + 1);
    text[..end].to_owned()
}

fn unknown_key(key: &str, known: &Map<String, Value>, path: &Path, findings: &mut Findings) {
    let place = if path.last_key().is_none() { "at the top level".to_owned() } else { format!("in `{path}`") };
    let cause = format!("unknown key `{key}` {place}");
    let belongs = known.iter().find_map(|(parent, schema)| match Shape::of(schema) {
        Shape::Mapping { properties, .. } => properties.contains_key(key).then_some(parent),
        Shape::Named(_)
        | Shape::OneOf(_)
        | Shape::List(_)
        | Shape::Word(_)
        | Shape::WordOrOneOf(..)
        | Shape::Text
        | Shape::Characters
        | Shape::TextOrList
        | Shape::ListOrNames
        | Shape::Duration
        | Shape::ByteSize
        | Shape::Secret
        | Shape::Address
        | Shape::Integer
        | Shape::Boolean => None,
    });
    let names: Vec<&str> = known.keys().map(String::as_str).collect();
    let near = nearest(key, &names);
    if let Some(near) = near {
        findings.misspelt(path.key(near));
    }
    let remedy = match (hint(key), near, belongs) {
        (Some(hint), ..) => hint.to_owned(),
        (None, _, Some(parent)) => format!("`{key}` belongs one level deeper, under `{parent}`"),
        (None, Some(near), None) => format!("did you mean `{near}`?"),
        (None, None, None) => format!("the keys here are {}", enumerate(&names)),
    };
    findings.error_at_key(&path.key(key), cause, remedy);
}

fn hint(key: &str) -> Option<&'static str> {
    HINTS.iter().find(|(name, _)| *name == key).map(|(_, hint)| *hint)
}

/// The known name that a typing error would most likely have come from.
pub(super) fn nearest<'a>(word: &str, known: &[&'a str]) -> Option<&'a str> {
    let word = word.to_ascii_lowercase().replace('-', "_");
    let distance = |name: &str| strsim::damerau_levenshtein(&word, &name.to_ascii_lowercase().replace('-', "_"));
    let near = known.iter().copied().min_by_key(|name| distance(name))?;
    (distance(near) <= near.len().max(word.len()) / 3).then_some(near)
}

pub(super) fn enumerate(words: &[&str]) -> String {
    words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")
}

fn named(entries: &[Entry], child: &Value, path: &Path, findings: &mut Findings) -> Option<Value> {
    if entries.is_empty() {
        findings.error_at_key(
            path,
            format!("`{}` is empty", name_of(path)),
            "give at least one, under a name you choose",
        );
        return None;
    }
    let values = entries.iter().filter_map(|Entry { key, value, .. }| {
        check(value, child, &path.key(key), findings).map(|value| (key.clone(), value))
    });
    Some(Value::Object(values.collect()))
}

fn one_of(node: &Node, choices: &[(&str, &Value)], path: &Path, findings: &mut Findings) -> Option<Value> {
    let names: Vec<&str> = choices.iter().map(|(name, _)| *name).collect();
    let choice = match choices {
        [(only, _)] => format!("the key `{only}`"),
        _ => format!("exactly one of the keys {}", enumerate(&names)),
    };
    let Kind::Mapping(entries) = &node.kind else {
        let cause = format!("`{}` has to be a mapping with {choice}, and is {}", name_of(path), what_it_is(node));
        findings.error(path, cause, format!("write `{}: {{{}: …}}`", name_of(path), names.first().unwrap_or(&"key")));
        return None;
    };
    let mut found = None;
    for Entry { key, value, .. } in entries {
        match choices.iter().find(|(name, _)| name == key) {
            Some((_, schema)) => {
                found = check(value, schema, &path.key(key), findings).map(|value| (key.clone(), value))
            }
            None => {
                let known = choices.iter().map(|(name, schema)| ((*name).to_owned(), (*schema).clone())).collect();
                unknown_key(key, &known, path, findings);
            }
        }
    }
    if entries.len() != 1 {
        findings.error_at_key(path, format!("`{}` needs {choice}", name_of(path)), "give one and remove the others");
        return None;
    }
    found.map(|(key, value)| Value::Object(Map::from_iter([(key, value)])))
}

fn list(node: &Node, schema: &Value, items: &Value, path: &Path, findings: &mut Findings) -> Option<Value> {
    let Kind::List(nodes) = &node.kind else {
        let remedy = match (&node.kind, &node.origin) {
            (_, Origin::Variable(_)) => "let the variable's value begin with a bracket, as in `[a, b]`".to_owned(),
            (Kind::Scalar(scalar), _) if quote(path, scalar).starts_with('`') => {
                format!("write `{}: [{}]`", name_of(path), scalar.written)
            }
            _ => format!("write `{}: [a, b]`", name_of(path)),
        };
        findings.error(path, format!("`{}` has to be a list, and is {}", name_of(path), what_it_is(node)), remedy);
        return None;
    };
    if nodes.is_empty() && schema.get("minItems").is_some() {
        findings.error_at_key(path, format!("`{}` is an empty list", name_of(path)), "give at least one");
        return None;
    }
    let checked = nodes.iter().enumerate().map(|(index, node)| check(node, items, &path.item(index), findings));
    // Steps are named by their place, so one that was refused keeps its own.
    let keep_place = matches!(Shape::of(items), Shape::OneOf(_));
    let values = checked.filter_map(|value| value.or(keep_place.then_some(Value::Null)));
    Some(Value::Array(values.collect()))
}

fn scalar<'a>(node: &'a Node, path: &Path, findings: &mut Findings) -> Option<&'a Scalar> {
    let Kind::Scalar(scalar) = &node.kind else {
        let cause = format!("`{}` has to be a single value, and is {}", name_of(path), what_it_is(node));
        findings.error(path, cause, format!("write `{}: value`", name_of(path)));
        return None;
    };
    if scalar.text.trim().is_empty() {
        let cause = match (scalar.referenced, &node.origin) {
            (true, Origin::File(_)) => format!("{} stands for an empty value", quote(path, scalar)),
            (_, Origin::Variable(_)) => "this environment variable is empty".to_owned(),
            (false, Origin::File(_)) => format!("`{}` is empty", name_of(path)),
        };
        let remedy = match &node.origin {
            Origin::Variable(_) => "give it a value, or unset it",
            Origin::File(_) => "give it a value, or remove the key",
        };
        findings.error(path, cause, remedy);
        return None;
    }
    Some(scalar)
}

/// Text that may also be white space, or nothing.
fn characters(node: &Node, path: &Path, findings: &mut Findings) -> Option<Value> {
    match &node.kind {
        Kind::Scalar(scalar) => Some(Value::from(scalar.text.as_str())),
        Kind::Empty | Kind::Broken(_) | Kind::List(_) | Kind::Mapping(_) => {
            scalar(node, path, findings).map(|scalar| Value::from(scalar.text.as_str()))
        }
    }
}

fn text(scalar: &Scalar, path: &Path, findings: &mut Findings) -> Option<Value> {
    if scalar.text.contains(char::is_control) {
        let remedy = "write it on one line; a file that is referred to may hold one line only";
        findings.error(path, format!("`{}` holds a line break or another control character", name_of(path)), remedy);
        return None;
    }
    Some(Value::from(scalar.text.as_str()))
}

fn word(scalar: &Scalar, words: &[&str], path: &Path, findings: &mut Findings) -> Option<Value> {
    if words.contains(&scalar.text.as_str()) {
        return Some(Value::from(scalar.text.as_str()));
    }
    let cause = if scalar.referenced {
        format!("{} does not stand for one of {}", quote(path, scalar), enumerate(words))
    } else {
        format!("{} is not one of {}", quote(path, scalar), enumerate(words))
    };
    let remedy = match nearest(&scalar.text, words).filter(|_| !scalar.referenced) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("use one of {}", enumerate(words)),
    };
    findings.error(path, cause, remedy);
    None
}

/// A number with a unit. The parser's own words quote the value, so they are used only for what stands in the file.
fn quantity(
    scalar: &Scalar,
    parsed: Result<(), String>,
    (noun, form): (&str, &str),
    path: &Path,
    findings: &mut Findings,
) -> Option<Value> {
    let Err(message) = parsed else { return Some(Value::from(scalar.text.as_str())) };
    if scalar.referenced {
        findings.error(
            path,
            format!("{} does not stand for a {noun}", quote(path, scalar)),
            format!("set it to {form}"),
        );
        return None;
    }
    match message.split_once(": ") {
        Some((cause, remedy)) => findings.error(path, cause, remedy),
        None => findings.error(path, message, format!("write {form}")),
    }
    None
}

fn integer(scalar: &Scalar, schema: &Value, path: &Path, findings: &mut Findings) -> Option<Value> {
    let limit = |keyword| schema.get(keyword).and_then(Value::as_u64);
    let range = limit("minimum").unwrap_or(0)..=limit("maximum").unwrap_or(u64::from(u32::MAX));
    let number = scalar.text.replace('_', "").parse().ok().filter(|number| range.contains(number));
    if number.is_none() {
        let verb = if scalar.referenced { "does not stand for" } else { "is not" };
        let (least, most) = (range.start(), range.end());
        let cause = format!("{} {verb} a whole number from {least} to {most}", quote(path, scalar));
        findings.error(path, cause, "write it in digits, without a unit");
    }
    number.map(Value::from)
}

fn boolean(scalar: &Scalar, path: &Path, findings: &mut Findings) -> Option<Value> {
    match scalar.text.as_str() {
        "true" => Some(Value::Bool(true)),
        "false" => Some(Value::Bool(false)),
        _ => {
            let verb = if scalar.referenced { "does not stand for" } else { "is not" };
            findings.error(
                path,
                format!("{} {verb} `true` or `false`", quote(path, scalar)),
                "write `true` or `false`",
            );
            None
        }
    }
}

/// An address may stand in the file; whether it should is for those who know what it is.
fn address(node: &Node, path: &Path, findings: &mut Findings) -> Option<Value> {
    let scalar = scalar(node, path, findings)?;
    let from_file = matches!(node.origin, Origin::File(_));
    let plain = from_file && !(scalar.referenced && is_reference(&scalar.written));
    let file = from_file.then(|| file_of_reference(&scalar.written)).flatten();
    text(scalar, path, findings).map(|value| json!({"value": value, "file": file, "plain": plain}))
}

/// A secret may come from a reference without a default, from its `_file` key, or from an environment variable: never
/// from the file, which ends up in a Git repository.
fn secret(node: &Node, path: &Path, findings: &mut Findings) -> Option<Value> {
    let name = name_of(path);
    let scalar = scalar(node, path, findings)?;
    let from_file = matches!(node.origin, Origin::File(_));
    let cause = if from_file && scalar.referenced && scalar.written.contains(":-") {
        format!("`{name}` is a secret, and its default stands in plain text in the file")
    } else if from_file && !(scalar.referenced && is_reference(&scalar.written)) {
        format!("`{name}` is a secret, and stands in plain text in the file")
    } else {
        // The file is read again when it changes, so its place goes along.
        let file = from_file.then(|| file_of_reference(&scalar.written)).flatten();
        return text(scalar, path, findings).map(|value| json!({"value": value, "file": file}));
    };
    let reference = format!("write `{name}: ${{VAR}}` or `{name}: ${{file:/path}}`");
    // The names of headers are the user's.
    let has_sibling = path.parent().is_none_or(|above| above.last_key() != Some("secret_headers"));
    let remedy = if has_sibling { format!("{reference}, or use the key `{name}_file`") } else { reference };
    findings.error(path, cause, remedy);
    None
}
