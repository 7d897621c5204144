//! The SQL of stories: where an object is, and what moved because of it.

use crate::sql::{currency, of_owner, owner};
use coffer_base::{Currency, Owner, Timestamp};
use coffer_storage::{Row, StorageError, Store, Value, values};

/// What is looked for by its id in the ledgers of all accounts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// A charge.
    Charge,
    /// A payout.
    Payout,
}

/// Whose the object with an id is, at most `most`: the processor's ids need not be the only ones of
/// their kind. It looks into one part of the store, with one step for each ledger.
///
/// # Errors
/// If the database does not answer.
pub async fn owners(
    store: &Store,
    kind: Kind,
    id: &str,
    most: i64,
) -> Result<Vec<Owner>, StorageError> {
    let sql = match kind {
        Kind::Charge => {
            "SELECT l.mode, l.platform, l.account FROM ledger l JOIN ledger_charge c \
             ON c.mode = l.mode AND c.platform = l.platform AND c.account = l.account \
             AND c.id = ? ORDER BY l.mode, l.platform, l.account LIMIT ?"
        }
        Kind::Payout => {
            "SELECT l.mode, l.platform, l.account FROM ledger l JOIN ledger_payout c \
             ON c.mode = l.mode AND c.platform = l.platform AND c.account = l.account \
             AND c.id = ? ORDER BY l.mode, l.platform, l.account LIMIT ?"
        }
    };
    let rows = store.query_part(sql, &values![id, most]).await?;
    rows.iter().map(|row| owner(row, 0)).collect()
}

/// Because of what money moved.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Cause {
    /// The object itself.
    Itself,
    /// A refund of the charge.
    Refund,
    /// A dispute of the charge.
    Dispute,
}

/// What moved in an account's payments, as a balance transaction says it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Movement {
    /// Its number in the ledger, which orders movements as they were recorded.
    pub seq: i64,
    /// The number of its entry.
    pub entry: i64,
    /// The id of the balance transaction.
    pub id: String,
    /// The type of the balance transaction.
    pub kind: String,
    /// The id of the object that caused it.
    pub source: String,
    /// What that is.
    pub cause: Cause,
    /// Signed, before fees, in minor units.
    pub amount: i64,
    /// The fees that are taken of it, negative if they come back.
    pub fee: i64,
    /// Its currency.
    pub currency: Currency,
    /// When it happened.
    pub created: Timestamp,
    /// When it counts as available.
    pub available_on: Timestamp,
}

fn movement(row: &Row) -> Result<Movement, StorageError> {
    Ok(Movement {
        seq: row.int(0)?,
        id: row.text(1)?.to_owned(),
        kind: row.text(2)?.to_owned(),
        source: row.text(3)?.to_owned(),
        cause: match row.int(4)? {
            1 => Cause::Refund,
            2 => Cause::Dispute,
            _ => Cause::Itself,
        },
        amount: row.int(5)?,
        fee: row.int(6)?,
        currency: currency(row, 7)?,
        created: Timestamp::from_unix(row.int(8)?),
        available_on: Timestamp::from_unix(row.int(9)?),
        entry: row.int(10)?,
    })
}

/// What moved because of a charge, its refunds and its disputes, or because of a payout, in the
/// order in which it was recorded, at most `most`.
///
/// # Errors
/// If the database does not answer.
pub async fn movements(
    store: &Store,
    owner: &Owner,
    kind: Kind,
    id: &str,
    most: i64,
) -> Result<Vec<Movement>, StorageError> {
    let sql = match kind {
        Kind::Charge => {
            "WITH sources AS (SELECT CAST(?4 AS TEXT) AS id, 0 AS cause UNION ALL \
             SELECT r.id, 1 FROM ledger_refund r WHERE r.mode = ?1 AND r.platform = ?2 \
             AND r.account = ?3 AND r.charge = ?4 UNION ALL SELECT d.id, 2 FROM ledger_dispute d \
             WHERE d.mode = ?1 AND d.platform = ?2 AND d.account = ?3 AND d.charge = ?4) \
             SELECT t.seq, t.id, t.kind, t.source, s.cause, t.amount, t.fee, t.currency, \
             t.created, t.available_on, t.entry FROM sources s JOIN balance_transaction t \
             ON t.source = s.id AND t.reserved = 0 WHERE t.mode = ?1 AND t.platform = ?2 \
             AND t.account = ?3 AND t.kind NOT IN ('reserve_hold', 'reserve_release') \
             AND t.kind NOT LIKE 'payout%' ORDER BY t.seq LIMIT ?5"
        }
        Kind::Payout => {
            "SELECT t.seq, t.id, t.kind, t.source, 0, t.amount, t.fee, t.currency, t.created, \
             t.available_on, t.entry FROM balance_transaction t WHERE t.mode = ?1 \
             AND t.platform = ?2 AND t.account = ?3 AND t.source = ?4 AND t.reserved = 0 \
             AND t.kind LIKE 'payout%' ORDER BY t.seq LIMIT ?5"
        }
    };
    let values: Vec<Value> = of_owner(owner, values![id, most]);
    let rows = store.query(sql, &values).await?;
    rows.iter().map(movement).collect()
}
