//! The alerts: each fires once and stays silent once in Prometheus' own rule tester, each has a runbook, and every metric, label and
//! word that alerts and dashboard name is one that the program has.

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

use serde_json::{Value, json};

use super::helm::{example, only, output, parse, read, repository, stdout, tool};
use super::values;

/// The labels that the monitors of the chart give the series of the example.
const OURS: &str = r#"namespace="audit",job="ferry""#;

/// The rules of the example in which every alert is on.
fn rules() -> Value {
    let objects = example("operator").objects();
    json!({"groups": only(&objects, "PrometheusRule")["spec"]["groups"]})
}

#[test]
fn the_rules_pass_prometheus_own_check() {
    let folder = tempfile::tempdir().expect("make a temporary directory");
    let file = folder.path().join("rules.json");
    fs::write(&file, rules().to_string()).expect("write below the temporary directory");
    stdout(Command::new(tool("promtool")).args(["check", "rules"]).arg(&file));
}

/// Goal: each alert fires when it should and not otherwise. Method: `alerts.yaml` has two sets of series for each; promtool evaluates
/// all rules over them, and whether the alert is firing is read from the series ALERTS.
#[test]
fn every_alert_fires_once_and_stays_silent_once() {
    let cases = parse(&read("tests/chart/alerts.yaml"));
    let cases = cases.as_object().expect("a mapping of alerts");
    let named: BTreeSet<&String> = cases.keys().collect();
    let known = values::alerts();
    assert_eq!(named, known.iter().collect(), "cases and alerts");
    let rules = rules();
    for (alert, case) in cases {
        let tests = ["fires", "silent"].map(|kind| case_test(alert, case, kind));
        // With all rules a day of minutes takes a minute.
        let rule = all_rules(&rules).iter().find(|rule| rule["alert"] == alert.as_str()).expect("it is on");
        assert_promtool_passes(&json!({"groups": [{"name": "one", "rules": [rule]}]}), &json!(tests));
    }
}

fn all_rules(rules: &Value) -> &[Value] {
    rules["groups"][0]["rules"].as_array().expect("a list of rules")
}

/// A test for promtool: over the series of `kind`, the alert is firing, or is not.
fn case_test(alert: &str, case: &Value, kind: &str) -> Value {
    let series = case[kind].as_object().unwrap_or_else(|| panic!("{alert} has no series for {kind}"));
    let input: Vec<Value> =
        series.iter().map(|(name, values)| json!({"series": name.replace("OURS", OURS), "values": values})).collect();
    let expected = if kind == "fires" { json!([{"labels": "{}", "value": 1}]) } else { json!([]) };
    json!({
        "name": format!("{alert} {kind}"),
        "interval": "1m",
        "input_series": input,
        "promql_expr_test": [{
            "expr": format!("count(ALERTS{{alertname=\"{alert}\",alertstate=\"firing\"}})"),
            "eval_time": case["at"],
            "exp_samples": expected,
        }],
    })
}

#[test]
fn an_alert_says_which_pipeline_and_what_is_left() {
    let text = "In 1d 12h 0m 0s the oldest event of audit-log that pipeline splunk has not forwarded expires at Kafka, and is then lost.";
    let tests = json!([{
        "interval": "1m",
        "input_series": [{
            "series": format!("auditferry_retention_headroom_seconds{{{OURS},pipeline=\"splunk\",topic=\"audit-log\",partition=\"0\"}}"),
            "values": "129600+0x60",
        }],
        "alert_rule_test": [{
            "eval_time": "30m",
            "alertname": "RetentionHeadroomLow",
            "exp_alerts": [{
                "exp_labels": {"severity": "page", "pipeline": "splunk", "topic": "audit-log"},
                "exp_annotations": {
                    "summary": "Events of audit-log expire before they are forwarded",
                    "description": text,
                    "runbook_url": "docs/runbooks/RetentionHeadroomLow.md",
                },
            }],
        }],
    }]);
    assert_promtool_passes(&rules(), &tests);
}

fn assert_promtool_passes(rules: &Value, tests: &Value) {
    let folder = tempfile::tempdir().expect("make a temporary directory");
    fs::write(folder.path().join("rules.json"), rules.to_string()).expect("write below the temporary directory");
    let file = folder.path().join("tests.json");
    let text = json!({"rule_files": ["rules.json"], "evaluation_interval": "1m", "tests": tests}).to_string();
    fs::write(&file, text).expect("write below the temporary directory");
    let output = output(Command::new(tool("promtool")).args(["test", "rules"]).arg(&file));
    let (text, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{text}{errors}");
}

#[test]
fn every_alert_has_a_runbook_of_four_parts_and_no_runbook_lacks_its_alert() {
    let alerts = values::alerts();
    for alert in &alerts {
        let text = read(&format!("docs/runbooks/{alert}.md"));
        assert!(text.starts_with(&format!("# {alert}\n")), "{alert}");
        for part in ["## Meaning", "## Impact", "## Diagnosis", "## Mitigation"] {
            assert!(text.contains(part), "the runbook of {alert} has no {part}");
        }
    }
    let pages = fs::read_dir(repository("docs/runbooks")).expect("the runbooks lie there");
    for page in pages {
        let name = page.expect("readable").file_name().to_string_lossy().into_owned();
        let alert = name.strip_suffix(".md").expect("only pages").to_owned();
        assert!(alert == "README" || alerts.contains(&alert), "{name} is the runbook of no alert");
    }
    let index = read("docs/runbooks/README.md");
    for alert in &alerts {
        assert!(index.contains(&format!("[{alert}]({alert}.md)")), "the index lacks {alert}");
    }
}

/// All queries of alerts and dashboard.
fn queries() -> Vec<String> {
    let mut queries = Vec::new();
    collect(&rules(), "expr", &mut queries);
    let dashboard: Value = serde_json::from_str(&read("helm/auditferry/dashboards/auditferry.json")).expect("JSON");
    collect(&dashboard, "expr", &mut queries);
    assert!(queries.len() > 50, "{} queries", queries.len());
    queries
}

fn collect(value: &Value, key: &str, found: &mut Vec<String>) {
    match value {
        Value::Object(map) => {
            found.extend(map.get(key).and_then(Value::as_str).map(str::to_owned));
            map.values().for_each(|value| collect(value, key, found));
        }
        Value::Array(items) => items.iter().for_each(|item| collect(item, key, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Words that begin with `auditferry_`.
fn names_in(text: &str) -> BTreeSet<String> {
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let words = text.split(|c| !is_word(c)).filter(|word| word.starts_with("auditferry_"));
    words.map(|word| word.strip_suffix("_bucket").unwrap_or(word).to_owned()).collect()
}

/// The metrics that alerts and dashboard name.
pub fn named_metrics() -> BTreeSet<String> {
    queries().iter().flat_map(|query| names_in(query)).collect()
}

#[test]
fn every_metric_that_is_named_stands_in_the_code() {
    let code = ["mod.rs", "board.rs", "process.rs"].map(|file| read(&format!("src/metrics/{file}"))).concat();
    let defined: BTreeSet<String> = code.split('"').skip(1).step_by(2).flat_map(names_in).collect();
    let unknown: Vec<String> = named_metrics().difference(&defined).cloned().collect();
    assert!(unknown.is_empty(), "no such metrics: {unknown:?}");
}

#[test]
fn every_reason_and_state_that_is_asked_for_exists() {
    let words = read("src/reason.rs") + &read("src/status.rs") + &read("src/metrics/mod.rs");
    for query in queries() {
        for label in ["reason", "state", "outcome", "kind"] {
            for part in query.split(&format!("{label}=")).skip(1) {
                let value = part.trim_start_matches('~').split('"').nth(1).expect("a quoted value");
                for word in value.split('|') {
                    let known = words.contains(&format!("\"{word}\""))
                        || words.contains(&format!("{word},"))
                        || words.contains(&format!("{word})"));
                    assert!(known, "{label} {word} does not exist: {query}");
                }
            }
        }
    }
}
