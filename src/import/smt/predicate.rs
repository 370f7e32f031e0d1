//! When a transform applies: Connect's predicates, as far as they can be told from here.

use regex::Regex;

use super::routes::Routes;
use super::{Refusal, Transform};
use crate::import::settings::Settings;
use crate::import::topics::Topics;

/// The records for which a transform applies.
pub(super) enum Holds {
    Always,
    Never,
    /// Those without a value. The connector sends none of them.
    Tombstones,
    /// Those with a value.
    Values,
    /// Those of some topics: one answer for each of the connector's, in their order.
    Topics(Vec<bool>),
    /// Those of topics whose whole name matches this; or does not.
    Pattern {
        pattern: String,
        negated: bool,
    },
}

impl Holds {
    /// The one answer for everything that the connector sends, if there is one.
    pub(super) fn everywhere(&self) -> Option<bool> {
        match self {
            Self::Always | Self::Values => Some(true),
            Self::Never | Self::Tombstones => Some(false),
            Self::Topics(answers) if answers.iter().all(|answer| *answer) => Some(true),
            Self::Topics(answers) if answers.iter().all(|answer| !answer) => Some(false),
            Self::Topics(_) | Self::Pattern { .. } => None,
        }
    }

    fn negated(self) -> Self {
        match self {
            Self::Always => Self::Never,
            Self::Never => Self::Always,
            Self::Tombstones => Self::Values,
            Self::Values => Self::Tombstones,
            Self::Topics(answers) => Self::Topics(answers.into_iter().map(|answer| !answer).collect()),
            Self::Pattern { pattern, negated } => Self::Pattern { pattern, negated: !negated },
        }
    }
}

pub(super) fn holds(
    settings: &mut Settings,
    transform: &Transform,
    topics: &Topics,
    routes: &Routes,
) -> Result<Holds, Refusal> {
    let Some(name) = settings.literal(transform.key("predicate").as_str()) else { return Ok(Holds::Always) };
    let holds = positive(settings, &name, topics, routes)?;
    let is_negated = settings.flag(&transform.key("negate")) == Some(true);
    Ok(if is_negated { holds.negated() } else { holds })
}

fn positive(settings: &mut Settings, name: &str, topics: &Topics, routes: &Routes) -> Result<Holds, Refusal> {
    let class = settings.literal(format!("predicates.{name}.type").as_str()).unwrap_or_default();
    match class.rsplit('.').next().unwrap_or_default() {
        "RecordIsTombstone" => Ok(Holds::Tombstones),
        "TopicNameMatches" => {
            let pattern = settings.literal(format!("predicates.{name}.pattern").as_str()).unwrap_or_default();
            by_topic(&pattern, topics, routes)
        }
        "HasHeaderKey" => Err(Refusal::new(
            format!("depends on a header (predicate `{name}`); rules here do not look at headers"),
            "let the producer put it into the event, and write a condition about that (docs/filtering.md)",
        )),
        "" => Err(Refusal::new(
            format!("has the predicate `{name}`, which is not defined: the connector would not start"),
            "mend it, and import again",
        )),
        _ => Err(Refusal::new(
            format!("depends on the predicate `{name}` ({class}), which is not known here"),
            "find out when it holds, and write that as a condition (docs/filtering.md)",
        )),
    }
}

fn by_topic(pattern: &str, topics: &Topics, routes: &Routes) -> Result<Holds, Refusal> {
    let whole = whole(pattern)?;
    match topics {
        Topics::Names(_) => match routes.seen() {
            Some(seen) => Ok(Holds::Topics(seen.iter().map(|name| whole.is_match(name)).collect())),
            None => Err(Refusal::new(
                "depends on a topic's name that an earlier transform makes, or that a variable holds",
                "write the condition over `topic`, the topic in which the record lies (docs/filtering.md)",
            )),
        },
        Topics::Pattern if routes.are_as_read() => Ok(Holds::Pattern { pattern: pattern.to_owned(), negated: false }),
        Topics::Pattern => Err(Refusal::new(
            "depends on a topic's name that an earlier transform has changed, and the topics are not listed",
            "list the topics in `topics` and import again",
        )),
        Topics::Unknown => Err(Refusal::new("depends on the topics, which are not known", "see `topics`")),
    }
}

/// Java's `matches`: the whole name.
pub(super) fn whole(pattern: &str) -> Result<Regex, Refusal> {
    java(&format!(r"\A(?:{pattern})\z"))
}

/// An expression that means the same in Java, as far as it can be told.
pub(super) fn java(pattern: &str) -> Result<Regex, Refusal> {
    // After a repetition Java takes a plus sign for "possessive", ours for another repetition.
    let is_possessive = ["*+", "++", "?+", "}+"].iter().any(|possessive| pattern.contains(possessive));
    Regex::new(pattern).ok().filter(|_| !is_possessive).ok_or_else(|| {
        let cause = "has a pattern that is not understood here (look-around, back references, possessive repetition)";
        Refusal::new(cause, "write the pattern without them, and import again")
    })
}
