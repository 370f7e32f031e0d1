//! One way to build an HTTPS client, and words for what can go wrong with certificates.
//!
//! - TLS 1.2 or later, always verified; the authorities are those of the system, or only those of the configured trust
//!   store when there is one.
//! - A client makes one attempt: it follows no redirect and repeats nothing.
//! - It goes straight to the server: a proxy named in the environment of the process is not used, because it would see
//!   where audit events go without any configuration saying so.
//!
//! A trust store is read in one place ([`authorities`]) that knows its formats by their first bytes; PEM is the only
//! one read so far.

pub mod config;

use std::error::Error;
use std::io;
use std::path::Path;
use std::time::Duration;

use config::TlsConfig;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{CertificateError, RootCertStore};

/// Idle connections are closed before the usual 60 s of load balancers, so that no request meets a closed one.
const IDLE: Duration = Duration::from_secs(45);

/// Why no HTTPS client could be built.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    #[error("read trust store {path}: {problem}; {remedy}")]
    TrustStore { path: String, problem: String, remedy: &'static str },
    #[error(
        "prepare TLS: {0}; if the system has no certificate authorities, install its ca-certificates package or set \
         tls.trust_store"
    )]
    Client(String),
}

/// A client for the servers that `config` trusts. `request_timeout` reaches from the start of a request, connecting
/// included, to the last byte of its answer.
///
/// # Errors
/// The trust store cannot be used, or the system has no authorities.
pub fn http_client(
    config: &TlsConfig,
    connect_timeout: Duration,
    request_timeout: Duration,
) -> Result<reqwest::Client, TlsError> {
    install_provider();
    #[expect(clippy::disallowed_methods, reason = "the one place that builds HTTP clients")]
    let builder = reqwest::Client::builder();
    let mut builder = builder
        .http1_only()
        .tls_version_min(reqwest::tls::Version::TLS_1_2)
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .no_proxy()
        .referer(false)
        .pool_idle_timeout(IDLE)
        .connect_timeout(connect_timeout)
        .timeout(request_timeout);
    if let Some(path) = &config.trust_store {
        builder = builder.tls_certs_only(certificates(path)?);
    }
    builder.build().map_err(|error| TlsError::Client(chain(&error)))
}

/// Cryptography for all of TLS. When another thread installs it at the same time, it is the same.
fn install_provider() {
    if CryptoProvider::get_default().is_none() {
        rustls::crypto::aws_lc_rs::default_provider().install_default().ok();
    }
}

fn certificates(path: &Path) -> Result<Vec<reqwest::Certificate>, TlsError> {
    authorities(path)?
        .iter()
        .map(|der| {
            reqwest::Certificate::from_der(der)
                .map_err(|error| bad_store(path, chain(&error), "check its certificates"))
        })
        .collect()
}

/// The certificates in a trust store.
fn authorities(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let bytes = std::fs::read(path)
        .map_err(|error| bad_store(path, error.to_string(), "tls.trust_store must name a readable PEM file"))?;
    match bytes.as_slice() {
        [0xfe, 0xed, 0xfe, 0xed, ..] => {
            let remedy = "export the authority's certificate with `keytool -exportcert -rfc` and name that file";
            return Err(bad_store(path, "it is a Java key store, and only PEM is read".into(), remedy));
        }
        [0x30, 0x80..=0x84, ..] => {
            let remedy = "convert it with `openssl pkcs12 -nokeys -in STORE -out ca.pem` or `openssl x509 -inform der`";
            return Err(bad_store(path, "it is PKCS#12 or DER, and only PEM is read".into(), remedy));
        }
        _ => {}
    }
    let certificates: Vec<_> = CertificateDer::pem_slice_iter(&bytes)
        .collect::<Result<_, _>>()
        .map_err(|error| bad_store(path, format!("it is damaged ({error})"), "make it again from its source"))?;
    if certificates.is_empty() {
        let remedy = "it needs at least one block that begins with `-----BEGIN CERTIFICATE-----`";
        return Err(bad_store(path, "it holds no certificate".into(), remedy));
    }
    for certificate in &certificates {
        // The client would refuse it later, without the name of the file.
        RootCertStore::empty()
            .add(certificate.clone())
            .map_err(|error| bad_store(path, error.to_string(), "check its certificates"))?;
    }
    Ok(certificates)
}

fn bad_store(path: &Path, problem: String, remedy: &'static str) -> TlsError {
    TlsError::TrustStore { path: path.display().to_string(), problem, remedy }
}

/// What a failed request says about TLS, with the remedy; `None` when TLS is not what failed.
pub fn explain(error: &(dyn Error + 'static)) -> Option<String> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = as_tls(error) {
            return Some(describe(found));
        }
        next = error.source();
    }
    None
}

/// The TLS error that `error` is or wraps: an I/O error hides its inner error from `source`.
fn as_tls<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a rustls::Error> {
    if let Some(found) = error.downcast_ref::<rustls::Error>() {
        return Some(found);
    }
    let inner: &'a (dyn Error + 'static) = error.downcast_ref::<io::Error>()?.get_ref()?;
    as_tls(inner)
}

#[expect(clippy::wildcard_enum_match_arm, reason = "an enum of rustls: only what has a remedy is named")]
fn describe(error: &rustls::Error) -> String {
    match error {
        rustls::Error::InvalidCertificate(problem) => format!("{error}: {}", remedy(problem)),
        rustls::Error::InvalidMessage(_) => {
            format!("{error}: the server does not speak TLS here; is the address http?")
        }
        _ => error.to_string(),
    }
}

#[expect(clippy::wildcard_enum_match_arm, reason = "an enum of rustls: only what has a remedy is named")]
fn remedy(problem: &CertificateError) -> &'static str {
    match problem {
        CertificateError::UnknownIssuer => {
            "the server's certificate is self-signed or from an authority that is not trusted here; put the authority's \
             certificate as PEM into tls.trust_store"
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            "the server's certificate is for another host; use the name that it carries in the endpoint"
        }
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            "the server's certificate has expired; renew it there, or check the clock here"
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "the server's certificate is not valid yet; check the clocks"
        }
        _ => "the server's certificate cannot be accepted",
    }
}

/// An error and its causes as one sentence.
pub fn chain(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let words = cause.to_string();
        if !text.contains(&words) {
            text.push_str(": ");
            text.push_str(&words);
        }
        next = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn build(contents: &[u8]) -> Result<reqwest::Client, String> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), contents).unwrap();
        let config = TlsConfig { trust_store: Some(file.path().to_owned()) };
        http_client(&config, Duration::from_secs(1), Duration::from_secs(1)).map_err(|error| error.to_string())
    }

    #[test]
    fn a_trust_store_in_pem_is_read() {
        let key = rcgen::generate_simple_self_signed(vec!["localhost".into()]).unwrap();
        let two = format!("# comment\n{}\n{}", key.cert.pem(), key.cert.pem());
        assert!(build(two.as_bytes()).is_ok());
    }

    #[test]
    fn an_unusable_trust_store_says_what_is_wrong_and_how_to_mend_it() {
        for (contents, words) in [
            (&b"\xfe\xed\xfe\xed\x00"[..], "Java key store"),
            (b"\x30\x82\x01\x00", "PKCS#12 or DER"),
            (b"nothing", "holds no certificate"),
            (b"-----BEGIN CERTIFICATE-----\nAA", "damaged"),
            (b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "check its certificates"),
        ] {
            let message = build(contents).unwrap_err();
            assert!(message.contains(words), "{message}");
        }
        let config = TlsConfig { trust_store: Some("/nowhere/ca.pem".into()) };
        let error = http_client(&config, Duration::from_secs(1), Duration::from_secs(1)).unwrap_err().to_string();
        assert!(error.contains("/nowhere/ca.pem") && error.contains("readable PEM file"), "{error}");
    }
}
