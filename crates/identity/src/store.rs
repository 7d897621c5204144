//! The SQL of accounts, apps and installs; keys and erasing have files of their own.
//!
//! Lists are ordered by `seq`, a number that each collection counts up, since times can be equal.
//! A filter that is an empty text does not narrow its list, so that one statement serves all
//! combinations.

mod erasure;
mod key;

pub(crate) use erasure::*;
pub(crate) use key::*;

use crate::objects::{Account, App, Install, Quotas};
use coffer_base::{AccountId, AppId, Timestamp};
use coffer_kernel::PagePosition;
use coffer_storage::{Migration, MigrationSet, Query, Row, StorageError, Store, Tx, Value, values};

/// The tables of identity.
pub const MIGRATIONS: MigrationSet = MigrationSet {
    component: "identity",
    migrations: &[Migration {
        version: 1,
        name: "identity",
        sql: include_str!("../migrations/0001_identity.sql"),
    }],
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

/// The next place in a list; locks the list against other writers.
pub(crate) async fn next_seq(tx: &mut Tx<'_>, collection: &'static str) -> Result<i64> {
    let rows = tx
        .query(
            "INSERT INTO identity_sequence (collection, seq) VALUES (?, 1) \
             ON CONFLICT (collection) DO UPDATE SET seq = identity_sequence.seq + 1 \
             RETURNING seq",
            &values![collection],
        )
        .await?;
    rows.first().ok_or_else(|| corrupt("a sequence gave no number"))?.int(0)
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

/// A row of id, seq, name, created, in this order.
fn account(row: &Row) -> Result<Account> {
    Ok(Account {
        id: account_id(row.text(0)?)?,
        seq: row.int(1)?,
        name: row.text(2)?.to_owned(),
        created: Timestamp::from_unix(row.int(3)?),
    })
}

// What a transaction looks up stays locked until its end, so that nobody changes what it relies on.

const ACCOUNT: &str = "SELECT id, seq, name, created FROM account WHERE id = ?";

const ACCOUNT_LOCKED: &str = "SELECT id, seq, name, created FROM account WHERE id = ? FOR UPDATE";

/// The account `id`, as committed.
pub(crate) async fn find_account(store: &Store, id: &str) -> Result<Option<Account>> {
    store.query(ACCOUNT, &values![id]).await?.first().map(account).transpose()
}

/// The account `id`, locked.
pub(crate) async fn find_account_in(tx: &mut Tx<'_>, id: &str) -> Result<Option<Account>> {
    tx.query(ACCOUNT_LOCKED, &values![id]).await?.first().map(account).transpose()
}

/// The accounts from a position on, in the order of reading.
pub(crate) async fn list_accounts(store: &Store, position: PagePosition) -> Result<Vec<Account>> {
    let sql = if position.newer {
        "SELECT id, seq, name, created FROM account WHERE seq > ? ORDER BY seq ASC LIMIT ?"
    } else {
        "SELECT id, seq, name, created FROM account WHERE seq < ? ORDER BY seq DESC LIMIT ?"
    };
    let values = values![position.seq, position.fetch];
    store.query(sql, &values).await?.iter().map(account).collect()
}

/// Adds an account. The caller has seen in this transaction that its id is free; if another
/// transaction takes it first, the primary key makes this one fail.
pub(crate) async fn insert_account(tx: &mut Tx<'_>, account: &Account) -> Result<()> {
    tx.execute(
        "INSERT INTO account (id, seq, name, created) VALUES (?, ?, ?, ?)",
        &values![&account.id, account.seq, &account.name, account.created],
    )
    .await?;
    Ok(())
}

// Apps.

/// The app whose columns begin at `first`.
fn app(row: &Row, first: usize) -> Result<App> {
    Ok(App {
        id: app_id(row.text(first)?)?,
        seq: row.int(first + 1)?,
        account: account_id(row.text(first + 2)?)?,
        name: row.text(first + 3)?.to_owned(),
        quotas: Quotas::decode(row.text(first + 4)?).ok_or_else(|| corrupt("an app's quotas"))?,
        created: Timestamp::from_unix(row.int(first + 5)?),
    })
}

const APP: &str = "SELECT id, seq, account, name, quotas, created FROM app \
     WHERE id = ?";

const APP_LOCKED: &str = "SELECT id, seq, account, name, quotas, created FROM app \
     WHERE id = ? FOR UPDATE";

/// The app `id`, as committed.
pub(crate) async fn find_app(store: &Store, id: &str) -> Result<Option<App>> {
    store.query(APP, &values![id]).await?.first().map(|row| app(row, 0)).transpose()
}

/// The app `id`, locked.
pub(crate) async fn find_app_in(tx: &mut Tx<'_>, id: &str) -> Result<Option<App>> {
    tx.query(APP_LOCKED, &values![id]).await?.first().map(|row| app(row, 0)).transpose()
}

/// The apps of a selection, in the order of reading; its `app` compares with their id.
pub(crate) async fn list_apps(store: &Store, selection: &Selection<'_>) -> Result<Vec<App>> {
    let sql = if selection.position.newer {
        "SELECT id, seq, account, name, quotas, created FROM app \
         WHERE (? = '' OR id = ?) AND (? = '' OR account = ?) AND seq > ? ORDER BY seq ASC LIMIT ?"
    } else {
        "SELECT id, seq, account, name, quotas, created FROM app \
         WHERE (? = '' OR id = ?) AND (? = '' OR account = ?) AND seq < ? ORDER BY seq DESC LIMIT ?"
    };
    store.query(sql, &selection.values()).await?.iter().map(|row| app(row, 0)).collect()
}

/// Adds an app, under the same condition.
pub(crate) async fn insert_app(tx: &mut Tx<'_>, app: &App) -> Result<()> {
    tx.execute(
        "INSERT INTO app (id, seq, account, name, quotas, created) \
         VALUES (?, ?, ?, ?, ?, ?)",
        &values![&app.id, app.seq, &app.account, &app.name, app.quotas.encode(), app.created],
    )
    .await?;
    Ok(())
}

/// Writes an app's name, quotas and account. The account changes only in developer mode, where an
/// app can be emptied.
pub(crate) async fn update_app(tx: &mut Tx<'_>, app: &App) -> Result<()> {
    tx.execute(
        "UPDATE app SET name = ?, quotas = ?, account = ? WHERE id = ?",
        &values![&app.name, app.quotas.encode(), &app.account, &app.id],
    )
    .await?;
    Ok(())
}

// Installs.

/// A row of app, account, id, seq, active, created, in this order.
fn install(row: &Row) -> Result<Install> {
    Ok(Install {
        app: app_id(row.text(0)?)?,
        account: account_id(row.text(1)?)?,
        id: row.text(2)?.to_owned(),
        seq: row.int(3)?,
        active: row.int(4)? == 1,
        created: Timestamp::from_unix(row.int(5)?),
    })
}

/// The install `id`, active or not, as committed.
pub(crate) async fn find_install(store: &Store, id: &str) -> Result<Option<Install>> {
    let sql = "SELECT app, account, id, seq, active, created FROM install WHERE id = ?";
    store.query(sql, &values![id]).await?.first().map(install).transpose()
}

/// The install `id`, active or not, locked.
pub(crate) async fn find_install_in(tx: &mut Tx<'_>, id: &str) -> Result<Option<Install>> {
    let sql = "SELECT app, account, id, seq, active, created FROM install WHERE id = ? FOR UPDATE";
    tx.query(sql, &values![id]).await?.first().map(install).transpose()
}

const INSTALL_OF: &str = "SELECT app, account, id, seq, active, created FROM install \
     WHERE app = ? AND account = ? FOR UPDATE";

/// The install of an app on an account, active or not, locked.
pub(crate) async fn install_of_in(
    tx: &mut Tx<'_>,
    app: &str,
    account: &str,
) -> Result<Option<Install>> {
    let values = values![app, account];
    tx.query(INSTALL_OF, &values).await?.first().map(install).transpose()
}

/// The installs of a selection, in the order of reading, inactive ones among them.
pub(crate) async fn list_installs(
    store: &Store,
    selection: &Selection<'_>,
) -> Result<Vec<Install>> {
    let sql = if selection.position.newer {
        "SELECT app, account, id, seq, active, created FROM install \
         WHERE (? = '' OR app = ?) AND (? = '' OR account = ?) AND seq > ? ORDER BY seq ASC LIMIT ?"
    } else {
        "SELECT app, account, id, seq, active, created FROM install \
         WHERE (? = '' OR app = ?) AND (? = '' OR account = ?) AND seq < ? \
         ORDER BY seq DESC LIMIT ?"
    };
    store.query(sql, &selection.values()).await?.iter().map(install).collect()
}

/// Adds an install, or activates one that was deactivated.
pub(crate) async fn put_install(tx: &mut Tx<'_>, install: &Install) -> Result<()> {
    tx.execute(
        "INSERT INTO install (app, account, id, seq, active, created) VALUES (?, ?, ?, ?, 1, ?) \
         ON CONFLICT (app, account) DO UPDATE SET active = 1",
        &values![&install.app, &install.account, &install.id, install.seq, install.created],
    )
    .await?;
    Ok(())
}

/// Deactivates an install: its data stays, and its ephemeral keys are revoked for good.
pub(crate) async fn deactivate_install(
    tx: &mut Tx<'_>,
    app: &AppId,
    account: &AccountId,
    now: Timestamp,
) -> Result<()> {
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
    Query::new(sql, values![app, account])
}

/// Finds a row if the account is the app's own, and locks it.
pub(crate) fn own_account_query(app: &AppId, account: &AccountId) -> Query {
    let sql = "SELECT 1 FROM app WHERE id = ? AND account = ? FOR SHARE";
    Query::new(sql, values![app, account])
}
