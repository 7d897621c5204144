//! `GET /v1/admin/status`: what the server is doing, for whoever runs it.

use crate::ship::Shipping;
use coffer_base::Timestamp;
use coffer_dialect::{ApiError, Object, Value};
use coffer_kernel::{
    Access, Arguments, Count, Counters, Ctx, Definition, Failure, ReadOperation, Scheduler,
};
use coffer_keyring::RunKind;
use coffer_storage::Store;
use std::sync::{Arc, OnceLock};

/// Where the figures come from.
pub struct StatusSources {
    /// The store's id.
    pub store_id: String,
    /// Whether this is developer mode.
    pub developer: bool,
    /// When the server started.
    pub started: Timestamp,
    /// The data store.
    pub store: Store,
    /// The key store.
    pub keys: Store,
    /// What runs at given times.
    pub scheduler: Arc<Scheduler>,
    /// The kernel's counts.
    pub counters: Arc<OnceLock<Arc<Counters>>>,
    /// What sends the audit out.
    pub shipping: Arc<Shipping>,
}

/// The operation.
pub struct Status(pub StatusSources);

impl ReadOperation for Status {
    const DEFINITION: Definition =
        Definition::get("admin.status.retrieve", "/v1/admin/status", Access::AUDITED);
    type Input = ();

    fn parse(&self, arguments: &Arguments<'_>) -> Result<(), ApiError> {
        arguments.params.only(&[]).map(drop)
    }

    async fn run(&self, _input: &(), ctx: &Ctx, _store: &Store) -> Result<Object, Failure> {
        let sources = &self.0;
        let stats = sources.store.stats();
        let writer = Object::bare()
            .set("checkpoints", number(stats.checkpoints))
            .set("checkpoints_failed", number(stats.checkpoints_failed))
            .set("commits", number(stats.commits))
            .set("round_trips", number(stats.round_trips))
            .set("units", number(stats.units))
            .set("waiting", number(stats.waiting))
            .set("wal_bytes", number(stats.wal_bytes));
        let progress = sources.scheduler.progress(&sources.store, ctx.now()).await?;
        let schedule = progress.into_iter().fold(Object::bare(), |schedule, task| {
            let progress = Object::bare().set("done_until", task.done_until).set("lag", task.lag);
            schedule.set(task.name, progress)
        });
        let shipments = sources.shipping.status(&sources.store, ctx.now()).await?;
        let mode = if sources.developer { "developer" } else { "production" };
        let uptime = ctx.now().unix().saturating_sub(sources.started.unix());
        let mut operations = Object::bare();
        let (mut busy, mut unrouted) = (0, Value::Null);
        if let Some(counters) = sources.counters.get() {
            for (name, count) in counters.operations().filter(|(_, count)| count.is_used()) {
                operations = operations.set(name, counts(count));
            }
            busy = number(counters.busy());
            unrouted = counts(counters.unrouted()).into();
        }
        Ok(Object::bare()
            .set("object", "status")
            .set("audit_ship", Value::List(shipments))
            .set("backup", last_run(&sources.keys, RunKind::Backup).await?)
            .set("busy", busy)
            .set("drill", last_run(&sources.keys, RunKind::Drill).await?)
            .set("erasing", coffer_identity::erasing(&sources.store).await?)
            .set("keys_locked", coffer_keyring::is_making_locked(&sources.keys).await?)
            .set("mode", mode)
            .set("operations", operations)
            .set("schedule", schedule)
            .set("secrets", ctx.usages().census())
            .set("started", sources.started.unix())
            .set("store", sources.store_id.clone())
            .set("unrouted", unrouted)
            .set("uptime", uptime)
            .set("usage", Value::List(ctx.usages().largest()))
            .set("version", crate::VERSION)
            .set("writer", writer))
    }
}

/// What came of the last backup or drill; null if there was none.
async fn last_run(keys: &Store, kind: RunKind) -> Result<Value, Failure> {
    let Some(last) = coffer_keyring::last_run(keys, kind).await? else { return Ok(Value::Null) };
    let run = Object::bare()
        .set("ok", last.is_good)
        .set("outcome", last.outcome)
        .set("succeeded", last.succeeded)
        .set("tried", last.at);
    Ok(run.into())
}

fn counts(count: &Count) -> Object {
    Object::bare()
        .set("answered", number(count.answered()))
        .set("failed", number(count.failed()))
        .set("refused", number(count.refused()))
        .set("replayed", number(count.replayed()))
}

fn number(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
