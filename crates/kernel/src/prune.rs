//! Deleting many rows in small transactions, whichever crate they belong to.

use crate::clock_guard::DueTimes;
use crate::event::AGED_EVENTS;
use crate::jobs::{Job, JobContext, Tally};
use crate::principal::BoxFuture;
use crate::store::{AGED_RECORDS, AGED_TOMBSTONES, PruneBatch, PruneNumbered, tenant_values};
use coffer_audit::Entry;
use coffer_base::{Slots, Tenant, Timestamp, limit};
use coffer_storage::{Query, StorageError, Store, Value, values};
use std::time::Duration;

pub use crate::store::Prune;

/// Deletes all rows that `params` choose, in batches, and says how many there were. It is for a
/// table that is not spread over many servers.
///
/// # Errors
/// When a batch fails; what was deleted stays deleted, and a second call goes on.
pub async fn prune(store: &Store, prune: Prune, params: &[Value]) -> Result<u64, StorageError> {
    prune_by(store, |rows| PruneBatch::new(prune, params.to_vec(), rows)).await
}

/// The same in a table that is spread, part by part.
///
/// # Errors
/// The last failure of a part; the others are pruned.
pub async fn prune_all_accounts(
    store: &Store,
    prune: Prune,
    params: &[Value],
) -> Result<u64, StorageError> {
    let mut done = Tally::default();
    for part in store.parts().await? {
        let batch = |rows| PruneBatch::new(prune, params.to_vec(), rows).of_all_accounts();
        done.add(prune_by(&part, batch).await);
    }
    done.end()
}

/// Deletes batches that `batch` makes, of so many rows each, until one finds none.
async fn prune_by(store: &Store, batch: impl Fn(i64) -> PruneBatch) -> Result<u64, StorageError> {
    let (mut deleted, mut at_once) = (0u64, limit::JOB_BATCH);
    loop {
        let batch = batch(at_once);
        let rows = match store.write(batch).await {
            Err(StorageError::NoSpace(_)) if at_once > 1 => {
                at_once = fewer(at_once);
                continue;
            }
            outcome => outcome?,
        };
        deleted = deleted.saturating_add(rows);
        if rows == 0 {
            return Ok(deleted);
        }
    }
}

/// On a full disk there may be room in the log for fewer.
fn fewer(at_once: i64) -> i64 {
    (at_once / 8).max(1)
}

/// Deletes the stored responses of an embedded store that have been kept for as long as they are.
///
/// They are looked at in the order in which they were written, until as many as one transaction
/// deletes are all too young. So a response never goes before its own time. It may go later, if a
/// clock that was ahead has dated those before it: by as much as the clock was ahead, and not at
/// all while they lie in the future.
async fn prune_records(store: &Store, times: DueTimes) -> Result<u64, StorageError> {
    let (before, now) = (times.proven.plus(-limit::IDEMPOTENCY_SECONDS), times.now);
    let (mut deleted, mut rows, mut after) = (0u64, limit::JOB_BATCH, i64::MIN);
    loop {
        let (went, next) = match store.write(PruneNumbered { after, rows, before, now }).await {
            Err(StorageError::NoSpace(_)) if rows > 1 => {
                rows = fewer(rows);
                continue;
            }
            outcome => outcome?,
        };
        deleted = deleted.saturating_add(went);
        let Some(next) = next else { return Ok(deleted) };
        after = next;
    }
}

/// Deletes all rows of `tenant` that `prunes` reach. Each
/// batch asks `condition` first, in its own transaction, and nothing more is deleted once that
/// finds no row.
pub async fn purge_tenant(
    store: &Store,
    tenant: &Tenant,
    prunes: &[Prune],
    condition: &Query,
) -> Result<u64, StorageError> {
    let slots = Slots::of_tenant(tenant);
    let [mode, app, account] = tenant_values(tenant);
    let params = values![mode, app, account, slots.first(), slots.last()];
    let mut erased = 0u64;
    for one in prunes {
        let batch = |rows| PruneBatch::new(*one, params.to_vec(), rows).on(Some(condition));
        let rows = prune_by(store, batch).await?;
        erased = erased.saturating_add(rows);
    }
    Ok(erased)
}

/// Deletes all rows of one user of `tenant` that `prunes` reach.
///
/// # Errors
/// When a batch fails; what was deleted stays deleted, and a second call goes on.
pub async fn purge_user(
    store: &Store,
    tenant: &Tenant,
    user: &str,
    prunes: &[Prune],
) -> Result<u64, StorageError> {
    let slots = Slots::of_tenant(tenant);
    let [mode, app, account] = tenant_values(tenant);
    let params = values![mode, app, account, slots.first(), slots.last(), user];
    let mut erased = 0u64;
    for one in prunes {
        let batch = |rows| PruneBatch::new(*one, params.to_vec(), rows);
        erased = erased.saturating_add(prune_by(store, batch).await?);
    }
    Ok(erased)
}

/// Prunes stored responses, tombstones and events that have served their time.
#[derive(Debug)]
pub struct PruneAged;

impl Job for PruneAged {
    fn name(&self) -> &'static str {
        "prune"
    }

    fn every(&self) -> Duration {
        Duration::from_secs(limit::PRUNE_EVERY_SECONDS)
    }

    fn run<'a>(&'a self, context: &'a JobContext) -> BoxFuture<'a, Result<u64, StorageError>> {
        Box::pin(async move {
            let Some(times) = context.due_times().await? else { return Ok(0) };
            let pruned = prune_aged(&context.store, times).await?;
            audit_prune(&context.store, "program.prune", pruned, times.now).await?;
            Ok(pruned)
        })
    }
}

/// Has the audit say that a pass of a job has deleted so many rows which have served their time,
/// if there were any.
///
/// # Errors
/// When it cannot be written.
pub async fn audit_prune(
    store: &Store,
    operation: &'static str,
    rows: u64,
    now: Timestamp,
) -> Result<(), StorageError> {
    if rows == 0 {
        return Ok(());
    }
    let entry = Entry::of_program(operation, Tenant::system(), now);
    let amount = Some(i64::try_from(rows).unwrap_or(i64::MAX));
    coffer_audit::record(store, Entry { amount, ..entry }).await
}

/// Prunes what is older than it is kept.
pub(crate) async fn prune_aged(store: &Store, times: DueTimes) -> Result<u64, StorageError> {
    let before = |seconds: i64| values![times.proven.plus(-seconds)];
    let mut done = Tally::default();
    done.add(if store.is_shared() {
        prune_all_accounts(store, AGED_RECORDS, &before(limit::IDEMPOTENCY_SECONDS)).await
    } else {
        prune_records(store, times).await
    });
    for (rows, seconds) in
        [(AGED_TOMBSTONES, limit::TOMBSTONE_SECONDS), (AGED_EVENTS, limit::EVENT_SECONDS)]
    {
        done.add(prune_all_accounts(store, rows, &before(seconds)).await);
    }
    done.end()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{MIGRATIONS, Record, insert_record};
    use coffer_base::{AccountId, AppId, Mode};
    use coffer_storage::{Options, Tx, Work};

    const NOW: Timestamp = Timestamp::from_unix(1_800_000_000);

    /// Stored responses of one tenant, so many seconds after [`NOW`].
    struct All(Vec<i64>);

    impl Work for All {
        type Out = ();

        async fn run(&self, tx: &mut Tx<'_>) -> Result<(), StorageError> {
            for (number, time) in (0u32..).zip(&self.0) {
                store_response("app_1", number, NOW.plus(*time), tx);
            }
            Ok(())
        }
    }

    fn store_response(app: &str, number: u32, at: Timestamp, tx: &mut Tx<'_>) {
        let tenant = Tenant {
            mode: Mode::Test,
            app: AppId::parse(app).unwrap(),
            account: AccountId::parse("acct_1").unwrap(),
        };
        let record = Record {
            operation: "x".into(),
            parameters: vec![],
            request: "req".into(),
            response: vec![],
        };
        insert_record(tx, &tenant, &number.to_be_bytes(), record, at);
    }

    /// The times of stored responses in the order in which they were written, and how many of them
    /// are kept a day and a second after [`NOW`].
    #[tokio::test]
    async fn no_response_goes_before_its_time_whatever_the_clock_said() {
        const YEAR: i64 = 31_536_000;
        let batch = limit::JOB_BATCH;
        let many = |from: i64, count: i64| (0..count).map(move |_| from);
        let (old, young) = (0, 2);
        let cases: [(&str, Vec<i64>, usize); 6] = [
            ("in order", vec![-2, -1, 0, 1, 2, 3], 3),
            ("set back by an hour", vec![0, 1, 3600, 0, 1], 3),
            ("the last is old", many(young, batch - 1).chain([old]).collect(), 499),
            ("a year ahead", many(YEAR, 2 * batch).chain([old, young]).collect(), 1001),
            ("ahead by less than a day", many(young, batch).chain([old]).collect(), 501),
            ("nothing is old", many(young, 3).collect(), 3),
        ];
        for (what, times, expected) in cases {
            let directory = tempfile::tempdir().unwrap();
            let path = directory.path().join("data.db");
            let options = Options::default();
            let (store, _) = Store::open_sqlite(&path, &[MIGRATIONS], NOW, options).unwrap();
            store.write(All(times.clone())).await.unwrap();
            let now = NOW.plus(limit::IDEMPOTENCY_SECONDS + 1);
            prune_aged(&store, DueTimes { now, proven: now }).await.unwrap();
            let sql = "SELECT count(*), count(CASE WHEN created > ? THEN 1 END) \
                       FROM idempotency_record";
            let row = store.query_part(sql, &values![NOW]).await.unwrap().remove(0);
            assert_eq!(row.int(0).unwrap(), i64::try_from(expected).unwrap(), "{what}");
            let due = times.iter().filter(|time| **time > 0).count();
            assert_eq!(row.int(1).unwrap(), i64::try_from(due).unwrap(), "{what}");
        }
    }
}
