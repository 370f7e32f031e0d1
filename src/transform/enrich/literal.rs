//! JSON members and strings, written without allocation.

/// `"name":value`, behind a comma if it is not the first since `begin`.
pub(super) fn push_member(out: &mut String, begin: usize, name: &str, value: impl FnOnce(&mut String)) {
    if out.len() > begin {
        out.push(',');
    }
    push_string(out, name);
    out.push(':');
    value(out);
}

/// A JSON string literal with its quotation marks.
pub(super) fn push_string(out: &mut String, text: &str) {
    out.push('"');
    if text.bytes().all(|byte| byte >= 0x20 && byte != b'"' && byte != b'\\') {
        out.push_str(text);
    } else {
        for c in text.chars() {
            match c {
                '"' => out.push_str("\\\""),
                '\\' => out.push_str("\\\\"),
                '\0'..='\x1f' => push_escaped(out, c),
                _ => out.push(c),
            }
        }
    }
    out.push('"');
}

/// A control character as `\u00XX`.
fn push_escaped(out: &mut String, c: char) {
    const HEX: [char; 16] = ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f'];
    let code = c as usize;
    out.push_str("\\u00");
    out.push(HEX[(code >> 4) & 15]);
    out.push(HEX[code & 15]);
}

pub(super) fn push_list(out: &mut String, texts: &[String]) {
    out.push('[');
    for (at, text) in texts.iter().enumerate() {
        if at > 0 {
            out.push(',');
        }
        push_string(out, text);
    }
    out.push(']');
}
