//! Connect's own references: `${provider:key}` and `${provider:path:key}`.
//!
//! Three providers that come with Kafka are understood. `env` and `directory` become references of ours; what `file`
//! keeps is one key of a properties file, which ours cannot point into, so it is looked up where the file can be read.
//! Everything else that looks like a reference to us is escaped: Connect takes `${x}` as it is.

use std::collections::BTreeMap;
use std::fs;

use super::properties;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Provider {
    Environment,
    File,
    Directory,
    /// A provider that we cannot ask.
    Foreign,
}

/// The providers by the names that the worker gives them; without a worker, by the names that everybody gives them.
#[derive(Clone, Default, Debug)]
pub(super) struct Providers(BTreeMap<String, Provider>);

impl Providers {
    /// From `config.providers` and `config.providers.NAME.class` of the worker.
    pub(super) fn of_worker(settings: &[(String, String)]) -> Self {
        let get = |key: &str| settings.iter().find(|(name, _)| name == key).map(|(_, value)| value.trim());
        let names = get("config.providers").unwrap_or_default();
        let providers = names.split(',').map(str::trim).filter(|name| !name.is_empty()).map(|name| {
            let class = get(&format!("config.providers.{name}.class")).unwrap_or_default();
            let provider = match class.rsplit('.').next() {
                Some("EnvVarConfigProvider") => Provider::Environment,
                Some("FileConfigProvider") => Provider::File,
                Some("DirectoryConfigProvider") => Provider::Directory,
                _ => Provider::Foreign,
            };
            (name.to_owned(), provider)
        });
        Self(providers.collect())
    }

    fn get(&self, name: &str) -> Provider {
        let usual = || match name {
            "env" => Provider::Environment,
            "file" => Provider::File,
            "directory" | "dir" => Provider::Directory,
            _ => Provider::Foreign,
        };
        self.0.get(name).copied().unwrap_or_else(usual)
    }
}

#[derive(PartialEq, Eq, Debug)]
pub(super) enum Piece<'a> {
    Literal(&'a str),
    Reference(Reference<'a>),
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Reference<'a> {
    pub(super) provider: &'a str,
    pub(super) path: &'a str,
    pub(super) key: &'a str,
    /// As it stands in the value, for messages.
    pub(super) written: &'a str,
}

/// A value whose reference cannot be followed here.
#[derive(PartialEq, Eq, Debug)]
pub(super) struct Held {
    pub(super) written: String,
    pub(super) why: String,
}

/// Takes a value apart by Connect's rule: `${`, a provider, at most one path, a key, `}`, with colons between.
pub(super) fn pieces(text: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let (mut rest, mut from) = (text, 0);
    while let Some(at) = rest[from..].find("${").map(|at| at + from) {
        match reference(&rest[at..]) {
            Some((reference, length)) => {
                pieces.push(Piece::Literal(&rest[..at]));
                pieces.push(Piece::Reference(reference));
                (rest, from) = (&rest[at + length..], 0);
            }
            None => from = at + 2,
        }
    }
    pieces.push(Piece::Literal(rest));
    pieces.retain(|piece| *piece != Piece::Literal(""));
    pieces
}

/// The reference at the beginning of `text`, and its length.
fn reference(text: &str) -> Option<(Reference<'_>, usize)> {
    let (inside, _) = text.strip_prefix("${")?.split_once('}')?;
    let (provider, rest) = inside.split_once(':')?;
    let (path, key) = rest.split_once(':').unwrap_or(("", rest));
    let length = inside.len() + 3;
    Some((Reference { provider, path, key, written: &text[..length] }, length))
}

/// The value in our syntax.
pub(super) fn ours(text: &str, providers: &Providers) -> Result<String, Held> {
    let pieces = pieces(text);
    let mixed = pieces.len() > 1;
    let mut value = String::with_capacity(text.len());
    for piece in pieces {
        match piece {
            Piece::Literal(literal) => value.push_str(&escape(literal, mixed)),
            Piece::Reference(reference) => match follow(reference, providers)? {
                Followed::Ours(reference) => value.push_str(&reference),
                Followed::Literal(literal) => value.push_str(&escape(&literal, mixed)),
            },
        }
    }
    Ok(value)
}

/// Dollar signs that the configuration would take for something else are doubled.
fn escape(literal: &str, mixed: bool) -> String {
    let ambiguous = mixed || literal.contains("$$") || literal.contains("${");
    if ambiguous { literal.replace('$', "$$") } else { literal.to_owned() }
}

pub(super) enum Followed {
    /// A reference of ours to the same thing.
    Ours(String),
    /// What was found, which may be a secret.
    Literal(String),
}

pub(super) fn follow(reference: Reference<'_>, providers: &Providers) -> Result<Followed, Held> {
    let Reference { provider, path, key, written } = reference;
    let held = |why: String| Held { written: written.to_owned(), why };
    match providers.get(provider) {
        Provider::Environment => {
            let valid = !key.is_empty() && key.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
            let why = || held("the name of its variable has characters that ours may not have".to_owned());
            if valid { Ok(Followed::Ours(format!("${{{key}}}"))) } else { Err(why()) }
        }
        Provider::Directory => Ok(Followed::Ours(format!("${{file:{}/{key}}}", path.trim_end_matches('/')))),
        Provider::File => look_up(path, key).map(Followed::Literal).map_err(held),
        Provider::Foreign => Err(held("only Connect can ask this provider".to_owned())),
    }
}

fn look_up(path: &str, key: &str) -> Result<String, String> {
    let bytes = fs::read(path).map_err(|error| format!("{path} cannot be read here: {error}"))?;
    let settings = properties::parse(&bytes).map_err(|_| format!("{path} is not a properties file"))?;
    let found = settings.into_iter().find(|(name, _)| name == key);
    found.map(|(_, value)| value).ok_or_else(|| format!("{path} has no `{key}`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(text: &str) -> Result<String, String> {
        ours(text, &Providers::default()).map_err(|held| held.written)
    }

    #[test]
    fn references_of_connect_become_ours() {
        assert_eq!(value("${env:TOKEN}").as_deref(), Ok("${TOKEN}"));
        assert_eq!(value("a-${env:X}-$b").as_deref(), Ok("a-${X}-$$b"));
        assert_eq!(value("${directory:/run/secrets:token}").as_deref(), Ok("${file:/run/secrets/token}"));
    }

    #[test]
    fn what_connect_takes_as_it_is_stays_as_it_is() {
        for (text, expected) in
            [("${x}", "$${x}"), ("a$", "a$"), ("a$$b", "a$$$$b"), ("${", "$${"), ("plain", "plain"), ("", "")]
        {
            assert_eq!(value(text).as_deref(), Ok(expected), "{text}");
        }
    }

    #[test]
    fn what_only_connect_can_ask_is_named_and_not_followed() {
        assert_eq!(value("${secrets:ns/name:key}"), Err("${secrets:ns/name:key}".to_owned()));
        assert_eq!(value("${env:A.B}"), Err("${env:A.B}".to_owned()));
        assert_eq!(value("${file:/does/not/exist:key}"), Err("${file:/does/not/exist:key}".to_owned()));
    }

    #[test]
    fn a_key_of_a_properties_file_is_looked_up() {
        let file = tempfile::NamedTempFile::new().expect("a temporary file");
        fs::write(file.path(), "user = ann\nodd=${x}\n").expect("writable");
        let at = file.path().display();
        assert_eq!(value(&format!("${{file:{at}:user}}")).as_deref(), Ok("ann"));
        assert_eq!(value(&format!("${{file:{at}:odd}}")).as_deref(), Ok("$${x}"));
        assert!(value(&format!("${{file:{at}:other}}")).is_err());
    }

    #[test]
    fn the_worker_says_what_its_providers_are() {
        let worker = [
            ("config.providers", "vault, e"),
            ("config.providers.e.class", "org.apache.kafka.common.config.provider.EnvVarConfigProvider"),
        ];
        let worker = worker.map(|(key, value)| (key.to_owned(), value.to_owned()));
        let providers = Providers::of_worker(&worker);
        assert_eq!(ours("${e:A}", &providers).as_deref(), Ok("${A}"));
        assert!(ours("${vault:p:k}", &providers).is_err());
    }
}
