//! Operations without their types: what the pipeline calls between its steps.
//!
//! What an operation has read, sealed and made stays inside, behind one trait for each, so that the
//! pipeline is compiled once and not once for each operation.

use crate::context::Ctx;
use crate::definition::Definition;
use crate::operation::{
    Applied, Arguments, Committed, Failure, ReadOperation, ReplayPolicy, RequestScope,
    SealingOperation,
};
use crate::principal::BoxFuture;
use coffer_dialect::{ApiError, Object};
use coffer_storage::{StorageError, Store, Tx};
use std::sync::Arc;

/// An operation as the routes hold it.
pub(crate) trait Handler: Send + Sync {
    fn definition(&self) -> &'static Definition;
    /// Reads the parameters, and says how far they reach.
    fn parse(&self, arguments: &Arguments<'_>) -> Result<(Parsed, RequestScope), ApiError>;
}

/// An operation with its parameters.
pub(crate) enum Parsed {
    Read(Box<dyn Reading>),
    Write(Arc<dyn Writing>),
    /// All figures, which are no object.
    Metrics,
}

/// A read: see [`ReadOperation`].
pub(crate) trait Reading: Send + Sync {
    fn run<'a>(&'a self, ctx: &'a Ctx, store: &'a Store) -> BoxFuture<'a, Result<Object, Failure>>;
}

/// A write: see [`SealingOperation`].
pub(crate) trait Writing: Send + Sync {
    fn seal<'a>(self: Arc<Self>, ctx: &'a Ctx) -> BoxFuture<'a, Result<Box<dyn Change>, ApiError>>;
    fn failed(&self, ctx: &Ctx, failure: Failure) -> ApiError;
    fn reread<'a>(
        &'a self,
        ctx: &'a Ctx,
        store: &'a Store,
    ) -> BoxFuture<'a, Result<Option<Object>, Failure>>;
}

/// A write that has sealed what it seals.
pub(crate) trait Change: Send + Sync {
    fn apply<'a>(
        &'a self,
        ctx: &'a Ctx,
        tx: &'a mut Tx<'_>,
    ) -> BoxFuture<'a, Result<Applied<Box<dyn Made>>, Failure>>;
    fn refused<'a>(
        &'a self,
        refusal: &'a ApiError,
        ctx: &'a Ctx,
        tx: &'a mut Tx<'_>,
    ) -> BoxFuture<'a, Result<(), StorageError>>;
}

/// What a write came to.
pub(crate) trait Made: Send + Sync {
    fn render(&self, ctx: &Ctx) -> Object;
    fn replay_policy(&self) -> ReplayPolicy;
    fn committed<'a>(&'a self, ctx: &'a Ctx) -> BoxFuture<'a, Result<Committed, ApiError>>;
}

/// A read behind the common face.
pub(crate) struct Read<O>(pub(crate) Arc<O>);

/// A write behind the common face.
pub(crate) struct Write<O>(pub(crate) Arc<O>);

/// An operation with what it has read, or made.
struct With<O, T> {
    operation: Arc<O>,
    value: T,
}

/// A write with its parameters and what it has sealed.
struct Sealed<O: SealingOperation> {
    write: Arc<With<O, O::Input>>,
    sealed: O::Sealed,
}

impl<O: ReadOperation> Handler for Read<O> {
    fn definition(&self) -> &'static Definition {
        &const { O::DEFINITION }
    }

    fn parse(&self, arguments: &Arguments<'_>) -> Result<(Parsed, RequestScope), ApiError> {
        let value = self.0.parse(arguments)?;
        let scope = O::scope(&value);
        let operation = Arc::clone(&self.0);
        Ok((Parsed::Read(Box::new(With { operation, value })), scope))
    }
}

impl<O: SealingOperation> Handler for Write<O> {
    fn definition(&self) -> &'static Definition {
        &const { O::DEFINITION }
    }

    fn parse(&self, arguments: &Arguments<'_>) -> Result<(Parsed, RequestScope), ApiError> {
        let value = self.0.parse(arguments)?;
        let scope = O::scope(&value);
        let operation = Arc::clone(&self.0);
        Ok((Parsed::Write(Arc::new(With { operation, value })), scope))
    }
}

impl<O: ReadOperation> Reading for With<O, O::Input> {
    fn run<'a>(&'a self, ctx: &'a Ctx, store: &'a Store) -> BoxFuture<'a, Result<Object, Failure>> {
        Box::pin(self.operation.run(&self.value, ctx, store))
    }
}

impl<O: SealingOperation> Writing for With<O, O::Input> {
    fn seal<'a>(self: Arc<Self>, ctx: &'a Ctx) -> BoxFuture<'a, Result<Box<dyn Change>, ApiError>> {
        Box::pin(async move {
            let sealed = self.operation.seal(&self.value, ctx).await?;
            Ok(Box::new(Sealed { write: self, sealed }) as Box<dyn Change>)
        })
    }

    fn failed(&self, ctx: &Ctx, failure: Failure) -> ApiError {
        self.operation.failed(&self.value, ctx, failure)
    }

    fn reread<'a>(
        &'a self,
        ctx: &'a Ctx,
        store: &'a Store,
    ) -> BoxFuture<'a, Result<Option<Object>, Failure>> {
        Box::pin(self.operation.reread(&self.value, ctx, store))
    }
}

impl<O: SealingOperation> Change for Sealed<O> {
    fn apply<'a>(
        &'a self,
        ctx: &'a Ctx,
        tx: &'a mut Tx<'_>,
    ) -> BoxFuture<'a, Result<Applied<Box<dyn Made>>, Failure>> {
        Box::pin(async move {
            let With { operation, value } = &*self.write;
            let applied = operation.apply(value, &self.sealed, ctx, tx).await?;
            let Applied { out: value, subject, fingerprint } = applied;
            let out = Box::new(With { operation: Arc::clone(operation), value });
            Ok(Applied { out: out as Box<dyn Made>, subject, fingerprint })
        })
    }

    fn refused<'a>(
        &'a self,
        refusal: &'a ApiError,
        ctx: &'a Ctx,
        tx: &'a mut Tx<'_>,
    ) -> BoxFuture<'a, Result<(), StorageError>> {
        let With { operation, value } = &*self.write;
        Box::pin(operation.refused(value, refusal, ctx, tx))
    }
}

impl<O: SealingOperation> Made for With<O, O::Out> {
    fn render(&self, ctx: &Ctx) -> Object {
        self.operation.render(&self.value, ctx)
    }

    fn replay_policy(&self) -> ReplayPolicy {
        self.operation.replay_policy(&self.value)
    }

    fn committed<'a>(&'a self, ctx: &'a Ctx) -> BoxFuture<'a, Result<Committed, ApiError>> {
        Box::pin(self.operation.committed(&self.value, ctx))
    }
}
