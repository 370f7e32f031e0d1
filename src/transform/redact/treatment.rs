//! What a value is replaced by.
//!
//! A pseudonym is made of what a value means, not of how it is written: e-mail addresses in small letters, IP addresses in
//! their shortest form, a principal without the word `User:` before it, everything decoded. So equal values have equal
//! pseudonyms wherever they stand, in the event and in what `auditferry pseudonym` prints.

use std::borrow::Cow;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use aws_lc_rs::hmac;

use super::find;
use crate::secret::Secret;

/// How values are made unreadable.
#[derive(Clone, Debug)]
pub enum Treatment {
    /// The member disappears, or the element of an array; a part of a text is cut out.
    Drop,
    /// The shape stays: letters become `x`, digits become `0`.
    Mask {
        /// This many characters at the end stay, of values that are more than twice as long.
        keep_last: usize,
    },
    /// An IP address becomes its network: /24, or /48 for IPv6. Anything else is masked.
    Truncate,
    /// A fixed text; `{length}` in it is the number of characters.
    Replace(String),
    Hmac(Box<Keys>),
}

/// The keys of pseudonyms.
#[derive(Clone, Debug)]
pub struct Keys {
    pub current: Key,
    /// The one before: not used for events, only to look up what was written with it.
    pub previous: Option<Key>,
}

/// A key of pseudonyms, and what it is called in them.
#[derive(Clone)]
pub struct Key {
    id: String,
    key: hmac::Key,
}

/// Bits of the digest in a pseudonym: two among 30 million values have the same with a probability below 10^-15.
const DIGEST_BITS: usize = 100;
const ID_BITS: usize = 25;

impl Key {
    /// Without a name, the key gets one that is derived from it, so that another key has another name.
    pub fn new(secret: &Secret, id: Option<&str>) -> Self {
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret.expose().as_bytes());
        let derived = || {
            let mut id = Vec::new();
            push_base32(hmac::sign(&key, b"auditferry key id").as_ref(), ID_BITS, &mut id);
            String::from_utf8_lossy(&id).into_owned()
        };
        let id = id.map_or_else(derived, str::to_owned);
        Self { id, key }
    }

    pub fn id(&self) -> &str {
        &self.id
    }

    /// The pseudonym of a value: `hmac:`, the key's name, `:` and 20 letters and digits.
    pub fn pseudonym(&self, value: &str) -> String {
        let mut text = Vec::new();
        self.push_pseudonym(value, &mut text);
        String::from_utf8_lossy(&text).into_owned()
    }

    fn push_pseudonym(&self, value: &str, out: &mut Vec<u8>) {
        let digest = hmac::sign(&self.key, canonical(value).as_bytes());
        out.extend_from_slice(PREFIX.as_bytes());
        out.extend_from_slice(self.id.as_bytes());
        out.push(b':');
        push_base32(digest.as_ref(), DIGEST_BITS, out);
    }
}

const PREFIX: &str = "hmac:";

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({}, ***)", self.id)
    }
}

/// RFC 4648's alphabet in small letters: Splunk does not tell them from capitals. `bits` are a multiple of 5.
fn push_base32(bytes: &[u8], bits: usize, out: &mut Vec<u8>) {
    const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
    let (mut held, mut count) = (0_u32, 0);
    let mut letters = 0;
    for byte in bytes {
        (held, count) = (held << 8 | u32::from(*byte), count + 8);
        while count >= 5 && letters < bits / 5 {
            count -= 5;
            out.push(ALPHABET[(held >> count) as usize & 31]);
            letters += 1;
        }
    }
}

/// What a value means.
fn canonical(value: &str) -> Cow<'_, str> {
    let value = value.trim();
    let value = match value.split_once(':') {
        Some((kind, id)) if kind.eq_ignore_ascii_case("user") => id.trim(),
        Some(_) | None => value,
    };
    let address = value.trim_start_matches('/');
    // Nothing else begins an address, and most values are none.
    if address.starts_with(|c: char| c.is_ascii_hexdigit() || c == ':')
        && let Ok(ip) = address.parse::<IpAddr>()
    {
        // Of an IPv4 address there is one form.
        return if ip.is_ipv4() { Cow::Borrowed(address) } else { Cow::Owned(ip.to_canonical().to_string()) };
    }
    let mut whole = false;
    find::emails(value.as_bytes(), true, &mut |start, end| whole |= (start, end) == (0, value.len()));
    let is_small = || value.bytes().all(|byte| byte.is_ascii() && !byte.is_ascii_uppercase());
    if whole && !is_small() { Cow::Owned(value.to_lowercase()) } else { Cow::Borrowed(value) }
}

impl Treatment {
    /// Appends what `value` becomes, as the inside of a JSON string.
    pub(super) fn push(&self, value: &str, out: &mut Vec<u8>) {
        match self {
            Self::Drop => {}
            Self::Mask { keep_last } => push_inside(&mask(value, *keep_last), out),
            Self::Truncate => push_inside(&truncate(value), out),
            Self::Replace(text) => {
                push_inside(&text.replace("{length}", &value.chars().count().to_string()), out);
            }
            // A key's name is made of letters and digits, so there is nothing to escape.
            Self::Hmac(keys) => keys.current.push_pseudonym(value, out),
        }
    }

    pub(super) const fn is_drop(&self) -> bool {
        matches!(self, Self::Drop)
    }
}

/// Text as it stands between quotation marks.
fn push_inside(text: &str, out: &mut Vec<u8>) {
    if text.bytes().all(|byte| byte >= 0x20 && byte != b'"' && byte != b'\\') {
        return out.extend_from_slice(text.as_bytes());
    }
    let start = out.len();
    serde_json::to_writer(&mut *out, text).expect("writing a string to memory cannot fail");
    out.remove(start);
    out.pop();
}

fn mask(value: &str, keep_last: usize) -> String {
    let count = value.chars().count();
    let kept = if count > 2 * keep_last { keep_last } else { 0 };
    let hide = |c: char| match c {
        '0'..='9' => '0',
        c if c.is_ascii_alphabetic() || !c.is_ascii() => 'x',
        c => c,
    };
    let masked: String = value.chars().enumerate().map(|(at, c)| if at < count - kept { hide(c) } else { c }).collect();
    // What consists of punctuation alone has no shape to show.
    if masked == value { "x".to_owned() } else { masked }
}

fn truncate(value: &str) -> String {
    match value.trim().trim_start_matches('/').parse::<IpAddr>().map(|ip| ip.to_canonical()) {
        Ok(IpAddr::V4(ip)) => Ipv4Addr::from_bits(ip.to_bits() & (u32::MAX << 8)).to_string(),
        Ok(IpAddr::V6(ip)) => Ipv6Addr::from_bits(ip.to_bits() & (u128::MAX << 80)).to_string(),
        Err(_) => mask(value, 0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(secret: &str) -> Key {
        Key::new(&Secret::new(secret.to_owned()), Some("k1"))
    }

    fn treated(treatment: &Treatment, value: &str) -> String {
        let mut out = b"\"".to_vec();
        treatment.push(value, &mut out);
        out.push(b'"');
        serde_json::from_slice(&out).expect("a JSON string")
    }

    /// The expected digest was made with `printf alice@example.com | openssl dgst -sha256 -hmac 'a key of some length'`.
    #[test]
    fn a_pseudonym_is_the_beginning_of_the_hmac_in_base32() {
        let digest = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, b"a key of some length"), b"alice@example.com");
        let hex: String = digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hex, EXPECTED_DIGEST);
        let pseudonym = key("a key of some length").pseudonym("alice@example.com");
        assert_eq!(pseudonym, format!("hmac:k1:{EXPECTED_BASE32}"));
    }

    const EXPECTED_DIGEST: &str = "741679cebd0502deede772512f05d4c58f1a5946fbdf03d8909323522fd79c02";
    const EXPECTED_BASE32: &str = "oqlhttv5aubn53phojis";

    #[test]
    fn values_that_mean_the_same_have_the_same_pseudonym() {
        let key = key("a key of some length");
        for (one, other) in [
            ("Alice@Example.com", "alice@example.com "),
            ("2001:DB8:0:0::17", "2001:db8::17"),
            ("::ffff:1.2.3.4", "/1.2.3.4"),
            ("User:sa-1abc", "sa-1abc"),
            ("User:Alice@example.com", "alice@example.com"),
        ] {
            assert_eq!(key.pseudonym(one), key.pseudonym(other), "{one}");
        }
        assert_ne!(key.pseudonym("Orders"), key.pseudonym("orders"));
    }

    #[test]
    fn another_key_has_another_name_and_gives_another_pseudonym() {
        let [one, other] =
            ["a key of some length", "b key of some length"].map(|key| Key::new(&Secret::new(key.into()), None));
        assert_ne!(one.id(), other.id());
        assert_eq!(one.id().len(), ID_BITS / 5);
        assert_ne!(one.pseudonym("x"), other.pseudonym("x"));
        assert!(!format!("{one:?}").contains("a key"));
    }

    #[test]
    fn a_mask_keeps_the_shape() {
        let mask = |keep_last| Treatment::Mask { keep_last };
        assert_eq!(treated(&mask(0), "Alice-42@example.com"), "xxxxx-00@xxxxxxx.xxx");
        assert_eq!(treated(&mask(0), "Zoë\t\"1\""), "xxx\t\"0\"");
        assert_eq!(treated(&mask(4), "ABCDEFGHIJKLMNOP"), "xxxxxxxxxxxxMNOP");
        assert_eq!(treated(&mask(4), "ABCDEFGH"), "xxxxxxxx", "what is short keeps nothing");
        assert_eq!(treated(&mask(0), "--"), "x");
    }

    #[test]
    fn an_address_is_truncated_to_its_network() {
        for (address, network) in [
            ("198.51.100.7", "198.51.100.0"),
            ("::ffff:198.51.100.7", "198.51.100.0"),
            ("2001:db8:1:2:3:4:5:6", "2001:db8:1::"),
            ("host.example", "xxxx.xxxxxxx"),
        ] {
            assert_eq!(treated(&Treatment::Truncate, address), network);
        }
    }

    #[test]
    fn a_replacement_can_say_how_long_the_value_was() {
        let replace = Treatment::Replace("\"{length}\"".to_owned());
        assert_eq!(treated(&replace, "äbc"), "\"3\"");
        assert_eq!(treated(&Treatment::Drop, "abc"), "");
    }
}
