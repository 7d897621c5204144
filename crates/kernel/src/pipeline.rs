//! The order of steps, for writes and for reads. Nothing else knows it.
//!
//! Before this file: request id → authenticate → route → access → version → read body → decode
//! parameters (`edge.rs`). Here: expansions → parameters → scope → keys → wait for requests with
//! the same idempotency key → seal → *begin* → stored response → evidence → seal version →
//! savepoint, apply → audit → store the response, sealed → *commit* → rendered response out.

use crate::authorize::{check_evidence, check_scope};
use crate::call::{Call, Reply};
use crate::context::Ctx;
use crate::definition::Definition;
use crate::error::storage_failure;
use crate::handler::Handler;
use crate::idempotency::{IdempotencyKey, InFlightGuard};
use crate::operation::{
    Applied, Arguments, Failure, ReadOperation, ReplayPolicy, SealingOperation,
};
use crate::principal::{Authenticate, BoxFuture, Evidence};
use crate::services::Services;
use crate::store::{self, Record};
use coffer_audit::Entry;
use coffer_base::{Tenant, limit};
use coffer_dialect::{ApiError, Expand};
use coffer_keyring::{SealCheck, TenantKeys, check_seal, seal_query};
use coffer_storage::{Cause, Lock, Query, Row, Share, StorageError, Tx, Work};
use std::sync::Arc;

/// A read behind the common face.
pub(crate) struct Read<O>(pub(crate) O);

impl<O: ReadOperation> Handler for Read<O> {
    fn definition(&self) -> &Definition {
        &const { O::DEFINITION }
    }

    fn handle<'a>(
        &'a self,
        services: &'a Services,
        call: Call,
    ) -> BoxFuture<'a, Result<Reply, ApiError>> {
        Box::pin(read(services, &self.0, call))
    }
}

/// A write behind the common face.
pub(crate) struct Write<O>(pub(crate) Arc<O>);

impl<O: SealingOperation> Handler for Write<O> {
    fn definition(&self) -> &Definition {
        &const { O::DEFINITION }
    }

    fn handle<'a>(
        &'a self,
        services: &'a Services,
        call: Call,
    ) -> BoxFuture<'a, Result<Reply, ApiError>> {
        Box::pin(write(services, &self.0, call))
    }
}

async fn read<O: ReadOperation>(
    services: &Services,
    operation: &O,
    call: Call,
) -> Result<Reply, ApiError> {
    let definition = const { O::DEFINITION };
    let expand = Expand::parse(&call.params, definition.expandable, definition.list)?;
    let arguments = Arguments { params: &call.params, path: &call.path };
    let input = operation.parse(&arguments)?;
    check_scope(&call.principal, &O::scope(&input), false)?;
    let keys = services.existing_keys(&call.principal.tenant, call.now).await?;
    let ctx = services.context(&call, expand, keys);
    let store = services.store.of_share(call.principal.share());
    let store = if definition.look_up { store } else { store.in_turn() };
    let object = operation.run(&input, &ctx, &store).await?;
    Ok(Reply::fresh(object.render()))
}

async fn write<O: SealingOperation>(
    services: &Services,
    operation: &Arc<O>,
    call: Call,
) -> Result<Reply, ApiError> {
    let definition = const { O::DEFINITION };
    let expand = Expand::parse(&call.params, definition.expandable, definition.list)?;
    let arguments = Arguments { params: &call.params, path: &call.path };
    let input = Arc::new(operation.parse(&arguments)?);
    check_scope(&call.principal, &O::scope(&input), true)?;
    let mut in_flight = None;
    for _ in 0..limit::PREPARE_ATTEMPTS {
        let attempt = Attempt { services, operation, input: &input, call: &call, expand: &expand };
        if let Some(reply) = attempt.run(&mut in_flight).await? {
            return Ok(reply);
        }
        services.keyring.evict(&call.principal.tenant);
    }
    Err(ApiError::unavailable("the tenant's key changed during each attempt to write"))
}

/// One attempt at a write: everything under one version of the tenant's keys.
struct Attempt<'a, O: SealingOperation> {
    services: &'a Services,
    operation: &'a Arc<O>,
    input: &'a Arc<O::Input>,
    call: &'a Call,
    expand: &'a Expand,
}

impl<'a, O: SealingOperation> Attempt<'a, O> {
    /// Seals and writes; `None` if the tenant's key was rotated meanwhile. `in_flight` stays
    /// locked from the first attempt to the end of the last.
    async fn run(
        &self,
        in_flight: &mut Option<InFlightGuard<'a>>,
    ) -> Result<Option<Reply>, ApiError> {
        let Self { services, operation, call, .. } = *self;
        let keys = services.keys(&call.principal.tenant, call.now).await?;
        let idempotency_key = call.idempotency_key(&keys, const { O::DEFINITION }.name);
        if let (Some(key), None) = (&idempotency_key, &in_flight) {
            *in_flight = Some(services.in_flight.enter(key).await?);
        }
        let ctx = Arc::new(services.context(call, self.expand.clone(), Some(Arc::clone(&keys))));
        match operation.seal(self.input, &ctx).await {
            Ok(sealed) => self.commit(sealed, ctx, keys, idempotency_key).await,
            Err(refusal) => {
                replay_or(services, idempotency_key.as_ref(), &keys, refusal).await.map(Some)
            }
        }
    }

    /// Runs the unit of work, and turns its outcome into the reply.
    async fn commit(
        &self,
        sealed: O::Sealed,
        ctx: Arc<Ctx>,
        keys: Arc<TenantKeys>,
        idempotency_key: Option<IdempotencyKey>,
    ) -> Result<Option<Reply>, ApiError> {
        let unit = Unit {
            operation: Arc::clone(self.operation),
            input: Arc::clone(self.input),
            sealed,
            ctx: Arc::clone(&ctx),
            keys: Arc::clone(&keys),
            authenticate: Arc::clone(&self.services.authenticate),
            idempotency_key,
        };
        let store = self.services.store.of_share(self.call.principal.share());
        let written = store.write(unit).await;
        match written.map_err(|error| storage_failure(&error))? {
            Outcome::Done { out, body } => {
                self.operation.committed(&out, &ctx).await?;
                Ok(Some(Reply::fresh(body)))
            }
            Outcome::Stored(key, record) => replay(&key, &keys, &record).map(Some),
            Outcome::Refused(refusal) => Err(refusal),
            Outcome::KeyRotated => Ok(None),
        }
    }
}

/// The request is refused before its transaction, but it may have succeeded before under the same
/// idempotency key: an expiry that has passed since must not keep a replay from its response.
async fn replay_or(
    services: &Services,
    key: Option<&IdempotencyKey>,
    keys: &TenantKeys,
    refusal: ApiError,
) -> Result<Reply, ApiError> {
    let Some(key) = key else { return Err(refusal) };
    let data = services.store.of_share(Share::of_app(key.tenant.app.as_str()));
    let stored = store::peek_record(&data, &key.tenant, &key.digest)
        .await
        .map_err(|error| storage_failure(&error))?;
    stored.map_or(Err(refusal), |record| replay(key, keys, &record))
}

/// The reply of the first request with this idempotency key, if this one is the same.
fn replay(key: &IdempotencyKey, keys: &TenantKeys, record: &Record) -> Result<Reply, ApiError> {
    let stored = key.open(keys, record)?;
    let status = (stored.status != STATUS_OK).then_some(stored.status);
    Ok(Reply { status, body: stored.body, replay_of: Some(stored.request) })
}

/// How a stored response says that it was a success.
const STATUS_OK: u16 = 0;

impl Call {
    fn idempotency_key(
        &self,
        keys: &TenantKeys,
        operation: &'static str,
    ) -> Option<IdempotencyKey> {
        let text = self.idempotency_key.as_deref()?;
        let principal = &self.principal;
        let (tenant, user) = (&principal.tenant, principal.bound_user());
        Some(IdempotencyKey::new(keys, tenant, user, text, operation, &self.path, &self.params))
    }
}

/// One write as a unit of work: state, audit entry and stored response commit together or not at
/// all.
struct Unit<O: SealingOperation> {
    operation: Arc<O>,
    input: Arc<O::Input>,
    sealed: O::Sealed,
    ctx: Arc<Ctx>,
    keys: Arc<TenantKeys>,
    authenticate: Arc<dyn Authenticate>,
    idempotency_key: Option<IdempotencyKey>,
}

enum Outcome<T> {
    /// The change was made.
    Done { out: T, body: Vec<u8> },
    /// It was made before, under the same idempotency key.
    Stored(Box<IdempotencyKey>, Record),
    /// It may not be made.
    Refused(ApiError),
    /// It was sealed under a key that has been replaced since.
    KeyRotated,
}

impl<O: SealingOperation> Work for Unit<O> {
    type Out = Outcome<O::Out>;

    fn lock(&self) -> Option<Lock> {
        let principal = &self.ctx.principal;
        let Tenant { mode, account, .. } = &principal.tenant;
        let one_at_a_time = const { O::DEFINITION }.one_at_a_time;
        one_at_a_time.then(|| Lock::of((mode.code(), &principal.platform, account)))
    }

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Self::Out, StorageError> {
        let ctx = &*self.ctx;
        let Prefetch { stored_response, seal, evidence } = self.prefetch(tx).await?;
        if let (Some(key), Some(record)) = (&self.idempotency_key, store::record(&stored_response)?)
        {
            return Ok(Outcome::Stored(Box::new(key.clone()), record));
        }
        if let Err(refusal) = check_evidence(&ctx.principal, evidence) {
            return Ok(Outcome::Refused(refusal));
        }
        if check_seal(tx, &seal, ctx.tenant(), self.keys.version())? == SealCheck::Stale {
            return Ok(Outcome::KeyRotated);
        }
        tx.savepoint().await?;
        match self.operation.apply(&self.input, &self.sealed, ctx, tx).await {
            Ok(applied) => {
                tx.release_savepoint().await?;
                self.finish(applied, tx)
            }
            Err(Failure::Refused(refusal)) => {
                tx.rollback_to_savepoint().await?;
                tx.release_savepoint().await?;
                let policy = ReplayPolicy::Replay;
                self.store_response(refusal.status(), &refusal.body(), &policy, tx)?;
                Ok(Outcome::Refused(refusal))
            }
            Err(Failure::Storage(error)) => Err(error),
        }
    }
}

/// What a unit of work reads before it does anything.
struct Prefetch {
    stored_response: Vec<Row>,
    seal: Vec<Row>,
    evidence: Vec<(Evidence, bool)>,
}

impl<O: SealingOperation> Unit<O> {
    /// Reads it all in one round trip.
    async fn prefetch(&self, tx: &mut Tx<'_>) -> Result<Prefetch, StorageError> {
        let key = self.idempotency_key.as_ref();
        let record = key.map(|key| store::record_query(&key.tenant, &key.digest));
        let seal = seal_query(self.ctx.tenant());
        let (evidence, queries): (Vec<_>, Vec<_>) =
            self.authenticate.evidence(&self.ctx.principal).into_iter().unzip();
        let queries = record.iter().chain([&seal]).chain(&queries);
        let statements: Vec<_> = queries.map(Query::statement).collect();
        let mut rows = tx.batch(&statements).await?.into_iter();
        let stored_response = if record.is_some() { rows.next() } else { None };
        let seal = rows.next().unwrap_or_default();
        Ok(Prefetch {
            stored_response: stored_response.unwrap_or_default(),
            seal,
            evidence: evidence.into_iter().zip(rows.map(|rows| !rows.is_empty())).collect(),
        })
    }

    /// Writes the audit entry, renders the response while the transaction is open, and stores it.
    fn finish(
        &self,
        applied: Applied<O::Out>,
        tx: &mut Tx<'_>,
    ) -> Result<Outcome<O::Out>, StorageError> {
        let ctx = &*self.ctx;
        let entry = Entry {
            at: ctx.now,
            request: &ctx.request_id,
            actor: &ctx.principal.key_id,
            operation: const { O::DEFINITION }.name,
            tenant: ctx.tenant(),
            subject: &applied.subject,
            fingerprint: applied.fingerprint,
        };
        coffer_audit::append(tx, &entry);
        let body = self.operation.render(&applied.out, ctx).render();
        let policy = self.operation.replay_policy(&applied.out);
        self.store_response(STATUS_OK, &body, &policy, tx)?;
        Ok(Outcome::Done { out: applied.out, body })
    }

    /// Stores the response for requests that repeat this one.
    fn store_response(
        &self,
        status: u16,
        body: &[u8],
        policy: &ReplayPolicy,
        tx: &mut Tx<'_>,
    ) -> Result<(), StorageError> {
        let Some(key) = &self.idempotency_key else { return Ok(()) };
        let ctx = &*self.ctx;
        let record = key
            .record(&self.keys, &ctx.request_id, status, body, policy)
            .map_err(|error| StorageError::Internal(Cause::of(error)))?;
        store::insert_record(tx, &key.tenant, &key.digest, record, ctx.now);
        Ok(())
    }
}
