//! The demonstration as a user starts it: what it prints, and how it ends.

use std::time::Duration;

use serde_json::Value;

use crate::support::process;

/// It takes some twenty seconds on an idle machine.
const LIMIT: Duration = Duration::from_secs(180);

#[test]
fn the_demonstration_loses_nothing_and_explains_what_came_twice() {
    let finished = process::run_to_end(["demo", "--format", "json"], LIMIT);
    let lines: Vec<Value> =
        finished.stdout.lines().map(|line| serde_json::from_str(line).expect("every line is JSON")).collect();
    let verdict = lines.last().expect("there is a verdict");
    assert_eq!(finished.code(), Some(0), "{verdict:#}\n{}", finished.stderr);
    assert_eq!(finished.stderr, "", "with JSON nobody reads standard error");

    assert_eq!((&verdict["event"], &verdict["passed"]), (&"verdict".into(), &true.into()));
    let count = |name: &str| verdict[name].as_u64().unwrap_or_else(|| panic!("{name} is a number: {verdict:#}"));
    assert!(count("produced") > 9_000, "a live stream came after the backlog: {verdict:#}");
    assert_eq!((count("lost"), count("filtered")), (0, 0));
    assert_eq!(count("read"), count("produced"));
    assert_eq!(count("delivered") + count("dead_lettered"), count("produced"));
    assert_eq!(count("dead_lettered"), 1);
    let letters = verdict["dead_letters"].as_array().unwrap();
    assert_eq!((letters.len(), &letters[0]["reason"]), (1, &"invalid_format".into()));
    assert!(count("duplicates") > 0, "the lost answer was sent again: {verdict:#}");
    assert_eq!(count("duplicates"), count("duplicates_expected"));
    assert_eq!(verdict["uncommitted"], Value::Array(Vec::new()));
    let latency = &verdict["latency_ms"];
    assert!(latency["longest"].as_u64().unwrap() >= 2_000, "the hold was waited out: {latency}");
    assert!(latency["p50"].as_u64() <= latency["p99"].as_u64() && latency["p50"].is_u64(), "{latency}");

    let ended: Vec<&str> =
        lines.iter().filter(|line| line["event"] == "ends").filter_map(|line| line["act"].as_str()).collect();
    assert_eq!(ended, ["backlog", "busy", "poison", "lost_answer", "token_gone"]);
    let states: Vec<&Value> =
        lines.iter().filter(|line| line["event"] == "progress").map(|line| &line["state"]).collect();
    assert!(states.contains(&&"holding".into()), "the hold was to be seen: {states:?}");
}

#[test]
fn without_a_terminal_the_verdict_is_the_result_and_the_rest_is_plain_lines() {
    let finished = process::run_to_end(["demo"], LIMIT);
    assert_eq!(finished.code(), Some(0), "{}\n{}", finished.stdout, finished.stderr);
    assert!(finished.stdout.contains("NOTHING LOST"), "{}", finished.stdout);
    assert!(!finished.stdout.contains("Retry-After") && finished.stderr.contains("Retry-After"));
    let is_plain = |text: &str| !text.contains(['\u{1b}', '\r']);
    assert!(is_plain(&finished.stdout) && is_plain(&finished.stderr));
}
