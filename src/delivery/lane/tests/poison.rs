//! How many requests it takes to find the events that a server will never take, and that nothing else happens to the others.
//!
//! # What is possible
//!
//! `n` events, `k` of them bad; a request is counted whether it is refused or taken.
//!
//! **A server that names the event**: each refusal settles what stands before the bad event, names it, and leaves the rest,
//! so there is one refusal for each bad event, and one more request for what stands after the last, if anything does. That
//! is exact, for every `k`: `k + 1`, or `k` when the last event is bad. It is below `2 log2(n) + k` for every `n` above 1.
//!
//! **A server that only refuses**: a request tells one bit, taken or refused, and there are C(n, k) sets of bad events to tell
//! apart; so *no* search gets by with fewer than log2 C(n, k) requests in the worst case. For 5 bad events in 1,000 that is
//! 43, and `2 log2(n) + k` would be 24: the bound cannot hold for several bad events of a mute server. What can:
//!
//! - One bad event: each cut costs two requests when it lies in the front (a refusal, and the suspect is sent) and one
//!   when it lies in the suspect (the front is sent, the suspect is not). Two requests shrink what is left to two fifths, one
//!   to three fifths; `2 <= 2 log2(5/2)` and `1 <= 2 log2(5/3)`, so all cuts together cost at most `2 log2(n)`, and the first
//!   refusal comes on top: **`2 log2(n) + 1`**, the same as `2 log2(n) + k`. It is reached at n = 1, 2 and 4. (Rounding at
//!   small `n` was checked by computing the worst case of every `n` up to 1,000; for 1,000 it is 17 requests.)
//! - `k` bad events: worst when they part as early as they can, which takes `k - 1` cuts of two requests each; then each
//!   is alone in `n/k` events: **`2k log2(n/k) + 2k - 1`**. Also checked by computing, for every `k` up to 5; it is reached.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;
use crate::delivery::testing::schedules;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Dialect {
    /// Names the first bad event and keeps what stands before it.
    Naming,
    /// Refuses the whole and says no more.
    Mute,
}

/// The most requests that may be needed; see above.
fn most_requests(dialect: Dialect, events: usize, bad: &BTreeSet<i64>) -> f64 {
    let (n, k) = (events as f64, bad.len() as f64);
    match dialect {
        _ if bad.is_empty() => 1.0,
        Dialect::Naming if bad.contains(&(events as i64 - 1)) => k,
        Dialect::Naming => k + 1.0,
        Dialect::Mute => 2.0 * k * (n / k).log2() + 2.0 * k - 1.0,
    }
}

/// What became of one batch.
struct Found {
    requests: usize,
    /// How often each event was taken.
    taken: BTreeMap<i64, u32>,
    letters: Vec<i64>,
}

fn find(dialect: Dialect, events: usize, bad: &BTreeSet<i64>, max_in_flight: usize) -> Found {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    runtime.expect("runtime").block_on(async {
        let taken = Arc::new(Mutex::new(BTreeMap::new()));
        let (seen, culprits) = (Arc::clone(&taken), bad.clone());
        let sink = MemorySink::new(1, move |_, offsets| {
            let first_bad = offsets.iter().position(|offset| culprits.contains(offset));
            let (good, attempt) = match (first_bad, dialect) {
                (None, _) => (offsets, Attempt::Delivered),
                (Some(_), Dialect::Mute) => (&offsets[..0], Attempt::Split(refused())),
                (Some(bad), Dialect::Naming) => {
                    (&offsets[..bad], Attempt::Poison { delivered: bad, bad, failure: refused() })
                }
            };
            let mut taken = lock(&seen);
            good.iter().for_each(|offset| *taken.entry(*offset).or_default() += 1);
            attempt
        });
        let letters = Arc::default();
        let mut rig = rig(&sink, max_in_flight, Some(store_into(&letters, || Ok(()))));
        rig.ship_batch(events).await;
        rig.until(events as i64).await;
        let totals = rig.desk.ledger.totals();
        assert_eq!((totals.in_flight(), totals.abandoned, rig.desk.budget.used()), (0, 0, 0));
        rig.end().await;
        let mut letters: Vec<i64> = lock(&letters).iter().map(|letter: &Letter| letter.offset.get()).collect();
        letters.sort_unstable();
        let taken = std::mem::take(&mut *lock(&taken));
        Found { requests: sink.attempts().len(), taken, letters }
    })
}

fn assert_found(dialect: Dialect, events: usize, bad: &BTreeSet<i64>, found: &Found) {
    assert_eq!(found.letters, bad.iter().copied().collect::<Vec<_>>(), "only the culprits");
    let expected: BTreeMap<i64, u32> = (0..events as i64).filter(|n| !bad.contains(n)).map(|n| (n, 1)).collect();
    assert_eq!(found.taken, expected, "everything else, once");
    let most = most_requests(dialect, events, bad);
    assert!(found.requests as f64 <= most, "{} requests, at most {most}: {dialect:?}", found.requests);
}

fn dialects() -> impl Strategy<Value = Dialect> {
    prop_oneof![Just(Dialect::Naming), Just(Dialect::Mute)]
}

/// Number of events, and which of them are bad.
fn batches() -> impl Strategy<Value = (usize, BTreeSet<i64>)> {
    (1usize..=1_000).prop_flat_map(|events| {
        let bad = prop::collection::btree_set(0..events as i64, 1..=events.min(5));
        (Just(events), bad)
    })
}

proptest! {
    #![proptest_config(schedules(5_000))]

    #[test]
    fn only_the_culprits_become_letters_the_others_are_delivered_once_and_the_requests_are_few(
        dialect in dialects(),
        (events, bad) in batches(),
        max_in_flight in 1usize..4,
    ) {
        let found = find(dialect, events, &bad, max_in_flight);
        assert_found(dialect, events, &bad, &found);
    }
}

#[test]
fn one_culprit_of_a_mute_server_never_takes_more_than_two_log_n_and_one() {
    for events in 1..=48 {
        let mut most = 0;
        for bad in 0..events as i64 {
            let bad = BTreeSet::from([bad]);
            let found = find(Dialect::Mute, events, &bad, 1);
            assert_found(Dialect::Mute, events, &bad, &found);
            most = most.max(found.requests);
        }
        if [1, 2, 4].contains(&events) {
            assert_eq!(most, 2 * events.ilog2() as usize + 1, "the bound is reached at {events}");
        }
    }
}

#[test]
fn the_worst_place_of_one_culprit_among_a_thousand_costs_seventeen_requests() {
    let requests = |bad| find(Dialect::Mute, 1_000, &BTreeSet::from([bad]), 4).requests;
    assert_eq!((0..1_000).map(requests).max(), Some(17));
}

#[test]
fn events_that_are_all_bad_are_all_letters() {
    for dialect in [Dialect::Naming, Dialect::Mute] {
        let bad: BTreeSet<i64> = (0..20).collect();
        let found = find(dialect, 20, &bad, 2);
        assert_found(dialect, 20, &bad, &found);
    }
}
