//! Many entries in one transaction of their own.

use super::INSERT;
use crate::canonical::{COLUMNS, encode_into};
use crate::entry::{Entry, OWN};
use crate::fresh::Fresh;
use crate::server::server_name;
use crate::tree::leaf_hash;
use coffer_crypto::Hash;
use coffer_storage::{Query, Statement, StorageError, Store, Tx, Value, Work};
use std::sync::LazyLock;

/// Rows of one statement: what begins and ends each costs as much as some rows.
const ROWS: usize = 16;

/// Statements that are prepared before others of the thread have their turn: a fraction of a
/// millisecond.
const STATEMENTS_AT_ONCE: usize = 8;

/// Columns that entries share which are alike.
const SHARED: usize = COLUMNS.len() - OWN.len();

/// [`INSERT`] for [`ROWS`] entries.
static INSERT_ROWS: LazyLock<&'static str> =
    LazyLock::new(|| insert(std::iter::repeat_n(VALUES.to_owned(), ROWS)));

/// The same for as many that are alike: what they share is given once, before what each has of its
/// own.
static INSERT_ALIKE: LazyLock<&'static str> = LazyLock::new(|| insert((0..ROWS).map(alike_row)));

/// How [`INSERT`] ends.
const VALUES: &str = "(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";

fn insert(rows: impl Iterator<Item = String>) -> &'static str {
    let head = INSERT.strip_suffix(VALUES).unwrap_or(INSERT);
    Box::leak(format!("{head}{}", rows.collect::<Vec<_>>().join(", ")).into_boxed_str())
}

/// One row of [`INSERT_ALIKE`], by the numbers of its parameters.
fn alike_row(row: usize) -> String {
    let parameters: Vec<String> = places(row).map(|place| format!("?{}", place + 1)).collect();
    format!("({})", parameters.join(", "))
}

/// Where the columns of a row are among the parameters of [`INSERT_ALIKE`].
fn places(row: usize) -> impl Iterator<Item = usize> {
    let (mut shared, mut own) = (0.., SHARED + row * OWN.len()..);
    (0..COLUMNS.len()).filter_map(
        move |column| {
            if OWN.contains(&column) { own.next() } else { shared.next() }
        },
    )
}

/// Writes entries in one transaction, and keeps their hashes for the log.
///
/// # Errors
/// When they could not be written.
pub async fn record_all(
    store: &Store,
    entries: &[Entry],
    fresh: &Fresh,
) -> Result<(), StorageError> {
    // In a shared store a row has no number yet, and so its hash no place.
    let hashes = (!store.is_shared()).then(Vec::new);
    let mut batch = Batch { statements: Vec::new(), hashes, encoded: Vec::new() };
    for some in entries.chunks(ROWS * STATEMENTS_AT_ONCE) {
        some.chunks(ROWS).for_each(|rows| batch.add(rows));
        tokio::task::yield_now().await;
    }
    let hashes = batch.hashes.take().unwrap_or_default();
    let last = store.write(batch).await?;
    let count = u64::try_from(hashes.len()).unwrap_or(u64::MAX);
    if let Some(before) = last.and_then(|last| last.checked_sub(count)) {
        fresh.add(before.saturating_add(1), hashes);
    }
    Ok(())
}

/// The statements of one transaction.
struct Batch {
    statements: Vec<Query>,
    /// The hashes of the rows, if somebody has use for them.
    hashes: Option<Vec<Hash>>,
    /// The row that was hashed last.
    encoded: Vec<u8>,
}

impl Batch {
    /// Adds at most [`ROWS`] rows.
    fn add(&mut self, rows: &[Entry]) {
        let server = server_name();
        let is_full = rows.len() == ROWS;
        match rows.first() {
            Some(first) if is_full && rows.iter().all(|row| row.is_like(first)) => {
                let params = alike_values(first, rows, server);
                for row in 0..ROWS {
                    self.hash(places(row).filter_map(|place| params.get(place)));
                }
                self.statements.push(Query::new(*INSERT_ALIKE, params));
            }
            _ => {
                let (sql, at_once) = if is_full { (*INSERT_ROWS, ROWS) } else { (INSERT, 1) };
                for rows in rows.chunks(at_once) {
                    let values = rows.iter().flat_map(|row| row.values(server));
                    let params: Vec<Value> = values.collect();
                    params.chunks(COLUMNS.len()).for_each(|columns| self.hash(columns));
                    self.statements.push(Query::new(sql, params));
                }
            }
        }
    }

    fn hash<'v>(&mut self, columns: impl IntoIterator<Item = &'v Value>) {
        if let Some(hashes) = &mut self.hashes {
            let columns = columns.into_iter().map(Value::borrowed);
            self.encoded.clear();
            encode_into(&mut self.encoded, columns);
            hashes.push(leaf_hash(&self.encoded));
        }
    }
}

/// The parameters of [`INSERT_ALIKE`].
fn alike_values(first: &Entry, rows: &[Entry], server: &str) -> Vec<Value> {
    let all = first.values(server).into_iter().enumerate();
    let shared = all.filter(|(column, _)| !OWN.contains(column)).map(|(_, value)| value);
    shared.chain(rows.iter().flat_map(Entry::own_values)).collect()
}

impl Work for Batch {
    /// The number of the last row, in an embedded store.
    type Out = Option<u64>;

    fn of_many_accounts(&self) -> bool {
        true
    }

    fn is_record(&self) -> bool {
        true
    }

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Option<u64>, StorageError> {
        let statements: Vec<Statement<'_>> = self.statements.iter().map(Query::statement).collect();
        tx.batch(&statements).await?;
        if tx.is_remote() {
            return Ok(None);
        }
        let last = tx.query_part("SELECT max(id) FROM audit_entry", &[]).await?;
        let last = last.first().map(|row| row.int(0)).transpose()?;
        Ok(last.and_then(|last| u64::try_from(last).ok()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entry::{Outcome, Scope, Target};
    use crate::store::{MIGRATIONS, log};
    use coffer_base::{AccountId, AppId, Mode, Tenant, Timestamp};
    use coffer_storage::Options;
    use std::sync::Arc;

    fn entry(number: u32) -> Entry {
        let tenant = Tenant {
            mode: Mode::Live,
            app: AppId::parse("app_1").unwrap(),
            account: AccountId::parse(&format!("acct_{number}")).unwrap(),
        };
        let at = Timestamp::from_unix(1_800_000_000 + i64::from(number));
        let entry = Entry::of_program("program.test", tenant, at);
        Entry {
            request: Some(Arc::from(format!("req_{number}"))),
            target: Target {
                subject: number.is_multiple_of(2).then(|| format!("secret_{number}")),
                scope: number.is_multiple_of(3).then(|| Scope::User(format!("usr_{number}"))),
                name: number.is_multiple_of(5).then(|| "n".repeat(300)),
                ..Target::default()
            },
            ..entry
        }
    }

    async fn written(store: &Store, entries: &[Entry]) -> (Vec<(u64, Hash)>, Vec<(u64, Hash)>) {
        let parts = std::slice::from_ref(store);
        let from = log::hashes(parts, 1, u64::MAX, 1000).await.unwrap().len() as u64 + 1;
        let fresh = Fresh::default();
        record_all(store, entries, &fresh).await.unwrap();
        (fresh.take(from), log::hashes(parts, from, u64::MAX, 1000).await.unwrap())
    }

    #[tokio::test]
    async fn hashes_are_those_of_the_rows_however_they_are_written() {
        let directory = tempfile::tempdir().unwrap();
        let (path, now) = (directory.path().join("data.db"), Timestamp::from_unix(1));
        let opened = Store::open_sqlite(&path, &[MIGRATIONS], now, Options::default());
        let (store, _) = opened.unwrap();
        let rows = u32::try_from(ROWS).unwrap();
        let alike: Vec<Entry> = (0..3 * rows + 5).map(entry).collect();
        let (fresh, stored) = written(&store, &alike).await;
        assert_eq!((fresh.len(), &fresh), (alike.len(), &stored));
        let others = [
            Entry { outcome: Outcome::Refused { status: 404, reason: "gone" }, ..entry(0) },
            Entry { amount: Some(7), ..entry(1) },
            Entry { detail: Some("d".repeat(900)), ..entry(2) },
        ];
        let mixed: Vec<Entry> = others.into_iter().chain((3..2 * rows).map(entry)).collect();
        let (fresh, stored) = written(&store, &mixed).await;
        assert_eq!((fresh.len(), &fresh), (mixed.len(), &stored));
        let columns =
            "SELECT account, request, subject, length(name) FROM audit_entry WHERE id = 31";
        let row = store.query_part(columns, &[]).await.unwrap().remove(0);
        let expected = coffer_storage::values!["acct_30", "req_30", "secret_30", 200_i64];
        assert_eq!(row.into_values(), expected);
    }
}
