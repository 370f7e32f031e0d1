//! Files that the configuration names: secrets, certificates and keys.

use std::fs;
use std::path::{Path as FilePath, PathBuf};

use crate::config::findings::Findings;
use crate::config::node::Path;
use crate::config::raw::SecretText;
use crate::secret::{Secret, SecretFileError, SecretSource, read_secret};
use crate::tls::config::{Identity, TrustStore};
use crate::tls::{authorities, check_identity};

/// The secret `name` below `path`, from its own key or from the file that `<name>_file` names. `None` when there is
/// neither, or when it is wrong.
pub(super) fn secret(
    value: Option<SecretText>,
    file: Option<PathBuf>,
    path: &Path,
    name: &str,
    findings: &mut Findings,
) -> Option<Secret> {
    secret_source(value, file, path, name, findings).map(|source| source.value().clone())
}

/// As [`secret`], with the file it came from.
pub(super) fn secret_source(
    value: Option<SecretText>,
    file: Option<PathBuf>,
    path: &Path,
    name: &str,
    findings: &mut Findings,
) -> Option<SecretSource> {
    let file_path = path.key(&format!("{name}_file"));
    match (value, file) {
        (None, None) => None,
        (Some(SecretText { value, file: Some(file) }), None) => Some(SecretSource::in_file(file, value)),
        (Some(SecretText { value, file: None }), None) => Some(SecretSource::fixed(value)),
        (Some(_), Some(_)) => {
            findings.error(&file_path, format!("both `{name}` and `{name}_file` are given"), "remove one of the two");
            None
        }
        (None, Some(file)) => match read_secret(&file) {
            Ok(secret) => Some(SecretSource::in_file(file, secret)),
            Err(error) => {
                let remedy = match &error {
                    SecretFileError::Unreadable(_) => "check that the file is mounted and that this user may read it",
                    SecretFileError::NotOneLine => "write the secret into it, and nothing else",
                };
                findings.error(&file_path, error.to_string(), remedy);
                None
            }
        },
    }
}

/// The trust store at the keys `trust_store` and `trust_store_password` below `path`. `None` when there is none, or when it
/// cannot be used.
pub(super) fn trust_store(
    file: Option<PathBuf>,
    password: (Option<SecretText>, Option<PathBuf>),
    path: &Path,
    findings: &mut Findings,
) -> Option<TrustStore> {
    let password = secret_source(password.0, password.1, path, "trust_store_password", findings);
    let Some(file) = file else {
        if password.is_some() {
            let remedy = "add `trust_store`, or remove the password";
            findings.error(path, "`trust_store_password` is given, and no `trust_store`", remedy);
        }
        return None;
    };
    let has_error = |findings: &Findings, key: &str| findings.has_error(&path.key(key));
    if ["trust_store_password", "trust_store_password_file"].iter().any(|key| has_error(findings, key)) {
        return None;
    }
    let store = TrustStore { path: file, password };
    let at = path.key("trust_store");
    match authorities(&store) {
        Err(error) => {
            findings.error(&at, error.problem, error.remedy);
            None
        }
        Ok(found) => {
            let (bad, all) = (found.unusable.len(), found.unusable.len() + found.certificates.len());
            if let Some(why) = found.unusable.first() {
                let cause = format!("{bad} of the {all} certificates in it cannot be used ({why})");
                findings.warning(&at, cause, "remove them, or expect servers of these authorities to be refused");
            }
            if store.password.is_some() && !found.format.has_password() {
                let cause = format!("the password has no effect: the trust store is {}", found.format.as_str());
                findings.warning(&path.key("trust_store_password"), cause, "remove it");
            }
            Some(store)
        }
    }
}

/// The client certificate at the keys `certificate_file`, `key_file` and `key_password` below `path`. `None` when there is
/// none, or when it cannot be used.
pub(super) fn identity(
    files: (Option<PathBuf>, Option<PathBuf>),
    password: (Option<SecretText>, Option<PathBuf>),
    path: &Path,
    findings: &mut Findings,
) -> Option<Identity> {
    let key_password = secret_source(password.0, password.1, path, "key_password", findings);
    check_pair(files.0.is_some(), files.1.is_some(), path, findings);
    let (Some(certificate), Some(key)) = files else { return None };
    let identity = Identity { certificate, key, key_password };
    if ["key_password", "key_password_file"].iter().any(|key| findings.has_error(&path.key(key))) {
        return None;
    }
    if let Err(error) = check_identity(&identity) {
        let key = if error.concerns_key() { "key_file" } else { "certificate_file" };
        findings.error(&path.key(key), error.problem, error.remedy);
        return None;
    }
    Some(identity)
}

/// Reports a client certificate without its key, and a key without its certificate.
pub(super) fn check_pair(certificate: bool, key: bool, path: &Path, findings: &mut Findings) {
    let (certificate_path, key_path) = (path.key("certificate_file"), path.key("key_file"));
    if certificate && !key && !findings.has_error(&key_path) {
        findings.error(&certificate_path, "a client certificate needs its private key", "add `key_file`");
    }
    if key && !certificate && !findings.has_error(&certificate_path) {
        findings.error(&key_path, "a private key needs its certificate", "add `certificate_file`");
    }
}

/// `insecure_skip_verify: true` is allowed, and said aloud; so is what has no effect beside it.
pub(super) fn warn_about_skipped_verification(others: &[(&str, bool)], path: &Path, findings: &mut Findings) {
    let cause = "any certificate of anybody is accepted: whoever is on the way can read the credentials and the events";
    findings.warning(&path.key("insecure_skip_verify"), cause, "remove it, and name the authority in `trust_store`");
    for (name, _) in others.iter().filter(|(_, given)| *given) {
        let cause = format!("`{name}` has no effect with `insecure_skip_verify: true`");
        findings.warning(&path.key(name), cause, "remove one of the two");
    }
}

/// What a PEM file has to hold.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Pem {
    Certificates,
    PrivateKey { password: bool },
}

/// Reports a file that cannot be read or does not hold what it should. The content is not parsed further: the client
/// that uses it does that.
pub(super) fn check_pem(file: Option<&FilePath>, kind: Pem, path: &Path, findings: &mut Findings) {
    let Some(file) = file else { return };
    let content = match fs::read(file) {
        Ok(content) => content,
        Err(error) => {
            let remedy = "check the path, that the file is mounted and that this user may read it";
            findings.error(path, format!("cannot read the file: {error}"), remedy);
            return;
        }
    };
    if let Some((cause, remedy)) = wrong_content(&content, kind) {
        findings.error(path, cause, remedy);
    }
}

fn wrong_content(content: &[u8], kind: Pem) -> Option<(String, &'static str)> {
    if let Some((format, remedy)) = binary_format(content) {
        let cause = format!("this is a {format} file; a client certificate and its key are read as PEM only");
        return Some((cause, remedy));
    }
    let text = String::from_utf8_lossy(content);
    let has = |label: &str| text.contains(&format!("-----BEGIN {label}-----"));
    let keys = ["PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY", "ENCRYPTED PRIVATE KEY"];
    match kind {
        Pem::Certificates if !has("CERTIFICATE") => Some((
            "there is no certificate in this file".to_owned(),
            "it has to be PEM: text with `-----BEGIN CERTIFICATE-----`",
        )),
        Pem::PrivateKey { .. } if !keys.into_iter().any(has) => Some((
            "there is no private key in this file".to_owned(),
            "it has to be PEM: text with `-----BEGIN PRIVATE KEY-----`",
        )),
        Pem::PrivateKey { password: false }
            if has("ENCRYPTED PRIVATE KEY") || text.contains("Proc-Type: 4,ENCRYPTED") =>
        {
            Some((
                "the private key is encrypted, and there is no password for it".to_owned(),
                "add `key_password_file`",
            ))
        }
        Pem::Certificates | Pem::PrivateKey { .. } => None,
    }
}

/// Formats that people have from the Java connector: JKS and JCEKS by their magic, PKCS#12 as the DER that it is.
fn binary_format(content: &[u8]) -> Option<(&'static str, &'static str)> {
    let keytool = "convert it to PEM: `keytool -list -rfc -keystore FILE > FILE.pem`";
    let openssl = "convert it to PEM: `openssl pkcs12 -in FILE -nokeys -out FILE.pem` (`-nocerts` for the key)";
    match content {
        [0xFE, 0xED, 0xFE, 0xED, ..] => Some(("JKS", keytool)),
        [0xCE, 0xCE, 0xCE, 0xCE, ..] => Some(("JCEKS", keytool)),
        [0x30, 0x80..=0x84, ..] => Some(("PKCS#12 or DER", openssl)),
        _ => None,
    }
}
