//! The hourly digests, in the archive and kept elsewhere, against the chains.

use futures_util::TryStreamExt;
use jiff::{SignedDuration, Timestamp};

use super::super::digest::{self, Digest};
use super::super::key::PublicKey;
use super::super::note::Note;
use super::super::store::{Store, StoreError};
use super::super::{layout, sha256};
use super::segment::Chains;
use super::{Code, Finding, Report, Task};

const HOUR: SignedDuration = SignedDuration::from_hours(1);

/// Follows all digests from the first to the last.
pub(super) async fn follow(
    store: &Store,
    keys: &[PublicKey],
    chains: &Chains,
    report: &mut Report,
) -> Result<(), StoreError> {
    let listed: Vec<_> = store.list(layout::DIGESTS, None).try_collect().await?;
    let mut hours: Vec<(Timestamp, String)> =
        listed.into_iter().filter_map(|object| Some((layout::hour_of_digest(&object.name)?, object.name))).collect();
    hours.sort();
    let mut before: Option<(Timestamp, super::super::Hash)> = None;
    for (hour, name) in &hours {
        let Some(bytes) = store.get(name).await? else { continue };
        let Some((digest, hash)) = read(&bytes, name, keys, &mut report.findings) else {
            before = None;
            continue;
        };
        if (digest.archive.as_str(), digest.hour.parse().ok()) != (report.archive.as_str(), Some(*hour)) {
            let words = format!("it is the digest of {} of archive {}", digest.hour, digest.archive);
            report.findings.push(Finding::of_archive(Code::Misplaced, name.clone(), words));
        }
        if let Some((previous, hash)) = before {
            missing(previous, *hour, &mut report.findings);
            if digest.prev.as_ref().is_none_or(|prev| prev.sha256 != hash) {
                let words = format!("it does not follow the digest of {previous}");
                report.findings.push(Finding::of_archive(Code::BrokenPrev, name.clone(), words));
            }
        } else if report.digests == 0 && digest.prev.is_some() {
            let words = "it is not the first digest, and those before it are not there";
            report.findings.push(Finding::of_archive(Code::DigestMissing, name.clone(), words));
        }
        if digest.late {
            report.findings.push(Finding::of_archive(
                Code::DigestLate,
                name.clone(),
                format!("written at {}", digest.written),
            ));
        }
        compare(&digest, name, chains, &mut report.findings);
        before = Some((*hour, hash));
        report.digests += 1;
    }
    report.digest_hours =
        hours.first().zip(hours.last()).map(|(first, last)| (first.0.to_string(), last.0.to_string()));
    Ok(())
}

/// Digests that were kept elsewhere: the chains must have got at least as far.
pub(super) fn anchors(task: &Task, keys: &[PublicKey], chains: &Chains, findings: &mut Vec<Finding>) {
    for (number, bytes) in task.anchors.iter().enumerate() {
        let name = format!("anchor {}", number + 1);
        if let Some((digest, _)) = read(bytes, &name, keys, findings) {
            compare(&digest, &name, chains, findings);
        }
    }
}

fn read(
    bytes: &[u8],
    name: &str,
    keys: &[PublicKey],
    findings: &mut Vec<Finding>,
) -> Option<(Digest, super::super::Hash)> {
    let mut complain = |code, words: String| findings.push(Finding::of_archive(code, name, words));
    let note = match Note::parse(bytes) {
        Ok(note) => note,
        Err(error) => {
            complain(Code::Malformed, error.to_string());
            return None;
        }
    };
    if let Err(why) = note.verify(keys) {
        complain(Code::of(why), "the digest's signature".to_owned());
    }
    match digest::parse::<Digest>(note.text()) {
        Ok(digest) => Some((digest, sha256(note.text().as_bytes()))),
        Err(error) => {
            complain(Code::Malformed, error);
            None
        }
    }
}

fn missing(previous: Timestamp, hour: Timestamp, findings: &mut Vec<Finding>) {
    let hours = hour.duration_since(previous).as_secs() / HOUR.as_secs() - 1;
    if let (1.., Ok(first)) = (hours, previous.checked_add(HOUR)) {
        let words = format!("{hours} hour(s) before {hour} have no digest");
        findings.push(Finding::of_archive(Code::DigestMissing, layout::digest(first), words));
    }
}

/// Every chain that the digest has seen must still have the link that it ended with then.
fn compare(digest: &Digest, name: &str, chains: &Chains, findings: &mut Vec<Finding>) {
    for standing in &digest.chains {
        let place = (standing.log.as_str(), standing.p);
        let mut complain = |code, words: String| findings.push(Finding::of(code, place, name, words));
        let Some(chain) = chains.get(&(standing.log.clone(), standing.p)) else {
            complain(Code::HeadRollback, format!("it has seen {} link(s) of a chain that is gone", standing.seq + 1));
            continue;
        };
        match chain.hashes.get(&standing.seq) {
            Some(hash) if *hash == standing.link => {}
            Some(_) => complain(Code::Fork, format!("it has seen another link {}", standing.seq)),
            None if chain.last.is_none_or(|last| last < standing.seq) => {
                let ends = chain.last.map_or("has none".to_owned(), |last| format!("ends with link {last}"));
                complain(Code::HeadRollback, format!("it has seen link {}, and the chain {ends}", standing.seq));
            }
            // That it is missing or cannot be read has been said.
            None => {}
        }
    }
}
