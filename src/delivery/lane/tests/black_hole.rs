//! Endpoints that take requests and never answer.

use super::*;
use crate::defaults::{ENDPOINT_SILENCE, HEC_HEALTH_TIMEOUT, REQUEST_TIMEOUT, TRIAL_PATIENCE};
use crate::sink::Condition;

/// How long it takes until parcels come back from an endpoint that falls silent.
const NOTICED: Duration = ENDPOINT_SILENCE.saturating_add(HEC_HEALTH_TIMEOUT);

const ROUND_TRIP: Duration = Duration::from_millis(50);

fn healthy(endpoints: usize) -> Arc<MemorySink> {
    let sink = MemorySink::new(endpoints, |_, _| Attempt::Delivered);
    sink.take_time(ROUND_TRIP);
    sink
}

/// From now on `endpoint` swallows parcels, and questions too if it is a hole for `everything`.
fn open_hole(sink: &MemorySink, endpoint: usize, everything: bool) {
    sink.behave(move |at, _| if at == endpoint { time_out() } else { Attempt::Delivered });
    sink.say(move |at| if everything && at == endpoint { silent() } else { Condition::Well });
}

fn attempts_at(sink: &MemorySink, endpoint: usize) -> usize {
    sink.attempts().iter().filter(|(at, _)| *at == endpoint).count()
}

impl Rig {
    /// Ships this many batches at once and waits until all is settled; how long that took.
    async fn ship_and_wait(&mut self, batches: usize) -> Duration {
        let began = Instant::now();
        for _ in 0..batches {
            self.ship_batch(1).await;
        }
        let all = self.desk.read_so_far();
        self.until(all).await;
        began.elapsed()
    }
}

#[tokio::test(start_paused = true)]
async fn a_black_hole_gets_no_parcel_and_slows_nobody() {
    let three = healthy(3);
    let mut rig_of_three = rig(&three, 12, None);
    let without = rig_of_three.ship_and_wait(600).await;
    rig_of_three.end().await;

    let four = healthy(4);
    open_hole(&four, 3, true);
    let mut rig = rig(&four, 12, None);
    let with = rig.ship_and_wait(600).await;
    assert!(with <= without + ROUND_TRIP, "{with:?} instead of {without:?}");
    rig.pass(Duration::from_secs(600)).await;
    rig.ship_and_wait(100).await;
    assert_eq!(attempts_at(&four, 3), 0);
    assert!(rig.logged("left 3 alone, timeout") > 1, "it is said");
    let asked = four.times_asked(3);
    assert!((15..80).contains(&asked), "asked {asked} times in ten minutes");
    rig.end().await;
}

#[tokio::test(start_paused = true)]
async fn parcels_come_back_from_an_endpoint_that_falls_silent_and_it_gets_its_share_once_it_is_back() {
    let sink = healthy(4);
    let mut rig = rig(&sink, 12, None);
    rig.ship_and_wait(100).await;
    open_hole(&sink, 3, true);
    let before = attempts_at(&sink, 3);
    let took = rig.ship_and_wait(100).await;
    assert!(took > ENDPOINT_SILENCE && took < NOTICED + 4 * ROUND_TRIP, "{took:?}");
    let swallowed = attempts_at(&sink, 3) - before;
    assert!((1..=3).contains(&swallowed), "{swallowed} parcels, its share of twelve is three");
    let took = rig.ship_and_wait(100).await;
    assert!(took < 20 * ROUND_TRIP, "{took:?}");
    assert_eq!(attempts_at(&sink, 3) - before, swallowed, "nothing goes there any more");

    sink.behave(|_, _| Attempt::Delivered);
    sink.say(|_| Condition::Well);
    rig.pass(Duration::from_secs(60)).await;
    let before = attempts_at(&sink, 3);
    rig.ship_and_wait(100).await;
    let share = attempts_at(&sink, 3) - before;
    assert!((20..=30).contains(&share), "{share} of 100");
    rig.end().await;
}

#[tokio::test(start_paused = true)]
async fn one_that_answers_about_its_health_and_swallows_parcels_holds_up_one_for_a_while() {
    let sink = healthy(3);
    open_hole(&sink, 0, false);
    let mut rig = rig(&sink, 12, None);
    let took = rig.ship_and_wait(100).await;
    assert!(took >= TRIAL_PATIENCE && took < TRIAL_PATIENCE + 4 * ROUND_TRIP, "{took:?}");
    assert_eq!(attempts_at(&sink, 0), 1);
    let began = Instant::now();
    while began.elapsed() < Duration::from_secs(300) {
        let took = rig.ship_and_wait(10).await;
        assert!(took < TRIAL_PATIENCE + 4 * ROUND_TRIP, "{took:?}");
    }
    assert!(attempts_at(&sink, 0) < 40, "its back-off grows");
    rig.end().await;
}

#[tokio::test(start_paused = true)]
async fn nothing_is_taken_back_while_no_other_endpoint_is_better() {
    for endpoints in [1, 3] {
        let sink = MemorySink::new(endpoints, |_, _| time_out());
        sink.say(|_| silent());
        let mut rig = rig(&sink, 2, None);
        rig.ship_batch(1).await;
        rig.pass(REQUEST_TIMEOUT - Duration::from_secs(1)).await;
        assert_eq!(sink.attempts().len(), 1, "{endpoints} endpoints");
        rig.pass(Duration::from_secs(180)).await;
        assert!(sink.attempts().len() > 2, "parcels find out, whatever is said about health");
        sink.behave(|_, _| Attempt::Delivered);
        rig.until(1).await;
        rig.end().await;
    }
}

#[tokio::test(start_paused = true)]
async fn one_that_says_it_is_unwell_gets_nothing_more_but_may_finish_what_it_has() {
    let sink = healthy(2);
    let mut rig = rig(&sink, 2, None);
    rig.ship_and_wait(10).await;
    let slow = NOTICED * 2;
    sink.say(|at| if at == 0 { unwell() } else { Condition::Well });
    sink.take_time(slow);
    rig.ship_batch(1).await;
    rig.ship_batch(1).await;
    rig.pass(Duration::from_millis(1)).await;
    sink.take_time(ROUND_TRIP);
    let attempts = sink.attempts().len();
    rig.until(12).await;
    assert_eq!(sink.attempts().len(), attempts, "each is sent once");
    rig.end().await;
}

#[tokio::test(start_paused = true)]
async fn endpoints_that_are_all_slow_keep_their_parcels_and_all_slots_busy() {
    let sink = healthy(3);
    let mut rig = rig(&sink, 6, None);
    rig.ship_and_wait(30).await;
    sink.take_time(NOTICED * 3);
    let began = sink.attempts().len();
    let took = rig.ship_and_wait(24).await;
    assert!(took < NOTICED * 3 * 4 + ENDPOINT_SILENCE, "four rounds of six: {took:?}");
    assert_eq!(sink.attempts().len() - began, 24, "each is sent once");
    rig.end().await;
}

#[tokio::test(start_paused = true)]
async fn with_one_request_at_a_time_the_order_is_kept_through_a_black_hole() {
    let sink = healthy(2);
    let mut rig = rig(&sink, 1, None);
    rig.ship_and_wait(4).await;
    open_hole(&sink, 1, true);
    rig.ship_and_wait(10).await;
    let answered: Vec<i64> =
        sink.attempts().iter().skip(4).filter(|(at, _)| *at == 0).flat_map(|(_, offsets)| offsets.clone()).collect();
    assert_eq!(answered, (4..14).collect::<Vec<i64>>());
    rig.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_parcel_that_was_accepted_is_not_taken_back() {
    let sink = MemorySink::new(2, |_, _| {
        Attempt::Pending(Box::pin(async {
            tokio::time::sleep(NOTICED * 2).await;
            Attempt::Delivered
        }))
    });
    let mut rig = rig(&sink, 2, None);
    for _ in 0..8 {
        rig.ship_batch(1).await;
    }
    rig.pass(Duration::from_secs(1)).await;
    sink.say(|_| silent());
    rig.until(8).await;
    assert_eq!(sink.attempts().len(), 8, "each is sent once");
    rig.end().await;
}
