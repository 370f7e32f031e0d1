//! What a dead-letter store is told to do, after every check has been passed.
//!
//! The values here are valid by construction: `config` is the only producer.

use std::path::PathBuf;

use super::seal::PublicKey;
use crate::position::TopicName;
use crate::source::kafka::config::ClientConfig;

/// What is kept of an event that could not be redacted for certain.
#[derive(Clone, Debug, Default)]
pub enum UnclearLetters {
    /// Everything, as it was read.
    #[default]
    Keep,
    /// Its position and the reason.
    Withhold,
    /// Everything, encrypted.
    Encrypt(PublicKey),
}

/// Where events go that the sink will never take. Without a store such an event holds its pipeline.
#[derive(Clone, Debug)]
pub enum DeadLetterConfig {
    Disabled,
    /// Each pipeline has its own subdirectory.
    Directory {
        path: PathBuf,
    },
    Topic {
        name: TopicName,
        kafka: Box<ClientConfig>,
    },
}
