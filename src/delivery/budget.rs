//! The one bound: bytes that a pipeline holds.
//!
//! Every batch holds a share of the budget for as long as its memory lives, and gives it back when it is dropped. What
//! counts is what is held: a batch that was compressed while it waits gives back the difference.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::settlement::Settlements;

#[derive(Debug)]
pub struct Budget {
    limit: u64,
    used: AtomicU64,
    /// Told when room was made, because the poll thread may be waiting for it.
    wake: Arc<Settlements>,
}

impl Budget {
    pub fn new(limit: u64, wake: Arc<Settlements>) -> Arc<Self> {
        Arc::new(Self { limit, used: AtomicU64::new(0), wake })
    }

    /// Takes `bytes`, even beyond the limit: the caller asks [`Budget::is_exhausted`] before it reads more, so the limit is
    /// passed by one batch at most.
    pub fn hold(self: &Arc<Self>, bytes: u64) -> Held {
        self.used.fetch_add(bytes, Ordering::Relaxed);
        Held { budget: Arc::clone(self), bytes }
    }

    pub fn used(&self) -> u64 {
        self.used.load(Ordering::Relaxed)
    }

    pub fn is_exhausted(&self) -> bool {
        self.used() >= self.limit
    }

    /// Whether there is enough room to start reading again without stopping at once.
    pub fn has_ample_room(&self) -> bool {
        self.used() <= self.limit / 2
    }

    fn give_back(&self, bytes: u64) {
        self.used.fetch_sub(bytes, Ordering::Relaxed);
        self.wake.nudge();
    }
}

/// A share of the budget, given back when dropped.
#[derive(Debug)]
pub struct Held {
    budget: Arc<Budget>,
    bytes: u64,
}

impl Held {
    /// Another share of the same budget.
    pub fn another(&self, bytes: u64) -> Self {
        self.budget.hold(bytes)
    }

    pub fn shrink_to(&mut self, bytes: u64) {
        let freed = self.bytes.saturating_sub(bytes);
        self.bytes -= freed;
        self.budget.give_back(freed);
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.budget.give_back(self.bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_held_counts_and_is_given_back() {
        let budget = Budget::new(100, Arc::default());
        let mut held = budget.hold(80);
        assert!(!budget.is_exhausted() && !budget.has_ample_room());
        let other = budget.hold(20);
        assert!(budget.is_exhausted());
        held.shrink_to(10);
        assert_eq!(budget.used(), 30);
        assert!(budget.has_ample_room());
        drop((held, other));
        assert_eq!(budget.used(), 0);
    }
}
