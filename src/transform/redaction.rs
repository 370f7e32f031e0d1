//! Redaction as a step of the chain: what leaves of a record, and which records do not.
//!
//! | the record's value | what becomes of it |
//! | --- | --- |
//! | a JSON object | its members are redacted; it leaves |
//! | nothing, or white space | there is nothing to be redacted; it goes on to the sink, which makes a letter of it |
//! | anything else, or too large, or beyond the limits of redaction | it does not leave: it becomes a letter |
//!
//! The key and the headers of a record are not redacted: they stay behind, unless the configuration names them.

use super::RedactedCounter;
use super::redact::Redactor;
use super::redact::config::RedactConfig;
use crate::defaults::REDACT_EVENT_MAX_BYTES;
use crate::delivery::attempt::Failure;
use crate::event::{Document, Record, headers};
use crate::reason::Reason;

use super::redact::Unredactable;

#[derive(Debug)]
pub(super) struct Redaction {
    redactor: Redactor,
    keep_key: bool,
    keep_headers: Vec<String>,
    /// The headers that go on.
    headers: Vec<u8>,
}

impl Redaction {
    pub(super) fn new(config: &RedactConfig, counter: RedactedCounter<'_>) -> Self {
        Self {
            redactor: Redactor::new(config, counter),
            keep_key: config.keep_key,
            keep_headers: config.keep_headers.clone(),
            headers: Vec::new(),
        }
    }

    /// What may leave of a record. `document` is its value, read; `None` when that is no JSON object.
    ///
    /// # Errors
    /// Nobody can tell whether all of it was found: it must not leave.
    pub(super) fn clear<'a>(
        &'a mut self,
        record: Record<'a>,
        document: Option<&Document<'_>>,
    ) -> Result<Record<'a>, Failure> {
        let Self { redactor, keep_key, keep_headers, headers: kept } = self;
        kept.clear();
        for (name, value) in
            headers::iter(record.headers).filter(|(name, _)| keep_headers.iter().any(|kept| kept == name))
        {
            headers::push(kept, name, value);
        }
        let key = if *keep_key { record.key } else { None };
        let without = Record { key, headers: kept, ..record };
        let value = record.value.unwrap_or_default();
        if value.trim_ascii().is_empty() {
            return Ok(without);
        }
        if value.len() > REDACT_EVENT_MAX_BYTES.as_len() {
            let detail =
                format!("it has {} bytes, and events of up to {REDACT_EVENT_MAX_BYTES} are redacted", value.len());
            return Err(Failure::new(Reason::Unredactable, detail));
        }
        match document.ok_or(Unredactable::NotAnObject).and_then(|document| redactor.redact(document)) {
            Ok(None) => Ok(without),
            Ok(Some(bytes)) => Ok(Record { value: Some(bytes), ..without }),
            Err(why) => Err(Failure::new(Reason::Unredactable, why.to_string())),
        }
    }
}
