//! Moving a store's rows into another one, of another engine or of the same: as they are, in pages,
//! resumable after a kill, and compared afterwards.
//!
//! What tables there are is read from the migrations, so a family that is added is moved too. How
//! far a transfer came is kept in the target, in the same transactions as the rows.

mod pages;

use std::collections::BTreeMap;

use rusqlite::Connection;

use crate::error::{Result, StorageError};
use crate::migrate::MigrationSet;
use crate::store::Store;
use crate::transaction::{Tx, Work};
use crate::value::Value;
use pages::Pages;

/// A table to be moved.
#[derive(Clone, Debug)]
struct Table {
    name: String,
    columns: Vec<String>,
    /// What it is read in the order of; empty for a table without a primary key.
    key: Vec<String>,
}

/// How many rows of which table were moved, or compared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Progress {
    /// The table.
    pub table: String,
    /// Rows so far.
    pub done: u64,
    /// Rows in all.
    pub all: u64,
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
    /// A transfer of every table that the migrations `sets` make.
    ///
    /// # Errors
    /// [`StorageError::Schema`] if the migrations make no schema.
    pub fn new(from: &'s Store, to: &'s Store, sets: &[MigrationSet]) -> Result<Self> {
        Ok(Self { from, to, tables: tables_of(sets)? })
    }

    /// Whether a transfer to this store was begun and not finished.
    ///
    /// # Errors
    /// What the engine reports.
    pub async fn was_cut_in(store: &Store) -> Result<bool> {
        let note = if store.is_shared() {
            "SELECT 1 WHERE to_regclass('store_transfer') IS NOT NULL"
        } else {
            "SELECT 1 FROM sqlite_schema WHERE name = 'store_transfer'"
        };
        Ok(!store.query(note, &[]).await?.is_empty())
    }

    /// Moves what was not moved yet. `id` says which store is moved: a transfer that was cut goes
    /// on only if it is the same one.
    ///
    /// # Errors
    /// [`StorageError::Schema`] if the target holds anything else; what the engines report.
    pub async fn run(&self, id: &str, mut tell: impl FnMut(&Progress)) -> Result<()> {
        self.begin(id).await?;
        for table in &self.tables {
            self.move_table(table, &mut tell).await?;
        }
        Ok(())
    }

    /// Compares every row of both stores, and answers how many each table has.
    ///
    /// # Errors
    /// [`StorageError::Corrupt`] names the table that differs.
    pub async fn compare(&self, mut tell: impl FnMut(&Progress)) -> Result<Counts> {
        let mut counts = Counts::new();
        for table in &self.tables {
            let all = count(self.from, table).await?;
            let theirs = digest(self.from, table, |done| {
                tell(&Progress { table: table.name.clone(), done, all });
            });
            let theirs = theirs.await?;
            let ours = digest(self.to, table, |_| {}).await?;
            if theirs != ours {
                return Err(StorageError::Corrupt(format!(
                    "the table \"{}\" has {} rows in one store and {} in the other, and they are \
                     not the same; was the source written to meanwhile?",
                    table.name, theirs.0, ours.0
                )));
            }
            counts.insert(table.name.clone(), ours.0);
        }
        Ok(counts)
    }

    /// Takes away the note of how far the transfer came: the target is whole.
    ///
    /// # Errors
    /// What the engine reports.
    pub async fn finish(&self) -> Result<()> {
        self.to.change_schema("DROP TABLE store_transfer").await
    }

    /// Makes sure that the target is empty, or that this very transfer was cut.
    async fn begin(&self, id: &str) -> Result<()> {
        if let Some(source) = self.begun_from().await? {
            if source != id {
                return Err(StorageError::Schema(format!(
                    "a transfer of another store ({source}) was begun here; use an empty target"
                )));
            }
            return Ok(());
        }
        for table in &self.tables {
            if count(self.to, table).await? > 0 {
                return Err(StorageError::Schema(format!(
                    "the target is not empty: its table \"{}\" has rows. Nothing was moved",
                    table.name
                )));
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
        if !Self::was_cut_in(self.to).await? {
            return Ok(None);
        }
        let begun = self.to.query("SELECT source FROM store_transfer LIMIT 1", &[]).await?;
        begun.first().map(|row| row.text(0).map(str::to_owned)).transpose()
    }

    async fn move_table(&self, table: &Table, tell: &mut impl FnMut(&Progress)) -> Result<()> {
        let all = count(self.from, table).await?;
        let sql = "SELECT done FROM store_transfer WHERE name = ?";
        let rows = self.to.query(sql, &[Value::from(table.name.as_str())]).await?;
        let mut done = rows.first().map_or(Ok(0), |row| row.int(0))?;
        let mut pages = Pages::of(self.from, table);
        pages.skip(done).await?;
        loop {
            let rows = pages.next().await?;
            let moved = i64::try_from(rows.len()).unwrap_or(i64::MAX);
            done = done.saturating_add(moved);
            let progress = Progress { table: table.name.clone(), done: done.unsigned_abs(), all };
            if moved == 0 {
                tell(&progress);
                return Ok(());
            }
            self.to
                .write(MoveRows { insert: insert(table), rows, table: table.clone(), done })
                .await?;
            tell(&progress);
        }
    }
}

/// The note that a transfer was begun.
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
                vec![Value::from(table.name.as_str()), Value::from(self.source.as_str())],
            );
        }
        Ok(())
    }
}

/// A page of rows, and how far the table came with it.
struct MoveRows {
    insert: &'static str,
    rows: Vec<Vec<Value>>,
    table: Table,
    done: i64,
}

impl Work for MoveRows {
    type Out = ();

    async fn run(&self, tx: &mut Tx<'_>) -> Result<()> {
        for row in &self.rows {
            tx.defer(self.insert, row.clone());
        }
        tx.defer(
            "UPDATE store_transfer SET done = ? WHERE name = ?",
            vec![Value::Int(self.done), Value::from(self.table.name.as_str())],
        );
        Ok(())
    }
}

/// The tables that the migrations make, with their columns and keys.
fn tables_of(sets: &[MigrationSet]) -> Result<Vec<Table>> {
    let schema = Connection::open_in_memory()?;
    for migration in sets.iter().flat_map(|set| set.migrations) {
        schema.execute_batch(migration.sql)?;
    }
    let names = "SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY rowid";
    let mut names = schema.prepare(names)?;
    let names: Vec<String> =
        names.query_map([], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?;
    names.into_iter().map(|name| table_of(&schema, name)).collect()
}

fn table_of(schema: &Connection, name: String) -> Result<Table> {
    let mut about = schema.prepare("SELECT name, pk FROM pragma_table_info(?) ORDER BY cid")?;
    let about = about.query_map([&name], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let about: Vec<(String, i64)> = about.collect::<rusqlite::Result<_>>()?;
    let mut key: Vec<_> = about.iter().filter(|(_, place)| *place > 0).collect();
    key.sort_by_key(|(_, place)| *place);
    let key = key.into_iter().map(|(name, _)| name.clone()).collect();
    Ok(Table { name, columns: about.into_iter().map(|(name, _)| name).collect(), key })
}

/// Texts of statements live as long as the program, and there are a few for each table.
fn lasting(sql: String) -> &'static str {
    Box::leak(sql.into_boxed_str())
}

fn insert(table: &Table) -> &'static str {
    let places = vec!["?"; table.columns.len()].join(", ");
    let columns = table.columns.join(", ");
    lasting(format!("INSERT INTO {} ({columns}) VALUES ({places})", table.name))
}

async fn count(store: &Store, table: &Table) -> Result<u64> {
    let rows = store.scan(lasting(format!("SELECT count(*) FROM {}", table.name)), &[]).await?;
    Ok(rows.first().map_or(Ok(0), |row| row.int(0))?.unsigned_abs())
}

/// How many rows a table has, and a sum of what they hold that does not ask for their order.
async fn digest(store: &Store, table: &Table, mut tell: impl FnMut(u64)) -> Result<(u64, u128)> {
    let mut pages = Pages::of(store, table);
    let (mut rows, mut sum) = (0u64, 0u128);
    loop {
        let page = pages.next().await?;
        if page.is_empty() {
            return Ok((rows, sum));
        }
        for row in &page {
            rows = rows.saturating_add(1);
            sum = sum.wrapping_add(crate::migrate::fnv1a_128(&written(row)));
        }
        tell(rows);
    }
}

/// A row as bytes, no two of which can be taken for one another.
fn written(row: &[Value]) -> Vec<u8> {
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
