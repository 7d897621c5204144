//! One unit of work on its way through the writer.

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use rusqlite::Connection;
use tokio::sync::oneshot;

use crate::error::{Result, StorageError};
use crate::transaction::{Tx, Work};

/// A unit of work whose answer has a type that the writer need not know.
pub(super) trait Job: Send {
    /// Runs the work inside the open transaction. `Err` means that it must be rolled back.
    fn run(&mut self, connection: &mut Connection) -> Result<()>;

    /// Answers whoever asked, after the group's end: `group` is what became of the group.
    fn answer(self: Box<Self>, group: &Result<()>);
}

struct Unit<W: Work> {
    work: W,
    outcome: Option<Result<W::Out>>,
    answer: oneshot::Sender<Result<W::Out>>,
}

/// A unit of work for the queue, and where its answer arrives.
pub(super) fn unit<W: Work>(work: W) -> (Box<dyn Job>, oneshot::Receiver<Result<W::Out>>) {
    let (answer, receiver) = oneshot::channel();
    (Box::new(Unit { work, outcome: None, answer }), receiver)
}

impl<W: Work> Job for Unit<W> {
    fn run(&mut self, connection: &mut Connection) -> Result<()> {
        // Whatever a panic left half done in the connection is rolled back by the writer.
        let outcome = catch_unwind(AssertUnwindSafe(|| poll_once(&self.work, connection)))
            .unwrap_or(Err(StorageError::Panicked));
        let told = outcome.as_ref().map(|_| ()).map_err(Clone::clone);
        self.outcome = Some(outcome);
        told
    }

    fn answer(self: Box<Self>, group: &Result<()>) {
        let outcome = match (self.outcome, group) {
            // Its own failure is the truer one: it was rolled back whatever became of the group.
            (Some(Err(own)), _) => Err(own),
            (_, Err(group)) => Err(group.clone()),
            (Some(Ok(out)), Ok(())) => Ok(out),
            (None, Ok(())) => Err(StorageError::UnknownOutcome("the work never ran".to_owned())),
        };
        // Nobody may be listening any more.
        let _ = self.answer.send(outcome);
    }
}

/// Nothing in a unit waits on this engine, so a future that is not ready at once never may be.
fn poll_once<W: Work>(work: &W, connection: &mut Connection) -> Result<W::Out> {
    let whole = async {
        let mut tx = Tx::sqlite(connection);
        let out = work.run(&mut tx).await?;
        tx.finish().await?;
        Ok(out)
    };
    match pin!(whole).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(outcome) => outcome,
        Poll::Pending => Err(StorageError::Waited),
    }
}
