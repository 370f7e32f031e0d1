//! The consumer: hands over records, answers rebalances, commits what it is told.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer, RebalanceProtocol};
use rdkafka::error::KafkaError;
use rdkafka::types::RDKafkaErrorCode;
use rdkafka::{Offset as KafkaOffset, TopicPartitionList};

use super::callbacks::{Callback, Callbacks, PartitionKey, let_go};
use super::client::{client_config, failure_of, failure_of_code, set_consumer_properties};
use super::config::{KafkaConfig, StartAt, Topics};
use super::examiner::Examiner;
use super::hand_over::{Assignment, HandOver};
use super::positions::{Start, fetch_bounds, fetch_held, list_of, note_of, start_of};
use super::stats::PartitionStats;
use crate::defaults;
use crate::delivery::attempt::Failure;
use crate::delivery::ledger::CommitPoint;
use crate::position::{ResumeAt, Slot, TopicName};
use crate::reason::Reason;
use crate::source::{Assigned, Event, Flow, Gap, GapKind, Source};

struct FoundGap {
    slot: Slot,
    kind: GapKind,
    expected: ResumeAt,
    /// The partition holds no record at all.
    nothing_left: bool,
}

pub struct KafkaSource {
    consumer: BaseConsumer<Callbacks>,
    group_id: String,
    start_at: StartAt,
    /// Whether records' headers are wanted; parsing them costs the client an allocation each.
    with_headers: bool,
    assignments: Vec<Option<Assignment>>,
    slots: HashMap<PartitionKey, Slot>,
    /// The slot of the last record: records of one partition come in long rows.
    last_slot: Option<Slot>,
    /// Assigned by the group, but the brokers have not yet said where to start.
    to_assign: Vec<PartitionKey>,
    next_try: Instant,
    /// Revoked by the group, not yet released.
    to_release: Vec<PartitionKey>,
    /// Points of the asynchronous commit under way. Only one, so that a retried one cannot overtake its successor and the
    /// committed position cannot go back.
    committing: Option<(Instant, Vec<CommitPoint>)>,
    /// No commit was confirmed in time since the last one that was; told once.
    commit_is_late: bool,
    paused: bool,
    /// The consumer queue was seen empty since the last statistics.
    was_idle: bool,
    headers: Vec<u8>,
    examiner: Examiner,
}

/// After this time without confirmation another commit is sent.
const COMMIT_PATIENCE: Duration = Duration::from_secs(5);

/// How soon the brokers are asked again where to start.
const ASSIGN_RETRY: Duration = Duration::from_secs(1);

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
            assignments: Vec::new(),
            slots: HashMap::new(),
            last_slot: None,
            to_assign: Vec::new(),
            next_try: Instant::now(),
            to_release: Vec::new(),
            committing: None,
            commit_is_late: false,
            paused: false,
            was_idle: false,
            headers: Vec::new(),
            examiner: Examiner::new(&config.client),
        })
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
                Callback::NotSent(error) => self.commit_failed(&failure_of(&error), handler),
                Callback::Stats(partitions) => self.take_stats(&partitions, handler),
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

    /// Takes over what the group assigned, each partition at a position that was compared with what the broker holds.
    fn assign(&mut self, handler: &mut dyn FnMut(Event<'_>) -> Flow) -> Result<(), Failure> {
        let held = match fetch_held(&self.consumer, &self.to_assign) {
            Ok(held) if self.to_assign.iter().all(|key| held.contains_key(key)) => held,
            Ok(_) => return self.assign_later("the brokers do not yet know all assigned partitions", handler),
            Err(error) => {
                report(&error, "ask where to start reading", handler);
                return self.assign_later("", handler);
            }
        };
        let mut assigned = Vec::new();
        let mut gaps = Vec::new();
        for key in std::mem::take(&mut self.to_assign) {
            let Some(held) = held.get(&key) else { continue };
            let Start { at, gap } = start_of(held.committed, held.low, held.end, self.start_at);
            let committed = held.committed.map(ResumeAt::from_broker);
            let slot = self.take_slot(&key, at, held.settled_through_ms);
            let resume_at = ResumeAt::from_broker(at);
            assigned.push(Assigned {
                slot,
                topic: key.0.clone(),
                partition: key.1,
                resume_at,
                // A position beyond the end is no progress that a commit could go back from.
                committed: committed.filter(|committed| *committed <= resume_at),
                end: Some(ResumeAt::from_broker(held.end)),
            });
            if let (Some(kind), Some(expected)) = (gap, committed) {
                gaps.push(FoundGap { slot, kind, expected, nothing_left: held.low == held.end });
            }
        }
        self.start_reading(&assigned)?;
        handler(Event::Assigned(assigned));
        for gap in gaps {
            self.found_gap(gap, handler);
        }
        Ok(())
    }

    fn assign_later(&mut self, why: &str, handler: &mut dyn FnMut(Event<'_>) -> Flow) -> Result<(), Failure> {
        self.next_try = Instant::now() + ASSIGN_RETRY;
        if !why.is_empty() {
            handler(Event::Trouble(Failure::new(Reason::KafkaTopic, why)));
        }
        Ok(())
    }

    fn start_reading(&mut self, assigned: &[Assigned]) -> Result<(), Failure> {
        let list = list_of(assigned.iter().map(|new| (&new.topic, new.partition, new.resume_at)));
        let started = list.and_then(|list| match self.consumer.rebalance_protocol() {
            RebalanceProtocol::Cooperative => self.consumer.incremental_assign(&list),
            RebalanceProtocol::Eager | RebalanceProtocol::None => self.consumer.assign(&list),
        });
        started.map_err(|error| failure_of(&error))?;
        self.forget_commit();
        if self.paused {
            self.pause();
        }
        Ok(())
    }

    fn take_slot(&mut self, key: &PartitionKey, at: i64, settled_through_ms: Option<i64>) -> Slot {
        let free = self.assignments.iter().position(Option::is_none).unwrap_or(self.assignments.len());
        if free == self.assignments.len() {
            self.assignments.push(None);
        }
        self.assignments[free] = Some(Assignment {
            topic: key.0.clone(),
            partition: key.1,
            next: at,
            settled_through_ms,
            read_through_ms: None,
            gap: None,
            fetched_to: None,
            reads_on: false,
        });
        let slot = Slot::new(u32::try_from(free).unwrap_or(u32::MAX));
        self.slots.insert(key.clone(), slot);
        slot
    }

    fn revoked(&mut self, partitions: Vec<PartitionKey>, lost: bool, handler: &mut dyn FnMut(Event<'_>) -> Flow) {
        self.to_assign.retain(|key| !partitions.contains(key));
        let slots = partitions.iter().filter_map(|key| self.slots.get(key).copied()).collect();
        self.to_release = partitions;
        handler(Event::Revoking { slots, lost });
    }

    fn found_gap(&mut self, found: FoundGap, handler: &mut dyn FnMut(Event<'_>) -> Flow) {
        let FoundGap { slot, kind, expected, nothing_left } = found;
        let Some(Some(assignment)) = self.assignments.get_mut(slot.index()) else { return };
        let gap = Gap {
            slot,
            topic: assignment.topic.clone(),
            partition: assignment.partition,
            kind,
            expected,
            resumed: ResumeAt::from_broker(assignment.next),
            from_ms: assignment.read_through_ms.or(assignment.settled_through_ms),
            to_ms: None,
        };
        if nothing_left {
            // No record will come that could date the end of the gap.
            handler(Event::Gap(gap));
        } else {
            assignment.gap = Some(gap);
        }
    }

    /// The client has lost its position in some partition and does not say in which: compare all of them.
    fn repair_positions(&mut self, handler: &mut dyn FnMut(Event<'_>) -> Flow) -> Result<(), Failure> {
        let keys: Vec<PartitionKey> = self.slots.keys().cloned().collect();
        let bounds = match fetch_bounds(&self.consumer, &keys) {
            Ok(bounds) => bounds,
            Err(error) => {
                // The client reports the lost position again.
                report(&error, "ask what the brokers still hold", handler);
                return Ok(());
            }
        };
        let mut moved = Vec::new();
        for (key, (low, end)) in bounds {
            let Some(slot) = self.slots.get(&key).copied() else { continue };
            let Some(Some(assignment)) = self.assignments.get_mut(slot.index()) else { continue };
            let expected = ResumeAt::from_broker(assignment.next);
            let Start { at, gap } = start_of(Some(assignment.next), low, end, self.start_at);
            if let Some(kind) = gap {
                assignment.next = at;
                if kind == GapKind::BeyondEnd {
                    handler(Event::Assigned(vec![begun_anew(slot, &key, at, end)]));
                }
                moved.push(key);
                self.found_gap(FoundGap { slot, kind, expected, nothing_left: low == end }, handler);
            }
        }
        self.read_again(&moved).map_err(|error| failure_of(&error))
    }

    /// Makes the client read these partitions from our position. Seeking is refused for a partition that stopped with
    /// an error, so it is assigned anew.
    fn read_again(&mut self, keys: &[PartitionKey]) -> Result<(), KafkaError> {
        if keys.is_empty() {
            return Ok(());
        }
        self.starts_over();
        match self.consumer.rebalance_protocol() {
            RebalanceProtocol::Cooperative => {
                let list = self.list_at_next(keys)?;
                self.consumer.incremental_unassign(&list)?;
                self.consumer.incremental_assign(&list)?;
            }
            RebalanceProtocol::Eager | RebalanceProtocol::None => {
                let all: Vec<PartitionKey> = self.slots.keys().cloned().collect();
                self.consumer.assign(&self.list_at_next(&all)?)?;
            }
        }
        if self.paused {
            self.pause();
        }
        Ok(())
    }

    fn list_at_next(&self, keys: &[PartitionKey]) -> Result<TopicPartitionList, KafkaError> {
        let slots = keys.iter().filter_map(|key| self.slots.get(key));
        let assignments = slots.filter_map(|slot| self.assignments.get(slot.index())?.as_ref());
        list_of(assignments.map(|a| (&a.topic, a.partition, ResumeAt::from_broker(a.next))))
    }

    /// The client has no answer for an asynchronous commit (librdkafka gives one only through a callback that the Rust
    /// binding does not set), but its statistics show what was committed.
    fn confirm_commit(&mut self, partitions: &[PartitionStats], handler: &mut dyn FnMut(Event<'_>) -> Flow) {
        let Some((since, mut points)) = self.committing.take() else { return };
        for stats in partitions {
            let Some(slot) = self.slots.get(&(stats.topic.clone(), stats.partition)).copied() else { continue };
            let confirmed = |point: &mut CommitPoint| {
                point.slot == slot && point.resume_at == ResumeAt::from_broker(stats.committed_offset)
            };
            for point in points.extract_if(.., confirmed) {
                if let Some(Some(assignment)) = self.assignments.get_mut(slot.index()) {
                    assignment.settled_through_ms = point.settled_through_ms.or(assignment.settled_through_ms);
                }
                handler(Event::Committed(point));
            }
        }
        // What was given up meanwhile was committed then, or is nobody's business here any more.
        points.retain(|point| self.assignments.get(point.slot.index()).is_some_and(Option::is_some));
        if points.is_empty() {
            self.commit_is_late = false;
        } else if since.elapsed() < COMMIT_PATIENCE {
            self.committing = Some((since, points));
        } else if !self.commit_is_late {
            self.commit_is_late = true;
            self.commit_failed(
                &Failure::new(Reason::Kafka, "the brokers have not confirmed a commit in time"),
                handler,
            );
        }
    }

    /// One that was under way in a rebalance was perhaps refused, which nobody says: the next need not wait for it.
    fn forget_commit(&mut self) {
        self.committing = None;
    }

    fn commit_failed(&mut self, failure: &Failure, handler: &mut dyn FnMut(Event<'_>) -> Flow) {
        self.committing = None;
        handler(Event::CommitFailed(failure.clone()));
    }

    /// Learns the ends of partitions, and closes holes at their ends.
    ///
    /// A hole (transaction markers) brings no record that would carry us over it. When the client's fetch position is
    /// ahead of ours in two statistics, a second apart, with nothing queued, and the queue was seen empty in between,
    /// then there is nothing to read before it; provided that the client has read on since it was last assigned, paused or
    /// resumed, because it keeps showing the old position while the broker is away.
    fn take_stats(&mut self, partitions: &[PartitionStats], handler: &mut dyn FnMut(Event<'_>) -> Flow) {
        self.confirm_commit(partitions, handler);
        let was_idle = std::mem::take(&mut self.was_idle) && !self.paused;
        for stats in partitions {
            let Some(slot) = self.slots.get(&(stats.topic.clone(), stats.partition)).copied() else { continue };
            let Some(Some(assignment)) = self.assignments.get_mut(slot.index()) else { continue };
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

    /// The end of some topic's partition was reached. The client does not say of which topic; the number may do.
    fn at_end(&mut self, partition: i32) {
        let mut candidates = self.assignments.iter_mut().flatten().filter(|a| a.partition.get() == partition);
        if let (Some(assignment), None) = (candidates.next(), candidates.next()) {
            assignment.reads_on = true;
        }
    }

    /// What the client had fetched ahead is thrown away.
    fn starts_over(&mut self) {
        self.assignments.iter_mut().flatten().for_each(|assignment| assignment.reads_on = false);
    }

    fn commit_list(&self, points: &[CommitPoint]) -> Result<TopicPartitionList, KafkaError> {
        let mut list = TopicPartitionList::new();
        for point in points {
            let Some(Some(assignment)) = self.assignments.get(point.slot.index()) else { continue };
            let mut element = list.add_partition(assignment.topic.as_str(), assignment.partition.get());
            element.set_offset(KafkaOffset::Offset(point.resume_at.get()))?;
            element.set_metadata(note_of(point.settled_through_ms.or(assignment.settled_through_ms)));
        }
        Ok(list)
    }

    /// An error in the client's own words, and the name of what they are about where the client leaves it out.
    fn explain(&self, error: &KafkaError, said: &str) -> Failure {
        let Some(code) = error.rdkafka_error_code() else { return failure_of(error) };
        if code == RDKafkaErrorCode::GroupAuthorizationFailed {
            return failure_of_code(code, &format!("group {}: {said}", self.group_id));
        }
        failure_of_code(code, said)
    }

    fn all_partitions(&self) -> TopicPartitionList {
        let mut list = TopicPartitionList::new();
        for assignment in self.assignments.iter().flatten() {
            list.add_partition(assignment.topic.as_str(), assignment.partition.get());
        }
        list
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
                    let Self { assignments, slots, last_slot, headers, with_headers, .. } = self;
                    let mut desk = HandOver { assignments, slots, last_slot, headers, with_headers: *with_headers };
                    desk.hand_over(&message, handler)
                }
                Some(Err(KafkaError::PartitionEOF(partition))) => {
                    self.at_end(partition);
                    Flow::Continue
                }
                Some(Err(error)) => {
                    lost_position |= is_lost_position(&error);
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

    fn commit(&mut self, points: &[CommitPoint]) {
        if self.committing.is_some() {
            return;
        }
        self.committing = Some((Instant::now(), points.to_vec()));
        let sent = self.commit_list(points).and_then(|list| self.consumer.commit(&list, CommitMode::Async));
        if let Err(error) = sent {
            self.consumer.context().push(Callback::NotSent(error));
        }
    }

    fn commit_now(&mut self, points: &[CommitPoint]) -> Result<(), Failure> {
        // An older asynchronous commit can no longer matter.
        self.committing = None;
        let committed = self.commit_list(points).and_then(|list| self.consumer.commit(&list, CommitMode::Sync));
        committed.map_err(|error| failure_of(&error))
    }

    fn release(&mut self, slots: &[Slot]) {
        let mut list = TopicPartitionList::new();
        for (topic, partition) in std::mem::take(&mut self.to_release) {
            list.add_partition(topic.as_str(), partition.get());
            self.slots.remove(&(topic, partition));
        }
        for slot in slots {
            if let Some(assignment) = self.assignments.get_mut(slot.index()) {
                *assignment = None;
            }
        }
        self.last_slot = None;
        self.forget_commit();
        let_go(&self.consumer, &list);
    }

    fn pause(&mut self) {
        self.paused = true;
        self.starts_over();
        if let Err(error) = self.consumer.pause(&self.all_partitions()) {
            tracing::debug!(%error, "the kafka client did not pause");
        }
    }

    fn resume(&mut self) {
        self.paused = false;
        self.starts_over();
        if let Err(error) = self.consumer.resume(&self.all_partitions()) {
            tracing::debug!(%error, "the kafka client did not resume");
        }
    }
}

impl Drop for KafkaSource {
    fn drop(&mut self) {
        self.consumer.context().close();
    }
}

/// A partition whose offsets count from the beginning again (its topic was recreated) is another one: in a new epoch its
/// records are not mistaken for those that were read before.
fn begun_anew(slot: Slot, (topic, partition): &PartitionKey, at: i64, end: i64) -> Assigned {
    let (resume_at, end) = (ResumeAt::from_broker(at), Some(ResumeAt::from_broker(end)));
    Assigned { slot, topic: topic.clone(), partition: *partition, resume_at, committed: None, end }
}

fn is_lost_position(error: &KafkaError) -> bool {
    matches!(error.rdkafka_error_code(), Some(RDKafkaErrorCode::AutoOffsetReset | RDKafkaErrorCode::OffsetOutOfRange))
}

fn fatal(error: &KafkaError) -> Result<(), Failure> {
    // Everything else was queued by the error callback with the client's own words, and the client goes on trying.
    if matches!(error, KafkaError::MessageConsumptionFatal(_)) { Err(failure_of(error)) } else { Ok(()) }
}

fn report(error: &KafkaError, doing: &str, handler: &mut dyn FnMut(Event<'_>) -> Flow) {
    let Failure { reason, detail } = failure_of(error);
    handler(Event::Trouble(Failure { reason, detail: format!("{doing}: {detail}") }));
}
