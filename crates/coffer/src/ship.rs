//! The audit goes out: to files, to syslog and over HTTP, each receiver from where it was left.
//!
//! A receiver has acknowledged an entry once it is on its disk, or once it has answered; only then
//! does the cursor in the store go on. So after a crash, or while a receiver is down, entries wait
//! and some are sent twice, and none is left out. They go out in the order of the log, so an entry
//! that was sent is part of what the log's signed head stands for.

mod error;
mod file;
mod http;
mod line;
mod receiver;
mod syslog;

pub use receiver::Receiver;

use crate::limits;
use coffer_audit::{HoldShipment, StoredEntry, entries_between, find_entry, head, shipments};
use coffer_base::{Clock, Redacted, Timestamp, id::random_id};
use coffer_dialect::{Object, Value};
use coffer_kernel::{BoxFuture, Job, JobContext};
use coffer_storage::{StorageError, Store};
use error::SendError;
use receiver::Sender;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

/// All shipments of a server.
pub struct Shipping {
    clock: Arc<dyn Clock>,
    shipments: Mutex<Vec<Arc<ShipAudit>>>,
}

impl Shipping {
    /// None yet.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, shipments: Mutex::default() }
    }

    /// The job that ships to a receiver; `token` goes with what is sent over HTTP.
    ///
    /// # Errors
    /// When TLS cannot be set up.
    pub fn to(
        &self,
        receiver: Receiver,
        token: Option<Redacted<String>>,
    ) -> Result<Arc<dyn Job>, rustls::Error> {
        let job = Arc::new(ShipAudit {
            name: receiver.whole(),
            shown: self.unlike(&receiver.to_string()),
            sender: Sender::new(receiver, token)?,
            clock: Arc::clone(&self.clock),
            server: OnceLock::new(),
            state: Mutex::default(),
        });
        self.all().push(Arc::clone(&job));
        Ok(job)
    }

    /// What a receiver is shown as: with a number if another one is shown so already.
    fn unlike(&self, shown: &str) -> String {
        let all = self.all();
        let numbered = (2..).map(|number: usize| format!("{shown} ({number})"));
        let mut names = std::iter::once(shown.to_owned()).chain(numbered);
        let is_free = |name: &String| !all.iter().any(|job| job.shown == *name);
        names.find(is_free).unwrap_or_else(|| shown.to_owned())
    }

    fn all(&self) -> MutexGuard<'_, Vec<Arc<ShipAudit>>> {
        self.shipments.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How far each receiver has the audit, for `status`.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn status(&self, store: &Store, now: Timestamp) -> Result<Vec<Value>, StorageError> {
        let progress = self.progress(store, now).await?;
        Ok(progress.into_iter().map(|one| one.render().into()).collect())
    }

    /// How far each receiver has the audit.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn progress(
        &self,
        store: &Store,
        now: Timestamp,
    ) -> Result<Vec<ShippingProgress>, StorageError> {
        let jobs: Vec<_> = self.all().clone();
        if jobs.is_empty() {
            return Ok(Vec::new());
        }
        let (size, known) = (size_of(store).await?, shipments(store).await?);
        let mut all = Vec::new();
        for job in &jobs {
            let shipped = known.iter().find(|shipment| shipment.receiver == job.name);
            let done = shipped.map_or(0, |shipment| shipment.shipped);
            let oldest = find_entry(store, done.saturating_add(1)).await?;
            let waits = oldest.map_or(0, |entry| now.unix().saturating_sub(entry.at().unix()));
            all.push(ShippingProgress {
                receiver: job.shown.clone(),
                error: job.state().error.clone(),
                lag: size.saturating_sub(done),
                lag_seconds: waits.max(0),
                shipped: done,
            });
        }
        Ok(all)
    }
}

/// How far a receiver has the audit.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ShippingProgress {
    /// The receiver, without what may be a secret.
    pub receiver: String,
    /// Why the last attempt of this server failed, if it did.
    pub error: Option<String>,
    /// Entries that it does not have yet.
    pub lag: u64,
    /// For how many seconds the oldest of them has been waiting.
    pub lag_seconds: i64,
    /// The number of the last entry that it has.
    pub shipped: u64,
}

impl ShippingProgress {
    fn render(self) -> Object {
        Object::bare()
            .set("receiver", self.receiver)
            .set("error", self.error)
            .set("lag", i64::try_from(self.lag).unwrap_or(i64::MAX))
            .set("lag_seconds", self.lag_seconds)
            .set("shipped", i64::try_from(self.shipped).unwrap_or(i64::MAX))
    }
}

/// How many entries are in the log.
async fn size_of(store: &Store) -> Result<u64, StorageError> {
    Ok(head(store).await?.map_or(0, |head| head.size))
}

/// Which server ships from a store that has one.
const ONE_SERVER: &str = "ship";

/// The job that ships to one receiver.
struct ShipAudit {
    /// The receiver, as the store names it; it may hold a token.
    name: String,
    /// The same for the log, for labels and for `status`.
    shown: String,
    sender: Sender,
    clock: Arc<dyn Clock>,
    /// This process among those that share the store, once it ships.
    server: OnceLock<String>,
    state: Mutex<State>,
}

/// What the last attempts came to.
#[derive(Default)]
struct State {
    /// Attempts that have failed since the last one that did not.
    failures: u32,
    /// The monotonic time before which no other is made.
    not_before: Duration,
    /// Why the last one failed.
    error: Option<String>,
    /// The number of the last entry that is known to be shipped.
    shipped: Option<u64>,
}

impl Job for ShipAudit {
    fn name(&self) -> &'static str {
        "audit.ship"
    }

    fn every(&self) -> Duration {
        Duration::from_millis(limits::SHIP_EVERY_MILLISECONDS)
    }

    fn run<'a>(&'a self, context: &'a JobContext) -> BoxFuture<'a, Result<u64, StorageError>> {
        Box::pin(self.ship(context))
    }
}

impl ShipAudit {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ships all that is in the log, or until the receiver fails.
    async fn ship(&self, context: &JobContext) -> Result<u64, StorageError> {
        let store = &context.store;
        if self.clock.monotonic() < self.state().not_before || self.is_done(store).await? {
            return Ok(0);
        }
        let (mut sent, mut acknowledged) = (0u64, None);
        loop {
            let Some(shipped) = self.hold(context, acknowledged).await? else {
                self.wait(limits::SHIP_AGAIN_SECONDS_MOST / 2);
                break;
            };
            self.state().shipped = Some(shipped);
            let from = shipped.saturating_add(1);
            let batch = entries_between(store, from, u64::MAX, limits::SHIPPED_AT_ONCE).await?;
            let Some(last) = batch.last().and_then(|entry| u64::try_from(entry.id).ok()) else {
                break;
            };
            if let Err(error) = self.send(&batch).await {
                self.failed(&error);
                break;
            }
            self.succeeded();
            acknowledged = Some(last);
            sent = sent.saturating_add(u64::try_from(batch.len()).unwrap_or(0));
        }
        Ok(sent)
    }

    /// Whether the receiver has all that is in the log, as far as this server knows.
    async fn is_done(&self, store: &Store) -> Result<bool, StorageError> {
        let known = self.state().shipped.unwrap_or(0);
        Ok(size_of(store).await? <= known)
    }

    /// Takes the shipment, or goes on with it; `None` if another server has it.
    async fn hold(
        &self,
        context: &JobContext,
        shipped: Option<u64>,
    ) -> Result<Option<u64>, StorageError> {
        let (store, now) = (&context.store, self.clock.now());
        let name = || random_id("ship", limits::SHIPPING_SERVER_CHARACTERS, &*context.random);
        let hold = HoldShipment {
            receiver: self.name.clone(),
            // Files have one server, which goes on at once after a restart.
            server: if store.is_shared() {
                self.server.get_or_init(name).clone()
            } else {
                ONE_SERVER.to_owned()
            },
            shipped,
            now,
            held_until: now.plus(limits::SHIPMENT_HELD_SECONDS),
        };
        store.write(hold).await
    }

    async fn send(&self, batch: &[StoredEntry]) -> Result<(), SendError> {
        let most = Duration::from_secs(limits::SHIPMENT_SECONDS);
        let sent = tokio::time::timeout(most, self.sender.send(batch)).await;
        sent.unwrap_or_else(|_elapsed| Err(SendError("it did not acknowledge in time".to_owned())))
    }

    /// Makes no attempt for so many seconds.
    fn wait(&self, seconds: u64) {
        let pause = Duration::from_secs(seconds);
        self.state().not_before = self.clock.monotonic().saturating_add(pause);
    }

    fn succeeded(&self) {
        let mut state = self.state();
        if state.failures > 0 {
            tracing::info!(receiver = self.shown, "the audit is shipped again");
        }
        (state.failures, state.error) = (0, None);
    }

    /// Waits before the next attempt, longer each time; the first failure is logged, and one now
    /// and then.
    fn failed(&self, error: &SendError) {
        let failures = self.state().failures;
        let pause = limits::SHIP_AGAIN_SECONDS
            .saturating_mul(1 << failures.min(10))
            .min(limits::SHIP_AGAIN_SECONDS_MOST);
        self.wait(pause);
        if failures.is_multiple_of(60) {
            tracing::warn!(
                receiver = self.shown,
                %error,
                "the audit cannot be shipped; its entries wait, and are shipped once it can"
            );
        }
        let mut state = self.state();
        state.failures = failures.saturating_add(1);
        state.error = Some(error.to_string());
    }
}
