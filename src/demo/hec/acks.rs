//! Acknowledgement identifiers of one indexer.
//!
//! As Splunk does it (indexer acknowledgement, Splunk docs; the details observed on 10.4.3): identifiers count from 0 in
//! every channel, one for each request; an identifier answers `true` once its events are safe, only once, and is then
//! forgotten; what is not known answers `false`, in whatever channel.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use tokio::time::Instant;

#[derive(Debug, Default)]
pub(super) struct Acks {
    channels: HashMap<String, Channel>,
    /// While set, everything answers `false`.
    pub(super) withheld: bool,
}

#[derive(Debug, Default)]
struct Channel {
    next: u64,
    /// Identifiers not yet answered `true`, and when they become so.
    safe_at: BTreeMap<u64, Instant>,
}

impl Acks {
    /// The identifier for one more request on `channel`.
    pub(super) fn issue(&mut self, channel: &str, latency: Duration) -> u64 {
        if !self.channels.contains_key(channel) {
            self.channels.insert(channel.to_owned(), Channel::default());
        }
        let Some(channel) = self.channels.get_mut(channel) else { return 0 };
        let id = channel.next;
        channel.next += 1;
        channel.safe_at.insert(id, Instant::now() + latency);
        id
    }

    /// Answers a query, and forgets what it answers with `true`.
    pub(super) fn query(&mut self, channel: &str, ids: &[u64]) -> BTreeMap<u64, bool> {
        let now = Instant::now();
        let withheld = self.withheld;
        let mut channel = self.channels.get_mut(channel);
        let mut answer = BTreeMap::new();
        for id in ids {
            let safe = channel.as_mut().is_some_and(|channel| {
                let safe = !withheld && channel.safe_at.get(id).is_some_and(|at| *at <= now);
                safe && channel.safe_at.remove(id).is_some()
            });
            answer.insert(*id, safe);
        }
        answer
    }

    /// The indexer restarts: every identifier is forgotten, every channel counts from 0 again.
    pub(super) fn restart(&mut self) {
        self.channels.clear();
    }

    pub(super) fn outstanding(&self) -> usize {
        self.channels.values().map(|channel| channel.safe_at.len()).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn an_identifier_turns_true_after_the_latency_and_is_then_forgotten() {
        let mut acks = Acks::default();
        let latency = Duration::from_secs(1);
        assert_eq!((acks.issue("a", latency), acks.issue("a", latency), acks.issue("b", latency)), (0, 1, 0));
        assert_eq!(acks.query("a", &[0]), BTreeMap::from([(0, false)]));
        tokio::time::advance(latency).await;
        assert_eq!(acks.query("c", &[0]), BTreeMap::from([(0, false)]));
        assert_eq!(acks.query("a", &[0, 7]), BTreeMap::from([(0, true), (7, false)]));
        assert_eq!(acks.query("a", &[0, 1]), BTreeMap::from([(0, false), (1, true)]));
        acks.restart();
        assert_eq!(acks.issue("a", latency), 0);
    }
}
