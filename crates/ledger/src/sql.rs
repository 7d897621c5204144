//! What the SQL of all rows of a ledger shares: the columns of their owner, and how records are
//! found by id and listed. The statements of requests name the owner first, as the primary keys do,
//! so that none reaches rows of another owner.

use coffer_base::id::AccountId;
use coffer_base::{Currency, Mode, Owner, Timestamp, limit};
use coffer_storage::{Row, StorageError, Store, Tx, Value, values};
use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;

/// A kind of rows that have an id, and are listed in the order of their numbers. Who implements it
/// gets [`find`], [`read`] and [`page`](crate::page).
pub trait Record: Sized + Send {
    /// What a list of them is narrowed to.
    type Filter: Send + Sync + 'static;

    /// The statement that reads one by its id; its parameters are the owner and the id.
    const BY_ID: &'static str;

    /// A row of [`Self::BY_ID`] and of the pages.
    ///
    /// # Errors
    /// [`StorageError::Corrupt`] if the row is not what the tables promise.
    fn from_row(row: &Row) -> Result<Self, StorageError>;

    /// Its id.
    fn id(&self) -> &str;

    /// Its number in the ledger: larger for rows that were recorded later.
    fn seq(&self) -> i64;

    /// Whether a list that is narrowed like this may look at more rows than it shows, because no
    /// index has what it is narrowed by, or only a part of it.
    fn looks_further(filter: &Self::Filter) -> bool;

    /// The two statements of a list, newer and older than a position: see [`pages`](crate::pages).
    /// `values` are the parameters that all lists have, to which the filter's are added.
    fn pages(filter: &Self::Filter, values: &mut Vec<Value>) -> (&'static str, &'static str);
}

/// Records that other objects expand to: see [`by_ids`].
pub trait Linked: Record {
    /// The statement of [`by_ids!`](crate::by_ids).
    const BY_IDS: &'static str;
}

/// Where rows are read: a store, as the last commit left them, or a transaction.
pub trait Source: Send {
    /// The rows of a statement.
    ///
    /// # Errors
    /// If the database does not answer.
    fn rows(
        &mut self,
        sql: &'static str,
        values: &[Value],
    ) -> impl Future<Output = Result<Vec<Row>, StorageError>> + Send;
}

impl Source for &Store {
    async fn rows(
        &mut self,
        sql: &'static str,
        values: &[Value],
    ) -> Result<Vec<Row>, StorageError> {
        self.query(sql, values).await
    }
}

impl Source for Tx<'_> {
    async fn rows(
        &mut self,
        sql: &'static str,
        values: &[Value],
    ) -> Result<Vec<Row>, StorageError> {
        self.query(sql, values).await
    }
}

/// The records with these ids, which are at most a page, by id: one statement however many there
/// are, and none if there are none.
///
/// # Errors
/// If the database does not answer, or a row is corrupt.
pub async fn by_ids<'a, R: Linked>(
    source: &mut impl Source,
    owner: &Owner,
    ids: impl Iterator<Item = &'a str> + Send,
) -> Result<BTreeMap<String, R>, StorageError> {
    // Many objects of a page may show the same one.
    let ids: BTreeSet<&str> = ids.collect();
    if ids.is_empty() {
        return Ok(BTreeMap::new());
    }
    let values = of_page(owner, ids.into_iter().map(Value::from).collect());
    let rows = source.rows(R::BY_IDS, &values).await?;
    let record = |row| R::from_row(row).map(|record| (record.id().to_owned(), record));
    rows.iter().map(record).collect()
}

/// The record with this id, as a transaction sees it: under the ledger's lock, so that it cannot
/// change until the commit.
///
/// # Errors
/// If the database does not answer, or the row is corrupt.
pub async fn find<R: Record>(
    tx: &mut Tx<'_>,
    owner: &Owner,
    id: &str,
) -> Result<Option<R>, StorageError> {
    let rows = tx.query(R::BY_ID, &of_owner(owner, values![id])).await?;
    rows.first().map(R::from_row).transpose()
}

/// The record with this id, as the last commit left it: for operations that only read.
///
/// # Errors
/// If the database does not answer, or the row is corrupt.
pub async fn read<R: Record>(
    store: &Store,
    owner: &Owner,
    id: &str,
) -> Result<Option<R>, StorageError> {
    let rows = store.query(R::BY_ID, &of_owner(owner, values![id])).await?;
    rows.first().map(R::from_row).transpose()
}

/// Bits of a row's number that count within its transaction. The bits above are the transaction's
/// number, so that a ledger has room for 2^47 transactions.
pub(crate) const PLACE_BITS: u32 = 16;

/// [`Record::BY_ID`] of a `$select` without conditions.
#[macro_export]
macro_rules! by_id {
    ($select:expr) => {
        concat!($select, " WHERE mode = ? AND platform = ? AND account = ? AND id = ?")
    };
}

/// [`Linked::BY_IDS`] of a `$select` without conditions.
#[macro_export]
macro_rules! by_ids {
    ($select:expr) => {
        $crate::in_page!(
            concat!($select, " WHERE mode = ?1 AND platform = ?2 AND account = ?3 AND id IN "),
            ""
        )
    };
}

/// The two statements of a list, `(newer, older)`: `$select` without conditions, and conditions on
/// the owner's rows. Their parameters are the owner, ?4 and ?6 the numbers of the lowest and the
/// highest row to look at, ?5 how many rows, and from ?7 on those of `$narrowed`.
#[macro_export]
macro_rules! pages {
    ($select:expr, $narrowed:literal) => {
        (
            concat!(
                $select,
                " WHERE mode = ?1 AND platform = ?2 AND account = ?3 AND seq >= ?4 \
                 AND seq <= ?6 ",
                $narrowed,
                " ORDER BY seq ASC LIMIT ?5"
            ),
            concat!(
                $select,
                " WHERE mode = ?1 AND platform = ?2 AND account = ?3 AND seq >= ?4 \
                 AND seq <= ?6 ",
                $narrowed,
                " ORDER BY seq DESC LIMIT ?5"
            ),
        )
    };
}

/// `$before`, a list of parameters with a place for each row of a page, ?4 to ?103, and `$after`.
/// [`of_page`] gives their values.
#[macro_export]
macro_rules! in_page {
    ($before:expr, $after:expr) => {
        concat!(
            $before,
            "(?4,?5,?6,?7,?8,?9,?10,?11,?12,?13,?14,?15,?16,?17,?18,?19,?20,?21,?22,?23,?24,?25,\
             ?26,?27,?28,?29,?30,?31,?32,?33,?34,?35,?36,?37,?38,?39,?40,?41,?42,?43,?44,?45,?46,\
             ?47,?48,?49,?50,?51,?52,?53,?54,?55,?56,?57,?58,?59,?60,?61,?62,?63,?64,?65,?66,?67,\
             ?68,?69,?70,?71,?72,?73,?74,?75,?76,?77,?78,?79,?80,?81,?82,?83,?84,?85,?86,?87,?88,\
             ?89,?90,?91,?92,?93,?94,?95,?96,?97,?98,?99,?100,?101,?102,?103)",
            $after
        )
    };
}

/// The parameters of a statement of [`in_page`](macro@crate::in_page): the owner and `wanted`,
/// which is at least one and at most a page. Places that are left repeat the last.
pub fn of_page(owner: &Owner, wanted: Vec<Value>) -> Vec<Value> {
    let places = usize::try_from(limit::PAGE_CEILING).unwrap_or_default();
    let last = wanted.last().cloned().unwrap_or(Value::Null);
    let mut values = of_owner(owner, []);
    values.extend(wanted.into_iter().chain(std::iter::repeat(last)).take(places));
    values
}

/// The parameters with which every row and every lookup begins.
pub fn owner_values(owner: &Owner) -> [Value; 3] {
    values![owner.mode.code(), owner.platform.as_str(), owner.account.as_str()]
}

/// The parameters of a statement that begin with the owner.
pub fn of_owner<const N: usize>(owner: &Owner, values: [Value; N]) -> Vec<Value> {
    owner_values(owner).into_iter().chain(values).collect()
}

/// The owner in a row, from column `first` on.
///
/// # Errors
/// [`StorageError::Corrupt`] if mode, platform or account is none.
pub fn owner(row: &Row, first: usize) -> Result<Owner, StorageError> {
    let account = |column: usize| {
        AccountId::parse(row.text(column)?).map_err(|_| corrupt("a row has no valid account"))
    };
    Ok(Owner {
        mode: Mode::from_code(row.int(first)?).ok_or_else(|| corrupt("a row has no mode"))?,
        platform: account(first.saturating_add(1))?,
        account: account(first.saturating_add(2))?,
    })
}

/// The error for a row that is not what the tables promise.
pub fn corrupt(what: &str) -> StorageError {
    StorageError::Corrupt(what.to_owned().into())
}

/// The currency in a row.
///
/// # Errors
/// [`StorageError::Corrupt`] if the column has none.
pub fn currency(row: &Row, column: usize) -> Result<Currency, StorageError> {
    Currency::any(row.text(column)?).ok_or_else(|| corrupt("a row has no valid currency"))
}

/// The time in a row, in a column that may be null.
///
/// # Errors
/// If there is no such column, or it holds something else.
pub fn optional_time(row: &Row, column: usize) -> Result<Option<Timestamp>, StorageError> {
    Ok(row.optional_int(column)?.map(Timestamp::from_unix))
}

/// A time as a parameter, null if there is none.
pub fn time_value(at: Option<Timestamp>) -> Value {
    Value::from(at.map(Timestamp::unix))
}
