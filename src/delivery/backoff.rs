//! How long to wait before the next attempt: exponential with full jitter, and the server's own wish.
//!
//! Long-lived state, not a retried closure: a lane keeps one per endpoint for as long as it runs. There is no number of
//! attempts after which it gives up. `backoff`, the crate of that name, is unmaintained (RUSTSEC-2025-0012).

use std::time::Duration;

/// Exponential back-off with full jitter: the n-th delay is uniform in `0..=min(cap, base * 2^n)`.
///
/// Full jitter because several processes lose the same server at the same moment and must not come back together.
#[derive(Clone, Debug)]
pub struct Backoff {
    base: Duration,
    cap: Duration,
    failures: u32,
}

impl Backoff {
    pub const fn new(base: Duration, cap: Duration) -> Self {
        Self { base, cap, failures: 0 }
    }

    /// Counts a failure and returns the delay before the next attempt. `after` is what the server asked for
    /// (`Retry-After`): the delay is never shorter than that, up to `longest_wish`.
    pub fn fail(&mut self, after: Option<Duration>, rng: &mut fastrand::Rng) -> Duration {
        let ceiling = self.ceiling();
        self.failures = self.failures.saturating_add(1);
        let jittered = ceiling.mul_f64(rng.f64());
        let wish = after.unwrap_or(Duration::ZERO).min(LONGEST_WISH);
        // Jitter on top of the wish: all clients were given the same number.
        if wish.is_zero() { jittered } else { wish + jittered.min(wish) }
    }

    /// The endpoint works again.
    pub fn succeed(&mut self) {
        self.failures = 0;
    }

    /// Failures since the last success.
    pub const fn failures(&self) -> u32 {
        self.failures
    }

    fn ceiling(&self) -> Duration {
        let factor = 1u32.checked_shl(self.failures.min(31)).unwrap_or(u32::MAX);
        self.base.saturating_mul(factor).min(self.cap)
    }
}

/// A server that asks for more than this is asked again earlier: a wrong date must not stop delivery for a year.
const LONGEST_WISH: Duration = crate::defaults::RETRY_AFTER_MAX;

#[cfg(test)]
mod tests {
    use super::*;

    const BASE: Duration = Duration::from_millis(100);
    const CAP: Duration = Duration::from_secs(30);

    #[test]
    fn delays_double_up_to_the_cap_and_start_over_after_a_success() {
        let mut backoff = Backoff::new(BASE, CAP);
        let mut rng = fastrand::Rng::with_seed(7);
        for n in 0..40u32 {
            let ceiling = BASE.saturating_mul(1u32.checked_shl(n).unwrap_or(u32::MAX)).min(CAP);
            assert!(backoff.fail(None, &mut rng) <= ceiling, "failure {n}");
        }
        assert_eq!(backoff.failures(), 40);
        backoff.succeed();
        assert!(backoff.fail(None, &mut rng) <= BASE);
    }

    #[test]
    fn jitter_uses_the_whole_range() {
        let mut rng = fastrand::Rng::with_seed(1);
        let delays: Vec<Duration> = (0..1000).map(|_| Backoff::new(BASE, CAP).fail(None, &mut rng)).collect();
        let mean = delays.iter().sum::<Duration>() / 1000;
        assert!(delays.iter().any(|d| *d < BASE / 20) && delays.iter().any(|d| *d > BASE * 19 / 20));
        assert!(mean > BASE * 4 / 10 && mean < BASE * 6 / 10, "mean {mean:?}");
    }

    #[test]
    fn the_servers_wish_is_a_minimum_within_reason() {
        let mut rng = fastrand::Rng::with_seed(3);
        let mut backoff = Backoff::new(BASE, CAP);
        let wish = Duration::from_secs(7);
        let delay = backoff.fail(Some(wish), &mut rng);
        assert!(delay >= wish && delay <= wish * 2);
        let absurd = backoff.fail(Some(Duration::from_secs(365 * 86_400)), &mut rng);
        assert!(absurd <= LONGEST_WISH * 2);
    }
}
