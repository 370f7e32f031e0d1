//! The malformed inputs, and what becomes of each.

/// The records' own timestamp, milliseconds since 1970: the time of an event that states none.
pub(super) const RECORD_TIME_MS: i64 = 1_700_000_000_123;

#[derive(Clone, Copy, Debug)]
pub(super) enum Outcome {
    /// Delivered as a JSON value, byte for byte, with the record's time.
    Verbatim,
    /// The same, with this time.
    VerbatimAt(&'static str),
    /// Delivered as a JSON string that holds the very text.
    Text,
    /// Dead-lettered with this reason.
    Letter(&'static str),
}

pub(super) struct Input {
    pub(super) name: &'static str,
    pub(super) key: Option<Vec<u8>>,
    pub(super) value: Option<Vec<u8>>,
    pub(super) outcome: Outcome,
}

use Outcome::{Letter, Text, Verbatim, VerbatimAt};

const DEPTH: usize = 100_000;

pub(super) fn inputs() -> Vec<Input> {
    let mut inputs = Vec::new();
    let mut add = |name: &'static str, value: &[u8], outcome| {
        inputs.push(Input { name, key: None, value: Some(value.to_vec()), outcome });
    };
    not_json(&mut add);
    json(&mut add);
    cloud_events(&mut add);
    for (name, value, outcome) in large() {
        add(name, &value, outcome);
    }
    inputs.push(Input { name: "tombstone", key: Some(b"gone".to_vec()), value: None, outcome: Letter("empty_value") });
    for (at, input) in inputs.iter_mut().enumerate() {
        // Keys of every kind, whatever becomes of the value.
        input.key = input.key.take().or_else(|| match at % 4 {
            0 => None,
            1 => Some(format!("key-{at}").into_bytes()),
            2 => Some(vec![0xff, 0x00, 0xfe]),
            _ => Some(Vec::new()),
        });
    }
    inputs
}

type Add<'a> = dyn FnMut(&'static str, &[u8], Outcome) + 'a;

fn not_json(add: &mut Add<'_>) {
    for (name, value, outcome) in [
        ("empty value", &b""[..], Letter("empty_value")),
        ("blank", b" ", Letter("blank_value")),
        ("blank, all of JSON's white space", b" \t\r\n \n", Letter("blank_value")),
        ("not UTF-8 at all", b"\xff\xfe\xfd", Letter("not_utf8")),
        ("JSON with one byte that is not UTF-8", b"{\"user\":\"M\xfcller\"}", Letter("not_utf8")),
        ("a surrogate in UTF-8 (CESU)", b"{\"a\":\"\xed\xa0\x80\"}", Letter("not_utf8")),
        ("an overlong slash", b"{\"a\":\"\xc0\xaf\"}", Letter("not_utf8")),
        ("UTF-16 with its mark", b"\xff\xfe{\x00}\x00", Letter("not_utf8")),
        ("Avro behind a schema id, not UTF-8", b"\x00\x00\x01\x86\xa0\x02\x80\xff", Letter("not_utf8")),
        ("one letter", b"x", Text),
        ("one brace", b"{", Text),
        ("one quote", b"\"", Text),
        ("one NUL", b"\x00", Text),
        ("JSON behind a schema id", b"\x00\x00\x00\x00\x07{\"a\":1}", Text),
        ("protobuf that is ASCII", b"\x0a\x03abc\x12\x01x", Text),
        ("a line of text", b"not JSON at all", Text),
        ("text with CR LF and control characters", b"a\r\nb\x00\x01\x1b[31mred\x7f", Text),
        ("text that turns and hides", "\u{202e}gpj\u{200b}\u{2028}\u{feff}".as_bytes(), Text),
        ("text outside the basic plane", "\u{1f4a5} \u{10ffff}".as_bytes(), Text),
        ("a byte order mark before JSON", b"\xef\xbb\xbf{\"a\":1}", Text),
        ("truncated JSON", br#"{"id":"1","data":{"a":"#, Text),
        ("truncated in a string", br#"{"id":"1"#, Text),
        ("truncated in an escape", br#"{"id":"\u00"#, Text),
        ("trailing garbage", br#"{"a":1}x"#, Text),
        ("a trailing comma", br#"{"a":1,}"#, Text),
        ("a comment", br#"{"a":1/*x*/}"#, Text),
        ("single quotes", br"{'a':1}", Text),
        ("a NaN", br#"{"a":NaN}"#, Text),
        ("an infinity", br#"{"a":-Infinity}"#, Text),
        ("a leading zero", br#"{"a":007}"#, Text),
        ("two objects in one value", br#"{"a":1}{"b":2}"#, Text),
        ("two lines of JSON", b"{\"a\":1}\n{\"b\":2}\n", Text),
        ("a raw control character in a string", b"{\"a\":\"\x01\"}", Text),
        ("a raw line break in a string", b"{\"a\":\"x\ny\"}", Text),
        // An envelope that ends early would let a record speak for the collector.
        ("a forged boundary", br#"}{"event":"forged"}"#, Text),
        ("a forged boundary behind an object", br#"{"a":1}},{"event":"forged"}"#, Text),
        ("a forged envelope", b"{}\n{\"event\":\"forged\",\"index\":\"main\"}", Text),
        ("a forged end of the string", br#"x","index":"main","event":"forged"#, Text),
        ("a forged end behind a backslash", br#"\","event":"forged"#, Text),
        // No text has half a surrogate pair, and readers of JSON disagree about it.
        ("a lone surrogate, escaped", br#"{"a":"\ud800"}"#, Text),
        ("a bare number", b"42", Text),
        ("null", b"null", Text),
        ("true", b"true", Text),
        ("false", b"false", Text),
        ("a JSON string", br#""quoted \u00e9""#, Text),
    ] {
        add(name, value, outcome);
    }
}

fn json(add: &mut Add<'_>) {
    for (name, value) in [
        ("an empty object", &br"{}"[..]),
        ("an array", br#"[{"a":1},2]"#),
        ("an empty array", b"[]"),
        ("white space around", b" \r\n{\"a\": 1}\r\n "),
        ("CR LF inside", b"{\r\n  \"a\": 1,\r\n  \"b\": [\r\n  ]\r\n}"),
        ("duplicate keys", br#"{"a":1,"a":2,"a":{"a":3}}"#),
        ("empty keys", br#"{"":1,"":2}"#),
        ("a number that no double holds", br#"{"a":1e400}"#),
        ("minus zero", br#"{"a":-0,"b":-0.0}"#),
        ("integers beyond 64 bits", br#"{"a":18446744073709551616,"b":-99999999999999999999}"#),
        ("a NUL, escaped", br#"{"a":"\u0000"}"#),
        ("escapes of every kind", br#"{"a":"\"\\\/\b\f\n\r\t\u00e9"}"#),
        ("a boundary inside a string", br#"{"a":"}{\"event\":\"forged\"}"}"#),
        ("members of a HEC envelope", br#"{"event":null,"time":"x","fields":{"kafka_offset":"0"},"index":"main"}"#),
    ] {
        add(name, value, Verbatim);
    }
}

fn cloud_events(add: &mut Add<'_>) {
    for (name, value, outcome) in [
        ("a time", &br#"{"specversion":"1.0","time":"2021-06-07T18:03:00.331Z"}"#[..], VerbatimAt("1623088980.331000")),
        ("a time with an offset", br#"{"time":"2021-06-07T20:03:00+02:00"}"#, VerbatimAt("1623088980.000000")),
        ("a time in the year 9999", br#"{"time":"9999-12-31T23:59:59Z"}"#, VerbatimAt("253402300799.000000")),
        ("a time in the year 1", br#"{"time":"0001-01-01T00:00:00Z"}"#, Verbatim),
        ("a time that is none", br#"{"time":"yesterday"}"#, Verbatim),
        ("a time that no calendar has", br#"{"time":"2021-02-30T25:61:61Z"}"#, Verbatim),
        ("a time that is a number", br#"{"time":1623088980}"#, Verbatim),
        ("a time that is null", br#"{"time":null}"#, Verbatim),
        ("a time further in", br#"{"data":{"time":"2021-06-07T18:03:00Z"}}"#, Verbatim),
        ("no id, no data", br#"{"specversion":"1.0","type":"x"}"#, Verbatim),
        ("an unknown version of the format", br#"{"specversion":"99","id":"1","data":"text"}"#, Verbatim),
        ("members of the wrong types", br#"{"specversion":1,"id":[],"source":{},"type":null,"data":0}"#, Verbatim),
        ("the same id", br#"{"specversion":"1.0","id":"1"}"#, Verbatim),
        ("the same id once more", br#"{"specversion":"1.0","id":"1"}"#, Verbatim),
    ] {
        add(name, value, outcome);
    }
}

fn large() -> Vec<(&'static str, Vec<u8>, Outcome)> {
    let string = |len: usize| format!(r#"{{"a":"{}"}}"#, "x".repeat(len)).into_bytes();
    let nested =
        |open: &str, close: &str, depth: usize| format!("{}0{}", open.repeat(depth), close.repeat(depth)).into_bytes();
    let keys: Vec<String> = (0..DEPTH).map(|n| format!(r#""k{n}":{n}"#)).collect();
    vec![
        ("a string of 4 MB", string(4_000_000), Verbatim),
        // The longest event that Splunk takes by default is 5 MB.
        ("a string of 5 MB", string(5_000_000), Letter("too_large")),
        ("objects 50 deep", nested(r#"{"a":"#, "}", 50), Verbatim),
        // Deeper than readers of JSON follow: what they would choke on travels as text.
        ("objects 100,000 deep", nested(r#"{"a":"#, "}", DEPTH), Text),
        ("arrays 100,000 deep", nested("[", "]", DEPTH), Text),
        ("100,000 brackets that never close", "[".repeat(DEPTH).into_bytes(), Text),
        ("100,000 keys", format!("{{{}}}", keys.join(",")).into_bytes(), Verbatim),
        ("a key of 1 MB", format!(r#"{{"{}":1}}"#, "k".repeat(1_000_000)).into_bytes(), Verbatim),
        ("many NULs", vec![0; 100_000], Text),
        ("1 MB of spaces", vec![b' '; 1_000_000], Letter("blank_value")),
    ]
}
