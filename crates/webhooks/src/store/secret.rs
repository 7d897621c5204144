//! The SQL of signing secrets.

use coffer_base::{Redacted, Slots, Tenant, Timestamp};
use coffer_kernel::{Prune, SealedTable, tenant_of_row};
use coffer_keyring::{AssociatedData, Keyring, KeyringError, TenantKeys};
use coffer_storage::{Row, StorageError, Store, Tx, values};

/// Secrets that a tenant's keys have sealed.
pub(crate) const OF_TENANT: Prune = Prune {
    select: "SELECT slot, account, digest FROM webhook_secret \
             WHERE slot >= ?4 AND slot <= ?5 AND mode = ?1 AND app = ?2 AND account = ?3 LIMIT ?6",
    delete: "DELETE FROM webhook_secret WHERE slot = ? AND account = ? AND digest = ?",
};

/// Signing secrets of all tenants.
pub(crate) const SEALED: SealedTable = SealedTable {
    next: "SELECT mode, app, account, slot, digest, sealed, endpoint, id FROM webhook_secret \
           WHERE (slot, account, digest) > (?1, ?2, ?3) AND slot <= ?4 \
           ORDER BY slot, account, digest LIMIT ?5",
    replace: "UPDATE webhook_secret SET sealed = ? WHERE slot = ? AND mode = ? AND app = ? \
              AND account = ? AND digest = ? AND sealed = ?",
    count: "SELECT count(*) FROM webhook_secret WHERE slot >= ? AND slot <= ?",
    bound_to: |keys, row| Ok(bound_to(keys, row.text(6)?, row.text(7)?)),
};

fn bound_to(keys: &TenantKeys, endpoint: &str, id: &str) -> AssociatedData {
    keys.associated_data("webhook-secret").text(endpoint).text(id)
}

/// A secret that is sealed, and not written yet.
pub(crate) struct SealedSecret {
    slot: i64,
    digest: Vec<u8>,
    id: String,
    sealed: Vec<u8>,
}

/// Seals the secret of an endpoint.
///
/// # Errors
/// [`KeyringError`] if the tenant has no key.
pub(crate) fn seal(
    keys: &TenantKeys,
    tenant: &Tenant,
    endpoint: &str,
    id: String,
    secret: &Redacted<String>,
) -> Result<SealedSecret, KeyringError> {
    let sealed = keys.seal(&bound_to(keys, endpoint, &id), secret.expose().as_bytes())?;
    let digest = keys.digest("webhook-secret", &[endpoint.as_bytes(), id.as_bytes()]);
    let slot = Slots::of_tenant(tenant).slot(digest.as_bytes());
    Ok(SealedSecret { slot, digest: digest.to_vec(), id, sealed })
}

/// Adds a secret, which is the endpoint's newest.
pub(crate) fn insert(
    tx: &mut Tx<'_>,
    tenant: &Tenant,
    endpoint: &str,
    secret: &SealedSecret,
    now: Timestamp,
) {
    tx.defer(
        "INSERT INTO webhook_secret (slot, mode, app, account, digest, endpoint, id, created, \
         expires_at, sealed) VALUES (?, ?, ?, ?, ?, ?, ?, ?, NULL, ?)",
        values![
            secret.slot,
            tenant.mode,
            &tenant.app,
            &tenant.account,
            &secret.digest,
            endpoint,
            &secret.id,
            now,
            &secret.sealed,
        ],
    );
}

/// Lets the newest secret of an endpoint end at `at`, and the one before it at once.
pub(crate) fn end(tx: &mut Tx<'_>, account: &str, endpoint: &str, at: Timestamp) {
    tx.defer(
        "DELETE FROM webhook_secret WHERE account = ? AND endpoint = ? AND expires_at IS NOT NULL",
        values![account, endpoint],
    );
    tx.defer(
        "UPDATE webhook_secret SET expires_at = ? WHERE account = ? AND endpoint = ?",
        values![at, account, endpoint],
    );
}

/// Deletes all secrets of an endpoint.
pub(crate) fn delete_all(tx: &mut Tx<'_>, account: &str, endpoint: &str) {
    tx.defer(
        "DELETE FROM webhook_secret WHERE account = ? AND endpoint = ?",
        values![account, endpoint],
    );
}

/// The secrets of an endpoint that are in force, the newest first, opened.
///
/// # Errors
/// [`KeyringError`] if one does not open, or the store does not answer.
pub(crate) async fn in_force(
    store: &Store,
    keyring: &Keyring,
    endpoint: &crate::endpoint::Endpoint,
    now: Timestamp,
) -> Result<Vec<Redacted<String>>, KeyringError> {
    let old = endpoint.old_tenant.as_ref().filter(|old| **old != endpoint.tenant);
    let mut found = Vec::new();
    for account in [Some(&endpoint.tenant), old].into_iter().flatten() {
        let sql = "SELECT mode, app, account, endpoint, id, sealed, expires_at \
                   FROM webhook_secret WHERE account = ? AND endpoint = ? \
                   AND (expires_at IS NULL OR expires_at > ?)";
        for row in store.query(sql, &values![account, &endpoint.id, now]).await? {
            found.extend(opened(&row, keyring).await?);
        }
    }
    // The newest has no expiry.
    found.sort_by_key(|(expires_at, _)| std::cmp::Reverse(expires_at.unwrap_or(i64::MAX)));
    Ok(found.into_iter().map(|(_, secret)| secret).collect())
}

/// A secret and its expiry; `None` if its keys were destroyed.
async fn opened(
    row: &Row,
    keyring: &Keyring,
) -> Result<Option<(Option<i64>, Redacted<String>)>, KeyringError> {
    let Some(keys) = keyring.unless_destroyed(&tenant_of_row(row)?).await? else {
        return Ok(None);
    };
    let opened = keys.open(&bound_to(&keys, row.text(3)?, row.text(4)?), row.blob(5)?)?;
    let text = String::from_utf8(opened.expose().clone())
        .map_err(|_| StorageError::Corrupt("a webhook's secret is no text".into()))?;
    Ok(Some((row.optional_int(6)?, Redacted::new(text))))
}
