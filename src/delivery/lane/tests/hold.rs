//! Refusals that only a human can mend.

use super::*;

#[tokio::test(start_paused = true)]
async fn a_credential_problem_consumes_nothing_and_delivery_resumes_by_itself() {
    let sink = MemorySink::new(1, |_, _| unauthorized());
    let mut rig = rig(&sink, 4, None);
    for _ in 0..6 {
        rig.ship_batch(10).await;
    }
    rig.pass(Duration::from_secs(60)).await;
    assert_eq!(rig.desk.settle(), 0);
    assert_eq!(rig.desk.ledger.totals().in_flight(), 60);
    let attempts = sink.attempts().len();
    assert!(attempts <= 4 + 13, "{attempts} attempts in a minute of hold");
    assert_eq!(rig.logged("holding unauthorized"), 1, "reported once, not per attempt");
    sink.behave(|_, _| Attempt::Delivered);
    rig.until(60).await;
    assert_eq!(rig.logged("resumed"), 1);
    rig.end().await;
}

#[tokio::test(start_paused = true)]
async fn an_endpoint_that_refuses_does_not_hold_up_one_that_works() {
    let sink = MemorySink::new(2, |endpoint, _| if endpoint == 0 { unauthorized() } else { Attempt::Delivered });
    let mut rig = rig(&sink, 4, None);
    let began = Instant::now();
    for batch in 1..=100 {
        rig.ship_batch(10).await;
        rig.until(batch * 10).await;
    }
    assert!(began.elapsed() < Duration::from_secs(3), "it took {:?}", began.elapsed());
    assert_eq!(rig.logged("holding unauthorized"), 0);
    let asked = sink.attempts().iter().filter(|(endpoint, _)| *endpoint == 0).count();
    assert!((1..=4).contains(&asked), "{asked} attempts at the endpoint that refuses");

    sink.behave(|_, _| Attempt::Delivered);
    rig.pass(Duration::from_secs(60)).await;
    let before = sink.attempts().len();
    for batch in 101..=110 {
        rig.ship_batch(10).await;
        rig.until(batch * 10).await;
    }
    let mended = sink.attempts()[before..].iter().filter(|(endpoint, _)| *endpoint == 0).count();
    assert_eq!(mended, 5, "it has its share again");
    rig.end().await;
}

#[tokio::test(start_paused = true)]
async fn the_lane_holds_once_no_endpoint_works() {
    let sink = MemorySink::new(3, |endpoint, _| if endpoint == 2 { retry() } else { unauthorized() });
    let mut rig = rig(&sink, 4, None);
    rig.ship_batch(10).await;
    rig.pass(Duration::from_secs(60)).await;
    assert_eq!(rig.logged("holding unauthorized"), 1);
    let attempts = sink.attempts().len();
    assert!(attempts <= 20, "{attempts} attempts in a minute of hold");
    sink.behave(|_, _| Attempt::Delivered);
    rig.until(10).await;
    assert_eq!(rig.logged("resumed"), 1);
    rig.end().await;
}

#[tokio::test(start_paused = true)]
async fn another_reason_for_a_hold_is_reported_and_probes_come_one_at_a_time() {
    let sink = MemorySink::new(1, |_, _| unauthorized());
    let mut rig = rig(&sink, 4, None);
    for _ in 0..3 {
        rig.ship_batch(1).await;
    }
    rig.pass(Duration::from_secs(1)).await;
    let before = sink.attempts().len();
    assert_eq!(rig.logged("holding unauthorized"), 1);
    sink.behave(|_, _| Attempt::Hold(Failure::new(Reason::Tls, "certificate has expired")));
    rig.pass(defaults::HOLD_PROBE_INTERVAL).await;
    assert_eq!(sink.attempts().len(), before + 1, "one probe");
    assert_eq!((rig.logged("holding tls"), rig.logged("holding unauthorized")), (1, 1));
    rig.pass(defaults::HOLD_PROBE_INTERVAL * 4).await;
    assert_eq!((rig.logged("holding tls"), sink.attempts().len()), (1, before + 5));
    sink.behave(|_, _| Attempt::Delivered);
    rig.until(3).await;
    rig.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_probe_that_comes_to_nothing_is_followed_by_another_after_the_interval() {
    let sink = MemorySink::new(1, |_, _| unauthorized());
    let mut rig = rig(&sink, 1, None);
    rig.ship_batch(1).await;
    rig.pass(Duration::from_secs(1)).await;
    sink.behave(|_, _| retry());
    rig.pass(Duration::from_secs(120)).await;
    let probes = sink.attempts().len() - 1;
    assert!((2..=24).contains(&probes), "{probes} probes in two minutes");
    sink.behave(|_, _| Attempt::Delivered);
    rig.until(1).await;
    assert_eq!(rig.logged("resumed"), 1);
    rig.end().await;
}

#[tokio::test(start_paused = true)]
async fn proofs_of_earlier_parcels_do_not_end_a_hold() {
    let (sink, mut rig) = with_proofs_still_to_come(20, unauthorized).await;
    rig.ship_batch(1).await;
    rig.pass(Duration::from_secs(21)).await;
    assert_eq!((rig.desk.settle(), rig.logged("holding unauthorized"), rig.logged("resumed")), (20, 1, 0));
    sink.behave(|_, _| Attempt::Delivered);
    rig.until(21).await;
    assert_eq!(rig.logged("resumed"), 1);
    rig.end().await;
}
