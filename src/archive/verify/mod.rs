//! Whether an archive is what was written, and whether anything is missing: proven with public keys alone.
//!
//! | depth | what is looked at | what it costs |
//! | --- | --- | --- |
//! | chain | every link and digest: signatures, order, that offsets tile; that each segment is there with its size | one small object per segment |
//! | bytes | and the hash of every segment | every byte is read |
//! | records | and every record: offsets, times, the hash tree | every byte is decompressed |
//!
//! A chain is always followed from its first link. What cannot be read is never taken for proven, and an archive in which nothing is found
//! is not proven either.

mod chain;
mod digests;
mod finding;
mod segment;

use std::collections::BTreeMap;

use futures_util::TryStreamExt;

use super::digest::{self, ArchiveNote, KeyNote};
use super::key::PublicKey;
use super::layout::{self, Log};
use super::note::Note;
use super::store::{Listed, Store, StoreError};
pub use finding::{Code, Finding, Severity};

/// How closely the archive is looked at.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Depth {
    Chain,
    Bytes,
    Records,
}

impl Depth {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Chain => "chain",
            Self::Bytes => "bytes",
            Self::Records => "records",
        }
    }
}

/// What is to be looked at.
#[derive(Clone, Debug)]
pub struct Task {
    /// Keys that somebody vouches for. Those that they have announced are trusted, too.
    pub trust: Vec<PublicKey>,
    pub depth: Depth,
    /// Only these partitions; all when it is empty. Digests are only looked at when it is.
    pub partitions: Vec<i32>,
    /// Segments are read only when they may hold records of this time, milliseconds since 1970, the end excluded.
    pub since_ms: Option<i64>,
    pub until_ms: Option<i64>,
    /// Digests that were kept elsewhere: the texts of their notes.
    pub anchors: Vec<Vec<u8>>,
}

/// What was found of one partition.
#[derive(Clone, PartialEq, Eq, Debug, Default, serde::Serialize)]
pub struct PartitionReport {
    pub log: String,
    pub partition: i32,
    pub links: u64,
    pub takeovers: u64,
    /// The first offset that the chain speaks of, and the one after its last.
    pub first: Option<i64>,
    pub next: Option<i64>,
    pub stored: u64,
    /// Offsets without a record.
    pub no_record: u64,
    /// Offsets whose records were lost before they could be archived.
    pub lost: u64,
    pub segments: u64,
    /// Bytes of segments, as stored.
    pub bytes: u64,
    /// Segments that were read.
    pub segments_read: u64,
    /// Findings of this partition that are not mere remarks.
    pub problems: u64,
}

impl PartitionReport {
    /// A sentence for an auditor.
    pub fn sentence(&self, depth: Depth) -> String {
        let Self { log, partition, .. } = self;
        let (Some(first), Some(next)) = (self.first, self.next) else {
            return format!("{log} partition {partition}: nothing has been archived yet");
        };
        let read = match depth {
            Depth::Chain => "",
            Depth::Bytes => ", byte by byte as written",
            Depth::Records => ", record by record as written",
        };
        let verdict =
            if self.problems == 0 { read.to_owned() } else { format!("; {} problem(s), see above", self.problems) };
        format!(
            "{log} partition {partition}: offsets {first}..{next} ({}): stored {}, without a record {}, lost {}{verdict}",
            next - first,
            self.stored,
            self.no_record,
            self.lost
        )
    }
}

/// What was found of an archive.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Its id.
    pub archive: String,
    pub partitions: Vec<PartitionReport>,
    /// How many digests there are, and the hours of the first and last.
    pub digests: u64,
    pub digest_hours: Option<(String, String)>,
    pub findings: Vec<Finding>,
}

/// Told while it goes on: bytes of segments that were read, of all that will be.
pub type Progress<'p> = &'p (dyn Fn(u64, u64) + Sync);

/// Looks at a whole archive.
///
/// # Errors
/// The store does not answer: nothing is proven.
pub async fn verify(store: &Store, task: &Task, progress: Progress<'_>) -> Result<Report, StoreError> {
    let mut report = Report::default();
    let Some(keys) = keys(store, task, &mut report).await? else { return Ok(report) };
    let mut logs: Vec<Log> = store.folders("v1").await?.iter().filter_map(|name| Log::of_folder(name)).collect();
    logs.sort();
    let mut chains = BTreeMap::new();
    for log in &logs {
        let segments: Vec<Listed> = store.list(&log.segments(), None).try_collect().await?;
        let mut segments: BTreeMap<String, u64> =
            segments.into_iter().map(|listed| (listed.name, listed.size)).collect();
        let mut partitions: Vec<i32> =
            store.folders(&log.chains()).await?.iter().filter_map(|name| layout::partition_of(name)).collect();
        partitions.sort_unstable();
        let wanted = |partition: &i32| task.partitions.is_empty() || task.partitions.contains(partition);
        for partition in partitions.into_iter().filter(wanted) {
            let scope = chain::Scope { store, log, partition, keys: &keys, archive: &report.archive };
            let followed = chain::follow(&scope, &mut segments, &mut report.findings).await?;
            chains.insert((log.as_str().to_owned(), partition), followed);
        }
        if task.partitions.is_empty() {
            finding::orphans(log, &segments, &mut report.findings);
        }
    }
    if task.depth > Depth::Chain {
        segment::read_all(store, task, &mut chains, &mut report.findings, progress).await?;
    }
    if task.partitions.is_empty() {
        digests::follow(store, &keys, &chains, &mut report).await?;
    }
    digests::anchors(task, &keys, &chains, &mut report.findings);
    for ((log, partition), chain) in chains {
        let is_its = |finding: &&Finding| finding.log == log && finding.partition == Some(partition);
        let grave = report.findings.iter().filter(is_its).filter(|finding| finding.code.severity() != Severity::Remark);
        let problems = grave.count() as u64;
        report.partitions.push(PartitionReport { problems, ..chain.report });
    }
    Ok(report)
}

/// The keys that are trusted, and those that they have announced. `None` when there is no archive.
async fn keys(store: &Store, task: &Task, report: &mut Report) -> Result<Option<Vec<PublicKey>>, StoreError> {
    let mut keys = task.trust.clone();
    let Some(bytes) = store.get(layout::ARCHIVE).await? else { return Ok(None) };
    let mut complain = |code, words: String| report.findings.push(Finding::of_archive(code, layout::ARCHIVE, words));
    let note = match Note::parse(&bytes) {
        Ok(note) => note,
        Err(error) => {
            complain(Code::Malformed, error.to_string());
            return Ok(None);
        }
    };
    match digest::parse::<ArchiveNote>(note.text()) {
        Ok(statement) => report.archive = statement.archive,
        Err(error) => complain(Code::Malformed, error),
    }
    let mut open = Vec::new();
    let listed: Vec<Listed> = store.list(layout::KEYS, None).try_collect().await?;
    for object in listed {
        let Some(bytes) = store.get(&object.name).await? else { continue };
        let note = Note::parse(&bytes).ok();
        let statement = note.as_ref().and_then(|note| digest::parse::<KeyNote>(note.text()).ok());
        open.extend(note.zip(statement).filter(|(_, statement)| statement.archive == report.archive));
    }
    // Each round finds at least one more, or is the last.
    while let Some(at) = open.iter().position(|(note, _)| note.verify(&keys).is_ok()) {
        let (_, statement) = open.swap_remove(at);
        if !keys.contains(&statement.key) {
            keys.push(statement.key);
        }
    }
    if let Err(why) = note.verify(&keys) {
        report.findings.push(Finding::of_archive(Code::of(why), layout::ARCHIVE, "the archive's first note"));
    }
    Ok(Some(keys))
}
