//! The SQL of disputes.

use super::refund::Filter;
use crate::model::account::SourceType;
use crate::model::dispute::{Dispute, FirstTelling, Status};
use crate::sql::{Linked, Record, currency, of_owner, optional_time};
use crate::{by_id, by_ids, pages};
use coffer_base::{Owner, Timestamp};
use coffer_storage::{Row, StorageError, Tx, Value, values};

/// A dispute, in the order of columns that its `from_row` reads.
macro_rules! select_dispute {
    () => {
        "SELECT seq, id, charge, amount, currency, source_type, fee, created, consumed, \
         from_pending, withdrawn, reinstated, status, status_created, fee_returned, moved, parked, \
         told_fee, told_created FROM ledger_dispute"
    };
}

impl Record for Dispute {
    type Filter = Filter;

    const BY_ID: &'static str = by_id!(select_dispute!());

    fn from_row(row: &Row) -> Result<Self, StorageError> {
        Ok(Self {
            seq: row.int(0)?,
            id: row.text(1)?.to_owned(),
            charge: row.optional_text(2)?.map(str::to_owned),
            amount: row.int(3)?,
            currency: currency(row, 4)?,
            source_type: SourceType::from_code(row.int(5)?)?,
            fee: row.int(6)?,
            created: Timestamp::from_unix(row.int(7)?),
            consumed: row.int(8)?,
            from_pending: row.int(9)?,
            withdrawn: row.int(10)?,
            reinstated: row.int(11)?,
            status: Status::from_code(row.int(12)?)?,
            status_created: optional_time(row, 13)?,
            fee_returned: row.int(14)? != 0,
            moved: row.int(15)? != 0,
            parked: row.int(16)? != 0,
            told: FirstTelling { fee: row.optional_int(17)?, created: optional_time(row, 18)? },
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

impl Linked for Dispute {
    const BY_IDS: &'static str = by_ids!(select_dispute!());
}

/// Adds a dispute, whoever told it.
pub(crate) fn insert(tx: &mut Tx<'_>, owner: &Owner, dispute: &Dispute) {
    let mut values = of_owner(owner, values![dispute.seq, dispute.id.as_str()]);
    values.extend(values![dispute.currency.as_str()]);
    values.extend(changing(dispute));
    tx.defer(
        "INSERT INTO ledger_dispute (mode, platform, account, seq, id, currency, charge, amount, \
         source_type, fee, created, consumed, from_pending, withdrawn, reinstated, status, \
         status_created, fee_returned, moved, parked, told_fee, told_created) \
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        values,
    );
}

/// Stores the columns of a dispute that can change: all but its number, its id and its currency.
pub(crate) fn update(tx: &mut Tx<'_>, owner: &Owner, dispute: &Dispute) {
    let mut values = Vec::from(changing(dispute));
    values.extend(of_owner(owner, values![dispute.seq]));
    tx.defer(
        "UPDATE ledger_dispute SET charge = ?, amount = ?, source_type = ?, fee = ?, created = ?, \
         consumed = ?, from_pending = ?, withdrawn = ?, reinstated = ?, status = ?, \
         status_created = ?, fee_returned = ?, moved = ?, parked = ?, told_fee = ?, \
         told_created = ? WHERE mode = ? AND platform = ? AND account = ? AND seq = ?",
        values,
    );
}

/// The columns that can change, in the order of both statements.
fn changing(dispute: &Dispute) -> [Value; 16] {
    values![
        dispute.charge.as_deref(),
        dispute.amount,
        dispute.source_type.code(),
        dispute.fee,
        dispute.created,
        dispute.consumed,
        dispute.from_pending,
        dispute.withdrawn,
        dispute.reinstated,
        dispute.status.code(),
        dispute.status_created.map(Timestamp::unix),
        dispute.fee_returned,
        dispute.moved,
        dispute.parked,
        dispute.told.fee,
        dispute.told.created.map(Timestamp::unix)
    ]
}
