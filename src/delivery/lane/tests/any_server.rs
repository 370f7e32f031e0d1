//! The lane against a server that does whatever it likes.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;
use crate::delivery::testing::schedules;
use crate::sink::Condition;

/// What a whimsical server does next.
#[derive(Clone, Copy, Debug)]
enum Whim {
    Take,
    /// Takes the events, but the answer is lost.
    TakeSilently,
    Busy,
    /// Takes them or not, and never answers.
    Swallow {
        taken: bool,
    },
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
        2 => any::<bool>().prop_map(|taken| Whim::Swallow { taken }),
        1 => Just(Whim::Refuse),
        1 => Just(Whim::Unauthorized),
        2 => any::<bool>().prop_map(|proven| Whim::Defer { proven }),
    ];
    prop::collection::vec(whim, 0..30)
}

/// What the endpoints say of themselves, whatever they do: well for good after a while.
fn claims() -> impl Strategy<Value = Vec<Condition>> {
    let claim = prop_oneof![
        2 => Just(Condition::Well),
        1 => Just(unwell()),
        1 => Just(silent()),
    ];
    prop::collection::vec(claim, 0..20)
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
            (Whim::Swallow { taken }, bad) => {
                self.take(&offsets[..if taken { bad.unwrap_or(offsets.len()) } else { 0 }]);
                time_out()
            }
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
    #![proptest_config(schedules(2_000))]

    /// Whatever the server does, every record is at the server or in the letters before the watermark passes it, only
    /// culprits become letters, and nothing is left over.
    #[test]
    fn any_server_behaviour_loses_nothing_and_condemns_only_culprits(
        whims in whims(),
        sizes in prop::collection::vec(1usize..40, 1..6),
        bad in prop::collection::btree_set(0i64..80, 0..5),
        names_culprits: bool,
        max_in_flight in 1usize..4,
        endpoints in 1usize..4,
        claims in claims(),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().expect("runtime");
        runtime.block_on(async {
            let taken = Arc::new(Mutex::new(BTreeMap::new()));
            let mut server = Server { whims: whims.into_iter(), bad: bad.clone(), names_culprits, taken: Arc::clone(&taken) };
            let sink = MemorySink::new(endpoints, move |_, offsets| server.answer(offsets));
            let mut claims = claims.into_iter();
            sink.say(move |_| claims.next().unwrap_or(Condition::Well));
            let letters = Arc::default();
            let mut rig = rig(&sink, max_in_flight, Some(store_into(&letters, || Ok(()))));
            for size in sizes {
                rig.ship_batch(size).await;
            }
            let last = rig.desk.read_so_far();
            let mut watermark = 0;
            for round in 0..40_000 {
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
                // Time-outs are long; where there is none, the steps are small.
                tokio::time::sleep(Duration::from_millis(if round < 1_000 { 20 } else { 200 })).await;
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
