//! Which receiver gets the next parcel: the least busy one of those that answer.
//!
//! # Standing
//!
//! | standing | gets | until |
//! | --- | --- | --- |
//! | working | its share: the endpoint with the fewest parcels under way is next | an attempt fails, or it says nothing, not even about its health |
//! | resting | nothing | its back-off is over, and it has been asked how it is |
//! | on trial | one parcel at a time | that one is answered: it works; or fails, or is not answered for a while: it rests |
//!
//! # Why it is asked, and no parcel finds out
//!
//! A parcel that finds out that an endpoint swallows requests is held up for the whole time limit of a request, and the
//! watermark with it; after so and so many runs reading stops, so that one black hole slows all. A question about health
//! carries no event and can be given up early. So with several endpoints each is asked before it gets a parcel, at the start and
//! after a back-off.
//!
//! Health is a hint, never a reason for not delivering: what answers the question may sit in front of the receiver, and
//! something on the way may swallow only the question. Hence a "no" is believed only while another endpoint is promising, and
//! after a "yes" there is one parcel at a time. With a single endpoint nobody is to be protected, and none is asked.
//!
//! # Silence
//!
//! Of an endpoint that works and falls silent, nobody knows whether it is slow or gone. It comes last in the choice, and is asked;
//! if that is not answered either, its parcels are taken back and go elsewhere. They may be at the receiver: as after a time-out,
//! unknown is not delivered. If it answers, its parcels have the time that the configuration grants them. A parcel on trial does
//! not: one that answers about its health and swallows parcels would else hold one up all the time.
//!
//! An endpoint that says that it is getting full is slowed down: a pause, and then one parcel at a time until it says so no more.

use std::time::Duration;

use tokio::time::Instant;

use crate::defaults::{ENDPOINT_SILENCE, RETRY_BASE, RETRY_CAP, TRIAL_PATIENCE};
use crate::delivery::backoff::Backoff;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Standing {
    Working,
    Resting,
    OnTrial {
        /// It said so; otherwise it gets a parcel because no endpoint is known to be better.
        well: bool,
    },
}

#[derive(Debug)]
struct Endpoint {
    standing: Standing,
    backoff: Backoff,
    /// The end of its back-off, or of its pause.
    not_before: Instant,
    sending: usize,
    /// Its last answer was a warning that it is getting full.
    slowed: bool,
    /// Since when there is something that it could answer and has not.
    silent_since: Instant,
    /// A question about its health is under way.
    asked: bool,
    /// It left a question unanswered, and nothing was heard of it since; it goes on because no endpoint is known to be better.
    doubtful: bool,
}

#[derive(Debug)]
pub(super) struct Endpoints {
    all: Vec<Endpoint>,
    /// Where the search starts, so that equals take turns.
    turn: usize,
}

impl Endpoints {
    pub(super) fn new(count: usize, now: Instant) -> Self {
        let standing = if count > 1 { Standing::Resting } else { Standing::Working };
        let endpoint = |_| Endpoint {
            standing,
            backoff: Backoff::new(RETRY_BASE, RETRY_CAP),
            not_before: now,
            sending: 0,
            slowed: false,
            silent_since: now,
            asked: false,
            doubtful: false,
        };
        Self { all: (0..count).map(endpoint).collect(), turn: 0 }
    }

    pub(super) fn count(&self) -> usize {
        self.all.len()
    }

    /// The endpoint for the next parcel, which then counts as being sent there.
    pub(super) fn take(&mut self, now: Instant) -> Option<usize> {
        let count = self.all.len();
        let order = (0..count).map(|i| (self.turn + i) % count);
        let available = order.filter(|i| self.all[*i].is_available(now));
        let chosen = available.min_by_key(|i| (self.all[*i].is_silent(now), self.all[*i].sending))?;
        let endpoint = &mut self.all[chosen];
        if endpoint.sending == 0 {
            endpoint.silent_since = now;
        }
        endpoint.sending += 1;
        self.turn = chosen + 1;
        Some(chosen)
    }

    pub(super) fn has_available(&self, now: Instant) -> bool {
        self.all.iter().any(|endpoint| endpoint.is_available(now))
    }

    /// Whether some other endpoint has not failed since it last worked.
    pub(super) fn another_works(&self, endpoint: usize) -> bool {
        self.others(endpoint).any(|other| other.backoff.failures() == 0)
    }

    /// A parcel is no longer being sent there.
    pub(super) fn returned(&mut self, endpoint: usize, now: Instant) {
        let endpoint = &mut self.all[endpoint];
        endpoint.sending = endpoint.sending.saturating_sub(1);
        endpoint.silent_since = now;
        endpoint.doubtful = false;
    }

    pub(super) fn succeeded(&mut self, endpoint: usize) {
        let endpoint = &mut self.all[endpoint];
        endpoint.backoff.succeed();
        endpoint.standing = Standing::Working;
    }

    /// The endpoint took a parcel, and warned that it is getting full.
    pub(super) fn slow_down(&mut self, endpoint: usize, pause: Duration, now: Instant) {
        let endpoint = &mut self.all[endpoint];
        endpoint.slowed = true;
        endpoint.not_before = endpoint.not_before.max(now + pause);
    }

    /// The endpoint took a parcel without such a warning.
    pub(super) fn full_speed(&mut self, endpoint: usize) {
        self.all[endpoint].slowed = false;
    }

    pub(super) fn failed(&mut self, endpoint: usize, after: Option<Duration>, now: Instant, rng: &mut fastrand::Rng) {
        let endpoint = &mut self.all[endpoint];
        // Parcels that were sent together fail together: they count as one failure.
        if endpoint.standing != Standing::Resting || now >= endpoint.not_before {
            endpoint.standing = Standing::Resting;
            endpoint.not_before = now + endpoint.backoff.fail(after, rng);
        }
    }

    /// The endpoints whose health is to be asked for now; they count as asked.
    pub(super) fn ask(&mut self, now: Instant) -> Vec<usize> {
        let mut asked = Vec::new();
        for at in 0..self.all.len() {
            match self.all[at].due(now) {
                Some(Due::Question) if self.all.len() == 1 => {
                    self.all[at].standing = Standing::OnTrial { well: false };
                }
                Some(Due::Question) => asked.push(at),
                Some(Due::QuestionForSilence) if self.another_is_promising(at) => asked.push(at),
                Some(Due::QuestionForSilence | Due::EndOfTrial) | None => {}
            }
        }
        asked.iter().for_each(|at| self.all[*at].asked = true);
        asked
    }

    /// The endpoint answered that it is well, or at least answered.
    pub(super) fn is_well(&mut self, endpoint: usize, now: Instant) {
        let endpoint = &mut self.all[endpoint];
        endpoint.asked = false;
        endpoint.doubtful = false;
        endpoint.silent_since = now;
        if endpoint.standing == Standing::Resting {
            endpoint.standing = Standing::OnTrial { well: true };
        }
    }

    /// The endpoint did not answer, or not that it is well. Returns whether that is believed: then it rests.
    pub(super) fn is_unwell(&mut self, endpoint: usize, now: Instant, rng: &mut fastrand::Rng) -> bool {
        let is_believed = self.another_is_promising(endpoint);
        let heard_meanwhile = !self.all[endpoint].is_silent(now);
        let known = &mut self.all[endpoint];
        known.asked = false;
        match known.standing {
            Standing::Resting if is_believed => {}
            Standing::Working if is_believed && !heard_meanwhile => {}
            Standing::Resting => {
                known.standing = Standing::OnTrial { well: false };
                return false;
            }
            Standing::Working | Standing::OnTrial { .. } => {
                known.doubtful = !heard_meanwhile;
                known.silent_since = now;
                return false;
            }
        }
        known.standing = Standing::Resting;
        known.not_before = now + known.backoff.fail(None, rng);
        true
    }

    /// The endpoints that have left a parcel on trial without an answer for too long while another one is promising.
    pub(super) fn overdue(&self, now: Instant) -> Vec<usize> {
        let is_overdue = |at: &usize| self.all[*at].due(now) == Some(Due::EndOfTrial) && self.another_is_promising(*at);
        (0..self.all.len()).filter(is_overdue).collect()
    }

    /// When an endpoint that backs off or pauses may be tried again.
    pub(super) fn next_available(&self, now: Instant) -> Option<Instant> {
        self.all.iter().map(|endpoint| endpoint.not_before).filter(|at| *at > now).min()
    }

    /// When an endpoint has to be asked, or its parcel to be taken back, whether or not something waits to be sent.
    pub(super) fn next_care(&self, now: Instant) -> Option<Instant> {
        self.all.iter().filter_map(Endpoint::next_care).map(|(at, _)| at).filter(|at| *at > now).min()
    }

    fn others(&self, endpoint: usize) -> impl Iterator<Item = &Endpoint> {
        self.all.iter().enumerate().filter(move |(at, _)| *at != endpoint).map(|(_, other)| other)
    }

    fn another_is_promising(&self, endpoint: usize) -> bool {
        self.others(endpoint).any(|other| match other.standing {
            Standing::Working => !other.asked && !other.doubtful,
            Standing::OnTrial { well } => well,
            Standing::Resting => false,
        })
    }
}

/// What has to be done about an endpoint.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Due {
    Question,
    QuestionForSilence,
    EndOfTrial,
}

impl Endpoint {
    fn is_available(&self, now: Instant) -> bool {
        let one_at_a_time = self.slowed || self.standing != Standing::Working;
        let takes_more = self.sending == 0 || !one_at_a_time;
        now >= self.not_before && takes_more && self.standing != Standing::Resting
    }

    fn is_silent(&self, now: Instant) -> bool {
        self.sending > 0 && now >= self.silent_since + ENDPOINT_SILENCE
    }

    fn next_care(&self) -> Option<(Instant, Due)> {
        match self.standing {
            Standing::Resting if !self.asked => Some((self.not_before, Due::Question)),
            Standing::Working if self.sending > 0 && !self.asked => {
                Some((self.silent_since + ENDPOINT_SILENCE, Due::QuestionForSilence))
            }
            Standing::OnTrial { .. } if self.sending > 0 => Some((self.silent_since + TRIAL_PATIENCE, Due::EndOfTrial)),
            Standing::Working | Standing::Resting | Standing::OnTrial { .. } => None,
        }
    }

    fn due(&self, now: Instant) -> Option<Due> {
        self.next_care().filter(|(at, _)| *at <= now).map(|(_, due)| due)
    }
}

#[cfg(test)]
mod tests;
