//! Hold: the sink needs a human. Everything is kept, and one parcel is sent as a probe from time to time, so that
//! delivery resumes by itself once the cause is mended.

use tokio::time::Instant;

use crate::defaults::HOLD_PROBE_INTERVAL;
use crate::delivery::attempt::Failure;

#[derive(Debug)]
pub(super) struct Hold {
    pub(super) since: Instant,
    failure: Failure,
    next_probe: Instant,
    probing: bool,
}

impl Hold {
    pub(super) fn new(failure: Failure, now: Instant) -> Self {
        Self { since: now, failure, next_probe: now + HOLD_PROBE_INTERVAL, probing: false }
    }

    /// The sink refused again. Returns whether the reason is another one than before.
    pub(super) fn renew(&mut self, failure: Failure, now: Instant) -> bool {
        let changed = failure != self.failure;
        self.failure = failure;
        if self.probing {
            self.probe_ended(now);
        }
        changed
    }

    pub(super) fn allows_probe(&self, now: Instant) -> bool {
        !self.probing && now >= self.next_probe
    }

    pub(super) fn probe_started(&mut self) {
        self.probing = true;
    }

    pub(super) fn probe_ended(&mut self, now: Instant) {
        self.probing = false;
        self.next_probe = now + HOLD_PROBE_INTERVAL;
    }

    pub(super) fn next_wake(&self) -> Option<Instant> {
        (!self.probing).then_some(self.next_probe)
    }
}
