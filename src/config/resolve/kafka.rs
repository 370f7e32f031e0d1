//! Kafka connections and sources.

use regex::Regex;

use crate::config::findings::Findings;
use crate::config::node::Path;
use crate::config::raw;
use crate::defaults;
use crate::position::TopicName;
use crate::source::kafka::config::{
    ClientConfig, ClientTls, GroupProtocol, KafkaConfig, Sasl, SaslMechanism, Security, StartAt, Topics,
};
use crate::units::show_duration;

use super::endpoints::parse_brokers;
use super::files::{self, Pem};
use super::{positive, properties, topic_name};

pub(super) fn resolve_source(raw: raw::Kafka, path: &Path, findings: &mut Findings) -> Option<KafkaConfig> {
    let topics = resolve_topics(raw.topics, raw.topic_pattern, path, findings);
    let client = resolve_client(raw.client, path, findings);
    let group_protocol = raw.group_protocol.unwrap_or(GroupProtocol::Classic);
    let session_path = path.key("session_timeout");
    if raw.session_timeout.is_some() && group_protocol == GroupProtocol::Consumer {
        let remedy = "remove it; the broker's `group.consumer.session.timeout.ms` applies";
        findings.error(&session_path, "`session_timeout` cannot be set with `group_protocol: consumer`", remedy);
    }
    let session_timeout = positive(raw.session_timeout, defaults::SESSION_TIMEOUT, &session_path, findings);
    if let Some(client) = &client {
        let poll = properties::max_poll_interval(&client.properties);
        if session_timeout > poll {
            let [session, poll] = [session_timeout, poll].map(show_duration);
            let cause =
                format!("`session_timeout` ({session}) is longer than the client's `max.poll.interval.ms` ({poll})");
            findings.error(&session_path, cause, "lower it, or raise the property `max.poll.interval.ms`");
        }
        properties::check_group_protocol(&client.properties, group_protocol, &path.key("properties"), findings);
    }
    Some(KafkaConfig {
        topics: topics?,
        client: client?,
        group_protocol,
        group_instance_id: raw.group_instance_id,
        session_timeout,
        start_at: raw.start_at.unwrap_or(StartAt::Earliest),
        retention: positive(raw.retention, defaults::RETENTION, &path.key("retention"), findings),
        mirror: raw.mirror.unwrap_or(false),
    })
}

fn resolve_topics(
    names: Option<Vec<String>>,
    pattern: Option<String>,
    path: &Path,
    findings: &mut Findings,
) -> Option<Topics> {
    match (names, pattern) {
        (Some(names), None) => resolve_names(&names, &path.key("topics"), findings).map(Topics::Names),
        (None, Some(pattern)) => resolve_pattern(pattern, &path.key("topic_pattern"), findings).map(Topics::Pattern),
        (Some(_), Some(_)) => {
            let cause = "both `topics` and `topic_pattern` are given";
            findings.error(&path.key("topic_pattern"), cause, "remove one of the two");
            None
        }
        (None, None) => {
            if !["topics", "topic_pattern"].iter().any(|key| findings.has_error(&path.key(key))) {
                let remedy = format!("add `topics: [{}]`, or a `topic_pattern`", defaults::AUDIT_TOPIC);
                findings.error(&path.key("topics"), "`topics` is missing", remedy);
            }
            None
        }
    }
}

fn resolve_names(names: &[String], path: &Path, findings: &mut Findings) -> Option<Vec<TopicName>> {
    // An item that was refused before is missing here, and the positions of the others have shifted.
    if findings.has_error(path) {
        return None;
    }
    let mut topics: Vec<TopicName> = Vec::with_capacity(names.len());
    for (index, name) in names.iter().enumerate() {
        let path = path.item(index);
        match topic_name(name, &path, findings) {
            None => {}
            Some(topic) if topics.contains(&topic) => {
                findings.error(&path, "this topic is listed twice", "remove one of the two");
            }
            Some(topic) => topics.push(topic),
        }
    }
    (!findings.has_error(path)).then_some(topics)
}

/// librdkafka takes a subscription for a pattern only if it begins with `^`, and compiles it with the C library's
/// extended regular expressions, which lack some of what people know.
fn resolve_pattern(pattern: String, path: &Path, findings: &mut Findings) -> Option<String> {
    if Regex::new(&pattern).is_err() {
        findings.error(path, "this is not a regular expression", "check its brackets and backslashes");
        return None;
    }
    if ["(?", r"\d", r"\p", r"\D"].iter().any(|construct| pattern.contains(construct)) {
        let cause = r"the Kafka client understands POSIX extended expressions only: no `(?`, `\d` or `\p`";
        findings.error(path, cause, "write for example `[0-9]` for a digit");
        return None;
    }
    Some(if pattern.starts_with('^') { pattern } else { format!("^{pattern}") })
}

pub(super) fn resolve_client(raw: raw::KafkaClient, path: &Path, findings: &mut Findings) -> Option<ClientConfig> {
    let raw::KafkaClient { bootstrap_servers, security, api_key, api_secret, api_secret_file, sasl, tls, properties } =
        raw;
    let bootstrap_servers = bootstrap_servers.and_then(|text| match parse_brokers(&text) {
        Ok(brokers) => Some(brokers),
        Err(malformed) => {
            findings.error(&path.key("bootstrap_servers"), malformed.cause, malformed.remedy);
            None
        }
    });
    let api_secret = files::secret(api_secret, api_secret_file, path, "api_secret", findings);
    let wants_login = api_key.is_some() || sasl.is_some() || api_secret.is_some();
    let login = match (api_key, sasl) {
        (Some(_), Some(_)) => {
            let cause = "both `api_key` and `sasl` are given";
            findings.error_at_key(&path.key("sasl"), cause, "remove one: `api_key` is short for `sasl` with PLAIN");
            None
        }
        (None, Some(sasl)) => resolve_sasl(sasl, &path.key("sasl"), findings),
        (api_key, None) => resolve_api_key(api_key, api_secret, path, findings),
    };
    let security = security.unwrap_or(if wants_login { Security::SaslSsl } else { Security::Plaintext });
    check_security(security, wants_login, login.as_ref(), path, findings);
    let has_tls = tls.is_some();
    let tls = resolve_tls(tls.unwrap_or_default(), &path.key("tls"), findings);
    if has_tls && !security.has_tls() {
        let cause = format!("`tls` has no effect with `security: {}`", security.as_str());
        findings.error_at_key(&path.key("tls"), cause, "add `security: ssl` (or `sasl_ssl` with credentials)");
    }
    let properties = properties::resolve(properties.unwrap_or_default(), &path.key("properties"), findings);
    if wants_login && login.is_none() {
        return None;
    }
    Some(ClientConfig { bootstrap_servers: bootstrap_servers?, security, sasl: login, tls, properties })
}

fn resolve_api_key(
    key: Option<String>,
    secret: Option<crate::secret::Secret>,
    path: &Path,
    findings: &mut Findings,
) -> Option<Sasl> {
    let secret_wrong = ["api_secret", "api_secret_file"].iter().any(|key| findings.has_error(&path.key(key)));
    match (key, secret) {
        (Some(username), Some(password)) => Some(Sasl { mechanism: SaslMechanism::Plain, username, password }),
        (Some(_), None) => {
            if !secret_wrong {
                let remedy = "add `api_secret: ${file:/path}`, `api_secret: ${VAR}` or `api_secret_file: /path`";
                findings.error(&path.key("api_key"), "`api_key` has no `api_secret`", remedy);
            }
            None
        }
        (None, Some(_)) => {
            if !findings.has_error(&path.key("api_key")) {
                findings.error(path, "`api_secret` has no `api_key`", "add `api_key`");
            }
            None
        }
        (None, None) => None,
    }
}

fn resolve_sasl(raw: raw::SaslLogin, path: &Path, findings: &mut Findings) -> Option<Sasl> {
    let already_wrong = findings.has_error(&path.key("password"));
    if raw.password.is_none() && raw.password_file.is_none() && !already_wrong {
        let remedy = "add `password: ${file:/path}`, `password: ${VAR}` or `password_file: /path`";
        findings.error(&path.key("password"), "`password` is missing", remedy);
    }
    let password = files::secret(raw.password, raw.password_file, path, "password", findings);
    Some(Sasl { mechanism: raw.mechanism?, username: raw.username?, password: password? })
}

fn check_security(security: Security, wants_login: bool, login: Option<&Sasl>, path: &Path, findings: &mut Findings) {
    let security_path = path.key("security");
    if findings.has_error(&security_path) {
        return;
    }
    let credentials_wrong = ["api_key", "api_secret", "sasl"].iter().any(|key| findings.has_error(&path.key(key)));
    let name = security.as_str();
    if security.has_sasl() && !wants_login && !credentials_wrong {
        let remedy = "add `api_key` and `api_secret`, or `sasl`; for client certificates use `security: ssl`";
        findings.error(&security_path, format!("`security: {name}` needs credentials"), remedy);
    }
    if wants_login && !security.has_sasl() {
        let cause = format!("credentials are given, and `security: {name}` does not use them");
        findings.error(&security_path, cause, "remove `security` (the default is then `sasl_ssl`), or the credentials");
    }
    let plain = login.is_some_and(|login| login.mechanism == SaslMechanism::Plain);
    if security == Security::SaslPlaintext && plain {
        findings.warning(&security_path, "the password travels unencrypted to the brokers", "use `security: sasl_ssl`");
    }
}

fn resolve_tls(raw: raw::KafkaTls, path: &Path, findings: &mut Findings) -> ClientTls {
    let key_password = files::secret(raw.key_password, raw.key_password_file, path, "key_password", findings);
    let password = key_password.is_some() || findings.has_error(&path.key("key_password"));
    let store_password = (raw.trust_store_password, raw.trust_store_password_file);
    let trust_store = files::trust_store(raw.trust_store, store_password, path, findings);
    files::check_pem(raw.certificate_file.as_deref(), Pem::Certificates, &path.key("certificate_file"), findings);
    files::check_pem(raw.key_file.as_deref(), Pem::PrivateKey { password }, &path.key("key_file"), findings);
    files::check_pair(raw.certificate_file.is_some(), raw.key_file.is_some(), path, findings);
    let skip_verify = raw.insecure_skip_verify.unwrap_or(false);
    if skip_verify {
        files::warn_about_skipped_verification(&[("trust_store", trust_store.is_some())], path, findings);
    }
    ClientTls { trust_store, certificate_file: raw.certificate_file, key_file: raw.key_file, key_password, skip_verify }
}
