//! Every default and limit, with its unit and its reason. Related ones are asserted at the end.
//!
//! What a user can set is overridden by the configuration; the rest is fixed.

use std::time::Duration;

use crate::units::ByteSize;

/// What one pipeline holds in memory at most. 64 MiB is some 60,000 audit events, several times what a sink with a round
/// trip of 100 ms keeps in flight at full speed, and fits three times into the memory limit of a small pod.
pub const IN_FLIGHT_BYTES: ByteSize = ByteSize::mib(64);

/// A batch is full at this many events: at the 1.1 kB of an audit event the byte limit is reached first, so this one
/// only bounds the bookkeeping of a batch of tiny events.
pub const BATCH_MAX_EVENTS: usize = 10_000;

/// A batch is full at this size. Splunk Cloud stacks have been seen to refuse bodies of some 5 MB uncompressed; 2 MiB
/// amortises a round trip and keeps well below.
pub const BATCH_MAX_BYTES: ByteSize = ByteSize::mib(2);

/// How long after the previous request a batch may wait for more. A trickle costs ten requests a second.
pub const BATCH_MAX_AGE: Duration = Duration::from_millis(100);

/// Requests under way per pipeline. 16 batches of 2 MiB hide a round trip of 100 ms at more than 200 MiB/s.
pub const MAX_IN_FLIGHT: usize = 16;

/// The most that `max_in_flight` may be set to: queues are sized from it, and no collector gains from more.
pub const MAX_IN_FLIGHT_LIMIT: u32 = 1_000;

/// The most that `batch.max_events` may be set to: an index of 8 bytes per event is kept for every batch in flight.
pub const BATCH_MAX_EVENTS_LIMIT: u32 = 1_000_000;

/// How long a revoked or stopping pipeline waits for what is in flight: half of the 20 s to 30 s that container platforms
/// grant before they kill.
pub const DRAIN_DEADLINE: Duration = Duration::from_secs(10);

/// `session.timeout.ms` of the classic protocol; the Kafka client's own default, and within the broker's limits
/// (`group.min.session.timeout.ms` 6 s to `group.max.session.timeout.ms` 30 min).
pub const SESSION_TIMEOUT: Duration = Duration::from_secs(45);

/// Confluent Cloud keeps audit events for seven days.
pub const RETENTION: Duration = Duration::from_secs(7 * 24 * 3600);

/// From sending a HEC request to the end of its answer: a busy indexer may take tens of seconds, a dead one never ends.
pub const REQUEST_TIMEOUT: Duration = Duration::from_secs(60);

/// TCP connect and TLS handshake: two lost SYN packets (1 s and 2 s later) are survived.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Splunk replicates before it acknowledges; minutes are normal for an indexer cluster under load.
pub const ACK_TIMEOUT: Duration = Duration::from_secs(5 * 60);

/// How often a channel asks for its acknowledgements; one request carries all identifiers of the channel.
pub const ACK_POLL_INTERVAL: Duration = Duration::from_secs(1);

/// Where the probes, the metrics and the status page are served: local only, because they need no login.
pub const ADMIN_LISTEN: &str = "127.0.0.1:9470";

/// A pipeline's consumer group is this followed by the pipeline's name.
pub const GROUP_ID_PREFIX: &str = "auditferry-";

/// The topic of the audit cluster. Sources that read it are taken for the audit cluster, which is read-only, unless they
/// say `mirror: true`.
pub const AUDIT_TOPIC: &str = "confluent-audit-log-events";

/// Names of sources and pipelines: short enough for a metric label and a line in a table.
pub const NAME_MAX_LEN: usize = 64;

/// The longest topic name that brokers take (`Topic.MAX_NAME_LENGTH`).
pub const TOPIC_NAME_MAX_LEN: usize = 249;

/// librdkafka's own default of `max.poll.interval.ms`; it refuses a longer session timeout.
pub const MAX_POLL_INTERVAL: Duration = Duration::from_secs(5 * 60);

const _: () = {
    assert!(SESSION_TIMEOUT.as_millis() <= MAX_POLL_INTERVAL.as_millis(), "the Kafka client refuses to start");
    assert!(BATCH_MAX_BYTES.get() * 2 <= IN_FLIGHT_BYTES.get(), "at least two batches fit into the memory budget");
    assert!(BATCH_MAX_BYTES.get() * MAX_IN_FLIGHT as u64 <= IN_FLIGHT_BYTES.get(), "the budget fills every slot");
    assert!(DRAIN_DEADLINE.as_millis() < SESSION_TIMEOUT.as_millis(), "draining ends before the group gives us up");
    assert!(MAX_IN_FLIGHT <= MAX_IN_FLIGHT_LIMIT as usize);
    assert!(BATCH_MAX_EVENTS <= BATCH_MAX_EVENTS_LIMIT as usize);
    assert!(CONNECT_TIMEOUT.as_millis() < REQUEST_TIMEOUT.as_millis());
    assert!(ACK_POLL_INTERVAL.as_millis() < ACK_TIMEOUT.as_millis());
    assert!(ACK_TIMEOUT.as_millis() < RETENTION.as_millis());
    assert!(BATCH_MAX_AGE.as_millis() < DRAIN_DEADLINE.as_millis());
};
