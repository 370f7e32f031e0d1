//! Parts of batches: what they send, what they weigh, what they settle.

use std::io::Read;

use flate2::read::GzDecoder;

use super::*;
use crate::delivery::attempt::Attempt;
use crate::delivery::testing::{Desk, MemorySink, refused};

fn desk() -> Desk {
    Desk::new(&MemorySink::new(1, |_, _| Attempt::Delivered))
}

fn consignment(desk: &mut Desk, records: usize) -> Consignment {
    desk.batch(records).consignment.expect("events")
}

fn unzipped(parcel: &Parcel) -> Vec<u8> {
    assert_eq!(parcel.coding, Coding::Gzip);
    let mut plain = Vec::new();
    GzDecoder::new(&parcel.body[..]).read_to_end(&mut plain).expect("a whole gzip stream");
    plain
}

fn lines(offsets: std::ops::Range<i64>) -> Vec<u8> {
    offsets.map(|offset| format!("{offset} payload\n")).collect::<String>().into_bytes()
}

#[test]
fn both_codings_carry_the_same_events() {
    let mut desk = desk();
    let mut whole = consignment(&mut desk, 10);
    assert_eq!((whole.count(), whole.oldest_ms()), (10, Some(1000)));
    let plain = whole.parcel(Coding::Identity);
    assert_eq!((&plain.body[..], plain.events, plain.coding), (&lines(0..10)[..], 10, Coding::Identity));
    let zipped = whole.parcel(Coding::Gzip);
    assert_eq!((unzipped(&zipped), zipped.events), (lines(0..10), 10));
    assert_eq!(whole.parcel(Coding::Identity).body, plain.body, "held compressed, it can still be sent plain");
    whole.settle(Outcome::Delivered);
    assert_eq!(desk.settle(), 10);
}

#[test]
fn a_whole_batch_is_compressed_once_and_weighs_that_from_then_on() {
    let mut desk = desk();
    let mut whole = consignment(&mut desk, 1000);
    let before = desk.budget.used();
    let first = whole.parcel(Coding::Gzip);
    let batch = &whole.batch;
    let (index, extras) = (batch.index.weight() as u64, batch.extras.len() as u64);
    assert!(index < 1000 * 10 && before > lines(0..1000).len() as u64 + 4 * index + extras);
    let runs = size_of_val(&batch.runs[..]) as u64;
    assert_eq!(desk.budget.used(), first.body.len() as u64 + index + runs + extras);
    assert_eq!(whole.parcel(Coding::Gzip).body.as_ptr(), first.body.as_ptr(), "the same bytes are sent again");
    whole.settle(Outcome::Delivered);
    assert_eq!(desk.budget.used(), 0);
}

#[test]
fn parts_of_a_batch_send_and_settle_their_own_events() {
    for compressed_before in [false, true] {
        let mut desk = desk();
        let mut whole = consignment(&mut desk, 10);
        if compressed_before {
            whole.parcel(Coding::Gzip);
        }
        let (front, back) = whole.split_at(4);
        let (mut front, back) = (front.expect("four"), back.expect("six"));
        let (middle, last) = back.split_at(5);
        let (mut middle, mut last) = (middle.expect("five"), last.expect("one"));
        for (part, offsets) in [(&mut front, 0..4), (&mut middle, 4..9), (&mut last, 9..10)] {
            let (plain, zipped) = (part.parcel(Coding::Identity), part.parcel(Coding::Gzip));
            assert_eq!((&plain.body[..], plain.events), (&lines(offsets.clone())[..], part.count()));
            assert_eq!(unzipped(&zipped), lines(offsets));
        }
        middle.settle(Outcome::Delivered);
        last.settle(Outcome::DeadLettered);
        assert_eq!((desk.settle(), desk.ledger.totals().delivered, desk.ledger.totals().dead_lettered), (0, 5, 1));
        front.settle(Outcome::Delivered);
        assert_eq!(desk.settle(), 10);
    }
}

#[test]
fn a_cut_at_either_end_leaves_one_part() {
    let mut desk = desk();
    let (front, back) = consignment(&mut desk, 3).split_at(0);
    assert!(front.is_none());
    let (front, back) = back.expect("all").split_at(3);
    assert!(back.is_none());
    front.expect("all").settle(Outcome::Delivered);
    assert_eq!(desk.settle(), 3);
}

#[test]
fn a_letter_weighs_beside_its_batch_until_it_is_stored() {
    let mut desk = desk();
    let (one, rest) = consignment(&mut desk, 2).split_at(1);
    let batch = desk.budget.used();
    let letter = one.expect("one").into_letter(refused());
    assert_eq!(desk.budget.used(), batch + letter.letter.weight() as u64);
    rest.expect("one").settle(Outcome::Delivered);
    assert_eq!(desk.budget.used(), letter.letter.weight() as u64);
    letter.duty.settle(Outcome::DeadLettered);
    drop((letter.letter, letter.held));
    assert_eq!((desk.settle(), desk.budget.used()), (2, 0));
}
