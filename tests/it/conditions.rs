//! What people look for in these events, as one-line conditions, and which events each of them finds.
//!
//! `conditions/found.txt` is the record: every condition with the events for which it holds, of the sample corpus and of
//! `conditions/more.jsonl` (shapes that the corpus lacks). `UPDATE_GOLDEN=1 cargo test --test it conditions` rewrites it. Read
//! the diff.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use auditferry::event::{Field, Tape, View};
use auditferry::transform::condition::{Condition, Subject};
use auditferry::transform::filter::{DropPreset, KeepPreset, Monitor};

use crate::support::samples;

/// The alerts that Confluent's alerting blog publishes as Splunk searches, by the numbers of its table; ours cover both
/// dialects and every spelling of a failure.
const ALERTS: [(&str, &str); 10] = [
    ("1 cluster deletion", r#"method == "DeleteKafkaCluster""#),
    (
        "1 cluster deletion, production only",
        r#"method == "DeleteKafkaCluster" && resource_ids.exists(id, id in ["lkc-a1b2c", "lkc-prod2"])"#,
    ),
    ("2 environment deletion", r#"method == "DeleteEnvironment""#),
    ("3 authentication failure at a cluster", r#"method == "kafka.Authentication" && denied"#),
    ("4 authentication failure at the schema registry", r#"method == "schema-registry.Authentication" && denied"#),
    ("5 authorization failure at a cluster", r#"type == "io.confluent.kafka.server/authorization" && denied"#),
    ("5 authorization failure anywhere", r#"family == "authorization" && denied"#),
    ("6 authorization failure by an IP filter", r#"method == "ip-filter.Authorize" && denied"#),
    (
        "7 OrganizationAdmin role binding",
        r#"method in ["BindRoleForPrincipal", "CreateRoleBinding"] && event.data.request.data.role_name == "OrganizationAdmin""#,
    ),
    ("8 at least one new event", "true"),
];

/// The first twenty of the detection catalogue; of those that count, order or remember, the part that is about one event.
const DETECTIONS: [(&str, &str); 24] = [
    ("cluster-deleted", r#"method == "DeleteKafkaCluster" && outcome == "success""#),
    ("cluster-deleted, attempt", r#"method == "DeleteKafkaCluster" && denied"#),
    ("environment-deleted", r#"method == "DeleteEnvironment" && outcome == "success""#),
    ("kafka-authn-failure", r#"method == "kafka.Authentication" && denied"#),
    ("sr-authn-failure", r#"method == "schema-registry.Authentication" && denied"#),
    ("authz-denied", r#"family == "authorization" && denied"#),
    ("ip-filter-denied", r#"method == "ip-filter.Authorize" && denied"#),
    (
        "org-admin-granted",
        r#"method in ["BindRoleForPrincipal", "CreateRoleBinding"] && outcome == "success" && role == "OrganizationAdmin""#,
    ),
    (
        "admin-role-granted",
        r#"method in ["BindRoleForPrincipal", "CreateRoleBinding"] && role.endsWith("Admin") && role != "OrganizationAdmin""#,
    ),
    ("sensitive-denied", r#"denied && resource.startsWith("sensitive-")"#),
    (
        "sensitive-first-fetch",
        r#"method == "kafka.Fetch" && outcome == "success" && resource_ids.exists(id, id.startsWith("sensitive-"))"#,
    ),
    ("mass-deletion", r#"verb == "delete" && outcome == "success" && family == "request""#),
    (
        "acl-wildcard",
        r#"method == "kafka.CreateAcls" && event.data.request.data.acls.exists(a, a.permission_type == "ALLOW" && (a.principal == "User:*" || a.resource_name == "*"))"#,
    ),
    ("api-key-created", r#"method == "CreateAPIKey" && outcome == "success""#),
    ("api-key-created, off-hours", r#"method == "CreateAPIKey" && time.matches("T(0[0-7]|2[0-3]):")"#),
    ("api-key-new-ip", "has(credential_id) && has(client_ip)"),
    (
        "api-key-new-ip, from outside",
        r#"has(credential_id) && client_ip.exists(ip, !inCidr(ip, ["10.0.0.0/8", "192.168.0.0/16", "198.51.100.0/24"]))"#,
    ),
    ("signin-bruteforce", r#"method == "SignIn" && denied && has(email)"#),
    (
        "sso-or-idp-changed",
        r#"["SSOConnection", "IdentityProvider", "IdentityPool"].exists(what, method.endsWith(what)) && verb != "read""#,
    ),
    (
        "ip-filter-changed",
        r#"event.data.cloudResources.exists(r, r.resource.type in ["IP_FILTER", "IP_GROUP"]) && verb in ["create", "update", "delete"]"#,
    ),
    (
        "network-opened",
        r#"method.matches("^(Create|Update)(PrivateLink|Peering|TransitGateway)") || method == "DeleteNetwork""#,
    ),
    ("cluster-link-created", r#"method == "kafka.CreateClusterLinks" && outcome == "success""#),
    ("connector-created", r#"method in ["CreateConnector", "CreateOrUpdateConnector"]"#),
    (
        "connector-created, as a sink",
        r#"method.endsWith("Connector") && event.data.request.data.config["connector.class"].endsWith("Sink")"#,
    ),
];

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/conditions")
}

/// Where an event stands, and the event.
fn events() -> Vec<(String, String)> {
    let more = fs::read_to_string(folder().join("more.jsonl")).expect("it is there");
    let corpus =
        samples::events().into_iter().zip(1..).map(|(event, line)| (format!("sample {line}"), event.to_owned()));
    let more = more.lines().zip(1..).map(|(event, line)| (format!("more {line}"), event.to_owned()));
    corpus.chain(more).collect()
}

/// The events for which it holds, each with its method and how it ended.
fn found(condition: &Condition, events: &[(String, String)]) -> Vec<String> {
    let mut tape = Tape::default();
    let mut found = Vec::new();
    for (place, event) in events {
        let document = tape.read(event.as_bytes()).expect("an object");
        let view = View::new(&document);
        let holds = condition.holds(&Subject { view: view.clone(), topic: "confluent-audit-log-events" });
        let text = |field| view.text(field).map_or_else(|| "-".to_owned(), |text| text.into_owned());
        if holds.unwrap_or_else(|fault| panic!("{}: {fault}: {event}", condition.text())) {
            found.push(format!("{place}: {} {}", text(Field::Method), text(Field::Outcome)));
        }
    }
    found
}

fn compiled(text: &str) -> Condition {
    let (condition, remarks) = Condition::compile(text).unwrap_or_else(|problems| panic!("{text}\n{problems:#?}"));
    assert!(remarks.is_empty(), "{text}\n{remarks:#?}");
    condition
}

fn monitors() -> Vec<(&'static str, String)> {
    let monitor = |contains: bool, operations: &[&str], methods: &[&str]| {
        let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
        Monitor { prefix: "sensitive-".into(), contains, operations: words(operations), methods: words(methods) }.when()
    };
    vec![
        ("as configured by default", monitor(false, &["Read", "Describe"], &["kafka.Fetch"])),
        ("anywhere in the name", monitor(true, &["Read", "Describe"], &["kafka.Fetch"])),
        ("every operation", monitor(false, &[], &[])),
    ]
}

#[test]
fn every_alert_and_detection_is_one_line_and_finds_its_events() {
    let events = events();
    let mut record = String::new();
    let mut write = |title: &str, name: &str, text: &str| {
        assert!(title == "preset" || !text.contains('\n'), "{name} is one line");
        let found = found(&compiled(text), &events);
        writeln!(record, "##### {title} {name}\n{text}").expect("a string takes everything");
        match found.len() {
            count if count == events.len() => writeln!(record, "  all {count}\n"),
            0 => panic!("{name} finds nothing: add an event to more.jsonl"),
            _ => writeln!(record, "  {}\n", found.join("\n  ")),
        }
        .expect("a string takes everything");
    };
    ALERTS.iter().for_each(|(name, text)| write("alert", name, text));
    DETECTIONS.iter().for_each(|(name, text)| write("detection", name, text));
    monitors().iter().for_each(|(name, text)| write("monitor", name, text));
    DropPreset::ALL.iter().for_each(|preset| write("preset", preset.as_str(), preset.when()));
    KeepPreset::ALL.iter().for_each(|preset| write("preset", preset.as_str(), preset.when()));

    let golden = folder().join("found.txt");
    #[allow(clippy::disallowed_methods, reason = "a switch of the test itself")]
    let update = std::env::var("UPDATE_GOLDEN").is_ok();
    if update {
        fs::write(&golden, &record).expect("writable");
    }
    let expected = fs::read_to_string(&golden).unwrap_or_default();
    assert_eq!(record, expected, "what is found has changed: UPDATE_GOLDEN=1 rewrites the record");
}

#[test]
fn the_documentation_shows_the_conditions_as_they_are_and_examples_that_compile() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/filtering.md");
    let text = fs::read_to_string(path).expect("it is there");
    let presets =
        DropPreset::ALL.iter().map(|preset| preset.when()).chain(KeepPreset::ALL.iter().map(|preset| preset.when()));
    let (_, monitor) = &monitors()[0];
    for condition in presets.chain([monitor.as_str()]) {
        assert!(text.contains(&format!("```text\n{condition}\n```")), "docs/filtering.md does not show\n{condition}");
    }
    let (_, examples) = text.split_once("More examples:").expect("a list of examples");
    let (examples, _) = examples.trim().trim_start_matches("```text\n").split_once("```").expect("a block");
    assert!(examples.lines().count() > 3);
    examples.lines().for_each(|example| drop(compiled(example)));
}

/// Goal: no preset can lose what matters, whatever the vendor adds. Method: every event of the corpus with every word that an
/// outcome can be, and with none, in each of the places where one can stand.
#[test]
fn no_preset_drops_what_did_not_succeed() {
    let routine = compiled(DropPreset::Routine.when());
    let keeps: Vec<Condition> =
        [KeepPreset::Security, KeepPreset::Minimal].iter().map(|p| compiled(p.when())).collect();
    let mut tape = Tape::default();
    let mut denied = 0;
    for (_, event) in events() {
        for (place, word) in changes() {
            let mut event: serde_json::Value = serde_json::from_str(&event).expect("JSON");
            if let Some(slot) = event.pointer_mut(place) {
                *slot = word;
            }
            let text = event.to_string();
            let document = tape.read(text.as_bytes()).expect("an object");
            let subject = Subject { view: View::new(&document), topic: "t" };
            if subject.view.text(Field::Outcome).as_deref() != Some("success") {
                denied += 1;
                assert_eq!(routine.holds(&subject), Ok(false), "{text}");
                for keep in &keeps {
                    assert_eq!(keep.holds(&subject), Ok(true), "{}\n{text}", keep.text());
                }
            }
        }
    }
    assert!(denied > 400, "{denied} events did not succeed");
}

fn changes() -> Vec<(&'static str, serde_json::Value)> {
    let places = [
        "/data/result/status",
        "/data/authenticationInfo/result",
        "/data/authorizationInfo/result",
        "/data/authorizationInfo/granted",
        "/data/request/accessType",
    ];
    let words = [
        "FAILURE",
        "UNAUTHENTICATED",
        "PERMISSION_DENIED",
        "DENY",
        "UNSET",
        "SOMETHING_NEW",
        "SUCCESS",
        "READ_ONLY",
        "",
    ];
    let words: Vec<serde_json::Value> =
        words.into_iter().map(Into::into).chain([false.into(), true.into(), serde_json::Value::Null]).collect();
    places.into_iter().flat_map(|place| words.iter().map(move |word| (place, word.clone()))).collect()
}
