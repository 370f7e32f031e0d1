//! The webhook sink.

use std::collections::{BTreeMap, BTreeSet};

use ipnet::IpNet;

use crate::config::check::{enumerate, nearest};
use crate::config::findings::Findings;
use crate::config::node::{Path, sounds_secret};
use crate::config::raw::{self, Compression, SecretText, WebhookFormat};
use crate::defaults;
use crate::secret::{Secret, SecretSource};
use crate::sink::webhook::config::{
    Format, Identity, IdentityKey, Login, PagerDutyConfig, SignatureConfig, WebhookConfig,
};
use crate::sink::webhook::template::{Escape, Template};
use crate::sink::webhook::{BuildError, check_key, check_url};
use crate::tls::Reach;
use crate::tls::config::Verification;

use super::transport::{self, RawTransport};
use super::{files, length};

pub(super) fn resolve(mut raw: raw::Webhook, path: &Path, findings: &mut Findings) -> Option<WebhookConfig> {
    let reach = reach(&raw, path, findings);
    let url = url(&mut raw, &reach, path, findings);
    let format = format(&mut raw, path, findings);
    let login = login(&mut raw, path, findings);
    let tls = transport::tls(raw.tls.take().unwrap_or_default(), &path.key("tls"), findings);
    let way = RawTransport {
        connect_timeout: raw.connect_timeout,
        request_timeout: raw.request_timeout,
        keep_alive: raw.keep_alive,
        proxy: raw.proxy.take(),
    };
    let way = transport::transport(way, path, findings);
    let signature = signature(raw.signature.take(), &path.key("signature"), findings);
    let identity = identity(raw.idempotency.take(), raw.format, &path.key("idempotency"), findings);
    let (headers, secret_headers) = headers(&mut raw, &identity, path, findings);
    let gzip = gzip(raw.compression, raw.format, path, findings);
    warn_about_tls(url.as_ref(), &tls.verification, path, findings);
    (!findings.has_error(path)).then_some(())?;
    Some(WebhookConfig {
        url: url?,
        format: format?,
        login: login?,
        headers,
        secret_headers,
        signature,
        identity,
        gzip,
        transport: way?,
        reach,
        tls,
    })
}

/// How many events a request may hold: one, with most formats.
pub(super) fn batch_limit(sink: &WebhookConfig, asked: Option<u32>, path: &Path, findings: &mut Findings) -> usize {
    if sink.format.is_batch() {
        return asked.map_or(defaults::BATCH_MAX_EVENTS, length);
    }
    if asked.is_some_and(|asked| asked != 1) {
        let cause =
            format!("`max_events` has no effect: with `format: {}` a request holds one event", sink.format.as_str());
        let remedy = "remove it, or use `format: json_array`, `ndjson` or `cloudevents_batched`";
        findings.warning(&path.key("max_events"), cause, remedy);
    }
    1
}

fn url(raw: &mut raw::Webhook, reach: &Reach, path: &Path, findings: &mut Findings) -> Option<SecretSource> {
    let (given, file) = (raw.url.take(), raw.url_file.take());
    let at = path.key(if file.is_some() && given.is_none() { "url_file" } else { "url" });
    let wrong = ["url", "url_file"].iter().any(|key| findings.has_error(&path.key(key)));
    let plain = given.as_ref().is_some_and(|url| url.plain);
    let secret = given.map(|url| SecretText { value: url.value, file: url.file });
    if secret.is_none() && file.is_none() && !wrong {
        if raw.format == Some(WebhookFormat::PagerDuty) {
            return Some(SecretSource::fixed(Secret::new(defaults::WEBHOOK_PAGERDUTY_URL.to_owned())));
        }
        let remedy = "add `url: https://host/path`, `url: ${VAR}`, `url: ${file:/path}` or `url_file: /path`";
        findings.error_at_key(&path.key("url"), "`url` is missing", remedy);
        return None;
    }
    let source = files::secret_source(secret, file, path, "url", findings)?;
    if let Err(error) = check_url(source.value(), reach) {
        let remedy = match &error {
            BuildError::Blocked(_) => {
                "use a public address, or allow this one with `allow_networks` or `allow_private_addresses: true`"
            }
            BuildError::Tls(_)
            | BuildError::Url
            | BuildError::AnotherHost
            | BuildError::Header(_)
            | BuildError::Key(_)
            | BuildError::File { .. } => {
                "write for example `https://receiver.example.com/audit`; a login goes into `basic`, `bearer_token` or `secret_headers`"
            }
        };
        let cause = match &error {
            // Its words are for whoever sees no configuration, and the remedy says the rest.
            BuildError::Url => "this is no URL that requests can go to".to_owned(),
            other => other.to_string(),
        };
        findings.error_at_key(&at, cause, remedy);
        return None;
    }
    let is_plain_http = !source.value().expose().to_ascii_lowercase().starts_with("https:");
    if is_plain_http && raw.allow_plain_http != Some(true) {
        let remedy = "use `https://`, or say `allow_plain_http: true` where nobody else is on the way";
        findings.error_at_key(&at, "events and credentials would travel unencrypted to this URL", remedy);
    }
    let is_known_secret = matches!(raw.format, Some(WebhookFormat::Slack | WebhookFormat::Teams));
    let has_query = source.value().expose().contains('?');
    if plain && is_known_secret {
        let cause = "the URL of such a webhook is a secret, and stands in plain text in the file";
        findings.error_at_key(&at, cause, "write `url: ${VAR}` or `url: ${file:/path}`, or use the key `url_file`");
    } else if plain && has_query {
        let cause = "the URL has a query in plain text, which often holds a secret";
        findings.warning(&path.key("url"), cause, "if it does, write `url: ${VAR}`, or use the key `url_file`");
    }
    Some(source)
}

fn reach(raw: &raw::Webhook, path: &Path, findings: &mut Findings) -> Reach {
    let at = path.key("allow_networks");
    let mut except = Vec::new();
    for (index, text) in raw.allow_networks.iter().flatten().enumerate() {
        let network = text.parse::<IpNet>().ok().or_else(|| text.parse::<std::net::IpAddr>().ok().map(IpNet::from));
        match network {
            Some(network) => except.push(network),
            None => {
                let remedy = "write for example `10.1.0.0/16`, `192.0.2.7` or `fd00::/8`";
                findings.error(&at.item(index), "this is neither a network nor an address", remedy);
            }
        }
    }
    if raw.allow_private_addresses == Some(true) {
        if raw.allow_networks.is_some() {
            let cause = "`allow_networks` has no effect with `allow_private_addresses: true`";
            findings.warning(&at, cause, "remove one of the two");
        }
        return Reach::Anywhere;
    }
    Reach::Public { except }
}

fn format(raw: &mut raw::Webhook, path: &Path, findings: &mut Findings) -> Option<Format> {
    let (template, pagerduty) = (raw.template.take(), raw.pagerduty.take());
    let format = raw.format?;
    let without_effect = [
        ("template", template.is_some() && format != WebhookFormat::Template),
        ("pagerduty", pagerduty.is_some() && format != WebhookFormat::PagerDuty),
    ];
    for (key, _) in without_effect.into_iter().filter(|(_, given)| *given) {
        let cause = format!("`{key}` has no effect without `format: {key}`");
        findings.error_at_key(&path.key(key), cause, "remove it, or change `format`");
    }
    Some(match format {
        WebhookFormat::Json => Format::Json,
        WebhookFormat::JsonArray => Format::JsonArray,
        WebhookFormat::Ndjson => Format::Ndjson,
        WebhookFormat::CloudEventsStructured => Format::CloudEventsStructured,
        WebhookFormat::CloudEventsBatched => Format::CloudEventsBatched,
        WebhookFormat::CloudEventsBinary => Format::CloudEventsBinary,
        WebhookFormat::Slack => Format::Slack,
        WebhookFormat::Teams => Format::Teams,
        WebhookFormat::PagerDuty => Format::PagerDuty(pager_duty(pagerduty, &path.key("pagerduty"), findings)?),
        WebhookFormat::Template => Format::Template(self::template(template, &path.key("template"), findings)?),
    })
}

fn pager_duty(raw: Option<raw::PagerDuty>, path: &Path, findings: &mut Findings) -> Option<PagerDutyConfig> {
    let (key, file, severity) =
        raw.map_or((None, None, None), |raw| (raw.routing_key, raw.routing_key_file, raw.severity));
    let remedy = "add `pagerduty: {routing_key: ${VAR}}`, or `routing_key_file: /path`";
    let routing_key = needed_secret(key, file, path, ("routing_key", remedy), findings)?;
    Some(PagerDutyConfig { routing_key, severity })
}

fn template(raw: Option<raw::TemplateBody>, path: &Path, findings: &mut Findings) -> Option<Template> {
    let Some(raw) = raw else {
        let remedy = "add `template: {body: …}`, with fields as `{{name}}`";
        findings.error_at_key(path, "`format: template` needs a `template`", remedy);
        return None;
    };
    let (body, escape) = (raw.body?.0, raw.escape.unwrap_or(Escape::Json));
    let at = path.key("body");
    if body.len() > defaults::WEBHOOK_TEMPLATE_MAX_BYTES {
        let cause = format!("the template has {} bytes, at most {}", body.len(), defaults::WEBHOOK_TEMPLATE_MAX_BYTES);
        findings.error(&at, cause, "make it shorter");
        return None;
    }
    match Template::parse(&body, escape) {
        Ok(template) => Some(template),
        Err(mistake) => {
            let names = Template::names();
            let remedy = match &mistake.unknown {
                Some(name) => match nearest(name, &names) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => format!("the fields are {}", enumerate(&names)),
                },
                None => "fields are written `{{name}}`, in JSON within a string or in the place of a value".to_owned(),
            };
            findings.error_within(&at, mistake.at, mistake.cause, remedy);
            None
        }
    }
}

fn login(raw: &mut raw::Webhook, path: &Path, findings: &mut Findings) -> Option<Login> {
    let bearer = (raw.bearer_token.take(), raw.bearer_token_file.take());
    let bearer = files::secret_source(bearer.0, bearer.1, path, "bearer_token", findings);
    let Some(basic) = raw.basic.take() else { return Some(bearer.map_or(Login::None, Login::Bearer)) };
    let at = path.key("basic");
    if bearer.is_some() {
        let cause = "both `basic` and `bearer_token` are given, and a request has one login";
        findings.error_at_key(&at, cause, "remove one of the two");
        return None;
    }
    let remedy = "add `password: ${file:/path}`, `password: ${VAR}` or `password_file: /path`";
    let password = needed_secret(basic.password, basic.password_file, &at, ("password", remedy), findings);
    let username = basic.username?;
    if username.contains(':') {
        findings.error(&at.key("username"), "a user name with a colon cannot be sent", "use another user");
        return None;
    }
    Some(Login::Basic { username, password: password? })
}

/// A secret that has to be there.
fn needed_secret(
    value: Option<SecretText>,
    file: Option<std::path::PathBuf>,
    path: &Path,
    (name, remedy): (&str, &str),
    findings: &mut Findings,
) -> Option<SecretSource> {
    let wrong = [name.to_owned(), format!("{name}_file")].iter().any(|key| findings.has_error(&path.key(key)));
    if value.is_none() && file.is_none() && !wrong {
        findings.error_at_key(&path.key(name), format!("`{name}` is missing"), remedy);
    }
    files::secret_source(value, file, path, name, findings)
}

fn signature(raw: Option<raw::Signature>, path: &Path, findings: &mut Findings) -> Option<SignatureConfig> {
    let raw = raw?;
    let remedy = "add `key: ${file:/path}`, `key: ${VAR}` or `key_file: /path`";
    let key = needed_secret(raw.key, raw.key_file, path, ("key", remedy), findings);
    let previous_key = files::secret_source(raw.previous_key, raw.previous_key_file, path, "previous_key", findings);
    for (name, key) in [("key", key.as_ref()), ("previous_key", previous_key.as_ref())] {
        if let Some(Err(cause)) = key.map(|key| check_key(key.value())) {
            let remedy = "make one with `printf whsec_%s \"$(openssl rand -base64 32)\"`, and give it to the receiver";
            findings.error(&path.key(name), cause, remedy);
        }
    }
    Some(SignatureConfig { key: key?, previous_key })
}

fn identity(
    raw: Option<raw::Idempotency>,
    format: Option<WebhookFormat>,
    path: &Path,
    findings: &mut Findings,
) -> Identity {
    let is_asked_for = raw.is_some();
    let raw = raw.unwrap_or_default();
    let is_message = matches!(format, Some(WebhookFormat::Slack | WebhookFormat::Teams | WebhookFormat::PagerDuty));
    let is_batch =
        matches!(format, Some(WebhookFormat::JsonArray | WebhookFormat::Ndjson | WebhookFormat::CloudEventsBatched));
    if is_batch && raw.key == Some(IdentityKey::EventId) {
        let cause = "`key: event_id` has no effect: a request holds several events, and is known by a digest of them";
        findings.warning(&path.key("key"), cause, "remove it; the events have their ids");
    }
    let enabled = raw.enabled.unwrap_or(is_asked_for || !is_message);
    let header = raw.header.unwrap_or_else(|| defaults::WEBHOOK_IDENTITY_HEADER.to_owned());
    check_header_name(&header, &path.key("header"), findings);
    Identity { header: enabled.then_some(header), key: raw.key.unwrap_or_default() }
}

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

type Headers = (Vec<(String, String)>, Vec<(String, SecretSource)>);

fn headers(raw: &mut raw::Webhook, identity: &Identity, path: &Path, findings: &mut Findings) -> Headers {
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

fn check_header_name(name: &str, at: &Path, findings: &mut Findings) {
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

fn gzip(compression: Option<Compression>, format: Option<WebhookFormat>, path: &Path, findings: &mut Findings) -> bool {
    let wanted = match compression {
        Some(Compression::Gzip) => true,
        Some(Compression::None) | None => false,
    };
    let is_message = matches!(format, Some(WebhookFormat::Slack | WebhookFormat::Teams | WebhookFormat::PagerDuty));
    if wanted && is_message {
        findings.error(&path.key("compression"), "this service takes no compressed requests", "remove it");
    }
    wanted
}

fn warn_about_tls(url: Option<&SecretSource>, verification: &Verification, path: &Path, findings: &mut Findings) {
    let is_plain = url.is_some_and(|url| url.value().expose().to_ascii_lowercase().starts_with("http:"));
    let skips = match verification {
        Verification::Full { .. } => false,
        Verification::Disabled => true,
    };
    if is_plain && skips {
        let cause = "`insecure_skip_verify` has no effect: the URL is not encrypted";
        findings.warning(&path.key("tls").key("insecure_skip_verify"), cause, "remove it");
    }
}
