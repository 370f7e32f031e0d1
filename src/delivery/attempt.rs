//! What one attempt at delivering a parcel came to: proof, perhaps with a warning, or one of five actions.
//!
//! A sink makes one attempt and answers with an [`Attempt`]. Retrying, splitting, quarantining and holding are done
//! once, for all sinks, by the lane.
//!
//! | outcome | when | what the lane does |
//! | --- | --- | --- |
//! | `Delivered` | the receiver's proof at the configured level | settles every event of the parcel |
//! | `Pending` | accepted, proof still to come | frees the sending slot, awaits the proof |
//! | `Slower` | one of the two above, and the receiver says that it is getting full | lets that endpoint catch its breath |
//! | `Retry` | network, time-out, 408, 429, 5xx, acknowledgement late or unclear | backs off, sends the same parcel |
//! | `Poison` | the server names an event | dead-letters it, settles what was taken before it, sends the rest |
//! | `Split` | 413, or a refusal that names no event | sends it again in parts; a single event becomes a dead letter |
//! | `Hold` | credentials, TLS, unknown index | keeps everything, sends one parcel as a probe from time to time |
//! | `Lost` | somebody else writes these records by now | gives everything back and ends; the pipeline begins anew |
//!
//! Unknown means not delivered: an answer that cannot be read is `Retry` or `Hold`, never `Delivered`.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use bytes::Bytes;

use crate::reason::Reason;

/// A future that a sink hands to the lane; it owns everything it needs.
pub type BoxFuture<T> = Pin<Box<dyn Future<Output = T> + Send + 'static>>;

/// What one request carries: encoded events back to back, in the order of their records per partition.
#[derive(Clone, Debug)]
pub struct Parcel {
    /// What the sink calls the group that all its events are of; see [`Sink::group`](crate::sink::Sink::group).
    pub group: Bytes,
    /// The encoded events; compressed as `coding` says.
    pub body: Bytes,
    pub coding: Coding,
    /// Number of events in `body`, at least 1.
    pub events: usize,
    /// Bytes of the encoded events, uncompressed.
    pub plain_len: usize,
    /// What the sink noted of each event, in their order; see [`Sink::note`](crate::sink::Sink::note).
    pub notes: Bytes,
}

impl Parcel {
    /// Events as they are, of which nothing was noted.
    pub fn plain(group: impl Into<Bytes>, body: impl Into<Bytes>, events: usize) -> Self {
        let body: Bytes = body.into();
        Self { group: group.into(), plain_len: body.len(), body, coding: Coding::Identity, events, notes: Bytes::new() }
    }
}

/// How a parcel's body is compressed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Coding {
    Identity,
    Gzip,
    /// Whole frames of Zstandard (RFC 8878), one behind the other, while the batch is filled: for batches that stay open for long.
    /// Of each frame the level is given.
    Zstd {
        level: i32,
    },
}

/// A failure's reason and the server's or system's own words (bounded, already free of secrets).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Failure {
    pub reason: Reason,
    pub detail: String,
}

impl Failure {
    pub fn new(reason: Reason, detail: impl Into<String>) -> Self {
        Self { reason, detail: detail.into() }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.reason, self.detail)
    }
}

pub enum Attempt {
    /// The receiver proved that it has all events of the parcel.
    Delivered,
    /// The receiver took the parcel, but the proof is to come. The future never yields `Pending` again.
    Pending(BoxFuture<Attempt>),
    /// The receiver took the parcel and says that it is getting full. `then` is `Delivered` or `Pending`; the endpoint is
    /// left alone for `pause` and gets one parcel at a time until it answers without such a warning.
    Slower { pause: Duration, then: Box<Attempt> },
    /// Try the same parcel again, not before `after` if the server asked for a pause.
    Retry { after: Option<Duration>, failure: Failure },
    /// Event `bad` of the parcel will never be taken. `delivered` events from the front are proven to be at the
    /// receiver (`delivered <= bad`); all others are to be sent again.
    Poison { delivered: usize, bad: usize, failure: Failure },
    /// The parcel was refused as a whole: try parts of it.
    Split(Failure),
    /// A human must act first.
    Hold(Failure),
    /// The records are no longer ours to deliver. Nothing that is under way may be reported as delivered any more; the pipeline
    /// gives everything back and asks anew where to go on.
    Lost(Failure),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_says_its_reason_and_the_servers_words() {
        assert_eq!(Failure::new(Reason::Busy, "try later").to_string(), format!("{}: try later", Reason::Busy));
    }
}
