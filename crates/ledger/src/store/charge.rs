//! The SQL of charges.

use super::history;
use crate::model::account::SourceType;
use crate::model::charge::{Charge, FirstTelling};
use crate::sql::{Linked, Record, currency, of_owner, optional_time, owner};
use crate::{by_id, by_ids, pages};
use coffer_base::{Currency, Owner, Timestamp};
use coffer_dialect::CreatedRange;
use coffer_kernel::schedule::Due;
use coffer_storage::{Row, StorageError, Store, Tx, Value, values};

/// A charge in the order of columns that its `from_row` reads, with its owner in the last ones for
/// scheduled tasks, which read charges of all owners.
macro_rules! select_charge {
    () => {
        "SELECT seq, id, amount, currency, fee, application_fee, source_type, source_transfer, \
         created, available_on, refunded, disputed, pending, settled, by_transaction, told_fee, \
         told_application_fee, told_source_type, told_created, told_available_on, mode, platform, \
         account FROM ledger_charge"
    };
}

/// The first column of the owner in a row of [`select_charge`].
const OWNER_OF_CHARGE: usize = 20;

/// What a list of charges is narrowed to.
#[derive(Clone, Debug)]
pub struct Filter {
    pub(crate) currency: Option<Currency>,
    pub(crate) created: CreatedRange,
}

impl Record for Charge {
    type Filter = Filter;

    const BY_ID: &'static str = by_id!(select_charge!());

    fn from_row(row: &Row) -> Result<Self, StorageError> {
        Ok(Self {
            seq: row.int(0)?,
            id: row.text(1)?.to_owned(),
            amount: row.int(2)?,
            currency: currency(row, 3)?,
            fee: row.optional_int(4)?,
            application_fee: row.int(5)?,
            source_type: SourceType::from_code(row.int(6)?)?,
            source_transfer: row.optional_text(7)?.map(str::to_owned),
            created: Timestamp::from_unix(row.int(8)?),
            available_on: Timestamp::from_unix(row.int(9)?),
            refunded: row.int(10)?,
            disputed: row.int(11)? != 0,
            pending: row.int(12)?,
            settled: row.int(13)? != 0,
            by_transaction: row.int(14)? != 0,
            told: FirstTelling {
                fee: row.optional_int(15)?,
                application_fee: row.optional_int(16)?,
                source_type: row.optional_int(17)?.map(SourceType::from_code).transpose()?,
                created: optional_time(row, 18)?,
                available_on: optional_time(row, 19)?,
            },
        })
    }

    fn id(&self) -> &str {
        &self.id
    }

    fn seq(&self) -> i64 {
        self.seq
    }

    fn looks_further(filter: &Filter) -> bool {
        filter.currency.is_some() || filter.created != CreatedRange::ALL
    }

    fn pages(filter: &Filter, values: &mut Vec<Value>) -> (&'static str, &'static str) {
        values.extend(values![
            filter.currency.as_ref().map(Currency::as_str),
            filter.created.from,
            filter.created.to
        ]);
        pages!(select_charge!(), "AND (currency = ?7 OR ?7 IS NULL) AND created BETWEEN ?8 AND ?9")
    }
}

impl Linked for Charge {
    const BY_IDS: &'static str = by_ids!(select_charge!());
}

/// Adds a charge, whoever told it.
pub(crate) fn insert(tx: &mut Tx<'_>, owner: &Owner, charge: &Charge) {
    history::note_exposure(tx, owner, charge);
    let mut values = of_owner(owner, values![charge.seq, charge.id.as_str()]);
    values.extend(values![charge.currency.as_str(), charge.by_transaction]);
    values.extend(changing(charge));
    tx.defer(
        "INSERT INTO ledger_charge (mode, platform, account, seq, id, currency, by_transaction, \
         amount, fee, application_fee, source_type, source_transfer, created, available_on, \
         refunded, disputed, pending, settled, told_fee, told_application_fee, told_source_type, \
         told_created, told_available_on) \
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        values,
    );
}

/// Stores the columns of a charge that can change: all but its number, its id and its currency.
pub(crate) fn update(tx: &mut Tx<'_>, owner: &Owner, charge: &Charge) {
    history::change_exposure(tx, owner, charge);
    let mut values = Vec::from(changing(charge));
    values.extend(of_owner(owner, values![charge.seq]));
    tx.defer(
        "UPDATE ledger_charge SET amount = ?, fee = ?, application_fee = ?, source_type = ?, \
         source_transfer = ?, created = ?, available_on = ?, refunded = ?, disputed = ?, \
         pending = ?, settled = ?, told_fee = ?, told_application_fee = ?, told_source_type = ?, \
         told_created = ?, told_available_on = ? \
         WHERE mode = ? AND platform = ? AND account = ? AND seq = ?",
        values,
    );
}

/// The columns that can change, in the order of both statements.
fn changing(charge: &Charge) -> [Value; 16] {
    values![
        charge.amount,
        charge.fee,
        charge.application_fee,
        charge.source_type.code(),
        charge.source_transfer.as_deref(),
        charge.created,
        charge.available_on,
        charge.refunded,
        charge.disputed,
        charge.pending,
        charge.settled,
        charge.told.fee,
        charge.told.application_fee,
        charge.told.source_type.map(SourceType::code),
        charge.told.created.map(Timestamp::unix),
        charge.told.available_on.map(Timestamp::unix)
    ]
}

/// Whether money of any charge is due to become available: one row of the index on charges that are
/// not settled.
pub(crate) async fn any_due(store: &Store, due: &Due) -> Result<bool, StorageError> {
    let rows = store
        .query_part(
            "SELECT 1 FROM ledger_charge WHERE settled = 0 AND by_transaction = 0 \
             AND available_on <= ? AND (? = '' OR platform = ?) LIMIT 1",
            &values![due.at, due.platform(), due.platform()],
        )
        .await?;
    Ok(!rows.is_empty())
}

/// The next charges whose money is due, at most `most`: the earliest are chosen, and returned by
/// owner so that each ledger is locked and numbered once.
pub(crate) async fn due(
    tx: &mut Tx<'_>,
    due: &Due,
    most: i64,
) -> Result<Vec<(Owner, Charge)>, StorageError> {
    let rows = tx
        .query_part(
            concat!(
                "SELECT * FROM (",
                select_charge!(),
                " WHERE settled = 0 AND by_transaction = 0 AND available_on <= ? \
                 AND (? = '' OR platform = ?) \
                 ORDER BY available_on, mode, platform, account, seq LIMIT ?) AS next \
                 ORDER BY mode, platform, account, available_on, seq"
            ),
            &values![due.at, due.platform(), due.platform(), most],
        )
        .await?;
    rows.iter().map(|row| Ok((owner(row, OWNER_OF_CHARGE)?, Charge::from_row(row)?))).collect()
}
