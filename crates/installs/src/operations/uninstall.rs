//! `POST /v1/apps/installs/:id/uninstall`: the app is let in no more, and its data stays.

use super::{WRITE, lock, settle};
use crate::caller::Standing;
use crate::wire;
use coffer_dialect::{ApiError, Object};
use coffer_kernel::{
    Applied, Arguments, Committed, Ctx, Definition, Example, Failure, InstallRecord, Remover,
    WriteOperation,
};
use coffer_storage::Tx;

/// Uninstalls an app.
pub(crate) struct Uninstall;

impl WriteOperation for Uninstall {
    const DEFINITION: Definition =
        Definition::write("apps.installs.uninstall", "/v1/apps/installs/:id/uninstall", WRITE, &[])
            .of_many_accounts()
            .one_at_a_time()
            .shrinks()
            .example(Example::EMPTY.on("apps.installs.create"));
    type Input = String;
    type Out = InstallRecord;

    fn parse(&self, arguments: &Arguments<'_>) -> Result<String, ApiError> {
        arguments.params.only(&[])?;
        Ok(arguments.id().to_owned())
    }

    async fn apply(
        &self,
        id: &String,
        ctx: &Ctx,
        tx: &mut Tx<'_>,
    ) -> Result<Applied<InstallRecord>, Failure> {
        let (install, standing) = lock(tx, ctx, id).await?;
        let by = match standing {
            Standing::Account => Remover::Account,
            Standing::Developer | Standing::Apart => Remover::Developer,
            Standing::Embedder => Remover::Embedder,
        };
        ctx.registry().close_install(tx, &ctx.cause(), &install, by).await?;
        Ok(Applied { subject: install.id.clone(), out: install, fingerprint: None })
    }

    fn render(&self, install: &InstallRecord, _ctx: &Ctx) -> Object {
        wire::install(install, wire::UNINSTALLING)
    }

    async fn committed(&self, _install: &InstallRecord, ctx: &Ctx) -> Result<Committed, ApiError> {
        Ok(settle(ctx).await)
    }
}
