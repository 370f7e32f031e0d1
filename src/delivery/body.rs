//! The encoded bytes of a batch, held plain or compressed.

use std::io::{Read, Write};

use bytes::Bytes;
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;

/// Level 1: on audit events it is within a few per cent of the size of higher levels at a third of their time.
const LEVEL: Compression = Compression::fast();

#[derive(Debug)]
pub(super) enum Body {
    Plain(Bytes),
    Gzip(Bytes),
}

impl Body {
    pub(super) fn plain(bytes: Vec<u8>) -> Self {
        Self::Plain(Bytes::from(bytes))
    }

    pub(super) fn len(&self) -> usize {
        match self {
            Self::Plain(bytes) | Self::Gzip(bytes) => bytes.len(),
        }
    }

    /// The uncompressed bytes; costs a decompression when the body is held compressed.
    pub(super) fn to_plain(&self) -> Bytes {
        match self {
            Self::Plain(bytes) => bytes.clone(),
            Self::Gzip(bytes) => {
                let mut plain = Vec::with_capacity(bytes.len() * 8);
                // Compressed by ourselves a moment ago, in memory: there is nothing that could be wrong with it.
                GzDecoder::new(&bytes[..]).read_to_end(&mut plain).map(|_| Bytes::from(plain)).unwrap_or_default()
            }
        }
    }
}

pub(super) fn gzip(plain: &[u8]) -> Bytes {
    let mut encoder = GzEncoder::new(Vec::with_capacity(plain.len() / 8 + 64), LEVEL);
    // Writing to memory cannot fail.
    match encoder.write_all(plain).and_then(|()| encoder.finish()) {
        Ok(mut compressed) => {
            // It may be held for minutes, and what is held is what counts.
            compressed.shrink_to_fit();
            Bytes::from(compressed)
        }
        Err(_) => Bytes::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_compressed_body_gives_back_what_went_in() {
        let text = b"{\"event\":1}\n".repeat(1000);
        let compressed = Body::Gzip(gzip(&text));
        assert!(compressed.len() < text.len() / 10);
        assert_eq!(compressed.to_plain(), text);
    }
}
