//! What can be seen of a lane from outside.

use std::sync::Arc;
use std::time::Duration;

use crate::delivery::attempt::{Attempt, Failure};
use crate::delivery::letter::Letter;

/// What happens in a lane, for logs, metrics and the status page.
#[derive(Debug)]
pub enum LaneEvent<'a> {
    /// An attempt ended. `outcome` is one of a closed list.
    Attempted {
        endpoint: usize,
        outcome: &'static str,
        took: Duration,
    },
    /// Proof of delivery came. `took` counts from the first sending of this attempt to the proof.
    Delivered {
        endpoint: usize,
        events: usize,
        oldest_ms: Option<i64>,
        took: Duration,
    },
    /// An attempt failed and is repeated.
    Failed {
        endpoint: usize,
        failure: &'a Failure,
    },
    /// One endpoint does not answer, or says that it is not well; it is left alone for a while, and the others carry on.
    LeftAlone {
        endpoint: usize,
        failure: &'a Failure,
    },
    /// One endpoint needs a human; the others carry on.
    Refused {
        endpoint: usize,
        failure: &'a Failure,
    },
    /// The sink, or the dead-letter store, needs a human. `endpoint` is the one that said so.
    Holding {
        endpoint: Option<usize>,
        failure: &'a Failure,
    },
    /// The cause of a hold is mended.
    Resumed {
        held_for: Duration,
    },
    DeadLettered(&'a Letter),
}

/// Called from the lane's task; must not block.
pub type Observer = Arc<dyn Fn(LaneEvent<'_>) + Send + Sync>;

/// The name of an attempt's end: one of a closed list.
pub(super) fn outcome_of(attempt: &Attempt) -> &'static str {
    match attempt {
        Attempt::Delivered => "delivered",
        Attempt::Pending(_) => "accepted",
        Attempt::Slower { then, .. } => outcome_of(then),
        Attempt::Retry { .. } => "retry",
        Attempt::Poison { .. } => "poison",
        Attempt::Split(_) => "split",
        Attempt::Hold(_) => "hold",
        Attempt::Lost(_) => "lost",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reason::Reason;

    #[test]
    fn each_end_of_an_attempt_has_its_name() {
        let failure = || Failure::new(Reason::Busy, "busy");
        let named = [
            (Attempt::Delivered, "delivered"),
            (Attempt::Pending(Box::pin(async { Attempt::Delivered })), "accepted"),
            (Attempt::Retry { after: None, failure: failure() }, "retry"),
            (Attempt::Poison { delivered: 0, bad: 0, failure: failure() }, "poison"),
            (Attempt::Split(failure()), "split"),
            (Attempt::Hold(failure()), "hold"),
            (Attempt::Lost(failure()), "lost"),
        ];
        for (attempt, name) in named {
            assert_eq!(outcome_of(&attempt), name);
        }
    }
}
