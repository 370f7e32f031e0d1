//! What every sink that sends over HTTP has to do, whatever its protocol: one suite, given to a sink by one line.
//!
//! ```text
//! conformance!(in_module, Subject { … });
//! ```
//!
//! A [`Subject`] says how its sink is built, what a receiver in good order answers, and what becomes of the events at each status.
//! The suite brings the receiver, on a real socket, and everything that can go wrong with one:
//!
//! - [`statuses`]: every status from 100 to 599 alone, and the known ones through the whole core, one event and a batch; the
//!   pause that the server asks for; redirects; bodies that are none, huge, or no receipt;
//! - [`rude`]: servers that break the rules of HTTP, of TCP, of patience;
//! - [`silence`]: nobody listens, nobody answers;
//! - [`rotation`]: credentials that are replaced in their file and at the receiver, in either order;
//! - [`over_tls`]: certificates that are trusted, and those that are not;
//! - [`contract`]: what the trait says about encoding, with the payloads that could break it.
//!
//! While there is no receipt nothing may count as delivered and nothing may be committed, which the [`rig`] checks all along.

pub(in crate::sink) mod contract;
pub(in crate::sink) mod over_tls;
pub(in crate::sink) mod rig;
pub(in crate::sink) mod rotation;
pub(in crate::sink) mod rude;
pub(in crate::sink) mod silence;
pub(in crate::sink) mod statuses;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::delivery::attempt::{Attempt, BoxFuture, Failure, Parcel};
use crate::demo::hec::Answer;
use crate::demo::receiver::{Receiver, ReceiverStandIn, Reply, Request};
use crate::event::{Cleared, Record};
use crate::position::{Offset, PartitionId};
use crate::secret::{Secret, SecretSource};
use crate::sink::Sink;
use crate::tls::config::{TlsConfig, Transport};

/// The credentials that a receiver takes, unless a test says otherwise.
pub(in crate::sink) const TOKEN: &str = "00000000-0000-4000-8000-00c0ffee0001";

/// Where a sink is to send, and how.
#[derive(Clone)]
pub(in crate::sink) struct Target {
    /// Scheme, host and port.
    pub(in crate::sink) url: String,
    pub(in crate::sink) transport: Transport,
    pub(in crate::sink) token: SecretSource,
    pub(in crate::sink) tls: TlsConfig,
}

impl Target {
    pub(in crate::sink) fn new(url: &str) -> Self {
        let transport = Transport {
            connect: Duration::from_secs(2),
            request: Duration::from_secs(10),
            keep_alive: true,
            proxy: None,
        };
        let token = SecretSource::fixed(Secret::new(TOKEN.into()));
        Self { url: url.to_owned(), transport, token, tls: TlsConfig::default() }
    }

    pub(in crate::sink) fn within(mut self, request: Duration) -> Self {
        self.transport.request = request;
        self.transport.connect = self.transport.connect.min(request);
        self
    }
}

/// A sink that the suite is for.
pub(in crate::sink) trait Subject: Send + Sync + 'static {
    fn sink(&self, target: &Target) -> Arc<dyn Sink>;

    /// How a receiver in good order answers.
    fn good(&self, request: &Request) -> Answer;

    /// The offsets of the events in a request; none for a request that carries no event.
    fn carries(&self, request: &Request) -> Vec<i64>;

    /// What becomes of one event, and of several in one request, at an answer with this status and a page as body.
    fn becomes(&self, status: u16) -> [Becomes; 2];

    /// Whether an answer with status 200 and this body is a receipt.
    fn is_receipt(&self, body: &[u8]) -> bool;

    /// Whether a request may hold several events.
    fn is_batch(&self) -> bool;

    /// The credentials in a request.
    fn token_of(&self, request: &Request) -> Option<String>;
}

/// What becomes of the events of a request.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::sink) enum Becomes {
    /// The answer is the receipt; nothing is sent twice.
    Delivered,
    /// Not delivered; the same events are sent again after a pause.
    Again,
    /// Not delivered; all are kept until a human has mended something, and one request from time to time tries.
    Held,
    /// Not delivered; they are sent again in parts.
    Cut,
    /// A dead letter with the server's words.
    Letter,
}

impl Becomes {
    /// The word that [`short`] begins with. A lone event that was refused is handed back to be split, and becomes a letter.
    fn word(self) -> &'static str {
        match self {
            Self::Delivered => "delivered",
            Self::Again => "retry",
            Self::Held => "hold",
            Self::Cut | Self::Letter => "split",
        }
    }
}

/// A receiver for a subject: it counts what it has taken, and misbehaves as told.
pub(in crate::sink) struct Bank {
    pub(in crate::sink) server: ReceiverStandIn,
    shared: Arc<Shared>,
}

struct Shared {
    /// How often the event of each offset was taken.
    taken: Mutex<BTreeMap<i64, usize>>,
    fault: Mutex<Option<Fault>>,
    /// Other credentials are refused with 401.
    tokens: Mutex<Vec<String>>,
}

/// What happens to requests that carry events.
#[derive(Clone)]
pub(in crate::sink) struct Fault {
    pub(in crate::sink) reply: Reply,
    /// Whether the events are taken all the same.
    pub(in crate::sink) takes: bool,
    /// How many requests are left; `None`: all.
    pub(in crate::sink) left: Option<usize>,
}

impl Bank {
    pub(in crate::sink) async fn open(subject: &Arc<dyn Subject>) -> Self {
        let (receiver, shared) = Self::receiver(subject);
        Self { server: ReceiverStandIn::start(receiver).await.unwrap(), shared }
    }

    fn receiver(subject: &Arc<dyn Subject>) -> (Receiver, Arc<Shared>) {
        let shared = Arc::new(Shared {
            taken: Mutex::default(),
            fault: Mutex::default(),
            tokens: Mutex::new(vec![TOKEN.to_owned()]),
        });
        let (subject, state) = (Arc::clone(subject), Arc::clone(&shared));
        let receiver = Receiver::new(move |request| state.reply(&*subject, request));
        (receiver, shared)
    }

    pub(in crate::sink) fn url(&self) -> String {
        self.server.url()
    }

    pub(in crate::sink) fn misbehave(&self, fault: Option<Fault>) {
        *self.shared.fault.lock().unwrap() = fault;
    }

    /// Answers so, once, and takes nothing.
    pub(in crate::sink) fn answer_once(&self, answer: Answer) {
        self.misbehave(Some(Fault { reply: Reply::Answer(answer), takes: false, left: Some(1) }));
    }

    pub(in crate::sink) fn knows(&self, tokens: &[&str]) {
        *self.shared.tokens.lock().unwrap() = tokens.iter().map(|token| (*token).to_owned()).collect();
    }

    pub(in crate::sink) fn taken(&self) -> BTreeMap<i64, usize> {
        self.shared.taken.lock().unwrap().clone()
    }

    /// Whether the event of this offset was taken: what a proof is made of.
    fn has(&self) -> impl Fn(i64) -> bool + Send + Sync + 'static {
        let shared = Arc::clone(&self.shared);
        move |offset| shared.taken.lock().unwrap().contains_key(&offset)
    }

    /// Requests that carried events.
    pub(in crate::sink) fn parcels(&self, subject: &dyn Subject) -> Vec<Request> {
        let mut all = self.server.receiver().requests();
        all.retain(|request| !subject.carries(request).is_empty());
        all
    }
}

impl Shared {
    fn reply(&self, subject: &dyn Subject, request: &Request) -> Reply {
        let known = |token: String| self.tokens.lock().unwrap().contains(&token);
        if !subject.token_of(request).is_some_and(known) {
            return Reply::Answer(Answer::json(401, "{}"));
        }
        let carried = subject.carries(request);
        let fault = if carried.is_empty() { None } else { self.next_fault() };
        if fault.as_ref().is_none_or(|fault| fault.takes) {
            let mut taken = self.taken.lock().unwrap();
            carried.iter().for_each(|offset| *taken.entry(*offset).or_default() += 1);
        }
        fault.map_or_else(|| Reply::Answer(subject.good(request)), |fault| fault.reply)
    }

    fn next_fault(&self) -> Option<Fault> {
        let mut standing = self.fault.lock().unwrap();
        let fault = standing.clone()?;
        match fault.left {
            None => {}
            Some(0) => {
                *standing = None;
                return None;
            }
            Some(left) => *standing = Some(Fault { left: Some(left - 1), ..fault.clone() }),
        }
        Some(fault)
    }
}

/// The events of these values, at offsets from `first` of partition 0 of topic `audit`.
pub(in crate::sink) fn parcel(sink: &dyn Sink, first: i64, values: &[&str]) -> Parcel {
    let (mut group, mut body) = (Vec::new(), Vec::new());
    for (offset, value) in (first..).zip(values) {
        let event = Cleared::from_chain(record(offset, Some(value.as_bytes())));
        group.clear();
        sink.group(&event, &mut group);
        sink.encode(&event, &mut body).unwrap();
    }
    Parcel::plain(group, body, values.len())
}

pub(in crate::sink) fn record(offset: i64, value: Option<&[u8]>) -> Record<'_> {
    Record {
        topic: "audit",
        partition: PartitionId::new(0),
        offset: Offset::new(offset),
        timestamp_ms: Some(1_623_091_780_331),
        key: None,
        value,
        headers: &[],
    }
}

/// An attempt without its words. Awaits the proof when it is pending.
pub(in crate::sink) fn short(attempt: Attempt) -> BoxFuture<String> {
    Box::pin(async move {
        match attempt {
            Attempt::Delivered => "delivered".to_owned(),
            Attempt::Pending(proof) => short(proof.await).await,
            Attempt::Slower { then, .. } => format!("slower, {}", short(*then).await),
            Attempt::Retry { after: None, failure } => format!("retry {}", failure.reason),
            Attempt::Retry { after: Some(after), failure } => format!("retry {} in {after:?}", failure.reason),
            Attempt::Poison { delivered, bad, failure } => format!("poison {delivered} {bad} {}", failure.reason),
            Attempt::Split(failure) => format!("split {}", failure.reason),
            Attempt::Hold(failure) => format!("hold {}", failure.reason),
            Attempt::Lost(failure) => format!("lost {}", failure.reason),
        }
    })
}

pub(in crate::sink) fn failure(attempt: Attempt) -> Failure {
    match attempt {
        Attempt::Delivered | Attempt::Pending(_) | Attempt::Slower { .. } => panic!("no failure"),
        Attempt::Retry { failure, .. } | Attempt::Poison { failure, .. } => failure,
        Attempt::Split(failure) | Attempt::Hold(failure) | Attempt::Lost(failure) => failure,
    }
}

/// One event, at this offset.
pub(in crate::sink) async fn send(sink: &dyn Sink, offset: i64) -> String {
    let value = format!("{{\"n\":{offset}}}");
    short(sink.attempt(0, parcel(sink, offset, &[&value])).await).await
}

/// As [`send`], for what went wrong.
pub(in crate::sink) async fn failure_of(sink: &dyn Sink, offset: i64) -> Failure {
    failure(sink.attempt(0, parcel(sink, offset, &["{}"])).await)
}

/// Gives a sink the whole suite, in a module of this name.
macro_rules! conformance {
    ($module:ident, $subject:expr) => {
        mod $module {
            #[allow(unused_imports, reason = "what the subject is made of")]
            use super::*;
            use crate::sink::conformance_tests as suite;

            fn subject() -> std::sync::Arc<dyn suite::Subject> {
                std::sync::Arc::new($subject)
            }

            #[tokio::test]
            async fn every_status_alone_has_its_outcome() {
                suite::statuses::alone(subject()).await;
            }

            #[tokio::test(flavor = "multi_thread")]
            async fn what_becomes_of_the_events_at_every_known_status() {
                suite::statuses::through_the_core(subject()).await;
            }

            #[tokio::test]
            async fn the_pause_that_a_server_asks_for_is_passed_on() {
                suite::statuses::pauses(subject()).await;
            }

            #[tokio::test]
            async fn a_redirect_is_not_followed() {
                suite::statuses::redirects(subject()).await;
            }

            #[tokio::test]
            async fn only_a_receipt_is_a_receipt_whatever_the_body_is() {
                suite::statuses::bodies(subject()).await;
            }

            #[tokio::test]
            async fn what_is_shown_is_bounded_and_without_credentials() {
                suite::statuses::what_is_shown(subject()).await;
            }

            #[tokio::test(flavor = "multi_thread")]
            async fn no_connection_that_breaks_the_rules_brings_a_receipt() {
                suite::rude::all(subject()).await;
            }

            #[tokio::test]
            async fn a_server_that_is_not_there_or_says_nothing_is_tried_again() {
                suite::silence::all(subject()).await;
            }

            #[tokio::test]
            async fn credentials_are_replaced_in_either_order() {
                suite::rotation::all(subject()).await;
            }

            #[tokio::test]
            async fn only_certificates_that_are_trusted_are_accepted() {
                suite::over_tls::all(subject()).await;
            }

            #[tokio::test]
            async fn certificates_are_shown_and_replaced() {
                suite::over_tls::identities(subject()).await;
            }

            #[tokio::test]
            async fn what_is_encoded_keeps_the_contract() {
                suite::contract::encoding(subject());
            }
        }
    };
}

pub(in crate::sink) use conformance;
