//! What is made sure of before anything is archived: that this archive is ours, and that the store keeps two writers apart.
//!
//! - A new archive gets an id, and names the key that begins it.
//! - Of an archive that is there our key must be the first one, or announced by one that was announced before. With the key before at
//!   hand the present one is announced now.
//! - Writing the first note again, with the same bytes, must be refused: a store that ignores the condition would let two writers
//!   overwrite each other. Nothing is left behind by asking.

use std::fs;

use bytes::Bytes;
use futures_util::TryStreamExt;
use jiff::Timestamp;
use uuid::Uuid;

use super::config::{KeySource, SignConfig};
use crate::archive::digest::{self, ArchiveKind, ArchiveNote, KeyKind, KeyNote};
use crate::archive::key::{PublicKey, SigningKey};
use crate::archive::layout;
use crate::archive::link::VERSION;
use crate::archive::note::{self, Note};
use crate::archive::store::{Created, Store, StoreError};
use crate::delivery::attempt::Failure;
use crate::reason::Reason;

const NOTE_TYPE: &str = "text/plain; charset=utf-8";

/// Who signs, as far as the configuration says.
pub(super) struct Signer {
    key: SigningKey,
    previous: Option<SigningKey>,
}

impl Signer {
    /// Reads the keys. Blocks.
    pub(super) fn new(config: &SignConfig) -> Result<Self, String> {
        let key = read_key(&config.name, &config.key)?;
        let previous = config.previous.as_ref().map(|key| read_key(&config.name, key)).transpose()?;
        Ok(Self { key, previous })
    }

    #[cfg(test)]
    pub(super) fn of(key: SigningKey, previous: Option<SigningKey>) -> Self {
        Self { key, previous }
    }

    pub(super) fn key(&self) -> &SigningKey {
        &self.key
    }

    pub(super) fn name(&self) -> &str {
        self.key.public().name()
    }
}

pub(super) fn read_key(name: &str, source: &KeySource) -> Result<SigningKey, String> {
    match source {
        KeySource::Text(secret) => {
            SigningKey::from_pem(name, secret.value().expose()).map_err(|error| error.to_string())
        }
        KeySource::File(path) => {
            let text = fs::read_to_string(path).map(zeroize::Zeroizing::new);
            let text = text.map_err(|error| format!("cannot read the signing key {}: {error}", path.display()))?;
            SigningKey::from_pem(name, &text).map_err(|error| format!("the signing key {}: {error}", path.display()))
        }
    }
}

/// An archive that is ours.
#[derive(Clone, Debug)]
pub(super) struct Opened {
    pub(super) archive: String,
    pub(super) begun: Timestamp,
    /// Those that may sign takeovers and digests: the first one and all that were announced.
    pub(super) keys: Vec<PublicKey>,
}

pub(super) async fn open(store: &Store, signer: &Signer) -> Result<Opened, Failure> {
    let failed = |error: StoreError| error.to_failure();
    let first = match store.get(layout::ARCHIVE).await.map_err(failed)? {
        Some(bytes) => bytes,
        None => begin(store, signer).await?,
    };
    let found = look_at(store, &first).await?;
    let opened = announce(store, signer, found).await?;
    require_fencing(store, first).await?;
    Ok(opened)
}

async fn look_at(store: &Store, first: &Bytes) -> Result<Opened, Failure> {
    let note = Note::parse(first).map_err(|error| strange(&format!("{} is {error}", layout::ARCHIVE)))?;
    let statement: ArchiveNote = digest::parse(note.text()).map_err(|error| strange(&error))?;
    if note.verify([&statement.key]).is_err() {
        return Err(strange("its first note is not signed by the key that it names"));
    }
    let begun = statement.begun.parse().map_err(|_| strange("its first note does not say when it was begun"))?;
    let mut keys = vec![statement.key];
    trace(store, &statement.archive, &mut keys).await?;
    Ok(Opened { archive: statement.archive, begun, keys })
}

/// As [`open`], and writes nothing.
pub(super) async fn examine(store: &Store, signer: &Signer) -> Result<String, Failure> {
    let Some(first) = store.get(layout::ARCHIVE).await.map_err(|error| error.to_failure())? else {
        return Ok("can be reached; there is no archive yet, it begins when the pipeline runs".to_owned());
    };
    let found = look_at(store, &first).await?;
    match who(signer, &found) {
        Entitled::Known => Ok(format!("archive {}, which knows our key", found.archive)),
        Entitled::By(_) => Ok(format!("archive {}; our key will be announced by the one before it", found.archive)),
        Entitled::No => Err(unknown_key(signer, &found)),
    }
}

async fn begin(store: &Store, signer: &Signer) -> Result<Bytes, Failure> {
    let key = signer.key.public().clone();
    let begun = Timestamp::from_second(Timestamp::now().as_second()).unwrap_or_default().to_string();
    let archive = Uuid::new_v4().to_string();
    let statement = ArchiveNote { v: VERSION, kind: ArchiveKind::Archive, archive, begun, key };
    let bytes = Bytes::from(note::sign(&digest::to_text(&statement), &signer.key));
    let created = store.create(layout::ARCHIVE, bytes, NOTE_TYPE).await;
    // Whoever was first: what is there now counts.
    match (store.get(layout::ARCHIVE).await, created) {
        (Ok(Some(found)), _) => Ok(found),
        (Ok(None), Err(error)) | (Err(error), _) => Err(error.to_failure()),
        (Ok(None), Ok(_)) => Err(StoreError::vanished().to_failure()),
    }
}

/// Adds the keys that are announced, each by one that was known before.
pub(super) async fn trace(store: &Store, archive: &str, keys: &mut Vec<PublicKey>) -> Result<(), Failure> {
    let listed: Vec<_> =
        store.list(layout::KEYS, None).try_collect().await.map_err(|error: StoreError| error.to_failure())?;
    let mut open = Vec::new();
    for object in listed {
        let bytes = store.get(&object.name).await.map_err(|error| error.to_failure())?;
        let note = bytes.and_then(|bytes| Note::parse(&bytes).ok());
        let statement = note.as_ref().and_then(|note| digest::parse::<KeyNote>(note.text()).ok());
        open.extend(note.zip(statement.filter(|statement| statement.archive == archive)));
    }
    // Each round finds at least one more, or is the last.
    loop {
        let before = open.len();
        open.retain(|(note, statement)| {
            let proven = note.verify(&*keys).is_ok();
            if proven && !keys.contains(&statement.key) {
                keys.push(statement.key.clone());
            }
            !proven
        });
        if open.len() == before {
            return Ok(());
        }
    }
}

/// Whether our key may sign.
enum Entitled<'k> {
    Known,
    /// It can be announced by the one before it.
    By(&'k SigningKey),
    No,
}

fn who<'k>(signer: &'k Signer, found: &Opened) -> Entitled<'k> {
    if found.keys.contains(signer.key.public()) {
        return Entitled::Known;
    }
    signer.previous.as_ref().filter(|key| found.keys.contains(key.public())).map_or(Entitled::No, Entitled::By)
}

async fn announce(store: &Store, signer: &Signer, mut found: Opened) -> Result<Opened, Failure> {
    let previous = match who(signer, &found) {
        Entitled::Known => return Ok(found),
        Entitled::No => return Err(unknown_key(signer, &found)),
        Entitled::By(previous) => previous,
    };
    let ours = signer.key.public();
    let statement = KeyNote { v: VERSION, kind: KeyKind::Key, archive: found.archive.clone(), key: ours.clone() };
    let bytes = Bytes::from(note::sign(&digest::to_text(&statement), previous));
    store.create(&layout::key_statement(ours.id()), bytes, NOTE_TYPE).await.map_err(|error| error.to_failure())?;
    found.keys.push(ours.clone());
    Ok(found)
}

fn unknown_key(signer: &Signer, found: &Opened) -> Failure {
    let known: Vec<String> = found.keys.iter().map(ToString::to_string).collect();
    strange(&format!(
        "it is signed by {}, and ours is {}: another archive's url, or a new key; for a new key give the one before it as \
         sign.previous_key_file",
        known.join(", "),
        signer.key.public()
    ))
}

async fn require_fencing(store: &Store, first: Bytes) -> Result<(), Failure> {
    match store.create(layout::ARCHIVE, first, NOTE_TYPE).await {
        Ok(Created::Exists) => Ok(()),
        Ok(Created::New) => {
            let words = "this store overwrites an object although it was asked not to (If-None-Match): two processes could overwrite each \
                         other's history; use a store that honours it";
            Err(Failure::new(Reason::NoFencing, words))
        }
        Err(error) => Err(error.to_failure()),
    }
}

fn strange(why: &str) -> Failure {
    Failure::new(Reason::ArchiveMismatch, format!("this archive is not ours to go on with: {why}"))
}
