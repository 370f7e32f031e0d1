//! Every setting of the connector becomes something: the table below has each, with what becomes of it.

use super::*;

enum Becomes {
    /// Stands in the configuration as this.
    Carried(&'static str),
    /// As `Carried`, and a warning says what is other than before.
    Warned(&'static str),
    /// A note says why there is nothing to carry over.
    Explained,
    /// There is nothing to carry over, and a warning says what is other than before.
    Differs,
    Refused,
}

use Becomes::{Carried as C, Differs as D, Explained as E, Refused as R, Warned as W};

/// Key, the lines that set it and what it needs, and what becomes of it.
const EVERY_KEY: &[(&str, &str, Becomes)] = &[
    // Read by Connect itself.
    ("name", "name=audit", C("group_id: connect-audit ")),
    ("connector.class", "connector.class=com.splunk.kafka.connect.SplunkSinkConnector", E),
    ("connector.class", "connector.class=SplunkSink", E),
    ("tasks.max", "tasks.max=8", E),
    ("topics", "topics=a,b", C("topics: [a, b]")),
    ("topics.regex", "topics=\ntopics.regex=a-.*", C("topic_pattern: \"^a-.*$\"")),
    ("topics.regex", "topics=\ntopics.regex=(?!a).*", R),
    ("key.converter", "key.converter=org.apache.kafka.connect.storage.StringConverter", E),
    ("key.converter.schemas.enable", "key.converter.schemas.enable=false", E),
    ("value.converter", "value.converter=org.apache.kafka.connect.json.JsonConverter", E),
    ("value.converter", "value.converter=org.apache.kafka.connect.storage.StringConverter", D),
    ("value.converter", "value.converter=org.apache.kafka.connect.converters.ByteArrayConverter", D),
    ("value.converter", "value.converter.schemas.enable=true", R),
    ("value.converter", "value.converter=io.confluent.connect.avro.AvroConverter", R),
    ("value.converter", "value.converter=io.confluent.connect.protobuf.ProtobufConverter", R),
    ("value.converter", "value.converter=io.confluent.connect.json.JsonSchemaConverter", R),
    ("value.converter", "value.converter=com.example.Own", R),
    ("value.converter.schemas.enable", "value.converter.schemas.enable=false", E),
    ("header.converter", "header.converter=org.apache.kafka.connect.storage.SimpleHeaderConverter", E),
    ("transforms", "transforms=t\ntransforms.t.type=org.apache.kafka.connect.transforms.RegexRouter", E),
    ("transforms.t.type", "transforms=t\ntransforms.t.type=org.apache.kafka.connect.transforms.RegexRouter", R),
    ("transforms.t.regex", "transforms=t\ntransforms.t.type=x.RegexRouter\ntransforms.t.regex=a", E),
    ("predicates", "predicates=p\npredicates.p.type=x.TopicNameMatches", E),
    ("predicates.p.type", "predicates=p\npredicates.p.type=x.TopicNameMatches", E),
    ("errors.tolerance", "errors.tolerance=all", E),
    ("errors.deadletterqueue.topic.name", "errors.deadletterqueue.topic.name=dlq", W("name: dlq")),
    ("errors.deadletterqueue.context.headers.enable", "errors.deadletterqueue.context.headers.enable=true", E),
    ("errors.retry.timeout", "errors.retry.timeout=1", E),
    ("errors.log.enable", "errors.log.enable=true", E),
    ("consumer.override.group.id", "consumer.override.group.id=g", C("group_id: g ")),
    ("consumer.override.auto.offset.reset", "consumer.override.auto.offset.reset=latest", C("start_at: latest")),
    ("consumer.override.auto.offset.reset", "consumer.override.auto.offset.reset=none", R),
    ("consumer.override.max.poll.records", "consumer.override.max.poll.records=9", E),
    ("consumer.override.fetch.max.wait.ms", "consumer.override.fetch.max.wait.ms=9", C("fetch.wait.max.ms: \"9\"")),
    ("consumer.override.client.rack", "consumer.override.client.rack=r", C("client.rack: r")),
    ("consumer.override.session.timeout.ms", "consumer.override.session.timeout.ms=6000", C("drain_deadline: 3s")),
    ("consumer.override.security.protocol", "consumer.override.security.protocol=SSL", C("security: ssl")),
    ("consumer.override.security.protocol", "consumer.override.security.protocol=TLS", R),
    (
        "consumer.override.ssl.truststore.location",
        "consumer.override.security.protocol=SSL\nconsumer.override.ssl.truststore.location=/t",
        C("trust_store: /t"),
    ),
    ("consumer.override.ssl.truststore.location", "consumer.override.ssl.truststore.location=/t", E),
    (
        "consumer.override.ssl.keystore.location",
        "consumer.override.security.protocol=SSL\nconsumer.override.ssl.keystore.location=/c.jks",
        W("key_file: /c.key.pem"),
    ),
    (
        "consumer.override.ssl.keystore.location",
        "consumer.override.security.protocol=SSL\nconsumer.override.ssl.keystore.type=PEM\n\
         consumer.override.ssl.keystore.location=/c.pem",
        C("key_file: /c.pem"),
    ),
    (
        "consumer.override.ssl.endpoint.identification.algorithm",
        "consumer.override.security.protocol=SSL\nconsumer.override.ssl.endpoint.identification.algorithm=",
        R,
    ),
    (
        "consumer.override.sasl.mechanism",
        "consumer.override.security.protocol=SASL_SSL\nconsumer.override.sasl.mechanism=GSSAPI",
        R,
    ),
    (
        "consumer.override.sasl.jaas.config",
        "consumer.override.security.protocol=SASL_SSL\nconsumer.override.sasl.mechanism=PLAIN\n\
         consumer.override.sasl.jaas.config=x.PlainLoginModule required username=u password=p;",
        C("password: ${KAFKA_PASSWORD}"),
    ),
    (
        "consumer.override.sasl.jaas.config",
        "consumer.override.security.protocol=SASL_SSL\nconsumer.override.sasl.mechanism=PLAIN\n\
         consumer.override.sasl.jaas.config=x.IAMLoginModule required;",
        R,
    ),
    ("consumer.override.of.the.future", "consumer.override.of.the.future=1", R),
    // Required.
    ("splunk.hec.uri", "splunk.hec.uri=https://a:8088,https://b:8088/", C("[https://a:8088, https://b:8088]")),
    ("splunk.hec.uri", "splunk.hec.uri=https://a:8088, https://b", W("[https://a:8088, https://b:443]")),
    ("splunk.hec.uri", "splunk.hec.uri=http://a:8088/services/collector", W("[http://a:8088]")),
    ("splunk.hec.uri", "splunk.hec.uri=a:8088", R),
    ("splunk.hec.token", "splunk.hec.token=x", C("token: ${SPLUNK_HEC_TOKEN}")),
    // General.
    ("splunk.indexes", "splunk.indexes=main", C("index: main")),
    ("splunk.indexes", "splunk.indexes=one,two", C("- {topic: b, index: two}")),
    ("splunk.indexes", "splunk.indexes=one, two", W("- {topic: b, index: two}")),
    ("splunk.indexes", "splunk.indexes=1,2,3", R),
    ("splunk.indexes", "topics=\ntopics.regex=a\nsplunk.indexes=main", D),
    ("splunk.sources", "splunk.sources=s", C("source: s ")),
    ("splunk.sourcetypes", "splunk.sourcetypes=st", C("sourcetype: st")),
    ("splunk.flush.window", "splunk.flush.window=5", E),
    ("splunk.validation.disable", "splunk.validation.disable=true", E),
    ("splunk.hec.ssl.enforced", "splunk.hec.ssl.enforced=false", E),
    ("splunk.hec.ssl.validate.certs", "splunk.hec.ssl.validate.certs=false", W("insecure_skip_verify: true")),
    ("splunk.hec.ssl.validate.certs", "splunk.hec.ssl.validate.certs=true", E),
    ("splunk.hec.ssl.trust.store.path", "splunk.hec.ssl.trust.store.path=/t.jks", C("trust_store: /t.jks")),
    (
        "splunk.hec.ssl.trust.store.type",
        "splunk.hec.ssl.trust.store.path=/t\nsplunk.hec.ssl.trust.store.type=PKCS12",
        E,
    ),
    ("splunk.hec.ssl.trust.store.type", "splunk.hec.ssl.trust.store.path=/t\nsplunk.hec.ssl.trust.store.type=JCEKS", R),
    (
        "splunk.hec.ssl.trust.store.password",
        "splunk.hec.ssl.trust.store.path=/t\nsplunk.hec.ssl.trust.store.password=p",
        C("trust_store_password: ${SPLUNK_TRUST_STORE_PASSWORD}"),
    ),
    ("splunk.hec.ssl.trust.store.password", "splunk.hec.ssl.trust.store.password=p", E),
    ("splunk.hec.http.keepalive", "splunk.hec.http.keepalive=false", C("keep_alive: false")),
    ("splunk.hec.max.http.connection.per.channel", "splunk.hec.max.http.connection.per.channel=4", E),
    ("splunk.hec.total.channels", "splunk.hec.total.channels=8", E),
    ("splunk.hec.max.batch.size", "splunk.hec.max.batch.size=1000", C("max_events: 1000")),
    ("splunk.hec.threads", "splunk.hec.threads=2", E),
    ("splunk.hec.concurrent.queue.capacity", "splunk.hec.concurrent.queue.capacity=9", E),
    ("splunk.hec.socket.timeout", "splunk.hec.socket.timeout=120", W("request_timeout: 2m")),
    ("splunk.hec.socket.timeout", "splunk.hec.socket.timeout=4", W("connect_timeout: 2s")),
    ("splunk.hec.enable.compression", "splunk.hec.enable.compression=TRUE", C("compression: gzip")),
    ("splunk.hec.max.outstanding.events", "splunk.hec.max.outstanding.events=9", E),
    ("splunk.hec.max.retries", "splunk.hec.max.retries=5", D),
    ("splunk.hec.max.retries", "splunk.hec.max.retries=-1", E),
    ("splunk.hec.max.retries", "splunk.hec.max.retries=many", R),
    ("splunk.hec.max.retries", "splunk.hec.max.retries=${env:RETRIES}", R),
    ("splunk.hec.raw", "splunk.hec.raw=${env:RAW}", R),
    ("splunk.indexes", "splunk.indexes=${env:INDEX}", C("index: ${INDEX}")),
    ("splunk.indexes", "splunk.indexes=${vault:secret:index}", R),
    ("splunk.hec.backoff.threshhold.seconds", "splunk.hec.backoff.threshhold.seconds=10", E),
    ("splunk.hec.lb.poll.interval", "splunk.hec.lb.poll.interval=60", E),
    ("splunk.hec.lb.poll.interval", "splunk.hec.lb.poll.interval=0", E),
    // Acknowledgement.
    ("splunk.hec.ack.enabled", "splunk.hec.ack.enabled=true", C("delivery: indexed")),
    ("splunk.hec.ack.enabled", "splunk.hec.ack.enabled=false", C("delivery: accepted")),
    ("splunk.hec.ack.poll.interval", "splunk.hec.ack.poll.interval=5", E),
    (
        "splunk.hec.ack.poll.interval",
        "splunk.hec.ack.enabled=true\nsplunk.hec.ack.poll.interval=5",
        C("ack_poll_interval: 5s"),
    ),
    ("splunk.hec.ack.poll.threads", "splunk.hec.ack.poll.threads=4", E),
    ("splunk.hec.event.timeout", "splunk.hec.event.timeout=600", E),
    ("splunk.hec.event.timeout", "splunk.hec.ack.enabled=true\nsplunk.hec.event.timeout=600", C("ack_timeout: 10m")),
    ("splunk.hec.event.timeout", "splunk.hec.ack.enabled=true\nsplunk.hec.event.timeout=60", W("ack_timeout: 1m")),
    (
        "splunk.hec.ack.legacy.sticky.session.expiry.enabled",
        "splunk.hec.ack.legacy.sticky.session.expiry.enabled=true",
        E,
    ),
    // Endpoint and payload.
    ("splunk.hec.raw", "splunk.hec.raw=true", C("mode: raw")),
    ("splunk.hec.raw", "splunk.hec.raw=yes", R),
    ("splunk.hec.raw.line.breaker", "splunk.hec.raw=true\nsplunk.hec.raw.line.breaker=\\n", C("line_breaker: \"\\n\"")),
    ("splunk.hec.raw.line.breaker", "splunk.hec.raw=true\nsplunk.hec.raw.line.breaker=\\r\\n", W("line_breaker: \"\"")),
    (
        "splunk.hec.raw.line.breaker",
        "splunk.hec.raw=true\nsplunk.hec.raw.line.breaker= ####",
        C("line_breaker: \"####\""),
    ),
    ("splunk.hec.raw.line.breaker", "splunk.hec.raw.line.breaker=\\n", E),
    ("splunk.hec.json.event.enrichment", "splunk.hec.json.event.enrichment=env=prod,team=a", C("team: a")),
    ("splunk.hec.json.event.enrichment", "splunk.hec.json.event.enrichment=env=", R),
    ("splunk.hec.json.event.enrichment", "splunk.hec.raw=true\nsplunk.hec.json.event.enrichment=a=b", E),
    (
        "splunk.hec.json.event.enrichment",
        "topics=\ntopics.regex=a\nsplunk.hec.json.event.enrichment=env=prod",
        W("env: prod"),
    ),
    ("splunk.hec.json.event.formatted", "splunk.hec.json.event.formatted=true", C("mode: preformatted")),
    ("splunk.hec.json.event.formatted", "splunk.hec.raw=true\nsplunk.hec.json.event.formatted=true", E),
    ("splunk.indexes", "splunk.hec.json.event.formatted=true\nsplunk.indexes=main", E),
    (
        "splunk.hec.track.data",
        "splunk.hec.track.data=true",
        C("tracking: [topic, partition, offset, timestamp, key, host, channel]"),
    ),
    (
        "splunk.hec.track.data",
        "splunk.hec.ack.enabled=true\nsplunk.hec.track.data=true",
        W("tracking: [topic, partition, offset, timestamp, key, host]"),
    ),
    ("splunk.hec.track.data", "splunk.hec.track.data=false", E),
    ("splunk.hec.use.record.timestamp", "splunk.hec.use.record.timestamp=true", C("time: record")),
    ("splunk.hec.use.record.timestamp", "splunk.hec.use.record.timestamp=false", C("time: none")),
    (
        "splunk.hec.auto.extract.timestamp",
        "splunk.hec.auto.extract.timestamp=false",
        C("auto_extract_timestamp: false"),
    ),
    // Headers.
    ("splunk.header.support", "splunk.header.support=true", C("index: splunk.header.index")),
    ("splunk.header.support", "splunk.header.support=true\nsplunk.hec.raw=true", W("host: splunk.header.host")),
    ("splunk.header.index", "splunk.header.support=true\nsplunk.header.index=i", C("index: i ")),
    ("splunk.header.index", "splunk.header.index=i", E),
    ("splunk.header.source", "splunk.header.support=true\nsplunk.header.source=s", C("source: s ")),
    ("splunk.header.sourcetype", "splunk.header.support=true\nsplunk.header.sourcetype=s", C("sourcetype: s ")),
    ("splunk.header.host", "splunk.header.support=true\nsplunk.header.host=h", C("host: h ")),
    ("splunk.header.custom", "splunk.header.support=true\nsplunk.header.custom=a, b", C("fields: [a, b]")),
    // Kerberos towards HEC.
    ("kerberos.user.principal", "kerberos.user.principal=p", R),
    ("kerberos.keytab.path", "kerberos.user.principal=p\nkerberos.keytab.path=/k", E),
    // Extraction of the time.
    (
        "enable.timestamp.extraction",
        "enable.timestamp.extraction=true\ntimestamp.regex=(?<time>\\\\d+)\ntimestamp.format=epoch",
        C("extract:"),
    ),
    (
        "timestamp.regex",
        "enable.timestamp.extraction=true\ntimestamp.regex=(?<time>\\\\d+)\ntimestamp.format=epoch",
        W("pattern: '(?<time>\\d+)'"),
    ),
    (
        "timestamp.regex",
        "value.converter=x.StringConverter\nenable.timestamp.extraction=true\ntimestamp.regex=(?<time>\\\\d+)\n\
         timestamp.format=epoch",
        C("pattern: '(?<time>\\d+)'"),
    ),
    ("timestamp.regex", "enable.timestamp.extraction=true\ntimestamp.regex=(?=x)(?<time>a)\ntimestamp.format=epoch", R),
    ("timestamp.regex", "enable.timestamp.extraction=true\ntimestamp.regex=(?<when>a)\ntimestamp.format=epoch", R),
    ("timestamp.regex", "timestamp.regex=x", E),
    ("timestamp.regex.timeout.ms", "timestamp.regex.timeout.ms=9", E),
    (
        "timestamp.format",
        "enable.timestamp.extraction=true\ntimestamp.regex=(?<time>a)\ntimestamp.format=Epoch",
        C("format: epoch"),
    ),
    (
        "timestamp.format",
        "enable.timestamp.extraction=true\ntimestamp.regex=(?<time>a)\ntimestamp.format=yyyy-MM-dd kk:mm",
        R,
    ),
    (
        "timestamp.timezone",
        "enable.timestamp.extraction=true\ntimestamp.regex=(?<time>a)\ntimestamp.format=yyyy-ww\ntimestamp.timezone=UTC",
        E,
    ),
    (
        "timestamp.timezone",
        "enable.timestamp.extraction=true\ntimestamp.regex=(?<time>a)\ntimestamp.format=HH\ntimestamp.timezone=UTC",
        C("zone: UTC"),
    ),
    ("timestamp.timezone", "enable.timestamp.extraction=true\ntimestamp.regex=(?<time>a)\ntimestamp.format=HH", D),
    // What the connector never had.
    ("splunk.hec.ssl.enabled", "splunk.hec.ssl.enabled=true", D),
    ("splunk.hec.backoff.threshold.seconds", "splunk.hec.backoff.threshold.seconds=1", D),
];

#[test]
fn every_setting_is_carried_over_explained_or_refused() {
    let mut wrong = Vec::new();
    for (key, lines, becomes) in EVERY_KEY {
        let outcome = with(lines);
        let levels = levels(&outcome, key);
        let has = |level| levels.contains(&level);
        let written = |expected: &str| outcome.config.as_ref().is_some_and(|config| config.contains(expected));
        let holds = match becomes {
            C(expected) => written(expected) && has(Level::Carried) && !has(Level::Warning),
            W(expected) => written(expected) && has(Level::Carried) && has(Level::Warning),
            E => levels == [Level::Note],
            D => has(Level::Warning) && !has(Level::Carried) && !has(Level::Refused),
            R => written("not_imported:") && written(key) && has(Level::Refused) && !has(Level::Carried),
        };
        if !holds {
            wrong.push(format!("{key} by\n{lines}\n{levels:?}\n{}", config(&outcome)));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

/// Goal: the table above leaves out no setting of the connector. Method: compare it with the table of the program.
#[test]
fn every_setting_of_the_connector_is_in_the_table_above() {
    let managed_or_rare = |name: &str| {
        ["kafka.", "cloud.", "input.", "schema.context", "max.poll.", "auto.restart", "admin.", "producer."]
            .iter()
            .any(|prefix| name.starts_with(prefix))
    };
    for known in keys::KEYS.iter().filter(|known| known.name.starts_with("splunk.") || !managed_or_rare(known.name)) {
        let never_was = matches!(known.fate, keys::Fate::NeverWas(..));
        let minor = ["errors.", "config.action", "header.converter.", "value.converter.", "key.converter."];
        let covered = EVERY_KEY.iter().any(|(key, ..)| key.starts_with(known.name));
        assert!(never_was || covered || minor.iter().any(|minor| known.name.starts_with(minor)), "{}", known.name);
    }
}

/// Goal: no combination makes a setting disappear. Method: each row of the table with every seventh one.
#[test]
fn no_two_settings_silence_each_other() {
    for (_, one, _) in EVERY_KEY {
        for (_, other, _) in EVERY_KEY.iter().step_by(7) {
            let text = format!("{BASE}{one}\n{other}");
            let outcome = import_text(&text);
            let settings = properties::parse(text.as_bytes()).expect("well formed");
            for (key, _) in &settings {
                assert!(!levels(&outcome, key).is_empty(), "nobody speaks for {key} in\n{text}");
            }
        }
    }
}
