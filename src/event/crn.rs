//! Confluent resource names: `crn://<authority>/<key>=<value>/<key>=<value>…`, parents before children.
//!
//! Read leniently, because an event must never fail over a name: unknown keys stay, so does the order; the authority may be
//! empty; a value may hold `=` and `@`; what has no `=` is a key without a value; empty pieces are passed over. Values are
//! percent-decoded after splitting, so an encoded `/` does not end one. Nothing is allocated unless there is something to
//! decode. It does not judge: whether a name makes sense is the reader's business.

use std::borrow::Cow;
use std::ops::Range;

const SCHEME: &str = "crn://";

/// A resource name within a text.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Crn<'a> {
    text: &'a str,
    /// Where the path begins, after the authority.
    path: usize,
}

/// One `key=value` of a name.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Element<'a> {
    text: &'a str,
    key: Range<usize>,
    value: Option<Range<usize>>,
}

impl<'a> Crn<'a> {
    /// `None` when the text does not begin with `crn://`; everything else is a name.
    pub fn parse(text: &'a str) -> Option<Self> {
        let rest = text.strip_prefix(SCHEME)?;
        let authority = position(rest, b'/').unwrap_or(rest.len());
        Some(Self { text, path: SCHEME.len() + authority })
    }

    /// The path alone, as in a scope (`organization=…/environment=…`): every text is one.
    pub fn of_path(text: &'a str) -> Self {
        Self { text, path: 0 }
    }

    /// `confluent.cloud`, or a host; `None` when it is empty.
    pub fn authority(&self) -> Option<&'a str> {
        self.text.get(SCHEME.len()..self.path).filter(|authority| !authority.is_empty())
    }

    /// In the order of the text.
    pub fn elements(&self) -> impl Iterator<Item = Element<'a>> + use<'a> {
        let text = self.text;
        let mut at = self.path;
        std::iter::from_fn(move || {
            while at < text.len() {
                let rest = &text[at..];
                let end = at + position(rest, b'/').unwrap_or(rest.len());
                let piece = at..end;
                at = end + 1;
                if !piece.is_empty() {
                    return Some(Element::new(text, piece));
                }
            }
            None
        })
    }

    /// The element of this key; of several the last, which is the innermost.
    pub fn get(&self, key: &str) -> Option<Element<'a>> {
        self.elements().filter(|element| element.key() == key).last()
    }

    /// The innermost element: the thing itself.
    pub fn last(&self) -> Option<Element<'a>> {
        self.elements().last()
    }
}

impl<'a> Element<'a> {
    fn new(text: &'a str, piece: Range<usize>) -> Self {
        match position(&text[piece.clone()], b'=') {
            Some(at) => {
                let at = piece.start + at;
                Self { text, key: piece.start..at, value: Some(at + 1..piece.end) }
            }
            None => Self { text, key: piece, value: None },
        }
    }

    /// As it is written.
    pub fn key(&self) -> &'a str {
        &self.text[self.key.clone()]
    }

    /// Where it lies in the text that was parsed.
    pub fn key_range(&self) -> Range<usize> {
        self.key.clone()
    }

    /// Percent-decoded; `None` when there is none or it is empty.
    pub fn value(&self) -> Option<Cow<'a, str>> {
        let raw = &self.text[self.value_range()?];
        Some(percent_decoded(raw))
    }

    /// Where the value lies in the text that was parsed, as it is written.
    pub fn value_range(&self) -> Option<Range<usize>> {
        self.value.clone().filter(|range| !range.is_empty())
    }

    /// Whether the value stands for many: `*`, or a prefix followed by `*`, as in the patterns of role bindings.
    pub fn is_wildcard(&self) -> bool {
        self.value_range().is_some_and(|range| self.text[range].ends_with('*'))
    }
}

/// The pieces of a name are short: to look at each byte is faster than to prepare a search.
fn position(text: &str, wanted: u8) -> Option<usize> {
    text.bytes().position(|byte| byte == wanted)
}

/// A text with `%XX` resolved. What is no such sequence stays as it is; so does the whole text when decoding would not give
/// UTF-8.
pub(super) fn percent_decoded(raw: &str) -> Cow<'_, str> {
    if !raw.contains('%') {
        return Cow::Borrowed(raw);
    }
    let mut bytes = Vec::with_capacity(raw.len());
    let mut rest = raw.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        match (byte, after) {
            (b'%', [high, low, after @ ..]) if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                bytes.push(16 * hex_value(*high) + hex_value(*low));
                rest = after;
            }
            (_, after) => {
                bytes.push(byte);
                rest = after;
            }
        }
    }
    String::from_utf8(bytes).map_or(Cow::Borrowed(raw), Cow::Owned)
}

fn hex_value(digit: u8) -> u8 {
    match digit {
        b'0'..=b'9' => digit - b'0',
        _ => (digit | 0x20) - b'a' + 10,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(text: &str) -> (Option<&str>, Vec<(&str, Option<String>)>) {
        let crn = Crn::parse(text).expect("a resource name");
        let elements = crn.elements().map(|element| (element.key(), element.value().map(Cow::into_owned)));
        (crn.authority(), elements.collect())
    }

    #[test]
    fn elements_keep_their_order_and_unknown_keys_stay() {
        let (authority, elements) =
            read("crn://confluent.cloud/organization=o-1/environment=env-1/new-thing=x/topic=a.b");
        assert_eq!(authority, Some("confluent.cloud"));
        let expected = [("organization", "o-1"), ("environment", "env-1"), ("new-thing", "x"), ("topic", "a.b")];
        assert_eq!(elements, expected.map(|(key, value)| (key, Some(value.to_owned()))));
    }

    #[test]
    fn odd_names_are_read_as_far_as_they_go() {
        let one = |key, value: &str| vec![(key, Some(value.to_owned()))];
        assert_eq!(read("crn:///kafka=lkc-1"), (None, one("kafka", "lkc-1")));
        assert_eq!(read("crn://confluent.cloud/"), (Some("confluent.cloud"), vec![]));
        assert_eq!(read("crn://confluent.cloud"), (Some("confluent.cloud"), vec![]));
        assert_eq!(read("crn://"), (None, vec![]));
        assert_eq!(read("crn://a//topic=x//").1, one("topic", "x"));
        assert_eq!(read("crn://a/identity=user@confluent.io").1, one("identity", "user@confluent.io"));
        assert_eq!(read("crn://a/topic=k=v").1, one("topic", "k=v"));
        assert_eq!(read("crn://a/topic/group=").1, vec![("topic", None), ("group", None)]);
        assert_eq!(Crn::parse("topic=x"), None);
        assert_eq!(Crn::parse(""), None);
    }

    #[test]
    fn values_are_decoded_after_splitting_and_only_where_they_can_be() {
        let value = |text: &str| Crn::of_path(text).last().and_then(|element| element.value().map(Cow::into_owned));
        assert_eq!(value("topic=a%2Fb%3dc").as_deref(), Some("a/b=c"));
        assert_eq!(value("topic=100%").as_deref(), Some("100%"));
        assert_eq!(value("topic=%zz%4").as_deref(), Some("%zz%4"));
        assert_eq!(value("topic=%C3%BC").as_deref(), Some("ü"));
        assert_eq!(value("topic=%FF%40").as_deref(), Some("%FF%40"), "not UTF-8: left alone");
        assert!(matches!(Crn::of_path("topic=plain").last().expect("there").value(), Some(Cow::Borrowed("plain"))));
    }

    #[test]
    fn wildcards_are_told_from_names() {
        let wild = |text: &str| Crn::of_path(text).last().expect("there").is_wildcard();
        assert!(wild("topic=*"));
        assert!(wild("topic=pay*"));
        assert!(!wild("topic=*x"));
        assert!(!wild("topic="));
        assert!(!wild("*"), "a key is no value");
    }

    #[test]
    fn the_innermost_of_equal_keys_counts() {
        let crn = Crn::parse("crn://a/kafka=outer/topic=x/kafka=inner").expect("a resource name");
        let kafka = crn.get("kafka").expect("there");
        assert_eq!(kafka.value().as_deref(), Some("inner"));
        assert_eq!(&"crn://a/kafka=outer/topic=x/kafka=inner"[kafka.value_range().expect("there")], "inner");
        assert_eq!(crn.get("subject"), None);
    }

    proptest! {
        #[test]
        fn no_text_fails_and_every_range_leads_back(text in "(crn://)?[a=/%@*é0-9F]{0,24}") {
            for crn in Crn::parse(&text).into_iter().chain([Crn::of_path(&text)]) {
                for element in crn.elements() {
                    let range = element.value_range();
                    prop_assert_eq!(range.map(|range| percent_decoded(&text[range])), element.value());
                    prop_assert_eq!(&text[element.key_range()], element.key());
                }
            }
        }
    }
}
