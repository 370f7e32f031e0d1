//! What Connect made of a record's bytes before the connector saw it, and whether the same arrives in Splunk now.
//!
//! auditferry sends the bytes themselves: JSON objects and arrays as they are, other text as a JSON string. That is what
//! schemaless JSON comes to. For the other converters the difference is said, or they are refused.

use super::payload::Mode;
use super::settings::{Key, Settings};

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Format {
    Json,
    /// `{"schema": …, "payload": …}`.
    JsonEnvelope,
    Text,
    Bytes,
    /// Needs a schema: which one, in words.
    Schema(&'static str),
    /// Binary numbers and booleans.
    Binary,
    Unknown,
}

/// By the last part of the class, which is also the name that Connect takes for short.
const CLASSES: [(&str, Format); 14] = [
    ("JsonConverter", Format::Json),
    ("StringConverter", Format::Text),
    ("ByteArrayConverter", Format::Bytes),
    ("ByteBufferConverter", Format::Bytes),
    ("AvroConverter", Format::Schema("Avro")),
    ("AWSKafkaAvroConverter", Format::Schema("Avro")),
    ("ProtobufConverter", Format::Schema("Protobuf")),
    ("JsonSchemaConverter", Format::Schema("JSON with a schema from the Schema Registry")),
    ("LongConverter", Format::Binary),
    ("IntegerConverter", Format::Binary),
    ("ShortConverter", Format::Binary),
    ("DoubleConverter", Format::Binary),
    ("FloatConverter", Format::Binary),
    ("BooleanConverter", Format::Binary),
];

/// `input.data.format` of the fully managed connector.
const FORMATS: [(&str, Format); 6] = [
    ("JSON", Format::Json),
    ("STRING", Format::Text),
    ("BYTES", Format::Bytes),
    ("AVRO", Format::Schema("Avro")),
    ("PROTOBUF", Format::Schema("Protobuf")),
    ("JSON_SR", Format::Schema("JSON with a schema from the Schema Registry")),
];

const SENT_AS_IT_IS: &str = "the record's JSON is sent as it is";

pub(super) fn read(settings: &mut Settings, mode: Mode) {
    key_converter(settings);
    let managed = Key::from("input.data.format");
    if let Some(format) = settings.text(&managed) {
        let format = FORMATS.iter().find(|(name, _)| name.eq_ignore_ascii_case(&format)).map(|(_, format)| *format);
        say(settings, &managed, format.unwrap_or(Format::Unknown), mode);
        settings.note_rest("value.converter.", "it refines `input.data.format`");
        return;
    }
    let Some(key) = settings.given_or_default("value.converter") else {
        let key = "value.converter";
        let remedy = "import with `--worker worker.properties`, or compare it with the findings for StringConverter and \
                      JsonConverter in docs/migrating-from-the-connector.md";
        settings.warn(key, "the worker's converter applies, which this import has not seen", remedy);
        return;
    };
    let Some(class) = settings.text(&key) else { return };
    let short = class.rsplit('.').next().unwrap_or_default();
    let format = CLASSES.iter().find(|(name, _)| *name == short).map_or(Format::Unknown, |(_, format)| *format);
    let schemas = settings.given_or_default("value.converter.schemas.enable");
    let format = match (format, schemas) {
        (Format::Json, Some(schemas)) => {
            let enabled = settings.raw(&schemas).is_none_or(|value| !value.eq_ignore_ascii_case("false"));
            settings.note(&schemas, if enabled { "see `value.converter`" } else { SENT_AS_IT_IS });
            if enabled { Format::JsonEnvelope } else { Format::Json }
        }
        // Connect's default.
        (Format::Json, None) => Format::JsonEnvelope,
        (other, _) => other,
    };
    say(settings, &key, format, mode);
    encoding(settings);
    settings.note_rest("value.converter.", "it refines `value.converter`, and nothing of it is left to do");
}

/// Whether the connector saw parsed JSON, which it prints as `{key=value}` where it needs text.
pub(super) fn is_json(settings: &Settings) -> bool {
    let managed = settings.raw("input.data.format").is_some_and(|format| format.eq_ignore_ascii_case("JSON"));
    let converter = settings.given_or_default("value.converter");
    managed || converter.is_some_and(|key| settings.raw(&key).is_some_and(|class| class.ends_with("JsonConverter")))
}

/// Whether the connector's transforms saw text or bytes, as far as that is known here.
pub(super) fn is_unparsed(settings: &Settings) -> bool {
    if let Some(format) = settings.raw("input.data.format") {
        return ["STRING", "BYTES"].iter().any(|unparsed| format.eq_ignore_ascii_case(unparsed));
    }
    let converter = settings.given_or_default("value.converter");
    let class = converter.and_then(|key| settings.raw(&key).map(str::to_owned)).unwrap_or_default();
    let short = class.rsplit('.').next().unwrap_or_default();
    CLASSES.iter().any(|(name, format)| *name == short && matches!(format, Format::Text | Format::Bytes))
}

fn say(settings: &mut Settings, key: &Key, format: Format, mode: Mode) {
    const AS_TEXT: &str = "nothing to do if searches find fields either way; compare a few events before you let go of \
                           the connector";
    match (format, mode) {
        (Format::Json, Mode::Event | Mode::Raw) => settings.note(key, SENT_AS_IT_IS),
        (Format::Json | Format::JsonEnvelope, Mode::Preformatted) => {
            let cause = "the connector turns parsed JSON into text that is no JSON, so its envelopes never were taken for \
                         envelopes; ours takes them";
            settings.warn(key, cause, "if every event should be wrapped as before, write `mode: event`");
        }
        (Format::JsonEnvelope, Mode::Event | Mode::Raw) => {
            let cause = "JSON with schemas (`schemas.enable`, on by default): Connect unwraps `payload` of each record, and \
                         auditferry would send the wrapping as well";
            let remedy = "if the records have no `schema` and `payload`, the connector could not have read them: set \
                          `value.converter.schemas.enable=false` and import again. Else produce plain JSON";
            settings.refuse(key, cause, remedy);
        }
        (Format::Text, Mode::Event) => {
            let cause = "text: the connector sends every record as a JSON string, also one that is JSON; ours sends JSON \
                         as an object, so that `data.methodName` and the like are fields, and other text as a string";
            settings.warn(key, cause, AS_TEXT);
        }
        (Format::Text, Mode::Raw | Mode::Preformatted) | (Format::Bytes, Mode::Raw) => {
            settings.note(key, "the record's bytes are sent as they are");
        }
        (Format::Bytes, Mode::Event) => {
            let cause = "bytes: the connector sends base64; ours sends the text itself, JSON as an object, and what is \
                         not UTF-8 becomes a dead letter";
            settings.warn(key, cause, "change searches that decode base64");
        }
        (Format::Bytes, Mode::Preformatted) => {
            let cause = "bytes: the connector never took them for envelopes; ours does";
            settings.warn(key, cause, "if every event should be wrapped as before, write `mode: event`");
        }
        (Format::Schema(what), _) => {
            let cause = format!("{what}: records can only be read with their schema, and auditferry reads none");
            let remedy =
                "produce JSON, or let a stream processor (Flink, ksqlDB) write a topic with JSON, and read that";
            settings.refuse(key, cause, remedy);
        }
        (Format::Binary, _) => {
            let cause = "binary numbers: auditferry carries text and JSON";
            settings.refuse(key, cause, "produce JSON or text");
        }
        (Format::Unknown, _) => {
            let cause = "this converter is not known here, so nobody can say what the connector sent";
            settings.refuse(
                key,
                cause,
                "auditferry sends the record's bytes: JSON as an object, other text as a string",
            );
        }
    }
}

fn encoding(settings: &mut Settings) {
    for name in ["value.converter.encoding", "value.converter.converter.encoding"] {
        if let Some(encoding) = settings.text(name) {
            if encoding.eq_ignore_ascii_case("UTF-8") || encoding.eq_ignore_ascii_case("UTF8") {
                settings.note(name, "records are UTF-8");
            } else {
                let remedy = "produce UTF-8; records in another encoding become dead letters";
                settings.refuse(name, "records are read in an encoding other than UTF-8", remedy);
            }
        }
    }
}

fn key_converter(settings: &mut Settings) {
    let Some(key) = settings.given_or_default("key.converter") else { return };
    let class = settings.text(&key).unwrap_or_default();
    let text = class.ends_with("StringConverter");
    let tracked = settings.raw("splunk.hec.track.data").is_some_and(|value| value.eq_ignore_ascii_case("true"));
    if tracked && !text {
        let cause = "`kafka_record_key` is the key's own text here, and was what this converter made of it";
        settings.warn(&key, cause, "remove `key` from `tracking` if the keys are no text");
    } else {
        settings.note(&key, "the record's key is sent only as `kafka_record_key`, as text");
    }
}
