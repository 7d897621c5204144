//! Deleting many rows in small transactions, whichever crate they belong to.

use crate::event::AGED_EVENTS;
use crate::jobs::{Job, JobContext, Tally};
use crate::principal::BoxFuture;
use crate::store::{AGED_RECORDS, AGED_TOMBSTONES, PruneBatch, tenant_values};
use coffer_base::{Tenant, Timestamp, limit};
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
            // On a full disk there may be room in the log for fewer.
            Err(StorageError::NoSpace(_)) if at_once > 1 => {
                at_once = (at_once / 8).max(1);
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

/// Deletes all rows of `tenant` that `prunes` reach; their `select` takes mode, app, account. Each
/// batch asks `condition` first, in its own transaction, and nothing more is deleted once that
/// finds no row.
pub async fn purge_tenant(
    store: &Store,
    tenant: &Tenant,
    prunes: &[Prune],
    condition: &Query,
) -> Result<u64, StorageError> {
    let mut erased = 0u64;
    for one in prunes {
        let params = tenant_values(tenant).to_vec();
        let batch = |rows| PruneBatch::new(*one, params.clone(), rows).on(Some(condition));
        let rows = prune_by(store, batch).await?;
        erased = erased.saturating_add(rows);
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
            prune_aged(&context.store, times.proven).await
        })
    }
}

/// Prunes what is older than it is kept.
pub(crate) async fn prune_aged(store: &Store, now: Timestamp) -> Result<u64, StorageError> {
    let before = |seconds: i64| values![now.plus(-seconds)];
    let mut done = Tally::default();
    for (rows, seconds) in [
        (AGED_RECORDS, limit::IDEMPOTENCY_SECONDS),
        (AGED_TOMBSTONES, limit::TOMBSTONE_SECONDS),
        (AGED_EVENTS, limit::EVENT_SECONDS),
    ] {
        done.add(prune_all_accounts(store, rows, &before(seconds)).await);
    }
    done.end()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{MIGRATIONS, Record, insert_record};
    use coffer_base::{AccountId, AppId, Mode, Tenant};
    use coffer_storage::{Options, Tx, Work};

    const NOW: Timestamp = Timestamp::from_unix(1_800_000_000);

    /// Stored responses of one app, a second apart.
    struct Fill {
        app: &'static str,
        responses: u32,
    }

    impl Work for Fill {
        type Out = ();

        async fn run(&self, tx: &mut Tx<'_>) -> Result<(), StorageError> {
            let tenant = Tenant {
                mode: Mode::Test,
                app: AppId::parse(self.app).unwrap(),
                account: AccountId::parse("acct_1").unwrap(),
            };
            for number in 0..self.responses {
                let record = Record {
                    operation: "x".into(),
                    parameters: vec![],
                    request: "req".into(),
                    response: vec![],
                };
                let at = NOW.plus(i64::from(number));
                insert_record(tx, &tenant, &number.to_be_bytes(), record, at);
            }
            Ok(())
        }
    }

    async fn kept(store: &Store, app: &str) -> (i64, i64) {
        let sql = "SELECT count(*), min(created) FROM idempotency_record WHERE app = ?";
        let rows = store.query_part(sql, &values![app]).await.unwrap();
        (rows[0].int(0).unwrap(), rows[0].int(1).unwrap() - NOW.unix())
    }

    #[tokio::test]
    async fn what_is_older_than_it_is_kept_goes() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("data.db");
        let (store, _) = Store::open_sqlite(&path, &[MIGRATIONS], NOW, Options::default()).unwrap();
        store.write(Fill { app: "app_few", responses: 20 }).await.unwrap();
        let later = NOW.plus(limit::IDEMPOTENCY_SECONDS + 10);
        assert_eq!(prune_aged(&store, later).await.unwrap(), 10);
        assert_eq!(kept(&store, "app_few").await, (10, 10));
    }
}
