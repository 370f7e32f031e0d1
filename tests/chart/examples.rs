//! The examples in `ci/`: what they render to is recorded, valid in ten versions of Kubernetes, and holds no secret.

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::helm::{self, Example, all, examples, golden, objects, output, repository, stdout, tool};

const FEWEST: usize = 25;

#[test]
fn every_example_renders_to_what_is_recorded() {
    let examples = examples();
    assert!(examples.len() >= FEWEST, "{} examples", examples.len());
    for example in &examples {
        golden(&format!("tests/chart/golden/{}.yaml", example.name), &example.render());
    }
    let names: BTreeSet<String> = examples.iter().map(|example| format!("{}.yaml", example.name)).collect();
    let recorded = fs::read_dir(repository("tests/chart/golden")).expect("the records lie there");
    for entry in recorded {
        let name = entry.expect("readable").file_name().to_string_lossy().into_owned();
        assert!(names.contains(&name), "{name} is the record of no example");
    }
}

#[test]
fn every_example_passes_lint() {
    for example in examples() {
        let mut command = helm::helm();
        command.args(["lint", "--strict", "--quiet"]).arg(helm::chart()).arg("--values").arg(&example.file);
        stdout(&mut command);
    }
}

/// Goal: no rendered object is refused by any version of Kubernetes that the chart names. Method: the strict schemas of ten
/// versions, for the records of all examples; objects of foreign kinds are left to `cluster.rs`.
#[test]
fn every_object_is_valid_in_ten_versions_of_kubernetes() {
    let mut command = Command::new(tool("python"));
    command.arg(repository("tests/chart/validate.py"));
    command.args(examples().iter().map(|example| repository(&format!("tests/chart/golden/{}.yaml", example.name))));
    let output = output(&mut command);
    let (text, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{text}{errors}");
    println!("{text}");
}

/// Goal: server-side apply takes every object. Method: lists that it merges by a key have every key once; nothing is null.
#[test]
fn lists_that_are_merged_have_every_key_once_and_nothing_is_null() {
    for example in examples() {
        for object in example.objects() {
            let what = format!("{}: {} {}", example.name, object["kind"], object["metadata"]["name"]);
            walk(&object, &mut |value| {
                assert!(!value.is_null(), "{what} has a null");
                let Some(map) = value.as_object() else { return };
                for (list, key) in
                    [("env", "name"), ("volumes", "name"), ("volumeMounts", "mountPath"), ("containers", "name")]
                {
                    let items = map.get(list).and_then(Value::as_array).cloned().unwrap_or_default();
                    let keys: Vec<String> = items.iter().map(|item| item[key].to_string()).collect();
                    let unique: BTreeSet<&String> = keys.iter().collect();
                    assert_eq!(unique.len(), keys.len(), "{what}: {list} has a {key} twice: {keys:?}");
                }
            });
        }
    }
}

fn walk(value: &Value, visit: &mut impl FnMut(&Value)) {
    visit(value);
    match value {
        Value::Object(map) => map.values().for_each(|value| walk(value, visit)),
        Value::Array(items) => items.iter().for_each(|item| walk(item, visit)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Goal: a secret of the values appears in Secrets only. Method: every example gets a group with a canary.
#[test]
fn secrets_appear_in_secrets_only() {
    let canary = "canary-7f3a9e";
    let values = json!({"secrets": {"canary": {"values": {"token": canary}}}, "secretCheck": {"enabled": false}});
    for example in examples() {
        let objects = example.objects_with(&values);
        let (secrets, others): (Vec<&Value>, Vec<&Value>) =
            objects.iter().partition(|object| object["kind"] == "Secret");
        let holds = |object: &&Value| {
            let text = object.to_string();
            text.contains(canary) || text.contains(&STANDARD.encode(canary))
        };
        assert_eq!(secrets.iter().filter(|secret| holds(secret)).count(), 1, "{}", example.name);
        let leaks: Vec<_> = others.iter().filter(|object| holds(object)).map(|object| &object["kind"]).collect();
        assert!(leaks.is_empty(), "{}: the secret stands in {leaks:?}", example.name);
    }
}

#[test]
fn two_releases_in_one_namespace_have_no_name_in_common() {
    let names = |release: &str, example: &Example| -> BTreeSet<String> {
        let mut command = helm::helm();
        command.args(["template", release]).arg(helm::chart()).args([
            "--namespace",
            "audit",
            "--kube-version",
            "1.35.0",
        ]);
        command.arg("--values").arg(&example.file).args(&example.arguments);
        let objects = objects(&stdout(&mut command));
        objects.iter().map(|object| format!("{}/{}", object["kind"], object["metadata"]["name"])).collect()
    };
    let example = helm::example("all-on");
    let shared: Vec<String> = names("one", &example).intersection(&names("two", &example)).cloned().collect();
    assert!(shared.is_empty(), "{shared:?}");
}

#[test]
fn nothing_asks_for_rights_at_the_api_server() {
    for example in examples() {
        let objects = example.objects();
        for kind in ["Role", "ClusterRole", "RoleBinding", "ClusterRoleBinding"] {
            assert!(all(&objects, kind).is_empty(), "{} has a {kind}", example.name);
        }
    }
}

#[test]
fn the_packaged_chart_is_the_same_twice_and_holds_no_examples() {
    let folder = tempfile::tempdir().expect("make a temporary directory");
    let package = |name: &str| {
        let place = folder.path().join(name);
        let mut command = helm::helm();
        command.arg("package").arg(helm::chart()).arg("--destination").arg(&place);
        stdout(&mut command);
        place.join("auditferry-0.1.0.tgz")
    };
    let (one, other) = (package("one"), package("other"));
    let list = stdout(Command::new("tar").arg("-tzf").arg(&one));
    assert!(list.contains("auditferry/values.schema.json") && !list.contains("/ci/"), "{list}");
    assert!(fs::read(one).unwrap() == fs::read(other).unwrap(), "two packages differ");
}
