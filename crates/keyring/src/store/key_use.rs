//! The SQL of uses of API keys.

use coffer_storage::{StorageError, Store, Tx, Work, values};
use std::collections::HashMap;

/// Counts one use of a key, unless it was used as often as it may be.
struct CountUse {
    key: String,
    most: i64,
}

impl Work for CountUse {
    /// How often the key was used with this time; `None` if none was left.
    type Out = Option<i64>;

    /// A key is refused that cannot be counted, and an operator's may be one.
    fn grows(&self) -> bool {
        false
    }

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Option<i64>, StorageError> {
        let sql = "INSERT INTO key_use (key, used) VALUES (?, 1) \
                   ON CONFLICT (key) DO UPDATE SET used = key_use.used + 1 \
                   WHERE key_use.used < ? RETURNING used";
        let rows = tx.query(sql, &values![&self.key, self.most]).await?;
        rows.first().map(|row| row.int(0)).transpose()
    }
}

/// Counts one use of the API key `key`, durably, on all servers as one: of a key that may be used
/// `most` times, no more are ever let through. Answers how many there were with this one; `None` if
/// none was left.
///
/// # Errors
/// If the key store cannot be written: then nothing was counted, or one use was lost.
pub async fn count_use(keys: &Store, key: &str, most: i64) -> Result<Option<i64>, StorageError> {
    keys.write(CountUse { key: key.to_owned(), most }).await
}

/// How often each of these API keys was used that are counted; one that never was is not among
/// them.
///
/// # Errors
/// If the key store cannot be read.
pub async fn uses(keys: &Store, of: &[&str]) -> Result<HashMap<String, i64>, StorageError> {
    let mut uses = HashMap::new();
    for key in of {
        let rows = keys.query("SELECT used FROM key_use WHERE key = ?", &values![*key]).await?;
        if let Some(row) = rows.first() {
            uses.insert((*key).to_owned(), row.int(0)?);
        }
    }
    Ok(uses)
}
