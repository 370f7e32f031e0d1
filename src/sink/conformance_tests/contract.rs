//! What the trait says about encoding: refused events leave no trace, a payload can be found again, and events are cut apart
//! where they were put together.

use std::sync::Arc;

use super::{Subject, Target, record};
use crate::event::Cleared;
use crate::sink::PayloadAt;

/// Payloads that could end their place, or that are none.
fn payloads() -> Vec<Option<Vec<u8>>> {
    let texts = [
        "",
        " ",
        "\n",
        "{}",
        "[]",
        "null",
        "7",
        "\"text\"",
        "text",
        r#"{"a":1}"#,
        "{\n  \"a\": 1\r\n}",
        r#"{"a":1}}"#,
        r#"{"a":1},{"b":2}"#,
        r#"{"a":1}]"#,
        r#"{"a":"#,
        r#"{"a":1,"a":2}"#,
        r#"{"a":"\ud800"}"#,
        "{\"a\":\"\u{2028}<!channel>\"}",
        r#"{"a":"\u0000\r\nX: y"}"#,
        "two\nlines\r\n\r\nHTTP/1.1 200 OK",
        "\u{feff}{}",
        r#"{"specversion":"1.0","id":"1\n\n2","source":"s","type":"t","data":{"n":1}}"#,
        r#"{"specversion":"1.0","id":"1","source":"s","type":"t","id":"2"}"#,
    ];
    let deep = format!("{}{}", "[".repeat(600), "]".repeat(600));
    let bytes = [Some(deep.into_bytes()), Some(vec![0xff, 0xfe]), Some(b"{\"a\":\"\xff\"}".to_vec()), None];
    texts.iter().map(|text| Some(text.as_bytes().to_vec())).chain(bytes).collect()
}

pub(in crate::sink) fn encoding(subject: Arc<dyn Subject>) {
    let sink = subject.sink(&Target::new("http://127.0.0.1:1"));
    let mut out = b"before".to_vec();
    let mut refused = 0;
    for (offset, payload) in (0..).zip(payloads()) {
        let begin = out.len();
        let event = Cleared::from_chain(record(offset, payload.as_deref()));
        match sink.encode(&event, &mut out) {
            Err(failure) => {
                refused += 1;
                assert_eq!(out.len(), begin, "what was refused leaves no trace: {failure}");
                assert!(!failure.detail.is_empty());
            }
            Ok(at) => {
                assert!(out.len() > begin);
                assert_found(&out[begin..], at, payload.as_deref().unwrap());
                let mut again = Vec::new();
                sink.encode(&event, &mut again).unwrap();
                assert_eq!(again, &out[begin..], "an event is encoded in the same way wherever it stands");
            }
        }
    }
    assert!(out.starts_with(b"before"));
    assert!(refused >= 3, "no value, none, and what is not text");
}

fn assert_found(encoded: &[u8], at: PayloadAt, payload: &[u8]) {
    let part = |start: u32, len: u32| &encoded[start as usize..(start + len) as usize];
    match at {
        PayloadAt::Verbatim { start, len } => assert_eq!(part(start, len), payload),
        PayloadAt::JsonString { start, len } => {
            let text: String = serde_json::from_slice(part(start, len)).unwrap();
            assert_eq!(text.as_bytes(), payload);
        }
        PayloadAt::BehindBrace { start, len } => assert_eq!([b"{", part(start, len)].concat(), payload),
        PayloadAt::Elsewhere => {}
    }
}
