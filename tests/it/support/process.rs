//! The real `auditferry` program as a process: started with a config, watched over HTTP, killed.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

use super::child::{self, Guarded};
use super::ports::free_port;
use super::waiting::{wait_for, wait_until};

const HTTP_LIMIT: Duration = Duration::from_secs(5);

/// The program, with none of the `AUDITFERRY_` variables that the developer's shell may hold.
pub fn command() -> Command {
    let mut command = Command::new(PROGRAM);
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("AUDITFERRY_") {
            command.env_remove(name);
        }
    }
    command
}

/// A run that has ended.
#[derive(Debug)]
pub struct Finished {
    pub status: ExitStatus,
    pub stdout: String,
    /// Standard output as it is; `stdout` shows what is not UTF-8 as replacement characters.
    pub stdout_bytes: Vec<u8>,
    pub stderr: String,
}

impl Finished {
    /// The exit code; a signal has none.
    pub fn code(&self) -> Option<i32> {
        self.status.code()
    }
}

/// The program's file.
pub const PROGRAM: &str = env!("CARGO_BIN_EXE_auditferry");

/// Runs the program with `arguments` to its end, without input. Panics when it takes longer than `limit`.
#[track_caller]
pub fn run_to_end<A: AsRef<std::ffi::OsStr>>(arguments: impl IntoIterator<Item = A>, limit: Duration) -> Finished {
    let mut command = command();
    command.args(arguments);
    finish(command, limit)
}

/// Runs a prepared [`command`] to its end, without input. Panics when it takes longer than `limit`.
#[track_caller]
pub fn finish(mut command: Command, limit: Duration) -> Finished {
    let home = tempfile::tempdir().expect("make a temporary directory");
    let mut child = spawn(&mut command, home.path());
    let status = child.wait(limit);
    let stdout_bytes = fs::read(home.path().join("stdout")).unwrap_or_default();
    let stdout = String::from_utf8_lossy(&stdout_bytes).into_owned();
    Finished { status, stdout, stdout_bytes, stderr: read(&home.path().join("stderr")) }
}

/// `auditferry run` with a config, until it is told to stop, killed or dropped.
#[derive(Debug)]
pub struct Running {
    child: Guarded,
    admin: SocketAddr,
    home: TempDir,
}

impl Running {
    /// Starts the program with the text of a config. An `admin` section with a free port is added when there is none;
    /// with one, its address must be given to [`Running::start_with`] instead.
    pub fn start(config: &str) -> Self {
        let admin = SocketAddr::from(([127, 0, 0, 1], free_port()));
        Self::start_with(&format!("{config}\nadmin: {{listen: \"{admin}\"}}\n"), admin, &[])
    }

    /// Starts the program with a complete config, the admin address in it, and environment variables.
    pub fn start_with(config: &str, admin: SocketAddr, environment: &[(&str, &str)]) -> Self {
        Self::start_as(command(), config, admin, environment)
    }

    /// Starts the program by way of another one: `command` ends in a [`command`] or in what executes one.
    pub fn start_as(mut command: Command, config: &str, admin: SocketAddr, environment: &[(&str, &str)]) -> Self {
        let home = tempfile::tempdir().expect("make a temporary directory");
        let file = home.path().join("auditferry.yaml");
        fs::write(&file, config).expect("write below the temporary directory");
        command.args(["run", "--config"]).arg(&file).envs(environment.iter().copied());
        let child = spawn(&mut command, home.path());
        Self { child, admin, home }
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// What it has written to standard error so far: the log.
    pub fn stderr(&self) -> String {
        read(&self.home.path().join("stderr"))
    }

    pub fn stdout(&self) -> String {
        read(&self.home.path().join("stdout"))
    }

    /// The log's lines that are JSON objects.
    pub fn log(&self) -> Vec<Value> {
        self.stderr().lines().filter_map(|line| serde_json::from_str(line).ok()).filter(Value::is_object).collect()
    }

    /// Panics if the log has a WARN or ERROR line that contains none of `expected`.
    #[track_caller]
    pub fn assert_no_complaint_but(&self, expected: &[&str]) {
        let log = self.stderr();
        let complaint = |line: &&str| line.contains("WARN") || line.contains("ERROR");
        let unexpected = |line: &&str| !expected.iter().any(|text| line.contains(text));
        let lines: Vec<&str> = log.lines().filter(complaint).filter(unexpected).collect();
        assert!(lines.is_empty(), "unexpected WARN or ERROR in the log:\n{}", lines.join("\n"));
    }

    /// Ends it as a crash does (SIGKILL), and reaps it.
    pub fn kill_9(&mut self) {
        self.child.kill();
    }

    /// Asks it to stop (SIGTERM) without waiting.
    pub fn terminate(&mut self) {
        self.child.signal("TERM");
    }

    /// Sends a signal by its name: `INT`, `STOP`, `CONT`.
    pub fn signal(&mut self, name: &str) {
        self.child.signal(name);
    }

    /// How it ended, if it has.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.ended()
    }

    /// Waits for its end and gives the exit code. Panics after `limit`, or when a signal ended it.
    #[track_caller]
    pub fn wait(&mut self, limit: Duration) -> i32 {
        let status = self.child.wait(limit);
        status.code().unwrap_or_else(|| panic!("it ended by {}", child::describe(status)))
    }

    /// One HTTP GET at the admin port: status code and body. `None` while nothing answers there.
    pub fn get(&self, path: &str) -> Option<(u16, String)> {
        get(self.admin, path)
    }

    /// Waits until `/readyz` answers 200. Panics, with the log, when the program ends instead.
    #[track_caller]
    pub fn wait_until_ready(&mut self, limit: Duration) {
        wait_for(limit, "/readyz answers 200", || {
            if let Some(status) = self.ended() {
                panic!("it ended ({}):\n{}", child::describe(status), self.stderr());
            }
            self.get("/readyz").filter(|(code, _)| *code == 200)
        });
    }

    /// The metrics now; `None` while nothing answers.
    pub fn metrics(&self) -> Option<Metrics> {
        self.get("/metrics").filter(|(code, _)| *code == 200).map(|(_, text)| Metrics::parse(&text))
    }

    /// Waits until the metric's sum over all series with these labels satisfies `condition`.
    #[track_caller]
    pub fn wait_for_metric(
        &self,
        limit: Duration,
        name: &str,
        labels: &[(&str, &str)],
        condition: impl Fn(f64) -> bool,
    ) {
        let what = format!("metric {name} {labels:?} is as expected");
        wait_until(limit, &what, || self.metrics().is_some_and(|metrics| condition(metrics.sum(name, labels))));
    }

    /// `/statusz` now; `None` while nothing answers.
    pub fn status(&self) -> Option<Value> {
        self.get("/statusz").and_then(|(_, text)| serde_json::from_str(&text).ok())
    }

    /// Resident memory in bytes; 0 when the process has ended.
    pub fn resident_bytes(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.id())).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kib = line.and_then(|rest| rest.trim().strip_suffix("kB")).and_then(|number| number.trim().parse().ok());
        kib.map_or(0, |kib: u64| kib * 1024)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let log = self.stderr();
            let tail: Vec<&str> = log.lines().rev().take(40).collect();
            eprintln!("--- the end of the program's log");
            for line in tail.iter().rev() {
                eprintln!("{line}");
            }
        }
    }
}

/// A scrape in Prometheus' text format.
#[derive(Debug)]
pub struct Metrics(Vec<Series>);

#[derive(Debug)]
struct Series {
    name: String,
    labels: Vec<(String, String)>,
    value: f64,
}

impl Metrics {
    pub fn parse(text: &str) -> Self {
        Self(text.lines().filter(|line| !line.starts_with('#')).filter_map(Series::parse).collect())
    }

    /// The sum over all series of this name that have these labels, whatever others they have; 0 when there is none.
    pub fn sum(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        self.matching(name, labels).map(|series| series.value).sum()
    }

    /// The value, if exactly one series of this name has these labels.
    pub fn value(&self, name: &str, labels: &[(&str, &str)]) -> Option<f64> {
        let mut found = self.matching(name, labels);
        let first = found.next()?;
        found.next().is_none().then_some(first.value)
    }

    fn matching<'a>(&'a self, name: &'a str, labels: &'a [(&str, &str)]) -> impl Iterator<Item = &'a Series> {
        self.0.iter().filter(move |series| series.name == name).filter(move |series| {
            let has = |wanted: &(&str, &str)| series.labels.iter().any(|(k, v)| (k.as_str(), v.as_str()) == *wanted);
            labels.iter().all(has)
        })
    }
}

impl Series {
    /// `name{label="value",...} number`; the label values of this program hold neither quotes nor backslashes nor commas.
    fn parse(line: &str) -> Option<Self> {
        let (series, value) = line.rsplit_once(' ')?;
        let value = value.parse().ok()?;
        let (name, labels) = match series.split_once('{') {
            None => (series, ""),
            Some((name, rest)) => (name, rest.strip_suffix('}')?),
        };
        let pair = |text: &str| {
            let (key, quoted) = text.split_once('=')?;
            Some((key.to_owned(), quoted.trim_matches('"').to_owned()))
        };
        let labels = labels.split(',').filter(|text| !text.is_empty()).map(pair).collect::<Option<_>>()?;
        Some(Self { name: name.to_owned(), labels, value })
    }
}

/// One HTTP GET: status code and body. `None` when nothing answers in time.
pub fn get(address: SocketAddr, path: &str) -> Option<(u16, String)> {
    let mut stream = TcpStream::connect_timeout(&address, HTTP_LIMIT).ok()?;
    stream.set_read_timeout(Some(HTTP_LIMIT)).ok()?;
    // HTTP/1.0: the answer ends with the connection and is never chunked.
    write!(stream, "GET {path} HTTP/1.0\r\nHost: {address}\r\n\r\n").ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    let (head, body) = answer.split_once("\r\n\r\n")?;
    let code = head.split(' ').nth(1)?.parse().ok()?;
    Some((code, body.to_owned()))
}

fn spawn(command: &mut Command, home: &Path) -> Guarded {
    let file = |name: &str| File::create(home.join(name)).expect("write below the temporary directory");
    command.stdin(Stdio::null()).stdout(file("stdout")).stderr(file("stderr"));
    Guarded::spawn(command, Some(home))
}

fn read(path: &PathBuf) -> String {
    fs::read(path).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
}
