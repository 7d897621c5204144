//! The SQL of accounts, apps and installs; keys and erasing have files of their own.
//!
//! Lists are ordered by `seq`, a number that each collection counts up, since times can be equal.
//! A filter that is an empty text does not narrow its list, so that one statement serves all
//! combinations.

/// Selects whole apps, in the order of columns that [`app`] reads.
macro_rules! select_apps {
    ($condition:literal) => {
        concat!(
            "SELECT id, seq, account, name, quotas, created, version, mac FROM app WHERE ",
            $condition
        )
    };
}

/// Selects whole installs, in the order of columns that [`install`] reads.
macro_rules! select_installs {
    ($condition:literal) => {
        concat!(
            "SELECT app, account, id, seq, created, version, mac, active FROM install WHERE ",
            $condition
        )
    };
}

/// Selects whole keys, in the order of columns that [`key::api_key`] reads.
macro_rules! select_keys {
    ($condition:literal) => {
        concat!(
            "SELECT hash, id, seq, kind, mode, app, account, user_id, account_access, \
             permissions, parent, name, redacted, created, expires_at, role, networks, uses, \
             mac, revoked_at, last_used, successor FROM api_key WHERE ",
            $condition
        )
    };
}

mod erasure;
mod key;
mod receipt;
mod revocation;
mod verify;

pub use erasure::erasing;
pub(crate) use erasure::*;
pub(crate) use key::*;
pub(crate) use receipt::*;
pub(crate) use revocation::*;
pub(crate) use verify::*;

use crate::floors::{of_install, of_settings};
use crate::objects::{Account, App, Install, Quotas};
use crate::row_mac::{ACCOUNT, APP, INSTALL, RowMac};
use coffer_base::{AccountId, AppId, Timestamp};
use coffer_kernel::PagePosition;
use coffer_storage::{
    Migration, MigrationSet, Placement, Query, Row, StorageError, Store, Tx, Value, values,
};

/// The tables of identity.
pub const MIGRATIONS: MigrationSet = MigrationSet {
    component: "identity",
    migrations: &[Migration {
        version: 1,
        name: "identity",
        sql: include_str!("../migrations/0001_identity.sql"),
    }],
    tables: &[
        ("account", Placement::Central),
        ("app", Placement::Central),
        ("install", Placement::Central),
        ("api_key", Placement::Central),
        ("tenant_generation", Placement::Central),
        ("erasure", Placement::Central),
        ("erasure_receipt", Placement::Central),
        ("pending_revocation", Placement::Central),
        ("identity_sequence", Placement::Central),
    ],
};

type Result<T> = std::result::Result<T, StorageError>;

/// A row that no operation of ours writes: somebody or something else has changed it.
fn corrupt(what: &'static str) -> StorageError {
    StorageError::Corrupt(what.into())
}

/// The id in a row. Ids are checked before they are written, so one that does not parse was changed
/// behind the server's back.
fn account_id(text: &str) -> Result<AccountId> {
    AccountId::parse(text).map_err(|_| corrupt("an account's id"))
}

fn app_id(text: &str) -> Result<AppId> {
    AppId::parse(text).map_err(|_| corrupt("an app's id"))
}

/// The next place in the order of all rows; locks that order against other writers, so a row with a
/// lower place was committed before, or never will be.
pub(crate) async fn next_seq(tx: &mut Tx<'_>) -> Result<i64> {
    let rows = tx
        .query(
            "INSERT INTO identity_sequence (singleton, seq) VALUES (1, 1) \
             ON CONFLICT (singleton) DO UPDATE SET seq = identity_sequence.seq + 1 \
             RETURNING seq",
            &[],
        )
        .await?;
    rows.first().ok_or_else(|| corrupt("the sequence gave no number"))?.int(0)
}

/// The rows among `rows` that `parse` believes.
fn believed<T>(rows: &[Row], parse: impl Fn(&Row) -> Result<Option<T>>) -> Result<Vec<T>> {
    rows.iter().filter_map(|row| parse(row).transpose()).collect()
}

/// The first of `rows`, if `parse` believes it.
fn first<T>(rows: &[Row], parse: impl Fn(&Row) -> Result<Option<T>>) -> Result<Option<T>> {
    Ok(rows.first().map(parse).transpose()?.flatten())
}

/// Which rows of a list: a position, and what two columns must be if they are not empty.
pub(crate) struct Selection<'a> {
    pub(crate) position: PagePosition,
    /// The app that rows must have; any if it is empty.
    pub(crate) app: &'a str,
    /// The account that rows must have; any if it is empty.
    pub(crate) account: &'a str,
}

impl Selection<'_> {
    /// The parameters in the order of the lists' statements: each filter twice, then position and
    /// number of rows.
    fn values(&self) -> [Value; 6] {
        let (app, account) = (Value::from(self.app), Value::from(self.account));
        let (seq, fetch) = (Value::Int(self.position.seq), Value::Int(self.position.fetch));
        [app.clone(), app, account.clone(), account, seq, fetch]
    }
}

// Accounts.

/// A row of id, seq, name, created, mac, in this order; `None` if it is not believed.
fn account(mac: &RowMac, row: &Row) -> Result<Option<Account>> {
    if !mac.is_valid(&ACCOUNT, row, 0) {
        return Ok(None);
    }
    Ok(Some(Account {
        id: account_id(row.text(0)?)?,
        seq: row.int(1)?,
        name: row.text(2)?.to_owned(),
        created: Timestamp::from_unix(row.int(3)?),
    }))
}

// What a transaction looks up stays locked until its end, so that nobody changes what it relies on.

const ACCOUNT_BY_ID: &str = "SELECT id, seq, name, created, mac FROM account WHERE id = ?";

const ACCOUNT_LOCKED: &str =
    "SELECT id, seq, name, created, mac FROM account WHERE id = ? FOR UPDATE";

/// The account `id`, as committed.
pub(crate) async fn find_account(store: &Store, mac: &RowMac, id: &str) -> Result<Option<Account>> {
    first(&store.query(ACCOUNT_BY_ID, &values![id]).await?, |row| account(mac, row))
}

/// The account `id`, locked.
pub(crate) async fn find_account_in(
    tx: &mut Tx<'_>,
    mac: &RowMac,
    id: &str,
) -> Result<Option<Account>> {
    first(&tx.query(ACCOUNT_LOCKED, &values![id]).await?, |row| account(mac, row))
}

/// The accounts from a position on, in the order of reading.
pub(crate) async fn list_accounts(
    store: &Store,
    mac: &RowMac,
    position: PagePosition,
) -> Result<Vec<Account>> {
    let sql = if position.newer {
        "SELECT id, seq, name, created, mac FROM account WHERE seq > ? ORDER BY seq ASC LIMIT ?"
    } else {
        "SELECT id, seq, name, created, mac FROM account WHERE seq < ? ORDER BY seq DESC LIMIT ?"
    };
    let values = values![position.seq, position.fetch];
    believed(&store.query(sql, &values).await?, |row| account(mac, row))
}

/// Adds an account. The caller has seen in this transaction that its id is free; if another
/// transaction takes it first, the primary key makes this one fail.
pub(crate) async fn insert_account(tx: &mut Tx<'_>, mac: &RowMac, account: &Account) -> Result<()> {
    let columns = values![&account.id, account.seq, &account.name, account.created];
    tx.execute(
        "INSERT INTO account (id, seq, name, created, mac) VALUES (?, ?, ?, ?, ?)",
        &mac.with_mac(&ACCOUNT, columns),
    )
    .await?;
    Ok(())
}

// Apps.

/// The app whose columns begin at `first`: id, seq, account, name, quotas, created, version, mac;
/// `None` if it is not believed.
fn app(mac: &RowMac, row: &Row, first: usize) -> Result<Option<App>> {
    if !mac.is_valid(&APP, row, first) {
        return Ok(None);
    }
    Ok(Some(App {
        id: app_id(row.text(first)?)?,
        seq: row.int(first + 1)?,
        account: account_id(row.text(first + 2)?)?,
        name: row.text(first + 3)?.to_owned(),
        quotas: Quotas::decode(row.text(first + 4)?).ok_or_else(|| corrupt("an app's quotas"))?,
        created: Timestamp::from_unix(row.int(first + 5)?),
        version: row.int(first + 6)?,
    }))
}

/// The app `id`, as committed.
pub(crate) async fn find_app(store: &Store, mac: &RowMac, id: &str) -> Result<Option<App>> {
    let sql = select_apps!("id = ?");
    first(&store.query(sql, &values![id]).await?, |row| app(mac, row, 0))
}

/// The app `id`, locked.
pub(crate) async fn find_app_in(tx: &mut Tx<'_>, mac: &RowMac, id: &str) -> Result<Option<App>> {
    let sql = select_apps!("id = ? FOR UPDATE");
    first(&tx.query(sql, &values![id]).await?, |row| app(mac, row, 0))
}

/// The apps of a selection, in the order of reading; its `app` compares with their id.
pub(crate) async fn list_apps(
    store: &Store,
    mac: &RowMac,
    selection: &Selection<'_>,
) -> Result<Vec<App>> {
    let sql = if selection.position.newer {
        select_apps!(
            "(? = '' OR id = ?) AND (? = '' OR account = ?) AND seq > ? ORDER BY seq ASC LIMIT ?"
        )
    } else {
        select_apps!(
            "(? = '' OR id = ?) AND (? = '' OR account = ?) AND seq < ? ORDER BY seq DESC LIMIT ?"
        )
    };
    believed(&store.query(sql, &selection.values()).await?, |row| app(mac, row, 0))
}

/// All columns of an app, with its MAC.
fn app_row(mac: &RowMac, app: &App) -> Vec<Value> {
    let App { id, seq, account, name, quotas, created, version } = app;
    mac.with_mac(&APP, values![id, *seq, account, name, quotas.encode(), *created, *version])
}

/// Adds an app, under the same condition.
pub(crate) async fn insert_app(tx: &mut Tx<'_>, mac: &RowMac, app: &App) -> Result<()> {
    tx.execute(
        "INSERT INTO app (id, seq, account, name, quotas, created, version, mac) \
         VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        &app_row(mac, app),
    )
    .await?;
    Ok(())
}

/// Writes an app as its next version, before which no other is taken for the newest. Its name and
/// quotas change, and in developer mode, where an app can be emptied, its account.
pub(crate) async fn update_app(tx: &mut Tx<'_>, mac: &RowMac, app: &App) -> Result<()> {
    list_revocation(tx, mac, of_settings(app.id.as_str()), app.version, None);
    let updated = App { version: next_seq(tx).await?, ..app.clone() };
    let mut row = app_row(mac, &updated);
    row.push(Value::from(&app.id));
    tx.execute(
        "UPDATE app SET id = ?, seq = ?, account = ?, name = ?, quotas = ?, created = ?, \
         version = ?, mac = ? WHERE id = ?",
        &row,
    )
    .await?;
    Ok(())
}

// Installs.

/// The install whose columns begin at `first`: app, account, id, seq, created, version, mac,
/// active; `None` if it is not believed.
fn install(mac: &RowMac, row: &Row, first: usize) -> Result<Option<Install>> {
    if !mac.is_valid(&INSTALL, row, first) {
        return Ok(None);
    }
    Ok(Some(Install {
        app: app_id(row.text(first)?)?,
        account: account_id(row.text(first + 1)?)?,
        id: row.text(first + 2)?.to_owned(),
        seq: row.int(first + 3)?,
        created: Timestamp::from_unix(row.int(first + 4)?),
        version: row.int(first + 5)?,
        active: row.int(first + 7)? == 1,
    }))
}

/// The install `id`, active or not, as committed.
pub(crate) async fn find_install(store: &Store, mac: &RowMac, id: &str) -> Result<Option<Install>> {
    let sql = select_installs!("id = ?");
    first(&store.query(sql, &values![id]).await?, |row| install(mac, row, 0))
}

/// The install of an app on an account, active or not, as committed.
pub(crate) async fn install_of(
    store: &Store,
    mac: &RowMac,
    app: &str,
    account: &str,
) -> Result<Option<Install>> {
    let sql = select_installs!("app = ? AND account = ?");
    first(&store.query(sql, &values![app, account]).await?, |row| install(mac, row, 0))
}

/// The install `id`, active or not, locked.
pub(crate) async fn find_install_in(
    tx: &mut Tx<'_>,
    mac: &RowMac,
    id: &str,
) -> Result<Option<Install>> {
    let sql = select_installs!("id = ? FOR UPDATE");
    first(&tx.query(sql, &values![id]).await?, |row| install(mac, row, 0))
}

/// The install of an app on an account, active or not, locked.
pub(crate) async fn install_of_in(
    tx: &mut Tx<'_>,
    mac: &RowMac,
    app: &str,
    account: &str,
) -> Result<Option<Install>> {
    let sql = select_installs!("app = ? AND account = ? FOR UPDATE");
    first(&tx.query(sql, &values![app, account]).await?, |row| install(mac, row, 0))
}

/// The installs of a selection, in the order of reading, inactive ones among them.
pub(crate) async fn list_installs(
    store: &Store,
    mac: &RowMac,
    selection: &Selection<'_>,
) -> Result<Vec<Install>> {
    let sql = if selection.position.newer {
        select_installs!(
            "(? = '' OR app = ?) AND (? = '' OR account = ?) AND seq > ? ORDER BY seq ASC LIMIT ?"
        )
    } else {
        select_installs!(
            "(? = '' OR app = ?) AND (? = '' OR account = ?) AND seq < ? ORDER BY seq DESC LIMIT ?"
        )
    };
    believed(&store.query(sql, &selection.values()).await?, |row| install(mac, row, 0))
}

/// Adds an install, or activates one that was deactivated. `install` has a new version: what was
/// revoked before does not count for it.
pub(crate) async fn put_install(tx: &mut Tx<'_>, mac: &RowMac, install: &Install) -> Result<()> {
    let Install { app, account, id, seq, created, version, .. } = install;
    let row = mac.with_mac(&INSTALL, values![app, account, id, *seq, *created, *version]);
    tx.execute(
        "INSERT INTO install (app, account, id, seq, created, version, mac, active) \
         VALUES (?, ?, ?, ?, ?, ?, ?, 1) \
         ON CONFLICT (app, account) DO UPDATE SET id = excluded.id, seq = excluded.seq, \
         created = excluded.created, version = excluded.version, mac = excluded.mac, active = 1",
        &row,
    )
    .await?;
    Ok(())
}

/// Deactivates an install: its data stays, and its ephemeral keys are revoked for good.
pub(crate) async fn deactivate_install(
    tx: &mut Tx<'_>,
    mac: &RowMac,
    app: &AppId,
    account: &AccountId,
    now: Timestamp,
) -> Result<()> {
    end(tx, mac, of_install(app.as_str(), account.as_str())).await?;
    let (app, account) = (Value::from(app.as_str()), Value::from(account.as_str()));
    tx.execute(
        "UPDATE install SET active = 0 WHERE app = ? AND account = ?",
        &[app.clone(), account.clone()],
    )
    .await?;
    tx.execute(
        "UPDATE api_key SET revoked_at = ? WHERE app = ? AND account = ? AND revoked_at IS NULL",
        &values![now, app, account],
    )
    .await?;
    Ok(())
}

/// Finds a row if the app is installed on the account, and locks it: an uninstall waits until the
/// transaction ends.
pub(crate) fn installed_query(app: &AppId, account: &AccountId) -> Query {
    let sql = "SELECT 1 FROM install WHERE app = ? AND account = ? AND active = 1 FOR SHARE";
    Query::new(sql, values![app, account.name()])
}

/// Finds a row if the account is the app's own, and locks it.
pub(crate) fn own_account_query(app: &AppId, account: &AccountId) -> Query {
    let sql = "SELECT 1 FROM app WHERE id = ? AND account = ? FOR SHARE";
    Query::new(sql, values![app, account.name()])
}
