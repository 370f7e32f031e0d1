//! Paths into an event: `data.request.data.sql`, with `*` for any one name and `**` for any number of them.
//!
//! - Names are compared as what they mean, with case.
//! - Arrays do not count: a path goes through them, and what holds for a member holds for each element.
//! - A name with a dot or a star stands in quotation marks: `data.config."connector.class"`.

use std::fmt;

/// As many names fit into one word of bits, with one to spare.
const SEGMENTS_MAX: usize = 60;

#[derive(Clone, PartialEq, Eq, Debug)]
enum Segment {
    Name(String),
    Any,
    /// Any number of names, also none.
    Deep,
}

/// A path that has been read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Path {
    text: String,
    segments: Vec<Segment>,
}

/// Which beginnings of a path lead to a value: bit `n` for its first `n` segments.
pub(super) type Reached = u64;

impl Path {
    /// # Errors
    /// What is wrong, and how to mend it.
    pub fn parse(text: &str) -> Result<Self, (String, &'static str)> {
        let mut segments = Vec::new();
        let mut rest = text;
        loop {
            let (segment, after) = first_segment(rest)?;
            segments.push(segment);
            match after.strip_prefix('.') {
                Some(after) => rest = after,
                None if after.is_empty() => break,
                None => return Err(("a quoted name is followed by something else than a dot".to_owned(), EXAMPLE)),
            }
        }
        // What lies below is meant, not the value itself.
        if segments.last() == Some(&Segment::Deep) {
            segments.push(Segment::Any);
        }
        if segments.len() > SEGMENTS_MAX {
            return Err((format!("a path of more than {SEGMENTS_MAX} names"), "shorten it with `**`"));
        }
        Ok(Self { text: text.to_owned(), segments })
    }

    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// What the event itself is reached by.
    pub(super) fn start(&self) -> Reached {
        self.skip(1)
    }

    /// What a member of this name is reached by, within a value that is reached by `parent`.
    pub(super) fn step(&self, parent: Reached, name: &str) -> Reached {
        let mut reached = 0;
        for (at, segment) in self.segments.iter().enumerate().filter(|(at, _)| parent >> at & 1 == 1) {
            match segment {
                Segment::Name(wanted) if wanted == name => reached |= 1 << (at + 1),
                Segment::Name(_) => {}
                Segment::Any => reached |= 1 << (at + 1),
                Segment::Deep => reached |= 1 << at,
            }
        }
        self.skip(reached)
    }

    /// Whether the whole path leads there.
    pub(super) fn is_end(&self, reached: Reached) -> bool {
        reached >> self.segments.len() & 1 == 1
    }

    /// `**` may also stand for no name at all.
    fn skip(&self, mut reached: Reached) -> Reached {
        for (at, segment) in self.segments.iter().enumerate() {
            if *segment == Segment::Deep && reached >> at & 1 == 1 {
                reached |= 1 << (at + 1);
            }
        }
        reached
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

const EXAMPLE: &str = "write for example `data.request.data.sql`, `data.*.email`, `**.password` or `data.\"a.b\"`";

fn first_segment(text: &str) -> Result<(Segment, &str), (String, &'static str)> {
    if let Some(quoted) = text.strip_prefix('"') {
        let Some((name, rest)) = quoted.split_once('"') else {
            return Err(("a quotation mark is not closed".to_owned(), EXAMPLE));
        };
        return Ok((Segment::Name(name.to_owned()), rest));
    }
    let end = text.find('.').unwrap_or(text.len());
    let (name, rest) = text.split_at(end);
    let segment = match name {
        "" => return Err(("a name is missing".to_owned(), EXAMPLE)),
        "*" => Segment::Any,
        "**" => Segment::Deep,
        _ if name.contains(['[', ']']) => {
            let remedy = "leave it out: a path goes through arrays, to every element";
            return Err(("elements of arrays are not counted".to_owned(), remedy));
        }
        _ if name.contains('*') => {
            return Err((format!("`{name}`: a star stands for a whole name only"), EXAMPLE));
        }
        _ => Segment::Name(name.to_owned()),
    };
    Ok((segment, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leads(path: &str, names: &[&str]) -> bool {
        let path = Path::parse(path).unwrap();
        let reached = names.iter().fold(path.start(), |reached, name| path.step(reached, name));
        path.is_end(reached)
    }

    #[test]
    fn stars_stand_for_names() {
        for (path, names, expected) in [
            ("a.b", &["a", "b"][..], true),
            ("a.b", &["a"], false),
            ("a.b", &["a", "b", "c"], false),
            ("a.b", &["A", "b"], false),
            ("a.*", &["a", "x"], true),
            ("a.*", &["a"], false),
            ("**.b", &["b"], true),
            ("**.b", &["x", "y", "b"], true),
            ("**.b", &["b", "x"], false),
            ("a.**", &["a"], false),
            ("a.**", &["a", "x", "y"], true),
            ("a.**.b", &["a", "b"], true),
            ("a.**.b", &["a", "b", "x", "b"], true),
            ("**.b.c", &["b", "b", "c"], true),
            ("a.\"b.c\"", &["a", "b.c"], true),
            ("\"*\"", &["x"], false),
            ("\"*\"", &["*"], true),
            ("**", &["x"], true),
        ] {
            assert_eq!(leads(path, names), expected, "{path} {names:?}");
        }
    }

    #[test]
    fn what_is_no_path_is_refused() {
        for path in ["", ".", "a.", ".a", "a..b", "a[0]", "a.b*", "\"a", "\"a\"b"] {
            assert!(Path::parse(path).is_err(), "{path}");
        }
    }
}
