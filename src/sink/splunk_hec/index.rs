//! Whose index is it that Splunk refuses (code 7)?
//!
//! One from the configuration is for a human to mend: everything is kept. One that a record brought, in a header or in its
//! envelope, condemns that record only, or one record could stop all others for ever.

use std::borrow::Cow;
use std::io::Read;

use flate2::read::GzDecoder;
use serde::Deserialize;

use super::answer::HecAnswer;
use super::classify::Verdict;
use super::config::{EventConfig, Mode};
use crate::delivery::attempt::{Coding, Failure, Parcel};

#[derive(Debug)]
pub(super) struct Indexes {
    configured: Vec<String>,
    /// A record can bring one.
    from_records: bool,
    raw: bool,
}

/// An envelope, as far as it matters here.
#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(borrow)]
    index: Option<Cow<'a, str>>,
}

impl Indexes {
    pub(super) fn new(config: &EventConfig) -> Self {
        let all = std::iter::once(&config.metadata).chain(config.per_topic.iter().map(|rule| &rule.metadata));
        let from_records = config.mode == Mode::Preformatted || config.record_headers.index.is_some();
        let raw = matches!(config.mode, Mode::Raw { .. });
        Self { configured: all.filter_map(|metadata| metadata.index.clone()).collect(), from_records, raw }
    }

    /// The verdict on a parcel whose index was refused.
    pub(super) fn refused(&self, parcel: &Parcel, answer: &HecAnswer, failure: Failure) -> Verdict {
        if !self.from_records {
            return Verdict::Hold(failure);
        }
        if self.raw {
            // All events of a raw request have the same index; alone, each of them becomes a dead letter.
            let own = index_of_query(&parcel.group).is_some_and(|index| !self.is_configured(&index));
            return if own { Verdict::Split(failure) } else { Verdict::Hold(failure) };
        }
        // Observed: the number is that of the object after the one at fault.
        let named = answer.invalid_event.and_then(|number| usize::try_from(number).ok()?.checked_sub(1));
        let bad = match named.filter(|bad| *bad < parcel.events) {
            Some(bad) => bad,
            None if parcel.events == 1 => 0,
            None => return Verdict::Split(failure),
        };
        if self.is_of_a_record(parcel, bad) {
            return Verdict::Poison { bad, ack_id: answer.ack_id, failure };
        }
        Verdict::Hold(failure)
    }

    fn is_of_a_record(&self, parcel: &Parcel, at: usize) -> bool {
        let mut plain = Vec::new();
        let body = match parcel.coding {
            Coding::Identity | Coding::Zstd { .. } => &parcel.body[..],
            Coding::Gzip => {
                // What we have compressed ourselves can be read again; if not, no record is condemned.
                if GzDecoder::new(&parcel.body[..]).read_to_end(&mut plain).is_err() {
                    return false;
                }
                &plain
            }
        };
        let mut envelopes = serde_json::Deserializer::from_slice(body).into_iter::<Envelope<'_>>();
        let index = envelopes.nth(at).and_then(Result::ok).and_then(|envelope| envelope.index);
        index.is_some_and(|index| !self.is_configured(&index))
    }

    fn is_configured(&self, index: &str) -> bool {
        self.configured.iter().any(|known| known == index)
    }
}

fn index_of_query(query: &[u8]) -> Option<String> {
    let pairs = reqwest::Url::parse(&format!("http://h/?{}", std::str::from_utf8(query).ok()?)).ok()?;
    pairs.query_pairs().find(|(name, _)| name == "index").map(|(_, value)| value.into_owned())
}
