//! A Kubernetes API server of the tests' own, with etcd behind it.
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

use super::helm::{self, RELEASE, stdout, tool};
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
        let home =
            tempfile::Builder::new().prefix("auditferry-cluster-").tempdir().expect("make a temporary directory");
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
        api.args([
            "--service-account-issuer",
            "https://kubernetes.default.svc",
            "--service-cluster-ip-range",
            "10.0.0.0/24,fd00:10::/112",
        ]);
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
            self.post("/apis/apiextensions.k8s.io/v1/customresourcedefinitions", &definition)
                .expect("a valid definition");
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

    pub fn make_namespace(&self, name: &str) {
        let labels = json!({"pod-security.kubernetes.io/enforce": "restricted"});
        let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}});
        self.post("/api/v1/namespaces", &namespace).expect("a valid namespace");
        let account = json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "default"}});
        self.post(&format!("/api/v1/namespaces/{name}/serviceaccounts"), &account).expect("a valid account");
    }

    pub fn curl(&self, method: &str, path: &str) -> Command {
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
        command
            .args(["--header", "Content-Type: application/json", "--data-binary", "@-"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
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
