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
