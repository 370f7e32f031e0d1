//! The table of what is known: `known.txt`, read once.

use std::collections::{HashMap, HashSet};

use crate::event::Kind;

const TABLE: &str = include_str!("known.txt");

/// What is known of audit events.
#[derive(Clone, Debug)]
pub(super) struct Known {
    /// By the path in [`fold`]'s spelling.
    members: HashMap<String, Member>,
}

/// What is known of one member.
#[derive(Clone, Debug)]
pub(super) struct Member {
    /// Its path as it is usually spelled.
    pub(super) path: &'static str,
    /// One bit per kind of value.
    kinds: u8,
    /// In small letters; empty when it may hold any.
    words: HashSet<String>,
    /// Free form: nothing below it is looked at.
    pub(super) is_free: bool,
}

impl Known {
    pub(super) fn read() -> Self {
        let mut members: HashMap<String, Member> = HashMap::new();
        let mut last = String::new();
        for line in TABLE.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
            if line.starts_with(' ') {
                let words = line.split_whitespace().map(str::to_ascii_lowercase);
                members.entry(last.clone()).and_modify(|member| member.words.extend(words));
                continue;
            }
            let Some((path, kinds)) = line.split_once(':') else { continue };
            last.clear();
            fold(path, &mut last);
            let is_free = kinds.split_whitespace().any(|kind| kind == "any");
            let kinds = kinds.split_whitespace().map(bit_of_name).fold(0, |bits, bit| bits | bit);
            members.insert(last.clone(), Member { path, kinds, words: HashSet::new(), is_free });
        }
        Self { members }
    }

    /// `path` in [`fold`]'s spelling.
    pub(super) fn member(&self, path: &str) -> Option<&Member> {
        self.members.get(path)
    }
}

impl Member {
    pub(super) fn may_be(&self, kind: Kind) -> bool {
        self.is_free || self.kinds & bit(kind) != 0
    }

    /// Without case, as the view compares.
    pub(super) fn may_hold(&self, word: &str) -> bool {
        self.words.is_empty() || self.words.contains(&word.to_ascii_lowercase())
    }
}

/// Appends a name in small letters and without `_` and `-`, in which both dialects are the same.
pub(super) fn fold(name: &str, path: &mut String) {
    path.extend(name.chars().filter(|letter| !matches!(letter, '_' | '-')).map(|letter| letter.to_ascii_lowercase()));
}

/// The names of kinds, in the table and in reports.
pub(super) fn name(kind: Kind) -> &'static str {
    match kind {
        Kind::Object => "object",
        Kind::Array => "list",
        Kind::String => "text",
        Kind::Number => "number",
        Kind::Bool(_) => "bool",
        Kind::Null => "null",
    }
}

fn bit(kind: Kind) -> u8 {
    bit_of_name(name(kind))
}

fn bit_of_name(name: &str) -> u8 {
    match name {
        "object" => 1,
        "list" => 2,
        "text" => 4,
        "number" => 8,
        "bool" => 16,
        "null" => 32,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_of_the_table_is_understood() {
        let known = Known::read();
        for line in TABLE.lines().filter(|line| !line.is_empty() && !line.starts_with(['#', ' '])) {
            let (path, kinds) = line.split_once(": ").expect("a path and its kinds");
            let mut folded = String::new();
            fold(path, &mut folded);
            assert_eq!(known.member(&folded).map(|member| member.path), Some(path), "two lines for {path}");
            for kind in kinds.trim_end_matches('=').split_whitespace() {
                assert!(kind == "any" || bit_of_name(kind) != 0, "{kind} in {line}");
            }
            let parent = path.strip_suffix("[]").or(path.rsplit_once('.').map(|(parent, _)| parent));
            let is_member_of_envelope = !path.starts_with("data.");
            let mut above = String::new();
            fold(parent.unwrap_or("data"), &mut above);
            assert!(is_member_of_envelope || known.member(&above).is_some(), "nothing leads to {path}");
        }
    }
}
