//! The examples installed into the API server: by Helm, into a namespace that enforces the Pod Security level `restricted`.

use std::fs;
use std::sync::OnceLock;

use serde_json::{Value, json};

use super::cluster::Cluster;
use super::helm::{self, Example, NAMESPACE, RELEASE, examples, output, read, stdout, workload};

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
        cluster
            .post(&format!("/api/v1/namespaces/{place}/pods"), &pod)
            .unwrap_or_else(|error| panic!("{}: {error}", example.name));
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
    assert!(
        cluster.get(&format!("/apis/apps/v1/namespaces/{place}/statefulsets")).expect("a list")["items"] == json!([])
    );
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
    scale.args([
        "--header",
        "Content-Type: application/merge-patch+json",
        "--data-binary",
        r#"{"spec":{"replicas":4}}"#,
    ]);
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
    command.args(["template", "auditferry"]).arg(helm::chart()).args([
        "--namespace",
        NAMESPACE,
        "--kube-version",
        "1.35.0",
    ]);
    command.arg("--values").arg(&example.file).args(["--set", "tests.enabled=false"]);
    let text = format!("{head}{}", stdout(&mut command))
        .replace("app.kubernetes.io/managed-by: Helm", "app.kubernetes.io/managed-by: hand");
    helm::golden("deploy/kubernetes.yaml", &text);
    let cluster = Cluster::shared();
    let namespace = cluster.namespace();
    for mut object in helm::objects(&read("deploy/kubernetes.yaml")) {
        object["metadata"]["namespace"] = json!(namespace);
        let (group, kind) = (
            object["apiVersion"].as_str().expect("a text").to_owned(),
            object["kind"].as_str().expect("a text").to_lowercase(),
        );
        let root = if group.contains('/') { format!("/apis/{group}") } else { format!("/api/{group}") };
        let plural =
            if kind.ends_with('y') { format!("{}ies", kind.trim_end_matches('y')) } else { format!("{kind}s") };
        cluster
            .post(&format!("{root}/namespaces/{namespace}/{plural}"), &object)
            .unwrap_or_else(|error| panic!("{kind}: {error}"));
    }
}

/// What an operator reads after `helm install`.
#[test]
fn the_notes_say_what_is_delivered_how_and_what_is_missing() {
    let cluster = Cluster::shared();
    let namespace = cluster.namespace();
    let notes = stdout(&mut cluster.apply("install", &namespace, &[helm::example("minimal").file]));
    for words in [
        "splunk: audit -> splunk_hec, delivery level accepted",
        "WARNING: splunk has no dead_letter",
        "helm test",
        "/statusz",
    ] {
        assert!(notes.contains(words), "{words:?} is missing:\n{notes}");
    }
    assert!(!notes.contains("nothing scrapes"), "{notes}");
    let output = output(&mut cluster.apply("upgrade", &namespace, &[helm::example("no-policy").file]));
    assert!(String::from_utf8_lossy(&output.stdout).contains("WARNING: nothing scrapes the metrics"));
}
