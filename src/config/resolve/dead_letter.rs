//! Where letters are kept, and what is kept of an event that could not be redacted.

use super::{kafka, topic_name};
use crate::config::findings::Findings;
use crate::config::node::Path;
use crate::config::{DeadLetterConfig, UnclearLetters, raw};
use crate::dead_letter::PublicKey;

/// `None` when it is wrong; that there is no store is right.
pub(super) fn resolve(
    raw: Option<raw::DeadLetter>,
    path: &Path,
    findings: &mut Findings,
) -> Option<(DeadLetterConfig, UnclearLetters)> {
    let Some(raw::DeadLetter { directory, topic, unclear }) = raw else {
        return Some((DeadLetterConfig::Disabled, UnclearLetters::Keep));
    };
    let unclear = resolve_unclear(unclear, &path.key("unclear"), findings);
    let store = match (directory, topic) {
        (Some(directory), None) => {
            if directory.exists() && !directory.is_dir() {
                let remedy = "give a directory, on a disk that survives a restart";
                findings.error(&path.key("directory"), "this is a file, not a directory", remedy);
            }
            DeadLetterConfig::Directory { path: directory }
        }
        (None, Some(topic)) => {
            let path = path.key("topic");
            let name = topic.name.and_then(|name| topic_name(&name, &path.key("name"), findings));
            let kafka = topic.kafka.and_then(|raw| kafka::resolve_client(raw, &path.key("kafka"), findings));
            DeadLetterConfig::Topic { name: name?, kafka: Box::new(kafka?) }
        }
        (Some(_), Some(_)) => {
            findings.error_at_key(path, "`dead_letter` names two stores", "remove `directory` or `topic`");
            return None;
        }
        (None, None) => {
            if !["directory", "topic"].iter().any(|key| findings.has_error(&path.key(key))) {
                let remedy = "add `directory: /path` or `topic: {name: …, kafka: {…}}`";
                findings.error_at_key(path, "`dead_letter` names no store", remedy);
            }
            return None;
        }
    };
    Some((store, unclear?))
}

fn resolve_unclear(raw: Option<raw::Unclear>, path: &Path, findings: &mut Findings) -> Option<UnclearLetters> {
    match raw {
        None | Some(raw::Unclear::Keep) => (!findings.has_error(path)).then_some(UnclearLetters::Keep),
        Some(raw::Unclear::Withhold) => Some(UnclearLetters::Withhold),
        Some(raw::Unclear::Encrypt(raw)) => match PublicKey::parse(&raw.public_key?) {
            Ok(key) => Some(UnclearLetters::Encrypt(key)),
            Err(cause) => {
                let remedy =
                    "`auditferry deadletter keygen --out FILE` writes the private key and prints the public one";
                findings.error(&path.key("encrypt").key("public_key"), cause, remedy);
                None
            }
        },
    }
}
