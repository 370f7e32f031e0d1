//! Quantities with units as people write them: `5 MiB`, `64KiB`, `100ms`, `5s`, `7d`.

use std::fmt;
use std::time::Duration;

/// A number of bytes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash)]
pub struct ByteSize(u64);

impl ByteSize {
    pub const fn bytes(n: u64) -> Self {
        Self(n)
    }

    pub const fn kib(n: u64) -> Self {
        Self(n * 1024)
    }

    pub const fn mib(n: u64) -> Self {
        Self(n * 1024 * 1024)
    }

    pub const fn get(self) -> u64 {
        self.0
    }

    /// As a length in memory; saturates on targets whose addresses are narrower.
    pub fn as_len(self) -> usize {
        usize::try_from(self.0).unwrap_or(usize::MAX)
    }

    /// Parses `<number> <unit>`, unit one of B, KB, MB, GB (powers of 1000) or KiB, MiB, GiB (powers of 1024).
    ///
    /// # Errors
    /// A sentence that says what is wrong and what to write instead.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (number, unit) = split_unit(text);
        let factor: u64 = match unit {
            "B" => 1,
            "KB" | "kB" => 1_000,
            "MB" => 1_000_000,
            "GB" => 1_000_000_000,
            "KiB" => 1 << 10,
            "MiB" => 1 << 20,
            "GiB" => 1 << 30,
            "" => return Err(format!("`{text}` has no unit: write for example `{text} MiB`")),
            other => return Err(format!("`{other}` is not a unit of size: use B, KB, MB, GB, KiB, MiB or GiB")),
        };
        scale(text, number, factor).map(Self)
    }
}

impl fmt::Display for ByteSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (unit, shift) in [("GiB", 30), ("MiB", 20), ("KiB", 10)] {
            if self.0 >= 1 << shift && self.0.trailing_zeros() >= shift {
                return write!(f, "{} {unit}", self.0 >> shift);
            }
        }
        write!(f, "{} B", self.0)
    }
}

/// Parses `<number><unit>`, unit one of ms, s, m, h, d.
///
/// # Errors
/// A sentence that says what is wrong and what to write instead.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    let (number, unit) = split_unit(text);
    let millis: u64 = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" | "min" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        "" => return Err(format!("`{text}` has no unit: write for example `{text}s`")),
        other => return Err(format!("`{other}` is not a unit of time: use ms, s, m, h or d")),
    };
    scale(text, number, millis).map(Duration::from_millis)
}

/// Writes a duration in the largest unit that divides it, so that it parses back.
pub fn show_duration(duration: Duration) -> String {
    let millis = duration.as_millis();
    for (unit, factor) in [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000)] {
        if millis >= factor && millis.is_multiple_of(factor) {
            return format!("{}{unit}", millis / factor);
        }
    }
    format!("{millis}ms")
}

/// A duration as people say it, in one unit: `90 s`, `17 min`, `47 h`, `6.5 d`. Rounded down: what is left of a limit is
/// never shown as more.
pub fn show_roughly(duration: Duration) -> String {
    match duration.as_secs() {
        seconds @ 0..120 => format!("{seconds} s"),
        seconds @ 120..7_200 => format!("{} min", seconds / 60),
        seconds @ 7_200..259_200 => format!("{} h", seconds / 3_600),
        seconds => format!("{}.{} d", seconds / 86_400, seconds % 86_400 / 8_640),
    }
}

fn split_unit(text: &str) -> (&str, &str) {
    let text = text.trim();
    let end = text.find(|c: char| !(c.is_ascii_digit() || c == '.' || c == '_')).unwrap_or(text.len());
    (&text[..end], text[end..].trim())
}

/// `number` (decimal, a fraction allowed) times `factor`, refused when it is not a whole number of base units.
fn scale(text: &str, number: &str, factor: u64) -> Result<u64, String> {
    let digits = number.replace('_', "");
    let (whole, fraction) = digits.split_once('.').unwrap_or((&digits, ""));
    let bad = || format!("`{text}` is not a number with a unit");
    let mut total: u64 =
        whole.parse::<u64>().map_err(|_| bad())?.checked_mul(factor).ok_or_else(|| format!("`{text}` is too large"))?;
    if !fraction.is_empty() {
        let digits = u32::try_from(fraction.len()).map_err(|_| bad())?;
        let denominator = 10u64.checked_pow(digits).ok_or_else(bad)?;
        let part = fraction.parse::<u64>().map_err(|_| bad())?.checked_mul(factor).ok_or_else(bad)?;
        total += part / denominator;
    }
    Ok(total)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rough_duration_is_never_more_than_the_exact_one() {
        for (seconds, shown) in
            [(0, "0 s"), (119, "119 s"), (120, "2 min"), (7_199, "119 min"), (7_200, "2 h"), (604_799, "6.9 d")]
        {
            assert_eq!(show_roughly(Duration::from_secs(seconds)), shown);
        }
    }

    #[test]
    fn sizes_parse_with_and_without_a_space() {
        assert_eq!(ByteSize::parse("5 MiB"), Ok(ByteSize::mib(5)));
        assert_eq!(ByteSize::parse("64KiB"), Ok(ByteSize::kib(64)));
        assert_eq!(ByteSize::parse("1.5 MB"), Ok(ByteSize::bytes(1_500_000)));
        assert_eq!(ByteSize::mib(5).to_string(), "5 MiB");
    }

    #[test]
    fn durations_parse_and_print_back() {
        for text in ["100ms", "5s", "2m", "3h", "7d"] {
            assert_eq!(parse_duration(text).map(show_duration), Ok(text.to_owned()));
        }
        assert_eq!(parse_duration("1.5s"), Ok(Duration::from_millis(1500)));
    }

    #[test]
    fn a_number_without_a_unit_is_refused_with_the_remedy() {
        assert_eq!(ByteSize::parse("5"), Err("`5` has no unit: write for example `5 MiB`".into()));
        assert!(parse_duration("5").is_err());
        assert!(parse_duration("five s").is_err());
        assert!(ByteSize::parse("99999999999999999999 GiB").is_err());
    }
}
