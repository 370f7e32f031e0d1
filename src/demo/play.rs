//! What happens in the demonstration: a backlog, a live stream, and four faults while it flows, each begun, watched and
//! ended. It waits for what it sees, never for luck; the pauses between the faults are for the audience.

use std::cell::Cell;
use std::future::Future;
use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::audit_stream::{AuditStream, PARTITIONS};
use super::far_side::{Span, now_ms};
use super::hec::{Fault, Hec, Poison, PoisonAnswer, Route, Spell, TOKEN, Token, hec_answer};
use super::scene::{Act, Counts, Scene, thousands};
use super::stage::Audience;
use crate::defaults::HOLD_PROBE_INTERVAL;
use crate::status::{Progress, State, StatusBoard};

/// Events that wait in the topic before the pipeline may read.
const BACKLOG: u64 = 9_000;

/// A large organisation's audit stream.
const LIVE_PER_SECOND: u64 = 300;

/// How long the receiver is busy: longer than it tells clients to wait, so that they come back too early once.
const BUSY_FOR: Duration = Duration::from_millis(1_500);

/// The poison event comes this many events after it was chosen.
const POISON_AHEAD: u64 = 40;

const PAUSE: Duration = Duration::from_millis(700);
const LOOK_EVERY: Duration = Duration::from_millis(20);
const PROGRESS_EVERY: Duration = Duration::from_millis(100);

/// Whatever has not come about by then will not. A slow machine needs some; the mock cluster takes 3 s to form a group.
const LIMIT: Duration = Duration::from_secs(40);

/// After something has not come about, the rest is waited for this long only.
const LIMIT_AFTER_MISS: Duration = Duration::from_secs(5);

/// What the verdict has to know about how it went.
#[derive(Default)]
pub(super) struct Programme {
    pub(super) missed: Vec<Act>,
    pub(super) troubles: Vec<Span>,
    /// Events whose answer was lost.
    pub(super) resent: u64,
    pub(super) live_from_ms: i64,
    pub(super) backlog_per_second: u64,
}

pub(super) struct Play {
    pub(super) stream: AuditStream,
    pub(super) hec: Hec,
    pub(super) board: StatusBoard,
    pub(super) audience: Audience,
    pub(super) began: Instant,
    pub(super) status_page: String,
    pub(super) kafka: String,
    pub(super) splunk: String,
}

impl Play {
    /// # Errors
    /// The audit stream cannot be produced.
    pub(super) async fn run(&self) -> anyhow::Result<Programme> {
        self.stream.produce(BACKLOG)?;
        (self.audience)(&Scene::Opening {
            backlog: BACKLOG,
            per_second: LIVE_PER_SECOND,
            partitions: PARTITIONS,
            kafka: self.kafka.clone(),
            splunk: self.splunk.clone(),
            status_page: self.status_page.clone(),
        });
        let mut programme = Programme::default();
        tokio::select! {
            result = self.acts(&mut programme) => result?,
            never = self.show_progress() => match never {},
        }
        Ok(programme)
    }

    async fn acts(&self, programme: &mut Programme) -> anyhow::Result<()> {
        let seconds = self.attempt(Act::Backlog, self.backlog(), programme).await;
        programme.backlog_per_second = seconds.map_or(0, per_second);
        programme.live_from_ms = now_ms();
        let stop = CancellationToken::new();
        let faults = async {
            self.faults(programme).await;
            stop.cancel();
        };
        let (flow, ()) = tokio::join!(self.stream.flow(LIVE_PER_SECOND, stop.clone()), faults);
        flow?;
        self.attempt(Act::Finale, self.finale(), programme).await;
        (self.audience)(&Scene::Progress(self.counts()));
        Ok(())
    }

    async fn faults(&self, programme: &mut Programme) {
        for act in [Act::Busy, Act::Poison, Act::LostAnswer, Act::TokenGone] {
            if !programme.missed.is_empty() {
                return;
            }
            sleep(PAUSE).await;
            let began = now_ms();
            let resent = self.attempt(act, self.fault(act), programme).await;
            programme.resent += resent.unwrap_or(0);
            programme.troubles.push((began, now_ms()));
        }
        sleep(PAUSE).await;
    }

    /// Returns how many events it makes auditferry send twice.
    async fn fault(&self, act: Act) -> u64 {
        match act {
            Act::Busy => self.busy().await,
            Act::Poison => self.poison().await,
            Act::LostAnswer => return self.lost_answer().await,
            Act::TokenGone => self.token_gone().await,
            Act::Backlog | Act::Finale => {}
        }
        0
    }

    async fn attempt<T>(&self, act: Act, part: impl Future<Output = T>, programme: &mut Programme) -> Option<T> {
        let limit = if programme.missed.is_empty() { LIMIT } else { LIMIT_AFTER_MISS };
        let outcome = timeout(limit, part).await.ok();
        if outcome.is_none() {
            programme.missed.push(act);
            (self.audience)(&Scene::Missed { act });
        }
        outcome
    }

    /// Returns how long the backlog took, from the assignment of the partitions to the last arrival.
    async fn backlog(&self) -> Duration {
        self.begins(Act::Backlog, format!("{} events wait; auditferry joins its consumer group", thousands(BACKLOG)));
        self.until(|play| play.is_assigned()).await;
        let began = Instant::now();
        self.until(|play| play.arrived() >= BACKLOG).await;
        let took = began.elapsed();
        let text = format!("All {} are in Splunk, {:.1} s after joining", thousands(BACKLOG), took.as_secs_f64());
        self.ends(Act::Backlog, text);
        took
    }

    async fn busy(&self) {
        self.begins(Act::Busy, "Splunk is busy: 503 \"Server is busy\", Retry-After: 1".to_owned());
        let busy = hec_answer(9).with_header("Retry-After", "1");
        self.hec.stand(Route::Event, Fault::Answer(busy), Spell::For(BUSY_FOR));
        self.until(|play| play.state() == State::BackingOff).await;
        let piled_up = self.piled_up_during(State::BackingOff).await;
        self.catch_up().await;
        self.ends(Act::Busy, format!("It waited as asked, then sent the {} that had piled up", thousands(piled_up)));
    }

    async fn poison(&self) {
        let id = self.stream.id(self.stream.next_number() + POISON_AHEAD);
        self.begins(Act::Poison, "One event is poison: 400 \"Invalid data format\", whenever it is sent".to_owned());
        self.hec.set_poison(vec![Poison { needle: id, answer: PoisonAnswer::Named(6) }]);
        self.until(|play| play.own().dead_lettered > 0).await;
        self.catch_up().await;
        let text = "That one is a dead letter, with the reason; the others went on";
        self.ends(Act::Poison, text.to_owned());
    }

    /// Returns how many events the request held.
    async fn lost_answer(&self) -> u64 {
        let text = "Splunk indexes a batch, but the connection breaks before its answer";
        self.begins(Act::LostAnswer, text.to_owned());
        let before = self.hec.count();
        self.hec.push(Route::Event, Fault::ProcessThenClose);
        self.hec.until(LIMIT, |count| count.events > before.events).await;
        // Only new positions are counted: the same batch may be there again already, and nothing overtakes it.
        let batch = self.hec.count().distinct - before.distinct;
        self.until(|play| play.hec.count().duplicates >= batch).await;
        self.catch_up().await;
        let text = format!("No answer is no receipt: {batch} events went again, and are there twice");
        self.ends(Act::LostAnswer, text);
        batch
    }

    async fn token_gone(&self) {
        self.begins(Act::TokenGone, "Somebody deletes the HEC token: 403 \"Invalid token\"".to_owned());
        self.hec.set_tokens(Vec::new());
        self.until(|play| play.state() == State::Holding).await;
        let text = format!("On hold: everything is kept, one probe every {} s", HOLD_PROBE_INTERVAL.as_secs());
        self.meanwhile(Act::TokenGone, text);
        sleep(HOLD_PROBE_INTERVAL / 2).await;
        self.hec.set_tokens(vec![Token::new(TOKEN)]);
        self.meanwhile(Act::TokenGone, "The token is back; nobody tells auditferry".to_owned());
        let piled_up = self.piled_up_during(State::Holding).await;
        self.catch_up().await;
        self.ends(
            Act::TokenGone,
            format!("It noticed by itself, and sent the {} that had piled up", thousands(piled_up)),
        );
    }

    async fn finale(&self) {
        self.begins(Act::Finale, "The stream ends; auditferry stops, and the far side is counted".to_owned());
        self.catch_up().await;
    }

    /// Waits until everything produced so far has arrived.
    async fn catch_up(&self) {
        let produced = self.stream.next_number();
        self.until(|play| play.arrived() >= produced).await;
    }

    /// Waits until the pipeline has left this state, and returns how many events were waiting at most.
    async fn piled_up_during(&self, state: State) -> u64 {
        let most = Cell::new(0);
        self.until(|play| {
            let waiting = play.counts().waiting;
            let is_over = play.state() != state;
            // Once it is over, the pile is being carried away.
            most.set(if is_over { most.get() } else { waiting.max(most.get()) });
            is_over
        })
        .await;
        most.get()
    }

    async fn until(&self, holds: impl Fn(&Self) -> bool) {
        let mut looks = tokio::time::interval(LOOK_EVERY);
        while !holds(self) {
            looks.tick().await;
        }
    }

    async fn show_progress(&self) -> std::convert::Infallible {
        let mut ticks = tokio::time::interval(PROGRESS_EVERY);
        loop {
            ticks.tick().await;
            (self.audience)(&Scene::Progress(self.counts()));
        }
    }

    fn begins(&self, act: Act, text: String) {
        (self.audience)(&Scene::Begins { act, text });
    }

    fn meanwhile(&self, act: Act, text: String) {
        (self.audience)(&Scene::Meanwhile { act, text });
    }

    fn ends(&self, act: Act, text: String) {
        (self.audience)(&Scene::Ends { act, text });
    }

    fn counts(&self) -> Counts {
        let (count, own) = (self.hec.count(), self.own());
        let produced = self.stream.taken();
        Counts {
            seconds: self.began.elapsed().as_secs_f64(),
            produced,
            delivered: count.distinct,
            dead_lettered: own.dead_lettered,
            duplicates: count.duplicates,
            waiting: produced.saturating_sub(count.distinct + own.dead_lettered),
            state: self.state(),
        }
    }

    fn arrived(&self) -> u64 {
        self.hec.count().distinct + self.own().dead_lettered
    }

    /// The pipeline's own books.
    pub(super) fn own(&self) -> Progress {
        self.board.snapshot().first().map(|pipeline| pipeline.progress).unwrap_or_default()
    }

    fn state(&self) -> State {
        self.board.snapshot().first().map_or(State::Starting, |pipeline| pipeline.state)
    }

    fn is_assigned(&self) -> bool {
        self.board.snapshot().first().is_some_and(|pipeline| pipeline.was_assigned)
    }
}

fn per_second(took: Duration) -> u64 {
    let millis = u64::try_from(took.as_millis()).unwrap_or(u64::MAX).max(1);
    BACKLOG * 1000 / millis
}
