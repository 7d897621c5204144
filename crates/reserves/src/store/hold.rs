//! The SQL of holds.

use super::metadata;
use crate::model::hold::{Hold, Origin, PlanOfHold, Schedule};
use coffer_base::{Currency, Owner, Timestamp};
use coffer_ledger::sql::{Linked, Record, corrupt, currency, of_owner, optional_time, time_value};
use coffer_ledger::{Charge, Pool, SourceType, in_page};
use coffer_storage::{Row, StorageError, Tx, Value, values};

/// A hold with columns of its plan, and its owner in the last ones. `h` is the hold, `p` its plan.
macro_rules! select_hold {
    () => {
        "SELECT h.seq, h.id, h.created, h.amount, h.released, h.currency, h.source_type, \
         h.charge, h.plan, p.id, p.scheduled_release, p.state, h.release_after, \
         h.scheduled_release, h.announced_release, h.pending, h.available_on, h.metadata, \
         p.draw, h.mode, h.platform, h.account \
         FROM reserve_hold h LEFT JOIN reserve_plan p ON p.mode = h.mode \
         AND p.platform = h.platform AND p.account = h.account AND p.seq = h.plan"
    };
}
pub(crate) use select_hold;

/// The first column of the owner in a row of [`select_hold`].
pub(crate) const OWNER_OF_HOLD: usize = 19;

/// What made the hold of a row. The table has a charge where it has a plan, and neither for a
/// caller's hold.
fn origin(row: &Row) -> Result<Origin, StorageError> {
    let (Some(charge), Some(plan)) = (row.optional_text(7)?, row.optional_int(8)?) else {
        return Ok(Origin::Standalone);
    };
    let id = row.optional_text(9)?.ok_or_else(|| corrupt("a hold's plan is missing"))?;
    let plan = PlanOfHold {
        seq: plan,
        id: id.to_owned(),
        scheduled_release: optional_time(row, 10)?,
        draining: row.optional_text(11)? == Some("draining"),
        draw: row.optional_text(18)?.map(super::plan::draw).transpose()?,
    };
    Ok(Origin::Charge { charge: charge.to_owned(), plan })
}

/// What a list of holds is narrowed to.
#[derive(Clone, Debug)]
pub(crate) struct Filter {
    pub(crate) currency: Option<Currency>,
    /// Computed in SQL by the same rule as [`Hold::is_releasable`].
    pub(crate) is_releasable: Option<bool>,
    /// Whether a plan made them, of a charge.
    pub(crate) of_charges: Option<bool>,
    /// The id of their charge. An unknown id finds none, here and below.
    pub(crate) charge: Option<String>,
    /// The id of their plan.
    pub(crate) plan: Option<String>,
    /// The id of a release of some of them.
    pub(crate) release: Option<String>,
}

/// The two statements of a list, of which `$narrowed` chooses the index. ?7 to ?12 are the
/// filter's fields in their order; each is compared before it is tested for null, since that is
/// where PostgreSQL learns its type.
macro_rules! hold_pages {
    ($narrowed:expr) => {
        (hold_pages!("ASC", $narrowed), hold_pages!("DESC", $narrowed))
    };
    ($order:literal, $narrowed:expr) => {
        concat!(
            select_hold!(),
            " WHERE h.mode = ?1 AND h.platform = ?2 AND h.account = ?3 AND h.seq >= ?4 \
             AND h.seq <= ?6 AND (h.currency = ?7 OR ?7 IS NULL) AND (\
             CASE WHEN h.released < h.amount AND (p.state IS NULL OR p.state <> 'draining') \
             THEN 1 ELSE 0 END = ?8 OR ?8 IS NULL) \
             AND (CASE WHEN h.charge IS NULL THEN 0 ELSE 1 END = ?9 OR ?9 IS NULL) \
             AND (h.charge = ?10 OR ?10 IS NULL) AND (",
            of_plan!(),
            " OR ?11 IS NULL) AND (",
            of_release!(),
            " OR ?12 IS NULL) ",
            $narrowed,
            " ORDER BY h.seq ",
            $order,
            " LIMIT ?5"
        )
    };
}

/// Whether a hold is of the plan ?11.
macro_rules! of_plan {
    () => {
        "h.plan = (SELECT n.seq FROM reserve_plan n WHERE n.mode = ?1 AND n.platform = ?2 \
         AND n.account = ?3 AND n.id = ?11)"
    };
}

/// Whether some of a hold went to the release ?12.
macro_rules! of_release {
    () => {
        "h.seq IN (SELECT a.hold FROM reserve_allocation a WHERE a.mode = ?1 \
         AND a.platform = ?2 AND a.account = ?3 AND a.release = (SELECT r.seq \
         FROM reserve_release r WHERE r.mode = ?1 AND r.platform = ?2 AND r.account = ?3 \
         AND r.id = ?12))"
    };
}

impl Record for Hold {
    type Filter = Filter;

    const BY_ID: &'static str = concat!(
        select_hold!(),
        " WHERE h.mode = ? AND h.platform = ? AND h.account = ? AND h.id = ?"
    );

    /// A hold whose row has no date of its own follows its plan's.
    fn from_row(row: &Row) -> Result<Self, StorageError> {
        let schedule = match optional_time(row, 13)? {
            Some(scheduled_release) => {
                Schedule::Own { release_after: optional_time(row, 12)?, scheduled_release }
            }
            None => Schedule::Plan { announced: optional_time(row, 14)? },
        };
        let source_type = SourceType::from_code(row.int(6)?)?;
        Ok(Self {
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

    fn id(&self) -> &str {
        &self.id
    }

    fn seq(&self) -> i64 {
        self.seq
    }

    fn looks_further(filter: &Filter) -> bool {
        let Filter { currency, is_releasable, of_charges, charge, release, .. } = filter;
        let is_narrowed = currency.is_some() || is_releasable.is_some() || of_charges.is_some();
        charge.is_none() && release.is_none() && is_narrowed
    }

    /// The ids that a list is narrowed to choose its index: a charge first, since it has the fewest
    /// holds, then a release, then a plan.
    fn pages(filter: &Filter, values: &mut Vec<Value>) -> (&'static str, &'static str) {
        values.extend(values![
            filter.currency.as_ref().map(Currency::as_str),
            filter.is_releasable,
            filter.of_charges,
            filter.charge.as_deref(),
            filter.plan.as_deref(),
            filter.release.as_deref()
        ]);
        match (&filter.charge, &filter.plan, &filter.release) {
            (Some(_), _, _) => hold_pages!("AND h.charge = ?10"),
            (None, _, Some(_)) => hold_pages!(concat!("AND ", of_release!())),
            (None, Some(_), None) => hold_pages!(concat!("AND ", of_plan!())),
            (None, None, None) => hold_pages!(""),
        }
    }
}

impl Linked for Hold {
    const BY_IDS: &'static str = in_page!(
        concat!(
            select_hold!(),
            " WHERE h.mode = ?1 AND h.platform = ?2 AND h.account = ?3 AND h.id IN "
        ),
        ""
    );
}

/// The columns of a schedule: `release_after`, `scheduled_release`, `announced_release`. A hold has
/// a date of its own or an announced one of its plan, and the table refuses both.
fn schedule_values(schedule: Schedule) -> [Value; 3] {
    match schedule {
        Schedule::Own { release_after, scheduled_release } => {
            [time_value(release_after), Value::Int(scheduled_release.unix()), Value::Null]
        }
        Schedule::Plan { announced } => [Value::Null, Value::Null, time_value(announced)],
    }
}

/// Adds a hold.
pub(crate) fn insert(tx: &mut Tx<'_>, owner: &Owner, hold: &Hold) {
    let [release_after, scheduled_release, announced_release] = schedule_values(hold.schedule);
    tx.defer(
        "INSERT INTO reserve_hold (mode, platform, account, seq, id, created, amount, released, \
         currency, source_type, charge, plan, release_after, scheduled_release, announced_release, \
         pending, available_on, metadata) \
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        of_owner(
            owner,
            values![
                hold.seq,
                hold.id.as_str(),
                hold.created,
                hold.amount,
                hold.released,
                hold.pool.currency.as_str(),
                hold.pool.source_type.code(),
                hold.charge(),
                hold.plan().map(|plan| plan.seq),
                release_after,
                scheduled_release,
                announced_release,
                hold.pending,
                hold.available_on,
                hold.metadata.to_json_text()
            ],
        ),
    );
}

/// Stores the columns of a hold that callers change: its schedule and its metadata.
pub(crate) fn update(tx: &mut Tx<'_>, owner: &Owner, hold: &Hold) {
    let mut values = Vec::from(schedule_values(hold.schedule));
    values.push(Value::Text(hold.metadata.to_json_text()));
    values.extend(of_owner(owner, values![hold.seq]));
    tx.defer(
        "UPDATE reserve_hold SET release_after = ?, scheduled_release = ?, announced_release = ?, \
         metadata = ? WHERE mode = ? AND platform = ? AND account = ? AND seq = ?",
        values,
    );
}

/// Stores how much of a hold was released in all.
pub(crate) fn set_released(tx: &mut Tx<'_>, owner: &Owner, seq: i64, released: i64) {
    let mut values = Vec::from(values![released]);
    values.extend(of_owner(owner, values![seq]));
    tx.defer(
        "UPDATE reserve_hold SET released = ? \
         WHERE mode = ? AND platform = ? AND account = ? AND seq = ?",
        values,
    );
}

/// Stores which date of its plan a hold's last event said, so that it is not announced again.
pub(crate) fn set_announced(tx: &mut Tx<'_>, owner: &Owner, seq: i64, at: Option<Timestamp>) {
    let mut values = vec![time_value(at)];
    values.extend(of_owner(owner, values![seq]));
    tx.defer(
        "UPDATE reserve_hold SET announced_release = ? \
         WHERE mode = ? AND platform = ? AND account = ? AND seq = ?",
        values,
    );
}

/// The holds of a charge that are not released, by age of their plans: the order in which refunds
/// and disputes consume them.
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
            &of_owner(owner, values![charge]),
        )
        .await?;
    rows.iter().map(Hold::from_row).collect()
}

/// How much of a charge's pending money is reserved, by all of its holds.
pub(crate) async fn reserved_pending(
    tx: &mut Tx<'_>,
    owner: &Owner,
    charge: &str,
) -> Result<i64, StorageError> {
    let rows = tx
        .query(
            "SELECT CAST(SUM(amount - released) AS BIGINT) FROM reserve_hold \
             WHERE mode = ? AND platform = ? \
             AND account = ? AND charge = ? AND pending = 1",
            &of_owner(owner, values![charge]),
        )
        .await?;
    let sum = rows.first().ok_or_else(|| corrupt("a sum gave no row"))?.optional_int(0)?;
    Ok(sum.unwrap_or(0))
}

/// How much of a charge's holds is pending that becomes available by `until`.
pub(crate) async fn pending_until(
    tx: &mut Tx<'_>,
    owner: &Owner,
    charge: &str,
    until: i64,
) -> Result<i64, StorageError> {
    let rows = tx
        .query(
            "SELECT CAST(SUM(amount - released) AS BIGINT) FROM reserve_hold \
             WHERE mode = ? AND platform = ? \
             AND account = ? AND charge = ? AND pending = 1 AND available_on <= ?",
            &of_owner(owner, values![charge, until]),
        )
        .await?;
    let sum = rows.first().ok_or_else(|| corrupt("a sum gave no row"))?.optional_int(0)?;
    Ok(sum.unwrap_or(0))
}

/// Stores that the money of a charge's holds is available which becomes so by `until`, of released
/// ones too.
pub(crate) fn settle_charge(tx: &mut Tx<'_>, owner: &Owner, charge: &str, until: i64) {
    tx.defer(
        "UPDATE reserve_hold SET pending = 0 WHERE mode = ? AND platform = ? AND account = ? \
         AND charge = ? AND pending = 1 AND available_on <= ?",
        of_owner(owner, values![charge, until]),
    );
}

/// Whether something of a charge was ever held.
pub(crate) async fn was_held(
    tx: &mut Tx<'_>,
    owner: &Owner,
    charge: &str,
) -> Result<bool, StorageError> {
    let rows = tx
        .query(
            "SELECT 1 FROM reserve_hold WHERE mode = ? AND platform = ? AND account = ? \
             AND charge = ? LIMIT 1",
            &of_owner(owner, values![charge]),
        )
        .await?;
    Ok(!rows.is_empty())
}

/// Stores the date to which a charge's pending money has moved, in the holds of it.
pub(crate) fn move_charge(tx: &mut Tx<'_>, owner: &Owner, charge: &Charge, to: Timestamp) {
    let mut values = Vec::from(values![to]);
    values.extend(of_owner(owner, values![charge.id.as_str(), charge.available_on]));
    tx.defer(
        "UPDATE reserve_hold SET available_on = ? WHERE mode = ? AND platform = ? \
         AND account = ? AND charge = ? AND pending = 1 AND available_on = ?",
        values,
    );
}

/// How much is reserved of a charge: pending, and available.
pub(crate) async fn reserved(
    tx: &mut Tx<'_>,
    owner: &Owner,
    charge: &str,
) -> Result<[i64; 2], StorageError> {
    let rows = tx
        .query(
            "SELECT CAST(COALESCE(SUM(CASE pending WHEN 1 THEN amount - released ELSE 0 END), 0) \
             AS BIGINT), \
             CAST(COALESCE(SUM(CASE pending WHEN 0 THEN amount - released ELSE 0 END), 0) \
             AS BIGINT) FROM reserve_hold \
             WHERE mode = ? AND platform = ? AND account = ? AND charge = ?",
            &of_owner(owner, values![charge]),
        )
        .await?;
    let row = rows.first().ok_or_else(|| corrupt("a sum gave no row"))?;
    Ok([row.int(0)?, row.int(1)?])
}

/// Stores the pool to which a charge has moved, in its holds.
pub(crate) fn set_pool(tx: &mut Tx<'_>, owner: &Owner, charge: &str, source_type: SourceType) {
    let mut values = Vec::from(values![source_type.code()]);
    values.extend(of_owner(owner, values![charge]));
    tx.defer(
        "UPDATE reserve_hold SET source_type = ? \
         WHERE mode = ? AND platform = ? AND account = ? AND charge = ?",
        values,
    );
}
