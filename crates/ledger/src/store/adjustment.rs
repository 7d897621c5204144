//! The SQL of adjustments.

use crate::model::account::SourceType;
use crate::model::adjustment::{Adjustment, FirstTelling};
use crate::model::entry::Pool;
use crate::sql::{Linked, Record, currency, of_owner, optional_time, owner};
use crate::{by_id, by_ids, pages};
use coffer_base::{Currency, Owner, Timestamp};
use coffer_dialect::CreatedRange;
use coffer_kernel::schedule::Due;
use coffer_storage::{Row, StorageError, Store, Tx, Value, values};

/// An adjustment in the order of columns that its `from_row` reads, with its owner in the last
/// ones for scheduled tasks, which read adjustments of all owners.
macro_rules! select_adjustment {
    () => {
        "SELECT seq, id, amount, fee, currency, type, category, source_type, source, charge, \
         payout, draws, consumed, created, available_on, pending, settled, by_transaction, \
         parked, told_type, told_source_type, told_created, told_available_on, mode, platform, \
         account FROM ledger_adjustment"
    };
}

/// The first column of the owner in a row of [`select_adjustment`].
const OWNER_OF_ADJUSTMENT: usize = 23;

/// What a list of adjustments is narrowed to.
#[derive(Clone, Debug)]
pub struct Filter {
    pub(crate) currency: Option<Currency>,
    /// What they are called. An unknown word finds none.
    pub(crate) word: Option<String>,
    pub(crate) created: CreatedRange,
}

impl Record for Adjustment {
    type Filter = Filter;

    const BY_ID: &'static str = by_id!(select_adjustment!());

    fn from_row(row: &Row) -> Result<Self, StorageError> {
        let text = |column| row.optional_text(column).map(|text| text.map(str::to_owned));
        Ok(Self {
            seq: row.int(0)?,
            id: row.text(1)?.to_owned(),
            amount: row.int(2)?,
            fee: row.int(3)?,
            pool: Pool {
                currency: currency(row, 4)?,
                source_type: SourceType::from_code(row.int(7)?)?,
            },
            word: row.text(5)?.to_owned(),
            category: text(6)?,
            source: text(8)?,
            charge: text(9)?,
            payout: text(10)?,
            draws: row.int(11)? != 0,
            consumed: row.int(12)?,
            created: Timestamp::from_unix(row.int(13)?),
            available_on: Timestamp::from_unix(row.int(14)?),
            pending: row.int(15)?,
            settled: row.int(16)? != 0,
            by_transaction: row.int(17)? != 0,
            parked: row.int(18)? != 0,
            told: FirstTelling {
                word: text(19)?,
                source_type: row.optional_int(20)?.map(SourceType::from_code).transpose()?,
                created: optional_time(row, 21)?,
                available_on: optional_time(row, 22)?,
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
        let Filter { currency, word, created } = filter;
        currency.is_some() || word.is_some() || *created != CreatedRange::ALL
    }

    fn pages(filter: &Filter, values: &mut Vec<Value>) -> (&'static str, &'static str) {
        values.extend(values![
            filter.currency.as_ref().map(Currency::as_str),
            filter.word.as_deref(),
            filter.created.from,
            filter.created.to
        ]);
        pages!(
            select_adjustment!(),
            "AND (currency = ?7 OR ?7 IS NULL) AND (type = ?8 OR ?8 IS NULL) \
             AND created BETWEEN ?9 AND ?10"
        )
    }
}

impl Linked for Adjustment {
    const BY_IDS: &'static str = by_ids!(select_adjustment!());
}

/// Adds an adjustment, whoever told it.
pub(crate) fn insert(tx: &mut Tx<'_>, owner: &Owner, adjustment: &Adjustment) {
    let mut values = of_owner(owner, values![adjustment.seq, adjustment.id.as_str()]);
    values.extend(values![adjustment.currency().as_str(), adjustment.by_transaction]);
    values.extend(changing(adjustment));
    tx.defer(
        "INSERT INTO ledger_adjustment (mode, platform, account, seq, id, currency, \
         by_transaction, amount, fee, type, category, source_type, source, charge, payout, draws, \
         consumed, created, available_on, pending, settled, parked, told_type, told_source_type, \
         told_created, told_available_on) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, \
         ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        values,
    );
}

/// Stores the columns of an adjustment that can change: all but its number, its id, its currency
/// and who told it.
pub(crate) fn update(tx: &mut Tx<'_>, owner: &Owner, adjustment: &Adjustment) {
    let mut values = Vec::from(changing(adjustment));
    values.extend(of_owner(owner, values![adjustment.seq]));
    tx.defer(
        "UPDATE ledger_adjustment SET amount = ?, fee = ?, type = ?, category = ?, \
         source_type = ?, source = ?, charge = ?, payout = ?, draws = ?, consumed = ?, \
         created = ?, available_on = ?, pending = ?, settled = ?, parked = ?, told_type = ?, \
         told_source_type = ?, told_created = ?, told_available_on = ? \
         WHERE mode = ? AND platform = ? AND account = ? AND seq = ?",
        values,
    );
}

/// The columns that can change, in the order of both statements.
fn changing(adjustment: &Adjustment) -> [Value; 19] {
    values![
        adjustment.amount,
        adjustment.fee,
        adjustment.word.as_str(),
        adjustment.category.as_deref(),
        adjustment.pool.source_type.code(),
        adjustment.source.as_deref(),
        adjustment.charge.as_deref(),
        adjustment.payout.as_deref(),
        adjustment.draws,
        adjustment.consumed,
        adjustment.created,
        adjustment.available_on,
        adjustment.pending,
        adjustment.settled,
        adjustment.parked,
        adjustment.told.word.as_deref(),
        adjustment.told.source_type.map(SourceType::code),
        adjustment.told.created.map(Timestamp::unix),
        adjustment.told.available_on.map(Timestamp::unix)
    ]
}

/// Whether money of any adjustment is due to become available.
pub(crate) async fn any_due(store: &Store, due: &Due) -> Result<bool, StorageError> {
    let rows = store
        .query_part(
            "SELECT 1 FROM ledger_adjustment WHERE settled = 0 AND by_transaction = 0 \
             AND available_on <= ? AND (? = '' OR platform = ?) LIMIT 1",
            &values![due.at, due.platform(), due.platform()],
        )
        .await?;
    Ok(!rows.is_empty())
}

/// The next adjustments whose money is due, at most `most`: the earliest are chosen, and returned
/// by owner so that each ledger is locked and numbered once.
pub(crate) async fn due(
    tx: &mut Tx<'_>,
    due: &Due,
    most: i64,
) -> Result<Vec<(Owner, Adjustment)>, StorageError> {
    let rows = tx
        .query_part(
            concat!(
                "SELECT * FROM (",
                select_adjustment!(),
                " WHERE settled = 0 AND by_transaction = 0 AND available_on <= ? \
                 AND (? = '' OR platform = ?) \
                 ORDER BY available_on, mode, platform, account, seq LIMIT ?) AS next \
                 ORDER BY mode, platform, account, available_on, seq"
            ),
            &values![due.at, due.platform(), due.platform(), most],
        )
        .await?;
    let read = |row| Ok((owner(row, OWNER_OF_ADJUSTMENT)?, Adjustment::from_row(row)?));
    rows.iter().map(read).collect()
}
