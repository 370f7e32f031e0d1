//! The composition root: the only place that wires parts and starts tasks and threads.
//!
//! A pipeline is one source, one chain, one sink and one consumer group, with its own memory budget. Pipelines share
//! nothing but the process: when one cannot go on it is started again after a pause, and the others do not notice. A task
//! or thread that ends unexpectedly (a panic) ends the process, because nobody knows what it would have done.
//!
//! Stopping is a sequence with one deadline per step: stop reading, drain what is in flight, commit, close the connection
//! to Kafka, end the lane; the admin server goes last.

mod drift_report;
mod enrichment;
mod lane_report;
mod poll_report;
mod trust;

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context, anyhow, bail};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::config::{AdminConfig, Config, PipelineConfig, SinkConfig, SourceConfig};
use crate::dead_letter::{Store, letter_store};
use crate::defaults;
use crate::delivery::attempt::{Coding, Failure};
use crate::delivery::batch::{BatchBuilder, BatchLimits, FrameLimits};
use crate::delivery::budget::Budget;
use crate::delivery::conductor::{Conductor, ConductorParts};
use crate::delivery::lane::{Lane, LaneParts};
use crate::delivery::open::Closing;
use crate::delivery::settlement::{Mail, Settlements};
use crate::sink::Sink;
use crate::sink::archive::Archive;
use crate::sink::splunk_hec::SplunkHec;
use crate::sink::webhook::Webhook;
use crate::source::Positions;
use crate::source::kafka::KafkaSource;
use crate::status::{PipelineBoard, State, StatusBoard};
use crate::transform::Chain;
use crate::{admin, log, metrics};
use trust::Watched;

/// Runs all pipelines until SIGTERM or SIGINT, then stops them in order. Blocks.
///
/// # Errors
/// The admin address cannot be used, a sink cannot be built, or a task ended that should not have.
pub fn run(config: Config) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .thread_name("auditferry")
        .build()
        .context("start the runtime")?;
    let result = runtime.block_on(run_until(config, stop_signal()));
    // A connection that does not close must not keep the process from ending: everything is committed by now.
    runtime.shutdown_timeout(Duration::from_millis(200));
    result
}

/// Runs all pipelines until `stop` completes. Must be called within a multi-threaded runtime.
///
/// # Errors
/// As for [`run`].
pub async fn run_until(config: Config, stop: impl Future<Output = ()>) -> anyhow::Result<()> {
    run_on(StatusBoard::new(), config, stop).await
}

/// As [`run_until`], and writes what happens on a board that the caller can read.
///
/// # Errors
/// As for [`run`].
pub async fn run_on(board: StatusBoard, config: Config, stop: impl Future<Output = ()>) -> anyhow::Result<()> {
    metrics::install();
    let mut tasks: JoinSet<anyhow::Result<()>> = JoinSet::new();
    let (stopping, ended) = (CancellationToken::new(), CancellationToken::new());
    if let AdminConfig::Enabled { listen } = config.admin {
        let bound = admin::bind(listen).with_context(|| format!("listen on {listen} (admin.listen)"))?;
        tracing::info!(address = %bound.address(), "admin server listens");
        let serve = bound.serve(board.clone(), ended.clone());
        tasks.spawn(async move { serve.await.context("serve the admin address") });
    }
    let until_ended = ended.clone();
    tasks.spawn(async move {
        tokio::select! {
            () = metrics::run_upkeep() => Err(anyhow!("metrics upkeep ended")),
            () = log::run_upkeep() => Err(anyhow!("log upkeep ended")),
            () = until_ended.cancelled() => Ok(()),
        }
    });
    let mut pipelines: JoinSet<anyhow::Result<()>> = JoinSet::new();
    for pipeline in config.pipelines {
        let parts = Parts::new(pipeline, &board)?;
        tasks.spawn(trust::watch(Arc::clone(&parts.watched), ended.clone()));
        pipelines.spawn(supervise(parts, stopping.clone()));
    }
    board.started();
    let outcome = tokio::select! {
        () = stop => Ok(()),
        Some(ended) = pipelines.join_next() => Err(unexpected(ended)),
        Some(ended) = tasks.join_next() => Err(unexpected(ended)),
    };
    tracing::info!("stopping: reading ends, what is in flight is drained");
    stopping.cancel();
    let drained = join_all(&mut pipelines).await;
    ended.cancel();
    let closed = join_all(&mut tasks).await;
    log::flush();
    outcome.and(drained).and(closed)
}

async fn join_all(tasks: &mut JoinSet<anyhow::Result<()>>) -> anyhow::Result<()> {
    let mut first = Ok(());
    while let Some(ended) = tasks.join_next().await {
        first = first.and(ended.context("a task panicked").flatten());
    }
    first
}

fn unexpected(ended: Result<anyhow::Result<()>, tokio::task::JoinError>) -> anyhow::Error {
    match ended {
        Ok(Ok(())) => anyhow!("a task ended before it was told to"),
        Ok(Err(error)) => error,
        Err(error) => anyhow::Error::new(error).context("a task panicked"),
    }
}

async fn stop_signal() {
    use tokio::signal::unix::{SignalKind, signal};
    let (Ok(mut terminate), Ok(mut interrupt)) = (signal(SignalKind::terminate()), signal(SignalKind::interrupt()))
    else {
        return;
    };
    tokio::select! {
        _ = terminate.recv() => tracing::info!(signal = "SIGTERM", "told to stop"),
        _ = interrupt.recv() => tracing::info!(signal = "SIGINT", "told to stop"),
    }
}

/// What outlives a restart of a pipeline.
struct Parts {
    config: PipelineConfig,
    board: Arc<PipelineBoard>,
    sink: Arc<dyn Sink>,
    store: Option<Arc<Store>>,
    watched: Arc<Watched>,
}

impl Parts {
    fn new(config: PipelineConfig, board: &StatusBoard) -> anyhow::Result<Self> {
        let in_pipeline = || format!("pipeline `{}`", config.name);
        let sink = build_sink(&config).with_context(in_pipeline)?;
        let store =
            Store::open(&config.name, &config.dead_letter).map_err(|f| anyhow!("{f}")).with_context(in_pipeline)?;
        let watched = Watched::new(&config, &sink).map_err(|f| anyhow!("{f}")).with_context(in_pipeline)?;
        let board = board.pipeline(&config.name, sink.level());
        tracing::info!(
            pipeline = %config.name,
            delivery = sink.level().as_str(),
            endpoints = %sink.endpoints().join(", "),
            group = %config.group_id,
            dead_letters = store.is_some(),
            "pipeline configured"
        );
        let unverified = trust::unverified(&config);
        trust::warn_of_unverified(&config.name, &unverified);
        board.update(|status| {
            status.unverified = unverified;
            status.filters = poll_report::filters_of(&config.chain);
        });
        Ok(Self { config, board, sink, store: store.map(Arc::new), watched: Arc::new(watched) })
    }
}

fn build_sink(config: &PipelineConfig) -> anyhow::Result<Arc<dyn Sink>> {
    match &config.sink {
        SinkConfig::SplunkHec(hec) => {
            let left_out = ::metrics::counter!(metrics::names::HEADERS_LEFT_OUT, "pipeline" => config.name.clone());
            Ok(Arc::new(SplunkHec::counting(hec, &left_out).context("build the splunk_hec sink")?))
        }
        SinkConfig::Archive(archive) => Ok(Arc::new(Archive::new(archive).context("build the archive sink")?)),
        SinkConfig::Webhook(webhook) => Ok(Arc::new(Webhook::new(webhook).context("build the webhook sink")?)),
    }
}

/// Reading the headers of records costs the client an allocation each: only for dead letters, and for a sink that looks at them.
fn wants_headers(parts: &Parts) -> bool {
    let by_sink = match &parts.config.sink {
        SinkConfig::SplunkHec(hec) => hec.events.record_headers.are_wanted(),
        SinkConfig::Archive(_) => true,
        SinkConfig::Webhook(_) => false,
    };
    parts.store.is_some() || by_sink
}

/// Keeps one pipeline running: one that cannot go on is started again, from what is committed.
async fn supervise(parts: Parts, stopping: CancellationToken) -> anyhow::Result<()> {
    while !stopping.is_cancelled() {
        match run_once(&parts, &stopping).await? {
            Ok(End::Stopped) => break,
            Ok(End::Renewed) => parts.board.set_state(State::Starting),
            Err(failure) => {
                tracing::error!(
                    pipeline = %parts.config.name, reason = %failure.reason, detail = %failure.detail,
                    restart_in_seconds = defaults::PIPELINE_RESTART.as_secs(), "pipeline cannot go on"
                );
                parts.board.failed(&failure);
                tokio::select! {
                    () = tokio::time::sleep(defaults::PIPELINE_RESTART) => {}
                    () = stopping.cancelled() => {}
                }
            }
        }
    }
    parts.board.set_state(State::Stopped);
    Ok(())
}

/// Why a life of a pipeline has ended in good order.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum End {
    Stopped,
    /// Kafka has to be connected to anew, with what its files hold now.
    Renewed,
}

/// One life of a pipeline. The inner result is the source's; the outer error is a defect.
async fn run_once(parts: &Parts, stopping: &CancellationToken) -> anyhow::Result<Result<End, Failure>> {
    let PipelineConfig { source: SourceConfig::Kafka(kafka), group_id, .. } = &parts.config;
    // Before the files are read: what is replaced from now on is noticed.
    let mut renewals = parts.watched.renewals();
    let source = match KafkaSource::new(kafka, group_id, wants_headers(parts)) {
        Ok(source) => source.positioned_by(positions_of(&parts.sink)),
        Err(failure) => return Ok(Err(failure)),
    };
    let mail = Mail::default();
    let (shipments, incoming) = mpsc::channel(defaults::BATCH_QUEUE);
    let lane_ready = Arc::new(AtomicBool::new(false));
    let mut lane = JoinSet::new();
    lane.spawn(lane_of(parts, incoming, &mail, &lane_ready).run());
    let stop = Arc::new(AtomicBool::new(false));
    let settlements = Arc::clone(&mail.settlements);
    let conductor = conductor_of(parts, source, mail, (shipments, lane_ready), &stop);
    let (drained, mut result) = oneshot::channel();
    let (closed, connection) = oneshot::channel();
    std::thread::Builder::new()
        .name(format!("poll-{}", parts.config.name))
        .spawn(move || {
            let (result, source) = conductor.run();
            // Nobody waits any more only when the process is being torn down.
            drop(drained.send(result));
            drop(source);
            closed.send(()).unwrap_or_default();
        })
        .context("start the poll thread")?;
    let (mut end, mut lost) = (End::Stopped, None);
    let finished = tokio::select! {
        result = &mut result => result,
        () = parts.sink.upkeep() => bail!("the upkeep of pipeline `{}` ended", parts.config.name),
        Some(lane) = lane.join_next() => match lane.context("the lane panicked")? {
            Ok(()) => bail!("the lane of pipeline `{}` ended", parts.config.name),
            Err(failure) => {
                lost = Some(failure);
                request_stop(&stop, &settlements);
                let patience = parts.config.drain_deadline + defaults::STOP_ALLOWANCE;
                tokio::time::timeout(patience, result).await.context("draining did not end")?
            }
        },
        why = told_to_end(stopping, &mut renewals) => {
            end = why;
            request_stop(&stop, &settlements);
            let patience = parts.config.drain_deadline + defaults::STOP_ALLOWANCE;
            tokio::time::timeout(patience, result).await.context("draining did not end")?
        }
    };
    let finished = finished.with_context(|| format!("the poll thread of `{}` panicked", parts.config.name))?;
    if tokio::time::timeout(defaults::CLOSE_ALLOWANCE, connection).await.is_err() {
        // Known trouble of the client (librdkafka 5476); everything is committed, so it may be left behind.
        tracing::warn!(pipeline = %parts.config.name, "the kafka client does not close; leaving it");
    }
    while let Some(ended) = lane.join_next().await {
        // What it has lost by now is read again in any case.
        drop(ended.context("the lane panicked")?);
    }
    Ok(lost.map_or(finished, Err).map(|()| end))
}

/// Asks a sink that knows by itself how far it is. Called on the poll thread, which may block.
fn positions_of(sink: &Arc<dyn Sink>) -> Option<Positions> {
    let (sink, runtime) = (Arc::clone(sink), tokio::runtime::Handle::current());
    sink.takes_over().then(|| -> Positions { Box::new(move |new| runtime.block_on(sink.take_over(new))) })
}

/// Cancel safe.
async fn told_to_end(stopping: &CancellationToken, renewals: &mut watch::Receiver<()>) -> End {
    tokio::select! {
        () = stopping.cancelled() => End::Stopped,
        // The sender lives as long as the pipeline.
        Ok(()) = renewals.changed() => End::Renewed,
    }
}

fn request_stop(stop: &AtomicBool, settlements: &Settlements) {
    stop.store(true, Ordering::Relaxed);
    settlements.nudge();
}

fn lane_of(
    parts: &Parts,
    shipments: mpsc::Receiver<crate::delivery::lane::Shipment>,
    mail: &Mail,
    ready: &Arc<AtomicBool>,
) -> Lane {
    Lane::new(LaneParts {
        sink: Arc::clone(&parts.sink),
        shipments,
        recall: Arc::clone(&mail.recall),
        letters: parts.store.as_ref().map(|store| letter_store(store, &parts.config.unclear_letters)),
        observer: lane_report::observer(&parts.config.name, Arc::clone(&parts.board), parts.sink.endpoints()),
        max_in_flight: parts.config.max_in_flight,
        coding: coding_of(&parts.config),
        ready: Arc::clone(ready),
    })
}

fn coding_of(config: &PipelineConfig) -> Coding {
    match &config.sink {
        SinkConfig::SplunkHec(hec) => hec.compression,
        SinkConfig::Archive(archive) => Coding::Zstd { level: archive.compression_level },
        // It compresses by itself.
        SinkConfig::Webhook(_) => Coding::Identity,
    }
}

fn chain_of(config: &PipelineConfig) -> Chain {
    let redacted = |field: &str| ::metrics::counter!(metrics::names::REDACTED, "pipeline" => config.name.clone(), "field" => field.to_owned());
    Chain::counting(&config.chain, &redacted, &enrichment::Counted { pipeline: &config.name })
}

/// How batches are filled, and when they are closed.
fn gathering(config: &PipelineConfig, builder: BatchBuilder) -> (BatchBuilder, Closing) {
    let archive = match &config.sink {
        SinkConfig::Archive(archive) => archive,
        SinkConfig::SplunkHec(_) | SinkConfig::Webhook(_) => return (builder, Closing::Together),
    };
    let rotate = &archive.rotate;
    let limits = FrameLimits { max_stored: rotate.stored_bytes.as_len(), by_hour: rotate.hour_boundary };
    let builder =
        builder.framing(archive.compression_level, limits).expect("the level was checked with the configuration");
    (builder, Closing::Apart { age: rotate.age, memory: config.in_flight_bytes.as_len() / 2 })
}

type ToLane = (mpsc::Sender<crate::delivery::lane::Shipment>, Arc<AtomicBool>);

fn conductor_of(
    parts: &Parts,
    source: KafkaSource,
    mail: Mail,
    (shipments, lane_ready): ToLane,
    stop: &Arc<AtomicBool>,
) -> Conductor<KafkaSource> {
    let config = &parts.config;
    let SourceConfig::Kafka(kafka) = &config.source;
    let (in_flight, wake) = (config.in_flight_bytes.get(), Arc::clone(&mail.settlements));
    let backlog = defaults::COMPRESSION_BACKLOG.get().max(4 * config.batch.max_bytes.get());
    let budget = match coding_of(config) {
        // What is compressed while it is filled never waits plain.
        Coding::Identity | Coding::Zstd { .. } => Budget::new(in_flight, wake),
        Coding::Gzip => Budget::compressing(in_flight, backlog, wake),
    };
    let limits = BatchLimits { max_events: config.batch.max_events, max_bytes: config.batch.max_bytes.as_len() };
    let builder = BatchBuilder::new(limits, Arc::clone(&budget), Arc::clone(&mail.settlements));
    let (builder, closing) = gathering(config, builder);
    Conductor::new(ConductorParts {
        source,
        sink: Arc::clone(&parts.sink),
        chain: chain_of(config).watched_by(drift_report::sensor(&config.name, config.chain.redact.is_enabled())),
        builder,
        closing,
        budget,
        mail,
        shipments,
        lane_ready,
        stop: Arc::clone(stop),
        observer: poll_report::observer(&config.name, Arc::clone(&parts.board)),
        publish: poll_report::publisher(Arc::clone(&parts.board), kafka.retention),
        max_age: config.batch.max_age,
        drain_deadline: config.drain_deadline,
    })
}
