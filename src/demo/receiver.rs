//! A stand-in for any receiver of HTTP requests: it keeps what it is sent, and answers as it is told.
//!
//! [`ReceiverStandIn`] listens on a port of this machine; [`Receiver`] is its state, cheap to clone, and can serve any byte stream,
//! a TLS one too. What a good answer is, and which requests get another, is one function of the caller's.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio::task::{JoinHandle, JoinSet};

use super::hec::wire::Wire;
use super::hec::{Answer, Head};

/// A request as it came.
#[derive(Clone, Debug, Default)]
pub struct Request {
    pub head: Head,
    pub body: Vec<u8>,
}

/// What the receiver does with a request.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Reply {
    Answer(Answer),
    /// Closes the connection without a word.
    Close,
    /// Says nothing until the client gives up.
    Silence,
}

type Policy = Arc<dyn Fn(&Request) -> Reply + Send + Sync>;

/// The state of one receiver and the controls over it.
#[derive(Clone)]
pub struct Receiver {
    shared: Arc<Shared>,
}

struct Shared {
    state: Mutex<State>,
    /// Told after every request.
    changed: Notify,
}

struct State {
    policy: Policy,
    requests: Vec<Request>,
    connections: usize,
}

impl fmt::Debug for Receiver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receiver").field("requests", &self.state().requests.len()).finish_non_exhaustive()
    }
}

impl Receiver {
    /// Answers every request as `policy` says.
    pub fn new(policy: impl Fn(&Request) -> Reply + Send + Sync + 'static) -> Self {
        let state = State { policy: Arc::new(policy), requests: Vec::new(), connections: 0 };
        Self { shared: Arc::new(Shared { state: Mutex::new(state), changed: Notify::new() }) }
    }

    /// Answers every request with this status and no body.
    pub fn answering(status: u16) -> Self {
        Self::new(move |_| Reply::Answer(Answer::status(status)))
    }

    /// From now on answers so.
    pub fn answer_with(&self, policy: impl Fn(&Request) -> Reply + Send + Sync + 'static) {
        self.state().policy = Arc::new(policy);
    }

    /// Every request so far.
    pub fn requests(&self) -> Vec<Request> {
        self.state().requests.clone()
    }

    /// Connections that were made to it, whether or not a request came.
    pub fn connections(&self) -> usize {
        self.state().connections
    }

    /// Serves one connection until the client closes it.
    pub async fn serve<S: AsyncRead + AsyncWrite + Unpin + Send>(&self, stream: S) {
        let (mut wire, mut body) = (Wire::new(stream), Vec::new());
        // Whatever fails here is the client's connection, and the client sees it.
        while let Ok(Some(head)) = wire.read_request(&mut body).await {
            let request = Request { head, body: std::mem::take(&mut body) };
            let policy = Arc::clone(&self.state().policy);
            let reply = policy(&request);
            self.state().requests.push(request);
            self.shared.changed.notify_waiters();
            match reply {
                Reply::Close => return,
                Reply::Silence => return std::future::pending().await,
                Reply::Answer(answer) => {
                    if wire.write(&answer).await.is_err() {
                        return;
                    }
                }
            }
        }
    }

    /// Waits until `condition` holds of the requests; `false` when it does not within `limit`.
    pub async fn until(&self, limit: Duration, condition: impl Fn(&[Request]) -> bool) -> bool {
        let holds = async {
            loop {
                let mut changed = std::pin::pin!(self.shared.changed.notified());
                changed.as_mut().enable();
                if condition(&self.state().requests) {
                    return;
                }
                changed.await;
            }
        };
        tokio::time::timeout(limit, holds).await.is_ok()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // A panic elsewhere leaves lists, nothing half done: go on.
        self.shared.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A [`Receiver`] that listens. Dropping it closes the port and all connections.
#[derive(Debug)]
pub struct ReceiverStandIn {
    receiver: Receiver,
    address: SocketAddr,
    accepting: JoinHandle<()>,
}

impl ReceiverStandIn {
    /// Listens on a free port of 127.0.0.1, without TLS.
    ///
    /// # Errors
    /// The port cannot be opened.
    pub async fn start(receiver: Receiver) -> io::Result<Self> {
        Self::start_on("127.0.0.1:0", receiver).await
    }

    /// Listens on `address`.
    ///
    /// # Errors
    /// The port cannot be opened.
    pub async fn start_on(address: &str, receiver: Receiver) -> io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        let accepting = accept(receiver.clone(), listener);
        Ok(Self { receiver, address, accepting })
    }

    /// `http://127.0.0.1:port`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    pub fn receiver(&self) -> &Receiver {
        &self.receiver
    }
}

impl Drop for ReceiverStandIn {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

#[expect(clippy::disallowed_methods, reason = "a server of tests, owned and stopped by ReceiverStandIn")]
fn accept(receiver: Receiver, listener: TcpListener) -> JoinHandle<()> {
    tokio::spawn(async move {
        let mut connections = JoinSet::new();
        loop {
            tokio::select! {
                accepted = listener.accept() => if let Ok((stream, _)) = accepted {
                    let receiver = receiver.clone();
                    receiver.state().connections += 1;
                    connections.spawn(async move {
                        if stream.set_nodelay(true).is_ok() {
                            receiver.serve(stream).await;
                        }
                    });
                },
                Some(_) = connections.join_next() => {}
            }
        }
    })
}
