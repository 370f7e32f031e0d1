//! Where requests go, and where they may not.

use ipnet::IpNet;

use crate::config::findings::Findings;
use crate::config::node::Path;
use crate::config::raw::{self, SecretText, WebhookFormat};
use crate::config::resolve::files;
use crate::defaults;
use crate::secret::{Secret, SecretSource};
use crate::sink::webhook::{BuildError, check_url};
use crate::tls::Reach;

pub(super) fn url(raw: &mut raw::Webhook, reach: &Reach, path: &Path, findings: &mut Findings) -> Option<SecretSource> {
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
            BuildError::Tls(_)
            | BuildError::Blocked(_)
            | BuildError::AnotherHost
            | BuildError::Header(_)
            | BuildError::Key(_)
            | BuildError::File { .. } => error.to_string(),
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
        findings.warning_at_key(&path.key("url"), cause, "if it does, write `url: ${VAR}`, or use the key `url_file`");
    }
    Some(source)
}

pub(super) fn reach(raw: &raw::Webhook, path: &Path, findings: &mut Findings) -> Reach {
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
