//! Events from files or from standard input: one a line.
//!
//! Lines are bytes: what is not UTF-8 is an event like any other, and what becomes of it is the chain's business. Lines of
//! white space only are passed over. Memory is bounded by the longest line that is allowed.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

use crate::defaults;

/// Calls `each` with every line of the files in turn, or of standard input when there are none (or for the name `-`), and
/// with its place for messages.
///
/// # Errors
/// A file cannot be read, a line is too long, or what `each` says.
pub(super) fn for_each_line(
    files: &[PathBuf],
    each: &mut dyn FnMut(&[u8], &Place<'_>) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    if files.is_empty() {
        return read(&mut io::stdin().lock(), "standard input", each);
    }
    for path in files {
        if path == Path::new("-") {
            read(&mut io::stdin().lock(), "standard input", each)?;
            continue;
        }
        let name = path.display().to_string();
        let file = File::open(path).with_context(|| format!("open {name}"))?;
        read(&mut BufReader::new(file), &name, each)?;
    }
    Ok(())
}

/// Where a line stands.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place<'a> {
    pub(super) file: &'a str,
    /// Counted from 1, over all lines.
    pub(super) line: u64,
}

impl std::fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.file, self.line)
    }
}

fn read(
    input: &mut dyn BufRead,
    name: &str,
    each: &mut dyn FnMut(&[u8], &Place<'_>) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let mut text = Vec::new();
    for line in 1.. {
        let place = Place { file: name, line };
        text.clear();
        let limit = defaults::EVENT_LINE_MAX.get();
        let length = input.take(limit + 1).read_until(b'\n', &mut text).with_context(|| format!("read {place}"))?;
        if length == 0 {
            break;
        }
        if text.ends_with(b"\n") {
            text.pop();
        } else if length as u64 > limit {
            bail!("{place}: the line is longer than {}; is this one event a line?", defaults::EVENT_LINE_MAX);
        }
        if text.ends_with(b"\r") {
            text.pop();
        }
        if !text.iter().all(u8::is_ascii_whitespace) {
            each(&text, &place)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_come_with_their_place_and_without_their_ends() {
        let mut seen = Vec::new();
        let mut text = &b"a\r\n\n  \nb\xff\nc"[..];
        read(&mut text, "f", &mut |line, place| {
            seen.push((line.to_vec(), place.to_string()));
            Ok(())
        })
        .expect("it is all there");
        let expected: [(&[u8], &str); 3] = [(b"a", "f:1"), (b"b\xff", "f:4"), (b"c", "f:5")];
        assert_eq!(seen, expected.map(|(line, place)| (line.to_vec(), place.to_owned())));
    }
}
