//! Keeping the head file, while a server runs.

use super::Heads;
use super::file::is_behind;
use crate::limits::HEAD_SECONDS;
use coffer_base::{Clock, SystemClock};
use coffer_kernel::{BoxFuture, Job, JobContext};
use coffer_keyring::Head;
use coffer_storage::{StorageError, Store};
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// The job that raises the heads after commits, and writes the file.
pub struct HeadKeeper {
    path: PathBuf,
    store: String,
    seen: Mutex<Progress>,
    /// The failure that was said last: what goes on failing is not said each second.
    said: Mutex<String>,
}

/// What the last pass knew of each store.
#[derive(Clone, Default)]
struct Progress {
    data: StoreProgress,
    keys: StoreProgress,
}

#[derive(Clone, Default)]
struct StoreProgress {
    /// Commits that are counted in the head; `None` before the first pass, which counts in any
    /// case: a command may have written to the stores before this server did.
    commits: Option<u64>,
    head: Head,
}

impl HeadKeeper {
    /// Keeps the file at `path` for the store with this id.
    pub fn new(path: PathBuf, store: String) -> Self {
        Self { path, store, seen: Mutex::default(), said: Mutex::default() }
    }

    async fn pass(&self, context: &JobContext) -> Result<(), StorageError> {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let data = seen.data.raise(&context.store, context).await?;
        let keys = seen.keys.raise(context.keyring.store(), context).await?;
        if !data && !keys {
            return Ok(());
        }
        let at = SystemClock.now();
        let heads = Heads {
            store: self.store.clone(),
            data: seen.data.head.clone(),
            keys: seen.keys.head.clone(),
            at,
        };
        let path = self.path.clone();
        let written = tokio::task::spawn_blocking(move || heads.write(&path)).await;
        match written {
            Ok(Ok(())) => {}
            Ok(Err(error)) => return Err(StorageError::File(error.to_string().into())),
            Err(_) => return Err(StorageError::Panicked),
        }
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = seen;
        Ok(())
    }
}

impl HeadKeeper {
    async fn pass_and_tell(&self, context: &JobContext) {
        let why = match self.pass(context).await {
            Ok(()) => String::new(),
            Err(error) => error.to_string(),
        };
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        if !why.is_empty() && *said != why {
            tracing::error!(why, "the head file is not kept up; it is tried each second");
        }
        *said = why;
    }
}

impl StoreProgress {
    /// Raises the head of `store` if anything was committed since it was raised last; whether it
    /// was.
    async fn raise(&mut self, store: &Store, context: &JobContext) -> Result<bool, StorageError> {
        let before = store.stats().commits;
        if self.commits == Some(before) {
            return Ok(false);
        }
        let found = coffer_keyring::head(store).await?;
        if is_behind(&found, &self.head) {
            let text = format!(
                "a store went back from {} to {} while this server ran: somebody has put back an \
                 older one, or a standby took over that lacked commits. The head file stays as it \
                 is",
                self.head.sequence, found.sequence
            );
            return Err(StorageError::Corrupt(text.into()));
        }
        self.head = coffer_keyring::raise_head(store, &*context.random).await?;
        // Raising it is a commit itself. One that came in beside it may have come after it, and is
        // counted by the next pass.
        let after = store.stats().commits;
        let own = before.saturating_add(1);
        self.commits = Some(if after <= own { after } else { after.saturating_sub(1) });
        Ok(true)
    }
}

impl Job for HeadKeeper {
    fn name(&self) -> &'static str {
        "head"
    }

    fn every(&self) -> Duration {
        Duration::from_secs(HEAD_SECONDS)
    }

    /// It is no work that somebody would want to read about each second, so it counts none.
    fn run<'a>(&'a self, context: &'a JobContext) -> BoxFuture<'a, Result<u64, StorageError>> {
        Box::pin(async move {
            self.pass_and_tell(context).await;
            Ok(0)
        })
    }

    /// So that what a server committed in its last second is not missing.
    fn end<'a>(&'a self, context: &'a JobContext) -> BoxFuture<'a, ()> {
        Box::pin(self.pass_and_tell(context))
    }
}
