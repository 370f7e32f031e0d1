//! When each event first arrived at the stand-in, and how long that took. It watches; it changes nothing.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;

use super::audit_stream::Positions;
use super::hec::Hec;
use super::verdict::Latency;

/// Times in milliseconds since 1970.
pub(super) type Span = (i64, i64);

#[derive(Clone, Default)]
pub(super) struct Arrivals(Arc<Mutex<HashMap<(i32, i64), i64>>>);

impl Arrivals {
    /// Notes arrivals as they come; never ends.
    pub(super) async fn watch(self, hec: Hec) {
        let mut seen = 0;
        loop {
            // After every request somebody is told; the limit only bounds how long nothing is looked at.
            hec.until(Duration::from_secs(1), |count| count.events > seen).await;
            seen = hec.count().events;
            let now = now_ms();
            let mut arrivals = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            for ((_, partition), offsets) in hec.positions() {
                for offset in offsets.into_keys() {
                    arrivals.entry((partition, offset)).or_insert(now);
                }
            }
        }
    }

    /// From the broker's timestamp to the arrival. Percentiles leave out what was produced before `from_ms` and what was
    /// under way during one of the `troubles`; the longest wait leaves out nothing but the backlog.
    pub(super) fn latency(&self, produced: &Positions, from_ms: i64, troubles: &[Span]) -> Latency {
        let arrivals = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut waits: BTreeMap<u64, u64> = BTreeMap::new();
        let mut longest = 0;
        for (partition, offset, at) in each(produced).filter(|(_, _, at)| *at >= from_ms) {
            let Some(arrived) = arrivals.get(&(partition, offset)) else { continue };
            let wait = u64::try_from(arrived.saturating_sub(at)).unwrap_or(0);
            longest = longest.max(wait);
            if !troubles.iter().any(|(began, ended)| at <= *ended && arrived >= began) {
                *waits.entry(wait).or_default() += 1;
            }
        }
        Latency { p50_ms: percentile(&waits, 50), p99_ms: percentile(&waits, 99), longest_ms: longest }
    }
}

fn each(produced: &Positions) -> impl Iterator<Item = (i32, i64, i64)> {
    produced.iter().flat_map(|(partition, offsets)| offsets.iter().map(move |(offset, at)| (*partition, *offset, *at)))
}

/// The smallest value that at least this share of all values does not exceed; `None` without values.
fn percentile(counts: &BTreeMap<u64, u64>, percent: u64) -> Option<u64> {
    let total: u64 = counts.values().sum();
    let mut seen = 0;
    counts.iter().find_map(|(value, count)| {
        seen += count;
        (seen * 100 >= total * percent).then_some(*value)
    })
}

pub(super) fn now_ms() -> i64 {
    Timestamp::now().as_millisecond()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_values_that_occurred() {
        let counts: BTreeMap<u64, u64> = (1..=100).map(|value| (value, 1)).collect();
        assert_eq!((percentile(&counts, 50), percentile(&counts, 99)), (Some(50), Some(99)));
        assert_eq!(percentile(&BTreeMap::from([(7, 3)]), 99), Some(7));
        assert_eq!(percentile(&BTreeMap::new(), 50), None);
    }

    #[test]
    fn waits_through_trouble_and_the_backlog_are_left_out_of_the_percentiles() {
        let arrivals = Arrivals::default();
        arrivals.0.lock().unwrap().extend([((0, 0), 900), ((0, 1), 1_010), ((0, 2), 3_500), ((0, 3), 4_030)]);
        let produced = Positions::from([(0, BTreeMap::from([(0, 100), (1, 1_000), (2, 1_500), (3, 4_000)]))]);
        let latency = arrivals.latency(&produced, 1_000, &[(2_000, 3_600)]);
        assert_eq!(latency, Latency { p50_ms: Some(10), p99_ms: Some(30), longest_ms: 2_000 });
    }
}
