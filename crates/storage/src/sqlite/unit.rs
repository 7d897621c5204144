//! One unit of work on its way through the writer.

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use rusqlite::Connection;
use tokio::sync::oneshot;

use crate::error::{Result, StorageError};
use crate::transaction::{Tx, Work};

/// A unit of work without the type of its result, which the writer need not know.
pub(super) trait Job: Send {
    /// Runs the work inside the open transaction. `Err` means that it must be rolled back.
    fn run(&mut self, connection: &mut Connection) -> Result<()>;

    /// As the work says.
    fn is_record(&self) -> bool;

    /// Sends the result to the caller, after the batch has ended with the outcome `batch`.
    fn reply(self: Box<Self>, batch: &Result<()>);
}

struct Unit<W: Work> {
    work: W,
    outcome: Option<Result<W::Out>>,
    reply: oneshot::Sender<Result<W::Out>>,
}

/// A unit of work for the queue, and the receiver of its result.
pub(super) fn unit<W: Work>(work: W) -> (Box<dyn Job>, oneshot::Receiver<Result<W::Out>>) {
    let (reply, receiver) = oneshot::channel();
    (Box::new(Unit { work, outcome: None, reply }), receiver)
}

impl<W: Work> Job for Unit<W> {
    fn run(&mut self, connection: &mut Connection) -> Result<()> {
        // The writer rolls back whatever a panic interrupted.
        let outcome = catch_unwind(AssertUnwindSafe(|| poll_once(&self.work, connection)))
            .unwrap_or(Err(StorageError::Panicked));
        let verdict = outcome.as_ref().map(|_| ()).map_err(Clone::clone);
        self.outcome = Some(outcome);
        verdict
    }

    fn is_record(&self) -> bool {
        self.work.is_record()
    }

    fn reply(self: Box<Self>, batch: &Result<()>) {
        let outcome = match (self.outcome, batch) {
            // Its own failure comes first: it was rolled back whatever became of the batch.
            (Some(Err(own)), _) => Err(own),
            (_, Err(batch)) => Err(batch.clone()),
            (Some(Ok(out)), Ok(())) => Ok(out),
            (None, Ok(())) => Err(StorageError::Internal("a unit of work never ran".into())),
        };
        // The caller may have gone away.
        let _ = self.reply.send(outcome);
    }
}

/// No statement waits on this engine, so a future that is not ready at once awaits something else.
fn poll_once<W: Work>(work: &W, connection: &mut Connection) -> Result<W::Out> {
    let unit = async {
        let mut tx = Tx::local(connection);
        let out = work.run(&mut tx).await?;
        tx.finish().await?;
        Ok(out)
    };
    match pin!(unit).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(outcome) => outcome,
        Poll::Pending => Err(StorageError::Waited),
    }
}
