//! What a batch takes, what it weighs, and what it remembers of each record.

use super::*;
use crate::delivery::ledger::{Ledger, Outcome, Settlement};
use crate::delivery::testing::{MemorySink, refused};
use crate::event::Record;
use crate::position::{Offset, ResumeAt, Slot};
use crate::reason::Reason;
use crate::transform::Chain;

/// Reads records of any partition into one builder.
struct Bench {
    ledger: Ledger,
    builder: BatchBuilder,
    budget: Arc<Budget>,
    settlements: Arc<Settlements>,
    sink: Arc<MemorySink>,
}

impl Bench {
    fn new(limits: BatchLimits) -> Self {
        let settlements: Arc<Settlements> = Arc::default();
        let budget = Budget::new(1 << 20, Arc::clone(&settlements));
        let builder = BatchBuilder::new(limits, Arc::clone(&budget), Arc::clone(&settlements));
        let sink = MemorySink::new(1, |_, _| crate::delivery::attempt::Attempt::Delivered);
        let mut ledger = Ledger::new();
        for slot in 0..3 {
            ledger.assign(Slot::new(slot), ResumeAt::from_broker(0), None);
        }
        Self { ledger, builder, budget, settlements, sink }
    }

    fn roomy() -> Self {
        Self::new(BatchLimits { max_events: 1000, max_bytes: 1 << 20 })
    }

    fn is_full_for(&self, payload: usize) -> bool {
        let (records, bytes) = self.builder.size();
        self.builder.limits.are_reached(records, bytes, payload)
    }

    fn read<'a>(&mut self, slot: u32, record: Record<'a>, headers: &'a [u8]) {
        let record = Record { headers, ..record };
        let run = self.ledger.track(Slot::new(slot), record.offset, record.timestamp_ms).expect("assigned");
        let topic = TopicName::new(record.topic);
        let mut chain = Chain::default();
        let entry = Entry { run, topic: &topic, event: chain.clear(record).cleared().expect("no rules") };
        self.builder.push(&entry, &*self.sink);
    }

    fn seal(&mut self) -> Sealed {
        let sealed = self.builder.seal().expect("something was read");
        sealed.runs.iter().for_each(|run| self.ledger.seal(*run));
        sealed
    }

    /// Settles everything and checks that every record of every run was accounted for.
    fn finish(&mut self, sealed: Sealed) {
        sealed.letters.into_iter().for_each(|letter| letter.duty.settle(Outcome::DeadLettered));
        sealed.consignment.into_iter().for_each(|consignment| consignment.settle(Outcome::Delivered));
        let mut arrived: Vec<Settlement> = Vec::new();
        self.settlements.take(&mut arrived);
        arrived.into_iter().for_each(|settlement| self.ledger.settle(settlement));
        assert_eq!((self.ledger.totals().in_flight(), self.ledger.tracked_runs()), (0, 0));
    }
}

fn record(offset: i64, value: &[u8]) -> Record<'_> {
    Record {
        topic: "audit",
        partition: PartitionId::new(0),
        offset: Offset::new(offset),
        timestamp_ms: None,
        key: None,
        value: Some(value),
        headers: &[],
    }
}

#[test]
fn a_batch_is_full_at_its_number_of_events_and_letters_count() {
    let mut bench = Bench::new(BatchLimits { max_events: 2, max_bytes: 1 << 20 });
    assert!(!bench.is_full_for(0));
    bench.read(0, record(0, b"x"), &[]);
    assert!(!bench.is_full_for(0));
    bench.read(0, Record { value: None, ..record(1, b"") }, &[]);
    assert!(bench.is_full_for(0), "one event and one letter");
    let sealed = bench.seal();
    assert!(!bench.is_full_for(0));
    bench.finish(sealed);
}

#[test]
fn a_batch_is_full_when_payload_and_envelope_may_not_fit_but_an_empty_one_takes_anything() {
    let mut bench = Bench::new(BatchLimits { max_events: 1000, max_bytes: 4096 });
    assert!(!bench.is_full_for(1 << 20));
    let payload = [b'x'; 1000];
    bench.read(0, record(0, &payload), &[]);
    let written = "0 ".len() + payload.len() + "\n".len();
    let room = 4096 - written - ENVELOPE_ALLOWANCE;
    assert!(!bench.is_full_for(room));
    assert!(bench.is_full_for(room + 1));
    let sealed = bench.seal();
    bench.finish(sealed);
}

#[test]
fn letters_fill_a_batch_with_what_they_weigh() {
    let mut bench = Bench::new(BatchLimits { max_events: 1000, max_bytes: 8192 });
    let key = [b'k'; 3000];
    bench.read(0, Record { key: Some(&key), value: None, ..record(0, b"") }, &[]);
    assert!(!bench.is_full_for(0));
    bench.read(0, Record { key: Some(&key), value: None, ..record(1, b"") }, &[]);
    let weight = 2 * (size_of::<Letter>() + key.len());
    assert_eq!(bench.builder.size(), (2, weight));
    assert!(bench.is_full_for(8192 - ENVELOPE_ALLOWANCE - weight + 1));
    let sealed = bench.seal();
    assert_eq!(bench.builder.size(), (0, 0));
    bench.finish(sealed);
}

#[test]
fn a_batch_weighs_its_memory_and_a_letter_its_own() {
    let mut bench = Bench::roomy();
    for offset in 0..100 {
        bench.read(0, Record { key: Some(b"key"), ..record(offset, &[b'x'; 500]) }, &[]);
    }
    bench.read(1, Record { value: None, ..record(0, b"") }, &[]);
    let (body, events) = (bench.builder.body.capacity(), bench.builder.events.capacity());
    let expected = body + events * size_of::<Event>() + bench.builder.extras.capacity() + 2 * size_of::<Run>();
    let sealed = bench.seal();
    let letters: usize = sealed.letters.iter().map(|quarantined| quarantined.letter.weight()).sum();
    assert_eq!(bench.budget.used(), (expected + letters) as u64);
    assert!(body >= 100 * 500 && events >= 100);
    bench.finish(sealed);
    assert_eq!(bench.budget.used(), 0);
}

#[test]
fn the_next_batch_is_given_room_like_the_last_one_and_not_more_than_a_full_one_needs() {
    let mut bench = Bench::new(BatchLimits { max_events: 1000, max_bytes: 40_000 });
    bench.read(0, record(0, b"x"), &[]);
    let first = bench.builder.body.capacity();
    assert!((FIRST_CAPACITY..FIRST_CAPACITY * 2).contains(&first), "{first}");
    for offset in 1..200 {
        bench.read(0, record(offset, &[b'x'; 150]), &[]);
    }
    let written = bench.builder.body.len();
    let sealed = bench.seal();
    bench.read(0, record(200, b"x"), &[]);
    let (second, events) = (bench.builder.body.capacity(), bench.builder.events.capacity());
    assert!((written + written / 8..written + written / 4).contains(&second), "{second} after {written}");
    assert!((225..=300).contains(&events), "room for {events} events after 200");
    for offset in 201..500 {
        bench.read(0, record(offset, &[b'x'; 150]), &[]);
    }
    let other = bench.seal();
    bench.read(0, record(500, b"x"), &[]);
    assert_eq!(bench.builder.body.capacity(), 40_000 + ENVELOPE_ALLOWANCE, "no more than is allowed to fill");
    let last = bench.seal();
    for sealed in [sealed, other] {
        sealed.consignment.expect("events").settle(Outcome::Delivered);
    }
    bench.finish(last);
}

#[test]
fn a_batch_knows_its_oldest_record_whatever_the_order_and_ignores_records_without_a_time() {
    let mut bench = Bench::roomy();
    bench.read(0, record(0, b"x"), &[]);
    let sealed = bench.seal();
    assert_eq!(sealed.consignment.as_ref().and_then(Consignment::oldest_ms), None);
    bench.finish(sealed);
    for (offset, timestamp_ms) in [(1, None), (2, Some(30)), (3, Some(10)), (4, Some(20)), (5, None)] {
        bench.read(0, Record { timestamp_ms, ..record(offset, b"x") }, &[]);
    }
    let sealed = bench.seal();
    assert_eq!(sealed.consignment.as_ref().and_then(Consignment::oldest_ms), Some(10));
    bench.finish(sealed);
    bench.read(0, record(6, b"x"), &[]);
    let sealed = bench.seal();
    assert_eq!(sealed.consignment.as_ref().and_then(Consignment::oldest_ms), None, "nothing is left of the last batch");
    bench.finish(sealed);
}

#[test]
fn each_run_is_settled_with_exactly_its_records() {
    let mut bench = Bench::roomy();
    for (slot, offset) in [(2, 0), (0, 0), (2, 1), (1, 0), (2, 2), (0, 1)] {
        bench.read(slot, record(offset, b"x"), &[]);
    }
    let sealed = bench.seal();
    assert_eq!(sealed.runs.len(), 3);
    bench.finish(sealed);
    assert!(bench.builder.is_empty() && bench.builder.seal().is_none());
}

#[test]
fn a_part_answers_for_the_runs_of_its_own_records_only() {
    let mut bench = Bench::roomy();
    for (slot, offset) in [(0, 0), (0, 1), (1, 0), (1, 1), (0, 2)] {
        bench.read(slot, record(offset, b"x"), &[]);
    }
    let sealed = bench.seal();
    let slots = |part: &Consignment| part.runs().map(|run| run.slot.index()).collect::<Vec<_>>();
    let (front, back) = sealed.consignment.expect("events").split_at(2);
    let (middle, last) = back.expect("three").split_at(2);
    let parts = [front, middle, last].map(|part| part.expect("events"));
    assert_eq!(parts.each_ref().map(slots), [vec![0], vec![1], vec![0]]);
    let mut watermarks = Vec::new();
    for part in parts {
        part.settle(Outcome::Delivered);
        let mut arrived = Vec::new();
        bench.settlements.take(&mut arrived);
        arrived.into_iter().for_each(|settlement| bench.ledger.settle(settlement));
        let watermark = |slot| bench.ledger.watermark(Slot::new(slot)).map(ResumeAt::get);
        watermarks.push([watermark(0), watermark(1)]);
    }
    assert_eq!(watermarks, [[Some(0), Some(0)], [Some(0), Some(2)], [Some(3), Some(2)]]);
}

#[test]
fn a_partition_that_begins_anew_within_a_batch_is_another_run() {
    let mut bench = Bench::roomy();
    bench.read(0, record(0, b"old"), &[]);
    let slot = Slot::new(0);
    bench.ledger.assign(slot, ResumeAt::from_broker(0), None);
    bench.read(0, record(0, b"new"), &[]);
    bench.read(0, record(1, b"new"), &[]);
    let sealed = bench.seal();
    assert_eq!(sealed.runs.len(), 2);
    sealed.consignment.expect("events").settle(Outcome::Delivered);
    let mut arrived = Vec::new();
    bench.settlements.take(&mut arrived);
    arrived.into_iter().for_each(|settlement| bench.ledger.settle(settlement));
    assert_eq!((bench.ledger.totals().stale_settlements, bench.ledger.totals().delivered), (1, 2));
}

#[test]
fn a_letter_holds_the_record_as_it_was_read() {
    let mut flat = Vec::new();
    headers::push(&mut flat, "trace", Some(b"1"));
    headers::push(&mut flat, "empty", None);
    let with_all = |offset| Record { key: Some(b"key"), timestamp_ms: Some(77), ..record(offset, b"value") };
    let mut bench = Bench::roomy();
    bench.read(0, with_all(0), &flat);
    bench.read(0, record(1, b"plain"), &[]);
    bench.read(0, Record { key: Some(b""), ..record(2, b"") }, &[]);
    bench.read(0, record(3, b"no key"), &flat);
    bench.read(0, Record { value: None, ..with_all(4) }, &flat);
    let sealed = bench.seal();

    let named = vec![("trace".to_owned(), Some(b"1".to_vec())), ("empty".to_owned(), None)];
    let refused_at_once = sealed.letters[0].letter.clone();
    let expected = Letter {
        topic: TopicName::new("audit"),
        partition: PartitionId::new(0),
        offset: Offset::new(4),
        timestamp_ms: Some(77),
        key: Some(b"key".to_vec()),
        headers: named.clone(),
        value: None,
        content: Content::AsRead,
        failure: Failure::new(Reason::EmptyValue, "no value"),
    };
    assert_eq!(refused_at_once, expected);

    let mut rest = sealed.consignment;
    let mut letters = Vec::new();
    while let Some(consignment) = rest.take() {
        let (first, others) = consignment.split_at(1);
        let quarantined = first.expect("one event").into_letter(refused());
        letters.push(quarantined.letter.clone());
        quarantined.duty.settle(Outcome::DeadLettered);
        rest = others;
    }
    let letter = |offset, timestamp_ms, key: Option<&[u8]>, headers: &[_], value: &[u8]| Letter {
        offset: Offset::new(offset),
        timestamp_ms,
        key: key.map(<[u8]>::to_vec),
        headers: headers.to_vec(),
        value: Some(value.to_vec()),
        failure: refused(),
        ..expected.clone()
    };
    let expected = [
        letter(0, Some(77), Some(b"key"), &named, b"value"),
        letter(1, None, None, &[], b"plain"),
        letter(2, None, Some(b""), &[], b""),
        letter(3, None, None, &named, b"no key"),
    ];
    assert_eq!(letters, expected);
    sealed.letters.into_iter().for_each(|letter| letter.duty.settle(Outcome::DeadLettered));
}

#[test]
fn the_payload_is_cut_out_of_its_envelope() {
    let event = br#"{"event":"a\"b","fields":{}}"#;
    assert_eq!(original_payload(event, PayloadAt::JsonString { start: 9, len: 6 }), b"a\"b");
    assert_eq!(original_payload(event, PayloadAt::Verbatim { start: 9, len: 6 }), br#""a\"b""#);
    assert_eq!(original_payload(event, PayloadAt::JsonString { start: 9, len: 5 }), br#""a\"b"#, "not JSON: as it is");
    assert_eq!(original_payload(event, PayloadAt::Verbatim { start: 20, len: 99 }), b"");
    assert_eq!(original_payload(event, PayloadAt::BehindBrace { start: 1, len: 7 }), br#"{"event""#);
}

#[test]
fn extras_are_read_back_with_and_without_a_key() {
    for (key, headers) in [(Some(&b"k"[..]), &b"hh"[..]), (Some(b""), b""), (None, b"h"), (None, b"")] {
        let mut extras = Vec::new();
        push_extras(&mut extras, key, headers);
        assert_eq!(split_extras(&extras), (key.map(<[u8]>::to_vec), headers));
    }
    assert_eq!(split_extras(b""), (None, &b""[..]));
}

#[test]
fn a_payload_kept_beside_is_read_back_before_key_and_headers() {
    for payload in [&b"value"[..], b""] {
        let mut extras = Vec::new();
        push_apart(&mut extras, payload);
        push_extras(&mut extras, Some(b"k"), b"h");
        let (value, rest) = split_apart(&extras);
        assert_eq!((value.as_slice(), split_extras(rest)), (payload, (Some(b"k".to_vec()), &b"h"[..])));
    }
    assert_eq!(split_apart(b"\x09\0\0\0x"), (Vec::new(), &b"\x09\0\0\0x"[..]), "torn");
}

/// Encodes a payload in one of the ways that a sink can.
struct Encoding(fn(u32, u32) -> PayloadAt);

impl Sink for Encoding {
    fn encode(&self, event: &Cleared<'_>, out: &mut Vec<u8>) -> Result<PayloadAt, Failure> {
        let value = event.record().value.ok_or_else(refused)?;
        let narrow = |n: usize| u32::try_from(n).expect("small");
        let written = match (self.0)(0, 0) {
            PayloadAt::Verbatim { .. } => value.to_vec(),
            PayloadAt::JsonString { .. } => {
                serde_json::to_vec(std::str::from_utf8(value).expect("text")).expect("a string")
            }
            PayloadAt::BehindBrace { .. } => value[1..].to_vec(),
            PayloadAt::Elsewhere => b"(nothing of it)".to_vec(),
        };
        out.extend_from_slice(b"envelope:");
        out.extend_from_slice(&written);
        out.push(b'\n');
        Ok((self.0)(narrow("envelope:".len()), narrow(written.len())))
    }

    fn attempt(
        &self,
        _: usize,
        _: crate::delivery::attempt::Parcel,
    ) -> crate::delivery::attempt::BoxFuture<crate::delivery::attempt::Attempt> {
        unreachable!("nothing is sent")
    }

    fn endpoints(&self) -> &[String] {
        &[]
    }

    fn level(&self) -> crate::sink::DeliveryLevel {
        crate::sink::DeliveryLevel::Accepted
    }
}

/// However a sink encodes events, a letter of one that was redacted holds what redaction has left, and says so.
#[test]
fn a_letter_of_a_redacted_event_holds_what_was_left_of_it() {
    use crate::transform::config::{ChainConfig, RedactConfig, StepConfig};
    use crate::transform::redact::{Class, Treatment};
    const SECRET: &str = "secret@example.com";
    let step = StepConfig {
        classes: vec![Class::Email],
        keep_members: Vec::new(),
        paths: Vec::new(),
        patterns: Vec::new(),
        treatment: Treatment::Replace("\"gone\"".to_owned()),
    };
    let redact = RedactConfig { steps: vec![step], keep_key: false, keep_headers: vec!["kept".to_owned()] };
    let mut chain = Chain::new(&ChainConfig { redact, ..ChainConfig::default() });
    let mut flat = Vec::new();
    headers::push(&mut flat, "kept", Some(b"1"));
    headers::push(&mut flat, "other", Some(SECRET.as_bytes()));
    let value = format!(r#"{{"a":"{SECRET}","b":"\u00e4"}}"#);
    let topic = TopicName::new("audit");
    let encodings: [fn(u32, u32) -> PayloadAt; 4] = [
        |start, len| PayloadAt::Verbatim { start, len },
        |start, len| PayloadAt::JsonString { start, len },
        |start, len| PayloadAt::BehindBrace { start, len },
        |_, _| PayloadAt::Elsewhere,
    ];
    for encoding in encodings {
        let mut bench = Bench::roomy();
        for offset in 0..3 {
            let run = bench.ledger.track(Slot::new(0), Offset::new(offset), None).expect("assigned");
            let value = match offset {
                0 => Some(value.as_bytes()),
                1 => None,
                _ => Some(SECRET.as_bytes()),
            };
            let read = Record { key: Some(SECRET.as_bytes()), headers: &flat, value, ..record(offset, b"") };
            match chain.clear(read) {
                crate::transform::Verdict::Cleared(event) => {
                    bench.builder.push(&Entry { run, topic: &topic, event }, &Encoding(encoding));
                }
                crate::transform::Verdict::Unclear(record, failure) => {
                    bench.builder.set_aside(run, &topic, &record, failure)
                }
                crate::transform::Verdict::Filtered(_) => unreachable!("there is no rule"),
            }
        }
        let sealed = bench.seal();
        let [empty, unclear] = sealed.letters.as_slice() else { unreachable!("two letters at once") };
        assert_eq!((empty.letter.content, &empty.letter.key, &empty.letter.value), (Content::Cleared, &None, &None));
        assert_eq!((unclear.letter.content, unclear.letter.failure.reason), (Content::Unclear, Reason::Unredactable));
        assert_eq!((unclear.letter.key.as_deref(), unclear.letter.headers.len()), (Some(SECRET.as_bytes()), 2));
        let refused = sealed.consignment.expect("one event").into_letter(refused());
        let letter = refused.letter.clone();
        assert_eq!(letter.content, Content::Cleared);
        let left = r#"{"a":"\"gone\"","b":"\u00e4"}"#;
        assert_eq!(letter.value.as_deref().map(String::from_utf8_lossy).as_deref(), Some(left), "{:?}", encoding(0, 0));
        assert_eq!((letter.key, letter.headers), (None, vec![("kept".to_owned(), Some(b"1".to_vec()))]));
        refused.duty.settle(Outcome::DeadLettered);
        sealed.letters.into_iter().for_each(|letter| letter.duty.settle(Outcome::DeadLettered));
    }
}
