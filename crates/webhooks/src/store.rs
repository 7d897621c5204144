//! The SQL of webhooks: endpoints here, secrets and attempts in files of their own.

pub(crate) mod attempt;
pub(crate) mod figures;
pub(crate) mod secret;
pub(crate) mod server;
pub(crate) mod settle;

use crate::endpoint::Endpoint;
use crate::event_type::EventTypes;
use coffer_base::{AccountId, Mode, Owner, Timestamp};
use coffer_dialect::Metadata;
use coffer_kernel::{PagePosition, Prune};
use coffer_storage::{
    Migration, MigrationSet, Placement, Row, StorageError, Store, Tx, Value, values,
};

/// The family's schema. Endpoints and attempts are where every server finds them: an endpoint of a
/// platform gets the events of all its accounts.
pub const MIGRATIONS: MigrationSet = MigrationSet {
    component: "webhooks",
    migrations: &[Migration {
        version: 1,
        name: "webhook",
        sql: include_str!("../migrations/0001_webhook.sql"),
    }],
    tables: &[
        ("webhook_endpoint", Placement::Central),
        ("webhook_owner", Placement::Central),
        ("webhook_secret", Placement::Spread),
        ("webhook_attempt", Placement::Central),
        ("webhook_server", Placement::Central),
    ],
};

/// What goes with a tenant: secrets that its keys have sealed, and the endpoints whose secret is
/// among them, with their attempts.
pub const PURGE: &[Prune] = &[
    secret::OF_TENANT,
    Prune {
        select: "SELECT attempt.endpoint, attempt.seq, attempt.event \
                 FROM webhook_endpoint AS one JOIN webhook_attempt AS attempt \
                 ON attempt.endpoint = one.id \
                 WHERE one.mode = ?1 AND one.app = ?2 AND one.tenant = ?3 LIMIT ?6",
        delete: attempt::DELETE,
    },
    Prune {
        select: "SELECT id FROM webhook_endpoint WHERE mode = ?1 AND app = ?2 AND tenant = ?3 \
                 LIMIT ?6",
        delete: "DELETE FROM webhook_endpoint WHERE id = ?",
    },
];

/// The values of an owner's columns.
pub(crate) fn owner_values(owner: &Owner) -> [Value; 3] {
    values![owner.mode, &owner.platform, &owner.account]
}

/// The owner in three columns from `at` on.
pub(crate) fn owner_at(row: &Row, at: usize) -> Result<Owner, StorageError> {
    let corrupt = || StorageError::Corrupt("a row of a webhook has no owner".into());
    let account = |column: usize| AccountId::parse(row.text(column)?).map_err(|_| corrupt());
    let mode = Mode::from_code(row.int(at)?).ok_or_else(corrupt)?;
    let (platform, own) = (at.saturating_add(1), at.saturating_add(2));
    Ok(Owner { mode, platform: account(platform)?, account: account(own)? })
}

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT mode, platform, account, seq, id, created, app, tenant, old_tenant, connect, \
             application, url, description, metadata, events, api_version, version, enabled, \
             holder FROM webhook_endpoint ",
            $rest
        )
    };
}

fn endpoint(row: &Row) -> Result<Endpoint, StorageError> {
    let text = |column| row.text(column).map(str::to_owned);
    let optional = |column| row.optional_text(column).map(|text| text.map(str::to_owned));
    let metadata = Metadata::from_json_text(row.text(13)?)
        .ok_or_else(|| StorageError::Corrupt("an endpoint's metadata is malformed".into()))?;
    Ok(Endpoint {
        owner: owner_at(row, 0)?,
        seq: row.int(3)?,
        id: text(4)?,
        created: Timestamp::from_unix(row.int(5)?),
        app: text(6)?,
        tenant: text(7)?,
        old_tenant: optional(8)?,
        connect: row.int(9)? != 0,
        application: optional(10)?,
        url: text(11)?,
        description: optional(12)?,
        metadata,
        events: EventTypes::of_text(row.text(14)?),
        api_version: optional(15)?,
        version: text(16)?,
        enabled: row.int(17)? != 0,
        holder: text(18)?,
    })
}

/// The next place in an owner's list, whose endpoints nobody else makes until the transaction ends.
pub(crate) async fn lock_owner(tx: &mut Tx<'_>, owner: &Owner) -> Result<i64, StorageError> {
    let sql = "INSERT INTO webhook_owner (mode, platform, account, seq) VALUES (?, ?, ?, 1) \
               ON CONFLICT (mode, platform, account) DO UPDATE SET seq = webhook_owner.seq + 1 \
               RETURNING seq";
    let rows = tx.query(sql, &owner_values(owner)).await?;
    rows.first().map_or(Ok(1), |row| row.int(0))
}

/// How many endpoints an owner has.
pub(crate) async fn count(tx: &mut Tx<'_>, owner: &Owner) -> Result<i64, StorageError> {
    let sql = "SELECT count(*) FROM webhook_endpoint \
               WHERE mode = ? AND platform = ? AND account = ?";
    let rows = tx.query(sql, &owner_values(owner)).await?;
    rows.first().map_or(Ok(0), |row| row.int(0))
}

/// Whether there is no endpoint at all.
pub(crate) async fn is_empty(tx: &mut Tx<'_>) -> Result<bool, StorageError> {
    Ok(tx.query("SELECT 1 FROM webhook_endpoint LIMIT 1", &[]).await?.is_empty())
}

/// The enabled endpoints that may get an event of `owner`: its own, and its platform's.
pub(crate) async fn listening(
    tx: &mut Tx<'_>,
    owner: &Owner,
) -> Result<Vec<Endpoint>, StorageError> {
    let sql = select!(
        "WHERE mode = ? AND platform = ? AND account IN (?, ?) AND enabled = 1 ORDER BY seq"
    );
    let [mode, platform, account] = owner_values(owner);
    let values = values![mode, platform.clone(), account, platform];
    tx.query(sql, &values).await?.iter().map(endpoint).collect()
}

/// Adds an endpoint.
pub(crate) fn insert(tx: &mut Tx<'_>, endpoint: &Endpoint) {
    let [mode, platform, account] = owner_values(&endpoint.owner);
    tx.defer(
        "INSERT INTO webhook_endpoint (mode, platform, account, seq, id, created, app, tenant, \
         old_tenant, connect, application, url, description, metadata, events, api_version, \
         version, enabled, failing_since, failures, warned, holder) \
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, NULL, ?, ?, ?, ?, ?, ?, ?, ?, 1, NULL, 0, NULL, '')",
        values![
            mode,
            platform,
            account,
            endpoint.seq,
            &endpoint.id,
            endpoint.created,
            &endpoint.app,
            &endpoint.tenant,
            endpoint.connect,
            endpoint.application.clone(),
            &endpoint.url,
            endpoint.description.clone(),
            endpoint.metadata.to_json_text(),
            endpoint.events.to_text(),
            endpoint.api_version.clone(),
            &endpoint.version,
        ],
    );
}

/// An owner's endpoint, locked until the transaction ends.
pub(crate) async fn find_locked(
    tx: &mut Tx<'_>,
    owner: &Owner,
    id: &str,
) -> Result<Option<Endpoint>, StorageError> {
    let sql = select!("WHERE id = ? AND mode = ? AND platform = ? AND account = ? FOR UPDATE");
    let [mode, platform, account] = owner_values(owner);
    let rows = tx.query(sql, &values![id, mode, platform, account]).await?;
    rows.first().map(endpoint).transpose()
}

/// An endpoint of one of a platform's owners.
pub(crate) async fn find_of_platform(
    tx: &mut Tx<'_>,
    owner: &Owner,
    id: &str,
) -> Result<Option<Endpoint>, StorageError> {
    let sql = select!("WHERE id = ? AND mode = ? AND platform = ?");
    let rows = tx.query(sql, &values![id, owner.mode, &owner.platform]).await?;
    rows.first().map(endpoint).transpose()
}

/// An owner's endpoint, as committed.
pub(crate) async fn find(
    store: &Store,
    owner: &Owner,
    id: &str,
) -> Result<Option<Endpoint>, StorageError> {
    Ok(by_id(store, id).await?.filter(|endpoint| endpoint.owner == *owner))
}

/// The endpoint of an id, whosever it is.
pub(crate) async fn by_id(store: &Store, id: &str) -> Result<Option<Endpoint>, StorageError> {
    let rows = store.query(select!("WHERE id = ?"), &values![id]).await?;
    rows.first().map(endpoint).transpose()
}

/// An owner's endpoints from a position on, in the order of reading.
pub(crate) async fn page(
    store: &Store,
    owner: &Owner,
    position: PagePosition,
) -> Result<Vec<Endpoint>, StorageError> {
    let sql = if position.newer {
        select!("WHERE mode = ? AND platform = ? AND account = ? AND seq > ? ORDER BY seq LIMIT ?")
    } else {
        select!(
            "WHERE mode = ? AND platform = ? AND account = ? AND seq < ? ORDER BY seq DESC LIMIT ?"
        )
    };
    let [mode, platform, account] = owner_values(owner);
    let values = values![mode, platform, account, position.seq, position.fetch];
    store.query(sql, &values).await?.iter().map(endpoint).collect()
}

/// Writes what an update has changed. An endpoint that is enabled begins anew: what failed before
/// does not count.
pub(crate) fn update(tx: &mut Tx<'_>, endpoint: &Endpoint, is_enabled_now: bool) {
    tx.defer(
        "UPDATE webhook_endpoint SET url = ?, description = ?, metadata = ?, events = ?, \
         enabled = ? WHERE id = ?",
        values![
            &endpoint.url,
            endpoint.description.clone(),
            endpoint.metadata.to_json_text(),
            endpoint.events.to_text(),
            endpoint.enabled,
            &endpoint.id,
        ],
    );
    if is_enabled_now {
        settle::forget_failures(tx, &endpoint.id);
    }
}

/// Writes whose keys have sealed the secret from now on.
pub(crate) fn set_tenants(tx: &mut Tx<'_>, endpoint: &Endpoint) {
    tx.defer(
        "UPDATE webhook_endpoint SET app = ?, tenant = ?, old_tenant = ? WHERE id = ?",
        values![&endpoint.app, &endpoint.tenant, endpoint.old_tenant.clone(), &endpoint.id],
    );
}

/// Deletes an endpoint with its secrets. Its attempts follow in batches.
pub(crate) fn delete(tx: &mut Tx<'_>, endpoint: &Endpoint) {
    tx.defer("DELETE FROM webhook_endpoint WHERE id = ?", values![&endpoint.id]);
    for account in [Some(&endpoint.tenant), endpoint.old_tenant.as_ref()].into_iter().flatten() {
        secret::delete_all(tx, account, &endpoint.id);
    }
}
