//! Giving back what is not going to be sent: its partition was recalled, or the lane ends.

use std::collections::VecDeque;
use std::sync::Arc;

use super::{Lane, Waiting};
use crate::delivery::consignment::Consignment;
use crate::delivery::ledger::Outcome;

impl Lane {
    /// What was recalled while it was on its way is given back as soon as it is seen.
    pub(super) fn unless_recalled(&self, consignment: Consignment) -> Option<Consignment> {
        if self.parts.recall.covers(consignment.runs()) {
            consignment.settle(Outcome::Released);
            return None;
        }
        Some(consignment)
    }

    pub(super) fn give_back_recalled(&mut self) {
        let recall = Arc::clone(&self.parts.recall);
        let (back, keep) = self.queue.drain(..).partition(|waiting| recall.covers(waiting.consignment.runs()));
        self.queue = keep;
        let back: VecDeque<Waiting> = back;
        back.into_iter().for_each(|waiting| waiting.consignment.settle(Outcome::Released));
        self.desk.give_back(|run| recall.covers([run]));
        if self.desk.stuck().is_none() {
            self.report_stuck_letters(None);
        }
    }

    pub(super) fn release_everything(mut self) {
        let flying = self.flights.drain().map(|(_, flight)| flight.consignment);
        let waiting = self.queue.drain(..).map(|waiting| waiting.consignment);
        flying.chain(waiting).for_each(|consignment| consignment.settle(Outcome::Released));
        self.desk.release_everything();
    }
}
