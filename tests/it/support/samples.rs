//! Audit events to send: the sample corpus, numbered so that the far side can be counted.

/// One event a line; the same corpus that `auditferry demo` is seeded with.
const CORPUS: &str = include_str!("../../../src/demo/sample-events.jsonl");

/// What a numbered event begins with: the CloudEvents extension attribute `sequence`, then twelve digits.
const SEQUENCE: &str = r#"{"sequence":""#;
const DIGITS: usize = 12;

/// The corpus as it is, about 1.1 kB an event.
pub fn events() -> Vec<&'static str> {
    CORPUS.lines().collect()
}

/// Makes numbered events quickly: event `n` is line `n` of the corpus, over and over, with its number as `sequence`.
#[derive(Debug)]
pub struct Numbered {
    lines: Vec<&'static str>,
}

impl Numbered {
    pub fn new() -> Self {
        Self { lines: events() }
    }

    pub fn event(&self, number: u64) -> Vec<u8> {
        let line = self.lines[number as usize % self.lines.len()];
        let rest = &line[1..];
        format!("{SEQUENCE}{number:0DIGITS$}\",{rest}").into_bytes()
    }
}

/// The number of a numbered event, wherever in `payload` it begins (a HEC envelope may surround it).
pub fn number_of(payload: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(payload).ok()?;
    let start = text.find(SEQUENCE)? + SEQUENCE.len();
    text.get(start..start + DIGITS)?.parse().ok()
}

/// Which of the events `0..expected` arrived, and how often.
#[derive(Debug)]
pub struct Census {
    seen: Vec<u32>,
    /// Numbers outside `0..expected`, which nobody sent.
    pub unknown: u64,
}

impl Census {
    pub fn of(expected: u64, numbers: impl IntoIterator<Item = u64>) -> Self {
        let mut census = Self { seen: vec![0; expected as usize], unknown: 0 };
        for number in numbers {
            match census.seen.get_mut(number as usize) {
                Some(count) => *count += 1,
                None => census.unknown += 1,
            }
        }
        census
    }

    /// The numbers that never arrived.
    pub fn missing(&self) -> Vec<u64> {
        let numbers = self.seen.iter().zip(0..).filter(|(count, _)| **count == 0);
        numbers.map(|(_, number)| number).collect()
    }

    /// Arrivals beyond the first of each number.
    pub fn repeated(&self) -> u64 {
        self.seen.iter().map(|count| u64::from(count.saturating_sub(1))).sum()
    }
}
