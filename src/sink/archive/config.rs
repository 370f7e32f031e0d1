//! What an archive sink is told to do, after every check has been passed.

use std::path::PathBuf;
use std::time::Duration;

use crate::archive::store::config::StoreConfig;
use crate::secret::SecretSource;
use crate::units::ByteSize;

#[derive(Clone, Debug)]
pub struct ArchiveConfig {
    pub store: StoreConfig,
    pub sign: SignConfig,
    /// Stands for the cluster in the names of objects. `None`: the id that the brokers give it.
    pub cluster_name: Option<String>,
    pub rotate: Rotation,
    /// Of Zstandard, 1 to 19.
    pub compression_level: i32,
}

/// Who signs.
#[derive(Clone, Debug)]
pub struct SignConfig {
    /// The name of the key, as it stands in the notes.
    pub name: String,
    pub key: KeySource,
    /// The key before, which announces the present one once.
    pub previous: Option<KeySource>,
}

/// A private key, as text or in a file.
#[derive(Clone, Debug)]
pub enum KeySource {
    Text(SecretSource),
    File(PathBuf),
}

/// When a segment is closed: at whichever comes first.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Rotation {
    /// Of the lines, uncompressed.
    pub raw_bytes: ByteSize,
    /// As stored.
    pub stored_bytes: ByteSize,
    /// After its first record was read.
    pub age: Duration,
    /// When a record of another hour than the newest one comes.
    pub hour_boundary: bool,
}
