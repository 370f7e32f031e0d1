//! Every way to log in to Kafka, from the broker to the collector.

use crate::support::collector::Collector;
use crate::support::ferry::{Setup, wait_for_commit};
use crate::support::kafka::{Access, FORWARDER, Kafka};
use crate::support::samples;

const EVENTS: u64 = 1000;

#[test]
fn events_are_delivered_by_way_of_every_listener() {
    let kafka = Kafka::shared();
    let topic = kafka.topic("every-listener", 3);
    let events = samples::events();
    kafka.produce(&topic, EVENTS, |n| events[n as usize % events.len()], |n| (n % 3) as i32);
    let sasl_ssl = |mechanism| Access::SaslSsl { mechanism, login: FORWARDER };
    let runs: Vec<_> = [
        Access::Plaintext,
        sasl_ssl("PLAIN"),
        sasl_ssl("SCRAM-SHA-256"),
        sasl_ssl("SCRAM-SHA-512"),
        Access::SaslPlaintext { mechanism: "SCRAM-SHA-256", login: FORWARDER },
        Access::MutualTls,
    ]
    .into_iter()
    .map(|access| {
        let collector = Collector::start();
        let setup = Setup::new(kafka, &topic, collector.url()).by(kafka, access);
        setup.assert_check_says(0, &["ok", &topic, "3 partitions", "1000 unread"]);
        let ferry = setup.start();
        (access, collector, setup, ferry)
    })
    .collect();

    let ends: Vec<_> = kafka.end_offsets(&topic).into_iter().map(Some).collect();
    for (access, collector, setup, ferry) in runs {
        println!("{access:?}");
        wait_for_commit(kafka, setup.group(), &topic, &ends);
        ferry.assert_no_complaint_but(&[]);
        ferry.stop();
        let count = collector.hec().count();
        assert_eq!((count.distinct, count.duplicates), (EVENTS, 0), "{access:?}");
    }
}
