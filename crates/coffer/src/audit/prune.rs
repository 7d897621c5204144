//! `POST /v1/admin/audit/prune`: lets old entries go. Their hashes stay, so that every proof that
//! could be made before still can.

use super::AuditLog;
use coffer_audit::checkpoint::sign_pruned;
use coffer_audit::{LogError, SIGNING_PURPOSE};
use coffer_dialect::{ApiError, Object};
use coffer_kernel::{
    Access, Applied, Arguments, Committed, Ctx, Definition, Example, Failure, WriteOperation,
};
use coffer_storage::{StorageError, Tx};
use std::sync::Arc;

/// The operation. The entries are deleted behind the response, some every second.
pub(super) struct Prune(pub(super) Arc<AuditLog>);

/// What is pruned.
pub(super) struct PruneInput {
    /// The size of the checkpoint whose entries may go.
    before: i64,
    /// Whether also what a receiver of the audit does not have yet.
    unshipped: bool,
}

impl Prune {
    /// The note without which nothing is deleted.
    async fn note(&self, up_to: u64) -> Result<String, StorageError> {
        let keyring = &self.0.keyring;
        let signing = keyring.signing_key(SIGNING_PURPOSE).await.map_err(LogError::from)?;
        Ok(sign_pruned(keyring.store_id(), up_to, &signing).map_err(LogError::from)?)
    }
}

/// The refusal of what would take entries from a receiver that it does not have.
fn unshipped(receiver: &str, shipped: u64) -> ApiError {
    let message = format!(
        "The receiver '{receiver}' has the audit up to the entry {shipped} only. Prune no further, \
         wait until it has more, or send 'unshipped' as true, if it is to have the others never."
    );
    ApiError::invalid_param("before", message)
}

impl WriteOperation for Prune {
    const DEFINITION: Definition =
        Definition::post("admin.audit.prune", "/v1/admin/audit/prune", Access::Admin)
            .continues()
            .shrinks()
            .example(Example::of(&[("before", "0")]));
    type Input = PruneInput;
    type Out = i64;

    fn parse(&self, arguments: &Arguments<'_>) -> Result<PruneInput, ApiError> {
        let fields = arguments.params.only(&["before", "unshipped"])?;
        let before = fields.optional_integer_within("before", 0..=i64::MAX)?;
        let before = before.ok_or_else(|| {
            let message = "'before' is missing: send the size of a checkpoint.";
            ApiError::invalid_param("before", message)
        })?;
        let unshipped = fields.optional_bool("unshipped")?.unwrap_or(false);
        Ok(PruneInput { before, unshipped })
    }

    async fn apply(
        &self,
        input: &PruneInput,
        _ctx: &Ctx,
        tx: &mut Tx<'_>,
    ) -> Result<Applied<i64>, Failure> {
        let size = input.before;
        let up_to = u64::try_from(size).unwrap_or(0);
        if up_to > 0 {
            let note = self.note(up_to).await?;
            if !coffer_audit::allow_pruning(tx, up_to, &note).await? {
                let message = "The log has fewer entries than that.";
                return Err(ApiError::invalid_param("before", message).into());
            }
            let behind = coffer_audit::behind(tx, up_to).await?;
            if let Some((receiver, shipped)) = behind.filter(|_| !input.unshipped) {
                return Err(unshipped(&receiver, shipped).into());
            }
        }
        Ok(Applied { out: size, subject: size.to_string(), fingerprint: None })
    }

    fn render(&self, size: &i64, _ctx: &Ctx) -> Object {
        Object::bare().set("object", "audit_pruning").set("before", *size)
    }

    async fn committed(&self, size: &i64, _ctx: &Ctx) -> Result<Committed, ApiError> {
        Ok(if *size > 0 { Committed::Accepted } else { Committed::Done })
    }
}
