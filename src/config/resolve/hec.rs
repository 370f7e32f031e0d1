//! The Splunk HEC sink.

use rustls::pki_types::ServerName;

use crate::config::findings::Findings;
use crate::config::node::Path;
use crate::config::raw::{self, Compression, Delivery};
use crate::defaults;
use crate::delivery::attempt::Coding;
use crate::secret::SecretSource;
use crate::sink::DeliveryLevel;
use crate::sink::splunk_hec::config::HecConfig;
use crate::tls::config::{Proxy, TlsConfig, Transport, Verification};

use super::endpoints::{Endpoint, parse_endpoint};
use super::positive;
use super::{events, files};

pub(super) fn resolve(mut raw: raw::Hec, path: &Path, findings: &mut Findings) -> Option<HecConfig> {
    let endpoints = raw.endpoints.take().and_then(|urls| resolve_endpoints(&urls, &path.key("endpoints"), findings));
    let delivery = raw.delivery.map(level);
    warn_about_delivery(&raw, endpoints.as_deref().unwrap_or_default(), path, findings);
    let token = resolve_token(&mut raw, path, findings);
    let events = events::resolve(std::mem::take(&mut raw.events), delivery, path, findings);
    let tls = resolve_tls(raw.tls.take().unwrap_or_default(), &path.key("tls"), findings);

    let proxy = resolve_proxy(raw.proxy.take(), &path.key("proxy"), findings);
    let time = |name| path.key(name);
    let connect = positive(raw.connect_timeout, defaults::CONNECT_TIMEOUT, &time("connect_timeout"), findings);
    let request = positive(raw.request_timeout, defaults::REQUEST_TIMEOUT, &time("request_timeout"), findings);
    let ack = positive(raw.ack_timeout, defaults::ACK_TIMEOUT, &time("ack_timeout"), findings);
    let poll = positive(raw.ack_poll_interval, defaults::ACK_POLL_INTERVAL, &time("ack_poll_interval"), findings);
    let mut shorter = |(name, value), (limit_name, limit)| {
        if value >= limit && !findings.has_error(&path.key(name)) && !findings.has_error(&path.key(limit_name)) {
            let [value, limit] = [value, limit].map(crate::units::show_duration);
            let cause = format!("`{name}` ({value}) is not shorter than `{limit_name}` ({limit})");
            findings.error(&path.key(name), cause, format!("lower it, or raise `{limit_name}`"));
        }
    };
    shorter(("connect_timeout", connect), ("request_timeout", request));
    shorter(("ack_poll_interval", poll), ("ack_timeout", ack));

    Some(HecConfig {
        endpoints: endpoints?.into_iter().map(|endpoint| endpoint.text).collect(),
        delivery: delivery?,
        token: token?,
        events: events?,
        compression: raw.compression.map_or(Coding::Identity, coding),
        transport: Transport { connect, request, keep_alive: raw.keep_alive.unwrap_or(true), proxy: proxy? },
        ack_timeout: ack,
        ack_poll_interval: poll,
        tls,
    })
}

/// `None` when it is wrong; that there is none is right.
fn resolve_proxy(raw: Option<raw::Proxy>, path: &Path, findings: &mut Findings) -> Option<Option<Proxy>> {
    let Some(raw) = raw else { return Some(None) };
    let password = files::secret(raw.password, raw.password_file, path, "password", findings);
    let url = raw.url.and_then(|url| {
        let parsed = parse_endpoint(&url);
        parsed.map_err(|malformed| findings.error(&path.key("url"), malformed.cause, PROXY_EXAMPLE)).ok()
    });
    let login = match (raw.username, password) {
        (Some(username), Some(password)) => Some((username, password)),
        (Some(_), None) => {
            if !["password", "password_file"].iter().any(|key| findings.has_error(&path.key(key))) {
                let remedy = "add `password: ${file:/path}`, `password: ${VAR}` or `password_file: /path`";
                findings.error(&path.key("password"), "`username` is given without `password`", remedy);
            }
            return None;
        }
        (None, Some(_)) => {
            findings.error(&path.key("username"), "`password` is given without `username`", "add `username`");
            return None;
        }
        (None, None) => None,
    };
    Some(Some(Proxy { url: url?.text, login }))
}

const PROXY_EXAMPLE: &str =
    "write for example `http://proxy.example.com:3128`; a login has keys of its own, `username` and `password`";

fn resolve_tls(raw: raw::HecTls, path: &Path, findings: &mut Findings) -> TlsConfig {
    let store_password = (raw.trust_store_password, raw.trust_store_password_file);
    let trust_store = files::trust_store(raw.trust_store, store_password, path, findings);
    let key_password = (raw.key_password, raw.key_password_file);
    let identity = files::identity((raw.certificate_file, raw.key_file), key_password, path, findings);
    let server_name = raw.server_name.and_then(|name| match ServerName::try_from(name) {
        Ok(name) => Some(name),
        Err(_) => {
            let remedy = "write the name as it stands in the certificate, for example `splunk.example.com`";
            findings.error(&path.key("server_name"), "this is neither a host name nor an address", remedy);
            None
        }
    });
    let verification = if raw.insecure_skip_verify.unwrap_or(false) {
        let others = [("trust_store", trust_store.is_some()), ("server_name", server_name.is_some())];
        files::warn_about_skipped_verification(&others, path, findings);
        Verification::Disabled
    } else {
        Verification::Full { trust_store, server_name }
    };
    TlsConfig { verification, identity, min_version: raw.min_version.unwrap_or_default() }
}

const fn level(raw: Delivery) -> DeliveryLevel {
    match raw {
        Delivery::Accepted => DeliveryLevel::Accepted,
        Delivery::Indexed => DeliveryLevel::Indexed,
    }
}

const fn coding(raw: Compression) -> Coding {
    match raw {
        Compression::None => Coding::Identity,
        Compression::Gzip => Coding::Gzip,
    }
}

fn resolve_endpoints(urls: &[String], path: &Path, findings: &mut Findings) -> Option<Vec<Endpoint>> {
    let mut endpoints: Vec<Endpoint> = Vec::with_capacity(urls.len());
    // An item that was refused before is missing here, and the positions of the others have shifted.
    if findings.has_error(path) {
        return None;
    }
    for (index, url) in urls.iter().enumerate() {
        let path = path.item(index);
        match parse_endpoint(url) {
            Err(malformed) => findings.error(&path, malformed.cause, malformed.remedy),
            Ok(endpoint) if endpoints.iter().any(|known| known.text == endpoint.text) => {
                findings.error(&path, "this endpoint is listed twice", "remove one of the two");
            }
            Ok(endpoint) => {
                let local = matches!(endpoint.host.as_str(), "localhost" | "127.0.0.1" | "[::1]");
                if !endpoint.encrypted && !local {
                    let cause = "the token and the events travel unencrypted to this endpoint";
                    findings.warning(&path, cause, "use `https://`, the default of Splunk's collectors");
                }
                endpoints.push(endpoint);
            }
        }
    }
    (!findings.has_error(path)).then_some(endpoints)
}

fn resolve_token(raw: &mut raw::Hec, path: &Path, findings: &mut Findings) -> Option<SecretSource> {
    let already_wrong = findings.has_error(&path.key("token")) || findings.has_error(&path.key("token_file"));
    if raw.token.is_none() && raw.token_file.is_none() && !already_wrong {
        let remedy = "add `token: ${file:/path}`, `token: ${VAR}` or `token_file: /path`";
        findings.error(&path.key("token"), "`token` is missing", remedy);
    }
    let token = files::secret_source(raw.token.take(), raw.token_file.take(), path, "token", findings)?;
    // It travels in a header; anything else would be refused at the first request only.
    if !token.value().expose().chars().all(|c| c.is_ascii_graphic()) {
        let remedy = "a HEC token is a UUID such as 12345678-1234-1234-1234-123456789012, nothing before or after it";
        findings.error(&path.key("token"), "the token holds spaces or characters that no HEC token has", remedy);
        return None;
    }
    Some(token)
}

fn warn_about_delivery(raw: &raw::Hec, endpoints: &[Endpoint], path: &Path, findings: &mut Findings) {
    match raw.delivery {
        Some(Delivery::Accepted) => {
            let given = [("ack_timeout", raw.ack_timeout), ("ack_poll_interval", raw.ack_poll_interval)];
            for (name, _) in given.into_iter().filter(|(_, value)| value.is_some()) {
                let cause = format!("`{name}` has no effect with `delivery: accepted`");
                findings.warning(&path.key(name), cause, "remove it, or use `delivery: indexed`");
            }
        }
        Some(Delivery::Indexed) if endpoints.iter().any(|endpoint| endpoint.host.ends_with(".splunkcloud.com")) => {
            let cause = "Splunk documents no indexer acknowledgement for Splunk Cloud, except for Kinesis Firehose";
            let remedy = "use `delivery: accepted`, unless `check --online` shows that the token has it";
            findings.warning(&path.key("delivery"), cause, remedy);
        }
        Some(Delivery::Indexed) | None => {}
    }
}
