//! Which lines repeat what was just said.
//!
//! Lines from the same place in the code about the same pipeline are kin. Within a window that begins with the first of
//! them, a line whose text was already shown is counted and not shown. Lines that differ are shown, but below ERROR no
//! more than [`LOG_BURST`] of them; so a thousand dead letters do not flood the log, and an ERROR that says something new is
//! never held back. When the window ends, or something new is said in between, a summary gives the count.

use std::collections::HashMap;
use std::hash::Hash;
use std::time::Instant;

use crate::defaults::{LOG_BURST, LOG_REPEAT_WINDOW};

/// Texts remembered per window.
const REMEMBERED: usize = 64;

/// What to do with a line.
#[derive(PartialEq, Eq, Debug)]
pub(super) enum Verdict {
    /// Show it; if `before` is not 0, first say that so many were not shown.
    Show { before: u64 },
    /// It was counted.
    Suppress,
}

/// A line to be judged.
#[derive(Clone, Copy)]
pub(super) struct Said<'a, L> {
    pub(super) line: &'a L,
    /// Hash of all that is shown of it, the time excepted.
    pub(super) text: u64,
    /// Whether a text that is new is shown however many came before.
    pub(super) always: bool,
}

struct Kin<L> {
    since: Instant,
    /// Hashes of the texts shown.
    texts: Vec<u64>,
    shown: usize,
    suppressed: u64,
    /// The first line, for the summary.
    first: L,
}

pub(super) struct Repeats<K, L> {
    kin: HashMap<K, Kin<L>>,
}

impl<K: Hash + Eq, L: Clone> Repeats<K, L> {
    pub(super) fn new() -> Self {
        Self { kin: HashMap::new() }
    }

    /// Judges one line. Windows that have ended must have been taken by [`Repeats::ended`] before.
    pub(super) fn judge(&mut self, key: K, said: Said<'_, L>, now: Instant) -> Verdict {
        let kin = self.kin.entry(key).or_insert_with(|| Kin {
            since: now,
            texts: Vec::new(),
            shown: 0,
            suppressed: 0,
            first: said.line.clone(),
        });
        let known = kin.texts.contains(&said.text);
        let too_many = kin.shown >= LOG_BURST && !said.always;
        if known || too_many {
            kin.suppressed += 1;
            return Verdict::Suppress;
        }
        if kin.texts.len() == REMEMBERED {
            kin.texts.remove(0);
        }
        kin.texts.push(said.text);
        kin.shown += 1;
        Verdict::Show { before: std::mem::take(&mut kin.suppressed) }
    }

    /// Forgets the windows that have ended and gives those in which something was suppressed.
    pub(super) fn ended(&mut self, now: Instant) -> Vec<(L, u64)> {
        self.take(|kin| now.saturating_duration_since(kin.since) >= LOG_REPEAT_WINDOW)
    }

    /// Ends all windows.
    pub(super) fn all(&mut self) -> Vec<(L, u64)> {
        self.take(|_| true)
    }

    fn take(&mut self, over: impl Fn(&Kin<L>) -> bool) -> Vec<(L, u64)> {
        let ended = self.kin.extract_if(|_, kin| over(kin));
        ended.filter(|(_, kin)| kin.suppressed > 0).map(|(_, kin)| (kin.first, kin.suppressed)).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const WINDOW: Duration = LOG_REPEAT_WINDOW;
    const BURST: usize = LOG_BURST;

    fn show(before: u64) -> Verdict {
        Verdict::Show { before }
    }

    type Lines = Repeats<&'static str, &'static str>;

    fn judge(repeats: &mut Lines, key: &'static str, text: u64, always: bool, at: Instant) -> Verdict {
        repeats.judge(key, Said { line: &"line", text, always }, at)
    }

    #[test]
    fn a_repeated_line_is_shown_once_per_window_and_counted() {
        let (mut repeats, start) = (Repeats::new(), Instant::now());
        assert_eq!(judge(&mut repeats, "k", 1, false, start), show(0));
        for _ in 0..5 {
            assert_eq!(judge(&mut repeats, "k", 1, true, start), Verdict::Suppress);
        }
        assert_eq!(repeats.ended(start + WINDOW - Duration::from_millis(1)), []);
        assert_eq!(repeats.ended(start + WINDOW), [("line", 5)]);
        assert_eq!(repeats.ended(start + WINDOW), []);
        assert_eq!(judge(&mut repeats, "k", 1, false, start + WINDOW), show(0));
        assert_eq!(repeats.all(), [], "nothing was suppressed in the new window");
    }

    #[test]
    fn a_new_text_is_shown_and_preceded_by_the_count() {
        let (mut repeats, start) = (Repeats::new(), Instant::now());
        assert_eq!(judge(&mut repeats, "k", 1, false, start), show(0));
        assert_eq!(judge(&mut repeats, "k", 1, false, start), Verdict::Suppress);
        assert_eq!(judge(&mut repeats, "k", 2, false, start), show(1));
        assert_eq!(judge(&mut repeats, "k", 1, false, start), Verdict::Suppress, "both texts are known now");
        assert_eq!(judge(&mut repeats, "other", 1, false, start), show(0), "another pipeline or place in the code");
        assert_eq!(repeats.all(), [("line", 1)]);
    }

    #[test]
    fn a_flood_of_different_lines_is_cut_unless_each_asks_for_a_human() {
        let (mut repeats, start) = (Repeats::new(), Instant::now());
        let count = BURST as u64 * 5;
        let shown = |repeats: &mut Lines, key, always| {
            (0..count).filter(|text| judge(repeats, key, *text, always, start) == show(0)).count()
        };
        assert_eq!(shown(&mut repeats, "warn", false), BURST);
        assert_eq!(shown(&mut repeats, "error", true), BURST * 5);
        assert_eq!(repeats.all(), [("line", count - BURST as u64)]);
    }
}
