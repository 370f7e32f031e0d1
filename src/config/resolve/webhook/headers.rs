//! Headers of the user's own, and which of them are none of theirs.

use std::collections::{BTreeMap, BTreeSet};

use crate::config::findings::Findings;
use crate::config::node::{Path, sounds_secret};
use crate::config::raw::{self, SecretText};
use crate::secret::SecretSource;
use crate::sink::webhook::config::Identity;

/// Headers that are made here, or that belong to the connection.
const RESERVED: [&str; 17] = [
    "authorization",
    "connection",
    "content-encoding",
    "content-length",
    "content-type",
    "expect",
    "host",
    "keep-alive",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "webhook-id",
    "webhook-signature",
    "webhook-timestamp",
];

/// Headers of which everybody knows that they hold secrets.
const SECRETS: [&str; 2] = ["cookie", "x-auth"];

pub(super) type Headers = (Vec<(String, String)>, Vec<(String, SecretSource)>);

pub(super) fn headers(raw: &mut raw::Webhook, identity: &Identity, path: &Path, findings: &mut Findings) -> Headers {
    let (plain_at, secret_at) = (path.key("headers"), path.key("secret_headers"));
    let plain: BTreeMap<String, String> = raw.headers.take().unwrap_or_default();
    let secret: BTreeMap<String, SecretText> = raw.secret_headers.take().unwrap_or_default();
    let mut used: BTreeSet<String> = identity.header.iter().map(|name| name.to_ascii_lowercase()).collect();
    let names = plain.keys().map(|name| (name, &plain_at)).chain(secret.keys().map(|name| (name, &secret_at)));
    for (name, at) in names {
        let at = at.key(name);
        check_header_name(name, &at, findings);
        if !used.insert(name.to_ascii_lowercase()) {
            findings.error_at_key(&at, format!("the header `{name}` is given twice"), "remove one of the two");
        }
    }
    for (name, value) in &plain {
        let at = plain_at.key(name);
        let is_visible = value.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic());
        if sounds_secret(name) || SECRETS.contains(&name.to_ascii_lowercase().as_str()) {
            let remedy = "put it into `secret_headers`, as `${VAR}` or `${file:/path}`";
            findings.error_at_key(&at, format!("the header `{name}` sounds like a secret"), remedy);
        } else if !is_visible {
            findings.error_at_key(&at, "a header holds visible ASCII characters only", "write it otherwise");
        }
    }
    let secret = secret.into_iter().map(|(name, SecretText { value, file })| {
        let source = match file {
            Some(file) => SecretSource::in_file(file, value),
            None => SecretSource::fixed(value),
        };
        (name, source)
    });
    (plain.into_iter().collect(), secret.collect())
}

pub(super) fn check_header_name(name: &str, at: &Path, findings: &mut Findings) {
    let lower = name.to_ascii_lowercase();
    let is_token = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
    let (cause, remedy) = match () {
        () if !is_token => (format!("`{name}` cannot be the name of a header"), "use letters, digits and `-`"),
        () if lower == "authorization" => (
            "`Authorization` is made of `bearer_token` or `basic`".to_owned(),
            "use those; another scheme has no place in this version",
        ),
        () if RESERVED.contains(&lower.as_str()) || lower.starts_with("ce-") => {
            (format!("the header `{name}` is set by the sink itself"), "remove it")
        }
        () => return,
    };
    findings.error_at_key(at, cause, remedy);
}
