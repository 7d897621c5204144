//! The SQL of releases.

use super::metadata;
use crate::limits;
use crate::model::hold::Hold;
use crate::model::release::{Reason, Release, ReleaseDetail, Source};
use coffer_base::{Currency, Owner, Timestamp};
use coffer_ledger::sql::{self, Linked, Record, corrupt, currency, of_owner};
use coffer_ledger::{by_id, by_ids, in_page, pages};
use coffer_storage::{Row, StorageError, Tx, Value, values};
use std::collections::BTreeMap;

/// A release, in the order of columns that its `from_row` reads.
macro_rules! select_release {
    () => {
        "SELECT seq, id, created, amount, currency, reason, hold, plan, source_type, source, \
         metadata FROM reserve_release"
    };
}

/// What consumed the money of a row's release; `None` if nothing did.
fn source(row: &Row) -> Result<Option<Source>, StorageError> {
    let (Some(kind), Some(id)) = (row.optional_text(8)?, row.optional_text(9)?) else {
        return Ok(None);
    };
    match kind {
        "refund" => Ok(Some(Source::Refund(id.to_owned()))),
        "dispute" => Ok(Some(Source::Dispute(id.to_owned()))),
        _ => Err(corrupt("a release has no known source")),
    }
}

/// What a list of releases is narrowed to.
#[derive(Clone, Debug)]
pub(crate) struct Filter {
    pub(crate) currency: Option<Currency>,
    /// The id of a hold that they release some of.
    pub(crate) hold: Option<String>,
    /// The id of the plan whose end or date they are.
    pub(crate) plan: Option<String>,
}

impl Record for Release {
    type Filter = Filter;

    const BY_ID: &'static str = by_id!(select_release!());

    fn from_row(row: &Row) -> Result<Self, StorageError> {
        Ok(Self {
            seq: row.int(0)?,
            id: row.text(1)?.to_owned(),
            created: Timestamp::from_unix(row.int(2)?),
            amount: row.int(3)?,
            currency: currency(row, 4)?,
            reason: Reason::from_row(row.text(5)?)?,
            hold: row.optional_text(6)?.map(str::to_owned),
            plan: row.optional_text(7)?.map(str::to_owned),
            source: source(row)?,
            metadata: metadata(row.text(10)?)?,
        })
    }

    fn id(&self) -> &str {
        &self.id
    }

    fn seq(&self) -> i64 {
        self.seq
    }

    fn looks_further(filter: &Filter) -> bool {
        filter.hold.is_none() && filter.currency.is_some()
    }

    /// A hold that a list is narrowed to is looked up among allocations, since a release of many
    /// holds names none; a plan has an index of its own.
    fn pages(filter: &Filter, values: &mut Vec<Value>) -> (&'static str, &'static str) {
        values.extend(values![
            filter.currency.as_ref().map(Currency::as_str),
            filter.plan.as_deref()
        ]);
        match (&filter.hold, &filter.plan) {
            (Some(hold), _) => {
                values.push(Value::from(hold.as_str()));
                pages!(
                    select_release!(),
                    "AND (currency = ?7 OR ?7 IS NULL) AND (plan = ?8 OR ?8 IS NULL) \
                     AND seq IN (SELECT a.release FROM reserve_allocation a WHERE a.mode = ?1 \
                     AND a.platform = ?2 AND a.account = ?3 AND a.hold = (SELECT h.seq \
                     FROM reserve_hold h WHERE h.mode = ?1 AND h.platform = ?2 \
                     AND h.account = ?3 AND h.id = ?9))"
                )
            }
            (None, Some(_)) => {
                pages!(select_release!(), "AND (currency = ?7 OR ?7 IS NULL) AND plan = ?8")
            }
            (None, None) => {
                pages!(
                    select_release!(),
                    "AND (currency = ?7 OR ?7 IS NULL) AND (plan = ?8 OR ?8 IS NULL)"
                )
            }
        }
    }
}

impl Linked for Release {
    const BY_IDS: &'static str = by_ids!(select_release!());
}

/// Adds a release.
pub(crate) fn insert(tx: &mut Tx<'_>, owner: &Owner, release: &Release) {
    let source = release.source.as_ref();
    tx.defer(
        "INSERT INTO reserve_release (mode, platform, account, seq, id, created, amount, \
         currency, reason, hold, plan, source_type, source, metadata) \
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        of_owner(
            owner,
            values![
                release.seq,
                release.id.as_str(),
                release.created,
                release.amount,
                release.currency.as_str(),
                release.reason.as_str(),
                release.hold.as_deref(),
                release.plan.as_deref(),
                source.map(Source::kind),
                source.map(Source::id),
                release.metadata.to_json_text()
            ],
        ),
    );
}

/// Adds how much of a release came from a hold; both are row numbers. The table refuses to change
/// or delete it later.
pub(crate) fn insert_allocation(
    tx: &mut Tx<'_>,
    owner: &Owner,
    (hold, release): (i64, i64),
    amount: i64,
) {
    tx.defer(
        "INSERT INTO reserve_allocation (mode, platform, account, hold, release, amount) \
         VALUES (?, ?, ?, ?, ?, ?)",
        of_owner(owner, values![hold, release, amount]),
    );
}

/// Stores a release's metadata: nothing else of it changes.
pub(crate) fn set_metadata(tx: &mut Tx<'_>, owner: &Owner, release: &Release) {
    let mut values = Vec::from(values![release.metadata.to_json_text()]);
    values.extend(of_owner(owner, values![release.seq]));
    tx.defer(
        "UPDATE reserve_release SET metadata = ? \
         WHERE mode = ? AND platform = ? AND account = ? AND seq = ?",
        values,
    );
}

/// How many releases of a hold callers asked for: those of refunds, disputes and dates do not
/// count.
pub(crate) async fn count_by_callers(
    tx: &mut Tx<'_>,
    owner: &Owner,
    hold: i64,
) -> Result<i64, StorageError> {
    let reason = Value::from(Reason::HoldReleasedEarly.as_str());
    let rows = tx
        .query(
            "SELECT COUNT(*) FROM reserve_allocation a JOIN reserve_release r \
             ON r.mode = a.mode AND r.platform = a.platform AND r.account = a.account \
             AND r.seq = a.release WHERE a.mode = ? AND a.platform = ? AND a.account = ? \
             AND a.hold = ? AND r.reason = ?",
            &of_owner(owner, values![hold, reason]),
        )
        .await?;
    rows.first().ok_or_else(|| corrupt("a count gave no row"))?.int(0)
}

/// The releases of a hold, newest first, as a transaction sees them: at most
/// [`limits::DETAILS_PER_HOLD`].
pub(crate) async fn details(
    tx: &mut Tx<'_>,
    owner: &Owner,
    hold: i64,
) -> Result<Vec<ReleaseDetail>, StorageError> {
    let rows = tx
        .query(
            "SELECT a.amount, r.id FROM reserve_allocation a JOIN reserve_release r \
             ON r.mode = a.mode AND r.platform = a.platform AND r.account = a.account \
             AND r.seq = a.release WHERE a.mode = ? AND a.platform = ? AND a.account = ? \
             AND a.hold = ? ORDER BY a.release DESC LIMIT ?",
            &of_owner(owner, values![hold, limits::DETAILS_PER_HOLD]),
        )
        .await?;
    rows.iter().map(|row| detail(row, 0)).collect()
}

/// What a refund or a dispute took: the ids of the holds and how much of each, in the order in
/// which it took.
pub(crate) async fn taken_by(
    tx: &mut Tx<'_>,
    owner: &Owner,
    source: &Source,
) -> Result<Vec<(String, i64)>, StorageError> {
    let rows = tx
        .query(
            "SELECT h.id, a.amount FROM reserve_release r JOIN reserve_allocation a \
             ON a.mode = r.mode AND a.platform = r.platform AND a.account = r.account \
             AND a.release = r.seq JOIN reserve_hold h ON h.mode = r.mode \
             AND h.platform = r.platform AND h.account = r.account AND h.seq = a.hold \
             WHERE r.mode = ? AND r.platform = ? AND r.account = ? AND r.source = ? \
             AND r.source_type = ? ORDER BY r.seq, a.hold",
            &of_owner(owner, values![source.id(), source.kind()]),
        )
        .await?;
    rows.iter().map(|row| Ok((row.text(0)?.to_owned(), row.int(1)?))).collect()
}

/// The amount in column `first`, and the id of the release in the next.
fn detail(row: &Row, first: usize) -> Result<ReleaseDetail, StorageError> {
    let release = row.text(first.saturating_add(1))?.to_owned();
    Ok(ReleaseDetail { amount: row.int(first)?, release })
}

/// The releases of each of these holds, which are at most a page, by the numbers of the holds: of
/// each hold the newest first, at most [`limits::DETAILS_PER_HOLD`]. Holds of which nothing was
/// released are not asked for.
pub(crate) async fn details_of_page(
    source: &mut impl sql::Source,
    owner: &Owner,
    holds: &[Hold],
) -> Result<BTreeMap<i64, Vec<ReleaseDetail>>, StorageError> {
    let released = holds.iter().filter(|hold| hold.released > 0);
    let holds: Vec<Value> = released.map(|hold| Value::Int(hold.seq)).collect();
    if holds.is_empty() {
        return Ok(BTreeMap::new());
    }
    let sql = in_page!(
        "SELECT hold, amount, id FROM (SELECT a.hold AS hold, a.amount AS amount, r.id AS id, \
         ROW_NUMBER() OVER (PARTITION BY a.hold ORDER BY a.release DESC) AS age \
         FROM reserve_allocation a JOIN reserve_release r ON r.mode = a.mode \
         AND r.platform = a.platform AND r.account = a.account AND r.seq = a.release \
         WHERE a.mode = ?1 AND a.platform = ?2 AND a.account = ?3 AND a.hold IN ",
        ") AS newest WHERE age <= ?104 ORDER BY hold, age"
    );
    let mut values = sql::of_page(owner, holds);
    values.push(Value::Int(limits::DETAILS_PER_HOLD));
    let mut details = BTreeMap::new();
    for row in source.rows(sql, &values).await? {
        details.entry(row.int(0)?).or_insert_with(Vec::new).push(detail(&row, 1)?);
    }
    Ok(details)
}
