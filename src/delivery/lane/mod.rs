//! The lane: carries batches to the sink and comes back with what became of them.
//!
//! One task owns everything here; there is no lock. Up to `max_in_flight` parcels are being sent at once. A parcel that
//! was accepted but not yet proven (indexer acknowledgement) waits without a sending slot.
//!
//! Which endpoint is next, and how one that does not answer is kept from slowing the others, stands in [`endpoints`].
//!
//! Retrying, splitting, quarantining and holding happen here, once for all sinks. There is no number of attempts after
//! which something is given up: a consignment leaves the lane delivered, dead-lettered or given back.

mod care;
mod desk;
mod endpoints;
mod event;
mod give_back;
mod hold;
mod letters;
mod search;

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

pub use desk::LetterStore;
pub use event::{LaneEvent, Observer};

use super::attempt::{Attempt, BoxFuture, Coding, Failure};
use super::backoff::Backoff;
use super::consignment::Consignment;
use super::ledger::Outcome;
use super::letter::Quarantined;
use super::settlement::Recall;
use crate::defaults;
use crate::sink::Sink;

/// What the poll thread hands over: a closed batch, and the records of it that the sink can never take.
pub struct Shipment {
    pub consignment: Option<Consignment>,
    pub letters: Vec<Quarantined>,
}

impl Shipment {
    /// Nobody is going to carry it.
    pub(super) fn give_back(self) {
        self.letters.into_iter().for_each(|letter| letter.duty.settle(Outcome::Released));
        if let Some(consignment) = self.consignment {
            consignment.settle(Outcome::Released);
        }
    }
}

pub struct LaneParts {
    pub sink: Arc<dyn Sink>,
    pub shipments: mpsc::Receiver<Shipment>,
    pub recall: Arc<Recall>,
    /// `None`: a poison event makes the lane hold.
    pub letters: Option<LetterStore>,
    pub observer: Observer,
    pub max_in_flight: usize,
    pub coding: Coding,
    /// Set while a parcel would be sent at once; read by the poll thread, which lets batches grow otherwise.
    pub ready: Arc<AtomicBool>,
}

/// A consignment that waits for its (next) attempt.
struct Waiting {
    consignment: Consignment,
    /// Waits for what becomes of the consignment; see [`search`].
    suspect: Option<Consignment>,
    backoff: Backoff,
    not_before: Instant,
}

impl Waiting {
    fn new(consignment: Consignment) -> Self {
        let backoff = Backoff::new(defaults::RETRY_BASE, defaults::RETRY_CAP);
        Self { consignment, suspect: None, backoff, not_before: Instant::now() }
    }
}

/// A consignment whose attempt is under way.
struct Flight {
    consignment: Consignment,
    /// As in [`Waiting`].
    suspect: Option<Consignment>,
    backoff: Backoff,
    endpoint: usize,
    started: Instant,
    /// Ends the attempt, with the reason for it; `None` once the parcel was accepted.
    take_back: Option<oneshot::Sender<Failure>>,
}

type FlightId = u64;
type Landing = BoxFuture<(FlightId, Attempt)>;

pub struct Lane {
    parts: LaneParts,
    queue: VecDeque<Waiting>,
    flights: HashMap<FlightId, Flight>,
    next_flight: FlightId,
    /// Attempts that occupy a sending slot.
    sending: FuturesUnordered<Landing>,
    /// Attempts that were accepted and await proof.
    pending: FuturesUnordered<Landing>,
    endpoints: endpoints::Endpoints,
    /// Questions to endpoints, at most one each.
    questions: FuturesUnordered<care::Question>,
    hold: Option<hold::Hold>,
    desk: desk::Desk,
    rng: fastrand::Rng,
    letters_held_since: Option<Instant>,
    /// Why nothing more may be delivered.
    lost: Option<Failure>,
}

impl Lane {
    pub fn new(mut parts: LaneParts) -> Self {
        let endpoints = endpoints::Endpoints::new(parts.sink.endpoints().len(), Instant::now());
        let desk = desk::Desk::new(parts.letters.take());
        Self {
            parts,
            queue: VecDeque::new(),
            flights: HashMap::new(),
            next_flight: 0,
            sending: FuturesUnordered::new(),
            pending: FuturesUnordered::new(),
            endpoints,
            questions: FuturesUnordered::new(),
            hold: None,
            desk,
            rng: fastrand::Rng::new(),
            letters_held_since: None,
            lost: None,
        }
    }

    /// Runs until the poll thread closes the channel. What is not settled by then is given back.
    ///
    /// # Errors
    /// The records are no longer ours to deliver ([`Attempt::Lost`]): what was under way has been given back, too.
    pub async fn run(mut self) -> Result<(), Failure> {
        while self.lost.is_none() {
            self.launch_what_may_go();
            let wake = self.next_wake();
            tokio::select! {
                shipment = self.parts.shipments.recv() => match shipment {
                    Some(shipment) => self.accept(shipment),
                    None => break,
                },
                Some((id, attempt)) = self.sending.next(), if !self.sending.is_empty() => self.sent(id, attempt),
                Some((id, attempt)) = self.pending.next(), if !self.pending.is_empty() => self.land(id, attempt),
                Some((endpoint, told)) = self.questions.next(), if !self.questions.is_empty() => self.heard(endpoint, told),
                answer = self.desk.stored() => self.letters_answered(answer),
                () = self.parts.recall.changed() => self.give_back_recalled(),
                () = sleep_until(wake) => {}
            }
        }
        let lost = self.lost.take();
        self.release_everything();
        lost.map_or(Ok(()), Err)
    }

    fn accept(&mut self, shipment: Shipment) {
        for letter in shipment.letters {
            self.quarantine(letter);
        }
        if let Some(consignment) = shipment.consignment.and_then(|new| self.unless_recalled(new)) {
            self.queue.push_back(Waiting::new(consignment));
        }
    }

    fn launch_what_may_go(&mut self) {
        let now = Instant::now();
        self.desk.start(now);
        self.look_after_endpoints(now);
        while self.may_send(now) {
            let Some(at) = self.next_in_queue(now) else { break };
            let Some(endpoint) = self.endpoints.take(now) else { break };
            let Some(waiting) = self.queue.remove(at) else { break };
            self.launch(waiting, endpoint, now);
        }
        let ready = self.queue.is_empty() && self.may_send(now) && self.endpoints.has_available(now);
        self.parts.ready.store(ready, Ordering::Relaxed);
    }

    fn may_send(&self, now: Instant) -> bool {
        let free = self.sending.len() < self.parts.max_in_flight;
        let held = self.hold.as_ref().is_some_and(|hold| !hold.allows_probe(now));
        free && !held && self.desk.stuck().is_none()
    }

    /// With one request at a time the order of each partition is kept, so nothing overtakes the front. With more,
    /// whatever need not wait goes first.
    fn next_in_queue(&self, now: Instant) -> Option<usize> {
        let reach = if self.parts.max_in_flight == 1 { 1 } else { self.queue.len() };
        self.queue.iter().take(reach).position(|waiting| waiting.not_before <= now)
    }

    fn launch(&mut self, waiting: Waiting, endpoint: usize, now: Instant) {
        let Waiting { mut consignment, suspect, backoff, .. } = waiting;
        if let Some(hold) = &mut self.hold {
            hold.probe_started();
        }
        let parcel = consignment.parcel(self.parts.coding);
        let attempt = self.parts.sink.attempt(endpoint, parcel);
        let id = self.next_flight;
        self.next_flight += 1;
        let (take_back, taken_back) = oneshot::channel();
        let take_back = Some(take_back);
        self.flights.insert(id, Flight { consignment, suspect, backoff, endpoint, started: now, take_back });
        self.sending.push(Box::pin(async move { (id, care::unless_taken_back(attempt, taken_back).await) }));
    }

    /// An attempt left its sending slot.
    fn sent(&mut self, id: FlightId, attempt: Attempt) {
        let Some(flight) = self.flights.get_mut(&id) else { return };
        flight.take_back = None;
        let (endpoint, took) = (flight.endpoint, flight.started.elapsed());
        self.endpoints.returned(endpoint, Instant::now());
        (self.parts.observer)(LaneEvent::Attempted { endpoint, outcome: event::outcome_of(&attempt), took });
        let attempt = self.heed_warning(endpoint, attempt);
        match attempt {
            Attempt::Pending(proof) => {
                self.answered_well(endpoint);
                let suspect = self.flights.get_mut(&id).and_then(|flight| flight.suspect.take());
                self.front_was_taken(suspect);
                self.pending.push(Box::pin(async move { (id, proof.await) }));
            }
            Attempt::Delivered | Attempt::Poison { .. } | Attempt::Split(_) => {
                self.answered_well(endpoint);
                self.land(id, attempt);
            }
            Attempt::Slower { .. } | Attempt::Retry { .. } | Attempt::Hold(_) | Attempt::Lost(_) => {
                self.land(id, attempt)
            }
        }
    }

    /// Slows the endpoint down if it asked for that; returns what else the attempt came to.
    fn heed_warning(&mut self, endpoint: usize, attempt: Attempt) -> Attempt {
        match attempt {
            Attempt::Slower { pause, then } => {
                self.endpoints.slow_down(endpoint, pause, Instant::now());
                *then
            }
            Attempt::Delivered | Attempt::Pending(_) => {
                self.endpoints.full_speed(endpoint);
                attempt
            }
            Attempt::Retry { .. }
            | Attempt::Poison { .. }
            | Attempt::Split(_)
            | Attempt::Hold(_)
            | Attempt::Lost(_) => attempt,
        }
    }

    /// An attempt came to its end.
    fn land(&mut self, id: FlightId, attempt: Attempt) {
        let Some(flight) = self.flights.remove(&id) else { return };
        match attempt {
            Attempt::Delivered => self.delivered(flight),
            Attempt::Retry { after, failure } => self.retry(flight, after, &failure),
            Attempt::Poison { delivered, bad, failure } => self.poisoned(flight, delivered, bad, failure),
            Attempt::Split(failure) => self.split(flight, failure),
            Attempt::Hold(failure) => self.hold(flight, failure),
            Attempt::Lost(failure) => {
                self.requeue(flight);
                self.lost = Some(failure);
            }
            // A proof that defers once more breaks the sink's contract; unknown means not delivered.
            Attempt::Pending(_) | Attempt::Slower { .. } => self.requeue(flight),
        }
    }

    fn delivered(&mut self, flight: Flight) {
        let Flight { consignment, suspect, started, endpoint, .. } = flight;
        self.front_was_taken(suspect);
        let (events, oldest_ms) = (consignment.count(), consignment.oldest_ms());
        consignment.settle(Outcome::Delivered);
        (self.parts.observer)(LaneEvent::Delivered { endpoint, events, oldest_ms, took: started.elapsed() });
    }

    fn retry(&mut self, mut flight: Flight, after: Option<Duration>, failure: &Failure) {
        let now = Instant::now();
        self.endpoints.failed(flight.endpoint, after, now, &mut self.rng);
        if let Some(hold) = &mut self.hold {
            hold.probe_ended(now);
        }
        (self.parts.observer)(LaneEvent::Failed { endpoint: flight.endpoint, failure });
        // Another endpoint may take it at once; when all have had it, the consignment itself waits too. Otherwise one
        // that only it fails with would come back at full speed while others reset the endpoint's back-off.
        let delay = flight.backoff.fail(None, &mut self.rng);
        let everywhere = flight.backoff.failures() as usize >= self.endpoints.count();
        self.wait(flight, if everywhere { now + delay } else { now });
    }

    /// Events before `delivered` are at the receiver, event `bad` never will be, the others are sent again.
    fn poisoned(&mut self, flight: Flight, delivered: usize, bad: usize, failure: Failure) {
        let count = flight.consignment.count();
        let plausible = delivered <= bad && bad < count;
        if !plausible && count == 1 {
            return self.split(flight, failure);
        }
        self.no_longer_suspected(flight.suspect);
        if !plausible {
            return self.send_in_two(flight.consignment, count / 2);
        }
        let (proven, open) = flight.consignment.split_at(delivered);
        if let Some(proven) = proven {
            proven.settle(Outcome::Delivered);
        }
        let Some(open) = open else { return };
        let (before, rest) = open.split_at(bad - delivered);
        let Some(rest) = rest else { return };
        let (culprit, after) = rest.split_at(1);
        for part in [after, before].into_iter().flatten() {
            self.send_again(part);
        }
        if let Some(culprit) = culprit {
            self.quarantine(culprit.into_letter(failure));
        }
    }

    /// A refusal that only a human can mend. While another endpoint works it concerns this one alone, which is left
    /// alone for a while: endpoints do not stand for each other's troubles.
    fn hold(&mut self, flight: Flight, failure: Failure) {
        let now = Instant::now();
        let endpoint = flight.endpoint;
        if self.hold.is_none() && self.endpoints.another_works(endpoint) {
            self.endpoints.failed(endpoint, Some(defaults::HOLD_PROBE_INTERVAL), now, &mut self.rng);
            (self.parts.observer)(LaneEvent::Refused { endpoint, failure: &failure });
            return self.requeue(flight);
        }
        let news = match &mut self.hold {
            Some(hold) => hold.renew(failure.clone(), now),
            None => {
                self.hold = Some(hold::Hold::new(failure.clone(), now));
                true
            }
        };
        if news {
            (self.parts.observer)(LaneEvent::Holding { endpoint: Some(endpoint), failure: &failure });
        }
        self.requeue(flight);
    }

    /// The endpoint understood the request, whatever it thought of the events. A proof that comes later does not say as much:
    /// what took a parcel a while ago may refuse the next one.
    fn answered_well(&mut self, endpoint: usize) {
        self.endpoints.succeeded(endpoint);
        if let Some(hold) = self.hold.take() {
            (self.parts.observer)(LaneEvent::Resumed { held_for: hold.since.elapsed() });
        }
    }

    fn requeue(&mut self, flight: Flight) {
        self.wait(flight, Instant::now());
    }

    fn wait(&mut self, flight: Flight, not_before: Instant) {
        let Flight { consignment, suspect, backoff, .. } = flight;
        match self.unless_recalled(consignment) {
            Some(consignment) => self.queue.push_front(Waiting { consignment, suspect, backoff, not_before }),
            None => self.no_longer_suspected(suspect),
        }
    }

    fn send_again(&mut self, consignment: Consignment) {
        if let Some(consignment) = self.unless_recalled(consignment) {
            self.queue.push_front(Waiting::new(consignment));
        }
    }

    fn next_wake(&self) -> Option<Instant> {
        let now = Instant::now();
        let consignments = self.queue.iter().map(|waiting| waiting.not_before);
        let endpoint = (!self.queue.is_empty()).then(|| self.endpoints.next_available(now)).flatten();
        let probe = self.hold.as_ref().and_then(hold::Hold::next_wake).filter(|_| !self.queue.is_empty());
        let care = self.endpoints.next_care(now);
        let others = [endpoint, care, probe, self.desk.next_wake()].into_iter().flatten();
        // What lies in the past waits for something else: a free slot, an answer, a shipment.
        consignments.chain(others).filter(|at| *at > now).min()
    }
}

/// Cancel safe.
async fn sleep_until(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests;
