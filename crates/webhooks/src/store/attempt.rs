//! The SQL of attempts: what waits, what became of it, and how it is listed.

use super::{owner_at, owner_values};
use crate::endpoint::{Attempt, Status};
use coffer_base::{Owner, Timestamp};
use coffer_kernel::PagePosition;
use coffer_storage::{Row, StorageError, Store, Tx, Work, values};

/// Deletes an attempt by its key.
pub(crate) const DELETE: &str =
    "DELETE FROM webhook_attempt WHERE endpoint = ? AND seq = ? AND event = ?";

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT mode, platform, account, endpoint, seq, event, type, number, once, status, \
             due, happened, at, http_status, error, milliseconds, next FROM webhook_attempt ",
            $rest
        )
    };
}

fn attempt(row: &Row) -> Result<Attempt, StorageError> {
    let time = |column| row.int(column).map(Timestamp::from_unix);
    Ok(Attempt {
        owner: owner_at(row, 0)?,
        endpoint: row.text(3)?.to_owned(),
        seq: row.int(4)?,
        event: row.text(5)?.to_owned(),
        kind: row.text(6)?.to_owned(),
        number: row.int(7)?,
        once: row.int(8)? != 0,
        status: Status::of_code(row.int(9)?),
        due: time(10)?,
        happened: time(11)?,
        at: time(12)?,
        http_status: row.optional_int(13)?,
        error: row.optional_text(14)?.map(str::to_owned),
        milliseconds: row.optional_int(15)?,
        next: row.optional_int(16)?.map(Timestamp::from_unix),
    })
}

/// Adds an attempt that waits.
pub(crate) fn insert(tx: &mut Tx<'_>, attempt: &Attempt) {
    let [mode, platform, account] = owner_values(&attempt.owner);
    tx.defer(
        "INSERT INTO webhook_attempt (endpoint, seq, event, type, mode, platform, account, \
         number, once, status, due, happened, at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 0, ?, ?, ?)",
        values![
            &attempt.endpoint,
            attempt.seq,
            &attempt.event,
            &attempt.kind,
            mode,
            platform,
            account,
            attempt.number,
            attempt.once,
            attempt.due,
            attempt.happened,
            attempt.at,
        ],
    );
}

/// What counts as due.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Due {
    /// What was to be made by then.
    until: Timestamp,
    /// What was to be made after that: a clock that was ahead has written so.
    beyond: Timestamp,
}

impl Due {
    /// By a clock that is not doubted: what was to be made by `now`, and what lies further ahead
    /// than the `longest` distance, in seconds, of the schedule.
    pub(crate) fn by(now: Timestamp, longest: i64) -> Self {
        Self { until: now, beyond: now.plus(longest) }
    }

    /// By a clock that may be wrong: first attempts alone, which wait for no time.
    pub(crate) const fn at_once() -> Self {
        Self { until: Timestamp::from_unix(0), beyond: Timestamp::from_unix(i64::MAX) }
    }

    /// Whether something of what is due at the earliest at `first` and at the latest at `last` is.
    pub(crate) fn has_some(self, first: Timestamp, last: Timestamp) -> bool {
        first <= self.until || last > self.beyond
    }
}

/// An endpoint for which something waits.
pub(crate) struct WaitingEndpoint {
    pub(crate) id: String,
    /// When is due what is due first, and what is due last.
    pub(crate) first: Timestamp,
    pub(crate) last: Timestamp,
}

/// Endpoints behind `after` for which something waits, in the order of their ids: one look into the
/// index for each, and one at either end of what waits for it.
pub(crate) async fn waiting_endpoints(
    store: &Store,
    after: &str,
    most: i64,
) -> Result<Vec<WaitingEndpoint>, StorageError> {
    let sql = "WITH RECURSIVE one(endpoint) AS (\
         SELECT (SELECT endpoint FROM webhook_attempt WHERE status = 0 AND endpoint > ?1 \
         ORDER BY endpoint LIMIT 1) UNION ALL \
         SELECT (SELECT next.endpoint FROM webhook_attempt AS next WHERE next.status = 0 \
         AND next.endpoint > one.endpoint ORDER BY next.endpoint LIMIT 1) \
         FROM one WHERE one.endpoint IS NOT NULL) \
         SELECT endpoint, (SELECT first.due FROM webhook_attempt AS first \
         WHERE first.status = 0 AND first.endpoint = one.endpoint \
         ORDER BY first.due LIMIT 1), (SELECT last.due FROM webhook_attempt AS last \
         WHERE last.status = 0 AND last.endpoint = one.endpoint \
         ORDER BY last.due DESC LIMIT 1) FROM one WHERE endpoint IS NOT NULL LIMIT ?2";
    let rows = store.query(sql, &values![after, most]).await?;
    let one = |row: &Row| {
        let time = |column| row.int(column).map(Timestamp::from_unix);
        Ok(WaitingEndpoint { id: row.text(0)?.to_owned(), first: time(1)?, last: time(2)? })
    };
    rows.iter().map(one).collect()
}

/// What is due for an endpoint, first what is due first, at most `most`; what lies too far ahead
/// comes last.
pub(crate) async fn due(
    store: &Store,
    endpoint: &str,
    due: Due,
    most: i64,
) -> Result<Vec<Attempt>, StorageError> {
    let by_then =
        select!("WHERE endpoint = ? AND status = 0 AND due <= ? ORDER BY due, seq LIMIT ?");
    let beyond = select!("WHERE endpoint = ? AND status = 0 AND due > ? ORDER BY due, seq LIMIT ?");
    let mut rows = store.query(by_then, &values![endpoint, due.until, most]).await?;
    let left = most.saturating_sub(i64::try_from(rows.len()).unwrap_or(i64::MAX));
    if left > 0 {
        rows.extend(store.query(beyond, &values![endpoint, due.beyond, left]).await?);
    }
    rows.iter().map(attempt).collect()
}

/// The number of the last attempt to deliver an event to an endpoint; 0 if there is none.
pub(crate) async fn last(
    tx: &mut Tx<'_>,
    endpoint: &str,
    event: &str,
) -> Result<i64, StorageError> {
    let sql = "SELECT coalesce(max(seq), 0) FROM webhook_attempt WHERE event = ? AND endpoint = ?";
    let rows = tx.query(sql, &values![event, endpoint]).await?;
    rows.first().map_or(Ok(0), |row| row.int(0))
}

/// The attempts of an endpoint from a position on, in the order of reading.
pub(crate) async fn page_of_endpoint(
    store: &Store,
    endpoint: &str,
    position: PagePosition,
) -> Result<Vec<Attempt>, StorageError> {
    let sql = if position.newer {
        select!("WHERE endpoint = ? AND seq > ? ORDER BY seq LIMIT ?")
    } else {
        select!("WHERE endpoint = ? AND seq < ? ORDER BY seq DESC LIMIT ?")
    };
    let rows = store.query(sql, &values![endpoint, position.seq, position.fetch]).await?;
    rows.iter().map(attempt).collect()
}

/// The same of an event.
pub(crate) async fn page_of_event(
    store: &Store,
    owner: &Owner,
    event: &str,
    position: PagePosition,
) -> Result<Vec<Attempt>, StorageError> {
    let sql = if position.newer {
        select!(
            "WHERE event = ? AND mode = ? AND platform = ? AND account = ? AND seq > ? \
             ORDER BY seq LIMIT ?"
        )
    } else {
        select!(
            "WHERE event = ? AND mode = ? AND platform = ? AND account = ? AND seq < ? \
             ORDER BY seq DESC LIMIT ?"
        )
    };
    let [mode, platform, account] = owner_values(owner);
    let values = values![event, mode, platform, account, position.seq, position.fetch];
    store.query(sql, &values).await?.iter().map(attempt).collect()
}

/// Endpoints behind `after` that have attempts, and whether they are still there.
pub(crate) async fn endpoints_with_attempts(
    store: &Store,
    after: &str,
    most: i64,
) -> Result<Vec<(String, bool)>, StorageError> {
    let sql = "WITH RECURSIVE one(endpoint) AS (\
         SELECT (SELECT endpoint FROM webhook_attempt WHERE endpoint > ?1 \
         ORDER BY endpoint LIMIT 1) UNION ALL \
         SELECT (SELECT next.endpoint FROM webhook_attempt AS next \
         WHERE next.endpoint > one.endpoint ORDER BY next.endpoint LIMIT 1) \
         FROM one WHERE one.endpoint IS NOT NULL) \
         SELECT one.endpoint, (SELECT count(*) FROM webhook_endpoint AS there \
         WHERE there.id = one.endpoint) FROM one WHERE one.endpoint IS NOT NULL LIMIT ?2";
    let rows = store.query(sql, &values![after, most]).await?;
    rows.iter().map(|row| Ok((row.text(0)?.to_owned(), row.int(1)? > 0))).collect()
}

/// Deletes the oldest attempts of an endpoint, in one batch: those made or written before a time,
/// or all if the endpoint is gone, whose deliveries are then no longer pending.
pub(crate) struct PruneAttempts {
    pub(crate) endpoint: String,
    /// `None` for all.
    pub(crate) before: Option<Timestamp>,
    pub(crate) most: i64,
}

impl Work for PruneAttempts {
    type Out = u64;

    fn grows(&self) -> bool {
        false
    }

    fn of_many_accounts(&self) -> bool {
        true
    }

    async fn run(&self, tx: &mut Tx<'_>) -> Result<u64, StorageError> {
        let sql = select!("WHERE endpoint = ? ORDER BY seq LIMIT ?");
        let rows = tx.query(sql, &values![&self.endpoint, self.most]).await?;
        let mut deleted = 0u64;
        for row in &rows {
            let attempt = attempt(row)?;
            if self.before.is_some_and(|before| attempt.at >= before) {
                continue;
            }
            deleted = deleted.saturating_add(1);
            if attempt.status == Status::Waiting && !attempt.once && self.before.is_none() {
                coffer_kernel::event::settle_delivery(tx, &attempt.owner, &attempt.event);
            }
            tx.defer(DELETE, values![attempt.endpoint, attempt.seq, attempt.event]);
        }
        Ok(deleted)
    }
}

/// Gives up the oldest attempts of an endpoint, beyond so many that wait: those that were written
/// first, and not those that are due first, which are the ones that were never made. One batch;
/// answers how many.
pub(crate) struct GiveUp {
    pub(crate) endpoint: String,
    pub(crate) kept: i64,
    pub(crate) most: i64,
    pub(crate) now: Timestamp,
}

impl Work for GiveUp {
    type Out = u64;

    fn grows(&self) -> bool {
        false
    }

    async fn run(&self, tx: &mut Tx<'_>) -> Result<u64, StorageError> {
        let sql = "SELECT count(*) FROM webhook_attempt WHERE endpoint = ? AND status = 0";
        let waiting = tx.query(sql, &values![&self.endpoint]).await?;
        let waiting = waiting.first().map_or(Ok(0), |row| row.int(0))?;
        let beyond = waiting.saturating_sub(self.kept).min(self.most);
        if beyond <= 0 {
            return Ok(0);
        }
        let sql = "SELECT endpoint, seq, event FROM webhook_attempt \
                   WHERE endpoint = ? AND status = 0 ORDER BY seq, event LIMIT ?";
        let rows = tx.query(sql, &values![&self.endpoint, beyond]).await?;
        for row in &rows {
            tx.defer(
                "UPDATE webhook_attempt SET status = 2, at = ?, error = 'given_up' \
                 WHERE endpoint = ? AND seq = ? AND event = ? AND status = 0",
                values![self.now, row.text(0)?, row.int(1)?, row.text(2)?],
            );
        }
        Ok(u64::try_from(rows.len()).unwrap_or(u64::MAX))
    }
}

#[cfg(test)]
mod tests;
