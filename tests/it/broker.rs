//! Outages of the broker, and of broker and sink together.

use std::time::{Duration, Instant};

use crate::support::far_side::{CommitWatch, FarSide, Ferry, heavy_turn};
use crate::support::kafka::Kafka;
use crate::support::process::Running;
use crate::support::samples::Numbered;
use crate::support::waiting::wait_until;

const LIMIT: Duration = Duration::from_secs(90);
const PARTITIONS: i32 = 6;
const EVENTS: u64 = 30_000;
const STOPPED: Duration = Duration::from_secs(10);
const PAUSED: Duration = Duration::from_secs(15);

/// Lets time pass while the program must live.
fn lives_through(running: &mut Running, span: Duration) {
    let began = Instant::now();
    wait_until(span + LIMIT, "the time is over", || {
        assert_eq!(running.ended(), None, "it ended:\n{}", running.stderr());
        began.elapsed() >= span
    });
}

/// Goal: a broker that dies, or hangs, and comes back stops nothing for good and loses nothing. Method: both, one after the
/// other, in the middle of reading; a slow far side makes reading last.
#[test]
fn delivery_goes_on_after_the_broker_was_gone_and_after_it_hung() {
    let _turn = heavy_turn();
    let (kafka, far, events) = (Kafka::start(), FarSide::start(), Numbered::new());
    let topic = kafka.topic("away", PARTITIONS);
    let ferry = Ferry {
        pipeline: "in_flight_bytes: 2 MiB, batch: {max_bytes: 256 KiB}",
        ..Ferry::new(&kafka, &topic, "group", &far)
    };
    let watch = CommitWatch::start(&ferry);
    kafka.produce(&topic, EVENTS, |n| events.event(n), |n| (n % PARTITIONS as u64) as i32);
    far.hec().set_latency(Duration::from_millis(300));
    let mut running = ferry.start();
    far.wait_for_events(LIMIT, 500);
    kafka.stop();
    lives_through(&mut running, STOPPED);
    kafka.start_again();
    let back = Instant::now();
    ferry.wait_until_all_is_across(LIMIT);
    println!("all across {:?} after the broker came back", back.elapsed());

    let load = kafka.load(&topic, 1_000, move |n| events.event(n));
    far.wait_for_events(LIMIT, EVENTS + 500);
    kafka.pause();
    lives_through(&mut running, PAUSED);
    kafka.resume();
    let arrived = far.hec().count().distinct;
    let back = Instant::now();
    far.wait_for_events(LIMIT, arrived + 5_000);
    println!("5,000 events {:?} after the broker went on", back.elapsed());
    let sent = load.stop();
    ferry.wait_until_all_is_across(LIMIT);
    let arrived = far.hec().count();
    println!("{} arrived again", arrived.duplicates);
    assert_eq!(arrived.distinct, EVENTS + sent);
    running.terminate();
    assert_eq!(running.wait(LIMIT), 0);
    watch.assert_kept_the_rules();
}

/// Goal: what the Kafka client had fetched and threw away is not taken for a hole. Method: the sink goes away until reading
/// pauses, then the broker goes away, then the sink comes back, so that reading resumes with nobody to fetch from.
#[test]
fn reading_that_resumes_while_the_broker_is_away_skips_nothing() {
    let _turn = heavy_turn();
    let (kafka, far, events) = (Kafka::start(), FarSide::start(), Numbered::new());
    let topic = kafka.topic("both-away", PARTITIONS);
    let ferry = Ferry {
        pipeline: "in_flight_bytes: 2 MiB, batch: {max_bytes: 256 KiB}",
        ..Ferry::new(&kafka, &topic, "group", &far)
    };
    let watch = CommitWatch::start(&ferry);
    kafka.produce(&topic, EVENTS, |n| events.event(n), |n| (n % PARTITIONS as u64) as i32);
    far.hec().set_latency(Duration::from_millis(300));
    let mut running = ferry.start();
    far.wait_for_events(LIMIT, 500);
    far.go_away();
    kafka.stop();
    lives_through(&mut running, Duration::from_secs(3));
    far.hec().set_latency(Duration::ZERO);
    far.come_back();
    // Long enough for several statistics of the client, from which holes are told.
    lives_through(&mut running, Duration::from_secs(8));
    kafka.start_again();
    let back = Instant::now();
    ferry.wait_until_all_is_across(LIMIT);
    println!("all across {:?} after the broker came back", back.elapsed());
    assert_eq!(far.hec().count().distinct, EVENTS);
    watch.assert_kept_the_rules();
}
