//! The digest of every hour: written by whichever process comes first, for all chains of the archive, also when nothing has come in.
//!
//! Hours that nobody was there for are made up for, and marked as late. A digest that cannot be written is tried again: nothing that is
//! archived waits for it.

use std::time::Duration;

use bytes::Bytes;
use futures_util::TryStreamExt;
use jiff::{SignedDuration, Timestamp};

use super::Shared;
use super::opening::Opened;
use crate::archive::digest::{self, Digest, DigestKind, Previous, Standing};
use crate::archive::layout::{self, Log};
use crate::archive::link::VERSION;
use crate::archive::note::{self, Note};
use crate::archive::store::{Store, StoreError};
use crate::archive::{chain, sha256};
use crate::defaults::{DIGEST_GRACE, DIGEST_RETRY};
use crate::delivery::attempt::Failure;
use crate::reason::Reason;

const HOUR: SignedDuration = SignedDuration::from_hours(1);
const NOTE_TYPE: &str = "text/plain; charset=utf-8";

/// Never ends.
pub(super) async fn keep(shared: &Shared) {
    loop {
        let pause = match write_due(shared, Timestamp::now()).await {
            Ok(()) => until_next(Timestamp::now()),
            Err(failure) => {
                tracing::warn!(archive = shared.store.url(), reason = %failure.reason, detail = %failure.detail, "the hourly digest is not written yet");
                DIGEST_RETRY
            }
        };
        tokio::time::sleep(pause).await;
    }
}

/// How long to wait for the end of this hour, and some more for links that are on their way.
fn until_next(now: Timestamp) -> Duration {
    let end = hour_of(now).checked_add(HOUR).unwrap_or(now);
    Duration::try_from(end.duration_since(now)).unwrap_or_default() + DIGEST_GRACE
}

pub(super) fn hour_of(time: Timestamp) -> Timestamp {
    let second = time.as_second();
    Timestamp::from_second(second - second.rem_euclid(3600)).unwrap_or(time)
}

/// Writes the digests of all hours that are over and have none.
pub(super) async fn write_due(shared: &Shared, now: Timestamp) -> Result<(), Failure> {
    let opened = shared.open().await?;
    let last = last_digest(&shared.store).await?;
    let grace = SignedDuration::try_from(DIGEST_GRACE).unwrap_or_default();
    let running = hour_of(now.checked_sub(grace).unwrap_or(now));
    let mut hour = match &last {
        Some((hour, _)) => hour.checked_add(HOUR).unwrap_or(running),
        None => hour_of(opened.begun),
    };
    if hour >= running {
        return Ok(());
    }
    let chains = standings(shared, &opened, last.as_ref().map(|(_, digest)| digest)).await?;
    let mut prev = last.map(|(_, digest)| digest.as_previous());
    while hour < running {
        let late = hour.checked_add(HOUR).is_ok_and(|end| end < running);
        let digest = Digest {
            v: VERSION,
            kind: DigestKind::Digest,
            archive: opened.archive.clone(),
            hour: hour.to_string(),
            prev,
            written: Timestamp::from_second(now.as_second()).unwrap_or(now).to_string(),
            late,
            software: format!("auditferry {}", env!("CARGO_PKG_VERSION")),
            chains: chains.clone(),
        };
        let written = write(shared, hour, &digest).await?;
        prev = Some(written.as_previous());
        hour = hour.checked_add(HOUR).unwrap_or(running);
    }
    Ok(())
}

/// A digest and the hash of its text.
struct Known {
    digest: Digest,
    hash: crate::archive::Hash,
}

impl Known {
    fn as_previous(&self) -> Previous {
        Previous { hour: self.digest.hour.clone(), sha256: self.hash }
    }
}

async fn write(shared: &Shared, hour: Timestamp, digest: &Digest) -> Result<Known, Failure> {
    let name = layout::digest(hour);
    let bytes = Bytes::from(note::sign(&digest::to_text(digest), shared.signer.key()));
    let created = shared.store.create(&name, bytes, NOTE_TYPE).await;
    // Whoever was first: what is there now counts.
    match (read(&shared.store, &name).await?, created) {
        (Some(known), _) => Ok(known),
        (None, Err(error)) => Err(error.to_failure()),
        (None, Ok(_)) => Err(StoreError::vanished().to_failure()),
    }
}

async fn read(store: &Store, name: &str) -> Result<Option<Known>, Failure> {
    let Some(bytes) = store.get(name).await.map_err(|error| error.to_failure())? else { return Ok(None) };
    let strange = |what: String| Failure::new(Reason::ArchiveMismatch, format!("{name}: {what}"));
    let note = Note::parse(&bytes).map_err(|error| strange(error.to_string()))?;
    let digest = digest::parse(note.text()).map_err(strange)?;
    Ok(Some(Known { digest, hash: sha256(note.text().as_bytes()) }))
}

/// The digest of the latest hour: looked for from the latest year down, so that few folders are listed.
async fn last_digest(store: &Store) -> Result<Option<(Timestamp, Known)>, Failure> {
    let mut folder = layout::DIGESTS.to_owned();
    for _ in ["year", "month", "day"] {
        let folders = store.folders(&folder).await.map_err(|error| error.to_failure())?;
        let Some(latest) = folders.into_iter().max() else { return Ok(None) };
        folder = format!("{folder}/{latest}");
    }
    let listed: Vec<_> =
        store.list(&folder, None).try_collect().await.map_err(|error: StoreError| error.to_failure())?;
    let hours = listed.iter().filter_map(|object| Some((layout::hour_of_digest(&object.name)?, &object.name)));
    let Some((hour, name)) = hours.max() else { return Ok(None) };
    Ok(read(store, name).await?.map(|known| (hour, known)))
}

/// Where every chain of the archive stands. The digest before says where to begin to look.
async fn standings(shared: &Shared, opened: &Opened, before: Option<&Known>) -> Result<Vec<Standing>, Failure> {
    let store = &shared.store;
    let failed = |error: StoreError| error.to_failure();
    let mut logs: Vec<Log> =
        store.folders("v1").await.map_err(failed)?.iter().filter_map(|name| Log::of_folder(name)).collect();
    logs.sort();
    let mut chains = Vec::new();
    for log in logs {
        let folders = store.folders(&log.chains()).await.map_err(failed)?;
        let mut partitions: Vec<i32> = folders.iter().filter_map(|name| layout::partition_of(name)).collect();
        partitions.sort_unstable();
        for p in partitions {
            let is_it = |standing: &&Standing| standing.log == log.as_str() && standing.p == p;
            let known = before.and_then(|known| known.digest.chains.iter().find(is_it)).map(|standing| standing.seq);
            let head = chain::head(store, &log, p, known).await;
            let head = head.map_err(|error| Failure::new(Reason::ArchiveMismatch, error.to_string()))?;
            let Some(head) = head.filter(|head| head.link.archive == opened.archive) else { continue };
            let (seq, link, next) = (head.link.seq, head.hash, head.link.next());
            chains.push(Standing { log: log.as_str().to_owned(), p, seq, link, next });
        }
    }
    Ok(chains)
}
