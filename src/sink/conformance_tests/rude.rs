//! Servers that break the rules below any protocol: of HTTP, of TCP, of patience. No connection of theirs is a receipt.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::StreamExt;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use super::rig::{Crossing, Settings, reads};
use super::{Bank, Subject, Target};
use crate::demo::receiver::Request;

/// What a server does with a connection.
#[derive(Clone, Copy, Debug)]
enum Rudeness {
    /// Closes before it has read a byte.
    Closes,
    /// Resets the connection while the request is still coming.
    ResetsTheRequest,
    /// Reads the request and resets the connection.
    ResetsInsteadOfAnAnswer,
    /// Resets the connection in the middle of a success.
    ResetsTheAnswer,
    /// Ends in good order in the middle of the answer's head.
    StopsInTheHead,
    /// Sends its answer byte by byte, and never the last.
    Drips,
    /// A success in chunks, of which the last never comes.
    LeavesOutTheLastChunk,
    /// Chunks that are none.
    BreaksTheChunks,
    /// Two different lengths for one body.
    ContradictsItself,
    /// Header after header.
    EndlessHead,
    /// A body without an end.
    EndlessBody,
    /// Another protocol's greeting.
    IsNoWebServer,
    /// The bytes by which TLS says that it expected TLS.
    WantsTls,
    /// A refusal, and behind it a success that nobody asked for: it must not be taken for the answer to the next request.
    AnswersTwice,
}

use Rudeness::*;

const ALL: [Rudeness; 14] = [
    Closes,
    ResetsTheRequest,
    ResetsInsteadOfAnAnswer,
    ResetsTheAnswer,
    StopsInTheHead,
    Drips,
    LeavesOutTheLastChunk,
    BreaksTheChunks,
    ContradictsItself,
    EndlessHead,
    EndlessBody,
    IsNoWebServer,
    WantsTls,
    AnswersTwice,
];

/// Listens, and is rude until told otherwise; then a receiver answers.
struct Host {
    url: String,
    bank: Bank,
    polite: Arc<AtomicBool>,
    met: Arc<AtomicUsize>,
    _connections: JoinSet<()>,
}

impl Host {
    async fn start(rudeness: Rudeness, subject: &Arc<dyn Subject>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let bank = Bank::open(subject).await;
        let (polite, met) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let mut connections = JoinSet::new();
        let (served, is_polite, count) = (bank.server.receiver().clone(), Arc::clone(&polite), Arc::clone(&met));
        let success: Arc<str> = String::from_utf8(subject.good(&Request::default()).body).unwrap().into();
        connections.spawn(async move {
            let mut open = JoinSet::new();
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                if is_polite.load(Ordering::SeqCst) {
                    let served = served.clone();
                    open.spawn(async move { served.serve(stream).await });
                } else {
                    count.fetch_add(1, Ordering::SeqCst);
                    let success = Arc::clone(&success);
                    // Whatever fails here is a connection that the client has given up.
                    open.spawn(async move { be(rudeness, stream, &success).await.unwrap_or_default() });
                }
            }
        });
        Self { url, bank, polite, met, _connections: connections }
    }
}

/// `success` is the body of a receipt.
async fn be(rudeness: Rudeness, mut stream: TcpStream, success: &str) -> std::io::Result<()> {
    if matches!(rudeness, Closes) {
        return Ok(());
    }
    if matches!(rudeness, ResetsTheRequest) {
        stream.read_u8().await?;
        return stream.set_zero_linger();
    }
    read_request(&mut stream).await?;
    let head = |length: usize| format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n");
    let whole = format!("{}{success}", head(success.len()));
    let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    let text = match rudeness {
        Closes | ResetsTheRequest => return Ok(()),
        ResetsInsteadOfAnAnswer => return stream.set_zero_linger(),
        ResetsTheAnswer => {
            stream.write_all(&whole.as_bytes()[..whole.len() - 2]).await?;
            return stream.set_zero_linger();
        }
        StopsInTheHead => "HTTP/1.1 200 OK\r\nContent-Len".to_owned(),
        Drips => {
            for byte in &whole.as_bytes()[..whole.len() - 1] {
                stream.write_u8(*byte).await?;
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
            return std::future::pending().await;
        }
        LeavesOutTheLastChunk => format!("{chunked}{:x}\r\n{success}\r\n", success.len()),
        BreaksTheChunks => format!("{chunked}zz\r\n{success}\r\n0\r\n\r\n"),
        ContradictsItself => format!("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 37\r\n\r\n{success}"),
        EndlessHead => {
            stream.write_all(b"HTTP/1.1 200 OK\r\n").await?;
            loop {
                stream.write_all(format!("X: {}\r\n", "x".repeat(4096)).as_bytes()).await?;
            }
        }
        EndlessBody => {
            stream.write_all(head(1 << 40).as_bytes()).await?;
            loop {
                stream.write_all(&[b' '; 4096]).await?;
            }
        }
        IsNoWebServer => "220 mail.example.com ESMTP\r\n".to_owned(),
        WantsTls => "\x15\x03\x01\x00\x02\x02\x46".to_owned(),
        AnswersTwice => format!("HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n{whole}"),
    };
    stream.write_all(text.as_bytes()).await?;
    if matches!(rudeness, AnswersTwice) {
        // The connection stays, as if it could be used again.
        return std::future::pending().await;
    }
    stream.shutdown().await
}

/// Reads until the client stops for a moment, or the whole of a request with a short body.
async fn read_request(stream: &mut TcpStream) -> std::io::Result<()> {
    let mut seen = Vec::new();
    loop {
        if stream.read_buf(&mut seen).await? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        let text = String::from_utf8_lossy(&seen);
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length = head
            .lines()
            .find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length:")?.trim().parse().ok());
        if length.is_none_or(|length: usize| body.len() >= length) {
            return Ok(());
        }
    }
}

async fn run(rudeness: Rudeness, subject: Arc<dyn Subject>) {
    let host = Host::start(rudeness, &subject).await;
    let sink = subject.sink(&Target::new(&host.url).within(Duration::from_secs(2)));
    let proof = {
        let polite = Arc::clone(&host.polite);
        Box::new(move |_| polite.load(Ordering::SeqCst))
    };
    let max_events = if subject.is_batch() { 10_000 } else { 1 };
    let crossing = Crossing::start_shared(sink, Settings { max_events, proof: Some(proof), ..Settings::default() });
    crossing.feed(reads(20));
    let name = format!("{rudeness:?}");
    crossing.until(&name, || crossing.logged("retry") >= 2 && host.met.load(Ordering::SeqCst) >= 2).await;
    host.polite.store(true, Ordering::SeqCst);
    crossing.settled().await;
    let carried = crossing.end().await;
    assert_eq!((carried.committed, carried.letters.len()), (20, 0), "{name}");
    let taken = host.bank.taken();
    assert!((0..20).all(|offset| taken.contains_key(&offset)), "{name}: {taken:?}");
    assert!(!carried.log.iter().any(|line| line == "hold" || line == "split"), "{name}: {:?}", carried.log);
}

pub(in crate::sink) async fn all(subject: Arc<dyn Subject>) {
    let cases = ALL.into_iter().map(|rudeness| run(rudeness, Arc::clone(&subject)));
    futures_util::stream::iter(cases).buffer_unordered(ALL.len()).collect::<Vec<()>>().await;
}
