//! The books and the questions, with a paused clock.

use std::sync::Mutex;

use uuid::Uuid;

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
async fn the_pause_between_queries_grows_in_proportion_while_there_is_no_news() {
    let acks = acks();
    let indexer = Indexer::new(11, || Reply::Unclear("HTTP 500".into()));
    let begin = Instant::now();
    let (_, ticket) = sent(&acks, 0);
    assert_eq!(acks.wait(ticket, &indexer).await, Fate::Indexed);
    let at: Vec<u64> = indexer.rounds.lock().unwrap().iter().map(|(at, _)| (*at - begin).as_secs()).collect();
    assert_eq!(at, [1, 2, 3, 5, 8, 11, 15, 19, 25, 33, 42, 52]);
    assert_eq!(acks.book().pause, INTERVAL);
}

/// In the connector, a batch that is acknowledged in the instant in which it times out ends the polling for good.
#[tokio::test(start_paused = true)]
async fn defect_15_an_acknowledgement_in_the_instant_of_its_deadline_does_not_end_the_asking() {
    let acks = acks();
    // The thirteenth round falls on the deadline, and brings the answer.
    let indexer = Indexer::new(12, || Reply::Known(Vec::new()));
    let began = Instant::now();
    let (_, late) = sent(&acks, 0);
    assert_eq!(acks.wait(late, &indexer).await, Fate::Indexed);
    assert_eq!(began.elapsed(), TIMEOUT);
    assert_eq!(acks.pending(), 0);
    let (_, next) = sent(&acks, 1);
    assert_eq!(acks.wait(next, &indexer).await, Fate::Indexed);
    assert_eq!(began.elapsed(), TIMEOUT + INTERVAL, "asked for as usual");
}

/// Answers `true` after a while, and on one channel never.
struct Sluggish {
    takes: Duration,
    never_on: Option<Uuid>,
}

impl Ask for Sluggish {
    async fn ask(&self, line: &Line, ids: &[u64]) -> Reply {
        if self.never_on == Some(line.id()) {
            std::future::pending::<()>().await;
        }
        tokio::time::sleep(self.takes).await;
        Reply::Known(ids.to_vec())
    }
}

/// One request on each of `count` channels.
fn sent_on_channels(acks: &Arc<Acks>, count: usize) -> Vec<(Uuid, Ticket)> {
    let leases: Vec<Lease> = (0..count).map(|_| acks.lease().unwrap()).collect();
    leases.into_iter().map(|lease| (lease.line().id(), lease.answered(2).unwrap())).collect()
}

#[tokio::test(start_paused = true)]
async fn channels_are_asked_at_the_same_time() {
    let acks = acks();
    let indexer = Sluggish { takes: Duration::from_secs(1), never_on: None };
    let begin = Instant::now();
    let tickets = sent_on_channels(&acks, 3 * HEC_ACK_QUERIES_AT_A_TIME);
    let waits = tickets.into_iter().map(|(_, ticket)| acks.wait(ticket, &indexer));
    let fates = futures_util::future::join_all(waits).await;
    assert!(fates.iter().all(|fate| *fate == Fate::Indexed), "{fates:?}");
    assert_eq!(begin.elapsed(), INTERVAL + 3 * indexer.takes);
}

#[tokio::test(start_paused = true)]
async fn a_question_without_an_answer_holds_up_neither_the_others_nor_what_is_overdue() {
    let acks = acks();
    let mut tickets = sent_on_channels(&acks, 3).into_iter();
    let ((_, first), (never, second), (_, third)) =
        (tickets.next().unwrap(), tickets.next().unwrap(), tickets.next().unwrap());
    let indexer = Sluggish { takes: Duration::from_secs(1), never_on: Some(never) };
    let begin = Instant::now();
    let timed = async |ticket| (acks.wait(ticket, &indexer).await, begin.elapsed());
    let asking = async { tokio::time::timeout(2 * TIMEOUT, acks.wait(second, &indexer)).await };
    // The one that asks does not end its questions before they are answered: a `true` is told only once.
    let (asking, first, third) = tokio::join!(biased; asking, timed(first), timed(third));
    let proven = (Fate::Indexed, INTERVAL + indexer.takes);
    assert_eq!((first, third), (proven.clone(), proven));
    assert!(asking.is_err());
    assert_eq!(acks.pending(), 0, "what is overdue is given up all the same");
}
