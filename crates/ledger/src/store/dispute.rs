//! The SQL of disputes.

use super::refund::Filter;
use crate::model::dispute::{Dispute, Status};
use crate::sql::{Record, currency, of_owner};
use crate::{by_id, pages};
use coffer_base::{Owner, Timestamp};
use coffer_storage::{Row, StorageError, Tx, Value, values};

/// A dispute, in the order of columns that its `from_row` reads.
macro_rules! select_dispute {
    () => {
        "SELECT seq, id, charge, amount, currency, fee, created, consumed, from_pending, status, \
         fee_returned FROM ledger_dispute"
    };
}

impl Record for Dispute {
    type Filter = Filter;

    const BY_ID: &'static str = by_id!(select_dispute!());

    fn from_row(row: &Row) -> Result<Self, StorageError> {
        Ok(Self {
            seq: row.int(0)?,
            id: row.text(1)?.to_owned(),
            charge: row.text(2)?.to_owned(),
            amount: row.int(3)?,
            currency: currency(row, 4)?,
            fee: row.int(5)?,
            created: Timestamp::from_unix(row.int(6)?),
            consumed: row.int(7)?,
            from_pending: row.int(8)?,
            status: Status::from_code(row.int(9)?)?,
            fee_returned: row.int(10)? != 0,
        })
    }

    fn id(&self) -> &str {
        &self.id
    }

    fn seq(&self) -> i64 {
        self.seq
    }

    fn looks_further(filter: &Filter) -> bool {
        filter.looks_further()
    }

    fn pages(filter: &Filter, values: &mut Vec<Value>) -> (&'static str, &'static str) {
        filter.add_to(values);
        match filter.charge {
            None => pages!(select_dispute!(), "AND created BETWEEN ?7 AND ?8"),
            Some(_) => pages!(select_dispute!(), "AND created BETWEEN ?7 AND ?8 AND charge = ?9"),
        }
    }
}

/// Adds a dispute.
pub(crate) fn insert(tx: &mut Tx<'_>, owner: &Owner, dispute: &Dispute) {
    tx.defer(
        "INSERT INTO ledger_dispute (mode, platform, account, seq, id, charge, amount, currency, \
         fee, created, consumed, from_pending, status, fee_returned) \
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        of_owner(
            owner,
            values![
                dispute.seq,
                dispute.id.as_str(),
                dispute.charge.as_str(),
                dispute.amount,
                dispute.currency.as_str(),
                dispute.fee,
                dispute.created,
                dispute.consumed,
                dispute.from_pending,
                dispute.status.code(),
                dispute.fee_returned
            ],
        ),
    );
}

/// Stores how a dispute ended: its status, and whether its fee came back.
pub(crate) fn set_status(tx: &mut Tx<'_>, owner: &Owner, dispute: &Dispute) {
    let mut values = Vec::from(values![dispute.status.code(), dispute.fee_returned]);
    values.extend(of_owner(owner, values![dispute.seq]));
    tx.defer(
        "UPDATE ledger_dispute SET status = ?, fee_returned = ? \
         WHERE mode = ? AND platform = ? AND account = ? AND seq = ?",
        values,
    );
}
