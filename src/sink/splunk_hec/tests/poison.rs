//! Bad events in batches, over the wire: only they become dead letters, and everything else is indexed once.
//!
//! How many requests that may take, and why, stands in `delivery::lane::tests::poison`, which runs thousands of batches through
//! the lane alone; here the answers of a collector are read and understood as well.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::rig::{Crossing, Settings, reads_with};
use super::*;

/// The most requests for `bad` among `events`.
fn most_requests(answer: PoisonAnswer, events: usize, bad: usize) -> f64 {
    let (n, k) = (events as f64, bad as f64);
    match answer {
        PoisonAnswer::Named(_) => k + 1.0,
        PoisonAnswer::Unnamed(_) => 2.0 * k * (n / k).log2() + 2.0 * k - 1.0,
    }
}

async fn isolate(answer: PoisonAnswer, level: DeliveryLevel, coding: Coding, events: usize, bad: &BTreeSet<usize>) {
    let token = match level {
        DeliveryLevel::Accepted | DeliveryLevel::Archived => Token::new(TOKEN),
        DeliveryLevel::Indexed => Token::new(TOKEN).with_acknowledgement(),
    };
    let server = HecStandIn::start(HecOptions { tokens: vec![token], ..HecOptions::default() }).await.unwrap();
    let hec = server.hec();
    hec.set_poison(vec![Poison { needle: "BAD".into(), answer }]);
    let config = HecConfig { delivery: level, ack_timeout: Duration::from_secs(60), ..config(&[&server.url()]) };
    let bad: Vec<usize> = bad.iter().copied().collect();
    let crossing = Crossing::start(SplunkHec::new(&config).unwrap(), Settings { coding, ..Settings::default() });
    crossing.feed(reads_with(events, &bad));
    crossing.settled().await;
    let carried = crossing.end().await;

    let offsets: Vec<i64> = bad.iter().map(|n| i64::try_from(*n).unwrap()).collect();
    let mut letters: Vec<i64> = carried.letters.iter().map(|letter| letter.offset.get()).collect();
    letters.sort_unstable();
    assert_eq!(letters, offsets, "only the culprits");
    let last = i64::try_from(events).unwrap();
    assert_eq!(hec.missing("audit", 0, 0..last), offsets, "everything else is indexed");
    assert_eq!((hec.count().duplicates, carried.committed), (0, last), "once");
    let (requests, most) = (hec.count().requests as f64, most_requests(answer, events, bad.len()));
    assert!(requests <= most, "{requests} requests, at most {most}");
}

/// With the event's number and without, by every code that there is for it.
fn answers() -> impl Strategy<Value = PoisonAnswer> {
    let code = prop::sample::select(vec![5u16, 6, 12, 13, 15]);
    (code, any::<bool>()).prop_map(
        |(code, named)| {
            if named { PoisonAnswer::Named(code) } else { PoisonAnswer::Unnamed(code) }
        },
    )
}

fn batches() -> impl Strategy<Value = (usize, BTreeSet<usize>)> {
    (1usize..=1_000).prop_flat_map(|events| {
        let bad = prop::collection::btree_set(0..events, 1..=events.min(5));
        (Just(events), bad)
    })
}

/// Each batch is carried over sockets, so the failing ones are not shrunk for hours.
fn few() -> ProptestConfig {
    ProptestConfig { max_shrink_iters: 50, ..ProptestConfig::with_cases(60) }
}

proptest! {
    #![proptest_config(few())]

    #[test]
    fn only_the_culprits_of_a_batch_become_letters_and_the_others_are_indexed_once(
        answer in answers(),
        (events, bad) in batches(),
        indexed: bool,
        gzip: bool,
    ) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let level = if indexed { DeliveryLevel::Indexed } else { DeliveryLevel::Accepted };
        let coding = if gzip { Coding::Gzip } else { Coding::Identity };
        runtime.block_on(isolate(answer, level, coding, events, &bad));
    }
}
