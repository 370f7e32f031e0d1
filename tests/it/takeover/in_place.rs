//! The group's offsets, as Kafka Connect's own runtime commits them, are where reading goes on.

use std::collections::BTreeMap;
use std::fs;
use std::ops::Range;

use auditferry::demo::hec::TOKEN;
use serde_json::json;

use super::{LIMIT, import, run};
use crate::support::collector::Collector;
use crate::support::connect::Connect;
use crate::support::ferry::wait_for_commit;
use crate::support::kafka::{Access, FORWARDER, Kafka, NewRecord, fresh_name};
use crate::support::waiting::wait_until;

fn value(partition: i32, number: i64) -> String {
    format!(r#"{{"partition":{partition},"number":{number}}}"#)
}

/// Produces the records with these offsets.
fn produce(kafka: &Kafka, topic: &str, partition: i32, numbers: Range<i64>) {
    let values: Vec<String> = numbers.map(|number| value(partition, number)).collect();
    let record = |value| NewRecord { partition: Some(partition), value: Some(value), ..NewRecord::default() };
    kafka.produce_all(topic, values.iter().map(|value| record(value.as_bytes())));
}

/// A worker as people write it: the login in JAAS, once for the worker itself and once for the connectors' consumers.
fn worker(kafka: &Kafka) -> String {
    let brokers = kafka.bootstrap(Access::SaslSsl { mechanism: "SCRAM-SHA-512", login: FORWARDER });
    let connection = |prefix: &str| {
        let ca = kafka.certificates().ca.display();
        let (user, password) = (FORWARDER.user, FORWARDER.password);
        format!(
            "\
{prefix}security.protocol=SASL_SSL
{prefix}sasl.mechanism=SCRAM-SHA-512
{prefix}sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required \\
    username=\"{user}\" password=\"{password}\";
{prefix}ssl.truststore.type=PEM
{prefix}ssl.truststore.location={ca}
"
        )
    };
    let converters = "key.converter=org.apache.kafka.connect.storage.StringConverter\n\
                      value.converter=org.apache.kafka.connect.storage.StringConverter\n";
    let pace = "offset.flush.interval.ms=500\n";
    [&format!("bootstrap.servers={brokers}\n"), &*connection(""), &connection("consumer."), converters, pace].concat()
}

/// Goal: the connector is stopped, the imported configuration is started, and every record that Connect had not taken arrives
/// once, and none that it had. Method: Connect's own runtime reads and commits, and stops. While nobody reads, one partition
/// gets more records, one gets its first, a new one comes that the group has no position in, and one stays at its end.
#[test]
fn an_imported_connector_goes_on_at_the_record_after_the_last_one_that_connect_had_taken() {
    let (kafka, collector) = (Kafka::shared(), Collector::start());
    let (topic, name) = (kafka.topic("taken-over", 3), fresh_name("splunk-audit"));
    let connector = json!({"name": name, "config": {
        "connector.class": "com.splunk.kafka.connect.SplunkSinkConnector",
        "tasks.max": "1",
        "topics": topic,
        "splunk.hec.uri": collector.url(),
        "splunk.hec.token": TOKEN,
        "splunk.hec.ack.enabled": "false",
    }});
    produce(kafka, &topic, 0, 0..50);
    produce(kafka, &topic, 1, 0..20);

    let (worker, group) = (worker(kafka), format!("connect-{name}"));
    let mut connect = Connect::start(kafka, &worker, &connector);
    wait_until(LIMIT, "Connect has committed what it has read", || {
        connect.assert_runs();
        kafka.committed(&group, &topic)[..2] == [Some(50), Some(20)]
    });
    let mut taken = connect.stop();
    let mut expected: Vec<String> = (0..50).map(|n| value(0, n)).chain((0..20).map(|n| value(1, n))).collect();
    taken.sort();
    expected.sort();
    assert_eq!(taken, expected, "Connect has taken every record once");

    produce(kafka, &topic, 0, 50..80);
    produce(kafka, &topic, 2, 0..10);
    kafka.extend_topic(&topic, 4);
    produce(kafka, &topic, 3, 0..15);
    assert_eq!(kafka.committed(&group, &topic)[3], None);

    let home = tempfile::tempdir().expect("make a temporary directory");
    fs::write(home.path().join("worker.properties"), &worker).expect("writable");
    fs::write(home.path().join("connector.json"), connector.to_string()).expect("writable");
    let config = import(home.path(), &["--worker", "worker.properties", "connector.json"]);
    let mut running = run(&config, &[("KAFKA_PASSWORD", FORWARDER.password), ("SPLUNK_HEC_TOKEN", TOKEN)]);
    wait_for_commit(kafka, &group, &topic, &[Some(80), Some(20), Some(10), Some(15)]);
    let arrived = |partitions: &[(i32, Range<i64>)]| -> BTreeMap<(String, i32), BTreeMap<i64, u32>> {
        let once = |offsets: &Range<i64>| offsets.clone().map(|offset| (offset, 1)).collect();
        partitions.iter().map(|(partition, offsets)| ((topic.clone(), *partition), once(offsets))).collect()
    };
    assert_eq!(collector.hec().positions(), arrived(&[(0, 50..80), (2, 0..10), (3, 0..15)]));

    // The partition that stood at its end goes on there, too.
    produce(kafka, &topic, 1, 20..21);
    wait_for_commit(kafka, &group, &topic, &[Some(80), Some(21), Some(10), Some(15)]);
    assert_eq!(collector.hec().positions(), arrived(&[(0, 50..80), (1, 20..21), (2, 0..10), (3, 0..15)]));
    running.terminate();
    assert_eq!(running.wait(LIMIT), 0);
    running.assert_no_complaint_but(&[]);
}
