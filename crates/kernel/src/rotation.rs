//! The job that rotates keys: it works on the rotation that is under way, and begins one when keys
//! have become old or were used often.
//!
//! One server at a time works on a rotation. It writes down every second that it does; another one
//! that sees nothing new for a while takes over. Should two work at once, no harm is done: keys are
//! made once, and a record is replaced only if it still is what was read.

mod audited;
mod due;
mod pace;
mod worker;

use crate::jobs::{Job, JobContext};
use crate::limits;
use crate::principal::BoxFuture;
use crate::sealed::SealedTable;
use crate::setting::{Setting, SettingKind, Settings};
use coffer_base::{Clock, id::random_id};
use coffer_keyring::{KeyringError, Rotation, TakeRotation, last_rotation};
use coffer_storage::{Cause, StorageError, Store};
use due::DueKeys;
use pace::Pace;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;
use worker::Worker;

/// Records a second that a rotation looks at and seals anew.
pub const ROTATION_RATE: Setting = Setting {
    name: "rotation_rate",
    default: "1000",
    kind: SettingKind::Number { from: 1, to: 1_000_000 },
    about: "records a second that a rotation of keys seals anew",
};

/// After how many days keys are rotated by themselves.
pub const ROTATION_AGE_DAYS: Setting = Setting {
    name: "rotation_age_days",
    default: "0",
    kind: SettingKind::Number { from: 0, to: 3650 },
    about: "days after which keys are rotated by themselves; 0 for never",
};

/// After how many values a sealing key is rotated by itself.
///
/// NIST SP 800-38D allows 2^32 values under one key of AES-GCM with random nonces. Here each value
/// has a key of its own, derived with 32 random bytes, so that a sealing key has no such limit; the
/// number keeps well below it nevertheless.
pub const ROTATION_USES: Setting = Setting {
    name: "rotation_uses",
    default: "1073741824",
    kind: SettingKind::Number { from: 1, to: 1 << 31 },
    about: "values that a tenant's key seals before it is rotated by itself, at most 2^31",
};

/// Whether rotations that begin by themselves leave the old keys.
pub const ROTATION_KEEPS: Setting = Setting {
    name: "rotation_keeps",
    default: "true",
    kind: SettingKind::Switch,
    about: "let rotations by age or use keep the old keys, which backups of the data may need",
};

/// What an operator can set.
pub(crate) const SETTINGS: &[Setting] =
    &[ROTATION_RATE, ROTATION_AGE_DAYS, ROTATION_USES, ROTATION_KEEPS];

/// Letters and digits of a server's name in a rotation.
const WORKER_CHARACTERS: usize = 12;

/// The job.
pub struct RotateKeys {
    tables: Vec<SealedTable>,
    rate: i64,
    due: DueKeys,
    /// How this server is named in rotations, once there is one.
    worker: OnceLock<String>,
    /// Measures how long another server has been silent.
    clock: Arc<dyn Clock>,
    /// What another server was last known to do.
    other: Mutex<Option<Beat>>,
}

/// A note of another server that it works on a rotation, and the monotonic time when it was first
/// read.
#[derive(Clone, Copy)]
struct Beat {
    number: i64,
    beat: i64,
    since: Duration,
}

impl RotateKeys {
    /// Rotates the keys of these tables.
    pub fn new(tables: Vec<SealedTable>, settings: &Settings, clock: Arc<dyn Clock>) -> Self {
        Self {
            tables,
            rate: settings.number(&ROTATION_RATE),
            due: DueKeys::new(settings),
            worker: OnceLock::new(),
            clock,
            other: Mutex::default(),
        }
    }

    /// Makes this server the one that works on the rotation, if nobody else does.
    async fn take(
        &self,
        store: &Store,
        rotation: &Rotation,
        worker: &str,
    ) -> Result<bool, StorageError> {
        let is_free = !store.is_shared()
            || rotation.worker.is_empty()
            || rotation.worker == worker
            || self.is_silent(rotation);
        if !is_free {
            return Ok(false);
        }
        let Rotation { number, beat, .. } = *rotation;
        store.write(TakeRotation { number, beat, worker: worker.to_owned() }).await
    }

    /// Whether the server that works on the rotation has written nothing for a while.
    fn is_silent(&self, rotation: &Rotation) -> bool {
        let now = self.clock.monotonic();
        let mut other = self.other.lock().unwrap_or_else(PoisonError::into_inner);
        let Rotation { number, beat, .. } = *rotation;
        match *other {
            Some(before) if before.number == number && before.beat == beat => {
                let patience = Duration::from_secs(limits::ROTATION_LEASE_SECONDS);
                now.saturating_sub(before.since) >= patience
            }
            _ => {
                *other = Some(Beat { number, beat, since: now });
                false
            }
        }
    }

    async fn pass(&self, context: &JobContext) -> Result<u64, KeyringError> {
        if context.keyring.is_stopped() {
            return Ok(0);
        }
        let last = last_rotation(&context.store).await?;
        let Some(rotation) = last.filter(|last| last.finished.is_none()) else {
            return self.due.look(context, self.clock.monotonic()).await;
        };
        // Not before it is needed: a server that starts waits for no random number.
        let name = || random_id("server", WORKER_CHARACTERS, &*context.random);
        let worker = self.worker.get_or_init(name);
        if !self.take(&context.store, &rotation, worker).await? {
            return Ok(0);
        }
        let pace = Pace::new(self.rate);
        let clock = &*self.clock;
        Worker::new(context, &self.tables, worker, rotation, pace, clock).run().await
    }
}

impl Job for RotateKeys {
    fn name(&self) -> &'static str {
        "rotate_keys"
    }

    fn every(&self) -> Duration {
        Duration::from_secs(limits::ROTATION_EVERY_SECONDS)
    }

    fn run<'a>(&'a self, context: &'a JobContext) -> BoxFuture<'a, Result<u64, StorageError>> {
        Box::pin(async move { self.pass(context).await.map_err(as_storage) })
    }
}

/// What a job can say of a key that failed.
fn as_storage(error: KeyringError) -> StorageError {
    match error {
        KeyringError::Storage(error) => error,
        other => StorageError::Internal(Cause::of(other)),
    }
}

/// Does on this server what an operator has said to another one: `coffer seal`, `coffer unseal`.
#[derive(Debug, Default)]
pub struct WatchStop {
    /// Whether the last look failed: the log says so once, and not several times a second.
    is_failing: AtomicBool,
}

impl Job for WatchStop {
    fn name(&self) -> &'static str {
        "watch_stop"
    }

    fn every(&self) -> Duration {
        Duration::from_millis(limits::STOP_WATCH_MILLISECONDS)
    }

    fn run<'a>(&'a self, context: &'a JobContext) -> BoxFuture<'a, Result<u64, StorageError>> {
        Box::pin(async move {
            // Nobody else writes to a key store that is no other server's.
            let keyring = &context.keyring;
            if !keyring.store().is_shared() && !keyring.is_stop_unmarked() {
                return Ok(0);
            }
            let looked = keyring.watch_stop().await;
            let was_failing = self.is_failing.swap(looked.is_err(), Ordering::Relaxed);
            match looked {
                Err(_) if was_failing => Ok(0),
                looked => looked.map(u64::from).map_err(as_storage),
            }
        })
    }
}
