//! Events that the sink will never take.

use super::*;

#[tokio::test(start_paused = true)]
async fn the_named_event_becomes_a_letter_and_the_others_are_delivered_once() {
    let letters = Arc::default();
    let sink = MemorySink::new(1, |_, offsets| match offsets.iter().position(|o| *o == 6) {
        Some(bad) => Attempt::Poison { delivered: bad, bad, failure: refused() },
        None => Attempt::Delivered,
    });
    let mut rig = rig(&sink, 4, Some(store_into(&letters, || Ok(()))));
    rig.ship_batch(10).await;
    rig.until(10).await;
    assert_eq!(sink.attempts(), [(0, (0..10).collect()), (0, (7..10).collect())]);
    assert_eq!(lock(&letters).len(), 1);
    let letter: Letter = lock(&letters)[0].clone();
    assert_eq!((letter.offset.get(), letter.timestamp_ms, letter.failure.clone()), (6, Some(1006), refused()));
    assert_eq!((letter.key.as_deref(), letter.value.as_deref()), (Some(&b"key"[..]), Some(&b"payload"[..])));
    rig.end().await;
}

#[tokio::test(start_paused = true)]
async fn without_the_server_naming_it_cutting_finds_the_culprit() {
    let letters = Arc::default();
    let sink = MemorySink::new(
        1,
        |_, offsets| {
            if offsets.contains(&700) { Attempt::Split(refused()) } else { Attempt::Delivered }
        },
    );
    let mut rig = rig(&sink, 4, Some(store_into(&letters, || Ok(()))));
    rig.ship_batch(1000).await;
    rig.until(1000).await;
    assert_eq!(lock(&letters).iter().map(|l| l.offset.get()).collect::<Vec<_>>(), [700]);
    let requests = sink.attempts().len();
    assert!(requests <= 17, "{requests} requests for 1,000 events");
    rig.end().await;
}

#[tokio::test(start_paused = true)]
async fn an_implausible_poison_answer_is_not_believed() {
    for (delivered, bad) in [(3, 99), (3, 10), (5, 4)] {
        let letters = Arc::default();
        let sink = MemorySink::new(1, move |_, offsets| match offsets.len() {
            10 => Attempt::Poison { delivered, bad, failure: refused() },
            _ => Attempt::Delivered,
        });
        let mut rig = rig(&sink, 4, Some(store_into(&letters, || Ok(()))));
        rig.ship_batch(10).await;
        rig.until(10).await;
        assert!(lock(&letters).is_empty());
        assert_eq!(sink.attempts()[1..], [(0, (0..5).collect()), (0, (5..10).collect())], "everything is sent again");
        rig.end().await;
    }
}

/// Of a single event there is nothing to be cut: it is what was refused, whatever place the server names.
#[tokio::test(start_paused = true)]
async fn an_implausible_poison_answer_to_a_single_event_makes_that_one_a_letter() {
    let letters = Arc::default();
    let mut answers = 0;
    let sink = MemorySink::new(1, move |_, offsets| {
        answers += 1;
        match offsets.contains(&3) && answers < 50 {
            true => Attempt::Poison { delivered: 0, bad: 99, failure: refused() },
            false => Attempt::Delivered,
        }
    });
    let mut rig = rig(&sink, 4, Some(store_into(&letters, || Ok(()))));
    rig.ship_batch(10).await;
    rig.until(10).await;
    assert_eq!(lock(&letters).iter().map(|letter: &Letter| letter.offset.get()).collect::<Vec<_>>(), [3]);
    assert_eq!(rig.desk.ledger.totals().delivered, 9);
    rig.end().await;
}

#[tokio::test(start_paused = true)]
async fn while_the_dead_letter_store_fails_nothing_else_is_sent() {
    let letters = Arc::default();
    let broken = Arc::new(AtomicBool::new(true));
    let is_broken = Arc::clone(&broken);
    let full = move || match is_broken.load(Ordering::Relaxed) {
        true => Err(Failure::new(Reason::DeadLetterStore, "no space left on device")),
        false => Ok(()),
    };
    let sink = MemorySink::new(1, |_, offsets| match offsets.contains(&0) {
        true => Attempt::Poison { delivered: 0, bad: 0, failure: refused() },
        false => Attempt::Delivered,
    });
    let mut rig = rig(&sink, 1, Some(store_into(&letters, full)));
    rig.ship_batch(1).await;
    rig.pass(Duration::from_secs(1)).await;
    for _ in 0..5 {
        rig.ship_batch(10).await;
    }
    rig.pass(Duration::from_secs(300)).await;
    assert_eq!((rig.desk.settle(), sink.attempts().len()), (0, 1));
    assert_eq!(rig.logged("holding dead_letter_store"), 1);
    broken.store(false, Ordering::Relaxed);
    rig.until(51).await;
    assert_eq!((lock(&letters).len(), rig.logged("resumed")), (1, 1));
    rig.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_store_that_failed_is_tried_again_when_its_back_off_ends_and_not_before() {
    let puts = Arc::new(Mutex::new(0));
    let count = Arc::clone(&puts);
    let store: LetterStore = Arc::new(move |_| {
        *lock(&count) += 1;
        Box::pin(async { Err(Failure::new(Reason::DeadLetterStore, "no space left on device")) })
    });
    let mut reader = Desk::new(&MemorySink::new(1, |_, _| Attempt::Delivered));
    reader.read(None);
    let mut desk = desk::Desk::new(Some(store));
    reader.seal().letters.into_iter().for_each(|letter| desk.add(letter));
    let now = Instant::now();
    desk.start(now);
    let answer = desk.stored().await;
    assert!(desk.answered(answer, now, &mut fastrand::Rng::with_seed(1)).is_empty());
    let again = desk.next_wake().expect("a back-off");
    desk.start(again - Duration::from_nanos(1));
    assert_eq!(*lock(&puts), 1);
    desk.start(again);
    assert_eq!(*lock(&puts), 2);
    desk.release_everything();
}

#[tokio::test(start_paused = true)]
async fn without_a_dead_letter_store_a_poison_event_holds_the_lane() {
    let sink = MemorySink::new(1, |_, _| Attempt::Split(refused()));
    let mut rig = rig(&sink, 4, None);
    rig.ship_batch(1).await;
    rig.pass(Duration::from_secs(60)).await;
    rig.ship_batch(1).await;
    rig.pass(Duration::from_secs(60)).await;
    assert_eq!((rig.desk.settle(), sink.attempts().len()), (0, 1));
    assert_eq!(rig.logged("holding no_dead_letter_store"), 1);
    let mut desk = rig.end().await;
    desk.settle();
    assert_eq!(desk.ledger.totals().released, 2, "given back at the end, not lost");
}

#[tokio::test(start_paused = true)]
async fn a_record_that_cannot_be_encoded_becomes_a_letter_beside_its_batch() {
    let letters = Arc::default();
    let sink = MemorySink::new(1, |_, _| Attempt::Delivered);
    let mut rig = rig(&sink, 4, Some(store_into(&letters, || Ok(()))));
    for value in [Some(&b"a"[..]), None, Some(b"b")] {
        rig.desk.read(value);
    }
    let sealed = rig.desk.seal();
    rig.ship(sealed).await;
    rig.until(3).await;
    assert_eq!(sink.attempts(), [(0, vec![0, 2])]);
    assert_eq!(lock(&letters).iter().map(|l| (l.offset.get(), l.value.clone())).collect::<Vec<_>>(), [(1, None)]);
    let totals = rig.desk.ledger.totals();
    assert_eq!((totals.delivered, totals.dead_lettered), (2, 1));
    let desk = rig.end().await;
    assert_eq!(desk.budget.used(), 0, "all memory was given back");
}

#[tokio::test(start_paused = true)]
async fn a_letter_without_a_store_that_is_recalled_no_longer_holds_the_lane() {
    let sink = MemorySink::new(1, |_, offsets| match offsets.contains(&0) {
        true => Attempt::Split(refused()),
        false => Attempt::Delivered,
    });
    let mut rig = rig(&sink, 4, None);
    rig.ship_batch(1).await;
    rig.pass(Duration::from_secs(60)).await;
    assert_eq!((rig.logged("holding no_dead_letter_store"), rig.logged("resumed")), (1, 0));
    let epoch = rig.desk.ledger.epoch(SLOT).expect("assigned");
    rig.desk.mail.recall.recall([(SLOT, epoch)]);
    rig.pass(Duration::from_secs(1)).await;
    assert_eq!(rig.logged("resumed"), 1);
    rig.desk.settle();
    assert_eq!((rig.desk.ledger.open_records(SLOT), rig.desk.ledger.totals().released), (0, 1));
    rig.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_letter_that_is_being_put_keeps_its_hold_through_a_recall_until_the_store_has_answered() {
    let letters: Arc<Mutex<Vec<Letter>>> = Arc::default();
    let (seen, puts) = (Arc::clone(&letters), Arc::new(Mutex::new(0)));
    let count = Arc::clone(&puts);
    let store: LetterStore = Arc::new(move |new: Arc<Vec<Letter>>| {
        *lock(&count) += 1;
        let (seen, first) = (Arc::clone(&seen), *lock(&count) == 1);
        Box::pin(async move {
            if first {
                return Err(Failure::new(Reason::DeadLetterStore, "no space left on device"));
            }
            tokio::time::sleep(Duration::from_secs(10)).await;
            lock(&seen).extend(new.iter().cloned());
            Ok(())
        })
    });
    let sink = MemorySink::new(1, |_, _| Attempt::Split(refused()));
    let mut rig = rig(&sink, 4, Some(store));
    rig.ship_batch(1).await;
    rig.pass(Duration::from_secs(5)).await;
    assert_eq!((*lock(&puts), rig.logged("holding dead_letter_store")), (2, 1));
    let epoch = rig.desk.ledger.epoch(SLOT).expect("assigned");
    rig.desk.mail.recall.recall([(SLOT, epoch)]);
    rig.pass(Duration::from_secs(1)).await;
    assert_eq!(rig.logged("resumed"), 0, "its receipt may still come");
    rig.until(1).await;
    assert_eq!((lock(&letters).len(), rig.logged("resumed"), rig.logged("letter 0 invalid_format")), (1, 1, 1));
    rig.end().await;
}

#[tokio::test(start_paused = true)]
async fn many_letters_are_put_in_portions_and_each_once() {
    let letters = Arc::default();
    let sink = MemorySink::new(1, |_, _| Attempt::Delivered);
    let mut rig = rig(&sink, 4, Some(store_into(&letters, || Ok(()))));
    for _ in 0..150 {
        rig.desk.read(None);
    }
    let sealed = rig.desk.seal();
    rig.ship(sealed).await;
    rig.until(150).await;
    assert_eq!(
        lock(&letters).iter().map(|letter| letter.offset.get()).collect::<Vec<_>>(),
        (0..150).collect::<Vec<_>>()
    );
    assert_eq!(rig.logged("resumed"), 0, "nothing had been on hold");
    rig.end().await;
}
