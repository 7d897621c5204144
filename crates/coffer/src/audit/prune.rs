//! `POST /v1/admin/audit/prune`: lets old entries go. Their hashes stay, so that every proof that
//! could be made before still can.

use coffer_dialect::{ApiError, Object};
use coffer_kernel::{
    Access, Applied, Arguments, Committed, Ctx, Definition, Example, Failure, WriteOperation,
};
use coffer_storage::Tx;

/// The operation. The entries are deleted behind the response, some every second.
pub(super) struct Prune;

impl WriteOperation for Prune {
    const DEFINITION: Definition =
        Definition::post("admin.audit.prune", "/v1/admin/audit/prune", Access::Admin)
            .continues()
            .shrinks()
            .example(Example::of(&[("before", "0")]));
    /// The size of the checkpoint whose entries may go.
    type Input = i64;
    type Out = i64;

    fn parse(&self, arguments: &Arguments<'_>) -> Result<i64, ApiError> {
        let fields = arguments.params.only(&["before"])?;
        let size = fields.optional_integer_within("before", 0..=i64::MAX)?;
        size.ok_or_else(|| {
            let message = "'before' is missing: send the size of a checkpoint.";
            ApiError::invalid_param("before", message)
        })
    }

    async fn apply(
        &self,
        size: &i64,
        _ctx: &Ctx,
        tx: &mut Tx<'_>,
    ) -> Result<Applied<i64>, Failure> {
        let up_to = u64::try_from(*size).unwrap_or(0);
        if up_to > 0 && !coffer_audit::allow_pruning(tx, up_to).await? {
            let message = "The log has fewer entries than that.";
            return Err(ApiError::invalid_param("before", message).into());
        }
        Ok(Applied { out: *size, subject: size.to_string(), fingerprint: None })
    }

    fn render(&self, size: &i64, _ctx: &Ctx) -> Object {
        Object::bare().set("object", "audit_pruning").set("before", *size)
    }

    async fn committed(&self, size: &i64, _ctx: &Ctx) -> Result<Committed, ApiError> {
        Ok(if *size > 0 { Committed::Accepted } else { Committed::Done })
    }
}
