//! Verifying a whole log: whether every entry, every tile and the head are what was signed, and if
//! not, which of them is wrong.
//!
//! The head's signature is believed, then what agrees with it, from above: a tile of whose hash the
//! tile above it knows, and an entry of whose hash a tile knows. Where something disagrees, what
//! follows from below decides which of the two was changed.

mod entries;
mod problem;
mod tiles;

pub use problem::Problem;

use crate::checkpoint::{Checkpoint, VerifierKey};
use crate::error::LogError;
use crate::limits;
use crate::proof::tree_of;
use crate::store::log;
use crate::tile::TileId;
use coffer_keyring::AuditMark;
use coffer_storage::{Row, Store};
use entries::{Chunk, Wrong, hashes_of};
use std::ops::RangeInclusive;
use std::sync::Arc;
use tiles::Upper;
use tokio::task::JoinSet;

/// What a log is verified against.
#[derive(Clone, Debug)]
pub struct Expected {
    /// The key that signs the log's checkpoints.
    pub key: VerifierKey,
    /// Notes that were anchored elsewhere, each with where that was: the log must have them all.
    pub anchors: Vec<(String, String)>,
    /// The note that the key store keeps, which the log must have too.
    pub mark: Option<String>,
    /// No server has marked the log in the key store yet: then what was pruned may be unsigned,
    /// since the version before did not sign it.
    pub unsealed: bool,
}

/// Where a mark is, in words.
const KEY_STORE: &str = "the key store";

impl Expected {
    /// A log of which only its key and these anchors are known.
    pub const fn new(key: VerifierKey, anchors: Vec<(String, String)>) -> Self {
        Self { key, anchors, mark: None, unsealed: false }
    }

    /// The same beside a key store that has this mark, or none.
    #[must_use]
    pub fn beside(self, mark: Option<AuditMark>) -> Self {
        Self { unsealed: mark.is_none(), mark: mark.map(|mark| mark.note), ..self }
    }

    /// Up to which number entries may be gone, which must be signed.
    fn pruned(&self, head: &log::Head, report: &mut Report) -> u64 {
        let signed = head.pruned_by(&self.key);
        if signed == head.pruned {
            return signed;
        }
        if self.unsealed && head.pruned_note.is_none() {
            return head.pruned;
        }
        report.problems.push(Problem::PrunedAltered { says: head.pruned, signed });
        signed
    }

    /// Whether something outside of the log says that there is one.
    const fn is_known(&self) -> bool {
        !self.anchors.is_empty() || self.mark.is_some()
    }
}

/// What a verification found.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Report {
    /// How many entries are in the log.
    pub size: u64,
    /// How many of them were pruned and are gone, as was allowed.
    pub pruned: u64,
    /// How many entries are not in the log yet.
    pub pending: u64,
    /// How many checkpoints from elsewhere the log agrees with.
    pub anchors: u64,
    /// What is wrong; of entries [`limits::NAMED_ENTRIES`] at most.
    pub problems: Vec<Problem>,
    /// How many entries are wrong besides those that are named.
    pub unnamed: u64,
}

/// Verifies the log of `store`; `progress` is told how many entries are done, and of how many.
///
/// # Errors
/// When the store cannot be read.
pub async fn verify(
    store: &Store,
    expected: &Expected,
    progress: impl Fn(u64, u64),
) -> Result<Report, LogError> {
    match log::head(store).await? {
        Some(head) => verify_up_to(store, &head, expected, progress).await,
        None => without_head(store, &store.parts().await?, expected).await,
    }
}

/// Verifies the log of `store` up to a head that it has or had: servers may continue it meanwhile.
///
/// # Errors
/// When the store cannot be read.
pub async fn verify_up_to(
    store: &Store,
    head: &log::Head,
    expected: &Expected,
    progress: impl Fn(u64, u64),
) -> Result<Report, LogError> {
    let parts: Arc<[Store]> = store.parts().await?.into();
    let mut report = Report::default();
    let signed = Checkpoint::open(&head.note, &expected.key);
    let signed = match signed {
        Ok(checkpoint) if checkpoint.tree.size == head.size => Some(checkpoint.tree),
        Ok(checkpoint) => {
            report
                .problems
                .push(Problem::HeadSize { size: head.size, signed: checkpoint.tree.size });
            Some(checkpoint.tree)
        }
        Err(error) => {
            report.problems.push(Problem::Head(error));
            None
        }
    };
    let size = signed.map_or(head.size, |tree| tree.size);
    report.size = size;
    let pruned = expected.pruned(head, &mut report);
    report.pruned = pruned;
    let last = hashes_of(&parts, last_tile_entries(size)).await?;
    let mut found = Upper::read(store, size).await?;
    // Tiles only grow: those that were read are at most what this later head has.
    found.cut(size, reached(store, size, expected).await?);
    let upper = found.believed(store, &last, signed.map(|tree| tree.root), &mut report).await?;
    let upper = Arc::new(upper);
    let mut wrong = all_entries(store, &parts, &upper, &mut report, progress).await?;
    wrong.learn(&waiting(&parts, size).await?, size)?;
    wrong.name(pruned, &mut report);
    beyond(store, &parts, size, expected, &mut report).await?;
    check_anchors(store, expected, size, &mut report).await?;
    Ok(report)
}

/// There is no head: then nothing was taken into the log, or the head is gone.
async fn without_head(
    store: &Store,
    parts: &[Store],
    expected: &Expected,
) -> Result<Report, LogError> {
    let mut report = Report::default();
    let is_left = log::last_tile(store, 0).await?.is_some() || log::has_numbers(parts).await?;
    if is_left || expected.is_known() {
        report.problems.push(Problem::HeadMissing);
    }
    check_anchors(store, expected, 0, &mut report).await?;
    report.pending = pending(parts, 0).await?;
    Ok(report)
}

/// The numbers of the entries in the last tile, if that is not full.
fn last_tile_entries(size: u64) -> RangeInclusive<u64> {
    let width = crate::tile::WIDTH as u64;
    let full = size.checked_div(width).unwrap_or(0).saturating_mul(width);
    full.saturating_add(1)..=size
}

/// Verifies all entries, some at once on as many threads as there are.
async fn all_entries(
    store: &Store,
    parts: &Arc<[Store]>,
    upper: &Arc<Upper>,
    report: &mut Report,
    progress: impl Fn(u64, u64),
) -> Result<Wrong, LogError> {
    let (size, pruned) = (report.size, report.pruned);
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let mut chunks = Chunk::all(size);
    let (mut running, mut wrong, mut done) = (JoinSet::new(), Wrong::default(), 0u64);
    loop {
        while running.len() < threads {
            let Some(chunk) = chunks.next() else { break };
            let (store, parts, upper) = (store.clone(), Arc::clone(parts), Arc::clone(upper));
            running.spawn(async move { chunk.verify(&store, &parts, &upper, pruned).await });
        }
        let Some(ended) = running.join_next().await else { return Ok(wrong) };
        let found = ended.map_err(|error| LogError::Broken(error.to_string()))??;
        done = done.saturating_add(found.entries);
        progress(done, size);
        report.problems.extend(found.tiles);
        wrong.add(found.wrong);
    }
}

/// How far the log goes by now, if that is signed; `size` otherwise.
async fn reached(store: &Store, size: u64, expected: &Expected) -> Result<u64, LogError> {
    let head = log::head(store).await?;
    let now = head.and_then(|head| Checkpoint::open(&head.note, &expected.key).ok());
    Ok(now.map_or(size, |now| now.tree.size.max(size)))
}

/// What is stored beyond the log's end.
async fn beyond(
    store: &Store,
    parts: &[Store],
    size: u64,
    expected: &Expected,
    report: &mut Report,
) -> Result<(), LogError> {
    report.pending = pending(parts, reached(store, size, expected).await?).await?;
    let misplaced = log::misplaced(parts).await?;
    if misplaced > 0 {
        report.problems.push(Problem::Misplaced(misplaced));
    }
    let mut last = Vec::new();
    for level in 0.. {
        let Some(tile) = log::last_tile(store, level).await? else { break };
        last.push((level, tile));
    }
    let reached = reached(store, size, expected).await?;
    for (level, tile) in last {
        if Some(tile) > TileId::of_level(level, reached).last() {
            report.problems.push(Problem::TileBeyond(tile));
        }
    }
    Ok(())
}

/// How many entries are not in the log yet; at most as many as are counted at once, of each part.
async fn pending(parts: &[Store], size: u64) -> Result<u64, LogError> {
    Ok(u64::try_from(waiting(parts, size).await?.len()).unwrap_or(u64::MAX))
}

/// The entries that are not in a log of `size` yet; at most as many as are read at once, of each
/// part.
async fn waiting(parts: &[Store], size: u64) -> Result<Vec<Row>, LogError> {
    let (from, to) = (size.saturating_add(1), i64::MAX.unsigned_abs());
    let mut rows = log::entries(parts, from, to, limits::ENTRIES_AT_ONCE).await?;
    for part in parts {
        rows.extend(log::unnumbered(part, limits::ENTRIES_AT_ONCE).await?);
    }
    Ok(rows)
}

/// Whether the log has every checkpoint that was anchored elsewhere, and that of the key store.
async fn check_anchors(
    store: &Store,
    expected: &Expected,
    size: u64,
    report: &mut Report,
) -> Result<(), LogError> {
    for (place, note) in &expected.anchors {
        match check_anchor(store, expected, (place, note), size).await? {
            None => report.anchors = report.anchors.saturating_add(1),
            Some(problem) => report.problems.push(problem),
        }
    }
    if let Some(note) = &expected.mark {
        let found = check_anchor(store, expected, (KEY_STORE, note), size).await?;
        report.problems.extend(found);
    }
    Ok(())
}

/// What is wrong with the log by one checkpoint from elsewhere.
async fn check_anchor(
    store: &Store,
    expected: &Expected,
    (place, note): (&str, &str),
    size: u64,
) -> Result<Option<Problem>, LogError> {
    let place = place.to_owned();
    let anchor = match Checkpoint::open(note, &expected.key) {
        Ok(anchor) => anchor.tree,
        Err(error) => return Ok(Some(Problem::Anchor { place, error })),
    };
    if anchor.size > size {
        return Ok(Some(Problem::RolledBack { place, anchored: anchor.size, size }));
    }
    match tree_of(store, anchor.size).await {
        Ok(tree) if tree == anchor => Ok(None),
        Ok(_) | Err(LogError::Broken(_)) => {
            Ok(Some(Problem::Forked { place, anchored: anchor.size }))
        }
        Err(error) => Err(error),
    }
}
