//! The operations, one file each.

pub(crate) mod attempts;
pub(crate) mod create;
pub(crate) mod delete;
pub(crate) mod endpoints;
pub(crate) mod retry;
pub(crate) mod roll;
pub(crate) mod test;
pub(crate) mod update;

use crate::endpoint::Endpoint;
use crate::{limits, store, wire};
use coffer_base::{Redacted, Tenant, Timestamp, id::random_base62, limit};
use coffer_dialect::{ApiError, Fields};
use coffer_kernel::{Ctx, Failure, SENDS_EVENTS};
use coffer_storage::Tx;

/// The permission to make, change and delete endpoints. It includes reading events.
pub(crate) const WEBHOOK_WRITE: &str = SENDS_EVENTS;

/// The permission to look at them.
pub(crate) const WEBHOOK_READ: &str = "webhook_read";

/// The operation that makes what the paths of the others name.
pub(crate) const CREATE: &str = "webhook_endpoints.create";

/// What collections of endpoints are called in tombstones, with the platform behind it.
const COLLECTION: &str = "webhook_endpoint ";

/// A new secret: `whsec_` and random letters and digits.
fn new_secret(ctx: &Ctx) -> Redacted<String> {
    let letters = random_base62(ctx.random(), limits::SECRET_CHARACTERS);
    Redacted::new(format!("whsec_{letters}"))
}

/// The endpoint that a path names, locked.
async fn of_path(tx: &mut Tx<'_>, ctx: &Ctx, id: &str) -> Result<Endpoint, Failure> {
    let found = store::find_locked(tx, &ctx.owner(), id).await?;
    Ok(found.ok_or_else(|| not_found(id))?)
}

fn not_found(id: &str) -> ApiError {
    ApiError::not_found(wire::KIND, id, "id")
}

/// Under whom tombstones of an owner's endpoints are: they belong to no app.
fn tombstones(ctx: &Ctx) -> (Tenant, Vec<u8>) {
    let owner = ctx.owner();
    let tenant = Tenant { mode: owner.mode, account: owner.account, ..Tenant::system() };
    (tenant, format!("{COLLECTION}{}", owner.platform).into_bytes())
}

/// `description`; empty to unset it. `None` if it was not sent.
fn description(fields: &Fields<'_>) -> Result<Option<Option<String>>, ApiError> {
    let name = "description";
    if !fields.has(name) {
        return Ok(None);
    }
    fields.clearable_plain(name, limits::DESCRIPTION_CHARACTERS).map(Some)
}

/// The oldest event that can be sent again.
fn since(now: Timestamp) -> Timestamp {
    now.plus(-limit::EVENT_SECONDS)
}
