//! The SQL of reconciliations.

use crate::limits;
use crate::model::account::SourceType;
use crate::model::entry::Pool;
use crate::model::reconciliation::{LedgerBalance, Reconciliation};
use crate::sql::{Record, corrupt, currency, of_owner, owner_values};
use crate::{by_id, pages};
use coffer_base::{Currency, Owner, Timestamp};
use coffer_dialect::CreatedRange;
use coffer_storage::{Row, StorageError, Tx, Value, values};
use std::collections::BTreeMap;

/// A reconciliation, in the order of columns that its `from_row` reads.
macro_rules! select_reconciliation {
    () => {
        "SELECT seq, id, created, as_of, matches, differences, latest_transaction, parked \
         FROM ledger_reconciliation"
    };
}

impl Record for Reconciliation {
    type Filter = CreatedRange;

    const BY_ID: &'static str = by_id!(select_reconciliation!());

    fn from_row(row: &Row) -> Result<Self, StorageError> {
        Ok(Self {
            seq: row.int(0)?,
            id: row.text(1)?.to_owned(),
            created: Timestamp::from_unix(row.int(2)?),
            as_of: Timestamp::from_unix(row.int(3)?),
            matches: row.int(4)? != 0,
            differences: row.text(5)?.to_owned(),
            latest_transaction: row.optional_text(6)?.map(str::to_owned),
            parked: row.int(7)?,
        })
    }

    fn id(&self) -> &str {
        &self.id
    }

    fn seq(&self) -> i64 {
        self.seq
    }

    fn looks_further(created: &CreatedRange) -> bool {
        *created != CreatedRange::ALL
    }

    fn pages(created: &CreatedRange, values: &mut Vec<Value>) -> (&'static str, &'static str) {
        values.extend(values![created.from, created.to]);
        pages!(select_reconciliation!(), "AND created BETWEEN ?7 AND ?8")
    }
}

/// Adds a reconciliation, and removes those that are older than they are kept.
pub(crate) fn insert(tx: &mut Tx<'_>, owner: &Owner, new: &Reconciliation) {
    tx.defer(
        "INSERT INTO ledger_reconciliation (mode, platform, account, seq, id, created, as_of, \
         matches, differences, latest_transaction, parked) \
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        of_owner(
            owner,
            values![
                new.seq,
                new.id.as_str(),
                new.created,
                new.as_of,
                new.matches,
                new.differences.as_str(),
                new.latest_transaction.as_deref(),
                new.parked
            ],
        ),
    );
    let before = new.created.plus(-limits::RECONCILIATION_SECONDS);
    tx.defer(
        "DELETE FROM ledger_reconciliation \
         WHERE mode = ? AND platform = ? AND account = ? AND created < ?",
        of_owner(owner, values![before]),
    );
}

/// What the ledger has of each pool: the balances, without what entries did that were created after
/// `as_of`.
pub(crate) async fn kept(
    tx: &mut Tx<'_>,
    owner: &Owner,
    as_of: Timestamp,
) -> Result<BTreeMap<Pool, LedgerBalance>, StorageError> {
    let rows = tx
        .query(
            "SELECT currency, source_type, payments_pending + payments_available \
             + reserved_pending + reserved_available, payments_available + reserved_available \
             FROM ledger_balance WHERE mode = ? AND platform = ? AND account = ?",
            &owner_values(owner),
        )
        .await?;
    let kept =
        |row: &Row| Ok((pool(row)?, LedgerBalance { total: row.int(2)?, available: row.int(3)? }));
    let mut pools = rows.iter().map(kept).collect::<Result<BTreeMap<_, _>, StorageError>>()?;
    let rows = tx
        .query(
            "SELECT p.currency, p.source_type, CAST(SUM(\
             CASE WHEN p.to_bucket <= 3 THEN p.amount ELSE 0 END \
             - CASE WHEN p.from_bucket <= 3 THEN p.amount ELSE 0 END) AS BIGINT) \
             FROM balance_transaction b JOIN ledger_posting p ON p.mode = b.mode \
             AND p.platform = b.platform AND p.account = b.account AND p.entry = b.entry \
             WHERE b.mode = ? AND b.platform = ? AND b.account = ? AND b.created > ? \
             AND b.reserved = 0 GROUP BY p.currency, p.source_type",
            &of_owner(owner, values![as_of]),
        )
        .await?;
    for row in &rows {
        let later = row.int(2)?;
        let kept = pools.entry(pool(row)?).or_default();
        kept.total = kept.total.saturating_sub(later);
    }
    Ok(pools)
}

/// How much of each currency becomes available, or became so, about `as_of`, and how much was
/// created after it: by that much the two may differ in what is available.
pub(crate) async fn tolerated(
    tx: &mut Tx<'_>,
    owner: &Owner,
    as_of: Timestamp,
) -> Result<BTreeMap<Currency, i64>, StorageError> {
    let (from, to) =
        (as_of.plus(-limits::AVAILABILITY_SECONDS), as_of.plus(limits::AVAILABILITY_SECONDS));
    let rows = tx
        .query(
            "SELECT currency, CAST(SUM(size) AS BIGINT) FROM (\
             SELECT currency, ABS(amount - fee) AS size FROM balance_transaction \
             WHERE mode = ?1 AND platform = ?2 AND account = ?3 AND reserved = 0 \
             AND pending = 1 AND available_on BETWEEN ?5 AND ?6 UNION ALL \
             SELECT currency, ABS(amount - fee) FROM balance_transaction \
             WHERE mode = ?1 AND platform = ?2 AND account = ?3 AND reserved = 0 \
             AND created > ?4) AS about GROUP BY currency",
            &of_owner(owner, values![as_of, from, to]),
        )
        .await?;
    rows.iter().map(|row| Ok((currency(row, 0)?, row.int(1)?))).collect()
}

/// The id, the currency and the net of a transaction.
pub(crate) type Listed = (String, Currency, i64);

/// The told transactions that were created after `from` and before `to`, oldest first, at most
/// `most`: what a page of the processor's list must have.
pub(crate) async fn between(
    tx: &mut Tx<'_>,
    owner: &Owner,
    (from, to): (Timestamp, Timestamp),
    most: i64,
) -> Result<Vec<Listed>, StorageError> {
    let rows = tx
        .query(
            "SELECT id, currency, amount - fee FROM ledger_transaction \
             WHERE mode = ? AND platform = ? AND account = ? AND posted = 1 \
             AND created > ? AND created < ? ORDER BY created, seq LIMIT ?",
            &of_owner(owner, values![from, to, most]),
        )
        .await?;
    let listed = |row: &Row| Ok((row.text(0)?.to_owned(), currency(row, 1)?, row.int(2)?));
    rows.iter().map(listed).collect()
}

/// The transaction that was told last, and how many transactions and facts are parked.
pub(crate) async fn standing(
    tx: &mut Tx<'_>,
    owner: &Owner,
) -> Result<(Option<String>, i64), StorageError> {
    let latest = tx
        .query(
            "SELECT id FROM ledger_transaction WHERE mode = ? AND platform = ? AND account = ? \
             ORDER BY seq DESC LIMIT 1",
            &owner_values(owner),
        )
        .await?;
    let parked = tx
        .query(
            "SELECT (SELECT COUNT(*) FROM ledger_transaction \
             WHERE mode = ?1 AND platform = ?2 AND account = ?3 AND parked = 1) \
             + (SELECT COUNT(*) FROM ledger_parked \
             WHERE mode = ?1 AND platform = ?2 AND account = ?3)",
            &owner_values(owner),
        )
        .await?;
    let latest = latest.first().map(|row| row.text(0).map(str::to_owned)).transpose()?;
    let parked = parked.first().ok_or_else(|| corrupt("a count gave no row"))?.int(0)?;
    Ok((latest, parked))
}

/// A difference that stood before.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Drift {
    pub(crate) difference: i64,
    pub(crate) since: Timestamp,
    pub(crate) announced: bool,
}

/// By how much the currencies differ since earlier reconciliations.
pub(crate) async fn drifts(
    tx: &mut Tx<'_>,
    owner: &Owner,
) -> Result<BTreeMap<Currency, Drift>, StorageError> {
    let rows = tx
        .query(
            "SELECT currency, difference, since, announced FROM ledger_drift \
             WHERE mode = ? AND platform = ? AND account = ?",
            &owner_values(owner),
        )
        .await?;
    let drift = |row: &Row| {
        let since = Timestamp::from_unix(row.int(2)?);
        let drift = Drift { difference: row.int(1)?, since, announced: row.int(3)? != 0 };
        Ok((currency(row, 0)?, drift))
    };
    rows.iter().map(drift).collect()
}

/// Stores by how much a currency differs since when, or that it agrees again.
pub(crate) fn set_drift(tx: &mut Tx<'_>, owner: &Owner, currency: Currency, drift: Option<Drift>) {
    let Some(drift) = drift else {
        tx.defer(
            "DELETE FROM ledger_drift \
             WHERE mode = ? AND platform = ? AND account = ? AND currency = ?",
            of_owner(owner, values![currency.as_str()]),
        );
        return;
    };
    tx.defer(
        "INSERT INTO ledger_drift (mode, platform, account, currency, difference, since, \
         announced) VALUES (?, ?, ?, ?, ?, ?, ?) \
         ON CONFLICT (mode, platform, account, currency) DO UPDATE SET \
         difference = excluded.difference, since = excluded.since, \
         announced = excluded.announced",
        of_owner(owner, values![currency.as_str(), drift.difference, drift.since, drift.announced]),
    );
}

/// The pool in a row's first two columns.
fn pool(row: &Row) -> Result<Pool, StorageError> {
    Ok(Pool { currency: currency(row, 0)?, source_type: SourceType::from_code(row.int(1)?)? })
}
