//! The order of things, for writes and for reads. Nothing else knows it.
//!
//! Before this file: request id → authenticate → route → permission → version → read body →
//! decode parameters (`edge.rs`). Here: expansions → parameters → reach → keys → turn → prepare
//! → *begin* → claim → admission → seal check → savepoint, apply → audit → answer kept →
//! *commit* → rendered answer out.

use crate::context::{Admission, Authenticate, BoxFuture, Ctx, Principal, Role};
use crate::counters::Counters;
use crate::error::{keyring_failure, storage_failure};
use crate::idempotency::{Claim, Turns};
use crate::operation::{
    Applied, Arguments, Definition, Failure, Method, Reach, ReadOperation, Shown, WriteOperation,
};
use crate::routes::Routes;
use crate::store::{self, Record};
use coffer_audit::Entry;
use coffer_base::{Clock, Random, Tenant, Timestamp, limit};
use coffer_dialect::{ApiError, ApiVersion, Expand, Params};
use coffer_keyring::{Keyring, SealCheck, TenantKeys, check_seal, seal_query};
use coffer_storage::{Cause, Query, Row, StorageError, Store, Tx, Work};
use std::sync::Arc;

/// What a kernel is made of.
pub struct KernelOptions {
    /// The data store.
    pub store: Store,
    /// Tenants' keys.
    pub keyring: Arc<Keyring>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Where ids come from.
    pub random: Arc<dyn Random>,
    /// Who is who.
    pub authenticate: Arc<dyn Authenticate>,
    /// The operations.
    pub routes: Routes,
}

/// The kernel: everything that a request meets between the socket and the store.
pub struct Kernel {
    pub(crate) store: Store,
    pub(crate) keyring: Arc<Keyring>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) random: Arc<dyn Random>,
    pub(crate) authenticate: Arc<dyn Authenticate>,
    pub(crate) routes: Routes,
    pub(crate) counters: Arc<Counters>,
    turns: Turns,
}

impl Kernel {
    /// Puts a kernel together.
    pub fn new(options: KernelOptions) -> Self {
        let KernelOptions { store, keyring, clock, random, authenticate, routes } = options;
        let names: Vec<_> = routes.all().map(|definition| definition.name).collect();
        let counters = Arc::new(Counters::new(names.into_iter()));
        Self {
            store,
            keyring,
            clock,
            random,
            authenticate,
            routes,
            counters,
            turns: Turns::default(),
        }
    }

    /// How often each operation was answered, refused, or failed.
    pub fn counters(&self) -> Arc<Counters> {
        Arc::clone(&self.counters)
    }

    /// The operations.
    pub const fn routes(&self) -> &Routes {
        &self.routes
    }

    /// Whether both stores answer.
    pub(crate) async fn ready(&self) -> Result<(), StorageError> {
        store::ready(&self.store).await?;
        store::ready(self.keyring.store()).await
    }

    /// The tenant's keys, if it ever wrote anything.
    async fn existing_keys(
        &self,
        tenant: &Tenant,
        now: Timestamp,
    ) -> Result<Option<Arc<TenantKeys>>, ApiError> {
        let failed = |error| keyring_failure(&error);
        let keys = self.keyring.existing(tenant, now).await.map_err(failed)?;
        if keys.is_none() {
            self.keyring.check_not_lost(&self.store, tenant).await.map_err(failed)?;
        }
        Ok(keys)
    }

    /// The tenant's keys, made now if it never wrote anything.
    async fn keys(&self, tenant: &Tenant, now: Timestamp) -> Result<Arc<TenantKeys>, ApiError> {
        if let Some(keys) = self.existing_keys(tenant, now).await? {
            return Ok(keys);
        }
        self.keyring.tenant(tenant, now).await.map_err(|error| keyring_failure(&error))
    }

    fn context(&self, call: &Call, expand: Expand, keys: Option<Arc<TenantKeys>>) -> Ctx {
        Ctx {
            request_id: Arc::clone(&call.request_id),
            idempotency_key: call.idempotency_key.clone(),
            now: call.now,
            principal: Arc::clone(&call.principal),
            version: call.version.clone(),
            expand,
            keys,
            keyring: Arc::clone(&self.keyring),
            random: Arc::clone(&self.random),
        }
    }
}

/// A request that was let in, with its parameters decoded.
pub(crate) struct Call {
    pub(crate) request_id: Arc<str>,
    pub(crate) now: Timestamp,
    pub(crate) principal: Arc<Principal>,
    pub(crate) version: ApiVersion,
    pub(crate) params: Params,
    pub(crate) path: Vec<String>,
    pub(crate) idempotency_key: Option<String>,
}

/// What goes back. `replay_of` is the first request's id if this is a stored answer.
pub(crate) struct Answer {
    /// `None` is success.
    pub(crate) status: Option<u16>,
    pub(crate) body: Vec<u8>,
    pub(crate) replay_of: Option<String>,
}

/// An operation as the routes hold it.
pub(crate) trait Handler: Send + Sync {
    fn definition(&self) -> &Definition;
    fn handle<'a>(
        &'a self,
        kernel: &'a Arc<Kernel>,
        call: Call,
    ) -> BoxFuture<'a, Result<Answer, ApiError>>;
}

/// A read behind the common face.
pub(crate) struct Read<O>(pub(crate) O);

impl<O: ReadOperation> Handler for Read<O> {
    fn definition(&self) -> &Definition {
        &const { O::DEFINITION }
    }

    fn handle<'a>(
        &'a self,
        kernel: &'a Arc<Kernel>,
        call: Call,
    ) -> BoxFuture<'a, Result<Answer, ApiError>> {
        Box::pin(read(kernel, &self.0, call))
    }
}

/// A write behind the common face.
pub(crate) struct Write<O>(pub(crate) Arc<O>);

impl<O: WriteOperation> Handler for Write<O> {
    fn definition(&self) -> &Definition {
        &const { O::DEFINITION }
    }

    fn handle<'a>(
        &'a self,
        kernel: &'a Arc<Kernel>,
        call: Call,
    ) -> BoxFuture<'a, Result<Answer, ApiError>> {
        Box::pin(write(kernel, &self.0, call))
    }
}

async fn read<O: ReadOperation>(
    kernel: &Kernel,
    operation: &O,
    call: Call,
) -> Result<Answer, ApiError> {
    let definition = const { O::DEFINITION };
    let expand = Expand::parse(&call.params, definition.expandable, definition.list)?;
    let arguments = Arguments { params: &call.params, path: &call.path };
    let input = operation.parse(&arguments)?;
    check_reach(&call.principal, &O::reach(&input), false)?;
    let tenant = &call.principal.tenant;
    let keys = kernel.existing_keys(tenant, call.now).await?;
    let ctx = kernel.context(&call, expand, keys);
    let object = operation.run(&input, &ctx, &kernel.store).await?;
    Ok(Answer { status: None, body: object.render(), replay_of: None })
}

async fn write<O: WriteOperation>(
    kernel: &Arc<Kernel>,
    operation: &Arc<O>,
    call: Call,
) -> Result<Answer, ApiError> {
    let definition = const { O::DEFINITION };
    let expand = Expand::parse(&call.params, definition.expandable, definition.list)?;
    let arguments = Arguments { params: &call.params, path: &call.path };
    let input = operation.parse(&arguments)?;
    check_reach(&call.principal, &O::reach(&input), true)?;
    let mut turn = None;
    for _ in 0..limit::PREPARE_ATTEMPTS {
        let tenant = &call.principal.tenant;
        let keys = kernel.keys(tenant, call.now).await?;
        let claim = call.claim(&keys, definition.name);
        if let (Some(claim), None) = (&claim, &turn) {
            turn = Some(kernel.turns.take(claim).await?);
        }
        let ctx = Arc::new(kernel.context(&call, expand.clone(), Some(Arc::clone(&keys))));
        let prepared = match operation.prepare(&input, &ctx).await {
            Ok(prepared) => prepared,
            Err(refusal) => return kept_or(kernel, claim.as_ref(), &keys, refusal).await,
        };
        let unit = Unit {
            operation: Arc::clone(operation),
            prepared,
            ctx: Arc::clone(&ctx),
            keys: Arc::clone(&keys),
            authenticate: Arc::clone(&kernel.authenticate),
            claim,
        };
        match kernel.store.write(unit).await.map_err(|error| storage_failure(&error))? {
            Outcome::Done { out, body } => {
                operation.committed(&out, &ctx).await?;
                return Ok(Answer { status: None, body, replay_of: None });
            }
            Outcome::Kept(claim, record) => return replay(&claim, &keys, &record),
            Outcome::Refused(refusal) => return Err(refusal),
            Outcome::Stale => kernel.keyring.evict(tenant),
        }
    }
    Err(ApiError::unavailable("the tenant's key changed during each attempt to write"))
}

/// What was prepared is refused now, but the same request may have succeeded before: an expiry
/// that has passed since must not keep a replay from its answer.
async fn kept_or(
    kernel: &Kernel,
    claim: Option<&Claim>,
    keys: &TenantKeys,
    refusal: ApiError,
) -> Result<Answer, ApiError> {
    let Some(claim) = claim else { return Err(refusal) };
    let kept = store::peek_record(&kernel.store, &claim.tenant, &claim.digest)
        .await
        .map_err(|error| storage_failure(&error))?;
    kept.map_or(Err(refusal), |record| replay(claim, keys, &record))
}

fn replay(claim: &Claim, keys: &TenantKeys, record: &Record) -> Result<Answer, ApiError> {
    let stored = claim.open(keys, record)?;
    let status = (stored.status != KEPT_SUCCESS).then_some(stored.status);
    Ok(Answer { status, body: stored.body, replay_of: Some(stored.request) })
}

/// How a kept answer says that it was a success.
const KEPT_SUCCESS: u16 = 0;

/// Whether the caller may reach that far: an ephemeral key has one user, and as much of the
/// account's scope as it was made with.
fn check_reach(principal: &Principal, reach: &Reach, writes: bool) -> Result<(), ApiError> {
    use crate::context::AccountAccess;
    let Role::Ephemeral { user, account_access, .. } = &principal.role else { return Ok(()) };
    match reach {
        Reach::Backend => Err(ApiError::forbidden(format!(
            "The key '{}' is an ephemeral key. Only the app's backend may make this call: use \
             the app's own key.",
            principal.shown_key
        ))),
        Reach::Account if writes && *account_access == AccountAccess::Read => {
            Err(ApiError::forbidden(
                "This ephemeral key may only read the account's scope. Make it with \
                 account_access=write to let it write there.",
            )
            .with_param("scope[type]"))
        }
        Reach::User(other) if other != user => Err(ApiError::forbidden(
            "This ephemeral key belongs to one user and cannot reach another user's scope.",
        )
        .with_param("scope[user]")),
        Reach::Account | Reach::User(_) => Ok(()),
    }
}

impl Call {
    fn claim(&self, keys: &TenantKeys, operation: &'static str) -> Option<Claim> {
        let key = self.idempotency_key.as_deref()?;
        let principal = &self.principal;
        let user = principal.bound_user();
        let tenant = &principal.tenant;
        Some(Claim::new(keys, tenant, user, key, operation, &self.path, &self.params))
    }
}

/// One write as a unit of work: state, audit entry and kept answer, together or not at all.
struct Unit<O: WriteOperation> {
    operation: Arc<O>,
    prepared: O::Prepared,
    ctx: Arc<Ctx>,
    keys: Arc<TenantKeys>,
    authenticate: Arc<dyn Authenticate>,
    claim: Option<Claim>,
}

enum Outcome<T> {
    Done { out: T, body: Vec<u8> },
    Kept(Box<Claim>, Record),
    Refused(ApiError),
    Stale,
}

impl<O: WriteOperation> Work for Unit<O> {
    type Out = Outcome<O::Out>;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Self::Out, StorageError> {
        let ctx = &*self.ctx;
        let Asked { claim, seal, admission } = self.ask(tx).await?;
        if let (Some(claim), Some(record)) = (&self.claim, store::record(&claim)?) {
            return Ok(Outcome::Kept(Box::new(claim.clone()), record));
        }
        match self.authenticate.admission(&ctx.principal, &admission)? {
            Admission::Admitted => {}
            Admission::KeyRevoked => {
                return Ok(Outcome::Refused(ApiError::key_expired(&ctx.principal.shown_key)));
            }
            Admission::Shut => return Ok(Outcome::Refused(self.door_is_shut())),
        }
        if check_seal(tx, &seal, ctx.tenant(), self.keys.version())? == SealCheck::Stale {
            return Ok(Outcome::Stale);
        }
        tx.savepoint().await?;
        match self.operation.apply(&self.prepared, ctx, tx).await {
            Ok(applied) => {
                tx.release_savepoint().await?;
                self.done(applied, tx)
            }
            Err(Failure::Refused(refusal)) => {
                tx.rollback_to_savepoint().await?;
                tx.release_savepoint().await?;
                self.keep(refusal.status(), &refusal.body(), &Shown::Always, tx)?;
                Ok(Outcome::Refused(refusal))
            }
            Err(Failure::Storage(error)) => Err(error),
        }
    }
}

/// What a unit of work asks before it does anything.
struct Asked {
    claim: Vec<Row>,
    seal: Vec<Row>,
    admission: Vec<Vec<Row>>,
}

impl<O: WriteOperation> Unit<O> {
    /// Asks all at once: where the database is elsewhere, each question costs a journey.
    async fn ask(&self, tx: &mut Tx<'_>) -> Result<Asked, StorageError> {
        let claim = self.claim.as_ref();
        let claim = claim.map(|claim| store::record_query(&claim.tenant, &claim.digest));
        let seal = seal_query(self.ctx.tenant());
        let admission = self.authenticate.admission_queries(&self.ctx.principal);
        let queries = claim.iter().chain([&seal]).chain(&admission);
        let statements: Vec<_> = queries.map(Query::statement).collect();
        let mut answers = tx.batch(&statements).await?.into_iter();
        let claim = if claim.is_some() { answers.next() } else { None };
        let seal = answers.next().unwrap_or_default();
        Ok(Asked { claim: claim.unwrap_or_default(), seal, admission: answers.collect() })
    }

    fn done(
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
        self.keep(KEPT_SUCCESS, &body, &self.operation.shown_once(&applied.out), tx)?;
        Ok(Outcome::Done { out: applied.out, body })
    }

    /// Keeps the answer for requests that repeat this one.
    fn keep(
        &self,
        status: u16,
        body: &[u8],
        shown: &Shown,
        tx: &mut Tx<'_>,
    ) -> Result<(), StorageError> {
        let Some(claim) = &self.claim else { return Ok(()) };
        let ctx = &*self.ctx;
        let record = claim
            .record(&self.keys, &ctx.request_id, status, body, shown)
            .map_err(|error| StorageError::Internal(Cause::of(error)))?;
        store::insert_record(tx, &claim.tenant, &claim.digest, record, ctx.now);
        Ok(())
    }

    fn door_is_shut(&self) -> ApiError {
        let principal = &self.ctx.principal;
        ApiError::account_invalid(&principal.shown_key, principal.tenant.account.as_str())
    }
}

impl Definition {
    /// Whether the operation changes something, so that idempotency keys count.
    pub(crate) const fn writes(&self) -> bool {
        !matches!(self.method, Method::Get)
    }
}
