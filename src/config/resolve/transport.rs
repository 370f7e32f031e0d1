//! The way to an HTTP server, which all sinks over HTTP describe with the same keys: TLS, a proxy, time limits.

use std::time::Duration;

use rustls::pki_types::ServerName;

use crate::config::findings::Findings;
use crate::config::node::Path;
use crate::config::raw;
use crate::defaults;
use crate::tls::config::{Proxy, TlsConfig, Transport, Verification};

use super::endpoints::parse_endpoint;
use super::{files, positive};

/// The keys that are the same for all.
pub(super) struct RawTransport {
    pub(super) connect_timeout: Option<raw::Span>,
    pub(super) request_timeout: Option<raw::Span>,
    pub(super) keep_alive: Option<bool>,
    pub(super) proxy: Option<raw::Proxy>,
}

/// `None` when it is wrong.
pub(super) fn transport(raw: RawTransport, path: &Path, findings: &mut Findings) -> Option<Transport> {
    let proxy = proxy(raw.proxy, &path.key("proxy"), findings);
    let time = |name| path.key(name);
    let connect = positive(raw.connect_timeout, defaults::CONNECT_TIMEOUT, &time("connect_timeout"), findings);
    let request = positive(raw.request_timeout, defaults::REQUEST_TIMEOUT, &time("request_timeout"), findings);
    shorter(("connect_timeout", connect), ("request_timeout", request), path, findings);
    Some(Transport { connect, request, keep_alive: raw.keep_alive.unwrap_or(true), proxy: proxy? })
}

/// One time limit within another.
pub(super) fn shorter(
    (name, value): (&str, Duration),
    (limit_name, limit): (&str, Duration),
    path: &Path,
    findings: &mut Findings,
) {
    if value >= limit && !findings.has_error(&path.key(name)) && !findings.has_error(&path.key(limit_name)) {
        let [value, limit] = [value, limit].map(crate::units::show_duration);
        let cause = format!("`{name}` ({value}) is not shorter than `{limit_name}` ({limit})");
        findings.error(&path.key(name), cause, format!("lower it, or raise `{limit_name}`"));
    }
}

/// `None` when it is wrong; that there is none is right.
pub(super) fn proxy(raw: Option<raw::Proxy>, path: &Path, findings: &mut Findings) -> Option<Option<Proxy>> {
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

pub(super) fn tls(raw: raw::HecTls, path: &Path, findings: &mut Findings) -> TlsConfig {
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
