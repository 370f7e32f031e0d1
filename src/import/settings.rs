//! The settings of one connector and of its worker, and the account of what became of each.
//!
//! Whoever reads a setting also says what became of it ([`carried`](Settings::carried), [`note`](Settings::note),
//! [`warn`](Settings::warn), [`refuse`](Settings::refuse)). What nobody has spoken for in the end is settled by
//! [`settle`](Settings::settle), so nothing is dropped in silence.

use super::connect::Connector;
use super::finding::{Finding, Level};
use super::keys::{self, Fate};
use super::references::{self, Piece, Providers};

const HELD_ELSEWHERE: &str = "the value is in a variable or a file, and decides what has to be written";
const WRITE_IT: &str = "write the value into the file that is imported, and import it again";

/// Who gives a setting.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Origin {
    Connector,
    Worker,
}

/// The name of a setting, and whose it is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Key {
    origin: Origin,
    pub(super) name: String,
}

impl From<&str> for Key {
    fn from(name: &str) -> Self {
        Self { origin: Origin::Connector, name: name.to_owned() }
    }
}

impl From<&Key> for Key {
    fn from(key: &Key) -> Self {
        key.clone()
    }
}

pub(super) struct Settings {
    file: String,
    worker_file: Option<String>,
    entries: Vec<(Key, String)>,
    providers: Providers,
    findings: Vec<Finding>,
}

impl Settings {
    pub(super) fn new(connector: Connector, worker: Option<&Connector>) -> Self {
        let of = |origin| move |(name, value): &(String, String)| (Key { origin, name: name.clone() }, value.clone());
        let mut entries: Vec<(Key, String)> = connector.settings.iter().map(of(Origin::Connector)).collect();
        entries.extend(worker.into_iter().flat_map(|worker| worker.settings.iter().map(of(Origin::Worker))));
        let providers = worker.map(|worker| Providers::of_worker(&worker.settings)).unwrap_or_default();
        let worker_file = worker.map(|worker| worker.file.clone());
        Self { file: connector.file, worker_file, entries, providers, findings: Vec::new() }
    }

    pub(super) fn file(&self) -> &str {
        &self.file
    }

    /// The file that has, or could have, `key`.
    pub(super) fn file_of(&self, key: &Key) -> &str {
        match key.origin {
            Origin::Connector => &self.file,
            Origin::Worker => self.worker_file.as_deref().unwrap_or_default(),
        }
    }

    pub(super) fn providers(&self) -> &Providers {
        &self.providers
    }

    /// As it stands in the input, without the white space around it, as Connect itself trims; `None` when empty.
    pub(super) fn raw(&self, key: impl Into<Key>) -> Option<&str> {
        self.untrimmed(key).map(str::trim).filter(|value| !value.is_empty())
    }

    pub(super) fn untrimmed(&self, key: impl Into<Key>) -> Option<&str> {
        let key = key.into();
        self.entries.iter().find(|(known, _)| *known == key).map(|(_, value)| value.as_str())
    }

    /// The names that the connector gives below `prefix`.
    pub(super) fn below(&self, prefix: &str) -> Vec<Key> {
        let below = |(key, _): &&(Key, String)| key.origin == Origin::Connector && key.name.starts_with(prefix);
        self.entries.iter().filter(below).map(|(key, _)| key.clone()).collect()
    }

    /// The key under which the connector gives `name`, else the one under which the worker does.
    pub(super) fn given_or_default(&self, name: &str) -> Option<Key> {
        let candidates = [Origin::Connector, Origin::Worker].map(|origin| Key { origin, name: name.to_owned() });
        candidates.into_iter().find(|key| self.untrimmed(key).is_some())
    }

    /// The key of a property of the consumer: the connector's own wins over the worker's.
    pub(super) fn consumer(&self, property: &str) -> Option<Key> {
        let own = Key::from(format!("{}{property}", keys::CONSUMER_OVERRIDE).as_str());
        let default = Key { origin: Origin::Worker, name: format!("{}{property}", keys::WORKER_CONSUMER) };
        [own, default].into_iter().find(|key| self.untrimmed(key).is_some())
    }

    pub(super) fn worker(&self, name: &str) -> Option<Key> {
        let key = Key { origin: Origin::Worker, name: name.to_owned() };
        self.untrimmed(&key).is_some().then_some(key)
    }

    /// All properties of the consumer that are given, by name.
    pub(super) fn consumer_properties(&self) -> Vec<String> {
        let mut names: Vec<String> = Vec::new();
        for (key, _) in &self.entries {
            let property = match key.origin {
                Origin::Connector => key.name.strip_prefix(keys::CONSUMER_OVERRIDE),
                Origin::Worker => key.name.strip_prefix(keys::WORKER_CONSUMER),
            };
            names.extend(property.filter(|name| !names.iter().any(|known| known == name)).map(str::to_owned));
        }
        names
    }

    /// The value in the syntax of our configuration; `None` when it is empty, or cannot be read, which is reported.
    pub(super) fn text(&mut self, key: impl Into<Key>) -> Option<String> {
        let key = key.into();
        let value = references::ours(self.raw(&key)?, &self.providers);
        match value {
            Ok(value) => Some(value),
            Err(held) => {
                let cause = format!("the value is kept in {}: {}", held.written, held.why);
                self.refuse(&key, cause, WRITE_IT);
                None
            }
        }
    }

    /// The value itself, for what has to be understood here and not only passed on; `None` when it is empty, or held elsewhere,
    /// which is reported.
    pub(super) fn literal(&mut self, key: impl Into<Key>) -> Option<String> {
        let key = key.into();
        let value = self.raw(&key)?.to_owned();
        let is_held = references::pieces(&value).iter().any(|piece| matches!(piece, Piece::Reference(_)));
        if is_held {
            self.refuse(&key, HELD_ELSEWHERE, WRITE_IT);
        }
        (!is_held).then_some(value)
    }

    pub(super) fn flag(&mut self, key: &str) -> Option<bool> {
        let value = self.text(key)?;
        match value.to_ascii_lowercase().as_str() {
            "true" => Some(true),
            "false" => Some(false),
            _ if value.starts_with("${") => {
                self.refuse(key, HELD_ELSEWHERE, WRITE_IT);
                None
            }
            _ => {
                self.refuse(key, "the value is neither `true` nor `false`: the connector would not start", "mend it");
                None
            }
        }
    }

    pub(super) fn number(&mut self, key: impl Into<Key>) -> Option<i64> {
        let key = key.into();
        let value = self.text(&key)?;
        let number = value.parse().ok();
        if value.starts_with("${") {
            self.refuse(&key, HELD_ELSEWHERE, WRITE_IT);
        } else if number.is_none() {
            self.refuse(&key, "the value is not a whole number: the connector would not start", "mend it");
        }
        number
    }

    /// Stands in the configuration at `target`.
    pub(super) fn carried(&mut self, key: impl Into<Key>, target: impl Into<String>) {
        self.say(Level::Carried, key.into(), target.into(), String::new());
    }

    pub(super) fn note(&mut self, key: impl Into<Key>, cause: impl Into<String>) {
        self.say(Level::Note, key.into(), cause.into(), String::new());
    }

    pub(super) fn warn(&mut self, key: impl Into<Key>, cause: impl Into<String>, remedy: impl Into<String>) {
        self.say(Level::Warning, key.into(), cause.into(), remedy.into());
    }

    pub(super) fn refuse(&mut self, key: impl Into<Key>, cause: impl Into<String>, remedy: impl Into<String>) {
        self.say(Level::Refused, key.into(), cause.into(), remedy.into());
    }

    fn say(&mut self, level: Level, key: Key, cause: String, remedy: String) {
        let file = self.file_of(&key).to_owned();
        let finding = Finding { level, file, key: key.name, cause, remedy };
        // A setting that several parts read is complained about once.
        if !self.findings.contains(&finding) {
            self.findings.push(finding);
        }
    }

    /// A note for each setting below `prefix` that nobody has spoken for.
    pub(super) fn note_rest(&mut self, prefix: &str, cause: &str) {
        for key in self.below(prefix) {
            if !self.is_settled(&key) {
                self.note(&key, cause);
            }
        }
    }

    pub(super) fn is_settled(&self, key: &Key) -> bool {
        let file = self.file_of(key);
        self.findings.iter().any(|finding| finding.file == file && finding.key == key.name)
    }

    pub(super) fn is_refused(&self, key: &str) -> bool {
        self.findings
            .iter()
            .any(|finding| finding.level == Level::Refused && finding.file == self.file && finding.key == key)
    }

    /// Speaks for what nobody has spoken for, and gives the findings up, with the worker's settings that nobody read.
    pub(super) fn settle(mut self) -> (Vec<Finding>, Vec<String>) {
        let left = self.entries.iter().map(|(key, _)| key).filter(|key| !self.is_settled(key));
        let (worker, connector): (Vec<Key>, Vec<Key>) = left.cloned().partition(|key| key.origin == Origin::Worker);
        for key in &connector {
            self.settle_one(key);
        }
        (self.findings, worker.into_iter().map(|key| key.name).collect())
    }

    fn settle_one(&mut self, key: &Key) {
        let Some(value) = self.raw(key).map(str::to_owned) else {
            self.note(key, "it is empty, which is as if it were not there");
            return;
        };
        let Some(known) = keys::find(&key.name) else {
            let remedy = match keys::nearest(&key.name) {
                Some(near) => format!("did you mean `{near}`? Mend it and import again, or remove it"),
                None => "remove it".to_owned(),
            };
            self.warn(key, "unknown setting: the connector takes it without a word and ignores it, too", remedy);
            return;
        };
        match known.fate {
            Fate::NotNeeded(reason) => self.note(key, reason),
            Fate::NeverWas(cause, remedy) => self.warn(key, cause, remedy),
            Fate::Read if value.eq_ignore_ascii_case(known.default) => {
                self.note(key, "it has its default, and nothing has to be written");
            }
            // Whoever reads it should have said so; better a refusal too many than a setting lost.
            Fate::Read => self.refuse(key, "it cannot be carried over", "decide what it means for you"),
        }
    }
}
