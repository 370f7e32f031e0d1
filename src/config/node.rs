//! The configuration as a tree that remembers where everything was written.
//!
//! - A scalar is kept as text, whatever YAML would make of it, so `topics: [no, 1.10]` means what it says. What type it
//!   has to be is the schema's business.
//! - A scalar knows what stands in the file (`written`) beside what it means (`text`). Only `written` is ever shown to
//!   a person.
//! - Aliases and merge keys are already resolved, and point to where the value was defined.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::options::NonFiniteFloatPolicy;
use serde_saphyr::{Error, Location, Spanned};

/// Where something stands in the file: line and column counted from 1 in characters, and its bytes in the text.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Place {
    pub(super) line: usize,
    pub(super) column: usize,
    pub(super) start: usize,
    pub(super) end: usize,
}

/// Where a value came from.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Origin {
    File(Place),
    /// An environment variable that overrides the file.
    Variable(String),
}

pub(super) struct Node {
    pub(super) kind: Kind,
    pub(super) origin: Origin,
}

pub(super) enum Kind {
    /// A key without a value.
    Empty,
    /// A value whose reference could not be followed; the reason has been reported. Holds what stands in the file.
    Broken(String),
    Scalar(Scalar),
    List(Vec<Node>),
    Mapping(Vec<Entry>),
}

pub(super) struct Scalar {
    pub(super) text: String,
    /// What stands in the file, for messages.
    pub(super) written: String,
    /// Whether `text` comes, in whole or in part, from a reference or from an environment variable.
    pub(super) referenced: bool,
}

pub(super) struct Entry {
    pub(super) key: String,
    pub(super) origin: Origin,
    pub(super) value: Node,
}

impl Node {
    /// Reads a YAML document.
    ///
    /// # Errors
    /// The first place where it is not YAML.
    pub(super) fn parse(source: &str) -> Result<Self, SyntaxError> {
        let mut options = serde_saphyr::options! { with_snippet: false, strict_booleans: true };
        options.non_finite_float_policy = NonFiniteFloatPolicy::AsString;
        let tree: Spanned<Yaml> =
            serde_saphyr::from_str_with_options(source, options).map_err(|error| SyntaxError::new(&error))?;
        Ok(Self::from_yaml(tree, source))
    }

    fn from_yaml(yaml: Spanned<Yaml>, source: &str) -> Self {
        let at = place(&yaml.defined);
        let kind = match yaml.value {
            Yaml::Null => Kind::Empty,
            Yaml::Plain => Kind::scalar(source.get(at.start..at.end).unwrap_or_default().to_owned()),
            Yaml::Text(text) => Kind::scalar(text),
            Yaml::List(items) => Kind::List(items.into_iter().map(|item| Self::from_yaml(item, source)).collect()),
            Yaml::Mapping(entries) => Kind::Mapping(
                entries
                    .into_iter()
                    .map(|(key, value)| Entry {
                        origin: Origin::File(place(&key.referenced)),
                        key: key.value,
                        value: Self::from_yaml(value, source),
                    })
                    .collect(),
            ),
        };
        Self { kind, origin: Origin::File(at) }
    }

    pub(super) fn entries(&self) -> &[Entry] {
        match &self.kind {
            Kind::Mapping(entries) => entries,
            Kind::Empty | Kind::Broken(_) | Kind::Scalar(_) | Kind::List(_) => &[],
        }
    }

    pub(super) fn entry(&self, key: &str) -> Option<&Entry> {
        self.entries().iter().find(|entry| entry.key == key)
    }

    /// The node at `path`, if there is one.
    pub(super) fn at(&self, path: &Path) -> Option<&Node> {
        path.0.iter().try_fold(self, |node, step| match (step, &node.kind) {
            (Step::Key(key), Kind::Mapping(_)) => node.entry(key).map(|entry| &entry.value),
            (Step::Item(index), Kind::List(items)) => items.get(*index),
            (Step::Key(_) | Step::Item(_), _) => None,
        })
    }

    /// Calls `visit` with every node, parents first.
    pub(super) fn walk<'a>(&'a self, path: &Path, visit: &mut dyn FnMut(&Path, &'a Node)) {
        visit(path, self);
        match &self.kind {
            Kind::Mapping(entries) => {
                entries.iter().for_each(|entry| entry.value.walk(&path.key(&entry.key), visit));
            }
            Kind::List(items) => {
                items.iter().enumerate().for_each(|(index, item)| item.walk(&path.item(index), visit));
            }
            Kind::Empty | Kind::Broken(_) | Kind::Scalar(_) => {}
        }
    }
}

impl Kind {
    pub(super) fn scalar(text: String) -> Self {
        Self::Scalar(Scalar { written: text.clone(), text, referenced: false })
    }
}

/// The way from the root to a value, printed as `pipelines.splunk.sink`.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub(super) struct Path(Vec<Step>);

#[derive(Clone, PartialEq, Eq, Debug)]
enum Step {
    Key(String),
    Item(usize),
}

impl Path {
    pub(super) fn key(&self, key: &str) -> Self {
        self.then(Step::Key(key.to_owned()))
    }

    pub(super) fn item(&self, index: usize) -> Self {
        self.then(Step::Item(index))
    }

    fn then(&self, step: Step) -> Self {
        Self(self.0.iter().cloned().chain([step]).collect())
    }

    pub(super) fn parent(&self) -> Option<Self> {
        self.0.split_last().map(|(_, above)| Self(above.to_vec()))
    }

    pub(super) fn starts_with(&self, above: &Path) -> bool {
        self.0.starts_with(&above.0)
    }

    /// The last key; an item of a list has the key of the list.
    pub(super) fn last_key(&self) -> Option<&str> {
        self.0.iter().rev().find_map(|step| match step {
            Step::Key(key) => Some(key.as_str()),
            Step::Item(_) => None,
        })
    }

    pub(super) fn is_item(&self) -> bool {
        matches!(self.0.last(), Some(Step::Item(_)))
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, step) in self.0.iter().enumerate() {
            match step {
                Step::Key(key) => {
                    let dot = if index == 0 { "" } else { "." };
                    let quote = if key.contains('.') { "\"" } else { "" };
                    write!(f, "{dot}{quote}{key}{quote}")?;
                }
                Step::Item(index) => write!(f, "[{index}]")?,
            }
        }
        Ok(())
    }
}

/// Whether values of this key are never shown. A name-based rule, so that it also covers keys that do not exist.
pub(super) fn sounds_secret(key: &str) -> bool {
    let key = key.to_ascii_lowercase();
    let harmless = key == "api_key" || key.ends_with("_file") || key.ends_with(".location");
    let suspicious = ["token", "secret", "passw", "passphrase", "credential", "jaas", ".pem", "key"];
    !harmless && suspicious.iter().any(|word| key.contains(word))
}

fn place(location: &Location) -> Place {
    let number = |n: u64| usize::try_from(n).unwrap_or(0);
    let span = location.span();
    let start = span.byte_offset().map_or(0, number);
    let end = start + span.byte_len().map_or(0, number);
    Place { line: number(location.line()), column: number(location.column()), start, end }
}

/// Why a text is not one YAML document without repeated keys.
#[derive(Debug)]
pub(super) struct SyntaxError {
    pub(super) cause: String,
    pub(super) remedy: &'static str,
    pub(super) place: Option<Place>,
}

impl SyntaxError {
    /// Takes the parser's words without its own line numbers and without advice about its programming interface.
    fn new(error: &Error) -> Self {
        let text = error.without_snippet().to_string();
        let text = text.split(" at line ").next().unwrap_or_default();
        let (cause, remedy) = match text.split_once(", set DuplicateKeyPolicy") {
            Some((text, _)) => {
                (text.replace("duplicate mapping key:", "a key is given twice:"), "remove one of the two")
            }
            None if text.starts_with("multiple YAML documents") => {
                ("a second YAML document begins here".to_owned(), "put everything into one document, without `---`")
            }
            None => (
                format!("this is not valid YAML: {text}"),
                "check indentation (spaces, no tabs), quotes and brackets, here and in the lines around",
            ),
        };
        Self { cause, remedy, place: error.location().map(|location| place(&location)) }
    }
}

/// What the YAML parser yields before the scalars' own spelling is put back.
enum Yaml {
    Null,
    /// A number or a boolean: its spelling is in the source.
    Plain,
    Text(String),
    List(Vec<Spanned<Yaml>>),
    Mapping(Vec<(Spanned<String>, Spanned<Yaml>)>),
}

struct YamlVisitor;

impl<'de> Visitor<'de> for YamlVisitor {
    type Value = Yaml;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("YAML")
    }

    fn visit_unit<E>(self) -> Result<Yaml, E> {
        Ok(Yaml::Null)
    }

    fn visit_none<E>(self) -> Result<Yaml, E> {
        Ok(Yaml::Null)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Yaml, E> {
        Ok(Yaml::Plain)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Yaml, E> {
        Ok(Yaml::Plain)
    }

    fn visit_i128<E>(self, _: i128) -> Result<Yaml, E> {
        Ok(Yaml::Plain)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Yaml, E> {
        Ok(Yaml::Plain)
    }

    fn visit_u128<E>(self, _: u128) -> Result<Yaml, E> {
        Ok(Yaml::Plain)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Yaml, E> {
        Ok(Yaml::Plain)
    }

    fn visit_str<E>(self, text: &str) -> Result<Yaml, E> {
        Ok(Yaml::Text(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Yaml, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = access.next_element()? {
            items.push(item);
        }
        Ok(Yaml::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Yaml, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = access.next_entry()? {
            entries.push(entry);
        }
        Ok(Yaml::Mapping(entries))
    }
}

impl<'de> Deserialize<'de> for Yaml {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(YamlVisitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text_at<'a>(tree: &'a Node, path: &Path) -> &'a str {
        match &tree.at(path).expect("the path exists").kind {
            Kind::Scalar(scalar) => &scalar.text,
            Kind::Empty | Kind::Broken(_) | Kind::List(_) | Kind::Mapping(_) => panic!("not a scalar"),
        }
    }

    #[test]
    fn scalars_keep_their_spelling() {
        let tree = Node::parse("a: no\nb: [1.10, 0x10, 'x', 99999999999999999999999]\n").expect("valid");
        let root = Path::default();
        assert_eq!(text_at(&tree, &root.key("a")), "no");
        let items: Vec<_> = (0..4).map(|i| text_at(&tree, &root.key("b").item(i))).collect();
        assert_eq!(items, ["1.10", "0x10", "x", "99999999999999999999999"]);
    }

    #[test]
    fn places_count_characters_from_one_and_survive_aliases() {
        let tree = Node::parse("ü: {k: &v ab}\nz: *v\n").expect("valid");
        let node = tree.at(&Path::default().key("z")).expect("exists");
        assert_eq!(node.origin, Origin::File(Place { line: 1, column: 11, start: 11, end: 13 }));
    }

    #[test]
    fn a_path_prints_keys_with_dots_in_quotes() {
        let path = Path::default().key("kafka").key("properties").key("ssl.ca.location");
        assert_eq!(path.to_string(), "kafka.properties.\"ssl.ca.location\"");
        assert_eq!(Path::default().key("topics").item(1).to_string(), "topics[1]");
    }

    #[test]
    fn names_of_secrets_are_recognised_and_others_are_not() {
        for key in ["token", "api_secret", "sasl.password", "key_password", "ssl.key.pem", "hec_tokn_secret"] {
            assert!(sounds_secret(key), "{key}");
        }
        for key in ["api_key", "token_file", "endpoints", "key_file", "topics", "username", "ssl.ca.location"] {
            assert!(!sounds_secret(key), "{key}");
        }
    }
}
