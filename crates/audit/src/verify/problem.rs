//! What can be wrong with a log, in words.

use crate::checkpoint::CheckpointError;
use crate::tile::{TileId, WIDTH};
use std::fmt;
use std::ops::RangeInclusive;

/// Something that is wrong with a log.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Problem {
    /// The head's note is not signed by the log's key.
    Head(CheckpointError),
    /// There is no head, although there was a log.
    HeadMissing,
    /// The head's row says another size than its signed note.
    HeadSize {
        /// What the row says.
        size: u64,
        /// What was signed.
        signed: u64,
    },
    /// The tiles do not give the root that was signed, and it cannot be said which of them is
    /// wrong.
    Root,
    /// A tile's row is missing or no tile.
    TileMissing(TileId),
    /// A tile is not what the one above it, or the signed root, says.
    TileAltered(TileId),
    /// There is a tile beyond the log's end.
    TileBeyond(TileId),
    /// Rows of entries are missing.
    Missing(RangeInclusive<u64>),
    /// All rows of entries from one on are missing, to the end of the log.
    Truncated(RangeInclusive<u64>),
    /// An entry was gone before it entered the log.
    Gone(u64),
    /// The row of an entry was altered.
    Altered(u64),
    /// Rows stand in each other's place.
    Swapped(u64, u64),
    /// A row stands in another's place.
    Moved {
        /// The number that it had.
        from: u64,
        /// The number that it has.
        to: u64,
    },
    /// A row was inserted; those behind it have a number that is too high.
    Inserted(u64),
    /// Two rows have one number.
    Twice(u64),
    /// Rows have numbers that no entry has.
    Misplaced(u64),
    /// The head's row says that entries may be gone, and another number was signed.
    PrunedAltered {
        /// Up to which entry the row says.
        says: u64,
        /// Up to which it was signed; 0 if nothing was.
        signed: u64,
    },
    /// Entries are allowed to be gone, and no entry says that an operator had them pruned.
    PrunedByNobody(u64),
    /// A checkpoint from elsewhere is none of this log.
    Anchor {
        /// Where it was.
        place: String,
        /// Why it is none.
        error: CheckpointError,
    },
    /// A checkpoint from elsewhere has entries that the log has not: it was set back.
    RolledBack {
        /// Where it was.
        place: String,
        /// How many entries the log had.
        anchored: u64,
        /// How many it has.
        size: u64,
    },
    /// A checkpoint from elsewhere has other entries than the log: it was written anew.
    Forked {
        /// Where it was.
        place: String,
        /// How many entries the log had then.
        anchored: u64,
    },
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Head(error) => write!(f, "the head is not believed: {error}"),
            Self::HeadMissing => f.write_str("the head is missing: its row was deleted"),
            Self::HeadSize { size, signed } => {
                write!(f, "the head says {size} entries, and {signed} were signed: it was altered")
            }
            Self::Root => f.write_str("the tiles do not give the root that was signed"),
            Self::TileMissing(tile) => write!(f, "{} is missing or damaged", name(*tile)),
            Self::TileAltered(tile) => write!(f, "{} was altered", name(*tile)),
            Self::TileBeyond(tile) => {
                write!(f, "{} lies beyond the end of the log: it was inserted", name(*tile))
            }
            Self::Missing(ids) => write!(f, "{} missing: deleted", entries(ids)),
            Self::Truncated(ids) => {
                write!(f, "{} missing at the end of the log: truncated", entries(ids))
            }
            Self::Gone(id) => {
                write!(f, "the entry {id} was deleted before it entered the log")
            }
            Self::Altered(id) => write!(f, "the entry {id} was altered"),
            Self::Swapped(one, other) => {
                write!(f, "the entries {one} and {other} stand in each other's place: reordered")
            }
            Self::Moved { from, to } => {
                write!(f, "the entry {from} stands in the place of {to}: reordered")
            }
            Self::Inserted(id) => write!(f, "a row was inserted as the entry {id}"),
            Self::Twice(id) => write!(f, "two rows are the entry {id}: one was inserted"),
            Self::Misplaced(rows) => {
                write!(f, "{rows} rows have a number that no entry has: inserted or reordered")
            }
            Self::PrunedAltered { says, signed } => write!(
                f,
                "the head says that entries up to {says} may be gone, and that was signed up to \
                 {signed}: it was altered"
            ),
            Self::PrunedByNobody(id) => write!(
                f,
                "entries up to {id} may be gone, and no entry says that somebody had them pruned"
            ),
            Self::Anchor { place, error } => write!(f, "{place}: {error}"),
            Self::RolledBack { place, anchored, size } => write!(
                f,
                "{place} has a checkpoint of {anchored} entries, and the log has {size}: it was \
                 set back"
            ),
            Self::Forked { place, anchored } => write!(
                f,
                "{place} has a checkpoint of {anchored} entries that were others: the log was \
                 written anew"
            ),
        }
    }
}

fn entries(ids: &RangeInclusive<u64>) -> String {
    match (ids.start(), ids.end()) {
        (from, to) if from == to => format!("the entry {from} is"),
        (from, to) => format!("the entries {from} to {to} are"),
    }
}

fn name(TileId { level, index }: TileId) -> String {
    if level > 0 {
        return format!("the tile {index} of level {level}");
    }
    let from = index.saturating_mul(WIDTH as u64);
    let to = from.saturating_add(WIDTH as u64);
    format!("the tile {index} of level 0, of the entries {} to {to},", from.saturating_add(1))
}
