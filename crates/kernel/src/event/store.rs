//! The SQL of events.

use super::Cause;
use super::filter::EventFilter;
use crate::page::PagePosition;
use crate::store::Prune;
use coffer_base::{Owner, Timestamp, limit};
use coffer_dialect::ApiVersion;
use coffer_storage::{Row, StorageError, Store, Tx, Value, values};

/// An event that is not written yet.
pub(crate) struct NewRow {
    pub(crate) id: String,
    pub(crate) kind: &'static str,
    pub(crate) data: String,
    /// How many deliveries of it are pending.
    pub(crate) pending: i64,
}

/// An event as it was written.
pub(crate) struct StoredEvent {
    pub(crate) seq: i64,
    pub(crate) id: String,
    pub(crate) created: Timestamp,
    pub(crate) kind: String,
    pub(crate) api_version: String,
    pub(crate) request: Option<String>,
    pub(crate) idempotency_key: Option<String>,
    pub(crate) data: String,
    /// How many deliveries of it are pending.
    pub(crate) pending: i64,
}

fn owner_values(owner: &Owner) -> [Value; 3] {
    values![owner.mode, &owner.platform, &owner.account]
}

fn text(value: Option<&str>) -> Value {
    value.map_or(Value::Null, Value::from)
}

/// Writes an event at its owner's next number. Nobody needs a result, so both leave later.
pub(crate) fn append(tx: &mut Tx<'_>, owner: &Owner, cause: &Cause<'_>, new: NewRow) {
    tx.defer(
        "INSERT INTO event_sequence (mode, platform, account, seq) VALUES (?, ?, ?, 1) \
         ON CONFLICT (mode, platform, account) DO UPDATE SET seq = event_sequence.seq + 1",
        owner_values(owner).to_vec(),
    );
    let [mode, platform, account] = owner_values(owner);
    tx.defer(
        "INSERT INTO event (mode, platform, account, seq, id, created, type, api_version, \
         request, idempotency_key, data, pending_webhooks) \
         SELECT mode, platform, account, seq, ?, ?, ?, ?, ?, ?, ?, ? \
         FROM event_sequence WHERE mode = ? AND platform = ? AND account = ?",
        values![
            new.id,
            cause.now,
            new.kind,
            ApiVersion::LATEST,
            text(cause.request),
            text(cause.idempotency_key),
            new.data,
            new.pending,
            mode,
            platform,
            account,
        ],
    );
}

macro_rules! columns {
    () => {
        "SELECT seq, id, created, type, api_version, request, idempotency_key, data, \
         pending_webhooks FROM event "
    };
}

fn stored(row: &Row) -> Result<StoredEvent, StorageError> {
    Ok(StoredEvent {
        seq: row.int(0)?,
        id: row.text(1)?.to_owned(),
        created: Timestamp::from_unix(row.int(2)?),
        kind: row.text(3)?.to_owned(),
        api_version: row.text(4)?.to_owned(),
        request: row.optional_text(5)?.map(str::to_owned),
        idempotency_key: row.optional_text(6)?.map(str::to_owned),
        data: row.text(7)?.to_owned(),
        pending: row.int(8)?,
    })
}

/// The event `id` of an owner, unless it is older than `since`.
pub(crate) async fn find(
    store: &Store,
    owner: &Owner,
    id: &str,
    since: Timestamp,
) -> Result<Option<StoredEvent>, StorageError> {
    let [mode, platform, account] = owner_values(owner);
    let rows = store
        .query(
            concat!(
                columns!(),
                "WHERE id = ? AND mode = ? AND platform = ? AND account = ? AND created >= ?"
            ),
            &values![id, mode, platform, account, since],
        )
        .await?;
    rows.first().map(stored).transpose()
}

/// A page is found in the index, which has all that a filter looks at, and then its rows are read.
/// The parameters: owner twice, position, range of times, range of pending deliveries, pattern,
/// whether there are types, the types, how many rows.
macro_rules! page {
    ($beyond:literal, $order:literal) => {
        concat!(
            columns!(),
            "WHERE mode = ? AND platform = ? AND account = ? AND seq IN (SELECT seq FROM event \
             WHERE mode = ? AND platform = ? AND account = ? AND seq ",
            $beyond,
            " ? AND created >= ? AND created <= ? AND pending_webhooks >= ? \
             AND pending_webhooks <= ? AND type LIKE ? ESCAPE '\\' AND (? = 0 \
             OR type IN (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)) \
             ORDER BY seq ",
            $order,
            " LIMIT ?) ORDER BY seq ",
            $order
        )
    };
}

/// The events of an owner from a position on, in the order of reading, none older than `since`.
pub(crate) async fn page(
    store: &Store,
    owner: &Owner,
    position: PagePosition,
    filter: &EventFilter,
    since: Timestamp,
) -> Result<Vec<StoredEvent>, StorageError> {
    let mut values = Vec::with_capacity(32);
    values.extend(owner_values(owner));
    values.extend(owner_values(owner));
    values.push(Value::Int(position.seq));
    values.push(Value::Int(filter.created.from.max(since).unix()));
    values.push(Value::Int(filter.created.to.unix()));
    let pending = filter.delivery.pending();
    values.extend(values![*pending.start(), *pending.end()]);
    values.push(Value::Text(filter.like()));
    let types = filter.types.iter().map(|kind| Value::from(kind.as_str()));
    values.push(Value::from(!filter.types.is_empty()));
    values.extend(types.chain(std::iter::repeat(Value::Null)).take(limit::EVENT_TYPES));
    values.push(Value::Int(position.fetch));
    let sql = if position.newer { page!(">", "ASC") } else { page!("<", "DESC") };
    store.query(sql, &values).await?.iter().map(stored).collect()
}

/// Says that one delivery of the event `id` is no longer pending. Leaves with the transaction's
/// next statement; an event that is gone, or has none pending, stays as it is.
pub fn settle_delivery(tx: &mut Tx<'_>, owner: &Owner, id: &str) {
    let [mode, platform, account] = owner_values(owner);
    tx.defer(
        "UPDATE event SET pending_webhooks = pending_webhooks - 1 WHERE id = ? AND mode = ? \
         AND platform = ? AND account = ? AND pending_webhooks > 0",
        values![id, mode, platform, account],
    );
}

/// Events, the oldest first, that are older than a time.
pub(crate) const AGED_EVENTS: Prune = Prune {
    select: "SELECT mode, platform, account, seq FROM event WHERE created < ? \
             ORDER BY created LIMIT ? FOR UPDATE SKIP LOCKED",
    delete: "DELETE FROM event WHERE mode = ? AND platform = ? AND account = ? AND seq = ?",
};
