//! The trust stores of a Kafka Connect worker, used as they are.

use serde_json::json;

use crate::support::collector::Collector;
use crate::support::ferry::{PIPELINE, Setup, wait_for_commit};
use crate::support::kafka::{Access, FORWARDER, Kafka};
use crate::support::tls_server::keytool;

const BY_TLS: Access = Access::SaslSsl { mechanism: "PLAIN", login: FORWARDER };

#[test]
fn java_trust_stores_open_the_way_from_kafka_to_splunk() {
    let kafka = Kafka::shared();
    let topic = kafka.topic("java-stores", 1);
    kafka.produce(&topic, 100, |n| format!("{{\"n\":{n}}}"), |_| 0);
    for (kind, options) in [("JKS", &[][..]), ("PKCS12", &[]), ("PKCS12", &["-J-Dkeystore.pkcs12.legacy"])] {
        println!("{kind} {options:?}");
        let folder = tempfile::tempdir().expect("a temporary directory");
        let (collector, certificate) = Collector::start_self_signed(folder.path());
        let authority = kafka.certificates().ca.display().to_string();
        for (alias, file) in [("kafka", authority.as_str()), ("splunk", &certificate.display().to_string())] {
            let import = ["-importcert", "-noprompt", "-alias", alias, "-file", file];
            keytool(folder.path(), &[options, &import, &["-keystore", "trust", "-storetype", kind]].concat());
        }
        std::fs::write(folder.path().join("password"), "changeit\n").expect("writable");
        let tls = json!({
            "trust_store": folder.path().join("trust"),
            "trust_store_password": format!("${{file:{}}}", folder.path().join("password").display()),
        });
        let mut setup = Setup::new(kafka, &topic, collector.url()).by(kafka, BY_TLS);
        setup.source()["tls"] = tls.clone();
        setup.sink()["tls"] = tls;
        setup.assert_check_says(0, &["ok", &topic, "100 unread"]);
        let ferry = setup.start();
        wait_for_commit(kafka, setup.group(), &topic, &[Some(100)]);
        ferry.assert_no_complaint_but(&[]);
        ferry.stop();
        let count = collector.hec().count();
        assert_eq!((count.distinct, count.duplicates), (100, 0));
    }
}

#[test]
fn a_server_that_is_not_verified_is_told_everywhere() {
    let kafka = Kafka::shared();
    let topic = kafka.topic("unverified", 1);
    kafka.produce(&topic, 10, |n| format!("{{\"n\":{n}}}"), |_| 0);
    let folder = tempfile::tempdir().expect("a temporary directory");
    let (collector, _) = Collector::start_self_signed(folder.path());
    let mut setup = Setup::new(kafka, &topic, collector.url()).by(kafka, BY_TLS);
    setup.source()["tls"] = json!({"insecure_skip_verify": true});
    setup.sink()["tls"] = json!({"insecure_skip_verify": true});
    let checked = setup.run(&["check"]);
    assert_eq!(checked.stderr.matches("any certificate of anybody is accepted").count(), 2, "{}", checked.stderr);

    let mut ferry = setup.start();
    wait_for_commit(kafka, setup.group(), &topic, &[Some(10)]);
    ferry.wait_for_complaint(&["insecure_skip_verify", "kafka, splunk_hec", PIPELINE]);
    let (_, metrics) = ferry.get("/metrics").expect("it serves");
    for connection in ["kafka", "splunk_hec"] {
        let series = format!(
            "auditferry_tls_verification_disabled_info{{pipeline=\"{PIPELINE}\",connection=\"{connection}\"}} 1"
        );
        assert!(metrics.contains(&series), "{metrics}");
    }
    let status = ferry.status().expect("it serves");
    assert_eq!(status["pipelines"][0]["tls_verification_disabled"], json!(["kafka", "splunk_hec"]));
    ferry.stop();
}
