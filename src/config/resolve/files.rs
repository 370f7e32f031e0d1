//! Files that the configuration names: secrets, certificates and keys.

use std::fs;
use std::path::{Path as FilePath, PathBuf};

use crate::config::findings::Findings;
use crate::config::interpolate::read_value;
use crate::config::node::Path;
use crate::config::raw::SecretText;
use crate::secret::Secret;

/// The secret `name` below `path`, from its own key or from the file that `<name>_file` names. `None` when there is
/// neither, or when it is wrong.
pub(super) fn secret(
    value: Option<SecretText>,
    file: Option<PathBuf>,
    path: &Path,
    name: &str,
    findings: &mut Findings,
) -> Option<Secret> {
    let file_path = path.key(&format!("{name}_file"));
    match (value, file) {
        (None, None) => None,
        (Some(value), None) => Some(value.0),
        (Some(_), Some(_)) => {
            findings.error(&file_path, format!("both `{name}` and `{name}_file` are given"), "remove one of the two");
            None
        }
        (None, Some(file)) => {
            let text = match file.to_str().map(read_value) {
                Some(Ok(text)) => text,
                Some(Err(cause)) => {
                    let remedy = "check that the file is mounted and that this user may read it";
                    findings.error(&file_path, format!("cannot read the file: {cause}"), remedy);
                    return None;
                }
                None => return None,
            };
            let one_line = !text.trim().is_empty() && !text.contains(char::is_control);
            if !one_line {
                findings.error(
                    &file_path,
                    "the file does not hold one line of text",
                    "write the secret into it, and nothing else",
                );
                return None;
            }
            Some(Secret::new(text))
        }
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
        let cause = format!("this is a {format} file; PKCS#12 and JKS are not supported yet");
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
