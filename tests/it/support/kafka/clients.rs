//! Topics, consumer groups, and clients for the rest.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::Duration;

use rdkafka::admin::{AdminClient, AdminOptions, NewPartitions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

use super::{Access, Kafka};
use crate::support::waiting::wait_until;

pub(super) const LIMIT: Duration = Duration::from_secs(60);
const REQUEST: Duration = Duration::from_secs(10);

/// A name for a topic or group that no other test has: `prefix` and a running number.
pub fn fresh_name(prefix: &str) -> String {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    format!("{prefix}-{}", NEXT.fetch_add(1, Ordering::Relaxed))
}

/// Topics.
impl Kafka {
    /// Creates a topic with a fresh name and gives the name back once its partitions have a leader.
    pub fn topic(&self, prefix: &str, partitions: i32) -> String {
        let name = fresh_name(prefix);
        self.create_topic(&name, partitions, &[]);
        name
    }

    /// Creates a topic with settings such as `("compression.type", "zstd")`, and waits until its partitions have a leader.
    pub fn create_topic(&self, name: &str, partitions: i32, settings: &[(&str, &str)]) {
        let mut topic = NewTopic::new(name, partitions, TopicReplication::Fixed(1));
        for (key, value) in settings {
            topic = topic.set(key, value);
        }
        let results = finish(self.admin().create_topics([&topic], &AdminOptions::new())).expect("create a topic");
        for result in results {
            result.unwrap_or_else(|(name, code)| panic!("create topic {name}: {code}"));
        }
        wait_until(LIMIT, &format!("topic {name} has leaders"), || self.leaders(name) == Some(partitions as usize));
    }

    /// Gives a topic more partitions, `partitions` in all, and waits until they have leaders.
    pub fn extend_topic(&self, name: &str, partitions: i32) {
        let wanted = NewPartitions::new(name, partitions as usize);
        let results = finish(self.admin().create_partitions([&wanted], &AdminOptions::new())).expect("extend a topic");
        for result in results {
            result.unwrap_or_else(|(name, code)| panic!("extend topic {name}: {code}"));
        }
        wait_until(LIMIT, &format!("topic {name} is longer"), || self.leaders(name) == Some(partitions as usize));
    }

    pub fn delete_topic(&self, name: &str) {
        let results = finish(self.admin().delete_topics(&[name], &AdminOptions::new())).expect("delete a topic");
        for result in results {
            result.unwrap_or_else(|(name, code)| panic!("delete topic {name}: {code}"));
        }
        wait_until(LIMIT, &format!("topic {name} is gone"), || self.leaders(name).is_none());
    }

    /// Removes all records of a partition that lie before the offset `before`, as retention does.
    pub fn delete_records(&self, topic: &str, partition: i32, before: i64) {
        let list = positions(topic, [(partition, before)]);
        let results = finish(self.admin().delete_records(&list, &AdminOptions::new())).expect("delete records");
        for result in results.elements() {
            result.error().unwrap_or_else(|error| panic!("delete records of {topic}/{partition}: {error}"));
        }
    }

    /// The oldest offset and the end of a partition.
    pub fn watermarks(&self, topic: &str, partition: i32) -> (i64, i64) {
        self.consumer("watermarks", &[]).fetch_watermarks(topic, partition, REQUEST).expect("fetch the watermarks")
    }

    /// The end of each partition: the offset that its next record will get.
    pub fn end_offsets(&self, topic: &str) -> Vec<i64> {
        let consumer = self.consumer("end-offsets", &[]);
        let end = |partition| consumer.fetch_watermarks(topic, partition, REQUEST).expect("fetch the watermarks").1;
        (0..self.partitions(topic)).map(end).collect()
    }

    pub fn partitions(&self, topic: &str) -> i32 {
        self.leaders(topic).unwrap_or_else(|| panic!("there is no topic {topic}")) as i32
    }

    /// Whether the broker answers.
    pub fn serves(&self) -> bool {
        self.consumer("readiness", &[]).fetch_metadata(None, Duration::from_secs(1)).is_ok()
    }

    /// How many partitions with a leader a topic has; `None` when it does not exist, or some partition has no leader yet.
    fn leaders(&self, topic: &str) -> Option<usize> {
        let metadata = self.consumer("metadata", &[]).fetch_metadata(Some(topic), REQUEST).ok()?;
        let partitions = metadata.topics().iter().find(|found| found.name() == topic && found.error().is_none())?;
        let led =
            partitions.partitions().iter().all(|partition| partition.error().is_none() && partition.leader() >= 0);
        (led && !partitions.partitions().is_empty()).then_some(partitions.partitions().len())
    }
}

/// Consumer groups.
impl Kafka {
    /// What the group has committed for each partition: the next offset to read, or `None`.
    pub fn committed(&self, group: &str, topic: &str) -> Vec<Option<i64>> {
        let list = list_of(topic, (0..self.partitions(topic)).map(|partition| (partition, Offset::Invalid)));
        let stored = self.consumer(group, &[]).committed_offsets(list, REQUEST).expect("fetch committed offsets");
        let elements = stored.elements();
        let offsets = elements.iter().map(|element| match element.offset() {
            Offset::Offset(next) => Some(next),
            Offset::Beginning | Offset::End | Offset::Stored | Offset::Invalid | Offset::OffsetTail(_) => None,
        });
        offsets.collect()
    }

    /// Sets what an empty group has committed: `(partition, next offset to read)`.
    pub fn commit_for(&self, group: &str, topic: &str, offsets: impl IntoIterator<Item = (i32, i64)>) {
        let list = positions(topic, offsets);
        self.consumer(group, &[]).commit(&list, CommitMode::Sync).expect("commit for an empty group");
    }
}

/// Clients, for what the functions above do not cover.
impl Kafka {
    /// A consumer on the plain listener that is in no group until it subscribes, and never commits by itself.
    pub fn consumer(&self, group: &str, settings: &[(&str, &str)]) -> BaseConsumer {
        let mut config = self.client_config(Access::Plaintext);
        config.set("group.id", group).set("enable.auto.commit", "false");
        for (key, value) in settings {
            config.set(*key, *value);
        }
        config.create().expect("create a consumer")
    }

    pub fn admin(&self) -> AdminClient<DefaultClientContext> {
        self.client_config(Access::Plaintext).create().expect("create an admin client")
    }
}

fn positions(topic: &str, offsets: impl IntoIterator<Item = (i32, i64)>) -> TopicPartitionList {
    list_of(topic, offsets.into_iter().map(|(partition, offset)| (partition, Offset::Offset(offset))))
}

pub(super) fn list_of(topic: &str, offsets: impl IntoIterator<Item = (i32, Offset)>) -> TopicPartitionList {
    let mut list = TopicPartitionList::new();
    for (partition, offset) in offsets {
        list.add_partition_offset(topic, partition, offset).expect("the offset is a valid one");
    }
    list
}

/// Runs a future of the admin client to its end on this thread, inside or outside a runtime: the client has threads of its
/// own that wake it.
fn finish<T>(future: impl Future<Output = T>) -> T {
    struct Unpark(Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let (mut future, mut context) = (pin!(future), Context::from_waker(&waker));
    loop {
        match future.as_mut().poll(&mut context) {
            Poll::Ready(value) => return value,
            Poll::Pending => thread::park_timeout(REQUEST),
        }
    }
}
