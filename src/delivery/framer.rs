//! Compresses a batch while it is filled: what is complete is held compressed, as frames of Zstandard.
//!
//! For sinks whose batches stay open for minutes. Each frame can be read by itself, and one behind the other they are a valid stream
//! (RFC 8878, section 3), so a batch's body is simply all its frames. Each has a checksum.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use zstd::bulk::Compressor;
use zstd::zstd_safe::CParameter;

use super::body::Body;
use crate::defaults::FRAME_BYTES;

/// The compressor of all batches of a pipeline: its tables take some megabytes, whatever the number of open batches.
pub(super) type SharedCompressor = Arc<Mutex<Compressor<'static>>>;

/// # Errors
/// There is no such level.
pub(super) fn compressor(level: i32) -> std::io::Result<SharedCompressor> {
    let mut compressor = Compressor::new(level)?;
    compressor.set_parameter(CParameter::ChecksumFlag(true))?;
    Ok(Arc::new(Mutex::new(compressor)))
}

pub(super) struct Framer {
    compressor: SharedCompressor,
    frames: Vec<u8>,
    /// Bytes that the frames stand for.
    framed: usize,
}

impl Framer {
    pub(super) fn new(compressor: &SharedCompressor) -> Self {
        Self { compressor: Arc::clone(compressor), frames: Vec::new(), framed: 0 }
    }

    /// Another one, for another batch.
    pub(super) fn another(&self) -> Self {
        Self::new(&self.compressor)
    }

    /// Bytes that are held compressed.
    pub(super) fn stored(&self) -> usize {
        self.frames.len()
    }

    /// Bytes that the frames stand for.
    pub(super) const fn framed(&self) -> usize {
        self.framed
    }

    /// Compresses what is there if it is enough for a frame.
    pub(super) fn settle(&mut self, tail: &mut Vec<u8>) {
        if tail.len() >= FRAME_BYTES {
            self.frame(tail);
        }
    }

    fn frame(&mut self, tail: &mut Vec<u8>) {
        let mut compressor = self.compressor.lock().unwrap_or_else(PoisonError::into_inner);
        let frame = compressor.compress(tail).expect("memory is the only thing that compressing in memory needs");
        self.frames.extend_from_slice(&frame);
        self.framed += tail.len();
        tail.clear();
    }

    /// The whole body: the frames and what was left over. The next one begins anew.
    pub(super) fn finish(&mut self, tail: &mut Vec<u8>) -> Body {
        if !tail.is_empty() {
            self.frame(tail);
        }
        let mut frames = std::mem::take(&mut self.frames);
        frames.shrink_to_fit();
        Body::Frames { bytes: Bytes::from(frames), plain_len: std::mem::take(&mut self.framed) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_one_behind_the_other_give_back_what_went_in() {
        let mut framer = Framer::new(&compressor(3).unwrap());
        let (mut tail, mut all) = (Vec::new(), Vec::new());
        for n in 0..60_000 {
            let line = format!("{{\"o\":{n},\"e\":{{\"name\":\"event {}\"}}}}\n", n % 7);
            tail.extend_from_slice(line.as_bytes());
            all.extend_from_slice(line.as_bytes());
            framer.settle(&mut tail);
        }
        assert!(framer.framed() >= FRAME_BYTES && framer.stored() < framer.framed() / 5 && tail.len() < FRAME_BYTES);
        let body = framer.finish(&mut tail);
        assert_eq!(body.to_plain(), all);
        let Body::Frames { bytes, plain_len } = &body else { panic!("frames") };
        assert_eq!((*plain_len, tail.len(), framer.stored(), framer.framed()), (all.len(), 0, 0, 0));
        let mut flipped = bytes.to_vec();
        let middle = flipped.len() / 2;
        flipped[middle] ^= 1;
        assert!(zstd::decode_all(&flipped[..]).is_err(), "the checksum notices a changed bit");
    }
}
