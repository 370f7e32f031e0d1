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
        for Waiting { consignment, suspect, .. } in back {
            consignment.settle(Outcome::Released);
            self.no_longer_suspected(suspect);
        }
        // A suspect is not under way, even while its front is.
        let waiting = self.queue.iter_mut().map(|waiting| &mut waiting.suspect);
        let flying = self.flights.values_mut().map(|flight| &mut flight.suspect);
        for suspect in waiting.chain(flying) {
            if let Some(suspect) = suspect.take_if(|suspect| recall.covers(suspect.runs())) {
                suspect.settle(Outcome::Released);
            }
        }
        self.desk.give_back(|run| recall.covers([run]));
        if self.desk.stuck().is_none() {
            self.report_stuck_letters(None);
        }
    }

    pub(super) fn release_everything(mut self) {
        let flying = self.flights.drain().map(|(_, flight)| (flight.consignment, flight.suspect));
        let waiting = self.queue.drain(..).map(|waiting| (waiting.consignment, waiting.suspect));
        for (consignment, suspect) in flying.chain(waiting) {
            [Some(consignment), suspect].into_iter().flatten().for_each(|part| part.settle(Outcome::Released));
        }
        // What has been handed over and not yet looked at; nothing more comes.
        self.parts.shipments.close();
        while let Ok(shipment) = self.parts.shipments.try_recv() {
            shipment.give_back();
        }
        self.desk.release_everything();
    }
}
