//! Dates by a pattern in the letters of Java's `SimpleDateFormat`, as the Kafka connector takes them.
//!
//! | letters | read as |
//! | --- | --- |
//! | `yyyy`, `y` and `yy` | a year; two letters: 1970 to 2069 |
//! | `M`, `MM`; `MMM`, `MMMM` | a month in digits; its English name, short or long |
//! | `d`, `D` | the day of the month, of the year |
//! | `H`, `h` with `a` | the hour of the day, of the half day |
//! | `m`, `s`, `S` | minute, second, and a decimal fraction of it (Java takes `S` for milliseconds: the same with three digits) |
//! | `E` | the English name of the weekday, which is not looked at |
//! | `Z`, `X`, `XX`, `XXX` | an offset such as `+0100`, `+01:00`, `Z` |
//! | `'T'`, `''`, other characters | themselves |
//!
//! A number takes as many digits as there are, up to its natural length; directly before another number, exactly as many as
//! it has letters. Other letters of Java, and names of zones within the text, are refused when the pattern is read.

use jiff::civil::{Date, DateTime, Time};
use jiff::tz::{Offset, TimeZone};

#[derive(Clone, Debug)]
pub(super) struct DatePattern {
    items: Vec<Item>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Item {
    Literal(char),
    /// Up to `most` digits; exactly so many as there are letters when another number follows.
    Number {
        part: Part,
        letters: usize,
        most: usize,
        exactly: bool,
    },
    MonthName,
    Weekday,
    HalfOfDay,
    Offset,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Part {
    Year,
    ShortYear,
    Month,
    Day,
    DayOfYear,
    Hour,
    HourOfHalf,
    Minute,
    Second,
    Fraction,
}

/// Cause and remedy.
type Refusal = (String, &'static str);

impl DatePattern {
    pub(super) fn parse(pattern: &str) -> Result<Self, Refusal> {
        let mut items = Vec::new();
        let mut rest = pattern.chars().peekable();
        while let Some(c) = rest.next() {
            if c == '\'' {
                quoted(&mut rest, &mut items)?;
            } else if c.is_ascii_alphabetic() {
                let mut count = 1;
                while rest.next_if_eq(&c).is_some() {
                    count += 1;
                }
                let item = item(c, count)?;
                if let (Some(Item::Number { exactly, .. }), Item::Number { .. }) = (items.last_mut(), item) {
                    *exactly = true;
                }
                items.push(item);
            } else {
                items.push(Item::Literal(c));
            }
        }
        let dates = |part: Part| items.iter().any(|item| matches!(item, Item::Number { part: p, .. } if *p == part));
        let year = dates(Part::Year) || dates(Part::ShortYear);
        let month = dates(Part::Month) || items.contains(&Item::MonthName);
        if year && (dates(Part::DayOfYear) || (month && dates(Part::Day))) {
            return Ok(Self { items });
        }
        let remedy = "write `epoch`, or a pattern with a year, a month and a day such as `yyyy-MM-dd HH:mm:ss`";
        Err(("the format does not give a date".to_owned(), remedy))
    }

    /// Microseconds since 1970; a date without an offset of its own is one of `zone`.
    pub(super) fn read(&self, text: &str, zone: &TimeZone) -> Option<i64> {
        let mut seen = Seen::default();
        let mut rest = text;
        for item in &self.items {
            rest = seen.take(*item, rest)?;
        }
        // As in Java, what follows the date is not looked at.
        let civil = seen.civil()?;
        let timestamp = match seen.offset {
            Some(offset) => offset.to_timestamp(civil).ok()?,
            None => zone.to_timestamp(civil).ok()?,
        };
        Some(timestamp.as_microsecond())
    }
}

/// Text in quotation marks; the first one is taken already.
fn quoted(rest: &mut std::iter::Peekable<std::str::Chars<'_>>, items: &mut Vec<Item>) -> Result<(), Refusal> {
    if rest.next_if_eq(&'\'').is_some() {
        items.push(Item::Literal('\''));
        return Ok(());
    }
    while let Some(c) = rest.next() {
        match c {
            '\'' if rest.next_if_eq(&'\'').is_some() => items.push(Item::Literal('\'')),
            '\'' => return Ok(()),
            c => items.push(Item::Literal(c)),
        }
    }
    Err(("a quotation mark in the format is not closed".to_owned(), "write `''` for one that stands for itself"))
}

fn item(letter: char, count: usize) -> Result<Item, Refusal> {
    let number = |part, most: usize| Item::Number { part, letters: count, most: most.max(count), exactly: false };
    Ok(match (letter, count) {
        ('y', 2) => number(Part::ShortYear, 2),
        ('y', _) => number(Part::Year, 4),
        ('M' | 'L', 1 | 2) => number(Part::Month, 2),
        ('M' | 'L', _) => Item::MonthName,
        ('d', _) => number(Part::Day, 2),
        ('D', _) => number(Part::DayOfYear, 3),
        ('H', _) => number(Part::Hour, 2),
        ('h', _) => number(Part::HourOfHalf, 2),
        ('m', _) => number(Part::Minute, 2),
        ('s', _) => number(Part::Second, 2),
        ('S', _) => number(Part::Fraction, 9),
        ('E', _) => Item::Weekday,
        ('a', _) => Item::HalfOfDay,
        ('Z' | 'X', _) => Item::Offset,
        _ => return Err(unread(letter)),
    })
}

/// Cause and remedy for a letter that is not read, be it one of Java or not.
fn unread(letter: char) -> Refusal {
    let (what, remedy) = match letter {
        'z' => ("names of time zones", "leave the zone's name outside of the group `time`, and give it in `zone`"),
        'k' | 'K' => (
            "hours from 1 to 24, or from 0 to 11,",
            "use `H` for 0 to 23, or `h` with `a` for 1 to 12; else `time: record` takes the record's time",
        ),
        'u' => ("numbers of weekdays", "leave it outside of the group `time`"),
        'w' | 'W' | 'F' | 'Y' => {
            ("dates by the week", "use `y`, `M` and `d`, or `y` and `D`; else `time: record` takes the record's time")
        }
        'G' => ("eras", "leave it outside of the group `time`"),
        _ => {
            let remedy = "use y M d D H h m s S E a Z X; put letters that stand for themselves into '…'";
            return (format!("`{letter}` is not a letter of the format"), remedy);
        }
    };
    (format!("{what} are not read from the text (`{letter}`)"), remedy)
}

/// What has been read so far.
#[derive(Default)]
struct Seen {
    year: i16,
    month: i8,
    day: i8,
    day_of_year: Option<i16>,
    hour: i8,
    hour_of_half: Option<i8>,
    afternoon: bool,
    minute: i8,
    second: i8,
    nanos: i32,
    offset: Option<Offset>,
}

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

const DIGITS_OF_NANOS: usize = 9;

impl Seen {
    /// Takes an item from the beginning of `text`; returns what follows it.
    fn take<'t>(&mut self, item: Item, text: &'t str) -> Option<&'t str> {
        match item {
            Item::Literal(c) => text.strip_prefix(c),
            Item::Number { part, letters, most, exactly } => {
                let (least, most) = if exactly { (letters, letters) } else { (1, most) };
                let digits = text.bytes().take(most).take_while(u8::is_ascii_digit).count();
                if digits < least {
                    return None;
                }
                self.number(part, &text[..digits])?;
                Some(&text[digits..])
            }
            Item::MonthName => {
                let (word, rest) = word(text);
                let named = |month: &str| month.eq_ignore_ascii_case(word) || month[..3].eq_ignore_ascii_case(word);
                self.month = i8::try_from(MONTHS.iter().position(|month| named(month))?).ok()? + 1;
                Some(rest)
            }
            Item::Weekday => {
                let (word, rest) = word(text);
                (word.len() >= 3).then_some(rest)
            }
            Item::HalfOfDay => {
                let (word, rest) = word(text);
                self.afternoon = word.eq_ignore_ascii_case("pm");
                (self.afternoon || word.eq_ignore_ascii_case("am")).then_some(rest)
            }
            Item::Offset => {
                if let Some(rest) = text.strip_prefix('Z') {
                    self.offset = Some(Offset::UTC);
                    return Some(rest);
                }
                let end = text.find(|c: char| !matches!(c, '+' | '-' | ':' | '0'..='9')).unwrap_or(text.len());
                self.offset = Some(offset(&text[..end])?);
                Some(&text[end..])
            }
        }
    }

    fn number(&mut self, part: Part, digits: &str) -> Option<()> {
        if part == Part::Fraction {
            let digits = &digits[..digits.len().min(DIGITS_OF_NANOS)];
            let scale = 10_i32.pow(u32::try_from(DIGITS_OF_NANOS - digits.len()).ok()?);
            self.nanos = digits.parse::<i32>().ok()? * scale;
            return Some(());
        }
        let number: i16 = digits.parse().ok()?;
        let small = || i8::try_from(number).ok();
        match part {
            Part::Year => self.year = number,
            // 1970 and later, because nothing earlier can be sent.
            Part::ShortYear => self.year = if number < 70 { 2000 + number } else { 1900 + number },
            Part::Month => self.month = small()?,
            Part::Day => self.day = small()?,
            Part::DayOfYear => self.day_of_year = Some(number),
            Part::Hour => self.hour = small()?,
            Part::HourOfHalf => self.hour_of_half = Some(small()?),
            Part::Minute => self.minute = small()?,
            Part::Second => self.second = small()?,
            Part::Fraction => {}
        }
        Some(())
    }

    fn civil(&self) -> Option<DateTime> {
        let date = match self.day_of_year {
            None => Date::new(self.year, self.month, self.day).ok()?,
            Some(day) => Date::new(self.year, 1, 1).ok()?.with().day_of_year(day).build().ok()?,
        };
        let hour = match self.hour_of_half {
            None => self.hour,
            Some(hour @ 1..=12) => hour % 12 + if self.afternoon { 12 } else { 0 },
            Some(_) => return None,
        };
        Some(date.to_datetime(Time::new(hour, self.minute, self.second, self.nanos).ok()?))
    }
}

fn word(text: &str) -> (&str, &str) {
    text.split_at(text.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(text.len()))
}

/// `+1`, `+01`, `+0100` or `+01:00`, also with a minus sign.
pub(super) fn offset(text: &str) -> Option<Offset> {
    let (sign, digits) = match text.split_at_checked(1)? {
        ("+", digits) => (1, digits),
        ("-", digits) => (-1, digits),
        _ => return None,
    };
    let (hours, minutes) = match digits.split_once(':') {
        Some((hours, minutes)) if minutes.len() == 2 => (hours, minutes),
        Some(_) => return None,
        None if digits.len() == 4 => digits.split_at(2),
        None => (digits, "0"),
    };
    let number = |text: &str, limit: i32| text.parse::<i32>().ok().filter(|number| (0..=limit).contains(number));
    if hours.len() > 2 {
        return None;
    }
    Offset::from_seconds(sign * (number(hours, 18)? * 3600 + number(minutes, 59)? * 60)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pattern: &str, text: &str) -> Option<String> {
        let micros = DatePattern::parse(pattern).unwrap().read(text, &TimeZone::UTC)?;
        Some(jiff::Timestamp::from_microsecond(micros).unwrap().to_string())
    }

    #[test]
    fn dates_are_read_as_java_writes_them() {
        for (pattern, text, expected) in [
            ("yyyy-MM-dd HH:mm:ss", "2021-06-07 18:49:40", "2021-06-07T18:49:40Z"),
            ("yyyy-MM-dd'T'HH:mm:ss.SSSX", "2021-06-07T18:49:40.331Z", "2021-06-07T18:49:40.331Z"),
            ("yyyy-MM-dd'T'HH:mm:ss.SSSXXX", "2021-06-07T20:49:40.331+02:00", "2021-06-07T18:49:40.331Z"),
            ("yyyy-MM-dd'T'HH:mm:ssZ", "2021-06-07T16:49:40-0200", "2021-06-07T18:49:40Z"),
            ("yyyyMMddHHmmssSSS", "20210607184940331", "2021-06-07T18:49:40.331Z"),
            ("dd/MMM/yyyy:HH:mm:ss Z", "07/Jun/2021:18:49:40 +0000", "2021-06-07T18:49:40Z"),
            ("EEE, d MMMM yyyy h:mm:ss a", "Mon, 7 June 2021 6:49:40 pm", "2021-06-07T18:49:40Z"),
            ("h a, yyyy-MM-dd", "12 AM, 2021-06-07", "2021-06-07T00:00:00Z"),
            ("M/d/yy H:m", "6/7/21 8:09", "2021-06-07T08:09:00Z"),
            ("yy-DDD", "99-365", "1999-12-31T00:00:00Z"),
            ("yyyy-MM-dd HH:mm:ss.SSSSSS", "2021-06-07 18:49:40.000123", "2021-06-07T18:49:40.000123Z"),
            ("''yyyy'' 'o''clock' MM dd", "'2021' o'clock 06 07", "2021-06-07T00:00:00Z"),
            ("yyyy-MM-dd", "2021-06-07 and more", "2021-06-07T00:00:00Z"),
            ("yyyy-MM-dd", "2024-02-29", "2024-02-29T00:00:00Z"),
        ] {
            assert_eq!(read(pattern, text).as_deref(), Some(expected), "{pattern}");
        }
    }

    #[test]
    fn what_is_no_date_is_no_time() {
        for (pattern, text) in [
            ("yyyy-MM-dd", "2021-13-01"),
            ("yyyy-MM-dd", "2023-02-29"),
            ("yyyy-MM-dd", "2021-06"),
            ("yyyy-MM-dd", "20210607"),
            ("yyyy-MM-dd HH", "2021-06-07 24"),
            ("yyyy-MM-dd hh a", "2021-06-07 13 pm"),
            ("yyyyMMdd", "202167"),
            ("dd MMM yyyy", "07 Juni 2021"),
            ("yyyy-MM-ddX", "2021-06-07+1:"),
            ("yyyy-MM-ddX", "2021-06-07+19:00"),
            ("yyyy-DDD", "2021-366"),
            ("yyyy-MM-dd", "２０２１-06-07"),
        ] {
            assert_eq!(read(pattern, text), None, "{pattern} {text}");
        }
    }

    #[test]
    fn a_pattern_that_cannot_be_read_is_refused_with_a_remedy() {
        for (pattern, cause) in [
            ("HH:mm:ss", "does not give a date"),
            ("yyyy-MM", "does not give a date"),
            ("yyyy-MM-dd z", "names of time zones"),
            ("yyyy-MM-ddTHH", "`T` is not a letter"),
            ("yyyy-MM-dd kk", "hours from 1 to 24, or from 0 to 11, are not read from the text (`k`)"),
            ("yyyy-MM-dd K a", "(`K`)"),
            ("u, yyyy-MM-dd", "numbers of weekdays are not read from the text (`u`)"),
            ("YYYY-'W'ww-u", "dates by the week are not read from the text (`Y`)"),
            ("yyyy-MM-dd G", "eras are not read"),
            ("yyyy-MM-dd 'at", "not closed"),
        ] {
            let (words, _) = DatePattern::parse(pattern).unwrap_err();
            assert!(words.contains(cause), "{pattern}: {words}");
        }
    }
}
