//! The SQL of the ledger's history: what balances and other sums were at any moment. It is written
//! behind the transaction, with no read of its own, and read by the primary keys alone: a state is
//! found in as many steps in a long history as in a short one.

use crate::model::account::SourceType;
use crate::model::charge::Charge;
use crate::model::entry::{Balance, Pool};
use crate::model::history::{Figure, FigureKind, PoolAt, PoolRow};
use crate::sql::{PLACE_BITS, corrupt, currency, of_owner, owner};
use crate::store::past::transaction_of;
use crate::{Bucket, limits};
use coffer_base::{Currency, Mode, Owner, Timestamp};
use coffer_storage::{Row, StorageError, Store, Tx, values};

/// Stores what a pool's balance became at a time, by the transaction with this number.
pub(crate) fn set_balance(
    tx: &mut Tx<'_>,
    owner: &Owner,
    pool: Pool,
    (at, number): (Timestamp, i64),
    balance: &Balance,
) {
    tx.defer(
        "INSERT INTO ledger_balance_at (mode, platform, account, currency, source_type, at, \
         last_tx, payments_pending, payments_available, reserved_pending, reserved_available, \
         payouts_in_transit) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) \
         ON CONFLICT (mode, platform, account, currency, source_type, at) DO UPDATE SET \
         last_tx = excluded.last_tx, payments_pending = excluded.payments_pending, \
         payments_available = excluded.payments_available, \
         reserved_pending = excluded.reserved_pending, \
         reserved_available = excluded.reserved_available, \
         payouts_in_transit = excluded.payouts_in_transit",
        of_owner(
            owner,
            values![
                pool.currency.as_str(),
                pool.source_type.code(),
                at,
                number,
                balance.of(Bucket::PaymentsPending),
                balance.of(Bucket::PaymentsAvailable),
                balance.of(Bucket::ReservedPending),
                balance.of(Bucket::ReservedAvailable),
                balance.of(Bucket::PayoutsInTransit)
            ],
        ),
    );
}

/// Changes a figure from `at` on. The newest row has what it was before, since the times of a
/// ledger's transactions never go back.
pub(crate) fn change_figure(
    tx: &mut Tx<'_>,
    owner: &Owner,
    figure: Figure,
    at: Timestamp,
    change: i64,
) {
    tx.defer(
        "INSERT INTO ledger_figure_at (mode, platform, account, figure, currency, item, at, \
         amount) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8 + COALESCE((SELECT f.amount \
         FROM ledger_figure_at f WHERE f.mode = ?1 AND f.platform = ?2 AND f.account = ?3 \
         AND f.figure = ?4 AND f.currency = ?5 AND f.item = ?6 ORDER BY f.at DESC LIMIT 1), 0)) \
         ON CONFLICT (mode, platform, account, figure, currency, item, at) \
         DO UPDATE SET amount = excluded.amount",
        of_owner(
            owner,
            values![figure.kind.code(), figure.currency.as_str(), figure.item, at, change],
        ),
    );
}

/// Adds what can be disputed of a new charge to the figure of its day.
pub(crate) fn note_exposure(tx: &mut Tx<'_>, owner: &Owner, charge: &Charge) {
    tx.defer(
        "INSERT INTO ledger_figure_at (mode, platform, account, figure, currency, item, at, \
         amount) VALUES (?1, ?2, ?3, 0, ?4, ?5, (SELECT l.last_at FROM ledger l \
         WHERE l.mode = ?1 AND l.platform = ?2 AND l.account = ?3), ?6 \
         + COALESCE((SELECT f.amount FROM ledger_figure_at f WHERE f.mode = ?1 \
         AND f.platform = ?2 AND f.account = ?3 AND f.figure = 0 AND f.currency = ?4 \
         AND f.item = ?5 ORDER BY f.at DESC LIMIT 1), 0)) \
         ON CONFLICT (mode, platform, account, figure, currency, item, at) \
         DO UPDATE SET amount = excluded.amount",
        of_owner(
            owner,
            values![charge.currency.as_str(), charge.created.last_midnight(), charge.exposure()],
        ),
    );
}

/// Changes the figures of the day of a charge that is about to be stored, by what its row says
/// still: nothing if neither its exposure nor its day changes. A charge whose day was corrected
/// goes from one day to the other.
pub(crate) fn change_exposure(tx: &mut Tx<'_>, owner: &Owner, charge: &Charge) {
    let values = values![charge.seq, charge.exposure(), charge.created.last_midnight()];
    let values = of_owner(owner, values);
    tx.defer(
        "INSERT INTO ledger_figure_at (mode, platform, account, figure, currency, item, at, \
         amount) SELECT mode, platform, account, 0, currency, created - created % 86400, \
         (SELECT l.last_at FROM ledger l WHERE l.mode = ?1 AND l.platform = ?2 \
         AND l.account = ?3), COALESCE((SELECT f.amount FROM ledger_figure_at f \
         WHERE f.mode = ?1 AND f.platform = ?2 AND f.account = ?3 AND f.figure = 0 \
         AND f.currency = ledger_charge.currency \
         AND f.item = ledger_charge.created - ledger_charge.created % 86400 \
         ORDER BY f.at DESC LIMIT 1), 0) \
         - CASE WHEN disputed = 1 OR refunded >= amount THEN 0 WHEN refunded < 0 THEN amount \
         ELSE amount - refunded END \
         + CASE WHEN created - created % 86400 = CAST(?6 AS BIGINT) THEN CAST(?5 AS BIGINT) \
         ELSE 0 END FROM ledger_charge WHERE mode = ?1 AND platform = ?2 AND account = ?3 \
         AND seq = ?4 AND (created - created % 86400 <> CAST(?6 AS BIGINT) \
         OR CASE WHEN disputed = 1 OR refunded >= amount THEN 0 WHEN refunded < 0 THEN amount \
         ELSE amount - refunded END \
         <> CAST(?5 AS BIGINT)) \
         ON CONFLICT (mode, platform, account, figure, currency, item, at) \
         DO UPDATE SET amount = excluded.amount",
        values.clone(),
    );
    tx.defer(
        "INSERT INTO ledger_figure_at (mode, platform, account, figure, currency, item, at, \
         amount) SELECT mode, platform, account, 0, currency, CAST(?6 AS BIGINT), \
         (SELECT l.last_at FROM ledger l WHERE l.mode = ?1 AND l.platform = ?2 \
         AND l.account = ?3), CAST(?5 AS BIGINT) + COALESCE((SELECT f.amount \
         FROM ledger_figure_at f WHERE f.mode = ?1 AND f.platform = ?2 AND f.account = ?3 \
         AND f.figure = 0 AND f.currency = ledger_charge.currency \
         AND f.item = CAST(?6 AS BIGINT) ORDER BY f.at DESC LIMIT 1), 0) \
         FROM ledger_charge WHERE mode = ?1 AND platform = ?2 AND account = ?3 AND seq = ?4 \
         AND created - created % 86400 <> CAST(?6 AS BIGINT) \
         ON CONFLICT (mode, platform, account, figure, currency, item, at) \
         DO UPDATE SET amount = excluded.amount",
        values,
    );
}

/// The pool and the state in a row, from column `first` on.
fn pool_from(row: &Row, first: usize) -> Result<(Pool, PoolAt), StorageError> {
    let at = |offset: usize| row.int(first.saturating_add(offset));
    let source_type = SourceType::from_code(at(1)?)?;
    let pool = Pool { currency: currency(row, first)?, source_type };
    let state = PoolAt {
        pending: at(2)?,
        available: at(3)?,
        reserved_pending: at(4)?,
        reserved_available: at(5)?,
        in_transit: at(6)?,
    };
    Ok((pool, state))
}

/// The newest row of each pool at a time. SQLite takes the tables of a `CROSS JOIN` in their order,
/// and would else begin with the whole history of the account.
macro_rules! newest_of_pools {
    () => {
        " FROM ledger_balance b CROSS JOIN ledger_balance_at h \
         WHERE b.mode = ?1 AND b.platform = ?2 AND b.account = ?3 \
         AND h.mode = ?1 AND h.platform = ?2 AND h.account = ?3 \
         AND h.currency = b.currency AND h.source_type = b.source_type \
         AND h.at = (SELECT MAX(n.at) FROM ledger_balance_at n WHERE n.mode = ?1 \
         AND n.platform = ?2 AND n.account = ?3 AND n.currency = b.currency \
         AND n.source_type = b.source_type AND n.at <= ?4)"
    };
}

/// What the pools of an owner were at a time.
const POOLS_AT: &str = concat!(
    "SELECT h.currency, h.source_type, h.payments_pending, h.payments_available, \
     h.reserved_pending, h.reserved_available, h.payouts_in_transit",
    newest_of_pools!(),
    " ORDER BY h.currency, h.source_type"
);

/// The number of an owner's last transaction at a time.
const LAST_TX_AT: &str = concat!("SELECT MAX(h.last_tx)", newest_of_pools!());

/// What the pools of an owner were at a moment, by currency. A pool that there was not yet is none
/// of them.
///
/// # Errors
/// If the database does not answer.
pub async fn pools_at(
    store: &Store,
    owner: &Owner,
    at: Timestamp,
) -> Result<Vec<(Pool, PoolAt)>, StorageError> {
    let rows = store.query(POOLS_AT, &of_owner(owner, values![at])).await?;
    rows.iter().map(|row| pool_from(row, 0)).collect()
}

/// The lowest row number behind the last transaction at or before a time: where to begin to read
/// what was recorded after it.
///
/// # Errors
/// If the database does not answer.
pub async fn first_seq_after(
    store: &Store,
    owner: &Owner,
    at: Timestamp,
) -> Result<i64, StorageError> {
    let rows = store.query(LAST_TX_AT, &of_owner(owner, values![at])).await?;
    let last = rows.first().map_or(Ok(None), |row| row.optional_int(0))?;
    Ok(last.map_or(0, |last| last.saturating_add(1).saturating_mul(1 << PLACE_BITS)))
}

/// What a pool was before and after one entry. The entry was recorded behind `since`; its
/// transaction may have others, before it and behind it, and the second in which it took place may
/// have other transactions.
///
/// # Errors
/// If the database does not answer.
pub async fn pool_around(
    store: &Store,
    owner: &Owner,
    pool: Pool,
    entry: i64,
    since: Timestamp,
) -> Result<[PoolAt; 2], StorageError> {
    let (currency, source_type) = (pool.currency.as_str(), pool.source_type.code());
    let since = since.plus(-limits::CLOCK_SKEW_SECONDS);
    let of_pool = values![currency, source_type, since, transaction_of(entry)];
    let rows = store
        .query(
            "SELECT MIN(at) FROM ledger_balance_at WHERE mode = ? AND platform = ? \
             AND account = ? AND currency = ? AND source_type = ? AND at >= ? AND last_tx >= ?",
            &of_owner(owner, of_pool),
        )
        .await?;
    let at = rows.first().map_or(Ok(None), |row| row.optional_int(0))?;
    let Some(before) = at.map(|at| Timestamp::from_unix(at).plus(-1)) else {
        return Ok([PoolAt::default(); 2]);
    };
    let pools = pools_at(store, owner, before).await?;
    let known = pools.into_iter().find(|(each, _)| *each == pool).map(|(_, state)| state);
    let first = first_seq_after(store, owner, before).await?;
    let rows = store
        .query(
            "SELECT entry, from_bucket, to_bucket, amount FROM ledger_posting WHERE mode = ? \
             AND platform = ? AND account = ? AND currency = ? AND source_type = ? \
             AND entry >= ? AND entry <= ? ORDER BY entry, line",
            &of_owner(owner, values![currency, source_type, first, entry]),
        )
        .await?;
    let [mut before, mut after] = [known.unwrap_or_default(); 2];
    for row in &rows {
        let amount = row.int(3)?;
        after.change(row.int(1)?, amount.saturating_neg());
        after.change(row.int(2)?, amount);
        if row.int(0)? < entry {
            before = after;
        }
    }
    Ok([before, after])
}

/// What the figures of a kind were at a moment, of the items from `first` to `last`: the item and
/// its amount, in the order of the items. It goes from item to item by the primary key, and from
/// statement to statement where there are many.
///
/// # Errors
/// If the database does not answer.
pub async fn figures_at(
    store: &Store,
    owner: &Owner,
    which: (FigureKind, Currency),
    (first, last): (i64, i64),
    at: Timestamp,
) -> Result<Vec<(i64, i64)>, StorageError> {
    let mut figures = Vec::new();
    let mut next = Some(first);
    while let Some(from) = next.filter(|from| *from <= last) {
        let rows = figures_from(store, owner, which, (from, last), at).await?;
        for row in &rows {
            if let Some(amount) = row.optional_int(1)?.filter(|amount| *amount != 0) {
                figures.push((row.int(0)?, amount));
            }
        }
        let read = i64::try_from(rows.len()).unwrap_or(i64::MAX);
        let is_last = read < limits::FIGURES_READ;
        let newest = rows.last().filter(|_| !is_last).map(|row| row.int(0)).transpose()?;
        next = newest.and_then(|item| item.checked_add(1));
    }
    Ok(figures)
}

/// The next [`limits::FIGURES_READ`] items of a kind, whether or not they had an amount then.
async fn figures_from(
    store: &Store,
    owner: &Owner,
    (kind, currency): (FigureKind, Currency),
    (first, last): (i64, i64),
    at: Timestamp,
) -> Result<Vec<Row>, StorageError> {
    store
        .query(
            "WITH RECURSIVE items(item) AS (SELECT MIN(f.item) FROM ledger_figure_at f \
             WHERE f.mode = ?1 AND f.platform = ?2 AND f.account = ?3 AND f.figure = ?4 \
             AND f.currency = ?5 AND f.item >= ?6 AND f.item <= ?7 UNION ALL \
             SELECT (SELECT MIN(f.item) FROM ledger_figure_at f WHERE f.mode = ?1 \
             AND f.platform = ?2 AND f.account = ?3 AND f.figure = ?4 AND f.currency = ?5 \
             AND f.item > items.item AND f.item <= ?7) FROM items \
             WHERE items.item IS NOT NULL) \
             SELECT items.item, (SELECT f.amount FROM ledger_figure_at f WHERE f.mode = ?1 \
             AND f.platform = ?2 AND f.account = ?3 AND f.figure = ?4 AND f.currency = ?5 \
             AND f.item = items.item AND f.at <= ?8 ORDER BY f.at DESC LIMIT 1) \
             FROM items WHERE items.item IS NOT NULL LIMIT ?9",
            &of_owner(
                owner,
                values![kind.code(), currency.as_str(), first, last, at, limits::FIGURES_READ],
            ),
        )
        .await
}

/// Rows of a pool's history behind `after`, at most `most`, oldest first.
///
/// # Errors
/// If the database does not answer.
pub async fn pool_rows(
    store: &Store,
    owner: &Owner,
    pool: Pool,
    after: Timestamp,
    most: i64,
) -> Result<Vec<PoolRow>, StorageError> {
    let rows = store
        .query(
            "SELECT currency, source_type, payments_pending, payments_available, \
             reserved_pending, reserved_available, payouts_in_transit, at, last_tx \
             FROM ledger_balance_at WHERE mode = ? AND platform = ? AND account = ? \
             AND currency = ? AND source_type = ? AND at > ? ORDER BY at LIMIT ?",
            &of_owner(owner, values![pool.currency.as_str(), pool.source_type.code(), after, most]),
        )
        .await?;
    let row = |row: &Row| {
        let (pool, state) = pool_from(row, 0)?;
        let at = Timestamp::from_unix(row.int(7)?);
        Ok(PoolRow { pool, at, last_tx: row.int(8)?, state })
    };
    rows.iter().map(row).collect()
}

/// The ledgers of a mode in one part of the store, each with the time of its last transaction: at
/// most `most`. An empty platform or account stands for all.
///
/// # Errors
/// If the database does not answer.
pub async fn ledgers(
    store: &Store,
    mode: Mode,
    (platform, account): (&str, &str),
    most: i64,
) -> Result<Vec<(Owner, Timestamp)>, StorageError> {
    let rows = store
        .query_part(
            "SELECT mode, platform, account, last_at FROM ledger WHERE mode = ? \
             AND (? = '' OR platform = ?) AND (? = '' OR account = ?) \
             ORDER BY mode, platform, account LIMIT ?",
            &values![mode.code(), platform, platform, account, account, most],
        )
        .await?;
    let ledger = |row: &Row| {
        let at = row.int(3).map_err(|_| corrupt("a ledger has no time"))?;
        Ok((owner(row, 0)?, Timestamp::from_unix(at)))
    };
    rows.iter().map(ledger).collect()
}

/// How many breaches an owner had at a moment, by currency.
///
/// # Errors
/// If the database does not answer.
pub async fn breaches_at(
    store: &Store,
    owner: &Owner,
    at: Timestamp,
) -> Result<Vec<(Currency, i64)>, StorageError> {
    let rows = store
        .query(
            "SELECT currency, COUNT(*) FROM ledger_breach WHERE mode = ? AND platform = ? \
             AND account = ? AND created <= ? GROUP BY currency",
            &of_owner(owner, values![at]),
        )
        .await?;
    rows.iter().map(|row| Ok((currency(row, 0)?, row.int(1)?))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use coffer_kernel::testing::plan;
    use coffer_storage::Options;

    #[tokio::test]
    async fn a_past_moment_is_found_however_long_the_history_is() {
        let kept = tempfile::TempDir::new().unwrap();
        let sets = [coffer_kernel::MIGRATIONS, crate::MIGRATIONS];
        let path = kept.path().join("coffer.db");
        let opened = Store::open_sqlite(&path, &sets, Timestamp::from_unix(1), Options::default());
        let store = opened.unwrap().0;
        for sql in [POOLS_AT, LAST_TX_AT] {
            let steps = plan(&store, sql, 4).await.unwrap();
            let of_history = |step: &&String| step.contains(" h ") || step.contains(" n ");
            let history: Vec<_> = steps.iter().filter(of_history).collect();
            assert!(history.len() == 2, "{steps:#?}");
            assert!(history.iter().all(|step| step.contains("source_type=? AND at")), "{steps:#?}");
        }
    }
}
