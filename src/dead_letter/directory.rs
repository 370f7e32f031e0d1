//! A directory of letters: one JSON document per file, one subdirectory per pipeline.
//!
//! - A letter's file is named after its record, `<topic>-<partition>-<offset>.json`, so that the same record, read again
//!   after a crash, replaces its own letter. A different record of the same position (the topic was made anew) gets a
//!   number behind the name: no letter ever replaces another one.
//! - A file appears complete or not at all: it is written under another name, synced, renamed, and the directory is synced.
//! - Letters hold what the audit stream holds: only the owner may read them.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use jiff::Timestamp;

use super::letter_json::{StoredLetter, decode, encode};
use super::{Found, Selection};
use crate::defaults;
use crate::delivery::attempt::Failure;
use crate::delivery::letter::{Content, Letter};
use crate::reason::Reason;

const TEMPORARY_PREFIX: &str = ".tmp-";
const ENDING: &str = ".json";

/// File systems allow 255 bytes; the numbers, the ending and a digest take up to 70.
const TOPIC_CHARS_MAX: usize = 180;

/// As many different records of one position are told apart. Each means that the topic was made anew.
const NAMESAKES_MAX: usize = 1000;

pub struct Directory {
    /// The pipeline's own subdirectory.
    path: PathBuf,
    pipeline: String,
}

impl Directory {
    pub(super) fn new(path: &Path, pipeline: &str) -> Self {
        Self { path: path.join(safe_name(pipeline)), pipeline: pipeline.to_owned() }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Makes the directory if it is missing, proves that it can be written, and removes what a crash has left.
    pub(super) fn prepare(&self) -> Result<(), Failure> {
        let explain = |error| failure("use", &self.path, &error);
        DirBuilder::new().recursive(true).mode(0o700).create(&self.path).map_err(explain)?;
        let (temporary, file) = self.create_temporary().map_err(explain)?;
        drop(file);
        fs::remove_file(temporary).map_err(explain)?;
        self.remove_leftovers().map_err(explain)
    }

    /// Makes nothing: whoever checks may be another user than the one who will run.
    pub(super) fn examine(&self) -> Result<String, Failure> {
        if !self.path.try_exists().map_err(|error| failure("use", &self.path, &error))? {
            return Ok(format!("directory {} does not exist yet and will be made", self.path.display()));
        }
        let (temporary, file) = self.create_temporary().map_err(|error| failure("use", &self.path, &error))?;
        drop(file);
        remove_if_there(&temporary).map_err(|error| failure("use", &self.path, &error))?;
        let count = self.ids().map_err(|error| failure("read", &self.path, &error))?.len();
        Ok(format!("directory {} can be written and holds {count} letters", self.path.display()))
    }

    fn remove_leftovers(&self) -> io::Result<()> {
        for entry in fs::read_dir(&self.path)? {
            let entry = entry?;
            let is_temporary = entry.file_name().to_string_lossy().starts_with(TEMPORARY_PREFIX);
            if !is_temporary {
                continue;
            }
            // A young one may be another process's letter in the making.
            let age = SystemTime::now().duration_since(entry.metadata()?.modified()?).unwrap_or_default();
            if age >= defaults::TEMPORARY_FILE_AGE {
                remove_if_there(&entry.path())?;
            }
        }
        Ok(())
    }

    pub(super) fn put(&self, letters: &[Letter]) -> Result<(), Failure> {
        let now = Timestamp::now();
        for letter in letters {
            let path = self.path_for(letter)?;
            let document = encode(&self.pipeline, now, letter);
            self.write(&path, &document).map_err(|error| failure("write", &path, &error))?;
        }
        // Renames are durable once the directory is.
        File::open(&self.path)
            .and_then(|directory| directory.sync_all())
            .map_err(|error| failure("sync", &self.path, &error))
    }

    fn write(&self, path: &Path, document: &[u8]) -> io::Result<()> {
        let (temporary, mut file) = self.create_temporary()?;
        let written =
            file.write_all(document).and_then(|()| file.sync_all()).and_then(|()| fs::rename(&temporary, path));
        if written.is_err() {
            // Makes room on a full disk. Should it fail too, it is a leftover like that of a crash.
            remove_if_there(&temporary).unwrap_or_default();
        }
        written
    }

    fn create_temporary(&self) -> io::Result<(PathBuf, File)> {
        let path = self.path.join(format!("{TEMPORARY_PREFIX}{:016x}", fastrand::u64(..)));
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?;
        Ok((path, file))
    }

    /// The file of this record: its own, if there is one already, else the first free name.
    fn path_for(&self, letter: &Letter) -> Result<PathBuf, Failure> {
        let stem = format!("{}-{}-{}", safe_name(letter.topic.as_str()), letter.partition, letter.offset);
        for number in 0..NAMESAKES_MAX {
            let name = if number == 0 { format!("{stem}{ENDING}") } else { format!("{stem}.{number}{ENDING}") };
            let path = self.path.join(name);
            match fs::read(&path) {
                Err(error) if error.kind() == ErrorKind::NotFound => return Ok(path),
                Err(error) => return Err(failure("read", &path, &error)),
                Ok(text) if is_of_same_record(&text, letter) => return Ok(path),
                Ok(_) => {}
            }
        }
        let detail =
            format!("{} holds {NAMESAKES_MAX} letters of the position {stem}: move them away", self.path.display());
        Err(Failure::new(Reason::DeadLetterStore, detail))
    }

    pub(super) fn files(&self, selection: Selection) -> Result<Files<'_>, Failure> {
        let ids = match selection {
            Selection::Ids(ids) => ids,
            Selection::All => self.ids().map_err(|error| failure("read", &self.path, &error))?,
        };
        Ok(Files { directory: self, ids: ids.into_iter() })
    }

    /// In the order of topic, partition and offset.
    fn ids(&self) -> io::Result<Vec<String>> {
        let mut ids = Vec::new();
        for entry in fs::read_dir(&self.path)? {
            let name = entry?.file_name();
            let Some(id) = name.to_str().and_then(|name| name.strip_suffix(ENDING)) else { continue };
            if !id.starts_with('.') {
                ids.push(id.to_owned());
            }
        }
        ids.sort_by(|a, b| sort_key(a).cmp(&sort_key(b)).then_with(|| a.cmp(b)));
        Ok(ids)
    }

    fn path_of(&self, id: &str) -> Result<PathBuf, Failure> {
        let is_plain = !id.is_empty() && !id.contains(['/', '\0']) && !id.starts_with('.');
        match is_plain {
            true => Ok(self.path.join(format!("{id}{ENDING}"))),
            false => Err(Failure::new(Reason::DeadLetterStore, format!("`{id}` is not a letter's identifier"))),
        }
    }

    fn read(&self, id: &str) -> Result<StoredLetter, Failure> {
        let path = self.path_of(id)?;
        let text = fs::read(&path).map_err(|error| match error.kind() == ErrorKind::NotFound {
            true => {
                Failure::new(Reason::DeadLetterStore, format!("there is no letter {id} in {}", self.path.display()))
            }
            false => failure("read", &path, &error),
        })?;
        decode(&text).map_err(|problem| Failure::new(Reason::DeadLetterStore, format!("{}: {problem}", path.display())))
    }
}

/// The letters of a directory, one by one.
pub struct Files<'d> {
    directory: &'d Directory,
    ids: std::vec::IntoIter<String>,
}

impl Files<'_> {
    pub(super) fn next(&mut self) -> Option<Found> {
        let id = self.ids.next()?;
        let letter = self.directory.read(&id);
        Some(Found { id, letter })
    }

    pub(super) fn remove(&self, id: &str) -> Result<(), Failure> {
        let path = self.directory.path_of(id)?;
        // Not synced: a crash may bring the letter back, which repeats and does not lose.
        remove_if_there(&path).map_err(|error| failure("remove", &path, &error))
    }
}

fn is_of_same_record(text: &[u8], letter: &Letter) -> bool {
    decode(text).is_ok_and(|StoredLetter { letter: stored, .. }| {
        let place = |letter: &Letter| (letter.topic.clone(), letter.partition, letter.offset, letter.timestamp_ms);
        // No two ciphertexts of a record are the same.
        let same = stored.content == Content::Encrypted || (stored.key == letter.key && stored.value == letter.value);
        place(&stored) == place(letter) && stored.content == letter.content && same
    })
}

fn remove_if_there(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        Ok(()) | Err(_) => Ok(()),
    }
}

/// A name that is one path component. What is not safe as it stands gets a digest, behind a `~` that no topic has in its
/// name, so that two names never become one.
fn safe_name(name: &str) -> String {
    let is_safe = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    if !name.is_empty() && name.len() <= TOPIC_CHARS_MAX && !name.starts_with('.') && name.chars().all(is_safe) {
        return name.to_owned();
    }
    let kept: String = name.chars().take(TOPIC_CHARS_MAX).map(|c| if is_safe(c) { c } else { '_' }).collect();
    format!("{}~{:016x}", kept.trim_start_matches('.'), fnv1a(name.as_bytes()))
}

/// FNV-1a, 64 bits: the same in every version of this program, unlike the standard library's hasher.
fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

/// The numbers at the end of `<topic>-<partition>-<offset>` as numbers.
fn sort_key(id: &str) -> (&str, u64, u64) {
    let number = |text: &str| text.split('.').next().and_then(|digits| digits.parse().ok());
    let split = id.rsplit_once('-').and_then(|(rest, offset)| {
        let (topic, partition) = rest.rsplit_once('-')?;
        Some((topic, number(partition)?, number(offset)?))
    });
    split.unwrap_or((id, 0, 0))
}

const REMEDIES: &[(ErrorKind, &str)] = &[
    (ErrorKind::StorageFull, ": the disk is full, make room or choose another directory"),
    (ErrorKind::QuotaExceeded, ": the quota is used up, make room or choose another directory"),
    (ErrorKind::PermissionDenied, ": allow this user to read and write there, or choose another directory"),
    (ErrorKind::ReadOnlyFilesystem, ": the file system is read-only, choose another directory"),
    (ErrorKind::NotFound, ": the directory does not exist"),
    (ErrorKind::NotADirectory, ": a file is in the way, choose another directory"),
    (ErrorKind::AlreadyExists, ": a file is in the way, choose another directory"),
];

fn failure(what: &str, path: &Path, error: &io::Error) -> Failure {
    let remedy = REMEDIES.iter().find(|(kind, _)| *kind == error.kind()).map_or("", |(_, remedy)| remedy);
    let detail = format!("cannot {what} {}{remedy} ({error})", path.display());
    Failure::new(Reason::DeadLetterStore, detail)
}

#[cfg(test)]
mod tests;
