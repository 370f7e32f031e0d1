//! Which receiver gets the next parcel: the least busy one that is not backing off.
//!
//! Each endpoint has its own back-off. One that failed is tried again with a single parcel; only when that works it takes
//! its full share. A receiver that swallows requests keeps its share of the sending slots busy at most, because the next
//! parcel always goes to the endpoint with the fewest under way. One that says it is getting full is slowed down: a pause, and
//! then one parcel at a time until it says so no more.

use std::time::Duration;

use tokio::time::Instant;

use crate::defaults;
use crate::delivery::backoff::Backoff;

#[derive(Debug)]
struct Endpoint {
    backoff: Backoff,
    not_before: Instant,
    sending: usize,
    /// Its last answer was a warning that it is getting full.
    slowed: bool,
}

#[derive(Debug)]
pub(super) struct Endpoints {
    all: Vec<Endpoint>,
    /// Where the search starts, so that equals take turns.
    turn: usize,
}

impl Endpoints {
    pub(super) fn new(count: usize, now: Instant) -> Self {
        let endpoint = |_| Endpoint {
            backoff: Backoff::new(defaults::RETRY_BASE, defaults::RETRY_CAP),
            not_before: now,
            sending: 0,
            slowed: false,
        };
        Self { all: (0..count).map(endpoint).collect(), turn: 0 }
    }

    pub(super) fn count(&self) -> usize {
        self.all.len()
    }

    /// The endpoint for the next parcel, which then counts as being sent there.
    pub(super) fn take(&mut self, now: Instant) -> Option<usize> {
        let count = self.all.len();
        let order = (0..count).map(|i| (self.turn + i) % count);
        let chosen = order.filter(|i| self.all[*i].is_available(now)).min_by_key(|i| self.all[*i].sending)?;
        self.all[chosen].sending += 1;
        self.turn = (chosen + 1) % count;
        Some(chosen)
    }

    pub(super) fn has_available(&self, now: Instant) -> bool {
        self.all.iter().any(|endpoint| endpoint.is_available(now))
    }

    /// Whether some other endpoint has not failed since it last worked.
    pub(super) fn another_works(&self, endpoint: usize) -> bool {
        self.all.iter().enumerate().any(|(at, other)| at != endpoint && other.backoff.failures() == 0)
    }

    /// A parcel is no longer being sent there.
    pub(super) fn returned(&mut self, endpoint: usize) {
        self.all[endpoint].sending = self.all[endpoint].sending.saturating_sub(1);
    }

    pub(super) fn succeeded(&mut self, endpoint: usize) {
        self.all[endpoint].backoff.succeed();
    }

    /// The endpoint took a parcel, and warned that it is getting full.
    pub(super) fn slow_down(&mut self, endpoint: usize, pause: Duration, now: Instant) {
        let endpoint = &mut self.all[endpoint];
        endpoint.slowed = true;
        endpoint.not_before = endpoint.not_before.max(now + pause);
    }

    /// The endpoint took a parcel without such a warning.
    pub(super) fn full_speed(&mut self, endpoint: usize) {
        self.all[endpoint].slowed = false;
    }

    pub(super) fn failed(&mut self, endpoint: usize, after: Option<Duration>, now: Instant, rng: &mut fastrand::Rng) {
        let endpoint = &mut self.all[endpoint];
        // Parcels that were sent together fail together: they count as one failure.
        if now >= endpoint.not_before {
            endpoint.not_before = now + endpoint.backoff.fail(after, rng);
        }
    }

    /// When an endpoint that is backing off may be tried again.
    pub(super) fn next_available(&self, now: Instant) -> Option<Instant> {
        self.all.iter().map(|endpoint| endpoint.not_before).filter(|at| *at > now).min()
    }
}

impl Endpoint {
    fn is_available(&self, now: Instant) -> bool {
        let proven = self.backoff.failures() == 0 && !self.slowed;
        let idle = self.sending == 0;
        now >= self.not_before && (proven || idle)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn equals_take_turns_and_the_busy_one_waits() {
        let now = Instant::now();
        let mut endpoints = Endpoints::new(3, now);
        let first: Vec<_> = (0..3).filter_map(|_| endpoints.take(now)).collect();
        assert_eq!(first, [0, 1, 2]);
        endpoints.returned(1);
        assert_eq!(endpoints.take(now), Some(1));
    }

    #[tokio::test(start_paused = true)]
    async fn a_failed_endpoint_waits_then_gets_one_parcel_until_it_works() {
        let mut now = Instant::now();
        let mut rng = fastrand::Rng::with_seed(1);
        let mut endpoints = Endpoints::new(1, now);
        assert_eq!(endpoints.take(now), Some(0));
        endpoints.returned(0);
        endpoints.failed(0, Some(Duration::from_secs(2)), now, &mut rng);
        assert_eq!(endpoints.take(now), None);
        now = endpoints.next_available(now).expect("backs off");
        assert_eq!(endpoints.take(now), Some(0));
        assert_eq!(endpoints.take(now), None, "one probe at a time");
        endpoints.returned(0);
        endpoints.succeeded(0);
        assert_eq!((endpoints.take(now), endpoints.take(now)), (Some(0), Some(0)));
    }

    #[tokio::test(start_paused = true)]
    async fn an_endpoint_that_is_getting_full_gets_a_pause_and_then_one_parcel_at_a_time() {
        let mut now = Instant::now();
        let mut endpoints = Endpoints::new(2, now);
        endpoints.slow_down(0, Duration::from_millis(250), now);
        assert_eq!([endpoints.take(now), endpoints.take(now)], [Some(1); 2], "the other goes on");
        now = endpoints.next_available(now).expect("pauses");
        assert_eq!([endpoints.take(now), endpoints.take(now)], [Some(0), Some(1)], "one at a time");
        assert!(endpoints.another_works(1), "it is not a failure");
        endpoints.full_speed(0);
        assert_eq!([endpoints.take(now), endpoints.take(now)], [Some(0); 2]);
    }

    #[tokio::test(start_paused = true)]
    async fn parcels_that_fail_together_lengthen_the_delay_once() {
        let now = Instant::now();
        let mut rng = fastrand::Rng::with_seed(1);
        let mut endpoints = Endpoints::new(1, now);
        for _ in 0..16 {
            endpoints.failed(0, None, now, &mut rng);
        }
        assert_eq!(endpoints.all[0].backoff.failures(), 1);
    }
}
