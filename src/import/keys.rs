//! The table of every setting that a file of the connector may hold, with its default there and its fate here.
//!
//! What a setting becomes is decided by the module that reads it; what needs no decision has its reason here.

use Fate::{NeverWas, NotNeeded, Read};

pub(super) const CONSUMER_OVERRIDE: &str = "consumer.override.";
pub(super) const WORKER_CONSUMER: &str = "consumer.";

pub(super) struct Known {
    /// A name that ends with a dot stands for all names that begin with it.
    pub(super) name: &'static str,
    /// What the connector takes when the setting is missing; empty when it takes nothing.
    pub(super) default: &'static str,
    pub(super) fate: Fate,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Fate {
    /// A module here reads it.
    Read,
    /// It has no counterpart, and nothing changes without it: the reason.
    NotNeeded(&'static str),
    /// The connector never had it, and people write it nevertheless: cause and remedy.
    NeverWas(&'static str, &'static str),
}

const fn key(name: &'static str, default: &'static str, fate: Fate) -> Known {
    Known { name, default, fate }
}

const CHANNELS: &str = "channels are made as they are needed, and a new one after each reconnection";
const KEYS_ONLY: &str = "it shapes the record's key, which is sent only as `kafka_record_key`, as text";
const HEADERS_ONLY: &str = "headers that are sent are taken as UTF-8 text";
const CONNECT_LOG: &str = "Connect's own log; an event that cannot be delivered is kept with its reason instead";
const MANAGED: &str = "it says where Confluent Cloud runs the connector; auditferry runs where you start it";

pub(super) const KEYS: &[Known] = &[
    // Read by Connect itself.
    key("name", "", Read),
    key("connector.class", "", Read),
    key(
        "tasks.max",
        "1",
        NotNeeded("one process reads all partitions; start more processes with the same configuration to share them"),
    ),
    key("topics", "", Read),
    key("topics.regex", "", Read),
    key("key.converter", "", Read),
    key("key.converter.", "", NotNeeded(KEYS_ONLY)),
    key("value.converter", "", Read),
    key("value.converter.", "", Read),
    key("header.converter", "", NotNeeded(HEADERS_ONLY)),
    key("header.converter.", "", NotNeeded(HEADERS_ONLY)),
    key("transforms", "", Read),
    key("transforms.", "", Read),
    key("predicates", "", Read),
    key("predicates.", "", Read),
    key("errors.tolerance", "none", Read),
    key("errors.deadletterqueue.topic.name", "", Read),
    key(
        "errors.deadletterqueue.topic.replication.factor",
        "3",
        NotNeeded("the topic of dead letters has to exist; auditferry creates none"),
    ),
    key(
        "errors.deadletterqueue.context.headers.enable",
        "false",
        NotNeeded("a dead letter always says where its record came from and why it is one"),
    ),
    key(
        "errors.retry.timeout",
        "0",
        NotNeeded("a delivery that failed is tried again for as long as it takes; there is no count and no time limit"),
    ),
    key(
        "errors.retry.delay.max.ms",
        "60000",
        NotNeeded("pauses between attempts grow, and end with the first success"),
    ),
    key("errors.log.enable", "false", NotNeeded(CONNECT_LOG)),
    key("errors.log.include.messages", "false", NotNeeded(CONNECT_LOG)),
    key("config.action.reload", "restart", NotNeeded("token and certificate files are read again when they change")),
    key(CONSUMER_OVERRIDE, "", Read),
    key("producer.override.", "", NotNeeded("a sink connector writes to Kafka only for its dead letters")),
    key("admin.override.", "", NotNeeded("a sink connector uses it only to create its topic of dead letters")),
    // Required.
    key("splunk.hec.uri", "", Read),
    key("splunk.hec.token", "", Read),
    // General.
    key("splunk.indexes", "", Read),
    key("splunk.sources", "", Read),
    key("splunk.sourcetypes", "", Read),
    key("splunk.flush.window", "30", Read),
    key(
        "splunk.validation.disable",
        "false",
        NotNeeded("nothing is sent to Splunk to check a configuration; `check --online` asks without writing an event"),
    ),
    key("splunk.hec.ssl.enforced", "true", Read),
    key("splunk.hec.ssl.validate.certs", "true", Read),
    key("splunk.hec.ssl.trust.store.path", "", Read),
    key("splunk.hec.ssl.trust.store.type", "JKS", Read),
    key("splunk.hec.ssl.trust.store.password", "", Read),
    key("splunk.hec.http.keepalive", "true", Read),
    key(
        "splunk.hec.max.http.connection.per.channel",
        "2",
        NotNeeded("the connector sent one request at a time whatever it said; `max_in_flight` bounds ours"),
    ),
    key("splunk.hec.total.channels", "2", NotNeeded(CHANNELS)),
    key("splunk.hec.max.batch.size", "500", Read),
    key(
        "splunk.hec.threads",
        "1",
        NotNeeded("the connector sent one request at a time whatever it said; `max_in_flight` bounds ours"),
    ),
    key(
        "splunk.hec.concurrent.queue.capacity",
        "100",
        NotNeeded("every queue is sized from `in_flight_bytes`, and a full one loses nothing"),
    ),
    key("splunk.hec.socket.timeout", "60", Read),
    key("splunk.hec.enable.compression", "false", Read),
    key(
        "splunk.hec.max.outstanding.events",
        "1000000",
        NotNeeded("the bound is in bytes, `in_flight_bytes`, so memory stays bounded whatever the events weigh"),
    ),
    key("splunk.hec.max.retries", "5", Read),
    key(
        "splunk.hec.backoff.threshhold.seconds",
        "60",
        NotNeeded("each endpoint backs off by itself, longer each time, and as long as Splunk asks for"),
    ),
    key(
        "splunk.hec.lb.poll.interval",
        "120",
        NotNeeded("an endpoint that failed is tried again within 30 s, by one request of events"),
    ),
    // Acknowledgement.
    key("splunk.hec.ack.enabled", "false", Read),
    key("splunk.hec.ack.poll.interval", "10", Read),
    key("splunk.hec.ack.poll.threads", "2", NotNeeded("polls for acknowledgements wait for nobody's thread")),
    key("splunk.hec.event.timeout", "300", Read),
    key(
        "splunk.hec.ack.legacy.sticky.session.expiry.enabled",
        "false",
        NotNeeded("a cookie in an answer is no event: each channel keeps its own cookies, and nothing is sent again"),
    ),
    // Endpoint and payload.
    key("splunk.hec.raw", "false", Read),
    key("splunk.hec.raw.line.breaker", "", Read),
    key("splunk.hec.json.event.enrichment", "", Read),
    key("splunk.hec.json.event.formatted", "false", Read),
    key("splunk.hec.track.data", "false", Read),
    key("splunk.hec.use.record.timestamp", "true", Read),
    key("splunk.hec.auto.extract.timestamp", "", Read),
    // Headers.
    key("splunk.header.support", "false", Read),
    key("splunk.header.index", "splunk.header.index", Read),
    key("splunk.header.source", "splunk.header.source", Read),
    key("splunk.header.sourcetype", "splunk.header.sourcetype", Read),
    key("splunk.header.host", "splunk.header.host", Read),
    key("splunk.header.custom", "", Read),
    // Kerberos towards HEC.
    key("kerberos.user.principal", "", Read),
    key("kerberos.keytab.path", "", Read),
    // Extraction of the time.
    key("enable.timestamp.extraction", "false", Read),
    key("timestamp.regex", "", Read),
    key(
        "timestamp.regex.timeout.ms",
        "500",
        NotNeeded("the time that a pattern takes grows only with the length of the event; there is nothing to stop"),
    ),
    key("timestamp.format", "", Read),
    key("timestamp.timezone", "", Read),
    // Only Confluent Cloud's fully managed connector has these.
    key("input.data.format", "", Read),
    key("input.key.format", "", NotNeeded(KEYS_ONLY)),
    key(
        "schema.context.name",
        "default",
        NotNeeded("it concerns the Schema Registry, which JSON and text do not need"),
    ),
    key("kafka.auth.mode", "", Read),
    key("kafka.api.key", "", Read),
    key("kafka.api.secret", "", Read),
    key("kafka.service.account.id", "", Read),
    key("kafka.endpoint", "", Read),
    key("kafka.region", "", NotNeeded(MANAGED)),
    key("cloud.environment", "", NotNeeded(MANAGED)),
    key("cloud.provider", "", NotNeeded(MANAGED)),
    key("max.poll.interval.ms", "300000", Read),
    key("max.poll.records", "500", NotNeeded("records are taken one by one; `batch` bounds what a request holds")),
    key("auto.restart.on.user.error", "true", NotNeeded("delivery resumes by itself when the cause is mended")),
    // What people look for and the connector never had.
    key(
        "splunk.hec.max.batch.bytes",
        "",
        NeverWas(
            "the connector has no such setting and ignores it",
            "ours is `batch.max_bytes`; set it there if its default does not suit",
        ),
    ),
    key(
        "splunk.hec.ssl.enabled",
        "",
        NeverWas("the connector has no such setting and ignores it", "the scheme of the endpoint decides; remove it"),
    ),
    key(
        "splunk.header.time",
        "",
        NeverWas("the connector has no such setting and ignores it", "see `time` of the sink for what we can take"),
    ),
    key(
        "splunk.hec.http.proxy.host",
        "",
        NeverWas(
            "the connector has no such setting and ignores it",
            "set `proxy: {url: http://HOST:PORT}` of the sink",
        ),
    ),
    key(
        "splunk.hec.http.proxy.port",
        "",
        NeverWas(
            "the connector has no such setting and ignores it",
            "set `proxy: {url: http://HOST:PORT}` of the sink",
        ),
    ),
];

/// The row of a name: its own, else the longest that stands for it.
pub(super) fn find(name: &str) -> Option<&'static Known> {
    let stands_for = |known: &&Known| known.name == name || (known.name.ends_with('.') && name.starts_with(known.name));
    KEYS.iter().filter(stands_for).max_by_key(|known| known.name.len())
}

/// The known name that a typing error would most likely have come from.
pub(super) fn nearest(name: &str) -> Option<&'static str> {
    let names = KEYS.iter().map(|known| known.name).filter(|known| !known.ends_with('.'));
    let near = names.min_by_key(|known| strsim::damerau_levenshtein(name, known))?;
    // Names are long and alike: a third of the letters would suggest anything.
    (strsim::damerau_levenshtein(name, near) <= name.len().max(near.len()) / 5).then_some(near)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_stands_in_the_table_twice() {
        for (index, known) in KEYS.iter().enumerate() {
            assert!(!KEYS[..index].iter().any(|other| other.name == known.name), "{}", known.name);
        }
    }

    #[test]
    fn a_misspelt_name_finds_the_right_one() {
        assert_eq!(nearest("splunk.hec.backoff.threshold.seconds"), Some("splunk.hec.backoff.threshhold.seconds"));
        assert_eq!(nearest("splunk.index"), Some("splunk.indexes"));
        assert_eq!(nearest("hdfs.url"), None);
    }

    #[test]
    fn a_family_stands_for_its_members() {
        assert_eq!(find("transforms.a.type").map(|known| known.name), Some("transforms."));
        assert_eq!(find("transforms").map(|known| known.name), Some("transforms"));
        assert!(find("transform").is_none());
    }
}
