//! Dead letters on their way through the lane, and what is told about a store that does not take them.

use tokio::time::Instant;

use super::{Lane, LaneEvent};
use crate::delivery::attempt::Failure;
use crate::delivery::ledger::Outcome;
use crate::delivery::letter::Quarantined;

impl Lane {
    pub(super) fn quarantine(&mut self, letter: Quarantined) {
        if self.parts.recall.covers(letter.duty.runs()) {
            return letter.duty.settle(Outcome::Released);
        }
        let was_stuck = self.desk.stuck().is_some();
        self.desk.add(letter);
        if !was_stuck {
            self.report_stuck_letters(None);
        }
    }

    pub(super) fn letters_answered(&mut self, answer: Result<(), Failure>) {
        let before = self.desk.stuck().cloned();
        for letter in self.desk.answered(answer, Instant::now(), &mut self.rng) {
            (self.parts.observer)(LaneEvent::DeadLettered(&letter));
        }
        self.report_stuck_letters(before.as_ref());
    }

    pub(super) fn report_stuck_letters(&mut self, before: Option<&Failure>) {
        match (self.desk.stuck(), self.letters_held_since) {
            (Some(failure), since) => {
                if before != Some(failure) {
                    (self.parts.observer)(LaneEvent::Holding { endpoint: None, failure });
                }
                self.letters_held_since = since.or_else(|| Some(Instant::now()));
            }
            (None, Some(since)) => {
                self.letters_held_since = None;
                (self.parts.observer)(LaneEvent::Resumed { held_for: since.elapsed() });
            }
            (None, None) => {}
        }
    }
}
