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
    tracking: Tracking,
    timestamp: bool,
    key: bool,
    headers: Vec<String>,
    /// Names of the fields that every event gets.
    fixed: Vec<&'static str>,
    enriched: Vec<String>,
    left_out: Counter,
}

#[derive(Debug)]
enum Tracking {
    /// Topic, partition and offset, as by default: written in one go behind this beginning, which ends before the topic.
    Usual { beginning: Vec<u8> },
    /// Any of the three.
    Other { topic: bool, partition: bool, offset: bool },
}

impl Fields {
    pub(super) fn new(config: &EventConfig, channel: Uuid, left_out: Counter) -> Self {
        let mut constant = Vec::new();
        for (name, value) in &config.fields {
            push_next(&mut constant, 0, name);
            push_value(&mut constant, value);
        }
        for tracked in &config.tracking {
            let text = match tracked {
                Tracked::Host(name) => name.clone(),
                Tracked::Channel => channel.to_string(),
                Tracked::Topic | Tracked::Partition | Tracked::Offset | Tracked::Timestamp | Tracked::Key => continue,
            };
            push_next(&mut constant, 0, tracked.field());
            push_string(&mut constant, &text);
        }
        let has = |tracked| config.tracking.contains(&tracked);
        let tracking = match (has(Tracked::Topic), has(Tracked::Partition), has(Tracked::Offset)) {
            (true, true, true) => {
                let mut beginning = constant.clone();
                push_next(&mut beginning, 0, Tracked::Topic.field());
                Tracking::Usual { beginning }
            }
            (topic, partition, offset) => Tracking::Other { topic, partition, offset },
        };
        let optional = |tracked: &&Tracked| matches!(tracked, Tracked::Timestamp | Tracked::Key);
        Self {
            constant,
            tracking,
            timestamp: has(Tracked::Timestamp),
            key: has(Tracked::Key),
            headers: config.record_headers.fields.clone(),
            fixed: config.tracking.iter().filter(|tracked| !optional(tracked)).map(Tracked::field).collect(),
            enriched: config.fields.iter().map(|(name, _)| name.clone()).collect(),
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

    /// Appends the members, separated by commas, right behind an opening brace; `enrichment` are further ones, whose names
    /// the configuration keeps apart from all others. Returns whether there were any.
    #[inline]
    pub(super) fn push_members(&self, record: &Record<'_>, enrichment: &str, out: &mut Vec<u8>) -> bool {
        let begin = out.len();
        match &self.tracking {
            Tracking::Usual { beginning } => {
                out.extend_from_slice(beginning);
                push_string(out, record.topic);
                out.extend_from_slice(b",\"kafka_partition\":\"");
                push_number(out, record.partition.get());
                out.extend_from_slice(b"\",\"kafka_offset\":\"");
                push_number(out, record.offset.get());
                out.push(b'"');
            }
            Tracking::Other { topic, partition, offset } => {
                out.extend_from_slice(&self.constant);
                if *topic {
                    push_next(out, begin, Tracked::Topic.field());
                    push_string(out, record.topic);
                }
                if *partition {
                    push_next(out, begin, Tracked::Partition.field());
                    push_quoted(out, record.partition.get());
                }
                if *offset {
                    push_next(out, begin, Tracked::Offset.field());
                    push_quoted(out, record.offset.get());
                }
            }
        }
        if self.timestamp || self.key || !self.headers.is_empty() {
            self.push_optional(record, begin, out);
        }
        if !enrichment.is_empty() {
            if out.len() > begin {
                out.push(b',');
            }
            out.extend_from_slice(enrichment.as_bytes());
        }
        out.len() > begin
    }

    /// The members that not every record has.
    fn push_optional(&self, record: &Record<'_>, begin: usize, out: &mut Vec<u8>) {
        if let (true, Some(timestamp)) = (self.timestamp, record.timestamp_ms) {
            push_next(out, begin, Tracked::Timestamp.field());
            push_quoted(out, timestamp);
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
    }
}

fn push_quoted(out: &mut Vec<u8>, number: impl itoa::Integer) {
    out.push(b'"');
    push_number(out, number);
    out.push(b'"');
}

fn push_next(out: &mut Vec<u8>, begin: usize, name: &str) {
    if out.len() > begin {
        out.push(b',');
    }
    push_string(out, name);
    out.push(b':');
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
