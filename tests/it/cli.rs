//! The program as a person or a script meets it: exit codes, help, and what goes where.

mod check_online;
mod deadletter;
mod transforms;

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use auditferry::demo::hec::{HecOptions, HecStandIn, TOKEN};
use tempfile::TempDir;

use crate::support::kafka::Kafka;
use crate::support::ports::free_port;
use crate::support::process::{Finished, command, finish};

const LIMIT: Duration = Duration::from_secs(90);

/// A configuration of one pipeline, `splunk`, in a directory of its own.
struct Setup {
    home: TempDir,
    kafka: String,
    hec: String,
    dead_letter: String,
}

impl Setup {
    /// Everything at addresses where nobody listens; letters go to a directory.
    fn nowhere() -> Self {
        let home = tempfile::tempdir().unwrap();
        let kafka = format!("bootstrap_servers: 127.0.0.1:{}\n      topics: [audit]", free_port());
        let hec = format!("http://127.0.0.1:{}", free_port());
        let dead_letter = format!("directory: {}", home.path().join("letters").display());
        Self { home, kafka, hec, dead_letter }
    }

    fn path(&self) -> PathBuf {
        let text = format!(
            "sources:\n  audit:\n    kafka:\n      {}\npipelines:\n  splunk:\n    source: audit\n    group_id: {}\n    sink:\n      \
             splunk_hec: {{endpoints: [\"{}\"], delivery: accepted, token: \"${{HEC_TOKEN}}\"}}\n    \
             dead_letter: {{{}}}\n",
            self.kafka,
            self.group(),
            self.hec,
            self.dead_letter
        );
        let path = self.home.path().join("auditferry.yaml");
        std::fs::write(&path, text).unwrap();
        path
    }

    fn group(&self) -> String {
        format!("group{}", self.home.path().file_name().unwrap().to_str().unwrap().replace('.', "-"))
    }

    fn run(&self, arguments: &[&str]) -> Finished {
        let mut command = self.command();
        command.args(arguments);
        finish(command, LIMIT)
    }

    fn command(&self) -> Command {
        let mut command = command();
        command.env("HEC_TOKEN", TOKEN).env("KAFKA_SECRET", "forwarder-password").arg("--config").arg(self.path());
        command
    }
}

/// A collector on threads of its own, so that tests may block.
struct Collector {
    _runtime: tokio::runtime::Runtime,
    stand_in: HecStandIn,
}

impl Collector {
    fn start() -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let stand_in = runtime.block_on(HecStandIn::start(HecOptions { keep_texts: 100, ..HecOptions::default() }));
        Self { _runtime: runtime, stand_in: stand_in.unwrap() }
    }
}

fn run(arguments: &[&str]) -> Finished {
    let mut command = command();
    command.args(arguments).current_dir("/");
    finish(command, LIMIT)
}

#[test]
fn help_and_version_need_no_configuration() {
    for arguments in
        [&["--help"][..], &["help"], &["--version"], &["check", "--help"], &["deadletter", "retry", "--help"]]
    {
        let finished = run(arguments);
        assert_eq!(finished.code(), Some(0), "{arguments:?}");
        assert!(finished.stdout.contains("auditferry"), "{arguments:?}");
        assert_eq!(finished.stderr, "", "{arguments:?}");
    }
    let broken = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(broken.path(), "{{{").unwrap();
    assert_eq!(run(&["--config", broken.path().to_str().unwrap(), "run", "--help"]).code(), Some(0));
    assert!(run(&["--help"]).stdout.contains("Exit codes: 0 done"));
}

#[test]
fn a_wrong_command_line_or_configuration_is_two_and_says_why_on_standard_error() {
    let setup = Setup::nowhere();
    let broken = setup.home.path().join("broken.yaml");
    std::fs::write(&broken, "pipelines: {splunk: {sauce: audit}}").unwrap();
    let broken = broken.to_str().unwrap();
    let config = setup.path();
    let config = config.to_str().unwrap();
    for (arguments, expected) in [
        (&[][..], "Usage"),
        (&["fly"], "unrecognized subcommand"),
        (&["run", "--fast"], "--fast"),
        (&["deadletter", "retry"], "--all"),
        (&["-c", "/nonexistent.yaml", "check"], "/nonexistent.yaml"),
        (&["-c", "/nonexistent.yaml", "run"], "/nonexistent.yaml"),
        (&["-c", broken, "check"], "sauce"),
        (&["-c", broken, "run"], "sauce"),
        (&["-c", config, "check"], "HEC_TOKEN"),
        (&["health", "--url", "https://x/"], "not an address"),
    ] {
        let finished = run(arguments);
        assert_eq!(finished.code(), Some(2), "{arguments:?}: {finished:?}");
        assert!(finished.stderr.contains(expected), "{arguments:?}: {}", finished.stderr);
        assert_eq!(finished.stdout, "", "{arguments:?}");
    }
    let finished = setup.run(&["deadletter", "list", "--pipeline", "archive"]);
    assert_eq!(finished.code(), Some(2));
    assert!(finished.stderr.contains("the configuration has: splunk"), "{}", finished.stderr);
}

#[test]
fn the_configuration_may_be_named_by_the_environment() {
    let setup = Setup::nowhere();
    let mut command = command();
    command.env("HEC_TOKEN", TOKEN).env("AUDITFERRY_CONFIG", setup.path()).arg("check");
    let finished = finish(command, LIMIT);
    assert_eq!(finished.code(), Some(0), "{}", finished.stderr);
}

#[test]
fn check_says_what_the_configuration_means_and_shows_no_secret() {
    let setup = Setup::nowhere();
    let finished = setup.run(&["check"]);
    assert_eq!(finished.code(), Some(0), "{}", finished.stderr);
    for expected in ["1 pipeline", "pipeline splunk", &setup.hec, "accepted", "letters", &setup.group()] {
        assert!(finished.stdout.contains(expected), "{expected}: {}", finished.stdout);
    }
    let json = setup.run(&["check", "--format", "json"]);
    let found: serde_json::Value = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!((&found["pipeline"], &found["delivery"]), (&"splunk".into(), &"accepted".into()));
    assert!(![finished.stdout, finished.stderr, json.stdout, json.stderr].concat().contains(TOKEN));
}

#[test]
fn mistakes_are_objects_on_standard_output_when_a_program_asks() {
    let finished = run(&["-c", "/nonexistent.yaml", "check", "--format", "json"]);
    assert_eq!(finished.code(), Some(2));
    let mistake: serde_json::Value = serde_json::from_str(&finished.stdout).unwrap();
    assert_eq!(mistake["finding"], "error");
    assert!(mistake["remedy"].as_str().unwrap().contains("--config"));
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let setup = Setup::nowhere();
    for arguments in
        [&["schema"][..], &["completions", "bash"], &["check"], &["check", "--format", "json"], &["--help"]]
    {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let mut command = setup.command();
        let output =
            command.args(arguments).stdin(Stdio::null()).stdout(writer).stderr(Stdio::piped()).output().unwrap();
        let told = String::from_utf8_lossy(&output.stderr);
        assert_eq!((output.status.code(), &*told), (Some(0), ""), "{arguments:?}");
    }
}

#[test]
fn schema_and_completions_are_what_editors_and_shells_read() {
    let schema: serde_json::Value = serde_json::from_str(&run(&["schema"]).stdout).unwrap();
    assert!(schema["properties"]["pipelines"].is_object());
    for shell in ["bash", "zsh", "fish"] {
        assert!(run(&["completions", shell]).stdout.contains("deadletter"), "{shell}");
    }
}

#[test]
fn health_tells_well_from_unwell_and_from_silence() {
    let collector = Collector::start();
    // Any server will do that answers 200 and something else.
    let url = collector.stand_in.url();
    assert_eq!(run(&["health", "--url", &format!("{url}/services/collector/health")]).code(), Some(0));
    let unwell = run(&["health", "--url", &format!("{url}/nothing/here")]);
    assert_eq!(unwell.code(), Some(1));
    assert!(unwell.stderr.contains("404"), "{}", unwell.stderr);
    let silent = run(&["health", "--url", &format!("http://127.0.0.1:{}/livez", free_port())]);
    assert_eq!(silent.code(), Some(3));
}

/// Kafka settings for the broker's listener that wants a login.
fn with_login(kafka: &Kafka, topic: &str, user: &str, secret: &str) -> String {
    let access = crate::support::kafka::Access::SaslSsl { mechanism: "PLAIN", login: crate::support::kafka::FORWARDER };
    format!(
        "bootstrap_servers: {}\n      api_key: {user}\n      api_secret: \"{secret}\"\n      topics: [{topic}]\n      \
         tls: {{trust_store: {}}}",
        kafka.bootstrap(access),
        kafka.certificates().ca.display()
    )
}
