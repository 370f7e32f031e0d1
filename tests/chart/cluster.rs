//! A Kubernetes API server of the tests' own, with etcd behind it, and the chart installed into it.
//!
//! There are no controllers: a StatefulSet makes no pods. So what a controller would do is done here: the pod of the template is
//! posted, and admission judges it. The namespace enforces the Pod Security level `restricted`.

use std::fs::{self, File};
use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::helm::{self, Example, NAMESPACE, RELEASE, examples, output, read, stdout, tool, workload};
use super::support::child::Guarded;
use super::support::kafka::fresh_name;
use super::support::ports::free_port;
use super::support::waiting::wait_until;

const START_LIMIT: Duration = Duration::from_secs(90);
const TOKEN: &str = "chart-test";

/// Kinds of other projects that the examples hold: group, version, plural, kind.
const FOREIGN: [(&str, &str, &str, &str); 9] = [
    ("monitoring.coreos.com", "v1", "podmonitors", "PodMonitor"),
    ("monitoring.coreos.com", "v1", "servicemonitors", "ServiceMonitor"),
    ("monitoring.coreos.com", "v1", "prometheusrules", "PrometheusRule"),
    ("keda.sh", "v1alpha1", "scaledobjects", "ScaledObject"),
    ("keda.sh", "v1alpha1", "triggerauthentications", "TriggerAuthentication"),
    ("cilium.io", "v2", "ciliumnetworkpolicies", "CiliumNetworkPolicy"),
    ("grafana.integreatly.org", "v1beta1", "grafanadashboards", "GrafanaDashboard"),
    ("autoscaling.k8s.io", "v1", "verticalpodautoscalers", "VerticalPodAutoscaler"),
    ("external-secrets.io", "v1", "externalsecrets", "ExternalSecret"),
];

pub struct Cluster {
    url: String,
    /// Declared before `home`: they must be dead before their files are removed.
    _api: Guarded,
    _etcd: Guarded,
    home: TempDir,
}

impl Cluster {
    /// The one that all tests share. It ends with the process.
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<Cluster> = OnceLock::new();
        SHARED.get_or_init(Self::start)
    }

    fn start() -> Self {
        let home = tempfile::Builder::new().prefix("auditferry-cluster-").tempdir().expect("make a temporary directory");
        let [client, peer, port] = [free_port(), free_port(), free_port()];
        let etcd_url = format!("http://127.0.0.1:{client}");
        let mut etcd = Command::new(tool("etcd"));
        etcd.arg("--data-dir").arg(home.path().join("etcd"));
        etcd.args(["--listen-client-urls", &etcd_url, "--advertise-client-urls", &etcd_url]);
        etcd.args(["--listen-peer-urls", &format!("http://127.0.0.1:{peer}"), "--unsafe-no-fsync"]);
        let etcd = spawn(&mut etcd, &home, "etcd");
        let key = home.path().join("service-account.key");
        stdout(Command::new("openssl").args(["genrsa", "-out"]).arg(&key).arg("2048"));
        fs::write(home.path().join("tokens"), format!("{TOKEN},admin,admin,system:masters\n")).expect("writable");
        let mut api = Command::new(tool("kube-apiserver"));
        api.args(["--etcd-servers", &etcd_url, "--bind-address", "127.0.0.1", "--secure-port", &port.to_string()]);
        api.args(["--service-account-issuer", "https://kubernetes.default.svc", "--service-cluster-ip-range", "10.0.0.0/24,fd00:10::/112"]);
        api.arg("--service-account-key-file").arg(&key).arg("--service-account-signing-key-file").arg(&key);
        api.arg("--token-auth-file").arg(home.path().join("tokens")).args(["--authorization-mode", "RBAC"]);
        api.arg("--cert-dir").arg(home.path().join("certificates"));
        let api = spawn(&mut api, &home, "api");
        let cluster = Self { url: format!("https://127.0.0.1:{port}"), _api: api, _etcd: etcd, home };
        wait_until(START_LIMIT, "the API server is ready", || cluster.is_ready());
        cluster.write_kubeconfig();
        cluster.register_foreign_kinds();
        cluster
    }

    fn is_ready(&self) -> bool {
        let mut command = self.curl("GET", "/readyz");
        command.output().is_ok_and(|output| output.status.success() && output.stdout.starts_with(b"ok"))
    }

    fn write_kubeconfig(&self) {
        let config = json!({
            "apiVersion": "v1", "kind": "Config", "current-context": "test",
            "clusters": [{"name": "test", "cluster": {"server": self.url, "insecure-skip-tls-verify": true}}],
            "users": [{"name": "test", "user": {"token": TOKEN}}],
            "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test"}}],
        });
        fs::write(self.kubeconfig(), config.to_string()).expect("writable");
    }

    pub fn kubeconfig(&self) -> PathBuf {
        self.home.path().join("kubeconfig")
    }

    /// The kinds of operators, without a schema of their own: theirs is not ours to test.
    fn register_foreign_kinds(&self) {
        for (group, version, plural, kind) in FOREIGN {
            let any = json!({"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": true}});
            let definition = json!({
                "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
                "metadata": {
                    "name": format!("{plural}.{group}"),
                    // Groups of Kubernetes' own want to know who has approved.
                    "annotations": {"api-approved.kubernetes.io": "unapproved, for tests"},
                },
                "spec": {
                    "group": group, "scope": "Namespaced",
                    "names": {"plural": plural, "kind": kind, "singular": kind.to_lowercase()},
                    "versions": [{"name": version, "served": true, "storage": true, "schema": any}],
                },
            });
            self.post("/apis/apiextensions.k8s.io/v1/customresourcedefinitions", &definition).expect("a valid definition");
        }
        for (group, version, plural, _) in FOREIGN {
            wait_until(START_LIMIT, &format!("{plural} are served"), || {
                self.get(&format!("/apis/{group}/{version}/{plural}")).is_ok()
            });
        }
    }

    /// A namespace that enforces the level `restricted`, with the account that the controllers would make.
    pub fn namespace(&self) -> String {
        let name = fresh_name("audit").to_lowercase();
        self.make_namespace(&name);
        name
    }

    fn make_namespace(&self, name: &str) {
        let labels = json!({"pod-security.kubernetes.io/enforce": "restricted"});
        let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}});
        self.post("/api/v1/namespaces", &namespace).expect("a valid namespace");
        let account = json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "default"}});
        self.post(&format!("/api/v1/namespaces/{name}/serviceaccounts"), &account).expect("a valid account");
    }

    fn curl(&self, method: &str, path: &str) -> Command {
        let mut command = Command::new("curl");
        command.args(["--silent", "--insecure", "--max-time", "20", "--request", method]);
        command.args(["--header", &format!("Authorization: Bearer {TOKEN}")]);
        command.arg(format!("{}{path}", self.url));
        command
    }

    pub fn get(&self, path: &str) -> Result<Value, String> {
        answer(&stdout(&mut self.curl("GET", path)))
    }

    /// Creates an object. The error is the API server's.
    pub fn post(&self, path: &str, object: &Value) -> Result<Value, String> {
        let mut command = self.curl("POST", path);
        command.args(["--header", "Content-Type: application/json", "--data-binary", "@-"]).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().expect("curl is on every machine that runs these tests");
        child.stdin.take().expect("it is piped").write_all(object.to_string().as_bytes()).expect("curl reads it");
        let output = child.wait_with_output().expect("it ends");
        answer(&String::from_utf8_lossy(&output.stdout))
    }

    pub fn helm(&self, arguments: &[&str]) -> Command {
        let mut command = helm::helm();
        command.arg("--kubeconfig").arg(self.kubeconfig()).args(arguments);
        command
    }

    /// `helm install` or `upgrade`. There is no kubelet, so nothing is waited for, and hooks that run pods are left out.
    pub fn apply(&self, verb: &str, namespace: &str, values: &[PathBuf]) -> Command {
        let mut command = self.helm(&[verb, RELEASE]);
        command.arg(helm::chart()).args(["--namespace", namespace, "--no-hooks"]);
        for file in values {
            command.arg("--values").arg(file);
        }
        command
    }

    /// Posts the pod that the workload's controller would make, and gives it as the API server made it.
    pub fn make_pod(&self, namespace: &str, workload: &Value) -> Result<Value, String> {
        let mut pod = workload["spec"]["template"].clone();
        let name = format!("{}-0", workload["metadata"]["name"].as_str().expect("it has a name"));
        pod["apiVersion"] = json!("v1");
        pod["kind"] = json!("Pod");
        pod["metadata"]["name"] = json!(name);
        for claim in workload["spec"]["volumeClaimTemplates"].as_array().into_iter().flatten() {
            let volume = claim["metadata"]["name"].as_str().expect("it has a name");
            let source = json!({"name": volume, "persistentVolumeClaim": {"claimName": format!("{volume}-{name}")}});
            pod["spec"]["volumes"].as_array_mut().expect("there are volumes").push(source);
        }
        self.post(&format!("/api/v1/namespaces/{namespace}/pods"), &pod)?;
        self.get(&format!("/api/v1/namespaces/{namespace}/pods/{name}"))
    }

    /// The workload of the release as it is stored.
    pub fn workload(&self, namespace: &str) -> Value {
        ["statefulsets", "deployments"]
            .iter()
            .filter_map(|kind| self.get(&format!("/apis/apps/v1/namespaces/{namespace}/{kind}")).ok())
            .find_map(|list| {
                let kind = list["kind"].as_str().and_then(|kind| kind.strip_suffix("List"))?.to_owned();
                let mut item = list["items"].get(0)?.clone();
                item["kind"] = json!(kind);
                Some(item)
            })
            .expect("the release has a workload")
    }
}

fn spawn(command: &mut Command, home: &TempDir, name: &str) -> Guarded {
    let log = File::create(home.path().join(format!("{name}.log"))).expect("write below the temporary directory");
    command.stdin(Stdio::null()).stdout(log.try_clone().expect("a file can be shared")).stderr(log);
    Guarded::spawn(command, Some(home.path()))
}

fn answer(text: &str) -> Result<Value, String> {
    let value: Value = serde_json::from_str(text).map_err(|error| format!("{error}: {text}"))?;
    if value["kind"] == "Status" && value["status"] == "Failure" {
        return Err(value["message"].as_str().unwrap_or(text).to_owned());
    }
    Ok(value)
}

/// What an example needs that the chart does not make: Kubernetes has classes of priority and runtime ready, or refuses the pod.
fn prepare(cluster: &Cluster) {
    static ONCE: OnceLock<()> = OnceLock::new();
    ONCE.get_or_init(|| {
        let class = json!({"apiVersion": "node.k8s.io/v1", "kind": "RuntimeClass", "metadata": {"name": "gvisor"}, "handler": "runsc"});
        cluster.post("/apis/node.k8s.io/v1/runtimeclasses", &class).expect("a valid class");
        let driver = json!({
            "apiVersion": "storage.k8s.io/v1", "kind": "CSIDriver",
            "metadata": {"name": "secrets-store.csi.k8s.io", "labels": {"security.kubernetes.io/csi-ephemeral-volume-profile": "restricted"}},
            "spec": {"volumeLifecycleModes": ["Ephemeral"]},
        });
        cluster.post("/apis/storage.k8s.io/v1/csidrivers", &driver).expect("a valid driver");
        for name in ["monitoring", "audit-elsewhere"] {
            cluster.make_namespace(name);
        }
    });
}

/// Goal: every example can be installed, upgraded and removed, and the pod it asks for is admitted. Method: all of it, at the real API
/// server, in a namespace that enforces `restricted`.
#[test]
fn every_example_is_installed_upgraded_and_removed_and_its_pod_admitted() {
    let cluster = Cluster::shared();
    prepare(cluster);
    for example in examples() {
        install_and_remove(cluster, &example);
    }
}

fn install_and_remove(cluster: &Cluster, example: &Example) {
    let namespace = cluster.namespace();
    let values = [example.file.clone()];
    let notes = stdout(&mut cluster.apply("install", &namespace, &values));
    let notes = notes.split_once("NOTES:\n").map_or("", |(_, notes)| notes);
    let lines = notes.trim().lines().count();
    assert!((8..40).contains(&lines), "{}: the notes have {lines} lines\n{notes}", example.name);
    let place = example.values()["namespaceOverride"].as_str().unwrap_or(&namespace).to_owned();
    let pods: Vec<Value> = helm_pods(cluster, example, &namespace);
    for mut pod in pods {
        pod["metadata"]["name"] = json!("check");
        pod["metadata"]["namespace"] = json!(place);
        cluster.post(&format!("/api/v1/namespaces/{place}/pods"), &pod).unwrap_or_else(|error| panic!("{}: {error}", example.name));
        let mut delete = cluster.curl("DELETE", &format!("/api/v1/namespaces/{place}/pods/check?gracePeriodSeconds=0"));
        stdout(&mut delete);
    }
    // An account that exists is somebody else's; here, nobody's.
    let account = json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "shared"}});
    cluster.post(&format!("/api/v1/namespaces/{namespace}/serviceaccounts"), &account).expect("a valid account");
    let pod = cluster.make_pod(&place, &cluster.workload(&place));
    let pod = pod.unwrap_or_else(|error| panic!("{}: {error}", example.name));
    assert_eq!(pod["spec"]["containers"][0]["name"], "auditferry");
    stdout(&mut cluster.apply("upgrade", &namespace, &values));
    stdout(&mut cluster.helm(&["uninstall", RELEASE, "--namespace", &namespace, "--no-hooks"]));
    assert!(cluster.get(&format!("/apis/apps/v1/namespaces/{place}/statefulsets")).expect("a list")["items"] == json!([]));
}

/// The pods that hooks of this example would run: `helm test`, the secret check.
fn helm_pods(cluster: &Cluster, example: &Example, namespace: &str) -> Vec<Value> {
    let text = stdout(&mut cluster.helm(&["get", "hooks", RELEASE, "--namespace", namespace]));
    let hooks = helm::objects(&text);
    let jobs = helm::all(&hooks, "Job").into_iter().map(|job| {
        let mut pod = job["spec"]["template"].clone();
        pod["apiVersion"] = json!("v1");
        pod["kind"] = json!("Pod");
        pod
    });
    let pods: Vec<Value> = jobs.chain(helm::all(&hooks, "Pod").into_iter().cloned()).collect();
    let wants_test = example.values()["tests"]["enabled"] != json!(false);
    assert_eq!(!pods.is_empty(), wants_test, "{}", example.name);
    pods
}

#[test]
fn the_namespace_really_refuses_a_pod_that_may_do_more() {
    let cluster = Cluster::shared();
    let namespace = cluster.namespace();
    let objects = helm::example("minimal").objects();
    let mut bad = workload(&objects).clone();
    bad["spec"]["template"]["spec"]["containers"][0]["securityContext"]["allowPrivilegeEscalation"] = json!(true);
    bad["spec"]["template"]["spec"]["serviceAccountName"] = json!("default");
    let refusal = cluster.make_pod(&namespace, &bad).expect_err("it is not restricted");
    assert!(refusal.contains("PodSecurity \"restricted"), "{refusal}");
}

/// Goal: a release can be changed and taken back, and Helm owns what another writer does not change. Method: install, change the
/// configuration, see pods replaced; roll back, see the first configuration; a number of pods that a scaler sets is left alone.
#[test]
fn a_change_replaces_the_pods_and_a_rollback_takes_it_back() {
    let cluster = Cluster::shared();
    let namespace = cluster.namespace();
    let example = helm::example("made-secrets");
    let folder = tempfile::tempdir().expect("make a temporary directory");
    let change = folder.path().join("change.yaml");
    fs::write(&change, "config: {pipelines: {splunk: {max_in_flight: 3}}}\n").expect("writable");
    stdout(&mut cluster.apply("install", &namespace, std::slice::from_ref(&example.file)));
    let first = cluster.workload(&namespace);
    stdout(&mut cluster.apply("upgrade", &namespace, &[example.file.clone(), change]));
    let second = cluster.workload(&namespace);
    let hash = |workload: &Value| workload["spec"]["template"]["metadata"]["annotations"]["checksum/config"].clone();
    assert_ne!(hash(&first), hash(&second));
    assert_ne!(first["metadata"]["generation"], second["metadata"]["generation"]);
    stdout(&mut cluster.helm(&["rollback", RELEASE, "1", "--namespace", &namespace, "--no-hooks"]));
    let third = cluster.workload(&namespace);
    assert_eq!(hash(&first), hash(&third));
    assert_eq!(first["spec"], third["spec"]);
}

#[test]
fn an_upgrade_leaves_the_number_of_pods_to_the_scaler() {
    let cluster = Cluster::shared();
    let namespace = cluster.namespace();
    let example = helm::example("hpa");
    stdout(&mut cluster.apply("install", &namespace, std::slice::from_ref(&example.file)));
    let path = format!("/apis/apps/v1/namespaces/{namespace}/statefulsets/{RELEASE}-auditferry/scale");
    let mut scale = cluster.curl("PATCH", &path);
    scale.args(["--header", "Content-Type: application/merge-patch+json", "--data-binary", r#"{"spec":{"replicas":4}}"#]);
    stdout(&mut scale);
    assert_eq!(cluster.workload(&namespace)["spec"]["replicas"], 4);
    stdout(&mut cluster.apply("upgrade", &namespace, std::slice::from_ref(&example.file)));
    assert_eq!(cluster.workload(&namespace)["spec"]["replicas"], 4);
}

#[test]
fn monitors_are_made_by_themselves_where_the_operator_is() {
    let cluster = Cluster::shared();
    let namespace = cluster.namespace();
    stdout(&mut cluster.apply("install", &namespace, &[helm::example("minimal").file]));
    for kind in ["podmonitors", "prometheusrules"] {
        let path = format!("/apis/monitoring.coreos.com/v1/namespaces/{namespace}/{kind}");
        assert_eq!(cluster.get(&path).expect("a list")["items"].as_array().map(Vec::len), Some(1), "{kind}");
    }
}

#[test]
fn the_plain_manifests_are_what_the_chart_renders_and_the_server_takes_them() {
    let example = helm::example("audit-cluster");
    let head = "# Rendered from the chart: `helm template auditferry helm/auditferry --values helm/auditferry/ci/audit-cluster-values.yaml`,\n\
                # without its tests. `make chart-golden` writes it. Change addresses and names of secrets before use.\n";
    let mut command = helm::helm();
    command.args(["template", "auditferry"]).arg(helm::chart()).args(["--namespace", NAMESPACE, "--kube-version", "1.35.0"]);
    command.arg("--values").arg(&example.file).args(["--set", "tests.enabled=false"]);
    let text = format!("{head}{}", stdout(&mut command)).replace("app.kubernetes.io/managed-by: Helm", "app.kubernetes.io/managed-by: hand");
    helm::golden("deploy/kubernetes.yaml", &text);
    let cluster = Cluster::shared();
    let namespace = cluster.namespace();
    for mut object in helm::objects(&read("deploy/kubernetes.yaml")) {
        object["metadata"]["namespace"] = json!(namespace);
        let (group, kind) = (object["apiVersion"].as_str().expect("a text").to_owned(), object["kind"].as_str().expect("a text").to_lowercase());
        let root = if group.contains('/') { format!("/apis/{group}") } else { format!("/api/{group}") };
        let plural = if kind.ends_with('y') { format!("{}ies", kind.trim_end_matches('y')) } else { format!("{kind}s") };
        cluster.post(&format!("{root}/namespaces/{namespace}/{plural}"), &object).unwrap_or_else(|error| panic!("{kind}: {error}"));
    }
}

/// What an operator reads after `helm install`.
#[test]
fn the_notes_say_what_is_delivered_how_and_what_is_missing() {
    let cluster = Cluster::shared();
    let namespace = cluster.namespace();
    let notes = stdout(&mut cluster.apply("install", &namespace, &[helm::example("minimal").file]));
    for words in ["splunk: audit -> splunk_hec, delivery level accepted", "WARNING: splunk has no dead_letter", "helm test", "/statusz"] {
        assert!(notes.contains(words), "{words:?} is missing:\n{notes}");
    }
    assert!(!notes.contains("nothing scrapes"), "{notes}");
    let output = output(&mut cluster.apply("upgrade", &namespace, &[helm::example("no-policy").file]));
    assert!(String::from_utf8_lossy(&output.stdout).contains("WARNING: nothing scrapes the metrics"));
}
