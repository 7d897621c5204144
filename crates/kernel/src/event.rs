//! Events: what happened to objects, appended with the change and stored for 30 days.
//!
//! A family calls [`append`] in the transaction that changes an object, so an event exists exactly
//! if its change does. The object is rendered there and then, in the newest version, and the
//! rendered text never changes.

mod filter;
mod store;

use coffer_audit::{Entry, Target};
use coffer_base::{Owner, Random, Tenant, Timestamp, id::random_id, limit};
use coffer_dialect::{ApiVersion, Object, Value};
use coffer_storage::{StorageError, Tx};
use std::sync::Arc;

/// What the data of events is changed as.
pub use serde_json::Value as Json;

use crate::principal::BoxFuture;
pub(crate) use filter::EventFilter;
pub(crate) use store::{AGED_EVENTS, page};
pub use store::{StoredEvent, find, find_in, settle_delivery};

/// Something that happened to an object.
#[derive(Debug)]
pub struct NewEvent {
    /// What happened, such as `reserve.hold.created`.
    pub kind: &'static str,
    /// The object after it, as the newest version shows it, with nothing expanded.
    pub object: Object,
    /// For `….updated`: the fields that changed, with the values that they had before.
    pub previous: Option<Object>,
}

/// Something that writes more in the transaction in which an event is appended, such as the
/// deliveries that are due because of it.
pub trait EventListener: Send + Sync + 'static {
    /// Called once for each event, before the transaction commits. Answers how many deliveries of
    /// it are pending, which the event shows as `pending_webhooks` until each is settled by
    /// [`settle_delivery`].
    fn appended<'a>(
        &'a self,
        tx: &'a mut Tx<'_>,
        owner: &'a Owner,
        event: &'a AppendedEvent<'a>,
    ) -> BoxFuture<'a, Result<i64, StorageError>>;
}

/// How a family's events look in older versions of the API than the newest, in which they are
/// written.
pub trait EventShape: Send + Sync + 'static {
    /// Changes `data`, the event's `object` and `previous_attributes`, to what `version` shows.
    /// Events of other families stay as they are.
    fn translate(&self, kind: &str, created: Timestamp, data: &mut Json, version: &ApiVersion);
}

/// The shapes of all families' events.
pub type EventShapes = Arc<[Arc<dyn EventShape>]>;

/// All listeners of an installation.
pub type EventListeners = Arc<[Arc<dyn EventListener>]>;

/// An event as its listeners see it: being written.
#[derive(Clone, Copy, Debug)]
pub struct AppendedEvent<'a> {
    /// Its id, `evt_…`.
    pub id: &'a str,
    /// What happened, such as `reserve.hold.created`.
    pub kind: &'a str,
    /// When it happened.
    pub created: Timestamp,
}

/// What caused an event.
#[derive(Clone, Copy)]
pub struct Cause<'a> {
    /// The id of the request; `None` for a job or a scheduled task.
    pub request: Option<&'a str>,
    /// The request's idempotency key, if it had one.
    pub idempotency_key: Option<&'a str>,
    /// When it happens.
    pub now: Timestamp,
    /// Where the event's id comes from.
    pub random: &'a dyn Random,
    /// Who wants to write more because of the event.
    pub listeners: &'a [Arc<dyn EventListener>],
}

/// Writes an event, to be stored if the transaction commits. Unless a listener asks something, it
/// waits for nothing: the statements leave with the transaction's next one.
///
/// # Errors
/// When a listener fails. The unit of work is lost then, since an event that a listener has not
/// seen must not exist.
pub async fn append(
    tx: &mut Tx<'_>,
    owner: &Owner,
    cause: &Cause<'_>,
    event: NewEvent,
) -> Result<(), StorageError> {
    if cause.request.is_none() {
        audit(tx, owner, cause, &event);
    }
    let mut data = Object::bare().set("object", event.object);
    if let Some(previous) = event.previous {
        data = data.set("previous_attributes", previous);
    }
    let data = String::from_utf8(data.render())
        .map_err(|_| StorageError::Internal("an event was rendered as no text".into()))?;
    let id = random_id("evt", limit::RANDOM_ID_CHARACTERS, cause.random);
    let appended = AppendedEvent { id: &id, kind: event.kind, created: cause.now };
    let mut pending = 0i64;
    for listener in cause.listeners {
        pending = pending.saturating_add(listener.appended(tx, owner, &appended).await?);
    }
    store::append(tx, owner, cause, store::NewRow { id, kind: event.kind, data, pending });
    Ok(())
}

/// Has the audit say what the program did by itself: a task, and no request.
fn audit(tx: &mut Tx<'_>, owner: &Owner, cause: &Cause<'_>, event: &NewEvent) {
    let tenant = Tenant {
        mode: owner.mode,
        account: owner.account.clone(),
        // What belongs to an owner is all of its apps'.
        ..Tenant::system()
    };
    let subject = match event.object.get("id") {
        Some(Value::Text(id)) => Some(id.to_string()),
        _ => None,
    };
    let target = Target { subject, ..Target::default() };
    let entry = Entry::of_program(event.kind, tenant, cause.now);
    coffer_audit::append(tx, &Entry { target, ..entry });
}

#[cfg(test)]
mod tests;
