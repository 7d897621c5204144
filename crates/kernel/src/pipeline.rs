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
use crate::handler::{Change, Handler, Made, Parsed, Reading, Writing};
use crate::idempotency::{IdempotencyKey, InFlightGuard, Request, Response, StoredResponse};
use crate::metrics;
use crate::operation::{Applied, Arguments, Committed, Failure, ReplayPolicy, RequestScope};
use crate::principal::{BoxFuture, Evidence};
use crate::reasons;
use crate::reauthorize::Reauthorization;
use crate::services::Services;
use crate::store::{self, Record};
use crate::usage::BYTES;
use coffer_audit::{Entry, Scope, Target};
use coffer_base::{Tenant, limit};
use coffer_dialect::{ApiError, Expand, Object};
use coffer_keyring::{SealCheck, TenantKeys, check_seal, seal_query};
use coffer_storage::{Cause, Lock, Query, Row, Share, StorageError, Store, Tx, Work};
use std::sync::Arc;

/// Carries out one call, from its expansions to its rendered reply. Boxed, so that a connection
/// that waits for a request has no room for it.
pub(crate) fn handle<'a>(
    services: &'a Services,
    handler: &'a dyn Handler,
    call: Call,
) -> BoxFuture<'a, Handled> {
    Box::pin(async move {
        let mut audited = Audited::default();
        let result = carry_out(services, handler, &call, &mut audited).await;
        Handled { result, audited }
    })
}

async fn carry_out(
    services: &Services,
    handler: &dyn Handler,
    call: &Call,
    audited: &mut Audited,
) -> Result<Reply, ApiError> {
    let definition = handler.definition();
    let (parsed, expand) = parsed(handler, call, audited)?;
    match parsed {
        Parsed::Read(read) => {
            let keys = services.existing_keys(&call.principal.tenant).await?;
            let ctx = &mut services.context(call, expand, keys, std::mem::take(audited));
            let found = look(services, definition, &*read, ctx).await;
            *audited = std::mem::take(&mut *ctx.audited());
            audited.detail = audited.detail.take().or_else(|| ctx.expand.shown());
            let object = found?;
            Ok(Reply::fresh(object.render(), object.version().map(str::to_owned)))
        }
        Parsed::Write(write) => {
            let write = Attempt { services, definition, write, call, expand, before: None };
            write.repeated(audited).await
        }
        Parsed::Metrics => metrics::read(services, audited),
    }
}

/// What the request asks for: the parameters, once the caller may reach as far as they do, and what
/// is expanded. A wrong expansion is refused before any parameter.
fn parsed(
    handler: &dyn Handler,
    call: &Call,
    audited: &mut Audited,
) -> Result<(Parsed, Expand), ApiError> {
    let definition = handler.definition();
    let expand = Expand::parse(&call.params, definition.expandable, definition.list)?;
    let (parsed, scope) = handler.parse(&Arguments { params: &call.params, path: &call.path })?;
    let allowed = check_scope(&call.principal, &scope, definition.writes());
    *audited = Audited::of(audited_scope(scope));
    allowed.map(|()| (parsed, expand))
}

/// Runs a read, and again if another server has rotated the tenant's keys since they were read.
async fn look(
    services: &Services,
    definition: &Definition,
    read: &dyn Reading,
    ctx: &mut Ctx,
) -> Result<Object, ApiError> {
    let store = services.store.of_share(ctx.principal.share());
    let store = if definition.look_up { store } else { store.in_turn() };
    let found = read.run(ctx, &store).await;
    if found.is_err() && ctx.keys.as_ref().is_some_and(|keys| keys.is_outdated()) {
        services.keyring.evict(ctx.tenant());
        ctx.keys = services.existing_keys(ctx.tenant()).await?;
        return Ok(read.run(ctx, &store).await?);
    }
    Ok(found?)
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
struct Attempt<'a> {
    services: &'a Services,
    definition: &'static Definition,
    write: Arc<dyn Writing>,
    call: &'a Call,
    expand: Expand,
    /// The version of the keys of the attempt before this one.
    before: Option<u32>,
}

impl<'a> Attempt<'a> {
    /// Tries until the tenant's key stays what it was.
    async fn repeated(mut self, audited: &mut Audited) -> Result<Reply, ApiError> {
        let (mut in_flight, mut version) = (None, None);
        for _ in 0..limit::PREPARE_ATTEMPTS {
            self.before = version;
            if let Some(reply) = self.run(&mut in_flight, &mut version, audited).await? {
                return Ok(reply);
            }
            self.services.keyring.evict(&self.call.principal.tenant);
        }
        let why = ApiError::unavailable("the tenant's key changed during each attempt to write");
        Err(why.because(&reasons::KEY_ROTATED))
    }

    /// Seals and writes; `None` if the tenant's key was rotated meanwhile. `in_flight` stays
    /// locked from the first attempt to the end of the last; `version` is that of the keys that
    /// were read.
    async fn run(
        &self,
        in_flight: &mut Option<InFlightGuard<'a>>,
        version: &mut Option<u32>,
        audited: &mut Audited,
    ) -> Result<Option<Reply>, ApiError> {
        let Self { services, call, .. } = *self;
        let keys = services.keys(&call.principal.tenant).await?;
        *version = Some(keys.version());
        let idempotency_key = call.idempotency_key(&keys, self.definition.name);
        if let (Some(key), None) = (&idempotency_key, &in_flight) {
            *in_flight = Some(services.in_flight.enter(key).await?);
        }
        let ours = Some(Arc::clone(&keys));
        let ctx = services.context(call, self.expand.clone(), ours, audited.clone());
        let ctx = Arc::new(ctx);
        let outcome = match Arc::clone(&self.write).seal(&ctx).await {
            Ok(change) => self.commit(change, Arc::clone(&ctx), keys, idempotency_key).await,
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
        change: Box<dyn Change>,
        ctx: Arc<Ctx>,
        keys: Arc<TenantKeys>,
        idempotency_key: Option<IdempotencyKey>,
    ) -> Result<Option<Reply>, ApiError> {
        let store = self.services.store.of_share(self.call.principal.share());
        let unit = Unit {
            definition: self.definition,
            change,
            ctx: Arc::clone(&ctx),
            keys: Arc::clone(&keys),
            reauthorization: self.services.reauthorization(&self.call.principal),
            idempotency_key,
            store: store.clone(),
        };
        let failed = |failure| self.write.failed(&ctx, failure);
        match store.write(unit).await {
            Ok(Outcome::Done { made, body, version }) => {
                let committed = made.committed(&ctx).await?;
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
                let key = self.call.idempotency_key(&keys, self.definition.name);
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
            let again = self.write.reread(ctx, &self.services.store).await?;
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
struct Unit {
    definition: &'static Definition,
    change: Box<dyn Change>,
    ctx: Arc<Ctx>,
    keys: Arc<TenantKeys>,
    reauthorization: Reauthorization,
    idempotency_key: Option<IdempotencyKey>,
    store: Store,
}

enum Outcome {
    /// The change was made.
    Done { made: Box<dyn Made>, body: Vec<u8>, version: Option<String> },
    /// It was made before, under the same idempotency key.
    Stored(Box<IdempotencyKey>, Record),
    /// It may not be made.
    Refused(ApiError),
    /// It was sealed under a key that has been replaced since.
    KeyRotated,
}

impl Work for Unit {
    type Out = Outcome;

    fn grows(&self) -> bool {
        self.definition.grows
    }

    fn of_many_accounts(&self) -> bool {
        self.definition.many_accounts
    }

    fn lock(&self) -> Option<Lock> {
        let principal = &self.ctx.principal;
        let Tenant { mode, account, .. } = &principal.tenant;
        let one_at_a_time = self.definition.one_at_a_time;
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
        match self.change.apply(ctx, tx).await {
            Ok(applied) => {
                tx.release_savepoint().await?;
                self.finish(applied, tx)
            }
            Err(Failure::Refused(refusal)) => {
                tx.rollback_to_savepoint().await?;
                tx.release_savepoint().await?;
                // As for the stored refusal, what is left on a full disk is for what takes away.
                if self.store.check_space().is_ok() {
                    self.change.refused(&refusal, ctx, tx).await?;
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

impl Unit {
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
        applied: Applied<Box<dyn Made>>,
        tx: &mut Tx<'_>,
    ) -> Result<Outcome, StorageError> {
        let ctx = &*self.ctx;
        let audited = ctx.audited().clone();
        let operation = self.definition.name;
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
        let made = applied.out;
        let object = made.render(ctx);
        let body = object.render();
        let policy = made.replay_policy();
        let withheld = self.idempotency_key.as_ref().and_then(|_| object.withheld());
        let version = object.version();
        let response = Response { status: STATUS_OK, body: &body, withheld, version };
        self.store_response(response, &policy, tx)?;
        Ok(Outcome::Done { made, body, version: version.map(str::to_owned) })
    }

    /// Stores a refusal for requests that repeat this one, unless it is transient, as long as there
    /// is room: what is left on a full disk is for what takes data away, and a refusal does not.
    fn store_refusal(&self, refusal: &ApiError, tx: &mut Tx<'_>) -> Result<(), StorageError> {
        if self.idempotency_key.is_none() || self.store.check_space().is_err() {
            return Ok(());
        }
        let transient = self.definition.transient;
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
