//! What changes the members of the record's value: `MaskField`, `ReplaceField` that leaves members out, and `InsertField` with a
//! fixed text.
//!
//! Connect's transforms know members of the top level only, and need a value that its converter has parsed.

use super::{Refusal, Transform};
use crate::import::converters;
use crate::import::payload::{self, Mode};
use crate::import::settings::Settings;
use crate::import::write::{Block, Value};

/// A step, and what is other than before.
pub(super) struct Change {
    /// Members that it is about.
    pub(super) members: Vec<String>,
    /// `None` when the sink does it already.
    pub(super) step: Option<Block>,
    pub(super) target: &'static str,
    pub(super) differs: String,
    pub(super) remedy: &'static str,
}

pub(super) fn read(settings: &mut Settings, transform: &Transform, mode: Mode) -> Result<Change, Refusal> {
    if mode == Mode::Preformatted || converters::is_unparsed(settings) {
        return Err(Refusal::new(
            "needs a value that is parsed JSON, and gets text or bytes: the connector would fail",
            "remove it; what ours can do with such events is in docs/redaction.md and docs/enrichment.md",
        ));
    }
    match transform.short.as_str() {
        "MaskField" => mask(settings, transform, mode),
        "ReplaceField" => leave_out(settings, transform, mode),
        _ => insert(settings, transform, mode),
    }
}

const NO_OBJECT: &str = "an event that is no JSON object becomes a dead letter, where the connector would fail";
const LOOK: &str = "compare a few events before you let go of the connector";

fn mask(settings: &mut Settings, transform: &Transform, mode: Mode) -> Result<Change, Refusal> {
    let members = names(settings, &transform.key("fields"))?;
    let key = transform.key("replacement");
    let replacement = settings.text(key.as_str()).unwrap_or_default();
    if replacement.contains("{length}") {
        let remedy = "write another `replacement`: in ours `{length}` stands for the number of characters";
        return Err(Refusal::new("has a replacement with `{length}` in it", remedy));
    }
    let mut redact = paths(&members)?;
    redact.text("with", "replace", "");
    redact.text("replacement", replacement, if settings.raw(key.as_str()).is_some() { &key } else { "" });
    keep_the_rest(settings, mode, &mut redact);
    let differs = format!(
        "a number, a boolean or an object becomes this text, too, and an array one for each element; {NO_OBJECT}"
    );
    let step = Some(step("redact", redact, transform));
    Ok(Change { members, step, target: "transforms (redact)", differs, remedy: LOOK })
}

fn leave_out(settings: &mut Settings, transform: &Transform, mode: Mode) -> Result<Change, Refusal> {
    let given = |keys: &[&str]| {
        let mut keys = keys.iter().map(|key| transform.key(key));
        keys.find(|key| settings.raw(key.as_str()).is_some())
    };
    let (included, renamed, excluded) =
        (given(&["include", "whitelist"]), given(&["renames"]), given(&["exclude", "blacklist"]));
    if included.is_some() {
        return Err(Refusal::new(
            "lets through the listed members only",
            "list the members to leave out: `redact: {paths: […], with: drop}`",
        ));
    }
    if renamed.is_some() {
        return Err(Refusal::new("renames members", "rename them in Splunk (`FIELDALIAS`, `rename`)"));
    }
    let Some(key) = excluded else {
        return Err(Refusal::new("has nothing to leave out or rename", "remove it"));
    };
    let members = names(settings, &key)?;
    let mut redact = paths(&members)?;
    redact.text("with", "drop", "");
    keep_the_rest(settings, mode, &mut redact);
    let step = Some(step("redact", redact, transform));
    Ok(Change { members, step, target: "transforms (redact)", differs: NO_OBJECT.to_owned(), remedy: LOOK })
}

/// A place of the record, as `InsertField` calls it, and the field in which ours has it.
const PLACES: [(&str, &str); 3] =
    [("topic.field", "kafka_topic"), ("partition.field", "kafka_partition"), ("offset.field", "kafka_offset")];

fn insert(settings: &mut Settings, transform: &Transform, mode: Mode) -> Result<Change, Refusal> {
    // An exclamation mark or a question mark says whether the member is required.
    let member = |text: String| text.trim_end_matches(['!', '?']).to_owned();
    let mut members = Vec::new();
    let mut elsewhere = Vec::new();
    for (key, ours) in PLACES {
        if let Some(name) = settings.literal(transform.key(key).as_str()).map(member) {
            elsewhere.push(format!("`{name}` is the indexed field `{ours}`"));
            members.push(name);
        }
    }
    if !elsewhere.is_empty() && mode == Mode::Raw {
        return Err(Refusal::new(
            "adds the record's place in Kafka to the event; the raw endpoint takes no fields",
            "use `mode: event`, which adds `kafka_topic`, `kafka_partition` and `kafka_offset`",
        ));
    }
    if settings.raw(transform.key("timestamp.field").as_str()).is_some() {
        return Err(Refusal::new(
            "adds the record's timestamp to the event",
            "write `tracking: [topic, partition, offset, timestamp]` into the sink, and search `kafka_timestamp`; `time: \
             record` makes it the event's time",
        ));
    }
    let name = settings.literal(transform.key("static.field").as_str()).map(member);
    let value = settings.text(transform.key("static.value").as_str());
    let step = name.zip(value).map(|(name, value)| {
        elsewhere.push(match mode {
            Mode::Raw => format!("`{name}` is the member `enrichment.{name}`"),
            Mode::Event | Mode::Preformatted => format!("`{name}` is an indexed field"),
        });
        let step = fixed(&name, value, mode, transform);
        members.push(name);
        step
    });
    if elsewhere.is_empty() {
        return Err(Refusal::new("has nothing to add: the connector would not start", "remove it"));
    }
    let target = if step.is_some() { "transforms (enrich)" } else { "sink.splunk_hec.tracking" };
    let differs = format!("it stands beside the event and not in it: {}", elsewhere.join(", "));
    Ok(Change { members, step, target, differs, remedy: "searches by a bare name find it; those with a path do not" })
}

fn fixed(name: &str, value: String, mode: Mode, transform: &Transform) -> Block {
    let mut fields = Block::default();
    fields.text(name, value, "");
    let mut enrich = Block::default();
    if mode == Mode::Raw {
        enrich.text("place", "event", "the raw endpoint takes no fields");
    }
    enrich.block("fields", fields);
    step("enrich", enrich, transform)
}

fn step(kind: &str, body: Block, transform: &Transform) -> Block {
    let mut step = Block::default();
    step.member(kind, Value::Block(body), &transform.type_key());
    step
}

fn names(settings: &mut Settings, key: &str) -> Result<Vec<String>, Refusal> {
    let text = settings.literal(key).unwrap_or_default();
    let names = payload::names_of(&text);
    if names.is_empty() {
        return Err(Refusal::new(
            format!("has no `{key}`: the connector would not start"),
            "mend it, and import again",
        ));
    }
    Ok(names)
}

/// Paths to members of the top level: a name is never taken for more than a name.
fn paths(members: &[String]) -> Result<Block, Refusal> {
    let plain = |name: &str| name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-');
    let path = |name: &String| match name {
        name if plain(name) => Some(name.clone()),
        name if name.contains('"') => None,
        name => Some(format!("\"{}\"", name.replace('$', "$$"))),
    };
    let Some(paths) = members.iter().map(path).collect::<Option<Vec<_>>>() else {
        let cause = "names a member with a quotation mark in it, which paths cannot say";
        return Err(Refusal::new(cause, "see docs/redaction.md"));
    };
    let mut block = Block::default();
    block.list("paths", paths, "");
    Ok(block)
}

/// What the sink takes from a record beside its value, which a pipeline that redacts would leave behind.
fn keep_the_rest(settings: &mut Settings, mode: Mode, redact: &mut Block) {
    if mode != Mode::Raw && payload::is_tracked(settings) {
        redact.bare("keep_key", true, "splunk.hec.track.data sends it");
    }
    let headers = payload::header_names(settings, mode);
    if !headers.is_empty() {
        redact.list("keep_headers", headers, "splunk.header.support sends them");
    }
}
