//! The JSON Schema of the configuration file, and the small part of JSON Schema that `check` understands.
//!
//! One schema serves editors, documentation and our own check, so they cannot disagree. It is derived from `raw`, with
//! subschemas in place (no `$ref`), closed objects, and no `null`: a key without a value is a mistake.

use schemars::Schema;
use schemars::generate::SchemaSettings;
use schemars::transform::transform_subschemas;
use serde_json::{Map, Value};

use super::raw::{self, unit};

/// The JSON Schema (draft 2020-12) of the configuration file.
pub fn schema() -> Value {
    let settings = SchemaSettings::draft2020_12().with(|settings| settings.inline_subschemas = true);
    let mut schema = settings.into_generator().into_root_schema_for::<raw::File>();
    tidy(&mut schema);
    schema.insert("title".to_owned(), "auditferry configuration".into());
    schema.to_value()
}

fn tidy(schema: &mut Schema) {
    if let Some(object) = schema.as_object_mut() {
        drop_null(object);
        drop_machine_formats(object);
        close(object);
        document_choices(object);
    }
    transform_subschemas(&mut tidy, schema);
}

/// `Option` adds `null` to the types; a configuration has no nulls.
fn drop_null(object: &mut Map<String, Value>) {
    if let Some(Value::Array(types)) = object.get_mut("type") {
        types.retain(|name| name != "null");
        if let [only] = types.as_slice() {
            let only = only.clone();
            object.insert("type".to_owned(), only);
        }
    }
    if let Some(Value::Array(words)) = object.get_mut("enum") {
        words.retain(|word| !word.is_null());
    }
    let Some(Value::Array(mut variants)) = object.remove("anyOf") else { return };
    variants.retain(|variant| variant.get("type") != Some(&Value::from("null")));
    match <[Value; 1]>::try_from(variants) {
        Ok([Value::Object(only)]) => {
            for (key, value) in only {
                // The field's own words win over those of its type.
                object.entry(key).or_insert(value);
            }
        }
        Ok([other]) => {
            object.insert("anyOf".to_owned(), Value::Array(vec![other]));
        }
        Err(variants) => {
            object.insert("anyOf".to_owned(), Value::Array(variants));
        }
    }
}

/// `uint32` tells an operator nothing.
fn drop_machine_formats(object: &mut Map<String, Value>) {
    object.remove("format");
}

/// Serde cannot refuse unknown fields where another struct is flattened in; the schema can.
fn close(object: &mut Map<String, Value>) {
    object.remove("unevaluatedProperties");
    if object.contains_key("properties") {
        object.insert("additionalProperties".to_owned(), false.into());
    }
}

/// The documentation of an enum's variant belongs to its key, where editors look for it.
fn document_choices(object: &mut Map<String, Value>) {
    let variants = object.get_mut("oneOf").and_then(Value::as_array_mut).into_iter().flatten();
    for variant in variants.filter_map(Value::as_object_mut) {
        let words = variant.get("description").cloned();
        let properties = variant.get_mut("properties").and_then(Value::as_object_mut);
        let key = properties.and_then(|properties| properties.values_mut().next()).and_then(Value::as_object_mut);
        if let (Some(key), Some(words)) = (key, words) {
            key.insert("description".to_owned(), words);
        }
    }
}

/// What a schema asks of a value.
pub(super) enum Shape<'a> {
    Mapping {
        properties: &'a Map<String, Value>,
        required: Vec<&'a str>,
    },
    /// A mapping with names of the user's choice.
    Named(&'a Value),
    /// A mapping with exactly one of these keys.
    OneOf(Vec<(&'a str, &'a Value)>),
    List(&'a Value),
    Word(Vec<&'a str>),
    /// One of these words, or a mapping with exactly one of these keys.
    WordOrOneOf(Vec<&'a str>, Vec<(&'a str, &'a Value)>),
    Text,
    /// Any text, also an empty one.
    Characters,
    TextOrList,
    /// A list of texts, or a mapping from texts to texts.
    ListOrNames,
    Duration,
    ByteSize,
    Secret,
    /// An address, which may be a secret.
    Address,
    Integer,
    Boolean,
}

impl<'a> Shape<'a> {
    pub(super) fn of(schema: &'a Value) -> Self {
        if let Some(words) = schema.get("enum").and_then(Value::as_array) {
            return Self::Word(words.iter().filter_map(Value::as_str).collect());
        }
        if let Some(variants) = schema.get("oneOf").and_then(Value::as_array) {
            return Self::of_variants(variants);
        }
        match schema.get("type").and_then(Value::as_str) {
            Some("object") => Self::of_object(schema),
            Some("array") => Self::List(schema.get("items").unwrap_or(&Value::Null)),
            Some("integer") => Self::Integer,
            Some("boolean") => Self::Boolean,
            Some(_) | None => match schema.get(unit::KEYWORD).and_then(Value::as_str) {
                Some(unit::DURATION) => Self::Duration,
                Some(unit::BYTE_SIZE) => Self::ByteSize,
                Some(unit::SECRET) => Self::Secret,
                Some(unit::ADDRESS) => Self::Address,
                Some(unit::CHARACTERS) => Self::Characters,
                Some(unit::TEXT_OR_LIST) => Self::TextOrList,
                Some(unit::LIST_OR_NAMES) => Self::ListOrNames,
                Some(_) | None => Self::Text,
            },
        }
    }

    fn of_variants(variants: &'a [Value]) -> Self {
        let words: Vec<&str> = variants.iter().filter_map(|variant| variant.get("const")?.as_str()).collect();
        if words.len() == variants.len() {
            return Self::Word(words);
        }
        let properties = variants.iter().filter_map(|variant| variant.get("properties")?.as_object());
        let keys = properties.flatten().map(|(key, schema)| (key.as_str(), schema)).collect();
        if words.is_empty() { Self::OneOf(keys) } else { Self::WordOrOneOf(words, keys) }
    }

    fn of_object(schema: &'a Value) -> Self {
        let Some(properties) = schema.get("properties").and_then(Value::as_object) else {
            return Self::Named(schema.get("additionalProperties").unwrap_or(&Value::Null));
        };
        let required = schema.get("required").and_then(Value::as_array);
        let required = required.map(|keys| keys.iter().filter_map(Value::as_str).collect()).unwrap_or_default();
        Self::Mapping { properties, required }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Calls `visit` with every key of the schema and its subschema.
    fn walk(schema: &Value, visit: &mut dyn FnMut(&str, &Value)) {
        match Shape::of(schema) {
            Shape::Mapping { properties, .. } => properties.iter().for_each(|(key, child)| {
                visit(key, child);
                walk(child, visit);
            }),
            Shape::OneOf(keys) | Shape::WordOrOneOf(_, keys) => keys.into_iter().for_each(|(key, child)| {
                visit(key, child);
                walk(child, visit);
            }),
            Shape::Named(child) | Shape::List(child) => walk(child, visit),
            Shape::Word(_)
            | Shape::Text
            | Shape::Characters
            | Shape::TextOrList
            | Shape::ListOrNames
            | Shape::Duration
            | Shape::ByteSize
            | Shape::Secret
            | Shape::Address
            | Shape::Integer
            | Shape::Boolean => {}
        }
    }

    #[test]
    fn every_key_is_documented() {
        walk(&schema(), &mut |key, child| {
            let words = child.get("description").and_then(Value::as_str).unwrap_or_default();
            assert!(words.split_whitespace().count() >= 3, "`{key}` has no documentation: {child}");
        });
    }

    #[test]
    fn the_schema_has_no_null_no_reference_and_no_open_object() {
        let text = schema().to_string();
        for unwanted in ["null", "$ref", "unevaluatedProperties", "anyOf"] {
            assert!(!text.contains(unwanted), "{unwanted} in {text}");
        }
    }

    #[test]
    fn every_secret_has_a_file_sibling_and_a_name_that_is_masked() {
        let mut keys = Vec::new();
        walk(&schema(), &mut |key, child| keys.push((key.to_owned(), matches!(Shape::of(child), Shape::Secret))));
        assert!(keys.iter().filter(|(_, secret)| *secret).count() >= 5, "the schema lost its secrets");
        for (key, _) in keys.iter().filter(|(_, secret)| *secret) {
            assert!(keys.iter().any(|(other, _)| *other == format!("{key}_file")), "{key} has no {key}_file");
            assert!(super::super::node::sounds_secret(key), "{key} would be printed");
        }
    }
}
