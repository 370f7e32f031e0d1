//! Every answer that a receiver, or what stands in its place, can give: what becomes of the events.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use futures_util::StreamExt;

use super::rig::{Carried, Crossing, Proof, Settings, reads};
use super::{Bank, Becomes, Fault, Subject, TOKEN, Target, failure_of, parcel, send, short};
use crate::defaults::{DETAIL_MAX_CHARS, RETRY_AFTER_MAX};
use crate::demo::hec::Answer;
use crate::demo::receiver::{Receiver, ReceiverStandIn, Reply};
use Becomes::{Again, Cut, Delivered, Held, Letter};

const BATCH: usize = 6;

/// The statuses that somebody has given a meaning.
const KNOWN: &[u16] = &[
    101, 102, 103, 200, 201, 202, 203, 204, 205, 206, 207, 208, 226, 300, 301, 302, 303, 304, 305, 307, 308, 400, 401,
    402, 403, 404, 405, 406, 407, 408, 409, 410, 411, 412, 413, 414, 415, 416, 417, 418, 421, 422, 423, 424, 425, 426,
    428, 429, 431, 451, 500, 501, 502, 503, 504, 505, 506, 507, 508, 510, 511, 599,
];

/// One request for each status from 100 to 599, one event and a batch. Of those that come before an answer a few stand for all:
/// each costs a time-out.
pub(in crate::sink) async fn alone(subject: Arc<dyn Subject>) {
    let bank = Bank::open(&subject).await;
    let patient = subject.sink(&Target::new(&bank.url()));
    // What comes before an answer that then never comes.
    let hasty = subject.sink(&Target::new(&bank.url()).within(Duration::from_millis(100)));
    for status in (100..=599).filter(|status| !matches!(status, 104..=198)) {
        let sink = if matches!(status, 100 | 102 | 103 | 199) { &hasty } else { &patient };
        for (events, becomes) in [1, BATCH].into_iter().zip(subject.becomes(status)) {
            if events > 1 && !subject.is_batch() {
                continue;
            }
            bank.answer_once(page(status));
            let values = vec!["{}"; events];
            let before = bank.parcels(&*subject).len();
            let outcome = short(sink.attempt(0, parcel(&**sink, 0, &values)).await).await;
            assert!(outcome.starts_with(becomes.word()), "{status}, {events} events: {outcome}, and not {becomes:?}");
            assert_eq!(bank.parcels(&*subject).len(), before + 1, "one request per attempt: {status}");
        }
    }
}

/// The known ones through the whole core: a batch is read, the server answers so, and the table says what follows. Then the
/// server mends its ways, and every event has to arrive exactly once.
pub(in crate::sink) async fn through_the_core(subject: Arc<dyn Subject>) {
    let mut cases = Vec::new();
    for status in KNOWN.iter().copied() {
        let sizes: &[usize] = if subject.is_batch() { &[1, BATCH] } else { &[1] };
        for (events, becomes) in sizes.iter().copied().zip(subject.becomes(status)) {
            cases.push(run(Arc::clone(&subject), status, events, becomes));
        }
    }
    // All at the same time: most of them wait for a pause to end.
    futures_util::stream::iter(cases).buffer_unordered(48).collect::<Vec<()>>().await;
}

async fn run(subject: Arc<dyn Subject>, status: u16, events: usize, becomes: Becomes) {
    let name = format!("status {status}, {events} events");
    let bank = Bank::open(&subject).await;
    let patience = Duration::from_secs(if matches!(status, 102 | 103) { 2 } else { 30 });
    let sink = subject.sink(&Target::new(&bank.url()).within(patience));
    let mended = Arc::new(AtomicBool::new(false));
    let proof: Proof = match becomes {
        Delivered | Cut => Box::new(bank.has()),
        Again | Held | Letter => {
            let mended = Arc::clone(&mended);
            Box::new(move |_| mended.load(Ordering::SeqCst))
        }
    };
    // If every part were refused, every event would be a letter in the end.
    let left = (becomes == Cut).then_some(1);
    bank.misbehave(Some(Fault { reply: Reply::Answer(page(status)), takes: becomes == Delivered, left }));
    let max_events = if subject.is_batch() { 10_000 } else { 1 };
    let crossing = Crossing::start_shared(sink, Settings { max_events, proof: Some(proof), ..Settings::default() });
    crossing.feed(reads(events));
    match becomes {
        Delivered | Letter => {}
        Again => crossing.until(&format!("{name}: sent again"), || crossing.logged("retry") >= 2).await,
        Held => crossing.until(&format!("{name}: held"), || crossing.logged("holding") >= 1).await,
        Cut => crossing.until(&format!("{name}: refused"), || crossing.logged("split") >= 1).await,
    }
    mended.store(true, Ordering::SeqCst);
    if matches!(becomes, Again | Held | Cut) {
        bank.misbehave(None);
    }
    crossing.settled().await;
    let carried = crossing.end().await;
    judge((&name, status), (events, becomes), &bank, &carried);
}

fn judge((name, status): (&str, u16), (events, becomes): (usize, Becomes), bank: &Bank, carried: &Carried) {
    let (taken, last) = (bank.taken(), i64::try_from(events).unwrap());
    assert_eq!(carried.committed, last, "{name}: everything is committed in the end");
    if becomes == Letter {
        assert_eq!((carried.letters.len(), taken.len()), (1, 0), "{name}");
        let detail = &carried.letters[0].failure.detail;
        assert!(detail.contains(&format!("HTTP {status}")), "{name}: {detail}");
        return;
    }
    assert!(carried.letters.is_empty(), "{name}: {:?}", carried.letters);
    assert!((0..last).all(|offset| taken.get(&offset) == Some(&1)), "{name}: once each: {taken:?}");
}

/// A page with this status; nothing where no body may follow. A redirect leads to where the events would be taken.
fn page(status: u16) -> Answer {
    match status {
        100..=199 | 204 | 205 | 304 => Answer::status(status),
        300..=399 => Answer::html(status).with_header("Location", "/"),
        _ => Answer::html(status),
    }
}

pub(in crate::sink) async fn pauses(subject: Arc<dyn Subject>) {
    let bank = Bank::open(&subject).await;
    let sink = subject.sink(&Target::new(&bank.url()));
    let date = |from_now: i64| {
        let seconds = Duration::from_secs(from_now.unsigned_abs());
        let time = if from_now < 0 { SystemTime::now() - seconds } else { SystemTime::now() + seconds };
        httpdate::fmt_http_date(time)
    };
    for status in [429, 503] {
        let asked = |value: &str| Answer::status(status).with_header("Retry-After", value);
        for (value, expected) in [
            ("7".to_owned(), "retry busy in 7s".to_owned()),
            (date(-9), "retry busy in 0ns".to_owned()),
            ("999999999".to_owned(), format!("retry busy in {RETRY_AFTER_MAX:?}")),
            ("soon".to_owned(), "retry busy".to_owned()),
            ("-1".to_owned(), "retry busy".to_owned()),
        ] {
            bank.answer_once(asked(&value));
            assert_eq!(send(&*sink, 0).await, expected, "{status} {value}");
        }
        bank.answer_once(asked(&date(9)));
        let outcome = send(&*sink, 0).await;
        assert!(outcome.starts_with("retry busy in 8.") || outcome == "retry busy in 9s", "{outcome}");
    }
}

/// To another server, to the same, up to `https`, and to what a client would connect to without a thought.
pub(in crate::sink) async fn redirects(subject: Arc<dyn Subject>) {
    let bank = Bank::open(&subject).await;
    let elsewhere = ReceiverStandIn::start(Receiver::answering(200)).await.unwrap();
    let sink = subject.sink(&Target::new(&bank.url()));
    let targets =
        [elsewhere.url(), "/".to_owned(), format!("https://{}", elsewhere.address()), "//127.0.0.1".to_owned()];
    for status in [300, 301, 302, 303, 305, 307, 308] {
        for target in &targets {
            bank.answer_once(Answer::status(status).with_header("Location", target));
            let before = bank.parcels(&*subject).len();
            let failure = failure_of(&*sink, 0).await;
            assert_eq!(failure.reason, crate::reason::Reason::UnexpectedAnswer, "{failure}");
            assert!(failure.detail.contains("redirect to"), "{failure}");
            assert_eq!(bank.parcels(&*subject).len(), before + 1);
        }
    }
    assert_eq!(elsewhere.receiver().connections(), 0);
    assert!(bank.taken().is_empty());
}

pub(in crate::sink) async fn bodies(subject: Arc<dyn Subject>) {
    let bank = Bank::open(&subject).await;
    let sink = subject.sink(&Target::new(&bank.url()));
    let html = Answer::html(200).body;
    let nested = "[".repeat(100_000).into_bytes();
    let huge = format!(r#"{{"text":"{}","code":0}}"#, "x".repeat(9 << 20)).into_bytes();
    for body in [
        &b""[..],
        b"\0\xff\xfe not text",
        b"null",
        b"[]",
        b"{}",
        br#"{"text":"Succ"#,
        br#"{"text":"Success","code":"0"}"#,
        br#"{"text":"Success","code":0}{}"#,
        b"\x1f\x8b\x08\x00 pretends to be compressed",
        html.as_slice(),
        nested.as_slice(),
    ] {
        bank.answer_once(Answer::json(200, body).with_header("Content-Encoding", "identity"));
        let outcome = send(&*sink, 0).await;
        let shown = String::from_utf8_lossy(&body[..body.len().min(40)]);
        let expected = if subject.is_receipt(body) { "delivered" } else { "retry unexpected_answer" };
        assert_eq!(outcome, expected, "{shown}");
    }
    bank.answer_once(Answer::json(200, huge));
    assert_eq!(send(&*sink, 0).await, "retry unexpected_answer", "an answer of 9 MiB is none");
}

pub(in crate::sink) async fn what_is_shown(subject: Arc<dyn Subject>) {
    let bank = Bank::open(&subject).await;
    let sink = subject.sink(&Target::new(&bank.url()));
    let words = format!("<p>\u{7}\u{1b}[31m\r\nyour token {TOKEN} is bad {}", "y".repeat(9_000));
    for status in [200, 403, 500] {
        bank.answer_once(Answer::json(status, words.clone()));
        let attempt = sink.attempt(0, parcel(&*sink, 0, &["{}"])).await;
        if status == 200 && subject.is_receipt(words.as_bytes()) {
            continue;
        }
        let failure = super::failure(attempt);
        assert!(!failure.detail.contains(TOKEN), "{failure}");
        assert!(!failure.detail.contains(char::is_control), "{failure}");
        assert!(failure.detail.chars().count() <= DETAIL_MAX_CHARS, "{failure}");
    }
    assert!(sink.endpoints().iter().all(|name| !name.contains(TOKEN)));
}
