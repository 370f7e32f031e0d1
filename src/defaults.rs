//! Every default and limit, with its unit and its reason. Related ones are asserted at the end.
//!
//! What a user can set is overridden by the configuration; the rest is fixed.

use std::time::Duration;

use crate::units::ByteSize;

/// What one pipeline holds in memory at most. 64 MiB is some 60,000 audit events, several times what a sink with a round
/// trip of 100 ms keeps in flight at full speed, and fits three times into the memory limit of a small pod.
pub const IN_FLIGHT_BYTES: ByteSize = ByteSize::mib(64);

/// With compression, batches of this many bytes together may wait for being compressed, or four if they are larger: what lies between
/// the poll thread and the lane. More would not make compressing faster.
pub const COMPRESSION_BACKLOG: ByteSize = ByteSize::mib(16);

/// A batch is full at this many events: at the 1.1 kB of an audit event the byte limit is reached first, so this one
/// only bounds the bookkeeping of a batch of tiny events.
pub const BATCH_MAX_EVENTS: usize = 10_000;

/// A batch is full at this size. Splunk Cloud stacks have been seen to refuse bodies of some 5 MB uncompressed; 2 MiB
/// amortises a round trip and keeps well below.
pub const BATCH_MAX_BYTES: ByteSize = ByteSize::mib(2);

/// How long after the previous request a batch may wait for more. A trickle costs ten requests a second.
pub const BATCH_MAX_AGE: Duration = Duration::from_millis(100);

/// Requests under way per pipeline. 24 batches of 2 MiB carry more than 400 MiB/s over a round trip of 100 ms.
pub const MAX_IN_FLIGHT: usize = 24;

/// The most that `max_in_flight` may be set to: queues are sized from it, and no collector gains from more.
pub const MAX_IN_FLIGHT_LIMIT: u32 = 1_000;

/// The most that `batch.max_events` may be set to: an index of 8 bytes per event is kept for every batch in flight.
pub const BATCH_MAX_EVENTS_LIMIT: u32 = 1_000_000;

/// How long a revoked or stopping pipeline waits for what is in flight: half of the 20 s to 30 s that container platforms
/// grant before they kill.
pub const DRAIN_DEADLINE: Duration = Duration::from_secs(10);

/// The longest line that is read from a file of events: brokers of Confluent Cloud take records of up to 8 MiB (20 MiB on
/// dedicated clusters), and JSON text may be escaped.
pub const EVENT_LINE_MAX: ByteSize = ByteSize::mib(64);

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
    assert!(TRIAL_PATIENCE.as_millis() < REQUEST_TIMEOUT.as_millis(), "else the trial spares nobody anything");
    let silence = ENDPOINT_SILENCE.as_millis() + HEC_HEALTH_TIMEOUT.as_millis();
    assert!(
        silence < DRAIN_DEADLINE.as_millis(),
        "what a black hole swallowed is delivered elsewhere before a stop gives up"
    );
};

// The archive.

/// A frame of a segment that is compressed while it is filled. Larger ones compress hardly better (1 MiB: within 1 % of the whole), and
/// whoever reads one record decompresses one frame.
pub const FRAME_BYTES: usize = 1 << 20;

/// A segment is closed at this many bytes of lines: an hour of some 25 events a second.
pub const SEGMENT_RAW_BYTES: ByteSize = ByteSize::mib(128);

/// A segment is closed at this many bytes as stored: one request carries it.
pub const SEGMENT_STORED_BYTES: ByteSize = ByteSize::mib(48);

/// A segment is closed this long after its first record: what is archived is never older than that.
pub const SEGMENT_AGE: Duration = Duration::from_secs(15 * 60);

/// Level 3 of Zstandard compresses audit events to a tenth at some 800 MB/s; higher ones gain little and cost much.
pub const COMPRESSION_LEVEL: i32 = 3;

/// The most that a segment may be set to: as much as one request to any of the stores may carry, by far.
pub const SEGMENT_MAX_BYTES: ByteSize = ByteSize::mib(1024);

/// So many segments are read at the same time when an archive is verified: two cores are busy, and memory holds as many segments.
pub const SEGMENTS_AT_ONCE: usize = 4;

/// The name of the key that signs an archive.
pub const SIGNER: &str = "auditferry";

/// What a pipeline to an archive holds in memory at most, by default: half of it in segments that are being filled. Segments are held
/// compressed, so this is some 2 GB of events.
pub const ARCHIVE_IN_FLIGHT_BYTES: ByteSize = ByteSize::mib(128);

/// After the end of an hour, before its digest is written: links that are on their way arrive, and clocks may differ.
pub const DIGEST_GRACE: Duration = Duration::from_secs(60);

/// How soon a digest that could not be written is tried again.
pub const DIGEST_RETRY: Duration = Duration::from_secs(60);

// Fixed limits of delivery.

/// First delay after a failed attempt; the n-th is up to `RETRY_BASE * 2^n`.
pub const RETRY_BASE: Duration = Duration::from_millis(200);

/// Longest delay between attempts at an endpoint that asks for none: an endpoint that is back is noticed within this time.
pub const RETRY_CAP: Duration = Duration::from_secs(30);

/// The longest `Retry-After` that is honoured: a wrong date must not stop delivery for a year.
pub const RETRY_AFTER_MAX: Duration = Duration::from_secs(300);

/// An endpoint with parcels under way that has answered nothing for this long is asked about its health: longer than a healthy one
/// usually takes, and than what lost packets cost (a first retransmission comes after 1 s at most).
pub const ENDPOINT_SILENCE: Duration = Duration::from_secs(2);

/// After a failure an endpoint gets one parcel on trial. While others work it has this long to answer; busy indexers take
/// seconds. What a black hole would hold up is one parcel for this long, instead of for the time limit of a request.
pub const TRIAL_PATIENCE: Duration = Duration::from_secs(10);

/// On hold, one parcel is sent as a probe this often: rare enough not to be a login attack, often enough that delivery
/// resumes soon after a human has mended the cause.
pub const HOLD_PROBE_INTERVAL: Duration = Duration::from_secs(5);

/// Committing costs a request to the group coordinator; a crash repeats what was delivered since the last one.
pub const COMMIT_INTERVAL: Duration = Duration::from_secs(1);

/// How long one call into the Kafka client may wait for a record. Bounds how late settlements, timers and a stop are seen.
pub const POLL_WAIT: Duration = Duration::from_millis(50);

/// Records taken from the client's queue before timers and settlements are looked at again.
pub const RECORDS_PER_TURN: usize = 512;

/// At the byte bound the poll thread first waits this long for room before it pauses the partitions: pausing throws
/// away what the client has fetched ahead.
pub const PAUSE_AFTER: Duration = Duration::from_millis(500);

/// Runs tracked beyond the watermark at most. A batch that is stuck while others pass must not let the ledger, and what
/// a crash would repeat, grow without bound. 64 bytes each. Six partitions at 50,000 events/s make some 180 a second: so one
/// endpoint that is gone, with requests that it took and will not acknowledge, does not slow the others within [`ACK_TIMEOUT`].
pub const TRACKED_RUNS_MAX: usize = 65_536;

/// How much of what a server says is kept and shown.
pub const DETAIL_MAX_CHARS: usize = 300;

/// Sealed batches on their way from the poll thread to the lane. The lane takes them at once, so this is never full for
/// long; what bounds memory is `in_flight_bytes`.
pub const BATCH_QUEUE: usize = 64;

/// Groups of events that are filled at the same time, each into a request of its own. All together are as large as one batch,
/// so with more of them requests become small: 16 of 2 MiB are 128 KiB each.
pub const OPEN_GROUPS_MAX: usize = 16;

// Fixed limits of the Splunk HEC sink.

/// How much of an answer is read. The longest honest one, 1,000 acknowledgements, is some 20 KiB.
pub const HEC_ANSWER_MAX_BYTES: usize = 64 * 1024;

/// Identifiers in one query for acknowledgements; keeps its answer below [`HEC_ANSWER_MAX_BYTES`].
pub const HEC_ACKS_PER_QUERY: usize = 1_000;

/// Requests of one endpoint that may wait for their acknowledgement. Splunk keeps 1,000,000 per channel; this bounds our
/// bookkeeping (about 200 bytes each) should the parcels be tiny.
pub const HEC_PENDING_ACKS_MAX: usize = 100_000;

/// How long an endpoint has to answer the question about its health: as long as for connecting, so that two lost SYN packets
/// are survived. A healthy one answers in milliseconds, because no event is involved.
pub const HEC_HEALTH_TIMEOUT: Duration = CONNECT_TIMEOUT;

/// Channels of one endpoint that are asked for their acknowledgements at the same time; with `max_in_flight` channels of the
/// default that is three round trips.
pub const HEC_ACK_QUERIES_AT_A_TIME: usize = 8;

/// While acknowledgements stay away, the pause between two queries grows by a quarter up to this. Splunk advises 10 s.
pub const HEC_ACK_POLL_MAX: Duration = Duration::from_secs(10);

/// A body of at least this size whose object 0 is called invalid was probably too large as a whole: Splunk Cloud answers
/// so above some 5 MB. Below, the answer is believed.
pub const HEC_OVERSIZE_SUSPECT: ByteSize = ByteSize::mib(1);

/// For how long the token that worked before is still tried where the new one is refused, once the new one has worked
/// somewhere: behind a load balancer one indexer may learn of it minutes after another.
pub const HEC_TOKEN_OVERLAP: Duration = Duration::from_secs(15 * 60);

/// While the previous token is in use because the new one was refused, the new one is tried this often.
pub const HEC_NEW_TOKEN_RETRY: Duration = Duration::from_secs(5);

// Fixed limits of the webhook sink.

/// How much of an answer's body is kept: what is shown of it is shorter.
pub const WEBHOOK_ANSWER_KEPT_BYTES: usize = 16 * 1024;

/// How long an answer may be. Some receivers send back what they took, and a batch has 2 MiB; an answer without an end is none.
pub const WEBHOOK_ANSWER_MAX_BYTES: usize = 8 * 1024 * 1024;

/// The most that the attributes of a CloudEvent may take as headers: servers allow 8 KiB and more for all headers together.
pub const WEBHOOK_HEADERS_MAX_BYTES: usize = 6 * 1024;

/// The shortest key of a signature, in bytes, as Standard Webhooks has it.
pub const WEBHOOK_KEY_MIN_BYTES: usize = 24;

/// The longest value of a field in a message for people. Ten of them in a card of Teams keep below its 28 KB, whatever they hold.
pub const WEBHOOK_FACT_MAX_CHARS: usize = 400;

/// The header by which a receiver can know an event that comes twice.
pub const WEBHOOK_IDENTITY_HEADER: &str = "Idempotency-Key";

/// Where PagerDuty takes events.
pub const WEBHOOK_PAGERDUTY_URL: &str = "https://events.pagerduty.com/v2/enqueue";

/// The longest template.
pub const WEBHOOK_TEMPLATE_MAX_BYTES: usize = 64 * 1024;

// Files that are read again when they change.

/// How often they are looked at. This and a probe on hold make less than the 10 s within which a new token is to be in use;
/// reading some small files costs nothing at this pace.
pub const RELOAD_INTERVAL: Duration = Duration::from_secs(1);

/// The largest certificate, key or trust store that is read: a hundred times the trust store of a JDK.
pub const RELOADED_FILE_MAX_BYTES: ByteSize = ByteSize::mib(16);

// Fixed limits of enrichment.

/// The largest table that is read: it is compared once a second, which takes some 10 ms at this size, and takes several times
/// as much memory while it is read. Not more than [`RELOADED_FILE_MAX_BYTES`], or a change behind it would not be seen.
pub const TABLE_FILE_MAX_BYTES: ByteSize = ByteSize::mib(16);

/// Rows of a table: more service accounts, clusters and networks than an organisation has; some 100 bytes each.
pub const TABLE_ROWS_MAX: u32 = 250_000;

/// Columns of a table in JSON, whose rows may each have their own.
pub const TABLE_COLUMNS_MAX: usize = 64;

/// What one row adds to an event, as JSON. An audit event has some 1.1 kB.
pub const TABLE_ROW_MAX_BYTES: ByteSize = ByteSize::kib(8);

/// What all rows of a table add, as JSON: names of columns repeat in each.
pub const TABLE_TEXT_MAX_BYTES: ByteSize = ByteSize::mib(64);

/// The largest GeoIP database that is read. GeoLite2-City has some 60 MB; all of it is held in memory.
pub const GEOIP_FILE_MAX_BYTES: ByteSize = ByteSize::mib(256);

/// What a table of networks adds is called so, if it is one value without a name.
pub const NETWORK_FIELD: &str = "client_network";

/// Stands in front of what a GeoIP database adds: a bare `country` could be anybody's.
pub const GEOIP_PREFIX: &str = "client_";

const _: () = assert!(TABLE_FILE_MAX_BYTES.get() <= RELOADED_FILE_MAX_BYTES.get());

/// The longest event that HEC takes: `maxEventSize` of Splunk's `inputs.conf`, 5 MB by default. A longer one is refused as
/// unreadable, together with what comes after it in the request; so it is not sent at all.
pub const HEC_EVENT_MAX_BYTES: ByteSize = ByteSize::mib(5);

/// An endpoint that says its queue fills up (codes 24 and 25) is left alone for this long after each request, and gets one at a
/// time: some eight requests a second of 2 MiB, until it says so no more.
pub const HEC_SLOW_DOWN: Duration = Duration::from_millis(100);

/// Topics whose metadata is remembered. A cluster has fewer; if not, they are looked up anew.
pub const HEC_TOPICS_MAX: usize = 4_096;

/// Where a mapping to Splunk's Common Information Model puts its fields: a name that no audit event has, short because it
/// stands in front of every field in searches.
pub const CIM_MEMBER: &str = "cim";

/// How much of a payload is searched for its time. A pattern takes time in proportion to it.
pub const HEC_EXTRACT_MAX_BYTES: usize = 16 * 1024;

// Fixed limits of redaction.

/// A larger event is not redacted and does not leave: beyond what Kafka's brokers take by default (1 MiB) and HEC's 5 MB there
/// is no audit event.
pub const REDACT_EVENT_MAX_BYTES: ByteSize = ByteSize::mib(16);

/// Parts of one event that are redacted at most; real ones have a few dozen.
pub const REDACT_EDITS_MAX: usize = 100_000;

/// Different values per event that are searched for in the rest of it: each costs a search through the whole event.
pub const REDACT_VALUES_MAX: usize = 1_000;

/// A value of fewer bytes is replaced elsewhere only where it stands alone: as a part of words it would shred the event.
pub const REDACT_SWEEP_MIN: usize = 4;

/// How many layers of percent-encoding and of documents within strings are undone before something is searched for.
pub const REDACT_DECODING_ROUNDS: usize = 4;

/// The shortest key of pseudonyms, in bytes. Whoever can guess the key can look up every value: 16 random characters cannot
/// be guessed.
pub const REDACT_KEY_MIN_BYTES: usize = 16;

/// The longest name of a key: it stands in every pseudonym.
pub const REDACT_KEY_ID_MAX_LEN: usize = 16;

/// What stands in the place of what is replaced.
pub const REDACT_REPLACEMENT: &str = "[redacted]";

/// The most characters that a mask may leave readable: more would be most of an identifier.
pub const REDACT_KEEP_LAST_MAX: u32 = 8;

/// Members of payloads that stay: they say what was asked for, and never with which content. The principal of a role binding is
/// among them: who was given which role is what an audit trail is for, and the preset `identities` covers it.
pub const REDACT_KEEP_MEMBERS: &[&str] = &[
    "api_version",
    "availability",
    "cloud",
    "kind",
    "num_partitions",
    "operation",
    "pattern_type",
    "permission_type",
    "phase",
    "principal",
    "region",
    "replication_factor",
    "resource_type",
    "role",
    "role_name",
    "status",
];

/// Patterns of all steps of a pipeline together; each has a bit in a word.
pub const REDACT_PATTERNS_MAX: usize = 64;

// Looking at a cluster, and the dead-letter stores.

/// Total time that `check --online` and `deadletter` give one cluster to answer: enough for a DNS time-out (5 s) and a
/// second attempt, short enough to wait for at a terminal.
pub const INSPECT_DEADLINE: Duration = Duration::from_secs(15);

/// A refused connection or an unknown host may be the first of several addresses; after this long it is the result.
pub const CONNECT_PATIENCE: Duration = Duration::from_secs(5);

/// One request to a broker; several fit into [`INSPECT_DEADLINE`].
pub const BROKER_REQUEST_TIMEOUT: Duration = Duration::from_secs(3);

/// How long `check --online` waits for the first unread record of each partition. Without it only their age is unknown.
pub const FIRST_UNREAD_WAIT: Duration = Duration::from_secs(5);

/// A dead letter that the brokers have not acknowledged after this long has failed; the record stays where it was.
pub const LETTER_TIMEOUT: Duration = Duration::from_secs(25);

/// Reading on in a dead-letter topic: the broker has this long to hand over the next record.
pub const LETTER_READ_TIMEOUT: Duration = Duration::from_secs(15);

/// A dead-letter directory's temporary file of this age is a leftover of a crash: writing one takes milliseconds.
pub const TEMPORARY_FILE_AGE: Duration = Duration::from_secs(600);

/// `deadletter retry` tries one letter this often, about half a minute in total, before it leaves it and goes on.
pub const LETTER_ATTEMPTS: usize = 5;

/// `health` waits this long: shorter than the 30 s that Docker gives a health check by default.
pub const HEALTH_TIMEOUT: Duration = Duration::from_secs(5);

const _: () = {
    assert!(DRAIN_DEADLINE.as_millis() < POLL_SILENCE_MAX.as_millis(), "draining is no silence");
    assert!(CONNECT_PATIENCE.as_millis() < INSPECT_DEADLINE.as_millis());
    assert!(BROKER_REQUEST_TIMEOUT.as_millis() * 2 < INSPECT_DEADLINE.as_millis());
};

// Fixed limits of running and stopping.

/// A pipeline whose source cannot go on is started again after this pause.
pub const PIPELINE_RESTART: Duration = Duration::from_secs(10);

/// Beyond the drain deadline a stop may take this long: one last commit, whose request may time out.
pub const STOP_ALLOWANCE: Duration = Duration::from_secs(10);

/// How long the Kafka client may take to leave its group and close, once everything is committed.
pub const CLOSE_ALLOWANCE: Duration = Duration::from_secs(5);

// Fixed limits of the log, the metrics and the admin server.

/// How long after a log line its repetitions are counted instead of shown.
pub const LOG_REPEAT_WINDOW: Duration = Duration::from_secs(10);

/// Different log lines below ERROR that one place in the code may write per window about one pipeline: enough for a line per
/// partition of a usual topic, few enough to survive a flood of dead letters.
pub const LOG_BURST: usize = 20;

/// Looking at an event for what is new in it costs as much as passing it on; one look per 5 ms is a thousandth of a core, and
/// covers every event of a stream of up to 200 a second.
pub const DRIFT_LOOK: Duration = Duration::from_millis(5);

/// Looks that a quiet stream may save up, as time: 1,000 looks.
pub const DRIFT_CREDIT: Duration = Duration::from_secs(5);

/// The sensor reads the clock once per so many events: reading it costs a tenth of passing an event on.
pub const DRIFT_CLOCK_EVERY: u32 = 64;

/// Different changes that are reported and remembered. The format has some 200 members: more than this is another format.
pub const DRIFT_KINDS: usize = 256;

/// The longest name or word that a report of a change shows, in bytes.
pub const DRIFT_NAME_CHARS: usize = 64;

/// How often summaries of repeated log lines are looked for.
pub const LOG_UPKEEP_INTERVAL: Duration = Duration::from_secs(1);

/// The metrics exporter keeps single values of histograms until they are folded into buckets.
pub const METRICS_UPKEEP_INTERVAL: Duration = Duration::from_secs(5);

/// A poll thread that has not turned for this long will not turn again. Its longest honest wait is the drain deadline at a
/// rebalance; with `max.poll.interval.ms` (5 minutes by default) the group would give it up soon after.
pub const POLL_SILENCE_MAX: Duration = Duration::from_secs(120);

/// Connections to the admin server at a time: probes, a scraper or two, a person. More wait in the kernel's queue.
pub const ADMIN_CONNECTIONS_MAX: usize = 64;

/// One connection carries one request and ends after this long, however slowly its client writes or reads. Scrapers give up
/// after ten seconds by default.
pub const ADMIN_CONNECTION_TIME: Duration = Duration::from_secs(10);

/// A request's line and headers, in bytes; longer ones are refused.
pub const ADMIN_HEAD_MAX: usize = 16 * 1024;

/// When the process runs out of file descriptors, the admin server takes no connections for this long.
pub const ADMIN_ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// At the very end, answers under way have this long to reach their clients.
pub const ADMIN_CLOSE_TIME: Duration = Duration::from_secs(1);

/// The longest condition. A screen of text; what is longer is a program, and has no place in a rule.
pub const CONDITION_MAX_BYTES: usize = 16 * 1024;

/// Brackets and conditions within each other at most. Each level costs stack where it is parsed, checked and evaluated.
pub const CONDITION_MAX_DEPTH: usize = 64;

/// What a compiled regular expression may take in bytes. Patterns over names and addresses take a few thousand.
pub const CONDITION_REGEX_BYTES: usize = 1024 * 1024;

/// What Confluent's published audit log monitor takes for sensitive, unless it is told otherwise.
pub const MONITOR_PREFIX: &str = "sensitive-";

/// The operations that it looks for, in the permissions that were checked.
pub const MONITOR_OPERATIONS: [&str; 2] = ["Read", "Describe"];

/// Reading, as it is called where requests are logged: a denied fetch may be logged there only.
pub const MONITOR_METHODS: [&str; 1] = ["kafka.Fetch"];

/// Under this name its events are counted.
pub const MONITOR_NAME: &str = "monitor";
