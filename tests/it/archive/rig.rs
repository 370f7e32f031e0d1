//! A pipeline from a topic to an archive, and the commands around it.

use std::ops::{Deref, DerefMut};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::ferry::{Ferry, Setup};
use crate::support::kafka::{Kafka, fresh_name};
use crate::support::process::{self, Finished};
use crate::support::s3::{ACCESS_KEY, S3, SECRET_KEY};
use crate::support::waiting::wait_until;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Place {
    Directory,
    S3,
}

pub struct Rig {
    setup: Setup,
    kafka: &'static Kafka,
    topic: String,
    home: TempDir,
    /// Of the key that began the archive.
    trust: PathBuf,
}

impl Deref for Rig {
    type Target = Setup;

    fn deref(&self) -> &Setup {
        &self.setup
    }
}

impl DerefMut for Rig {
    fn deref_mut(&mut self) -> &mut Setup {
        &mut self.setup
    }
}

impl Rig {
    pub fn new(kafka: &'static Kafka, topic: &str, place: Place) -> Self {
        let home = tempfile::tempdir().unwrap();
        let mut setup = Setup::new(kafka, topic, "http://127.0.0.1:1");
        let url = match place {
            Place::Directory => home.path().join("archive").display().to_string(),
            Place::S3 => {
                let bucket = fresh_name("bucket");
                S3::shared().bucket(&bucket);
                format!("s3://{bucket}/confluent")
            }
        };
        let mut sink = json!({"url": url, "rotate": {"age": "300ms"}});
        if place == Place::S3 {
            sink["endpoint"] = json!(S3::shared().endpoint());
            sink["region"] = json!("us-east-1");
            sink["access_key_id"] = json!(ACCESS_KEY);
            sink["secret_access_key"] = json!("${STORE_SECRET}");
        }
        setup.pipeline()["sink"] = json!({"archive": sink});
        let mut rig = Self { setup, kafka, topic: topic.to_owned(), trust: PathBuf::new(), home };
        let key = rig.keygen("key");
        rig.trust = PathBuf::from(format!("{}.pub", key.display()));
        rig.sink()["sign"] = json!({"key_file": key});
        rig
    }

    pub fn keygen(&self, name: &str) -> PathBuf {
        let key = self.home.path().join(name);
        command(&["archive", "keygen", "--out", key.to_str().unwrap()], 0);
        key
    }

    pub fn sink(&mut self) -> &mut Value {
        &mut self.setup.pipeline()["sink"]["archive"]
    }

    /// The file with the public key that began the archive.
    pub fn trust(&self) -> &Path {
        &self.trust
    }

    pub fn group(&self) -> String {
        self.setup.group().to_owned()
    }

    pub fn start(&self) -> Ferry {
        let mut command = process::command();
        command.envs(ENVIRONMENT);
        self.setup.start_as(command)
    }

    /// Until every partition of the topic is archived to its end.
    #[track_caller]
    pub fn wait_until_archived(&self, limit: Duration) {
        let what = format!("all of {} is archived", self.topic);
        wait_until(limit, &what, || self.standings() == self.kafka.end_offsets(&self.topic));
    }

    /// Where the chains stand, by partition.
    pub fn standings(&self) -> Vec<i64> {
        let finished = self.command(&["archive", "show", "--format", "json"]);
        let lines = finished.stdout.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let mut standings: Vec<(i64, i64)> =
            lines.map(|line| (line["partition"].as_i64().unwrap(), line["next"].as_i64().unwrap_or(0))).collect();
        standings.sort_unstable();
        standings.into_iter().map(|(_, next)| next).collect()
    }

    pub fn verify(&self, depth: &str) -> Finished {
        self.command(&["verify", "--trust", self.trust.to_str().unwrap(), "--depth", depth])
    }

    #[track_caller]
    pub fn assert_proven(&self, depth: &str) {
        let finished = self.verify(depth);
        assert_eq!(finished.code(), Some(0), "{}{}", finished.stdout, finished.stderr);
        assert!(finished.stdout.contains("PROVEN"), "{}", finished.stdout);
    }

    /// Runs a command with this pipeline's config.
    pub fn command(&self, arguments: &[&str]) -> Finished {
        self.setup.run_with(arguments, &ENVIRONMENT)
    }

    #[track_caller]
    pub fn assert_check_says(&self, code: i32, words: &[&str]) {
        let finished = self.command(&["check", "--online"]);
        let found = finished.stdout.lines().any(|line| words.iter().all(|word| line.contains(word)));
        assert!(found, "no line has all of {words:?}:\n{}{}", finished.stdout, finished.stderr);
        assert_eq!(finished.code(), Some(code), "{}{}", finished.stdout, finished.stderr);
    }
}

const ENVIRONMENT: [(&str, &str); 2] = [("STORE_SECRET", SECRET_KEY), ("OTHER_SECRET", "another-secret-of-the-store")];

/// Runs a command that needs no config; it must end with this code.
#[track_caller]
pub fn command(arguments: &[&str], code: i32) -> Finished {
    let mut command = process::command();
    command.args(arguments);
    let finished = process::finish(command, Duration::from_secs(60));
    assert_eq!(finished.code(), Some(code), "{arguments:?}: {}{}", finished.stdout, finished.stderr);
    finished
}
