//! Acknowledgement by the indexers: which requests of one endpoint are not yet proven, and what became of them.
//!
//! # What Splunk does
//!
//! Every request on a *channel* (a UUID of ours) gets an identifier that counts up from 0 per channel and per indexer. A
//! query answers `true` for an identifier once its events are replicated, **only once**, and `false` for everything
//! else, including identifiers it does not know. An indexer that restarts knows nothing and counts from 0 again (Splunk
//! docs, "About HTTP Event Collector Indexer Acknowledgment").
//!
//! # Why a `true` here is proof
//!
//! A `true` may only count for the request that got the identifier, not for a later one that a restarted indexer gave
//! the same number. Hence:
//!
//! - **One request at a time per channel** ([`Lease`]). So identifiers arrive in the order in which they were issued, and
//!   one that is not larger than the last means another count: everything pending on the channel is sent again, and the
//!   channel is given up.
//! - **A request without a readable answer ends its channel.** It may have got an identifier that we do not know. Had the
//!   indexer restarted before, that would be the first of the new count; so what is pending under a first number
//!   ([`FIRST_COUNTED`](book::FIRST_COUNTED)) is sent again, and higher numbers, which cannot have been given twice, are still awaited.
//! - **While a request is under way, a `true` for a first number is set aside** until the answer shows that the count goes
//!   on.
//! - What a query did not answer, answered with an error, or answered unreadably is as unknown as before.
//!
//! # Who asks
//!
//! There is no task of its own. The futures that wait for an endpoint elect one of themselves to ask for all
//! ([`Acks::wait`]); when it has its own result, the next takes over.
//!
//! In a round every channel is asked, several at a time: one question after the other would take as many round trips as there
//! are channels, and one that is never answered would hold up the others and what is overdue. While nothing is new the pause
//! between two rounds grows, in proportion to the time that has passed: a proof is noticed at most a quarter of its age late.

mod book;
mod lease;

use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::StreamExt;
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::line::Line;
use crate::defaults::{HEC_ACK_POLL_MAX, HEC_ACK_QUERIES_AT_A_TIME, HEC_ACKS_PER_QUERY, HEC_PENDING_ACKS_MAX};
use crate::delivery::attempt::Failure;
use crate::reason::Reason;
use book::{Book, Channel};
pub(super) use lease::{Lease, Ticket};

/// What became of a request that the server took.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Fate {
    Indexed,
    /// Not known to be indexed: send again.
    Unproven(Failure),
    /// A human must act before anything can be proven.
    Hold(Failure),
}

/// What a query came to.
pub(super) enum Reply {
    /// The identifiers answered with `true`; all others are not yet indexed, or unknown.
    Known(Vec<u64>),
    /// No usable answer, and why.
    Unclear(String),
    /// The endpoint refuses to answer until a human acts.
    Refused(Failure),
}

/// How an endpoint is asked for acknowledgements.
pub(super) trait Ask: Send + Sync {
    fn ask(&self, line: &Line, ids: &[u64]) -> impl Future<Output = Reply> + Send;
}

/// The unproven requests of one endpoint.
#[derive(Debug)]
pub(super) struct Acks {
    timeout: Duration,
    /// The shortest pause between two rounds of queries.
    interval: Duration,
    book: Mutex<Book>,
    /// Held by the future that asks for all.
    turn: tokio::sync::Mutex<()>,
}

impl Acks {
    pub(super) fn new(timeout: Duration, interval: Duration) -> Self {
        let book = Book::new(interval, Instant::now());
        Self { timeout, interval, book: Mutex::new(book), turn: tokio::sync::Mutex::new(()) }
    }

    /// A channel for one request. `None` when too many requests are unproven.
    pub(super) fn lease(self: &Arc<Self>) -> Option<Lease> {
        let mut book = self.book();
        if book.channels.iter().map(|channel| channel.pending.len()).sum::<usize>() >= HEC_PENDING_ACKS_MAX {
            return None;
        }
        let free = book.channels.iter_mut().find(|channel| !channel.leased && !channel.ending);
        let line = match free {
            Some(channel) => {
                channel.leased = true;
                channel.line.clone()
            }
            None => {
                let line = Line::new();
                book.channels.push(Channel::leased(line.clone()));
                line
            }
        };
        Some(Lease { acks: Arc::clone(self), line, returned: false })
    }

    /// Waits for what becomes of a request; asks for all meanwhile if no other future does.
    pub(super) async fn wait(&self, mut ticket: Ticket, ask: &impl Ask) -> Fate {
        let turn = tokio::select! {
            biased;
            fate = &mut ticket.fate => return told(fate),
            turn = self.turn.lock() => turn,
        };
        let fate = loop {
            let next = self.next_round();
            tokio::select! {
                biased;
                fate = &mut ticket.fate => break told(fate),
                () = tokio::time::sleep_until(next) => self.round(ask).await,
            }
        };
        drop(turn);
        fate
    }

    /// Requests not yet proven.
    #[cfg(test)]
    pub(super) fn pending(&self) -> usize {
        self.book().channels.iter().map(|channel| channel.pending.len()).sum()
    }

    fn next_round(&self) -> Instant {
        let next_round = self.book().next_round;
        self.next_deadline().map_or(next_round, |deadline| deadline.min(next_round))
    }

    /// When the next of the pending requests is overdue.
    fn next_deadline(&self) -> Option<Instant> {
        let book = self.book();
        let pending = book.channels.iter().flat_map(|channel| channel.pending.values());
        pending.map(|waiter| waiter.deadline).min()
    }

    /// Asks for everything pending, then gives up what is overdue.
    async fn round(&self, ask: &impl Ask) {
        let mut news = false;
        let replies = futures_util::stream::iter(self.questions()).map(|(line, ids)| async move {
            let reply = ask.ask(&line, &ids).await;
            (line, ids, reply)
        });
        let mut replies = std::pin::pin!(replies.buffer_unordered(HEC_ACK_QUERIES_AT_A_TIME));
        loop {
            tokio::select! {
                biased;
                reply = replies.next() => match reply {
                    Some((line, ids, reply)) => news |= self.book().take(line.id(), &ids, reply),
                    None => break,
                },
                () = sleep_until(self.next_deadline()) => self.book().expire(Instant::now(), self.timeout),
            }
        }
        let mut book = self.book();
        let now = Instant::now();
        book.expire(now, self.timeout);
        let longer = book.pause + book.pause / 4;
        book.pause = if news { self.interval } else { longer.min(HEC_ACK_POLL_MAX.max(self.interval)) };
        book.next_round = now + book.pause;
    }

    fn questions(&self) -> Vec<(Line, Vec<u64>)> {
        let book = self.book();
        let mut questions = Vec::new();
        for channel in &book.channels {
            let ids: Vec<u64> = channel.pending.keys().filter(|id| !channel.set_aside.contains(id)).copied().collect();
            questions.extend(ids.chunks(HEC_ACKS_PER_QUERY).map(|chunk| (channel.line.clone(), chunk.to_vec())));
        }
        questions
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        // No code between lock and unlock can leave the book half written and unwind.
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Cancel safe.
async fn sleep_until(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}

fn told(fate: Result<Fate, oneshot::error::RecvError>) -> Fate {
    fate.unwrap_or_else(|_| Fate::Unproven(Failure::new(Reason::AckUnknown, "the channel was given up")))
}

#[cfg(test)]
mod tests;
