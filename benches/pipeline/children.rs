//! The processes of a scenario, each ended with its value: the receiver and the program itself.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use crate::receiver::Traits;
use crate::support::kafka::{Access, Kafka};

/// What the receiver has seen since the last report.
#[derive(Clone, Copy, Debug)]
pub struct Figures {
    pub events: f64,
    pub requests: f64,
    /// From the first event to the last one.
    pub seconds: f64,
    /// Quantiles of the latency: half, 99 of 100, all.
    pub latency_ms: [f64; 3],
    /// When the first event came, in seconds since 1970.
    pub first_at: f64,
    /// From the first event to the last acknowledgement that was told.
    pub seconds_to_acknowledged: f64,
}

pub struct Receiver {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    pub addresses: Vec<String>,
}

impl Receiver {
    pub fn start(traits: Traits) -> Self {
        let mut child = Command::new(std::env::current_exe().expect("this program"))
            .arg("receiver")
            .args(traits.to_arguments())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("start the receiver");
        let input = child.stdin.take().expect("a pipe");
        let output = BufReader::new(child.stdout.take().expect("a pipe"));
        let mut receiver = Self { child, input, output, addresses: Vec::new() };
        receiver.addresses = receiver.line().split(' ').map(str::to_owned).collect();
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

    pub fn report(&mut self) -> Figures {
        let figures = self.ask("report");
        let [events, requests, seconds, half, most, all, first_at, seconds_to_acknowledged] = figures[..] else {
            panic!("eight figures instead of {figures:?}");
        };
        let latency_ms = [half, most, all];
        Figures { events, requests, seconds, latency_ms, first_at, seconds_to_acknowledged }
    }

    pub fn wait_for_events(&mut self, events: u64) {
        self.wait_for("events", events);
    }

    pub fn wait_for_acknowledged(&mut self, events: u64) {
        self.wait_for("acknowledged", events);
    }

    fn wait_for(&mut self, what: &str, events: u64) {
        let deadline = Instant::now() + Duration::from_secs(300);
        while self.ask(what)[0] < events as f64 {
            assert!(Instant::now() < deadline, "{what}: {} of {events}", self.ask(what)[0]);
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Waits until nothing has arrived for a second.
    pub fn wait_for_quiet(&mut self) {
        let (mut last, mut quiet) = (-1.0, 0);
        while quiet < 20 || last < 1.0 {
            std::thread::sleep(Duration::from_millis(50));
            let now = self.ask("events")[0];
            quiet = if now == last { quiet + 1 } else { 0 };
            last = now;
        }
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        end(&mut self.child);
    }
}

/// The program, forwarding a topic.
pub struct Forwarder {
    child: Child,
    _home: tempfile::TempDir,
}

/// Lines of the configuration beyond what every scenario has.
#[derive(Clone, Default)]
pub struct Settings {
    pub sink: Vec<&'static str>,
    pub pipeline: Vec<&'static str>,
}

impl Forwarder {
    pub fn start(kafka: &Kafka, topic: &str, receiver: &Receiver, settings: &Settings) -> Self {
        let home = tempfile::tempdir().expect("a directory");
        let config = home.path().join("auditferry.yaml");
        let bootstrap = kafka.bootstrap(Access::Plaintext);
        let group = crate::support::kafka::fresh_name("bench");
        let endpoints: Vec<String> = receiver.addresses.iter().map(|address| format!("\"http://{address}\"")).collect();
        let delivery =
            if settings.sink.iter().any(|line| line.starts_with("delivery:")) { "" } else { "delivery: accepted" };
        let indented = |lines: &[&str], by: &str| lines.iter().map(|line| format!("{by}{line}\n")).collect::<String>();
        let text = format!(
            "sources:\n  audit:\n    kafka:\n      bootstrap_servers: {bootstrap}\n      topics: [{topic}]\n\
             pipelines:\n  splunk:\n    source: audit\n    group_id: {group}\n{}    sink:\n      splunk_hec:\n        \
             endpoints: [{}]\n        token: ${{TOKEN}}\n        {delivery}\n{}admin: {{listen: 127.0.0.1:0}}\n",
            indented(&settings.pipeline, "    "),
            endpoints.join(", "),
            indented(&settings.sink, "        "),
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

    pub fn id(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Forwarder {
    fn drop(&mut self) {
        end(&mut self.child);
    }
}

fn end(child: &mut Child) {
    child.kill().expect("end a child");
    child.wait().expect("end a child");
}
