//! Where an event's time comes from: the record, nowhere, or a pattern.

use super::payload::{extract, has_time_group};
use super::settings::Settings;
use super::write::Block;

const EXTRACTION: &str = "enable.timestamp.extraction";
const RECORD: &str = "splunk.hec.use.record.timestamp";
const PATTERN: &str = "timestamp.regex";
const FORMAT: &str = "timestamp.format";
const ZONE: &str = "timestamp.timezone";

/// Every setting about the time of an event.
pub(super) const KEYS: &[&str] = &[EXTRACTION, RECORD, PATTERN, FORMAT, ZONE, "timestamp.regex.timeout.ms"];

pub(super) fn read(settings: &mut Settings, hec: &mut Block) {
    let record = settings.flag(RECORD);
    if settings.flag(EXTRACTION) == Some(true) {
        if record.is_some() {
            settings.note(RECORD, "the pattern decides; where it does not match, the record's time is taken");
        }
        extraction(settings, hec);
        return;
    }
    for key in [PATTERN, FORMAT, ZONE] {
        if settings.raw(key).is_some() {
            settings.note(key, "it has no effect without `enable.timestamp.extraction`");
        }
    }
    if record.is_some() {
        settings.carried(RECORD, "sink.splunk_hec.time");
    }
    match record {
        Some(false) => hec.text("time", "none", RECORD),
        Some(true) => hec.text("time", "record", RECORD),
        None => hec.text("time", "record", "splunk.hec.use.record.timestamp is on by default"),
    }
}

fn extraction(settings: &mut Settings, hec: &mut Block) {
    let pattern = settings.text(PATTERN);
    if pattern.is_none() && !settings.is_settled(&PATTERN.into()) {
        let cause = "there is no pattern: the connector would not start";
        settings.refuse(PATTERN, cause, "see `time: {extract: …}` of the sink, or remove the switch");
    }
    let Some(pattern) = pattern else {
        settings.note(EXTRACTION, "see `timestamp.regex`");
        note_dependent(settings);
        return;
    };
    if let Err(cause) = has_time_group(&pattern) {
        settings.refuse(PATTERN, cause, "write it anew under `time: {extract: {pattern: …}}` of the sink");
        settings.note(EXTRACTION, "see `timestamp.regex`");
        note_dependent(settings);
        return;
    }
    let mut block = Block::default();
    settings.carried(EXTRACTION, "sink.splunk_hec.time.extract");
    settings.carried(PATTERN, "sink.splunk_hec.time.extract.pattern");
    block.text("pattern", pattern, PATTERN);
    if super::converters::is_json(settings) {
        let cause =
            "the connector looks for it in `{key=value}`, which it makes of parsed JSON; ours in the JSON itself";
        settings.warn(PATTERN, cause, "adapt `pattern`, for example `\"key\":\"(?<time>[^\"]+)`");
    }
    format_and_zone(settings, &mut block);
    hec.block("time", extract(block));
}

fn note_dependent(settings: &mut Settings) {
    for key in [FORMAT, ZONE] {
        if settings.raw(key).is_some() {
            settings.note(key, "see `timestamp.regex`");
        }
    }
}

fn format_and_zone(settings: &mut Settings, block: &mut Block) {
    let Some(format) = settings.text(FORMAT) else {
        if !settings.is_settled(&FORMAT.into()) {
            settings.refuse(FORMAT, "there is no format for the time", "add `format` beside the pattern");
        }
        if settings.raw(ZONE).is_some() {
            settings.note(ZONE, "see `timestamp.format`");
        }
        return;
    };
    let epoch = format.eq_ignore_ascii_case("epoch");
    if let Some((letter, cause, remedy)) = unread_letter(&format).filter(|_| !epoch) {
        settings.refuse(FORMAT, format!("`{letter}` {cause}"), remedy);
        if settings.raw(ZONE).is_some() {
            settings.note(ZONE, "see `timestamp.format`");
        }
        return;
    }
    settings.carried(FORMAT, "sink.splunk_hec.time.extract.format");
    block.text("format", if epoch { "epoch".to_owned() } else { format.clone() }, FORMAT);
    let zone = settings.text(ZONE);
    match (zone, epoch || has_zone(&format)) {
        (Some(zone), false) => {
            settings.carried(ZONE, "sink.splunk_hec.time.extract.zone");
            block.text("zone", zone, ZONE);
        }
        (Some(_), true) => settings.note(ZONE, "the time says its own zone"),
        (None, false) => {
            let cause =
                "there is no time zone: the connector takes that of its Java process, which this file does not say";
            settings.warn(ZONE, cause, "UTC is written; correct `zone` if the worker runs in another one");
            block.text("zone", "UTC", "not given: correct it if the worker runs in another zone");
        }
        (None, true) => {}
    }
}

/// Whether a date pattern of Java reads a zone: a letter for it outside quotation marks.
fn has_zone(format: &str) -> bool {
    letters(format).any(|c| matches!(c, 'z' | 'Z' | 'X'))
}

/// The letters of a date pattern that stand for something: those outside quotation marks.
fn letters(format: &str) -> impl Iterator<Item = char> {
    format.split('\'').step_by(2).flat_map(str::chars).filter(char::is_ascii_alphabetic)
}

/// The first letter that `time: {extract: …}` does not read, with what is wrong about it and what to do.
fn unread_letter(format: &str) -> Option<(char, &'static str, &'static str)> {
    letters(format).find_map(|letter| {
        let (cause, remedy) = match letter {
            'y' | 'M' | 'L' | 'd' | 'D' | 'H' | 'h' | 'm' | 's' | 'S' | 'E' | 'a' | 'Z' | 'X' => return None,
            'z' => (
                "stands for the name of a time zone, which ours does not read from the text",
                "let the group `time` end before the name, leave `z` out, and give the zone in `zone`",
            ),
            'k' | 'K' => (
                "counts hours in a way that ours does not read (1 to 24, or 0 to 11)",
                "ours reads `H` (0 to 23) and `h` with `a` (1 to 12): have the sender write one of these, or take the \
                 record's time with `time: record`",
            ),
            'u' => (
                "stands for the number of the weekday, which ours does not read",
                "let the group `time` begin after it or end before it, and leave `u` out",
            ),
            'w' | 'W' | 'F' | 'Y' => (
                "belongs to dates by the week, which ours does not read",
                "ours reads `y`, `M` and `d`, or `y` and `D`: have the sender write one of these, or take the record's \
                 time with `time: record`",
            ),
            'G' => (
                "stands for the era, which ours does not read",
                "let the group `time` begin after it or end before it, and leave `G` out",
            ),
            _ => (
                "is no letter of Java's date patterns: the connector would not start",
                "put letters that stand for themselves into '…'",
            ),
        };
        Some((letter, cause, remedy))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sink::splunk_hec::extract::Extraction;

    #[test]
    fn a_zone_in_the_date_pattern_is_seen() {
        for (format, expected) in [
            ("yyyy-MM-dd'T'HH:mm:ssZ", true),
            ("yyyy-MM-dd'T'HH:mm:ss'Z'", false),
            ("HH:mm:ss XXX", true),
            ("yyyy-MM-dd HH:mm:ss", false),
        ] {
            assert_eq!(has_zone(format), expected, "{format}");
        }
    }

    #[test]
    fn exactly_the_letters_that_the_sink_reads_are_carried_over() {
        for letter in ('a'..='z').chain('A'..='Z') {
            let format = format!("yyyy-MM-dd '{letter}' {letter}");
            let read_by_sink = Extraction::new("(?<time>.*)", &format, None).is_ok();
            assert_eq!(unread_letter(&format).is_none(), read_by_sink, "{format}");
        }
    }
}
