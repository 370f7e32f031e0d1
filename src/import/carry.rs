//! One connector, as a source and a pipeline.

use crate::defaults;
use crate::units::show_duration;

use super::connect::Connector;
use super::finding::{Finding, Level};
use super::secrets::{Owner, Secrets};
use super::settings::Settings;
use super::topics::Topics;
use super::write::{Block, Value};
use super::{consumer, converters, hec, kafka, payload, references, smt, topics, trust};

pub(super) struct Carried {
    pub(super) name: String,
    pub(super) file: String,
    /// What stands under `sources.NAME.kafka`. Equal ones are written once.
    pub(super) source: Block,
    /// What stands under `pipelines.NAME` after `source`.
    pub(super) rest: Block,
}

/// What came of one connector.
pub(super) struct Account {
    pub(super) findings: Vec<Finding>,
    /// The worker's settings that this connector does not need.
    pub(super) unused: Vec<String>,
    /// `None` for a connector that is not one to Splunk.
    pub(super) pipeline: Option<Carried>,
}

pub(super) fn carry(connector: Connector, worker: Option<&Connector>, name: &str, secrets: &mut Secrets) -> Account {
    let connector_name = connector.name.clone();
    let mut settings = Settings::new(connector, worker);
    if let Some(refusal) = not_splunk(&settings) {
        let unused = worker.into_iter().flat_map(|worker| worker.settings.iter().map(|(name, _)| name.clone()));
        return Account { findings: vec![refusal], unused: unused.collect(), pipeline: None };
    }
    let file = settings.file().to_owned();
    let mut source = Block::default();
    kafka::connection(&mut settings, secrets, name, &mut source);
    let connection = source.clone();
    let topics = topics::read(&mut settings, &mut source);
    mirror(&settings, &topics, &mut source);
    let drain = consumer::read(&mut settings, &mut source);

    let mut rest = Block::default();
    group(&mut settings, secrets, connector_name.as_deref(), name, &mut rest);
    let mut hec = Block::default();
    hec::reach(&mut settings, secrets, name, &mut hec);
    let mode = payload::mode(&mut settings);
    let smt::Chain { steps, routes, .. } = smt::read(&mut settings, mode, &topics);
    payload::shape(&mut settings, mode, &topics, &routes, &mut hec);
    hec::limits(&mut settings, &mut hec);
    trust::splunk(&mut settings, secrets, name, &mut hec);
    if !steps.is_empty() {
        rest.member("transforms", Value::Items(steps), "");
    }
    let mut sink = Block::default();
    sink.block("splunk_hec", hec);
    rest.block("sink", sink);
    dead_letters(&mut settings, connection, &mut rest);
    hec::batches(&mut settings, &mut rest);
    if let Some(drain) = drain {
        rest.bare("drain_deadline", show_duration(drain), "has to be shorter than session_timeout");
    }
    converters::read(&mut settings, mode);
    kerberos(&mut settings);

    let (findings, unused) = settings.settle();
    let mut whole = not_imported(&findings);
    whole.append(rest);
    let pipeline = Some(Carried { name: name.to_owned(), file, source, rest: whole });
    Account { findings, unused, pipeline }
}

fn not_splunk(settings: &Settings) -> Option<Finding> {
    let class = settings.raw("connector.class");
    let short = class.and_then(|class| class.rsplit('.').next());
    let (cause, remedy) = match short {
        Some("SplunkSinkConnector" | "SplunkSink") => return None,
        Some(_) => {
            let cause = format!("this is no connector to Splunk but {}", class.unwrap_or_default());
            (cause, "leave it with Connect: auditferry only carries events from Kafka to Splunk")
        }
        None if settings.below("splunk.").is_empty() => {
            ("there is no `connector.class`".to_owned(), "if this is the worker's file, give it with `--worker`")
        }
        None => return None,
    };
    let (file, key) = (settings.file().to_owned(), "connector.class".to_owned());
    Some(Finding { level: Level::Refused, file, key, cause, remedy: remedy.to_owned() })
}

/// Confluent runs no connector on the audit cluster: what a managed one reads is a copy.
fn mirror(settings: &Settings, topics: &Topics, source: &mut Block) {
    let Topics::Names(names) = topics else { return };
    if kafka::is_managed(settings) && names.iter().any(|name| name == defaults::AUDIT_TOPIC) {
        source.bare("mirror", true, "no connector runs on the audit cluster itself");
    }
}

/// Writes the consumer group, whose committed offsets say where to go on.
fn group(settings: &mut Settings, secrets: &mut Secrets, name: Option<&str>, pipeline: &str, rest: &mut Block) {
    let given = settings.raw("name").is_some();
    if settings.raw("connector.class").is_some() {
        settings.note("connector.class", "the sink is `splunk_hec`");
    }
    if let Some(key) = settings.consumer("group.id")
        && let Some(group) = settings.text(&key)
    {
        settings.carried(&key, "group_id");
        rest.text("group_id", group, &key.name);
        if given {
            settings.carried("name", "the pipeline's name");
        }
        return;
    }
    let file = settings.file().to_owned();
    let owner = |what| Owner { file: &file, key: "name", pipeline, what };
    let managed = kafka::is_managed(settings);
    let usable = name.filter(|name| !managed || name.starts_with("lcc-"));
    match usable.map(|name| references::ours(name, settings.providers())) {
        Some(Ok(name)) => {
            if given {
                settings.carried("name", "group_id");
            }
            rest.text("group_id", format!("connect-{name}"), "goes on where the connector stopped");
        }
        Some(Err(_)) | None if managed => {
            let cause = "the managed connector's group is named after its id (lcc-…), which this file does not say";
            let remedy = "set CONNECTOR_ID to the id that `confluent connect cluster list` shows; with a wrong one, reading \
                          begins at the oldest record";
            settings.warn("name", cause, remedy);
            let reference = secrets.missing("CONNECTOR_ID", &owner("the connector's id, lcc-…"));
            rest.text("group_id", format!("connect-{reference}"), "goes on where the connector stopped");
        }
        Some(Err(_)) | None => {
            let cause = "the connector's group is named after it, and this file does not say its name";
            let remedy = "set CONNECTOR_NAME to it; with a wrong one, reading begins at the oldest record";
            settings.warn("name", cause, remedy);
            let reference = secrets.missing("CONNECTOR_NAME", &owner("the connector's name"));
            rest.text("group_id", format!("connect-{reference}"), "goes on where the connector stopped");
        }
    }
}

/// Writes where events go that Splunk will never take.
fn dead_letters(settings: &mut Settings, connection: Block, rest: &mut Block) {
    let (key, tolerance) = ("errors.deadletterqueue.topic.name", "errors.tolerance");
    let tolerant = settings.raw(tolerance).is_some_and(|value| value.eq_ignore_ascii_case("all"));
    if tolerant {
        settings.note(tolerance, "a record that cannot be delivered becomes a dead letter, and the others go on");
    }
    if let Some(name) = settings.text(key) {
        settings.carried(key, "dead_letter.topic.name");
        let cause = "the connector writes there only what cannot be converted; ours also what Splunk refuses";
        settings.warn(
            key,
            cause,
            "the login of the source needs the right to write to that topic, and it has to exist",
        );
        let mut topic = Block::default();
        topic.text("name", name, key);
        topic.block("kafka", connection);
        let mut store = Block::default();
        store.block("topic", topic);
        rest.block("dead_letter", store);
    } else {
        let cause = "there is no store for events that Splunk will never take: such an event, one without a value \
                     included, holds the pipeline, because nothing is dropped";
        settings.warn(
            key,
            cause,
            "write `dead_letter: {directory: /var/lib/auditferry/dead-letter}` into the pipeline",
        );
        rest.comment(
            "Where events are kept that Splunk will never take. Without a store such an event holds the pipeline.",
        );
        rest.comment("dead_letter:");
        rest.comment("  directory: /var/lib/auditferry/dead-letter");
    }
}

fn kerberos(settings: &mut Settings) {
    let keys = ["kerberos.user.principal", "kerberos.keytab.path"];
    let given: Vec<&str> = keys.into_iter().filter(|key| settings.raw(*key).is_some()).collect();
    for (index, key) in given.iter().enumerate() {
        if index == 0 {
            let cause = "login to HEC by Kerberos (SPNEGO) is not supported";
            let remedy = "let the proxy in front of Splunk take the HEC token over TLS; a client certificate \
                          (`certificate_file` of the sink's `tls`) can stand in for the login";
            settings.refuse(*key, cause, remedy);
        } else {
            settings.note(*key, "see `kerberos.user.principal`");
        }
    }
}

/// Keeps the configuration from being used before a person has decided about what was refused.
fn not_imported(findings: &[Finding]) -> Block {
    let refused = findings.iter().filter(|finding| finding.level == Level::Refused);
    let lines: Vec<String> =
        refused.map(|finding| format!("{}: {}", finding.key, finding.cause).replace('$', "$$")).collect();
    let mut block = Block::default();
    if !lines.is_empty() {
        block.comment(
            "Decide about each of these, then remove the list. Until then `check` and `run` refuse this file.",
        );
        block.member("not_imported", Value::Lines(lines), "");
    }
    block
}
