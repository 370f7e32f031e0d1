//! Connect's own `Filter`, which leaves out every record for which its predicate holds: a step `drop`.

use super::predicate::Holds;
use super::{Refusal, Transform};
use crate::defaults;
use crate::import::settings::Settings;
use crate::import::topics::Topics;
use crate::import::write::{Block, Value};

const KEPT: &str = "a record that is no JSON object is not dropped by a rule: when in doubt, it is delivered";

pub(super) fn read(
    settings: &mut Settings,
    transform: &Transform,
    holds: &Holds,
    topics: &Topics,
) -> Result<Option<Block>, Refusal> {
    let key = transform.type_key();
    let when = match holds {
        Holds::Tombstones => {
            let cause = "it leaves out records without a value; here they become dead letters, and without a store the \
                         first one holds the pipeline";
            settings.warn(key.as_str(), cause, "write `dead_letter` into the pipeline, if there are such records");
            return Ok(None);
        }
        Holds::Topics(answers) if answers.iter().any(|answer| !answer) => listed(answers, topics),
        Holds::Pattern { pattern, negated } => matching(pattern, *negated)?,
        Holds::Always | Holds::Never | Holds::Values | Holds::Topics(_) => {
            return Err(Refusal::new("leaves out every record", "if nothing is to arrive, no pipeline is needed"));
        }
    };
    let mut rule = Block::default();
    rule.text("name", rule_name(&transform.name), "");
    rule.text("when", when, "");
    transform.carried(settings, "transforms (drop)");
    settings.warn(key.as_str(), KEPT, "take topics with such records out of `topics`");
    let mut step = Block::default();
    step.member("drop", Value::Block(rule), &key);
    Ok(Some(step))
}

fn listed(answers: &[bool], topics: &Topics) -> String {
    let names: &[String] = match topics {
        Topics::Names(names) => names,
        Topics::Pattern | Topics::Unknown => &[],
    };
    let dropped = names.iter().zip(answers).filter(|(_, answer)| **answer).map(|(name, _)| format!("'{name}'"));
    format!("topic in [{}]", dropped.collect::<Vec<_>>().join(", "))
}

fn matching(pattern: &str, negated: bool) -> Result<String, Refusal> {
    if pattern.contains('"') {
        return Err(Refusal::new("has a pattern with a quotation mark, which no topic's name has", "mend it"));
    }
    let condition = format!("{}topic.matches(r\"^(?:{pattern})$\")", if negated { "!" } else { "" });
    // What the configuration would take for a reference.
    let is_ambiguous = condition.contains("$$") || condition.contains("${");
    Ok(if is_ambiguous { condition.replace('$', "$$") } else { condition })
}

/// The transform's name, as far as it can be a rule's.
fn rule_name(name: &str) -> String {
    let allowed = |c: char| if c.is_ascii_alphanumeric() || "_-.".contains(c) { c } else { '-' };
    name.chars().map(allowed).take(defaults::NAME_MAX_LEN).collect()
}
