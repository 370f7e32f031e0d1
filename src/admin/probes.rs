//! What the probes say, as pure functions of the board.
//!
//! Nobody sends us traffic, so readiness is about roll-outs: a bad configuration must stop at the first instance, while an
//! outage of Splunk must neither block a roll-out nor restart anything. Liveness fails only when a restart would help: no
//! network is asked, and a pipeline that is started again anyway does not count.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime};

use crate::defaults::POLL_SILENCE_MAX;
use crate::status::{PipelineStatus, State};

#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Verdict {
    Yes,
    /// What is missing, a line each.
    No(Vec<String>),
}

impl Verdict {
    fn of(missing: Vec<String>) -> Self {
        if missing.is_empty() { Self::Yes } else { Self::No(missing) }
    }
}

pub(super) fn started(started: bool) -> Verdict {
    if started { Verdict::Yes } else { Verdict::No(vec!["starting: not all pipelines are set up yet".to_owned()]) }
}

/// Fails when a poll thread no longer turns.
pub(super) fn live(pipelines: &[PipelineStatus], now: Instant) -> Verdict {
    let silent = pipelines.iter().filter_map(|pipeline| {
        let silence = silence(pipeline, now)?;
        let seconds = silence.as_secs();
        (silence > POLL_SILENCE_MAX)
            .then(|| format!("pipeline {}: the poll thread has not turned for {seconds} s", pipeline.name))
    });
    Verdict::of(silent.collect())
}

/// How long a poll thread that should turn has not; `None` when there is none.
fn silence(pipeline: &PipelineStatus, now: Instant) -> Option<Duration> {
    let silence = now.saturating_duration_since(pipeline.polled_at);
    match pipeline.state {
        State::Stopped => None,
        // Between two lives there is no poll thread: each failed start is a sign of life.
        State::Failed => {
            let failed = pipeline.last_failure.as_ref().map(|last| last.at);
            let since = failed.and_then(|at| SystemTime::now().duration_since(at).ok()).unwrap_or_default();
            Some(silence.min(since))
        }
        State::Starting | State::Running | State::BackingOff | State::Holding | State::Draining => Some(silence),
    }
}

/// Readiness is kept once it was reached.
#[derive(Default)]
pub(super) struct Readiness {
    reached: AtomicBool,
}

impl Readiness {
    pub(super) fn ready(&self, pipelines: &[PipelineStatus]) -> Verdict {
        let leaving: Vec<String> = pipelines
            .iter()
            .filter(|pipeline| matches!(pipeline.state, State::Draining | State::Stopped))
            .map(|pipeline| format!("pipeline {}: {}", pipeline.name, pipeline.state.as_str()))
            .collect();
        if !leaving.is_empty() {
            return Verdict::No(leaving);
        }
        if self.reached.load(Ordering::Relaxed) {
            return Verdict::Yes;
        }
        let mut missing: Vec<String> = pipelines.iter().filter_map(missing).collect();
        if pipelines.is_empty() {
            missing.push("starting: no pipeline is set up yet".to_owned());
        }
        if missing.is_empty() {
            self.reached.store(true, Ordering::Relaxed);
        }
        Verdict::of(missing)
    }
}

/// What a pipeline lacks to be ready.
fn missing(pipeline: &PipelineStatus) -> Option<String> {
    let name = &pipeline.name;
    if !pipeline.was_assigned {
        let why = pipeline.last_failure.as_ref().map(|last| format!(": {}", last.failure)).unwrap_or_default();
        return Some(format!("pipeline {name}: no partitions are assigned yet{why}"));
    }
    if pipeline.was_accepted {
        return None;
    }
    if let Some(failure) = &pipeline.holding {
        let remedy = failure.reason.remedy().map(|remedy| format!("; {remedy}")).unwrap_or_default();
        return Some(format!("pipeline {name}: the sink refuses until a human acts: {failure}{remedy}"));
    }
    // A quiet topic gives the sink nothing to answer, and must not keep a roll-out waiting for the next event.
    let quiet = pipeline.progress.in_flight == 0 && pipeline.partitions.iter().all(|p| p.lag == Some(0));
    (!quiet).then(|| format!("pipeline {name}: the sink has not answered yet"))
}
