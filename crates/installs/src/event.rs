//! Telling of every change of an install, by an event to each party.

use crate::wire;
use coffer_base::Owner;
use coffer_dialect::Object;
use coffer_kernel::event::{self, Cause, NewEvent};
use coffer_kernel::{BoxFuture, InstallChange, InstallListener, InstallRecord};
use coffer_storage::{StorageError, Tx};

/// Appends `apps.install.…` for each party, whoever changed the install.
pub(crate) struct TellParties;

impl InstallListener for TellParties {
    fn changed<'a>(
        &'a self,
        tx: &'a mut Tx<'_>,
        cause: &'a Cause<'a>,
        change: &'a InstallChange,
        install: &'a InstallRecord,
        parties: &'a [Owner],
    ) -> BoxFuture<'a, Result<(), StorageError>> {
        Box::pin(async move {
            for party in parties {
                event::append(tx, party, cause, event_of(change, install)).await?;
            }
            Ok(())
        })
    }
}

fn event_of(change: &InstallChange, install: &InstallRecord) -> NewEvent {
    let (kind, status) = match change {
        InstallChange::Created => ("apps.install.created", wire::INSTALLED),
        InstallChange::Updated { .. } => ("apps.install.updated", wire::INSTALLED),
        InstallChange::Deleted => ("apps.install.deleted", wire::UNINSTALLING),
    };
    let object = wire::install(install, status);
    let previous = match change {
        InstallChange::Updated { granted } => {
            let before = InstallRecord { granted: granted.clone(), ..install.clone() };
            Some(differing(&wire::install(&before, status), &object))
        }
        _ => None,
    };
    NewEvent { kind, object, previous }
}

/// The fields of `before` that `now` has otherwise.
fn differing(before: &Object, now: &Object) -> Object {
    wire::GRANTS.iter().fold(Object::bare(), |differing, name| match before.get(name) {
        Some(value) if now.get(name) != Some(value) => differing.set(name, value.clone()),
        _ => differing,
    })
}
