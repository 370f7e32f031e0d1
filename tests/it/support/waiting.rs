//! Waiting for a condition, with a deadline. Nothing in the tests sleeps for luck.

use std::thread;
use std::time::{Duration, Instant};

/// How often a condition is looked at. Short against every deadline, long against the cost of looking.
const PAUSE: Duration = Duration::from_millis(10);

/// Waits until `condition` holds. Panics, naming `what`, if it does not within `limit`.
#[track_caller]
pub fn wait_until(limit: Duration, what: &str, mut condition: impl FnMut() -> bool) {
    wait_for(limit, what, || condition().then_some(()));
}

/// Waits until `look` finds something. Panics, naming `what`, if it does not within `limit`.
#[track_caller]
pub fn wait_for<T>(limit: Duration, what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + limit;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < deadline, "waited {limit:?} in vain: {what}");
        thread::park_timeout(PAUSE);
    }
}
