//! The SQL of refunds.

use crate::model::account::SourceType;
use crate::model::refund::Refund;
use crate::sql::{Linked, Record, currency, of_owner, optional_time};
use crate::{by_id, by_ids, pages};
use coffer_base::{Owner, Timestamp};
use coffer_dialect::CreatedRange;
use coffer_storage::{Row, StorageError, Tx, Value, values};

/// A refund, in the order of columns that its `from_row` reads.
macro_rules! select_refund {
    () => {
        "SELECT seq, id, charge, amount, currency, source_type, created, consumed, from_pending, \
         failed_amount, parked, told_created FROM ledger_refund"
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
            charge: row.optional_text(2)?.map(str::to_owned),
            amount: row.int(3)?,
            currency: currency(row, 4)?,
            source_type: SourceType::from_code(row.int(5)?)?,
            created: Timestamp::from_unix(row.int(6)?),
            consumed: row.int(7)?,
            from_pending: row.int(8)?,
            failed_amount: row.int(9)?,
            parked: row.int(10)? != 0,
            told_created: optional_time(row, 11)?,
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

impl Linked for Refund {
    const BY_IDS: &'static str = by_ids!(select_refund!());
}

/// Adds a refund, whoever told it.
pub(crate) fn insert(tx: &mut Tx<'_>, owner: &Owner, refund: &Refund) {
    let mut values = of_owner(owner, values![refund.seq, refund.id.as_str()]);
    values.extend(values![refund.currency.as_str()]);
    values.extend(changing(refund));
    tx.defer(
        "INSERT INTO ledger_refund (mode, platform, account, seq, id, currency, charge, amount, \
         source_type, created, consumed, from_pending, failed_amount, parked, told_created) \
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        values,
    );
}

/// Stores the columns of a refund that can change: all but its number, its id and its currency.
pub(crate) fn update(tx: &mut Tx<'_>, owner: &Owner, refund: &Refund) {
    let mut values = Vec::from(changing(refund));
    values.extend(of_owner(owner, values![refund.seq]));
    tx.defer(
        "UPDATE ledger_refund SET charge = ?, amount = ?, source_type = ?, created = ?, \
         consumed = ?, from_pending = ?, failed_amount = ?, parked = ?, told_created = ? \
         WHERE mode = ? AND platform = ? AND account = ? AND seq = ?",
        values,
    );
}

/// The columns that can change, in the order of both statements.
fn changing(refund: &Refund) -> [Value; 9] {
    values![
        refund.charge.as_deref(),
        refund.amount,
        refund.source_type.code(),
        refund.created,
        refund.consumed,
        refund.from_pending,
        refund.failed_amount,
        refund.parked,
        refund.told_created.map(Timestamp::unix)
    ]
}
