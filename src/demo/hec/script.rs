//! What the stand-in is told to do wrong.
//!
//! Each route has a queue of faults, used up one per request in order, and at most one standing fault that applies when
//! the queue is empty. Nothing here knows HTTP or HEC.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

use super::wire::Answer;

/// Which requests a fault is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Route {
    /// `/services/collector`, `/event`, `/event/1.0`, and `/raw`, `/raw/1.0`.
    Event,
    /// `/services/collector/ack`.
    Ack,
    /// `/services/collector/health`.
    Health,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Fault {
    /// As if nothing were wrong; lets a request pass in a sequence of faults.
    Pass,
    /// Answers so. Nothing is processed: no event is indexed, no acknowledgement used up.
    Answer(Answer),
    /// Processes as usual, then answers so instead.
    ProcessThenAnswer(Answer),
    /// Closes the connection. Nothing is processed.
    Close,
    /// Processes as usual, then closes without a word: the lost acknowledgement.
    ProcessThenClose,
    /// Processes as usual and closes in the middle of the answer.
    ProcessThenCut,
    /// Says nothing for this long, then closes. Nothing is processed.
    Hang(Duration),
    /// Processes as usual, says nothing for this long, then closes.
    ProcessThenHang(Duration),
    /// Processes as usual, waits, then answers as usual.
    ProcessThenDelay(Duration),
    /// Waits, then as usual.
    Delay(Duration),
}

/// How long a standing fault lasts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Spell {
    Requests(usize),
    For(Duration),
    UntilCleared,
}

/// The faults of one route.
#[derive(Debug, Default)]
pub(super) struct Script {
    queue: VecDeque<Fault>,
    standing: Option<(Fault, End)>,
}

#[derive(Debug)]
enum End {
    After(usize),
    At(Instant),
    Never,
}

impl Script {
    pub(super) fn push(&mut self, fault: Fault) {
        self.queue.push_back(fault);
    }

    pub(super) fn stand(&mut self, fault: Fault, spell: Spell) {
        let end = match spell {
            Spell::Requests(n) => End::After(n),
            Spell::For(duration) => End::At(Instant::now() + duration),
            Spell::UntilCleared => End::Never,
        };
        self.standing = Some((fault, end));
    }

    pub(super) fn clear(&mut self) {
        self.queue.clear();
        self.standing = None;
    }

    /// What happens to the next request.
    pub(super) fn next(&mut self) -> Fault {
        if let Some(fault) = self.queue.pop_front() {
            return fault;
        }
        let over = match &mut self.standing {
            None => return Fault::Pass,
            Some((_, End::Never)) => false,
            Some((_, End::At(end))) => Instant::now() >= *end,
            Some((_, End::After(0))) => true,
            Some((_, End::After(left))) => {
                *left -= 1;
                false
            }
        };
        if over {
            self.standing = None;
        }
        self.standing.as_ref().map_or(Fault::Pass, |(fault, _)| fault.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn queued_faults_come_first_and_a_standing_one_ends_as_told() {
        let mut script = Script::default();
        script.stand(Fault::Close, Spell::Requests(2));
        script.push(Fault::Pass);
        let seen: Vec<Fault> = (0..4).map(|_| script.next()).collect();
        assert_eq!(seen, [Fault::Pass, Fault::Close, Fault::Close, Fault::Pass]);

        script.stand(Fault::Close, Spell::For(Duration::from_secs(5)));
        assert_eq!(script.next(), Fault::Close);
        tokio::time::advance(Duration::from_secs(5)).await;
        assert_eq!(script.next(), Fault::Pass);
    }
}
