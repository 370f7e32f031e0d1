//! Numbers and strings as JSON, and text as a part of an address, written without allocation.

const MICROS: u64 = 1_000_000;

/// `1623091780.331000`: a plain number with six decimals.
#[inline]
pub(super) fn push_seconds(out: &mut Vec<u8>, micros: u64) {
    push_number(out, micros / MICROS);
    // A leading one keeps the zeros; the point takes its place.
    let point = out.len();
    push_number(out, MICROS + micros % MICROS);
    out[point] = b'.';
}

#[inline]
pub(super) fn push_number(out: &mut Vec<u8>, number: impl itoa::Integer) {
    out.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
}

/// A JSON string literal with its quotes.
#[inline]
pub(super) fn push_string(out: &mut Vec<u8>, text: &str) {
    if text.bytes().all(|byte| byte >= 0x20 && byte != b'"' && byte != b'\\') {
        out.push(b'"');
        out.extend_from_slice(text.as_bytes());
        out.push(b'"');
    } else {
        serde_json::to_writer(out, text).expect("writing a string to memory cannot fail");
    }
}

/// `"name":"text",`
pub(super) fn push_member(out: &mut Vec<u8>, name: &str, text: &str) {
    push_string(out, name);
    out.push(b':');
    push_string(out, text);
    out.push(b',');
}

/// Text as the value of a query parameter: everything but unreserved characters (RFC 3986, section 2.3) by its bytes.
pub(super) fn push_escaped(out: &mut Vec<u8>, text: &str) {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(byte);
        } else {
            out.extend_from_slice(&[b'%', HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_in_full() {
        for number in [0, 7, 10, 99, 1_000_000, i64::MAX, i64::MIN, -1] {
            let mut out = Vec::new();
            push_number(&mut out, number);
            assert_eq!(String::from_utf8(out).unwrap(), number.to_string());
        }
    }

    #[test]
    fn text_in_an_address_cannot_end_its_parameter() {
        let mut out = Vec::new();
        push_escaped(&mut out, "a-Z_0.~ &=#?+%/ü\n");
        assert_eq!(String::from_utf8(out).unwrap(), "a-Z_0.~%20%26%3D%23%3F%2B%25%2F%C3%BC%0A");
    }
}
