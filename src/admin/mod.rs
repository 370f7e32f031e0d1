//! The admin server: probes, metrics and the status page, for local machines and the cluster's own network.
//!
//! | path | answers |
//! | --- | --- |
//! | `/livez` | 503 only when a restart would help: see `probes.rs` |
//! | `/startupz` | 200 once everything is configured and running |
//! | `/readyz` | 200 from the first success on, until draining |
//! | `/statusz` | what every pipeline is doing, as JSON, or as a page for a browser |
//! | `/metrics` | Prometheus text |
//!
//! It shows and changes nothing, so it needs no login; no secret is within its reach. A connection carries one request and
//! is closed, so that neither slow nor many clients can hold more than a bounded number of connections for a bounded time.

mod page;
mod probes;
mod statusz;

#[cfg(test)]
mod tests;

use std::convert::Infallible;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Instant;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use hyper::body::Incoming;
use hyper::header::{self, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;

use crate::defaults;
use crate::metrics;
use crate::status::StatusBoard;
use probes::{Readiness, Verdict};

/// An address that is taken, but not served yet: so a wrong address is known before anything else starts.
pub struct Bound {
    listener: TcpListener,
    address: SocketAddr,
}

/// Takes the address.
///
/// # Errors
/// The address is in use, not of this machine, or not permitted; the message says which, and what to do.
pub fn bind(listen: SocketAddr) -> io::Result<Bound> {
    let listener = TcpListener::bind(listen).map_err(|error| explain(listen, error))?;
    listener.set_nonblocking(true)?;
    let address = listener.local_addr()?;
    Ok(Bound { listener, address })
}

fn explain(listen: SocketAddr, error: io::Error) -> io::Error {
    let kind = error.kind();
    let port = listen.port();
    let message = if kind == io::ErrorKind::AddrInUse {
        format!("port {port} is taken: another process listens there, perhaps another auditferry")
    } else if kind == io::ErrorKind::AddrNotAvailable {
        format!("{} is no address of this machine", listen.ip())
    } else if kind == io::ErrorKind::PermissionDenied {
        format!("port {port} is not permitted: use one above 1023")
    } else {
        return error;
    };
    io::Error::new(kind, message)
}

impl Bound {
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until `shutdown`; answers under way then still have a moment.
    ///
    /// # Errors
    /// The runtime does not take the socket.
    pub async fn serve(self, board: StatusBoard, shutdown: CancellationToken) -> io::Result<()> {
        let listener = tokio::net::TcpListener::from_std(self.listener)?;
        let site = Arc::new(Site { board, readiness: Readiness::default() });
        let mut connections = FuturesUnordered::new();
        loop {
            tokio::select! {
                accepted = listener.accept(), if connections.len() < defaults::ADMIN_CONNECTIONS_MAX => match accepted {
                    Ok((stream, _)) => connections.push(answer_one(Arc::clone(&site), stream)),
                    Err(error) => {
                        tracing::warn!(%error, "admin server cannot take a connection");
                        tokio::time::sleep(defaults::ADMIN_ACCEPT_PAUSE).await;
                    }
                },
                Some(()) = connections.next(), if !connections.is_empty() => {}
                () = shutdown.cancelled() => break,
            }
        }
        let rest = async { while connections.next().await.is_some() {} };
        // Whoever has not read the answer by now will not.
        tokio::time::timeout(defaults::ADMIN_CLOSE_TIME, rest).await.unwrap_or_default();
        Ok(())
    }
}

/// One connection, one request. What goes wrong concerns the client only.
async fn answer_one(site: Arc<Site>, stream: TcpStream) {
    let service = service_fn(|request: Request<Incoming>| {
        let response = site.answer(&request);
        async { Ok::<_, Infallible>(response) }
    });
    let connection = http1::Builder::new()
        .keep_alive(false)
        .max_buf_size(defaults::ADMIN_HEAD_MAX)
        .serve_connection(TokioIo::new(stream), service);
    if let Ok(Err(error)) = tokio::time::timeout(defaults::ADMIN_CONNECTION_TIME, connection).await {
        tracing::debug!(%error, "admin connection ended");
    }
}

/// What all connections share.
struct Site {
    board: StatusBoard,
    readiness: Readiness,
}

const TEXT: &str = "text/plain; charset=utf-8";
const PATHS: &str = "there is /livez, /readyz, /startupz, /statusz and /metrics\n";

impl Site {
    fn answer<B>(&self, request: &Request<B>) -> Response<String> {
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            let mut refusal = respond(StatusCode::METHOD_NOT_ALLOWED, TEXT, "only GET and HEAD\n".to_owned());
            refusal.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
            return refusal;
        }
        match request.uri().path() {
            "/livez" => probe(&probes::live(&self.board.snapshot(), Instant::now())),
            "/startupz" => probe(&probes::started(self.board.is_started())),
            "/readyz" => probe(&self.readiness.ready(&self.board.snapshot())),
            "/metrics" => respond(StatusCode::OK, metrics::CONTENT_TYPE, metrics::render(&self.board)),
            "/statusz" => self.status(wants_page(request)),
            _ => respond(StatusCode::NOT_FOUND, TEXT, PATHS.to_owned()),
        }
    }

    fn status(&self, page: bool) -> Response<String> {
        let document = statusz::document(&self.board.snapshot());
        if page {
            return respond(StatusCode::OK, "text/html; charset=utf-8", page::render(&document));
        }
        match serde_json::to_string_pretty(&document) {
            Ok(json) => respond(StatusCode::OK, "application/json", json + "\n"),
            Err(error) => respond(StatusCode::INTERNAL_SERVER_ERROR, TEXT, format!("{error}\n")),
        }
    }
}

/// Whether a browser asks.
fn wants_page<B>(request: &Request<B>) -> bool {
    let accept = request.headers().get(header::ACCEPT);
    accept.and_then(|accept| accept.to_str().ok()).is_some_and(|accept| accept.contains("text/html"))
}

fn probe(verdict: &Verdict) -> Response<String> {
    match verdict {
        Verdict::Yes => respond(StatusCode::OK, TEXT, "ok\n".to_owned()),
        Verdict::No(missing) => respond(StatusCode::SERVICE_UNAVAILABLE, TEXT, missing.join("\n") + "\n"),
    }
}

fn respond(status: StatusCode, content_type: &'static str, body: String) -> Response<String> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CONTENT_TYPE, content_type),
        (header::CACHE_CONTROL, "no-store"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::CONTENT_SECURITY_POLICY, "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}
