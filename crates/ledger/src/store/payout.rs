//! The SQL of payouts and breaches.

use crate::model::account::SourceType;
use crate::model::payout::{Breach, FirstTelling, Payout, Status};
use crate::sql::{Linked, Record, currency, of_owner, optional_time, owner};
use crate::{by_id, by_ids, pages};
use coffer_base::{Currency, Owner, Timestamp};
use coffer_dialect::CreatedRange;
use coffer_kernel::schedule::Due;
use coffer_storage::{Row, StorageError, Store, Tx, Value, values};

/// A payout, in the order of columns that its `from_row` reads.
macro_rules! select_payout {
    () => {
        "SELECT seq, id, processor_id, amount, currency, source_type, reported, fee, created, \
         arrival_date, status, told_fee, told_created, told_arrival_date, by_transaction, \
         automatic, mode, platform, account FROM ledger_payout"
    };
}

/// The first column of the owner in a row of [`select_payout`].
const OWNER_OF_PAYOUT: usize = 16;

/// What a list of payouts is narrowed to.
#[derive(Clone, Debug)]
pub struct Filter {
    pub(crate) currency: Option<Currency>,
    pub(crate) status: Option<Status>,
    pub(crate) created: CreatedRange,
}

impl Record for Payout {
    type Filter = Filter;

    /// A payout that was asked for is found by the processor's id, too.
    const BY_ID: &'static str = concat!(
        select_payout!(),
        " WHERE mode = ?1 AND platform = ?2 AND account = ?3 AND (id = ?4 OR processor_id = ?4)"
    );

    fn from_row(row: &Row) -> Result<Self, StorageError> {
        Ok(Self {
            seq: row.int(0)?,
            id: row.text(1)?.to_owned(),
            processor_id: row.optional_text(2)?.map(str::to_owned),
            amount: row.int(3)?,
            currency: currency(row, 4)?,
            source_type: SourceType::from_code(row.int(5)?)?,
            reported: row.int(6)? != 0,
            fee: row.optional_int(7)?,
            created: Timestamp::from_unix(row.int(8)?),
            arrival_date: optional_time(row, 9)?,
            status: Status::from_code(row.int(10)?)?,
            told: FirstTelling {
                fee: row.optional_int(11)?,
                created: optional_time(row, 12)?,
                arrival_date: optional_time(row, 13)?,
            },
            by_transaction: row.int(14)? != 0,
            automatic: row.optional_int(15)?.map(|automatic| automatic != 0),
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

impl Linked for Payout {
    const BY_IDS: &'static str = by_ids!(select_payout!());
}

/// Adds a payout, whoever told it or asked for it.
pub(crate) fn insert(tx: &mut Tx<'_>, owner: &Owner, payout: &Payout) {
    let mut values = of_owner(owner, values![payout.seq, payout.id.as_str(), payout.amount]);
    values.extend(values![payout.currency.as_str(), payout.source_type.code(), payout.reported]);
    values.extend(changing(payout));
    tx.defer(
        "INSERT INTO ledger_payout (mode, platform, account, seq, id, amount, currency, \
         source_type, reported, processor_id, fee, created, arrival_date, status, told_fee, \
         told_created, told_arrival_date, by_transaction, automatic) \
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        values,
    );
}

/// Stores the columns of a payout that can change: what was told of it later, and its status.
pub(crate) fn update(tx: &mut Tx<'_>, owner: &Owner, payout: &Payout) {
    let mut values = Vec::from(changing(payout));
    values.extend(of_owner(owner, values![payout.seq]));
    tx.defer(
        "UPDATE ledger_payout SET processor_id = ?, fee = ?, created = ?, arrival_date = ?, \
         status = ?, told_fee = ?, told_created = ?, told_arrival_date = ?, by_transaction = ?, \
         automatic = ? WHERE mode = ? AND platform = ? AND account = ? AND seq = ?",
        values,
    );
}

/// The columns that can change, in the order of both statements.
fn changing(payout: &Payout) -> [Value; 10] {
    values![
        payout.processor_id.as_deref(),
        payout.fee,
        payout.created,
        payout.arrival_date.map(Timestamp::unix),
        payout.status.code(),
        payout.told.fee,
        payout.told.created.map(Timestamp::unix),
        payout.told.arrival_date.map(Timestamp::unix),
        payout.by_transaction,
        payout.automatic.map(i64::from)
    ]
}

/// The payouts of this amount and pool that were asked for within a time, have no processor's id
/// and are on their way: at most two, since more than one is none that could be told apart.
pub(crate) async fn asked_like(
    tx: &mut Tx<'_>,
    owner: &Owner,
    payout: &Payout,
    asked: CreatedRange,
) -> Result<Vec<Payout>, StorageError> {
    let which = values![
        payout.amount,
        payout.currency.as_str(),
        payout.source_type.code(),
        asked.from,
        asked.to
    ];
    let rows = tx
        .query(
            concat!(
                select_payout!(),
                " WHERE mode = ? AND platform = ? AND account = ? AND amount = ? \
                 AND currency = ? AND source_type = ? AND created BETWEEN ? AND ? \
                 AND reported = 0 AND processor_id IS NULL AND status = 0 \
                 ORDER BY seq LIMIT 2"
            ),
            &of_owner(owner, which),
        )
        .await?;
    rows.iter().map(Payout::from_row).collect()
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

/// Stores what a transaction says of a payout besides: the id with which it was asked for, and how
/// much left under it.
pub(crate) fn confirm(tx: &mut Tx<'_>, owner: &Owner, payout: &Payout) {
    update(tx, owner, payout);
    let mut values = Vec::from(values![payout.id.as_str(), payout.amount, payout.reported]);
    values.extend(of_owner(owner, values![payout.seq]));
    tx.defer(
        "UPDATE ledger_payout SET id = ?, amount = ?, reported = ? \
         WHERE mode = ? AND platform = ? AND account = ? AND seq = ?",
        values,
    );
}

/// Whether the processor has told that money of this payout came back.
pub(crate) async fn came_back(
    tx: &mut Tx<'_>,
    owner: &Owner,
    id: &str,
) -> Result<bool, StorageError> {
    let rows = tx
        .query(
            "SELECT 1 FROM balance_transaction WHERE mode = ? AND platform = ? AND account = ? \
             AND payout = ? AND told = 1 AND amount > 0 LIMIT 1",
            &of_owner(owner, values![id]),
        )
        .await?;
    Ok(!rows.is_empty())
}

/// Whether any payout should have arrived.
pub(crate) async fn any_arriving(store: &Store, due: &Due) -> Result<bool, StorageError> {
    let rows = store
        .query_part(
            "SELECT 1 FROM ledger_payout WHERE status = 0 AND arrival_date IS NOT NULL \
             AND arrival_date <= ? AND (? = '' OR platform = ?) LIMIT 1",
            &values![due.at, due.platform(), due.platform()],
        )
        .await?;
    Ok(!rows.is_empty())
}

/// The next payouts that should have arrived, at most `most`: the earliest are chosen, and returned
/// by owner so that each ledger is locked and numbered once.
pub(crate) async fn arriving(
    tx: &mut Tx<'_>,
    due: &Due,
    most: i64,
) -> Result<Vec<(Owner, Payout)>, StorageError> {
    let rows = tx
        .query_part(
            concat!(
                "SELECT * FROM (",
                select_payout!(),
                " WHERE status = 0 AND arrival_date IS NOT NULL AND arrival_date <= ? \
                 AND (? = '' OR platform = ?) \
                 ORDER BY arrival_date, mode, platform, account, seq LIMIT ?) AS next \
                 ORDER BY mode, platform, account, arrival_date, seq"
            ),
            &values![due.at, due.platform(), due.platform(), most],
        )
        .await?;
    let read = |row| Ok((owner(row, OWNER_OF_PAYOUT)?, Payout::from_row(row)?));
    rows.iter().map(read).collect()
}
