//! `redact`: what does not leave as it is.

use regex::Regex;

use super::super::files;
use crate::config::findings::Findings;
use crate::config::node::Path;
use crate::config::raw::{Characters, Redact, RedactField, RedactPattern, RedactPreset, RedactWith, SecretText};
use crate::defaults;
use crate::secret::Secret;
use crate::transform::config::{PatternConfig, RedactConfig, StepConfig};
use crate::transform::redact::{self, Class, Key, Keys, Treatment};

/// Adds one step to what the steps before it have said.
pub(super) fn resolve(mut raw: Redact, path: &Path, config: &mut RedactConfig, findings: &mut Findings) {
    let names_something =
        [raw.fields.is_some(), raw.presets.is_some(), raw.paths.is_some(), raw.patterns.is_some()].contains(&true);
    if !names_something
        && !["fields", "presets", "paths", "patterns"].iter().any(|key| findings.has_error(&path.key(key)))
    {
        let remedy = "add `fields`, `presets`, `paths` or `patterns`, for example `fields: [email, client_ip]`";
        findings.error_at_key(path, "this step does not say what is to be redacted", remedy);
    }
    warn_about_what_has_no_effect(&raw, path, findings);
    config.keep_key |= raw.keep_key.unwrap_or(false);
    config.keep_headers.extend(raw.keep_headers.take().unwrap_or_default());
    let classes = resolve_classes(&raw, path, config, findings);
    let mut paths = resolve_paths(raw.paths.take(), &path.key("paths"), findings);
    if raw.presets.iter().flatten().any(|preset| *preset == RedactPreset::Emails) {
        paths.extend(FULL_NAMES.into_iter().filter_map(|path| redact::Path::parse(path).ok()));
    }
    let patterns = resolve_patterns(raw.patterns.take().unwrap_or_default(), &path.key("patterns"), findings);
    let before: usize = config.steps.iter().map(|step| step.patterns.len()).sum();
    if before + patterns.len() > defaults::REDACT_PATTERNS_MAX {
        let cause = format!("these are more than {} patterns in one pipeline", defaults::REDACT_PATTERNS_MAX);
        findings.error(&path.key("patterns"), cause, "put several into one, as alternatives: `one|other`");
    }
    let keep_members = raw.keep_members.take();
    let Some(treatment) = resolve_treatment(raw, path, findings) else { return };
    if matches!(treatment, Treatment::Truncate) {
        only_addresses(&classes, paths.is_empty() && patterns.is_empty(), path, findings);
    }
    let keep_members =
        keep_members.unwrap_or_else(|| defaults::REDACT_KEEP_MEMBERS.iter().map(|name| (*name).to_owned()).collect());
    config.steps.push(StepConfig { classes, keep_members, paths, patterns, treatment });
}

/// Where people's names stand.
const FULL_NAMES: [&str; 2] = ["**.full_name", "**.fullName"];

/// Keys that belong to another treatment. Only what the user wrote is complained about.
fn warn_about_what_has_no_effect(raw: &Redact, path: &Path, findings: &mut Findings) {
    let Some(with) = raw.with else { return };
    let payloads = raw.presets.iter().flatten().any(|preset| *preset == RedactPreset::Payloads);
    let given = [
        ("replacement", raw.replacement.is_some(), with == RedactWith::Replace, "`with: replace`"),
        ("keep_last", raw.keep_last.is_some(), with == RedactWith::Mask, "`with: mask`"),
        ("key", raw.key.is_some(), with == RedactWith::HmacSha256, "`with: hmac-sha256`"),
        ("key_file", raw.key_file.is_some(), with == RedactWith::HmacSha256, "`with: hmac-sha256`"),
        ("keep_members", raw.keep_members.is_some(), payloads, "the preset `payloads`"),
    ];
    for (name, _, _, wants) in given.into_iter().filter(|(_, given, fits, _)| *given && !*fits) {
        let cause = format!("`{name}` has an effect only with {wants}");
        findings.warning(&path.key(name), cause, "remove it, or ask for what it belongs to");
    }
}

fn resolve_classes(raw: &Redact, path: &Path, config: &RedactConfig, findings: &mut Findings) -> Vec<Class> {
    let mut classes: Vec<Class> = Vec::new();
    let fields = raw.fields.iter().flatten().map(|field| ("fields", of_field(*field)));
    let presets = raw.presets.iter().flatten().map(|preset| ("presets", of_preset(*preset)));
    for (key, class) in fields.chain(presets) {
        if findings.has_error(&path.key(key)) {
            continue;
        }
        let what = class.as_str();
        let cause = match () {
            () if classes.contains(&class) => format!("`{what}` is named twice in this step"),
            () if config.steps.iter().any(|step| step.classes.contains(&class)) => {
                format!("an earlier step redacts `{what}` already, and the first one counts")
            }
            () => {
                classes.push(class);
                continue;
            }
        };
        findings.error(&path.key(key), cause, "remove it from one of the two");
    }
    classes
}

const fn of_field(field: RedactField) -> Class {
    match field {
        RedactField::Email => Class::Email,
        RedactField::ClientIp => Class::ClientIp,
        RedactField::Principal => Class::Principal,
        RedactField::CredentialId => Class::CredentialId,
        RedactField::RequestId => Class::RequestId,
        RedactField::Organization => Class::Organization,
        RedactField::Environment => Class::Environment,
        RedactField::Cluster => Class::Cluster,
    }
}

const fn of_preset(preset: RedactPreset) -> Class {
    match preset {
        RedactPreset::Emails => Class::Email,
        RedactPreset::Ips => Class::ClientIp,
        RedactPreset::Identities => Class::Principal,
        RedactPreset::Credentials => Class::CredentialId,
        RedactPreset::Payloads => Class::Payload,
        RedactPreset::Names => Class::Name,
    }
}

fn resolve_paths(raw: Option<Vec<String>>, path: &Path, findings: &mut Findings) -> Vec<redact::Path> {
    let mut paths: Vec<redact::Path> = Vec::new();
    // An item that was refused before is missing here, and the positions of the others have shifted.
    if findings.has_error(path) {
        return paths;
    }
    for (at, text) in raw.unwrap_or_default().iter().enumerate() {
        match redact::Path::parse(text) {
            Err((cause, remedy)) => findings.error(&path.item(at), cause, remedy),
            Ok(parsed) if paths.contains(&parsed) => {
                findings.error(&path.item(at), "this path is listed twice", "remove one of the two");
            }
            Ok(parsed) => paths.push(parsed),
        }
    }
    paths
}

fn resolve_patterns(raw: Vec<RedactPattern>, path: &Path, findings: &mut Findings) -> Vec<PatternConfig> {
    let mut patterns = Vec::new();
    if findings.has_error(path) {
        return patterns;
    }
    for (at, RedactPattern { within, pattern }) in raw.into_iter().enumerate() {
        let path = path.item(at);
        let (mut classes, mut paths) = (Vec::new(), Vec::new());
        for (place, text) in within.unwrap_or_default().iter().enumerate() {
            if let Some(class) = Class::FIELDS.into_iter().find(|class| class.as_str() == text) {
                classes.push(class);
                continue;
            }
            match redact::Path::parse(text) {
                Ok(parsed) => paths.push(parsed),
                Err((cause, remedy)) => findings.error(&path.key("in").item(place), cause, remedy),
            }
        }
        let Some(pattern) = pattern else { continue };
        match Regex::new(&pattern) {
            Err(_) => {
                let remedy = "check brackets and backslashes; in single quotes YAML leaves backslashes alone";
                findings.error(&path.key("match"), "this is not a regular expression", remedy);
            }
            Ok(regex) if regex.find("").is_some() => {
                let cause = "this pattern also matches nothing at all, so it matches everywhere";
                findings.error(&path.key("match"), cause, "say at least one character that has to be there");
            }
            Ok(regex) => patterns.push(PatternConfig { classes, paths, pattern: regex }),
        }
    }
    patterns
}

/// A network is no substitute for anything but an address.
fn only_addresses(classes: &[Class], only_classes: bool, path: &Path, findings: &mut Findings) {
    if !only_classes || classes.iter().any(|class| *class != Class::ClientIp) {
        let cause = "`truncate` shortens IP addresses, and this step names something else";
        let remedy = "put `fields: [client_ip]` into a step of its own, or use `mask`";
        findings.error(&path.key("with"), cause, remedy);
    }
}

/// `None` when it is wrong, or missing, which has been said.
fn resolve_treatment(raw: Redact, path: &Path, findings: &mut Findings) -> Option<Treatment> {
    Some(match raw.with? {
        RedactWith::Drop => Treatment::Drop,
        RedactWith::Mask => {
            Treatment::Mask { keep_last: raw.keep_last.map_or(0, |count| usize::try_from(count).unwrap_or(usize::MAX)) }
        }
        RedactWith::Truncate => Treatment::Truncate,
        RedactWith::Replace => {
            let text = raw.replacement.map_or_else(|| defaults::REDACT_REPLACEMENT.to_owned(), |Characters(text)| text);
            Treatment::Replace(text)
        }
        RedactWith::HmacSha256 => {
            let current = resolve_key((raw.key, raw.key_file, raw.key_id), "key", path, findings);
            let previous = (raw.previous_key, raw.previous_key_file, raw.previous_key_id);
            let previous = resolve_key(previous, "previous_key", path, findings);
            let has_error = |findings: &Findings, key: &str| {
                findings.has_error(&path.key(key)) || findings.has_error(&path.key(&format!("{key}_file")))
            };
            let Some((current_secret, current)) = current else {
                if !has_error(findings, "key") && !findings.has_error(&path.key("key_id")) {
                    let remedy = "add `key: ${file:/path}`, `key: ${VAR}` or `key_file: /path`; \
                                  `openssl rand -base64 32` makes one";
                    findings.error(&path.key("key"), "`key` is missing: pseudonyms need one", remedy);
                }
                return None;
            };
            if let Some((secret, previous)) = &previous {
                if *secret == current_secret {
                    findings.error(&path.key("previous_key"), "both keys are the same", "remove one, or replace `key`");
                } else if previous.id() == current.id() {
                    let cause =
                        format!("both keys are called `{}`: nobody could tell their pseudonyms apart", current.id());
                    findings.error(&path.key("previous_key_id"), cause, "give them different names");
                }
            }
            Treatment::Hmac(Box::new(Keys { current, previous: previous.map(|(_, key)| key) }))
        }
    })
}

type RawKey = (Option<SecretText>, Option<std::path::PathBuf>, Option<String>);

fn resolve_key(raw: RawKey, name: &str, path: &Path, findings: &mut Findings) -> Option<(Secret, Key)> {
    let (value, file, id) = raw;
    let at = path.key(if value.is_some() { name.to_owned() } else { format!("{name}_file") }.as_str());
    let id_path = path.key(&format!("{name}_id"));
    let secret = files::secret(value, file, path, name, findings);
    let allowed = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    let valid = |id: &str| id.len() <= defaults::REDACT_KEY_ID_MAX_LEN && id.chars().all(allowed);
    if id.as_deref().is_some_and(|id| !valid(id)) {
        let cause = "this cannot be a key's name: it stands in every pseudonym";
        let remedy = format!("use up to {} letters, digits, `-` and `_`", defaults::REDACT_KEY_ID_MAX_LEN);
        findings.error(&id_path, cause, remedy);
        return None;
    }
    let Some(secret) = secret else {
        if id.is_some() && !findings.has_error(&path.key(name)) && !findings.has_error(&at) {
            findings.error(&id_path, format!("`{name}_id` is given without `{name}`"), format!("add `{name}`"));
        }
        return None;
    };
    let len = secret.expose().len();
    if len < defaults::REDACT_KEY_MIN_BYTES {
        let cause = format!("this key has {len} characters: whoever guesses it can look up everybody");
        let remedy = format!("use at least {} random ones: `openssl rand -base64 32`", defaults::REDACT_KEY_MIN_BYTES);
        findings.error(&at, cause, remedy);
        return None;
    }
    let key = Key::new(&secret, id.as_deref());
    Some((secret, key))
}
