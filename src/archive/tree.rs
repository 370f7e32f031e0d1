//! The hash tree over the records of a segment, as RFC 6962 §2.1 builds it, and a leaf's hash.
//!
//! A leaf does not depend on how a segment is written down, so a segment that is turned into another format can still be proved.
//! What is hashed of a record, all numbers big-endian:
//!
//! ```text
//! 0x00 "AFR1" offset:u64 opt(timestamp:i64) opt(len:u32 key) opt(len:u32 value) headers:u32 { len:u32 name opt(len:u32 value) }
//! opt(x) = 0x00 | 0x01 x
//! ```

use aws_lc_rs::digest::{Context, SHA256};

use super::{Hash, hash_of};

/// What a leaf is made of.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Leaf<'a, H> {
    pub offset: i64,
    /// Milliseconds since 1970.
    pub timestamp_ms: Option<i64>,
    pub key: Option<&'a [u8]>,
    pub value: Option<&'a [u8]>,
    /// In order, with repetitions: name and value.
    pub headers: H,
}

impl<'a, H: Iterator<Item = (&'a str, Option<&'a [u8]>)>> Leaf<'a, H> {
    pub fn hash(self) -> Hash {
        let mut context = Context::new(&SHA256);
        let mut head = [0; 22];
        head[1..5].copy_from_slice(b"AFR1");
        head[5..13].copy_from_slice(&self.offset.to_be_bytes());
        let mut len = 14;
        if let Some(timestamp) = self.timestamp_ms {
            head[13] = 1;
            head[14..].copy_from_slice(&timestamp.to_be_bytes());
            len = 22;
        }
        context.update(&head[..len]);
        optional(&mut context, self.key);
        optional(&mut context, self.value);
        // The number comes first, and headers can be counted only by walking over them.
        let mut count = 0u32;
        let mut packed = Vec::new();
        for (name, value) in self.headers {
            count += 1;
            packed.extend_from_slice(&length(name.as_bytes()));
            packed.extend_from_slice(name.as_bytes());
            packed.push(u8::from(value.is_some()));
            if let Some(value) = value {
                packed.extend_from_slice(&length(value));
                packed.extend_from_slice(value);
            }
        }
        context.update(&count.to_be_bytes());
        context.update(&packed);
        hash_of(&context.finish())
    }
}

fn optional(context: &mut Context, bytes: Option<&[u8]>) {
    match bytes {
        None => context.update(&[0]),
        Some(bytes) => {
            context.update(&[1]);
            context.update(&length(bytes));
            context.update(bytes);
        }
    }
}

/// Parts of a record are bounded by Kafka far below 4 GiB.
fn length(bytes: &[u8]) -> [u8; 4] {
    u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_be_bytes()
}

fn node(left: &Hash, right: &Hash) -> Hash {
    let mut context = Context::new(&SHA256);
    context.update(&[1]);
    context.update(left);
    context.update(right);
    hash_of(&context.finish())
}

/// The root over leaves that come one by one; holds one hash per level.
#[derive(Clone, Debug, Default)]
pub struct Root {
    /// Roots of complete subtrees, largest first, with the number of leaves of each.
    subtrees: Vec<(u64, Hash)>,
}

impl Root {
    pub fn push(&mut self, leaf: Hash) {
        let (mut size, mut hash) = (1, leaf);
        while let Some((left_size, left)) = self.subtrees.last().filter(|(left_size, _)| *left_size == size) {
            (size, hash) = (size + left_size, node(left, &hash));
            self.subtrees.pop();
        }
        self.subtrees.push((size, hash));
    }

    /// Number of leaves.
    pub fn count(&self) -> u64 {
        self.subtrees.iter().map(|(size, _)| size).sum()
    }

    /// The root; of no leaf at all the hash of nothing (RFC 6962 §2.1).
    pub fn finish(&self) -> Hash {
        let mut hashes = self.subtrees.iter().rev().map(|(_, hash)| *hash);
        let last = hashes.next().unwrap_or_else(|| super::sha256(&[]));
        hashes.fold(last, |right, left| node(&left, &right))
    }
}

/// The proof that leaf `index` is among `leaves`: the hashes beside its way up to the root, lowest first (RFC 6962 §2.1.1). `None` when
/// there is no such leaf.
pub fn inclusion_proof(leaves: &[Hash], index: usize) -> Option<Vec<Hash>> {
    if index >= leaves.len() {
        return None;
    }
    let mut proof = Vec::new();
    let (mut leaves, mut index) = (leaves, index);
    while leaves.len() > 1 {
        let (left, right) = leaves.split_at(split(leaves.len()));
        if index < left.len() {
            proof.push(root_of(right));
            leaves = left;
        } else {
            proof.push(root_of(left));
            index -= left.len();
            leaves = right;
        }
    }
    proof.reverse();
    Some(proof)
}

/// The root that this leaf and its proof lead to in a tree of `size` leaves; `None` when the proof has not the length that it must have.
pub fn root_from_proof(leaf: Hash, index: u64, size: u64, proof: &[Hash]) -> Option<Hash> {
    if index >= size {
        return None;
    }
    // Whether the sibling is on the left, from the root down.
    let (mut turns, mut index, mut size) = (Vec::new(), index, size);
    while size > 1 {
        let left = largest_power_below(size);
        let is_right = index >= left;
        turns.push(is_right);
        (index, size) = if is_right { (index - left, size - left) } else { (index, left) };
    }
    if turns.len() != proof.len() {
        return None;
    }
    let steps = proof.iter().zip(turns.into_iter().rev());
    Some(steps.fold(leaf, |hash, (beside, left)| if left { node(beside, &hash) } else { node(&hash, beside) }))
}

fn root_of(leaves: &[Hash]) -> Hash {
    let mut root = Root::default();
    leaves.iter().for_each(|leaf| root.push(*leaf));
    root.finish()
}

fn split(len: usize) -> usize {
    usize::try_from(largest_power_below(len as u64)).unwrap_or(usize::MAX)
}

/// The largest power of two smaller than `n`, which is at least 2.
const fn largest_power_below(n: u64) -> u64 {
    1 << (n - 1).ilog2()
}

#[cfg(test)]
mod tests {
    use super::super::{hex, sha256};
    use super::*;

    /// As RFC 6962 words it.
    fn by_definition(leaves: &[Hash]) -> Hash {
        match leaves {
            [] => sha256(&[]),
            [leaf] => *leaf,
            _ => {
                let (left, right) = leaves.split_at(split(leaves.len()));
                node(&by_definition(left), &by_definition(right))
            }
        }
    }

    fn leaves(count: u32) -> Vec<Hash> {
        (0..count).map(|n| sha256(&n.to_be_bytes())).collect()
    }

    #[test]
    fn the_root_is_that_of_rfc_6962() {
        for count in 0..130 {
            let leaves = leaves(count);
            assert_eq!(root_of(&leaves), by_definition(&leaves), "{count} leaves");
        }
        // The test vectors of the certificate transparency project: leaves "" and 00.
        let leaf = |bytes: &[u8]| sha256(&[&[0], bytes].concat());
        assert_eq!(hex(&root_of(&[leaf(b"")])), "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d");
        assert_eq!(
            hex(&root_of(&[leaf(b""), leaf(b"\0")])),
            "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"
        );
    }

    #[test]
    fn every_leaf_can_be_proved_and_no_other() {
        for count in 1..40u32 {
            let leaves = leaves(count);
            let root = root_of(&leaves);
            for (index, leaf) in leaves.iter().enumerate() {
                let proof = inclusion_proof(&leaves, index).unwrap();
                let (at, size) = (index as u64, u64::from(count));
                assert_eq!(root_from_proof(*leaf, at, size, &proof), Some(root));
                assert_ne!(root_from_proof(sha256(b"another"), at, size, &proof), Some(root));
                if count > 1 {
                    assert_ne!(root_from_proof(*leaf, (at + 1) % size, size, &proof), Some(root), "{index} of {count}");
                    assert_eq!(root_from_proof(*leaf, at, size, &proof[1..]), None);
                }
                assert_eq!(root_from_proof(*leaf, at, size, &[&proof[..], &[root]].concat()), None);
            }
            assert_eq!(inclusion_proof(&leaves, leaves.len()), None);
        }
    }

    fn leaf<'a>(key: Option<&'a [u8]>, value: Option<&'a [u8]>, headers: &[(&'a str, Option<&'a [u8]>)]) -> Hash {
        Leaf { offset: 7, timestamp_ms: Some(-1), key, value, headers: headers.iter().copied() }.hash()
    }

    #[test]
    fn a_leaf_is_the_hash_of_the_documented_bytes() {
        let bytes = b"\0AFR1\0\0\0\0\0\0\0\x07\x01\xff\xff\xff\xff\xff\xff\xff\xff\0\x01\0\0\0\x02{}\0\0\0\x02\
            \0\0\0\x01a\x01\0\0\0\x01b\0\0\0\x01a\0";
        assert_eq!(leaf(None, Some(b"{}"), &[("a", Some(b"b")), ("a", None)]), sha256(bytes));
        let bytes = b"\0AFR1\0\0\0\0\0\0\0\0\0\x01\0\0\0\x01k\0\0\0\0\0";
        let tombstone = Leaf { offset: 0, timestamp_ms: None, key: Some(b"k"), value: None, headers: [].into_iter() };
        assert_eq!(tombstone.hash(), sha256(bytes));
    }

    #[test]
    fn no_two_records_have_the_same_leaf() {
        let same = [
            leaf(None, None, &[]),
            leaf(Some(b""), None, &[]),
            leaf(None, Some(b""), &[]),
            leaf(Some(b""), Some(b""), &[]),
            leaf(Some(b"a"), Some(b"b"), &[]),
            leaf(Some(b"ab"), Some(b""), &[]),
            leaf(None, None, &[("", None)]),
            leaf(None, None, &[("", Some(b""))]),
            leaf(None, None, &[("a", Some(b"b"))]),
            leaf(None, None, &[("ab", None)]),
            leaf(None, None, &[("a", None), ("b", None)]),
            leaf(None, None, &[("b", None), ("a", None)]),
        ];
        let different: std::collections::HashSet<_> = same.iter().collect();
        assert_eq!(different.len(), same.len());
    }
}
