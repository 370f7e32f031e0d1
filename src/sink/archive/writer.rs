//! One partition's chain, as the one that may extend it.
//!
//! | step | what | a crash after it leaves |
//! | --- | --- | --- |
//! | 1 | on assignment: read the last link, create the next one as a takeover with a higher epoch | a takeover, harmless |
//! | 2 | write the segment under a name that holds its hash | a segment that no link names |
//! | 3 | create the link | everything; the group's position is behind and is not asked |
//!
//! Creating a link is the only step that extends the history, and only one of several who try succeeds. Who was taken over from without
//! noticing does not know the takeover's link, so whatever it creates next exists already: it is fenced, and its records go back.
//!
//! An answer that does not come, or says "conflict" or "exists", is followed by reading: the very same bytes mean that it was ours.
//! A link written again has the same bytes, because nothing in it depends on the time and signatures are deterministic.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;

use super::opening::{Opened, Signer};
use crate::archive::chain::{self, ChainError, Read};
use crate::archive::key::SigningKey;
use crate::archive::layout::Log;
use crate::archive::line;
use crate::archive::link::{Body, Data, Gap, Link, Segment, VERSION, cover};
use crate::archive::note::{self, Unproven};
use crate::archive::store::{Created, Store, StoreError};
use crate::archive::tree::Root;
use crate::archive::{Hash, sha256};
use crate::delivery::attempt::{Attempt, Failure, Parcel};
use crate::event::Record;
use crate::position::PartitionId;
use crate::reason::Reason;

/// So often a takeover is tried anew when somebody else was first, before the source is told to wait.
const TAKEOVER_TRIES: usize = 5;

const NOTE_TYPE: &str = "text/plain; charset=utf-8";
const SEGMENT_TYPE: &str = "application/zstd";

/// What is noted of each event: offset, timestamp and leaf.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Note {
    offset: i64,
    timestamp_ms: Option<i64>,
    leaf: Hash,
}

const NOTE_BYTES: usize = 8 + 8 + 32;
const NO_TIMESTAMP: i64 = i64::MIN;

impl Note {
    pub(super) fn of(record: &Record<'_>) -> Self {
        Self { offset: record.offset.get(), timestamp_ms: record.timestamp_ms, leaf: line::leaf(record) }
    }

    pub(super) fn push(&self, notes: &mut Vec<u8>) {
        notes.extend_from_slice(&self.offset.to_le_bytes());
        notes.extend_from_slice(&self.timestamp_ms.unwrap_or(NO_TIMESTAMP).to_le_bytes());
        notes.extend_from_slice(&self.leaf);
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        let (offset, rest) = bytes.split_first_chunk()?;
        let (timestamp, leaf) = rest.split_first_chunk()?;
        let timestamp = i64::from_le_bytes(*timestamp);
        let timestamp_ms = (timestamp != NO_TIMESTAMP).then_some(timestamp);
        Some(Self { offset: i64::from_le_bytes(*offset), timestamp_ms, leaf: leaf.try_into().ok()? })
    }
}

/// Records that were lost before they could be read, beyond where a chain stands. The poll thread adds to it.
pub(super) type Lost = Arc<Mutex<Vec<Gap>>>;

/// Whoever has taken over a partition.
pub(super) struct Writer {
    log: Log,
    partition: PartitionId,
    archive: String,
    writer: String,
    epoch: u64,
    /// Signs the links of this epoch; exists in memory only.
    key: SigningKey,
    /// The link of our takeover.
    takeover: u64,
    /// The last link: its number and hash.
    last: (u64, Hash),
    /// Where the chain stands; `None` while nothing has been archived.
    next: Option<i64>,
    lost: Lost,
    fenced: Option<Failure>,
}

impl Writer {
    /// Finds where the chain stands, and takes it over.
    pub(super) async fn take_over(
        store: &Store,
        opened: &Opened,
        signer: &Signer,
        writer: &str,
        (log, partition): (Log, PartitionId),
    ) -> Result<Self, Failure> {
        let key = SigningKey::generate(&format!("{}/epoch", signer.name()));
        let key = key.map_err(|error| Failure::new(Reason::ArchiveMismatch, error.to_string()))?;
        let mut known = None;
        for _ in 0..TAKEOVER_TRIES {
            let head = chain::head(store, &log, partition.get(), known).await.map_err(|error| failure_of(&error))?;
            if let Some(head) = &head {
                verify_head(store, opened, &log, head).await?;
                known = Some(head.link.seq);
            }
            let seq = head.as_ref().map_or(0, |head| head.link.seq + 1);
            let next = head.as_ref().and_then(|head| head.link.next());
            let link = Link {
                v: VERSION,
                archive: opened.archive.clone(),
                log: log.as_str().to_owned(),
                p: partition.get(),
                seq,
                prev: head.as_ref().map_or([0; 32], |head| head.hash),
                epoch: head.as_ref().map_or(1, |head| head.link.epoch + 1),
                writer: writer.to_owned(),
                body: Body::Takeover { next, key: key.public().clone() },
            };
            let (bytes, hash) = signed(&link, signer.key());
            match create(store, &log.link(partition.get(), seq), bytes).await {
                Outcome::Ours => {
                    let (archive, epoch) = (link.archive, link.epoch);
                    let (writer, last) = (link.writer, (seq, hash));
                    let (lost, fenced) = (Lost::default(), None);
                    return Ok(Self {
                        log,
                        partition,
                        archive,
                        writer,
                        epoch,
                        key,
                        takeover: seq,
                        last,
                        next,
                        lost,
                        fenced,
                    });
                }
                Outcome::Theirs(_) => {}
                Outcome::Unclear(error) => return Err(error.to_failure()),
            }
        }
        let words = format!("somebody else goes on with the chain of {}/{partition} each time", log.as_str());
        Err(Failure::new(Reason::Fenced, words))
    }

    pub(super) fn next(&self) -> Option<i64> {
        self.next
    }

    pub(super) fn lost(&self) -> Lost {
        Arc::clone(&self.lost)
    }

    /// Writes a segment and its link.
    pub(super) async fn append(&mut self, store: &Store, parcel: &Parcel) -> Attempt {
        if let Some(failure) = &self.fenced {
            return Attempt::Lost(failure.clone());
        }
        let notes: Vec<Note> = parcel.notes.chunks_exact(NOTE_BYTES).filter_map(Note::read).collect();
        let (Some(first), Some(last)) = (notes.first(), notes.last()) else {
            return Attempt::Hold(Failure::new(Reason::ArchiveMismatch, "a segment without records"));
        };
        if self.next.is_some_and(|next| next > last.offset) {
            // Its link was created in an attempt that was given up.
            return Attempt::Delivered;
        }
        if let Some(next) = self.next.filter(|next| *next > first.offset) {
            return Attempt::Hold(self.goes_back(first.offset, next));
        }
        let link = self.link(&notes, parcel);
        match self.commit(store, link, parcel.body.clone()).await {
            Ok(()) => Attempt::Delivered,
            Err(attempt) => attempt,
        }
    }

    fn goes_back(&self, offset: i64, next: i64) -> Failure {
        let words = format!(
            "offset {offset} of {}/{} is archived already, the chain stands at {next}: the topic was made anew, or another cluster has \
             the same name; give this archive another cluster_name to begin a new log beside the old one",
            self.log.as_str(),
            self.partition
        );
        Failure::new(Reason::ArchiveMismatch, words)
    }

    fn link(&self, notes: &[Note], parcel: &Parcel) -> Link {
        let (begin, end) = (notes[0].offset, notes[notes.len() - 1].offset + 1);
        // What was lost before the first record belongs to the chain, too.
        let lost = self.lost.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let lost_from = lost.iter().map(|gap| gap.from).min();
        let first = self.next.unwrap_or_else(|| lost_from.map_or(begin, |from| from.min(begin)));
        let (spans, gaps) = cover(first, notes.iter().map(|note| note.offset), &lost);
        let mut root = Root::default();
        notes.iter().for_each(|note| root.push(note.leaf));
        let times = || notes.iter().filter_map(|note| note.timestamp_ms);
        let ts = times().min().zip(times().max());
        let hash = sha256(&parcel.body);
        let key = self.log.segment(self.partition.get(), ts.map(|(_, newest)| newest), (first, end), &hash);
        let seg = Segment { key, size: parcel.body.len() as u64, sha256: hash, raw_size: parcel.plain_len as u64 };
        let (takeover, next, count) = (self.takeover, end, root.count());
        Link {
            v: VERSION,
            archive: self.archive.clone(),
            log: self.log.as_str().to_owned(),
            p: self.partition.get(),
            seq: self.last.0 + 1,
            prev: self.last.1,
            epoch: self.epoch,
            writer: self.writer.clone(),
            body: Body::Data(Data { takeover, first, next, count, ts, seg, root: root.finish(), spans, gaps }),
        }
    }

    async fn commit(&mut self, store: &Store, link: Link, segment: Bytes) -> Result<(), Attempt> {
        let Body::Data(data) = &link.body else { return Ok(()) };
        write_segment(store, &data.seg.key, segment).await?;
        let (bytes, hash) = signed(&link, &self.key);
        match create(store, &self.log.link(link.p, link.seq), bytes).await {
            Outcome::Ours => {
                (self.last, self.next) = ((link.seq, hash), Some(data.next));
                self.lost.lock().unwrap_or_else(PoisonError::into_inner).retain(|gap| gap.to > data.next);
                Ok(())
            }
            Outcome::Unclear(error) => Err(attempt_of(&error)),
            Outcome::Theirs(theirs) => {
                let failure = self.fence(&link, &theirs);
                self.fenced = Some(failure.clone());
                Err(Attempt::Lost(failure))
            }
        }
    }

    fn fence(&self, link: &Link, theirs: &Bytes) -> Failure {
        let by = chain::parse("it", theirs).map_or_else(
            |error| error.to_string(),
            |read| format!("epoch {} by {}", read.link.epoch, read.link.writer),
        );
        let words = format!(
            "somebody else has taken over {}/{} at link {} ({by}); ours is epoch {}: nothing of ours was written over, everything that \
             was not archived is read again",
            self.log.as_str(),
            self.partition,
            link.seq,
            self.epoch
        );
        Failure::new(Reason::Fenced, words)
    }
}

/// The name holds the hash, so what is there already is the same, unless it was cut off.
async fn write_segment(store: &Store, name: &str, segment: Bytes) -> Result<(), Attempt> {
    let size = segment.len() as u64;
    let outcome = store.create(name, segment, SEGMENT_TYPE).await;
    match outcome {
        Ok(Created::New) => Ok(()),
        Ok(Created::Exists) => match store.size(name).await {
            Ok(Some(found)) if found == size => Ok(()),
            Ok(None) => Err(retry(Reason::ServerError, "the store says that a segment exists, and does not find it")),
            Ok(Some(_)) => {
                let words = format!("{name} exists with another size: somebody has changed it");
                Err(Attempt::Hold(Failure::new(Reason::ArchiveMismatch, words)))
            }
            Err(error) => Err(attempt_of(&error)),
        },
        Err(error) => Err(attempt_of(&error)),
    }
}

/// What became of creating a link.
enum Outcome {
    Ours,
    /// There is another one.
    Theirs(Bytes),
    /// It is not there, or nobody says.
    Unclear(StoreError),
}

async fn create(store: &Store, name: &str, bytes: Bytes) -> Outcome {
    let problem = match store.create(name, bytes.clone(), NOTE_TYPE).await {
        Ok(Created::New) => return Outcome::Ours,
        // Stores say this for a conflict, too, and after an answer of their own was lost.
        Ok(Created::Exists) => None,
        Err(error) => Some(error),
    };
    match store.get(name).await {
        Ok(Some(found)) if found == bytes => Outcome::Ours,
        Ok(Some(found)) => Outcome::Theirs(found),
        Ok(None) => Outcome::Unclear(problem.unwrap_or_else(StoreError::vanished)),
        Err(error) => Outcome::Unclear(problem.unwrap_or(error)),
    }
}

/// The last link must be by somebody who was entitled to it: otherwise this archive is not ours to go on with.
async fn verify_head(store: &Store, opened: &Opened, log: &Log, head: &Read) -> Result<(), Failure> {
    let proven = match &head.link.body {
        Body::Takeover { .. } => head.note.verify(&opened.keys),
        Body::Data(data) => {
            let takeover =
                chain::read(store, log, head.link.p, data.takeover).await.map_err(|error| failure_of(&error))?;
            match takeover.map(|read| (read.note.verify(&opened.keys).map(drop), read.link.body)) {
                Some((Ok(()), Body::Takeover { key, .. })) => {
                    return head.note.verify([&key]).map(drop).map_err(|why| strange(log, head, why));
                }
                Some((Err(why), _)) => Err(why),
                Some((Ok(()), Body::Data(_))) | None => Err(Unproven::UnknownKey),
            }
        }
    };
    proven.map(drop).map_err(|why| strange(log, head, why))
}

fn strange(log: &Log, head: &Read, why: Unproven) -> Failure {
    let how = match why {
        Unproven::UnknownKey => "is signed by a key that is not known here",
        Unproven::BadSignature => "has a signature that does not fit",
    };
    let (name, partition, seq) = (log.as_str(), head.link.p, head.link.seq);
    let words = format!("link {seq} of {name}/{partition} {how}: run `auditferry verify`, and check sign and url");
    Failure::new(Reason::ArchiveMismatch, words)
}

fn signed(link: &Link, key: &SigningKey) -> (Bytes, Hash) {
    let text = link.to_text();
    (Bytes::from(note::sign(&text, key)), sha256(format!("{text}\n").as_bytes()))
}

fn retry(reason: Reason, words: &str) -> Attempt {
    Attempt::Retry { after: None, failure: Failure::new(reason, words) }
}

fn attempt_of(error: &StoreError) -> Attempt {
    let failure = error.to_failure();
    if error.trouble.needs_human() { Attempt::Hold(failure) } else { Attempt::Retry { after: None, failure } }
}

fn failure_of(error: &ChainError) -> Failure {
    match error {
        ChainError::Store(error) => error.to_failure(),
        ChainError::Malformed { .. } => Failure::new(Reason::ArchiveMismatch, error.to_string()),
    }
}
