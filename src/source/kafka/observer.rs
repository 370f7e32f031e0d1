//! Reading beside a consumer group: a consumer that never joins.
//!
//! It may carry the group's identifier, so that it sees the group's committed positions with the group's permissions, but it
//! never subscribes. So it takes no partition from anybody and causes no rebalance. It commits nothing unless told to.
//!
//! Everything here blocks and is bounded in time.

use std::cell::RefCell;
use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::message::{BorrowedMessage, Message};
use rdkafka::types::RDKafkaErrorCode;

use super::callbacks::PartitionKey;
use super::client::{Witness, client_config, failure_of, failure_of_code};
use super::config::ClientConfig;
use super::examiner::Examiner;
use super::members::Membership;
use super::positions::{Held, fetch_held, list_of};
use crate::defaults;
use crate::delivery::attempt::Failure;
use crate::position::{PartitionId, ResumeAt, TopicName};
use crate::reason::Reason;

pub(super) struct Observer {
    pub(super) consumer: BaseConsumer<Witness>,
    deadline: Instant,
    opened: Instant,
    examiner: RefCell<Examiner>,
}

/// A topic as the brokers describe it.
pub(super) struct TopicInfo {
    pub(super) name: TopicName,
    pub(super) partitions: Result<Vec<PartitionId>, Failure>,
}

/// A record, as far as telling it from another needs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct First {
    offset: i64,
    timestamp_ms: Option<i64>,
    /// Of key and value.
    digest: u64,
}

impl First {
    fn of(message: &BorrowedMessage<'_>) -> Self {
        let mut hasher = DefaultHasher::new();
        (message.key(), message.payload()).hash(&mut hasher);
        Self { offset: message.offset(), timestamp_ms: message.timestamp().to_millis(), digest: hasher.finish() }
    }
}

/// The client reports errors only while it is served.
const SERVE: Duration = Duration::from_millis(100);

impl Observer {
    /// Connects in the background; the first question waits for it.
    pub(super) fn new(config: &ClientConfig, group: &str) -> Result<Self, Failure> {
        let mut native = client_config(config)?;
        native
            .set("group.id", group)
            .set("enable.auto.commit", "false")
            .set("enable.auto.offset.store", "false")
            .set("enable.partition.eof", "true")
            .set("auto.offset.reset", "error")
            .set("allow.auto.create.topics", "false")
            // A few records are read at most: fetching ahead would only cost.
            .set("queued.min.messages", "1")
            .set("queued.max.messages.kbytes", "4096")
            .set("fetch.message.max.bytes", "65536");
        let consumer = native.create_with_context(Witness::default()).map_err(|error| failure_of(&error))?;
        let opened = Instant::now();
        let examiner = RefCell::new(Examiner::new(config));
        Ok(Self { consumer, deadline: opened + defaults::INSPECT_DEADLINE, opened, examiner })
    }

    /// Describes one topic, or all that this user may see.
    pub(super) fn topics(&self, name: Option<&TopicName>) -> Result<Vec<TopicInfo>, Failure> {
        let ask = || {
            let metadata =
                self.consumer.fetch_metadata(name.map(TopicName::as_str), defaults::BROKER_REQUEST_TIMEOUT)?;
            Ok(metadata.topics().iter().map(topic_info).collect())
        };
        self.insist(ask)
    }

    /// First, end and committed offsets.
    pub(super) fn held(&self, keys: &[PartitionKey]) -> Result<HashMap<PartitionKey, Held>, Failure> {
        self.insist(|| fetch_held(&self.consumer, keys))
    }

    /// Starts reading, without any group being involved.
    pub(super) fn read_from<'a>(
        &self,
        starts: impl IntoIterator<Item = (&'a TopicName, PartitionId, ResumeAt)>,
    ) -> Result<(), Failure> {
        let assigned = list_of(starts).and_then(|list| self.consumer.assign(&list));
        assigned.map_err(|error| failure_of(&error))
    }

    /// The first record from each of these positions on; a partition whose record does not come in time is missing.
    pub(super) fn firsts(&self, starts: &[(PartitionKey, ResumeAt)]) -> Result<HashMap<PartitionKey, First>, Failure> {
        self.read_from(starts.iter().map(|((topic, partition), at)| (topic, *partition, *at)))?;
        let mut firsts = HashMap::new();
        let deadline = Instant::now() + defaults::FIRST_UNREAD_WAIT;
        while firsts.len() < starts.len() && Instant::now() < deadline {
            match self.next(SERVE) {
                Some(Ok(message)) => {
                    let key = (TopicName::new(message.topic()), PartitionId::new(message.partition()));
                    firsts.entry(key).or_insert_with(|| First::of(&message));
                }
                Some(Err(error)) if failure_of(&error).reason == Reason::KafkaAuthorization => {
                    return Err(failure_of(&error));
                }
                // The end of a partition, or a connection that was lost and may come back.
                Some(Err(_)) | None => {}
            }
        }
        Ok(firsts)
    }

    /// Who is in a group that has a committed position.
    ///
    /// Only for such a group: the brokers then certainly list it, and of an empty list the client's Rust binding makes a
    /// slice from a null pointer.
    pub(super) fn membership(&self, group: &str) -> Result<Membership, Failure> {
        self.insist(|| {
            let list = self.consumer.fetch_group_list(Some(group), defaults::BROKER_REQUEST_TIMEOUT)?;
            let found = list.groups().iter().find(|found| found.name() == group);
            Ok(found.map_or(Membership::Untold, Membership::of))
        })
    }

    /// The next record or end of a partition; `None` after `wait`, or when the client had other things to do.
    pub(super) fn next(&self, wait: Duration) -> Option<Result<BorrowedMessage<'_>, KafkaError>> {
        self.consumer.poll(wait)
    }

    /// The most telling error so far, else `error` itself.
    pub(super) fn explain(&self, error: &KafkaError) -> Failure {
        let own = failure_of(error);
        let told = own.reason == Reason::KafkaConnect;
        let failure = told.then(|| self.consumer.context().take()).flatten().unwrap_or(own);
        self.examiner.borrow_mut().refine(failure)
    }

    /// Asks again while the answer may still come: a time-out may mean that the connection is not up yet.
    fn insist<T>(&self, ask: impl Fn() -> Result<T, KafkaError>) -> Result<T, Failure> {
        loop {
            let error = match ask() {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            // Serves the queue, so that the errors arrive; there is nothing assigned that could be read.
            drop(self.next(SERVE));
            let may_pass = failure_of(&error).reason == Reason::KafkaConnect || is_passing(&error);
            if !may_pass || self.is_over() {
                return Err(self.explain(&error));
            }
        }
    }

    fn is_over(&self) -> bool {
        let told = self.consumer.context();
        let refused = told.has_spoken() && self.opened.elapsed() > defaults::CONNECT_PATIENCE;
        told.is_final() || refused || Instant::now() >= self.deadline
    }
}

/// A group's coordinator or a partition's leader that is being found or elected.
fn is_passing(error: &KafkaError) -> bool {
    const PASSING: [RDKafkaErrorCode; 7] = [
        RDKafkaErrorCode::WaitingForCoordinator,
        RDKafkaErrorCode::CoordinatorLoadInProgress,
        RDKafkaErrorCode::CoordinatorNotAvailable,
        RDKafkaErrorCode::NotCoordinator,
        RDKafkaErrorCode::LeaderNotAvailable,
        RDKafkaErrorCode::NotLeaderForPartition,
        RDKafkaErrorCode::WaitCache,
    ];
    error.rdkafka_error_code().is_some_and(|code| PASSING.contains(&code))
}

fn topic_info(topic: &rdkafka::metadata::MetadataTopic) -> TopicInfo {
    let partitions = match topic.error() {
        Some(error) => {
            let code = RDKafkaErrorCode::from(error);
            Err(failure_of_code(code, &format!("topic {}: {code}", topic.name())))
        }
        None => Ok(topic.partitions().iter().map(|partition| PartitionId::new(partition.id())).collect()),
    };
    TopicInfo { name: TopicName::new(topic.name()), partitions }
}
