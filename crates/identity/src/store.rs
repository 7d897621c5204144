//! The SQL of accounts, apps, installs and keys.

use crate::objects::{Account, ApiKey, App, Bound, Install, Kind};
use coffer_base::{AccountId, AppId, Mode, Timestamp};
use coffer_crypto::TokenHash;
use coffer_kernel::{AccountAccess, PagePosition};
use coffer_storage::{Migration, MigrationSet, Row, StorageError, Store, Tx, Value, Work};

/// The room's schema.
pub const MIGRATIONS: MigrationSet = MigrationSet {
    room: "identity",
    migrations: &[Migration {
        version: 1,
        name: "identity",
        sql: include_str!("../migrations/0001_identity.sql"),
    }],
};

type Result<T> = std::result::Result<T, StorageError>;

fn corrupt(what: &'static str) -> StorageError {
    StorageError::Corrupt(what.into())
}

fn account_id(text: &str) -> Result<AccountId> {
    AccountId::parse(text).map_err(|_| corrupt("an account's id"))
}

fn app_id(text: &str) -> Result<AppId> {
    AppId::parse(text).map_err(|_| corrupt("an app's id"))
}

fn time(row: &Row, column: usize) -> Result<Option<Timestamp>> {
    Ok(row.optional_int(column)?.map(Timestamp::from_unix))
}

fn optional_text(value: Option<&str>) -> Value {
    value.map_or(Value::Null, Value::from)
}

fn optional_time(value: Option<Timestamp>) -> Value {
    value.map_or(Value::Null, |at| Value::Int(at.unix()))
}

/// The next place in a list; locks the list against other writers.
pub(crate) async fn next_seq(tx: &mut Tx<'_>, collection: &'static str) -> Result<i64> {
    let rows = tx
        .query(
            "INSERT INTO identity_sequence (collection, seq) VALUES (?, 1) \
             ON CONFLICT (collection) DO UPDATE SET seq = identity_sequence.seq + 1 \
             RETURNING seq",
            &[Value::from(collection)],
        )
        .await?;
    rows.first().ok_or_else(|| corrupt("a sequence gave no number"))?.int(0)
}

/// Which rows of a list: a position, and what two columns must be if they are not empty.
pub(crate) struct Selection<'a> {
    pub(crate) position: PagePosition,
    pub(crate) app: &'a str,
    pub(crate) account: &'a str,
}

impl Selection<'_> {
    fn values(&self) -> [Value; 6] {
        let (app, account) = (Value::from(self.app), Value::from(self.account));
        let (seq, fetch) = (Value::Int(self.position.seq), Value::Int(self.position.fetch));
        [app.clone(), app, account.clone(), account, seq, fetch]
    }
}

// Accounts.

fn account(row: &Row) -> Result<Account> {
    Ok(Account {
        id: account_id(row.text(0)?)?,
        seq: row.int(1)?,
        name: row.text(2)?.to_owned(),
        created: Timestamp::from_unix(row.int(3)?),
    })
}

const ACCOUNT: &str = "SELECT id, seq, name, created FROM account WHERE id = ?";

pub(crate) async fn find_account(store: &Store, id: &str) -> Result<Option<Account>> {
    store.query(ACCOUNT, &[Value::from(id)]).await?.first().map(account).transpose()
}

pub(crate) async fn find_account_in(tx: &mut Tx<'_>, id: &str) -> Result<Option<Account>> {
    tx.query(ACCOUNT, &[Value::from(id)]).await?.first().map(account).transpose()
}

pub(crate) async fn list_accounts(store: &Store, position: PagePosition) -> Result<Vec<Account>> {
    let sql = if position.newer {
        "SELECT id, seq, name, created FROM account WHERE seq > ? ORDER BY seq ASC LIMIT ?"
    } else {
        "SELECT id, seq, name, created FROM account WHERE seq < ? ORDER BY seq DESC LIMIT ?"
    };
    let values = [Value::Int(position.seq), Value::Int(position.fetch)];
    store.query(sql, &values).await?.iter().map(account).collect()
}

pub(crate) async fn insert_account(tx: &mut Tx<'_>, account: &Account) -> Result<()> {
    tx.execute(
        "INSERT INTO account (id, seq, name, created) VALUES (?, ?, ?, ?)",
        &[
            Value::from(account.id.as_str()),
            Value::Int(account.seq),
            Value::from(account.name.as_str()),
            Value::Int(account.created.unix()),
        ],
    )
    .await?;
    Ok(())
}

// Apps.

fn app(row: &Row) -> Result<App> {
    Ok(App {
        id: app_id(row.text(0)?)?,
        seq: row.int(1)?,
        account: account_id(row.text(2)?)?,
        name: row.text(3)?.to_owned(),
        secrets_per_scope: row.optional_int(4)?,
        created: Timestamp::from_unix(row.int(5)?),
    })
}

const APP: &str = "SELECT id, seq, account, name, secrets_per_scope, created FROM app \
     WHERE id = ?";

pub(crate) async fn find_app(store: &Store, id: &str) -> Result<Option<App>> {
    store.query(APP, &[Value::from(id)]).await?.first().map(app).transpose()
}

pub(crate) async fn find_app_in(tx: &mut Tx<'_>, id: &str) -> Result<Option<App>> {
    tx.query(APP, &[Value::from(id)]).await?.first().map(app).transpose()
}

pub(crate) async fn list_apps(store: &Store, selection: &Selection<'_>) -> Result<Vec<App>> {
    let sql = if selection.position.newer {
        "SELECT id, seq, account, name, secrets_per_scope, created FROM app \
         WHERE (? = '' OR id = ?) AND (? = '' OR account = ?) AND seq > ? ORDER BY seq ASC LIMIT ?"
    } else {
        "SELECT id, seq, account, name, secrets_per_scope, created FROM app \
         WHERE (? = '' OR id = ?) AND (? = '' OR account = ?) AND seq < ? ORDER BY seq DESC LIMIT ?"
    };
    store.query(sql, &selection.values()).await?.iter().map(app).collect()
}

pub(crate) async fn insert_app(tx: &mut Tx<'_>, app: &App) -> Result<()> {
    tx.execute(
        "INSERT INTO app (id, seq, account, name, secrets_per_scope, created) \
         VALUES (?, ?, ?, ?, ?, ?)",
        &[
            Value::from(app.id.as_str()),
            Value::Int(app.seq),
            Value::from(app.account.as_str()),
            Value::from(app.name.as_str()),
            Value::from(app.secrets_per_scope),
            Value::Int(app.created.unix()),
        ],
    )
    .await?;
    Ok(())
}

pub(crate) async fn update_app(tx: &mut Tx<'_>, app: &App) -> Result<()> {
    tx.execute(
        "UPDATE app SET name = ?, secrets_per_scope = ? WHERE id = ?",
        &[
            Value::from(app.name.as_str()),
            Value::from(app.secrets_per_scope),
            Value::from(app.id.as_str()),
        ],
    )
    .await?;
    Ok(())
}

// Installs.

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

pub(crate) async fn find_install(store: &Store, id: &str) -> Result<Option<Install>> {
    let sql = "SELECT app, account, id, seq, active, created FROM install WHERE id = ?";
    store.query(sql, &[Value::from(id)]).await?.first().map(install).transpose()
}

pub(crate) async fn find_install_in(tx: &mut Tx<'_>, id: &str) -> Result<Option<Install>> {
    let sql = "SELECT app, account, id, seq, active, created FROM install WHERE id = ?";
    tx.query(sql, &[Value::from(id)]).await?.first().map(install).transpose()
}

const INSTALL_OF: &str = "SELECT app, account, id, seq, active, created FROM install \
     WHERE app = ? AND account = ?";

pub(crate) async fn install_of(
    store: &Store,
    app: &AppId,
    account: &str,
) -> Result<Option<Install>> {
    let values = [Value::from(app.as_str()), Value::from(account)];
    store.query(INSTALL_OF, &values).await?.first().map(install).transpose()
}

pub(crate) async fn install_of_in(
    tx: &mut Tx<'_>,
    app: &str,
    account: &str,
) -> Result<Option<Install>> {
    let values = [Value::from(app), Value::from(account)];
    tx.query(INSTALL_OF, &values).await?.first().map(install).transpose()
}

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

/// Adds an install, or opens one that was shut.
pub(crate) async fn put_install(tx: &mut Tx<'_>, install: &Install) -> Result<()> {
    tx.execute(
        "INSERT INTO install (app, account, id, seq, active, created) VALUES (?, ?, ?, ?, 1, ?) \
         ON CONFLICT (app, account) DO UPDATE SET active = 1",
        &[
            Value::from(install.app.as_str()),
            Value::from(install.account.as_str()),
            Value::from(install.id.as_str()),
            Value::Int(install.seq),
            Value::Int(install.created.unix()),
        ],
    )
    .await?;
    Ok(())
}

/// Shuts an install: its data stays. Its ephemeral keys are over for good.
pub(crate) async fn shut_install(
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
        &[Value::Int(now.unix()), app, account],
    )
    .await?;
    Ok(())
}

/// Whether a tenant may be written to: its account is there, and not being erased; and the app
/// is installed on it, unless the account is the app's own.
pub(crate) async fn admits(
    tx: &mut Tx<'_>,
    app: &AppId,
    account: &AccountId,
    own_account: bool,
) -> Result<bool> {
    // An install that is purged is gone; the app's own account needs none, so the list is asked.
    if own_account && is_erasing(tx, app.as_str(), account.as_str()).await? {
        return Ok(false);
    }
    let (app, account) = (Value::from(app.as_str()), Value::from(account.as_str()));
    let rows = if own_account {
        tx.query("SELECT 1 FROM app WHERE id = ? AND account = ?", &[app, account]).await?
    } else {
        tx.query(
            "SELECT 1 FROM install WHERE app = ? AND account = ? AND active = 1",
            &[app, account],
        )
        .await?
    };
    Ok(!rows.is_empty())
}

// Erasure.

/// Whether a tenant is being erased.
pub(crate) async fn is_erasing(tx: &mut Tx<'_>, app: &str, account: &str) -> Result<bool> {
    let values = [Value::from(app), Value::from(account)];
    let rows = tx.query("SELECT 1 FROM erasure WHERE app = ? AND account = ?", &values).await?;
    Ok(!rows.is_empty())
}

/// Takes an install away and lists its tenant for erasure.
pub(crate) async fn purge_install(
    tx: &mut Tx<'_>,
    install: &Install,
    now: Timestamp,
) -> Result<()> {
    shut_install(tx, &install.app, &install.account, now).await?;
    let values = [
        Value::from(install.app.as_str()),
        Value::from(install.account.as_str()),
        Value::Int(now.unix()),
    ];
    tx.execute(
        "INSERT INTO erasure (app, account, created) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
        &values,
    )
    .await?;
    let [app, account, _] = values;
    tx.execute("DELETE FROM install WHERE app = ? AND account = ?", &[app, account]).await?;
    Ok(())
}

/// Takes an app away, with its keys and installs, and lists all its tenants for erasure.
pub(crate) async fn purge_app(tx: &mut Tx<'_>, app: &App, now: Timestamp) -> Result<()> {
    let id = Value::from(app.id.as_str());
    let at = Value::Int(now.unix());
    tx.execute(
        "INSERT INTO erasure (app, account, created) SELECT app, account, ? FROM install \
         WHERE app = ? ON CONFLICT DO NOTHING",
        &[at.clone(), id.clone()],
    )
    .await?;
    tx.execute(
        "INSERT INTO erasure (app, account, created) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
        &[id.clone(), Value::from(app.account.as_str()), at],
    )
    .await?;
    tx.execute("DELETE FROM install WHERE app = ?", std::slice::from_ref(&id)).await?;
    tx.execute("DELETE FROM api_key WHERE app = ?", std::slice::from_ref(&id)).await?;
    tx.execute("DELETE FROM app WHERE id = ?", &[id]).await?;
    Ok(())
}

/// Takes an account away, with the apps that it made and the installs that it has, and lists all
/// their tenants for erasure.
pub(crate) async fn purge_account(
    tx: &mut Tx<'_>,
    account: &AccountId,
    now: Timestamp,
) -> Result<()> {
    let id = Value::from(account.as_str());
    let sql = "SELECT id, seq, account, name, secrets_per_scope, created FROM app \
               WHERE account = ?";
    let own = tx.query(sql, std::slice::from_ref(&id)).await?;
    for row in &own {
        purge_app(tx, &app(row)?, now).await?;
    }
    tx.execute(
        "INSERT INTO erasure (app, account, created) SELECT app, account, ? FROM install \
         WHERE account = ? ON CONFLICT DO NOTHING",
        &[Value::Int(now.unix()), id.clone()],
    )
    .await?;
    tx.execute("DELETE FROM install WHERE account = ?", std::slice::from_ref(&id)).await?;
    tx.execute("DELETE FROM api_key WHERE account = ?", std::slice::from_ref(&id)).await?;
    tx.execute("DELETE FROM account WHERE id = ?", &[id]).await?;
    Ok(())
}

/// Up to `limit` tenants that are to be erased.
pub(crate) async fn erasures(store: &Store, limit: i64) -> Result<Vec<(AppId, AccountId)>> {
    store
        .query(
            "SELECT app, account FROM erasure ORDER BY app, account LIMIT ?",
            &[Value::Int(limit)],
        )
        .await?
        .iter()
        .map(|row| Ok((app_id(row.text(0)?)?, account_id(row.text(1)?)?)))
        .collect()
}

/// Notes that a tenant is erased.
pub(crate) struct FinishErasure {
    pub(crate) app: AppId,
    pub(crate) account: AccountId,
}

impl Work for FinishErasure {
    type Out = ();

    async fn run(&self, tx: &mut Tx<'_>) -> Result<()> {
        let values = [Value::from(self.app.as_str()), Value::from(self.account.as_str())];
        tx.execute("DELETE FROM erasure WHERE app = ? AND account = ?", &values).await?;
        Ok(())
    }
}

// Keys.

const KEY_BY_ID: &str = "SELECT id, seq, kind, mode, app, account, user_id, account_access, \
     permissions, parent, name, shown, created, expires_at, revoked_at, last_used \
     FROM api_key WHERE id = ?";

const KEY_BY_HASH: &str = "SELECT id, seq, kind, mode, app, account, user_id, account_access, \
     permissions, parent, name, shown, created, expires_at, revoked_at, last_used \
     FROM api_key WHERE hash = ?";

fn api_key(row: &Row) -> Result<ApiKey> {
    let kind = Kind::parse(row.text(2)?).ok_or_else(|| corrupt("a key's kind"))?;
    let mode = row.optional_int(3)?;
    let mode = mode.map(|code| Mode::from_code(code).ok_or_else(|| corrupt("a key's mode")));
    let permissions = row
        .optional_text(8)?
        .map(|list| list.split(' ').filter(|word| !word.is_empty()).map(str::to_owned).collect());
    Ok(ApiKey {
        id: row.text(0)?.to_owned(),
        seq: row.int(1)?,
        kind,
        mode: mode.transpose()?,
        app: row.optional_text(4)?.map(app_id).transpose()?,
        bound: bound(row)?,
        permissions,
        parent: row.optional_text(9)?.map(str::to_owned),
        name: row.text(10)?.to_owned(),
        shown: row.text(11)?.to_owned(),
        created: Timestamp::from_unix(row.int(12)?),
        expires_at: time(row, 13)?,
        revoked_at: time(row, 14)?,
        last_used: time(row, 15)?,
    })
}

fn bound(row: &Row) -> Result<Option<Bound>> {
    let (account, user, access) =
        (row.optional_text(5)?, row.optional_text(6)?, row.optional_text(7)?);
    let (Some(account), Some(user)) = (account, user) else { return Ok(None) };
    let account_access = match access {
        Some("write") => AccountAccess::Write,
        Some("read") => AccountAccess::Read,
        _ => return Err(corrupt("an ephemeral key's access")),
    };
    let account = account_id(account)?;
    Ok(Some(Bound { account, user: user.to_owned(), account_access }))
}

pub(crate) async fn find_key(store: &Store, id: &str) -> Result<Option<ApiKey>> {
    store.query(KEY_BY_ID, &[Value::from(id)]).await?.first().map(api_key).transpose()
}

pub(crate) async fn find_key_in(tx: &mut Tx<'_>, id: &str) -> Result<Option<ApiKey>> {
    tx.query(KEY_BY_ID, &[Value::from(id)]).await?.first().map(api_key).transpose()
}

pub(crate) async fn key_of_token(store: &Store, hash: &TokenHash) -> Result<Option<ApiKey>> {
    let values = [Value::from(hash.as_bytes().as_slice())];
    store.query(KEY_BY_HASH, &values).await?.first().map(api_key).transpose()
}

pub(crate) async fn key_of_token_in(tx: &mut Tx<'_>, hash: &TokenHash) -> Result<Option<ApiKey>> {
    let values = [Value::from(hash.as_bytes().as_slice())];
    tx.query(KEY_BY_HASH, &values).await?.first().map(api_key).transpose()
}

pub(crate) async fn list_keys(store: &Store, selection: &Selection<'_>) -> Result<Vec<ApiKey>> {
    let sql = if selection.position.newer {
        "SELECT id, seq, kind, mode, app, account, user_id, account_access, permissions, parent, \
         name, shown, created, expires_at, revoked_at, last_used FROM api_key \
         WHERE (? = '' OR app = ?) AND (? = '' OR account = ?) AND seq > ? ORDER BY seq ASC LIMIT ?"
    } else {
        "SELECT id, seq, kind, mode, app, account, user_id, account_access, permissions, parent, \
         name, shown, created, expires_at, revoked_at, last_used FROM api_key \
         WHERE (? = '' OR app = ?) AND (? = '' OR account = ?) AND seq < ? \
         ORDER BY seq DESC LIMIT ?"
    };
    store.query(sql, &selection.values()).await?.iter().map(api_key).collect()
}

pub(crate) async fn insert_key(tx: &mut Tx<'_>, hash: &TokenHash, key: &ApiKey) -> Result<()> {
    let bound = key.bound.as_ref();
    let permissions = key.permissions.as_ref().map(|list| list.join(" "));
    tx.execute(
        "INSERT INTO api_key (hash, id, seq, kind, mode, app, account, user_id, account_access, \
         permissions, parent, name, shown, created, expires_at, revoked_at, last_used) \
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        &[
            Value::from(hash.as_bytes().as_slice()),
            Value::from(key.id.as_str()),
            Value::Int(key.seq),
            Value::from(key.kind.as_str()),
            Value::from(key.mode.map(Mode::code)),
            optional_text(key.app.as_ref().map(AppId::as_str)),
            optional_text(bound.map(|bound| bound.account.as_str())),
            optional_text(bound.map(|bound| bound.user.as_str())),
            optional_text(bound.map(|bound| bound.account_access.as_str())),
            optional_text(permissions.as_deref()),
            optional_text(key.parent.as_deref()),
            Value::from(key.name.as_str()),
            Value::from(key.shown.as_str()),
            Value::Int(key.created.unix()),
            optional_time(key.expires_at),
            optional_time(key.revoked_at),
            optional_time(key.last_used),
        ],
    )
    .await?;
    Ok(())
}

/// Revokes a key and the ephemeral keys that it made; the time of an earlier revocation stays.
pub(crate) async fn revoke_key(tx: &mut Tx<'_>, id: &str, now: Timestamp) -> Result<()> {
    tx.execute(
        "UPDATE api_key SET revoked_at = ? WHERE (id = ? OR parent = ?) AND revoked_at IS NULL",
        &[Value::Int(now.unix()), Value::from(id), Value::from(id)],
    )
    .await?;
    Ok(())
}

/// Writes when keys were last used.
pub(crate) struct WriteLastUsed(pub(crate) Vec<(String, i64)>);

impl Work for WriteLastUsed {
    type Out = u64;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<u64> {
        let mut written = 0u64;
        for (id, at) in &self.0 {
            let values = [Value::Int(*at), Value::from(id.as_str()), Value::Int(*at)];
            let sql = "UPDATE api_key SET last_used = ? WHERE id = ? \
                       AND (last_used IS NULL OR last_used < ?)";
            written = written.saturating_add(tx.execute(sql, &values).await?);
        }
        Ok(written)
    }
}

/// Deletes up to `limit` ephemeral keys that expired before `before`.
pub(crate) struct DeleteEphemeral {
    pub(crate) before: Timestamp,
    pub(crate) limit: i64,
}

impl Work for DeleteEphemeral {
    type Out = u64;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<u64> {
        tx.execute(
            "DELETE FROM api_key WHERE hash IN (SELECT hash FROM api_key \
             WHERE kind = 'ephemeral' AND expires_at < ? ORDER BY expires_at LIMIT ?)",
            &[Value::Int(self.before.unix()), Value::Int(self.limit)],
        )
        .await
    }
}
