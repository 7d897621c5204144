//! The SQL of the head: how far a store has come.

use coffer_base::Random;
use coffer_storage::{StorageError, Store, Tx, Work, values};

/// Bytes of a mark: two heads of the same sequence do not have the same one by chance.
const MARK_BYTES: usize = 16;

/// How far a store has come: a number that only rises, and a random mark that says of which history
/// it is. A store that was put back has a lower number, or another mark.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Head {
    /// 0 in a store that no server has served yet.
    pub sequence: i64,
    /// Empty with sequence 0.
    pub mark: Vec<u8>,
}

/// How far `store` has come, which is the data or the keys.
///
/// # Errors
/// If it cannot be read.
pub async fn head(store: &Store) -> Result<Head, StorageError> {
    let rows = store.query("SELECT sequence, mark FROM store_head", &[]).await?;
    let Some(row) = rows.first() else { return Ok(Head::default()) };
    Ok(Head { sequence: row.int(0)?, mark: row.blob(1)?.to_vec() })
}

/// Raises the head of `store`.
///
/// # Errors
/// If it cannot be written.
pub async fn raise_head(store: &Store, random: &dyn Random) -> Result<Head, StorageError> {
    let mut mark = vec![0; MARK_BYTES];
    random.fill(&mut mark);
    store.write(RaiseHead { mark }).await
}

struct RaiseHead {
    mark: Vec<u8>,
}

impl Work for RaiseHead {
    type Out = Head;

    /// It is one row, which takes no room.
    fn grows(&self) -> bool {
        false
    }

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Head, StorageError> {
        let sql = "INSERT INTO store_head (singleton, sequence, mark) VALUES (1, 1, ?) \
                   ON CONFLICT (singleton) DO UPDATE SET sequence = store_head.sequence + 1, \
                   mark = excluded.mark RETURNING sequence";
        let rows = tx.query(sql, &values![&self.mark]).await?;
        let row = rows.first().ok_or(StorageError::Internal("a head has no sequence".into()))?;
        Ok(Head { sequence: row.int(0)?, mark: self.mark.clone() })
    }
}
