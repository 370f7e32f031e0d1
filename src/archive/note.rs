//! Signed notes: a text and the signatures under it, as <https://c2sp.org/signed-note> has them.
//!
//! ```text
//! {"v":1, …}                                  the text: whole lines
//!                                             an empty line
//! — acme-audit 3q2+7w…                        one line per signature: name, and key id and signature in base64
//! ```
//!
//! What is signed is the text as it is stored, to its last line break; so nothing has to be brought into a canonical form. Signatures of
//! unknown keys are passed over, so that others may add theirs.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::key::{PublicKey, SigningKey};

/// The longest note that is read; links and digests are far shorter.
pub const NOTE_MAX_BYTES: usize = 1 << 20;

/// As many signatures under one note are looked at.
const SIGNATURES_MAX: usize = 16;

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Note {
    /// Ends in a line break.
    text: String,
    signatures: Vec<Signature>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
struct Signature {
    name: String,
    key_id: [u8; 4],
    bytes: Vec<u8>,
}

/// Why something is no signed note.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("not a signed note: {0}")]
pub struct Malformed(&'static str);

/// Why a note proves nothing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Unproven {
    /// No signature is by a key that is trusted.
    UnknownKey,
    /// A trusted key is named, and its signature is of something else.
    BadSignature,
}

/// The bytes of a note: `text`, which is one line without its line break, signed with `key`.
pub fn sign(text: &str, key: &SigningKey) -> Vec<u8> {
    debug_assert!(!text.contains('\n') && !text.is_empty(), "the text is one line");
    let text = format!("{text}\n");
    let mut signed = key.public().id().to_vec();
    signed.extend_from_slice(&key.sign(text.as_bytes()));
    format!("{text}\n\u{2014} {} {}\n", key.public().name(), STANDARD.encode(signed)).into_bytes()
}

impl Note {
    /// # Errors
    /// The bytes have not the form of a signed note.
    pub fn parse(bytes: &[u8]) -> Result<Self, Malformed> {
        if bytes.len() > NOTE_MAX_BYTES {
            return Err(Malformed("it is too long"));
        }
        let whole = std::str::from_utf8(bytes).map_err(|_| Malformed("it is not UTF-8"))?;
        if whole.chars().any(|c| c.is_ascii_control() && c != '\n') {
            return Err(Malformed("it holds control characters"));
        }
        let at = whole.rfind("\n\n").ok_or(Malformed("it has no signature"))?;
        let (text, signatures) = (&whole[..=at], &whole[at + 2..]);
        if !signatures.ends_with('\n') {
            return Err(Malformed("its last line is not complete"));
        }
        let signatures: Result<Vec<_>, _> = signatures.lines().map(Signature::parse).collect();
        match signatures? {
            none if none.is_empty() => Err(Malformed("it has no signature")),
            many if many.len() > SIGNATURES_MAX => Err(Malformed("it has too many signatures")),
            signatures => Ok(Self { text: text.to_owned(), signatures }),
        }
    }

    /// The text, with its last line break.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Proves that one of `keys` signed the text; returns which.
    ///
    /// # Errors
    /// None has.
    pub fn verify<'k>(&self, keys: impl IntoIterator<Item = &'k PublicKey>) -> Result<&'k PublicKey, Unproven> {
        let mut known = false;
        for key in keys {
            let by_key = |s: &&Signature| s.key_id == key.id() && s.name == key.name();
            for signature in self.signatures.iter().filter(by_key) {
                known = true;
                if key.verify(self.text.as_bytes(), &signature.bytes) {
                    return Ok(key);
                }
            }
        }
        Err(if known { Unproven::BadSignature } else { Unproven::UnknownKey })
    }

    /// The names of those who have signed, proven or not.
    pub fn signers(&self) -> impl Iterator<Item = &str> {
        self.signatures.iter().map(|signature| signature.name.as_str())
    }
}

impl Signature {
    fn parse(line: &str) -> Result<Self, Malformed> {
        const FORM: Malformed = Malformed("a line below the empty one is no signature");
        let (name, encoded) = line.strip_prefix("\u{2014} ").and_then(|rest| rest.split_once(' ')).ok_or(FORM)?;
        let bytes = STANDARD.decode(encoded).map_err(|_| FORM)?;
        let (key_id, bytes) = bytes.split_first_chunk::<4>().filter(|(_, rest)| !rest.is_empty()).ok_or(FORM)?;
        if name.is_empty() {
            return Err(FORM);
        }
        Ok(Self { name: name.to_owned(), key_id: *key_id, bytes: bytes.to_vec() })
    }
}

#[cfg(test)]
mod tests {
    use super::super::key::testing::key;
    use super::*;

    #[test]
    fn a_signed_note_is_read_back_and_proven() {
        let key = key("acme", 1);
        let bytes = sign(r#"{"v":1}"#, &key);
        let note = Note::parse(&bytes).unwrap();
        assert_eq!(note.text(), "{\"v\":1}\n");
        assert_eq!(note.verify([key.public()]), Ok(key.public()));
        assert_eq!(note.signers().collect::<Vec<_>>(), ["acme"]);
    }

    #[test]
    fn a_changed_text_or_another_key_proves_nothing() {
        let (ours, other) = (key("acme", 1), key("acme", 2));
        let text = String::from_utf8(sign(r#"{"v":1}"#, &ours)).unwrap();
        let changed = Note::parse(text.replace(":1", ":2").as_bytes()).unwrap();
        assert_eq!(changed.verify([ours.public()]), Err(Unproven::BadSignature));
        let note = Note::parse(text.as_bytes()).unwrap();
        assert_eq!(note.verify([other.public()]), Err(Unproven::UnknownKey));
        assert_eq!(note.verify([key("else", 1).public()]), Err(Unproven::UnknownKey), "the name is part of the key");
        assert_eq!(note.verify([other.public(), ours.public()]), Ok(ours.public()));
    }

    #[test]
    fn a_second_signature_changes_nothing() {
        let (ours, witness) = (key("acme", 1), key("witness", 2));
        let mut bytes = sign("text", &ours);
        let second = sign("text", &witness);
        let line = String::from_utf8(second).unwrap().lines().last().unwrap().to_owned();
        bytes.extend_from_slice(format!("{line}\n").as_bytes());
        let note = Note::parse(&bytes).unwrap();
        assert_eq!(note.verify([ours.public()]), Ok(ours.public()));
        assert_eq!(note.verify([witness.public()]), Ok(witness.public()));
    }

    #[test]
    fn what_is_no_note_is_refused() {
        let good = String::from_utf8(sign("text", &key("acme", 1))).unwrap();
        let signature = good.lines().last().unwrap();
        let cases = [
            String::new(),
            "text\n".into(),
            "text\n\n".into(),
            format!("text\n{signature}\n"),
            good.trim_end().to_owned(),
            good.replace('\u{2014}', "-"),
            good.replace("acme ", ""),
            format!("{good}more\n"),
            good.replace("text", "te\rxt"),
            format!("text\n\n{}", format!("{signature}\n").repeat(17)),
        ];
        for case in cases {
            assert!(Note::parse(case.as_bytes()).is_err(), "{case:?}");
        }
        assert!(Note::parse(b"\xff\n\n").is_err());
    }
}
