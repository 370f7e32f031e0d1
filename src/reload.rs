//! What is made from files, and made again when they change.
//!
//! - What is compared is the content, so that a swapped symbolic link (Kubernetes), a rename and a write in place are all
//!   seen, and a touched file is not. The files are small: reading them costs less than knowing when not to.
//! - A version that cannot be used changes nothing: what was made before stays in use. It is told once, and only when it
//!   has stood still between two looks: a certificate whose key is about to follow, or a file that is being written, is no
//!   reason to call somebody.
//!
//! Of files that are too large to be read at every look ([`Reloading::of_large`]) identity, size and times are compared.
//!
//! When to look is decided by those who use it.

use std::collections::hash_map::DefaultHasher;
use std::fmt::{self, Display};
use std::fs::File;
use std::hash::{Hash, Hasher};
use std::io::{ErrorKind, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use zeroize::Zeroizing;

use crate::defaults::RELOADED_FILE_MAX_BYTES;

/// What a look has found.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum News {
    /// A new version is in use.
    InUse,
    /// A new version cannot be used, for this reason; the one before stays in use.
    Unusable(String),
}

pub struct Reloading<T> {
    files: Vec<PathBuf>,
    make: Box<dyn Fn() -> Result<T, String> + Send + Sync>,
    state: Mutex<State<T>>,
    /// Counts the versions that were put into use.
    version: AtomicU64,
    compare: Compare,
    /// Held during a look, so that of two at the same time the later one sees what the first has done.
    looking: Mutex<()>,
}

struct State<T> {
    value: Arc<T>,
    made_from: Content,
    refused: Option<Refused>,
    /// Found and not yet told.
    news: Option<News>,
}

struct Refused {
    content: Content,
    told: bool,
}

/// What of a file tells that it has changed.
#[derive(Clone, Copy, Debug)]
enum Compare {
    Content,
    /// Which file it is, its size, and when it was last written.
    Stamp,
}

/// A fingerprint of each file, or why it cannot be read.
type Content = Vec<Result<u64, ErrorKind>>;

impl<T> Reloading<T> {
    /// Makes the value for the first time. `make` reads the files itself. Blocks.
    ///
    /// # Errors
    /// Those of `make`.
    pub fn new<E: Display>(
        files: Vec<PathBuf>,
        make: impl Fn() -> Result<T, E> + Send + Sync + 'static,
    ) -> Result<Self, E> {
        Self::comparing(Compare::Content, files, make)
    }

    /// As [`Reloading::new`], for files of which only the stamp is compared.
    ///
    /// # Errors
    /// Those of `make`.
    pub fn of_large<E: Display>(
        files: Vec<PathBuf>,
        make: impl Fn() -> Result<T, E> + Send + Sync + 'static,
    ) -> Result<Self, E> {
        Self::comparing(Compare::Stamp, files, make)
    }

    fn comparing<E: Display>(
        compare: Compare,
        files: Vec<PathBuf>,
        make: impl Fn() -> Result<T, E> + Send + Sync + 'static,
    ) -> Result<Self, E> {
        // Taken first: should a file change in between, the value is made once more than needed.
        let made_from = content(&files, compare);
        let value = Arc::new(make()?);
        Ok(Self {
            files,
            make: Box::new(move || make().map_err(|error| error.to_string())),
            state: Mutex::new(State { value, made_from, refused: None, news: None }),
            version: AtomicU64::new(0),
            compare,
            looking: Mutex::new(()),
        })
    }

    pub fn get(&self) -> Arc<T> {
        Arc::clone(&self.state().value)
    }

    /// Changes when a new version is in use. Who keeps a version asks for it anew when this differs from what it was
    /// before the version was got.
    pub fn version(&self) -> u64 {
        self.version.load(Ordering::Acquire)
    }

    /// As [`Reloading::renew`], and tells what is new since the last call.
    pub fn look(&self) -> Option<News> {
        self.renew();
        self.state().news.take()
    }

    /// Compares the files with what the value was made from, and makes it anew if they differ. Blocks.
    pub fn renew(&self) {
        if self.files.is_empty() {
            return;
        }
        let _looking = self.looking.lock().unwrap_or_else(PoisonError::into_inner);
        let found = content(&self.files, self.compare);
        if self.is_known(&found) {
            return;
        }
        let made = (self.make)();
        let mut state = self.state();
        match made {
            Ok(value) => {
                *state = State { value: Arc::new(value), made_from: found, refused: None, news: Some(News::InUse) };
                self.version.fetch_add(1, Ordering::Release);
            }
            Err(why) => {
                let stood_still = state.refused.as_ref().is_some_and(|refused| refused.content == found);
                state.refused = Some(Refused { content: found, told: stood_still });
                if stood_still {
                    state.news = Some(News::Unusable(why));
                }
            }
        }
    }

    /// What the value was made from, or what was refused and told.
    fn is_known(&self, found: &Content) -> bool {
        let mut state = self.state();
        if *found == state.made_from {
            state.refused = None;
            return true;
        }
        state.refused.as_ref().is_some_and(|refused| refused.told && refused.content == *found)
    }

    fn state(&self) -> MutexGuard<'_, State<T>> {
        // Replaced as a whole, or a flag at a time.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> fmt::Debug for Reloading<T> {
    /// Not the value: it may be a secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reloading").field("files", &self.files).finish_non_exhaustive()
    }
}

fn content(files: &[PathBuf], compare: Compare) -> Content {
    let print = match compare {
        Compare::Content => fingerprint,
        Compare::Stamp => stamp,
    };
    files.iter().map(|file| print(file)).collect()
}

fn stamp(file: &Path) -> Result<u64, ErrorKind> {
    let file = std::fs::metadata(file).map_err(|error| error.kind())?;
    let mut hasher = DefaultHasher::new();
    (file.dev(), file.ino(), file.size()).hash(&mut hasher);
    (file.mtime(), file.mtime_nsec(), file.ctime(), file.ctime_nsec()).hash(&mut hasher);
    Ok(hasher.finish())
}

fn fingerprint(file: &Path) -> Result<u64, ErrorKind> {
    let mut bytes = Zeroizing::new(Vec::new());
    let read = File::open(file).and_then(|file| file.take(RELOADED_FILE_MAX_BYTES.get()).read_to_end(&mut bytes));
    read.map_err(|error| error.kind())?;
    let mut hasher = DefaultHasher::new();
    bytes.hash(&mut hasher);
    Ok(hasher.finish())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn number(file: &Path) -> Result<u32, String> {
        let text = fs::read_to_string(file).map_err(|error| error.to_string())?;
        text.trim().parse().map_err(|_| format!("`{text}` is no number"))
    }

    fn reloading(file: &Path) -> Reloading<u32> {
        let path = file.to_owned();
        Reloading::new(vec![file.to_owned()], move || number(&path)).unwrap()
    }

    #[test]
    fn a_new_version_is_in_use_once_it_was_looked_at() {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), "1").unwrap();
        let value = reloading(file.path());
        assert_eq!((value.look(), *value.get()), (None, 1));
        fs::write(file.path(), "2").unwrap();
        assert_eq!(*value.get(), 1);
        assert_eq!((value.look(), *value.get()), (Some(News::InUse), 2));
        fs::write(file.path(), "2").unwrap();
        assert_eq!(value.look(), None, "the content is the same");
    }

    #[test]
    fn a_swapped_link_is_a_new_version() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        for version in ["1", "2"] {
            fs::create_dir(at(version)).unwrap();
            fs::write(at(version).join("number"), version).unwrap();
        }
        std::os::unix::fs::symlink("1", at("data")).unwrap();
        let value = reloading(&at("data/number"));
        std::os::unix::fs::symlink("2", at("next")).unwrap();
        fs::rename(at("next"), at("data")).unwrap();
        assert_eq!((value.look(), *value.get()), (Some(News::InUse), 2));
    }

    #[test]
    fn an_unusable_version_is_told_once_and_the_old_one_stays() {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), "1").unwrap();
        let value = reloading(file.path());
        fs::write(file.path(), "x").unwrap();
        assert_eq!(value.look(), None, "it may still be being written");
        assert_eq!(value.look(), Some(News::Unusable("`x` is no number".into())));
        assert_eq!((value.look(), *value.get()), (None, 1));
        fs::write(file.path(), "y").unwrap();
        assert_eq!(value.look(), None);
        assert_eq!(value.look(), Some(News::Unusable("`y` is no number".into())), "another version is news");
        fs::write(file.path(), "2").unwrap();
        assert_eq!((value.look(), *value.get()), (Some(News::InUse), 2));
    }

    #[test]
    fn a_version_that_is_complete_at_the_next_look_is_never_complained_about() {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), "1").unwrap();
        let value = reloading(file.path());
        fs::remove_file(file.path()).unwrap();
        assert_eq!(value.look(), None);
        fs::write(file.path(), "2").unwrap();
        assert_eq!((value.look(), *value.get()), (Some(News::InUse), 2));
    }
}
