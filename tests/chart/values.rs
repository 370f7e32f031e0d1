//! `values.yaml` as the one source of the schema and of the table in the README: its comments, read line by line.
//!
//! `# --` begins the description of the value below, `# @schema {...}` refines the type that its default has. Besides the words of
//! JSON Schema, `@schema` may say `program: true` (the program's own schema), `strings: true` (any keys, values are strings),
//! `open: true` (any further keys: a part of the Kubernetes API) and `alerts: true`.

use serde_json::{Map, Value, json};

use super::helm::{parse, read};

#[derive(Debug, Clone)]
pub struct Entry {
    /// Keys from the root.
    pub path: Vec<String>,
    pub default: Value,
    pub description: String,
    pub refinement: Map<String, Value>,
    /// The paragraph above its block, for the first of a block.
    pub heading: String,
}

impl Entry {
    /// Whether nothing lies below: a scalar, a list, or an empty map.
    pub fn is_leaf(&self) -> bool {
        self.default.as_object().is_none_or(Map::is_empty)
    }

    pub fn dotted(&self) -> String {
        self.path.join(".")
    }

    fn says(&self, word: &str) -> bool {
        self.refinement.get(word) == Some(&Value::Bool(true))
    }
}

/// Every key of `values.yaml`, in its order.
pub fn entries() -> Vec<Entry> {
    let text = read("helm/auditferry/values.yaml");
    let defaults = parse(&text);
    let mut entries = Vec::new();
    let mut path: Vec<(usize, String)> = Vec::new();
    let mut comments: Vec<String> = Vec::new();
    let mut heading = String::new();
    for line in text.lines() {
        let indent = line.len() - line.trim_start().len();
        let content = line.trim();
        if let Some(comment) = content.strip_prefix('#') {
            comments.push(comment.strip_prefix(' ').unwrap_or(comment).to_owned());
            continue;
        }
        if content.is_empty() {
            if !comments.is_empty() {
                heading = std::mem::take(&mut comments).join(" ");
            }
            continue;
        }
        let said = std::mem::take(&mut comments);
        let Some((key, _)) = content.split_once(':').filter(|(key, _)| !key.starts_with('-') && !key.contains(' '))
        else {
            continue;
        };
        path.retain(|(depth, _)| *depth < indent);
        let keys: Vec<String> = path.iter().map(|(_, key)| key.clone()).chain([key.to_owned()]).collect();
        let pointer = keys.iter().fold(String::new(), |pointer, key| format!("{pointer}/{key}"));
        // What lies within a list, or within the default of an open map, has no comment of its own.
        let Some(default) = defaults.pointer(&pointer) else { continue };
        path.push((indent, key.to_owned()));
        let (description, refinement, above) = read_comments(&said);
        if !above.is_empty() {
            heading = above;
        }
        let heading = std::mem::take(&mut heading);
        entries.push(Entry { path: keys, default: default.clone(), description, refinement, heading });
    }
    entries
}

/// Description, refinement, and what stood before the description.
fn read_comments(lines: &[String]) -> (String, Map<String, Value>, String) {
    let (mut description, mut refinement, mut above) = (Vec::new(), Map::new(), Vec::new());
    for line in lines {
        if let Some(schema) = line.strip_prefix("@schema ") {
            refinement = parse(schema).as_object().expect("@schema is a mapping").clone();
        } else if let Some(first) = line.strip_prefix("-- ") {
            description = vec![first.to_owned()];
        } else if description.is_empty() {
            above.push(line.clone());
        } else {
            description.push(line.clone());
        }
    }
    (description.join(" "), refinement, above.join(" "))
}

/// The names of the alerts, in the order of their file.
pub fn alerts() -> Vec<String> {
    let alerts = parse(&read("helm/auditferry/files/alerts.yaml"));
    alerts.as_object().expect("a mapping of alerts").keys().cloned().collect()
}

/// The schema of the values, with the program's own schema in it.
pub fn schema(program: &Value) -> Value {
    let entries = entries();
    let mut root = json!({
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "Values of the chart auditferry",
        "type": "object",
        "additionalProperties": false,
        "properties": {
            // Helm hands it down where a parent chart switches this one with `condition`.
            "enabled": {"type": "boolean", "description": "Read by a parent chart."},
        },
    });
    for entry in &entries {
        let Some((last, parents)) = entry.path.split_last() else { continue };
        let mut place = &mut root;
        for parent in parents {
            place = &mut place["properties"][parent];
        }
        // The program's schema says what lies below already.
        if place.get("properties").is_some_and(|properties| properties.get(last).is_some()) {
            continue;
        }
        place["properties"][last] = schema_of(entry, program);
    }
    root
}

fn schema_of(entry: &Entry, program: &Value) -> Value {
    if entry.says("program") {
        return program_schema(program, &entry.description);
    }
    let mut schema = match &entry.default {
        Value::Object(_) => json!({"type": "object", "additionalProperties": false}),
        Value::Array(_) => json!({"type": "array"}),
        Value::String(_) => json!({"type": "string"}),
        Value::Bool(_) => json!({"type": "boolean"}),
        Value::Number(number) if number.is_f64() => json!({"type": "number"}),
        Value::Number(_) => json!({"type": "integer", "minimum": 0}),
        Value::Null => json!({}),
    };
    if entry.says("open") {
        schema["additionalProperties"] = json!(true);
    }
    if entry.says("strings") {
        schema["additionalProperties"] = json!({"type": "string"});
    }
    if entry.says("alerts") {
        schema["additionalProperties"] = alert_schema();
        schema["propertyNames"] = json!({"enum": alerts()});
    }
    for (word, value) in &entry.refinement {
        if !["open", "strings", "alerts"].contains(&word.as_str()) {
            schema[word] = value.clone();
        }
    }
    if let Some(kinds) =
        schema.get("enum").filter(|kinds| kinds.as_array().is_some_and(|kinds| kinds.contains(&json!("auto"))))
    {
        // `--set podMonitor.enabled=true` gives a boolean, a quoted value a string.
        assert_eq!(kinds.as_array().map(Vec::len), Some(3));
        schema["enum"] = json!(["auto", true, false, "true", "false"]);
    }
    schema["description"] = json!(entry.description);
    if !entry.default.is_object() {
        schema["default"] = entry.default.clone();
    }
    schema
}

fn alert_schema() -> Value {
    json!({
        "type": "object",
        "additionalProperties": false,
        "properties": {
            "enabled": {"type": "boolean"},
            "for": {"type": "string", "pattern": "^[0-9]+(s|m|h|d)$"},
            "severity": {"type": "string", "minLength": 1},
            "threshold": {"type": "number"},
            "labels": {"type": "object", "additionalProperties": {"type": "string"}},
        },
    })
}

/// The program's schema, without what only a whole configuration needs: the chart may get it from elsewhere.
fn program_schema(program: &Value, description: &str) -> Value {
    let mut schema = program.clone();
    let map = schema.as_object_mut().expect("a schema is an object");
    for word in ["$schema", "title", "required"] {
        map.remove(word);
    }
    map.insert("description".to_owned(), json!(description));
    schema
}

/// The table of the README.
pub fn table() -> String {
    let mut text = String::new();
    let mut open = false;
    for entry in entries() {
        if !entry.heading.is_empty() && entry.path.len() == 1 {
            let heading = entry.heading.replace("  ", " ");
            text.push_str(&format!("\n{heading}\n"));
            open = false;
        }
        if !entry.is_leaf() {
            continue;
        }
        if !open {
            text.push_str("\n| value | default | description |\n| --- | --- | --- |\n");
            open = true;
        }
        let default = entry.default.to_string().replace('|', "\\|");
        let description = entry.description.replace('|', "\\|");
        text.push_str(&format!("| `{}` | `{default}` | {description} |\n", entry.dotted()));
    }
    text
}
