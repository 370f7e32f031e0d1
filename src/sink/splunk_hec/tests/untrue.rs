//! An acknowledgement counts only when it is true: what the acknowledgement endpoint may do instead, and when.
//!
//! Each row of the table goes through the whole core over a real socket. Five events are read and truly acknowledged. Of
//! the next five the server has the events, and misbehaves when it is asked for them. While it does, nothing may count as
//! delivered, and nothing may be committed, beyond the first five; the [rig](super::rig) checks that all along. The misbehaviour
//! lasts beyond the acknowledgement's deadline, so that it covers the last query, too. Then the server behaves, and all
//! events have to be delivered.

use futures_util::StreamExt;
use std::sync::atomic::{AtomicBool, Ordering};

use super::rig::{Crossing, Proof, Settings, holds_in_time, reads};
use super::*;
use Behaviour::*;
use Then::{Held, SentAgain};

/// What the server does in place of a true acknowledgement.
#[derive(Clone, Debug)]
enum Behaviour {
    /// Answers every query so, and acknowledges nothing by that.
    Says(Fault),
    /// Answers `false`.
    SaysFalse,
    /// Acknowledges, which it does only once, and the answer gets lost in this way; every time.
    Loses(Fault),
    /// An administrator replaces the tokens.
    Tokens(Vec<Token>),
    /// Forgets what it was asked for, and counts every channel from 0 again.
    Restarts,
    /// As `Restarts`, and another request gets a number that this channel has had.
    BeginsAgain,
    /// Another indexer takes its place, at the same address, and knows nothing of it.
    IsReplaced,
}

/// When it begins.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Moment {
    /// Before the first query.
    First,
    /// After some queries, answered `false`.
    Middle,
    /// After a query on which the connection broke.
    Reconnected,
}

const MOMENTS: [Moment; 3] = [Moment::First, Moment::Middle, Moment::Reconnected];

/// What becomes of the events meanwhile.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Then {
    /// Once the deadline has passed, or once it is clear that no answer can be true.
    SentAgain,
    /// A human has to mend something first.
    Held,
}

fn table() -> Vec<(&'static str, Behaviour, Then)> {
    let answers = |status, body: &str| Says(Fault::Answer(Answer::json(status, body)));
    let pads = "x".repeat(HEC_ANSWER_MAX_BYTES);
    let huge = format!(r#"{{"acks":{{"0":true,"1":true}},"pad":"{pads}"}}"#);
    vec![
        ("false, for ever", SaysFalse, SentAgain),
        ("no answer in time", Says(Fault::Hang(Duration::from_secs(60))), SentAgain),
        ("no answer, and the connection closed", Says(Fault::Close), SentAgain),
        ("400 without a word", Says(Fault::Answer(Answer::status(400))), SentAgain),
        ("400, code 11: invalid channel", Says(Fault::Answer(hec_answer(11))), SentAgain),
        ("401, code 3: invalid authorization", Says(Fault::Answer(hec_answer(3))), Held),
        ("403, code 4: the token was revoked", Tokens(vec![Token::new("another")]), Held),
        ("400, code 14: acknowledgement was turned off", Tokens(vec![Token::new(TOKEN)]), Held),
        ("404, a page", Says(Fault::Answer(Answer::html(404))), SentAgain),
        ("429, code 27: at capacity", Says(Fault::Answer(hec_answer(27))), SentAgain),
        ("500 that says true", answers(500, r#"{"acks":{"0":true,"1":true}}"#), SentAgain),
        ("503, code 9: busy", Says(Fault::Answer(hec_answer(9))), SentAgain),
        ("200, a page", Says(Fault::Answer(Answer::html(200))), SentAgain),
        ("200, JSON cut short", answers(200, r#"{"acks":{"0":true,"1":true"#), SentAgain),
        ("200, true in a body without measure", answers(200, &huge), SentAgain),
        ("200, true as a word", answers(200, r#"{"acks":{"0":"true","1":"true"}}"#), SentAgain),
        ("200, true for others", answers(200, r#"{"acks":{"77":true,"x":true}}"#), SentAgain),
        (
            "a redirect",
            Says(Fault::Answer(Answer::status(307).with_header("Location", "/services/collector/ack/1.0"))),
            SentAgain,
        ),
        ("true, lost with the connection", Loses(Fault::ProcessThenClose), SentAgain),
        ("true, cut off before its end", Loses(Fault::ProcessThenCut), SentAgain),
        ("the indexer restarts", Restarts, SentAgain),
        ("numbers begin again", BeginsAgain, SentAgain),
        ("another indexer answers", IsReplaced, SentAgain),
    ]
}

fn options() -> HecOptions {
    HecOptions { tokens: vec![Token::new(TOKEN).with_acknowledgement()], ..HecOptions::default() }
}

fn queries(hec: &Hec) -> usize {
    hec.requests().iter().filter(|request| request.path.ends_with("/ack")).count()
}

/// The far side of one run.
struct FarSide {
    server: HecStandIn,
    hec: Hec,
    /// In place of `hec` once it is replaced.
    next: Hec,
    mended: Arc<AtomicBool>,
}

impl FarSide {
    async fn start() -> Self {
        let server = HecStandIn::start(options()).await.unwrap();
        let hec = server.hec().clone();
        Self { server, hec, next: Hec::new(options()), mended: Arc::default() }
    }

    fn sink(&self) -> SplunkHec {
        let config = HecConfig {
            delivery: DeliveryLevel::Indexed,
            // An acknowledgement is asked for in vain for this long; one query that hangs fits into it.
            ack_timeout: Duration::from_millis(600),
            transport: transport(Duration::from_millis(400)),
            ..config(&[&self.server.url()])
        };
        SplunkHec::new(&config).unwrap()
    }

    /// What is proven by what happened: the first five are; the others when the server has mended its ways, or, where it only
    /// has forgotten, when they were sent once more.
    fn proof(&self, behaviour: &Behaviour) -> Proof {
        let (hec, next, mended) = (self.hec.clone(), self.next.clone(), Arc::clone(&self.mended));
        let sent_again: Box<dyn Fn(i64) -> bool + Send + Sync> = match behaviour {
            Restarts => Box::new(move |offset| hec.times("audit", 0, offset) >= 2),
            BeginsAgain => Box::new(move |offset| hec.times("audit", 0, offset) >= if offset < 10 { 2 } else { 1 }),
            IsReplaced => Box::new(move |offset| next.times("audit", 0, offset) >= 1),
            Says(_) | SaysFalse | Loses(_) | Tokens(_) => Box::new(|_| false),
        };
        Box::new(move |offset| offset < 5 || mended.load(Ordering::SeqCst) || sent_again(offset))
    }

    /// From here on the server does not do as it should, and withholds nothing in another way.
    async fn begin(&mut self, behaviour: &Behaviour, crossing: &Crossing) {
        match behaviour {
            Says(fault) | Loses(fault) => self.hec.stand(Route::Ack, fault.clone(), Spell::UntilCleared),
            SaysFalse => return self.hec.withhold_acks(true),
            Tokens(tokens) => self.hec.set_tokens(tokens.clone()),
            Restarts => self.hec.restart_indexer(),
            BeginsAgain => {
                self.hec.restart_indexer();
                crossing.feed(reads(5));
            }
            IsReplaced => self.replace().await,
        }
        self.hec.withhold_acks(false);
    }

    async fn replace(&mut self) {
        let address = self.server.address().to_string();
        let aside = HecStandIn::start(options()).await.unwrap();
        drop(std::mem::replace(&mut self.server, aside));
        // The port is free once the runtime has dropped the server's task.
        self.server = loop {
            match HecStandIn::start_on(&address, self.next.clone()).await {
                Ok(server) => break server,
                Err(_) => tokio::task::yield_now().await,
            }
        };
    }

    fn mend(&self) {
        self.mended.store(true, Ordering::SeqCst);
        self.hec.set_tokens(options().tokens);
        self.hec.clear(Route::Ack);
        self.hec.withhold_acks(false);
    }
}

async fn run((name, behaviour, then, moment): (&'static str, Behaviour, Then, Moment)) {
    let name = format!("{name}, {moment:?}");
    let mut far = FarSide::start().await;
    let settings = Settings { proof: Some(far.proof(&behaviour)), ..Settings::default() };
    let crossing = Crossing::start(far.sink(), settings);
    crossing.feed(reads(5));
    crossing.settled().await;

    let hec = far.hec.clone();
    hec.withhold_acks(true);
    if moment == Moment::First && matches!(behaviour, Says(_) | SaysFalse | Loses(_)) {
        far.begin(&behaviour, &crossing).await;
        crossing.feed(reads(5));
    } else {
        // Their request has to be answered before the server forgets it, or the token is taken away.
        let accepted = crossing.logged("accepted");
        crossing.feed(reads(5));
        crossing.until(&name, || crossing.logged("accepted") > accepted).await;
        wait_for(moment, &hec, &name).await;
        far.begin(&behaviour, &crossing).await;
    }
    match then {
        Held => crossing.until(&name, || crossing.logged("holding") >= 1).await,
        SentAgain => {
            let again = || hec.times("audit", 0, 5) >= 2 || far.next.times("audit", 0, 5) >= 1;
            assert!(holds_in_time(again).await, "{name}: not sent again");
        }
    }
    far.mend();
    crossing.settled().await;

    let carried = crossing.end().await;
    let all = if matches!(behaviour, BeginsAgain) { 15 } else { 10 };
    assert_eq!((carried.committed, carried.letters.len()), (all, 0), "{name}");
    let there = |offset| hec.times("audit", 0, offset) + far.next.times("audit", 0, offset) > 0;
    assert!((0..all).all(there), "{name}");
    assert_eq!(carried.log.iter().any(|line| line.starts_with("holding")), then == Held, "{name}: {:?}", carried.log);
}

async fn wait_for(moment: Moment, hec: &Hec, name: &str) {
    let before = queries(hec);
    match moment {
        Moment::First => {}
        Moment::Middle => assert!(holds_in_time(|| queries(hec) >= before + 2).await, "{name}: asked twice"),
        Moment::Reconnected => {
            hec.push(Route::Ack, Fault::Close);
            assert!(holds_in_time(|| queries(hec) >= before + 2).await, "{name}: asked again after the break");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_counts_without_a_true_acknowledgement_whatever_the_endpoint_does_and_whenever_it_begins() {
    let rows = table();
    assert!(rows.len() >= 20);
    let cases: Vec<_> = rows
        .into_iter()
        .flat_map(|(name, behaviour, then)| MOMENTS.map(|moment| (name, behaviour.clone(), then, moment)))
        .collect();
    futures_util::stream::iter(cases.into_iter().map(run)).buffer_unordered(24).collect::<Vec<()>>().await;
}
