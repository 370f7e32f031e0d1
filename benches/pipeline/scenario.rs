//! What is measured, and the table that comes of it.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::process::{cpu_of, peak_mib};
use crate::support::kafka::{Access, Kafka};
use crate::support::samples::Numbered;

const ROUNDS: usize = 5;

/// Runs the scenarios whose name contains one of `only`; all of them when it is empty.
pub fn run_all(only: &[&str]) {
    let events: u64 = std::env::var("BENCH_EVENTS").map_or(1_000_000, |n| n.parse().expect("BENCH_EVENTS is a number"));
    let wanted = |name: &str| only.is_empty() || only.iter().any(|part| name.contains(part));
    let kafka = Kafka::start();
    println!("# {events} sample events of 1.1 kB, {ROUNDS} rounds, medians; CPU of the whole process\n");
    println!("| scenario | bare client | auditferry | difference | rate | of bare | peak RSS |");
    println!("|---|---|---|---|---|---|---|");
    for (partitions, shapes) in shapes() {
        let shapes: Vec<Shape> = shapes.into_iter().filter(|shape| wanted(&shape.name)).collect();
        let starting = partitions == 6 && wanted(START_UP);
        if shapes.is_empty() && !starting {
            continue;
        }
        let topic = kafka.topic("bench", partitions);
        fill(&kafka, &topic, events, partitions);
        shapes.iter().for_each(|shape| compare(&kafka, &topic, events, shape));
        if starting {
            start_up(&kafka, &topic);
        }
        kafka.delete_topic(&topic);
    }
    if wanted(LATENCY) {
        latency(&kafka);
    }
    let size = std::fs::metadata(env!("CARGO_BIN_EXE_auditferry")).expect("the program").len();
    println!("\nbinary: {:.1} MB", size as f64 / 1e6);
}

const START_UP: &str = "start to first event delivered";
const LATENCY: &str = "latency at 300 events/s";

/// What is measured on topics of how many partitions.
fn shapes() -> Vec<(i32, Vec<Shape>)> {
    let plain = |name: &str| Shape { name: name.into(), ..Shape::default() };
    let six = vec![
        plain("6 partitions"),
        Shape { latency_ms: 100, ..plain("6 partitions, receiver answers after 100 ms") },
        Shape { gzip: true, ..plain("6 partitions, gzip") },
    ];
    vec![(6, six), (1, vec![plain("1 partition")]), (48, vec![plain("48 partitions")])]
}

#[derive(Default)]
struct Shape {
    name: String,
    latency_ms: u64,
    gzip: bool,
}

fn fill(kafka: &Kafka, topic: &str, events: u64, partitions: i32) {
    let numbered = Numbered::new();
    kafka.produce(topic, events, |n| numbered.event(n), |n| (n % partitions as u64) as i32);
}

struct Run {
    rate: f64,
    cpu_us: f64,
    peak_mib: f64,
}

fn compare(kafka: &Kafka, topic: &str, events: u64, shape: &Shape) {
    let (mut bare, mut ours) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        bare.push(drain(kafka, topic, events));
        ours.push(forward(kafka, topic, events, shape));
    }
    let bare_cpu = median(bare.iter().map(|run| run.cpu_us));
    let cpu = median(ours.iter().map(|run| run.cpu_us));
    let rate = median(ours.iter().map(|run| run.rate));
    let ratios = ours.iter().zip(&bare).map(|(ours, bare)| ours.rate / bare.rate);
    let differences = ours.iter().zip(&bare).map(|(ours, bare)| ours.cpu_us - bare.cpu_us);
    println!(
        "| {} | {bare_cpu:.2} µs | {cpu:.2} µs | {:+.2} µs | {:.0} k/s | {:.2} | {:.0} MiB |",
        shape.name,
        median(differences),
        rate / 1000.0,
        median(ratios),
        ours.iter().map(|run| run.peak_mib).fold(0.0, f64::max),
    );
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn drain(kafka: &Kafka, topic: &str, events: u64) -> Run {
    let output = Command::new(std::env::current_exe().expect("this program"))
        .args(["drain", &kafka.bootstrap(Access::Plaintext), topic, &events.to_string()])
        .stderr(Stdio::null())
        .output()
        .expect("run the drain");
    let text = String::from_utf8(output.stdout).expect("text");
    let figures: Vec<f64> = text.split_whitespace().map(|f| f.parse().expect("a number")).collect();
    Run { rate: events as f64 / figures[0], cpu_us: figures[1] * 1e6 / events as f64, peak_mib: 0.0 }
}

/// A receiver process, ended with its value.
struct Receiver {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    address: String,
}

impl Receiver {
    fn start(latency_ms: u64) -> Self {
        let mut child = Command::new(std::env::current_exe().expect("this program"))
            .args(["receiver", &latency_ms.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("start the receiver");
        let input = child.stdin.take().expect("a pipe");
        let output = BufReader::new(child.stdout.take().expect("a pipe"));
        let mut receiver = Self { child, input, output, address: String::new() };
        receiver.address = receiver.line();
        receiver
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.output.read_line(&mut line).expect("an answer");
        line.trim().to_owned()
    }

    fn ask(&mut self, what: &str) -> Vec<f64> {
        writeln!(self.input, "{what}").expect("ask the receiver");
        self.line().split(' ').map(|figure| figure.parse().expect("a number")).collect()
    }

    fn wait_for(&mut self, events: u64) {
        let deadline = Instant::now() + Duration::from_secs(120);
        while self.ask("events")[0] < events as f64 {
            assert!(Instant::now() < deadline, "the events did not arrive");
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.child.kill().expect("end the receiver");
        self.child.wait().expect("end the receiver");
    }
}

struct Forwarder {
    child: Child,
    _home: tempfile::TempDir,
}

impl Forwarder {
    fn start(kafka: &Kafka, topic: &str, address: &str, gzip: bool) -> Self {
        let home = tempfile::tempdir().expect("a directory");
        let config = home.path().join("auditferry.yaml");
        let group = crate::support::kafka::fresh_name("bench");
        let compression = if gzip { "gzip" } else { "none" };
        let text = format!(
            "sources:\n  audit:\n    kafka:\n      bootstrap_servers: {}\n      topics: [{topic}]\npipelines:\n  splunk:\n    \
             source: audit\n    group_id: {group}\n    sink:\n      splunk_hec:\n        endpoints: [\"http://{address}\"]\n        \
             delivery: accepted\n        token: ${{TOKEN}}\n        compression: {compression}\nadmin: {{listen: 127.0.0.1:0}}\n",
            kafka.bootstrap(Access::Plaintext)
        );
        std::fs::write(&config, text).expect("write the config");
        let log = std::fs::File::create(home.path().join("log")).expect("a log file");
        let child = Command::new(env!("CARGO_BIN_EXE_auditferry"))
            .args(["run", "--config"])
            .arg(&config)
            .env("TOKEN", "11111111-1111-1111-1111-111111111111")
            .stdin(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("start auditferry");
        Self { child, _home: home }
    }
}

impl Drop for Forwarder {
    fn drop(&mut self) {
        self.child.kill().expect("end auditferry");
        self.child.wait().expect("end auditferry");
    }
}

fn forward(kafka: &Kafka, topic: &str, events: u64, shape: &Shape) -> Run {
    let mut receiver = Receiver::start(shape.latency_ms);
    let forwarder = Forwarder::start(kafka, topic, &receiver.address, shape.gzip);
    if shape.gzip {
        // A compressed body is not counted; the forwarder's own counter is exact.
        wait_for_lag(&forwarder, events, &mut receiver);
    } else {
        receiver.wait_for(events);
    }
    let (cpu, peak) = (cpu_of(forwarder.child.id()), peak_mib(forwarder.child.id()));
    let figures = receiver.ask("report");
    Run { rate: events as f64 / figures[2], cpu_us: cpu * 1e6 / events as f64, peak_mib: peak }
}

/// Waits until nothing has arrived for a second.
fn wait_for_lag(_forwarder: &Forwarder, _events: u64, receiver: &mut Receiver) {
    let (mut last, mut quiet) = (-1.0, 0);
    while quiet < 20 || last < 1.0 {
        std::thread::sleep(Duration::from_millis(50));
        let now = receiver.ask("events")[0];
        quiet = if now == last { quiet + 1 } else { 0 };
        last = now;
    }
}

fn start_up(kafka: &Kafka, topic: &str) {
    let mut times = Vec::new();
    for _ in 0..ROUNDS {
        let mut receiver = Receiver::start(0);
        let began = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs_f64();
        let _forwarder = Forwarder::start(kafka, topic, &receiver.address, false);
        receiver.wait_for(1);
        times.push(receiver.ask("report")[6] - began);
    }
    println!("| {START_UP} | | {:.0} ms | | | | |", median(times.into_iter()) * 1000.0);
}

/// 300 events a second for ten seconds at defaults, each carrying its time of production.
fn latency(kafka: &Kafka) {
    let topic = kafka.topic("latency", 6);
    let mut receiver = Receiver::start(0);
    let _forwarder = Forwarder::start(kafka, &topic, &receiver.address, false);
    let numbered = Numbered::new();
    let loader = kafka.load(&topic, 300, move |n| stamped(&numbered.event(n)));
    std::thread::sleep(Duration::from_secs(3));
    receiver.ask("report");
    std::thread::sleep(Duration::from_secs(10));
    let figures = receiver.ask("report");
    loader.stop();
    println!(
        "\n{LATENCY}, production to receiver: p50 {:.0} ms, p99 {:.0} ms, max {:.0} ms ({} events in {} requests)",
        figures[3], figures[4], figures[5], figures[0], figures[1]
    );
}

/// The event with the present as its CloudEvents `time`.
fn stamped(event: &[u8]) -> Vec<u8> {
    let text = std::str::from_utf8(event).expect("text");
    let now = jiff::Timestamp::now();
    format!("{{\"time\":\"{now:.6}\",{}", &text[1..]).into_bytes()
}
