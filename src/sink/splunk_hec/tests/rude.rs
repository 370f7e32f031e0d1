//! Servers that break the rules below HEC: of HTTP, of TCP, of patience. No connection of theirs is a receipt.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use futures_util::StreamExt;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::rig::{Crossing, Settings, reads};
use super::*;

const SUCCESS: &str = r#"{"text":"Success","code":0,"ackId":0}"#;

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

/// Listens, and is rude until told otherwise; then a collector answers.
struct Host {
    url: String,
    hec: Hec,
    polite: Arc<AtomicBool>,
    met: Arc<AtomicUsize>,
    _connections: JoinSet<()>,
}

impl Host {
    async fn start(rudeness: Rudeness, token: Token) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let hec = Hec::new(HecOptions { tokens: vec![token], ..HecOptions::default() });
        let (polite, met) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let mut connections = JoinSet::new();
        let (served, is_polite, count) = (hec.clone(), Arc::clone(&polite), Arc::clone(&met));
        connections.spawn(async move {
            let mut open = JoinSet::new();
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                if is_polite.load(Ordering::SeqCst) {
                    let served = served.clone();
                    open.spawn(async move { served.serve(stream).await });
                } else {
                    count.fetch_add(1, Ordering::SeqCst);
                    // Whatever fails here is a connection that the client has given up.
                    open.spawn(async move { be(rudeness, stream).await.unwrap_or_default() });
                }
            }
        });
        Self { url, hec, polite, met, _connections: connections }
    }
}

async fn be(rudeness: Rudeness, mut stream: TcpStream) -> std::io::Result<()> {
    if matches!(rudeness, Closes) {
        return Ok(());
    }
    if matches!(rudeness, ResetsTheRequest) {
        stream.read_u8().await?;
        return stream.set_zero_linger();
    }
    read_request(&mut stream).await?;
    let head = |length: usize| format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n");
    let whole = format!("{}{SUCCESS}", head(SUCCESS.len()));
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
        LeavesOutTheLastChunk => format!("{chunked}{:x}\r\n{SUCCESS}\r\n", SUCCESS.len()),
        BreaksTheChunks => format!("{chunked}zz\r\n{SUCCESS}\r\n0\r\n\r\n"),
        ContradictsItself => format!("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 37\r\n\r\n{SUCCESS}"),
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

async fn run((rudeness, level): (Rudeness, DeliveryLevel)) {
    let token = match level {
        DeliveryLevel::Accepted => Token::new(TOKEN),
        DeliveryLevel::Indexed => Token::new(TOKEN).with_acknowledgement(),
    };
    let host = Host::start(rudeness, token).await;
    let config = HecConfig { delivery: level, transport: transport(Duration::from_secs(2)), ..config(&[&host.url]) };
    let proof = {
        let polite = Arc::clone(&host.polite);
        Box::new(move |_| polite.load(Ordering::SeqCst))
    };
    let settings = Settings { proof: Some(proof), ..Settings::default() };
    let crossing = Crossing::start(SplunkHec::new(&config).unwrap(), settings);
    crossing.feed(reads(20));
    let name = format!("{rudeness:?}, {level:?}");
    crossing.until(&name, || crossing.logged("retry") >= 2 && host.met.load(Ordering::SeqCst) >= 2).await;
    host.polite.store(true, Ordering::SeqCst);
    crossing.settled().await;
    let carried = crossing.end().await;
    assert_eq!((carried.committed, carried.letters.len()), (20, 0), "{name}");
    assert_eq!(host.hec.missing("audit", 0, 0..20), Vec::<i64>::new(), "{name}");
    assert!(!carried.log.iter().any(|line| line == "hold" || line == "split"), "{name}: {:?}", carried.log);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_connection_that_breaks_the_rules_brings_a_receipt_and_delivery_goes_on_afterwards() {
    let cases = ALL
        .into_iter()
        .flat_map(|rudeness| [DeliveryLevel::Accepted, DeliveryLevel::Indexed].map(|level| (rudeness, level)));
    futures_util::stream::iter(cases.map(run)).buffer_unordered(ALL.len()).collect::<Vec<()>>().await;
}
