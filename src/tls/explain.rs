//! Words for what can go wrong between two sides of a TLS connection: what it is, and how to mend it.

use std::borrow::Cow;
use std::error::Error;
use std::io;

use rustls::{AlertDescription, CertificateError, PeerIncompatible};

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
    let remedy: Cow<'static, str> = match error {
        rustls::Error::InvalidCertificate(problem) => remedy(problem),
        rustls::Error::InvalidMessage(_) => "the server does not speak TLS here; is the address http?".into(),
        rustls::Error::PeerIncompatible(problem) => incompatible(problem).into(),
        rustls::Error::AlertReceived(alert) => complaint(*alert).into(),
        _ => return error.to_string(),
    };
    // The remedy first: what comes after may be cut.
    format!("{remedy} ({error})")
}

#[expect(clippy::wildcard_enum_match_arm, reason = "an enum of rustls: only what has a remedy is named")]
fn remedy(problem: &CertificateError) -> Cow<'static, str> {
    let fixed = match problem {
        CertificateError::UnknownIssuer => {
            "the server's certificate is self-signed or from an authority that is not trusted here, or the server does not \
             send the certificates in between; put the authority's certificate into tls.trust_store"
        }
        CertificateError::NotValidForNameContext { presented, .. } => return other_host(presented),
        CertificateError::NotValidForName => {
            "the server's certificate is for another host; connect to a name that it carries, or set tls.server_name"
        }
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            "the server's certificate has expired; renew it there, or check the clock here"
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "the server's certificate is not valid yet; check the clocks"
        }
        CertificateError::Revoked => "the server's certificate was revoked; replace it there",
        CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => {
            "the certificate is not one for servers (extended key usage serverAuth); replace it there"
        }
        CertificateError::BadSignature => {
            "the signature is not that of the authority in tls.trust_store; is that a former one of the same name?"
        }
        CertificateError::UnsupportedSignatureAlgorithmContext { .. }
        | CertificateError::UnsupportedSignatureAlgorithmForPublicKeyContext { .. } => {
            "the certificate is signed in a way that is not accepted (SHA-1, or a key that is too short); replace it there"
        }
        CertificateError::Other(_) => {
            "the server's certificate cannot be accepted; if it is self-signed, put this very certificate into \
             tls.trust_store"
        }
        _ => "the server's certificate cannot be accepted",
    };
    fixed.into()
}

fn other_host(presented: &[String]) -> Cow<'static, str> {
    if presented.is_empty() {
        return "the server's certificate names no host in its subjectAltName, where it has to; issue it anew".into();
    }
    let names: Vec<&str> = presented.iter().take(NAMES_SHOWN).map(String::as_str).collect();
    format!(
        "the server's certificate is for another host; connect to a name that it carries ({}), or set tls.server_name",
        names.join(", ")
    )
    .into()
}

/// Names in a certificate that are shown; some carry hundreds.
const NAMES_SHOWN: usize = 5;

#[expect(clippy::wildcard_enum_match_arm, reason = "an enum of rustls: only what has a remedy is named")]
const fn incompatible(problem: &PeerIncompatible) -> &'static str {
    match problem {
        PeerIncompatible::ServerDoesNotSupportTls12Or13
        | PeerIncompatible::ServerTlsVersionIsDisabledByOurConfig
        | PeerIncompatible::Tls12NotOffered
        | PeerIncompatible::Tls12NotOfferedOrEnabled => {
            "the server speaks only an older TLS; enable TLS 1.2 or 1.3 there, at least tls.min_version"
        }
        _ => "the server wants something that is not spoken here; update its TLS settings",
    }
}

/// What the other side complains about.
#[expect(clippy::wildcard_enum_match_arm, reason = "an enum of rustls: only what has a remedy is named")]
const fn complaint(alert: AlertDescription) -> &'static str {
    match alert {
        AlertDescription::CertificateRequired => {
            "the server wants a client certificate; set tls.certificate_file and tls.key_file"
        }
        AlertDescription::UnknownCA
        | AlertDescription::BadCertificate
        | AlertDescription::CertificateUnknown
        | AlertDescription::AccessDenied
        | AlertDescription::UnsupportedCertificate => {
            "the server does not accept the client certificate; check tls.certificate_file and whom the server trusts"
        }
        AlertDescription::CertificateExpired => "the client certificate has expired; renew it in tls.certificate_file",
        AlertDescription::CertificateRevoked => {
            "the client certificate was revoked; replace it in tls.certificate_file"
        }
        AlertDescription::ProtocolVersion => {
            "the server does not speak this version of TLS; enable TLS 1.2 or 1.3 there, at least tls.min_version"
        }
        AlertDescription::HandshakeFailure | AlertDescription::InsufficientSecurity => {
            "the two sides have no cipher in common, or the server wants a client certificate; enable modern ciphers \
             there, or set tls.certificate_file"
        }
        AlertDescription::UnrecognisedName => {
            "the server does not know the name of the host; connect to a name that it knows"
        }
        _ => "the server ended the handshake; its log says why",
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
