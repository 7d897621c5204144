//! Looking for entries, the newest first. Most of what is asked for has no index, since an index
//! over everything that is read would cost each reader; so a search walks back through a bounded
//! number of entries, and says how far it came.

use super::log;
use crate::limits;
use crate::stored::StoredEntry;
use coffer_base::Timestamp;
use coffer_storage::{Result, Row, Store, Value, values};

/// Which entries are looked for; an empty text looks for all.
#[derive(Clone, Debug, Default)]
pub struct Search {
    /// The id of the request.
    pub request: String,
    /// The account, in any of its generations.
    pub account: String,
    /// The app.
    pub app: String,
    /// The id of the key, or the digest of one that nobody has.
    pub actor: String,
    /// The operation, or what it begins with, if that ends with a dot.
    pub operation: String,
    /// The outcome: `done`, `replayed`, `refused` or `failed`.
    pub outcome: String,
    /// The id of the object.
    pub subject: String,
    /// The digest of a name.
    pub name_fingerprint: Vec<u8>,
    /// Not before this time.
    pub since: Option<Timestamp>,
    /// Not after this time.
    pub until: Option<Timestamp>,
    /// At most so many entries are looked at, if that is fewer than
    /// [`limits::SEARCHED_AT_ONCE`]: for whoever shows a page and wants it at once.
    pub looked_at: Option<u64>,
}

/// What a search found.
#[derive(Debug)]
pub struct Found {
    /// The entries, the newest first.
    pub entries: Vec<StoredEntry>,
    /// The number before which nothing was looked at; 1 if everything was.
    pub looked_from: u64,
    /// The time of that entry; `None` if everything was looked at that was ever recorded. What was
    /// pruned was not.
    pub looked_back_to: Option<Timestamp>,
}

/// Columns of an entry as [`StoredEntry::of`] reads them. One that has no number yet has 0.
macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT coalesce(id, 0), format, at, server, request, actor_kind, actor, bound_user, \
             peer, mode, app, account, operation, subject, scope, name_fingerprint, name, \
             fingerprint, outcome, status, reason, amount, detail FROM audit_entry ",
            $rest
        )
    };
}

/// What [`Search::values`] narrows entries by, before a condition on their numbers and an order.
macro_rules! narrowed {
    ($rest:literal) => {
        concat!(
            "SELECT coalesce(id, 0), format, at, server, request, actor_kind, actor, bound_user, \
             peer, mode, app, account, operation, subject, scope, name_fingerprint, name, \
             fingerprint, outcome, status, reason, amount, detail FROM audit_entry \
             WHERE at >= ?1 AND at <= ?2 AND (?3 = '' OR request = ?3) \
             AND (?4 = '' OR account = ?4 OR substr(account, 1, length(?4) + 1) = ?4 || '~') \
             AND (?5 = '' OR app = ?5) AND (?6 = '' OR actor = ?6) \
             AND (?7 = '' OR operation = ?7 OR (substr(?7, length(?7)) = '.' \
             AND substr(operation, 1, length(?7)) = ?7)) \
             AND (?8 = '' OR outcome = ?8) AND (?9 = '' OR subject = ?9) \
             AND (?10 = 0 OR name_fingerprint = ?11) ",
            $rest
        )
    };
}

const WINDOW: &str = narrowed!("AND id >= ?13 AND id <= ?14 ORDER BY id DESC LIMIT ?12");

const NOT_NUMBERED: &str = narrowed!("AND id IS NULL ORDER BY ordinal DESC LIMIT ?12");

impl Search {
    fn values(&self, most: usize) -> Vec<Value> {
        let time = |at: Option<Timestamp>, default| at.map_or(default, Timestamp::unix);
        values![
            time(self.since, i64::MIN),
            time(self.until, i64::MAX),
            &self.request,
            &self.account,
            &self.app,
            &self.actor,
            &self.operation,
            &self.outcome,
            &self.subject,
            i64::from(!self.name_fingerprint.is_empty()),
            self.name_fingerprint.as_slice(),
            i64::try_from(most).unwrap_or(i64::MAX),
        ]
        .into()
    }
}

fn number(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// The newest entries with numbers above `after` and below `before` that a search is after, at most
/// `most`. It looks at no more than [`limits::SEARCHED_AT_ONCE`] that have a number, and at none
/// that may be pruned.
///
/// # Errors
/// When the store cannot be read.
pub async fn search(
    store: &Store,
    search: &Search,
    after: u64,
    before: u64,
    most: usize,
) -> Result<Found> {
    let parts = store.parts().await?;
    let head = log::head(store).await?;
    let pruned = head.as_ref().map_or(0, |head| head.pruned);
    let newest = newest(&parts).await?.max(pruned);
    let mut to = before.saturating_sub(1).min(newest);
    let looked_at = search.looked_at.unwrap_or(u64::MAX).min(limits::SEARCHED_AT_ONCE);
    let floor = to.saturating_sub(looked_at).max(after).max(pruned).saturating_add(1);
    let mut entries: Vec<StoredEntry> = Vec::new();
    if before > newest {
        entries = not_numbered(&parts, search, most).await?;
    }
    while to >= floor && entries.len() < most {
        let from = to.saturating_sub(limits::SEARCH_WINDOW - 1).max(floor);
        let left = most.saturating_sub(entries.len());
        let mut params = search.values(left);
        params.extend(values![number(from), number(to)]);
        let mut rows = Vec::new();
        for part in &parts {
            rows.extend(part.scan(WINDOW, &params).await?);
        }
        let mut window: Vec<_> = read(rows)?;
        window.sort_by_key(|entry| std::cmp::Reverse(entry.id));
        window.truncate(left);
        let is_full = window.len() == left;
        let last = window.last().and_then(|entry| u64::try_from(entry.id).ok());
        entries.extend(window);
        to = match last.filter(|_| is_full) {
            Some(last) => last.saturating_sub(1),
            None => from.saturating_sub(1),
        };
    }
    let looked_from = to.saturating_add(1);
    let looked_back_to = if looked_from > 1 {
        // Where nothing from there on has a number, what was found tells how far back it goes; and
        // where nothing was found either, all that is pruned was before the log's last change.
        let found = entries.last().map(StoredEntry::at);
        let last = found.or_else(|| head.map(|head| head.at));
        time_of(&parts, looked_from).await?.or(last)
    } else {
        None
    };
    Ok(Found { entries, looked_from, looked_back_to })
}

/// When the first entry from a number on was, if there is one.
async fn time_of(parts: &[Store], from: u64) -> Result<Option<Timestamp>> {
    let mut first: Option<(i64, i64)> = None;
    for part in parts {
        let sql = "SELECT id, at FROM audit_entry WHERE id >= ? ORDER BY id LIMIT 1";
        for row in part.query_part(sql, &values![number(from)]).await? {
            let found = (row.int(0)?, row.int(1)?);
            first = Some(first.map_or(found, |first| first.min(found)));
        }
    }
    Ok(first.map(|(_, at)| Timestamp::from_unix(at)))
}

/// The newest of the entries of a shared store that were committed and have no number yet.
async fn not_numbered(parts: &[Store], search: &Search, most: usize) -> Result<Vec<StoredEntry>> {
    let mut rows = Vec::new();
    for part in parts.iter().filter(|part| part.is_shared()) {
        rows.extend(part.query_part(NOT_NUMBERED, &search.values(most)).await?);
    }
    let mut entries = read(rows)?;
    if parts.len() > 1 {
        entries.sort_by_key(|entry| std::cmp::Reverse(entry.at()));
    }
    entries.truncate(most);
    Ok(entries)
}

/// The highest number that an entry has.
async fn newest(parts: &[Store]) -> Result<u64> {
    let mut newest = 0;
    for part in parts {
        let sql = "SELECT coalesce(max(id), 0) FROM audit_entry";
        let rows = part.query_part(sql, &[]).await?;
        newest = rows.first().map_or(Ok(0), |row| row.int(0))?.max(newest);
    }
    Ok(u64::try_from(newest).unwrap_or(0))
}

fn read(rows: Vec<Row>) -> Result<Vec<StoredEntry>> {
    rows.into_iter().map(|row| StoredEntry::of(row, 0)).collect()
}

const REFUSED: &str = select!("WHERE request = ? AND outcome = 'refused' LIMIT 2");

const BY_OPERATOR: &str =
    select!("WHERE subject = ? AND actor_kind = 'admin' ORDER BY at DESC LIMIT ?");

const UNNUMBERED: &str = select!("WHERE request = ? AND id IS NULL LIMIT 2");

/// What is recorded of a request: of one that was refused at once, of others if they are among the
/// newest entries, as [`search`] finds them.
///
/// # Errors
/// When the store cannot be read.
pub async fn of_request(store: &Store, request: &str) -> Result<Option<StoredEntry>> {
    let parts = store.parts().await?;
    for part in &parts {
        let mut rows = part.query_part(REFUSED, &values![request]).await?;
        if rows.is_empty() && part.is_shared() {
            rows = part.query_part(UNNUMBERED, &values![request]).await?;
        }
        if let Some(entry) = read(rows)?.pop() {
            return Ok(Some(entry));
        }
    }
    let asked = Search { request: request.to_owned(), ..Search::default() };
    Ok(search(store, &asked, 0, u64::MAX, 1).await?.entries.pop())
}

/// What operators did to an object, the newest first, at most `most`.
///
/// # Errors
/// When the store cannot be read.
pub async fn by_operator(store: &Store, subject: &str, most: i64) -> Result<Vec<StoredEntry>> {
    let mut entries = Vec::new();
    for part in &store.parts().await? {
        entries.extend(read(part.query_part(BY_OPERATOR, &values![subject, most]).await?)?);
    }
    entries.sort_by_key(|entry| std::cmp::Reverse(entry.at()));
    Ok(entries)
}
