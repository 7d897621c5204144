//! The SQL of plans.

use super::metadata;
use crate::Consumption;
use crate::model::plan::{Plan, State, Terms};
use coffer_base::{Currency, Owner, Timestamp};
use coffer_ledger::sql::{Linked, Record, corrupt, of_owner, optional_time, time_value};
use coffer_ledger::{Pool, by_id, by_ids, pages};
use coffer_storage::{Row, StorageError, Tx, Value, values};

/// A plan, with its owner in the last columns.
macro_rules! select_plan {
    () => {
        "SELECT seq, id, created, currency, percent, type, release_after, days_after_charge, \
         ends_at, state, disable_requested_at, drained_at, announcing, metadata, \
         draw, hold_transfers, mode, platform, account FROM reserve_plan"
    };
}
pub(crate) use select_plan;

/// The first column of the owner in a row of [`select_plan`].
pub(crate) const OWNER_OF_PLAN: usize = 16;

/// The terms in a row of [`select_plan`], whose type says which columns are set.
fn terms(row: &Row) -> Result<Terms, StorageError> {
    let missing = || corrupt("a plan lacks the figures of its type");
    match row.text(5)? {
        "fixed_release" => {
            let release_after = optional_time(row, 6)?.ok_or_else(missing)?;
            Ok(Terms::Fixed { release_after })
        }
        "rolling_release" => Ok(Terms::Rolling {
            days_after_charge: row.optional_int(7)?.ok_or_else(missing)?,
            expires_on: optional_time(row, 8)?,
        }),
        "manual_release" => Ok(Terms::Manual),
        _ => Err(corrupt("a plan has no known type")),
    }
}

/// The state in a row of [`select_plan`], with the times that belong to it.
fn state(row: &Row) -> Result<State, StorageError> {
    let missing = || corrupt("a plan lacks the times of its state");
    let since = || optional_time(row, 10)?.ok_or_else(missing);
    match row.text(9)? {
        "active" => Ok(State::Active),
        "expired" => Ok(State::Expired),
        "draining" => Ok(State::Draining { since: since()? }),
        "disabled" => {
            let drained_at = optional_time(row, 11)?.ok_or_else(missing)?;
            Ok(State::Disabled { since: since()?, drained_at })
        }
        _ => Err(corrupt("a plan has no known state")),
    }
}

/// Which money is taken first, by its name in rows.
pub(super) fn draw(word: &str) -> Result<Consumption, StorageError> {
    let found = Consumption::CHOICES.into_iter().find(|(name, _)| *name == word);
    found.map(|(_, draw)| draw).ok_or_else(|| corrupt("a plan draws in no known way"))
}

/// The states that a list of plans is narrowed to, if it is. One status on the wire can be two
/// states; otherwise both are the same.
pub(crate) type Filter = Option<[&'static str; 2]>;

impl Record for Plan {
    type Filter = Filter;

    const BY_ID: &'static str = by_id!(select_plan!());

    fn from_row(row: &Row) -> Result<Self, StorageError> {
        let currency = row.optional_text(3)?;
        let known = |code| Currency::parse(code).ok_or_else(|| corrupt("a plan has no currency"));
        Ok(Self {
            seq: row.int(0)?,
            id: row.text(1)?.to_owned(),
            created: Timestamp::from_unix(row.int(2)?),
            currency: currency.map(known).transpose()?,
            percent: row.int(4)?,
            terms: terms(row)?,
            state: state(row)?,
            announcing: row.int(12)? != 0,
            metadata: metadata(row.text(13)?)?,
            draw: row.optional_text(14)?.map(draw).transpose()?,
            hold_transfers: row.optional_int(15)?.map(|holds| holds != 0),
        })
    }

    fn id(&self) -> &str {
        &self.id
    }

    fn seq(&self) -> i64 {
        self.seq
    }

    fn looks_further(states: &Filter) -> bool {
        states.is_some()
    }

    fn pages(states: &Filter, values: &mut Vec<Value>) -> (&'static str, &'static str) {
        let [one, other] = states.unwrap_or_default();
        values.extend(values![states.is_some(), one, other]);
        pages!(select_plan!(), "AND (?7 = 0 OR state IN (?8, ?9))")
    }
}

impl Linked for Plan {
    const BY_IDS: &'static str = by_ids!(select_plan!());
}

/// The columns of terms that only one type has: `release_after` and `days_after_charge`.
pub(crate) fn figures_of(terms: Terms) -> [Value; 2] {
    match terms {
        Terms::Fixed { release_after } => [Value::Int(release_after.unix()), Value::Null],
        Terms::Rolling { days_after_charge, .. } => [Value::Null, Value::Int(days_after_charge)],
        Terms::Manual => [Value::Null, Value::Null],
    }
}

/// The columns of a plan that can change, in the order of both statements that write them: percent,
/// terms, state, announcing, metadata, draw, hold_transfers.
fn changing(plan: &Plan) -> Vec<Value> {
    let [release_after, days_after_charge] = figures_of(plan.terms);
    let (since, drained_at) = match plan.state {
        State::Active | State::Expired => (None, None),
        State::Draining { since } => (Some(since), None),
        State::Disabled { since, drained_at } => (Some(since), Some(drained_at)),
    };
    Vec::from(values![
        plan.percent,
        release_after,
        time_value(plan.terms.scheduled_release()),
        days_after_charge,
        time_value(plan.terms.ends_at()),
        plan.state.as_str(),
        time_value(since),
        time_value(drained_at),
        plan.announcing,
        plan.metadata.to_json_text(),
        plan.draw.map(Consumption::as_str),
        plan.hold_transfers
    ])
}

/// Adds a plan.
pub(crate) fn insert(tx: &mut Tx<'_>, owner: &Owner, plan: &Plan) {
    let fixed = values![
        plan.seq,
        plan.id.as_str(),
        plan.created,
        plan.currency.as_ref().map(Currency::as_str),
        plan.terms.as_str()
    ];
    let values: Vec<_> = of_owner(owner, fixed).into_iter().chain(changing(plan)).collect();
    tx.defer(
        "INSERT INTO reserve_plan (mode, platform, account, seq, id, created, currency, type, \
         percent, release_after, scheduled_release, days_after_charge, ends_at, state, \
         disable_requested_at, drained_at, announcing, metadata, draw, hold_transfers) \
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        values,
    );
}

/// Stores the columns of a plan that can change.
pub(crate) fn update(tx: &mut Tx<'_>, owner: &Owner, plan: &Plan) {
    let mut values = changing(plan);
    values.extend(of_owner(owner, values![plan.seq]));
    tx.defer(
        "UPDATE reserve_plan SET percent = ?, release_after = ?, scheduled_release = ?, \
         days_after_charge = ?, ends_at = ?, state = ?, disable_requested_at = ?, \
         drained_at = ?, announcing = ?, metadata = ?, draw = ?, hold_transfers = ? \
         WHERE mode = ? AND platform = ? AND account = ? AND seq = ?",
        values,
    );
}

/// How many of an owner's plans are active. The ledger's lock keeps the number true until the
/// commit.
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

/// Whether any plan can apply to charges of a pool, whenever they were created.
pub(crate) async fn are_any(
    tx: &mut Tx<'_>,
    owner: &Owner,
    pool: Pool,
) -> Result<bool, StorageError> {
    let rows = tx
        .query(
            "SELECT 1 FROM reserve_plan WHERE mode = ? AND platform = ? AND account = ? \
             AND state IN ('active', 'expired') AND (currency IS NULL OR currency = ?) LIMIT 1",
            &of_owner(owner, values![pool.currency.as_str()]),
        )
        .await?;
    Ok(!rows.is_empty())
}

/// The plans that can apply to a charge that was created at `created`, oldest first, which is the
/// order in which they reserve. Expired ones are among them, for charges that are recorded after
/// the plan's end and were created before it; [`Plan::applies`] has the last word.
pub(crate) async fn applying(
    tx: &mut Tx<'_>,
    owner: &Owner,
    pool: Pool,
    created: Timestamp,
) -> Result<Vec<Plan>, StorageError> {
    let at = Value::Int(created.unix());
    let which = values![pool.currency.as_str(), at.clone(), at];
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
    rows.iter().map(Plan::from_row).collect()
}
