//! The SQL of revocations.

use coffer_base::Timestamp;
use coffer_storage::{Row, StorageError, Store, Tx, Value, Work, values};
use std::collections::HashMap;

/// Records revocations: subject, floor, expiry of each.
pub(crate) struct InsertRevocations(pub(crate) Vec<(String, i64, Option<Timestamp>)>);

impl Work for InsertRevocations {
    type Out = ();

    fn grows(&self) -> bool {
        false
    }

    async fn run(&self, tx: &mut Tx<'_>) -> Result<(), StorageError> {
        for (subject, floor, expires_at) in &self.0 {
            tx.defer(
                "INSERT INTO revocation (subject, floor, expires_at) VALUES (?, ?, ?) \
                 ON CONFLICT (subject) DO UPDATE \
                 SET floor = excluded.floor, expires_at = excluded.expires_at \
                 WHERE excluded.floor > revocation.floor",
                values![subject, *floor, *expires_at],
            );
        }
        Ok(())
    }
}

/// A row of subject and floor.
fn floor(row: &Row) -> Result<(String, i64), StorageError> {
    Ok((row.text(0)?.to_owned(), row.int(1)?))
}

const FLOORS: &str =
    "SELECT subject, floor FROM revocation WHERE subject IN (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";

pub(crate) async fn floors(
    keys: &Store,
    subjects: &[String; 11],
) -> Result<HashMap<String, i64>, StorageError> {
    let params: Vec<Value> = subjects.iter().map(Value::from).collect();
    keys.query(FLOORS, &params).await?.iter().map(floor).collect()
}

pub(crate) async fn all_floors(keys: &Store) -> Result<HashMap<String, i64>, StorageError> {
    keys.scan("SELECT subject, floor FROM revocation", &[]).await?.iter().map(floor).collect()
}

pub(crate) async fn highest_floor(keys: &Store) -> Result<i64, StorageError> {
    let rows = keys.query("SELECT max(floor) FROM revocation", &[]).await?;
    let highest = rows.first().map(|row| row.optional_int(0)).transpose()?.flatten();
    Ok(highest.unwrap_or(0))
}

/// Deletes revocations that ended before a time.
pub(crate) struct PruneRevocations {
    pub(crate) before: Timestamp,
    pub(crate) limit: i64,
}

impl Work for PruneRevocations {
    type Out = u64;

    fn grows(&self) -> bool {
        false
    }

    async fn run(&self, tx: &mut Tx<'_>) -> Result<u64, StorageError> {
        tx.execute(
            "DELETE FROM revocation WHERE subject IN (SELECT subject FROM revocation \
             WHERE expires_at < ? ORDER BY expires_at LIMIT ?)",
            &values![self.before, self.limit],
        )
        .await
    }
}
