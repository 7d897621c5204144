//! Writes into the audit what commands have done with roots of trust beside servers.

use coffer_audit::{Actor, ActorKind, Entry, Target};
use coffer_base::Tenant;
use coffer_kernel::{BoxFuture, Job, JobContext};
use coffer_keyring::{ForgetRootEvent, RootEvent, root_events};
use coffer_storage::{StorageError, Tx, Work};
use std::time::Duration;

/// A command may change roots while the data store is in a server's hands, so that it leaves what
/// it did in the key store, in the transaction that did it; this takes it from there. Where a
/// server dies in between, or two do it at once, an event is in the audit twice, with its own id
/// both times.
pub struct AuditRootEvents;

/// Time between two passes.
const EVERY: Duration = Duration::from_secs(5);

impl Job for AuditRootEvents {
    fn name(&self) -> &'static str {
        "audit_root_events"
    }

    fn every(&self) -> Duration {
        EVERY
    }

    fn run<'a>(&'a self, context: &'a JobContext) -> BoxFuture<'a, Result<u64, StorageError>> {
        Box::pin(async move {
            let keys = context.keyring.store();
            let mut done = 0;
            for event in root_events(keys).await? {
                let id = event.id.clone();
                context.store.write(Record(event)).await?;
                keys.write(ForgetRootEvent(id)).await?;
                done += 1;
            }
            Ok(done)
        })
    }
}

/// What commands do with roots of trust.
const OPERATIONS: [&str; 6] = [
    "keyring.export",
    "keyring.import",
    "keyring.root.cancel",
    "keyring.root.finish",
    "keyring.root.migrate",
    "keyring.root.renew",
];

struct Record(RootEvent);

impl Work for Record {
    type Out = ();

    async fn run(&self, tx: &mut Tx<'_>) -> Result<(), StorageError> {
        let RootEvent { id, at, operation, subject } = &self.0;
        let known = OPERATIONS.iter().find(|known| *known == operation);
        let target = Target { subject: Some(subject.clone()), ..Target::default() };
        let entry =
            Entry::of_program(known.unwrap_or(&"keyring.root.change"), Tenant::system(), *at);
        let actor = Actor { kind: ActorKind::Operator, id: None, user: None, peer: None };
        let detail = Some(format!("event {id}"));
        coffer_audit::append(tx, &Entry { actor, target, detail, ..entry });
        Ok(())
    }
}
