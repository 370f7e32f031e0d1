//! Reading a partition's chain: its links in order, and its last one.
//!
//! The last link is found by listing, from a link that is known to exist. Stores list what was written before (S3 has since 2020), and a
//! writer that is mistaken about the end can only fail: the next link exists already.

use bytes::Bytes;
use futures_util::TryStreamExt;

use super::layout::{Log, seq_of};
use super::link::Link;
use super::note::Note;
use super::store::{Store, StoreError};
use super::{Hash, sha256};

/// A link as it was read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Read {
    pub note: Note,
    pub link: Link,
    /// Of the note's text; the next link names it.
    pub hash: Hash,
}

/// Why a link cannot be read.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ChainError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("{name} is no link of a chain: {problem}")]
    Malformed { name: String, problem: String },
}

/// Reads one link; `None` when there is none of this number.
///
/// # Errors
/// The store does not answer, or the object is no link.
pub async fn read(store: &Store, log: &Log, partition: i32, seq: u64) -> Result<Option<Read>, ChainError> {
    let name = log.link(partition, seq);
    match store.get(&name).await? {
        Some(bytes) => parse(&name, &bytes).map(Some),
        None => Ok(None),
    }
}

/// # Errors
/// The bytes are no link. Whether it is signed by anybody who matters is not looked at.
pub fn parse(name: &str, bytes: &Bytes) -> Result<Read, ChainError> {
    let malformed = |problem: String| ChainError::Malformed { name: name.to_owned(), problem };
    let note = Note::parse(bytes).map_err(|error| malformed(error.to_string()))?;
    let link = Link::parse(note.text()).map_err(malformed)?;
    let hash = sha256(note.text().as_bytes());
    Ok(Read { note, link, hash })
}

/// The number of the last link, `None` when there is none. `known` is one that exists.
///
/// # Errors
/// The store does not answer.
pub async fn last_seq(store: &Store, log: &Log, partition: i32, known: Option<u64>) -> Result<Option<u64>, StoreError> {
    let after = known.map(|seq| log.link(partition, seq));
    let mut found = store.list(&log.chain(partition), after.as_deref());
    let mut last = known;
    while let Some(object) = found.try_next().await? {
        let seq = object.name.rsplit('/').next().and_then(seq_of);
        last = last.max(seq);
    }
    Ok(last)
}

/// The last link, `None` when the chain has not begun.
///
/// # Errors
/// The store does not answer, or the object is no link.
pub async fn head(store: &Store, log: &Log, partition: i32, known: Option<u64>) -> Result<Option<Read>, ChainError> {
    match last_seq(store, log, partition, known).await? {
        Some(seq) => read(store, log, partition, seq).await,
        None => Ok(None),
    }
}
