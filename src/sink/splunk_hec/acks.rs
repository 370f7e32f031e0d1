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
//!   ([`FIRST_COUNTED`]) is sent again, and higher numbers, which cannot have been given twice, are still awaited.
//! - **While a request is under way, a `true` for a first number is set aside** until the answer shows that the count goes
//!   on.
//! - What a query did not answer, answered with an error, or answered unreadably is as unknown as before.
//!
//! # Who asks
//!
//! There is no task of its own. The futures that wait for an endpoint elect one of themselves to ask for all
//! ([`Acks::wait`]); when it has its own result, the next takes over.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::Instant;
use uuid::Uuid;

use super::line::Line;
use crate::defaults::{HEC_ACK_POLL_MAX, HEC_ACKS_PER_QUERY, HEC_PENDING_ACKS_MAX};
use crate::delivery::attempt::Failure;
use crate::reason::Reason;

/// A count may begin with 0, as documented, or with 1, as some receivers do it.
const FIRST_COUNTED: u64 = 1;

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

#[derive(Debug)]
struct Book {
    channels: Vec<Channel>,
    /// The present pause between two rounds.
    pause: Duration,
    next_round: Instant,
}

#[derive(Debug)]
struct Channel {
    line: Line,
    /// A request is under way on it.
    leased: bool,
    /// It takes no further request, and is forgotten when nothing is pending.
    ending: bool,
    last: Option<u64>,
    pending: BTreeMap<u64, Waiter>,
    /// Pending first numbers that were answered `true` while a request was under way.
    set_aside: Vec<u64>,
    /// Why the latest query had no usable answer.
    unclear: Option<String>,
}

#[derive(Debug)]
struct Waiter {
    tell: oneshot::Sender<Fate>,
    deadline: Instant,
}

impl Acks {
    pub(super) fn new(timeout: Duration, interval: Duration) -> Self {
        let book = Book { channels: Vec::new(), pause: interval, next_round: Instant::now() };
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
        let book = self.book();
        let deadlines = book.channels.iter().flat_map(|channel| channel.pending.values()).map(|waiter| waiter.deadline);
        deadlines.min().map_or(book.next_round, |deadline| deadline.min(book.next_round))
    }

    /// Asks for everything pending, then gives up what is overdue.
    async fn round(&self, ask: &impl Ask) {
        let mut news = false;
        for (line, ids) in self.questions() {
            let reply = ask.ask(&line, &ids).await;
            news |= self.book().take(line.id(), &ids, reply);
        }
        let mut book = self.book();
        let now = Instant::now();
        book.expire(now, self.timeout);
        book.pause = if news { self.interval } else { (book.pause * 2).min(HEC_ACK_POLL_MAX.max(self.interval)) };
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

fn told(fate: Result<Fate, oneshot::error::RecvError>) -> Fate {
    fate.unwrap_or_else(|_| Fate::Unproven(Failure::new(Reason::AckUnknown, "the channel was given up")))
}

impl Book {
    fn channel(&mut self, id: Uuid) -> Option<&mut Channel> {
        self.channels.iter_mut().find(|channel| channel.line.id() == id)
    }

    fn tidy(&mut self) {
        self.channels.retain(|channel| !channel.ending || channel.leased || !channel.pending.is_empty());
    }

    /// Takes the reply to a query; `true` when it proved something.
    fn take(&mut self, channel: Uuid, asked: &[u64], reply: Reply) -> bool {
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

    fn expire(&mut self, now: Instant, timeout: Duration) {
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
    fn leased(line: Line) -> Self {
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

    fn settle(&mut self, id: u64, fate: Fate) -> bool {
        self.set_aside.retain(|other| *other != id);
        let Some(waiter) = self.pending.remove(&id) else { return false };
        // Nobody waits any more when the pipeline stops; then the answer is of no use.
        waiter.tell.send(fate).ok();
        true
    }

    /// Takes no further request, and tells `fate` to the pending ones that `which` picks.
    fn end(&mut self, which: impl Fn(u64) -> bool, fate: &Fate) {
        self.ending = true;
        let picked: Vec<u64> = self.pending.keys().copied().filter(|id| which(*id)).collect();
        for id in picked {
            self.settle(id, fate.clone());
        }
    }
}

/// The right to send one request on a channel. Dropping it means that the answer is not known.
#[derive(Debug)]
pub(super) struct Lease {
    acks: Arc<Acks>,
    line: Line,
    returned: bool,
}

impl Lease {
    pub(super) fn line(&self) -> &Line {
        &self.line
    }

    /// The request has certainly not reached the server, or was answered without an identifier.
    pub(super) fn unused(mut self) {
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
    pub(super) fn answered(mut self, id: u64) -> Result<Ticket, Failure> {
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
pub(super) struct Ticket {
    acks: Arc<Acks>,
    channel: Uuid,
    id: u64,
    fate: oneshot::Receiver<Fate>,
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

#[cfg(test)]
mod tests {
    use super::*;

    const TIMEOUT: Duration = Duration::from_secs(60);
    const INTERVAL: Duration = Duration::from_secs(1);

    fn acks() -> Arc<Acks> {
        Arc::new(Acks::new(TIMEOUT, INTERVAL))
    }

    /// A request that got `id`, on whatever channel is free.
    fn sent(acks: &Arc<Acks>, id: u64) -> (Uuid, Ticket) {
        let lease = acks.lease().unwrap();
        (lease.line().id(), lease.answered(id).unwrap())
    }

    fn reply(acks: &Acks, channel: Uuid, ids: &[u64]) {
        acks.book().take(channel, ids, Reply::Known(ids.to_vec()));
    }

    fn fate(ticket: &mut Ticket) -> Option<Fate> {
        ticket.fate.try_recv().ok()
    }

    fn reason(fate: Option<Fate>) -> Option<Reason> {
        match fate? {
            Fate::Indexed => None,
            Fate::Unproven(failure) | Fate::Hold(failure) => Some(failure.reason),
        }
    }

    #[tokio::test]
    async fn a_true_counts_only_on_its_channel_and_only_when_asked() {
        let acks = acks();
        let (channel, mut ticket) = sent(&acks, 2);
        reply(&acks, Uuid::new_v4(), &[2]);
        reply(&acks, channel, &[3]);
        acks.book().take(channel, &[3], Reply::Known(vec![2]));
        assert_eq!(fate(&mut ticket), None);
        reply(&acks, channel, &[2]);
        assert_eq!(fate(&mut ticket), Some(Fate::Indexed));
    }

    #[tokio::test]
    async fn a_channel_carries_one_request_at_a_time() {
        let acks = acks();
        let (first, second) = (acks.lease().unwrap(), acks.lease().unwrap());
        assert_ne!(first.line().id(), second.line().id());
        let channel = first.line().id();
        first.unused();
        assert_eq!(acks.lease().unwrap().line().id(), channel);
    }

    #[tokio::test]
    async fn an_identifier_that_goes_back_proves_nothing_and_ends_the_channel() {
        let acks = acks();
        let (channel, mut old) = sent(&acks, 7);
        let again = acks.lease().unwrap();
        assert_eq!(again.line().id(), channel);
        assert_eq!(again.answered(7).unwrap_err().reason, Reason::AckUnknown);
        assert_eq!(reason(fate(&mut old)), Some(Reason::AckUnknown));
        reply(&acks, channel, &[7]);
        assert_ne!(acks.lease().unwrap().line().id(), channel);
        assert_eq!(acks.pending(), 0);
    }

    #[tokio::test]
    async fn a_first_number_answered_true_during_a_request_waits_for_its_answer() {
        let acks = acks();
        let (channel, mut zero) = sent(&acks, 0);
        let lease = acks.lease().unwrap();
        reply(&acks, channel, &[0]);
        assert_eq!(fate(&mut zero), None, "a restarted indexer may have given 0 to the request under way");
        let _next = lease.answered(1).unwrap();
        assert_eq!(fate(&mut zero), Some(Fate::Indexed));

        let acks = self::acks();
        let (channel, mut zero) = sent(&acks, 0);
        let lease = acks.lease().unwrap();
        reply(&acks, channel, &[0]);
        assert!(lease.answered(0).is_err());
        assert_eq!(reason(fate(&mut zero)), Some(Reason::AckUnknown));
    }

    #[tokio::test]
    async fn a_request_without_an_answer_ends_its_channel_and_unproves_the_first_numbers_only() {
        let acks = acks();
        let (channel, mut zero) = sent(&acks, 0);
        let (_, mut one) = sent(&acks, 1);
        let (_, mut two) = sent(&acks, 2);
        let lease = acks.lease().unwrap();
        assert_eq!(lease.line().id(), channel);
        reply(&acks, channel, &[0]);
        drop(lease);
        assert_eq!(reason(fate(&mut zero)), Some(Reason::AckUnknown));
        assert_eq!(reason(fate(&mut one)), Some(Reason::AckUnknown));
        assert_ne!(acks.lease().unwrap().line().id(), channel);
        reply(&acks, channel, &[2]);
        assert_eq!(fate(&mut two), Some(Fate::Indexed));
    }

    #[tokio::test]
    async fn a_refusal_to_answer_holds_everything_of_the_endpoint() {
        let acks = acks();
        let (first, second) = (acks.lease().unwrap(), acks.lease().unwrap());
        let channel = first.line().id();
        let (mut first, mut second) = (first.answered(0).unwrap(), second.answered(0).unwrap());
        let failure = Failure::new(Reason::Unauthorized, "HTTP 403");
        acks.book().take(channel, &[0], Reply::Refused(failure.clone()));
        assert_eq!(fate(&mut first), Some(Fate::Hold(failure.clone())));
        assert_eq!(fate(&mut second), Some(Fate::Hold(failure)));
    }

    #[tokio::test]
    async fn nothing_is_kept_of_a_request_nobody_waits_for() {
        let acks = acks();
        let (channel, ticket) = sent(&acks, 0);
        acks.book().channel(channel).unwrap().end(|_| false, &Fate::Indexed);
        drop(ticket);
        assert_eq!(acks.book().channels.len(), 0);
    }

    /// Answers `true` for everything from the n-th round on, and notes when it was asked.
    struct Indexer {
        rounds: Mutex<Vec<(Instant, Vec<u64>)>>,
        safe_from: usize,
        otherwise: fn() -> Reply,
    }

    impl Indexer {
        fn new(safe_from: usize, otherwise: fn() -> Reply) -> Self {
            Self { rounds: Mutex::default(), safe_from, otherwise }
        }
    }

    impl Ask for Indexer {
        async fn ask(&self, _: &Line, ids: &[u64]) -> Reply {
            let mut rounds = self.rounds.lock().unwrap();
            rounds.push((Instant::now(), ids.to_vec()));
            if rounds.len() > self.safe_from { Reply::Known(ids.to_vec()) } else { (self.otherwise)() }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn one_waiter_asks_for_all() {
        let acks = acks();
        let indexer = Indexer::new(3, || Reply::Known(Vec::new()));
        let tickets: Vec<Ticket> = (0..5).map(|id| sent(&acks, id).1).collect();
        let waits = tickets.into_iter().map(|ticket| acks.wait(ticket, &indexer));
        let fates = futures_util::future::join_all(waits).await;
        assert!(fates.iter().all(|fate| *fate == Fate::Indexed), "{fates:?}");
        let rounds = indexer.rounds.lock().unwrap();
        assert!(rounds.iter().all(|(_, ids)| ids == &[0, 1, 2, 3, 4]), "{rounds:?}");
        assert_eq!(rounds.len(), 4);
    }

    #[tokio::test(start_paused = true)]
    async fn another_waiter_takes_over_when_the_asking_one_has_its_answer_or_is_dropped() {
        let acks = acks();
        let indexer = Indexer::new(2, || Reply::Known(vec![0]));
        let (_, first) = sent(&acks, 0);
        let (_, second) = sent(&acks, 1);
        let (a, b) = tokio::join!(acks.wait(first, &indexer), acks.wait(second, &indexer));
        assert_eq!((a, b), (Fate::Indexed, Fate::Indexed));

        let (_, third) = sent(&acks, 2);
        let abandoned = tokio::time::timeout(INTERVAL / 2, acks.wait(third, &indexer)).await;
        assert!(abandoned.is_err());
        let (_, fourth) = sent(&acks, 3);
        assert_eq!(acks.wait(fourth, &indexer).await, Fate::Indexed);
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_not_acknowledged_in_time_is_unproven_and_says_whether_anyone_answered() {
        for (otherwise, expected) in [
            ((|| Reply::Known(Vec::new())) as fn() -> Reply, Reason::AckTimeout),
            (|| Reply::Unclear("HTTP 500".into()), Reason::AckUnknown),
        ] {
            let acks = acks();
            let indexer = Indexer::new(usize::MAX, otherwise);
            let begin = Instant::now();
            let (channel, ticket) = sent(&acks, 0);
            assert_eq!(reason(Some(acks.wait(ticket, &indexer).await)), Some(expected));
            assert_eq!(begin.elapsed(), TIMEOUT);
            assert_ne!(acks.lease().unwrap().line().id(), channel, "the next request tries another channel");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_pause_between_queries_grows_while_there_is_no_news() {
        let acks = acks();
        let indexer = Indexer::new(7, || Reply::Unclear("HTTP 500".into()));
        let begin = Instant::now();
        let (_, ticket) = sent(&acks, 0);
        assert_eq!(acks.wait(ticket, &indexer).await, Fate::Indexed);
        let at: Vec<u64> = indexer.rounds.lock().unwrap().iter().map(|(at, _)| (*at - begin).as_secs()).collect();
        assert_eq!(at, [1, 3, 7, 15, 25, 35, 45, 55]);
        assert_eq!(acks.book().pause, INTERVAL);
    }
}
