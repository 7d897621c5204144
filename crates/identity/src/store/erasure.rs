//! The SQL of erasing: what is deleted at once, and the list of what is erased afterwards.
//!
//! A purge deletes the rows by which a key is accepted, in the transaction of its request, so that
//! nothing new can be written. What the families store for the tenant, without bound, is left to
//! the job; the table `erasure` lists it until that is done.

use super::{Result, account_id, app, app_id, deactivate_install};
use crate::objects::{App, Install};
use coffer_base::{AccountId, AppId, Timestamp};
use coffer_kernel::Ctx;
use coffer_storage::{Query, Row, Store, Tx, Value, Work, values};

/// Finds a row if a tenant is being erased: a condition under which its app's own account may not
/// write.
pub(crate) fn erasing_query(app: &AppId, account: &AccountId) -> Query {
    let params = values![app, account];
    Query::new(IS_ERASING, params)
}

const IS_ERASING: &str = "SELECT 1 FROM erasure WHERE app = ? AND account = ?";

/// Whether a tenant is being erased.
pub(crate) async fn is_erasing(tx: &mut Tx<'_>, app: &str, account: &str) -> Result<bool> {
    let values = values![app, account];
    Ok(!tx.query(IS_ERASING, &values).await?.is_empty())
}

/// Which request purges something, and when: what the list of erasures says of it.
#[derive(Clone, Copy)]
pub(crate) struct Purge<'r> {
    pub(crate) request: &'r str,
    pub(crate) now: Timestamp,
}

impl<'r> Purge<'r> {
    /// Of the request whose context this is.
    pub(crate) fn by(ctx: &'r Ctx) -> Self {
        Self { request: ctx.request_id(), now: ctx.now() }
    }

    fn values(self) -> [Value; 2] {
        values![self.now, self.request]
    }
}

/// Lists a tenant for erasure. If it is listed already, the earlier request's erasure covers this
/// one too.
async fn list(tx: &mut Tx<'_>, app: &AppId, account: &AccountId, purge: Purge<'_>) -> Result<()> {
    let [created, request] = purge.values();
    tx.execute(
        "INSERT INTO erasure (app, account, created, request) VALUES (?, ?, ?, ?) \
         ON CONFLICT DO NOTHING",
        &values![app, account, created, request],
    )
    .await
    .map(drop)
}

/// Takes an install away and lists its tenant for erasure.
pub(crate) async fn purge_install(
    tx: &mut Tx<'_>,
    install: &Install,
    purge: Purge<'_>,
) -> Result<()> {
    let Install { app, account, .. } = install;
    deactivate_install(tx, app, account, purge.now).await?;
    list(tx, app, account, purge).await?;
    let values = values![app, account];
    tx.execute("DELETE FROM install WHERE app = ? AND account = ?", &values).await?;
    Ok(())
}

/// Takes an app away, with its keys and installs, and lists all its tenants for erasure.
pub(crate) async fn purge_app(tx: &mut Tx<'_>, app: &App, purge: Purge<'_>) -> Result<()> {
    let id = Value::from(app.id.as_str());
    let [created, request] = purge.values();
    tx.execute(
        "INSERT INTO erasure (app, account, created, request) \
         SELECT app, account, ?, ? FROM install WHERE app = ? ON CONFLICT DO NOTHING",
        &[created, request, id.clone()],
    )
    .await?;
    list(tx, &app.id, &app.account, purge).await?;
    tx.execute("DELETE FROM install WHERE app = ?", std::slice::from_ref(&id)).await?;
    tx.execute("DELETE FROM api_key WHERE app = ?", std::slice::from_ref(&id)).await?;
    tx.execute("DELETE FROM app WHERE id = ?", &[id]).await?;
    Ok(())
}

/// Takes away what an app has on accounts, and lists its tenants for erasure; it stays, with its
/// keys, except those that are bound to an account.
pub(crate) async fn empty_app(tx: &mut Tx<'_>, app: &App, purge: Purge<'_>) -> Result<()> {
    let id = Value::from(app.id.as_str());
    let [created, request] = purge.values();
    tx.execute(
        "INSERT INTO erasure (app, account, created, request) \
         SELECT app, account, ?, ? FROM install WHERE app = ? ON CONFLICT DO NOTHING",
        &[created, request, id.clone()],
    )
    .await?;
    list(tx, &app.id, &app.account, purge).await?;
    tx.execute("DELETE FROM install WHERE app = ?", std::slice::from_ref(&id)).await?;
    tx.execute("DELETE FROM api_key WHERE app = ? AND account IS NOT NULL", &[id]).await?;
    Ok(())
}

/// Deletes an account that develops no app and has none installed. Returns whether it did.
pub(crate) async fn delete_unused_account(tx: &mut Tx<'_>, account: &AccountId) -> Result<bool> {
    let sql = "DELETE FROM account WHERE id = ? \
               AND NOT EXISTS (SELECT 1 FROM app WHERE app.account = account.id) \
               AND NOT EXISTS (SELECT 1 FROM install WHERE install.account = account.id)";
    Ok(tx.execute(sql, &values![account]).await? > 0)
}

/// Takes an account away, with the apps that it made and the installs that it has, and lists all
/// their tenants for erasure.
pub(crate) async fn purge_account(
    tx: &mut Tx<'_>,
    account: &AccountId,
    purge: Purge<'_>,
) -> Result<()> {
    let id = Value::from(account.as_str());
    // Locked, so that what others are adding to these apps is there or can no longer be added.
    let sql = "SELECT id, seq, account, name, quotas, created FROM app \
               WHERE account = ? ORDER BY id FOR UPDATE";
    let own = tx.query(sql, std::slice::from_ref(&id)).await?;
    for row in &own {
        purge_app(tx, &app(row, 0)?, purge).await?;
    }
    let [created, request] = purge.values();
    tx.execute(
        "INSERT INTO erasure (app, account, created, request) \
         SELECT app, account, ?, ? FROM install WHERE account = ? ON CONFLICT DO NOTHING",
        &[created, request, id.clone()],
    )
    .await?;
    tx.execute("DELETE FROM install WHERE account = ?", std::slice::from_ref(&id)).await?;
    tx.execute("DELETE FROM api_key WHERE account = ?", std::slice::from_ref(&id)).await?;
    tx.execute("DELETE FROM account WHERE id = ?", &[id]).await?;
    Ok(())
}

/// A tenant, in both modes, that is to be erased, as one request wanted it.
#[derive(Clone, Debug)]
pub(crate) struct Erasure {
    /// The app whose data is erased.
    pub(crate) app: AppId,
    /// The account for which the app stored it.
    pub(crate) account: AccountId,
    /// The id of the request that listed it, which tells this erasure from a later one of the same
    /// tenant.
    pub(crate) request: String,
}

impl Erasure {
    /// The row's key and its request, without which a later erasure of the same tenant would match.
    fn values(&self) -> Vec<Value> {
        [self.app.as_str(), self.account.as_str(), &self.request].map(Value::from).to_vec()
    }

    /// Finds a row if it is still to be done, and locks that until the transaction ends. Once it is
    /// done, the tenant may be installed again, and its new rows must not be touched.
    pub(crate) fn listed_query(&self) -> Query {
        let sql = "SELECT 1 FROM erasure WHERE app = ? AND account = ? AND request = ? FOR UPDATE";
        Query { sql, params: self.values() }
    }
}

/// Up to `limit` tenants that are to be erased, from behind `after` on.
pub(crate) async fn erasures(
    store: &Store,
    after: Option<&Erasure>,
    limit: i64,
) -> Result<Vec<Erasure>> {
    let (app, account) = after.map_or(("", ""), |last| (last.app.as_str(), last.account.as_str()));
    let sql = "SELECT app, account, request FROM erasure WHERE (app, account) > (?, ?) \
               ORDER BY app, account LIMIT ?";
    let values = values![app, account, limit];
    let rows = store.query(sql, &values).await?;
    rows.iter().map(erasure).collect()
}

/// A row of [`erasures`]: app, account, request.
fn erasure(row: &Row) -> Result<Erasure> {
    let (app, account) = (app_id(row.text(0)?)?, account_id(row.text(1)?)?);
    Ok(Erasure { app, account, request: row.text(2)?.to_owned() })
}

/// Notes that an erasure is done.
pub(crate) struct FinishErasure(pub(crate) Erasure);

impl Work for FinishErasure {
    /// Whether it was still to be done: if not, another server has done it.
    type Out = bool;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<bool> {
        let sql = "DELETE FROM erasure WHERE app = ? AND account = ? AND request = ?";
        Ok(tx.execute(sql, &self.0.values()).await? > 0)
    }
}
