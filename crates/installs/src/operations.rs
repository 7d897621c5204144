//! The operations, one file each; those of accounts share one.

pub(crate) mod accounts;
pub(crate) mod create;
pub(crate) mod list;
pub(crate) mod reauthorize;
pub(crate) mod retrieve;
pub(crate) mod uninstall;

use crate::caller::{Standing, standing};
use crate::{reasons, wire};
use coffer_dialect::ApiError;
use coffer_kernel::{Committed, Ctx, Failure, InstallRecord};
use coffer_storage::Tx;

const URL: &str = "/v1/apps/installs";
const ONE: &str = "/v1/apps/installs/:id";

const READ: &str = "app_install_read";
const WRITE: &str = "app_install_write";

/// The install `id`, locked, that the caller is to change, and what the caller is to it.
///
/// # Errors
/// 404 if it does not exist for the caller or was uninstalled; 403 if the caller is the app and
/// does not name the account.
async fn lock(tx: &mut Tx<'_>, ctx: &Ctx, id: &str) -> Result<(InstallRecord, Standing), Failure> {
    let found = ctx.registry().lock_install_by_id(tx, id).await?;
    let found = found.filter(InstallRecord::is_installed);
    let found = found.and_then(|install| Some((standing(ctx, &install)?, install)));
    let Some((standing, install)) = found else {
        return Err(ApiError::not_found(wire::KIND, id, "id").into());
    };
    if standing == Standing::Apart {
        return Err(ApiError::forbidden(format!(
            "The install '{}' is on another account than this request acts for. Send the account \
             as Stripe-Account.",
            install.id
        ))
        .because(&reasons::ACCOUNT_UNNAMED)
        .into());
    }
    ctx.audit_detail(format!("{} on {}", install.app, install.account));
    Ok((install, standing))
}

/// Makes a change of installs count, before its response.
async fn settle(ctx: &Ctx) -> Committed {
    // If the key store cannot be written now, a job goes on: the change is in force by then, and
    // the response is that of Stripe's, which knows no 202.
    ctx.registry().settle().await;
    Committed::Done
}
