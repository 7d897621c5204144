//! The SQL of the clock: what a store knows of the time, and how far a developer has moved it.

use coffer_base::{AccountId, Timestamp};
use coffer_storage::{Row, StorageError, Store, Tx, Work, values};

/// What a store knows of the time, so that a wrong clock is noticed also after a restart.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ClockRecord {
    /// The latest time at which a clock was right.
    pub seen: Timestamp,
    /// The time of day as far as running servers have seen it pass.
    pub proven: Timestamp,
    /// Whether a server's clock was ahead of that when it wrote this.
    pub doubted: bool,
}

impl ClockRecord {
    /// A clock that was right.
    pub(crate) const fn right(seen: Timestamp, proven: Timestamp) -> Self {
        Self { seen, proven, doubted: false }
    }
}

/// What the store knows of the time; `None` if no server has written it yet.
///
/// # Errors
/// When the store does not answer.
pub async fn clock_record(store: &Store) -> Result<Option<ClockRecord>, StorageError> {
    let sql = "SELECT seen, proven, doubted FROM clock_record WHERE id = 1";
    let rows = store.query(sql, &[]).await?;
    let read = |row: &Row| {
        Ok(ClockRecord {
            seen: Timestamp::from_unix(row.int(0)?),
            proven: Timestamp::from_unix(row.int(1)?),
            doubted: row.int(2)? == 1,
        })
    };
    rows.first().map(read).transpose()
}

/// Writes down what a server knows of the time; what another one has written later stays.
pub(crate) struct WriteClockRecord(pub(crate) ClockRecord);

impl Work for WriteClockRecord {
    type Out = ();

    fn grows(&self) -> bool {
        false
    }

    async fn run(&self, tx: &mut Tx<'_>) -> Result<(), StorageError> {
        let ClockRecord { seen, proven, doubted } = self.0;
        tx.defer(
            "INSERT INTO clock_record (id, seen, proven, doubted) VALUES (1, ?, ?, ?) \
             ON CONFLICT (id) DO UPDATE SET doubted = excluded.doubted, \
             seen = CASE WHEN clock_record.seen > excluded.seen THEN clock_record.seen \
             ELSE excluded.seen END, proven = CASE WHEN clock_record.proven > excluded.proven \
             THEN clock_record.proven ELSE excluded.proven END",
            values![seen, proven, i64::from(doubted)],
        );
        Ok(())
    }
}

/// Writes down what an operator knows of the time, whatever the store knew.
pub(crate) async fn replace_clock_record(
    tx: &mut Tx<'_>,
    record: ClockRecord,
) -> Result<(), StorageError> {
    let ClockRecord { seen, proven, doubted } = record;
    tx.execute(
        "INSERT INTO clock_record (id, seen, proven, doubted) VALUES (1, ?, ?, ?) \
         ON CONFLICT (id) DO UPDATE SET seen = excluded.seen, proven = excluded.proven, \
         doubted = excluded.doubted",
        &values![seen, proven, i64::from(doubted)],
    )
    .await
    .map(drop)
}

/// By how many seconds the clock of each platform was moved forward so far, in developer mode.
pub async fn platform_clocks(store: &Store) -> Result<Vec<(AccountId, i64)>, StorageError> {
    let rows = store.query("SELECT platform, seconds FROM platform_clock", &[]).await?;
    let clock = |row: &Row| {
        let platform = AccountId::parse(row.text(0)?)
            .map_err(|_| StorageError::Corrupt("the clock of no platform".into()))?;
        Ok((platform, row.int(1)?))
    };
    rows.iter().map(clock).collect()
}

/// Moves a platform's clock forward: by `seconds`, or so that it is `at_least` ahead, whichever is
/// more. Answers by how many seconds it is ahead then.
///
/// # Errors
/// When the store fails.
pub async fn move_clock(
    tx: &mut Tx<'_>,
    platform: &AccountId,
    seconds: i64,
    at_least: i64,
) -> Result<i64, StorageError> {
    let sql = "SELECT seconds FROM platform_clock WHERE platform = ? FOR UPDATE";
    let rows = tx.query(sql, &values![platform]).await?;
    let before = rows.first().map_or(Ok(0), |row| row.int(0))?;
    let after = before.saturating_add(seconds.max(0)).max(at_least);
    tx.execute(
        "INSERT INTO platform_clock (platform, seconds) VALUES (?, ?) ON CONFLICT (platform) \
         DO UPDATE SET seconds = excluded.seconds",
        &values![platform, after],
    )
    .await?;
    Ok(after)
}

/// Forgets the clock of a platform that is no more, and how far its tasks had come.
pub fn forget_clock(tx: &mut Tx<'_>, platform: &AccountId) {
    tx.defer("DELETE FROM platform_clock WHERE platform = ?", values![platform]);
    tx.defer("DELETE FROM watermark WHERE name = ?", values![platform_watermark(platform)]);
}

/// The name of the watermark up to which all tasks are done for a platform whose clock is ahead. No
/// task's own name begins as accounts do.
pub(crate) fn platform_watermark(platform: &AccountId) -> String {
    platform.as_str().to_owned()
}
