//! The SQL of plans.

use super::{corrupt, of_owner, page_values, pages};
use crate::ledger::Pool;
use crate::plan::{Plan, State, Terms};
use coffer_base::{Currency, Owner, Timestamp};
use coffer_dialect::Metadata;
use coffer_kernel::PagePosition;
use coffer_storage::{Row, StorageError, Store, Tx, Value};

/// A plan, with its owner at the end.
macro_rules! select_plan {
    () => {
        "SELECT seq, id, created, currency, percent, type, release_after, days_after_charge, \
         ends_at, state, disable_requested_at, drained_at, announcing, metadata, \
         mode, platform, account FROM reserve_plan"
    };
}
pub(crate) use select_plan;

/// Where the owner stands in a row of [`select_plan`].
pub(crate) const OWNER_OF_PLAN: usize = 14;

fn time(value: Option<i64>) -> Option<Timestamp> {
    value.map(Timestamp::from_unix)
}

fn unix(at: Option<Timestamp>) -> Value {
    at.map_or(Value::Null, |at| Value::Int(at.unix()))
}

fn terms(row: &Row) -> Result<Terms, StorageError> {
    let missing = || corrupt("a plan lacks the figures of its type");
    match row.text(5)? {
        "fixed_release" => {
            let release_after = time(row.optional_int(6)?).ok_or_else(missing)?;
            Ok(Terms::Fixed { release_after })
        }
        "rolling_release" => Ok(Terms::Rolling {
            days_after_charge: row.optional_int(7)?.ok_or_else(missing)?,
            expires_on: time(row.optional_int(8)?),
        }),
        "manual_release" => Ok(Terms::Manual),
        _ => Err(corrupt("a plan has no type of ours")),
    }
}

fn state(row: &Row) -> Result<State, StorageError> {
    let missing = || corrupt("a plan lacks the times of its state");
    let since = || time(row.optional_int(10)?).ok_or_else(missing);
    match row.text(9)? {
        "active" => Ok(State::Active),
        "expired" => Ok(State::Expired),
        "draining" => Ok(State::Draining { since: since()? }),
        "disabled" => {
            let drained_at = time(row.optional_int(11)?).ok_or_else(missing)?;
            Ok(State::Disabled { since: since()?, drained_at })
        }
        _ => Err(corrupt("a plan has no state of ours")),
    }
}

pub(super) fn metadata(text: &str) -> Result<Metadata, StorageError> {
    Metadata::from_json_text(text).ok_or_else(|| corrupt("a row's metadata cannot be read"))
}

/// A row of [`select_plan`].
pub(crate) fn plan(row: &Row) -> Result<Plan, StorageError> {
    let currency = row.optional_text(3)?;
    let known = |code| Currency::parse(code).ok_or_else(|| corrupt("a plan has no such currency"));
    Ok(Plan {
        seq: row.int(0)?,
        id: row.text(1)?.to_owned(),
        created: Timestamp::from_unix(row.int(2)?),
        currency: currency.map(known).transpose()?,
        percent: row.int(4)?,
        terms: terms(row)?,
        state: state(row)?,
        announcing: row.int(12)? != 0,
        metadata: metadata(row.text(13)?)?,
    })
}

/// What of a plan may change: percent, terms, state, announcing, metadata.
fn changing(plan: &Plan) -> Vec<Value> {
    let (release_after, days_after_charge) = match plan.terms {
        Terms::Fixed { release_after } => (Some(release_after), None),
        Terms::Rolling { days_after_charge, .. } => (None, Some(days_after_charge)),
        Terms::Manual => (None, None),
    };
    let (since, drained_at) = match plan.state {
        State::Active | State::Expired => (None, None),
        State::Draining { since } => (Some(since), None),
        State::Disabled { since, drained_at } => (Some(since), Some(drained_at)),
    };
    vec![
        Value::Int(plan.percent),
        unix(release_after),
        unix(plan.terms.scheduled_release()),
        Value::from(days_after_charge),
        unix(plan.terms.ends_at()),
        Value::from(plan.state.as_str()),
        unix(since),
        unix(drained_at),
        Value::from(plan.announcing),
        Value::Text(plan.metadata.to_json_text()),
    ]
}

/// Adds a plan.
pub(crate) fn insert(tx: &mut Tx<'_>, owner: &Owner, plan: &Plan) {
    let fixed = [
        Value::Int(plan.seq),
        Value::from(plan.id.as_str()),
        Value::Int(plan.created.unix()),
        Value::from(plan.currency.as_ref().map(Currency::as_str)),
        Value::from(plan.terms.as_str()),
    ];
    let values: Vec<_> = of_owner(owner, fixed).into_iter().chain(changing(plan)).collect();
    tx.defer(
        "INSERT INTO reserve_plan (mode, platform, account, seq, id, created, currency, type, \
         percent, release_after, scheduled_release, days_after_charge, ends_at, state, \
         disable_requested_at, drained_at, announcing, metadata) \
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        values,
    );
}

/// Writes down what of a plan may change.
pub(crate) fn update(tx: &mut Tx<'_>, owner: &Owner, plan: &Plan) {
    let mut values = changing(plan);
    values.extend(of_owner(owner, [Value::Int(plan.seq)]));
    tx.defer(
        "UPDATE reserve_plan SET percent = ?, release_after = ?, scheduled_release = ?, \
         days_after_charge = ?, ends_at = ?, state = ?, disable_requested_at = ?, \
         drained_at = ?, announcing = ?, metadata = ? \
         WHERE mode = ? AND platform = ? AND account = ? AND seq = ?",
        values,
    );
}

macro_rules! plan_by_id {
    () => {
        concat!(select_plan!(), " WHERE mode = ? AND platform = ? AND account = ? AND id = ?")
    };
}

/// A plan by its id, as a turn sees it.
pub(crate) async fn find(
    tx: &mut Tx<'_>,
    owner: &Owner,
    id: &str,
) -> Result<Option<Plan>, StorageError> {
    let rows = tx.query(plan_by_id!(), &of_owner(owner, [Value::from(id)])).await?;
    rows.first().map(plan).transpose()
}

/// A plan by its id.
pub(crate) async fn read(
    store: &Store,
    owner: &Owner,
    id: &str,
) -> Result<Option<Plan>, StorageError> {
    let rows = store.query(plan_by_id!(), &of_owner(owner, [Value::from(id)])).await?;
    rows.first().map(plan).transpose()
}

/// How many of an owner's plans are active.
pub(crate) async fn count_active(tx: &mut Tx<'_>, owner: &Owner) -> Result<i64, StorageError> {
    let rows = tx
        .query(
            "SELECT COUNT(*) FROM reserve_plan WHERE mode = ? AND platform = ? AND account = ? \
             AND state = 'active'",
            &of_owner(owner, []),
        )
        .await?;
    rows.first().ok_or_else(|| corrupt("a count gave no row"))?.int(0)
}

/// The plans that look at a charge of `pool` and `created`, in the order of their creation
/// (reserves §11, decisions 7 and 26).
pub(crate) async fn applying(
    tx: &mut Tx<'_>,
    owner: &Owner,
    pool: Pool,
    created: Timestamp,
) -> Result<Vec<Plan>, StorageError> {
    let at = Value::Int(created.unix());
    let which = [Value::from(pool.currency.as_str()), at.clone(), at];
    let rows = tx
        .query(
            concat!(
                select_plan!(),
                " WHERE mode = ? AND platform = ? AND account = ? \
                 AND state IN ('active', 'expired') AND (currency IS NULL OR currency = ?) \
                 AND created <= ? AND (ends_at IS NULL OR ends_at > ?) ORDER BY seq"
            ),
            &of_owner(owner, which),
        )
        .await?;
    rows.iter().map(plan).collect()
}

/// The plans from a position on, in the order of reading; of those whose state is among
/// `states`, if it names any.
pub(crate) async fn page(
    store: &Store,
    owner: &Owner,
    position: PagePosition,
    states: Option<[&'static str; 2]>,
) -> Result<Vec<Plan>, StorageError> {
    let mut values = page_values(owner, position);
    let [one, other] = states.unwrap_or_default();
    values.extend([Value::from(states.is_some()), Value::from(one), Value::from(other)]);
    let (newer, older) = pages!(select_plan!(), "AND (?6 = 0 OR state IN (?7, ?8))");
    let rows = store.query(if position.newer { newer } else { older }, &values).await?;
    rows.iter().map(plan).collect()
}
