//! What happens in the background: jobs that run again and again, in small transactions.

use crate::context::BoxFuture;
use crate::erase::sweep;
use crate::event::AGED_EVENTS;
use crate::store::{AGED_RECORDS, AGED_TOMBSTONES, RECORDS_OF_APP, SweepRows, apps_over_cap};
use coffer_base::{Clock, Timestamp, limit};
use coffer_storage::{StorageError, Store, Value};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// Work that comes back. A pass does all that is due, in transactions of at most
/// [`limit::JOB_BATCH`] rows, and may be cut anywhere: the next one goes on.
pub trait Job: Send + Sync + 'static {
    /// The word for it in logs.
    fn name(&self) -> &'static str;

    /// Time between two passes.
    fn every(&self) -> Duration;

    /// One pass; the number of things done.
    fn run<'a>(
        &'a self,
        store: &'a Store,
        now: Timestamp,
    ) -> BoxFuture<'a, Result<u64, StorageError>>;
}

/// Runs one job until `stop` changes, which cuts its pass. A pass that fails is logged, and the
/// next one tries again.
pub async fn run_jobs(
    job: Arc<dyn Job>,
    store: Store,
    clock: Arc<dyn Clock>,
    mut stop: watch::Receiver<bool>,
) {
    loop {
        // A pass may be cut anywhere, and the next one goes on: stopping does not wait for it.
        let pass = tokio::select! {
            pass = job.run(&store, clock.now()) => pass,
            _ = stop.wait_for(|stop| *stop) => return,
        };
        match pass {
            Ok(0) => tracing::debug!(job = job.name(), "nothing due"),
            Ok(done) => tracing::info!(job = job.name(), done, "pass done"),
            Err(error) => tracing::error!(job = job.name(), %error, "pass failed"),
        }
        tokio::select! {
            () = tokio::time::sleep(job.every()) => {}
            _ = stop.changed() => return,
        }
    }
}

/// Prunes stored answers, tombstones and events that have served their time (conventions §12;
/// §13, decisions 4 and 17).
#[derive(Debug)]
pub struct PruneRecords;

impl Job for PruneRecords {
    fn name(&self) -> &'static str {
        "prune"
    }

    fn every(&self) -> Duration {
        Duration::from_secs(limit::PRUNE_EVERY_SECONDS)
    }

    fn run<'a>(
        &'a self,
        store: &'a Store,
        now: Timestamp,
    ) -> BoxFuture<'a, Result<u64, StorageError>> {
        Box::pin(async move {
            let aged = prune_aged(store, now).await?;
            let capped = prune_over_cap(store, limit::IDEMPOTENCY_RECORDS_PER_APP).await?;
            Ok(aged.saturating_add(capped))
        })
    }
}

async fn prune_aged(store: &Store, now: Timestamp) -> Result<u64, StorageError> {
    let before = |seconds: i64| [Value::Int(now.plus(-seconds).unix())];
    let records = sweep(store, AGED_RECORDS, &before(limit::IDEMPOTENCY_SECONDS)).await?;
    let tombstones = sweep(store, AGED_TOMBSTONES, &before(limit::TOMBSTONE_SECONDS)).await?;
    let events = sweep(store, AGED_EVENTS, &before(limit::EVENT_SECONDS)).await?;
    Ok(records.saturating_add(tombstones).saturating_add(events))
}

/// Prunes each app's oldest stored answers beyond `cap`, by whole batches: a few more may go.
async fn prune_over_cap(store: &Store, cap: i64) -> Result<u64, StorageError> {
    let mut pruned = 0u64;
    for (mode, app, count) in apps_over_cap(store, cap).await? {
        tracing::warn!(app, count, cap, "more stored answers than the cap: the oldest go first");
        let mut excess = count.saturating_sub(cap);
        while excess > 0 {
            let params = vec![Value::Int(mode), Value::from(app.as_str())];
            let rows = store.write(SweepRows::new(RECORDS_OF_APP, params)).await?;
            if rows == 0 {
                break;
            }
            pruned = pruned.saturating_add(rows);
            excess = excess.saturating_sub(limit::JOB_BATCH);
        }
    }
    Ok(pruned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{MIGRATIONS, Record, insert_record};
    use coffer_base::{AccountId, AppId, Mode, Tenant};
    use coffer_storage::{Options, Tx, Work};

    const NOW: Timestamp = Timestamp::from_unix(1_800_000_000);

    /// Stored answers of one app, a second apart.
    struct Fill {
        app: &'static str,
        answers: u32,
    }

    impl Work for Fill {
        type Out = ();

        async fn run(&self, tx: &mut Tx<'_>) -> Result<(), StorageError> {
            let tenant = Tenant {
                mode: Mode::Test,
                app: AppId::parse(self.app).unwrap(),
                account: AccountId::parse("acct_1").unwrap(),
            };
            for number in 0..self.answers {
                let record = Record {
                    operation: "x".into(),
                    parameters: vec![],
                    request: "req".into(),
                    answer: vec![],
                };
                let at = NOW.plus(i64::from(number));
                insert_record(tx, &tenant, &number.to_be_bytes(), record, at);
            }
            Ok(())
        }
    }

    async fn kept(store: &Store, app: &str) -> (i64, i64) {
        let sql = "SELECT count(*), min(created) FROM idempotency_record WHERE app = ?";
        let rows = store.query(sql, &[Value::from(app)]).await.unwrap();
        (rows[0].int(0).unwrap(), rows[0].int(1).unwrap() - NOW.unix())
    }

    #[tokio::test]
    async fn the_oldest_answers_of_an_app_go_first() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("data.db");
        let (store, _) = Store::open_sqlite(&path, &[MIGRATIONS], NOW, Options::default()).unwrap();
        store.write(Fill { app: "app_many", answers: 1200 }).await.unwrap();
        store.write(Fill { app: "app_few", answers: 20 }).await.unwrap();
        let batch = limit::JOB_BATCH;
        assert_eq!(prune_over_cap(&store, 1000).await.unwrap(), u64::try_from(batch).unwrap());
        assert_eq!(kept(&store, "app_many").await, (1200 - batch, batch));
        assert_eq!(kept(&store, "app_few").await, (20, 0));
        let later = NOW.plus(limit::IDEMPOTENCY_SECONDS + 10);
        assert_eq!(prune_aged(&store, later).await.unwrap(), 10);
        assert_eq!(kept(&store, "app_few").await, (10, 10));
    }
}
