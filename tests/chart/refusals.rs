//! What the chart refuses, and in which words: every rule of `templates/validate.yaml` once, and the schema.

use std::collections::BTreeMap;
use std::fs;

use serde_json::{Value, json};

use super::helm::{chart, example, output, read, template};

/// An example, values on top of it, and how the refusal begins.
type Case = (&'static str, Value, &'static str);

/// In place of an example: the chart's own values.
const NOTHING: &str = "";

fn source(change: Value) -> Value {
    json!({"config": {"sources": {"audit": {"kafka": change}}}})
}

fn pipeline(change: Value) -> Value {
    json!({"config": {"pipelines": {"splunk": change}}})
}

fn configuration() -> Vec<Case> {
    vec![
        (
            "existing-configmap",
            source(json!({"topics": ["a"], "bootstrap_servers": "a:1"})),
            "config and existingConfigMap.name are both given",
        ),
        (NOTHING, json!({}), "config.sources is empty"),
        (NOTHING, source(json!({"topics": ["a"], "bootstrap_servers": "a:1"})), "config.pipelines is empty"),
        ("minimal", json!({"config": {"admin": {"enabled": false}}}), "config.admin.enabled is false"),
        (
            "minimal",
            json!({"config": {"admin": {"listen": "127.0.0.1:9470"}}}),
            "config.admin.listen is 127.0.0.1:9470",
        ),
        ("minimal", pipeline(json!({"source": "adit"})), "config.pipelines.splunk.source is \"adit\""),
        (
            "minimal",
            pipeline(json!({"drain_deadline": "${DRAIN}"})),
            "config.pipelines.splunk.drain_deadline is ${DRAIN}",
        ),
        (
            "minimal",
            pipeline(json!({"drain_deadline": "45s"})),
            "config.pipelines.splunk.drain_deadline is not shorter than session_timeout (45s)",
        ),
        (
            "minimal",
            pipeline(json!({"sink": {"splunk_hec": {"endpoints": ["http://hec:8088"]}}})),
            "config.pipelines.splunk.sink.splunk_hec has the endpoint http://hec:8088",
        ),
        (
            "minimal",
            pipeline(json!({"dead_letter": {"directory": "/letters"}})),
            "config.pipelines.splunk.dead_letter.directory is /letters, and the pod has no disk",
        ),
        (
            "persistence",
            pipeline(json!({"dead_letter": {"directory": "/letters"}})),
            "config.pipelines.splunk.dead_letter.directory is /letters, which does not lie below",
        ),
        (
            "minimal",
            source(json!({"group_instance_id": "one"})),
            "config.sources.audit.kafka.group_instance_id is \"one\"",
        ),
        (
            "minimal",
            source(json!({"retention": "2d"})),
            "config.sources.audit.kafka.retention is 2d, and the alert RetentionHeadroomLow",
        ),
        (
            "minimal",
            json!({"config": {"sources": {"audit": {"kafka": {"retention": "12h"}}}},
                   "prometheusRule": {"alerts": {"RetentionHeadroomLow": {"enabled": false}}}}),
            "config.sources.audit.kafka.retention is 12h, and the alert RetentionHeadroomCritical",
        ),
    ]
}

fn secrets() -> Vec<Case> {
    vec![
        ("minimal", json!({"secrets": {"splunk": {"values": {"hec-token": "x"}}}}), "secrets.splunk says twice"),
        ("minimal", json!({"secrets": {"more": {}}}), "secrets.more does not say where it comes from"),
        ("made-secrets", json!({"secretCheck": {"enabled": true}}), "secretCheck.enabled needs secrets that exist"),
        (
            "secret-check",
            json!({"files": {"ca": {"values": {"ca.pem": "x"}}}}),
            "secretCheck.enabled runs before the release, and files.ca is made by the chart itself",
        ),
        ("minimal", json!({"files": {"ca": {}}}), "files.ca has to say exactly once"),
        (
            "minimal",
            source(json!({"tls": {"key_file": "/var/run/secrets/client/tls.key"}})),
            "config names /var/run/secrets/client/tls.key, and there is no `secrets.client`",
        ),
        (
            "minimal",
            source(json!({"tls": {"trust_store": "/etc/auditferry/ca/ca.pem"}})),
            "config names /etc/auditferry/ca/ca.pem, and there is no `files.ca`",
        ),
        (
            "made-secrets",
            source(json!({"tls": {"key_file": "/var/run/secrets/confluent/tls.key"}})),
            "config names /var/run/secrets/confluent/tls.key, and `secrets.confluent` has only: api-key, api-secret",
        ),
    ]
}

fn workload() -> Vec<Case> {
    vec![
        ("minimal", json!({"terminationGracePeriodSeconds": 20}), "terminationGracePeriodSeconds is 20"),
        ("existing-configmap", json!({"terminationGracePeriodSeconds": 30}), "terminationGracePeriodSeconds is 30"),
        ("minimal", json!({"replicas": 13}), "there may be 13 pods, and the topic has 12 partitions"),
        ("hpa", json!({"autoscaling": {"hpa": {"maxReplicas": 20}}}), "there may be 20 pods"),
        ("persistence", json!({"workload": "Deployment"}), "persistence.enabled with workload Deployment"),
        ("existing-claim", json!({"replicas": 2}), "persistence.existingClaim is one disk for several pods"),
        ("minimal", json!({"updateStrategy": {"type": "Recreate"}}), "updateStrategy.type Recreate is of a Deployment"),
        (
            "deployment",
            json!({"updateStrategy": {"type": "OnDelete"}}),
            "updateStrategy.type OnDelete is of a StatefulSet",
        ),
        ("minimal", json!({"resources": {"limits": {"memory": "1e9"}}}), "resources.limits.memory is 1e9, which"),
        (
            "minimal",
            json!({"resources": {"limits": {"memory": "100Mi"}}}),
            "resources.limits.memory is 100Mi, and the pipelines",
        ),
        (
            "minimal",
            json!({"podDisruptionBudget": {"minAvailable": 1}}),
            "podDisruptionBudget has minAvailable and maxUnavailable",
        ),
        (
            "keda",
            json!({"autoscaling": {"hpa": {"enabled": true}}}),
            "autoscaling.hpa and autoscaling.keda are both enabled",
        ),
        (
            "hpa",
            json!({"autoscaling": {"hpa": {"minReplicas": 5}}}),
            "autoscaling: minReplicas (5) is more than maxReplicas (4)",
        ),
        (
            "existing-configmap",
            json!({"autoscaling": {"keda": {"enabled": true}}}),
            "autoscaling.keda needs to know brokers",
        ),
        (
            "keda",
            source(json!({"bootstrap_servers": "${SERVERS}"})),
            "autoscaling.keda: config.sources.audit.kafka.bootstrap_servers is a reference",
        ),
        (
            NOTHING,
            json!({"autoscaling": {"keda": {"enabled": true}}, "config": {
                "sources": {"audit": {"kafka": {"bootstrap_servers": "a:1", "topic_pattern": "audit.*"}}},
                "pipelines": {"splunk": {"source": "audit", "sink": {"splunk_hec": {
                    "endpoints": ["https://a:1"], "delivery": "accepted", "token": "${TOKEN}"}}}}}}),
            "autoscaling.keda: config.sources.audit.kafka has no `topics`",
        ),
    ]
}

fn around() -> Vec<Case> {
    vec![
        ("service-monitor", json!({"podMonitor": {"enabled": true}}), "podMonitor and serviceMonitor are both enabled"),
        (
            "service-monitor",
            json!({"service": {"enabled": false}}),
            "serviceMonitor is enabled and service.enabled is false",
        ),
        ("minimal", json!({"ingress": {"enabled": true}}), "ingress.enabled needs `ingress.host`"),
        (
            "minimal",
            json!({"ingress": {"enabled": true, "host": "a.example"}}),
            "ingress.enabled without authentication",
        ),
        (
            "environment",
            json!({"networkPolicy": {"flavor": "cilium"}}),
            "networkPolicy.flavor cilium: hosts in the configuration are references",
        ),
        (
            "no-policy",
            json!({"serviceAccount": {"annotations": {"a": "b"}}}),
            "serviceAccount.annotations are given for an account that is not made here",
        ),
    ]
}

/// What Helm says about an example with these values on top.
fn refusal(base: &str, values: &Value) -> String {
    let folder = tempfile::tempdir().expect("make a temporary directory");
    let file = folder.path().join("values.json");
    fs::write(&file, values.to_string()).expect("write below the temporary directory");
    let mut command = match base {
        NOTHING => template(&[file], [] as [&str; 0]),
        name => {
            let example = example(name);
            template(&[example.file, file], &example.arguments)
        }
    };
    let output = output(&mut command);
    assert!(!output.status.success(), "{base} with {values} was rendered");
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Goal: every rule refuses what it is for, in words with a remedy. Method: each `fail` of the template is triggered; its text
/// up to the first placeholder tells which one it was.
#[test]
fn every_rule_refuses_what_it_is_for() {
    let template = read("helm/auditferry/templates/validate.yaml");
    let mut rules: BTreeMap<String, usize> = template
        .lines()
        .filter_map(|line| line.strip_prefix("{{- fail "))
        .map(|rule| (rule.trim_start_matches("(printf ").trim_start_matches('"').to_owned(), 0))
        .collect();
    assert!(rules.len() >= 15, "{} rules", rules.len());
    for (base, values, beginning) in [configuration(), secrets(), workload(), around()].concat() {
        let said = refusal(base, &values);
        assert!(said.contains(beginning), "{base} with {values}: expected {beginning:?}, got {said}");
        let rule = rules.iter_mut().find(|(rule, _)| spells(rule, &said));
        *rule.unwrap_or_else(|| panic!("no rule says {said}")).1 += 1;
    }
    let idle: Vec<&String> = rules.iter().filter(|(_, times)| **times == 0).map(|(rule, _)| rule).collect();
    assert!(idle.is_empty(), "never triggered: {idle:#?}");
}

/// Whether `said` holds every piece of the rule's text between its placeholders.
fn spells(rule: &str, said: &str) -> bool {
    let text = rule.split("\" ").next().unwrap_or(rule);
    let pieces =
        text.split('%').enumerate().map(|(index, piece)| if index == 0 { piece } else { piece.get(1..).unwrap_or("") });
    pieces.map(|piece| piece.replace("\\\"", "\"")).filter(|piece| piece.len() > 12).all(|piece| said.contains(&piece))
}

#[test]
fn the_schema_refuses_what_is_misspelled_or_of_another_type() {
    let cases = [
        (json!({"replica": 2}), "replica"),
        (json!({"replicas": "two"}), "replicas"),
        (json!({"replicas": -1}), "replicas"),
        (json!({"workload": "DaemonSet"}), "workload"),
        (json!({"image": {"digest": "latest"}}), "digest"),
        (json!({"image": {"name": "x"}}), "name"),
        (json!({"persistence": {"accessModes": ["Any"]}}), "accessModes"),
        (json!({"secrets": {"Upper": {"existingSecret": "x"}}}), "Upper"),
        (json!({"secrets": {"a": {"secret": "x"}}}), "secret"),
        (json!({"secrets": {"a": {"values": {"token": ""}}}}), "token"),
        (json!({"files": {"config": {"values": {"a": "b"}}}}), "config"),
        (json!({"podMonitor": {"enabled": "sometimes"}}), "podMonitor"),
        (json!({"podMonitor": {"interval": "often"}}), "interval"),
        (json!({"prometheusRule": {"alerts": {"NoSuchAlert": {"enabled": false}}}}), "NoSuchAlert"),
        (json!({"prometheusRule": {"alerts": {"ClockSkew": {"level": "page"}}}}), "level"),
        (json!({"autoscaling": {"keda": {"minReplicas": 0}}}), "minReplicas"),
        (json!({"autoscaling": {"keda": {"scaleDownStabilizationSeconds": 10}}}), "scaleDown"),
        (json!({"networkPolicy": {"flavor": "calico"}}), "flavor"),
        (json!({"log": {"format": "xml"}}), "format"),
        // The program's own keys.
        (pipeline(json!({"drain_dealine": "1s"})), "drain_dealine"),
        (pipeline(json!({"max_in_flight": 0})), "max_in_flight"),
        (pipeline(json!({"drain_deadline": "soon"})), "drain_deadline"),
        // A secret in clear text.
        (pipeline(json!({"sink": {"splunk_hec": {"token": "00000000-0000-0000-0000-000000000000"}}})), "token"),
        (source(json!({"api_secret": "clear"})), "api_secret"),
    ];
    for (values, word) in cases {
        let said = refusal("minimal", &values);
        assert!(said.contains("values don't meet") && said.contains(word), "{values}: {said}");
        assert!(!said.contains("clear\""), "the refusal shows the secret: {said}");
    }
}

#[test]
fn no_message_points_to_a_value_that_does_not_exist() {
    let schema: Value = serde_json::from_str(&read("helm/auditferry/values.schema.json")).expect("JSON");
    let template = fs::read_to_string(chart().join("templates/validate.yaml")).expect("readable");
    for quoted in template.split('`').skip(1).step_by(2) {
        let path: String = quoted.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '.').collect();
        let first = path.split('.').next().unwrap_or_default();
        if quoted.starts_with('%') || path.is_empty() || !quoted.contains('.') || quoted.contains("config.") {
            continue;
        }
        assert!(schema["properties"].get(first).is_some(), "`{quoted}` names no value");
    }
}
