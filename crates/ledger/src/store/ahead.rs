//! What is looked up for a page of told transactions at once.

use crate::in_page;
use crate::sql::of_page;
use coffer_base::Owner;
use coffer_storage::{Row, Statement, StorageError, Tx, Value};
use std::collections::BTreeSet;

/// Of the ids of transactions and charges that were looked up, those that are there.
#[derive(Default)]
pub(crate) struct Present {
    pub(crate) transactions: BTreeSet<String>,
    pub(crate) charges: BTreeSet<String>,
    /// The charges that something waits for.
    pub(crate) awaited: BTreeSet<String>,
}

/// Looks up at most a page of transactions and of charges, in one round trip.
pub(crate) async fn look(
    tx: &mut Tx<'_>,
    owner: &Owner,
    transactions: &BTreeSet<&str>,
    charges: &BTreeSet<&str>,
) -> Result<Present, StorageError> {
    let values =
        |ids: &BTreeSet<&str>| of_page(owner, ids.iter().copied().map(Value::from).collect());
    let no_charges = charges.is_empty();
    let (transactions, charges) = (values(transactions), values(charges));
    let mut statements = vec![
        Statement {
            sql: in_page!(
                "SELECT id FROM ledger_transaction \
                 WHERE mode = ?1 AND platform = ?2 AND account = ?3 AND id IN ",
                ""
            ),
            params: &transactions,
        },
        Statement {
            sql: in_page!(
                "SELECT id FROM ledger_charge \
                 WHERE mode = ?1 AND platform = ?2 AND account = ?3 AND id IN ",
                ""
            ),
            params: &charges,
        },
        Statement {
            sql: in_page!(
                "SELECT DISTINCT charge FROM ledger_parked \
                 WHERE mode = ?1 AND platform = ?2 AND account = ?3 AND charge IN ",
                ""
            ),
            params: &charges,
        },
        Statement {
            sql: in_page!(
                "SELECT DISTINCT charge FROM ledger_transaction \
                 WHERE mode = ?1 AND platform = ?2 AND account = ?3 AND charge IN ",
                " AND parked = 1"
            ),
            params: &charges,
        },
    ];
    if no_charges {
        statements.truncate(1);
    }
    let mut present = Present::default();
    for (at, rows) in tx.batch(&statements).await?.iter().enumerate() {
        let ids = match at {
            0 => &mut present.transactions,
            1 => &mut present.charges,
            _ => &mut present.awaited,
        };
        for id in rows.iter().map(|row: &Row| row.text(0)) {
            ids.insert(id?.to_owned());
        }
    }
    Ok(present)
}
