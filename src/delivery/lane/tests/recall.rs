//! Partitions that are taken away while their records are on the way.

use super::*;
use crate::position::Slot;

#[tokio::test(start_paused = true)]
async fn recalled_batches_are_given_back_unsent() {
    let sink = MemorySink::new(1, |_, _| retry());
    let mut rig = rig(&sink, 1, None);
    for _ in 0..5 {
        rig.ship_batch(10).await;
    }
    rig.pass(Duration::from_secs(5)).await;
    let epoch = rig.desk.ledger.epoch(SLOT).expect("assigned");
    rig.desk.mail.recall.recall([(SLOT, epoch)]);
    rig.pass(Duration::from_secs(60)).await;
    rig.desk.settle();
    assert_eq!(rig.desk.ledger.open_records(SLOT), 0);
    assert_eq!(rig.desk.ledger.totals().released, 50);
    rig.end().await;
}

#[tokio::test(start_paused = true)]
async fn what_comes_back_after_a_recall_is_given_back_and_not_sent_again() {
    for answer in [retry as fn() -> Attempt, unauthorized, || Attempt::Split(refused())] {
        let sink = MemorySink::new(1, move |_, _| {
            Attempt::Pending(Box::pin(async move {
                tokio::time::sleep(Duration::from_secs(2)).await;
                answer()
            }))
        });
        let mut rig = rig(&sink, 1, None);
        rig.ship_batch(10).await;
        rig.pass(Duration::from_secs(1)).await;
        let epoch = rig.desk.ledger.epoch(SLOT).expect("assigned");
        rig.desk.mail.recall.recall([(SLOT, epoch)]);
        rig.ship_batch(10).await;
        rig.pass(Duration::from_secs(60)).await;
        rig.desk.settle();
        assert_eq!((rig.desk.ledger.open_records(SLOT), sink.attempts().len()), (0, 1));
        rig.end().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_recall_of_another_partition_concerns_nothing_that_is_on_its_way() {
    let sink = MemorySink::new(1, |_, _| retry());
    let mut rig = rig(&sink, 1, None);
    let epoch = rig.desk.ledger.epoch(SLOT).expect("assigned");
    rig.desk.mail.recall.recall([(Slot::new(7), epoch)]);
    rig.ship_batch(10).await;
    rig.pass(Duration::from_secs(5)).await;
    rig.desk.mail.recall.recall([(Slot::new(8), epoch)]);
    rig.pass(Duration::from_secs(5)).await;
    sink.behave(|_, _| Attempt::Delivered);
    rig.until(10).await;
    rig.end().await;
}
