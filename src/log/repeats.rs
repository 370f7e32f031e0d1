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
    pub(super) fn judge(&mut self, key: K, text: u64, always: bool, line: &L, now: Instant) -> Verdict {
        let kin = self.kin.entry(key).or_insert_with(|| Kin {
            since: now,
            texts: Vec::new(),
            shown: 0,
            suppressed: 0,
            first: line.clone(),
        });
        let known = kin.texts.contains(&text);
        let too_many = kin.shown >= LOG_BURST && !always;
        if known || too_many {
            kin.suppressed += 1;
            return Verdict::Suppress;
        }
        if kin.texts.len() == REMEMBERED {
            kin.texts.remove(0);
        }
        kin.texts.push(text);
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

    #[test]
    fn a_repeated_line_is_shown_once_per_window_and_counted() {
        let (mut repeats, start) = (Repeats::new(), Instant::now());
        assert_eq!(repeats.judge("k", 1, false, &"line", start), show(0));
        for _ in 0..5 {
            assert_eq!(repeats.judge("k", 1, true, &"line", start), Verdict::Suppress);
        }
        assert_eq!(repeats.ended(start + WINDOW - Duration::from_millis(1)), []);
        assert_eq!(repeats.ended(start + WINDOW), [("line", 5)]);
        assert_eq!(repeats.ended(start + WINDOW), []);
        assert_eq!(repeats.judge("k", 1, false, &"line", start + WINDOW), show(0));
        assert_eq!(repeats.all(), [], "nothing was suppressed in the new window");
    }

    #[test]
    fn a_new_text_is_shown_and_preceded_by_the_count() {
        let (mut repeats, start) = (Repeats::new(), Instant::now());
        assert_eq!(repeats.judge("k", 1, false, &"a", start), show(0));
        assert_eq!(repeats.judge("k", 1, false, &"a", start), Verdict::Suppress);
        assert_eq!(repeats.judge("k", 2, false, &"b", start), show(1));
        assert_eq!(repeats.judge("k", 1, false, &"a", start), Verdict::Suppress, "both texts are known now");
        assert_eq!(repeats.judge("other", 1, false, &"a", start), show(0), "another pipeline or place in the code");
        assert_eq!(repeats.all(), [("a", 1)]);
    }

    #[test]
    fn a_flood_of_different_lines_is_cut_unless_each_asks_for_a_human() {
        let (mut repeats, start) = (Repeats::new(), Instant::now());
        let count = BURST as u64 * 5;
        let shown = |repeats: &mut Repeats<_, _>, key, always| {
            (0..count).filter(|text| repeats.judge(key, *text, always, &"line", start) == show(0)).count()
        };
        assert_eq!(shown(&mut repeats, "warn", false), BURST);
        assert_eq!(shown(&mut repeats, "error", true), BURST * 5);
        assert_eq!(repeats.all(), [("line", count - BURST as u64)]);
    }
}
