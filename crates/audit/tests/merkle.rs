//! The tree, its tiles and its proofs, against RFC 6962 taken word by word, and published hashes.

#![allow(clippy::indexing_slicing, clippy::unwrap_used, reason = "a test fails by panicking")]

use coffer_audit::tile::{Border, TileId, Tiles, tiles_for};
use coffer_audit::tree::{
    Tree, consistency_path, empty_root, inclusion_path, leaf_hash, node_hash, verify_consistency,
    verify_inclusion,
};
use proptest::prelude::*;

type Hash = [u8; 32];

/// MTH of RFC 6962, section 2.1.
fn root(leaves: &[Hash]) -> Hash {
    match leaves {
        [] => empty_root(),
        [one] => *one,
        _ => {
            let (left, right) = leaves.split_at(split(leaves.len()));
            node_hash(&root(left), &root(right))
        }
    }
}

/// The largest power of two smaller than `n`.
fn split(n: usize) -> usize {
    (n - 1).next_power_of_two().min(usize::MAX / 2 + 1) >> usize::from(!(n - 1).is_power_of_two())
}

/// PATH of RFC 6962, section 2.1.1.
fn path(m: usize, leaves: &[Hash]) -> Vec<Hash> {
    if leaves.len() == 1 {
        return Vec::new();
    }
    let (left, right) = leaves.split_at(split(leaves.len()));
    let (mut below, other) = if m < left.len() {
        (path(m, left), root(right))
    } else {
        (path(m - left.len(), right), root(left))
    };
    below.push(other);
    below
}

/// PROOF of RFC 6962, section 2.1.2.
fn proof(m: usize, leaves: &[Hash], whole: bool) -> Vec<Hash> {
    if m == leaves.len() {
        return if whole { Vec::new() } else { vec![root(leaves)] };
    }
    let (left, right) = leaves.split_at(split(leaves.len()));
    let (mut below, other) = if m <= left.len() {
        (proof(m, left, whole), root(right))
    } else {
        (proof(m - left.len(), right, false), root(left))
    };
    below.push(other);
    below
}

fn leaves(count: usize) -> Vec<Hash> {
    (0..count).map(|number| leaf_hash(&number.to_be_bytes())).collect()
}

/// All tiles of a tree, made by adding one leaf after the other, `batch` at a time: in between, the
/// border is put away and restored, as a server that is started anew does.
fn tiles(leaves: &[Hash], batch: usize) -> (Tiles, Tree) {
    let mut kept = std::collections::BTreeMap::new();
    let mut border = Border::default();
    for some in leaves.chunks(batch) {
        some.iter().for_each(|leaf| border.append(*leaf));
        kept.extend(border.take_changed());
        let mut open = Tiles::default();
        for id in Border::needed(border.size()) {
            open.insert(id, kept[&id].clone());
        }
        border = Border::restore(border.size(), open).unwrap();
    }
    let size = u64::try_from(leaves.len()).unwrap();
    let mut tiles = Tiles::default();
    for (id, hashes) in kept {
        assert_eq!(hashes.len(), id.width(size), "{id:?} of {size}");
        tiles.insert(id, hashes);
    }
    (tiles, border.tree())
}

#[test]
fn roots_are_those_that_certificate_transparency_publishes() {
    let inputs: [&[u8]; 8] = [
        b"",
        &[0x00],
        &[0x10],
        &[0x20, 0x21],
        &[0x30, 0x31],
        &[0x40, 0x41, 0x42, 0x43],
        &[0x50, 0x51, 0x52, 0x53, 0x54, 0x55, 0x56, 0x57],
        &[
            0x60, 0x61, 0x62, 0x63, 0x64, 0x65, 0x66, 0x67, 0x68, 0x69, 0x6a, 0x6b, 0x6c, 0x6d,
            0x6e, 0x6f,
        ],
    ];
    let expected = [
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    ];
    let mut border = Border::default();
    for (input, expected) in inputs.iter().zip(expected) {
        border.append(leaf_hash(input));
        let shown: String = border.tree().root.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(shown, expected);
    }
}

#[test]
fn every_proof_of_every_small_tree_is_the_rfcs_and_verifies() {
    for size in 1..=70usize {
        let leaves = leaves(size);
        let (tiles, tree) = tiles(&leaves, 3);
        assert_eq!(tree.root, root(&leaves));
        let n = u64::try_from(size).unwrap();
        for at in 0..size {
            let index = u64::try_from(at).unwrap();
            let found = tiles.path(&inclusion_path(index, n)).unwrap();
            assert_eq!(found, path(at, &leaves), "leaf {at} of {size}");
            assert!(verify_inclusion(&leaves[at], index, n, &found, &tree.root));
        }
        for old in 1..=size {
            let m = u64::try_from(old).unwrap();
            let found = tiles.path(&consistency_path(m, n)).unwrap();
            assert_eq!(found, proof(old, &leaves, true), "{old} of {size}");
            let was = Tree { size: m, root: root(&leaves[..old]) };
            assert!(verify_consistency(&was, &tree, &found), "{old} of {size}");
        }
    }
}

#[test]
fn a_tree_of_three_levels_of_tiles_is_right_at_its_seams() {
    let leaves = leaves(256 * 256 + 300);
    let (tiles, tree) = tiles(&leaves, 5_000);
    assert_eq!(tree.root, root(&leaves));
    let n = tree.size;
    for index in [0, 255, 256, 65_535, 65_536, n - 2, n - 1] {
        let found = tiles.path(&inclusion_path(index, n)).unwrap();
        let at = usize::try_from(index).unwrap();
        assert_eq!(found, path(at, &leaves));
        assert!(verify_inclusion(&leaves[at], index, n, &found, &tree.root));
        let needed = tiles_for(&inclusion_path(index, n));
        assert!(needed.len() <= 6, "{needed:?}");
    }
    for old in [1usize, 255, 256, 257, 65_535, 65_536, 65_537] {
        let m = u64::try_from(old).unwrap();
        let found = tiles.path(&consistency_path(m, n)).unwrap();
        let was = Tree { size: m, root: root(&leaves[..old]) };
        assert!(verify_consistency(&was, &tree, &found));
    }
    assert_eq!(TileId::of_level(0, n).count(), 258);
    assert_eq!(TileId::of_level(1, n).count(), 2);
    assert_eq!(TileId::of_level(2, n).count(), 1);
    assert_eq!(TileId::of_level(3, n).count(), 0);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever of a proof is changed, it proves nothing any more.
    #[test]
    fn a_changed_proof_proves_nothing(
        size in 2usize..600, batch in 1usize..200, one: prop::sample::Index,
        other: prop::sample::Index, bit in 0u8..8, byte in 0usize..32,
    ) {
        let leaves = leaves(size);
        let (tiles, tree) = tiles(&leaves, batch);
        let n = tree.size;
        let at = one.index(size);
        let index = u64::try_from(at).unwrap();
        let right = tiles.inclusion(index, n).unwrap();
        prop_assert!(verify_inclusion(&leaves[at], index, n, &right, &tree.root));
        let elsewhere = u64::try_from(other.index(size)).unwrap();
        prop_assert!(
            elsewhere == index || !verify_inclusion(&leaves[at], elsewhere, n, &right, &tree.root)
        );
        prop_assert!(!verify_inclusion(&leaves[at], n, n, &right, &tree.root));
        let mut wrong = right.clone();
        wrong[other.index(right.len())][byte] ^= 1 << bit;
        prop_assert!(!verify_inclusion(&leaves[at], index, n, &wrong, &tree.root));
        prop_assert!(!verify_inclusion(&leaves[at], index, n, &right[1..], &tree.root));
        let longer = [right.as_slice(), &[tree.root]].concat();
        prop_assert!(!verify_inclusion(&leaves[at], index, n, &longer, &tree.root));

        let old = 1 + other.index(size - 1);
        let was = Tree { size: u64::try_from(old).unwrap(), root: root(&leaves[..old]) };
        let right = tiles.path(&consistency_path(was.size, n)).unwrap();
        prop_assert!(verify_consistency(&was, &tree, &right));
        for at in 0..right.len() {
            let mut wrong = right.clone();
            wrong[at][byte] ^= 1 << bit;
            prop_assert!(!verify_consistency(&was, &tree, &wrong));
        }
        prop_assert!(!verify_consistency(&was, &tree, &right[1..]));
        let mut forked = leaves.clone();
        forked[one.index(old)][0] ^= 1;
        let forked = Tree { size: was.size, root: root(&forked[..old]) };
        prop_assert!(!verify_consistency(&forked, &tree, &right));
    }
}
