//! Text as a part of JSON.

/// A JSON string literal with its quotes.
pub(super) fn push_string(out: &mut Vec<u8>, text: &str) {
    serde_json::to_writer(out, text).expect("writing a string to memory cannot fail");
}

/// What stands between the quotes of a JSON string literal.
pub(super) fn push_text(out: &mut Vec<u8>, text: &str) {
    let begin = out.len();
    push_string(out, text);
    out.pop();
    out.remove(begin);
}
