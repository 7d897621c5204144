//! Deleting an endpoint, with its secrets. What waits for it is sent no more.

use super::{CREATE, WEBHOOK_WRITE, of_path, tombstones};
use crate::store;
use coffer_dialect::{ApiError, Object};
use coffer_kernel::{
    Access, Applied, Arguments, Ctx, Definition, Example, Failure, WriteOperation, leave_tombstone,
};
use coffer_storage::Tx;

/// `DELETE /v1/webhook_endpoints/:id`.
pub(crate) struct Delete;

impl WriteOperation for Delete {
    const DEFINITION: Definition = Definition::delete(
        "webhook_endpoints.delete",
        "/v1/webhook_endpoints/:id",
        Access::Tenant { permission: WEBHOOK_WRITE },
    )
    .of_stripe()
    .example(Example::EMPTY.on(CREATE));
    type Input = String;
    type Out = String;

    fn parse(&self, arguments: &Arguments<'_>) -> Result<String, ApiError> {
        arguments.params.only(&[])?;
        Ok(arguments.id().to_owned())
    }

    async fn apply(
        &self,
        id: &String,
        ctx: &Ctx,
        tx: &mut Tx<'_>,
    ) -> Result<Applied<String>, Failure> {
        let endpoint = of_path(tx, ctx, id).await?;
        store::delete(tx, &endpoint);
        let (tenant, collection) = tombstones(ctx);
        leave_tombstone(tx, &tenant, &collection, id, endpoint.seq, ctx.now());
        Ok(Applied { out: id.clone(), subject: id.clone(), fingerprint: None })
    }

    fn render(&self, id: &String, _ctx: &Ctx) -> Object {
        Object::new(id, "webhook_endpoint").set("deleted", true)
    }
}
