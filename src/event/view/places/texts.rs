//! Values that carry their meaning with them, within any text.

use std::ops::Range;

use super::super::super::crn::Crn;

/// The values of these keys in a resource name or a scope. As [`Crn::elements`] would find them, but by looking at the `=`
/// only: most texts have none, and the usual resource name four.
pub(super) fn elements(text: &str, keys: &[&str], each: &mut dyn FnMut(Range<usize>)) {
    let bytes = text.as_bytes();
    for at in memchr::memchr_iter(b'=', bytes) {
        let before = &bytes[..at];
        let is_key = |key: &&str| match before.strip_suffix(key.as_bytes()) {
            Some(start) => start.is_empty() || start.ends_with(b"/"),
            None => false,
        };
        if keys.iter().any(is_key) {
            let end = memchr::memchr(b'/', &bytes[at + 1..]).map_or(bytes.len(), |length| at + 1 + length);
            if at + 1 < end {
                each(at + 1..end);
            }
        }
    }
}

/// E-mail addresses within a text, and in a resource name also those that are percent-encoded.
pub(super) fn addresses(text: &str, each: &mut dyn FnMut(Range<usize>)) {
    let encoded = if text.contains('%') { Crn::parse(text) } else { None };
    match encoded {
        None => plain_addresses(text, each),
        Some(crn) => {
            let mut all = Vec::new();
            plain_addresses(text, &mut |range| all.push(range));
            for element in crn.elements().filter(|element| element.value().is_some_and(|value| value.contains('@'))) {
                all.extend(element.value_range().filter(|range| !text[range.clone()].contains('@')));
            }
            all.sort_by_key(|range| range.start);
            all.into_iter().for_each(each);
        }
    }
}

fn plain_addresses(text: &str, each: &mut dyn FnMut(Range<usize>)) {
    let mut from = 0;
    while let Some(at) = text[from..].find('@').map(|at| from + at) {
        let local: usize =
            text[from..at].chars().rev().take_while(|letter| is_local(*letter)).map(char::len_utf8).sum();
        let domain: usize = text[at + 1..].chars().take_while(|letter| is_domain(*letter)).map(char::len_utf8).sum();
        let end = at + 1 + text[at + 1..at + 1 + domain].trim_end_matches(['.', '-']).len();
        if local > 0 && end > at + 1 {
            each(at - local..end);
        }
        from = end;
    }
}

/// What stands before the `@`, apart from what ends a value in a resource name or in a certificate's name.
fn is_local(letter: char) -> bool {
    letter.is_alphanumeric() || ".!#$%&'*+-?^_`{|}~".contains(letter)
}

fn is_domain(letter: char) -> bool {
    letter.is_alphanumeric() || matches!(letter, '.' | '-')
}
/// A prefix, and then nothing but letters and digits.
pub(super) fn is_id(text: &str, prefix: &str) -> bool {
    let rest = text.strip_prefix(prefix).unwrap_or_default();
    !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn elements_are_those_of_the_resource_name(text in "(crn://)?(a/)?[ab=/]{0,24}") {
            let crn = Crn::parse(&text).unwrap_or(Crn::of_path(&text));
            let expected: Vec<_> = crn.elements().filter(|element| element.key() == "a").filter_map(|element| element.value_range()).collect();
            let mut found = Vec::new();
            elements(&text, &["a"], &mut |range| found.push(range));
            // An authority may look like an element; it is found in vain.
            prop_assert!(expected.iter().all(|range| found.contains(range)), "{expected:?} {found:?}");
            prop_assert!(found.len() <= expected.len() + 1);
        }
    }
}
