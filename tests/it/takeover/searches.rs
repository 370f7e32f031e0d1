//! The alert searches that people run over these events match what arrives.
//!
//! They are those of the README of `pneff93/cc-audit-logs-splunk`, which belongs to the blog about alerts on audit logs.
//! A search there is a row of `field="value"`, all of which have to hold; one of them has an alternative in parentheses.
//!
//! Splunk makes a field of each value in an event that is a JSON object, with `.` between names and `{}` after that of an
//! array, and compares values without regard to case. Where the sender gives no `source`, it is `http:` and the name of the
//! token in Splunk. That is all that the searches rely on, and what [`Shown`] does; nothing of an event that arrives as text
//! would be found.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use auditferry::demo::hec::{HecOptions, TOKEN};
use serde_json::Value;

use super::{LIMIT, import, run};
use crate::support::collector::Collector;
use crate::support::kafka::{Access, FORWARDER, Kafka};
use crate::support::samples;
use crate::support::waiting::wait_until;

/// The topic, the source and the pipeline that `import/managed.json` names.
const TOPIC: &str = "confluent-audit-log-events";

/// The name of the token in the Splunk of the blog.
const TOKEN_NAME: &str = "Confluent Audit Logs";

/// Every search with the number of samples that it finds.
const SEARCHES: [(&str, usize); 9] = [
    (r#"source="http:Confluent Audit Logs" data.methodName="DeleteKafkaCluster""#, 1),
    // The same for production only, with the identifiers filled in.
    (
        r#"source="http:Confluent Audit Logs" data.methodName="DeleteKafkaCluster" (data.cloudResources{}.resource.resourceId="lkc-none" OR data.cloudResources{}.resource.resourceId="lkc-A1B2C")"#,
        1,
    ),
    (r#"source="http:Confluent Audit Logs" data.methodName="DeleteEnvironment""#, 1),
    (
        r#"source="http:Confluent Audit Logs" data.methodName="kafka.Authentication" data.result.status="UNAUTHENTICATED""#,
        2,
    ),
    // This one never matches anything, whoever carries the events: the words that `authenticationInfo.result` may have are
    // UNSET, SUCCESS and FAILURE. Its method does arrive, which is all that carrying can do about it.
    (
        r#"source="http:Confluent Audit Logs" data.methodName="schema-registry.Authentication" data.authenticationInfo.result="UNAUTHENTICATED""#,
        0,
    ),
    (
        r#"source="http:Confluent Audit Logs" type="io.confluent.kafka.server/authorization" data.authorizationInfo.granted="false""#,
        5,
    ),
    (
        r#"source="http:Confluent Audit Logs" data.methodName="ip-filter.Authorize" data.authorizationInfo.result="DENY""#,
        1,
    ),
    (
        r#"source="http:Confluent Audit Logs" data.methodName="BindRoleForPrincipal" data.request.data.role_name="OrganizationAdmin""#,
        1,
    ),
    // "At least one new event": all of them.
    (r#"source="http:Confluent Audit Logs""#, 84),
];

/// An event as a search sees it: each field with its values.
struct Shown(BTreeMap<String, BTreeSet<String>>);

impl Shown {
    fn new(envelope: &Value) -> Self {
        let mut shown = Self(BTreeMap::new());
        let event = &envelope["event"];
        if event.is_object() {
            shown.extract("", event);
        }
        let source = envelope["source"].as_str().map_or_else(|| format!("http:{TOKEN_NAME}"), str::to_owned);
        shown.0.insert("source".to_owned(), BTreeSet::from([source.to_lowercase()]));
        shown
    }

    fn extract(&mut self, name: &str, value: &Value) {
        match value {
            Value::Object(members) => {
                let dot = if name.is_empty() { "" } else { "." };
                members.iter().for_each(|(member, value)| self.extract(&format!("{name}{dot}{member}"), value));
            }
            Value::Array(items) => items.iter().for_each(|item| self.extract(&format!("{name}{{}}"), item)),
            Value::Null => {}
            Value::String(text) => self.add(name, text),
            Value::Bool(_) | Value::Number(_) => self.add(name, &value.to_string()),
        }
    }

    fn add(&mut self, name: &str, value: &str) {
        self.0.entry(name.to_owned()).or_default().insert(value.to_lowercase());
    }

    /// Whether all terms of the search hold.
    fn is_found_by(&self, search: &str) -> bool {
        let mut rest = search.trim_start();
        while !rest.is_empty() {
            let (holds, after) = match rest.strip_prefix('(') {
                None => {
                    let end = rest.match_indices('"').nth(1).expect("a term ends with a quotation mark").0 + 1;
                    (self.has(&rest[..end]), &rest[end..])
                }
                Some(inside) => {
                    let (alternatives, after) = inside.split_once(')').expect("a parenthesis is closed");
                    (alternatives.split(" OR ").any(|term| self.has(term)), after)
                }
            };
            if !holds {
                return false;
            }
            rest = after.trim_start();
        }
        true
    }

    /// Whether `field="value"` holds.
    fn has(&self, term: &str) -> bool {
        let (field, value) = term.split_once('=').expect("a term has an equals sign");
        let value = value.trim_matches('"').to_lowercase();
        self.0.get(field).is_some_and(|values| values.contains(&value))
    }
}

#[test]
fn a_search_finds_an_event_by_all_of_its_fields_and_nothing_in_a_text() {
    let text = r#"{"event":{"a":{"b":[{"c":"X"},{"c":2}]},"d":false}}"#;
    let mut envelope: Value = serde_json::from_str(text).expect("JSON");
    let finds = |envelope: &Value, search: &str| Shown::new(envelope).is_found_by(search);
    for (search, expected) in [
        (r#"a.b{}.c="x""#, true),
        (r#"a.b{}.c="2" d="false" source="http:Confluent Audit Logs""#, true),
        (r#"a.b{}.c="x" d="true""#, false),
        (r#"a.b.c="x""#, false),
        (r#"d="false" (a.b{}.c="y" OR a.b{}.c="x")"#, true),
        (r#"(a.b{}.c="y" OR a.b{}.c="z") d="false""#, false),
    ] {
        assert_eq!(finds(&envelope, search), expected, "{search}");
    }
    envelope["source"] = "elsewhere".into();
    assert!(!finds(&envelope, r#"source="http:Confluent Audit Logs""#));
    envelope["event"] = envelope["event"].to_string().into();
    assert!(!finds(&envelope, r#"d="false""#));
}

/// Goal: alerts go on firing after the fully managed connector was replaced. Method: its export is imported and run against
/// a broker and a collector behind TLS; each search is evaluated over what has arrived. What is this machine's alone comes
/// from the environment: addresses, the key's name and the authority of the broker's certificate.
#[test]
fn the_published_alert_searches_find_what_an_imported_connector_delivers() {
    let kafka = Kafka::shared();
    let home = tempfile::tempdir().expect("make a temporary directory");
    let options = HecOptions { keep_texts: 1_000, ..HecOptions::default() };
    let (collector, _) = Collector::start_self_signed_with(home.path(), options);
    let events = samples::events();
    kafka.create_topic(TOPIC, 2, &[]);
    kafka.produce(TOPIC, events.len() as u64, |n| events[n as usize], |n| (n % 2) as i32);

    let files = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/import");
    let config = import(&files, &["managed.json"]);
    let mut running = run(
        &config,
        &[
            ("KAFKA_BOOTSTRAP_SERVERS", &kafka.bootstrap(Access::SaslSsl { mechanism: "PLAIN", login: FORWARDER })),
            ("KAFKA_API_SECRET", FORWARDER.password),
            ("CONNECTOR_ID", "lcc-abc12"),
            ("SPLUNK_HEC_TOKEN", TOKEN),
            ("AUDITFERRY_SOURCES__SPLUNK_AUDIT__KAFKA__API_KEY", FORWARDER.user),
            (
                "AUDITFERRY_SOURCES__SPLUNK_AUDIT__KAFKA__TLS__TRUST_STORE",
                &kafka.certificates().ca.display().to_string(),
            ),
            ("AUDITFERRY_PIPELINES__SPLUNK_AUDIT__SINK__SPLUNK_HEC__ENDPOINTS", &format!("[\"{}\"]", collector.url())),
        ],
    );
    collector.wait_for_events(events.len() as u64);
    wait_until(LIMIT, "all is committed for the connector's group", || {
        kafka.committed("connect-lcc-abc12", TOPIC).iter().flatten().sum::<i64>() == events.len() as i64
    });
    running.terminate();
    assert_eq!(running.wait(LIMIT), 0, "{}", running.stderr());

    let texts = collector.hec().texts();
    let envelopes: Vec<Value> = texts.iter().map(|text| serde_json::from_str(text).expect("JSON")).collect();
    let whole = envelopes.iter().all(|envelope| envelope["event"].is_object() && envelope.get("source").is_none());
    assert!(whole, "objects, and no source");
    let shown: Vec<Shown> = envelopes.iter().map(Shown::new).collect();
    for (search, samples) in SEARCHES {
        let found = shown.iter().filter(|event| event.is_found_by(search)).count();
        assert_eq!(found, samples, "{search}");
    }
    let method = r#"data.methodName="schema-registry.Authentication""#;
    assert!(shown.iter().any(|event| event.is_found_by(method)), "what the fourth search is about does arrive");
}
