//! What stands around the pods: network, identity, monitoring, scaling.

use serde_json::{Value, json};

use super::helm::{all, example, examples, only, workload};

#[test]
fn the_network_policy_lets_in_scrapes_and_out_to_dns_kafka_and_the_sink() {
    let objects = example("mirror-topic").objects();
    let policy = &only(&objects, "NetworkPolicy")["spec"];
    assert_eq!(policy["policyTypes"], json!(["Ingress", "Egress"]));
    assert_eq!(policy["ingress"][0]["ports"], json!([{"port": "admin", "protocol": "TCP"}]));
    assert_eq!(policy["egress"][0]["ports"], json!([{"port": 53, "protocol": "UDP"}, {"port": 53, "protocol": "TCP"}]));
    assert_eq!(policy["egress"][1]["ports"], json!([{"port": 9093, "protocol": "TCP"}]));
    assert_eq!(policy["egress"][2]["ports"], json!([{"port": 8088, "protocol": "TCP"}]));
    let objects = example("mutual-tls").objects();
    let egress = &only(&objects, "NetworkPolicy")["spec"]["egress"];
    assert_eq!(egress[1]["to"], json!([{"ipBlock": {"cidr": "10.20.0.0/16"}}]));
    assert_eq!(egress[2]["ports"], json!([{"port": 3128, "protocol": "TCP"}]), "with a proxy, the proxy");
    let objects = example("environment").objects();
    let egress = &only(&objects, "NetworkPolicy")["spec"]["egress"];
    assert_eq!(egress[1]["ports"], json!([{"port": 9092, "protocol": "TCP"}]), "a reference says no port");
}

#[test]
fn the_network_policy_holds_for_pods_that_check_too() {
    for example in examples() {
        let objects = example.objects();
        let Some(policy) = all(&objects, "NetworkPolicy").pop() else { continue };
        let selector = policy["spec"]["podSelector"]["matchLabels"].as_object().expect("a mapping").clone();
        let templates = [workload(&objects)["spec"]["template"].clone()]
            .into_iter()
            .chain(all(&objects, "Job").into_iter().map(|job| job["spec"]["template"].clone()))
            .chain(all(&objects, "Pod").into_iter().cloned());
        for template in templates {
            let labels = &template["metadata"]["labels"];
            assert!(selector.iter().all(|(key, value)| labels.get(key) == Some(value)), "{}: {labels}", example.name);
        }
    }
}

#[test]
fn cilium_is_told_the_names_of_hosts() {
    let objects = example("cilium").objects();
    let egress = only(&objects, "CiliumNetworkPolicy")["spec"]["egress"].to_string();
    for name in
        ["*pkc-ab123.eu-west-1.aws.confluent.cloud", "http-inputs-acme.splunkcloud.com", "*.s3.eu-west-1.amazonaws.com"]
    {
        assert!(egress.contains(name), "{name}: {egress}");
    }
    assert!(all(&objects, "NetworkPolicy").is_empty());
}

#[test]
fn the_identity_of_every_cloud_can_be_given() {
    for (name, annotation) in [
        ("aws", "eks.amazonaws.com/role-arn"),
        ("gcp", "iam.gke.io/gcp-service-account"),
        ("azure", "azure.workload.identity/client-id"),
    ] {
        let objects = example(name).objects();
        let account = only(&objects, "ServiceAccount");
        assert!(account["metadata"]["annotations"].get(annotation).is_some(), "{name}");
        assert_eq!(workload(&objects)["spec"]["template"]["spec"]["serviceAccountName"], account["metadata"]["name"]);
    }
    let objects = example("azure").objects();
    let labels = &workload(&objects)["spec"]["template"]["metadata"]["labels"];
    assert_eq!(labels["azure.workload.identity/use"], "true");
    let objects = example("existing-account").objects();
    assert!(all(&objects, "ServiceAccount").is_empty());
    assert_eq!(workload(&objects)["spec"]["template"]["spec"]["serviceAccountName"], "shared");
}

#[test]
fn there_is_a_headless_service_and_one_for_metrics() {
    let objects = example("ipv6").objects();
    let services = all(&objects, "Service");
    assert_eq!(services.len(), 2);
    assert_eq!(services.iter().filter(|service| service["spec"]["clusterIP"] == "None").count(), 1);
    assert!(services.iter().all(|service| service["spec"]["ipFamilies"] == json!(["IPv6"])));
    let name = &workload(&objects)["spec"]["serviceName"];
    assert!(services.iter().any(|service| service["metadata"]["name"] == *name));
    assert!(all(&objects, "Ingress").is_empty(), "the status page stays within the cluster");
}

#[test]
fn monitors_come_when_the_cluster_knows_them_or_they_are_asked_for() {
    assert!(all(&example("minimal").objects(), "PodMonitor").is_empty());
    let objects = example("operator").objects();
    let monitor = only(&objects, "PodMonitor");
    assert_eq!(monitor["spec"]["podMetricsEndpoints"][0]["path"], "/metrics");
    only(&objects, "PrometheusRule");
    let objects = example("service-monitor").objects();
    let monitor = only(&objects, "ServiceMonitor");
    let wanted = monitor["spec"]["selector"]["matchLabels"].as_object().expect("a mapping");
    let selected = all(&objects, "Service")
        .into_iter()
        .filter(|service| wanted.iter().all(|(key, value)| service["metadata"]["labels"].get(key) == Some(value)));
    assert_eq!(selected.count(), 1, "the headless service would be scraped as well");
    let forced = example("minimal").objects_with(&json!({"podMonitor": {"enabled": true}}));
    only(&forced, "PodMonitor");
    assert!(all(&example("no-policy").objects(), "PodMonitor").is_empty());
}

#[test]
fn with_a_scaler_nobody_else_says_how_many_pods_there_are() {
    for name in ["hpa", "keda", "keda-existing"] {
        let objects = example(name).objects();
        assert!(workload(&objects)["spec"].get("replicas").is_none(), "{name}");
    }
    let objects = example("keda").objects();
    let scaled = &only(&objects, "ScaledObject")["spec"];
    assert_eq!(scaled["minReplicaCount"], 1);
    let trigger = &scaled["triggers"][0];
    assert_eq!(trigger["metadata"]["consumerGroup"], "auditferry-splunk");
    assert_eq!(trigger["metadata"]["excludePersistentLag"], "true");
    assert_eq!(trigger["metadata"]["limitToPartitionsWithLag"], "true");
    assert_eq!((&trigger["metadata"]["sasl"], &trigger["metadata"]["tls"]), (&json!("plaintext"), &json!("enable")));
    only(&objects, "TriggerAuthentication");
    let objects = example("keda-existing").objects();
    let trigger = &only(&objects, "ScaledObject")["spec"]["triggers"][0];
    assert_eq!(trigger["metadata"]["sasl"], "scram_sha512");
    assert_eq!(trigger["authenticationRef"]["name"], "kafka-login");
    let vertical = example("all-on").objects();
    assert_eq!(only(&vertical, "VerticalPodAutoscaler")["spec"]["updatePolicy"]["updateMode"], "Off");
}

#[test]
fn dashboards_come_as_a_config_map_and_as_an_object_of_the_operator() {
    let objects = example("all-on").objects();
    let map = all(&objects, "ConfigMap").into_iter().find(|map| map["data"].get("auditferry.json").is_some());
    let map = map.expect("a dashboard");
    assert_eq!(map["metadata"]["labels"]["grafana_dashboard"], "1");
    assert_eq!(map["metadata"]["namespace"], "monitoring");
    assert_eq!(map["metadata"]["annotations"]["grafana_folder"], "Audit");
    let text = map["data"]["auditferry.json"].as_str().expect("a text");
    let dashboard: Value = serde_json::from_str(text).expect("JSON");
    assert!(dashboard["panels"].as_array().is_some_and(|panels| !panels.is_empty()));
    let operators = only(&objects, "GrafanaDashboard")["spec"]["json"].as_str().expect("a text");
    assert_eq!(serde_json::from_str::<Value>(operators).expect("JSON"), dashboard);
}

#[test]
fn labels_and_annotations_of_all_objects_can_be_given() {
    for object in example("all-on").objects() {
        assert_eq!(object["metadata"]["labels"]["team"], "security", "{}", object["metadata"]["name"]);
        let own_words = ["Pod"].contains(&object["kind"].as_str().unwrap_or_default());
        assert!(own_words || object["metadata"]["annotations"]["contact"] == "security@example.com", "{object}");
    }
    for object in example("single").objects() {
        assert_eq!(object["metadata"]["namespace"], "audit-elsewhere");
    }
}

#[test]
fn further_objects_are_rendered_as_templates() {
    let objects = example("external-secrets").objects();
    let found = all(&objects, "ExternalSecret");
    assert_eq!(found.len(), 2);
    assert!(found.iter().all(|object| object["metadata"]["namespace"] == "audit"));
}

#[test]
fn alerts_can_be_changed_one_by_one() {
    let objects = example("all-on").objects();
    let rules = only(&objects, "PrometheusRule")["spec"]["groups"][0]["rules"].as_array().expect("rules").clone();
    let rule = |name: &str| rules.iter().find(|rule| rule["alert"] == name);
    assert!(rule("NoEventsSeen").is_none());
    let growing = rule("DeadLetterGrowing").expect("it is on");
    assert_eq!(growing["labels"], json!({"severity": "page", "escalate": "yes", "team": "security"}));
    assert!(growing["expr"].as_str().is_some_and(|expr| expr.contains("> 10")));
    assert_eq!(rule("ClockSkew").expect("it is on")["for"], "1h");
    let runbook = growing["annotations"]["runbook_url"].as_str();
    assert_eq!(runbook, Some("https://git.example.com/auditferry/docs/runbooks/DeadLetterGrowing.md"));
    let objects = example("overridden").objects();
    assert!(only(&objects, "PrometheusRule").to_string().contains(r#"cluster=\"prod\""#));
}

#[test]
fn the_chart_says_what_it_is_for_artifact_hub() {
    let chart = super::helm::parse(&super::helm::read("helm/auditferry/Chart.yaml"));
    assert_eq!(chart["appVersion"], env!("CARGO_PKG_VERSION"), "the tag of the image is the version of the program");
    for key in ["kubeVersion", "icon", "maintainers", "description"] {
        assert!(chart.get(key).is_some(), "{key}");
    }
    for key in ["changes", "images", "license", "category", "containsSecurityUpdates"] {
        assert!(chart["annotations"].get(format!("artifacthub.io/{key}")).is_some(), "{key}");
    }
}
