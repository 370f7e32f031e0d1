//! Values that are written as a string and read in a way of their own.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer};

use crate::secret::Secret;
use crate::units::{self, ByteSize};

/// Names of the schema keyword that tells `check` how to read a string; editors ignore it.
pub(in crate::config) mod unit {
    pub(in crate::config) const KEYWORD: &str = "x-auditferry-value";
    pub(in crate::config) const DURATION: &str = "duration";
    pub(in crate::config) const BYTE_SIZE: &str = "byte-size";
    pub(in crate::config) const SECRET: &str = "secret";
    pub(in crate::config) const ADDRESS: &str = "address";
    pub(in crate::config) const CHARACTERS: &str = "characters";
    pub(in crate::config) const TEXT_OR_LIST: &str = "text-or-list";
    pub(in crate::config) const LIST_OR_NAMES: &str = "list-or-names";
}

/// A stretch of time as people write it: `100ms`, `5s`, `7d`.
#[derive(Clone, Copy)]
pub(in crate::config) struct Span(pub(in crate::config) Duration);

/// A number of bytes as people write it: `2 MiB`.
#[derive(Clone, Copy)]
pub(in crate::config) struct Size(pub(in crate::config) ByteSize);

/// A secret as `check` hands it over: what it is, and the file it came from.
#[derive(Deserialize)]
pub(in crate::config) struct SecretText {
    pub(in crate::config) value: Secret,
    pub(in crate::config) file: Option<PathBuf>,
}

/// An address that may be a secret, as `check` hands it over.
#[derive(Deserialize)]
pub(in crate::config) struct AddressText {
    pub(in crate::config) value: Secret,
    pub(in crate::config) file: Option<PathBuf>,
    /// It stands in plain text in the configuration file.
    pub(in crate::config) plain: bool,
}

/// Text that may consist of white space and control characters, or of nothing.
#[derive(Deserialize)]
#[serde(transparent)]
pub(in crate::config) struct Characters(pub(in crate::config) String);

#[derive(Deserialize)]
#[serde(untagged)]
pub(in crate::config) enum TextOrList {
    Text(String),
    List(Vec<String>),
}

/// Names, or each with another name.
#[derive(Deserialize)]
#[serde(untagged)]
pub(in crate::config) enum ListOrNames {
    List(Vec<String>),
    Names(BTreeMap<String, String>),
}

#[derive(Deserialize)]
#[serde(transparent)]
pub(in crate::config) struct PropertyValue(pub(in crate::config) String);

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        units::parse_duration(&text).map(Span).map_err(serde::de::Error::custom)
    }
}

impl<'de> Deserialize<'de> for Size {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        ByteSize::parse(&text).map(Size).map_err(serde::de::Error::custom)
    }
}

/// The schema of a type that is written as a string and read in a way of its own.
macro_rules! written_as {
    ($type:ty, $name:literal, $schema:tt) => {
        impl JsonSchema for $type {
            fn inline_schema() -> bool {
                true
            }
            fn schema_name() -> Cow<'static, str> {
                Cow::Borrowed($name)
            }
            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!($schema)
            }
        }
    };
}

// A reference is also allowed wherever a pattern describes the literal form.
written_as!(Span, "Duration", {
    "type": "string",
    "pattern": r"^[0-9][0-9_.]*\s*(ms|s|m|min|h|d)$|\$\{",
    "x-auditferry-value": "duration",
});
written_as!(Size, "ByteSize", {
    "type": "string",
    "pattern": r"^[0-9][0-9_.]*\s*(B|kB|KB|MB|GB|KiB|MiB|GiB)$|\$\{",
    "x-auditferry-value": "byte-size",
});
written_as!(SecretText, "Secret", {
    "type": "string",
    "pattern": r"^\$\{[^}]+\}$",
    "x-auditferry-value": "secret",
});
written_as!(AddressText, "Address", {
    "type": "string",
    "x-auditferry-value": "address",
});
written_as!(Characters, "Characters", {
    "type": "string",
    "x-auditferry-value": "characters",
});
written_as!(TextOrList, "TextOrList", {
    "type": ["string", "array"],
    "items": { "type": "string" },
    "x-auditferry-value": "text-or-list",
});
written_as!(ListOrNames, "ListOrNames", {
    "type": ["array", "object"],
    "items": { "type": "string" },
    "minItems": 1,
    "additionalProperties": { "type": "string" },
    "x-auditferry-value": "list-or-names",
});
written_as!(PropertyValue, "PropertyValue", {
    "type": ["string", "number", "boolean"],
});
