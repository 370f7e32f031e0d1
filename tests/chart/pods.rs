//! What the pods of the examples are like: one assertion per promise of the chart.

use serde_json::{Value, json};

use super::helm::{all, example, examples, only, workload};

/// The pod of an example, and its container.
fn pod(objects: &[Value]) -> (Value, Value) {
    let pod = workload(objects)["spec"]["template"]["spec"].clone();
    let container = pod["containers"][0].clone();
    (pod, container)
}

fn volume(pod: &Value, name: &str) -> Value {
    let volumes = pod["volumes"].as_array().expect("there are volumes");
    volumes.iter().find(|volume| volume["name"] == name).unwrap_or_else(|| panic!("no volume {name}")).clone()
}

#[test]
fn every_pod_is_of_the_level_restricted() {
    for example in examples() {
        let (pod, container) = pod(&example.objects());
        let name = &example.name;
        assert_eq!(pod["securityContext"]["runAsNonRoot"], true, "{name}");
        assert_eq!(pod["securityContext"]["seccompProfile"]["type"], "RuntimeDefault", "{name}");
        let context = &container["securityContext"];
        assert_eq!(context["allowPrivilegeEscalation"], false, "{name}");
        assert_eq!(context["readOnlyRootFilesystem"], true, "{name}");
        assert_eq!(context["capabilities"]["drop"], json!(["ALL"]), "{name}");
        for volume in pod["volumes"].as_array().expect("there are volumes") {
            let kinds = ["configMap", "projected", "emptyDir", "csi", "persistentVolumeClaim"];
            assert!(kinds.iter().any(|kind| volume.get(kind).is_some()), "{name}: {volume}");
        }
    }
    let (pod, _) = pod(&example("minimal").objects());
    assert_eq!(pod["securityContext"]["runAsUser"], 65532);
}

#[test]
fn on_openshift_no_identity_is_asked_for() {
    let (pod, _) = pod(&example("openshift").objects());
    let context = pod["securityContext"].as_object().expect("a mapping");
    for key in ["runAsUser", "runAsGroup", "fsGroup"] {
        assert!(!context.contains_key(key), "{key}");
    }
}

#[test]
fn neither_a_token_nor_addresses_of_services_are_handed_in() {
    for example in examples().iter().filter(|example| example.name != "existing-account") {
        let objects = example.objects();
        let (pod, _) = pod(&objects);
        assert_eq!(pod["automountServiceAccountToken"], false, "{}", example.name);
        assert_eq!(pod["enableServiceLinks"], false, "{}", example.name);
        for account in all(&objects, "ServiceAccount") {
            assert_eq!(account["automountServiceAccountToken"], false);
        }
    }
    let (shown, _) = pod(&example("all-on").objects());
    assert_eq!(shown["hostUsers"], false);
}

#[test]
fn secrets_are_files_that_the_group_may_read_and_never_variables() {
    for example in examples() {
        let (pod, container) = pod(&example.objects());
        for variable in container["env"].as_array().expect("there are variables") {
            assert!(variable["valueFrom"].get("secretKeyRef").is_none(), "{}: {variable}", example.name);
        }
        for mount in container["volumeMounts"].as_array().expect("there are mounts") {
            assert!(mount.get("subPath").is_none(), "{}: {mount} would not follow a change", example.name);
        }
        let secrets = example.values()["secrets"].as_object().cloned().unwrap_or_default();
        for (name, secret) in secrets {
            let volume = volume(&pod, &format!("secret-{name}"));
            if secret.get("secretProviderClass").is_some() {
                assert_eq!(volume["csi"]["readOnly"], true);
                continue;
            }
            assert_eq!(volume["projected"]["defaultMode"], 0o440, "{}", example.name);
        }
    }
}

#[test]
fn the_keys_of_a_secret_can_have_other_names_than_the_files() {
    let (pod, _) = pod(&example("renamed-keys").objects());
    let items = volume(&pod, "secret-splunk")["projected"]["sources"][0]["secret"]["items"].clone();
    assert_eq!(items, json!([{"key": "SPLUNK_TOKEN", "path": "hec-token"}]));
}

#[test]
fn a_secret_is_made_only_from_values() {
    assert!(all(&example("minimal").objects(), "Secret").is_empty());
    assert_eq!(all(&example("made-secrets").objects(), "Secret").len(), 2);
}

#[test]
fn probes_ask_three_paths_at_the_named_port() {
    let (_, container) = pod(&example("minimal").objects());
    for (probe, path) in [("startupProbe", "/startupz"), ("livenessProbe", "/livez"), ("readinessProbe", "/readyz")] {
        assert_eq!(container[probe]["httpGet"], json!({"path": path, "port": "admin"}));
    }
    assert_eq!(container["ports"][0], json!({"name": "admin", "containerPort": 9470, "protocol": "TCP"}));
    let (_, container) = pod(&example("all-on").objects());
    assert_eq!(container["livenessProbe"]["initialDelaySeconds"], 5);
    let (_, container) = pod(&example("diagnostic").objects());
    assert!(container.get("livenessProbe").is_none() && container["image"] == "busybox:1.37");
}

#[test]
fn the_grace_period_follows_from_the_drain_deadline() {
    for (name, seconds) in [("minimal", 30), ("two-pipelines", 45), ("existing-configmap", 60)] {
        let (pod, container) = pod(&example(name).objects());
        assert_eq!(pod["terminationGracePeriodSeconds"], seconds, "{name}");
        assert!(container.get("lifecycle").is_none());
    }
    for (deadline, seconds) in [("1500ms", 22), ("0.5min", 50), ("1_0s", 30)] {
        let change = json!({"config": {"pipelines": {"splunk": {"drain_deadline": deadline}}}});
        let (pod, _) = pod(&example("minimal").objects_with(&change));
        assert_eq!(pod["terminationGracePeriodSeconds"], seconds, "{deadline}");
    }
}

#[test]
fn memory_follows_from_what_may_be_in_flight_and_the_processor_is_not_limited() {
    for (name, memory) in
        [("minimal", "256Mi"), ("two-pipelines", "288Mi"), ("enrichment", "448Mi"), ("single", "400Mi")]
    {
        let (_, container) = pod(&example(name).objects());
        assert_eq!(container["resources"]["limits"], json!({"memory": memory}), "{name}");
        assert!(container["resources"]["requests"].get("cpu").is_some());
    }
}

#[test]
fn static_membership_takes_the_name_of_the_pod() {
    let configuration = |name: &str| {
        let objects = example(name).objects();
        let map = all(&objects, "ConfigMap").into_iter().find(|map| map["data"].get("auditferry.yaml").is_some());
        map.expect("a configuration")["data"]["auditferry.yaml"].as_str().expect("a text").to_owned()
    };
    assert!(configuration("minimal").contains("group_instance_id: ${POD_NAME}"));
    assert!(!configuration("deployment").contains("group_instance_id"));
    let (_, container) = pod(&example("minimal").objects());
    let names: Vec<&Value> = container["env"].as_array().expect("variables").iter().map(|v| &v["name"]).collect();
    for name in ["POD_NAME", "POD_NAMESPACE", "NODE_NAME"] {
        assert!(names.contains(&&json!(name)), "{name}");
    }
}

#[test]
fn pods_are_replaced_when_what_they_read_has_changed() {
    let annotations = |change: Value| {
        workload(&example("made-secrets").objects_with(&change))["spec"]["template"]["metadata"]["annotations"].clone()
    };
    let before = annotations(json!({}));
    let config = annotations(json!({"config": {"pipelines": {"splunk": {"max_in_flight": 3}}}}));
    let secret = annotations(json!({"secrets": {"splunk": {"values": {"hec-token": "another"}}}}));
    assert_ne!(before["checksum/config"], config["checksum/config"]);
    assert_eq!(before["checksum/secrets"], config["checksum/secrets"]);
    assert_ne!(before["checksum/secrets"], secret["checksum/secrets"]);
    let off = annotations(json!({"rolloutOn": {"config": false, "secrets": false}}));
    assert!(off.get("checksum/config").is_none() && off.get("checksum/secrets").is_none());
}

#[test]
fn pods_are_spread_and_a_budget_holds_up_no_drain() {
    let objects = example("minimal").objects();
    let (pod, _) = pod(&objects);
    let spread = pod["topologySpreadConstraints"].as_array().expect("there are constraints");
    assert_eq!(spread.len(), 2);
    assert!(spread.iter().all(|constraint| constraint["whenUnsatisfiable"] == "ScheduleAnyway"));
    assert!(
        spread
            .iter()
            .all(|constraint| constraint["labelSelector"]["matchLabels"]["app.kubernetes.io/instance"] == "ferry")
    );
    let budget = only(&objects, "PodDisruptionBudget");
    assert_eq!(budget["spec"]["maxUnavailable"], 1);
    assert_eq!(budget["spec"]["unhealthyPodEvictionPolicy"], "AlwaysAllow");
    assert!(all(&example("single").objects(), "PodDisruptionBudget").is_empty());
    assert_eq!(only(&example("hpa").objects(), "PodDisruptionBudget")["spec"]["minAvailable"], "50%");
}

#[test]
fn a_stateful_set_starts_its_pods_at_once_and_a_deployment_is_possible() {
    let objects = example("minimal").objects();
    let set = &workload(&objects)["spec"];
    assert_eq!(workload(&objects)["kind"], "StatefulSet");
    assert_eq!((&set["replicas"], &set["podManagementPolicy"]), (&json!(2), &json!("Parallel")));
    assert_eq!((&set["minReadySeconds"], &set["updateStrategy"]["type"]), (&json!(10), &json!("RollingUpdate")));
    assert_eq!(set["revisionHistoryLimit"], 5);
    let objects = example("deployment").objects();
    assert_eq!(workload(&objects)["kind"], "Deployment");
    assert_eq!(workload(&objects)["spec"]["strategy"]["rollingUpdate"]["maxUnavailable"], 0);
}

#[test]
fn claims_outlive_the_release() {
    let objects = example("audit-cluster").objects();
    let set = &workload(&objects)["spec"];
    assert_eq!(set["persistentVolumeClaimRetentionPolicy"], json!({"whenDeleted": "Retain", "whenScaled": "Retain"}));
    assert_eq!(set["volumeClaimTemplates"][0]["spec"]["resources"]["requests"]["storage"], "1Gi");
    let (pod, _) = pod(&example("existing-claim").objects());
    assert_eq!(volume(&pod, "data")["persistentVolumeClaim"]["claimName"], "letters");
}

#[test]
fn whatever_else_a_pod_may_have_can_be_given() {
    let (pod, container) = pod(&example("all-on").objects());
    for key in [
        "affinity",
        "nodeSelector",
        "tolerations",
        "hostAliases",
        "dnsConfig",
        "dnsPolicy",
        "priorityClassName",
        "runtimeClassName",
        "schedulerName",
        "initContainers",
    ] {
        assert!(pod.get(key).is_some(), "{key}");
    }
    assert_eq!(pod["containers"].as_array().map(Vec::len), Some(2));
    volume(&pod, "geoip");
    assert!(container["volumeMounts"].as_array().expect("mounts").iter().any(|mount| mount["name"] == "geoip"));
    let (_, container) = self::pod(&example("environment").objects());
    assert_eq!(container["args"], json!(["run", "--log-format=json", "--log-filter=info"]));
    assert!(container.get("envFrom").is_some());
}

#[test]
fn the_image_is_named_by_registry_tag_and_digest() {
    let image = |name: &str| pod(&example(name).objects()).1["image"].as_str().expect("a text").to_owned();
    assert_eq!(image("minimal"), "auditferry:0.1.0");
    let digest = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
    assert_eq!(image("air-gapped"), format!("registry.example.com/security/auditferry@{digest}"));
    assert_eq!(image("subchart"), "registry.example.com/mirror/auditferry:0.1.0-rc1");
    let (pod, _) = pod(&example("subchart").objects());
    assert_eq!(pod["imagePullSecrets"], json!([{"name": "registry"}]));
}

#[test]
fn authorities_to_trust_come_from_config_maps_and_secrets() {
    let (pod, container) = pod(&example("mirror-topic").objects());
    assert!(volume(&pod, "files-kafka-ca")["projected"]["sources"][0].get("secret").is_some());
    assert!(volume(&pod, "files-splunk-ca")["projected"]["sources"][0].get("configMap").is_some());
    let mounts = container["volumeMounts"].as_array().expect("there are mounts");
    assert!(mounts.iter().any(|mount| mount["mountPath"] == "/etc/auditferry/kafka-ca"));
}

#[test]
fn the_secret_check_runs_before_and_asks_with_the_same_configuration() {
    let objects = example("secret-check").objects();
    let job = only(&objects, "Job");
    assert_eq!(job["metadata"]["annotations"]["helm.sh/hook"], "pre-install,pre-upgrade");
    let pod = &job["spec"]["template"]["spec"];
    assert_eq!(pod["containers"][0]["args"], json!(["check"]));
    assert_eq!(volume(pod, "secret-splunk")["projected"]["sources"][0]["secret"]["optional"], true);
    assert!(pod.get("serviceAccountName").is_none(), "the account does not exist yet");
}

#[test]
fn helm_test_asks_kafka_and_the_sink() {
    let objects = example("minimal").objects();
    let pod = only(&objects, "Pod");
    assert_eq!(pod["metadata"]["annotations"]["helm.sh/hook"], "test");
    assert_eq!(pod["spec"]["containers"][0]["args"], json!(["check", "--online"]));
    assert!(pod["metadata"]["labels"].get("app.kubernetes.io/instance").is_none(), "a service would select it");
}
