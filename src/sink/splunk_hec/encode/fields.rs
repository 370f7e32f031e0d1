//! The indexed fields of an event: enrichment, where the record lies, what its headers say.
//!
//! All values are strings or lists of strings, as the Kafka connector writes them, under the connector's names. Names do
//! not repeat; the configuration has seen to that.

use ::metrics::Counter;
use uuid::Uuid;

use super::literal::{push_number, push_string};
use super::metadata::last_text;
use crate::event::Record;
use crate::sink::splunk_hec::config::{EventConfig, FieldValue, Tracked};

#[derive(Debug)]
pub(super) struct Fields {
    /// Members that are the same in every event: `"env":"prod","team":["a","b"]`
    constant: Vec<u8>,
    /// Each from its comma, if something is before it, to where its value begins.
    topic: Option<Vec<u8>>,
    partition: Option<Vec<u8>>,
    offset: Option<Vec<u8>>,
    timestamp: bool,
    key: bool,
    headers: Vec<String>,
    /// Names of the fields that every event gets.
    fixed: Vec<&'static str>,
    enriched: Vec<String>,
    left_out: Counter,
}

impl Fields {
    pub(super) fn new(config: &EventConfig, channel: Uuid, left_out: Counter) -> Self {
        let mut constant = Vec::new();
        for (name, value) in &config.fields {
            push_name(&mut constant, name);
            push_value(&mut constant, value);
        }
        for tracked in &config.tracking {
            let text = match tracked {
                Tracked::Host(name) => name.clone(),
                Tracked::Channel => channel.to_string(),
                Tracked::Topic | Tracked::Partition | Tracked::Offset | Tracked::Timestamp | Tracked::Key => continue,
            };
            push_name(&mut constant, tracked.field());
            push_string(&mut constant, &text);
        }
        let mut first = constant.is_empty();
        let mut literal = |wanted: &Tracked, end: &str| {
            config.tracking.contains(wanted).then(|| {
                let comma = if std::mem::take(&mut first) { "" } else { "," };
                format!("{comma}\"{}\":{end}", wanted.field()).into_bytes()
            })
        };
        let optional = |tracked: &&Tracked| matches!(tracked, Tracked::Timestamp | Tracked::Key);
        Self {
            topic: literal(&Tracked::Topic, ""),
            partition: literal(&Tracked::Partition, "\""),
            offset: literal(&Tracked::Offset, "\""),
            timestamp: config.tracking.contains(&Tracked::Timestamp),
            key: config.tracking.contains(&Tracked::Key),
            headers: config.record_headers.fields.clone(),
            fixed: config.tracking.iter().filter(|tracked| !optional(tracked)).map(Tracked::field).collect(),
            enriched: config.fields.iter().map(|(name, _)| name.clone()).collect(),
            constant,
            left_out,
        }
    }

    /// Whether nothing is ever written.
    pub(super) fn is_empty(&self) -> bool {
        let optional = self.timestamp || self.key || !self.headers.is_empty();
        self.fixed.is_empty() && self.enriched.is_empty() && !optional
    }

    /// Whether a field of this name is written for this record.
    pub(super) fn writes(&self, name: &str, record: &Record<'_>) -> bool {
        let timestamp = self.timestamp && record.timestamp_ms.is_some() && name == Tracked::Timestamp.field();
        let has_key = || record.key.is_some_and(|key| std::str::from_utf8(key).is_ok());
        let key = self.key && name == Tracked::Key.field() && has_key();
        let has_header = || last_text(record.headers, name, &Counter::noop()).is_some();
        let header = self.headers.iter().any(|known| known == name) && has_header();
        let always = self.fixed.contains(&name) || self.enriched.iter().any(|known| known == name);
        always || timestamp || key || header
    }

    /// Room that the members take, apart from what comes from the record.
    pub(super) fn size(&self) -> usize {
        self.constant.len()
    }

    /// Appends the members, separated by commas, right behind an opening brace. Returns whether there were any.
    pub(super) fn push_members(&self, record: &Record<'_>, out: &mut Vec<u8>) -> bool {
        let begin = out.len();
        out.extend_from_slice(&self.constant);
        if let Some(literal) = &self.topic {
            out.extend_from_slice(literal);
            push_string(out, record.topic);
        }
        if let Some(literal) = &self.partition {
            out.extend_from_slice(literal);
            push_number(out, record.partition.get());
            out.push(b'"');
        }
        if let Some(literal) = &self.offset {
            out.extend_from_slice(literal);
            push_number(out, record.offset.get());
            out.push(b'"');
        }
        if let (true, Some(timestamp)) = (self.timestamp, record.timestamp_ms) {
            push_next(out, begin, Tracked::Timestamp.field());
            out.push(b'"');
            push_number(out, timestamp);
            out.push(b'"');
        }
        if let (true, Some(key)) = (self.key, record.key) {
            match std::str::from_utf8(key) {
                Ok(key) => {
                    push_next(out, begin, Tracked::Key.field());
                    push_string(out, key);
                }
                Err(_) => self.left_out.increment(1),
            }
        }
        for name in &self.headers {
            if let Some(text) = last_text(record.headers, name, &self.left_out) {
                push_next(out, begin, name);
                push_string(out, text);
            }
        }
        out.len() > begin
    }
}

fn push_next(out: &mut Vec<u8>, begin: usize, name: &str) {
    if out.len() > begin {
        out.push(b',');
    }
    push_string(out, name);
    out.push(b':');
}

fn push_name(constant: &mut Vec<u8>, name: &str) {
    push_next(constant, 0, name);
}

fn push_value(out: &mut Vec<u8>, value: &FieldValue) {
    match value {
        FieldValue::Text(text) => push_string(out, text),
        FieldValue::List(texts) => {
            out.push(b'[');
            for (at, text) in texts.iter().enumerate() {
                if at > 0 {
                    out.push(b',');
                }
                push_string(out, text);
            }
            out.push(b']');
        }
    }
}
