//! What the name of a member says, remembered from event to event.
//!
//! Audit events use the same hundred names over and over. To find out what a name says takes looking at every letter of it, and
//! into tables; to recognise one takes a comparison. A name that meets another one's place takes it: so the memory never grows,
//! and whoever invents names only costs time.

use super::class::{self, Classes, Container, Spelling};
use super::plan::Plan;

/// What a name says.
#[derive(Clone, Copy, Debug)]
pub(super) struct Meaning {
    /// What stands under it in each container; only what is wanted.
    classes: [Classes; Container::COUNT],
    /// What it is the name of, as a container.
    pub(super) container: Container,
    pub(super) is_plain_word: bool,
    /// Whether a member beside it says what it is: see [`class::type_member`].
    pub(super) is_told: bool,
    /// Whether what is in it is no payload.
    pub(super) is_kept: bool,
}

impl Meaning {
    pub(super) fn of(name: &str, plan: &Plan) -> Self {
        let spelling = Spelling::of(name);
        let spelled = spelling.bytes();
        Self {
            classes: Container::ALL.map(|container| class::of_member(spelled, container).and(plan.wanted)),
            container: Container::named(spelled),
            is_plain_word: class::is_plain_word(spelled),
            is_told: plan.reads_types() && class::type_member(spelled).is_some(),
            is_kept: plan.keep_members.iter().any(|kept| kept == name),
        }
    }

    pub(super) fn classes(&self, container: Container) -> Classes {
        self.classes[container as usize]
    }
}

/// A name as it is written, in words, filled up with a byte that none has: no name holds a raw control character.
type Written = [u64; WORDS];

const WORDS: usize = 4;

/// What of the words belongs to a name of this length.
const MASKS: [Written; WORDS * 8 + 1] = {
    let mut masks = [[0; WORDS]; WORDS * 8 + 1];
    let mut len = 1;
    while len < masks.len() {
        masks[len] = masks[len - 1];
        let at = len - 1;
        masks[len][at / 8] |= 0xFF << (at % 8 * 8);
        len += 1;
    }
    masks
};

/// Places for pairs of names: a power of two, more than events have names, and few enough to stay in the fastest cache.
const PLACES: usize = 128;

/// Two names that want the same place; the first was met later.
type Pair = [Option<(Written, Meaning)>; 2];

/// The names that were met last.
#[derive(Debug, Default)]
pub(super) struct Names {
    /// Empty before the first name.
    places: Vec<Pair>,
}

impl Names {
    /// What the name at `start..end` in `bytes` says, which is written without escapes.
    #[inline]
    pub(super) fn meaning(&mut self, bytes: &[u8], (start, end): (usize, usize), plan: &Plan) -> Meaning {
        let Some(written) = written(bytes, start, end) else { return read(bytes, (start, end), plan) };
        match self.places.get(place_of(&written)) {
            Some([Some((known, meaning)), _]) if *known == written => return *meaning,
            Some([_, Some((known, meaning))]) if *known == written => return *meaning,
            Some(_) | None => {}
        }
        self.learn(written, read(bytes, (start, end), plan))
    }

    #[cold]
    fn learn(&mut self, written: Written, meaning: Meaning) -> Meaning {
        if self.places.is_empty() {
            self.places.resize(PLACES, [None; 2]);
        }
        let [first, second] = &mut self.places[place_of(&written)];
        *second = first.replace((written, meaning));
        meaning
    }
}

/// What a name says that was not met before, or is not remembered.
#[cold]
fn read(bytes: &[u8], (start, end): (usize, usize), plan: &Plan) -> Meaning {
    Meaning::of(&String::from_utf8_lossy(bytes.get(start..end).unwrap_or_default()), plan)
}

/// `None` for a name that is too long.
#[inline]
fn written(bytes: &[u8], start: usize, end: usize) -> Option<Written> {
    let masks = MASKS.get(end - start)?;
    let rest = bytes.get(start..)?;
    let whole: [u8; WORDS * 8] = match rest.first_chunk() {
        // More than the name, and then without what is too much: so nothing here depends on its length.
        Some(chunk) => *chunk,
        None => {
            let mut whole = [0; WORDS * 8];
            whole.get_mut(..rest.len())?.copy_from_slice(rest);
            whole
        }
    };
    let mut words: Written = [0; WORDS];
    for ((word, from), mask) in words.iter_mut().zip(whole.as_chunks().0).zip(masks) {
        *word = u64::from_le_bytes(*from) & mask;
    }
    Some(words)
}

#[inline]
fn place_of(written: &Written) -> usize {
    let mix = |hash: u64, word: &u64| (hash ^ word).wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(29);
    let hash = written.iter().fold(0, mix);
    (hash >> 7) as usize % PLACES
}

#[cfg(test)]
mod tests {
    use super::super::class::Class;
    use super::super::config::{RedactConfig, StepConfig};
    use super::super::treatment::Treatment;
    use super::*;
    use ::metrics::Counter;
    use proptest::prelude::*;

    fn plan() -> Plan {
        let step = StepConfig {
            classes: vec![Class::Email, Class::Principal, Class::Payload],
            keep_members: vec!["kept".into()],
            paths: Vec::new(),
            patterns: Vec::new(),
            treatment: Treatment::Drop,
        };
        Plan::new(&RedactConfig { steps: vec![step], ..RedactConfig::default() }, &|_| Counter::noop())
    }

    proptest! {
        /// Names that are alike in length, beginning or end share places and are told apart.
        #[test]
        fn a_name_that_was_met_says_what_it_says(names in proptest::collection::vec("(email|data|kept|[a-z]{0,3}|principal)[a-z_]{0,2}|x{28,36}", 1..200)) {
            let plan = plan();
            let mut met = Names::default();
            for name in names {
                for text in [format!("\"{name}\":{}", " ".repeat(40)), format!("\"{name}\":")] {
                    let meaning = met.meaning(text.as_bytes(), (1, 1 + name.len()), &plan);
                    prop_assert_eq!(format!("{meaning:?}"), format!("{:?}", Meaning::of(&name, &plan)), "{}", name);
                }
            }
        }
    }
}
