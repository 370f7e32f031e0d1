//! A HEC that only counts: events by their line breaks, latencies by the `time` of their envelopes.
//!
//! A thread per connection and no HTTP library, so that the machine's two cores are left to what is measured. Prints its
//! address, then answers `report` on standard input with one line: events, requests, seconds from the first to the last
//! event, and quantiles of the latency in milliseconds. `events` prints the number of events so far.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Mutex;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

#[derive(Default)]
struct Seen {
    events: u64,
    requests: u64,
    first: Option<(Instant, SystemTime)>,
    last: Option<Instant>,
    latencies_ms: Vec<f64>,
}

static SEEN: Mutex<Option<Seen>> = Mutex::new(None);
const ANSWER: &[u8] =
    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 27\r\n\r\n{\"text\":\"Success\",\"code\":0}";

pub fn run(latency_ms: u64) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("listen");
    println!("{}", listener.local_addr().expect("an address"));
    *SEEN.lock().unwrap() = Some(Seen::default());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let stream = stream.expect("a connection");
            std::thread::spawn(move || serve(stream, Duration::from_millis(latency_ms)));
        }
    });
    for line in std::io::stdin().lock().lines() {
        match line.expect("a command").as_str() {
            "events" => println!("{}", SEEN.lock().unwrap().as_ref().unwrap().events),
            _ => report(),
        }
    }
}

fn serve(mut stream: TcpStream, latency: Duration) {
    stream.set_nodelay(true).expect("a socket");
    let mut reader = BufReader::with_capacity(1 << 18, stream.try_clone().expect("a socket"));
    while let Some(length) = read_head(&mut reader) {
        let (events, latencies) = read_body(&mut reader, length);
        note(events, latencies);
        std::thread::sleep(latency);
        if stream.write_all(ANSWER).is_err() {
            return;
        }
    }
}

/// Reads a request's head; the length of its body.
fn read_head(reader: &mut impl BufRead) -> Option<usize> {
    let (mut length, mut line) = (None, String::new());
    loop {
        line.clear();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        if line == "\r\n" {
            return length;
        }
        if let Some((name, value)) = line.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            length = value.trim().parse().ok();
        }
    }
}

/// Counts line breaks; of small bodies it also reads the envelopes' times.
fn read_body(reader: &mut (impl BufRead + Read), length: usize) -> (u64, Vec<f64>) {
    let (mut left, mut events, mut small) = (length, 0u64, Vec::new());
    while left > 0 {
        let chunk = reader.fill_buf().expect("a body");
        let take = chunk.len().min(left);
        assert!(take > 0, "the body ended early");
        events += memchr_count(&chunk[..take]);
        if length < 200_000 {
            small.extend_from_slice(&chunk[..take]);
        }
        reader.consume(take);
        left -= take;
    }
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs_f64();
    let times = small.split(|b| *b == b'\n').filter_map(time_of);
    (events, times.map(|time| (now - time) * 1000.0).collect())
}

fn memchr_count(bytes: &[u8]) -> u64 {
    bytes.iter().map(|b| u64::from(*b == b'\n')).sum()
}

fn time_of(line: &[u8]) -> Option<f64> {
    let rest = line.strip_prefix(b"{\"time\":")?;
    let end = rest.iter().position(|b| *b == b',')?;
    std::str::from_utf8(&rest[..end]).ok()?.parse().ok()
}

fn note(events: u64, latencies: Vec<f64>) {
    let mut seen = SEEN.lock().unwrap();
    let seen = seen.as_mut().unwrap();
    seen.first.get_or_insert_with(|| (Instant::now(), SystemTime::now()));
    seen.last = Some(Instant::now());
    seen.events += events;
    seen.requests += 1;
    seen.latencies_ms.extend(latencies);
}

fn report() {
    let mut seen = SEEN.lock().unwrap();
    let mut seen = std::mem::take(seen.as_mut().unwrap());
    seen.latencies_ms.sort_by(f64::total_cmp);
    let quantile = |q: f64| {
        let at = (seen.latencies_ms.len() as f64 * q) as usize;
        seen.latencies_ms.get(at.min(seen.latencies_ms.len().saturating_sub(1))).copied().unwrap_or(f64::NAN)
    };
    let seconds = match (seen.first, seen.last) {
        (Some((first, _)), Some(last)) => last.duration_since(first).as_secs_f64(),
        _ => f64::NAN,
    };
    let first_at = seen.first.map_or(0.0, |(_, at)| at.duration_since(UNIX_EPOCH).unwrap().as_secs_f64());
    println!(
        "{} {} {seconds} {} {} {} {first_at}",
        seen.events,
        seen.requests,
        quantile(0.5),
        quantile(0.99),
        quantile(1.0)
    );
}
