//! The one bound: bytes that a pipeline holds.
//!
//! Every batch holds a share of the budget for as long as its memory lives, and gives it back when it is dropped. What
//! counts is what is held: a batch that was compressed while it waits gives back the difference.
//!
//! Where batches are compressed, little may wait plain. Reading is faster than compressing: without a bound of its own the whole
//! budget would fill with plain batches first, and as compressed ones take their place the allocator keeps the memory of both.
//! For the same reason the memory of a plain batch that was compressed is used again for another one: given back, it would be
//! cut into pieces for what is held long, and the next one would need new memory.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::pool::Pool;
use super::settlement::Settlements;

/// With batches of 2 MiB, what may wait for being compressed fits into so many.
const SPARES: usize = 8;

#[derive(Debug)]
pub struct Budget {
    limit: u64,
    used: AtomicU64,
    /// Of `limit`, what batches that wait for being compressed may take.
    plain_limit: u64,
    plain: AtomicU64,
    /// Memory of plain batches that are compressed now, empty. At most [`SPARES`].
    spares: Mutex<Vec<Vec<u8>>>,
    /// Memory of compressed bodies.
    pool: Arc<Pool>,
    /// Told when room was made, because the poll thread may be waiting for it.
    wake: Arc<Settlements>,
}

impl Budget {
    pub fn new(limit: u64, wake: Arc<Settlements>) -> Arc<Self> {
        Self::compressing(limit, u64::MAX, wake)
    }

    /// For batches that are going to be compressed, of which no more than `plain_limit` bytes wait for that.
    pub fn compressing(limit: u64, plain_limit: u64, wake: Arc<Settlements>) -> Arc<Self> {
        Arc::new(Self {
            limit,
            used: AtomicU64::new(0),
            plain_limit,
            plain: AtomicU64::new(0),
            spares: Mutex::default(),
            pool: Pool::new(limit / 8),
            wake,
        })
    }

    /// Takes `bytes`, even beyond the limit: the caller asks [`Budget::is_exhausted`] before it reads more, so the limit is
    /// passed by one batch at most.
    pub fn hold(self: &Arc<Self>, bytes: u64) -> Held {
        self.used.fetch_add(bytes, Ordering::Relaxed);
        Held { budget: Arc::clone(self), bytes, plain: 0 }
    }

    /// As [`Budget::hold`], for a batch that is not compressed (yet).
    pub fn hold_plain(self: &Arc<Self>, bytes: u64) -> Held {
        self.plain.fetch_add(bytes, Ordering::Relaxed);
        let mut held = self.hold(bytes);
        held.plain = bytes;
        held
    }

    /// An empty buffer of at least this capacity, and not much more.
    pub fn spare(&self, capacity: usize) -> Vec<u8> {
        let mut spares = self.spares.lock().unwrap_or_else(PoisonError::into_inner);
        let fits = |spare: &Vec<u8>| spare.capacity() >= capacity && spare.capacity() / 2 <= capacity;
        let spare = spares.iter().position(fits).map(|at| spares.swap_remove(at));
        drop(spares);
        spare.unwrap_or_else(|| Vec::with_capacity(capacity))
    }

    fn keep_spare(&self, mut buffer: Vec<u8>) {
        let mut spares = self.spares.lock().unwrap_or_else(PoisonError::into_inner);
        // That of a single huge event is not worth keeping.
        let is_usual = buffer.capacity() as u64 <= self.plain_limit / 4;
        if spares.len() < SPARES && is_usual {
            buffer.clear();
            spares.push(buffer);
        }
    }

    pub fn used(&self) -> u64 {
        self.used.load(Ordering::Relaxed)
    }

    pub fn is_exhausted(&self) -> bool {
        self.used() >= self.limit || self.plain() >= self.plain_limit
    }

    /// Whether there is enough room to start reading again without stopping at once. Compressed, an eighth of the limit is as many
    /// events as half of it is otherwise; and what waits for an acknowledgement is let go little by little: were half of it
    /// waited for, reading would stand still for most of the time that an acknowledgement takes.
    pub fn has_ample_room(&self) -> bool {
        let enough = if self.plain_limit == u64::MAX { self.limit / 2 } else { self.limit / 8 };
        self.used() <= self.limit - enough && self.plain() <= self.plain_limit / 2
    }

    fn plain(&self) -> u64 {
        self.plain.load(Ordering::Relaxed)
    }

    fn give_back(&self, bytes: u64, plain: u64) {
        self.used.fetch_sub(bytes, Ordering::Relaxed);
        self.plain.fetch_sub(plain, Ordering::Relaxed);
        self.wake.nudge();
    }
}

/// A share of the budget, given back when dropped.
#[derive(Debug)]
pub struct Held {
    budget: Arc<Budget>,
    bytes: u64,
    /// Of `bytes`, what is not compressed yet.
    plain: u64,
}

impl Held {
    /// Another share of the same budget.
    pub fn another(&self, bytes: u64) -> Self {
        self.budget.hold(bytes)
    }

    /// Where compressed bodies have their memory from.
    pub(super) fn pool(&self) -> &Arc<Pool> {
        &self.budget.pool
    }

    /// The batch is compressed now, and weighs this; its plain memory can be used again.
    pub fn compressed_to(&mut self, bytes: u64, plain: Vec<u8>) {
        self.budget.keep_spare(plain);
        self.shrink_to(bytes);
    }

    fn shrink_to(&mut self, bytes: u64) {
        let freed = self.bytes.saturating_sub(bytes);
        self.bytes -= freed;
        self.budget.give_back(freed, std::mem::take(&mut self.plain));
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.budget.give_back(self.bytes, self.plain);
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

    #[test]
    fn little_waits_for_being_compressed_and_what_is_compressed_only_counts_in_the_whole() {
        let budget = Budget::compressing(100, 20, Arc::default());
        let mut first = budget.hold_plain(15);
        assert!(!budget.is_exhausted() && !budget.has_ample_room());
        let second = budget.hold_plain(15);
        assert!(budget.is_exhausted());
        first.shrink_to(3);
        assert!(!budget.is_exhausted());
        drop(second);
        assert!(budget.has_ample_room());
        let half = budget.hold_plain(10);
        assert!(budget.has_ample_room(), "half of it may wait");
        drop(half);
        let letters = budget.hold(40);
        assert!(budget.has_ample_room(), "letters are not compressed");
        let compressed: Vec<Held> = (0..4)
            .map(|_| budget.hold_plain(15))
            .map(|mut held| {
                held.shrink_to(15);
                held
            })
            .collect();
        assert!(budget.is_exhausted(), "the whole is bounded all the same");
        drop((first, letters, compressed));
        assert_eq!((budget.used(), budget.plain()), (0, 0));
    }

    #[test]
    fn reading_goes_on_at_half_of_the_room_and_at_an_eighth_of_it_where_batches_are_compressed() {
        for (budget, enough) in
            [(Budget::new(800, Arc::default()), 400), (Budget::compressing(800, 80, Arc::default()), 100)]
        {
            let held = budget.hold(800 - enough);
            assert!(budget.has_ample_room(), "{enough} are free");
            let more = budget.hold(1);
            assert!(!budget.has_ample_room(), "{} are free", enough - 1);
            drop((held, more));
        }
    }

    #[test]
    fn memory_of_plain_batches_is_used_again_by_those_that_fill_it() {
        let budget = Budget::new(1_000, Arc::default());
        let mut buffer = budget.spare(100);
        buffer.extend_from_slice(b"text");
        let place = buffer.as_ptr();
        budget.hold_plain(100).compressed_to(10, buffer);
        let (small, large) = (budget.spare(10), budget.spare(101));
        assert_ne!(small.as_ptr(), place, "a small batch would waste it");
        assert_ne!(large.as_ptr(), place, "it is too small");
        let again = budget.spare(90);
        assert_eq!((again.as_ptr(), again.len()), (place, 0));
        (0..2 * SPARES).for_each(|_| budget.hold_plain(100).compressed_to(10, Vec::with_capacity(100)));
        assert_eq!((budget.spares.lock().map(|spares| spares.len()).ok(), budget.used()), (Some(SPARES), 0));
    }
}
