//! The environment: a snapshot for `${VAR}`, and the overlay of `AUDITFERRY_` variables.
//!
//! `AUDITFERRY_ADMIN__LISTEN=0.0.0.0:9470` sets `admin.listen`. Levels are separated by two underscores; names are
//! matched without regard to case, and `_` also matches `-`, which variable names cannot hold. A value that begins with
//! `[` is a list. Variables without `__` are left alone unless they name a top-level key: container platforms set some
//! of their own (`AUDITFERRY_PORT_9470_TCP`), and the command line reads AUDITFERRY_CONFIG and AUDITFERRY_LOG. This is the only place that reads the process environment.

use std::collections::BTreeMap;

use figment::value::{Dict, Map, Value};
use figment::{Figment, Metadata, Profile, Provider};

use super::node::{Entry, Kind, Node, Origin, Scalar};

const PREFIX: &str = "AUDITFERRY_";
const TOP_LEVEL: [&str; 3] = ["sources", "pipelines", "admin"];

/// A snapshot of environment variables.
#[derive(Clone, Default)]
pub struct Environment(BTreeMap<String, String>);

impl Environment {
    /// The variables of this process; those that are not UTF-8 are left out.
    pub fn of_process() -> Self {
        // `vars_os`, because `vars` panics at the first variable that is not UTF-8, whosever it is.
        let readable =
            std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
        Self(readable.collect())
    }

    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// The variables that override the file, with the path each one means.
    fn overrides(&self) -> impl Iterator<Item = Override> {
        self.0.iter().filter_map(|(name, value)| {
            let keys: Vec<String> = name.strip_prefix(PREFIX)?.split("__").map(str::to_ascii_lowercase).collect();
            let ours = match keys.as_slice() {
                [only] => TOP_LEVEL.contains(&only.as_str()),
                _ => true,
            };
            ours.then(|| Override { variable: name.clone(), path: keys.join("."), value: value.clone() })
        })
    }
}

impl<K: Into<String>, V: Into<String>> FromIterator<(K, V)> for Environment {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(variables: I) -> Self {
        Self(variables.into_iter().map(|(name, value)| (name.into(), value.into())).collect())
    }
}

/// One variable as a layer of its own, so that figment remembers which variable a value came from.
struct Override {
    variable: String,
    path: String,
    value: String,
}

impl Provider for Override {
    fn metadata(&self) -> Metadata {
        Metadata::named(self.variable.clone())
    }

    fn data(&self) -> figment::error::Result<Map<Profile, Dict>> {
        // Only a list is parsed: figment would make numbers and booleans of other values, and lose their spelling.
        let parsed: Option<Value> = self.value.starts_with('[').then(|| match self.value.parse() {
            Ok(value) => value,
            Err(never) => match never {},
        });
        let value = parsed.filter(|value| value.as_array().is_some()).unwrap_or_else(|| self.value.clone().into());
        let dict = figment::util::nest(&self.path, value).into_dict().unwrap_or_default();
        Ok(Map::from([(Profile::Default, dict)]))
    }
}

/// Lays the variables over `tree`.
pub(super) fn overlay(tree: &mut Node, environment: &Environment) {
    let layers = environment.overrides().fold(Figment::new(), |layers, variable| layers.merge(variable));
    let Ok(values) = layers.extract::<Dict>() else { return };
    merge_mapping(tree, values, &layers);
}

fn merge_mapping(node: &mut Node, values: Dict, layers: &Figment) {
    for (key, value) in values {
        let variable = variable_of(&value, layers);
        if !matches!(node.kind, Kind::Mapping(_)) {
            node.kind = Kind::Mapping(Vec::new());
        }
        let Kind::Mapping(entries) = &mut node.kind else { continue };
        let index = entries.iter().position(|entry| normal(&entry.key) == normal(&key)).unwrap_or_else(|| {
            let origin = Origin::Variable(variable.clone());
            let value = Node { kind: Kind::Empty, origin: origin.clone() };
            entries.push(Entry { key, origin, value });
            entries.len() - 1
        });
        merge(&mut entries[index].value, value, &variable, layers);
    }
}

fn merge(node: &mut Node, value: Value, variable: &str, layers: &Figment) {
    if value.as_dict().is_some() {
        merge_mapping(node, value.into_dict().unwrap_or_default(), layers);
    } else {
        *node = leaf(&value, variable);
    }
}

fn leaf(value: &Value, variable: &str) -> Node {
    let origin = Origin::Variable(variable.to_owned());
    let kind = match value.as_array() {
        Some(items) => Kind::List(items.iter().map(|item| leaf(item, variable)).collect()),
        None => Kind::Scalar(Scalar { text: text_of(value), written: variable.to_owned(), referenced: true }),
    };
    Node { kind, origin }
}

fn text_of(value: &Value) -> String {
    match (value.as_str(), value.to_bool(), value.to_i128(), value.to_u128(), value.to_num()) {
        (Some(text), ..) => text.to_owned(),
        (_, Some(boolean), ..) => boolean.to_string(),
        (_, _, Some(number), ..) => number.to_string(),
        (_, _, _, Some(number), _) => number.to_string(),
        (.., Some(number)) => number.to_f64().map(|number| number.to_string()).unwrap_or_default(),
        _ => String::new(),
    }
}

/// The variable that a value came from; for a mapping, one of those below it.
fn variable_of(value: &Value, layers: &Figment) -> String {
    match value.as_dict() {
        Some(values) => values.values().next().map(|value| variable_of(value, layers)).unwrap_or_default(),
        None => layers.get_metadata(value.tag()).map(|metadata| metadata.name.to_string()).unwrap_or_default(),
    }
}

fn normal(key: &str) -> String {
    key.to_ascii_lowercase().replace('-', "_")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::node::Path;

    fn overlaid(yaml: &str, variables: &[(&str, &str)]) -> Vec<(String, String, Option<String>)> {
        let mut tree = Node::parse(yaml).expect("valid");
        overlay(&mut tree, &variables.iter().copied().collect());
        let mut leaves = Vec::new();
        tree.walk(&Path::default(), &mut |path, node| {
            if let Kind::Scalar(scalar) = &node.kind {
                let variable = match &node.origin {
                    Origin::Variable(name) => Some(name.clone()),
                    Origin::File(_) => None,
                };
                leaves.push((path.to_string(), scalar.text.clone(), variable));
            }
        });
        leaves
    }

    #[test]
    fn a_variable_overrides_the_file_and_keeps_its_spelling() {
        let name = "AUDITFERRY_PIPELINES__EU_WEST__MAX_IN_FLIGHT";
        let leaves = overlaid("pipelines: {eu-west: {max_in_flight: 4, group_id: g}}\n", &[(name, "007")]);
        assert_eq!(
            leaves,
            [
                ("pipelines.eu-west.max_in_flight".into(), "007".into(), Some(name.into())),
                ("pipelines.eu-west.group_id".into(), "g".into(), None),
            ]
        );
    }

    #[test]
    fn a_variable_creates_what_is_missing_and_a_bracket_makes_a_list() {
        let name = "AUDITFERRY_SOURCES__A__KAFKA__TOPICS";
        let leaves = overlaid("", &[(name, "[x, \"y z\", 5]"), ("AUDITFERRY_ADMIN__LISTEN", "no")]);
        let short: Vec<_> = leaves.iter().map(|(path, text, _)| (path.as_str(), text.as_str())).collect();
        assert_eq!(
            short,
            [
                ("admin.listen", "no"),
                ("sources.a.kafka.topics[0]", "x"),
                ("sources.a.kafka.topics[1]", "y z"),
                ("sources.a.kafka.topics[2]", "5"),
            ]
        );
        assert!(leaves[1..].iter().all(|(_, _, variable)| variable.as_deref() == Some(name)));
    }

    #[test]
    fn variables_of_the_platform_and_of_the_command_line_are_left_alone() {
        let foreign =
            [("AUDITFERRY_CONFIG", "x"), ("AUDITFERRY_LOG", "x"), ("AUDITFERRY_PORT_9470_TCP", "x"), ("HOME", "x")];
        assert_eq!(overlaid("a: 1\n", &foreign), [("a".into(), "1".into(), None)]);
    }
}
