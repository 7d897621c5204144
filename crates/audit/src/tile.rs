//! Where the hashes of the tree are: in tiles of 256, as C2SP's tlog-tiles has them.
//!
//! A tile of level 0 has the hashes of 256 entries; one of level 1 those of 256 tiles of level 0,
//! and so on. The last tile of each level may have fewer. Every hash that a proof needs follows
//! from a few tiles.

use crate::tree::{Node, Tree, empty_root, fold, inclusion_path, node_hash, perfect_subtrees};
use coffer_crypto::Hash;
use coffer_crypto::hash::HASH_BYTES;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Range;

/// Levels of the tree in a tile.
const HEIGHT: u32 = 8;

/// Hashes in a full tile.
pub const WIDTH: usize = 1 << HEIGHT;

/// Which tile.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct TileId {
    /// How many tiles above the entries.
    pub level: u32,
    /// Which of those of its level, from the left.
    pub index: u64,
}

impl TileId {
    /// The tile that has the hash of `node`, or those from which it follows.
    pub const fn of(node: Node) -> Self {
        let below = node.level % HEIGHT;
        Self { level: node.level / HEIGHT, index: node.index >> (HEIGHT - below) }
    }

    /// How many hashes it has in a tree of `size` leaves.
    pub fn width(self, size: u64) -> usize {
        let hashes = size.checked_shr(self.level.saturating_mul(HEIGHT)).unwrap_or(0);
        let before = self.index.saturating_mul(WIDTH as u64);
        usize::try_from(hashes.saturating_sub(before)).unwrap_or(WIDTH).min(WIDTH)
    }

    /// All tiles of one level in a tree of `size` leaves.
    pub fn of_level(level: u32, size: u64) -> impl Iterator<Item = Self> {
        let hashes = size.checked_shr(level.saturating_mul(HEIGHT)).unwrap_or(0);
        (0..hashes.div_ceil(WIDTH as u64)).map(move |index| Self { level, index })
    }
}

/// The tiles from which the hashes of subtrees follow.
pub fn tiles_for(subtrees: &[Range<u64>]) -> BTreeSet<TileId> {
    subtrees.iter().flat_map(perfect_subtrees).map(TileId::of).collect()
}

/// The bytes of a tile, as a row has them.
pub fn to_bytes(hashes: &[Hash]) -> Vec<u8> {
    hashes.concat()
}

/// The hashes of a tile; `None` if the bytes are not those of 1 to 256 hashes.
pub fn from_bytes(bytes: &[u8]) -> Option<Vec<Hash>> {
    let (hashes, rest) = bytes.as_chunks::<HASH_BYTES>();
    let fits = rest.is_empty() && (1..=WIDTH).contains(&hashes.len());
    fits.then(|| hashes.to_vec())
}

/// The hash of the perfect subtree over the hashes of a tile or of a part of it; `None` if they are
/// not as many as a power of two.
pub fn perfect_root(hashes: &[Hash]) -> Option<Hash> {
    if !hashes.len().is_power_of_two() {
        return None;
    }
    let mut level = hashes.to_vec();
    while level.len() > 1 {
        let (pairs, _) = level.as_chunks::<2>();
        level = pairs.iter().map(|[left, right]| node_hash(left, right)).collect();
    }
    level.first().copied()
}

/// Some tiles of a tree.
#[derive(Default, Debug)]
pub struct Tiles(HashMap<TileId, Vec<Hash>>);

impl Tiles {
    /// Adds a tile.
    pub fn insert(&mut self, id: TileId, hashes: Vec<Hash>) {
        self.0.insert(id, hashes);
    }

    /// The hash of a perfect subtree; `None` if its tile is not there or too short.
    pub fn node(&self, node: Node) -> Option<Hash> {
        let id = TileId::of(node);
        let below = node.level % HEIGHT;
        let first = (node.index << below).checked_sub(id.index << HEIGHT)?;
        let first = usize::try_from(first).ok()?;
        perfect_root(self.0.get(&id)?.get(first..first.checked_add(1 << below)?)?)
    }

    /// The hash of a subtree; `None` if a tile is missing.
    pub fn subtree(&self, leaves: &Range<u64>) -> Option<Hash> {
        let perfect = perfect_subtrees(leaves).into_iter().map(|node| self.node(node));
        fold(&perfect.collect::<Option<Vec<_>>>()?)
    }

    /// The hashes of several subtrees; `None` if a tile is missing.
    pub fn path(&self, subtrees: &[Range<u64>]) -> Option<Vec<Hash>> {
        subtrees.iter().map(|leaves| self.subtree(leaves)).collect()
    }

    /// The tree of `size` leaves; `None` if a tile is missing.
    pub fn tree(&self, size: u64) -> Option<Tree> {
        let root = if size == 0 { empty_root() } else { self.subtree(&(0..size))? };
        Some(Tree { size, root })
    }

    /// The proof that the tree of `size` leaves has the leaf `index`; `None` if a tile is missing.
    pub fn inclusion(&self, index: u64, size: u64) -> Option<Vec<Hash>> {
        self.path(&inclusion_path(index, size))
    }
}

/// The right border of a tree, to which entries are added: of each level the tile that is not full.
#[derive(Clone, Default, Debug)]
pub struct Border {
    size: u64,
    /// The last tile of each level, with fewer than [`WIDTH`] hashes, from level 0 on.
    open: Vec<Vec<Hash>>,
    /// The tiles that changed since [`Border::take_changed`].
    changed: BTreeMap<TileId, Vec<Hash>>,
}

impl Border {
    /// The tiles that [`Border::restore`] needs for a tree of `size` leaves.
    pub fn needed(size: u64) -> Vec<TileId> {
        let last = |level: u32| {
            let hashes = size.checked_shr(level.saturating_mul(HEIGHT)).unwrap_or(0);
            (hashes > 0).then(|| TileId { level, index: hashes / WIDTH as u64 })
        };
        let tiles = (0..).map_while(last);
        tiles.filter(|id| id.width(size) > 0).collect()
    }

    /// The border of a tree of `size` leaves; `None` if a tile is missing, or has not as many
    /// hashes as it must have.
    pub fn restore(size: u64, mut tiles: Tiles) -> Option<Self> {
        let mut open = Vec::new();
        for id in Self::needed(size) {
            let hashes = tiles.0.remove(&id).filter(|hashes| hashes.len() == id.width(size))?;
            let level = usize::try_from(id.level).ok()?;
            open.resize(level.max(open.len()), Vec::new());
            open.push(hashes);
        }
        Some(Self { size, open, changed: BTreeMap::new() })
    }

    /// How many leaves there are.
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// Adds a leaf to the right.
    pub fn append(&mut self, leaf: Hash) {
        let mut full = Some(leaf);
        let mut level = 0usize;
        while let Some(hash) = full.take() {
            if self.open.len() <= level {
                self.open.push(Vec::with_capacity(WIDTH));
            }
            let Some(tile) = self.open.get_mut(level) else { return };
            tile.push(hash);
            if tile.len() == WIDTH {
                full = perfect_root(tile);
                let hashes = std::mem::take(tile);
                let id = self.tile_at(level, self.size);
                self.changed.insert(id, hashes);
            }
            level = level.saturating_add(1);
        }
        self.size = self.size.saturating_add(1);
    }

    /// The tile of `level` that has the leaf `index` below it.
    fn tile_at(&self, level: usize, index: u64) -> TileId {
        let level = u32::try_from(level).unwrap_or(u32::MAX);
        let up = level.saturating_add(1).saturating_mul(HEIGHT);
        TileId { level, index: index.checked_shr(up).unwrap_or(0) }
    }

    /// The tiles that changed since this was last called.
    pub fn take_changed(&mut self) -> BTreeMap<TileId, Vec<Hash>> {
        let mut changed = std::mem::take(&mut self.changed);
        for (level, tile) in self.open.iter().enumerate() {
            if !tile.is_empty() {
                changed.insert(self.tile_at(level, self.size), tile.clone());
            }
        }
        changed
    }

    /// The tree as it is now.
    pub fn tree(&self) -> Tree {
        let mut root: Option<Hash> = None;
        for tile in &self.open {
            let leaves = 0..u64::try_from(tile.len()).unwrap_or(0);
            for node in perfect_subtrees(&leaves).into_iter().rev() {
                let first = usize::try_from(node.index << node.level).unwrap_or(usize::MAX);
                let part = tile.get(first..first.saturating_add(1 << node.level));
                let left = part.and_then(perfect_root);
                root = match (left, root) {
                    (Some(left), Some(right)) => Some(node_hash(&left, &right)),
                    (left, right) => left.or(right),
                };
            }
        }
        Tree { size: self.size, root: root.unwrap_or_else(empty_root) }
    }
}
