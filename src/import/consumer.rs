//! Properties of the consumer that concern neither the connection nor the group's name.
//!
//! The Java client and librdkafka share most names, and not all.

use std::time::Duration;

use crate::defaults;
use crate::units::show_duration;

use super::settings::{Key, Settings};
use super::write::Block;

/// What becomes of a property of the Java consumer.
enum Property {
    /// The Kafka client has it under the same name.
    Same,
    Renamed(&'static str),
    NotNeeded(&'static str),
    /// Another part here has read it.
    ReadBefore,
}

use Property::{NotNeeded, ReadBefore, Renamed, Same};

const SIZED: &str = "what is fetched ahead is bounded by auditferry itself";
const ALWAYS: &str = "auditferry decides it, so that only what was delivered is committed";
const BY_SYSTEM: &str = "the operating system decides it";
const TLS: &str = "TLS 1.2 and later, with the Kafka client's own choice of ciphers";

const PROPERTIES: &[(&str, Property)] = &[
    ("bootstrap.servers", ReadBefore),
    ("group.id", ReadBefore),
    ("group.instance.id", ReadBefore),
    ("auto.offset.reset", ReadBefore),
    ("isolation.level", ReadBefore),
    ("session.timeout.ms", ReadBefore),
    ("security.protocol", ReadBefore),
    ("sasl.mechanism", ReadBefore),
    ("sasl.jaas.config", ReadBefore),
    ("sasl.login.callback.handler.class", ReadBefore),
    ("sasl.client.callback.handler.class", ReadBefore),
    ("ssl.truststore.location", ReadBefore),
    ("ssl.truststore.type", ReadBefore),
    ("ssl.truststore.password", ReadBefore),
    ("ssl.truststore.certificates", ReadBefore),
    ("ssl.keystore.location", ReadBefore),
    ("ssl.keystore.type", ReadBefore),
    ("ssl.keystore.password", ReadBefore),
    ("ssl.keystore.certificate.chain", ReadBefore),
    ("ssl.keystore.key", ReadBefore),
    ("ssl.key.password", ReadBefore),
    ("ssl.endpoint.identification.algorithm", ReadBefore),
    ("ssl.protocol", NotNeeded(TLS)),
    ("ssl.enabled.protocols", NotNeeded(TLS)),
    ("ssl.cipher.suites", NotNeeded(TLS)),
    ("client.id", Same),
    ("client.rack", Same),
    ("client.dns.lookup", Same),
    ("heartbeat.interval.ms", Same),
    ("max.poll.interval.ms", Same),
    ("metadata.max.age.ms", Same),
    ("connections.max.idle.ms", Same),
    ("reconnect.backoff.ms", Same),
    ("reconnect.backoff.max.ms", Same),
    ("retry.backoff.ms", Same),
    ("fetch.min.bytes", Same),
    ("fetch.max.wait.ms", Renamed("fetch.wait.max.ms")),
    ("request.timeout.ms", Renamed("socket.timeout.ms")),
    ("fetch.max.bytes", NotNeeded(SIZED)),
    ("max.partition.fetch.bytes", NotNeeded(SIZED)),
    ("max.poll.records", NotNeeded("records are taken one by one; `batch` bounds what a request holds")),
    ("receive.buffer.bytes", NotNeeded(BY_SYSTEM)),
    ("send.buffer.bytes", NotNeeded(BY_SYSTEM)),
    ("enable.auto.commit", NotNeeded(ALWAYS)),
    ("auto.commit.interval.ms", NotNeeded(ALWAYS)),
    ("partition.assignment.strategy", NotNeeded("partitions are assigned cooperatively, so that few of them move")),
    ("check.crcs", NotNeeded("checksums are always verified")),
    ("allow.auto.create.topics", NotNeeded("reading never creates a topic")),
    ("exclude.internal.topics", NotNeeded("a pattern reads the topics that it matches")),
    ("default.api.timeout.ms", NotNeeded("requests to the brokers have limits of their own")),
    ("key.deserializer", NotNeeded("records are taken as bytes")),
    ("value.deserializer", NotNeeded("records are taken as bytes")),
    ("interceptor.classes", NotNeeded("no foreign code is loaded; lag and rates are metrics of auditferry")),
    ("confluent.monitoring.", NotNeeded("it belongs to an interceptor; lag and rates are metrics of auditferry")),
    ("metric.reporters", NotNeeded("metrics are served for Prometheus at the admin address")),
    ("metrics.", NotNeeded("metrics are served for Prometheus at the admin address")),
];

/// Writes what else the consumer is told. Returns the drain deadline, if a short session asks for another one.
pub(super) fn read(settings: &mut Settings, kafka: &mut Block) -> Option<Duration> {
    start(settings, kafka);
    let drain = session(settings, kafka);
    if let Some(key) = settings.consumer("group.instance.id")
        && let Some(text) = settings.text(&key)
    {
        settings.carried(&key, "kafka.group_instance_id");
        kafka.text("group_instance_id", text, &key.name);
    }
    properties(settings, kafka);
    drain
}

fn start(settings: &mut Settings, kafka: &mut Block) {
    if let Some(key) = settings.consumer("auto.offset.reset") {
        match settings.text(&key).as_deref() {
            Some(at @ ("earliest" | "latest")) => {
                let at = at.to_owned();
                settings.carried(&key, "kafka.start_at");
                kafka.text("start_at", at, &key.name);
            }
            Some(_) => settings.refuse(&key, "this start is not supported", "use `earliest` or `latest`"),
            None => {}
        }
    }
    if let Some(key) = settings.consumer("isolation.level") {
        match settings.text(&key).as_deref() {
            Some("read_uncommitted") => {
                let cause = "the connector also reads events of transactions that were aborted; ours never does";
                settings.warn(&key, cause, "nothing to do: those events never happened");
            }
            Some(_) => settings.note(&key, "ours reads only what was committed"),
            None => {}
        }
    }
}

fn session(settings: &mut Settings, kafka: &mut Block) -> Option<Duration> {
    let key = settings.consumer("session.timeout.ms")?;
    let millis = settings.number(&key)?;
    let Some(millis) = u64::try_from(millis).ok().filter(|millis| *millis > 0) else {
        settings.refuse(&key, "a session cannot be this short", "remove it");
        return None;
    };
    let timeout = Duration::from_millis(millis);
    settings.carried(&key, "kafka.session_timeout");
    kafka.bare("session_timeout", show_duration(timeout), &key.name);
    (timeout <= defaults::DRAIN_DEADLINE).then(|| timeout / 2)
}

fn properties(settings: &mut Settings, kafka: &mut Block) {
    let mut block = Block::default();
    for name in settings.consumer_properties() {
        let Some(key) = settings.consumer(&name) else { continue };
        let stands_for = |row: &&(&str, Property)| row.0 == name || (row.0.ends_with('.') && name.starts_with(row.0));
        match PROPERTIES.iter().find(stands_for).map(|(_, property)| property) {
            Some(Same) => pass(settings, &key, &name, &mut block),
            Some(Renamed(ours)) => pass(settings, &key, ours, &mut block),
            Some(NotNeeded(reason)) => settings.note(&key, *reason),
            Some(ReadBefore) => note_unread(settings, &key),
            None => {
                let cause = "this property of the Java consumer is not known here";
                let remedy = "look it up in the documentation of librdkafka; what has a counterpart goes into `properties` \
                              of the source";
                settings.refuse(&key, cause, remedy);
            }
        }
        settle_default(settings, &name);
    }
    let managed = "max.poll.interval.ms";
    if !block.has(managed) && settings.number(managed).is_some_and(|millis| millis != 300_000) {
        pass(settings, &managed.into(), managed, &mut block);
    }
    kafka.block("properties", block);
}

fn pass(settings: &mut Settings, key: &Key, ours: &str, block: &mut Block) {
    if let Some(value) = settings.text(key) {
        settings.carried(key, format!("kafka.properties.{ours}"));
        block.text(ours, value, &key.name);
    }
}

/// A property that a part would have read if the others did not make it void.
fn note_unread(settings: &mut Settings, key: &Key) {
    if !settings.is_settled(key) {
        settings.note(key, "it has no effect together with the other settings");
    }
}

/// The worker's value of a property that the connector overrides.
fn settle_default(settings: &mut Settings, property: &str) {
    let Some(key) = settings.worker(&format!("consumer.{property}")) else { return };
    if !settings.is_settled(&key) {
        settings.note(&key, "the connector overrides it");
    }
}
