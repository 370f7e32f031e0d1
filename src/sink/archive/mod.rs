//! The sealed archive: every record once, byte by byte, in a chain of signed links that shows whether one is missing.
//!
//! A parcel is a segment of one partition. An attempt writes the segment and then the link that names it; creating the link is what
//! delivers. The archive itself knows how far it is, so on assignment reading goes on at its end, whatever the consumer group has
//! committed: a crash leaves neither holes nor repetitions in it.
//!
//! What an unclear answer means is found out by looking: see [`writer`]. Once an hour a digest says where all chains stand
//! ([`keeper`]). Before anything is written it is made sure that this is our archive and that the store keeps two writers apart
//! ([`opening`]).

pub mod config;
mod keeper;
mod opening;
mod writer;

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::{StreamExt, TryStreamExt};
use uuid::Uuid;

use crate::archive::layout::Log;
use crate::archive::line::{self, ValueAt};
use crate::archive::link::{Gap, Why};
use crate::archive::store::{Repeat, Store};
use crate::delivery::attempt::{Attempt, BoxFuture, Failure, Parcel};
use crate::event::Cleared;
use crate::position::{NewPartitions, PartitionId, ResumeAt, TopicName};
use crate::reason::Reason;
use crate::sink::{DeliveryLevel, Missing, PayloadAt, Refreshed, Sink};
use crate::tls::{HttpClient, TlsError};
use config::ArchiveConfig;
use opening::{Opened, Signer};
use writer::{Lost, Note, Writer};

/// So many partitions are taken over at the same time.
const TAKEOVERS_AT_ONCE: usize = 16;

type Key = (TopicName, PartitionId);

/// Why the sink cannot be built.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    #[error(transparent)]
    Tls(#[from] TlsError),
    #[error(transparent)]
    Store(#[from] crate::archive::store::StoreError),
    #[error("{0}")]
    Key(String),
}

pub struct Archive {
    endpoints: Vec<String>,
    http: Arc<HttpClient>,
    shared: Arc<Shared>,
}

/// What attempts and takeovers share.
struct Shared {
    store: Store,
    signer: Signer,
    cluster_name: Option<String>,
    /// Another one for every process: tells our links from those of others.
    writer: String,
    opened: tokio::sync::Mutex<Option<Opened>>,
    /// The partitions that were taken over.
    writers: Mutex<HashMap<Key, Owned>>,
}

/// A partition that was taken over.
#[derive(Clone)]
struct Owned {
    writer: Arc<tokio::sync::Mutex<Writer>>,
    lost: Lost,
}

impl Archive {
    /// Reads keys and certificates; connects to nothing. Blocks.
    ///
    /// # Errors
    /// A file cannot be used.
    pub fn new(config: &ArchiveConfig) -> Result<Self, BuildError> {
        let http = Arc::new(HttpClient::new(&config.store.tls, &config.store.transport)?);
        let store = Store::open(&config.store, &http, Repeat::Never)?;
        let signer = Signer::new(&config.sign).map_err(BuildError::Key)?;
        Ok(Self::over(store, signer, config.cluster_name.clone(), http))
    }

    fn over(store: Store, signer: Signer, cluster_name: Option<String>, http: Arc<HttpClient>) -> Self {
        let shared = Shared {
            signer,
            cluster_name,
            writer: Uuid::new_v4().to_string(),
            opened: tokio::sync::Mutex::default(),
            writers: Mutex::default(),
            store,
        };
        Self { endpoints: vec![shared.store.url().to_owned()], http, shared: Arc::new(shared) }
    }
}

impl Shared {
    /// Makes sure, once, that the archive is ours and the store does what it must.
    async fn open(&self) -> Result<Opened, Failure> {
        let mut opened = self.opened.lock().await;
        if let Some(opened) = &*opened {
            return Ok(opened.clone());
        }
        let now = opening::open(&self.store, &self.signer).await?;
        Ok(opened.insert(now).clone())
    }

    fn log(&self, cluster_id: Option<&str>, topic: &TopicName) -> Result<Log, Failure> {
        let cluster = self.cluster_name.as_deref().or(cluster_id).ok_or_else(|| {
            let words = "the brokers do not say what their cluster is called: set cluster_name for this archive";
            Failure::new(Reason::Kafka, words)
        })?;
        Ok(Log::new(cluster, topic.as_str()))
    }

    fn owned(&self, key: &Key) -> Option<Owned> {
        self.writers.lock().unwrap_or_else(PoisonError::into_inner).get(key).cloned()
    }

    /// Goes on with the chain of a partition; from now on nobody else may.
    async fn take_over(&self, opened: &Opened, log: Log, key: Key) -> Result<Option<ResumeAt>, Failure> {
        let writer = Writer::take_over(&self.store, opened, &self.signer, &self.writer, (log, key.1)).await?;
        let next = writer.next().map(ResumeAt::from_broker);
        let (lost, writer) = (writer.lost(), Arc::new(tokio::sync::Mutex::new(writer)));
        self.writers.lock().unwrap_or_else(PoisonError::into_inner).insert(key, Owned { writer, lost });
        Ok(next)
    }

    async fn attempt(&self, parcel: Parcel) -> Attempt {
        let Some(Owned { writer, .. }) = key_of(&parcel.group).and_then(|key| self.owned(&key)) else {
            return Attempt::Lost(Failure::new(Reason::Fenced, "this partition has not been taken over"));
        };
        let mut writer = writer.lock().await;
        writer.append(&self.store, &parcel).await
    }
}

/// Whether a key can be used. Blocks.
///
/// # Errors
/// What is wrong with it.
pub fn check_key(name: &str, source: &config::KeySource) -> Result<(), String> {
    opening::read_key(name, source).map(drop)
}

/// Says what lies at the archive's place. Writes nothing.
///
/// # Errors
/// The store cannot be asked, or what lies there is not ours to go on with.
pub async fn examine(config: &ArchiveConfig) -> Result<String, Failure> {
    let archive = Archive::new(config).map_err(|error| Failure::new(Reason::ArchiveMismatch, error.to_string()))?;
    opening::examine(&archive.shared.store, &archive.shared.signer).await
}

/// A group is a partition.
fn key_of(group: &[u8]) -> Option<Key> {
    let (topic, partition) = std::str::from_utf8(group).ok()?.rsplit_once('/')?;
    Some((TopicName::new(topic), PartitionId::new(partition.parse().ok()?)))
}

impl Sink for Archive {
    fn encode(&self, event: &Cleared<'_>, out: &mut Vec<u8>) -> Result<PayloadAt, Failure> {
        let begin = out.len();
        let at = line::push(event.record(), out);
        let narrow = |n: usize| u32::try_from(n).ok();
        match at {
            ValueAt::Elsewhere => Ok(PayloadAt::Elsewhere),
            ValueAt::Verbatim { start, len } => match (narrow(start), narrow(len)) {
                (Some(start), Some(len)) => Ok(PayloadAt::Verbatim { start, len }),
                _ => {
                    out.truncate(begin);
                    Err(Failure::new(Reason::TooLarge, "the event is larger than 4 GiB"))
                }
            },
        }
    }

    fn group(&self, event: &Cleared<'_>, name: &mut Vec<u8>) {
        let record = event.record();
        name.extend_from_slice(record.topic.as_bytes());
        name.push(b'/');
        name.extend_from_slice(itoa::Buffer::new().format(record.partition.get()).as_bytes());
    }

    fn note(&self, event: &Cleared<'_>, notes: &mut Vec<u8>) {
        Note::of(event.record()).push(notes);
    }

    fn missed(&self, missing: &Missing<'_>) {
        let key = (missing.topic.clone(), missing.partition);
        let (from, to) = (missing.from.get(), missing.to.get());
        if let Some(Owned { lost, .. }) = self.shared.owned(&key).filter(|_| from < to) {
            lost.lock().unwrap_or_else(PoisonError::into_inner).push(Gap { from, to, why: Why::Retention });
        }
    }

    fn take_over(&self, partitions: NewPartitions) -> BoxFuture<Result<Vec<Option<ResumeAt>>, Failure>> {
        let shared = Arc::clone(&self.shared);
        Box::pin(async move {
            let opened = shared.open().await?;
            let cluster_id = partitions.cluster_id.as_deref();
            let one = |key: Key| {
                let (shared, opened) = (&shared, &opened);
                async move { shared.take_over(opened, shared.log(cluster_id, &key.0)?, key).await }
            };
            futures_util::stream::iter(partitions.keys.into_iter().map(one))
                .buffered(TAKEOVERS_AT_ONCE)
                .try_collect()
                .await
        })
    }

    fn takes_over(&self) -> bool {
        true
    }

    fn upkeep(&self) -> BoxFuture<()> {
        let shared = Arc::clone(&self.shared);
        Box::pin(async move { keeper::keep(&shared).await })
    }

    fn attempt(&self, _endpoint: usize, parcel: Parcel) -> BoxFuture<Attempt> {
        let shared = Arc::clone(&self.shared);
        Box::pin(async move { shared.attempt(parcel).await })
    }

    fn endpoints(&self) -> &[String] {
        &self.endpoints
    }

    fn level(&self) -> DeliveryLevel {
        DeliveryLevel::Archived
    }

    fn refresh(&self) -> Vec<Refreshed> {
        self.http.look().into_iter().map(|news| Refreshed::of("certificates", news)).collect()
    }
}
