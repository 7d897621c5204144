//! What an operator sees of the keys and does with them: `/v1/admin/keyring`.

mod rotate;
mod stop;

use coffer_base::Timestamp;
use coffer_dialect::{ApiError, Object, Value};
use coffer_kernel::{
    Access, Arguments, Ctx, Definition, Failure, ReadOperation, Routes, keyring_failure,
};
use coffer_keyring::{KeyCounts, Keyring, Phase, Rotation, RotationPlan};
use coffer_storage::Store;
use std::sync::Arc;

/// What the operations work with.
#[derive(Clone)]
pub struct KeyringSources {
    /// The data store.
    pub store: Store,
    /// The keys.
    pub keyring: Arc<Keyring>,
    /// The kinds of records that a rotation seals anew.
    pub kinds: Arc<[&'static str]>,
}

/// Adds the operations.
pub fn register(routes: &mut Routes, sources: &KeyringSources) {
    routes
        .read(Retrieve(sources.clone()))
        .seal(rotate::Rotate(sources.clone()))
        .seal(rotate::Destroy(sources.clone()))
        .seal(stop::Seal(sources.clone()))
        .seal(stop::Unseal(sources.clone()));
}

/// `GET /v1/admin/keyring`: which keys there are, and how far a rotation has come. Counting the
/// keys of tenants reads all of them: whoever sends `count=false` gets null in its place, at once.
struct Retrieve(KeyringSources);

impl ReadOperation for Retrieve {
    const DEFINITION: Definition =
        Definition::get("admin.keyring.retrieve", "/v1/admin/keyring", Access::AUDITED);
    type Input = bool;

    fn parse(&self, arguments: &Arguments<'_>) -> Result<bool, ApiError> {
        let fields = arguments.params.only(&["count"])?;
        Ok(fields.optional_bool("count")?.unwrap_or(true))
    }

    async fn run(&self, counts: &bool, _ctx: &Ctx, _store: &Store) -> Result<Object, Failure> {
        let KeyringSources { store, keyring, kinds } = &self.0;
        let object = match counts {
            true => keys(coffer_keyring::key_counts(keyring.store()).await?),
            false => uncounted(coffer_keyring::newest_master_key(keyring.store()).await?),
        };
        let stopped = coffer_keyring::stopped(keyring.store()).await?;
        let rotation = coffer_keyring::last_rotation(store).await?;
        let rotation = rotation.map(|rotation| rendered(&rotation, kinds));
        Ok(object
            .set("rotation", rotation.map_or(Value::Null, Value::from))
            .set("sealed", keyring.is_stopped())
            .set("sealed_since", stopped))
    }
}

/// What there is of keys.
fn keys(counts: KeyCounts) -> Object {
    let KeyCounts { masters, active, replaced, oldest, most_uses } = counts;
    let newest = masters.last().map(|(version, created, _)| (i64::from(*version), *created));
    let older = masters.split_last().map_or(&[][..], |(_, older)| older);
    let under_older: i64 = older.iter().map(|(_, _, keys)| keys).sum();
    Object::bare()
        .set("object", "keyring")
        .set("master_key", newest.map(|(version, _)| version))
        .set("master_key_created", newest.map(|(_, created)| created))
        .set("old_master_keys", i64::try_from(older.len()).unwrap_or(i64::MAX))
        .set("keys_under_old_master_keys", under_older)
        .set("tenant_keys", active)
        .set("old_tenant_keys", replaced)
        .set("oldest_tenant_key", oldest)
        .set("most_uses", most_uses)
}

/// The newest master key alone.
fn uncounted(master: Option<(u32, Timestamp)>) -> Object {
    let counts = [
        "old_master_keys",
        "keys_under_old_master_keys",
        "tenant_keys",
        "old_tenant_keys",
        "oldest_tenant_key",
        "most_uses",
    ];
    let object = Object::bare()
        .set("object", "keyring")
        .set("master_key", master.map(|(version, _)| i64::from(version)))
        .set("master_key_created", master.map(|(_, created)| created));
    counts.into_iter().fold(object, |object, name| object.set(name, Value::Null))
}

/// A rotation as it is shown.
fn rendered(rotation: &Rotation, kinds: &[&'static str]) -> Object {
    let Rotation { number, plan, cause, created, progress, finished, .. } = rotation;
    let is_done = progress.phase == Phase::Done;
    let records = kinds.iter().map(|kind| Value::from(*kind)).collect();
    let counted = (is_done && plan.tenants).then_some(progress.remaining);
    Object::bare()
        .set("object", "keyring.rotation")
        .set("number", *number)
        .set("keys", what(plan))
        .set("app", plan.app.clone())
        .set("account", plan.account.clone())
        .set("old_keys", if plan.keep { "kept" } else { "destroyed" })
        .set("cause", cause.clone())
        .set("created", *created)
        .set("finished", finished.map(Timestamp::unix))
        .set("status", status(rotation))
        .set("percent", percent(rotation))
        .set("seconds_left", progress.seconds_left())
        .set("kinds", Value::List(records))
        .set("records", progress.total)
        .set("resealed", progress.resealed)
        .set("records_under_old_keys", counted)
        .set("unreadable", progress.damaged)
}

/// Which keys a rotation is about, in a word.
const fn what(plan: &RotationPlan) -> &'static str {
    match (plan.master, plan.tenants) {
        (true, true) => "all",
        (true, false) => "master",
        (false, _) => "tenant",
    }
}

fn status(rotation: &Rotation) -> &'static str {
    match rotation.progress.phase {
        Phase::Keys => "making keys",
        Phase::Settle => "waiting for older transactions",
        Phase::Walk if rotation.progress.walk == 0 => "sealing anew",
        Phase::Walk => "counting",
        Phase::Destroy => "destroying old keys",
        Phase::Done if rotation.progress.damaged > 0 => "done; old keys stay: not all records open",
        Phase::Done => "done",
    }
}

/// How much is done: one walk seals anew, a second one counts.
fn percent(Rotation { progress, .. }: &Rotation) -> i64 {
    let walked = || {
        let whole = progress.total.saturating_mul(2).max(1);
        let done = progress.walk.min(1).saturating_mul(progress.total);
        let done = done.saturating_add(progress.seen.min(progress.total));
        done.saturating_mul(100) / whole
    };
    match progress.phase {
        Phase::Keys | Phase::Settle => 0,
        Phase::Walk => walked().clamp(0, 99),
        Phase::Destroy => 99,
        Phase::Done => 100,
    }
}

/// The error of a request that a key failed; the operator learns what is wrong with the root.
fn failed(error: &coffer_keyring::KeyringError) -> ApiError {
    use coffer_keyring::KeyringError;
    match error {
        KeyringError::Root(_) | KeyringError::WrongRoot(_) | KeyringError::NoRoot => {
            ApiError::invalid(format!("Nothing was changed: {error}."))
        }
        other => keyring_failure(other),
    }
}
