//! Deletes the rows of scopes in which nothing is left. A row counts the places of the scope's
//! list, by which cursors page, so it stays as long as a tombstone says what place a deleted secret
//! had.

use crate::limits;
use crate::store::{ForgetScopes, ScopesPage, scopes_page};
use coffer_base::limit;
use coffer_kernel::{BoxFuture, Job, JobContext};
use coffer_storage::{StorageError, Value};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// The job, which walks through all scopes, some with each pass.
#[derive(Debug, Default)]
pub(crate) struct ForgetEmptyScopes {
    /// The scope that it has come to.
    after: Mutex<Option<Vec<Value>>>,
}

impl ForgetEmptyScopes {
    fn take_after(&self) -> Option<Vec<Value>> {
        self.after.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn go_on_after(&self, after: Option<Vec<Value>>) {
        *self.after.lock().unwrap_or_else(PoisonError::into_inner) = after;
    }
}

impl Job for ForgetEmptyScopes {
    fn name(&self) -> &'static str {
        "forget_scopes"
    }

    fn every(&self) -> Duration {
        Duration::from_secs(limits::FORGET_SCOPES_EVERY_SECONDS)
    }

    fn run<'a>(&'a self, context: &'a JobContext) -> BoxFuture<'a, Result<u64, StorageError>> {
        Box::pin(async move {
            let store = context.store.in_turn();
            let (mut after, mut forgotten) = (self.take_after(), 0u64);
            for _ in 0..limits::SCOPE_PAGES_PER_PASS {
                let ScopesPage { empty, last } = scopes_page(&store, after).await?;
                for keys in empty.chunks(usize::try_from(limit::JOB_BATCH).unwrap_or(usize::MAX)) {
                    let work = ForgetScopes(keys.to_vec());
                    forgotten = forgotten.saturating_add(context.store.write(work).await?);
                }
                after = last;
                if after.is_none() {
                    break;
                }
            }
            self.go_on_after(after);
            Ok(forgotten)
        })
    }
}
