//! The SQL of keys. A key is found by the hash of its token, never by the token; the token's
//! redacted form is stored beside it for people to recognize it by.

use super::{
    APP_COLUMNS, MODE_COLUMNS, Result, Selection, account_id, app, app_id, believed, corrupt,
    first, generation, is_there, list_revocation, mode_install,
};
use crate::floors::{floor_of_expiry, of_expiry, of_key};
use crate::objects::{ApiKey, App, Bound, Kind, ModeInstall};
use crate::row_mac::{API_KEY, RowMac};
use coffer_base::{AppId, Mode, Timestamp, limit};
use coffer_crypto::TokenHash;
use coffer_kernel::{AccountAccess, AdminRole, Network, Prune};
use coffer_storage::{Query, Row, Store, Tx, Value, Work, values};
use std::collections::HashSet;

fn time(row: &Row, column: usize) -> Result<Option<Timestamp>> {
    Ok(row.optional_int(column)?.map(Timestamp::from_unix))
}

const KEY_BY_ID: &str = select_keys!("id = ?");

const KEY_BY_HASH: &str = select_keys!("hash = ?");

/// A row that begins with the columns of `select_keys!`; `None` if it is not believed.
///
/// # Errors
/// [`StorageError::Corrupt`](coffer_storage::StorageError::Corrupt) if a column holds none of the
/// words or codes that we write.
pub(super) fn api_key(mac: &RowMac, row: &Row) -> Result<Option<ApiKey>> {
    if !mac.is_valid(&API_KEY, row, 0) {
        return Ok(None);
    }
    let kind = Kind::parse(row.text(3)?).ok_or_else(|| corrupt("a key's kind"))?;
    let mode = row.optional_int(4)?;
    let mode = mode.map(|code| Mode::from_code(code).ok_or_else(|| corrupt("a key's mode")));
    let permissions = row
        .optional_text(9)?
        .map(|list| list.split(' ').filter(|word| !word.is_empty()).map(str::to_owned).collect());
    let person = row.optional_text(7)?.filter(|_| kind == Kind::Admin);
    Ok(Some(ApiKey {
        person: person.map(str::to_owned),
        id: row.text(1)?.to_owned(),
        seq: row.int(2)?,
        kind,
        mode: mode.transpose()?,
        app: row.optional_text(5)?.map(app_id).transpose()?,
        bound: bound(row)?,
        permissions,
        parent: row.optional_text(10)?.map(str::to_owned),
        name: row.text(11)?.to_owned(),
        redacted: row.text(12)?.to_owned(),
        created: Timestamp::from_unix(row.int(13)?),
        expires_at: time(row, 14)?,
        role: role(row)?,
        networks: networks(row.optional_text(16)?.unwrap_or_default())?,
        uses: row.optional_int(17)?,
        revoked_at: time(row, 19)?,
        last_used: time(row, 20)?,
        successor: row.optional_text(21)?.map(str::to_owned),
    }))
}

/// The role of an admin key; `None` for other keys.
fn role(row: &Row) -> Result<Option<AdminRole>> {
    let parse = |word| AdminRole::parse(word).ok_or_else(|| corrupt("an admin key's role"));
    row.optional_text(15)?.map(parse).transpose()
}

/// The networks in a column, separated by blanks.
fn networks(column: &str) -> Result<Vec<Network>> {
    let parse = |text: &str| text.parse().map_err(|_| corrupt("a key's networks"));
    column.split_whitespace().map(parse).collect()
}

/// What an ephemeral key is bound to; `None` for other keys, which have no account.
fn bound(row: &Row) -> Result<Option<Bound>> {
    let (account, user, access) =
        (row.optional_text(6)?, row.optional_text(7)?, row.optional_text(8)?);
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
pub(crate) async fn find_key(store: &Store, mac: &RowMac, id: &str) -> Result<Option<ApiKey>> {
    first(&store.query(KEY_BY_ID, &values![id]).await?, |row| api_key(mac, row))
}

/// The same, inside a transaction. It is not locked, since revoking a key twice changes nothing.
pub(crate) async fn find_key_in(tx: &mut Tx<'_>, mac: &RowMac, id: &str) -> Result<Option<ApiKey>> {
    first(&tx.query(KEY_BY_ID, &values![id]).await?, |row| api_key(mac, row))
}

/// The key `id`, locked: only one of those who roll it at once makes its successor.
pub(crate) async fn lock_key(tx: &mut Tx<'_>, mac: &RowMac, id: &str) -> Result<Option<ApiKey>> {
    let sql = select_keys!("id = ? FOR UPDATE");
    first(&tx.query(sql, &values![id]).await?, |row| api_key(mac, row))
}

/// Notes which key took the place of the key `id`.
pub(crate) fn name_successor(tx: &mut Tx<'_>, id: &str, successor: &str) {
    tx.defer("UPDATE api_key SET successor = ? WHERE id = ?", values![successor, id]);
}

/// A key that a request presents, and all that decides whether it is accepted.
pub(crate) struct PresentedKey {
    pub(crate) key: ApiKey,
    /// The app that it belongs to; `None` for an admin key, or if the app is gone.
    pub(crate) app: Option<App>,
    /// The app's install on the account in the key's mode; `None` if there is none, as for the
    /// account that develops the app.
    pub(crate) install: Option<ModeInstall>,
    /// The generation of what the app keeps for the account, as the data has it.
    pub(crate) generation: i64,
}

/// The key of a token with its app, and whether the app is on the account that was asked for, or
/// that the key is bound to.
pub(crate) async fn presented_key(
    store: &Store,
    mac: &RowMac,
    hash: &TokenHash,
    account: Option<&str>,
) -> Result<Option<PresentedKey>> {
    let sql = "SELECT k.hash, k.id, k.seq, k.kind, k.mode, k.app, k.account, k.user_id, \
               k.account_access, k.permissions, k.parent, k.name, k.redacted, k.created, \
               k.expires_at, k.role, k.networks, k.uses, k.mac, k.revoked_at, k.last_used, \
               k.successor, \
               i.app, i.account, i.mode, i.id, i.seq, i.state, i.created, i.created_by, \
               i.granted, i.version, i.mac, \
               a.id, a.seq, a.account, a.name, a.quotas, a.manifest, a.self_install, a.embedders, \
               a.created, a.version, a.mac, \
               g.app, g.account, g.generation, g.mac \
               FROM api_key k LEFT JOIN app a ON a.id = k.app LEFT JOIN install_mode i \
               ON i.app = k.app AND i.account = COALESCE(NULLIF(?, ''), k.account) \
               AND i.mode = k.mode \
               LEFT JOIN tenant_generation g ON g.app = k.app \
               AND g.account = COALESCE(NULLIF(?, ''), k.account, a.account) WHERE k.hash = ?";
    const INSTALL_AT: usize = 22;
    const APP_AT: usize = INSTALL_AT + MODE_COLUMNS;
    const GENERATION_AT: usize = APP_AT + APP_COLUMNS;
    let account = Value::from(account.unwrap_or_default());
    let values = values![account.clone(), account, hash.as_bytes()];
    first(&store.query(sql, &values).await?, |row| {
        let Some(key) = api_key(mac, row)? else { return Ok(None) };
        let app = is_there(row, APP_AT).then(|| app(mac, row, APP_AT)).transpose()?;
        let install =
            is_there(row, INSTALL_AT).then(|| mode_install(mac, row, INSTALL_AT)).transpose()?;
        let generation = is_there(row, GENERATION_AT)
            .then(|| generation(mac, row, GENERATION_AT))
            .transpose()?;
        let (app, install) = (app.flatten(), install.flatten());
        let generation = generation.flatten().unwrap_or(0);
        Ok(Some(PresentedKey { key, app, install, generation }))
    })
}

/// The key of a token, inside a transaction.
pub(crate) async fn key_of_token_in(
    tx: &mut Tx<'_>,
    mac: &RowMac,
    hash: &TokenHash,
) -> Result<Option<ApiKey>> {
    let values = values![hash.as_bytes()];
    first(&tx.query(KEY_BY_HASH, &values).await?, |row| api_key(mac, row))
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
pub(crate) async fn list_keys(
    store: &Store,
    mac: &RowMac,
    selection: &Selection<'_>,
) -> Result<Vec<ApiKey>> {
    let sql = if selection.position.newer {
        select_keys!(
            "(? = '' OR app = ?) AND (? = '' OR account = ?) AND seq > ? ORDER BY seq ASC LIMIT ?"
        )
    } else {
        select_keys!(
            "(? = '' OR app = ?) AND (? = '' OR account = ?) AND seq < ? ORDER BY seq DESC LIMIT ?"
        )
    };
    believed(&store.query(sql, &selection.values()).await?, |row| api_key(mac, row))
}

/// The columns of a key in their order, with its MAC.
fn key_row(mac: &RowMac, hash: &[u8], key: &ApiKey) -> Vec<Value> {
    let bound = key.bound.as_ref();
    let permissions = key.permissions.as_ref().map(|list| list.join(" "));
    let joined = key.networks.iter().map(Network::to_string).collect::<Vec<_>>().join(" ");
    let columns = values![
        hash,
        key.id.as_str(),
        key.seq,
        key.kind.as_str(),
        key.mode.map(Mode::code),
        key.app.as_ref().map(AppId::as_str),
        bound.map(|bound| bound.account.as_str()),
        bound.map(|bound| bound.user.as_str()).or(key.person.as_deref()),
        bound.map(|bound| bound.account_access.as_str()),
        permissions.as_deref(),
        key.parent.as_deref(),
        key.name.as_str(),
        key.redacted.as_str(),
        key.created,
        key.expires_at,
        key.role.map(AdminRole::as_str),
        (!joined.is_empty()).then_some(joined),
        key.uses
    ];
    mac.with_mac(&API_KEY, columns)
}

/// Adds a key. Its hash is the primary key, so the same token twice fails.
pub(crate) async fn insert_key(
    tx: &mut Tx<'_>,
    mac: &RowMac,
    hash: &TokenHash,
    key: &ApiKey,
) -> Result<()> {
    tx.execute(
        "INSERT INTO api_key (hash, id, seq, kind, mode, app, account, user_id, account_access, \
         permissions, parent, name, redacted, created, expires_at, role, networks, uses, mac) \
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        &key_row(mac, hash.as_bytes(), key),
    )
    .await?;
    Ok(())
}

/// Ends a key earlier than it would by itself, and so the ephemeral keys that it made. The key
/// store remembers the time, so that no older row gives it the later one back.
pub(crate) async fn shorten_key(
    tx: &mut Tx<'_>,
    mac: &RowMac,
    key: &ApiKey,
    expires_at: Timestamp,
) -> Result<()> {
    let rows = tx.query(KEY_BY_ID, &values![&key.id]).await?;
    let hash = rows.first().ok_or_else(|| corrupt("a key that was just there"))?.blob(0)?.to_vec();
    let shortened = ApiKey { expires_at: Some(expires_at), ..key.clone() };
    let mac_of = key_row(mac, &hash, &shortened).pop();
    tx.execute(
        "UPDATE api_key SET expires_at = ?, mac = ? WHERE id = ?",
        &values![expires_at, mac_of.unwrap_or(Value::Null), &key.id],
    )
    .await?;
    list_revocation(tx, mac, of_expiry(&key.id), floor_of_expiry(expires_at), None);
    Ok(())
}

/// Revokes a key and the ephemeral keys that it made; the time of an earlier revocation stays.
pub(crate) async fn revoke_key(
    tx: &mut Tx<'_>,
    mac: &RowMac,
    key: &ApiKey,
    now: Timestamp,
) -> Result<()> {
    let id = key.id.as_str();
    tx.execute(
        "UPDATE api_key SET revoked_at = ? WHERE (id = ? OR parent = ?) AND revoked_at IS NULL",
        &values![now, id, id],
    )
    .await?;
    // No key outlives the one that made it, so this ends those too.
    list_revocation(tx, mac, of_key(id), key.seq, key.expires_at);
    Ok(())
}

/// Writes when keys were last used.
pub(crate) struct WriteLastUsed(pub(crate) Vec<(String, i64)>);

impl Work for WriteLastUsed {
    type Out = u64;

    fn grows(&self) -> bool {
        false
    }

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

/// The admin keys of a person that are in force. Admin keys have no app, by which the index finds
/// them among all others.
pub(crate) async fn keys_of_person(
    store: &Store,
    mac: &RowMac,
    person: &str,
    now: Timestamp,
) -> Result<Vec<ApiKey>> {
    let sql = select_keys!(
        "app IS NULL AND kind = 'admin' AND user_id = ? AND revoked_at IS NULL AND expires_at > ? \
         ORDER BY seq"
    );
    believed(&store.query(sql, &values![person, now]).await?, |row| api_key(mac, row))
}

/// Keys of people that ended before a time.
pub(crate) const ENDED_OF_PEOPLE: Prune = Prune {
    select: "SELECT hash FROM api_key WHERE app IS NULL AND kind = 'admin' \
             AND user_id IS NOT NULL AND expires_at < ? \
             ORDER BY expires_at LIMIT ? FOR UPDATE SKIP LOCKED",
    delete: "DELETE FROM api_key WHERE hash = ?",
};

/// Asks whether a key is there, not revoked, and not ended by `now`.
pub(crate) fn in_force_query(id: &str, now: Timestamp) -> Query {
    let sql = "SELECT 1 FROM api_key WHERE id = ? AND revoked_at IS NULL \
               AND (expires_at IS NULL OR expires_at > ?)";
    Query::new(sql, values![id, now])
}

/// Finds no key: one that is revoked, whatever its row says.
pub(crate) fn not_in_force_query() -> Query {
    Query::new("SELECT 1 FROM api_key WHERE 1 = 0", values![])
}
