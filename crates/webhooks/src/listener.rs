//! What is written with each event: an attempt for each endpoint that gets it, in the event's own
//! transaction. So nothing is sent of what was not committed, and nothing that was is skipped.

use crate::endpoint::{Attempt, Status};
use crate::sequence::Sequence;
use crate::store;
use coffer_base::{Owner, Timestamp};
use coffer_kernel::BoxFuture;
use coffer_kernel::event::{AppendedEvent, EventListener};
use coffer_storage::{StorageError, Tx};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Whether an embedded store is known to have no endpoint, so that an event costs nothing more. Its
/// transactions run one after the other: the one that makes an endpoint says so, in its turn.
#[derive(Debug, Default)]
pub(crate) struct Presence(AtomicBool);

impl Presence {
    fn is_known_to_be_none(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    fn know_none(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// There may be one from now on.
    pub(crate) fn may_be_some(&self) {
        self.0.store(false, Ordering::Relaxed);
    }
}

/// The listener.
pub(crate) struct WriteAttempts {
    pub(crate) presence: Arc<Presence>,
    pub(crate) sequence: Arc<Sequence>,
}

impl EventListener for WriteAttempts {
    fn appended<'a>(
        &'a self,
        tx: &'a mut Tx<'_>,
        owner: &'a Owner,
        event: &'a AppendedEvent<'a>,
    ) -> BoxFuture<'a, Result<i64, StorageError>> {
        Box::pin(async move {
            if !tx.is_remote() && self.presence.is_known_to_be_none() {
                return Ok(0);
            }
            let listening = store::listening(tx, owner).await?;
            if listening.is_empty() {
                if !tx.is_remote() && store::is_empty(tx).await? {
                    self.presence.know_none();
                }
                return Ok(0);
            }
            let mut written = 0i64;
            for endpoint in listening.iter().filter(|one| one.gets(owner, event.kind)) {
                let seq = self.sequence.next(event.created);
                store::attempt::insert(tx, &first(&endpoint.id, seq, owner, event));
                written = written.saturating_add(1);
            }
            Ok(written)
        })
    }
}

/// The first attempt to deliver an event, which is due at once whatever the clock shows.
fn first(endpoint: &str, seq: i64, owner: &Owner, event: &AppendedEvent<'_>) -> Attempt {
    Attempt {
        endpoint: endpoint.to_owned(),
        seq,
        event: event.id.to_owned(),
        kind: event.kind.to_owned(),
        owner: owner.clone(),
        number: 1,
        once: false,
        status: Status::Waiting,
        due: Timestamp::from_unix(0),
        happened: event.created,
        at: event.created,
        http_status: None,
        error: None,
        milliseconds: None,
        next: None,
    }
}
