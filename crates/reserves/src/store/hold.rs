//! The SQL of holds.

use super::plan::metadata;
use super::{corrupt, currency, of_owner, page_values};
use crate::account::SourceType;
use crate::hold::{Hold, Origin, PlanOfHold, Schedule};
use crate::ledger::Pool;
use coffer_base::{Currency, Owner, Timestamp};
use coffer_kernel::PagePosition;
use coffer_storage::{Row, StorageError, Store, Tx, Value};

/// A hold and what it knows of its plan, with its owner at the end. `h` is the hold, `p` its plan.
macro_rules! select_hold {
    () => {
        "SELECT h.seq, h.id, h.created, h.amount, h.released, h.currency, h.source_type, \
         h.charge, h.plan, p.id, p.scheduled_release, p.state, h.release_after, \
         h.scheduled_release, h.told_release, h.pending, h.available_on, h.metadata, \
         h.mode, h.platform, h.account \
         FROM reserve_hold h LEFT JOIN reserve_plan p ON p.mode = h.mode \
         AND p.platform = h.platform AND p.account = h.account AND p.seq = h.plan"
    };
}
pub(crate) use select_hold;

/// Where the owner stands in a row of [`select_hold`].
pub(crate) const OWNER_OF_HOLD: usize = 18;

fn time(value: Option<i64>) -> Option<Timestamp> {
    value.map(Timestamp::from_unix)
}

fn unix(at: Option<Timestamp>) -> Value {
    at.map_or(Value::Null, |at| Value::Int(at.unix()))
}

fn origin(row: &Row) -> Result<Origin, StorageError> {
    let (Some(charge), Some(plan)) = (row.optional_text(7)?, row.optional_int(8)?) else {
        return Ok(Origin::Standalone);
    };
    let id = row.optional_text(9)?.ok_or_else(|| corrupt("a hold's plan is missing"))?;
    let plan = PlanOfHold {
        seq: plan,
        id: id.to_owned(),
        scheduled_release: time(row.optional_int(10)?),
        draining: row.optional_text(11)? == Some("draining"),
    };
    Ok(Origin::Charge { charge: charge.to_owned(), plan })
}

/// A row of [`select_hold`].
pub(crate) fn hold(row: &Row) -> Result<Hold, StorageError> {
    let schedule = match time(row.optional_int(13)?) {
        Some(scheduled_release) => {
            let release_after = time(row.optional_int(12)?);
            Schedule::Own { release_after, scheduled_release }
        }
        None => Schedule::Plans { told: time(row.optional_int(14)?) },
    };
    let source_type = SourceType::from_code(row.int(6)?)?;
    Ok(Hold {
        seq: row.int(0)?,
        id: row.text(1)?.to_owned(),
        created: Timestamp::from_unix(row.int(2)?),
        amount: row.int(3)?,
        released: row.int(4)?,
        pool: Pool { currency: currency(row, 5)?, source_type },
        origin: origin(row)?,
        schedule,
        pending: row.int(15)? != 0,
        available_on: Timestamp::from_unix(row.int(16)?),
        metadata: metadata(row.text(17)?)?,
    })
}

/// The columns of a schedule: `release_after`, `scheduled_release`, `told_release`.
fn schedule_values(schedule: Schedule) -> [Value; 3] {
    match schedule {
        Schedule::Own { release_after, scheduled_release } => {
            [unix(release_after), Value::Int(scheduled_release.unix()), Value::Null]
        }
        Schedule::Plans { told } => [Value::Null, Value::Null, unix(told)],
    }
}

/// Adds a hold.
pub(crate) fn insert(tx: &mut Tx<'_>, owner: &Owner, hold: &Hold) {
    let [release_after, scheduled_release, told_release] = schedule_values(hold.schedule);
    tx.defer(
        "INSERT INTO reserve_hold (mode, platform, account, seq, id, created, amount, released, \
         currency, source_type, charge, plan, release_after, scheduled_release, told_release, \
         pending, available_on, metadata) \
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        of_owner(
            owner,
            [
                Value::Int(hold.seq),
                Value::from(hold.id.as_str()),
                Value::Int(hold.created.unix()),
                Value::Int(hold.amount),
                Value::Int(hold.released),
                Value::from(hold.pool.currency.as_str()),
                Value::Int(hold.pool.source_type.code()),
                Value::from(hold.charge()),
                Value::from(hold.plan().map(|plan| plan.seq)),
                release_after,
                scheduled_release,
                told_release,
                Value::from(hold.pending),
                Value::Int(hold.available_on.unix()),
                Value::Text(hold.metadata.to_json_text()),
            ],
        ),
    );
}

/// Writes down what of a hold callers change: its schedule and its metadata.
pub(crate) fn update(tx: &mut Tx<'_>, owner: &Owner, hold: &Hold) {
    let mut values = Vec::from(schedule_values(hold.schedule));
    values.push(Value::Text(hold.metadata.to_json_text()));
    values.extend(of_owner(owner, [Value::Int(hold.seq)]));
    tx.defer(
        "UPDATE reserve_hold SET release_after = ?, scheduled_release = ?, told_release = ?, \
         metadata = ? WHERE mode = ? AND platform = ? AND account = ? AND seq = ?",
        values,
    );
}

/// Writes down how much of a hold was given back.
pub(crate) fn set_released(tx: &mut Tx<'_>, owner: &Owner, seq: i64, released: i64) {
    let mut values = vec![Value::Int(released)];
    values.extend(of_owner(owner, [Value::Int(seq)]));
    tx.defer(
        "UPDATE reserve_hold SET released = ? \
         WHERE mode = ? AND platform = ? AND account = ? AND seq = ?",
        values,
    );
}

/// Writes down which date of its plan a hold was told.
pub(crate) fn set_told(tx: &mut Tx<'_>, owner: &Owner, seq: i64, told: Option<Timestamp>) {
    let mut values = vec![unix(told)];
    values.extend(of_owner(owner, [Value::Int(seq)]));
    tx.defer(
        "UPDATE reserve_hold SET told_release = ? \
         WHERE mode = ? AND platform = ? AND account = ? AND seq = ?",
        values,
    );
}

macro_rules! hold_by_id {
    () => {
        concat!(
            select_hold!(),
            " WHERE h.mode = ? AND h.platform = ? AND h.account = ? AND h.id = ?"
        )
    };
}

/// A hold by its id, as a turn sees it.
pub(crate) async fn find(
    tx: &mut Tx<'_>,
    owner: &Owner,
    id: &str,
) -> Result<Option<Hold>, StorageError> {
    let rows = tx.query(hold_by_id!(), &of_owner(owner, [Value::from(id)])).await?;
    rows.first().map(hold).transpose()
}

/// A hold by its id.
pub(crate) async fn read(
    store: &Store,
    owner: &Owner,
    id: &str,
) -> Result<Option<Hold>, StorageError> {
    let rows = store.query(hold_by_id!(), &of_owner(owner, [Value::from(id)])).await?;
    rows.first().map(hold).transpose()
}

/// What is still held of a charge, in the order in which its plans were made (reserves §11,
/// decision 23).
pub(crate) async fn of_charge(
    tx: &mut Tx<'_>,
    owner: &Owner,
    charge: &str,
) -> Result<Vec<Hold>, StorageError> {
    let rows = tx
        .query(
            concat!(
                select_hold!(),
                " WHERE h.mode = ? AND h.platform = ? AND h.account = ? AND h.charge = ? \
                 AND h.released < h.amount ORDER BY h.plan NULLS FIRST, h.seq"
            ),
            &of_owner(owner, [Value::from(charge)]),
        )
        .await?;
    rows.iter().map(hold).collect()
}

/// How much is held of a charge's pending money.
pub(crate) async fn pending_of_charge(
    tx: &mut Tx<'_>,
    owner: &Owner,
    charge: &str,
) -> Result<i64, StorageError> {
    let rows = tx
        .query(
            "SELECT CAST(SUM(amount - released) AS BIGINT) FROM reserve_hold \
             WHERE mode = ? AND platform = ? \
             AND account = ? AND charge = ? AND pending = 1",
            &of_owner(owner, [Value::from(charge)]),
        )
        .await?;
    let sum = rows.first().ok_or_else(|| corrupt("a sum gave no row"))?.optional_int(0)?;
    Ok(sum.unwrap_or(0))
}

/// Says of a charge's holds that their money is no longer pending.
pub(crate) fn settle_charge(tx: &mut Tx<'_>, owner: &Owner, charge: &str) {
    tx.defer(
        "UPDATE reserve_hold SET pending = 0 WHERE mode = ? AND platform = ? AND account = ? \
         AND charge = ? AND pending = 1",
        of_owner(owner, [Value::from(charge)]),
    );
}

/// What a list of holds is narrowed to. Plan and release are row numbers.
#[derive(Clone, Debug)]
pub(crate) struct Filter {
    pub(crate) currency: Option<Currency>,
    pub(crate) is_releasable: Option<bool>,
    /// Whether they were made of a charge.
    pub(crate) of_charges: Option<bool>,
    pub(crate) charge: Option<String>,
    pub(crate) plan: Option<i64>,
    pub(crate) release: Option<i64>,
}

/// The two statements of a list, of which `$narrowed` chooses the index. ?6 to ?11 are the
/// filter's fields in their order.
macro_rules! hold_pages {
    ($narrowed:literal) => {
        (hold_pages!(">", "ASC", $narrowed), hold_pages!("<", "DESC", $narrowed))
    };
    ($beyond:literal, $order:literal, $narrowed:literal) => {
        concat!(
            select_hold!(),
            " WHERE h.mode = ?1 AND h.platform = ?2 AND h.account = ?3 AND h.seq ",
            $beyond,
            " ?4 AND (h.currency = ?6 OR ?6 IS NULL) AND (\
             CASE WHEN h.released < h.amount AND (p.state IS NULL OR p.state <> 'draining') \
             THEN 1 ELSE 0 END = ?7 OR ?7 IS NULL) \
             AND (CASE WHEN h.charge IS NULL THEN 0 ELSE 1 END = ?8 OR ?8 IS NULL) \
             AND (h.charge = ?9 OR ?9 IS NULL) AND (h.plan = ?10 OR ?10 IS NULL) \
             AND (h.seq IN (SELECT r.hold FROM reserve_release_part r \
             WHERE r.mode = ?1 AND r.platform = ?2 AND r.account = ?3 AND r.release = ?11) \
             OR ?11 IS NULL) ",
            $narrowed,
            " ORDER BY h.seq ",
            $order,
            " LIMIT ?5"
        )
    };
}

/// The holds from a position on, in the order of reading.
pub(crate) async fn page(
    store: &Store,
    owner: &Owner,
    position: PagePosition,
    filter: &Filter,
) -> Result<Vec<Hold>, StorageError> {
    let mut values = page_values(owner, position);
    values.extend([
        Value::from(filter.currency.as_ref().map(Currency::as_str)),
        Value::from(filter.is_releasable),
        Value::from(filter.of_charges),
        Value::from(filter.charge.as_deref()),
        Value::from(filter.plan),
        Value::from(filter.release),
    ]);
    let (newer, older) = match (&filter.charge, filter.plan, filter.release) {
        (Some(_), _, _) => hold_pages!("AND h.charge = ?9"),
        (None, _, Some(_)) => hold_pages!(
            "AND h.seq IN (SELECT r.hold FROM reserve_release_part r WHERE r.mode = ?1 \
             AND r.platform = ?2 AND r.account = ?3 AND r.release = ?11)"
        ),
        (None, Some(_), None) => hold_pages!("AND h.plan = ?10"),
        (None, None, None) => hold_pages!(""),
    };
    let rows = store.query(if position.newer { newer } else { older }, &values).await?;
    rows.iter().map(hold).collect()
}
