//! Finding what looks like an e-mail address, an IP address or the identifier of a principal, and values that are known.
//!
//! All of it works on the result of a [`super::reading`]: small letters, no escapes, not necessarily UTF-8. A text may also
//! be a whole event: quotation marks then end what is found, as the ends of a text do. In doubt more is found: what is found
//! too much costs a readable word, what is overlooked costs the secret.

use std::net::IpAddr;

use memchr::{memchr_iter, memmem};

/// Called with where something begins and ends.
pub(super) type Found<'f> = &'f mut dyn FnMut(usize, usize);

/// Everything that looks like an e-mail address. `quoted` says whether the part before the `@` may be in quotation marks.
pub(super) fn emails(text: &[u8], quoted: bool, found: Found<'_>) {
    for at in memchr_iter(b'@', text) {
        let domain = domain_len(&text[at + 1..]);
        let local = match local_len(&text[..at]) {
            0 if quoted => quoted_len(&text[..at]),
            len => len,
        };
        if local > 0 && domain > 0 {
            found(at - local, at + 1 + domain);
        }
    }
}

fn local_len(before: &[u8]) -> usize {
    let is_local = |byte: &u8| byte.is_ascii_alphanumeric() || *byte >= 0x80 || b".!#$%&'*+?^_`{|}~-".contains(byte);
    let len = before.iter().rev().take_while(|byte| is_local(byte)).count();
    // Punctuation in front is the sentence's, not the address's.
    let is_inner = |byte: &u8| byte.is_ascii_alphanumeric() || *byte >= 0x80 || *byte == b'_';
    let outer = before[before.len() - len..].iter().take_while(|byte| !is_inner(byte)).count();
    if outer == len { len } else { len - outer }
}

fn quoted_len(before: &[u8]) -> usize {
    let Some(inner) = before.strip_suffix(b"\"") else { return 0 };
    memchr::memrchr(b'"', inner).map_or(0, |start| before.len() - start)
}

fn domain_len(after: &[u8]) -> usize {
    if after.first() == Some(&b'[') {
        return memchr::memchr(b']', after).map_or(0, |end| end + 1);
    }
    let is_domain = |byte: &u8| byte.is_ascii_alphanumeric() || *byte >= 0x80 || matches!(byte, b'.' | b'-' | b'_');
    let domain = &after[..after.iter().take_while(|byte| is_domain(byte)).count()];
    let outer = domain.iter().rev().take_while(|byte| matches!(byte, b'.' | b'-' | b'_')).count();
    domain.len() - outer
}

/// Every IP address, with where it stands.
pub(super) fn ips(text: &[u8], found: &mut dyn FnMut(IpAddr, usize, usize)) {
    let mut at = 0;
    while let Some(skip) = text[at..].iter().position(is_ip_part) {
        let start = at + skip;
        let len = text[start..].iter().take_while(|byte| is_ip_part(byte)).count();
        ips_in_run(&text[start..start + len], &mut |ip, from, to| found(ip, start + from, start + to));
        at = start + len;
    }
}

/// Those of them that have a colon in them or beside them: every spelling of an IPv6 address.
pub(super) fn ips_with_colon(text: &[u8], found: &mut dyn FnMut(IpAddr, usize, usize)) {
    let mut done = 0;
    for at in memchr_iter(b':', text) {
        let is_part = |at: Option<usize>| at.and_then(|at| text.get(at)).is_some_and(is_ip_part);
        // The colon behind a name has a quotation mark before it.
        if at < done || !(is_part(at.checked_sub(1)) || is_part(Some(at + 1))) {
            continue;
        }
        let start = at - text[done..at].iter().rev().take_while(|byte| is_ip_part(byte)).count();
        done = at + text[at..].iter().take_while(|byte| is_ip_part(byte)).count();
        ips_in_run(&text[start..done], &mut |ip, from, to| found(ip, start + from, start + to));
    }
}

fn is_ip_part(byte: &u8) -> bool {
    byte.is_ascii_hexdigit() || matches!(byte, b'.' | b':')
}

/// All of `run` are digits, dots and colons.
fn ips_in_run(run: &[u8], found: &mut dyn FnMut(IpAddr, usize, usize)) {
    if run.len() < SHORTEST_IP || !may_hold_ip(run) {
        return;
    }
    match whole_ip(run) {
        Some((ip, from, to)) => found(ip, from, to),
        None => ipv4s_within(run, found),
    }
}

/// An address has three dots, seven colons, or a gap. Most runs are words and times of day.
fn may_hold_ip(run: &[u8]) -> bool {
    let (mut dots, mut colons, mut has_gap, mut before) = (0, 0, false, 0);
    for byte in run {
        dots += usize::from(*byte == b'.');
        colons += usize::from(*byte == b':');
        has_gap |= *byte == b':' && before == b':';
        before = *byte;
    }
    dots >= 3 || colons >= 7 || has_gap
}

const SHORTEST_IP: usize = "::".len();

/// The address that a run of digits, dots and colons is, apart from a port and the sentence's punctuation.
fn whole_ip(run: &[u8]) -> Option<(IpAddr, usize, usize)> {
    let text = std::str::from_utf8(run).ok()?;
    let ends = [text.len(), text.trim_end_matches('.').len(), text.len() - usize::from(text.ends_with(':'))];
    let starts = [0, usize::from(text.starts_with(':')), text.len() - text.trim_start_matches('.').len()];
    let port = text.rfind(':').filter(|colon| text[..*colon].contains('.'));
    for end in ends.into_iter().chain(port) {
        for start in starts.into_iter().filter(|start| *start < end) {
            if let Ok(ip) = text[start..end].parse() {
                return Some((ip, start, end));
            }
        }
    }
    None
}

fn ipv4s_within(run: &[u8], found: &mut dyn FnMut(IpAddr, usize, usize)) {
    let mut start = 0;
    while start < run.len() {
        let begins = run[start].is_ascii_digit() && !start.checked_sub(1).is_some_and(|at| run[at].is_ascii_digit());
        let len = run[start..].iter().take_while(|byte| byte.is_ascii_digit() || **byte == b'.').count();
        let four = begins.then(|| first_four(&run[start..start + len])).flatten();
        match four.and_then(|len| Some((std::str::from_utf8(&run[start..start + len]).ok()?.parse().ok()?, len))) {
            Some((ip, len)) => {
                found(ip, start, start + len);
                start += len;
            }
            None => start += 1,
        }
    }
}

/// Length of the first four numbers of `1.2.3.4.5`.
fn first_four(text: &[u8]) -> Option<usize> {
    let mut dots = memchr_iter(b'.', text);
    dots.nth(2)?;
    let end = dots.next().unwrap_or(text.len());
    Some(end)
}

/// Identifiers of principals: `u-`, `sa-`, `pool-` and `group-` with what follows, and whatever is a `User:`.
pub(super) fn principals(text: &[u8], found: Found<'_>) {
    for at in memchr_iter(b'-', text) {
        let Some((prefix, least)) = KINDS.iter().find(|(kind, _)| text[..at].ends_with(kind)) else { continue };
        let start = at - prefix.len();
        let joined = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        let len = text[at + 1..].iter().take_while(|byte| byte.is_ascii_alphanumeric()).count();
        let end = at + 1 + len;
        let apart = !start.checked_sub(1).is_some_and(|before| joined(&text[before]));
        let ended = text.get(end).is_none_or(|byte| !matches!(byte, b'-' | b'_' | b'='));
        if apart && ended && len >= *least {
            found(start, end);
        }
    }
    for at in memmem::find_iter(text, b"user:") {
        let start = at + b"user:".len();
        let len = text[start..].iter().take_while(|byte| !ends_principal(**byte)).count();
        let apart = !at.checked_sub(1).is_some_and(|before| text[before].is_ascii_alphanumeric());
        if apart && len > 0 && &text[start..start + len] != b"*" {
            found(start, start + len);
        }
    }
}

/// Prefixes of identifiers, and how much has to follow. `group-` also begins ordinary words.
const KINDS: [(&[u8], usize); 4] = [(b"u", 1), (b"sa", 1), (b"pool", 3), (b"group", 3)];

fn ends_principal(byte: u8) -> bool {
    byte.is_ascii_whitespace() || b"\"',;/()[]{}<>\\".contains(&byte)
}

/// The parts `key=value` of a CRN, or of a text that is written like one: the key, and where the value stands.
pub(super) fn crn_parts<'t>(text: &'t [u8], found: &mut dyn FnMut(&'t [u8], usize, usize)) {
    let mut start = 0;
    for segment in text.split(|byte| *byte == b'/') {
        if let Some(equals) = memchr::memchr(b'=', segment) {
            let value = start + equals + 1;
            if value < start + segment.len() {
                found(&segment[..equals], value, start + segment.len());
            }
        }
        start += segment.len() + 1;
    }
}

/// Where a known value may stand within another text.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Where {
    Anywhere,
    /// A number is no part of a longer number.
    NoDigitBeside,
    /// It is the whole text, a whole part of a CRN, or what follows a colon.
    Alone,
}

/// Every place of a known value.
pub(super) fn value(text: &[u8], value: &[u8], place: Where, found: Found<'_>) {
    let finder = memmem::Finder::new(value);
    let mut at = 0;
    while let Some(skip) = finder.find(&text[at..]) {
        let (start, end) = (at + skip, at + skip + value.len());
        let (before, after) = (start.checked_sub(1).map(|before| text[before]), text.get(end).copied());
        let digit = |byte: Option<u8>| byte.is_some_and(|byte| byte.is_ascii_digit());
        let fits = match place {
            Where::Anywhere => true,
            Where::NoDigitBeside => !digit(before) && !digit(after),
            Where::Alone => {
                before.is_none_or(|byte| matches!(byte, b'"' | b'=' | b':'))
                    && after.is_none_or(|byte| matches!(byte, b'"' | b'/'))
            }
        };
        if fits {
            found(start, end);
        }
        at = start + if fits { value.len() } else { 1 };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn all(find: impl Fn(&[u8], Found<'_>), text: &str) -> Vec<String> {
        let mut all = Vec::new();
        find(text.as_bytes(), &mut |start, end| all.push(text[start..end].to_owned()));
        all
    }

    #[test]
    fn addresses_are_found_in_their_sentence() {
        for (text, expected) in [
            ("alice@example.com", &["alice@example.com"][..]),
            ("mailto:alice+x@example.com?subject=y", &["alice+x@example.com"]),
            ("crn:///identity=a.b@c.de/x=y", &["a.b@c.de"]),
            ("'alice@example.com', <bob@example.com>.", &["alice@example.com", "bob@example.com"]),
            ("cn=alice@example.com,ou=x", &["alice@example.com"]),
            ("a@b@c", &["a@b", "b@c"]),
            ("\"john doe\"@example.com", &["\"john doe\"@example.com"]),
            ("root@[10.0.0.1]", &["root@[10.0.0.1]"]),
            ("jürgen@müller.de", &["jürgen@müller.de"]),
            ("@timestamp", &[]),
            ("a @ b", &[]),
            ("root@localhost", &["root@localhost"]),
        ] {
            assert_eq!(all(|text, found| emails(text, true, found), text), expected, "{text}");
        }
    }

    #[test]
    fn ip_addresses_are_found_beside_ports_and_punctuation() {
        let all = |text: &str| {
            let mut all = Vec::new();
            ips(text.as_bytes(), &mut |ip, start, end| all.push((ip.to_string(), text[start..end].to_owned())));
            all
        };
        let one = |ip: &str, text: &str| vec![(ip.to_owned(), text.to_owned())];
        for text in [
            "1.2.3.4",
            "/1.2.3.4",
            "/1.2.3.4:5678",
            "from 1.2.3.4.",
            "ip:1.2.3.4:",
            "a1.2.3.4",
            "x=1.2.3.4,",
            "1.2.3.4.5",
        ] {
            assert_eq!(all(text), one("1.2.3.4", "1.2.3.4"), "{text}");
        }
        assert_eq!(all("1:2:3:4:5:6:7:8"), one("1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8"));
        assert_eq!(all("1:2:3:4:5:6:1.2.3.4"), one("1:2:3:4:5:6:102:304", "1:2:3:4:5:6:1.2.3.4"));
        assert_eq!(all("[2001:db8::17]:443"), one("2001:db8::17", "2001:db8::17"));
        assert_eq!(all("2001:db8:0:0:0:0:0:17"), one("2001:db8::17", "2001:db8:0:0:0:0:0:17"));
        assert_eq!(all("::ffff:1.2.3.4"), one("::ffff:1.2.3.4", "::ffff:1.2.3.4"));
        assert_eq!(all("fe80::1%eth0"), one("fe80::1", "fe80::1"));
        assert_eq!(all("::1"), one("::1", "::1"));
        for none in ["1.2.3", "1.0", "12:30:45", "a.b", "2021-06-07t18:49:40.331z", "crn://x", ""] {
            assert_eq!(all(none), [], "{none}");
        }
    }

    proptest! {
        /// What is left out in looking at colons alone are addresses without any.
        #[test]
        fn looking_at_colons_finds_what_has_one(text in "[0-9a-f:. ]{0,40}|([0-9a-f]{1,4}:){2,8}[0-9.:]{0,8}|::(ffff:)?[0-9.]{0,12}") {
            let (mut all, mut with_colon) = (Vec::new(), Vec::new());
            ips(text.as_bytes(), &mut |ip, start, end| all.push((ip, start, end)));
            ips_with_colon(text.as_bytes(), &mut |ip, start, end| with_colon.push((ip, start, end)));
            prop_assert!(with_colon.iter().all(|found| all.contains(found)), "{:?} {:?}", with_colon, all);
            let has_colon = |found: &&(IpAddr, usize, usize)| text[found.1..found.2].contains(':');
            prop_assert!(all.iter().filter(has_colon).all(|found| with_colon.contains(found)), "{:?} {:?}", with_colon, all);
        }

        /// The quick look at a run turns away nothing that the parser would take.
        #[test]
        fn no_address_is_turned_away_unparsed(ip in any::<IpAddr>(), port in any::<u16>()) {
            for text in [ip.to_string(), format!("{ip}:{port}"), std::net::SocketAddr::new(ip, port).to_string()] {
                prop_assert!(may_hold_ip(text.as_bytes()), "{}", text);
            }
        }
    }

    #[test]
    fn identifiers_of_principals_are_found() {
        for (text, expected) in [
            ("user:u-1abc2d", &["u-1abc2d", "u-1abc2d"][..]),
            ("crn://x/service-account=sa-7qrs6t", &["sa-7qrs6t"]),
            ("u-1", &["u-1"]),
            ("pool-1ab2 and group-9xyz", &["pool-1ab2", "group-9xyz"]),
            ("menu-1 sa-a-b group-by pool-x/identity-pool=1", &[]),
            ("user:123456", &["123456"]),
            ("user:*", &[]),
            ("user:cn=a, ou=b", &["cn=a"]),
            ("superuser:x", &[]),
        ] {
            assert_eq!(all(principals, text), expected, "{text}");
        }
    }

    #[test]
    fn values_stand_where_they_may() {
        let times =
            |text: &str, known: &str, place| all(|text, found| value(text, known.as_bytes(), place, found), text).len();
        assert_eq!(times("aaaa", "aa", Where::Anywhere), 2);
        assert_eq!(times("11234 1234 12345", "1234", Where::NoDigitBeside), 1);
        assert_eq!(times("a=x/b=xx/c=x", "x", Where::Alone), 2);
        assert_eq!(times("x", "x", Where::Alone), 1);
        assert_eq!(times("user:x", "x", Where::Alone), 1);
        assert_eq!(times("a x b", "x", Where::Alone), 0);
    }

    #[test]
    fn parts_of_crns_are_split_at_their_first_equals_sign() {
        let text = b"crn://confluent.cloud/organization=a/identity=x=y/empty=/topic=t";
        let mut all = Vec::new();
        crn_parts(text, &mut |key, start, end| all.push((key, &text[start..end])));
        let expected: [(&[u8], &[u8]); 3] = [(b"organization", b"a"), (b"identity", b"x=y"), (b"topic", b"t")];
        assert_eq!(all, expected);
    }
}
