//! Bytes that nobody would send: sample events with pieces changed, taken out, put in twice and put into one another.
//!
//! Each goes through all that looks at events. Nothing may panic; the tape must take what `serde_json` takes and read it alike; what
//! a chain lets through must be JSON. `FUZZ_CASES` says how many, `FUZZ_SEED` with which one the row begins; a failure names its own.

use fastrand::Rng;

use super::*;
use crate::event::{Field, Kind, Tape, Value as Handle, View};
use crate::transform::condition::{Condition, Subject};

const CASES: u64 = 10_000;

const CORPUS: &str = include_str!("../../demo/sample-events.jsonl");

/// What breaks readers: ends of things, escapes, halves of characters, numbers, names that mean something.
const PIECES: &[&[u8]] = &[
    b"\"",
    b"\\",
    b"{",
    b"}",
    b"[",
    b"]",
    b",",
    b":",
    b"null",
    b"-0",
    b"1e999",
    b"\\ud800",
    b"\\ud83d\\ude00",
    b"\\u0000",
    b"\xff",
    b"\xc3",
    b"\xf0\x9f",
    b"\0",
    b"\n",
    b"%40",
    b"%",
    b"crn://",
    b"User:",
];

/// Members that leave an event an event, which then goes deeper into the program.
const MEMBERS: &[&[u8]] = &[
    b"\"email\":\"a@b.c\",",
    b"\"d\\u0061ta\":{\"methodName\":1},",
    b"\"data\":{\"clientAddress\":[{\"ip\":\"::1\"},[\"/10.0.0.1:80\"]],\"request\":{\"data\":[1e9,true]}},",
    b"\"type\":\"io.confluent.kafka.server/authorization\",",
    b"\"deep\":[[[{\"principal\":[{\"resourceId\":7}]}]]],",
];

const CONDITIONS: [&str; 6] = [
    r#"method == "mds.Authorize" && outcome == "success" && principal != "u-0""#,
    r#"denied || verb in ["create", "delete"]"#,
    r#"client_ip.exists(ip, inCidr(ip, "10.0.0.0/8")) || resource.startsWith("sensitive-")"#,
    r#"has(event.data.request) && event.data.request.accessType == "READ_ONLY""#,
    r#"event.data.authorizationInfo.granted == false"#,
    r#"email.matches("[a-z]+@") || !has(environment)"#,
];

fn number_from_environment(name: &str) -> Option<u64> {
    #[allow(clippy::disallowed_methods, reason = "a switch of the test itself")]
    std::env::var(name).ok()?.parse().ok()
}

fn mutated(seed: u64, corpus: &[&str]) -> Vec<u8> {
    let mut rng = Rng::with_seed(seed);
    let mut bytes = corpus[rng.usize(..corpus.len())].as_bytes().to_vec();
    for _ in 0..rng.usize(1..5) {
        let (one, other) = (rng.usize(..=bytes.len()), rng.usize(..=bytes.len()));
        let (start, end) = (one.min(other), one.max(other).min(one.min(other) + 200));
        match rng.u8(..10) {
            0 if start < bytes.len() => bytes[start] = rng.u8(..),
            1 => drop(bytes.drain(start..end)),
            2 => {
                let piece = bytes[start..end].to_vec();
                bytes.splice(start..start, piece);
            }
            3 => {
                let donor = corpus[rng.usize(..corpus.len())].as_bytes();
                let from = rng.usize(..donor.len());
                let piece = donor[from..donor.len().min(from + 200)].to_vec();
                bytes.splice(start..end, piece);
            }
            4 => bytes.truncate(end),
            5 => drop(bytes.splice(start..start, PIECES[rng.usize(..PIECES.len())].iter().copied())),
            // Behind the first brace, or behind that of some other object.
            _ => {
                let braces: Vec<usize> = memchr::memmem::find_iter(&bytes, b"{\"").collect();
                if !braces.is_empty() {
                    let at = braces[rng.usize(..braces.len())] + 1;
                    bytes.splice(at..at, MEMBERS[rng.usize(..MEMBERS.len())].iter().copied());
                }
            }
        }
    }
    bytes
}

/// The value as `serde_json` would hold it.
fn rebuilt(value: Handle<'_>) -> Value {
    match value.kind() {
        Kind::Object => {
            let member = |child: Handle<'_>| (child.key().expect("a member").into_owned(), rebuilt(child));
            Value::Object(value.children().map(member).collect())
        }
        Kind::Array => value.children().map(rebuilt).collect(),
        Kind::String => value.text().expect("a string").into_owned().into(),
        Kind::Number | Kind::Bool(_) | Kind::Null => serde_json::from_slice(value.raw()).expect("a scalar"),
    }
}

/// Returns whether both read an event.
fn assert_read_as_serde_json_reads_it(bytes: &[u8], tape: &mut Tape) -> bool {
    match (tape.read(bytes), serde_json::from_slice::<Value>(bytes)) {
        (None, Ok(expected)) => assert!(!expected.is_object(), "not taken"),
        (None, Err(_)) => {}
        (Some(document), Ok(expected)) => {
            assert_eq!(rebuilt(document.root()), expected);
            assert_eq!(rebuilt(document.for_many_texts().root()), expected);
            return true;
        }
        // Numbers have no limit in JSON, and who does not recurse can allow more nesting.
        (Some(_), Err(error)) => {
            let error = error.to_string();
            assert!(error.contains("out of range") || error.contains("recursion limit"), "{error}");
        }
    }
    false
}

/// A view with an index says what one without says.
fn assert_views_agree(bytes: &[u8], conditions: &[Condition]) {
    let (mut one, mut other) = (Tape::default(), Tape::default());
    let (Some(document), Some(same)) = (one.read(bytes), other.read(bytes)) else { return };
    let same = same.for_many_texts();
    let (view, indexed) = (View::new(&document), View::of_many_fields(&same));
    for field in Field::ALL.iter().copied() {
        assert_eq!(view.text(field), indexed.text(field), "{}", field.as_str());
        let (mut all, mut indexed_all) = (Vec::new(), Vec::new());
        view.each(field, &mut |text| all.push(text.into_owned()));
        indexed.each(field, &mut |text| indexed_all.push(text.into_owned()));
        assert_eq!(all, indexed_all, "{}", field.as_str());
        assert_eq!(document.met_repeated(), same.met_repeated(), "{}", field.as_str());
    }
    let subject = Subject { view, topic: "audit" };
    for condition in conditions {
        // Faults are answers, too.
        std::hint::black_box(condition.holds(&subject).is_ok());
    }
}

/// Says on failure with what.
struct Failing<'b> {
    seed: u64,
    bytes: &'b [u8],
}

impl Drop for Failing<'_> {
    #[allow(clippy::print_stderr, reason = "whoever reads a failure needs the seed")]
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("FUZZ_SEED={} FUZZ_CASES=1\n{}", self.seed, String::from_utf8_lossy(self.bytes));
        }
    }
}

/// Every kind of treatment and every model.
fn chains() -> Vec<Chain> {
    let places = [Place::Member("m".into()), Place::Event { raw: false }, Place::Event { raw: true }];
    let mapped = [Model::Cim, Model::Ocsf, Model::Ecs].into_iter().zip(places);
    let mut chains: Vec<Chain> = mapped.map(|(to, place)| chain(to, place, Some(Treatment::Truncate))).collect();
    let treatments = [Treatment::Drop, Treatment::Mask { keep_last: 2 }, Treatment::Replace("\"R\\".into())];
    chains.extend(treatments.map(|treatment| {
        let step = StepConfig {
            classes: vec![Class::Email, Class::ClientIp, Class::Principal, Class::CredentialId, Class::Payload],
            keep_members: vec!["name".to_owned()],
            paths: Vec::new(),
            patterns: Vec::new(),
            treatment,
        };
        let redact = RedactConfig { steps: vec![step], ..RedactConfig::default() };
        Chain::new(&ChainConfig { redact, ..ChainConfig::default() })
    }));
    chains
}

#[test]
fn whatever_the_bytes_are_nothing_breaks_and_what_leaves_is_json() {
    let cases = number_from_environment("FUZZ_CASES").unwrap_or(CASES);
    let first = number_from_environment("FUZZ_SEED").unwrap_or_else(|| fastrand::u64(..1 << 48));
    let corpus: Vec<&str> = CORPUS.lines().filter(|line| !line.is_empty()).collect();
    let compiled =
        CONDITIONS.map(|text| Condition::compile(text).unwrap_or_else(|problems| unreachable!("{problems:?}")).0);
    let (mut chains, mut tape, mut events) = (chains(), Tape::default(), 0u64);
    for seed in first..first + cases {
        let bytes = mutated(seed, &corpus);
        let _failing = Failing { seed, bytes: &bytes };
        let is_event = assert_read_as_serde_json_reads_it(&bytes, &mut tape);
        events += u64::from(is_event);
        assert_views_agree(&bytes, &compiled);
        for chain in &mut chains {
            let record = Record { value: Some(&bytes), ..record("") };
            if let Verdict::Cleared(cleared) = chain.clear(record) {
                let value = cleared.record().value.expect("it has one");
                let is_json = serde_json::from_slice::<Value>(value).is_ok_and(|value| value.is_object());
                assert!(!is_event || is_json, "{}", String::from_utf8_lossy(value));
            }
        }
    }
    #[allow(clippy::print_stderr, reason = "the record of a long run")]
    {
        eprintln!("{cases} mutants from seed {first}, {events} of them events");
    }
    assert!(cases < 100 || events > cases / 10, "too few of the mutants are events: {events}");
}
