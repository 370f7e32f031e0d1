//! Batches: what one request carries, and where each event in it came from.
//!
//! The builder belongs to the poll thread and encodes each payload straight into the body of the open batch: that is the
//! one copy a payload sees. A closed batch is immutable. Parts of it travel as [`Consignment`]s, each with the duty to
//! settle its records; a part is a range of events, so splitting copies nothing.

use std::sync::Arc;

use bytes::Bytes;

use super::attempt::Failure;
use super::body::Body;
use super::budget::{Budget, Held};
use super::consignment::Consignment;
use super::duty::Duty;
use super::framer::{self, Framer};
use super::index::{Event, Index, NO_TIMESTAMP};
use super::ledger::RunId;
use super::letter::{Content, Letter, Quarantined};
use super::settlement::Settlements;
use crate::event::{Cleared, Record, headers};
use crate::position::{PartitionId, Slot, TopicName};
use crate::sink::{PayloadAt, Sink};

/// When a batch is full.
#[derive(Clone, Copy, Debug)]
pub struct BatchLimits {
    pub max_events: usize,
    /// Of the encoded body, uncompressed. A single larger event makes a batch of its own.
    pub max_bytes: usize,
}

/// When a batch is full that is compressed while it is filled, apart from [`BatchLimits`].
#[derive(Clone, Copy, Debug)]
pub struct FrameLimits {
    /// Of what is held compressed; passed by one frame at most.
    pub max_stored: usize,
    /// A record of a later hour than the newest one in the batch begins another batch.
    pub by_hour: bool,
}

impl BatchLimits {
    /// Whether an event with a payload of this many bytes is too much on top of these records and bytes.
    pub(super) const fn are_reached(&self, records: usize, bytes: usize, payload: usize) -> bool {
        let too_large = bytes > 0 && bytes + payload + ENVELOPE_ALLOWANCE > self.max_bytes;
        records >= self.max_events || too_large
    }
}

#[derive(Debug)]
pub(super) struct Run {
    pub(super) id: RunId,
    pub(super) topic: TopicName,
    pub(super) partition: PartitionId,
}

/// A record on its way into a batch.
pub struct Entry<'a> {
    pub run: RunId,
    pub topic: &'a TopicName,
    pub event: Cleared<'a>,
}

/// A closed batch.
#[derive(Debug)]
pub struct Batch {
    /// What the sink calls the group of its events.
    pub(super) group: Bytes,
    pub(super) body: Body,
    pub(super) index: Index,
    pub(super) runs: Vec<Run>,
    pub(super) extras: Vec<u8>,
    pub(super) held: Held,
    /// Timestamp of the oldest record, milliseconds since 1970.
    pub(super) oldest_ms: Option<i64>,
    /// What the sink noted of the events: as many bytes for each.
    pub(super) notes: Bytes,
    /// What its events are; all have passed the same chain.
    content: Content,
}

/// What closing a batch yields.
pub struct Sealed {
    /// `None` when every record of the batch became a letter.
    pub consignment: Option<Consignment>,
    pub letters: Vec<Quarantined>,
    /// The runs that grow no further.
    pub runs: Vec<RunId>,
}

/// Fills one batch after the other. Owned by the poll thread.
pub struct BatchBuilder {
    pub(super) limits: BatchLimits,
    budget: Arc<Budget>,
    settlements: Arc<Settlements>,
    /// Of the open batch; empty for a sink without groups.
    pub(super) group: Bytes,
    /// What is not compressed (yet).
    body: Vec<u8>,
    /// For batches that are compressed while they are filled.
    framing: Option<(Framer, FrameLimits)>,
    notes: Vec<u8>,
    events: Vec<Event>,
    extras: Vec<u8>,
    runs: Vec<Run>,
    /// Encoded events per run, in step with `runs`.
    counts: Vec<u32>,
    /// Index into `runs` by slot; `u32::MAX` for none.
    run_of_slot: Vec<u32>,
    letters: Vec<(RunId, Letter)>,
    /// What the letters weigh.
    letter_bytes: usize,
    /// What the events of the open batch are; all have passed the same chain.
    content: Content,
    oldest_ms: i64,
    newest_ms: i64,
    /// Sizes of the last batch: the next one is likely to be like it.
    last_len: usize,
    last_events: usize,
}

const NO_RUN: u32 = u32::MAX;
const FIRST_CAPACITY: usize = 16_384;

impl BatchBuilder {
    pub fn new(limits: BatchLimits, budget: Arc<Budget>, settlements: Arc<Settlements>) -> Self {
        Self {
            limits,
            budget,
            settlements,
            group: Bytes::new(),
            body: Vec::new(),
            framing: None,
            notes: Vec::new(),
            events: Vec::new(),
            extras: Vec::new(),
            runs: Vec::new(),
            counts: Vec::new(),
            run_of_slot: Vec::new(),
            letters: Vec::new(),
            letter_bytes: 0,
            content: Content::AsRead,
            oldest_ms: NO_TIMESTAMP,
            newest_ms: NO_TIMESTAMP,
            last_len: FIRST_CAPACITY,
            last_events: 16,
        }
    }

    /// One whose batches are compressed while they are filled. Their events cannot become letters once they are encoded: a sink that
    /// may refuse an event has no use for it.
    ///
    /// # Errors
    /// There is no such level of compression.
    pub fn framing(self, level: i32, limits: FrameLimits) -> std::io::Result<Self> {
        let framer = Framer::new(&framer::compressor(level)?);
        Ok(Self { framing: Some((framer, limits)), ..self })
    }

    /// Another one, for another group.
    pub(super) fn another(&self) -> Self {
        let framing = self.framing.as_ref().map(|(framer, limits)| (framer.another(), *limits));
        let new = Self::new(self.limits, Arc::clone(&self.budget), Arc::clone(&self.settlements));
        Self { framing, ..new }
    }

    pub fn is_empty(&self) -> bool {
        self.runs.is_empty()
    }

    /// Records in the open batch, and bytes of its body, uncompressed, and its letters.
    pub(super) fn size(&self) -> (usize, usize) {
        (self.events.len() + self.letters.len(), self.body_len() + self.letter_bytes)
    }

    /// Bytes of memory that the open batch takes.
    pub(super) fn held(&self) -> usize {
        let stored = self.framing.as_ref().map_or(0, |(framer, _)| framer.stored());
        stored
            + self.body.capacity()
            + self.events.capacity() * size_of::<Event>()
            + self.notes.capacity()
            + self.letter_bytes
    }

    /// Whether the batch must be closed before a record with a payload of this many bytes and this timestamp is added.
    pub(super) fn is_full_for(&self, payload: usize, timestamp_ms: Option<i64>) -> bool {
        let (records, bytes) = self.size();
        let stored = self.framing.as_ref().is_some_and(|(framer, limits)| framer.stored() >= limits.max_stored);
        stored || self.limits.are_reached(records, bytes, payload) || self.begins_an_hour(timestamp_ms)
    }

    fn begins_an_hour(&self, timestamp_ms: Option<i64>) -> bool {
        let by_hour = self.framing.as_ref().is_some_and(|(_, limits)| limits.by_hour);
        let Some(timestamp_ms) = timestamp_ms.filter(|_| by_hour && self.newest_ms != NO_TIMESTAMP) else {
            return false;
        };
        timestamp_ms.div_euclid(HOUR_MS) > self.newest_ms.div_euclid(HOUR_MS)
    }

    /// Whether it holds records of one of these partitions.
    pub(super) fn concerns(&self, slots: &[Slot]) -> bool {
        self.runs.iter().any(|run| slots.contains(&run.id.slot))
    }

    fn body_len(&self) -> usize {
        self.framing.as_ref().map_or(0, |(framer, _)| framer.framed()) + self.body.len()
    }

    /// Encodes the event into the open batch, or sets it aside as a letter when the sink cannot take it.
    pub fn push(&mut self, entry: &Entry<'_>, sink: &dyn Sink) {
        if self.body.capacity() == 0 {
            let whole = (self.last_len + self.last_len / 8).min(self.limits.max_bytes + ENVELOPE_ALLOWANCE);
            let wanted = if self.framing.is_some() { FIRST_CAPACITY } else { whole };
            self.body = self.budget.spare(wanted);
            self.events.reserve(self.last_events + self.last_events / 8);
        }
        let run = self.run_index(entry.run, entry.topic, entry.event.record().partition);
        match sink.encode(&entry.event, &mut self.body) {
            Ok(payload) => {
                self.admit(entry, run, payload);
                sink.note(&entry.event, &mut self.notes);
                if let Some((framer, _)) = &mut self.framing {
                    framer.settle(&mut self.body);
                }
            }
            Err(failure) => {
                let letter = letter_of(entry.topic, entry.event.record(), content_of(&entry.event), failure);
                self.keep(entry.run, letter);
            }
        }
    }

    /// Takes a record that may not leave as a letter.
    pub(super) fn set_aside(&mut self, run: RunId, topic: &TopicName, record: &Record<'_>, failure: Failure) {
        self.run_index(run, topic, record.partition);
        self.keep(run, letter_of(topic, record, Content::Unclear, failure));
    }

    fn keep(&mut self, run: RunId, letter: Letter) {
        self.letter_bytes += letter.weight();
        self.letters.push((run, letter));
    }

    /// Closes the batch; `None` when it is empty.
    pub fn seal(&mut self) -> Option<Sealed> {
        if self.is_empty() {
            return None;
        }
        (self.last_len, self.last_events) = (self.body.len().max(FIRST_CAPACITY), self.events.len().max(16));
        for run in &self.runs {
            self.run_of_slot[run.id.slot.index()] = NO_RUN;
        }
        let runs: Vec<RunId> = self.runs.iter().map(|run| run.id).collect();
        let open = runs.iter().copied().zip(self.counts.drain(..)).filter(|(_, count)| *count > 0).collect();
        let letters = std::mem::take(&mut self.letters);
        self.letter_bytes = 0;
        let letters = letters.into_iter().map(|(run, letter)| self.quarantine(run, letter)).collect();
        let batch = self.take_batch();
        let consignment = batch.map(|batch| Consignment::whole(batch, Duty::new(open, Arc::clone(&self.settlements))));
        Some(Sealed { consignment, letters, runs })
    }

    fn take_batch(&mut self) -> Option<Batch> {
        let events = std::mem::take(&mut self.events);
        let (extras, runs) = (std::mem::take(&mut self.extras), std::mem::take(&mut self.runs));
        let oldest = std::mem::replace(&mut self.oldest_ms, NO_TIMESTAMP);
        self.newest_ms = NO_TIMESTAMP;
        let (group, notes) = (std::mem::take(&mut self.group), Bytes::from(std::mem::take(&mut self.notes)));
        if events.is_empty() {
            self.body.clear();
            return None;
        }
        let mut index = Index::Array(events);
        let weight = |index: &Index| notes.len() + overhead(index, &runs, &extras);
        let (body, held) = match &mut self.framing {
            None => {
                let body = std::mem::take(&mut self.body);
                let held = self.budget.hold_plain((body.capacity() + weight(&index)) as u64);
                (Body::plain(body), held)
            }
            Some((framer, _)) => {
                let body = framer.finish(&mut self.body);
                index.pack();
                let held = self.budget.hold((body.len() + weight(&index)) as u64);
                (body, held)
            }
        };
        let oldest_ms = (oldest != NO_TIMESTAMP).then_some(oldest);
        let content = self.content;
        Some(Batch { group, body, index, runs, extras, notes, held, oldest_ms, content })
    }

    fn quarantine(&self, run: RunId, letter: Letter) -> Quarantined {
        let held = self.budget.hold(letter.weight() as u64);
        Quarantined { letter, duty: Duty::new(vec![(run, 1)], Arc::clone(&self.settlements)), held }
    }

    fn admit(&mut self, entry: &Entry<'_>, run: u32, payload: PayloadAt) {
        let record = entry.event.record();
        self.content = content_of(&entry.event);
        // What would make a letter is kept only where there may be one.
        if payload == PayloadAt::Elsewhere && self.framing.is_none() {
            push_apart(&mut self.extras, record.value.unwrap_or_default());
        }
        if (record.key.is_some() || !record.headers.is_empty()) && self.framing.is_none() {
            push_extras(&mut self.extras, record.key, record.headers);
        }
        let timestamp_ms = record.timestamp_ms.unwrap_or(NO_TIMESTAMP);
        if timestamp_ms != NO_TIMESTAMP && (self.oldest_ms == NO_TIMESTAMP || timestamp_ms < self.oldest_ms) {
            self.oldest_ms = timestamp_ms;
        }
        self.newest_ms = self.newest_ms.max(timestamp_ms);
        self.counts[run as usize] += 1;
        self.events.push(Event {
            end: index(self.body_len()),
            run,
            payload,
            offset: record.offset,
            timestamp_ms,
            extras_end: index(self.extras.len()),
        });
    }

    fn run_index(&mut self, run: RunId, topic: &TopicName, partition: PartitionId) -> u32 {
        let slot = run.slot.index();
        if self.run_of_slot.len() <= slot {
            self.run_of_slot.resize(slot + 1, NO_RUN);
        }
        let known = self.run_of_slot[slot];
        if known != NO_RUN && self.runs[known as usize].id == run {
            return known;
        }
        let index = index(self.runs.len());
        self.runs.push(Run { id: run, topic: topic.clone(), partition });
        self.counts.push(0);
        self.run_of_slot[slot] = index;
        index
    }
}

const HOUR_MS: i64 = 3_600_000;

/// Room left for what the sink writes around a payload, so that a full batch rarely has to grow.
const ENVELOPE_ALLOWANCE: usize = 1024;

/// Batches are bounded far below 4 GiB: by `max_bytes`, or by the one event they consist of, which Kafka bounds to 2 GiB.
fn index(len: usize) -> u32 {
    u32::try_from(len).unwrap_or(u32::MAX)
}

/// A payload that cannot be found in its encoded event.
fn push_apart(extras: &mut Vec<u8>, payload: &[u8]) {
    extras.extend_from_slice(&index(payload.len()).to_le_bytes());
    extras.extend_from_slice(payload);
}

fn push_extras(extras: &mut Vec<u8>, key: Option<&[u8]>, headers: &[u8]) {
    let len = key.map_or(-1, |key| i32::try_from(key.len()).unwrap_or(i32::MAX));
    extras.extend_from_slice(&len.to_le_bytes());
    extras.extend_from_slice(key.unwrap_or_default());
    extras.extend_from_slice(headers);
}

const fn content_of(event: &Cleared<'_>) -> Content {
    if event.is_redacted() { Content::Cleared } else { Content::AsRead }
}

fn letter_of(topic: &TopicName, record: &Record<'_>, content: Content, failure: Failure) -> Letter {
    Letter {
        topic: topic.clone(),
        partition: record.partition,
        offset: record.offset,
        timestamp_ms: record.timestamp_ms,
        key: record.key.map(<[u8]>::to_vec),
        headers: owned_headers(record.headers),
        value: record.value.map(<[u8]>::to_vec),
        content,
        failure,
    }
}

fn owned_headers(flat: &[u8]) -> Vec<(String, Option<Vec<u8>>)> {
    headers::iter(flat).map(|(name, value)| (name.to_owned(), value.map(<[u8]>::to_vec))).collect()
}

/// What a batch weighs beside its body.
fn overhead(index: &Index, runs: &[Run], extras: &Vec<u8>) -> usize {
    index.weight() + size_of_val(runs) + extras.capacity()
}

impl Batch {
    /// From now on it is held compressed: `body`, which takes `capacity` bytes, takes the place of the plain one.
    pub(super) fn compress(&mut self, body: Bytes, capacity: usize) {
        let body = Body::Gzip(body);
        let (Body::Plain(plain) | Body::Gzip(plain) | Body::Frames { bytes: plain, .. }) =
            std::mem::replace(&mut self.body, body);
        self.index.pack();
        self.extras.shrink_to_fit();
        let weight = capacity + self.notes.len() + overhead(&self.index, &self.runs, &self.extras);
        // Nobody else holds these bytes, so this copies nothing.
        self.held.compressed_to(weight as u64, Vec::from(plain));
    }

    /// The record behind event `at`, as a letter. `event` is the encoded event.
    pub(super) fn letter(&self, at: usize, event: &[u8], failure: Failure) -> Letter {
        let events = self.index.events();
        let meta = &events[at];
        let run = &self.runs[meta.run as usize];
        let extras_start = at.checked_sub(1).map_or(0, |before| events[before].extras_end as usize);
        let extras = &self.extras[extras_start..meta.extras_end as usize];
        let (value, extras) = match meta.payload {
            PayloadAt::Elsewhere => split_apart(extras),
            PayloadAt::Verbatim { .. } | PayloadAt::BehindBrace { .. } | PayloadAt::JsonString { .. } => {
                (original_payload(event, meta.payload), extras)
            }
        };
        let (key, headers) = split_extras(extras);
        Letter {
            topic: run.topic.clone(),
            partition: run.partition,
            offset: meta.offset,
            timestamp_ms: (meta.timestamp_ms != NO_TIMESTAMP).then_some(meta.timestamp_ms),
            key,
            headers: owned_headers(headers),
            value: Some(value),
            content: self.content,
            failure,
        }
    }
}

fn split_apart(extras: &[u8]) -> (Vec<u8>, &[u8]) {
    let Some((len, tail)) = extras.split_first_chunk::<4>() else { return (Vec::new(), extras) };
    let len = usize::try_from(u32::from_le_bytes(*len)).unwrap_or(usize::MAX);
    tail.split_at_checked(len).map_or_else(|| (Vec::new(), extras), |(payload, tail)| (payload.to_vec(), tail))
}

fn split_extras(extras: &[u8]) -> (Option<Vec<u8>>, &[u8]) {
    let Some((len, tail)) = extras.split_first_chunk::<4>() else { return (None, extras) };
    match usize::try_from(i32::from_le_bytes(*len)).ok().and_then(|len| tail.split_at_checked(len)) {
        Some((key, headers)) => (Some(key.to_vec()), headers),
        None => (None, tail),
    }
}

/// The payload's original bytes, cut out of its encoded event.
fn original_payload(event: &[u8], payload: PayloadAt) -> Vec<u8> {
    let cut = |start: u32, len: u32| event.get(start as usize..start as usize + len as usize).unwrap_or_default();
    match payload {
        PayloadAt::Verbatim { start, len } => cut(start, len).to_vec(),
        PayloadAt::BehindBrace { start, len } => [b"{", cut(start, len)].concat(),
        PayloadAt::JsonString { start, len } => {
            let literal = cut(start, len);
            // The literal was written by our own encoder; should it not parse, its escaped form still tells all.
            serde_json::from_slice::<String>(literal).map_or_else(|_| literal.to_vec(), String::into_bytes)
        }
        PayloadAt::Elsewhere => Vec::new(),
    }
}

#[cfg(test)]
mod tests;
