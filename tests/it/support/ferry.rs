//! The program as a user sets it up: a config, secrets in the environment, commands, and a run that is watched.
//!
//! Whatever a run or a command prints is searched for the secrets it was given; a test need not ask for it.

use std::fs;
use std::net::SocketAddr;
use std::ops::{Deref, DerefMut};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use auditferry::demo::hec::TOKEN;
use serde_json::{Value, json};

use super::kafka::{Access, Kafka, fresh_name};
use super::ports::free_port;
use super::process::{self, Finished, Running};
use super::waiting::{wait_for, wait_until};

/// A pipeline's name where there is only one.
pub const PIPELINE: &str = "splunk";

const LIMIT: Duration = Duration::from_secs(40);

/// A config, as JSON, which is YAML too; tests change it before they use it.
#[derive(Clone, Debug)]
pub struct Setup {
    pub config: Value,
    admin: SocketAddr,
    name: String,
    token: String,
    kafka_secret: String,
}

impl Setup {
    /// One pipeline from a topic, over the plain listener, to a collector, without a dead-letter store.
    pub fn new(kafka: &Kafka, topic: &str, url: &str) -> Self {
        let admin = SocketAddr::from(([127, 0, 0, 1], free_port()));
        let config = json!({
            "sources": {"audit": {"kafka": {
                "bootstrap_servers": kafka.bootstrap(Access::Plaintext),
                "topics": [topic],
                // So that a client that has to start over does so at once, and not after ten seconds.
                "properties": {"reconnect.backoff.max.ms": "1000"},
            }}},
            "pipelines": {PIPELINE: {
                "source": "audit",
                "group_id": fresh_name("group"),
                "sink": {"splunk_hec": {"endpoints": [url], "delivery": "accepted", "token": "${HEC_TOKEN}"}},
            }},
            "admin": {"listen": admin.to_string()},
        });
        Self { config, admin, name: PIPELINE.to_owned(), token: TOKEN.to_owned(), kafka_secret: String::new() }
    }

    /// Reads by way of another listener.
    #[must_use]
    pub fn by(mut self, kafka: &Kafka, access: Access) -> Self {
        let (settings, secret) = client(kafka, access);
        for (name, value) in settings.as_object().expect("settings are an object") {
            self.source()[name] = value.clone();
        }
        self.kafka_secret = secret;
        self
    }

    /// Uses another HEC token.
    #[must_use]
    pub fn with_token(mut self, token: &str) -> Self {
        self.token = token.to_owned();
        self
    }

    /// Gives the pipeline another name.
    #[must_use]
    pub fn named(mut self, name: &str) -> Self {
        let pipeline = self.pipeline().take();
        self.config["pipelines"] = json!({name: pipeline});
        self.name = name.to_owned();
        self
    }

    #[must_use]
    pub fn with_letters_in(mut self, directory: &Path) -> Self {
        self.pipeline()["dead_letter"] = json!({"directory": directory});
        self
    }

    #[must_use]
    pub fn with_letter_topic(mut self, kafka: &Kafka, topic: &str) -> Self {
        let bootstrap = kafka.bootstrap(Access::Plaintext);
        self.pipeline()["dead_letter"] = json!({"topic": {"name": topic, "kafka": {"bootstrap_servers": bootstrap}}});
        self
    }

    pub fn source(&mut self) -> &mut Value {
        &mut self.config["sources"]["audit"]["kafka"]
    }

    pub fn pipeline(&mut self) -> &mut Value {
        &mut self.config["pipelines"][&self.name]
    }

    pub fn sink(&mut self) -> &mut Value {
        &mut self.pipeline()["sink"]["splunk_hec"]
    }

    pub fn group(&self) -> &str {
        self.config["pipelines"][&self.name]["group_id"].as_str().expect("every setup has a group")
    }

    pub fn start(&self) -> Ferry {
        self.start_as(process::command())
    }

    /// As [`Running::start_as`].
    pub fn start_as(&self, command: Command) -> Ferry {
        let running = Running::start_as(command, &self.config.to_string(), self.admin, &self.environment());
        Ferry { running, secrets: self.secrets() }
    }

    /// Runs a command with this config to its end.
    #[track_caller]
    pub fn run(&self, arguments: &[&str]) -> Finished {
        self.run_with(arguments, &[])
    }

    /// As [`Setup::run`], with more variables.
    #[track_caller]
    pub fn run_with(&self, arguments: &[&str], variables: &[(&str, &str)]) -> Finished {
        let home = tempfile::tempdir().expect("make a temporary directory");
        let file = home.path().join("auditferry.yaml");
        fs::write(&file, self.config.to_string()).expect("write below the temporary directory");
        let mut command = process::command();
        command.args(arguments).arg("--config").arg(&file).envs(self.environment());
        command.envs(variables.iter().copied());
        let finished = process::finish(command, LIMIT);
        assert_no_secret(&self.secrets(), &finished.stdout);
        assert_no_secret(&self.secrets(), &finished.stderr);
        finished
    }

    /// `check --online` must end with this code and print, in one of its lines, all of `words`.
    #[track_caller]
    pub fn assert_check_says(&self, code: i32, words: &[&str]) {
        let finished = self.run(&["check", "--online"]);
        let found = finished.stdout.lines().any(|line| words.iter().all(|word| line.contains(word)));
        assert!(found, "no line has all of {words:?}:\n{}{}", finished.stdout, finished.stderr);
        assert_eq!(finished.code(), Some(code), "{}{}", finished.stdout, finished.stderr);
    }

    fn environment(&self) -> Vec<(&str, &str)> {
        vec![("HEC_TOKEN", &self.token), ("KAFKA_SECRET", &self.kafka_secret)]
    }

    fn secrets(&self) -> Vec<String> {
        [&self.token, &self.kafka_secret].into_iter().filter(|secret| !secret.is_empty()).cloned().collect()
    }
}

/// How a config says to connect by way of this listener, and the secret that goes into the environment.
fn client(kafka: &Kafka, access: Access) -> (Value, String) {
    let bootstrap_servers = kafka.bootstrap(access);
    let certificates = kafka.certificates();
    let tls = json!({"trust_store": certificates.ca});
    let sasl = |mechanism, user| json!({"mechanism": mechanism, "username": user, "password": "${KAFKA_SECRET}"});
    match access {
        Access::Plaintext => (json!({"bootstrap_servers": bootstrap_servers}), String::new()),
        // What the API key of a cloud cluster stands for.
        Access::SaslSsl { mechanism: "PLAIN", login } => (
            json!({
                "bootstrap_servers": bootstrap_servers, "tls": tls,
                "api_key": login.user, "api_secret": "${KAFKA_SECRET}",
            }),
            login.password.to_owned(),
        ),
        Access::SaslSsl { mechanism, login } => (
            json!({"bootstrap_servers": bootstrap_servers, "tls": tls, "sasl": sasl(mechanism, login.user)}),
            login.password.to_owned(),
        ),
        Access::SaslPlaintext { mechanism, login } => (
            json!({
                "bootstrap_servers": bootstrap_servers, "security": "sasl_plaintext",
                "sasl": sasl(mechanism, login.user),
            }),
            login.password.to_owned(),
        ),
        Access::MutualTls => (
            json!({"bootstrap_servers": bootstrap_servers, "security": "ssl", "tls": {
                "trust_store": certificates.ca,
                "certificate_file": certificates.client_certificate,
                "key_file": certificates.client_key,
            }}),
            String::new(),
        ),
    }
}

/// A run of a [`Setup`].
#[derive(Debug)]
pub struct Ferry {
    running: Running,
    secrets: Vec<String>,
}

impl Ferry {
    /// Waits for a line of the log with this level and reason that says all of `words`, wherever in the line.
    #[track_caller]
    pub fn wait_for_line(&mut self, level: &str, reason: &str, words: &[&str]) -> Value {
        let what = format!("a line of level {level} with reason {reason} that says {words:?}");
        wait_for(LIMIT, &what, || {
            assert!(self.running.ended().is_none(), "it ended:\n{}", self.running.stderr());
            self.log().into_iter().find(|line| {
                let text = line.to_string();
                line["level"] == level && line["reason"] == reason && words.iter().all(|word| text.contains(word))
            })
        })
    }

    /// Waits for a WARN or ERROR line that says all of `words`.
    #[track_caller]
    pub fn wait_for_complaint(&mut self, words: &[&str]) -> Value {
        wait_for(LIMIT, &format!("a complaint that says {words:?}"), || {
            self.log().into_iter().find(|line| {
                let text = line.to_string();
                (line["level"] == "WARN" || line["level"] == "ERROR") && words.iter().all(|word| text.contains(word))
            })
        })
    }

    /// Waits for a line of the log with this message.
    #[track_caller]
    pub fn wait_for_message(&mut self, message: &str) -> Value {
        wait_for(LIMIT, &format!("the log says `{message}`"), || {
            assert!(self.running.ended().is_none(), "it ended:\n{}", self.running.stderr());
            self.log().into_iter().find(|line| line["msg"] == message)
        })
    }

    /// Waits until `/statusz` shows the pipeline in this state, if one is given, and with this reason.
    #[track_caller]
    pub fn wait_for_status(&self, pipeline: &str, state: Option<&str>, reason: &str) {
        let what = format!("/statusz shows {pipeline} in state {state:?} for {reason}");
        wait_until(LIMIT, &what, || {
            let Some(status) = self.status() else { return false };
            let pipelines = status["pipelines"].as_array().cloned().unwrap_or_default();
            pipelines
                .iter()
                .filter(|shown| shown["name"] == pipeline)
                .any(|shown| state.is_none_or(|state| shown["state"] == state) && shown.to_string().contains(reason))
        });
    }

    /// Asks it to stop and waits until it has, in good order.
    #[track_caller]
    pub fn stop(mut self) -> Vec<Value> {
        self.running.terminate();
        assert_eq!(self.running.wait(LIMIT), 0, "{}", self.running.stderr());
        self.log()
    }
}

impl Deref for Ferry {
    type Target = Running;

    fn deref(&self) -> &Running {
        &self.running
    }
}

impl DerefMut for Ferry {
    fn deref_mut(&mut self) -> &mut Running {
        &mut self.running
    }
}

impl Drop for Ferry {
    fn drop(&mut self) {
        if std::thread::panicking() {
            return;
        }
        for path in ["/statusz", "/metrics"] {
            let text = self.running.get(path).map(|(_, text)| text).unwrap_or_default();
            assert_no_secret(&self.secrets, &text);
        }
        assert_no_secret(&self.secrets, &self.running.stdout());
        assert_no_secret(&self.secrets, &self.running.stderr());
    }
}

#[track_caller]
fn assert_no_secret(secrets: &[String], text: &str) {
    let told = secrets.iter().any(|secret| text.contains(secret.as_str()));
    assert!(!told, "a secret was printed:\n{text}");
}

/// Waits until the group has committed these positions.
#[track_caller]
pub fn wait_for_commit(kafka: &Kafka, group: &str, topic: &str, expected: &[Option<i64>]) {
    let what = format!("group {group} has committed {expected:?}");
    wait_until(LIMIT, &what, || kafka.committed(group, topic) == expected);
}
