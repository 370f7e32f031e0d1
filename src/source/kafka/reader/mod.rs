//! The consumer: hands over records, answers rebalances, commits what it is told.
//!
//! Taking over partitions is in `assign.rs`, what happens when the client has lost its position in `repair.rs`.

mod assign;
mod repair;

use std::time::{Duration, Instant};

use rdkafka::TopicPartitionList;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::types::RDKafkaErrorCode;

use super::assignments::Assignments;
use super::callbacks::{Callback, Callbacks, PartitionKey, let_go};
use super::client::{client_config, failure_of, failure_of_code, set_consumer_properties};
use super::commits::Commits;
use super::config::{KafkaConfig, StartAt, Topics};
use super::examiner::Examiner;
use super::hand_over::HandOver;
use super::stats::{PartitionStats, Statistics};
use crate::defaults;
use crate::delivery::attempt::Failure;
use crate::delivery::ledger::CommitPoint;
use crate::position::{ResumeAt, Slot, TopicName};
use crate::reason::Reason;
use crate::source::{Event, Flow, Positions, Source};

pub struct KafkaSource {
    consumer: BaseConsumer<Callbacks>,
    group_id: String,
    start_at: StartAt,
    /// Whether records' headers are wanted; parsing them costs the client an allocation each.
    with_headers: bool,
    assignments: Assignments,
    /// Assigned by the group, but the brokers have not yet said where to start.
    to_assign: Vec<PartitionKey>,
    next_try: Instant,
    /// Revoked by the group, not yet released.
    to_release: Vec<PartitionKey>,
    commits: Commits,
    paused: bool,
    /// The consumer queue was seen empty since the last statistics.
    was_idle: bool,
    headers: Vec<u8>,
    examiner: Examiner,
    /// Of a receiver that knows by itself how far it is. The group's positions count where it does not.
    receiver: Option<Positions>,
    cluster_id: Option<String>,
}

impl KafkaSource {
    /// Creates the consumer and subscribes. Connects in the background: an unreachable broker is reported by polling.
    ///
    /// # Errors
    /// The configuration is refused by the client, or a certificate cannot be read.
    pub fn new(config: &KafkaConfig, group_id: &str, with_headers: bool) -> Result<Self, Failure> {
        let mut native = client_config(&config.client)?;
        set_consumer_properties(&mut native, config, group_id);
        for (name, value) in &config.client.properties {
            native.set(name, value);
        }
        let create = native.create_with_context(Callbacks::default());
        let consumer: BaseConsumer<Callbacks> = create.map_err(|error| failure_of(&error))?;
        let names: Vec<&str> = match &config.topics {
            Topics::Names(names) => names.iter().map(TopicName::as_str).collect(),
            Topics::Pattern(pattern) => vec![pattern.as_str()],
        };
        consumer.subscribe(&names).map_err(|error| failure_of(&error))?;
        Ok(Self {
            consumer,
            group_id: group_id.to_owned(),
            start_at: config.start_at,
            with_headers,
            assignments: Assignments::default(),
            to_assign: Vec::new(),
            next_try: Instant::now(),
            to_release: Vec::new(),
            commits: Commits::default(),
            paused: false,
            was_idle: false,
            headers: Vec::new(),
            examiner: Examiner::new(&config.client),
            receiver: None,
            cluster_id: None,
        })
    }

    /// Reads on where the receiver says that it stands, whatever the group has committed.
    #[must_use]
    pub fn positioned_by(mut self, receiver: Option<Positions>) -> Self {
        self.receiver = receiver;
        self
    }

    fn serve(&mut self, handler: &mut dyn FnMut(Event<'_>) -> Flow) -> Result<(), Failure> {
        while let Some(callback) = self.consumer.context().next() {
            match callback {
                Callback::Assign(partitions) => {
                    self.to_assign.extend(partitions);
                    self.assign(handler)?;
                }
                Callback::Revoke { partitions, lost } => {
                    self.revoked(partitions, lost, handler);
                    // Nothing else may happen before the revocation is answered.
                    return Ok(());
                }
                Callback::NotSent(error) => {
                    self.commits.forget();
                    handler(Event::CommitFailed(failure_of(&error)));
                }
                Callback::Stats(statistics) => self.take_stats(&statistics, handler),
                Callback::Error { error, reason } => {
                    let failure = self.explain(&error, &reason);
                    handler(Event::Trouble(self.examiner.refine(failure)));
                }
            }
        }
        if !self.to_assign.is_empty() && Instant::now() >= self.next_try {
            self.assign(handler)?;
        }
        Ok(())
    }

    fn slot_of(&self, stats: &PartitionStats) -> Option<Slot> {
        self.assignments.slot(&(stats.topic.clone(), stats.partition))
    }

    fn confirm_commit(&mut self, statistics: &Statistics, handler: &mut dyn FnMut(Event<'_>) -> Flow) {
        let Statistics { partitions, coordinator_up } = statistics;
        let committed = partitions.iter().filter_map(|stats| Some((self.slot_of(stats)?, stats.committed_offset)));
        let committed: Vec<(Slot, i64)> = committed.collect();
        let is_assigned = |slot| self.assignments.holds(slot);
        let told = self.commits.hear(&committed, is_assigned, *coordinator_up, Instant::now());
        for point in told.confirmed {
            if let Some(assignment) = self.assignments.get_mut(point.slot) {
                assignment.settled_through_ms = point.settled_through_ms.or(assignment.settled_through_ms);
            }
            handler(Event::Committed(point));
        }
        if told.is_late {
            let detail = "the brokers have not confirmed a commit in time";
            handler(Event::CommitFailed(Failure::new(Reason::Kafka, detail)));
        }
    }

    /// Learns the ends of partitions, and closes holes at their ends.
    ///
    /// A hole (transaction markers) brings no record that would carry us over it. When the client's fetch position is
    /// ahead of ours in two statistics, a second apart, with nothing queued, and the queue was seen empty in between,
    /// then there is nothing to read before it; provided that the client has read on since it was last assigned, paused or
    /// resumed, because it keeps showing the old position while the broker is away.
    fn take_stats(&mut self, statistics: &Statistics, handler: &mut dyn FnMut(Event<'_>) -> Flow) {
        self.confirm_commit(statistics, handler);
        let was_idle = std::mem::take(&mut self.was_idle) && !self.paused;
        for stats in &statistics.partitions {
            let Some(slot) = self.slot_of(stats) else { continue };
            let Some(assignment) = self.assignments.get_mut(slot) else { continue };
            if stats.ls_offset >= 0 {
                handler(Event::End { slot, end: ResumeAt::from_broker(stats.ls_offset) });
            }
            let steady = assignment.fetched_to == Some(stats.next_offset) && stats.fetchq_cnt == 0;
            if was_idle && steady && assignment.reads_on && stats.next_offset > assignment.next {
                assignment.next = stats.next_offset;
                handler(Event::Position { slot, next: ResumeAt::from_broker(stats.next_offset) });
            }
            assignment.fetched_to = Some(stats.next_offset);
        }
    }

    /// An error in the client's own words, and the name of what they are about where the client leaves it out.
    fn explain(&self, error: &KafkaError, said: &str) -> Failure {
        let Some(code) = error.rdkafka_error_code() else { return failure_of(error) };
        if code == RDKafkaErrorCode::GroupAuthorizationFailed {
            return failure_of_code(code, &format!("group {}: {said}", self.group_id));
        }
        failure_of_code(code, said)
    }
}

impl Source for KafkaSource {
    fn poll(&mut self, wait: Duration, handler: &mut dyn FnMut(Event<'_>) -> Flow) -> Result<(), Failure> {
        self.serve(handler)?;
        if !self.to_release.is_empty() {
            return Ok(());
        }
        let mut patience = wait;
        let mut lost_position = false;
        for _ in 0..defaults::RECORDS_PER_TURN {
            // The clock is read for calls that may wait, not for every record.
            let asked = (!patience.is_zero()).then(Instant::now);
            let flow = match self.consumer.poll(patience) {
                Some(Ok(message)) => {
                    let Self { assignments, headers, with_headers, .. } = self;
                    let mut desk = HandOver { assignments, headers, with_headers: *with_headers };
                    desk.hand_over(&message, handler)
                }
                Some(Err(KafkaError::PartitionEOF(partition))) => {
                    self.assignments.at_end(partition);
                    Flow::Continue
                }
                Some(Err(error)) => {
                    lost_position |= repair::is_lost_position(&error);
                    fatal(&error)?;
                    Flow::Continue
                }
                None => {
                    self.was_idle |= asked.is_some_and(|asked| asked.elapsed() >= patience);
                    break;
                }
            };
            if flow == Flow::Stop {
                break;
            }
            patience = Duration::ZERO;
        }
        if lost_position {
            self.repair_positions(handler)?;
        }
        self.serve(handler)
    }

    fn commit(&mut self, points: &[CommitPoint]) -> bool {
        if self.commits.is_under_way() {
            return false;
        }
        self.commits.sent(points, Instant::now());
        let sent = self.assignments.commit_list(points).and_then(|list| self.consumer.commit(&list, CommitMode::Async));
        if let Err(error) = sent {
            self.consumer.context().push(Callback::NotSent(error));
        }
        true
    }

    fn commit_now(&mut self, points: &[CommitPoint]) -> Result<(), Failure> {
        // An older asynchronous commit can no longer matter.
        self.commits.forget();
        let list = self.assignments.commit_list(points);
        let committed = list.and_then(|list| self.consumer.commit(&list, CommitMode::Sync));
        committed.map_err(|error| failure_of(&error))
    }

    fn release(&mut self, slots: &[Slot]) {
        let mut list = TopicPartitionList::new();
        for (topic, partition) in std::mem::take(&mut self.to_release) {
            list.add_partition(topic.as_str(), partition.get());
        }
        for slot in slots {
            self.assignments.remove(*slot);
        }
        self.commits.forget();
        let_go(&self.consumer, &list);
    }

    fn pause(&mut self) {
        self.paused = true;
        self.assignments.start_over();
        if let Err(error) = self.consumer.pause(&self.assignments.list()) {
            tracing::debug!(%error, "the kafka client did not pause");
        }
    }

    fn resume(&mut self) {
        self.paused = false;
        self.assignments.start_over();
        if let Err(error) = self.consumer.resume(&self.assignments.list()) {
            tracing::debug!(%error, "the kafka client did not resume");
        }
    }
}

impl Drop for KafkaSource {
    fn drop(&mut self) {
        self.consumer.context().close();
    }
}

fn fatal(error: &KafkaError) -> Result<(), Failure> {
    // Everything else was queued by the error callback with the client's own words, and the client goes on trying.
    if matches!(error, KafkaError::MessageConsumptionFatal(_)) { Err(failure_of(error)) } else { Ok(()) }
}

fn report(error: &KafkaError, doing: &str, handler: &mut dyn FnMut(Event<'_>) -> Flow) {
    let Failure { reason, detail } = failure_of(error);
    handler(Event::Trouble(Failure { reason, detail: format!("{doing}: {detail}") }));
}
