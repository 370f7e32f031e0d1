//! Taking over what the group assigns, and giving up what it revokes.

use std::time::{Duration, Instant};

use rdkafka::consumer::{Consumer, RebalanceProtocol};

use super::{KafkaSource, report};
use crate::delivery::attempt::Failure;
use crate::position::{NewPartitions, ResumeAt, Slot};
use crate::reason::Reason;
use crate::source::kafka::callbacks::PartitionKey;
use crate::source::kafka::client::failure_of;
use crate::source::kafka::positions::{Start, fetch_held, list_of, start_of};
use crate::source::{Assigned, Event, Flow, Gap, GapKind, Source};

/// How soon the brokers are asked again where to start.
const ASSIGN_RETRY: Duration = Duration::from_secs(1);

/// A difference between the wanted position and what the broker holds.
pub(super) struct FoundGap {
    pub(super) slot: Slot,
    pub(super) kind: GapKind,
    pub(super) expected: ResumeAt,
    /// The partition holds no record at all.
    pub(super) nothing_left: bool,
}

const CLUSTER_ID_PATIENCE: Duration = Duration::from_secs(10);

/// A receiver that is behind what was committed has lost something since, or is another one.
fn behind_the_group((topic, partition): &PartitionKey, stands: ResumeAt, committed: Option<i64>) -> Option<Failure> {
    let committed = committed.filter(|committed| *committed > stands.get())?;
    let detail = format!(
        "the archive of {topic}/{partition} ends at {stands}, and the group has committed {committed}: links were taken away, or \
         this is another archive; reading again from {stands}"
    );
    Some(Failure::new(Reason::ArchiveMismatch, detail))
}

impl KafkaSource {
    /// Takes over what the group assigned, each partition at a position that was compared with what the broker holds.
    pub(super) fn assign(&mut self, handler: &mut dyn FnMut(Event<'_>) -> Flow) -> Result<(), Failure> {
        let held = match fetch_held(&self.consumer, &self.to_assign) {
            Ok(held) if self.to_assign.iter().all(|key| held.contains_key(key)) => held,
            Ok(_) => return self.assign_later("the brokers do not yet know all assigned partitions", handler),
            Err(error) => {
                report(&error, "ask where to start reading", handler);
                return self.assign_later("", handler);
            }
        };
        let stands = match self.ask_receiver() {
            Ok(stands) => stands,
            Err(failure) => {
                handler(Event::Trouble(failure));
                return self.assign_later("", handler);
            }
        };
        let mut assigned = Vec::new();
        let mut gaps = Vec::new();
        for (key, stands) in std::mem::take(&mut self.to_assign).into_iter().zip(stands) {
            let Some(held) = held.get(&key) else { continue };
            if let Some(failure) = stands.and_then(|stands| behind_the_group(&key, stands, held.committed)) {
                handler(Event::Trouble(failure));
            }
            let wanted = stands.map(ResumeAt::get).or(held.committed);
            let Start { at, gap } = start_of(wanted, held.low, held.end, self.start_at);
            let committed = held.committed.map(ResumeAt::from_broker);
            let wanted = wanted.map(ResumeAt::from_broker);
            let slot = self.assignments.add(&key, at, held.settled_through_ms);
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
            if let (Some(kind), Some(expected)) = (gap, wanted) {
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

    /// Where the receiver stands, for each partition that is to be assigned.
    fn ask_receiver(&mut self) -> Result<Vec<Option<ResumeAt>>, Failure> {
        let Some(receiver) = &self.receiver else { return Ok(vec![None; self.to_assign.len()]) };
        if self.cluster_id.is_none() {
            self.cluster_id = self.consumer.client().fetch_cluster_id(CLUSTER_ID_PATIENCE);
        }
        receiver(NewPartitions { cluster_id: self.cluster_id.clone(), keys: self.to_assign.clone() })
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
        // A commit that was under way was perhaps refused in the rebalance, which nobody says: the next need not wait for it.
        self.commits.forget();
        if self.paused {
            self.pause();
        }
        Ok(())
    }

    pub(super) fn revoked(
        &mut self,
        partitions: Vec<PartitionKey>,
        lost: bool,
        handler: &mut dyn FnMut(Event<'_>) -> Flow,
    ) {
        self.to_assign.retain(|key| !partitions.contains(key));
        let slots = partitions.iter().filter_map(|key| self.assignments.slot(key)).collect();
        self.to_release = partitions;
        handler(Event::Revoking { slots, lost });
    }

    pub(super) fn found_gap(&mut self, found: FoundGap, handler: &mut dyn FnMut(Event<'_>) -> Flow) {
        let FoundGap { slot, kind, expected, nothing_left } = found;
        let Some(assignment) = self.assignments.get_mut(slot) else { return };
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
}
