//! Which topics are read, and what the connector attaches to the events of each.
//!
//! - Lists are split as Java splits them: at every comma, and empty items at the end do not count.
//! - With `topics.regex` the connector ignores index, source and sourcetype. They are left out here as well, or events
//!   would begin to land elsewhere; the findings say so.
//! - Connect's patterns have to match the whole name, ours match from its beginning: `$` is added.

use super::settings::Settings;
use super::smt::Routes;
use super::write::{Block, Value};

/// Index, source and sourcetype: (the connector's key, ours).
const METADATA: [(&str, &str); 3] =
    [("splunk.indexes", "index"), ("splunk.sources", "source"), ("splunk.sourcetypes", "sourcetype")];

pub(super) enum Topics {
    Names(Vec<String>),
    Pattern,
    /// Neither is given, or both, or the pattern cannot be carried over.
    Unknown,
}

/// Writes the topics into the block of the source.
pub(super) fn read(settings: &mut Settings, kafka: &mut Block) -> Topics {
    let names = settings.text("topics");
    let pattern = settings.text("topics.regex");
    match (names, pattern) {
        (Some(names), None) => {
            let names = split(settings, "topics", &names);
            let mut once: Vec<String> = Vec::new();
            for name in &names {
                if !once.contains(name) {
                    once.push(name.clone());
                }
            }
            if once.len() < names.len() {
                settings.warn("topics", "a topic is listed twice", "nothing to do: it is listed once now");
            }
            settings.carried("topics", "kafka.topics");
            kafka.list("topics", once, "topics");
            Topics::Names(names)
        }
        (None, Some(pattern)) => match posix(&pattern) {
            Ok(posix) => {
                settings.carried("topics.regex", "kafka.topic_pattern");
                kafka.text("topic_pattern", posix, "topics.regex");
                Topics::Pattern
            }
            Err(cause) => {
                let remedy = "write `topic_pattern` with POSIX extended expressions, or list the topics in `topics`";
                settings.refuse("topics.regex", cause, remedy);
                Topics::Unknown
            }
        },
        (None, None) => {
            if !settings.is_settled(&"topics".into()) && !settings.is_settled(&"topics.regex".into()) {
                settings.refuse("topics", "neither `topics` nor `topics.regex` is given", "add `topics` to the source");
            }
            Topics::Unknown
        }
        (Some(_), Some(_)) => {
            let cause = "both `topics` and `topics.regex` are given: the connector would not start";
            settings.refuse("topics", cause, "decide for one of them");
            settings.note("topics.regex", "see `topics`");
            Topics::Unknown
        }
    }
}

/// Splits at commas and trims; a value that the connector takes with its white space is reported.
fn split(settings: &mut Settings, key: &str, text: &str) -> Vec<String> {
    let mut items: Vec<&str> = text.split(',').collect();
    while items.last().is_some_and(|item| item.is_empty()) {
        items.pop();
    }
    if items.iter().any(|item| item.trim() != *item) {
        let cause = "there is white space around a comma, which the connector takes for a part of the name";
        settings.warn(key, cause, "nothing to do: it is removed here");
    }
    items.into_iter().map(|item| item.trim().to_owned()).collect()
}

/// Writes index, source and sourcetype into the block of the sink.
pub(super) fn metadata(settings: &mut Settings, topics: &Topics, routes: &Routes, hec: &mut Block) {
    let mut rows: Vec<Vec<(String, String)>> = Vec::new();
    let mut remark: Vec<&str> = Vec::new();
    for (key, ours) in METADATA {
        let Some(text) = settings.text(key) else { continue };
        let values = split(settings, key, &text);
        let target = format!("sink.splunk_hec.{ours}");
        match (topics, values.as_slice()) {
            (Topics::Pattern, _) => left_out(settings, key, ours, &values, hec),
            (Topics::Names(_) | Topics::Unknown, [one]) if !routes.lose_something() => {
                settings.carried(key, target);
                hec.text(ours, one, key);
            }
            (Topics::Names(names), values) if values.len() == names.len() || values.len() == 1 => {
                rows.resize_with(names.len(), Vec::new);
                let value = |at| routes.place(at).and_then(|place| values.get(place).or(values.first()));
                let found: Vec<Option<&String>> = (0..names.len()).map(value).collect();
                if found.iter().any(Option::is_some) {
                    settings.carried(key, "sink.splunk_hec.per_topic");
                    remark.push(key);
                }
                let lost = names.iter().zip(&found).filter(|(_, value)| value.is_none());
                let lost: Vec<&str> = lost.map(|(name, _)| name.as_str()).collect();
                if !lost.is_empty() {
                    renamed_away(settings, key, ours, &lost);
                }
                for (row, value) in rows.iter_mut().zip(found) {
                    row.extend(value.filter(|value| !value.is_empty()).map(|value| (ours.to_owned(), value.clone())));
                }
            }
            (Topics::Names(names), values) => {
                let (values, names) = (values.len(), names.len());
                let cause = format!(
                    "it has {values} values for {names} topics, and they go together by position: the connector \
                     would not start"
                );
                settings.refuse(key, cause, "give one value, or one for each topic");
            }
            (Topics::Unknown, _) => {
                settings.refuse(key, "its values belong to topics by position", "see `topics`; then use `per_topic`");
            }
        }
    }
    if let Topics::Names(names) = topics {
        let rows = names.iter().zip(rows).filter(|(_, row)| !row.is_empty());
        let rows = rows.map(|(name, row)| [vec![("topic".to_owned(), name.clone())], row].concat());
        let rows: Vec<_> = rows.collect();
        if !rows.is_empty() {
            hec.member("per_topic", Value::Rows(rows), &format!("{}, by position", remark.join(", ")));
        }
    }
}

/// A transform gives these topics names that are not in `topics`, and the connector finds nothing for them.
fn renamed_away(settings: &mut Settings, key: &str, ours: &str, lost: &[&str]) {
    let cause = format!(
        "a transform gives the topics {} other names, for which the connector finds nothing here, so it is left out: events \
         go on landing where they do",
        lost.join(", ")
    );
    settings.warn(key, cause, format!("if it should apply, write `{ours}`, or `per_topic` with their own names"));
}

fn left_out(settings: &mut Settings, key: &str, ours: &str, values: &[String], hec: &mut Block) {
    let cause =
        "the connector ignores it with `topics.regex`, so it is left out here: events go on landing where they do";
    settings.warn(key, cause, format!("if it should apply, write `{ours}`, or `per_topic` with a `topic_pattern`"));
    if let [one] = values {
        hec.comment(format!("{ours}: {one}    # {key}, which the connector ignores with topics.regex"));
    }
}

/// A Java expression for whole names, as the C library's extended expression that the Kafka client compiles.
fn posix(java: &str) -> Result<String, String> {
    let unknown = |what: &str| Err(format!("the pattern has {what}, which the Kafka client does not understand"));
    let mut posix = String::new();
    let mut chars = java.chars().peekable();
    let mut after_quantifier = false;
    while let Some(c) = chars.next() {
        let quantifier = matches!(c, '*' | '+' | '?' | '}');
        if after_quantifier && matches!(c, '?' | '+') {
            return unknown("a lazy or possessive repetition");
        }
        after_quantifier = quantifier;
        match c {
            '\\' => match chars.next() {
                Some('d') => posix.push_str("[0-9]"),
                Some('w') => posix.push_str("[A-Za-z0-9_]"),
                Some(c) if c.is_ascii_punctuation() => posix.extend(['\\', c]),
                Some(c) => return unknown(&format!("`\\{c}`")),
                None => return unknown("a backslash at its end"),
            },
            '(' if chars.next_if_eq(&'?').is_some() => match chars.next() {
                Some(':') => posix.push('('),
                Some(_) | None => return unknown("a group that begins with `(?`"),
            },
            '[' => posix.push_str(&bracket(&mut chars)?),
            c => posix.push(c),
        }
    }
    if posix.contains('|') {
        return Ok(format!("^({posix})$"));
    }
    let begin = posix.strip_prefix('^').unwrap_or(&posix);
    let whole = if begin.ends_with("\\$") { begin } else { begin.strip_suffix('$').unwrap_or(begin) };
    Ok(format!("^{whole}$"))
}

/// What stands between `[` and `]`: there a backslash means itself in POSIX, so escapes are written out.
fn bracket(chars: &mut std::iter::Peekable<std::str::Chars<'_>>) -> Result<String, String> {
    let unknown = || "the pattern has a set of characters that the Kafka client does not understand".to_owned();
    let mut set = String::from("[");
    set.extend(chars.next_if_eq(&'^'));
    loop {
        match chars.next().ok_or_else(unknown)? {
            ']' if set.trim_start_matches(['[', '^']).is_empty() => return Err(unknown()),
            ']' => return Ok(set + "]"),
            '\\' => match chars.next() {
                Some('d') => set.push_str("0-9"),
                Some('w') => set.push_str("A-Za-z0-9_"),
                // A hyphen stands for itself only at the end; where it does, this is it.
                Some('-') if chars.peek() == Some(&']') => set.push('-'),
                Some('.') => set.push('.'),
                Some('_') => set.push('_'),
                Some(_) | None => return Err(unknown()),
            },
            '[' | '&' => return Err(unknown()),
            c => set.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_for_whole_names_stays_one() {
        for (java, expected) in [
            ("audit-.*", "^audit-.*$"),
            ("^audit-.*$", "^audit-.*$"),
            ("a|b", "^(a|b)$"),
            ("^a$|^b$", "^(^a$|^b$)$"),
            (r"a\.b-\d+", r"^a\.b-[0-9]+$"),
            (r"(?:a|b)\w", "^((a|b)[A-Za-z0-9_])$"),
            (r"[\w.\-]+", "^[A-Za-z0-9_.-]+$"),
            ("[^x]{2,3}", "^[^x]{2,3}$"),
        ] {
            assert_eq!(posix(java).as_deref(), Ok(expected), "{java}");
            // What the configuration demands of a pattern.
            assert!(regex::Regex::new(expected).is_ok(), "{expected}");
        }
    }

    #[test]
    fn what_the_kafka_client_cannot_do_is_refused() {
        for java in ["(?!x).*", "(?i)a", "a*?", "a++", r"\p{L}", r"\Qa\E", "[a&&b]", "[[a]b]", r"[\s]", r"\s", "a\\"] {
            assert!(posix(java).is_err(), "{java}");
        }
    }
}
