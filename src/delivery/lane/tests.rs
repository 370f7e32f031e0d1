//! The lane against a sink in memory, with a paused clock.

mod any_server;
mod black_hole;
mod hold;
mod letters;
mod poison;
mod recall;
mod search;

use std::sync::Mutex;

use tokio::task::JoinHandle;

use super::*;
use crate::delivery::batch::Sealed;
use crate::delivery::letter::Letter;
use crate::delivery::testing::{Desk, MemorySink, SLOT, lock, refused, retry, silent, time_out, unauthorized, unwell};
use crate::reason::Reason;

struct Rig {
    desk: Desk,
    shipments: mpsc::Sender<Shipment>,
    ready: Arc<AtomicBool>,
    log: Arc<Mutex<Vec<String>>>,
    lane: JoinHandle<Result<(), Failure>>,
}

fn store_into(
    letters: &Arc<Mutex<Vec<Letter>>>,
    answer: impl Fn() -> Result<(), Failure> + Send + Sync + 'static,
) -> LetterStore {
    let letters = Arc::clone(letters);
    Arc::new(move |new: Arc<Vec<Letter>>| {
        let answer = answer();
        if answer.is_ok() {
            lock(&letters).extend(new.iter().cloned());
        }
        Box::pin(async move { answer })
    })
}

fn rig(sink: &Arc<MemorySink>, max_in_flight: usize, letters: Option<LetterStore>) -> Rig {
    let desk = Desk::new(sink);
    let (shipments, incoming) = mpsc::channel(64);
    let log = Arc::new(Mutex::new(Vec::new()));
    let ready = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&log);
    let observer: Observer = Arc::new(move |event: LaneEvent<'_>| {
        let line = match event {
            LaneEvent::Attempted { outcome, .. } => outcome.to_owned(),
            LaneEvent::Delivered { events, .. } => format!("delivered {events}"),
            LaneEvent::Failed { failure, .. } => format!("failed {}", failure.reason),
            LaneEvent::LeftAlone { endpoint, failure } => format!("left {endpoint} alone, {}", failure.reason),
            LaneEvent::Refused { endpoint, failure } => format!("refused {} by {endpoint}", failure.reason),
            LaneEvent::Holding { failure, .. } => format!("holding {}", failure.reason),
            LaneEvent::Resumed { .. } => "resumed".to_owned(),
            LaneEvent::DeadLettered(letter) => format!("letter {} {}", letter.offset, letter.failure.reason),
        };
        lock(&seen).push(line);
    });
    let parts = LaneParts {
        sink: Arc::clone(sink) as Arc<dyn Sink>,
        shipments: incoming,
        recall: Arc::clone(&desk.mail.recall),
        letters,
        observer,
        max_in_flight,
        coding: Coding::Identity,
        ready: Arc::clone(&ready),
    };
    #[expect(clippy::disallowed_methods, reason = "a test stands in for the pipeline")]
    let lane = tokio::spawn(Lane::new(parts).run());
    Rig { desk, shipments, ready, log, lane }
}

impl Rig {
    async fn ship(&self, sealed: Sealed) {
        let shipment = Shipment { consignment: sealed.consignment, letters: sealed.letters };
        assert!(self.shipments.send(shipment).await.is_ok(), "the lane runs");
    }

    async fn ship_batch(&mut self, records: usize) {
        let sealed = self.desk.batch(records);
        self.ship(sealed).await;
    }

    /// Lets virtual time pass until the watermark is there.
    async fn until(&mut self, watermark: i64) {
        for _ in 0..10_000 {
            if self.desk.settle() == watermark {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("the watermark stays at {} instead of {watermark}; log {:?}", self.desk.settle(), lock(&self.log));
    }

    async fn pass(&self, time: Duration) {
        tokio::time::sleep(time).await;
    }

    fn logged(&self, line: &str) -> usize {
        lock(&self.log).iter().filter(|l| *l == line).count()
    }

    /// Ends the lane; every duty must have been settled or released.
    async fn end(self) -> Desk {
        drop(self.shipments);
        self.lane.await.expect("the lane does not panic").expect("nothing was lost");
        self.desk
    }
}

#[tokio::test(start_paused = true)]
async fn records_that_are_no_longer_ours_end_the_lane_and_are_given_back() {
    let lost = || Attempt::Lost(Failure::new(Reason::Fenced, "somebody else"));
    let sink = MemorySink::new(1, move |_, offsets| if offsets.contains(&10) { lost() } else { Attempt::Delivered });
    let mut rig = rig(&sink, 1, None);
    rig.ship_batch(10).await;
    rig.until(10).await;
    for _ in 0..3 {
        rig.ship_batch(10).await;
    }
    let Rig { lane, mut desk, shipments, .. } = rig;
    let ended = lane.await.expect("the lane does not panic");
    assert_eq!(ended.map_err(|failure| failure.reason), Err(Reason::Fenced));
    assert!(shipments.is_closed(), "the poll thread gives back what comes later");
    assert_eq!(sink.attempts().len(), 2, "nothing is tried after that");
    let watermark = desk.settle();
    assert_eq!((watermark, desk.ledger.totals().delivered), (10, 10));
    assert_eq!(desk.budget.used(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_failing_batch_stops_the_watermark_while_later_ones_pass() {
    let sink = MemorySink::new(1, |_, offsets| if offsets.contains(&35) { retry() } else { Attempt::Delivered });
    let mut rig = rig(&sink, 4, None);
    for _ in 0..10 {
        rig.ship_batch(10).await;
    }
    rig.until(30).await;
    rig.pass(Duration::from_secs(120)).await;
    assert_eq!(rig.desk.settle(), 30);
    assert_eq!(rig.desk.ledger.totals().delivered, 90);
    sink.behave(|_, _| Attempt::Delivered);
    rig.until(100).await;
    rig.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_batch_that_always_fails_is_not_resent_at_full_speed_and_lets_others_pass() {
    let sink = MemorySink::new(1, |_, offsets| if offsets.contains(&0) { retry() } else { Attempt::Delivered });
    let mut rig = rig(&sink, 4, None);
    let began = Instant::now();
    rig.ship_batch(1).await;
    for _ in 0..600 {
        rig.ship_batch(1).await;
        rig.pass(Duration::from_millis(100)).await;
    }
    let resent = sink.attempts().iter().filter(|(_, offsets)| offsets.contains(&0)).count();
    assert!((5..40).contains(&resent), "{resent} attempts in a minute");
    assert!(began.elapsed() < Duration::from_secs(61), "nothing was held up");
    rig.desk.settle();
    assert!(rig.desk.ledger.totals().delivered >= 590, "{:?}", rig.desk.ledger.totals());
    rig.end().await;
}

#[tokio::test(start_paused = true)]
async fn with_one_request_at_a_time_the_order_is_kept_through_failures() {
    let mut failures = fastrand::Rng::with_seed(5);
    let accepted = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&accepted);
    let sink = MemorySink::new(1, move |_, offsets| {
        if failures.u8(..3) == 0 {
            return retry();
        }
        lock(&seen).extend_from_slice(offsets);
        Attempt::Delivered
    });
    let mut rig = rig(&sink, 1, None);
    for _ in 0..50 {
        rig.ship_batch(7).await;
    }
    rig.until(350).await;
    assert_eq!(*lock(&accepted), (0..350).collect::<Vec<i64>>());
    rig.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_parcel_that_awaits_its_proof_frees_the_sending_slot() {
    let sink = MemorySink::new(1, |_, offsets| {
        let failed = offsets.contains(&5);
        Attempt::Pending(Box::pin(async move {
            tokio::time::sleep(Duration::from_secs(10)).await;
            if failed { retry() } else { Attempt::Delivered }
        }))
    });
    let mut rig = rig(&sink, 1, None);
    for _ in 0..20 {
        rig.ship_batch(10).await;
    }
    rig.pass(Duration::from_secs(1)).await;
    assert_eq!(sink.attempts().len(), 20, "all were sent while none is proven");
    assert_eq!(rig.desk.settle(), 0);
    rig.pass(Duration::from_secs(10)).await;
    assert_eq!((rig.desk.settle(), rig.desk.ledger.totals().delivered), (0, 190));
    sink.behave(|_, _| Attempt::Pending(Box::pin(async { Attempt::Delivered })));
    rig.until(200).await;
    rig.end().await;
}

#[tokio::test(start_paused = true)]
async fn an_endpoint_that_is_down_does_not_stop_the_others() {
    let sink = MemorySink::new(3, |endpoint, _| if endpoint == 1 { retry() } else { Attempt::Delivered });
    let mut rig = rig(&sink, 3, None);
    for _ in 0..300 {
        rig.ship_batch(1).await;
        rig.pass(Duration::from_millis(20)).await;
    }
    rig.until(300).await;
    let to_dead = sink.attempts().iter().filter(|(endpoint, _)| *endpoint == 1).count();
    assert!((2..20).contains(&to_dead), "{to_dead} attempts at the dead endpoint in six seconds");
    rig.end().await;
}

#[tokio::test(start_paused = true)]
async fn the_lane_says_when_it_would_send_at_once() {
    let sink = MemorySink::new(1, |_, _| Attempt::Delivered);
    let mut rig = rig(&sink, 1, None);
    rig.pass(Duration::from_millis(1)).await;
    assert!(rig.ready.load(Ordering::Relaxed));
    sink.behave(|_, _| retry());
    rig.ship_batch(1).await;
    rig.pass(Duration::from_millis(1)).await;
    assert!(!rig.ready.load(Ordering::Relaxed), "backing off");
    sink.behave(|_, _| Attempt::Delivered);
    rig.until(1).await;
    rig.pass(Duration::from_millis(1)).await;
    assert!(rig.ready.load(Ordering::Relaxed));
    rig.end().await;
}

#[tokio::test(start_paused = true)]
async fn no_more_than_the_allowed_requests_are_under_way_and_the_lane_is_not_ready_meanwhile() {
    for allowed in [1, 2] {
        let sink = MemorySink::new(1, |_, _| Attempt::Delivered);
        sink.take_time(Duration::from_secs(10));
        let mut rig = rig(&sink, allowed, None);
        for batch in 0..allowed {
            assert!(batch == 0 || rig.ready.load(Ordering::Relaxed), "{batch} of {allowed} under way");
            rig.ship_batch(1).await;
            rig.pass(Duration::from_millis(1)).await;
        }
        assert!(!rig.ready.load(Ordering::Relaxed), "every slot is taken, and nothing waits");
        rig.ship_batch(1).await;
        rig.pass(Duration::from_secs(9)).await;
        assert_eq!(sink.attempts().len(), allowed);
        rig.pass(Duration::from_secs(2)).await;
        assert_eq!(sink.attempts().len(), allowed + 1);
        rig.until(i64::try_from(allowed).expect("few") + 1).await;
        assert_eq!(rig.logged("delivered 1"), allowed + 1);
        assert_eq!(rig.logged("delivered"), allowed + 1, "an attempt each");
        rig.pass(Duration::from_millis(1)).await;
        assert!(rig.ready.load(Ordering::Relaxed));
        rig.end().await;
    }
}

#[tokio::test(start_paused = true)]
async fn an_endpoint_that_warns_is_left_alone_for_a_while_and_gets_one_parcel_at_a_time() {
    let pause = Duration::from_secs(10);
    let sink = MemorySink::new(1, move |_, _| Attempt::Slower { pause, then: Box::new(Attempt::Delivered) });
    let mut rig = rig(&sink, 4, None);
    rig.ship_batch(1).await;
    rig.until(1).await;
    let began = Instant::now();
    rig.ship_batch(1).await;
    rig.ship_batch(1).await;
    rig.until(3).await;
    assert!(began.elapsed() >= 2 * pause, "each of them waited");
    assert_eq!((rig.logged("delivered"), rig.logged("failed busy")), (3, 0), "it counts as success");
    sink.behave(|_, _| Attempt::Delivered);
    rig.ship_batch(1).await;
    rig.until(4).await;
    let calm = Instant::now();
    for _ in 0..4 {
        rig.ship_batch(1).await;
    }
    rig.until(8).await;
    assert!(calm.elapsed() < pause, "at full speed again");
    rig.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_failed_batch_goes_to_every_other_endpoint_at_once_and_only_then_waits() {
    let sink = MemorySink::new(3, |_, _| retry());
    let mut rig = rig(&sink, 4, None);
    rig.ship_batch(1).await;
    rig.pass(Duration::from_millis(1)).await;
    let endpoints: Vec<usize> = sink.attempts().iter().map(|(endpoint, _)| *endpoint).collect();
    assert_eq!(endpoints, [0, 1, 2]);
    sink.behave(|_, _| Attempt::Delivered);
    rig.until(1).await;
    rig.end().await;
}

/// A proof for each of the first `count` batches, one a second; what comes after them meets `then`.
async fn with_proofs_still_to_come(count: i64, then: fn() -> Attempt) -> (Arc<MemorySink>, Rig) {
    let sink = MemorySink::new(1, |_, offsets| {
        let after = Duration::from_secs(offsets[0].unsigned_abs());
        Attempt::Pending(Box::pin(async move {
            tokio::time::sleep(after).await;
            Attempt::Delivered
        }))
    });
    let mut rig = rig(&sink, 4, None);
    for _ in 0..count {
        rig.ship_batch(1).await;
    }
    rig.pass(Duration::from_millis(1)).await;
    sink.behave(move |_, _| then());
    (sink, rig)
}

#[tokio::test(start_paused = true)]
async fn proofs_of_earlier_parcels_do_not_end_a_back_off() {
    let (sink, mut rig) = with_proofs_still_to_come(60, retry).await;
    for _ in 0..20 {
        rig.ship_batch(1).await;
    }
    rig.pass(Duration::from_secs(61)).await;
    assert_eq!(rig.desk.settle(), 60);
    let attempts = sink.attempts().len() - 60;
    assert!((4..25).contains(&attempts), "{attempts} attempts in a minute at an endpoint that is busy");
    sink.behave(|_, _| Attempt::Delivered);
    rig.until(80).await;
    rig.end().await;
}
