//! What a family writes: operations.
//!
//! An operation is a type. Its [`Definition`] is all that routes, permissions, audit, logs,
//! counters, tests and documentation know of it.

use crate::context::Ctx;
use crate::definition::Definition;
use crate::error::storage_failure;
use coffer_dialect::{ApiError, Object, Params};
use coffer_keyring::Digest;
use coffer_storage::{StorageError, Store, Tx};
use std::future::Future;

/// What a request brought: its parameters, and what stood in the path's open segments.
#[derive(Debug)]
pub struct Arguments<'a> {
    /// Query and form parameters, merged.
    pub params: &'a Params,
    /// The path's open segments, in order, as they were sent.
    pub path: &'a [String],
}

impl Arguments<'_> {
    /// The first open segment of the path, an object's id as a rule.
    pub fn id(&self) -> &str {
        self.path.first().map_or("", String::as_str)
    }
}

/// How far into a tenant's data a request reaches. Ephemeral keys are held to their own user.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum RequestScope {
    /// Only the app's backend may do this: an ephemeral key may not.
    Backend,
    /// What the account's users share.
    Account,
    /// What is one user's own.
    User(String),
}

/// An operation that changes something.
///
/// `parse` → `scope` → `check` → `apply` → `render`. `apply` does nothing but use the database,
/// inside the transaction, and may run more than once, from the start. What must be sealed, or is
/// slow, is done before the transaction by a [`SealingOperation`].
pub trait WriteOperation: Send + Sync + 'static {
    /// What is known of the operation.
    const DEFINITION: Definition;
    /// Parameters that have been checked.
    type Input: Send + Sync + 'static;
    /// What it came to.
    type Out: Send + Sync + 'static;

    /// Checks the parameters, in their declared order.
    ///
    /// # Errors
    /// The first parameter that is missing, unknown or malformed.
    fn parse(&self, arguments: &Arguments<'_>) -> Result<Self::Input, ApiError>;

    /// How far the request reaches; most are for the app's backend alone.
    fn scope(_input: &Self::Input) -> RequestScope {
        RequestScope::Backend
    }

    /// Rules that need the time of the request or its version. A refusal here is not stored under
    /// the idempotency key, since the same request may be right at another time.
    ///
    /// # Errors
    /// The rule that the request breaks.
    fn check(&self, _input: &Self::Input, _ctx: &Ctx) -> Result<(), ApiError> {
        Ok(())
    }

    /// The change itself, inside the transaction.
    ///
    /// # Errors
    /// [`Failure::Refused`] undoes what `apply` did and is stored as the response;
    /// [`Failure::Storage`] undoes the whole unit of work and stores nothing.
    fn apply(
        &self,
        input: &Self::Input,
        ctx: &Ctx,
        tx: &mut Tx<'_>,
    ) -> impl Future<Output = Result<Applied<Self::Out>, Failure>> + Send;

    /// What stays of a refusal by [`Self::apply`], whose own writes are undone by then: it commits
    /// with the refusal, if there is room. By default nothing does.
    ///
    /// # Errors
    /// A failure of storage, which undoes the whole unit of work.
    fn refused(
        &self,
        _input: &Self::Input,
        _refusal: &ApiError,
        _ctx: &Ctx,
        _tx: &mut Tx<'_>,
    ) -> impl Future<Output = Result<(), StorageError>> + Send {
        async { Ok(()) }
    }

    /// The response's object.
    fn render(&self, out: &Self::Out, ctx: &Ctx) -> Object;

    /// Whether the response may be stored and replayed; by default it may.
    fn replay_policy(&self, _out: &Self::Out) -> ReplayPolicy {
        ReplayPolicy::Replay
    }

    /// Runs once, after the commit and before the response, and says whether all is done.
    ///
    /// # Errors
    /// What failed after the commit: the change stays, and the caller learns that the outcome is
    /// unknown.
    fn committed(
        &self,
        _out: &Self::Out,
        _ctx: &Ctx,
    ) -> impl Future<Output = Result<Committed, ApiError>> + Send {
        async { Ok(Committed::Done) }
    }

    /// What the caller is told if nothing was committed. An operation that takes effect in memory
    /// before it is stored says here what of it stays.
    fn failed(&self, _input: &Self::Input, _ctx: &Ctx, failure: Failure) -> ApiError {
        failure.into()
    }
}

/// How far a change has come that was committed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Committed {
    /// All of it is done: the response is a 200.
    Done,
    /// The rest goes on behind the response, which is a 202.
    Accepted,
}

/// An operation that seals values before the transaction: `parse` → `scope` → `seal` → `apply` →
/// `render`, each as in [`WriteOperation`].
pub trait SealingOperation: Send + Sync + 'static {
    /// What is known of the operation.
    const DEFINITION: Definition;
    /// Parameters that have been checked.
    type Input: Send + Sync + 'static;
    /// What was sealed, and everything else that the transaction need not compute.
    type Sealed: Send + Sync + 'static;
    /// What it came to.
    type Out: Send + Sync + 'static;

    /// See [`WriteOperation::parse`].
    ///
    /// # Errors
    /// The first parameter that is missing, unknown or malformed.
    fn parse(&self, arguments: &Arguments<'_>) -> Result<Self::Input, ApiError>;

    /// How far the request reaches.
    fn scope(_input: &Self::Input) -> RequestScope {
        RequestScope::Backend
    }

    /// Checks what needs the time of the request, and seals. Runs again if the tenant's key was
    /// rotated before the transaction began.
    ///
    /// # Errors
    /// The rule that the request breaks, or a key that failed.
    fn seal(
        &self,
        input: &Self::Input,
        ctx: &Ctx,
    ) -> impl Future<Output = Result<Self::Sealed, ApiError>> + Send;

    /// See [`WriteOperation::apply`].
    ///
    /// # Errors
    /// A refusal, or a failure of storage.
    fn apply(
        &self,
        input: &Self::Input,
        sealed: &Self::Sealed,
        ctx: &Ctx,
        tx: &mut Tx<'_>,
    ) -> impl Future<Output = Result<Applied<Self::Out>, Failure>> + Send;

    /// See [`WriteOperation::refused`].
    ///
    /// # Errors
    /// A failure of storage.
    fn refused(
        &self,
        _input: &Self::Input,
        _refusal: &ApiError,
        _ctx: &Ctx,
        _tx: &mut Tx<'_>,
    ) -> impl Future<Output = Result<(), StorageError>> + Send {
        async { Ok(()) }
    }

    /// The response's object.
    fn render(&self, out: &Self::Out, ctx: &Ctx) -> Object;

    /// See [`WriteOperation::replay_policy`].
    fn replay_policy(&self, _out: &Self::Out) -> ReplayPolicy {
        ReplayPolicy::Replay
    }

    /// See [`WriteOperation::committed`].
    ///
    /// # Errors
    /// What failed after the commit.
    fn committed(
        &self,
        _out: &Self::Out,
        _ctx: &Ctx,
    ) -> impl Future<Output = Result<Committed, ApiError>> + Send {
        async { Ok(Committed::Done) }
    }

    /// See [`WriteOperation::failed`].
    fn failed(&self, _input: &Self::Input, _ctx: &Ctx, failure: Failure) -> ApiError {
        failure.into()
    }

    /// The object of a response again, as it is now: what a repeated request is shown of a secret
    /// that the stored response leaves out ([`Object::withheld`]). `None` if it is gone, and by
    /// default: then the repeated response lacks it.
    fn reread(
        &self,
        _input: &Self::Input,
        _ctx: &Ctx,
        _store: &Store,
    ) -> impl Future<Output = Result<Option<Object>, Failure>> + Send {
        async { Ok(None) }
    }
}

/// A [`WriteOperation`] as the pipeline runs it: one that seals nothing.
pub(crate) struct Unsealed<O>(pub(crate) O);

impl<O: WriteOperation> SealingOperation for Unsealed<O> {
    const DEFINITION: Definition = O::DEFINITION;
    type Input = O::Input;
    type Sealed = ();
    type Out = O::Out;

    fn parse(&self, arguments: &Arguments<'_>) -> Result<O::Input, ApiError> {
        self.0.parse(arguments)
    }

    fn scope(input: &O::Input) -> RequestScope {
        O::scope(input)
    }

    async fn seal(&self, input: &O::Input, ctx: &Ctx) -> Result<(), ApiError> {
        self.0.check(input, ctx)
    }

    async fn apply(
        &self,
        input: &O::Input,
        _sealed: &(),
        ctx: &Ctx,
        tx: &mut Tx<'_>,
    ) -> Result<Applied<O::Out>, Failure> {
        self.0.apply(input, ctx, tx).await
    }

    async fn refused(
        &self,
        input: &O::Input,
        refusal: &ApiError,
        ctx: &Ctx,
        tx: &mut Tx<'_>,
    ) -> Result<(), StorageError> {
        self.0.refused(input, refusal, ctx, tx).await
    }

    fn render(&self, out: &O::Out, ctx: &Ctx) -> Object {
        self.0.render(out, ctx)
    }

    fn replay_policy(&self, out: &O::Out) -> ReplayPolicy {
        self.0.replay_policy(out)
    }

    async fn committed(&self, out: &O::Out, ctx: &Ctx) -> Result<Committed, ApiError> {
        self.0.committed(out, ctx).await
    }

    fn failed(&self, input: &O::Input, ctx: &Ctx, failure: Failure) -> ApiError {
        self.0.failed(input, ctx, failure)
    }
}

/// What a repetition of the request, under the same idempotency key, is answered.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ReplayPolicy {
    /// The same response, which is stored sealed.
    Replay,
    /// A refusal that names the object: the response shows a token once, and a copy of it at rest
    /// would be a second place from which it can leak.
    ShowOnce {
        /// The object that holds the token.
        id: String,
    },
}

/// A change that was made, and what the audit says of it.
#[derive(Debug)]
pub struct Applied<T> {
    /// What it came to.
    pub out: T,
    /// The id of the object that was changed.
    pub subject: String,
    /// A keyed digest of the value that was written, if one was.
    pub fingerprint: Option<Digest>,
}

/// Why an operation has no result.
#[derive(Debug)]
pub enum Failure {
    /// A rule refuses the request.
    Refused(ApiError),
    /// Storage failed; the response says that something is unavailable, and the log has the cause.
    Storage(StorageError),
}

impl From<Failure> for ApiError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Refused(refusal) => refusal,
            Failure::Storage(error) => storage_failure(&error),
        }
    }
}

impl From<ApiError> for Failure {
    fn from(error: ApiError) -> Self {
        Self::Refused(error)
    }
}

impl From<StorageError> for Failure {
    fn from(error: StorageError) -> Self {
        Self::Storage(error)
    }
}

/// An operation that only reads.
pub trait ReadOperation: Send + Sync + 'static {
    /// What is known of the operation.
    const DEFINITION: Definition;
    /// Parameters that have been checked.
    type Input: Send + Sync + 'static;

    /// Checks the parameters, in their declared order.
    ///
    /// # Errors
    /// The first parameter that is missing, unknown or malformed.
    fn parse(&self, arguments: &Arguments<'_>) -> Result<Self::Input, ApiError>;

    /// How far the request reaches; most are for the app's backend alone.
    fn scope(_input: &Self::Input) -> RequestScope {
        RequestScope::Backend
    }

    /// Reads and renders.
    ///
    /// # Errors
    /// [`Failure::Refused`] if the object does not exist for this caller, and whatever storage or
    /// a key failed at.
    fn run(
        &self,
        input: &Self::Input,
        ctx: &Ctx,
        store: &Store,
    ) -> impl Future<Output = Result<Object, Failure>> + Send;
}
