//! A HEC that only counts: events by their line breaks, latencies by the `time` of their envelopes.
//!
//! A thread per connection and no HTTP library, so that the machine's two cores are left to what is measured. It serves one
//! or more addresses, of which some may be holes: they accept connections and never answer. With a latency of acknowledgement
//! it gives identifiers and answers them with `true` once, after that time; then it also counts events of compressed bodies.
//!
//! Prints its addresses in one line, then answers on standard input: `events` with the number of events so far; `report` with one
//! line of figures ([`Figures`](crate::children::Figures) reads them).

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use flate2::bufread::GzDecoder;

/// What the receiver is like.
#[derive(Clone, Copy, Debug)]
pub struct Traits {
    pub endpoints: usize,
    /// That many of `endpoints`, the last ones, never answer.
    pub holes: usize,
    pub latency: Duration,
    /// `None`: no acknowledgement.
    pub ack_latency: Option<Duration>,
}

impl Default for Traits {
    fn default() -> Self {
        Self { endpoints: 1, holes: 0, latency: Duration::ZERO, ack_latency: None }
    }
}

impl Traits {
    pub fn to_arguments(self) -> [String; 4] {
        let ack = self.ack_latency.map_or("none".into(), |latency| latency.as_millis().to_string());
        [self.endpoints.to_string(), self.holes.to_string(), self.latency.as_millis().to_string(), ack]
    }

    pub fn from_arguments(arguments: &[&str; 4]) -> Self {
        let [endpoints, holes, latency, ack] = arguments;
        let number = |text: &str| text.parse().expect("a number");
        let milliseconds = |text: &str| Duration::from_millis(number(text));
        Self {
            endpoints: endpoints.parse().expect("a number"),
            holes: holes.parse().expect("a number"),
            latency: milliseconds(latency),
            ack_latency: (*ack != "none").then(|| milliseconds(ack)),
        }
    }
}

#[derive(Default)]
struct Seen {
    events: u64,
    requests: u64,
    first: Option<(Instant, SystemTime)>,
    last: Option<Instant>,
    latencies_ms: Vec<f64>,
    channels: BTreeMap<String, Channel>,
    /// Events whose acknowledgement was told.
    acknowledged: u64,
    last_acknowledged: Option<Instant>,
}

#[derive(Default)]
struct Channel {
    next: u64,
    /// Identifiers that were not yet told to be safe: since when they are, and events of the request.
    safe_at: BTreeMap<u64, (Instant, u64)>,
}

static SEEN: Mutex<Option<Seen>> = Mutex::new(None);

fn with_seen<T>(act: impl FnOnce(&mut Seen) -> T) -> T {
    let mut seen: MutexGuard<'_, Option<Seen>> = SEEN.lock().unwrap();
    act(seen.get_or_insert_default())
}

pub fn run(traits: Traits) {
    let mut addresses: Vec<SocketAddr> = Vec::new();
    for at in 0..traits.endpoints {
        let listener = TcpListener::bind("127.0.0.1:0").expect("listen");
        addresses.push(listener.local_addr().expect("an address"));
        let is_hole = at + traits.holes >= traits.endpoints;
        std::thread::spawn(move || accept(&listener, traits, is_hole));
    }
    println!("{}", addresses.iter().map(SocketAddr::to_string).collect::<Vec<_>>().join(" "));
    for line in std::io::stdin().lock().lines() {
        match line.expect("a command").as_str() {
            "events" => println!("{}", with_seen(|seen| seen.events)),
            "acknowledged" => println!("{}", with_seen(|seen| seen.acknowledged)),
            _ => report(),
        }
    }
}

fn accept(listener: &TcpListener, traits: Traits, is_hole: bool) {
    let mut swallowed = Vec::new();
    for stream in listener.incoming() {
        let stream = stream.expect("a connection");
        if is_hole {
            swallowed.push(stream);
        } else {
            std::thread::spawn(move || serve(stream, traits));
        }
    }
}

/// What matters of a request's head.
#[derive(Default)]
struct Head {
    path: String,
    length: usize,
    channel: String,
    gzip: bool,
}

fn serve(mut stream: TcpStream, traits: Traits) {
    stream.set_nodelay(true).expect("a socket");
    let mut reader = BufReader::with_capacity(1 << 18, stream.try_clone().expect("a socket"));
    while let Some(head) = read_head(&mut reader) {
        let text = match head.path.as_str() {
            path if path.ends_with("/health") || path.contains("/health?") => {
                r#"{"text":"HEC is healthy","code":17}"#.to_owned()
            }
            path if path.ends_with("/ack") => acknowledge(&mut reader, &head),
            _ => take(&mut reader, &head, traits),
        };
        let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length:";
        if stream.write_all(format!("{head} {}\r\n\r\n{text}", text.len()).as_bytes()).is_err() {
            return;
        }
    }
}

fn take(reader: &mut impl BufRead, head: &Head, traits: Traits) -> String {
    let (events, latencies) = match traits.ack_latency {
        Some(_) if head.gzip => (read_compressed(reader, head.length), Vec::new()),
        Some(_) | None => read_body(reader, head.length),
    };
    note(events, latencies);
    std::thread::sleep(traits.latency);
    let Some(latency) = traits.ack_latency else { return r#"{"text":"Success","code":0}"#.into() };
    let id = with_seen(|seen| {
        let channel = seen.channels.entry(head.channel.clone()).or_default();
        channel.next += 1;
        channel.safe_at.insert(channel.next, (Instant::now() + latency, events));
        channel.next
    });
    format!(r#"{{"text":"Success","code":0,"ackId":{id}}}"#)
}

/// Answers a query for acknowledgements; each `true` is told once.
fn acknowledge(reader: &mut impl BufRead, head: &Head) -> String {
    let mut body = vec![0; head.length];
    reader.read_exact(&mut body).expect("a body");
    let ids =
        body.split(|byte| !byte.is_ascii_digit()).filter_map(|digits| std::str::from_utf8(digits).ok()?.parse().ok());
    let now = Instant::now();
    let answers: Vec<String> = with_seen(|seen| {
        let channel = seen.channels.entry(head.channel.clone()).or_default();
        let tell = |id: u64| {
            let safe = channel.safe_at.get(&id).filter(|(at, _)| *at <= now).copied();
            if let Some((_, events)) = safe {
                channel.safe_at.remove(&id);
                seen.acknowledged += events;
                seen.last_acknowledged = Some(now);
            }
            format!("\"{id}\":{}", safe.is_some())
        };
        ids.map(tell).collect()
    });
    format!(r#"{{"acks":{{{}}}}}"#, answers.join(","))
}

fn read_head(reader: &mut impl BufRead) -> Option<Head> {
    let (mut head, mut line) = (Head::default(), String::new());
    reader.read_line(&mut line).ok()?;
    head.path = line.split(' ').nth(1)?.to_owned();
    loop {
        line.clear();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        if line == "\r\n" {
            return Some(head);
        }
        let Some((name, value)) = line.split_once(':') else { continue };
        match name.to_ascii_lowercase().as_str() {
            "content-length" => head.length = value.trim().parse().expect("a length"),
            "content-encoding" => head.gzip = value.trim() == "gzip",
            "x-splunk-request-channel" => value.trim().clone_into(&mut head.channel),
            _ => {}
        }
    }
}

/// Counts line breaks; of small bodies it also reads the envelopes' times.
fn read_body(reader: &mut impl BufRead, length: usize) -> (u64, Vec<f64>) {
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

/// Counts line breaks of a compressed body.
fn read_compressed(reader: &mut impl BufRead, length: usize) -> u64 {
    let mut body = vec![0; length];
    reader.read_exact(&mut body).expect("a body");
    let (mut decoder, mut chunk, mut events) = (GzDecoder::new(&body[..]), vec![0; 1 << 16], 0);
    loop {
        match decoder.read(&mut chunk).expect("gzip") {
            0 => return events,
            read => events += memchr_count(&chunk[..read]),
        }
    }
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
    with_seen(|seen| {
        seen.first.get_or_insert_with(|| (Instant::now(), SystemTime::now()));
        seen.last = Some(Instant::now());
        seen.events += events;
        seen.requests += 1;
        seen.latencies_ms.extend(latencies);
    });
}

fn report() {
    let mut seen = with_seen(std::mem::take);
    seen.latencies_ms.sort_by(f64::total_cmp);
    let quantile = |q: f64| {
        let at = (seen.latencies_ms.len() as f64 * q) as usize;
        seen.latencies_ms.get(at.min(seen.latencies_ms.len().saturating_sub(1))).copied().unwrap_or(f64::NAN)
    };
    let since_first = |at: Option<Instant>| match (seen.first, at) {
        (Some((first, _)), Some(at)) => at.duration_since(first).as_secs_f64(),
        _ => f64::NAN,
    };
    let first_at = seen.first.map_or(0.0, |(_, at)| at.duration_since(UNIX_EPOCH).unwrap().as_secs_f64());
    println!(
        "{} {} {} {} {} {} {first_at} {}",
        seen.events,
        seen.requests,
        since_first(seen.last),
        quantile(0.5),
        quantile(0.99),
        quantile(1.0),
        since_first(seen.last_acknowledged),
    );
}
