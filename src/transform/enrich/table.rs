//! A table: where it comes from, what is looked up in it, and what it holds now.
//!
//! It is opened when the configuration is read, and shared from then on: by the chain, which looks things up, and by the
//! pipeline, which looks whether the file has changed. A new version that cannot be used leaves the old one in place.
//! The names of what a table adds are settled when it is opened; a new version cannot bring others.

use std::fs::File;
use std::io::Read;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::geo::{Geo, GeoTake, Look};
use super::networks::Networks;
use super::rows::{Layout, Rows};
use super::sheet::TableError;
use crate::defaults::{GEOIP_FILE_MAX_BYTES, TABLE_FILE_MAX_BYTES};
use crate::event::{Field, Shape};
use crate::reload::{News, Reloading};
use crate::units::ByteSize;

/// What a table is made from.
#[derive(Clone, Debug)]
pub enum Origin {
    Rows {
        file: PathBuf,
        layout: Layout,
    },
    Networks {
        file: PathBuf,
        layout: Layout,
    },
    /// Networks that stand in the configuration, as JSON.
    Inline {
        json: String,
        layout: Layout,
    },
    Geo {
        file: PathBuf,
        take: Vec<GeoTake>,
    },
}

impl Origin {
    pub fn file(&self) -> Option<&Path> {
        match self {
            Self::Rows { file, .. } | Self::Networks { file, .. } | Self::Geo { file, .. } => Some(file),
            Self::Inline { .. } => None,
        }
    }
}

/// What is wanted of a table.
#[derive(Clone, Debug)]
pub struct Spec {
    /// For metrics and reports; unique within the pipeline.
    pub name: String,
    /// What of the event is looked up.
    pub key: Field,
    /// Whether keys are compared without regard to the case of ASCII letters; methods always are.
    pub ignore_case: bool,
    /// Members for a key that the table does not know; often empty.
    pub otherwise: String,
    pub origin: Origin,
}

/// A table that was opened. Clones share it.
#[derive(Clone, Debug)]
pub struct Table {
    /// For metrics and reports; unique within the pipeline.
    pub name: String,
    /// What of the event is looked up.
    pub key: Field,
    pub(super) fold: bool,
    /// Members for a key that the table does not know; often empty.
    pub(super) otherwise: String,
    file: Option<PathBuf>,
    content: Arc<Reloading<Content>>,
}

impl Table {
    /// Reads the table. Blocks.
    ///
    /// # Errors
    /// What is wrong with its file.
    pub fn open(spec: Spec) -> Result<Self, TableError> {
        let Spec { name, key, ignore_case, otherwise, origin } = spec;
        let file = origin.file().map(Path::to_owned);
        let fold = ignore_case || key.shape() == Shape::Method;
        let files = file.iter().cloned().collect();
        let is_large = matches!(origin, Origin::Geo { .. });
        let make = move || Content::read(&origin, fold);
        let content = if is_large { Reloading::of_large(files, make) } else { Reloading::new(files, make) };
        Ok(Self { name, key, fold, otherwise, file, content: Arc::new(content?) })
    }

    pub fn file(&self) -> Option<&Path> {
        self.file.as_deref()
    }

    /// Looks whether the file has changed, and reads it if so; tells what is new since the last call. Blocks.
    pub fn look(&self) -> Option<News> {
        self.content.look()
    }

    /// Rows, if it has any, and bytes in memory, of the version in use.
    pub fn size(&self) -> (Option<usize>, usize) {
        let content = self.content.get();
        match &*content {
            Content::Rows(rows) => (Some(rows.len()), rows.bytes()),
            Content::Networks(networks) => (Some(networks.len()), networks.bytes()),
            Content::Geo(geo) => (None, geo.bytes()),
        }
    }

    pub(super) fn reader(&self) -> Reader {
        let version = self.content.version();
        Reader { content: self.content.get(), version, source: Arc::clone(&self.content) }
    }
}

/// Sees the version in use without a lock: one comparison per event, until there is a new one.
#[derive(Debug)]
pub(super) struct Reader {
    source: Arc<Reloading<Content>>,
    content: Arc<Content>,
    version: u64,
}

impl Reader {
    #[inline]
    pub(super) fn content(&mut self) -> &Content {
        let version = self.source.version();
        if version != self.version {
            (self.content, self.version) = (self.source.get(), version);
        }
        &self.content
    }
}

/// One version of a table.
#[derive(Debug)]
pub(super) enum Content {
    Rows(Rows),
    Networks(Networks),
    Geo(Box<Geo>),
}

impl Content {
    fn read(origin: &Origin, fold: bool) -> Result<Self, TableError> {
        match origin {
            Origin::Rows { file, layout } => {
                Rows::read(&read_file(file, TABLE_FILE_MAX_BYTES)?, layout, fold).map(Self::Rows)
            }
            Origin::Networks { file, layout } => {
                Networks::read(&read_file(file, TABLE_FILE_MAX_BYTES)?, layout).map(Self::Networks)
            }
            Origin::Inline { json, layout } => Networks::read(json.as_bytes(), layout).map(Self::Networks),
            Origin::Geo { file, take } => {
                Geo::read(read_file(file, GEOIP_FILE_MAX_BYTES)?, take).map(|geo| Self::Geo(Box::new(geo)))
            }
        }
    }

    /// Appends what is known for the key, in front of it a comma if `out` has members already.
    pub(super) fn add(&self, key: &str, out: &mut String) -> Look {
        match self {
            Self::Rows(rows) => add_text(rows.find(key), out),
            Self::Networks(networks) => add_text(address(key).and_then(|address| networks.find(address)), out),
            Self::Geo(geo) => address(key).map_or(Look::NotFound, |address| geo.add(address, out)),
        }
    }
}

fn add_text(members: Option<&str>, out: &mut String) -> Look {
    match members {
        None => Look::NotFound,
        Some(members) => {
            push_members(out, members);
            Look::Found
        }
    }
}

/// Members behind those that are there.
pub(super) fn push_members(out: &mut String, members: &str) {
    if !out.is_empty() && !members.is_empty() {
        out.push(',');
    }
    out.push_str(members);
}

fn address(text: &str) -> Option<IpAddr> {
    text.parse().ok()
}

/// A file's bytes.
///
/// # Errors
/// It cannot be read, or is larger than `max`.
pub fn read_file(file: &Path, max: ByteSize) -> Result<Vec<u8>, TableError> {
    let mut bytes = Vec::new();
    let read = File::open(file).and_then(|file| file.take(max.get() + 1).read_to_end(&mut bytes));
    if let Err(error) = read {
        let remedy = "check the path, that the file is mounted and that this user may read it";
        return Err(TableError::of_file(format!("cannot read the file: {error}"), remedy));
    }
    if bytes.len() as u64 > max.get() {
        let remedy = "keep what events need; the limit protects the memory of the process";
        return Err(TableError::of_file(format!("the file is larger than {max}"), remedy));
    }
    Ok(bytes)
}
