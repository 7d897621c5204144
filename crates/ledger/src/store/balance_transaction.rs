//! The SQL that reads balance transactions; [`super::journal`] writes them.

use crate::model::balance_transaction::{BalanceTransaction, BalanceTransactionLine};
use crate::sql::{Record, currency};
use crate::{by_id, pages};
use coffer_base::{Currency, Timestamp};
use coffer_dialect::CreatedRange;
use coffer_storage::{Row, StorageError, Value, values};

/// A balance transaction, in the order of columns that its `from_row` reads.
macro_rules! select_balance_transaction {
    () => {
        "SELECT seq, id, kind, source, currency, reserved, pending, amount, fee, created, \
         available_on, application_fee, told, category, exchange_rate FROM balance_transaction"
    };
}

/// What a list of balance transactions is narrowed to.
#[derive(Clone, Debug)]
pub(crate) struct Filter {
    /// The `type` on the wire. An unknown one finds none.
    pub(crate) kind: Option<String>,
    pub(crate) currency: Option<Currency>,
    /// The id of the object that caused them.
    pub(crate) source: Option<String>,
    /// The id of the payout that they are about, or that carried their money.
    pub(crate) payout: Option<String>,
    /// When the entry happened; all times if it was not sent.
    pub(crate) created: CreatedRange,
}

impl Record for BalanceTransaction {
    type Filter = Filter;

    const BY_ID: &'static str = by_id!(select_balance_transaction!());

    fn from_row(row: &Row) -> Result<Self, StorageError> {
        Ok(Self {
            seq: row.int(0)?,
            id: row.text(1)?.to_owned(),
            kind: row.text(2)?.to_owned(),
            source: row.text(3)?.to_owned(),
            currency: currency(row, 4)?,
            line: BalanceTransactionLine {
                reserved: row.int(5)? != 0,
                pending: row.int(6)? != 0,
                amount: row.int(7)?,
                fee: row.int(8)?,
            },
            created: Timestamp::from_unix(row.int(9)?),
            available_on: Timestamp::from_unix(row.int(10)?),
            application_fee: row.int(11)?,
            told: row.int(12)? != 0,
            category: row.optional_text(13)?.map(str::to_owned),
            exchange_rate: row.optional_text(14)?.map(str::to_owned),
        })
    }

    fn id(&self) -> &str {
        &self.id
    }

    fn seq(&self) -> i64 {
        self.seq
    }

    fn looks_further(filter: &Filter) -> bool {
        filter.source.is_none()
            && filter.payout.is_none()
            && (filter.kind.is_some()
                || filter.currency.is_some()
                || filter.created != CreatedRange::ALL)
    }

    fn pages(filter: &Filter, values: &mut Vec<Value>) -> (&'static str, &'static str) {
        values.extend(values![
            filter.kind.as_deref(),
            filter.currency.as_ref().map(Currency::as_str),
            filter.created.from,
            filter.created.to
        ]);
        // Statements of their own, since one source or one payout has few rows, which an index
        // finds.
        if let Some(payout) = &filter.payout {
            values.push(Value::from(payout.as_str()));
            return pages!(
                select_balance_transaction!(),
                "AND (kind = ?7 OR ?7 IS NULL) AND (currency = ?8 OR ?8 IS NULL) \
                 AND created BETWEEN ?9 AND ?10 AND payout = ?11"
            );
        }
        let Some(source) = &filter.source else {
            return pages!(
                select_balance_transaction!(),
                "AND (kind = ?7 OR ?7 IS NULL) AND (currency = ?8 OR ?8 IS NULL) \
                 AND created BETWEEN ?9 AND ?10"
            );
        };
        values.push(Value::from(source.as_str()));
        pages!(
            select_balance_transaction!(),
            "AND (kind = ?7 OR ?7 IS NULL) AND (currency = ?8 OR ?8 IS NULL) \
             AND created BETWEEN ?9 AND ?10 AND source = ?11"
        )
    }
}
