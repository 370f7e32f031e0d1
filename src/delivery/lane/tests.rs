//! The lane against a sink in memory, with a paused clock.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;

use proptest::prelude::*;
use tokio::task::JoinHandle;

use super::*;
use crate::delivery::batch::Sealed;
use crate::delivery::testing::{Desk, MemorySink, SLOT, lock, refused, retry, unauthorized};
use crate::reason::Reason;

struct Rig {
    desk: Desk,
    shipments: mpsc::Sender<Shipment>,
    ready: Arc<AtomicBool>,
    log: Arc<Mutex<Vec<String>>>,
    lane: JoinHandle<()>,
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
        self.lane.await.expect("the lane does not panic");
        self.desk
    }
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
async fn a_batch_that_always_fails_is_not_resent_at_full_speed() {
    let sink = MemorySink::new(1, |_, offsets| if offsets.contains(&0) { retry() } else { Attempt::Delivered });
    let mut rig = rig(&sink, 4, None);
    rig.ship_batch(1).await;
    for _ in 0..600 {
        rig.ship_batch(1).await;
        rig.pass(Duration::from_millis(100)).await;
    }
    let resent = sink.attempts().iter().filter(|(_, offsets)| offsets.contains(&0)).count();
    assert!((5..40).contains(&resent), "{resent} attempts in a minute");
    rig.end().await;
}

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
async fn without_the_server_naming_it_halving_finds_the_culprit() {
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
    assert!(requests <= 21, "{requests} requests for 1,000 events");
    rig.end().await;
}

#[tokio::test(start_paused = true)]
async fn an_implausible_poison_answer_is_not_believed() {
    let letters = Arc::default();
    let sink = MemorySink::new(1, |_, offsets| match offsets.len() {
        10 => Attempt::Poison { delivered: 3, bad: 99, failure: refused() },
        _ => Attempt::Delivered,
    });
    let mut rig = rig(&sink, 4, Some(store_into(&letters, || Ok(()))));
    rig.ship_batch(10).await;
    rig.until(10).await;
    assert!(lock(&letters).is_empty());
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

/// What a whimsical server does next.
#[derive(Clone, Copy, Debug)]
enum Whim {
    Take,
    /// Takes the events, but the answer is lost.
    TakeSilently,
    Busy,
    Refuse,
    /// Says that it wants a human.
    Unauthorized,
    /// Takes them with proof later, or not at all.
    Defer {
        proven: bool,
    },
}

fn whims() -> impl Strategy<Value = Vec<Whim>> {
    let whim = prop_oneof![
        4 => Just(Whim::Take),
        1 => Just(Whim::TakeSilently),
        2 => Just(Whim::Busy),
        1 => Just(Whim::Refuse),
        1 => Just(Whim::Unauthorized),
        2 => any::<bool>().prop_map(|proven| Whim::Defer { proven }),
    ];
    prop::collection::vec(whim, 0..30)
}

/// The server's side: what it has, and what it will never take.
struct Server {
    whims: std::vec::IntoIter<Whim>,
    bad: BTreeSet<i64>,
    names_culprits: bool,
    taken: Arc<Mutex<BTreeMap<i64, u32>>>,
}

impl Server {
    fn answer(&mut self, offsets: &[i64]) -> Attempt {
        let bad = offsets.iter().position(|o| self.bad.contains(o));
        match (self.whims.next().unwrap_or(Whim::Take), bad) {
            (Whim::Busy, _) => retry(),
            (Whim::Unauthorized, _) => unauthorized(),
            (_, Some(bad)) if self.names_culprits => {
                self.take(&offsets[..bad]);
                Attempt::Poison { delivered: bad, bad, failure: refused() }
            }
            (_, Some(_)) => Attempt::Split(refused()),
            // A refusal without a cause: halves are tried, and a single event is taken.
            (Whim::Refuse, None) if offsets.len() > 1 => Attempt::Split(refused()),
            (Whim::Refuse | Whim::Take, None) => {
                self.take(offsets);
                Attempt::Delivered
            }
            (Whim::TakeSilently, None) => {
                self.take(offsets);
                retry()
            }
            (Whim::Defer { proven }, None) => {
                self.take(offsets);
                Attempt::Pending(Box::pin(async move { if proven { Attempt::Delivered } else { retry() } }))
            }
        }
    }

    fn take(&self, offsets: &[i64]) {
        let mut taken = lock(&self.taken);
        offsets.iter().for_each(|offset| *taken.entry(*offset).or_default() += 1);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    /// Whatever the server does, every record is at the server or in the letters before the watermark passes it, only
    /// culprits become letters, and nothing is left over.
    #[test]
    fn any_server_behaviour_loses_nothing_and_condemns_only_culprits(
        whims in whims(),
        sizes in prop::collection::vec(1usize..40, 1..6),
        bad in prop::collection::btree_set(0i64..80, 0..5),
        names_culprits: bool,
        max_in_flight in 1usize..4,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().expect("runtime");
        runtime.block_on(async {
            let taken = Arc::new(Mutex::new(BTreeMap::new()));
            let mut server = Server { whims: whims.into_iter(), bad: bad.clone(), names_culprits, taken: Arc::clone(&taken) };
            let sink = MemorySink::new(1, move |_, offsets| server.answer(offsets));
            let letters = Arc::default();
            let mut rig = rig(&sink, max_in_flight, Some(store_into(&letters, || Ok(()))));
            for size in sizes {
                rig.ship_batch(size).await;
            }
            let last = rig.desk.read_so_far();
            let mut watermark = 0;
            for _ in 0..20_000 {
                let now = rig.desk.settle();
                assert!(now >= watermark, "I3");
                watermark = now;
                let lettered: BTreeSet<i64> = lock(&letters).iter().map(|letter| letter.offset.get()).collect();
                for offset in 0..watermark {
                    assert!(lock(&taken).contains_key(&offset) || lettered.contains(&offset), "{offset} was passed");
                }
                if watermark == last {
                    break;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            assert_eq!(watermark, last, "everything is settled in the end");
            let lettered: BTreeSet<i64> = lock(&letters).iter().map(|letter| letter.offset.get()).collect();
            assert_eq!(lettered, bad.into_iter().filter(|offset| *offset < last).collect(), "only culprits");
            let totals = rig.desk.ledger.totals();
            assert_eq!((totals.in_flight(), totals.abandoned, rig.desk.budget.used()), (0, 0, 0));
            rig.end().await;
        });
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
