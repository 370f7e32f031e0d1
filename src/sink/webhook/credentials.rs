//! What requests are sent with and may be replaced while the program runs: the URL, logins, keys.
//!
//! All of it is made together, from the files it lies in, and made again when one of them changes. A version that cannot be used
//! changes nothing. The URL may change its path and query, where services have their secrets; another host needs a restart,
//! because delivery knows the receiver by it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::Url;
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};

use super::BuildError;
use super::config::{Format, Login, WebhookConfig};
use super::sign::Keys;
use crate::reload::Reloading;
use crate::secret::{Secret, SecretSource};
use crate::tls::Reach;

/// A shorter path could be a word of any message, and hides no secret.
const HIDDEN_PATH_MIN: usize = 8;

#[derive(Debug)]
pub(super) struct Credentials {
    pub(super) url: Url,
    /// The login, and headers with secrets.
    pub(super) headers: HeaderMap,
    pub(super) keys: Option<Keys>,
    pub(super) routing_key: Option<Secret>,
    /// Kept out of everything that is shown.
    secrets: Vec<Secret>,
}

impl Credentials {
    /// All that is read again when it changes.
    pub(super) fn reloading(config: &WebhookConfig) -> Result<Reloading<Self>, BuildError> {
        let files = sources(config).filter_map(|(_, source)| source.file().map(ToOwned::to_owned)).collect();
        let origin = parse_url(config.url.value(), &config.reach)?.origin();
        let config = config.clone();
        Reloading::new(files, move || {
            let credentials = Self::read(&config)?;
            if credentials.url.origin() == origin { Ok(credentials) } else { Err(BuildError::AnotherHost) }
        })
    }

    fn read(config: &WebhookConfig) -> Result<Self, BuildError> {
        let mut secrets = Vec::new();
        let mut read = |what, source: &SecretSource| {
            let secret = read_source(what, source)?;
            secrets.push(secret.clone());
            Ok::<Secret, BuildError>(secret)
        };
        let url = parse_url(&read("url", &config.url)?, &config.reach)?;
        let mut headers = HeaderMap::new();
        match &config.login {
            Login::None => {}
            Login::Bearer(token) => {
                let token = read("bearer_token", token)?;
                headers.insert(AUTHORIZATION, secret_value("bearer_token", &format!("Bearer {}", token.expose()))?);
            }
            Login::Basic { username, password } => {
                let password = read("password", password)?;
                let login = STANDARD.encode(format!("{username}:{}", password.expose()));
                headers.insert(AUTHORIZATION, secret_value("password", &format!("Basic {login}"))?);
            }
        }
        for (name, source) in &config.secret_headers {
            let value = secret_value(name, read(name, source)?.expose())?;
            headers.insert(header_name(name)?, value);
        }
        let keys = match &config.signature {
            None => None,
            Some(signature) => {
                let key = read("key", &signature.key)?;
                let previous = signature.previous_key.as_ref().map(|key| read("previous_key", key)).transpose()?;
                Some(Keys::new([&key].into_iter().chain(&previous)).map_err(BuildError::Key)?)
            }
        };
        let routing_key = match &config.format {
            Format::PagerDuty(pagerduty) => Some(read("routing_key", &pagerduty.routing_key)?),
            Format::Json
            | Format::JsonArray
            | Format::Ndjson
            | Format::CloudEventsStructured
            | Format::CloudEventsBatched
            | Format::CloudEventsBinary
            | Format::Slack
            | Format::Teams
            | Format::Template(_) => None,
        };
        let query = url.query().map_or_else(String::new, |query| format!("?{query}"));
        let target = format!("{}{query}", url.path());
        if target.len() >= HIDDEN_PATH_MIN {
            secrets.push(Secret::new(target));
        }
        Ok(Self { url, headers, keys, routing_key, secrets })
    }

    pub(super) fn secrets(&self) -> Vec<&Secret> {
        self.secrets.iter().collect()
    }
}

/// Every secret, with the name of its key.
fn sources(config: &WebhookConfig) -> impl Iterator<Item = (&str, &SecretSource)> {
    let login = match &config.login {
        Login::None => None,
        Login::Bearer(token) => Some(("bearer_token", token)),
        Login::Basic { password, .. } => Some(("password", password)),
    };
    let routing_key = match &config.format {
        Format::PagerDuty(pagerduty) => Some(("routing_key", &pagerduty.routing_key)),
        Format::Json
        | Format::JsonArray
        | Format::Ndjson
        | Format::CloudEventsStructured
        | Format::CloudEventsBatched
        | Format::CloudEventsBinary
        | Format::Slack
        | Format::Teams
        | Format::Template(_) => None,
    };
    let keys = config.signature.iter().flat_map(|signature| {
        std::iter::once(("key", &signature.key)).chain(signature.previous_key.iter().map(|key| ("previous_key", key)))
    });
    let headers = config.secret_headers.iter().map(|(name, source)| (name.as_str(), source));
    [("url", &config.url)].into_iter().chain(login).chain(routing_key).chain(keys).chain(headers)
}

fn read_source(what: &str, source: &SecretSource) -> Result<Secret, BuildError> {
    let file = || source.file().map(ToOwned::to_owned).unwrap_or_default();
    source.read().map_err(|error| BuildError::File { what: what.to_owned(), file: file(), source: error })
}

/// A URL that requests may go to.
///
/// # Errors
/// It is none, or has an address that may not be connected to.
pub(super) fn parse_url(text: &Secret, reach: &Reach) -> Result<Url, BuildError> {
    let text = text.expose();
    // The parser takes line breaks out, and so would make a URL of what is none.
    if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(BuildError::Url);
    }
    let url = Url::parse(text).map_err(|_| BuildError::Url)?;
    let is_http = matches!(url.scheme(), "http" | "https");
    let is_plain = url.username().is_empty() && url.password().is_none() && url.fragment().is_none();
    if !is_http || !is_plain || !url.has_host() {
        return Err(BuildError::Url);
    }
    reach.check(&url)?;
    Ok(url)
}

pub(super) fn header_name(name: &str) -> Result<HeaderName, BuildError> {
    HeaderName::try_from(name).map_err(|_| BuildError::Header(name.to_owned()))
}

fn secret_value(what: &str, text: &str) -> Result<HeaderValue, BuildError> {
    let is_visible = text.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic());
    let value = HeaderValue::try_from(text).ok().filter(|_| is_visible && text.trim() == text);
    let mut value = value.ok_or_else(|| BuildError::Header(what.to_owned()))?;
    value.set_sensitive(true);
    Ok(value)
}
