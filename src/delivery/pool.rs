//! Memory of compressed bodies, used again.
//!
//! A batch is compressed on whichever thread the lane runs at the moment, is held for as long as an acknowledgement takes, and
//! is let go in another order. The system's allocator gives each thread a region of its own and keeps what becomes free in
//! the middle of one: so the process grew to more than twice what was held. Buffers that are kept here and taken again do not
//! wander between regions.
//!
//! - Capacities are in steps, so that a buffer fits the next body: at most an eighth is wasted, and it counts as held.
//! - What is kept without being used is bounded. Small bodies are not worth it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;

/// Below, memory is taken and given back as ever: a trickle of small batches holds little.
const POOLED_MIN: usize = 64 * 1024;

#[derive(Debug)]
pub(super) struct Pool {
    /// What may be kept without being used, in bytes.
    limit: usize,
    free: Mutex<Free>,
}

#[derive(Debug, Default)]
struct Free {
    buffers: Vec<Vec<u8>>,
    /// Of all of them together.
    capacity: usize,
}

impl Pool {
    pub(super) fn new(limit: u64) -> Arc<Self> {
        Arc::new(Self { limit: usize::try_from(limit).unwrap_or(usize::MAX), free: Mutex::default() })
    }

    /// A copy of `bytes`, and how much memory it takes.
    pub(super) fn copy(self: &Arc<Self>, bytes: &[u8]) -> (Bytes, usize) {
        if bytes.len() < POOLED_MIN {
            return (Bytes::copy_from_slice(bytes), bytes.len());
        }
        let mut buffer = self.take(capacity_for(bytes.len()));
        buffer.extend_from_slice(bytes);
        let capacity = buffer.capacity();
        (Bytes::from_owner(Pooled { buffer, pool: Arc::clone(self) }), capacity)
    }

    /// The smallest that is large enough, unless it is much too large.
    fn take(&self, capacity: usize) -> Vec<u8> {
        let mut free = self.free();
        let fits = |buffer: &Vec<u8>| (capacity..=capacity + capacity / 4).contains(&buffer.capacity());
        let fitting = free.buffers.iter().enumerate().filter(|(_, buffer)| fits(buffer));
        let Some((at, _)) = fitting.min_by_key(|(_, buffer)| buffer.capacity()) else {
            return Vec::with_capacity(capacity);
        };
        let buffer = free.buffers.swap_remove(at);
        free.capacity -= buffer.capacity();
        buffer
    }

    fn keep(&self, mut buffer: Vec<u8>) {
        let mut free = self.free();
        if free.capacity + buffer.capacity() <= self.limit {
            buffer.clear();
            free.capacity += buffer.capacity();
            free.buffers.push(buffer);
        }
    }

    fn free(&self) -> MutexGuard<'_, Free> {
        // Nothing in between can unwind and leave it half done.
        self.free.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Eight steps from one power of two to the next.
fn capacity_for(len: usize) -> usize {
    len.next_multiple_of(len.next_power_of_two() / 16)
}

/// Goes back into the pool when the last one who holds its bytes lets go.
struct Pooled {
    buffer: Vec<u8>,
    pool: Arc<Pool>,
}

impl AsRef<[u8]> for Pooled {
    fn as_ref(&self) -> &[u8] {
        &self.buffer
    }
}

impl Drop for Pooled {
    fn drop(&mut self) {
        self.pool.keep(std::mem::take(&mut self.buffer));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_used_again_by_what_fits_it_once_all_have_let_go() {
        let pool = Pool::new(1 << 20);
        let text = vec![b'x'; 100_000];
        let (first, capacity) = pool.copy(&text);
        assert_eq!((&first[..], capacity), (&text[..], 106_496), "twelve steps of 8 KiB and one");
        let (place, other) = (first.as_ptr(), first.clone());
        drop(first);
        let (second, _) = pool.copy(&text);
        assert_ne!(second.as_ptr(), place, "somebody still holds it");
        drop(other);
        assert_ne!(pool.copy(&text[..POOLED_MIN]).0.as_ptr(), place, "too much would be wasted");
        let (third, capacity) = pool.copy(&text[..98_000]);
        assert_eq!((third.as_ptr(), third.len(), capacity), (place, 98_000, 106_496));
    }

    #[test]
    fn no_more_than_the_limit_is_kept_and_nothing_small() {
        let pool = Pool::new(250_000);
        let held: Vec<_> = (0..5).map(|_| pool.copy(&[0; 100_000])).collect();
        drop((held, pool.copy(&[0; 1000])));
        let kept = || {
            let free = pool.free();
            (free.buffers.len(), free.capacity)
        };
        assert_eq!(kept(), (2, 2 * 106_496));
        let again: Vec<_> = (0..3).map(|_| pool.copy(&[0; 100_000])).collect();
        assert_eq!((again.len(), kept()), (3, (0, 0)));
    }

    #[test]
    fn at_most_an_eighth_is_wasted() {
        for len in (POOLED_MIN..5_000_000).step_by(4_999) {
            let capacity = capacity_for(len);
            assert!(capacity >= len && capacity - len <= len / 8, "{capacity} for {len}");
        }
    }
}
