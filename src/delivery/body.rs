//! The encoded bytes of a batch, held plain or compressed.

use std::cell::Cell;
use std::io::{Read, Write};
use std::sync::Arc;

use bytes::Bytes;
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;

use super::pool::Pool;

/// Level 1: on audit events it is within a few per cent of the size of higher levels at a third of their time.
const LEVEL: Compression = Compression::fast();

#[derive(Debug)]
pub(super) enum Body {
    Plain(Bytes),
    Gzip(Bytes),
    /// Frames of Zstandard, and how many bytes they stand for.
    Frames {
        bytes: Bytes,
        plain_len: usize,
    },
}

impl Body {
    pub(super) fn plain(bytes: Vec<u8>) -> Self {
        Self::Plain(Bytes::from(bytes))
    }

    /// Bytes as they are held.
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Plain(bytes) | Self::Gzip(bytes) | Self::Frames { bytes, .. } => bytes.len(),
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
            // As above.
            Self::Frames { bytes, .. } => zstd::decode_all(&bytes[..]).map(Bytes::from).unwrap_or_default(),
        }
    }
}

/// What one huge event took is not kept.
const SCRATCH_MAX: usize = 4 << 20;

thread_local! {
    /// Where compressed bytes grow; what is held is a copy of about their size.
    static SCRATCH: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// Compressed bytes, and how much memory they take.
pub(super) fn gzip(plain: &[u8], pool: &Arc<Pool>) -> (Bytes, usize) {
    let mut scratch = SCRATCH.take();
    scratch.clear();
    let mut encoder = GzEncoder::new(scratch, LEVEL);
    // Writing to memory cannot fail.
    match encoder.write_all(plain).and_then(|()| encoder.finish()) {
        Ok(compressed) => {
            let held = pool.copy(&compressed);
            if compressed.capacity() <= SCRATCH_MAX {
                SCRATCH.set(compressed);
            }
            held
        }
        Err(_) => (Bytes::new(), 0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_compressed_body_gives_back_what_went_in() {
        let text = b"{\"event\":1}\n".repeat(1000);
        let compressed = Body::Gzip(gzip(&text, &Pool::new(0)).0);
        assert!(matches!(&compressed, Body::Gzip(bytes) if bytes.len() < text.len() / 10));
        assert_eq!(compressed.to_plain(), text);
    }

    #[test]
    fn the_memory_for_compressing_is_used_again_unless_a_huge_event_took_it() {
        let kept = || {
            let scratch = SCRATCH.take();
            let capacity = scratch.capacity();
            SCRATCH.set(scratch);
            capacity
        };
        let pool = Pool::new(0);
        drop(gzip(b"text", &pool));
        assert!(kept() > 0);
        let mut noise = vec![0; SCRATCH_MAX + 1];
        fastrand::Rng::with_seed(1).fill(&mut noise);
        assert!(gzip(&noise, &pool).0.len() > SCRATCH_MAX, "noise does not shrink");
        assert_eq!(kept(), 0);
    }
}
