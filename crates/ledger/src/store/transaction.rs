//! The SQL of told transactions.

use crate::model::account::SourceType;
use crate::model::entry::Pool;
use crate::model::kind::Kind;
use crate::model::transaction::Transaction;
use crate::sql::{Linked, Record, currency, of_owner, owner};
use crate::{by_id, by_ids, pages};
use coffer_base::{Currency, Owner, Timestamp};
use coffer_dialect::CreatedRange;
use coffer_kernel::schedule::Due;
use coffer_storage::{Row, StorageError, Store, Tx, Value, values};

/// A transaction in the order of columns that its `from_row` reads, with its owner in the last
/// ones for scheduled tasks, which read transactions of all owners.
macro_rules! select_transaction {
    () => {
        "SELECT seq, id, type, kind, amount, fee, application_fee, currency, source_type, \
         pool_told, created, available_on, balance_type, category, source, charge, \
         source_transfer, payout, payout_request, exchange_rate, record, drawn, posted, settled, \
         parked, recorded, mode, platform, account FROM ledger_transaction"
    };
}

/// The first column of the owner in a row of [`select_transaction`].
const OWNER_OF_TRANSACTION: usize = 26;

/// What a list of transactions is narrowed to.
#[derive(Clone, Debug)]
pub(crate) struct Filter {
    /// The processor's `type`. An unknown one finds none.
    pub(crate) word: Option<String>,
    pub(crate) currency: Option<Currency>,
    /// Whether they wait for what they are about.
    pub(crate) parked: Option<bool>,
    pub(crate) created: CreatedRange,
}

impl Record for Transaction {
    type Filter = Filter;

    const BY_ID: &'static str = by_id!(select_transaction!());

    fn from_row(row: &Row) -> Result<Self, StorageError> {
        let text = |column| row.optional_text(column).map(|text| text.map(str::to_owned));
        Ok(Self {
            seq: row.int(0)?,
            id: row.text(1)?.to_owned(),
            word: row.text(2)?.to_owned(),
            kind: Kind::from_code(row.int(3)?)?,
            amount: row.int(4)?,
            fee: row.int(5)?,
            application_fee: row.int(6)?,
            pool: Pool {
                currency: currency(row, 7)?,
                source_type: SourceType::from_code(row.int(8)?)?,
            },
            pool_told: row.int(9)? != 0,
            created: Timestamp::from_unix(row.int(10)?),
            available_on: Timestamp::from_unix(row.int(11)?),
            balance_type: row.text(12)?.to_owned(),
            category: text(13)?,
            source: text(14)?,
            charge: text(15)?,
            source_transfer: text(16)?,
            payout: text(17)?,
            payout_request: text(18)?,
            exchange_rate: text(19)?,
            record: row.text(20)?.to_owned(),
            drawn: row.int(21)?,
            posted: row.int(22)? != 0,
            settled: row.int(23)? != 0,
            parked: row.int(24)? != 0,
            recorded: Timestamp::from_unix(row.int(25)?),
        })
    }

    fn id(&self) -> &str {
        &self.id
    }

    fn seq(&self) -> i64 {
        self.seq
    }

    fn looks_further(filter: &Filter) -> bool {
        let Filter { word, currency, parked, created } = filter;
        word.is_some()
            || currency.is_some()
            || *parked == Some(false)
            || *created != CreatedRange::ALL
    }

    fn pages(filter: &Filter, values: &mut Vec<Value>) -> (&'static str, &'static str) {
        values.extend(values![
            filter.word.as_deref(),
            filter.currency.as_ref().map(Currency::as_str),
            filter.created.from,
            filter.created.to
        ]);
        // A statement of its own, since few are parked, which an index finds.
        if filter.parked == Some(true) {
            return pages!(
                select_transaction!(),
                "AND (type = ?7 OR ?7 IS NULL) AND (currency = ?8 OR ?8 IS NULL) \
                 AND created BETWEEN ?9 AND ?10 AND parked = 1"
            );
        }
        values.push(Value::from(filter.parked.is_some()));
        pages!(
            select_transaction!(),
            "AND (type = ?7 OR ?7 IS NULL) AND (currency = ?8 OR ?8 IS NULL) \
             AND created BETWEEN ?9 AND ?10 AND (?11 = 0 OR parked = 0)"
        )
    }
}

impl Linked for Transaction {
    const BY_IDS: &'static str = by_ids!(select_transaction!());
}

/// Adds a transaction.
pub(crate) fn insert(tx: &mut Tx<'_>, owner: &Owner, new: &Transaction) {
    tx.defer(
        "INSERT INTO ledger_transaction (mode, platform, account, seq, id, type, kind, amount, \
         fee, application_fee, currency, source_type, pool_told, created, available_on, \
         balance_type, category, source, charge, source_transfer, payout, payout_request, \
         exchange_rate, record, drawn, posted, settled, parked, recorded, announced) \
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, \
         ?, ?, 0)",
        of_owner(
            owner,
            values![
                new.seq,
                new.id.as_str(),
                new.word.as_str(),
                new.kind.code(),
                new.amount,
                new.fee,
                new.application_fee,
                new.pool.currency.as_str(),
                new.pool.source_type.code(),
                new.pool_told,
                new.created,
                new.available_on,
                new.balance_type.as_str(),
                new.category.as_deref(),
                new.source.as_deref(),
                new.charge.as_deref(),
                new.source_transfer.as_deref(),
                new.payout.as_deref(),
                new.payout_request.as_deref(),
                new.exchange_rate.as_deref(),
                new.record.as_str(),
                new.drawn,
                new.posted,
                new.settled,
                new.parked,
                new.recorded
            ],
        ),
    );
}

/// Stores what of a transaction can change: its dates, its pool, and what it turned out to be
/// about. Its figures stay.
pub(crate) fn update(tx: &mut Tx<'_>, owner: &Owner, changed: &Transaction) {
    let mut values = Vec::from(values![
        changed.pool.source_type.code(),
        changed.available_on,
        changed.category.as_deref(),
        changed.source.as_deref(),
        changed.charge.as_deref(),
        changed.source_transfer.as_deref(),
        changed.payout.as_deref(),
        changed.payout_request.as_deref(),
        changed.exchange_rate.as_deref(),
        changed.record.as_str(),
        changed.drawn,
        changed.settled,
        changed.parked
    ]);
    values.extend(of_owner(owner, values![changed.seq]));
    tx.defer(
        "UPDATE ledger_transaction SET source_type = ?, available_on = ?, category = ?, \
         source = ?, charge = ?, source_transfer = ?, payout = ?, payout_request = ?, \
         exchange_rate = ?, record = ?, drawn = ?, settled = ?, parked = ? \
         WHERE mode = ? AND platform = ? AND account = ? AND seq = ?",
        values,
    );
}

/// Stores what was told later of a transaction in its balance transaction, whose figures stay.
pub(crate) fn update_shown(tx: &mut Tx<'_>, owner: &Owner, changed: &Transaction) {
    let mut values = Vec::from(values![
        changed.source.as_deref().unwrap_or_default(),
        changed.available_on,
        changed.category.as_deref(),
        changed.exchange_rate.as_deref(),
        changed.payout.as_deref()
    ]);
    values.extend(of_owner(owner, values![changed.id.as_str()]));
    tx.defer(
        "UPDATE balance_transaction SET source = ?, available_on = ?, category = ?, \
         exchange_rate = ?, payout = ? \
         WHERE mode = ? AND platform = ? AND account = ? AND id = ?",
        values,
    );
}

/// The parked transactions that wait for this charge, in the order in which they happened.
pub(crate) async fn parked_for_charge(
    tx: &mut Tx<'_>,
    owner: &Owner,
    charge: &str,
) -> Result<Vec<Transaction>, StorageError> {
    let rows = tx
        .query(
            concat!(
                select_transaction!(),
                " WHERE mode = ? AND platform = ? AND account = ? AND charge = ? \
                 AND parked = 1 ORDER BY created, seq"
            ),
            &of_owner(owner, values![charge]),
        )
        .await?;
    rows.iter().map(Transaction::from_row).collect()
}

/// The parked transaction that carries out this payout, if it came before the payout was asked.
pub(crate) async fn parked_for_request(
    tx: &mut Tx<'_>,
    owner: &Owner,
    request: &str,
) -> Result<Option<Transaction>, StorageError> {
    let rows = tx
        .query(
            concat!(
                select_transaction!(),
                " WHERE mode = ? AND platform = ? AND account = ? AND payout_request = ? \
                 AND parked = 1 ORDER BY seq LIMIT 1"
            ),
            &of_owner(owner, values![request]),
        )
        .await?;
    rows.first().map(Transaction::from_row).transpose()
}

/// Whether money of any transaction is due to become available.
pub(crate) async fn any_due(store: &Store, due: &Due) -> Result<bool, StorageError> {
    let rows = store
        .query_part(
            "SELECT 1 FROM ledger_transaction WHERE settled = 0 AND available_on <= ? \
             AND (? = '' OR platform = ?) LIMIT 1",
            &values![due.at, due.platform(), due.platform()],
        )
        .await?;
    Ok(!rows.is_empty())
}

/// The next transactions whose money is due, at most `most`: the earliest are chosen, and returned
/// by owner so that each ledger is locked and numbered once.
pub(crate) async fn due(
    tx: &mut Tx<'_>,
    due: &Due,
    most: i64,
) -> Result<Vec<(Owner, Transaction)>, StorageError> {
    let rows = tx
        .query_part(
            concat!(
                "SELECT * FROM (",
                select_transaction!(),
                " WHERE settled = 0 AND available_on <= ? AND (? = '' OR platform = ?) \
                 ORDER BY available_on, mode, platform, account, seq LIMIT ?) AS next \
                 ORDER BY mode, platform, account, available_on, seq"
            ),
            &values![due.at, due.platform(), due.platform(), most],
        )
        .await?;
    owned(&rows)
}

/// Whether any transaction has been parked since before `due`, and nobody was told.
pub(crate) async fn any_to_announce(store: &Store, due: &Due) -> Result<bool, StorageError> {
    let rows = store
        .query_part(
            "SELECT 1 FROM ledger_transaction WHERE parked = 1 AND announced = 0 \
             AND recorded <= ? AND (? = '' OR platform = ?) LIMIT 1",
            &values![due.at, due.platform(), due.platform()],
        )
        .await?;
    Ok(!rows.is_empty())
}

/// The next transactions that have been parked since before `due`, at most `most`, by owner.
pub(crate) async fn to_announce(
    tx: &mut Tx<'_>,
    due: &Due,
    most: i64,
) -> Result<Vec<(Owner, Transaction)>, StorageError> {
    let rows = tx
        .query_part(
            concat!(
                "SELECT * FROM (",
                select_transaction!(),
                " WHERE parked = 1 AND announced = 0 AND recorded <= ? \
                 AND (? = '' OR platform = ?) \
                 ORDER BY recorded, mode, platform, account, seq LIMIT ?) AS next \
                 ORDER BY mode, platform, account, recorded, seq"
            ),
            &values![due.at, due.platform(), due.platform(), most],
        )
        .await?;
    owned(&rows)
}

/// Stores that an event said how long a transaction has been parked.
pub(crate) fn set_announced(tx: &mut Tx<'_>, owner: &Owner, transaction: &Transaction) {
    tx.defer(
        "UPDATE ledger_transaction SET announced = 1 \
         WHERE mode = ? AND platform = ? AND account = ? AND seq = ?",
        of_owner(owner, values![transaction.seq]),
    );
}

/// Transactions with their owners.
fn owned(rows: &[Row]) -> Result<Vec<(Owner, Transaction)>, StorageError> {
    let read = |row| Ok((owner(row, OWNER_OF_TRANSACTION)?, Transaction::from_row(row)?));
    rows.iter().map(read).collect()
}
