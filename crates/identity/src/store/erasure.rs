//! The SQL of erasing: what is taken away at once, and the list of what is erased after.

use super::{Result, account_id, app, app_id, deactivate_install};
use crate::objects::{App, Install};
use coffer_base::{AccountId, AppId, Timestamp};
use coffer_kernel::Ctx;
use coffer_storage::{Query, Row, Store, Tx, Value, Work, values};

/// Asks whether a tenant is being erased.
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

/// The request that takes something away, and when.
#[derive(Clone, Copy)]
pub(crate) struct Purge<'r> {
    pub(crate) request: &'r str,
    pub(crate) now: Timestamp,
}

impl<'r> Purge<'r> {
    /// By this request.
    pub(crate) fn by(ctx: &'r Ctx) -> Self {
        Self { request: ctx.request_id(), now: ctx.now() }
    }

    fn values(self) -> [Value; 2] {
        values![self.now, self.request]
    }
}

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

/// Takes an account away, with the apps that it made and the installs that it has, and lists all
/// their tenants for erasure.
pub(crate) async fn purge_account(
    tx: &mut Tx<'_>,
    account: &AccountId,
    purge: Purge<'_>,
) -> Result<()> {
    let id = Value::from(account.as_str());
    // Held, so that what others are adding to these apps is there or can no longer be added.
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
    pub(crate) app: AppId,
    pub(crate) account: AccountId,
    pub(crate) request: String,
}

impl Erasure {
    fn values(&self) -> Vec<Value> {
        [self.app.as_str(), self.account.as_str(), &self.request].map(Value::from).to_vec()
    }

    /// Asks whether it is still to be done, and sees to it that it stays so until the transaction
    /// ends. Once it is done, the tenant may live again.
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
