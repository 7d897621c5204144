//! What a rotation does without a request, with its entries in the audit.

use coffer_audit::{Entry, Target};
use coffer_base::{Tenant, Timestamp};
use coffer_keyring::{BeginRotation, RecordProgress, Rotation};
use coffer_storage::{StorageError, Tx, Work};

/// The name of the beginning of a rotation that nobody asked for.
const BEGUN: &str = "program.keyring.rotate";

/// The name of the end of a rotation: old keys are destroyed, or kept.
const ENDED: &str = "program.keyring.rotated";

fn append(tx: &mut Tx<'_>, operation: &'static str, number: i64, at: Timestamp) {
    let entry = Entry::of_program(operation, Tenant::system(), at);
    let subject = Some(format!("rotation_{number}"));
    let entry = Entry { target: Target { subject, ..Target::default() }, ..entry };
    coffer_audit::append(tx, &entry);
}

/// Begins a rotation, unless one is under way.
pub(super) struct Begin(pub(super) BeginRotation);

impl Work for Begin {
    type Out = Rotation;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Rotation, StorageError> {
        let rotation = self.0.run(tx).await?;
        append(tx, BEGUN, rotation.number, self.0.now);
        Ok(rotation)
    }
}

/// Ends a rotation, if this server still works on it.
pub(super) struct End(pub(super) RecordProgress);

impl Work for End {
    type Out = bool;

    fn grows(&self) -> bool {
        false
    }

    async fn run(&self, tx: &mut Tx<'_>) -> Result<bool, StorageError> {
        let is_ours = self.0.run(tx).await?;
        if let (true, Some(at)) = (is_ours, self.0.finished) {
            append(tx, ENDED, self.0.number, at);
        }
        Ok(is_ours)
    }
}
