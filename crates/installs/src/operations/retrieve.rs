//! `GET /v1/apps/installs/:id`.

use super::{ONE, READ};
use crate::caller::standing;
use crate::wire;
use coffer_dialect::{ApiError, Object};
use coffer_kernel::{Arguments, Ctx, Definition, Example, Failure, InstallRecord, ReadOperation};
use coffer_storage::Store;

/// Shows an install.
pub(crate) struct Retrieve;

impl ReadOperation for Retrieve {
    const DEFINITION: Definition = Definition::retrieve("apps.installs.retrieve", ONE, READ, &[])
        .example(Example::EMPTY.on("apps.installs.create"));
    type Input = String;

    fn parse(&self, arguments: &Arguments<'_>) -> Result<String, ApiError> {
        arguments.params.only(&[])?;
        Ok(arguments.id().to_owned())
    }

    async fn run(&self, id: &String, ctx: &Ctx, store: &Store) -> Result<Object, Failure> {
        let found = ctx.registry().install(store, id).await?;
        let found = found.filter(InstallRecord::is_installed);
        let Some(install) = found.filter(|install| standing(ctx, install).is_some()) else {
            return Err(ApiError::not_found(wire::KIND, id, "id").into());
        };
        ctx.audit_subject(id);
        Ok(wire::install(&install, wire::INSTALLED))
    }
}
