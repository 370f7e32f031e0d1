//! The duty to settle: a value that must be consumed.
//!
//! Whoever holds records also holds a [`Duty`] for them, one per part of a batch, never one per record. It cannot be
//! cloned. Settling consumes it; dropping it is never success: the records are reported as abandoned, the watermark stops
//! before them, and a metric shows it. In tests of this crate dropping one panics.

use std::sync::Arc;

use super::ledger::{Outcome, RunId, Settlement};
use super::settlement::Settlements;

#[derive(Debug)]
#[must_use = "records must be settled"]
pub struct Duty {
    /// Open records by run; each run once. Empty only when the duty was consumed.
    open: Vec<(RunId, u32)>,
    settlements: Arc<Settlements>,
}

impl Duty {
    pub fn new(open: Vec<(RunId, u32)>, settlements: Arc<Settlements>) -> Self {
        Self { open, settlements }
    }

    /// Reports what became of all the records.
    pub fn settle(mut self, outcome: Outcome) {
        self.post(outcome);
    }

    /// Cuts off the duty for `counts` records of the given runs.
    pub fn split_off(&mut self, counts: Vec<(RunId, u32)>) -> Self {
        for (run, count) in &counts {
            let mine = self.open.iter_mut().find(|(mine, open)| mine == run && open >= count);
            debug_assert!(mine.is_some(), "split more than there is: {run:?}");
            if let Some((_, open)) = mine {
                *open -= count;
            }
        }
        self.open.retain(|(_, open)| *open > 0);
        Self { open: counts, settlements: Arc::clone(&self.settlements) }
    }

    pub fn runs(&self) -> impl Iterator<Item = RunId> + '_ {
        self.open.iter().map(|(run, _)| *run)
    }

    fn post(&mut self, outcome: Outcome) {
        let open = std::mem::take(&mut self.open);
        self.settlements.post(open.into_iter().map(|(run, records)| Settlement { run, records, outcome }));
    }
}

impl Drop for Duty {
    fn drop(&mut self) {
        if self.open.is_empty() {
            return;
        }
        self.post(Outcome::Abandoned);
        #[cfg(test)]
        assert!(std::thread::panicking(), "a duty to settle was dropped");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::delivery::ledger::Ledger;
    use crate::position::{Offset, ResumeAt, Slot};

    fn duty_for(records: i64) -> (Ledger, Duty, Arc<Settlements>) {
        let mut ledger = Ledger::new();
        ledger.assign(Slot::new(0), ResumeAt::from_broker(0), None);
        let run =
            (0..records).map(|o| ledger.track(Slot::new(0), Offset::new(o), None)).last().flatten().expect("a run");
        ledger.seal(run);
        let mail = Arc::new(Settlements::default());
        let open = u32::try_from(records).expect("few");
        (ledger, Duty::new(vec![(run, open)], Arc::clone(&mail)), mail)
    }

    fn deliver(ledger: &mut Ledger, mail: &Settlements) -> i64 {
        let mut arrived = Vec::new();
        mail.take(&mut arrived);
        arrived.into_iter().for_each(|settlement| ledger.settle(settlement));
        ledger.watermark(Slot::new(0)).expect("assigned").get()
    }

    #[test]
    fn both_halves_of_a_split_duty_are_needed() {
        let (mut ledger, mut duty, mail) = duty_for(10);
        let run = duty.runs().next().expect("one run");
        let part = duty.split_off(vec![(run, 3)]);
        duty.settle(Outcome::Delivered);
        assert_eq!(deliver(&mut ledger, &mail), 0);
        part.settle(Outcome::DeadLettered);
        assert_eq!(deliver(&mut ledger, &mail), 10);
    }

    #[test]
    fn a_dropped_duty_is_reported_as_abandoned() {
        let (mut ledger, duty, mail) = duty_for(2);
        let dropped = std::panic::catch_unwind(std::panic::AssertUnwindSafe(move || drop(duty)));
        assert!(dropped.is_err(), "tests are told at once");
        assert_eq!(deliver(&mut ledger, &mail), 0);
        assert_eq!(ledger.totals().abandoned, 2);
    }
}
