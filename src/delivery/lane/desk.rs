//! Where dead letters wait until the store has them.
//!
//! A letter's record settles only after the store gave its receipt. While the store does not take a letter, the lane
//! sends nothing else: the watermark stands, and what a crash would repeat must not grow.

use std::collections::VecDeque;
use std::sync::Arc;

use tokio::time::Instant;

use crate::defaults;
use crate::delivery::attempt::{BoxFuture, Failure};
use crate::delivery::backoff::Backoff;
use crate::delivery::ledger::{Outcome, RunId};
use crate::delivery::letter::{Letter, Quarantined};
use crate::reason::Reason;

/// Stores letters durably. `Ok` is the receipt; on an error none, some or all may be stored, and they are put again.
pub type LetterStore = Arc<dyn Fn(Arc<Vec<Letter>>) -> BoxFuture<Result<(), Failure>> + Send + Sync>;

/// Letters put into the store at once.
const LETTERS_PER_PUT: usize = 64;

type Putting = (Vec<Quarantined>, BoxFuture<Result<(), Failure>>);

pub(super) struct Desk {
    store: Option<LetterStore>,
    waiting: VecDeque<Quarantined>,
    /// The letters being put.
    putting: Option<Putting>,
    backoff: Backoff,
    not_before: Option<Instant>,
    stuck: Option<Failure>,
}

impl Desk {
    pub(super) fn new(store: Option<LetterStore>) -> Self {
        let backoff = Backoff::new(defaults::RETRY_BASE, defaults::RETRY_CAP);
        Self { store, waiting: VecDeque::new(), putting: None, backoff, not_before: None, stuck: None }
    }

    pub(super) fn add(&mut self, letter: Quarantined) {
        if self.store.is_none() {
            let Letter { topic, partition, offset, failure, .. } = &letter.letter;
            let detail = format!("topic {topic}, partition {partition}, offset {offset}: {failure}");
            self.stuck = Some(Failure::new(Reason::NoDeadLetterStore, detail));
        }
        self.waiting.push_back(letter);
    }

    /// Why nothing may be sent now, if so.
    pub(super) fn stuck(&self) -> Option<&Failure> {
        self.stuck.as_ref()
    }

    /// When to try the store again.
    pub(super) fn next_wake(&self) -> Option<Instant> {
        self.not_before
    }

    /// Starts putting waiting letters, unless the store is busy or backing off.
    pub(super) fn start(&mut self, now: Instant) {
        let Some(store) = &self.store else { return };
        let resting = self.not_before.is_some_and(|at| now < at);
        if self.putting.is_some() || self.waiting.is_empty() || resting {
            return;
        }
        self.not_before = None;
        let count = self.waiting.len().min(LETTERS_PER_PUT);
        let letters: Vec<Quarantined> = self.waiting.drain(..count).collect();
        let copies = Arc::new(letters.iter().map(|quarantined| quarantined.letter.clone()).collect());
        self.putting = Some((letters, store(copies)));
    }

    /// The store's answer to what is being put; never comes while nothing is. Cancel safe.
    pub(super) async fn stored(&mut self) -> Result<(), Failure> {
        match &mut self.putting {
            Some((_, put)) => put.await,
            None => std::future::pending().await,
        }
    }

    /// Takes the store's answer into account; returns the letters that are stored now.
    pub(super) fn answered(
        &mut self,
        answer: Result<(), Failure>,
        now: Instant,
        rng: &mut fastrand::Rng,
    ) -> Vec<Letter> {
        let Some((letters, _)) = self.putting.take() else { return Vec::new() };
        match answer {
            Ok(()) => {
                self.backoff.succeed();
                self.stuck = None;
                letters.into_iter().map(settle).collect()
            }
            Err(failure) => {
                self.not_before = Some(now + self.backoff.fail(None, rng));
                self.stuck = Some(failure);
                letters.into_iter().rev().for_each(|letter| self.waiting.push_front(letter));
                Vec::new()
            }
        }
    }

    /// Gives back the letters whose records `is_recalled` names. Those being put stay: their receipt may still come.
    pub(super) fn give_back(&mut self, is_recalled: impl Fn(RunId) -> bool) {
        let (back, keep) = self.waiting.drain(..).partition(|letter| letter.duty.runs().all(&is_recalled));
        self.waiting = keep;
        let back: VecDeque<Quarantined> = back;
        back.into_iter().for_each(|letter| letter.duty.settle(Outcome::Released));
        if self.waiting.is_empty() && self.putting.is_none() {
            self.stuck = None;
        }
    }

    pub(super) fn release_everything(&mut self) {
        let putting = self.putting.take().map(|(letters, _)| letters).unwrap_or_default();
        let all = putting.into_iter().chain(self.waiting.drain(..));
        all.for_each(|letter| letter.duty.settle(Outcome::Released));
    }
}

fn settle(quarantined: Quarantined) -> Letter {
    quarantined.duty.settle(Outcome::DeadLettered);
    quarantined.letter
}
