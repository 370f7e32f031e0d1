//! The archive's format: what stands in the store, and how it proves that nothing is missing. `docs/archive-format.md` says the
//! same for people who read an archive without this program.
//!
//! Only whole, immutable objects are written, so an archive may lie in a bucket that refuses every change:
//!
//! - [`mod@line`]: a record as one line of JSON, its value's bytes unchanged where they are JSON.
//! - [`tree`]: one hash over all records of a segment, and the proof that one record is among them.
//! - [`link`]: what a partition's chain consists of. Each link names the one before it by its hash, and says of every offset whether
//!   it is stored or why it is not.
//! - [`note`] and [`key`]: signed texts, and the keys that sign them.
//! - [`digest`]: once an hour, where all chains stand.
//! - [`layout`]: the names of all objects.
//! - [`store`]: S3, Google Cloud Storage, Azure Blob Storage or a directory, behind one interface.
//! - [`chain`]: finding and reading the links of a partition.
//! - [`proof`]: that one record is in it.
//! - [`verify`]: whether all of it is as it was written.
//!
//! Nothing here decides when something is written: the sink does, and `verify` and `replay` only read.

pub mod chain;
pub mod digest;
pub mod key;
pub mod layout;
pub mod line;
pub mod link;
pub mod note;
pub mod proof;
pub mod store;
pub mod tree;
pub mod verify;

/// SHA-256.
pub type Hash = [u8; 32];

/// SHA-256 of `bytes`.
pub fn sha256(bytes: &[u8]) -> Hash {
    hash_of(&aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, bytes))
}

/// The bytes of a finished SHA-256.
pub(crate) fn hash_of(digest: &aws_lc_rs::digest::Digest) -> Hash {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest.as_ref());
    hash
}

/// Lower-case hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    bytes
        .iter()
        .flat_map(|byte| [DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]].map(char::from))
        .collect()
}

/// A hash from its 64 lower-case hexadecimal digits.
pub fn parse_hash(text: &str) -> Option<Hash> {
    let digit = |c: u8| match c {
        b'0'..=b'9' => Some(c - b'0'),
        b'a'..=b'f' => Some(c - b'a' + 10),
        _ => None,
    };
    let pairs = text.as_bytes().chunks_exact(2);
    if text.len() != 64 {
        return None;
    }
    let mut hash = [0; 32];
    for (byte, pair) in hash.iter_mut().zip(pairs) {
        *byte = digit(pair[0])? << 4 | digit(pair[1])?;
    }
    Some(hash)
}

/// A hash as it stands in JSON: 64 hexadecimal digits.
pub(crate) mod hex_hash {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    use super::Hash;

    pub(crate) fn serialize<S: Serializer>(hash: &Hash, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&super::hex(hash))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Hash, D::Error> {
        let text = String::deserialize(deserializer)?;
        super::parse_hash(&text).ok_or_else(|| D::Error::custom("not a hash of 64 hexadecimal digits"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hexadecimal_digits_are_read_back() {
        let hash = sha256(b"abc");
        assert_eq!(hex(&hash), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        assert_eq!(parse_hash(&hex(&hash)), Some(hash));
        for wrong in
            ["", "ba78", &hex(&hash).to_uppercase(), &format!("{}0", hex(&hash)), &hex(&hash).replace('b', "g")]
        {
            assert_eq!(parse_hash(wrong), None, "{wrong}");
        }
    }
}
