//! The log of `run`: standard error, one line per event.
//!
//! On a terminal for people, otherwise one JSON object a line. What other crates say matters only from WARN on, and the
//! Kafka client's own lines never: it is asked for its errors in another way, and words them for developers of Kafka.

use std::io::{self, IsTerminal};

use tracing_subscriber::EnvFilter;

const LEVELS: &str = "warn,auditferry=info,librdkafka=off";

/// From now on log lines are written. Only the first call in a process counts.
pub(super) fn install() {
    let lines = tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::new(LEVELS))
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal())
        .with_target(false);
    let installed = match io::stderr().is_terminal() {
        true => lines.try_init(),
        false => lines.json().flatten_event(true).with_current_span(false).with_span_list(false).try_init(),
    };
    // Somebody who embeds this has a log of their own already.
    installed.unwrap_or_default();
}
