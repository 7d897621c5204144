//! One unit of work on its way through the writer.

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use rusqlite::Connection;
use tokio::sync::oneshot;

use crate::attempt::Attempt;
use crate::error::{Result, StorageError};
use crate::transaction::Tx;

/// A unit of work in the queue, and who waits for it.
pub(super) struct Unit {
    work: Attempt,
    outcome: Option<Result<()>>,
    reply: oneshot::Sender<Result<()>>,
}

impl Unit {
    /// A unit of work for the queue, and the receiver of its outcome.
    pub(super) fn of(work: Attempt) -> (Self, oneshot::Receiver<Result<()>>) {
        let (reply, receiver) = oneshot::channel();
        (Self { work, outcome: None, reply }, receiver)
    }

    /// Runs the work inside the open transaction. `Err` means that it must be rolled back.
    pub(super) fn run(&mut self, connection: &mut Connection) -> Result<()> {
        // The writer rolls back whatever a panic interrupted.
        let outcome = catch_unwind(AssertUnwindSafe(|| poll_once(&self.work, connection)))
            .unwrap_or(Err(StorageError::Panicked));
        self.outcome = Some(outcome.clone());
        outcome
    }

    /// As the work says.
    pub(super) fn is_record(&self) -> bool {
        self.work.is_record()
    }

    /// Sends the outcome to the caller, after the batch has ended with the outcome `batch`.
    pub(super) fn reply(self, batch: &Result<()>) {
        let outcome = match (self.outcome, batch) {
            // Its own failure comes first: it was rolled back whatever became of the batch.
            (Some(Err(own)), _) => Err(own),
            (_, Err(batch)) => Err(batch.clone()),
            (Some(Ok(())), Ok(())) => Ok(()),
            (None, Ok(())) => Err(StorageError::Internal("a unit of work never ran".into())),
        };
        // The caller may have gone away.
        let _ = self.reply.send(outcome);
    }
}

/// No statement waits on this engine, so a future that is not ready at once awaits something else.
fn poll_once(work: &Attempt, connection: &mut Connection) -> Result<()> {
    let unit = async {
        let mut tx = Tx::local(connection);
        work.run(&mut tx).await?;
        tx.finish().await?;
        Ok(())
    };
    match pin!(unit).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(outcome) => outcome,
        Poll::Pending => Err(StorageError::Waited),
    }
}
