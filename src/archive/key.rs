//! The keys that sign an archive: Ed25519, named as <https://c2sp.org/signed-note> names them.
//!
//! A public key is one line, `name+id+base64`, where the id is made of name and key: so a key is not taken for another one. A private
//! key is PKCS#8 in PEM, as `openssl genpkey -algorithm ed25519` writes it, so it can be made and kept with common tools; the name comes
//! from the configuration.

use std::fmt;

use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use super::{hex, sha256};

/// How signed notes call an Ed25519 key.
const ALGORITHM: u8 = 1;
const KEY_BYTES: usize = 32;

#[derive(Clone, PartialEq, Eq, Hash)]
pub struct PublicKey {
    name: String,
    bytes: [u8; KEY_BYTES],
}

/// What is wrong with a key.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{0}")]
pub struct KeyError(String);

impl PublicKey {
    /// # Errors
    /// The text is no public key of ours, or its id does not fit.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        let text = text.trim();
        if text.contains("PRIVATE KEY") {
            return Err(KeyError("this is a private key: give the file that ends in `.pub`".to_owned()));
        }
        let wrong = || KeyError("this is not a public key: it has the form `name+id+base64`, on one line".to_owned());
        // The base64 text may hold a plus, the name may not.
        let mut parts = text.splitn(3, '+');
        let (Some(name), Some(id), Some(encoded)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(wrong());
        };
        let bytes = STANDARD.decode(encoded).map_err(|_| wrong())?;
        let Some((&ALGORITHM, bytes)) = bytes.split_first() else { return Err(wrong()) };
        let key = Self::new(name, bytes.try_into().map_err(|_| wrong())?)?;
        if hex(&key.id()) == id {
            Ok(key)
        } else {
            Err(KeyError("the id of this public key does not fit it".to_owned()))
        }
    }

    fn new(name: &str, bytes: [u8; KEY_BYTES]) -> Result<Self, KeyError> {
        check_name(name)?;
        Ok(Self { name: name.to_owned(), bytes })
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    /// The first four bytes of SHA-256 over name, line break, algorithm and key.
    pub fn id(&self) -> [u8; 4] {
        let hash = sha256(&[self.name.as_bytes(), &[b'\n', ALGORITHM], &self.bytes].concat());
        [hash[0], hash[1], hash[2], hash[3]]
    }

    pub(super) fn verify(&self, text: &[u8], signature: &[u8]) -> bool {
        UnparsedPublicKey::new(&ED25519, &self.bytes).verify(text, signature).is_ok()
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let encoded = STANDARD.encode([&[ALGORITHM], &self.bytes[..]].concat());
        write!(f, "{}+{}+{encoded}", self.name, hex(&self.id()))
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl serde::Serialize for PublicKey {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for PublicKey {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

/// Names are seen in notes and in file names: no white space, no plus.
///
/// # Errors
/// What is wrong with the name.
pub fn check_name(name: &str) -> Result<(), KeyError> {
    let fits = |c: char| !c.is_whitespace() && !c.is_control() && c != '+';
    if name.is_empty() || name.len() > 128 || !name.chars().all(fits) {
        return Err(KeyError("a key's name has 1 to 128 characters, and neither white space nor `+`".to_owned()));
    }
    Ok(())
}

/// A private key, and the public one that belongs to it.
pub struct SigningKey {
    pair: Ed25519KeyPair,
    public: PublicKey,
}

impl SigningKey {
    /// A new key; exists in memory only.
    ///
    /// # Errors
    /// The name is none, or there is no randomness.
    pub fn generate(name: &str) -> Result<Self, KeyError> {
        let pair = Ed25519KeyPair::generate().map_err(|_| KeyError("the system gives no randomness".to_owned()))?;
        Self::of(name, pair)
    }

    /// Reads PKCS#8 in PEM.
    ///
    /// # Errors
    /// What the text is instead.
    pub fn from_pem(name: &str, pem: &str) -> Result<Self, KeyError> {
        let body = pem_body(pem)?;
        let pair = Ed25519KeyPair::from_pkcs8(&body).map_err(|_| {
            KeyError("the private key is not of the kind Ed25519: make one with `auditferry archive keygen`".to_owned())
        })?;
        Self::of(name, pair)
    }

    fn of(name: &str, pair: Ed25519KeyPair) -> Result<Self, KeyError> {
        let bytes = pair.public_key().as_ref().try_into();
        let bytes = bytes.map_err(|_| KeyError("the public key has not 32 bytes".to_owned()))?;
        Ok(Self { public: PublicKey::new(name, bytes)?, pair })
    }

    pub fn public(&self) -> &PublicKey {
        &self.public
    }

    pub(super) fn sign(&self, text: &[u8]) -> Vec<u8> {
        self.pair.sign(text).as_ref().to_vec()
    }

    /// PKCS#8 in PEM.
    ///
    /// # Errors
    /// The key cannot be written down.
    pub fn to_pem(&self) -> Result<Zeroizing<String>, KeyError> {
        let der = self.pair.to_pkcs8v1().map_err(|_| KeyError("the key cannot be written down".to_owned()))?;
        let mut pem = Zeroizing::new(String::from(BEGIN));
        pem.push('\n');
        pem.push_str(&Zeroizing::new(STANDARD.encode(&der)));
        pem.push_str("\n-----END PRIVATE KEY-----\n");
        Ok(pem)
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({}, ***)", self.public)
    }
}

const BEGIN: &str = "-----BEGIN PRIVATE KEY-----";

fn pem_body(pem: &str) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    let wrong = |what: &str| {
        KeyError(format!(
            "this is {what}, not a private key (PKCS#8 in PEM): make one with `auditferry archive keygen`"
        ))
    };
    if pem.contains("BEGIN ENCRYPTED PRIVATE KEY") {
        return Err(wrong("an encrypted key"));
    }
    if pem.contains("BEGIN PUBLIC KEY") || PublicKey::parse(pem).is_ok() {
        return Err(wrong("a public key"));
    }
    let (_, rest) = pem.split_once(BEGIN).ok_or_else(|| wrong("some other text"))?;
    let (body, _) = rest.split_once("-----END").ok_or_else(|| wrong("a key without an end"))?;
    let body: Zeroizing<String> = Zeroizing::new(body.split_whitespace().collect());
    STANDARD.decode(body.as_bytes()).map(Zeroizing::new).map_err(|_| wrong("text that is no base64"))
}

#[cfg(test)]
pub(crate) mod testing {
    use super::*;

    /// The same key each time.
    pub(crate) fn key(name: &str, seed: u8) -> SigningKey {
        SigningKey::of(name, Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).unwrap()).unwrap()
    }
}

#[cfg(test)]
mod tests {
    use super::testing::key;
    use super::*;

    #[test]
    fn keys_are_read_back_from_their_texts() {
        let generated = SigningKey::generate("acme/2026").unwrap();
        let read = SigningKey::from_pem("acme/2026", &generated.to_pem().unwrap()).unwrap();
        assert_eq!(read.public(), generated.public());
        let public = PublicKey::parse(&format!("{}\n", generated.public())).unwrap();
        assert!(public.verify(b"text", &read.sign(b"text")));
        assert!(!public.verify(b"texu", &read.sign(b"text")));
    }

    #[test]
    fn a_public_key_is_named_as_the_checksum_database_of_go_names_its_own() {
        // From https://go.dev/ref/mod#checksum-database: the key that every Go toolchain carries.
        let text = "sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8";
        let key = PublicKey::parse(text).unwrap();
        assert_eq!((key.to_string().as_str(), key.name()), (text, "sum.golang.org"));
    }

    #[test]
    fn what_is_no_key_is_named() {
        let ours = key("acme", 1);
        let (pem, public) = (ours.to_pem().unwrap(), ours.public().to_string());
        let refused = |text: &str| SigningKey::from_pem("acme", text).map(drop).unwrap_err().to_string();
        assert!(refused(&public).contains("a public key"), "{}", refused(&public));
        assert!(refused("hello").contains("some other text"));
        assert!(refused(&pem.replace("PRIVATE", "ENCRYPTED PRIVATE")).contains("an encrypted key"));
        assert!(refused(&pem[..40]).contains("without an end"));
        let other = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VuBCIEIGdqMTcLDLjEaK4VLTfpr8vFZkQAIzEYdvVF4AmDQTWt\n-----END PRIVATE KEY-----\n";
        assert!(refused(other).contains("Ed25519"), "{}", refused(other));
        assert!(PublicKey::parse(&pem).unwrap_err().to_string().contains("private"));
        assert!(PublicKey::parse("acme").is_err());
        let another_id = public.replacen(&hex(&ours.public().id()), "00000000", 1);
        assert!(PublicKey::parse(&another_id).unwrap_err().to_string().contains("id"));
        for name in ["", "a b", "a+b", "a\nb"] {
            assert!(SigningKey::generate(name).is_err(), "{name:?}");
        }
        assert_eq!(format!("{ours:?}"), format!("SigningKey({public}, ***)"));
    }
}
