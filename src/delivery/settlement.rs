//! The way back: settlements from the lane to the poll thread, and recalls from the poll thread to the lane.
//!
//! Both are mailboxes rather than channels. The poll thread empties the first between polls; neither side ever waits for
//! the other, so no cycle of waiting can form. Their length is bounded by what is in flight.

use std::collections::HashMap;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

use super::ledger::{RunId, Settlement};
use crate::position::{Epoch, Slot};

/// Settlements on their way to the ledger.
#[derive(Debug, Default)]
pub struct Settlements {
    waiting: Mutex<Vec<Settlement>>,
    arrived: Condvar,
}

impl Settlements {
    pub fn post(&self, settlements: impl IntoIterator<Item = Settlement>) {
        self.lock().extend(settlements);
        self.arrived.notify_one();
    }

    /// Moves everything that has arrived to the end of `into`.
    pub fn take(&self, into: &mut Vec<Settlement>) {
        into.append(&mut self.lock());
    }

    /// Waits until something has arrived, at most until `deadline`.
    pub fn wait(&self, deadline: Instant) {
        let waiting = self.lock();
        let patience = deadline.saturating_duration_since(Instant::now());
        if waiting.is_empty() && patience > Duration::ZERO {
            drop(self.arrived.wait_timeout(waiting, patience).unwrap_or_else(PoisonError::into_inner));
        }
    }

    /// Wakes the waiting poll thread although nothing was settled, for example because memory was freed.
    pub fn nudge(&self) {
        self.arrived.notify_one();
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Settlement>> {
        // A panicking poster cannot leave a half-written settlement: pushing is all that happens under the lock.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Assignments whose unsent records the poll thread wants back.
///
/// A slot's recall stands until the slot's next assignment is recalled, so this is never larger than the number of slots.
#[derive(Debug, Default)]
pub struct Recall {
    recalled: Mutex<HashMap<Slot, Epoch>>,
    changed: Notify,
}

impl Recall {
    /// From now on, what only holds records of these assignments, or of earlier ones of their slots, is given back
    /// instead of being sent.
    pub fn recall(&self, assignments: impl IntoIterator<Item = (Slot, Epoch)>) {
        self.lock().extend(assignments);
        self.changed.notify_one();
    }

    /// Completes when something was recalled since the last time. Cancel safe.
    pub async fn changed(&self) {
        self.changed.notified().await;
    }

    /// Whether every one of `runs` is recalled.
    pub fn covers(&self, runs: impl IntoIterator<Item = RunId>) -> bool {
        let recalled = self.lock();
        let is_recalled = |run: RunId| recalled.get(&run.slot).is_some_and(|epoch| run.epoch <= *epoch);
        !recalled.is_empty() && runs.into_iter().all(is_recalled)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Slot, Epoch>> {
        self.recalled.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What both sides of a pipeline share.
#[derive(Debug, Default, Clone)]
pub struct Mail {
    pub settlements: Arc<Settlements>,
    pub recall: Arc<Recall>,
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;
    use crate::delivery::ledger::{Ledger, Outcome};
    use crate::position::{Offset, ResumeAt};

    const LONG: Duration = Duration::from_secs(20);

    /// One record of each of these epochs of one slot, oldest first.
    fn runs_of_epochs(epochs: usize) -> Vec<RunId> {
        runs_of_epochs_at(Slot::new(0), epochs)
    }

    fn runs_of_epochs_at(slot: Slot, epochs: usize) -> Vec<RunId> {
        let mut ledger = Ledger::new();
        let track = |_| {
            ledger.assign(slot, ResumeAt::from_broker(0), None);
            ledger.track(slot, Offset::new(0), None).expect("assigned")
        };
        (0..epochs).map(track).collect()
    }

    #[test]
    fn waiting_ends_when_something_arrives_or_a_nudge_comes_and_not_before() {
        let mail = Arc::new(Settlements::default());
        let began = Instant::now();
        mail.wait(began + Duration::from_millis(50));
        assert!(began.elapsed() >= Duration::from_millis(50), "nothing had arrived");
        mail.wait(began);

        let run = runs_of_epochs(1)[0];
        type Step<'a> = &'a (dyn Fn(&Settlements) + Sync);
        let post: Step<'_> = &|mail| mail.post([Settlement { run, records: 1, outcome: Outcome::Delivered }]);
        for step in [&(|mail: &Settlements| mail.nudge()) as Step<'_>, post] {
            let done = AtomicBool::new(false);
            std::thread::scope(|scope| {
                scope.spawn(|| {
                    // A nudge to nobody is forgotten; so it is repeated until somebody was waiting.
                    while !done.load(Ordering::Relaxed) {
                        step(&mail);
                        std::thread::yield_now();
                    }
                });
                let began = Instant::now();
                mail.wait(began + LONG);
                done.store(true, Ordering::Relaxed);
                assert!(began.elapsed() < LONG);
            });
        }
        let began = Instant::now();
        mail.wait(began + LONG);
        assert!(began.elapsed() < LONG, "what has arrived need not be waited for");
    }

    #[test]
    fn a_recall_covers_its_assignment_and_earlier_ones_and_only_whole_parts() {
        let runs = runs_of_epochs(3);
        let elsewhere = runs_of_epochs_at(Slot::new(1), 1)[0];
        let recall = Recall::default();
        assert!(!recall.covers([runs[0]]) && !recall.covers([]), "nothing is recalled");
        recall.recall([(runs[1].slot, runs[1].epoch)]);
        assert!(recall.covers([runs[0]]) && recall.covers([runs[1]]));
        assert!(!recall.covers([runs[2]]), "a later assignment of the slot");
        assert!(!recall.covers([elsewhere]));
        assert!(recall.covers([runs[0], runs[1]]) && !recall.covers([runs[1], elsewhere]));
    }

    /// In the connector, threads that acknowledge race with the one that commits. Here they only post; one thread has the ledger.
    #[test]
    fn defect_14_settlements_from_many_threads_move_the_watermark_only_forward() {
        const RUNS: i64 = 40_000;
        const THREADS: usize = 8;
        let (slot, mut ledger, mail) = (Slot::new(0), Ledger::new(), Settlements::default());
        ledger.assign(slot, ResumeAt::from_broker(0), None);
        let track = |offset| {
            let run = ledger.track(slot, Offset::new(offset), None).expect("assigned");
            ledger.seal(run);
            run
        };
        let mut runs: Vec<RunId> = (0..RUNS).map(track).collect();
        fastrand::Rng::with_seed(14).shuffle(&mut runs);
        let start = std::sync::Barrier::new(THREADS);
        std::thread::scope(|scope| {
            for part in runs.chunks(runs.len() / THREADS) {
                let (mail, start) = (&mail, &start);
                scope.spawn(move || {
                    start.wait();
                    for run in part {
                        mail.post([Settlement { run: *run, records: 1, outcome: Outcome::Delivered }]);
                    }
                });
            }
            let (mut arrived, mut watermark, began) = (Vec::new(), 0, Instant::now());
            while watermark < RUNS {
                assert!(began.elapsed() < LONG, "the watermark stays at {watermark}");
                mail.wait(Instant::now() + Duration::from_millis(10));
                mail.take(&mut arrived);
                for settlement in arrived.drain(..) {
                    ledger.settle(settlement);
                    let now = ledger.watermark(slot).expect("assigned").get();
                    assert!(now >= watermark, "from {watermark} back to {now}");
                    watermark = now;
                }
            }
        });
        let totals = ledger.totals();
        assert_eq!((totals.delivered, totals.in_flight(), totals.stale_settlements), (40_000, 0, 0));
    }
}
