//! What commands write: results to standard output, everything for people to standard error.
//!
//! - A reader that goes away (`| head`) is no failure: writing ends with [`Gone`], and the command with success.
//! - Text that came from data or from a server never reaches the terminal as it is: see [`clean`].

use std::borrow::Cow;
use std::io::{self, ErrorKind, IsTerminal, Write};

use clap::ValueEnum;

/// The form of a command's results.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, ValueEnum)]
pub(super) enum Format {
    /// For people.
    #[default]
    Text,
    /// For programs: one JSON object per line.
    Json,
}

/// The reader of standard output has gone away.
#[derive(Debug, thiserror::Error)]
#[error("standard output is closed")]
pub(super) struct Gone;

/// Writes to standard output.
///
/// # Errors
/// [`Gone`], or what kept the text from being written.
pub(super) fn print(text: impl AsRef<[u8]>) -> anyhow::Result<()> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(text.as_ref()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Err(Gone.into()),
        result => Ok(result?),
    }
}

/// Writes one line to standard output, already clean.
pub(super) fn print_line(line: impl AsRef<str>) -> anyhow::Result<()> {
    print(format!("{}\n", line.as_ref()))
}

/// Writes one JSON object as a line to standard output.
pub(super) fn print_json(value: &serde_json::Value) -> anyhow::Result<()> {
    print_line(value.to_string())
}

/// Writes one line to standard error. That nobody reads it changes nothing.
pub(super) fn tell(line: impl AsRef<str>) {
    writeln!(io::stderr().lock(), "{}", line.as_ref()).unwrap_or_default();
}

pub(super) fn stdout_is_terminal() -> bool {
    io::stdout().is_terminal()
}

/// Makes text harmless for a terminal and honest for its reader: control characters, those that change the direction of
/// writing, and those that cannot be seen are written as `\u{…}`.
pub(super) fn clean(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_deceptive) {
        return Cow::Borrowed(text);
    }
    let mut clean = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match is_deceptive(c) {
            true => clean.extend(c.escape_unicode()),
            false => clean.push(c),
        }
    }
    Cow::Owned(clean)
}

/// As [`clean`], but line feeds and tabs stay: for text of several lines that is printed by itself.
pub(super) fn clean_lines(text: &str) -> String {
    let lines: Vec<Cow<'_, str>> = text.split('\n').map(clean_line).collect();
    lines.join("\n")
}

fn clean_line(line: &str) -> Cow<'_, str> {
    if !line.contains('\t') {
        return clean(line);
    }
    let parts: Vec<Cow<'_, str>> = line.split('\t').map(clean).collect();
    Cow::Owned(parts.join("\t"))
}

fn is_deceptive(c: char) -> bool {
    let is_invisible = matches!(c,
        '\u{00ad}' | '\u{034f}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200d}' | '\u{2060}'..='\u{2064}' | '\u{206a}'..='\u{206f}' | '\u{3164}'
        | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}');
    let turns = matches!(c,
        '\u{061c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let breaks = matches!(c, '\u{2028}' | '\u{2029}');
    c.is_control() || is_invisible || turns || breaks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_deceives_a_reader_is_spelled_out() {
        for (text, expected) in [
            ("plain, ünïcode, 日本", "plain, ünïcode, 日本"),
            ("\u{1b}[31mred", r"\u{1b}[31mred"),
            ("a\r\nb", r"a\u{d}\u{a}b"),
            ("\u{9b}2J", r"\u{9b}2J"),
            ("user\u{202e}gpj", r"user\u{202e}gpj"),
            ("zero\u{200b}width\u{feff}", r"zero\u{200b}width\u{feff}"),
            ("tag\u{e0041}", r"tag\u{e0041}"),
        ] {
            assert_eq!(clean(text), expected);
        }
    }

    #[test]
    fn text_of_several_lines_keeps_its_lines() {
        assert_eq!(clean_lines("a\tb\n\u{1b}c\n"), "a\tb\n\\u{1b}c\n");
    }
}
