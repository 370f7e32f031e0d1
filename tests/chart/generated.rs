//! What is made from other files: the schema of the values, the README's table, the plain manifests of `deploy/`.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Value, json};

use super::helm::{self, golden, read};
use super::support::process::run_to_end;
use super::values;

/// The program's schema, as the program prints it.
fn program_schema() -> Value {
    let finished = run_to_end(["schema"], Duration::from_secs(20));
    serde_json::from_str(&finished.stdout).expect("`auditferry schema` prints JSON")
}

#[test]
fn the_schema_is_made_from_values_and_program() {
    let schema = values::schema(&program_schema());
    let text = serde_json::to_string_pretty(&schema).expect("a value is JSON") + "\n";
    golden("helm/auditferry/values.schema.json", &text);
}

#[test]
fn the_readme_has_the_table_of_values() {
    let path = "helm/auditferry/README.md";
    let text = read(path);
    let (before, rest) = text.split_once("<!-- values -->\n").expect("a mark where the table begins");
    let (_, after) = rest.split_once("<!-- end of values -->").expect("a mark where it ends");
    golden(path, &format!("{before}<!-- values -->\n{}<!-- end of values -->{after}", values::table()));
}

/// Goal: no value is a dead option. Method: each leaf is changed; in at least one example the rendered chart has to differ, or a
/// rule has to refuse the change. Vector's chart had an option for years that no template read.
#[test]
fn every_value_changes_something() {
    let mut examples = helm::examples();
    // Most values have something to do where everything is on.
    examples.sort_by_key(|example| !["all-on", "persistence"].contains(&example.name.as_str()));
    let examples: Vec<(helm::Example, String)> =
        examples.into_iter().map(|example| (example.clone(), example.render())).collect();
    let mut dead = Vec::new();
    for entry in values::entries().iter().filter(|entry| entry.is_leaf()) {
        let changes = changed(entry).into_iter().map(|value| format!("{}={value}", escaped(&entry.path)));
        let mut attempts = changes.flat_map(|change| examples.iter().map(move |example| (change.clone(), example)));
        if !attempts.any(|(change, (example, plain))| makes_a_difference(&change, example, plain)) {
            dead.push(entry.dotted());
        }
    }
    assert!(dead.is_empty(), "these values change nothing:\n{}", dead.join("\n"));
}

fn makes_a_difference(change: &str, example: &helm::Example, plain: &str) -> bool {
    let arguments = example.arguments.iter().map(String::as_str).chain(["--set-json", change]);
    let output = helm::output(&mut helm::template(std::slice::from_ref(&example.file), arguments));
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(!errors.contains("values don't meet"), "{change}: {errors}");
    !output.status.success() || String::from_utf8_lossy(&output.stdout) != *plain
}

fn escaped(path: &[String]) -> String {
    path.iter().map(|key| key.replace('.', "\\.")).collect::<Vec<_>>().join(".")
}

/// Other values of the same type: an example may have one of them already.
fn changed(entry: &values::Entry) -> Vec<Value> {
    if entry.default.is_boolean() { vec![json!(true), json!(false)] } else { vec![other(entry)] }
}

fn other(entry: &values::Entry) -> Value {
    let special = match entry.dotted().as_str() {
        "config.admin.listen" => Some(json!("0.0.0.0:9999")),
        "existingConfigMap.name" => Some(json!("")),
        "existingConfigMap.drainDeadline" => Some(json!("50s")),
        "partitions" => Some(json!(1)),
        "secrets" => Some(json!({"more": {"existingSecret": "more"}})),
        "files" => Some(json!({"more": {"existingConfigMap": "more"}})),
        "persistence.accessModes" => Some(json!(["ReadWriteMany"])),
        "persistence.size" | "extraMemory" => Some(json!("7Gi")),
        "persistence.mountPath" => Some(json!("/data")),
        "image.digest" => Some(json!(format!("sha256:{}", "a".repeat(64)))),
        "topologySpreadConstraints" | "autoscaling.hpa.metrics" => Some(json!([])),
        "service.ipFamilies" => Some(json!(["IPv6"])),
        "prometheusRule.alerts" => Some(json!({"ClockSkew": {"enabled": false}})),
        "networkPolicy.kafkaPorts" | "networkPolicy.sinkPorts" => Some(json!([7])),
        "extraEnv" | "extraVolumes" | "extraContainers" | "extraInitContainers" => Some(json!([{"name": "more"}])),
        "extraVolumeMounts" => Some(json!([{"name": "more", "mountPath": "/more"}])),
        "extraObjects" => Some(json!([{"kind": "More", "apiVersion": "v1"}])),
        "hostAliases" | "tolerations" | "networkPolicy.ingressFrom" | "networkPolicy.extraEgress" | "extraEnvFrom" => {
            Some(json!([{"more": "yes"}]))
        }
        path if path.ends_with("elabelings") => Some(json!([{"action": "keep"}])),
        path if path.ends_with("interval") || path.ends_with("scrapeTimeout") => Some(json!("7s")),
        _ => None,
    };
    if let Some(special) = special {
        return special;
    }
    if let Some(choices) = entry.refinement.get("enum").and_then(Value::as_array) {
        return choices
            .iter()
            .find(|choice| **choice != entry.default && **choice != json!("auto"))
            .expect("a choice")
            .clone();
    }
    match &entry.default {
        Value::Null if entry.refinement["type"][0] == "boolean" => json!(false),
        Value::Null => json!(77),
        Value::Bool(_) => unreachable!("both are tried"),
        Value::Number(number) => json!(number.as_u64().expect("defaults are not negative") + 1),
        Value::String(text) => json!(format!("{text}-other")),
        Value::Array(items) => json!(items.iter().cloned().chain([json!("more")]).collect::<Vec<_>>()),
        Value::Object(_) => json!({"more": "yes"}),
    }
}

#[test]
fn every_value_is_described_and_shown() {
    let mut bare = Vec::new();
    let given: Vec<Value> = helm::examples().iter().map(helm::Example::values).collect();
    for entry in values::entries().iter().filter(|entry| entry.is_leaf()) {
        let pointer = entry.path.iter().fold(String::new(), |pointer, key| format!("{pointer}/{key}"));
        let has_default = !matches!(&entry.default, Value::Null)
            && entry.default != json!("")
            && entry.default != json!([])
            && entry.default != json!({});
        if entry.description.is_empty() {
            bare.push(format!("{} has no description", entry.dotted()));
        }
        if !has_default && !given.iter().any(|values| values.pointer(&pointer).is_some()) {
            bare.push(format!("{} has neither a default nor an example in ci/", entry.dotted()));
        }
    }
    assert!(bare.is_empty(), "{}", bare.join("\n"));
}

#[test]
fn the_schema_is_closed_at_every_level_that_is_ours() {
    let schema: Value = serde_json::from_str(&read("helm/auditferry/values.schema.json")).expect("JSON");
    let mut open = BTreeSet::new();
    collect_open(&schema, &mut Vec::new(), &mut open);
    let allowed: BTreeSet<String> = values::entries()
        .iter()
        .filter(|entry| entry.refinement.contains_key("open") || entry.refinement.contains_key("strings"))
        .map(|entry| format!("properties/{}", entry.path.join("/properties/")))
        .collect();
    let ours: Vec<&String> = open.difference(&allowed).filter(|path| !path.starts_with("properties/config")).collect();
    assert!(ours.is_empty(), "any key is taken at {ours:?}");
}

fn collect_open(schema: &Value, path: &mut Vec<String>, open: &mut BTreeSet<String>) {
    let Some(map) = schema.as_object() else { return };
    let is_map = map.get("type") == Some(&json!("object")) && map.contains_key("properties");
    if is_map && map.get("additionalProperties") != Some(&json!(false)) {
        open.insert(path.join("/"));
    }
    for (key, value) in map {
        path.push(key.clone());
        collect_open(value, path, open);
        path.pop();
    }
}

#[test]
fn every_point_of_the_readme_names_tests_that_exist() {
    let readme = read("helm/auditferry/README.md");
    let (_, points) = readme.split_once("## What is tested, and how").expect("the table");
    let files = ["alerts", "examples", "generated", "installing", "manifests", "pods", "refusals", "running"];
    let code: String = files.iter().map(|file| read(&format!("tests/chart/{file}.rs"))).collect();
    let rows: Vec<&str> = points.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| |")).collect();
    let numbers: Vec<String> =
        rows.iter().filter_map(|row| row.split('|').nth(1)).map(|n| n.trim().to_owned()).collect();
    let expected: Vec<String> = (1..=46).map(|number| number.to_string()).collect();
    assert_eq!(numbers.iter().filter(|n| n.parse::<u32>().is_ok()).cloned().collect::<Vec<_>>(), expected);
    for name in
        rows.iter().flat_map(|row| row.split('`').skip(1).step_by(2)).filter(|name| name.matches('_').count() > 1)
    {
        assert!(code.contains(&format!("fn {name}()")), "there is no test {name}");
    }
}
