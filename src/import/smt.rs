//! Transforms and predicates that Connect runs in front of the connector.
//!
//! None can be carried over yet, so each is refused by name: what it does, and what will stand in its place. To map
//! one, give its row in [`TRANSFORMS`] another fate.

use super::settings::Settings;

struct Transform {
    /// The class without package, and without `$Key` or `$Value`.
    name: &'static str,
    does: &'static str,
    instead: &'static str,
}

const fn row(name: &'static str, does: &'static str, instead: &'static str) -> Transform {
    Transform { name, does, instead }
}

const PER_TOPIC: &str =
    "give the events their index or sourcetype by `per_topic`; `kafka_topic` stays the topic that the record lies in";
const REDACT: &str = "until `redact` exists, keep the connector, or filter the fields in Splunk (`props.conf`, SEDCMD)";
const ENRICH: &str = "for a fixed value write `fields` of the sink; for a value of the record use `tracking`";
const SHAPE: &str = "auditferry sends the record as it is: change searches, or let the producer change the record";
const KEY_ONLY: &str = "remove it if only the key matters: auditferry sends the key at most as `kafka_record_key`";

const TRANSFORMS: &[Transform] = &[
    row("RegexRouter", "renames the topic", PER_TOPIC),
    row("TimestampRouter", "puts the time into the topic's name", PER_TOPIC),
    row(
        "Filter",
        "leaves records out",
        "until `drop` and `keep` exist, leave them out in Splunk (`transforms.conf`, nullQueue): none is lost here",
    ),
    row("InsertField", "adds a field to the record", ENRICH),
    row("ReplaceField", "leaves fields out or renames them", REDACT),
    row("MaskField", "replaces the content of fields", REDACT),
    row("ExtractField", "sends one field in place of the record", SHAPE),
    row("Flatten", "flattens nested objects", SHAPE),
    row("HoistField", "wraps the record into a field", SHAPE),
    row("Cast", "changes the type of fields", SHAPE),
    row("ValueToKey", "makes the record's key from its fields", KEY_ONLY),
    row("TimestampConverter", "changes how times are written", SHAPE),
    row(
        "InsertHeader",
        "adds a header",
        "for a fixed value write `fields`, `index`, `source` or `sourcetype` of the sink",
    ),
    row("HeaderFrom", "moves fields into headers", "auditferry takes metadata from headers that the producer writes"),
    row("DropHeaders", "removes headers", "auditferry sends only the headers that `record_headers` names: remove it"),
    row("SetSchemaMetadata", "names the schema", "JSON has none: remove it"),
];

pub(super) fn read(settings: &mut Settings) {
    let names = settings.text("transforms").unwrap_or_default();
    let active: Vec<&str> = names.split(',').map(str::trim).filter(|name| !name.is_empty()).collect();
    for name in &active {
        let type_key = format!("transforms.{name}.type");
        let class = settings.text(type_key.as_str()).unwrap_or_default();
        refuse(settings, &type_key, name, &class);
        settings.note_rest(&format!("transforms.{name}."), &format!("see `{type_key}`"));
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
}

fn refuse(settings: &mut Settings, type_key: &str, name: &str, class: &str) {
    let short = class.rsplit('.').next().unwrap_or_default();
    let short = short.split('$').next().unwrap_or_default();
    let predicate = settings.raw(format!("transforms.{name}.predicate").as_str()).map(str::to_owned);
    let (does, instead) = match TRANSFORMS.iter().find(|known| known.name == short) {
        Some(known) => (known.does, known.instead),
        None => ("is not known here", "find out what it does; what the sink can do without transforms is in config/"),
    };
    let under = predicate.map_or_else(String::new, |predicate| format!(", where the predicate `{predicate}` holds"));
    let named = if class.is_empty() { "a transform without a type" } else { class };
    let cause = format!("`{name}` ({named}) {does}{under}; this version has no transforms");
    settings.refuse(type_key, cause, instead);
}
