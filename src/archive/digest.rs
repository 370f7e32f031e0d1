//! The digest of an hour, and the notes about the archive itself and its keys.
//!
//! A digest says where every chain of the archive stands after an hour, also when nothing has come in: so silence is proven, and who
//! keeps one digest notices that links after it have been taken away. Any process writes it, for all; creating it decides who did.

use serde::{Deserialize, Serialize};

use super::key::PublicKey;
use super::{Hash, hex_hash};

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Digest {
    pub v: u32,
    #[serde(rename = "type")]
    pub kind: DigestKind,
    pub archive: String,
    /// The hour's beginning, `2026-11-20T17:00:00Z`.
    pub hour: String,
    /// The hour and the hash of the text of the digest before; `None` in the first.
    pub prev: Option<Previous>,
    /// When it was written.
    pub written: String,
    /// It was written later than it should have been: nobody was there to write it.
    pub late: bool,
    pub software: String,
    /// Every chain of the archive, by log and partition.
    pub chains: Vec<Standing>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DigestKind {
    Digest,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Previous {
    pub hour: String,
    #[serde(with = "hex_hash")]
    pub sha256: Hash,
}

/// Where a chain stands.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Standing {
    pub log: String,
    pub p: i32,
    /// The last link.
    pub seq: u64,
    /// Of the last link's text.
    #[serde(with = "hex_hash")]
    pub link: Hash,
    /// `None` while nothing has been archived.
    pub next: Option<i64>,
}

/// Which archive this is: the first object that is written.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ArchiveNote {
    pub v: u32,
    #[serde(rename = "type")]
    pub kind: ArchiveKind,
    pub archive: String,
    /// When, `2026-11-20T17:03:25Z`.
    pub begun: String,
    pub key: PublicKey,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ArchiveKind {
    Archive,
}

/// A key takes the place of the one that signs this.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyNote {
    pub v: u32,
    #[serde(rename = "type")]
    pub kind: KeyKind,
    pub archive: String,
    pub key: PublicKey,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyKind {
    Key,
}

/// One line, without its line break.
pub fn to_text<T: Serialize>(statement: &T) -> String {
    serde_json::to_string(statement).expect("a statement has no map whose keys are not texts")
}

/// # Errors
/// The text is not such a statement.
pub fn parse<T: for<'de> Deserialize<'de>>(text: &str) -> Result<T, String> {
    serde_json::from_str(text).map_err(|error| error.to_string())
}
