//! A unit of work without the type of its result.
//!
//! Whatever carries a unit to its database sees this one type, so that queues, retries and both
//! engines are compiled once instead of once for each operation of the product.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};

use crate::error::{Result, StorageError};
use crate::shard::Shard;
use crate::space::DiskSpace;
use crate::transaction::{Lock, Tx, Work};

/// A unit of work that can be tried again, with the question whether it may add data: asked when
/// its turn comes, since the space may be gone by then.
#[derive(Clone)]
pub(crate) struct Attempt {
    work: Arc<dyn Untyped>,
    space: Option<DiskSpace>,
    part: Option<Arc<Shard>>,
}

/// A unit of work that keeps its result until somebody who knows its type takes it.
pub(crate) struct Kept<W: Work> {
    work: W,
    out: Mutex<Option<W::Out>>,
}

/// [`Work`], with the result kept inside.
trait Untyped: Send + Sync {
    fn grows(&self) -> bool;
    fn of_many_accounts(&self) -> bool;
    fn is_record(&self) -> bool;
    fn lock(&self) -> Option<Lock>;
    fn run<'a>(
        &'a self,
        tx: &'a mut Tx<'_>,
    ) -> Pin<Box<dyn Future<Output = Result<()>> + Send + 'a>>;
}

impl<W: Work> Kept<W> {
    pub(crate) fn of(work: W) -> Arc<Self> {
        Arc::new(Self { work, out: Mutex::new(None) })
    }

    /// The result of the run that was committed.
    ///
    /// # Errors
    /// [`StorageError::Internal`] if it never ran.
    pub(crate) fn take(&self) -> Result<W::Out> {
        let out = self.out.lock().unwrap_or_else(PoisonError::into_inner).take();
        out.ok_or_else(|| StorageError::Internal("a unit of work never ran".into()))
    }
}

impl<W: Work> Untyped for Kept<W> {
    fn grows(&self) -> bool {
        self.work.grows()
    }

    fn of_many_accounts(&self) -> bool {
        self.work.of_many_accounts()
    }

    fn is_record(&self) -> bool {
        self.work.is_record()
    }

    fn lock(&self) -> Option<Lock> {
        self.work.lock()
    }

    fn run<'a>(
        &'a self,
        tx: &'a mut Tx<'_>,
    ) -> Pin<Box<dyn Future<Output = Result<()>> + Send + 'a>> {
        Box::pin(async move {
            let out = self.work.run(tx).await?;
            *self.out.lock().unwrap_or_else(PoisonError::into_inner) = Some(out);
            Ok(())
        })
    }
}

impl Attempt {
    pub(crate) fn at<W: Work>(
        work: Arc<Kept<W>>,
        space: Option<DiskSpace>,
        part: Option<Arc<Shard>>,
    ) -> Self {
        Self { work, space, part }
    }

    /// As [`Work::grows`].
    pub(crate) fn grows(&self) -> bool {
        self.work.grows()
    }

    /// As [`Work::is_record`].
    pub(crate) fn is_record(&self) -> bool {
        self.work.is_record()
    }

    /// As [`Work::lock`].
    pub(crate) fn lock(&self) -> Option<Lock> {
        self.work.lock()
    }

    /// Does the work, if there is room for it.
    pub(crate) async fn run(&self, tx: &mut Tx<'_>) -> Result<()> {
        match &self.space {
            Some(space) if self.grows() => space.admit()?,
            _ => {}
        }
        tx.of(self.work.of_many_accounts(), self.part.clone());
        self.work.run(tx).await
    }
}
