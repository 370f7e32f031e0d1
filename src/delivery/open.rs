//! The open batches: one per group of events that may share a request.
//!
//! - All of them together are as large as one batch may be, so the number of groups changes neither the memory that is
//!   held nor how long an event waits.
//! - They are closed together. A batch that was left open while others fill up would hold the watermark of its partitions.
//! - Their number is bounded: one group too many closes them all.
//!
//! A sink without groups has one group without a name, and there is one open batch.

use bytes::Bytes;

use super::attempt::Failure;
use super::batch::{BatchBuilder, Entry, Sealed};
use super::ledger::RunId;
use crate::defaults::OPEN_GROUPS_MAX;
use crate::event::Record;
use crate::position::TopicName;
use crate::sink::Sink;

pub(super) struct OpenBatches {
    /// Never empty. Those in use come first, in the order in which they were opened; the others keep their memory.
    builders: Vec<BatchBuilder>,
    in_use: usize,
    /// Records in all open batches.
    records: usize,
    /// Bytes of all their bodies and letters.
    bytes: usize,
}

impl OpenBatches {
    pub(super) fn new(first: BatchBuilder) -> Self {
        Self { builders: vec![first], in_use: 0, records: 0, bytes: 0 }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.in_use == 0
    }

    /// Whether all must be closed before an event of this group with a payload of this many bytes is added.
    pub(super) fn are_full_for(&self, group: &[u8], payload: usize) -> bool {
        let too_varied = self.in_use >= OPEN_GROUPS_MAX && self.place_of(group).is_none();
        too_varied || self.builders[0].limits.are_reached(self.records, self.bytes, payload)
    }

    /// Encodes the event into the open batch of its group, or sets it aside as a letter when the sink cannot take it.
    pub(super) fn push(&mut self, group: &[u8], entry: &Entry<'_>, sink: &dyn Sink) {
        let place = self.place_of(group).unwrap_or_else(|| self.open(group));
        let builder = &mut self.builders[place];
        let (records, bytes) = builder.size();
        builder.push(entry, sink);
        let (records_now, bytes_now) = builder.size();
        self.records += records_now - records;
        self.bytes += bytes_now - bytes;
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
        if self.in_use == 0 {
            return None;
        }
        let (records, bytes) = self.builders[0].size();
        self.records -= records;
        self.bytes -= bytes;
        let sealed = self.builders[0].seal();
        self.builders[..self.in_use].rotate_left(1);
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
        self.in_use += 1;
        place
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::delivery::attempt::{Attempt, Coding};
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
            Self { desk, open: OpenBatches::new(first), sink, next: 0 }
        }

        /// Reads one record of this group; `false` when the open batches have to be closed first.
        fn read(&mut self, group: &str, value: Option<&[u8]>) -> bool {
            if self.open.are_full_for(group.as_bytes(), value.map_or(0, <[u8]>::len)) {
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
}
