//! `RegexRouter` and `TimestampRouter`: the names that the connector sees instead of its topics'.
//!
//! It looks index, source, sourcetype and enrichment up by the name that it sees, and finds nothing for one that is not in
//! `topics`. Here the same is looked up while importing, so the events of each topic get what they got.

use super::predicate::{Holds, java, whole};
use super::{Refusal, Transform};
use crate::import::settings::Settings;
use crate::import::topics::Topics;

pub(in crate::import) struct Routes {
    topics: Vec<String>,
    /// What the connector sees instead of each; `None` for a name that is made of the record's time.
    seen: Vec<Option<String>>,
    /// Topics that are not listed are renamed.
    others_too: bool,
}

impl Routes {
    pub(super) fn new(topics: &Topics) -> Self {
        let topics = match topics {
            Topics::Names(names) => names.clone(),
            Topics::Pattern | Topics::Unknown => Vec::new(),
        };
        let seen = topics.iter().cloned().map(Some).collect();
        Self { topics, seen, others_too: false }
    }

    /// The names that the connector sees, if all are known.
    pub(super) fn seen(&self) -> Option<Vec<&str>> {
        let known = |name: &&str| !name.contains("${");
        self.seen.iter().map(|name| name.as_deref().filter(known)).collect()
    }

    pub(super) fn are_as_read(&self) -> bool {
        !self.others_too && self.topics.iter().zip(&self.seen).all(|(topic, seen)| seen.as_ref() == Some(topic))
    }

    /// The place in `topics` of the name that stands for topic `at`; `None` if the connector finds nothing for it.
    pub(in crate::import) fn place(&self, at: usize) -> Option<usize> {
        let seen = self.seen.get(at)?.as_ref()?;
        self.topics.iter().rposition(|topic| topic == seen)
    }

    /// Whether the connector finds nothing for the events of some topic.
    pub(in crate::import) fn lose_something(&self) -> bool {
        (0..self.topics.len()).any(|at| self.place(at).is_none())
    }

    pub(super) fn follow(
        &mut self,
        settings: &mut Settings,
        transform: &Transform,
        holds: &Holds,
    ) -> Result<(), Refusal> {
        let rename = Rename::read(settings, transform)?;
        let applies = |at: usize| match holds {
            Holds::Always | Holds::Values => true,
            Holds::Topics(answers) => answers.get(at).copied().unwrap_or_default(),
            Holds::Never | Holds::Tombstones | Holds::Pattern { .. } => false,
        };
        if self.topics.is_empty() {
            self.others_too = true;
        } else if self.seen().is_none() {
            let remedy = "give the events their index or sourcetype by `per_topic`";
            return Err(Refusal::new("renames a topic whose name is not known here", remedy));
        }
        for (at, seen) in self.seen.iter_mut().enumerate().filter(|(at, _)| applies(*at)) {
            if let Some(name) = seen {
                *seen = rename.apply(name)?;
            }
            debug_assert!(at < self.topics.len(), "in step");
        }
        self.say(settings, transform);
        Ok(())
    }

    fn say(&self, settings: &mut Settings, transform: &Transform) {
        let key = transform.type_key();
        if self.are_as_read() {
            return transform.note(settings, "it renames none of the topics that are read");
        }
        let show = |(topic, seen): (&String, &Option<String>)| match seen {
            Some(seen) if seen == topic => None,
            Some(seen) => Some(format!("{topic} to {seen}")),
            None => Some(format!("{topic} by the time")),
        };
        let renamed: Vec<String> = self.topics.iter().zip(&self.seen).filter_map(show).collect();
        let renamed = if renamed.is_empty() { "topics".to_owned() } else { renamed.join(", ") };
        let cause = format!(
            "it renames {renamed}: the connector looks index, source, sourcetype and enrichment up by the new name; here \
             the events of each topic get what they got. `kafka_topic` is the topic in which the record lies"
        );
        let remedy = "change searches for the new name in `kafka_topic`, if there are any";
        settings.warn(key.as_str(), cause, remedy);
    }
}

enum Rename {
    Pattern {
        whole: regex::Regex,
        pattern: regex::Regex,
        replacement: String,
    },
    /// `${topic}` in it stands for the topic, `${timestamp}` for the time.
    Format(String),
}

impl Rename {
    fn read(settings: &mut Settings, transform: &Transform) -> Result<Self, Refusal> {
        if transform.short == "TimestampRouter" {
            let format = settings.literal(transform.key("topic.format").as_str());
            return Ok(Self::Format(format.unwrap_or_else(|| "${topic}-${timestamp}".to_owned())));
        }
        let replacement = transform.key("replacement");
        let is_there = settings.untrimmed(replacement.as_str()).is_some();
        match settings.literal(transform.key("regex").as_str()) {
            Some(pattern) if is_there => Ok(Self::Pattern {
                whole: whole(&pattern)?,
                pattern: java(&pattern)?,
                replacement: settings.literal(replacement.as_str()).unwrap_or_default(),
            }),
            Some(_) | None => Err(Refusal::new(
                "renames the topic, and has no `regex` or no `replacement`: the connector would not start",
                "mend it, and import again",
            )),
        }
    }

    /// The new name; `None` if it is made of the time.
    fn apply(&self, topic: &str) -> Result<Option<String>, Refusal> {
        match self {
            Self::Format(format) => {
                let name = format.replace("${topic}", topic);
                Ok((!name.contains("${timestamp}")).then_some(name))
            }
            Self::Pattern { whole, .. } if !whole.is_match(topic) => Ok(Some(topic.to_owned())),
            // As Java's `replaceFirst`: what is found first, which need not be the whole.
            Self::Pattern { pattern, replacement, .. } => {
                let Some(found) = pattern.captures(topic) else { return Ok(Some(topic.to_owned())) };
                let whole = found.get(0).map_or(0..0, |found| found.range());
                let new = expand(replacement, &found).ok_or_else(|| {
                    let cause = "has a replacement that names a group which its pattern does not have";
                    Refusal::new(cause, "mend it, and import again")
                })?;
                Ok(Some([&topic[..whole.start], &new, &topic[whole.end..]].concat()))
            }
        }
    }
}

/// Java's replacement: `$1` with as many digits as there is such a group, `${name}`, `\x` for x itself.
fn expand(replacement: &str, found: &regex::Captures<'_>) -> Option<String> {
    let mut out = String::new();
    let mut chars = replacement.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\\' => out.push(chars.next()?),
            '$' if chars.next_if_eq(&'{').is_some() => {
                let name: String = chars.by_ref().take_while(|c| *c != '}').collect();
                // A group that took no part is nothing; one that does not exist is an error.
                out.push_str(found.name(&name)?.as_str());
            }
            '$' => {
                let mut group = usize::try_from(chars.next()?.to_digit(10)?).ok()?;
                if group >= found.len() {
                    return None;
                }
                while let Some(digit) = chars.peek().and_then(|c| c.to_digit(10)) {
                    let longer = group * 10 + usize::try_from(digit).ok()?;
                    if longer >= found.len() {
                        break;
                    }
                    group = longer;
                    chars.next();
                }
                out.push_str(found.get(group).map_or("", |group| group.as_str()));
            }
            c => out.push(c),
        }
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_replacement_means_what_it_means_in_java() {
        for (pattern, replacement, topic, expected) in [
            ("(.*)-(.*)", "$2.$1", "a-b", Some("b.a")),
            ("(.*)", "x-$1", "a", Some("x-a")),
            ("(.)(.*)", "$12", "ab", Some("a2")),
            ("(?<n>.*)", "${n}!", "a", Some("a!")),
            ("a", r"\$1\\", "a", Some(r"$1\")),
            ("a", "$1", "a", None),
            ("a", "$", "a", None),
            ("a|ab", "x", "ab", Some("xb")),
            ("b", "x", "ab", Some("ab")),
            ("a", "", "a", Some("")),
        ] {
            let rename = Rename::Pattern {
                whole: whole(pattern).ok().expect("valid"),
                pattern: java(pattern).ok().expect("valid"),
                replacement: replacement.to_owned(),
            };
            let new = rename.apply(topic).ok().flatten();
            assert_eq!(new.as_deref(), expected, "{pattern} {replacement}");
        }
    }

    #[test]
    fn a_name_with_the_time_in_it_is_not_known() {
        let rename = |format: &str| Rename::Format(format.to_owned()).apply("a").ok().flatten();
        assert_eq!(rename("${topic}-${timestamp}"), None);
        assert_eq!(rename("x-${topic}").as_deref(), Some("x-a"));
    }
}
