//! The Merkle tree of RFC 6962: one hash that stands for a list of entries and their order.
//!
//! This module knows ranges of leaves and no place where hashes are kept: [`crate::tile`] has them.

use coffer_crypto::{Hash, sha256};
use std::ops::Range;

/// The hash of an entry.
pub fn leaf_hash(entry: &[u8]) -> Hash {
    sha256(&[&[0], entry])
}

/// The hash of two subtrees beside each other.
pub fn node_hash(left: &Hash, right: &Hash) -> Hash {
    sha256(&[&[1], left, right])
}

/// The root of a tree without leaves.
pub fn empty_root() -> Hash {
    sha256(&[])
}

/// A perfect subtree: of 2^`level` leaves, the first of which is the leaf `index` · 2^`level`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct Node {
    /// How many levels above the leaves.
    pub level: u32,
    /// Which of those of its level, from the left.
    pub index: u64,
}

/// The perfect subtrees of which the subtree over `leaves` consists, from the left. Leaves begin
/// where a subtree of a tree can begin.
pub fn perfect_subtrees(leaves: &Range<u64>) -> Vec<Node> {
    let (mut from, mut nodes) = (leaves.start, Vec::new());
    while from < leaves.end {
        let level = leaves.end.saturating_sub(from).ilog2();
        nodes.push(Node { level, index: from >> level });
        from = from.saturating_add(1 << level);
    }
    nodes
}

/// The hash of a subtree from those of the perfect subtrees of which it consists; `None` if there
/// are none.
pub fn fold(perfect: &[Hash]) -> Option<Hash> {
    perfect.iter().rev().copied().reduce(|right, left| node_hash(&left, &right))
}

/// The subtrees whose hashes prove that a tree of `size` leaves has the leaf `index`, from the leaf
/// upwards: PATH of RFC 6962. None if there is no such leaf.
pub fn inclusion_path(index: u64, size: u64) -> Vec<Range<u64>> {
    if index >= size {
        return Vec::new();
    }
    let (mut path, mut tree) = (Vec::new(), 0..size);
    while tree.end.saturating_sub(tree.start) > 1 {
        let (left, right) = halves(&tree);
        let (own, other) = if index < right.start { (left, right) } else { (right, left) };
        path.push(other);
        tree = own;
    }
    path.reverse();
    path
}

/// The subtrees whose hashes prove that a tree of `size` leaves begins with the `old` leaves of an
/// older one, from below: PROOF of RFC 6962. None if `old` is 0 or `size`, where nothing needs a
/// proof, or greater.
pub fn consistency_path(old: u64, size: u64) -> Vec<Range<u64>> {
    if old == 0 || old >= size {
        return Vec::new();
    }
    let (mut path, mut tree) = (Vec::new(), 0..size);
    while old < tree.end {
        let (left, right) = halves(&tree);
        let (own, other) = if old <= right.start { (left, right) } else { (right, left) };
        path.push(other);
        tree = own;
    }
    // The verifier knows the old root, and so this subtree if it is all of the old tree.
    if tree.start > 0 {
        path.push(tree);
    }
    path.reverse();
    path
}

/// The two subtrees of a tree of at least two leaves: the left one is the largest perfect subtree
/// that leaves something to the right.
fn halves(tree: &Range<u64>) -> (Range<u64>, Range<u64>) {
    let leaves = tree.end.saturating_sub(tree.start);
    let left = 1u64 << leaves.saturating_sub(1).max(1).ilog2();
    let middle = tree.start.saturating_add(left);
    (tree.start..middle, middle..tree.end)
}

/// Whether `path` proves that the tree of `size` leaves with the root `root` has the leaf `leaf` at
/// `index` (RFC 9162, section 2.1.3.2).
pub fn verify_inclusion(leaf: &Hash, index: u64, size: u64, path: &[Hash], root: &Hash) -> bool {
    if index >= size {
        return false;
    }
    let (mut at, mut last, mut hash) = (index, size.saturating_sub(1), *leaf);
    for other in path {
        if last == 0 {
            return false;
        }
        if at & 1 == 1 || at == last {
            hash = node_hash(other, &hash);
            while at & 1 == 0 && at != 0 {
                (at, last) = (at >> 1, last >> 1);
            }
        } else {
            hash = node_hash(&hash, other);
        }
        (at, last) = (at >> 1, last >> 1);
    }
    last == 0 && hash == *root
}

/// A tree: how many leaves, and its root.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Tree {
    /// How many leaves it has.
    pub size: u64,
    /// Its hash.
    pub root: Hash,
}

/// Whether `path` proves that `new` begins with all leaves of `old` (RFC 9162, section 2.1.4.2).
pub fn verify_consistency(old: &Tree, new: &Tree, path: &[Hash]) -> bool {
    if old.size == 0 {
        return path.is_empty() && old.root == empty_root();
    }
    if old.size >= new.size {
        return path.is_empty() && old == new;
    }
    let (mut at, mut last) = (old.size.saturating_sub(1), new.size.saturating_sub(1));
    let zeros = at.trailing_ones();
    (at, last) = (at >> zeros, last >> zeros);
    let mut rest = path.iter();
    // Where the old tree is perfect, its root is the first of the path.
    let first = if old.size.is_power_of_two() { Some(&old.root) } else { rest.next() };
    let Some(first) = first else { return false };
    let (mut was, mut is) = (*first, *first);
    for other in rest {
        if last == 0 {
            return false;
        }
        if at & 1 == 1 || at == last {
            (was, is) = (node_hash(other, &was), node_hash(other, &is));
            while at & 1 == 0 && at != 0 {
                (at, last) = (at >> 1, last >> 1);
            }
        } else {
            is = node_hash(&is, other);
        }
        (at, last) = (at >> 1, last >> 1);
    }
    last == 0 && was == old.root && is == new.root
}
