//! The SQL of what plans were at any moment.

use crate::model::plan::{Plan, Terms};
use crate::store::plan;
use coffer_base::{Owner, Timestamp};
use coffer_ledger::LedgerTx;
use coffer_ledger::sql::{corrupt, of_owner, optional_time, time_value};
use coffer_storage::{Row, StorageError, Store, values};

/// What a plan was from a time on.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct PlanVersion {
    /// 1 for the plan as it was made.
    pub(crate) version: i64,
    /// From when on.
    pub(crate) at: Timestamp,
    pub(crate) percent: i64,
    pub(crate) terms: Terms,
    /// The name of its state, as in rows.
    pub(crate) state: String,
}

/// Records a plan that is new, or whose share, terms or state has changed: with the row that the
/// caller stores in the same transaction.
pub(crate) fn record(ledger: &mut LedgerTx<'_, '_>, plan: &Plan) -> Result<(), StorageError> {
    let seq = ledger.next_seq()?;
    let [release_after, days_after_charge] = plan::figures_of(plan.terms);
    let values = values![
        plan.seq,
        seq,
        ledger.at(),
        plan.percent,
        plan.terms.as_str(),
        release_after,
        time_value(plan.terms.scheduled_release()),
        days_after_charge,
        time_value(plan.terms.ends_at()),
        plan.state.as_str()
    ];
    ledger.tx.defer(
        "INSERT INTO reserve_plan_version (mode, platform, account, plan, version, seq, at, \
         percent, type, release_after, scheduled_release, days_after_charge, ends_at, state) \
         VALUES (?1, ?2, ?3, ?4, 1 + COALESCE((SELECT MAX(v.version) FROM reserve_plan_version v \
         WHERE v.mode = ?1 AND v.platform = ?2 AND v.account = ?3 AND v.plan = ?4), 0), ?5, ?6, \
         ?7, ?8, ?9, ?10, ?11, ?12, ?13)",
        of_owner(ledger.owner, values),
    );
    Ok(())
}

/// A version in a row, from its first column on.
fn from_row(row: &Row) -> Result<PlanVersion, StorageError> {
    let missing = || corrupt("a version of a plan lacks the figures of its type");
    let terms = match row.text(3)? {
        "fixed_release" => {
            Terms::Fixed { release_after: optional_time(row, 4)?.ok_or_else(missing)? }
        }
        "rolling_release" => Terms::Rolling {
            days_after_charge: row.optional_int(5)?.ok_or_else(missing)?,
            expires_on: optional_time(row, 6)?,
        },
        "manual_release" => Terms::Manual,
        _ => return Err(corrupt("a version of a plan has no known type")),
    };
    Ok(PlanVersion {
        version: row.int(0)?,
        at: Timestamp::from_unix(row.int(1)?),
        percent: row.int(2)?,
        terms,
        state: row.text(7)?.to_owned(),
    })
}

/// All versions of a plan, oldest first, at most `most`; `plan` is its number.
pub(crate) async fn all(
    store: &Store,
    owner: &Owner,
    plan: i64,
    most: i64,
) -> Result<Vec<PlanVersion>, StorageError> {
    let rows = store
        .query(
            "SELECT version, at, percent, type, release_after, days_after_charge, ends_at, state \
             FROM reserve_plan_version WHERE mode = ? AND platform = ? AND account = ? \
             AND plan = ? ORDER BY version LIMIT ?",
            &of_owner(owner, values![plan, most]),
        )
        .await?;
    rows.iter().map(from_row).collect()
}

/// The version of a plan by which the hold with the number `hold` was made: the last before it.
pub(crate) async fn of_hold(
    store: &Store,
    owner: &Owner,
    plan: i64,
    hold: i64,
) -> Result<Option<PlanVersion>, StorageError> {
    let rows = store
        .query(
            "SELECT version, at, percent, type, release_after, days_after_charge, ends_at, state \
             FROM reserve_plan_version WHERE mode = ? AND platform = ? AND account = ? \
             AND plan = ? AND seq < ? ORDER BY version DESC LIMIT 1",
            &of_owner(owner, values![plan, hold]),
        )
        .await?;
    rows.first().map(from_row).transpose()
}

/// The date that the holds of a plan without one of their own had at a moment; `None` for a plan
/// that had none.
pub(crate) async fn date_at(
    store: &Store,
    owner: &Owner,
    plan: i64,
    at: Timestamp,
) -> Result<Option<Timestamp>, StorageError> {
    let rows = store
        .query(
            "SELECT scheduled_release FROM reserve_plan_version WHERE mode = ? AND platform = ? \
             AND account = ? AND plan = ? AND at <= ? ORDER BY version DESC LIMIT 1",
            &of_owner(owner, values![plan, at]),
        )
        .await?;
    rows.first().map_or(Ok(None), |row| optional_time(row, 0))
}
