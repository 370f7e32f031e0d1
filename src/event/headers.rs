//! Record headers in one flat buffer, so that carrying them costs no allocation per record.
//!
//! Form: for each header a little-endian `u32` name length, the name, an `i32` value length (-1 for a null value), the value.

/// Appends one header.
pub fn push(buffer: &mut Vec<u8>, name: &str, value: Option<&[u8]>) {
    let name_len = u32::try_from(name.len()).unwrap_or(u32::MAX);
    buffer.extend_from_slice(&name_len.to_le_bytes());
    buffer.extend_from_slice(name.as_bytes());
    match value {
        Some(value) => {
            buffer.extend_from_slice(&i32::try_from(value.len()).unwrap_or(i32::MAX).to_le_bytes());
            buffer.extend_from_slice(value);
        }
        None => buffer.extend_from_slice(&(-1i32).to_le_bytes()),
    }
}

/// The headers in a buffer, in their order. Ends early at a malformed length, which [`push`] never writes.
pub fn iter(buffer: &[u8]) -> impl Iterator<Item = (&str, Option<&[u8]>)> {
    let mut rest = buffer;
    std::iter::from_fn(move || {
        let (name_len, tail) = rest.split_first_chunk::<4>()?;
        let name_len = usize::try_from(u32::from_le_bytes(*name_len)).ok()?;
        let (name, tail) = tail.split_at_checked(name_len)?;
        let (value_len, tail) = tail.split_first_chunk::<4>()?;
        let (value, tail) = match usize::try_from(i32::from_le_bytes(*value_len)) {
            Ok(len) => tail.split_at_checked(len).map(|(value, tail)| (Some(value), tail))?,
            Err(_) => (None, tail),
        };
        rest = tail;
        Some((std::str::from_utf8(name).ok()?, value))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_come_back_in_order_with_null_and_empty_values() {
        let mut buffer = Vec::new();
        let headers: [(&str, Option<&[u8]>); 3] =
            [("content-type", Some(b"application/json")), ("n", None), ("", Some(b""))];
        for (name, value) in headers {
            push(&mut buffer, name, value);
        }
        assert_eq!(iter(&buffer).collect::<Vec<_>>(), headers);
        assert_eq!(iter(&buffer[..buffer.len() - 1]).count(), 2, "a torn header is not invented");
        assert_eq!(iter(&[]).count(), 0);
    }
}
