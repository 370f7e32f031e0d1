//! The cluster: brokers, login and certificates, from the worker and from the connector's overrides.
//!
//! Connect builds the consumer of a connector from `bootstrap.servers` and `consumer.*` of the worker and
//! `consumer.override.*` of the connector; security settings of the worker without a prefix are for its own clients.

use super::jaas;
use super::secrets::{Owner, Secrets};
use super::settings::{Key, Settings};
use super::write::Block;

/// Writes how to reach the cluster, and what is special about the consumer. Topics are written by `topics`.
pub(super) fn connection(settings: &mut Settings, secrets: &mut Secrets, pipeline: &str, kafka: &mut Block) {
    brokers(settings, secrets, kafka);
    if is_managed(settings) {
        managed_login(settings, secrets, pipeline, kafka);
        return;
    }
    let protocol = settings.consumer("security.protocol");
    let value = protocol.as_ref().and_then(|key| settings.text(key)).unwrap_or_else(|| "PLAINTEXT".to_owned());
    let security = value.to_ascii_lowercase();
    if !["plaintext", "ssl", "sasl_plaintext", "sasl_ssl"].contains(&security.as_str()) {
        if let Some(key) = &protocol {
            settings.refuse(key, "this is no security protocol of Kafka", "write `security` of the source");
        }
        return;
    }
    if security.starts_with("sasl") {
        login(settings, secrets, pipeline, kafka);
    } else {
        for name in ["sasl.mechanism", "sasl.jaas.config"] {
            if let Some(key) = settings.consumer(name) {
                settings.note(&key, format!("it has no effect with `security.protocol={value}`"));
            }
        }
    }
    if let Some(key) = &protocol {
        settings.carried(key, "kafka.security");
        kafka.text("security", &security, &key.name);
    }
    if security.ends_with("ssl") {
        kafka.block("tls", super::trust::kafka(settings, secrets, pipeline));
    }
}

/// Whether this is Confluent Cloud's fully managed connector. Its class does not tell: `SplunkSink` is also the short name
/// of the other one.
pub(super) fn is_managed(settings: &Settings) -> bool {
    let only_there = ["kafka.auth.mode", "kafka.api.key", "kafka.endpoint", "input.data.format", "cloud.environment"];
    only_there.iter().any(|key| settings.raw(*key).is_some())
}

fn brokers(settings: &mut Settings, secrets: &mut Secrets, kafka: &mut Block) {
    let endpoint = settings.raw("kafka.endpoint").is_some().then(|| Key::from("kafka.endpoint"));
    let own = settings.consumer("bootstrap.servers");
    if let Some(key) = own.or(endpoint).or_else(|| settings.worker("bootstrap.servers")) {
        if let Some(text) = settings.text(&key) {
            let without_scheme = |broker: &str| broker.trim().rsplit("://").next().unwrap_or_default().to_owned();
            let brokers: Vec<String> = text.split(',').map(without_scheme).collect();
            settings.carried(&key, "kafka.bootstrap_servers");
            kafka.text("bootstrap_servers", brokers.join(","), &key.name);
        }
        return;
    }
    let name = "KAFKA_BOOTSTRAP_SERVERS";
    let (what, remark) = if is_managed(settings) {
        ("of the cluster that the connector reads", "the cluster that the connector reads")
    } else {
        ("of the brokers, from the worker's file", "stands in the worker's file (--worker)")
    };
    secrets.must_set(name.to_owned(), format!("`host:port` {what} (for {})", settings.file()));
    kafka.text("bootstrap_servers", format!("${{{name}}}"), remark);
}

/// Confluent Cloud's fully managed connector logs in by an API key.
fn managed_login(settings: &mut Settings, secrets: &mut Secrets, pipeline: &str, kafka: &mut Block) {
    let file = settings.file().to_owned();
    let owner = |key, what| Owner { file: &file, key, pipeline, what };
    let mode = settings.text("kafka.auth.mode").unwrap_or_default();
    if mode == "KAFKA_API_KEY" {
        settings.carried("kafka.auth.mode", "kafka.api_key");
    } else if !mode.is_empty() {
        let cause = "the connector logs in as a service account, which Confluent Cloud can only do for itself";
        let remedy = "make an API key for that service account, and set KAFKA_API_KEY and KAFKA_API_SECRET";
        settings.warn("kafka.auth.mode", cause, remedy);
        if settings.raw("kafka.service.account.id").is_some() {
            settings.note("kafka.service.account.id", "see `kafka.auth.mode`");
        }
    }
    let hidden = |text: &str| text.chars().all(|c| c == '*');
    match settings.text("kafka.api.key").filter(|text| !hidden(text)) {
        Some(key) => kafka.text("api_key", key, "kafka.api.key"),
        None => {
            let reference = secrets.missing("KAFKA_API_KEY", &owner("kafka.api.key", "the API key"));
            kafka.text("api_key", reference, "kafka.api.key");
        }
    }
    let owner = owner("kafka.api.secret", "the secret of the API key");
    let reference = match settings.raw("kafka.api.secret") {
        Some(raw) => secrets.refer("KAFKA_API_SECRET", &owner, raw, settings.providers()),
        None => secrets.missing("KAFKA_API_SECRET", &owner),
    };
    kafka.text("api_secret", reference, "kafka.api.secret");
    for (key, target) in [("kafka.api.key", "kafka.api_key"), ("kafka.api.secret", "kafka.api_secret")] {
        if settings.raw(key).is_some() {
            settings.carried(key, target);
        }
    }
}

fn login(settings: &mut Settings, secrets: &mut Secrets, pipeline: &str, kafka: &mut Block) {
    let mechanism_key = settings.consumer("sasl.mechanism");
    let mechanism = mechanism_key.as_ref().and_then(|key| settings.text(key)).unwrap_or_else(|| "GSSAPI".to_owned());
    let mechanism_key = mechanism_key.unwrap_or_else(|| "consumer.override.sasl.mechanism".into());
    for name in ["sasl.login.callback.handler.class", "sasl.client.callback.handler.class"] {
        if let Some(key) = settings.consumer(name) {
            settings.note(&key, format!("it is Java code; see `{}`", mechanism_key.name));
        }
    }
    if !["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"].contains(&mechanism.as_str()) {
        let (cause, remedy) = foreign(&mechanism);
        settings.refuse(&mechanism_key, cause, remedy);
        if let Some(key) = settings.consumer("sasl.jaas.config") {
            settings.note(&key, format!("see `{}`", mechanism_key.name));
        }
        return;
    }
    settings.carried(&mechanism_key, "kafka.sasl.mechanism");
    let mut sasl = Block::default();
    sasl.text("mechanism", &mechanism, &mechanism_key.name);
    credentials(settings, secrets, pipeline, &mut sasl);
    kafka.block("sasl", sasl);
}

fn foreign(mechanism: &str) -> (String, &'static str) {
    let instead = "make the brokers a user with SCRAM or PLAIN, or a client certificate, and write `sasl` or `tls` of the \
                   source";
    let cause = match mechanism {
        "GSSAPI" => {
            "login by Kerberos (GSSAPI) is not supported: auditferry is one binary without the Kerberos libraries"
        }
        "OAUTHBEARER" => "login by OAUTHBEARER is not supported by this version",
        "AWS_MSK_IAM" => "login by AWS IAM is not supported by this version",
        _ => return (format!("login by the mechanism {mechanism} is not supported"), instead),
    };
    (cause.to_owned(), instead)
}

fn credentials(settings: &mut Settings, secrets: &mut Secrets, pipeline: &str, sasl: &mut Block) {
    let key = settings.consumer("sasl.jaas.config");
    let file = key.as_ref().map_or(settings.file(), |key| settings.file_of(key)).to_owned();
    let name = key.as_ref().map_or("sasl.jaas.config", |key| key.name.as_str()).to_owned();
    let owner = |what| Owner { file: &file, key: &name, pipeline, what };
    let parsed = key.as_ref().map(|key| jaas::parse(settings.raw(key).unwrap_or_default()));
    match (&key, parsed) {
        (Some(key), Some(Ok(login))) if ["PlainLoginModule", "ScramLoginModule"].contains(&login.module.as_str()) => {
            match login.option("username").map(|name| super::references::ours(name, settings.providers())) {
                Some(Ok(username)) => sasl.text("username", username, &key.name),
                Some(Err(_)) | None => {
                    let reference = secrets.missing("KAFKA_USERNAME", &owner("the user name for Kafka"));
                    sasl.text("username", reference, &key.name);
                }
            }
            let password = match login.option("password") {
                Some(raw) => {
                    secrets.refer("KAFKA_PASSWORD", &owner("the password for Kafka"), raw, settings.providers())
                }
                None => secrets.missing("KAFKA_PASSWORD", &owner("the password for Kafka")),
            };
            settings.carried(key, "kafka.sasl.username, kafka.sasl.password");
            sasl.text("password", password, &key.name);
            return;
        }
        (Some(key), Some(Ok(login))) => {
            let cause = format!("the login module {} is not supported", login.module);
            settings.refuse(key, cause, "write `sasl` of the source, with a user of PLAIN or SCRAM");
        }
        (Some(key), Some(Err(cause))) => {
            let held = settings.raw(key).is_some_and(|raw| raw.starts_with("${"));
            let cause = if held { "it is kept where only Connect reads it" } else { cause };
            let cause = format!("user name and password cannot be read from this login: {cause}");
            settings.warn(key, cause, "set KAFKA_USERNAME and KAFKA_PASSWORD to what it holds");
        }
        (Some(_) | None, _) => {
            let key = Key::from("consumer.override.sasl.jaas.config");
            let cause = "the login is not in these files; the worker's Java process may read it from a file of its own \
                         (java.security.auth.login.config)";
            settings.warn(&key, cause, "set KAFKA_USERNAME and KAFKA_PASSWORD to what is there");
        }
    }
    let username = secrets.missing("KAFKA_USERNAME", &owner("the user name for Kafka"));
    let password = secrets.missing("KAFKA_PASSWORD", &owner("the password for Kafka"));
    sasl.text("username", username, &name);
    sasl.text("password", password, &name);
}
