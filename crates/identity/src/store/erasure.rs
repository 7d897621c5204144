//! The SQL of erasing: what is taken away at once, and the list of what is erased after.

use super::{Result, account_id, app, app_id, shut_install};
use crate::objects::{App, Install};
use coffer_base::{AccountId, AppId, Timestamp};
use coffer_storage::{Store, Tx, Value, Work};

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

/// Up to `limit` tenants that are to be erased, from behind `after` on.
pub(crate) async fn erasures(
    store: &Store,
    after: Option<&(AppId, AccountId)>,
    limit: i64,
) -> Result<Vec<(AppId, AccountId)>> {
    let (app, account) = after.map_or(("", ""), |(app, account)| (app.as_str(), account.as_str()));
    let sql = "SELECT app, account FROM erasure WHERE (app, account) > (?, ?) \
               ORDER BY app, account LIMIT ?";
    let values = [Value::from(app), Value::from(account), Value::Int(limit)];
    let rows = store.query(sql, &values).await?;
    rows.iter().map(|row| Ok((app_id(row.text(0)?)?, account_id(row.text(1)?)?))).collect()
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
