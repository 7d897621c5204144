//! The job that counts how much each app keeps.
//!
//! It walks through the tables in the order of their primary keys, some rows with each statement,
//! and shows what it found once it is through. A pass reads a bounded number of rows; the next one
//! goes on where it ended.

use crate::jobs::{Job, JobContext};
use crate::limits;
use crate::principal::{Authenticate, BoxFuture};
use crate::store::{DeleteRows, Prune};
use crate::usage::{Beyond, Counted, CountedTable, Measure, Usages};
use coffer_base::{Mode, Slots, limit};
use coffer_storage::{Row, StorageError, Store, Value, values};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// The job.
pub struct CountUsage {
    counts: Vec<CountedTable>,
    usages: Arc<Usages>,
    authenticate: Arc<dyn Authenticate>,
    walk: Mutex<Walk>,
    under_way: AtomicBool,
}

/// How far a walk has come, and what it has found.
#[derive(Default)]
struct Walk {
    /// The parts of the store; none before it has begun.
    parts: Vec<Store>,
    /// The place of the table that it is in, and that of the part.
    table: usize,
    part: usize,
    /// The key of the row that it has come to.
    after: Option<Vec<Value>>,
    found: Counted,
}

impl CountUsage {
    /// Counts these tables, and shows the result in `usages`. `authenticate` knows the apps' own
    /// quotas.
    pub fn new(
        counts: Vec<CountedTable>,
        usages: Arc<Usages>,
        authenticate: Arc<dyn Authenticate>,
    ) -> Self {
        let (walk, under_way) = (Mutex::default(), AtomicBool::new(false));
        Self { counts, usages, authenticate, walk, under_way }
    }

    /// Goes on with the walk for at most `pages` statements; answers what it found if it is
    /// through. A walk that fails or is cut begins again.
    async fn walk(&self, store: &Store, pages: u32) -> Result<Option<Counted>, StorageError> {
        let mut walk = std::mem::take(&mut *self.locked_walk());
        if walk.parts.is_empty() {
            walk.parts = store.parts().await?;
        }
        for _ in 0..pages {
            let Some(table) = self.counts.get(walk.table) else {
                walk.found.census.finish();
                self.under_way.store(false, Ordering::Relaxed);
                return Ok(Some(walk.found));
            };
            let mut params = walk.after.clone().unwrap_or_else(table.start);
            params.push(Value::Int(limits::COUNTED_AT_ONCE));
            let Some(part) = walk.parts.get(walk.part) else {
                walk.next_table();
                continue;
            };
            match part.query_part(table.next, &params).await {
                Ok(rows) => walk.add(table, &rows, &self.usages)?,
                // What is there is counted once its server is back.
                Err(StorageError::Unavailable(why)) if walk.parts.len() > 1 => {
                    tracing::warn!(%why, "a part of the store is not counted");
                    walk.next_part();
                }
                Err(error) => return Err(error),
            }
        }
        self.under_way.store(true, Ordering::Relaxed);
        *self.locked_walk() = walk;
        Ok(None)
    }

    fn locked_walk(&self) -> MutexGuard<'_, Walk> {
        self.walk.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Deletes what is oldest of what apps have too much of.
    async fn drop_oldest(&self, store: &Store, counted: &Counted) -> Result<u64, StorageError> {
        let mut dropped = 0u64;
        for (at, amount) in self.usages.amounts().iter().enumerate() {
            let Beyond::Drop { few, many } = amount.beyond else { continue };
            for (mode, app, held) in counted.all() {
                let held = held.get(at).copied().unwrap_or_default();
                if held <= amount.quota.from {
                    continue;
                }
                let own = self.authenticate.quota_of_app(app, amount.quota.name).await?;
                let most = own.unwrap_or(amount.default);
                if held > most {
                    let name = amount.quota.name;
                    tracing::warn!(app, name, held, most, "over its quota: the oldest go first");
                    let prune = if held > limits::ROWS_SORTED { many(store) } else { few };
                    let excess = held.saturating_sub(most);
                    let rows = drop_excess(store, prune, (mode, app), excess).await?;
                    dropped = dropped.saturating_add(rows);
                }
            }
        }
        Ok(dropped)
    }
}

async fn drop_excess(
    store: &Store,
    prune: Prune,
    (mode, app): (Mode, &str),
    mut excess: i64,
) -> Result<u64, StorageError> {
    let slots = Slots::of_app(mode, app);
    let params = values![mode, app, slots.first(), slots.last()];
    let mut dropped = 0u64;
    while excess > 0 {
        let batch = excess.min(limit::JOB_BATCH);
        let [mode, app, first, last] = params.clone();
        let params = [mode, app, first, last, Value::Int(batch)];
        let mut oldest = Vec::new();
        for (at, part) in store.parts().await?.into_iter().enumerate() {
            let found = part.scan(prune.select, &params).await?;
            oldest.extend(found.into_iter().map(|row| (at, row)));
        }
        // The last column says how old a row is.
        let age = |row: &Row| row.int(row.columns().saturating_sub(1)).unwrap_or(i64::MAX);
        oldest.sort_by_key(|(_, row)| age(row));
        oldest.truncate(usize::try_from(batch).unwrap_or(usize::MAX));
        if oldest.is_empty() {
            break;
        }
        dropped = dropped.saturating_add(u64::try_from(oldest.len()).unwrap_or(u64::MAX));
        excess = excess.saturating_sub(batch);
        // A transaction is of one part.
        oldest.sort_by_key(|(part, _)| *part);
        for rows in oldest.chunk_by(|(one, _), (other, _)| one == other) {
            let rows = rows.iter().map(|(_, row)| row.clone()).collect();
            store.write(DeleteRows { delete: prune.delete, rows }).await?;
        }
    }
    Ok(dropped)
}

impl Walk {
    /// Adds the next rows of the table; goes on with the next part if there are no more.
    fn add(
        &mut self,
        table: &CountedTable,
        rows: &[Row],
        usages: &Usages,
    ) -> Result<(), StorageError> {
        let key_columns = (table.start)().len();
        let places = table.adds.iter().map(|(name, measure)| (usages.place(name), *measure));
        let adds: Vec<_> = places.filter_map(|(at, measure)| Some((at?, measure))).collect();
        let mut before = self.after.as_deref().unwrap_or_default();
        for row in rows {
            let corrupt = || StorageError::Corrupt("a row that is counted has no mode".into());
            let mode = Mode::from_code(row.int(0)?).ok_or_else(corrupt)?;
            let (app, size) = (row.text(1)?, row.int(key_columns)?);
            let key = row.values(0..key_columns).unwrap_or_default();
            if table.census {
                self.found.census.add(mode, app, row.text(2)?);
            }
            let held = self.found.app(mode, app, usages.amounts().len());
            for (at, measure) in &adds {
                if let Some(sum) = held.get_mut(*at) {
                    *sum = sum.saturating_add(measure.of(size, before, key));
                }
            }
            before = key;
        }
        let after = before.to_vec();
        let is_last = i64::try_from(rows.len()).is_ok_and(|rows| rows < limits::COUNTED_AT_ONCE);
        self.after = Some(after);
        if is_last {
            self.next_part();
        }
        Ok(())
    }

    fn next_part(&mut self) {
        (self.part, self.after) = (self.part.saturating_add(1), None);
        if self.part >= self.parts.len() {
            self.next_table();
        }
    }

    fn next_table(&mut self) {
        (self.table, self.part, self.after) = (self.table.saturating_add(1), 0, None);
    }
}

impl Measure {
    /// What a row of this size adds, whose key follows the key `before`.
    fn of(self, size: i64, before: &[Value], key: &[Value]) -> i64 {
        match self {
            Self::Rows => 1,
            Self::Sizes => size,
            Self::Groups(columns) => i64::from(before.get(..columns) != key.get(..columns)),
        }
    }
}

impl Job for CountUsage {
    fn name(&self) -> &'static str {
        "count_usage"
    }

    fn every(&self) -> Duration {
        let under_way = self.under_way.load(Ordering::Relaxed);
        Duration::from_secs(match under_way {
            true => limits::COUNT_GOES_ON_SECONDS,
            false => limits::COUNT_EVERY_SECONDS,
        })
    }

    fn run<'a>(&'a self, context: &'a JobContext) -> BoxFuture<'a, Result<u64, StorageError>> {
        Box::pin(async move {
            let store = context.store.in_turn();
            match self.walk(&store, limits::COUNTS_PER_PASS).await? {
                None => Ok(0),
                Some(found) => {
                    let counted = self.usages.publish(found);
                    self.drop_oldest(&context.store, &counted).await
                }
            }
        })
    }
}

#[cfg(test)]
mod tests;
