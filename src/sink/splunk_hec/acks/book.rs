//! The books of one endpoint: its channels, and what is pending on each. They are kept under one lock, without waiting.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::Instant;
use uuid::Uuid;

use super::{Fate, Reply};
use crate::delivery::attempt::Failure;
use crate::reason::Reason;
use crate::sink::splunk_hec::line::Line;

/// A count may begin with 0, as documented, or with 1, as some receivers do it.
pub(super) const FIRST_COUNTED: u64 = 1;

#[derive(Debug)]
pub(super) struct Book {
    pub(super) channels: Vec<Channel>,
    /// The present pause between two rounds.
    pub(super) pause: Duration,
    pub(super) next_round: Instant,
}

#[derive(Debug)]
pub(super) struct Channel {
    pub(super) line: Line,
    /// A request is under way on it.
    pub(super) leased: bool,
    /// It takes no further request, and is forgotten when nothing is pending.
    pub(super) ending: bool,
    pub(super) last: Option<u64>,
    pub(super) pending: BTreeMap<u64, Waiter>,
    /// Pending first numbers that were answered `true` while a request was under way.
    pub(super) set_aside: Vec<u64>,
    /// Why the latest query had no usable answer.
    pub(super) unclear: Option<String>,
}

#[derive(Debug)]
pub(super) struct Waiter {
    pub(super) tell: oneshot::Sender<Fate>,
    pub(super) deadline: Instant,
}

impl Book {
    pub(super) fn new(pause: Duration, now: Instant) -> Self {
        Self { channels: Vec::new(), pause, next_round: now }
    }

    pub(super) fn channel(&mut self, id: Uuid) -> Option<&mut Channel> {
        self.channels.iter_mut().find(|channel| channel.line.id() == id)
    }

    pub(super) fn tidy(&mut self) {
        self.channels.retain(|channel| !channel.ending || channel.leased || !channel.pending.is_empty());
    }

    /// Takes the reply to a query; `true` when it proved something.
    pub(super) fn take(&mut self, channel: Uuid, asked: &[u64], reply: Reply) -> bool {
        let proved = match reply {
            Reply::Known(ids) => self.channel(channel).is_some_and(|channel| channel.prove(asked, &ids)),
            Reply::Unclear(why) => {
                if let Some(channel) = self.channel(channel) {
                    channel.unclear = Some(why);
                }
                false
            }
            Reply::Refused(failure) => {
                for channel in &mut self.channels {
                    channel.end(|_| true, &Fate::Hold(failure.clone()));
                }
                false
            }
        };
        self.tidy();
        proved
    }

    pub(super) fn expire(&mut self, now: Instant, timeout: Duration) {
        for channel in &mut self.channels {
            let late: Vec<u64> =
                channel.pending.iter().filter(|(_, waiter)| waiter.deadline <= now).map(|(id, _)| *id).collect();
            if late.is_empty() {
                continue;
            }
            let failure = match &channel.unclear {
                Some(why) => Failure::new(Reason::AckUnknown, why.as_str()),
                None => Failure::new(Reason::AckTimeout, format!("not acknowledged within {timeout:?}")),
            };
            // A new channel may reach an indexer that does acknowledge.
            channel.end(|id| late.contains(&id), &Fate::Unproven(failure));
        }
        self.tidy();
    }
}

impl Channel {
    pub(super) fn leased(line: Line) -> Self {
        let (pending, set_aside) = (BTreeMap::new(), Vec::new());
        Self { line, leased: true, ending: false, last: None, pending, set_aside, unclear: None }
    }

    /// Settles what was asked, is pending, and was answered `true`.
    fn prove(&mut self, asked: &[u64], ids: &[u64]) -> bool {
        self.unclear = None;
        let mut proved = false;
        for id in ids.iter().filter(|id| asked.contains(id)) {
            if self.leased && *id <= FIRST_COUNTED {
                self.set_aside.push(*id);
            } else {
                proved |= self.settle(*id, Fate::Indexed);
            }
        }
        proved
    }

    pub(super) fn settle(&mut self, id: u64, fate: Fate) -> bool {
        self.set_aside.retain(|other| *other != id);
        let Some(waiter) = self.pending.remove(&id) else { return false };
        // Nobody waits any more when the pipeline stops; then the answer is of no use.
        waiter.tell.send(fate).ok();
        true
    }

    /// Takes no further request, and tells `fate` to the pending ones that `which` picks.
    pub(super) fn end(&mut self, which: impl Fn(u64) -> bool, fate: &Fate) {
        self.ending = true;
        let picked: Vec<u64> = self.pending.keys().copied().filter(|id| which(*id)).collect();
        for id in picked {
            self.settle(id, fate.clone());
        }
    }
}
