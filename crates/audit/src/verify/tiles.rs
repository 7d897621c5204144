//! The tiles above the entries' own, from above: which of them are what was signed.

use super::{Problem, Report};
use crate::error::LogError;
use crate::store::log;
use crate::tile::{Border, TileId, Tiles, WIDTH, perfect_root};
use coffer_crypto::Hash;
use coffer_storage::Store;
use std::collections::BTreeMap;

/// What is believed of the tiles of a log.
pub(super) struct Upper {
    size: u64,
    /// The tiles of level 1 and above, and of level 0 the last one if it is not full.
    tiles: BTreeMap<TileId, Vec<Hash>>,
}

impl Upper {
    /// Reads the tiles of a log of `size` entries.
    pub(super) async fn read(store: &Store, size: u64) -> Result<Self, LogError> {
        let mut upper = Self { size, tiles: BTreeMap::new() };
        for level in 1..=upper.top() {
            let mut ids = TileId::of_level(level, size);
            let Some(first) = ids.next() else { break };
            let end = ids.last().unwrap_or(first);
            for (id, hashes) in log::tiles_between(store, first, end).await? {
                upper.tiles.extend(hashes.filter(|_| id <= end).map(|hashes| (id, hashes)));
            }
        }
        if let Some(id) = Border::needed(size).first().filter(|id| id.level == 0) {
            let found = log::tiles_between(store, *id, *id).await?;
            upper.tiles.extend(found.into_iter().filter_map(|(id, hashes)| Some((id, hashes?))));
        }
        Ok(upper)
    }

    /// Cuts what was added to tiles while the log went on from `size` to `reached` entries, and
    /// drops those that have not as many hashes as they must have.
    pub(super) fn cut(&mut self, size: u64, reached: u64) {
        self.tiles.retain(|id, hashes| {
            let fits = (id.width(size)..=id.width(reached)).contains(&hashes.len());
            hashes.truncate(id.width(size));
            fits
        });
    }

    /// Decides which tiles are believed: what follows from `root`, which was signed. `last` are the
    /// hashes of the entries in the last tile, as their rows give them; `None` for one that is
    /// missing.
    pub(super) async fn believed(
        mut self,
        store: &Store,
        last: &[Option<Hash>],
        root: Option<Hash>,
        report: &mut Report,
    ) -> Result<Self, LogError> {
        let (border, top) = (Border::needed(self.size), self.top());
        let below = last.iter().copied().collect::<Option<Vec<_>>>();
        self.believe_border(store, &border, below, root, report).await?;
        for level in (2..=top).rev() {
            self.believe_below(store, level, report).await?;
        }
        Ok(self)
    }

    /// The highest level that has tiles.
    fn top(&self) -> u32 {
        let has_tiles = |level: &u32| TileId::of_level(*level, self.size).next().is_some();
        (0..).take_while(has_tiles).last().unwrap_or(0)
    }

    /// The hash that a full tile of level 0 must have, as the tile above it says.
    pub(super) fn root_of(&self, index: u64) -> Option<Hash> {
        self.hash_above(TileId { level: 0, index })
    }

    /// The believed tile of level 0 that is not full.
    pub(super) fn tile(&self, index: u64) -> Option<&Vec<Hash>> {
        self.tiles.get(&TileId { level: 0, index })
    }

    pub(super) const fn size(&self) -> u64 {
        self.size
    }

    fn hash_above(&self, id: TileId) -> Option<Hash> {
        let width = WIDTH as u64;
        let above =
            TileId { level: id.level.saturating_add(1), index: id.index.checked_div(width)? };
        let at = usize::try_from(id.index.checked_rem(width)?).ok()?;
        self.tiles.get(&above)?.get(at).copied()
    }

    /// Whether the border, with some of its tiles replaced, gives the root.
    fn gives(&self, border: &[TileId], other: &BTreeMap<TileId, Vec<Hash>>, root: &Hash) -> bool {
        let mut tiles = Tiles::default();
        for id in border {
            if let Some(hashes) = other.get(id).or_else(|| self.tiles.get(id)) {
                tiles.insert(*id, hashes.clone());
            }
        }
        Border::restore(self.size, tiles).is_some_and(|border| border.tree().root == *root)
    }

    /// Decides which tiles of the right border, from which the root follows, are believed.
    async fn believe_border(
        &mut self,
        store: &Store,
        border: &[TileId],
        below: Option<Vec<Hash>>,
        root: Option<Hash>,
        report: &mut Report,
    ) -> Result<(), LogError> {
        let missing = border.iter().filter(|id| !self.tiles.contains_key(*id));
        let missing: Vec<_> = missing.copied().collect();
        report.problems.extend(missing.iter().copied().map(Problem::TileMissing));
        let Some(root) = root else { return Ok(()) };
        if self.size == 0 || self.gives(border, &BTreeMap::new(), &root) {
            return Ok(());
        }
        let mut again = BTreeMap::new();
        for id in border {
            let hashes = match (id.level, &below) {
                (0, Some(hashes)) => Some(hashes.clone()),
                (0, None) => None,
                _ => self.rebuilt(store, *id).await?,
            };
            again.extend(hashes.map(|hashes| (*id, hashes)));
        }
        again.retain(|id, hashes| {
            hashes.len() == id.width(self.size) && self.tiles.get(id) != Some(hashes)
        });
        let one = |id: &TileId| again.get(id).map(|hashes| BTreeMap::from([(*id, hashes.clone())]));
        let single = border.iter().filter_map(one).find(|one| self.gives(border, one, &root));
        let replaced = match single {
            Some(one) => one,
            None if self.gives(border, &again, &root) => again,
            None => {
                report.problems.push(Problem::Root);
                return Ok(());
            }
        };
        for (id, hashes) in replaced {
            if !missing.contains(&id) {
                report.problems.push(Problem::TileAltered(id));
            }
            self.tiles.insert(id, hashes);
        }
        Ok(())
    }

    /// Decides which full tiles below those of `level` are believed.
    async fn believe_below(
        &mut self,
        store: &Store,
        level: u32,
        report: &mut Report,
    ) -> Result<(), LogError> {
        let below = TileId::of_level(level.saturating_sub(1), self.size);
        for id in below.filter(|id| id.width(self.size) == WIDTH) {
            let stored = self.tiles.get(&id);
            let Some(above) = self.hash_above(id) else { continue };
            if stored.is_some_and(|hashes| perfect_root(hashes) == Some(above)) {
                continue;
            }
            report.problems.push(match stored {
                Some(_) => Problem::TileAltered(id),
                None => Problem::TileMissing(id),
            });
            if let Some(hashes) = self.rebuilt(store, id).await?
                && (perfect_root(&hashes) == Some(above) || stored.is_none())
            {
                self.tiles.insert(id, hashes);
            }
        }
        Ok(())
    }

    /// The hashes that a tile must have by the tiles below it; `None` if one of those is missing.
    async fn rebuilt(&self, store: &Store, id: TileId) -> Result<Option<Vec<Hash>>, LogError> {
        let level = id.level.saturating_sub(1);
        let first = TileId { level, index: id.index.saturating_mul(WIDTH as u64) };
        let width = id.width(self.size);
        let count = u64::try_from(width).unwrap_or(0);
        let last = TileId { level, index: first.index.saturating_add(count).saturating_sub(1) };
        if width == 0 {
            return Ok(None);
        }
        let tiles = log::tiles_between(store, first, last).await?;
        let roots = tiles
            .values()
            .map(|hashes| perfect_root(hashes.as_ref().filter(|hashes| hashes.len() == WIDTH)?));
        Ok(roots.collect::<Option<Vec<_>>>().filter(|roots| roots.len() == width))
    }
}
