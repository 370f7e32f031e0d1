//! Looks for canaries in what leaves, decoded in another way than redaction does it.

/// Undoes escapes until nothing changes any more, in another way than redaction does.
fn laid_bare(bytes: &[u8]) -> String {
    let mut text = String::from_utf8_lossy(bytes).into_owned();
    for _ in 0..8 {
        if !text.contains(['\\', '%']) {
            break;
        }
        let mut bare = Vec::with_capacity(text.len());
        let mut rest = text.as_bytes();
        while let Some((first, after)) = rest.split_first() {
            let hex = |digits: &[u8]| u32::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok();
            rest = after;
            match (first, after) {
                (b'%', [a, b, after @ ..]) => match hex(&[*a, *b]).and_then(|byte| u8::try_from(byte).ok()) {
                    Some(byte) => {
                        bare.push(byte);
                        rest = after;
                    }
                    None => bare.push(b'%'),
                },
                (b'\\', [b'u', a, b, c, d, after @ ..]) => match hex(&[*a, *b, *c, *d]).and_then(char::from_u32) {
                    Some(c) => {
                        bare.extend_from_slice(c.to_string().as_bytes());
                        rest = after;
                    }
                    None => bare.push(b'\\'),
                },
                (b'\\', [_, ..]) => {}
                _ => bare.push(*first),
            }
        }
        text = String::from_utf8_lossy(&bare).into_owned();
    }
    text.to_lowercase()
}

pub(super) fn assert_none_left(what: &[u8], canaries: &[String], seed: u64, event: &str) {
    let bare = laid_bare(what);
    for canary in canaries {
        assert!(
            !bare.contains(canary.as_str()),
            "seed {seed}: {canary} is left in\n{}\nof\n{event}",
            String::from_utf8_lossy(what)
        );
    }
}
