//! The SQL of accounts and apps; installs, keys and erasing have files of their own.
//!
//! Lists are ordered by `seq`, a number that each collection counts up, since times can be equal.
//! A filter that is an empty text does not narrow its list, so that one statement serves all
//! combinations.

/// Selects whole apps, in the order of columns that [`app`] reads.
macro_rules! select_apps {
    ($condition:literal) => {
        concat!(
            "SELECT id, seq, account, name, quotas, manifest, self_install, embedders, created, \
             version, mac FROM app WHERE ",
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
mod install;
mod key;
mod receipt;
mod revocation;
mod verify;

pub use erasure::erasing;
pub(crate) use erasure::*;
pub(crate) use install::*;
pub(crate) use key::*;
pub(crate) use receipt::*;
pub(crate) use revocation::*;
pub(crate) use verify::*;

use crate::floors::of_settings;
use crate::objects::{Account, App, Quotas, decode_manifest, encode_manifest};
use crate::row_mac::{ACCOUNT, APP, RowMac};
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
        ("install_mode", Placement::Central),
        ("install_tombstone", Placement::Central),
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

/// The display name of everything that developer mode adds, so that lists tell it from what an
/// operator created.
pub(crate) const FIRST_USE: &str = "made on first use";

/// Adds an account unless there is one with this id, as developer mode does.
pub(crate) async fn add_account(
    tx: &mut Tx<'_>,
    mac: &RowMac,
    id: &AccountId,
    now: Timestamp,
) -> Result<()> {
    if find_account_in(tx, mac, id.as_str()).await?.is_some() {
        return Ok(());
    }
    let seq = next_seq(tx).await?;
    let name = FIRST_USE.to_owned();
    insert_account(tx, mac, &Account { id: id.clone(), seq, name, created: now }).await
}

// Apps.

/// Columns of an app, with its MAC.
pub(super) const APP_COLUMNS: usize = 11;

/// The app whose columns begin at `first`: id, seq, account, name, quotas, manifest, self_install,
/// embedders, created, version, mac; `None` if it is not believed.
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
        manifest: decode_manifest(row.text(first + 5)?).ok_or_else(|| corrupt("a manifest"))?,
        self_install: row.int(first + 6)? == 1,
        embedders: row
            .text(first + 7)?
            .split_whitespace()
            .map(account_id)
            .collect::<Result<_>>()?,
        created: Timestamp::from_unix(row.int(first + 8)?),
        version: row.int(first + 9)?,
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

/// The app `id`, locked against changes alone: others may rely on it at the same time.
pub(crate) async fn share_app_in(tx: &mut Tx<'_>, mac: &RowMac, id: &str) -> Result<Option<App>> {
    let sql = select_apps!("id = ? FOR SHARE");
    first(&tx.query(sql, &values![id]).await?, |row| app(mac, row, 0))
}

/// Whether an account develops any app.
pub(crate) async fn develops_apps(tx: &mut Tx<'_>, account: &AccountId) -> Result<bool> {
    let sql = "SELECT 1 FROM app WHERE account = ? LIMIT 1";
    Ok(!tx.query(sql, &values![account]).await?.is_empty())
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
    let App { id, seq, account, name, created, version, .. } = app;
    let embedders: Vec<&str> = app.embedders.iter().map(AccountId::as_str).collect();
    let columns = values![
        id,
        *seq,
        account,
        name,
        app.quotas.encode(),
        encode_manifest(&app.manifest),
        app.self_install,
        embedders.join(" "),
        *created,
        *version
    ];
    mac.with_mac(&APP, columns)
}

/// Adds an app, under the same condition.
pub(crate) async fn insert_app(tx: &mut Tx<'_>, mac: &RowMac, app: &App) -> Result<()> {
    tx.execute(
        "INSERT INTO app (id, seq, account, name, quotas, manifest, self_install, embedders, \
         created, version, mac) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        &app_row(mac, app),
    )
    .await?;
    Ok(())
}

/// Writes an app as its next version, before which no other is taken for the newest. All but
/// its id changes, and in developer mode, where an app can be emptied, its account.
pub(crate) async fn update_app(tx: &mut Tx<'_>, mac: &RowMac, app: &App) -> Result<()> {
    list_revocation(tx, mac, of_settings(app.id.as_str()), app.version, None);
    let updated = App { version: next_seq(tx).await?, ..app.clone() };
    let mut row = app_row(mac, &updated);
    row.push(Value::from(&app.id));
    tx.execute(
        "UPDATE app SET id = ?, seq = ?, account = ?, name = ?, quotas = ?, manifest = ?, \
         self_install = ?, embedders = ?, created = ?, version = ?, mac = ? WHERE id = ?",
        &row,
    )
    .await?;
    Ok(())
}

/// Finds a row if the account is the app's own, and locks it.
pub(crate) fn own_account_query(app: &AppId, account: &AccountId) -> Query {
    let sql = "SELECT 1 FROM app WHERE id = ? AND account = ? FOR SHARE";
    Query::new(sql, values![app, account.name()])
}
