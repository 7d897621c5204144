//! The bounds of the audit.

/// Characters of an entry's detail: a line of the program's own words.
pub const DETAIL_CHARACTERS: usize = 500;

/// Characters of a name that an entry has in clear: most have far fewer, and a row stays small.
pub const NAME_CHARACTERS: usize = 200;

/// Characters of a machine's name in each entry: most have fewer.
pub const MACHINE_CHARACTERS: usize = 40;

/// Entries that get their numbers in one transaction of a shared store, which changes as many rows;
/// and rows of entries that are in memory at once.
pub const ENTRIES_AT_ONCE: i64 = 1_000;

/// Entries that have their numbers and are taken into the log in one transaction, of which nothing
/// but the hashes is in memory: some sixty tiles, and a few hundredths of a second. A server that
/// answers reads as fast as it can has so many in a second or less.
pub const HASHED_AT_ONCE: i64 = 16_000;

/// Hashes of entries that were just written and wait to be taken into the log: 4 MB, and more than
/// a server answers in a second. Of others the rows are read.
pub const FRESH_HASHES: usize = 128 * 1024;

/// Batches of entries that one turn takes into the log: beyond what is written in a second, so that
/// a log that is behind catches up, and a turn has an end.
pub const BATCHES_AT_ONCE: u32 = 200;

/// Entries that may be missing before the next one: more are no accident of a few rows, and
/// somebody must look before the log goes on.
pub const GONE_AT_ONCE: u64 = 10_000;

/// Batches of entries that one turn prunes in one part of a store, so that new entries need not
/// wait for the end.
pub const PRUNED_BATCHES_AT_ONCE: u32 = 20;

/// Tiles that one statement reads: a megabyte or so.
pub const TILES_AT_ONCE: i64 = 128;

/// Entries that a verification reads at once, as many as fill tiles: a few megabytes.
pub const VERIFIED_AT_ONCE: u64 = 4_096;

/// Entries that a verification names as wrong, and remembers to find out what happened to them: who
/// repairs a log looks at the first few.
pub const NAMED_ENTRIES: usize = 1_000;

/// Bytes of a line of an export: several times the longest entry.
pub const EXPORT_LINE_BYTES: usize = 256 * 1024;

/// Entries that one search looks at: a second or two on either engine. Whoever looks for older ones
/// goes on from there.
pub const SEARCHED_AT_ONCE: u64 = 500_000;

/// Entries that one statement of a search looks at, so that others of its kind have their turn.
pub const SEARCH_WINDOW: u64 = 20_000;
