//! Finding the event that a server refuses without naming it.
//!
//! A refused parcel is cut in two. The front is sent, and the back, the *suspect*, waits for what becomes of it:
//!
//! | the front is | the suspect |
//! | --- | --- |
//! | taken | holds the bad event, so it is cut in its turn; sending it whole would be in vain |
//! | refused | may hold none: it is sent as it is, and the search goes on in the front |
//! | neither, yet | goes on waiting |
//!
//! - A suspicion condemns nobody: an event becomes a letter only when the server has refused it alone.
//! - One bad event among `n` costs at most `2 log2(n) + 1` requests, the first refusal included; `k` of them at most
//!   `2k log2(n/k) + 2k - 1`. `tests/poison.rs` says why, and measures it.
//! - A parcel that is too large says nothing about its events: it is halved, and both halves are sent.

use super::{Flight, Lane, Waiting};
use crate::delivery::attempt::Failure;
use crate::delivery::consignment::Consignment;
use crate::reason::Reason;

/// How much of a refused parcel is its front, in fifths. A bad event in the front costs two requests (a refusal, and the
/// suspect's own), one in the suspect a single request; so the front is the smaller part. At two fifths both ways take about
/// the same number of requests to a single event.
const FRONT_FIFTHS: usize = 2;

impl Lane {
    /// The parcel was refused as a whole.
    pub(super) fn split(&mut self, flight: Flight, failure: Failure) {
        let Flight { consignment, suspect, .. } = flight;
        self.no_longer_suspected(suspect);
        match consignment.count() {
            1 => self.quarantine(consignment.into_letter(failure)),
            count if failure.reason == Reason::RequestTooLarge => self.send_in_two(consignment, count / 2),
            _ => self.search(consignment),
        }
    }

    /// The server has taken a front: what it had refused lies in the suspect.
    pub(super) fn front_was_taken(&mut self, suspect: Option<Consignment>) {
        if let Some(suspect) = suspect {
            self.search(suspect);
        }
    }

    /// What was refused is explained by the front.
    pub(super) fn no_longer_suspected(&mut self, suspect: Option<Consignment>) {
        if let Some(suspect) = suspect {
            self.send_again(suspect);
        }
    }

    pub(super) fn send_in_two(&mut self, consignment: Consignment, cut: usize) {
        let (front, back) = consignment.split_at(cut);
        for part in [back, front].into_iter().flatten() {
            self.send_again(part);
        }
    }

    /// Among these events is a bad one. A single one is its own front: it is sent alone.
    fn search(&mut self, consignment: Consignment) {
        let Some(consignment) = self.unless_recalled(consignment) else { return };
        let cut = (consignment.count() * FRONT_FIFTHS / 5).max(1);
        match consignment.split_at(cut) {
            (Some(front), suspect) => self.queue.push_front(Waiting { suspect, ..Waiting::new(front) }),
            (None, all) => self.no_longer_suspected(all),
        }
    }
}
