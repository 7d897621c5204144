//! The SQL of refunds.

use crate::model::refund::Refund;
use crate::sql::{Record, currency, of_owner};
use crate::{by_id, pages};
use coffer_base::{Owner, Timestamp};
use coffer_dialect::CreatedRange;
use coffer_storage::{Row, StorageError, Tx, Value, values};

/// A refund, in the order of columns that its `from_row` reads.
macro_rules! select_refund {
    () => {
        "SELECT seq, id, charge, amount, currency, created, consumed, from_pending, failed \
         FROM ledger_refund"
    };
}

/// What a list of refunds, or of disputes, is narrowed to.
#[derive(Clone, Debug)]
pub struct Filter {
    /// The id of their charge.
    pub(crate) charge: Option<String>,
    pub(crate) created: CreatedRange,
}

impl Filter {
    /// A charge has few refunds and disputes, which an index finds.
    pub(super) fn looks_further(&self) -> bool {
        self.charge.is_none() && self.created != CreatedRange::ALL
    }

    /// Adds the parameters from ?7 on. The charge comes last, since the statement without a charge
    /// has no place for it.
    pub(super) fn add_to(&self, values: &mut Vec<Value>) {
        values.extend(values![self.created.from, self.created.to]);
        values.extend(self.charge.as_deref().map(Value::from));
    }
}

impl Record for Refund {
    type Filter = Filter;

    const BY_ID: &'static str = by_id!(select_refund!());

    fn from_row(row: &Row) -> Result<Self, StorageError> {
        Ok(Self {
            seq: row.int(0)?,
            id: row.text(1)?.to_owned(),
            charge: row.text(2)?.to_owned(),
            amount: row.int(3)?,
            currency: currency(row, 4)?,
            created: Timestamp::from_unix(row.int(5)?),
            consumed: row.int(6)?,
            from_pending: row.int(7)?,
            failed: row.int(8)? != 0,
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
            None => pages!(select_refund!(), "AND created BETWEEN ?7 AND ?8"),
            Some(_) => pages!(select_refund!(), "AND created BETWEEN ?7 AND ?8 AND charge = ?9"),
        }
    }
}

/// Adds a refund.
pub(crate) fn insert(tx: &mut Tx<'_>, owner: &Owner, refund: &Refund) {
    tx.defer(
        "INSERT INTO ledger_refund (mode, platform, account, seq, id, charge, amount, currency, \
         created, consumed, from_pending, failed) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        of_owner(
            owner,
            values![
                refund.seq,
                refund.id.as_str(),
                refund.charge.as_str(),
                refund.amount,
                refund.currency.as_str(),
                refund.created,
                refund.consumed,
                refund.from_pending,
                refund.failed
            ],
        ),
    );
}

/// Stores whether a refund failed.
pub(crate) fn set_failed(tx: &mut Tx<'_>, owner: &Owner, refund: &Refund) {
    let mut values = Vec::from(values![refund.failed]);
    values.extend(of_owner(owner, values![refund.seq]));
    tx.defer(
        "UPDATE ledger_refund SET failed = ? \
         WHERE mode = ? AND platform = ? AND account = ? AND seq = ?",
        values,
    );
}
