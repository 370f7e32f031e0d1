//! Reads the trusted certificates of a Java key store (JKS), the format of `keytool` before Java 9.
//!
//! The layout is that of `sun.security.provider.JavaKeyStore`: big-endian, a magic number, a version, the number of entries,
//! the entries, and a SHA-1 digest over the password and everything before it. The digest is no proof of origin, because
//! SHA-1 with a shared password is weak; it tells a damaged file from a whole one, and a wrong password.
//!
//! Lengths in the file are not believed: nothing is allocated from them, and what they reach over must be there.

use sha1::{Digest, Sha1};

use super::store::Problem;
use crate::secret::Secret;

pub(super) const MAGIC: [u8; 4] = [0xfe, 0xed, 0xfe, 0xed];

/// Put between the password and the content when the digest is made.
const WHITENER: &[u8] = b"Mighty Aphrodite";

const DIGEST_LEN: usize = 20;

const PRIVATE_KEY: u32 = 1;
const TRUSTED_CERTIFICATE: u32 = 2;

/// What a key store holds.
#[derive(Default)]
pub(super) struct Contents {
    /// Certificates that are trusted as authorities.
    pub(super) trusted: Vec<Vec<u8>>,
    /// Private keys; their certificates say who the owner is, not whom to trust.
    pub(super) keys: usize,
}

/// Reads a store that begins with [`MAGIC`]. Without a password the digest is not looked at, as in Java.
///
/// # Errors
/// The store is cut short, damaged, of another version, or the password is wrong.
pub(super) fn read(bytes: &[u8], password: Option<&Secret>) -> Result<Contents, Problem> {
    let body = bytes.len().checked_sub(DIGEST_LEN).and_then(|end| bytes.get(..end)).ok_or_else(cut_short)?;
    let mut rest = Rest(body.get(MAGIC.len()..).ok_or_else(cut_short)?);
    let version = rest.number()?;
    if !matches!(version, 1 | 2) {
        let words = format!("it is a Java key store of version {version}, and only 1 and 2 are known");
        return Err(Problem::new(words, "convert it with `keytool -importkeystore -deststoretype pkcs12`"));
    }
    let entries = rest.number()?;
    let mut contents = Contents::default();
    for _ in 0..entries {
        read_entry(&mut rest, version, &mut contents)?;
    }
    if !rest.0.is_empty() {
        return Err(damaged());
    }
    let digest = bytes.get(body.len()..).unwrap_or_default();
    match password {
        Some(password) if digest_of(password, body).as_slice() != digest => Err(Problem::new(
            "the password is wrong, or the file was changed after it was written",
            "check tls.trust_store_password with `keytool -list -keystore FILE`",
        )),
        Some(_) | None => Ok(contents),
    }
}

fn read_entry(rest: &mut Rest<'_>, version: u32, contents: &mut Contents) -> Result<(), Problem> {
    let kind = rest.number()?;
    let alias = rest.short()?;
    rest.skip(alias.into())?;
    let timestamp_len = 8;
    rest.skip(timestamp_len)?;
    match kind {
        TRUSTED_CERTIFICATE => contents.trusted.push(read_certificate(rest, version)?.to_vec()),
        PRIVATE_KEY => {
            rest.block()?;
            for _ in 0..rest.number()? {
                read_certificate(rest, version)?;
            }
            contents.keys += 1;
        }
        _ => return Err(damaged()),
    }
    Ok(())
}

fn read_certificate<'a>(rest: &mut Rest<'a>, version: u32) -> Result<&'a [u8], Problem> {
    if version == 2 {
        // The kind of certificate. Only X.509 was ever written; anything else fails when it is parsed.
        let kind = rest.short()?;
        rest.skip(kind.into())?;
    }
    rest.block()
}

fn digest_of(password: &Secret, body: &[u8]) -> [u8; DIGEST_LEN] {
    let mut digest = Sha1::new();
    for unit in password.expose().encode_utf16() {
        digest.update(unit.to_be_bytes());
    }
    digest.update(WHITENER);
    digest.update(body);
    digest.finalize().into()
}

fn cut_short() -> Problem {
    Problem::new("it is a Java key store that is cut short", "copy it again from its source")
}

fn damaged() -> Problem {
    Problem::new("it is a Java key store that is damaged", "copy it again from its source")
}

/// What is still to be read.
struct Rest<'a>(&'a [u8]);

impl<'a> Rest<'a> {
    fn take(&mut self, count: usize) -> Result<&'a [u8], Problem> {
        let (taken, rest) = self.0.split_at_checked(count).ok_or_else(cut_short)?;
        self.0 = rest;
        Ok(taken)
    }

    fn skip(&mut self, count: usize) -> Result<(), Problem> {
        self.take(count).map(|_| ())
    }

    fn short(&mut self) -> Result<u16, Problem> {
        let (bytes, rest) = self.0.split_first_chunk().ok_or_else(cut_short)?;
        self.0 = rest;
        Ok(u16::from_be_bytes(*bytes))
    }

    fn number(&mut self) -> Result<u32, Problem> {
        let (bytes, rest) = self.0.split_first_chunk().ok_or_else(cut_short)?;
        self.0 = rest;
        Ok(u32::from_be_bytes(*bytes))
    }

    /// Bytes that are preceded by their number.
    fn block(&mut self) -> Result<&'a [u8], Problem> {
        let count = usize::try_from(self.number()?).map_err(|_| cut_short())?;
        self.take(count)
    }
}
