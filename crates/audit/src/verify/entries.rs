//! The entries and the tiles of their hashes, some at once.

use super::tiles::Upper;
use super::{Problem, Report};
use crate::entry::{ActorKind, Outcome};
use crate::error::LogError;
use crate::limits;
use crate::sequence::{hash_of, hash_of_gone};
use crate::store::log;
use crate::tile::{TileId, WIDTH, perfect_root};
use coffer_crypto::Hash;
use coffer_storage::{Row, Store};
use std::collections::{BTreeMap, HashMap};
use std::ops::RangeInclusive;

/// How the program's own entry of a pruning is called, and how its subject begins.
pub(crate) const PRUNE_OPERATION: &str = "admin.audit.prune";

/// Entries that are read and verified at once, which fill tiles.
pub(super) struct Chunk {
    /// Their numbers.
    ids: RangeInclusive<u64>,
}

/// What is wrong with a chunk.
#[derive(Default)]
pub(super) struct Found {
    pub(super) entries: u64,
    pub(super) tiles: Vec<Problem>,
    pub(super) wrong: Wrong,
}

/// Entries whose rows are not what the log says.
#[derive(Default)]
pub(super) struct Wrong {
    /// By number: the hash that the log has, and that of the row if there is one.
    entries: BTreeMap<u64, (Hash, Option<Hash>)>,
    /// Numbers that several rows have.
    twice: Vec<u64>,
    /// How many more there are.
    more: u64,
    /// Up to which numbers entries say that somebody had entries pruned, each with its own number;
    /// the highest of them.
    pruned: BTreeMap<u64, u64>,
}

/// The rows of some entries as hashes.
struct Rows {
    hashes: Vec<Option<Hash>>,
    twice: Vec<u64>,
    pruned: BTreeMap<u64, u64>,
}

/// The hashes of the rows of some entries; `None` for one that is missing.
pub(super) async fn hashes_of(
    parts: &[Store],
    ids: RangeInclusive<u64>,
) -> Result<Vec<Option<Hash>>, LogError> {
    Ok(Rows::read(parts, &ids).await?.hashes)
}

impl Rows {
    async fn read(parts: &[Store], ids: &RangeInclusive<u64>) -> Result<Self, LogError> {
        let count = ids.end().saturating_add(1).saturating_sub(*ids.start());
        let mut rows = Self {
            hashes: vec![None; usize::try_from(count).unwrap_or(0)],
            twice: Vec::new(),
            pruned: BTreeMap::new(),
        };
        if count == 0 {
            return Ok(rows);
        }
        // One more for each that stands twice.
        let most = i64::try_from(count.saturating_mul(2)).unwrap_or(i64::MAX);
        for row in log::entries(parts, *ids.start(), *ids.end(), most).await? {
            let id = log::size_of(row.int(0)?)?;
            let at = usize::try_from(id.saturating_sub(*ids.start())).unwrap_or(usize::MAX);
            if let Some(hash) = rows.hashes.get_mut(at) {
                if hash.is_some() {
                    rows.twice.push(id);
                }
                *hash = Some(hash_of(&row));
            }
            // What an entry says can only be of entries before it.
            if let Some(up_to) = pruned_by(&row)?.filter(|up_to| *up_to < id) {
                rows.pruned.insert(up_to, id);
            }
        }
        Ok(rows)
    }
}

/// Up to which number a row says that an operator had entries pruned; `None` if it is about
/// something else, or about an attempt.
fn pruned_by(row: &Row) -> Result<Option<u64>, LogError> {
    let has = |column, word: &str| row.text(column).is_ok_and(|text| text == word);
    let by_operator = OPERATORS.iter().any(|kind| has(ACTOR_KIND, kind.as_str()));
    if !has(OPERATION, PRUNE_OPERATION) || !has(OUTCOME, Outcome::Done.as_str()) || !by_operator {
        return Ok(None);
    }
    Ok(row.optional_text(SUBJECT)?.and_then(|subject| subject.parse().ok()))
}

/// Who can have entries pruned.
const OPERATORS: [ActorKind; 2] = [ActorKind::Admin, ActorKind::Operator];

/// Which columns of a row say what was pruned, by whom, and what came of it.
const ACTOR_KIND: usize = 5;
const OPERATION: usize = 12;
const SUBJECT: usize = 13;
const OUTCOME: usize = 18;

impl Chunk {
    /// All chunks of a log of `size` entries.
    pub(super) fn all(size: u64) -> impl Iterator<Item = Self> {
        let step = usize::try_from(limits::VERIFIED_AT_ONCE).unwrap_or(WIDTH);
        (0..size).step_by(step).map(move |before| {
            let to = before.saturating_add(limits::VERIFIED_AT_ONCE).min(size);
            Self { ids: before.saturating_add(1)..=to }
        })
    }

    /// Verifies the chunk. Rows up to `pruned` may be missing.
    pub(super) async fn verify(
        self,
        store: &Store,
        parts: &[Store],
        upper: &Upper,
        pruned: u64,
    ) -> Result<Found, LogError> {
        let rows = Rows::read(parts, &self.ids).await?;
        let width = WIDTH as u64;
        let index = |id: u64| id.saturating_sub(1).checked_div(width).unwrap_or(0);
        let [first, last] =
            [self.ids.start(), self.ids.end()].map(|id| TileId { level: 0, index: index(*id) });
        let tiles = log::tiles_between(store, first, last).await?;
        let mut found = Found::default();
        found.wrong.twice = rows.twice;
        found.wrong.pruned = rows.pruned;
        for (hashes, index) in rows.hashes.chunks(WIDTH).zip(first.index..) {
            let id = TileId { level: 0, index };
            let stored = tiles.get(&id).and_then(Option::as_ref);
            let stored = stored.filter(|stored| stored.len() == id.width(upper.size()));
            found.tile(id, hashes, stored, upper, pruned);
        }
        found.entries = u64::try_from(rows.hashes.len()).unwrap_or(0);
        Ok(found)
    }
}

impl Found {
    /// Compares the rows of a tile's entries with it, and it with what is above it.
    fn tile(
        &mut self,
        id: TileId,
        rows: &[Option<Hash>],
        stored: Option<&Vec<Hash>>,
        upper: &Upper,
        pruned: u64,
    ) {
        if id.width(upper.size()) < WIDTH {
            // Which is right was decided with the border; what is wrong was said there.
            if let Some(tile) = upper.tile(id.index) {
                self.wrong.compare(id, tile, rows, pruned);
            }
            return;
        }
        let above = upper.root_of(id.index);
        if let Some(tile) = stored
            && (above.is_none() || perfect_root(tile) == above)
        {
            self.wrong.compare(id, tile, rows, pruned);
            return;
        }
        self.tiles.push(match stored {
            Some(_) => Problem::TileAltered(id),
            None => Problem::TileMissing(id),
        });
        let by_rows = rows.iter().copied().collect::<Option<Vec<_>>>();
        if by_rows.is_some_and(|hashes| above.is_some() && perfect_root(&hashes) == above) {
            return;
        }
        if let Some(tile) = stored {
            self.wrong.compare(id, tile, rows, pruned);
        }
    }
}

impl Wrong {
    /// Notes the rows that do not have the hashes of a tile.
    fn compare(&mut self, id: TileId, tile: &[Hash], rows: &[Option<Hash>], pruned: u64) {
        let first = id.index.saturating_mul(WIDTH as u64).saturating_add(1);
        for (entry, (is, found)) in (first..).zip(tile.iter().zip(rows)) {
            let may_be_gone = entry <= pruned && found.is_none();
            if *found != Some(*is) && !may_be_gone {
                self.note(entry, *is, *found);
            }
        }
    }

    fn note(&mut self, entry: u64, is: Hash, found: Option<Hash>) {
        self.entries.insert(entry, (is, found));
        if self.entries.len() > limits::NAMED_ENTRIES {
            self.entries.pop_last();
            self.more = self.more.saturating_add(1);
        }
    }

    /// Adds what is wrong with other entries.
    pub(super) fn add(&mut self, other: Self) {
        for (entry, (is, found)) in other.entries {
            self.note(entry, is, found);
        }
        self.twice.extend(other.twice);
        self.twice.truncate(limits::NAMED_ENTRIES);
        self.more = self.more.saturating_add(other.more);
        self.add_pruned(other.pruned);
    }

    fn add_pruned(&mut self, more: BTreeMap<u64, u64>) {
        self.pruned.extend(more);
        while self.pruned.len() > limits::NAMED_ENTRIES {
            self.pruned.pop_first();
        }
    }

    /// Up to which number an entry says that entries were pruned, which is itself what was signed.
    fn pruned(&self) -> u64 {
        let mut told = self.pruned.iter().rev();
        let told = told.find(|(_, entry)| !self.entries.contains_key(entry));
        told.map_or(0, |(up_to, _)| *up_to)
    }

    /// Takes into account what rows say that are not in the log yet: who has entries pruned is
    /// recorded with that, and enters the log a little later. That it was somebody is signed, too.
    pub(super) fn learn(&mut self, waiting: &[Row], size: u64) -> Result<(), LogError> {
        for row in waiting {
            let up_to = pruned_by(row)?.filter(|up_to| *up_to <= size);
            self.add_pruned(up_to.map(|up_to| (up_to, u64::MAX)).into_iter().collect());
        }
        Ok(())
    }

    /// Says what happened to the entries.
    pub(super) fn name(self, pruned: u64, report: &mut Report) {
        report.unnamed = self.more;
        if pruned > self.pruned() {
            report.problems.push(Problem::PrunedByNobody(pruned));
        }
        report.problems.extend(self.twice.iter().copied().map(Problem::Twice));
        let places: HashMap<Hash, u64> =
            self.entries.iter().map(|(entry, (is, _))| (*is, *entry)).collect();
        // Where each wrong row comes from.
        let from = |entry: u64| {
            let (_, found) = self.entries.get(&entry)?;
            places.get(found.as_ref()?).copied()
        };
        let mut missing: Option<RangeInclusive<u64>> = None;
        for (&entry, (is, found)) in &self.entries {
            match found {
                None if *is == hash_of_gone() => report.problems.push(Problem::Gone(entry)),
                None => {
                    missing = match missing.take() {
                        Some(ids) if ids.end().saturating_add(1) == entry => {
                            Some(*ids.start()..=entry)
                        }
                        other => {
                            report.problems.extend(other.map(Problem::Missing));
                            Some(entry..=entry)
                        }
                    };
                }
                Some(_) => report.problems.extend(present(entry, &from)),
            }
        }
        report.problems.extend(missing.map(|ids| {
            if *ids.end() == report.size { Problem::Truncated(ids) } else { Problem::Missing(ids) }
        }));
    }
}

/// What happened to an entry whose row is there and is not its own.
fn present(entry: u64, from: &impl Fn(u64) -> Option<u64>) -> Option<Problem> {
    let shifted =
        |entry: u64| from(entry).is_some_and(|before| before.checked_add(1) == Some(entry));
    match from(entry) {
        // Of a pair, it is said once.
        Some(other) if from(other) == Some(entry) => {
            (entry < other).then_some(Problem::Swapped(entry, other))
        }
        // It stands one place too far, and is said with what was inserted.
        Some(_) if shifted(entry) => None,
        Some(other) => Some(Problem::Moved { from: other, to: entry }),
        None if entry.checked_add(1).is_some_and(shifted) => Some(Problem::Inserted(entry)),
        None => Some(Problem::Altered(entry)),
    }
}
