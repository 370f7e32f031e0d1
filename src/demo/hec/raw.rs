//! The raw endpoint: from the bytes of a body to the events that Splunk would make of them. Pure.
//!
//! Splunk breaks the text into events by the `props.conf` of its sourcetype. Here events are broken at line breaks (the
//! default `LINE_BREAKER`) and never merged, as with `SHOULD_LINEMERGE = false`. The address says once for all events what an
//! envelope says for one: `index`, `source`, `sourcetype`, `host`. So what is refused is refused as a whole, and no number is
//! named: there are no objects to count.
//!
//! | found | code | indexed |
//! | --- | --- | --- |
//! | nothing, or only white space | 5 | nothing |
//! | an index in the address that the token may not write to | 7 | nothing |
//! | otherwise | 0 | every line that is not blank |

use reqwest::Url;

use super::collector::{Envelope, Poison, PoisonAnswer, Rules};

/// Adds the events to index to `out`; returns the code of the answer.
pub(super) fn collect<'a>(query: &str, body: &'a [u8], rules: &Rules<'_>, out: &mut Vec<Envelope<'a>>) -> u16 {
    if body.iter().all(u8::is_ascii_whitespace) {
        return 5;
    }
    if let (Some(allowed), Some(index)) = (rules.indexes, parameter(query, "index"))
        && !allowed.contains(&index)
    {
        return 7;
    }
    if let Some(Poison { answer: PoisonAnswer::Named(code) | PoisonAnswer::Unnamed(code), .. }) =
        rules.poison.iter().find(|poison| contains(body, poison.needle.as_bytes()))
    {
        return *code;
    }
    let lines = body.split(|byte| matches!(byte, b'\n' | b'\r'));
    out.extend(lines.filter(|line| !line.iter().all(u8::is_ascii_whitespace)).map(Envelope::of_text));
    0
}

/// A parameter of an address, without its escapes.
fn parameter(query: &str, name: &str) -> Option<String> {
    let url = Url::parse(&format!("http://h/?{query}")).ok()?;
    url.query_pairs().find(|(known, _)| known == name).map(|(_, value)| value.into_owned())
}

fn contains(bytes: &[u8], needle: &[u8]) -> bool {
    bytes.windows(needle.len().max(1)).any(|window| window == needle)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(query: &str, body: &str, rules: &Rules<'_>) -> (u16, Vec<String>) {
        let mut out = Vec::new();
        let code = collect(query, body.as_bytes(), rules, &mut out);
        (code, out.iter().map(|envelope| String::from_utf8_lossy(envelope.raw).into_owned()).collect())
    }

    #[test]
    fn lines_are_events_and_the_address_speaks_for_all() {
        let allowed = ["main index".to_owned()];
        let poison = [Poison { needle: "BAD".into(), answer: PoisonAnswer::Named(6) }];
        let rules = Rules { indexes: Some(&allowed), max_event_bytes: 10, poison: &poison, search_for_time: false };
        let some = |lines: &[&str]| (0, lines.iter().map(|line| (*line).to_owned()).collect::<Vec<_>>());
        assert_eq!(outcome("", "a\r\n\nb {}\n", &rules), some(&["a", "b {}"]));
        assert_eq!(outcome("source=s&index=main%20index", "a", &rules), some(&["a"]));
        assert_eq!(outcome("index=null", "a\nb", &rules), (7, vec![]));
        assert_eq!(outcome("", " \n", &rules), (5, vec![]));
        assert_eq!(outcome("", "a\nBAD", &rules), (6, vec![]));
    }
}
