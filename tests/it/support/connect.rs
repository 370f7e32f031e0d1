//! Kafka Connect's own runtime: a standalone worker that runs one sink connector and commits its offsets as Connect does.
//!
//! What the connector does with the records does not matter to the offsets: the framework commits, in the group
//! `connect-NAME`, what its consumer has handed over. So Kafka's `FileStreamSinkConnector` stands in for the one that sends to
//! Splunk: it writes each value as a line into a file, where a test can count what Connect has taken.

use std::fs::{self, File};
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::child::{self, Guarded};
use super::kafka::Kafka;
use super::ports::free_port;

const LIMIT: Duration = Duration::from_secs(60);

#[derive(Debug)]
pub struct Connect {
    worker: Guarded,
    home: TempDir,
}

impl Connect {
    /// Starts a worker with the text of a `worker.properties` and the JSON of a connector, whose class is replaced.
    pub fn start(kafka: &Kafka, worker: &str, connector: &Value) -> Self {
        let home = tempfile::tempdir().expect("make a temporary directory");
        let mut connector = connector.clone();
        connector["config"]["connector.class"] = json!("org.apache.kafka.connect.file.FileStreamSinkConnector");
        connector["config"]["file"] = json!(home.path().join("taken"));
        // Classes are found through their jars' service files: searching all of them would take seconds.
        let of_this_process = format!(
            "plugin.discovery=service_load\nlisteners=http://127.0.0.1:{}\noffset.storage.file.filename={}\n",
            free_port(),
            home.path().join("offsets").display()
        );
        fs::write(home.path().join("worker.properties"), format!("{worker}\n{of_this_process}")).expect("writable");
        fs::write(home.path().join("connector.json"), connector.to_string()).expect("writable");
        let log = File::create(home.path().join("log")).expect("write below the temporary directory");
        let mut command = kafka.java("org.apache.kafka.connect.cli.ConnectStandalone");
        command.args(["worker.properties", "connector.json"]).current_dir(home.path()).stdin(Stdio::null());
        command.stdout(log.try_clone().expect("a file can be shared")).stderr(log);
        let worker = Guarded::spawn(&mut command, Some(home.path()));
        Self { worker, home }
    }

    /// The values that the connector has been given, in the order of their arrival.
    pub fn taken(&self) -> Vec<String> {
        let text = fs::read_to_string(self.path("taken")).unwrap_or_default();
        // The last line may be one that is being written.
        text.split_inclusive('\n').filter_map(|line| line.strip_suffix('\n')).map(str::to_owned).collect()
    }

    /// Panics, with what the worker has printed, when it has ended by itself.
    #[track_caller]
    pub fn assert_runs(&mut self) {
        if let Some(status) = self.worker.ended() {
            panic!("the Connect worker ended ({}):\n{}", child::describe(status), self.log());
        }
    }

    /// Stops the worker as an operator does (SIGTERM), so that it commits and leaves its group. What it has taken.
    #[track_caller]
    pub fn stop(mut self) -> Vec<String> {
        self.worker.signal("TERM");
        self.worker.wait(LIMIT);
        self.taken()
    }

    fn log(&self) -> String {
        fs::read_to_string(self.path("log")).unwrap_or_else(|error| format!("(no log: {error})"))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }
}
