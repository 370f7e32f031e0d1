//! Where the bytes are that end or interrupt a JSON string: quotation marks, backslashes and control characters.
//!
//! A payload is turned into one bit per byte, 64 bytes at a time, by loops without branches that the compiler turns
//! into vector instructions. The walker then goes from bit to bit instead of from byte to byte. A window of a few
//! kilobytes is marked at once and lives on the stack; a longer payload refills it.
//!
//! Marks outside strings (control characters used as white space) are bits too: [`Marks::skip_to`] passes them.

/// Blocks of 64 bytes per window: 2 KiB, above the size of nearly every audit event.
const BLOCKS: usize = 32;

/// The bits of one window.
pub(super) type Window = [u64; BLOCKS];

/// All bits clear; [`Marks::new`] fills it.
pub(super) const EMPTY: Window = [0; BLOCKS];

/// A cursor over the marks of a payload, in ascending order.
pub(super) struct Marks<'a, 'w> {
    bytes: &'a [u8],
    window: &'w mut Window,
    /// Index of the current block within the window.
    block: usize,
    /// Position of the current block's first byte within the payload.
    base: usize,
    /// The current block's marks that were not taken yet.
    bits: u64,
    /// Bit 7 of any of its bytes is set when a byte of the marked windows is not ASCII.
    high: u64,
}

impl<'a, 'w> Marks<'a, 'w> {
    #[inline(always)]
    pub(super) fn new(bytes: &'a [u8], window: &'w mut Window) -> Self {
        let high = fill(bytes, window);
        let bits = window[0];
        Self { bytes, window, block: 0, base: 0, bits, high }
    }

    /// Position of the next mark; it counts as taken.
    #[inline(always)]
    pub(super) fn take(&mut self) -> Option<usize> {
        self.find()?;
        let position = self.base + self.bits.trailing_zeros() as usize;
        self.bits &= self.bits - 1;
        Some(position)
    }

    /// Takes the next mark without asking where it is.
    #[inline(always)]
    pub(super) fn skip(&mut self) -> Option<()> {
        self.find()?;
        self.bits &= self.bits - 1;
        Some(())
    }

    /// Takes all marks up to and including the one at `position`, which must be a mark not yet taken.
    #[inline(always)]
    pub(super) fn skip_to(&mut self, position: usize) -> Option<()> {
        while self.take()? != position {}
        Some(())
    }

    /// Whether all bytes are ASCII. Only final when the whole payload was walked.
    #[inline(always)]
    pub(super) fn ascii(&self) -> bool {
        self.high & (ONES * 0x80) == 0
    }

    /// Goes on to the next block that has a mark left.
    #[inline(always)]
    fn find(&mut self) -> Option<()> {
        while self.bits == 0 {
            self.base += 64;
            self.block += 1;
            if self.block == BLOCKS {
                self.high |= fill(self.bytes.get(self.base..)?, self.window);
                self.block = 0;
            }
            self.bits = self.window[self.block];
        }
        Some(())
    }
}

const ONES: u64 = 0x0101_0101_0101_0101;

/// Marks the first blocks of `bytes` and gives back all bytes or-ed together.
#[inline(never)]
fn fill(bytes: &[u8], window: &mut Window) -> u64 {
    let (blocks, tail) = bytes.as_chunks::<64>();
    let mut high = 0;
    for (bits, block) in window.iter_mut().zip(blocks) {
        *bits = mark(block);
        high |= fold(block);
    }
    if let Some(rest) = window.get_mut(blocks.len()..)
        && let Some((last, unused)) = rest.split_first_mut()
    {
        let mut block = [b' '; 64];
        block[..tail.len()].copy_from_slice(tail);
        *last = mark(&block);
        high |= fold(&block);
        unused.fill(0);
    }
    high
}

/// Bit `k / 8` at index `k`: eight bytes with these weights, or-ed together, hold 64 answers in transposed order.
const WEIGHTS: [u8; 64] = {
    let mut weights = [0; 64];
    let mut k = 0;
    while k < 64 {
        weights[k] = 1 << (k / 8);
        k += 1;
    }
    weights
};

/// Bit `k` is set when byte `k` is a quotation mark, a backslash or a control character.
#[inline(always)]
fn mark(block: &[u8; 64]) -> u64 {
    let mut hits = [0u8; 64];
    for k in 0..64 {
        // Exclusive-or with 2 maps the control characters onto themselves and the quotation mark to 0x20, next to them.
        let hit = ((block[k] ^ 2) <= 0x20) | (block[k] == b'\\');
        hits[k] = if hit { WEIGHTS[k] } else { 0 };
    }
    transpose(fold(&hits))
}

/// All groups of eight bytes or-ed together.
#[inline(always)]
fn fold(block: &[u8; 64]) -> u64 {
    block.as_chunks().0.iter().fold(0, |all, group| all | u64::from_le_bytes(*group))
}

/// Transposes 8 by 8 bits: blocks of 1, 2 and 4 change places across the diagonal (Warren, Hacker's Delight, 7-3).
#[inline(always)]
fn transpose(mut bits: u64) -> u64 {
    for (distance, mask) in [(7, 0x00AA_00AA_00AA_00AA), (14, 0x0000_CCCC_0000_CCCC), (28, 0x0000_0000_F0F0_F0F0)] {
        let moved = (bits ^ (bits >> distance)) & mask;
        bits ^= moved ^ (moved << distance);
    }
    bits
}

#[cfg(test)]
mod tests {
    use super::*;

    fn by_hand(bytes: &[u8]) -> Vec<usize> {
        (0..bytes.len()).filter(|&i| matches!(bytes[i], b'"' | b'\\' | 0..=0x1f)).collect()
    }

    #[test]
    fn every_byte_value_at_every_place_of_a_block_is_marked_as_it_should_be() {
        for place in 0..64 {
            for byte in 0..=255 {
                let mut block = [b'a'; 64];
                block[place] = byte;
                let expected = if by_hand(&[byte]).is_empty() { 0 } else { 1 << place };
                assert_eq!(mark(&block), expected, "byte {byte:#x} at {place}");
            }
        }
    }

    #[test]
    fn marks_come_in_order_across_blocks_and_windows_whatever_the_length() {
        let bytes: Vec<u8> = (0..5000u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
        for length in (0..200).chain([2047, 2048, 2049, 4096, 5000]) {
            let mut window = EMPTY;
            let mut marks = Marks::new(&bytes[..length], &mut window);
            let found: Vec<usize> = std::iter::from_fn(|| marks.take()).collect();
            assert_eq!(found, by_hand(&bytes[..length]), "length {length}");
        }
    }

    #[test]
    fn a_byte_beyond_ascii_is_noticed_in_any_window() {
        for place in [0, 63, 64, 2047, 2048, 4999] {
            let mut bytes = vec![b'a'; 5000];
            bytes[place] = 0x80;
            let mut window = EMPTY;
            let mut marks = Marks::new(&bytes, &mut window);
            assert_eq!(marks.take(), None);
            assert!(!marks.ascii(), "place {place}");
        }
    }
}
