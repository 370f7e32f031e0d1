//! The proof that one record is in the archive: small, and checked without the archive.
//!
//! It holds the record's line, the way from its leaf up to the root of its segment, the link that names the root, the takeover that names
//! the link's key, and the statements by which the takeover's key is announced. Whoever has the first public key needs nothing else.

use futures_util::TryStreamExt;
use serde::{Deserialize, Serialize};

use super::chain;
use super::digest::{self, KeyNote};
use super::key::PublicKey;
use super::layout::{self, Log};
use super::line::Line;
use super::link::{Body, Data, Link};
use super::note::{Note, Unproven};
use super::store::{Listed, Store};
use super::tree::{inclusion_proof, root_from_proof};
use super::{Hash, hex, parse_hash};

const VERSION: u32 = 1;

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Proof {
    pub v: u32,
    /// The record, as it stands in its segment.
    pub line: String,
    /// The hashes beside the way from the leaf to the root, lowest first, in hexadecimal digits.
    pub path: Vec<String>,
    /// The note of the link.
    pub link: String,
    /// The note of the takeover that names the link's key.
    pub takeover: String,
    /// The notes that announce keys.
    pub keys: Vec<String>,
}

/// What a proof proves.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Proven {
    pub archive: String,
    pub log: String,
    pub partition: i32,
    pub offset: i64,
    /// The key that vouches for it.
    pub key: PublicKey,
    pub seq: u64,
}

/// Finds the record of this offset, and proves it.
///
/// # Errors
/// It is not there, or the archive cannot be read.
pub async fn prove(store: &Store, log: &Log, partition: i32, offset: i64) -> Result<Proof, String> {
    let (note, link, data) = find(store, log, partition, offset).await?;
    let takeover = chain::read(store, log, partition, data.takeover).await.map_err(|error| error.to_string())?;
    let takeover = takeover.ok_or_else(|| format!("link {}, which names the key, is not there", data.takeover))?;
    let segment = store.get(&data.seg.key).await.map_err(|error| error.to_string())?;
    let segment = segment.ok_or_else(|| format!("the segment {} of link {} is not there", data.seg.key, link.seq))?;
    let plain = zstd::decode_all(&segment[..]).map_err(|error| format!("{}: {error}", data.seg.key))?;
    let (mut leaves, mut found) = (Vec::new(), None);
    for text in plain.split(|byte| *byte == b'\n').filter(|text| !text.is_empty()) {
        let line = Line::parse(text).map_err(|error| format!("{}: {error}", data.seg.key))?;
        if line.offset == offset {
            found = Some((leaves.len(), text));
        }
        leaves.push(line.leaf());
    }
    let (index, text) = found.ok_or_else(|| format!("offset {offset} is not in {}", data.seg.key))?;
    let line = String::from_utf8(text.to_vec()).map_err(|_| "the line is not UTF-8".to_owned())?;
    let path = inclusion_proof(&leaves, index).unwrap_or_default().iter().map(|hash| hex(hash)).collect();
    let keys = announcements(store).await?;
    let takeover =
        text_of(&store.get(&log.link(partition, takeover.link.seq)).await.map_err(|error| error.to_string())?);
    Ok(Proof { v: VERSION, line, path, link: note, takeover, keys })
}

/// The link that holds the offset: the note, and what it says.
async fn find(store: &Store, log: &Log, partition: i32, offset: i64) -> Result<(String, Link, Data), String> {
    let last = chain::last_seq(store, log, partition, None).await.map_err(|error| error.to_string())?;
    let last = last.ok_or_else(|| format!("there is no chain of {} partition {partition}", log.as_str()))?;
    // Offsets grow with the links; links without records stand where the one before them does.
    let (mut low, mut high) = (0, last);
    while low < high {
        let middle = low.midpoint(high);
        let read = link(store, log, partition, middle).await?;
        if read.1.next().is_some_and(|next| next > offset) { high = middle } else { low = middle + 1 }
    }
    let (note, link) = link(store, log, partition, low).await?;
    let Body::Data(data) = link.body.clone() else { return Err(not_there(offset)) };
    if !data.spans.iter().any(|span| (span.0..span.1).contains(&offset)) {
        return Err(match data.gaps.iter().find(|gap| (gap.from..gap.to).contains(&offset)) {
            Some(gap) => format!("offset {offset} is not stored: {}", gap.why.as_str()),
            None => not_there(offset),
        });
    }
    Ok((note, link, data))
}

fn not_there(offset: i64) -> String {
    format!("the archive does not reach offset {offset}")
}

async fn link(store: &Store, log: &Log, partition: i32, seq: u64) -> Result<(String, Link), String> {
    let name = log.link(partition, seq);
    let bytes = store.get(&name).await.map_err(|error| error.to_string())?;
    let bytes = bytes.ok_or_else(|| format!("{name} is not there"))?;
    let read = chain::parse(&name, &bytes).map_err(|error| error.to_string())?;
    Ok((text_of(&Some(bytes)), read.link))
}

fn text_of(bytes: &Option<bytes::Bytes>) -> String {
    bytes.as_ref().map_or_else(String::new, |bytes| String::from_utf8_lossy(bytes).into_owned())
}

async fn announcements(store: &Store) -> Result<Vec<String>, String> {
    let listed: Result<Vec<Listed>, _> = store.list(layout::KEYS, None).try_collect().await;
    let mut notes = Vec::new();
    for object in listed.map_err(|error| error.to_string())? {
        notes.push(text_of(&store.get(&object.name).await.map_err(|error| error.to_string())?));
    }
    Ok(notes)
}

impl Proof {
    /// # Errors
    /// The text is no proof.
    pub fn parse(text: &str) -> Result<Self, String> {
        let proof: Self = serde_json::from_str(text).map_err(|error| format!("this is no proof: {error}"))?;
        if proof.v == VERSION { Ok(proof) } else { Err(format!("version {} of proofs is not known", proof.v)) }
    }

    /// Checks it with nothing but public keys that somebody vouches for.
    ///
    /// # Errors
    /// Why it proves nothing.
    pub fn check(&self, trust: &[PublicKey]) -> Result<Proven, String> {
        let note = |text: &str| Note::parse(text.as_bytes()).map_err(|error| error.to_string());
        let takeover_note = note(&self.takeover)?;
        let takeover = Link::parse(takeover_note.text())?;
        let keys = self.traced(trust, &takeover.archive);
        let vouches = takeover_note.verify(&keys).map_err(|why| unproven("the takeover", why))?.clone();
        let Body::Takeover { key, .. } = &takeover.body else { return Err("it names no takeover".to_owned()) };
        let link_note = note(&self.link)?;
        link_note.verify([key]).map_err(|why| unproven("the link", why))?;
        let link = Link::parse(link_note.text())?;
        let Body::Data(data) = &link.body else { return Err("its link holds no records".to_owned()) };
        let of = |link: &Link| (link.archive.clone(), link.log.clone(), link.p, link.epoch);
        if of(&link) != of(&takeover) || data.takeover != takeover.seq {
            return Err("its link and its takeover do not belong together".to_owned());
        }
        let line = Line::parse(self.line.as_bytes()).map_err(|error| error.to_string())?;
        let index = index_of(data, line.offset).ok_or("its link does not hold this offset")?;
        let path: Option<Vec<Hash>> = self.path.iter().map(|text| parse_hash(text)).collect();
        let path = path.ok_or("its path holds something that is no hash")?;
        if root_from_proof(line.leaf(), index, data.count, &path) != Some(data.root) {
            return Err("the record does not lead to the root that its link names".to_owned());
        }
        let (offset, partition, seq) = (line.offset, link.p, link.seq);
        Ok(Proven { archive: link.archive, log: link.log, partition, offset, key: vouches, seq })
    }

    /// The trusted keys, and those that they have announced.
    fn traced(&self, trust: &[PublicKey], archive: &str) -> Vec<PublicKey> {
        let mut keys = trust.to_vec();
        let mut open: Vec<(Note, KeyNote)> = self
            .keys
            .iter()
            .filter_map(|text| Note::parse(text.as_bytes()).ok())
            .filter_map(|note| Some((note.clone(), digest::parse::<KeyNote>(note.text()).ok()?)))
            .filter(|(_, statement)| statement.archive == archive)
            .collect();
        while let Some(at) = open.iter().position(|(note, _)| note.verify(&keys).is_ok()) {
            keys.push(open.swap_remove(at).1.key);
        }
        keys
    }
}

/// How many records of the segment come before this offset.
fn index_of(data: &Data, offset: i64) -> Option<u64> {
    let mut before = 0;
    for span in &data.spans {
        if (span.0..span.1).contains(&offset) {
            return u64::try_from(before + offset - span.0).ok();
        }
        before += span.1 - span.0;
    }
    None
}

fn unproven(what: &str, why: Unproven) -> String {
    match why {
        Unproven::UnknownKey => format!("{what} is signed by a key that nobody vouches for"),
        Unproven::BadSignature => format!("{what} has a signature that does not fit"),
    }
}
