//! Signatures by Standard Webhooks 1.0.0: HMAC-SHA256 over `id.timestamp.body`.
//!
//! - `webhook-id` names the event, and is the same whenever it is sent; `webhook-timestamp` is when this request was made, in
//!   seconds since 1970; `webhook-signature` holds a signature `v1,<base64>` for each key, separated by a space.
//! - The body is signed as it travels, so after compression.
//! - A key is what follows `whsec_`, in base64; any other text is a key by its own bytes.

use std::time::{SystemTime, UNIX_EPOCH};

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::defaults::WEBHOOK_KEY_MIN_BYTES;
use crate::secret::Secret;

pub(super) const ID: &str = "webhook-id";
pub(super) const TIMESTAMP: &str = "webhook-timestamp";
pub(super) const SIGNATURE: &str = "webhook-signature";

const PREFIX: &str = "whsec_";

/// The keys in force, the new one first.
#[derive(Debug)]
pub(super) struct Keys(Vec<hmac::Key>);

impl Keys {
    pub(super) fn new<'a>(secrets: impl IntoIterator<Item = &'a Secret>) -> Result<Self, &'static str> {
        secrets.into_iter().map(key).collect::<Result<_, _>>().map(Self)
    }

    /// The value of `webhook-signature`.
    pub(super) fn sign(&self, id: &str, timestamp: u64, body: &[u8]) -> String {
        let signatures: Vec<String> = self
            .0
            .iter()
            .map(|key| {
                let mut context = hmac::Context::with_key(key);
                context.update(format!("{id}.{timestamp}.").as_bytes());
                context.update(body);
                format!("v1,{}", STANDARD.encode(context.sign()))
            })
            .collect();
        signatures.join(" ")
    }
}

/// Seconds since 1970.
pub(super) fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// Whether a secret can be a key.
///
/// # Errors
/// Why not.
pub fn check_key(secret: &Secret) -> Result<(), &'static str> {
    key(secret).map(|_| ())
}

fn key(secret: &Secret) -> Result<hmac::Key, &'static str> {
    let bytes = match secret.expose().strip_prefix(PREFIX) {
        Some(encoded) => STANDARD.decode(encoded).map_err(|_| "what follows `whsec_` is not base64")?,
        None => secret.expose().as_bytes().to_vec(),
    };
    if bytes.len() < WEBHOOK_KEY_MIN_BYTES {
        return Err("the key is too short: a key that can be guessed signs nothing");
    }
    Ok(hmac::Key::new(hmac::HMAC_SHA256, &bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(text: &str) -> Secret {
        Secret::new(text.into())
    }

    /// Made with `printf '%s' 'msg_p5jXN8AQM9LWM0D4loKWxJek.1614265330.{"test": 2432232314}' | openssl dgst -sha256 -mac HMAC
    /// -macopt hexkey:$(printf '%s' MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw | base64 -d | xxd -p -c 99) -binary | base64`: the vector of the
    /// libraries of Standard Webhooks.
    #[test]
    fn a_signature_is_the_one_of_the_published_vector() {
        let keys = Keys::new([&secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")]).unwrap();
        let signed = keys.sign("msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, br#"{"test": 2432232314}"#);
        assert_eq!(signed, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn with_two_keys_there_are_two_signatures_the_new_one_first() {
        let (new, old) = (secret("a new key of 24 bytes ..."), secret("an old key of 24 bytes .."));
        let both = Keys::new([&new, &old]).unwrap().sign("id", 1, b"body");
        let [one, other] = [new, old].map(|key| Keys::new([&key]).unwrap().sign("id", 1, b"body"));
        assert_eq!(both, format!("{one} {other}"));
    }

    #[test]
    fn a_key_that_can_be_guessed_is_none() {
        for bad in ["", "short", "whsec_", "whsec_c2hvcnQ=", "whsec_***", "a key of 23 bytes ....."] {
            assert!(check_key(&secret(bad)).is_err(), "{bad}");
        }
        assert!(check_key(&secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")).is_ok());
    }
}
