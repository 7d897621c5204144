//! The SQL of events.

use super::filter::EventFilter;
use super::{Cause, EventShape};
use crate::page::{PagePosition, Window};
use crate::store::Prune;
use coffer_base::{Owner, Timestamp, limit};
use coffer_dialect::Value::Rendered;
use coffer_dialect::{ApiVersion, Object};
use coffer_storage::{Row, StorageError, Store, Tx, Value, values};
use std::sync::Arc;

/// An event that is not written yet.
pub(crate) struct NewRow {
    pub(crate) id: String,
    pub(crate) kind: &'static str,
    pub(crate) data: String,
    /// How many deliveries of it are pending.
    pub(crate) pending: i64,
}

/// An event as it was written.
#[derive(Debug)]
pub struct StoredEvent {
    pub(crate) seq: i64,
    pub(crate) id: String,
    pub(crate) created: Timestamp,
    /// What happened, such as `reserve.hold.created`.
    pub kind: String,
    pub(crate) api_version: String,
    pub(crate) request: Option<String>,
    pub(crate) idempotency_key: Option<String>,
    pub(crate) data: String,
    /// How many deliveries of it are pending.
    pub(crate) pending: i64,
}

impl StoredEvent {
    /// The same as an older version shows it. What is no JSON stays as it is.
    #[must_use]
    pub fn in_version(mut self, version: &ApiVersion, shapes: &[Arc<dyn EventShape>]) -> Self {
        if version.as_str() == self.api_version {
            return self;
        }
        version.as_str().clone_into(&mut self.api_version);
        if let Ok(mut data) = serde_json::from_str(&self.data) {
            for shape in shapes {
                shape.translate(&self.kind, self.created, &mut data, version);
            }
            self.data = serde_json::to_string_pretty(&data).unwrap_or(self.data);
        }
        self
    }

    /// The object on the wire, for its owner.
    pub fn render(self, owner: &Owner) -> Object {
        let request =
            Object::bare().set("id", self.request).set("idempotency_key", self.idempotency_key);
        let object = Object::new(&self.id, "event")
            .set("api_version", self.api_version)
            .set("created", self.created)
            .set("data", Rendered(self.data))
            .set("livemode", owner.mode.is_live())
            .set("pending_webhooks", self.pending)
            .set("request", request)
            .set("type", self.kind);
        if owner.account == owner.platform {
            return object;
        }
        object.set("account", owner.account.as_str().to_owned())
    }
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

const FIND: &str = concat!(
    columns!(),
    "WHERE account = ? AND id = ? AND mode = ? AND platform = ? AND created >= ?"
);

fn find_values(owner: &Owner, id: &str, since: Timestamp) -> [Value; 5] {
    let [mode, platform, account] = owner_values(owner);
    values![account, id, mode, platform, since]
}

/// The event `id` of an owner, unless it is older than `since`.
///
/// # Errors
/// When the store does not answer.
pub async fn find(
    store: &Store,
    owner: &Owner,
    id: &str,
    since: Timestamp,
) -> Result<Option<StoredEvent>, StorageError> {
    let rows = store.query(FIND, &find_values(owner, id, since)).await?;
    rows.first().map(stored).transpose()
}

/// The same within a transaction.
///
/// # Errors
/// When the store does not answer.
pub async fn find_in(
    tx: &mut Tx<'_>,
    owner: &Owner,
    id: &str,
    since: Timestamp,
) -> Result<Option<StoredEvent>, StorageError> {
    let rows = tx.query(FIND, &find_values(owner, id, since)).await?;
    rows.first().map(stored).transpose()
}

/// The page of a list that is not narrowed. The parameters: owner, position, the oldest time, how
/// many rows.
macro_rules! whole {
    ($beyond:literal, $order:literal) => {
        concat!(
            columns!(),
            "WHERE mode = ? AND platform = ? AND account = ? AND seq ",
            $beyond,
            " ? AND created >= ? ORDER BY seq ",
            $order,
            " LIMIT ?"
        )
    };
}

/// The numbers of the newest, or oldest, events of the type `$at` in a window.
macro_rules! of_type {
    ($at:literal, $order:literal) => {
        concat!(
            "SELECT seq FROM (SELECT seq FROM event WHERE mode = ?1 AND platform = ?2 \
             AND account = ?3 AND type = ?",
            $at,
            " AND seq >= ?4 AND seq <= ?5 AND created >= ?6 AND created <= ?7 \
             AND pending_webhooks >= ?8 AND pending_webhooks <= ?9 ORDER BY seq ",
            $order,
            " LIMIT ?10) AS one"
        )
    };
}

/// The page of some types, ?11 to ?30, each of which is found in the index; ?1 to ?3 are the owner,
/// ?4 and ?5 a window, ?6 and ?7 a range of times, ?8 and ?9 one of pending deliveries, ?10 how
/// many rows.
macro_rules! of_types {
    ($order:literal, $first:literal $(, $at:literal)*) => {
        concat!(
            columns!(),
            "WHERE mode = ?1 AND platform = ?2 AND account = ?3 AND seq IN (SELECT seq FROM (",
            of_type!($first, $order),
            $(" UNION ALL ", of_type!($at, $order),)*
            ") AS every ORDER BY seq ",
            $order,
            " LIMIT ?10) ORDER BY seq ",
            $order
        )
    };
    ($order:literal) => {
        of_types!(
            $order, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30
        )
    };
}

/// The statements of lists, each for newer events and for older ones.
pub(super) const WHOLE: [&str; 2] = [whole!(">", "ASC"), whole!("<", "DESC")];
pub(super) const OF_TYPES: [&str; 2] = [of_types!("ASC"), of_types!("DESC")];

/// The types of an owner's events, each found behind the one before it.
pub(super) const TYPES: &str = "WITH RECURSIVE types(type) AS (\
     SELECT (SELECT type FROM event WHERE mode = ?1 AND platform = ?2 AND account = ?3 \
     ORDER BY type LIMIT 1) UNION ALL \
     SELECT (SELECT next.type FROM event AS next WHERE next.mode = ?1 AND next.platform = ?2 \
     AND next.account = ?3 AND next.type > types.type ORDER BY next.type LIMIT 1) \
     FROM types WHERE types.type IS NOT NULL) \
     SELECT type FROM types WHERE type IS NOT NULL LIMIT ?4";

/// The numbers between which an owner's events are: they have no gap, since only the oldest go.
pub(super) const NUMBERS: &str = "SELECT (SELECT seq FROM event WHERE mode = ?1 \
     AND platform = ?2 AND account = ?3 ORDER BY seq LIMIT 1), (SELECT seq FROM event \
     WHERE mode = ?1 AND platform = ?2 AND account = ?3 ORDER BY seq DESC LIMIT 1)";

/// The events of an owner from a position on, in the order of reading, none older than `since`.
pub(crate) async fn page(
    store: &Store,
    owner: &Owner,
    position: PagePosition,
    filter: &EventFilter,
    since: Timestamp,
) -> Result<Vec<StoredEvent>, StorageError> {
    if filter.is_whole() {
        let [mode, platform, account] = owner_values(owner);
        let values = values![mode, platform, account, position.seq, since, position.fetch];
        let sql = statement(WHOLE, position);
        return store.query(sql, &values).await?.iter().map(stored).collect();
    }
    let types = types(store, owner, filter).await?;
    let rows = store.query(NUMBERS, &owner_values(owner)).await?;
    let number = |column| rows.first().map_or(Ok(None), |row| row.optional_int(column));
    let (Some(first), Some(last)) = (number(0)?, number(1)?) else { return Ok(Vec::new()) };
    // What has one of the types is shown at once, unless it is narrowed further.
    let width = if filter.is_by_type_alone() { i64::MAX } else { limit::WINDOW_ROWS };
    let mut events = Vec::new();
    for window in position.windows(first, last, width) {
        let found = i64::try_from(events.len()).unwrap_or(i64::MAX);
        let rest = PagePosition { fetch: position.fetch.saturating_sub(found), ..position };
        if rest.fetch <= 0 || types.is_empty() {
            break;
        }
        events.extend(of_window(store, owner, (window, rest), (filter, &types), since).await?);
    }
    Ok(events)
}

/// The one of two statements that reads in the direction of `position`.
const fn statement([newer, older]: [&'static str; 2], position: PagePosition) -> &'static str {
    if position.newer { newer } else { older }
}

/// The types that a filter means, among those that the owner's events have.
async fn types(
    store: &Store,
    owner: &Owner,
    filter: &EventFilter,
) -> Result<Vec<String>, StorageError> {
    if let Some(exact) = filter.exact_types() {
        return Ok(exact);
    }
    let [mode, platform, account] = owner_values(owner);
    let values = values![mode, platform, account, limit::EVENT_TYPES_OF_OWNER];
    let rows = store.query(TYPES, &values).await?;
    let types: Result<Vec<_>, _> = rows.iter().map(|row| row.text(0).map(str::to_owned)).collect();
    Ok(types?.into_iter().filter(|kind| filter.matches(kind)).collect())
}

/// The events in a window whose types are among `types`, in the order of reading.
async fn of_window(
    store: &Store,
    owner: &Owner,
    (window, position): (Window, PagePosition),
    (filter, types): (&EventFilter, &[String]),
    since: Timestamp,
) -> Result<Vec<StoredEvent>, StorageError> {
    let mut events = Vec::new();
    for some in types.chunks(limit::EVENT_TYPES) {
        let pending = filter.delivery.pending();
        let mut values = owner_values(owner).to_vec();
        values.extend(values![window.from, window.to]);
        values.extend(values![filter.created.from.max(since), filter.created.to]);
        values.extend(values![*pending.start(), *pending.end(), position.fetch]);
        let kinds = some.iter().map(|kind| Value::from(kind.as_str()));
        values.extend(kinds.chain(std::iter::repeat(Value::Null)).take(limit::EVENT_TYPES));
        for row in store.query(statement(OF_TYPES, position), &values).await? {
            events.push(stored(&row)?);
        }
    }
    if types.len() > limit::EVENT_TYPES {
        events.sort_unstable_by_key(|event| if position.newer { event.seq } else { -event.seq });
        events.truncate(usize::try_from(position.fetch).unwrap_or(usize::MAX));
    }
    Ok(events)
}

/// Says that one delivery of the event `id` is no longer pending. Leaves with the transaction's
/// next statement; an event that is gone, or has none pending, stays as it is.
pub fn settle_delivery(tx: &mut Tx<'_>, owner: &Owner, id: &str) {
    let [mode, platform, account] = owner_values(owner);
    tx.defer(
        "UPDATE event SET pending_webhooks = pending_webhooks - 1 WHERE account = ? AND id = ? \
         AND mode = ? AND platform = ? AND pending_webhooks > 0",
        values![account, id, mode, platform],
    );
}

/// Events, the oldest first, that are older than a time.
pub(crate) const AGED_EVENTS: Prune = Prune {
    select: "SELECT mode, platform, account, seq, created FROM event WHERE created < ? \
             ORDER BY created LIMIT ? FOR UPDATE SKIP LOCKED",
    delete: "DELETE FROM event WHERE mode = ? AND platform = ? AND account = ? AND seq = ? \
             AND created <= ?",
};
