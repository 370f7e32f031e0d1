//! Writes YAML for people: keys in a given order, with remarks at the end of lines and comments above.
//!
//! - What is written as text is in the syntax of the configuration: its dollar signs are already escaped.
//! - A scalar stands without quotation marks only where no reader of YAML takes it for anything but this text.

use std::fmt::Write as _;

/// Remarks begin here, or two spaces after a longer line.
const REMARK_COLUMN: usize = 58;

/// A flow list or mapping that would be longer than this is written as a block.
const FLOW_WIDTH: usize = 72;

#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Block(Vec<Line>);

#[derive(Clone, Debug, PartialEq)]
enum Line {
    Member { key: String, value: Value, remark: String },
    Comment(String),
    Blank,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    Text(String),
    /// A number, a duration, a boolean: written as it is.
    Bare(String),
    List(Vec<String>),
    /// A list with a line for each item.
    Lines(Vec<String>),
    /// Mappings of text, one an item.
    Rows(Vec<Vec<(String, String)>>),
    /// A list of blocks, each of which begins with a member.
    Items(Vec<Block>),
    Block(Block),
}

impl Block {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn has(&self, wanted: &str) -> bool {
        self.0.iter().any(|line| matches!(line, Line::Member { key, .. } if key == wanted))
    }

    pub(super) fn member(&mut self, key: &str, value: Value, remark: &str) {
        self.0.push(Line::Member { key: key.to_owned(), value, remark: remark.to_owned() });
    }

    pub(super) fn text(&mut self, key: &str, value: impl Into<String>, remark: &str) {
        self.member(key, Value::Text(value.into()), remark);
    }

    pub(super) fn bare(&mut self, key: &str, value: impl ToString, remark: &str) {
        self.member(key, Value::Bare(value.to_string()), remark);
    }

    pub(super) fn list(&mut self, key: &str, items: Vec<String>, remark: &str) {
        self.member(key, Value::List(items), remark);
    }

    /// Nothing is written for an empty block.
    pub(super) fn block(&mut self, key: &str, block: Block) {
        if !block.is_empty() {
            self.member(key, Value::Block(block), "");
        }
    }

    pub(super) fn comment(&mut self, text: impl Into<String>) {
        self.0.push(Line::Comment(text.into()));
    }

    pub(super) fn blank(&mut self) {
        self.0.push(Line::Blank);
    }

    pub(super) fn append(&mut self, mut other: Block) {
        self.0.append(&mut other.0);
    }

    pub(super) fn render(&self) -> String {
        let mut out = String::new();
        self.write(0, &mut out);
        out
    }

    fn write(&self, indent: usize, out: &mut String) {
        for line in &self.0 {
            match line {
                Line::Blank => out.push('\n'),
                Line::Comment(text) => push(out, &format!("{:indent$}# {}", "", visible(text)), ""),
                Line::Member { key, value, remark } => write_member(key, value, remark, indent, out),
            }
        }
    }
}

fn write_member(key: &str, value: &Value, remark: &str, indent: usize, out: &mut String) {
    let head = format!("{:indent$}{}:", "", scalar(key, false));
    match value {
        Value::Text(text) => push(out, &format!("{head} {}", scalar(text, false)), remark),
        Value::Bare(text) => push(out, &format!("{head} {text}"), remark),
        Value::List(items) => {
            let flow = items.iter().map(|item| scalar(item, true)).collect::<Vec<_>>().join(", ");
            if flow.len() <= FLOW_WIDTH {
                push(out, &format!("{head} [{flow}]"), remark);
                return;
            }
            write_member(key, &Value::Lines(items.clone()), remark, indent, out);
        }
        Value::Lines(items) => {
            push(out, &head, remark);
            for item in items {
                push(out, &format!("{:indent$}  - {}", "", scalar(item, false)), "");
            }
        }
        Value::Rows(rows) => {
            push(out, &head, remark);
            for row in rows {
                let members = row.iter().map(|(key, value)| format!("{key}: {}", scalar(value, true)));
                push(out, &format!("{:indent$}  - {{{}}}", "", members.collect::<Vec<_>>().join(", ")), "");
            }
        }
        Value::Items(blocks) => {
            push(out, &head, remark);
            for block in blocks {
                let mut item = String::new();
                block.write(indent + 4, &mut item);
                item.replace_range(indent + 2..indent + 3, "-");
                out.push_str(&item);
            }
        }
        Value::Block(block) => {
            push(out, &head, remark);
            block.write(indent + 2, out);
        }
    }
}

fn push(out: &mut String, line: &str, remark: &str) {
    let line = line.trim_end();
    let width = if remark.is_empty() { 0 } else { REMARK_COLUMN.max(line.chars().count() + 2) };
    // Writing to a string cannot fail.
    write!(out, "{line:width$}").unwrap_or_default();
    if !remark.is_empty() {
        write!(out, "# {}", visible(remark)).unwrap_or_default();
    }
    out.push('\n');
}

/// A comment must not end early, whatever it quotes.
fn visible(text: &str) -> String {
    let special = |c: char| c.is_control() || matches!(c, '\u{85}' | '\u{2028}' | '\u{2029}' | '\u{feff}');
    let shown = |c: char| if special(c) { c.escape_unicode().to_string() } else { c.to_string() };
    text.chars().map(shown).collect()
}

/// A text as a YAML scalar.
fn scalar(text: &str, in_flow: bool) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_./-@".contains(c);
    let reference = |c: char| !in_flow && "${}".contains(c);
    let inside = |c: char| plain(c) || reference(c) || c == ':';
    let begins =
        text.starts_with(|c: char| c.is_ascii_alphabetic() || matches!(c, '/' | '_') || (!in_flow && c == '$'));
    let is_word = ["true", "false", "yes", "no", "on", "off", "null", "y", "n"].contains(&&*text.to_ascii_lowercase());
    if begins && !is_word && !text.ends_with(':') && text.chars().all(inside) {
        return text.to_owned();
    }
    let awkward = |c: char| c.is_control() || matches!(c, '\u{85}' | '\u{2028}' | '\u{2029}' | '\u{feff}');
    if text.contains('\\') && !text.contains(awkward) {
        return format!("'{}'", text.replace('\'', "''"));
    }
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            '\n' => quoted.push_str("\\n"),
            '\t' => quoted.push_str("\\t"),
            '\r' => quoted.push_str("\\r"),
            // All of these lie below U+10000.
            c if awkward(c) => write!(quoted, "\\u{:04x}", u32::from(c)).unwrap_or_default(),
            c => quoted.push(c),
        }
    }
    quoted + "\""
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    #[test]
    fn plain_text_needs_no_quotation_marks_and_everything_else_has_them() {
        for (text, expected) in [
            ("main", "main"),
            ("/etc/x.jks", "/etc/x.jks"),
            ("${X}", "${X}"),
            ("host:9092", "host:9092"),
            ("no", "\"no\""),
            ("1.10", "\"1.10\""),
            ("", "\"\""),
            ("a b", "\"a b\""),
            ("a: b", "\"a: b\""),
            ("a:", "\"a:\""),
            (r"^\d+$", r"'^\d+$'"),
            ("\r\n", "\"\\r\\n\""),
        ] {
            assert_eq!(scalar(text, false), expected);
        }
        assert_eq!(scalar("${X}", true), "\"${X}\"");
    }

    proptest! {
        /// Goal: whatever a connector's file holds, the YAML means the same. Method: read back what was written.
        #[test]
        fn what_is_written_is_read_back(texts in prop::collection::vec("\\PC{0,12}|[ -~]{0,12}|[\\x00-\\x7f]{0,6}", 1..5)) {
            let mut block = Block::default();
            block.comment(texts.concat());
            block.list("list", texts.clone(), &texts.concat());
            for (index, text) in texts.iter().enumerate() {
                block.text(&format!("k{index}"), text, text);
            }
            let rows: Vec<_> = texts.iter().map(|text| vec![("x".to_owned(), text.clone())]).collect();
            block.member("rows", Value::Rows(rows), "");
            let item = |text: &String| {
                let mut inner = Block::default();
                inner.text("y", text, text);
                let mut item = Block::default();
                item.member("x", Value::Block(inner), text);
                item
            };
            block.member("items", Value::Items(texts.iter().map(item).collect()), "");
            let read: BTreeMap<String, serde_json::Value> =
                serde_saphyr::from_str(&block.render()).map_err(|error| TestCaseError::fail(error.to_string()))?;
            prop_assert_eq!(&read["list"], &serde_json::json!(texts));
            for (index, text) in texts.iter().enumerate() {
                prop_assert_eq!(&read[&format!("k{index}")], &serde_json::json!(text));
                prop_assert_eq!(&read["rows"][index]["x"], &serde_json::json!(text));
                prop_assert_eq!(&read["items"][index]["x"]["y"], &serde_json::json!(text));
            }
        }
    }
}
