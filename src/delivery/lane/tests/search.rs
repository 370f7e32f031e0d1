//! The search for an event that is refused without a name. How long it takes stands in `poison`.

use super::*;

fn mute(bad: i64) -> impl FnMut(usize, &[i64]) -> Attempt + Send + 'static {
    move |_, offsets| if offsets.contains(&bad) { Attempt::Split(refused()) } else { Attempt::Delivered }
}

fn sent(sink: &MemorySink) -> Vec<std::ops::RangeInclusive<i64>> {
    sink.attempts().iter().map(|(_, offsets)| offsets[0]..=offsets[offsets.len() - 1]).collect()
}

#[tokio::test(start_paused = true)]
async fn what_must_hold_the_bad_event_is_not_sent_whole() {
    let letters = Arc::default();
    let sink = MemorySink::new(1, mute(9));
    let mut rig = rig(&sink, 4, Some(store_into(&letters, || Ok(()))));
    rig.ship_batch(10).await;
    rig.until(10).await;
    assert_eq!(sent(&sink), [0..=9, 0..=3, 4..=5, 6..=6, 7..=7, 8..=8, 9..=9]);
    assert_eq!(lock(&letters).len(), 1);
    rig.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_refusal_that_the_front_explains_clears_the_suspect() {
    let letters = Arc::default();
    let sink = MemorySink::new(1, mute(0));
    let mut rig = rig(&sink, 1, Some(store_into(&letters, || Ok(()))));
    rig.ship_batch(10).await;
    rig.until(10).await;
    assert_eq!(sent(&sink), [0..=9, 0..=3, 0..=0, 1..=3, 4..=9]);
    rig.end().await;
}

#[tokio::test(start_paused = true)]
async fn with_one_request_at_a_time_a_search_keeps_the_order() {
    for bad in [0, 6, 13, 19] {
        let accepted = Arc::new(Mutex::new(Vec::new()));
        let (seen, mut answer) = (Arc::clone(&accepted), mute(bad));
        let mut failures = fastrand::Rng::with_seed(5);
        let sink = MemorySink::new(1, move |endpoint, offsets| {
            if failures.u8(..3) == 0 {
                return retry();
            }
            let attempt = answer(endpoint, offsets);
            if matches!(attempt, Attempt::Delivered) {
                lock(&seen).extend_from_slice(offsets);
            }
            attempt
        });
        let letters = Arc::default();
        let mut rig = rig(&sink, 1, Some(store_into(&letters, || Ok(()))));
        for _ in 0..3 {
            rig.ship_batch(20).await;
        }
        rig.until(60).await;
        assert_eq!(*lock(&accepted), (0..60).filter(|offset| *offset != bad).collect::<Vec<i64>>());
        rig.end().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_front_that_is_neither_taken_nor_refused_keeps_its_suspect_waiting() {
    for answer in [retry as fn() -> Attempt, unauthorized] {
        let letters = Arc::default();
        let mut failures = 3;
        let mut then = mute(9);
        let sink = MemorySink::new(1, move |endpoint, offsets| {
            if offsets.len() == 4 && failures > 0 {
                failures -= 1;
                return answer();
            }
            then(endpoint, offsets)
        });
        let mut rig = rig(&sink, 4, Some(store_into(&letters, || Ok(()))));
        rig.ship_batch(10).await;
        rig.until(10).await;
        assert_eq!(sent(&sink)[..6], [0..=9, 0..=3, 0..=3, 0..=3, 0..=3, 4..=5]);
        rig.end().await;
    }
}

#[tokio::test(start_paused = true)]
async fn an_acceptance_is_enough_to_go_on_with_the_search_while_the_proof_is_to_come() {
    let letters = Arc::default();
    let proof = || -> BoxFuture<Attempt> {
        Box::pin(async {
            tokio::time::sleep(Duration::from_secs(10)).await;
            Attempt::Delivered
        })
    };
    let sink = MemorySink::new(1, move |_, offsets| match offsets.contains(&9) {
        true => Attempt::Split(refused()),
        false => Attempt::Pending(proof()),
    });
    let mut rig = rig(&sink, 4, Some(store_into(&letters, || Ok(()))));
    rig.ship_batch(10).await;
    rig.pass(Duration::from_secs(1)).await;
    assert_eq!((sink.attempts().len(), lock(&letters).len(), rig.desk.settle()), (7, 1, 0));
    rig.until(10).await;
    rig.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_refusal_without_a_cause_condemns_nobody() {
    let letters: Arc<Mutex<Vec<Letter>>> = Arc::default();
    let sink = MemorySink::new(1, |_, offsets| match offsets.len() {
        10 => Attempt::Split(refused()),
        _ => Attempt::Delivered,
    });
    let mut rig = rig(&sink, 4, Some(store_into(&letters, || Ok(()))));
    rig.ship_batch(10).await;
    rig.until(10).await;
    assert_eq!((lock(&letters).len(), rig.desk.ledger.totals().delivered), (0, 10));
    let sent = sink.attempts()[1..].iter().map(|(_, offsets)| offsets.len()).sum::<usize>();
    assert_eq!(sent, 10, "nothing of it was sent twice");
    rig.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_parcel_that_is_too_large_is_halved_and_both_halves_are_sent() {
    let too_large = || Attempt::Split(Failure::new(Reason::RequestTooLarge, "413"));
    let sink = MemorySink::new(1, move |_, offsets| if offsets.len() > 6 { too_large() } else { Attempt::Delivered });
    let mut rig = rig(&sink, 4, None);
    rig.ship_batch(10).await;
    rig.until(10).await;
    assert_eq!(sent(&sink), [0..=9, 0..=4, 5..=9]);
    rig.end().await;
}

/// A front of four under way for a minute, and a suspect of six.
async fn search_under_way(sink: &Arc<MemorySink>) -> Rig {
    let letters = Arc::default();
    let mut rig = rig(sink, 1, Some(store_into(&letters, || Ok(()))));
    rig.ship_batch(10).await;
    rig.pass(Duration::from_secs(1)).await;
    sink.take_time(Duration::from_secs(60));
    rig.pass(Duration::from_secs(10)).await;
    assert_eq!(sink.attempts().len(), 2);
    rig
}

#[tokio::test(start_paused = true)]
async fn a_recalled_suspect_is_given_back_although_its_front_is_under_way() {
    let sink = MemorySink::new(1, |_, offsets| match offsets.len() {
        10 => Attempt::Split(refused()),
        _ => Attempt::Delivered,
    });
    sink.take_time(Duration::from_secs(5));
    let mut rig = search_under_way(&sink).await;
    let epoch = rig.desk.ledger.epoch(SLOT).expect("assigned");
    rig.desk.mail.recall.recall([(SLOT, epoch)]);
    rig.pass(Duration::from_secs(1)).await;
    rig.desk.settle();
    assert_eq!((rig.desk.ledger.open_records(SLOT), rig.desk.ledger.totals().released), (4, 6));
    rig.pass(Duration::from_secs(60)).await;
    rig.desk.settle();
    assert_eq!((rig.desk.ledger.totals().delivered, sink.attempts().len()), (4, 2));
    rig.end().await;
}

#[tokio::test(start_paused = true)]
async fn what_is_searched_when_the_lane_ends_is_given_back() {
    let sink = MemorySink::new(1, |_, _| Attempt::Split(refused()));
    sink.take_time(Duration::from_secs(5));
    let rig = search_under_way(&sink).await;
    let mut desk = rig.end().await;
    desk.settle();
    assert_eq!((desk.ledger.totals().released, desk.ledger.totals().in_flight()), (10, 0));
}
