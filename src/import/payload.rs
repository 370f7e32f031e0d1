//! What the connector makes of a record: endpoint, metadata from headers, fields and time.

use regex::Regex;

use super::settings::Settings;
use super::smt::Routes;
use super::topics::{self, Topics};
use super::write::{Block, Value};

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Mode {
    Event,
    Raw,
    Preformatted,
}

impl Mode {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Event => "event",
            Self::Raw => "raw",
            Self::Preformatted => "preformatted",
        }
    }
}

const ENDPOINT_RAW: &str = "splunk.hec.raw";
const FORMATTED: &str = "splunk.hec.json.event.formatted";
const RAW_ONLY_EVENT: &str = "it has no effect with `splunk.hec.raw`";
const NOT_FORMATTED: &str = "it has no effect with `splunk.hec.json.event.formatted`: the envelope says it";

pub(super) fn mode(settings: &mut Settings) -> Mode {
    let raw = settings.flag(ENDPOINT_RAW) == Some(true);
    let formatted = settings.flag(FORMATTED) == Some(true);
    match (raw, formatted) {
        (true, _) => Mode::Raw,
        (false, true) => Mode::Preformatted,
        (false, false) => Mode::Event,
    }
}

/// Writes everything that shapes an event.
pub(super) fn shape(settings: &mut Settings, mode: Mode, topics: &Topics, routes: &Routes, hec: &mut Block) {
    match mode {
        Mode::Raw => {
            settings.carried(ENDPOINT_RAW, "sink.splunk_hec.mode");
            hec.text("mode", mode.as_str(), ENDPOINT_RAW);
            note_if_given(settings, &[FORMATTED], RAW_ONLY_EVENT);
        }
        Mode::Preformatted => {
            settings.carried(FORMATTED, "sink.splunk_hec.mode");
            hec.text("mode", mode.as_str(), FORMATTED);
        }
        Mode::Event => {}
    }
    line_breaker(settings, mode, hec);
    match mode {
        Mode::Event | Mode::Raw => topics::metadata(settings, topics, routes, hec),
        Mode::Preformatted => {
            note_if_given(settings, &["splunk.indexes", "splunk.sources", "splunk.sourcetypes"], NOT_FORMATTED);
        }
    }
    headers(settings, mode, hec);
    let forgets = matches!(topics, Topics::Pattern) || routes.lose_something();
    enrichment(settings, mode, forgets, hec);
    tracking(settings, mode, hec);
    match mode {
        Mode::Event => super::time::read(settings, hec),
        Mode::Raw => note_if_given(settings, super::time::KEYS, RAW_ONLY_EVENT),
        Mode::Preformatted => note_if_given(settings, super::time::KEYS, NOT_FORMATTED),
    }
    let key = "splunk.hec.auto.extract.timestamp";
    if let Some(extract) = settings.flag(key) {
        settings.carried(key, "sink.splunk_hec.auto_extract_timestamp");
        hec.bare("auto_extract_timestamp", extract, key);
    }
}

fn note_if_given(settings: &mut Settings, keys: &[&str], cause: &str) {
    for key in keys {
        if settings.raw(*key).is_some() {
            settings.note(*key, cause);
        }
    }
}

/// A breaker of one character is taken as it is; a longer one is trimmed, so that `\r\n` becomes nothing.
fn line_breaker(settings: &mut Settings, mode: Mode, hec: &mut Block) {
    let key = "splunk.hec.raw.line.breaker";
    let given = settings.untrimmed(key).unwrap_or_default().to_owned();
    if mode != Mode::Raw {
        if !given.is_empty() {
            settings.note(key, "it has an effect only with `splunk.hec.raw`");
        }
        return;
    }
    let breaker = if given.chars().count() == 1 { given.as_str() } else { given.trim() };
    if !given.is_empty() {
        settings.carried(key, "sink.splunk_hec.line_breaker");
    }
    if breaker.is_empty() {
        let cause = match given.is_empty() {
            true => "there is no line breaker: the connector puts nothing between records, and Splunk may join them",
            false => "the connector trims the line breaker to nothing, and Splunk may join the records",
        };
        settings.warn(key, cause, "to keep records apart, remove `line_breaker: \"\"`: the default is a line break");
    } else if breaker.contains('\\') {
        let cause = "the line breaker has a backslash in it, which the connector sends as it is";
        settings.warn(key, cause, "if a line break was meant, remove `line_breaker`: it is the default");
    }
    let escaped = breaker.replace('$', "$$");
    hec.text("line_breaker", escaped, key);
}

const HEADERS: &str = "splunk.header.support";
const HEADERS_OF: [&str; 4] =
    ["splunk.header.index", "splunk.header.source", "splunk.header.sourcetype", "splunk.header.host"];
const CUSTOM_HEADERS: &str = "splunk.header.custom";

/// The headers of a record that are sent in some way.
pub(super) fn header_names(settings: &mut Settings, mode: Mode) -> Vec<String> {
    if settings.flag(HEADERS) != Some(true) {
        return Vec::new();
    }
    let single = HEADERS_OF.map(|key| settings.text(key).unwrap_or_else(|| key.to_owned()));
    let custom = settings.text(CUSTOM_HEADERS).filter(|_| mode != Mode::Raw).unwrap_or_default();
    names_of(&[&single.join(","), ",", &custom].concat())
}

/// Whether the record's key is sent, as `kafka_record_key`.
pub(super) fn is_tracked(settings: &mut Settings) -> bool {
    settings.flag("splunk.hec.track.data") == Some(true)
}

fn headers(settings: &mut Settings, mode: Mode, hec: &mut Block) {
    let (switch, names, custom) = (HEADERS, HEADERS_OF, CUSTOM_HEADERS);
    if settings.flag(switch) != Some(true) {
        note_if_given(settings, &names, "it has no effect without `splunk.header.support`");
        note_if_given(settings, &[custom], "it has no effect without `splunk.header.support`");
        return;
    }
    settings.carried(switch, "sink.splunk_hec.record_headers");
    let mut block = Block::default();
    for name in names {
        let ours = name.trim_start_matches("splunk.header.");
        let given = settings.raw(name).is_some();
        // The connector looks for a header of the setting's own name when none is given.
        let header = settings.text(name).unwrap_or_else(|| name.to_owned());
        if given {
            settings.carried(name, format!("sink.splunk_hec.record_headers.{ours}"));
        }
        block.text(ours, header, if given { name } else { "the connector's default" });
    }
    if let Some(text) = settings.text(custom) {
        if mode == Mode::Raw {
            settings.note(custom, RAW_ONLY_EVENT);
        } else {
            settings.carried(custom, "sink.splunk_hec.record_headers.fields");
            block.list("fields", names_of(&text), custom);
        }
    }
    if mode == Mode::Raw {
        let cause = "a record without such a header: the connector sends the text `null` for it, and `default-host`; ours \
                     leaves it out, and the token's default applies";
        settings.warn(switch, cause, "nothing to do, unless a search looks for these words");
    }
    hec.block("record_headers", block);
}

/// The names of a list, each once.
pub(super) fn names_of(text: &str) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for name in text.split(',').map(str::trim).filter(|name| !name.is_empty()) {
        if !names.iter().any(|known| known == name) {
            names.push(name.to_owned());
        }
    }
    names
}

fn enrichment(settings: &mut Settings, mode: Mode, forgets: bool, hec: &mut Block) {
    let key = "splunk.hec.json.event.enrichment";
    let Some(text) = settings.text(key) else { return };
    if mode == Mode::Raw {
        settings.note(key, RAW_ONLY_EVENT);
        return;
    }
    let pairs = text.split(',').map(|item| match item.trim().split_once('=') {
        Some((name, value)) if !name.is_empty() && !value.is_empty() && !value.contains('=') => Some((name, value)),
        Some(_) | None => None,
    });
    let Some(pairs) = pairs.collect::<Option<Vec<_>>>() else {
        settings.refuse(
            key,
            "an item is not `name=value`: the connector would not start",
            "write `fields` of the sink",
        );
        return;
    };
    let custom = settings.text("splunk.header.custom").filter(|_| settings.flag("splunk.header.support") == Some(true));
    let headers = names_of(&custom.unwrap_or_default());
    let mut fields = Block::default();
    for (name, value) in pairs {
        if headers.iter().any(|header| header == name) {
            let cause =
                format!("`{name}` is also taken from a header, and stands for records without it; ours takes one");
            settings.warn(
                key,
                cause,
                format!("give one of the two another name, or let the header's stand alone: {name}"),
            );
        } else if !fields.has(name) {
            fields.text(name, value, "");
        }
    }
    if !fields.is_empty() {
        settings.carried(key, "sink.splunk_hec.fields");
    }
    if forgets {
        let cause = "the connector forgets it with `topics.regex`, and for a topic that a transform renames; ours adds the \
                     fields to every event";
        settings.warn(key, cause, "remove `fields` if you do not want them");
    }
    hec.block("fields", fields);
}

fn tracking(settings: &mut Settings, mode: Mode, hec: &mut Block) {
    let key = "splunk.hec.track.data";
    let on = settings.flag(key);
    if mode == Mode::Raw {
        note_if_given(settings, &[key], RAW_ONLY_EVENT);
        return;
    }
    if on == Some(true) {
        let mut all = vec!["topic", "partition", "offset", "timestamp", "key", "host"];
        settings.carried(key, "sink.splunk_hec.tracking");
        if settings.flag("splunk.hec.ack.enabled") == Some(true) {
            let cause = "with acknowledgement ours does not write the field `hec-channel`: a batch that is sent again changes \
                         its channel";
            settings.warn(key, cause, "nothing to do, unless a search looks for it");
        } else {
            all.push("channel");
        }
        hec.list("tracking", all.into_iter().map(str::to_owned).collect(), key);
    } else {
        let cause = "ours adds `kafka_topic`, `kafka_partition` and `kafka_offset` as indexed fields, so that a search can \
                     remove repeated events; `tracking: []` turns it off";
        settings.note(key, cause);
    }
}

/// Whether Java and Rust mean the same by a pattern, as far as it can be told: it compiles and has the group `time`.
pub(super) fn has_time_group(pattern: &str) -> Result<(), &'static str> {
    let regex = Regex::new(pattern).map_err(
        |_| "it uses what this program's patterns do not have (look-around, back references, possessive repetition)",
    )?;
    let named = regex.capture_names().flatten().any(|name| name == "time");
    named.then_some(()).ok_or("it has no group `(?<time>…)`: the connector would not start")
}

/// `{extract: {…}}` as a block.
pub(super) fn extract(block: Block) -> Block {
    let mut outer = Block::default();
    outer.member("extract", Value::Block(block), "");
    outer
}
