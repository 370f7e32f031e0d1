//! What the lane does about endpoints that may be unwell: it asks them, and takes back what they leave unanswered.
//!
//! When and why is decided in [`endpoints`](super::endpoints). A parcel that is taken back counts as one that timed out: not
//! delivered as far as anybody knows, and sent again.

use tokio::sync::oneshot;
use tokio::time::Instant;

use super::{Lane, LaneEvent};
use crate::defaults::TRIAL_PATIENCE;
use crate::delivery::attempt::{Attempt, BoxFuture, Failure};
use crate::reason::Reason;
use crate::sink::Condition;

/// An endpoint, and what it says when it is asked how it is.
pub(super) type Question = BoxFuture<(usize, Condition)>;

impl Lane {
    pub(super) fn look_after_endpoints(&mut self, now: Instant) {
        for endpoint in self.endpoints.ask(now) {
            let condition = self.parts.sink.condition(endpoint);
            self.questions.push(Box::pin(async move { (endpoint, condition.await) }));
        }
        for endpoint in self.endpoints.overdue(now) {
            let words = format!("no answer to a parcel within {TRIAL_PATIENCE:?}, on trial after a failure");
            self.take_back(endpoint, &Failure::new(Reason::Timeout, words));
        }
    }

    /// An endpoint that was asked how it is has answered, or has not.
    pub(super) fn heard(&mut self, endpoint: usize, condition: Condition) {
        let now = Instant::now();
        match condition {
            Condition::Well => self.endpoints.is_well(endpoint, now),
            Condition::Unwell(failure) => {
                self.leave_alone(endpoint, &failure, now);
            }
            Condition::Silent(failure) => {
                if self.leave_alone(endpoint, &failure, now) {
                    self.take_back(endpoint, &failure);
                }
            }
        }
    }

    fn leave_alone(&mut self, endpoint: usize, failure: &Failure, now: Instant) -> bool {
        let is_believed = self.endpoints.is_unwell(endpoint, now, &mut self.rng);
        if is_believed {
            (self.parts.observer)(LaneEvent::LeftAlone { endpoint, failure });
        }
        is_believed
    }

    /// Ends the attempts that are under way at the endpoint; each becomes a failed one.
    fn take_back(&mut self, endpoint: usize, failure: &Failure) {
        for flight in self.flights.values_mut().filter(|flight| flight.endpoint == endpoint) {
            if let Some(take_back) = flight.take_back.take() {
                // An attempt that has just ended does not listen any more, and its own answer counts.
                take_back.send(failure.clone()).unwrap_or_default();
            }
        }
    }
}

/// The attempt's own end, or a failure when the parcel is taken back before.
pub(super) async fn unless_taken_back(attempt: BoxFuture<Attempt>, taken_back: oneshot::Receiver<Failure>) -> Attempt {
    tokio::select! {
        biased;
        attempt = attempt => attempt,
        Ok(failure) = taken_back => Attempt::Retry { after: None, failure },
    }
}
