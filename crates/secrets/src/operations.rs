//! The four operations, one file each.

pub(crate) mod delete;
pub(crate) mod find;
pub(crate) mod history;
pub(crate) mod list;
pub(crate) mod set;

use crate::secret::{Locator, Secret};
use crate::store::StoredSecret;
use coffer_base::Redacted;
use coffer_dialect::ApiError;
use coffer_kernel::{Ctx, keyring_failure};
use coffer_keyring::TenantKeys;

/// The permission to set and delete. It includes reading, as every `_write` includes its `_read`.
const SECRET_WRITE: &str = "secret_write";

/// The permission to find and list only.
const SECRET_READ: &str = "secret_read";

/// Opens a row's envelope. Every read does, whether or not the payload was asked for, so that a
/// row that was tampered with never passes for a good one.
fn open(
    stored: &StoredSecret,
    locator: &Locator,
    keys: &TenantKeys,
) -> Result<Redacted<String>, ApiError> {
    let associated_data = locator.associated_data(keys, stored.expires_at);
    let payload =
        keys.open(&associated_data, &stored.sealed).map_err(|error| keyring_failure(&error))?;
    let text = std::str::from_utf8(payload.expose())
        .map_err(|_| ApiError::internal("a stored payload is not text"))?;
    Ok(Redacted::new(text.to_owned()))
}

/// Puts a secret together as a caller sees it. The payload was opened in any case, and is dropped
/// here unless the request expands it.
fn secret(stored: StoredSecret, locator: Locator, payload: Redacted<String>, ctx: &Ctx) -> Secret {
    Secret {
        id: stored.id,
        locator,
        created: stored.created,
        expires_at: stored.expires_at,
        payload: ctx.expands(crate::wire::PAYLOAD).then_some(payload),
    }
}
