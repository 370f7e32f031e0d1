//! The CloudEvents `time` attribute (RFC 3339) as microseconds since 1970, without allocation.
//!
//! A text that is not in the form, or not an instant from 1970 to 9999, is `None`: the caller has the record's timestamp
//! to fall back on. Such texts exist: one audit event of the vendor's documentation carries the largest date that a Java
//! library knows, with a year of nine digits.

/// An instant in microseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct EventTime(i64);

/// 9999-12-31T23:59:59Z in seconds since 1970: four digits of the year are all that RFC 3339 has.
const LAST_SECOND: i64 = 253_402_300_799;

impl EventTime {
    pub const fn from_millis(ms: i64) -> Self {
        Self(ms.saturating_mul(1000))
    }

    pub const fn micros(self) -> i64 {
        self.0
    }

    /// Parses for example `2021-06-07T18:49:40.331Z` or `2021-06-07t20:49:40+02:00`. Digits beyond microseconds are cut
    /// off. A leap second (`:60`) is refused: it has no place in seconds since 1970.
    pub fn parse(text: &str) -> Option<Self> {
        let [
            y1,
            y2,
            y3,
            y4,
            b'-',
            o1,
            o2,
            b'-',
            d1,
            d2,
            b'T' | b't', //
            h1,
            h2,
            b':',
            i1,
            i2,
            b':',
            s1,
            s2,
            rest @ ..,
        ] = text.as_bytes()
        else {
            return None;
        };
        let year = number(*y1, *y2)? * 100 + number(*y3, *y4)?;
        let days = days_since_1970(year, number(*o1, *o2)?, number(*d1, *d2)?)?;
        let time = clock(number(*h1, *h2)?, number(*i1, *i2)?)? + below(number(*s1, *s2)?, 60)?;
        let (micros, zone) = fraction(rest)?;
        let seconds = days * 86_400 + time - offset(zone)?;
        (0..=LAST_SECOND).contains(&seconds).then_some(Self(seconds * 1_000_000 + micros))
    }
}

/// Seconds that the local time is ahead of UTC.
fn offset(zone: &[u8]) -> Option<i64> {
    match zone {
        b"Z" | b"z" => Some(0),
        [b'+', h1, h2, b':', m1, m2] => clock(number(*h1, *h2)?, number(*m1, *m2)?),
        [b'-', h1, h2, b':', m1, m2] => clock(number(*h1, *h2)?, number(*m1, *m2)?).map(|ahead| -ahead),
        _ => None,
    }
}

/// Seconds of hours and minutes.
fn clock(hours: i64, minutes: i64) -> Option<i64> {
    Some(below(hours, 24)? * 3600 + below(minutes, 60)? * 60)
}

/// The microseconds of an optional fraction, and what follows it.
fn fraction(text: &[u8]) -> Option<(i64, &[u8])> {
    let [b'.', text @ ..] = text else { return Some((0, text)) };
    let (mut micros, mut scale, mut length) = (0, 100_000, 0);
    for digit in text.iter().map_while(|byte| digit(*byte)) {
        micros += digit * scale;
        scale /= 10;
        length += 1;
    }
    (length > 0).then(|| (micros, &text[length..]))
}

/// Days from 1970-01-01 to a date of the Gregorian calendar; `None` when there is no such date or it is before 1970.
fn days_since_1970(year: i64, month: i64, day: i64) -> Option<i64> {
    const BEFORE_MONTH: [i64; 13] = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334, 365];
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let month = usize::try_from(month).ok()?.checked_sub(1)?;
    let (before, after) = (*BEFORE_MONTH.get(month)?, *BEFORE_MONTH.get(month + 1)?);
    let leap_in_month = i64::from(leap && month == 1);
    let leap_before = i64::from(leap && month > 1);
    if year < 1970 || day < 1 || day > after - before + leap_in_month {
        return None;
    }
    // Days of the complete years since 1970; there are 477 leap days from year 1 to 1969.
    let past = year - 1;
    let years = (year - 1970) * 365 + past / 4 - past / 100 + past / 400 - 477;
    Some(years + before + leap_before + day - 1)
}

fn below(value: i64, limit: i64) -> Option<i64> {
    (value < limit).then_some(value)
}

fn number(tens: u8, ones: u8) -> Option<i64> {
    Some(digit(tens)? * 10 + digit(ones)?)
}

fn digit(byte: u8) -> Option<i64> {
    byte.is_ascii_digit().then(|| i64::from(byte - b'0'))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn micros(text: &str) -> Option<i64> {
        EventTime::parse(text).map(EventTime::micros)
    }

    /// What `jiff` makes of a text that is in the form.
    fn by_jiff(text: &str) -> Option<i64> {
        text.parse::<jiff::Timestamp>().ok().map(jiff::Timestamp::as_microsecond)
    }

    #[test]
    fn instants_in_every_permitted_form_are_parsed() {
        for text in [
            "1970-01-01T00:00:00Z",
            "2021-06-07T18:49:40.331Z",
            "2021-06-07t18:49:40.331z",
            "2021-06-07T18:49:40Z",
            "2021-06-07T18:49:40.3Z",
            "2021-06-07T18:49:40.331999Z",
            "2021-06-07T20:49:40.331+02:00",
            "2021-06-07T13:19:40.331-05:30",
            "2024-02-29T23:59:59.999999-00:00",
            "2000-02-29T00:00:00Z",
            "9999-12-30T00:00:00Z",
        ] {
            assert_eq!(micros(text), by_jiff(text), "{text}");
            assert!(micros(text).is_some(), "{text}");
        }
        assert_eq!(micros("2021-06-07T18:49:40.331Z"), Some(1_623_091_780_331_000));
        assert_eq!(micros("9999-12-31T23:59:59Z"), Some(LAST_SECOND * 1_000_000));
    }

    #[test]
    fn digits_beyond_microseconds_are_cut_off_not_rounded() {
        assert_eq!(micros("1970-01-01T00:00:00.0000019999999999999999999999999Z"), Some(1));
        assert_eq!(micros("1970-01-01T00:00:00.999999999Z"), Some(999_999));
    }

    #[test]
    fn what_is_no_instant_of_the_calendar_is_refused() {
        for text in [
            "",
            "Z",
            "2021-06-07",
            "2021-06-07T18:49:40",
            "2021-06-07 18:49:40Z",
            "2021-06-07T18:49Z",
            "2021-06-07T18:49:40.Z",
            "2021-06-07T18:49:40,5Z",
            "2021-06-07T18:49:40ZZ",
            "2021-06-07T18:49:40Z ",
            " 2021-06-07T18:49:40Z",
            "2021-6-7T18:49:40Z",
            "2021-00-07T18:49:40Z",
            "2021-13-07T18:49:40Z",
            "2021-06-00T18:49:40Z",
            "2021-06-31T18:49:40Z",
            "2021-02-29T18:49:40Z",
            "2100-02-29T18:49:40Z",
            "2021-06-07T24:00:00Z",
            "2021-06-07T18:60:40Z",
            "2021-06-07T18:49:60Z",
            "2021-06-07T18:49:40+0200",
            "2021-06-07T18:49:40+02",
            "2021-06-07T18:49:40+24:00",
            "2021-06-07T18:49:40+02:60",
            "2021-06-07T18:49:40±02:00",
            "20a1-06-07T18:49:40Z",
            "2021-06-07T18:49:-1Z",
            "１９７０-01-01T00:00:00Z",
            "0001-01-01T00:00:00Z",
            "1969-12-31T23:59:59Z",
            "1970-01-01T00:00:00+00:01",
            "9999-12-31T23:59:59-00:01",
            "10000-01-01T00:00:00Z",
            "+999999999-12-31T23:59:59.999999999-18:00",
            "-2021-06-07T18:49:40Z",
        ] {
            assert_eq!(micros(text), None, "{text}");
        }
    }

    #[test]
    fn every_day_until_2400_has_the_number_that_the_calendar_library_gives_it() {
        let mut day = jiff::civil::date(1970, 1, 1);
        let mut number = 0;
        while day.year() < 2400 {
            assert_eq!(days_since_1970(day.year().into(), day.month().into(), day.day().into()), Some(number), "{day}");
            day = day.tomorrow().unwrap();
            number += 1;
        }
    }

    proptest! {
        #[test]
        fn any_text_in_the_form_is_read_as_the_calendar_library_reads_it(
            date in (1970..=9998u32, 1..=13u32, 0..=32u32), time in (0..=24u32, 0..=60u32, 0..=59u32),
            fraction in "(\\.[0-9]{1,9})?", zone in "Z|z|[+-](0[0-9]|1[0-9]|2[0-3]):[0-5][0-9]",
        ) {
            let ((year, month, day), (hour, minute, second)) = (date, time);
            let text = format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}{fraction}{zone}");
            prop_assert_eq!(micros(&text), by_jiff(&text).filter(|micros| *micros >= 0), "{}", text);
        }

        #[test]
        fn no_text_makes_it_panic(text in any::<String>(), tail in "[0-9TZ:.+-]{0,30}") {
            let _: (Option<i64>, Option<i64>) = (micros(&text), micros(&format!("2021-06-07T18:49:40{tail}")));
        }
    }
}
