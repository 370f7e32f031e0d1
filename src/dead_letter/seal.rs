//! Letters of events that could not be redacted: encrypted for somebody, or reduced to where the record lies.
//!
//! - Encryption is HPKE (RFC 9180) with X25519, HKDF-SHA256 and AES-256-GCM, one key agreement per letter. Whoever writes
//!   letters has the public key and cannot read them.
//! - The position is bound to the ciphertext: under another letter's name it cannot be opened.
//! - Key, headers and value are encrypted together; position, time, reason and size stay readable.

use std::borrow::Cow;
use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use jiff::Timestamp;
use rustls::crypto::aws_lc_rs::hpke::DH_KEM_X25519_HKDF_SHA256_AES_256 as SUITE;
use rustls::crypto::hpke::{EncapsulatedSecret, Hpke, HpkePrivateKey, HpkePublicKey};

use super::config::UnclearLetters;
use super::letter_json;
use crate::delivery::attempt::Failure;
use crate::delivery::letter::{Content, Letter};
use crate::reason::Reason;
use crate::secret::Secret;

/// What the two keys begin with, so that nobody takes one for the other.
const PUBLIC: &str = "auditferry-public-";
const PRIVATE: &str = "auditferry-private-";
const KEY_BYTES: usize = 32;

/// What the ciphertext is for, bound to it.
const PURPOSE: &[u8] = b"auditferry dead letter";
/// What a sealed value begins with.
const SEALED: &str = "sealed1.";

/// Encrypts letters.
#[derive(Clone, PartialEq, Eq)]
pub struct PublicKey(Vec<u8>);

/// Decrypts letters.
pub struct PrivateKey(Secret);

impl PublicKey {
    /// # Errors
    /// What is wrong with the text.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.starts_with(PRIVATE) {
            return Err("this is a private key, which belongs to whoever may read the letters".to_owned());
        }
        let key =
            text.strip_prefix(PUBLIC).and_then(|key| BASE64.decode(key).ok()).filter(|key| key.len() == KEY_BYTES);
        key.map(Self).ok_or_else(|| "this is not a public key for letters".to_owned())
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{PUBLIC}{}", BASE64.encode(&self.0))
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl PrivateKey {
    /// # Errors
    /// What is wrong with the text.
    pub fn parse(text: &Secret) -> Result<Self, String> {
        if text.expose().starts_with(PUBLIC) {
            return Err("this is the public key; the private one is needed to open letters".to_owned());
        }
        let key = text.expose().strip_prefix(PRIVATE).and_then(|key| BASE64.decode(key).ok());
        match key {
            Some(key) if key.len() == KEY_BYTES => Ok(Self(text.clone())),
            Some(_) | None => Err("this is not a private key for letters".to_owned()),
        }
    }

    fn bytes(&self) -> Vec<u8> {
        let encoded = self.0.expose().strip_prefix(PRIVATE).unwrap_or_default();
        BASE64.decode(encoded).unwrap_or_default()
    }

    /// The letter with the content that was encrypted into it.
    ///
    /// # Errors
    /// It was encrypted for another key, or changed since.
    pub fn open(&self, letter: &Letter) -> Result<Letter, String> {
        let sealed = letter.value.as_deref().and_then(|value| std::str::from_utf8(value).ok()).unwrap_or_default();
        let parts = sealed.strip_prefix(SEALED).and_then(|rest| rest.split_once('.'));
        let parts = parts.and_then(|(secret, text)| Some((BASE64.decode(secret).ok()?, BASE64.decode(text).ok()?)));
        let (secret, text) = parts.ok_or("it is damaged: what it holds is no encrypted letter")?;
        let key = HpkePrivateKey::from(self.bytes());
        let opened = SUITE.open(&EncapsulatedSecret(secret), PURPOSE, &place(letter), &text, &key);
        let opened = opened.map_err(|_| "it cannot be opened: it was encrypted for another key, or changed since")?;
        let inner = letter_json::decode(&opened)?.letter;
        Ok(Letter { failure: letter.failure.clone(), ..inner })
    }
}

/// A private key for whoever may read letters, as text for a file, and the public key for the configuration.
///
/// # Errors
/// The system has no random numbers.
pub fn new_keys() -> Result<(Secret, PublicKey), String> {
    let (public, private) = SUITE.generate_key_pair().map_err(|error| error.to_string())?;
    let private = format!("{PRIVATE}{}", BASE64.encode(private.secret_bytes()));
    Ok((Secret::new(private), PublicKey(public.0)))
}

/// The letters as they may be stored.
///
/// # Errors
/// A letter could not be encrypted; none is stored.
pub(super) fn guarded<'l>(letters: &'l [Letter], unclear: &UnclearLetters) -> Result<Cow<'l, [Letter]>, Failure> {
    if letters.iter().all(|letter| letter.content != Content::Unclear) {
        return Ok(Cow::Borrowed(letters));
    }
    letters.iter().map(|letter| guard(letter, unclear)).collect::<Result<Vec<_>, _>>().map(Cow::Owned)
}

fn guard(letter: &Letter, unclear: &UnclearLetters) -> Result<Letter, Failure> {
    if letter.content != Content::Unclear {
        return Ok(letter.clone());
    }
    let without = |value, content| Letter { key: None, headers: Vec::new(), value, content, ..letter.clone() };
    match unclear {
        UnclearLetters::Keep => Ok(letter.clone()),
        UnclearLetters::Withhold => Ok(without(None, Content::Withheld)),
        UnclearLetters::Encrypt(key) => {
            let text = letter_json::encode("", Timestamp::UNIX_EPOCH, letter);
            let sealed = SUITE.seal(PURPOSE, &place(letter), &text, &HpkePublicKey(key.0.clone()));
            let (secret, text) = sealed
                .map_err(|error| Failure::new(Reason::DeadLetterStore, format!("cannot encrypt a letter: {error}")))?;
            let value = format!("{SEALED}{}.{}", BASE64.encode(secret.0), BASE64.encode(text));
            Ok(without(Some(value.into_bytes()), Content::Encrypted))
        }
    }
}

/// Where the record lies, as bytes that the ciphertext is bound to.
fn place(letter: &Letter) -> Vec<u8> {
    format!("{}\n{}\n{}", letter.topic, letter.partition, letter.offset).into_bytes()
}

#[cfg(test)]
mod tests {
    use super::super::letter_json::tests::letters;
    use super::*;
    use proptest::prelude::*;

    const CANARY: &str = "c4n4ry-of-the-event";

    fn unclear(letter: Letter) -> Letter {
        Letter { content: Content::Unclear, value: Some(format!("not JSON: {CANARY}").into_bytes()), ..letter }
    }

    fn keys() -> (PrivateKey, PublicKey) {
        let (private, public) = new_keys().expect("random numbers");
        (PrivateKey::parse(&private).expect("its own"), PublicKey::parse(&public.to_string()).expect("its own"))
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(50))]
        #[test]
        fn an_encrypted_letter_comes_back_for_who_has_the_key_and_for_nobody_else(letter in letters()) {
            let letter = unclear(letter);
            let (private, public) = keys();
            let sealed = guarded(std::slice::from_ref(&letter), &UnclearLetters::Encrypt(public)).expect("sealed").into_owned().remove(0);
            prop_assert_eq!(sealed.content, Content::Encrypted);
            prop_assert!(sealed.key.is_none() && sealed.headers.is_empty());
            let text = String::from_utf8(letter_json::encode("p", Timestamp::UNIX_EPOCH, &sealed)).expect("text");
            prop_assert!(!text.contains(CANARY));
            prop_assert_eq!(private.open(&sealed), Ok(letter));
            prop_assert!(keys().0.open(&sealed).is_err(), "another key");
            let moved = Letter { offset: crate::position::Offset::new(sealed.offset.get() ^ 1), ..sealed.clone() };
            prop_assert!(private.open(&moved).is_err(), "under another name");
            let mut damaged = sealed;
            damaged.value.as_mut().expect("sealed").pop();
            prop_assert!(private.open(&damaged).is_err());
        }

        #[test]
        fn a_withheld_letter_holds_where_the_record_lies_and_nothing_of_it(letter in letters()) {
            let letter = unclear(letter);
            let withheld = guarded(std::slice::from_ref(&letter), &UnclearLetters::Withhold).expect("nothing to fail").into_owned().remove(0);
            let expected = Letter { key: None, headers: Vec::new(), value: None, content: Content::Withheld, ..letter };
            prop_assert_eq!(withheld, expected);
        }

        #[test]
        fn only_letters_of_what_could_not_be_redacted_are_guarded(letter in letters()) {
            prop_assume!(letter.content != Content::Unclear);
            for unclear in [UnclearLetters::Withhold, UnclearLetters::Encrypt(keys().1), UnclearLetters::Keep] {
                let guarded = guarded(std::slice::from_ref(&letter), &unclear).expect("nothing to fail");
                prop_assert_eq!(guarded.as_ref(), std::slice::from_ref(&letter));
            }
        }
    }

    #[test]
    fn the_two_keys_are_not_taken_for_each_other() {
        let (private, public) = new_keys().expect("random numbers");
        assert!(PublicKey::parse(private.expose()).expect_err("private").contains("private"));
        assert!(PrivateKey::parse(&Secret::new(public.to_string())).err().expect("public").contains("public"));
        for broken in ["", "auditferry-public-", "auditferry-public-AAAA", "x"] {
            assert!(PublicKey::parse(broken).is_err(), "{broken}");
        }
    }
}
