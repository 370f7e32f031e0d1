//! Reads trust stores: PEM, DER, PKCS#12 and JKS, told apart by their first bytes, never by the file's name.
//!
//! A store yields certificates of authorities; private keys in it are left alone. What is no trust store is refused by name,
//! with the command that makes one of it.

use std::borrow::Cow;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use super::config::TrustStore;
use super::jks::{self, Contents};
use super::{FileError, pkcs12};
use crate::defaults::RELOADED_FILE_MAX_BYTES;
use crate::secret::Secret;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Format {
    Pem,
    Der,
    Pkcs12,
    Jks,
}

impl Format {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pem => "PEM",
            Self::Der => "DER",
            Self::Pkcs12 => "PKCS#12",
            Self::Jks => "JKS",
        }
    }

    pub const fn has_password(self) -> bool {
        match self {
            Self::Pem | Self::Der => false,
            Self::Pkcs12 | Self::Jks => true,
        }
    }
}

/// The certificates of a trust store.
#[derive(Debug)]
pub struct Authorities {
    pub format: Format,
    /// At least one; each can be used.
    pub certificates: Vec<CertificateDer<'static>>,
    /// Why others in the store cannot be used.
    pub unusable: Vec<String>,
}

impl Authorities {
    /// All certificates as PEM text.
    pub fn to_pem(&self) -> String {
        use base64::Engine as _;
        let mut text = String::new();
        for certificate in &self.certificates {
            let encoded = base64::engine::general_purpose::STANDARD.encode(certificate);
            text.push_str("-----BEGIN CERTIFICATE-----\n");
            for line in encoded.as_bytes().chunks(64) {
                text.push_str(&String::from_utf8_lossy(line));
                text.push('\n');
            }
            text.push_str("-----END CERTIFICATE-----\n");
        }
        text
    }
}

/// What is wrong with the content of a file, and how to mend it.
#[derive(Debug)]
pub(super) struct Problem {
    pub(super) words: String,
    pub(super) remedy: Cow<'static, str>,
}

impl Problem {
    pub(super) fn new(words: impl Into<String>, remedy: impl Into<Cow<'static, str>>) -> Self {
        Self { words: words.into(), remedy: remedy.into() }
    }
}

/// Reads a trust store. Blocks.
///
/// # Errors
/// The file, or its password's, cannot be read, or it holds no certificate that can be used.
pub fn authorities(store: &TrustStore) -> Result<Authorities, FileError> {
    let wrong = |problem| FileError::new("trust store", &store.path, problem);
    let bytes = read_file(&store.path, "tls.trust_store must name a readable file").map_err(wrong)?;
    let password = match &store.password {
        None => None,
        Some(source) => Some(source.read().map_err(|error| {
            let remedy = "tls.trust_store_password must be readable, and one line";
            wrong(Problem::new(format!("its password: {error}"), remedy))
        })?),
    };
    usable(read(&bytes, password.as_ref()).map_err(wrong)?).map_err(wrong)
}

/// The content of a file that somebody named; a wrong name may mean a file without an end.
pub(super) fn read_file(path: &Path, remedy: &'static str) -> Result<Vec<u8>, Problem> {
    let mut bytes = Vec::new();
    let limit = RELOADED_FILE_MAX_BYTES.get();
    let read = File::open(path).and_then(|file| file.take(limit + 1).read_to_end(&mut bytes));
    match read {
        Err(error) => Err(Problem::new(format!("cannot read the file: {error}"), remedy)),
        Ok(_) if bytes.len() as u64 > limit => {
            Err(Problem::new(format!("it is larger than {RELOADED_FILE_MAX_BYTES}"), "name the file that was meant"))
        }
        Ok(_) => Ok(bytes),
    }
}

fn read(bytes: &[u8], password: Option<&Secret>) -> Result<(Format, Vec<Vec<u8>>), Problem> {
    let (format, contents) = match bytes {
        [] => return Err(Problem::new("it is empty", "put the authority's certificate into it")),
        [0xce, 0xce, 0xce, 0xce, ..] => return Err(foreign("a JCEKS key store")),
        [0, 0, 0, 1 | 2, 0, 0, 0, ..] => return Err(foreign("a BouncyCastle key store (BKS)")),
        _ if bytes.starts_with(&jks::MAGIC) => (Format::Jks, jks::read(bytes, password)?),
        [0x30, ..] => read_der(bytes, password)?,
        _ => (Format::Pem, Contents { trusted: read_pem(bytes)?, keys: 0 }),
    };
    if contents.trusted.is_empty() {
        return Err(nothing_trusted(contents.keys));
    }
    Ok((format, contents.trusted))
}

fn foreign(what: &str) -> Problem {
    let remedy = "convert it: `keytool -importkeystore -srckeystore FILE -srcstoretype TYPE -destkeystore NEW.p12 \
                  -deststoretype pkcs12`, and name the new file";
    Problem::new(format!("it is {what}, which is not read"), remedy)
}

fn nothing_trusted(keys: usize) -> Problem {
    if keys == 0 {
        let remedy = "add the authority: `keytool -importcert -file ca.pem -alias ca -keystore FILE`";
        return Problem::new("it holds no certificate", remedy);
    }
    let noun = if keys == 1 { "private key" } else { "private keys" };
    Problem::new(
        format!("it is a key store: it holds {keys} {noun} and no certificate of an authority"),
        "name the trust store, or add the authority: `keytool -importcert -file ca.pem -alias ca -keystore FILE`",
    )
}

/// ASN.1: a certificate begins with a sequence, a PKCS#12 store with its version, PKCS#7 with the identifier of its type.
fn read_der(bytes: &[u8], password: Option<&Secret>) -> Result<(Format, Contents), Problem> {
    let (inside, is_whole) = match bytes {
        [_, 0x80, inside @ ..] => (inside, true),
        [_, len @ 0..0x80, inside @ ..] => (inside, inside.len() >= usize::from(*len)),
        [_, count @ 0x81..=0x84, rest @ ..] => {
            let (len, inside) = rest.split_at_checked(usize::from(count - 0x80)).unwrap_or((rest, &[]));
            let declared = len.iter().fold(0, |sum, byte| sum * 256 + usize::from(*byte));
            (inside, inside.len() >= declared)
        }
        _ => (&[][..], false),
    };
    if !is_whole {
        return Err(Problem::new("it is cut short", "copy it again from its source"));
    }
    match inside {
        [0x02, 0x01, 0x03, ..] => Ok((Format::Pkcs12, pkcs12::read(bytes, password)?)),
        [0x02, ..] => Err(Problem::new("it is a private key", "name the file with the authority's certificate")),
        [0x06, ..] => Err(pkcs7()),
        _ => Ok((Format::Der, Contents { trusted: vec![bytes.to_vec()], keys: 0 })),
    }
}

fn pkcs7() -> Problem {
    let remedy =
        "convert it with `openssl pkcs7 -print_certs -in FILE -out ca.pem` (with `-inform der` if it is binary)";
    Problem::new("it is PKCS#7, which is not read", remedy)
}

fn read_pem(bytes: &[u8]) -> Result<Vec<Vec<u8>>, Problem> {
    // Editors on Windows put a mark before the first line, which would then not be seen.
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let text = String::from_utf8_lossy(bytes);
    let has = |label: &str| text.contains(&format!("-----BEGIN {label}-----"));
    if has("CERTIFICATE") {
        let certificates = CertificateDer::pem_slice_iter(bytes).map(|found| found.map(|der| der.to_vec()));
        return certificates.collect::<Result<_, _>>().map_err(|error| {
            Problem::new(format!("it is damaged or cut short ({error})"), "make it again from its source")
        });
    }
    Err(match () {
        () if has("TRUSTED CERTIFICATE") => Problem::new(
            "it holds OpenSSL's trusted certificates, which are not read",
            "convert each with `openssl x509 -in FILE -out ca.pem`",
        ),
        () if has("PKCS7") => pkcs7(),
        () if text.contains("PRIVATE KEY-----") => {
            Problem::new("it holds a private key and no certificate", "name the file with the authority's certificate")
        }
        () if text.contains("-----BEGIN ") => Problem::new(
            "it holds no certificate",
            "it needs at least one block that begins with `-----BEGIN CERTIFICATE-----`",
        ),
        () => Problem::new(
            "it is neither PEM nor DER, PKCS#12 nor JKS",
            "name a file with the authority's certificate, for example one that begins with `-----BEGIN CERTIFICATE-----`",
        ),
    })
}

/// Looks at every certificate: the client would refuse it later, without the name of the file.
fn usable((format, found): (Format, Vec<Vec<u8>>)) -> Result<Authorities, Problem> {
    let mut authorities = Authorities { format, certificates: Vec::with_capacity(found.len()), unusable: Vec::new() };
    for der in found {
        let certificate = CertificateDer::from(der);
        match RootCertStore::empty().add(certificate.clone()) {
            Ok(()) => authorities.certificates.push(certificate),
            Err(error) => authorities.unusable.push(error.to_string()),
        }
    }
    match (authorities.certificates.is_empty(), authorities.unusable.first()) {
        (true, Some(why)) => Err(Problem::new(why.as_str(), "check its certificates")),
        (true, None) | (false, _) => Ok(authorities),
    }
}
