//! The drift sensor: notices what is new in the events, so that nobody learns of it from a rule that no longer matches.
//!
//! - What counts as new: an event type, a method, a word where the format lists the words, a member, a kind of value. What is
//!   free form by design (`request.data`, `result.data`) is not looked at.
//! - Nothing is dropped, changed or delayed because of it. It sees events as they were read, filtered ones too.
//! - Every change is counted by what changed; each is reported once, in the log. Memory is bounded: when many kinds are
//!   remembered, further ones are only counted.
//! - It is cheap by not looking at every event of a fast stream: a number of events per second is looked at, and up to that
//!   rate all of them. So its counters are for events looked at.
//! - A report shows names, and words only from places that hold no personal data; whatever does not look like a name is not
//!   shown.

mod known;

use std::borrow::Cow;
use std::collections::HashSet;
use std::time::{Duration, Instant};

use metrics::Counter;

use crate::defaults::{DRIFT_CLOCK_EVERY, DRIFT_CREDIT, DRIFT_KINDS, DRIFT_LOOK, DRIFT_NAME_CHARS};
use crate::event::{Kind, Tape, Value};
use known::Known;

/// What is new about an event.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum Change {
    /// An event type.
    Type,
    /// A method.
    Method,
    /// A word where the format lists the words.
    Word,
    /// A member.
    Member,
    /// The kind of a member's value, for example a number instead of a text.
    Kind,
}

/// Looks at events for what is new in them. One per chain.
#[derive(Debug)]
pub struct Sensor {
    known: Known,
    budget: Budget,
    tape: Tape,
    /// The path of the value that is looked at, in both spellings; kept for its memory.
    folded: String,
    findings: Findings,
}

/// What was found so far.
struct Findings {
    counters: [Counter; Change::ALL.len()],
    /// What has been reported, at most [`DRIFT_KINDS`].
    reported: HashSet<(Change, String, String)>,
    report: Box<dyn FnMut(&Finding<'_>) + Send>,
}

/// One thing that was not seen before.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Finding<'f> {
    pub change: Change,
    /// The member's path; for a new member the path of its parent, empty for the envelope.
    pub at: &'f str,
    /// The word, the name or the kind that is new.
    pub found: &'f str,
    /// Whether no further ones will be reported.
    pub is_last: bool,
}

/// How many events may still be looked at: looking costs credit, time gives it.
#[derive(Debug)]
struct Budget {
    credit: Duration,
    /// Events until the clock is read again: reading it for every event would cost as much as looking at some.
    until_clock: u32,
    last: Option<Instant>,
}

impl Change {
    pub const ALL: [Self; 5] = [Self::Type, Self::Method, Self::Word, Self::Member, Self::Kind];

    /// The metric's label.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Type => "type",
            Self::Method => "method",
            Self::Word => "word",
            Self::Member => "member",
            Self::Kind => "kind",
        }
    }
}

impl Sensor {
    /// Counts with the counter of each change, and calls `report` for each kind of change once.
    pub fn new(counter: impl FnMut(Change) -> Counter, report: impl FnMut(&Finding<'_>) + Send + 'static) -> Self {
        Self {
            known: Known::read(),
            budget: Budget { credit: DRIFT_CREDIT, until_clock: 0, last: None },
            tape: Tape::default(),
            folded: String::new(),
            findings: Findings {
                counters: Change::ALL.map(counter),
                reported: HashSet::new(),
                report: Box::new(report),
            },
        }
    }

    /// Looks at an event, if it is its turn. What is no JSON object is no audit event, and none of this sensor's business.
    pub fn watch(&mut self, payload: &[u8], now: impl FnOnce() -> Instant) {
        if !self.budget.allows(now) {
            return;
        }
        let Some(document) = self.tape.read(payload) else { return };
        self.folded.clear();
        let mut look = Look { known: &self.known, folded: &mut self.folded, findings: &mut self.findings };
        for member in document.root().children() {
            look.member(member, "");
        }
    }
}

impl Budget {
    fn allows(&mut self, now: impl FnOnce() -> Instant) -> bool {
        if self.until_clock == 0 {
            let now = now();
            let passed = self.last.map_or(Duration::ZERO, |last| now.saturating_duration_since(last));
            self.credit = (self.credit + passed).min(DRIFT_CREDIT);
            self.last = Some(now);
            self.until_clock = DRIFT_CLOCK_EVERY;
        }
        self.until_clock -= 1;
        match self.credit.checked_sub(DRIFT_LOOK) {
            Some(left) => {
                self.credit = left;
                true
            }
            None => false,
        }
    }
}

/// A walk through one event.
struct Look<'l> {
    known: &'l Known,
    folded: &'l mut String,
    findings: &'l mut Findings,
}

impl Look<'_> {
    /// `above` is the usual spelling of the parent's path.
    fn member(&mut self, value: Value<'_>, above: &str) {
        let length = self.folded.len();
        let name = value.key().unwrap_or_default();
        if !self.folded.is_empty() {
            self.folded.push('.');
        }
        known::fold(&name, self.folded);
        match self.known.member(self.folded) {
            Some(member) => self.value(value, member),
            None => self.findings.add(Change::Member, above, &name),
        }
        self.folded.truncate(length);
    }

    fn value(&mut self, value: Value<'_>, member: &known::Member) {
        if !member.may_be(value.kind()) {
            self.findings.add(Change::Kind, member.path, known::name(value.kind()));
            return;
        }
        match value.kind() {
            Kind::Object if !member.is_free => value.children().for_each(|child| self.member(child, member.path)),
            Kind::Array if !member.is_free => self.elements(value, member.path),
            Kind::String => {
                let word = value.text().unwrap_or(Cow::Borrowed(""));
                if !member.may_hold(&word) {
                    let change = match member.path {
                        "type" => Change::Type,
                        "data.methodName" => Change::Method,
                        _ => Change::Word,
                    };
                    self.findings.add(change, member.path, &word);
                }
            }
            Kind::Object | Kind::Array | Kind::Number | Kind::Bool(_) | Kind::Null => {}
        }
    }

    fn elements(&mut self, list: Value<'_>, path: &str) {
        let length = self.folded.len();
        self.folded.push_str("[]");
        match self.known.member(self.folded) {
            Some(element) => list.children().for_each(|child| self.value(child, element)),
            None => self.findings.add(Change::Member, path, "[]"),
        }
        self.folded.truncate(length);
    }
}

impl Findings {
    fn add(&mut self, change: Change, at: &str, found: &str) {
        let counter = Change::ALL.iter().position(|known| *known == change).and_then(|at| self.counters.get(at));
        if let Some(counter) = counter {
            counter.increment(1);
        }
        if self.reported.len() >= DRIFT_KINDS {
            return;
        }
        let found = presentable(found);
        if self.reported.insert((change, at.to_owned(), found.to_owned())) {
            let is_last = self.reported.len() == DRIFT_KINDS;
            (self.report)(&Finding { change, at, found, is_last });
        }
    }
}

impl std::fmt::Debug for Findings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Findings").field("reported", &self.reported.len()).finish_non_exhaustive()
    }
}

/// A name or a word as it may be shown: what looks like anything else could be data.
fn presentable(found: &str) -> &str {
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "_-./[]".contains(letter);
    let rest = found.strip_prefix('@').unwrap_or(found);
    let is_name = !rest.is_empty() && rest.len() <= DRIFT_NAME_CHARS && rest.chars().all(is_plain);
    if is_name { found } else { "(not a name)" }
}

#[cfg(test)]
mod tests;
