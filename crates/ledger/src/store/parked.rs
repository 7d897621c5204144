//! The SQL of facts that wait for a charge.

use crate::model::parked::{Kind, ParkedIntake};
use crate::sql::{self, Record, of_owner, owner};
use crate::{by_id, pages};
use coffer_base::{Owner, Timestamp};
use coffer_kernel::schedule::Due;
use coffer_storage::{Row, StorageError, Store, Tx, Value, values};

/// A fact that waits, in the order of columns that its record reads.
macro_rules! select_parked {
    () => {
        "SELECT seq, kind, id, charge, created, recorded, mode, platform, account \
         FROM ledger_parked"
    };
}

/// The first column of the owner in a row of [`select_parked`].
const OWNER_OF_PARKED: usize = 6;

impl Record for ParkedIntake {
    type Filter = ();

    const BY_ID: &'static str = concat!(by_id!(select_parked!()), " ORDER BY seq DESC LIMIT 1");

    fn from_row(row: &Row) -> Result<Self, StorageError> {
        Ok(Self {
            seq: row.int(0)?,
            kind: Kind::from_code(row.int(1)?)?,
            id: row.text(2)?.to_owned(),
            charge: row.text(3)?.to_owned(),
            created: Timestamp::from_unix(row.int(4)?),
            recorded: Timestamp::from_unix(row.int(5)?),
        })
    }

    fn id(&self) -> &str {
        &self.id
    }

    fn seq(&self) -> i64 {
        self.seq
    }

    fn looks_further(_filter: &()) -> bool {
        false
    }

    fn pages(_filter: &(), _values: &mut Vec<Value>) -> (&'static str, &'static str) {
        pages!(select_parked!(), "")
    }
}

/// The fact with this id, if it waits.
pub(crate) async fn find(
    store: &Store,
    owner: &Owner,
    id: &str,
) -> Result<Option<ParkedIntake>, StorageError> {
    sql::read(store, owner, id).await
}

/// Whether any fact has waited since before `due`, and nobody was told.
pub(crate) async fn any_to_announce(store: &Store, due: &Due) -> Result<bool, StorageError> {
    let rows = store
        .query_part(
            "SELECT 1 FROM ledger_parked WHERE announced = 0 \
             AND recorded <= ? AND (? = '' OR platform = ?) LIMIT 1",
            &values![due.at, due.platform(), due.platform()],
        )
        .await?;
    Ok(!rows.is_empty())
}

/// The next facts that have waited since before `due`, at most `most`, by owner.
pub(crate) async fn to_announce(
    tx: &mut Tx<'_>,
    due: &Due,
    most: i64,
) -> Result<Vec<(Owner, ParkedIntake)>, StorageError> {
    let rows = tx
        .query_part(
            concat!(
                "SELECT * FROM (",
                select_parked!(),
                " WHERE announced = 0 AND recorded <= ? AND (? = '' OR platform = ?) \
                 ORDER BY recorded, mode, platform, account, seq LIMIT ?) AS next \
                 ORDER BY mode, platform, account, recorded, seq"
            ),
            &values![due.at, due.platform(), due.platform(), most],
        )
        .await?;
    let read = |row| Ok((owner(row, OWNER_OF_PARKED)?, ParkedIntake::from_row(row)?));
    rows.iter().map(read).collect()
}

/// Stores that an event said how long a fact has waited.
pub(crate) fn set_announced(tx: &mut Tx<'_>, owner: &Owner, fact: &ParkedIntake) {
    tx.defer(
        "UPDATE ledger_parked SET announced = 1 \
         WHERE mode = ? AND platform = ? AND account = ? AND seq = ?",
        of_owner(owner, values![fact.seq]),
    );
}

/// Adds a fact that waits.
pub(crate) fn insert(tx: &mut Tx<'_>, owner: &Owner, fact: &ParkedIntake) {
    tx.defer(
        "INSERT INTO ledger_parked (mode, platform, account, seq, kind, id, charge, created, \
         recorded, announced) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 0)",
        of_owner(
            owner,
            values![
                fact.seq,
                fact.kind.code(),
                fact.id.as_str(),
                fact.charge.as_str(),
                fact.created,
                fact.recorded
            ],
        ),
    );
}

/// Removes a fact that waits no longer.
pub(crate) fn remove(tx: &mut Tx<'_>, owner: &Owner, fact: &ParkedIntake) {
    tx.defer(
        "DELETE FROM ledger_parked WHERE mode = ? AND platform = ? AND account = ? AND seq = ?",
        of_owner(owner, values![fact.seq]),
    );
}

/// The facts that wait for this charge, in the order in which they happened.
pub(crate) async fn of_charge(
    tx: &mut Tx<'_>,
    owner: &Owner,
    charge: &str,
) -> Result<Vec<ParkedIntake>, StorageError> {
    let rows = tx
        .query(
            concat!(
                select_parked!(),
                " WHERE mode = ? AND platform = ? AND account = ? AND charge = ? \
                 ORDER BY created, seq"
            ),
            &of_owner(owner, values![charge]),
        )
        .await?;
    rows.iter().map(ParkedIntake::from_row).collect()
}
