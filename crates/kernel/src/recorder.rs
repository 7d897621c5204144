//! Writing the audit entries of what has no transaction of its own: reads, refusals, failures.
//!
//! Entries wait in memory, and a task writes them in batches, one after the other: it is started by
//! the first entry that waits, and ends when none does. Nobody waits for an entry that is
//! [pushed](Recorder::push); whoever [writes](Recorder::write) one learns whether it is durable,
//! and shares a transaction with all others who wait at that moment.
//!
//! What is left out, since there is too much of it or no room for it, is counted, and the count is
//! an entry itself.

mod left_out;
mod waiting;

pub(crate) use left_out::Omission;

use crate::limits;
use crate::traffic::{AuditReads, AuditSettings};
use coffer_audit::{Entry, Fresh};
use coffer_base::{Clock, Tenant, Timestamp};
use coffer_storage::{Share, Store};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::runtime::Handle;
use tokio::sync::{Mutex as AsyncMutex, Notify, oneshot};
use waiting::{Pending, Waiting};

/// The audit of this server, beside the transactions of changes.
pub(crate) struct Recorder {
    store: Store,
    clock: Arc<dyn Clock>,
    /// Where the log finds the hashes of what was written.
    fresh: Arc<Fresh>,
    /// The place of the choice in [`AuditReads::ALL`].
    reads: AtomicU8,
    names: AtomicBool,
    waiting: Mutex<Waiting>,
    /// Held by whoever writes a batch.
    writing: AsyncMutex<()>,
    /// Somebody waits for an entry.
    urgent: Notify,
    /// Whether the last batch could not be written.
    failing: AtomicBool,
}

/// An entry could not be written: what it would record must not be answered.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct NotRecorded;

/// The task that writes is no longer there, however it ended.
struct WriterTask<'r>(&'r Recorder);

impl Drop for WriterTask<'_> {
    fn drop(&mut self) {
        self.0.waiting().has_writer = false;
    }
}

impl Recorder {
    pub(crate) fn new(store: &Store, clock: Arc<dyn Clock>, fresh: Arc<Fresh>) -> Self {
        Self {
            store: store.of_share(Share::SYSTEM),
            clock,
            fresh,
            reads: AtomicU8::default(),
            names: AtomicBool::default(),
            waiting: Mutex::default(),
            writing: AsyncMutex::default(),
            urgent: Notify::new(),
            failing: AtomicBool::new(false),
        }
    }

    /// Changes what is recorded from now on, and records that.
    pub(crate) fn set(self: &Arc<Self>, settings: AuditSettings) {
        let before = self.reads.swap(settings.reads.place(), Ordering::Relaxed);
        let before = AuditReads::at(before);
        self.names.store(settings.names_in_clear, Ordering::Relaxed);
        if before != settings.reads {
            let change = format!("{}, was {}", settings.reads.as_str(), before.as_str());
            self.note("program.audit.reads", change);
        }
    }

    /// Records something that the program does by itself and that belongs to no account.
    pub(crate) fn note(self: &Arc<Self>, operation: &'static str, detail: String) {
        let entry = Entry::of_program(operation, Tenant::system(), self.now());
        self.push(Entry { detail: Some(detail), ..entry });
    }

    /// How reads are recorded.
    pub(crate) fn reads(&self) -> AuditReads {
        AuditReads::at(self.reads.load(Ordering::Relaxed))
    }

    /// Whether names are recorded in clear, beside their fingerprints.
    pub(crate) fn names_in_clear(&self) -> bool {
        self.names.load(Ordering::Relaxed)
    }

    /// The time of an entry that is made now.
    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Whether the last batch could not be written. Then a change cannot be made either, and no
    /// read is answered that must be recorded first.
    pub(crate) fn is_failing(&self) -> bool {
        self.failing.load(Ordering::Relaxed)
    }

    /// Has `entry` written soon. If too many wait already, it is left out and counted.
    pub(crate) fn push(self: &Arc<Self>, entry: Entry) {
        self.enqueue(Pending { entry, reply: None });
    }

    /// Writes `entry`, and returns once it is durable.
    ///
    /// # Errors
    /// [`NotRecorded`] if it is not, or if too many wait already.
    pub(crate) async fn write(self: &Arc<Self>, entry: Entry) -> Result<(), NotRecorded> {
        let (reply, written) = oneshot::channel();
        if !self.enqueue(Pending { entry, reply: Some(reply) }) {
            return Err(NotRecorded);
        }
        self.urgent.notify_one();
        match written.await {
            Ok(true) => Ok(()),
            _ => Err(NotRecorded),
        }
    }

    /// Adds an entry to those that wait, and says whether there was room.
    fn enqueue(self: &Arc<Self>, pending: Pending) -> bool {
        let mut waiting = self.waiting();
        let has_room = waiting.push(pending);
        self.ensure_writer(waiting);
        has_room
    }

    /// Counts something that has no entry of its own.
    pub(crate) fn leave_out(self: &Arc<Self>, omission: Omission) {
        let mut waiting = self.waiting();
        waiting.left_out.count(omission, 1);
        self.ensure_writer(waiting);
    }

    /// Writes whatever waits, the counts of what was left out as well; gives up after some
    /// attempts.
    pub(crate) async fn flush(&self) {
        for attempt in 1..=limits::AUDIT_FLUSH_ATTEMPTS {
            if self.write_waiting(true).await {
                return;
            }
            if attempt < limits::AUDIT_FLUSH_ATTEMPTS {
                tokio::time::sleep(Duration::from_millis(limits::AUDIT_WAIT_MILLISECONDS)).await;
            }
        }
        let lost = self.waiting().entries.len();
        tracing::error!(lost, "entries of the audit could not be written before the server ended");
    }

    /// How many entries wait.
    pub(crate) fn count_waiting(&self) -> usize {
        self.waiting().entries.len()
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sees to it that a task writes what waits.
    fn ensure_writer(self: &Arc<Self>, mut waiting: MutexGuard<'_, Waiting>) {
        if waiting.has_writer {
            return;
        }
        let Ok(runtime) = Handle::try_current() else { return };
        waiting.has_writer = true;
        drop(waiting);
        let recorder = Arc::clone(self);
        runtime.spawn(async move { recorder.write_until_empty().await });
    }

    async fn write_until_empty(&self) {
        let task = WriterTask(self);
        loop {
            let wait = match self.is_failing() {
                true => limits::AUDIT_RETRY_MILLISECONDS,
                false => limits::AUDIT_WAIT_MILLISECONDS,
            };
            tokio::select! {
                () = tokio::time::sleep(Duration::from_millis(wait)) => {}
                () = self.urgent.notified() => {}
            }
            self.write_waiting(false).await;
            let mut waiting = self.waiting();
            if waiting.is_empty() {
                // Under the lock, so that whoever pushes next starts another task.
                waiting.has_writer = false;
                std::mem::forget(task);
                return;
            }
        }
    }

    /// Writes what waits, batch by batch, and says whether nothing failed. What comes meanwhile has
    /// its own time to wait, unless it fills a batch: on a busy server something always comes. What
    /// was left out is counted in an entry now and then; `finally` it is in any case, and nothing
    /// waits.
    async fn write_waiting(&self, finally: bool) -> bool {
        let _one = self.writing.lock().await;
        loop {
            let is_summed = finally || self.is_failing();
            let batch = self.waiting().take(Instant::now(), is_summed, self.clock.now());
            if batch.is_empty() {
                return true;
            }
            let is_full = batch.len() >= limits::AUDIT_BATCH;
            if !self.write_batch(batch).await {
                return false;
            }
            if !is_full && !finally {
                return true;
            }
        }
    }

    async fn write_batch(&self, batch: Vec<Pending>) -> bool {
        let (entries, replies): (Vec<_>, Vec<_>) =
            batch.into_iter().map(|pending| (pending.entry, pending.reply)).unzip();
        let written = coffer_audit::record_all(&self.store, &entries, &self.fresh).await;
        let outcomes = match written {
            Ok(()) => vec![true; entries.len()],
            Err(error) => {
                if !self.failing.swap(true, Ordering::Relaxed) {
                    tracing::error!(%error, "the audit cannot be written");
                }
                self.write_apart(&entries).await
            }
        };
        let is_whole = outcomes.iter().all(|written| *written);
        if is_whole && self.failing.swap(false, Ordering::Relaxed) {
            tracing::info!("the audit is written again");
        }
        self.settle(&entries, replies, &outcomes);
        is_whole
    }

    /// Writes the entries of each account in a transaction of their own, where the accounts are on
    /// many servers: one that is down loses nothing of the others. Says of each entry whether it is
    /// written.
    async fn write_apart(&self, entries: &[Entry]) -> Vec<bool> {
        let mut outcomes = vec![false; entries.len()];
        let is_spread = self.store.parts().await.is_ok_and(|parts| parts.len() > 1);
        if !is_spread {
            return outcomes;
        }
        let mut accounts: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for (at, entry) in entries.iter().enumerate() {
            accounts.entry(entry.tenant.account.name()).or_default().push(at);
        }
        for places in accounts.values() {
            let own = places.iter().filter_map(|at| entries.get(*at)).cloned();
            let own: Vec<Entry> = own.collect();
            if coffer_audit::record_all(&self.store, &own, &self.fresh).await.is_ok() {
                for at in places {
                    outcomes.get_mut(*at).into_iter().for_each(|outcome| *outcome = true);
                }
            }
        }
        outcomes
    }

    /// Tells whoever waits for an entry what became of it, and keeps the others that are not
    /// written for another attempt.
    fn settle(
        &self,
        entries: &[Entry],
        replies: Vec<Option<oneshot::Sender<bool>>>,
        outcomes: &[bool],
    ) {
        let mut again = Vec::new();
        for ((entry, reply), written) in entries.iter().zip(replies).zip(outcomes) {
            match reply {
                Some(reply) => {
                    // Whoever waited may have gone.
                    let _ = reply.send(*written);
                    if !written {
                        self.waiting().left_out.count(Omission::Unanswered, 1);
                    }
                }
                None if !written => again.push(Pending { entry: entry.clone(), reply: None }),
                None => {}
            }
        }
        if !again.is_empty() {
            self.waiting().put_back(again);
        }
    }
}

#[cfg(test)]
mod tests;
