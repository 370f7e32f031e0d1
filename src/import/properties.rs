//! Java properties files, as `java.util.Properties` reads them from a stream of bytes.
//!
//! - Bytes are ISO 8859-1, whatever the editor thought: what Connect made of a file is what counts here.
//! - A key ends at the first `=`, `:` or white space that is not escaped. White space at the end of a value stays.
//! - A backslash at the end of a line joins the next one; `\uXXXX` is a UTF-16 unit; an unknown escape is its letter.
//!
//! Own code: it is small, and the crate for it brings the decoders of all encodings to a format that has one.

/// Why a text is not a properties file.
#[derive(PartialEq, Eq, Debug)]
pub(super) struct Malformed {
    /// Counted from 1.
    pub(super) line: usize,
    pub(super) cause: &'static str,
}

/// The settings in the order of the file; of a key that is given twice, as in Java, the last.
pub(super) fn parse(bytes: &[u8]) -> Result<Vec<(String, String)>, Malformed> {
    let mut settings: Vec<(String, String)> = Vec::new();
    for (line, text) in logical_lines(bytes) {
        let (key, value) = split(&text);
        let unescaped = |text: &[char]| unescape(text).ok_or(Malformed { line, cause: "`\\u` needs four hex digits" });
        let (key, value) = (unescaped(key)?, unescaped(value)?);
        settings.retain(|(known, _)| *known != key);
        settings.push((key, value));
    }
    Ok(settings)
}

const fn is_blank(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\u{c}')
}

/// Lines with what a backslash joined to them, without comments and blank ones, each with the number of its first line.
fn logical_lines(bytes: &[u8]) -> Vec<(usize, Vec<char>)> {
    let text: String = bytes.iter().map(|&byte| char::from(byte)).collect();
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    let mut lines = Vec::new();
    let mut natural = text.split('\n').enumerate();
    while let Some((index, line)) = natural.next() {
        let line = line.trim_start_matches(is_blank);
        if line.is_empty() || line.starts_with(['#', '!']) {
            continue;
        }
        let mut logical: Vec<char> = line.chars().collect();
        while ends_open(&logical) {
            logical.pop();
            // A line of a backslash alone joins nothing to nothing: the next one begins anew, and may be a comment.
            if logical.is_empty() {
                break;
            }
            match natural.next() {
                Some((_, next)) => logical.extend(next.trim_start_matches(is_blank).chars()),
                None => break,
            }
        }
        if !logical.is_empty() {
            lines.push((index + 1, logical));
        }
    }
    lines
}

/// Whether the last backslash is not itself escaped.
fn ends_open(line: &[char]) -> bool {
    line.iter().rev().take_while(|c| **c == '\\').count() % 2 == 1
}

fn split(line: &[char]) -> (&[char], &[char]) {
    let mut end = 0;
    while end < line.len() && !(is_blank(line[end]) || matches!(line[end], '=' | ':')) {
        end += if line[end] == '\\' { 2 } else { 1 };
    }
    let end = end.min(line.len());
    let mut start = end + line[end..].iter().take_while(|c| is_blank(**c)).count();
    if line.get(start).is_some_and(|c| matches!(c, '=' | ':')) {
        start += 1;
        start += line[start..].iter().take_while(|c| is_blank(**c)).count();
    }
    (&line[..end], &line[start..])
}

/// `None` for `\u` without four hexadecimal digits.
fn unescape(text: &[char]) -> Option<String> {
    let mut units: Vec<u16> = Vec::with_capacity(text.len());
    let mut chars = text.iter().copied();
    while let Some(c) = chars.next() {
        let plain = match c {
            '\\' => match chars.next() {
                None => break,
                Some('t') => '\t',
                Some('n') => '\n',
                Some('r') => '\r',
                Some('f') => '\u{c}',
                Some('u') => {
                    let digits: String = chars.by_ref().take(4).filter(char::is_ascii_hexdigit).collect();
                    units.push(u16::from_str_radix(&digits, 16).ok().filter(|_| digits.len() == 4)?);
                    continue;
                }
                Some(other) => other,
            },
            plain => plain,
        };
        units.extend_from_slice(plain.encode_utf16(&mut [0; 2]));
    }
    Some(String::from_utf16_lossy(&units))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Vec<(String, String)> {
        parse(text.as_bytes()).expect("well formed")
    }

    fn one(text: &str) -> (String, String) {
        let [only] = <[_; 1]>::try_from(read(text)).expect("one setting");
        only
    }

    #[test]
    fn keys_end_at_any_of_three_separators() {
        for text in ["a=b", "a:b", "a b", "  a = b", "a\t:\tb", "a   b", "\u{c}a=b"] {
            assert_eq!(one(text), ("a".to_owned(), "b".to_owned()), "{text:?}");
        }
        assert_eq!(one("a"), ("a".to_owned(), String::new()));
        assert_eq!(one("a = = b"), ("a".to_owned(), "= b".to_owned()));
        assert_eq!(one("https\\://x = y"), ("https://x".to_owned(), "y".to_owned()));
        assert_eq!(one("a b=c"), ("a".to_owned(), "b=c".to_owned()));
        assert_eq!(one("a=b  "), ("a".to_owned(), "b  ".to_owned()));
    }

    #[test]
    fn escapes_are_those_of_java() {
        assert_eq!(one(r"a=\u00e9\t\n\\\q\:").1, "\u{e9}\t\n\\q:");
        assert_eq!(one(r"a=\ud83d\ude00").1, "\u{1f600}");
        assert_eq!(one(r"\u0061=b").0, "a");
        assert_eq!(one("a=b\\").1, "b");
        for text in [r"x=1", r"a=\u12", r"a=\u12xy"] {
            assert_eq!(parse(text.as_bytes()).is_err(), text != "x=1", "{text}");
        }
        let malformed = parse(b"a=1\n\nb=\\u0g00\n").expect_err("not hexadecimal");
        assert_eq!(malformed.line, 3);
    }

    #[test]
    fn lines_are_joined_by_a_backslash_that_is_not_escaped() {
        assert_eq!(one("a=b,\\\n    c,\\\r\n\td").1, "b,c,d");
        assert_eq!(read("a=b\\\\\nc=d").len(), 2);
        // A line that continues another is no comment, and a comment is not continued.
        assert_eq!(one("a=b\\\n#c").1, "b#c");
        assert_eq!(one("# x\\\na=b").1, "b");
        assert_eq!(one("a=b\\\n\n").1, "b");
        assert_eq!(one("\\\n# no\n\\\na=b").1, "b");
    }

    #[test]
    fn comments_and_blank_lines_are_no_settings_and_the_last_of_two_counts() {
        assert_eq!(one("! no\n  # no\n\n \t\na=1\ra=2"), ("a".to_owned(), "2".to_owned()));
    }

    #[test]
    fn bytes_are_read_as_java_reads_them() {
        assert_eq!(parse(b"a=\xe9").expect("well formed")[0].1, "\u{e9}");
        assert_eq!(parse("a=\u{e9}".as_bytes()).expect("well formed")[0].1, "\u{c3}\u{a9}");
    }
}
