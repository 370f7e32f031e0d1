//! What is carried: a record as it was read, and the same record once it may leave.
//!
//! Payload bytes are borrowed from the Kafka client and copied once, into the encoded batch. Nothing here allocates per
//! record, and no JSON tree is built.

pub mod crn;
mod document;
pub mod headers;
mod json;
mod rfc3339;
mod view;

pub use document::{Children, Document, Kind, Value};
pub use json::{Json, Tape, scan};
pub use rfc3339::EventTime;
pub use view::{Field, Fields, Place, Places, Shape, Verb, View};

use crate::position::{Offset, PartitionId};

/// One record as the source read it. Borrows the client's buffer, so it lives for one call only.
#[derive(Clone, Copy, Debug)]
pub struct Record<'a> {
    pub topic: &'a str,
    pub partition: PartitionId,
    pub offset: Offset,
    /// The broker's or producer's timestamp, milliseconds since 1970; `None` when the record has none.
    pub timestamp_ms: Option<i64>,
    pub key: Option<&'a [u8]>,
    /// `None` is a tombstone.
    pub value: Option<&'a [u8]>,
    /// Its headers in the form of [`headers`]; empty when there are none, or nobody wants them.
    pub headers: &'a [u8],
}

/// A record that has passed the chain: the only thing a sink may see. Only [`crate::transform`] makes one.
#[derive(Clone, Copy, Debug)]
pub struct Cleared<'a> {
    record: Record<'a>,
    enrichment: &'a str,
    redacted: bool,
    time: Option<EventTime>,
}

impl<'a> Cleared<'a> {
    /// A record of a pipeline that redacts nothing.
    pub(crate) fn from_chain(record: Record<'a>) -> Self {
        Self { record, enrichment: "", redacted: false, time: None }
    }

    /// What redaction has left of a record.
    pub(crate) fn from_redaction(record: Record<'a>) -> Self {
        Self { record, enrichment: "", redacted: true, time: None }
    }

    /// With JSON members, separated by commas, that go beside the event where the sink has room for them.
    #[must_use]
    pub(crate) fn with_enrichment(self, members: &'a str) -> Self {
        Self { enrichment: members, ..self }
    }

    /// With another value, which has the old one's bytes and more.
    #[must_use]
    pub(crate) fn with_value(self, value: &'a [u8]) -> Self {
        Self { record: Record { value: Some(value), ..self.record }, ..self }
    }

    /// Whether redaction is configured and has been done, also where there was nothing to be redacted.
    pub const fn is_redacted(&self) -> bool {
        self.redacted
    }

    /// With another form of the event in its place, and when the event happened, which that form may not tell.
    #[must_use]
    pub(crate) fn in_another_form(self, value: &'a [u8], time: Option<EventTime>) -> Self {
        Self { record: Record { value: Some(value), ..self.record }, time, ..self }
    }

    /// When the event happened, if its value is of a form that need not tell.
    pub const fn time(&self) -> Option<EventTime> {
        self.time
    }

    pub fn record(&self) -> &Record<'a> {
        &self.record
    }

    /// JSON members for the sink's fields, separated by commas; their values are texts and lists of texts. Often empty.
    pub fn enrichment(&self) -> &'a str {
        self.enrichment
    }
}
