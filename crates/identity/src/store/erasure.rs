//! The SQL of erasing: what is deleted at once, and the list of what is erased afterwards.
//!
//! A purge deletes the rows by which a key is accepted, in the transaction of its request, so that
//! nothing new can be written. What the families store for the tenant, without bound, is left to
//! the job; the table `erasure` lists it until that is done.

use super::install::{Buried, bury_installs};
use super::{
    Result, account_id, app, app_id, believed, corrupt, end, first, list_revocation, next_seq,
};
use crate::floors::{of_account, of_app, of_generation};
use crate::objects::{App, Install};
use crate::row_mac::{ERASURE, GENERATION, RowMac};
use coffer_base::{AccountId, AppId, Timestamp};
use coffer_kernel::Ctx;
use coffer_storage::{Query, Row, Store, Tx, Value, Work, values};

/// Finds a row if the tenant was purged after the generation that `account` names: a condition
/// under which nothing may be written for it.
pub(crate) fn purged_query(app: &AppId, account: &AccountId) -> Query {
    let sql = "SELECT 1 FROM tenant_generation WHERE app = ? AND account = ? AND generation > ?";
    Query::new(sql, values![app, account.name(), account.generation()])
}

/// The generation in the row whose columns begin at `first`: app, account, generation, mac; `None`
/// if it is not believed.
pub(super) fn generation(mac: &RowMac, row: &Row, first: usize) -> Result<Option<i64>> {
    mac.is_valid(&GENERATION, row, first).then(|| row.int(first + 2)).transpose()
}

/// Begins the generation `next`, a place that is given once, of what `app` keeps for `account`, and
/// answers the account as the rows of the one before name it.
async fn begin_generation(
    tx: &mut Tx<'_>,
    mac: &RowMac,
    app: &AppId,
    account: &AccountId,
    next: i64,
) -> Result<AccountId> {
    let before = generation_in(tx, mac, app, account).await?;
    put_generation(tx, mac, app, account, next);
    list_revocation(tx, mac, of_generation(app.as_str(), account.as_str()), next, None);
    Ok(account.in_generation(before))
}

/// The generation that the data has, locked; 0 if it has none that is believed.
async fn generation_in(
    tx: &mut Tx<'_>,
    mac: &RowMac,
    app: &AppId,
    account: &AccountId,
) -> Result<i64> {
    let sql = "SELECT app, account, generation, mac FROM tenant_generation \
               WHERE app = ? AND account = ? FOR UPDATE";
    let rows = tx.query(sql, &values![app, account]).await?;
    Ok(first(&rows, |row| generation(mac, row, 0))?.unwrap_or(0))
}

/// The generation that the data has, as committed; 0 if it has none that is believed.
pub(crate) async fn generation_of(
    store: &Store,
    mac: &RowMac,
    app: &AppId,
    account: &AccountId,
) -> Result<i64> {
    let sql = "SELECT app, account, generation, mac FROM tenant_generation \
               WHERE app = ? AND account = ?";
    let rows = store.query(sql, &values![app, account]).await?;
    Ok(first(&rows, |row| generation(mac, row, 0))?.unwrap_or(0))
}

fn put_generation(tx: &mut Tx<'_>, mac: &RowMac, app: &AppId, account: &AccountId, is: i64) {
    tx.defer(
        "INSERT INTO tenant_generation (app, account, generation, mac) VALUES (?, ?, ?, ?) \
         ON CONFLICT (app, account) \
         DO UPDATE SET generation = excluded.generation, mac = excluded.mac",
        mac.with_mac(&GENERATION, values![app, account, is]),
    );
}

/// Puts the newest generation of a tenant where the data has an older one or none, so that the next
/// purge knows which one it ends.
pub(crate) struct MendGeneration {
    pub(crate) mac: RowMac,
    pub(crate) app: AppId,
    /// Its name alone.
    pub(crate) account: AccountId,
    pub(crate) newest: i64,
}

impl Work for MendGeneration {
    type Out = ();

    fn grows(&self) -> bool {
        false
    }

    async fn run(&self, tx: &mut Tx<'_>) -> Result<()> {
        let Self { mac, app, account, newest } = self;
        if generation_in(tx, mac, app, account).await? < *newest {
            put_generation(tx, mac, app, account, *newest);
        }
        Ok(())
    }
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
}

/// Lists a tenant for erasure, and begins a new generation of it. A row that is in the place
/// already gives way, since it may be one that nobody believes.
async fn list(
    tx: &mut Tx<'_>,
    mac: &RowMac,
    app: &AppId,
    account: &AccountId,
    (purge, seq): (Purge<'_>, i64),
) -> Result<()> {
    let purged = begin_generation(tx, mac, app, account, seq).await?;
    tx.defer(
        "INSERT INTO erasure (app, account, created, request, seq, mac) \
         VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (app, account) DO UPDATE \
         SET created = excluded.created, request = excluded.request, seq = excluded.seq, \
         mac = excluded.mac",
        mac.with_mac(&ERASURE, values![app, &purged, purge.now, purge.request, seq]),
    );
    Ok(())
}

/// Lists the tenants of installs: rows of app and account. Their MACs do not matter, since all of
/// these installs go.
async fn list_all(
    tx: &mut Tx<'_>,
    mac: &RowMac,
    installs: &[Row],
    listing: (Purge<'_>, i64),
) -> Result<()> {
    for row in installs {
        list(tx, mac, &app_id(row.text(0)?)?, &account_id(row.text(1)?)?, listing).await?;
    }
    Ok(())
}

/// The installs of an app, as rows of app and account. They are locked before a place is drawn, as
/// everybody does who adds something to them.
async fn lock_installs(tx: &mut Tx<'_>, app: &App) -> Result<Vec<Row>> {
    let sql = "SELECT app, account FROM install WHERE app = ? ORDER BY account FOR UPDATE";
    tx.query(sql, &values![app.id.as_str()]).await
}

/// Lists the tenants that an app has: those of its installs, and the account that develops it.
async fn list_tenants(
    tx: &mut Tx<'_>,
    mac: &RowMac,
    app: &App,
    installs: &[Row],
    listing: (Purge<'_>, i64),
) -> Result<()> {
    list_all(tx, mac, installs, listing).await?;
    if installs.iter().any(|row| row.text(1) == Ok(app.account.as_str())) {
        return Ok(());
    }
    list(tx, mac, &app.id, &app.account, listing).await
}

/// Takes an install away, which is removed in both modes, and lists its tenant for erasure.
pub(crate) async fn purge_install(
    tx: &mut Tx<'_>,
    mac: &RowMac,
    install: &Install,
    purge: Purge<'_>,
) -> Result<()> {
    let Install { app, account, .. } = install;
    let seq = next_seq(tx).await?;
    list(tx, mac, app, account, (purge, seq)).await?;
    bury_installs(tx, Buried::One(app, account)).await
}

/// Takes an app away, with its keys and installs, and lists all its tenants for erasure.
pub(crate) async fn purge_app(
    tx: &mut Tx<'_>,
    mac: &RowMac,
    app: &App,
    purge: Purge<'_>,
) -> Result<()> {
    let id = Value::from(app.id.as_str());
    let installs = lock_installs(tx, app).await?;
    let listing = (purge, end(tx, mac, of_app(app.id.as_str())).await?);
    list_tenants(tx, mac, app, &installs, listing).await?;
    bury_installs(tx, Buried::OfApp(&app.id)).await?;
    tx.execute("DELETE FROM api_key WHERE app = ?", std::slice::from_ref(&id)).await?;
    tx.execute("DELETE FROM app WHERE id = ?", &[id]).await?;
    Ok(())
}

/// Takes away what an app has on accounts, and lists its tenants for erasure; it stays, with its
/// keys, except those that are bound to an account.
pub(crate) async fn empty_app(
    tx: &mut Tx<'_>,
    mac: &RowMac,
    app: &App,
    purge: Purge<'_>,
) -> Result<()> {
    let id = Value::from(app.id.as_str());
    let installs = lock_installs(tx, app).await?;
    let listing = (purge, next_seq(tx).await?);
    list_tenants(tx, mac, app, &installs, listing).await?;
    bury_installs(tx, Buried::OfApp(&app.id)).await?;
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
    mac: &RowMac,
    account: &AccountId,
    purge: Purge<'_>,
) -> Result<()> {
    let id = Value::from(account.as_str());
    // Locked, so that what others are adding to these apps is there or can no longer be added.
    let sql = select_apps!("account = ? ORDER BY id FOR UPDATE");
    let own = tx.query(sql, std::slice::from_ref(&id)).await?;
    let sql = "SELECT app, account FROM install \
               WHERE account = ? OR app IN (SELECT id FROM app WHERE account = ?) \
               ORDER BY app, account FOR UPDATE";
    tx.query(sql, &[id.clone(), id.clone()]).await?;
    for app in believed(&own, |row| app(mac, row, 0))? {
        purge_app(tx, mac, &app, purge).await?;
    }
    let listing = (purge, end(tx, mac, of_account(account.as_str())).await?);
    let sql = "SELECT app, account FROM install WHERE account = ?";
    let installs = tx.query(sql, std::slice::from_ref(&id)).await?;
    list_all(tx, mac, &installs, listing).await?;
    bury_installs(tx, Buried::OnAccount(account)).await?;
    tx.execute("DELETE FROM api_key WHERE account = ?", std::slice::from_ref(&id)).await?;
    tx.execute("DELETE FROM account WHERE id = ?", &[id]).await?;
    Ok(())
}

/// A tenant, in both modes, that is to be erased, as one request wanted it.
#[derive(Clone, Debug)]
pub(crate) struct Erasure {
    /// The app whose data is erased.
    pub(crate) app: AppId,
    /// The account for which the app stored it, in the generation that was purged.
    pub(crate) account: AccountId,
    /// The id of the request that listed it, which tells this erasure from a later one of the same
    /// tenant.
    pub(crate) request: String,
    /// Its place in the order of all rows.
    pub(crate) seq: i64,
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

/// A page of the list of erasures.
pub(crate) struct Erasures {
    /// Those that are believed.
    pub(crate) listed: Vec<Erasure>,
    /// The tenant of the last row, behind which the next page begins; `None` if there was no row.
    pub(crate) last: Option<[Value; 2]>,
}

/// Up to `limit` tenants that are to be erased, from behind the tenant `after` on; only those that
/// `request` listed, unless it is empty.
pub(crate) async fn erasures(
    store: &Store,
    mac: &RowMac,
    request: &str,
    after: Option<[Value; 2]>,
    limit: i64,
) -> Result<Erasures> {
    let [app, account] = after.unwrap_or_else(|| values!["", ""]);
    let sql = "SELECT app, account, created, request, seq, mac FROM erasure \
               WHERE (? = '' OR request = ?) AND (app, account) > (?, ?) \
               ORDER BY app, account LIMIT ?";
    let request = Value::from(request);
    let values = [request.clone(), request, app, account, Value::Int(limit)];
    let rows = store.query(sql, &values).await?;
    let last = rows.last().and_then(|row| row.values(0..2)?.to_vec().try_into().ok());
    Ok(Erasures { listed: believed(&rows, |row| erasure(mac, row))?, last })
}

/// How many tenants are being erased: their keys may still be in the key store or in its log, and
/// their rows in the data.
///
/// # Errors
/// When the store cannot be read.
pub async fn erasing(store: &Store) -> Result<i64> {
    let rows = store.query("SELECT count(*) FROM erasure", &[]).await?;
    rows.first().map_or(Ok(0), |row| row.int(0))
}

/// A row of [`erasures`]; `None` if it is not believed.
pub(super) fn erasure(mac: &RowMac, row: &Row) -> Result<Option<Erasure>> {
    if !mac.is_valid(&ERASURE, row, 0) {
        return Ok(None);
    }
    let account = AccountId::parse_stored(row.text(1)?).map_err(|_| corrupt("an erasure"))?;
    let app = app_id(row.text(0)?)?;
    let (request, seq) = (row.text(3)?.to_owned(), row.int(4)?);
    Ok(Some(Erasure { app, account, request, seq }))
}

/// Notes that an erasure is done.
pub(crate) struct FinishErasure(pub(crate) Erasure);

impl Work for FinishErasure {
    /// Whether it was still to be done: if not, another server has done it.
    type Out = bool;

    fn grows(&self) -> bool {
        false
    }

    async fn run(&self, tx: &mut Tx<'_>) -> Result<bool> {
        let sql = "DELETE FROM erasure WHERE app = ? AND account = ? AND request = ?";
        Ok(tx.execute(sql, &self.0.values()).await? > 0)
    }
}
