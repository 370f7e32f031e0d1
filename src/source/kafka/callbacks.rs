//! librdkafka's callbacks, turned into events.
//!
//! They run on the thread that polls, inside the call to poll. Nothing is decided here: what happened is queued, and the
//! source acts on it when the poll has returned. In particular a rebalance is answered after the callback, which librdkafka
//! allows: the group waits for the call to assign or unassign, while heartbeats go on from a thread of its own.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use rdkafka::ClientContext;
use rdkafka::TopicPartitionList;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext, RebalanceProtocol};
use rdkafka::error::KafkaError;
use rdkafka::types::{RDKafkaErrorCode, RDKafkaRespErr};

use super::stats::{Statistics, parse_stats};
use crate::position::{PartitionId, TopicName};

pub(super) type PartitionKey = (TopicName, PartitionId);

#[derive(Debug)]
pub(super) enum Callback {
    Assign(Vec<PartitionKey>),
    Revoke {
        partitions: Vec<PartitionKey>,
        lost: bool,
    },
    /// An asynchronous commit could not even be sent. How one ends is told by the statistics only.
    NotSent(KafkaError),
    Stats(Statistics),
    Error {
        error: KafkaError,
        reason: String,
    },
}

#[derive(Debug, Default)]
pub(super) struct Callbacks {
    queue: Mutex<VecDeque<Callback>>,
    /// When the client last reported an error of a single broker.
    error_at: Mutex<Option<Instant>>,
    /// Set before the consumer is dropped: a rebalance is then answered on the spot, because nobody will poll again.
    closing: AtomicBool,
}

/// "All brokers are down" sums up what was reported of each. After such a report it says nothing new for this long, and
/// would hide what matters, such as a refused key. The client repeats itself after 30 s.
const SUMMARY_SILENT: Duration = Duration::from_secs(60);

impl Callbacks {
    /// Whether an error tells what was not said already.
    fn is_news(&self, code: Option<RDKafkaErrorCode>) -> bool {
        let mut error_at = self.error_at.lock().unwrap_or_else(PoisonError::into_inner);
        if code == Some(RDKafkaErrorCode::AllBrokersDown) {
            return error_at.is_none_or(|at| at.elapsed() >= SUMMARY_SILENT);
        }
        *error_at = Some(Instant::now());
        true
    }

    pub(super) fn next(&self) -> Option<Callback> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner).pop_front()
    }

    pub(super) fn push(&self, callback: Callback) {
        let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        // Errors repeat while brokers are away and nobody may be polling for long: the oldest say nothing new.
        if queue.len() >= QUEUE_MAX {
            queue.retain(|callback| !matches!(callback, Callback::Error { .. } | Callback::Stats(_)));
        }
        queue.push_back(callback);
    }

    pub(super) fn close(&self) {
        self.closing.store(true, Ordering::Relaxed);
    }
}

const QUEUE_MAX: usize = 256;

/// Copies a list at once: a list that stays alive keeps librdkafka from closing.
pub(super) fn keys_of(list: &TopicPartitionList) -> Vec<PartitionKey> {
    let elements = list.elements();
    elements.iter().map(|e| (TopicName::new(e.topic()), PartitionId::new(e.partition()))).collect()
}

impl ClientContext for Callbacks {
    fn log(&self, level: RDKafkaLogLevel, fac: &str, log_message: &str) {
        // What matters comes again through `error`, in words that we classify; this is for digging.
        tracing::debug!(target: "librdkafka", ?level, facility = fac, "{log_message}");
    }

    fn stats_raw(&self, statistics: &[u8]) {
        match parse_stats(statistics) {
            Ok(statistics) => self.push(Callback::Stats(statistics)),
            Err(error) => tracing::debug!(%error, "statistics of the kafka client are not readable"),
        }
    }

    fn error(&self, error: KafkaError, reason: &str) {
        // These concern one partition and are returned by poll as well.
        let code = error.rdkafka_error_code();
        if matches!(code, Some(RDKafkaErrorCode::AutoOffsetReset | RDKafkaErrorCode::PartitionEOF)) {
            return;
        }
        if self.is_news(code) {
            self.push(Callback::Error { error, reason: reason.to_owned() });
        }
    }
}

impl ConsumerContext for Callbacks {
    fn rebalance(&self, consumer: &BaseConsumer<Self>, err: RDKafkaRespErr, list: &mut TopicPartitionList) {
        if self.closing.load(Ordering::Relaxed) {
            return let_go(consumer, list);
        }
        let partitions = keys_of(list);
        self.push(if err == RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS {
            Callback::Assign(partitions)
        } else {
            Callback::Revoke { partitions, lost: consumer.assignment_lost() }
        });
    }
}

/// Answers a revocation.
pub(super) fn let_go<C: ConsumerContext>(consumer: &BaseConsumer<C>, list: &TopicPartitionList) {
    let answered = match consumer.rebalance_protocol() {
        RebalanceProtocol::Cooperative => consumer.incremental_unassign(list),
        RebalanceProtocol::Eager | RebalanceProtocol::None => consumer.unassign(),
    };
    if let Err(error) = answered {
        tracing::debug!(%error, "the kafka client did not take the end of the assignment");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(callbacks: &Callbacks, code: RDKafkaErrorCode, said: &str) -> Option<String> {
        callbacks.error(KafkaError::Global(code), said);
        match callbacks.next()? {
            Callback::Error { reason, .. } => Some(reason),
            Callback::Assign(_) | Callback::Revoke { .. } | Callback::NotSent(_) | Callback::Stats(_) => None,
        }
    }

    #[test]
    fn that_all_brokers_are_down_is_news_only_when_nothing_was_said_of_any() {
        let callbacks = Callbacks::default();
        let all_down = RDKafkaErrorCode::AllBrokersDown;
        assert_eq!(report(&callbacks, all_down, "1/1").as_deref(), Some("1/1"));
        assert_eq!(report(&callbacks, RDKafkaErrorCode::Authentication, "no").as_deref(), Some("no"));
        assert_eq!(report(&callbacks, all_down, "1/1"), None);
    }
}
