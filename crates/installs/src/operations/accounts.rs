//! `GET /v1/account` and `GET /v1/accounts/:id`: the caller's account, and those that have the
//! caller's app installed.

use crate::wire;
use coffer_base::AccountId;
use coffer_dialect::{ApiError, Object};
use coffer_kernel::{
    Arguments, Ctx, Definition, Failure, InstallPlace, InstallRecord, ReadOperation,
};
use coffer_storage::Store;

const READ: &str = "account_read";

/// The account that the request acts for.
pub(crate) struct Own;

impl ReadOperation for Own {
    const DEFINITION: Definition =
        Definition::retrieve("account.retrieve", "/v1/account", READ, &[]).of_stripe();
    type Input = ();

    fn parse(&self, arguments: &Arguments<'_>) -> Result<(), ApiError> {
        arguments.params.only(&[]).map(drop)
    }

    async fn run(&self, _input: &(), ctx: &Ctx, store: &Store) -> Result<Object, Failure> {
        let id = ctx.tenant().account.name();
        show(id, ctx, store).await
    }
}

/// An account by its id.
pub(crate) struct Named;

impl ReadOperation for Named {
    const DEFINITION: Definition =
        Definition::retrieve("accounts.retrieve", "/v1/accounts/:id", READ, &[]).of_stripe();
    type Input = String;

    fn parse(&self, arguments: &Arguments<'_>) -> Result<String, ApiError> {
        arguments.params.only(&[])?;
        Ok(arguments.id().to_owned())
    }

    async fn run(&self, id: &String, ctx: &Ctx, store: &Store) -> Result<Object, Failure> {
        let tenant = ctx.tenant();
        if id == tenant.account.name() {
            return show(id, ctx, store).await;
        }
        let connected = match AccountId::parse(id) {
            Ok(account) if ctx.principal().own_account => {
                let place = InstallPlace { app: &tenant.app, account: &account, mode: tenant.mode };
                let install = ctx.registry().install_at(store, place).await?;
                install.is_some_and(|install| InstallRecord::is_installed(&install))
            }
            _ => false,
        };
        if !connected {
            return Err(no_access(id, ctx).into());
        }
        show(id, ctx, store).await
    }
}

async fn show(id: &str, ctx: &Ctx, store: &Store) -> Result<Object, Failure> {
    let found = ctx.registry().account(store, id).await?;
    let account = found.ok_or_else(|| no_access(id, ctx))?;
    ctx.audit_subject(id);
    Ok(wire::account(&account))
}

/// As for an account that the caller may not act for, whether it exists or not.
fn no_access(id: &str, ctx: &Ctx) -> ApiError {
    ApiError::account_invalid(&ctx.principal().redacted_key, id)
}
