//! A table's rows, page after page: in the order of its key, or without one in the physical order.

use super::table::{Table, leak_sql};
use crate::error::{Result, StorageError};
use crate::row::Row;
use crate::store::Store;
use crate::value::Value;
use crate::values;

/// Rows of a page, which are moved in one transaction.
const PAGE: i64 = 500;

/// Blocks in a page of a PostgreSQL table without a key: some hundreds of rows.
const BLOCKS: i64 = 8;

/// The pages of a table that are still to be read.
pub(super) enum Pages<'s> {
    Keyed(Keyed<'s>),
    Physical(Physical<'s>),
}

impl<'s> Pages<'s> {
    pub(super) fn of(store: &'s Store, table: &Table) -> Self {
        let key = if store.is_shared() { &table.shared_key } else { &table.key };
        if key.is_empty() && store.is_shared() {
            Self::Physical(Physical::of(store, table))
        } else {
            Self::Keyed(Keyed::of(store, table, key))
        }
    }

    /// The next rows; none at the end.
    pub(super) async fn next(&mut self) -> Result<Vec<Vec<Value>>> {
        match self {
            Self::Keyed(pages) => pages.next().await,
            Self::Physical(pages) => pages.next().await,
        }
    }

    /// Skips the first `rows`, which were whole pages.
    pub(super) async fn skip(&mut self, rows: i64) -> Result<()> {
        match self {
            Self::Keyed(pages) => pages.skip(rows).await,
            Self::Physical(pages) => pages.skip(rows).await,
        }
    }
}

fn shrunk() -> StorageError {
    StorageError::Schema("the source does not have the rows any more that were moved".into())
}

/// In the order of a key, or of the row ids that SQLite has instead.
pub(super) struct Keyed<'s> {
    store: &'s Store,
    first: &'static str,
    next: &'static str,
    /// Finds the key of the row after which to go on.
    nth: &'static str,
    columns: usize,
    after: Option<Vec<Value>>,
}

impl<'s> Keyed<'s> {
    fn of(store: &'s Store, table: &Table, key: &[String]) -> Self {
        let Table { name, columns, .. } = table;
        let columns = columns.join(", ");
        let key = if key.is_empty() { vec!["rowid".to_owned()] } else { key.to_vec() };
        let (order, bound) = (key.join(", "), vec!["?"; key.len()].join(", "));
        let from = format!("SELECT {order}, {columns} FROM {name}");
        Self {
            store,
            first: leak_sql(format!("{from} ORDER BY {order} LIMIT ?")),
            next: leak_sql(format!("{from} WHERE ({order}) > ({bound}) ORDER BY {order} LIMIT ?")),
            nth: leak_sql(format!("SELECT {order} FROM {name} ORDER BY {order} LIMIT 1 OFFSET ?")),
            columns: key.len(),
            after: None,
        }
    }

    async fn skip(&mut self, rows: i64) -> Result<()> {
        if rows > 0 {
            let last = self.store.scan(self.nth, &values![rows.saturating_sub(1)]).await?;
            self.after = Some(last.into_iter().next().ok_or_else(shrunk)?.into_values());
        }
        Ok(())
    }

    async fn next(&mut self) -> Result<Vec<Vec<Value>>> {
        let (sql, mut params) = match &self.after {
            None => (self.first, Vec::new()),
            Some(after) => (self.next, after.clone()),
        };
        params.push(Value::from(PAGE));
        let rows = self.store.scan(sql, &params).await?;
        let mut split: Vec<_> = rows.into_iter().map(|row| self.split(row)).collect();
        if let Some((key, _)) = split.last_mut() {
            self.after = Some(std::mem::take(key));
        }
        Ok(split.into_iter().map(|(_, row)| row).collect())
    }

    /// A row's key, and its columns.
    fn split(&self, row: Row) -> (Vec<Value>, Vec<Value>) {
        let mut key = row.into_values();
        let columns = key.split_off(self.columns.min(key.len()));
        (key, columns)
    }
}

/// In the physical order of a PostgreSQL table, some blocks at a time: the server finds them
/// without reading those before them.
pub(super) struct Physical<'s> {
    store: &'s Store,
    some: &'static str,
    /// Whether there are any from a place on.
    more: &'static str,
    block: i64,
}

impl<'s> Physical<'s> {
    fn of(store: &'s Store, table: &Table) -> Self {
        let Table { name, columns, .. } = table;
        let columns = columns.join(", ");
        let between = "ctid >= CAST(? AS tid) AND ctid < CAST(? AS tid)";
        Self {
            store,
            some: leak_sql(format!("SELECT {columns} FROM {name} WHERE {between} ORDER BY ctid")),
            more: leak_sql(format!("SELECT 1 FROM {name} WHERE ctid >= CAST(? AS tid) LIMIT 1")),
            block: 0,
        }
    }

    async fn skip(&mut self, rows: i64) -> Result<()> {
        let mut skipped = 0i64;
        while skipped < rows {
            let page = self.next().await?.len();
            skipped = skipped.saturating_add(i64::try_from(page).unwrap_or(i64::MAX));
            if page == 0 || skipped > rows {
                return Err(shrunk());
            }
        }
        Ok(())
    }

    async fn next(&mut self) -> Result<Vec<Vec<Value>>> {
        loop {
            let end = self.block.saturating_add(BLOCKS);
            let bounds = [self.block, end].map(|block| Value::from(format!("({block},0)")));
            let rows = self.store.scan(self.some, &bounds).await?;
            self.block = end;
            if !rows.is_empty() || self.is_over().await? {
                return Ok(rows.into_iter().map(Row::into_values).collect());
            }
        }
    }

    async fn is_over(&self) -> Result<bool> {
        let from = Value::from(format!("({},0)", self.block));
        Ok(self.store.scan(self.more, &[from]).await?.is_empty())
    }
}
