//! What the chart renders is run: installed into the real API server, the pod that it gives back started as a kubelet would, with the
//! real program, against a real Kafka broker and the stand-in for Splunk, both over TLS.

mod kubelet;

use std::fs;
use std::time::Duration;

use auditferry::demo::hec::{HecOptions, TOKEN, Token};
use serde_json::{Value, json};

use super::alerts;
use super::cluster::Cluster;
use super::helm::{self, Example, example, stdout};
use super::support::collector::Collector;
use super::support::kafka::{Access, FORWARDER, Kafka, fresh_name};
use super::support::ports::free_port;
use super::support::samples;
use super::support::waiting::wait_until;
use kubelet::Container;

const LIMIT: Duration = Duration::from_secs(90);
const PLAIN: Access = Access::SaslSsl { mechanism: "PLAIN", login: FORWARDER };
/// The key of pseudonyms.
const KEY: &str = "a key of more than sixteen characters";

/// A topic, a collector, and a namespace in which everything exists that an example takes for granted.
struct Stage {
    kafka: &'static Kafka,
    cluster: &'static Cluster,
    topic: String,
    namespace: String,
    collector: Collector,
    /// The collector's certificate.
    certificate: String,
}

impl Stage {
    fn new(token: Token) -> Self {
        let kafka = Kafka::shared();
        let cluster = Cluster::shared();
        let folder = tempfile::tempdir().expect("make a temporary directory");
        let options = HecOptions { tokens: vec![token], ..HecOptions::default() };
        let (collector, file) = Collector::start_self_signed_with(folder.path(), options);
        let certificate = fs::read_to_string(file).expect("it was written");
        let stage = Self {
            kafka,
            cluster,
            topic: kafka.topic("chart", 3),
            namespace: cluster.namespace(),
            collector,
            certificate,
        };
        stage.make_what_exists();
        stage
    }

    fn make_what_exists(&self) {
        let authority = fs::read_to_string(&self.kafka.certificates().ca).expect("it was written");
        let (user, password) = (FORWARDER.user, FORWARDER.password);
        for (name, data) in [
            ("confluent-audit", json!({"api-key": user, "api-secret": password})),
            ("splunk-hec", json!({"hec-token": TOKEN, "soc-token": TOKEN})),
            ("shared", json!({"CONFLUENT_KEY": user, "CONFLUENT_SECRET": password, "SPLUNK_TOKEN": TOKEN})),
            ("auditferry-kafka", json!({"password": password})),
            ("kafka-cluster-ca-cert", json!({"ca.crt": authority})),
            ("redaction-key", json!({"key": KEY})),
        ] {
            self.make(
                "secrets",
                &json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "stringData": data}),
            );
        }
        let servers = self.kafka.bootstrap(PLAIN);
        for (name, data) in [
            ("splunk-ca", json!({"ca.pem": self.certificate})),
            ("stage", json!({"bootstrap-servers": servers})),
            ("test-ca", json!({"kafka.pem": authority, "splunk.pem": self.certificate})),
        ] {
            self.make(
                "configmaps",
                &json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data}),
            );
        }
    }

    fn make(&self, resource: &str, object: &Value) {
        let path = format!("/api/v1/namespaces/{}/{resource}", self.namespace);
        self.cluster.post(&path, object).unwrap_or_else(|error| panic!("{error}"));
    }

    /// The example's own values, with the addresses of this stage, and the authorities that signed its certificates.
    fn values(&self, example: &Example) -> Value {
        let mut values = example.values();
        let listen = format!("0.0.0.0:{}", free_port());
        values["config"]["admin"]["listen"] = json!(listen);
        values["files"]["test-ca"] = json!({"existingConfigMap": "test-ca"});
        for source in values["config"]["sources"].as_object_mut().expect("there are sources").values_mut() {
            let kafka = &mut source["kafka"];
            let is_reference = kafka["bootstrap_servers"].as_str().is_some_and(|servers| servers.contains("${"));
            if !is_reference {
                kafka["bootstrap_servers"] = json!(self.kafka.bootstrap(PLAIN));
            }
            if kafka.get("tls").is_none() {
                kafka["tls"] = json!({"trust_store": "/etc/auditferry/test-ca/kafka.pem"});
            }
            kafka["topics"] = json!([self.topic]);
            log_in(kafka);
        }
        for pipeline in values["config"]["pipelines"].as_object_mut().expect("there are pipelines").values_mut() {
            pipeline["group_id"] = json!(fresh_name("group"));
            let sink = &mut pipeline["sink"]["splunk_hec"];
            sink["endpoints"] = json!([self.collector.url()]);
            // The token of the stand-in may write to every index.
            if sink.get("tls").is_none() {
                sink["tls"] = json!({"trust_store": "/etc/auditferry/test-ca/splunk.pem"});
            }
            if pipeline["dead_letter"].get("topic").is_some() {
                let letters = self.kafka.topic("letters", 1);
                pipeline["dead_letter"]["topic"]["name"] = json!(letters);
                let kafka = &mut pipeline["dead_letter"]["topic"]["kafka"];
                kafka["bootstrap_servers"] = json!(self.kafka.bootstrap(PLAIN));
                log_in(kafka);
            }
        }
        if values["secrets"]["splunk"].get("values").is_some() {
            values["secrets"]["splunk"]["values"]["hec-token"] = json!(TOKEN);
            values["secrets"]["confluent"]["values"] =
                json!({"api-key": FORWARDER.user, "api-secret": FORWARDER.password});
        }
        values
    }

    /// Installs the example and starts the pod that comes of it.
    fn start(&self, values: &Value) -> Container {
        let folder = tempfile::tempdir().expect("make a temporary directory");
        let file = folder.path().join("values.json");
        fs::write(&file, values.to_string()).expect("writable");
        stdout(&mut self.cluster.apply("install", &self.namespace, &[file]));
        let pod = self.cluster.make_pod(&self.namespace, &self.cluster.workload(&self.namespace));
        Container::start(self.cluster, &pod.unwrap_or_else(|error| panic!("{error}")))
    }

    fn produce(&self, count: u64) {
        let events = samples::events();
        self.kafka.produce(&self.topic, count, |n| events[n as usize % events.len()], |n| (n % 3) as i32);
    }
}

/// The user that the broker knows, where an example logs in by name.
fn log_in(kafka: &mut Value) {
    if let Some(sasl) = kafka.get_mut("sasl") {
        sasl["username"] = json!(FORWARDER.user);
    }
}

#[track_caller]
fn wait_for_probes(container: &mut Container, example: &str) {
    for probe in ["startupProbe", "livenessProbe", "readinessProbe"] {
        wait_until(LIMIT, &format!("{example}: the {probe} passes"), || {
            let ended = container.child().ended();
            assert!(ended.is_none(), "{example}: it ended: {ended:?}\n{}", container.printed());
            container.probe(probe)
        });
    }
}

/// Asks it to stop, as the kubelet does, and sees that it does so within its time, without complaint.
#[track_caller]
fn stop(container: &mut Container, example: &str) {
    container.terminate();
    let status = container.child().wait(Duration::from_secs(30));
    let log = container.printed();
    assert!(status.success(), "{example}: {status}\n{log}");
    let complaint = log.lines().find(|line| line.contains("\"WARN\"") || line.contains("\"ERROR\""));
    assert!(complaint.is_none(), "{example}: {complaint:?}");
    assert!(log.lines().any(|line| line.starts_with('{')), "{example}: the log is JSON\n{log}");
}

/// Goal: whoever installs this example gets events delivered. Method: install, take the pod, run it, see its probes pass at the
/// rendered paths and every event arrive; stop it.
#[track_caller]
fn assert_runs(name: &str, token: Token) {
    let stage = Stage::new(token);
    let events = 300;
    stage.produce(events);
    let mut container = stage.start(&stage.values(&example(name)));
    wait_for_probes(&mut container, name);
    stage.collector.wait_for_events(events);
    stop(&mut container, name);
}

#[test]
fn the_least_that_works_delivers() {
    assert_runs("minimal", Token::new(TOKEN));
}

#[test]
fn secrets_made_by_the_chart_deliver() {
    assert_runs("made-secrets", Token::new(TOKEN));
}

#[test]
fn renamed_keys_deliver() {
    assert_runs("renamed-keys", Token::new(TOKEN));
}

#[test]
fn a_mirror_with_scram_and_acknowledgement_delivers() {
    assert_runs("mirror-topic", Token::new(TOKEN).with_acknowledgement());
}

#[test]
fn a_deployment_delivers() {
    assert_runs("deployment", Token::new(TOKEN));
}

#[test]
fn a_user_that_nobody_knows_with_group_0_delivers() {
    assert_runs("openshift", Token::new(TOKEN));
}

#[test]
fn a_configuration_from_the_environment_delivers() {
    assert_runs("environment", Token::new(TOKEN));
}

/// The configuration lies in a ConfigMap that the chart does not make; its admin server is moved by a variable.
#[test]
fn a_configuration_that_exists_delivers() {
    let stage = Stage::new(Token::new(TOKEN));
    stage.produce(100);
    let minimal = stage.values(&example("minimal"));
    let mut config = minimal["config"].clone();
    config["admin"]["listen"] = json!("127.0.0.1:1");
    let map = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "auditferry-config"}, "data": {"production.yaml": config.to_string()}});
    stage.make("configmaps", &map);
    let mut values = example("existing-configmap").values();
    values["config"] = json!({"admin": minimal["config"]["admin"]});
    values["files"] = minimal["files"].clone();
    let mut container = stage.start(&values);
    wait_for_probes(&mut container, "existing-configmap");
    stage.collector.wait_for_events(100);
    stop(&mut container, "existing-configmap");
}

/// Goal: what alerts and dashboard name is exported. Method: a run with tables and redaction; the scrape holds every metric but those
/// that begin with an event which has not happened.
#[test]
fn tables_and_keys_are_read_and_every_metric_that_is_named_is_exported() {
    const LATER: [&str; 9] = [
        "auditferry_clock_skew_total",
        "auditferry_commit_failures_total",
        "auditferry_dead_letters_total",
        "auditferry_event_drift_total",
        "auditferry_gaps_total",
        "auditferry_kafka_errors_total",
        "auditferry_reloads_total",
        "auditferry_sink_failures_total",
        "auditferry_tls_verification_disabled_info",
    ];
    let stage = Stage::new(Token::new(TOKEN));
    stage.produce(300);
    let mut values = stage.values(&example("enrichment"));
    values["config"]["pipelines"]["splunk"]["transforms"]
        .as_array_mut()
        .expect("a list")
        .insert(0, json!({"drop": {"name": "never", "when": "type == \"no such type\""}}));
    let mut container = stage.start(&values);
    wait_for_probes(&mut container, "enrichment");
    stage.collector.wait_for_events(300);
    // The last of them comes with the first commit.
    let missing = |scrape: &str| -> Vec<String> {
        let named = alerts::named_metrics().into_iter().filter(|name| !LATER.contains(&name.as_str()));
        named.filter(|name| !scrape.lines().any(|line| line.starts_with(name.as_str()))).collect()
    };
    wait_until(LIMIT, "every metric is exported", || missing(&container.scrape()).is_empty());
    stop(&mut container, "enrichment");
}

/// Goal: a dead letter lies on the disk of the pod. Method: an event that is none; its file is looked for behind the claim.
#[test]
fn a_dead_letter_is_written_to_the_disk_of_the_pod() {
    let stage = Stage::new(Token::new(TOKEN));
    stage.produce(30);
    stage.kafka.produce(&stage.topic, 1, |_| b"\xff\xfe".to_vec(), |_| 0);
    let mut container = stage.start(&stage.values(&example("persistence")));
    wait_for_probes(&mut container, "persistence");
    stage.collector.wait_for_events(30);
    let letters = container.volume("data").join("dead-letter");
    wait_until(LIMIT, "a letter is written", || fs::read_dir(&letters).is_ok_and(|entries| entries.count() > 0));
    container.terminate();
    assert!(container.child().wait(Duration::from_secs(30)).success(), "{}", container.printed());
}

/// Goal: a token that is replaced in its Secret is used without a restart. Method: Splunk takes only the new one from now on; the
/// files change as the kubelet changes them.
#[test]
fn a_token_that_the_kubelet_replaces_is_used() {
    let stage = Stage::new(Token::new(TOKEN));
    stage.produce(30);
    let mut container = stage.start(&stage.values(&example("minimal")));
    wait_for_probes(&mut container, "minimal");
    stage.collector.wait_for_events(30);
    let new = "11111111-5741-4e44-2d49-4e2d544f4b4e";
    stage.collector.hec().set_tokens(vec![Token::new(new)]);
    container.replace("secret-splunk", &[("hec-token", new)], 0o440);
    stage.produce(30);
    stage.collector.wait_for_events(60);
    container.terminate();
    assert!(container.child().wait(Duration::from_secs(30)).success(), "{}", container.printed());
}

/// The pod of a hook, as the API server makes it: its exit code and what it printed.
fn run_hook(stage: &Stage, values: &Value, kind: &str) -> (Option<i32>, String) {
    let folder = tempfile::tempdir().expect("make a temporary directory");
    let file = folder.path().join("values.json");
    fs::write(&file, values.to_string()).expect("writable");
    stdout(&mut stage.cluster.apply("install", &stage.namespace, &[file]));
    let text = stdout(&mut stage.cluster.helm(&["get", "hooks", helm::RELEASE, "--namespace", &stage.namespace]));
    let hooks = helm::objects(&text);
    for map in helm::all(&hooks, "ConfigMap") {
        stage.make("configmaps", map);
    }
    let mut pod = match kind {
        "Job" => helm::only(&hooks, "Job")["spec"]["template"].clone(),
        kind => helm::only(&hooks, kind).clone(),
    };
    (pod["apiVersion"], pod["kind"]) = (json!("v1"), json!("Pod"));
    pod["metadata"]["name"] = json!("hook");
    stage.make("pods", &pod);
    let path = format!("/api/v1/namespaces/{}/pods/hook", stage.namespace);
    let mut container = Container::start(stage.cluster, &stage.cluster.get(&path).expect("it was made"));
    let status = container.child().wait(LIMIT);
    (status.code(), container.printed())
}

#[test]
fn helm_test_passes_where_kafka_and_splunk_answer() {
    let stage = Stage::new(Token::new(TOKEN));
    let (code, said) = run_hook(&stage, &stage.values(&example("minimal")), "Pod");
    assert_eq!(code, Some(0), "{said}");
}

#[test]
fn the_secret_check_passes_and_names_a_file_that_is_missing() {
    let stage = Stage::new(Token::new(TOKEN));
    let (code, said) = run_hook(&stage, &stage.values(&example("secret-check")), "Job");
    assert_eq!(code, Some(0), "{said}");
    let stage = Stage::new(Token::new(TOKEN));
    let mut values = stage.values(&example("secret-check"));
    values["secrets"]["splunk"] = json!({"existingSecret": "not-there"});
    let (code, said) = run_hook(&stage, &values, "Job");
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("/var/run/secrets/splunk/hec-token"), "{said}");
}
