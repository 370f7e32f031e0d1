//! The archive sink.

use std::path::PathBuf;

use crate::archive::key::check_name;
use crate::archive::store::config::{AzureLogin, Location, S3Encryption, S3Login, StoreConfig};
use crate::config::findings::Findings;
use crate::config::node::Path;
use crate::config::raw::{self, ObjectEncryption, SecretText};
use crate::defaults;
use crate::secret::SecretSource;
use crate::sink::archive::check_key;
use crate::sink::archive::config::{ArchiveConfig, KeySource, Rotation, SignConfig};
use crate::transform::config::ChainConfig;
use crate::units::ByteSize;

use super::endpoints::parse_endpoint;
use super::transport::{self, RawTransport};
use super::{files, positive};

const URL_EXAMPLE: &str =
    "write for example `s3://acme-audit/confluent`, `gs://…`, `az://…` or `/var/lib/auditferry/archive`";

pub(super) fn resolve(mut raw: raw::Archive, path: &Path, findings: &mut Findings) -> Option<ArchiveConfig> {
    let sign = sign(raw.sign.take().unwrap_or_default(), &path.key("sign"), findings);
    let rotate = rotation(raw.rotate.take().unwrap_or_default(), &path.key("rotate"), findings);
    let cluster_name = raw.cluster_name.take();
    if cluster_name.as_deref().is_some_and(|name| !is_folder_name(name)) {
        let remedy = "use letters, digits, `.`, `_` and `-`";
        findings.error(&path.key("cluster_name"), "this cannot be a part of an object's name", remedy);
    }
    let compression_level = raw.compression_level.and_then(|level| i32::try_from(level).ok());
    let store = store(raw, path, findings);
    (!findings.has_error(path)).then_some(())?;
    Some(ArchiveConfig {
        store: store?,
        sign: sign?,
        cluster_name,
        rotate,
        compression_level: compression_level.unwrap_or(defaults::COMPRESSION_LEVEL),
    })
}

fn is_folder_name(name: &str) -> bool {
    !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c))
}

fn store(mut raw: raw::Archive, path: &Path, findings: &mut Findings) -> Option<StoreConfig> {
    let way = RawTransport {
        connect_timeout: raw.connect_timeout,
        request_timeout: raw.request_timeout,
        keep_alive: None,
        proxy: raw.proxy.take(),
    };
    let way = transport::transport(way, path, findings);
    let tls = transport::tls(raw.tls.take().unwrap_or_default(), &path.key("tls"), findings);
    let location = raw.url.take().and_then(|url| match Location::parse(&url) {
        Ok(location) => Some(location),
        Err(error) => {
            findings.error(&path.key("url"), error.to_string(), URL_EXAMPLE);
            None
        }
    });
    if let Some(location) = &location {
        refuse_strangers(&raw, location, path, findings);
    }
    let endpoint = raw.endpoint.take().and_then(|url| match parse_endpoint(&url) {
        Ok(endpoint) => Some(endpoint.text),
        Err(malformed) => {
            findings.error(
                &path.key("endpoint"),
                malformed.cause,
                "write for example `https://minio.example.com:9000`",
            );
            None
        }
    });
    let s3_login = s3_login(&mut raw, path, findings);
    let key = (raw.account_key.take(), raw.account_key_file.take());
    let azure_login = files::secret_source(key.0, key.1, path, "account_key", findings);
    let encryption = match raw.encryption {
        None => S3Encryption::Default,
        Some(ObjectEncryption::Aes256) => S3Encryption::Aes256,
        Some(ObjectEncryption::Kms(key_id)) => S3Encryption::Kms { key_id },
    };
    Some(StoreConfig {
        region: raw.region,
        path_style: endpoint.is_some() && raw.path_style.unwrap_or(true),
        endpoint,
        s3_login: s3_login?,
        encryption,
        storage_class: raw.storage_class,
        tags: raw.tags.unwrap_or_default(),
        service_account_file: raw.service_account_file,
        account: raw.account,
        azure_login: azure_login.map_or(AzureLogin::Environment, AzureLogin::AccessKey),
        tls,
        location: location?,
        transport: way?,
    })
}

/// Keys that mean nothing to this kind of store.
fn refuse_strangers(raw: &raw::Archive, location: &Location, path: &Path, findings: &mut Findings) {
    let (s3, gcs, azure, kind) = match location {
        Location::S3 { .. } => (true, false, false, "S3"),
        Location::Gcs { .. } => (false, true, false, "Google Cloud Storage"),
        Location::Azure { .. } => (false, false, true, "Azure"),
        Location::Directory(_) => (false, false, false, "a directory"),
    };
    let keys = [
        ("region", raw.region.is_some(), s3),
        ("path_style", raw.path_style.is_some(), s3),
        ("access_key_id", raw.access_key_id.is_some(), s3),
        ("secret_access_key", raw.secret_access_key.is_some(), s3),
        ("secret_access_key_file", raw.secret_access_key_file.is_some(), s3),
        ("session_token", raw.session_token.is_some(), s3),
        ("session_token_file", raw.session_token_file.is_some(), s3),
        ("encryption", raw.encryption.is_some(), s3),
        ("endpoint", raw.endpoint.is_some(), s3 || gcs || azure),
        ("storage_class", raw.storage_class.is_some(), s3 || gcs),
        ("tags", raw.tags.is_some(), s3 || azure),
        ("service_account_file", raw.service_account_file.is_some(), gcs),
        ("account", raw.account.is_some(), azure),
        ("account_key", raw.account_key.is_some(), azure),
        ("account_key_file", raw.account_key_file.is_some(), azure),
    ];
    for (key, _, _) in keys.into_iter().filter(|(_, given, known)| *given && !known) {
        findings.error_at_key(
            &path.key(key),
            format!("`{key}` means nothing to {kind}"),
            "remove it, or correct `url`",
        );
    }
}

fn s3_login(raw: &mut raw::Archive, path: &Path, findings: &mut Findings) -> Option<S3Login> {
    let secret = (raw.secret_access_key.take(), raw.secret_access_key_file.take());
    let secret_access_key = files::secret_source(secret.0, secret.1, path, "secret_access_key", findings);
    let token = (raw.session_token.take(), raw.session_token_file.take());
    let session_token = files::secret_source(token.0, token.1, path, "session_token", findings);
    match (raw.access_key_id.take(), secret_access_key) {
        (Some(access_key_id), Some(secret_access_key)) => {
            Some(S3Login::Keys { access_key_id, secret_access_key, session_token })
        }
        (None, None) => Some(S3Login::Environment),
        (Some(_), None) => {
            if !["secret_access_key", "secret_access_key_file"].iter().any(|key| findings.has_error(&path.key(key))) {
                let remedy = "add `secret_access_key: ${file:/path}` or `secret_access_key_file: /path`";
                findings.error(&path.key("access_key_id"), "`access_key_id` is given without its secret", remedy);
            }
            None
        }
        (None, Some(_)) => {
            let cause = "`secret_access_key` is given without `access_key_id`";
            findings.error(&path.key("secret_access_key"), cause, "add `access_key_id`");
            None
        }
    }
}

fn sign(raw: raw::Sign, path: &Path, findings: &mut Findings) -> Option<SignConfig> {
    let name = raw.name.unwrap_or_else(|| defaults::SIGNER.to_owned());
    if let Err(error) = check_name(&name) {
        findings.error(&path.key("name"), error.to_string(), "write for example `acme-audit`");
        return None;
    }
    let key = signing_key((raw.key, raw.key_file), "key", &name, path, findings);
    let previous = signing_key((raw.previous_key, raw.previous_key_file), "previous_key", &name, path, findings);
    if key.is_none() && !findings.has_error(path) {
        let remedy = "make one with `auditferry archive keygen --out KEY`, and give it as `key_file: KEY`";
        findings.error(path, "there is no key to sign with", remedy);
    }
    Some(SignConfig { name, key: key?, previous })
}

fn signing_key(
    (text, file): (Option<SecretText>, Option<PathBuf>),
    name: &str,
    signer: &str,
    path: &Path,
    findings: &mut Findings,
) -> Option<KeySource> {
    let (source, at) = match (text, file) {
        (None, None) => return None,
        (Some(_), Some(_)) => {
            let cause = format!("both `{name}` and `{name}_file` are given");
            findings.error(&path.key(&format!("{name}_file")), cause, "remove one of the two");
            return None;
        }
        (Some(SecretText { file: Some(file), .. }), None) => (KeySource::File(file), path.key(name)),
        (Some(SecretText { value, file: None }), None) => (KeySource::Text(SecretSource::fixed(value)), path.key(name)),
        (None, Some(file)) => (KeySource::File(file), path.key(&format!("{name}_file"))),
    };
    if let Err(problem) = check_key(signer, &source) {
        findings.error(&at, problem, "give the private key that `auditferry archive keygen` wrote");
        return None;
    }
    Some(source)
}

fn rotation(raw: raw::Rotate, path: &Path, findings: &mut Findings) -> Rotation {
    let raw_bytes = size(raw.raw_bytes, defaults::SEGMENT_RAW_BYTES, "raw_bytes", path, findings);
    let stored_bytes = size(raw.stored_bytes, defaults::SEGMENT_STORED_BYTES, "stored_bytes", path, findings);
    let age = positive(raw.age, defaults::SEGMENT_AGE, &path.key("age"), findings);
    Rotation { raw_bytes, stored_bytes, age, hour_boundary: raw.hour_boundary.unwrap_or(true) }
}

fn size(raw: Option<raw::Size>, default: ByteSize, key: &str, path: &Path, findings: &mut Findings) -> ByteSize {
    let size = raw.map_or(default, |size| size.0);
    if size.get() == 0 || size > defaults::SEGMENT_MAX_BYTES {
        let cause = format!("a segment of {size} cannot be written");
        findings.error(&path.key(key), cause, format!("give more than 0 and at most {}", defaults::SEGMENT_MAX_BYTES));
        return default;
    }
    size
}

/// A sealed archive proves that it holds every record as it was.
pub(super) fn nothing_changed(chain: &ChainConfig, pipeline: &Path, findings: &mut Findings) {
    let changes = !chain.filters.is_empty()
        || chain.redact.is_enabled()
        || !chain.enrichment.adds.is_empty()
        || chain.map.is_some();
    if changes {
        let cause = "an archive proves that it holds every record as it was read, and this pipeline changes some or leaves them out";
        let remedy = "remove `transforms` here, and keep them in the pipelines to other sinks";
        findings.error(&pipeline.key("transforms"), cause, remedy);
    }
}
