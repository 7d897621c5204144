//! The SQL of keys. A key is found by the hash of its token, never by the token; the token's
//! redacted form is stored beside it for people to recognize it by.

use super::{Result, Selection, account_id, app, app_id, corrupt};
use crate::objects::{ApiKey, App, Bound, Kind};
use coffer_base::{AppId, Mode, Timestamp, limit};
use coffer_crypto::TokenHash;
use coffer_kernel::{AccountAccess, Prune};
use coffer_storage::{Query, Row, Store, Tx, Value, Work, values};
use std::collections::HashSet;

fn time(row: &Row, column: usize) -> Result<Option<Timestamp>> {
    Ok(row.optional_int(column)?.map(Timestamp::from_unix))
}

/// Selects whole keys, in the order of columns that [`api_key`] reads.
macro_rules! select {
    ($condition:literal) => {
        concat!(
            "SELECT id, seq, kind, mode, app, account, user_id, account_access, permissions, \
             parent, name, redacted, created, expires_at, revoked_at, last_used \
             FROM api_key WHERE ",
            $condition
        )
    };
}

const KEY_BY_ID: &str = select!("id = ?");

const KEY_BY_HASH: &str = select!("hash = ?");

/// A row of `select!`.
///
/// # Errors
/// [`StorageError::Corrupt`](coffer_storage::StorageError::Corrupt) if a column holds none of the
/// words or codes that we write.
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
        redacted: row.text(11)?.to_owned(),
        created: Timestamp::from_unix(row.int(12)?),
        expires_at: time(row, 13)?,
        revoked_at: time(row, 14)?,
        last_used: time(row, 15)?,
    })
}

/// What an ephemeral key is bound to; `None` for other keys, which have NULL in these columns.
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

/// The key `id`, revoked and expired ones too, as committed.
pub(crate) async fn find_key(store: &Store, id: &str) -> Result<Option<ApiKey>> {
    store.query(KEY_BY_ID, &values![id]).await?.first().map(api_key).transpose()
}

/// The same, inside a transaction. It is not locked, since revoking a key twice changes nothing.
pub(crate) async fn find_key_in(tx: &mut Tx<'_>, id: &str) -> Result<Option<ApiKey>> {
    tx.query(KEY_BY_ID, &values![id]).await?.first().map(api_key).transpose()
}

/// A key that a request presents, and all that decides whether it is accepted.
pub(crate) struct PresentedKey {
    pub(crate) key: ApiKey,
    /// The app that it belongs to; `None` for an admin key, or if the app is gone.
    pub(crate) app: Option<App>,
    /// Whether the app's install on the account is active; `None` if there is none, as for the
    /// account that develops the app.
    pub(crate) installed: Option<bool>,
}

/// The key of a token with its app, and whether the app is on the account that was asked for, or
/// that the key is bound to.
pub(crate) async fn presented_key(
    store: &Store,
    hash: &TokenHash,
    account: Option<&str>,
) -> Result<Option<PresentedKey>> {
    let sql = "SELECT k.id, k.seq, k.kind, k.mode, k.app, k.account, k.user_id, k.account_access, \
               k.permissions, k.parent, k.name, k.redacted, k.created, k.expires_at, k.revoked_at, \
               k.last_used, i.active, a.id, a.seq, a.account, a.name, a.quotas, \
               a.created FROM api_key k LEFT JOIN app a ON a.id = k.app \
               LEFT JOIN install i ON i.app = k.app \
               AND i.account = COALESCE(NULLIF(?, ''), k.account) WHERE k.hash = ?";
    let account = Value::from(account.unwrap_or_default());
    let values = values![account, hash.as_bytes()];
    let presented = |row: &Row| {
        let app = row.optional_text(17)?.is_some().then(|| app(row, 17));
        Ok(PresentedKey {
            key: api_key(row)?,
            app: app.transpose()?,
            installed: row.optional_int(16)?.map(|active| active == 1),
        })
    };
    store.query(sql, &values).await?.first().map(presented).transpose()
}

/// The key of a token, inside a transaction.
pub(crate) async fn key_of_token_in(tx: &mut Tx<'_>, hash: &TokenHash) -> Result<Option<ApiKey>> {
    let values = values![hash.as_bytes()];
    tx.query(KEY_BY_HASH, &values).await?.first().map(api_key).transpose()
}

/// The hashes of the keys whose tokens have no checksum. A key's redacted form is as long as its
/// token, and no operation has made tokens of this length since there is one.
pub(crate) async fn unchecked_keys(store: &Store) -> Result<HashSet<TokenHash>> {
    const _: () = assert!("ak_coffer_".len() + limit::TOKEN_CHARACTERS == 42);
    const _: () = assert!("sk_test_coffer_".len() + limit::TOKEN_CHARACTERS == 47);
    let sql = "SELECT hash FROM api_key WHERE length(redacted) IN (42, 47)";
    let rows = store.scan(sql, &[]).await?;
    let hash =
        |row: &Row| TokenHash::from_bytes(row.blob(0)?).ok_or_else(|| corrupt("a key's hash"));
    rows.iter().map(hash).collect()
}

/// Deletes a key, whose token is to be another's.
pub(crate) async fn delete_key(tx: &mut Tx<'_>, hash: &TokenHash) -> Result<()> {
    tx.execute("DELETE FROM api_key WHERE hash = ?", &values![hash.as_bytes()]).await.map(drop)
}

/// The keys of a selection, in the order of reading, revoked and expired ones among them.
pub(crate) async fn list_keys(store: &Store, selection: &Selection<'_>) -> Result<Vec<ApiKey>> {
    let sql = if selection.position.newer {
        select!(
            "(? = '' OR app = ?) AND (? = '' OR account = ?) AND seq > ? ORDER BY seq ASC LIMIT ?"
        )
    } else {
        select!(
            "(? = '' OR app = ?) AND (? = '' OR account = ?) AND seq < ? ORDER BY seq DESC LIMIT ?"
        )
    };
    store.query(sql, &selection.values()).await?.iter().map(api_key).collect()
}

/// Adds a key. Its hash is the primary key, so the same token twice fails.
pub(crate) async fn insert_key(tx: &mut Tx<'_>, hash: &TokenHash, key: &ApiKey) -> Result<()> {
    let bound = key.bound.as_ref();
    let permissions = key.permissions.as_ref().map(|list| list.join(" "));
    tx.execute(
        "INSERT INTO api_key (hash, id, seq, kind, mode, app, account, user_id, account_access, \
         permissions, parent, name, redacted, created, expires_at, revoked_at, last_used) \
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        &values![
            hash.as_bytes().as_slice(),
            key.id.as_str(),
            key.seq,
            key.kind.as_str(),
            key.mode.map(Mode::code),
            key.app.as_ref().map(AppId::as_str),
            bound.map(|bound| bound.account.as_str()),
            bound.map(|bound| bound.user.as_str()),
            bound.map(|bound| bound.account_access.as_str()),
            permissions.as_deref(),
            key.parent.as_deref(),
            key.name.as_str(),
            key.redacted.as_str(),
            key.created,
            key.expires_at,
            key.revoked_at,
            key.last_used
        ],
    )
    .await?;
    Ok(())
}

/// Revokes a key and the ephemeral keys that it made; the time of an earlier revocation stays.
pub(crate) async fn revoke_key(tx: &mut Tx<'_>, id: &str, now: Timestamp) -> Result<()> {
    tx.execute(
        "UPDATE api_key SET revoked_at = ? WHERE (id = ? OR parent = ?) AND revoked_at IS NULL",
        &values![now, id, id],
    )
    .await?;
    Ok(())
}

/// Writes when keys were last used.
pub(crate) struct WriteLastUsed(pub(crate) Vec<(String, i64)>);

impl Work for WriteLastUsed {
    type Out = u64;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<u64> {
        for (id, at) in &self.0 {
            let values = values![*at, id, *at];
            let sql = "UPDATE api_key SET last_used = ? WHERE id = ? \
                       AND (last_used IS NULL OR last_used < ?)";
            tx.defer(sql, values);
        }
        Ok(u64::try_from(self.0.len()).unwrap_or(u64::MAX))
    }
}

/// Ephemeral keys that expired before a time.
pub(crate) const EXPIRED_EPHEMERAL: Prune = Prune {
    select: "SELECT hash FROM api_key WHERE kind = 'ephemeral' AND expires_at < ? \
             ORDER BY expires_at LIMIT ? FOR UPDATE SKIP LOCKED",
    delete: "DELETE FROM api_key WHERE hash = ?",
};

/// Asks whether a key is there and not revoked.
pub(crate) fn in_force_query(id: &str) -> Query {
    let sql = "SELECT 1 FROM api_key WHERE id = ? AND revoked_at IS NULL";
    Query::new(sql, values![id])
}
