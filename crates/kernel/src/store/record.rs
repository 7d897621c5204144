//! The SQL of stored responses.
//!
//! A response is found by its slot, and then by all that identifies it, since slots are shared.

use super::{Prune, tenant_values};
use coffer_base::{Slots, Tenant, Timestamp};
use coffer_storage::{Query, Row, StorageError, Store, Tx, Value, Work, values};

/// A stored response, still sealed.
pub(crate) struct Record {
    pub(crate) operation: String,
    pub(crate) parameters: Vec<u8>,
    pub(crate) request: String,
    pub(crate) response: Vec<u8>,
}

const FIND: &str = "SELECT operation, parameters, request, response FROM idempotency_record \
     WHERE slot = ? AND mode = ? AND app = ? AND account = ? AND key_digest = ?";

/// Not one that was stored since: a key can come again.
const DELETE: &str = "DELETE FROM idempotency_record WHERE slot = ? AND mode = ? AND app = ? \
     AND account = ? AND key_digest = ? AND created <= ?";

fn key_values(tenant: &Tenant, key_digest: &[u8]) -> [Value; 5] {
    let slot = Slots::of_tenant(tenant).slot(key_digest);
    let [mode, app, account] = tenant_values(tenant);
    values![slot, mode, app, account, key_digest]
}

/// Asks for the stored response of an idempotency key.
pub(crate) fn record_query(tenant: &Tenant, key_digest: &[u8]) -> Query {
    Query::new(FIND, key_values(tenant, key_digest))
}

/// What came of [`record_query`].
pub(crate) fn record(rows: &[Row]) -> Result<Option<Record>, StorageError> {
    let Some(row) = rows.first() else { return Ok(None) };
    Ok(Some(Record {
        operation: row.text(0)?.to_owned(),
        parameters: row.blob(1)?.to_vec(),
        request: row.text(2)?.to_owned(),
        response: row.blob(3)?.to_vec(),
    }))
}

/// The stored response of an idempotency key, as committed.
pub(crate) async fn peek_record(
    store: &Store,
    tenant: &Tenant,
    key_digest: &[u8],
) -> Result<Option<Record>, StorageError> {
    record(&store.query(FIND, &key_values(tenant, key_digest)).await?)
}

/// Stores a response. It leaves with the commit.
///
/// On a shared store the primary key lets one of two units through that store a response for the
/// same key. An embedded one needs none: each unit has looked for a response, and no other one has
/// written meanwhile.
pub(crate) fn insert_record(
    tx: &mut Tx<'_>,
    tenant: &Tenant,
    key_digest: &[u8],
    record: Record,
    now: Timestamp,
) {
    let [slot, mode, app, account, key_digest] = key_values(tenant, key_digest);
    tx.defer(
        "INSERT INTO idempotency_record (slot, mode, app, account, key_digest, operation, \
         parameters, request, created, response) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        values![
            slot,
            mode,
            app,
            account,
            key_digest,
            record.operation,
            record.parameters,
            record.request,
            now,
            record.response,
        ],
    );
}

/// A tenant's stored responses.
pub(super) const OF_TENANT: Prune = Prune {
    select: "SELECT slot, mode, app, account, key_digest, created FROM idempotency_record \
             WHERE slot >= ?4 AND slot <= ?5 AND mode = ?1 AND app = ?2 AND account = ?3 LIMIT ?6",
    delete: DELETE,
};

/// Stored responses of a shared store, the oldest first, that are older than a time.
pub(crate) const AGED_RECORDS: Prune = Prune {
    select: "SELECT slot, mode, app, account, key_digest, created FROM idempotency_record \
             WHERE created < ? ORDER BY created LIMIT ? FOR UPDATE SKIP LOCKED",
    delete: DELETE,
};

/// One app's stored responses, the oldest first. An app that has too many has most of all: walking
/// through all of them by age finds its own at once, and sorting its own would not.
pub(crate) fn records_of_app(store: &Store) -> Prune {
    let select = if store.is_shared() {
        "SELECT slot, mode, app, account, key_digest, created FROM idempotency_record \
         WHERE mode + 0 = ?1 AND app || '' = ?2 ORDER BY created LIMIT ?5"
    } else {
        "SELECT slot, mode, app, account, key_digest, created FROM idempotency_record \
         WHERE mode = ?1 AND app = ?2 ORDER BY rowid LIMIT ?5"
    };
    Prune { select, delete: DELETE }
}

/// The same of an app that has few: it sorts its own, whatever the others have.
pub(crate) const FEW_RECORDS_OF_APP: Prune = Prune {
    select: "SELECT slot, mode, app, account, key_digest, created FROM idempotency_record \
             WHERE slot >= ?3 AND slot <= ?4 AND mode = ?1 AND app = ?2 \
             ORDER BY created LIMIT ?5",
    delete: DELETE,
};

/// A part of a walk through the stored responses of an embedded store in the order of their
/// numbers, which is that in which they were written. Those that are older than a time go.
pub(crate) struct PruneNumbered {
    /// The number behind which the part begins.
    pub(crate) after: i64,
    /// How many rows it looks at.
    pub(crate) rows: i64,
    /// What was written before this goes.
    pub(crate) before: Timestamp,
    pub(crate) now: Timestamp,
}

impl Work for PruneNumbered {
    /// How many went, and the number to go on behind; `None` at the end of what is old.
    type Out = (u64, Option<i64>);

    fn grows(&self) -> bool {
        false
    }

    fn of_many_accounts(&self) -> bool {
        true
    }

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Self::Out, StorageError> {
        let sql = "SELECT rowid, created FROM idempotency_record WHERE rowid > ? \
                   ORDER BY rowid LIMIT ?";
        let rows = tx.query_part(sql, &values![self.after, self.rows]).await?;
        let (mut deleted, mut young, mut last) = (0u64, false, None);
        for row in &rows {
            let (number, created) = (row.int(0)?, Timestamp::from_unix(row.int(1)?));
            if created < self.before {
                tx.defer("DELETE FROM idempotency_record WHERE rowid = ?", values![number]);
                deleted = deleted.saturating_add(1);
            }
            // What a clock has dated that was ahead says nothing of what follows.
            young |= created >= self.before && created <= self.now;
            last = Some(number);
        }
        let is_over = i64::try_from(rows.len()).is_ok_and(|rows| rows < self.rows);
        let is_young = young && deleted == 0;
        Ok((deleted, last.filter(|_| !is_over && !is_young)))
    }
}

/// The sizes of stored responses behind a key, to be counted.
pub(crate) const SIZES_OF_RECORDS: &str = "SELECT mode, app, account, slot, key_digest, \
     octet_length(response) FROM idempotency_record \
     WHERE (slot, account, key_digest) > (?4, ?3, ?5) ORDER BY slot, account, key_digest LIMIT ?6";

/// A key that stands before those of all stored responses.
pub(crate) fn before_records() -> Vec<Value> {
    values![-1_i64, "", "", i64::MIN, b""].into()
}

/// The next stored responses of all tenants behind a place, with all that they are bound to.
pub(crate) const SEALED_RECORDS: &str = "SELECT mode, app, account, slot, key_digest, response, \
     operation, parameters, request FROM idempotency_record \
     WHERE (slot, account, key_digest) > (?1, ?2, ?3) AND slot <= ?4 \
     ORDER BY slot, account, key_digest LIMIT ?5";

/// Stored responses with slots between two.
pub(crate) const COUNT_RECORDS: &str =
    "SELECT count(*) FROM idempotency_record WHERE slot >= ? AND slot <= ?";

/// Puts a stored response that was sealed anew in the place of what it was.
pub(crate) const REPLACE_RECORD: &str = "UPDATE idempotency_record SET response = ? \
     WHERE slot = ? AND mode = ? AND app = ? AND account = ? AND key_digest = ? AND response = ?";

/// What a stored response is bound to, in a row of [`SEALED_RECORDS`].
pub(crate) struct Sealed<'r> {
    pub(crate) key_digest: &'r [u8],
    pub(crate) operation: &'r str,
    pub(crate) parameters: &'r [u8],
    pub(crate) request: &'r str,
}

pub(crate) fn sealed_record(row: &Row) -> Result<Sealed<'_>, StorageError> {
    Ok(Sealed {
        key_digest: row.blob(4)?,
        operation: row.text(6)?,
        parameters: row.blob(7)?,
        request: row.text(8)?,
    })
}
