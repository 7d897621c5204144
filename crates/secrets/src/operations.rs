//! The operations, one file each.

pub(crate) mod delete;
pub(crate) mod expiring;
pub(crate) mod find;
pub(crate) mod history;
mod last_reads;
pub(crate) mod lease;
pub(crate) mod list;
pub(crate) mod set;
pub(crate) mod unused;

use crate::reasons;
use crate::secret::{Locator, Secret, numbered};
use crate::store::StoredSecret;
use coffer_base::Redacted;
use coffer_dialect::ApiError;
use coffer_kernel::explain::StoredEntry;
use coffer_kernel::{Ctx, keyring_failure};
use coffer_keyring::TenantKeys;

/// The permission to set and delete. It includes reading, as every `_write` includes its `_read`.
const SECRET_WRITE: &str = "secret_write";

/// The permission to find and list only.
const SECRET_READ: &str = "secret_read";

/// What the audit says of a list that showed no payload.
const WITHOUT_PAYLOADS: &str = "without payloads";

/// Whether an entry of the audit says that all secrets of its scope were read: that they were
/// listed with their payloads. Entries from before that was recorded count as if they were.
fn is_read_of_scope(entry: &StoredEntry) -> bool {
    entry.text("operation") == Some("apps.secrets.list")
        && entry.text("detail") != Some(WITHOUT_PAYLOADS)
}

/// Checks that a secret has the version which the request depends on. `None` is no secret, which
/// has the version [`NO_VERSION`].
///
/// # Errors
/// A 409 if it has another one.
fn check_version(ctx: &Ctx, existing: Option<&StoredSecret>) -> Result<(), ApiError> {
    let Some(wanted) = ctx.conditions().if_version.as_deref() else { return Ok(()) };
    let version = existing.map(|secret| numbered(secret.version, &secret.id));
    let is = version.as_deref().unwrap_or(NO_VERSION);
    if is == wanted {
        return Ok(());
    }
    let now = match &version {
        Some(version) => format!("the secret has the version '{version}' now"),
        None => "there is no such secret now".to_owned(),
    };
    let message = format!(
        "The secret does not have the version that the header 'coffer-if-version' names: {now}. \
         Read it again, and decide anew."
    );
    Err(ApiError::conflict(&reasons::VERSION_CHANGED, "secret_version_changed", message))
}

/// The version that stands for no secret of that name.
const NO_VERSION: &str = "0";

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
        version: stored.version,
        payload: ctx.expands(crate::wire::PAYLOAD).then_some(payload),
    }
}
