//! Connectors with all that they may bring along: secrets, workers, converters, several files.

use super::*;

mod every_key;

const CANARY: &str = "c4n4ry-5ecret";

/// Enough of a connector for nothing to be missing; what a row sets comes last and wins.
const BASE: &str = "name=audit\nconnector.class=com.splunk.kafka.connect.SplunkSinkConnector\ntopics=a,b\n\
                    splunk.hec.uri=https://hec:8088\nsplunk.hec.token=t0ken\n\
                    value.converter=org.apache.kafka.connect.json.JsonConverter\nvalue.converter.schemas.enable=false\n";

fn input(name: &str, text: &str) -> Input {
    Input { name: name.to_owned(), bytes: text.as_bytes().to_vec() }
}

fn import_text(text: &str) -> Outcome {
    import(&[input("x.properties", text)], None, SecretsTo::Variables).expect("readable")
}

pub(super) fn with(lines: &str) -> Outcome {
    import_text(&format!("{BASE}{lines}"))
}

pub(super) fn levels(outcome: &Outcome, key: &str) -> Vec<Level> {
    let of_key = outcome.findings.iter().filter(|finding| finding.key == key);
    let mut levels: Vec<Level> = of_key.map(|finding| finding.level).collect();
    levels.dedup();
    levels
}

pub(super) fn config(outcome: &Outcome) -> &str {
    outcome.config.as_deref().expect("a pipeline")
}

pub(super) fn assert_has(outcome: &Outcome, expected: &str) {
    assert!(config(outcome).contains(expected), "no `{expected}` in\n{}\n{:#?}", config(outcome), outcome.findings);
}

/// In the connector, every request to such an address fails: with two addresses, half of all batches.
#[test]
fn defect_24_a_space_in_the_list_of_addresses_breaks_none_of_them() {
    for uris in
        ["https://a:8088, https://b:8088", " https://a:8088\t,  https://b:8088 ", "https://a:8088,https://b:8088"]
    {
        assert_has(&with(&format!("splunk.hec.uri={uris}\n")), "endpoints: [https://a:8088, https://b:8088]");
    }
}

#[test]
fn no_secret_is_quoted_by_whatever_is_wrong_with_it() {
    let canaries = [
        format!("splunk.hec.token={CANARY}"),
        format!("splunk.hec.tokn={CANARY}"),
        format!("splunk.hec.uri=https://user:{CANARY}@hec:8088"),
        format!("splunk.hec.ssl.trust.store.path=/t\nsplunk.hec.ssl.trust.store.password={CANARY}"),
        format!("splunk.hec.ssl.trust.store.password={CANARY}"),
        format!("consumer.override.sasl.jaas.config=x.PlainLoginModule required username=\"u\" password=\"{CANARY}\";"),
        format!(
            "consumer.override.security.protocol=SASL_SSL\nconsumer.override.sasl.mechanism=PLAIN\nconsumer.override.sasl.jaas.config=x.PlainLoginModule required username=\"u\" password=\"{CANARY}"
        ),
        format!(
            "consumer.override.security.protocol=SASL_SSL\nconsumer.override.sasl.mechanism=OAUTHBEARER\nconsumer.override.sasl.jaas.config=x.OAuthBearerLoginModule required clientSecret=\"{CANARY}\";"
        ),
        format!(
            "consumer.override.security.protocol=SSL\nconsumer.override.ssl.keystore.location=/k.jks\nconsumer.override.ssl.keystore.password={CANARY}\nconsumer.override.ssl.key.password={CANARY}"
        ),
        format!("consumer.override.ssl.keystore.key={CANARY}"),
        format!("value.converter.basic.auth.user.info=u:{CANARY}"),
        format!("transforms=m\ntransforms.m.type=x.MaskField\ntransforms.m.password={CANARY}"),
        format!(
            "connector.class=SplunkSink\nkafka.auth.mode=KAFKA_API_KEY\nkafka.api.key=k\nkafka.api.secret={CANARY}"
        ),
        format!("splunk.hec.raw={CANARY}"),
        format!("splunk.hec.token=a-${{vault:x:y}}-{CANARY}"),
    ];
    for lines in canaries {
        let outcome = with(&lines);
        let told = format!("{:?} {:?} {:?}", outcome.config, outcome.findings, outcome.to_set);
        assert!(!told.contains(CANARY), "{lines}\n{told}");
    }
}

#[test]
fn the_worker_gives_brokers_login_and_converters_and_the_connector_wins() {
    let worker = "bootstrap.servers=w1:9092,w2:9092\ngroup.id=connect-cluster\nplugin.path=/p\n\
                  key.converter=org.apache.kafka.connect.storage.StringConverter\n\
                  value.converter=org.apache.kafka.connect.storage.StringConverter\n\
                  consumer.security.protocol=SASL_SSL\nconsumer.sasl.mechanism=SCRAM-SHA-512\n\
                  consumer.sasl.jaas.config=x.ScramLoginModule required username=\"ann\" password=\"pw\";\n\
                  consumer.client.rack=worker\n";
    let connector = format!("{BASE}consumer.override.client.rack=mine\n");
    let files = [input("x.properties", &connector)];
    let outcome = import(&files, Some(&input("worker.properties", worker)), SecretsTo::Variables).expect("readable");
    for expected in [
        "bootstrap_servers: \"w1:9092,w2:9092\"",
        "mechanism: SCRAM-SHA-512",
        "username: ann",
        "password: ${KAFKA_PASSWORD}",
        "security: sasl_ssl",
        "client.rack: mine",
    ] {
        assert_has(&outcome, expected);
    }
    assert!(!config(&outcome).contains("connect-cluster"), "the worker's group is that of the workers");
    let rest = outcome.findings.iter().find(|finding| finding.cause.contains("plugin.path")).expect("named");
    assert_eq!((rest.file.as_str(), rest.level), ("worker.properties", Level::Note));
    assert!(outcome.findings.iter().any(|finding| finding.key == "consumer.client.rack"));
}

#[test]
fn connectors_with_the_same_source_share_it_and_others_do_not() {
    let other = BASE.replace("name=audit", "name=copy");
    let third = BASE.replace("name=audit", "name=third").replace("topics=a,b", "topics=c");
    let files = [input("1", BASE), input("2", &other), input("3", &third)];
    let outcome = import(&files, None, SecretsTo::Variables).expect("readable");
    let text = config(&outcome);
    assert_eq!(text.matches("    kafka:\n").count(), 2, "{text}");
    assert_eq!(text.matches("    source: audit\n").count(), 2, "{text}");
    assert_eq!(text.matches("    source: third\n").count(), 1, "{text}");
    assert_eq!(text.matches("token: ${SPLUNK_HEC_TOKEN} ").count(), 3, "{text}");
}

#[test]
fn what_is_no_connector_to_splunk_becomes_no_pipeline() {
    let outcome = import_text("name=s3\nconnector.class=io.confluent.connect.s3.S3SinkConnector\n");
    assert_eq!((outcome.config, outcome.findings.len()), (None, 1));
    let outcome = import_text("bootstrap.servers=b:9092\n");
    assert!(outcome.config.is_none() && outcome.findings[0].remedy.contains("--worker"));
}

/// Splunk's alerts for audit events look for `source="http:…"`, which is the token's own, and for fields such as
/// `data.methodName`, which only JSON objects have.
#[test]
fn alerts_still_match_what_an_imported_managed_connector_sends() {
    let managed = "connector.class=SplunkSink\nname=x\ntopics=confluent-audit-log-events\ninput.data.format=JSON\n\
                   kafka.auth.mode=KAFKA_API_KEY\nsplunk.hec.uri=https://hec:8088\nsplunk.hec.token=t\n\
                   splunk.indexes=default\nsplunk.hec.socket.timeout=10\n";
    let outcome = import_text(managed);
    assert_has(&outcome, "index: default");
    for absent in ["        source:", "sourcetype:", "mode:", "not_imported:", "request_timeout:"] {
        assert!(!config(&outcome).contains(absent), "{absent} in\n{}", config(&outcome));
    }
}

#[test]
fn a_group_whose_name_is_not_in_the_file_is_asked_for() {
    let outcome = import_text(&BASE.replace("name=audit\n", ""));
    assert_has(&outcome, "group_id: connect-${CONNECTOR_NAME}");
    let managed = with("connector.class=SplunkSink\nname=lcc-abc12");
    assert_has(&managed, "group_id: connect-lcc-abc12");
}
