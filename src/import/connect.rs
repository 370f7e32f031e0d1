//! Reads what a connector is written in: JSON as Connect's REST interface takes and gives it, or a properties file.

use std::fmt;

use serde_json::{Map, Value};

use super::properties;

/// A file with its name for messages.
#[derive(Clone, Debug)]
pub struct Input {
    pub name: String,
    pub bytes: Vec<u8>,
}

/// The settings of a connector, or of a worker, in the order of the file.
#[derive(Clone, Debug)]
pub(super) struct Connector {
    pub(super) file: String,
    /// `None` when the file does not say it.
    pub(super) name: Option<String>,
    pub(super) settings: Vec<(String, String)>,
}

/// A file that cannot be read as what it should be.
#[derive(PartialEq, Eq, Debug)]
pub struct Unreadable {
    pub file: String,
    pub cause: String,
    pub remedy: &'static str,
}

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "error: {}\n --> {}\n = help: {}", self.cause, self.file, self.remedy)
    }
}

impl std::error::Error for Unreadable {}

const SHAPES: &str = "give the JSON of a connector, as `curl http://CONNECT:8083/connectors/NAME` prints it or as \
                      Confluent Cloud exports it, or a properties file";

/// The connectors of a file: usually one.
///
/// # Errors
/// It is neither JSON of one of the known shapes nor a properties file.
pub(super) fn read(input: &Input) -> Result<Vec<Connector>, Unreadable> {
    let connectors = match json(input)? {
        None => vec![connector(input, None, settings_of_properties(input)?)],
        Some(json) => of_json(input, json)?,
    };
    if connectors.iter().all(|connector| connector.settings.is_empty()) {
        return Err(unreadable(input, "there is no setting in this file".to_owned(), SHAPES));
    }
    Ok(connectors)
}

fn of_json(input: &Input, json: Value) -> Result<Vec<Connector>, Unreadable> {
    Ok(match json {
        Value::Array(items) => items.into_iter().map(|item| one(input, item)).collect::<Result<Vec<_>, _>>()?,
        Value::Object(object) if object.values().all(|member| member.get("info").is_some()) => {
            let infos = object.into_iter().map(|(_, mut member)| member["info"].take());
            infos.map(|info| one(input, info)).collect::<Result<Vec<_>, _>>()?
        }
        other @ (Value::Object(_) | Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_)) => {
            vec![one(input, other)?]
        }
    })
}

/// The settings of a worker.
///
/// # Errors
/// It is neither a properties file nor a flat JSON object.
pub(super) fn read_worker(input: &Input) -> Result<Connector, Unreadable> {
    let settings = match json(input)? {
        Some(Value::Object(object)) => flat(input, object)?,
        Some(_) => return Err(unreadable(input, "this is no worker's configuration".to_owned(), SHAPES)),
        None => settings_of_properties(input)?,
    };
    Ok(Connector { file: input.name.clone(), name: None, settings })
}

fn json(input: &Input) -> Result<Option<Value>, Unreadable> {
    let bytes = input.bytes.strip_prefix("\u{feff}".as_bytes()).unwrap_or(&input.bytes);
    if !matches!(bytes.trim_ascii_start().first(), Some(b'{' | b'[')) {
        return Ok(None);
    }
    serde_json::from_slice(bytes).map(Some).map_err(|error| {
        let cause = format!("this is not JSON, at line {}, column {}", error.line(), error.column());
        unreadable(input, cause, "check commas, quotation marks and brackets there")
    })
}

fn settings_of_properties(input: &Input) -> Result<Vec<(String, String)>, Unreadable> {
    let remedy = "a backslash begins an escape there: write `\\\\` for a backslash";
    properties::parse(&input.bytes)
        .map_err(|malformed| unreadable(input, format!("line {}: {}", malformed.line, malformed.cause), remedy))
}

/// `{"name": …, "config": {…}}` or the settings themselves.
fn one(input: &Input, json: Value) -> Result<Connector, Unreadable> {
    let Value::Object(mut object) = json else {
        return Err(unreadable(input, "this JSON is not an object of settings".to_owned(), SHAPES));
    };
    let name = object.get("name").and_then(Value::as_str).map(str::to_owned);
    let settings = match object.remove("config") {
        Some(Value::Object(config)) => flat(input, config)?,
        _ => flat(input, object)?,
    };
    Ok(connector(input, name, settings))
}

fn connector(input: &Input, name: Option<String>, settings: Vec<(String, String)>) -> Connector {
    let inner = settings.iter().find(|(key, _)| key == "name").map(|(_, value)| value.trim().to_owned());
    let name = name.or(inner).filter(|name| !name.is_empty());
    Connector { file: input.name.clone(), name, settings }
}

/// Connect turns numbers and booleans into text itself, and takes null for nothing.
fn flat(input: &Input, object: Map<String, Value>) -> Result<Vec<(String, String)>, Unreadable> {
    let text = |(key, value): (String, Value)| match value {
        Value::String(text) => Ok((key, text)),
        Value::Null => Ok((key, String::new())),
        Value::Bool(_) | Value::Number(_) => Ok((key, value.to_string())),
        Value::Array(_) | Value::Object(_) => {
            Err(unreadable(input, format!("the value of `{key}` is not a single value"), SHAPES))
        }
    };
    object.into_iter().map(text).collect()
}

fn unreadable(input: &Input, cause: String, remedy: &'static str) -> Unreadable {
    Unreadable { file: input.name.clone(), cause, remedy }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn input(text: &str) -> Input {
        Input { name: "x.json".to_owned(), bytes: text.as_bytes().to_vec() }
    }

    fn names(text: &str) -> Vec<Option<String>> {
        read(&input(text)).expect("readable").into_iter().map(|connector| connector.name).collect()
    }

    #[test]
    fn every_shape_of_a_connector_is_read() {
        let one = [Some("a".to_owned())];
        assert_eq!(names(r#"{"name": "a", "config": {"k": "v"}}"#), one);
        assert_eq!(names(r#"{"name": "a", "config": {"name": "a", "k": 1}, "tasks": [], "type": "sink"}"#), one);
        assert_eq!(names(r#"{"name": "a", "k": "v"}"#), one);
        assert_eq!(names("\u{feff}{\"config\": {\"name\": \"a\"}}"), one);
        assert_eq!(names("name=a\nk=v"), one);
        assert_eq!(names(r#"{"k": "v"}"#), [None]);
        assert_eq!(names(r#"[{"name": "a", "k": 1}, {"name": "b", "k": 1}]"#).len(), 2);
        assert_eq!(names(r#"{"a": {"info": {"name": "a", "config": {"k": 1}}}}"#), one);
    }

    #[test]
    fn single_values_become_text_and_others_are_refused() {
        let settings = &read(&input(r#"{"a": 1, "b": true, "c": null, "d": "x"}"#)).expect("readable")[0].settings;
        let values: Vec<&str> = settings.iter().map(|(_, value)| value.as_str()).collect();
        assert_eq!(values, ["1", "true", "", "x"]);
        assert!(read(&input(r#"{"a": {"b": 1}}"#)).is_err());
    }

    #[test]
    fn what_cannot_be_read_is_said_without_quoting_it() {
        for text in ["{\"a\": canary}", "[\"canary\"]", "{}", "", "# no", "a=\\ucanary", "[1]"] {
            let error = read(&input(text)).expect_err(text).to_string();
            assert!(error.contains("x.json") && !error.contains("canary"), "{error}");
        }
    }
}
