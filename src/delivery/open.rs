//! The open batches: one per group of events that may share a request.
//!
//! Most sinks have them [closed together](Closing::Together):
//!
//! - All of them together are as large as one batch may be, so the number of groups changes neither the memory that is
//!   held nor how long an event waits.
//! - A batch that was left open while others fill up would hold the watermark of its partitions.
//! - Their number is bounded: one group too many closes them all.
//!
//! A sink without groups has one group without a name, and there is one open batch.
//!
//! A sink whose groups are partitions, and whose batches stay open for minutes, has them [closed apart](Closing::Apart): each when it is
//! full or old, and the largest when all of them take too much memory.

use std::time::{Duration, Instant};

use bytes::Bytes;

use super::attempt::Failure;
use super::batch::{BatchBuilder, Entry, Sealed};
use super::ledger::RunId;
use crate::defaults::OPEN_GROUPS_MAX;
use crate::event::Record;
use crate::position::{Slot, TopicName};
use crate::sink::Sink;

/// When open batches are closed.
#[derive(Clone, Copy, Debug)]
pub enum Closing {
    /// All, when together they are as large as one may be, or due as the conductor has it.
    Together,
    /// Each when it is full, or `age` after its first record.
    Apart {
        age: Duration,
        /// What all open batches together may take, in bytes.
        memory: usize,
    },
}

/// What has to be closed before a record is added.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Due {
    Nothing,
    All,
    One(usize),
}

pub(super) struct OpenBatches {
    closing: Closing,
    /// Never empty. Those in use come first, in the order in which they were opened; the others keep their memory.
    builders: Vec<BatchBuilder>,
    /// When those in use were opened, in step with them.
    opened: Vec<Instant>,
    in_use: usize,
    /// Records in all open batches.
    records: usize,
    /// Bytes of all their bodies, uncompressed, and letters.
    bytes: usize,
    /// What all open batches take in memory; counted only where they are closed apart.
    held: usize,
    /// The time of this turn of the poll thread.
    now: Instant,
}

impl OpenBatches {
    pub(super) fn new(first: BatchBuilder, closing: Closing) -> Self {
        let now = Instant::now();
        Self { closing, builders: vec![first], opened: Vec::new(), in_use: 0, records: 0, bytes: 0, held: 0, now }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.in_use == 0
    }

    pub(super) const fn are_closed_apart(&self) -> bool {
        match self.closing {
            Closing::Together => false,
            Closing::Apart { .. } => true,
        }
    }

    pub(super) const fn set_time(&mut self, now: Instant) {
        self.now = now;
    }

    /// What must be closed before an event of this group with a payload of this many bytes is added.
    pub(super) fn due_before(&self, group: &[u8], payload: usize, timestamp_ms: Option<i64>) -> Due {
        match self.closing {
            Closing::Together => {
                let too_varied = self.in_use >= OPEN_GROUPS_MAX && self.place_of(group).is_none();
                let full = too_varied || self.builders[0].limits.are_reached(self.records, self.bytes, payload);
                if full { Due::All } else { Due::Nothing }
            }
            Closing::Apart { memory, .. } => {
                let place = self.place_of(group);
                if let Some(place) = place.filter(|place| self.builders[*place].is_full_for(payload, timestamp_ms)) {
                    return Due::One(place);
                }
                if self.held < memory {
                    return Due::Nothing;
                }
                let largest = (0..self.in_use).max_by_key(|place| self.builders[*place].held());
                largest.map_or(Due::Nothing, Due::One)
            }
        }
    }

    /// The first of the batches that are closed apart and are due by now.
    pub(super) fn overdue(&self) -> Option<usize> {
        let Closing::Apart { age, .. } = self.closing else { return None };
        self.opened.iter().position(|opened| *opened + age <= self.now)
    }

    /// The first that holds records of these partitions.
    pub(super) fn concerning(&self, slots: &[Slot]) -> Option<usize> {
        self.builders[..self.in_use].iter().position(|builder| builder.concerns(slots))
    }

    /// Encodes the event into the open batch of its group, or sets it aside as a letter when the sink cannot take it.
    pub(super) fn push(&mut self, group: &[u8], entry: &Entry<'_>, sink: &dyn Sink) {
        let place = self.place_of(group).unwrap_or_else(|| self.open(group));
        let apart = self.are_closed_apart();
        let builder = &mut self.builders[place];
        let (records, bytes) = builder.size();
        let held = if apart { builder.held() } else { 0 };
        builder.push(entry, sink);
        let (records_now, bytes_now) = builder.size();
        self.records += records_now - records;
        self.bytes += bytes_now - bytes;
        if apart {
            self.held = (self.held + builder.held()).saturating_sub(held);
        }
    }

    /// Adds a record that may not leave: as a letter, to whichever batch is open.
    pub(super) fn set_aside(&mut self, run: RunId, topic: &TopicName, record: &Record<'_>, failure: Failure) {
        if self.in_use == 0 {
            self.open(&[]);
        }
        let builder = &mut self.builders[0];
        let (_, bytes) = builder.size();
        builder.set_aside(run, topic, record, failure);
        self.records += 1;
        self.bytes += builder.size().1 - bytes;
    }

    /// Closes the batch that was opened first; `None` when there is none.
    pub(super) fn seal(&mut self) -> Option<Sealed> {
        self.seal_at(0)
    }

    /// Closes the batch at this place; `None` when there is none.
    pub(super) fn seal_at(&mut self, place: usize) -> Option<Sealed> {
        if place >= self.in_use {
            return None;
        }
        let builder = &mut self.builders[place];
        let (records, bytes) = builder.size();
        self.records -= records;
        self.bytes -= bytes;
        self.held = self.held.saturating_sub(builder.held());
        let sealed = builder.seal();
        self.builders[place..self.in_use].rotate_left(1);
        self.opened.remove(place);
        self.in_use -= 1;
        sealed
    }

    fn place_of(&self, group: &[u8]) -> Option<usize> {
        self.builders[..self.in_use].iter().position(|builder| builder.group == group)
    }

    fn open(&mut self, group: &[u8]) -> usize {
        if self.in_use == self.builders.len() {
            self.builders.push(self.builders[0].another());
        }
        let place = self.in_use;
        self.builders[place].group = Bytes::copy_from_slice(group);
        self.opened.push(self.now);
        self.in_use += 1;
        place
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::delivery::attempt::{Attempt, Coding};
    use crate::delivery::batch::{BatchLimits, FrameLimits};
    use crate::delivery::ledger::Outcome;
    use crate::delivery::testing::{Desk, MemorySink, SLOT};
    use crate::event::Record;
    use crate::position::{Offset, PartitionId, TopicName};
    use crate::reason::Reason;
    use crate::transform::Chain;

    struct Bench {
        desk: Desk,
        open: OpenBatches,
        sink: std::sync::Arc<MemorySink>,
        next: i64,
    }

    impl Bench {
        fn new(max_events: usize, max_bytes: usize) -> Self {
            let sink = MemorySink::new(1, |_, _| Attempt::Delivered);
            let desk = Desk::new(&sink);
            let mut first = desk.builder.another();
            (first.limits.max_events, first.limits.max_bytes) = (max_events, max_bytes);
            Self { desk, open: OpenBatches::new(first, Closing::Together), sink, next: 0 }
        }

        /// Reads one record of this group; `false` when the open batches have to be closed first.
        fn read(&mut self, group: &str, value: Option<&[u8]>) -> bool {
            if self.open.due_before(group.as_bytes(), value.map_or(0, <[u8]>::len), None) != Due::Nothing {
                return false;
            }
            let (run, record) = self.next(value);
            let mut chain = Chain::default();
            let event = chain.clear(record).cleared().expect("no rules");
            self.open.push(group.as_bytes(), &Entry { run, topic: &TopicName::new("audit"), event }, &*self.sink);
            true
        }

        /// Reads one record that may not leave.
        fn read_unclear(&mut self) {
            let (run, record) = self.next(Some(b"{"));
            let failure = Failure::new(Reason::Unredactable, "not JSON");
            self.open.set_aside(run, &TopicName::new("audit"), &record, failure);
        }

        fn next<'a>(&mut self, value: Option<&'a [u8]>) -> (RunId, Record<'a>) {
            let (offset, partition) = (Offset::new(self.next), PartitionId::new(0));
            self.next += 1;
            let run = self.desk.ledger.track(SLOT, offset, None).expect("assigned");
            let record =
                Record { topic: "audit", partition, offset, timestamp_ms: None, key: None, value, headers: &[] };
            (run, record)
        }

        /// Closes all; group, number of events and number of letters of each.
        fn close(&mut self) -> Vec<(String, usize, usize)> {
            std::iter::from_fn(|| self.close_one()).collect()
        }

        fn close_one(&mut self) -> Option<(String, usize, usize)> {
            let sealed = self.open.seal()?;
            sealed.runs.iter().for_each(|run| self.desk.ledger.seal(*run));
            let letters = sealed.letters.len();
            sealed.letters.into_iter().for_each(|letter| letter.duty.settle(Outcome::DeadLettered));
            let Some(mut consignment) = sealed.consignment else { return Some((String::new(), 0, letters)) };
            let parcel = consignment.parcel(Coding::Identity);
            consignment.settle(Outcome::Delivered);
            Some((String::from_utf8(parcel.group.to_vec()).expect("text"), parcel.events, letters))
        }
    }

    #[test]
    fn records_of_one_partition_in_many_groups_travel_apart_and_settle_together() {
        let mut bench = Bench::new(1000, 1 << 20);
        for group in ["a", "b", "a", "", "b", "a"] {
            assert!(bench.read(group, Some(b"x")));
        }
        assert_eq!(bench.close(), [("a".into(), 3, 0), ("b".into(), 2, 0), (String::new(), 1, 0)]);
        assert_eq!(bench.desk.settle(), 6);
        assert!(bench.open.is_empty() && bench.close().is_empty());
        assert!(bench.read("b", Some(b"x")), "what was closed is opened anew");
        assert_eq!(bench.close(), [("b".into(), 1, 0)]);
        assert_eq!(bench.desk.settle(), 7);
    }

    #[test]
    fn the_watermark_waits_for_every_group_of_a_run() {
        let mut bench = Bench::new(1000, 1 << 20);
        ["a", "b", "a"].into_iter().for_each(|group| assert!(bench.read(group, Some(b"x"))));
        let first = bench.open.seal().expect("open");
        let second = bench.open.seal().expect("open");
        [&first, &second].iter().for_each(|sealed| sealed.runs.iter().for_each(|run| bench.desk.ledger.seal(*run)));
        first.consignment.expect("events").settle(Outcome::Delivered);
        assert_eq!(bench.desk.settle(), 0);
        second.consignment.expect("events").settle(Outcome::Delivered);
        assert_eq!(bench.desk.settle(), 3);
    }

    #[test]
    fn all_groups_together_are_as_large_as_one_batch() {
        let mut bench = Bench::new(4, 1 << 20);
        ["a", "b", "c", "d"].into_iter().for_each(|group| assert!(bench.read(group, Some(b"x"))));
        assert!(!bench.read("a", Some(b"x")), "four records is the limit");
        assert_eq!(bench.close().len(), 4);
        assert!(bench.read("a", None) && bench.read("b", None), "letters count, too");
        assert!(bench.read("a", Some(b"x")) && bench.read("a", Some(b"x")) && !bench.read("c", Some(b"x")));
        bench.close();

        let mut bench = Bench::new(1000, 4096);
        let value = [b'x'; 1000];
        assert!(bench.read("a", Some(&value)) && bench.read("b", Some(&value)) && bench.read("c", Some(&value)));
        assert!(!bench.read("d", Some(&value)));
        assert_eq!(bench.close().len(), 3);
        assert!(bench.read("a", Some(&[b'x'; 10_000])), "what is larger than a batch travels alone");
        assert!(!bench.read("b", Some(b"x")));
        bench.close();
        bench.desk.settle();
    }

    #[test]
    fn one_group_too_many_closes_them_all() {
        let mut bench = Bench::new(1000, 1 << 20);
        (0..OPEN_GROUPS_MAX).for_each(|group| assert!(bench.read(&group.to_string(), Some(b"x"))));
        assert!(bench.read("0", Some(b"x")), "a group that is open stays so");
        assert!(!bench.read("new", Some(b"x")));
        assert_eq!(bench.close().len(), OPEN_GROUPS_MAX);
        assert!(bench.read("new", Some(b"x")));
        bench.close();
        assert_eq!(bench.open.builders.len(), OPEN_GROUPS_MAX, "their memory is used again, and no more is taken");
        bench.desk.settle();
    }

    #[test]
    fn what_is_open_is_counted_exactly() {
        let mut bench = Bench::new(1000, 1 << 20);
        for group in ["a", "a", "b", "a"] {
            assert!(bench.read(group, Some(b"xyz")));
        }
        assert!(bench.read("a", None));
        bench.read_unclear();
        for records in [6, 1, 0] {
            let written: usize = bench.open.builders.iter().map(|builder| builder.size().1).sum();
            assert_eq!((bench.open.records, bench.open.bytes), (records, written));
            assert_eq!(bench.open.is_empty(), bench.close_one().is_none());
        }
        assert_eq!(bench.desk.settle(), 6);
    }

    #[test]
    fn a_record_that_may_not_leave_joins_the_batch_that_was_opened_first() {
        let mut bench = Bench::new(4, 1 << 20);
        bench.read_unclear();
        bench.read_unclear();
        assert_eq!(bench.close(), [(String::new(), 0, 2)], "there was none, so it has got one");
        assert!(bench.read("a", Some(b"x")) && bench.read("b", Some(b"x")));
        bench.read_unclear();
        bench.read_unclear();
        assert!(!bench.read("a", Some(b"x")), "they count");
        assert_eq!(bench.close(), [("a".into(), 1, 2), ("b".into(), 1, 0)]);
        assert_eq!(bench.desk.settle(), 6);
    }

    #[test]
    fn a_batch_of_letters_only_leaves_no_group_behind() {
        let mut bench = Bench::new(1000, 1 << 20);
        assert!(bench.read("a", None) && bench.read("b", Some(b"x")));
        assert_eq!(bench.close(), [(String::new(), 0, 1), ("b".into(), 1, 0)]);
        assert!(bench.read("c", Some(b"x")));
        assert_eq!(bench.close(), [("c".into(), 1, 0)]);
        assert_eq!(bench.desk.settle(), 3);
    }

    const HOUR_MS: i64 = 3_600_000;

    /// Batches that are compressed while they are filled, one per group, closed apart.
    struct Segments {
        bench: Bench,
        at: Instant,
    }

    impl Segments {
        fn new(limits: FrameLimits, memory: usize) -> Self {
            let mut bench = Bench::new(1000, 4 << 20);
            let mut first = bench.desk.builder.another();
            first.limits = BatchLimits { max_events: 1000, max_bytes: 4 << 20 };
            let first = first.framing(3, limits).expect("there is such a level");
            let closing = Closing::Apart { age: Duration::from_secs(10), memory };
            bench.open = OpenBatches::new(first, closing);
            Self { bench, at: Instant::now() }
        }

        /// What has to be closed before this record; it is added when that is nothing.
        fn read(&mut self, group: &str, value: &[u8], timestamp_ms: i64) -> Due {
            let Bench { desk, open, sink, next } = &mut self.bench;
            let due = open.due_before(group.as_bytes(), value.len(), Some(timestamp_ms));
            if due == Due::Nothing {
                let (offset, partition) = (Offset::new(*next), PartitionId::new(0));
                *next += 1;
                let run = desk.ledger.track(SLOT, offset, None).expect("assigned");
                let timestamp_ms = Some(timestamp_ms);
                let record =
                    Record { topic: "t", partition, offset, timestamp_ms, key: None, value: Some(value), headers: &[] };
                let mut chain = Chain::default();
                let event = chain.clear(record).cleared().expect("no rules");
                open.push(group.as_bytes(), &Entry { run, topic: &TopicName::new("t"), event }, &**sink);
            }
            due
        }

        fn after(&mut self, seconds: u64) -> Option<usize> {
            self.bench.open.set_time(self.at + Duration::from_secs(seconds));
            self.bench.open.overdue()
        }

        /// Closes the batch at this place; its events, and the bytes before and after compression.
        fn close(&mut self, place: usize) -> (usize, usize, usize) {
            let sealed = self.bench.open.seal_at(place).expect("it is open");
            sealed.runs.iter().for_each(|run| self.bench.desk.ledger.seal(*run));
            let mut consignment = sealed.consignment.expect("there are events");
            let parcel = consignment.parcel(Coding::Zstd { level: 3 });
            let plain = zstd::decode_all(&parcel.body[..]).expect("it is Zstandard");
            assert_eq!(plain.len(), parcel.plain_len);
            consignment.settle(Outcome::Delivered);
            (parcel.events, parcel.plain_len, parcel.body.len())
        }
    }

    const NO_LIMITS: FrameLimits = FrameLimits { max_stored: usize::MAX, by_hour: true };

    #[test]
    fn a_segment_is_closed_when_it_is_full_and_the_others_stay_open() {
        let mut segments = Segments::new(NO_LIMITS, usize::MAX);
        let value = vec![b'x'; 1 << 20];
        assert_eq!(segments.read("other", b"1", 0), Due::Nothing);
        for _ in 0..3 {
            assert_eq!(segments.read("a", &value, 0), Due::Nothing);
        }
        assert_eq!(segments.read("a", &value, 0), Due::One(1));
        let (events, plain, stored) = segments.close(1);
        assert!(events == 3 && plain > 3 << 20 && stored < plain / 100, "{events} {plain} {stored}");
        assert_eq!(segments.read("a", &value, 0), Due::Nothing);
        assert_eq!(segments.close(0).0, 1, "the other group's is still open");
    }

    #[test]
    fn a_segment_is_closed_by_what_it_takes_compressed() {
        let mut segments = Segments::new(FrameLimits { max_stored: 100_000, by_hour: true }, usize::MAX);
        let mut rng = fastrand::Rng::with_seed(7);
        let value: Vec<u8> = (0..600_000).map(|_| rng.u8(..)).collect();
        assert_eq!(segments.read("a", &value, 0), Due::Nothing);
        assert_eq!(segments.read("a", &value, 0), Due::Nothing, "no frame is complete yet");
        assert_eq!(segments.read("a", b"1", 0), Due::One(0));
    }

    #[test]
    fn a_new_hour_begins_a_segment_and_a_late_record_does_not() {
        let mut segments = Segments::new(NO_LIMITS, usize::MAX);
        assert_eq!(segments.read("a", b"1", HOUR_MS), Due::Nothing);
        assert_eq!(segments.read("a", b"1", HOUR_MS - 1), Due::Nothing);
        assert_eq!(segments.read("a", b"1", 2 * HOUR_MS - 1), Due::Nothing);
        assert_eq!(segments.read("a", b"1", 2 * HOUR_MS), Due::One(0));
        segments.close(0);
        assert_eq!(segments.read("a", b"1", 2 * HOUR_MS), Due::Nothing);
        assert_eq!(segments.read("a", b"1", HOUR_MS), Due::Nothing);
    }

    #[test]
    fn a_segment_is_due_so_long_after_its_first_record() {
        let mut segments = Segments::new(NO_LIMITS, usize::MAX);
        assert_eq!(segments.after(0), None);
        assert_eq!(segments.read("a", b"1", 0), Due::Nothing);
        assert_eq!(segments.after(5), None);
        assert_eq!(segments.read("b", b"1", 0), Due::Nothing);
        assert_eq!(segments.read("a", b"1", 0), Due::Nothing);
        assert_eq!(segments.after(10), Some(0), "later records change nothing");
        segments.close(0);
        assert_eq!((segments.after(14), segments.after(15)), (None, Some(0)));
    }

    #[test]
    fn the_largest_segment_is_closed_when_memory_is_used_up() {
        let mut segments = Segments::new(NO_LIMITS, 400_000);
        let mut rng = fastrand::Rng::with_seed(7);
        let mut value = |len: usize| -> Vec<u8> { std::iter::repeat_with(|| rng.u8(..)).take(len).collect() };
        assert_eq!(segments.read("a", &value(100_000), 0), Due::Nothing);
        assert_eq!(segments.read("b", &value(300_000), 0), Due::Nothing);
        assert_eq!(segments.read("c", b"1", 0), Due::One(1));
        segments.close(1);
        assert_eq!(segments.read("c", b"1", 0), Due::Nothing);
    }

    #[test]
    fn what_open_segments_take_in_memory_is_counted_in_full() {
        let mut segments = Segments::new(NO_LIMITS, usize::MAX);
        segments.bench.open.builders[0].limits.max_events = 100_000;
        for _ in 0..5_000 {
            assert_eq!(segments.read("a", b"1", 0), Due::Nothing);
        }
        let small = segments.bench.open.held;
        assert!((5_000 * 40..2_000_000).contains(&small), "{small}: body, index and notes of 5,000 events");
        let value = vec![b'x'; 1 << 20];
        for _ in 0..3 {
            assert_eq!(segments.read("b", &value, 0), Due::Nothing);
        }
        let more = segments.bench.open.held - small;
        assert!(more < 2_500_000, "{more}: the segment of another group is compressed, too");
        segments.close(1);
        segments.close(0);
        assert_eq!(segments.bench.open.held, 0);
    }

    #[test]
    fn a_revocation_closes_the_segments_of_its_partitions() {
        let mut segments = Segments::new(NO_LIMITS, usize::MAX);
        assert_eq!(segments.read("a", b"1", 0), Due::Nothing);
        assert_eq!(segments.bench.open.concerning(&[SLOT]), Some(0));
        assert_eq!(segments.bench.open.concerning(&[Slot::new(9)]), None);
    }
}
