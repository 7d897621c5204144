//! Writes into the audit what commands have done with roots of trust and with backups beside
//! servers, and what servers have done with backups by themselves.

use coffer_audit::{Actor, ActorKind, Entry, Outcome, Target};
use coffer_base::{Tenant, Timestamp};
use coffer_kernel::{BoxFuture, Job, JobContext};
use coffer_keyring::{FAILED, ForgetRootEvent, RootEvent, RunKind, root_events};
use coffer_storage::{StorageError, Tx, Work};
use std::time::Duration;

/// A command may do so while the data store is in a server's hands, so that it leaves what
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

struct Record(RootEvent);

impl Work for Record {
    type Out = ();

    async fn run(&self, tx: &mut Tx<'_>) -> Result<(), StorageError> {
        let RootEvent { id, at, operation, subject } = &self.0;
        let (operation, is_good) = match operation.strip_suffix(FAILED) {
            Some(operation) => (operation, false),
            None => (*operation, true),
        };
        let subject = (!subject.is_empty()).then(|| subject.clone());
        let entry = of_run(operation, is_good, subject, *at);
        let actor = Actor { kind: ActorKind::Operator, id: None, user: None, peer: None };
        let detail = Some(format!("event {id}"));
        coffer_audit::append(tx, &Entry { actor, detail, ..entry });
        Ok(())
    }
}

/// The entry of a backup or a drill that a server has made by itself; `set` is the one that was
/// made or restored. Why it failed is in the log and in the key store: the words may be an
/// operator's own, such as a command.
pub fn scheduled(kind: RunKind, is_good: bool, set: Option<String>, at: Timestamp) -> Entry {
    let operation = match kind {
        RunKind::Backup => "program.backup.create",
        RunKind::Drill => "program.backup.drill",
    };
    of_run(operation, is_good, set, at)
}

fn of_run(operation: &'static str, is_good: bool, subject: Option<String>, at: Timestamp) -> Entry {
    let outcome = match is_good {
        true => Outcome::Done,
        false => Outcome::Failed { status: None, reason: "backup.failed" },
    };
    let target = Target { subject, ..Target::default() };
    Entry { target, outcome, ..Entry::of_program(operation, Tenant::system(), at) }
}
