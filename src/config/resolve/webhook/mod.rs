//! The webhook sink.

mod address;
mod headers;

use crate::config::check::{enumerate, nearest};
use crate::config::findings::Findings;
use crate::config::node::Path;
use crate::config::raw::{self, Compression, SecretText, WebhookFormat};
use crate::defaults;
use crate::secret::SecretSource;
use crate::sink::webhook::check_key;
use crate::sink::webhook::config::{
    Format, Identity, IdentityKey, Login, PagerDutyConfig, SignatureConfig, WebhookConfig,
};
use crate::sink::webhook::template::{Escape, Template};
use crate::tls::config::Verification;

use super::transport::{self, RawTransport};
use super::{files, length};
use address::{reach, url};
use headers::{check_header_name, headers};

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
