//! The SQL of payouts and breaches.

use crate::model::account::SourceType;
use crate::model::payout::{Breach, Payout, Status};
use crate::sql::{Record, currency, of_owner};
use crate::{by_id, pages};
use coffer_base::{Currency, Owner, Timestamp};
use coffer_dialect::CreatedRange;
use coffer_storage::{Row, StorageError, Tx, Value, values};

/// A payout, in the order of columns that its `from_row` reads.
macro_rules! select_payout {
    () => {
        "SELECT seq, id, amount, currency, source_type, reported, created, status \
         FROM ledger_payout"
    };
}

/// What a list of payouts is narrowed to.
#[derive(Clone, Debug)]
pub struct Filter {
    pub(crate) currency: Option<Currency>,
    pub(crate) status: Option<Status>,
    pub(crate) created: CreatedRange,
}

impl Record for Payout {
    type Filter = Filter;

    const BY_ID: &'static str = by_id!(select_payout!());

    fn from_row(row: &Row) -> Result<Self, StorageError> {
        Ok(Self {
            seq: row.int(0)?,
            id: row.text(1)?.to_owned(),
            amount: row.int(2)?,
            currency: currency(row, 3)?,
            source_type: SourceType::from_code(row.int(4)?)?,
            reported: row.int(5)? != 0,
            created: Timestamp::from_unix(row.int(6)?),
            status: Status::from_code(row.int(7)?)?,
        })
    }

    fn id(&self) -> &str {
        &self.id
    }

    fn seq(&self) -> i64 {
        self.seq
    }

    fn looks_further(filter: &Filter) -> bool {
        let Filter { currency, status, created } = filter;
        currency.is_some() || status.is_some() || *created != CreatedRange::ALL
    }

    fn pages(filter: &Filter, values: &mut Vec<Value>) -> (&'static str, &'static str) {
        values.extend(values![
            filter.currency.as_ref().map(Currency::as_str),
            filter.status.map(Status::code),
            filter.created.from,
            filter.created.to
        ]);
        pages!(
            select_payout!(),
            "AND (currency = ?7 OR ?7 IS NULL) AND (status = ?8 OR ?8 IS NULL) \
             AND created BETWEEN ?9 AND ?10"
        )
    }
}

/// Adds a payout.
pub(crate) fn insert(tx: &mut Tx<'_>, owner: &Owner, payout: &Payout) {
    tx.defer(
        "INSERT INTO ledger_payout (mode, platform, account, seq, id, amount, currency, \
         source_type, reported, created, status) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        of_owner(
            owner,
            values![
                payout.seq,
                payout.id.as_str(),
                payout.amount,
                payout.currency.as_str(),
                payout.source_type.code(),
                payout.reported,
                payout.created,
                payout.status.code()
            ],
        ),
    );
}

/// Stores the status of a payout.
pub(crate) fn set_status(tx: &mut Tx<'_>, owner: &Owner, payout: &Payout) {
    let mut values = Vec::from(values![payout.status.code()]);
    values.extend(of_owner(owner, values![payout.seq]));
    tx.defer(
        "UPDATE ledger_payout SET status = ? \
         WHERE mode = ? AND platform = ? AND account = ? AND seq = ?",
        values,
    );
}

/// A breach, in the order of columns that its `from_row` reads.
macro_rules! select_breach {
    () => {
        "SELECT seq, id, payout, amount, currency, source_type, available_after, created \
         FROM ledger_breach"
    };
}

impl Record for Breach {
    type Filter = CreatedRange;

    const BY_ID: &'static str = by_id!(select_breach!());

    fn from_row(row: &Row) -> Result<Self, StorageError> {
        Ok(Self {
            seq: row.int(0)?,
            id: row.text(1)?.to_owned(),
            payout: row.text(2)?.to_owned(),
            amount: row.int(3)?,
            currency: currency(row, 4)?,
            source_type: SourceType::from_code(row.int(5)?)?,
            available_after: row.int(6)?,
            created: Timestamp::from_unix(row.int(7)?),
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
        pages!(select_breach!(), "AND created BETWEEN ?7 AND ?8")
    }
}

/// Adds a breach.
pub(crate) fn insert_breach(tx: &mut Tx<'_>, owner: &Owner, breach: &Breach) {
    tx.defer(
        "INSERT INTO ledger_breach (mode, platform, account, seq, id, payout, amount, currency, \
         source_type, available_after, created) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        of_owner(
            owner,
            values![
                breach.seq,
                breach.id.as_str(),
                breach.payout.as_str(),
                breach.amount,
                breach.currency.as_str(),
                breach.source_type.code(),
                breach.available_after,
                breach.created
            ],
        ),
    );
}
