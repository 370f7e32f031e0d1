//! Reads the trusted certificates of a PKCS#12 store: what `keytool` writes since Java 9, and what `openssl pkcs12` writes,
//! with the old ciphers (RC2, 3DES) and the new ones, with and without a MAC.
//!
//! Java marks a certificate that is to be trusted with an attribute of its own; OpenSSL does not. So in a store with marks the
//! marked ones count; without marks all count, unless there is a private key: then they are that key's chain, which says
//! who the owner is, not whom to trust.

use p12_keystore::Pkcs12Archive;
use p12_keystore::error::Error;

use super::jks::Contents;
use super::store::Problem;
use crate::secret::Secret;

/// Reads a store.
///
/// # Errors
/// The password is wrong or missing, or the store is damaged, or protected in a way that is not known.
pub(super) fn read(bytes: &[u8], password: Option<&Secret>) -> Result<Contents, Problem> {
    let text = password.map_or("", Secret::expose);
    let archive = Pkcs12Archive::from_pkcs12(bytes, text).map_err(|error| problem(&error, password.is_some()))?;
    let marked = archive.certs.iter().any(|bag| bag.trusted);
    let all = !marked && archive.keys.is_empty();
    let trusted = archive.certs.iter().filter(|bag| bag.trusted || all).map(|bag| bag.cert.as_der().to_vec());
    Ok(Contents { trusted: trusted.collect(), keys: archive.keys.len() })
}

/// Without a MAC a wrong password only shows by what comes out: no padding, or no ASN.1.
fn problem(error: &Error, has_password: bool) -> Problem {
    let garbled = match error {
        Error::MacError(_) | Error::UnpadError | Error::Pkcs5Error(_) => true,
        Error::UnsupportedEncryptionScheme
        | Error::UnsupportedMacAlgorithm
        | Error::UnsupportedContentType
        | Error::InvalidParameters => {
            let remedy = "make it again with `keytool -importkeystore -deststoretype pkcs12`, or export PEM with `openssl \
                          pkcs12 -in FILE -nokeys -out ca.pem`";
            return Problem::new(
                format!("it is a PKCS#12 store protected in a way that is not known ({error})"),
                remedy,
            );
        }
        Error::IoError(_)
        | Error::DerError(_)
        | Error::X509Error(_)
        | Error::InvalidVersion
        | Error::UnsupportedCertificateType
        | Error::InvalidLength
        | Error::InvalidData
        | Error::InvalidPrivateKey => false,
    };
    match (garbled, has_password) {
        (true, true) => Problem::new(
            "the password is wrong, or the PKCS#12 store is damaged",
            "check tls.trust_store_password with `keytool -list -keystore FILE`",
        ),
        (true, false) => Problem::new(
            "it is a PKCS#12 store with a password, and no password is given",
            "set tls.trust_store_password: ${file:/path}",
        ),
        (false, _) => Problem::new(
            format!("it is a PKCS#12 store that is damaged, or not in strict DER ({error})"),
            "copy it again from its source, or make it again with `keytool -importkeystore -deststoretype pkcs12`",
        ),
    }
}
