//! Where letters are kept that a sink will never take.
//!
//! - A store answers only when the letter is durable: synced to disk, or acknowledged by every replica in sync. Only then may
//!   the record's offset be committed.
//! - A letter gives back the record exactly: key, headers and value byte for byte.
//! - Putting the same record again, as happens after a crash, makes no second letter in a directory, and may in a topic.
//! - A store belongs to one pipeline. Several may share a directory or a topic; each sees its own letters only.
//!
//! - Of an event that could not be redacted a letter holds what the configuration lets it hold: everything, nothing, or everything
//!   encrypted for whoever has the private key.
//!
//! Everything here blocks; [`letter_store()`] is the way in for tasks. Sending letters again is not done here: a [`Cursor`] hands
//! them out and is told what became of them.

pub mod config;
mod directory;
mod letter_json;
mod seal;
mod topic;

use std::sync::Arc;

use tokio::runtime::Handle;

use crate::delivery::attempt::Failure;
use crate::delivery::lane::LetterStore;
use crate::delivery::letter::Letter;
use crate::reason::Reason;

use config::{DeadLetterConfig, UnclearLetters};
pub use letter_json::StoredLetter;
pub use seal::{PrivateKey, PublicKey, new_keys};

use directory::{Directory, Files};
use topic::{TopicCursor, TopicStore};

pub enum Store {
    Directory(Directory),
    Topic(Box<TopicStore>),
}

/// Which letters a [`Cursor`] hands out.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Selection {
    All,
    /// These, in this order.
    Ids(Vec<String>),
}

/// A letter that a [`Cursor`] came across.
#[derive(Debug)]
pub struct Found {
    /// Names the letter within its store: the file's name without its ending, or partition and offset in the topic.
    pub id: String,
    /// Or why it cannot be read.
    pub letter: Result<StoredLetter, Failure>,
}

impl Store {
    /// Opens a store for writing. A directory is made when it is missing; a topic is not: brokers decide who may.
    ///
    /// # Errors
    /// The directory cannot be made or used; the detail says what to do.
    pub fn open(pipeline: &str, config: &DeadLetterConfig) -> Result<Option<Self>, Failure> {
        let store = Self::existing(pipeline, config)?;
        if let Some(Self::Directory(directory)) = &store {
            directory.prepare()?;
        }
        Ok(store)
    }

    /// Opens a store for looking at it: changes nothing.
    ///
    /// # Errors
    /// A certificate or key file cannot be read.
    pub fn existing(pipeline: &str, config: &DeadLetterConfig) -> Result<Option<Self>, Failure> {
        Ok(match config {
            DeadLetterConfig::Disabled => None,
            DeadLetterConfig::Directory { path } => Some(Self::Directory(Directory::new(path, pipeline))),
            DeadLetterConfig::Topic { name, kafka } => {
                Some(Self::Topic(Box::new(TopicStore::new(name, kafka, pipeline)?)))
            }
        })
    }

    /// Stores the letters durably. Blocks.
    ///
    /// # Errors
    /// [`Reason::DeadLetterStore`]: none, some or all are stored. Put them again.
    pub fn put(&self, letters: &[Letter]) -> Result<(), Failure> {
        match self {
            Self::Directory(directory) => directory.put(letters),
            Self::Topic(topic) => topic.put(letters),
        }
    }

    /// Goes through the letters. Blocks.
    ///
    /// # Errors
    /// The store cannot be read, or cannot select by identifier.
    pub fn letters(&self, selection: Selection) -> Result<Cursor<'_>, Failure> {
        Ok(match self {
            Self::Directory(directory) => Cursor::Directory(directory.files(selection)?),
            Self::Topic(topic) => Cursor::Topic(Box::new(topic.read(selection)?)),
        })
    }

    /// Whether letters could be stored, as far as that can be told without changing anything: a sentence. Blocks.
    ///
    /// # Errors
    /// They could not.
    pub fn examine(&self) -> Result<String, Failure> {
        match self {
            Self::Directory(directory) => directory.examine(),
            Self::Topic(topic) => topic.examine(),
        }
    }

    /// For people: where the letters are.
    pub fn place(&self) -> String {
        match self {
            Self::Directory(directory) => format!("directory {}", directory.path().display()),
            Self::Topic(topic) => format!("topic {}", topic.name()),
        }
    }
}

/// Letters one by one. What became of one is said before the next is taken; without a word it stays.
pub enum Cursor<'s> {
    Directory(Files<'s>),
    Topic(Box<TopicCursor<'s>>),
}

impl Cursor<'_> {
    /// # Errors
    /// The store cannot be read any further. A single letter that cannot be read is no error.
    pub fn next_letter(&mut self) -> Result<Option<Found>, Failure> {
        match self {
            Self::Directory(files) => Ok(files.next()),
            Self::Topic(topic) => topic.next(),
        }
    }

    /// The sink has proved that it has the letter: it leaves the store.
    ///
    /// # Errors
    /// It is still there and will be sent again.
    pub fn delivered(&mut self, id: &str) -> Result<(), Failure> {
        match self {
            Self::Directory(files) => files.remove(id),
            Self::Topic(topic) => topic.pass(),
        }
    }

    /// The sink has refused the letter again: it stays. In a topic, where only a position is kept, it moves to the end.
    ///
    /// # Errors
    /// Its place in the store could not be changed.
    pub fn refused(&mut self, letter: &Letter) -> Result<(), Failure> {
        match self {
            Self::Directory(_) => Ok(()),
            Self::Topic(topic) => topic.put_back(letter),
        }
    }
}

/// The store as the lane wants it: blocking work goes to the threads for it. Of events that could not be redacted it keeps what
/// `unclear` says.
pub fn letter_store(store: &Arc<Store>, unclear: &UnclearLetters) -> LetterStore {
    let (store, unclear) = (Arc::clone(store), unclear.clone());
    Arc::new(move |letters: Arc<Vec<Letter>>| {
        let (store, unclear) = (Arc::clone(&store), unclear.clone());
        Box::pin(async move {
            let put = Handle::current().spawn_blocking(move || store.put(&seal::guarded(&letters, &unclear)?)).await;
            put.unwrap_or_else(|_| Err(Failure::new(Reason::DeadLetterStore, "writing the letters ended unexpectedly")))
        })
    })
}
