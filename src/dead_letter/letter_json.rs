//! A letter as a JSON document, as it lies in a directory.
//!
//! Bytes that are UTF-8 are written as text, so that a person can read and search them; others as base64 under a name that
//! says so. Either way the very same bytes come back. A missing and an empty value are different things.
//!
//! `cleared` says whether redaction has been done, and is missing where nothing is redacted; `unclear` says what became of the
//! content of a record that could not be redacted.

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::delivery::attempt::Failure;
use crate::delivery::letter::{Content, Letter};
use crate::position::{Offset, PartitionId, TopicName};
use crate::reason::Reason;

const VERSION: u32 = 1;

/// A letter as it was found in a store.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StoredLetter {
    pub pipeline: String,
    pub quarantined_at: Timestamp,
    pub letter: Letter,
}

impl StoredLetter {
    /// The letter as it lies in a directory: one line of JSON with a line feed at its end.
    pub fn to_json(&self) -> Vec<u8> {
        encode(&self.pipeline, self.quarantined_at, &self.letter)
    }
}

#[derive(Serialize, Deserialize)]
struct Document {
    version: u32,
    pipeline: String,
    topic: String,
    partition: i32,
    offset: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    timestamp_ms: Option<i64>,
    reason: Reason,
    detail: String,
    quarantined_at: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    cleared: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    unclear: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    key: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    key_base64: Option<String>,
    headers: Vec<HeaderDocument>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    value: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    value_base64: Option<String>,
}

#[derive(Serialize, Deserialize)]
struct HeaderDocument {
    name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    value: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    value_base64: Option<String>,
}

/// What is written about a letter's content: whether redaction has been done, and what became of what could not be redacted.
pub(super) const fn words_of(content: Content) -> (Option<bool>, Option<&'static str>) {
    match content {
        Content::AsRead => (None, None),
        Content::Cleared => (Some(true), None),
        Content::Unclear => (Some(false), Some("kept")),
        Content::Withheld => (Some(false), Some("withheld")),
        Content::Encrypted => (Some(false), Some("encrypted")),
    }
}

/// # Errors
/// The two do not fit together: nobody knows whether the content may leave.
pub(super) fn content_of(cleared: Option<bool>, unclear: Option<&str>) -> Result<Content, String> {
    const ALL: [Content; 5] =
        [Content::AsRead, Content::Cleared, Content::Unclear, Content::Withheld, Content::Encrypted];
    let found = ALL.into_iter().find(|content| words_of(*content) == (cleared, unclear));
    found.ok_or_else(|| "what it says about redaction is not known to this program".to_owned())
}

/// Just enough to tell which version a document has.
#[derive(Deserialize)]
struct Versioned {
    version: u32,
}

/// The document, on one line, with a line feed at its end.
pub(super) fn encode(pipeline: &str, quarantined_at: Timestamp, letter: &Letter) -> Vec<u8> {
    let (key, key_base64) = split(letter.key.as_deref());
    let (value, value_base64) = split(letter.value.as_deref());
    let headers = letter.headers.iter().map(|(name, value)| {
        let (value, value_base64) = split(value.as_deref());
        HeaderDocument { name: name.clone(), value, value_base64 }
    });
    let (cleared, unclear) = words_of(letter.content);
    let document = Document {
        version: VERSION,
        pipeline: pipeline.to_owned(),
        topic: letter.topic.as_str().to_owned(),
        partition: letter.partition.get(),
        offset: letter.offset.get(),
        timestamp_ms: letter.timestamp_ms,
        reason: letter.failure.reason,
        detail: letter.failure.detail.clone(),
        quarantined_at,
        cleared,
        unclear: unclear.map(str::to_owned),
        key,
        key_base64,
        headers: headers.collect(),
        value,
        value_base64,
    };
    let mut text = serde_json::to_vec(&document).expect("strings and numbers always have a JSON form");
    text.push(b'\n');
    text
}

/// # Errors
/// A sentence that says what is wrong with the document.
pub(super) fn decode(text: &[u8]) -> Result<StoredLetter, String> {
    let not_a_letter = |error: serde_json::Error| format!("it is not a letter, or damaged: {error}");
    let Versioned { version } = serde_json::from_slice(text).map_err(not_a_letter)?;
    if version != VERSION {
        return Err(format!("it has version {version}, this program knows version {VERSION}"));
    }
    let document: Document = serde_json::from_slice(text).map_err(not_a_letter)?;
    let headers = document.headers.into_iter().map(|HeaderDocument { name, value, value_base64 }| {
        let value = join(value, value_base64)?;
        Ok((name, value))
    });
    let letter = Letter {
        topic: TopicName::new(&document.topic),
        partition: PartitionId::new(document.partition),
        offset: Offset::new(document.offset),
        timestamp_ms: document.timestamp_ms,
        key: join(document.key, document.key_base64)?,
        headers: headers.collect::<Result<_, String>>()?,
        value: join(document.value, document.value_base64)?,
        content: content_of(document.cleared, document.unclear.as_deref())?,
        failure: Failure::new(document.reason, document.detail),
    };
    Ok(StoredLetter { pipeline: document.pipeline, quarantined_at: document.quarantined_at, letter })
}

fn split(bytes: Option<&[u8]>) -> (Option<String>, Option<String>) {
    match bytes.map(|bytes| (std::str::from_utf8(bytes), bytes)) {
        None => (None, None),
        Some((Ok(text), _)) => (Some(text.to_owned()), None),
        Some((Err(_), bytes)) => (None, Some(BASE64.encode(bytes))),
    }
}

fn join(text: Option<String>, base64: Option<String>) -> Result<Option<Vec<u8>>, String> {
    match (text, base64) {
        (text, None) => Ok(text.map(String::into_bytes)),
        (None, Some(base64)) => {
            let bytes =
                BASE64.decode(base64).map_err(|error| format!("it holds base64 that cannot be read: {error}"))?;
            Ok(Some(bytes))
        }
        (Some(_), Some(_)) => Err("it gives the same bytes twice, as text and as base64".to_owned()),
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use proptest::prelude::*;

    fn bytes() -> impl Strategy<Value = Vec<u8>> {
        prop_oneof![
            any::<Vec<u8>>(),
            any::<String>().prop_map(String::into_bytes),
            Just(Vec::new()),
            Just(b"{\"a\":\"\\u0000\"}".to_vec()),
        ]
    }

    prop_compose! {
        pub(in crate::dead_letter) fn letters()(
            topic in "[a-zA-Z0-9._-]{1,249}",
            partition in 0..i32::MAX,
            offset in 0..i64::MAX,
            timestamp_ms in any::<Option<i64>>(),
            key in proptest::option::of(bytes()),
            headers in proptest::collection::vec((any::<String>(), proptest::option::of(bytes())), 0..4),
            value in proptest::option::of(bytes()),
            content in proptest::sample::select(
                [Content::AsRead, Content::Cleared, Content::Unclear, Content::Withheld, Content::Encrypted].as_slice()
            ),
            reason in proptest::sample::select(Reason::ALL),
            detail in any::<String>(),
        ) -> Letter {
            Letter {
                topic: TopicName::new(&topic),
                partition: PartitionId::new(partition),
                offset: Offset::new(offset),
                timestamp_ms,
                key,
                headers,
                value,
                content,
                failure: Failure::new(reason, detail),
            }
        }
    }

    proptest! {
        #[test]
        fn a_letter_comes_back_as_it_was_written(letter in letters(), second in 0..4_000_000_000i64) {
            let quarantined_at = Timestamp::from_second(second).unwrap();
            let text = encode("splunk", quarantined_at, &letter);
            prop_assert_eq!(text.iter().filter(|byte| **byte == b'\n').count(), 1);
            let stored = StoredLetter { pipeline: "splunk".into(), quarantined_at, letter };
            prop_assert_eq!(decode(&text), Ok(stored));
        }

        #[test]
        fn a_torn_letter_is_refused(letter in letters(), cut in 0.0..1.0f64) {
            let text = encode("splunk", Timestamp::UNIX_EPOCH, &letter);
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a part of a small length")]
            let keep = ((text.len() - 2) as f64 * cut) as usize;
            prop_assert!(decode(&text[..keep]).is_err());
        }
    }

    #[test]
    fn a_letter_that_contradicts_itself_is_refused() {
        assert_eq!(content_of(None, None), Ok(Content::AsRead), "a letter of an earlier version of this program");
        for (cleared, unclear) in
            [(Some(true), Some("kept")), (Some(false), None), (None, Some("kept")), (Some(false), Some("x"))]
        {
            assert!(content_of(cleared, unclear).is_err());
        }
    }

    #[test]
    fn a_later_version_is_named_in_the_refusal() {
        assert!(decode(br#"{"version":2}"#).unwrap_err().contains("version 2"));
    }
}
