//! auditferry carries audit events from Kafka to a SIEM and signs nothing off until the far bank has said "received".
//!
//! # The map
//!
//! *Records* come from a [`source`], are tracked in the [`ledger`](delivery::ledger), pass the [chain](transform), wait in a
//! [`batch`](delivery::batch), are delivered by the [`sink`], and *settle*; the ledger's *watermark* is what is committed.
//!
//! - [`position`], [`reason`], [`secret`], [`units`], [`defaults`]: the vocabulary; leaves.
//! - [`event`]: what is carried, borrowed from the client; the check that lets a payload be embedded unchanged; the canonical
//!   [view](event::View), one set of names over both dialects of audit events.
//! - [`transform`]: the chain. Only what it has cleared can reach a sink. [`transform::drift`] notices what is new in the events.
//! - [`source`] and [`sink`]: the two traits of the program, with Kafka behind the one, Splunk HEC, the archive and webhooks
//!   behind the other.
//! - [`archive`]: the format of the archive that proves itself, and how it is verified; its [sink](sink::archive) writes it.
//! - [`delivery`]: the guarantee. Knows neither Kafka nor Splunk.
//! - [`dead_letter`]: where letters are kept. [`tls`]: the one way to build an HTTPS client and to read a trust store.
//!   [`reload`]: what is made anew when files change.
//! - [`config`]: what the file says, and what it means.
//! - [`status`], [`metrics`], [`log`], [`admin`]: what can be seen from outside.
//! - [`pipeline`]: the composition root, the only place that wires parts and starts tasks.
//! - [`import`]: reads what the Java connector was told and writes a configuration of ours.
//! - [`cli`]: one file per subcommand. [`demo`]: stand-ins that speak the wire, shared with the tests.
//!
//! Dependencies point one way, from the bottom of this list to its top; `tests/tidy.rs` checks it.
//!
//! # Non-obvious
//!
//! What has broken once, or would break silently:
//!
//! - A `TopicPartitionList` that stays alive keeps the Kafka client from closing; copy it in the same statement.
//! - Closing the client consumes messages and moves its position: never commit `position()`.
//! - A transaction marker at the end of a partition brings no record; without [`source::Event::Position`] lag would never
//!   reach zero.
//! - After a pause, a resume or an assignment the client's statistics still show the fetch position from before, for as long
//!   as the broker is away: a hole may be closed only when the client has read on since.
//! - No answer to an asynchronous commit ever comes from the client's Rust binding; the statistics tell what was committed.
//! - The client's Rust binding panics on a header's name, or a note beside a committed position, that is not UTF-8; one
//!   record must not end the process for ever.
//! - While the coordinator is away the client keeps a commit and sends it again afterwards: a successor that was sent meanwhile
//!   could be overtaken, and the committed position would go back.
//! - Where reading began is something to commit, too; committed first, it would hold up the first progress by a second.
//! - A batch that always fails while others pass resets the endpoint's back-off each time; so it has a back-off of its own.
//! - A parcel that finds out that an endpoint swallows requests is stuck for as long as a request may take, and after so many runs
//!   reading stops: one black hole of several endpoints would slow all. So endpoints are asked, without an event.
//! - A proof that comes later says nothing about the next parcel: while acknowledgements of before still come in, an endpoint may
//!   refuse all that is new. So only an answer to a parcel ends a back-off or a hold.
//! - The allocator gives each thread a region of its own: what is compressed on one and let go on another made the process grow to
//!   twice what was held. So the memory of compressed bodies is used again.
//! - To read on only when half of the budget is free means to stand still for most of the time that acknowledgements take.
//! - A batch that is stuck while others pass lets the ledger grow; so the number of tracked runs bounds reading, too.
//! - A payload that merely looks like JSON could close its envelope and forge events; so each is checked in full.
//! - The Kafka client tells some refused certificates as broken connections, and all with the same words.
//! - A PKCS#12 store made by OpenSSL marks nothing as trusted; one made by Java does, and only what is marked counts there.
//! - A server's certificate that signs itself may call itself an authority; the usual verification refuses that even when
//!   the very certificate stands in the trust store.
//! - A file that is being written looks broken; so it is complained about only when it has stood still.
//! - Splunk stops reading at an envelope with a member that it does not know, and answers with success; so envelopes that come
//!   from outside are checked in full.
//! - An index that a record asks for may be forbidden; if that held delivery, one record could stop all others for ever.
//! - A value that is to be redacted stands in more places than its own, in other spellings, and in names: so what was found is searched
//!   for in the whole event, decoded first.
//! - A word of the events' own vocabulary that somebody takes for a name must not be searched for: it would shred every event.
//! - Open batches of different groups are closed together: one left open while others fill up would hold its partitions' watermark.
//! - Of a member that is there twice some readers take the first and some the last; so no rule drops an event because of one.
//! - A name may stand for another address the next time it is asked for: so what a webhook's name stands for is judged where the
//!   connection is made, and an address within a URL where the URL is read, because it is never looked up.
//! - A recall stands until its slot is recalled again: forgetting it earlier would let the lane send what was revoked.

pub mod admin;
pub mod archive;
pub mod cli;
pub mod config;
pub mod dead_letter;
pub mod defaults;
pub mod delivery;
pub mod demo;
pub mod event;
pub mod import;
pub mod log;
pub mod metrics;
pub mod pipeline;
pub mod position;
pub mod reason;
pub mod reload;
pub mod secret;
pub mod sink;
pub mod source;
pub mod status;
pub mod tls;
pub mod transform;
pub mod units;
