//! The stage: the mock cluster, the stand-in for Splunk, the real pipeline between them, and the count when it is over.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, anyhow, bail};
use rdkafka::mocking::MockCluster;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::audit_stream::{AuditStream, PARTITIONS, Positions, TOPIC};
use super::far_side::Arrivals;
use super::hec::{HecOptions, HecStandIn, TOKEN};
use super::play::{Play, Programme};
use super::scene::Scene;
use super::verdict::{Evidence, Letter, Verdict};
use crate::config::{
    AdminConfig, BatchConfig, Config, DeadLetterConfig, PipelineConfig, SinkConfig, SourceConfig, UnclearLetters,
};
use crate::dead_letter::{Selection, Store};
use crate::defaults;
use crate::delivery::attempt::Coding;
use crate::pipeline;
use crate::position::TopicName;
use crate::secret::{Secret, SecretSource};
use crate::sink::DeliveryLevel;
use crate::sink::splunk_hec::config::{EventConfig, HecConfig};
use crate::source::kafka::config::{ClientConfig, ClientTls, GroupProtocol, KafkaConfig, Security, StartAt, Topics};
use crate::source::kafka::inspect::inspect;
use crate::status::StatusBoard;
use crate::tls::config::{TlsConfig, Transport};
use crate::transform::config::ChainConfig;

/// Is shown what happens, from several threads; must not block for long.
pub type Audience = Arc<dyn Fn(&Scene) + Send + Sync>;

const PIPELINE: &str = "demo";

/// Plays the demonstration and counts. Blocks, for some twenty seconds.
///
/// # Errors
/// The stage cannot be set up, the pipeline ended by itself, or the user interrupted. That something was lost is no error
/// but a [`Verdict`].
pub fn perform(audience: &Audience) -> anyhow::Result<Verdict> {
    let cluster = MockCluster::new(1).context("start the mock Kafka cluster")?;
    cluster.create_topic(TOPIC, PARTITIONS, 1).context("create the topic")?;
    let letters = tempfile::Builder::new().prefix("auditferry-demo-").tempdir().context("make a directory")?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().context("start the runtime")?;
    let evening = evening(cluster.bootstrap_servers(), letters.path(), audience);
    let verdict = runtime.block_on(async {
        tokio::select! {
            verdict = evening => verdict,
            _ = tokio::signal::ctrl_c() => Err(anyhow!("interrupted")),
        }
    });
    // Nothing that still runs is needed any more.
    runtime.shutdown_timeout(Duration::from_millis(200));
    verdict
}

async fn evening(kafka: String, letters: &Path, audience: &Audience) -> anyhow::Result<Verdict> {
    let splunk = HecStandIn::start(HecOptions::default()).await.context("start the stand-in for Splunk")?;
    let admin = free_address().context("find a free port for the status page")?;
    let config = config(&kafka, splunk.url(), letters, admin);
    let pipeline_config = config.pipelines[0].clone();
    let (board, stop, began) = (StatusBoard::new(), CancellationToken::new(), Instant::now());
    let arrivals = Arrivals::default();
    let mut tasks: JoinSet<anyhow::Result<()>> = JoinSet::new();
    tasks.spawn(pipeline::run_on(board.clone(), config, stop.clone().cancelled_owned()));
    let play = Play {
        stream: AuditStream::new(&kafka)?,
        hec: splunk.hec().clone(),
        board,
        audience: Arc::clone(audience),
        began,
        status_page: format!("http://{admin}/statusz"),
        splunk: splunk.url(),
        kafka,
    };
    let programme = tokio::select! {
        programme = play.run() => programme?,
        () = arrivals.clone().watch(splunk.hec().clone()) => bail!("nobody counts at the far side"),
        Some(ended) = tasks.join_next() => {
            ended.context("the pipeline panicked")??;
            bail!("the pipeline ended by itself");
        }
    };
    stop.cancel();
    while let Some(ended) = tasks.join_next().await {
        ended.context("the pipeline panicked")?.context("stop the pipeline")?;
    }
    let seconds = began.elapsed().as_secs_f64();
    let produced = play.stream.settle()?;
    let latency = arrivals.latency(&produced, programme.live_from_ms, &programme.troubles);
    let backlog_per_second = programme.backlog_per_second;
    let evidence = tokio::task::spawn_blocking(move || gather(&pipeline_config, &play, produced, programme));
    let verdict = Verdict::of(evidence.await.context("counting panicked")??);
    Ok(Verdict { backlog_per_second, latency, seconds, ..verdict })
}

/// Counts at the far side: at the stand-in, in the directory, and what the cluster says is committed.
fn gather(config: &PipelineConfig, play: &Play, produced: Positions, programme: Programme) -> anyhow::Result<Evidence> {
    let SourceConfig::Kafka(kafka) = &config.source;
    let topics = inspect(kafka, &config.group_id).map_err(|failure| anyhow!("ask for the commits: {failure}"))?;
    let mut committed = BTreeMap::new();
    for topic in topics {
        let partitions = topic.partitions.map_err(|failure| anyhow!("ask for the commits: {failure}"))?;
        committed
            .extend(partitions.iter().map(|at| (at.partition.get(), (at.committed.map(|c| c.get()), at.end.get()))));
    }
    let indexed = play.hec.positions().into_iter().filter(|((topic, _), _)| topic == TOPIC);
    Ok(Evidence {
        produced,
        indexed: indexed.map(|((_, partition), offsets)| (partition, offsets)).collect(),
        letters: letters(config)?,
        committed,
        own: play.own(),
        resent: programme.resent,
        missed: programme.missed,
    })
}

fn letters(config: &PipelineConfig) -> anyhow::Result<Vec<Letter>> {
    let store = Store::existing(&config.name, &config.dead_letter).map_err(|failure| anyhow!("{failure}"))?;
    let store = store.context("the demonstration has a dead-letter directory")?;
    let mut cursor = store.letters(Selection::All).map_err(|failure| anyhow!("{failure}"))?;
    let mut letters = Vec::new();
    while let Some(found) = cursor.next_letter().map_err(|failure| anyhow!("{failure}"))? {
        let letter = found.letter.map_err(|failure| anyhow!("{failure}"))?.letter;
        letters.push(Letter {
            partition: letter.partition.get(),
            offset: letter.offset.get(),
            reason: letter.failure.reason.as_str().to_owned(),
            detail: letter.failure.detail,
        });
    }
    Ok(letters)
}

/// What a user would write, with the defaults wherever there is one.
fn config(kafka: &str, splunk: String, letters: &Path, admin: SocketAddr) -> Config {
    let source = KafkaConfig {
        client: ClientConfig {
            bootstrap_servers: kafka.to_owned(),
            security: Security::Plaintext,
            sasl: None,
            tls: ClientTls::default(),
            // A broker answers a waiting fetch as soon as there is something to read; the mock cluster only when the
            // client's patience (500 ms) is over.
            properties: vec![("fetch.wait.max.ms".to_owned(), "5".to_owned())],
        },
        topics: Topics::Names(vec![TopicName::new(TOPIC)]),
        group_protocol: GroupProtocol::Classic,
        group_instance_id: None,
        session_timeout: defaults::SESSION_TIMEOUT,
        start_at: StartAt::Earliest,
        retention: defaults::RETENTION,
        mirror: false,
    };
    let sink = HecConfig {
        endpoints: vec![splunk],
        delivery: DeliveryLevel::Accepted,
        token: SecretSource::fixed(Secret::new(TOKEN.to_owned())),
        events: EventConfig::default(),
        compression: Coding::Identity,
        transport: Transport {
            connect: defaults::CONNECT_TIMEOUT,
            request: defaults::REQUEST_TIMEOUT,
            keep_alive: true,
            proxy: None,
        },
        ack_timeout: defaults::ACK_TIMEOUT,
        ack_poll_interval: defaults::ACK_POLL_INTERVAL,
        tls: TlsConfig::default(),
    };
    let pipeline = PipelineConfig {
        name: PIPELINE.to_owned(),
        source: SourceConfig::Kafka(source),
        group_id: format!("{}{PIPELINE}", defaults::GROUP_ID_PREFIX),
        chain: ChainConfig::default(),
        sink: SinkConfig::SplunkHec(Box::new(sink)),
        dead_letter: DeadLetterConfig::Directory { path: letters.to_owned() },
        unclear_letters: UnclearLetters::default(),
        batch: BatchConfig {
            max_events: defaults::BATCH_MAX_EVENTS,
            max_bytes: defaults::BATCH_MAX_BYTES,
            max_age: defaults::BATCH_MAX_AGE,
        },
        in_flight_bytes: defaults::IN_FLIGHT_BYTES,
        max_in_flight: defaults::MAX_IN_FLIGHT,
        drain_deadline: defaults::DRAIN_DEADLINE,
    };
    Config {
        sources: BTreeMap::new(),
        pipelines: vec![pipeline],
        admin: AdminConfig::Enabled { listen: admin },
        tests: Vec::new(),
    }
}

/// The address is free now, and taken again a moment later.
fn free_address() -> std::io::Result<SocketAddr> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()
}
