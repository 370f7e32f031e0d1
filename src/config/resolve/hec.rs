//! The Splunk HEC sink.

use crate::config::findings::Findings;
use crate::config::node::Path;
use crate::config::raw::{self, Compression, Delivery};
use crate::defaults;
use crate::delivery::attempt::Coding;
use crate::secret::SecretSource;
use crate::sink::DeliveryLevel;
use crate::sink::splunk_hec::config::HecConfig;

use super::endpoints::{Endpoint, parse_endpoint};
use super::transport::{self, RawTransport};
use super::{events, files, positive};

pub(super) fn resolve(mut raw: raw::Hec, path: &Path, findings: &mut Findings) -> Option<HecConfig> {
    let endpoints = raw.endpoints.take().and_then(|urls| resolve_endpoints(&urls, &path.key("endpoints"), findings));
    let delivery = raw.delivery.map(level);
    warn_about_delivery(&raw, endpoints.as_deref().unwrap_or_default(), path, findings);
    let token = resolve_token(&mut raw, path, findings);
    let events = events::resolve(std::mem::take(&mut raw.events), delivery, path, findings);
    let tls = transport::tls(raw.tls.take().unwrap_or_default(), &path.key("tls"), findings);
    let way = RawTransport {
        connect_timeout: raw.connect_timeout,
        request_timeout: raw.request_timeout,
        keep_alive: raw.keep_alive,
        proxy: raw.proxy.take(),
    };
    let way = transport::transport(way, path, findings);
    let time = |name| path.key(name);
    let ack = positive(raw.ack_timeout, defaults::ACK_TIMEOUT, &time("ack_timeout"), findings);
    let poll = positive(raw.ack_poll_interval, defaults::ACK_POLL_INTERVAL, &time("ack_poll_interval"), findings);
    transport::shorter(("ack_poll_interval", poll), ("ack_timeout", ack), path, findings);

    Some(HecConfig {
        endpoints: endpoints?.into_iter().map(|endpoint| endpoint.text).collect(),
        delivery: delivery?,
        token: token?,
        events: events?,
        compression: raw.compression.map_or(Coding::Identity, coding),
        transport: way?,
        ack_timeout: ack,
        ack_poll_interval: poll,
        tls,
    })
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
