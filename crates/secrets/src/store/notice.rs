//! The SQL of what is announced of secrets that expire.

use super::tenant_values;
use crate::announced::Announced;
use crate::limits;
use coffer_base::{AppId, Tenant, Timestamp};
use coffer_kernel::tenant_of_row;
use coffer_storage::{Row, Statement, StorageError, Store, Tx, Value, values};

/// A row of which something is to be announced.
#[derive(Clone, Debug)]
pub(crate) struct Notice {
    pub(crate) tenant: Tenant,
    slot: i64,
    scope: Vec<u8>,
    name_key: Vec<u8>,
    expires_at: i64,
    from: Announced,
    /// What.
    pub(crate) announces: Announced,
}

/// Those of one state that expire in a span, in the order in which they do. The parameters: the
/// state, the span, an app twice, or nothing for all apps, and how many rows.
const DUE: &str = "SELECT mode, app, account, slot, scope, name_key, expires_at FROM secret \
     WHERE announced = ? AND expires_at > ? AND expires_at <= ? AND (? = '' OR app = ?) \
     ORDER BY expires_at LIMIT ?";

const MARK: &str = "UPDATE secret SET announced = ? WHERE slot = ? AND mode = ? AND app = ? \
     AND account = ? AND scope = ? AND name_key = ? AND announced = ? AND expires_at = ? \
     RETURNING mode, app, account, id, created, expires_at, scope_user, name";

/// What is to be announced at a time in this part of a store, of all apps or of one: what has
/// expired by then, and what will within `before` seconds.
pub(crate) async fn due(
    store: &Store,
    at: Timestamp,
    before: i64,
    app: Option<&AppId>,
) -> Result<Vec<Notice>, StorageError> {
    let app = app.map_or("", AppId::as_str);
    let mut found = Vec::new();
    let past = Timestamp::from_unix(0);
    for (from, announces, after, until) in [
        (Announced::Nothing, Announced::Expired, past, at),
        (Announced::Expiring, Announced::Expired, past, at),
        (Announced::Nothing, Announced::Expiring, at, at.plus(before)),
    ] {
        let params = values![from.code(), after, until, app, app, limits::NOTICES_AT_ONCE];
        for row in store.query_part(DUE, &params).await? {
            found.push(Notice {
                tenant: tenant_of_row(&row)?,
                slot: row.int(3)?,
                scope: row.blob(4)?.to_vec(),
                name_key: row.blob(5)?.to_vec(),
                expires_at: row.int(6)?,
                from,
                announces,
            });
        }
    }
    Ok(found)
}

/// Marks rows as announced, unless they have changed; with each that was, its columns: tenant, id,
/// created, expires_at, scope_user, name.
pub(crate) async fn mark<'n>(
    tx: &mut Tx<'_>,
    notices: &'n [Notice],
) -> Result<Vec<(&'n Notice, Row)>, StorageError> {
    let keys: Vec<[Value; 9]> = notices.iter().map(Notice::values).collect();
    let marks: Vec<_> = keys.iter().map(|params| Statement { sql: MARK, params }).collect();
    let results = tx.batch(&marks).await?;
    let marked = notices.iter().zip(results);
    Ok(marked.flat_map(|(notice, rows)| rows.into_iter().map(move |row| (notice, row))).collect())
}

impl Notice {
    fn values(&self) -> [Value; 9] {
        let [mode, app, account] = tenant_values(&self.tenant);
        let (scope, name_key) = (&*self.scope, &*self.name_key);
        let (announces, from) = (self.announces.code(), self.from.code());
        values![announces, self.slot, mode, app, account, scope, name_key, from, self.expires_at]
    }
}
