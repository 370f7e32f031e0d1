//! Sends a single letter through a pipeline's sink, with plain bounded retries.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::Context;
use backon::{ExponentialBuilder, Retryable};
use tokio::runtime::Runtime;

use crate::config::SinkConfig;
use crate::defaults;
use crate::delivery::attempt::{Attempt, Failure, Parcel};
use crate::delivery::letter::{Content, Letter};
use crate::event::{Record, headers};
use crate::reason::Reason;
use crate::sink::Sink;
use crate::sink::splunk_hec::SplunkHec;
use crate::sink::webhook::Webhook;
use crate::transform::config::ChainConfig;
use crate::transform::{Chain, Verdict};

pub(super) enum Sent {
    /// The sink has proved that it has the letter.
    Delivered,
    /// The sink will not take it, or it may not leave.
    Refused(Failure),
    /// Nobody could tell; trying others makes no sense now.
    NotNow(Failure),
}

pub(super) struct Resender {
    runtime: Runtime,
    sink: Arc<dyn Sink>,
    /// For what was read and never cleared.
    chain: Chain,
    /// For what has passed a chain without redaction: all but redaction has been done.
    redaction: Chain,
    /// Counts attempts, so that they go round the endpoints.
    attempts: AtomicUsize,
}

/// An attempt that may be repeated, and when the server wants it.
struct Again {
    after: Option<Duration>,
    failure: Failure,
}

impl Resender {
    pub(super) fn new(config: &SinkConfig, chain: &ChainConfig) -> anyhow::Result<Self> {
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_all().build().context("start the runtime")?;
        let sink: Arc<dyn Sink> = match config {
            SinkConfig::SplunkHec(hec) => Arc::new(SplunkHec::new(hec).context("build the splunk_hec sink")?),
            SinkConfig::Archive(_) => anyhow::bail!("an archive refuses no event, so there is nothing to send again"),
            SinkConfig::Webhook(webhook) => Arc::new(Webhook::new(webhook).context("build the webhook sink")?),
        };
        let redaction = ChainConfig { redact: chain.redact.clone(), ..ChainConfig::default() };
        Ok(Self {
            runtime,
            sink,
            chain: Chain::new(chain),
            redaction: Chain::new(&redaction),
            attempts: AtomicUsize::new(0),
        })
    }

    /// Blocks until the letter's fate is known, or for about half a minute and the sink's own time limits. What the letter holds is
    /// cleared as the configuration says today, as far as that was not done before.
    pub(super) fn send(&mut self, letter: &Letter) -> Sent {
        let mut headers = Vec::new();
        for (name, value) in &letter.headers {
            headers::push(&mut headers, name, value.as_deref());
        }
        let record = Record {
            topic: letter.topic.as_str(),
            partition: letter.partition,
            offset: letter.offset,
            timestamp_ms: letter.timestamp_ms,
            key: letter.key.as_deref(),
            value: letter.value.as_deref(),
            headers: &headers,
        };
        let mut nothing_to_do = Chain::default();
        let chain = match letter.content {
            Content::Cleared => &mut nothing_to_do,
            Content::AsRead => &mut self.redaction,
            Content::Unclear => &mut self.chain,
            Content::Withheld => return Sent::Refused(withheld()),
            Content::Encrypted => return Sent::Refused(encrypted()),
        };
        let event = match chain.clear(record) {
            Verdict::Cleared(event) => event,
            Verdict::Unclear(_, failure) => return Sent::Refused(failure),
            Verdict::Filtered(_) => return Sent::Refused(filtered()),
        };
        let (mut group, mut body, mut notes) = (Vec::new(), Vec::new(), Vec::new());
        if let Err(failure) = self.sink.encode(&event, &mut body) {
            return Sent::Refused(failure);
        }
        self.sink.group(&event, &mut group);
        self.sink.note(&event, &mut notes);
        let parcel = Parcel { notes: notes.into(), ..Parcel::plain(group, body, 1) };
        let patience = ExponentialBuilder::default().with_jitter().with_max_times(defaults::LETTER_ATTEMPTS - 1);
        let sending = (|| self.attempt(parcel.clone()))
            .retry(patience)
            // A pause that the server asks for replaces ours, within reason.
            .adjust(|again: &Again, ours| {
                ours.map(|ours| again.after.map_or(ours, |theirs| theirs.min(defaults::RETRY_CAP)))
            });
        match self.runtime.block_on(sending) {
            Ok(sent) => sent,
            Err(Again { failure, .. }) => Sent::NotNow(failure),
        }
    }

    async fn attempt(&self, parcel: Parcel) -> Result<Sent, Again> {
        let endpoint = self.attempts.fetch_add(1, Ordering::Relaxed) % self.sink.endpoints().len();
        let mut attempt = self.sink.attempt(endpoint, parcel).await;
        loop {
            match attempt {
                Attempt::Delivered => return Ok(Sent::Delivered),
                Attempt::Pending(proof) => attempt = proof.await,
                Attempt::Slower { then, .. } => attempt = *then,
                Attempt::Poison { failure, .. } | Attempt::Split(failure) => return Ok(Sent::Refused(failure)),
                Attempt::Hold(failure) | Attempt::Lost(failure) => return Ok(Sent::NotNow(failure)),
                Attempt::Retry { after, failure } => return Err(Again { after, failure }),
            }
        }
    }
}

fn withheld() -> Failure {
    let detail = "the letter holds no content (`unclear: withhold`): read the record again from Kafka, where it lies for as long \
                  as the topic keeps it";
    Failure::new(Reason::Unredactable, detail)
}

fn encrypted() -> Failure {
    Failure::new(Reason::Unredactable, "the letter is encrypted: give the private key with --key-file")
}

fn filtered() -> Failure {
    Failure::new(Reason::Refused, "a rule of the configuration drops it; remove the letter, or change the rule")
}
