//! What the audience is told: scenes, and the words in them that are shared.

use crate::status::State;

/// A part of the demonstration.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Act {
    Backlog,
    Busy,
    Poison,
    LostAnswer,
    TokenGone,
    /// Everything produced is at the far side.
    Finale,
}

impl Act {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Backlog => "backlog",
            Self::Busy => "busy",
            Self::Poison => "poison",
            Self::LostAnswer => "lost_answer",
            Self::TokenGone => "token_gone",
            Self::Finale => "finale",
        }
    }
}

/// What the audience is shown. Texts are sentences without a full stop.
#[derive(Clone, PartialEq, Debug)]
pub enum Scene {
    /// Everything is in place.
    Opening { backlog: u64, per_second: u64, partitions: i32, kafka: String, splunk: String, status_page: String },
    /// A part begins: what the world does.
    Begins { act: Act, text: String },
    /// What is to be seen meanwhile.
    Meanwhile { act: Act, text: String },
    /// A part has ended: what became of it.
    Ends { act: Act, text: String },
    /// A part did not come about, or did not end.
    Missed { act: Act },
    /// Several times a second.
    Progress(Counts),
}

/// Where things stand; counts are of events.
#[derive(Clone, PartialEq, Debug)]
pub struct Counts {
    pub seconds: f64,
    pub produced: u64,
    /// Different events at the receiver.
    pub delivered: u64,
    pub dead_lettered: u64,
    /// Events that the receiver has once more than needed.
    pub duplicates: u64,
    /// Produced, and not yet anywhere.
    pub waiting: u64,
    pub state: State,
}

/// `12345` as `12,345`.
pub fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::thousands;

    #[test]
    fn thousands_are_set_apart() {
        let shown = [0, 999, 1_000, 12_345, 1_234_567].map(thousands);
        assert_eq!(shown, ["0", "999", "1,000", "12,345", "1,234,567"]);
    }
}
