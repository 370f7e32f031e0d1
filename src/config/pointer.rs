//! Points into a value: where in the file a part of a value's text stands, and how that is shown.
//!
//! A text may be written on several lines, folded, or with quotation marks doubled, so places are found by what is visible:
//! the n-th character that is no white space in the text is the n-th in the file. Where that does not work out (escapes
//! beyond the simplest), there is no pointer, and the value is shown as a whole.

use std::ops::Range;

use super::error::Excerpt;
use super::node::Place;

/// What is shown of a long line before and after the part, in characters.
const AROUND: usize = 48;

pub(super) struct Pointer {
    pub(super) line: usize,
    pub(super) column: usize,
    pub(super) line_start: usize,
    /// The part's first line, in bytes of the file.
    part: Range<usize>,
}

/// `None` when the file does not show the text as it is.
pub(super) fn point(source: &str, place: Place, text: &str, part: Range<usize>) -> Option<Pointer> {
    let written = visible_in_file(source, place)?;
    let meant: Vec<(usize, char)> = text.char_indices().filter(|(_, c)| !c.is_whitespace()).collect();
    let same = written.len() == meant.len() && written.iter().zip(&meant).all(|((_, a), (_, b))| a == b);
    let first = meant.iter().position(|(at, _)| *at >= part.start)?;
    let last = meant.iter().rposition(|(at, _)| *at < part.end)?;
    if !same || last < first {
        return None;
    }
    let start = written[first].0.start;
    let line_start = source[..start].rfind('\n').map_or(0, |at| at + 1);
    let line_end = source[start..].find('\n').map_or(source.len(), |at| start + at);
    Some(Pointer {
        line: source[..start].matches('\n').count() + 1,
        column: source[line_start..start].chars().count() + 1,
        line_start,
        part: start..written[last].0.end.min(line_end),
    })
}

/// Every character of a value that is no white space, and its bytes in the file.
fn visible_in_file(source: &str, place: Place) -> Option<Vec<(Range<usize>, char)>> {
    let slice = source.get(place.start..place.end)?;
    let quote = slice.chars().next().filter(|c| "\"'".contains(*c));
    let (start, inner) = match quote {
        Some(quote) => (place.start + 1, slice.strip_prefix(quote)?.strip_suffix(quote)?),
        None if slice.starts_with(['|', '>']) => {
            let head = slice.find('\n')? + 1;
            (place.start + head, &slice[head..])
        }
        None => (place.start, slice),
    };
    let mut found = Vec::new();
    let mut characters = inner.char_indices().peekable();
    while let Some((at, c)) = characters.next() {
        let mut end = at + c.len_utf8();
        let mut meant = c;
        let escapes = (quote == Some('\'') && c == '\'') || (quote == Some('"') && c == '\\');
        if escapes {
            let (next_at, next) = characters.next()?;
            if next != '\'' && next != '"' && next != '\\' {
                return None;
            }
            (meant, end) = (next, next_at + next.len_utf8());
        }
        if !meant.is_whitespace() {
            found.push((start + at..start + end, meant));
        }
    }
    Some(found)
}

impl Pointer {
    /// The value's part of the line with what is pointed at underlined. `before` is what is shown of the line before the
    /// value.
    pub(super) fn excerpt(&self, source: &str, place: Place, before: &str) -> Excerpt {
        let line_end = source[self.part.end..].find('\n').map_or(source.len(), |at| self.part.end + at);
        let value_end = place.end.clamp(self.part.end, line_end);
        let head = &source[place.start.max(self.line_start)..self.part.start];
        let tail = source[self.part.end..value_end].trim_end();
        let target = &source[self.part.clone()];
        let mut text = format!("{before}{}", shortened_head(head));
        let indent = text.chars().count();
        text.push_str(target);
        text.push_str(&shortened_tail(tail));
        let rest = source[value_end..line_end].trim();
        text.push_str(if rest.chars().all(|c| "]},".contains(c)) { rest } else { " …" });
        Excerpt { text: text.replace('\t', " "), indent, width: target.chars().count().max(1) }
    }
}

fn shortened_head(text: &str) -> String {
    match text.char_indices().rev().nth(AROUND) {
        Some((at, c)) => format!("…{}", &text[at + c.len_utf8()..]),
        None => text.to_owned(),
    }
}

fn shortened_tail(text: &str) -> String {
    match text.char_indices().nth(AROUND) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.to_owned(),
    }
}
