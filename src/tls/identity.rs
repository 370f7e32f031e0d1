//! The client's own certificate and private key, both PEM.
//!
//! Keys may be PKCS#8, plain or encrypted (PBES2), or the older RSA and EC forms, plain. Certificate and key are checked to
//! belong together before anybody connects.

use std::sync::Arc;

use base64::Engine as _;
use pkcs8::EncryptedPrivateKeyInfoRef;
use rustls::client::ResolvesClientCert;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{Error, InconsistentKeys};
use zeroize::Zeroizing;

use super::config::Identity;
use super::store::{Problem, read_file};
use super::{FileError, provider};
use crate::secret::Secret;

const CERTIFICATE: &str = "client certificate";
pub(super) const KEY: &str = "private key";

/// Whether certificate and key can be used together. Blocks.
///
/// # Errors
/// One of the files cannot be read or does not hold what it should, or the two do not belong together.
pub fn check_identity(identity: &Identity) -> Result<(), FileError> {
    certified(identity, &provider()).map(|_| ())
}

pub(super) fn resolver(
    identity: &Identity,
    provider: &CryptoProvider,
) -> Result<Arc<dyn ResolvesClientCert>, FileError> {
    Ok(Arc::new(SingleCertAndKey::from(certified(identity, provider)?)))
}

#[expect(clippy::wildcard_enum_match_arm, reason = "an enum of rustls: only what has a remedy is named")]
fn certified(identity: &Identity, provider: &CryptoProvider) -> Result<CertifiedKey, FileError> {
    let chain = read_chain(identity)?;
    let key = read_key(identity)?;
    CertifiedKey::from_der(chain, key, provider).map_err(|error| match error {
        Error::InconsistentKeys(InconsistentKeys::KeyMismatch) => {
            let remedy = "name the key that the certificate was made for, and put that certificate first in its file";
            FileError::new(KEY, &identity.key, Problem::new("it does not belong to the client certificate", remedy))
        }
        Error::InvalidCertificate(_) => {
            let words = format!("the first certificate is damaged ({error})");
            FileError::new(CERTIFICATE, &identity.certificate, Problem::new(words, "make it again from its source"))
        }
        error => {
            let words = format!("it is of a kind that is not understood ({error})");
            FileError::new(KEY, &identity.key, Problem::new(words, CONVERT_KEY))
        }
    })
}

const CONVERT_KEY: &str = "convert it with `openssl pkcs8 -topk8 -in FILE -out NEW`, which asks for a password";

fn read_chain(identity: &Identity) -> Result<Vec<CertificateDer<'static>>, FileError> {
    let wrong = |problem| FileError::new(CERTIFICATE, &identity.certificate, problem);
    let bytes = read_file(&identity.certificate, "tls.certificate_file must name a readable file").map_err(wrong)?;
    let chain: Vec<_> = CertificateDer::pem_slice_iter(&bytes).collect::<Result<_, _>>().map_err(|error| {
        wrong(Problem::new(format!("it is damaged or cut short ({error})"), "make it again from its source"))
    })?;
    if chain.is_empty() {
        let remedy = "it has to be PEM: text with `-----BEGIN CERTIFICATE-----`; `openssl pkcs12 -in FILE -nokeys` makes \
                      PEM of PKCS#12";
        return Err(wrong(Problem::new("it holds no certificate", remedy)));
    }
    Ok(chain)
}

fn read_key(identity: &Identity) -> Result<PrivateKeyDer<'static>, FileError> {
    let wrong = |problem| FileError::new(KEY, &identity.key, problem);
    let bytes =
        read_file(&identity.key, "tls.key_file must name a readable file").map(Zeroizing::new).map_err(wrong)?;
    let text = std::str::from_utf8(&bytes).unwrap_or_default();
    if text.contains("Proc-Type: 4,ENCRYPTED") {
        return Err(wrong(Problem::new("it is encrypted in OpenSSL's old way, which is not read", CONVERT_KEY)));
    }
    if let Some(encrypted) = section(text, "ENCRYPTED PRIVATE KEY") {
        let password = match &identity.key_password {
            None => {
                return Err(wrong(Problem::new("it is encrypted, and no password is given", "set tls.key_password")));
            }
            Some(source) => source.read().map_err(|error| {
                wrong(Problem::new(format!("its password: {error}"), "tls.key_password must be readable, and one line"))
            })?,
        };
        return decrypt(encrypted, &password).map_err(wrong);
    }
    PrivateKeyDer::from_pem_slice(&bytes).map_err(|error| {
        let remedy = "it has to be PEM: text with `-----BEGIN PRIVATE KEY-----`; `openssl pkcs12 -in FILE -nocerts` makes \
                      PEM of PKCS#12";
        wrong(Problem::new(format!("it holds no private key ({error})"), remedy))
    })
}

/// What stands between the first and the last line of a PEM section.
fn section<'a>(text: &'a str, label: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(&format!("-----BEGIN {label}-----"))?;
    rest.split_once(&format!("-----END {label}-----")).map(|(section, _)| section)
}

fn decrypt(section: &str, password: &Secret) -> Result<PrivateKeyDer<'static>, Problem> {
    let damaged = || Problem::new("it is damaged", "make it again from its source");
    let lines: String = section.split_ascii_whitespace().collect();
    let der = base64::engine::general_purpose::STANDARD.decode(lines).map_err(|_| damaged())?;
    let encrypted = EncryptedPrivateKeyInfoRef::try_from(der.as_slice())
        .map_err(|error| Problem::new(format!("it is encrypted in a way that is not known ({error})"), CONVERT_KEY))?;
    let plain = encrypted
        .decrypt(password.expose())
        .map_err(|_| Problem::new("its password is wrong, or it is damaged", "check tls.key_password"))?;
    Ok(PrivatePkcs8KeyDer::from(plain.as_bytes().to_vec()).into())
}
