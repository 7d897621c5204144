//! Events: what happened to objects, told once and kept for 30 days (conventions §12).
//!
//! A family calls [`append`] in the transaction that changes an object, so an event exists exactly
//! if its change does. The object is printed there and then, in the newest version, and what was
//! printed never changes.

mod operations;
mod store;

use coffer_base::{Owner, Random, Timestamp, id::random_id, limit};
use coffer_dialect::Object;
use coffer_storage::{StorageError, Tx};

use crate::routes::Routes;
pub(crate) use store::AGED_EVENTS;

/// Something that happened to an object.
#[derive(Debug)]
pub struct NewEvent {
    /// What happened, such as `reserve.hold.created`.
    pub kind: &'static str,
    /// The object after it, as the newest version shows it and with nothing expanded.
    pub object: Object,
    /// For `….updated`: the fields that changed, with the values that they had before.
    pub previous: Option<Object>,
}

/// What an event says that it came from.
#[derive(Clone, Copy)]
pub struct Cause<'a> {
    /// The id of the request; `None` for what happens by itself.
    pub request: Option<&'a str>,
    /// The request's idempotency key, if it had one.
    pub idempotency_key: Option<&'a str>,
    /// When it happens.
    pub now: Timestamp,
    /// Where the event's id comes from.
    pub random: &'a dyn Random,
}

impl<'a> Cause<'a> {
    /// The cause of what happens by itself, by the clock as a rule.
    pub const fn automatic(now: Timestamp, random: &'a dyn Random) -> Self {
        Self { request: None, idempotency_key: None, now, random }
    }
}

/// Writes an event, to be kept if the transaction is. Waits for nothing: it leaves with the
/// transaction's next statement.
///
/// # Errors
/// [`StorageError`] of the engine.
pub async fn append(
    tx: &mut Tx<'_>,
    owner: &Owner,
    cause: &Cause<'_>,
    event: NewEvent,
) -> Result<(), StorageError> {
    let mut data = Object::bare().set("object", event.object);
    if let Some(previous) = event.previous {
        data = data.set("previous_attributes", previous);
    }
    let data = String::from_utf8(data.render())
        .map_err(|_| StorageError::Internal("an event was printed as no text".into()))?;
    let id = random_id("evt", limit::RANDOM_ID_CHARACTERS, cause.random);
    store::append(tx, owner, cause, store::New { id, kind: event.kind, data });
    Ok(())
}

/// Adds the operations that read events back.
pub fn register(routes: &mut Routes) {
    routes.collection(operations::Events);
}

#[cfg(test)]
mod tests;
