//! Moving a store's rows unchanged into another one, of another engine or of the same: in pages,
//! resumable after a kill, and compared afterwards.
//!
//! The list of tables is read from the migrations, so a new family is moved too. The progress of a
//! transfer is stored in the target, in the same transactions as the rows.

mod pages;
mod salvage;
mod table;

pub use salvage::{Saved, salvage};

use std::collections::BTreeMap;

use crate::checksum::fnv1a_128;
use crate::error::{Result, StorageError};
use crate::migration::MigrationSet;
use crate::store::Store;
use crate::transaction::{Tx, Work};
use crate::value::Value;
use crate::values;
use pages::Pages;
use table::{Table, leak_sql, tables_of};

/// How many rows of a table were moved, or compared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Progress {
    /// The table.
    pub table: String,
    /// Rows so far.
    pub done: u64,
    /// Rows in all.
    pub total: u64,
}

/// What both stores hold after a transfer: the rows of each table.
pub type Counts = BTreeMap<String, u64>;

/// A transfer of all rows of the schemas `sets` from one store to another.
#[derive(Debug)]
pub struct Transfer<'s> {
    from: &'s Store,
    to: &'s Store,
    tables: Vec<Table>,
}

impl<'s> Transfer<'s> {
    /// A transfer of every table that the migrations `sets` create.
    ///
    /// # Errors
    /// [`StorageError::Rejected`] if SQLite refuses one of the migrations.
    pub fn new(from: &'s Store, to: &'s Store, sets: &[MigrationSet]) -> Result<Self> {
        Ok(Self { from, to, tables: tables_of(sets)? })
    }

    /// Whether a transfer to this store was begun and not finished.
    ///
    /// # Errors
    /// [`StorageError::Unavailable`] if the database cannot be reached.
    pub async fn is_incomplete(store: &Store) -> Result<bool> {
        let sql = if store.is_shared() {
            "SELECT 1 WHERE to_regclass('store_transfer') IS NOT NULL"
        } else {
            "SELECT 1 FROM sqlite_schema WHERE name = 'store_transfer'"
        };
        Ok(!store.query(sql, &[]).await?.is_empty())
    }

    /// Moves what was not moved yet. `id` identifies the source: an interrupted transfer is only
    /// resumed from the same one.
    ///
    /// # Errors
    /// [`StorageError::Schema`] if the target holds rows of anything else;
    /// [`StorageError::Unavailable`] if a database cannot be reached.
    pub async fn run(&self, id: &str, mut report: impl FnMut(&Progress)) -> Result<()> {
        self.begin(id).await?;
        for table in &self.tables {
            self.move_table(table, &mut report).await?;
        }
        Ok(())
    }

    /// Compares every row of both stores, and returns how many each table has.
    ///
    /// # Errors
    /// [`StorageError::Corrupt`] names the table that differs.
    pub async fn compare(&self, mut report: impl FnMut(&Progress)) -> Result<Counts> {
        let mut counts = Counts::new();
        for table in &self.tables {
            let total = count(self.from, table).await?;
            let theirs = digest(self.from, table, |done| {
                report(&Progress { table: table.name.clone(), done, total });
            });
            let theirs = theirs.await?;
            let ours = digest(self.to, table, |_| {}).await?;
            if theirs != ours {
                let text = format!(
                    "the table \"{}\" has {} rows in one store and {} in the other, and they are \
                     not the same; was the source written to meanwhile?",
                    table.name, theirs.0, ours.0
                );
                return Err(StorageError::Corrupt(text.into()));
            }
            counts.insert(table.name.clone(), ours.0);
        }
        Ok(counts)
    }

    /// Drops the table of progress: the target is complete.
    ///
    /// # Errors
    /// [`StorageError::Unavailable`] if the database cannot be reached.
    pub async fn finish(&self) -> Result<()> {
        self.to.change_schema("DROP TABLE store_transfer").await
    }

    /// Makes sure that the target is empty, or holds a part of this transfer.
    async fn begin(&self, id: &str) -> Result<()> {
        if let Some(source) = self.begun_from().await? {
            if source != id {
                let text = format!(
                    "a transfer of another store ({source}) was begun here; use an empty target"
                );
                return Err(StorageError::Schema(text.into()));
            }
            return Ok(());
        }
        for table in &self.tables {
            if count(self.to, table).await? > 0 {
                let text = format!(
                    "the target is not empty: its table \"{}\" has rows. Nothing was moved",
                    table.name
                );
                return Err(StorageError::Schema(text.into()));
            }
        }
        self.to
            .change_schema(
                "CREATE TABLE IF NOT EXISTS store_transfer (\
                 name TEXT NOT NULL PRIMARY KEY, source TEXT NOT NULL, done BIGINT NOT NULL)",
            )
            .await?;
        let source = id.to_owned();
        self.to.write(Begin { source, tables: self.tables.clone() }).await
    }

    /// The store from which a transfer was begun here.
    async fn begun_from(&self) -> Result<Option<String>> {
        if !Self::is_incomplete(self.to).await? {
            return Ok(None);
        }
        let begun = self.to.query("SELECT source FROM store_transfer LIMIT 1", &[]).await?;
        begun.first().map(|row| row.text(0).map(str::to_owned)).transpose()
    }

    async fn move_table(&self, table: &Table, report: &mut impl FnMut(&Progress)) -> Result<()> {
        let sql = "SELECT done FROM store_transfer WHERE name = ?";
        let rows = self.to.query(sql, &values![&table.name]).await?;
        let mut done = rows.first().map_or(Ok(0), |row| row.int(0))?.unsigned_abs();
        let mut parts = Vec::new();
        for part in parts_of(self.from, table).await? {
            let rows = count_part(&part, table).await?;
            parts.push((part, rows));
        }
        let total = parts.iter().map(|(_, rows)| rows).sum();
        let progress = |done| Progress { table: table.name.clone(), done, total };
        // What was moved before is the first parts, and a piece of the next.
        let mut moved = done;
        for (part, rows) in parts {
            let skipped = moved.min(rows);
            moved = moved.saturating_sub(skipped);
            if skipped < rows {
                self.move_part(&part, table, skipped, &mut done, |done| report(&progress(done)))
                    .await?;
            }
        }
        if table.is_numbered && self.to.is_shared() {
            self.go_on_numbering(table).await?;
        }
        report(&progress(done));
        Ok(())
    }

    /// Has a shared store give numbers that none of the rows has which were moved there.
    async fn go_on_numbering(&self, table: &Table) -> Result<()> {
        let Table { name, .. } = table;
        let sql = format!(
            "SELECT setval(pg_get_serial_sequence('{name}', 'id'), \
             (SELECT coalesce(max(id), 0) + 1 FROM {name}), false)"
        );
        self.to.change_schema(leak_sql(sql)).await
    }

    /// Moves the rows of one part of a table but for the first `skipped`. `done` counts those of
    /// all parts.
    async fn move_part(
        &self,
        part: &Store,
        table: &Table,
        skipped: u64,
        done: &mut u64,
        mut report: impl FnMut(u64),
    ) -> Result<()> {
        let mut pages = Pages::of(part, table);
        pages.skip(i64::try_from(skipped).unwrap_or(i64::MAX)).await?;
        loop {
            let rows = pages.next().await?;
            if rows.is_empty() {
                return Ok(());
            }
            *done = done.saturating_add(u64::try_from(rows.len()).unwrap_or(u64::MAX));
            let (insert, table) = (insert(table), table.clone());
            let moved = i64::try_from(*done).unwrap_or(i64::MAX);
            self.to.write(MoveRows { insert, rows, table, done: moved }).await?;
            report(*done);
        }
    }
}

/// Records that a transfer was begun.
struct Begin {
    source: String,
    tables: Vec<Table>,
}

impl Work for Begin {
    type Out = ();

    async fn run(&self, tx: &mut Tx<'_>) -> Result<()> {
        for table in &self.tables {
            tx.defer(
                "INSERT INTO store_transfer (name, source, done) VALUES (?, ?, 0)",
                values![&table.name, &self.source],
            );
        }
        Ok(())
    }
}

/// A page of rows, and the progress of its table.
struct MoveRows {
    insert: &'static str,
    rows: Vec<Vec<Value>>,
    table: Table,
    done: i64,
}

impl Work for MoveRows {
    type Out = ();

    fn of_many_accounts(&self) -> bool {
        true
    }

    async fn run(&self, tx: &mut Tx<'_>) -> Result<()> {
        for row in &self.rows {
            tx.defer(self.insert, row.clone());
        }
        tx.defer(
            "UPDATE store_transfer SET done = ? WHERE name = ?",
            values![self.done, &self.table.name],
        );
        Ok(())
    }
}

fn insert(table: &Table) -> &'static str {
    let placeholders = vec!["?"; table.columns.len()].join(", ");
    let columns = table.columns.join(", ");
    leak_sql(format!("INSERT INTO {} ({columns}) VALUES ({placeholders})", table.name))
}

/// The parts of a store in which the rows of a table are, always in the same order.
async fn parts_of(store: &Store, table: &Table) -> Result<Vec<Store>> {
    if table.is_spread { store.parts().await } else { Ok(vec![store.clone()]) }
}

async fn count(store: &Store, table: &Table) -> Result<u64> {
    let mut rows = 0u64;
    for part in parts_of(store, table).await? {
        rows = rows.saturating_add(count_part(&part, table).await?);
    }
    Ok(rows)
}

async fn count_part(part: &Store, table: &Table) -> Result<u64> {
    let rows = part.scan(leak_sql(format!("SELECT count(*) FROM {}", table.name)), &[]).await?;
    Ok(rows.first().map_or(Ok(0), |row| row.int(0))?.unsigned_abs())
}

/// How many rows a table has, and a sum of their checksums, which does not depend on their order.
async fn digest(store: &Store, table: &Table, mut report: impl FnMut(u64)) -> Result<(u64, u128)> {
    let (mut rows, mut sum) = (0u64, 0u128);
    for part in parts_of(store, table).await? {
        let mut pages = Pages::of(&part, table);
        loop {
            let page = pages.next().await?;
            if page.is_empty() {
                break;
            }
            for row in &page {
                rows = rows.saturating_add(1);
                sum = sum.wrapping_add(fnv1a_128(&encode_row(row)));
            }
            report(rows);
        }
    }
    Ok((rows, sum))
}

/// A row as bytes; different rows differ.
fn encode_row(row: &[Value]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut put = |kind: u8, content: &[u8]| {
        bytes.push(kind);
        bytes.extend_from_slice(&(content.len() as u64).to_be_bytes());
        bytes.extend_from_slice(content);
    };
    for value in row {
        match value {
            Value::Null => put(0, &[]),
            Value::Int(number) => put(1, &number.to_be_bytes()),
            Value::Text(text) => put(2, text.as_bytes()),
            Value::Blob(blob) => put(3, blob),
        }
    }
    bytes
}
