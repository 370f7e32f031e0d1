//! Where events go.
//!
//! # Contract
//!
//! A sink encodes cleared events and makes single attempts. It never sees an offset to commit or a retry policy, so it
//! can neither lose nor acknowledge anything: it can only report what the receiver proved.
//!
//! - [`Sink::encode`] appends one event to a parcel's body. Encoded events may be concatenated in any number and cut
//!   apart again at event boundaries; a part is a valid body.
//! - What a parcel says once about all its events (the metadata of a raw body, say) puts events into groups:
//!   [`Sink::group`] names the group, a parcel holds events of one group only, and brings the name along.
//! - [`Sink::attempt`] sends a parcel once, to the endpoint the lane chose. It does not retry, sleep or follow redirects,
//!   and it ends within a time limit of its own.
//! - A request that was refused for its credentials may be sent once more with others, within the same attempt: it was
//!   certainly not taken.
//! - What it cannot read is not proof: see [`Attempt`].

pub mod archive;
#[cfg(test)]
mod conformance_tests;
mod http;
pub mod splunk_hec;
pub mod webhook;

use crate::delivery::attempt::{Attempt, BoxFuture, Failure, Parcel};
use crate::event::Cleared;
use crate::position::{NewPartitions, PartitionId, ResumeAt, TopicName};
use crate::reload::News;

/// How strong a sink's proof of delivery is. Stated at start-up, in the metrics and on the status page.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DeliveryLevel {
    /// The receiver answered that it took the events.
    Accepted,
    /// The receiver's indexers confirmed that the events are replicated.
    Indexed,
    /// The store holds the events, and the link that names them.
    Archived,
}

impl DeliveryLevel {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Indexed => "indexed",
            Self::Archived => "archived",
        }
    }
}

/// Where an encoded event's original payload lies within what [`Sink::encode`] appended, so that a dead letter can
/// give it back without a second copy being held.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PayloadAt {
    /// The payload's bytes, unchanged, start this many bytes after the event's first byte.
    Verbatim { start: u32, len: u32 },
    /// The payload is a JSON string literal (quotes included) at this place.
    JsonString { start: u32, len: u32 },
    /// The payload is an opening brace and then the bytes at this place: members were put in front of its own.
    BehindBrace { start: u32, len: u32 },
    /// The encoded event does not hold the payload; delivery has to keep it beside.
    Elsewhere,
}

/// What an endpoint says when it is asked how it is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Condition {
    /// Nothing speaks against sending it a parcel.
    Well,
    /// It answers that it can take nothing at present.
    Unwell(Failure),
    /// It does not answer, or cannot be reached.
    Silent(Failure),
}

/// Records that were gone before they could be read.
#[derive(Clone, Copy, Debug)]
pub struct Missing<'a> {
    pub topic: &'a TopicName,
    pub partition: PartitionId,
    /// Where reading should have gone on.
    pub from: ResumeAt,
    /// Where it does go on.
    pub to: ResumeAt,
}

pub trait Sink: Send + Sync + 'static {
    /// Appends the encoded event to `out`, without allocating in the steady state. On error `out` is as it was.
    ///
    /// # Errors
    /// The event can never be delivered by this sink; it becomes a dead letter with this reason.
    fn encode(&self, event: &Cleared<'_>, out: &mut Vec<u8>) -> Result<PayloadAt, Failure>;

    /// Appends the name of the event's group to `name`, which is empty. Events of different groups never share a parcel.
    /// Delivery only compares names; by default there is one group, without a name.
    fn group(&self, _event: &Cleared<'_>, _name: &mut Vec<u8>) {}

    /// Appends to `notes` what the sink wants to know of the event when it is sent, apart from its encoded form: as many bytes for every
    /// event. A parcel brings the notes of its events along; they are no part of its body. By default nothing is noted.
    fn note(&self, _event: &Cleared<'_>, _notes: &mut Vec<u8>) {}

    /// Hears of records that were gone before they could be read. What comes next of this partition comes after them.
    fn missed(&self, _missing: &Missing<'_>) {}

    /// Called for partitions that are newly assigned, before anything is read of them: what this sink did for them before is over. Says
    /// where the receiver itself holds that each goes on, in their order; `None` where it does not know, and the position of the
    /// consumer group counts. By default the receiver knows nothing.
    fn take_over(&self, partitions: NewPartitions) -> BoxFuture<Result<Vec<Option<ResumeAt>>, Failure>> {
        let unknown = vec![None; partitions.keys.len()];
        Box::pin(std::future::ready(Ok(unknown)))
    }

    /// Whether [`Sink::take_over`] is to be called.
    fn takes_over(&self) -> bool {
        false
    }

    /// What the sink has to do by itself from time to time, for as long as the pipeline lives.
    fn upkeep(&self) -> BoxFuture<()> {
        Box::pin(std::future::pending())
    }

    /// One attempt at `endpoint` (an index below [`Sink::endpoints`]`.len()`).
    fn attempt(&self, endpoint: usize, parcel: Parcel) -> BoxFuture<Attempt>;

    /// Asks `endpoint` how it is, without sending an event, within a time limit of its own that is shorter than that of an
    /// attempt. A hint: only a parcel finds out for certain. What only a human can mend is left for a parcel to find out, too,
    /// so that it is reported as what it is. By default nothing is asked.
    fn condition(&self, _endpoint: usize) -> BoxFuture<Condition> {
        Box::pin(std::future::ready(Condition::Well))
    }

    /// Names of the receivers, for logs and metrics: a bounded list from the configuration, free of credentials.
    fn endpoints(&self) -> &[String];

    fn level(&self) -> DeliveryLevel;

    /// Looks whether credentials or certificates in files have changed; what has is used from the next attempt on. Says
    /// what is new since the last call. Blocks for as long as reading a few small files takes.
    fn refresh(&self) -> Vec<Refreshed> {
        Vec::new()
    }
}

/// What became of credentials and certificates that were replaced while the program runs.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Refreshed {
    /// The new version is in use.
    InUse { what: &'static str },
    /// The new version cannot be used; the one before stays in use.
    Unusable { what: &'static str, problem: String },
    /// This endpoint refuses the new token, and takes the former one.
    FormerTokenTaken { endpoint: usize },
    /// This endpoint, which did not, now takes the new token.
    NewTokenTaken { endpoint: usize },
}

impl Refreshed {
    pub fn of(what: &'static str, news: News) -> Self {
        match news {
            News::InUse => Self::InUse { what },
            News::Unusable(problem) => Self::Unusable { what, problem },
        }
    }
}
