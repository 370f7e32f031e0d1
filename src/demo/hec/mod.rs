//! A stand-in for Splunk's HTTP Event Collector: the event and the raw endpoint, acknowledgement and health, on the wire.
//!
//! [`HecStandIn`] listens on a port of this machine; [`Hec`] is its state and its controls, cheap to clone, and can serve
//! any byte stream, a TLS one too. It answers as Splunk's documentation says and, where that is silent, as Splunk 10.4.3
//! was observed to; the tables stand in `collector.rs`, `raw.rs`, `acks.rs` and `code.rs`. It records what it indexed by Kafka
//! position, so that a test or the demo can count at the far side, and misbehaves on request ([`Fault`]).
//!
//! It does not do HTTP Basic credentials, reading timestamps, or storing anything beyond the opt-in texts.

mod acks;
mod code;
mod collector;
mod raw;
mod received;
mod script;
mod service;
pub(in crate::demo) mod wire;

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::net::SocketAddr;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio::task::{JoinHandle, JoinSet};

pub use code::{CODES, answer as hec_answer};
pub use collector::{Poison, PoisonAnswer};
pub use received::Count;
pub use script::{Fault, Route, Spell};
pub use wire::{Answer, Head};

use acks::Acks;
use received::Received;
use script::Script;

/// The token that [`HecOptions::default`] accepts.
pub const TOKEN: &str = "00000000-5741-4e44-2d49-4e2d544f4b4e";

/// How many request heads [`Hec::requests`] keeps.
const KEPT_REQUESTS: usize = 256;

/// A token of the stand-in.
#[derive(Clone, Debug)]
pub struct Token {
    pub value: String,
    /// `useACK`: every request needs a channel and is answered with an `ackId`.
    pub acknowledgement: bool,
    pub disabled: bool,
    /// The indexes it may write to; `None` allows all.
    pub indexes: Option<Vec<String>>,
}

impl Token {
    pub fn new(value: &str) -> Self {
        Self { value: value.to_owned(), acknowledgement: false, disabled: false, indexes: None }
    }

    #[must_use]
    pub fn with_acknowledgement(mut self) -> Self {
        self.acknowledgement = true;
        self
    }
}

/// How a body above [`HecOptions::max_content_length`] is refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Oversize {
    /// Splunk Enterprise: status 413.
    Status413,
    /// Splunk Cloud: status 400 with code 6 and object 0, whatever the objects are (observed on a 10.5 stack).
    Code6Object0,
}

#[derive(Clone, Debug)]
pub struct HecOptions {
    pub tokens: Vec<Token>,
    /// How long after a request its acknowledgement turns true.
    pub ack_latency: Duration,
    /// Waited before each request is processed.
    pub latency: Duration,
    /// Longest body in bytes, before and after decompression. Splunk Enterprise 10.4: 838,860,800.
    pub max_content_length: usize,
    pub oversize: Oversize,
    /// Longest single event in bytes (`maxEventSize`, 5 MB).
    pub max_event_bytes: usize,
    /// How many indexed events' texts are kept for [`Hec::texts`].
    pub keep_texts: usize,
    /// Counts the lines and bytes of the bodies and parses nothing, to measure a sender and not the stand-in.
    pub count_only: bool,
}

impl Default for HecOptions {
    fn default() -> Self {
        Self {
            tokens: vec![Token::new(TOKEN)],
            ack_latency: Duration::ZERO,
            latency: Duration::ZERO,
            max_content_length: 838_860_800,
            oversize: Oversize::Status413,
            max_event_bytes: 5_000_000,
            keep_texts: 0,
            count_only: false,
        }
    }
}

/// The state of one collector and the controls over it.
#[derive(Clone, Debug)]
pub struct Hec {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    /// Told after every request to the event endpoint.
    changed: Notify,
}

#[derive(Debug)]
struct State {
    options: HecOptions,
    events: Script,
    acks: Script,
    health: Script,
    poison: Vec<Poison>,
    issued: Acks,
    received: Received,
    requests: VecDeque<Head>,
}

impl Hec {
    pub fn new(options: HecOptions) -> Self {
        let state = State {
            options,
            events: Script::default(),
            acks: Script::default(),
            health: Script::default(),
            poison: Vec::new(),
            issued: Acks::default(),
            received: Received::default(),
            requests: VecDeque::new(),
        };
        Self { shared: Arc::new(Shared { state: Mutex::new(state), changed: Notify::new() }) }
    }

    /// Serves one connection until the client closes it.
    pub async fn serve<S: AsyncRead + AsyncWrite + Unpin + Send>(&self, stream: S) {
        service::serve(self, stream).await;
    }

    /// Adds a fault for one future request of the route; faults are used up in order.
    pub fn push(&self, route: Route, fault: Fault) {
        self.state().script(route).push(fault);
    }

    /// Applies a fault to every request of the route for a spell, once its queue is empty.
    pub fn stand(&self, route: Route, fault: Fault, spell: Spell) {
        self.state().script(route).stand(fault, spell);
    }

    /// Forgets the faults of the route.
    pub fn clear(&self, route: Route) {
        self.state().script(route).clear();
    }

    /// Refuses events from now on; an empty list ends it.
    pub fn set_poison(&self, poison: Vec<Poison>) {
        self.state().poison = poison;
    }

    /// Replaces the tokens, as an administrator who rotates, disables or repairs one.
    pub fn set_tokens(&self, tokens: Vec<Token>) {
        self.state().options.tokens = tokens;
    }

    pub fn set_latency(&self, latency: Duration) {
        self.state().options.latency = latency;
    }

    pub fn set_ack_latency(&self, latency: Duration) {
        self.state().options.ack_latency = latency;
    }

    /// While `withheld`, every acknowledgement answers `false`.
    pub fn withhold_acks(&self, withheld: bool) {
        self.state().issued.withheld = withheld;
    }

    /// Forgets all acknowledgements and counts every channel from 0 again, as an indexer that restarts.
    pub fn restart_indexer(&self) {
        self.state().issued.restart();
    }

    /// Identifiers issued and not yet answered `true`.
    pub fn outstanding_acks(&self) -> usize {
        self.state().issued.outstanding()
    }

    pub fn count(&self) -> Count {
        self.state().received.count
    }

    /// How often the event of this position was indexed.
    pub fn times(&self, topic: &str, partition: i32, offset: i64) -> u32 {
        self.state().received.times(topic, partition, offset)
    }

    /// The offsets of `expected` that were never indexed.
    pub fn missing(&self, topic: &str, partition: i32, expected: Range<i64>) -> Vec<i64> {
        self.state().received.missing(topic, partition, expected)
    }

    /// Everything indexed that carried a position: by topic and partition, offset and how often.
    pub fn positions(&self) -> BTreeMap<(String, i32), BTreeMap<i64, u32>> {
        self.state().received.positions()
    }

    /// The envelopes of the first [`HecOptions::keep_texts`] events indexed.
    pub fn texts(&self) -> Vec<String> {
        self.state().received.texts()
    }

    /// The latest requests of all routes, oldest first, at most 256.
    pub fn requests(&self) -> Vec<Head> {
        self.state().requests.iter().cloned().collect()
    }

    /// Waits until `condition` holds; `false` when it does not within `limit`.
    pub async fn until(&self, limit: Duration, condition: impl Fn(&Count) -> bool) -> bool {
        let holds = async {
            loop {
                let mut changed = std::pin::pin!(self.shared.changed.notified());
                changed.as_mut().enable();
                if condition(&self.count()) {
                    return;
                }
                changed.await;
            }
        };
        tokio::time::timeout(limit, holds).await.is_ok()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // A panic elsewhere leaves counters, nothing half done: go on.
        self.shared.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn script(&mut self, route: Route) -> &mut Script {
        match route {
            Route::Event => &mut self.events,
            Route::Ack => &mut self.acks,
            Route::Health => &mut self.health,
        }
    }
}

/// A [`Hec`] that listens on 127.0.0.1. Dropping it closes the port and all connections.
#[derive(Debug)]
pub struct HecStandIn {
    hec: Hec,
    address: SocketAddr,
    accepting: JoinHandle<()>,
}

impl HecStandIn {
    /// Listens on a free port, without TLS.
    ///
    /// # Errors
    /// The port cannot be opened.
    pub async fn start(options: HecOptions) -> io::Result<Self> {
        Self::start_on("127.0.0.1:0", Hec::new(options)).await
    }

    /// Listens on `address`, for a port that must be known beforehand or that is taken up again after a stop.
    ///
    /// # Errors
    /// The port cannot be opened.
    pub async fn start_on(address: &str, hec: Hec) -> io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        let accepting = accept(hec.clone(), listener);
        Ok(Self { hec, address, accepting })
    }

    /// `http://127.0.0.1:port`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    pub fn hec(&self) -> &Hec {
        &self.hec
    }
}

impl Drop for HecStandIn {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

#[expect(clippy::disallowed_methods, reason = "a server of the demo and of tests, owned and stopped by HecStandIn")]
fn accept(hec: Hec, listener: TcpListener) -> JoinHandle<()> {
    tokio::spawn(async move {
        let mut connections = JoinSet::new();
        loop {
            tokio::select! {
                accepted = listener.accept() => if let Ok((stream, _)) = accepted {
                    let hec = hec.clone();
                    connections.spawn(async move {
                        if stream.set_nodelay(true).is_ok() {
                            hec.serve(stream).await;
                        }
                    });
                },
                Some(_) = connections.join_next() => {}
            }
        }
    })
}

#[cfg(test)]
mod tests;
