//! What a family writes: operations.
//!
//! An operation is a type. Its [`Definition`] is all that routes, permissions, audit, logs,
//! counters, tests and documentation know of it.

use crate::context::Ctx;
use coffer_dialect::{ApiError, Object, Params};
use coffer_keyring::Digest;
use coffer_storage::{StorageError, Store, Tx};
use std::future::Future;

/// The verbs of `/v1` (conventions §2). `HEAD` is answered as `GET`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Method {
    /// Reads.
    Get,
    /// Creates, changes, and everything that is neither.
    Post,
    /// Removes the object that the path names.
    Delete,
}

impl Method {
    /// The verb as it is written in a request.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Delete => "DELETE",
        }
    }
}

/// Who may call an operation.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Access {
    /// Keys of apps: full ones, and restricted ones that hold the permission. A permission
    /// that ends in `_write` includes the one that ends in `_read`.
    Tenant {
        /// The permission that a restricted key needs.
        permission: &'static str,
    },
    /// Keys of apps, whatever permissions they hold.
    App,
    /// Admin keys.
    Admin,
}

/// Everything that the rest of the program knows of an operation.
#[derive(Debug)]
pub struct Definition {
    /// The one word for it, such as `apps.secrets.create`.
    pub name: &'static str,
    /// Its verb.
    pub method: Method,
    /// Its path; a segment that begins with `:` stands for any text.
    pub path: &'static str,
    /// Who may call it.
    pub access: Access,
    /// What its answer's objects can expand (conventions §6).
    pub expandable: &'static [&'static str],
    /// Whether its answer is a list, so that expansions begin with `data.`.
    pub list: bool,
}

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
pub enum Reach {
    /// Only the app's backend may do this: an ephemeral key may not.
    Backend,
    /// What the account's users share.
    Account,
    /// What is one user's own.
    User(String),
}

/// An operation that changes something.
///
/// `parse` → `prepare` → `apply` → `render`. Sealing and anything slow happen in `prepare`,
/// before the transaction; `apply` does nothing but use the database, and may run more than
/// once, from the start.
pub trait WriteOperation: Send + Sync + 'static {
    /// What is known of the operation.
    const DEFINITION: Definition;
    /// Parameters that have been checked.
    type Input: Send + Sync + 'static;
    /// All that the transaction needs.
    type Prepared: Send + Sync + 'static;
    /// What it came to.
    type Out: Send + Sync + 'static;

    /// Checks the parameters, in their declared order.
    ///
    /// # Errors
    /// What the caller got wrong.
    fn parse(&self, arguments: &Arguments<'_>) -> Result<Self::Input, ApiError>;

    /// How far the request reaches.
    fn reach(input: &Self::Input) -> Reach;

    /// Everything that can be done before the transaction. Runs again if the tenant's key
    /// changed meanwhile.
    ///
    /// # Errors
    /// What the caller got wrong, or what failed.
    fn prepare(
        &self,
        input: &Self::Input,
        ctx: &Ctx,
    ) -> impl Future<Output = Result<Self::Prepared, ApiError>> + Send;

    /// The change itself, inside the transaction.
    ///
    /// # Errors
    /// [`Failure::Refused`] undoes what `apply` did and is kept as the answer;
    /// [`Failure::Storage`] undoes all and keeps nothing.
    fn apply(
        &self,
        prepared: &Self::Prepared,
        ctx: &Ctx,
        tx: &mut Tx<'_>,
    ) -> impl Future<Output = Result<Applied<Self::Out>, Failure>> + Send;

    /// The answer.
    fn render(&self, out: &Self::Out, ctx: &Ctx) -> Object;

    /// What an answer that must not be kept would show; by default every answer is kept.
    fn shown_once(&self, _out: &Self::Out) -> Shown {
        Shown::Always
    }

    /// Runs after the commit and before the answer, once.
    ///
    /// # Errors
    /// What failed; the change stays, and the caller is told that the outcome is unknown.
    fn committed(
        &self,
        _out: &Self::Out,
        _ctx: &Ctx,
    ) -> impl Future<Output = Result<(), ApiError>> + Send {
        async { Ok(()) }
    }
}

/// Whether an answer may be kept for repeated requests.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Shown {
    /// It is kept, sealed.
    Always,
    /// It holds a token that is shown once: only the id of the object is kept, and a repeated
    /// request is told to revoke it (conventions §13, decision 17).
    Once {
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

/// Why a change was not made.
#[derive(Debug)]
pub enum Failure {
    /// A rule of the family refuses it.
    Refused(ApiError),
    /// The engine failed.
    Storage(StorageError),
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
    /// What the caller got wrong.
    fn parse(&self, arguments: &Arguments<'_>) -> Result<Self::Input, ApiError>;

    /// How far the request reaches.
    fn reach(input: &Self::Input) -> Reach;

    /// Reads and renders.
    ///
    /// # Errors
    /// What the caller got wrong, or what failed.
    fn run(
        &self,
        input: &Self::Input,
        ctx: &Ctx,
        store: &Store,
    ) -> impl Future<Output = Result<Object, ApiError>> + Send;
}
