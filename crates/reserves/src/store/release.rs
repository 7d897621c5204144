//! The SQL of releases.

use super::plan::metadata;
use super::{corrupt, currency, of_owner, page_values, pages};
use crate::release::{Reason, Release, Source};
use crate::wire::Detail;
use coffer_base::{Currency, Owner, Timestamp, limit};
use coffer_kernel::PagePosition;
use coffer_storage::{Row, StorageError, Store, Tx, Value};

macro_rules! select_release {
    () => {
        "SELECT seq, id, created, amount, currency, reason, hold, plan, source_type, source, \
         metadata FROM reserve_release"
    };
}

fn source(row: &Row) -> Result<Option<Source>, StorageError> {
    let (Some(kind), Some(id)) = (row.optional_text(8)?, row.optional_text(9)?) else {
        return Ok(None);
    };
    match kind {
        "refund" => Ok(Some(Source::Refund(id.to_owned()))),
        "dispute" => Ok(Some(Source::Dispute(id.to_owned()))),
        _ => Err(corrupt("a release has no source of ours")),
    }
}

fn release(row: &Row) -> Result<Release, StorageError> {
    Ok(Release {
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

/// Adds a release.
pub(crate) fn insert(tx: &mut Tx<'_>, owner: &Owner, release: &Release) {
    let source = release.source.as_ref();
    tx.defer(
        "INSERT INTO reserve_release (mode, platform, account, seq, id, created, amount, \
         currency, reason, hold, plan, source_type, source, metadata) \
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        of_owner(
            owner,
            [
                Value::Int(release.seq),
                Value::from(release.id.as_str()),
                Value::Int(release.created.unix()),
                Value::Int(release.amount),
                Value::from(release.currency.as_str()),
                Value::from(release.reason.as_str()),
                Value::from(release.hold.as_deref()),
                Value::from(release.plan.as_deref()),
                Value::from(source.map(Source::kind)),
                Value::from(source.map(Source::id)),
                Value::Text(release.metadata.to_json_text()),
            ],
        ),
    );
}

/// Adds how much of a release came from a hold; both are row numbers.
pub(crate) fn insert_part(tx: &mut Tx<'_>, owner: &Owner, hold: i64, release: i64, amount: i64) {
    tx.defer(
        "INSERT INTO reserve_release_part (mode, platform, account, hold, release, amount) \
         VALUES (?, ?, ?, ?, ?, ?)",
        of_owner(owner, [Value::Int(hold), Value::Int(release), Value::Int(amount)]),
    );
}

/// Writes down a release's metadata: nothing else of it changes.
pub(crate) fn set_metadata(tx: &mut Tx<'_>, owner: &Owner, release: &Release) {
    let mut values = vec![Value::Text(release.metadata.to_json_text())];
    values.extend(of_owner(owner, [Value::Int(release.seq)]));
    tx.defer(
        "UPDATE reserve_release SET metadata = ? \
         WHERE mode = ? AND platform = ? AND account = ? AND seq = ?",
        values,
    );
}

macro_rules! release_by_id {
    () => {
        concat!(select_release!(), " WHERE mode = ? AND platform = ? AND account = ? AND id = ?")
    };
}

/// A release by its id, as a turn sees it.
pub(crate) async fn find(
    tx: &mut Tx<'_>,
    owner: &Owner,
    id: &str,
) -> Result<Option<Release>, StorageError> {
    let rows = tx.query(release_by_id!(), &of_owner(owner, [Value::from(id)])).await?;
    rows.first().map(release).transpose()
}

/// A release by its id.
pub(crate) async fn read(
    store: &Store,
    owner: &Owner,
    id: &str,
) -> Result<Option<Release>, StorageError> {
    let rows = store.query(release_by_id!(), &of_owner(owner, [Value::from(id)])).await?;
    rows.first().map(release).transpose()
}

/// How many releases callers made of a hold: those of refunds, disputes and dates do not count.
pub(crate) async fn count_by_callers(
    tx: &mut Tx<'_>,
    owner: &Owner,
    hold: i64,
) -> Result<i64, StorageError> {
    let reason = Value::from(Reason::HoldReleasedEarly.as_str());
    let rows = tx
        .query(
            "SELECT COUNT(*) FROM reserve_release_part p JOIN reserve_release r \
             ON r.mode = p.mode AND r.platform = p.platform AND r.account = p.account \
             AND r.seq = p.release WHERE p.mode = ? AND p.platform = ? AND p.account = ? \
             AND p.hold = ? AND r.reason = ?",
            &of_owner(owner, [Value::Int(hold), reason]),
        )
        .await?;
    rows.first().ok_or_else(|| corrupt("a count gave no row"))?.int(0)
}

macro_rules! details_of_hold {
    () => {
        "SELECT p.amount, r.id FROM reserve_release_part p JOIN reserve_release r \
         ON r.mode = p.mode AND r.platform = p.platform AND r.account = p.account \
         AND r.seq = p.release WHERE p.mode = ? AND p.platform = ? AND p.account = ? \
         AND p.hold = ? ORDER BY p.release DESC LIMIT ?"
    };
}

fn detail(row: &Row) -> Result<Detail, StorageError> {
    Ok(Detail { amount: row.int(0)?, release: row.text(1)?.to_owned() })
}

fn details_values(owner: &Owner, hold: i64) -> Vec<Value> {
    of_owner(owner, [Value::Int(hold), Value::Int(limit::DETAILS_PER_HOLD)])
}

/// What was released of a hold, the newest first, as a turn sees it.
pub(crate) async fn details(
    tx: &mut Tx<'_>,
    owner: &Owner,
    hold: i64,
) -> Result<Vec<Detail>, StorageError> {
    let rows = tx.query(details_of_hold!(), &details_values(owner, hold)).await?;
    rows.iter().map(detail).collect()
}

/// What was released of a hold, the newest first.
pub(crate) async fn read_details(
    store: &Store,
    owner: &Owner,
    hold: i64,
) -> Result<Vec<Detail>, StorageError> {
    let rows = store.query(details_of_hold!(), &details_values(owner, hold)).await?;
    rows.iter().map(detail).collect()
}

/// What a list of releases is narrowed to.
#[derive(Clone, Debug)]
pub(crate) struct Filter {
    pub(crate) currency: Option<Currency>,
    /// The number of a hold that they gave back some of.
    pub(crate) hold: Option<i64>,
    /// The id of the plan whose end or date they were.
    pub(crate) plan: Option<String>,
}

/// The releases from a position on, in the order of reading.
pub(crate) async fn page(
    store: &Store,
    owner: &Owner,
    position: PagePosition,
    filter: &Filter,
) -> Result<Vec<Release>, StorageError> {
    let mut values = page_values(owner, position);
    values.push(Value::from(filter.currency.as_ref().map(Currency::as_str)));
    values.push(Value::from(filter.plan.as_deref()));
    let (newer, older) = match (filter.hold, &filter.plan) {
        (Some(hold), _) => {
            values.push(Value::Int(hold));
            pages!(
                select_release!(),
                "AND (currency = ?6 OR ?6 IS NULL) AND (plan = ?7 OR ?7 IS NULL) \
                 AND seq IN (SELECT release FROM reserve_release_part WHERE mode = ?1 \
                 AND platform = ?2 AND account = ?3 AND hold = ?8)"
            )
        }
        (None, Some(_)) => {
            pages!(select_release!(), "AND (currency = ?6 OR ?6 IS NULL) AND plan = ?7")
        }
        (None, None) => {
            pages!(
                select_release!(),
                "AND (currency = ?6 OR ?6 IS NULL) AND (plan = ?7 OR ?7 IS NULL)"
            )
        }
    };
    let rows = store.query(if position.newer { newer } else { older }, &values).await?;
    rows.iter().map(release).collect()
}
