//! One request on a channel: the right to send it, then the wait for its proof.

use std::sync::Arc;

use tokio::sync::oneshot;
use tokio::time::Instant;
use uuid::Uuid;

use super::book::{FIRST_COUNTED, Waiter};
use super::{Acks, Fate};
use crate::delivery::attempt::Failure;
use crate::reason::Reason;
use crate::sink::splunk_hec::line::Line;

/// The right to send one request on a channel. Dropping it means that the answer is not known.
#[derive(Debug)]
pub(in super::super) struct Lease {
    pub(super) acks: Arc<Acks>,
    pub(super) line: Line,
    pub(super) returned: bool,
}

impl Lease {
    pub(in super::super) fn line(&self) -> &Line {
        &self.line
    }

    /// The request has certainly not reached the server, or was answered without an identifier.
    pub(in super::super) fn unused(mut self) {
        self.returned = true;
        let mut book = self.acks.book();
        if let Some(channel) = book.channel(self.line.id()) {
            channel.leased = false;
            for id in std::mem::take(&mut channel.set_aside) {
                channel.settle(id, Fate::Indexed);
            }
        }
        book.tidy();
    }

    /// The request was answered with this identifier.
    ///
    /// # Errors
    /// The identifiers went back: another indexer counts, nothing that is pending on the channel is proven.
    pub(in super::super) fn answered(mut self, id: u64) -> Result<Ticket, Failure> {
        self.returned = true;
        let mut book = self.acks.book();
        let first = book.channels.iter().all(|channel| channel.pending.is_empty());
        if first {
            book.pause = self.acks.interval;
            book.next_round = Instant::now() + self.acks.interval;
        }
        let Some(channel) = book.channel(self.line.id()) else {
            return Err(Failure::new(Reason::AckUnknown, "the channel was given up"));
        };
        channel.leased = false;
        if let Some(last) = channel.last.filter(|last| id <= *last) {
            let words = format!("ackId went back from {last} to {id}: the indexer restarted or another one answers");
            let failure = Failure::new(Reason::AckUnknown, words);
            channel.end(|_| true, &Fate::Unproven(failure.clone()));
            book.tidy();
            return Err(failure);
        }
        channel.last = Some(id);
        for id in std::mem::take(&mut channel.set_aside) {
            channel.settle(id, Fate::Indexed);
        }
        let (tell, fate) = oneshot::channel();
        channel.pending.insert(id, Waiter { tell, deadline: Instant::now() + self.acks.timeout });
        Ok(Ticket { acks: Arc::clone(&self.acks), channel: self.line.id(), id, fate })
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if self.returned {
            return;
        }
        let mut book = self.acks.book();
        if let Some(channel) = book.channel(self.line.id()) {
            channel.leased = false;
            channel.set_aside.clear();
            let words = "a later request on the channel had no answer: its ackId may be the same";
            let fate = Fate::Unproven(Failure::new(Reason::AckUnknown, words));
            channel.end(|id| id <= FIRST_COUNTED, &fate);
        }
        book.tidy();
    }
}

/// One unproven request. Dropping it forgets the request.
#[derive(Debug)]
pub(in super::super) struct Ticket {
    acks: Arc<Acks>,
    channel: Uuid,
    id: u64,
    pub(super) fate: oneshot::Receiver<Fate>,
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let mut book = self.acks.book();
        if let Some(channel) = book.channel(self.channel) {
            channel.pending.remove(&self.id);
            channel.set_aside.retain(|id| *id != self.id);
        }
        book.tidy();
    }
}
