//! What is new in the events, as log lines and metrics.
//!
//! A pipeline that redacts keeps to itself what could be data: the log must not show what the sink does not get.

use ::metrics::counter;

use crate::metrics::names;
use crate::transform::drift::{Change, Finding, Sensor};

pub(super) fn sensor(pipeline: &str, redacts: bool) -> Sensor {
    let counter =
        |change: Change| counter!(names::EVENT_DRIFT, "pipeline" => pipeline.to_owned(), "change" => change.as_str());
    let pipeline = pipeline.to_owned();
    Sensor::new(counter, move |finding| report(&pipeline, redacts, finding))
}

/// Nothing is wrong with the event; but a rule or a dashboard may be blind to it now.
fn report(pipeline: &str, redacts: bool, finding: &Finding<'_>) {
    let Finding { change, at, found, is_last } = *finding;
    let (at, found) = if redacts { (without_ids(at), harmless(change, found)) } else { (at, found) };
    tracing::info!(pipeline, change = change.as_str(), at, found, "the events hold something new");
    if is_last {
        tracing::info!(pipeline, "the events hold more that is new; from now on it is only counted");
    }
}

const WITHHELD: &str = "(withheld: the pipeline redacts)";

/// Types and methods are the vendor's own; words and names of members may be anybody's.
fn harmless(change: Change, found: &str) -> &str {
    match change {
        Change::Type | Change::Method => without_ids(found),
        Change::Word | Change::Member | Change::Kind => WITHHELD,
    }
}

/// Ids and addresses have digits; the vendor's names have none.
fn without_ids(text: &str) -> &str {
    if text.bytes().any(|byte| byte.is_ascii_digit()) { WITHHELD } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pipeline_that_redacts_shows_nothing_that_could_be_data() {
        for (change, found, shown) in [
            (Change::Type, "io.confluent.new/request", "io.confluent.new/request"),
            (Change::Method, "CreateThing", "CreateThing"),
            (Change::Method, "sa-1abc2d", WITHHELD),
            (Change::Word, "alice", WITHHELD),
            (Change::Member, "alice", WITHHELD),
        ] {
            assert_eq!(harmless(change, found), shown, "{found}");
        }
        assert_eq!(without_ids("data.request"), "data.request");
        assert_eq!(without_ids("data.u-1"), WITHHELD);
    }
}
