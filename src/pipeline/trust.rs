//! Credentials, certificates and tables while a pipeline runs: whom it does not verify, and what became of files that were
//! replaced.
//!
//! Files are looked at from time to time on a thread that may block. The sink uses what is new by itself. The Kafka client
//! reads certificates only when it is made, so for it the pipeline is drained and started again: nothing is lost, and
//! nothing delivered twice.

use std::path::PathBuf;
use std::sync::Arc;

use ::metrics::counter;
use anyhow::Context;
use tokio::sync::watch;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use super::enrichment::Tables;
use crate::config::{DeadLetterConfig, PipelineConfig, SinkConfig, SourceConfig};
use crate::defaults;
use crate::delivery::attempt::Failure;
use crate::metrics::names;
use crate::reload::{News, Reloading};
use crate::sink::{Refreshed, Sink};
use crate::source::kafka::client::try_out;
use crate::source::kafka::config::ClientConfig;

/// The connections of a pipeline whose servers are not verified, by the name of their part of the configuration.
pub(super) fn unverified(config: &PipelineConfig) -> Vec<&'static str> {
    let kafka = |client: &ClientConfig| client.security.has_tls() && client.tls.skip_verify;
    let SourceConfig::Kafka(source) = &config.source;
    let sink = match &config.sink {
        SinkConfig::SplunkHec(hec) => {
            let has_tls = hec.endpoints.iter().any(|endpoint| endpoint.starts_with("https:"));
            ("splunk_hec", has_tls && !hec.tls.is_verified())
        }
        // Only an endpoint that says so is spoken to without TLS.
        SinkConfig::Archive(archive) => ("archive", !archive.store.tls.is_verified()),
        SinkConfig::Webhook(webhook) => {
            let has_tls = webhook.url.value().expose().to_ascii_lowercase().starts_with("https:");
            ("webhook", has_tls && !webhook.tls.is_verified())
        }
    };
    let letters = match &config.dead_letter {
        DeadLetterConfig::Topic { kafka: client, .. } => kafka(client),
        DeadLetterConfig::Directory { .. } | DeadLetterConfig::Disabled => false,
    };
    let all = [("kafka", kafka(&source.client)), sink, ("dead_letter", letters)];
    all.into_iter().filter(|(_, skipped)| *skipped).map(|(name, _)| name).collect()
}

/// Says aloud whom a pipeline does not verify.
pub(super) fn warn_of_unverified(pipeline: &str, connections: &[&'static str]) {
    if !connections.is_empty() {
        tracing::warn!(
            pipeline,
            connections = connections.join(", "),
            "any certificate of anybody is accepted (insecure_skip_verify): whoever is on the way can read everything"
        );
    }
}

/// What of a pipeline lies in files that may be replaced.
pub(super) struct Watched {
    pipeline: String,
    sink: Arc<dyn Sink>,
    endpoints: Vec<String>,
    tables: Tables,
    kafka: Reloading<()>,
    renew: watch::Sender<()>,
}

impl Watched {
    /// # Errors
    /// A certificate or key for Kafka cannot be used.
    pub(super) fn new(config: &PipelineConfig, sink: &Arc<dyn Sink>) -> Result<Self, Failure> {
        let SourceConfig::Kafka(source) = &config.source;
        let client = source.client.clone();
        let files = files_of(&client);
        let has_files = !files.is_empty();
        // Made only to see whether it can be.
        let make = move || if has_files { try_out(&client) } else { Ok(()) };
        let kafka = Reloading::new(files, make)?;
        let (sink, endpoints) = (Arc::clone(sink), sink.endpoints().to_vec());
        let tables = Tables::new(&config.name, &config.chain.enrichment);
        Ok(Self { pipeline: config.name.clone(), sink, endpoints, tables, kafka, renew: watch::Sender::new(()) })
    }

    /// Changes when the connection to Kafka has to be made anew.
    pub(super) fn renewals(&self) -> watch::Receiver<()> {
        self.renew.subscribe()
    }

    fn look(&self) {
        self.tables.look();
        for refreshed in self.sink.refresh() {
            self.report(&refreshed);
        }
        match self.kafka.look() {
            None => {}
            Some(news) => {
                let is_usable = news == News::InUse;
                self.report(&Refreshed::of("kafka certificates", news));
                if is_usable {
                    self.renew.send_replace(());
                }
            }
        }
    }

    fn report(&self, refreshed: &Refreshed) {
        let pipeline = self.pipeline.as_str();
        let count = |what, outcome| {
            counter!(names::RELOADS, "pipeline" => self.pipeline.clone(), "what" => what, "outcome" => outcome)
                .increment(1);
        };
        let name = |endpoint: usize| self.endpoints.get(endpoint).map_or("", String::as_str);
        match refreshed {
            Refreshed::InUse { what } => {
                count(*what, "in_use");
                tracing::info!(pipeline, what, "a new version from its file is in use");
            }
            Refreshed::Unusable { what, problem } => {
                count(*what, "unusable");
                let detail = problem.as_str();
                tracing::warn!(pipeline, what, detail, "the new version cannot be used; the one before stays in use");
            }
            Refreshed::FormerTokenTaken { endpoint } => {
                let endpoint = name(*endpoint);
                tracing::warn!(
                    pipeline,
                    endpoint,
                    "the new token is refused and the former one is taken; add the new one there"
                );
            }
            Refreshed::NewTokenTaken { endpoint } => {
                let endpoint = name(*endpoint);
                tracing::info!(pipeline, endpoint, "the new token is taken now");
            }
        }
    }
}

fn files_of(client: &ClientConfig) -> Vec<PathBuf> {
    if !client.security.has_tls() {
        return Vec::new();
    }
    let store = client.tls.trust_store.iter().flat_map(|store| store.files().map(ToOwned::to_owned));
    store.chain(client.tls.certificate_file.clone()).chain(client.tls.key_file.clone()).collect()
}

/// Looks at the files until the program ends.
pub(super) async fn watch(watched: Arc<Watched>, ended: CancellationToken) -> anyhow::Result<()> {
    let mut ticks = tokio::time::interval(defaults::RELOAD_INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            () = ended.cancelled() => return Ok(()),
        }
        let watched = Arc::clone(&watched);
        tokio::task::spawn_blocking(move || watched.look()).await.context("look at replaced files")?;
    }
}
