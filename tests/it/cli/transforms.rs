//! A chain on files: `test`, `transform` and `check --events`.

use std::fs;
use std::path::PathBuf;

use tempfile::TempDir;

use super::LIMIT;
use crate::support::process::{Finished, command, finish};
use crate::support::samples;

/// A configuration with a chain and a test, and the sample events beside it.
struct Desk {
    home: TempDir,
}

const CONFIG: &str = r#"
sources: {audit: {kafka: {bootstrap_servers: "127.0.0.1:9", topics: [audit]}}}
pipelines:
  splunk:
    source: audit
    transforms:
      - drop: {name: routine, when: 'method == "mds.Authorize" && outcome == "success"'}
      - redact: {fields: [email], with: replace, replacement: "[gone]"}
      - enrich: {fields: {team: soc}}
    sink: {splunk_hec: {endpoints: ["http://127.0.0.1:9"], delivery: accepted, token: "${HEC_TOKEN}"}}
tests:
"#;

const REDACTED: &str = r#"
  - name: addresses do not leave
    events: ['{"id":"1","data":{"methodName":"SignIn","authenticationInfo":{"principal":{"email":"bob@x.org"}},"note":"by bob@x.org"}}']
    expect:
      outcome: delivered
      equal: {data.authenticationInfo.principal.email: "[gone]"}
      absent: [data.request]
      nowhere: ["bob@x.org"]
      fields: {team: soc}
"#;

impl Desk {
    fn new(tests: &str) -> Self {
        let home = tempfile::tempdir().unwrap();
        fs::write(home.path().join("auditferry.yaml"), format!("{CONFIG}{tests}")).unwrap();
        fs::write(home.path().join("events.jsonl"), samples::events().join("\n")).unwrap();
        Self { home }
    }

    fn events(&self) -> PathBuf {
        self.home.path().join("events.jsonl")
    }

    fn run(&self, arguments: &[&str]) -> Finished {
        let mut command = command();
        command.env("HEC_TOKEN", "t").arg("--config").arg(self.home.path().join("auditferry.yaml")).args(arguments);
        finish(command, LIMIT)
    }
}

#[test]
fn tests_in_the_configuration_pass_or_say_what_is_different() {
    let desk = Desk::new(REDACTED);
    let finished = desk.run(&["test"]);
    assert_eq!(finished.code(), Some(0), "{finished:?}");
    assert!(finished.stdout.contains("ok      addresses do not leave (1 event)\n\n1 passed, 0 failed"), "{finished:?}");

    let wrong =
        REDACTED.replace("\"[gone]\"}", "bob}").replace("team: soc", "team: ops").replace("bob@x.org\"]", "SignIn\"]");
    let finished = Desk::new(&wrong).run(&["test"]);
    assert_eq!(finished.code(), Some(1), "{finished:?}");
    for expected in [
        "FAILED  addresses do not leave",
        "event 1: data.authenticationInfo.principal.email\n        - expected bob\n        + found    [gone]",
        "event 1: `SignIn` stands at data.methodName",
        "event 1: the field team\n        - expected ops\n        + found    soc",
        "0 passed, 1 failed",
    ] {
        assert!(finished.stdout.contains(expected), "{expected}: {}", finished.stdout);
    }

    let filtered = "\n  - name: all routine\n    file: events.jsonl\n    expect: {outcome: filtered, rule: routine}\n";
    let finished = Desk::new(filtered).run(&["test", "--format", "json"]);
    assert_eq!(finished.code(), Some(1), "{finished:?}");
    let report: serde_json::Value = serde_json::from_str(&finished.stdout).unwrap();
    assert_eq!((&report["events"], &report["passed"]), (&84.into(), &false.into()));
    assert!(finished.stdout.contains("expected to be filtered, and it is delivered"), "{}", finished.stdout);
}

#[test]
fn no_test_is_no_success() {
    let desk = Desk::new(REDACTED);
    assert_eq!(desk.run(&["test", "nothing like it"]).code(), Some(3));
    let none = Desk::new("  []\n").run(&["test"]);
    assert_eq!(none.code(), Some(3), "{none:?}");
    let rule = REDACTED.replace("outcome: delivered", "outcome: delivered\n      rule: routin");
    let finished = Desk::new(&rule).run(&["test"]);
    assert_eq!(finished.code(), Some(2), "{finished:?}");
    assert!(finished.stderr.contains("`rule` names the rule that drops an event"), "{}", finished.stderr);
}

#[test]
fn a_chain_is_a_pipe_for_events() {
    let desk = Desk::new(REDACTED);
    let events = desk.events();
    let finished = desk.run(&["transform", "--with-fields", events.to_str().unwrap()]);
    assert_eq!(finished.code(), Some(0), "{finished:?}");
    let lines: Vec<&str> = finished.stdout.lines().collect();
    let dropped = 84 - lines.len();
    assert!(dropped > 0, "the samples hold routine");
    assert!(
        finished
            .stderr
            .contains(&format!("84 events read: {} written, {dropped} filtered, 0 not cleared", lines.len()))
    );
    for line in &lines {
        let event: serde_json::Value = serde_json::from_str(line).unwrap();
        assert_eq!(event["fields"]["team"], "soc");
    }
    assert!(!finished.stdout.contains("someone@example.com") && finished.stdout.contains("[gone]"));

    fs::write(desk.events(), "{\"id\":\"1\"}\nnot json\n").unwrap();
    let finished = desk.run(&["transform", events.to_str().unwrap()]);
    assert_eq!(finished.code(), Some(1), "{finished:?}");
    assert_eq!(finished.stdout, "{\"id\":\"1\"}\n");
    assert!(finished.stderr.contains("events.jsonl:2: unredactable"), "{}", finished.stderr);
    assert!(!finished.stderr.contains("not json"), "the event does not leave by the message: {}", finished.stderr);
}

#[test]
fn a_check_on_events_says_what_each_rule_would_do() {
    let desk = Desk::new(REDACTED);
    let events = desk.events();
    let finished = desk.run(&["check", "--events", events.to_str().unwrap()]);
    assert_eq!(finished.code(), Some(0), "{finished:?}");
    for expected in [
        "transforms    filters (routine), enriches, redacts;",
        "pipeline splunk: 84 events",
        "filtered",
        "routine",
        "redacted",
        "email",
        "delivered",
        "saved",
    ] {
        assert!(finished.stdout.contains(expected), "{expected}: {}", finished.stdout);
    }
    let finished = desk.run(&["check", "--format", "json", "--events", events.to_str().unwrap()]);
    let rows: Vec<serde_json::Value> =
        finished.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let count = |what: &str| -> u64 {
        rows.iter().filter(|row| row["what"] == what).filter_map(|row| row["count"].as_u64()).sum()
    };
    assert_eq!(count("filtered") + count("delivered"), 84);
    assert!(count("redacted") > 0);
}
