//! Redaction as a whole: events in, events out.

#[allow(clippy::wildcard_enum_match_arm, reason = "what is common to most classes is written once")]
mod canaries;
mod cases;
mod samples;

use ::metrics::Counter;
use regex::Regex;

use super::config::{PatternConfig, RedactConfig, StepConfig};
use super::{Class, Key, Keys, Path, Redactor, Treatment, Unredactable};
use crate::event::Tape;
use crate::secret::Secret;

fn step(treatment: Treatment) -> StepConfig {
    StepConfig { classes: Vec::new(), keep_members: Vec::new(), paths: Vec::new(), patterns: Vec::new(), treatment }
}

fn classes(classes: &[Class], treatment: Treatment) -> StepConfig {
    StepConfig { classes: classes.to_vec(), ..step(treatment) }
}

fn paths(paths: &[&str], treatment: Treatment) -> StepConfig {
    let paths = paths.iter().map(|path| Path::parse(path).unwrap_or_else(|error| unreachable!("{error:?}"))).collect();
    StepConfig { paths, ..step(treatment) }
}

fn pattern(within: &[&str], pattern: &str, treatment: Treatment) -> StepConfig {
    let paths = paths(within, treatment.clone()).paths;
    let pattern = PatternConfig { classes: Vec::new(), paths, pattern: Regex::new(pattern).expect("a pattern") };
    StepConfig { patterns: vec![pattern], ..step(treatment) }
}

fn replace(text: &str) -> Treatment {
    Treatment::Replace(text.to_owned())
}

fn hmac() -> Treatment {
    let current = Key::new(&Secret::new("a key of some length".to_owned()), Some("k1"));
    Treatment::Hmac(Box::new(Keys { current, previous: None }))
}

fn config(steps: Vec<StepConfig>) -> RedactConfig {
    RedactConfig { steps, ..RedactConfig::default() }
}

fn redactor(steps: Vec<StepConfig>) -> Redactor {
    Redactor::new(&config(steps), &|_| Counter::noop())
}

/// The event as it leaves.
fn try_redact(redactor: &mut Redactor, event: &str) -> Result<String, Unredactable> {
    let mut tape = Tape::default();
    let document = tape.read(event.as_bytes()).ok_or(Unredactable::NotAnObject)?;
    let redacted = redactor.redact(&document)?;
    Ok(redacted.map_or_else(|| event.to_owned(), |bytes| String::from_utf8(bytes.to_vec()).expect("text")))
}

fn redact(steps: Vec<StepConfig>, event: &str) -> String {
    try_redact(&mut redactor(steps), event).expect("redacted")
}
