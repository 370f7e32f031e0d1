//! What is new in the events, as log lines and metrics.

use ::metrics::counter;

use crate::metrics::names;
use crate::transform::drift::{Change, Finding, Sensor};

pub(super) fn sensor(pipeline: &str) -> Sensor {
    let counter =
        |change: Change| counter!(names::EVENT_DRIFT, "pipeline" => pipeline.to_owned(), "change" => change.as_str());
    let pipeline = pipeline.to_owned();
    Sensor::new(counter, move |finding| report(&pipeline, finding))
}

/// Nothing is wrong with the event; but a rule or a dashboard may be blind to it now.
fn report(pipeline: &str, finding: &Finding<'_>) {
    let Finding { change, at, found, is_last } = *finding;
    tracing::info!(pipeline, change = change.as_str(), at, found, "the events hold something new");
    if is_last {
        tracing::info!(pipeline, "the events hold more that is new; from now on it is only counted");
    }
}
