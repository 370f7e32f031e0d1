//! Transforms (SMTs) that Connect runs in front of the connector: what our own transforms can do of them.
//!
//! - What only chooses a topic's name chooses index, source and sourcetype here: [`routes`].
//! - What leaves records out, hides members or adds a fixed text becomes a step of `transforms`: [`filter`] and [`value`].
//! - What changes only what is not sent is explained. Everything else is refused by name.
//! - Connect runs its transforms one after the other, and ours have an order of their own. Where that would make a difference,
//!   the later one is refused.

mod filter;
mod predicate;
mod routes;
mod value;

use super::payload::{self, Mode};
use super::settings::Settings;
use super::topics::Topics;
use super::write::Block;
use predicate::Holds;
pub(super) use routes::Routes;

/// What the transforms come to.
pub(super) struct Chain {
    /// Steps of `transforms`.
    pub(super) steps: Vec<Block>,
    pub(super) routes: Routes,
    /// Members that a step hides, and those that one adds beside the event.
    touched: Vec<String>,
}

/// One transform of the connector.
struct Transform {
    name: String,
    /// `transforms.NAME.`
    prefix: String,
    /// As it is written.
    class: String,
    /// The class without package, and without `$Key` or `$Value`.
    short: String,
    of_key: bool,
}

impl Transform {
    fn read(settings: &mut Settings, name: &str) -> Self {
        let prefix = format!("transforms.{name}.");
        let class = settings.literal(format!("{prefix}type").as_str()).unwrap_or_default();
        let last = class.rsplit('.').next().unwrap_or_default();
        let (short, part) = last.split_once('$').unwrap_or((last, ""));
        let (short, of_key) = (short.to_owned(), part == "Key");
        Self { name: name.to_owned(), prefix, class, short, of_key }
    }

    fn key(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }

    fn type_key(&self) -> String {
        self.key("type")
    }

    fn refuse(&self, settings: &mut Settings, refusal: &Refusal) {
        let named = if self.class.is_empty() { "a transform without a type" } else { &self.class };
        let cause = format!("`{}` ({named}) {}", self.name, refusal.cause);
        settings.refuse(self.type_key().as_str(), cause, refusal.remedy.as_str());
    }

    fn carried(&self, settings: &mut Settings, target: &str) {
        settings.carried(self.type_key().as_str(), target);
    }

    fn note(&self, settings: &mut Settings, cause: &str) {
        settings.note(self.type_key().as_str(), cause);
    }
}

/// Why a transform is not carried over, and what to do.
struct Refusal {
    cause: String,
    remedy: String,
}

impl Refusal {
    fn new(cause: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { cause: cause.into(), remedy: remedy.into() }
    }
}

pub(super) fn read(settings: &mut Settings, mode: Mode, topics: &Topics) -> Chain {
    let mut chain = Chain { steps: Vec::new(), routes: Routes::new(topics), touched: Vec::new() };
    let names = settings.text("transforms").unwrap_or_default();
    let active: Vec<&str> = names.split(',').map(str::trim).filter(|name| !name.is_empty()).collect();
    for name in &active {
        let transform = Transform::read(settings, name);
        if let Err(refusal) = chain.add(settings, &transform, mode, topics) {
            transform.refuse(settings, &refusal);
        }
        settings.note_rest(&transform.prefix, &format!("see `{}`", transform.type_key()));
    }
    if !active.is_empty() {
        settings.note("transforms", format!("each is spoken for by its type: {}", active.join(", ")));
    }
    settings.note_rest("transforms.", "no transform of this name is in use");
    let cause = if active.is_empty() { "no transform uses it" } else { "it goes with the transforms that use it" };
    if settings.raw("predicates").is_some() {
        settings.note("predicates", cause);
    }
    settings.note_rest("predicates.", cause);
    chain
}

impl Chain {
    fn add(
        &mut self,
        settings: &mut Settings,
        transform: &Transform,
        mode: Mode,
        topics: &Topics,
    ) -> Result<(), Refusal> {
        if transform.class.starts_with("io.confluent.") {
            return Err(of_confluent(transform));
        }
        if transform.of_key || transform.short == "ValueToKey" {
            return key_only(settings, transform, mode);
        }
        let short = transform.short.as_str();
        match short {
            "RegexRouter" | "TimestampRouter" | "Filter" | "MaskField" | "ReplaceField" | "InsertField" => {}
            "InsertHeader" | "DropHeaders" => return headers(settings, transform, mode),
            "SetSchemaMetadata" => {
                transform.note(settings, "it names the schema, which is not sent");
                return Ok(());
            }
            _ => return Err(unknown_or_shape(short)),
        }
        let holds = predicate::holds(settings, transform, topics, &self.routes)?;
        match (short, holds.everywhere()) {
            (_, Some(false)) if !matches!(holds, Holds::Tombstones) || short != "Filter" => {
                transform.note(settings, "its predicate holds for no record that is sent, so it does nothing");
                Ok(())
            }
            ("RegexRouter" | "TimestampRouter", _) => self.routes.follow(settings, transform, &holds),
            ("Filter", _) => self.steps_of(filter::read(settings, transform, &holds, topics)),
            (_, Some(_)) => {
                let change = value::read(settings, transform, mode)?;
                self.change(settings, transform, change)
            }
            (_, None) => Err(Refusal::new(
                "changes the records of some topics only",
                "read these topics by a pipeline of their own, and import a connector with them alone",
            )),
        }
    }

    fn steps_of(&mut self, step: Result<Option<Block>, Refusal>) -> Result<(), Refusal> {
        self.steps.extend(step?);
        Ok(())
    }

    /// Takes a step that changes values, unless an earlier one is about the same member.
    fn change(&mut self, settings: &mut Settings, transform: &Transform, change: value::Change) -> Result<(), Refusal> {
        if let Some(twice) = change.members.iter().find(|name| self.touched.contains(name)) {
            let cause = format!("is about the member `{twice}`, as a transform before it is");
            let remedy = "decide which of the two counts: ours redacts what was read, and where two steps want the same \
                          member the first one has it";
            return Err(Refusal::new(cause, remedy));
        }
        self.touched.extend(change.members);
        transform.carried(settings, change.target);
        settings.warn(transform.type_key().as_str(), change.differs, change.remedy);
        self.steps.extend(change.step);
        Ok(())
    }
}

/// The record's key goes out as `kafka_record_key`, if at all.
fn key_only(settings: &mut Settings, transform: &Transform, mode: Mode) -> Result<(), Refusal> {
    if mode != Mode::Raw && payload::is_tracked(settings) {
        let remedy = "remove `key` from `tracking` if nobody needs it; ours sends the key's own text";
        return Err(Refusal::new("changes the record's key, which is sent as `kafka_record_key`", remedy));
    }
    transform.note(settings, "it changes only the record's key, which is not sent");
    Ok(())
}

fn headers(settings: &mut Settings, transform: &Transform, mode: Mode) -> Result<(), Refusal> {
    let used = payload::header_names(settings, mode);
    let key = if transform.short == "InsertHeader" { "header" } else { "headers" };
    let named = settings.literal(transform.key(key).as_str()).unwrap_or_default();
    let touches = named.split(',').map(str::trim).any(|name| used.iter().any(|used| used == name));
    if !touches {
        transform.note(settings, "it is about headers that are not sent");
        return Ok(());
    }
    Err(match key {
        "header" => Refusal::new(
            "adds a header whose value is sent",
            "write the fixed value as `fields`, `index`, `source` or `sourcetype` of the sink",
        ),
        _ => Refusal::new("removes a header whose value is sent", "remove the header from `record_headers`"),
    })
}

/// What shapes the record, by what it does.
const SHAPING: [(&str, &str); 6] = [
    ("ExtractField", "sends one member in place of the record"),
    ("Flatten", "flattens nested objects"),
    ("HoistField", "wraps the record into a member"),
    ("Cast", "changes the type of members"),
    ("TimestampConverter", "changes how times are written"),
    ("HeaderFrom", "puts members of the record into headers"),
];

fn unknown_or_shape(short: &str) -> Refusal {
    match SHAPING.iter().find(|(name, _)| *name == short) {
        Some((_, does)) => Refusal::new(
            format!("{does}; auditferry leaves the shape of events as it is"),
            "change searches (`spath`, `rename`), or let the producer change the record",
        ),
        None => Refusal::new("is not known here", "find out what it does; what auditferry can do instead is in docs/"),
    }
}

fn of_confluent(transform: &Transform) -> Refusal {
    match transform.short.as_str() {
        "Filter" => Refusal::new(
            "leaves records out by a JSONPath expression",
            "write the condition in CEL as a step `drop` or `keep` (docs/filtering.md)",
        ),
        "Drop" => Refusal::new(
            "leaves out the value or the key of records",
            "if whole events are to be left out, write a step `drop` (docs/filtering.md)",
        ),
        "ExtractTopic" | "MessageTimestampRouter" => Refusal::new(
            "takes the topic's name from the record",
            "take index or sourcetype from a header with `record_headers`, or by topic with `per_topic`",
        ),
        "TombstoneHandler" => Refusal::new(
            "says what becomes of records without a value",
            "remove it: with `dead_letter` they become letters, and the others go on",
        ),
        _ => Refusal::new("is one of Confluent's own, not known here", "find out what it does, and see docs/"),
    }
}

#[cfg(test)]
mod tests;
