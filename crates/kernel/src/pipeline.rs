//! The order of steps, for writes and for reads. Nothing else knows it.
//!
//! Before this file: request id → authenticate → route → access → version → read body → decode
//! parameters (`edge.rs`). Here: expansions → parameters → scope → keys → wait for requests with
//! the same idempotency key → the request's time → seal → *begin* → evidence → stored response →
//! seal version → savepoint, apply → audit → store the response, sealed → *commit* → rendered
//! response out.

use crate::authorize::check_scope;
use crate::call::{Audited, Call, Handled, Reply};
use crate::context::Ctx;
use crate::definition::Definition;
use crate::error::storage_failure;
use crate::handler::Handler;
use crate::idempotency::{IdempotencyKey, InFlightGuard, Request, Response, StoredResponse};
use crate::operation::{
    Applied, Arguments, Committed, Failure, ReadOperation, ReplayPolicy, RequestScope,
    SealingOperation,
};
use crate::principal::{BoxFuture, Evidence};
use crate::reasons;
use crate::reauthorize::Reauthorization;
use crate::services::Services;
use crate::store::{self, Record};
use crate::usage::BYTES;
use coffer_audit::{Entry, Scope, Target};
use coffer_base::{Tenant, limit};
use coffer_dialect::{ApiError, Expand, Params};
use coffer_keyring::{SealCheck, TenantKeys, check_seal, seal_query};
use coffer_storage::{Cause, Lock, Query, Row, Share, StorageError, Store, Tx, Work};
use std::sync::Arc;

/// A read behind the common face.
pub(crate) struct Read<O>(pub(crate) O);

impl<O: ReadOperation> Handler for Read<O> {
    fn definition(&self) -> &Definition {
        &const { O::DEFINITION }
    }

    fn try_parse(&self, params: &Params, path: &[String]) -> Result<(), ApiError> {
        self.0.parse(&Arguments { params, path }).map(drop)
    }

    fn handle<'a>(&'a self, services: &'a Services, call: Call) -> BoxFuture<'a, Handled> {
        Box::pin(read(services, &self.0, call))
    }
}

/// A write behind the common face.
pub(crate) struct Write<O>(pub(crate) Arc<O>);

impl<O: SealingOperation> Handler for Write<O> {
    fn definition(&self) -> &Definition {
        &const { O::DEFINITION }
    }

    fn try_parse(&self, params: &Params, path: &[String]) -> Result<(), ApiError> {
        self.0.parse(&Arguments { params, path }).map(drop)
    }

    fn handle<'a>(&'a self, services: &'a Services, call: Call) -> BoxFuture<'a, Handled> {
        Box::pin(write(services, &self.0, call))
    }
}

async fn read<O: ReadOperation>(services: &Services, operation: &O, call: Call) -> Handled {
    let definition = const { O::DEFINITION };
    let mut audited = Audited::default();
    let parse = |arguments: &Arguments<'_>| operation.parse(arguments);
    let (input, expand) = match parsed(&definition, &call, &mut audited, parse, O::scope) {
        Ok(parsed) => parsed,
        Err(refusal) => return Handled { result: Err(refusal), audited },
    };
    let keys = match services.existing_keys(&call.principal.tenant).await {
        Ok(keys) => keys,
        Err(failure) => return Handled { result: Err(failure), audited },
    };
    let mut ctx = services.context(&call, expand, keys, audited);
    let store = services.store.of_share(call.principal.share());
    let store = if definition.look_up { store } else { store.in_turn() };
    let mut found = operation.run(&input, &ctx, &store).await;
    if found.is_err() && ctx.keys.as_ref().is_some_and(|keys| keys.is_outdated()) {
        // Another server has rotated them since they were read.
        services.keyring.evict(ctx.tenant());
        match services.existing_keys(ctx.tenant()).await {
            Ok(keys) => {
                ctx.keys = keys;
                found = operation.run(&input, &ctx, &store).await;
            }
            Err(failure) => found = Err(Failure::Refused(failure)),
        }
    }
    let mut audited = std::mem::take(&mut *ctx.audited());
    if audited.detail.is_none() {
        audited.detail = ctx.expand.shown();
    }
    let result = found.map_err(ApiError::from).map(|object| {
        let version = object.version().map(str::to_owned);
        Reply::fresh(object.render(), version)
    });
    Handled { result, audited }
}

async fn write<O: SealingOperation>(
    services: &Services,
    operation: &Arc<O>,
    call: Call,
) -> Handled {
    let mut audited = Audited::default();
    let parse = |arguments: &Arguments<'_>| operation.parse(arguments);
    let definition = const { &O::DEFINITION };
    let (input, expand) = match parsed(definition, &call, &mut audited, parse, O::scope) {
        Ok((input, expand)) => (Arc::new(input), expand),
        Err(refusal) => return Handled { result: Err(refusal), audited },
    };
    let (mut in_flight, mut version) = (None, None);
    for _ in 0..limit::PREPARE_ATTEMPTS {
        let (input, call, expand, before) = (&input, &call, &expand, version);
        let attempt = Attempt { services, operation, input, call, expand, before };
        let attempted = attempt.run(&mut in_flight, &mut version, &mut audited).await;
        if let Some(result) = attempted.transpose() {
            return Handled { result, audited };
        }
        services.keyring.evict(&call.principal.tenant);
    }
    let why = ApiError::unavailable("the tenant's key changed during each attempt to write");
    Handled { result: Err(why.because(&reasons::KEY_ROTATED)), audited }
}

/// What the request asks for: the parameters, once the caller may reach as far as they do, and what
/// is expanded. A wrong expansion is refused before any parameter.
fn parsed<I>(
    definition: &Definition,
    call: &Call,
    audited: &mut Audited,
    parse: impl FnOnce(&Arguments<'_>) -> Result<I, ApiError>,
    scope: impl FnOnce(&I) -> RequestScope,
) -> Result<(I, Expand), ApiError> {
    let expand = Expand::parse(&call.params, definition.expandable, definition.list)?;
    let input = parse(&Arguments { params: &call.params, path: &call.path })?;
    let scope = scope(&input);
    let allowed = check_scope(&call.principal, &scope, definition.writes());
    *audited = Audited::of(audited_scope(scope));
    allowed.map(|()| (input, expand))
}

/// The scope of a secret, as the audit says it.
fn audited_scope(scope: RequestScope) -> Option<Scope> {
    match scope {
        RequestScope::Backend => None,
        RequestScope::Account => Some(Scope::Account),
        RequestScope::User(user) => Some(Scope::User(user)),
    }
}

/// One attempt at a write: everything under one version of the tenant's keys.
struct Attempt<'a, O: SealingOperation> {
    services: &'a Services,
    operation: &'a Arc<O>,
    input: &'a Arc<O::Input>,
    call: &'a Call,
    expand: &'a Expand,
    /// The version of the keys of the attempt before this one.
    before: Option<u32>,
}

impl<'a, O: SealingOperation> Attempt<'a, O> {
    /// Seals and writes; `None` if the tenant's key was rotated meanwhile. `in_flight` stays
    /// locked from the first attempt to the end of the last; `version` is that of the keys that
    /// were read.
    async fn run(
        &self,
        in_flight: &mut Option<InFlightGuard<'a>>,
        version: &mut Option<u32>,
        audited: &mut Audited,
    ) -> Result<Option<Reply>, ApiError> {
        let Self { services, operation, call, .. } = *self;
        let keys = services.keys(&call.principal.tenant).await?;
        *version = Some(keys.version());
        let idempotency_key = call.idempotency_key(&keys, const { O::DEFINITION }.name);
        if let (Some(key), None) = (&idempotency_key, &in_flight) {
            *in_flight = Some(services.in_flight.enter(key).await?);
        }
        let ours = Some(Arc::clone(&keys));
        let ctx = services.context(call, self.expand.clone(), ours, audited.clone());
        let ctx = Arc::new(ctx);
        let outcome = match operation.seal(self.input, &ctx).await {
            Ok(sealed) => self.commit(sealed, Arc::clone(&ctx), keys, idempotency_key).await,
            Err(refusal) => {
                let replayed = self.replay_or(idempotency_key.as_ref(), &ctx, &keys, refusal);
                self.unless_outdated(replayed.await, &keys)
            }
        };
        audited.clone_from(&ctx.audited());
        outcome
    }

    /// Runs the unit of work, and turns its outcome into the reply.
    async fn commit(
        &self,
        sealed: O::Sealed,
        ctx: Arc<Ctx>,
        keys: Arc<TenantKeys>,
        idempotency_key: Option<IdempotencyKey>,
    ) -> Result<Option<Reply>, ApiError> {
        let store = self.services.store.of_share(self.call.principal.share());
        let unit = Unit {
            operation: Arc::clone(self.operation),
            input: Arc::clone(self.input),
            sealed,
            ctx: Arc::clone(&ctx),
            keys: Arc::clone(&keys),
            reauthorization: self.services.reauthorization(&self.call.principal),
            idempotency_key,
            store: store.clone(),
        };
        let failed = |failure| self.operation.failed(self.input, &ctx, failure);
        match store.write(unit).await {
            Ok(Outcome::Done { out, body, version }) => {
                let committed = self.operation.committed(&out, &ctx).await?;
                let status = (committed == Committed::Accepted).then_some(STATUS_ACCEPTED);
                Ok(Some(Reply { status, ..Reply::fresh(body, version) }))
            }
            Ok(Outcome::Stored(key, record)) => {
                self.unless_outdated(self.replay(&key, &ctx, &keys, &record).await, &keys)
            }
            Ok(Outcome::Refused(refusal)) => Err(failed(Failure::Refused(refusal))),
            Ok(Outcome::KeyRotated) => Ok(None),
            // What was stored before is replayed without room for more.
            Err(error @ StorageError::NoSpace(_)) => {
                let key = self.call.idempotency_key(&keys, const { O::DEFINITION }.name);
                let refusal = failed(Failure::Storage(error));
                let replayed = self.replay_or(key.as_ref(), &ctx, &keys, refusal).await;
                self.unless_outdated(replayed, &keys)
            }
            Err(error) => Err(failed(Failure::Storage(error))),
        }
    }

    /// The request is refused before its transaction, but it may have succeeded before under the
    /// same idempotency key: an expiry that has passed since must not keep a replay from its
    /// response. A caller whose key is no longer in force is not shown it.
    async fn replay_or(
        &self,
        key: Option<&IdempotencyKey>,
        ctx: &Ctx,
        keys: &TenantKeys,
        refusal: ApiError,
    ) -> Result<Reply, ApiError> {
        let Some(key) = key else { return Err(refusal) };
        let failed = |error| storage_failure(&error);
        let data = self.services.store.of_share(Share::of_app(key.tenant.app.as_str()));
        let stored = store::peek_record(&data, &key.tenant, &key.digest).await.map_err(failed)?;
        let Some(record) = stored else { return Err(refusal) };
        data.write(self.services.reauthorization(&self.call.principal)).await.map_err(failed)??;
        self.replay(key, ctx, keys, &record).await
    }

    /// The reply of the first request with this idempotency key, if this one is the same. A secret
    /// that it showed is read again, and shown if it is the same still.
    async fn replay(
        &self,
        key: &IdempotencyKey,
        ctx: &Ctx,
        keys: &TenantKeys,
        record: &Record,
    ) -> Result<Reply, ApiError> {
        let mut stored = key.open(keys, record)?;
        if let Some(withheld) = stored.withheld.take() {
            let again = self.operation.reread(self.input, ctx, &self.services.store).await?;
            withheld.restore(&mut stored.body, again.as_ref(), keys);
        }
        let status = (stored.status != STATUS_OK).then_some(stored.status);
        let StoredResponse { body, version, request, .. } = stored;
        Ok(Reply { status, replay_of: Some(request), ..Reply::fresh(body, version) })
    }

    /// A reply that was stored before; `None` if it did not open because the keys were read before
    /// another server has rotated them. A row that names a key which is not there when they are
    /// read again was changed by a stranger, and repeating the request mends nothing.
    fn unless_outdated(
        &self,
        replayed: Result<Reply, ApiError>,
        keys: &TenantKeys,
    ) -> Result<Option<Reply>, ApiError> {
        match replayed {
            Err(_) if keys.is_outdated() && self.before != Some(keys.version()) => Ok(None),
            replayed => replayed.map(Some),
        }
    }
}

/// How a stored response says that it was a success.
const STATUS_OK: u16 = 0;

/// The status of a change whose rest goes on behind the response.
const STATUS_ACCEPTED: u16 = 202;

impl Call {
    fn idempotency_key(
        &self,
        keys: &TenantKeys,
        operation: &'static str,
    ) -> Option<IdempotencyKey> {
        let text = self.idempotency_key.as_deref()?;
        let principal = &self.principal;
        let (tenant, user) = (&principal.tenant, principal.bound_user());
        let Self { path, params, conditions, .. } = self;
        // An account that the tenant does not name is a part of what the request is about.
        let named = self.named_account.iter().map(|account| account.as_str().to_owned());
        let path: Vec<String> = path.iter().cloned().chain(named).collect();
        let request = Request { operation, path: &path, params, conditions };
        Some(IdempotencyKey::new(keys, tenant, user, text, &request))
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
    reauthorization: Reauthorization,
    idempotency_key: Option<IdempotencyKey>,
    store: Store,
}

enum Outcome<T> {
    /// The change was made.
    Done { out: T, body: Vec<u8>, version: Option<String> },
    /// It was made before, under the same idempotency key.
    Stored(Box<IdempotencyKey>, Record),
    /// It may not be made.
    Refused(ApiError),
    /// It was sealed under a key that has been replaced since.
    KeyRotated,
}

impl<O: SealingOperation> Work for Unit<O> {
    type Out = Outcome<O::Out>;

    fn grows(&self) -> bool {
        const { O::DEFINITION }.grows
    }

    fn of_many_accounts(&self) -> bool {
        const { O::DEFINITION }.many_accounts
    }

    fn lock(&self) -> Option<Lock> {
        let principal = &self.ctx.principal;
        let Tenant { mode, account, .. } = &principal.tenant;
        let one_at_a_time = const { O::DEFINITION }.one_at_a_time;
        one_at_a_time.then(|| Lock::of((mode.code(), &principal.platform, account.named())))
    }

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Self::Out, StorageError> {
        let ctx = &*self.ctx;
        let Prefetch { stored_response, seal, evidence } = self.prefetch(tx).await?;
        if let Err(refusal) = self.reauthorization.check(evidence) {
            return Ok(Outcome::Refused(refusal));
        }
        if let (Some(key), Some(record)) = (&self.idempotency_key, store::record(&stored_response)?)
        {
            return Ok(Outcome::Stored(Box::new(key.clone()), record));
        }
        if check_seal(tx, &seal, ctx.tenant(), self.keys.version())? == SealCheck::Stale {
            return Ok(Outcome::KeyRotated);
        }
        // Nothing is stored of this refusal: it would be one more row, and outlive the reason.
        if self.grows()
            && let Err(refusal) = ctx.check_amount(&BYTES)
        {
            return Ok(Outcome::Refused(refusal));
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
                // As for the stored refusal, what is left on a full disk is for what takes away.
                if self.store.check_space().is_ok() {
                    self.operation.refused(&self.input, &refusal, ctx, tx).await?;
                }
                self.store_refusal(&refusal, tx)?;
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
            self.reauthorization.evidence().into_iter().unzip();
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
        let audited = ctx.audited().clone();
        let operation = const { O::DEFINITION }.name;
        let entry = Entry {
            request: Some(Arc::clone(&ctx.request_id)),
            actor: ctx.actor(),
            target: Target {
                subject: Some(applied.subject.clone()),
                fingerprint: applied.fingerprint,
                ..audited.target
            },
            amount: audited.amount,
            detail: audited.detail,
            ..Entry::of_program(operation, ctx.tenant().clone(), ctx.now)
        };
        coffer_audit::append(tx, &entry);
        let object = self.operation.render(&applied.out, ctx);
        let body = object.render();
        let policy = self.operation.replay_policy(&applied.out);
        let withheld = self.idempotency_key.as_ref().and_then(|_| object.withheld());
        let version = object.version();
        let response = Response { status: STATUS_OK, body: &body, withheld, version };
        self.store_response(response, &policy, tx)?;
        Ok(Outcome::Done { out: applied.out, body, version: version.map(str::to_owned) })
    }

    /// Stores a refusal for requests that repeat this one, unless it is transient, as long as there
    /// is room: what is left on a full disk is for what takes data away, and a refusal does not.
    fn store_refusal(&self, refusal: &ApiError, tx: &mut Tx<'_>) -> Result<(), StorageError> {
        if self.idempotency_key.is_none() || self.store.check_space().is_err() {
            return Ok(());
        }
        let transient = const { O::DEFINITION }.transient;
        if refusal.code().is_some_and(|code| transient.contains(&code)) {
            return Ok(());
        }
        let body = &refusal.body();
        let response = Response { status: refusal.status(), body, withheld: None, version: None };
        self.store_response(response, &ReplayPolicy::Replay, tx)
    }

    /// Stores the response for requests that repeat this one.
    fn store_response(
        &self,
        response: Response<'_>,
        policy: &ReplayPolicy,
        tx: &mut Tx<'_>,
    ) -> Result<(), StorageError> {
        let Some(key) = &self.idempotency_key else { return Ok(()) };
        let ctx = &*self.ctx;
        let record = key
            .record(&self.keys, &ctx.request_id, response, policy)
            .map_err(|error| StorageError::Internal(Cause::of(error)))?;
        store::insert_record(tx, &key.tenant, &key.digest, record, ctx.now);
        Ok(())
    }
}
