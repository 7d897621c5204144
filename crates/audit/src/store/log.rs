//! The SQL of the log over the entries.

use crate::canonical;
use crate::checkpoint::{VerifierKey, open_pruned};
use crate::limits;
use crate::tile::{TileId, Tiles, from_bytes, to_bytes};
use crate::tree::leaf_hash;
use coffer_base::Timestamp;
use coffer_crypto::Hash;
use coffer_storage::{Result, Row, StorageError, Store, Tx, Value, ValueRef, Work, values};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

/// How far the log goes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Head {
    /// How many entries are in it, and the number of the last one.
    pub size: u64,
    /// When it was written.
    pub at: Timestamp,
    /// Its signed checkpoint.
    pub note: String,
    /// Up to which number entries may be gone, since an operator had them pruned. Whoever writes to
    /// the database can raise it: [`Head::pruned_by`] says what is signed of it.
    pub pruned: u64,
    /// The note that signs it.
    pub pruned_note: Option<String>,
}

impl Head {
    /// Up to which number entries may be gone, as `key` has signed it: 0 if nothing is signed.
    pub fn pruned_by(&self, key: &VerifierKey) -> u64 {
        let note = self.pruned_note.as_deref();
        note.and_then(|note| open_pruned(note, key).ok()).unwrap_or(0)
    }
}

/// The head; `None` before the first entry is in the log.
///
/// # Errors
/// When the store cannot be read.
pub async fn head(store: &Store) -> Result<Option<Head>> {
    let sql = "SELECT size, at, note, pruned, pruned_note FROM audit_head WHERE singleton = 1";
    let rows = store.query(sql, &[]).await?;
    let head = |row: &Row| {
        Ok(Head {
            size: unsigned(row.int(0)?),
            at: Timestamp::from_unix(row.int(1)?),
            note: row.text(2)?.to_owned(),
            pruned: unsigned(row.int(3)?),
            pruned_note: row.optional_text(4)?.map(str::to_owned),
        })
    };
    rows.first().map(head).transpose()
}

fn unsigned(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}

fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// Bits of a tile's index in its place.
const INDEX_BITS: u32 = 48;

fn place(id: TileId) -> i64 {
    signed(u64::from(id.level) << INDEX_BITS | id.index)
}

fn tile_at(place: i64) -> TileId {
    let place = unsigned(place);
    let level = u32::try_from(place >> INDEX_BITS).unwrap_or(u32::MAX);
    TileId { level, index: place & ((1 << INDEX_BITS) - 1) }
}

const TILES: &str =
    "SELECT place, hashes FROM audit_tile WHERE place >= ? AND place <= ? ORDER BY place LIMIT ?";

/// The tiles of one level from one index to another, both included; `None` for one whose row is no
/// tile.
pub(crate) async fn tiles_between(
    store: &Store,
    first: TileId,
    last: TileId,
) -> Result<BTreeMap<TileId, Option<Vec<Hash>>>> {
    let (mut found, mut from, last) = (BTreeMap::new(), place(first), place(last));
    loop {
        let page = store.scan(TILES, &values![from, last, limits::TILES_AT_ONCE]).await?;
        for row in &page {
            let at = row.int(0)?;
            found.insert(tile_at(at), row.blob(1).ok().and_then(from_bytes));
            from = at.saturating_add(1);
        }
        if page.len() < usize::try_from(limits::TILES_AT_ONCE).unwrap_or(usize::MAX) {
            return Ok(found);
        }
    }
}

/// Some tiles; one that is missing or is no tile is not among them.
pub(crate) async fn tiles(store: &Store, ids: &BTreeSet<TileId>) -> Result<Tiles> {
    let mut tiles = Tiles::default();
    for id in ids {
        let rows = store.query(TILES, &values![place(*id), place(*id), 1_i64]).await?;
        if let Some(hashes) = rows.first().and_then(|row| from_bytes(row.blob(1).ok()?)) {
            tiles.insert(*id, hashes);
        }
    }
    Ok(tiles)
}

/// The place of the last tile, whatever the log's size is; `None` if there is none.
pub(crate) async fn last_tile(store: &Store, level: u32) -> Result<Option<TileId>> {
    let sql = "SELECT place FROM audit_tile WHERE place >= ? AND place < ? \
               ORDER BY place DESC LIMIT 1";
    let [from, to] =
        [level, level.saturating_add(1)].map(|level| place(TileId { level, index: 0 }));
    let rows = store.query(sql, &values![from, to]).await?;
    rows.first().map(|row| Ok(tile_at(row.int(0)?))).transpose()
}

const ENTRIES: &str = "SELECT id, format, at, server, request, actor_kind, actor, bound_user, \
     peer, mode, app, account, operation, subject, scope, name_fingerprint, name, fingerprint, \
     outcome, status, reason, amount, detail FROM audit_entry \
     WHERE id >= ? AND id <= ? ORDER BY id LIMIT ?";

/// The rows of entries from one number to another, both included, in their order and `most` at
/// most. Their columns are `id` and those of [`crate::canonical::COLUMNS`].
pub(crate) async fn entries(parts: &[Store], from: u64, to: u64, most: i64) -> Result<Vec<Row>> {
    let params = values![signed(from), signed(to), most];
    let mut rows = Vec::new();
    for part in parts {
        rows.extend(part.scan(ENTRIES, &params).await?);
    }
    if parts.len() > 1 {
        rows.sort_by_key(|row| row.int(0).unwrap_or(i64::MAX));
        rows.truncate(usize::try_from(most).unwrap_or(usize::MAX));
    }
    Ok(rows)
}

/// The numbers of entries from one to another, both included, with their hashes: in their order
/// and `most` at most.
pub(crate) async fn hashes(
    parts: &[Store],
    from: u64,
    to: u64,
    most: i64,
) -> Result<Vec<(u64, Hash)>> {
    let params = values![signed(from), signed(to), most];
    let mut hashes = Vec::new();
    for part in parts {
        hashes.extend(part.scan_each(ENTRIES, &params, hash).await?);
    }
    if parts.len() > 1 {
        hashes.sort_by_key(|(id, _)| *id);
        hashes.truncate(usize::try_from(most).unwrap_or(usize::MAX));
    }
    Ok(hashes)
}

/// A row's number and its hash, of which the number is no part.
fn hash(columns: &[ValueRef<'_>]) -> Result<(u64, Hash)> {
    match columns.split_first() {
        Some((ValueRef::Int(id), rest)) => {
            let bytes = canonical::encode_borrowed(rest.iter().copied());
            Ok((size_of(*id)?, leaf_hash(&bytes)))
        }
        _ => Err(StorageError::Internal("an entry has no number".into())),
    }
}

/// Whether an entry of a shared store has a number, which it gets with a head.
pub(crate) async fn has_numbers(parts: &[Store]) -> Result<bool> {
    for part in parts.iter().filter(|part| part.is_shared()) {
        let sql = "SELECT id FROM audit_entry WHERE id > 0 LIMIT 1";
        if !part.query_part(sql, &[]).await?.is_empty() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// How many rows of entries no log can have: with numbers below 1.
pub(crate) async fn misplaced(parts: &[Store]) -> Result<u64> {
    let mut rows = 0u64;
    for part in parts {
        let found = part.scan("SELECT count(*) FROM audit_entry WHERE id < 1", &[]).await?;
        rows = rows.saturating_add(found.first().map_or(Ok(0), |row| row.int(0).map(unsigned))?);
    }
    Ok(rows)
}

const UNNUMBERED: &str = "SELECT ordinal, format, at, server, request, actor_kind, actor, \
     bound_user, peer, mode, app, account, operation, subject, scope, name_fingerprint, name, \
     fingerprint, outcome, status, reason, amount, detail FROM audit_entry \
     WHERE id IS NULL ORDER BY ordinal LIMIT ?";

/// Rows of a shared store that have no number yet, with their ordinal in its place; `most` at most.
/// An embedded store gives the numbers itself.
pub(crate) async fn unnumbered(part: &Store, most: i64) -> Result<Vec<Row>> {
    if !part.is_shared() {
        return Ok(Vec::new());
    }
    part.query_part(UNNUMBERED, &values![most]).await
}

/// Which column of a row of [`entries`] and [`unnumbered`] is the account.
const ACCOUNT: usize = 11;

/// What is appended to the log: new tiles, and a new head.
pub(crate) struct Append {
    /// The size that the log must have still.
    pub(crate) old: Option<u64>,
    pub(crate) new: Head,
    pub(crate) tiles: Vec<(TileId, Vec<Hash>)>,
    /// The numbers that rows get with it.
    pub(crate) numbers: Vec<Number>,
}

/// The number that a row of a shared store gets.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Number {
    account: String,
    ordinal: i64,
    id: i64,
}

impl Append {
    /// The numbers of `rows`, which are [`unnumbered`], from `first` on.
    pub(crate) fn numbers_of(rows: &[Row], first: u64) -> Result<Vec<Number>> {
        let numbered = (first..).zip(rows).map(|(number, row)| {
            let account = row.text(ACCOUNT)?.to_owned();
            Ok(Number { account, ordinal: row.int(0)?, id: signed(number) })
        });
        numbered.collect()
    }
}

/// How many rows of one account a statement gives numbers, the most first: what begins and ends a
/// statement costs as much as some rows, and each of these texts is prepared once.
const NUMBERED_AT_ONCE: [usize; 3] = [64, 8, 1];

/// The statements for [`NUMBERED_AT_ONCE`].
static NUMBER_ROWS: LazyLock<[&'static str; 3]> = LazyLock::new(|| {
    NUMBERED_AT_ONCE.map(|rows| {
        let pairs = vec!["(CAST(? AS BIGINT), CAST(? AS BIGINT))"; rows].join(", ");
        let sql = format!(
            "UPDATE audit_entry SET id = numbered.id \
             FROM (VALUES {pairs}) AS numbered (ordinal, id) \
             WHERE audit_entry.account = ? AND audit_entry.ordinal = numbered.ordinal \
             AND audit_entry.id IS NULL"
        );
        &*Box::leak(sql.into_boxed_str())
    })
});

/// What gives rows their numbers: as few statements as each account's rows allow.
fn numbering(numbers: &[Number]) -> Vec<(&'static str, Vec<Value>)> {
    let mut accounts: BTreeMap<&str, Vec<&Number>> = BTreeMap::new();
    for number in numbers {
        accounts.entry(&number.account).or_default().push(number);
    }
    let mut statements = Vec::new();
    for (account, mut left) in accounts {
        for (rows, sql) in NUMBERED_AT_ONCE.into_iter().zip(*NUMBER_ROWS) {
            while left.len() >= rows {
                let pairs =
                    left.drain(..rows).flat_map(|number| values![number.ordinal, number.id]);
                let params = pairs.chain(values![account]).collect();
                statements.push((sql, params));
            }
        }
    }
    statements
}

impl Work for Append {
    /// Whether it was appended; if not, somebody else has appended meanwhile.
    type Out = bool;

    fn of_many_accounts(&self) -> bool {
        true
    }

    fn is_record(&self) -> bool {
        true
    }

    async fn run(&self, tx: &mut Tx<'_>) -> Result<bool> {
        let Head { size, at, note, .. } = &self.new;
        // The head's row is a lock: whoever comes second finds another size.
        let changed = match self.old {
            None => {
                let sql = "INSERT INTO audit_head (singleton, size, at, note, pruned) \
                           VALUES (1, ?, ?, ?, 0) ON CONFLICT (singleton) DO NOTHING";
                tx.execute(sql, &values![signed(*size), *at, note]).await?
            }
            Some(old) => {
                let sql = "UPDATE audit_head SET size = ?, at = ?, note = ? \
                           WHERE singleton = 1 AND size = ?";
                tx.execute(sql, &values![signed(*size), *at, note, signed(old)]).await?
            }
        };
        if changed == 0 {
            return Ok(false);
        }
        for (sql, params) in numbering(&self.numbers) {
            tx.defer(sql, params);
        }
        for (id, hashes) in &self.tiles {
            let sql = "INSERT INTO audit_tile (place, hashes) VALUES (?, ?) \
                       ON CONFLICT (place) DO UPDATE SET hashes = excluded.hashes";
            tx.defer(sql, values![place(*id), to_bytes(hashes)]);
        }
        Ok(true)
    }
}

/// Allows entries up to a number to be deleted, as `note` says
/// ([`crate::checkpoint::sign_pruned`]); returns whether the log reaches so far.
///
/// # Errors
/// If the statement fails, which fails the transaction.
pub async fn allow_pruning(tx: &mut Tx<'_>, up_to: u64, note: &str) -> Result<bool> {
    let sql = "UPDATE audit_head \
               SET pruned_note = CASE WHEN pruned <= ? THEN ? ELSE pruned_note END, \
               pruned = CASE WHEN pruned < ? THEN ? ELSE pruned END \
               WHERE singleton = 1 AND size >= ?";
    let up_to = signed(up_to);
    Ok(tx.execute(sql, &values![up_to, note, up_to, up_to, up_to]).await? == 1)
}

/// Signs what the version before has let be pruned without a signature.
pub(crate) struct SealPruned {
    /// The number, which must be there still.
    pub(crate) up_to: u64,
    pub(crate) note: String,
}

impl Work for SealPruned {
    type Out = ();

    fn grows(&self) -> bool {
        false
    }

    fn of_many_accounts(&self) -> bool {
        true
    }

    fn is_record(&self) -> bool {
        true
    }

    async fn run(&self, tx: &mut Tx<'_>) -> Result<()> {
        let sql = "UPDATE audit_head SET pruned_note = ? \
                   WHERE singleton = 1 AND pruned = ? AND pruned_note IS NULL";
        let note = self.note.as_str();
        tx.execute(sql, &values![note, signed(self.up_to)]).await.map(drop)
    }
}

/// Deletes some of the entries of one part of a store up to a number; returns how many.
pub(crate) struct Prune {
    pub(crate) up_to: u64,
}

impl Work for Prune {
    type Out = u64;

    fn grows(&self) -> bool {
        false
    }

    fn of_many_accounts(&self) -> bool {
        true
    }

    async fn run(&self, tx: &mut Tx<'_>) -> Result<u64> {
        let sql = "SELECT id, account FROM audit_entry WHERE id <= ? ORDER BY id LIMIT ?";
        let most = coffer_base::limit::JOB_BATCH;
        let rows = tx.query_part(sql, &values![signed(self.up_to), most]).await?;
        for row in &rows {
            let (id, account) = (row.int(0)?, row.text(1)?);
            // Two steps, without which the trigger refuses: nothing else takes the first.
            let gone = -id.saturating_abs();
            let sql = "UPDATE audit_entry SET id = ? WHERE account = ? AND id = ?";
            tx.defer(sql, values![gone, account, id]);
            tx.defer(
                "DELETE FROM audit_entry WHERE account = ? AND id = ?",
                values![account, gone],
            );
        }
        Ok(u64::try_from(rows.len()).unwrap_or(u64::MAX))
    }
}

/// The size of a log as a number of the database has it.
///
/// # Errors
/// [`StorageError::Internal`] if no such log can exist.
pub(crate) fn size_of(number: i64) -> Result<u64> {
    u64::try_from(number).map_err(|_| StorageError::Internal("a negative number".into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_row_gets_its_number_in_one_statement() {
        let account = |id: i64| if id % 10 == 0 { "acct_rare" } else { "acct_busy" }.to_owned();
        let numbers: Vec<_> =
            (1..=160).map(|id| Number { account: account(id), ordinal: 1_000 + id, id }).collect();
        let statements = numbering(&numbers);
        // 144 rows of one account are twice 64 and twice 8, and 16 of another twice 8.
        assert_eq!(statements.len(), 6);
        let mut given = Vec::new();
        for (sql, mut params) in statements {
            assert_eq!(sql.matches('?').count(), params.len());
            let account = params.pop();
            for pair in params.chunks(2) {
                if let [Value::Int(ordinal), Value::Int(id)] = pair {
                    assert_eq!(account, Some(Value::from(self::account(&numbers, *id))));
                    assert_eq!(*ordinal, 1_000 + *id);
                    given.push(*id);
                }
            }
        }
        given.sort_unstable();
        assert_eq!(given, (1..=160).collect::<Vec<_>>());
    }

    fn account(numbers: &[Number], id: i64) -> &str {
        numbers.iter().find(|number| number.id == id).map_or("", |number| &number.account)
    }
}
