//! The SQL of the scheduled tasks: which holds are due, and which plans end, drain or were moved.
//! The statements that look for work read rows of all owners, each by a partial index that holds
//! only what waits for its task, so that they cost little while nothing is due.

use super::hold::{OWNER_OF_HOLD, select_hold};
use super::plan::{OWNER_OF_PLAN, select_plan};
use crate::model::hold::Hold;
use crate::model::plan::Plan;
use coffer_base::{Owner, Timestamp};
use coffer_kernel::schedule::Due;
use coffer_ledger::sql::{Record, of_owner, owner};
use coffer_storage::{Row, StorageError, Store, Tx, values};

/// A row of [`select_hold`], with its owner.
fn owned_hold(row: &Row) -> Result<(Owner, Hold), StorageError> {
    Ok((owner(row, OWNER_OF_HOLD)?, Hold::from_row(row)?))
}

/// A row of [`select_plan`], with its owner.
fn owned_plan(row: &Row) -> Result<(Owner, Plan), StorageError> {
    Ok((owner(row, OWNER_OF_PLAN)?, Plan::from_row(row)?))
}

/// Whether a hold with a date of its own is due.
pub(crate) async fn any_hold_due(store: &Store, due: &Due) -> Result<bool, StorageError> {
    let rows = store
        .query_part(
            "SELECT 1 FROM reserve_hold WHERE scheduled_release IS NOT NULL \
             AND released < amount AND scheduled_release <= ? AND (? = '' OR platform = ?) LIMIT 1",
            &values![due.at, due.platform(), due.platform()],
        )
        .await?;
    Ok(!rows.is_empty())
}

/// The next holds whose own date has come, at most `most`: by date, then by owner, currency and
/// plan, so that the holds of one release stand side by side.
pub(crate) async fn due_holds(
    tx: &mut Tx<'_>,
    due: &Due,
    most: i64,
) -> Result<Vec<(Owner, Hold)>, StorageError> {
    let rows = tx
        .query_part(
            concat!(
                select_hold!(),
                " WHERE h.scheduled_release IS NOT NULL AND h.released < h.amount \
                 AND h.scheduled_release <= ? AND (? = '' OR h.platform = ?) \
                 ORDER BY h.scheduled_release, h.mode, h.platform, h.account, \
                 h.currency, h.plan NULLS FIRST, h.seq LIMIT ?"
            ),
            &values![due.at, due.platform(), due.platform(), most],
        )
        .await?;
    rows.iter().map(owned_hold).collect()
}

/// Whether an active plan's end has come.
pub(crate) async fn any_plan_ending(store: &Store, due: &Due) -> Result<bool, StorageError> {
    let rows = store
        .query_part(
            "SELECT 1 FROM reserve_plan WHERE state = 'active' AND ends_at <= ? \
             AND (? = '' OR platform = ?) LIMIT 1",
            &values![due.at, due.platform(), due.platform()],
        )
        .await?;
    Ok(!rows.is_empty())
}

/// The next active plans whose end has come, at most `most`: by that time, then by owner.
pub(crate) async fn ending_plans(
    tx: &mut Tx<'_>,
    due: &Due,
    most: i64,
) -> Result<Vec<(Owner, Plan)>, StorageError> {
    let rows = tx
        .query_part(
            concat!(
                select_plan!(),
                " WHERE state = 'active' AND ends_at <= ? AND (? = '' OR platform = ?) \
                 ORDER BY ends_at, mode, platform, account, seq LIMIT ?"
            ),
            &values![due.at, due.platform(), due.platform(), most],
        )
        .await?;
    rows.iter().map(owned_plan).collect()
}

/// Whether a disabled plan still has holds to be released.
pub(crate) async fn any_plan_draining(store: &Store, due: &Due) -> Result<bool, StorageError> {
    let sql = "SELECT 1 FROM reserve_plan WHERE state = 'draining' \
               AND (? = '' OR platform = ?) LIMIT 1";
    Ok(!store.query_part(sql, &values![due.platform(), due.platform()]).await?.is_empty())
}

/// The next disabled plans that still have holds to be released: the first disabled first.
pub(crate) async fn draining_plans(
    tx: &mut Tx<'_>,
    due: &Due,
    most: i64,
) -> Result<Vec<(Owner, Plan)>, StorageError> {
    let rows = tx
        .query_part(
            concat!(
                select_plan!(),
                " WHERE state = 'draining' AND (? = '' OR platform = ?) \
                 ORDER BY disable_requested_at, mode, platform, account, seq LIMIT ?"
            ),
            &values![due.platform(), due.platform(), most],
        )
        .await?;
    rows.iter().map(owned_plan).collect()
}

/// Whether a plan was moved whose new date is still to be announced.
pub(crate) async fn any_plan_announcing(store: &Store, due: &Due) -> Result<bool, StorageError> {
    let sql = "SELECT 1 FROM reserve_plan WHERE announcing = 1 AND (? = '' OR platform = ?) \
               LIMIT 1";
    Ok(!store.query_part(sql, &values![due.platform(), due.platform()]).await?.is_empty())
}

/// The next plans whose new date is still to be announced.
pub(crate) async fn announcing_plans(
    tx: &mut Tx<'_>,
    due: &Due,
    most: i64,
) -> Result<Vec<(Owner, Plan)>, StorageError> {
    let rows = tx
        .query_part(
            concat!(
                select_plan!(),
                " WHERE announcing = 1 AND (? = '' OR platform = ?) \
                 ORDER BY mode, platform, account, seq LIMIT ?"
            ),
            &values![due.platform(), due.platform(), most],
        )
        .await?;
    rows.iter().map(owned_plan).collect()
}

/// Which of a plan's holds that are not released.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Which {
    /// All of them.
    All,
    /// Those that have the plan's date. The others were moved by a caller, and stay until their
    /// own.
    WithPlansDate,
}

/// A plan's holds that are not released, at most `most`, in the order of their index; `plan` is the
/// plan's number.
pub(crate) async fn holds_left(
    tx: &mut Tx<'_>,
    owner: &Owner,
    plan: i64,
    which: Which,
    most: i64,
) -> Result<Vec<Hold>, StorageError> {
    let rows = tx
        .query(
            concat!(
                select_hold!(),
                " WHERE h.mode = ? AND h.platform = ? AND h.account = ? AND h.plan = ? \
                 AND h.released < h.amount AND (? = 1 OR h.scheduled_release IS NULL) \
                 ORDER BY h.announced_release NULLS FIRST, h.currency, h.seq LIMIT ?"
            ),
            &of_owner(owner, values![plan, which == Which::All, most]),
        )
        .await?;
    rows.iter().map(Hold::from_row).collect()
}

/// The holds of a moved plan whose last event said another date than `current`, and that are not
/// released, at most `most`. There are two statements, for earlier and for later dates, since an
/// index finds ranges and not what is unequal.
pub(crate) async fn holds_to_announce(
    tx: &mut Tx<'_>,
    owner: &Owner,
    plan: i64,
    current: Timestamp,
    most: i64,
) -> Result<Vec<Hold>, StorageError> {
    let mut holds = Vec::new();
    let earlier = concat!(
        select_hold!(),
        " WHERE h.mode = ? AND h.platform = ? AND h.account = ? AND h.plan = ? \
         AND h.released < h.amount AND h.announced_release < ? LIMIT ?"
    );
    let later = concat!(
        select_hold!(),
        " WHERE h.mode = ? AND h.platform = ? AND h.account = ? AND h.plan = ? \
         AND h.released < h.amount AND h.announced_release > ? LIMIT ?"
    );
    for sql in [earlier, later] {
        let left = most.saturating_sub(i64::try_from(holds.len()).unwrap_or(most));
        let values = of_owner(owner, values![plan, current, left]);
        for row in tx.query(sql, &values).await? {
            holds.push(Hold::from_row(&row)?);
        }
    }
    Ok(holds)
}
