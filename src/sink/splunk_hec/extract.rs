//! The time of an event, found in its payload by a pattern.
//!
//! - The pattern is a regular expression with a group named `time`. The engine takes time in proportion to the length of the
//!   text, whatever the pattern; and only the first [`HEC_EXTRACT_MAX_BYTES`] of a payload are searched.
//! - What the group has matched is read as a number of seconds since 1970 or by a date pattern (see [`date`]).
//! - What cannot be read is no time; the caller has the record's timestamp to fall back on.

mod date;

use jiff::tz::TimeZone;
use regex::bytes::Regex;

use crate::defaults::HEC_EXTRACT_MAX_BYTES;

use date::DatePattern;

/// The name of the group that holds the time.
const GROUP: &str = "time";

#[derive(Clone, Debug)]
pub struct Extraction {
    pattern: Regex,
    format: Format,
}

#[derive(Clone, Debug)]
enum Format {
    Epoch,
    Date { pattern: DatePattern, zone: TimeZone },
}

/// What is wrong with an extraction: cause and remedy.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Unusable {
    Pattern(String, &'static str),
    Format(String, &'static str),
    Zone(String, &'static str),
}

impl Extraction {
    /// # Errors
    /// The pattern, the format or the zone cannot be used.
    pub fn new(pattern: &str, format: &str, zone: Option<&str>) -> Result<Self, Vec<Unusable>> {
        match (find_with(pattern), read_with(format, zone)) {
            (Ok(pattern), Ok(format)) => Ok(Self { pattern, format }),
            (pattern, format) => Err([pattern.err(), format.err()].into_iter().flatten().collect()),
        }
    }

    /// Microseconds since 1970.
    pub(super) fn find(&self, payload: &[u8]) -> Option<i64> {
        let searched = &payload[..payload.len().min(HEC_EXTRACT_MAX_BYTES)];
        let found = self.pattern.captures(searched)?.name(GROUP)?;
        let text = std::str::from_utf8(found.as_bytes()).ok()?;
        match &self.format {
            Format::Epoch => epoch(text),
            Format::Date { pattern, zone } => pattern.read(text, zone),
        }
    }
}

fn find_with(pattern: &str) -> Result<Regex, Unusable> {
    let regex = Regex::new(pattern).map_err(|error| {
        // The parser draws the place on several lines; its last one says what is wrong.
        let words = error.to_string();
        let last = words.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned();
        let remedy = "write it as the Rust crate `regex` understands it: no look-around and no back-references";
        Unusable::Pattern(format!("this is not a regular expression: {last}"), remedy)
    })?;
    if regex.capture_names().flatten().any(|name| name == GROUP) {
        return Ok(regex);
    }
    let remedy = "put the part that is the time into a group: `(?<time>...)`";
    Err(Unusable::Pattern("the pattern has no group named `time`".to_owned(), remedy))
}

fn read_with(format: &str, zone: Option<&str>) -> Result<Format, Unusable> {
    if format.eq_ignore_ascii_case("epoch") {
        return match zone {
            None => Ok(Format::Epoch),
            Some(_) => Err(Unusable::Zone("seconds since 1970 have no zone".to_owned(), "remove `zone`")),
        };
    }
    let pattern = DatePattern::parse(format).map_err(|(cause, remedy)| Unusable::Format(cause, remedy))?;
    let zone = zone.map_or(Ok(TimeZone::UTC), |name| {
        zone_named(name).ok_or_else(|| {
            let remedy = "write a name such as `Europe/Berlin`, or an offset such as `+01:00`";
            Unusable::Zone("there is no time zone of this name".to_owned(), remedy)
        })
    })?;
    Ok(Format::Date { pattern, zone })
}

/// A name of the time zone database, `Z`, or an offset as Java writes it (`GMT+1`, `UTC+01:00`, `+0100`).
fn zone_named(name: &str) -> Option<TimeZone> {
    let offset = name.strip_prefix("GMT").or_else(|| name.strip_prefix("UTC")).unwrap_or(name);
    if matches!(offset, "" | "Z") {
        return Some(TimeZone::UTC);
    }
    if offset.starts_with(['+', '-']) {
        return date::offset(offset).map(TimeZone::fixed);
    }
    TimeZone::get(name).ok()
}

/// Seconds, milliseconds, microseconds or nanoseconds since 1970, told apart by the number of digits before the point: up to
/// 11, 14, 17 and 20. A fraction is one of that unit.
fn epoch(text: &str) -> Option<i64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || whole.len() > 20 || !digits(whole) || !digits(fraction) {
        return None;
    }
    let units_per_second: i128 = match whole.len() {
        0..=11 => 1,
        12..=14 => 1_000,
        15..=17 => 1_000_000,
        _ => 1_000_000_000,
    };
    let whole: i128 = whole.parse().ok()?;
    // Nine digits of the fraction are finer than anything that is kept.
    let fraction = &fraction[..fraction.len().min(9)];
    let scale = 10_i128.pow(u32::try_from(fraction.len()).ok()?);
    let fraction: i128 = if fraction.is_empty() { 0 } else { fraction.parse().ok()? };
    i64::try_from((whole * scale + fraction) * 1_000_000 / (units_per_second * scale)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn epochs_of_every_length_and_with_fractions_are_read() {
        for (text, micros) in [
            ("1623091780", Some(1_623_091_780_000_000)),
            ("0", Some(0)),
            ("999999999", Some(999_999_999_000_000)),
            ("1623091780.331", Some(1_623_091_780_331_000)),
            ("1623091780.3311239999999", Some(1_623_091_780_331_123)),
            ("1623091780331", Some(1_623_091_780_331_000)),
            ("1623091780331.5", Some(1_623_091_780_331_500)),
            ("1623091780331123", Some(1_623_091_780_331_123)),
            ("1623091780331123456", Some(1_623_091_780_331_123)),
            ("1623091780.", Some(1_623_091_780_000_000)),
            ("", None),
            (".5", None),
            ("-1", None),
            ("1e9", None),
            ("123456789012345678901", None),
            ("16230917८0", None),
        ] {
            assert_eq!(epoch(text), micros, "{text}");
        }
    }

    #[test]
    fn the_group_is_found_anywhere_within_the_limit() {
        let extraction = Extraction::new(r#""ts":(?<time>\d+)"#, "EPOCH", None).unwrap();
        assert_eq!(extraction.find(br#"{"a":"\xff","ts":1623091780}"#), Some(1_623_091_780_000_000));
        assert_eq!(extraction.find(br#"{"ts":"soon"}"#), None);
        let far = format!("{}{}", " ".repeat(HEC_EXTRACT_MAX_BYTES), r#""ts":1623091780"#);
        assert_eq!(extraction.find(far.as_bytes()), None);
        let dates = Extraction::new("^(?<time>[^ ]+ [^ ]+) ", "yyyy-MM-dd HH:mm:ss", Some("Europe/Berlin")).unwrap();
        assert_eq!(dates.find(b"2021-06-07 20:49:40 x"), Some(1_623_091_780_000_000));
    }

    #[test]
    fn zones_are_named_as_java_names_them() {
        let read = |zone| {
            let extraction = Extraction::new("(?<time>.*)", "yyyy-MM-dd HH:mm:ss", zone).unwrap();
            extraction.find(b"2021-06-07 18:49:40").unwrap() - 1_623_091_780_000_000
        };
        let hours = |hours: i64| hours * 3_600_000_000;
        assert_eq!(read(None), 0);
        for (zone, expected) in [
            ("UTC", 0),
            ("GMT", 0),
            ("Z", 0),
            ("GMT+2", -2),
            ("UTC+02:00", -2),
            ("-0300", 3),
            ("Europe/Berlin", -2),
            ("America/New_York", 4),
        ] {
            assert_eq!(read(Some(zone)), hours(expected), "{zone}");
        }
    }

    #[test]
    fn everything_unusable_is_said_at_once() {
        let unusable = |pattern, format, zone| Extraction::new(pattern, format, zone).unwrap_err();
        let all = unusable("(?<=x)(?<time>.)", "yyyy", None);
        assert!(matches!(all.as_slice(), [Unusable::Pattern(..), Unusable::Format(..)]), "{all:?}");
        assert!(matches!(unusable("(?<when>.)", "epoch", None).as_slice(), [Unusable::Pattern(..)]));
        assert!(matches!(unusable("(?<time>.)", "epoch", Some("UTC")).as_slice(), [Unusable::Zone(..)]));
        assert!(matches!(unusable("(?<time>.)", "yyyy-MM-dd", Some("CEST5")).as_slice(), [Unusable::Zone(..)]));
    }

    #[test]
    fn a_pattern_that_makes_other_engines_explode_takes_linear_time() {
        let extraction = Extraction::new(r"^(a+)+(?<time>\d)$", "epoch", None).unwrap();
        assert_eq!(extraction.find("a".repeat(1 << 20).as_bytes()), None);
    }
}
