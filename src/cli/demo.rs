//! `demo`: see events travel, with faults on the way, without an account or another program.
//!
//! What happens meanwhile is for people and goes to standard error ([`screen`]); the verdict is the result and goes to
//! standard output. With `--format json` everything is a JSON object per line on standard output.

mod result;
mod screen;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use clap::Args as ClapArgs;
use serde_json::{Value, json};

use super::terminal::{Format, print, print_json};
use super::{Exit, Wrong};
use crate::demo::{Audience, Scene, Verdict, perform};
use crate::log;
use screen::Screen;

#[derive(Debug, ClapArgs)]
pub(super) struct DemoArgs {
    /// Also show the log of the pipeline.
    #[arg(long, short)]
    verbose: bool,

    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// How often progress is written as JSON.
const JSON_PROGRESS_EVERY: Duration = Duration::from_secs(1);

pub(super) fn demo(args: &DemoArgs) -> anyhow::Result<Exit> {
    if args.verbose {
        let format = match args.format {
            // Among the lines that tell what happens.
            Format::Text => log::Format::Text,
            Format::Json => log::Format::Auto,
        };
        log::init(format, None).map_err(Wrong)?;
    }
    let verdict = match args.format {
        Format::Text => {
            let screen = Arc::new(Screen::new(args.verbose));
            let audience: Audience = {
                let screen = Arc::clone(&screen);
                Arc::new(move |scene| screen.show(scene))
            };
            let verdict = play(&audience);
            screen.close();
            let verdict = verdict?;
            print(result::text(&verdict))?;
            verdict
        }
        Format::Json => {
            let verdict = play(&json_audience())?;
            print_json(&verdict_json(&verdict))?;
            verdict
        }
    };
    Ok(if verdict.passed() { Exit::Done } else { Exit::Failed })
}

fn play(audience: &Audience) -> anyhow::Result<Verdict> {
    let verdict = perform(audience);
    log::flush();
    verdict
}

fn json_audience() -> Audience {
    let last: Mutex<Option<Instant>> = Mutex::new(None);
    Arc::new(move |scene| {
        if matches!(scene, Scene::Progress(_)) {
            let mut last = last.lock().unwrap_or_else(PoisonError::into_inner);
            if last.is_some_and(|last| last.elapsed() < JSON_PROGRESS_EVERY) {
                return;
            }
            *last = Some(Instant::now());
        }
        // That nobody reads it changes nothing until the verdict, where it is found again.
        print_json(&scene_json(scene)).unwrap_or_default();
    })
}

fn scene_json(scene: &Scene) -> Value {
    match scene {
        Scene::Opening { backlog, per_second, partitions, kafka, splunk, status_page } => json!({
            "event": "opening", "backlog": backlog, "per_second": per_second, "partitions": partitions,
            "kafka": kafka, "splunk": splunk, "status_page": status_page,
        }),
        Scene::Begins { act, text } => json!({"event": "begins", "act": act.as_str(), "text": text}),
        Scene::Meanwhile { act, text } => json!({"event": "meanwhile", "act": act.as_str(), "text": text}),
        Scene::Ends { act, text } => json!({"event": "ends", "act": act.as_str(), "text": text}),
        Scene::Missed { act } => json!({"event": "missed", "act": act.as_str()}),
        Scene::Progress(counts) => json!({
            "event": "progress", "seconds": rounded(counts.seconds), "produced": counts.produced,
            "delivered": counts.delivered, "dead_lettered": counts.dead_lettered, "duplicates": counts.duplicates,
            "waiting": counts.waiting, "state": counts.state.as_str(),
        }),
    }
}

fn verdict_json(verdict: &Verdict) -> Value {
    let letters: Vec<Value> = verdict
        .letters
        .iter()
        .map(|at| json!({"partition": at.partition, "offset": at.offset, "reason": at.reason, "detail": at.detail}))
        .collect();
    let uncommitted: Vec<Value> = verdict
        .uncommitted
        .iter()
        .map(|at| json!({"partition": at.partition, "committed": at.committed, "end": at.end}))
        .collect();
    let lost_at: Vec<Value> =
        verdict.lost_at.iter().map(|(partition, offset)| json!({"partition": partition, "offset": offset})).collect();
    json!({
        "event": "verdict",
        "passed": verdict.passed(),
        "produced": verdict.produced,
        "read": verdict.read,
        "delivered": verdict.delivered,
        "filtered": verdict.filtered,
        "dead_lettered": verdict.dead_lettered,
        "dead_letters": letters,
        "duplicates": verdict.duplicates.total,
        "duplicates_expected": verdict.duplicates.expected,
        "lost": verdict.lost,
        "lost_at": lost_at,
        "partitions": verdict.partitions,
        "uncommitted": uncommitted,
        "books_agree": verdict.books_agree,
        "missed": verdict.missed.iter().map(|act| act.as_str()).collect::<Vec<_>>(),
        "backlog_events_per_second": verdict.backlog_per_second,
        "latency_ms": {
            "p50": verdict.latency.p50_ms, "p99": verdict.latency.p99_ms, "longest": verdict.latency.longest_ms,
        },
        "seconds": rounded(verdict.seconds),
    })
}

fn rounded(seconds: f64) -> f64 {
    (seconds * 10.0).round() / 10.0
}
