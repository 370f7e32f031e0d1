//! What is measured, and the tables that come of it.

use std::process::{Command, Stdio};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::children::{Forwarder, Receiver, Settings};
use crate::process::{cpu_of, peak_mib};
use crate::receiver::Traits;
use crate::support::kafka::{Access, Kafka};
use crate::support::samples::Numbered;

const ROUNDS: usize = 5;

/// A round of it takes as long as several acknowledgements.
const INDEXED_ROUNDS: usize = 3;

/// Runs the scenarios whose name contains one of `only`; all of them when it is empty.
pub fn run_all(only: &[&str]) {
    let events: u64 = std::env::var("BENCH_EVENTS").map_or(1_000_000, |n| n.parse().expect("BENCH_EVENTS is a number"));
    let wanted = |name: &str| only.is_empty() || only.iter().any(|part| name.contains(part));
    let kafka = Kafka::start();
    println!("# {events} sample events of 1.1 kB, {ROUNDS} rounds, medians; CPU of the whole process\n");
    println!("| scenario | bare client | auditferry | difference | rate | of bare | peak RSS |");
    println!("|---|---|---|---|---|---|---|");
    for partitions in [1, 48] {
        let shape = Shape::plain(&format!("{partitions} partition{}", if partitions == 1 { "" } else { "s" }));
        if wanted(&shape.name) {
            let topic = filled(&kafka, events, partitions);
            compare(&kafka, &topic, events, &shape);
            kafka.delete_topic(&topic);
        }
    }
    of_six_partitions(&kafka, events, &wanted);
    let indexed = indexed();
    if wanted(&indexed.name) {
        let events = INDEXED_EVENTS * events;
        let topic = filled(&kafka, events, 6);
        sustain(&kafka, &topic, events, &indexed);
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

fn of_six_partitions(kafka: &Kafka, events: u64, wanted: &impl Fn(&str) -> bool) {
    let shapes: Vec<Shape> = shapes().into_iter().filter(|shape| wanted(&shape.name)).collect();
    let pairs: Vec<Pair> = pairs().into_iter().filter(|pair| wanted(&pair.name())).collect();
    if shapes.is_empty() && pairs.is_empty() && !wanted(START_UP) {
        return;
    }
    let topic = filled(kafka, events, 6);
    shapes.iter().for_each(|shape| compare(kafka, &topic, events, shape));
    if wanted(START_UP) {
        start_up(kafka, &topic);
    }
    if !pairs.is_empty() {
        println!("\n| scenario | rate | CPU | compared with | rate | CPU | ratio of rates | of CPU |");
        println!("|---|---|---|---|---|---|---|---|");
        pairs.iter().for_each(|pair| oppose(kafka, &topic, events, pair));
    }
    kafka.delete_topic(&topic);
}

struct Shape {
    name: String,
    receiver: Traits,
    settings: Settings,
}

impl Shape {
    fn plain(name: &str) -> Self {
        Self { name: name.into(), receiver: Traits::default(), settings: Settings::default() }
    }

    fn answering_after(mut self, milliseconds: u64) -> Self {
        self.receiver.latency = Duration::from_millis(milliseconds);
        self.name = format!("{}, receiver answers after {milliseconds} ms", self.name);
        self
    }

    fn with(mut self, sink: &[&'static str]) -> Self {
        self.settings.sink.extend(sink);
        self
    }

    fn endpoints(mut self, endpoints: usize, holes: usize) -> Self {
        self.receiver = Traits { endpoints, holes, ..self.receiver };
        self
    }

    fn is_compressed(&self) -> bool {
        self.settings.sink.contains(&GZIP)
    }
}

const GZIP: &str = "compression: gzip";

/// What is measured beside the bare client.
fn shapes() -> [Shape; 3] {
    [
        Shape::plain("6 partitions"),
        Shape::plain("6 partitions").answering_after(100),
        Shape::plain("6 partitions, gzip").with(&[GZIP]),
    ]
}

/// Rate and CPU time of `this` are compared with those of `other`, round by round.
struct Pair {
    this: Shape,
    other: Shape,
}

impl Pair {
    fn name(&self) -> String {
        format!("{} / {}", self.this.name, self.other.name)
    }
}

fn pairs() -> [Pair; 3] {
    let three = || Shape::plain("three endpoints").endpoints(3, 0);
    let four = || Shape::plain("four endpoints, one a black hole").endpoints(4, 1);
    [
        Pair { this: four(), other: three() },
        Pair { this: four().answering_after(100), other: three().answering_after(100) },
        Pair { this: Shape::plain("raw").with(&["mode: raw"]), other: Shape::plain("event").with(&["mode: event"]) },
    ]
}

/// The goal is 50,000 events/s within 256 MiB. For the 10 s of the acknowledgement and the one or two until it is asked for these
/// are 600,000 events under way, of some 190 bytes each as they are held compressed.
fn indexed() -> Shape {
    let mut shape = Shape::plain("indexed, gzip, acknowledged after 10 s").with(&[GZIP, "delivery: indexed"]);
    shape.receiver.ack_latency = Some(Duration::from_secs(10));
    shape.settings.pipeline.push(INDEXED_MEMORY);
    shape
}

const INDEXED_MEMORY: &str = "in_flight_bytes: 128 MiB";

/// So many times the events of the other scenarios: the wait for the last acknowledgement must not be most of the time.
const INDEXED_EVENTS: u64 = 3;

fn filled(kafka: &Kafka, events: u64, partitions: i32) -> String {
    let topic = kafka.topic("bench", partitions);
    let numbered = Numbered::new();
    kafka.produce(&topic, events, |n| numbered.event(n), |n| (n % partitions as u64) as i32);
    topic
}

#[derive(Debug)]
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
        peak_of(&ours),
    );
}

fn oppose(kafka: &Kafka, topic: &str, events: u64, Pair { this, other }: &Pair) {
    let (mut these, mut others) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        these.push(forward(kafka, topic, events, this));
        others.push(forward(kafka, topic, events, other));
    }
    let figures = |runs: &[Run]| {
        let rate = median(runs.iter().map(|run| run.rate)) / 1000.0;
        format!("{rate:.0} k/s | {:.2} µs", median(runs.iter().map(|run| run.cpu_us)))
    };
    let ratio = |of: fn(&Run) -> f64| median(these.iter().zip(&others).map(|(this, other)| of(this) / of(other)));
    println!(
        "| {} | {} | {} | {} | {:.2} | {:.2} |",
        this.name,
        figures(&these),
        other.name,
        figures(&others),
        ratio(|run| run.rate),
        ratio(|run| run.cpu_us),
    );
}

/// The rate is over the time to the last acknowledgement, which includes the wait for the first one.
fn sustain(kafka: &Kafka, topic: &str, events: u64, shape: &Shape) {
    let runs: Vec<Run> = (0..INDEXED_ROUNDS).map(|_| forward(kafka, topic, events, shape)).collect();
    println!(
        "\n{} ({INDEXED_MEMORY}): {:.0} k/s until the last acknowledgement, CPU {:.2} µs per event, peak RSS {:.0} MiB",
        shape.name,
        median(runs.iter().map(|run| run.rate)) / 1000.0,
        median(runs.iter().map(|run| run.cpu_us)),
        peak_of(&runs),
    );
}

fn peak_of(runs: &[Run]) -> f64 {
    runs.iter().map(|run| run.peak_mib).fold(0.0, f64::max)
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

fn forward(kafka: &Kafka, topic: &str, events: u64, shape: &Shape) -> Run {
    let mut receiver = Receiver::start(shape.receiver);
    let forwarder = Forwarder::start(kafka, topic, &receiver, &shape.settings);
    let is_acknowledged = shape.receiver.ack_latency.is_some();
    match (is_acknowledged, shape.is_compressed()) {
        (true, _) => receiver.wait_for_acknowledged(events),
        // A compressed body is not counted.
        (false, true) => receiver.wait_for_quiet(),
        (false, false) => receiver.wait_for_events(events),
    }
    let (cpu, peak) = (cpu_of(forwarder.id()), peak_mib(forwarder.id()));
    let figures = receiver.report();
    let seconds = if is_acknowledged { figures.seconds_to_acknowledged } else { figures.seconds };
    Run { rate: events as f64 / seconds, cpu_us: cpu * 1e6 / events as f64, peak_mib: peak }
}

fn start_up(kafka: &Kafka, topic: &str) {
    let mut times = Vec::new();
    for _ in 0..ROUNDS {
        let mut receiver = Receiver::start(Traits::default());
        let began = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs_f64();
        let _forwarder = Forwarder::start(kafka, topic, &receiver, &Settings::default());
        receiver.wait_for_events(1);
        times.push(receiver.report().first_at - began);
    }
    println!("| {START_UP} | | {:.0} ms | | | | |", median(times.into_iter()) * 1000.0);
}

/// 300 events a second for ten seconds at defaults, each carrying its time of production.
fn latency(kafka: &Kafka) {
    let topic = kafka.topic("latency", 6);
    let mut receiver = Receiver::start(Traits::default());
    let _forwarder = Forwarder::start(kafka, &topic, &receiver, &Settings::default());
    let numbered = Numbered::new();
    let loader = kafka.load(&topic, 300, move |n| stamped(&numbered.event(n)));
    std::thread::sleep(Duration::from_secs(3));
    receiver.report();
    std::thread::sleep(Duration::from_secs(10));
    let figures = receiver.report();
    loader.stop();
    let [half, most, all] = figures.latency_ms;
    println!(
        "\n{LATENCY}, production to receiver: p50 {half:.0} ms, p99 {most:.0} ms, max {all:.0} ms ({} events in {} requests)",
        figures.events, figures.requests
    );
}

/// The event with the present as its CloudEvents `time`.
fn stamped(event: &[u8]) -> Vec<u8> {
    let text = std::str::from_utf8(event).expect("text");
    let now = jiff::Timestamp::now();
    format!("{{\"time\":\"{now:.6}\",{}", &text[1..]).into_bytes()
}
