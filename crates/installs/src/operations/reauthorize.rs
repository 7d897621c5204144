//! `POST /v1/apps/installs/:id`: grants what the app asks for by now. The call itself is the act of
//! granting: it has no parameters.

use super::create::check_embeds;
use super::{ONE, WRITE, lock, settle};
use crate::caller::Standing;
use crate::{reasons, wire};
use coffer_dialect::{ApiError, Object};
use coffer_kernel::{
    Applied, Arguments, Committed, Ctx, Definition, Example, Failure, InstallRecord, WriteOperation,
};
use coffer_storage::Tx;

/// Grants what is pending.
pub(crate) struct Reauthorize;

impl WriteOperation for Reauthorize {
    const DEFINITION: Definition = Definition::write("apps.installs.update", ONE, WRITE, &[])
        .of_many_accounts()
        .one_at_a_time()
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
        let install = match standing {
            Standing::Developer | Standing::Apart if install.pending().is_empty() => install,
            Standing::Developer | Standing::Apart => return Err(not_the_apps_to_grant().into()),
            Standing::Account => grant(tx, ctx, &install).await?,
            Standing::Embedder => {
                let app = ctx.registry().lock_app(tx, install.app.as_str()).await?;
                let Some(app) = app else {
                    return Err(ApiError::not_found(wire::KIND, id, "id").into());
                };
                check_embeds(&app, &ctx.principal().platform)?;
                grant(tx, ctx, &install).await?
            }
        };
        Ok(Applied { subject: install.id.clone(), out: install, fingerprint: None })
    }

    fn render(&self, install: &InstallRecord, _ctx: &Ctx) -> Object {
        wire::install(install, wire::INSTALLED)
    }

    async fn committed(&self, _install: &InstallRecord, ctx: &Ctx) -> Result<Committed, ApiError> {
        Ok(settle(ctx).await)
    }
}

async fn grant(
    tx: &mut Tx<'_>,
    ctx: &Ctx,
    install: &InstallRecord,
) -> Result<InstallRecord, Failure> {
    Ok(ctx.registry().grant_pending(tx, &ctx.cause(), install).await?)
}

fn not_the_apps_to_grant() -> ApiError {
    ApiError::forbidden(
        "The app asks for more than this account has granted, and an app cannot grant that \
         itself. The account does with a key of its own, the platform that installed the app \
         does, or an operator.",
    )
    .because(&reasons::PENDING_ACCESS)
}
